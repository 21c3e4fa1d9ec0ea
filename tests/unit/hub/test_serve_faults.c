/* Each allocation, system call, statement and commit of a hub fails once - in its
 * start, in one batch, in one pull, in one snapshot, in whatever thread: the
 * cause is named, nothing is half-written or leaked, and the same works
 * afterwards. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "clock.h"
#include "hub_lab.h"

#define NONE ((struct str){ 0 })
enum { WALK_MAX = 3000, PINGS_MAX = 50 };
/* The thread sanitizer looks for races, not for errors that are not handled: for
 * it some of the faults will do. */
#ifdef __SANITIZE_THREAD__
enum { STRIDE = 7 };
#else
enum { STRIDE = 1 };
#endif

static struct fault_group faults = { .countdown = -1 };

/* --- the start ------------------------------------------------------------------- */

static void
walks_the_start(void)
{
	struct hub_lab l;
	bool hit, ready;
	int n = 0;

	hub_lab_init(&l);
	if (CHECK(hub_lab_start(&l))) /* makes what is made once */
		hub_lab_stop(&l);
	l.faults = &faults;
	do {
		t_note("fault %d", n);
		fault_group_arm(&faults, n);
		n += STRIDE;
		ready = hub_lab_start(&l);
		hit = fault_group_hit(&faults);
		fault_group_arm(&faults, -1);
		/* A fault that it can do without is fine. */
		CHECK(ready || hit);
		if (ready) {
			hub_lab_stop(&l);
		} else {
			CHECK(l.rc != ERR_OK && l.e.code == l.rc);
			CHECK(l.e.text[0] != '\0');
		}
	} while (hit && n < WALK_MAX && !t_failing());
	t_note("%d faults", n);
	CHECK(n > 60 && n < WALK_MAX);
	hub_lab_fini(&l);
}

/* --- requests --------------------------------------------------------------------- */

struct scene {
	struct hub_lab l;
	struct peer p;
	char *token;
	unsigned next; /* number of the next event */
	char epoch[65];
};

static void
scene_open_with(struct scene *s, void (*prepare)(struct hub_lab *l))
{
	hub_lab_init(&s->l);
	if (prepare != NULL)
		prepare(&s->l);
	s->l.faults = &faults;
	s->l.ping_ms = 200; /* what could not be read is tried again then */
	s->l.presence_ms = 20;
	s->l.grace_ms = 1;
	s->next = 1;
	if (!CHECK(hub_lab_start(&s->l)))
		exit(1);
	peer_open(&s->p, &s->l);
	s->token = peer_sign_in(&s->p, "ann");
	s->p.token = s->token;
	CHECK_U(peer_push(&s->p, s->next++, 1, ""), 200);
	str_copy(s->epoch, sizeof s->epoch,
	    str_of(peer_string(&s->p, "epoch")));
}

static void
scene_open(struct scene *s)
{
	scene_open_with(s, NULL);
}

static void
scene_close(struct scene *s)
{
	peer_close(&s->p);
	hub_lab_stop(&s->l);
	free(s->token);
	hub_lab_fini(&s->l);
}

/* An answer that is no success says why, in the words of the error table. */
static void
check_refusal(const struct peer *p)
{
	static const char *const code[] = { "out_of_memory", "io_error",
		"unavailable", "failed", "locked", "no_space" };
	bool named = false;

	CHECK(p->status == 500 || p->status == 503);
	for (size_t i = 0; i < sizeof code / sizeof code[0]; i++)
		named |= strcmp(peer_string(p, "error"), code[i]) == 0;
	/* Without memory for a body the status is all there is. */
	CHECK(named || p->body.len == 0);
	CHECK((peer_field(p, "Retry-After").n > 0) == (p->status == 503));
}

typedef int ask(struct scene *s, struct peer *p);

/* Ask with the n-th fault, on a connection of its own; then once more without,
 * until the storage is trusted again. */
static bool
try_fault(struct scene *s, ask *fn, int n)
{
	struct peer p;
	int status;
	bool hit;

	fault_group_arm(&faults, n);
	peer_open(&p, &s->l);
	p.token = s->token;
	status = fn(s, &p);
	hit = fault_group_hit(&faults);
	fault_group_arm(&faults, -1);
	CHECK(hit || status == 200);
	if (status != 200 && status != 0)
		check_refusal(&p);
	peer_close(&p);
	return hit;
}

