/* Files against the log: each todo once, nothing reported twice, commands and
 * sessions in turn (docs/merge.md, Todos of many sessions). */
#include "observe.h"

#include <stdio.h>
#include <sys/stat.h>

#include "file.h"
#include "t.h"

static int64_t now_ms = 1700000000000;
static uint64_t dice;

static int64_t
wall(void *ctx)
{
	(void)ctx;
	return now_ms++;
}

static void
chance(void *ctx, void *out, size_t n)
{
	struct t_rng r = { ++dice };

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)t_rand(&r);
}

struct bench {
	struct store *s;
	space_id space;
	struct arena a;
	struct err_info e;
	char folder[256];
	struct observe_report report;
	unsigned left;
	unsigned told; /* how often */
	uint64_t done, all;
};

static enum err
space_of(void *ctx, struct str uuid, space_id *ret, struct err_info *e)
{
	struct bench *b = ctx;

	(void)uuid, (void)e;
	*ret = b->space;
	return ERR_OK;
}

static void
was_left(void *ctx, const char *path, const char *why)
{
	struct bench *b = ctx;

	CHECK(path[0] != '\0' && why[0] != '\0');
	b->left++;
}

static void
progress(void *ctx, uint64_t done, uint64_t all)
{
	struct bench *b = ctx;

	CHECK(done >= b->done && done <= all);
	b->told++;
	b->done = done;
	b->all = all;
}

static void
bench_init(struct bench *b, const char *name)
{
	const struct store_options opt = { .env = { wall, chance, NULL } };
	int n;

	*b = (struct bench){ 0 };
	n = snprintf(b->folder, sizeof b->folder, "%s/%s", t_tmp(), name);
	CHECK(n > 0 && mkdir(b->folder, 0700) == 0);
	CHECK_OK(store_mem_open(&b->s, &opt, &b->e), &b->e);
	CHECK_OK(store_begin(b->s, &b->e), &b->e);
	CHECK_OK(store_space_add(b->s, STR(""), STR(""), STR("local"),
	             &b->space, &b->e),
	    &b->e);
	CHECK_OK(store_commit(b->s, &b->e), &b->e);
}

static void
bench_fini(struct bench *b)
{
	store_close(b->s);
	arena_fini(&b->a);
}

static void
put(struct bench *b, const char *name, const char *text)
{
	CHECK_OK(os_write_atomic(arena_fmt(&b->a, "%s/%s", b->folder, name),
	             str_of(text), 0600, &b->e),
	    &b->e);
}

static void
look(struct bench *b)
{
	const struct observe_project none = { 0 };
	const struct observe_options o = { .store = b->s,
		.world = { .ctx = b,
		    .space_of = space_of,
		    .progress = progress,
		    .left = was_left },
		.author = STR("user:ann") };
	const char *path = b->folder;

	b->told = 0, b->done = 0;
	CHECK_OK(observe_paths(&o, &path, 1, &none, &b->a, &b->report, &b->e),
	    &b->e);
}

static const struct entity *
todo(struct bench *b, const char *content, uint64_t occurrence)
{
	const struct entity *en = NULL;
	char key[33];
	struct entity_key k = { STR("unplaced"), STR("todo"), { key, 32 } };

	CHECK_OK(todo_key(STR("unplaced"), str_of(content), occurrence, key,
	             &b->e),
	    &b->e);
	CHECK_OK(store_entity(b->s, b->space, &k, &en, &b->e), &b->e);
	return en;
}

static void
check_status(struct bench *b, const char *content, const char *want)
{
	const struct entity *en = todo(b, content, 1);

	t_note("%s", content);
	if (CHECK(en != NULL))
		CHECK_STR(entity_text(en, "status", &b->a), want);
}

/* What a person's command does. */
static void
command(struct bench *b, const char *content, const char *status)
{
	char key[33];
	struct draft d = { .type = STR("todo_status_changed"),
		.aggregate_type = STR("todo"),
		.aggregate_id = { key, 32 },
		.payload =
		    str_of(arena_fmt(&b->a, "{\"status\":\"%s\"}", status)) };

	CHECK_OK(todo_key(STR("unplaced"), str_of(content), 1, key, &b->e),
	    &b->e);
	CHECK_OK(store_begin(b->s, &b->e), &b->e);
	CHECK_OK(store_author(b->s, b->space, &d, NULL, &b->e), &b->e);
	CHECK_OK(store_commit(b->s, &b->e), &b->e);
}

