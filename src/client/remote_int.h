/* Insides of remote*.c. */
#ifndef CLOWDER_REMOTE_INT_H
#define CLOWDER_REMOTE_INT_H

#include <stdatomic.h>

#include "json.h"
#include "remote.h"

/* How a call leaves the machine; tests put a hub of their own here. */
typedef enum err remote_transport_fn(void *ctx, const struct http_call *call,
    struct http_answer *ret, struct err_info *e);

enum {
	/* An access token that is good for less is renewed. */
	REMOTE_FRESH_MS = 30000,
	/* docs/formats.md 6: the lock is held no longer. */
	REMOTE_REFRESH_MS = 10000,
	REMOTE_CHECK_MS = 10000,
	REMOTE_JSON_DEPTH = 8,
	REMOTE_TOKEN_MAX = 16 * 1024,
	REMOTE_SLUG_MAX = 128
};

enum remote_outcome {
	REMOTE_NO_OUTCOME,
	REMOTE_ADOPTED_NEWER,
	REMOTE_REFRESHED,
	REMOTE_STALE_REJECTION_PRESERVED,
	REMOTE_CURRENT_REJECTION_CLEARED,
	REMOTE_LOCK_TIMEOUT_ADOPTED,
	REMOTE_LOCK_TIMEOUT_ERROR
};

struct remote {
	struct ctx *ctx; /* borrow */
	const struct home *home;
	struct str server; /* in the context's arena */
	const char *ca_file;
	struct http_client *http; /* own; at the first call */
	remote_transport_fn *transport;
	void *transport_ctx;
	int64_t (*wall_ms)(void); /* tests move it */
	uint32_t lock_wait_ms;
	atomic_bool abort;       /* a signal came */
	const atomic_bool *stop; /* borrow; NULL: abort */

	bool has_session, token_file;
	struct session session;
	struct arena mem; /* of session */
	enum remote_outcome outcome;
};

/* 1 to max bytes of visible ASCII: may stand in a head field. */
bool remote_is_word(struct str s, size_t max);
/* One call as it stands, without a look at its status. */
enum err remote_raw(struct remote *a, const struct remote_call *call,
    struct str bearer, struct http_answer *ret, struct err_info *e);
/* Read the session from disk again.  The old one stays where it fails. */
enum err remote_reload(struct remote *a, struct err_info *e);
/* Keep a copy of s as the session in memory. */
enum err remote_hold(struct remote *a, const struct session *s,
    struct err_info *e);

/* Tokens as the hub gives them; in ar. */
struct remote_grant {
	struct str access, refresh, session_id, team_slug;
	uint64_t access_s, refresh_s; /* lifetimes; 0 = not said */
};
enum err remote_grant_decode(struct remote_grant *ret, struct str body,
    struct arena *ar, struct err_info *e);
/* s with the tokens of g. */
void remote_grant_apply(struct session *s, const struct remote_grant *g,
    int64_t now_ms);
/* POST the refresh token.  *ret lives in ans. */
enum err remote_grant_refresh(struct remote *a, struct str token,
    struct http_answer *ans, struct remote_grant *ret, struct err_info *e);

#endif
