/* One exchange with the hub for all spaces of the account: pull and push each,
 * carry shared projects over, and leave a short write-ahead log behind. */
#ifndef CLOWDER_SYNC_RUN_H
#define CLOWDER_SYNC_RUN_H

#include "lock.h"
#include "remote.h"
#include "sync.h"

struct sync_run_options {
	bool dry_run;            /* nothing is sent, nothing is changed */
	uint32_t lock_wait_ms;   /* for sync.lock; 0 = 10 s */
	bool locked;             /* the caller holds it */
	const atomic_bool *stop; /* see remote_stop_on; or NULL */
	uint32_t stuck_ms; /* without any answer: then no call is made again;
	                      0 = a minute */
	/* Each may be NULL. */
	void (*note)(void *ctx, const struct space *sp,
	    const struct sync_note *n);
	void (*progress)(void *ctx, bool push, uint64_t done, uint64_t all);
	void *ctx;
};

struct sync_run_space {
	struct space space; /* as it was at the start */
	struct sync_report report;
	struct err_info error; /* code ERR_OK: the exchange was whole */
};

/* Everything lives in the arena of the context. */
struct sync_run {
	struct str server;
	struct sync_run_space *space;
	size_t n, cap;
	/* Sums. */
	uint64_t pushed, batches, pulled, refused, waiting, clashed, shared;
};

/* ERR_OK: every space had a whole exchange (refused and waiting events may have
 * been left: see the sums).  Else the first error; what was done until then is
 * done and stands in *ret.  ERR_NOT_FOUND: no server; ERR_FAILED: switched off;
 * ERR_SIGN_IN; ERR_LOCKED: another process talks with the hub; ERR_UNREACHABLE
 * ...; ERR_INTERRUPTED. */
enum err sync_run(struct ctx *c, const struct sync_run_options *opt,
    struct sync_run *ret, struct err_info *e);

/* sync.lock, with a record that names us: one conversation at a time.  ERR_LOCKED. */
enum err sync_lock(struct os_lock *lock, const struct home *h, uint32_t wait_ms,
    struct err_info *e);

#endif
