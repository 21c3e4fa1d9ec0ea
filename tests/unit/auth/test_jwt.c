/* Access tokens: what a hub signs it accepts; every way to forge one that the
 * field knows is refused. */
#include "jwt.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "b64url.h"
#include "fault.h"
#include "t.h"

enum { NOW_S = 1800000000 };

static struct jwt_key key[2], foreign;
static struct arena arena;

static const struct jwt_claims claims = {
	.sub = { "user-1", 6 },
	.sid = { "session-1", 9 },
	.iss = { "hub-1", 5 },
	.aud = { "clowder", 7 },
	.iat_s = NOW_S,
	.exp_s = NOW_S + 3600,
};

static struct jwt_want
want_of(enum jwt_kind kind)
{
	return (struct jwt_want){
		.kind = kind,
		.key = key,
		.n = 2,
		.iss = claims.iss,
		.aud = claims.aud,
		.now_s = NOW_S,
	};
}

static void
keys_init(void)
{
	uint8_t secret[JWT_KEY_BYTES];

	for (unsigned i = 0; i < 2; i++) {
		memset(secret, (int)(i + 1), sizeof secret);
		jwt_key_init(&key[i], i + 1, secret);
	}
	/* Another hub's key of the same number. */
	memset(secret, 77, sizeof secret);
	jwt_key_init(&foreign, 1, secret);
}

static enum err
verify(struct str token, const struct jwt_want *want, struct jwt_claims *ret)
{
	struct err_info e = { 0 };

	arena_reset(&arena);
	return jwt_verify(token, want, &arena, ret, &e);
}

/* A token of any header and claims with a MAC that is right for the key. */
static void
sign_raw(struct buf *out, const char *head, const char *body,
    const struct jwt_key *k)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	buf_reset(out);
	b64url_add(out, str_of(head));
	buf_addc(out, '.');
	b64url_add(out, str_of(body));
	crypto_auth_hmacsha256(mac, (const uint8_t *)out->data, out->len,
	    k->secret);
	buf_addc(out, '.');
	b64url_add(out, str_n(mac, sizeof mac));
}

static const char head_ok[] =
    "{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"at+jwt\"}";
static const char body_ok[] =
    "{\"aud\":\"clowder\",\"iss\":\"hub-1\",\"sid\":\"s\",\"sub\":\"u\","
    "\"iat\":1800000000,\"exp\":1800003600}";

static void
accepts_what_it_signs(void)
{
	struct jwt_want want = want_of(JWT_ACCESS);
	struct jwt_claims got;
	struct err_info e = { 0 };
	struct buf b = { 0 };

	for (int i = 0; i < 2; i++) {
		buf_reset(&b);
		CHECK_OK(jwt_sign(&key[i], JWT_ACCESS, &claims, &b, &e), &e);
		CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_OK);
		CHECK_STR(got.sub, "user-1");
		CHECK_STR(got.sid, "session-1");
		CHECK_STR(got.iss, "hub-1");
		CHECK_STR(got.aud, "clowder");
		CHECK_U(got.jti.n, 0);
		CHECK_I(got.iat_s, NOW_S);
		CHECK_I(got.exp_s, NOW_S + 3600);
	}
	sign_raw(&b, head_ok, body_ok, &key[0]);
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_OK);
	buf_fini(&b);
}

static void
keeps_kinds_apart(void)
{
	struct jwt_want access = want_of(JWT_ACCESS), ws = want_of(JWT_WS);
	struct jwt_claims c = claims, got;
	struct err_info e = { 0 };
	struct buf b = { 0 };

	c.jti = STR("once");
	c.team = STR("team-1");
	CHECK_OK(jwt_sign(&key[0], JWT_WS, &c, &b, &e), &e);
	CHECK_ERR(verify(buf_str(&b), &ws, &got), ERR_OK);
	CHECK_STR(got.jti, "once");
	CHECK_STR(got.team, "team-1");
	CHECK_ERR(verify(buf_str(&b), &access, &got), ERR_UNAUTHORIZED);
	buf_reset(&b);
	CHECK_OK(jwt_sign(&key[0], JWT_ACCESS, &c, &b, &e), &e);
	CHECK_ERR(verify(buf_str(&b), &ws, &got), ERR_UNAUTHORIZED);
	/* A ws token without an id could be used twice. */
	buf_reset(&b);
	CHECK_OK(jwt_sign(&key[0], JWT_WS, &claims, &b, &e), &e);
	CHECK_ERR(verify(buf_str(&b), &ws, &got), ERR_UNAUTHORIZED);
	buf_fini(&b);
}

