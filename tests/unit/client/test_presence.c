/* Who is there: what a hub is told of this machine's sessions, at the bounds that it
 * has, and what its word may do to what the log says. */
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "context.h"
#include "fault.h"
#include "live.h"
#include "live_down.h"
#include "lock.h"
#include "path.h"
#include "presence.h"
#include "t.h"
#include "when.h"

#define PROJECT "11111111-1111-4111-8111-111111111111"

static struct err_info e;

/* --- told to the hub --------------------------------------------------------------- */

static struct scene {
	struct arena a;
	struct buf out, message;
	struct batch batch;
	struct live_in in; /* of `out`, as the hub reads it */
} sc;

static struct str
text(size_t n)
{
	char *s = arena_alloc(&sc.a, n);

	memset(s, 'x', n);
	return str_n(s, n);
}

static void
put(const struct sessions *l, size_t max)
{
	buf_reset(&sc.out);
	buf_reset(&sc.message);
	presence_put(l, 1, max, &sc.out);
	CHECK_OK(buf_ok(&sc.out, &e), &e);
	CHECK(sc.out.len <= max);
	live_put_presence(buf_str(&sc.out), &sc.message);
	CHECK_OK(live_decode(&sc.in, &sc.batch, buf_str(&sc.message), &e), &e);
	CHECK(sc.in.kind == LIVE_PRESENCE);
}

static void
scene_end(void)
{
	batch_fini(&sc.batch);
	buf_fini(&sc.out);
	buf_fini(&sc.message);
	arena_fini(&sc.a);
	sc = (struct scene){ 0 };
}

static size_t
bytes_of(size_t i)
{
	return json_raw(&sc.batch.json, sc.in.session[i].node).n;
}

static size_t
active_of(size_t i)
{
	const struct json *j = &sc.batch.json;

	return j->node[json_get(j, sc.in.session[i].node, "active")].n;
}

static size_t
member_of(size_t i, const char *name)
{
	return json_member_copy(&sc.batch.json, sc.in.session[i].node, name,
	    &sc.a)
	    .n;
}

/* n sessions s0, s1 ..., the last active first. */
static struct sessions
many(size_t n)
{
	struct sessions l = { arena_array(&sc.a, n, sizeof *l.s), n };

	for (size_t i = 0; i < n; i++)
		l.s[i] = (struct session_seen){ .space = 1,
			.id = str_of(arena_fmt(&sc.a, "s%zu", i)),
			.agent = STR("claude"),
			.last_ms = 1000000000000 - (int64_t)i };
	return l;
}

static void
the_first_256_are_told(void)
{
	struct sessions l = many(LIVE_SESSIONS_MAX + 44);

	for (size_t n = LIVE_SESSIONS_MAX - 1; n <= l.n; n++) {
		struct sessions some = { l.s, n };

		put(&some, LIVE_MESSAGE_MAX);
		CHECK_U(sc.in.n_sessions,
		    n < LIVE_SESSIONS_MAX ? n : LIVE_SESSIONS_MAX);
		CHECK_STR(sc.in.session[0].id, "s0");
	}
	/* Those of other spaces have no part in it. */
	for (size_t i = 0; i < 100; i++)
		l.s[i].space = 2;
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(sc.in.n_sessions, 200);
	CHECK_STR(sc.in.session[0].id, "s100");
	scene_end();
}

