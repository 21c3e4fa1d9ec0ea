/* Live connections over bare sockets: heartbeats, who is closed and why, peers that
 * do not read, and what stands between a snapshot and its tail. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "accounts.h"
#include "clock.h"
#include "hub_lab.h"

#define V1 "Sec-WebSocket-Protocol: clowder.v1\r\n"

enum { PING_MS = 300, MESSAGE_MAX = 1 << 20, FILL_MAX = 4 << 20 };

struct scene {
	struct hub_lab l;
	struct peer p; /* asks and pushes, as ann */
	char *token;
	struct peer live;
	struct ws ws; /* reads `live` */
};

static void
sign_in_as(struct scene *s, const char *name)
{
	s->p.token = NULL;
	free(s->token);
	s->token = peer_sign_in(&s->p, name);
	s->p.token = s->token;
}

static void
scene_open(struct scene *s, unsigned ping_ms)
{
	*s = (struct scene){ .live.fd = -1 };
	hub_lab_init(&s->l);
	s->l.ping_ms = ping_ms;
	if (!hub_lab_start(&s->l))
		exit(1);
	peer_open(&s->p, &s->l);
	sign_in_as(s, "ann");
}

static void
live_close(struct scene *s)
{
	ws_fini(&s->ws);
	if (s->live.fd >= 0)
		peer_close(&s->live);
}

static void
scene_close(struct scene *s)
{
	live_close(s);
	peer_until(&s->p, "live_connections", 0);
	peer_close(&s->p);
	hub_lab_stop(&s->l);
	hub_lab_fini(&s->l);
	free(s->token);
}

/* more: header lines.  known: with a token. */
static void
live_open_by(void (*open)(struct peer *p, struct hub_lab *l), struct scene *s,
    bool known, const char *more)
{
	char head[1024];
	int n;

	live_close(s);
	ws_init(&s->ws, WS_CLIENT, MESSAGE_MAX);
	CHECK_U(peer_call(&s->p, "POST", "/api/v1/ws-token/", STR("")), 200);
	n = snprintf(head, sizeof head, "%s%s%s%s", more,
	    known ? "Authorization: Bearer " : "",
	    known ? peer_string(&s->p, "ws_token") : "", known ? "\r\n" : "");
	CHECK(n > 0 && (size_t)n < sizeof head);
	open(&s->live, &s->l);
	CHECK_I(peer_upgrade(&s->live, head), 101);
}

static void
live_open(struct scene *s, bool known, const char *more)
{
	live_open_by(peer_open, s, known, more);
}

static void
say(struct scene *s, const char *text)
{
	peer_say(&s->live, text);
}

static enum ws_step
hear(struct scene *s)
{
	return peer_hear(&s->live, &s->ws);
}

/* The next one of this type. */
static bool
hear_type(struct scene *s, const char *type)
{
	enum ws_step step;

	do
		step = hear(s);
	while (step == WS_TEXT &&
	    strcmp(peer_string(&s->live, "type"), type) != 0);
	return CHECK(step == WS_TEXT);
}

/* Until it is closed: the code. */
static int
hear_close(struct scene *s)
{
	enum ws_step step;

	do
		step = hear(s);
	while (step == WS_TEXT);
	CHECK_I(step, WS_CLOSE);
	return step == WS_CLOSE ? (int)s->ws.code : 0;
}

/* ---- heartbeats ------------------------------------------------------- */

static void
beats_and_stays(void)
{
	struct scene s;

	scene_open(&s, PING_MS);
	live_open(&s, true, V1);
	say(&s, "{\"type\":\"hello\"}");
	for (int i = 0; i < 4; i++) {
		CHECK(hear_type(&s, "ping"));
		say(&s, "{\"type\":\"pong\"}");
	}
	CHECK_U(peer_metric(&s.p, "live_connections"), 1);
	scene_close(&s);
}

static void
ends_who_does_not_answer(void)
{
	struct scene s;
	int pings = 0;

	scene_open(&s, PING_MS);
	live_open(&s, true, V1);
	say(&s, "{\"type\":\"hello\"}");
	while (pings < 10 && hear(&s) == WS_TEXT)
		pings++;
	CHECK_I(s.ws.code, WS_POLICY);
	CHECK_I(pings, 2);
	scene_close(&s);
}

