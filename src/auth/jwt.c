#include "jwt.h"

#include <sodium.h>
#include <stdio.h>

#include "b64url.h"
#include "json.h"

_Static_assert(JWT_KEY_BYTES == crypto_auth_hmacsha256_KEYBYTES,
    "the key of HMAC-SHA-256");

enum {
	MAC_BYTES = crypto_auth_hmacsha256_BYTES,
	CLAIMS_DEPTH = 1 /* an object of scalars */
};

/* RFC 8725 section 3.11: a type for each kind of token, so that one kind is
 * never taken for another. */
static const char *const typ[JWT_KIND_COUNT] = {
	[JWT_ACCESS] = "at+jwt",
	[JWT_WS] = "ws+jwt",
};

/* The claims that are strings. */
static const struct {
	const char *name;
	size_t at; /* of its struct str in struct jwt_claims */
	bool needed[JWT_KIND_COUNT];
} text_claim[] = {
	{ "aud", offsetof(struct jwt_claims, aud), { true, true } },
	{ "iss", offsetof(struct jwt_claims, iss), { true, true } },
	{ "jti", offsetof(struct jwt_claims, jti), { false, true } },
	{ "sid", offsetof(struct jwt_claims, sid), { true, true } },
	{ "sub", offsetof(struct jwt_claims, sub), { true, true } },
	{ "team", offsetof(struct jwt_claims, team), { false, false } },
};
enum { TEXT_CLAIMS = sizeof text_claim / sizeof text_claim[0] };

void
jwt_key_init(struct jwt_key *k, uint32_t id,
    const uint8_t secret[JWT_KEY_BYTES])
{
	memcpy(k->secret, secret, sizeof k->secret);
	for (int kind = 0; kind < JWT_KIND_COUNT; kind++) {
		char head[64];
		int n = snprintf(head, sizeof head,
		    "{\"alg\":\"HS256\",\"kid\":\"%lu\",\"typ\":\"%s\"}",
		    (unsigned long)id, typ[kind]);

		sodium_bin2base64(k->head[kind], sizeof k->head[kind],
		    (const uint8_t *)head, (size_t)n,
		    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	}
}

static void
mac(const struct jwt_key *k, struct str s, uint8_t out[MAC_BYTES])
{
	crypto_auth_hmacsha256(out, (const uint8_t *)s.p, s.n, k->secret);
}

static const struct str *
claim_at(const struct jwt_claims *c, int i)
{
	return (const struct str *)((const char *)c + text_claim[i].at);
}

static void
claims_add(struct buf *out, const struct jwt_claims *c)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	for (int i = 0; i < TEXT_CLAIMS; i++) {
		if (claim_at(c, i)->n == 0)
			continue;
		json_key(&w, text_claim[i].name);
		json_put_str(&w, *claim_at(c, i));
	}
	json_key(&w, "iat"), json_put_i(&w, c->iat_s);
	json_key(&w, "exp"), json_put_i(&w, c->exp_s);
	json_end(&w);
}

enum err
jwt_sign(const struct jwt_key *k, enum jwt_kind kind,
    const struct jwt_claims *c, struct buf *out, struct err_info *e)
{
	struct buf claims = { 0 };
	size_t start = out->len;
	uint8_t sum[MAC_BYTES];
	enum err rc;

	claims_add(&claims, c);
	rc = buf_ok(&claims, e);
	if (rc != ERR_OK)
		goto done;
	buf_adds(out, k->head[kind]);
	buf_addc(out, '.');
	b64url_add(out, buf_str(&claims));
	if (!buf_reserve(out, 1 + B64URL_LEN(MAC_BYTES)))
		goto grown;
	mac(k, str_n(out->data + start, out->len - start), sum);
	buf_addc(out, '.');
	b64url_add(out, str_n(sum, sizeof sum));
	if (out->len - start > JWT_BYTES_MAX)
		rc = err_setf(e, ERR_TOO_LARGE, "an access token of %zu bytes",
		    out->len - start);
grown:
	if (rc == ERR_OK)
		rc = buf_ok(out, e);
done:
	buf_fini(&claims);
	return rc;
}

