/* Every allocation, write and commit of the store failed once: what was asked
 * for happened whole or not at all, nothing leaked (the sanitizer says), and the
 * store goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "store_lab.h"

static const struct backend *be;

/* A store with a bit of everything, and the ids of some of its events. */
struct scene {
	struct lab l;
	space_id team;
	struct eid id[12];
	struct str late; /* raw: an event below the others */
	struct arena a;
};

static void
scene_set(struct scene *sc)
{
	struct err_info e = { 0 };
	struct lab other;
	struct arena a = { 0 };
	struct draft d;
	struct eid id;
	uint64_t copied;

	*sc = (struct scene){ 0 };
	lab_open(&sc->l, be, 7, false);
	sc->team = lab_space(sc->l.s, "h", "a", "team");
	CHECK_OK(store_begin(sc->l.s, &e), &e);
	for (unsigned i = 0; i < 12; i++) {
		d = i % 3 == 0 ? lab_wp_new(i / 3, "new") :
		                 lab_wp_title(i / 3, "title");
		CHECK_OK(store_author(sc->l.s, sc->l.sp, &d, &sc->id[i], &e),
		    &e);
	}
	CHECK_OK(store_acked(sc->l.s, sc->l.sp, &sc->id[0], 1, &e), &e);
	CHECK_OK(store_refuse(sc->l.s, sc->l.sp, &sc->id[4], ERR_QUOTA,
	             STR("no"), &e),
	    &e);
	CHECK_OK(store_share(sc->l.s, sc->l.sp, STR(LAB_PROJECT), sc->team,
	             &copied, &e),
	    &e);
	CHECK_OK(store_commit(sc->l.s, &e), &e);
	lab_open(&other, be, 8, false);
	d = lab_wp_new(1, "from elsewhere");
	id = lab_author(&other, &d);
	sc->late = arena_str(&sc->a, lab_row(&other, &id, &a).raw);
	arena_fini(&a);
	lab_close(&other);
}

static void
scene_end(struct scene *sc)
{
	lab_close(&sc->l);
	arena_fini(&sc->a);
}

/* A handle that knows nothing yet. */
static void
scene_reopen(struct scene *sc)
{
	struct err_info e = { 0 };
	struct store *was = sc->l.s;

	if (be->file) {
		store_close(was);
		CHECK_OK(be->open(&sc->l.s, sc->l.path, &sc->l.opt, &e), &e);
	} else {
		CHECK_OK(store_mem_copy(&sc->l.s, was, &sc->l.opt, &e), &e);
		store_close(was);
	}
}

/* --- what is tried ------------------------------------------------------------------ */

typedef enum err act(struct scene *sc, struct err_info *e);

static enum err
act_author(struct scene *sc, struct err_info *e)
{
	struct draft d = lab_wp_title(1, "again");
	struct draft n = lab_wp_new(9, "one more");
	enum err rc = store_author(sc->l.s, sc->l.sp, &d, NULL, e);

	return rc == ERR_OK ? store_author(sc->l.s, sc->l.sp, &n, NULL, e) : rc;
}

static enum err
act_put(struct scene *sc, struct err_info *e)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev, .seq = 2, .user = STR("bob") };
	enum put put;
	uint64_t seq;
	enum err rc = event_parse(&ev, &j, sc->late, &a, e);

	if (rc == ERR_OK)
		rc = store_put(sc->l.s, sc->l.sp, &arrival, &put, &seq, e);
	if (rc == ERR_OK)
		rc = store_pulled(sc->l.s, sc->l.sp, STR("e1"), 2, 2, e);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static enum err
act_ack(struct scene *sc, struct err_info *e)
{
	return store_acked(sc->l.s, sc->l.sp, &sc->id[1], 3, e);
}

static enum err
act_refuse(struct scene *sc, struct err_info *e)
{
	return store_refuse(sc->l.s, sc->l.sp, &sc->id[3], ERR_SCHEMA,
	    STR("why"), e);
}

static enum err
act_retry(struct scene *sc, struct err_info *e)
{
	return store_retry(sc->l.s, sc->l.sp, &sc->id[4],
	    STR("{\"wp_id\":\"WP01\",\"title\":\"better\"}"), e);
}

