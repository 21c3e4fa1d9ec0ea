/* Unicode text: validity, normal form, width, safe showing, slugs. */
#include "text.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "fault.h"
#include "t.h"

struct pair {
	struct str in, want;
};

typedef void apply(struct str s, struct buf *out);

static void
check_rows(apply *fn, const struct pair *row, size_t n)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		t_note("row %zu: %.*s", i, STR_ARG(row[i].in));
		buf_reset(&b);
		fn(row[i].in, &b);
		CHECK_EQ(buf_str(&b), row[i].want);
	}
	buf_fini(&b);
}

#define CHECK_ROWS(fn, rows) check_rows(fn, rows, sizeof rows / sizeof *rows)

static void
valid(void)
{
	static const struct str good[] = { STR_INIT(""), STR_INIT("ascii"),
		STR_INIT("\0"), STR_INIT("\xc2\x80"), STR_INIT("\xdf\xbf"),
		STR_INIT("\xe0\xa0\x80"), STR_INIT("\xed\x9f\xbf"),
		STR_INIT("\xee\x80\x80"), STR_INIT("\xef\xbf\xbf"),
		STR_INIT("\xf0\x90\x80\x80"), STR_INIT("\xf4\x8f\xbf\xbf"),
		STR_INIT("0123456789\xc3\xa9"
		         "0123456789") };
	static const struct str bad[] = { STR_INIT("\x80"),
		STR_INIT("\xc0\xaf"), STR_INIT("\xc1\x81"), STR_INIT("\xc3"),
		STR_INIT("\xe0\x9f\xbf"), STR_INIT("\xed\xa0\x80"),
		STR_INIT("\xe2\x82"), STR_INIT("\xf0\x8f\xbf\xbf"),
		STR_INIT("\xf4\x90\x80\x80"), STR_INIT("\xf5\x80\x80\x80"),
		STR_INIT("\xff"), STR_INIT("0123456789abcdef\xff"),
		STR_INIT("01234567\xe2\x82") };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		t_note("row %zu", i);
		CHECK(text_valid(good[i]));
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		t_note("row %zu", i);
		CHECK(!text_valid(bad[i]));
	}
	CHECK(text_valid(str_n(NULL, 0)));
}

static void
normalises(void)
{
	static const struct pair row[] = {
		{ STR_INIT(""), STR_INIT("") },
		{ STR_INIT(" \t\r\n "), STR_INIT("") },
		{ STR_INIT("  Fix \t the\n\nrouter "),
		    STR_INIT("Fix the router") },
		{ STR_INIT("a\xc2\xa0\xe3\x80\x80\xe2\x80\xa8"
		           "b"),
		    STR_INIT("a b") },
		{ STR_INIT("\xe2\x80\x8b"), STR_INIT("\xe2\x80\x8b") },
		/* e + U+0301 is U+00E9 */
		{ STR_INIT("Cafe\xcc\x81"), STR_INIT("Caf\xc3\xa9") },
		{ STR_INIT("Caf\xc3\xa9"), STR_INIT("Caf\xc3\xa9") },
		/* marks are put in order: U+0307 U+0323 */
		{ STR_INIT("s\xcc\x87\xcc\xa3"), STR_INIT("\xe1\xb9\xa9") },
		/* Hangul U+1112 U+1161 U+11AB */
		{ STR_INIT("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"),
		    STR_INIT("\xed\x95\x9c") },
		/* U+212B is U+00C5; the ligature U+FB01 stays (NFC, not NFKC)
		 */
		{ STR_INIT("\xe2\x84\xab \xef\xac\x81"),
		    STR_INIT("\xc3\x85 \xef\xac\x81") },
		{ STR_INIT("a\xff"
		           "b"),
		    STR_INIT("a\xef\xbf\xbd"
		             "b") },
	};

	CHECK_ROWS(text_normalise, row);
}

static void
slugs(void)
{
	static const struct pair row[] = {
		{ STR_INIT(""), STR_INIT("") },
		{ STR_INIT("---"), STR_INIT("") },
		{ STR_INIT("Fix the Router!"), STR_INIT("fix-the-router") },
		{ STR_INIT("  a -- b/../c_d  "), STR_INIT("a-b-c-d") },
		{ STR_INIT("\xc3\x89t\xc3\xa9 2026"),
		    STR_INIT("\xc3\xa9t\xc3\xa9-2026") },
		{ STR_INIT("E\xcc\x81T"), STR_INIT("\xc3\xa9t") },
		{ STR_INIT("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"),
		    STR_INIT("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e") },
		/* a word with vowel signs is one word */
		{ STR_INIT("\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d"
		           "\xe0\xa4\xa6\xe0\xa5\x80"),
		    STR_INIT("\xe0\xa4\xb9\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d"
		             "\xe0\xa4\xa6\xe0\xa5\x80") },
		{ STR_INIT("\xcc\x81"
		           "a"),
		    STR_INIT("a") },
		{ STR_INIT("a\xff"
		           "b"),
		    STR_INIT("a-b") },
		{ STR_INIT("x\xc2\xb2"), STR_INIT("x") },
		{ STR_INIT("..\\..\0etc"), STR_INIT("etc") },
	};

	CHECK_ROWS(text_slug, row);
}

