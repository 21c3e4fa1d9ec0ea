/* Listening, and what belongs to the server as a whole; one connection's HTTP is
 * in http_conn.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "http_int.h"

enum {
	ACCEPTS_PER_TURN = 64,
	CLOSING_MAX = 16,    /* connections above connections_max meanwhile */
	ACCEPT_REST_MS = 100 /* before a system without room is asked again */
};

struct listener {
	uv_poll_t poll;
	struct listener *next;      /* own */
	struct http_server *server; /* borrow */
	struct tls *tls;            /* borrow; NULL: plain */
	int fd;                     /* own */
};

/* ---- the end ---------------------------------------------------------- */

static void
all_closed(void *ctx)
{
	struct http_server *s = ctx;

	s->done(s->done_arg);
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct http_server *s = h->data;

	s->handles--;
	http_server_check_done(s);
}

void
http_server_check_done(struct http_server *s)
{
	if (!s->stopping || s->clients > 0 || s->host.count > 0)
		return;
	if (!s->timers_closed) {
		s->timers_closed = true;
		uv_close((uv_handle_t *)&s->stop_timer, on_handle_closed);
		uv_close((uv_handle_t *)&s->rest_timer, on_handle_closed);
	}
	if (s->handles == 0)
		conn_host_fini(&s->host, all_closed);
}

static void
on_listener_closed(uv_handle_t *h)
{
	struct listener *l = h->data;
	struct http_server *s = l->server;

	close(l->fd);
	free(l);
	s->handles--;
	http_server_check_done(s);
}

static void
listeners_close(struct http_server *s)
{
	while (s->listeners != NULL) {
		struct listener *l = s->listeners;

		s->listeners = l->next;
		uv_close((uv_handle_t *)&l->poll, on_listener_closed);
	}
}

static void
on_stop_deadline(uv_timer_t *t)
{
	struct http_server *s = t->data;

	for (struct conn *c = NULL; (c = conn_next(&s->host, c)) != NULL;)
		conn_abort(c, CONN_STOPPED);
}

void
http_server_stop(struct http_server *s, uint32_t deadline_ms,
    void (*done)(void *arg), void *arg)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->done = done;
	s->done_arg = arg;
	listeners_close(s);
	(void)uv_timer_stop(&s->rest_timer); /* always 0 */
	/* Cannot fail: the callback is there and the handle is not closing. */
	(void)uv_timer_start(&s->stop_timer, on_stop_deadline, deadline_ms, 0);
	for (struct conn *c = NULL; (c = conn_next(&s->host, c)) != NULL;)
		conn_stop(c);
	http_server_check_done(s);
}

void
http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	if (s->reserve_fd >= 0)
		close(s->reserve_fd);
	free(s);
}

/* ---- accepting -------------------------------------------------------- */

static void on_listen(uv_poll_t *p, int status, int events);

static void
listen_on(struct http_server *s)
{
	for (struct listener *l = s->listeners; l != NULL; l = l->next)
		if (uv_poll_start(&l->poll, UV_READABLE, on_listen) != 0)
			http_server_rest(s);
}

static void
on_rested(uv_timer_t *t)
{
	listen_on(t->data);
}

void
http_server_rest(struct http_server *s)
{
	for (struct listener *l = s->listeners; l != NULL; l = l->next)
		(void)uv_poll_stop(&l->poll); /* always 0 */
	(void)uv_timer_start(&s->rest_timer, on_rested, ACCEPT_REST_MS, 0);
}

/* Whoever has read nothing of an answer for longest, unread_ms at least. */
static bool
drop_unread(struct http_server *s)
{
	struct conn *c = conn_oldest(&s->host, CONN_WAIT_WRITE);

	if (c == NULL ||
	    uv_now(s->host.loop) - conn_since_ms(c, CONN_WAIT_WRITE) <
	        s->o.unread_ms)
		return false;
	conn_abort(c, CONN_EXPIRED);
	return true;
}

