/* Who is here: what a team's members report is told to all of them, once for each
 * session, for a while also of those who have gone, and to nobody else. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "hub_lab.h"

#define V1 "Sec-WebSocket-Protocol: clowder.v1\r\n"

/* MiB that somebody does not read: more than the system holds.  The thread
 * sanitizer looks for races, for which a few will do. */
#ifdef __SANITIZE_THREAD__
enum { ROUNDS = 2 };
#else
enum { ROUNDS = 16 };
#endif
enum { LONG_MS = 600000, SHORT_MS = 100, MESSAGE_MAX = 1 << 20 };

/* A live connection. */
struct line {
	struct peer p;
	struct ws ws;
};

struct scene {
	struct hub_lab l;
	struct peer ann, bob;
};

static void
scene_open_with(struct scene *s, unsigned presence_ms, unsigned grace_ms,
    size_t user_max, size_t room_max, size_t max, size_t tell_max)
{
	hub_lab_init(&s->l);
	s->l.presence_ms = presence_ms;
	s->l.grace_ms = grace_ms;
	s->l.presence_room_max = room_max;
	s->l.presence_user_max = user_max;
	s->l.presence_max = max;
	s->l.presence_tell_max = tell_max;
	if (!hub_lab_start(&s->l))
		exit(1);
	peer_open(&s->ann, &s->l);
	s->ann.token = peer_sign_in(&s->ann, "ann");
	peer_open(&s->bob, &s->l);
	s->bob.token = peer_sign_in(&s->bob, "bob");
}

static void
scene_open(struct scene *s, unsigned presence_ms, unsigned grace_ms)
{
	scene_open_with(s, presence_ms, grace_ms, 0, 0, 0, 0);
}

static void
scene_close(struct scene *s)
{
	free((void *)(uintptr_t)s->ann.token);
	free((void *)(uintptr_t)s->bob.token);
	peer_close(&s->ann);
	peer_close(&s->bob);
	hub_lab_stop(&s->l);
	hub_lab_fini(&s->l);
}

static void
say(struct line *v, const char *text)
{
	peer_say(&v->p, text);
}

static bool
is_type(struct line *v, const char *type)
{
	return strcmp(peer_string(&v->p, "type"), type) == 0;
}

/* The next one of this type; not waited for once something is wrong. */
static bool
hear_type(struct line *v, const char *type)
{
	enum ws_step step;

	if (t_failing())
		return false;
	do
		step = peer_hear(&v->p, &v->ws);
	while (step == WS_TEXT && !is_type(v, type));
	return CHECK(step == WS_TEXT);
}

/* All that was said is read; how many messages of who is here came meanwhile. */
static unsigned
until_read(struct line *v)
{
	unsigned n = 0;

	say(v, "{\"type\":\"ping\"}");
	while (CHECK(peer_hear(&v->p, &v->ws) == WS_TEXT) &&
	    !is_type(v, "pong"))
		n += is_type(v, "presence");
	return n;
}

/* team NULL: the default.  more: header lines. */
static void
line_open(struct scene *s, struct peer *as, const char *team, const char *more,
    struct line *ret)
{
	char head[1024];
	int n;

	as->team = team;
	CHECK_U(peer_call(as, "POST", "/api/v1/ws-token/", STR("")), 200);
	as->team = NULL;
	n = snprintf(head, sizeof head, "%sAuthorization: Bearer %s\r\n", more,
	    peer_string(as, "ws_token"));
	CHECK(n > 0 && (size_t)n < sizeof head);
	ws_init(&ret->ws, WS_CLIENT, MESSAGE_MAX);
	peer_open(&ret->p, &s->l);
	CHECK_I(peer_upgrade(&ret->p, head), 101);
}

/* Live, and in its room. */
static void
line_open_in(struct scene *s, struct peer *as, const char *team,
    struct line *ret)
{
	line_open(s, as, team, "", ret);
	CHECK(hear_type(ret, "snapshot"));
}

static void
line_close(struct line *v)
{
	ws_fini(&v->ws);
	peer_close(&v->p);
}

