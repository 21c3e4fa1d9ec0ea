/* Messages of a live connection from the hub, read; what a client says to it,
 * written.  (live.h has the hub's side.)
 *
 * docs/protocol.md, Live connections.  Pure.  What was decoded is a view of the
 * message and of the tape: both must outlive it. */
#ifndef CLOWDER_LIVE_DOWN_H
#define CLOWDER_LIVE_DOWN_H

#include "live.h"

#define LIVE_TOKEN_PATH "/api/v1/ws-token/"

enum live_down_kind {
	LIVE_DOWN_ROWS, /* event, events: rows */
	LIVE_DOWN_ACK,
	LIVE_DOWN_PING,
	LIVE_DOWN_RESYNC,   /* epoch */
	LIVE_DOWN_PRESENCE, /* raw */
	LIVE_DOWN_ERROR,
	LIVE_DOWN_OTHER /* of a type that we do not know: passed over */
};

struct live_down {
	enum live_down_kind kind;
	/* LIVE_DOWN_ROWS: item, n, next: their last seq; head 0: not told.  Epoch:
	 * n 0 where the message names none. */
	struct pull_answer rows;
	struct batch_answer ack; /* epoch: n 0 */
	struct str epoch;
	enum err
	    code; /* LIVE_DOWN_ERROR; ERR_FAILED where it is none of ours */
	struct str why;
	bool of_presence; /* LIVE_DOWN_ERROR: what we said of our sessions */
	struct str raw;   /* LIVE_DOWN_PRESENCE: the array of sessions */
};

/* ERR_PROTOCOL names what is wrong with it; ERR_NOMEM.  j holds the tape, a what
 * is not in the message itself. */
enum err live_down_decode(struct live_down *ret, struct json *j,
    struct str message, struct arena *a, struct err_info *e);

/* epoch n 0: no position is known.  Many events in one message are asked for. */
void live_put_hello(struct str epoch, uint64_t after, struct buf *out);
/* body: what batch_encode() wrote, without relayed ones. */
void live_put_batch(struct str body, struct buf *out);
/* sessions: a JSON array. */
void live_put_presence(struct str sessions, struct buf *out);

#endif