static bool
give_way_unread(struct http_server *s)
{
	bool gone = drop_unread(s);

	s->turned_away += gone;
	return gone;
}

/* Somebody goes for whoever comes: one that has its last answer, else the one that
 * has been idle for longest, else whose request has been unfinished for longest,
 * else who does not read.  Who only holds connections open keeps nobody out.
 * False: all are at work. */
static bool
give_way(struct http_server *s)
{
	struct conn *c = conn_oldest(&s->host, CONN_WAIT_LINGER);

	if (c != NULL) {
		conn_abort(c, CONN_CLOSED);
		return true;
	}
	c = conn_oldest(&s->host, CONN_WAIT_IDLE);
	if (c == NULL)
		return http_conn_give_way(s) || give_way_unread(s);
	conn_close(c, false);
	return true;
}

static int
reserve_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left.  The one in reserve lets us take the connection and
 * end it at once; else it would stay readable and the loop would spin. */
static void
without_descriptors(struct http_server *s, int listen_fd)
{
	struct sockaddr_storage peer;
	int fd = -1;

	if (!sock_waiting(listen_fd))
		return; /* accept says that none is left before it looks */
	/* Who waits is taken in as soon as that one's is free: on_gone. */
	if (give_way(s)) {
		http_server_rest(s);
		return;
	}
	if (s->reserve_fd >= 0) {
		close(s->reserve_fd);
		fd = sock_accept(listen_fd, &peer);
		if (fd >= 0)
			close(fd);
		s->reserve_fd = reserve_open();
	}
	s->turned_away += fd >= 0;
	if (s->reserve_fd < 0)
		http_server_rest(s);
}

/* Too many connections.  A plain one is told; the answer fits into an empty
 * socket, and whoever closed already does not need it. */
static void
turn_away(struct http_server *s, int fd, const struct tls *tls)
{
	static const char busy[] =
	    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
	    "Content-Type: application/json\r\nContent-Length: 58\r\n"
	    "Connection: close\r\n\r\n"
	    "{\"error\":\"unavailable\",\"message\":\"too many "
	    "connections\"}\r\n";
	struct iovec iov = { (void *)(uintptr_t)busy, sizeof busy - 1 };

	_Static_assert(sizeof "{\"error\":\"unavailable\",\"message\":"
	                      "\"too many connections\"}\r\n" == 58 + 1,
	    "Content-Length");
	if (tls == NULL)
		(void)sock_send(fd, &iov, 1);
	close(fd);
	s->turned_away++;
}

static bool
accept_one(struct http_server *s, struct listener *l)
{
	struct sockaddr_storage peer;
	int fd;

	/* Those that gave way have to close first. */
	if (s->host.count >= s->o.connections_max + CLOSING_MAX) {
		http_server_rest(s);
		return false;
	}
	fd = sock_accept(l->fd, &peer);
	if (fd >= 0) {
		s->accepted++;
		if (s->host.count < s->o.connections_max || give_way(s))
			http_conn_new(s, fd, &peer, l->tls);
		else
			turn_away(s, fd, l->tls);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE)
		without_descriptors(s, l->fd);
	else if (errno == ENOMEM || errno == ENOBUFS)
		http_server_rest(s);
	/* Others: the peer went away meanwhile. */
	return errno == EINTR || errno == ECONNABORTED || errno == EPROTO;
}

static void
on_listen(uv_poll_t *p, int status, int events)
{
	struct listener *l = p->data;

	(void)events;
	if (status != 0) {
		http_server_rest(l->server);
		return;
	}
	for (int i = 0; i < ACCEPTS_PER_TURN; i++)
		if (!accept_one(l->server, l))
			break;
}

enum err
http_server_listen(struct http_server *s, const char *host, uint16_t *port,
    struct tls *tls, struct err_info *e)
{
	struct listener *l = mem_zero(sizeof *l);
	enum err rc;
	int r;

