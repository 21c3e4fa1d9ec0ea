/* A WebSocket connection of a server, made from a request that asks for it.
 *
 *	ws_conn_check (else it is answered) -> ws_conn_open (101, paused)
 *	-> ws_conn_resume -> on_text* -> ws_conn_close -> on_close
 *
 * Pings are answered, close frames too; what breaks RFC 6455 ends the connection
 * with its code.  Nobody queues for a peer that does not read: whoever sends
 * looks at ws_conn_unsent() first and goes on in on_sent.  A peer that takes
 * nothing for write_ms of struct http_server_options is cut.  Loop thread only. */
#ifndef CLOWDER_WS_CONN_H
#define CLOWDER_WS_CONN_H

#include "http_server.h"
#include "websocket.h"

struct ws_conn;

struct ws_conn_ops {
	/* A whole message; borrowed for the call. */
	void (*on_text)(void *ctx, struct str message);
	/* A pong frame.  May be NULL. */
	void (*on_pong)(void *ctx);
	/* All that was sent has been handed to the kernel.  May be NULL. */
	void (*on_sent)(void *ctx);
	/* ping_ms of struct http_server_options have passed since
	 * ws_conn_wait(), whatever was sent or is stuck. */
	void (*on_due)(void *ctx);
	/* The last call; c is gone when it returns.  Never from inside a call of
	 * the user. */
	void (*on_close)(void *ctx);
};

/* Bytes of messages that are in pieces still, of all connections that share it,
 * each beyond its first WS_CONN_FREE: where they are too many, whoever sends more
 * is closed with WS_TRY_LATER. */
struct ws_budget {
	size_t held, most;
};
enum { WS_CONN_FREE = 16384 };

struct ws_conn_options {
	size_t message_max;       /* bytes */
	const char *protocol;     /* the chosen subprotocol, or NULL */
	struct ws_budget *budget; /* borrow until on_close; NULL: no bound */
};

/* Is this a good opening handshake?  Where not, it is answered (400, or 426 to
 * another version) and gone. */
bool ws_conn_check(struct http_request *req);
/* Is this one of the subprotocols that the client offers? */
bool ws_conn_offers(const struct http_request *req, const char *protocol);
/* Answer 101 and take the connection.  Reads nothing before ws_conn_resume().
 * NULL where the peer is gone or where it failed: req is gone then as well,
 * answered where there was somebody to answer, and on_close is not called.
 * ops and ctx are borrowed until on_close. */
struct ws_conn *ws_conn_open(struct http_request *req,
    const struct ws_conn_options *o, const struct ws_conn_ops *ops, void *ctx);

void ws_conn_send(struct ws_conn *c, struct str text); /* copies */
/* The same for what ws_put() has written; b is left empty. */
void ws_conn_send_frames(struct ws_conn *c, struct buf *b);
size_t ws_conn_unsent(const struct ws_conn *c); /* bytes queued */
/* No on_text until ws_conn_resume.  Takes effect at once, also inside on_text. */
void ws_conn_pause(struct ws_conn *c);
void ws_conn_resume(struct ws_conn *c);
/* From the next message on. */
void ws_conn_message_max(struct ws_conn *c, size_t bytes);
size_t ws_conn_partial(const struct ws_conn *c); /* bytes of one in pieces */
void ws_conn_wait(struct ws_conn *c); /* start (again) the wait for on_due */
/* Say so, then close; nothing is read any more.  Twice is fine. */
void ws_conn_close(struct ws_conn *c, enum ws_code code, const char *reason);

#endif
