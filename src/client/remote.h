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
#ifndef CLOWDER_REMOTE_H
#define CLOWDER_REMOTE_H

#include "context.h"
#include "http_client.h"
#include "session.h"

struct remote;

/* At the configured server, else that of the session.  ERR_NOT_FOUND: neither. */
enum err remote_open(struct remote **ret, struct ctx *c, struct err_info *e);
void remote_close(struct remote *a); /* accepts NULL */
struct str remote_server(const struct remote *a);
/* For threads that get no signals: where *stop (borrow) becomes true, the call under
 * way ends with ERR_INTERRUPTED.  Before the first call. */
void remote_stop_on(struct remote *a, const atomic_bool *stop);

/* The session on disk, or what stands for it with a token file.  ERR_SIGN_IN:
 * none, or another hub's; else as session_file_load.  Valid until the next
 * call. */
enum err remote_session(struct remote *a, const struct session **ret,
    struct err_info *e);

struct remote_call {
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
enum err remote_send(struct remote *a, const struct remote_call *call,
    struct http_answer *ret, struct err_info *e);
/* Get a new access token (or adopt the one that another process got).  Retryable:
 * ERR_LOCKED, ERR_REPLAY, ERR_UNREACHABLE ...  For good: ERR_GRANT, ERR_SESSION
 * (the session is gone, with the reason), ERR_SIGN_IN. */
enum err remote_refresh(struct remote *a, struct err_info *e);
/* The same for whoever goes on to say what came of it: "Authentication expired" stands
 * before the reason where the session is gone. */
enum err remote_renew(struct remote *a, struct err_info *e);
/* The error that an answer with a status of 400 or more stands for: its code
 * where it is one of ours, else by status. */
enum err remote_error(const struct http_answer *ans, struct err_info *e);

/* --- sign-in ---------------------------------------------------------------- */

struct remote_me {
	struct str user_id, name, email, session_id;
	const struct session_team *team;
	size_t n_teams;
	struct str private_team; /* slug */
};
/* GET /api/v1/me; in ar. */
enum err remote_me(struct remote *a, struct arena *ar, struct remote_me *ret,
    struct err_info *e);
/* Make the spaces of an account and remember that it is the one at work here. */
enum err remote_spaces(struct remote *a, const struct remote_me *me,
    struct err_info *e);
/* Sign in with a password and keep the session; the account's spaces are made.
 * ERR_CREDENTIALS, ERR_THROTTLED ...: nothing has changed. */
enum err remote_login(struct remote *a, struct str user, struct str password,
    struct err_info *e);
/* Take over tokens that another program left; they are tried first. */
enum err remote_adopt(struct remote *a, const struct session *s,
    struct err_info *e);
/* End the session: at the hub where it can be told (*told), here in any case. */
enum err remote_logout(struct remote *a, bool *told, struct err_info *e);

/* --- a look at the hub -------------------------------------------------------- */

enum remote_health {
	REMOTE_CONNECTED,   /* reached, the session is valid */
	REMOTE_REACHABLE,   /* reached, wants a sign-in */
	REMOTE_UNREACHABLE, /* timed out, refused ... */
	REMOTE_ERROR        /* something else answered, or oddly */
};
struct remote_check {
	enum remote_health health;
	char why[ERR_TEXT_MAX]; /* "" when connected */
};
/* Changes nothing: an expired token is not renewed here. */
void remote_check(struct remote *a, struct remote_check *ret);

/* As the transaction's outcomes are logged. */
const char *remote_refresh_outcome(const struct remote *a);

#endif