static void
as_much_as_a_session_may_have(void)
{
	struct session_item item[300];
	struct sessions l = many(2);
	size_t rest;

	for (size_t i = 0; i < 300; i++)
		item[i] = (struct session_item){ .key = text(32) };
	l.s[0].item = item;
	/* Of what it works on as many as there is room for. */
	for (l.s[0].n_items = 0; l.s[0].n_items <= 300; l.s[0].n_items++) {
		put(&l, LIVE_MESSAGE_MAX);
		CHECK_U(sc.in.n_sessions, 2);
		CHECK_U(active_of(0),
		    l.s[0].n_items < 114 ? l.s[0].n_items : 114);
	}
	CHECK(bytes_of(0) > LIVE_SESSION_BYTES_MAX - 35);
	/* To the byte: one more of the folder's costs an item. */
	rest = LIVE_SESSION_BYTES_MAX - bytes_of(0);
	l.s[0].n_items = 114;
	l.s[0].id = text(l.s[0].id.n + rest);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(bytes_of(0), LIVE_SESSION_BYTES_MAX);
	CHECK_U(active_of(0), 114);
	l.s[0].id = text(l.s[0].id.n + 1);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(active_of(0), 113);
	/* The folder goes first, then the branch, then the device. */
	l.s[0].branch = l.s[0].device = STR("b");
	l.s[0].n_items = 0;
	l.s[0].cwd = text(10);
	put(&l, LIVE_MESSAGE_MAX);
	rest = LIVE_SESSION_BYTES_MAX - bytes_of(0);
	l.s[0].cwd = text(10 + rest);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(bytes_of(0), LIVE_SESSION_BYTES_MAX);
	CHECK_U(member_of(0, "cwd"), 10 + rest);
	l.s[0].cwd = text(11 + rest);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(member_of(0, "cwd"), 0);
	CHECK_U(member_of(0, "git_branch"), 1);
	l.s[0].branch = text(5000);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(member_of(0, "git_branch"), 0);
	CHECK_U(member_of(0, "device"), 1);
	l.s[0].device = text(5000);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(member_of(0, "device"), 0);
	CHECK_U(sc.in.n_sessions, 2);
	/* What cannot be told does not keep the others from it. */
	l.s[0].agent = text(5000);
	put(&l, LIVE_MESSAGE_MAX);
	CHECK_U(sc.in.n_sessions, 1);
	CHECK_STR(sc.in.session[0].id, "s1");
	l.s[0].agent = STR("a");
	for (size_t n = 256; n <= 257; n++) {
		l.s[0].id = text(n);
		put(&l, LIVE_MESSAGE_MAX);
		CHECK_U(sc.in.n_sessions, n == 256 ? 2 : 1);
	}
	scene_end();
}

static void
as_much_as_a_message_may_have(void)
{
	enum { MAX = LIVE_MESSAGE_MAX - 1024 };
	struct sessions l = many(LIVE_SESSIONS_MAX);
	size_t all;

	for (size_t i = 0; i < l.n; i++)
		l.s[i].cwd = text(1000);
	put(&l, MAX);
	all = sc.out.len;
	CHECK_U(sc.in.n_sessions, l.n);
	put(&l, all);
	CHECK_U(sc.in.n_sessions, l.n);
	put(&l, all - 1);
	CHECK_U(sc.in.n_sessions, l.n - 1);
	/* 256 of 4096 bytes are more than a message. */
	for (size_t i = 0; i < l.n; i++)
		l.s[i].cwd = text(4000 - 20);
	put(&l, MAX);
	CHECK_U(sc.in.n_sessions, MAX / (bytes_of(9) + 1));
	scene_end();
}

/* --- told by the hub ---------------------------------------------------------------- */

/* A home whose daemon lives, as far as others can see; a store of two spaces. */
static struct home_scene {
	struct arena a;
	struct ctx c;
	const struct home *home;
	struct store *s;
	space_id mine, crew;
	struct os_lock lock;
	struct sessions_at at;
} hs;

static void
home_begin(const char *name)
{
	hs = (struct home_scene){ 0 };
	CHECK_U(setenv("CLOWDER_HOME", os_join(&hs.a, t_tmp(), name), 1), 0);
	ctx_init(&hs.c, "clowder");
	CHECK_OK(ctx_home(&hs.c, &hs.home, &e), &e);
	CHECK_OK(ctx_store_write(&hs.c, &hs.s, &e), &e);
	CHECK_OK(spaces_private(hs.s, &hs.mine, &e), &e);
	CHECK_OK(store_begin(hs.s, &e), &e);
	CHECK_OK(store_space_add(hs.s, STR("http://h"), STR("ann"), STR("crew"),
	             &hs.crew, &e),
	    &e);
	CHECK_OK(store_commit(hs.s, &e), &e);
	CHECK_OK(os_lock_take(&hs.lock, hs.home->daemon_lock, 0, &e), &e);
	hs.at = (struct sessions_at){ .home = hs.home,
		.now_ms = os_wall_ms(),
		.stale_after_s = 3600,
		.presence = true };
}

static void
home_end(void)
{
	os_lock_release(&hs.lock);
	ctx_fini(&hs.c);
	arena_fini(&hs.a);
}

