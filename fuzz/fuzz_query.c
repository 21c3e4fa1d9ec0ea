/* Covers what stands inside of a request's head: http1_unescape, http1_form_get,
 * http1_has_token, http1_accepts_gzip, http1_date_parse, http1_put_field.
 *
 * Held: what was escaped comes back as it was; a value holds no NUL; a date that
 * was read is written as it came; a field that was written is one line. */
#include <stdlib.h>

#include "http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
unescape_again(struct str in, bool plus)
{
	struct buf plain = { 0 }, escaped = { 0 }, again = { 0 };

	if (http1_unescape(in, plus, &plain)) {
		must(plain.len <= in.n);
		for (size_t i = 0; i < plain.len; i++)
			buf_addf(&escaped, "%%%02x", (uint8_t)plain.data[i]);
		/* A NUL that stood there unescaped cannot be said in escapes. */
		if (str_find(in, '\0') == SIZE_MAX) {
			must(http1_unescape(buf_str(&escaped), plus, &again));
			must(str_eq(buf_str(&again), buf_str(&plain)));
		}
	}
	buf_fini(&plain);
	buf_fini(&escaped);
	buf_fini(&again);
}

static void
members(struct str in)
{
	static const char *const name[] = { "after", "epoch", "limit", "a" };
	struct arena a = { 0 };
	struct str v;

	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
		if (http1_form_get(in, name[i], &a, &v))
			must(v.n <= in.n);
	arena_fini(&a);
}

static void
date_again(struct str in)
{
	int64_t s;
	char text[30];

	if (!http1_date_parse(in, &s))
		return;
	http1_date(s, text);
	must(str_is(in, text));
}

static void
field(struct str in)
{
	struct http1_field f = { STR("Accept-Encoding"), in };
	struct http1_head h = { .field = &f, .fields = 1 };
	struct buf out = { 0 };

	(void)http1_accepts_gzip(&h);
	(void)http1_has_token(in, "chunked");
	if (http1_put_field(&out, STR("X"), in))
		must(str_find(buf_str(&out), '\n') == out.len - 1);
	else
		must(out.len == 0);
	buf_reset(&out);
	if (http1_put_field(&out, in, STR("x")))
		must(str_find(buf_str(&out), ':') == in.n);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_n(data, size);

	unescape_again(in, true);
	unescape_again(in, false);
	members(in);
	date_again(in);
	field(in);
	return 0;
}
