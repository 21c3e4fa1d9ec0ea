/* A space of a store as the sync engine sees it. */
#include "replica.h"

#include <stdlib.h>

#include "fault.h"
#include "made.h"
#include "t.h"

/* --- a store with some events --------------------------------------------------- */

struct lab {
	struct t_rng dice;
	struct store *store;
	space_id space;
	struct replica replica;
	struct sync_replica r;
	struct arena a;
};

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1750000000000;
}

static void
random_bytes(void *ctx, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] =
		    (uint8_t)t_rand(&((struct lab *)ctx)->dice);
}

static void
author(struct lab *l, const char *title)
{
	struct draft d = { .type = STR("wp_updated"),
		.aggregate_id = STR("001-a/WP01"),
		.aggregate_type = STR("work_package") };
	struct buf payload = { 0 };
	struct err_info e = { 0 };

	buf_addf(&payload, "{\"wp_id\":\"WP01\",\"title\":\"%s\"}", title);
	d.payload = buf_str(&payload);
	CHECK_OK(store_begin(l->store, &e), &e);
	CHECK_OK(store_author(l->store, l->space, &d, NULL, &e), &e);
	CHECK_OK(store_commit(l->store, &e), &e);
	buf_fini(&payload);
}

static void
lab_init(struct lab *l, unsigned events)
{
	struct store_options opt = { .env = { wall_ms, random_bytes, l } };
	struct err_info e = { 0 };

	*l = (struct lab){ .dice = { 5 } };
	if (!CHECK_OK(store_mem_open(&l->store, &opt, &e), &e))
		abort();
	CHECK_OK(store_begin(l->store, &e), &e);
	CHECK_OK(store_space_add(l->store, STR("hub"), STR("ann"), STR("red"),
	             &l->space, &e),
	    &e);
	CHECK_OK(store_commit(l->store, &e), &e);
	l->replica = (struct replica){ l->store, l->space, opt.env };
	replica_sync(&l->replica, &l->r);
	for (unsigned i = 0; i < events; i++)
		author(l, "T");
}

static void
lab_fini(struct lab *l)
{
	arena_fini(&l->a);
	store_close(l->store);
}

static struct sync_position
position(struct lab *l)
{
	struct sync_position at = { .pulled = 99 };
	struct err_info e = { 0 };

	CHECK_OK(l->r.position(l->r.ctx, &at, &e), &e);
	return at;
}

static struct sync_event *
unacked(struct lab *l, size_t *n)
{
	struct sync_event *ev = NULL;
	struct err_info e = { 0 };

	CHECK_OK(l->r.unacked(l->r.ctx, NULL, 100, 1 << 20, &l->a, &ev, n, &e),
	    &e);
	return ev;
}

/* An answer to a pull with made events first..last, as seqs from 1. */
static enum err
take(struct lab *l, unsigned first, unsigned last, uint64_t head,
    enum sync_took *took, struct err_info *e)
{
	struct buf body = { 0 }, raw = { 0 };
	struct pull_answer p;
	struct json j = { 0 };
	struct arena a = { 0 };
	enum err rc;

