/* File watching: which files below some folders are new, changed or gone.
 *
 * Driven from outside: poll watch_fd for reading, keep one timer for watch_due_ms
 * and call watch_turn when either says so; both may have changed after each call.
 * At the first look everything that is there is told as changed: a watch has begun
 * when it has told that.
 *
 * On a file system of the network the system tells what this machine does, not what
 * others do: rescan_ms is for that.
 *
 * What is told is a hint to look: a file may have changed again, or be half
 * written.  Names are bytes.  Symbolic links below a root are not followed, nor is
 * anything but regular files told.  One thread. */
#ifndef CLOWDER_WATCH_H
#define CLOWDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "file.h"
#include "watch_world.h"

struct watch; /* opaque */

enum watch_kind { WATCH_CHANGED, WATCH_GONE };
struct watch_change {
	unsigned root; /* number, as watch_add gave it */
	enum watch_kind kind;
	const char *path;            /* borrow: during the call */
	const struct os_file_id *id; /* borrow: as it is now; NULL when gone */
};

struct watch_options {
	struct watch_world world; /* watch_world_system(), ... */
	/* Live: everything is looked at again about this often (3/4 to 5/4 of it,
	 * by chance); 0: only where the system says that it lost something. */
	uint32_t rescan_ms;
	uint32_t poll_ms; /* poll mode: the same, exactly; above 0 */
	uint64_t (*random)(void *ctx); /* NULL: always in the middle */
	/* Neither may call anything of this watch but watch_status. */
	void (*on_change)(void *ctx, const struct watch_change *c);
	void (*on_seen)(void *ctx, uint64_t cookie); /* may be NULL */
	void *ctx;                                   /* borrow */
};

struct watch_root {
	/* Absolute; copied.  A folder that need not be there yet, and may go and
	 * come back.  Links in it are followed: it is what was asked for; where one
	 * comes to lead elsewhere, only a rescan or a cookie finds that. */
	const char *path;
	/* The one name directly in it that counts, or NULL; copied.  Told when it is
	 * made, touched, replaced, or closed after it was written to, but not at each
	 * write: so what else is written in the folder wakes nobody. */
	const char *only;
	unsigned depth_max; /* 0: files directly in it, no sub-folders */
	/* A file is told so long after its first change, however often it changes
	 * meanwhile; that it is gone after twice that.  0: at once. */
	uint32_t debounce_ms;
	/* False: leave this file, or this folder with all that is in it, alone.
	 * Asked when a name comes up that is not known, so it has to say the same
	 * each time.  NULL: everything counts. */
	bool (*wanted)(void *ctx, const char *path, bool is_folder);
	void *ctx; /* borrow: for wanted */
};

enum {
	WATCH_WHY_MAX = 256,
	/* Live mode is tried again after so long where there is no rescan. */
	WATCH_RETRY_MS = 60000,
	/* After an error of watch_turn it wants to be called again. */
	WATCH_AGAIN_MS = 1000,
	/* A file that changed so shortly before it was looked at may have changed
	 * once more without looking different. */
	WATCH_FRESH_MS = 10
};
struct watch_status {
	bool live;               /* the system tells changes; else poll mode */
	char why[WATCH_WHY_MAX]; /* it is poll mode; "" when live */
	size_t folders, files;   /* known */
	size_t unreadable;       /* of the folders: may not be listed */
	uint64_t scans;          /* of everything */
	uint64_t overflows;      /* the system's queue ran over */
	uint64_t lost;           /* how often live mode had to be given up */
};

/* ERR_NOMEM.  Where the system gives no watch it is poll mode from the start. */
enum err watch_open(const struct watch_options *opt, struct watch **ret,
    struct err_info *e);
void watch_close(struct watch *w);
/* One more root (numbers from 0); looked at in the next turn.  ERR_USAGE: the
 * path is not absolute. */
enum err watch_add(struct watch *w, const struct watch_root *root,
    unsigned *number, struct err_info *e);

/* -1: none (poll mode).  Another one, or none, after a turn that changed the
 * mode. */
int watch_fd(const struct watch *w);
/* When watch_turn has to be called at the latest, on the clock of now_ms
 * (os_mono_ms); UINT64_MAX: never, 0: now. */
uint64_t watch_due_ms(const struct watch *w);
/* Reads what came, does what is due, tells changes.  An error (ERR_NOMEM,
 * ERR_IO) loses nothing: what could not be done is done in a later turn. */
enum err watch_turn(struct watch *w, uint64_t now_ms, struct err_info *e);

/* Write a small file (.clowder-cookie-PID-N) in the root and remove it; on_seen
 * comes once every change made before this call has been told.  Nobody's cookies
 * are ever told as changes; what dead processes left of them is removed when
 * everything is looked at.  ERR_NOT_FOUND: the root is not there now. */
enum err watch_cookie(struct watch *w, unsigned root, uint64_t *number,
    struct err_info *e);
void watch_status(const struct watch *w, struct watch_status *st);

#endif
