/* A replica and a hub to test conversations with: a page of code of their own each (a
 * list of ids, rules for single events, twists for single requests).  What is
 * tested is what the engine asks for and what it tells the replica. */
#ifndef CLOWDER_SCRIPTED_H
#define CLOWDER_SCRIPTED_H

#include "body.h"
#include "fault.h"
#include "made.h"
#include "sync.h"
#include "t.h"

enum { EVENTS = 64 };

enum fate { ABSENT, UNACKED, ACKED, REFUSED };

struct replica {
	struct {
		enum fate fate;
		bool other, fixed; /* not own; acknowledged before */
		enum err code;
		uint64_t seq;
	} ev[EVENTS];
	char epoch[PROTO_EPOCH_MAX + 1];
	uint64_t pulled, head, above;
	unsigned restamps, renewals, resyncs, contacts, settles;
	bool adopts;       /* takes the hub's copy of its own events */
	const char *fails; /* name of the call that fails */
	unsigned edits;    /* this event + 1 changes before its first answer */
	struct buf raw[EVENTS];
};

/* What the hub says of one event, so many times (0 = for ever). */
struct rule {
	unsigned event;
	enum err code;
	bool retry;
	unsigned times;
};

/* What becomes of the n-th request (from 1) instead of the usual. */
enum twist_kind { LOST, ANSWER_LOST, SAYS };

struct twist {
	unsigned request;
	enum twist_kind kind;
	enum err transport; /* lost ones */
	unsigned status;    /* SAYS */
	const char *body;
	int64_t retry_after_s;
};

struct hub {
	unsigned log[EVENTS]; /* event numbers; seq = index + 1 */
	unsigned n;
	const char *epoch;
	unsigned events_max; /* more at once: 413 */
	unsigned poison;     /* this event makes a body no JSON; 0 = none */
	uint64_t clock;
	struct rule rule[4];
	unsigned ruled[4];
	const struct twist *twist;
	unsigned requests;
	unsigned posts, events_sent;
	struct buf out;
};

struct eid id_of(unsigned n);
unsigned number(const struct eid *id);
/* ctx: to be a struct replica. */
extern const struct sync_replica ops;

void hub_batch(struct hub *h, struct str body, struct sync_reply *reply);
/* The answer to what the engine wants sent; it lives until the next. */
void hub_answer(struct hub *h, const struct sync_want *want,
    struct sync_reply *reply);

#endif
