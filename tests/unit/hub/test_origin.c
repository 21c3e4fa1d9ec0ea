/* Which pages are ours. */
#include "origin.h"

#include "t.h"

static void
reads_what_is_one(void)
{
	static const struct {
		const char *text;
		bool ok, tls;
		const char *host;
		unsigned port;
	} row[] = {
		{ "https://a.example", true, true, "a.example", 443 },
		{ "http://a.example", true, false, "a.example", 80 },
		{ "HTTPS://A-1_b.Example:8443", true, true, "A-1_b.Example",
		    8443 },
		{ "http://127.0.0.1:1", true, false, "127.0.0.1", 1 },
		{ "http://[::1]:65535", true, false, "[::1]", 65535 },
		{ "http://[::ffff:1.2.3.4]", true, false, "[::ffff:1.2.3.4]",
		    80 },
		{ "", false, false, "", 0 },
		{ "null", false, false, "", 0 },
		{ "https://", false, false, "", 0 },
		{ "https:///x", false, false, "", 0 },
		{ "a.example", false, false, "", 0 },
		{ "ftp://a.example", false, false, "", 0 },
		{ "wss://a.example", false, false, "", 0 },
		{ "https://a.example/", false, false, "", 0 },
		{ "https://a.example/x", false, false, "", 0 },
		{ "https://u@a.example", false, false, "", 0 },
		{ "https://a.example?x", false, false, "", 0 },
		{ "https://*.example", false, false, "", 0 },
		{ "https://a example", false, false, "", 0 },
		{ " https://a.example", false, false, "", 0 },
		{ "https://b\xc3\xbc.example", false, false, "", 0 },
		{ "https://a.example:", false, false, "", 0 },
		{ "https://a.example:0", false, false, "", 0 },
		{ "https://a.example:65536", false, false, "", 0 },
		{ "https://a.example:000443", false, false, "", 0 },
		{ "https://a.example:8x", false, false, "", 0 },
		{ "https://a.example:1:2", false, false, "", 0 },
		{ "https://::1", false, false, "", 0 },
		{ "https://[::1", false, false, "", 0 },
		{ "https://[]", false, false, "", 0 },
		{ "https://[::1]x", false, false, "", 0 },
		{ "https://[::g]", false, false, "", 0 },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct origin o;

		t_note("%s", row[i].text);
		CHECK_I(origin_parse(str_of(row[i].text), &o), row[i].ok);
		if (!row[i].ok)
			continue;
		CHECK_I(o.tls, row[i].tls);
		CHECK_STR(o.host, row[i].host);
		CHECK_U(o.port, row[i].port);
	}
	CHECK(!origin_parse(str_n("http://a\0b", 10), &(struct origin){ 0 }));
}

static void
tells_them_apart(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} row[] = {
		{ "https://a.example", "https://a.example", true },
		{ "https://a.example", "HTTPS://A.Example:443", true },
		{ "http://a.example:80", "http://a.example", true },
		{ "https://a.example", "http://a.example", false },
		{ "https://a.example", "http://a.example:443", false },
		{ "https://a.example", "https://a.example:8443", false },
		{ "https://a.example", "https://b.a.example", false },
		{ "https://a.example", "https://a.example.evil", false },
		{ "https://a.example", "https://a.exampl", false },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct origin a, b;

		t_note("%s %s", row[i].a, row[i].b);
		CHECK(origin_parse(str_of(row[i].a), &a));
		CHECK(origin_parse(str_of(row[i].b), &b));
		CHECK_I(origin_eq(&a, &b), row[i].same);
		CHECK_I(origin_eq(&b, &a), row[i].same);
	}
}

int
main(void)
{
	T_RUN(reads_what_is_one);
	T_RUN(tells_them_apart);
	return t_done();
}
