/* A connection lives from accept until the close callback of its poll handle;
 * `dead` says that it only waits for that.  So every function may end it and
 * its callers still hold valid memory.
 *
 *	[HANDSHAKE] -> OPEN -> CLOSING -> [LINGER] -> dead
 *	                        sends       reads and drops
 *
 * Output is a queue of owned pieces.  Whoever adds to it puts the connection on
 * the host's dirty list; one prepare handle sends for all of them right before
 * the loop waits again.  What comes onto the list meanwhile - answers to requests
 * that had waited for room - goes out in the next turn, so that a peer that asks
 * without end holds up nobody.
 *
 * Handshakes that are too much for a turn wait on a list of their own.  From there
 * the newest and the oldest go on by turns: one that comes behind thousands is not
 * kept for theirs, and none waits for ever. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn_int.h"
#include "container.h"
#include "fault.h"

struct piece {
	struct piece *next; /* own */
	struct buf b;
	size_t at; /* bytes of it that are sent */
};

enum phase { HANDSHAKE, OPEN, CLOSING, LINGER };

struct conn {
	uv_poll_t poll;
	struct conn_host *host;              /* borrow */
	const struct conn_ops *ops;          /* borrow */
	void *ctx;                           /* borrow */
	struct conn *prev, *next;            /* host->all */
	struct conn *next_dirty, **at_dirty; /* host->dirty; who points here */
	TAILQ_ENTRY(conn) queued;            /* host->handshakes */
	struct deadline deadline;            /* the user's */
	struct deadline output;     /* runs while that is stuck, or lingers */
	struct tls_conn *tls;       /* own; NULL: plain */
	struct piece *first, *last; /* own */
	size_t unsent;              /* bytes in the pieces */
	uint32_t dropped;           /* bytes read in LINGER */
	int fd;                     /* own */
	unsigned events;            /* what the handle is polled for */
	enum phase phase;
	enum conn_wait wait; /* as the user asked */
	enum conn_end why;
	bool dirty, paused, eof, dead;
	bool queues;  /* its handshake waits for a turn */
	bool linger;  /* CLOSING goes on to it */
	bool blocked; /* more is sent when the socket takes it */
	uint8_t host_n;
	char peer[SOCK_NAME_MAX];
};

/* ---- deadlines -------------------------------------------------------- */

static void on_timer(uv_timer_t *t);

static void
timer_set(struct conn_host *h)
{
	uint64_t at = deadlines_next(&h->waits), now = uv_now(h->loop);

	/* Firing too early costs one look; so it is not moved for each request,
	 * only when it would come too late. */
	if (at >= h->timer_at)
		return;
	h->timer_at = at;
	/* Cannot fail: the callback is there and the handle is not closing. */
	(void)uv_timer_start(&h->timer, on_timer, at > now ? at - now : 0, 0);
}

/* Which of the two has deadlines of this kind. */
static bool
is_of_output(enum conn_wait kind)
{
	return kind == CONN_WAIT_WRITE || kind == CONN_WAIT_LINGER;
}

/* While output is stuck a request cannot be asked for more, and what it has waited
 * begins anew.  A heartbeat is a point in time: whoever lets output get stuck again
 * and again does not move it. */
static bool
runs_on(enum conn_wait kind)
{
	return kind == CONN_WAIT_PING;
}

static void
start_wait(struct conn *c, enum conn_wait kind)
{
	deadline_start(&c->host->waits,
	    is_of_output(kind) ? &c->output : &c->deadline, kind,
	    uv_now(c->host->loop));
	timer_set(c->host);
}

/* The user's, where it may run now. */
static void
begin_wait(struct conn *c)
{
	if (c->wait == CONN_WAIT_NONE || (c->blocked && !runs_on(c->wait)))
		deadline_stop(&c->deadline);
	else
		start_wait(c, c->wait);
}

static struct conn *
conn_of(struct deadline *d, enum conn_wait kind)
{
	if (d == NULL)
		return NULL;
	return is_of_output(kind) ? CONTAINER_OF(d, struct conn, output) :
	                            CONTAINER_OF(d, struct conn, deadline);
}

