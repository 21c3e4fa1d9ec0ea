/* What others see of a daemon: its files, its ports, who answers there. */
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_orphans.h"
#include "file.h"
#include "lock.h"
#include "path.h"
#include "t.h"

static struct arena mem;

static const char *
home(const char *name)
{
	const char *dir = os_join(&mem, t_tmp(), name);

	CHECK_U(setenv("CLOWDER_HOME", dir, 1), 0);
	return dir;
}

#define TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
state_files(void)
{
	static const struct {
		const char *text;
		enum err rc;
	} rows[] = {
		{ "http://127.0.0.1:9401\n9401\n" TOKEN "\n4711\n", ERR_OK },
		{ "http://127.0.0.1:9401\n9401\n" TOKEN "\n4711", ERR_OK },
		{ "", ERR_CORRUPT },
		{ "http://127.0.0.1:9401\n", ERR_CORRUPT },
		{ "x\n0\n" TOKEN "\n4711\n", ERR_CORRUPT },
		{ "x\n65536\n" TOKEN "\n4711\n", ERR_CORRUPT },
		{ "x\n-1\n" TOKEN "\n4711\n", ERR_CORRUPT },
		{ "x\n9401\n" TOKEN "0\n4711\n", ERR_CORRUPT },
		{ "x\n9401\nshort\n4711\n", ERR_CORRUPT },
		{ "x\n9401\n" TOKEN "\n1\n", ERR_CORRUPT },
		{ "x\n9401\n" TOKEN "\n99999999999\n", ERR_CORRUPT },
		{ "x\n9401\n" TOKEN "\nme\n", ERR_CORRUPT },
	};
	struct daemon_state st = { .port = 9444, .token = TOKEN, .pid = 77 };
	struct err_info e = { 0 };
	const struct home *h;
	struct ctx c;

	(void)home("state");
	ctx_init(&c, "clowder");
	CHECK_OK(ctx_home(&c, &h, &e), &e);
	CHECK_OK(home_make(h, &e), &e);
	CHECK_ERR(daemon_state_read(h, &st, &e), ERR_NOT_FOUND);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t_note("row %zu", i);
		CHECK_OK(os_write_atomic(h->daemon_state, str_of(rows[i].text),
		             0600, &e),
		    &e);
		CHECK_ERR(daemon_state_read(h, &st, &e), rows[i].rc);
		CHECK_U(st.port, rows[i].rc == ERR_OK ? 9401 : 0);
		CHECK_I(st.pid, rows[i].rc == ERR_OK ? 4711 : 0);
	}
	t_note(" ");
	CHECK_U(chmod(h->daemon_state, 0644), 0);
	CHECK_ERR(daemon_state_read(h, &st, &e), ERR_PERMISSION);
	st = (struct daemon_state){ .port = 9444, .token = TOKEN, .pid = 77 };
	CHECK_OK(daemon_state_write(h, &st, &e), &e);
	st = (struct daemon_state){ 0 };
	CHECK_OK(os_remove(h->daemon_state, &e), &e);
	st = (struct daemon_state){ .port = 9444, .token = TOKEN, .pid = 77 };
	CHECK_OK(daemon_state_write(h, &st, &e), &e);
	CHECK_OK(daemon_state_read(h, &st, &e), &e);
	CHECK_U(st.port, 9444);
	CHECK_I(st.pid, 77);
	CHECK_STR(str_of(st.token), TOKEN);
	ctx_fini(&c);
}

static void
ports(void)
{
	static const struct {
		const char *text;
		enum err rc;
		unsigned first, end;
	} rows[] = { { "", ERR_OK, 9400, 9450 },
		{ "1-65535", ERR_OK, 1, 65536 },
		{ "9400-9400", ERR_OK, 9400, 9401 },
		{ "9401-9400", ERR_USAGE, 0, 0 }, { "0-5", ERR_USAGE, 0, 0 },
		{ "5", ERR_USAGE, 0, 0 }, { "5-", ERR_USAGE, 0, 0 },
		{ "1-65536", ERR_USAGE, 0, 0 }, { "a-b", ERR_USAGE, 0, 0 } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err_info e = { 0 };
		uint16_t first;
		unsigned end;

		t_note("%s", rows[i].text);
		CHECK_U(setenv("CLOWDER_PORTS", rows[i].text, 1), 0);
		CHECK_ERR(daemon_ports(&first, &end, &e), rows[i].rc);
		if (rows[i].rc == ERR_OK) {
			CHECK_U(first, rows[i].first);
			CHECK_U(end, rows[i].end);
		}
	}
	t_note(" ");
}

/* --- who answers ------------------------------------------------------------------- */

/* Answers every connection with the same text, until it is killed. */
struct answerer {
	int fd;
	uint16_t port;
	pthread_t thread;
	char text[1024];
};

static void *
answer(void *arg)
{
	struct answerer *a = arg;
	char in[4096];
	int fd;

	while ((fd = accept(a->fd, NULL, NULL)) >= 0) {
		(void)!read(fd, in, sizeof in);
		(void)send(fd, a->text, strlen(a->text), MSG_NOSIGNAL);
		(void)close(fd);
	}
	return NULL;
}

static void
answerer_open(struct answerer *a, const char *body)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	(void)snprintf(a->text, sizeof a->text,
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n"
	    "\r\n%s",
	    strlen(body), body);
	a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(a->fd, (struct sockaddr *)&at, n) != 0 ||
	    listen(a->fd, 8) != 0 ||
	    getsockname(a->fd, (struct sockaddr *)&at, &n) != 0)
		abort();
	a->port = ntohs(at.sin_port);
}

