/* WebSocket on a server's connections, from raw sockets: the handshake, messages,
 * who waits for whom, and the ends. */
#include <stdio.h>
#include <stdlib.h>

#include "websocket_say.h"
#include "world.h"
#include "ws_conn.h"

#define GET "GET /ws HTTP/1.1\r\nHost: h\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define HELLO GET UPGRADE KEY VERSION

enum { MESSAGE_MAX = 1000 };

static struct world w;
static struct peer a;
static struct ws_conn *conn; /* the server's side */
static struct buf told;      /* what it was told */
static struct ws reader;     /* of a */
static struct buf heard;     /* what a was sent */
static const char *protocol; /* chosen where it is offered */

/* ---- the server's side ------------------------------------------------ */

static void
on_text(void *ctx, struct str m)
{
	CHECK(ctx == &told);
	buf_addf(&told, "text:%.*s\n", STR_ARG(m));
	if (str_is(m, "pause"))
		ws_conn_pause(conn);
	else if (str_is(m, "close"))
		ws_conn_close(conn, WS_POLICY, "as you wish");
	else if (str_is(m, "wait"))
		ws_conn_wait(conn);
	else if (!str_is(m, "silence"))
		ws_conn_send(conn, m);
}

static void
on_pong(void *ctx)
{
	(void)ctx;
	buf_adds(&told, "pong\n");
}

static void
on_due(void *ctx)
{
	(void)ctx;
	buf_adds(&told, "due\n");
}

static void
on_close(void *ctx)
{
	(void)ctx;
	buf_adds(&told, "close\n");
	conn = NULL;
}

static const struct ws_conn_ops ops = {
	.on_text = on_text,
	.on_pong = on_pong,
	.on_due = on_due,
	.on_close = on_close,
};

static void
on_ws(struct http_request *req)
{
	struct ws_conn_options o = { .message_max = MESSAGE_MAX };

	if (!ws_conn_check(req))
		return;
	if (protocol != NULL && ws_conn_offers(req, protocol))
		o.protocol = protocol;
	conn = ws_conn_open(req, &o, &ops, &told);
	if (conn != NULL)
		ws_conn_resume(conn);
}

/* ---- the client's side ------------------------------------------------ */

/* Read what came as frames. */
static void
hear(void)
{
	enum ws_step step;

	do {
		struct err_info e = { 0 };
		struct str part;
		size_t used;

		step = ws_read(&reader, buf_str(&a.in), &used, &part, &e);
		websocket_say_step(&reader, step, part, &e, &heard);
		memmove(a.in.data, a.in.data + used, a.in.len - used);
		a.in.len -= used;
	} while (step != WS_MORE && step != WS_ERROR);
}

#define HEARS(text) \
	do { \
		WORLD_UNTIL(&w, \
		    (a.in.data != NULL ? hear() : (void)0, \
		        heard.len >= strlen(text) || a.eof)); \
		CHECK_STR(buf_str(&heard), text); \
	} while (0)

static void
say_op(enum ws_op op, struct str text)
{
	static const uint8_t mask[4] = { 1, 2, 3, 4 };
	struct buf b = { 0 };

	ws_put(&b, op, text, mask);
	peer_send(&a, buf_str(&b));
	buf_fini(&b);
}

static void
say(const char *text)
{
	say_op(WS_OP_TEXT, str_of(text));
}

static void
begin(const struct http_server_options *o)
{
	world_open(&w, o, NULL);
	w.on_ws = on_ws;
	buf_reset(&told);
	buf_reset(&heard);
	ws_init(&reader, WS_CLIENT, 1 << 20);
	peer_open(&a, &w);
}

static void
finish(void)
{
	if (!a.closed)
		peer_close(&a);
	ws_fini(&reader);
	WORLD_UNTIL(&w, conn == NULL);
	world_close(&w);
	buf_fini(&told);
	buf_fini(&heard);
	protocol = NULL;
}

static void
hello(void)
{
	peer_sendz(&a, HELLO "\r\n");
	CHECK_STR(peer_next(&a), "101 ");
}

/* ---- tests ------------------------------------------------------------ */

