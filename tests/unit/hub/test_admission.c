/* Admission and feed on a store in memory: each reason for which an event is
 * refused, what is not refused, and what goes out. */
#include "admission.h"

#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "feed.h"
#include "snapshot.h"
#include "t.h"

/* --- a hub with two teams ------------------------------------------------------- */

struct lab {
	struct store *store;
	space_id team[2];
	struct admission ad;
	struct sender from;
	struct t_rng rng;
	struct batch batch;
	struct arena a;
	struct batch_answer answer;
	struct buf body;
	unsigned quota; /* of new events that still have room */
	bool teamless;  /* it cannot be told whose they are */
	struct store_options opt;
};

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1700000000000;
}

static void
random_bytes(void *ctx, void *out, size_t n)
{
	struct lab *l = ctx;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)t_rand(&l->rng);
}

static enum err
quota(void *ctx, space_id space, const struct event *ev, struct err_info *e)
{
	struct lab *l = ctx;

	(void)space, (void)ev;
	if (l->quota == 99)
		return err_setf(e, ERR_IO, "no answer");
	return l->quota-- > 0 ? ERR_OK :
	                        err_setf(e, ERR_QUOTA, "the team is full");
}

/* The team that the envelope names: "b", else "a". */
static enum err
space_of(void *ctx, const struct event *ev, space_id *ret, struct err_info *e)
{
	struct lab *l = ctx;

	if (l->teamless)
		return err_setf(e, ERR_IO, "no answer");
	*ret = l->team[str_is(ev->team_slug, "b")];
	return ERR_OK;
}

static void
lab_init(struct lab *l)
{
	static const char *const slug[] = { "a", "b" };
	struct err_info e = { 0 };

	*l = (struct lab){ .rng = { 7 },
		.opt = { .hub = true, .env = { wall_ms, random_bytes, l } } };
	if (!CHECK_OK(store_mem_open(&l->store, &l->opt, &e), &e) ||
	    !CHECK_OK(store_begin(l->store, &e), &e))
		abort();
	for (int i = 0; i < 2; i++) {
		CHECK_OK(store_space_add(l->store, STR(""), STR(""),
		             str_of(slug[i]), &l->team[i], &e),
		    &e);
		CHECK_OK(store_resync(l->store, l->team[i], STR("epoch-1"), &e),
		    &e);
	}
	CHECK_OK(store_commit(l->store, &e), &e);
	l->ad = (struct admission){ .store = l->store };
	l->from = (struct sender){ .user = STR("ann"),
		.now_ms = 5000,
		.space = l->team[0],
		.space_of = space_of,
		.ctx = l };
}

/* A handle that holds nothing in memory. */
static void
lab_cold(struct lab *l)
{
	struct store *was = l->store;
	struct err_info e = { 0 };

	if (!CHECK_OK(store_mem_copy(&l->store, was, &l->opt, &e), &e))
		abort();
	store_close(was);
	l->ad.store = l->store;
}

static void
lab_fini(struct lab *l)
{
	admission_fini(&l->ad);
	batch_fini(&l->batch);
	arena_fini(&l->a);
	buf_fini(&l->body);
	store_close(l->store);
}

/* --- events ----------------------------------------------------------------------- */

/* Number, clock, node (one letter), node_seq (0: none), names as numbers in
 * letters from 'A' (number 1), work package; NULL: no member `replaces`. */
struct made {
	unsigned n;
	uint64_t clock;
	const char *node;
	unsigned node_seq;
	const char *names;
	unsigned wp;
	const char *title, *team;
};

static void
add_id(struct buf *out, unsigned n)
{
	buf_addf(out, "\"01890000-0000-7000-8000-%012x\"", n);
}

static void
add_event(struct buf *out, const struct made *m)
{
	buf_adds(out, "{\"event_id\":");
	add_id(out, m->n);
	buf_addf(out,
	    ",\"event_type\":\"wp_updated\",\"aggregate_id\":"
	    "\"001-a/WP%02u\",\"aggregate_type\":\"work_package\","
	    "\"lamport_clock\":%llu,\"node_id\":\"%s\",\"timestamp\":"
	    "\"2026-04-28T10:30:00Z\",\"payload\":{\"wp_id\":\"WP%02u\","
	    "\"title\":\"%s\"}",
	    m->wp ? m->wp : 1, (unsigned long long)m->clock,
	    m->node ? m->node : "n", m->wp ? m->wp : 1,
	    m->title ? m->title : "T");
	if (m->node_seq > 0)
		buf_addf(out, ",\"node_seq\":%u", m->node_seq);
	if (m->team != NULL)
		buf_addf(out, ",\"team_slug\":\"%s\"", m->team);
	if (m->names != NULL) {
		buf_adds(out, ",\"replaces\":[");
		for (const char *p = m->names; *p != '\0'; p++) {
			if (p != m->names)
				buf_addc(out, ',');
			add_id(out, (unsigned)(*p - 'A') + 1);
		}
		buf_addc(out, ']');
	}
	buf_addc(out, '}');
}

