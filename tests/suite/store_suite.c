/* What every store must do, on each back-end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fault.h"
#include "json.h"
#include "store_lab.h"

static const struct backend *be; /* of the running test */

/* --- one replica -------------------------------------------------------------------- */

static void
author_and_read(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct space sp;
	struct draft d;
	struct eid id;
	struct log_row row;

	lab_open(&l, be, 1, false);
	d = lab_wp_new(1, "first");
	id = lab_author(&l, &d);
	CHECK_STR(str_of(lab_title(&l, 1)), "first");
	CHECK_STR(str_of(lab_lane(&l, 1)), "planned");
	d = lab_wp_lane(1, "planned", "claimed");
	(void)lab_author(&l, &d);
	CHECK_STR(str_of(lab_lane(&l, 1)), "claimed");

	CHECK_OK(store_space_get(l.s, l.sp, &a, &sp, &e), &e);
	CHECK_U(sp.events, 2);
	CHECK_U(sp.clock, 2);
	CHECK_U(sp.unacked, 2);
	CHECK_U(sp.refused, 0);
	CHECK_STR(sp.team, "t");
	row = lab_row(&l, &id, &a);
	CHECK_U(row.pos, 1);
	CHECK_U(row.seq, 0);
	CHECK(row.own);
	CHECK_U(row.status, EVENT_LOCAL);
	CHECK(eid_eq(&row.id, &id));
	lab_sound(&l);
	arena_fini(&a);
	lab_close(&l);
}

/* An author's event names every head of what it writes, and nothing else. */
static void
author_names_heads(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct draft d;
	struct eid id[3];
	struct json j = { 0 };
	struct event ev;
	struct log_row row;

	lab_open(&l, be, 2, false);
	d = lab_wp_new(1, "one");
	id[0] = lab_author(&l, &d);
	d = lab_wp_title(1, "two");
	id[1] = lab_author(&l, &d);
	d = lab_wp_title(1, "three");
	id[2] = lab_author(&l, &d);
	row = lab_row(&l, &id[2], &a);
	CHECK_OK(event_parse(&ev, &j, row.raw, &a, &e), &e);
	CHECK(ev.has_replaces);
	CHECK_U(ev.n_replaces, 1);
	CHECK(ev.n_replaces == 1 && eid_eq(&ev.replaces[0], &id[1]));
	CHECK_U(ev.clock, 3);
	CHECK_U(ev.node_seq, 3);
	json_fini(&j);
	arena_fini(&a);
	lab_close(&l);
}

static void
author_refuses_bad(void)
{
	static const char *const payload[] = {
		"{\"wp_id\":\"WP01\"}",             /* a member is missing */
		"{\"wp_id\":\"WP01\",\"title\":1}", /* of a wrong type */
		"[]", "{", "",
		"{},\"draft\":\"x\"", /* would be a member of the envelope */
	};
	struct lab l;
	struct err_info e = { 0 };

	lab_open(&l, be, 3, false);
	CHECK_OK(store_begin(l.s, &e), &e);
	for (size_t i = 0; i < sizeof payload / sizeof payload[0]; i++) {
		struct draft d = lab_wp_new(1, "x");

		t_note("payload %zu", i);
		d.payload = str_of(payload[i]);
		CHECK_ERR(store_author(l.s, l.sp, &d, NULL, &e), ERR_SCHEMA);
	}
	{
		/* The transaction goes on. */
		struct draft d = lab_wp_new(1, "good");

		CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
	}
	CHECK_ERR(store_author(l.s, 77, &(struct draft){ 0 }, NULL, &e),
	    ERR_NOT_FOUND);
	CHECK_OK(store_commit(l.s, &e), &e);
	CHECK_U(lab_space_of(l.s, l.sp).events, 1);
	lab_close(&l);
}

static void
rollback_leaves_nothing(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct space before, after;
	struct draft d;
	uint64_t v0, v1;

	lab_open(&l, be, 4, false);
	d = lab_wp_new(1, "kept");
	(void)lab_author(&l, &d);
	before = lab_space_of(l.s, l.sp);
	CHECK_OK(store_version(l.s, &v0, &e), &e);

	CHECK_OK(store_begin(l.s, &e), &e);
	d = lab_wp_title(1, "gone");
	CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
	d = lab_wp_new(2, "gone too");
	CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
	CHECK_OK(store_note_put(l.s, STR("n"), STR("v"), &e), &e);
	CHECK_STR(str_of(lab_title(&l, 1)), "gone");
	CHECK_U(lab_space_of(l.s, l.sp).events, 3);
	store_rollback(l.s);

	after = lab_space_of(l.s, l.sp);
	CHECK_U(after.events, before.events);
	CHECK_U(after.clock, before.clock);
	CHECK_U(after.unacked, before.unacked);
	CHECK(memcmp(after.digest, before.digest, sizeof after.digest) == 0);
	CHECK_STR(str_of(lab_title(&l, 1)), "kept");
	CHECK_STR(str_of(lab_title(&l, 2)), "");
	CHECK_OK(store_version(l.s, &v1, &e), &e);
	CHECK_U(v0, v1);
	d = lab_wp_title(1, "next");
	(void)lab_author(&l, &d);
	CHECK_U(lab_space_of(l.s, l.sp).clock, 2);
	CHECK_OK(store_version(l.s, &v1, &e), &e);
	CHECK_U(v0 + 1, v1);
	lab_sound(&l);
	lab_close(&l);
}

/* --- reading ----------------------------------------------------------------------------- */

static enum err
keys_note(void *ctx, const struct entity *en, struct err_info *e)
{
	struct buf *b = ctx;

	(void)e;
	buf_addf(b, "%.*s ", STR_ARG(en->key));
	return ERR_OK;
}

/* Keys by their beginning: the key that is it, those behind it over pages, and
 * what the running transaction added. */
static void
keys_by_prefix(void)
{
	static const struct {
		const char *prefix, *keys;
	} row[] = {
		{ "001-lab/WP04", "001-lab/WP04 " },
		{ "001-lab/WP4", "001-lab/WP40 " },
		{ "001-lab/WP10", "001-lab/WP10 " },
		{ "001-lab/WP5", "" },
		{ "002", "" },
		{ "zzz", "" },
	};
	struct lab l;
	struct err_info e = { 0 };
	struct buf b = { 0 };

	lab_open(&l, be, 12, false);
	CHECK_OK(store_begin(l.s, &e), &e);
	for (unsigned wp = 1; wp <= 40; wp++) {
		struct draft d = lab_wp_new(wp, "x");

		CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
	}
	for (int committed = 0; committed < 2; committed++) {
		for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
			t_note("prefix %s, committed %d", row[i].prefix,
			    committed);
			buf_reset(&b);
			CHECK_OK(store_entities_prefix(l.s, l.sp,
			             STR(LAB_PROJECT), "work_package",
			             str_of(row[i].prefix), keys_note, &b, &e),
			    &e);
			CHECK_STR(buf_str(&b), row[i].keys);
		}
		if (!committed)
			CHECK_OK(store_commit(l.s, &e), &e);
	}
	buf_reset(&b);
	CHECK_OK(store_entities_prefix(l.s, l.sp, STR(""), "work_package",
	             STR("001-lab/WP"), keys_note, &b, &e),
	    &e);
	CHECK_U(b.len, 40 * strlen("001-lab/WP01 "));
	buf_fini(&b);
	lab_close(&l);
}

/* --- exchange ---------------------------------------------------------------------------- */

static void
two_converge(void)
{
	struct lab a, b, hub;
	struct draft d;

	lab_open(&a, be, 5, false);
	lab_open(&b, be, 6, false);
	lab_open(&hub, be, 7, true);
	d = lab_wp_new(1, "from a");
	(void)lab_author(&a, &d);
	lab_sync(&a, &hub);
	lab_sync(&b, &hub);
	CHECK_STR(str_of(lab_title(&b, 1)), "from a");
	d = lab_wp_title(1, "a again");
	(void)lab_author(&a, &d);
	d = lab_wp_title(1, "b as well");
	(void)lab_author(&b, &d);
	d = lab_wp_lane(1, "planned", "claimed");
	(void)lab_author(&b, &d);
	lab_sync(&a, &hub);
	lab_sync(&b, &hub);
	lab_sync(&a, &hub);
	CHECK(lab_same(&a, &b));
	CHECK(lab_same(&a, &hub));
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	CHECK_U(lab_space_of(hub.s, hub.sp).head, 4);
	CHECK_U(lab_space_of(a.s, a.sp).pulled, 4);
	lab_sound(&a);
	lab_sound(&b);
	lab_sound(&hub);
	lab_close(&a);
	lab_close(&b);
	lab_close(&hub);
}

/* --- late events, duplicates ---------------------------------------------------------- */

/* The event of a row put into another store; returns what it was there. */
static enum put
put_row(struct lab *to, struct str raw, uint64_t seq)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev, .seq = seq };
	enum put put = PUT_REUSED;
	uint64_t got;

	CHECK_OK(event_parse(&ev, &j, raw, &a, &e), &e);
	CHECK_OK(store_put(to->s, to->sp, &arrival, &put, &got, &e), &e);
	json_fini(&j);
	arena_fini(&a);
	return put;
}

static enum put
put_alone(struct lab *to, struct str raw, uint64_t seq)
{
	struct err_info e = { 0 };
	enum put put;

	CHECK_OK(store_begin(to->s, &e), &e);
	put = put_row(to, raw, seq);
	CHECK_OK(store_commit(to->s, &e), &e);
	return put;
}

struct rows {
	struct str raw[256];
	struct arena a;
	size_t n;
};

static enum err
rows_take(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct rows *r = ctx;

	(void)e;
	r->raw[r->n++] = arena_str(&r->a, row->raw);
	return ERR_OK;
}

static void
rows_of(struct lab *l, struct rows *r)
{
	struct err_info e = { 0 };

	*r = (struct rows){ .n = 0 };
	CHECK_OK(store_log(l->s, l->sp, 0, 256, rows_take, r, &e), &e);
}

