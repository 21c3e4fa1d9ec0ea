#include "hub_lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts.h"
#include "clock.h"
#include "json.h"
#include "log.h"

enum { SILENT_S = 20, ANSWER_MAX = 64 << 20 };

/* --- the hub ------------------------------------------------------------------- */

const char *
hub_lab_path(struct hub_lab *l, const char *name)
{
	static char path[600];

	CHECK(snprintf(path, sizeof path, "%s/%s", l->data, name) > 0);
	return path;
}

static void
add_user(struct accounts *a, const char *name, const struct str *team, size_t n)
{
	char password[64];
	struct account_new u = {
		.name = str_of(name), .team = team, .n_teams = n
	};
	struct err_info e = { 0 };
	int len = snprintf(password, sizeof password, "secret-%s", name);

	u.password = str_n(password, len > 0 ? (size_t)len : 0);
	CHECK_OK(accounts_user_add(a, &u, os_wall_ms(), &e), &e);
}

void
hub_lab_init(struct hub_lab *l)
{
	/* Its dearness stands in each hash, so signing in is cheap as well. */
	const struct accounts_options opt = { .cost = &password_cost_test };
	const struct str both[] = { STR("red"), STR("blue") };
	static unsigned n;
	struct accounts *a = NULL;
	struct err_info e = { 0 };

	log_to(-1, LOG_ERROR);
	*l = (struct hub_lab){ .lock_wait_ms = 3 * SILENT_S * 1000 };
	(void)pthread_mutex_init(&l->mutex, NULL);
	(void)pthread_cond_init(&l->changed, NULL);
	CHECK(snprintf(l->data, sizeof l->data, "%s/hub-%u", t_tmp(), n++) > 0);
	CHECK(mkdir(l->data, 0700) == 0);
	CHECK_OK(accounts_open(&a, hub_lab_path(l, "hub.db"), &opt,
	             os_wall_ms(), &e),
	    &e);
	for (size_t i = 0; i < 2; i++)
		CHECK_OK(accounts_team_add(a, both[i], (struct str){ 0 },
		             os_wall_ms(), &e),
		    &e);
	add_user(a, "ann", both, 2);
	add_user(a, "bob", &both[1], 1);
	add_user(a, "cem", NULL, 0);
	accounts_close(a);
}

void
hub_lab_fini(struct hub_lab *l)
{
	(void)pthread_mutex_destroy(&l->mutex);
	(void)pthread_cond_destroy(&l->changed);
}

static void
on_ready(void *ctx, const char *url, const char *ca)
{
	struct hub_lab *l = ctx;
	const char *colon = strrchr(url, ':');

	(void)ca;
	(void)pthread_mutex_lock(&l->mutex);
	l->ready = true;
	l->port = (uint16_t)strtoul(colon + 1, NULL, 10);
	(void)pthread_cond_signal(&l->changed);
	(void)pthread_mutex_unlock(&l->mutex);
}

static void *
serve(void *arg)
{
	struct hub_lab *l = arg;
	const struct hub_options o = { .data = l->data,
		.reopen_ms = 10,
		.listen = "127.0.0.1:0",
		.quiet = true,
		.lock_wait_ms = l->lock_wait_ms,
		.ping_ms = l->ping_ms,
		.presence_ms = l->presence_ms,
		.grace_ms = l->grace_ms,
		.presence_user_max = l->presence_user_max,
		.presence_room_max = l->presence_room_max,
		.presence_max = l->presence_max,
		.presence_tell_max = l->presence_tell_max,
		.ready = on_ready,
		.ctx = l };
	struct err_info e = { 0 };
	enum err rc;

	fault_join(l->faults);
	rc = hub_serve(&o, &e);
	(void)pthread_mutex_lock(&l->mutex);
	l->rc = rc;
	l->e = e;
	l->ended = true;
	(void)pthread_cond_signal(&l->changed);
	(void)pthread_mutex_unlock(&l->mutex);
	return NULL;
}