static void
expire(struct conn *c, enum conn_wait kind)
{
	if (kind == CONN_WAIT_LINGER)
		conn_abort(c, CONN_CLOSED);
	else if (!is_of_output(kind) && c->phase == OPEN &&
	    c->ops->on_deadline != NULL)
		c->ops->on_deadline(c->ctx);
	else
		conn_abort(c, CONN_EXPIRED);
}

static void
on_timer(uv_timer_t *t)
{
	struct conn_host *h = t->data;

	h->timer_at = UINT64_MAX;
	for (unsigned kind = 0; kind < CONN_WAIT_KINDS; kind++) {
		struct conn *c;

		while ((c = conn_of(deadlines_expired_of(&h->waits, kind,
		                        uv_now(h->loop)),
		            kind)) != NULL)
			expire(c, kind);
	}
	timer_set(h);
}

void
conn_wait(struct conn *c, enum conn_wait kind)
{
	c->wait = kind;
	if (!c->dead && c->phase <= OPEN)
		begin_wait(c);
}

struct conn *
conn_oldest(const struct conn_host *h, enum conn_wait kind)
{
	return conn_of(deadlines_oldest(&h->waits, kind), kind);
}

uint64_t
conn_since_ms(const struct conn *c, enum conn_wait kind)
{
	const struct deadline *d =
	    is_of_output(kind) ? &c->output : &c->deadline;

	return d->at_ms - c->host->waits.ms[kind];
}

void *
conn_user(const struct conn *c)
{
	return c->ctx;
}

/* ---- the end ---------------------------------------------------------- */

static void
pieces_free(struct conn *c)
{
	while (c->first != NULL) {
		struct piece *next = c->first->next;

		buf_fini(&c->first->b);
		free(c->first);
		c->first = next;
	}
	c->last = NULL;
	c->host->unsent -= c->unsent;
	c->unsent = 0;
}

static void
conn_free(struct conn *c)
{
	tls_conn_free(c->tls);
	pieces_free(c);
	close(c->fd);
	free(c);
}

static void
on_closed(uv_handle_t *h)
{
	struct conn *c = h->data;
	struct conn_host *host = c->host;

	if (c->next != NULL)
		c->next->prev = c->prev;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		host->all = c->next;
	host->count--;
	c->ops->on_close(c->ctx, c->why);
	conn_free(c);
	host->on_gone(host->ctx);
}

static void
dirty_add(struct conn *c)
{
	struct conn_host *h = c->host;

	c->dirty = true;
	c->next_dirty = NULL;
	c->at_dirty = h->dirty_end;
	*h->dirty_end = c;
	h->dirty_end = &c->next_dirty;
}

static void
dirty_remove(struct conn *c)
{
	if (!c->dirty)
		return;
	c->dirty = false;
	*c->at_dirty = c->next_dirty;
	if (c->next_dirty != NULL)
		c->next_dirty->at_dirty = c->at_dirty;
	else if (c->host->dirty_end == &c->next_dirty)
		c->host->dirty_end = c->at_dirty;
}

static void
queue_add(struct conn *c)
{
	c->queues = true;
	TAILQ_INSERT_TAIL(&c->host->handshakes, c, queued);
}

static void
queue_remove(struct conn *c)
{
	if (!c->queues)
		return;
	c->queues = false;
	TAILQ_REMOVE(&c->host->handshakes, c, queued);
}

void
conn_abort(struct conn *c, enum conn_end why)
{
	if (c->dead)
		return;
	c->dead = true;
	c->why = why;
	deadline_stop(&c->deadline);
	deadline_stop(&c->output);
	dirty_remove(c);
	queue_remove(c);
	pieces_free(c);
	uv_close((uv_handle_t *)&c->poll, on_closed);
}

/* ---- what the handle is polled for ------------------------------------ */

static void on_poll(uv_poll_t *p, int status, int events);