static void
ends_who_says_nothing(void)
{
	struct scene s;

	scene_open(&s, PING_MS);
	live_open(&s, false, V1);
	CHECK_I(hear_close(&s), WS_POLICY);
	/* It is known, and does not say what it wants. */
	live_open(&s, true, V1);
	CHECK_I(hear_close(&s), WS_POLICY);
	scene_close(&s);
}

static void
ends_a_message_that_does_not_end(void)
{
	struct scene s;

	scene_open(&s, PING_MS);
	live_open(&s, true, "");
	CHECK(hear_type(&s, "snapshot"));
	/* 100 bytes are to come, one does. */
	peer_send(&s.live, STR("\x81\xe4\x00\x00\x00\x00x"));
	CHECK_I(hear_close(&s), WS_POLICY);
	scene_close(&s);
}

static void
ends_a_session_with_its_account(void)
{
	struct scene s;

	scene_open(&s, PING_MS);
	live_open(&s, true, V1);
	say(&s, "{\"type\":\"hello\"}");
	CHECK(hear_type(&s, "ping"));
	CHECK_U(peer_call(&s.p, "POST", "/oauth/revoke", STR("")), 200);
	for (int i = 0; i < 20 && hear(&s) == WS_TEXT; i++) {
		if (strcmp(peer_string(&s.live, "type"), "ping") == 0)
			say(&s, "{\"type\":\"pong\"}");
		else
			CHECK_STR(str_of(peer_string(&s.live, "code")),
			    "session_invalid");
	}
	CHECK_I(s.ws.code, WS_POLICY);
	sign_in_as(&s, "ann");
	scene_close(&s);
}

/* ---- who lets answers get stuck, and takes them again ------------------- */

/* Pings over and over; those are read whatever becomes of the answers. */
struct flood {
	struct scene *s;
	struct buf pings;
	size_t at; /* that far they are sent */
};

static void
flood_init(struct flood *f, struct scene *s)
{
	static const char payload[WS_CONTROL_MAX] = "p";
	static const uint8_t mask[4] = { 1 };

	*f = (struct flood){ .s = s };
	for (int i = 0; i < 4000; i++)
		ws_put(&f->pings, WS_OP_PING, str_n(payload, sizeof payload),
		    mask);
	CHECK(!f->pings.failed);
	/* What came with the answer to the upgrade is not read below. */
	CHECK_U(s->live.in.len, 0);
}

/* Are the answers stuck, not on their way?  Each question takes a turn, in which the
 * hub reads so much and then sends what it has. */
static bool
stuck(struct scene *s, size_t sent)
{
	enum { EACH_TURN = 16384, SURE = 4, PONGS_MANY = 4000 };
	unsigned n = 0;

	for (size_t i = 0; i < sent / EACH_TURN; i++)
		(void)peer_metric(&s->p, "answer_unsent_bytes");
	while (n < SURE &&
	    peer_metric(&s->p, "answer_unsent_bytes") > PONGS_MANY)
		n++;
	return n == SURE;
}

/* Until they are, or the hub reads no more, or has ended it and drops what comes. */
static void
fill(struct flood *f)
{
	struct pollfd p = { .fd = f->s->live.fd, .events = POLLOUT };

	for (size_t all = 0, n; all < FILL_MAX; all += n) {
		ssize_t r = poll(&p, 1, PING_MS) == 1 ?
		    send(p.fd, f->pings.data + f->at, f->pings.len - f->at,
		        MSG_NOSIGNAL | MSG_DONTWAIT) :
		    0;

		if (r <= 0)
			return;
		n = (size_t)r;
		f->at = (f->at + n) % f->pings.len;
		if (stuck(f->s, n))
			return;
	}
}

/* What has come of frames; false: the last of them, or it has ended. */
static bool
take(struct peer *p, struct ws *ws)
{
	static char part[65536];
	enum ws_step step;
	ssize_t n = recv(p->fd, part, sizeof part, MSG_DONTWAIT);
	struct str in = str_n(part, n > 0 ? (size_t)n : 0);

	if (n == 0)
		return false;
	do {
		struct err_info e = { 0 };
		struct str text;
		size_t used;

		step = ws_read(ws, in, &used, &text, &e);
		in = str_n(in.p + used, in.n - used);
		if (step == WS_CLOSE || !CHECK(step != WS_ERROR))
			return false;
	} while (step != WS_MORE);
	return true;
}

