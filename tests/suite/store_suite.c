/* What every store must do, on each back-end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		"{\"wp_id\":\"WP01\"}",            /* a member is missing */
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
