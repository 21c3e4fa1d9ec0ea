/* What people type, before it becomes part of an event. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "input.h"
#include "t.h"

static struct arena mem;
static struct err_info e;

static void
lines(void)
{
	static const struct {
		const char *typed;
		enum err rc;
		const char *want;
	} row[] = {
		{ "a title", ERR_OK, "a title" },
		{ "  a \t\n b  ", ERR_OK, "a b" },
		{ "a\u00a0\u2003b", ERR_OK, "a b" },
		{ "a\u0308", ERR_OK, "\u00e4" }, /* NFC */
		{ "12345678", ERR_OK, "12345678" },
		{ "123456789", ERR_TOO_LARGE,
		    "it has 9 bytes, at most 8 will do" },
		/* Bytes count, and only those that stay. */
		{ "\u732b\u732b\u732b", ERR_TOO_LARGE,
		    "it has 9 bytes, at most 8 will do" },
		{ "      12345678     ", ERR_OK, "12345678" },
		{ "", ERR_USAGE, "it is empty" },
		{ " \n ", ERR_USAGE, "it is empty" },
		{ "\033[1m", ERR_USAGE,
		    "it holds the control character \\x1b" },
		{ "\x1f", ERR_USAGE, "it holds the control character \\x1f" },
		{ "a\x7f", ERR_USAGE, "it holds the control character \\x7f" },
		{ "\xff", ERR_USAGE, "it is not UTF-8" },
		{ "\xed\xa0\x80", ERR_USAGE, "it is not UTF-8" },
		{ "\xc0\x80", ERR_USAGE, "it is not UTF-8" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str got = { 0 };
		enum err rc;

		t_note("row %zu", i);
		e = (struct err_info){ 0 };
		rc = input_line(&mem, "it", row[i].typed, 8, &got, &e);
		CHECK_ERR(rc, row[i].rc);
		CHECK_STR(rc == ERR_OK ? got : str_of(e.text), row[i].want);
	}
	t_note("%s", "");
}

static void
texts(void)
{
	static const struct {
		const char *typed;
		enum err rc;
	} row[] = {
		{ "a\n\tb\r\n", ERR_OK },
		{ "\033[1m", ERR_OK }, /* as it is: it is shown safely */
		{ "12345678", ERR_OK },
		{ "123456789", ERR_TOO_LARGE },
		{ " \n\t ", ERR_USAGE },
		{ "", ERR_USAGE },
		{ "\xff", ERR_USAGE },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str got = { 0 };

		t_note("row %zu", i);
		CHECK_ERR(input_text("it", row[i].typed, 8, &got, &e),
		    row[i].rc);
		if (row[i].rc == ERR_OK)
			CHECK_STR(got, row[i].typed);
	}
	t_note("%s", "");
}

static void
priorities(void)
{
	static const struct {
		const char *typed, *want; /* NULL: ERR_USAGE */
	} row[] = {
		{ "1", "1" },
		{ "007", "7" },
		{ "4294967295", "4294967295" },
		{ "4294967296", "\"4294967296\"" },
		{ "-1", "\"-1\"" },
		{ "1.5", "\"1.5\"" },
		{ "high", "\"high\"" },
		{ "  very   high ", "\"very high\"" },
		{ "say \"now\"", "\"say \\\"now\\\"\"" },
		{ "none", "null" },
		{ "None", "\"None\"" },
		{ "", NULL },
		{ "\x01", NULL },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str got = { 0 };

		t_note("'%s'", row[i].typed);
		CHECK_ERR(input_priority(&mem, row[i].typed, &got, &e),
		    row[i].want != NULL ? ERR_OK : ERR_USAGE);
		if (row[i].want != NULL)
			CHECK_STR(got, row[i].want);
	}
	t_note("%s", "");
}

static void
lists(void)
{
	static const struct {
		const char *typed, *want; /* parts in brackets */
	} row[] = {
		{ "a", "[a]" },
		{ "a,b, c ", "[a][b][c]" },
		{ ",,a,,", "[a]" },
		{ " , ", "" },
		{ "", "" },
		{ "a b,c", "[a b][c]" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str rest = str_of(row[i].typed), part;
		struct buf got = { 0 };

		while (input_list_next(&rest, &part))
			buf_addf(&got, "[%.*s]", STR_ARG(part));
		CHECK_STR(buf_str(&got), row[i].want);
		buf_fini(&got);
	}
}

static void
memory_runs_out(void)
{
	bool hit;
	int n = 0;

	do {
		struct arena a = { 0 };
		struct str got = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = input_line(&a, "it", " a  b ", 8, &got, &e);
		if (rc == ERR_OK)
			rc = input_priority(&a, "high", &got, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK(rc == (hit ? ERR_NOMEM : ERR_OK));
		arena_fini(&a);
	} while (hit && !t_failing());
	CHECK(n > 3);
}

int
main(void)
{
	T_RUN(lines);
	T_RUN(texts);
	T_RUN(priorities);
	T_RUN(lists);
	T_RUN(memory_runs_out);
	arena_fini(&mem);
	return t_done();
}
