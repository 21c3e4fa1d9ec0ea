/* Writing JSON: strings with the shortest escapes, and a writer that knows
 * where commas go. */
#include <assert.h>
#include <stdio.h>

#include "json_int.h"
#include "utf8.h"

enum { LEVELS_MAX = 64 }; /* bits of json_writer.is_array */

/* RFC 8785, 3.2.2.2. */
void
json_add_byte(struct buf *out, uint8_t c)
{
	static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
	static const char digit[] = "0123456789abcdef";
	const char *at = c ? memchr(from, c, sizeof from - 1) : NULL;

	if (at != NULL) {
		char escape[2] = { '\\', to[at - from] };

		buf_add(out, escape, sizeof escape);
	} else if (c < 0x20) {
		char escape[6] = { '\\', 'u', '0', '0', digit[c >> 4],
			digit[c & 15] };

		buf_add(out, escape, sizeof escape);
	} else {
		buf_addc(out, (char)c);
	}
}

/* From `at`, the first byte that is not plain. */
static void
add_special(struct buf *out, const uint8_t *from, const uint8_t *at,
    const uint8_t *end)
{
	for (; at < end; at = json_plain_end(at, end)) {
		size_t n = *at >= 0x80 ? utf8_len(at, (size_t)(end - at)) : 0;

		if (n > 0) {
			at += n;
			continue;
		}
		buf_add(out, from, (size_t)(at - from));
		if (*at < 0x80)
			json_add_byte(out, *at);
		else
			buf_adds(out, "\xef\xbf\xbd"); /* U+FFFD */
		from = ++at;
	}
	buf_add(out, from, (size_t)(end - from));
}

void
json_add_str(struct buf *out, struct str s)
{
	const uint8_t *p = (const uint8_t *)(s.n ? s.p : "");
	const uint8_t *end = p + s.n, *at = json_plain_end(p, end);
	char *to;

	if (!buf_reserve(out, s.n + 2))
		return; /* kept in out, as with every append */
	if (at == end) {
		to = out->data + out->len;
		*to++ = '"';
		memcpy(to, p, s.n);
		to += s.n;
		*to++ = '"';
		*to = '\0';
		out->len += s.n + 2;
		return;
	}
	buf_addc(out, '"');
	add_special(out, p, at, end);
	buf_addc(out, '"');
}

static void
new_line(struct json_writer *w)
{
	if (w->indent == 0)
		return;
	buf_addc(w->out, '\n');
	for (unsigned i = 0; i < w->depth * w->indent; i++)
		buf_addc(w->out, ' ');
}

static uint64_t
level_bit(const struct json_writer *w)
{
	assert(w->depth > 0 && w->depth <= LEVELS_MAX);
	return UINT64_C(1) << (w->depth - 1);
}

/* What stands between an element and what is before it. */
static void
separate(struct json_writer *w)
{
	uint64_t bit;

	if (w->depth == 0)
		return;
	bit = level_bit(w);
	if (w->not_first & bit)
		buf_addc(w->out, ',');
	w->not_first |= bit;
	new_line(w);
}

/* What stands before a value. */
static void
before(struct json_writer *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	assert(w->depth == 0 || (w->is_array & level_bit(w)));
	separate(w);
}

static void
open_level(struct json_writer *w, bool array)
{
	uint64_t bit;

	before(w);
	buf_addc(w->out, array ? '[' : '{');
	w->depth++;
	bit = level_bit(w);
	w->is_array = array ? w->is_array | bit : w->is_array & ~bit;
	w->not_first &= ~bit;
}

void
json_obj(struct json_writer *w)
{
	open_level(w, false);
}

void
json_arr(struct json_writer *w)
{
	open_level(w, true);
}

void
json_end(struct json_writer *w)
{
	uint64_t bit = level_bit(w);

	assert(!w->after_key);
	w->depth--;
	if (w->not_first & bit)
		new_line(w);
	buf_addc(w->out, w->is_array & bit ? ']' : '}');
}

void
json_key_str(struct json_writer *w, struct str key)
{
	assert(!w->after_key && !(w->is_array & level_bit(w)));
	separate(w);
	json_add_str(w->out, key);
	buf_adds(w->out, w->indent > 0 ? ": " : ":");
	w->after_key = true;
}

void
json_key(struct json_writer *w, const char *key)
{
	json_key_str(w, str_of(key));
}

void
json_put_str(struct json_writer *w, struct str s)
{
	before(w);
	json_add_str(w->out, s);
}

void
json_put_z(struct json_writer *w, const char *z)
{
	if (z == NULL)
		json_put_null(w);
	else
		json_put_str(w, str_of(z));
}

void
json_put_u(struct json_writer *w, uint64_t v)
{
	before(w);
	buf_addu(w->out, v);
}

void
json_put_i(struct json_writer *w, int64_t v)
{
	before(w);
	if (v < 0)
		buf_addc(w->out, '-');
	/* Negated as unsigned: INT64_MIN has no positive. */
	buf_addu(w->out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void
json_put_bool(struct json_writer *w, bool v)
{
	before(w);
	buf_adds(w->out, v ? "true" : "false");
}

void
json_put_null(struct json_writer *w)
{
	before(w);
	buf_adds(w->out, "null");
}

void
json_put_raw(struct json_writer *w, struct str json)
{
	before(w);
	buf_addstr(w->out, json);
}
