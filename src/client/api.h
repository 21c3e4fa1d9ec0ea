/* Talking with the hub: the one place that sends a credential.
 *
 * A session is good for the hub that gave it and is sent to no other.  The
 * access token is refreshed before it expires and once after a 401, by the
 * transaction of docs/formats.md 6: under the lock, from what is on disk, never
 * losing a session that another process has renewed.
 *
 * $CLOWDER_TOKEN_FILE names a file with an access token, for machines where
 * nobody can sign in; it is used as it is and never refreshed.
 *
 * Blocking; one thread.  Nothing is loaded before the first call. */
#ifndef CLOWDER_API_H
#define CLOWDER_API_H

#include "context.h"
#include "http_client.h"
#include "session.h"

struct api;

/* At the configured server, else that of the session.  ERR_CONFIG: neither. */
enum err api_open(struct api **ret, struct ctx *c, struct err_info *e);
void api_close(struct api *a); /* accepts NULL */
struct str api_server(const struct api *a);

/* The session on disk, or what stands for it with a token file.  ERR_SIGN_IN:
 * none, or another hub's; else as session_file_load.  Valid until the next
 * call. */
enum err api_session(struct api *a, const struct session **ret,
    struct err_info *e);

struct api_call {
	const char *method;
	struct str target; /* path and query */
	struct str body;   /* n 0 with p NULL: none */
	const char *type;  /* of the body; NULL = JSON */
	struct str team;   /* X-Team-Slug; n 0 = none */
	bool gzip;
	bool no_refresh;     /* a 401 is handed to the caller */
	uint32_t timeout_ms; /* 0 = a minute */
};
/* An authorised call.  ERR_OK for every whole answer but a 401 that a refresh
 * did not cure (ERR_UNAUTHORIZED, ERR_GRANT, ERR_SESSION).  ret: as for
 * http_client_call. */
enum err api_send(struct api *a, const struct api_call *call,
    struct http_answer *ret, struct err_info *e);
/* Get a new access token (or adopt the one that another process got).  Retryable:
 * ERR_LOCKED, ERR_REPLAY, ERR_UNREACHABLE ...  For good: ERR_GRANT, ERR_SESSION
 * (the session is gone, with the reason), ERR_SIGN_IN. */
enum err api_refresh(struct api *a, struct err_info *e);
/* The error that an answer with a status of 400 or more stands for: its code
 * where it is one of ours, else by status. */
enum err api_error(const struct http_answer *ans, struct err_info *e);

/* --- sign-in ---------------------------------------------------------------- */

struct api_me {
	struct str user_id, name, email;
	const struct session_team *team;
	size_t n_teams;
	struct str private_team; /* slug */
};
/* GET /api/v1/me; in ar. */
enum err api_me(struct api *a, struct arena *ar, struct api_me *ret,
    struct err_info *e);
/* Make the spaces of an account and remember that it is the one at work here. */
enum err api_spaces(struct api *a, const struct api_me *me, struct err_info *e);
/* Sign in with a password and keep the session; the account's spaces are made.
 * ERR_CREDENTIALS, ERR_THROTTLED ...: nothing has changed. */
enum err api_login(struct api *a, struct str user, struct str password,
    struct err_info *e);
/* Take over tokens that another program left; they are tried first. */
enum err api_adopt(struct api *a, const struct session *s, struct err_info *e);
/* End the session: at the hub where it can be told (*told), here in any case. */
enum err api_logout(struct api *a, bool *told, struct err_info *e);

/* --- a look at the hub -------------------------------------------------------- */

enum api_health {
	API_CONNECTED,   /* reached, the session is valid */
	API_REACHABLE,   /* reached, wants a sign-in */
	API_UNREACHABLE, /* timed out, refused ... */
	API_ERROR        /* something else answered, or oddly */
};
struct api_check {
	enum api_health health;
	char why[ERR_TEXT_MAX]; /* "" when connected */
};
/* Changes nothing: an expired token is not renewed here. */
void api_check(struct api *a, struct api_check *ret);

/* As the transaction's outcomes are logged. */
const char *api_refresh_outcome(const struct api *a);

#endif
