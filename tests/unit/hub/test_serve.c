/* The hub whole, over its sockets: one result for each event, answers after
 * their commit and many commits in one, seq without a gap whoever writes, a stop
 * that answers what is under way, connections that go on. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gzip.h"
#include "hub_lab.h"

#define NONE ((struct str){ 0 })
static const char *const batch = "/api/v1/events/batch/";

/* A hub, and ann signed in to her default team. */
struct scene {
	struct hub_lab l;
	struct peer p;
	char *token; /* own; ann's */
};

static void
scene_open(struct scene *s)
{
	hub_lab_init(&s->l);
	if (!CHECK(hub_lab_start(&s->l)))
		exit(1);
	peer_open(&s->p, &s->l);
	s->token = peer_sign_in(&s->p, "ann");
	s->p.token = s->token;
}

static void
scene_close(struct scene *s)
{
	peer_close(&s->p);
	hub_lab_stop(&s->l);
	free(s->token);
	hub_lab_fini(&s->l);
}

/* Another peer that is ann as well. */
static void
scene_peer(struct scene *s, struct peer *p)
{
	peer_open(p, &s->l);
	p->token = s->token;
}

/* --- batches ------------------------------------------------------------------ */

static void
answers_each_event(void)
{
	struct scene s;
	struct buf body = { 0 };

	scene_open(&s);
	CHECK_U(peer_push(&s.p, 1, 3, ""), 200);
	CHECK_U(peer_count(&s.p, "\"status\":\"success\""), 3);
	CHECK_U(peer_number(&s.p, "head"), 3);
	CHECK_U(peer_number(&s.p, "clock"), 3);
	CHECK_U(peer_push(&s.p, 2, 3, ""), 200);
	CHECK_U(peer_count(&s.p, "\"status\":\"duplicate\""), 2);
	CHECK_U(peer_count(&s.p, "\"status\":\"success\""), 1);
	CHECK_U(peer_number(&s.p, "seq"), 2); /* of the first, as it was */
	/* One bad among good ones, in its place. */
	buf_adds(&body, "{\"events\":[{},");
	lab_batch(&body, 5, 1, "");
	body.len -= 2; /* its own end */
	memmove(body.data + 14, body.data + 14 + 11, body.len - 14 - 11);
	body.len -= 11; /* its own beginning */
	buf_adds(&body, ",5]}");
	CHECK_U(peer_call(&s.p, "POST", batch, buf_str(&body)), 200);
	CHECK_U(peer_count(&s.p, "\"status\":\"rejected\""), 2);
	CHECK_U(peer_count(&s.p, "\"status\":\"success\""), 1);
	CHECK_U(peer_number(&s.p, "seq"), 5);
	/* Same id, other content. */
	CHECK_U(peer_push(&s.p, 5, 1, ",\"author\":\"user:eve\""), 200);
	CHECK(peer_has(&s.p, "\"code\":\"id_reused\""));
	CHECK_U(peer_number(&s.p, "head"), 5);
	buf_fini(&body);
	scene_close(&s);
}

static void
takes_gzip_and_answers_it(void)
{
	struct scene s;
	struct gzip g = { 0 };
	struct buf plain = { 0 }, packed = { 0 };
	struct err_info e = { 0 };

	scene_open(&s);
	lab_batch(&plain, 1, 200, "");
	CHECK_OK(gzip_deflate(&g, buf_str(&plain), 6, &packed, &e), &e);
	peer_request(&s.p, "POST", batch,
	    "Content-Encoding: gzip\r\nAccept-Encoding: gzip\r\n",
	    buf_str(&packed));
	CHECK(peer_answer(&s.p));
	CHECK_U(s.p.status, 200);
	CHECK_STR(peer_field(&s.p, "Content-Encoding"), "gzip");
	buf_reset(&plain);
	CHECK_OK(gzip_inflate(&g, buf_str(&s.p.body), 1 << 20, &plain, &e), &e);
	buf_reset(&s.p.body);
	buf_add(&s.p.body, plain.data, plain.len);
	CHECK_U(peer_count(&s.p, "\"status\":\"success\""), 200);
	CHECK_U(peer_number(&s.p, "head"), 200);
	gzip_fini(&g);
	buf_fini(&plain);
	buf_fini(&packed);
	scene_close(&s);
}

