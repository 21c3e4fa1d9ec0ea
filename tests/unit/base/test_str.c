/* Strings and growing buffers. */
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"
#include "fault.h"
#include "str.h"
#include "t.h"

static void
compares(void)
{
	CHECK(str_eq(STR(""), str_n(NULL, 0)));
	CHECK(str_eq(STR("a\0b"), str_n("a\0b", 3)));
	CHECK(!str_eq(STR("a"), STR("ab")));
	CHECK(str_is(STR("ab"), "ab"));
	CHECK(str_is(STR(""), NULL));
	CHECK(str_cmp(STR("a"), STR("b")) < 0);
	CHECK(str_cmp(STR("a"), STR("ab")) < 0);
	CHECK(str_cmp(STR("b"), STR("ab")) > 0);
	CHECK(str_cmp(STR("\x7f"), STR("\x80")) < 0);
	CHECK(str_cmp(STR("ab"), STR("ab")) == 0);
	CHECK(str_cmp(str_n(NULL, 0), STR("")) == 0);
	CHECK(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
	CHECK(!str_eq_nocase(STR("a"), STR("ab")));
	CHECK(!str_eq_nocase(STR("@"), STR("`")));
	CHECK(!str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
}

static void
finds_parts(void)
{
	CHECK(str_starts(STR("abc"), STR("ab")));
	CHECK(str_starts(STR("abc"), STR("")));
	CHECK(!str_starts(STR("a"), STR("ab")));
	CHECK(str_ends(STR("abc"), STR("bc")));
	CHECK(str_ends(STR(""), str_n(NULL, 0)));
	CHECK(!str_ends(STR("c"), STR("bc")));
	CHECK_U(str_find(STR("a=b=c"), '='), 1);
	CHECK_U(str_find(STR("abc"), '='), SIZE_MAX);
	CHECK_U(str_find(str_n(NULL, 0), '='), SIZE_MAX);
	CHECK_STR(str_trim(STR(" \t\r\n a b \v\f")), "a b");
	CHECK_STR(str_trim(STR(" \n ")), "");
	CHECK_STR(str_trim(str_n(NULL, 0)), "");
}

static void
copies(void)
{
	char out[4] = "???";

	str_copy(out, sizeof out, STR("abc"));
	CHECK_STR(str_of(out), "abc");
	str_copy(out, sizeof out, STR("wxyz"));
	CHECK_STR(str_of(out), "wxy");
	str_copy(out, sizeof out, str_n(NULL, 0));
	CHECK_STR(str_of(out), "");
	str_copy(out, 1, STR("abc"));
	CHECK_STR(str_of(out), "");
}

static void
splits(void)
{
	static const struct {
		struct str s;
		const char *want; /* parts in [] */
	} row[] = {
		{ STR_INIT("a,b,,c"), "[a][b][][c]" },
		{ STR_INIT("a"), "[a]" },
		{ STR_INIT(""), "[]" },
		{ STR_INIT(","), "[][]" },
		{ STR_INIT("a,"), "[a][]" },
		{ { NULL, 0 }, "" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str rest = row[i].s, part;

		buf_reset(&b);
		while (str_split(&rest, ',', &part))
			buf_addf(&b, "[%.*s]", STR_ARG(part));
		CHECK_STR(buf_str(&b), row[i].want);
	}
	buf_fini(&b);
}

static void
reads_decimal(void)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1.0",
		"0x1", "18446744073709551616", "99999999999999999999999",
		"1\xff" };
	uint64_t v = 5;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		t_note("%s", bad[i]);
		CHECK(!str_u64(str_of(bad[i]), &v));
		CHECK_U(v, 5);
	}
	CHECK(str_u64(STR("0"), &v));
	CHECK_U(v, 0);
	CHECK(str_u64(STR("007"), &v));
	CHECK_U(v, 7);
	CHECK(str_u64(STR("18446744073709551615"), &v));
	CHECK_U(v, UINT64_MAX);
}

static void
hexadecimal(void)
{
	uint8_t bytes[4] = { 0x00, 0x1f, 0xa0, 0xff };
	uint8_t back[4] = { 0 };
	char text[9];

	hex_encode(bytes, 4, text);
	CHECK_STR(str_of(text), "001fa0ff");
	CHECK(hex_decode(STR("001FA0ff"), back, 4));
	CHECK(memcmp(bytes, back, 4) == 0);
	CHECK(!hex_decode(STR("001fa0f"), back, 4));
	CHECK(!hex_decode(STR("001fa0ff0"), back, 4));
	CHECK(!hex_decode(STR("001fa0fg"), back, 4));
	CHECK(!hex_decode(STR("001fa0 f"), back, 4));
	CHECK(hex_decode(STR(""), back, 0));
}