static void
walk(ask *fn, void (*after)(struct scene *s), int at_least)
{
	struct scene s;
	bool hit;
	int n = 0;

	scene_open(&s);
	do {
		t_note("fault %d", n);
		hit = try_fault(&s, fn, n);
		n += STRIDE;
		after(&s);
	} while (hit && n < WALK_MAX && !t_failing());
	t_note("%d faults", n);
	CHECK(n > at_least && n < WALK_MAX);
	scene_close(&s);
}

static int
ask_batch(struct scene *s, struct peer *p)
{
	return peer_push(p, s->next, 3, "");
}

/* The hub does not believe a disk that failed before it has tried it. */
static void
until_well(struct scene *s)
{
	do
		CHECK_U(peer_call(&s->p, "GET", "/api/health", NONE), 200);
	while (peer_has(&s->p, "degraded") && !t_failing());
}

/* Sent again: now they are there, whether it was stored or not, and the numbers
 * have no gap. */
static void
batch_is_whole_of(struct scene *s, unsigned n)
{
	unsigned known;

	until_well(s);
	CHECK_U(peer_push(&s->p, s->next, n, ""), 200);
	known = peer_count(&s->p, "\"status\":\"duplicate\"");
	CHECK_U(known + peer_count(&s->p, "\"status\":\"success\""), n);
	CHECK_U(peer_number(&s->p, "head"), s->next + n - 1);
	s->next += n;
}

static void
batch_is_whole(struct scene *s)
{
	unsigned first = s->next, known;

	batch_is_whole_of(s, 3);
	known = peer_count(&s->p, "\"status\":\"duplicate\"");
	CHECK(known == 0 || known == 3);
	CHECK_U(peer_number(&s->p, "seq"), first);
}

static void
walks_a_batch(void)
{
	walk(ask_batch, batch_is_whole, 60);
}

static int
ask_pull(struct scene *s, struct peer *p)
{
	(void)s;
	return peer_call(p, "GET", "/api/v1/events/", NONE);
}

static void
reads_again(struct scene *s)
{
	CHECK_U(peer_call(&s->p, "GET", "/api/v1/events/", NONE), 200);
	CHECK_U(peer_number(&s->p, "head"), 1);
	CHECK_U(peer_count(&s->p, "\"content\":\"number 1\""), 1);
}

static void
walks_a_pull(void)
{
	walk(ask_pull, reads_again, 20);
}

static int
ask_snapshot(struct scene *s, struct peer *p)
{
	(void)s;
	return peer_call(p, "GET", "/api/v1/snapshot/", NONE);
}

static void
walks_a_snapshot(void)
{
	walk(ask_snapshot, reads_again, 20);
}

/* --- the content of an artifact ---------------------------------------------------- */

/* SHA-256 of "x". */
#define HASH_OF_X \
	"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

static int
push_content(struct scene *s, struct peer *p)
{
	char body[512];
	int n = snprintf(body, sizeof body,
	    "{\"project_uuid\":\"p\",\"feature_slug\":\"f\","
	    "\"artifact_path\":\"a%u\",\"content_hash\":\"%s\","
	    "\"content_body\":\"x\"}",
	    s->next, HASH_OF_X);

	CHECK(n > 0 && (size_t)n < sizeof body);
	return peer_call(p, "POST", "/api/dossier/push-content/",
	    str_n(body, n > 0 ? (size_t)n : 0));
}

static int
ask_content(struct scene *s, struct peer *p)
{
	int status = push_content(s, p);

	return status == 201 ? 200 : status;
}

/* It stands there, or comes to; once. */
static void
content_is_whole(struct scene *s)
{
	until_well(s);
	(void)push_content(s, &s->p);
	CHECK(s->p.status == 200 || s->p.status == 201);
	CHECK_I(push_content(s, &s->p), 200);
	CHECK_STR(str_of(peer_string(&s->p, "status")), "already_exists");
	s->next++;
}

static void
walks_a_content(void)
{
	walk(ask_content, content_is_whole, 30);
}

/* --- a live connection ------------------------------------------------------------- */

/* Open one that says its position, behind all events but one, or one that gets the
 * snapshot. */
