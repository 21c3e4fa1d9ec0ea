/* Insides of api*.c. */
#ifndef CLOWDER_API_INT_H
#define CLOWDER_API_INT_H

#include <stdatomic.h>

#include "api.h"
#include "json.h"

/* How a call leaves the machine; tests put a hub of their own here. */
typedef enum err api_transport_fn(void *ctx, const struct http_call *call,
    struct http_answer *ret, struct err_info *e);

enum {
	API_FRESH_MS =
	    30000, /* an access token that is good for less is renewed */
	API_REFRESH_MS =
	    10000, /* docs/formats.md 6: the lock is held no longer */
	API_CHECK_MS = 10000,
	API_JSON_DEPTH = 8
};

enum api_outcome {
	API_NO_OUTCOME,
	API_ADOPTED_NEWER,
	API_REFRESHED,
	API_STALE_REJECTION_PRESERVED,
	API_CURRENT_REJECTION_CLEARED,
	API_LOCK_TIMEOUT_ADOPTED,
	API_LOCK_TIMEOUT_ERROR
};

struct api {
	struct ctx *ctx; /* borrow */
	const struct home *home;
	struct str server; /* in the context's arena */
	const char *ca_file;
	struct http_client *http; /* own; at the first call */
	api_transport_fn *transport;
	void *transport_ctx;
	int64_t (*wall_ms)(void); /* tests move it */
	uint32_t lock_wait_ms;
	atomic_bool abort; /* a signal came */

	bool has_session, token_file;
	struct session session;
	struct arena mem; /* of session */
	enum api_outcome outcome;
};

/* One call as it stands, without a look at its status. */
enum err api_raw(struct api *a, const struct api_call *call, struct str bearer,
    struct http_answer *ret, struct err_info *e);
/* Read the session from disk again.  The old one stays where it fails. */
enum err api_reload(struct api *a, struct err_info *e);
/* Keep a copy of s as the session in memory. */
enum err api_hold(struct api *a, const struct session *s, struct err_info *e);

/* Tokens as the hub gives them; in ar. */
struct api_grant {
	struct str access, refresh, session_id, team_slug;
	uint64_t access_s, refresh_s; /* lifetimes; 0 = not said */
};
enum err api_grant_decode(struct api_grant *ret, struct str body,
    struct arena *ar, struct err_info *e);
/* s with the tokens of g. */
void api_grant_apply(struct session *s, const struct api_grant *g,
    int64_t now_ms);
/* POST the refresh token.  *ret lives in ans. */
enum err api_grant_refresh(struct api *a, struct str token,
    struct http_answer *ans, struct api_grant *ret, struct err_info *e);

#endif
