/* Reading values from a JSON tape. */
#include "json_int.h"
#include "utf8.h"

/* The parser has seen that these are digits. */
static uint32_t
hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t c = (uint8_t)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

const char *
json_unescape_one(const char *p, char out[4], size_t *n)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *at;
	uint32_t cp;

	if (p[1] != 'u') {
		at = memchr(from, p[1], sizeof from - 1);
		out[0] = at ? to[at - from] : p[1];
		*n = 1;
		return p + 2;
	}
	cp = hex4(p + 2);
	p += 6;
	if (cp >= 0xd800 && cp <= 0xdfff) {
		cp = 0x10000 + ((cp - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
		p += 6;
	}
	*n = utf8_put(cp, out);
	return p;
}

size_t
json_unescape(struct str s, char *out)
{
	const char *p = s.p, *end = s.p + s.n;
	char *to = out;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((slash ? slash : end) - p);
		char one[4];
		size_t n;

		memcpy(to, p, run);
		to += run;
		p += run;
		if (slash == NULL)
			break;
		p = json_unescape_one(p, one, &n);
		memcpy(to, one, n);
		to += n;
	}
	return (size_t)(to - out);
}

bool
json_resolve(const struct json *j, uint32_t node, struct arena *a,
    struct str *ret)
{
	struct str s = json_inner(j, node);
	char *copy = arena_alloc(a, s.n + 1);

	if (copy == NULL)
		return false;
	*ret = str_n(copy, json_unescape(s, copy));
	copy[ret->n] = '\0';
	return true;
}

static bool
escaped_is(struct str s, struct str want)
{
	const char *p = s.p, *end = s.p + s.n;
	char one[4];
	size_t n;

	while (p < end) {
		if (*p == '\\')
			p = json_unescape_one(p, one, &n);
		else
			one[0] = *p++, n = 1;
		if (want.n < n || memcmp(want.p, one, n) != 0)
			return false;
		want.p += n;
		want.n -= n;
	}
	return want.n == 0;
}

bool
json_str_is(const struct json *j, uint32_t node, struct str want)
{
	struct str s;

	if (json_kind(j, node) != JSON_STRING)
		return false;
	s = json_inner(j, node);
	return j->node[node].escaped ? escaped_is(s, want) : str_eq(s, want);
}

uint32_t
json_get(const struct json *j, uint32_t node, const char *key)
{
	struct str want = str_of(key);
	uint32_t found = 0;

	if (json_kind(j, node) != JSON_OBJECT)
		return 0;
	for (uint32_t at = node + 1; at < j->node[node].next;
	     at = json_next(j, at + 1)) {
		struct str s = json_inner(j, at);

		if (j->node[at].escaped ? escaped_is(s, want) : str_eq(s, want))
			found = at + 1;
	}
	return found;
}

struct str
json_member_copy(const struct json *j, uint32_t object, const char *name,
    struct arena *a)
{
	struct str s;

	if (json_str(j, json_get(j, object, name), a, &s))
		return arena_str(a, s);
	return (struct str){ 0 };
}

#define INTEGER_MAX ((UINT64_C(1) << 53) - 1)

bool
json_u53(const struct json *j, uint32_t node, uint64_t *ret)
{
	uint64_t v;

	if (json_kind(j, node) != JSON_NUMBER ||
	    !str_u64(json_raw(j, node), &v) || v > INTEGER_MAX)
		return false;
	*ret = v;
	return true;
}

bool
json_i53(const struct json *j, uint32_t node, int64_t *ret)
{
	struct str s = json_raw(j, node);
	bool negative = s.p[0] == '-';
	uint64_t v;

	if (json_kind(j, node) != JSON_NUMBER)
		return false;
	if (!str_u64(str_n(s.p + negative, s.n - negative), &v) ||
	    v > INTEGER_MAX || (negative && v == 0))
		return false;
	*ret = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

bool
json_bool(const struct json *j, uint32_t node, bool *ret)
{
	enum json_kind kind = json_kind(j, node);

	if (kind != JSON_TRUE && kind != JSON_FALSE)
		return false;
	*ret = kind == JSON_TRUE;
	return true;
}