static enum err
act_discard(struct scene *sc, struct err_info *e)
{
	return store_discard(sc->l.s, sc->l.sp, &sc->id[4], e);
}

static enum err
act_restamp(struct scene *sc, struct err_info *e)
{
	return store_restamp(sc->l.s, sc->l.sp, 100, e);
}

static enum err
act_renew(struct scene *sc, struct err_info *e)
{
	return store_node_renew(sc->l.s, e);
}

static enum err
act_resync(struct scene *sc, struct err_info *e)
{
	return store_resync(sc->l.s, sc->l.sp, STR("e9"), e);
}

static enum err
act_share(struct scene *sc, struct err_info *e)
{
	space_id sp = 0;
	uint64_t copied;
	enum err rc =
	    store_space_add(sc->l.s, STR("h"), STR("a"), STR("v"), &sp, e);

	if (rc == ERR_OK)
		rc = store_share(sc->l.s, sc->l.sp, STR(LAB_PROJECT), sp,
		    &copied, e);
	return rc;
}

static enum err
act_space(struct scene *sc, struct err_info *e)
{
	enum err rc = store_space_rename(sc->l.s, sc->team, STR("x"), STR("y"),
	    STR("z"), e);

	if (rc == ERR_OK)
		rc = store_space_contact(sc->l.s, sc->team, 1, e);
	return rc;
}

static enum err
act_note(struct scene *sc, struct err_info *e)
{
	return store_note_put(sc->l.s, STR("a"), STR("b"), e);
}

static const struct {
	const char *name;
	act *run;
	bool
	    lengthy; /* so many fault points that fine ones are tried now and then */
} acts[] = {
	{ "author", act_author, false },
	{ "put", act_put, false },
	{ "ack", act_ack, false },
	{ "refuse", act_refuse, false },
	{ "retry", act_retry, false },
	{ "discard", act_discard, false },
	{ "restamp", act_restamp, true },
	{ "renew", act_renew, true },
	{ "resync", act_resync, false },
	{ "share", act_share, false },
	{ "spaces", act_space, false },
	{ "notes", act_note, false },
};

/* --- the walk --------------------------------------------------------------------------- */

static uint64_t
version_of(struct scene *sc)
{
	struct err_info e = { 0 };
	uint64_t v = 0;

	CHECK_OK(store_version(sc->l.s, &v, &e), &e);
	return v;
}

static void
verified(struct scene *sc)
{
	struct err_info e = { 0 };
	struct store_report report;

	CHECK_OK(store_verify(sc->l.s, &report, NULL, NULL, NULL, &e), &e);
}

enum how {
	COARSE,
	FINE,
	COLD
}; /* cold: fine, on a handle that knows nothing */

static void
arm(enum how how, int n)
{
	if (how == COARSE)
		fault_arm(n);
	else
		fault_arm_fine(n);
}

/* In a transaction, with the n-th fault point failing; false: none was left. */
static bool
try_once(struct scene *sc, act *run, enum how how, int n)
{
	struct err_info e = { 0 };
	struct space before[2], after[2];
	uint64_t v = version_of(sc);
	enum err rc;
	bool hit;

	before[0] = lab_space_of(sc->l.s, sc->l.sp);
	before[1] = lab_space_of(sc->l.s, sc->team);
	if (how == COLD)
		scene_reopen(sc);
	arm(how, n);
	rc = store_begin(sc->l.s, &e);
	if (rc == ERR_OK)
		rc = run(sc, &e);
	if (rc == ERR_OK)
		rc = store_commit(sc->l.s, &e);
	hit = fault_hit();
	fault_arm(-1);
	if (rc == ERR_OK) {
		/* What may fail without harm: the doorbell, a lock's record. */
		CHECK_U(version_of(sc), v + 1);
		return hit;
	}
	CHECK(hit);
	CHECK(rc == ERR_NOMEM || rc == ERR_IO);
	store_rollback(sc->l.s);
	CHECK_U(version_of(sc), v);
	after[0] = lab_space_of(sc->l.s, sc->l.sp);
	after[1] = lab_space_of(sc->l.s, sc->team);
	CHECK(memcmp(before, after, sizeof before) == 0);
	return true;
}

