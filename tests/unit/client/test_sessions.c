/* Sessions: records of this machine, states by given time, what they have in
 * progress. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "context.h"
#include "daemon_state.h"
#include "fault.h"
#include "file.h"
#include "path.h"
#include "presence.h"
#include "proc.h"
#include "sessions.h"
#include "t.h"

#define PROJECT "11111111-1111-4111-8111-111111111111"

static struct err_info e;

/* A home with a store of one space. */
static struct scene {
	struct arena a;
	struct ctx c;
	const struct home *home;
	struct store *s;
	space_id sp;
	struct sessions_at at;
} sc;

static void
scene_begin(const char *name)
{
	sc = (struct scene){ 0 };
	CHECK_U(setenv("CLOWDER_HOME", os_join(&sc.a, t_tmp(), name), 1), 0);
	ctx_init(&sc.c, "clowder");
	CHECK_OK(ctx_home(&sc.c, &sc.home, &e), &e);
	CHECK_OK(ctx_store_write(&sc.c, &sc.s, &e), &e);
	CHECK_OK(spaces_private(sc.s, &sc.sp, &e), &e);
	sc.at = (struct sessions_at){
		.home = sc.home, .now_ms = os_wall_ms(), .stale_after_s = 3600
	};
}

static void
scene_end(void)
{
	ctx_fini(&sc.c);
	arena_fini(&sc.a);
}

/* An event of the session (NULL: of nobody). */
static void
write_one(const char *type, const char *of, const char *key,
    const char *session, const char *payload)
{
	struct draft d = { .type = str_of(type),
		.aggregate_type = str_of(of),
		.aggregate_id = str_of(key),
		.project_uuid = STR(PROJECT),
		.author = STR("user:ann"),
		.session_id = str_of(session),
		.payload = str_of(payload) };

	CHECK_OK(store_begin(sc.s, &e), &e);
	CHECK_OK(store_author(sc.s, sc.sp, &d, NULL, &e), &e);
	CHECK_OK(store_commit(sc.s, &e), &e);
}

static void
begin_two(void)
{
	write_one("session_started", "session", "codex:one", "one",
	    "{\"session_id\":\"one\",\"host\":\"desk\",\"cwd\":\"/w\"}");
	write_one("session_started", "session", "claude:two", "two",
	    "{\"session_id\":\"two\",\"device\":\"lap\",\"host\":\"x\"}");
}

static const struct session_seen *
find(const struct sessions *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_is(l->s[i].id, id))
			return &l->s[i];
	return NULL;
}

static void
records_come_back(void)
{
	struct session_record r = { .agent = STR("codex"),
		.id = STR("a/b \"\xc3\xa9"),
		.project = STR(PROJECT),
		.logged_ms = 1234567890123 };
	struct session_record *l;
	size_t n;

	scene_begin("records");
	CHECK_OK(sessions_records(sc.home, &sc.a, &l, &n, &e), &e);
	CHECK_U(n, 0);
	CHECK_ERR(sessions_beat(sc.home, &r, &e), ERR_NOT_FOUND);
	CHECK_OK(sessions_process(&r, os_pid(), &sc.a, &e), &e);
	CHECK_OK(sessions_save(sc.home, &r, &e), &e);
	r.agent = STR("claude");
	CHECK_OK(sessions_save(sc.home, &r, &e), &e);
	CHECK_OK(sessions_records(sc.home, &sc.a, &l, &n, &e), &e);
	CHECK_U(n, 2);
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(l[i].id, r.id);
		CHECK_EQ(l[i].project, r.project);
		CHECK_I(l[i].pid, os_pid());
		CHECK_I(l[i].logged_ms, r.logged_ms);
		CHECK(!sessions_gone(&l[i]));
		/* Another process has the pid now; the system was started anew. */
		l[i].start++;
		CHECK(sessions_gone(&l[i]));
		l[i].start--;
		l[i].boot_id = STR("another");
		CHECK(sessions_gone(&l[i]));
	}
	CHECK_OK(sessions_forget(sc.home, &r, &e), &e);
	CHECK_OK(sessions_forget(sc.home, &r, &e), &e);
	CHECK_OK(sessions_records(sc.home, &sc.a, &l, &n, &e), &e);
	CHECK_U(n, 1);
	scene_end();
}

