/* Tells what an HTTP parser makes of some bytes, as text: the same bytes must
 * give the same text however they are cut.  For tests and the fuzz target. */
#ifndef CLOWDER_HTTP1_SAY_H
#define CLOWDER_HTTP1_SAY_H

#include "buf.h"
#include "http1.h"

static inline void
http1_say_head(const struct http1_head *h, enum http1_role role,
    struct buf *out)
{
	if (role == HTTP1_REQUEST)
		buf_addf(out, "%s %.*s path=%.*s query=%.*s host=%.*s",
		    http_method_name(h->method), STR_ARG(h->target),
		    STR_ARG(h->path), STR_ARG(h->query), STR_ARG(h->host));
	else
		buf_addf(out, "%d %.*s", h->status, STR_ARG(h->reason));
	buf_addf(out, " 1.%u%s%s%s%s", h->minor, h->keep_alive ? " keep" : "",
	    h->expect_continue ? " expect" : "", h->upgrade ? " upgrade" : "",
	    h->chunked ? " chunked" : "");
	if (h->has_length)
		buf_addf(out, " length=%llu", (unsigned long long)h->length);
	buf_addc(out, '\n');
	for (size_t i = 0; i < h->fields; i++)
		buf_addf(out, "  %.*s=%.*s\n", STR_ARG(h->field[i].name),
		    STR_ARG(h->field[i].value));
}

/* Feed `in` in pieces of cut[i] bytes (0 ends the list and means the rest);
 * heads, bodies, ends and the error go to out.  At the end the peer closes. */
static inline void
http1_say(enum http1_role role, uint64_t body_max, struct str in,
    const size_t *cut, struct buf *out)
{
	struct err_info e = { 0 };
	struct http1 p;
	enum http1_step s = HTTP1_MORE;
	size_t used, left = 0;
	bool in_body = false;

	http1_init(&p, role, body_max);
	while (s != HTTP1_ERROR) {
		struct str part = { 0 }, piece;

		if (s == HTTP1_MORE && left == 0) {
			left = *cut > 0 && *cut < in.n ? *cut++ : in.n;
			if (left == 0)
				break;
		}
		piece = str_n(in.p, left);
		s = http1_read(&p, piece, &used, &part, &e);
		if (used > left || (s == HTTP1_MORE && used != left))
			buf_adds(out, "BYTES LEFT OVER\n");
		in = str_n(in.p + used, in.n - used);
		left -= used;
		if (s == HTTP1_HEAD)
			http1_say_head(&p.head, role, out);
		if (s == HTTP1_BODY && !in_body)
			buf_adds(out, "body:");
		if (s == HTTP1_BODY)
			buf_addstr(out, part);
		if (in_body && s != HTTP1_BODY && s != HTTP1_MORE)
			buf_addc(out, '\n');
		in_body = s == HTTP1_BODY || (in_body && s == HTTP1_MORE);
		if (s == HTTP1_DONE) {
			buf_adds(out, "done\n");
			http1_next(&p);
		}
	}
	if (in_body)
		buf_addc(out, '\n');
	if (s != HTTP1_ERROR) {
		s = http1_eof(&p, &e);
		buf_adds(out, s == HTTP1_DONE ? "eof done\n" : "");
	}
	if (s == HTTP1_ERROR)
		buf_addf(out, "%s: %s\n", err_wire(e.code), e.text);
	http1_fini(&p);
}

#endif