static int
live_begin(struct scene *s, struct peer *p, bool v1)
{
	char head[512], hello[256];
	int n, status = peer_call(p, "POST", "/api/v1/ws-token/", STR(""));

	if (status != 200)
		return status;
	n = snprintf(head, sizeof head, "%sAuthorization: Bearer %s\r\n",
	    v1 ? "Sec-WebSocket-Protocol: clowder.v1\r\n" : "",
	    peer_string(p, "ws_token"));
	CHECK(n > 0 && (size_t)n < sizeof head);
	p->token = NULL;
	status = peer_upgrade(p, head);
	n = snprintf(hello, sizeof hello,
	    "{\"type\":\"hello\",\"batch\":true,\"epoch\":\"%s\","
	    "\"after\":%u}",
	    s->epoch, s->next - 2);
	CHECK(n > 0 && (size_t)n < sizeof hello);
	if (status == 101 && v1)
		peer_say(p, hello);
	return status;
}

/* Until all kinds of messages have come of which `want` has the letter - snapshot,
 * many events, ack, presence; 0 where it ended before, or an error was said. */
static int
live_hear(struct peer *p, const char *want)
{
	static const char *const kind[] = { "snapshot", "events", "ack",
		"presence" };
	struct ws ws;
	size_t left = strlen(want);
	bool got[4] = { false };
	int pings = 0;

	ws_init(&ws, WS_CLIENT, 1 << 20);
	while (left > 0 && peer_hear(p, &ws) == WS_TEXT) {
		const char *type = peer_string(p, "type");

		if (strcmp(type, "error") == 0)
			break;
		if (strcmp(type, "ping") == 0) {
			if (!CHECK(++pings < PINGS_MAX))
				break; /* it never comes */
			peer_say(p, "{\"type\":\"pong\"}");
		}
		for (size_t k = 0; k < 4; k++)
			if (strcmp(type, kind[k]) == 0 &&
			    strchr(want, "smap"[k]) != NULL && !got[k]) {
				got[k] = true;
				left--;
			}
	}
	ws_fini(&ws);
	return left == 0 ? 200 : 0;
}

static int
ask_live(struct scene *s, struct peer *p)
{
	struct buf batch = { 0 }, b = { 0 };
	int status = live_begin(s, p, true);

	if (status != 101)
		return status;
	peer_say(p,
	    "{\"type\":\"presence\",\"sessions\":["
	    "{\"session_id\":\"s\"}]}");
	/* What stands there already, then its own and the answer. */
	status = live_hear(p, "mp");
	if (status == 200) {
		lab_batch(&batch, s->next, 1, "");
		buf_addf(&b, "{\"type\":\"events\",%s", batch.data + 1);
		peer_say(p, b.data);
		status = live_hear(p, "ma");
	}
	buf_fini(&batch);
	buf_fini(&b);
	return status;
}

static int
ask_live_snapshot(struct scene *s, struct peer *p)
{
	int status = live_begin(s, p, false);

	return status == 101 ? live_hear(p, "s") : status;
}

static void
live_goes_on(struct scene *s)
{
	struct peer p;

	batch_is_whole_of(s, 1);
	peer_open(&p, &s->l);
	p.token = s->token;
	CHECK_I(live_begin(s, &p, true), 101);
	CHECK_I(live_hear(&p, "m"), 200);
	peer_close(&p);
}

static void
walks_a_live_connection(void)
{
	walk(ask_live, live_goes_on, 60);
}

static void
walks_a_live_snapshot(void)
{
	walk(ask_live_snapshot, reads_again, 20);
}

/* --- a team's first request ------------------------------------------------------- */

enum { TEAMS = 250 };
static char team[16];

/* Ann is in teams t0, t1 ... that nobody has asked for yet. */
static void
add_teams(struct hub_lab *l)
{
	struct accounts *a = NULL;
	struct err_info e = { 0 };
	const struct accounts_options opt = { .cost = &password_cost_test };

	CHECK_OK(accounts_open(&a, hub_lab_path(l, "hub.db"), &opt,
	             os_wall_ms(), &e),
	    &e);
	for (int i = 0; i < TEAMS; i++) {
		CHECK(snprintf(team, sizeof team, "t%d", i) > 0);
		CHECK_OK(accounts_team_add(a, str_of(team), (struct str){ 0 },
		             os_wall_ms(), &e),
		    &e);
		CHECK_OK(accounts_team_join(a, str_of(team), STR("ann"), &e),
		    &e);
	}
	accounts_close(a);
}