static void
walk_act(size_t i, enum how how)
{
	static const char *const word[] = { "", ", fine", ", cold" };
	static const int often[] = { 1, 7, 41 };
	int stride = acts[i].lengthy ? often[how] : 1, n = 0;
	struct scene sc;

	scene_set(&sc);
	for (;; n += stride) {
		uint64_t v = version_of(&sc);

		t_note("%s: %s%s, fault point %d", be->name, acts[i].name,
		    word[how], n);
		if (!try_once(&sc, acts[i].run, how, n))
			break;
		/* It went through although something failed. */
		if (version_of(&sc) != v) {
			scene_end(&sc);
			scene_set(&sc);
		}
		if (n % 16 == 0)
			verified(&sc);
	}
	printf("# %s: %s%s: %d fault points\n", be->name, acts[i].name,
	    word[how], n);
	CHECK(n > 3);
	verified(&sc);
	scene_end(&sc);
}

static void
walk_acts(void)
{
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		/* Fine ones are coarse ones as well. */
		if (acts[i].lengthy)
			walk_act(i, COARSE);
		walk_act(i, FINE);
	}
}

static void
walk_cold(void)
{
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		walk_act(i, COLD);
}

typedef enum err look(struct scene *sc, struct err_info *e);

static enum err
count_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	unsigned *n = ctx;

	(void)row, (void)e;
	++*n;
	return ERR_OK;
}

static enum err
count_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	unsigned *n = ctx;

	(void)en, (void)e;
	++*n;
	return ERR_OK;
}

static enum err
look_around(struct scene *sc, struct err_info *e)
{
	struct store *s = sc->l.s;
	struct arena a = { 0 };
	struct entity_key key = lab_wp_key(1);
	const struct entity *en;
	struct log_row row, *rows;
	struct space *list;
	struct store_project *projects;
	unsigned n = 0;
	size_t count;
	bool forked;
	enum err rc = store_entity(s, sc->l.sp, &key, &en, e);

	if (rc == ERR_OK)
		rc = store_entities(s, sc->l.sp, (struct str){ 0 }, NULL,
		    count_entity, &n, e);
	if (rc == ERR_OK)
		rc = store_log(s, sc->l.sp, 0, 0, count_row, &n, e);
	if (rc == ERR_OK)
		rc = store_log_back(s, sc->l.sp, 0, 5, count_row, &n, e);
	if (rc == ERR_OK)
		rc = store_entity_log(s, sc->l.sp, &key, count_row, &n, e);
	if (rc == ERR_OK)
		rc = store_event(s, sc->l.sp, &sc->id[4], &a, &row, e);
	if (rc == ERR_OK)
		rc = store_events_prefix(s, sc->l.sp, STR("01"), 4, &a, &rows,
		    &count, e);
	if (rc == ERR_OK)
		rc = store_unacked(s, sc->l.sp, 9, SIZE_MAX, &a, &rows, &count,
		    e);
	if (rc == ERR_OK)
		rc = store_refused(s, sc->l.sp, &a, &rows, &count, e);
	if (rc == ERR_OK)
		rc = store_space_list(s, &a, &list, &count, e);
	if (rc == ERR_OK)
		rc = store_projects(s, sc->l.sp, &a, &projects, &count, e);
	if (rc == ERR_OK)
		rc = store_forked(s, STR("n"), 1, &sc->id[0], &forked, e);
	arena_fini(&a);
	return rc;
}

