/* Bombs, lies and garbage; zlib is the independent peer. */
#include <stdlib.h>
#include <zlib.h>

#include "fault.h"
#include "gzip.h"
#include "t.h"

/* Deflate with zlib into *out. */
static void
zlib_gzip(struct str in, struct buf *out)
{
	z_stream z = { 0 };

	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		abort();
	if (!buf_reserve(out, deflateBound(&z, (uLong)in.n)))
		abort();
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	z.next_out = (Bytef *)out->data + out->len;
	z.avail_out = (uInt)(out->cap - 1 - out->len);
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		abort();
	out->len += z.total_out;
	deflateEnd(&z);
}

static void
zlib_gunzip(struct str in, struct buf *out, size_t max)
{
	z_stream z = { 0 };

	if (inflateInit2(&z, 15 + 16) != Z_OK || !buf_reserve(out, max))
		abort();
	z.next_in = (Bytef *)(uintptr_t)in.p;
	z.avail_in = (uInt)in.n;
	z.next_out = (Bytef *)out->data;
	z.avail_out = (uInt)max;
	if (inflate(&z, Z_FINISH) != Z_STREAM_END || z.avail_in != 0)
		abort();
	out->len = z.total_out;
	inflateEnd(&z);
}

/* n bytes: half noise, half repeated, so that it deflates to about half. */
static void
fill(struct buf *b, size_t n, uint64_t seed)
{
	struct t_rng r = { seed };

	while (b->len < n)
		buf_addc(b, (b->len & 64) ? 'x' : (char)t_rand(&r));
	if (b->failed)
		abort();
}

static void
round_trips(void)
{
	static const size_t size[] = { 0, 1, 100, 65536, 1000000 };
	struct gzip g = { 0 };
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		struct buf in = { 0 }, z = { 0 }, out = { 0 };

		t_note("%zu bytes", size[i]);
		fill(&in, size[i], t_seed());
		CHECK_OK(gzip_deflate(&g, buf_str(&in), GZIP_LEVEL, &z, &e),
		    &e);
		CHECK_OK(gzip_inflate(&g, buf_str(&z), size[i], &out, &e), &e);
		CHECK_EQ(buf_str(&out), buf_str(&in));
		zlib_gunzip(buf_str(&z), &out, size[i] + 1);
		CHECK_EQ(buf_str(&out), buf_str(&in));
		buf_reset(&z);
		zlib_gzip(buf_str(&in), &z);
		CHECK_OK(gzip_inflate(&g, buf_str(&z), size[i], &out, &e), &e);
		CHECK_EQ(buf_str(&out), buf_str(&in));
		buf_fini(&in);
		buf_fini(&z);
		buf_fini(&out);
	}
	gzip_fini(&g);
}

static void
stops_at_the_limit(void)
{
	struct buf in = { 0 }, z = { 0 }, out = { 0 };
	struct err_info e = { 0 };
	struct gzip g = { 0 };

	fill(&in, 100000, 1);
	zlib_gzip(buf_str(&in), &z);
	CHECK_OK(gzip_inflate(&g, buf_str(&z), 100000, &out, &e), &e);
	CHECK_ERR(gzip_inflate(&g, buf_str(&z), 99999, &out, &e),
	    ERR_TOO_LARGE);
	CHECK_STR(str_of(e.text), "inflates to more than 99999 bytes");
	CHECK_U(out.len, 0);
	CHECK_ERR(gzip_inflate(&g, buf_str(&z), 0, &out, &e), ERR_TOO_LARGE);
	buf_fini(&in);
	buf_fini(&z);
	buf_fini(&out);
	gzip_fini(&g);
}

/* Zeros deflate by a thousand: refused by ratio, though under the limit, and
 * without the memory that they would need. */
static void
stops_bombs(void)
{
	struct buf in = { 0 }, z = { 0 }, out = { 0 };
	struct err_info e = { 0 };
	struct gzip g = { 0 };

	if (!buf_reserve(&in, 20u << 20))
		abort();
	memset(in.data, 0, 20u << 20);
	in.len = 20u << 20;
	zlib_gzip(buf_str(&in), &z);
	CHECK(z.len * 900 < in.len);
	CHECK_ERR(gzip_inflate(&g, buf_str(&z), SIZE_MAX, &out, &e),
	    ERR_TOO_LARGE);
	CHECK_STR(str_of(e.text), "inflates to more than 200 times its size");
	CHECK(out.cap <= 16u << 20);
	/* Up to 1 MiB the ratio is not asked. */
	buf_reset(&z);
	zlib_gzip(str_n(in.data, GZIP_RATIO_FROM), &z);
	CHECK_OK(gzip_inflate(&g, buf_str(&z), SIZE_MAX, &out, &e), &e);
	CHECK_U(out.len, GZIP_RATIO_FROM);
	buf_reset(&z);
	zlib_gzip(str_n(in.data, GZIP_RATIO_FROM + 1), &z);
	CHECK_ERR(gzip_inflate(&g, buf_str(&z), SIZE_MAX, &out, &e),
	    ERR_TOO_LARGE);
	buf_fini(&in);
	buf_fini(&z);
	buf_fini(&out);
	gzip_fini(&g);
}