static void
answerer_go(struct answerer *a)
{
	if (pthread_create(&a->thread, NULL, answer, a) != 0)
		abort();
}

static void
answerer_close(struct answerer *a)
{
	(void)shutdown(a->fd, SHUT_RDWR);
	(void)pthread_join(a->thread, NULL);
	(void)close(a->fd);
}

static void
only_on(uint16_t port)
{
	char range[16];

	(void)snprintf(range, sizeof range, "%u-%u", port, port);
	CHECK_U(setenv("CLOWDER_PORTS", range, 1), 0);
}

static void
others_are_none(void)
{
	static const char *const bodies[] = { "", "no json", "[]", "{}",
		"{\"status\":\"ok\"}", "{\"protocol_version\":1}",
		"{\"protocol_version\":1,\"package_version\":2}",
		"{\"protocol_version\":\"1\",\"package_version\":\"2\"}" };

	(void)home("others");
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct daemon_orphan *list;
		struct answerer a;
		struct err_info e = { 0 };
		struct ctx c;
		size_t n = 7;

		t_note("%s", bodies[i]);
		answerer_open(&a, bodies[i]);
		answerer_go(&a);
		only_on(a.port);
		ctx_init(&c, "clowder");
		CHECK_OK(daemon_orphans(&c, &list, &n, &e), &e);
		CHECK_U(n, 0);
		ctx_fini(&c);
		answerer_close(&a);
	}
	t_note(" ");
}

static void
health_of(struct answerer *a, const char *home_id, int pid)
{
	char body[512];

	(void)snprintf(body, sizeof body,
	    "{\"protocol_version\":1,\"package_version\":\"9\","
	    "\"home_id\":\"%s\",\"pid\":%d,\"state\":\"active\"}",
	    home_id, pid);
	answerer_open(a, body);
}

static const char *
our_id(struct ctx *c)
{
	static char id[DAEMON_HOME_ID_CHARS + 1];
	struct err_info e = { 0 };
	const struct home *h;

	CHECK_OK(ctx_home(c, &h, &e), &e);
	CHECK_OK(daemon_home_id(h, id, &e), &e);
	return id;
}

/* What a foreign home has, and a process that is none of ours, is shown and left
 * alone. */
static void
not_ours_to_end(void)
{
	/* Another program, which a fault may end without harm to anybody. */
	const struct os_spawn sleeper = { .argv = (const char *[]){
		                              "sleep", "600", NULL } };
	struct err_info why = { 0 };
	int other = 0;

	CHECK_OK(os_spawn(&sleeper, &other, &why), &why);
	const struct {
		bool home;
		int pid;
	} rows[] = { { false, 0 }, { false, os_pid() }, { true, 0 },
		{ true, 1 }, { true, os_pid() }, { true, other } };

	(void)home("foreign");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct daemon_orphan *list;
		struct answerer a;
		struct err_info e = { 0 };
		struct ctx c;
		size_t n = 0;

		t_note("row %zu", i);
		ctx_init(&c, "clowder");
		health_of(&a, rows[i].home ? our_id(&c) : "f00", rows[i].pid);
		answerer_go(&a);
		only_on(a.port);
		CHECK_OK(daemon_orphans(&c, &list, &n, &e), &e);
		CHECK_U(n, 1);
		if (n == 1) {
			CHECK_U(list[0].port, a.port);
			CHECK(list[0].ours == rows[i].home);
			CHECK_I(list[0].proc.pid, 0);
			CHECK_ERR(daemon_orphan_end(&c, &list[0], &e),
			    ERR_REFUSED);
		}
		ctx_fini(&c);
		answerer_close(&a);
	}
	t_note(" ");
	CHECK_I(kill(other, SIGKILL), 0);
	CHECK_OK(os_wait(other, &(int){ 0 }, &why), &why);
}

/* Our own program, which answers for our home and that nobody knows of. */
static void
ends_an_orphan(void)
{
	struct daemon_orphan *list;
	struct answerer a;
	struct err_info e = { 0 };
	struct ctx c;
	size_t n = 0;
	int pid;

	(void)home("orphan");
	ctx_init(&c, "clowder");
	health_of(&a, our_id(&c), 0);
	pid = fork();
	if (pid == 0) {
		char text[512];
		size_t body;

		/* The same, with its own number in it. */
		(void)snprintf(text, sizeof text,
		    "{\"protocol_version\":1,\"package_version\":\"9\","
		    "\"home_id\":\"%s\",\"pid\":%d}",
		    our_id(&c), (int)getpid());
		body = strlen(text);
		(void)snprintf(a.text, sizeof a.text,
		    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
		    "Connection: close\r\n\r\n%s",
		    body, text);
		(void)answer(&a);
		_exit(0);
	}
	only_on(a.port);
	CHECK_OK(daemon_orphans(&c, &list, &n, &e), &e);
	CHECK_U(n, 1);
	if (n == 1) {
		CHECK(list[0].ours);
		CHECK_I(list[0].proc.pid, pid);
		CHECK_OK(daemon_orphan_end(&c, &list[0], &e), &e);
		/* Another has its number by now. */
		CHECK(!os_proc_same(&list[0].proc));
	}
	(void)kill(pid, SIGKILL);
	(void)os_wait(pid, &(int){ 0 }, &e);
	(void)close(a.fd);
	ctx_fini(&c);
}

int
main(void)
{
	T_RUN(state_files);
	T_RUN(ports);
	T_RUN(others_are_none);
	T_RUN(not_ours_to_end);
	T_RUN(ends_an_orphan);
	arena_fini(&mem);
	return t_done();
}
