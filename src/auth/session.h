/* The session that a client keeps after a sign-in, as JSON (sealed on disk).
 * Fields and their names are those of docs/formats.md 6, so that a person who
 * knows them finds them.  Pure; any thread. */
#ifndef CLOWDER_SESSION_H
#define CLOWDER_SESSION_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum session_method {
	SESSION_PASSWORD,
	SESSION_AUTHORIZATION_CODE,
	SESSION_DEVICE_CODE,
	SESSION_METHOD_COUNT
};

struct session_team {
	struct str id, slug, name, role;
};

enum { SESSION_NEVER = -1 };

struct session {
	struct str user_id, email, name;
	const struct session_team
	    *team; /* borrow, or in the arena of the decoder */
	size_t n_teams;
	struct str default_team_id;
	struct str access_token, refresh_token; /* secret */
	struct str session_id;
	struct str server_url; /* the hub whose tokens these are; they go
	                          nowhere else.  n 0 = not said */
	struct str scope;
	int64_t issued_ms, access_expires_ms, last_used_ms; /* since 1970 */
	int64_t refresh_expires_ms; /* SESSION_NEVER = null */
	uint64_t generation;
	enum session_method method;
};

const char *session_method_name(enum session_method m);

/* Append the JSON; times are written to the millisecond. */
enum err session_encode(const struct session *s, struct buf *out,
    struct err_info *e);
/* Everything of *ret lives in a, nothing in text.  ERR_CORRUPT names the field
 * that is missing or wrong; members that are not known are passed over.
 * ERR_NOMEM. */
enum err session_decode(struct str text, struct arena *a, struct session *ret,
    struct err_info *e);

/* The same material: (session_id, refresh_token) equal, byte for byte.  The
 * only comparison that a refresh makes. */
bool session_same(const struct session *a, const struct session *b);
/* The access token is good for at least margin_ms more. */
bool session_fresh(const struct session *s, int64_t now_ms, int64_t margin_ms);

#endif
