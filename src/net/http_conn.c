/* HTTP on one connection.
 *
 *	READING -> WAITING (the handler has the request) -> READING ...
 *	       `-> ENDING (the last answer is on its way)
 *	DETACHED: the connection belongs to somebody else, this record goes
 *
 * One request at a time: what comes behind it stays in `rest` while bytes are
 * being fed, in `pending` while the handler works, and the socket is not read
 * meanwhile.  The same while answers pile up that the peer does not read (who
 * pipelines requests for much and takes nothing costs one answer), and after
 * ROUND_MAX requests until the next turn of the loop.  A client whose connection
 * is gone stays until its handler has answered. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "http_int.h"
#include "json.h"

enum state { READING, WAITING, ENDING, DETACHED };

enum {
	ID_MAX = 32,
	UNSENT_MAX = 65536, /* bytes of answers; then pipelined requests wait */
	ROUND_MAX =
	    16, /* requests of one client; then the others have their turn */
	JOINED_MAX = 8192 /* bytes of a body that are copied behind its head */
};

struct client {
	struct http_request req;    /* first: http_request is its public part */
	struct http_server *server; /* borrow */
	struct conn *conn;          /* borrow; NULL: it is gone */
	struct http1 parser;
	struct buf body;
	struct buf pending; /* bytes behind the request, from pending_at on */
	size_t pending_at;
	struct client *prev, *next; /* server->unfinished */
	struct str rest;            /* borrow, while feeding */
	uint64_t start_ns;          /* when the request began */
	size_t held;                /* as counted in server->held */
	size_t body_waited; /* bytes of body when its deadline was started */
	enum state state;
	bool feeding, from_pending;
	bool piled;      /* reading waits for on_sent */
	bool started;    /* the request has a first byte */
	bool unfinished; /* in the server's list */
	bool whole;      /* its body is there */
	bool last;       /* close after the answer */
	char id[ID_MAX];
	char peer[SOCK_NAME_MAX];
};

static struct client *
client_of(struct http_request *req)
{
	return (struct client *)req;
}

/* ---- accounts --------------------------------------------------------- */

static void
account(struct client *c)
{
	size_t held = http1_held(&c->parser) + c->body.cap + c->pending.cap;

	c->server->held += held - c->held;
	c->held = held;
}

/* Bodies are refused first, so that small requests (health) still pass. */
static bool
over_budget(const struct client *c)
{
	const struct http_server *s = c->server;
	size_t more = c->body.cap > 0 ? 0 : s->o.held_max / 8;

	return s->held > s->o.held_max + more;
}

static void
unfinished_add(struct client *c)
{
	struct http_server *s = c->server;

	c->unfinished = true;
	c->next = NULL;
	c->prev = s->unfinished_last;
	if (c->prev != NULL)
		c->prev->next = c;
	else
		s->unfinished = c;
	s->unfinished_last = c;
}

static void
unfinished_remove(struct client *c)
{
	struct http_server *s = c->server;

	if (!c->unfinished)
		return;
	c->unfinished = false;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->unfinished = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		s->unfinished_last = c->prev;
}

static void
log_request(struct client *c, int status, uint64_t bytes_out, enum err error,
    const char *reason)
{
	const struct http_handler *h = &c->server->o.handler;
	struct http_log line = {
		.method = c->parser.head.method_text,
		.path = c->parser.head.path,
		.status = status,
		.bytes_in = c->parser.body_bytes,
		.bytes_out = bytes_out,
		.us = (uv_hrtime() - c->start_ns) / 1000,
		.id = c->id,
		.peer = c->peer,
		.error = error,
		.reason = reason,
	};

	if (h->on_log != NULL)
		h->on_log(h->ctx, &line);
}

/* ---- life of client and request --------------------------------------- */

static void
request_begin(struct client *c)
{
	struct http_server *s = c->server;

	/* Cannot be cut: 8 digits, a hyphen, at most 16 digits. */
	if (snprintf(c->id, sizeof c->id, "%s-%llx", s->id_prefix,
	        (unsigned long long)++s->next_id) < 0)
		c->id[0] = '\0';
	c->started = true;
	c->start_ns = uv_hrtime();
	unfinished_add(c);
	conn_wait(c->conn, CONN_WAIT_HEAD);
}

