/* TOML reader: what is read, what is refused, and what it says then. */
#include "toml.h"

#include <stdlib.h>

#include "fault.h"
#include "t.h"

static void
dump_value(const struct toml_value *v, struct buf *out)
{
	switch (v->kind) {
	case TOML_STRING:
		toml_add_str(out, v->string);
		break;
	case TOML_INTEGER:
		buf_addf(out, "%lld", (long long)v->integer);
		break;
	case TOML_BOOLEAN:
		buf_adds(out, v->boolean ? "true" : "false");
		break;
	case TOML_ARRAY:
		buf_addc(out, '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				buf_addc(out, ',');
			dump_value(&v->item[i], out);
		}
		buf_addc(out, ']');
		break;
	}
}

/* "1 a.b=5;2 c=true;": line, key, value. */
static void
dump(const struct toml *t, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_addf(out, "%u %.*s=", t->entry[i].line,
		    STR_ARG(t->entry[i].key));
		dump_value(&t->entry[i].value, out);
		buf_addc(out, ';');
	}
}

/* From an exact copy, so that the sanitizer sees a read behind the end. */
static enum err
parse(struct str text, struct buf *out, struct err_info *e)
{
	struct arena a = { 0 };
	struct toml t;
	char *copy = malloc(text.n ? text.n : 1);
	enum err rc;

	memcpy(copy, text.p, text.n);
	rc = toml_parse(str_n(copy, text.n), &a, &t, e);
	if (rc == ERR_OK)
		dump(&t, out);
	else
		CHECK(t.n == 0);
	free(copy);
	arena_fini(&a);
	return rc;
}

struct row {
	struct str text;
	const char *want;
};

static void
check_reads(const struct row *row, size_t n)
{
	struct buf out = { 0 };
	struct err_info e = { 0 };

	for (size_t i = 0; i < n; i++) {
		t_note("row %zu: %.*s", i, STR_ARG(row[i].text));
		buf_reset(&out);
		CHECK_OK(parse(row[i].text, &out, &e), &e);
		CHECK_STR(buf_str(&out), row[i].want);
	}
	buf_fini(&out);
}

#define CHECK_READS(rows) check_reads(rows, sizeof rows / sizeof *rows)

static void
reads_structure(void)
{
	static const struct row row[] = {
		{ STR_INIT(""), "" },
		{ STR_INIT("\n\n  \t\n"), "" },
		{ STR_INIT("# only a comment"), "" },
		{ STR_INIT("# \xc3\xa9\r\n#\n"), "" },
		{ STR_INIT("\xef\xbb\xbf"
		           "a = 1"),
		    "1 a=1;" },
		{ STR_INIT("a=1"), "1 a=1;" },
		{ STR_INIT("  a\t=  1   # why\r\nb = 2\r\n"), "1 a=1;2 b=2;" },
		{ STR_INIT("A-b_9 = 1\n1234 = 2"), "1 A-b_9=1;2 1234=2;" },
		{ STR_INIT("a.b.c = 1\na . b . d = 2"),
		    "1 a.b.c=1;2 a.b.d=2;" },
		{ STR_INIT("3.14 = 1"), "1 3.14=1;" },
		{ STR_INIT("\"a\" = 1\n'b' = 2"), "1 a=1;2 b=2;" },
		{ STR_INIT("\"a b\" = 1"), "1 \"a b\"=1;" },
		{ STR_INIT("\"\" = 1"), "1 \"\"=1;" },
		{ STR_INIT("a.\"b.c\".d = 1\na.b.c = 2"),
		    "1 a.\"b.c\".d=1;2 a.b.c=2;" },
		{ STR_INIT("'a\"b' = 1"), "1 \"a\\\"b\"=1;" },
		{ STR_INIT("\"\\u0061\" = 1"), "1 a=1;" },
		{ STR_INIT("[t]\na = 1\n\n[u.v]\nb = 2"),
		    "2 t.a=1;5 u.v.b=2;" },
		{ STR_INIT("[ t . \"u v\" ] # c\na = 1"), "2 t.\"u v\".a=1;" },
		{ STR_INIT("[empty]\n[b]\n"), "" },
		{ STR_INIT("[a.b.c]\nx=1\n[a]\ny=2"), "2 a.b.c.x=1;4 a.y=2;" },
		{ STR_INIT("[a]\nx=1\n[a.b]\ny=2"), "2 a.x=1;4 a.b.y=2;" },
		{ STR_INIT("[f]\na.c=1\n[f.a.t]\nx=2"),
		    "2 f.a.c=1;4 f.a.t.x=2;" },
		{ STR_INIT("[a.b.c]\n[a]\nb.x=1"), "3 a.b.x=1;" },
		{ STR_INIT("a = {}"), "" },
		{ STR_INIT(
		      "a = { b = 1, c.d = true , e = { f = [ 1 ] } }\ng=2"),
		    "1 a.b=1;1 a.c.d=true;1 a.e.f=[1];2 g=2;" },
		{ STR_INIT("[t]\na = {b=1}\nc = 2"), "2 t.a.b=1;3 t.c=2;" },
		{ STR_INIT("a = {b.c=1, b.d=2}"), "1 a.b.c=1;1 a.b.d=2;" },
	};

	CHECK_READS(row);
}