	pull_answer_begin(STR("e1"), &body);
	for (unsigned i = first; i <= last; i++) {
		buf_reset(&raw);
		made_event(&raw, i, "");
		pull_answer_row(&(struct pull_row){ .seq = i,
		                    .user = STR("bob"),
		                    .received_ms = 77,
		                    .raw = buf_str(&raw) },
		    i == first, &body);
	}
	pull_answer_end(last, head, &body);
	rc = body.failed || raw.failed ?
	    err_set(e, ERR_NOMEM) :
	    pull_answer_decode(&p, &j, buf_str(&body), &a, e);
	if (rc == ERR_OK)
		rc = l->r.take(l->r.ctx, &p, took, e);
	buf_fini(&body);
	buf_fini(&raw);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

/* --- tests ------------------------------------------------------------------------- */

static void
says_what_waits(void)
{
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct stamp after;
	struct event parsed;
	struct json j = { 0 };
	struct lab l;
	size_t n;

	lab_init(&l, 5);
	CHECK_STR(str_of(position(&l).epoch), "");
	CHECK_U(position(&l).pulled, 0);
	CHECK_U(position(&l).unacked, 5);
	ev = unacked(&l, &n);
	if (CHECK_U(n, 5)) {
		for (size_t i = 0; i < n; i++)
			CHECK(ev[i].own && !ev[i].fixed && !ev[i].send.relayed);
		CHECK_OK(event_parse(&parsed, &j, ev[2].send.raw, &l.a, &e),
		    &e);
		after = event_stamp(&parsed);
		CHECK_OK(l.r.unacked(l.r.ctx, &after, 1, 1, &l.a, &ev, &n, &e),
		    &e);
		CHECK_U(n, 1);
		CHECK_OK(event_parse(&parsed, &j, ev[0].send.raw, &l.a, &e),
		    &e);
		CHECK_U(parsed.clock, after.clock + 1);
	}
	json_fini(&j);
	lab_fini(&l);
}

/* Up to the position every place has its event: whoever says that ours stands there
 * has lost it. */
static void
places_that_are_taken(void)
{
	enum sync_took took[3];
	struct sync_mark mark = { .seq = 2 };
	struct sync_settled what = { .mark = &mark,
		.n = 1,
		.epoch = STR("e1"),
		.was = 3,
		.pulled = 3,
		.head = 9 };
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct lab l;
	size_t n = 0;

	lab_init(&l, 1);
	CHECK_OK(take(&l, 1, 3, 9, took, &e), &e);
	ev = unacked(&l, &n);
	CHECK_U(n, 1);
	mark.id = ev[0].send.id;
	mark.raw = ev[0].send.raw;
	CHECK_ERR(l.r.settle(l.r.ctx, &what, &e), ERR_PROTOCOL);
	(void)unacked(&l, &n);
	CHECK_U(n, 1);
	/* Above it there is room. */
	mark.seq = 7;
	CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
	(void)unacked(&l, &n);
	CHECK_U(n, 0);
	lab_fini(&l);
}

static void
settles(void)
{
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct sync_mark mark[3] = { { .seq = 1 },
		{ .code = ERR_SCHEMA, .why = STR("invalid") }, { .seq = 2 } };
	struct sync_settled what = {
		.mark = mark, .n = 3, .epoch = STR("e1"), .pulled = 2, .head = 5
	};
	struct space sp;
	struct lab l;
	size_t n;

	lab_init(&l, 4);
	ev = unacked(&l, &n);
	for (unsigned i = 0; i < 3; i++) {
		mark[i].id = ev[i].send.id;
		mark[i].raw = ev[i].send.raw;
	}
	CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
	CHECK(!mark[0].stale && !mark[1].stale && !mark[2].stale);
	CHECK_STR(str_of(position(&l).epoch), "e1");
	CHECK_U(position(&l).pulled, 2);
	CHECK_U(position(&l).head, 5);
	CHECK_U(position(&l).unacked, 1);
	CHECK_OK(store_space_get(l.store, l.space, &l.a, &sp, &e), &e);
	CHECK_U(sp.refused, 1);
	lab_fini(&l);
}

/* What changed since it was sent is left alone, and so is the position. */
static void
leaves_what_changed(void)
{
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct sync_mark mark[2] = { { .seq = 1 }, { .code = ERR_SCHEMA } };
	struct sync_settled what = {
		.mark = mark, .n = 2, .epoch = STR("e1"), .pulled = 1, .head = 1
	};
	struct lab l;
	size_t n;

	lab_init(&l, 2);
	ev = unacked(&l, &n);
	for (unsigned i = 0; i < 2; i++) {
		mark[i].id = ev[i].send.id;
		mark[i].raw = ev[i].send.raw;
	}
	CHECK_OK(l.r.restamp(l.r.ctx, 1000, &e), &e);
	CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
	CHECK(mark[0].stale && mark[1].stale);
	CHECK_U(position(&l).pulled, 0);
	CHECK_U(position(&l).head, 1);
	CHECK_U(position(&l).unacked, 2);
	lab_fini(&l);
}

/* Others wrote between the pull and the push: what was acknowledged above the
 * position is known until the pull has come there, or positions start over. */
static void
knows_what_is_ahead(void)
{
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct sync_mark mark[2] = { { .seq = 7 }, { .seq = 8 } };
	struct sync_settled what = {
		.mark = mark, .n = 2, .epoch = STR("e1"), .pulled = 2, .head = 8
	};
	struct sync_position at;
	struct lab l;
	size_t n;

	lab_init(&l, 2);
	CHECK_U(position(&l).ahead, 0);
	ev = unacked(&l, &n);
	for (unsigned i = 0; i < 2; i++) {
		mark[i].id = ev[i].send.id;
		mark[i].raw = ev[i].send.raw;
	}
	CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
	CHECK_U(position(&l).ahead, 8);
	at = position(&l);
	CHECK(eid_eq(&at.ahead_id, &ev[1].send.id));
	what.n = 0;
	what.pulled = 8;
	CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
	CHECK_U(position(&l).ahead, 0);
	what.pulled = 2;
	CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
	CHECK_U(position(&l).ahead, 8);
	CHECK_OK(l.r.resync(l.r.ctx, STR("e1"), &e), &e);
	CHECK_U(position(&l).ahead, 0);
	lab_fini(&l);
}

/* What a server says of clocks may be wrong: then the space would be at its end. */
static void
refuses_a_clock_far_ahead(void)
{
	struct err_info e = { 0 };
	struct lab l;

	lab_init(&l, 2);
	CHECK_ERR(l.r.restamp(l.r.ctx, (UINT64_C(1) << 53) - 2, &e),
	    ERR_CLOCK_AHEAD);
	CHECK_U(position(&l).unacked, 2);
	CHECK_OK(l.r.restamp(l.r.ctx, UINT64_C(1) << 32, &e), &e);
	lab_fini(&l);
}

static void
takes_pages(void)
{
	enum sync_took took[4];
	struct err_info e = { 0 };
	struct log_row row;
	struct eid id;
	uint64_t was, now;
	struct lab l;

	lab_init(&l, 0);
	CHECK_OK(take(&l, 1, 3, 4, took, &e), &e);
	CHECK(took[0] == SYNC_NEW && took[2] == SYNC_NEW);
	CHECK_U(position(&l).pulled, 3);
	CHECK_U(position(&l).head, 4);
	CHECK(eid_parse(STR("01890000-0000-7000-8000-000000000002"), &id));
	CHECK_OK(store_event(l.store, l.space, &id, &l.a, &row, &e), &e);
	CHECK(row.status == EVENT_ACKED && !row.own);
	CHECK_STR(row.user, "bob");
	CHECK_I(row.received_ms, 77);
	CHECK_U(row.seq, 2);
	/* Seen before: known, and nothing is written for an empty page. */
	CHECK_OK(take(&l, 1, 4, 4, took, &e), &e);
	CHECK(took[0] == SYNC_KNOWN && took[3] == SYNC_NEW);
	CHECK_OK(store_version(l.store, &was, &e), &e);
	CHECK_OK(take(&l, 5, 4, 4, took, &e), &e);
	CHECK_OK(store_version(l.store, &now, &e), &e);
	CHECK_U(now, was);
	CHECK_U(position(&l).pulled, 4);
	lab_fini(&l);
}

/* One event of the greatest clock would be the last that the space takes: no hub
 * has one, so nothing of such an answer is taken in. */
static void
keeps_its_clock(void)
{
	static const struct {
		uint64_t clock[2];
		enum err want;
	} row[] = {
		{ { 1, CLOCK_MAX }, ERR_CLOCK_AHEAD },
		{ { (UINT64_C(1) << 32) + 3, 1 }, ERR_CLOCK_AHEAD },
		{ { (UINT64_C(1) << 32) + 2, 1 }, ERR_OK },
		/* A hub that has taken the first is one further on by that: what
		 * it lets in then must not be refused by each of its clients. */
		{ { (UINT64_C(1) << 32) + 2, (UINT64_C(1) << 33) + 3 },
		    ERR_OK },
		{ { (UINT64_C(1) << 32) + 2, (UINT64_C(1) << 33) + 4 },
		    ERR_CLOCK_AHEAD },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct pull_item item[2] = { 0 };
		struct pull_answer p = { .epoch = STR("e1"),
			.item = item,
			.n = 2,
			.next = 2,
			.head = 2 };
		struct json json[2] = { 0 };
		enum sync_took took[2];
		struct err_info e = { 0 };
		struct space sp;
		struct lab l;

		t_note("row %zu", i);
		lab_init(&l, 2); /* its clock is 2 */
		for (unsigned k = 0; k < 2; k++) {
			struct buf raw = { 0 };
			struct event ev;

			made_event(&raw, k + 1, "");
			CHECK_OK(event_parse(&ev, &json[k],
			             arena_str(&l.a, buf_str(&raw)), &l.a, &e),
			    &e);
			buf_reset(&raw);
			event_restamp(&ev, row[i].clock[k], STR("other"), 1,
			    NULL, 0, &raw);
			CHECK_OK(event_parse(&item[k].ev, &json[k],
			             arena_str(&l.a, buf_str(&raw)), &l.a, &e),
			    &e);
			item[k].seq = k + 1;
			buf_fini(&raw);
		}
		CHECK_ERR(l.r.take(l.r.ctx, &p, took, &e), row[i].want);
		CHECK_OK(store_space_get(l.store, l.space, &l.a, &sp, &e), &e);
		CHECK_U(sp.pulled, row[i].want == ERR_OK ? 2 : 0);
		CHECK(row[i].want == ERR_OK ? sp.clock > 2 : sp.clock == 2);
		json_fini(&json[0]);
		json_fini(&json[1]);
		lab_fini(&l);
	}
	t_note("%s", "");
}

/* In a new epoch everything goes to the hub again, with who had sent it. */
static void
refills(void)
{
	enum sync_took took[2];
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct sync_mark mark = { .seq = 3 };
	struct sync_settled what = { .mark = &mark,
		.n = 1,
		.epoch = STR("e1"),
		.was = 2,
		.pulled = 3,
		.head = 3 };
	struct lab l;
	size_t n;

	for (unsigned same = 0; same < 2; same++) {
		const char *epoch = same ? "e1" : "e2";

		t_note("epoch %s", epoch);
		lab_init(&l, 0);
		CHECK_OK(take(&l, 1, 2, 2, took, &e), &e);
		author(&l, "one");
		ev = unacked(&l, &n);
		mark.id = ev[0].send.id;
		mark.raw = ev[0].send.raw;
		CHECK_OK(l.r.settle(l.r.ctx, &what, &e), &e);
		author(&l, "two");
		CHECK_U(position(&l).unacked, 1);
		CHECK_OK(l.r.resync(l.r.ctx, str_of(epoch), &e), &e);
		CHECK_STR(str_of(position(&l).epoch), epoch);
		CHECK_U(position(&l).pulled, 0);
		CHECK_U(position(&l).unacked, 4);
		ev = unacked(&l, &n);
		if (CHECK_U(n, 4)) {
			CHECK(!ev[0].own && ev[0].fixed && ev[0].send.relayed);
			CHECK_STR(ev[0].send.user, "bob");
			CHECK_I(ev[0].send.received_ms, 77);
			CHECK(ev[2].own && ev[2].fixed && ev[2].send.relayed);
			CHECK_STR(ev[2].send.user, "ann");
			CHECK(ev[3].own && !ev[3].fixed && !ev[3].send.relayed);
		}
		lab_fini(&l);
	}
}

static void
changes_stamps_and_nodes(void)
{
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct event parsed;
	struct json j = { 0 };
	char node[33];
	struct space sp;
	struct lab l;
	size_t n;

	lab_init(&l, 2);
	CHECK_OK(l.r.restamp(l.r.ctx, 500, &e), &e);
	CHECK_OK(l.r.renew(l.r.ctx, &e), &e);
	CHECK_OK(store_node(l.store, node, &e), &e);
	ev = unacked(&l, &n);
	if (CHECK_U(n, 2)) {
		CHECK_OK(event_parse(&parsed, &j, ev[0].send.raw, &l.a, &e),
		    &e);
		CHECK_U(parsed.clock, 501);
		CHECK_STR(parsed.node, node);
		CHECK_U(parsed.node_seq, 1);
	}
	CHECK_OK(l.r.contact(l.r.ctx, &e), &e);
	CHECK_OK(store_space_get(l.store, l.space, &l.a, &sp, &e), &e);
	CHECK_I(sp.contact_ms, 1750000000000);
	CHECK(l.r.random(l.r.ctx) != l.r.random(l.r.ctx));
	json_fini(&j);
	lab_fini(&l);
}

/* What a hub has in its present epoch counts, also against what an older epoch
 * had acknowledged. */
static void
takes_the_hubs_word(void)
{
	struct buf first = { 0 }, second = { 0 };
	struct str raw[2];
	struct err_info e = { 0 };
	struct log_row row;
	struct eid id;
	struct lab l;

	lab_init(&l, 0);
	made_event(&first, 1, "\"x\":1,");
	made_event(&second, 1, "\"x\":2,");
	raw[0] = buf_str(&first);
	raw[1] = buf_str(&second);
	for (unsigned i = 0; i < 3; i++) {
		const char *epoch = i == 0 ? "e1" : "e2";
		enum sync_took took = SYNC_CLASH;
		struct buf body = { 0 };
		struct json j = { 0 };
		struct arena a = { 0 };
		struct pull_answer p;

		t_note("answer %u", i);
		if (i > 0)
			CHECK_OK(l.r.resync(l.r.ctx, str_of(epoch), &e), &e);
		pull_answer_begin(str_of(epoch), &body);
		pull_answer_row(&(struct pull_row){ .seq = 1,
		                    .raw = raw[i == 1] },
		    true, &body);
		pull_answer_end(1, 1, &body);
		CHECK_OK(pull_answer_decode(&p, &j, buf_str(&body), &a, &e),
		    &e);
		CHECK_OK(l.r.take(l.r.ctx, &p, &took, &e), &e);
		CHECK(took == SYNC_NEW);
		CHECK_OK(l.r.take(l.r.ctx, &p, &took, &e), &e);
		CHECK(took == SYNC_KNOWN);
		CHECK(eid_parse(p.item[0].ev.id_text, &id));
		CHECK_OK(store_event(l.store, l.space, &id, &l.a, &row, &e),
		    &e);
		CHECK_EQ(row.raw, raw[i == 1]);
		buf_fini(&body);
		json_fini(&j);
		arena_fini(&a);
	}
	buf_fini(&first);
	buf_fini(&second);
	lab_fini(&l);
}

/* An event that is sent again gets a new stamp, in every space: what names it
 * elsewhere comes after it there as well. */
static void
names_follow_a_retry(void)
{
	const struct str project = STR("5a5a5a5a-0000-4000-8000-000000000001");
	struct draft d = { .type = STR("wp_updated"),
		.aggregate_id = STR("001-a/WP01"),
		.aggregate_type = STR("work_package"),
		.project_uuid = project,
		.payload = STR("{\"wp_id\":\"WP01\",\"title\":\"T\"}") };
	struct err_info e = { 0 };
	struct sync_event *ev;
	struct event parsed;
	struct json j = { 0 };
	struct eid first;
	uint64_t copied, last = 0;
	space_id blue;
	struct lab l;
	size_t n;

	lab_init(&l, 0);
	CHECK_OK(store_begin(l.store, &e), &e);
	CHECK_OK(store_space_add(l.store, STR("hub"), STR("ann"), STR("blue"),
	             &blue, &e),
	    &e);
	CHECK_OK(store_author(l.store, l.space, &d, &first, &e), &e);
	CHECK_OK(store_share(l.store, l.space, project, blue, &copied, &e), &e);
	CHECK_OK(store_author(l.store, blue, &d, NULL, &e), &e);
	for (unsigned i = 0; i < 5; i++)
		CHECK_OK(store_author(l.store, l.space, &d, NULL, &e), &e);
	CHECK_OK(store_refuse(l.store, l.space, &first, ERR_SCHEMA, STR("no"),
	             &e),
	    &e);
	CHECK_OK(store_retry(l.store, l.space, &first, STR(""), &e), &e);
	CHECK_OK(store_commit(l.store, &e), &e);
	l.replica.space = blue;
	ev = unacked(&l, &n);
	CHECK_U(n, 2);
	for (size_t i = 0; i < n; i++) {
		CHECK_OK(event_parse(&parsed, &j, ev[i].send.raw, &l.a, &e),
		    &e);
		CHECK(eid_eq(&parsed.id, &first) == (i == 0));
		CHECK_U(parsed.n_replaces, i);
		CHECK(parsed.clock > last);
		last = parsed.clock;
	}
	json_fini(&j);
	lab_fini(&l);
}

/* A page that could not be taken in whole is not taken in at all. */
static void
every_allocation_may_fail(void)
{
	bool hit;
	int n = 0;

	do {
		enum sync_took took[3];
		struct err_info e = { 0 };
		struct lab l;
		enum err rc;

		t_note("allocation %d", n);
		lab_init(&l, 2);
		fault_arm(n++);
		rc = take(&l, 1, 3, 3, took, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		CHECK_U(position(&l).pulled, hit ? 0 : 3);
		CHECK_OK(take(&l, 1, 3, 3, took, &e), &e);
		CHECK_U(position(&l).pulled, 3);
		CHECK_U(position(&l).unacked, 2);
		lab_fini(&l);
	} while (hit && n < 2000);
	CHECK(n > 20);
}

int
main(void)
{
	T_RUN(says_what_waits);
	T_RUN(settles);
	T_RUN(places_that_are_taken);
	T_RUN(leaves_what_changed);
	T_RUN(knows_what_is_ahead);
	T_RUN(refuses_a_clock_far_ahead);
	T_RUN(takes_pages);
	T_RUN(keeps_its_clock);
	T_RUN(refills);
	T_RUN(changes_stamps_and_nodes);
	T_RUN(takes_the_hubs_word);
	T_RUN(names_follow_a_retry);
	T_RUN(every_allocation_may_fail);
	return t_done();
}