/* A random string of what makes normal forms hard. */
static size_t
random_text(struct t_rng *r, char *out, size_t max)
{
	static const char *const part[] = { "a", "E", " ", "\t", "\n", "-",
		"\xcc\x81", "\xcc\xa3", "\xcc\x87", "\xcd\x85", "\xcc\xb8",
		"\xc3\xa9", "\xe1\xba\xb9", "\xe1\x84\x92", "\xe1\x85\xa1",
		"\xe1\x86\xab", "\xed\x95\x98", "\xc4\xb0", "\xe2\x84\xaa",
		"\xe2\x84\xa6", "\xe0\xa4\xbf", "\xe0\xa4\x95", "\xe0\xa4\xbc",
		"\xef\xac\x81", "\xf0\x9f\x98\x80", "\xf0\x9d\x85\x9e",
		"\xc2\xa0", "\xe3\x80\x80", "\xff",
		"\xf0\x91\x84\xb1\xf0\x91\x84\xa7", "\xe1\xbe\xbc" };
	size_t n = 0, want = t_below(r, max - 8);

	while (n < want) {
		const char *z = part[t_below(r, sizeof part / sizeof *part)];

		memcpy(out + n, z, strlen(z));
		n += strlen(z);
	}
	return n;
}

static void
is_a_fixed_point(apply *fn)
{
	struct t_rng r = { t_seed() };
	struct buf once = { 0 }, twice = { 0 };
	char text[200];

	for (int run = 0; run < 3000; run++) {
		size_t n = random_text(&r, text, sizeof text);

		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		buf_reset(&once);
		buf_reset(&twice);
		fn(str_n(text, n), &once);
		fn(buf_str(&once), &twice);
		CHECK(text_valid(buf_str(&once)));
		CHECK_EQ(buf_str(&twice), buf_str(&once));
	}
	buf_fini(&once);
	buf_fini(&twice);
}

static void
normal_form_and_slug_are_fixed_points(void)
{
	is_a_fixed_point(text_normalise);
	is_a_fixed_point(text_slug);
}

/* The same normal form as the library's own, which is slower. */
static void
agrees_with_the_library(void)
{
	struct t_rng r = { t_seed() + 1 };
	struct buf b = { 0 };
	char text[200];

	for (int run = 0; run < 3000; run++) {
		size_t n = random_text(&r, text, sizeof text - 1), k = 0;
		utf8proc_uint8_t *nfc;

		/* Without what only we do: white space and repair. */
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)text[i] > ' ' && text[i] != '\xff')
				text[k++] = text[i];
		text[k] = '\0';
		if (strstr(text, "\xc2\xa0") || strstr(text, "\xe3\x80\x80"))
			continue;
		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		nfc = utf8proc_NFC((const utf8proc_uint8_t *)text);
		buf_reset(&b);
		text_normalise(str_n(text, k), &b);
		CHECK_STR(buf_str(&b), (const char *)nfc);
		free(nfc);
	}
	buf_fini(&b);
}

/* ASCII takes a short way: with a letter behind it, it cannot. */
static void
ascii_is_normalised_as_everything_else(void)
{
	static const char chars[] = " \t\n\v\f\r\x1f\x7f\x01 ab.";
	struct t_rng r = { t_seed() + 2 };
	struct buf alone = { 0 }, with = { 0 };
	char text[40];

	for (int run = 0; run < 3000; run++) {
		size_t n = t_below(&r, sizeof text - 4);

		for (size_t i = 0; i < n; i++)
			/* Its end is a NUL, and so may be a text's. */
			text[i] = chars[t_below(&r, sizeof chars)];
		memcpy(text + n, " \xc3\xa9", 3);
		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		buf_reset(&alone);
		buf_reset(&with);
		text_normalise(str_n(text, n), &alone);
		text_normalise(str_n(text, n + 3), &with);
		buf_adds(&alone, alone.len > 0 ? " \xc3\xa9" : "\xc3\xa9");
		CHECK_EQ(buf_str(&alone), buf_str(&with));
	}
	buf_fini(&alone);
	buf_fini(&with);
}

