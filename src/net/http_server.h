/* HTTP/1.1 server on a libuv loop, plain and TLS.
 *
 * Path of a request: head -> on_head (may refuse, says how large a body may be)
 * -> body collected -> on_request -> http_respond, at once or later.  A
 * connection has one request at a time; pipelined ones wait their turn, so
 * answers keep their order.
 *
 * Fails: what is wrong with the bytes of a request is answered here (400, 408,
 * 411, 413, 414, 431, 501, 503, 505) with the error body of docs/protocol.md,
 * and the connection closed; the handler never sees it, the log does.
 *
 * Everything here is for the loop's thread; other threads come in by post.h. */
#ifndef CLOWDER_HTTP_SERVER_H
#define CLOWDER_HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "arena.h"
#include "buf.h"
#include "conn.h"
#include "err.h"
#include "http1.h"
#include "str.h"
#include "tls.h"

struct http_server;

/* Valid from on_head until it is answered, also when its connection is gone
 * meanwhile.  Reading it from other threads is fine as long as one of them
 * answers only after all have done. */
struct http_request {
	const struct http1_head *head; /* method, target, fields */
	struct str path;               /* head->path */
	struct str body;      /* from on_request on; as it came (gzip too) */
	const char *peer;     /* "127.0.0.1:40112" */
	struct str peer_host; /* "127.0.0.1", "[::1]" */
	const char *id;       /* unique in this process; also X-Request-Id */
	bool tls;
	struct arena arena; /* goes with the request; one thread at a time */
	void *user;         /* the handler's own, NULL at first */
};

/* One per request, also for those that were refused. */
struct http_log {
	struct str method;  /* empty where the request had no readable head */
	struct str path;    /* without the query: it may hold tokens */
	int status;         /* 0: the connection ended before an answer */
	uint64_t bytes_in;  /* body */
	uint64_t bytes_out; /* body */
	uint64_t us;        /* from its first byte to its answer */
	const char *id;
	const char *peer;
	enum err error;     /* ERR_OK, or why the server refused it */
	const char *reason; /* with error: text, else "" */
};

struct http_handler {
	void *ctx;
	/* The head is whole; the body has not been read.  ERR_OK, and *body_max may
	 * be changed from the default (0: no body); or an error, which is answered
	 * with its status.  It may also answer by itself (http_respond) and return
	 * ERR_OK.  NULL: everything goes. */
	enum err (*on_head)(void *ctx, struct http_request *req,
	    size_t *body_max, struct err_info *e);
	/* Must be answered exactly once, now or later. */
	void (*on_request)(void *ctx, struct http_request *req);
	void (*on_log)(void *ctx,
	    const struct http_log *line); /* may be NULL */
};

/* 0 takes the default. */
struct http_server_options {
	struct http_handler handler;
	const char *name; /* Server field; NULL: none.  Borrowed */
	/* 10240; above it whoever is idle for longest, else whose request has been
	 * unfinished for longest, else who has not read an answer for longest
	 * (unread_ms), gives way to a new one. */
	size_t connections_max;
	size_t body_max; /* 8 MiB */
	/* Bytes of all requests held; 256 MiB.  Above it the requests that have been
	 * unfinished for longest are refused; heads have an eighth more. */
	size_t held_max;
	uint32_t head_ms;       /* 10000: handshake and head, whole */
	uint32_t body_ms;       /* 30000: HTTP_PROGRESS bytes of a body */
	uint32_t idle_ms;       /* 75000: between requests */
	uint32_t write_ms;      /* 60000: progress of an answer */
	uint32_t unread_ms;     /* 1000: the same where room is short */
	uint32_t linger_ms;     /* 2000 */
	uint32_t ping_ms;       /* 20000 */
	uint32_t retry_after_s; /* 1: with a 503 of the server itself */
};

enum { HTTP_PROGRESS = 16384 }; /* bytes; the rest at the end counts too */

/* o is copied; what it points to is borrowed.  Ends by http_server_stop, then
 * http_server_free. */
enum err http_server_new(struct http_server **ret, uv_loop_t *loop,
    const struct http_server_options *o, struct err_info *e);
/* Listen on one more address: an IP address and a port (0: any free one, which
 * is *port afterwards).  tls NULL: plain; else borrowed until the end.
 * ERR_EXISTS where the address is in use, ERR_USAGE where it is none. */
enum err http_server_listen(struct http_server *s, const char *host,
    uint16_t *port, struct tls *tls, struct err_info *e);
/* No new connections; idle ones close; requests under way are read, answered
 * (with Connection: close) and sent; after deadline_ms what is still open is
 * cut.  done is called when nothing is left, also no request that a handler has
 * not answered; there the server may be freed. */
void http_server_stop(struct http_server *s, uint32_t deadline_ms,
    void (*done)(void *arg), void *arg);
/* Only in or after `done`.  Accepts NULL. */
void http_server_free(struct http_server *s);
/* Where more than `most` bytes of answers are unsent: end the connections that
 * have made no progress for unread_ms, the longest first, until it fits; does it? */
bool http_server_drop_unread(struct http_server *s, size_t most);
struct http_server_stats {
	size_t connections;   /* open, also upgraded ones */
	size_t held;          /* bytes of requests held */
	size_t unsent;        /* bytes of answers that are still to be sent */
	uint64_t accepted;    /* connections, since the start */
	uint64_t turned_away; /* for want of room or descriptors */
	uint64_t requests;    /* heads that were whole */
};
void http_server_stats(const struct http_server *s,
    struct http_server_stats *ret);

/* Answer.  body is moved (left empty); NULL: none.  fields: besides
 * Content-Length, Date, Connection, X-Request-Id, which are written here; one
 * that http1_put_field refuses is left out.  For HEAD the body is counted and
 * not sent.  req is gone afterwards. */
void http_respond(struct http_request *req, int status,
    const struct http1_field *field, size_t fields, struct buf *body);
/* With Content-Type: application/json. */
void http_respond_json(struct http_request *req, int status, struct buf *body);
/* {"error":code,"message":message} with the code's status; Retry-After with 429
 * and 503. */
void http_respond_error(struct http_request *req, enum err code,
    const char *message);
/* The answer to this one is the last of its connection: a stranger who reads no
 * answers then keeps no place.  In on_head or later. */
void http_last(struct http_request *req);
/* Take the connection away from HTTP (upgrade, server-sent events): what the
 * request is answered with goes through conn_send from now on.  *rest: bytes
 * that came behind the request, to be freed by the caller.  req is gone
 * afterwards; status is for the log.  The connection still counts for the
 * server's limits and its stop.  NULL where the peer is gone already. */
struct conn *http_detach(struct http_request *req, int status,
    const struct conn_ops *ops, void *ctx, struct buf *rest);

/* The query's member `name`, unescaped, in the request's arena. */
bool http_query(struct http_request *req, const char *name, struct str *ret);
/* The field's value; p NULL where there is none. */
struct str http_header(const struct http_request *req, const char *name);
/* The token of `Authorization: Bearer` (RFC 6750, 2.1); n 0 where there is none. */
struct str http_bearer(const struct http_request *req);

#endif
