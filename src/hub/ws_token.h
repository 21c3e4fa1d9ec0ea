/* Tokens that open one live connection: docs/protocol.md, Sign-in.
 *
 * Random, good once and for five minutes, held in memory: whoever has one that
 * the hub forgot as it restarted asks for another.  What is kept is a hash.
 * Loop thread only. */
#ifndef CLOWDER_WS_TOKEN_H
#define CLOWDER_WS_TOKEN_H

#include <sys/queue.h>

#include "accounts.h"
#include "map.h"

enum {
	WS_TOKEN_S = 300,    /* seconds that one is good for */
	WS_TOKEN_CHARS = 64, /* hexadecimal digits */
	/* Of one session; the oldest gives way. */
	WS_TOKENS_EACH = 16
};

struct ws_token;
TAILQ_HEAD(ws_token_queue, ws_token);

/* Start from a zeroed one. */
struct ws_tokens {
	struct map by_hash;          /* -> struct ws_token */
	struct map by_session;       /* -> struct ws_holder */
	struct ws_token_queue queue; /* own; the oldest first */
	bool begun;
};

void ws_tokens_fini(struct ws_tokens *t);
/* out gets the token and a NUL.  team: a slug.  now_ms: monotonic. */
enum err ws_token_issue(struct ws_tokens *t, struct str session_id,
    struct str team, uint64_t now_ms, char out[WS_TOKEN_CHARS + 1],
    struct err_info *e);
/* Whose it is; it is not good any more.  Strings in ar.  ERR_UNAUTHORIZED. */
enum err ws_token_redeem(struct ws_tokens *t, struct str token, uint64_t now_ms,
    struct arena *ar, struct str *session_id, struct str *team,
    struct err_info *e);

#endif