/* One batch in a transaction of its own; the answer is in l. */
static enum err
send_body(struct lab *l, struct err_info *e)
{
	enum err rc = batch_decode(&l->batch, buf_str(&l->body), e);

	arena_reset(&l->a);
	if (rc == ERR_OK)
		rc = store_begin(l->store, e);
	if (rc != ERR_OK)
		return rc;
	admission_begin(&l->ad);
	rc = admission_batch(&l->ad, &l->from, &l->batch, &l->a, &l->answer, e);
	if (rc == ERR_OK)
		rc = store_commit(l->store, e);
	if (rc != ERR_OK)
		store_rollback(l->store);
	return rc;
}

static void
send_more(struct lab *l, const struct made *m, size_t n, const char *relayed)
{
	struct err_info e = { 0 };

	buf_reset(&l->body);
	buf_addf(&l->body, "{\"relayed\":[%s],\"events\":[", relayed);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(&l->body, ',');
		add_event(&l->body, &m[i]);
	}
	buf_adds(&l->body, "]}");
	CHECK_OK(send_body(l, &e), &e);
	CHECK_U(l->answer.n, n);
}

static void
send(struct lab *l, const struct made *m, size_t n)
{
	send_more(l, m, n, "");
}

static uint64_t
events_of(struct lab *l, int team)
{
	struct arena a = { 0 };
	struct space sp = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(store_space_get(l->store, l->team[team], &a, &sp, &e), &e);
	CHECK_U(sp.pulled, sp.events);
	arena_fini(&a);
	return sp.events;
}

/* --- one event against a log ------------------------------------------------------- */

/* The log: A (clock 10, wp 1), B (20, wp 1, replaces A), C (30, wp 2),
 * D (5, node "m", wp 1, replaces nothing, node_seq 4). */
static const struct made log_of_a[] = {
	{ 1, 10, "n", 1, "", 1, "one", NULL },
	{ 2, 20, "n", 2, "A", 1, "two", NULL },
	{ 3, 30, "n", 3, "", 2, "three", NULL },
	{ 4, 5, "m", 4, "", 1, "four", NULL },
};

