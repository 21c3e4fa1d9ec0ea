/* TOML reader: https://toml.io/en/v1.0.0, the subset that toml.h names.
 *
 * What was defined is kept in a map by its whole name, so that a table or a
 * key that stands twice is found in constant time.  Names are spelled one way
 * only (bare where they can be), so equal names are equal bytes.  The depth of
 * arrays and of names is bounded; recursion goes no deeper than that. */
#include "toml.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "map.h"
#include "text.h"
#include "utf8.h"

enum {
	NAME_BYTES_MAX = 1024, /* of a whole key with its tables */
	NEST_MAX = 16          /* arrays and inline tables in one another */
};

/* What a name stands for, and so who may add to it. */
enum named {
	NAMED_VALUE,
	NAMED_INLINE,   /* closed with its bracket */
	NAMED_IMPLICIT, /* [a.b] made a */
	NAMED_DOTTED,   /* a.b = 1 made a */
	NAMED_TABLE     /* [a] */
};

static char named_as[] = { NAMED_VALUE, NAMED_INLINE, NAMED_IMPLICIT,
	NAMED_DOTTED, NAMED_TABLE }; /* the map's values point here */

struct parse {
	const char *at, *end; /* borrow: the text */
	unsigned line;
	struct arena *arena;      /* borrow */
	struct map named;         /* names in the arena */
	struct toml_entry *entry; /* own until the end */
	size_t n, cap;
	struct buf name; /* of the last header; then the key being read */
	unsigned nest;
	struct err_info *e; /* borrow */
};

__attribute__((format(printf, 2, 3))) static enum err
bad(struct parse *p, const char *fmt, ...)
{
	char why[ERR_TEXT_MAX / 2];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return err_setf(p->e, ERR_CONFIG, "line %u: %s", p->line,
	    n < 0 ? "" : why);
}

static enum err
no_memory(struct parse *p)
{
	return err_set(p->e, ERR_NOMEM);
}

/* ---- characters ---- */

static bool
is_at(const struct parse *p, struct str s)
{
	return str_starts(str_n(p->at, (size_t)(p->end - p->at)), s);
}

static bool
skip(struct parse *p, struct str s)
{
	if (!is_at(p, s))
		return false;
	p->at += s.n;
	return true;
}