/* Whatever the order of arrival, in one transaction or in many. */
static void
late_events(void)
{
	struct lab from, to;
	struct err_info e = { 0 };
	struct rows r;
	struct t_rng rng = { 11 };

	lab_open(&from, be, 10, false);
	for (unsigned i = 0; i < 150; i++) {
		struct draft d = lab_random(&rng, 3);

		(void)lab_author(&from, &d);
	}
	rows_of(&from, &r);
	CHECK_U(r.n, 150);
	for (int turn = 0; turn < 4; turn++) {
		t_note("turn %d", turn);
		lab_open(&to, be, 20, turn & 1);
		for (size_t i = r.n; i > 1; i--) {
			size_t k = turn < 2 ? 0 : t_below(&rng, i);
			struct str swap = r.raw[k];

			r.raw[k] = r.raw[i - 1];
			r.raw[i - 1] = swap;
		}
		if (turn < 2)
			CHECK_OK(store_begin(to.s, &e), &e);
		for (size_t i = 0; i < r.n; i++)
			CHECK_U(turn < 2 ? put_row(&to, r.raw[i], 0) :
			                   put_alone(&to, r.raw[i], 0),
			    PUT_NEW);
		if (turn < 2)
			CHECK_OK(store_commit(to.s, &e), &e);
		CHECK(lab_same(&from, &to));
		lab_sound(&to);
		lab_close(&to);
	}
	arena_fini(&r.a);
	lab_close(&from);
}

static void
duplicates(void)
{
	struct lab a, b;
	struct err_info e = { 0 };
	struct rows r;
	struct buf other = { 0 };
	struct draft d = lab_wp_new(1, "one");
	struct space before, after;
	uint64_t v0, v1;

	lab_open(&a, be, 30, false);
	lab_open(&b, be, 31, false);
	(void)lab_author(&a, &d);
	rows_of(&a, &r);
	CHECK_U(put_alone(&b, r.raw[0], 0), PUT_NEW);
	before = lab_space_of(b.s, b.sp);
	CHECK_OK(store_version(b.s, &v0, &e), &e);
	CHECK_U(put_alone(&b, r.raw[0], 0), PUT_DUPLICATE);
	/* Same content, other bytes: white space is no content. */
	buf_addc(&other, '{');
	buf_addc(&other, ' ');
	buf_add(&other, r.raw[0].p + 1, r.raw[0].n - 1);
	CHECK_U(put_alone(&b, buf_str(&other), 0), PUT_DUPLICATE);
	/* Other content under the same id. */
	buf_reset(&other);
	buf_add(&other, "{\"extra\":1,", 11);
	buf_add(&other, r.raw[0].p + 1, r.raw[0].n - 1);
	CHECK_U(put_alone(&b, buf_str(&other), 0), PUT_REUSED);
	after = lab_space_of(b.s, b.sp);
	CHECK_OK(store_version(b.s, &v1, &e), &e);
	CHECK_U(v0, v1);
	CHECK_U(after.events, before.events);
	CHECK_U(after.clock, before.clock);
	CHECK_U(after.unacked, 1);
	/* The hub's word makes it acknowledged. */
	CHECK_U(put_alone(&b, r.raw[0], 9), PUT_DUPLICATE);
	CHECK_U(lab_space_of(b.s, b.sp).unacked, 0);
	lab_sound(&b);
	buf_fini(&other);
	arena_fini(&r.a);
	lab_close(&a);
	lab_close(&b);
}

/* The hub took an earlier sending whose answer was lost; meanwhile the event was
 * stamped anew. */
static void
earlier_sending(void)
{
	struct lab a, hub;
	struct err_info e = { 0 };
	struct rows r, now;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 32, false);
	lab_open(&hub, be, 33, true);
	(void)lab_author(&a, &d);
	d = lab_wp_title(1, "two");
	(void)lab_author(&a, &d);
	rows_of(&a, &r);
	CHECK_U(put_alone(&hub, r.raw[0], 0), PUT_NEW);
	CHECK_U(put_alone(&hub, r.raw[1], 0), PUT_NEW);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 1000, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).clock, 1002);
	rows_of(&a, &now);
	CHECK(!str_eq(now.raw[0], r.raw[0]));
	CHECK_U(put_alone(&hub, now.raw[0], 0), PUT_REUSED);
	lab_pull(&a, &hub, 0);
	arena_fini(&now.a);
	rows_of(&a, &now);
	CHECK_EQ(now.raw[0], r.raw[0]);
	CHECK_EQ(now.raw[1], r.raw[1]);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	CHECK(lab_same(&a, &hub));
	lab_sound(&a);
	arena_fini(&r.a);
	arena_fini(&now.a);
	lab_close(&a);
	lab_close(&hub);
}

/* --- what a hub says -------------------------------------------------------------------- */

static enum err
admit_no_notes(void *ctx, const struct event *ev)
{
	(void)ctx;
	return str_is(ev->type, "wp_updated") ? ERR_QUOTA : ERR_OK;
}

static void
refused_events(void)
{
	struct lab a, hub;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct log_row one;
	size_t n;
	struct draft d = lab_wp_new(1, "created");
	struct eid id;

	lab_open(&a, be, 40, false);
	lab_open(&hub, be, 41, true);
	(void)lab_author(&a, &d);
	d = lab_wp_title(1, "refused");
	id = lab_author(&a, &d);
	d = lab_wp_new(1, "created again, over the refused one");
	(void)lab_author(&a, &d);
	/* The third names the second: first missing, then made to name what
	 * that had replaced. */
	(void)lab_push(&a, &hub, admit_no_notes, NULL);
	CHECK_U(lab_space_of(a.s, a.sp).refused, 1);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 1);
	(void)lab_push(&a, &hub, admit_no_notes, NULL);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	lab_pull(&a, &hub, 0);
	CHECK(lab_same(&a, &hub));
	CHECK_U(lab_space_of(hub.s, hub.sp).events, 2);
	CHECK_STR(str_of(lab_title(&a, 1)),
	    "created again, over the refused one");
	one = lab_row(&a, &id, &ar);
	CHECK_U(one.status, EVENT_REFUSED);
	CHECK_U(one.code, ERR_QUOTA);
	CHECK_STR(one.why, "not taken");
	CHECK_OK(store_refused(a.s, a.sp, &ar, &row, &n, &e), &e);
	CHECK_U(n, 1);
	lab_sound(&a);

	/* What is acknowledged cannot be refused; what is not there neither. */
	CHECK_OK(store_begin(a.s, &e), &e);
	{
		struct rows r;
		struct eid first;

		rows_of(&a, &r);
		CHECK_OK(store_event(a.s, a.sp, &id, &ar, &one, &e), &e);
		CHECK(str_eq(one.raw, r.raw[1]));
		(void)eid_parse(str_n(strstr(r.raw[0].p, "\"event_id\":\"") +
		                        12,
		                    36),
		    &first);
		CHECK_ERR(store_refuse(a.s, a.sp, &first, ERR_QUOTA, STR(""),
		              &e),
		    ERR_REFUSED);
		arena_fini(&r.a);
	}
	CHECK_ERR(store_refuse(a.s, a.sp, &(struct eid){ .form = EID_UUID },
	              ERR_QUOTA, STR(""), &e),
	    ERR_NOT_FOUND);
	/* Sent again with another payload: stamped anew, in the fold again. */
	CHECK_ERR(store_retry(a.s, a.sp, &id, STR("{\"title\":7}"), &e),
	    ERR_SCHEMA);
	CHECK_OK(store_retry(a.s, a.sp, &id,
	             STR("{\"wp_id\":\"WP01\",\"title\":\"edited\"}"), &e),
	    &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).refused, 0);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 1);
	CHECK_STR(str_of(lab_title(&a, 1)), "edited");
	one = lab_row(&a, &id, &ar);
	CHECK_U(one.status, EVENT_LOCAL);
	lab_sound(&a);
	lab_sync(&a, &hub);
	CHECK(lab_same(&a, &hub));
	CHECK_U(lab_space_of(hub.s, hub.sp).events, 3);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&hub);
}

static void
discarded_events(void)
{
	struct lab a, hub;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct log_row one;
	size_t n;
	struct draft d = lab_wp_title(1, "no");
	struct eid id;

	lab_open(&a, be, 42, false);
	lab_open(&hub, be, 43, true);
	id = lab_author(&a, &d);
	(void)lab_push(&a, &hub, admit_no_notes, NULL);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_discard(a.s, a.sp, &id, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).refused, 0);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	CHECK_U(lab_space_of(a.s, a.sp).events, 1);
	CHECK_OK(store_refused(a.s, a.sp, &ar, &row, &n, &e), &e);
	CHECK_U(n, 0);
	one = lab_row(&a, &id, &ar);
	CHECK(one.discarded);
	CHECK_U(one.status, EVENT_REFUSED);
	CHECK(lab_same(&a, &hub));
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&hub);
}

/* A chain of refused events: who comes behind names what the first replaced. */
static void
refused_chain(void)
{
	struct lab a, hub;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 44, false);
	lab_open(&hub, be, 45, true);
	(void)lab_author(&a, &d);
	for (unsigned i = 0; i < 20; i++) {
		d = i % 5 == 4 ? lab_wp_new(1, "again") : lab_wp_title(1, "x");
		(void)lab_author(&a, &d);
	}
	for (unsigned i = 0; i < 30 && lab_space_of(a.s, a.sp).unacked > 0; i++)
		(void)lab_push(&a, &hub, admit_no_notes, NULL);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	CHECK_U(lab_space_of(a.s, a.sp).refused, 16);
	CHECK_U(lab_space_of(hub.s, hub.sp).events, 5);
	CHECK(lab_same(&a, &hub));
	lab_sound(&a);
	lab_sound(&hub);
	lab_close(&a);
	lab_close(&hub);
}

static void
new_epoch(void)
{
	struct lab a, hub, restored;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct space sp;
	size_t n;
	struct draft d = lab_wp_new(1, "one");
	struct t_rng rng = { 5 };

	lab_open(&a, be, 50, false);
	lab_open(&hub, be, 51, true);
	lab_open(&restored, be, 52, true);
	(void)lab_author(&a, &d);
	for (unsigned i = 0; i < 30; i++) {
		d = lab_random(&rng, 2);
		(void)lab_author(&a, &d);
	}
	lab_sync(&a, &hub);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_ERR(store_pulled(a.s, a.sp, STR("e2"), 1, 1, &e), ERR_RESYNC);
	CHECK_OK(store_resync(a.s, a.sp, STR("e2"), &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_OK(store_space_get(a.s, a.sp, &ar, &sp, &e), &e);
	CHECK_U(sp.unacked, 31);
	CHECK_U(sp.pulled, 0);
	CHECK_STR(sp.epoch, "e2");
	CHECK_OK(store_unacked(a.s, a.sp, 100, SIZE_MAX, &ar, &row, &n, &e),
	    &e);
	CHECK_U(n, 31);
	for (size_t i = 0; i < n; i++) {
		CHECK_U(row[i].seq, 0);
		CHECK(row[i].fixed);
		CHECK_U(row[i].status, EVENT_LOCAL);
		CHECK_U(row[i].pos, i + 1);
	}
	/* A stamp that was acknowledged once stays. */
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 5000, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).clock, 31);
	(void)lab_push(&a, &restored, NULL, NULL);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	CHECK(lab_same(&a, &restored));
	CHECK_U(lab_space_of(restored.s, restored.sp).events, 31);
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&hub);
	lab_close(&restored);
}

