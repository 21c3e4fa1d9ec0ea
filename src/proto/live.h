/* Messages of a live connection (GET /ws/v1/events/).
 *
 * docs/protocol.md, WebSocket.  Pure.  What was decoded is a view of the message
 * and of the batch's tape: both must outlive it. */
#ifndef CLOWDER_LIVE_H
#define CLOWDER_LIVE_H

#include "batch.h"
#include "pull.h"

#define LIVE_PATH "/ws/v1/events/"
#define LIVE_PROTOCOL "clowder.v1" /* the subprotocol that we speak */

enum {
	LIVE_MESSAGE_MAX = 1024 * 1024, /* bytes; other programs' limit */
	/* bytes of a part of a snapshot, and of many events in one message; one
	 * event alone may be more */
	LIVE_PART_MAX = 512 * 1024,
	LIVE_TOKEN_MAX = 256,
	LIVE_SESSIONS_MAX = 256, /* of one machine's presence */
	LIVE_SESSION_BYTES_MAX = 4096
};

/* --- to the hub, read ------------------------------------------------------ */

enum live_kind {
	LIVE_EVENTS, /* bare envelope, event, events: b->item */
	LIVE_PING,
	LIVE_PONG,
	LIVE_HELLO,
	LIVE_AUTH,
	LIVE_PRESENCE,
	LIVE_OTHER /* of a type that we do not know: passed over */
};

struct live_session {
	struct str id; /* session_id */
	uint32_t node; /* the object, of the batch's tape */
};

struct live_in {
	enum live_kind kind;
	struct str type; /* as it came; n 0: a bare envelope */
	/* LIVE_HELLO */
	struct str epoch; /* n 0: none is known */
	uint64_t after;
	bool batch; /* many events in one message are fine */
	/* LIVE_AUTH */
	struct str token;
	/* LIVE_PRESENCE; in the batch's arena */
	struct live_session *session;
	size_t n_sessions;
};

/* Read one message; b: as of batch_decode, filled with LIVE_EVENTS.  Whatever is
 * wrong with one event stands in its item.  ERR_BAD_JSON, ERR_BAD_REQUEST,
 * ERR_TOO_LARGE, ERR_NOMEM. */
enum err live_decode(struct live_in *ret, struct batch *b, struct str message,
    struct err_info *e);

/* --- from the hub, written --------------------------------------------------- */

/* One event; many of them: the texts of the former, one behind the other. */
void live_put_event(const struct pull_row *row, struct buf *out);
void live_put_events_begin(struct str epoch, uint64_t first, struct buf *out);
/* event: what live_put_event() wrote. */
void live_put_events_row(struct str event, bool is_first, struct buf *out);
void live_put_events_end(struct buf *out);
void live_put_ack(const struct batch_answer *a, struct buf *out);
void live_put_ping(int64_t now_ms, struct buf *out);
void live_put_pong(int64_t now_ms, struct buf *out);
void live_put_error(enum err code, struct str message, struct buf *out);
/* The same to a report of presence, which says so: nothing else is hurt. */
void live_put_presence_error(enum err code, struct str message,
    struct buf *out);
void live_put_resync(struct str epoch, struct buf *out);
void live_put_auth_success(struct buf *out);
/* A session as it came, but for the user, who is as the hub knows him. */
void live_put_session(const struct json *j, uint32_t node, struct str user,
    struct buf *out);
void live_put_presence_begin(struct buf *out);
/* session: what live_put_session() wrote.  False, and nothing is written, where
 * the message would become longer than LIVE_MESSAGE_MAX. */
bool live_put_presence_row(struct str session, bool is_first, struct buf *out);
void live_put_presence_end(bool truncated, struct buf *out);

#endif