static const struct {
	const char *name;
	struct made ev;
	enum batch_status status;
	enum err code;
	bool retry;
	uint64_t seq;
} rows[] = {
	{ "new, names the heads", { 9, 31, "n", 4, "BD", 1, NULL, NULL },
	    BATCH_SUCCESS, ERR_OK, false, 5 },
	{ "new, names nothing", { 9, 1, "n", 4, "", 1, NULL, NULL },
	    BATCH_SUCCESS, ERR_OK, false, 5 },
	{ "of a program that knows nothing of names",
	    { 9, 1, "n", 0, NULL, 1, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
	{ "names a write that is no head any more",
	    { 9, 31, "n", 4, "A", 1, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
	{ "names an event of another entity",
	    { 9, 31, "n", 4, "C", 1, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
	{ "the first of its entity, names another's",
	    { 9, 31, "n", 4, "C", 3, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
	{ "names one twice", { 9, 31, "n", 4, "BB", 1, NULL, NULL },
	    BATCH_SUCCESS, ERR_OK, false, 5 },
	{ "the same once more", { 2, 20, "n", 2, "A", 1, "two", NULL },
	    BATCH_DUPLICATE, ERR_OK, false, 2 },
	{ "the same id, other content", { 2, 20, "n", 2, "A", 1, "2", NULL },
	    BATCH_REJECTED, ERR_ID_REUSED, false, 0 },
	{ "the same id, stamped anew and not fit",
	    { 2, 9, "n", 2, "A", 1, "two", NULL }, BATCH_REJECTED,
	    ERR_ID_REUSED, false, 0 },
	{ "the same id, and names what is not here",
	    { 2, 40, "n", 2, "Z", 1, "two", NULL }, BATCH_REJECTED,
	    ERR_ID_REUSED, false, 0 },
	{ "names what is not here", { 9, 31, "n", 4, "BZ", 1, NULL, NULL },
	    BATCH_REJECTED, ERR_PARENT, true, 0 },
	{ "names itself", { 9, 31, "n", 4, "I", 1, NULL, NULL }, BATCH_REJECTED,
	    ERR_SCHEMA, false, 0 },
	{ "below a head that it names", { 9, 15, "n", 4, "B", 1, NULL, NULL },
	    BATCH_REJECTED, ERR_CLOCK_BEHIND, true, 0 },
	{ "below another entity's event that it names",
	    { 9, 29, "n", 4, "C", 1, NULL, NULL }, BATCH_REJECTED,
	    ERR_CLOCK_BEHIND, true, 0 },
	{ "below a write that is no head any more",
	    { 9, 9, "n", 4, "A", 1, NULL, NULL }, BATCH_REJECTED,
	    ERR_CLOCK_BEHIND, true, 0 },
	{ "the clock of a head, a lesser node",
	    { 9, 20, "m", 5, "B", 1, NULL, NULL }, BATCH_REJECTED,
	    ERR_CLOCK_BEHIND, true, 0 },
	{ "the clock of a head, a greater node",
	    { 9, 20, "o", 5, "B", 1, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
	{ "the clock of a past write, a lesser node",
	    { 9, 10, "m", 5, "A", 1, NULL, NULL }, BATCH_REJECTED,
	    ERR_CLOCK_BEHIND, true, 0 },
	{ "the clock of a past write, a greater node",
	    { 9, 10, "o", 5, "A", 1, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
	{ "another event with its node's number",
	    { 9, 31, "n", 2, "B", 1, NULL, NULL }, BATCH_REJECTED, ERR_FORK,
	    false, 0 },
	{ "its number at another node", { 9, 31, "o", 2, "B", 1, NULL, NULL },
	    BATCH_SUCCESS, ERR_OK, false, 5 },
	{ "a number below the last that was never used",
	    { 9, 31, "m", 2, "B", 1, NULL, NULL }, BATCH_SUCCESS, ERR_OK, false,
	    5 },
};

static void
one_event(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct lab l;
		const struct batch_result *r;

		t_note("%s", rows[i].name);
		lab_init(&l);
		send(&l, log_of_a, 4);
		CHECK_U(l.answer.head, 4);
		send(&l, &rows[i].ev, 1);
		r = l.answer.result;
		CHECK(r->status == rows[i].status);
		CHECK_ERR(r->code, rows[i].code);
		CHECK(r->retry == rows[i].retry);
		CHECK_U(r->seq, rows[i].seq);
		CHECK((r->status == BATCH_REJECTED) == (r->why.n > 0));
		CHECK_U(events_of(&l, 0),
		    rows[i].status == BATCH_SUCCESS ? 5 : 4);
		CHECK_U(events_of(&l, 1), 0);
		lab_fini(&l);
	}
}

/* docs/protocol.md: older clients sort refusals by words of their text. */
static void
words_of_refusals(void)
{
	static const char *const words[] = { "invalid", "missing field",
		"field", "type", "token" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct batch_result *r;
		struct lab l;
		bool said = false;

		if (rows[i].status != BATCH_REJECTED)
			continue;
		t_note("%s", rows[i].name);
		lab_init(&l);
		send(&l, log_of_a, 4);
		send(&l, &rows[i].ev, 1);
		r = l.answer.result;
		for (size_t w = 0; w < 5; w++)
			said |= strstr(r->why.p, words[w]) != NULL;
		CHECK(said == (rows[i].code == ERR_SCHEMA));
		lab_fini(&l);
	}
}

static void
clocks_ahead(void)
{
	static const struct {
		uint64_t clock;
		enum err code;
	} tries[] = {
		{ ADMISSION_CLOCK_WINDOW + 1, ERR_CLOCK_AHEAD },
		{ CLOCK_MAX, ERR_CLOCK_AHEAD },
		{ ADMISSION_CLOCK_WINDOW, ERR_OK },
		/* It counts from where the team is now. */
		{ 2 * ADMISSION_CLOCK_WINDOW + 2, ERR_CLOCK_AHEAD },
		{ 2 * ADMISSION_CLOCK_WINDOW, ERR_OK },
		{ 1, ERR_OK },
	};
	struct lab l;

	lab_init(&l);
	for (unsigned i = 0; i < sizeof tries / sizeof tries[0]; i++) {
		struct made m = { i + 1, tries[i].clock, "n", i + 1, "", 1,
			NULL, NULL };

		t_note("clock %llu", (unsigned long long)m.clock);
		send(&l, &m, 1);
		CHECK_ERR(l.answer.result[0].code, tries[i].code);
		CHECK(!l.answer.result[0].retry);
	}
	CHECK_U(events_of(&l, 0), 3);
	CHECK(l.answer.clock >= 2 * ADMISSION_CLOCK_WINDOW);
	lab_fini(&l);
}

/* What a relayed event was admitted with once is not judged again. */
static void
relayed_events(void)
{
	static const char told[] =
	    "{\"event_id\":\"01890000-0000-7000-8000-000000000009\","
	    "\"user\":\"bob\",\"received_at\":\"1970-01-01T00:00:01Z\"}";
	const struct made ev = { 9, 31, "n", 2, "B", 1, NULL, NULL };
	struct err_info e = { 0 };
	struct log_row row;
	struct lab l;

	lab_init(&l);
	send(&l, log_of_a, 4);
	send_more(&l, &ev, 1, told);
	CHECK(l.answer.result[0].status == BATCH_SUCCESS);
	CHECK_OK(store_event(l.store, l.team[0], &l.batch.item[0].ev.id, &l.a,
	             &row, &e),
	    &e);
	CHECK_STR(row.user, "bob");
	CHECK_I(row.received_ms, 1000);
	CHECK(row.relayed);
	t_note("below what it names");
	send_more(&l, &(struct made){ 10, 9, "n", 9, "B", 1, NULL, NULL }, 1,
	    "{\"event_id\":\"01890000-0000-7000-8000-00000000000a\","
	    "\"received_at\":\"1970-01-01T00:00:01Z\"}");
	CHECK(l.answer.result[0].status == BATCH_SUCCESS);
	t_note("names what is not here");
	send_more(&l, &(struct made){ 11, 9, "n", 10, "Z", 1, NULL, NULL }, 1,
	    "{\"event_id\":\"01890000-0000-7000-8000-00000000000b\","
	    "\"received_at\":\"1970-01-01T00:00:01Z\"}");
	CHECK_ERR(l.answer.result[0].code, ERR_PARENT);
	send(&l, log_of_a, 1);
	CHECK_OK(eid_parse(STR("01890000-0000-7000-8000-000000000001"),
	             &l.batch.item[0].ev.id) ?
	        ERR_OK :
	        ERR_FAILED,
	    &e);
	CHECK_OK(store_event(l.store, l.team[0], &l.batch.item[0].ev.id, &l.a,
	             &row, &e),
	    &e);
	CHECK_STR(row.user, "ann");
	CHECK_I(row.received_ms, 5000);
	CHECK(!row.relayed);
	lab_fini(&l);
}

/* A hub that was restored gives a number to one event and gets back another, which
 * had it before and had been admitted.  Where that one belongs to a second team as
 * well it may be brought by its author, who never heard of its being admitted: it
 * comes as it is, or one id would stand for two contents. */
static void
a_number_given_twice(void)
{
	static const char told[] =
	    "{\"event_id\":\"01890000-0000-7000-8000-000000000002\","
	    "\"user\":\"ann\",\"received_at\":\"1970-01-01T00:00:01Z\"}";
	static const struct made taken = { 1, 1, "n", 2, "", 1, NULL, NULL };
	static const struct made back = { 2, 1, "n", 2, "", 1, NULL, NULL };
	static const struct made third = { 3, 2, "n", 2, "", 1, NULL, NULL };
	static const struct made renumbered = { 2, 1, "n", 1, "", 1, NULL,
		NULL };
	static const struct made first = { 4, 1, "n", 1, "", 1, NULL, NULL };
	struct lab l;

	lab_init(&l);
	l.from.space = l.team[1];
	send(&l, &first, 1);
	send(&l, &taken, 1);
	CHECK_U(l.answer.result[0].seq, 2);
	l.from.space = l.team[0];
	t_note("not known to have been admitted");
	send(&l, &back, 1);
	CHECK_ERR(l.answer.result[0].code, ERR_FORK);
	t_note("sent on");
	send_more(&l, &back, 1, told);
	CHECK_U(l.answer.result[0].seq, 1);
	l.from.space = l.team[1];
	t_note("under another number that is taken");
	send(&l, &renumbered, 1);
	CHECK_ERR(l.answer.result[0].code, ERR_FORK);
	t_note("by its author");
	send(&l, &back, 1);
	CHECK(l.answer.result[0].status == BATCH_SUCCESS);
	CHECK_U(l.answer.result[0].seq, 3);
	t_note("a third");
	send(&l, &third, 1);
	CHECK_ERR(l.answer.result[0].code, ERR_FORK);
	CHECK_U(events_of(&l, 0), 1);
	CHECK_U(events_of(&l, 1), 3);
	lab_fini(&l);
}

/* --- batches --------------------------------------------------------------------------- */

static void
earlier_events_of_the_request_count(void)
{
	static const struct made in_order[] = {
		{ 1, 1, "n", 1, "", 1, NULL, NULL },
		{ 2, 2, "n", 2, "A", 1, NULL, NULL },
		{ 3, 3, "n", 3, "B", 1, NULL, NULL },
	};
	static const struct made turned[] = {
		{ 2, 2, "n", 2, "A", 1, NULL, NULL },
		{ 1, 1, "n", 1, "", 1, NULL, NULL },
		{ 3, 3, "n", 3, "B", 1, NULL, NULL },
		{ 1, 1, "n", 1, "", 1, NULL, NULL },
	};
	struct lab l;

	lab_init(&l);
	send(&l, in_order, 3);
	for (unsigned i = 0; i < 3; i++)
		CHECK_U(l.answer.result[i].seq, i + 1);
	CHECK_U(l.answer.head, 3);
	CHECK_STR(l.answer.epoch, "epoch-1");
	lab_fini(&l);
	lab_init(&l);
	send(&l, turned, 4);
	CHECK_ERR(l.answer.result[0].code, ERR_PARENT);
	CHECK_U(l.answer.result[1].seq, 1);
	CHECK_ERR(l.answer.result[2].code, ERR_PARENT);
	CHECK(l.answer.result[3].status == BATCH_DUPLICATE);
	CHECK_U(l.answer.result[3].seq, 1);
	/* What waited goes now. */
	send(&l, turned, 4);
	CHECK_U(l.answer.result[0].seq, 2);
	CHECK_U(l.answer.result[2].seq, 3);
	lab_fini(&l);
}

static void
one_bad_among_good(void)
{
	struct err_info e = { 0 };
	struct made m = { 1, 1, "n", 1, "", 1, NULL, NULL };
	struct lab l;

	lab_init(&l);
	buf_adds(&l.body, "{\"events\":[");
	add_event(&l.body, &m);
	buf_adds(&l.body, ",{\"event_id\":\"odd\",\"a\":1,\"a\":1},");
	m.n = 2;
	m.node_seq = 2;
	add_event(&l.body, &m);
	buf_adds(&l.body, "]}");
	CHECK_OK(send_body(&l, &e), &e);
	CHECK_U(l.answer.result[0].seq, 1);
	CHECK_ERR(l.answer.result[1].code, ERR_SCHEMA);
	CHECK_STR(l.answer.result[1].id, "\"odd\"");
	CHECK_U(l.answer.result[2].seq, 2);
	buf_reset(&l.body);
	buf_adds(&l.body, "{\"events\":[]}");
	CHECK_OK(send_body(&l, &e), &e);
	CHECK_U(l.answer.n, 0);
	CHECK_U(l.answer.head, 2);
	lab_fini(&l);
}

static void
teams_stay_apart(void)
{
	static const struct made mixed[] = {
		{ 1, 1, "n", 1, "", 1, NULL, "a" },
		{ 2, 2, "n", 2, "", 1, NULL, "b" },
		{ 3, 3, "n", 3, "A", 1, NULL, "b" }, /* A is the other team's */
		{ 4, 4, "n", 4, "B", 1, NULL, "b" },
		{ 1, 1, "n", 1, "", 1, NULL, "a" },
		{ 6, 9, "n", 2, "", 1, NULL,
		    "a" }, /* forked at the other team */
	};
	struct lab l;

	lab_init(&l);
	l.from.space = 0;
	send(&l, mixed, 6);
	CHECK_U(l.answer.result[0].seq, 1);
	CHECK_U(l.answer.result[1].seq, 1);
	CHECK_ERR(l.answer.result[2].code, ERR_PARENT);
	CHECK_U(l.answer.result[3].seq, 2);
	CHECK(l.answer.result[4].status == BATCH_DUPLICATE);
	CHECK_ERR(l.answer.result[5].code, ERR_FORK);
	CHECK_U(l.answer.head, 1);
	CHECK_U(events_of(&l, 0), 1);
	CHECK_U(events_of(&l, 1), 2);
	/* The same event may stand in both: a project that was shared. */
	l.from.space = l.team[1];
	send(&l, mixed, 1);
	CHECK_U(l.answer.result[0].seq, 3);
	lab_fini(&l);
}

/* Where it cannot be told whose events they are, none is taken. */
static void
teamless(void)
{
	static const char *const body[] = { "{\"events\":[]}",
		"{\"events\":[{\"event_id\":\"odd\"}]}" };
	struct made m = { 1, 1, "n", 1, "", 1, NULL, NULL };
	struct err_info e = { 0 };
	struct lab l;

	lab_init(&l);
	l.from.space = 0;
	l.teamless = true;
	buf_adds(&l.body, "{\"events\":[");
	add_event(&l.body, &m);
	buf_adds(&l.body, "]}");
	CHECK_ERR(send_body(&l, &e), ERR_IO);
	CHECK_STR(str_of(e.text), "no answer");
	for (size_t i = 0; i < sizeof body / sizeof body[0]; i++) {
		t_note("%s", body[i]);
		buf_reset(&l.body);
		buf_adds(&l.body, body[i]);
		CHECK_ERR(send_body(&l, &e), ERR_IO);
	}
	CHECK_U(events_of(&l, 0) + events_of(&l, 1), 0);
	l.teamless = false;
	send(&l, &m, 1);
	CHECK(l.answer.result[0].status == BATCH_SUCCESS);
	lab_fini(&l);
}

static void
quotas(void)
{
	static const struct made three[] = {
		{ 1, 1, "n", 1, "", 1, NULL, NULL },
		{ 2, 2, "n", 2, "", 1, NULL, NULL },
		{ 3, 3, "n", 3, "", 1, NULL, NULL },
	};
	struct err_info e = { 0 };
	struct lab l;

	lab_init(&l);
	l.ad.quota = quota;
	l.ad.ctx = &l;
	l.quota = 2;
	send(&l, three, 3);
	CHECK_U(l.answer.result[1].seq, 2);
	CHECK_ERR(l.answer.result[2].code, ERR_QUOTA);
	CHECK_STR(l.answer.result[2].why, "the team is full");
	/* What is here already takes no room. */
	l.quota = 0;
	send(&l, three, 2);
	CHECK(l.answer.result[1].status == BATCH_DUPLICATE);
	l.quota = 99;
	CHECK_ERR(send_body(&l, &e), ERR_IO);
	CHECK_U(events_of(&l, 0), 2);
	lab_fini(&l);
}

/* Many requests in one transaction: heads and clocks go on. */
static void
group_commit(void)
{
	struct made m = { 1, 1, "n", 1, "", 1, NULL, NULL };
	struct err_info e = { 0 };
	struct lab l;

	lab_init(&l);
	CHECK_OK(store_begin(l.store, &e), &e);
	admission_begin(&l.ad);
	for (unsigned i = 1; i <= 5; i++) {
		m.n = m.node_seq = i;
		m.clock = i;
		buf_reset(&l.body);
		buf_adds(&l.body, "{\"events\":[");
		add_event(&l.body, &m);
		buf_adds(&l.body, "]}");
		CHECK_OK(batch_decode(&l.batch, buf_str(&l.body), &e), &e);
		CHECK_OK(admission_batch(&l.ad, &l.from, &l.batch, &l.a,
		             &l.answer, &e),
		    &e);
		CHECK_U(l.answer.head, i);
		CHECK_U(l.answer.result[0].seq, i);
	}
	CHECK_OK(store_commit(l.store, &e), &e);
	CHECK_U(events_of(&l, 0), 5);
	/* After a rollback nothing of the transaction is remembered. */
	CHECK_OK(store_begin(l.store, &e), &e);
	admission_begin(&l.ad);
	m.n = m.node_seq = 6;
	buf_reset(&l.body);
	buf_adds(&l.body, "{\"events\":[");
	add_event(&l.body, &m);
	buf_adds(&l.body, "]}");
	CHECK_OK(batch_decode(&l.batch, buf_str(&l.body), &e), &e);
	CHECK_OK(admission_batch(&l.ad, &l.from, &l.batch, &l.a, &l.answer, &e),
	    &e);
	store_rollback(l.store);
	CHECK_U(events_of(&l, 0), 5);
	CHECK_OK(send_body(&l, &e), &e);
	CHECK_U(l.answer.result[0].seq, 6);
	CHECK(l.answer.result[0].status == BATCH_SUCCESS);
	lab_fini(&l);
}

/* An entity with more heads than are looked at, an event with more names. */
static void
many_heads_and_names(void)
{
	struct err_info e = { 0 };
	struct made m = { 0, 1, "n", 0, "", 1, NULL, NULL };
	struct lab l;
	enum { HEADS = 400 };

	lab_init(&l);
	buf_adds(&l.body, "{\"events\":[");
	for (unsigned i = 1; i <= HEADS; i++) {
		m.n = i;
		m.node_seq = i;
		add_event(&l.body, &m);
		buf_addc(&l.body, i < HEADS ? ',' : ']');
	}
	buf_addc(&l.body, '}');
	CHECK_OK(send_body(&l, &e), &e);
	CHECK_U(events_of(&l, 0), HEADS);
	/* One name, behind those that are looked at. */
	for (unsigned named = HEADS - 1; named <= HEADS + 1; named++) {
		t_note("names %u", named);
		buf_reset(&l.body);
		buf_adds(&l.body, "{\"events\":[");
		m.n = m.node_seq = 500 + named;
		m.clock = 2;
		m.names = NULL;
		m.wp = 1;
		add_event(&l.body, &m);
		l.body.len--; /* reopen */
		buf_adds(&l.body, ",\"replaces\":[");
		add_id(&l.body, named);
		buf_adds(&l.body, "]}]}");
		CHECK_OK(send_body(&l, &e), &e);
		CHECK_ERR(l.answer.result[0].code,
		    named <= HEADS ? ERR_OK : ERR_PARENT);
	}
	for (unsigned named = HEADS - 1; named <= HEADS + 1; named++) {
		t_note("%u names", named);
		buf_reset(&l.body);
		buf_adds(&l.body, "{\"events\":[");
		m.n = 1000 + named;
		m.node_seq = m.n;
		m.clock = 2;
		m.names = NULL;
		add_event(&l.body, &m);
		l.body.len--; /* reopen */
		buf_adds(&l.body, ",\"replaces\":[");
		for (unsigned i = 1; i <= named; i++) {
			add_id(&l.body, i);
			buf_addc(&l.body, i < named ? ',' : ']');
		}
		buf_adds(&l.body, "}]}");
		CHECK_OK(send_body(&l, &e), &e);
		CHECK_ERR(l.answer.result[0].code,
		    named <= HEADS ? ERR_OK : ERR_PARENT);
	}
	lab_fini(&l);
}

/* --- what goes out ------------------------------------------------------------------------ */

static enum err
pull(struct lab *l, const char *epoch, uint64_t after, size_t limit,
    struct pull_answer *p, struct json *j, struct err_info *e)
{
	const struct pull_query q = { str_of(epoch), after, limit };
	enum err rc;

	buf_reset(&l->body);
	arena_reset(&l->a);
	rc = feed_answer(l->store, l->team[0], &q, &l->body, e);
	return rc == ERR_OK ?
	    pull_answer_decode(p, j, buf_str(&l->body), &l->a, e) :
	    rc;
}

static void
feeds(void)
{
	static const struct {
		const char *epoch;
		uint64_t after;
		size_t limit;
		enum err code;
		size_t n;
		uint64_t next;
	} out[] = {
		{ "", 0, 1000, ERR_OK, 4, 4 },
		{ "epoch-1", 0, 3, ERR_OK, 3, 3 },
		{ "epoch-1", 3, 3, ERR_OK, 1, 4 },
		{ "epoch-1", 4, 3, ERR_OK, 0, 4 },
		{ "epoch-1", 5, 3, ERR_RESYNC, 0, 0 },
		{ "epoch-2", 0, 3, ERR_RESYNC, 0, 0 },
		{ "epoch-2", 4, 3, ERR_RESYNC, 0, 0 },
	};
	struct json j = { 0 };
	struct lab l;

	lab_init(&l);
	send(&l, log_of_a, 4);
	for (size_t i = 0; i < sizeof out / sizeof out[0]; i++) {
		struct pull_answer p = { 0 };
		struct err_info e = { 0 };
		struct buf raw = { 0 };

		t_note("%s after %llu", out[i].epoch,
		    (unsigned long long)out[i].after);
		CHECK_ERR(pull(&l, out[i].epoch, out[i].after, out[i].limit, &p,
		              &j, &e),
		    out[i].code);
		CHECK_U(p.n, out[i].n);
		CHECK_U(p.next, out[i].next);
		if (out[i].code == ERR_RESYNC) {
			CHECK(strstr(l.body.data, "\"error\":\"resync\""));
			CHECK(strstr(l.body.data, "\"epoch\":\"epoch-1\""));
			continue;
		}
		CHECK_U(p.head, 4);
		for (size_t k = 0; k < p.n; k++) {
			buf_reset(&raw);
			add_event(&raw, &log_of_a[out[i].after + k]);
			CHECK_U(p.item[k].seq, out[i].after + k + 1);
			CHECK_EQ(p.item[k].ev.raw, buf_str(&raw));
			CHECK_STR(p.item[k].user, "ann");
			CHECK_I(p.item[k].received_ms, 5000);
		}
		buf_fini(&raw);
	}
	json_fini(&j);
	lab_fini(&l);
}

/* Pages end at 4 MiB, but never before the first event. */
static void
feeds_by_bytes(void)
{
	enum { BIG = 400 * 1024, EVENTS = 12 };
	char *title = calloc(1, BIG + 1);
	struct made m = { 0, 0, "n", 0, "", 1, NULL, NULL };
	struct json j = { 0 };
	uint64_t at = 0;
	unsigned pages = 0;
	struct lab l;

	if (title == NULL)
		abort();
	memset(title, 'x', BIG);
	m.title = title;
	lab_init(&l);
	for (unsigned i = 1; i <= EVENTS; i++) {
		m.n = m.node_seq = i;
		m.clock = i;
		send(&l, &m, 1);
		CHECK_U(l.answer.result[0].seq, i);
	}
	do {
		struct err_info e = { 0 };
		struct pull_answer p = { 0 };

		if (!CHECK_OK(pull(&l, "epoch-1", at, 1000, &p, &j, &e), &e))
			break;
		CHECK(p.n > 0);
		CHECK(l.body.len < PROTO_BYTES_MAX + 1000);
		at = p.next;
		pages++;
	} while (at < EVENTS);
	CHECK_U(pages, 2);
	free(title);
	json_fini(&j);
	lab_fini(&l);
}

/* --- failures ------------------------------------------------------------------------------ */

/* Where the store or memory fails, nothing is half there and the same request
 * passes afterwards. */
static void
every_allocation_may_fail(void)
{
	static const struct made batch[] = {
		{ 9, 31, "n", 4, "AC", 1, NULL, NULL },
		{ 10, 32, "n", 5, "Z", 1, NULL, NULL },
		{ 11, 9, "o", 6, "I", 2, NULL, NULL },
		/* The clock of what it names, which is no head. */
		{ 12, 10, "m", 7, "A", 1, NULL, NULL },
		{ 13, 99 + ADMISSION_CLOCK_WINDOW, "n", 8, "", 1, NULL, NULL },
		/* Known. */
		{ 2, 20, "n", 2, "A", 1, "two", NULL },
	};
	enum { BATCH = sizeof batch / sizeof batch[0] };
	bool hit;
	int n = 0;

	do {
		struct err_info e = { 0 };
		struct lab l;
		enum err rc;

		t_note("allocation %d", n);
		lab_init(&l);
		send(&l, log_of_a, 4);
		buf_reset(&l.body);
		buf_adds(&l.body, "{\"events\":[");
		for (int i = 0; i < BATCH; i++) {
			add_event(&l.body, &batch[i]);
			buf_addc(&l.body, i < BATCH - 1 ? ',' : ']');
		}
		buf_addc(&l.body, '}');
		lab_cold(&l);
		fault_arm_fine(n++);
		rc = send_body(&l, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		CHECK_U(events_of(&l, 0), hit ? 4 : 5);
		CHECK_OK(send_body(&l, &e), &e);
		CHECK_U(l.answer.result[0].seq, 5);
		CHECK_ERR(l.answer.result[3].code, ERR_CLOCK_BEHIND);
		CHECK_ERR(l.answer.result[4].code, ERR_CLOCK_AHEAD);
		CHECK(l.answer.result[5].status == BATCH_DUPLICATE);
		CHECK_U(events_of(&l, 0), 5);
		lab_fini(&l);
	} while (hit && n < 2000);
	CHECK(n > 20);
}

static void
feed_allocation_may_fail(void)
{
	struct lab l;
	bool hit;
	int n = 0;

	lab_init(&l);
	send(&l, log_of_a, 4);
	do {
		struct pull_query q = { STR("epoch-1"), 0, 10 };
		struct err_info e = { 0 };
		struct buf out = { 0 };
		enum err rc;

		t_note("allocation %d", n);
		fault_arm_fine(n++);
		rc = feed_answer(l.store, l.team[0], &q, &out, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		buf_fini(&out);
	} while (hit && n < 500);
	lab_fini(&l);
}

/* Whoever listens to a team is told when its log has grown, and only then. */
static void
tells_which_teams_have_grown(void)
{
	const struct made to_a = { 1, 10, "n", 1, "", 1, "one", NULL };
	const struct made to_b = { 2, 10, "n", 2, "", 1, "two", "b" };
	const struct made both[] = {
		{ 3, 11, "n", 3, "A", 1, "three", NULL },
		{ 4, 12, "n", 4, "", 2, "four", NULL },
		{ 5, 11, "n", 5, "B", 1, "five", "b" },
	};
	struct lab l;
	space_id space;
	uint64_t head;
	size_t at = 0, n = 0;

	lab_init(&l);
	send(&l, &to_a, 1);
	CHECK(admission_grown(&l.ad, &at, &space, &head));
	CHECK(space == l.team[0] && head == 1);
	CHECK(!admission_grown(&l.ad, &at, &space, &head));
	/* A duplicate is nothing new. */
	send(&l, &to_a, 1);
	at = 0;
	CHECK(!admission_grown(&l.ad, &at, &space, &head));
	l.from.space = 0;
	send(&l, &to_b, 1);
	at = 0;
	CHECK(admission_grown(&l.ad, &at, &space, &head));
	CHECK(space == l.team[1] && head == 1);
	CHECK(!admission_grown(&l.ad, &at, &space, &head));
	send(&l, both, 3);
	for (at = 0; admission_grown(&l.ad, &at, &space, &head); n++)
		CHECK_U(head, space == l.team[0] ? 3 : 2);
	CHECK_U(n, 2);
	lab_fini(&l);
}

/* --- the state in parts ------------------------------------------------------- */

enum { PART_MAX = 1000 };

struct parts {
	struct json j;
	size_t n, entities, truncated;
	uint64_t seq;
	bool more;
};

static enum err
take_part(void *ctx, struct buf *part, struct err_info *e)
{
	struct parts *p = ctx;
	uint32_t list, at;

	t_note("part %zu", p->n);
	/* What is around the lists is no part of the bound. */
	CHECK(part->len < PART_MAX + 500);
	CHECK(p->n == 0 || p->more);
	CHECK_OK(json_parse(&p->j, buf_str(part), 10, e), e);
	CHECK(json_str_is(&p->j, json_get(&p->j, 0, "type"), STR("snapshot")));
	CHECK(json_bool(&p->j, json_get(&p->j, 0, "more"), &p->more));
	CHECK(json_u53(&p->j, json_get(&p->j, 0, "seq"), &p->seq));
	CHECK_U(p->seq, 41);
	list = json_get(&p->j, 0, "work_packages");
	at = list + 1;
	for (uint32_t i = 0; i < p->j.node[list].n; i++) {
		p->truncated += json_get(&p->j, at, "truncated") > 0;
		at = json_next(&p->j, at);
	}
	p->entities += p->j.node[list].n;
	p->n++;
	return ERR_OK;
}

static void
shows_a_state_in_parts(void)
{
	char title[PART_MAX + 1];
	struct parts p = { 0 };
	struct err_info e = { 0 };
	uint64_t seq = 0;
	struct lab l;

	lab_init(&l);
	for (unsigned i = 1; i <= 41; i++) {
		struct made m = { i, i, "n", i, "", i, title, NULL };

		memset(title, 'x', sizeof title);
		title[i < 41 ? 50 : PART_MAX] = '\0';
		send(&l, &m, 1);
	}
	CHECK_OK(snapshot_parts(l.store, l.team[0], STR(""), PART_MAX,
	             take_part, &p, &seq, &e),
	    &e);
	CHECK_U(seq, 41);
	CHECK_U(p.entities, 41);
	CHECK_U(p.truncated, 1); /* it alone is more than a part */
	CHECK(!p.more);
	CHECK(p.n >= 4 && p.n <= 20);
	json_fini(&p.j);
	lab_fini(&l);
}

int
main(void)
{
	T_RUN(one_event);
	T_RUN(words_of_refusals);
	T_RUN(clocks_ahead);
	T_RUN(relayed_events);
	T_RUN(a_number_given_twice);
	T_RUN(earlier_events_of_the_request_count);
	T_RUN(one_bad_among_good);
	T_RUN(teams_stay_apart);
	T_RUN(teamless);
	T_RUN(quotas);
	T_RUN(group_commit);
	T_RUN(many_heads_and_names);
	T_RUN(feeds);
	T_RUN(feeds_by_bytes);
	T_RUN(tells_which_teams_have_grown);
	T_RUN(shows_a_state_in_parts);
	T_RUN(every_allocation_may_fail);
	T_RUN(feed_allocation_may_fail);
	return t_done();
}
