#include "origin.h"

enum { PORT_HTTP = 80, PORT_HTTPS = 443, PORT_DIGITS_MAX = 5 };

/* Letters, digits and these; a name of other letters comes as punycode. */
static bool
all_of(struct str s, const char *more, bool hex)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i], low = (char)(c | 0x20);

		if (!(c >= '0' && c <= '9') &&
		    !(low >= 'a' && low <= (hex ? 'f' : 'z')) &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return s.n > 0;
}

static bool
host_ok(struct str h)
{
	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		return all_of(str_n(h.p + 1, h.n - 2), ":.", true);
	return all_of(h, "-._", false);
}

bool
origin_parse_host(struct str s, bool tls, struct origin *ret)
{
	size_t bracket = str_find(s, ']');
	size_t from = bracket == SIZE_MAX ? 0 : bracket;
	size_t colon = str_find(str_n(s.p + from, s.n - from), ':');
	uint64_t port = tls ? PORT_HTTPS : PORT_HTTP;

	if (colon != SIZE_MAX) {
		struct str digits;

		colon += from;
		digits = str_n(s.p + colon + 1, s.n - colon - 1);
		if (digits.n > PORT_DIGITS_MAX || !str_u64(digits, &port) ||
		    port == 0 || port > UINT16_MAX)
			return false;
		s.n = colon;
	}
	*ret = (struct origin){ .tls = tls, .host = s, .port = (uint16_t)port };
	return host_ok(s);
}

bool
origin_parse(struct str s, struct origin *ret)
{
	static const struct {
		struct str scheme;
		bool tls;
	} row[] = { { STR_INIT("https://"), true },
		{ STR_INIT("http://"), false } };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		size_t n = row[i].scheme.n;

		if (s.n > n && str_eq_nocase(str_n(s.p, n), row[i].scheme))
			return origin_parse_host(str_n(s.p + n, s.n - n),
			    row[i].tls, ret);
	}
	return false;
}

bool
origin_eq(const struct origin *a, const struct origin *b)
{
	return a->tls == b->tls && a->port == b->port &&
	    str_eq_nocase(a->host, b->host);
}
