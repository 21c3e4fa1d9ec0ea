/* JSON parser: what is taken, what is refused, what the tape says. */
#include "json.h"

#include <stdlib.h>

#include "fault.h"
#include "t.h"

enum { DEEP = 10000 };

static enum err
parse(struct str text, unsigned depth_max)
{
	struct json j = { 0 };
	struct err_info e = { 0 };
	/* An exact copy, so that the sanitizer sees a read behind the end. */
	char *copy = malloc(text.n ? text.n : 1);
	enum err rc;

	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	rc = json_parse(&j, str_n(copy, text.n), depth_max, &e);
	if (rc == ERR_OK)
		CHECK(j.count > 0 && j.node[0].next == j.count);
	else
		CHECK(e.code == rc && e.text[0] != '\0');
	json_fini(&j);
	free(copy);
	return rc;
}

static const struct str taken[] = {
	STR_INIT("0"),
	STR_INIT("-0"),
	STR_INIT("1"),
	STR_INIT("-1"),
	STR_INIT("10"),
	STR_INIT("1.0"),
	STR_INIT("-0.0"),
	STR_INIT("0e0"),
	STR_INIT("1E5"),
	STR_INIT("1e+5"),
	STR_INIT("1e-5"),
	STR_INIT("0.5e-10"),
	STR_INIT("123456789012345678901234567890"),
	STR_INIT("1e99999"),
	STR_INIT("-1e-99999"),
	STR_INIT("0.00000000000000000000001"),
	STR_INIT("true"),
	STR_INIT("false"),
	STR_INIT("null"),
	STR_INIT(" null "),
	STR_INIT("\t\n\r null\t\n\r "),
	STR_INIT("\"\""),
	STR_INIT("\"a\""),
	STR_INIT("\"sixteen bytes and more than sixteen bytes\""),
	STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
	STR_INIT("\"\\u0000\""),
	STR_INIT("\"\\u00e9\\u00E9\""),
	STR_INIT("\"\\ud83d\\ude00\""),
	STR_INIT("\"\\uD83D\\uDE00\""),
	STR_INIT("\"\\uFFFF\""),
	STR_INIT("\"\\udbff\\udfff\""),
	STR_INIT("\"\x7f\""),
	STR_INIT("\"\xc3\xa9\""),
	STR_INIT("\"\xe2\x82\xac\""),
	STR_INIT("\"\xed\x9f\xbf\""),
	STR_INIT("\"\xee\x80\x80\""),
	STR_INIT("\"\xf0\x90\x80\x80\""),
	STR_INIT("\"\xf4\x8f\xbf\xbf\""),
	STR_INIT("\"\xef\xbb\xbf\""),
	STR_INIT("\"\xe2\x80\xa8\""),
	STR_INIT("\"\xef\xbf\xbf\""),
	STR_INIT("[]"),
	STR_INIT("[ ]"),
	STR_INIT("{}"),
	STR_INIT("{ }"),
	STR_INIT("[[]]"),
	STR_INIT("[1]"),
	STR_INIT("[1,2]"),
	STR_INIT(" [ 1 , 2 ] "),
	STR_INIT("[null,true,false,\"\",0,{},[]]"),
	STR_INIT("{\"a\":1}"),
	STR_INIT("{ \"a\" : 1 , \"b\" : 2 }"),
	STR_INIT("{\"\":0}"),
	STR_INIT("{\"a\":1,\"a\":2}"),
	STR_INIT("{\"\\u0061\":1}"),
	STR_INIT("{\"a\":{\"b\":{\"c\":[]}}}"),
	STR_INIT("[[],[[]],{}]"),
	STR_INIT("[\"/*\",\"//\"]"),
};

static void
takes(void)
{
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		t_note("%.*s", STR_ARG(taken[i]));
		CHECK_ERR(parse(taken[i], 64), ERR_OK);
	}
}