/* --- stamps --------------------------------------------------------------------------------- */

static struct event
event_of(struct lab *l, space_id sp, const struct eid *id, struct json *j,
    struct arena *a)
{
	struct err_info e = { 0 };
	struct log_row row;
	struct event ev = { 0 };

	CHECK_OK(store_event(l->s, sp, id, a, &row, &e), &e);
	CHECK_OK(event_parse(&ev, j, row.raw, a, &e), &e);
	return ev;
}

static void
restamped(void)
{
	struct lab a, hub;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j[4] = { 0 };
	struct event ev[4];
	struct eid id[4];
	struct draft d = lab_wp_new(1, "acked");
	uint8_t before[HASH_BYTES], after[HASH_BYTES];

	lab_open(&a, be, 60, false);
	lab_open(&hub, be, 61, true);
	id[0] = lab_author(&a, &d);
	lab_sync(&a, &hub);
	d = lab_wp_title(1, "two");
	id[1] = lab_author(&a, &d);
	d = lab_wp_lane(1, "planned", "claimed");
	id[2] = lab_author(&a, &d);
	d = lab_wp_title(1, "three");
	id[3] = lab_author(&a, &d);
	lab_digest(&a, before);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 70, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	for (int i = 0; i < 4; i++)
		ev[i] = event_of(&a, a.sp, &id[i], &j[i], &ar);
	CHECK_U(ev[0].clock, 1);
	CHECK_U(ev[1].clock, 71);
	CHECK_U(ev[2].clock, 72);
	CHECK_U(ev[3].clock, 73);
	CHECK_U(ev[3].node_seq, 4);
	CHECK_U(ev[3].n_replaces, 2); /* of title and present */
	for (size_t i = 0; i < ev[3].n_replaces; i++)
		CHECK(eid_eq(&ev[3].replaces[i], &id[1]) ||
		    eid_eq(&ev[3].replaces[i], &id[2]));
	CHECK_U(lab_space_of(a.s, a.sp).clock, 73);
	/* Heads and values are the same, so the digest is. */
	lab_digest(&a, after);
	CHECK(memcmp(before, after, HASH_BYTES) == 0);
	/* And down again: our own clock was far ahead. */
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 0, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).clock, 4);
	lab_sound(&a);
	lab_sync(&a, &hub);
	CHECK(lab_same(&a, &hub));
	for (int i = 0; i < 4; i++)
		json_fini(&j[i]);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&hub);
}

static void
clock_has_an_end(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct rows r;
	struct buf far = { 0 };
	struct json j = { 0 };
	struct arena ar = { 0 };
	struct event ev;
	struct eid id;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 62, false);
	id = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, a.sp, &id, ERR_SCHEMA, STR("no"), &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	rows_of(&a, &r);
	CHECK_OK(event_parse(&ev, &j, r.raw[0], &ar, &e), &e);
	ev.id_text = STR("x");
	event_restamp(&ev, CLOCK_MAX, ev.node, 2, NULL, 0, &far);
	{
		/* As from somebody else: another id. */
		char *at = strstr(far.data, "\"event_id\":\"") + 12;

		at[0] = at[0] == 'f' ? 'e' : 'f';
	}
	CHECK_U(put_alone(&a, buf_str(&far), 3), PUT_NEW);
	CHECK_U(lab_space_of(a.s, a.sp).clock, CLOCK_MAX);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_ERR(store_author(a.s, a.sp, &d, NULL, &e), ERR_CLOCK_AHEAD);
	CHECK_ERR(store_retry(a.s, a.sp, &id, STR(""), &e), ERR_CLOCK_AHEAD);
	CHECK_OK(store_note_put(a.s, STR("n"), STR("v"), &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).refused, 1);
	/* No stamp is above the last one. */
	lab_close(&a);
	lab_open(&a, be, 62, false);
	id = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_ERR(store_restamp(a.s, a.sp, CLOCK_MAX, &e), ERR_FAILED);
	CHECK_ERR(store_commit(a.s, &e), ERR_FAILED);
	store_rollback(a.s);
	CHECK_U(event_of(&a, a.sp, &id, &j, &ar).clock, 1);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, CLOCK_MAX - 1, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(event_of(&a, a.sp, &id, &j, &ar).clock, CLOCK_MAX);
	lab_sound(&a);
	json_fini(&j);
	buf_fini(&far);
	arena_fini(&ar);
	arena_fini(&r.a);
	lab_close(&a);
}

static void
renewed_node(void)
{
	struct lab a, hub;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j[3] = { 0 };
	struct event ev[3];
	struct eid id[3];
	struct draft d = lab_wp_new(1, "acked");
	char was[33], now[33];

	lab_open(&a, be, 63, false);
	lab_open(&hub, be, 64, true);
	id[0] = lab_author(&a, &d);
	lab_sync(&a, &hub);
	d = lab_wp_title(1, "two");
	id[1] = lab_author(&a, &d);
	d = lab_wp_title(1, "three");
	id[2] = lab_author(&a, &d);
	CHECK_OK(store_node(a.s, was, &e), &e);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_node_renew(a.s, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_OK(store_node(a.s, now, &e), &e);
	CHECK(strcmp(was, now) != 0);
	for (int i = 0; i < 3; i++)
		ev[i] = event_of(&a, a.sp, &id[i], &j[i], &ar);
	CHECK_STR(ev[0].node, was);
	CHECK_U(ev[0].node_seq, 1);
	CHECK_STR(ev[1].node, now);
	CHECK_U(ev[1].node_seq, 1);
	CHECK_U(ev[2].node_seq, 2);
	CHECK_U(ev[2].clock, 3);
	lab_sound(&a);
	lab_sync(&a, &hub);
	CHECK(lab_same(&a, &hub));
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 0);
	for (int i = 0; i < 3; i++)
		json_fini(&j[i]);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&hub);
}

/* --- several spaces --------------------------------------------------------------------------- */

/* An event has one content and changes everywhere, so what is sent again goes
 * again wherever it was refused. */
static void
refused_copies(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct eid id[2];
	space_id team;
	uint64_t copied;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 71, false);
	team = lab_space(a.s, "h", "a", "team");
	id[0] = lab_author(&a, &d);
	d = lab_wp_title(1, "given up");
	id[1] = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_share(a.s, a.sp, STR(LAB_PROJECT), team, &copied, &e),
	    &e);
	CHECK_U(copied, 2);
	for (int i = 0; i < 2; i++) {
		CHECK_OK(store_refuse(a.s, a.sp, &id[i], ERR_SCHEMA, STR("no"),
		             &e),
		    &e);
		CHECK_OK(store_refuse(a.s, team, &id[i], ERR_SCHEMA, STR("no"),
		             &e),
		    &e);
	}
	CHECK_OK(store_discard(a.s, team, &id[1], &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_OK(store_begin(a.s, &e), &e);
	for (int i = 0; i < 2; i++)
		CHECK_OK(store_retry(a.s, a.sp, &id[i], STR(""), &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 2);
	/* What was given up there stays so. */
	CHECK_U(lab_space_of(a.s, team).unacked, 1);
	CHECK_U(lab_space_of(a.s, team).refused, 0);
	lab_close(&a);
}

/* The hub has an earlier sending of an own event: it is taken over here, and in
 * every space where no hub has the event yet. */
static void
adopted_copies(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct log_row sent, row;
	struct event ev;
	struct eid id;
	space_id team;
	uint64_t n, seq;
	enum put put;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 72, false);
	team = lab_space(a.s, "h", "a", "team");
	id = lab_author(&a, &d);
	CHECK_OK(store_event(a.s, a.sp, &id, &ar, &sent, &e), &e);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_share(a.s, a.sp, STR(LAB_PROJECT), team, &n, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 500, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_OK(event_parse(&ev, &j, sent.raw, &ar, &e), &e);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_put(a.s, a.sp, &(struct arrival){ .ev = &ev, .seq = 1 },
	             &put, &seq, &e),
	    &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_I(put, PUT_NEW);
	CHECK_OK(store_event(a.s, a.sp, &id, &ar, &row, &e), &e);
	CHECK_EQ(row.raw, sent.raw);
	CHECK_OK(store_event(a.s, team, &id, &ar, &row, &e), &e);
	CHECK_EQ(row.raw, sent.raw);
	CHECK_I(row.status, EVENT_LOCAL);
	json_fini(&j);
	arena_fini(&ar);
	lab_close(&a);
}

static void
share_with(struct lab *a, space_id team, uint64_t want)
{
	struct err_info e = { 0 };
	uint64_t copied;

	CHECK_OK(store_begin(a->s, &e), &e);
	CHECK_OK(store_share(a->s, a->sp, STR(LAB_PROJECT), team, &copied, &e),
	    &e);
	CHECK_OK(store_commit(a->s, &e), &e);
	CHECK_U(copied, want);
}

static void
retry_in(struct lab *a, space_id sp, const struct eid *id, enum err want)
{
	struct err_info e = { 0 };
	enum err rc;

	CHECK_OK(store_begin(a->s, &e), &e);
	rc = store_retry(a->s, sp, id, STR(""), &e);
	CHECK(rc == want);
	CHECK_OK(store_commit(a->s, &e), &e);
}

/* What a team has keeps its content, its names too: where another team refuses
 * what it names, it is refused there as well, and goes again with it. */
static void
built_on_refused(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct eid id[4];
	space_id team;
	size_t n;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 72, false);
	team = lab_space(a.s, "h", "a", "team");
	id[0] = lab_author(&a, &d);
	share_with(&a, team, 1);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_acked(a.s, a.sp, &id[0], 1, &e), &e);
	CHECK_OK(store_refuse(a.s, team, &id[0], ERR_QUOTA, STR("full"), &e),
	    &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	/* One behind the other, and all known at home before they come here. */
	for (int i = 1; i < 4; i++) {
		d = lab_wp_title(1, "more");
		id[i] = lab_author(&a, &d);
		CHECK_OK(store_begin(a.s, &e), &e);
		CHECK_OK(store_acked(a.s, a.sp, &id[i], (uint64_t)i + 1, &e),
		    &e);
		CHECK_OK(store_commit(a.s, &e), &e);
	}
	share_with(&a, team, 3);
	CHECK_U(lab_space_of(a.s, team).unacked, 0);
	CHECK_U(lab_space_of(a.s, team).refused, 4);
	CHECK_OK(store_refused(a.s, team, &ar, &row, &n, &e), &e);
	CHECK_U(n, 4);
	for (size_t i = 1; i < n; i++)
		CHECK(row[i].code == ERR_PARENT);

	/* It goes with what it names or not at all; given up is given up. */
	retry_in(&a, team, &id[2], ERR_REFUSED);
	CHECK_U(lab_space_of(a.s, team).refused, 4);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_discard(a.s, team, &id[3], &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	retry_in(&a, team, &id[0], ERR_OK);
	CHECK_U(lab_space_of(a.s, team).unacked, 3);
	CHECK_U(lab_space_of(a.s, team).refused, 0);

	/* Refused again while they wait: the same; and by a hub that has it. */
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, team, &id[0], ERR_QUOTA, STR("full"), &e),
	    &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, team).refused, 3);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_acked(a.s, team, &id[0], 1, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, team).unacked, 2);
	CHECK_U(lab_space_of(a.s, team).refused, 0);
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
}

