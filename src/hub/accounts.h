/* Accounts of a hub: users, teams, sign-ins, the keys of its access tokens.
 * They live in hub.db, beside the replica and never in it.
 *
 *	login ---> family + first refresh token ---> access token (JWT, an hour)
 *	refresh -> the next refresh token (family.h decides) + access token
 *	check ---> who is it: on every request
 *
 * The database is opened by the serving hub and by the `hub user` and `hub
 *team` commands at the same time.  It is small and rarely written, so it has a
 * rollback journal (journal_mode TRUNCATE, synchronous FULL) and not a
 * write-ahead log: the WAL fault of older SQLite versions cannot touch it, and
 * no discipline between the processes is needed but SQLite's own locks, a busy
 * timeout and BEGIN IMMEDIATE.
 *
 * A struct accounts may be used by any number of threads.  What blocks:
 *
 *	accounts_check, _session some microseconds; reads the database at the
 *first sight of a session only.  For the loop thread login, password changes
 *argon2id, about 62 ms, and a commit: worker everything else          a commit
 *(fsync, some ms): worker
 *
 * Time is passed in, as ms since 1970; chance comes from accounts_options.
 *
 * Fails: ERR_LOCKED where another process holds the database for longer than
 * busy_ms, ERR_NO_SPACE, ERR_IO, ERR_CORRUPT, ERR_NOMEM; beside these each
 * function names its own.  After a failure nothing was changed. */
#ifndef CLOWDER_ACCOUNTS_H
#define CLOWDER_ACCOUNTS_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "password.h"
#include "str.h"

struct accounts;

struct accounts_options {
	/* Fills out with n random bytes; NULL = the system's generator. */
	void (*random)(void *ctx, void *out, size_t n);
	void *ctx;
	const struct password_cost *cost; /* NULL = password_cost */
	unsigned busy_ms;                 /* 0 = 5000 */
};

enum {
	ACCOUNTS_SLUG_MAX = 64, /* bytes */
	ACCOUNTS_NAME_MAX = 64,
	ACCOUNTS_EMAIL_MAX = 254,
	/* A change by another process is seen within this time. */
	ACCOUNTS_STALE_MS = 500
};

/* path: hub.db; made with mode 0600 where it is missing, its folder must be
 * there.  ERR_NEWER: a newer version's, untouched.  ERR_PERMISSION: others may
 * read it. */
enum err accounts_open(struct accounts **ret, const char *path,
    const struct accounts_options *opt, int64_t now_ms, struct err_info *e);
/* NULL is fine.  No call may be under way. */
void accounts_close(struct accounts *a);

/* Can it be written to?  Waits for other processes as every change does. */
enum err accounts_writable(struct accounts *a, struct err_info *e);

/* --- teams and users (hub team, hub user) --------------------------------- */

struct account_team {
	struct str id, slug, name;
	struct str
	    role; /* of the user it was asked for: owner, admin, member */
	bool is_private; /* made with its one user */
};

/* Slug: a-z, 0-9 and single hyphens inside.  name: n 0 = the slug.  ERR_REFUSED
 * says what is wrong with either; ERR_EXISTS. */
enum err accounts_team_add(struct accounts *a, struct str slug, struct str name,
    int64_t now_ms, struct err_info *e);
/* All teams by slug, role empty.  Everything lives in ar. */
enum err accounts_team_list(struct accounts *a, struct arena *ar,
    struct account_team **ret, size_t *n, struct err_info *e);

struct account_user {
	struct str id, name;
	struct str email;        /* n 0 = none */
	struct str default_team; /* slug */
	bool disabled;
	int64_t created_ms;
	uint64_t sessions; /* that are alive */
};

struct account_new {
	struct str
	    name; /* letters, digits and . _ - ; unique whatever the case */
	struct str email;       /* n 0 = none; unique whatever the case */
	struct str password;    /* PASSWORD_BYTES_MIN..MAX */
	const struct str *team; /* slugs; the first is the default team */
	size_t n_teams;         /* 0: the private team is the default */
};

/* Makes the user, a private team with a slug made of the name, and the
 * memberships.  ERR_REFUSED names the field that is wrong; ERR_EXISTS: name or
 * e-mail is taken; ERR_NOT_FOUND: no such team. */
enum err accounts_user_add(struct accounts *a, const struct account_new *u,
    int64_t now_ms, struct err_info *e);
/* All users by name.  Everything lives in ar. */
enum err accounts_user_list(struct accounts *a, int64_t now_ms,
    struct arena *ar, struct account_user **ret, size_t *n, struct err_info *e);
/* New password; every session of the user ends.  ERR_NOT_FOUND, ERR_REFUSED. */
enum err accounts_passwd(struct accounts *a, struct str name,
    struct str password, struct err_info *e);
/* The user can no longer sign in and every session ends.  ERR_NOT_FOUND; a
 * disabled one may be disabled again. */
