/* Foreign text on a terminal.  Everything goes through one step: the next
 * character as it is shown, and its columns. */
#include "text.h"

#include <stdio.h>
#include <utf8proc.h>

#include "utf8.h"

enum { SHOWN_MAX = 16 };

#define ELLIPSIS "\xe2\x80\xa6" /* one column */

struct glyph {
	char text[SHOWN_MAX];
	size_t n; /* bytes of text */
	size_t columns;
};

/* What changes the terminal or the order of what stands beside it, and what
 * stands there and is not seen: by it two texts look the same that are not, and a
 * program reads what no person does. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0x0000, 0x001f },   /* C0 */
	{ 0x007f, 0x009f },   /* DEL, C1 */
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x034f, 0x034f },   /* grapheme joiner */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x115f, 0x1160 },   /* fillers of Hangul */
	{ 0x17b4, 0x17b5 },   /* inherent vowels of Khmer */
	{ 0x180b, 0x180f },   /* variations and separator of Mongolian */
	{ 0x200b, 0x200b },   /* zero-width space */
	{ 0x200e, 0x200f },   /* left-to-right, right-to-left mark */
	{ 0x2028, 0x202e },   /* separators, embeddings, overrides */
	{ 0x2060, 0x206f },   /* joiner, invisible operators, isolates */
	{ 0x3164, 0x3164 },   /* filler of Hangul */
	{ 0xfe00, 0xfe0d },   /* variations but those of emoji */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xffa0, 0xffa0 },   /* filler of Hangul */
	{ 0xfff0, 0xfffb },   /* annotations */
	{ 0x1bca0, 0x1bca3 }, /* controls of shorthand, */
	{ 0x1d173, 0x1d17a }, /* of music */
	{ 0xe0000, 0xe0fff }, /* tags, more variations */
};

/* Between letters and emoji they belong to writing, beside ASCII they hide. */
static bool
is_joiner(uint32_t cp)
{
	return cp == 0x200c || cp == 0x200d;
}

bool
text_unseen(uint32_t cp)
{
	for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++)
		if (cp <= unseen[i].last)
			return cp >= unseen[i].first;
	return false;
}

/* Both forms that JSON knows stand for what is beyond four digits: so that it
 * stays the same string where it stands in one. */
static void
escape(struct glyph *g, uint32_t v, bool is_byte)
{
	int n;

	if (is_byte)
		n = snprintf(g->text, sizeof g->text, "\\x%02x", v);
	else if (v < 0x10000)
		n = snprintf(g->text, sizeof g->text, "\\u%04x", v);
	else
		n = snprintf(g->text, sizeof g->text, "\\u%04x\\u%04x",
		    0xd7c0 + (v >> 10), 0xdc00 + (v & 0x3ff));
	g->n = g->columns = n > 0 ? (size_t)n : 0;
}

static void
plain(struct glyph *g, const char *p, size_t n, size_t columns)
{
	memcpy(g->text, p, n);
	g->n = n;
	g->columns = columns;
}

static size_t
width_of(uint32_t cp)
{
	int w = utf8proc_charwidth((utf8proc_int32_t)cp);

	return w > 0 ? (size_t)w : 0;
}

/* Take the next character off s, which is not empty; it began at `from`. */
static void
take(struct str *s, const char *from, bool keep_lines, struct glyph *g)
{
	const uint8_t *p = (const uint8_t *)s->p;
	size_t n = utf8_len(p, s->n);
	uint32_t cp = n ? utf8_get(p, n) : 0;

	if (n == 0) {
		escape(g, p[0], true);
		n = 1;
	} else if (cp == '\t' || cp == '\n') {
		plain(g, keep_lines ? s->p : " ", 1, 1);
	} else if (cp == '\r' && s->n > 1 && p[1] == '\n') {
		plain(g, keep_lines ? "\n" : " ", 1, 1);
		n = 2;
	} else if (text_unseen(cp) ||
	    (is_joiner(cp) && (s->p == from || p[-1] < 0x80))) {
		escape(g, cp, cp < 0x80);
	} else {
		plain(g, s->p, n, cp < 0x80 ? 1 : width_of(cp));
	}
	*s = str_n(s->p + n, s->n - n);
}

/* How many bytes are printable ASCII: one column each, shown as they are. */
static size_t
plain_run(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= ' ' && s.p[n] < 0x7f)
		n++;
	return n;
}

size_t
text_width(struct str s)
{
	const char *from = s.p;
	struct glyph g;
	size_t columns = plain_run(s);

	if (columns == s.n)
		return columns;
	s = str_n(s.p + columns, s.n - columns);
	while (s.n > 0) {
		take(&s, from, false, &g);
		columns += g.columns;
	}
	return columns;
}

void
text_show(struct str s, bool keep_lines, struct buf *out)
{
	const char *from = s.p;
	struct glyph g;
	size_t n;

	while (s.n > 0) {
		n = plain_run(s);
		if (n > 0) {
			buf_add(out, s.p, n);
			s = str_n(s.p + n, s.n - n);
			continue;
		}
		take(&s, from, keep_lines, &g);
		buf_add(out, g.text, g.n);
	}
}

void
text_show_json(struct str s, struct buf *out)
{
	const char *from = s.p;
	struct glyph g;
	size_t n;

	while (s.n > 0) {
		n = plain_run(s);
		if (n > 0) {
			buf_add(out, s.p, n);
			s = str_n(s.p + n, s.n - n);
			continue;
		}
		if (s.p[0] == '\r' || s.p[0] == 0x7f) {
			buf_adds(out, s.p[0] == '\r' ? " " : "\\u007f");
			s = str_n(s.p + 1, s.n - 1);
			continue;
		}
		take(&s, from, true, &g);
		buf_add(out, g.text, g.n);
	}
}

/* Undo what was appended behind len. */
static void
cut(struct buf *out, size_t len)
{
	if (out->failed || out->len == len)
		return;
	out->len = len;
	out->data[len] = '\0';
}

void
text_fit(struct str s, size_t columns, bool pad, struct buf *out)
{
	size_t used = 0, kept = 0, kept_len = out->len;
	const char *from = s.p;
	struct glyph g = { .columns = 0 };

	/* Most texts are such, and fit. */
	if (s.n <= columns && plain_run(s) == s.n) {
		buf_add(out, s.p, s.n);
		used = s.n;
		s.n = 0;
	}
	while (s.n > 0 && used <= columns) {
		take(&s, from, false, &g);
		used += g.columns;
		if (used > columns)
			break;
		buf_add(out, g.text, g.n);
		/* So much can stay if an ellipsis must follow. */
		if (used < columns)
			kept = used, kept_len = out->len;
	}
	if (used > columns) {
		cut(out, kept_len);
		used = kept;
		if (columns > 0) {
			buf_adds(out, ELLIPSIS);
			used++;
		}
	}
	for (; pad && used < columns; used++)
		buf_addc(out, ' ');
}