/* --- who waits for what --------------------------------------------------------- */

/* Events of the log as another connection sees them. */
static uint64_t
committed(struct scene *s)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	uint64_t n = 0;

	CHECK(sqlite3_open_v2(hub_lab_path(&s->l, "replica.db"), &db,
	          SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, "SELECT count(*) FROM event", -1, &st,
	          NULL) == SQLITE_OK);
	if (CHECK(sqlite3_step(st) == SQLITE_ROW))
		n = (uint64_t)sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(db);
	return n;
}

/* What many connections send while the writer is busy is committed at once, and
 * each gets its own answer after that. */
static void
commits_for_all_who_wait(void)
{
	enum { PEERS = 16 };
	struct peer p[PEERS];
	struct scene s;
	uint64_t before, end = 2 * PEERS + 2;
	bool seen[PEERS * 2 + 2] = { false };
	int lock;

	scene_open(&s);
	CHECK_U(peer_push(&s.p, 1, 1, ""), 200);
	before = peer_metric(&s.p, "commits_total");
	lock = hub_lab_hold(&s.l);
	for (unsigned i = 0; i < PEERS; i++) {
		struct buf body = { 0 };

		scene_peer(&s, &p[i]);
		lab_batch(&body, 100 + 2 * i, 2, "");
		peer_request(&p[i], "POST", batch, "", buf_str(&body));
		buf_fini(&body);
		if (i == 0)
			peer_until_taken(&s.p);
		peer_until(&s.p, "writer_waiting", i);
	}
	CHECK_U(committed(&s), 1);
	hub_lab_let_go(lock);
	for (unsigned i = 0; i < PEERS; i++) {
		uint64_t seq;

		CHECK(peer_answer(&p[i]));
		CHECK_U(p[i].status, 200);
		CHECK_U(peer_count(&p[i], "\"status\":\"success\""), 2);
		seq = peer_number(&p[i], "seq");
		/* Two in a row, nobody else's. */
		if (CHECK(seq >= 2 && seq < end - 1)) {
			CHECK(!seen[seq] && !seen[seq + 1]);
			seen[seq] = seen[seq + 1] = true;
		}
		peer_close(&p[i]);
	}
	CHECK_U(committed(&s), 1 + 2 * PEERS);
	CHECK_U(peer_metric(&s.p, "commits_total"), before + 2);
	scene_close(&s);
}

/* One of a group that fails - its team's quota of nothing, say - is the others'
 * no concern: see the walk over faults.  Here: no answer before the commit. */
static void
answers_after_the_commit(void)
{
	struct scene s;
	struct peer late, other;
	struct buf body = { 0 };
	int lock;

	scene_open(&s);
	CHECK_U(peer_push(&s.p, 1, 1, ""), 200);
	scene_peer(&s, &late);
	scene_peer(&s, &other);
	lock = hub_lab_hold(&s.l);
	lab_batch(&body, 2, 1, "");
	peer_request(&late, "POST", batch, "", buf_str(&body));
	peer_until_taken(&s.p);
	/* Others are served meanwhile. */
	CHECK_U(peer_call(&other, "GET", "/api/v1/events/", NONE), 200);
	CHECK_U(peer_number(&other, "head"), 1);
	CHECK_U(peer_call(&other, "GET", "/api/v1/me", NONE), 200);
	CHECK(recv(late.fd, (char[1]){ 0 }, 1, MSG_DONTWAIT | MSG_PEEK) < 0);
	hub_lab_let_go(lock);
	CHECK(peer_answer(&late));
	/* When the answer is here, everybody sees what it tells of. */
	CHECK_U(peer_number(&late, "head"), 2);
	CHECK_U(committed(&s), 2);
	CHECK_U(peer_call(&other, "GET", "/api/v1/events/", NONE), 200);
	CHECK_U(peer_number(&other, "head"), 2);
	buf_fini(&body);
	peer_close(&late);
	peer_close(&other);
	scene_close(&s);
}

/* --- seq without gaps -------------------------------------------------------------- */

