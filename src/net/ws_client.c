/* open: curl connects (CURLOPT_CONNECT_ONLY) -> our request -> the head of the
 * answer -> frames.  curl's socket does not block: each wait is a poll of it. */
#include "ws_client.h"

#include <poll.h>
#include <stdlib.h>

#include "clock.h"
#include "curl_peer.h"
#include "fault.h"
#include "http1.h"
#include "sock.h"

enum {
	CONNECT_MS = 10000,
	ABORT_LOOK_MS = 500, /* how often abort is looked at while waiting */
	READ_BYTES = 16 * 1024,
	/* Where so much is unsent only the last ping is answered, when that is
	 * sent (RFC 6455, 5.5.3). */
	PONGS_UNSENT_MAX = 4096
};

struct ws_client {
	struct curl_peer peer;
	struct str host; /* own; for messages */
	int fd;
	struct ws ws;
	struct buf out; /* to be sent, from out_at on */
	size_t out_at;
	struct buf in; /* came and was not read, from in_at on */
	size_t in_at;
	char pong[WS_CONTROL_MAX]; /* waits to be answered */
	size_t pong_n;
	bool pong_due;
	bool ended; /* the server sends nothing more */
};

/* ---- bytes ------------------------------------------------------------ */

static enum err put(struct ws_client *c, enum ws_op op, struct str payload,
    struct err_info *e);

static enum err
flush(struct ws_client *c, struct err_info *e)
{
	const struct curl_lib *lib = c->peer.lib;

	while (c->out_at < c->out.len) {
		size_t n = 0;
		CURLcode code = fault_tick() ?
		    CURLE_SEND_ERROR :
		    lib->curl_easy_send_(c->peer.curl, c->out.data + c->out_at,
		        c->out.len - c->out_at, &n);

		if (code == CURLE_AGAIN)
			return ERR_OK;
		if (code != CURLE_OK)
			return curl_peer_failed(&c->peer, code, c->host, e);
		c->out_at += n;
	}
	buf_reset(&c->out);
	c->out_at = 0;
	return ERR_OK;
}

enum err
ws_client_flush(struct ws_client *c, struct err_info *e)
{
	enum err rc = flush(c, e);

	if (rc != ERR_OK || !c->pong_due || ws_client_unsent(c) > 0)
		return rc;
	c->pong_due = false;
	return put(c, WS_OP_PONG, str_n(c->pong, c->pong_n), e);
}

size_t
ws_client_unsent(const struct ws_client *c)
{
	return c->out.len - c->out_at;
}

/* *got 0: nothing now, or never again (ended). */
static enum err
receive(struct ws_client *c, size_t *got, struct err_info *e)
{
	CURLcode code = CURLE_RECV_ERROR;

	*got = 0;
	if (c->in_at == c->in.len) {
		buf_reset(&c->in);
		c->in_at = 0;
	}
	if (!buf_reserve(&c->in, READ_BYTES))
		return err_set(e, ERR_NOMEM);
	if (!fault_tick())
		code = c->peer.lib->curl_easy_recv_(c->peer.curl,
		    c->in.data + c->in.len, READ_BYTES, got);
	if (code == CURLE_AGAIN)
		return ERR_OK;
	if (code != CURLE_OK)
		return curl_peer_failed(&c->peer, code, c->host, e);
	c->ended = *got == 0;
	c->in.len += *got;
	return ERR_OK;
}

/* ---- the handshake ---------------------------------------------------- */

struct opening {
	struct ws_client *c;
	const struct ws_client_options *o;
	uint64_t until_ms;
	char key[WS_KEY_CHARS + 1];
};

static enum err
wait_for(struct opening *op, short what, struct err_info *e)
{
	struct pollfd p = { op->c->fd, what, 0 };
	uint64_t now;

	while ((now = os_mono_ms()) < op->until_ms) {
		uint64_t left = op->until_ms - now;
		int n;

		if (op->o->abort != NULL && atomic_load(op->o->abort))
			return err_set(e, ERR_INTERRUPTED);
		n = poll(&p, 1,
		    left < ABORT_LOOK_MS ? (int)left : ABORT_LOOK_MS);
		if (n > 0)
			return ERR_OK;
	}
	return err_setf(e, ERR_TIMEOUT, "no answer from %.*s in time",
	    STR_ARG(op->c->host));
}

