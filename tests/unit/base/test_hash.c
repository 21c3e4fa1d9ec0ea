/* Hashes against the vectors of their specifications. */
#include "hash.h"

#include <stdlib.h>

#include "t.h"

static struct str
hex(const uint8_t *p, size_t n)
{
	static char out[129];

	hex_encode(p, n, out);
	return str_n(out, 2 * n);
}

static void
sha1(void)
{
	uint8_t h[20];
	char *million = malloc(1000000);
	char eighty[640];

	/* RFC 3174, 7.3: TEST1, TEST2, TEST3, TEST4. */
	hash_sha1(STR("abc"), h);
	CHECK_STR(hex(h, 20), "a9993e364706816aba3e25717850c26c9cd0d89d");
	hash_sha1(
	    STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), h);
	CHECK_STR(hex(h, 20), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	memset(million, 'a', 1000000);
	hash_sha1(str_n(million, 1000000), h);
	CHECK_STR(hex(h, 20), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	for (size_t i = 0; i < sizeof eighty; i++)
		eighty[i] = (char)('0' + i % 8);
	hash_sha1(str_n(eighty, sizeof eighty), h);
	CHECK_STR(hex(h, 20), "dea356a2cddd90c7a7ecedc5ebb563934f460452");
	hash_sha1(str_n(NULL, 0), h);
	CHECK_STR(hex(h, 20), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	free(million);
}

/* Around the length where the padding needs a block of its own. */
static void
sha1_padding(void)
{
	static const struct {
		size_t n;
		const char *want;
	} row[] = {
		{ 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" },
		{ 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
		{ 63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5" },
		{ 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" },
		{ 65, "11655326c708d70319be2610e8a57d9a5b959d3b" },
	};
	uint8_t h[20];
	char a[65];

	memset(a, 'a', sizeof a);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%zu bytes", row[i].n);
		hash_sha1(str_n(a, row[i].n), h);
		CHECK_STR(hex(h, 20), row[i].want);
	}
}

static void
blake2b(void)
{
	uint8_t h[64];

	/* RFC 7693, appendix A. */
	hash_blake2b(STR("abc"), h, 64);
	CHECK_STR(hex(h, 64),
	    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
	    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
	hash_blake2b(STR(""), h, 32);
	CHECK_STR(hex(h, 32),
	    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	hash_blake2b(str_n(NULL, 0), h, 8);
	CHECK_STR(hex(h, 8), "e4a6a0577479b2b4");
	hash_blake2b(STR("abc"), h, 1);
	CHECK_STR(hex(h, 1), "6b");
}

static void
sha256(void)
{
	uint8_t h[32];

	hash_sha256(STR("abc"), h);
	CHECK_STR(hex(h, 32),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256(str_n(NULL, 0), h);
	CHECK_STR(hex(h, 32),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
sums_do_not_know_the_order(void)
{
	uint8_t h[3][32], a[32] = { 0 }, b[32] = { 0 }, zero[32] = { 0 };

	for (size_t i = 0; i < 3; i++)
		hash_blake2b(str_n(&"xyz"[i], 1), h[i], 32);
	for (size_t i = 0; i < 3; i++) {
		hash_sum_add(a, h[i]);
		hash_sum_add(b, h[2 - i]);
	}
	CHECK(hash_eq(a, b, 32));
	CHECK(!hash_eq(a, zero, 32));
	for (size_t i = 0; i < 3; i++)
		hash_sum_sub(a, h[i]);
	CHECK(hash_eq(a, zero, 32));
}

static void
sums_carry_and_wrap(void)
{
	uint8_t sum[32], one[32] = { 1 }, zero[32] = { 0 };

	memset(sum, 0xff, sizeof sum);
	hash_sum_add(sum, one);
	CHECK(hash_eq(sum, zero, 32));
	hash_sum_sub(sum, one);
	for (size_t i = 0; i < 32; i++)
		CHECK_U(sum[i], 0xff);
	memset(sum, 0, sizeof sum);
	sum[0] = 0xff;
	hash_sum_add(sum, one);
	CHECK_U(sum[0], 0);
	CHECK_U(sum[1], 1);
	hash_sum_sub(sum, one);
	CHECK_U(sum[0], 0xff);
	CHECK_U(sum[1], 0);
}

int
main(void)
{
	T_RUN(sha1);
	T_RUN(sha1_padding);
	T_RUN(blake2b);
	T_RUN(sha256);
	T_RUN(sums_do_not_know_the_order);
	T_RUN(sums_carry_and_wrap);
	return t_done();
}