static void
shared_project(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j[2] = { 0 };
	struct event ev;
	struct log_row row;
	struct eid id[4];
	space_id team;
	uint64_t copied;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 70, false);
	team = lab_space(a.s, "h", "a", "team");
	id[0] = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_acked(a.s, a.sp, &id[0], 1, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	d = lab_wp_title(1, "two");
	id[1] = lab_author(&a, &d);
	d = lab_wp_title(1, "refused");
	id[2] = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, a.sp, &id[2], ERR_QUOTA, STR("no"), &e), &e);
	CHECK_OK(store_share(a.s, a.sp, STR(LAB_PROJECT), team, &copied, &e),
	    &e);
	CHECK_U(copied, 2);
	CHECK_OK(store_share(a.s, a.sp, STR(LAB_PROJECT), team, &copied, &e),
	    &e);
	CHECK_U(copied, 0);
	CHECK_OK(store_share(a.s, a.sp, STR("other"), team, &copied, &e), &e);
	CHECK_U(copied, 0);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, team).unacked, 2);
	CHECK_U(lab_space_of(a.s, team).events, 2);
	CHECK(memcmp(lab_space_of(a.s, team).digest,
	          lab_space_of(a.s, a.sp).digest, HASH_BYTES) == 0);
	CHECK_OK(store_event(a.s, team, &id[0], &ar, &row, &e), &e);
	CHECK(row.fixed && row.own && row.status == EVENT_LOCAL);

	/* A late one follows, and so does one that is taken back. */
	d = lab_wp_title(1, "three");
	id[3] = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_retry(a.s, a.sp, &id[2], (struct str){ 0 }, &e), &e);
	CHECK_OK(store_share(a.s, a.sp, STR(LAB_PROJECT), team, &copied, &e),
	    &e);
	CHECK_U(copied, 2);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK(memcmp(lab_space_of(a.s, team).digest,
	          lab_space_of(a.s, a.sp).digest, HASH_BYTES) == 0);

	/* What some team has keeps its content, also where another refuses it. */
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, team, &id[0], ERR_QUOTA, STR("no"), &e), &e);
	CHECK_ERR(store_retry(a.s, team, &id[0],
	              STR("{\"wp_id\":\"WP01\",\"title\":\"edited\"}"), &e),
	    ERR_REFUSED);
	CHECK_OK(store_retry(a.s, team, &id[0], (struct str){ 0 }, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);

	/* Copies change alike, unless one is acknowledged anywhere. */
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, team, 500, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	for (int i = 0; i < 4; i++) {
		ev = event_of(&a, team, &id[i], &j[0], &ar);
		CHECK_U(ev.clock, event_of(&a, a.sp, &id[i], &j[1], &ar).clock);
		CHECK(i == 0 ? ev.clock == 1 : ev.clock > 500);
	}
	CHECK(memcmp(lab_space_of(a.s, team).digest,
	          lab_space_of(a.s, a.sp).digest, HASH_BYTES) == 0);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_node_renew(a.s, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(event_of(&a, team, &id[1], &j[0], &ar).node_seq,
	    event_of(&a, a.sp, &id[1], &j[1], &ar).node_seq);
	lab_sound(&a);
	json_fini(&j[0]);
	json_fini(&j[1]);
	arena_fini(&ar);
	lab_close(&a);
}

/* What is only in the other space and names a copy stays above it. */
static void
restamp_reaches_other_spaces(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct eid in_both, in_team, behind;
	space_id team;
	uint64_t copied;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 71, false);
	team = lab_space(a.s, "h", "a", "team");
	in_both = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_share(a.s, a.sp, STR(LAB_PROJECT), team, &copied, &e),
	    &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	d = lab_wp_title(1, "team only");
	in_team = lab_author_in(a.s, team, &d);
	d = lab_wp_title(1, "and after it");
	behind = lab_author_in(a.s, team, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 900, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(event_of(&a, team, &in_both, &j, &ar).clock, 901);
	CHECK_U(event_of(&a, team, &in_team, &j, &ar).clock, 902);
	CHECK_U(event_of(&a, team, &behind, &j, &ar).clock, 903);
	CHECK(lab_space_of(a.s, team).clock >= 903);
	lab_sound(&a);
	json_fini(&j);
	arena_fini(&ar);
	lab_close(&a);
}

/* What two teams have may stand under two stamps: what names it stands above
 * both, also where only one of the spaces is stamped anew. */
static void
restamp_minds_other_spaces(void)
{
	struct lab a, in_team;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct buf ahead = { 0 };
	struct event ev;
	struct eid named, in_both;
	space_id team;
	uint64_t copied;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 74, false);
	team = lab_space(a.s, "h", "a", "team");
	named = lab_author(&a, &d);
	share_with(&a, team, 1);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_acked(a.s, a.sp, &named, 1, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	ev = event_of(&a, a.sp, &named, &j, &ar);
	event_restamp(&ev, 500, ev.node, ev.node_seq, NULL, 0, &ahead);
	in_team = a;
	in_team.sp = team;
	CHECK_U(put_alone(&in_team, buf_str(&ahead), 1), PUT_NEW);
	d = lab_wp_title(1, "two");
	in_both = lab_author_in(a.s, team, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_share(a.s, team, STR(LAB_PROJECT), a.sp, &copied, &e),
	    &e);
	CHECK_U(copied, 1);
	CHECK_OK(store_restamp(a.s, a.sp, 0, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(event_of(&a, a.sp, &named, &j, &ar).clock, 1);
	CHECK_U(event_of(&a, team, &named, &j, &ar).clock, 500);
	CHECK_U(event_of(&a, a.sp, &in_both, &j, &ar).clock, 501);
	CHECK_U(event_of(&a, team, &in_both, &j, &ar).clock, 501);
	lab_sound(&a);
	json_fini(&j);
	buf_fini(&ahead);
	arena_fini(&ar);
	lab_close(&a);
}

/* What goes again is stamped anew, and what stands above nothing that changed is
 * left alone: what waits keeps the order in which it was made, also where it
 * names what a clone sent with a greater stamp. */
static void
retry_leaves_the_others(void)
{
	static const uint64_t stays[] = { 500, 2, 3 };
	static const uint64_t again[] = { 500, 901, 902, 903 };
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct buf ahead = { 0 };
	struct event ev;
	struct eid id[4];
	struct draft d = lab_wp_new(1, "sent by a clone");

	lab_open(&a, be, 73, false);
	id[0] = lab_author(&a, &d);
	d = lab_wp_title(1, "names it");
	id[1] = lab_author(&a, &d);
	d = lab_wp_new(2, "made later");
	id[2] = lab_author(&a, &d);
	d = lab_wp_new(3, "refused");
	id[3] = lab_author(&a, &d);
	ev = event_of(&a, a.sp, &id[0], &j, &ar);
	event_restamp(&ev, 500, ev.node, ev.node_seq, NULL, 0, &ahead);
	CHECK_U(put_alone(&a, buf_str(&ahead), 1), PUT_NEW);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, a.sp, &id[3], ERR_SCHEMA, STR("no"), &e),
	    &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	retry_in(&a, a.sp, &id[3], ERR_OK);
	for (int i = 0; i < 3; i++)
		CHECK_U(event_of(&a, a.sp, &id[i], &j, &ar).clock, stays[i]);
	CHECK(event_of(&a, a.sp, &id[3], &j, &ar).clock > 500);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 900, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	for (int i = 0; i < 4; i++)
		CHECK_U(event_of(&a, a.sp, &id[i], &j, &ar).clock, again[i]);
	lab_sound(&a);
	json_fini(&j);
	buf_fini(&ahead);
	arena_fini(&ar);
	lab_close(&a);
}

static void
spaces(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct space sp, *list;
	size_t n;
	space_id id;

	lab_open(&a, be, 72, false);
	id = lab_space(a.s, "", "", "local");
	CHECK_OK(store_space_find(a.s, STR(""), STR(""), STR("local"), &ar, &sp,
	             &e),
	    &e);
	CHECK_I(sp.id, id);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_ERR(store_space_add(a.s, STR(""), STR(""), STR("local"), &id, &e),
	    ERR_EXISTS);
	CHECK_OK(store_space_rename(a.s, sp.id, STR("https://hub"), STR("ann"),
	             STR("ann-private"), &e),
	    &e);
	CHECK_ERR(store_space_rename(a.s, sp.id, STR("h"), STR("a"), STR("t"),
	              &e),
	    ERR_EXISTS);
	CHECK_OK(store_space_contact(a.s, sp.id, 12345, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_ERR(store_space_find(a.s, STR(""), STR(""), STR("local"), &ar,
	              &sp, &e),
	    ERR_NOT_FOUND);
	CHECK_OK(store_space_list(a.s, &ar, &list, &n, &e), &e);
	CHECK_U(n, 2);
	CHECK_STR(list[1].team, "ann-private");
	CHECK_STR(list[1].hub, "https://hub");
	CHECK_I(list[1].contact_ms, 12345);
	CHECK_ERR(store_space_get(a.s, 99, &ar, &sp, &e), ERR_NOT_FOUND);
	arena_fini(&ar);
	lab_close(&a);
}

/* --- reading ------------------------------------------------------------------------------------ */

struct seen_rows {
	uint64_t pos[1024];
	size_t n, stop_at;
};

static enum err
see_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct seen_rows *r = ctx;

	if (r->n == r->stop_at)
		return err_setf(e, ERR_INTERRUPTED, "enough");
	r->pos[r->n++] = row->pos;
	return ERR_OK;
}

static void
reading_the_log(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct seen_rows seen = { .stop_at = SIZE_MAX };
	struct entity_key key = lab_wp_key(1);

	lab_open(&a, be, 80, false);
	CHECK_OK(store_begin(a.s, &e), &e);
	for (unsigned i = 0; i < 700; i++) {
		struct draft d = lab_wp_note(i % 7, "x");

		CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_OK(store_log(a.s, a.sp, 0, 0, see_row, &seen, &e), &e);
	CHECK_U(seen.n, 700);
	for (size_t i = 0; i < seen.n; i++)
		CHECK_U(seen.pos[i], i + 1);
	seen.n = 0;
	CHECK_OK(store_log(a.s, a.sp, 690, 5, see_row, &seen, &e), &e);
	CHECK_U(seen.n, 5);
	CHECK_U(seen.pos[0], 691);
	seen.n = 0;
	CHECK_OK(store_log_back(a.s, a.sp, 0, 600, see_row, &seen, &e), &e);
	CHECK_U(seen.n, 600);
	for (size_t i = 0; i < seen.n; i++)
		CHECK_U(seen.pos[i], 700 - i);
	seen.n = 0;
	CHECK_OK(store_log_back(a.s, a.sp, 4, 0, see_row, &seen, &e), &e);
	CHECK_U(seen.n, 3);
	CHECK_U(seen.pos[2], 1);
	seen.n = 0;
	CHECK_OK(store_entity_log(a.s, a.sp, &key, see_row, &seen, &e), &e);
	CHECK_U(seen.n, 100);
	CHECK_U(seen.pos[99], 695);
	seen = (struct seen_rows){ .stop_at = 3 };
	CHECK_ERR(store_log(a.s, a.sp, 0, 0, see_row, &seen, &e),
	    ERR_INTERRUPTED);
	CHECK_U(seen.n, 3);
	lab_sound(&a);
	lab_close(&a);
}

/* The same bytes with another word of the same length in them, wherever it stands. */
static void
reworded(struct buf *out, struct str raw, const char *from, const char *to)
{
	size_t n = strlen(from);

	buf_reset(out);
	buf_addstr(out, raw);
	for (size_t i = 0; i + n <= out->len; i++)
		if (memcmp(out->data + i, from, n) == 0)
			memcpy(out->data + i, to, n);
}

static uint64_t
history_of(struct lab *l, space_id sp, unsigned wp)
{
	struct err_info e = { 0 };
	struct entity_key key = lab_wp_key(wp);
	struct seen_rows seen = { .stop_at = SIZE_MAX };

	CHECK_OK(store_entity_log(l->s, sp, &key, see_row, &seen, &e), &e);
	return seen.n;
}

/* The hub has an own event as one about something else: it leaves the one and
 * enters the other, in every space that no hub has it in. */
static void
adopted_elsewhere(void)
{
	struct lab a, team, b;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct buf other = { 0 };
	struct rows r;
	struct eid id, alone;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 75, false);
	lab_open(&b, be, 76, false);
	(void)lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	for (unsigned i = 0; i < 70; i++) {
		d = lab_wp_note(1, "x");
		CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(a.s, &e), &e);
	d = lab_wp_title(1, "moves");
	id = lab_author(&a, &d);
	d = lab_wp_new(3, "alone");
	alone = lab_author(&a, &d);
	team = a;
	team.sp = lab_space(a.s, "h", "a", "team");
	share_with(&a, team.sp, 73);

	reworded(&other, lab_row(&a, &id, &ar).raw, "WP01", "WP02");
	CHECK_U(put_alone(&a, buf_str(&other), 1), PUT_NEW);
	CHECK_STR(str_of(lab_title(&a, 1)), "one");
	CHECK_STR(str_of(lab_title(&a, 2)), "moves");
	CHECK_STR(str_of(lab_title(&team, 1)), "one");
	CHECK_STR(str_of(lab_title(&team, 2)), "moves");
	CHECK_U(history_of(&a, a.sp, 1), 71);
	CHECK_U(history_of(&a, team.sp, 1), 71);
	CHECK_U(history_of(&a, a.sp, 2), 1);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 72);
	CHECK_U(lab_space_of(a.s, team.sp).unacked, 73);
	lab_sound(&a);

	/* Nothing is left of an entity that had no other. */
	reworded(&other, lab_row(&a, &alone, &ar).raw, "WP03", "WP02");
	CHECK_U(put_alone(&a, buf_str(&other), 2), PUT_NEW);
	CHECK_STR(str_of(lab_title(&a, 2)), "alone");
	CHECK_STR(str_of(lab_title(&a, 3)), "");
	CHECK_U(history_of(&a, a.sp, 3), 0);
	CHECK_U(history_of(&a, a.sp, 2), 2);
	lab_sound(&a);
	lab_sound(&team);

	/* As if it had always been so; and lists go on from there. */
	rows_of(&a, &r);
	CHECK_OK(store_begin(b.s, &e), &e);
	for (size_t i = 0; i < r.n; i++)
		CHECK_U(put_row(&b, r.raw[i], 0), PUT_NEW);
	CHECK_OK(store_commit(b.s, &e), &e);
	CHECK(lab_same(&a, &b));
	CHECK_OK(store_begin(a.s, &e), &e);
	for (unsigned i = 0; i < 70; i++) {
		d = lab_wp_note(1, "y");
		CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(history_of(&a, a.sp, 1), 141);
	lab_sound(&a);
	buf_fini(&other);
	arena_fini(&ar);
	arena_fini(&r.a);
	lab_close(&a);
	lab_close(&b);
}

/* What comes into a shared project that way goes where the project goes, though
 * its place was looked at before. */
static void
adopted_into_a_shared_project(void)
{
	static const char shared[] = "22222222-2222-4222-8222-222222222222";
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct buf other = { 0 };
	space_id team;
	uint64_t copied;
	struct eid id;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 77, false);
	team = lab_space(a.s, "h", "a", "team");
	id = lab_author(&a, &d);
	d = lab_wp_new(2, "two");
	d.project_uuid = str_of(shared);
	(void)lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_share(a.s, a.sp, str_of(shared), team, &copied, &e), &e);
	CHECK_U(copied, 1);
	CHECK_OK(store_commit(a.s, &e), &e);
	reworded(&other, lab_row(&a, &id, &ar).raw, LAB_PROJECT, shared);
	CHECK_U(put_alone(&a, buf_str(&other), 1), PUT_NEW);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_share(a.s, a.sp, str_of(shared), team, &copied, &e), &e);
	CHECK_U(copied, 1);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK(memcmp(lab_space_of(a.s, team).digest,
	          lab_space_of(a.s, a.sp).digest, HASH_BYTES) == 0);
	lab_sound(&a);
	buf_fini(&other);
	arena_fini(&ar);
	lab_close(&a);
}