/* Headers with a MAC that is right: whoever holds no key cannot make even
 * these, and they are refused all the same. */
static void
pins_the_header(void)
{
	static const char *const head[] = {
		"{\"alg\":\"none\",\"kid\":\"1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"None\",\"kid\":\"1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS384\",\"kid\":\"1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"RS256\",\"kid\":\"1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"hs256\",\"kid\":\"1\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"ws+jwt\"}",
		"{\"alg\":\"HS256\",\"kid\":\"1\"}",
		"{\"alg\":\"HS256\",\"kid\":1,\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS256\",\"kid\":\"01\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS256\",\"kid\":\"3\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS256\",\"kid\":\"../../key\",\"typ\":\"at+jwt\"}",
		"{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"1\"}",
		"{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"at+jwt\" }",
		"{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"at+jwt\",\"crit\":["
		"]}",
		"{\"alg\":\"HS256\",\"kid\":\"1\",\"typ\":\"at+jwt\",\"jwk\":{}"
		"}",
		"{}",
		"",
	};
	struct jwt_want want = want_of(JWT_ACCESS);
	struct jwt_claims got;
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof head / sizeof head[0]; i++) {
		t_note("%s", head[i]);
		sign_raw(&b, head[i], body_ok, &key[0]);
		CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_UNAUTHORIZED);
	}
	/* The right header under the other key's MAC. */
	t_note("key 2 under kid 1");
	sign_raw(&b, head_ok, body_ok, &key[1]);
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_UNAUTHORIZED);
	t_note("a key of another hub");
	sign_raw(&b, head_ok, body_ok, &foreign);
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_UNAUTHORIZED);
	t_note("a key that was retired");
	sign_raw(&b, head_ok, body_ok, &key[0]);
	want.key++, want.n--;
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_UNAUTHORIZED);
	buf_fini(&b);
}

static void
refuses_odd_forms(void)
{
	struct jwt_want want = want_of(JWT_ACCESS);
	struct buf good = { 0 }, b = { 0 };
	struct jwt_claims got;
	struct str head, body, sig, rest;

	sign_raw(&good, head_ok, body_ok, &key[0]);
	rest = buf_str(&good);
	CHECK(str_split(&rest, '.', &head) && str_split(&rest, '.', &body) &&
	    str_split(&rest, '.', &sig));

#define REFUSED(...) \
	do { \
		t_note("%s", #__VA_ARGS__); \
		buf_reset(&b); \
		buf_addf(&b, __VA_ARGS__); \
		CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_UNAUTHORIZED); \
	} while (0)
#define H STR_ARG(head)
#define B STR_ARG(body)
#define S STR_ARG(sig)
	REFUSED("%.*s.%.*s.", H, B);
	REFUSED("%.*s.%.*s", H, B);
	REFUSED("%.*s..%.*s", H, S);
	REFUSED(".%.*s.%.*s", B, S);
	REFUSED("%.*s.%.*s.%.*s.", H, B, S);
	REFUSED("%.*s.%.*s.%.*s.x", H, B, S);
	REFUSED("%.*s.%.*s.%.*s.%.*s", H, B, S, S);
	REFUSED(".%.*s.%.*s.%.*s", H, B, S);
	REFUSED("%.*s.%.*s.%.*s=", H, B, S);
	REFUSED("%.*s.%.*s.%.*s\n", H, B, S);
	REFUSED(" %.*s.%.*s.%.*s", H, B, S);
	REFUSED("%.*s.%.*s.A%.*s", H, B, S);
	REFUSED("%.*s.%.*s.%.*s", H, B, (int)sig.n - 1, sig.p);
	REFUSED("%.*s.%.*s.%.*s", B, H, S);
	REFUSED("%s", "");
	REFUSED("%s", ".");
	REFUSED("%s", "..");
	REFUSED("%s", "...");
#undef REFUSED
	buf_fini(&good);
	buf_fini(&b);
}

