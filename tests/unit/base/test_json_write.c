/* JSON writer and canonical form. */
#include <stdlib.h>

#include "fault.h"
#include "json.h"
#include "t.h"

enum { DEEP = 10000 };

static void
writes_compact(void)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct err_info e = { 0 };

	json_obj(&w);
	json_key(&w, "id"), json_put_str(&w, STR("x\"y"));
	json_key(&w, "none"), json_put_z(&w, NULL);
	json_key(&w, "z"), json_put_z(&w, "z");
	json_key(&w, "list"), json_arr(&w);
	json_put_u(&w, UINT64_MAX);
	json_put_i(&w, INT64_MIN);
	json_put_i(&w, 5);
	json_put_bool(&w, true);
	json_put_bool(&w, false);
	json_put_null(&w);
	json_arr(&w), json_end(&w);
	json_obj(&w), json_end(&w);
	json_end(&w);
	json_key_str(&w, STR("raw\n")), json_put_raw(&w, STR("[1.50]"));
	json_end(&w);
	CHECK_OK(buf_ok(&b, &e), &e);
	CHECK_STR(buf_str(&b),
	    "{\"id\":\"x\\\"y\",\"none\":null,\"z\":\"z\","
	    "\"list\":[18446744073709551615,-9223372036854775808,5,true,false,"
	    "null,[],{}],\"raw\\n\":[1.50]}");
	buf_fini(&b);
}

static void
writes_pretty(void)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b, .indent = 2 };

	json_obj(&w);
	json_key(&w, "a"), json_arr(&w);
	json_put_u(&w, 1);
	json_obj(&w), json_key(&w, "b"), json_put_null(&w), json_end(&w);
	json_end(&w);
	json_key(&w, "e"), json_obj(&w), json_end(&w);
	json_end(&w);
	CHECK_STR(buf_str(&b),
	    "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n"
	    "  \"e\": {}\n}");
	buf_fini(&b);
}

static void
writes_64_levels(void)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct json j = { 0 };
	struct err_info e = { 0 };

	for (int i = 0; i < 32; i++)
		json_arr(&w), json_put_u(&w, 1), json_obj(&w),
		    json_key(&w, "k");
	json_put_null(&w);
	for (int i = 0; i < 64; i++)
		json_end(&w);
	CHECK_OK(json_parse(&j, buf_str(&b), 64, &e), &e);
	json_fini(&j);
	buf_fini(&b);
}