static const struct str refused[] = {
	/* no value */
	STR_INIT(""),
	STR_INIT(" "),
	STR_INIT("\n"),
	STR_INIT("\xef\xbb\xbf"),
	STR_INIT("\xef\xbb\xbf{}"),
	STR_INIT("\0"),
	STR_INIT("nul"),
	STR_INIT("nulll"),
	STR_INIT("Null"),
	STR_INIT("TRUE"),
	STR_INIT("True"),
	STR_INIT("tru"),
	STR_INIT("t"),
	STR_INIT("fals"),
	STR_INIT("n"),
	STR_INIT("nan"),
	STR_INIT("NaN"),
	STR_INIT("Infinity"),
	STR_INIT("-Infinity"),
	STR_INIT("undefined"),
	STR_INIT("a"),
	STR_INIT("'a'"),
	STR_INIT(","),
	STR_INIT(":"),
	STR_INIT("]"),
	STR_INIT("}"),
	STR_INIT("*"),
	STR_INIT("\xff"),
	STR_INIT("\f0"),
	STR_INIT("\v0"),
	STR_INIT("\xc2\xa0"
	         "0"),
	STR_INIT("\xe2\x80\xa9"
	         "0"),
	/* something behind */
	STR_INIT("1 2"),
	STR_INIT("{}{}"),
	STR_INIT("[]]"),
	STR_INIT("{}}"),
	STR_INIT("null,"),
	STR_INIT("\"a\"b"),
	STR_INIT("[]\0"),
	STR_INIT("{}//x"),
	STR_INIT("{}/**/"),
	STR_INIT("1\x00"),
	STR_INIT("[] x"),
	STR_INIT("[]\xef\xbb\xbf"),
	/* numbers */
	STR_INIT("-"),
	STR_INIT("+1"),
	STR_INIT("01"),
	STR_INIT("-01"),
	STR_INIT("00"),
	STR_INIT("-00"),
	STR_INIT(".5"),
	STR_INIT("-.5"),
	STR_INIT("1."),
	STR_INIT("1.e5"),
	STR_INIT("1e"),
	STR_INIT("1e+"),
	STR_INIT("1e-"),
	STR_INIT("1E"),
	STR_INIT("1e5.5"),
	STR_INIT("1.2.3"),
	STR_INIT("0x1"),
	STR_INIT("1a"),
	STR_INIT("1_000"),
	STR_INIT("--1"),
	STR_INIT("-+1"),
	STR_INIT("1,000"),
	STR_INIT("0e"),
	STR_INIT("0e+-1"),
	STR_INIT("[1+2]"),
	STR_INIT("[-]"),
	STR_INIT("[-a]"),
	STR_INIT("1\xc2\xa0"),
	STR_INIT("\xef\xbc\x91"),
	STR_INIT("[0 1]"),
	STR_INIT("0123"),
	/* strings */
	STR_INIT("\""),
	STR_INIT("\"a"),
	STR_INIT("\"\\"),
	STR_INIT("\"\\\""),
	STR_INIT("\"\\u"),
	STR_INIT("\"\\u0\""),
	STR_INIT("\"\\u00\""),
	STR_INIT("\"\\u000\""),
	STR_INIT("\"\\u000g\""),
	STR_INIT("\"\\u 000\""),
	STR_INIT("\"\\U0041\""),
	STR_INIT("\"\\x41\""),
	STR_INIT("\"\\a\""),
	STR_INIT("\"\\0\""),
	STR_INIT("\"\\'\""),
	STR_INIT("\"\\\n\""),
	STR_INIT("\"\n\""),
	STR_INIT("\"\t\""),
	STR_INIT("\"\0\""),
	STR_INIT("\"\x1f\""),
	STR_INIT("\"\x01\""),
	STR_INIT("\"abcdefghijklmnop\x1f\""),
	STR_INIT("\"abcdefghijklmnopqrstuvwxyz\n\""),
	STR_INIT("\"\\u123"),
	/* lone surrogates */
	STR_INIT("\"\\ud800\""),
	STR_INIT("\"\\udfff\""),
	STR_INIT("\"\\udc00\\ud800\""),
	STR_INIT("\"\\ud800\\u0041\""),
	STR_INIT("\"\\ud800\\ud800\""),
	STR_INIT("\"\\ud800x\""),
	STR_INIT("\"\\udc00\\udc00\""),
	STR_INIT("\"\\ud800\\n\""),
	STR_INIT("\"\\ud83d\\ude0\""),
	STR_INIT("\"\\ud83d\\ude"),
	STR_INIT("\"\\ud83d"),
	STR_INIT("\"\\ud83d\\\""),
	/* not UTF-8 */
	STR_INIT("\"\x80\""),
	STR_INIT("\"\xbf\""),
	STR_INIT("\"\xc0\x80\""),
	STR_INIT("\"\xc1\xbf\""),
	STR_INIT("\"\xc3\""),
	STR_INIT("\"\xc3"),
	STR_INIT("\"\xc3(\""),
	STR_INIT("\"\xe2\x82\""),
	STR_INIT("\"\xe2(\xac\""),
	STR_INIT("\"\xe0\x80\x80\""),
	STR_INIT("\"\xe0\x9f\xbf\""),
	STR_INIT("\"\xed\xa0\x80\""),
	STR_INIT("\"\xed\xbf\xbf\""),
	STR_INIT("\"\xf0\x80\x80\x80\""),
	STR_INIT("\"\xf0\x8f\xbf\xbf\""),
	STR_INIT("\"\xf4\x90\x80\x80\""),
	STR_INIT("\"\xf5\x80\x80\x80\""),
	STR_INIT("\"\xf8\x88\x80\x80\x80\""),
	STR_INIT("\"\xff\""),
	STR_INIT("\"\xfe\""),
	STR_INIT("\"\xf0\x9f\x98\""),
	STR_INIT("\"\xf0\x9f\x98"),
	STR_INIT("{\"\xff\":1}"),
	STR_INIT("\"abcdefghijklmnopqrstuvwxyz\xff\""),
	/* arrays */
	STR_INIT("["),
	STR_INIT("[1"),
	STR_INIT("[1,"),
	STR_INIT("[1,]"),
	STR_INIT("[,1]"),
	STR_INIT("[,]"),
	STR_INIT("[1,,2]"),
	STR_INIT("[1 2]"),
	STR_INIT("[1}"),
	STR_INIT("[1;2]"),
	STR_INIT("[1:2]"),
	STR_INIT("[\"a\"\"b\"]"),
	STR_INIT("[[]"),
	STR_INIT("[\"a\""),
	STR_INIT("[\"a"),
	STR_INIT("[1,\n1\n,1"),
	STR_INIT("[*]"),
	STR_INIT("[][]"),
	STR_INIT("[\"\":1]"),
	/* objects */
	STR_INIT("{"),
	STR_INIT("{\"a\""),
	STR_INIT("{\"a\":"),
	STR_INIT("{\"a\":1"),
	STR_INIT("{\"a\":1,"),
	STR_INIT("{\"a\":1,}"),
	STR_INIT("{,}"),
	STR_INIT("{a:1}"),
	STR_INIT("{'a':1}"),
	STR_INIT("{1:1}"),
	STR_INIT("{null:1}"),
	STR_INIT("{\"a\"}"),
	STR_INIT("{\"a\" 1}"),
	STR_INIT("{\"a\",1}"),
	STR_INIT("{\"a\"::1}"),
	STR_INIT("{\"a\":1:2}"),
	STR_INIT("{\"a\":1 \"b\":2}"),
	STR_INIT("{\"a\":1,,\"b\":2}"),
	STR_INIT("{\"a\":1]"),
	STR_INIT("{:1}"),
	STR_INIT("{\"a\":}"),
	STR_INIT("{\"a\":,}"),
	STR_INIT("{\"a\":1,\"b\"}"),
	STR_INIT("{[]:1}"),
	STR_INIT("{\"a\":1/**/}"),
	STR_INIT("{\"a\":'b'}"),
	STR_INIT("{\"a\":1,\"b"),
	STR_INIT("{\"a"),
};

