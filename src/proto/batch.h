/* POST /api/v1/events/batch/: the request and its answer, both ways.
 *
 * docs/protocol.md, Batch.  Pure.  What was decoded is a view of the body and
 * of the tape: both must outlive it. */
#ifndef CLOWDER_BATCH_H
#define CLOWDER_BATCH_H

#include "event.h"
#include "proto.h"

/* --- the request, read ---------------------------------------------------- */

/* One event of a batch, judged by itself. */
struct batch_item {
	struct event ev; /* whole only where code is ERR_OK */
	struct str
	    id; /* event_id as it came, a JSON value; "null" where none was */
	enum err code; /* ERR_OK; ERR_SCHEMA and ERR_TOO_LARGE refuse it */
	struct str why;
	bool relayed;    /* sent on by a client that is not its author */
	struct str user; /* relayed: who had sent it, as told */
	int64_t received_ms;
	uint32_t sum; /* for whoever stores it; 0 until then */
};

/* Start from a zeroed one.  It may be decoded into again and again: memory is
 * kept until batch_fini. */
struct batch {
	struct batch_item *item; /* in the arena */
	size_t n;
	struct json json;
	struct arena arena;
};

/* Read a body.  Fails only for the body as a whole: ERR_BAD_JSON (not JSON, not
 * UTF-8, nested too deep), ERR_BAD_REQUEST (JSON, but not {"events":[0..1000
 * values]}), ERR_TOO_LARGE (over PROTO_BODY_PLAIN_MAX), ERR_NOMEM.  Whatever is
 * wrong with one event stands in its item and stops no other.  The body is
 * borrowed. */
enum err batch_decode(struct batch *b, struct str body, struct err_info *e);
void batch_fini(struct batch *b); /* safe on a zeroed one */
/* For envelopes that come another way than in a batch: forget the last ones, then
 * judge n values of b's own tape that stand one behind the other from `first` on,
 * by the same rules.  ERR_NOMEM only. */
void batch_reset(struct batch *b);
enum err batch_values(struct batch *b, uint32_t first, size_t n,
    struct err_info *e);
/* One value of any tape.  ERR_NOMEM only. */
enum err batch_judge(struct batch_item *it, const struct json *j, uint32_t node,
    struct arena *a, struct err_info *e);

/* --- the request, written ------------------------------------------------- */

struct batch_send {
	struct eid id;
	struct str raw;  /* the event, byte for byte */
	bool relayed;    /* say who had sent it and when */
	struct str user; /* "" where nobody knows */
	int64_t received_ms;
};
/* Bytes that the event adds to a body. */
size_t batch_send_bytes(const struct batch_send *ev);
void batch_encode(const struct batch_send *const *ev, size_t n,
    struct buf *out);

/* --- the answer ----------------------------------------------------------- */

enum batch_status { BATCH_SUCCESS, BATCH_DUPLICATE, BATCH_REJECTED };

struct batch_result {
	struct str id;  /* a JSON value, as it came in the request */
	struct eid eid; /* decoded: of id; form EID_NONE where it is none */
	enum batch_status status;
	enum err
	    code; /* rejected; decoded: ERR_REFUSED where we do not know it */
	struct str why; /* rejected; decoded: cut at PROTO_WHY_MAX */
	bool retry;     /* rejected, but not for good */
	uint64_t seq;   /* accepted: place in the team's log */
};

struct batch_answer {
	struct batch_result
	    *result; /* in request order; decoded: in the arena */
	size_t n;
	struct str epoch;
	uint64_t head; /* greatest seq of the team */
	uint64_t
	    clock; /* greatest Lamport clock of the team; 0 where not told */
};

void batch_answer_encode(const struct batch_answer *a, struct buf *out);
/* The results alone, `[...]`: for an `ack`. */
void batch_results_encode(const struct batch_result *r, size_t n,
    struct buf *out);
/* ERR_PROTOCOL names what is wrong with it; ERR_NOMEM.  j holds the tape. */
enum err batch_answer_decode(struct batch_answer *ret, struct json *j,
    struct str body, struct arena *a, struct err_info *e);
/* The same of a message that was read into j already and names no epoch (an
 * `ack`); ret: zeroed. */
enum err batch_results_decode(struct batch_answer *ret, const struct json *j,
    struct arena *a, struct err_info *e);

const char *batch_status_name(enum batch_status s); /* as on the wire */

#endif
