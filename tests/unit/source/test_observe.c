/* Files against the log: each todo once, nothing reported twice, commands and
 * sessions in turn (docs/merge.md, Todos of many sessions). */
#include "observe.h"

#include <stdio.h>
#include <sys/stat.h>

#include "fault.h"
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
	/* Called once, when so much is done and no transaction is open. */
	void (*meanwhile)(struct bench *b);
	uint64_t meanwhile_at;
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
	if (b->meanwhile != NULL && done == b->meanwhile_at) {
		b->meanwhile(b);
		b->meanwhile = NULL;
	}
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

/* --- others write meanwhile ------------------------------------------------------ */

enum { MANY = 8200 }; /* more than one transaction holds */

static void
make_folder(struct bench *b, const char *name)
{
	CHECK(mkdir(arena_fmt(&b->a, "%s/%s", b->folder, name), 0700) == 0);
}

/* More todos than that in a file, in a folder that comes first.  Its size is no
 * multiple of their number, so that progress is at its size only when all of it
 * is committed. */
static void
put_many(struct bench *b)
{
	struct buf text = { 0 };

	make_folder(b, "a");
	buf_addc(&text, '[');
	for (unsigned i = 0; i < MANY; i++)
		buf_addf(&text, "%s{\"content\":\"n%u\"}", i > 0 ? "," : "", i);
	buf_addc(&text, ']');
	while (text.len % MANY == 0)
		buf_addc(&text, '\n');
	CHECK(!text.failed);
	put(b, "a/todos.json", text.data);
	b->meanwhile_at = text.len;
	buf_fini(&text);
}

static void
reopen_n1(struct bench *b)
{
	command(b, "n1", "pending");
}

static void
a_command_during_a_look_is_not_overtaken(void)
{
	struct bench b;

	bench_init(&b, "during");
	make_folder(&b, "b");
	put(&b, "b/" S1 "-agent-" S1 ".json",
	    "[{\"content\":\"n1\",\"status\":\"completed\"}]");
	look(&b);
	put_many(&b);
	b.meanwhile = reopen_n1;
	look(&b);
	CHECK(b.meanwhile == NULL);
	check_status(&b, "n1", "pending");
	/* It was looked at before the command: the change may be older. */
	put(&b, "b/" S1 "-agent-" S1 ".json",
	    "[{\"content\":\"n1\",\"status\":\"in_progress\"}]");
	look(&b);
	CHECK_U(b.report.events, 1);
	check_status(&b, "n1", "pending");
	bench_fini(&b);
}

/* The same session's report arrives from another machine. */
static void
hear_of_it(struct bench *b)
{
	char key[33];
	struct draft d = { .type = STR("todo_observed"),
		.aggregate_type = STR("todo"),
		.aggregate_id = { key, 32 },
		.named = true,
		.payload = STR("{\"reporter\":\"claude-todos:" S1
		               "\",\"content\":\"n1\","
		               "\"status\":\"completed\"}") };

	CHECK_OK(todo_key(STR("unplaced"), STR("n1"), 1, key, &b->e), &b->e);
	CHECK_OK(store_begin(b->s, &b->e), &b->e);
	CHECK_OK(store_author(b->s, b->space, &d, NULL, &b->e), &b->e);
	CHECK_OK(store_commit(b->s, &b->e), &b->e);
}

static void
what_arrives_during_a_look_is_not_said_again(void)
{
	struct bench b;

	bench_init(&b, "arrives");
	put_many(&b);
	make_folder(&b, "b");
	put(&b, "b/" S1 "-agent-" S1 ".json",
	    "[{\"content\":\"n1\",\"status\":\"completed\"}]");
	b.meanwhile = hear_of_it;
	look(&b);
	CHECK(b.meanwhile == NULL);
	CHECK_U(b.report.events, MANY);
	check_status(&b, "n1", "completed");
	bench_fini(&b);
}

