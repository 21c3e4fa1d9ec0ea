#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"

enum { GUARD_MS = 20000 };

/* ---- the handler ------------------------------------------------------ */

static void
raw_data(void *ctx, struct str in)
{
	struct world *w = ctx;

	conn_send_str(w->raw, in);
	if (str_ends(in, STR("bye")))
		conn_close(w->raw, false);
}

static void
raw_stop(void *ctx)
{
	struct world *w = ctx;

	w->raw_stop = true;
	conn_send_str(w->raw, STR("stopping"));
	conn_close(w->raw, false);
}

static void
raw_close(void *ctx, enum conn_end why)
{
	struct world *w = ctx;

	w->raw_closed = true;
	w->raw_end = why;
}

static const struct conn_ops raw_ops = {
	.on_data = raw_data,
	.on_stop = raw_stop,
	.on_close = raw_close,
};

static void
respond_copy(struct http_request *req, int status, struct str body)
{
	struct buf b = { 0 };

	buf_addstr(&b, body);
	http_respond(req, status, NULL, 0, &b);
}

static void
do_echo(struct world *w, struct http_request *req)
{
	(void)w;
	respond_copy(req, 200, req->body);
}

static void
do_big(struct world *w, struct http_request *req)
{
	struct buf b = { 0 };
	struct str n;
	uint64_t v;

	(void)w;
	if (!http_query(req, "n", &n) || !str_u64(n, &v) ||
	    !buf_reserve(&b, v)) {
		buf_fini(&b);
		http_respond_error(req, ERR_BAD_REQUEST, "n");
		return;
	}
	memset(b.data, 'x', v);
	b.len = v;
	http_respond(req, 200, NULL, 0, &b);
}

static void
do_later(struct world *w, struct http_request *req)
{
	if (w->n_later == WORLD_LATER_MAX)
		abort();
	w->later[w->n_later++] = req;
}

static void
do_last(struct world *w, struct http_request *req)
{
	(void)w;
	http_last(req);
	respond_copy(req, 200, STR("last"));
}

static void
do_fields(struct world *w, struct http_request *req)
{
	const struct http1_field field[] = {
		{ STR("X-A"), STR("1") },
		{ STR("X-Evil"), STR("1\r\nX-Injected: 2") },
		{ STR("X-B"), http_header(req, "x-b") },
	};

	(void)w;
	http_respond(req, 200, field, 3, NULL);
}

static void
do_none(struct world *w, struct http_request *req)
{
	(void)w;
	http_respond(req, 204, NULL, 0, NULL);
}