bool
hub_lab_start(struct hub_lab *l)
{
	bool ready;

	l->ready = l->ended = false;
	if (!CHECK(pthread_create(&l->thread, NULL, serve, l) == 0))
		exit(1);
	(void)pthread_mutex_lock(&l->mutex);
	while (!l->ready && !l->ended)
		(void)pthread_cond_wait(&l->changed, &l->mutex);
	ready = l->ready;
	(void)pthread_mutex_unlock(&l->mutex);
	if (!ready)
		(void)pthread_join(l->thread, NULL);
	return ready;
}

void
hub_lab_signal(struct hub_lab *l)
{
	(void)l;
	CHECK(kill(getpid(), SIGTERM) == 0);
}

enum err
hub_lab_wait(struct hub_lab *l)
{
	(void)pthread_join(l->thread, NULL);
	return l->rc;
}

void
hub_lab_stop(struct hub_lab *l)
{
	hub_lab_signal(l);
	CHECK_OK(hub_lab_wait(l), &l->e);
}

int
hub_lab_hold(struct hub_lab *l)
{
	int fd = open(hub_lab_path(l, "store.lock"), O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
	return fd;
}

void
hub_lab_let_go(int lock)
{
	CHECK(close(lock) == 0);
}

/* Where the text begins; SIZE_MAX where it does not. */
static size_t
find(struct str s, const char *text)
{
	const char *at = s.n > 0 ? memmem(s.p, s.n, text, strlen(text)) : NULL;

	return at != NULL ? (size_t)(at - s.p) : SIZE_MAX;
}

/* --- a peer ---------------------------------------------------------------------- */

static void
open_with(struct peer *p, struct hub_lab *l, bool narrow)
{
	const struct timeval silent = { .tv_sec = SILENT_S };
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(l->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int one = 1, segment = 1000, window = 8 * 1024;

	*p = (struct peer){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
		                0) };
	CHECK(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &silent,
	          sizeof silent) == 0);
	CHECK(setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &silent,
	          sizeof silent) == 0);
	CHECK(setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ==
	    0);
	if (narrow)
		CHECK(setsockopt(p->fd, IPPROTO_TCP, TCP_MAXSEG, &segment,
		          sizeof segment) == 0 &&
		    setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &window,
		        sizeof window) == 0);
	CHECK(connect(p->fd, (struct sockaddr *)&to, sizeof to) == 0);
}

void
peer_open(struct peer *p, struct hub_lab *l)
{
	open_with(p, l, false);
}

void
peer_open_narrow(struct peer *p, struct hub_lab *l)
{
	open_with(p, l, true);
}

void
peer_close(struct peer *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
	buf_fini(&p->in);
	buf_fini(&p->head);
	buf_fini(&p->body);
}