/* It names a refused event when it goes again: it names what that had replaced in
 * its place, and once. */
static void
retry_names_what_stays(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct eid id[4];
	struct draft d = lab_wp_new(1, "stays");

	lab_open(&a, be, 78, false);
	id[0] = lab_author(&a, &d);
	for (int i = 1; i < 4; i++) {
		d = lab_wp_title(1, i < 3 ? "refused" : "again");
		d.named = true;
		d.replaces = i < 3 ? &id[0] : &id[1];
		d.n_replaces = i < 3 ? 1 : 2;
		id[i] = lab_author(&a, &d);
	}
	for (int i = 3; i > 0; i--) {
		CHECK_OK(store_begin(a.s, &e), &e);
		CHECK_OK(store_refuse(a.s, a.sp, &id[i], ERR_SCHEMA, STR("no"),
		             &e),
		    &e);
		CHECK_OK(store_commit(a.s, &e), &e);
	}
	ev = event_of(&a, a.sp, &id[3], &j, &ar);
	CHECK_U(ev.n_replaces, 2);
	retry_in(&a, a.sp, &id[3], ERR_OK);
	ev = event_of(&a, a.sp, &id[3], &j, &ar);
	CHECK_U(ev.n_replaces, 1);
	CHECK(ev.n_replaces == 1 && eid_eq(&ev.replaces[0], &id[0]));
	CHECK_STR(str_of(lab_title(&a, 1)), "again");
	CHECK_U(lab_space_of(a.s, a.sp).refused, 2);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 2);
	lab_sound(&a);
	json_fini(&j);
	arena_fini(&ar);
	lab_close(&a);
}

/* --- what is refused without a trace ------------------------------------------- */

/* A payload may be as deep as the event around it leaves room for. */
static void
deep_payloads(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "one");
	struct eid id;

	lab_open(&a, be, 34, false);
	id = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, a.sp, &id, ERR_SCHEMA, STR("no"), &e), &e);
	for (int depth = EVENT_DEPTH_MAX + 1; depth >= EVENT_DEPTH_MAX - 1;
	     depth--) {
		enum err want = depth < EVENT_DEPTH_MAX ? ERR_OK : ERR_SCHEMA;
		struct buf p = { 0 };

		t_note("depth %d", depth);
		buf_adds(&p,
		    "{\"wp_id\":\"WP01\",\"title\":\"deep\","
		    "\"feature_slug\":\"001-lab\",\"x\":");
		for (int i = 1; i < depth; i++)
			buf_addc(&p, '[');
		for (int i = 1; i < depth; i++)
			buf_addc(&p, ']');
		buf_addc(&p, '}');
		d.payload = buf_str(&p);
		CHECK_ERR(store_author(a.s, a.sp, &d, NULL, &e), want);
		CHECK_ERR(store_retry(a.s, a.sp, &id, buf_str(&p), &e), want);
		CHECK_U(lab_space_of(a.s, a.sp).refused, want != ERR_OK);
		CHECK_U(lab_space_of(a.s, a.sp).events, want == ERR_OK ? 2 : 1);
		buf_fini(&p);
	}
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_STR(str_of(lab_title(&a, 1)), "deep");
	lab_sound(&a);
	lab_close(&a);
}

/* The clock may be set back below an event that is refused and does not count; when
 * it counts again, what is made next stands above it. */
static void
a_clock_set_back(void)
{
	struct lab a, b;
	struct err_info e = { 0 };
	struct arena rows = { 0 };
	struct draft d = lab_wp_new(1, "one");
	struct eid id;

	lab_open(&a, be, 36, false);
	lab_open(&b, be, 37, false);
	for (int i = 0; i < 3; i++)
		id = lab_author(&b, &d);
	CHECK_I(put_alone(&a, lab_row(&b, &id, &rows).raw, 0), PUT_NEW);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_refuse(a.s, a.sp, &id, ERR_QUOTA, STR("full"), &e), &e);
	CHECK_OK(store_restamp(a.s, a.sp, 0, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).clock, 0);
	lab_sound(&a);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_retry(a.s, a.sp, &id, STR(""), &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).clock, 3);
	lab_sound(&a);
	arena_fini(&rows);
	lab_close(&a);
	lab_close(&b);
}