/* Who lets answers get stuck and takes them again is ended before one who came after
 * it and was quiet. */
static void
ends_who_floods_and_shows_nothing(void)
{
	enum { LONG_MS = 1000 };
	struct peer quiet;
	struct pollfd both[2];
	struct ws ws;
	struct flood f;
	struct scene s;

	scene_open(&s, LONG_MS);
	live_open_by(peer_open_narrow, &s, false, V1);
	flood_init(&f, &s);
	fill(&f);
	ws_init(&ws, WS_CLIENT, MESSAGE_MAX);
	peer_open(&quiet, &s.l);
	CHECK_I(peer_upgrade(&quiet, V1), 101);
	for (int i = 0; i < 20; i++)
		(void)peer_metric(&s.p, "live_connections");
	both[0] = (struct pollfd){ .fd = s.live.fd, .events = POLLIN };
	both[1] = (struct pollfd){ .fd = quiet.fd, .events = POLLIN };
	do
		CHECK(poll(both, 2, 10 * LONG_MS) > 0);
	while (!t_failing() && take(&s.live, &s.ws) && take(&quiet, &ws));
	/* Both at once, where somebody slept: its end came first. */
	if (s.ws.code == 0)
		(void)take(&s.live, &s.ws);
	CHECK_U(s.ws.code, WS_POLICY);
	while (ws.code == 0 && peer_hear(&quiet, &ws) == WS_TEXT)
		;
	CHECK_U(ws.code, WS_POLICY);
	buf_fini(&f.pings);
	ws_fini(&ws);
	peer_close(&quiet);
	scene_close(&s);
}

/* By an operator: by another process, as the hub sees it. */
static void
disable(struct scene *s, const char *name)
{
	static const struct accounts_options opt = { 0 };
	struct accounts *a = NULL;
	struct err_info e = { 0 };

	if (!CHECK_OK(accounts_open(&a, hub_lab_path(&s->l, "hub.db"), &opt,
	                  os_wall_ms(), &e),
	        &e))
		return;
	CHECK_OK(accounts_disable(a, str_of(name), &e), &e);
	accounts_close(a);
}

/* Not even until its heartbeat: one who came before it and says nothing is not ended
 * yet, when it is. */
static void
gives_nothing_to_who_may_not_read(void)
{
	enum { LONG_MS = 4000, MANY = 100000 };
	struct peer before;
	struct scene s;
	unsigned n = 1;
	char c;

	scene_open(&s, LONG_MS);
	s.p.team = "blue";
	peer_open(&before, &s.l);
	CHECK_I(peer_upgrade(&before, V1), 101);
	sign_in_as(&s, "bob");
	live_open(&s, true, V1);
	say(&s, "{\"type\":\"hello\"}");
	sign_in_as(&s, "ann");
	CHECK_U(peer_push(&s.p, n++, 1, ""), 200);
	CHECK(hear_type(&s, "event"));
	disable(&s, "bob");
	while (take(&s.live, &s.ws) && n < MANY && !t_failing())
		CHECK_U(peer_push(&s.p, n++, 1, ""), 200);
	CHECK_U(s.ws.code, WS_POLICY);
	CHECK_I(recv(before.fd, &c, 1, MSG_DONTWAIT), -1);
	peer_close(&before);
	scene_close(&s);
}

/* ---- what comes ------------------------------------------------------- */

/* Events until this seq: each once, in order from `from` on. */
static void
hear_events(struct scene *s, uint64_t from, uint64_t to)
{
	for (uint64_t seq = from; seq <= to && !t_failing(); seq++) {
		CHECK(hear_type(s, "event"));
		CHECK_U(peer_number(&s->live, "seq"), seq);
	}
}

/* More than a room holds and a connection is given: from the log, at its pace. */
static void
waits_for_who_does_not_read(void)
{
	enum { EACH = 100, BATCHES = 20 };
	static char more[20000];
	struct scene s;
	uint64_t most = 0;

	scene_open(&s, 0);
	live_open(&s, true, V1);
	say(&s, "{\"type\":\"hello\"}");
	CHECK(snprintf(more, sizeof more, ",\"x\":\"") > 0);
	memset(more + strlen(more), 'x', 15000);
	memcpy(more + 15005, "\"", 2);
	for (unsigned i = 0; i < BATCHES; i++) {
		uint64_t unsent;

		CHECK_U(peer_push(&s.p, 1 + i * EACH, EACH, more), 200);
		unsent = peer_metric(&s.p, "answer_unsent_bytes");
		most = unsent > most ? unsent : most;
	}
	/* 30 MB: it was given a portion and what the system holds. */
	CHECK(most < 1 << 20);
	hear_events(&s, 1, BATCHES * EACH);
	scene_close(&s);
}