enum { WRITERS = 6, BATCHES = 12, EACH = 5 };

struct writer {
	struct scene *s;
	unsigned n;
	const char *team;
	char *token;
	unsigned accepted;
	uint64_t last; /* seq; what a writer is told only grows */
};

static void *
write_batches(void *arg)
{
	struct writer *w = arg;
	struct peer p;

	peer_open(&p, &w->s->l);
	p.token = w->token;
	p.team = w->team;
	for (unsigned i = 0; i < BATCHES; i++) {
		/* Every third batch was sent before; every fifth is bad. */
		unsigned from = 1000 * (w->n + 1) + EACH * (i - i % 3 / 2);
		const char *more = i % 5 == 4 ? ",\"lamport_clock\":-1" : "";

		CHECK_U(peer_push(&p, from, EACH, more), 200);
		w->accepted += peer_count(&p, "\"status\":\"success\"");
		if (peer_number(&p, "seq") != UINT64_MAX &&
		    peer_count(&p, "\"status\":\"success\"") == EACH) {
			CHECK(peer_number(&p, "seq") > w->last);
			w->last = peer_number(&p, "seq");
		}
	}
	peer_close(&p);
	return NULL;
}

/* Every row of a team's log, page by page: numbered from 1 without a gap. */
static uint64_t
walk_log(struct scene *s, const char *team, unsigned limit)
{
	struct peer p;
	uint64_t after = 0, head;
	char epoch[33];

	scene_peer(s, &p);
	p.team = team;
	CHECK_U(peer_call(&p, "GET", "/api/v1/events/?limit=1", NONE), 200);
	CHECK(snprintf(epoch, sizeof epoch, "%s", peer_string(&p, "epoch")) ==
	    32);
	do {
		char target[128];
		struct str rest;

		CHECK(snprintf(target, sizeof target,
		          "/api/v1/events/?epoch=%s&after=%llu&limit=%u", epoch,
		          (unsigned long long)after, limit) > 0);
		CHECK_U(peer_call(&p, "GET", target, NONE), 200);
		head = peer_number(&p, "head");
		rest = buf_str(&p.body);
		for (;;) {
			const char *at = memmem(rest.p, rest.n, "{\"seq\":", 7);

			if (at == NULL)
				break;
			CHECK_U(strtoull(at + 7, NULL, 10), after + 1);
			after++;
			rest =
			    str_n(at + 7, rest.n - (size_t)(at + 7 - rest.p));
		}
		CHECK_U(peer_number(&p, "next"), after);
	} while (after < head && !t_failing());
	peer_close(&p);
	return after;
}

static void
numbers_without_a_gap(void)
{
	struct writer w[WRITERS];
	pthread_t thread[WRITERS];
	struct scene s;
	uint64_t red = 0, blue = 0;

	scene_open(&s);
	for (unsigned i = 0; i < WRITERS; i++) {
		w[i] = (struct writer){ .s = &s,
			.n = i,
			.token = s.token,
			.team = i % 2 ? "blue" : "red" };
		CHECK(pthread_create(&thread[i], NULL, write_batches, &w[i]) ==
		    0);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		*(i % 2 ? &blue : &red) += w[i].accepted;
	}
	CHECK(red > 50 && blue > 50);
	CHECK_U(walk_log(&s, "red", 7), red);
	CHECK_U(walk_log(&s, "blue", 1000), blue);
	CHECK_U(walk_log(&s, "ann", 10), 0);
	CHECK_U(committed(&s), red + blue);
	scene_close(&s);
}

/* --- positions ---------------------------------------------------------------------- */