static void
put_link(const char *path, const char *to)
{
	CHECK_OK(os_write_atomic(to, STR("theirs"), 0600, &e), &e);
	(void)unlink(path);
	CHECK_U(symlink(to, path), 0);
}

/* A file is in the link's place, and the one that it named as it was. */
static void
link_went(const char *path, const char *to)
{
	struct os_file_id id;
	struct buf b = { 0 };

	t_note("%s", path);
	CHECK_OK(os_look_id(path, false, &id, &e), &e);
	CHECK(id.kind == OS_FILE);
	CHECK_OK(os_read_file(to, 100, &b, &e), &e);
	CHECK_STR(buf_str(&b), "theirs");
	t_note("%s", "");
	buf_fini(&b);
}

static void
nothing_is_written_through_a_link(void)
{
	static const struct daemon_word word = { .state = "Connected" };
	struct session_record r = {
		.agent = STR("codex"), .id = STR("one"), .project = STR(PROJECT)
	};
	struct session_record *l;
	const char *local, *path, *to;
	struct os_names names = { 0 };
	struct os_file_id before, after;
	size_t n;

	scene_begin("links");
	to = os_join(&sc.a, t_tmp(), "theirs");
	local = os_dir(&sc.a, sc.home->notices);
	CHECK_OK(sessions_save(sc.home, &r, &e), &e);
	CHECK_OK(os_list(sc.home->sessions, &names, &e), &e);
	if (!CHECK_U(names.n, 1))
		return;
	path = os_join(&sc.a, sc.home->sessions, names.name[0]);
	os_names_fini(&names);
	put_link(path, to);
	CHECK_OK(os_stat_id(to, &before, &e), &e);
	CHECK_ERR(sessions_beat(sc.home, &r, &e), ERR_NOT_FOUND);
	CHECK_OK(os_stat_id(to, &after, &e), &e);
	CHECK(os_same_id(&before, &after));
	CHECK_OK(sessions_save(sc.home, &r, &e), &e);
	link_went(path, to);
	CHECK_OK(sessions_records(sc.home, &sc.a, &l, &n, &e), &e);
	CHECK_U(n, 1);
	/* One that names nothing goes, too. */
	CHECK_U(unlink(path), 0);
	CHECK_U(symlink("nowhere", path), 0);
	CHECK_OK(sessions_forget(sc.home, &r, &e), &e);
	CHECK_ERR(os_look_id(path, false, &after, &e), ERR_NOT_FOUND);

	CHECK_OK(presence_save(sc.home, 7, STR("[]"), &e), &e);
	path = os_join(&sc.a, local, "presence/7.json");
	put_link(path, to);
	CHECK_OK(presence_save(sc.home, 7, STR("[]"), &e), &e);
	link_went(path, to);
	path = os_join(&sc.a, local, "connection");
	put_link(path, to);
	CHECK_OK(daemon_word_write(sc.home, &word, &e), &e);
	link_went(path, to);
	put_link(sc.home->notices, to);
	CHECK(home_notice(sc.home, "said", 1, 0));
	link_went(sc.home->notices, to);
	scene_end();
}