static int
ask_first_batch(struct scene *s, struct peer *p)
{
	(void)s;
	p->team = team;
	return peer_push(p, 1, 3, "");
}

static int
ask_first_pull(struct scene *s, struct peer *p)
{
	(void)s;
	p->team = team;
	return peer_call(p, "GET", "/api/v1/events/", NONE);
}

/* The writer makes the team's space in the same transaction, or on the way to the
 * reader: what was undone is not remembered. */
static void
walk_first(ask *fn)
{
	struct scene s;
	bool hit;
	int n = 0;

	scene_open_with(&s, add_teams);
	do {
		t_note("fault %d", n);
		CHECK(snprintf(team, sizeof team, "t%d", n) > 0);
		hit = try_fault(&s, fn, n);
		n += STRIDE;
		until_well(&s);
		s.p.team = team;
		CHECK_U(peer_push(&s.p, 1, 3, ""), 200);
		CHECK_U(peer_number(&s.p, "seq"), 1);
		CHECK_U(peer_number(&s.p, "head"), 3);
		CHECK_U(peer_call(&s.p, "GET", "/api/v1/events/", NONE), 200);
		CHECK_U(peer_count(&s.p, "\"content\":\"number"), 3);
	} while (hit && n < TEAMS && !t_failing());
	CHECK(n > 20 && n < TEAMS);
	scene_close(&s);
}

static void
walks_a_first_batch(void)
{
	walk_first(ask_first_batch);
}

static void
walks_a_first_pull(void)
{
	walk_first(ask_first_pull);
}

/* --- sign-in ---------------------------------------------------------------------- */

static int
ask_token(struct scene *s, struct peer *p)
{
	(void)s;
	p->token = NULL;
	return peer_call(p, "POST", "/api/v1/token/",
	    STR("{\"username\":\"bob\",\"password\":\"secret-bob\"}"));
}

static void
signs_in_again(struct scene *s)
{
	struct peer p;

	peer_open(&p, &s->l);
	free(peer_sign_in(&p, "bob"));
	CHECK_U(peer_call(&s->p, "GET", "/api/v1/me", NONE), 200);
	peer_close(&p);
}

static void
walks_a_sign_in(void)
{
	walk(ask_token, signs_in_again, 40);
}

/* What hits one request of a group is not the others': each runs again by itself. */
static void
spares_the_others_of_a_group(void)
{
	enum { PEERS = 3 };
	struct scene s;
	bool hit;
	int n = 0;

	scene_open(&s);
	do {
		struct peer p[PEERS];
		unsigned refused = 0;
		int lock = hub_lab_hold(&s.l);

		t_note("fault %d", n);
		for (unsigned i = 0; i < PEERS; i++) {
			struct buf body = { 0 };

			peer_open(&p[i], &s.l);
			p[i].token = s.token;
			lab_batch(&body, s.next + i, 1, "");
			peer_request(&p[i], "POST", "/api/v1/events/batch/", "",
			    buf_str(&body));
			buf_fini(&body);
			/* The first is alone, the others are a group. */
			if (i == 0)
				peer_until_taken(&s.p);
			peer_until(&s.p, "writer_waiting", i);
		}
		fault_group_arm(&faults, n);
		n += STRIDE;
		hub_lab_let_go(lock);
		for (unsigned i = 0; i < PEERS; i++) {
			if (!peer_answer(&p[i]) || p[i].status == 200)
				continue;
			/* A disk that fails is everybody's. */
			refused += !peer_has(&p[i], "io_error");
		}
		hit = fault_group_hit(&faults);
		fault_group_arm(&faults, -1);
		CHECK(refused <= 1);
		for (unsigned i = 0; i < PEERS; i++)
			peer_close(&p[i]);
		batch_is_whole_of(&s, PEERS);
	} while (hit && n < WALK_MAX && !t_failing());
	CHECK(n > 20 && n < WALK_MAX);
	scene_close(&s);
}

int
main(void)
{
	T_RUN(walks_the_start);
	T_RUN(walks_a_batch);
	T_RUN(spares_the_others_of_a_group);
	T_RUN(walks_a_pull);
	T_RUN(walks_a_snapshot);
	T_RUN(walks_a_content);
	T_RUN(walks_a_live_connection);
	T_RUN(walks_a_live_snapshot);
	T_RUN(walks_a_first_batch);
	T_RUN(walks_a_first_pull);
	T_RUN(walks_a_sign_in);
	return t_done();
}
