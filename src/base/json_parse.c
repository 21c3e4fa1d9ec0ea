/* JSON parser: one pass, no recursion, strings checked while they are scanned.
 *
 *	value ──scalar──► after ──','──► value        after also closes what
 *ends └──'[' or '{' "key":──► value
 *
 * The stack of open containers is threaded through the tape: until a container
 * is closed, its `next` is the index of the one around it and its `end` counts
 * its children.  Scanning functions take and return the place in the text, NULL
 * after a failure, so that it stays in a register. */
#include "json.h"

#include <stdlib.h>

#include "fault.h"
#include "json_int.h"
#include "utf8.h"

enum { NODES_FIRST = 8 }; /* of a tape that is not used again */

#define NO_NODE UINT32_MAX
#define CHILDREN_MAX ((1u << 28) - 1) /* json_node.n */

struct parse {
	struct json *j;      /* borrow */
	const uint8_t *text; /* borrow */
	const uint8_t *end;  /* behind the text */
	struct err_info *e;  /* borrow */
	enum err rc;         /* why a scanner returned NULL */
	uint32_t open;       /* innermost open container, or NO_NODE */
	unsigned depth, depth_max;
};

void
json_fini(struct json *j)
{
	free(j->node);
	*j = (struct json){ 0 };
}

/* Returns NULL, for the scanner that gives up. */
__attribute__((cold, noinline)) static const uint8_t *
fail(struct parse *s, const uint8_t *at, const char *what)
{
	s->rc = err_setf(s->e, ERR_BAD_JSON, "not JSON at byte %zu: %s",
	    (size_t)(at - s->text), what);
	return NULL;
}

__attribute__((cold, noinline)) static const uint8_t *
fail_end(struct parse *s, const char *within)
{
	s->rc = err_setf(s->e, ERR_BAD_JSON,
	    "not JSON at byte %zu: the text ends within %s",
	    (size_t)(s->end - s->text), within);
	return NULL;
}

__attribute__((cold, noinline)) static bool
grow(struct parse *s)
{
	struct json *j = s->j;
	size_t cap = j->cap ? j->cap * 2 : NODES_FIRST;
	struct json_node *node;

	if (j->count_max > 0 && cap > j->count_max)
		cap = j->count_max;
	if (cap <= j->count) {
		s->rc = err_setf(s->e, ERR_TOO_LARGE,
		    "JSON of more than %u values and keys", j->count_max);
		return false;
	}
	node = mem_realloc(j->node, cap * sizeof *node);
	if (node == NULL) {
		s->rc = err_set(s->e, ERR_NOMEM);
		return false;
	}
	j->node = node;
	j->cap = cap;
	return true;
}

/* Put a node from..to on the tape; to NULL passes a failure on. */
static inline const uint8_t *
emit(struct parse *s, enum json_kind kind, const uint8_t *from,
    const uint8_t *to, bool escaped)
{
	struct json *j = s->j;

	if (to == NULL || (j->count == j->cap && !grow(s)))
		return NULL;
	j->node[j->count] = (struct json_node){
		.start = (uint32_t)(from - s->text),
		.end = (uint32_t)(to - s->text),
		.next = j->count + 1,
		.kind = (uint32_t)kind & 7,
		.escaped = escaped,
	};
	j->count++;
	return to;
}