/* A reporter that speaks twice in one look is held to its first word. */
static void
a_word_of_this_look_is_not_said_again(void)
{
	struct bench b;

	bench_init(&b, "since");
	put(&b, "todos.json",
	    "[{\"tool_name\":\"TaskCreate\",\"task\":{\"subject\":\"a\","
	    "\"status\":\"pending\",\"owner\":\"ann\"}},"
	    "{\"tool_name\":\"TaskUpdate\",\"task\":{\"subject\":\"a\","
	    "\"status\":\"completed\",\"owner\":\"ann\"}},"
	    "{\"tool_name\":\"TaskUpdate\",\"task\":{\"subject\":\"a\","
	    "\"status\":\"completed\",\"owner\":\"ann\"}}]");
	look(&b);
	CHECK_U(b.report.events, 2);
	check_status(&b, "a", "completed");
	bench_fini(&b);
}

/* --- one todo of many sessions ---------------------------------------------------- */

static void
put_session(struct bench *b, unsigned i, const char *status)
{
	put(b,
	    arena_fmt(&b->a,
	        "%08x-0000-4000-8000-000000000000-agent-"
	        "%08x-0000-4000-8000-000000000000.json",
	        i, i),
	    arena_fmt(&b->a,
	        "[{\"content\":\"Run the tests\",\"status\":\"%s\","
	        "\"priority\":\"high\"}]",
	        status));
}

static void
each_session_says_only_what_is_new_to_it(void)
{
	enum { SESSIONS = 60 };
	struct bench b;

	bench_init(&b, "many");
	for (unsigned i = 0; i < SESSIONS; i++)
		put_session(&b, i, "pending");
	look(&b);
	CHECK_U(b.report.events, SESSIONS);
	CHECK_U(b.report.todos, 1);
	CHECK_U(b.report.added, 1);
	/* All are read again: two of them went on, one joins. */
	for (unsigned i = 0; i < SESSIONS; i++)
		put_session(&b, i, i < 2 ? "in_progress" : "pending");
	put_session(&b, SESSIONS, "pending");
	look(&b);
	CHECK_U(b.report.unchanged, 0);
	CHECK_U(b.report.events, 3);
	check_status(&b, "Run the tests", "in_progress");
	/* Reopened: that takes the sessions' words away, but they were said. */
	command(&b, "Run the tests", "completed");
	command(&b, "Run the tests", "pending");
	look(&b);
	for (unsigned i = 0; i < SESSIONS; i++)
		put_session(&b, i, i < 2 ? "in_progress" : "pending");
	look(&b);
	CHECK_U(b.report.unchanged, 1);
	CHECK_U(b.report.events, 0);
	check_status(&b, "Run the tests", "pending");
	bench_fini(&b);
}

/* --- files that change while they are looked at ----------------------------------- */

static void
overwrite(struct bench *b, const char *name, const char *text)
{
	FILE *f = fopen(arena_fmt(&b->a, "%s/%s", b->folder, name), "r+");

	if (CHECK(f != NULL))
		CHECK(fputs(text, f) >= 0 && fclose(f) == 0);
}

static unsigned
words(struct str s)
{
	unsigned n = 0;

	for (struct str word; str_split(&s, ' ', &word);)
		n++;
	return n;
}

static struct str
note_of(struct bench *b, const char *name)
{
	struct str note = { NULL, 0 };

	CHECK_OK(store_note_get(b->s,
	             str_of(arena_fmt(&b->a, "source:file:%s/%s", b->folder,
	                 name)),
	             &b->a, &note, &b->e),
	    &b->e);
	return note;
}

/* As if the times of the system had not advanced since the note was made: the
 * identity that the file has now, with what else was noted. */
static void
stop_the_clock(struct bench *b, const char *name)
{
	struct str note = note_of(b, name), part = note;
	struct os_file_id id;
	char *text;

	CHECK_OK(os_stat_id(arena_fmt(&b->a, "%s/%s", b->folder, name), &id,
	             &b->e),
	    &b->e);
	for (unsigned i = 0; i < 5; i++)
		(void)str_split(&note, ' ', &part);
	text = arena_fmt(&b->a, "%llu %llu %llu %lld %lld%s%.*s",
	    (unsigned long long)id.dev, (unsigned long long)id.ino,
	    (unsigned long long)id.size, (long long)id.mtime_ns,
	    (long long)id.ctime_ns, note.n > 0 ? " " : "", STR_ARG(note));
	CHECK_OK(store_begin(b->s, &b->e), &b->e);
	CHECK_OK(store_note_put(b->s,
	             str_of(arena_fmt(&b->a, "source:file:%s/%s", b->folder,
	                 name)),
	             str_of(text), &b->e),
	    &b->e);
	CHECK_OK(store_commit(b->s, &b->e), &b->e);
}