static void
tells_to_start_over(void)
{
	struct scene s;
	char target[128], epoch[64];

	scene_open(&s);
	CHECK_U(peer_push(&s.p, 1, 2, ""), 200);
	CHECK(snprintf(epoch, sizeof epoch, "%s", peer_string(&s.p, "epoch")) ==
	    32);
	CHECK(snprintf(target, sizeof target,
	          "/api/v1/events/?epoch=%s&after=2", epoch) > 0);
	CHECK_U(peer_call(&s.p, "GET", target, NONE), 200);
	CHECK(peer_has(&s.p, "\"events\":[]"));
	target[strlen(target) - 1] = '3';
	CHECK_U(peer_call(&s.p, "GET", target, NONE), 409);
	CHECK(peer_has(&s.p, "\"error\":\"resync\""));
	CHECK(strcmp(peer_string(&s.p, "epoch"), epoch) == 0);
	target[strlen("/api/v1/events/?epoch=")] ^= 1;
	target[strlen(target) - 1] = '0';
	CHECK_U(peer_call(&s.p, "GET", target, NONE), 409);
	CHECK(strcmp(peer_string(&s.p, "epoch"), epoch) == 0);
	/* A team that nobody wrote to has the epoch from its first answer on. */
	s.p.team = "blue";
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/events/", NONE), 200);
	CHECK(strcmp(peer_string(&s.p, "epoch"), epoch) == 0);
	CHECK_U(peer_number(&s.p, "head"), 0);
	scene_close(&s);
}

/* --- snapshots ------------------------------------------------------------------------ */

static const char *
digest(struct peer *p)
{
	static char text[65];

	CHECK(snprintf(text, sizeof text, "%s", peer_string(p, "state_hash")) ==
	    64);
	return text;
}

static void
shows_the_state(void)
{
	static const char one[] = ",\"project_uuid\":"
	                          "\"00000000-0000-4000-8000-0000000000aa\"";
	struct scene s;
	struct buf big = { 0 };
	char before[65];

	scene_open(&s);
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/snapshot/", NONE), 200);
	CHECK(peer_has(&s.p, "\"todos\":[]"));
	CHECK_U(peer_number(&s.p, "seq"), 0);
	memcpy(before, digest(&s.p), sizeof before);
	CHECK_U(peer_push(&s.p, 1, 3, ""), 200);
	CHECK_U(peer_push(&s.p, 10, 2, one), 200);
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/snapshot/", NONE), 200);
	CHECK_U(peer_number(&s.p, "seq"), 5);
	CHECK_U(peer_count(&s.p, "\"content\":\"number"), 5);
	CHECK(strcmp(before, digest(&s.p)) != 0);
	CHECK_U(peer_call(&s.p, "GET",
	            "/api/v1/snapshot/?project="
	            "000000000000400080000000000000AA",
	            NONE),
	    200);
	CHECK_U(peer_count(&s.p, "\"content\":\"number"), 2);
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/snapshot/?project=none", NONE),
	    404);
	/* Another team's view has none of it. */
	s.p.team = "blue";
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/snapshot/", NONE), 200);
	CHECK_U(peer_count(&s.p, "\"content\":"), 0);
	s.p.team = NULL;
	/* Gone from the state, still in the log. */
	CHECK_U(peer_push(&s.p, 20, 1, ",\"x\":1"), 200);
	buf_adds(&big,
	    "{\"events\":[{\"event_id\":\"01890000-0000-7000-8000-"
	    "0000000000ff\","
	    "\"event_type\":\"todo_deleted\",\"aggregate_type\":\"todo\","
	    "\"aggregate_id\":\"todo-20\",\"lamport_clock\":99,\"node_id\":"
	    "\"n1\","
	    "\"timestamp\":\"2026-04-28T10:30:00Z\",\"payload\":{},"
	    "\"replaces\":"
	    "[\"01890000-0000-7000-8000-000000000014\"]}]}");
	CHECK_U(peer_call(&s.p, "POST", batch, buf_str(&big)), 200);
	CHECK_U(peer_count(&s.p, "\"status\":\"success\""), 1);
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/snapshot/", NONE), 200);
	CHECK_U(peer_count(&s.p, "number 20"), 0);
	CHECK_U(peer_number(&s.p, "seq"), 7);
	buf_fini(&big);
	scene_close(&s);
}

