/* The codec, by tables: what is accepted and how it reads, and every form that
 * two programs could read differently, refused.  Each row is fed whole, byte by
 * byte and cut at random; the results must be the same. */
#include <stdlib.h>

#include "fault.h"
#include "http1.h"
#include "http1_say.h"
#include "t.h"

#define HOST "Host: h\r\n"
#define POST "POST /p HTTP/1.1\r\n" HOST

enum { BODY_MAX = 64, CUTS_MAX = 128 };

struct row {
	const char *name;
	struct str in;
	const char *out; /* what http1_say makes of it */
};

#define ROW(name, in, out) \
	{ \
		name, { in, sizeof(in) - 1 }, out \
	}

static const struct row requests[] = {
	ROW("get", "GET / HTTP/1.1\r\n" HOST "\r\n",
	    "GET / path=/ query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("query", "GET /a/b?x=1&y=%20 HTTP/1.1\r\n" HOST "\r\n",
	    "GET /a/b?x=1&y=%20 path=/a/b query=x=1&y=%20 host=h 1.1 keep\n"
	    "  Host=h\ndone\n"),
	ROW("doubled slash", "GET //api/v1/ HTTP/1.1\r\n" HOST "\r\n",
	    "GET //api/v1/ path=/api/v1/ query= host=h 1.1 keep\n"
	    "  Host=h\ndone\n"),
	ROW("slashes only", "GET /// HTTP/1.1\r\n" HOST "\r\n",
	    "GET /// path=/ query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("doubled slash inside stays", "GET /a//b HTTP/1.1\r\n" HOST "\r\n",
	    "GET /a//b path=/a//b query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("absolute form", "GET http://h/a?q HTTP/1.1\r\n" HOST "\r\n",
	    "GET http://h/a?q path=/a query=q host=h 1.1 keep\n"
	    "  Host=h\ndone\n"),
	ROW("options of all", "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",
	    "OPTIONS * path=* query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("HTTP/1.0 closes",
	    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	    "GET / path=/ query= host= 1.0\n  Connection=keep-alive\ndone\n"),
	ROW("close", "GET / HTTP/1.1\r\n" HOST "Connection: x , Close\r\n\r\n",
	    "GET / path=/ query= host=h 1.1\n  Host=h\n"
	    "  Connection=x , Close\ndone\n"),
	ROW("upgrade", "GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\n\r\n",
	    "GET / path=/ query= host=h 1.1 keep upgrade\n  Host=h\n"
	    "  Connection=Upgrade\ndone\n"),
	ROW("white space around a value",
	    "GET / HTTP/1.1\r\nHost:\t h \t\r\nX-Empty:\r\n\r\n",
	    "GET / path=/ query= host=h 1.1 keep\n  Host=h\n  "
	    "X-Empty=\ndone\n"),
	ROW("one empty line in front", "\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
	    "GET / path=/ query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("an empty line alone", "\r\n", ""),
	ROW("host with port and brackets",
	    "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
	    "GET / path=/ query= host=[::1]:80 1.1 keep\n"
	    "  Host=[::1]:80\ndone\n"),
	ROW("body", POST "Content-Length: 5\r\n\r\nhello",
	    "POST /p path=/p query= host=h 1.1 keep length=5\n  Host=h\n"
	    "  Content-Length=5\nbody:hello\ndone\n"),
	ROW("post without a length has no body", POST "\r\n",
	    "POST /p path=/p query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("body of the greatest size",
	    POST
	    "Content-Length: 64\r\n\r\n"
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	    "POST /p path=/p query= host=h 1.1 keep length=64\n  Host=h\n"
	    "  Content-Length=64\n"
	    "body:0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
	    "abcdef\ndone\n"),
	ROW("expect", POST "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\nx",
	    "POST /p path=/p query= host=h 1.1 keep expect length=1\n"
	    "  Host=h\n  Content-Length=1\n  Expect=100-Continue\n"
	    "body:x\ndone\n"),
	ROW("chunked",
	    POST "Transfer-Encoding: Chunked\r\n\r\n"
	         "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n",
	    "POST /p path=/p query= host=h 1.1 keep chunked\n  Host=h\n"
	    "  Transfer-Encoding=Chunked\nbody:hello0123456789\ndone\n"),
	ROW("chunk extension and trailer",
	    POST "Transfer-Encoding: chunked\r\n\r\n"
	         "3;a=b;c=\"d e\"\r\nabc\r\n0;x\r\nT: v\r\nHost: evil\r\n\r\n",
	    "POST /p path=/p query= host=h 1.1 keep chunked\n  Host=h\n"
	    "  Transfer-Encoding=chunked\nbody:abc\ndone\n"),
	ROW("pipelined",
	    "GET /1 HTTP/1.1\r\n" HOST "\r\n" POST
	    "Content-Length: 2\r\n\r\nabGET /3 HTTP/1.1\r\n" HOST "\r\n",
	    "GET /1 path=/1 query= host=h 1.1 keep\n  Host=h\ndone\n"
	    "POST /p path=/p query= host=h 1.1 keep length=2\n  Host=h\n"
	    "  Content-Length=2\nbody:ab\ndone\n"
	    "GET /3 path=/3 query= host=h 1.1 keep\n  Host=h\ndone\n"),
	ROW("bytes above ASCII in a value",
	    "GET / HTTP/1.1\r\n" HOST "X: \xc3\xa4\r\n\r\n",
	    "GET / path=/ query= host=h 1.1 keep\n  Host=h\n  X=\xc3\xa4\n"
	    "done\n"),
};

static const struct row refused[] = {
	ROW("length beside coding",
	    POST
	    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "bad_request: Content-Length beside Transfer-Encoding\n"),
	ROW("coding beside length",
	    POST
	    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	    "bad_request: Content-Length beside Transfer-Encoding\n"),
	ROW("two lengths",
	    POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	    "bad_request: two Content-Length fields\n"),
	ROW("list of lengths", POST "Content-Length: 5, 5\r\n\r\nhello",
	    "bad_request: Content-Length is not a number\n"),
	ROW("signed length", POST "Content-Length: +2\r\n\r\nab",
	    "bad_request: Content-Length is not a number\n"),
	ROW("negative length", POST "Content-Length: -2\r\n\r\nab",
	    "bad_request: Content-Length is not a number\n"),
	ROW("hexadecimal length", POST "Content-Length: 0x2\r\n\r\nab",
	    "bad_request: Content-Length is not a number\n"),
	ROW("length with a space inside", POST "Content-Length: 1 2\r\n\r\nab",
	    "bad_request: Content-Length is not a number\n"),
	ROW("empty length", POST "Content-Length:\r\n\r\n",
	    "bad_request: Content-Length is empty\n"),
	ROW("length beyond 64 bits",
	    POST "Content-Length: 18446744073709551616\r\n\r\n",
	    "too_large: Content-Length is too large\n"),
	ROW("space before the colon", POST "Content-Length : 2\r\n\r\nab",
	    "bad_request: bad header field name\n"),
	ROW("tab before the colon",
	    POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
	    "bad_request: bad header field name\n"),
	ROW("name with a space", "GET / HTTP/1.1\r\nHost: h\r\nA B: c\r\n\r\n",
	    "bad_request: bad header field name\n"),
	ROW("empty name", "GET / HTTP/1.1\r\nHost: h\r\n: c\r\n\r\n",
	    "bad_request: bad header field name\n"),
	ROW("no colon", "GET / HTTP/1.1\r\nHost: h\r\nabc\r\n\r\n",
	    "bad_request: header line without a colon\n"),
	ROW("bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n",
	    "bad_request: line without CR LF\n"),
	ROW("bare LF after a field", "GET / HTTP/1.1\r\nHost: h\n\r\n",
	    "bad_request: line without CR LF\n"),
	ROW("bare LF at the end", "GET / HTTP/1.1\r\nHost: h\r\n\n",
	    "bad_request: line without CR LF\n"),
	ROW("bare CR in a value",
	    "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
	    "bad_request: CR or NUL inside a line\n"),
	ROW("CR CR LF", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n",
	    "bad_request: CR or NUL inside a line\n"),
	ROW("NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
	    "bad_request: CR or NUL inside a line\n"),
	ROW("NUL in the target", "GET /\0 HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: CR or NUL inside a line\n"),
	ROW("control character in a value",
	    "GET / HTTP/1.1\r\nHost: h\r\nX: a\x1b[1m\r\n\r\n",
	    "bad_request: control character in a header field\n"),
	ROW("DEL in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: \x7f\r\n\r\n",
	    "bad_request: control character in a header field\n"),
	ROW("folded line", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
	    "bad_request: folded header line\n"),
	ROW("white space in front of the first field",
	    "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
	    "bad_request: folded header line\n"),
	ROW("no Host", "GET / HTTP/1.1\r\nX: y\r\n\r\n",
	    "bad_request: no Host field\n"),
	ROW("two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n",
	    "bad_request: two Host fields\n"),
	ROW("Host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n",
	    "bad_request: Host is not a host name\n"),
	ROW("Host with a user", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n",
	    "bad_request: Host is not a host name\n"),
	ROW("Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
	    "bad_request: Host is not a host name\n"),
	ROW("Host is not the target's",
	    "GET http://x/ HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: Host is not that of the target\n"),
	ROW("unknown coding", POST "Transfer-Encoding: gzip\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("two codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("identity", POST "Transfer-Encoding: identity\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("chunked twice in one",
	    POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("chunked with a quirk", POST "Transfer-Encoding: xchunked\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("chunked in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("chunked behind a vertical tab",
	    POST "Transfer-Encoding: \x0b"
	         "chunked\r\n\r\n",
	    "bad_request: control character in a header field\n"),
	ROW("empty coding", POST "Transfer-Encoding:\r\n\r\n",
	    "unsupported: only the transfer coding chunked is supported\n"),
	ROW("two coding fields",
	    POST
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "bad_request: two Transfer-Encoding fields\n"),
	ROW("coding in HTTP/1.0",
	    "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "bad_request: Transfer-Encoding in HTTP/1.0\n"),
	ROW("HTTP/1.0 body without a length", "POST / HTTP/1.0\r\n\r\nbody",
	    "length_required: length required\n"),
	ROW("unknown expectation", POST "Expect: tea\r\n\r\n",
	    "bad_request: unknown expectation\n"),
	ROW("unknown method", "BREW / HTTP/1.1\r\n" HOST "\r\n",
	    "unsupported: unknown method\n"),
	ROW("method in lower case", "get / HTTP/1.1\r\n" HOST "\r\n",
	    "unsupported: unknown method\n"),
	ROW("method with a colon", "GE:T / HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request line\n"),
	ROW("no method", " / HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request line\n"),
	ROW("HTTP/0.9", "GET /\r\n\r\n", "bad_request: bad request line\n"),
	ROW("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	    "http_version_not_supported: HTTP version not supported\n"),
	ROW("HTTP/1.2", "GET / HTTP/1.2\r\n" HOST "\r\n",
	    "http_version_not_supported: HTTP version not supported\n"),
	ROW("http in lower case", "GET / http/1.1\r\n" HOST "\r\n",
	    "bad_request: bad HTTP version\n"),
	ROW("longer version", "GET / HTTP/1.10\r\n" HOST "\r\n",
	    "bad_request: bad HTTP version\n"),
	ROW("two spaces", "GET  / HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad HTTP version\n"),
	ROW("a tab for a space", "GET\t/ HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request line\n"),
	ROW("space behind the version", "GET / HTTP/1.1 \r\n" HOST "\r\n",
	    "bad_request: bad HTTP version\n"),
	ROW("target without a slash", "GET x HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request target\n"),
	ROW("star for another method", "GET * HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request target\n"),
	ROW("fragment", "GET /#x HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request target\n"),
	ROW("raw UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request target\n"),
	ROW("tunnel", "CONNECT h:1 HTTP/1.1\r\n" HOST "\r\n",
	    "unsupported: unknown method\n"),
	ROW("two empty lines in front",
	    "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: bad request line\n"),
	ROW("lone CR in front", "\rGET / HTTP/1.1\r\n" HOST "\r\n",
	    "bad_request: CR without LF\n"),
	ROW("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
	    "bad_request: line without CR LF\n"),
	ROW("cut inside the head", "GET / HT",
	    "bad_request: the message was cut short\n"),
};

#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_SAYS \
	"POST /p path=/p query= host=h 1.1 keep chunked\n  Host=h\n" \
	"  Transfer-Encoding=chunked\n"

static const struct row bodies_refused[] = {
	ROW("no size", CHUNKED "\r\n", CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("signed size", CHUNKED "+1\r\na\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("size with 0x", CHUNKED "0x1\r\na\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("space in front of a size", CHUNKED " 1\r\na\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("space behind a size", CHUNKED "1 \r\na\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("bare LF behind a size", CHUNKED "1\na\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("bare LF behind data", CHUNKED "1\r\na\n0\r\n\r\n",
	    CHUNKED_SAYS "body:a\nbad_request: bad chunk\n"),
	ROW("data longer than its size", CHUNKED "1\r\nab\r\n",
	    CHUNKED_SAYS "body:a\nbad_request: bad chunk\n"),
	ROW("size of 17 digits", CHUNKED "00000000000000001\r\na\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("size that overflows", CHUNKED "ffffffffffffffff1\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("greatest size", CHUNKED "ffffffffffffffff\r\n",
	    CHUNKED_SAYS "too_large: body is over 64 bytes\n"),
	ROW("one byte too many", CHUNKED "41\r\n",
	    CHUNKED_SAYS "too_large: body is over 64 bytes\n"),
	ROW("one byte too many in all", CHUNKED "1\r\na\r\n40\r\n",
	    CHUNKED_SAYS "body:a\ntoo_large: body is over 64 bytes\n"),
	ROW("control character in an extension", CHUNKED "1;a\0b\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("bare CR in an extension", CHUNKED "1;a\rb\r\n",
	    CHUNKED_SAYS "bad_request: bad chunk\n"),
	ROW("folded trailer", CHUNKED "0\r\n x: y\r\n\r\n",
	    CHUNKED_SAYS "bad_request: bad trailer\n"),
	ROW("trailer without a colon", CHUNKED "0\r\nxy\r\n\r\n",
	    CHUNKED_SAYS "bad_request: bad trailer\n"),
	ROW("bare LF in a trailer", CHUNKED "0\r\nx: y\n\r\n",
	    CHUNKED_SAYS "bad_request: bad trailer\n"),
	ROW("bare LF at the end", CHUNKED "0\r\n\n",
	    CHUNKED_SAYS "bad_request: bad trailer\n"),
	ROW("cut inside the body", CHUNKED "5\r\nhel",
	    CHUNKED_SAYS "body:hel\nbad_request: the message was cut short\n"),
	ROW("length over the limit", POST "Content-Length: 65\r\n\r\n",
	    "POST /p path=/p query= host=h 1.1 keep length=65\n  Host=h\n"
	    "  Content-Length=65\ntoo_large: body is over 64 bytes\n"),
};

static const struct row responses[] = {
	ROW("length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
	    "200 OK 1.1 keep length=2\n  Content-Length=2\nbody:hi\ndone\n"),
	ROW("chunked",
	    "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n"
	    "2\r\nhi\r\n0\r\n\r\n",
	    "200  1.1 keep chunked\n  Transfer-Encoding=chunked\nbody:hi\n"
	    "done\n"),
	ROW("until the end", "HTTP/1.1 200 OK\r\n\r\nhi",
	    "200 OK 1.1\nbody:hi\neof done\n"),
	ROW("interim, then final",
	    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	    "100 Continue 1.1 keep\ndone\n204 No Content 1.1 keep\ndone\n"),
	ROW("not modified has no body",
	    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
	    "304 Not Modified 1.1 keep length=9\n  Content-Length=9\ndone\n"),
	ROW("no body behind 1.0",
	    "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
	    "200 OK 1.0 length=0\n  Content-Length=0\ndone\n"),
	ROW("both lengths",
	    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "bad_request: Content-Length beside Transfer-Encoding\n"),
	ROW("bad status", "HTTP/1.1 20 OK\r\n\r\n",
	    "bad_request: bad status line\n"),
	ROW("status out of range", "HTTP/1.1 999 OK\r\n\r\n",
	    "bad_request: bad status line\n"),
	ROW("no status", "HTTP/1.1\r\n\r\n", "bad_request: bad status line\n"),
	ROW("empty line in front", "\r\nHTTP/1.1 200 OK\r\n\r\n",
	    "bad_request: bad status line\n"),
	ROW("until the end, too much",
	    "HTTP/1.1 200 OK\r\n\r\n"
	    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.",
	    "200 OK 1.1\n"
	    "body:0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
	    "abcdef\ntoo_large: body is over 64 bytes\n"),
};

static void
check_row(const struct row *r, enum http1_role role, struct t_rng *rng)
{
	size_t cut[CUTS_MAX + 1] = { 0 };
	struct buf whole = { 0 }, other = { 0 };
	bool bytes = true;

	http1_say(role, BODY_MAX, r->in, (size_t[]){ 0 }, &whole);
	CHECK_STR(buf_str(&whole), r->out);
	for (int i = 0; i < 20 && !t_failing(); i++, bytes = false) {
		for (int c = 0; c < CUTS_MAX; c++)
			cut[c] =
			    bytes ? 1 : 1 + t_below(rng, 1 + (size_t)i * 3);
		buf_reset(&other);
		http1_say(role, BODY_MAX, r->in, cut, &other);
		CHECK_EQ(buf_str(&other), buf_str(&whole));
	}
	buf_fini(&whole);
	buf_fini(&other);
}

static void
check_rows(const struct row *r, size_t n, enum http1_role role)
{
	struct t_rng rng = { t_seed() };

	for (size_t i = 0; i < n; i++) {
		t_note("%s, seed %#llx", r[i].name,
		    (unsigned long long)t_seed());
		check_row(&r[i], role, &rng);
	}
}

#define CHECK_ROWS(rows, role) \
	check_rows(rows, sizeof rows / sizeof rows[0], role)

static void
reads_requests(void)
{
	CHECK_ROWS(requests, HTTP1_REQUEST);
}

static void
refuses_requests(void)
{
	CHECK_ROWS(refused, HTTP1_REQUEST);
}

static void
refuses_bodies(void)
{
	CHECK_ROWS(bodies_refused, HTTP1_REQUEST);
}

static void
reads_responses(void)
{
	CHECK_ROWS(responses, HTTP1_RESPONSE);
}

/* Feed one growing part between two fixed ones; ERR_OK or the error. */
static enum err
flood(struct str before, struct str unit, size_t times, struct str after,
    struct http1 *p)
{
	struct err_info e = { 0 };
	struct str part, in;
	enum http1_step s = HTTP1_MORE;
	size_t used;

	http1_init(p, HTTP1_REQUEST, UINT64_MAX);
	for (size_t i = 0; i < times + 2; i++) {
		in = i == 0 ? before : i <= times ? unit : after;
		do {
			s = http1_read(p, in, &used, &part, &e);
			in = str_n(in.p + used, in.n - used);
		} while (s == HTTP1_HEAD || s == HTTP1_BODY);
		if (s == HTTP1_ERROR)
			return e.code;
	}
	return s == HTTP1_DONE ? ERR_OK : ERR_BAD_REQUEST;
}

static void
bounds_floods(void)
{
	static const struct {
		const char *name, *before, *unit, *after;
		size_t fit; /* this many units pass, one more does not */
		enum err code;
		size_t held; /* bytes that it may cost */
	} row[] = {
		{ "target", "GET ", "/", " HTTP/1.1\r\nHost: h\r\n\r\n",
		    HTTP1_START_LINE_MAX - 13, ERR_URI_LONG, 20000 },
		{ "fields", "GET / HTTP/1.1\r\nHost: h\r\n", "A: b\r\n", "\r\n",
		    HTTP1_FIELDS_MAX - 1, ERR_HEADERS_BIG, 20000 },
		{ "one field", "GET / HTTP/1.1\r\nHost: h\r\nA: ", "b",
		    "\r\n\r\n", HTTP1_HEAD_MAX - 16, ERR_HEADERS_BIG, 80000 },
		{ "extension",
		    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		    "chunked\r\n"
		    "\r\n0;",
		    "x", "\r\n\r\n", HTTP1_CHUNK_LINE_MAX - 2, ERR_BAD_REQUEST,
		    2000 },
		{ "extensions on tiny chunks",
		    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		    "chunked\r\n"
		    "\r\n",
		    "1;0123456789012345678901234567890123456789\r\nx\r\n",
		    "0\r\n\r\n", 1724, ERR_BAD_REQUEST, 2000 },
		{ "trailer",
		    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		    "chunked\r\n"
		    "\r\n0\r\n",
		    "A: b\r\n", "\r\n", (HTTP1_TRAILER_MAX - 2) / 6,
		    ERR_HEADERS_BIG, 2000 },
	};
	struct http1 p;

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].name);
		CHECK_I(flood(str_of(row[i].before), str_of(row[i].unit),
		            row[i].fit, str_of(row[i].after), &p),
		    ERR_OK);
		CHECK(http1_held(&p) <= row[i].held);
		http1_fini(&p);
		CHECK_ERR(flood(str_of(row[i].before), str_of(row[i].unit),
		              row[i].fit + 1, str_of(row[i].after), &p),
		    row[i].code);
		http1_fini(&p);
	}
}

/* One-byte chunks without extensions are wasteful and legal: however many. */
static void
accepts_many_tiny_chunks(void)
{
	struct http1 p;

	CHECK_I(flood(STR(CHUNKED), STR("1\r\nx\r\n"), 100000, STR("0\r\n\r\n"),
	            &p),
	    ERR_OK);
	CHECK_U(p.body_bytes, 100000);
	http1_fini(&p);
}

static void
stays_broken(void)
{
	struct err_info e = { 0 };
	struct http1 p;
	struct str part;
	size_t used;

	http1_init(&p, HTTP1_REQUEST, BODY_MAX);
	CHECK_I(http1_read(&p, STR("GET / HTTP/1.1\n"), &used, &part, &e),
	    HTTP1_ERROR);
	e = (struct err_info){ 0 };
	CHECK_I(http1_read(&p, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), &used,
	            &part, &e),
	    HTTP1_ERROR);
	CHECK_ERR(e.code, ERR_BAD_REQUEST);
	CHECK_U(used, 0);
	http1_fini(&p);
}

static void
answers_to_head_have_no_body(void)
{
	struct err_info e = { 0 };
	struct str part,
	    in = STR("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
	struct http1 p;
	size_t used;

	http1_init(&p, HTTP1_RESPONSE, BODY_MAX);
	p.bodiless = true;
	CHECK_I(http1_read(&p, in, &used, &part, &e), HTTP1_HEAD);
	CHECK_U(used, in.n);
	CHECK_I(http1_read(&p, STR(""), &used, &part, &e), HTTP1_DONE);
	http1_fini(&p);
}

static void
lets_the_user_lower_the_limit(void)
{
	struct err_info e = { 0 };
	struct str part, in = STR(POST "Content-Length: 5\r\n\r\nhello");
	struct http1 p;
	size_t used;

	http1_init(&p, HTTP1_REQUEST, BODY_MAX);
	CHECK_I(http1_read(&p, in, &used, &part, &e), HTTP1_HEAD);
	p.body_max = 4;
	CHECK_I(http1_read(&p, STR("hello"), &used, &part, &e), HTTP1_ERROR);
	CHECK_ERR(e.code, ERR_TOO_LARGE);
	http1_fini(&p);
}

static void
looks_at_fields(void)
{
	static const struct http1_field field[] = {
		{ { "A", 1 }, { "1", 1 } },
		{ { "a", 1 }, { "2", 1 } },
	};
	struct http1_head h = { .field = field, .fields = 2 };

	CHECK_STR(http1_field_get(&h, "a"), "1");
	CHECK_U(http1_field_count(&h, "A"), 2);
	CHECK(http1_field_get(&h, "b").p == NULL);
	CHECK(http1_has_token(STR("x, Gzip;q=1 ,y"), "gzip"));
	CHECK(!http1_has_token(STR("gzipped, x-gzip"), "gzip"));
	CHECK(!http1_has_token(STR(""), "gzip"));
}

static void
understands_accept_encoding(void)
{
	static const struct {
		const char *value;
		bool gzip;
	} row[] = {
		{ "gzip", true },
		{ "deflate, GZIP", true },
		{ "gzip;q=0.5", true },
		{ "gzip;q=0", false },
		{ "gzip; q=0.000", false },
		{ "gzip;q=0.001", true },
		{ "*", true },
		{ "*;q=0", false },
		{ "gzip;q=0, *", false },
		{ "*, gzip;q=0", false },
		{ "identity", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct http1_field f = { STR("Accept-Encoding"),
			str_of(row[i].value) };
		struct http1_head h = { .field = &f, .fields = 1 };

		t_note("%s", row[i].value);
		CHECK_U(http1_accepts_gzip(&h), row[i].gzip);
	}
	CHECK(!http1_accepts_gzip(&(struct http1_head){ 0 }));
}

static void
reads_forms(void)
{
	static const struct {
		const char *form, *name, *value; /* NULL: not found */
	} row[] = {
		{ "a=1&b=2", "b", "2" },
		{ "a=1&b=2", "c", NULL },
		{ "a=x+y%2Bz%c3%A4", "a", "x y+z\xc3\xa4" },
		{ "a", "a", "" },
		{ "a=", "a", "" },
		{ "a=b=c", "a", "b=c" },
		{ "a=1&a=2", "a", "1" },
		{ "%61b=1", "ab", "1" },
		{ "&&=x&a=1&", "a", "1" },
		{ "a=%", "a", NULL },
		{ "a=%4", "a", NULL },
		{ "a=%zz", "a", NULL },
		{ "a=%00", "a", NULL },
		{ "", "a", NULL },
	};
	struct arena a = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct str v = { 0 };

		t_note("%s", row[i].form);
		if (CHECK_U(http1_form_get(str_of(row[i].form), row[i].name, &a,
		                &v),
		        row[i].value != NULL) &&
		    row[i].value != NULL)
			CHECK_STR(v, row[i].value);
	}
	arena_fini(&a);
}

static void
writes_heads(void)
{
	struct buf b = { 0 };

	http1_put_request(&b, "GET", STR("/x"));
	CHECK(http1_put_field(&b, STR("Host"), STR("h")));
	http1_put_length(&b, 12);
	http1_put_end(&b);
	CHECK_STR(buf_str(&b),
	    "GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n");
	buf_reset(&b);
	http1_put_status(&b, 413);
	CHECK_STR(buf_str(&b), "HTTP/1.1 413 Content Too Large\r\n");
	buf_reset(&b);
	CHECK(!http1_put_field(&b, STR("X"), STR("a\r\nEvil: 1")));
	CHECK(!http1_put_field(&b, STR("X"), STR("a\nb")));
	CHECK(!http1_put_field(&b, STR("X:Y"), STR("a")));
	CHECK(!http1_put_field(&b, STR(""), STR("a")));
	CHECK_U(b.len, 0);
	buf_fini(&b);
}

static void
writes_and_reads_dates(void)
{
	static const struct {
		int64_t unix_s;
		const char *text;
	} row[] = {
		{ 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" },
		{ 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
		{ 1709164800, "Thu, 29 Feb 2024 00:00:00 GMT" },
		{ 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
	};
	static const char *const bad[] = { "", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Mon, 06 Nov 1994 08:49:37 GMT",
		"Sun, 31 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 08:49:60 GMT",
		"Sun, +6 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT" };
	char text[30];
	int64_t v;

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		http1_date(row[i].unix_s, text);
		CHECK_STR(str_of(text), row[i].text);
		CHECK(http1_date_parse(str_of(text), &v));
		CHECK_I(v, row[i].unix_s);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		t_note("%s", bad[i]);
		CHECK(!http1_date_parse(str_of(bad[i]), &v));
	}
}

/* Each allocation fails once: an error, nothing leaked (the sanitizer sees). */
static void
survives_out_of_memory(void)
{
	struct str in =
	    STR("GET /a?b=c HTTP/1.1\r\n" HOST "A: b\r\nC: d\r\nE: f\r\n"
	        "G: h\r\nI: j\r\nK: l\r\nM: n\r\nO: p\r\nQ: r\r\n\r\n");
	int n = 0;

	do {
		struct err_info e = { 0 };
		struct http1 p;
		struct str part;
		enum http1_step s;
		size_t used;

		http1_init(&p, HTTP1_REQUEST, BODY_MAX);
		fault_arm(n++);
		s = http1_read(&p, in, &used, &part, &e);
		CHECK((s == HTTP1_HEAD) == !fault_hit());
		CHECK(s == HTTP1_HEAD || e.code == ERR_NOMEM);
		http1_fini(&p);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 3);
}

int
main(void)
{
	T_RUN(reads_requests);
	T_RUN(refuses_requests);
	T_RUN(refuses_bodies);
	T_RUN(reads_responses);
	T_RUN(bounds_floods);
	T_RUN(accepts_many_tiny_chunks);
	T_RUN(stays_broken);
	T_RUN(answers_to_head_have_no_body);
	T_RUN(lets_the_user_lower_the_limit);
	T_RUN(looks_at_fields);
	T_RUN(understands_accept_encoding);
	T_RUN(reads_forms);
	T_RUN(writes_heads);
	T_RUN(writes_and_reads_dates);
	T_RUN(survives_out_of_memory);
	return t_done();
}
