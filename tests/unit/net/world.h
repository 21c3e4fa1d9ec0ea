/* A server and its peers on one loop in one thread: nothing sleeps, every wait
 * is for a condition, and a guard ends a test that waits in vain.
 *
 * What the server's handler does is in the request's path:
 *	/echo    200 and the body as it came
 *	/big?n=  200 and n bytes
 *	/later   kept; world_answer() answers the oldest
 *	/fields  200 with fields of its own, one of them not to be let through
 *	/none    204
 *	/deny    refused in on_head with 401
 *	/early   answered in on_head with 200
 *	/small   bodies up to 4 bytes
 *	/raw     taken away from HTTP: every byte is echoed
 *	/ws      w->on_ws, which a test sets
 *	others   404 */
#ifndef CLOWDER_WORLD_H
#define CLOWDER_WORLD_H

#include <openssl/ssl.h>
#include <uv.h>

#include "http_server.h"
#include "t.h"

enum { WORLD_LATER_MAX = 64 };

struct peer {
	struct world *w;
	uv_poll_t *poll; /* own handle, closed with the peer */
	int fd;
	SSL *ssl;      /* NULL: plain */
	struct buf in; /* what came and was not looked at yet */
	bool eof, reset;
	bool closed; /* by peer_close or peer_reset */
	bool broken; /* sending failed */
	struct http1 parser;
	struct buf body; /* of the last answer */
	char said[256];
};

struct world {
	uv_loop_t loop;
	uv_timer_t guard;
	bool late; /* the guard rang */
	struct http_server *server;
	uint16_t port;
	struct http_request *later[WORLD_LATER_MAX];
	size_t n_later;
	struct buf log; /* "GET /echo 200 in/out reason\n" per request */
	struct conn *raw;
	enum conn_end raw_end;
	bool stopped, raw_closed, raw_stop;
	void (*on_ws)(struct http_request *req);
};

/* o's handler is replaced. */
void world_open(struct world *w, const struct http_server_options *o,
    struct tls *tls);
/* As world_open, but may fail, for walks over fault points. */
enum err world_try_open(struct world *w, const struct http_server_options *o,
    struct tls *tls, struct err_info *e);
/* Stops the server at once and checks that nothing is held. */
void world_close(struct world *w);
void world_turn(struct world *w); /* one turn of the loop; may wait */
/* Let time pass: only where time is what the test is about. */
void world_pass(struct world *w, unsigned ms);
/* Turn the loop until cond; fails the test after 20 s. */
#define WORLD_UNTIL(w, cond) \
	do { \
		while (!(cond) && !(w)->late) \
			world_turn(w); \
		CHECK(cond); \
	} while (0)
/* Answer the oldest kept request with 200 and text; false: none is kept. */
bool world_answer(struct world *w, const char *text);
struct http_server_stats world_stats(struct world *w);

void peer_open(struct peer *p, struct world *w);
void peer_open_tls(struct peer *p, struct world *w, SSL_CTX *ctx);
void peer_close(struct peer *p);
void peer_reset(struct peer *p); /* closes with a reset */
void peer_deaf(struct peer *p);  /* reads no more, until */
void peer_hear(struct peer *p);
/* All of it, turning the loop after each part; p->broken where that fails. */
void peer_send(struct peer *p, struct str s);
void peer_sendz(struct peer *p, const char *z);
/* Wait for the next answer: "200 body"; "closed", "cut" or "reset" where the
 * connection ended.  Interim answers are answers too. */
struct str peer_next(struct peer *p);
/* Field of the last answer. */
struct str peer_field(struct peer *p, const char *name);

#endif
