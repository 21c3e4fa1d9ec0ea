/* Sealing of the client's session: a file that is good on this machine and for
 * this user only.  docs/formats.md 6.
 *
 *	"CLWS" version(1) nonce(24) XChaCha20-Poly1305(session)
 *
 * The key is BLAKE2b of the salt (32 random bytes in a file of their own), the
 * machine id and the uid.  It keeps a copied session file useless elsewhere; it
 * is no protection against this user, who can read all three.  Pure; any
 * thread. */
#ifndef CLOWDER_SEAL_H
#define CLOWDER_SEAL_H

#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "str.h"

enum {
	SEAL_KEY_BYTES = 32,
	SEAL_SALT_BYTES = 32,
	SEAL_NONCE_BYTES = 24,
	SEAL_HEAD_BYTES = 5,
	SEAL_EXTRA_BYTES = SEAL_HEAD_BYTES + SEAL_NONCE_BYTES + 16,
	SEAL_BYTES_MAX = 1 << 20 /* of a sealed file */
};

/* machine_id: empty where the machine has none. */
void seal_key(const uint8_t salt[SEAL_SALT_BYTES], struct str machine_id,
    uint64_t uid, uint8_t ret[SEAL_KEY_BYTES]);
/* Append the sealed form.  nonce: random, never used twice.  ERR_TOO_LARGE,
 * ERR_NOMEM. */
enum err seal_add(const uint8_t key[SEAL_KEY_BYTES],
    const uint8_t nonce[SEAL_NONCE_BYTES], struct str plain, struct buf *out,
    struct err_info *e);
/* Append what was sealed.  ERR_CORRUPT: no sealed session, or made on another
 * machine or by another user, or changed (which of these cannot be told).
 * ERR_NEWER: a later version's.  ERR_TOO_LARGE, ERR_NOMEM. */
enum err seal_open(const uint8_t key[SEAL_KEY_BYTES], struct str sealed,
    struct buf *out, struct err_info *e);

#endif
