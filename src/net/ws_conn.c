/* What comes is read frame by frame; while the user pauses it stays in `rest`.
 * Closing is one way: our close frame goes, the connection lingers until the
 * peer has read it. */
#include "ws_conn.h"

#include <stdlib.h>

#include "fault.h"

/* Where so much is unsent only the last ping is answered, when that is sent (RFC
 * 6455, 5.5.3). */
enum { PONGS_UNSENT_MAX = 4096 };

struct ws_conn {
	struct conn *conn;             /* borrow */
	const struct ws_conn_ops *ops; /* borrow */
	void *ctx;                     /* borrow */
	struct ws ws;
	struct ws_budget *budget; /* borrow; may be NULL */
	size_t counted;           /* in it */
	struct buf rest;          /* came and was not read, from rest_at on */
	size_t rest_at;
	bool paused, feeding;
	bool closing;    /* our close frame is sent */
	struct buf pong; /* a frame that waits; empty: none */
};

/* ---- handshake -------------------------------------------------------- */

static bool
is_upgrade(const struct http_request *req)
{
	const struct http1_head *h = req->head;

	return h->method == HTTP_GET && h->minor >= 1 && h->upgrade &&
	    http1_has_token(http_header(req, "Upgrade"), "websocket") &&
	    http1_field_count(h, "Sec-WebSocket-Key") == 1 &&
	    ws_key_ok(http_header(req, "Sec-WebSocket-Key"));
}

bool
ws_conn_check(struct http_request *req)
{
	/* RFC 6455, 4.2.2: the version that is understood. */
	static const struct http1_field field[] = {
		{ STR_INIT("Sec-WebSocket-Version"), STR_INIT("13") },
		{ STR_INIT("Upgrade"), STR_INIT("websocket") },
	};
	struct str version = http_header(req, "Sec-WebSocket-Version");

	if (is_upgrade(req) && str_is(version, "13"))
		return true;
	if (version.p != NULL && !str_is(version, "13"))
		http_respond(req, 426, field, 2, NULL);
	else
		http_respond_error(req, ERR_BAD_REQUEST,
		    "this route is for WebSocket: a GET with Upgrade, "
		    "Connection, Sec-WebSocket-Key and Sec-WebSocket-Version");
	return false;
}

bool
ws_conn_offers(const struct http_request *req, const char *protocol)
{
	const struct http1_head *h = req->head;

	for (size_t i = 0; i < h->fields; i++)
		if (str_eq_nocase(h->field[i].name,
		        STR("Sec-WebSocket-Protocol")) &&
		    http1_has_token(h->field[i].value, protocol))
			return true;
	return false;
}

static void
put_answer(const char *accept, const char *protocol, struct buf *out)
{
	http1_put_status(out, 101);
	buf_adds(out, "Upgrade: websocket\r\nConnection: Upgrade\r\n");
	buf_addf(out, "Sec-WebSocket-Accept: %s\r\n", accept);
	if (protocol != NULL)
		buf_addf(out, "Sec-WebSocket-Protocol: %s\r\n", protocol);
	http1_put_end(out);
}

/* ---- reading ---------------------------------------------------------- */

static void
send_frame(struct ws_conn *c, enum ws_op op, struct str payload)
{
	struct buf b = { 0 };

	ws_put(&b, op, payload, NULL);
	conn_send(c->conn, &b); /* where it failed: closes */
}

static void
end(struct ws_conn *c, enum ws_code code, struct str reason)
{
	struct buf b = { 0 };

	if (c->closing)
		return;
	c->closing = true;
	ws_put_close(&b, code, reason, NULL);
	conn_send(c->conn, &b);
	conn_close(c->conn, true);
}

static void
take(struct ws_conn *c, enum ws_step step, struct str part,
    const struct err_info *e)
{
	switch (step) {
	case WS_MORE:
		break;
	case WS_TEXT:
		c->ops->on_text(c->ctx, part);
		break;
	case WS_BINARY:
		end(c, WS_UNSUPPORTED, STR("messages are text"));
		break;
	case WS_PING:
		buf_reset(&c->pong);
		ws_put(&c->pong, WS_OP_PONG, part, NULL);
		if (conn_unsent(c->conn) <= PONGS_UNSENT_MAX)
			conn_send(c->conn, &c->pong);
		break;
	case WS_PONG:
		if (c->ops->on_pong != NULL)
			c->ops->on_pong(c->ctx);
		break;
	case WS_CLOSE:
		/* RFC 6455, 5.5.1: the code is said back. */
		end(c, c->ws.code, STR(""));
		break;
	case WS_ERROR:
		end(c, c->ws.code, str_of(e->text));
		break;
	}
}

/* What it holds of a message that is not whole. */
static void
account(struct ws_conn *c)
{
	size_t held = ws_held(&c->ws), n;

	if (c->budget == NULL)
		return;
	n = held > WS_CONN_FREE && !c->closing ? held - WS_CONN_FREE : 0;
	c->budget->held += n - c->counted;
	c->counted = n;
	if (n > 0 && c->budget->held > c->budget->most)
		end(c, WS_TRY_LATER, STR("too much is under way"));
}

