#include "family.h"

#include <sodium.h>

#include "b64url.h"
#include "buf.h"

_Static_assert(FAMILY_NONCE_BYTES ==
            crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
        FAMILY_SEALED_BYTES - FAMILY_NONCE_BYTES - FAMILY_TOKEN_BYTES ==
            crypto_aead_xchacha20poly1305_ietf_ABYTES,
    "XChaCha20-Poly1305");

static const char text_prefix[] = "crt_";

void
family_token_text(const uint8_t token[FAMILY_TOKEN_BYTES],
    char out[FAMILY_TEXT_LEN + 1])
{
	size_t n = sizeof text_prefix - 1;

	memcpy(out, text_prefix, n);
	sodium_bin2base64(out + n, FAMILY_TEXT_LEN + 1 - n, token,
	    FAMILY_TOKEN_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool
family_token_parse(struct str s, uint8_t out[FAMILY_TOKEN_BYTES])
{
	size_t prefix = sizeof text_prefix - 1, n;

	return s.n == FAMILY_TEXT_LEN && str_starts(s, STR("crt_")) &&
	    b64url_decode(str_n(s.p + prefix, s.n - prefix), out,
	        FAMILY_TOKEN_BYTES, &n) &&
	    n == FAMILY_TOKEN_BYTES;
}

void
family_token_hash(const uint8_t token[FAMILY_TOKEN_BYTES],
    uint8_t out[FAMILY_HASH_BYTES])
{
	crypto_generichash(out, FAMILY_HASH_BYTES, token, FAMILY_TOKEN_BYTES,
	    NULL, 0);
}

/* Only the spent token gives it: its hash, which is what the hub has, does
 * not. */
static void
seal_key_of(const uint8_t spent[FAMILY_TOKEN_BYTES], uint8_t key[32])
{
	static const char purpose[] = "clowder refresh successor 1";

	crypto_generichash(key, 32, (const uint8_t *)purpose,
	    sizeof purpose - 1, spent, FAMILY_TOKEN_BYTES);
}

static void
successor_seal(const uint8_t spent[FAMILY_TOKEN_BYTES],
    const uint8_t successor[FAMILY_TOKEN_BYTES],
    const uint8_t nonce[FAMILY_NONCE_BYTES], uint8_t out[FAMILY_SEALED_BYTES])
{
	uint8_t key[32];

	seal_key_of(spent, key);
	memcpy(out, nonce, FAMILY_NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + FAMILY_NONCE_BYTES,
	    NULL, successor, FAMILY_TOKEN_BYTES, NULL, 0, NULL, nonce, key);
	sodium_memzero(key, sizeof key);
}

static bool
successor_open(const uint8_t spent[FAMILY_TOKEN_BYTES],
    const uint8_t sealed[FAMILY_SEALED_BYTES], uint8_t out[FAMILY_TOKEN_BYTES])
{
	uint8_t key[32];
	int rc;

	seal_key_of(spent, key);
	rc = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL,
	    sealed + FAMILY_NONCE_BYTES,
	    FAMILY_SEALED_BYTES - FAMILY_NONCE_BYTES, NULL, 0, sealed, key);
	sodium_memzero(key, sizeof key);
	return rc == 0;
}

void
family_start(const uint8_t token[FAMILY_TOKEN_BYTES], int64_t now_ms,
    struct family *ret, struct family_token *ret_token)
{
	*ret = (struct family){
		.state = FAMILY_ACTIVE,
		.expires_ms = now_ms + FAMILY_REFRESH_S * INT64_C(1000),
	};
	*ret_token = (struct family_token){ 0 };
	family_token_hash(token, ret_token->hash);
}

static void
rotate(const struct family_token *t,
    const uint8_t presented[FAMILY_TOKEN_BYTES], int64_t now_ms,
    const uint8_t random[FAMILY_RANDOM_BYTES], struct family_answer *ret)
{
	ret->outcome = FAMILY_ROTATE;
	memcpy(ret->successor, random, FAMILY_TOKEN_BYTES);
	family_start(ret->successor, now_ms, &ret->next, &ret->fresh);
	ret->next.generation = ret->fresh.generation = t->generation + 1;
	ret->spent = *t;
	ret->spent.spent_ms = now_ms;
	ret->spent.has_sealed = true;
	successor_seal(presented, ret->successor, random + FAMILY_TOKEN_BYTES,
	    ret->spent.sealed);
}

static void
repeat(const struct family_token *t,
    const uint8_t presented[FAMILY_TOKEN_BYTES], struct family_answer *ret)
{
	ret->outcome = FAMILY_REPEAT;
	if (!t->has_sealed ||
	    !successor_open(presented, t->sealed, ret->successor)) {
		ret->outcome = FAMILY_REFUSE;
		ret->code = ERR_CORRUPT;
	}
}

static void
replay(const struct family_token *t, int64_t now_ms, struct family_answer *ret)
{
	/* A clock that was set back makes the rotation lie ahead: benign. */
	if (now_ms - t->spent_ms <= FAMILY_GRACE_S * INT64_C(1000)) {
		ret->outcome = FAMILY_RETRY;
		ret->code = ERR_REPLAY;
		ret->retry_after_s = FAMILY_RETRY_S;
		return;
	}
	ret->outcome = FAMILY_REVOKE;
	ret->code = ERR_SESSION;
	ret->next.state = FAMILY_REVOKED;
}

void
family_refresh(const struct family *f, const struct family_token *t,
    const uint8_t presented[FAMILY_TOKEN_BYTES], int64_t now_ms,
    const uint8_t random[FAMILY_RANDOM_BYTES], struct family_answer *ret)
{
	*ret = (struct family_answer){ .outcome = FAMILY_REFUSE };
	if (t == NULL) {
		ret->code = ERR_GRANT;
		return;
	}
	ret->next = *f;
	if (f->state != FAMILY_ACTIVE)
		ret->code = ERR_SESSION;
	else if (now_ms >= f->expires_ms)
		ret->code = ERR_GRANT;
	else if (t->generation == f->generation)
		rotate(t, presented, now_ms, random, ret);
	else if (t->generation + 1 == f->generation)
		repeat(t, presented, ret);
	else if (t->generation < f->generation)
		replay(t, now_ms, ret);
	else
		ret->code = ERR_CORRUPT;
}
