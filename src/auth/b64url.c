#include "b64url.h"

#include <sodium.h>

enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

void
b64url_add(struct buf *out, struct str bytes)
{
	size_t len = B64URL_LEN(bytes.n);

	if (bytes.n == 0 || !buf_reserve(out, len))
		return;
	sodium_bin2base64(out->data + out->len, len + 1,
	    (const uint8_t *)bytes.p, bytes.n, VARIANT);
	out->len += len;
}

/* libsodium 1.0.18 takes every byte from 0x80 on for a letter. */
static bool
is_letters(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		        (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return true;
}

bool
b64url_decode(struct str s, uint8_t *out, size_t cap, size_t *ret_n)
{
	/* Without an end pointer, libsodium takes the whole text or nothing,
	 * and refuses bits that no byte holds. */
	*ret_n = 0;
	return s.n == 0 ||
	    (is_letters(s) &&
	        sodium_base642bin(out, cap, s.p, s.n, NULL, ret_n, NULL,
	            VARIANT) == 0);
}