/* Chance that repeats itself makes an id twice, sooner or later: a store takes
 * what many ids need at once. */
static void
an_id_in_use(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct world was;
	struct draft d = lab_wp_new(1, "one");
	uint64_t events = 1;
	enum err rc;

	lab_open(&a, be, 35, false);
	was = a.world;
	(void)lab_author(&a, &d);
	d = lab_wp_title(1, "two");
	do {
		a.world = was;
		CHECK_OK(store_begin(a.s, &e), &e);
		rc = store_author(a.s, a.sp, &d, NULL, &e);
		if (rc == ERR_OK)
			CHECK_OK(store_commit(a.s, &e), &e);
		events += rc == ERR_OK;
	} while (rc == ERR_OK && events < 1000);
	CHECK_I(rc, ERR_FAILED);
	CHECK(strstr(e.text, "in use") != NULL);
	CHECK_ERR(store_commit(a.s, &e), ERR_FAILED);
	store_rollback(a.s);
	CHECK_U(lab_space_of(a.s, a.sp).events, events);
	d = lab_wp_title(1, "three");
	(void)lab_author(&a, &d);
	CHECK_STR(str_of(lab_title(&a, 1)), "three");
	lab_sound(&a);
	lab_close(&a);
}

/* What is asked of a space or an event that there is not changes nothing, and the
 * transaction goes on. */
static void
what_is_not_there(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct eid id;
	size_t n = 7;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 36, false);
	id = lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_ERR(store_pulled(a.s, 99, STR("e1"), 1, 1, &e), ERR_NOT_FOUND);
	CHECK_ERR(store_restamp(a.s, 99, 1, &e), ERR_NOT_FOUND);
	CHECK_ERR(store_discard(a.s, a.sp, &id, &e), ERR_NOT_FOUND);
	CHECK(strstr(e.text, "not refused") != NULL);
	CHECK_ERR(store_retry(a.s, a.sp, &id, STR(""), &e), ERR_NOT_FOUND);
	CHECK(strstr(e.text, "not refused") != NULL);
	d = lab_wp_title(1, "two");
	CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_ERR(store_events_prefix(a.s, 99, STR("0"), 9, &ar, &row, &n, &e),
	    ERR_NOT_FOUND);
	CHECK_U(n, 0);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 2);
	CHECK_STR(str_of(lab_title(&a, 1)), "two");
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
}

/* Another id for a text of an event that was made from another's. */
static void
id_number(struct buf *raw, unsigned n)
{
	char *at = strstr(raw->data, "\"event_id\":\"") + 12, text[9];

	(void)snprintf(text, sizeof text, "%08x", n);
	memcpy(at, text, 8);
}

/* Stamps are ordered by all bytes of a node, also where one is a NUL. */
static void
nodes_with_nul(void)
{
	static const struct str node[] = { STR_INIT("a"), STR_INIT("a\0"),
		STR_INIT("a\0\0"), STR_INIT("a\0b"), STR_INIT("ab") };
	struct lab a, other;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct eid id;
	struct log_row *row;
	size_t n;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 92, false);
	lab_open(&other, be, 93, false);
	id = lab_author(&other, &d);
	ev = event_of(&other, other.sp, &id, &j, &ar);
	for (unsigned i = 0; i < 5; i++) {
		struct buf raw = { 0 };

		event_restamp(&ev, 3, node[4 - i], 1, NULL, 0, &raw);
		id_number(&raw, i);
		CHECK_U(put_alone(&a, buf_str(&raw), 0), PUT_NEW);
		buf_fini(&raw);
	}
	CHECK_OK(store_unacked(a.s, a.sp, 9, SIZE_MAX, &ar, &row, &n, &e), &e);
	CHECK_U(n, 5);
	for (size_t i = 0; i < n; i++)
		CHECK_U(row[i].pos, 5 - i);
	lab_sound(&a);
	json_fini(&j);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&other);
}

/* The event under another id, as the seq-th of a node; the fault point that is to
 * fail is behind it (-1: none, it is new). */
static void
put_of_node(struct lab *hub, const struct event *ev, unsigned id, unsigned node,
    uint64_t node_seq, int failing)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf raw = { 0 };
	struct event own;
	struct arrival arrival = { .ev = &own };
	char name[16];
	enum put put;
	uint64_t seq;
	enum err rc;

	(void)snprintf(name, sizeof name, "n%04u", node);
	event_restamp(ev, id + 1, str_of(name), node_seq, NULL, 0, &raw);
	id_number(&raw, id);
	CHECK_OK(event_parse(&own, &j, buf_str(&raw), &a, &e), &e);
	fault_arm_fine(failing);
	rc = store_put(hub->s, hub->sp, &arrival, &put, &seq, &e);
	fault_arm(-1);
	if (failing < 0)
		CHECK(rc == ERR_OK && put == PUT_NEW);
	else
		CHECK(rc == ERR_IO || rc == ERR_NOMEM);
	json_fini(&j);
	arena_fini(&a);
	buf_fini(&raw);
}

/* More nodes in one transaction than are held in memory: what was seen of the
 * first is not forgotten. */
static void
many_nodes(void)
{
	enum { NODES = 4200, HELD = 4096 };
	struct lab hub, a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct store_report report;
	struct event ev;
	struct eid id;
	struct draft d = lab_wp_new(1, "x");

	lab_open(&hub, be, 98, true);
	lab_open(&a, be, 99, false);
	d.aggregate_type = STR("gadget");
	d.type = STR("gadget_turned"); /* has no heads that pile up */
	id = lab_author(&a, &d);
	ev = event_of(&a, a.sp, &id, &j, &ar);
	/* Where they cannot be written, nothing is. */
	for (int failing = 100; failing < 102; failing++) {
		CHECK_OK(store_begin(hub.s, &e), &e);
		for (unsigned i = 0; i < HELD; i++)
			put_of_node(&hub, &ev, i, i, 1, -1);
		put_of_node(&hub, &ev, HELD, HELD, 1, failing);
		CHECK_ERR(store_commit(hub.s, &e), ERR_FAILED);
		store_rollback(hub.s);
		CHECK_U(lab_space_of(hub.s, hub.sp).events, 0);
	}
	CHECK_OK(store_begin(hub.s, &e), &e);
	for (unsigned i = 0; i < NODES; i++)
		put_of_node(&hub, &ev, i, i, 1, -1);
	/* The first node again, and a number that is none. */
	put_of_node(&hub, &ev, NODES, 0, 2, -1);
	put_of_node(&hub, &ev, NODES + 1, NODES - 1, 0, -1);
	for (int turn = 0; turn < 2; turn++) {
		static const struct {
			const char *node;
			uint64_t n;
			bool seen;
		} ask[] = { { "n0000", 1, true }, { "n0000", 2, true },
			{ "n0000", 3, false }, { "n0001", 1, true },
			{ "n0001", 2, false }, { "n4199", 1, true },
			{ "n4199", 0, false }, { "n4200", 1, false } };

		for (size_t i = 0; i < sizeof ask / sizeof ask[0]; i++) {
			bool forked;

			t_note("turn %d: %s %u", turn, ask[i].node,
			    (unsigned)ask[i].n);
			CHECK_OK(store_forked(hub.s, str_of(ask[i].node),
			             ask[i].n, &id, &forked, &e),
			    &e);
			CHECK(forked == ask[i].seen);
		}
		if (turn == 0)
			CHECK_OK(store_commit(hub.s, &e), &e);
	}
	CHECK_OK(store_verify(hub.s, &report, NULL, NULL, NULL, &e), &e);
	json_fini(&j);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&hub);
}

/* An entity whose events are more than is held of them while it is folded. */
static void
a_long_history(void)
{
	enum { BIG = 480 * 1024, EVENTS = 72 };
	struct lab a, other;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct buf p = { 0 };
	struct store_report report;
	uint8_t before[HASH_BYTES], after[HASH_BYTES];
	struct draft d = lab_wp_new(1, "late");
	struct eid late;

	lab_open(&other, be, 38, false);
	late = lab_author(&other, &d);
	lab_open(&a, be, 37, false);
	CHECK_OK(store_begin(a.s, &e), &e);
	for (unsigned i = 0; i < EVENTS; i++) {
		d = lab_wp_title(1, "");
		buf_reset(&p);
		buf_addf(&p, "{\"wp_id\":\"WP01\",\"title\":\"%u\",\"x\":\"",
		    i);
		for (unsigned k = 0; k < BIG / 64; k++)
			buf_adds(&p,
			    "0123456789abcdef0123456789abcdef"
			    "0123456789abcdef0123456789abcdef");
		buf_adds(&p, "\"}");
		d.payload = buf_str(&p);
		CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(a.s, &e), &e);
	/* Below the others: all of them are folded again. */
	CHECK_U(put_alone(&a, lab_row(&other, &late, &ar).raw, 0), PUT_NEW);
	CHECK_STR(str_of(lab_title(&a, 1)), "71");
	lab_digest(&a, before);
	CHECK_OK(store_rebuild(a.s, &report, NULL, NULL, &e), &e);
	lab_digest(&a, after);
	CHECK(memcmp(before, after, HASH_BYTES) == 0);
	CHECK_U(report.events, EVENTS + 1);
	CHECK_STR(str_of(lab_title(&a, 1)), "71");
	buf_fini(&p);
	arena_fini(&ar);
	lab_close(&a);
	lab_close(&other);
}