static void
refuses(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		t_note("row %zu: %.*s", i, STR_ARG(refused[i]));
		CHECK_ERR(parse(refused[i], 64), ERR_BAD_JSON);
	}
}

/* Each byte at each place of a string that is scanned in blocks. */
static void
judges_each_byte_at_each_place(void)
{
	enum { LENGTH = 37 };
	char text[LENGTH + 2];

	for (unsigned c = 0; c < 256; c++)
		for (size_t at = 1; at <= LENGTH; at++) {
			bool good =
			    c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

			memset(text, 'x', sizeof text);
			text[0] = text[LENGTH + 1] = '"';
			text[at] = (char)c;
			t_note("byte 0x%02x at %zu", c, at);
			CHECK_ERR(parse(str_n(text, sizeof text), 0),
			    good ? ERR_OK : ERR_BAD_JSON);
		}
}

/* No prefix of a text that ends in a bracket is a text. */
static void
refuses_every_prefix(void)
{
	struct str s =
	    STR("{\"a\":[1,-2.5e+3,\"x\\n\\ud83d\\ude00\xe2\x82\xac\","
	        "true,false,null,{}],\"b\":{\"c\":[[]]}}");

	CHECK_ERR(parse(s, 64), ERR_OK);
	for (size_t n = 0; n < s.n; n++) {
		t_note("%zu bytes", n);
		CHECK_ERR(parse(str_n(s.p, n), 64), ERR_BAD_JSON);
	}
}

