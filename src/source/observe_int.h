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
	const char *root; /* the path of the run under which it was found */
	bool changed;     /* since it was read last */
	bool was_left;    /* the last run could not read it */
};

/* One run. */
struct observer {
	struct observe_options o;
	const struct observe_project *fallback;
	struct arena *a; /* of the run */
	struct observe_report *report;
	struct err_info *e;
	struct found *file;
	size_t n, cap;
	struct map notes;       /* path -> value of its note */
	struct map transcripts; /* session id -> path */
	bool transcripts_listed;
	struct map counts; /* project uuid -> index + 1 of the report's rows */
	struct map seen;   /* space and key of todos counted already */
	char node[33];
	uint64_t pending;               /* events in the open transaction */
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
	const struct found *file;
};

/* [tx] Append what changed since this reporter's last report; *events 0 or 1. */
enum err sighting_report(struct observer *ob, const struct sighting *s,
    uint64_t *events, struct err_info *e);
/* Up to which place of a space's log this machine had taken in events at its
 * last look at the file; 0 where it never looked. */
uint64_t observe_look(struct observer *ob, const struct found *f, space_id sp);
/* The project of an item: of its session or folder (may be NULL), of its own
 * word, of words in it, else the fallback. */
enum err observe_project_of(struct observer *ob, struct str session,
    const char *folder, const struct source_item *item,
    struct observe_project *ret, struct err_info *e);

#endif