static void
reads_values(void)
{
	static const struct row row[] = {
		{ STR_INIT("a = 0"), "1 a=0;" },
		{ STR_INIT("a = +0"), "1 a=0;" },
		{ STR_INIT("a = -0"), "1 a=0;" },
		{ STR_INIT("a = +17"), "1 a=17;" },
		{ STR_INIT("a = -17"), "1 a=-17;" },
		{ STR_INIT("a = 1_000_000"), "1 a=1000000;" },
		{ STR_INIT("a = 1_2_3"), "1 a=123;" },
		{ STR_INIT("a = 9223372036854775807"),
		    "1 a=9223372036854775807;" },
		{ STR_INIT("a = -9223372036854775808"),
		    "1 a=-9223372036854775808;" },
		{ STR_INIT("a = true\nb = false"), "1 a=true;2 b=false;" },
		{ STR_INIT("a = []"), "1 a=[];" },
		{ STR_INIT("a = [ ]"), "1 a=[];" },
		{ STR_INIT("a = [1,2,3,]"), "1 a=[1,2,3];" },
		{ STR_INIT("a = [1, \"x\", true, [ 'y' ], []]"),
		    "1 a=[1,\"x\",true,[\"y\"],[]];" },
		{ STR_INIT("a = [ # c\n 1 # d\n , # e\n 2\n,\n # f\n]\nb=1"),
		    "1 a=[1,2];8 b=1;" },
	};

	CHECK_READS(row);
}

static void
reads_strings(void)
{
	static const struct row row[] = {
		{ STR_INIT("a = \"\""), "1 a=\"\";" },
		{ STR_INIT("a = ''"), "1 a=\"\";" },
		{ STR_INIT("a = \"x # y\" # z"), "1 a=\"x # y\";" },
		{ STR_INIT("a = \"it's\\ta\""), "1 a=\"it's\\ta\";" },
		{ STR_INIT("a = \"tab\there\""), "1 a=\"tab\\there\";" },
		{ STR_INIT("a = \"\\b\\t\\n\\f\\r\\\"\\\\\""),
		    "1 a=\"\\b\\t\\n\\f\\r\\\"\\\\\";" },
		{ STR_INIT("a = \"\\u00e9\\U0001F600\\u0041\""),
		    "1 a=\"\xc3\xa9\xf0\x9f\x98\x80"
		    "A\";" },
		{ STR_INIT("a = \"\\u0000\""), "1 a=\"\\u0000\";" },
		{ STR_INIT("a = 'C:\\dir\\n'"), "1 a=\"C:\\\\dir\\\\n\";" },
		{ STR_INIT("a = '\"'"), "1 a=\"\\\"\";" },
		{ STR_INIT("a = \"\"\"\"\"\""), "1 a=\"\";" },
		{ STR_INIT("a = \"\"\"\nx\ny\"\"\"\nb=1"),
		    "1 a=\"x\\ny\";4 b=1;" },
		{ STR_INIT("a = \"\"\"\r\nx\r\ny\"\"\""), "1 a=\"x\\ny\";" },
		{ STR_INIT("a = \"\"\"x \\\n\n   y \\  \n  z\"\"\"\nb=1"),
		    "1 a=\"x y z\";5 b=1;" },
		{ STR_INIT("a = \"\"\"x\\t\\\"\"\"\""), "1 a=\"x\\t\\\"\";" },
		{ STR_INIT("a = \"\"\"\"x\"\"\"\"\""),
		    "1 a=\"\\\"x\\\"\\\"\";" },
		{ STR_INIT("a = \"\"\"a\"b\"\"c\"\"\""),
		    "1 a=\"a\\\"b\\\"\\\"c\";" },
		{ STR_INIT("a = '''\nx\\\n'y''z'''''"),
		    "1 a=\"x\\\\\\n'y''z''\";" },
		{ STR_INIT("a = ['''x\ny''', \"z\"]\nb=1"),
		    "1 a=[\"x\\ny\",\"z\"];3 b=1;" },
	};

	CHECK_READS(row);
}

