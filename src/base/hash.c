#include "hash.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Picks the fastest code for this machine.  Its only failure is a missing
 * source of randomness, which hashing does not need. */
static void
pick(void)
{
	if (sodium_init() < 0)
		return; /* the portable code stays in place */
}

static const unsigned char *
bytes(struct str s)
{
	return (const unsigned char *)(s.n ? s.p : "");
}

void
hash_blake2b(struct str s, uint8_t *out, size_t n)
{
	int rc;

	assert(n >= 1 && n <= crypto_generichash_blake2b_BYTES_MAX);
	(void)pthread_once(&once, pick);
	rc = crypto_generichash_blake2b(out, n, bytes(s), s.n, NULL, 0);
	assert(rc == 0); /* fails for a wrong n only */
	(void)rc;
}

void
hash_sha256(struct str s, uint8_t out[32])
{
	int rc = crypto_hash_sha256(out, bytes(s), s.n);

	assert(rc == 0);
	(void)rc;
}

static uint32_t
rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

/* RFC 3174, 6.1: one block of 64 bytes. */
static void
sha1_block(uint32_t h[5], const uint8_t *p)
{
	static const uint32_t k[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
		0xca62c1d6 };
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int t = 0; t < 16; t++, p += 4)
		w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		    (uint32_t)p[2] << 8 | p[3];
	for (int t = 16; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (int t = 0; t < 80; t++) {
		uint32_t f[4] = { (b & c) | (~b & d), b ^ c ^ d,
			(b & c) | (b & d) | (c & d), b ^ c ^ d };
		uint32_t x = rotate(a, 5) + f[t / 20] + e + w[t] + k[t / 20];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = x;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void
hash_sha1(struct str s, uint8_t out[20])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
		0xc3d2e1f0 };
	const uint8_t *p = bytes(s);
	uint64_t bits = (uint64_t)s.n * 8;
	uint8_t last[128] = { 0 };
	size_t left = s.n, size;

	for (; left >= 64; left -= 64, p += 64)
		sha1_block(h, p);
	/* RFC 3174, 4: a one bit, zeros, the length in bits. */
	memcpy(last, p, left);
	last[left] = 0x80;
	size = left < 56 ? 64 : 128;
	for (size_t i = 0; i < 8; i++)
		last[size - 1 - i] = (uint8_t)(bits >> (8 * i));
	sha1_block(h, last);
	if (size > 64)
		sha1_block(h, last + 64);
	for (size_t i = 0; i < 20; i++)
		out[i] = (uint8_t)(h[i / 4] >> (24 - i % 4 * 8));
}

bool
hash_eq(const uint8_t *a, const uint8_t *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void
hash_sum_add(uint8_t sum[32], const uint8_t h[32])
{
	unsigned carry = 0;

	for (int i = 0; i < 32; i++) {
		carry += (unsigned)sum[i] + h[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void
hash_sum_sub(uint8_t sum[32], const uint8_t h[32])
{
	unsigned borrow = 0;

	for (int i = 0; i < 32; i++) {
		unsigned v = 256u + sum[i] - h[i] - borrow;

		sum[i] = (uint8_t)v;
		borrow = v < 256;
	}
}