static void
states_by_the_clock(void)
{
	struct sessions l;
	int64_t last;

	scene_begin("states");
	begin_two();
	write_one("session_ended", "session", "claude:two", "two",
	    "{\"session_id\":\"two\",\"reason\":\"done\"}");
	CHECK_OK(sessions_load(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 1);
	CHECK_STR(l.s[0].agent, "codex");
	CHECK_STR(l.s[0].device, "desk");
	last = l.s[0].last_ms;
	sc.at.ended = true;
	for (int late = 0; late < 2; late++) {
		sc.at.now_ms = last + 3600 * 1000 + late * 1000;
		CHECK_OK(sessions_load(sc.s, &sc.at, &sc.a, &l, &e), &e);
		CHECK_U(l.n, 2);
		CHECK(find(&l, "one")->state ==
		    (late ? SESSION_STALE : SESSION_LIVE));
		CHECK(find(&l, "two")->state == SESSION_ENDED);
		CHECK_STR(find(&l, "two")->reason, "done");
	}
	/* Heard of since. */
	write_one("session_heartbeat", "session", "codex:one", "one",
	    "{\"session_id\":\"one\"}");
	CHECK_OK(sessions_load(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK(find(&l, "one")->last_ms >= last);
	sc.at.stale_after_s = 0;
	sc.at.now_ms += 1000LL * 3600 * 1000;
	CHECK_OK(sessions_load(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK(find(&l, "one")->state == SESSION_LIVE);
	scene_end();
}

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	const char *title, *assignee, *mover, *lane;
	bool one, two;
} work[] = {
	/* title     assignee            moved by  to             whose */
	{ "moved",    NULL,              "one", "in_progress",    true,  false },
	{ "claimed",  NULL,              "two", "claimed",        false, true },
	{ "nobody's", NULL,              NULL,  "in_progress",    false, false },
	{ "stranger", NULL,              "x",   "in_progress",    false, false },
	{ "assigned", "claude/two",      NULL,  "in_progress",    false, true },
	{ "in full",  "agent:codex/one", NULL,  "in_progress",    true,  false },
	{ "by id",    "one",             NULL,  "in_progress",    true,  false },
	{ "by kind",  "codex",           NULL,  "in_progress",    false, false },
	{ "not ours", "claude/one",      NULL,  "in_progress",    false, false },
	{ "both",     "claude/two",      "one", "in_progress",    true,  true },
	{ "once",     "codex/one",       "one", "in_progress",    true,  false },
	{ "review",   "codex/one",       "one", "for_review",     false, false },
};
/* clang-format on */

static bool
has(const struct session_seen *s, const char *title)
{
	unsigned n = 0;

	for (size_t i = 0; s != NULL && i < s->n_items; i++)
		n += str_is(s->item[i].title, title);
	CHECK(n <= 1);
	return n == 1;
}

static void
work_begin(void)
{
	for (size_t i = 0; i < sizeof work / sizeof *work; i++) {
		char *key = arena_fmt(&sc.a, "001-f/WP%02zu", i + 1);

		write_one("wp_created", "work_package", key, NULL,
		    arena_fmt(&sc.a,
		        "{\"wp_id\":\"WP%02zu\",\"title\":\"%s\","
		        "\"feature_slug\":\"001-f\"}",
		        i + 1, work[i].title));
		if (work[i].assignee != NULL)
			write_one("wp_assigned", "work_package", key, NULL,
			    arena_fmt(&sc.a,
			        "{\"wp_id\":\"WP%02zu\",\"agent_id\":\"%s\","
			        "\"phase\":\"implementation\"}",
			        i + 1, work[i].assignee));
		write_one("wp_status_changed", "work_package", key,
		    work[i].mover,
		    arena_fmt(&sc.a,
		        "{\"wp_id\":\"WP%02zu\",\"from_lane\":\"planned\","
		        "\"to_lane\":\"%s\"}",
		        i + 1, work[i].lane));
	}
}

static void
what_is_in_progress(void)
{
	struct sessions l;

	scene_begin("items");
	begin_two();
	work_begin();
	write_one("todo_added", "todo", "00000000000000000000000000000001",
	    "one", "{\"content\":\"a todo\",\"status\":\"in_progress\"}");
	CHECK_OK(sessions_here(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 2);
	CHECK(has(find(&l, "one"), "a todo"));
	for (size_t i = 0; i < sizeof work / sizeof *work; i++) {
		t_note("%s", work[i].title);
		CHECK(has(find(&l, "one"), work[i].title) == work[i].one);
		CHECK(has(find(&l, "two"), work[i].title) == work[i].two);
	}
	t_note("%s", "");
	scene_end();
}

static struct str kept[4]; /* events of another machine */
static size_t n_kept;

static enum err
keep_row(void *ctx, const struct log_row *row, struct err_info *info)
{
	(void)info;
	if (CHECK(n_kept < 4))
		kept[n_kept++] = arena_str(ctx, row->raw);
	return ERR_OK;
}

static void
take_row(struct str raw)
{
	struct json j = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev };
	enum put put;
	uint64_t seq;

	CHECK_OK(event_parse(&ev, &j, raw, &sc.a, &e), &e);
	CHECK_OK(store_begin(sc.s, &e), &e);
	CHECK_OK(store_put(sc.s, sc.sp, &arrival, &put, &seq, &e), &e);
	CHECK_OK(store_commit(sc.s, &e), &e);
	json_fini(&j);
}

/* Presence is of this machine and live: not what ended, was silent, or came. */
static void
only_those_of_this_machine(void)
{
	struct session_record r = { .agent = STR("claude"),
		.id = STR("two"),
		.project = STR(PROJECT),
		.logged_ms = 1 };
	struct sessions l;

	scene_begin("here");
	begin_two();
	sc.at.now_ms += 2LL * 3600 * 1000;
	CHECK_OK(sessions_here(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 0);
	sc.at.stale_after_s = 7200 + 60;
	CHECK_OK(sessions_here(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 2);
	/* On another machine they are another's, but for one. */
	CHECK_OK(store_log(sc.s, sc.sp, 0, 0, keep_row, &sc.a, &e), &e);
	ctx_fini(&sc.c);
	CHECK_U(setenv("CLOWDER_HOME", os_join(&sc.a, t_tmp(), "other"), 1), 0);
	ctx_init(&sc.c, "clowder");
	CHECK_OK(ctx_home(&sc.c, &sc.home, &e), &e);
	CHECK_OK(ctx_store_write(&sc.c, &sc.s, &e), &e);
	CHECK_OK(spaces_private(sc.s, &sc.sp, &e), &e);
	for (size_t i = 0; i < n_kept; i++)
		take_row(kept[i]);
	sc.at.home = sc.home;
	CHECK_OK(sessions_here(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 0);
	CHECK_OK(sessions_save(sc.home, &r, &e), &e);
	CHECK_OK(sessions_here(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 1);
	CHECK_STR(l.s[0].id, "two");
	CHECK_OK(sessions_load(sc.s, &sc.at, &sc.a, &l, &e), &e);
	CHECK_U(l.n, 2);
	scene_end();
}

static void
each_fault_once(void)
{
	struct session_record r = {
		.agent = STR("codex"), .id = STR("one"), .project = STR(PROJECT)
	};
	struct sessions l;
	bool hit = true;

	scene_begin("faults");
	begin_two();
	work_begin();
	for (int k = 0; hit && !t_failing(); k++) {
		struct arena a = { 0 };
		enum err rc;

		t_note("fault %d", k);
		fault_arm_fine(k);
		rc = sessions_save(sc.home, &r, &e);
		if (rc == ERR_OK)
			rc = sessions_here(sc.s, &sc.at, &a, &l, &e);
		hit = fault_hit();
		fault_arm(-1);
		if (rc == ERR_OK && !hit) {
			CHECK_U(l.n, 2);
			CHECK_U(find(&l, "one")->n_items, 5);
			CHECK(k > 50);
		}
		arena_fini(&a);
	}
	t_note("%s", "");
	scene_end();
}

int
main(void)
{
	T_RUN(records_come_back);
	T_RUN(nothing_is_written_through_a_link);
	T_RUN(states_by_the_clock);
	T_RUN(what_is_in_progress);
	T_RUN(only_those_of_this_machine);
	T_RUN(each_fault_once);
	return t_done();
}
