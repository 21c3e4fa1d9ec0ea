/* The WebSocket client against a server in a thread, one connection each: what it
 * answers, and what it sends after that, is a row of a table. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "curl_lib.h"
#include "fault.h"
#include "http1.h"
#include "sock.h"
#include "t.h"
#include "websocket_say.h"
#include "ws_client.h"

#define ACCEPT "\x01" /* stands for the right Sec-WebSocket-Accept */
#define UPGRADE \
	"HTTP/1.1 101 Switching\r\nUpgrade: WebSocket\r\n" \
	"Connection: keep-alive, Upgrade\r\n"
#define OPEN \
	UPGRADE "Sec-WebSocket-Accept: " ACCEPT \
	        "\r\nSec-WebSocket-Protocol: clowder.v1\r\n\r\n"

/* --- the server ------------------------------------------------------------------- */

enum mode {
	GOES, /* as soon as that is sent; the others stay until the client goes */
	ECHOES, /* each message */
	HEARS,
	MUTE /* does not answer at all */
};

static struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	struct str answer, after; /* what it sends */
	enum mode mode;
	struct buf head; /* what it got */
	struct buf said; /* messages and the end, as websocket_say.h */
} server;

static void
send_all(int fd, struct str s)
{
	while (s.n > 0) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		s = str_n(s.p + n, s.n - (size_t)n);
	}
}

static bool
recv_some(int fd, struct buf *in)
{
	ssize_t n;

	if (!buf_reserve(in, 65536))
		abort();
	n = recv(fd, in->data + in->len, 65536, 0);
	if (n > 0)
		in->len += (size_t)n;
	return n > 0;
}

static void
send_answer(int fd)
{
	struct buf out = { 0 };
	struct err_info e = { 0 };
	char accept[WS_ACCEPT_CHARS + 1];
	struct http1 p;
	struct str part;
	size_t used;

	http1_init(&p, HTTP1_REQUEST, 0);
	CHECK_I(http1_read(&p, buf_str(&server.head), &used, &part, &e),
	    HTTP1_HEAD);
	CHECK_OK(ws_accept(http1_field_get(&p.head, "sec-websocket-key"),
	             accept, &e),
	    &e);
	for (size_t i = 0; i < server.answer.n; i++)
		if (server.answer.p[i] == ACCEPT[0])
			buf_adds(&out, accept);
		else
			buf_addc(&out, server.answer.p[i]);
	buf_addstr(&out, server.after);
	send_all(fd, buf_str(&out));
	buf_fini(&out);
	http1_fini(&p);
}

static void
echo(int fd, struct ws *ws, struct buf *in)
{
	struct buf out = { 0 };
	struct err_info e = { 0 };
	enum ws_step step = WS_MORE;
	struct str rest = buf_str(in), part;
	size_t used;

	do {
		step = ws_read(ws, rest, &used, &part, &e);
		rest = str_n(rest.p + used, rest.n - used);
		websocket_say_step(ws, step, part, &e, &server.said);
		if (step == WS_TEXT && server.mode == ECHOES)
			ws_put(&out, WS_OP_TEXT, part, NULL);
	} while (step != WS_MORE && step != WS_CLOSE && step != WS_ERROR);
	buf_reset(in);
	send_all(fd, buf_str(&out));
	buf_fini(&out);
}

static void *
serve(void *arg)
{
	struct buf in = { 0 };
	struct ws ws;
	int fd;

	(void)arg;
	fd = accept(server.fd, NULL, NULL);
	while (str_find(buf_str(&server.head), '\n') == SIZE_MAX ||
	    !str_ends(buf_str(&server.head), STR("\r\n\r\n")))
		if (!recv_some(fd, &server.head))
			break;
	ws_init(&ws, WS_SERVER, 1 << 20);
	if (server.mode != MUTE && server.head.len > 0)
		send_answer(fd);
	if (server.mode != GOES)
		while (recv_some(fd, &in))
			echo(fd, &ws, &in);
	ws_fini(&ws);
	buf_fini(&in);
	(void)close(fd);
	return NULL;
}