/* Wait until the hub has seen it. */
static void
line_gone(struct scene *s, struct line *v, uint64_t lines_left)
{
	line_close(v);
	while (peer_metric(&s->ann, "live_connections") > lines_left &&
	    !t_failing())
		;
}

static void
report(struct line *v, const char *id, const char *agent)
{
	char text[512];

	CHECK(snprintf(text, sizeof text,
	          "{\"type\":\"presence\",\"sessions\":[{\"session_id\":\"%s\","
	          "\"agent\":\"%s\",\"active\":[\"a/WP01\"]}]}",
	          id, agent) > 0);
	say(v, text);
}

/* n sessions NAME0, NAME1 ... of some 4,000 bytes each. */
static void
report_many(struct line *v, const char *name, unsigned n)
{
	static char pad[3900];
	struct buf b = { 0 };

	memset(pad, 'x', sizeof pad - 1);
	buf_adds(&b, "{\"type\":\"presence\",\"sessions\":[");
	for (unsigned i = 0; i < n; i++)
		buf_addf(&b, "%s{\"session_id\":\"%s%u\",\"cwd\":\"%s\"}",
		    i > 0 ? "," : "", name, i, pad);
	buf_adds(&b, "]}");
	if (CHECK(!b.failed))
		say(v, b.data);
	buf_fini(&b);
}

/* The next message of who is here has so many sessions. */
static void
hear_sessions(struct line *v, unsigned n)
{
	CHECK(hear_type(v, "presence"));
	CHECK_U(peer_count(&v->p, "\"session_id\":"), n);
}

/* It is refused with this code; nothing else is. */
static void
hear_refused(struct line *v, const char *code)
{
	CHECK(hear_type(v, "error"));
	CHECK_STR(str_of(peer_string(&v->p, "code")), code);
	CHECK_STR(str_of(peer_string(&v->p, "about")), "presence");
}

/* ---- tests ------------------------------------------------------------ */

static void
tells_all_of_the_team(void)
{
	struct line a, b;
	struct scene s;

	scene_open(&s, 1, 0);
	line_open_in(&s, &s.ann, NULL, &a);
	line_open_in(&s, &s.ann, NULL, &b);
	CHECK_U(until_read(&a) + until_read(&b), 0);
	say(&a,
	    "{\"type\":\"presence\",\"sessions\":[{\"session_id\":\"s1\","
	    "\"us\\u0065r\":{\"x\":\"eve\"},\"of_later\":[1.50]}]}");
	hear_sessions(&a, 1);
	CHECK(hear_type(&b, "presence"));
	CHECK_STR(buf_str(&b.p.body),
	    "{\"type\":\"presence\",\"sessions\":[{\"user\":\"ann\","
	    "\"session_id\":\"s1\",\"of_later\":[1.50]}]}");
	/* What is the same is no news; what is said replaces what was. */
	say(&a,
	    "{\"type\":\"presence\",\"sessions\":["
	    "{\"session_id\":\"s1\",\"of_later\":[1.50]}]}");
	CHECK_U(until_read(&b), 0);
	report(&a, "s2", "claude");
	hear_sessions(&b, 1);
	CHECK(peer_has(&b.p, "\"session_id\":\"s2\",\"agent\":\"claude\""));
	say(&a, "{\"type\":\"presence\",\"sessions\":[]}");
	hear_sessions(&b, 0);
	line_close(&a);
	line_close(&b);
	scene_close(&s);
}

static void
tells_no_other_team(void)
{
	struct line red, blue, bob;
	struct scene s;

	scene_open(&s, 1, 0);
	line_open_in(&s, &s.ann, "red", &red);
	line_open_in(&s, &s.ann, "blue", &blue);
	line_open_in(&s, &s.bob, "blue", &bob);
	CHECK_U(until_read(&blue) + until_read(&bob), 0);
	report(&red, "of-red", "x");
	hear_sessions(&red, 1);
	report(&blue, "of-blue", "x");
	hear_sessions(&bob, 1);
	CHECK(peer_has(&bob.p, "of-blue") && !peer_has(&bob.p, "of-red"));
	CHECK_U(until_read(&red), 0);
	report(&bob, "of-bob", "x");
	hear_sessions(&blue, 1);
	hear_sessions(&blue, 2);
	CHECK(peer_has(&blue.p, "\"user\":\"bob\",\"session_id\":\"of-bob\""));
	CHECK(!peer_has(&blue.p, "of-red"));
	CHECK_U(until_read(&red), 0);
	line_close(&red);
	line_close(&blue);
	line_close(&bob);
	scene_close(&s);
}

