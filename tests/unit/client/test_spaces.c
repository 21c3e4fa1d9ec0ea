/* Which space a project is worked on in, on a store in memory. */
#include <string.h>

#include "context.h"
#include "lookup.h"
#include "spaces.h"
#include "t.h"

static struct arena mem;
static struct err_info e;
static struct store *s;
static unsigned dice;

static int64_t
wall(void *ctx)
{
	(void)ctx;
	return INT64_C(1800000000000);
}

static void
random_bytes(void *ctx, void *out, size_t n)
{
	unsigned char *p = out;

	(void)ctx;
	while (n-- > 0)
		*p++ = (unsigned char)(dice++ * 37 >> 2);
}

static void
store_open(void)
{
	struct store_options opt = { .env = { .wall_ms = wall,
		                         .random = random_bytes } };

	CHECK_OK(store_mem_open(&s, &opt, &e), &e);
	CHECK_OK(spaces_local(s, &e), &e);
}

#define P "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
#define Q "6ba7b812-9dad-11d1-80b4-00c04fd430c8"

static void
put(space_id sp, const char *project, const char *type, const char *agg_type,
    const char *agg, const char *payload)
{
	struct draft d = { .type = str_of(type),
		.aggregate_id = str_of(agg),
		.aggregate_type = str_of(agg_type),
		.payload = str_of(payload),
		.project_uuid = str_of(project) };

	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(store_author(s, sp, &d, NULL, &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
}

static void
project_in(space_id sp, const char *project, const char *slug)
{
	put(sp, project, "project_created", "project", project,
	    arena_fmt(&mem, "{\"slug\":\"%s\"}", slug));
}

static void
share(space_id sp, const char *project, const char *team)
{
	put(sp, project, "project_shared", "project", project,
	    arena_fmt(&mem, "{\"team\":\"%s\"}", team));
}

static void
login(const char *name, const char *const *team, size_t n)
{
	struct spaces_account who = { STR("http://h"), str_of(name),
		str_of(name) };
	struct str slug[8];

	for (size_t i = 0; i < n; i++)
		slug[i] = str_of(team[i]);
	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(spaces_login(s, &who, NULL, 0, slug, n, &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
}

static space_id
team(const char *slug)
{
	space_id id = 0;

	CHECK_OK(spaces_team(s, str_of(slug), &id, &e), &e);
	return id;
}

static struct spaces_choice
choose(const char *project)
{
	struct spaces_choice c = { 0 };

	CHECK_OK(spaces_choose(s, str_of(project), &c, &e), &e);
	return c;
}

static size_t
how_many(void)
{
	struct space *list;
	size_t n = 0;

	CHECK_OK(store_space_list(s, &mem, &list, &n, &e), &e);
	return n;
}

/* At this address, with these spaces, which have moved with it. */
static void
login_at(const char *hub, const char *name, const struct space *moved, size_t n)
{
	struct spaces_account who = { str_of(hub), str_of(name), str_of(name) };
	struct str crew = STR("crew");

	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(spaces_login(s, &who, moved, n, &crew, 1, &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
}

static size_t
elsewhere(const char *hub, const char *name, struct space **ret)
{
	struct spaces_account who = { str_of(hub), str_of(name), str_of(name) };
	size_t n = 99;

	CHECK_OK(spaces_elsewhere(s, &who, &mem, ret, &n, &e), &e);
	return n;
}

static void
epoch_of(space_id sp, const char *epoch)
{
	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(store_pulled(s, sp, str_of(epoch), 0, 0, &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
}

/* The same hub under a new address: the same spaces, with what waits in them. */
static void
a_hub_that_moved(void)
{
	struct space sp, *moved;
	space_id crew, own;

	store_open();
	login_at("http://old", "ann", NULL, 0);
	crew = team("crew");
	own = team("ann");
	/* Nothing is known of it yet. */
	CHECK_U(elsewhere("http://new", "ann", &moved), 0);
	epoch_of(crew, "e1");
	epoch_of(own, "e1");
	project_in(crew, P, "p");
	CHECK_U(elsewhere("http://old", "ann", &moved), 0);
	CHECK_U(elsewhere("http://new", "bob", &moved), 0);
	CHECK_U(elsewhere("http://new", "ann", &moved), 2);
	login_at("http://new", "ann", moved, 2);
	CHECK_U(how_many(), 2);
	CHECK_I(team("crew"), crew);
	CHECK_I(team("ann"), own);
	CHECK_OK(store_space_get(s, crew, &mem, &sp, &e), &e);
	CHECK_STR(sp.hub, "http://new");
	CHECK_STR(sp.epoch, "e1");
	CHECK_U(sp.unacked, 1);
	/* Another hub is another hub. */
	login_at("http://other", "ann", NULL, 0);
	CHECK_U(how_many(), 4);
	CHECK(team("crew") != crew);
	/* And back: it is known there, so nothing moves. */
	CHECK_U(elsewhere("http://new", "ann", &moved), 0);
	login_at("http://new", "ann", NULL, 0);
	CHECK_U(how_many(), 4);
	CHECK_I(team("crew"), crew);
	store_close(s);
}

static void
local_before_the_first_login(void)
{
	struct spaces_account who;
	space_id local, id;

	store_open();
	CHECK_OK(spaces_local(s, &e), &e); /* again: nothing */
	CHECK_U(how_many(), 1);
	CHECK_OK(spaces_account(s, &mem, &who, &e), &e);
	CHECK_U(who.name.n, 0);
	CHECK_OK(spaces_private(s, &local, &e), &e);
	CHECK(!choose(P).known);
	CHECK_I(choose(P).space, local);
	project_in(local, P, "p");
	CHECK(choose(P).known);
	CHECK_ERR(spaces_team(s, STR("crew"), &id, &e), ERR_SIGN_IN);

	/* It becomes the private team, with all that is in it. */
	login("ann", (const char *const[]){ "ann", "crew" }, 2);
	CHECK_U(how_many(), 2);
	CHECK_I(team("ann"), local);
	CHECK_I(choose(P).space, local);
	CHECK(!choose(P).foreign && !choose(P).several);
	login("ann", (const char *const[]){ "ann", "crew", "new" }, 3);
	CHECK_U(how_many(), 3);
	CHECK_ERR(spaces_team(s, STR("other"), &id, &e), ERR_NOT_FOUND);
	CHECK_STR(str_of(e.text),
	    "'other' is no team of yours; your teams: ann, crew, new");
	store_close(s);
}

static void
the_space_that_has_it(void)
{
	store_open();
	login("ann", (const char *const[]){ "ann", "crew" }, 2);
	project_in(team("crew"), P, "p");
	CHECK_I(choose(P).space, team("crew"));
	CHECK(choose(P).known);
	CHECK_I(choose(Q).space, team("ann"));
	CHECK(!choose(Q).known);
	store_close(s);
}

static void
several_have_it(void)
{
	store_open();
	login("ann", (const char *const[]){ "ann", "crew", "zoo" }, 3);
	project_in(team("ann"), P, "p");
	project_in(team("crew"), P, "p");
	CHECK(choose(P).several);
	CHECK_I(choose(P).space, team("ann"));
	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(spaces_use(s, STR(P), team("crew"), &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
	CHECK(!choose(P).several);
	CHECK_I(choose(P).space, team("crew"));
	CHECK_I(choose(Q).space, team("ann"));
	store_close(s);
}

static void
shared_to_a_team(void)
{
	store_open();
	login("ann", (const char *const[]){ "ann", "crew", "zoo" }, 3);
	project_in(team("ann"), P, "p");
	share(team("ann"), P, "crew");
	CHECK_I(choose(P).space, team("crew"));
	/* The log arrives there, the share with it. */
	project_in(team("crew"), P, "p");
	share(team("crew"), P, "crew");
	CHECK_I(choose(P).space, team("crew"));
	CHECK(!choose(P).several);
	/* And on from there. */
	share(team("crew"), P, "zoo");
	CHECK_I(choose(P).space, team("zoo"));
	/* To a team that is not ours: it stays where it can be written. */
	share(team("crew"), P, "elsewhere");
	CHECK_I(choose(P).space, team("crew"));
	/* In a circle: it ends somewhere. */
	share(team("crew"), P, "ann");
	CHECK(choose(P).space == team("ann") ||
	    choose(P).space == team("crew"));
	store_close(s);
}

/* A share as others hand it over. */
struct told {
	const char *project; /* NULL: none */
	const char *team, *user;
	bool relayed;
	uint64_t seq; /* 0: by import */
};

static void
arrive(space_id sp, const struct told *t)
{
	static unsigned n;
	const char *uuid = t->project ?
	    arena_fmt(&mem, ",\"project_uuid\":\"%s\"", t->project) :
	    "";
	struct json j = { 0 };
	struct event ev;
	struct arrival a = { .ev = &ev,
		.user = str_of(t->user),
		.relayed = t->relayed,
		.seq = t->seq };
	enum put what;
	uint64_t seq;

	n++;
	CHECK_OK(event_parse(&ev, &j,
	             str_of(arena_fmt(&mem,
	                 "{\"event_id\":\"01890000-0000-7000-8000-%012x\","
	                 "\"event_type\":\"project_shared\","
	                 "\"aggregate_id\":\"%s\","
	                 "\"aggregate_type\":\"project\",\"lamport_clock\":%u,"
	                 "\"node_id\":\"f\",\"timestamp\":"
	                 "\"2026-01-01T00:00:00.000Z\","
	                 "\"author\":\"user:ann\",\"replaces\":[],"
	                 "\"payload\":{\"team\":\"%s\"}%s}",
	                 n, t->project ? t->project : "unplaced", 1000 + n,
	                 t->team, uuid)),
	             &mem, &e),
	    &e);
	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(store_put(s, sp, &a, &what, &seq, &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
	CHECK_U(what, PUT_NEW);
	json_fini(&j);
}

static void
import_share(space_id sp, const char *project, const char *to)
{
	arrive(sp, &(struct told){ project, to, "", false, 0 });
}

/* What is one person's goes to a team at that person's word alone. */
static void
shared_by_others(void)
{
	static const struct told others[] = {
		{ P, "crew", "", false, 0 },    /* by import */
		{ P, "crew", "", true, 1 },     /* the same from the hub */
		{ P, "crew", "ann", true, 2 },  /* as others say */
		{ P, "crew", "bob", false, 3 }, /* somebody else */
		{ P, "crew", "", false, 4 },    /* nobody knows */
	};
	space_id own;

	store_open();
	login("ann", (const char *const[]){ "ann", "crew", "zoo" }, 3);
	own = team("ann");
	epoch_of(own, "e1");
	project_in(own, P, "p");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		t_note("%zu", i);
		arrive(own, &others[i]);
		CHECK_I(choose(P).space, own);
		CHECK(!choose(P).several);
	}
	t_note("%s", "");
	/* Another machine of hers. */
	arrive(own, &(struct told){ P, "crew", "ann", false, 5 });
	CHECK_I(choose(P).space, team("crew"));
	import_share(own, P, "zoo");
	CHECK_I(choose(P).space, team("crew"));
	share(own, P, "zoo");
	CHECK_I(choose(P).space, team("zoo"));
	/* The word of a team's member is good for what is the team's. */
	project_in(team("crew"), Q, "q");
	import_share(team("crew"), Q, "zoo");
	CHECK_I(choose(Q).space, team("zoo"));
	store_close(s);
}

static void
shared_by_others_before_the_first_login(void)
{
	space_id local;

	store_open();
	CHECK_OK(spaces_private(s, &local, &e), &e);
	project_in(local, P, "p");
	import_share(local, P, "crew");
	CHECK_I(choose(P).space, local);
	login("ann", (const char *const[]){ "ann", "crew" }, 2);
	CHECK_I(choose(P).space, local);
	/* Nor while another account is at work. */
	login("bob", (const char *const[]){ "bob" }, 1);
	CHECK_I(choose(P).space, local);
	CHECK(choose(P).foreign);
	store_close(s);
}

static void
what_belongs_to_no_project_is_never_shared(void)
{
	space_id own;

	store_open();
	login("ann", (const char *const[]){ "ann", "crew" }, 2);
	own = team("ann");
	import_share(own, NULL, "crew");
	CHECK_I(choose("unplaced").space, own);
	put(own, "", "project_shared", "project", "unplaced",
	    "{\"team\":\"crew\"}");
	CHECK_I(choose("unplaced").space, own);
	store_close(s);
}

static void
another_account(void)
{
	space_id anns;

	store_open();
	login("ann", (const char *const[]){ "ann" }, 1);
	anns = team("ann");
	project_in(anns, P, "p");
	login("bob", (const char *const[]){ "bob" }, 1);
	CHECK(choose(P).foreign);
	CHECK_I(choose(P).space, anns);
	CHECK_I(choose(Q).space, team("bob"));
	/* What bob has himself comes first. */
	project_in(team("bob"), P, "p");
	CHECK(!choose(P).foreign && !choose(P).several);
	CHECK_I(choose(P).space, team("bob"));
	store_close(s);
}

/* --- ids by their beginnings --------------------------------------------------------- */

static void
picks(void)
{
	static const struct lookup_item item[] = {
		{ STR_INIT("001-cart/WP01-abc"), STR_INIT("WP01-abc"),
		    STR_INIT("One") },
		{ STR_INIT("001-cart/WP01-xyz"), STR_INIT("WP01-xyz"),
		    STR_INIT("Two") },
		{ STR_INIT("001-cart/WP010"), STR_INIT("WP010"),
		    STR_INIT("Ten") },
		{ STR_INIT("001-cart/WP02"), STR_INIT("WP02"), STR_INIT("") },
		{ STR_INIT("002-pay/WP02-k"), STR_INIT("WP02-k"),
		    STR_INIT("") },
		{ STR_INIT("003-a"), STR_INIT(""), STR_INIT("") },
		{ STR_INIT("0030-b"), STR_INIT(""), STR_INIT("") },
	};
	enum { ITEMS = sizeof item / sizeof *item };
	static const struct {
		const char *word;
		int want; /* index; -1 not found, -2 ambiguous */
	} row[] = {
		{ "WP01-abc", 0 },
		{ "wp01-X", 1 },
		{ "WP01", -2 },
		{ "WP010", 2 },
		{ "WP02", 3 }, /* equal beats beginning */
		{ "WP02-", 4 },
		{ "002", 4 },
		{ "001-cart/WP01-a", 0 },
		{ "001", -2 },
		{ "003", 5 }, /* a whole part of it beats a beginning */
		{ "0030", 6 },
		{ "WP03", -1 },
		{ "abc", -1 },
	};
	size_t at = 99;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str word = str_of(row[i].word);
		enum err rc;

		t_note("%s", row[i].word);
		rc = lookup_pick(item, ITEMS, word, "work package", &at, &e);
		CHECK_U(rc,
		    row[i].want == -1     ? ERR_NOT_FOUND :
		        row[i].want == -2 ? ERR_AMBIGUOUS :
		                            ERR_OK);
		if (row[i].want >= 0)
			CHECK_U(at, row[i].want);
	}
	t_note("%s", "");
	CHECK_ERR(lookup_pick(item, ITEMS, STR("WP01"), "work package", &at,
	              &e),
	    ERR_AMBIGUOUS);
	CHECK_STR(str_of(e.text),
	    "'WP01' may be any of these work packages: 001-cart/WP01-abc "
	    "(One), "
	    "001-cart/WP01-xyz (Two)");
	CHECK_ERR(lookup_pick(item, 0, STR("x"), "todo", &at, &e),
	    ERR_NOT_FOUND);
	CHECK_ERR(lookup_pick(item, ITEMS, STR(""), "todo", &at, &e),
	    ERR_USAGE);
}

static void
looks_up_what_lives(void)
{
	struct lookup_item *item;
	struct str key;
	struct log_row row;
	space_id sp;
	size_t n = 0;
	char id[EID_TEXT_MAX];

	store_open();
	CHECK_OK(spaces_private(s, &sp, &e), &e);
	put(sp, P, "feature_created", "feature", "001-cart",
	    "{\"feature_slug\":\"001-cart\",\"feature_number\":1,"
	    "\"title\":\"Cart\"}");
	put(sp, P, "wp_created", "work_package", "001-cart/WP01-abc",
	    "{\"wp_id\":\"WP01-abc\",\"title\":\"One\","
	    "\"feature_slug\":\"001-cart\"}");
	put(sp, P, "wp_created", "work_package", "001-cart/WP02-abc",
	    "{\"wp_id\":\"WP02-abc\",\"title\":\"Two\","
	    "\"feature_slug\":\"001-cart\"}");
	put(sp, P, "wp_deleted", "work_package", "001-cart/WP02-abc", "{}");
	CHECK_OK(lookup_entities(s, sp, STR(P), AGG_WORK_PACKAGE, STR(""), &mem,
	             &item, &n, &e),
	    &e);
	CHECK_U(n, 1);
	CHECK_STR(item[0].also, "WP01-abc");
	CHECK_STR(item[0].what, "One");
	CHECK_OK(lookup_entity(s, sp, STR(P), AGG_WORK_PACKAGE, STR(""),
	             STR("wp01"), &mem, &key, &e),
	    &e);
	CHECK_STR(key, "001-cart/WP01-abc");
	CHECK_ERR(lookup_entity(s, sp, STR(P), AGG_WORK_PACKAGE, STR("002-pay"),
	              STR("wp01"), &mem, &key, &e),
	    ERR_NOT_FOUND);
	CHECK_OK(lookup_entity(s, sp, STR(P), AGG_FEATURE, STR(""), STR("001"),
	             &mem, &key, &e),
	    &e);
	CHECK_STR(key, "001-cart");
	CHECK_ERR(lookup_entity(s, sp, STR(Q), AGG_FEATURE, STR(""), STR("001"),
	              &mem, &key, &e),
	    ERR_NOT_FOUND);
	CHECK_ERR(lookup_event(s, sp, STR("ffff"), &mem, &row, &e),
	    ERR_NOT_FOUND);
	CHECK_ERR(lookup_event(s, sp, STR("0"), &mem, &row, &e), ERR_AMBIGUOUS);
	{
		struct log_row *all;
		size_t k = 0;

		CHECK_OK(store_events_prefix(s, sp, STR("0"), 9, &mem, &all, &k,
		             &e),
		    &e);
		CHECK_U(k, 4);
		(void)eid_format(&all[0].id, id);
	}
	CHECK_OK(lookup_event(s, sp, str_of(id), &mem, &row, &e), &e);
	store_close(s);
}

int
main(void)
{
	T_RUN(local_before_the_first_login);
	T_RUN(a_hub_that_moved);
	T_RUN(the_space_that_has_it);
	T_RUN(several_have_it);
	T_RUN(shared_to_a_team);
	T_RUN(shared_by_others);
	T_RUN(shared_by_others_before_the_first_login);
	T_RUN(what_belongs_to_no_project_is_never_shared);
	T_RUN(another_account);
	T_RUN(picks);
	T_RUN(looks_up_what_lives);
	arena_fini(&mem);
	return t_done();
}
