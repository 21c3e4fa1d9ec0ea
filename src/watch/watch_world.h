/* What a watch sees of the world: files to look at, and a source of events.  The
 * system's, one without events, or a simulation (watch_sim.h). */
#ifndef CLOWDER_WATCH_WORLD_H
#define CLOWDER_WATCH_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "file.h"

/* Looking.  Any of them may fail with ERR_NOMEM or ERR_IO as well. */
struct watch_files {
	/* ERR_NOT_FOUND, ERR_PERMISSION.  follow: a link at the end too. */
	enum err (*look)(void *ctx, const char *path, bool follow,
	    struct os_file_id *id, struct err_info *e);
	/* Each entry of a folder but "." and "..", until fn fails. */
	enum err (*list)(void *ctx, const char *path,
	    enum err (*fn)(void *arg, const char *name,
	        const struct os_file_id *id, struct err_info *e),
	    void *arg, struct err_info *e);
	enum err (*make)(void *ctx, const char *path, struct err_info *e);
	enum err (*remove)(void *ctx, const char *path, struct err_info *e);
	bool (*alive)(void *ctx, int pid);
	int (*pid)(void *ctx);
	int64_t (*wall_ns)(void *ctx); /* the clock of the files' times */
};

/* What to be told of a folder; bits. */
enum {
	WATCH_SELF = 1,     /* it goes or is moved itself */
	WATCH_ENTRIES = 2,  /* and a name comes or changes its attributes */
	WATCH_ONE_FILE = 4, /* and a name goes, or is closed after a write */
	WATCH_WRITES = 8    /* and each write to a file */
};

enum watch_what {
	WATCH_NAME,    /* something is with this name */
	WATCH_MOVED,   /* the folder itself has gone or was moved */
	WATCH_DROPPED, /* and this watch will tell nothing any more */
	WATCH_OVERFLOW /* events were lost; watch and name say nothing */
};
struct watch_event {
	enum watch_what what;
	int watch;
	const char *name; /* borrow */
	bool is_folder;
};

/* The source.  A failure of open is a reason for poll mode. */
struct watch_events {
	enum err (*open)(void *ctx, void **source, struct err_info *e);
	void (*close)(void *source);
	int (*fd)(const void *source); /* readable: there are events */
	/* Watch a folder; the same number for the same folder.  wants is added to
	 * what it is watched for already, or takes its place.  ERR_NOT_FOUND,
	 * ERR_PERMISSION, ERR_NO_SPACE: no watches left. */
	enum err (*add)(void *source, const char *path, unsigned wants,
	    bool replace, bool follow, int *watch, struct err_info *e);
	void (*drop)(void *source, int watch); /* may be gone already */
	/* What has come; fn keeps its failures to itself. */
	enum err (*read)(void *source,
	    void (*fn)(void *arg, const struct watch_event *ev), void *arg,
	    struct err_info *e);
};

struct watch_world {
	void *ctx; /* borrow */
	const struct watch_files *files;
	const struct watch_events *events; /* NULL: the system has none */
};

struct watch_world watch_world_system(void);
/* The same files, and no events: for tests, and where somebody wants that. */
struct watch_world watch_world_poll(void);

#endif