/* Texts are cut at whole characters; what is short is not. */
static void
cuts_long_texts(void)
{
	struct scene s;
	struct buf body = { 0 };
	size_t cut;

	scene_open(&s);
	buf_adds(&body,
	    "{\"events\":[{\"event_id\":\"01890000-0000-7000-8000-"
	    "000000000001\","
	    "\"event_type\":\"todo_added\",\"aggregate_type\":\"todo\","
	    "\"aggregate_id\":\"t\",\"lamport_clock\":1,\"node_id\":\"n1\","
	    "\"timestamp\":\"2026-04-28T10:30:00Z\",\"replaces\":[],"
	    "\"payload\":{\"content\":\"c\",\"description\":\"");
	/* Three bytes each; 64 KiB is no multiple of three. */
	for (unsigned i = 0; i < 30000; i++)
		buf_adds(&body, "\xe2\x82\xac");
	buf_adds(&body, "\"}}]}");
	CHECK_U(peer_call(&s.p, "POST", batch, buf_str(&body)), 200);
	CHECK_U(peer_count(&s.p, "\"status\":\"success\""), 1);
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/snapshot/", NONE), 200);
	cut = 65536 - 65536 % 3;
	CHECK_U(peer_count(&s.p, "\xe2\x82\xac"), cut / 3);
	CHECK(peer_has(&s.p, "\xe2\x82\xac\""));
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/events/", NONE), 200);
	CHECK_U(peer_count(&s.p, "\xe2\x82\xac"), 30000);
	buf_fini(&body);
	scene_close(&s);
}

/* --- connections ----------------------------------------------------------------------- */

static void
keeps_connections(void)
{
	struct scene s;
	int fd;

	scene_open(&s);
	fd = s.p.fd;
	for (unsigned i = 1; i <= 50; i++)
		CHECK_U(peer_push(&s.p, i, 1, ""), 200);
	/* A refusal that was read to its end does not cost the connection. */
	CHECK_U(peer_call(&s.p, "GET", "/api/nothing", NONE), 404);
	CHECK_U(peer_call(&s.p, "POST", batch, STR("nonsense")), 400);
	s.p.token = NULL;
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/me", NONE), 401);
	s.p.token = s.token;
	CHECK_U(peer_call(&s.p, "GET", "/api/v1/me", NONE), 200);
	CHECK_I(s.p.fd, fd);
	CHECK_U(peer_metric(&s.p, "connections"), 1);
	/* Until it asks for the end. */
	peer_request(&s.p, "GET", "/api/health", "Connection: close\r\n", NONE);
	CHECK(peer_answer(&s.p));
	CHECK_STR(peer_field(&s.p, "Connection"), "close");
	CHECK(!peer_answer(&s.p));
	scene_close(&s);
}

/* Many requests in one go: answered in order, whatever each of them waits for. */
static void
answers_pipelines_in_order(void)
{
	struct scene s;
	struct buf all = { 0 }, one = { 0 };

	scene_open(&s);
	for (unsigned i = 1; i <= 20; i++) {
		buf_reset(&one);
		lab_batch(&one, i, 1, "");
		buf_addf(&all,
		    "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
		    "%s\r\n"
		    "Content-Length: %zu\r\n\r\n",
		    batch, s.token, one.len);
		buf_add(&all, one.data, one.len);
		buf_addf(&all,
		    "GET /api/v1/events/ HTTP/1.1\r\nHost: x\r\n"
		    "Authorization: Bearer %s\r\n\r\n"
		    "GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n",
		    s.token);
	}
	peer_send(&s.p, buf_str(&all));
	for (unsigned i = 1; i <= 20 && !t_failing(); i++) {
		CHECK(peer_answer(&s.p));
		CHECK_U(s.p.status, 200);
		CHECK_U(peer_number(&s.p, "seq"), i);
		CHECK(peer_has(&s.p, "\"results\""));
		CHECK(peer_answer(&s.p));
		/* It came after the batch in front of it. */
		CHECK_U(peer_number(&s.p, "head"), i);
		CHECK(peer_answer(&s.p));
		CHECK(peer_has(&s.p, "\"status\":\"ok\""));
	}
	buf_fini(&all);
	buf_fini(&one);
	scene_close(&s);
}

