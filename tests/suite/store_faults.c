/* Every allocation, write and commit of the store failed once: what was asked
 * for happened whole or not at all, nothing leaked (the sanitizer says), and the
 * store goes on. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "file.h"
#include "store_lab.h"

static const struct backend *be;

/* A store with a bit of everything, and the ids of some of its events. */
enum stage {
	PLAIN,
	CROWDED, /* and one entity with positions for nearly two runs */
	HUB      /* a hub: events of a node, with a gap in their numbers */
};
struct scene {
	struct lab l;
	space_id team;
	struct eid id[12];
	struct str late;    /* raw: an event below the others */
	struct str moved;   /* raw: the sixth event, about something else */
	struct str sent[4]; /* raw; the first and third are in the hub */
	struct arena a;
};

static enum err
put_raw(struct scene *sc, struct str raw, uint64_t seq, struct err_info *e)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev, .seq = seq, .user = STR("bob") };
	enum put put;
	enum err rc = event_parse(&ev, &j, raw, &a, e);

	if (rc == ERR_OK)
		rc = store_put(sc->l.s, sc->l.sp, &arrival, &put, &seq, e);
	if (rc == ERR_OK)
		CHECK(put != PUT_REUSED);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static struct str
raw_of(struct scene *sc, struct lab *l, const struct eid *id)
{
	struct arena a = { 0 };
	struct str raw = arena_str(&sc->a, lab_row(l, id, &a).raw);

	arena_fini(&a);
	return raw;
}

static void
hub_set(struct scene *sc)
{
	struct err_info e = { 0 };
	struct lab client;

	lab_open(&sc->l, be, 7, true);
	sc->team = lab_space(sc->l.s, "", "", "team");
	lab_open(&client, be, 8, false);
	for (unsigned i = 0; i < 4; i++) {
		struct draft d = lab_wp_new(i, "new");
		struct eid id;

		if (i == 3) {
			CHECK_OK(store_begin(client.s, &e), &e);
			CHECK_OK(store_node_renew(client.s, &e), &e);
			CHECK_OK(store_commit(client.s, &e), &e);
		}
		id = lab_author(&client, &d);
		sc->sent[i] = raw_of(sc, &client, &id);
	}
	CHECK_OK(store_begin(sc->l.s, &e), &e);
	CHECK_OK(put_raw(sc, sc->sent[0], 0, &e), &e);
	CHECK_OK(put_raw(sc, sc->sent[2], 0, &e), &e);
	CHECK_OK(store_commit(sc->l.s, &e), &e);
	lab_close(&client);
}