static void
refuses(void)
{
	static const struct row row[] = {
		/* lines */
		{ STR_INIT("a"), "line 1: '=' is expected" },
		{ STR_INIT("a ="), "line 1: a value is expected" },
		{ STR_INIT("\na =\n1"), "line 2: a value is expected" },
		{ STR_INIT("= 1"), "line 1: a key is expected" },
		{ STR_INIT("a. = 1"), "line 1: a key is expected" },
		{ STR_INIT(".a = 1"), "line 1: a key is expected" },
		{ STR_INIT("a..b = 1"), "line 1: a key is expected" },
		{ STR_INIT("a b = 1"), "line 1: '=' is expected" },
		{ STR_INIT("a = 1 b = 2"), "line 1: something follows" },
		{ STR_INIT("a = \"x\" \"y\""), "line 1: something follows" },
		{ STR_INIT("a: 1"), "line 1: '=' is expected" },
		{ STR_INIT("\xc3\xa9 = 1"), "line 1: a key is expected" },
		{ STR_INIT("\"\"\"a\"\"\" = 1"), "line 1: a key of several" },
		{ STR_INIT("'''a''' = 1"), "line 1: a key of several" },
		{ STR_INIT("\"a = 1"), "line 1: the string does not end" },
		{ STR_INIT("a!b = 1"), "line 1: '=' is expected" },
		/* characters */
		{ STR_INIT("a = 1\nb = \"\xff\""), "line 2: not UTF-8" },
		{ STR_INIT("# \xed\xa0\x80"), "line 1: not UTF-8" },
		{ STR_INIT("# \0"), "line 1: control character 0x00" },
		{ STR_INIT("a = \"\x01\""), "line 1: control character 0x01" },
		{ STR_INIT("a = 1\rb = 2"), "line 1: control character 0x0d" },
		{ STR_INIT("a = 1\r"), "line 1: control character 0x0d" },
		{ STR_INIT("a = '\x7f'"), "line 1: control character 0x7f" },
		{ STR_INIT("a = 1\f"), "line 1: control character 0x0c" },
		{ STR_INIT("a = \xef\xbb\xbf"
		           "1"),
		    "line 1: a value" },
		/* tables */
		{ STR_INIT("[a"), "line 1: ']' is expected" },
		{ STR_INIT("[]"), "line 1: a key is expected" },
		{ STR_INIT("[a.]"), "line 1: a key is expected" },
		{ STR_INIT("[a]b = 1"), "line 1: something follows" },
		{ STR_INIT("[a] ]"), "line 1: something follows" },
		{ STR_INIT("[a b]"), "line 1: ']' is expected" },
		{ STR_INIT("[[a]]"), "line 1: arrays of tables are not read" },
		{ STR_INIT("[a]\n[a]"), "line 2: a is defined already" },
		{ STR_INIT("[a]\n[b]\n[\"a\"]"), "line 3: a is defined" },
		{ STR_INIT("[a.b]\n[a]\n[a]"), "line 3: a is defined" },
		{ STR_INIT("a = 1\n[a]"), "line 2: a has a value already" },
		{ STR_INIT("a = 1\n[a.b]"), "line 2: a has a value already" },
		{ STR_INIT("a.b = 1\n[a]"), "line 2: a is defined already" },
		{ STR_INIT("a = {b = 1}\n[a]"), "line 2: a is defined" },
		{ STR_INIT("a = {b = 1}\n[a.c]"), "line 2: a was written as" },
		{ STR_INIT("[f]\na.c=1\n[f.a]"), "line 3: f.a is defined" },
		/* keys that stand twice */
		{ STR_INIT("a = 1\na = 1"), "line 2: a stands twice" },
		{ STR_INIT("a = 1\n\"\\u0061\" = 1"),
		    "line 2: a stands twice" },
		{ STR_INIT("[t]\na = 1\nb = 2\n'a' = 3"),
		    "line 4: t.a stands" },
		{ STR_INIT("a.b = 1\na.b = 2"), "line 2: a.b stands twice" },
		{ STR_INIT("a.b = 1\na = 2"), "line 2: a is a table already" },
		{ STR_INIT("a = 1\na.b = 2"), "line 2: a has a value already" },
		{ STR_INIT("[a.b]\n[a]\nb = 1"), "line 3: a.b is a table" },
		{ STR_INIT("a = {b = 1, b = 2}"), "line 1: a.b stands twice" },
		{ STR_INIT("a = {b = 1}\na.c = 2"),
		    "line 2: a was written as" },
		{ STR_INIT("a = {b = {c = 1}, b.d = 2}"), "line 1: a.b was" },
		{ STR_INIT("[a.b.c]\nz=9\n[a]\nb.c.t=1"),
		    "line 4: add to a.b.c below its [a.b.c]" },
		/* inline tables */
		{ STR_INIT("a = {b = 1,}"), "line 1: a key is expected" },
		{ STR_INIT("a = {b = 1\n}"), "line 1: ',' or '}'" },
		{ STR_INIT("a = {\nb = 1}"), "line 1: a key is expected" },
		{ STR_INIT("a = {b = 1"), "line 1: ',' or '}'" },
		{ STR_INIT("a = {b = 1 c = 2}"), "line 1: ',' or '}'" },
		{ STR_INIT("a = {,}"), "line 1: a key is expected" },
		{ STR_INIT("a = [{b = 1}]"),
		    "line 1: inline tables in arrays" },
		/* arrays */
		{ STR_INIT("a = ["), "line 1: a value is expected" },
		{ STR_INIT("a = [1"), "line 1: ',' or ']'" },
		{ STR_INIT("a = [\n1\n2]"), "line 3: ',' or ']'" },
		{ STR_INIT("a = [,]"), "line 1: a value is expected" },
		{ STR_INIT("a = [1,,2]"), "line 1: a value is expected" },
		{ STR_INIT("a = [1}"), "line 1: ',' or ']'" },
		{ STR_INIT("a = ]"), "line 1: a value is expected" },
		/* strings */
		{ STR_INIT("a = \"x"), "line 1: the string does not end" },
		{ STR_INIT("a = 'x\ny'"), "line 1: the string does not end" },
		{ STR_INIT("a = \"x\\"), "line 1: unknown escape" },
		{ STR_INIT("a = \"\\x41\""), "line 1: unknown escape" },
		{ STR_INIT("a = \"\\e\""), "line 1: unknown escape" },
		{ STR_INIT("a = \"\\/\""), "line 1: unknown escape" },
		{ STR_INIT("a = \"C:\\dir\""), "line 1: unknown escape" },
		{ STR_INIT("a = \"\\u12\""), "line 1: \\u needs 4" },
		{ STR_INIT("a = \"\\u12g4\""), "line 1: \\u needs 4" },
		{ STR_INIT("a = \"\\U0001F60\""), "line 1: \\u needs 4" },
		{ STR_INIT("a = \"\\ud800\""), "line 1: U+D800 is no" },
		{ STR_INIT("a = \"\\U00110000\""), "line 1: U+110000 is no" },
		{ STR_INIT("a = \"\"\"\nx\ny\n"), "line 1: the string is not" },
		{ STR_INIT("a = '''x''"), "line 1: the string is not closed" },
		{ STR_INIT("a = \"\"\"x\\ y\"\"\""), "line 1: unknown escape" },
		{ STR_INIT("a = \"\"\"\"\"\"\"\"\"\""), "line 1: something" },
		/* bare values */
		{ STR_INIT("a = x"),
		    "line 1: a value is expected; allowed are" },
		{ STR_INIT("a = True"), "line 1: a value is expected" },
		{ STR_INIT("a = truee"), "line 1: a value is expected" },
		{ STR_INIT("a = -x"), "line 1: a value is expected" },
		{ STR_INIT("a = 30m"), "line 1: neither a whole number nor" },
		{ STR_INIT("a = 01"), "line 1: neither a whole number" },
		{ STR_INIT("a = -01"), "line 1: neither a whole number" },
		{ STR_INIT("a = _1"), "line 1: a value is expected" },
		{ STR_INIT("a = 1_"), "line 1: neither a whole number" },
		{ STR_INIT("a = 1__0"), "line 1: neither a whole number" },
		{ STR_INIT("a = +-1"), "line 1: a value is expected" },
		{ STR_INIT("a = -"), "line 1: neither a whole number" },
		{ STR_INIT("a = 9223372036854775808"),
		    "line 1: the number is" },
		{ STR_INIT("a = -9223372036854775809"),
		    "line 1: the number is" },
		{ STR_INIT("a = 99999999999999999999999"),
		    "line 1: the number" },
		/* what is left out, by its name */
		{ STR_INIT("a = 1.5"),
		    "line 1: floating-point numbers are not" },
		{ STR_INIT("a = 1e3"),
		    "line 1: floating-point numbers are not" },
		{ STR_INIT("a = -6.6E-3"), "line 1: floating-point numbers" },
		{ STR_INIT("a = inf"),
		    "line 1: floating-point numbers are not" },
		{ STR_INIT("a = -nan"),
		    "line 1: floating-point numbers are not" },
		{ STR_INIT("a = 0xff"),
		    "line 1: hexadecimal, octal and binary" },
		{ STR_INIT("a = 0o7"),
		    "line 1: hexadecimal, octal and binary" },
		{ STR_INIT("a = 0b1"),
		    "line 1: hexadecimal, octal and binary" },
		{ STR_INIT("a = 1979-05-27"),
		    "line 1: dates and times are not" },
		{ STR_INIT("a = 1979-05-27T07:32:00.5Z"), "line 1: dates and" },
		{ STR_INIT("a = 07:32:00"), "line 1: dates and times are not" },
		{ STR_INIT("a = [1, 2.5]"), "line 1: floating-point numbers" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err_info e = { 0 };

		t_note("row %zu: %.*s", i, STR_ARG(row[i].text));
		CHECK_ERR(parse(row[i].text, &out, &e), ERR_CONFIG);
		CHECK_EQ(str_n(e.text, strlen(row[i].want)),
		    str_of(row[i].want));
	}
	buf_fini(&out);
}

static void
bounds(void)
{
	struct buf text = { 0 }, out = { 0 };
	struct err_info e = { 0 };

	for (int deep = 16; deep <= 17; deep++) {
		enum err want = deep == 16 ? ERR_OK : ERR_CONFIG;

		t_note("%d deep", deep);
		buf_reset(&text);
		buf_adds(&text, "a = ");
		for (int i = 0; i < deep; i++)
			buf_addc(&text, '[');
		for (int i = 0; i < deep; i++)
			buf_addc(&text, ']');
		CHECK_ERR(parse(buf_str(&text), &out, &e), want);
		buf_reset(&text);
		buf_adds(&text, "a = ");
		for (int i = 0; i < deep; i++)
			buf_adds(&text, "{a = ");
		buf_addc(&text, '1');
		for (int i = 0; i < deep; i++)
			buf_addc(&text, '}');
		CHECK_ERR(parse(buf_str(&text), &out, &e), want);
	}
	buf_reset(&text);
	for (int i = 0; i < 1024; i++)
		buf_addc(&text, 'k');
	buf_adds(&text, " = 1");
	CHECK_OK(parse(buf_str(&text), &out, &e), &e);
	buf_reset(&text);
	buf_adds(&text, "a");
	for (int i = 0; i < 100000; i++)
		buf_adds(&text, ".a");
	buf_adds(&text, " = 1");
	CHECK_ERR(parse(buf_str(&text), &out, &e), ERR_CONFIG);
	CHECK_STR(str_of(e.text),
	    "line 1: the key is longer than 1024 bytes "
	    "with its tables");
	buf_fini(&text);
	buf_fini(&out);
}

static void
gets_by_name(void)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct toml t;

	CHECK_OK(toml_parse(STR("[server]\nurl = \"u\"\n[t.\"to do\"]\nn=1"),
	             &a, &t, &e),
	    &e);
	CHECK_U(t.n, 2);
	CHECK(toml_get(&t, "server.url") == &t.entry[0]);
	CHECK(toml_get(&t, "t.\"to do\".n") == &t.entry[1]);
	CHECK(toml_get(&t, "server") == NULL);
	CHECK(toml_get(&t, "url") == NULL);
	CHECK_OK(toml_parse(str_n(NULL, 0), &a, &t, &e), &e);
	CHECK_U(t.n, 0);
	CHECK(toml_get(&t, "server.url") == NULL);
	arena_fini(&a);
}