/* An event of another machine about claude:ID, which the hub took from user. */
static void
came(space_id sp, unsigned no, const char *type, const char *id,
    const char *user)
{
	char when[WHEN_TEXT_MAX];
	struct str at = str_n(when,
	    when_format(hs.at.now_ms - 7200 * 1000 + (int64_t)no * 1000, when));
	struct json j = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev, .seq = no, .user = str_of(user) };
	enum put ret;
	uint64_t seq;
	char *raw = arena_fmt(&hs.a,
	    "{\"event_id\":\"01890000-0000-7000-8000-%012x\","
	    "\"event_type\":\"%s\",\"aggregate_type\":\"session\","
	    "\"aggregate_id\":\"claude:%s\",\"project_uuid\":\"" PROJECT "\","
	    "\"lamport_clock\":%u,"
	    "\"node_id\":\"ffffffffffffffffffffffffffffffff\","
	    "\"node_seq\":%u,\"timestamp\":\"%.*s\",\"replaces\":[],"
	    "\"payload\":{\"session_id\":\"%s\",\"host\":\"box\"}}",
	    no, type, id, no, no, STR_ARG(at), id);

	CHECK_OK(event_parse(&ev, &j, str_of(raw), &hs.a, &e), &e);
	CHECK_OK(store_begin(hs.s, &e), &e);
	CHECK_OK(store_put(hs.s, sp, &arrival, &ret, &seq, &e), &e);
	CHECK_OK(store_commit(hs.s, &e), &e);
	json_fini(&j);
}

static void
hub_says(space_id sp, const char *sessions)
{
	CHECK_OK(presence_save(hs.home, sp, str_of(sessions), &e), &e);
}

static struct sessions
load(void)
{
	struct sessions l;

	CHECK_OK(sessions_load(hs.s, &hs.at, &hs.a, &l, &e), &e);
	return l;
}

#define SAYS(id, agent, user) \
	"[{\"user\":\"" user "\",\"session_id\":\"" id "\",\"agent\":\"" agent \
	"\",\"device\":\"there\"}]"

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	const char *what, *says;
	bool crew;               /* in this space, else in the other */
	unsigned rows;
	enum session_state state; /* of the one that the log knows: of ann, stale */
} words[] = {
	{ "the same",        SAYS("s", "claude", "ann"), true,  1, SESSION_LIVE },
	{ "no agent",        SAYS("s", "", "ann"),       true,  1, SESSION_LIVE },
	{ "of nobody",       "[{\"session_id\":\"s\"}]", true,  1, SESSION_LIVE },
	{ "another agent",   SAYS("s", "codex", "ann"),  true,  2, SESSION_STALE },
	{ "another user",    SAYS("s", "claude", "eve"), true,  2, SESSION_STALE },
	{ "another team",    SAYS("s", "claude", "ann"), false, 2, SESSION_STALE },
	{ "of nobody there", "[{\"session_id\":\"s\"}]", false, 2, SESSION_STALE },
	{ "another id",      SAYS("t", "claude", "ann"), true,  2, SESSION_STALE },
	{ "of two users",
	    "[{\"user\":\"ann\",\"session_id\":\"t\"},{\"user\":\"eve\",\"session_id\":\"t\"}]",
	                                                  true,  3, SESSION_STALE },
	{ "twice",
	    "[{\"user\":\"eve\",\"session_id\":\"t\"},{\"user\":\"eve\",\"session_id\":\"t\"}]",
	                                                  true,  2, SESSION_STALE },
};
/* clang-format on */

static const struct session_seen *
logged(const struct sessions *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->s[i].project.n > 0)
			return &l->s[i];
	return NULL;
}

static void
it_speaks_of_its_own_space_and_user(void)
{
	home_begin("words");
	came(hs.crew, 1, "session_started", "s", "ann");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct sessions l;

		t_note("%s", words[i].what);
		hub_says(hs.crew, words[i].crew ? words[i].says : "[]");
		hub_says(hs.mine, words[i].crew ? "[]" : words[i].says);
		l = load();
		CHECK_U(l.n, words[i].rows);
		if (!CHECK(logged(&l) != NULL))
			continue;
		CHECK(logged(&l)->state == words[i].state);
		CHECK_STR(logged(&l)->device, "box");
		for (size_t k = 0; k < l.n; k++)
			CHECK(!l.s[k].here);
		/* What decides asks the log alone. */
		hs.at.presence = false;
		l = load();
		CHECK_U(l.n, 1);
		CHECK(logged(&l)->state == SESSION_STALE);
		hs.at.presence = true;
	}
	t_note("%s", "");
	home_end();
}