/* 0 at the end; a NUL in the text is refused before. */
static char
peek(const struct parse *p)
{
	return p->at < p->end ? *p->at : '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_bare(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	    (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

static void
skip_blank(struct parse *p)
{
	while (peek(p) == ' ' || peek(p) == '\t')
		p->at++;
}

static bool
skip_newline(struct parse *p)
{
	if (!skip(p, STR("\n")) && !skip(p, STR("\r\n")))
		return false;
	p->line++;
	return true;
}

static void
skip_comment(struct parse *p)
{
	if (peek(p) != '#')
		return;
	while (p->at < p->end && *p->at != '\n' && !is_at(p, STR("\r\n")))
		p->at++;
}

/* White space, comments and line ends, as between the items of an array. */
static void
skip_lines(struct parse *p)
{
	do {
		skip_blank(p);
		skip_comment(p);
	} while (skip_newline(p));
}

static enum err
end_of_line(struct parse *p)
{
	skip_blank(p);
	skip_comment(p);
	if (p->at == p->end || skip_newline(p))
		return ERR_OK;
	return bad(p,
	    "something follows the value; one key or table a line, "
	    "then nothing or a # comment");
}

/* The whole text before it is read: nothing that cannot be shown. */
static enum err
check_characters(struct parse *p, struct str text)
{
	struct str rest = text, line;

	if (text.n >= UINT32_MAX)
		return bad(p, "4 GiB and more are not read");
	for (; str_split(&rest, '\n', &line); p->line++) {
		if (rest.p != NULL && str_ends(line, STR("\r")))
			line.n--;
		if (!text_valid(line))
			return bad(p, "not UTF-8");
		for (size_t i = 0; i < line.n; i++)
			if (((uint8_t)line.p[i] < ' ' && line.p[i] != '\t') ||
			    line.p[i] == 0x7f)
				return bad(p,
				    "control character 0x%02x; in a string "
				    "write \\u%04x",
				    (uint8_t)line.p[i], (uint8_t)line.p[i]);
	}
	p->line = 1;
	return ERR_OK;
}

/* ---- strings ---- */

static enum err
escape_unicode(struct parse *p, size_t digits, struct buf *out)
{
	uint8_t byte[4] = { 0 };
	uint32_t cp = 0;
	char utf8[4];

	if ((size_t)(p->end - p->at) < digits ||
	    !hex_decode(str_n(p->at, digits), byte, digits / 2))
		return bad(p, "\\u needs 4 hexadecimal digits, \\U 8");
	for (size_t i = 0; i < digits / 2; i++)
		cp = cp << 8 | byte[i];
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return bad(p, "U+%04X is no character", cp);
	p->at += digits;
	buf_add(out, utf8, utf8_put(cp, utf8));
	return ERR_OK;
}

/* p->at: behind the backslash. */
static enum err
escape(struct parse *p, struct buf *out)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	char c = peek(p);
	const char *at = c ? strchr(from, c) : NULL;

	if (at != NULL) {
		buf_addc(out, to[at - from]);
		p->at++;
		return ERR_OK;
	}
	if (skip(p, STR("u")))
		return escape_unicode(p, 4, out);
	if (skip(p, STR("U")))
		return escape_unicode(p, 8, out);
	return bad(p,
	    "unknown escape; allowed are \\b \\t \\n \\f \\r \\\" "
	    "\\\\ \\uXXXX \\UXXXXXXXX, or single quotes for text as "
	    "it is");
}

/* "..." or '...', behind the opening quote. */
static enum err
string_on_line(struct parse *p, char quote, struct buf *out)
{
	while (p->at < p->end && *p->at != '\n' && *p->at != '\r') {
		char c = *p->at++;
		enum err rc;

		if (c == quote)
			return ERR_OK;
		if (c != '\\' || quote == '\'') {
			buf_addc(out, c);
			continue;
		}
		rc = escape(p, out);
		if (rc != ERR_OK)
			return rc;
	}
	return bad(p,
	    "the string does not end on its line; close it with %c, "
	    "or use three quotes for several lines",
	    quote);
}

/* A backslash at the end of a line takes away all white space up to the next
 * character. */
static bool
skip_folded(struct parse *p)
{
	const char *from = p->at;

	skip_blank(p);
	if (!skip_newline(p)) {
		p->at = from;
		return false;
	}
	do
		skip_blank(p);
	while (skip_newline(p));
	return true;
}

/* Three quotes end the string; one or two before them belong to it. */
static bool
ends_multi(struct parse *p, char quote, struct buf *out)
{
	const char three[3] = { quote, quote, quote };

	if (!skip(p, str_n(three, 3)))
		return false;
	for (int i = 0; i < 2 && peek(p) == quote; i++, p->at++)
		buf_addc(out, quote);
	return true;
}

/* """...""" or '''...''', behind the opening quotes. */
static enum err
string_multi(struct parse *p, char quote, struct buf *out)
{
	unsigned from = p->line;
	enum err rc = ERR_OK;

	(void)skip_newline(p); /* the first one does not count */
	while (p->at < p->end && rc == ERR_OK) {
		if (ends_multi(p, quote, out))
			return ERR_OK;
		if (skip_newline(p)) {
			buf_addc(out, '\n');
		} else if (quote == '\'' || *p->at != '\\') {
			buf_addc(out, *p->at++);
		} else {
			p->at++;
			if (!skip_folded(p))
				rc = escape(p, out);
		}
	}
	if (rc != ERR_OK)
		return rc;
	p->line = from;
	return bad(p, "the string is not closed; end it with %c%c%c", quote,
	    quote, quote);
}