static enum err
not_ours(struct err_info *e)
{
	return err_setf(e, ERR_UNAUTHORIZED,
	    "the access token is not one of this hub's");
}

/* The key whose pinned header this is, byte for byte. */
static const struct jwt_key *
key_of(const struct jwt_want *want, struct str head)
{
	for (size_t i = 0; i < want->n; i++)
		if (str_is(head, want->key[i].head[want->kind]))
			return &want->key[i];
	return NULL;
}

/* Three parts, a known header, a MAC that fits: only then are the claims worth
 * a look. */
static bool
authentic(struct str token, const struct jwt_want *want, struct str *claims)
{
	struct str rest = token, head, sig;
	const struct jwt_key *k;
	uint8_t sum[MAC_BYTES];
	size_t n;

	if (token.n > JWT_BYTES_MAX || !str_split(&rest, '.', &head) ||
	    !str_split(&rest, '.', claims) || !str_split(&rest, '.', &sig))
		return false;
	/* Exactly two dots: the parts and their dots make the whole. */
	if (head.n + claims->n + sig.n + 2 != token.n)
		return false;
	k = key_of(want, head);
	return k != NULL && b64url_decode(sig, sum, sizeof sum, &n) &&
	    n == sizeof sum &&
	    crypto_auth_hmacsha256_verify(sum, (const uint8_t *)token.p,
	        head.n + 1 + claims->n, k->secret) == 0;
}

static enum err
claims_read(struct str text, enum jwt_kind kind, struct arena *a,
    struct jwt_claims *ret, struct err_info *e)
{
	struct json j = { 0 };
	enum err rc;
	uint32_t at;

	*ret = (struct jwt_claims){ 0 };
	rc = json_parse(&j, text, CLAIMS_DEPTH, e);
	if (rc == ERR_OK)
		rc = json_check(&j, 0, CLAIMS_DEPTH, e);
	if (rc == ERR_NOMEM)
		goto done;
	if (rc != ERR_OK)
		goto bad;
	for (int i = 0; i < TEXT_CLAIMS; i++) {
		struct str *s = (struct str *)((char *)ret + text_claim[i].at);

		at = json_get(&j, 0, text_claim[i].name);
		if (at == 0 && !text_claim[i].needed[kind])
			continue;
		if (at == 0 || json_kind(&j, at) != JSON_STRING)
			goto bad;
		if (!json_str(&j, at, a, s)) {
			rc = err_set(e, ERR_NOMEM);
			goto done;
		}
		if (s->n == 0)
			goto bad;
	}
	if ((at = json_get(&j, 0, "iat")) == 0 ||
	    !json_i53(&j, at, &ret->iat_s) ||
	    (at = json_get(&j, 0, "exp")) == 0 ||
	    !json_i53(&j, at, &ret->exp_s))
		goto bad;
	goto done;
bad:
	rc = not_ours(e);
done:
	json_fini(&j);
	return rc;
}

enum err
jwt_verify(struct str token, const struct jwt_want *want, struct arena *a,
    struct jwt_claims *ret, struct err_info *e)
{
	struct str part, text;
	uint8_t *plain;
	enum err rc;

	if (!authentic(token, want, &part))
		return not_ours(e);
	plain = arena_alloc(a, part.n + 1);
	if (plain == NULL)
		return err_set(e, ERR_NOMEM);
	if (!b64url_decode(part, plain, part.n, &text.n))
		return not_ours(e);
	text.p = (const char *)plain;
	rc = claims_read(text, want->kind, a, ret, e);
	if (rc != ERR_OK)
		return rc;
	if (!str_eq(ret->iss, want->iss) || !str_eq(ret->aud, want->aud) ||
	    ret->iat_s > want->now_s + JWT_SKEW_S || ret->exp_s <= ret->iat_s)
		return not_ours(e);
	if (want->now_s >= ret->exp_s)
		return err_setf(e, ERR_UNAUTHORIZED,
		    "the access token has expired");
	return ERR_OK;
}