/* Ready for the next one. */
static void
request_end(struct client *c)
{
	unfinished_remove(c);
	arena_fini(&c->req.arena);
	buf_fini(&c->body);
	http1_next(&c->parser);
	c->req = (struct http_request){
		.head = &c->parser.head,
		.peer = c->peer,
		.peer_host = c->req.peer_host,
		.id = c->id,
		.tls = c->req.tls,
	};
	c->body_waited = 0;
	c->started = c->whole = false;
	account(c);
}

static void
client_free(struct client *c)
{
	struct http_server *s = c->server;

	unfinished_remove(c);
	arena_fini(&c->req.arena);
	http1_fini(&c->parser);
	buf_fini(&c->body);
	buf_fini(&c->pending);
	account(c);
	s->clients--;
	free(c);
	http_server_check_done(s);
}

/* ---- answers ---------------------------------------------------------- */

static const char *
date_now(struct http_server *s)
{
	int64_t now_s = os_wall_ms() / 1000;

	if (now_s != s->date_s || s->date[0] == '\0') {
		s->date_s = now_s;
		http1_date(now_s, s->date);
	}
	return s->date;
}

/* RFC 9110, 8.6: no Content-Length with these. */
static bool
is_bodiless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

static void
put_head(struct client *c, int status, const struct http1_field *field,
    size_t fields, size_t body_n, struct buf *out)
{
	struct http_server *s = c->server;

	http1_put_status(out, status);
	buf_addf(out, "Date: %s\r\n", date_now(s));
	if (s->o.name != NULL)
		(void)http1_put_field(out, STR("Server"), str_of(s->o.name));
	for (size_t i = 0; i < fields; i++)
		(void)http1_put_field(out, field[i].name, field[i].value);
	if (!is_bodiless(status))
		http1_put_length(out, body_n);
	if (c->last)
		buf_adds(out, "Connection: close\r\n");
	buf_addf(out, "X-Request-Id: %s\r\n", c->id);
	http1_put_end(out);
}

/* Queue head and body; body is left empty. */
static void
put_answer(struct client *c, int status, const struct http1_field *field,
    size_t fields, struct buf *body)
{
	bool silent = is_bodiless(status) ||
	    (c->parser.head.method == HTTP_HEAD && c->req.path.p != NULL);
	struct buf out = { 0 };

	put_head(c, status, field, fields, body->len, &out);
	if (!silent && !body->failed && body->len <= JOINED_MAX) {
		buf_addstr(&out, buf_str(body));
		silent = true;
	}
	if (!silent && !out.failed) {
		conn_send(c->conn, &out);
		conn_send(c->conn, body);
	} else {
		conn_send(c->conn, &out); /* where it failed: closes */
	}
	buf_fini(body);
}

static void feed_pending(struct client *c);

/* The answer is queued: close, or go on with the next request. */
static void
after_answer(struct client *c)
{
	/* What we did not read would make the kernel send a reset, which eats the
	 * answer: then the closing lingers. */
	bool unread = !c->whole || c->rest.n > 0 || c->pending.len > 0;

	request_end(c);
	if (c->last) {
		c->state = ENDING;
		conn_close(c->conn, unread);
		return;
	}
	c->state = READING;
	conn_wait(c->conn, CONN_WAIT_IDLE);
	if (!c->feeding)
		feed_pending(c);
}

/* The whole request was read, or there is nothing more of it. */
static bool
is_read(const struct client *c)
{
	const struct http1_head *h = &c->parser.head;

	return c->whole || (!h->chunked && h->length == 0);
}

void
http_respond(struct http_request *req, int status,
    const struct http1_field *field, size_t fields, struct buf *body)
{
	struct client *c = client_of(req);
	struct buf none = { 0 };

	if (body == NULL)
		body = &none;
	if (c->conn == NULL) {
		log_request(c, 0, 0, ERR_UNREACHABLE, "the client is gone");
		buf_fini(body);
		client_free(c);
		return;
	}
	c->whole = is_read(c);
	c->last = c->last || !c->whole || c->server->stopping ||
	    !c->parser.head.keep_alive;
	log_request(c, status, body->len, ERR_OK, "");
	put_answer(c, status, field, fields, body);
	after_answer(c);
}