static void
poll_for(struct conn *c)
{
	bool reads = c->phase == HANDSHAKE || c->phase == LINGER ||
	    (c->phase == OPEN && !c->paused);
	unsigned events = 0;

	if (c->dead)
		return;
	if (reads && !c->queues && !c->eof)
		events |= UV_READABLE;
	if (c->blocked && !c->queues)
		events |= UV_WRITABLE;
	if (events == c->events)
		return;
	c->events = events;
	if (events == 0)
		(void)uv_poll_stop(&c->poll); /* always 0 */
	else if (uv_poll_start(&c->poll, (int)events, on_poll) != 0)
		conn_abort(c, CONN_RESET);
}

void
conn_pause(struct conn *c)
{
	/* The handle keeps polling: mostly nothing comes while a request is
	 * worked on, and two system calls are saved.  on_poll stops it. */
	c->paused = true;
}

void
conn_resume(struct conn *c)
{
	c->paused = false;
	poll_for(c);
}

/* ---- output ----------------------------------------------------------- */

static void
sent(struct conn *c, size_t n)
{
	c->unsent -= n;
	c->host->unsent -= n;
	while (n > 0) {
		struct piece *p = c->first;
		size_t m;

		assert(p != NULL); /* no more is sent than was queued */
		m = p->b.len - p->at;
		if (m > n) {
			p->at += n;
			return;
		}
		n -= m;
		c->first = p->next;
		if (c->first == NULL)
			c->last = NULL;
		buf_fini(&p->b);
		free(p);
	}
}

/* Bytes that went out; 0: it blocks; -1: the connection is broken. */
static ssize_t
send_plain(struct conn *c)
{
	struct iovec iov[CONN_IOV_MAX];
	size_t n = 0;
	ssize_t r;

	for (struct piece *p = c->first; p != NULL && n < CONN_IOV_MAX;
	     p = p->next)
		iov[n++] =
		    (struct iovec){ p->b.data + p->at, p->b.len - p->at };
	r = sock_send(c->fd, iov, n);
	if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	return r;
}

/* One record.  The pieces are joined, else each would be a record and a system
 * call of its own; after a block the same bytes come again, in front. */
static ssize_t
send_tls(struct conn *c)
{
	char *to = c->host->scratch;
	size_t n = 0, put;

	for (struct piece *p = c->first; p != NULL && n < CONN_JOIN_MAX;
	     p = p->next) {
		size_t m = p->b.len - p->at;

		if (m > CONN_JOIN_MAX - n)
			m = CONN_JOIN_MAX - n;
		memcpy(to + n, p->b.data + p->at, m);
		n += m;
	}
	switch (tls_write(c->tls, to, n, &put)) {
	case TLS_READY:
		return (ssize_t)put;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE:
		return 0;
	case TLS_EOF:
	case TLS_FAILED:
		break;
	}
	return -1;
}

/* All that was queued before conn_close is out. */
static void
closing_sent(struct conn *c)
{
	if (c->tls != NULL)
		tls_bye(c->tls);
	if (!c->linger || c->eof || shutdown(c->fd, SHUT_WR) != 0) {
		conn_abort(c, CONN_CLOSED);
		return;
	}
	c->phase = LINGER;
	start_wait(c, CONN_WAIT_LINGER);
	poll_for(c);
}

static void
drained(struct conn *c)
{
	bool was_blocked = c->blocked;

	c->blocked = false;
	if (c->phase == CLOSING) {
		closing_sent(c);
		return;
	}
	if (was_blocked) {
		deadline_stop(&c->output);
		if (!runs_on(c->wait))
			begin_wait(c);
		poll_for(c);
	}
	if (c->ops->on_sent != NULL && !c->dead)
		c->ops->on_sent(c->ctx);
}

static void
blocked(struct conn *c)
{
	/* The kernel wakes us for a good part of its buffer, not for a byte: a
	 * peer that takes a little now and then does not move the deadline. */
	start_wait(c, CONN_WAIT_WRITE);
	c->blocked = true;
	if (!runs_on(c->wait))
		deadline_stop(&c->deadline);
	poll_for(c);
}