static enum err
look_more(struct scene *sc, struct err_info *e)
{
	struct store *s = sc->l.s;
	struct arena a = { 0 };
	struct entity_key key = lab_wp_key(1);
	const struct entity *en;
	struct str *names, *values, value;
	struct store_facts facts;
	struct space sp;
	uint8_t digest[32];
	uint64_t clock;
	char node[33];
	unsigned n = 0;
	size_t count;
	bool moved;
	enum err rc = store_read_begin(s, e);

	if (rc == ERR_OK) {
		rc = store_node(s, node, e);
		store_read_end(s);
	}
	if (rc == ERR_OK)
		rc = store_node(s, node, e);
	if (rc == ERR_OK)
		rc = store_entity_peek(s, sc->l.sp, &key, &en, e);
	if (rc == ERR_OK)
		rc = store_entities_prefix(s, sc->l.sp, STR(LAB_PROJECT),
		    "work_package", STR("0"), count_entity, &n, e);
	if (rc == ERR_OK)
		rc = store_digest(s, sc->l.sp, STR(LAB_PROJECT), digest, e);
	if (rc == ERR_OK)
		rc = store_stamp(s, sc->l.sp, &sc->id[1], &clock, e);
	if (rc == ERR_OK)
		rc = store_space_find(s, STR("h"), STR("a"), STR("team"), &a,
		    &sp, e);
	if (rc == ERR_OK)
		rc =
		    store_note_list(s, STR(""), &a, &names, &values, &count, e);
	if (rc == ERR_OK &&
	    store_note_get(s, STR("nothing"), &a, &value, e) != ERR_NOT_FOUND)
		rc = e->code;
	if (rc == ERR_OK)
		rc = store_tidy(s, &moved, e);
	if (rc == ERR_OK)
		rc = store_bulk(s, e);
	if (rc == ERR_OK)
		rc = store_checkpoint(s, e);
	if (rc == ERR_OK)
		rc = store_facts(s, &facts, e);
	arena_fini(&a);
	return rc;
}

static enum err
look_verify(struct scene *sc, struct err_info *e)
{
	struct store_report report;

	return store_verify(sc->l.s, &report, NULL, NULL, NULL, e);
}

static enum err
look_rebuild(struct scene *sc, struct err_info *e)
{
	struct store_report report;

	return store_rebuild(sc->l.s, &report, NULL, NULL, e);
}

static void
walk_look(look *run, const char *name, enum how how)
{
	struct scene sc;
	bool hit = true;

	scene_set(&sc);
	for (int n = 0; hit; n++) {
		struct err_info e = { 0 };
		enum err rc;

		t_note("%s: %s, fault point %d", be->name, name, n);
		if (how == COLD)
			scene_reopen(&sc);
		arm(how, n);
		rc = run(&sc, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK(rc == ERR_OK || hit);
		if (rc != ERR_OK)
			CHECK(rc == ERR_NOMEM || rc == ERR_IO);
	}
	verified(&sc);
	scene_end(&sc);
}

static void
walk_reads(void)
{
	walk_look(look_around, "reads", FINE);
	walk_look(look_around, "reads, cold", COLD);
	walk_look(look_more, "more reads", FINE);
	walk_look(look_more, "more reads, cold", COLD);
	walk_look(look_verify, "verify", FINE);
	walk_look(look_rebuild, "rebuild", FINE);
}

/* Opening a new store, and one that is there. */
static void
walk_open(void)
{
	struct world w;
	struct store_options opt = lab_options(&w, 5, false);
	bool hit = true;

	for (int n = 0; hit; n++) {
		struct err_info e = { 0 };
		struct store *s = NULL;
		const char *path = lab_path("open");
		enum err rc;

		for (int again = 0; again < 2; again++) {
			t_note("%s: open %d, fault point %d", be->name, again,
			    n);
			fault_arm_fine(n);
			rc = be->open(&s, path, &opt, &e);
			hit = fault_hit();
			fault_arm(-1);
			CHECK((s != NULL) == (rc == ERR_OK));
			CHECK(rc == ERR_OK || hit);
			store_close(s);
			/* Whatever was left: the next opening goes on. */
			CHECK_OK(be->open(&s, path, &opt, &e), &e);
			store_close(s);
			s = NULL;
		}
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "what changes", walk_acts },
	{ "what changes on a fresh handle", walk_cold },
	{ "what looks", walk_reads },
	{ "opening", walk_open },
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
			if (snprintf(name, sizeof name, "%s: faults: %s",
			        be->name, tests[i].name) < 0)
				return 1;
			t_run(name, tests[i].run);
		}
	}
	return t_done();
}
