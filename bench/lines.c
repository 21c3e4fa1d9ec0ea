#include "lines.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "lab.h"

enum {
	OPEN_S = 120,
	READ_MAX = 65536,
	EVENTS_MAX = 512,
	PER_SESSION = 16,
	WINDOW_MAX = 1024
};

static char scratch[READ_MAX];

static enum err
lost(struct err_info *e, const char *what)
{
	return err_setf(e, ERR_IO, "a live connection: %s", what);
}

/* ---- bytes ------------------------------------------------------------ */

/* > 0; 0: nothing now; < 0: it has ended. */
static ssize_t
receive(struct line *c)
{
	ssize_t n;

	if (c->ssl == NULL) {
		n = recv(c->fd, scratch, sizeof scratch, 0);
		return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
	}
	n = SSL_read(c->ssl, scratch, (int)sizeof scratch);
	return n > 0                                             ? n :
	    SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_READ ? 0 :
	                                                           -1;
}

/* Little is said, so the socket takes it at once. */
static enum err
put(struct line *c, struct str s, struct err_info *e)
{
	ssize_t n = c->ssl == NULL ? send(c->fd, s.p, s.n, MSG_NOSIGNAL) :
	                             SSL_write(c->ssl, s.p, (int)s.n);

	return n == (ssize_t)s.n ? ERR_OK : lost(e, "it takes nothing");
}

static enum err
say(struct line *c, struct str text, struct err_info *e)
{
	static const uint8_t mask[4] = { 1, 2, 3, 4 };
	struct buf b = { 0 };
	enum err rc;

	ws_put(&b, WS_OP_TEXT, text, mask);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = put(c, buf_str(&b), e);
	buf_fini(&b);
	return rc;
}

enum err
lines_say(struct lines *l, size_t i, struct str text, struct err_info *e)
{
	return say(&l->line[i], text, e);
}

/* ---- opening ---------------------------------------------------------- */

static enum err
begin(struct lines *l, struct line *c, struct err_info *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(l->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0 ||
	    (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 &&
	        errno != EINPROGRESS))
		return err_sys(e, errno, "connect");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		return err_sys(e, errno, "epoll");
	if (l->ctx != NULL) {
		c->ssl = SSL_new(l->ctx);
		if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
			return err_set(e, ERR_NOMEM);
		SSL_set_connect_state(c->ssl);
	}
	c->state = LINE_SHAKES;
	l->under_way++;
	return ERR_OK;
}

static enum err
ask(struct line *c, struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	buf_addf(&b,
	    "POST /api/v1/ws-token/ HTTP/1.1\r\nHost: x\r\n"
	    "Authorization: Bearer %s\r\nContent-Length: 0\r\n\r\n",
	    c->access);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = put(c, buf_str(&b), e);
	buf_fini(&b);
	c->state = LINE_ASKS;
	return rc;
}

static enum err
shake(struct lines *l, struct line *c, struct err_info *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int r = c->ssl != NULL ? SSL_do_handshake(c->ssl) : 1;

	if (r != 1 && SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ) {
		/* Connected: no more is to be heard of that. */
		(void)epoll_ctl(l->ep, EPOLL_CTL_MOD, c->fd, &ev);
		return ERR_OK;
	}
	if (r != 1)
		return lost(e, "no handshake");
	if (epoll_ctl(l->ep, EPOLL_CTL_MOD, c->fd, &ev) != 0)
		return err_sys(e, errno, "epoll");
	return ask(c, e);
}

static enum err
upgrade(struct line *c, struct err_info *e)
{
	const char *at = strstr(c->in.data, "\"ws_token\":\"");
	struct buf b = { 0 };
	enum err rc;

	if (at == NULL)
		return err_setf(e, ERR_FAILED, "no token: %.300s", c->in.data);
	buf_addf(&b,
	    "GET /ws/v1/events/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	    "Sec-WebSocket-Protocol: clowder.v1\r\n"
	    "Authorization: Bearer %.64s\r\n\r\n",
	    at + 12);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = put(c, buf_str(&b), e);
	buf_fini(&b);
	buf_reset(&c->in);
	c->state = LINE_UPGRADES;
	return rc;
}

static enum err hear(struct lines *l, struct line *c, struct str in,
    struct err_info *e);

/* An answer comes in pieces. */
static enum err
answer(struct lines *l, struct line *c, struct str part, struct err_info *e)
{
	const char *end, *len;
	struct buf rest;
	enum err rc;

	buf_addstr(&c->in, part);
	end = c->in.len > 0 ? strstr(c->in.data, "\r\n\r\n") : NULL;
	if (end == NULL)
		return buf_ok(&c->in, e);
	end += 4;
	if (c->state == LINE_ASKS) {
		len = strcasestr(c->in.data, "content-length: ");
		if (len == NULL || len > end)
			return lost(e, "an answer without a length");
		return c->in.len < (size_t)(end - c->in.data) +
		            strtoull(len + 16, NULL, 10) ?
		    ERR_OK :
		    upgrade(c, e);
	}
	if (strncmp(c->in.data, "HTTP/1.1 101 ", 13) != 0)
		return err_setf(e, ERR_FAILED, "%.300s", c->in.data);
	rest = c->in;
	c->in = (struct buf){ 0 };
	ws_init(&c->ws, WS_CLIENT, 1 << 20);
	c->state = LINE_WAITS;
	rc = say(c, STR("{\"type\":\"hello\"}"), e);
	if (rc == ERR_OK && l->first.n > 0) {
		rc = say(c, l->first, e);
		l->first.n = 0;
	}
	if (rc == ERR_OK && rest.data + rest.len > end)
		rc = hear(l, c,
		    str_n(end, (size_t)(rest.data + rest.len - end)), e);
	buf_fini(&rest);
	return rc;
}