static void
ids_by_prefix(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct rows r;
	struct buf ulid = { 0 };
	char text[EID_TEXT_MAX];
	struct eid id[3];
	size_t n;

	lab_open(&a, be, 81, false);
	for (int i = 0; i < 3; i++) {
		struct draft d = lab_wp_note(1, "x");

		id[i] = lab_author(&a, &d);
	}
	/* One more with a ULID of the same bytes as the first. */
	rows_of(&a, &r);
	{
		struct eid other = id[0];
		const char *at = strstr(r.raw[0].p, "\"event_id\":\"") + 12;

		other.form = EID_ULID;
		buf_add(&ulid, r.raw[0].p, (size_t)(at - r.raw[0].p));
		eid_add(&ulid, &other);
		buf_adds(&ulid, at + 36);
		CHECK_U(put_alone(&a, buf_str(&ulid), 0), PUT_NEW);
		(void)eid_format(&other, text);
	}
	CHECK_OK(store_events_prefix(a.s, a.sp, str_n(text, 10), 9, &ar, &row,
	             &n, &e),
	    &e);
	CHECK(n >= 1);
	CHECK_OK(store_events_prefix(a.s, a.sp, str_of(text), 9, &ar, &row, &n,
	             &e),
	    &e);
	CHECK_U(n, 1);
	CHECK(n == 1 && row[0].pos == 4);
	(void)eid_format(&id[1], text);
	CHECK_OK(store_events_prefix(a.s, a.sp, str_of(text), 9, &ar, &row, &n,
	             &e),
	    &e);
	CHECK_U(n, 1);
	CHECK(n == 1 && eid_eq(&row[0].id, &id[1]));
	for (char *p = text; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'f')
			*p = (char)(*p - 'a' + 'A');
	CHECK_OK(store_events_prefix(a.s, a.sp, str_of(text), 9, &ar, &row, &n,
	             &e),
	    &e);
	CHECK_U(n, 1);
	CHECK_OK(store_events_prefix(a.s, a.sp, str_n(text, 6), 2, &ar, &row,
	             &n, &e),
	    &e);
	CHECK_U(n, 2);
	CHECK_OK(store_events_prefix(a.s, a.sp, STR("zz%"), 9, &ar, &row, &n,
	             &e),
	    &e);
	CHECK_U(n, 0);
	buf_fini(&ulid);
	arena_fini(&r.a);
	arena_fini(&ar);
	lab_close(&a);
}

struct seen_keys {
	char text[64][64];
	size_t n;
	struct lab *lab;
};

static enum err
see_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	struct seen_keys *s = ctx;
	struct entity_key key = { en->project, en->type, en->key };
	const struct entity *again = NULL;

	(void)snprintf(s->text[s->n++ % 64], 64, "%.*s/%.*s", STR_ARG(en->type),
	    STR_ARG(en->key));
	/* Reads are allowed inside. */
	CHECK_OK(store_entity(s->lab->s, s->lab->sp, &key, &again, e), e);
	CHECK(again != NULL && again->events == en->events);
	return ERR_OK;
}

static void
reading_state(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct store_project *project;
	struct seen_keys seen = { .lab = &a };
	uint8_t digest[HASH_BYTES];
	const struct entity *en;
	struct entity_key key = lab_wp_key(5);
	size_t n;
	struct draft d;

	lab_open(&a, be, 82, false);
	CHECK_OK(store_begin(a.s, &e), &e);
	for (unsigned i = 9; i > 0; i--) {
		d = lab_wp_new(i, "x");
		CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	}
	d = lab_wp_new(1, "elsewhere");
	d.project_uuid = STR("00000000-1111-4111-8111-111111111111");
	CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	d.aggregate_type = STR("gadget");
	d.type = STR("gadget_turned"); /* unknown: kept, not folded */
	CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	/* In the transaction as after it. */
	for (int turn = 0; turn < 2; turn++) {
		seen.n = 0;
		CHECK_OK(store_entities(a.s, a.sp, (struct str){ 0 }, NULL,
		             see_entity, &seen, &e),
		    &e);
		CHECK_U(seen.n, 10);
		CHECK_STR(str_of(seen.text[0]), "work_package/001-lab/WP01");
		CHECK_STR(str_of(seen.text[1]), "work_package/001-lab/WP01");
		CHECK_STR(str_of(seen.text[9]), "work_package/001-lab/WP09");
		seen.n = 0;
		CHECK_OK(store_entities(a.s, a.sp, STR(LAB_PROJECT), "todo",
		             see_entity, &seen, &e),
		    &e);
		CHECK_U(seen.n, 0);
		CHECK_OK(store_entities(a.s, a.sp, STR(LAB_PROJECT),
		             "work_package", see_entity, &seen, &e),
		    &e);
		CHECK_U(seen.n, 9);
		CHECK_OK(store_projects(a.s, a.sp, &ar, &project, &n, &e), &e);
		CHECK_U(n, 2);
		CHECK_STR(project[1].project, LAB_PROJECT);
		CHECK_U(project[0].entities, 1);
		CHECK_U(project[1].entities, 9);
		CHECK_OK(store_digest(a.s, a.sp, STR(LAB_PROJECT), digest, &e),
		    &e);
		CHECK(memcmp(digest, project[1].digest, HASH_BYTES) == 0);
		hash_sum_add(digest, project[0].digest);
		CHECK(memcmp(digest, lab_space_of(a.s, a.sp).digest,
		          HASH_BYTES) == 0);
		if (turn == 0)
			CHECK_OK(store_commit(a.s, &e), &e);
	}
	CHECK_ERR(store_digest(a.s, a.sp, STR("none"), digest, &e),
	    ERR_NOT_FOUND);
	CHECK_OK(store_entity(a.s, a.sp, &key, &en, &e), &e);
	CHECK(en != NULL);
	key.key = STR("nothing");
	CHECK_OK(store_entity(a.s, a.sp, &key, &en, &e), &e);
	CHECK(en == NULL);
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
}

/* Entities that were handed out live until the next call that is no read. */
static void
borrowed_entities(void)
{
	struct lab a;
	struct err_info e = { 0 };
	const struct entity *en[50];
	struct store_options opt;

	lab_open(&a, be, 83, false);
	for (unsigned i = 0; i < 50; i++) {
		struct draft d = lab_wp_new(i, "x");

		(void)lab_author(&a, &d);
	}
	if (be->file) {
		store_close(a.s);
		opt = a.opt;
		opt.cache_entities = 3;
		CHECK_OK(be->open(&a.s, a.path, &opt, &e), &e);
	}
	CHECK_OK(store_read_begin(a.s, &e), &e);
	for (unsigned i = 0; i < 50; i++) {
		struct entity_key key = lab_wp_key(i);

		CHECK_OK(store_entity(a.s, a.sp, &key, &en[i], &e), &e);
	}
	for (unsigned i = 0; i < 50; i++)
		CHECK(str_eq(en[i]->key, lab_wp_key(i).key));
	store_read_end(a.s);
	for (unsigned i = 0; i < 50; i++) {
		struct entity_key key = lab_wp_key(i);

		CHECK_OK(store_entity(a.s, a.sp, &key, &en[i], &e), &e);
	}
	for (unsigned i = 0; i < 50; i++)
		CHECK(str_eq(en[i]->key, lab_wp_key(i).key));
	lab_close(&a);
}

static void
what_waits(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct log_row *row;
	struct eid id[10];
	size_t n;
	struct stamp after = { 0 };
	char node[33];

	lab_open(&a, be, 84, false);
	for (int i = 0; i < 10; i++) {
		struct draft d = lab_wp_note(1, "some words");

		id[i] = lab_author(&a, &d);
	}
	CHECK_OK(store_unacked(a.s, a.sp, 3, SIZE_MAX, &ar, &row, &n, &e), &e);
	CHECK_U(n, 3);
	CHECK_OK(store_unacked(a.s, a.sp, 9, 1, &ar, &row, &n, &e), &e);
	CHECK_U(n, 1);
	CHECK_OK(store_unacked(a.s, a.sp, 9, row[0].raw.n * 5 / 2, &ar, &row,
	             &n, &e),
	    &e);
	CHECK_U(n, 2);
	CHECK_OK(store_node(a.s, node, &e), &e);
	after = (struct stamp){ 4, str_of(node), id[3] };
	CHECK_OK(store_unacked_after(a.s, a.sp, &after, 2, SIZE_MAX, &ar, &row,
	             &n, &e),
	    &e);
	CHECK_U(n, 2);
	CHECK(n == 2 && eid_eq(&row[0].id, &id[4]));
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_acked(a.s, a.sp, &id[4], 77, &e), &e);
	CHECK_OK(store_acked(a.s, a.sp, &id[4], 77, &e), &e);
	CHECK_ERR(store_acked(a.s, a.sp, &(struct eid){ .form = EID_ULID }, 1,
	              &e),
	    ERR_NOT_FOUND);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_U(lab_space_of(a.s, a.sp).unacked, 9);
	CHECK_OK(store_unacked_after(a.s, a.sp, &after, 2, SIZE_MAX, &ar, &row,
	             &n, &e),
	    &e);
	CHECK(n == 2 && eid_eq(&row[0].id, &id[5]));
	CHECK_U(lab_row(&a, &id[4], &ar).seq, 77);
	lab_sound(&a);
	arena_fini(&ar);
	lab_close(&a);
}