/* Any of the four; p->at is at the opening quote. */
static enum err
string(struct parse *p, bool multi_too, struct buf *out)
{
	char quote = *p->at;
	const char three[3] = { quote, quote, quote };

	if (multi_too && skip(p, str_n(three, 3)))
		return string_multi(p, quote, out);
	p->at++;
	return string_on_line(p, quote, out);
}

void
toml_add_str(struct buf *out, struct str s)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const uint8_t *p = (const uint8_t *)s.p;

	buf_addc(out, '"');
	for (size_t at = 0; at < s.n;) {
		size_t n = utf8_len(p + at, s.n - at);
		const char *one = p[at] ? strchr(from, p[at]) : NULL;

		if (n == 0) {
			buf_adds(out, "\xef\xbf\xbd"); /* U+FFFD */
			n = 1;
		} else if (one != NULL) {
			buf_addc(out, '\\');
			buf_addc(out, to[one - from]);
		} else if (p[at] < 0x20 || p[at] == 0x7f) {
			buf_addf(out, "\\u%04x", p[at]);
		} else {
			buf_add(out, p + at, n);
		}
		at += n;
	}
	buf_addc(out, '"');
}

/* ---- names ---- */

static enum err
add_quoted_part(struct parse *p)
{
	struct buf part = { 0 };
	enum err rc = string(p, false, &part);
	bool bare = part.len > 0;

	for (size_t i = 0; i < part.len && bare; i++)
		bare = is_bare(part.data[i]);
	if (rc == ERR_OK && part.failed)
		rc = no_memory(p);
	if (rc == ERR_OK && bare)
		buf_addstr(&p->name, buf_str(&part));
	else if (rc == ERR_OK)
		toml_add_str(&p->name, buf_str(&part));
	buf_fini(&part);
	return rc;
}

/* Append one part of a key to the name. */
static enum err
part(struct parse *p)
{
	const char *from = p->at;
	enum err rc = ERR_OK;

	if (p->name.len > 0)
		buf_addc(&p->name, '.');
	while (is_bare(peek(p)))
		p->at++;
	if (p->at > from)
		buf_add(&p->name, from, (size_t)(p->at - from));
	else if (is_at(p, STR("\"\"\"")) || is_at(p, STR("'''")))
		rc = bad(p,
		    "a key of several lines; allowed is \"key\" on one "
		    "line");
	else if (peek(p) == '"' || peek(p) == '\'')
		rc = add_quoted_part(p);
	else
		rc = bad(p,
		    "a key is expected; allowed are letters, digits, _ "
		    "and -, or any text in quotes");
	if (rc == ERR_OK && p->name.failed)
		rc = no_memory(p);
	if (rc == ERR_OK && p->name.len > NAME_BYTES_MAX)
		rc = bad(p, "the key is longer than %d bytes with its tables",
		    NAME_BYTES_MAX);
	return rc;
}

static enum err
name_as(struct parse *p, struct str name, enum named as)
{
	return map_put(&p->named, name, &named_as[as]) ? ERR_OK : no_memory(p);
}

/* What `name` stands for; false where it is new. */
static bool
named(const struct parse *p, struct str name, enum named *as)
{
	char *found = map_get(&p->named, name);

	if (found == NULL)
		return false;
	*as = (enum named) * found;
	return true;
}

/* A part before the last: the table that it names is made, or may be added to
 * by `by` (a header or a dotted key). */
static enum err
enter(struct parse *p, struct str name, enum named by)
{
	enum named as;

	if (!named(p, name, &as))
		return name_as(p, name, by);
	switch (as) {
	case NAMED_VALUE:
		return bad(p, "%.*s has a value already and is no table",
		    STR_ARG(name));
	case NAMED_INLINE:
		return bad(p, "%.*s was written as { }; put all its keys there",
		    STR_ARG(name));
	case NAMED_TABLE:
		if (by == NAMED_DOTTED)
			return bad(p, "add to %.*s below its [%.*s]",
			    STR_ARG(name), STR_ARG(name));
		return ERR_OK;
	case NAMED_IMPLICIT:
		return by == NAMED_DOTTED ? name_as(p, name, by) : ERR_OK;
	case NAMED_DOTTED:
		return ERR_OK;
	}
	return ERR_OK;
}

