/* The part of git-config(1), Syntax, that a remote's url needs: sections with a
 * quoted name, quoted values with escapes, continued lines, comments. */
#include <string.h>

#include "buf.h"
#include "git.h"

struct reader {
	const char *at, *end; /* borrow */
};

static int
peek(const struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at : -1;
}

static int
take(struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at++ : -1;
}

static void
skip_line(struct reader *r)
{
	int c;

	while ((c = take(r)) != -1 && c != '\n')
		;
}

static bool
is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
skip_blank(struct reader *r)
{
	while (is_blank(peek(r)))
		r->at++;
}

static bool
is_name(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.';
}

static struct str
read_name(struct reader *r)
{
	const char *start = r->at;

	while (is_name(peek(r)))
		r->at++;
	return str_n(start, (size_t)(r->at - start));
}

/* Behind '[': `remote "name"]`, or the old `remote.name]`, which git compares
 * in lower case.  True where it is the section that is looked for. */
static bool
read_section(struct reader *r, struct str want, struct buf *scratch)
{
	struct str name = read_name(r);
	int c;

	skip_blank(r);
	if (peek(r) != '"')
		return take(r) == ']' && name.n > 7 &&
		    str_eq_nocase(str_n(name.p, 7), STR("remote.")) &&
		    str_eq(str_n(name.p + 7, name.n - 7), want);
	buf_reset(scratch);
	r->at++;
	while ((c = take(r)) != '"') {
		if (c == '\\')
			c = take(r);
		if (c == -1 || c == '\n')
			return false;
		buf_addc(scratch, (char)c);
	}
	return take(r) == ']' && str_eq_nocase(name, STR("remote")) &&
	    str_eq(buf_str(scratch), want);
}

/* The character of an escape, 0 for the end of a continued line, -1 for none. */
static int
read_escape(struct reader *r)
{
	static const char from[] = "\\\"ntb", to[] = "\\\"\n\t\b";
	int c = take(r);
	const char *at;

	if (c == '\r' && peek(r) == '\n')
		c = take(r);
	if (c == '\n')
		return 0;
	at = c > 0 ? strchr(from, c) : NULL;
	return at ? to[at - from] : -1;
}

/* Behind '=', to the end of the line.  White space is kept inside, dropped at
 * the ends, but for what is quoted.  False: not a value. */
static bool
read_value(struct reader *r, struct buf *out)
{
	bool quoted = false;
	size_t keep = 0; /* length without white space at the end */
	int c;

	buf_reset(out);
	skip_blank(r);
	while ((c = take(r)) != -1 && c != '\n') {
		if (c == '"') {
			quoted = !quoted;
			keep = out->len;
			continue;
		}
		if (!quoted && (c == '#' || c == ';')) {
			skip_line(r);
			break;
		}
		if (c == '\\') {
			c = read_escape(r);
			if (c < 0)
				return false;
			if (c == 0)
				continue;
			buf_addc(out, (char)c);
			keep = out->len;
			continue;
		}
		buf_addc(out, (char)c);
		if (quoted || !is_blank(c))
			keep = out->len;
	}
	if (out->data != NULL && keep < out->len) {
		out->len = keep;
		out->data[keep] = '\0';
	}
	return !quoted;
}

/* One line or section header.  True: `value` holds the url. */
static bool
read_item(struct reader *r, struct str want, bool *inside, struct buf *value)
{
	struct str key;

	skip_blank(r);
	if (peek(r) == '\n') {
		r->at++;
		return false;
	}
	if (peek(r) == '[') {
		r->at++;
		*inside = read_section(r, want, value);
		return false; /* a key may follow on the same line */
	}
	key = read_name(r);
	skip_blank(r);
	if (key.n == 0 || peek(r) != '=') {
		skip_line(r); /* comment, a key without value, nonsense */
		return false;
	}
	r->at++;
	return read_value(r, value) && *inside &&
	    str_eq_nocase(key, STR("url")) && value->len > 0;
}

enum err
os_git_remote(struct str text, const char *name, struct arena *a,
    const char **ret, struct err_info *e)
{
	struct reader r = { text.p, text.n ? text.p + text.n : text.p };
	struct buf value = { 0 };
	bool inside = false;
	enum err rc;

	*ret = NULL;
	while (r.at < r.end && !value.failed)
		if (read_item(&r, str_of(name), &inside, &value) &&
		    !value.failed && memchr(value.data, 0, value.len) == NULL) {
			*ret = arena_dup(a, buf_str(&value));
			value.failed = *ret == NULL;
			break;
		}
	rc = buf_ok(&value, e);
	buf_fini(&value);
	return rc;
}