#define S1 "00000000-0000-4000-8000-000000000001"
#define S2 "00000000-0000-4000-8000-000000000002"

static void
each_todo_once_with_its_highest_status(void)
{
	struct bench b;

	bench_init(&b, "once");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"Fix it\",\"status\":"
	    "\"completed\",\"activeForm\":\"Fixing\"},"
	    "{\"content\":\"Other\",\"status\":\"pending\"}]");
	put(&b, S2 "-agent-" S2 ".json",
	    "[{\"content\":\" Fix  it \",\"status\":\"pending\"}]");
	look(&b);
	CHECK_U(b.report.files, 2);
	CHECK_U(b.report.todos, 2);
	CHECK_U(b.report.added, 2);
	CHECK_U(b.report.events, 3);
	check_status(&b, "Fix it", "completed");
	check_status(&b, "Other", "pending");
	look(&b);
	CHECK_U(b.report.unchanged, 2);
	CHECK_U(b.report.events, 0);
	bench_fini(&b);
}

static void
the_same_content_under_another_time_says_nothing(void)
{
	static const char text[] =
	    "[{\"content\":\"Fix it\",\"status\":\"in_progress\"}]";
	struct bench b;

	bench_init(&b, "touched");
	put(&b, S1 "-agent-" S1 ".json", text);
	look(&b);
	CHECK_U(b.report.events, 1);
	put(&b, S1 "-agent-" S1 ".json", text); /* another inode */
	look(&b);
	CHECK_U(b.report.unchanged, 0);
	CHECK_U(b.report.events, 0);
	bench_fini(&b);
}

static void
twice_in_one_list_is_two_todos(void)
{
	struct bench b;

	bench_init(&b, "twice");
	put(&b, "todos.json",
	    "{\"todos\":[{\"content\":\"a\",\"status\":"
	    "\"completed\"},{\"content\":\"a\",\"status\":\"pending\"}]}");
	look(&b);
	CHECK_U(b.report.todos, 2);
	CHECK_STR(entity_text(todo(&b, "a", 1), "status", &b.a), "completed");
	CHECK_STR(entity_text(todo(&b, "a", 2), "status", &b.a), "pending");
	bench_fini(&b);
}

static void
a_session_that_goes_on_is_followed(void)
{
	struct bench b;

	bench_init(&b, "follow");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"completed\"}]");
	look(&b);
	/* Its own later word takes the place of its earlier one, also back. */
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"in_progress\"}]");
	look(&b);
	CHECK_U(b.report.events, 1);
	check_status(&b, "a", "in_progress");
	/* Lists are cleared when everything is done: the last word stands. */
	put(&b, S1 "-agent-" S1 ".json", "[]");
	look(&b);
	CHECK_U(b.report.events, 0);
	check_status(&b, "a", "in_progress");
	bench_fini(&b);
}

static void
a_reopen_stays_until_the_session_goes_on(void)
{
	struct bench b;

	bench_init(&b, "reopen");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"completed\"}]");
	look(&b);
	command(&b, "a", "pending");
	check_status(&b, "a", "pending");
	look(&b);
	check_status(&b, "a", "pending");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"in_progress\"}]");
	look(&b);
	check_status(&b, "a", "in_progress");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"completed\"}]");
	look(&b);
	check_status(&b, "a", "completed");
	bench_fini(&b);
}

static void
a_command_since_the_last_look_is_not_overtaken(void)
{
	struct bench b;

	bench_init(&b, "unseen");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"completed\"}]");
	look(&b);
	/* Nobody looked between the reopen and the file's change: the change
	 * may be the older one. */
	command(&b, "a", "pending");
	put(&b, S1 "-agent-" S1 ".json",
	    "[{\"content\":\"a\",\"status\":\"in_progress\"}]");
	look(&b);
	check_status(&b, "a", "pending");
	bench_fini(&b);
}