static void
flush(struct conn *c)
{
	size_t all = 0;

	if (c->dead || c->phase == HANDSHAKE || c->phase == LINGER)
		return;
	while (c->unsent > 0) {
		ssize_t n = 0;

		if (all < CONN_SEND_PER_TURN)
			n = c->tls != NULL ? send_tls(c) : send_plain(c);
		if (n < 0) {
			conn_abort(c, CONN_RESET);
			return;
		}
		if (n == 0) {
			blocked(c);
			return;
		}
		sent(c, (size_t)n);
		all += (size_t)n;
	}
	drained(c);
}

static void handshake(struct conn *c);

static void
on_again(uv_idle_t *idle)
{
	(void)idle; /* it is there so that the loop does not wait */
}

static void
flush_dirty(struct conn_host *h)
{
	struct conn *now = h->dirty, *c;

	h->dirty = NULL;
	h->dirty_end = &h->dirty;
	if (now != NULL)
		now->at_dirty = &now;
	while ((c = now) != NULL) {
		dirty_remove(c);
		flush(c);
	}
}

static void
go_on_with_handshakes(struct conn_host *h)
{
	struct conn *c;

	h->handshakes_ns = 0;
	while (h->handshakes_ns < CONN_HANDSHAKES_PER_TURN &&
	    !TAILQ_EMPTY(&h->handshakes)) {
		h->newest = !h->newest;
		c = h->newest ? TAILQ_LAST(&h->handshakes, conn_queue) :
		                TAILQ_FIRST(&h->handshakes);
		queue_remove(c);
		/* Nobody would have it: thousands whose peers had gone kept a
		 * good one waiting. */
		if (sock_ended(c->fd))
			conn_abort(c, CONN_RESET);
		else
			handshake(c);
	}
}

static void
on_prepare(uv_prepare_t *p)
{
	struct conn_host *h = p->data;

	flush_dirty(h);
	go_on_with_handshakes(h);
	/* These always return 0. */
	if (h->dirty != NULL || !TAILQ_EMPTY(&h->handshakes)) {
		(void)uv_idle_start(&h->again, on_again);
	} else {
		(void)uv_idle_stop(&h->again);
		(void)uv_prepare_stop(p);
	}
}

static void
prepare(struct conn_host *h)
{
	(void)uv_prepare_start(&h->flusher, on_prepare); /* always 0 */
}

static void
make_dirty(struct conn *c)
{
	if (c->dirty || c->blocked)
		return;
	dirty_add(c);
	if (c->host->dirty == c)
		prepare(c->host);
}

static void
unsent_add(struct conn *c, size_t n)
{
	c->unsent += n;
	c->host->unsent += n;
}

/* Small pieces go behind each other into one. */
static bool
join(struct conn *c, struct str s)
{
	struct piece *p = c->last;

	if (p == NULL || p->b.len + s.n > CONN_JOIN_MAX)
		return false;
	buf_addstr(&p->b, s);
	if (p->b.failed)
		conn_abort(c, CONN_NOMEM);
	else
		unsent_add(c, s.n);
	return true;
}

void
conn_send(struct conn *c, struct buf *b)
{
	struct piece *p = NULL;

	if (c->dead || c->phase >= CLOSING || (b->len == 0 && !b->failed))
		goto done;
	if (!b->failed && join(c, buf_str(b)))
		goto done;
	if (!b->failed)
		p = mem_zero(sizeof *p);
	if (p == NULL) {
		conn_abort(c, CONN_NOMEM);
		goto done;
	}
	p->b = *b;
	*b = (struct buf){ 0 };
	unsent_add(c, p->b.len);
	if (c->last != NULL)
		c->last->next = p;
	else
		c->first = p;
	c->last = p;
done:
	buf_fini(b);
	if (!c->dead && c->unsent > 0)
		make_dirty(c);
}

void
conn_send_str(struct conn *c, struct str s)
{
	struct buf b = { 0 };

	buf_addstr(&b, s);
	conn_send(c, &b);
}

size_t
conn_unsent(const struct conn *c)
{
	return c->unsent;
}

