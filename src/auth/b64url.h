/* base64url without padding (RFC 4648 section 5), strict: one text for each run
 * of bytes. */
#ifndef CLOWDER_B64URL_H
#define CLOWDER_B64URL_H

#include "buf.h"
#include "str.h"

/* Characters that n bytes make. */
#define B64URL_LEN(n) (((n)*4 + 2) / 3)

void b64url_add(struct buf *out, struct str bytes);
/* False where s has another character (padding and white space too), an
 * impossible length or stray bits at its end, or makes more than cap bytes. */
bool b64url_decode(struct str s, uint8_t *out, size_t cap, size_t *ret_n);

#endif
