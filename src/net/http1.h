/* HTTP/1.1 codec, both roles, strict (RFC 9110, RFC 9112).  Pure: bytes in,
 * messages out, no I/O, no clock.
 *
 * Where two programs could read a message differently it is refused, not
 * guessed: Content-Length beside Transfer-Encoding, two lengths, signs, white
 * space before a colon, bare CR or LF, NUL, folded lines, a missing or doubled
 * Host, any transfer coding but one "chunked".  A message that was cut
 * differently on its way gives the same result: only the bytes count.
 *
 *	for (;;)
 *		switch (http1_read(&p, in, &used, &part, &e)) {
 *		case HTTP1_MORE:  wait for bytes; all of `in` was used
 *		case HTTP1_HEAD:  p.head is filled; p.body_max may be lowered
 *		case HTTP1_BODY:  `part` is a piece of the body
 *		case HTTP1_DONE:  http1_next(&p); what is left is the next message
 *		case HTTP1_ERROR: answer err_http(e.code), then close
 *		}
 *
 * Fails: ERR_BAD_REQUEST, ERR_LENGTH (an HTTP/1.0 body without a length),
 * ERR_TOO_LARGE (body over body_max), ERR_URI_LONG, ERR_HEADERS_BIG,
 * ERR_UNSUPPORTED (method or transfer coding), ERR_HTTP_VERSION, ERR_NOMEM. */
#ifndef CLOWDER_HTTP1_H
#define CLOWDER_HTTP1_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum {
	HTTP1_START_LINE_MAX = 8192, /* bytes, without its CRLF */
	HTTP1_HEAD_MAX = 32768,      /* bytes of all fields together */
	HTTP1_FIELDS_MAX = 100,
	HTTP1_CHUNK_LINE_MAX = 256, /* size and extensions of one chunk */
	HTTP1_TRAILER_MAX = 4096 /* bytes; trailers are checked and dropped */
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_PATCH,
	HTTP_DELETE,
	HTTP_OPTIONS
};

struct http1_field {
	struct str name; /* as it was written; compare without case */
	struct str value;
};

/* All views are into the parser's own memory: valid until http1_next() or
 * http1_fini(). */
struct http1_head {
	enum http_method method; /* request */
	struct str method_text;
	struct str target; /* request: as it came */
	struct str path;   /* without query, slashes at the front read as one */
	struct str query; /* raw, without the '?'; p NULL where there is none */
	struct str host;  /* p NULL where there is none (HTTP/1.0) */
	int status;       /* response */
	struct str reason;
	unsigned minor; /* 0 or 1 */
	const struct http1_field *field;
	size_t fields;
	bool keep_alive;      /* the connection can carry another message */
	bool expect_continue; /* Expect: 100-continue */
	bool upgrade;         /* Connection: upgrade */
	bool chunked;
	bool has_length;
	uint64_t length; /* Content-Length */
};

enum http1_role { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_step { HTTP1_MORE, HTTP1_HEAD, HTTP1_BODY, HTTP1_DONE, HTTP1_ERROR };

struct http1 {
	struct http1_head head; /* from HTTP1_HEAD on */
	uint64_t body_max;      /* bytes; from http1_init, may be changed */
	uint64_t body_bytes;    /* given out so far */
	bool bodiless;          /* response: to HEAD; set before its head */
	/* inside */
	enum http1_role role;
	unsigned state;
	struct buf text;           /* start line and fields */
	struct http1_field *field; /* own */
	size_t field_cap;
	size_t line_at;    /* text: where the line begins that is being read */
	size_t fields_at;  /* text: where the first field begins */
	uint64_t left;     /* bytes of the body or chunk still to come */
	size_t chunk_line; /* bytes of the present chunk line */
	uint64_t overhead; /* bytes spent on chunk lines */
	size_t trailer_bytes;
	struct err_info error; /* why it is broken */
};

void http1_init(struct http1 *p, enum http1_role role, uint64_t body_max);
void http1_fini(struct http1 *p); /* safe on a zeroed one */
/* Ready for the next message of the connection; small memory is kept. */
void http1_next(struct http1 *p);
/* Read on in `in` (may be empty).  *used: bytes taken; *part: HTTP1_BODY only, a
 * view into `in`.  After HTTP1_ERROR each further call gives the same error. */
enum http1_step http1_read(struct http1 *p, struct str in, size_t *used,
    struct str *part, struct err_info *e);
/* The peer has closed: HTTP1_DONE where that ends the message (response without
 * a length), HTTP1_MORE where no message had begun, else HTTP1_ERROR. */
enum http1_step http1_eof(struct http1 *p, struct err_info *e);
/* Some bytes of a message have come, or its body is not whole yet. */
bool http1_begun(const struct http1 *p);
/* Bytes of memory held. */
size_t http1_held(const struct http1 *p);

/* The first field of that name (no matter the case); p NULL where there is
 * none.  http1_field_count says how often it stands there. */
struct str http1_field_get(const struct http1_head *h, const char *name);
size_t http1_field_count(const struct http1_head *h, const char *name);
/* True when one element of the comma-separated list is `token`, no matter the
 * case; parameters behind a ';' are not looked at. */
bool http1_has_token(struct str list, const char *token);
/* What Accept-Encoding says of gzip (RFC 9110, 12.5.3), q=0 understood. */
bool http1_accepts_gzip(const struct http1_head *h);
/* Resolve %XX, and '+' as a space where plus.  Appends to out; false where an
 * escape is broken or gives NUL.  Out of memory: buf_ok(out). */
bool http1_unescape(struct str s, bool plus, struct buf *out);
/* The member `name` of a query or form body (application/x-www-form-urlencoded),
 * unescaped, in a; the first where it stands twice.  False where there is none,
 * its escapes are broken or memory is out. */
bool http1_form_get(struct str form, const char *name, struct arena *a,
    struct str *ret);
const char *http_method_name(enum http_method m);
const char *http_reason(int status); /* "" where unknown */

/* Writers.  out: buf_ok at the end.  A field whose name is no token or whose
 * value has control characters is not written, and false (no way to smuggle a
 * line through a value that came from outside). */
void http1_put_request(struct buf *out, const char *method, struct str target);
void http1_put_status(struct buf *out, int status);
bool http1_put_field(struct buf *out, struct str name, struct str value);
void http1_put_length(struct buf *out, uint64_t n);
void http1_put_end(struct buf *out); /* the empty line */
/* "Sun, 06 Nov 1994 08:49:37 GMT" from seconds since 1970; 30 bytes with NUL. */
void http1_date(int64_t unix_s, char out[30]);
/* Such a date, to seconds since 1970 (IMF-fixdate only). */
bool http1_date_parse(struct str s, int64_t *unix_s);
/* Retry-After of an answer, in seconds from now; -1 where there is none.  A date is
 * meant by the answer's own clock (Date), else by now_s. */
int64_t http1_retry_after(const struct http1_head *h, int64_t now_s);

#endif