static int
on_progress(void *ctx, curl_off_t to_get, curl_off_t got, curl_off_t to_send,
    curl_off_t sent)
{
	const struct opening *op = ctx;

	(void)to_get;
	(void)got;
	(void)to_send;
	(void)sent;
	return op->o->abort != NULL && atomic_load(op->o->abort);
}

static enum err
connect_it(struct opening *op, struct err_info *e)
{
	struct ws_client *c = op->c;
	const struct curl_lib *lib = c->peer.lib;
	uint32_t ms = (uint32_t)(op->until_ms - os_mono_ms());
	curl_socket_t fd = CURL_SOCKET_BAD;
	CURL *h = c->peer.curl;
	bool bad = false;
	CURLcode code;

	SET(URL, op->o->url);
	SET(CONNECT_ONLY, 1L);
	SET(HTTPPROXYTUNNEL, 1L);
	SET(USERAGENT, "clowder/" CLOWDER_VERSION); /* a proxy sees it */
	SET(TIMEOUT_MS, (long)ms);
	SET(XFERINFOFUNCTION, on_progress);
	SET(XFERINFODATA, op);
	SET(NOPROGRESS, 0L);
	bad |= curl_peer_options(&c->peer, op->o->ca_file, ms);
	if (bad)
		return err_setf(e, ERR_NOMEM, "libcurl refused an option");
	code =
	    fault_tick() ? CURLE_COULDNT_CONNECT : lib->curl_easy_perform_(h);
	if (code == CURLE_OK)
		code = lib->curl_easy_getinfo_(h, CURLINFO_ACTIVESOCKET, &fd);
	if (code != CURLE_OK)
		return curl_peer_failed(&c->peer, code, c->host, e);
	if (fd == CURL_SOCKET_BAD)
		return err_setf(e, ERR_UNREACHABLE,
		    "%.*s: the connection was lost", STR_ARG(c->host));
	c->fd = fd;
	return ERR_OK;
}

/* The path of a URL, with its query. */
static struct str
target_of(const char *url)
{
	struct str all = str_of(url), rest;
	size_t at = str_find(all, ':');

	rest = str_n(all.p + at + 3, all.n - at - 3);
	at = str_find(rest, '/');
	return at == SIZE_MAX ? STR("/") : str_n(rest.p + at, rest.n - at);
}

static enum err
put_request(struct opening *op, struct err_info *e)
{
	struct ws_client *c = op->c;
	struct buf *out = &c->out;
	uint8_t dice[16];
	bool ok = true;

	if (os_random(dice, sizeof dice, e) != ERR_OK)
		return e->code;
	ws_key(dice, op->key);
	buf_adds(out, "GET ");
	buf_addstr(out, target_of(op->o->url));
	buf_adds(out, " HTTP/1.1\r\n");
	ok &= http1_put_field(out, STR("Host"), c->host);
	ok &= http1_put_field(out, STR("User-Agent"),
	    STR("clowder/" CLOWDER_VERSION));
	ok &= http1_put_field(out, STR("Upgrade"), STR("websocket"));
	ok &= http1_put_field(out, STR("Connection"), STR("Upgrade"));
	ok &= http1_put_field(out, STR("Sec-WebSocket-Key"), str_of(op->key));
	ok &= http1_put_field(out, STR("Sec-WebSocket-Version"), STR("13"));
	if (op->o->protocol != NULL)
		ok &= http1_put_field(out, STR("Sec-WebSocket-Protocol"),
		    str_of(op->o->protocol));
	if (op->o->bearer.n > 0) {
		buf_adds(out, "Authorization: Bearer ");
		for (size_t i = 0; i < op->o->bearer.n; i++)
			ok &= op->o->bearer.p[i] > ' ' &&
			    op->o->bearer.p[i] < 0x7f;
		buf_addstr(out, op->o->bearer);
		buf_adds(out, "\r\n");
	}
	buf_adds(out, "\r\n");
	if (!ok)
		return err_setf(e, ERR_USAGE,
		    "the token has a character in it that cannot be sent");
	return buf_ok(out, e);
}