/* A session is its user's: the same id of another one is another session. */
static void
shows_a_session_once(void)
{
	struct line a, b, bob;
	struct scene s;

	scene_open(&s, 1, LONG_MS);
	line_open_in(&s, &s.ann, "blue", &a);
	line_open_in(&s, &s.ann, "blue", &b);
	line_open_in(&s, &s.bob, NULL, &bob);
	CHECK_U(until_read(&b) + until_read(&bob), 0);
	report(&a, "s", "first");
	hear_sessions(&bob, 1);
	report(&b, "s", "second");
	hear_sessions(&bob, 1);
	CHECK(peer_has(&bob.p, "second"));
	report(&bob, "s", "third");
	hear_sessions(&bob, 2);
	CHECK(peer_has(&bob.p, "second") && peer_has(&bob.p, "third"));
	/* One of the two has it still. */
	say(&b, "{\"type\":\"presence\",\"sessions\":[]}");
	hear_sessions(&bob, 2);
	CHECK(peer_has(&bob.p, "first") && peer_has(&bob.p, "third"));
	line_close(&a);
	line_close(&b);
	line_close(&bob);
	scene_close(&s);
}

static void
tells_who_comes(void)
{
	struct line a, v1, bare;
	struct scene s;

	scene_open(&s, LONG_MS, 0);
	line_open_in(&s, &s.ann, NULL, &a);
	CHECK_U(until_read(&a), 0);
	report(&a, "s", "x");
	hear_sessions(&a, 1);
	line_open(&s, &s.ann, NULL, V1, &v1);
	say(&v1, "{\"type\":\"hello\"}");
	hear_sessions(&v1, 1);
	line_open(&s, &s.ann, NULL, "", &bare);
	CHECK(peer_hear(&bare.p, &bare.ws) == WS_TEXT);
	CHECK(is_type(&bare, "snapshot"));
	hear_sessions(&bare, 1);
	line_close(&a);
	line_close(&v1);
	line_close(&bare);
	scene_close(&s);
}

/* Said with the hello, before the position was found. */
static void
hears_what_comes_early(void)
{
	struct line a, b;
	struct scene s;

	scene_open(&s, 1, 0);
	line_open(&s, &s.ann, NULL, V1, &a);
	report(&a, "s1", "x");
	report(&a, "s2", "x");
	say(&a, "{\"type\":\"hello\"}");
	report(&a, "s3", "x");
	do
		CHECK(hear_type(&a, "presence"));
	while (!peer_has(&a.p, "s3") && !t_failing());
	CHECK_U(peer_count(&a.p, "\"session_id\":"), 1);
	/* One that never came in has said nothing. */
	line_open(&s, &s.ann, NULL, V1, &b);
	report(&b, "s4", "x");
	CHECK_U(until_read(&b), 0);
	line_gone(&s, &b, 1);
	CHECK_U(until_read(&a), 0);
	line_close(&a);
	scene_close(&s);
}

static void
goes_after_a_while(void)
{
	struct line a, b, c;
	struct scene s;
	uint64_t held;

	scene_open(&s, 1, SHORT_MS);
	line_open_in(&s, &s.ann, NULL, &a);
	line_open_in(&s, &s.ann, NULL, &b);
	CHECK_U(until_read(&a) + until_read(&b), 0);
	report(&a, "s", "x");
	hear_sessions(&b, 1);
	line_close(&a);
	hear_sessions(&b, 0);
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), 0);
	/* Nobody is left to be told, and nothing stays. */
	report(&b, "s", "x");
	hear_sessions(&b, 1);
	held = peer_metric(&s.ann, "presence_bytes");
	CHECK(held > 0);
	line_gone(&s, &b, 0);
	while (peer_metric(&s.ann, "presence_bytes") > 0 && !t_failing())
		;
	line_open_in(&s, &s.ann, NULL, &c);
	CHECK_U(until_read(&c), 0);
	line_close(&c);
	scene_close(&s);
}