enum err accounts_disable(struct accounts *a, struct str name,
    struct err_info *e);
/* A disabled user may sign in again, with the same password.  ERR_NOT_FOUND; one
 * who was not disabled is fine. */
enum err accounts_enable(struct accounts *a, struct str name,
    struct err_info *e);
/* Take a user into a shared team, as member; out of it again.  It counts for the
 * sessions that there are.  Whose default team it was falls back to the private
 * one.  ERR_NOT_FOUND: no such team or user, or not in it; ERR_EXISTS: in it
 * already; ERR_REFUSED: a private team is its user's alone. */
enum err accounts_team_join(struct accounts *a, struct str slug,
    struct str name, struct err_info *e);
enum err accounts_team_leave(struct accounts *a, struct str slug,
    struct str name, struct err_info *e);
/* A new key signs from the next opening on; the one before it is still good, so
 * that nobody is signed out, older ones are forgotten. */
enum err accounts_key_rotate(struct accounts *a, int64_t now_ms,
    struct err_info *e);
/* A new random password, for a new user or passwd. */
void accounts_password_make(struct accounts *a,
    char out[PASSWORD_MADE_LEN + 1]);

/* --- sign-in ---------------------------------------------------------------
 */

/* What a sign-in or a refresh gives.  Strings live in the arena that was passed
 * in; access and refresh are secret. */
struct account_grant {
	struct str access, refresh, session_id;
	struct str team_slug; /* the default team */
	uint64_t generation;
	int64_t access_expires_ms, refresh_expires_ms;
	unsigned access_s, refresh_s; /* lifetimes that are left */
	/* With ERR_THROTTLED and ERR_REPLAY: seconds for Retry-After. */
	unsigned retry_after_s;
};

/* login: user name or e-mail.  address: the peer's, as text.  ERR_CREDENTIALS:
 * no such user, wrong password or disabled, in the same time and with the same
 * text.  ERR_THROTTLED: too many failures for this account or address. */
enum err accounts_login(struct accounts *a, struct str login,
    struct str password, struct str address, int64_t now_ms, struct arena *ar,
    struct account_grant *ret, struct err_info *e);
/* ERR_GRANT, ERR_SESSION, ERR_REPLAY as family.h decides. */
enum err accounts_refresh(struct accounts *a, struct str token, int64_t now_ms,
    struct arena *ar, struct account_grant *ret, struct err_info *e);
/* Sign out: the session ends at once, its tokens are refused.  A session that
 * has ended or is unknown is fine. */
enum err accounts_revoke(struct accounts *a, struct str session_id,
    struct err_info *e);

/* The same by a refresh token, current or spent.  One that is unknown is fine. */
enum err accounts_revoke_token(struct accounts *a, struct str token,
    struct err_info *e);

/* --- who is it -------------------------------------------------------------
 */

struct account_who {
	struct str user_id, name, email;
	struct str session_id, auth_flow; /* "password" */
	const struct account_team *team;  /* sorted by slug */
	size_t n_teams;
	size_t default_team; /* index */
	uint64_t generation; /* of the session's refresh token */
	int64_t authenticated_ms;
	int64_t access_expires_ms; /* of the token that was shown */
	int64_t refresh_expires_ms;
};

/* Whose access token is this?  Everything of *ret lives in ar.
 * ERR_UNAUTHORIZED: not a token of this hub, or expired.  ERR_SESSION: signed
 * out, revoked, or the user was disabled - at once where this process did it,
 * within ACCOUNTS_STALE_MS where another did.  ERR_UNAVAILABLE: nobody could
 * look whether another process did. */
enum err accounts_check(struct accounts *a, struct str access, int64_t now_ms,
    struct arena *ar, struct account_who *ret, struct err_info *e);

/* The same of a session that was signed in for once and goes on: its id is no
 * secret, so whoever asks has to know whose it is.  access_expires_ms is 0. */
enum err accounts_session(struct accounts *a, struct str session_id,
    int64_t now_ms, struct arena *ar, struct account_who *ret,
    struct err_info *e);

/* The team of a request, docs/protocol.md: `header` is X-Team-Slug (n 0 =
 * absent): that team, ERR_FORBIDDEN where the account is not in it.  Else the
 * envelope's team_slug (n 0 = absent) where the account is a member, else the
 * default.  Pure. */
enum err accounts_team_of(const struct account_who *w, struct str header,
    struct str envelope, const struct account_team **ret, struct err_info *e);

/* --- bodies of answers, docs/protocol.md, Sign-in ---------------------------
 */

void accounts_put_grant(struct buf *out, const struct account_grant *g);
void accounts_put_me(struct buf *out, const struct account_who *w);
/* The body of a failed token or refresh; with retry_after where g has one. */
void accounts_put_error(struct buf *out, const struct account_grant *g,
    const struct err_info *e);

#endif