static void
notes(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct str value, *name, *values;
	size_t n;

	lab_open(&a, be, 85, false);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_note_put(a.s, STR("b:2"), STR("two"), &e), &e);
	CHECK_OK(store_note_put(a.s, STR("b:1"), STR("one"), &e), &e);
	CHECK_OK(store_note_put(a.s, STR("c"), STR("x\0y"), &e), &e);
	CHECK_OK(store_note_put(a.s, STR("b:%"), STR("odd"), &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_OK(store_note_get(a.s, STR("c"), &ar, &value, &e), &e);
	CHECK_EQ(value, STR("x\0y"));
	CHECK_OK(store_note_list(a.s, STR("b:"), &ar, &name, &values, &n, &e),
	    &e);
	CHECK_U(n, 3);
	CHECK_STR(name[0], "b:%");
	CHECK_STR(values[1], "one");
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_note_put(a.s, STR("b:1"), (struct str){ 0 }, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_ERR(store_note_get(a.s, STR("b:1"), &ar, &value, &e),
	    ERR_NOT_FOUND);
	arena_fini(&ar);
	lab_close(&a);
}

/* --- a hub --------------------------------------------------------------------------------------- */

/* Events of node "n" with these numbers, in any order; then which are taken. */
static void
forks(void)
{
	struct lab hub, a;
	struct err_info e = { 0 };
	struct arena ar = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct rows r;
	struct t_rng rng = { 3 };
	bool taken[200] = { false }, forked;
	struct draft d = lab_wp_new(1, "x");
	struct eid fresh = { .form = EID_UUID };
	struct buf counted = { 0 };

	lab_open(&hub, be, 90, true);
	lab_open(&a, be, 91, false);
	(void)lab_author(&a, &d);
	rows_of(&a, &r);
	CHECK_OK(event_parse(&ev, &j, r.raw[0], &ar, &e), &e);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t n = i < 150 ? t_below(&rng, 199) + 1 : i - 150 + 1;
		struct buf raw = { 0 };

		if (taken[n])
			continue;
		taken[n] = true;
		event_restamp(&ev, i + 1, STR("n"), n, NULL, 0, &raw);
		{
			char *at = strstr(raw.data, "\"event_id\":\"") + 12;

			at[0] = "0123456789abcdef"[i % 16];
			at[1] = "0123456789abcdef"[i / 16 % 16];
			at[2] = "0123456789abcdef"[i / 256];
		}
		CHECK_U(put_alone(&hub, buf_str(&raw), 0), PUT_NEW);
		buf_fini(&raw);
		if (i % 10 != 0)
			continue;
		for (unsigned k = 1; k < 200; k++) {
			CHECK_OK(store_forked(hub.s, STR("n"), k, &fresh,
			             &forked, &e),
			    &e);
			CHECK(forked == taken[k]);
		}
	}
	CHECK_OK(store_forked(hub.s, STR("m"), 1, &fresh, &forked, &e), &e);
	CHECK(!forked);
	/* An event that is known, in whatever team, is no fork of itself. */
	{
		space_id other = lab_space(hub.s, "", "", "u");
		struct arrival arrival = { .ev = &ev };
		enum put put;
		uint64_t seq;

		CHECK_OK(store_begin(hub.s, &e), &e);
		CHECK_OK(store_put(hub.s, other, &arrival, &put, &seq, &e), &e);
		CHECK_U(seq, 1);
		CHECK_OK(store_commit(hub.s, &e), &e);
		CHECK_OK(store_forked(hub.s, ev.node, 1, &ev.id, &forked, &e),
		    &e);
		CHECK(!forked);
		CHECK_OK(store_forked(hub.s, ev.node, 1, &fresh, &forked, &e),
		    &e);
		CHECK(forked);
		/* But one that was edited takes another number: of a copy of
		 * this machine, which counts on, too. */
		CHECK_OK(store_forked(hub.s, STR("n"), 1, &ev.id, &forked, &e),
		    &e);
		CHECK(forked);
		event_restamp(&ev, 900, ev.node, 2, NULL, 0, &counted);
		{
			char *at = strstr(counted.data, "\"event_id\":\"") + 12;

			memcpy(at, "fff", 3);
		}
		CHECK_U(put_alone(&hub, buf_str(&counted), 0), PUT_NEW);
		CHECK_OK(store_forked(hub.s, ev.node, 2, &ev.id, &forked, &e),
		    &e);
		CHECK(forked);
		buf_fini(&counted);
	}
	json_fini(&j);
	arena_fini(&ar);
	arena_fini(&r.a);
	lab_close(&a);
	lab_close(&hub);
}

/* --- copies, closing, options ---------------------------------------------------------------------- */

/* What was committed, under another handle. */
static void
reopen(struct lab *l, const struct store_options *opt)
{
	struct err_info e = { 0 };
	struct store *was = l->s;

	if (be->file) {
		store_close(was);
		CHECK_OK(be->open(&l->s, l->path, opt, &e), &e);
	} else {
		CHECK_OK(store_mem_copy(&l->s, was, opt, &e), &e);
		store_close(was);
	}
}

static void
close_forgets_what_is_not_committed(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "kept");

	lab_open(&a, be, 95, false);
	(void)lab_author(&a, &d);
	CHECK_OK(store_begin(a.s, &e), &e);
	d = lab_wp_title(1, "lost");
	CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	reopen(&a, &a.opt);
	CHECK_STR(str_of(lab_title(&a, 1)), "kept");
	CHECK_U(lab_space_of(a.s, a.sp).events, 1);
	lab_sound(&a);
	lab_close(&a);
}

/* Who looked and has no view does not end what somebody else is at. */
static void
no_view_to_end(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 89, false);
	store_read_end(a.s);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_author(a.s, a.sp, &d, NULL, &e), &e);
	store_read_end(a.s);
	CHECK_STR(str_of(lab_title(&a, 1)), "one");
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_STR(str_of(lab_title(&a, 1)), "one");
	CHECK_U(lab_space_of(a.s, a.sp).events, 1);
	lab_sound(&a);
	lab_close(&a);
}

/* A view that is open ends with its handle. */
static void
close_ends_a_view(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "one");
	struct store *again;

	lab_open(&a, be, 94, false);
	(void)lab_author(&a, &d);
	if (be->file) {
		CHECK_OK(be->open(&again, a.path, &a.opt, &e), &e);
	} else {
		CHECK_OK(store_mem_copy(&again, a.s, &a.opt, &e), &e);
	}
	CHECK_OK(store_read_begin(a.s, &e), &e);
	CHECK_STR(str_of(lab_title(&a, 1)), "one");
	store_close(a.s);
	a.s = again;
	d = lab_wp_title(1, "two");
	(void)lab_author(&a, &d);
	/* Nobody looks at the log any more. */
	CHECK_OK(store_checkpoint(a.s, &e), &e);
	if (be->file) {
		struct store_facts facts;

		CHECK_OK(store_facts(a.s, &facts, &e), &e);
		CHECK_U(facts.wal_bytes, 0);
	}
	CHECK_STR(str_of(lab_title(&a, 1)), "two");
	lab_close(&a);
}

/* What failed half-way can only be rolled back. */
static void
a_failure_spoils(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "one");
	unsigned spoilt = 0;
	enum err rc;

	lab_open(&a, be, 97, false);
	(void)lab_author(&a, &d);
	d = lab_wp_title(1, "two");
	for (int n = 0;; n++) {
		CHECK_OK(store_begin(a.s, &e), &e);
		fault_arm(n);
		rc = store_author(a.s, a.sp, &d, NULL, &e);
		fault_arm(-1);
		if (rc == ERR_OK)
			break;
		rc = store_commit(a.s, &e);
		spoilt += rc == ERR_FAILED;
		store_rollback(a.s);
		CHECK_STR(str_of(lab_title(&a, 1)), "one");
		CHECK_U(lab_space_of(a.s, a.sp).events, 1);
	}
	CHECK(spoilt > 0);
	CHECK_OK(store_commit(a.s, &e), &e);
	CHECK_STR(str_of(lab_title(&a, 1)), "two");
	lab_sound(&a);
	lab_close(&a);
}

static void
disk_nearly_full(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct store_options opt;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 96, false);
	(void)lab_author(&a, &d);
	opt = a.opt;
	opt.free_bytes_min = UINT64_MAX;
	reopen(&a, &opt);
	CHECK_ERR(store_begin(a.s, &e), ERR_NO_SPACE);
	CHECK(e.text[0] != '\0');
	CHECK_STR(str_of(lab_title(&a, 1)), "one");
	reopen(&a, &a.opt);
	d = lab_wp_title(1, "two");
	(void)lab_author(&a, &d);
	CHECK_STR(str_of(lab_title(&a, 1)), "two");
	lab_close(&a);
}

static void
doorbell(void)
{
	struct lab a;
	struct err_info e = { 0 };
	struct store_options opt;
	struct stat st[3];
	char bell[600];
	struct draft d = lab_wp_new(1, "one");

	lab_open(&a, be, 97, false);
	store_close(a.s);
	opt = a.opt;
	CHECK(snprintf(bell, sizeof bell, "%.*s/bell",
	          (int)(strrchr(a.path, '/') - a.path), a.path) > 0);
	opt.doorbell = bell;
	CHECK_OK(be->open(&a.s, a.path, &opt, &e), &e);
	if (!be->file)
		a.sp = lab_space(a.s, "h", "a", "t");
	(void)lab_author(&a, &d);
	CHECK(stat(bell, &st[0]) == 0);
	CHECK_OK(store_begin(a.s, &e), &e);
	CHECK_OK(store_commit(a.s, &e), &e); /* nothing changed */
	CHECK(stat(bell, &st[1]) == 0);
	CHECK_I(st[0].st_mtim.tv_nsec, st[1].st_mtim.tv_nsec);
	(void)lab_author(&a, &d);
	CHECK(stat(bell, &st[2]) == 0);
	CHECK(st[2].st_mtim.tv_nsec != st[1].st_mtim.tv_nsec ||
	    st[2].st_mtim.tv_sec != st[1].st_mtim.tv_sec);
	lab_close(&a);
}

/* --- all of them -------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "author and read", author_and_read },
	{ "an author names the heads it saw", author_names_heads },
	{ "bad drafts are refused", author_refuses_bad },
	{ "rollback leaves nothing", rollback_leaves_nothing },
	{ "keys by their beginning", keys_by_prefix },
	{ "two replicas converge", two_converge },
	{ "late events", late_events },
	{ "duplicates", duplicates },
	{ "the hub has an earlier sending", earlier_sending },
	{ "refused, edited, sent again", refused_events },
	{ "discarded", discarded_events },
	{ "a chain of refused events", refused_chain },
	{ "a new epoch", new_epoch },
	{ "restamp", restamped },
	{ "the clock has an end", clock_has_an_end },
	{ "a new node id", renewed_node },
	{ "a shared project", shared_project },
	{ "a refused event in two spaces", refused_copies },
	{ "built on what was refused", built_on_refused },
	{ "an adopted event in two spaces", adopted_copies },
	{ "restamp reaches other spaces", restamp_reaches_other_spaces },
	{ "restamp minds other spaces", restamp_minds_other_spaces },
	{ "what goes again leaves the others alone", retry_leaves_the_others },
	{ "adopted into another entity", adopted_elsewhere },
	{ "adopted into a shared project", adopted_into_a_shared_project },
	{ "what goes again names what stays", retry_names_what_stays },
	{ "deep payloads", deep_payloads },
	{ "an id that is in use", an_id_in_use },
	{ "a clock set back", a_clock_set_back },
	{ "what is not there", what_is_not_there },
	{ "nodes with a NUL", nodes_with_nul },
	{ "a long history", a_long_history },
	{ "spaces", spaces },
	{ "reading the log", reading_the_log },
	{ "ids by prefix", ids_by_prefix },
	{ "reading state", reading_state },
	{ "borrowed entities", borrowed_entities },
	{ "what waits", what_waits },
	{ "notes", notes },
	{ "forks", forks },
	{ "many nodes", many_nodes },
	{ "closing forgets what is not committed",
	    close_forgets_what_is_not_committed },
	{ "no view to end", no_view_to_end },
	{ "closing ends a view", close_ends_a_view },
	{ "a disk that is nearly full", disk_nearly_full },
	{ "a failure spoils its transaction", a_failure_spoils },
	{ "the doorbell", doorbell },
};

int
main(int argc, char **argv)
{
	for (size_t b = 0; b < n_backends; b++) {
		be = &backends[b];
		for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
			char name[128];

			if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL)
				continue;
			if (snprintf(name, sizeof name, "%s: %s", be->name,
			        tests[i].name) < 0)
				return 1;
			t_run(name, tests[i].run);
		}
	}
	return t_done();
}
