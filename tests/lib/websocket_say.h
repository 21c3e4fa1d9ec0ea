/* Tells what a WebSocket reader makes of some bytes, as text: the same bytes must
 * give the same text however they are cut.  For tests and the fuzz target. */
#ifndef CLOWDER_WEBSOCKET_SAY_H
#define CLOWDER_WEBSOCKET_SAY_H

#include "buf.h"
#include "websocket.h"

static inline void
websocket_say_step(const struct ws *w, enum ws_step s, struct str part,
    const struct err_info *e, struct buf *out)
{
	static const char *const name[] = { [WS_TEXT] = "text",
		[WS_BINARY] = "binary",
		[WS_PING] = "ping",
		[WS_PONG] = "pong" };

	if (s == WS_CLOSE)
		buf_addf(out, "close %d %.*s\n", w->code, STR_ARG(part));
	else if (s == WS_ERROR)
		buf_addf(out, "%d %s: %s\n", w->code, err_wire(e->code),
		    e->text);
	else if (s != WS_MORE) {
		buf_addf(out, "%s:", name[s]);
		buf_addstr(out, part);
		buf_addc(out, '\n');
	}
}

/* Feed `in` in pieces of cut[i] bytes (0 ends the list and means the rest). */
static inline void
websocket_say(enum ws_role role, size_t message_max, struct str in,
    const size_t *cut, struct buf *out)
{
	struct err_info e = { 0 };
	enum ws_step s = WS_MORE;
	size_t used, left = 0;
	struct ws w;

	ws_init(&w, role, message_max);
	while (s != WS_ERROR) {
		struct str part;

		if (s == WS_MORE && left == 0) {
			left = *cut > 0 && *cut < in.n ? *cut++ : in.n;
			if (left == 0)
				break;
		}
		s = ws_read(&w, str_n(in.p, left), &used, &part, &e);
		if (used > left || (s == WS_MORE && used != left))
			buf_adds(out, "BYTES LEFT OVER\n");
		in = str_n(in.p + used, in.n - used);
		left -= used;
		websocket_say_step(&w, s, part, &e, out);
	}
	if (s != WS_ERROR && ws_held(&w) > 0)
		buf_adds(out, "in a message\n");
	ws_fini(&w);
}

#endif