/* A peer that goes before its answer takes nothing with it. */
static void
outlives_those_who_leave(void)
{
	struct scene s;
	struct peer p;
	struct buf body = { 0 };
	int lock;

	scene_open(&s);
	CHECK_U(peer_push(&s.p, 1, 1, ""), 200);
	lock = hub_lab_hold(&s.l);
	lab_batch(&body, 2, 2, "");
	scene_peer(&s, &p);
	peer_request(&p, "POST", batch, "", buf_str(&body));
	peer_close(&p);
	/* Half of one. */
	scene_peer(&s, &p);
	peer_sendf(&p,
	    "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
	    "Content-Length: 100\r\n\r\n{\"events\":[",
	    batch, s.token);
	peer_close(&p);
	hub_lab_let_go(lock);
	/* Nobody else is held any more. */
	while (!t_failing() && peer_metric(&s.p, "connections") > 1)
		;
	CHECK_U(peer_call(&s.p, "POST", batch, buf_str(&body)), 200);
	/* It was under way when its sender left, or it never came. */
	CHECK_U(peer_number(&s.p, "head"), 3);
	buf_fini(&body);
	scene_close(&s);
}

/* --- the end ------------------------------------------------------------------------------ */

/* Batches that arrived before the signal are committed and answered; a new
 * connection is not taken; the folder can be served again. */
static void
answers_what_is_under_way(void)
{
	enum { PEERS = 5 };
	struct peer p[PEERS], half;
	struct scene s;
	struct buf body = { 0 };
	char epoch[64];
	int lock;

	scene_open(&s);
	CHECK_U(peer_push(&s.p, 1, 1, ""), 200);
	CHECK(snprintf(epoch, sizeof epoch, "%s", peer_string(&s.p, "epoch")) ==
	    32);
	lock = hub_lab_hold(&s.l);
	for (unsigned i = 0; i < PEERS; i++) {
		buf_reset(&body);
		lab_batch(&body, 10 * (i + 1), 3, "");
		scene_peer(&s, &p[i]);
		peer_request(&p[i], "POST", batch, "", buf_str(&body));
		if (i == 0)
			peer_until_taken(&s.p);
		peer_until(&s.p, "writer_waiting", i);
	}
	/* One that is not whole yet: its rest is waited for. */
	buf_reset(&body);
	lab_batch(&body, 1000, 300, "");
	scene_peer(&s, &half);
	peer_sendf(&half,
	    "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
	    "Content-Length: %zu\r\n\r\n",
	    batch, s.token, body.len);
	peer_send(&half, str_n(body.data, body.len / 2));
	peer_until(&s.p, "request_held_bytes", body.len / 2);
	hub_lab_signal(&s.l);
	peer_send(&half,
	    str_n(body.data + body.len / 2, body.len - body.len / 2));
	hub_lab_let_go(lock);
	for (unsigned i = 0; i < PEERS; i++) {
		CHECK(peer_answer(&p[i]));
		CHECK_U(p[i].status, 200);
		CHECK_U(peer_count(&p[i], "\"status\":\"success\""), 3);
		CHECK(!peer_answer(&p[i]));
		peer_close(&p[i]);
	}
	CHECK(peer_answer(&half));
	CHECK_U(peer_count(&half, "\"status\":\"success\""), 300);
	CHECK_STR(peer_field(&half, "Connection"), "close");
	peer_close(&half);
	CHECK_OK(hub_lab_wait(&s.l), &s.l.e);
	peer_close(&s.p);
	if (CHECK(hub_lab_start(&s.l))) {
		scene_peer(&s, &s.p);
		CHECK_U(peer_call(&s.p, "GET", "/api/v1/events/", NONE), 200);
		CHECK_U(peer_number(&s.p, "head"), 1 + 3 * PEERS + 300);
		CHECK(strcmp(peer_string(&s.p, "epoch"), epoch) == 0);
	}
	buf_fini(&body);
	scene_close(&s);
}

int
main(void)
{
	T_RUN(answers_each_event);
	T_RUN(takes_gzip_and_answers_it);
	T_RUN(commits_for_all_who_wait);
	T_RUN(answers_after_the_commit);
	T_RUN(numbers_without_a_gap);
	T_RUN(tells_to_start_over);
	T_RUN(shows_the_state);
	T_RUN(cuts_long_texts);
	T_RUN(keeps_connections);
	T_RUN(answers_pipelines_in_order);
	T_RUN(outlives_those_who_leave);
	T_RUN(answers_what_is_under_way);
	return t_done();
}