/* A peer that has gone is seen by whoever waits for its answer. */
void
peer_send(struct peer *p, struct str s)
{
	while (s.n > 0) {
		ssize_t n = send(p->fd, s.p, s.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		s.p += n;
		s.n -= (size_t)n;
	}
}

void
peer_sendf(struct peer *p, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (CHECK(n >= 0 && (size_t)n < sizeof text))
		peer_send(p, str_n(text, (size_t)n));
}

void
peer_request(struct peer *p, const char *method, const char *target,
    const char *more, struct str body)
{
	struct buf out = { 0 };

	buf_addf(&out, "%s %s HTTP/1.1\r\nHost: x\r\n%s", method, target, more);
	if (p->token != NULL)
		buf_addf(&out, "Authorization: Bearer %s\r\n", p->token);
	if (p->team != NULL)
		buf_addf(&out, "X-Team-Slug: %s\r\n", p->team);
	if (body.p != NULL)
		buf_addf(&out, "Content-Length: %zu\r\n", body.n);
	buf_adds(&out, "\r\n");
	buf_add(&out, body.p, body.n);
	peer_send(p, buf_str(&out));
	buf_fini(&out);
}

static bool
read_more(struct peer *p)
{
	char part[65536];
	ssize_t n;

	do
		n = recv(p->fd, part, sizeof part, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		CHECK(errno ==
		    ECONNRESET); /* not EAGAIN: silent for too long */
	if (n <= 0)
		return false;
	buf_add(&p->in, part, (size_t)n);
	return CHECK(p->in.len < ANSWER_MAX);
}

static void
drop(struct buf *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
}

bool
peer_answer(struct peer *p)
{
	size_t at;
	uint64_t n = 0;

	p->status = 0;
	buf_reset(&p->head);
	buf_reset(&p->body);
	while ((at = find(buf_str(&p->in), "\r\n\r\n")) == SIZE_MAX)
		if (!read_more(p))
			return false;
	buf_add(&p->head, p->in.data, at + 2);
	drop(&p->in, at + 4);
	if (!CHECK(p->head.len > 12 &&
	        memcmp(p->head.data, "HTTP/1.1 ", 9) == 0))
		return false;
	p->status = (int)strtol(p->head.data + 9, NULL, 10);
	(void)str_u64(peer_field(p, "Content-Length"), &n);
	while (p->in.len < n)
		if (!read_more(p))
			return false;
	buf_add(&p->body, p->in.data, (size_t)n);
	drop(&p->in, (size_t)n);
	return true;
}

int
peer_call(struct peer *p, const char *method, const char *target,
    struct str body)
{
	peer_request(p, method, target, "", body);
	return peer_answer(p) ? p->status : 0;
}

struct str
peer_field(const struct peer *p, const char *name)
{
	struct str head = buf_str(&p->head), want = str_of(name);

	for (size_t at = 0; at < head.n;) {
		struct str line = str_n(head.p + at, head.n - at);
		size_t end = find(line, "\r\n");

		if (end == SIZE_MAX)
			break;
		line.n = end;
		at += end + 2;
		if (line.n > want.n && line.p[want.n] == ':' &&
		    str_eq_nocase(str_n(line.p, want.n), want))
			return str_trim(str_n(line.p + want.n + 1,
			    line.n - want.n - 1));
	}
	return (struct str){ 0 };
}

bool
peer_has(const struct peer *p, const char *text)
{
	return find(buf_str(&p->body), text) != SIZE_MAX;
}

unsigned
peer_count(const struct peer *p, const char *text)
{
	struct str s = buf_str(&p->body);
	unsigned n = 0;
	size_t at;

	while ((at = find(s, text)) != SIZE_MAX) {
		s = str_n(s.p + at + 1, s.n - at - 1);
		n++;
	}
	return n;
}

/* What stands behind "name":, to the end of the body. */
static struct str
behind(const struct peer *p, const char *name)
{
	struct str s = buf_str(&p->body);
	char key[64];
	int n = snprintf(key, sizeof key, "\"%s\":", name);
	size_t at = n > 0 ? find(s, key) : SIZE_MAX;

	if (at == SIZE_MAX)
		return (struct str){ 0 };
	at += (size_t)n;
	return str_n(s.p + at, s.n - at);
}

static struct str
digits(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return str_n(s.p, n);
}

uint64_t
peer_number(const struct peer *p, const char *name)
{
	uint64_t v;

	return str_u64(digits(behind(p, name)), &v) ? v : UINT64_MAX;
}

const char *
peer_string(const struct peer *p, const char *name)
{
	static char text[4096];
	struct str s = behind(p, name);
	size_t n = 0;

	while (s.n > n + 1 && s.p[n + 1] != '"' && n + 1 < sizeof text)
		n++;
	if (s.n > 0)
		memcpy(text, s.p + 1, n);
	text[n] = '\0';
	return text;
}

uint64_t
peer_metric(struct peer *p, const char *name)
{
	char line[128];
	int n = snprintf(line, sizeof line, "\nclowder_%s ", name);
	struct str s;
	uint64_t v = UINT64_MAX;
	size_t at;

	CHECK_U(peer_call(p, "GET", "/metrics", (struct str){ 0 }), 200);
	s = buf_str(&p->body);
	at = n > 0 ? find(s, line) : SIZE_MAX;
	if (at == SIZE_MAX)
		return v;
	at += (size_t)n;
	(void)str_u64(digits(str_n(s.p + at, s.n - at)), &v);
	return v;
}

void
peer_until(struct peer *p, const char *metric, uint64_t least)
{
	uint64_t end = os_mono_ms() + SILENT_S * 1000;

	while (peer_metric(p, metric) < least)
		if (!CHECK(os_mono_ms() < end && p->status == 200))
			break;
}

void
peer_until_taken(struct peer *p)
{
	/* It was decoded, so it was given to the writer in the same breath. */
	peer_until(p, "decoded_held_bytes", 1);
	while (!t_failing() && peer_metric(p, "writer_waiting") > 0)
		;
}

char *
peer_sign_in(struct peer *p, const char *name)
{
	char body[128];
	int n = snprintf(body, sizeof body,
	    "{\"username\":\"%s\",\"password\":\"secret-%s\"}", name, name);

	CHECK_U(peer_call(p, "POST", "/api/v1/token/",
	            str_n(body, n > 0 ? (size_t)n : 0)),
	    200);
	return strdup(peer_string(p, "access"));
}

/* --- events ------------------------------------------------------------------------ */

void
lab_batch(struct buf *out, unsigned from, unsigned n, const char *more)
{
	buf_adds(out, "{\"events\":[");
	for (unsigned i = from; i < from + n; i++)
		buf_addf(out,
		    "%s{\"event_id\":\"01890000-0000-7000-8000-%012x\","
		    "\"event_type\":\"todo_added\",\"aggregate_type\":\"todo\","
		    "\"aggregate_id\":\"todo-%u\",\"lamport_clock\":%u,"
		    "\"node_id\":\"n1\",\"timestamp\":\"2026-04-28T10:30:00Z\","
		    "\"replaces\":[],\"payload\":{\"content\":\"number "
		    "%u\"}%s}",
		    i > from ? "," : "", i, i, i, i, more);
	buf_adds(out, "]}");
}

int
peer_push(struct peer *p, unsigned from, unsigned n, const char *more)
{
	struct buf body = { 0 };
	int status;

	lab_batch(&body, from, n, more);
	status = peer_call(p, "POST", "/api/v1/events/batch/", buf_str(&body));
	buf_fini(&body);
	return status;
}

/* --- live connections ------------------------------------------------------------- */

int
peer_upgrade(struct peer *p, const char *more)
{
	struct buf head = { 0 };
	int status;

	buf_adds(&head,
	    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
	buf_adds(&head, more);
	peer_request(p, "GET", "/ws/v1/events/", head.data, (struct str){ 0 });
	status = peer_answer(p) ? p->status : 0;
	buf_fini(&head);
	return status;
}

void
peer_say(struct peer *p, const char *text)
{
	static const uint8_t mask[4] = { 7, 1, 9, 2 };
	struct buf b = { 0 };

	ws_put(&b, WS_OP_TEXT, str_of(text), mask);
	peer_send(p, buf_str(&b));
	buf_fini(&b);
}

enum ws_step
peer_hear(struct peer *p, struct ws *ws)
{
	struct err_info e = { 0 };
	struct str part;
	enum ws_step step;
	size_t used;

	do {
		step = ws_read(ws, buf_str(&p->in), &used, &part, &e);
		if (used > 0)
			drop(&p->in, used);
	} while (step == WS_MORE && read_more(p));
	CHECK(step != WS_ERROR);
	/* A hub says whole things, or nothing. */
	if (step == WS_TEXT) {
		struct json j = { 0 };

		CHECK_OK(json_parse(&j, part, JSON_DEPTH_MAX, &e), &e);
		json_fini(&j);
	}
	buf_reset(&p->body);
	buf_addstr(&p->body, part);
	return step;
}