void
conn_close(struct conn *c, bool linger)
{
	if (c->dead || c->phase >= CLOSING)
		return;
	if (c->phase == HANDSHAKE) {
		conn_abort(c, CONN_CLOSED);
		return;
	}
	c->phase = CLOSING;
	c->linger = linger;
	deadline_stop(&c->deadline);
	if (!c->blocked)
		start_wait(c, CONN_WAIT_WRITE);
	poll_for(c);
	make_dirty(c); /* also with nothing to send: flush goes on from there */
}

/* ---- input ------------------------------------------------------------ */

static void
handshake(struct conn *c)
{
	struct conn_host *h = c->host;
	uint64_t began = uv_hrtime();
	enum tls_want w;

	prepare(h); /* counts the next turn */
	if (h->handshakes_ns >= CONN_HANDSHAKES_PER_TURN) {
		queue_add(c);
		poll_for(c);
		return;
	}
	w = tls_handshake(c->tls);
	h->handshakes_ns += uv_hrtime() - began + 1;
	if (w == TLS_EOF || w == TLS_FAILED) {
		conn_abort(c, CONN_RESET);
		return;
	}
	if (w == TLS_READY)
		c->phase = OPEN;
	c->blocked = w == TLS_WANT_WRITE;
	poll_for(c);
}

/* > 0: bytes; 0: the peer sends no more; -1 and EAGAIN: nothing now; -1: broken. */
static ssize_t
receive(struct conn *c)
{
	size_t got = 0;

	if (c->tls == NULL)
		return sock_recv(c->fd, c->host->scratch, CONN_READ_MAX);
	errno = EAGAIN;
	switch (tls_read(c->tls, c->host->scratch, CONN_READ_MAX, &got)) {
	case TLS_READY:
		return (ssize_t)got;
	case TLS_WANT_READ:
	case TLS_WANT_WRITE:
		break;
	case TLS_EOF:
		return 0;
	case TLS_FAILED:
		errno = ECONNRESET;
		break;
	}
	return -1;
}

static void
read_eof(struct conn *c)
{
	c->eof = true;
	poll_for(c);
	if (c->phase == LINGER)
		conn_abort(c, CONN_CLOSED);
	else if (c->ops->on_eof != NULL)
		c->ops->on_eof(c->ctx);
	else
		conn_abort(c, CONN_EOF);
}

static void
read_bytes(struct conn *c, size_t n)
{
	if (c->phase == OPEN)
		c->ops->on_data(c->ctx, str_n(c->host->scratch, n));
	else if ((c->dropped += (uint32_t)n) > CONN_LINGER_BYTES)
		conn_abort(c, CONN_CLOSED);
}

static void
read_some(struct conn *c)
{
	size_t all = 0;

	/* TLS hands out smaller pieces. */
	for (int i = 0; i < CONN_READS_PER_TURN && all < CONN_READ_MAX; i++) {
		ssize_t n;

		if (c->dead || c->eof || c->phase == CLOSING ||
		    (c->phase == OPEN && c->paused))
			break;
		n = receive(c);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (n < 0)
			conn_abort(c, CONN_RESET);
		else if (n == 0)
			read_eof(c);
		else
			read_bytes(c, (size_t)n);
		all += n > 0 ? (size_t)n : 0;
		/* A plain socket that gave less is empty, and polled on (see
		 * conn_pause).  TLS hands out records: whether more wait is only
		 * known by asking. */
		if (c->tls == NULL && n < CONN_READ_MAX)
			return;
	}
	if (!c->dead)
		poll_for(c); /* paused, and there is more: stop polling now */
}

static void
on_poll(uv_poll_t *p, int status, int events)
{
	struct conn *c = p->data;

	if (status != 0) {
		conn_abort(c, CONN_RESET);
		return;
	}
	if (c->phase == HANDSHAKE)
		handshake(c);
	/* TLS may have to read in order to write, and the other way round. */
	if (!c->dead && c->blocked &&
	    (c->tls != NULL || (events & UV_WRITABLE)))
		flush(c);
	if (!c->dead && c->phase != HANDSHAKE &&
	    (c->tls != NULL || (events & UV_READABLE)))
		read_some(c);
}