/* Every byte at every place of a block, and behind it. */
static void
hexadecimal_of_many(void)
{
	uint8_t bytes[35], back[35];
	char text[71], two[3];

	for (size_t n = 15; n <= sizeof bytes; n++)
		for (unsigned c = 0; c < 256; c++) {
			for (size_t i = 0; i < n; i++)
				bytes[i] = (uint8_t)(c + 7 * i);
			hex_encode(bytes, n, text);
			CHECK_U(strlen(text), 2 * n);
			for (size_t i = 0; i < n; i++) {
				(void)snprintf(two, sizeof two, "%02x",
				    bytes[i]);
				CHECK(memcmp(text + 2 * i, two, 2) == 0);
			}
			CHECK(hex_decode(str_n(text, 2 * n), back, n));
			CHECK(memcmp(bytes, back, n) == 0);
		}
}

/* Blocks of 16 digits at once, and what is left: every byte at every place. */
static void
long_hexadecimal(void)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	uint8_t out[21], one;
	char text[43];

	for (size_t n = 15; n <= 21; n++)
		for (size_t at = 0; at < 2 * n; at++)
			for (unsigned c = 0; c < 256; c++) {
				const char *is = c ? strchr(hex, (int)c) : NULL;
				unsigned v;
				bool ok;

				memset(text, '7', 2 * n);
				text[at] = (char)c;
				ok = hex_decode(str_n(text, 2 * n), out, n);
				if (ok != (is != NULL))
					t_note("%zu %zu %u", n, at, c);
				CHECK(ok == (is != NULL));
				CHECK(hex_is_lower(str_n(text, 2 * n)) ==
				    (is != NULL && is < hex + 16));
				if (!ok)
					continue;
				v = (unsigned)(is - hex);
				v = v < 16 ? v : v - 6;
				one = (uint8_t)(at % 2 ? 0x70 | v :
				                         v << 4 | 0x07);
				CHECK_U(out[at / 2], one);
				CHECK_U(out[n - 1 - at / 2],
				    at / 2 == n - 1 - at / 2 ? one : 0x77);
			}
	CHECK(hex_is_lower(STR("")));
}

static void
buffer_grows(void)
{
	struct buf b = { 0 };
	struct err_info e = { 0 };
	char *z;

	CHECK_STR(buf_str(&b), "");
	buf_adds(&b, "a");
	buf_addc(&b, 'b');
	buf_add(&b, "c\0d", 3);
	buf_add(&b, NULL, 0);
	buf_addstr(&b, STR("e"));
	buf_addu(&b, 0);
	buf_addu(&b, UINT64_MAX);
	buf_addf(&b, "%s-%d", "x", -5);
	CHECK_EQ(buf_str(&b), STR("abc\0de018446744073709551615x--5"));
	CHECK_U(b.data[b.len], 0);
	for (int i = 0; i < 10000; i++)
		buf_addf(&b, "%04d", i);
	CHECK_U(b.len, 31 + 40000);
	CHECK_U(b.data[b.len], 0);
	CHECK_OK(buf_ok(&b, &e), &e);
	buf_reset(&b);
	CHECK_U(b.len, 0);
	CHECK_STR(str_of(b.data), "");
	buf_adds(&b, "owned");
	z = buf_take(&b);
	CHECK_STR(str_of(z), "owned");
	CHECK(b.data == NULL && b.len == 0);
	free(z);
	z = buf_take(&b);
	CHECK_STR(str_of(z), "");
	free(z);
	buf_fini(&b);
}

static void
buffer_refuses_what_cannot_be(void)
{
	struct buf b = { 0 };
	struct err_info e = { 0 };

	buf_adds(&b, "kept");
	CHECK(!buf_reserve(&b, SIZE_MAX));
	CHECK(b.failed);
	buf_adds(&b, " ignored");
	buf_addc(&b, '!');
	CHECK_STR(buf_str(&b), "kept");
	CHECK_ERR(buf_ok(&b, &e), ERR_NOMEM);
	CHECK(buf_take(&b) == NULL);
	CHECK(b.data == NULL && !b.failed);
	buf_fini(&b);
}

/* Each allocation failed once: what was there stays, nothing more comes. */
static void
walks_fault_points(void)
{
	int n = 0;

	do {
		struct buf b = { 0 };
		struct err_info e = { 0 };
		char *z;

		t_note("fault %d", n);
		fault_arm(n++);
		buf_adds(&b, "begin ");
		buf_addf(&b, "%0100d", 7);
		buf_addu(&b, 7);
		for (int i = 0; i < 300; i++)
			buf_addc(&b, 'x');
		CHECK_ERR(buf_ok(&b, &e), fault_hit() ? ERR_NOMEM : ERR_OK);
		z = buf_take(&b);
		CHECK((z == NULL) == fault_hit());
		free(z);
		buf_fini(&b);
	} while (fault_hit());
	CHECK(n > 3);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(compares);
	T_RUN(finds_parts);
	T_RUN(copies);
	T_RUN(splits);
	T_RUN(reads_decimal);
	T_RUN(hexadecimal);
	T_RUN(hexadecimal_of_many);
	T_RUN(long_hexadecimal);
	T_RUN(buffer_grows);
	T_RUN(buffer_refuses_what_cannot_be);
	T_RUN(walks_fault_points);
	return t_done();
}