static void
opens_and_echoes(void)
{
	begin(NULL);
	hello();
	CHECK_STR(peer_field(&a, "upgrade"), "websocket");
	CHECK_STR(peer_field(&a, "connection"), "Upgrade");
	CHECK_STR(peer_field(&a, "sec-websocket-accept"),
	    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	CHECK(peer_field(&a, "sec-websocket-protocol").p == NULL);
	CHECK_STR(buf_str(&w.log), "GET /ws 101 0/0 \n");
	say("one");
	say("");
	HEARS("text:one\ntext:\n");
	say_op(WS_OP_PING, STR("p"));
	say_op(WS_OP_PONG, STR(""));
	HEARS("text:one\ntext:\npong:p\n");
	WORLD_UNTIL(&w, strstr(told.data, "pong\n") != NULL);
	finish();
}

static void
reads_what_came_with_the_handshake(void)
{
	struct buf b = { 0 };
	static const uint8_t mask[4] = { 9, 8, 7, 6 };

	begin(NULL);
	buf_adds(&b, HELLO "\r\n");
	ws_put(&b, WS_OP_TEXT, STR("early"), mask);
	peer_send(&a, buf_str(&b));
	CHECK_STR(peer_next(&a), "101 ");
	HEARS("text:early\n");
	buf_fini(&b);
	finish();
}

static void
chooses_a_protocol_that_is_offered(void)
{
	begin(NULL);
	protocol = "clowder.v1";
	peer_sendz(&a,
	    HELLO "Sec-WebSocket-Protocol: other\r\n"
	          "Sec-WebSocket-Protocol: x, clowder.v1\r\n\r\n");
	CHECK_STR(peer_next(&a), "101 ");
	CHECK_STR(peer_field(&a, "sec-websocket-protocol"), "clowder.v1");
	finish();
	begin(NULL);
	protocol = "clowder.v1";
	peer_sendz(&a, HELLO "Sec-WebSocket-Protocol: clowder.v11\r\n\r\n");
	CHECK_STR(peer_next(&a), "101 ");
	CHECK(peer_field(&a, "sec-websocket-protocol").p == NULL);
	finish();
}

static void
refuses_what_is_no_handshake(void)
{
	static const struct {
		const char *name, *request, *answer;
	} row[] = {
		{ "plain", GET "\r\n", "400" },
		{ "no key", GET UPGRADE VERSION "\r\n", "400" },
		{ "a short key",
		    GET UPGRADE VERSION "Sec-WebSocket-Key: x\r\n\r\n", "400" },
		{ "a key that is no base64",
		    GET UPGRADE VERSION
		    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ!==\r\n\r\n",
		    "400" },
		{ "two keys", HELLO KEY "\r\n", "400" },
		{ "no version", GET UPGRADE KEY "\r\n", "400" },
		{ "another version",
		    GET UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n", "426" },
		{ "another protocol",
		    GET KEY VERSION
		    "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
		    "400" },
		{ "no connection field",
		    GET KEY VERSION "Upgrade: websocket\r\n\r\n", "400" },
		{ "post",
		    "POST /ws HTTP/1.1\r\nHost: h\r\n" UPGRADE KEY VERSION
		    "\r\n",
		    "400" },
		{ "HTTP/1.0", "GET /ws HTTP/1.0\r\n" UPGRADE KEY VERSION "\r\n",
		    "400" },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct str said;

		t_note("%s", row[i].name);
		begin(NULL);
		peer_sendz(&a, row[i].request);
		said = peer_next(&a);
		CHECK_STR(str_n(said.p, 3), row[i].answer);
		if (strcmp(row[i].answer, "426") == 0)
			CHECK_STR(peer_field(&a, "sec-websocket-version"),
			    "13");
		CHECK(conn == NULL);
		finish();
	}
}

static void
what_is_paused_is_read_later_in_order(void)
{
	begin(NULL);
	hello();
	say("pause");
	WORLD_UNTIL(&w, told.len > 0);
	say("one");
	say("pause");
	say("two");
	world_pass(&w, 20);
	CHECK_STR(buf_str(&told), "text:pause\n");
	ws_conn_resume(conn);
	WORLD_UNTIL(&w, strstr(told.data, "one\ntext:pause\n") != NULL);
	CHECK_STR(buf_str(&told), "text:pause\ntext:one\ntext:pause\n");
	ws_conn_resume(conn);
	WORLD_UNTIL(&w, strstr(told.data, "two\n") != NULL);
	HEARS("text:one\ntext:two\n");
	finish();
}

/* All in one read: what stands behind a pause is kept. */
static void
a_pause_in_the_middle_of_a_read(void)
{
	static const uint8_t mask[4] = { 5, 6, 7, 8 };
	struct buf b = { 0 };

	begin(NULL);
	hello();
	for (int i = 0; i < 3; i++) {
		ws_put(&b, WS_OP_TEXT, STR("pause"), mask);
		ws_put(&b, WS_OP_TEXT, str_n(&"012"[i], 1), mask);
	}
	peer_send(&a, buf_str(&b));
	for (int i = 0; i < 3; i++) {
		WORLD_UNTIL(&w, told.len == (size_t)(11 * (i + 1) + 7 * i));
		ws_conn_resume(conn);
	}
	HEARS("text:0\ntext:1\ntext:2\n");
	buf_fini(&b);
	finish();
}

static void
breaches_end_with_their_code(void)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
		const char *heard;
	} row[] = {
		{ "not masked", "\x81\x01x", 3,
		    "close 1002 WebSocket: a frame that is not masked\n" },
		{ "no text", "\x81\x81\x00\x00\x00\x00\xff", 7,
		    "close 1007 WebSocket: text that is not UTF-8\n" },
		{ "too big", "\x81\xfe\x03\xe9", 4, "" },
		{ "binary", "\x82\x81\x00\x00\x00\x00\xff", 7,
		    "close 1003 messages are text\n" },
		{ "close", "\x88\x82\x00\x00\x00\x00\x0f\xa0", 8,
		    "close 4000 \n" },
		{ "an empty close", "\x88\x80\x00\x00\x00\x00", 6,
		    "close 1005 \n" },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].name);
		begin(NULL);
		hello();
		peer_send(&a, str_n(row[i].bytes, row[i].n));
		if (row[i].heard[0] == '\0') {
			peer_send(&a, STR("\x01\x02\x03\x04"));
			HEARS("close 1009 WebSocket: a message that is too "
			      "big\n");
		} else {
			HEARS(row[i].heard);
		}
		WORLD_UNTIL(&w, a.eof);
		finish();
		CHECK(conn == NULL);
	}
}