static void
bounds_depth(void)
{
	char *deep = malloc(2 * DEEP);

	memset(deep, '[', DEEP);
	memset(deep + DEEP, ']', DEEP);
	CHECK_ERR(parse(str_n(deep, 2 * DEEP), DEEP), ERR_OK);
	CHECK_ERR(parse(str_n(deep, 2 * DEEP), DEEP - 1), ERR_BAD_JSON);
	CHECK_ERR(parse(str_n(deep, 2 * DEEP), 64), ERR_BAD_JSON);
	CHECK_ERR(parse(str_n(deep, 2 * DEEP - 1), DEEP), ERR_BAD_JSON);
	CHECK_ERR(parse(str_n(deep, DEEP), DEEP), ERR_BAD_JSON);
	CHECK_ERR(parse(STR("1"), 0), ERR_OK);
	CHECK_ERR(parse(STR("[]"), 0), ERR_BAD_JSON);
	CHECK_ERR(parse(STR("{\"a\":[]}"), 2), ERR_OK);
	CHECK_ERR(parse(STR("{\"a\":[]}"), 1), ERR_BAD_JSON);
	CHECK_ERR(parse(STR("[[],[1],{},{\"a\":1},[]]"), 2), ERR_OK);
	free(deep);
}

static void
bounds_nodes(void)
{
	struct json j = { .count_max = 100 };
	struct err_info e = { 0 };
	struct buf b = { 0 };

	buf_addc(&b, '[');
	for (int i = 0; i < 98; i++)
		buf_adds(&b, "0,");
	buf_addc(&b, '0');
	CHECK_OK(json_parse(&j, STR("{\"a\":1}"), 1, &e), &e);
	buf_addc(&b, ']');
	CHECK_OK(json_parse(&j, buf_str(&b), 1, &e), &e);
	CHECK_U(j.count, 100);
	b.data[b.len - 1] = ',';
	buf_adds(&b, "0]");
	CHECK_ERR(json_parse(&j, buf_str(&b), 1, &e), ERR_TOO_LARGE);
	CHECK(j.cap <= 100);
	j.count_max = 0;
	CHECK_OK(json_parse(&j, buf_str(&b), 1, &e), &e);
	CHECK_U(j.count, 101);
	json_fini(&j);
	buf_fini(&b);
}

static void
says_where(void)
{
	struct json j = { 0 };
	struct err_info e = { 0 };

	CHECK_ERR(json_parse(&j, STR("{\"a\": tru}"), 9, &e), ERR_BAD_JSON);
	CHECK_STR(str_of(e.text), "not JSON at byte 6: a value is expected");
	CHECK_ERR(json_parse(&j, STR("[\"ab\x01\"]"), 9, &e), ERR_BAD_JSON);
	CHECK_STR(str_of(e.text),
	    "not JSON at byte 4: control character in a string");
	CHECK_U(j.count, 0);
	json_fini(&j);
}