static void
do_raw(struct world *w, struct http_request *req)
{
	struct buf rest = { 0 };

	w->raw = http_detach(req, 101, &raw_ops, w, &rest);
	if (w->raw != NULL) {
		conn_send_str(w->raw,
		    STR("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
		conn_send(w->raw, &rest);
	}
	buf_fini(&rest);
}

static void
do_ws(struct world *w, struct http_request *req)
{
	w->on_ws(req);
}

static const struct {
	const char *path;
	void (*fn)(struct world *w, struct http_request *req);
} routes[] = {
	{ "/echo", do_echo },
	{ "/small", do_echo },
	{ "/big", do_big },
	{ "/later", do_later },
	{ "/last", do_last },
	{ "/fields", do_fields },
	{ "/none", do_none },
	{ "/raw", do_raw },
	{ "/ws", do_ws },
};

static enum err
on_head(void *ctx, struct http_request *req, size_t *body_max,
    struct err_info *e)
{
	(void)ctx;
	if (str_is(req->path, "/deny"))
		return err_set(e, ERR_UNAUTHORIZED);
	if (str_is(req->path, "/early"))
		respond_copy(req, 200, STR("early"));
	else if (str_is(req->path, "/small"))
		*body_max = 4;
	return ERR_OK;
}

static void
on_request(void *ctx, struct http_request *req)
{
	struct world *w = ctx;

	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
		if (str_is(req->path, routes[i].path)) {
			routes[i].fn(w, req);
			return;
		}
	http_respond_error(req, ERR_NOT_FOUND, "no such route");
}

static void
on_log(void *ctx, const struct http_log *l)
{
	struct world *w = ctx;

	buf_addf(&w->log, "%.*s %.*s %d %llu/%llu %s\n", STR_ARG(l->method),
	    STR_ARG(l->path), l->status, (unsigned long long)l->bytes_in,
	    (unsigned long long)l->bytes_out, l->reason);
}

/* ---- the world -------------------------------------------------------- */

static void
on_guard(uv_timer_t *t)
{
	struct world *w = t->data;

	w->late = true;
}

enum err
world_try_open(struct world *w, const struct http_server_options *o,
    struct tls *tls, struct err_info *e)
{
	struct http_server_options mine = { 0 };
	enum err rc;

	*w = (struct world){ 0 };
	if (uv_loop_init(&w->loop) != 0 ||
	    uv_timer_init(&w->loop, &w->guard) != 0)
		abort();
	w->guard.data = w;
	(void)uv_timer_start(&w->guard, on_guard, GUARD_MS, 0);
	if (o != NULL)
		mine = *o;
	mine.handler = (struct http_handler){ w, on_head, on_request, on_log };
	rc = http_server_new(&w->server, &w->loop, &mine, e);
	if (rc == ERR_OK)
		rc = http_server_listen(w->server, "127.0.0.1", &w->port, tls,
		    e);
	return rc;
}

void
world_open(struct world *w, const struct http_server_options *o,
    struct tls *tls)
{
	struct err_info e = { 0 };

	if (!CHECK_OK(world_try_open(w, o, tls, &e), &e))
		exit(1);
}

static void
on_stopped(void *arg)
{
	struct world *w = arg;

	w->stopped = true;
}

void
world_close(struct world *w)
{
	while (world_answer(w, "too late"))
		;
	if (w->server != NULL) {
		http_server_stop(w->server, 0, on_stopped, w);
		WORLD_UNTIL(w, w->stopped);
		if (!w->stopped)
			exit(1); /* the loop still uses the server */
		CHECK_U(world_stats(w).held, 0);
		CHECK_U(world_stats(w).connections, 0);
		http_server_free(w->server);
	}
	uv_close((uv_handle_t *)&w->guard, NULL);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	CHECK_I(uv_loop_close(&w->loop), 0);
	buf_fini(&w->log);
}

void
world_turn(struct world *w)
{
	(void)uv_run(&w->loop, UV_RUN_ONCE);
}

static void
on_timer_closed(uv_handle_t *t)
{
	bool *closed = t->data;

	*closed = true;
}

static void
on_passed(uv_timer_t *t)
{
	bool *passed = t->data;

	*passed = true;
}

void
world_pass(struct world *w, unsigned ms)
{
	bool passed = false;
	uv_timer_t timer;

	if (uv_timer_init(&w->loop, &timer) != 0)
		abort();
	timer.data = &passed;
	(void)uv_timer_start(&timer, on_passed, ms, 0);
	while (!passed)
		world_turn(w);
	passed = false;
	uv_close((uv_handle_t *)&timer, on_timer_closed);
	while (!passed)
		world_turn(w);
}

bool
world_answer(struct world *w, const char *text)
{
	struct http_request *req;

	if (w->n_later == 0)
		return false;
	req = w->later[0];
	memmove(w->later, w->later + 1, --w->n_later * sizeof req);
	respond_copy(req, 200, str_of(text));
	return true;
}

struct http_server_stats
world_stats(struct world *w)
{
	struct http_server_stats st;

	http_server_stats(w->server, &st);
	return st;
}

/* ---- peers ------------------------------------------------------------ */

/* Take what there is into p->in. */
static void
peer_pump(struct peer *p)
{
	char piece[65536];
	ssize_t n;

	while (!p->eof && !p->reset) {
		if (p->ssl != NULL) {
			int r = SSL_read(p->ssl, piece, sizeof piece);
			int why = SSL_get_error(p->ssl, r);

			n = r;
			if (r <= 0 && why == SSL_ERROR_ZERO_RETURN)
				n = 0;
			else if (r <= 0) {
				n = -1;
				errno = why == SSL_ERROR_WANT_READ ? EAGAIN :
				                                     ECONNRESET;
			}
		} else {
			n = recv(p->fd, piece, sizeof piece, 0);
		}
		if (n < 0 && errno == EAGAIN)
			return;
		p->eof = n == 0;
		p->reset = n < 0;
		if (n > 0)
			buf_add(&p->in, piece, (size_t)n);
	}
	(void)uv_poll_stop(p->poll);
}

static void
on_readable(uv_poll_t *h, int status, int events)
{
	(void)status, (void)events;
	peer_pump(h->data);
}

static void
on_poll_closed(uv_handle_t *h)
{
	free(h);
}

void
peer_open(struct peer *p, struct world *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*p = (struct peer){
		.w = w, .fd = fd, .poll = calloc(1, sizeof *p->poll)
	};
	/* The kernel accepts for the server: no turn of the loop is needed. */
	if (p->poll == NULL || fd < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0 ||
	    uv_poll_init(&w->loop, p->poll, fd) != 0 ||
	    uv_poll_start(p->poll, UV_READABLE, on_readable) != 0) {
		perror("peer_open");
		abort();
	}
	p->poll->data = p;
	http1_init(&p->parser, HTTP1_RESPONSE, UINT64_MAX);
}

void
peer_open_tls(struct peer *p, struct world *w, SSL_CTX *ctx)
{
	int r, why;

	peer_open(p, w);
	(void)uv_poll_stop(p->poll);
	p->ssl = SSL_new(ctx);
	if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1)
		abort();
	while ((r = SSL_connect(p->ssl)) != 1 && !w->late) {
		why = SSL_get_error(p->ssl, r);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
			p->reset = true;
			return;
		}
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	(void)uv_poll_start(p->poll, UV_READABLE, on_readable);
}

void
peer_close(struct peer *p)
{
	p->closed = true;
	uv_close((uv_handle_t *)p->poll, on_poll_closed);
	SSL_free(p->ssl);
	close(p->fd);
	buf_fini(&p->in);
	buf_fini(&p->body);
	http1_fini(&p->parser);
}

void
peer_reset(struct peer *p)
{
	struct linger now = { .l_onoff = 1 };

	(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	peer_close(p);
}

void
peer_deaf(struct peer *p)
{
	(void)uv_poll_stop(p->poll);
}

void
peer_hear(struct peer *p)
{
	(void)uv_poll_start(p->poll, UV_READABLE, on_readable);
}

void
peer_send(struct peer *p, struct str s)
{
	while (s.n > 0 && !p->w->late && !p->reset) {
		ssize_t n = p->ssl != NULL ?
		    SSL_write(p->ssl, s.p, (int)s.n) :
		    send(p->fd, s.p, s.n, MSG_NOSIGNAL);

		if (n > 0)
			s = str_n(s.p + n, s.n - (size_t)n);
		else if (p->ssl == NULL && errno != EAGAIN) {
			p->broken = true;
			return;
		}
		(void)uv_run(&p->w->loop, UV_RUN_NOWAIT);
	}
}

void
peer_sendz(struct peer *p, const char *z)
{
	peer_send(p, str_of(z));
}

/* One step of the parser over what came; false: more is needed. */
static bool
peer_step(struct peer *p, enum http1_step *step)
{
	struct err_info e = { 0 };
	struct str part = { 0 };
	size_t used;

	*step = http1_read(&p->parser, buf_str(&p->in), &used, &part, &e);
	if (*step == HTTP1_BODY)
		buf_addstr(&p->body, part);
	if (used > 0) {
		memmove(p->in.data, p->in.data + used, p->in.len - used);
		p->in.len -= used;
	}
	if (*step == HTTP1_MORE && p->eof)
		*step = http1_eof(&p->parser, &e);
	return *step != HTTP1_MORE;
}

struct str
peer_next(struct peer *p)
{
	enum http1_step step = HTTP1_MORE;
	int n;

	http1_next(&p->parser);
	buf_reset(&p->body);
	while (step != HTTP1_DONE && step != HTTP1_ERROR) {
		if (peer_step(p, &step))
			continue;
		if (p->reset)
			return STR("reset");
		if (p->eof)
			return http1_begun(&p->parser) ? STR("cut") :
			                                 STR("closed");
		if (p->w->late)
			return STR("no answer in time");
		if (p->in.failed || p->body.failed)
			return STR("out of memory");
		world_turn(p->w);
	}
	if (step == HTTP1_ERROR)
		return STR("cut");
	n = snprintf(p->said, sizeof p->said, "%d %.*s", p->parser.head.status,
	    (int)(p->body.len < 200 ? p->body.len : 200),
	    p->body.data ? p->body.data : "");
	return str_n(p->said, n > 0 ? (size_t)n : 0);
}

struct str
peer_field(struct peer *p, const char *name)
{
	return http1_field_get(&p->parser.head, name);
}