static const struct {
	struct str s, json;
} strings[] = {
	{ STR_INIT(""), STR_INIT("\"\"") },
	{ STR_INIT("a"), STR_INIT("\"a\"") },
	{ STR_INIT("a/b"), STR_INIT("\"a/b\"") },
	{ STR_INIT("\b\t\n\f\r\"\\"), STR_INIT("\"\\b\\t\\n\\f\\r\\\"\\\\\"") },
	{ STR_INIT("\0"), STR_INIT("\"\\u0000\"") },
	{ STR_INIT("\x01\x0b\x1f\x7f"),
	    STR_INIT("\"\\u0001\\u000b\\u001f\x7f\"") },
	{ STR_INIT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
	    STR_INIT("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"") },
	{ STR_INIT("\xff"), STR_INIT("\"\xef\xbf\xbd\"") },
	{ STR_INIT("a\xc3"), STR_INIT("\"a\xef\xbf\xbd\"") },
	{ STR_INIT("\xc3(\x80x"), STR_INIT("\"\xef\xbf\xbd(\xef\xbf\xbdx\"") },
	{ STR_INIT("\xed\xa0\x80"),
	    STR_INIT("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"") },
	{ STR_INIT("0123456789abcdef0123456789abcdef\n0123456789abcdef"),
	    STR_INIT(
	        "\"0123456789abcdef0123456789abcdef\\n0123456789abcdef\"") },
};

static void
writes_strings(void)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		t_note("row %zu", i);
		buf_reset(&b);
		json_add_str(&b, strings[i].s);
		CHECK_EQ(buf_str(&b), strings[i].json);
	}
	buf_reset(&b);
	json_add_str(&b, str_n(NULL, 0));
	CHECK_STR(buf_str(&b), "\"\"");
	buf_fini(&b);
}

/* Random bytes as a string: what was UTF-8 comes back as it was. */
static void
strings_round_trip(void)
{
	struct t_rng r = { t_seed() };
	struct buf b = { 0 };
	struct json j = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };

	for (int run = 0; run < 2000; run++) {
		char raw[80];
		size_t n = t_below(&r, sizeof raw);
		struct str s;
		bool ascii = true;

		for (size_t i = 0; i < n; i++) {
			raw[i] = (char)(t_below(&r, 8) ? t_below(&r, 128) :
			                                 t_below(&r, 256));
			ascii = ascii && (unsigned char)raw[i] < 128;
		}
		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		buf_reset(&b);
		arena_reset(&a);
		json_add_str(&b, str_n(raw, n));
		CHECK_OK(json_parse(&j, buf_str(&b), 0, &e), &e);
		CHECK(json_str(&j, 0, &a, &s));
		if (ascii)
			CHECK_EQ(s, str_n(raw, n));
	}
	arena_fini(&a);
	json_fini(&j);
	buf_fini(&b);
}

static void
canon(struct str text, struct buf *out)
{
	struct json j = { 0 };
	struct err_info e = { 0 };

	buf_reset(out);
	CHECK_OK(json_parse(&j, text, DEEP, &e), &e);
	json_canon(&j, 0, out);
	json_fini(&j);
}

static void
canon_is_what_the_page_says(void)
{
	static const struct {
		struct str json, want;
	} row[] = {
		{ STR_INIT(" 1.50 "), STR_INIT("1.50") },
		{ STR_INIT("-0"), STR_INIT("-0") },
		{ STR_INIT("1E+2"), STR_INIT("1E+2") },
		{ STR_INIT("[ ]"), STR_INIT("[]") },
		{ STR_INIT("{ }"), STR_INIT("{}") },
		{ STR_INIT("[ 1 , null , true ]"), STR_INIT("[1,null,true]") },
		{ STR_INIT("{\"b\":1,\"a\":2}"),
		    STR_INIT("{\"a\":2,\"b\":1}") },
		{ STR_INIT(
		      "{\"b\":{\"d\":1,\"c\":[{\"z\":0,\"y\":0}]},\"a\":2}"),
		    STR_INIT("{\"a\":2,\"b\":{\"c\":[{\"y\":0,\"z\":0}],\"d\":"
		             "1}}") },
		{ STR_INIT("{\"aa\":1,\"a\":2,\"\":3,\"B\":4}"),
		    STR_INIT("{\"\":3,\"B\":4,\"a\":2,\"aa\":1}") },
		/* Bytes of UTF-8, not units of UTF-16: U+FFFF before U+10000.
		 */
		{ STR_INIT("{\"\\ud800\\udc00\":1,\"\\uffff\":2}"),
		    STR_INIT("{\"\xef\xbf\xbf\":2,\"\xf0\x90\x80\x80\":1}") },
		/* Sorted as resolved, not as written. */
		{ STR_INIT("{\"\\u0062\":1,\"a\":2}"),
		    STR_INIT("{\"a\":2,\"b\":1}") },
		{ STR_INIT(
		      "\"\\u0041\\/\\u00e9\\u000A\\u001F\\u007f\\\"\\\\\""),
		    STR_INIT("\"A/\xc3\xa9\\n\\u001f\x7f\\\"\\\\\"") },
		{ STR_INIT("\"\\b\\t\\n\\f\\r\\u0008\""),
		    STR_INIT("\"\\b\\t\\n\\f\\r\\b\"") },
		{ STR_INIT("\"\\u0000\\ud83d\\ude00\""),
		    STR_INIT("\"\\u0000\xf0\x9f\x98\x80\"") },
		/* Refused by json_check; here in the order of the text. */
		{ STR_INIT("{\"a\":2,\"a\":1}"),
		    STR_INIT("{\"a\":2,\"a\":1}") },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%.*s", STR_ARG(row[i].json));
		canon(row[i].json, &b);
		CHECK_EQ(buf_str(&b), row[i].want);
	}
	buf_fini(&b);
}

static void
canon_of_a_subtree(void)
{
	struct json j = { 0 };
	struct err_info e = { 0 };
	struct buf b = { 0 };

	CHECK_OK(json_parse(&j, STR("{\"a\":[ {\"y\":1,\"x\":2} ],\"b\":3}"), 9,
	             &e),
	    &e);
	buf_adds(&b, "> ");
	json_canon(&j, json_get(&j, 0, "a"), &b);
	CHECK_STR(buf_str(&b), "> [{\"x\":2,\"y\":1}]");
	json_fini(&j);
	buf_fini(&b);
}

static void
canon_of_deep_text(void)
{
	char *deep = malloc(2 * DEEP);
	struct buf b = { 0 };

	memset(deep, '[', DEEP);
	memset(deep + DEEP, ']', DEEP);
	canon(str_n(deep, 2 * DEEP), &b);
	CHECK_EQ(buf_str(&b), str_n(deep, 2 * DEEP));
	buf_fini(&b);
	free(deep);
}

/* Members in any order give one form, below and above the size where the
 * way of sorting changes. */
static void
canon_of_many_members(void)
{
	struct t_rng r = { t_seed() };
	struct buf text = { 0 }, want = { 0 }, got = { 0 };

	for (unsigned n = 1; n < 300; n = n * 5 / 4 + 1) {
		unsigned *order = malloc(n * sizeof *order);

		buf_reset(&want);
		buf_addc(&want, '{');
		for (unsigned i = 0; i < n; i++) {
			order[i] = i;
			buf_addf(&want, "%s\"%04u\":%u", i ? "," : "", i, i);
		}
		buf_addc(&want, '}');
		for (unsigned i = n; i-- > 1;) {
			unsigned k = (unsigned)t_below(&r, i + 1);
			unsigned x = order[i];

			order[i] = order[k];
			order[k] = x;
		}
		buf_reset(&text);
		buf_addc(&text, '{');
		for (unsigned i = 0; i < n; i++)
			buf_addf(&text, "%s\"%04u\" : %u", i ? "," : "",
			    order[i], order[i]);
		buf_addc(&text, '}');
		t_note("%u members", n);
		canon(buf_str(&text), &got);
		CHECK_EQ(buf_str(&got), buf_str(&want));
		canon(buf_str(&want), &got);
		CHECK_EQ(buf_str(&got), buf_str(&want));
		free(order);
	}
	buf_fini(&text);
	buf_fini(&want);
	buf_fini(&got);
}

/* A random value, written by hand with white space and needless escapes. */
static void
random_value(struct t_rng *r, struct buf *b, int depth)
{
	static const char *const scalar[] = { "0", "-1.5e3", "true", "false",
		"null", "\"\"", "\"\\u0041\\ud83d\\ude00\"", "\"a\\/b\\u000a\"",
		"\"\xe2\x82\xac\"", "1000000000000000000000" };
	unsigned n = (unsigned)t_below(r, 5);
	bool object = t_below(r, 2);

	if (depth == 0 || t_below(r, 4) == 0) {
		buf_adds(b, scalar[t_below(r, sizeof scalar / sizeof *scalar)]);
		return;
	}
	buf_adds(b, object ? "{ " : "[\n");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_adds(b, " ,");
		if (object)
			buf_addf(b, "\"%s%c%llu\" : ",
			    t_below(r, 2) ? "\\u006" : "k\\n\\u00e",
			    "0123456789abcdef"[t_below(r, 16)],
			    (unsigned long long)t_below(r, 100));
		random_value(r, b, depth - 1);
	}
	buf_adds(b, object ? "\t}" : " ]");
}