static void
tape_says_what_the_text_says(void)
{
	struct str text =
	    STR(" {\"a\":[1,{},\"x\\ty\"],\"b\" : {\"c\":true} } ");
	struct json j = { 0 };
	struct err_info e = { 0 };
	uint32_t a, b;

	CHECK_OK(json_parse(&j, text, 64, &e), &e);
	CHECK_U(j.count, 10);
	CHECK_U(json_kind(&j, 0), JSON_OBJECT);
	CHECK_U(j.node[0].n, 2);
	CHECK_U(json_next(&j, 0), 10);
	CHECK_EQ(json_raw(&j, 0), str_trim(text));
	a = json_get(&j, 0, "a");
	CHECK_U(a, 2);
	CHECK_U(json_kind(&j, a), JSON_ARRAY);
	CHECK_U(j.node[a].n, 3);
	CHECK_STR(json_raw(&j, a), "[1,{},\"x\\ty\"]");
	CHECK_STR(json_raw(&j, a + 1), "1");
	CHECK_U(j.node[a + 2].n, 0);
	CHECK_U(json_next(&j, a + 2), a + 3);
	CHECK(j.node[a + 3].escaped);
	b = json_get(&j, 0, "b");
	CHECK_U(b, json_next(&j, a) + 1);
	CHECK_STR(json_raw(&j, b), "{\"c\":true}");
	CHECK_U(json_get(&j, 0, "c"), 0);
	CHECK_U(json_get(&j, a, "c"), 0);
	CHECK_U(json_kind(&j, json_get(&j, b, "c")), JSON_TRUE);
	json_fini(&j);
}

static void
reads_strings(void)
{
	static const struct {
		struct str json, want;
	} row[] = {
		{ STR_INIT("\"\""), STR_INIT("") },
		{ STR_INIT("\"plain\""), STR_INIT("plain") },
		{ STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
		    STR_INIT("\"\\/\b\f\n\r\t") },
		{ STR_INIT("\"a\\u0000b\""), STR_INIT("a\0b") },
		{ STR_INIT("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\""),
		    STR_INIT("A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") },
		{ STR_INIT("\"\\ud800\\udc00\\udbff\\udfff\""),
		    STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
		{ STR_INIT("\"\\u07ff\\u0800\\uffff\""),
		    STR_INIT("\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf") },
		{ STR_INIT("\"\xe2\x82\xac\\n\xe2\x82\xac\""),
		    STR_INIT("\xe2\x82\xac\n\xe2\x82\xac") },
	};
	struct json j = { 0 };
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct str s;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%.*s", STR_ARG(row[i].json));
		CHECK_OK(json_parse(&j, row[i].json, 1, &e), &e);
		CHECK(json_str(&j, 0, &a, &s));
		CHECK_EQ(s, row[i].want);
		CHECK(json_str_is(&j, 0, row[i].want));
		CHECK(!json_str_is(&j, 0, STR("other")));
		CHECK(row[i].want.n == 0 || !json_str_is(&j, 0, STR("")));
		CHECK(!json_str_is(&j, 0,
		    str_n("plain\0 and", row[i].want.n + 1)));
	}
	CHECK_OK(json_parse(&j, STR("17"), 1, &e), &e);
	CHECK(!json_str(&j, 0, &a, &s));
	CHECK(!json_str_is(&j, 0, STR("17")));
	arena_fini(&a);
	json_fini(&j);
}

