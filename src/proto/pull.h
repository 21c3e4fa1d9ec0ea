/* GET /api/v1/events/: the query and its answer, both ways.
 *
 * docs/protocol.md, Events.  Pure.  What was decoded is a view of the body and
 * of the tape: both must outlive it. */
#ifndef CLOWDER_PULL_H
#define CLOWDER_PULL_H

#include "event.h"
#include "proto.h"

/* --- the query ------------------------------------------------------------ */

struct pull_query {
	struct str epoch; /* n 0: none was given, the position is the start */
	uint64_t after;
	size_t limit; /* 1..PROTO_EVENTS_MAX */
};
/* Append path and query. */
void pull_query_encode(const struct pull_query *q, struct buf *out);
/* What stands behind the `?`.  Unknown names are passed over; ERR_BAD_REQUEST
 * names a wrong value.  A greater limit is cut to the allowed one.  ERR_NOMEM.
 */
enum err pull_query_decode(struct pull_query *ret, struct str query,
    struct arena *a, struct err_info *e);

/* --- the answer, written -------------------------------------------------- */

/* One event with what stands beside it. */
struct pull_row {
	uint64_t seq;
	struct str user; /* n 0: nobody knows, null on the wire */
	int64_t received_ms;
	bool relayed; /* user and time were told by another client */
	struct str raw;
};
void pull_answer_begin(struct str epoch, struct buf *out);
void pull_answer_row(const struct pull_row *row, bool first, struct buf *out);
void pull_answer_end(uint64_t next, uint64_t head, struct buf *out);
/* One row as an object; `type` "event" in front of its members, or NULL. */
void pull_row_encode(const struct pull_row *row, const char *type,
    struct buf *out);

/* --- the answer, read ----------------------------------------------------- */

struct pull_item {
	uint64_t seq;
	struct str user;
	int64_t received_ms;
	bool relayed;
	struct event ev;
};
struct pull_answer {
	struct str epoch;
	struct pull_item *item; /* in the arena */
	size_t n;
	uint64_t next, head;
};
/* ERR_PROTOCOL names what is wrong with it; ERR_NOMEM.  Checked here: every
 * event decodes, seqs rise one by one, next is the last of them, head is not
 * below it.  Whether it fits the position asked for is the caller's to check.
 * j holds the tape. */
enum err pull_answer_decode(struct pull_answer *ret, struct json *j,
    struct str body, struct arena *a, struct err_info *e);
/* Rows that came another way: n values of the tape that stand one behind the
 * other from `first` on, by the same rules.  Fills item and n only. */
enum err pull_items_decode(struct pull_answer *ret, const struct json *j,
    uint32_t first, size_t n, struct arena *a, struct err_info *e);

#endif
