/* Insides of the observer, for observe*.c. */
#ifndef CLOWDER_OBSERVE_INT_H
#define CLOWDER_OBSERVE_INT_H

#include "claude.h"
#include "file.h"
#include "map.h"
#include "observe.h"

/* A file that was found. */
struct found {
	char *path;
	const char *name; /* its last part */
	size_t folder;    /* bytes of path that are its folder */
	struct os_file_id id;
	const char *root;  /* the path of the run under which it was found */
	int64_t looked_ms; /* wall time; not after the id was taken */
	const char *sum;   /* of its bytes, where the id alone is not enough */
	bool changed;      /* since it was read last */
	bool was_left;     /* the last run could not read it */
	bool left;         /* some of it; the next run looks again */
	bool settled; /* the same bytes, and from now on its id is enough */
};

/* A space as it was before the run looked at the first file. */
struct observe_space {
	space_id id;
	uint64_t events; /* in its log */
	uint64_t own;    /* added by this run */
};

/* What reporters said last, of the todos that this run came across: read from the
 * log once, however many reporters a todo has.  Good until somebody else writes
 * to the store. */
struct heard {
	struct arena a;       /* of keys and what was said */
	struct map todos;     /* space and key: its log was read */
	struct map reporters; /* name -> its number, from 1 */
	struct map said;      /* space, key, number -> struct said */
	uint64_t version;     /* of the store, as of which it is true */
};

/* One run. */
struct observer {
	struct observe_options o;
	const struct observe_project *fallback;
	struct arena *a;    /* of the run */
	struct arena one;   /* of what is reported now */
	struct buf payload; /* likewise */
	struct buf name;    /* of a note that is looked for */
	struct observe_report *report;
	struct err_info *e;
	struct found *file;
	size_t n, cap;
	struct observe_space *space; /* in the arena */
	size_t n_spaces;
	struct map notes;       /* name -> value */
	struct map transcripts; /* session id -> path */
	bool transcripts_listed;
	size_t cap_projects; /* of the report */
	struct map counts; /* project uuid -> index + 1 of the report's rows */
	struct map seen;   /* keys of todos counted already */
	struct heard heard;
	struct str named; /* uuid of a project that its space knows by name */
	space_id named_in;
	char node[33];
	bool open;                      /* a transaction is */
	uint64_t pending;               /* events in it */
	uint64_t bytes_done, bytes_all; /* of files that changed */
	uint64_t bytes_unit; /* done at the end of what is read now */
	enum err rc;         /* of the walk */
};

/* A todo as one reporter has it now. */
struct sighting {
	struct str reporter;
	struct observe_project project;
	struct str list; /* of tasks; n 0 */
	const struct source_item *item;
	char key[33];
	/* Ids of todos that the item names, by its local ids; unknown ones wait. */
	const struct str *blocks, *blocked_by;
	size_t n_blocks, n_blocked_by;
	struct found *file;
};

/* Forget it all. */
void heard_fini(struct heard *h);
/* [tx] Append what changed since this reporter's last report; *events 0 or 1. */
enum err sighting_report(struct observer *ob, const struct sighting *s,
    uint64_t *events, struct err_info *e);
/* --- observe_note.c --------------------------------------------------------- */

/* What earlier runs noted, and where the logs end now. */
enum err observe_notes(struct observer *ob, struct err_info *e);
/* Did the file change since it was read last? */
enum err observe_compare(struct observer *ob, struct found *f,
    struct err_info *e);
/* Take down the sum of what was read, where its id alone is not enough. */
enum err observe_sum(struct observer *ob, struct found *f, struct str bytes,
    struct err_info *e);
/* [tx] Note that it was read as it is now, or could not be. */
enum err observe_note(struct observer *ob, const struct found *f, bool left,
    struct err_info *e);
/* [tx] Note up to where the logs were known at this look at the paths; only_ask:
 * no transaction is needed.  *news: there is something to note. */
enum err observe_note_roots(struct observer *ob, const char *const *path,
    size_t n, bool only_ask, bool *news, struct err_info *e);
/* This run has added an event. */
void observe_own(struct observer *ob, space_id sp);
/* Up to which place of a space's log this machine had taken in events at its
 * last look at the file; 0 where it never looked. */
uint64_t observe_look(struct observer *ob, const struct found *f, space_id sp);
/* The project of an item: of its session or folder (may be NULL), of its own
 * word, of words in it, else the fallback. */
enum err observe_project_of(struct observer *ob, struct str session,
    const char *folder, const struct source_item *item,
    struct observe_project *ret, struct err_info *e);

#endif