static void
scene_set(struct scene *sc, enum stage stage)
{
	struct err_info e = { 0 };
	struct lab other;
	struct draft d;
	struct eid id;
	uint64_t copied;
	char *at;

	*sc = (struct scene){ 0 };
	if (stage == HUB) {
		hub_set(sc);
		return;
	}
	lab_open(&sc->l, be, 7, false);
	sc->team = lab_space(sc->l.s, "h", "a", "team");
	CHECK_OK(store_begin(sc->l.s, &e), &e);
	for (unsigned i = 0; i < 12; i++) {
		d = i % 3 == 0 ? lab_wp_new(i / 3, "new") :
		                 lab_wp_title(i / 3, "title");
		CHECK_OK(store_author(sc->l.s, sc->l.sp, &d, &sc->id[i], &e),
		    &e);
	}
	for (unsigned i = 0; stage == CROWDED && i < 123; i++) {
		d = lab_wp_note(1, "one more");
		CHECK_OK(store_author(sc->l.s, sc->l.sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_acked(sc->l.s, sc->l.sp, &sc->id[0], 1, &e), &e);
	CHECK_OK(store_pulled(sc->l.s, sc->l.sp, STR("e1"), 1, 1, &e), &e);
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
	sc->late = raw_of(sc, &other, &id);
	lab_close(&other);
	sc->moved = raw_of(sc, &sc->l, &sc->id[5]);
	at = (char *)(uintptr_t)sc->moved.p;
	while ((at = strstr(at, "WP01")) != NULL)
		memcpy(at, "WP02", 4);
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
	enum err rc = put_raw(sc, sc->late, 2, e);

	return rc == ERR_OK ?
	    store_pulled(sc->l.s, sc->l.sp, STR("e1"), 2, 2, e) :
	    rc;
}

/* The hub has our sixth event, as one about something else. */
static enum err
act_adopt(struct scene *sc, struct err_info *e)
{
	struct entity_key key = lab_wp_key(2);
	const struct entity *en;
	enum err rc = put_raw(sc, sc->moved, 2, e);

	if (rc == ERR_OK)
		rc = store_entity(sc->l.s, sc->l.sp, &key, &en, e);
	if (rc == ERR_OK)
		CHECK(en != NULL && en->events == 4);
	return rc;
}

/* A list of positions becomes a run. */
static enum err
act_crowd(struct scene *sc, struct err_info *e)
{
	struct draft d = lab_wp_note(1, "and more");
	enum err rc = put_raw(sc, sc->late, 2, e);

	for (int i = 0; i < 2 && rc == ERR_OK; i++)
		rc = store_author(sc->l.s, sc->l.sp, &d, NULL, e);
	return rc;
}

/* The gap is closed; and another node comes. */
static enum err
act_hub(struct scene *sc, struct err_info *e)
{
	enum err rc = put_raw(sc, sc->sent[1], 0, e);

	return rc == ERR_OK ? put_raw(sc, sc->sent[3], 0, e) : rc;
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

/* What names a refused one; and what others have, and so cannot name anything
 * else than what is refused here. */
static enum err
act_refuse_built_on(struct scene *sc, struct err_info *e)
{
	enum err rc = store_refuse(sc->l.s, sc->l.sp, &sc->id[5], ERR_SCHEMA,
	    STR("why"), e);

	if (rc == ERR_OK)
		rc = store_acked(sc->l.s, sc->l.sp, &sc->id[1], 2, e);
	if (rc == ERR_OK)
		rc = store_refuse(sc->l.s, sc->team, &sc->id[0], ERR_QUOTA,
		    STR("full"), e);
	return rc;
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

/* So many fault points that only every so manieth is tried. */
enum length { SHORT, LONG, LONGER, MIDST, LENGTHS };
/* Where a long list of positions is rewritten: what is around that, others have as
 * well. */
enum { MIDST_FROM = 320, MIDST_TO = 345 };

static const struct {
	const char *name;
	act *run;
	enum length length;
	enum stage stage;
} acts[] = {
	{ "author", act_author, SHORT, PLAIN },
	{ "put", act_put, SHORT, PLAIN },
	{ "adopt", act_adopt, LONG, PLAIN },
	{ "adopt from a crowd", act_adopt, MIDST, CROWDED },
	{ "crowd", act_crowd, LONGER, CROWDED },
	{ "ack", act_ack, SHORT, PLAIN },
	{ "refuse", act_refuse, SHORT, PLAIN },
	{ "refuse what is built on", act_refuse_built_on, LONG, PLAIN },
	{ "retry", act_retry, SHORT, PLAIN },
	{ "discard", act_discard, SHORT, PLAIN },
	{ "restamp", act_restamp, LONG, PLAIN },
	{ "renew", act_renew, LONG, PLAIN },
	{ "resync", act_resync, SHORT, PLAIN },
	{ "share", act_share, SHORT, PLAIN },
	{ "spaces", act_space, SHORT, PLAIN },
	{ "notes", act_note, SHORT, PLAIN },
	{ "hub", act_hub, SHORT, HUB },
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
	static const int often[LENGTHS][3] = {
		[SHORT] = { 1, 1, 1 },
		[LONG] = { 1, 7, 41 },
		[LONGER] = { 5, 101, 211 },
		[MIDST] = { 1, 1, 1 },
	};
	int stride = often[acts[i].length][how];
	int n = acts[i].length == MIDST ? MIDST_FROM : 0;
	struct scene sc;

	scene_set(&sc, acts[i].stage);
	for (; acts[i].length != MIDST || n < MIDST_TO; n += stride) {
		uint64_t v = version_of(&sc);

		t_note("%s: %s%s, fault point %d", be->name, acts[i].name,
		    word[how], n);
		if (!try_once(&sc, acts[i].run, how, n))
			break;
		/* It went through although something failed. */
		if (version_of(&sc) != v) {
			scene_end(&sc);
			scene_set(&sc, acts[i].stage);
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
		if (acts[i].length != SHORT)
			walk_act(i, COARSE);
		if (acts[i].length != MIDST)
			walk_act(i, FINE);
	}
}

static void
walk_cold(void)
{
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if (acts[i].length != MIDST)
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
walk_look(look *run, const char *name, enum how how, enum stage stage, int most)
{
	struct scene sc;
	bool hit = true;

	scene_set(&sc, stage);
	for (int n = 0; hit && n < most; n++) {
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

/* A key that is longer than whatever was looked up before. */
static enum err
look_far(struct scene *sc, struct err_info *e)
{
	static char text[400];
	struct entity_key key = lab_wp_key(1);
	const struct entity *en;
	enum err rc;

	memset(text, 'x', sizeof text);
	key.key = str_n(text, sizeof text);
	rc = store_entity(sc->l.s, sc->l.sp, &key, &en, e);
	CHECK(rc != ERR_OK || en == NULL);
	return rc;
}

static enum err
look_history(struct scene *sc, struct err_info *e)
{
	struct entity_key key = lab_wp_key(1);
	unsigned n = 0;
	enum err rc =
	    store_entity_log(sc->l.s, sc->l.sp, &key, count_row, &n, e);

	CHECK(rc != ERR_OK || n == 126);
	return rc;
}

static enum err
look_hub(struct scene *sc, struct err_info *e)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct event ev;
	bool first, second;
	enum err rc = event_parse(&ev, &j, sc->sent[0], &a, e);

	if (rc == ERR_OK)
		rc = store_forked(sc->l.s, ev.node, 1, &sc->id[0], &first, e);
	if (rc == ERR_OK)
		rc = store_forked(sc->l.s, ev.node, 2, &sc->id[0], &second, e);
	if (rc == ERR_OK)
		CHECK(first && !second);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static void
walk_reads(void)
{
	walk_look(look_around, "reads", FINE, PLAIN, INT_MAX);
	walk_look(look_around, "reads, cold", COLD, PLAIN, INT_MAX);
	walk_look(look_more, "more reads", FINE, PLAIN, INT_MAX);
	walk_look(look_more, "more reads, cold", COLD, PLAIN, INT_MAX);
	walk_look(look_far, "a long key, cold", COLD, PLAIN, INT_MAX);
	walk_look(look_history, "a history, cold", COLD, CROWDED, 90);
	walk_look(look_hub, "of a hub, cold", COLD, HUB, INT_MAX);
	walk_look(look_verify, "verify", FINE, PLAIN, INT_MAX);
	walk_look(look_verify, "verify of a hub", FINE, HUB, INT_MAX);
	walk_look(look_rebuild, "rebuild", FINE, PLAIN, INT_MAX);
	walk_look(look_rebuild, "rebuild, cold", COLD, HUB, INT_MAX);
}

/* --- looks at what is not committed --------------------------------------------------- */

static enum err
inside_stale(struct scene *sc, struct err_info *e)
{
	struct entity_key key = lab_wp_key(1);
	const struct entity *en;

	return store_entity(sc->l.s, sc->l.sp, &key, &en, e);
}

static enum err
inside_state(struct scene *sc, struct err_info *e)
{
	unsigned n = 0;

	return store_entities(sc->l.s, sc->l.sp, (struct str){ 0 }, NULL,
	    count_entity, &n, e);
}

static enum err
inside_waiting(struct scene *sc, struct err_info *e)
{
	struct arena a = { 0 };
	struct log_row *rows;
	size_t n;
	enum err rc =
	    store_unacked(sc->l.s, sc->l.sp, 9, SIZE_MAX, &a, &rows, &n, e);

	arena_fini(&a);
	return rc;
}

static const struct {
	const char *name;
	act *before;
	look *run;
} insides[] = {
	{ "an entity that is stale", act_put, inside_stale },
	{ "all entities", act_put, inside_state },
	{ "what waits", act_refuse, inside_waiting },
};

/* A look that fails in a transaction either spoils it or has broken nothing of
 * it.  False: no n-th fault point was left. */
static bool
look_inside(size_t i, int n, unsigned *spoilt)
{
	struct err_info e = { 0 };
	struct scene sc;
	uint64_t v;
	bool hit;
	enum err rc;

	scene_set(&sc, PLAIN);
	v = version_of(&sc);
	CHECK_OK(store_begin(sc.l.s, &e), &e);
	CHECK_OK(insides[i].before(&sc, &e), &e);
	fault_arm_fine(n);
	rc = insides[i].run(&sc, &e);
	hit = fault_hit();
	fault_arm(-1);
	CHECK(rc == ERR_OK || (hit && (rc == ERR_NOMEM || rc == ERR_IO)));
	rc = store_commit(sc.l.s, &e);
	CHECK(rc == ERR_OK || (hit && rc == ERR_FAILED));
	*spoilt += rc != ERR_OK;
	store_rollback(sc.l.s);
	CHECK_U(version_of(&sc), v + (rc == ERR_OK));
	if (n % 16 == 0)
		lab_sound(&sc.l);
	scene_end(&sc);
	return hit;
}

static void
walk_inside(void)
{
	/* What is spoilt is the same for all. */
	for (size_t i = 0; !be->file && i < sizeof insides / sizeof insides[0];
	     i++) {
		unsigned spoilt = 0;
		int n = 0;

		do
			t_note("%s: %s, fault point %d", be->name,
			    insides[i].name, n);
		while (look_inside(i, n++, &spoilt));
		printf("# %s: %s: %d fault points\n", be->name, insides[i].name,
		    n);
		CHECK(spoilt > 3);
	}
}

/* --- copies --------------------------------------------------------------------------- */

/* A copy in memory is made whole or not at all, also in the middle of a
 * transaction. */
static void
walk_copy(void)
{
	struct scene sc;
	struct err_info e = { 0 };
	bool hit = !be->file;
	uint64_t v;

	scene_set(&sc, PLAIN);
	v = version_of(&sc);
	CHECK_OK(store_begin(sc.l.s, &e), &e);
	CHECK_OK(act_author(&sc, &e), &e);
	for (int n = 0; hit; n++) {
		struct store *copy = NULL;
		uint64_t got;
		enum err rc;

		t_note("copy, fault point %d", n);
		fault_arm_fine(n);
		rc = store_mem_copy(&copy, sc.l.s, &sc.l.opt, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK(rc == ERR_OK || (hit && rc == ERR_NOMEM));
		CHECK((copy != NULL) == (rc == ERR_OK));
		if (copy == NULL)
			continue;
		CHECK_OK(store_version(copy, &got, &e), &e);
		CHECK_U(got, v);
		store_close(copy);
	}
	CHECK_OK(store_commit(sc.l.s, &e), &e);
	lab_sound(&sc.l);
	scene_end(&sc);
}

static void
rings(struct store *s, const char *bell)
{
	struct err_info e = { 0 };

	CHECK_OK(os_remove(bell, &e), &e);
	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(store_note_put(s, STR("n"), STR("v"), &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
	CHECK(os_exists(bell));
}

/* Opening a new store, and one that is there: it is all there or it is not. */
static void
walk_open(void)
{
	struct world w;
	struct store_options opt = lab_options(&w, 5, false);
	char bell[600];
	bool hit = true;

	(void)snprintf(bell, sizeof bell, "%s/bell", t_tmp());
	opt.doorbell = bell;
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
			if (s != NULL)
				rings(s, bell);
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
	{ "what looks in a transaction", walk_inside },
	{ "copies", walk_copy },
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
