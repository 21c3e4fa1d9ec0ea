/* Requests per second through the HTTP server on loopback, beside a bare epoll
 * loop that answers the same bytes without reading them: what the kernel and the
 * client take, nobody can do better here.  Server and client are a thread each.
 *
 *	bench_http [REQUESTS [CONNECTIONS]] */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "http_server.h"
#include "lab.h"
#include "post.h"
#include "sock.h"

enum { RUNS = 5, CONNECTIONS_MAX = 1000, EVENTS = 64, READ_MAX = 65536 };

static const char request[] =
    "GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
    "Accept: */*\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
    "\r\n";
static const char body[] = "{\"status\":\"ok\",\"version\":\"0.1.0\","
                           "\"protocol_version\":1,\"epoch\":\"0123456789\"}";

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
must(enum err rc, const struct err_info *e)
{
	if (rc == ERR_OK)
		return;
	fprintf(stderr, "bench_http: %s\n", e->text);
	exit(1);
}

/* ---- our server ------------------------------------------------------- */

struct ours {
	uv_loop_t loop;
	struct http_server *server;
	struct loop_poster *poster;
	pthread_t thread;
};

static void
on_request(void *ctx, struct http_request *req)
{
	struct buf b = { 0 };

	(void)ctx;
	buf_adds(&b, body);
	http_respond_json(req, 200, &b);
}

static void *
ours_run(void *arg)
{
	struct ours *o = arg;

	(void)uv_run(&o->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void
ours_stopped(void *arg)
{
	struct ours *o = arg;

	http_server_free(o->server);
	loop_poster_close(o->poster);
}

static void
ours_stop(void *arg)
{
	struct ours *o = arg;

	http_server_stop(o->server, 0, ours_stopped, o);
}

static uint16_t
ours_start(struct ours *o)
{
	const struct http_server_options opt = {
		.handler = { .on_request = on_request }
	};
	struct err_info e = { 0 };
	uint16_t port = 0;

	if (uv_loop_init(&o->loop) != 0)
		fail("uv_loop_init");
	must(http_server_new(&o->server, &o->loop, &opt, &e), &e);
	must(http_server_listen(o->server, "127.0.0.1", &port, NULL, &e), &e);
	must(loop_poster_new(&o->poster, &o->loop, &e), &e);
	if (pthread_create(&o->thread, NULL, ours_run, o) != 0)
		fail("pthread_create");
	return port;
}

static void
ours_end(struct ours *o)
{
	struct err_info e = { 0 };

	must(loop_post(o->poster, ours_stop, o, &e), &e);
	if (pthread_join(o->thread, NULL) != 0 || uv_loop_close(&o->loop) != 0)
		fail("end");
}

/* ---- the ceiling: epoll, read, write ---------------------------------- */

struct bare {
	int listen_fd, epoll_fd;
	unsigned connections; /* ends when so many have come and gone */
	struct str answer;    /* bytes for every read */
	pthread_t thread;
};

static void
watch(int epoll_fd, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		fail("epoll_ctl");
}

/* False when the peer has closed. */
static bool
bare_turn(struct bare *b, int fd)
{
	static char in[READ_MAX];
	ssize_t n = recv(fd, in, sizeof in, 0);

	if (n <= 0) {
		close(fd);
		return false;
	}
	if (send(fd, b->answer.p, b->answer.n, MSG_NOSIGNAL) !=
	    (ssize_t)b->answer.n)
		fail("send");
	return true;
}

static void *
bare_run(void *arg)
{
	struct bare *b = arg;
	struct epoll_event ev[EVENTS];
	struct sockaddr_storage peer;
	unsigned gone = 0;

	while (gone < b->connections) {
		int n = epoll_wait(b->epoll_fd, ev, EVENTS, -1);

		for (int i = 0; i < n; i++)
			if (ev[i].data.fd == b->listen_fd)
				watch(b->epoll_fd,
				    sock_accept(b->listen_fd, &peer));
			else
				gone += !bare_turn(b, ev[i].data.fd);
	}
	return NULL;
}

static uint16_t
bare_start(struct bare *b)
{
	struct err_info e = { 0 };
	uint16_t port = 0;

	must(sock_listen("127.0.0.1", &port, &b->listen_fd, &e), &e);
	b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (b->epoll_fd < 0)
		fail("epoll_create1");
	watch(b->epoll_fd, b->listen_fd);
	if (pthread_create(&b->thread, NULL, bare_run, b) != 0)
		fail("pthread_create");
	return port;
}

static void
bare_end(struct bare *b)
{
	if (pthread_join(b->thread, NULL) != 0)
		fail("pthread_join");
	close(b->epoll_fd);
	close(b->listen_fd);
}

/* ---- the client ------------------------------------------------------- */

static int
dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
		fail("connect");
	return fd;
}

static void
ask(int fd)
{
	if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof request - 1)
		fail("ask");
}