static void
reads_numbers(void)
{
	static const struct {
		struct str json;
		bool u, i;
		int64_t value;
	} row[] = {
		{ STR_INIT("0"), true, true, 0 },
		{ STR_INIT("42"), true, true, 42 },
		{ STR_INIT("-42"), false, true, -42 },
		{ STR_INIT("9007199254740991"), true, true, 9007199254740991 },
		{ STR_INIT("-9007199254740991"), false, true,
		    -9007199254740991 },
		{ STR_INIT("9007199254740992"), false, false, 0 },
		{ STR_INIT("-9007199254740992"), false, false, 0 },
		{ STR_INIT("18446744073709551616"), false, false, 0 },
		{ STR_INIT("-0"), false, false, 0 },
		{ STR_INIT("1.0"), false, false, 0 },
		{ STR_INIT("1e3"), false, false, 0 },
		{ STR_INIT("\"1\""), false, false, 0 },
		{ STR_INIT("true"), false, false, 0 },
		{ STR_INIT("[1]"), false, false, 0 },
	};
	struct json j = { 0 };
	struct err_info e = { 0 };

	for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
		uint64_t u = 7;
		int64_t i = 7;

		t_note("%.*s", STR_ARG(row[k].json));
		CHECK_OK(json_parse(&j, row[k].json, 1, &e), &e);
		CHECK(json_u53(&j, 0, &u) == row[k].u);
		CHECK(json_i53(&j, 0, &i) == row[k].i);
		CHECK_I(u, row[k].u ? row[k].value : 7);
		CHECK_I(i, row[k].i ? row[k].value : 7);
	}
	json_fini(&j);
}

static void
reads_booleans(void)
{
	struct json j = { 0 };
	struct err_info e = { 0 };
	bool v = false;

	CHECK_OK(json_parse(&j, STR("[true,false,null,1]"), 1, &e), &e);
	CHECK(json_bool(&j, 1, &v) && v);
	CHECK(json_bool(&j, 2, &v) && !v);
	CHECK(!json_bool(&j, 3, &v));
	CHECK(!json_bool(&j, 4, &v));
	json_fini(&j);
}

static void
get_takes_the_last_and_resolves_escapes(void)
{
	struct json j = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(json_parse(&j,
	             STR("{\"k\":1,\"n\":{\"k\":5},\"\\u006b\":2,\"ka\":3}"), 9,
	             &e),
	    &e);
	CHECK_STR(json_raw(&j, json_get(&j, 0, "k")), "2");
	CHECK_STR(json_raw(&j, json_get(&j, 0, "ka")), "3");
	CHECK_U(json_get(&j, 0, ""), 0);
	json_fini(&j);
}

static enum err
check(struct str text, unsigned depth_max, struct err_info *e)
{
	struct json j = { 0 };
	enum err rc;

	CHECK_OK(json_parse(&j, text, DEEP, e), e);
	rc = json_check(&j, 0, depth_max, e);
	json_fini(&j);
	return rc;
}

static void
check_refuses_duplicates(void)
{
	static const struct {
		struct str json;
		enum err want;
	} row[] = {
		{ STR_INIT("{}"), ERR_OK },
		{ STR_INIT("{\"a\":1,\"b\":2,\"A\":3}"), ERR_OK },
		{ STR_INIT("{\"a\":{\"a\":{\"a\":1}}}"), ERR_OK },
		/* alike at both ends and in the middle */
		{ STR_INIT("{\"axbyc\":1,\"azbwc\":2}"), ERR_OK },
		{ STR_INIT("[{\"a\":1},{\"a\":1}]"), ERR_OK },
		{ STR_INIT("{\"a\":1,\"a\":1}"), ERR_BAD_JSON },
		{ STR_INIT("{\"a\":1,\"\\u0061\":1}"), ERR_BAD_JSON },
		{ STR_INIT("{\"\\u0061\":1,\"\\u0061\":1}"), ERR_BAD_JSON },
		{ STR_INIT("{\"\\n\":1,\"\\u000A\":1}"), ERR_BAD_JSON },
		{ STR_INIT("{\"\":1,\"\":1}"), ERR_BAD_JSON },
		{ STR_INIT("[0,{\"x\":[{\"b\":1,\"c\":2,\"b\":3}]}]"),
		    ERR_BAD_JSON },
		{ STR_INIT("{\"\\u00e9\":1,\"\xc3\xa9\":1}"), ERR_BAD_JSON },
	};
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%.*s", STR_ARG(row[i].json));
		CHECK_ERR(check(row[i].json, 8, &e), row[i].want);
	}
	t_note("%s", "");
	CHECK_ERR(check(STR("{\"name\":1,\"name\":2}"), 8, &e), ERR_BAD_JSON);
	CHECK_STR(str_of(e.text), "key \"name\" stands twice (byte 10)");
}