static enum err
send_request(struct opening *op, struct err_info *e)
{
	enum err rc = put_request(op, e);

	while (rc == ERR_OK) {
		rc = ws_client_flush(op->c, e);
		if (rc != ERR_OK || ws_client_unsent(op->c) == 0)
			break;
		rc = wait_for(op, POLLOUT, e);
	}
	/* It may have held a secret. */
	if (op->c->out.data != NULL)
		memset(op->c->out.data, 0, op->c->out.cap);
	return rc;
}

static enum err
judge(struct opening *op, const struct http1_head *h,
    struct ws_client_refusal *refusal, struct err_info *e)
{
	char want[WS_ACCEPT_CHARS + 1];
	struct str got;

	*refusal = (struct ws_client_refusal){ .status = (unsigned)h->status,
		.retry_after_s = http1_retry_after(h, os_wall_ms() / 1000) };
	if (h->status != 101)
		return err_setf(e, ERR_REFUSED, "%.*s: no WebSocket: HTTP %d",
		    STR_ARG(op->c->host), h->status);
	if (ws_accept(str_of(op->key), want, e) != ERR_OK)
		return e->code;
	got = http1_field_get(h, "sec-websocket-protocol");
	if (!str_is(http1_field_get(h, "sec-websocket-accept"), want) ||
	    !h->upgrade ||
	    !http1_has_token(http1_field_get(h, "upgrade"), "websocket") ||
	    (op->o->protocol == NULL ? got.n > 0 :
	                               !str_is(got, op->o->protocol)) ||
	    http1_field_get(h, "sec-websocket-extensions").n > 0)
		return err_setf(e, ERR_PROTOCOL,
		    "%.*s: the answer to a WebSocket handshake is wrong",
		    STR_ARG(op->c->host));
	return ERR_OK;
}

/* What came, to the parser; *done: the head is whole. */
static enum err
feed(struct opening *op, struct http1 *p, bool *done, struct err_info *e)
{
	struct ws_client *c = op->c;
	struct str part;
	size_t used = 0;
	enum http1_step step =
	    http1_read(p, str_n(c->in.data + c->in_at, c->in.len - c->in_at),
	        &used, &part, e);

	c->in_at += used;
	*done = step == HTTP1_HEAD;
	if (step == HTTP1_ERROR)
		return err_setf(e, ERR_PROTOCOL, "%.*s: the answer is not HTTP",
		    STR_ARG(c->host));
	return ERR_OK;
}

static enum err
read_answer(struct opening *op, struct ws_client_refusal *refusal,
    struct err_info *e)
{
	struct http1 p;
	bool done = false;
	enum err rc = ERR_OK;

	http1_init(&p, HTTP1_RESPONSE, 0);
	while (rc == ERR_OK && !done) {
		size_t got = 0;

		rc = receive(op->c, &got, e);
		if (rc == ERR_OK && got > 0)
			rc = feed(op, &p, &done, e);
		else if (rc == ERR_OK && op->c->ended)
			rc = err_setf(e, ERR_UNREACHABLE,
			    "%.*s: the connection was closed without an answer",
			    STR_ARG(op->c->host));
		else if (rc == ERR_OK)
			rc = wait_for(op, POLLIN, e);
	}
	if (rc == ERR_OK)
		rc = judge(op, &p.head, refusal, e);
	http1_fini(&p);
	return rc;
}

enum err
ws_client_open(struct ws_client **ret, const struct ws_client_options *o,
    struct ws_client_refusal *refusal, struct err_info *e)
{
	struct opening op = { .o = o,
		.until_ms = os_mono_ms() +
		    (o->connect_ms ? o->connect_ms : CONNECT_MS) };
	struct str host;
	enum err rc = curl_url_check(o->url, &host, e);

