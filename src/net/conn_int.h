/* Insides of connections: what a server's connections share.  For http_server.c
 * and conn.c. */
#ifndef CLOWDER_CONN_INT_H
#define CLOWDER_CONN_INT_H

#include <sys/queue.h>
#include <uv.h>

#include "conn.h"
#include "deadline.h"
#include "err.h"
#include "sock.h"
#include "tls.h"

enum {
	CONN_READ_MAX = 16384,   /* bytes of one on_data; also of a turn: */
	CONN_READS_PER_TURN = 4, /* then the others have theirs */
	CONN_SEND_PER_TURN = 1 << 20,       /* bytes; likewise */
	CONN_HANDSHAKES_PER_TURN = 5000000, /* ns; likewise */
	CONN_IOV_MAX = 64,                  /* pieces of one writev */
	CONN_JOIN_MAX = 16384,       /* smaller pieces are joined up to this */
	CONN_LINGER_BYTES = 16 << 20 /* dropped at most after our last answer */
};

TAILQ_HEAD(conn_queue, conn);

struct conn_host {
	uv_loop_t *loop;
	uv_timer_t timer;       /* of the next deadline */
	uint64_t timer_at;      /* when it fires; UINT64_MAX: it does not run */
	uv_prepare_t flusher;   /* runs while there is work for each turn: */
	uv_idle_t again;        /* so does this, that the loop does not wait */
	struct deadlines waits; /* kinds are enum conn_wait */
	struct conn *dirty;     /* borrow: have something to send */
	struct conn **dirty_end;      /* where the next is put */
	struct conn_queue handshakes; /* borrow: wait for a turn */
	uint64_t handshakes_ns;       /* that they took in this turn */
	bool newest;      /* whose turn it was: the newest's or the oldest's */
	struct conn *all; /* borrow: each frees itself */
	size_t count;     /* open ones */
	size_t unsent;    /* bytes queued, of all of them */
	char *scratch;    /* own: CONN_READ_MAX bytes */
	/* After a connection's on_close. */
	void (*on_gone)(void *ctx);
	void *ctx;
	unsigned handles; /* of those above that are not closed yet */
	void (*on_fini)(void *ctx);
};

/* waits.ms, on_gone and ctx are the caller's to set afterwards. */
enum err conn_host_init(struct conn_host *h, uv_loop_t *loop,
    struct err_info *e);
/* No connection is left: close the handles; on_fini(ctx) when that is done. */
void conn_host_fini(struct conn_host *h, void (*on_fini)(void *ctx));

/* Takes fd, also when it fails (then it is closed).  tls NULL: plain. */
enum err conn_new(struct conn_host *h, int fd,
    const struct sockaddr_storage *peer, struct tls *tls,
    const struct conn_ops *ops, void *ctx, struct conn **ret,
    struct err_info *e);
/* Walk: the newest first; NULL ends.  The present one may be closed. */
struct conn *conn_next(const struct conn_host *h, const struct conn *after);
void conn_stop(struct conn *c);                  /* ops->on_stop, or closes */
size_t conn_host_name_len(const struct conn *c); /* of conn_peer's address */
/* The connection that waits longest in this kind; NULL: none. */
struct conn *conn_oldest(const struct conn_host *h, enum conn_wait kind);
/* Since when, on the loop's clock, a connection got from conn_oldest waits. */
uint64_t conn_since_ms(const struct conn *c, enum conn_wait kind);
void *conn_user(const struct conn *c); /* ctx of its ops */

#endif