/* Times of files advance in steps: within one, two contents of one length look
 * alike. */
static void
a_change_within_a_step_of_the_clock_is_seen(void)
{
	struct bench b;
	unsigned n = 0;

	bench_init(&b, "step");
	do {
		put(&b, "todos.json",
		    "[{\"content\":\"a\",\"status\":\"in_progress\"}]");
		look(&b);
		/* Unless this machine was busy between the two. */
	} while (words(note_of(&b, "todos.json")) == 5 && ++n < 1000);
	overwrite(&b, "todos.json",
	    "[{\"content\":\"a\",\"status\":\"completed\"  }]");
	stop_the_clock(&b, "todos.json");
	look(&b);
	CHECK_U(b.report.unchanged, 0);
	CHECK_U(b.report.events, 1);
	check_status(&b, "a", "completed");
	look(&b);
	CHECK_U(b.report.unchanged, 1);
	bench_fini(&b);
}

/* A young file is read again, but only until it has aged. */
static void
what_is_young_is_read_again_until_it_is_not(void)
{
	struct bench b;
	unsigned n = 0;

	bench_init(&b, "young");
	put(&b, "todos.json", "[{\"content\":\"a\"}]");
	do {
		look(&b);
		CHECK_U(b.report.unchanged, n > 0);
		CHECK_U(b.report.events, n == 0);
	} while (words(note_of(&b, "todos.json")) > 5 && ++n < 100000);
	look(&b);
	CHECK_U(b.report.unchanged, 1);
	CHECK_U(words(note_of(&b, "todos.json")), 5);
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

static uint64_t
log_length(struct bench *b)
{
	struct space sp = { 0 };

	CHECK_OK(store_space_get(b->s, b->space, &b->a, &sp, &b->e), &b->e);
	return sp.events;
}

/* Each failure of memory, reading and the store once: the look ends with it or
 * leaves the file, and the next one takes in what is missing, once. */
static void
walks_fault_points(void)
{
	const struct observe_project none = { 0 };
	bool hit;
	int n = 0;

	do {
		struct bench b;
		struct observe_options o;
		struct err_info e = { 0 };
		const char *path;
		char name[32];

		t_note("fault %d", n);
		(void)snprintf(name, sizeof name, "faults%d", n);
		bench_init(&b, name);
		path = b.folder;
		o = (struct observe_options){ .store = b.s,
			.world = { .ctx = &b, .space_of = space_of } };
		put(&b, S1 "-agent-" S1 ".json",
		    "[{\"content\":\"a\",\"status\":\"completed\"}]");
		put(&b, S2 "-agent-" S2 ".json",
		    "[{\"content\":\"a\"},{\"content\":\"b\",\"owner\":\"x\"}"
		    "]");
		fault_arm(n++);
		(void)observe_paths(&o, &path, 1, &none, &b.a, &b.report, &e);
		hit = fault_hit();
		fault_arm(-1);
		look(&b);
		look(&b);
		CHECK_U(b.report.events, 0);
		check_status(&b, "a", "completed");
		check_status(&b, "b", "pending");
		CHECK_U(log_length(&b), 3);
		bench_fini(&b);
	} while (hit);
	CHECK(n > 100);
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
	T_RUN(a_command_during_a_look_is_not_overtaken);
	T_RUN(what_arrives_during_a_look_is_not_said_again);
	T_RUN(a_word_of_this_look_is_not_said_again);
	T_RUN(each_session_says_only_what_is_new_to_it);
	T_RUN(a_change_within_a_step_of_the_clock_is_seen);
	T_RUN(what_is_young_is_read_again_until_it_is_not);
	T_RUN(a_path_that_is_not_there_is_an_error);
	T_RUN(walks_fault_points);
	return t_done();
}
