/* Reading goes line by line into p->text until the empty line; then the whole
 * head is judged at once.  Bodies are not copied: the caller gets views of its
 * own bytes.
 *
 *	START -> LINES -> LENGTH ------------------------------> DONE
 *	              |-> UNTIL_EOF (response) ----------------> DONE
 *	              `-> SIZE [-> EXT] -> SIZE_LF -> DATA -> DATA_CR -> DATA_LF
 *	                    ^                                              |
 *	                    `----------------------------------------------'
 *	                  size 0: TRAILER -> TRAILER_LF -> .. -> LAST_LF -> DONE
 *
 * Each byte moves the same machine however the input was cut, so limits and
 * errors do not depend on packets. */
#include "http1.h"

#include <stdlib.h>

#include "fault.h"

enum state {
	S_START, /* zero: a zeroed parser waits for a request */
	S_START_LF,
	S_LINES,
	S_LENGTH,
	S_UNTIL_EOF,
	S_SIZE,
	S_EXT,
	S_SIZE_LF,
	S_DATA,
	S_DATA_CR,
	S_DATA_LF,
	S_TRAILER,
	S_TRAILER_NAME,
	S_TRAILER_VALUE,
	S_TRAILER_LF,
	S_LAST_LF,
	S_DONE,
	S_BROKEN
};

enum {
	KEPT_BYTES = 2048, /* of text between two messages */
	KEPT_FIELDS = 32,
	OVERHEAD_FREE = 65536, /* bytes of chunk lines, and */
	OVERHEAD_PER_BYTE = 8, /* so many more for each byte of body */
	SIZE_DIGITS_MAX = 16   /* so a size fits into 64 bits */
};

/* ---- characters ------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110, 5.6.2: tchar. */
static bool
is_token_char(char c)
{
	return is_alnum(c) ||
	    (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_char(s.p[i]))
			return false;
	return s.n > 0;
}

/* RFC 9110, 5.5: field-vchar, SP and HTAB; no other control character. */
static bool
is_value_char(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static bool
is_value(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_value_char(s.p[i]))
			return false;
	return true;
}

/* Visible ASCII and no fragment: what a target may hold. */
static bool
is_target(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f || s.p[i] == '#')
			return false;
	return s.n > 0;
}