static void
server_start(struct str answer, struct str after, enum mode mode)
{
	struct err_info e = { 0 };

	server =
	    (struct server){ .answer = answer, .after = after, .mode = mode };
	CHECK_OK(sock_listen("127.0.0.1", &server.port, &server.fd, &e), &e);
	/* accept() shall wait. */
	(void)fcntl(server.fd, F_SETFL, 0);
	if (pthread_create(&server.thread, NULL, serve, NULL) != 0)
		abort();
}

/* Its thread has ended. */
static void
server_join(void)
{
	(void)shutdown(server.fd, SHUT_RDWR);
	(void)pthread_join(server.thread, NULL);
	(void)close(server.fd);
}

static void
server_free(void)
{
	buf_fini(&server.head);
	buf_fini(&server.said);
}

/* --- the client --------------------------------------------------------------------- */

static enum err
open_it(struct ws_client **ret, struct ws_client_refusal *refusal,
    struct err_info *e)
{
	char url[64];
	struct ws_client_options o = { .url = url,
		.protocol = "clowder.v1",
		.bearer = STR("secret-token"),
		.message_max = 1000,
		.connect_ms = 5000 };

	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/ws/v1/?x=1",
	    server.port);
	*ret = NULL;
	return ws_client_open(ret, &o, refusal, e);
}

/* The next step that is not "nothing now", written down. */
static enum ws_step
next(struct ws_client *c, struct buf *said)
{
	static const char *const names[] = { [WS_TEXT] = "text",
		[WS_BINARY] = "binary",
		[WS_PING] = "ping",
		[WS_PONG] = "pong",
		[WS_CLOSE] = "close",
		[WS_ERROR] = "error" };
	struct pollfd p = { ws_client_fd(c), POLLIN, 0 };
	struct err_info e = { 0 };
	struct str part = { 0 };
	enum ws_step step;

	while ((step = ws_client_read(c, &part, &e)) == WS_MORE) {
		p.events = POLLIN | (ws_client_unsent(c) > 0 ? POLLOUT : 0);
		if (poll(&p, 1, 20000) <= 0)
			abort();
		if (p.revents & POLLOUT)
			CHECK_OK(ws_client_flush(c, &e), &e);
	}
	buf_addf(said, "%s:%.*s\n", names[step],
	    STR_ARG(step == WS_CLOSE || step == WS_ERROR ? str_of(e.text) :
	                                                   part));
	return step;
}

static const struct row {
	const char *name, *answer, *after;
	enum err rc;
	unsigned status;
	int64_t retry_after_s;
	const char *said; /* holds it */
} rows[] = {
	{ "open", OPEN, "\x81\x02hi\x82\x01z\x89\x01p\x88\x02\x03\xe9", ERR_OK,
	    101, -1,
	    "text:hi\nbinary:z\nping:p\nclose:127.0.0.1:PORT closes the "
	    "connection (1001)" },
	{ "says why", OPEN, "\x88\x05\x03\xf0why", ERR_OK, 101, -1,
	    "(1008): why" },
	{ "ends without a word", OPEN, "\x81\x02hi", ERR_OK, 101, -1,
	    "text:hi\nerror:127.0.0.1:PORT: the connection was lost" },
	{ "ends in a message", OPEN, "\x81\x05hi", ERR_OK, 101, -1,
	    "error:127.0.0.1:PORT: the connection was lost" },
	{ "a masked frame", OPEN, "\x81\x82mask00", ERR_OK, 101, -1, "error:" },
	{ "a message that is too big", OPEN, "\x81\x7e\x03\xe9", ERR_OK, 101,
	    -1, "error:" },
	{ "no text", OPEN, "\x81\x01\xff", ERR_OK, 101, -1, "error:" },
	{ "refused", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "",
	    ERR_REFUSED, 401, -1, "no WebSocket: HTTP 401" },
	{ "busy",
	    "HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: "
	    "3\r\n\r\nxxx",
	    "", ERR_REFUSED, 503, 9, "HTTP 503" },
	{ "busy until",
	    "HTTP/1.1 503 Busy\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	    "Retry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\n"
	    "Content-Length: 0\r\n\r\n",
	    "", ERR_REFUSED, 503, 10, "HTTP 503" },
	{ "no upgrade", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "",
	    ERR_REFUSED, 200, -1, "HTTP 200" },
	{ "a key that is not ours",
	    UPGRADE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	            "Sec-WebSocket-Protocol: clowder.v1\r\n\r\n",
	    "", ERR_PROTOCOL, 101, -1, "handshake is wrong" },
	{ "no key", UPGRADE "Sec-WebSocket-Protocol: clowder.v1\r\n\r\n", "",
	    ERR_PROTOCOL, 101, -1, "handshake is wrong" },
	{ "no subprotocol", UPGRADE "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n",
	    "", ERR_PROTOCOL, 101, -1, "handshake is wrong" },
	{ "an extension that nobody asked for",
	    UPGRADE "Sec-WebSocket-Accept: " ACCEPT
	            "\r\nSec-WebSocket-Protocol: clowder.v1\r\n"
	            "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
	    "", ERR_PROTOCOL, 101, -1, "handshake is wrong" },
	{ "another protocol",
	    "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: " ACCEPT
	    "\r\nSec-WebSocket-Protocol: clowder.v1\r\n\r\n",
	    "", ERR_PROTOCOL, 101, -1, "handshake is wrong" },
	{ "not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "", ERR_PROTOCOL, 0, -1,
	    "the answer is not HTTP" },
	{ "nothing", "", "", ERR_UNREACHABLE, 0, -1,
	    "closed without an answer" },
	{ "half a head", "HTTP/1.1 101 Swi", "", ERR_UNREACHABLE, 0, -1,
	    "closed without an answer" },
};