/* While nobody is connected it is here still, for one who comes. */
static void
stays_for_who_comes(void)
{
	struct line a, b;
	struct scene s;

	scene_open(&s, 1, LONG_MS);
	line_open_in(&s, &s.ann, NULL, &a);
	CHECK_U(until_read(&a), 0);
	report(&a, "s", "x");
	hear_sessions(&a, 1);
	line_gone(&s, &a, 0);
	CHECK_U(peer_push(&s.ann, 1, 3, ""), 200);
	line_open(&s, &s.ann, NULL, "", &b);
	CHECK(hear_type(&b, "snapshot"));
	hear_sessions(&b, 1);
	CHECK_U(peer_push(&s.ann, 4, 1, ""), 200);
	CHECK(hear_type(&b, "event"));
	CHECK_U(peer_number(&b.p, "seq"), 4);
	line_close(&b);
	scene_close(&s);
}

/* The connection comes again in time: no gap; and what it then says counts at once,
 * nothing of the one that has gone stays. */
static void
comes_again_without_a_gap(void)
{
	struct line a, b;
	struct scene s;

	scene_open(&s, 1, LONG_MS);
	line_open_in(&s, &s.ann, NULL, &a);
	line_open_in(&s, &s.ann, NULL, &b);
	CHECK_U(until_read(&a) + until_read(&b), 0);
	report(&a, "s", "x");
	hear_sessions(&b, 1);
	for (int i = 0; i < 3; i++) {
		line_gone(&s, &a, 1);
		line_open_in(&s, &s.ann, NULL, &a);
		hear_sessions(&a, 1);
		report(&a, "s", i % 2 ? "y" : "x");
		hear_sessions(&b, 1);
	}
	say(&a, "{\"type\":\"presence\",\"sessions\":[]}");
	hear_sessions(&b, 0);
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), 0);
	line_close(&a);
	line_close(&b);
	scene_close(&s);
}

static void
tells_the_first_at_once_and_the_rest_together(void)
{
	struct line a, b;
	struct scene s;

	scene_open(&s, LONG_MS, 0);
	line_open_in(&s, &s.ann, NULL, &a);
	line_open_in(&s, &s.ann, NULL, &b);
	CHECK_U(until_read(&a) + until_read(&b), 0);
	report(&a, "s", "x");
	hear_sessions(&b, 1);
	for (int i = 0; i < 20; i++)
		report(&a, "s", i % 2 ? "x" : "y");
	CHECK_U(until_read(&a), 1);
	CHECK_U(until_read(&b), 0);
	line_close(&a);
	line_close(&b);
	scene_close(&s);

	scene_open(&s, SHORT_MS, 0);
	line_open_in(&s, &s.ann, NULL, &a);
	CHECK_U(until_read(&a), 0);
	report(&a, "s", "first");
	report(&a, "s", "second");
	report(&a, "s", "third");
	hear_sessions(&a, 1);
	CHECK(peer_has(&a.p, "first"));
	hear_sessions(&a, 1);
	CHECK(peer_has(&a.p, "third"));
	CHECK_U(until_read(&a), 0);
	line_close(&a);
	scene_close(&s);
}

/* It is due to be told, not queued for. */
static void
queues_nothing_for_who_does_not_read(void)
{
	enum { EACH = 250 };
	struct line a, b;
	char name[16];
	struct scene s;
	uint64_t most = 0;

	scene_open(&s, 1, 0);
	line_open_in(&s, &s.ann, NULL, &a);
	line_open_in(&s, &s.ann, NULL, &b);
	CHECK_U(until_read(&a) + until_read(&b), 0);
	for (int i = 0; i < ROUNDS && !t_failing(); i++) {
		uint64_t unsent;

		CHECK(snprintf(name, sizeof name, "r%d-", i) > 0);
		report_many(&a, name, EACH);
		hear_sessions(&a, EACH);
		CHECK(peer_has(&a.p, name));
		unsent = peer_metric(&s.ann, "answer_unsent_bytes");
		most = unsent > most ? unsent : most;
	}
	/* It is given one, and the system holds some. */
	CHECK(most <= MESSAGE_MAX + 64 && (most > 0 || ROUNDS < 16));
	do
		CHECK(hear_type(&b, "presence"));
	while (!peer_has(&b.p, name) && !t_failing());
	line_close(&a);
	line_close(&b);
	scene_close(&s);
}

