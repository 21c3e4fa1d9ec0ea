/* Admission: the one place where it is decided whether an event enters a team's
 * log.
 *
 * docs/protocol.md, Batch; docs/merge.md, Clock.  Runs inside a transaction of
 * the store, on its thread, for whatever brought the event: a batch or a live
 * connection.  Many requests may share a transaction.  What an event is refused
 * for stands in its result; what a function here returns is a failure of the
 * hub, after which the transaction is to be rolled back. */
#ifndef CLOWDER_ADMISSION_H
#define CLOWDER_ADMISSION_H

#include "batch.h"
#include "map.h"
#include "store.h"

/* A clock further ahead of the team's head is refused. */
#define ADMISSION_CLOCK_WINDOW (UINT64_C(1) << 32)

struct admission {
	struct store *store; /* borrow */
	/* Is there room for one more event?  ERR_QUOTA refuses it; NULL: there
	 * always is. */
	enum err (*quota)(void *ctx, space_id space, const struct event *ev,
	    struct err_info *e);
	void *ctx;
	struct map teams;   /* of this transaction: space -> struct team */
	struct arena arena; /* of this transaction */
};

/* Who sends, and to which team. */
struct sender {
	struct str user; /* signed in */
	int64_t now_ms;  /* when the hub got it, wall time */
	space_id space;  /* the team that the request names; 0: by event */
	/* space 0: the team of this event (docs/protocol.md, The team). */
	enum err (*space_of)(void *ctx, const struct event *ev, space_id *ret,
	    struct err_info *e);
	void *ctx;
};

/* Call after each store_begin: what was known of an earlier transaction is
 * forgotten.  ad: store, quota and ctx are set, the rest was zeroed once. */
void admission_begin(struct admission *ad);
void admission_fini(struct admission *ad);

/* Teams whose log has grown in this transaction, until the next
 * admission_begin: start with *at 0; false at the end. */
bool admission_grown(const struct admission *ad, size_t *at, space_id *space,
    uint64_t *head);

/* [tx] Decide about one event and append it where it is accepted.  *ret is
 * filled in any case; its strings live in a or in the item. */
enum err admission_event(struct admission *ad, const struct sender *from,
    const struct batch_item *it, struct arena *a, struct batch_result *ret,
    struct err_info *e);
/* [tx] All events of a batch in request order.  ret: the results are in a; epoch,
 * head and clock are those of from->space, or of the first event's team. */
enum err admission_batch(struct admission *ad, const struct sender *from,
    const struct batch *b, struct arena *a, struct batch_answer *ret,
    struct err_info *e);

#endif
