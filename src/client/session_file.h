/* The sealed session on disk, and the lock around its changes.
 * docs/formats.md 6.  One thread. */
#ifndef CLOWDER_SESSION_FILE_H
#define CLOWDER_SESSION_FILE_H

#include "home.h"
#include "lock.h"
#include "session.h"

/* ERR_SIGN_IN: there is none.  ERR_PERMISSION: others may read it, with the
 * chmod to run.  ERR_CORRUPT: damaged, or made on another machine or by another
 * user.  Everything of *ret lives in a. */
enum err session_file_load(const struct home *h, struct arena *a,
    struct session *ret, struct err_info *e);
/* Makes the folder and the salt where they are missing.  Hold the lock. */
enum err session_file_save(const struct home *h, const struct session *s,
    struct err_info *e);
/* Fine where there is none.  Hold the lock. */
enum err session_file_delete(const struct home *h, struct err_info *e);

enum {
	SESSION_LOCK_WAIT_MS = 10000,
	SESSION_LOCK_RETRY_MS = 100,
	SESSION_LOCK_STUCK_S = 60 /* held for longer: something hangs */
};
/* Take auth/refresh.lock with its record.  l is zeroed.  ERR_LOCKED. */
enum err session_lock(const struct home *h, struct os_lock *l, uint32_t wait_ms,
    struct err_info *e);

/* What the lock looks like from outside. */
struct session_lock_state {
	bool held;                   /* somebody holds the flock */
	int pid;                     /* 0 where the record names none */
	struct str host, started_at; /* n 0 likewise */
	int64_t age_ms; /* since started_at; -1 where it is not known */
};
enum err session_lock_look(const struct home *h, int64_t now_ms,
    struct arena *a, struct session_lock_state *ret, struct err_info *e);

#endif