	*refusal = (struct ws_client_refusal){ .retry_after_s = -1 };
	if (rc != ERR_OK)
		return rc;
	sock_ignore_sigpipe();
	op.c = mem_zero(sizeof *op.c);
	if (op.c == NULL)
		return err_set(e, ERR_NOMEM);
	op.c->fd = -1;
	ws_init(&op.c->ws, WS_CLIENT, o->message_max);
	op.c->host.p = mem_dup(host.p, host.n);
	op.c->host.n = op.c->host.p ? host.n : 0;
	rc = op.c->host.p ? curl_peer_ready(&op.c->peer, e) :
	                    err_set(e, ERR_NOMEM);
	if (rc == ERR_OK)
		rc = connect_it(&op, e);
	if (rc == ERR_OK)
		rc = send_request(&op, e);
	if (rc == ERR_OK)
		rc = read_answer(&op, refusal, e);
	if (rc != ERR_OK) {
		op.c->ended = true;
		ws_client_close(op.c);
		return rc;
	}
	*ret = op.c;
	return ERR_OK;
}

void
ws_client_close(struct ws_client *c)
{
	struct err_info e = { 0 };
	uint8_t mask[4];

	if (c == NULL)
		return;
	if (!c->ended && os_random(mask, sizeof mask, &e) == ERR_OK) {
		ws_put_close(&c->out, WS_GOING_AWAY, STR(""), mask);
		if (buf_ok(&c->out, &e) == ERR_OK)
			(void)ws_client_flush(c, &e); /* or not */
	}
	curl_peer_fini(&c->peer);
	ws_fini(&c->ws);
	buf_fini(&c->out);
	buf_fini(&c->in);
	free((void *)(uintptr_t)c->host.p);
	free(c);
}

/* ---- messages --------------------------------------------------------- */

int
ws_client_fd(const struct ws_client *c)
{
	return c->fd;
}

static enum err
put(struct ws_client *c, enum ws_op op, struct str payload, struct err_info *e)
{
	uint8_t mask[4];

	if (os_random(mask, sizeof mask, e) != ERR_OK)
		return e->code;
	ws_put(&c->out, op, payload, mask);
	if (buf_ok(&c->out, e) != ERR_OK)
		return e->code;
	return flush(c, e);
}

static enum err
pong(struct ws_client *c, struct str payload, struct err_info *e)
{
	if (ws_client_unsent(c) < PONGS_UNSENT_MAX)
		return put(c, WS_OP_PONG, payload, e);
	memcpy(c->pong, payload.p, payload.n);
	c->pong_n = payload.n;
	c->pong_due = true;
	return ERR_OK;
}

enum err
ws_client_send(struct ws_client *c, struct str text, struct err_info *e)
{
	return put(c, WS_OP_TEXT, text, e);
}

/* It is over: why, in the peer's words where it has some. */
static enum ws_step
over(struct ws_client *c, enum ws_step step, struct str reason,
    struct err_info *e)
{
	uint8_t mask[4];
	struct err_info in = { 0 };

	if (step == WS_CLOSE)
		(void)err_setf(e, ERR_UNREACHABLE,
		    "%.*s closes the connection (%d)%s%.*s", STR_ARG(c->host),
		    (int)c->ws.code, reason.n > 0 ? ": " : "", STR_ARG(reason));
	if (!c->ended && os_random(mask, sizeof mask, &in) == ERR_OK) {
		ws_put_close(&c->out, c->ws.code, STR(""), mask);
		if (buf_ok(&c->out, &in) == ERR_OK)
			(void)ws_client_flush(c, &in);
	}
	c->ended = true;
	return step;
}

enum ws_step
ws_client_read(struct ws_client *c, struct str *part, struct err_info *e)
{
	for (;;) {
		struct str in = { 0 };
		size_t used = 0, got = 0;
		enum ws_step step;

		if (c->in_at < c->in.len)
			in = str_n(c->in.data + c->in_at, c->in.len - c->in_at);
		step = ws_read(&c->ws, in, &used, part, e);
		c->in_at += used;
		if (step == WS_CLOSE || step == WS_ERROR)
			return over(c, step, *part, e);
		if (step == WS_PING && pong(c, *part, e) != ERR_OK)
			return WS_ERROR;
		if (step != WS_MORE)
			return step;
		if (receive(c, &got, e) != ERR_OK)
			return WS_ERROR;
		if (got > 0)
			continue;
		if (!c->ended)
			return WS_MORE;
		(void)err_setf(e, ERR_UNREACHABLE,
		    "%.*s: the connection was lost", STR_ARG(c->host));
		return WS_ERROR;
	}
}