/* RFC 8259, 2: white space. */
static inline const uint8_t *
skip_space(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p <= ' ' &&
	    (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits, or -1. */
static int32_t
hex4(const uint8_t *p, const uint8_t *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(p[i]);

		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* p: behind "\u".  RFC 8259, 8.2: a lone surrogate is no character, and has no
 * UTF-8 form. */
static const uint8_t *
scan_unicode(struct parse *s, const uint8_t *p)
{
	int32_t unit = hex4(p, s->end);

	if (unit < 0)
		return fail(s, p, "\\u needs four hexadecimal digits");
	p += 4;
	if (unit < 0xd800 || unit > 0xdfff)
		return p;
	if (unit > 0xdbff || s->end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return fail(s, p, "lone surrogate");
	unit = hex4(p + 2, s->end);
	if (unit < 0xdc00 || unit > 0xdfff)
		return fail(s, p, "lone surrogate");
	return p + 6;
}

/* p: at the backslash. */
static const uint8_t *
scan_escape(struct parse *s, const uint8_t *p)
{
	if (s->end - p < 2)
		return fail_end(s, "a string");
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return p + 2;
	case 'u':
		return scan_unicode(s, p + 2);
	default:
		return fail(s, p, "unknown escape");
	}
}

static const uint8_t *
scan_wide(struct parse *s, const uint8_t *p)
{
	do {
		size_t n = utf8_len(p, (size_t)(s->end - p));

		if (n == 0)
			return fail(s, p, "not UTF-8");
		p += n;
	} while (p < s->end && *p >= 0x80);
	return p;
}

/* p: behind the opening quote.  Returns what follows the closing one. */
static inline const uint8_t *
scan_string(struct parse *s, const uint8_t *p, bool *escaped)
{
	*escaped = false;
	do {
		p = json_plain_end(p, s->end);
		if (p == s->end)
			return fail_end(s, "a string");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			*escaped = true;
			p = scan_escape(s, p);
		} else if (*p >= 0x80) {
			p = scan_wide(s, p);
		} else {
			return fail(s, p, "control character in a string");
		}
	} while (p != NULL);
	return NULL;
}

/* At least one digit; NULL otherwise. */
static inline const uint8_t *
scan_digits(struct parse *s, const uint8_t *p)
{
	const uint8_t *from = p;

	while (p < s->end && (unsigned)*p - '0' <= 9)
		p++;
	return p > from ? p : fail(s, p, "a digit is missing");
}

/* RFC 8259, 6. */
static inline const uint8_t *
scan_number(struct parse *s, const uint8_t *p)
{
	const uint8_t *from = *p == '-' ? p + 1 : p;

	p = scan_digits(s, from);
	if (p != NULL && *from == '0' && p > from + 1)
		return fail(s, from, "leading zero");
	if (p != NULL && p < s->end && *p == '.')
		p = scan_digits(s, p + 1);
	if (p != NULL && p < s->end && (*p | 0x20) == 'e') {
		p++;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		p = scan_digits(s, p);
	}
	return p;
}

static inline const uint8_t *
scan_literal(struct parse *s, const uint8_t *p, struct str word)
{
	if ((size_t)(s->end - p) < word.n || memcmp(p, word.p, word.n) != 0)
		return fail(s, p, "a value is expected");
	return p + word.n;
}

/* A member's key and its colon. */
static inline const uint8_t *
key(struct parse *s, const uint8_t *p)
{
	const uint8_t *from = skip_space(p, s->end);
	bool escaped = false;

	if (from == s->end)
		return fail_end(s, "an object");
	if (*from != '"')
		return fail(s, from, "a key in quotes is expected");
	p = scan_string(s, from + 1, &escaped);
	p = emit(s, JSON_STRING, from, p, escaped);
	if (p == NULL)
		return NULL;
	p = skip_space(p, s->end);
	if (p == s->end)
		return fail_end(s, "an object");
	if (*p != ':')
		return fail(s, p, "':' is expected");
	return p + 1;
}

/* Close the innermost container, whose closing bracket is at p. */
static inline const uint8_t *
close_one(struct parse *s, const uint8_t *p, uint32_t n)
{
	struct json_node *node = &s->j->node[s->open];

	if (n > CHILDREN_MAX) {
		s->rc = err_setf(s->e, ERR_TOO_LARGE,
		    "JSON with more than %u members", CHILDREN_MAX);
		return NULL;
	}
	s->open = node->next;
	s->depth--;
	node->n = n & CHILDREN_MAX;
	node->end = (uint32_t)(p + 1 - s->text);
	node->next = s->j->count;
	return p + 1;
}

/* p: at the opening bracket.  *opened: a child follows, else it was empty. */
static inline const uint8_t *
open_one(struct parse *s, const uint8_t *p, bool *opened)
{
	bool object = *p == '{';
	uint32_t self = s->j->count;

	if (s->depth == s->depth_max)
		return fail(s, p, "nested too deep");
	if (emit(s, object ? JSON_OBJECT : JSON_ARRAY, p, p, false) == NULL)
		return NULL;
	s->j->node[self].next = s->open;
	s->j->node[self].end = 1;
	s->open = self;
	s->depth++;
	p = skip_space(p + 1, s->end);
	if (p < s->end && *p == (object ? '}' : ']'))
		return close_one(s, p, 0);
	*opened = true;
	return object ? key(s, p) : p;
}

/* One scalar, one empty container, or the opening of one that is not. */
static inline const uint8_t *
value(struct parse *s, const uint8_t *p, bool *opened)
{
	const uint8_t *from = skip_space(p, s->end);
	bool escaped;

	*opened = false;
	if (from == s->end)
		return fail(s, from, "a value is expected");
	switch (*from) {
	case '"':
		p = scan_string(s, from + 1, &escaped);
		return emit(s, JSON_STRING, from, p, escaped);
	case '{':
	case '[':
		return open_one(s, from, opened);
	case 't':
		p = scan_literal(s, from, STR("true"));
		return emit(s, JSON_TRUE, from, p, false);
	case 'f':
		p = scan_literal(s, from, STR("false"));
		return emit(s, JSON_FALSE, from, p, false);
	case 'n':
		p = scan_literal(s, from, STR("null"));
		return emit(s, JSON_NULL, from, p, false);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		p = scan_number(s, from);
		return emit(s, JSON_NUMBER, from, p, false);
	default:
		return fail(s, from, "a value is expected");
	}
}

/* Behind a value: close all that ends here.  Returns where the next value is,
 * or, nothing being open any more, what follows the root. */
static inline const uint8_t *
after(struct parse *s, const uint8_t *p)
{
	while (p != NULL && s->open != NO_NODE) {
		struct json_node *node = &s->j->node[s->open];
		bool object = node->kind == JSON_OBJECT;

		p = skip_space(p, s->end);
		if (p == s->end)
			return fail_end(s, object ? "an object" : "an array");
		if (*p == ',') {
			node->end++;
			return object ? key(s, p + 1) : p + 1;
		}
		if (*p != (object ? '}' : ']'))
			return fail(s, p,
			    object ? "',' or '}' is expected" :
			             "',' or ']' is expected");
		p = close_one(s, p, node->end);
	}
	return p;
}

static const uint8_t *
document(struct parse *s)
{
	const uint8_t *p = s->text;
	bool opened;

	do {
		p = value(s, p, &opened);
		if (!opened)
			p = after(s, p);
	} while (p != NULL && s->open != NO_NODE);
	if (p == NULL)
		return NULL;
	p = skip_space(p, s->end);
	return p == s->end ? p : fail(s, p, "something follows the value");
}

enum err
json_parse(struct json *j, struct str text, unsigned depth_max,
    struct err_info *e)
{
	struct parse s = {
		.j = j, .e = e, .open = NO_NODE, .depth_max = depth_max
	};

	if (text.p == NULL)
		text = STR("");
	j->text = text.p;
	j->count = 0;
	if (text.n >= UINT32_MAX)
		return err_set(e, ERR_TOO_LARGE);
	s.text = (const uint8_t *)text.p;
	s.end = s.text + text.n;
	if (document(&s) == NULL)
		j->count = 0;
	return s.rc;
}