/* Read a key and append it to p->name.  The tables on its way are entered;
 * *ret is the whole name, in the arena. */
static enum err
key(struct parse *p, enum named by, struct str *ret)
{
	uint16_t cut[NAME_BYTES_MAX]; /* a part is a byte at least */
	size_t n = 0;
	enum err rc;

	while ((rc = part(p)) == ERR_OK) {
		skip_blank(p);
		if (!skip(p, STR(".")))
			break;
		skip_blank(p);
		cut[n++] = (uint16_t)p->name.len;
	}
	if (rc != ERR_OK)
		return rc;
	*ret = arena_str(p->arena, buf_str(&p->name));
	if (ret->p == NULL)
		return no_memory(p);
	for (size_t i = 0; i < n && rc == ERR_OK; i++)
		rc = enter(p, str_n(ret->p, cut[i]), by);
	return rc;
}

/* Back to the name that the table has. */
static void
name_back(struct parse *p, size_t len)
{
	if (p->name.failed)
		return; /* and the reading ends */
	p->name.len = len;
	if (p->name.data != NULL)
		p->name.data[len] = '\0';
}

/* ---- values ---- */

static enum err value(struct parse *p, struct toml_value *ret);

/* Digits with single underscores between them, no leading zero. */
static bool
well_formed(struct str s)
{
	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) &&
		    (s.p[i] != '_' || i == 0 || i + 1 == s.n ||
		        s.p[i - 1] == '_'))
			return false;
	return true;
}

static enum err
integer(struct parse *p, struct str word, int64_t *ret)
{
	bool negative = word.p[0] == '-';
	uint64_t v = 0, max = (uint64_t)INT64_MAX + negative;

	if (negative || word.p[0] == '+')
		word = str_n(word.p + 1, word.n - 1);
	if (!well_formed(word))
		return bad(p,
		    "neither a whole number nor text in quotes; a "
		    "number is decimal digits, with single _ between "
		    "them and no leading 0");
	for (size_t i = 0; i < word.n; i++) {
		unsigned d = (unsigned)(uint8_t)word.p[i] - '0';

		if (word.p[i] == '_')
			continue;
		if (v > (max - d) / 10)
			return bad(p,
			    "the number is too large; at most 63 "
			    "bits are read");
		v = v * 10 + d;
	}
	*ret = (int64_t)(negative ? 0 - v : v);
	return ERR_OK;
}

static bool
has(struct str s, const char *any_of)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(any_of, s.p[i]) != NULL)
			return true;
	return false;
}

/* What TOML has and this reader has not, or NULL. */
static const char *
unread(struct str word)
{
	bool sign = word.p[0] == '+' || word.p[0] == '-';
	struct str w = str_n(word.p + sign, word.n - sign);

	if (str_is(w, "inf") || str_is(w, "nan"))
		return "floating-point numbers are";
	if (w.n == 0 || !is_digit(w.p[0]))
		return NULL;
	if (w.n > 1 && w.p[0] == '0' && strchr("xob", w.p[1]) != NULL)
		return "hexadecimal, octal and binary numbers are";
	if ((w.n > 4 && w.p[4] == '-' && !has(str_n(w.p, 4), "eE.")) ||
	    (w.n > 2 && w.p[2] == ':'))
		return "dates and times are";
	return has(w, ".eE") ? "floating-point numbers are" : NULL;
}