/* ---- messages ---------------------------------------------------------- */

static enum err
message(struct lines *l, struct line *c, struct str text, struct err_info *e)
{
	static const struct str event =
	    STR_INIT("{\"type\":\"event\",\"seq\":");

	if (str_starts(text, STR("{\"type\":\"ping\""))) {
		l->pings++;
		return say(c, STR("{\"type\":\"pong\"}"), e);
	}
	if (!str_starts(text, event))
		return ERR_OK;
	if (c->state == LINE_WAITS) {
		c->state = LINE_LIVE;
		l->live++;
		l->under_way--;
	}
	if (l->on_event != NULL)
		l->on_event(l->ctx_of_user, (size_t)(c - l->line),
		    strtoull(text.p + event.n, NULL, 10));
	return ERR_OK;
}

static enum err
hear(struct lines *l, struct line *c, struct str in, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (;;) {
		struct str part;
		size_t used;
		enum ws_step step = ws_read(&c->ws, in, &used, &part, e);

		in = str_n(in.p + used, in.n - used);
		if (step == WS_MORE)
			return rc;
		if (step == WS_ERROR)
			return e->code;
		if (step == WS_CLOSE)
			return err_setf(e, ERR_IO, "closed with %d",
			    (int)c->ws.code);
		if (step == WS_TEXT)
			rc = message(l, c, part, e);
		if (rc != ERR_OK)
			return rc;
	}
}

static enum err
ready(struct lines *l, struct line *c, struct err_info *e)
{
	enum err rc = ERR_OK;
	ssize_t n = 1;

	if (c->state == LINE_SHAKES)
		rc = shake(l, c, e);
	while (rc == ERR_OK && c->state > LINE_SHAKES && n > 0) {
		n = receive(c);
		if (n < 0)
			return lost(e, "the hub closed it");
		if (n == 0)
			break;
		l->bytes += (uint64_t)n;
		rc = c->state < LINE_WAITS ?
		    answer(l, c, str_n(scratch, (size_t)n), e) :
		    hear(l, c, str_n(scratch, (size_t)n), e);
		/* Plain: what was not full is empty. */
		if (c->ssl == NULL && n < (ssize_t)sizeof scratch)
			break;
	}
	return rc;
}

enum err
lines_turn(struct lines *l, int ms, struct err_info *e)
{
	static struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(l->ep, ev, EVENTS_MAX, ms);
	enum err rc = ERR_OK;

	for (int i = 0; i < n && rc == ERR_OK; i++)
		rc = ready(l, ev[i].data.ptr, e);
	return rc;
}

/* ---- all ----------------------------------------------------------------- */

enum err
lines_init(struct lines *l, size_t n, uint16_t port, bool tls,
    char *const *access, size_t n_access, struct err_info *e)
{
	*l = (struct lines){ .n = n,
		.port = port,
		.ep = epoll_create1(EPOLL_CLOEXEC),
		.window = PER_SESSION * n_access };
	if (l->window > WINDOW_MAX)
		l->window = WINDOW_MAX;
	l->line = mem_zero(n * sizeof *l->line);
	if (tls)
		l->ctx = SSL_CTX_new(TLS_client_method());
	if (l->ep < 0 || l->line == NULL || (tls && l->ctx == NULL))
		return err_set(e, ERR_NOMEM);
	if (tls) /* ten thousand of them are on one page with the hub */
		(void)SSL_CTX_set_mode(l->ctx, SSL_MODE_RELEASE_BUFFERS);
	for (size_t i = 0; i < n; i++) {
		l->line[i].fd = -1;
		l->line[i].access = access[i % n_access];
	}
	return ERR_OK;
}

enum err
lines_open(struct lines *l, struct err_info *e)
{
	double until = lab_now() + OPEN_S;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && l->live < l->n) {
		while (l->at < l->n && l->under_way < l->window &&
		    rc == ERR_OK) {
			struct line *c = &l->line[l->at++];

			if (c->state == LINE_CLOSED)
				rc = begin(l, c, e);
		}
		if (rc == ERR_OK)
			rc = lines_turn(l, 1000, e);
		if (rc == ERR_OK && lab_now() > until)
			rc = err_setf(e, ERR_TIMEOUT, "%zu of %zu are live",
			    l->live, l->n);
	}
	return rc;
}

static void
line_close(struct line *c)
{
	static const struct linger at_once = { 1, 0 };

	if (c->fd >= 0) {
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once,
		    sizeof at_once);
		(void)close(c->fd);
	}
	SSL_free(c->ssl);
	buf_fini(&c->in);
	if (c->state >= LINE_WAITS)
		ws_fini(&c->ws);
	c->ssl = NULL;
	c->fd = -1;
	c->state = LINE_CLOSED;
}

void
lines_cut(struct lines *l)
{
	for (size_t i = 0; l->line != NULL && i < l->n; i++)
		line_close(&l->line[i]);
	l->live = l->under_way = l->at = 0;
}

void
lines_fini(struct lines *l)
{
	lines_cut(l);
	if (l->ep > 0)
		(void)close(l->ep);
	SSL_CTX_free(l->ctx);
	free(l->line);
	*l = (struct lines){ 0 };
}