	if (l == NULL)
		return err_set(e, ERR_NOMEM);
	rc = sock_listen(host, port, &l->fd, e);
	if (rc != ERR_OK) {
		free(l);
		return rc;
	}
	r = fault_tick() ? UV_ENOMEM :
	                   uv_poll_init(s->host.loop, &l->poll, l->fd);
	if (r != 0) {
		close(l->fd);
		free(l);
		return err_setf(e, ERR_IO, "poll: %s", uv_strerror(r));
	}
	l->poll.data = l;
	l->server = s;
	l->tls = tls;
	l->next = s->listeners;
	s->listeners = l;
	s->handles++;
	listen_on(s);
	return ERR_OK;
}

/* ---- life ------------------------------------------------------------- */

static void
on_gone(void *ctx)
{
	struct http_server *s = ctx;

	if (!s->stopping && uv_is_active((uv_handle_t *)&s->rest_timer)) {
		(void)uv_timer_stop(&s->rest_timer); /* always 0 */
		listen_on(s);
	}
	http_server_check_done(s);
}

#define DEFAULT(member, value) ((member) = (member) ? (member) : (value))

static void
set_defaults(struct http_server_options *o)
{
	DEFAULT(o->connections_max, 10240);
	DEFAULT(o->body_max, 8u << 20);
	DEFAULT(o->held_max, 256u << 20);
	DEFAULT(o->head_ms, 10000);
	DEFAULT(o->body_ms, 30000);
	DEFAULT(o->idle_ms, 75000);
	DEFAULT(o->write_ms, 60000);
	DEFAULT(o->unread_ms, 1000);
	DEFAULT(o->linger_ms, 2000);
	DEFAULT(o->ping_ms, 20000);
	DEFAULT(o->retry_after_s, 1);
}

static void
set_waits(struct conn_host *h, const struct http_server_options *o)
{
	h->waits.ms[CONN_WAIT_HEAD] = o->head_ms;
	h->waits.ms[CONN_WAIT_BODY] = o->body_ms;
	h->waits.ms[CONN_WAIT_IDLE] = o->idle_ms;
	h->waits.ms[CONN_WAIT_WRITE] = o->write_ms;
	h->waits.ms[CONN_WAIT_LINGER] = o->linger_ms;
	h->waits.ms[CONN_WAIT_PING] = o->ping_ms;
	_Static_assert((int)CONN_WAIT_KINDS <= (int)DEADLINE_KINDS,
	    "a list per kind");
}

enum err
http_server_new(struct http_server **ret, uv_loop_t *loop,
    const struct http_server_options *o, struct err_info *e)
{
	struct http_server *s = mem_zero(sizeof *s);
	uint8_t prefix[HTTP_ID_PREFIX];
	enum err rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	s->o = *o;
	set_defaults(&s->o);
	s->reserve_fd = reserve_open();
	rc = os_random(prefix, sizeof prefix, e);
	if (rc == ERR_OK)
		rc = conn_host_init(&s->host, loop, e);
	if (rc != ERR_OK) {
		http_server_free(s);
		return rc;
	}
	hex_encode(prefix, sizeof prefix, s->id_prefix);
	set_waits(&s->host, &s->o);
	s->host.on_gone = on_gone;
	s->host.ctx = s;
	/* Both always succeed. */
	(void)uv_timer_init(loop, &s->stop_timer);
	(void)uv_timer_init(loop, &s->rest_timer);
	s->stop_timer.data = s;
	s->rest_timer.data = s;
	s->handles = 2;
	*ret = s;
	return ERR_OK;
}

bool
http_server_drop_unread(struct http_server *s, size_t most)
{
	while (s->host.unsent > most)
		if (!drop_unread(s))
			return false;
	return true;
}

void
http_server_stats(const struct http_server *s, struct http_server_stats *ret)
{
	*ret = (struct http_server_stats){
		.connections = s->host.count,
		.held = s->held,
		.unsent = s->host.unsent,
		.accepted = s->accepted,
		.turned_away = s->turned_away,
		.requests = s->requests,
	};
}