/* A long run of marks in the worst order: seconds where ordering is
 * quadratic; here the time limit of the test is far away. */
static void
many_marks_are_ordered(void)
{
	enum { MARKS = 400000 };
	char *text = malloc(1 + 2 * MARKS);
	struct buf b = { 0 };

	text[0] = 'q';
	for (size_t i = 0; i < MARKS; i++)
		memcpy(text + 1 + 2 * i, i % 2 ? "\xcc\xb4" : "\xcc\x95", 2);
	text_normalise(str_n(text, 1 + 2 * MARKS), &b);
	CHECK_U(b.len, 1 + 2 * MARKS);
	CHECK_EQ(str_n(b.data, 3), STR("q\xcc\xb4"));
	CHECK_EQ(str_n(b.data + MARKS - 1, 4), STR("\xcc\xb4\xcc\x95"));
	buf_fini(&b);
	free(text);
}

static void
width(void)
{
	static const struct {
		struct str s;
		size_t want;
	} row[] = {
		{ STR_INIT(""), 0 },
		{ STR_INIT("abc"), 3 },
		{ STR_INIT("\xc3\xa9"), 1 },
		{ STR_INIT("e\xcc\x81"), 1 },
		{ STR_INIT("\xe6\x97\xa5\xe6\x9c\xac"), 4 },
		{ STR_INIT("\xf0\x9f\x98\x80"), 2 },
		{ STR_INIT("\xe2\x80\x8b"), 6 }, /* shown as \u200b */
		{ STR_INIT("\xf0\x9f\x98\x80\xe2\x80\x8d"), 2 },
		{ STR_INIT("a\tb\nc"), 5 },
		{ STR_INIT("a\r\nb"), 3 },
		{ STR_INIT("\x1b[0m"), 7 },
		{ STR_INIT("\xe2\x80\xae"), 6 },
		{ STR_INIT("\xc2\x9b"), 6 },
		{ STR_INIT("\xff"), 4 },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("row %zu", i);
		CHECK_U(text_width(row[i].s), row[i].want);
	}
}

static void
show_line(struct str s, struct buf *out)
{
	text_show(s, false, out);
}

static void
show_lines(struct str s, struct buf *out)
{
	text_show(s, true, out);
}

static void
shows(void)
{
	static const struct pair one[] = {
		{ STR_INIT("plain \\ text"), STR_INIT("plain \\ text") },
		{ STR_INIT("a\tb\nc\r\nd"), STR_INIT("a b c d") },
		{ STR_INIT("\x1b]0;title\x07"),
		    STR_INIT("\\x1b]0;title\\x07") },
		{ STR_INIT("\0\x7f\r"), STR_INIT("\\x00\\x7f\\x0d") },
		{ STR_INIT("\xc2\x9b"
		           "31m"),
		    STR_INIT("\\u009b31m") },
		{ STR_INIT("\xe2\x80\xae"
		           "abc\xe2\x81\xa6"),
		    STR_INIT("\\u202eabc\\u2066") },
		/* Marks, what is not seen, what only programs read. */
		{ STR_INIT("a\u200bb\u200ec\u00add\ufeff\u061c\u2060"),
		    STR_INIT(
		        "a\\u200bb\\u200ec\\u00add\\ufeff\\u061c\\u2060") },
		{ STR_INIT("\u3164\u115f\U000e0041\U000e0100\ufe00"),
		    STR_INIT(
		        "\\u3164\\u115f\\udb40\\udc41\\udb40\\udd00\\ufe00") },
		/* Writing and emoji stay; joiners hide beside ASCII alone. */
		{ STR_INIT("\u0645\u06cc\u200c\u062e\U0001f468\u200d\U0001f469"
		           "\u2764\ufe0f"),
		    STR_INIT("\u0645\u06cc\u200c\u062e\U0001f468\u200d"
		             "\U0001f469\u2764\ufe0f") },
		{ STR_INIT("\u200da\u200cb"), STR_INIT("\\u200da\\u200cb") },
		{ STR_INIT("\xe2\x80\xa8\xe2\x80\xa9"),
		    STR_INIT("\\u2028\\u2029") },
		{ STR_INIT("a\xff\xc3"), STR_INIT("a\\xff\\xc3") },
		{ STR_INIT("\xe6\x97\xa5 e\xcc\x81 \xf0\x9f\x98\x80"),
		    STR_INIT("\xe6\x97\xa5 e\xcc\x81 \xf0\x9f\x98\x80") },
	};
	static const struct pair many[] = {
		{ STR_INIT("a\tb\nc\r\nd\re"), STR_INIT("a\tb\nc\nd\\x0de") },
		{ STR_INIT("\x1b[2J\n"), STR_INIT("\\x1b[2J\n") },
	};

	CHECK_ROWS(show_line, one);
	CHECK_ROWS(show_lines, many);
}