static void
canon_of_canon_is_itself(void)
{
	struct t_rng r = { t_seed() };
	struct buf text = { 0 }, once = { 0 }, twice = { 0 };

	for (int run = 0; run < 2000; run++) {
		buf_reset(&text);
		random_value(&r, &text, 6);
		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		canon(buf_str(&text), &once);
		canon(buf_str(&once), &twice);
		CHECK_EQ(buf_str(&twice), buf_str(&once));
	}
	buf_fini(&text);
	buf_fini(&once);
	buf_fini(&twice);
}

static void
walks_fault_points(void)
{
	struct str text =
	    STR("{\"\\u0062\":[[[[[[[[[[1]]]]]]]]]],\"a\":{},"
	        "\"c\":{\"long\":\"0123456789012345678901234567890"
	        "123456789\"}}");
	struct json j = { 0 };
	struct err_info e = { 0 };
	int n = 0;

	CHECK_OK(json_parse(&j, text, 64, &e), &e);
	do {
		struct buf b = { 0 };
		struct json_writer w = { .out = &b };
		enum err rc;

		t_note("fault %d", n);
		fault_arm(n++);
		json_arr(&w);
		json_put_str(&w, text);
		json_put_raw(&w, STR("1"));
		json_end(&w);
		json_canon(&j, 0, &b);
		rc = buf_ok(&b, &e);
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
		buf_fini(&b);
	} while (fault_hit());
	CHECK(n > 5);
	fault_arm(-1);
	json_fini(&j);
}

int
main(void)
{
	T_RUN(writes_compact);
	T_RUN(writes_pretty);
	T_RUN(writes_64_levels);
	T_RUN(writes_strings);
	T_RUN(strings_round_trip);
	T_RUN(canon_is_what_the_page_says);
	T_RUN(canon_of_a_subtree);
	T_RUN(canon_of_deep_text);
	T_RUN(canon_of_many_members);
	T_RUN(canon_of_canon_is_itself);
	T_RUN(walks_fault_points);
	return t_done();
}