static void
an_end_outweighs_it(void)
{
	struct sessions l;

	home_begin("ended");
	came(hs.crew, 1, "session_started", "s", "ann");
	came(hs.crew, 2, "session_ended", "s", "ann");
	came(hs.crew, 3, "session_started", "t", "ann");
	hub_says(hs.crew,
	    "[{\"user\":\"ann\",\"session_id\":\"s\",\"agent\":\"claude\"},"
	    "{\"user\":\"eve\",\"session_id\":\"s\",\"agent\":\"claude\"},"
	    "{\"session_id\":\"s\"}]");
	l = load();
	CHECK_U(l.n, 1);
	hs.at.ended = true;
	l = load();
	CHECK_U(l.n, 2);
	for (size_t i = 0; i < l.n; i++)
		CHECK(l.s[i].state ==
		    (str_is(l.s[i].id, "s") ? SESSION_ENDED : SESSION_STALE));
	home_end();
}

/* The log of a shared project is in two spaces: a word in either is of it, and what
 * counts is where it is worked on. */
static void
of_a_shared_project_in_both(void)
{
	struct sessions l;

	home_begin("shared");
	came(hs.mine, 1, "session_started", "s", "");
	came(hs.crew, 1, "session_started", "s", "ann");
	for (int chosen = 0; chosen < 2; chosen++) {
		space_id sp = chosen == 0 ? hs.mine : hs.crew;

		CHECK_OK(store_begin(hs.s, &e), &e);
		CHECK_OK(spaces_use(hs.s, STR(PROJECT), sp, &e), &e);
		CHECK_OK(store_commit(hs.s, &e), &e);
		for (int said = 0; said < 2; said++) {
			hub_says(hs.mine,
			    said == 0 ? SAYS("s", "claude", "ann") : "[]");
			hub_says(hs.crew,
			    said == 1 ? SAYS("s", "claude", "ann") : "[]");
			l = load();
			if (!CHECK_U(l.n, 1))
				continue;
			CHECK(l.s[0].space == sp);
			CHECK(l.s[0].state == SESSION_LIVE);
		}
	}
	/* Ended in the team's, it has. */
	came(hs.crew, 2, "session_ended", "s", "ann");
	CHECK_U(load().n, 0);
	hs.at.ended = true;
	l = load();
	CHECK_U(l.n, 1);
	CHECK(l.s[0].state == SESSION_ENDED);
	home_end();
}

static void
later_than_now_is_now(void)
{
	struct sessions l;
	char when[WHEN_TEXT_MAX];

	home_begin("later");
	for (int64_t ahead = 0; ahead <= 600; ahead += 100) {
		size_t n = when_format(hs.at.now_ms + ahead * 1000, when);

		hub_says(hs.crew,
		    arena_fmt(&hs.a,
		        "[{\"session_id\":\"x\",\"last_activity\":\"%.*s\"}]",
		        (int)n, when));
		l = load();
		if (!CHECK_U(l.n, 1))
			continue;
		CHECK_I(l.s[0].last_ms - hs.at.now_ms,
		    ahead <= 300 ? ahead * 1000 : 0);
		CHECK_I(l.s[0].since_ms, l.s[0].last_ms);
	}
	home_end();
}

static void
each_fault_once(void)
{
	bool hit = true;

	home_begin("faults");
	came(hs.mine, 1, "session_started", "s", "");
	came(hs.crew, 1, "session_started", "s", "ann");
	came(hs.crew, 2, "session_started", "t", "ann");
	came(hs.crew, 3, "session_ended", "t", "ann");
	hub_says(hs.crew, SAYS("new", "claude", "eve"));
	for (int k = 0; hit && !t_failing(); k++) {
		struct arena a = { 0 };
		struct buf b = { 0 };
		struct sessions l;
		enum err rc;

		t_note("fault %d", k);
		fault_arm_fine(k);
		rc = sessions_load(hs.s, &hs.at, &a, &l, &e);
		if (rc == ERR_OK) {
			presence_put(&l, hs.crew, LIVE_MESSAGE_MAX, &b);
			rc = buf_ok(&b, &e);
		}
		hit = fault_hit();
		fault_arm(-1);
		if (rc == ERR_OK && !hit) {
			CHECK_U(l.n, 2);
			CHECK(k > 20);
		}
		buf_fini(&b);
		arena_fini(&a);
	}
	t_note("%s", "");
	home_end();
}

int
main(void)
{
	T_RUN(the_first_256_are_told);
	T_RUN(as_much_as_a_session_may_have);
	T_RUN(as_much_as_a_message_may_have);
	T_RUN(it_speaks_of_its_own_space_and_user);
	T_RUN(an_end_outweighs_it);
	T_RUN(of_a_shared_project_in_both);
	T_RUN(later_than_now_is_now);
	T_RUN(each_fault_once);
	return t_done();
}