static void
fits(void)
{
	static const struct {
		struct str s;
		size_t columns;
		bool pad;
		struct str want;
	} row[] = {
		{ STR_INIT("abc"), 3, false, STR_INIT("abc") },
		{ STR_INIT("abc"), 5, false, STR_INIT("abc") },
		{ STR_INIT("abc"), 5, true, STR_INIT("abc  ") },
		{ STR_INIT("abcd"), 3, true, STR_INIT("ab\xe2\x80\xa6") },
		{ STR_INIT("abcd"), 1, false, STR_INIT("\xe2\x80\xa6") },
		{ STR_INIT("abcd"), 0, true, STR_INIT("") },
		{ STR_INIT(""), 2, true, STR_INIT("  ") },
		{ STR_INIT("abe\xcc\x81"), 3, false, STR_INIT("abe\xcc\x81") },
		{ STR_INIT("ae\xcc\x81"
		           "bc"),
		    3, false, STR_INIT("ae\xcc\x81\xe2\x80\xa6") },
		/* a wide character is not cut in two */
		{ STR_INIT("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"), 4, true,
		    STR_INIT("\xe6\x97\xa5\xe2\x80\xa6 ") },
		{ STR_INIT("\xe6\x97\xa5\xe6\x9c\xac"), 4, true,
		    STR_INIT("\xe6\x97\xa5\xe6\x9c\xac") },
		/* nor an escape */
		{ STR_INIT("a\x1b"
		           "b"),
		    4, true, STR_INIT("a\xe2\x80\xa6  ") },
		{ STR_INIT("a\nb"), 3, false, STR_INIT("a b") },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("row %zu", i);
		buf_reset(&b);
		buf_adds(&b, ">");
		text_fit(row[i].s, row[i].columns, row[i].pad, &b);
		CHECK_STR(str_n(b.data, 1), ">");
		CHECK_EQ(str_n(b.data + 1, b.len - 1), row[i].want);
	}
	buf_fini(&b);
}

/* Whatever comes in, what goes to the terminal has no control character and
 * the width that was said. */
static void
shown_text_is_harmless(void)
{
	struct t_rng r = { t_seed() };
	struct buf b = { 0 };

	for (int run = 0; run < 3000; run++) {
		char text[64];
		size_t n = t_below(&r, sizeof text), columns = t_below(&r, 20);

		for (size_t i = 0; i < n; i++)
			text[i] = (char)t_below(&r, 256);
		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		buf_reset(&b);
		text_show(str_n(text, n), false, &b);
		CHECK(text_valid(buf_str(&b)));
		CHECK_U(text_width(buf_str(&b)), text_width(str_n(text, n)));
		for (size_t i = 0; i < b.len; i++)
			CHECK((unsigned char)b.data[i] >= 0x20 &&
			    b.data[i] != 0x7f);
		buf_reset(&b);
		text_fit(str_n(text, n), columns, true, &b);
		CHECK_U(text_width(buf_str(&b)), columns);
	}
	buf_fini(&b);
}

static void
walks_fault_points(void)
{
	struct str s = STR("  E\xcc\x81 \x1b q\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4"
	                   "\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4"
	                   "\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4"
	                   "\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4\xcc\x95\xcc\xb4"
	                   "the rest of a line that is longer than a buffer");
	struct err_info e = { 0 };
	int n = 0;

	do {
		struct buf b = { 0 };

		t_note("fault %d", n);
		fault_arm(n++);
		text_normalise(s, &b);
		text_slug(s, &b);
		text_show(s, true, &b);
		text_fit(s, 300, true, &b);
		text_fit(s, 20, true, &b);
		CHECK_ERR(buf_ok(&b, &e), fault_hit() ? ERR_NOMEM : ERR_OK);
		buf_fini(&b);
	} while (fault_hit());
	CHECK(n > 8);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(valid);
	T_RUN(normalises);
	T_RUN(slugs);
	T_RUN(normal_form_and_slug_are_fixed_points);
	T_RUN(agrees_with_the_library);
	T_RUN(ascii_is_normalised_as_everything_else);
	T_RUN(many_marks_are_ordered);
	T_RUN(width);
	T_RUN(shows);
	T_RUN(fits);
	T_RUN(shown_text_is_harmless);
	T_RUN(walks_fault_points);
	return t_done();
}
