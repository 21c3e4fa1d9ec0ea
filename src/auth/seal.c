#include "seal.h"

#include <sodium.h>

static const uint8_t head[SEAL_HEAD_BYTES] = { 'C', 'L', 'W', 'S', 1 };

enum {
	MAGIC_BYTES = SEAL_HEAD_BYTES - 1,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES
};

_Static_assert(SEAL_NONCE_BYTES ==
            crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
        SEAL_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
        SEAL_EXTRA_BYTES == SEAL_HEAD_BYTES + SEAL_NONCE_BYTES + TAG_BYTES,
    "XChaCha20-Poly1305");

static void
hash_u64(crypto_generichash_state *st, uint64_t v)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	crypto_generichash_update(st, b, sizeof b);
}

void
seal_key(const uint8_t salt[SEAL_SALT_BYTES], struct str machine_id,
    uint64_t uid, uint8_t ret[SEAL_KEY_BYTES])
{
	static const char purpose[] = "clowder session 1";
	crypto_generichash_state st;

	crypto_generichash_init(&st, salt, SEAL_SALT_BYTES, SEAL_KEY_BYTES);
	crypto_generichash_update(&st, (const uint8_t *)purpose,
	    sizeof purpose);
	hash_u64(&st, machine_id.n); /* so that no two inputs read the same */
	crypto_generichash_update(&st, (const uint8_t *)machine_id.p,
	    machine_id.n);
	hash_u64(&st, uid);
	crypto_generichash_final(&st, ret, SEAL_KEY_BYTES);
}

enum err
seal_add(const uint8_t key[SEAL_KEY_BYTES],
    const uint8_t nonce[SEAL_NONCE_BYTES], struct str plain, struct buf *out,
    struct err_info *e)
{
	unsigned long long n = 0;

	if (plain.n > SEAL_BYTES_MAX - SEAL_EXTRA_BYTES)
		return err_setf(e, ERR_TOO_LARGE, "a session of %zu bytes",
		    plain.n);
	buf_add(out, head, sizeof head);
	buf_add(out, nonce, SEAL_NONCE_BYTES);
	if (!buf_reserve(out, plain.n + TAG_BYTES))
		return buf_ok(out, e);
	crypto_aead_xchacha20poly1305_ietf_encrypt((uint8_t *)out->data +
	        out->len,
	    &n, (const uint8_t *)plain.p, plain.n, head, sizeof head, NULL,
	    nonce, key);
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return ERR_OK;
}

static enum err
head_check(struct str sealed, struct err_info *e)
{
	if (sealed.n < SEAL_HEAD_BYTES ||
	    memcmp(sealed.p, head, MAGIC_BYTES) != 0)
		return err_setf(e, ERR_CORRUPT, "not a sealed session");
	if ((uint8_t)sealed.p[MAGIC_BYTES] > head[MAGIC_BYTES])
		return err_setf(e, ERR_NEWER,
		    "the session was sealed by a newer version");
	if ((uint8_t)sealed.p[MAGIC_BYTES] != head[MAGIC_BYTES] ||
	    sealed.n < SEAL_EXTRA_BYTES)
		return err_setf(e, ERR_CORRUPT,
		    "the sealed session is cut off or damaged");
	if (sealed.n > SEAL_BYTES_MAX)
		return err_setf(e, ERR_TOO_LARGE,
		    "a sealed session of %zu bytes", sealed.n);
	return ERR_OK;
}

enum err
seal_open(const uint8_t key[SEAL_KEY_BYTES], struct str sealed, struct buf *out,
    struct err_info *e)
{
	const uint8_t *nonce = (const uint8_t *)sealed.p + SEAL_HEAD_BYTES;
	unsigned long long n = 0;
	enum err rc = head_check(sealed, e);

	if (rc != ERR_OK)
		return rc;
	if (!buf_reserve(out, sealed.n - SEAL_EXTRA_BYTES))
		return buf_ok(out, e);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt((uint8_t *)out->data +
	            out->len,
	        &n, NULL, nonce + SEAL_NONCE_BYTES,
	        sealed.n - SEAL_HEAD_BYTES - SEAL_NONCE_BYTES, head,
	        sizeof head, nonce, key) != 0) {
		out->data[out->len] = '\0';
		return err_setf(e, ERR_CORRUPT,
		    "the session cannot be opened: it is bound to the machine "
		    "and the user that made it, or it was changed");
	}
	out->len += (size_t)n;
	out->data[out->len] = '\0';
	return ERR_OK;
}
