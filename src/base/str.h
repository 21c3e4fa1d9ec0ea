/* A run of bytes that somebody else owns; not NUL-terminated. */
#ifndef CLOWDER_STR_H
#define CLOWDER_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* borrow; may be NULL when n is 0 */
	size_t n;      /* bytes */
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
/* The same as the initializer of a static table's field. */
#define STR_INIT(literal) \
	{ \
		"" literal, sizeof(literal) - 1 \
	}
/* For printf's "%.*s". */
#define STR_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct str
str_of(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline struct str
str_n(const void *p, size_t n)
{
	return (struct str){ p, n };
}

/* The first byte tells most names of a table apart, without a call. */
static inline bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n &&
	    (a.n == 0 || (a.p[0] == b.p[0] && memcmp(a.p, b.p, a.n) == 0));
}

static inline bool
str_is(struct str a, const char *z)
{
	return (a.n == 0 || z == NULL || a.p[0] == z[0]) &&
	    str_eq(a, str_of(z));
}

/* By bytes, as memcmp; a prefix comes first. */
static inline int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n &&
	    (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool
str_ends(struct str s, struct str tail)
{
	return s.n >= tail.n &&
	    (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0);
}

/* As much as there is room for, and a NUL; size > 0. */
static inline void
str_copy(char *out, size_t size, struct str s)
{
	size_t n = s.n < size ? s.n : size - 1;

	if (n > 0)
		memcpy(out, s.p, n);
	out[n] = '\0';
}

/* ASCII only, whatever the locale. */
bool str_eq_nocase(struct str a, struct str b);
/* Without leading and trailing ASCII white space. */
struct str str_trim(struct str s);
/* Offset of the first c, or SIZE_MAX. */
size_t str_find(struct str s, char c);
/* Cut at the first c: returns what stands before it, *rest what follows; both
 * the whole and "" where there is none.  False at the end of an empty rest. */
bool str_split(struct str *rest, char c, struct str *part);
/* Decimal digits only, no sign, no white space, no overflow; false otherwise. */
bool str_u64(struct str s, uint64_t *ret);
/* 2 * n lower-case digits and a NUL into out. */
void hex_encode(const uint8_t *bytes, size_t n, char *out);
/* Exactly 2 * n digits of either case; else false, and out holds nothing of use. */
bool hex_decode(struct str s, uint8_t *out, size_t n);
bool hex_is_lower(struct str s); /* nothing but 0-9 and a-f */

#endif