static void
the_server_closes_with_its_reason(void)
{
	begin(NULL);
	hello();
	say("close");
	say("never read");
	HEARS("close 1008 as you wish\n");
	WORLD_UNTIL(&w, a.eof);
	CHECK_STR(buf_str(&told), "text:close\n");
	finish();
}

static void
on_stopped(void *arg)
{
	*(bool *)arg = true;
}

static void
a_stop_says_so(void)
{
	bool stopped = false;

	begin(NULL);
	hello();
	say("one");
	HEARS("text:one\n");
	http_server_stop(w.server, 1000, on_stopped, &stopped);
	HEARS("text:one\nclose 1001 the server stops\n");
	WORLD_UNTIL(&w, a.eof);
	peer_close(&a);
	WORLD_UNTIL(&w, stopped);
	http_server_free(w.server);
	w.server = NULL;
	finish();
}

static void
the_wait_is_told(void)
{
	begin(&(struct http_server_options){ .ping_ms = 20 });
	hello();
	say("wait");
	WORLD_UNTIL(&w, strstr(told.data != NULL ? told.data : "", "due\n"));
	say("still here");
	HEARS("text:still here\n");
	finish();
}

/* More than the system holds for one who does not read. */
static void
get_stuck(const struct buf *text)
{
	peer_deaf(&a);
	ws_conn_send(conn, buf_str(text));
	for (int i = 0; i < 10; i++)
		(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	CHECK(ws_conn_unsent(conn) > 0);
}

static bool
is_due(void)
{
	return told.len > 0 && strstr(told.data, "due\n") != NULL;
}

static void
the_wait_is_told_while_output_is_stuck(void)
{
	struct buf text = { 0 };

	while (text.len < 16 << 20)
		buf_addc(&text, 'x');
	begin(&(struct http_server_options){ .ping_ms = 20 });
	hello();
	say("wait");
	WORLD_UNTIL(&w, told.len > 0);
	get_stuck(&text);
	WORLD_UNTIL(&w, is_due());
	CHECK(ws_conn_unsent(conn) > 0);
	/* One that begins meanwhile is as good. */
	buf_reset(&told);
	ws_conn_wait(conn);
	WORLD_UNTIL(&w, is_due());
	CHECK(ws_conn_unsent(conn) > 0);
	buf_fini(&text);
	finish();
}

/* Whoever is stuck and reads again, as often as it likes, is no later due. */
static void
the_wait_is_not_moved_by_output(void)
{
	enum { WAIT_MS = 400 };
	struct buf text = { 0 };
	uint64_t began;
	unsigned n = 0;

	while (text.len < 16 << 20)
		buf_addc(&text, 'x');
	begin(&(struct http_server_options){ .ping_ms = WAIT_MS });
	hello();
	say("wait");
	WORLD_UNTIL(&w, told.len > 0);
	began = uv_now(&w.loop);
	while (!is_due() && !t_failing()) {
		get_stuck(&text);
		peer_hear(&a);
		WORLD_UNTIL(&w, ws_conn_unsent(conn) == 0);
		buf_reset(&a.in);
		n++;
		CHECK(is_due() || uv_now(&w.loop) - began < 4 * WAIT_MS);
	}
	CHECK(n > 0);
	CHECK(uv_now(&w.loop) - began >= WAIT_MS - 1);
	buf_fini(&text);
	finish();
}

/* Pings without end from a peer that reads nothing do not pile up. */
static void
pongs_do_not_pile_up(void)
{
	static const char payload[WS_CONTROL_MAX] = "p";
	static const uint8_t mask[4] = { 1 };
	struct buf pings = { 0 };

	begin(NULL);
	hello();
	for (int i = 0; i < 1000; i++)
		ws_put(&pings, WS_OP_PING, str_n(payload, sizeof payload),
		    mask);
	peer_deaf(&a);
	/* More than the system keeps for the two of them. */
	for (int i = 0; i < 200; i++)
		peer_send(&a, buf_str(&pings));
	buf_fini(&pings);
	CHECK(ws_conn_unsent(conn) <= 8192);
	finish();
}

/* Whoever takes long to read what it was sent gets an answer to its last ping
 * behind it: else it thinks that nobody is there. */
static void
the_last_ping_is_answered(void)
{
	static const uint8_t mask[4] = { 1 };
	struct buf text = { 0 }, ping = { 0 };

	begin(NULL);
	hello();
	while (text.len < 8 << 20)
		buf_addc(&text, 'x');
	peer_deaf(&a);
	ws_conn_send(conn, buf_str(&text));
	ws_put(&ping, WS_OP_PING, STR("one"), mask);
	ws_put(&ping, WS_OP_PING, STR("two"), mask);
	ws_put(&ping, WS_OP_TEXT, STR("all pinged"), mask);
	peer_send(&a, buf_str(&ping));
	WORLD_UNTIL(&w, told.len > 0);
	CHECK(ws_conn_unsent(conn) > 8192);
	peer_hear(&a);
	WORLD_UNTIL(&w,
	    a.in.len >= 5 && memcmp(a.in.data + a.in.len - 3, "two", 3) == 0);
	/* The text, the echo of the other, and one pong. */
	CHECK_U(a.in.len, 10 + text.len + 12 + 5);
	buf_fini(&text);
	buf_fini(&ping);
	finish();
}

static void
a_peer_that_goes_is_told_once(void)
{
	begin(NULL);
	hello();
	say("silence");
	WORLD_UNTIL(&w, told.len > 0);
	peer_reset(&a);
	WORLD_UNTIL(&w, conn == NULL);
	CHECK_STR(buf_str(&told), "text:silence\nclose\n");
	finish();
}

int
main(void)
{
	T_RUN(opens_and_echoes);
	T_RUN(reads_what_came_with_the_handshake);
	T_RUN(chooses_a_protocol_that_is_offered);
	T_RUN(refuses_what_is_no_handshake);
	T_RUN(what_is_paused_is_read_later_in_order);
	T_RUN(a_pause_in_the_middle_of_a_read);
	T_RUN(breaches_end_with_their_code);
	T_RUN(the_server_closes_with_its_reason);
	T_RUN(a_stop_says_so);
	T_RUN(the_wait_is_told);
	T_RUN(the_wait_is_told_while_output_is_stuck);
	T_RUN(the_wait_is_not_moved_by_output);
	T_RUN(pongs_do_not_pile_up);
	T_RUN(the_last_ping_is_answered);
	T_RUN(a_peer_that_goes_is_told_once);
	return t_done();
}
