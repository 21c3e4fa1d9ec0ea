/* Hashes, on libsodium.  BLAKE2b (RFC 7693) everywhere but where a protocol
 * names SHA-256. */
#ifndef CLOWDER_HASH_H
#define CLOWDER_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "str.h"

enum { HASH_BYTES = 32 };

/* BLAKE2b without key, n bytes (1..64) of output. */
void hash_blake2b(struct str s, uint8_t *out, size_t n);
void hash_sha256(struct str s, uint8_t out[32]);
void hash_sha1(struct str s, uint8_t out[20]); /* UUID version 5 only */
/* Constant time. */
bool hash_eq(const uint8_t *a, const uint8_t *b, size_t n);
/* Sum and difference modulo 2^256, little-endian: a digest of a set that does
 * not depend on order (docs/merge.md, Canonical form and digest). */
void hash_sum_add(uint8_t sum[32], const uint8_t h[32]);
void hash_sum_sub(uint8_t sum[32], const uint8_t h[32]);

#endif