/* A number or a boolean: all up to what cannot be part of one. */
static enum err
bare_value(struct parse *p, struct toml_value *ret)
{
	const char *from = p->at;
	const char *not_here;
	struct str word;

	while (is_bare(peek(p)) || peek(p) == '+' || peek(p) == '.' ||
	    peek(p) == ':')
		p->at++;
	word = str_n(from, (size_t)(p->at - from));
	ret->kind = TOML_BOOLEAN;
	ret->boolean = str_is(word, "true");
	if (ret->boolean || str_is(word, "false"))
		return ERR_OK;
	not_here = word.n > 0 ? unread(word) : NULL;
	if (not_here != NULL)
		return bad(p,
		    "%s not read here; allowed are text in quotes, "
		    "whole decimal numbers, true, false and arrays",
		    not_here);
	if (word.n == 0 || (!is_digit(word.p[0]) && !has(word, "+-")) ||
	    (word.n > 1 && !has(str_n(word.p, 2), "0123456789")))
		return bad(p,
		    "a value is expected; allowed are text in "
		    "quotes, whole decimal numbers, true, false and "
		    "arrays");
	ret->kind = TOML_INTEGER;
	return integer(p, word, &ret->integer);
}

static enum err
string_value(struct parse *p, struct toml_value *ret)
{
	struct buf b = { 0 };
	enum err rc = string(p, true, &b);

	ret->kind = TOML_STRING;
	if (rc == ERR_OK) {
		ret->string = arena_str(p->arena, buf_str(&b));
		if (b.failed || ret->string.p == NULL)
			rc = no_memory(p);
	}
	buf_fini(&b);
	return rc;
}

static enum err
items(struct parse *p, struct toml_value **item, size_t *n)
{
	size_t cap = 0;

	*n = 0;
	for (;;) {
		enum err rc;

		skip_lines(p);
		if (skip(p, STR("]")))
			return ERR_OK;
		if (!mem_grow(item, &cap, *n + 1, sizeof **item))
			return no_memory(p);
		(*item)[*n] = (struct toml_value){ 0 };
		rc = value(p, &(*item)[*n]);
		if (rc != ERR_OK)
			return rc;
		++*n;
		skip_lines(p);
		if (!skip(p, STR(",")) && peek(p) != ']')
			return bad(p, "',' or ']' is expected in the array");
	}
}

static enum err
array(struct parse *p, struct toml_value *ret)
{
	struct toml_value *item = NULL, *copy;
	enum err rc;
	size_t n;

	if (p->nest == NEST_MAX)
		return bad(p, "arrays deeper than %d in one another", NEST_MAX);
	p->nest++;
	p->at++;
	rc = items(p, &item, &n);
	if (rc == ERR_OK) {
		copy = arena_array(p->arena, n, sizeof *copy);
		if (copy == NULL)
			rc = no_memory(p);
		else if (n > 0)
			memcpy(copy, item, n * sizeof *copy);
		ret->kind = TOML_ARRAY;
		ret->item = copy;
		ret->n = n;
	}
	p->nest--;
	free(item);
	return rc;
}

static enum err
value(struct parse *p, struct toml_value *ret)
{
	switch (peek(p)) {
	case '"':
	case '\'':
		return string_value(p, ret);
	case '[':
		return array(p, ret);
	case '{':
		return bad(p,
		    "inline tables in arrays are not read here; an "
		    "array holds text, numbers, true, false and "
		    "arrays");
	default:
		return bare_value(p, ret);
	}
}

/* ---- lines ---- */

static enum err key_value(struct parse *p);

/* name = { ... }: its keys become entries of their own. */
static enum err
inline_table(struct parse *p)
{
	enum err rc = ERR_OK;

	if (p->nest == NEST_MAX)
		return bad(p, "tables deeper than %d in one another", NEST_MAX);
	p->nest++;
	p->at++;
	skip_blank(p);
	if (skip(p, STR("}")))
		goto done;
	do {
		skip_blank(p);
		rc = key_value(p);
		skip_blank(p);
	} while (rc == ERR_OK && skip(p, STR(",")));
	if (rc == ERR_OK && !skip(p, STR("}")))
		rc = bad(p,
		    "',' or '}' is expected; an inline table stands on "
		    "one line");
done:
	p->nest--;
	return rc;
}

