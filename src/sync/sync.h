/* One conversation between a replica and a hub, about one space.
 *
 * docs/protocol.md, docs/merge.md (Clock).  No I/O, no clock, no dice: the
 * replica is a struct of functions, and what has to go over the wire is asked
 * for step by step:
 *
 *	do {
 *		sync_step(s, &want);
 *		switch (want.need) {
 *		case SYNC_SEND: send it, hand the answer to sync_answer(); break;
 *		case SYNC_WAIT: wait want.wait_ms; break;
 *		case SYNC_REFRESH: refresh the session, sync_refreshed(); break;
 *		case SYNC_DONE: case SYNC_FAILED: break;
 *		}
 *	} while (want.need < SYNC_DONE);
 *
 * It may be given up between any two steps: what the hub has acknowledged is
 * marked before the next step, and everything may be sent again. */
#ifndef CLOWDER_SYNC_H
#define CLOWDER_SYNC_H

#include "batch.h"
#include "pull.h"

/* --- the replica, as this engine sees it ----------------------------------- */

/* An event that the hub has not acknowledged in its present epoch. */
struct sync_event {
	struct batch_send send;
	bool own; /* made by this replica */
	bool
	    fixed; /* some hub, team or epoch has acknowledged it: never changes */
};

struct sync_position {
	char epoch[PROTO_EPOCH_MAX + 1]; /* "" before the first contact */
	uint64_t pulled;                 /* everything up to this seq is here */
	uint64_t head;                   /* greatest seq heard of */
	uint64_t unacked;                /* events to push */
	/* The last that the hub acknowledged above `pulled`; 0: none. */
	uint64_t ahead;
	struct eid ahead_id;
};

/* What the hub said of one event that was pushed. */
struct sync_mark {
	struct eid id;
	struct str raw; /* as it was sent */
	uint64_t seq;   /* > 0: acknowledged; else refused for good */
	enum err code;  /* refused */
	struct str why;
	bool stale; /* out: it changed since it was sent and was not marked */
};
struct sync_settled {
	struct sync_mark *mark;
	size_t n;
	struct str epoch;
	uint64_t was;    /* the position before */
	uint64_t pulled; /* and now, unless a mark is stale */
	uint64_t head;
};

/* What a pulled event was to the replica. */
enum sync_took {
	SYNC_NEW,
	SYNC_KNOWN, /* had it: a position mark */
	SYNC_CLASH  /* has other content under the same id, which stays */
};

/* Every function that changes something is one transaction, durable on return;
 * where it fails nothing has changed.  Strings and arrays are borrowed for the
 * call. */
struct sync_replica {
	void *ctx;
	enum err (*position)(void *ctx, struct sync_position *ret,
	    struct err_info *e);
	/* Events to push in stamp order, those after this stamp only (NULL: from
	 * the first), at most max_events and max_bytes but at least one. */
	enum err (*unacked)(void *ctx, const struct stamp *after,
	    size_t max_events, size_t max_bytes, struct arena *a,
	    struct sync_event **ret, size_t *n, struct err_info *e);
	/* An event that changed since it was sent (another process edits) is
	 * stale: not marked, and the position stays, so that a pull brings what
	 * the hub has. */
	enum err (*settle)(void *ctx, const struct sync_settled *what,
	    struct err_info *e);
	/* Take in an answer to a pull and its position.  took: p->n places. */
	enum err (*take)(void *ctx, const struct pull_answer *p,
	    enum sync_took *took, struct err_info *e);
	/* May the hub's log have this event at this seq, as far as is known
	 * here?  No: it is not here, or the hub had it elsewhere. */
	enum err (*stands)(void *ctx, const struct eid *id, uint64_t seq,
	    bool *ret, struct err_info *e);
	/* The hub has another epoch: positions start over. */
	enum err (*resync)(void *ctx, struct str epoch, struct err_info *e);
	/* Stamp own events that no hub ever acknowledged anew, in order, above
	 * `above` and all that they name. */
	enum err (*restamp)(void *ctx, uint64_t above, struct err_info *e);
	/* This replica was cloned: a new node id. */
	enum err (*renew)(void *ctx, struct err_info *e);
	/* A whole exchange is done. */
	enum err (*contact)(void *ctx, struct err_info *e);
	uint64_t (*random)(void *ctx); /* 64 bits */
};