/* One answer, whole: its bytes, which are the same each time. */
static size_t
first_answer(uint16_t port, char *p, size_t n)
{
	int fd = dial(port);
	size_t got = 0;
	ssize_t r;

	ask(fd);
	/* The body ends it, and stands there once. */
	while (got < sizeof body ||
	    memcmp(p + got - (sizeof body - 1), body, sizeof body - 1) != 0) {
		r = recv(fd, p + got, n - got, 0);
		if (r <= 0)
			fail("first answer");
		got += (size_t)r;
	}
	close(fd);
	return got;
}

/* Each connection has one request under way.  Answers may differ in the digits
 * of their request id: whole ones are told by the end of the body. */
static double
load(uint16_t port, unsigned requests, unsigned connections)
{
	static char in[READ_MAX];
	struct epoll_event ev[EVENTS];
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), fd[CONNECTIONS_MAX];
	unsigned asked = connections, answered = 0;
	uint64_t start;
	double s;

	for (unsigned i = 0; i < connections; i++)
		watch(epoll_fd, fd[i] = dial(port));
	start = os_mono_ns();
	for (unsigned i = 0; i < connections; i++)
		ask(fd[i]);
	while (answered < requests) {
		int n = epoll_wait(epoll_fd, ev, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			ssize_t r = recv(ev[i].data.fd, in, sizeof in, 0);

			if (r <= 0)
				fail("load");
			if (in[r - 1] != '}')
				continue; /* the rest comes */
			answered++;
			if (asked < requests) {
				asked++;
				ask(ev[i].data.fd);
			}
		}
	}
	s = (double)(os_mono_ns() - start) / 1e9;
	for (unsigned i = 0; i < connections; i++)
		close(fd[i]);
	close(epoll_fd);
	return (double)requests / s;
}

static unsigned
argument(int argc, char **argv, int i, unsigned value, unsigned max)
{
	uint64_t v;

	if (argc <= i)
		return value;
	if (!str_u64(str_of(argv[i]), &v) || v == 0 || v > max) {
		fprintf(stderr, "bench_http [REQUESTS [CONNECTIONS]]\n");
		exit(2);
	}
	return (unsigned)v;
}

/* The runs alternate, as the machine drifts. */
int
main(int argc, char **argv)
{
	unsigned requests = argument(argc, argv, 1, 100000, 100000000);
	unsigned connections = argument(argc, argv, 2, 32, CONNECTIONS_MAX);
	double ours[RUNS], bare[RUNS];
	char answer[4096], what[64];

	if (requests < connections)
		requests = connections;
	for (int run = 0; run < RUNS; run++) {
		struct ours o = { 0 };
		struct bare b = { .connections = connections };
		uint16_t port = ours_start(&o);

		b.answer =
		    str_n(answer, first_answer(port, answer, sizeof answer));
		ours[run] = load(port, requests, connections);
		ours_end(&o);
		port = bare_start(&b);
		bare[run] = load(port, requests, connections);
		bare_end(&b);
	}
	(void)snprintf(what, sizeof what, "HTTP server, %u connections",
	    connections);
	lab_row(&(struct lab_row){ .what = what,
	    .ours = lab_median(ours, RUNS),
	    .best = lab_median(bare, RUNS),
	    .unit = "requests/s",
	    .best_is = "epoll, read, write" });
	return 0;
}