static void
counts_members_together(void)
{
	struct buf one = { 0 }, z = { 0 }, out = { 0 };
	struct err_info e = { 0 };
	struct gzip g = { 0 };

	zlib_gzip(STR("ab"), &one);
	for (int i = 0; i < 1000; i++)
		buf_addstr(&z, buf_str(&one));
	CHECK_OK(gzip_inflate(&g, buf_str(&z), 2000, &out, &e), &e);
	CHECK_U(out.len, 2000);
	CHECK(str_ends(buf_str(&out), STR("abab")));
	CHECK_ERR(gzip_inflate(&g, buf_str(&z), 1999, &out, &e), ERR_TOO_LARGE);
	/* Empty members add nothing, also where no room is left. */
	buf_reset(&z);
	zlib_gzip(STR(""), &z);
	buf_addstr(&z, buf_str(&one));
	zlib_gzip(STR(""), &z);
	CHECK_OK(gzip_inflate(&g, buf_str(&z), 2, &out, &e), &e);
	CHECK_STR(buf_str(&out), "ab");
	buf_fini(&one);
	buf_fini(&z);
	buf_fini(&out);
	gzip_fini(&g);
}

/* The trailer's size is a lie: too small, too large. */
static void
does_not_trust_the_trailer(void)
{
	static const uint32_t lie[] = { 0, 1, 99999, 100001, UINT32_MAX };
	struct buf in = { 0 }, z = { 0 }, out = { 0 };
	struct err_info e = { 0 };
	struct gzip g = { 0 };

	fill(&in, 100000, 2);
	zlib_gzip(buf_str(&in), &z);
	for (size_t i = 0; i < sizeof lie / sizeof lie[0]; i++) {
		for (int b = 0; b < 4; b++)
			z.data[z.len - 4 + (size_t)b] =
			    (char)(lie[i] >> (8 * b));
		t_note("%u", lie[i]);
		CHECK_ERR(gzip_inflate(&g, buf_str(&z), 32u << 20, &out, &e),
		    ERR_BAD_REQUEST);
		CHECK(out.cap <= 64u << 20);
		CHECK_ERR(gzip_inflate(&g, buf_str(&z), 5000, &out, &e),
		    ERR_TOO_LARGE);
	}
	buf_fini(&in);
	buf_fini(&z);
	buf_fini(&out);
	gzip_fini(&g);
}

static void
refuses_what_is_broken(void)
{
	struct buf z = { 0 }, bad = { 0 }, out = { 0 };
	struct err_info e = { 0 };
	struct gzip g = { 0 };

	zlib_gzip(STR("hello, hello, hello"), &z);
	for (size_t n = 0; n < z.len; n++) { /* cut anywhere */
		t_note("%zu bytes", n);
		CHECK_ERR(gzip_inflate(&g, str_n(z.data, n), 100, &out, &e),
		    ERR_BAD_REQUEST);
	}
	for (size_t i = z.len - 8; i < z.len; i++) { /* checksum and size */
		buf_reset(&bad);
		buf_addstr(&bad, buf_str(&z));
		bad.data[i] ^= 1;
		t_note("byte %zu", i);
		CHECK_ERR(gzip_inflate(&g, buf_str(&bad), 100, &out, &e),
		    ERR_BAD_REQUEST);
	}
	buf_reset(&bad);
	buf_addstr(&bad, buf_str(&z));
	buf_addc(&bad, '\0'); /* garbage behind it, also zeros */
	t_note("garbage behind");
	CHECK_ERR(gzip_inflate(&g, buf_str(&bad), 100, &out, &e),
	    ERR_BAD_REQUEST);
	buf_adds(&bad, "garbage that is longer than a member");
	CHECK_ERR(gzip_inflate(&g, buf_str(&bad), 100, &out, &e),
	    ERR_BAD_REQUEST);
	CHECK_ERR(gzip_inflate(&g, STR("{\"events\":[]} not gzip"), 100, &out,
	              &e),
	    ERR_BAD_REQUEST);
	CHECK_U(out.len, 0);
	buf_fini(&z);
	buf_fini(&bad);
	buf_fini(&out);
	gzip_fini(&g);
}

static void
survives_out_of_memory(void)
{
	struct buf in = { 0 };
	int n = 0;

	fill(&in, 60000, 3);
	do {
		struct buf z = { 0 }, two = { 0 }, out = { 0 };
		struct err_info e = { 0 };
		struct gzip g = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = gzip_deflate(&g, buf_str(&in), 1, &z, &e);
		/* Twice, so that the output must grow. */
		buf_addstr(&two, buf_str(&z));
		buf_addstr(&two, buf_str(&z));
		if (rc == ERR_OK)
			rc = buf_ok(&two, &e);
		if (rc == ERR_OK)
			rc = gzip_inflate(&g, buf_str(&two), 120000, &out, &e);
		CHECK((rc == ERR_OK) == !fault_hit());
		CHECK(rc == ERR_OK || rc == ERR_NOMEM);
		buf_fini(&z);
		buf_fini(&two);
		buf_fini(&out);
		gzip_fini(&g);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 4);
	buf_fini(&in);
}

int
main(void)
{
	T_RUN(round_trips);
	T_RUN(stops_at_the_limit);
	T_RUN(stops_bombs);
	T_RUN(counts_members_together);
	T_RUN(does_not_trust_the_trailer);
	T_RUN(refuses_what_is_broken);
	T_RUN(survives_out_of_memory);
	return t_done();
}