/* ---- life ------------------------------------------------------------- */

/* NULL and e where it fails. */
static struct conn *
conn_make(struct conn_host *h, int fd, struct tls *tls, struct err_info *e)
{
	struct conn *c = mem_zero(sizeof *c);
	int r;

	if (c == NULL) {
		err_set(e, ERR_NOMEM);
		return NULL;
	}
	if (tls != NULL && tls_accept(&c->tls, tls, fd, e) != ERR_OK)
		goto fail;
	r = fault_tick() ? UV_ENOMEM : uv_poll_init(h->loop, &c->poll, fd);
	if (r == 0)
		return c;
	err_setf(e, ERR_IO, "poll: %s", uv_strerror(r));
	tls_conn_free(c->tls);
fail:
	free(c);
	return NULL;
}

enum err
conn_new(struct conn_host *h, int fd, const struct sockaddr_storage *peer,
    struct tls *tls, const struct conn_ops *ops, void *ctx, struct conn **ret,
    struct err_info *e)
{
	struct conn *c = conn_make(h, fd, tls, e);
	size_t host_n;

	if (c == NULL) {
		close(fd);
		return e->code;
	}
	c->poll.data = c;
	c->fd = fd;
	c->host = h;
	c->ops = ops;
	c->ctx = ctx;
	c->phase = tls != NULL ? HANDSHAKE : OPEN;
	sock_name(peer, c->peer, &host_n);
	c->host_n = (uint8_t)host_n;
	c->next = h->all;
	if (h->all != NULL)
		h->all->prev = c;
	h->all = c;
	h->count++;
	*ret = c;
	poll_for(c); /* where that fails, on_close comes */
	return ERR_OK;
}

void
conn_use(struct conn *c, const struct conn_ops *ops, void *ctx)
{
	c->ops = ops;
	c->ctx = ctx;
}

struct conn *
conn_next(const struct conn_host *h, const struct conn *after)
{
	return after == NULL ? h->all : after->next;
}

void
conn_stop(struct conn *c)
{
	if (c->dead || c->phase >= CLOSING)
		return;
	if (c->ops->on_stop != NULL && c->phase == OPEN)
		c->ops->on_stop(c->ctx);
	else
		conn_close(c, false);
}

const char *
conn_peer(const struct conn *c)
{
	return c->peer;
}

size_t
conn_host_name_len(const struct conn *c)
{
	return c->host_n;
}

bool
conn_tls(const struct conn *c)
{
	return c->tls != NULL;
}

enum err
conn_host_init(struct conn_host *h, uv_loop_t *loop, struct err_info *e)
{
	h->scratch = mem_alloc(CONN_READ_MAX);
	if (h->scratch == NULL)
		return err_set(e, ERR_NOMEM);
	h->loop = loop;
	h->timer_at = UINT64_MAX;
	h->dirty_end = &h->dirty;
	TAILQ_INIT(&h->handshakes);
	deadlines_init(&h->waits);
	/* These always succeed. */
	(void)uv_timer_init(loop, &h->timer);
	(void)uv_prepare_init(loop, &h->flusher);
	(void)uv_idle_init(loop, &h->again);
	h->timer.data = h;
	h->flusher.data = h;
	h->again.data = h;
	h->handles = 3;
	return ERR_OK;
}

static void
on_handle_closed(uv_handle_t *handle)
{
	struct conn_host *h = handle->data;

	if (--h->handles > 0)
		return;
	free(h->scratch);
	h->scratch = NULL;
	h->on_fini(h->ctx);
}

void
conn_host_fini(struct conn_host *h, void (*on_fini)(void *ctx))
{
	h->on_fini = on_fini;
	uv_close((uv_handle_t *)&h->timer, on_handle_closed);
	uv_close((uv_handle_t *)&h->flusher, on_handle_closed);
	uv_close((uv_handle_t *)&h->again, on_handle_closed);
}
