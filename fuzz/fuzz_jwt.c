/* Access tokens.  Covers jwt_verify in two ways:
 *
 *	the input is a token      nothing that did not come from jwt_sign passes
 *	the input is its claims   signed here, so that their reader is reached
 *
 * and jwt_sign with what was read: it must say the same again. */
#include <stdlib.h>

#include <sodium.h>

#include "b64url.h"
#include "jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct str issuer = { "hub-1", 5 }, audience = { "clowder", 7 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static struct jwt_want
want_of(const struct jwt_key *key)
{
	return (struct jwt_want){
		.kind = JWT_ACCESS,
		.key = key,
		.n = 1,
		.iss = issuer,
		.aud = audience,
		.now_s = 1800000000,
	};
}

/* What was accepted holds, and survives being signed again. */
static void
accepted(const struct jwt_claims *c, const struct jwt_want *want)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct err_info e = { 0 };
	struct jwt_claims again;

	must(str_eq(c->iss, issuer) && str_eq(c->aud, audience));
	must(c->sub.n > 0 && c->sid.n > 0);
	must(c->exp_s > want->now_s && c->iat_s <= want->now_s + JWT_SKEW_S);
	if (jwt_sign(want->key, JWT_ACCESS, c, &b, &e) == ERR_OK) {
		must(jwt_verify(buf_str(&b), want, &a, &again, &e) == ERR_OK);
		must(str_eq(again.sub, c->sub) && str_eq(again.sid, c->sid));
		must(again.exp_s == c->exp_s && again.iat_s == c->iat_s);
	}
	buf_fini(&b);
	arena_fini(&a);
}

static void
as_claims(struct str claims, const struct jwt_want *want)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct err_info e = { 0 };
	struct jwt_claims c;

	buf_adds(&b, want->key->head[JWT_ACCESS]);
	buf_addc(&b, '.');
	b64url_add(&b, claims);
	crypto_auth_hmacsha256(mac, (const uint8_t *)b.data, b.len,
	    want->key->secret);
	buf_addc(&b, '.');
	b64url_add(&b, str_n(mac, sizeof mac));
	if (jwt_verify(buf_str(&b), want, &a, &c, &e) == ERR_OK)
		accepted(&c, want);
	buf_fini(&b);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[JWT_KEY_BYTES] = { 1, 2, 3 };
	struct str in = str_n(data, size);
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct jwt_claims c;
	struct jwt_want want;
	struct jwt_key key;

	jwt_key_init(&key, 1, secret);
	want = want_of(&key);
	/* No input holds a MAC of this key. */
	must(jwt_verify(in, &want, &a, &c, &e) == ERR_UNAUTHORIZED);
	as_claims(in, &want);
	arena_fini(&a);
	return 0;
}