/* The port, which is another each time, as PORT. */
static void
without_port(struct buf *said)
{
	struct buf out = { 0 };
	char port[8];
	struct str rest = buf_str(said);
	size_t n = (size_t)snprintf(port, sizeof port, "%u", server.port);

	while (rest.n > 0) {
		if (str_starts(rest, str_n(port, n))) {
			buf_adds(&out, "PORT");
			rest = str_n(rest.p + n, rest.n - n);
			continue;
		}
		buf_addc(&out, rest.p[0]);
		rest = str_n(rest.p + 1, rest.n - 1);
	}
	buf_fini(said);
	*said = out;
}

static void
holds(const struct buf *said, const char *what)
{
	CHECK(strstr(said->data != NULL ? said->data : "", what) != NULL);
	if (t_failing())
		printf("# said: %s\n", said->data ? said->data : "");
}

static void
servers(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct ws_client_refusal refusal;
		struct ws_client *c = NULL;
		struct buf said = { 0 };
		struct err_info e = { 0 };
		enum ws_step step = WS_MORE;

		t_note("%s", row->name);
		server_start(str_of(row->answer), str_of(row->after), GOES);
		CHECK_ERR(open_it(&c, &refusal, &e), row->rc);
		CHECK_U(refusal.status, row->status);
		CHECK_I(refusal.retry_after_s, row->retry_after_s);
		while (c != NULL && step != WS_CLOSE && step != WS_ERROR)
			step = next(c, &said);
		if (c == NULL)
			buf_adds(&said, e.text);
		without_port(&said);
		holds(&said, row->said);
		CHECK(strstr(said.data, "secret") == NULL);
		ws_client_close(c);
		server_join();
		server_free();
		buf_fini(&said);
	}
	t_note(" ");
}

static void
talks(void)
{
	struct ws_client_refusal refusal;
	struct ws_client *c = NULL;
	struct buf said = { 0 };
	struct err_info e = { 0 };

	server_start(STR(OPEN), STR("\x89\x02hi"), ECHOES);
	CHECK_OK(open_it(&c, &refusal, &e), &e);
	CHECK_OK(ws_client_send(c, STR("one"), &e), &e);
	CHECK_OK(ws_client_send(c, STR("two"), &e), &e);
	while (said.len == 0 || !str_ends(buf_str(&said), STR("text:two\n")))
		if (next(c, &said) == WS_ERROR)
			break;
	CHECK_STR(buf_str(&said), "ping:hi\ntext:one\ntext:two\n");
	ws_client_close(c);
	server_join();
	holds(&server.said, "text:one\n");
	holds(&server.said, "pong:hi\n");
	holds(&server.said, "close 1001 \n");
	holds(&server.head, "GET /ws/v1/?x=1 HTTP/1.1\r\n");
	holds(&server.head, "Authorization: Bearer secret-token\r\n");
	holds(&server.head, "Sec-WebSocket-Protocol: clowder.v1\r\n");
	server_free();
	buf_fini(&said);
}