static void
tasks_of_a_folder_name_each_other(void)
{
	struct buf out = { 0 };
	struct bench b;
	char key[33];

	bench_init(&b, "tasks");
	put(&b, "1.json",
	    "{\"id\":\"1\",\"subject\":\"one\",\"status\":"
	    "\"pending\",\"blocks\":[\"2\",\"9\"],\"blockedBy\":[]}");
	put(&b, "2.json",
	    "{\"id\":\"2\",\"subject\":\"two\",\"status\":"
	    "\"pending\",\"blocks\":[],\"blockedBy\":[\"1\"]}");
	put(&b, ".highwatermark", "2");
	look(&b);
	CHECK_U(b.report.files, 2);
	CHECK_U(b.report.todos, 2);
	CHECK_OK(todo_key(STR("unplaced"), STR("two"), 1, key, &b.e), &b.e);
	CHECK(entity_value(todo(&b, "one", 1), "blocks", &out));
	CHECK_STR(buf_str(&out), arena_fmt(&b.a, "[\"%s\"]", key));
	CHECK_STR(entity_text(todo(&b, "one", 1), "list", &b.a), "tasks");
	look(&b);
	CHECK_U(b.report.events, 0);
	/* A link that is taken back. */
	put(&b, "1.json",
	    "{\"id\":\"1\",\"subject\":\"one\",\"status\":"
	    "\"completed\",\"blocks\":[],\"blockedBy\":[]}");
	look(&b);
	CHECK_U(b.report.events, 1);
	buf_reset(&out);
	(void)entity_value(todo(&b, "one", 1), "blocks", &out);
	CHECK_STR(buf_str(&out), "[]");
	check_status(&b, "one", "completed");
	buf_fini(&out);
	bench_fini(&b);
}

static void
what_does_not_parse_is_left_for_the_next_time(void)
{
	struct bench b;

	bench_init(&b, "left");
	put(&b, "todos.json", "[{\"content\":\"a\",\"sta");
	put(&b, "package.json", "{\"name\":\"x\"}");
	look(&b);
	CHECK_U(b.left, 1);
	CHECK_U(b.report.left, 1);
	CHECK_U(b.report.foreign, 1);
	CHECK_U(b.report.events, 0);
	put(&b, "todos.json", "[{\"content\":\"a\",\"status\":\"pending\"}]");
	look(&b);
	CHECK_U(b.report.left, 0);
	CHECK_U(b.report.events, 1);
	bench_fini(&b);
}

static void
a_log_of_calls_tells_one_story(void)
{
	struct bench b;

	bench_init(&b, "calls");
	put(&b, "todos.json",
	    "[{\"tool_name\":\"TaskCreate\",\"task\":{"
	    "\"subject\":\"a\",\"status\":\"pending\"}},"
	    "{\"tool_name\":\"TaskUpdate\",\"task\":{\"id\":\"1\","
	    "\"subject\":\"a\",\"status\":\"completed\"}}]");
	look(&b);
	CHECK_U(b.report.todos, 1);
	check_status(&b, "a", "completed");
	look(&b);
	CHECK_U(b.report.events, 0);
	bench_fini(&b);
}

/* Also where one file holds much: whoever waits sees that it goes on. */
static void
progress_is_told_within_a_file(void)
{
	static const char list[] = "[{\"content\":\"a\"},{\"content\":\"b\"},"
	                           "{\"content\":\"c\"}]";
	static const char more[] = "[{\"content\":\"d\"}]";
	struct bench b;

	bench_init(&b, "progress");
	put(&b, S1 "-agent-" S1 ".json", list);
	put(&b, "todos.json", more);
	look(&b);
	CHECK_U(b.told, 3 + 1 + 1);
	CHECK_U(b.all, sizeof list - 1 + sizeof more - 1);
	CHECK_U(b.done, b.all);
	look(&b);
	CHECK_U(b.all, 0);
	bench_fini(&b);
}

static void
a_path_that_is_not_there_is_an_error(void)
{
	const struct observe_project none = { 0 };
	const char *path = "/nonexistent/clowder";
	struct bench b;
	struct observe_options o;

	bench_init(&b, "absent");
	o = (struct observe_options){ .store = b.s,
		.world = { .ctx = &b, .space_of = space_of } };
	CHECK_ERR(observe_paths(&o, &path, 1, &none, &b.a, &b.report, &b.e),
	    ERR_NOT_FOUND);
	bench_fini(&b);
}

int
main(void)
{
	T_RUN(each_todo_once_with_its_highest_status);
	T_RUN(the_same_content_under_another_time_says_nothing);
	T_RUN(twice_in_one_list_is_two_todos);
	T_RUN(a_session_that_goes_on_is_followed);
	T_RUN(a_reopen_stays_until_the_session_goes_on);
	T_RUN(a_command_since_the_last_look_is_not_overtaken);
	T_RUN(tasks_of_a_folder_name_each_other);
	T_RUN(what_does_not_parse_is_left_for_the_next_time);
	T_RUN(a_log_of_calls_tells_one_story);
	T_RUN(progress_is_told_within_a_file);
	T_RUN(a_path_that_is_not_there_is_an_error);
	return t_done();
}