static bool
is_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' ||
		        strchr("-._~%!$&'()*+;=:[]", s.p[i]) == NULL))
			return false;
	return true;
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* RFC 9110, 5.6.3: OWS is space and tab, nothing else. */
static struct str
trim_ows(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* ---- life ------------------------------------------------------------- */

void
http1_init(struct http1 *p, enum http1_role role, uint64_t body_max)
{
	*p = (struct http1){ .role = role, .body_max = body_max };
}

void
http1_fini(struct http1 *p)
{
	buf_fini(&p->text);
	free(p->field);
	*p = (struct http1){ 0 };
}

void
http1_next(struct http1 *p)
{
	struct http1 fresh = { .role = p->role, .body_max = p->body_max };

	buf_reset(&p->text);
	if (p->text.cap > KEPT_BYTES)
		buf_fini(&p->text);
	if (p->field_cap > KEPT_FIELDS) {
		free(p->field);
		p->field = NULL;
		p->field_cap = 0;
	}
	fresh.text = p->text;
	fresh.field = p->field;
	fresh.field_cap = p->field_cap;
	*p = fresh;
}

bool
http1_begun(const struct http1 *p)
{
	/* An empty line in front of a request that never comes is no request. */
	if (p->state == S_LINES)
		return p->text.len > 0;
	return p->state != S_START && p->state != S_DONE;
}

size_t
http1_held(const struct http1 *p)
{
	return p->text.cap + p->field_cap * sizeof *p->field;
}

/* ---- the head, when it is whole --------------------------------------- */

struct head_counts {
	unsigned host, length, coding;
};

static enum err
on_host(struct http1 *p, struct head_counts *n, struct str v,
    struct err_info *e)
{
	if (++n->host > 1)
		return err_setf(e, ERR_BAD_REQUEST, "two Host fields");
	if (!is_host(v))
		return err_setf(e, ERR_BAD_REQUEST, "Host is not a host name");
	p->head.host = v;
	return ERR_OK;
}

static enum err
on_length(struct http1 *p, struct head_counts *n, struct str v,
    struct err_info *e)
{
	if (++n->length > 1)
		return err_setf(e, ERR_BAD_REQUEST,
		    "two Content-Length fields");
	for (size_t i = 0; i < v.n; i++)
		if (!is_digit(v.p[i]))
			return err_setf(e, ERR_BAD_REQUEST,
			    "Content-Length is not a number");
	if (v.n == 0)
		return err_setf(e, ERR_BAD_REQUEST, "Content-Length is empty");
	if (!str_u64(v, &p->head.length))
		return err_setf(e, ERR_TOO_LARGE,
		    "Content-Length is too large");
	p->head.has_length = true;
	return ERR_OK;
}

static enum err
on_coding(struct http1 *p, struct head_counts *n, struct str v,
    struct err_info *e)
{
	if (++n->coding > 1)
		return err_setf(e, ERR_BAD_REQUEST,
		    "two Transfer-Encoding fields");
	if (!str_eq_nocase(v, STR("chunked")))
		return err_setf(e, ERR_UNSUPPORTED,
		    "only the transfer coding chunked is supported");
	p->head.chunked = true;
	return ERR_OK;
}

static enum err
on_connection(struct http1 *p, struct head_counts *n, struct str v,
    struct err_info *e)
{
	(void)n, (void)e;
	if (http1_has_token(v, "close"))
		p->head.keep_alive = false;
	if (http1_has_token(v, "upgrade"))
		p->head.upgrade = true;
	return ERR_OK;
}

static enum err
on_expect(struct http1 *p, struct head_counts *n, struct str v,
    struct err_info *e)
{
	(void)n;
	if (p->role == HTTP1_RESPONSE || p->head.minor == 0)
		return ERR_OK; /* RFC 9110, 10.1.1: ignored in HTTP/1.0 */
	if (!str_eq_nocase(v, STR("100-continue")))
		return err_setf(e, ERR_BAD_REQUEST, "unknown expectation");
	p->head.expect_continue = true;
	return ERR_OK;
}

static const struct {
	struct str name;
	enum err (*fn)(struct http1 *p, struct head_counts *n, struct str value,
	    struct err_info *e);
} field_rules[] = {
	{ { "host", 4 }, on_host },
	{ { "content-length", 14 }, on_length },
	{ { "transfer-encoding", 17 }, on_coding },
	{ { "connection", 10 }, on_connection },
	{ { "expect", 6 }, on_expect },
};

static enum err
field_judge(struct http1 *p, struct head_counts *n, struct http1_field f,
    struct err_info *e)
{
	for (size_t i = 0; i < sizeof field_rules / sizeof field_rules[0]; i++)
		if (str_eq_nocase(f.name, field_rules[i].name))
			return field_rules[i].fn(p, n, f.value, e);
	return ERR_OK;
}

/* line: without its CRLF. */
static enum err
field_parse(struct http1 *p, struct head_counts *n, struct str line,
    struct err_info *e)
{
	size_t colon = str_find(line, ':');
	struct http1_field *f;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return err_setf(e, ERR_BAD_REQUEST, "folded header line");
	if (colon == SIZE_MAX)
		return err_setf(e, ERR_BAD_REQUEST,
		    "header line without a colon");
	if (!is_token(str_n(line.p, colon)))
		return err_setf(e, ERR_BAD_REQUEST, "bad header field name");
	if (p->head.fields >= HTTP1_FIELDS_MAX)
		return err_setf(e, ERR_HEADERS_BIG,
		    "more than %d header fields", HTTP1_FIELDS_MAX);
	if (!mem_grow(&p->field, &p->field_cap, p->head.fields + 1, sizeof *f))
		return err_set(e, ERR_NOMEM);
	f = &p->field[p->head.fields++];
	f->name = str_n(line.p, colon);
	f->value = trim_ows(str_n(line.p + colon + 1, line.n - colon - 1));
	p->head.field = p->field;
	if (!is_value(f->value))
		return err_setf(e, ERR_BAD_REQUEST,
		    "control character in a header field");
	return field_judge(p, n, *f, e);
}

static const char *const method_names[] = {
	[HTTP_GET] = "GET",
	[HTTP_HEAD] = "HEAD",
	[HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",
	[HTTP_PATCH] = "PATCH",
	[HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS",
};

const char *
http_method_name(enum http_method m)
{
	return method_names[m];
}

static enum err
method_parse(struct http1 *p, struct str s, struct err_info *e)
{
	if (!is_token(s))
		return err_setf(e, ERR_BAD_REQUEST, "bad request line");
	p->head.method_text = s;
	for (size_t i = 0; i < sizeof method_names / sizeof method_names[0];
	     i++)
		if (str_is(s, method_names[i])) {
			p->head.method = (enum http_method)i;
			return ERR_OK;
		}
	return err_setf(e, ERR_UNSUPPORTED, "unknown method");
}

static enum err
version_parse(struct http1 *p, struct str s, struct err_info *e)
{
	if (s.n != 8 || memcmp(s.p, "HTTP/", 5) != 0 || !is_digit(s.p[5]) ||
	    s.p[6] != '.' || !is_digit(s.p[7]))
		return err_setf(e, ERR_BAD_REQUEST, "bad HTTP version");
	if (s.p[5] != '1' || s.p[7] > '1')
		return err_set(e, ERR_HTTP_VERSION);
	p->head.minor = s.p[7] == '1';
	/* HTTP/1.0 connections are closed after the answer: its keep-alive was
	 * never written down and breaks behind old proxies. */
	p->head.keep_alive = p->head.minor == 1;
	return ERR_OK;
}

/* RFC 9112, 3.2.  The absolute form is cut to its path; that its authority is
 * the Host is asked when the fields are known. */
static enum err
target_parse(struct http1 *p, struct str s, struct str *authority,
    struct err_info *e)
{
	size_t at;

	if (!is_target(s))
		return err_setf(e, ERR_BAD_REQUEST, "bad request target");
	p->head.target = s;
	if (str_is(s, "*") && p->head.method == HTTP_OPTIONS) {
		p->head.path = s;
		return ERR_OK;
	}
	if (str_starts(s, STR("http://")) || str_starts(s, STR("https://"))) {
		at = str_find(s, ':') + 3;
		s = str_n(s.p + at, s.n - at);
		for (at = 0; at < s.n && s.p[at] != '/' && s.p[at] != '?';)
			at++;
		*authority = str_n(s.p, at);
		s = str_n(s.p + at, s.n - at);
	}
	if (s.n == 0 || s.p[0] != '/')
		return err_setf(e, ERR_BAD_REQUEST, "bad request target");
	at = str_find(s, '?');
	if (at != SIZE_MAX) {
		p->head.query = str_n(s.p + at + 1, s.n - at - 1);
		s.n = at;
	}
	/* docs/protocol.md: a doubled slash at the front is read as one. */
	while (s.n > 1 && s.p[1] == '/')
		s.p++, s.n--;
	p->head.path = s;
	return ERR_OK;
}

static enum err
request_line_parse(struct http1 *p, struct str line, struct str *authority,
    struct err_info *e)
{
	struct str method, target;
	enum err rc;

	/* Exactly two single spaces; what else is white is in no token. */
	if (!str_split(&line, ' ', &method) ||
	    !str_split(&line, ' ', &target) || line.p == NULL)
		return err_setf(e, ERR_BAD_REQUEST, "bad request line");
	rc = version_parse(p, line, e);
	if (rc == ERR_OK)
		rc = method_parse(p, method, e);
	if (rc == ERR_OK)
		rc = target_parse(p, target, authority, e);
	return rc;
}

static enum err
status_line_parse(struct http1 *p, struct str line, struct err_info *e)
{
	struct str version, code;
	uint64_t status;

	if (!str_split(&line, ' ', &version) || !str_split(&line, ' ', &code) ||
	    code.n != 3 || !str_u64(code, &status) || status < 100 ||
	    status > 599 || !is_value(line))
		return err_setf(e, ERR_BAD_REQUEST, "bad status line");
	p->head.status = (int)status;
	p->head.reason = line;
	return version_parse(p, version, e);
}

/* What the fields say together (RFC 9112, 6.3). */
static enum err
request_judge(struct http1 *p, const struct head_counts *n,
    struct str authority, struct err_info *e)
{
	const struct http1_head *h = &p->head;
	bool may_have_body = h->method == HTTP_POST || h->method == HTTP_PUT ||
	    h->method == HTTP_PATCH;

	if (n->coding > 0 && n->length > 0)
		return err_setf(e, ERR_BAD_REQUEST,
		    "Content-Length beside Transfer-Encoding");
	if (n->coding > 0 && h->minor == 0)
		return err_setf(e, ERR_BAD_REQUEST,
		    "Transfer-Encoding in HTTP/1.0");
	if (n->host == 0 && h->minor == 1)
		return err_setf(e, ERR_BAD_REQUEST, "no Host field");
	if (authority.p != NULL && n->host > 0 &&
	    !str_eq_nocase(authority, h->host))
		return err_setf(e, ERR_BAD_REQUEST,
		    "Host is not that of the target");
	if (h->minor == 0 && n->length == 0 && may_have_body)
		return err_set(e, ERR_LENGTH);
	return ERR_OK;
}

static enum err
response_judge(struct http1 *p, const struct head_counts *n, struct err_info *e)
{
	struct http1_head *h = &p->head;

	if (n->coding > 0 && n->length > 0)
		return err_setf(e, ERR_BAD_REQUEST,
		    "Content-Length beside Transfer-Encoding");
	if (n->coding > 0 && h->minor == 0)
		return err_setf(e, ERR_BAD_REQUEST,
		    "Transfer-Encoding in HTTP/1.0");
	if (h->status < 200 || h->status == 204 || h->status == 304)
		p->bodiless = true;
	return ERR_OK;
}

static struct str
next_line(const struct http1 *p, size_t *at)
{
	const char *start = p->text.data + *at;
	const char *lf = memchr(start, '\n', p->text.len - *at);
	struct str line = str_n(start, (size_t)(lf - start) - 1);

	*at += line.n + 2;
	return line;
}

static enum err
head_parse(struct http1 *p, struct err_info *e)
{
	struct head_counts n = { 0 };
	struct str line, authority = { 0 };
	size_t at = 0;
	enum err rc;

	line = next_line(p, &at);
	rc = p->role == HTTP1_REQUEST ?
	    request_line_parse(p, line, &authority, e) :
	    status_line_parse(p, line, e);
	while (rc == ERR_OK && (line = next_line(p, &at)).n > 0)
		rc = field_parse(p, &n, line, e);
	if (rc == ERR_OK)
		rc = p->role == HTTP1_REQUEST ?
		    request_judge(p, &n, authority, e) :
		    response_judge(p, &n, e);
	return rc;
}

/* Which state reads the body. */
static enum state
body_state(struct http1 *p)
{
	struct http1_head *h = &p->head;

	if (p->bodiless)
		return S_DONE;
	if (h->chunked)
		return S_SIZE;
	p->left = h->length;
	if (h->has_length || p->role == HTTP1_REQUEST)
		return S_LENGTH;
	h->keep_alive = false;
	return S_UNTIL_EOF;
}

/* ---- lines of the head ------------------------------------------------ */

/* How many bytes the line may still have, its LF included. */
static size_t
line_room(const struct http1 *p)
{
	if (p->fields_at == 0)
		return HTTP1_START_LINE_MAX + 2 - p->text.len;
	return HTTP1_HEAD_MAX - (p->text.len - p->fields_at);
}

static enum err
line_too_long(const struct http1 *p, struct err_info *e)
{
	if (p->fields_at == 0)
		return err_set(e, ERR_URI_LONG);
	return err_set(e, ERR_HEADERS_BIG);
}

/* A line has its LF.  *whole: it was the empty one. */
static enum err
line_end(struct http1 *p, bool *whole, struct err_info *e)
{
	struct str line =
	    str_n(p->text.data + p->line_at, p->text.len - p->line_at);

	*whole = line.n == 2;
	if (line.n < 2 || line.p[line.n - 2] != '\r')
		return err_setf(e, ERR_BAD_REQUEST, "line without CR LF");
	line.n -= 2;
	if (str_find(line, '\r') != SIZE_MAX ||
	    str_find(line, '\0') != SIZE_MAX)
		return err_setf(e, ERR_BAD_REQUEST, "CR or NUL inside a line");
	p->line_at = p->text.len;
	if (p->fields_at == 0)
		p->fields_at = p->text.len;
	return ERR_OK;
}

/* Take one line, or what there is of it. */
static enum http1_step
read_lines(struct http1 *p, struct str *in, struct err_info *e)
{
	bool whole = false;

	while (in->n > 0) {
		size_t room = line_room(p);
		size_t n = in->n < room ? in->n : room;
		const char *lf = memchr(in->p, '\n', n);

		if (lf != NULL)
			n = (size_t)(lf - in->p) + 1;
		buf_add(&p->text, in->p, n);
		*in = str_n(in->p + n, in->n - n);
		if (buf_ok(&p->text, e) != ERR_OK)
			return HTTP1_ERROR;
		if (lf == NULL && n == room) {
			line_too_long(p, e);
			return HTTP1_ERROR;
		}
		if (lf == NULL)
			return HTTP1_MORE;
		if (line_end(p, &whole, e) != ERR_OK)
			return HTTP1_ERROR;
		if (!whole)
			continue;
		if (head_parse(p, e) != ERR_OK)
			return HTTP1_ERROR;
		p->state = body_state(p);
		return HTTP1_HEAD;
	}
	return HTTP1_MORE;
}

/* RFC 9112, 2.2: one empty line before a request is ignored.  Not before a
 * response, and no second one. */
static enum http1_step
read_start(struct http1 *p, struct str *in, struct err_info *e)
{
	if (in->n == 0)
		return HTTP1_MORE;
	if (p->state == S_START && in->p[0] == '\r' &&
	    p->role == HTTP1_REQUEST) {
		*in = str_n(in->p + 1, in->n - 1);
		p->state = S_START_LF;
		return HTTP1_MORE;
	}
	if (p->state == S_START_LF) {
		if (in->p[0] != '\n') {
			err_setf(e, ERR_BAD_REQUEST, "CR without LF");
			return HTTP1_ERROR;
		}
		*in = str_n(in->p + 1, in->n - 1);
	}
	p->state = S_LINES;
	return HTTP1_MORE;
}

/* ---- the body --------------------------------------------------------- */

static enum err
too_large(const struct http1 *p, struct err_info *e)
{
	return err_setf(e, ERR_TOO_LARGE, "body is over %llu bytes",
	    (unsigned long long)p->body_max);
}

static enum http1_step
give(struct http1 *p, struct str *in, size_t n, struct str *part)
{
	*part = str_n(in->p, n);
	*in = str_n(in->p + n, in->n - n);
	p->body_bytes += n;
	return HTTP1_BODY;
}

static enum http1_step
read_length(struct http1 *p, struct str *in, struct str *part,
    struct err_info *e)
{
	size_t n;

	if (p->body_bytes == 0 && p->left > p->body_max) {
		too_large(p, e);
		return HTTP1_ERROR;
	}
	if (p->left == 0) {
		p->state = S_DONE;
		return HTTP1_MORE;
	}
	if (in->n == 0)
		return HTTP1_MORE;
	n = in->n < p->left ? in->n : (size_t)p->left;
	p->left -= n;
	return give(p, in, n, part);
}

static enum http1_step
read_until_eof(struct http1 *p, struct str *in, struct str *part,
    struct err_info *e)
{
	uint64_t room = p->body_max - p->body_bytes;

	if (in->n == 0)
		return HTTP1_MORE;
	if (room == 0) {
		too_large(p, e);
		return HTTP1_ERROR;
	}
	return give(p, in, in->n < room ? in->n : (size_t)room, part);
}

static enum http1_step
read_data(struct http1 *p, struct str *in, struct str *part)
{
	size_t n = in->n < p->left ? in->n : (size_t)p->left;

	if (n == 0)
		return HTTP1_MORE;
	p->left -= n;
	if (p->left == 0)
		p->state = S_DATA_CR;
	return give(p, in, n, part);
}

static enum err
bad_chunk(struct err_info *e)
{
	return err_setf(e, ERR_BAD_REQUEST, "bad chunk");
}

static enum err
size_digit(struct http1 *p, char c, struct err_info *e)
{
	int v = hex_value(c);

	if (v < 0 || p->chunk_line >= SIZE_DIGITS_MAX)
		return bad_chunk(e);
	p->left = p->left << 4 | (uint64_t)v;
	p->chunk_line++;
	return ERR_OK;
}

/* The line with a chunk's size has ended. */
static enum err
size_end(struct http1 *p, struct err_info *e)
{
	/* Long extensions on tiny chunks cost work and say nothing. */
	p->overhead += p->chunk_line + 4;
	if (p->overhead > OVERHEAD_FREE + OVERHEAD_PER_BYTE * p->body_bytes)
		return bad_chunk(e);
	p->chunk_line = 0;
	if (p->left > p->body_max - p->body_bytes)
		return too_large(p, e);
	p->state = p->left > 0 ? S_DATA : S_TRAILER;
	return ERR_OK;
}

/* RFC 9112, 7.1: chunk-size [ chunk-ext ] CRLF; no white space before it. */
static enum err
size_byte(struct http1 *p, char c, struct err_info *e)
{
	if (p->state == S_SIZE_LF)
		return c == '\n' ? size_end(p, e) : bad_chunk(e);
	if (p->state == S_SIZE && c != '\r' && c != ';')
		return size_digit(p, c, e);
	if (p->chunk_line == 0)
		return bad_chunk(e);
	if (c == '\r') {
		p->state = S_SIZE_LF;
		return ERR_OK;
	}
	if (!is_value_char(c) || ++p->chunk_line > HTTP1_CHUNK_LINE_MAX)
		return bad_chunk(e);
	p->state = S_EXT;
	return ERR_OK;
}

static enum err
bad_trailer(struct err_info *e)
{
	return err_setf(e, ERR_BAD_REQUEST, "bad trailer");
}

/* RFC 9112, 7.1.2: trailer fields; looked at and dropped, so that none of them
 * can stand in for a header field. */
static enum err
trailer_byte(struct http1 *p, char c, struct err_info *e)
{
	if (++p->trailer_bytes > HTTP1_TRAILER_MAX)
		return err_setf(e, ERR_HEADERS_BIG, "trailer is too large");
	if (p->state == S_TRAILER && c == '\r')
		p->state = S_LAST_LF;
	else if (p->state == S_TRAILER_NAME && c == ':')
		p->state = S_TRAILER_VALUE;
	else if (p->state == S_TRAILER_VALUE && c == '\r')
		p->state = S_TRAILER_LF;
	else if (p->state == S_TRAILER_LF && c == '\n')
		p->state = S_TRAILER;
	else if (p->state == S_LAST_LF && c == '\n')
		p->state = S_DONE;
	else if ((p->state == S_TRAILER || p->state == S_TRAILER_NAME) &&
	    is_token_char(c))
		p->state = S_TRAILER_NAME;
	else if (p->state != S_TRAILER_VALUE || !is_value_char(c))
		return bad_trailer(e);
	return ERR_OK;
}

static enum err
data_end_byte(struct http1 *p, char c, struct err_info *e)
{
	if (c != (p->state == S_DATA_CR ? '\r' : '\n'))
		return bad_chunk(e);
	p->state = p->state == S_DATA_CR ? S_DATA_LF : S_SIZE;
	return ERR_OK;
}

/* One byte of what stands between the data of chunks. */
static enum http1_step
read_between(struct http1 *p, struct str *in, struct err_info *e)
{
	enum err rc;
	char c;

	if (in->n == 0)
		return HTTP1_MORE;
	c = in->p[0];
	*in = str_n(in->p + 1, in->n - 1);
	if (p->state == S_SIZE || p->state == S_EXT || p->state == S_SIZE_LF)
		rc = size_byte(p, c, e);
	else if (p->state == S_DATA_CR || p->state == S_DATA_LF)
		rc = data_end_byte(p, c, e);
	else
		rc = trailer_byte(p, c, e);
	return rc == ERR_OK ? HTTP1_MORE : HTTP1_ERROR;
}

/* ---- the machine ------------------------------------------------------ */

/* HTTP1_MORE: go on while there is input or the state has changed. */
static enum http1_step
step(struct http1 *p, struct str *in, struct str *part, struct err_info *e)
{
	switch ((enum state)p->state) {
	case S_START:
	case S_START_LF:
		return read_start(p, in, e);
	case S_LINES:
		return read_lines(p, in, e);
	case S_LENGTH:
		return read_length(p, in, part, e);
	case S_UNTIL_EOF:
		return read_until_eof(p, in, part, e);
	case S_DATA:
		return read_data(p, in, part);
	case S_SIZE:
	case S_EXT:
	case S_SIZE_LF:
	case S_DATA_CR:
	case S_DATA_LF:
	case S_TRAILER:
	case S_TRAILER_NAME:
	case S_TRAILER_VALUE:
	case S_TRAILER_LF:
	case S_LAST_LF:
		return read_between(p, in, e);
	case S_DONE:
		return HTTP1_DONE;
	case S_BROKEN:
		break;
	}
	*e = p->error;
	return HTTP1_ERROR;
}

enum http1_step
http1_read(struct http1 *p, struct str in, size_t *used, struct str *part,
    struct err_info *e)
{
	size_t all = in.n;
	enum http1_step s;
	unsigned before;

	do {
		before = p->state;
		s = step(p, &in, part, e);
	} while (s == HTTP1_MORE && (in.n > 0 || p->state != before));
	if (s == HTTP1_ERROR && p->state != S_BROKEN) {
		p->state = S_BROKEN;
		p->error = *e;
	}
	*used = all - in.n;
	return s;
}

enum http1_step
http1_eof(struct http1 *p, struct err_info *e)
{
	if (p->state == S_UNTIL_EOF)
		p->state = S_DONE;
	if (p->state == S_DONE)
		return HTTP1_DONE;
	if (!http1_begun(p))
		return HTTP1_MORE;
	if (p->state == S_BROKEN)
		*e = p->error;
	else
		err_setf(e, ERR_BAD_REQUEST, "the message was cut short");
	return HTTP1_ERROR;
}

/* ---- looking at a head ------------------------------------------------ */

struct str
http1_field_get(const struct http1_head *h, const char *name)
{
	for (size_t i = 0; i < h->fields; i++)
		if (str_eq_nocase(h->field[i].name, str_of(name)))
			return h->field[i].value;
	return (struct str){ NULL, 0 };
}

size_t
http1_field_count(const struct http1_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->fields; i++)
		n += str_eq_nocase(h->field[i].name, str_of(name));
	return n;
}

bool
http1_has_token(struct str list, const char *token)
{
	struct str part, word;

	while (str_split(&list, ',', &part)) {
		if (!str_split(&part, ';', &word))
			continue;
		if (str_eq_nocase(trim_ows(word), str_of(token)))
			return true;
	}
	return false;
}

/* "q=0", "q=0.0" .. "q=0.000": not wanted. */
static bool
is_q_zero(struct str param)
{
	param = trim_ows(param);
	if (param.n < 3 || (param.p[0] != 'q' && param.p[0] != 'Q') ||
	    param.p[1] != '=')
		return false;
	for (size_t i = 2; i < param.n; i++)
		if (param.p[i] != '0' && param.p[i] != '.')
			return false;
	return true;
}

bool
http1_accepts_gzip(const struct http1_head *h)
{
	struct str list = http1_field_get(h, "accept-encoding");
	struct str part, word, param;
	bool any = false;

	while (str_split(&list, ',', &part)) {
		bool wanted = true;

		if (!str_split(&part, ';', &word))
			continue;
		word = trim_ows(word);
		while (str_split(&part, ';', &param))
			wanted = wanted && !is_q_zero(param);
		if (str_eq_nocase(word, STR("gzip")))
			return wanted;
		if (str_is(word, "*"))
			any = wanted;
	}
	return any;
}

bool
http1_unescape(struct str s, bool plus, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int hi, lo;

		if (c == '+' && plus)
			c = ' ';
		if (c == '%') {
			if (s.n - i < 3)
				return false;
			hi = hex_value(s.p[i + 1]);
			lo = hex_value(s.p[i + 2]);
			if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
				return false;
			c = (char)(hi << 4 | lo);
			i += 2;
		}
		buf_addc(out, c);
	}
	return true;
}

static bool
unescape_is(struct str s, struct str want)
{
	struct buf b = { 0 };
	bool same = http1_unescape(s, true, &b) && !b.failed &&
	    str_eq(buf_str(&b), want);

	buf_fini(&b);
	return same;
}

bool
http1_form_get(struct str form, const char *name, struct arena *a,
    struct str *ret)
{
	struct str pair, key;
	struct buf b = { 0 };
	bool found = false;

	while (!found && str_split(&form, '&', &pair)) {
		if (!str_split(&pair, '=', &key) || key.n == 0)
			continue;
		if (!str_is(key, name) &&
		    (str_find(key, '%') == SIZE_MAX ||
		        !unescape_is(key, str_of(name))))
			continue;
		if (!http1_unescape(pair, true, &b) || b.failed)
			break;
		*ret = arena_str(a, buf_str(&b));
		found = ret->p != NULL;
		break;
	}
	buf_fini(&b);
	return found;
}

/* ---- writing ---------------------------------------------------------- */

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 100, "Continue" },
	{ 101, "Switching Protocols" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 426, "Upgrade Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
};

const char *
http_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

void
http1_put_request(struct buf *out, const char *method, struct str target)
{
	buf_adds(out, method);
	buf_addc(out, ' ');
	buf_addstr(out, target);
	buf_adds(out, " HTTP/1.1\r\n");
}

void
http1_put_status(struct buf *out, int status)
{
	buf_adds(out, "HTTP/1.1 ");
	buf_addu(out, (unsigned)status);
	buf_addc(out, ' ');
	buf_adds(out, http_reason(status));
	buf_adds(out, "\r\n");
}

bool
http1_put_field(struct buf *out, struct str name, struct str value)
{
	if (!is_token(name) || !is_value(value))
		return false;
	buf_addstr(out, name);
	buf_adds(out, ": ");
	buf_addstr(out, value);
	buf_adds(out, "\r\n");
	return true;
}

void
http1_put_length(struct buf *out, uint64_t n)
{
	buf_adds(out, "Content-Length: ");
	buf_addu(out, n);
	buf_adds(out, "\r\n");
}

void
http1_put_end(struct buf *out)
{
	buf_adds(out, "\r\n");
}