/* Any text written as a string is read as it was. */
static void
strings_round_trip(void)
{
	struct t_rng r = { t_seed() };
	struct buf b = { 0 };

	for (int run = 0; run < 1000; run++) {
		struct arena a = { 0 };
		struct err_info e = { 0 };
		struct toml t;
		char raw[40];
		size_t n = t_below(&r, sizeof raw);

		for (size_t i = 0; i < n; i++)
			raw[i] = (char)t_below(&r, 128);
		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		buf_reset(&b);
		buf_adds(&b, "a.");
		toml_add_str(&b, str_n(raw, n));
		buf_adds(&b, " = ");
		toml_add_str(&b, str_n(raw, n));
		CHECK_OK(toml_parse(buf_str(&b), &a, &t, &e), &e);
		if (CHECK_U(t.n, 1))
			CHECK_EQ(t.entry[0].value.string, str_n(raw, n));
		arena_fini(&a);
	}
	buf_reset(&b);
	toml_add_str(&b, STR("\xc3\xa9\xff\x7f"));
	CHECK_STR(buf_str(&b), "\"\xc3\xa9\xef\xbf\xbd\\u007f\"");
	buf_fini(&b);
}

static void
walks_fault_points(void)
{
	struct str text = STR("[server.\"a b\"]\nurl = \"u\"\nn = [1, [2, 3], "
	                      "'''x''']\n[x]\na = 1\nb = 1\nc = 1\nd = 1\n"
	                      "e = { f = 1, g.h = 2 }\ni = 1\nj = 1\nk = 1\n"
	                      "l = 1\nm = 1\nn = 1\n");
	int n = 0;

	do {
		struct arena a = { 0 };
		struct err_info e = { 0 };
		struct toml t;
		enum err rc;

		t_note("fault %d", n);
		fault_arm(n++);
		rc = toml_parse(text, &a, &t, &e);
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
		arena_fini(&a);
	} while (fault_hit());
	CHECK(n > 10);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(reads_structure);
	T_RUN(reads_values);
	T_RUN(reads_strings);
	T_RUN(refuses);
	T_RUN(bounds);
	T_RUN(gets_by_name);
	T_RUN(strings_round_trip);
	T_RUN(walks_fault_points);
	return t_done();
}
