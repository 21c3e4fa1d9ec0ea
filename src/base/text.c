/* Validity, normal form, slugs.
 *
 * Decomposition and canonical order are done here, point by point, because
 * utf8proc orders a run of combining marks in quadratic time, and a run can be
 * as long as who wrote the text likes. */
#include "text.h"

#include <stdlib.h>
#include <utf8proc.h>

#include "fault.h"
#include "utf8.h"

enum {
	DECOMPOSED_MAX = 32, /* code points of one; Unicode has at most 4 */
	INSERTION_MAX = 16,  /* marks; above, they are counted */
	CLASSES = 256        /* combining classes */
};

static const utf8proc_option_t decompose = UTF8PROC_DECOMPOSE | UTF8PROC_STABLE;
static const utf8proc_option_t compose = UTF8PROC_COMPOSE | UTF8PROC_STABLE;

struct points {
	utf8proc_int32_t *cp; /* own */
	size_t n, cap;
};

/* The end of what is ASCII, 8 bytes at a time. */
static size_t
ascii_run(struct str s)
{
	size_t i = 0;
	uint64_t x;

	for (; s.n - i >= sizeof x; i += sizeof x) {
		memcpy(&x, s.p + i, sizeof x);
		if (x & 0x8080808080808080u)
			break;
	}
	while (i < s.n && (uint8_t)s.p[i] < 0x80)
		i++;
	return i;
}

bool
text_valid(struct str s)
{
	for (size_t n; (n = ascii_run(s)) < s.n;) {
		size_t len = utf8_len((const uint8_t *)s.p + n, s.n - n);

		if (len == 0)
			return false;
		s = str_n(s.p + n + len, s.n - n - len);
	}
	return true;
}

static unsigned
class_of(utf8proc_int32_t cp)
{
	return utf8proc_get_property(cp)->combining_class & (CLASSES - 1);
}

static bool
push(struct points *v, utf8proc_int32_t cp)
{
	utf8proc_int32_t part[DECOMPOSED_MAX];
	int bound = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char(cp, part, DECOMPOSED_MAX,
	    decompose, &bound);

	if (n < 0 || n > DECOMPOSED_MAX) {
		part[0] = cp;
		n = 1;
	}
	if (!mem_grow(&v->cp, &v->cap, v->n + (size_t)n, sizeof *v->cp))
		return false;
	memcpy(v->cp + v->n, part, (size_t)n * sizeof *part);
	v->n += (size_t)n;
	return true;
}

/* The code points of s, decomposed but not in order. */
static bool
push_all(struct points *v, struct str s, bool lower)
{
	const uint8_t *p = (const uint8_t *)s.p;

	for (size_t at = 0; at < s.n;) {
		size_t n = utf8_len(p + at, s.n - at);
		uint32_t cp = n ? utf8_get(p + at, n) : 0xfffd;

		at += n ? n : 1;
		if (lower)
			cp = (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
		if (!push(v, (utf8proc_int32_t)cp))
			return false;
	}
	return true;
}

static void
order_few(utf8proc_int32_t *cp, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		utf8proc_int32_t x = cp[i];
		size_t at = i;

		for (; at > 0 && class_of(cp[at - 1]) > class_of(x); at--)
			cp[at] = cp[at - 1];
		cp[at] = x;
	}
}

/* Stable, by counting. */
static bool
order_many(utf8proc_int32_t *cp, size_t n)
{
	utf8proc_int32_t *copy = mem_dup(cp, n * sizeof *cp);
	size_t at[CLASSES + 1] = { 0 };

	if (copy == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		at[class_of(copy[i]) + 1]++;
	for (size_t i = 1; i < CLASSES; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < n; i++)
		cp[at[class_of(copy[i])]++] = copy[i];
	free(copy);
	return true;
}

/* Unicode, 3.11: the canonical ordering algorithm. */
static bool
order(struct points *v)
{
	for (size_t from = 0, to; from < v->n; from = to) {
		to = from + 1;
		if (class_of(v->cp[from]) == 0)
			continue;
		while (to < v->n && class_of(v->cp[to]) != 0)
			to++;
		if (to - from <= INSERTION_MAX)
			order_few(v->cp + from, to - from);
		else if (!order_many(v->cp + from, to - from))
			return false;
	}
	return true;
}

static bool
ordered_composed(struct points *v)
{
	utf8proc_ssize_t n;

	if (!order(v))
		return false;
	n = utf8proc_normalize_utf32(v->cp, (utf8proc_ssize_t)v->n, compose);
	if (n >= 0)
		v->n = (size_t)n;
	return true;
}

/* Unicode, PropList: White_Space. */
static bool
is_space(utf8proc_int32_t cp)
{
	return (cp >= 0x09 && cp <= 0x0d) || cp == 0x20 || cp == 0x85 ||
	    cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
	    cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f ||
	    cp == 0x3000;
}

static bool
is_mark(utf8proc_int32_t cp)
{
	utf8proc_category_t c = utf8proc_category(cp);

	return c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
}

static bool
is_letter_or_digit(utf8proc_int32_t cp)
{
	utf8proc_category_t c = utf8proc_category(cp);

	return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO) ||
	    c == UTF8PROC_CATEGORY_ND;
}

static void
add_point(struct buf *out, utf8proc_int32_t cp)
{
	char utf8[4];

	buf_add(out, utf8, utf8_put((uint32_t)cp, utf8));
}

static void
add_words(struct buf *out, const struct points *v)
{
	bool gap = false, any = false;

	for (size_t i = 0; i < v->n; i++) {
		if (is_space(v->cp[i])) {
			gap = any;
			continue;
		}
		if (gap)
			buf_addc(out, ' ');
		add_point(out, v->cp[i]);
		any = true;
		gap = false;
	}
}

/* ASCII is its own normal form. */
static void
add_ascii_words(struct buf *out, struct str s)
{
	size_t at = 0;
	bool any = false;

	while (at < s.n) {
		size_t from;

		while (at < s.n && is_space((uint8_t)s.p[at]))
			at++;
		from = at;
		while (at < s.n && !is_space((uint8_t)s.p[at]))
			at++;
		if (at == from)
			break;
		if (any)
			buf_addc(out, ' ');
		buf_add(out, s.p + from, at - from);
		any = true;
	}
}

void
text_normalise(struct str s, struct buf *out)
{
	struct points v = { 0 };

	if (ascii_run(s) == s.n) {
		add_ascii_words(out, s);
		return;
	}
	if (push_all(&v, s, false) && ordered_composed(&v))
		add_words(out, &v);
	else
		out->failed = true;
	free(v.cp);
}

/* A mark belongs to the letter before it: without it, words of many scripts
 * would fall apart. */
static void
add_slug(struct buf *out, const struct points *v)
{
	bool gap = false, any = false, in_word = false;

	for (size_t i = 0; i < v->n; i++) {
		in_word = is_letter_or_digit(v->cp[i]) ||
		    (in_word && is_mark(v->cp[i]));
		if (!in_word) {
			gap = any;
			continue;
		}
		if (gap)
			buf_addc(out, '-');
		add_point(out, v->cp[i]);
		any = true;
		gap = false;
	}
}

void
text_slug(struct str s, struct buf *out)
{
	struct points v = { 0 };

	if (push_all(&v, s, true) && ordered_composed(&v))
		add_slug(out, &v);
	else
		out->failed = true;
	free(v.cp);
}