/* While others write: the tail goes on behind the snapshot, no gap, no repeat. */
static void
joins_while_others_write(void)
{
	struct scene s;
	unsigned next = 1;

	scene_open(&s, 0);
	for (int round = 0; round < 20; round++) {
		uint64_t seq;

		live_open(&s, true, "");
		for (int i = 0; i < 5; i++, next += 3)
			CHECK_U(peer_push(&s.p, next, 3, ""), 200);
		CHECK(hear_type(&s, "snapshot"));
		seq = peer_number(&s.live, "seq");
		CHECK_U(peer_count(&s.live, "\"content\":"), seq);
		hear_events(&s, seq + 1, next - 1);
	}
	scene_close(&s);
}

/* Say this hello on a connection of its own; the next message. */
static const char *
answer_to_hello(struct scene *s, const char *epoch, unsigned after)
{
	char hello[256];

	live_open(s, true, V1);
	CHECK(snprintf(hello, sizeof hello,
	          "{\"type\":\"hello\",\"epoch\":\"%s\",\"after\":%u}", epoch,
	          after) > 0);
	say(s, hello);
	CHECK(hear(s) == WS_TEXT);
	return peer_string(&s->live, "type");
}

/* Where somebody listens already, or nobody does: each position is answered alike. */
static void
comes_again_where_it_was(void)
{
	enum { ALL = 1500 };
	char epoch[65];
	struct scene s;
	struct peer keeper;

	scene_open(&s, 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK_U(peer_push(&s.p, 1 + i * 500, 500, ""), 200);
	str_copy(epoch, sizeof epoch, str_of(peer_string(&s.p, "epoch")));
	for (int kept = 0; kept < 2; kept++) {
		CHECK_STR(str_of(answer_to_hello(&s, epoch, ALL + 1)),
		    "resync");
		CHECK_STR(str_of(answer_to_hello(&s, "another", 5)), "resync");
		CHECK_STR(str_of(answer_to_hello(&s, epoch, ALL - 1)), "event");
		CHECK_U(peer_number(&s.live, "seq"), ALL);
		CHECK_STR(str_of(answer_to_hello(&s, epoch, ALL - 700)),
		    "event");
		CHECK_U(peer_number(&s.live, "seq"), ALL - 699);
		hear_events(&s, ALL - 698, ALL);
		CHECK_STR(str_of(answer_to_hello(&s, epoch, 1)), "event");
		CHECK_U(peer_number(&s.live, "seq"), 2);
		hear_events(&s, 3, ALL);
		/* It goes on as the keeper: now there is a room. */
		if (kept == 0) {
			keeper = s.live;
			ws_fini(&s.ws);
			s.live.fd = -1;
		}
	}
	peer_close(&keeper);
	scene_close(&s);
}

/* A hub that ends says so. */
static void
says_that_it_stops(void)
{
	struct scene s;

	scene_open(&s, 0);
	live_open(&s, true, V1);
	say(&s, "{\"type\":\"hello\"}");
	CHECK_U(peer_push(&s.p, 1, 1, ""), 200);
	hear_events(&s, 1, 1);
	hub_lab_signal(&s.l);
	CHECK_I(hear_close(&s), WS_GOING_AWAY);
	live_close(&s);
	peer_close(&s.p);
	CHECK_I(hub_lab_wait(&s.l), ERR_OK);
	hub_lab_fini(&s.l);
	free(s.token);
}

int
main(void)
{
	T_RUN(beats_and_stays);
	T_RUN(ends_who_does_not_answer);
	T_RUN(ends_who_says_nothing);
	T_RUN(ends_a_message_that_does_not_end);
	T_RUN(ends_a_session_with_its_account);
	T_RUN(ends_who_floods_and_shows_nothing);
	T_RUN(gives_nothing_to_who_may_not_read);
	T_RUN(waits_for_who_does_not_read);
	T_RUN(joins_while_others_write);
	T_RUN(comes_again_where_it_was);
	T_RUN(says_that_it_stops);
	return t_done();
}