/* --- options and what can be watched --------------------------------------- */

enum sync_fate {
	SYNC_FATE_PUSHED,
	SYNC_FATE_REFUSED,
	SYNC_FATE_WAITING, /* stays to be pushed; the last pass only */
	SYNC_FATE_PULLED,  /* was new here */
	SYNC_FATE_CLASHED
};
struct sync_note {
	enum sync_fate fate;
	struct eid id;
	struct str raw; /* the event */
	uint64_t seq;   /* pushed, pulled */
	enum err code;  /* refused, waiting */
	struct str why;
};

struct sync_options {
	bool dry_run;   /* count only; nothing is sent */
	bool forever;   /* a daemon: a hub that is away is tried for ever */
	unsigned tries; /* else: how often one request is sent; 0 = 4 */
	uint64_t wait_ms_max; /* else: a longer Retry-After fails; 0 = 20 s */
	size_t batch_events, batch_bytes; /* 0 = the limits of the protocol */
	size_t pull_events;
	/* Both may be NULL; strings are borrowed for the call. */
	void (*note)(void *ctx, const struct sync_note *n);
	/* Of all events to push, and of all seqs to pull. */
	void (*progress)(void *ctx, bool push, uint64_t done, uint64_t all);
	void *ctx;
};

struct sync_report {
	uint64_t unacked; /* at the start; in a dry run all there is to say */
	uint64_t pushed;  /* acknowledged because of this conversation */
	uint64_t batches; /* that were answered */
	uint64_t pulled;  /* events that were new here */
	uint64_t refused; /* for good, in this conversation */
	uint64_t waiting; /* unacknowledged still: why, of the first of them */
	enum err waiting_code;
	char waiting_why[PROTO_WHY_MAX + 1];
	uint64_t clashed; /* pulled, but other content has the same id here */
	uint64_t requests, retries, resyncs, restamps, renewals;
};

/* --- the conversation ------------------------------------------------------ */

struct sync;

enum sync_need { SYNC_SEND, SYNC_WAIT, SYNC_REFRESH, SYNC_DONE, SYNC_FAILED };

/* Borrowed from the conversation until its next call. */
struct sync_want {
	enum sync_need need;
	const char *method;           /* SEND: "GET", "POST" */
	struct str target;            /* SEND: path and query */
	struct str body;              /* SEND: JSON, n 0 with GET */
	bool gzip;                    /* SEND: worth compressing */
	uint64_t wait_ms;             /* WAIT; stepping on earlier is allowed */
	const struct err_info *error; /* FAILED */
};

struct sync_reply {
	enum err
	    transport; /* ERR_OK: there was an answer; else UNREACHABLE ... */
	const char *text; /* of the transport's error; may be NULL */
	unsigned status;
	struct str body;       /* plain; borrowed for the call */
	int64_t retry_after_s; /* -1: not told */
};

/* The replica must outlive it; its struct and the options are copied. */
enum err sync_new(struct sync **ret, const struct sync_replica *replica,
    const struct sync_options *opt, struct err_info *e);
void sync_free(struct sync *s); /* NULL is fine */
void sync_step(struct sync *s, struct sync_want *ret);
/* The answer to the last SYNC_SEND, or that none came. */
void sync_answer(struct sync *s, const struct sync_reply *reply);
/* What became of SYNC_REFRESH; e is read where rc is not ERR_OK. */
void sync_refreshed(struct sync *s, enum err rc, const struct err_info *e);
const struct sync_report *sync_report(const struct sync *s);

#endif
