/* Live connections that cost little: all on one thread.  Each asks for its token
 * and upgrades on one connection, says hello without a position, and is live once
 * an event has come: there is one in the log. */
#ifndef CLOWDER_LINES_H
#define CLOWDER_LINES_H

#include <openssl/ssl.h>

#include "buf.h"
#include "err.h"
#include "websocket.h"

enum line_state {
	LINE_CLOSED,
	LINE_SHAKES, /* connects, TLS */
	LINE_ASKS,   /* for a token */
	LINE_UPGRADES,
	LINE_WAITS, /* for its first event */
	LINE_LIVE
};

struct line {
	int fd;
	SSL *ssl; /* own; NULL: plain */
	enum line_state state;
	const char *access; /* borrow: signs it in */
	struct buf in;      /* of an answer */
	struct ws ws;
};

struct lines {
	struct line *line; /* own */
	size_t n, live, under_way;
	size_t at;     /* the first that was not opened yet */
	size_t window; /* so many are on their way at once */
	int ep;
	uint16_t port;
	SSL_CTX *ctx;     /* own; NULL: plain */
	struct str first; /* said by the first that is open; borrowed */
	uint64_t pings, bytes;
	/* An event has come; text: the message. */
	void (*on_event)(void *ctx, size_t line, uint64_t seq);
	void *ctx_of_user;
};

/* access: n_access tokens, dealt out in turn; borrowed. */
enum err lines_init(struct lines *l, size_t n, uint16_t port, bool tls,
    char *const *access, size_t n_access, struct err_info *e);
void lines_fini(struct lines *l);
/* Open all that are closed, until they are live.  ERR_TIMEOUT after 120 s. */
enum err lines_open(struct lines *l, struct err_info *e);
/* Let all go at once, without a word. */
void lines_cut(struct lines *l);
/* What comes within so many ms is read. */
enum err lines_turn(struct lines *l, int ms, struct err_info *e);
enum err lines_say(struct lines *l, size_t i, struct str text,
    struct err_info *e);

#endif