/* More than a message holds, then more than a team may say. */
static void
keeps_the_bounds(void)
{
	enum { MEMBERS = 4, EACH = 255, MIB = 1 << 20 };
	struct line v[MEMBERS];
	struct scene s;
	uint64_t held;

	scene_open_with(&s, 1, LONG_MS, (MEMBERS - 1) * MIB,
	    (MEMBERS - 1) * MIB, 0, 0);
	for (unsigned i = 0; i < MEMBERS; i++) {
		line_open_in(&s, &s.ann, NULL, &v[i]);
		(void)until_read(&v[i]);
	}
	for (unsigned i = 0; i < MEMBERS - 1; i++) {
		char name[16];

		CHECK(snprintf(name, sizeof name, "m%u-", i) > 0);
		report_many(&v[i], name, EACH);
		/* A message is no longer than it may be: the codec looks. */
		do
			CHECK(hear_type(&v[i], "presence"));
		while (!peer_has(&v[i].p, name) && !t_failing());
		CHECK((i > 0) == peer_has(&v[i].p, "],\"truncated\":true}"));
		CHECK_U(peer_count(&v[i].p, name), EACH);
	}
	held = peer_metric(&s.ann, "presence_bytes");
	report_many(&v[MEMBERS - 1], "late-", EACH);
	hear_refused(&v[MEMBERS - 1], "quota");
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), held);
	/* Whoever has gone makes room. */
	line_gone(&s, &v[0], MEMBERS - 1);
	report_many(&v[MEMBERS - 1], "late-", EACH);
	do
		CHECK(hear_type(&v[MEMBERS - 1], "presence"));
	while (!peer_has(&v[MEMBERS - 1].p, "late-") && !t_failing());
	/* What a member has said before does not count beside what it says now. */
	report_many(&v[1], "anew-", EACH);
	do
		CHECK(hear_type(&v[1], "presence"));
	while (!peer_has(&v[1].p, "anew-") && !t_failing());
	for (unsigned i = 1; i < MEMBERS; i++)
		line_close(&v[i]);
	scene_close(&s);
}

static void
hear_of(struct line *v, const char *name)
{
	do
		CHECK(hear_type(v, "presence"));
	while (!peer_has(&v->p, name) && !t_failing());
}

/* One user fills a fourth of what the team may say, by whatever connections, and
 * keeps nobody else out. */
static void
keeps_room_for_others(void)
{
	enum { EACH = 255, MIB = 1 << 20 };
	struct line a, b, early, bob;
	struct scene s;
	uint64_t held;

	scene_open_with(&s, 1, LONG_MS, 0, 4 * MIB, 0, 0);
	line_open_in(&s, &s.ann, "blue", &a);
	line_open_in(&s, &s.ann, "blue", &b);
	line_open_in(&s, &s.bob, "blue", &bob);
	report_many(&a, "first-", EACH);
	hear_of(&bob, "first-");
	held = peer_metric(&s.ann, "presence_bytes");
	report_many(&b, "second-", 20);
	hear_refused(&b, "quota");
	line_open(&s, &s.ann, "blue", V1, &early);
	report_many(&early, "early-", 20);
	say(&early, "{\"type\":\"hello\"}");
	hear_refused(&early, "quota");
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), held);
	/* What it said before does not count beside what it says now. */
	report_many(&a, "anew-", EACH);
	hear_of(&bob, "anew-");
	report_many(&bob, "bob-", EACH);
	hear_of(&bob, "bob-");
	held = peer_metric(&s.ann, "presence_bytes");
	CHECK(held > MIB);
	/* Its own that has gone makes room, nobody else's. */
	line_gone(&s, &bob, 3);
	line_gone(&s, &a, 2);
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), held);
	report_many(&b, "last-", EACH);
	hear_of(&b, "last-");
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), held);
	line_close(&b);
	line_close(&early);
	scene_close(&s);
}