void
http_last(struct http_request *req)
{
	client_of(req)->last = true;
}

void
http_respond_json(struct http_request *req, int status, struct buf *body)
{
	static const struct http1_field json = { { "Content-Type", 12 },
		{ "application/json", 16 } };

	http_respond(req, status, &json, 1, body);
}

/* docs/protocol.md: the body of every error. */
static void
put_error(struct buf *out, const char *code, const char *message)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "error"), json_put_z(&w, code);
	json_key(&w, "message"), json_put_z(&w, message);
	json_end(&w);
}

enum { ERROR_FIELDS = 2, NUMBER_MAX = 16 };

/* The fields of an error answer; returns how many. */
static size_t
error_fields(const struct client *c, int status,
    struct http1_field field[ERROR_FIELDS], char number[NUMBER_MAX])
{
	int n;

	field[0] = (struct http1_field){ STR("Content-Type"),
		STR("application/json") };
	if (status != 429 && status != 503)
		return 1;
	n = snprintf(number, NUMBER_MAX, "%u",
	    (unsigned)c->server->o.retry_after_s);
	if (n <= 0 || n >= NUMBER_MAX)
		return 1;
	field[1] = (struct http1_field){ STR("Retry-After"),
		str_n(number, (size_t)n) };
	return 2;
}

void
http_respond_error(struct http_request *req, enum err code, const char *message)
{
	struct http1_field field[ERROR_FIELDS];
	int status = err_http(code);
	char number[NUMBER_MAX];
	struct buf body = { 0 };
	size_t n = error_fields(client_of(req), status, field, number);

	put_error(&body, err_wire(code), message);
	http_respond(req, status, field, n, &body);
}

/* What the server itself finds wrong: answer and close. */
static void
refuse(struct client *c, int status, enum err code, const char *message)
{
	struct http1_field field[ERROR_FIELDS];
	char number[NUMBER_MAX];
	struct buf body = { 0 };
	size_t n = error_fields(c, status, field, number);

	put_error(&body, err_wire(code), message);
	c->last = true;
	c->whole = false;
	log_request(c, status, body.len, code, message);
	put_answer(c, status, field, n, &body);
	after_answer(c);
}

static void
give_way(struct client *c)
{
	c->server->turned_away++;
	refuse(c, err_http(ERR_UNAVAILABLE), ERR_UNAVAILABLE,
	    "others need the room, try again");
}

bool
http_conn_give_way(struct http_server *s)
{
	struct conn *head = conn_oldest(&s->host, CONN_WAIT_HEAD);
	struct client *c = s->unfinished;

	if (head != NULL &&
	    (c == NULL ||
	        conn_since_ms(head, CONN_WAIT_HEAD) < c->start_ns / 1000000))
		c = conn_user(head);
	if (c != NULL && c->started) {
		give_way(c);
	} else if (c != NULL) {
		/* There is nothing to answer. */
		s->turned_away++;
		conn_close(c->conn, false);
	}
	return c != NULL;
}

/* What is too much goes at the cost of whoever dawdles: a request that comes at
 * once is never the oldest while others hold memory for seconds. */
static bool
fits(struct client *c)
{
	while (over_budget(c)) {
		struct client *oldest = c->server->unfinished;

		if (oldest == NULL || oldest == c)
			return false;
		give_way(oldest);
	}
	return true;
}

/* ---- reading ---------------------------------------------------------- */

static bool
has_body(const struct http1_head *h)
{
	return h->chunked || h->length > 0;
}

