/* Access tokens: JWTs (RFC 7519) in the one form that a hub makes itself.
 *
 * Against the known ways to forge one (RFC 8725): the algorithm belongs to the
 * key and is never read from the token.  For each key and kind of token there
 * is exactly one header, and a token's first part is compared with it byte for
 * byte, so `none`, another algorithm, another key or another kind of token is
 * simply not ours.  The MAC is checked before the claims are decoded.
 *
 *	header . claims . HMAC-SHA-256(key, header . claims)
 *
 * Pure; any thread. */
#ifndef CLOWDER_JWT_H
#define CLOWDER_JWT_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum {
	JWT_KEY_BYTES = 32,
	JWT_BYTES_MAX = 4096, /* of a whole token */
	JWT_SKEW_S = 60       /* how far in the future `iat` may lie */
};

enum jwt_kind {
	JWT_ACCESS, /* REST calls; an hour */
	JWT_WS,     /* one WebSocket connection; single use by its jti */
	JWT_KIND_COUNT
};

struct jwt_key {
	uint8_t secret[JWT_KEY_BYTES];
	/* The pinned first part for each kind, ready to compare. */
	char head[JWT_KIND_COUNT][80];
};

/* id: row of the key in the hub's table; it is the `kid` of the header. */
void jwt_key_init(struct jwt_key *k, uint32_t id,
    const uint8_t secret[JWT_KEY_BYTES]);

struct jwt_claims {
	struct str sub; /* user id */
	struct str sid; /* session id */
	struct str iss, aud;
	struct str jti;  /* id of the token; n 0 = none, JWT_WS must have one */
	struct str team; /* the one team it is for; n 0 = none */
	int64_t iat_s, exp_s; /* since 1970 */
};

/* Append a token.  Claims are at most JWT_BYTES_MAX in all (ERR_TOO_LARGE). */
enum err jwt_sign(const struct jwt_key *k, enum jwt_kind kind,
    const struct jwt_claims *c, struct buf *out, struct err_info *e);

struct jwt_want {
	enum jwt_kind kind;
	const struct jwt_key *key; /* borrow; every key that is still good */
	size_t n;
	struct str iss, aud;
	int64_t now_s;
};

/* Strings of *ret live in a.  ERR_UNAUTHORIZED for everything that is wrong
 * with the token; the text tells an expired one from one that is not ours.
 * ERR_NOMEM. */
enum err jwt_verify(struct str token, const struct jwt_want *want,
    struct arena *a, struct jwt_claims *ret, struct err_info *e);

#endif