/* What all teams may say together: who has gone makes room, of whatever team. */
static void
keeps_the_bound_of_all(void)
{
	struct line red, blue, bob;
	struct scene s;
	uint64_t held;

	scene_open_with(&s, 1, LONG_MS, 0, 0, 500, 0);
	line_open_in(&s, &s.ann, "red", &red);
	line_open_in(&s, &s.ann, "blue", &blue);
	line_open_in(&s, &s.bob, NULL, &bob);
	report(&red, "s1", "x");
	hear_sessions(&red, 1);
	report(&blue, "s2", "x");
	hear_sessions(&blue, 1);
	held = peer_metric(&s.ann, "presence_bytes");
	CHECK(held > 250 && held <= 500);
	report(&bob, "s3", "x");
	hear_refused(&bob, "unavailable");
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), held);
	/* In place of what it said before there is room. */
	report(&blue, "s4", "x");
	hear_sessions(&blue, 1);
	CHECK(peer_has(&blue.p, "s4"));
	line_gone(&s, &red, 2);
	report(&bob, "s3", "x");
	hear_sessions(&blue, 2);
	CHECK_U(peer_metric(&s.ann, "presence_bytes"), held);
	line_close(&blue);
	line_close(&bob);
	scene_close(&s);
}

/* What is wrong with a report is said of the report, short or long, also of one that
 * was said before the room was there. */
static void
says_what_is_refused(void)
{
	struct line a, b;
	struct scene s;

	scene_open_with(&s, 1, 0, 300, 300, 0, 0);
	line_open_in(&s, &s.ann, NULL, &a);
	CHECK_U(until_read(&a), 0);
	report(&a, "s", "x");
	hear_sessions(&a, 1);
	say(&a, "{\"type\":\"presence\",\"sessions\":[{}]}");
	hear_refused(&a, "bad_request");
	report_many(&a, "m", 257);
	hear_refused(&a, "bad_request");
	say(&a, "{\"type\":\"event\"}");
	CHECK(hear_type(&a, "error"));
	CHECK(!peer_has(&a.p, "\"about\""));
	line_open(&s, &s.ann, NULL, V1, &b);
	report(&b, "early", "x");
	say(&b, "{\"type\":\"hello\"}");
	hear_refused(&b, "quota");
	/* Both go on. */
	CHECK_U(until_read(&a) + until_read(&b), 1);
	CHECK(peer_metric(&s.ann, "live_connections") == 2);
	line_close(&a);
	line_close(&b);
	scene_close(&s);
}

/* Where there is much to tell, or many to be told, it is told less often. */
static void
tells_many_less_often(void)
{
	enum { EACH_MS = 20, TELL = 30, LEAST = 3 };
	struct line a;
	struct scene s;
	uint64_t began;

	scene_open_with(&s, EACH_MS, 0, 0, 0, 0, TELL);
	line_open_in(&s, &s.ann, NULL, &a);
	began = os_mono_ms();
	report(&a, "s", "x");
	report(&a, "s", "y");
	hear_sessions(&a, 1);
	/* More than LEAST times TELL bytes were told. */
	CHECK(a.p.body.len > LEAST * TELL);
	hear_sessions(&a, 1);
	CHECK(peer_has(&a.p, "\"y\""));
	CHECK(os_mono_ms() - began >= (LEAST + 1) * EACH_MS - 1);
	line_close(&a);
	scene_close(&s);
}

int
main(void)
{
	T_RUN(tells_all_of_the_team);
	T_RUN(tells_no_other_team);
	T_RUN(shows_a_session_once);
	T_RUN(tells_who_comes);
	T_RUN(hears_what_comes_early);
	T_RUN(goes_after_a_while);
	T_RUN(stays_for_who_comes);
	T_RUN(comes_again_without_a_gap);
	T_RUN(tells_the_first_at_once_and_the_rest_together);
	T_RUN(queues_nothing_for_who_does_not_read);
	T_RUN(keeps_the_bounds);
	T_RUN(keeps_room_for_others);
	T_RUN(keeps_the_bound_of_all);
	T_RUN(says_what_is_refused);
	T_RUN(tells_many_less_often);
	return t_done();
}