/* Read until it needs more, or is paused or closed; returns what is left. */
static struct str
feed(struct ws_conn *c, struct str in)
{
	enum ws_step step;

	c->feeding = true;
	do {
		struct err_info e = { 0 };
		struct str part;
		size_t used;

		step = ws_read(&c->ws, in, &used, &part, &e);
		in = str_n(in.p + used, in.n - used);
		take(c, step, part, &e);
	} while (step != WS_MORE && !c->paused && !c->closing);
	c->feeding = false;
	account(c);
	return in;
}

static void
keep(struct ws_conn *c, struct str in)
{
	buf_addstr(&c->rest, in);
	if (c->rest.failed)
		conn_abort(c->conn, CONN_NOMEM);
}

static void
on_data(void *ctx, struct str in)
{
	struct ws_conn *c = ctx;

	if (c->closing)
		return;
	if (!c->paused)
		in = feed(c, in);
	if (c->closing)
		return;
	/* Also what was not asked for, as the connection was paused. */
	if (in.n > 0)
		keep(c, in);
}

static void
on_sent(void *ctx)
{
	struct ws_conn *c = ctx;

	if (c->pong.len > 0 && !c->closing)
		conn_send(c->conn, &c->pong);
	if (c->ops->on_sent != NULL && !c->closing)
		c->ops->on_sent(c->ctx);
}

static void
on_deadline(void *ctx)
{
	struct ws_conn *c = ctx;

	c->ops->on_due(c->ctx);
}

static void
on_stop(void *ctx)
{
	end(ctx, WS_GOING_AWAY, STR("the server stops"));
}

static void
ws_conn_free(struct ws_conn *c)
{
	ws_fini(&c->ws);
	buf_fini(&c->rest);
	buf_fini(&c->pong);
	free(c);
}

static void
on_close(void *ctx, enum conn_end why)
{
	struct ws_conn *c = ctx;

	(void)why;
	c->ops->on_close(c->ctx);
	ws_fini(&c->ws);
	c->ws.message = (struct buf){ 0 };
	account(c);
	ws_conn_free(c);
}

static const struct conn_ops ops_of_ws = {
	.on_data = on_data,
	.on_sent = on_sent,
	.on_deadline = on_deadline,
	.on_stop = on_stop,
	.on_close = on_close,
};

/* ---- for users -------------------------------------------------------- */

struct ws_conn *
ws_conn_open(struct http_request *req, const struct ws_conn_options *o,
    const struct ws_conn_ops *ops, void *ctx)
{
	struct ws_conn *c = mem_zero(sizeof *c);
	char accept[WS_ACCEPT_CHARS + 1];
	struct err_info e = { 0 };
	struct buf answer = { 0 };
	enum err rc = c == NULL ?
	    err_set(&e, ERR_NOMEM) :
	    ws_accept(http_header(req, "Sec-WebSocket-Key"), accept, &e);

	if (rc != ERR_OK) {
		http_respond_error(req, rc, e.text);
		free(c);
		return NULL;
	}
	c->ops = ops;
	c->ctx = ctx;
	c->paused = true;
	c->budget = o->budget;
	ws_init(&c->ws, WS_SERVER, o->message_max);
	put_answer(accept, o->protocol, &answer);
	c->conn = http_detach(req, 101, &ops_of_ws, c, &c->rest);
	if (c->conn == NULL) {
		buf_fini(&answer);
		ws_conn_free(c);
		return NULL;
	}
	conn_pause(c->conn);
	conn_send(c->conn, &answer);
	if (c->rest.failed)
		conn_abort(c->conn, CONN_NOMEM);
	return c;
}

void
ws_conn_send(struct ws_conn *c, struct str text)
{
	if (!c->closing)
		send_frame(c, WS_OP_TEXT, text);
}

void
ws_conn_send_frames(struct ws_conn *c, struct buf *b)
{
	if (!c->closing)
		conn_send(c->conn, b);
	buf_fini(b);
}

size_t
ws_conn_unsent(const struct ws_conn *c)
{
	return conn_unsent(c->conn);
}

void
ws_conn_pause(struct ws_conn *c)
{
	c->paused = true;
	conn_pause(c->conn);
}

void
ws_conn_resume(struct ws_conn *c)
{
	struct str in, left;

	c->paused = false;
	conn_resume(c->conn);
	if (c->feeding || c->closing)
		return; /* feed goes on by itself */
	in = str_n(c->rest.data + c->rest_at, c->rest.len - c->rest_at);
	left = in.n > 0 ? feed(c, in) : in;
	if (left.n == 0 || c->closing) {
		buf_fini(&c->rest);
		c->rest_at = 0;
	} else {
		c->rest_at = c->rest.len - left.n;
	}
}

void
ws_conn_message_max(struct ws_conn *c, size_t bytes)
{
	c->ws.message_max = bytes;
}

size_t
ws_conn_partial(const struct ws_conn *c)
{
	return c->ws.given ? 0 : c->ws.message.len;
}

void
ws_conn_wait(struct ws_conn *c)
{
	conn_wait(c->conn, CONN_WAIT_PING);
}

void
ws_conn_close(struct ws_conn *c, enum ws_code code, const char *reason)
{
	end(c, code, str_of(reason));
}
