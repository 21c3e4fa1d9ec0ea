/* Writing one value into config.toml: the rest of the file belongs to its
 * author and stays as it is, comments and all. */
#include <string.h>

#include "arena.h"
#include "buf.h"
#include "config.h"
#include "file.h"
#include "path.h"
#include "toml.h"

enum { CONFIG_BYTES_MAX = 1 << 20, URL_MAX = 2048, PORT_MAX = 65535 };

/* RFC 3986: reg-name, IPv4 or bracketed IPv6, as far as a hub needs it. */
static bool
host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
	    c == '[' || c == ']' || c == ':';
}

static bool
authority_ok(struct str s)
{
	size_t host = s.n;
	uint64_t port;

	/* The port is behind the last colon outside of brackets. */
	for (size_t i = s.n; i > 0 && s.p[i - 1] != ']'; i--)
		if (s.p[i - 1] == ':') {
			host = i - 1;
			break;
		}
	if (host < s.n &&
	    (!str_u64(str_n(s.p + host + 1, s.n - host - 1), &port) ||
	        port == 0 || port > PORT_MAX))
		return false;
	for (size_t i = 0; i < host; i++)
		if (!host_char(s.p[i]) || (s.p[i] == ':' && s.p[0] != '['))
			return false;
	return host > 0;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

enum err
config_url(struct str url, struct arena *a, struct str *ret, struct err_info *e)
{
	static const struct str scheme[] = { STR_INIT("https://"),
		STR_INIT("http://") };
	struct str rest = { 0 };
	size_t end;
	char *text;

	for (int i = 0; i < 2; i++)
		if (url.n > scheme[i].n &&
		    str_eq_nocase(str_n(url.p, scheme[i].n), scheme[i]))
			rest = str_n(url.p + scheme[i].n, url.n - scheme[i].n);
	if (rest.n == 0)
		return err_setf(e, ERR_CONFIG,
		    "a URL begins with https:// (or http:// on a network that "
		    "you trust)");
	while (rest.n > 0 && rest.p[rest.n - 1] == '/')
		rest.n--;
	end = str_find(rest, '/');
	end = end == SIZE_MAX ? rest.n : end;
	if (str_find(str_n(rest.p, end), '@') != SIZE_MAX)
		return err_setf(e, ERR_CONFIG,
		    "a server's URL names no user: sign in instead");
	if (!authority_ok(str_n(rest.p, end)) || url.n > URL_MAX)
		return err_setf(e, ERR_CONFIG, "the URL names no host");
	for (size_t i = end; i < rest.n; i++)
		if (rest.p[i] <= ' ' || rest.p[i] == '?' || rest.p[i] == '#' ||
		    rest.p[i] == 127 || rest.p[i] == '"' || rest.p[i] == '\\')
			return err_setf(e, ERR_CONFIG,
			    "a server's URL has no query and no blanks");
	end += (size_t)(rest.p - url.p);
	url.n = (size_t)(rest.p + rest.n - url.p);
	text = arena_dup(a, url);
	if (text == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < end; i++)
		text[i] = lower(text[i]);
	*ret = str_n(text, url.n);
	return ERR_OK;
}

/* "[server]" with blanks and a comment; false for any other line. */
static bool
opens_table(struct str line, struct str *name)
{
	size_t end;

	line = str_trim(line);
	if (!str_starts(line, STR("[")) || str_starts(line, STR("[[")))
		return false;
	end = str_find(line, ']');
	if (end == SIZE_MAX)
		return false;
	*name = str_trim(str_n(line.p + 1, end - 1));
	return true;
}

/* The line of an entry, as toml_parse counts them. */
static struct str
line_at(struct str text, unsigned n, size_t *at)
{
	struct str rest = text, line = { 0 };

	for (unsigned i = 0; i < n; i++)
		if (!str_split(&rest, '\n', &line))
			break;
	*at = (size_t)(line.p - text.p);
	return line;
}

/* Behind the '=' of a line. */
static void
put_line(struct buf *out, const char *key, struct str value)
{
	buf_addf(out, "%s = ", key);
	toml_add_str(out, value);
}

/* Exchange the value in its line; what follows it (a comment) stays. */
static enum err
replace(struct str text, const struct toml_entry *entry, struct str value,
    struct buf *out, struct err_info *e)
{
	size_t at, eq, end;
	struct str line = line_at(text, entry->line, &at);
	char quote;

	eq = str_find(line, '=');
	for (end = eq + 1; eq != SIZE_MAX && end < line.n; end++)
		if (line.p[end] != ' ' && line.p[end] != '\t')
			break;
	quote = eq != SIZE_MAX && end < line.n ? line.p[end] : '\0';
	if (quote != '"' && quote != '\'')
		return err_setf(e, ERR_CONFIG,
		    "line %u: %.*s is written in a way that cannot be changed "
		    "here; change it by hand",
		    entry->line, STR_ARG(entry->key));
	buf_add(out, text.p, at + end);
	toml_add_str(out, value);
	for (end++; end < line.n && line.p[end] != quote; end++)
		if (line.p[end] == '\\' && quote == '"')
			end++;
	if (end >= line.n ||
	    str_starts(str_n(line.p + end, line.n - end), STR("\"\"\"")))
		return err_setf(e, ERR_CONFIG,
		    "line %u: the value goes over several lines; change it by "
		    "hand",
		    entry->line);
	end += at + 1;
	buf_add(out, text.p + end, text.n - end);
	return buf_ok(out, e);
}

/* Below the table's header where there is one, else at the end. */
static enum err
insert(struct str text, const char *table, const char *key, struct str value,
    struct buf *out, struct err_info *e)
{
	struct str rest = text, line, name;

	while (str_split(&rest, '\n', &line)) {
		if (!opens_table(line, &name) || !str_is(name, table))
			continue;
		buf_add(out, text.p, (size_t)(line.p + line.n - text.p));
		buf_addc(out, '\n');
		put_line(out, key, value);
		buf_addc(out, '\n');
		buf_addstr(out, rest);
		return buf_ok(out, e);
	}
	buf_addstr(out, text);
	if (text.n > 0 && text.p[text.n - 1] != '\n')
		buf_addc(out, '\n');
	buf_addf(out, "%s[%s]\n", text.n > 0 ? "\n" : "", table);
	put_line(out, key, value);
	buf_addc(out, '\n');
	return buf_ok(out, e);
}

enum err
config_text_set(struct str text, const char *table, const char *key,
    struct str value, struct buf *out, struct err_info *e)
{
	struct arena a = { 0 };
	struct toml t = { 0 };
	const struct toml_entry *entry;
	char *name = arena_fmt(&a, "%s.%s", table, key);
	enum err rc =
	    name ? toml_parse(text, &a, &t, e) : err_set(e, ERR_NOMEM);

	if (rc == ERR_OK) {
		entry = toml_get(&t, name);
		rc = entry != NULL ? replace(text, entry, value, out, e) :
		                     insert(text, table, key, value, out, e);
	}
	/* What was written must read as what was meant. */
	if (rc == ERR_OK)
		rc = toml_parse(buf_str(out), &a, &t, e);
	if (rc == ERR_OK) {
		entry = toml_get(&t, name);
		if (entry == NULL || !str_eq(entry->value.string, value))
			rc = err_setf(e, ERR_CONFIG,
			    "%s could not be set; change it by hand", name);
	}
	arena_fini(&a);
	return rc;
}

enum err
config_set_server(const char *path, struct str url, struct err_info *e)
{
	struct arena a = { 0 };
	struct buf old = { 0 }, new = { 0 };
	struct config c;
	struct str normal = { 0 };
	struct toml t = { 0 };
	const char *table = "server", *key = "url";
	enum err rc = config_url(url, &a, &normal, e);

	if (rc == ERR_OK) {
		rc = os_read_file(path, CONFIG_BYTES_MAX, &old, e);
		if (rc == ERR_NOT_FOUND)
			rc = ERR_OK;
	}
	/* A file that is wrong elsewhere is not written to. */
	if (rc == ERR_OK)
		rc = config_parse(&c, path, buf_str(&old), &a, e);
	if (rc == ERR_OK)
		rc = toml_parse(buf_str(&old), &a, &t, e);
	/* A file of Spec Kitty's keeps its own name for it. */
	if (rc == ERR_OK && toml_get(&t, "server.url") == NULL &&
	    toml_get(&t, "sync.server_url") != NULL) {
		table = "sync";
		key = "server_url";
	}
	if (rc == ERR_OK) {
		rc =
		    config_text_set(buf_str(&old), table, key, normal, &new, e);
		if (rc == ERR_CONFIG)
			rc = err_wrap(e, "%s", path);
	}
	if (rc == ERR_OK)
		rc = os_write_atomic(path, buf_str(&new), 0, e);
	buf_fini(&old);
	buf_fini(&new);
	arena_fini(&a);
	return rc;
}