/* An object of n members k0..; the last one named as `last` says. */
static void
many_members(struct buf *b, unsigned n, const char *last)
{
	buf_reset(b);
	buf_addc(b, '{');
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "\"k%u\":%u,", i, i);
	buf_addf(b, "\"%s\":0}", last);
}

static void
check_of_many_members(void)
{
	static const unsigned sizes[] = { 15, 30, 31, 32, 33, 64, 1000, 50000 };
	struct buf b = { 0 };
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		t_note("%u members", sizes[i]);
		many_members(&b, sizes[i], "last");
		CHECK_ERR(check(buf_str(&b), 1, &e), ERR_OK);
		many_members(&b, sizes[i], "k7");
		CHECK_ERR(check(buf_str(&b), 1, &e), ERR_BAD_JSON);
		many_members(&b, sizes[i], "\\u006b0");
		CHECK_ERR(check(buf_str(&b), 1, &e), ERR_BAD_JSON);
	}
	buf_fini(&b);
}

static void
check_bounds_depth(void)
{
	struct err_info e = { 0 };
	char *deep = malloc(2 * DEEP);

	memset(deep, '[', DEEP);
	memset(deep + DEEP, ']', DEEP);
	CHECK_ERR(check(str_n(deep, 2 * DEEP), DEEP, &e), ERR_OK);
	CHECK_ERR(check(str_n(deep, 2 * DEEP), DEEP - 1, &e), ERR_BAD_JSON);
	CHECK_ERR(check(str_n(deep, 2 * DEEP), 64, &e), ERR_BAD_JSON);
	CHECK_ERR(check(STR("7"), 0, &e), ERR_OK);
	CHECK_ERR(check(STR("[]"), 0, &e), ERR_BAD_JSON);
	CHECK_ERR(check(STR("[[],[],{\"a\":[]}]"), 3, &e), ERR_OK);
	CHECK_ERR(check(STR("[[],[],{\"a\":[]}]"), 2, &e), ERR_BAD_JSON);
	free(deep);
}

/* A subtree is judged by its own depth and its own keys. */
static void
check_of_a_subtree(void)
{
	struct json j = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(json_parse(&j, STR("{\"a\":1,\"a\":[[{}]],\"b\":{\"c\":1}}"),
	             9, &e),
	    &e);
	CHECK_ERR(json_check(&j, 0, 9, &e), ERR_BAD_JSON);
	CHECK_OK(json_check(&j, json_get(&j, 0, "a"), 3, &e), &e);
	CHECK_ERR(json_check(&j, json_get(&j, 0, "a"), 2, &e), ERR_BAD_JSON);
	CHECK_OK(json_check(&j, json_get(&j, 0, "b"), 1, &e), &e);
	json_fini(&j);
}

/* Each allocation failed once: the code says so, nothing leaks, and the same
 * tape can be parsed into again. */
static void
walks_fault_points(void)
{
	struct err_info e = { 0 };
	struct json j = { 0 };
	struct buf text = { 0 };
	int n = 0;

	many_members(&text, 2000, "\\u0041");
	do {
		enum err rc;

		t_note("fault %d", n);
		fault_arm(n++);
		rc = json_parse(&j, buf_str(&text), 1, &e);
		if (rc == ERR_OK)
			rc = json_check(&j, 0, 100, &e);
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
	} while (fault_hit());
	CHECK(n > 5);
	fault_arm(-1);
	json_fini(&j);
	buf_fini(&text);
}

int
main(void)
{
	T_RUN(takes);
	T_RUN(refuses);
	T_RUN(judges_each_byte_at_each_place);
	T_RUN(refuses_every_prefix);
	T_RUN(bounds_depth);
	T_RUN(bounds_nodes);
	T_RUN(says_where);
	T_RUN(tape_says_what_the_text_says);
	T_RUN(reads_strings);
	T_RUN(reads_numbers);
	T_RUN(reads_booleans);
	T_RUN(get_takes_the_last_and_resolves_escapes);
	T_RUN(check_refuses_duplicates);
	T_RUN(check_of_many_members);
	T_RUN(check_bounds_depth);
	T_RUN(check_of_a_subtree);
	T_RUN(walks_fault_points);
	return t_done();
}