/* One bit anywhere: refused.  Also the bits of the last character that no byte
 * holds, where a lax decoder would not notice. */
static void
notices_every_changed_bit(void)
{
	struct jwt_want want = want_of(JWT_ACCESS);
	struct buf b = { 0 };
	struct jwt_claims got;

	sign_raw(&b, head_ok, body_ok, &key[0]);
	for (size_t i = 0; i < b.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			t_note("byte %zu bit %d", i, bit);
			b.data[i] = (char)(b.data[i] ^ (1 << bit));
			CHECK_ERR(verify(buf_str(&b), &want, &got),
			    ERR_UNAUTHORIZED);
			b.data[i] = (char)(b.data[i] ^ (1 << bit));
		}
	t_note("unchanged");
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_OK);
	for (size_t n = 0; n < b.len; n++) {
		t_note("cut to %zu", n);
		CHECK_ERR(verify(str_n(b.data, n), &want, &got),
		    ERR_UNAUTHORIZED);
	}
	buf_fini(&b);
}

/* Signed by ourselves and yet not a whole set of claims. */
static void
judges_claims(void)
{
#define IDS "\"aud\":\"clowder\",\"iss\":\"hub-1\",\"sid\":\"s\",\"sub\":\"u\","
	static const struct {
		const char *body;
		enum err rc;
	} row[] = {
		{ "{" IDS "\"iat\":1800000000,\"exp\":1800003600}", ERR_OK },
		{ "{" IDS "\"iat\":1800000000,\"exp\":1800003600,\"new\":[]}",
		    ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000000,\"exp\":1800003600,\"new\":1}",
		    ERR_OK },
		/* time */
		{ "{" IDS "\"iat\":1799996400,\"exp\":1800000001}", ERR_OK },
		{ "{" IDS "\"iat\":1799996400,\"exp\":1800000000}",
		    ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000060,\"exp\":1800003600}", ERR_OK },
		{ "{" IDS "\"iat\":1800000061,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000060,\"exp\":1800000060}",
		    ERR_UNAUTHORIZED },
		{ "{" IDS "\"exp\":1800003600}", ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000000}", ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000000,\"exp\":\"1800003600\"}",
		    ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000000,\"exp\":1e12}",
		    ERR_UNAUTHORIZED },
		{ "{" IDS "\"iat\":1800000000,\"exp\":9007199254740992}",
		    ERR_UNAUTHORIZED },
		/* twice: which one would be meant? */
		{ "{" IDS "\"iat\":1800000000,\"exp\":1,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		/* who and for whom */
		{ "{\"aud\":\"other\",\"iss\":\"hub-1\",\"sid\":\"s\",\"sub\":"
		  "\"u\",\"iat\":1800000000,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		{ "{\"aud\":[\"clowder\"],\"iss\":\"hub-1\",\"sid\":\"s\","
		  "\"sub\":\"u\",\"iat\":1800000000,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		{ "{\"aud\":\"clowder\",\"iss\":\"hub-2\",\"sid\":\"s\","
		  "\"sub\":"
		  "\"u\",\"iat\":1800000000,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		{ "{\"aud\":\"clowder\",\"iss\":\"hub-1\",\"sub\":\"u\","
		  "\"iat\":"
		  "1800000000,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		{ "{\"aud\":\"clowder\",\"iss\":\"hub-1\",\"sid\":\"\",\"sub\":"
		  "\"u\",\"iat\":1800000000,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		{ "{\"aud\":\"clowder\",\"iss\":\"hub-1\",\"sid\":\"s\","
		  "\"sub\":"
		  "7,\"iat\":1800000000,\"exp\":1800003600}",
		    ERR_UNAUTHORIZED },
		/* no claims at all */
		{ "[]", ERR_UNAUTHORIZED },
		{ "\"text\"", ERR_UNAUTHORIZED },
		{ "{", ERR_UNAUTHORIZED },
		{ "{}", ERR_UNAUTHORIZED },
	};
#undef IDS
	struct jwt_want want = want_of(JWT_ACCESS);
	struct jwt_claims got;
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].body);
		sign_raw(&b, head_ok, row[i].body, &key[0]);
		CHECK_ERR(verify(buf_str(&b), &want, &got), row[i].rc);
	}
	buf_fini(&b);
}

static void
tells_expired_from_forged(void)
{
	struct jwt_want want = want_of(JWT_ACCESS);
	struct err_info e = { 0 };
	struct buf b = { 0 };
	struct jwt_claims got;

	CHECK_OK(jwt_sign(&key[0], JWT_ACCESS, &claims, &b, &e), &e);
	want.now_s = claims.exp_s - 1;
	CHECK_OK(jwt_verify(buf_str(&b), &want, &arena, &got, &e), &e);
	want.now_s = claims.exp_s;
	CHECK_ERR(jwt_verify(buf_str(&b), &want, &arena, &got, &e),
	    ERR_UNAUTHORIZED);
	CHECK_STR(str_of(e.text), "the access token has expired");
	b.data[b.len - 3] ^= 1;
	CHECK_ERR(jwt_verify(buf_str(&b), &want, &arena, &got, &e),
	    ERR_UNAUTHORIZED);
	CHECK_STR(str_of(e.text), "the access token is not one of this hub's");
	buf_fini(&b);
}

static void
bounds_the_size(void)
{
	static char long_text[JWT_BYTES_MAX];
	struct jwt_want want = want_of(JWT_ACCESS);
	struct jwt_claims c = claims, got;
	struct err_info e = { 0 };
	struct buf b = { 0 };

	memset(long_text, 'a', sizeof long_text);
	c.team = str_n(long_text, 2800);
	CHECK_OK(jwt_sign(&key[0], JWT_ACCESS, &c, &b, &e), &e);
	CHECK(b.len <= JWT_BYTES_MAX);
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_OK);
	buf_reset(&b);
	c.team = str_n(long_text, sizeof long_text);
	CHECK_ERR(jwt_sign(&key[0], JWT_ACCESS, &c, &b, &e), ERR_TOO_LARGE);
	/* A MAC that is right does not make it short. */
	CHECK(b.len > JWT_BYTES_MAX);
	CHECK_ERR(verify(buf_str(&b), &want, &got), ERR_UNAUTHORIZED);
	buf_fini(&b);
}

static void
survives_every_failed_allocation(void)
{
	struct jwt_want want = want_of(JWT_ACCESS);
	int n = 0;

	do {
		struct arena a = { 0 };
		struct buf b = { 0 };
		struct err_info e = { 0 };
		struct jwt_claims got;
		enum err rc;

		fault_arm(n++);
		rc = jwt_sign(&key[0], JWT_ACCESS, &claims, &b, &e);
		if (rc == ERR_OK)
			rc = jwt_verify(buf_str(&b), &want, &a, &got, &e);
		t_note("fault %d", n - 1);
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
		buf_fini(&b);
		arena_fini(&a);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 3);
}

int
main(void)
{
	keys_init();
	T_RUN(accepts_what_it_signs);
	T_RUN(keeps_kinds_apart);
	T_RUN(pins_the_header);
	T_RUN(refuses_odd_forms);
	T_RUN(notices_every_changed_bit);
	T_RUN(judges_claims);
	T_RUN(tells_expired_from_forged);
	T_RUN(bounds_the_size);
	T_RUN(survives_every_failed_allocation);
	arena_fini(&arena);
	return t_done();
}