/* More than a socket takes at once: nothing is lost, and nobody waits in send. */
static void
much_is_sent(void)
{
	enum { N = 64, SIZE = 200000 };
	struct ws_client_refusal refusal;
	struct ws_client *c = NULL;
	struct buf text = { 0 };
	struct err_info e = { 0 };

	server_start(STR(OPEN), STR(""), HEARS);
	CHECK_OK(open_it(&c, &refusal, &e), &e);
	while (text.len < SIZE)
		buf_addc(&text, (char)('a' + text.len % 26));
	for (unsigned i = 0; i < N; i++)
		CHECK_OK(ws_client_send(c, buf_str(&text), &e), &e);
	while (ws_client_unsent(c) > 0) {
		struct pollfd p = { ws_client_fd(c), POLLOUT, 0 };

		if (poll(&p, 1, 20000) <= 0)
			abort();
		CHECK_OK(ws_client_flush(c, &e), &e);
	}
	ws_client_close(c);
	server_join();
	CHECK_U(server.said.len,
	    N * (SIZE + sizeof "text:\n" - 1) + sizeof "close 1001 \n" - 1);
	server_free();
	buf_fini(&text);
}

static void
nobody_answers(void)
{
	struct ws_client_refusal refusal;
	struct ws_client_options o = { .url = "http://127.0.0.1:1/",
		.message_max = 1000 };
	struct ws_client *c = NULL;
	struct err_info e = { 0 };
	atomic_bool stop = true;
	char url[64];

	CHECK_ERR(ws_client_open(&c, &o, &refusal, &e), ERR_UNREACHABLE);
	o.url = "ftp://127.0.0.1/";
	CHECK_ERR(ws_client_open(&c, &o, &refusal, &e), ERR_USAGE);
	server_start(STR(""), STR(""), MUTE);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server.port);
	o.url = url;
	o.abort = &stop;
	CHECK_ERR(ws_client_open(&c, &o, &refusal, &e), ERR_INTERRUPTED);
	server_join();
	server_free();
	server_start(STR(""), STR(""), MUTE);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server.port);
	o.abort = NULL;
	o.connect_ms = 50;
	CHECK_ERR(ws_client_open(&c, &o, &refusal, &e), ERR_TIMEOUT);
	server_join();
	server_free();
	o.bearer = STR("two\r\nX-Lines: 1");
	server_start(STR(""), STR(""), GOES);
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server.port);
	o.connect_ms = 0;
	CHECK_ERR(ws_client_open(&c, &o, &refusal, &e), ERR_USAGE);
	server_join();
	server_free();
}

/* Each point where memory or the wire may fail: an error, and nothing is left. */
static void
everything_may_fail(void)
{
	bool hit = true;
	int at = 0;

	for (; hit && at < 200; at++) {
		struct ws_client_refusal refusal;
		struct ws_client *c = NULL;
		struct buf said = { 0 };
		struct err_info e = { 0 };
		struct fault_group faults;
		enum ws_step step = WS_MORE;

		t_note("point %d", at);
		server_start(STR(OPEN), STR("\x81\x02hi\x89\x01p\x88\x00"),
		    HEARS);
		fault_group_arm(&faults, at);
		fault_join(&faults);
		if (open_it(&c, &refusal, &e) == ERR_OK &&
		    ws_client_send(c, STR("x"), &e) == ERR_OK)
			while (step != WS_CLOSE && step != WS_ERROR)
				step = next(c, &said);
		fault_join(NULL);
		hit = fault_group_hit(&faults);
		CHECK(hit || step == WS_CLOSE);
		ws_client_close(c);
		server_join();
		server_free();
		buf_fini(&said);
	}
	t_note(" ");
	CHECK(at > 8 && !hit);
}

int
main(void)
{
	T_RUN(servers);
	T_RUN(talks);
	T_RUN(much_is_sent);
	T_RUN(nobody_answers);
	T_RUN(everything_may_fail);
	return t_done();
}
