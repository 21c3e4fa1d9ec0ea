/* An exchange with a hub that answers, but never to the end. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "path.h"
#include "sync_run.h"
#include "t.h"

enum { REQUEST_MAX = 65536, PATIENCE_MS = 300 };

static struct arena mem;
static struct err_info e;

/* --- a hub that trickles: one byte of an answer every few milliseconds -------- */

static struct {
	int fd;
	atomic_bool ends;
	atomic_int pulls;
} hub;

static const char me[] =
    "{\"user_id\":\"u1\",\"name\":\"ann\",\"teams\":["
    "{\"id\":\"t1\",\"slug\":\"ann\",\"role\":\"owner\"}]}";

static bool
put(int fd, const char *z)
{
	size_t n = strlen(z);

	return send(fd, z, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void
answer(int fd, const char *request)
{
	char head[128];
	int n;

	if (strstr(request, "/api/v1/me") != NULL) {
		n = snprintf(head, sizeof head,
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		    sizeof me - 1);
		(void)(n > 0 && put(fd, head) && put(fd, me));
		return;
	}
	atomic_fetch_add(&hub.pulls, 1);
	if (!put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"))
		return;
	while (!atomic_load(&hub.ends) && put(fd, " "))
		os_rest_ms(5);
}

static void *
serve(void *arg)
{
	static char request[REQUEST_MAX];

	(void)arg;
	while (!atomic_load(&hub.ends)) {
		struct pollfd p = { hub.fd, POLLIN, 0 };
		int fd = poll(&p, 1, 20) > 0 ? accept(hub.fd, NULL, NULL) : -1;
		ssize_t n;

		if (fd < 0)
			continue;
		while ((n = recv(fd, request, sizeof request - 1, 0)) > 0) {
			request[n] = '\0';
			answer(fd, request);
		}
		(void)close(fd);
	}
	return NULL;
}

static unsigned
listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	hub.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(hub.fd >= 0);
	CHECK_I(bind(hub.fd, (struct sockaddr *)&at, sizeof at), 0);
	CHECK_I(listen(hub.fd, 8), 0);
	CHECK_I(getsockname(hub.fd, (struct sockaddr *)&at, &n), 0);
	return ntohs(at.sin_port);
}

static void
a_hub_that_trickles(void)
{
	const char *home = os_join(&mem, t_tmp(), "home");
	const char *token = os_join(&mem, t_tmp(), "token");
	struct sync_run_options opt = { .stuck_ms = PATIENCE_MS };
	struct sync_run run;
	struct ctx c;
	pthread_t thread;
	unsigned port = listen_somewhere();
	uint64_t began;

	CHECK_OK(os_mkdirs(home, 0700, &e), &e);
	CHECK_OK(os_write_atomic(token, STR("tok"), 0600, &e), &e);
	CHECK_U(setenv("CLOWDER_HOME", home, 1), 0);
	CHECK_U(setenv("CLOWDER_TOKEN_FILE", token, 1), 0);
	CHECK_OK(config_set_server(os_join(&mem, home, "config.toml"),
	             str_of(arena_fmt(&mem, "http://127.0.0.1:%u", port)), &e),
	    &e);
	CHECK_I(pthread_create(&thread, NULL, serve, NULL), 0);
	ctx_init(&c, "clowder");
	began = os_mono_ms();
	CHECK_ERR(sync_run(&c, &opt, &run, &e), ERR_TIMEOUT);
	/* The first try used up the time: it is not tried again. */
	CHECK_I(atomic_load(&hub.pulls), 1);
	CHECK(os_mono_ms() - began >= PATIENCE_MS * 9 / 10);
	ctx_fini(&c);
	atomic_store(&hub.ends, true);
	CHECK_I(pthread_join(thread, NULL), 0);
	(void)close(hub.fd);
}

int
main(void)
{
	T_RUN(a_hub_that_trickles);
	arena_fini(&mem);
	return t_done();
}