static void
on_head(struct client *c)
{
	const struct http_handler *h = &c->server->o.handler;
	const struct http1_head *head = &c->parser.head;
	size_t body_max = c->server->o.body_max;
	struct err_info e = { 0 };
	enum err rc = ERR_OK;

	c->server->requests++;
	c->req.path = head->path;
	if (has_body(head))
		conn_wait(c->conn, CONN_WAIT_BODY);
	if (h->on_head != NULL)
		rc = h->on_head(h->ctx, &c->req, &body_max, &e);
	if (c->state != READING || !c->started)
		return; /* on_head has answered or taken the connection */
	if (rc != ERR_OK) {
		http_respond_error(&c->req, rc, e.text);
		return;
	}
	c->parser.body_max = body_max;
	/* RFC 9110, 10.1.1: not where the body is coming already, nor where its
	 * length is refused in a moment. */
	if (head->expect_continue && has_body(head) && c->rest.n == 0 &&
	    head->length <= body_max)
		conn_send_str(c->conn, STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void
on_body(struct client *c, struct str part)
{
	buf_addstr(&c->body, part);
	account(c);
	if (c->body.failed)
		refuse(c, err_http(ERR_NOMEM), ERR_NOMEM, err_text(ERR_NOMEM));
	else if (!fits(c))
		refuse(c, err_http(ERR_UNAVAILABLE), ERR_UNAVAILABLE,
		    "too much is under way, try again");
	else if (c->body.len - c->body_waited >= HTTP_PROGRESS) {
		c->body_waited = c->body.len;
		conn_wait(c->conn, CONN_WAIT_BODY);
	}
}

static void
on_whole(struct client *c)
{
	const struct http_handler *h = &c->server->o.handler;

	c->whole = true;
	unfinished_remove(c);
	c->req.body = buf_str(&c->body);
	c->state = WAITING;
	conn_wait(c->conn, CONN_WAIT_NONE);
	h->on_request(h->ctx, &c->req);
}

/* One step of the parser; false: it needs more bytes. */
static bool
read_step(struct client *c)
{
	struct err_info e = { 0 };
	struct str part = { 0 };
	enum http1_step step;
	size_t used;

	if (!c->started && c->rest.n > 0)
		request_begin(c);
	step = http1_read(&c->parser, c->rest, &used, &part, &e);
	c->rest = str_n(c->rest.p + used, c->rest.n - used);
	switch (step) {
	case HTTP1_MORE:
		return false;
	case HTTP1_HEAD:
		on_head(c);
		break;
	case HTTP1_BODY:
		on_body(c, part);
		break;
	case HTTP1_DONE:
		on_whole(c);
		break;
	case HTTP1_ERROR:
		refuse(c, err_http(e.code), e.code, e.text);
		break;
	}
	return true;
}

/* Keep what stands behind the request for when it is answered. */
static void
keep_rest(struct client *c)
{
	if (c->rest.n == 0) {
		buf_fini(&c->pending);
		c->pending_at = 0;
	} else if (c->from_pending) {
		c->pending_at = c->pending.len - c->rest.n;
	} else {
		buf_addstr(&c->pending, c->rest);
		if (c->pending.failed)
			conn_abort(c->conn, CONN_NOMEM);
	}
	c->rest = (struct str){ 0 };
}

static void
feed(struct client *c, struct str in)
{
	uint64_t until = c->server->requests + ROUND_MAX;
	bool more = true;

	c->rest = in;
	c->feeding = true;
	while (more && c->state == READING &&
	    conn_unsent(c->conn) <= UNSENT_MAX && c->server->requests < until)
		more = read_step(c);
	c->feeding = false;
	if (c->state == DETACHED) {
		client_free(c);
		return;
	}
	c->piled = more && c->state == READING;
	if (c->piled || c->state == WAITING)
		conn_pause(c->conn);
	keep_rest(c);
	account(c);
	if (c->state == READING && c->started && !fits(c))
		refuse(c, err_http(ERR_UNAVAILABLE), ERR_UNAVAILABLE,
		    "too much is under way, try again");
}

static struct str
pending(const struct client *c)
{
	if (c->pending.len == 0)
		return (struct str){ 0 };
	return str_n(c->pending.data + c->pending_at,
	    c->pending.len - c->pending_at);
}

static void
feed_pending(struct client *c)
{
	struct str in = pending(c);

	conn_resume(c->conn); /* feed pauses again where it must */
	if (in.n == 0)
		return;
	c->from_pending = true;
	feed(c, in);
}

/* ---- what the connection calls ---------------------------------------- */

static void
on_data(void *ctx, struct str in)
{
	struct client *c = ctx;

	c->from_pending = false;
	if (c->state == READING) {
		feed(c, in);
		return;
	}
	c->rest = in; /* not asked for, as the connection was paused */
	keep_rest(c);
}

static void
on_sent(void *ctx)
{
	struct client *c = ctx;

	if (!c->piled)
		return;
	c->piled = false;
	feed_pending(c);
}

static void
on_eof(void *ctx)
{
	struct client *c = ctx;

	/* The peer may have closed its side only: it still gets its answer. */
	c->last = true;
	if (c->state == READING)
		conn_close(c->conn, false);
}

static void
on_deadline(void *ctx)
{
	struct client *c = ctx;

	if (c->state == READING && http1_begun(&c->parser))
		refuse(c, 408, ERR_TIMEOUT, "the request did not come in time");
	else
		conn_close(c->conn, false);
}

static void
on_stop(void *ctx)
{
	struct client *c = ctx;

	/* Requests under way are finished, and close by http_respond. */
	if (c->state == READING && !c->started)
		conn_close(c->conn, false);
}

static const char *
why_text(enum conn_end why)
{
	switch (why) {
	case CONN_CLOSED:
	case CONN_EOF:
		return "the client closed before its request was whole";
	case CONN_RESET:
		return "the connection was reset";
	case CONN_EXPIRED:
		return "timed out";
	case CONN_STOPPED:
		return "the server stopped";
	case CONN_NOMEM:
		return "out of memory";
	}
	return "";
}

static void
on_close(void *ctx, enum conn_end why)
{
	struct client *c = ctx;

	c->conn = NULL;
	unfinished_remove(c);
	buf_fini(&c->pending);
	account(c);
	if (c->state == WAITING)
		return; /* http_respond ends it */
	if (c->started && http1_begun(&c->parser))
		log_request(c, 0, 0, ERR_UNREACHABLE, why_text(why));
	client_free(c);
}

static const struct conn_ops http_ops = {
	.on_data = on_data,
	.on_sent = on_sent,
	.on_eof = on_eof,
	.on_deadline = on_deadline,
	.on_stop = on_stop,
	.on_close = on_close,
};

void
http_conn_new(struct http_server *s, int fd,
    const struct sockaddr_storage *peer, struct tls *tls)
{
	struct client *c = mem_zero(sizeof *c);
	struct err_info e = { 0 };

	if (c == NULL) {
		close(fd);
		return;
	}
	/* Without memory for the connection the peer sees it closed. */
	if (conn_new(&s->host, fd, peer, tls, &http_ops, c, &c->conn, &e) !=
	    ERR_OK) {
		free(c);
		s->turned_away++;
		return;
	}
	s->clients++;
	c->server = s;
	memcpy(c->peer, conn_peer(c->conn), sizeof c->peer);
	http1_init(&c->parser, HTTP1_REQUEST, s->o.body_max);
	c->req.tls = tls != NULL;
	c->req.peer_host = str_n(c->peer, conn_host_name_len(c->conn));
	request_end(c);
	conn_wait(c->conn, CONN_WAIT_HEAD);
}

/* ---- for handlers ----------------------------------------------------- */

struct conn *
http_detach(struct http_request *req, int status, const struct conn_ops *ops,
    void *ctx, struct buf *rest)
{
	struct client *c = client_of(req);
	struct conn *conn = c->conn;

	if (conn == NULL) {
		log_request(c, 0, 0, ERR_UNREACHABLE, "the client is gone");
		client_free(c);
		return NULL;
	}
	log_request(c, status, 0, ERR_OK, "");
	buf_addstr(rest, c->feeding ? c->rest : pending(c));
	c->state = DETACHED;
	conn_use(conn, ops, ctx);
	conn_wait(conn, CONN_WAIT_NONE);
	conn_resume(conn);
	if (!c->feeding)
		client_free(c); /* else feed does */
	return conn;
}

bool
http_query(struct http_request *req, const char *name, struct str *ret)
{
	return http1_form_get(req->head->query, name, &req->arena, ret);
}

struct str
http_header(const struct http_request *req, const char *name)
{
	return http1_field_get(req->head, name);
}

struct str
http_bearer(const struct http_request *req)
{
	static const struct str scheme = STR_INIT("Bearer ");
	struct str field = http_header(req, "Authorization");

	if (field.n <= scheme.n ||
	    !str_eq_nocase(str_n(field.p, scheme.n), scheme))
		return STR("");
	return str_trim(str_n(field.p + scheme.n, field.n - scheme.n));
}