static enum err
add_entry(struct parse *p, struct str name)
{
	struct toml_entry *entry;
	enum err rc;

	if (!mem_grow(&p->entry, &p->cap, p->n + 1, sizeof *p->entry))
		return no_memory(p);
	entry = &p->entry[p->n];
	*entry = (struct toml_entry){ .key = name, .line = p->line };
	rc = value(p, &entry->value);
	p->n += rc == ERR_OK;
	return rc;
}

static enum err
key_value(struct parse *p)
{
	size_t table = p->name.len;
	struct str name;
	enum named as;
	bool open;
	enum err rc;

	rc = key(p, NAMED_DOTTED, &name);
	if (rc != ERR_OK)
		return rc;
	if (!skip(p, STR("=")))
		return bad(p, "'=' is expected behind the key");
	if (named(p, name, &as))
		return bad(p, "%.*s %s", STR_ARG(name),
		    as == NAMED_VALUE ? "stands twice; keep one" :
		                        "is a table already");
	skip_blank(p);
	open = peek(p) == '{';
	rc = name_as(p, name, open ? NAMED_INLINE : NAMED_VALUE);
	if (rc == ERR_OK)
		rc = open ? inline_table(p) : add_entry(p, name);
	name_back(p, table);
	return rc;
}

/* [a.b] */
static enum err
header(struct parse *p)
{
	struct str name;
	enum named as;
	enum err rc;

	p->at++;
	if (peek(p) == '[')
		return bad(p,
		    "arrays of tables are not read here; allowed is "
		    "[table]");
	name_back(p, 0);
	skip_blank(p);
	rc = key(p, NAMED_IMPLICIT, &name);
	if (rc != ERR_OK)
		return rc;
	if (!skip(p, STR("]")))
		return bad(p, "']' is expected behind the table's name");
	if (named(p, name, &as) && as != NAMED_IMPLICIT)
		return bad(p, "%.*s %s", STR_ARG(name),
		    as == NAMED_VALUE ? "has a value already and is no table" :
		                        "is defined already; keep its keys "
		                        "in one place");
	return name_as(p, name, NAMED_TABLE);
}

static enum err
lines(struct parse *p)
{
	enum err rc = ERR_OK;

	while (rc == ERR_OK) {
		skip_lines(p);
		if (p->at == p->end)
			return ERR_OK;
		rc = peek(p) == '[' ? header(p) : key_value(p);
		if (rc == ERR_OK)
			rc = end_of_line(p);
	}
	return rc;
}

enum err
toml_parse(struct str text, struct arena *a, struct toml *ret,
    struct err_info *e)
{
	struct parse p = { .line = 1, .arena = a, .e = e };
	enum err rc;

	*ret = (struct toml){ 0 };
	if (str_starts(text, STR("\xef\xbb\xbf"))) /* some editors' mark */
		text = str_n(text.p + 3, text.n - 3);
	if (text.n == 0)
		return ERR_OK;
	p.at = text.p;
	p.end = text.p + text.n;
	rc = check_characters(&p, text);
	if (rc == ERR_OK)
		rc = lines(&p);
	if (rc == ERR_OK) {
		ret->entry = arena_array(a, p.n, sizeof *ret->entry);
		if (ret->entry == NULL)
			rc = no_memory(&p);
	}
	if (rc == ERR_OK && p.n > 0) {
		memcpy(ret->entry, p.entry, p.n * sizeof *p.entry);
		ret->n = p.n;
	}
	free(p.entry);
	map_fini(&p.named);
	buf_fini(&p.name);
	return rc;
}

const struct toml_entry *
toml_get(const struct toml *t, const char *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_is(t->entry[i].key, key))
			return &t->entry[i];
	return NULL;
}
