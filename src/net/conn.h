/* One accepted connection on the loop, plain or TLS, seen as a stream of bytes.
 * HTTP is one user of it; a connection that was upgraded (http_detach) has
 * another.  Loop thread only.
 *
 *	accept -> on_data* -> conn_close -> (rest is sent) -> on_close
 *
 * What is sent is collected and goes out with one writev per connection and
 * turn of the loop.  A peer that does not read is the user's to watch:
 * conn_unsent() and on_sent. */
#ifndef CLOWDER_CONN_H
#define CLOWDER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

struct conn;

enum conn_end {
	CONN_CLOSED,  /* we closed, all was sent */
	CONN_EOF,     /* the peer closed */
	CONN_RESET,   /* the socket or TLS failed */
	CONN_EXPIRED, /* its deadline passed */
	CONN_STOPPED, /* the server's stop reached its deadline */
	CONN_NOMEM
};

struct conn_ops {
	/* Bytes arrived; `in` is borrowed for the call. */
	void (*on_data)(void *ctx, struct str in);
	/* All that was queued has been handed to the kernel.  May be NULL. */
	void (*on_sent)(void *ctx);
	/* The peer sends no more (it may still read).  NULL: closes. */
	void (*on_eof)(void *ctx);
	/* The deadline has passed.  NULL: closes. */
	void (*on_deadline)(void *ctx);
	/* The server stops: end soon.  NULL: closes. */
	void (*on_stop)(void *ctx);
	/* The last call; c is gone when it returns.  Never from inside a call of
	 * the user, so that c stays valid in the user's own code. */
	void (*on_close)(void *ctx, enum conn_end why);
};

/* Kinds of deadline: each has one length for all connections of a server
 * (struct http_server_options).  While output is stuck its own deadline runs and
 * the user's rests, to begin anew when that is out; but not the heartbeat, which
 * is told when it is due whatever becomes of output. */
enum conn_wait {
	CONN_WAIT_NONE,
	CONN_WAIT_HEAD,   /* handshake and head of a request, whole */
	CONN_WAIT_BODY,   /* progress of its body */
	CONN_WAIT_IDLE,   /* between requests; may be closed to make room */
	CONN_WAIT_WRITE,  /* progress of output */
	CONN_WAIT_LINGER, /* closing: the peer may read the last answer */
	CONN_WAIT_PING,   /* for upgraded connections: next heartbeat */
	CONN_WAIT_KINDS
};

/* Queue b's content (left empty; the memory is c's).  Nothing happens after
 * conn_close.  Out of memory closes with CONN_NOMEM. */
void conn_send(struct conn *c, struct buf *b);
void conn_send_str(struct conn *c, struct str s); /* copies */
size_t conn_unsent(const struct conn *c);         /* bytes queued */
/* No on_data until conn_resume.  Takes effect at once, also inside on_data. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);
/* Start (again) the deadline of this kind in place of the present one. */
void conn_wait(struct conn *c, enum conn_wait kind);
/* Send what is queued, then close; linger: read and drop what the peer still
 * sends for a while, so that a reset does not eat the last answer. */
void conn_close(struct conn *c, bool linger);
void conn_abort(struct conn *c, enum conn_end why); /* close now */
/* "127.0.0.1:40112", "[::1]:40112". */
const char *conn_peer(const struct conn *c);
bool conn_tls(const struct conn *c);
/* Give the connection to another user; ops and ctx are borrowed. */
void conn_use(struct conn *c, const struct conn_ops *ops, void *ctx);

#endif
