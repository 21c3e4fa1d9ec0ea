#include "clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "lab.h"

enum { WAIT_MS = 60000 };

void
client_work_fini(struct client_work *w)
{
	buf_fini(&w->bytes);
	free(w->end);
	*w = (struct client_work){ 0 };
}

enum err
client_work_post(struct client_work *w, const char *path, const char *token,
    bool gzip, struct str body, struct err_info *e)
{
	if (!mem_grow(&w->end, &w->cap, w->n + 1, sizeof *w->end))
		return err_set(e, ERR_NOMEM);
	buf_addf(&w->bytes,
	    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Authorization: Bearer %s\r\nContent-Type: application/json\r\n%s"
	    "Content-Length: %zu\r\n\r\n",
	    path, token, gzip ? "Content-Encoding: gzip\r\n" : "", body.n);
	buf_addstr(&w->bytes, body);
	w->end[w->n++] = w->bytes.len;
	return buf_ok(&w->bytes, e);
}

struct client {
	struct client_work *w;
	int fd;
	size_t next;   /* request under way */
	size_t sent;   /* bytes of w->bytes */
	struct buf in; /* of the answer */
	double began;
};

struct run {
	struct client *c;
	size_t n, open;
	int ep;
	double *took;
	size_t n_took;
};

static enum err
open_one(struct run *r, struct client *c, uint16_t port, struct err_info *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
		return err_sys(e, errno, "connect");
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (epoll_ctl(r->ep, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		return err_sys(e, errno, "epoll");
	r->open++;
	return ERR_OK;
}

static void
wait_for(struct run *r, struct client *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	(void)epoll_ctl(r->ep, EPOLL_CTL_MOD, c->fd, &ev);
}

/* As much of the request as the socket takes. */
static enum err
send_on(struct run *r, struct client *c, struct err_info *e)
{
	bool stuck = false;

	while (c->sent < c->w->end[c->next]) {
		ssize_t n = send(c->fd, c->w->bytes.data + c->sent,
		    c->w->end[c->next] - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return err_sys(e, errno, "send");
		if (n < 0) {
			stuck = true;
			wait_for(r, c, EPOLLIN | EPOLLOUT);
			break;
		}
		c->sent += (size_t)n;
	}
	if (!stuck)
		wait_for(r, c, EPOLLIN);
	return ERR_OK;
}

static enum err
start(struct run *r, struct client *c, struct err_info *e)
{
	buf_reset(&c->in);
	if (c->next == c->w->n) {
		close(c->fd);
		c->fd = -1;
		r->open--;
		return ERR_OK;
	}
	c->began = lab_now();
	return send_on(r, c, e);
}

/* The whole answer is there. */
static bool
answered(const struct client *c)
{
	const char *head = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL;
	const char *len =
	    head ? strcasestr(c->in.data, "content-length: ") : NULL;

	return len != NULL && len < head &&
	    c->in.len >=
	    (size_t)(head + 4 - c->in.data) + strtoull(len + 16, NULL, 10);
}

static enum err
receive(struct run *r, struct client *c, struct err_info *e)
{
	ssize_t n;

	if (!buf_reserve(&c->in, 65536))
		return err_set(e, ERR_NOMEM);
	n = recv(c->fd, c->in.data + c->in.len, 65535, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return ERR_OK;
	if (n <= 0)
		return err_setf(e, ERR_IO, "the hub closed the connection");
	c->in.len += (size_t)n;
	c->in.data[c->in.len] = '\0';
	if (!answered(c))
		return ERR_OK;
	if (strncmp(c->in.data, "HTTP/1.1 200 ", 13) != 0 ||
	    strstr(c->in.data, "\"rejected\"") != NULL)
		return err_setf(e, ERR_FAILED, "%.400s", c->in.data);
	r->took[r->n_took++] = lab_now() - c->began;
	c->next++;
	return start(r, c, e);
}

static enum err
turn(struct run *r, struct err_info *e)
{
	struct epoll_event ev[64];
	enum err rc = ERR_OK;
	int n = epoll_wait(r->ep, ev, 64, WAIT_MS);

	if (n == 0)
		return err_setf(e, ERR_TIMEOUT, "no answer in time");
	for (int i = 0; i < n && rc == ERR_OK; i++) {
		struct client *c = ev[i].data.ptr;

		if (ev[i].events & EPOLLOUT)
			rc = send_on(r, c, e);
		else
			rc = receive(r, c, e);
	}
	return rc;
}

static double
cpu_now(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum err
clients_run(struct client_work *w, size_t n, uint16_t port,
    struct client_times *ret, struct err_info *e)
{
	struct run r = { .n = n, .ep = epoll_create1(EPOLL_CLOEXEC) };
	size_t all = 0;
	double began, cpu;
	enum err rc = ERR_OK;

	for (size_t i = 0; i < n; i++)
		all += w[i].n;
	r.c = mem_zero(n * sizeof *r.c);
	r.took = mem_zero((all + 1) * sizeof *r.took);
	if (r.ep < 0 || r.c == NULL || r.took == NULL) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		r.c[i] = (struct client){ .w = &w[i], .fd = -1 };
		rc = open_one(&r, &r.c[i], port, e);
	}
	cpu = cpu_now();
	began = lab_now();
	for (size_t i = 0; i < n && rc == ERR_OK; i++)
		rc = start(&r, &r.c[i], e);
	while (rc == ERR_OK && r.open > 0)
		rc = turn(&r, e);
	*ret = (struct client_times){ .seconds = lab_now() - began,
		.cpu_seconds = cpu_now() - cpu,
		.requests = r.n_took,
		.p50_ms = 1000 * lab_median(r.took, r.n_took) };
	if (r.n_took > 0) {
		ret->p99_ms = 1000 * r.took[r.n_took * 99 / 100];
		ret->max_ms = 1000 * r.took[r.n_took - 1];
	}
done:
	for (size_t i = 0; r.c != NULL && i < n; i++) {
		if (r.c[i].fd >= 0)
			close(r.c[i].fd);
		buf_fini(&r.c[i].in);
	}
	if (r.ep >= 0)
		close(r.ep);
	free(r.c);
	free(r.took);
	return rc;
}
