/* Observations become events: what files say now against what their reporters
 * said last.  docs/merge.md, Todos of many sessions; docs/formats.md 3.
 *
 *	walk -> read (claude.h) -> what changed since this reporter's last
 *	        report, by the log -> todo_observed, in one transaction with the
 *	        note of what was read
 *
 * Looking at the same files again appends nothing.  A file that cannot be read
 * or does not parse is left for the next time and reported.  Nothing here
 * writes into the files. */
#ifndef CLOWDER_OBSERVE_H
#define CLOWDER_OBSERVE_H

#include "store.h"

/* A project by uuid (normal form) and slug; uuid n 0: not known. */
struct observe_project {
	struct str uuid, slug;
};

/* The world around the files; each may be NULL.  Results live as long as the
 * run.  Failures end the run, but for ERR_NOT_FOUND, which says nothing. */
struct observe_world {
	void *ctx;
	/* The project of a folder that holds files or was a session's. */
	enum err (*of_folder)(void *ctx, const char *folder,
	    struct observe_project *ret, struct err_info *e);
	/* A project that a word names; exact: the word is a project's name, else
	 * it is a text in which one may be named ([projects] of the config). */
	enum err (*of_word)(void *ctx, struct str word, bool exact,
	    struct observe_project *ret, struct err_info *e);
	/* The space in which a project is worked on. */
	enum err (*space_of)(void *ctx, struct str uuid, space_id *ret,
	    struct err_info *e);
	/* After each item: of how many bytes in files that changed. */
	void (*progress)(void *ctx, uint64_t done, uint64_t all);
	/* A file that was left for the next time, and why. */
	void (*left)(void *ctx, const char *path, const char *why);
	/* A file of which n entries are no todos; why: of the first.  Borrows. */
	void (*strange)(void *ctx, const char *path, size_t n, const char *why);
};

struct observe_options {
	struct store *store; /* borrow; no transaction is open */
	struct observe_world world;
	const char *transcripts; /* ~/.claude/projects; NULL = none */
	struct str author;
};

struct observe_count {
	struct observe_project project;
	uint64_t todos; /* seen in the files, each once */
	uint64_t events;
};

struct observe_report {
	uint64_t files, unchanged, left, foreign; /* foreign: something else */
	uint64_t items, skipped; /* entries of files; not todos */
	uint64_t todos, added, events;
	struct observe_count *project; /* in the arena; in the order met */
	size_t n_projects;
};

/* Look at files and folders (deep).  fallback: the project of files that say
 * nothing; uuid n 0 = "unplaced".  Everything of *ret lives in a. */
enum err observe_paths(const struct observe_options *o, const char *const *path,
    size_t n, const struct observe_project *fallback, struct arena *a,
    struct observe_report *ret, struct err_info *e);

#endif
