/* Following a store: every row that is written is told once and in order, whoever
 * wrote it, whether somebody rang or not, and whatever failed on the way. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "follow.h"
#include "path.h"
#include "store_lab.h"

enum { PATIENCE_MS = 20000, SPACES = 4, ROWS = 8192 };

static struct err_info e;

/* A home with a store that others write, and one who follows it. */
static struct scene {
	struct arena a;
	struct home home;
	struct world world;
	struct store *s; /* own: the writer's */
	struct follow *f;
	struct follow_options opt;
	struct {
		space_id space;
		uint64_t pos;
		struct eid id;
	} row[ROWS]; /* as they were told */
	unsigned n, rings, lost, fail_at;
} sc;

static enum err
on_row(void *ctx, struct store *s, const struct log_row *row,
    struct err_info *info)
{
	struct arena a = { 0 };
	struct log_row again;

	(void)ctx;
	/* It may be asked already, also while it begins. */
	CHECK(sc.f != NULL);
	if (sc.fail_at > 0 && --sc.fail_at == 0)
		return err_set(info, ERR_NOMEM);
	/* The store can be read meanwhile. */
	if (store_event(s, row->space, &row->id, &a, &again, info) != ERR_OK) {
		arena_fini(&a);
		return info->code;
	}
	CHECK_U(again.pos, row->pos);
	arena_fini(&a);
	if (sc.n < ROWS) {
		sc.row[sc.n].space = row->space;
		sc.row[sc.n].pos = row->pos;
		sc.row[sc.n++].id = row->id;
	}
	return ERR_OK;
}

static void
on_ring(void *ctx)
{
	(void)ctx;
	sc.rings++;
}

static void
on_lost(void *ctx, const char *why)
{
	(void)ctx;
	CHECK(why[0] != '\0');
	sc.lost++;
}

static void
scene_begin(void)
{
	static unsigned count;
	char name[32];
	int n = snprintf(name, sizeof name, "home%u", count++);

	sc = (struct scene){ 0 };
	CHECK(n > 0);
	sc.home.dir = os_join(&sc.a, t_tmp(), name);
	sc.home.store = os_join(&sc.a, sc.home.dir, "store.db");
	sc.home.doorbell = os_join(&sc.a, sc.home.dir, "doorbell");
	sc.opt = (struct follow_options){ .home = &sc.home,
		.env = lab_options(&sc.world, 7, false).env,
		.world = watch_world_system(),
		.poll_ms = 20,
		.on_row = on_row,
		.on_ring = on_ring,
		.on_lost = on_lost };
}

/* The writer's, of a machine of its own by `seed`; rings or does not. */
static void
writer_open(uint64_t seed, bool rings)
{
	struct store_options opt = lab_options(&sc.world, seed, false);

	store_close(sc.s);
	if (rings)
		opt.doorbell = sc.home.doorbell;
	CHECK_OK(os_mkdirs(sc.home.dir, 0700, &e), &e);
	CHECK_OK(store_sqlite_open(&sc.s, sc.home.store, &opt, &e), &e);
}

static void
follow_begin(void)
{
	CHECK_OK(follow_open(&sc.f, &sc.opt, &e), &e);
	if (sc.f == NULL)
		exit(1);
}

static void
scene_end(void)
{
	follow_close(sc.f);
	store_close(sc.s);
	arena_fini(&sc.a);
}

/* Turns until so many rows were told, or it takes too long. */
static void
until(unsigned rows)
{
	uint64_t end = os_mono_ms() + PATIENCE_MS;

	while (sc.n < rows && os_mono_ms() < end) {
		struct pollfd p = { .fd = follow_fd(sc.f), .events = POLLIN };
		uint64_t due = follow_due_ms(sc.f), now = os_mono_ms();
		uint64_t wait = due <= now ? 0 : due - now;

		CHECK(poll(&p, 1, wait > 1000 ? 1000 : (int)wait) >= 0);
		(void)follow_turn(sc.f, os_mono_ms(), &e);
	}
	CHECK_U(sc.n, rows);
}

/* Turns until everything that was rung for before this call was told. */
static void
settle(void)
{
	unsigned rings = sc.rings;
	uint64_t end = os_mono_ms() + PATIENCE_MS;

	CHECK_OK(os_touch(sc.home.doorbell, &e), &e);
	while ((sc.rings == rings || follow_due_ms(sc.f) == 0) &&
	    os_mono_ms() < end) {
		struct pollfd p = { .fd = follow_fd(sc.f), .events = POLLIN };

		CHECK(poll(&p, 1, follow_due_ms(sc.f) == 0 ? 0 : 20) >= 0);
		(void)follow_turn(sc.f, os_mono_ms(), &e);
	}
	CHECK(sc.rings > rings);
}

static struct eid
write_one(space_id sp)
{
	static unsigned wp;
	struct draft d = lab_wp_new(wp++, "a title");

	return lab_author_in(sc.s, sp, &d);
}

static enum err
compare(void *ctx, const struct log_row *row, struct err_info *info)
{
	unsigned *at = ctx;

	(void)info;
	while (*at < sc.n && sc.row[*at].space != row->space)
		(*at)++;
	CHECK(*at < sc.n);
	if (*at < sc.n) {
		CHECK_U(sc.row[*at].pos, row->pos);
		CHECK(eid_eq(&sc.row[*at].id, &row->id));
		(*at)++;
	}
	return ERR_OK;
}

/* What was told of a space is its log from `after` on, and no more. */
static void
is_log(space_id sp, uint64_t after)
{
	unsigned at = 0;

	CHECK_OK(store_log(sc.s, sp, after, 0, compare, &at, &e), &e);
	while (at < sc.n && sc.row[at].space != sp)
		at++;
	CHECK_U(at, sc.n);
}

/* --- tests ---------------------------------------------------------------------- */

static void
tells_what_comes(void)
{
	space_id sp;
	struct eid id;

	scene_begin();
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sp);
	follow_begin();
	CHECK_U(follow_pos(sc.f, sp), 1);
	settle();
	CHECK_U(sc.n, 0);
	id = write_one(sp);
	until(1);
	CHECK(eid_eq(&sc.row[0].id, &id));
	CHECK_U(sc.row[0].pos, 2);
	CHECK_U(follow_pos(sc.f, sp), 2);
	for (unsigned i = 0; i < 20; i++)
		(void)write_one(sp);
	until(21);
	is_log(sp, 1);
	CHECK_U(sc.lost, 0);
	scene_end();
}

static void
begins_before_there_is_a_store(void)
{
	space_id sp;

	scene_begin();
	follow_begin();
	CHECK(follow_store(sc.f) == NULL);
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sp);
	(void)write_one(sp);
	until(2);
	CHECK(follow_store(sc.f) != NULL);
	is_log(sp, 0);
	CHECK_U(sc.lost, 0);
	scene_end();
}

static void
a_new_space_from_its_first_event(void)
{
	space_id one, two;

	scene_begin();
	writer_open(1, true);
	one = lab_space(sc.s, "h", "a", "t");
	follow_begin();
	two = lab_space(sc.s, "h", "a", "u");
	(void)write_one(two);
	(void)write_one(one);
	(void)write_one(two);
	until(3);
	is_log(one, 0);
	is_log(two, 0);
	scene_end();
}

static void
a_lost_ring_costs_time(void)
{
	uint64_t now;
	space_id sp;

	scene_begin();
	writer_open(1, false);
	sp = lab_space(sc.s, "h", "a", "t");
	sc.opt.look_ms = 60000;
	follow_begin();
	(void)write_one(sp);
	now = os_mono_ms();
	CHECK_OK(follow_turn(sc.f, now, &e), &e);
	CHECK_U(sc.n, 0);
	CHECK(follow_due_ms(sc.f) > now && follow_due_ms(sc.f) < now + 61000);
	/* Given time: the look that nobody rang for. */
	CHECK_OK(follow_turn(sc.f, now + 61000, &e), &e);
	CHECK_U(sc.n, 1);
	(void)write_one(sp);
	CHECK_OK(os_touch(sc.home.doorbell, &e), &e);
	until(2);
	is_log(sp, 0);
	scene_end();
}

static void
nothing_to_do_is_nothing_due(void)
{
	scene_begin();
	writer_open(1, true);
	follow_begin();
	settle();
	/* The last ring is so fresh that it is looked at once more. */
	CHECK_OK(follow_turn(sc.f, os_mono_ms() + 1000, &e), &e);
	CHECK(follow_due_ms(sc.f) == UINT64_MAX);
	scene_end();
}

static void
turns_are_bounded(void)
{
	struct draft d;
	space_id sp;

	scene_begin();
	writer_open(1, false);
	sp = lab_space(sc.s, "h", "a", "t");
	sc.opt.look_ms = 1000;
	follow_begin();
	CHECK_OK(store_begin(sc.s, &e), &e);
	for (unsigned i = 0; i < 2500; i++) {
		d = lab_wp_note(1, "again");
		CHECK_OK(store_author(sc.s, sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(sc.s, &e), &e);
	CHECK_OK(follow_turn(sc.f, os_mono_ms() + 1001, &e), &e);
	CHECK_U(sc.n, FOLLOW_ROWS_MAX);
	CHECK_U(follow_due_ms(sc.f), 0);
	CHECK_OK(follow_turn(sc.f, os_mono_ms(), &e), &e);
	CHECK_OK(follow_turn(sc.f, os_mono_ms(), &e), &e);
	CHECK_U(sc.n, 2500);
	is_log(sp, 0);
	scene_end();
}

static void
a_failed_row_is_told_again(void)
{
	space_id sp;

	scene_begin();
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	follow_begin();
	sc.fail_at = 3;
	for (unsigned i = 0; i < 5; i++)
		(void)write_one(sp);
	settle();
	CHECK_U(sc.n, 5);
	is_log(sp, 0);
	CHECK_U(sc.fail_at, 0);
	scene_end();
}

/* Move the store aside, or back in its place. */
static void
keep(const char *as, bool back)
{
	static const char *const part[] = { "", "-wal", "-shm" };

	store_close(sc.s);
	sc.s = NULL;
	for (unsigned i = 0; i < 3; i++) {
		const char *there =
		    arena_fmt(&sc.a, "%s%s", sc.home.store, part[i]);
		const char *kept =
		    arena_fmt(&sc.a, "%s/%s%s", sc.home.dir, as, part[i]);
		struct buf b = { 0 };

		if (back)
			(void)unlink(there);
		if (os_read_file(back ? kept : there, 1 << 26, &b, &e) ==
		    ERR_OK)
			CHECK_OK(os_write_atomic(back ? there : kept,
			             buf_str(&b), 0600, &e),
			    &e);
		buf_fini(&b);
	}
}

static void
an_older_copy_is_said(void)
{
	space_id sp;

	scene_begin();
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sp);
	(void)write_one(sp);
	keep("copy", false);
	writer_open(2, true);
	follow_begin();
	(void)write_one(sp);
	until(1);
	keep("copy", true);
	writer_open(3, true);
	/* As long as what was told, and not the same. */
	(void)write_one(sp);
	settle();
	CHECK_U(sc.lost, 1);
	CHECK_U(sc.n, 1);
	(void)write_one(sp);
	until(2);
	CHECK_U(sc.row[1].pos, 4);
	CHECK_U(sc.lost, 1);
	scene_end();
}

static void
the_same_log_in_another_file_goes_on(void)
{
	space_id sp;

	scene_begin();
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	follow_begin();
	(void)write_one(sp);
	until(1);
	keep("copy", false);
	keep("copy", true);
	writer_open(2, true);
	(void)write_one(sp);
	until(2);
	CHECK_U(sc.lost, 0);
	is_log(sp, 0);
	scene_end();
}

static void
a_store_that_goes_and_comes(void)
{
	space_id sp;

	scene_begin();
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sp);
	follow_begin();
	keep("copy", false);
	CHECK_OK(os_remove(sc.home.store, &e), &e);
	settle();
	CHECK(follow_store(sc.f) == NULL);
	CHECK_U(sc.n, 0);
	keep("copy", true);
	writer_open(2, true);
	(void)write_one(sp);
	until(1);
	CHECK_U(sc.row[0].pos, 2);
	CHECK_U(sc.lost, 0);
	scene_end();
}

/* So old that nobody is just making it. */
static void
write_garbage(void)
{
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	CHECK_OK(os_write_atomic(sc.home.store, STR("no database, this"), 0600,
	             &e),
	    &e);
	CHECK_I(utimensat(AT_FDCWD, sc.home.store, times, 0), 0);
}

/* Another process has opened it and not yet written its first row. */
static void
one_that_is_being_made(void)
{
	sqlite3 *db = NULL;
	space_id sp;

	scene_begin();
	CHECK_OK(os_mkdirs(sc.home.dir, 0700, &e), &e);
	CHECK_I(sqlite3_open(sc.home.store, &db), SQLITE_OK);
	CHECK_I(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL),
	    SQLITE_OK);
	follow_begin();
	CHECK(follow_store(sc.f) == NULL);
	/* Looked at again by itself. */
	CHECK(follow_due_ms(sc.f) <= os_mono_ms() + FOLLOW_AGAIN_MS);
	CHECK_I(sqlite3_close(db), SQLITE_OK);
	writer_open(1, false);
	sp = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sp);
	CHECK_OK(follow_turn(sc.f, os_mono_ms() + FOLLOW_AGAIN_MS + 1, &e), &e);
	CHECK_U(sc.n, 1);
	scene_end();
}

/* Another process writes all the time, also between two looks of one who begins. */
static void
begins_while_others_write(void)
{
	enum { BEGINNINGS = 300 };
	space_id sp;
	pid_t pid;

	scene_begin();
	writer_open(1, false);
	sp = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sp);
	store_close(sc.s);
	sc.s = NULL;
	pid = fork();
	if (pid == 0) {
		writer_open(2, false);
		for (;;)
			(void)write_one(sp);
	}
	CHECK(pid > 0);
	for (unsigned i = 0; pid > 0 && i < BEGINNINGS; i++) {
		follow_begin();
		follow_close(sc.f);
		sc.f = NULL;
		sc.n = 0;
	}
	CHECK_I(kill(pid, SIGKILL), 0);
	CHECK_I(waitpid(pid, NULL, 0), pid);
	scene_end();
}

static void
one_that_cannot_be_read(void)
{
	scene_begin();
	CHECK_OK(os_mkdirs(sc.home.dir, 0700, &e), &e);
	write_garbage();
	CHECK(follow_open(&sc.f, &sc.opt, &e) != ERR_OK);
	CHECK(sc.f == NULL);
	/* One that is just being made is none yet. */
	CHECK_OK(os_write_atomic(sc.home.store, STR(""), 0600, &e), &e);
	follow_begin();
	CHECK(follow_store(sc.f) == NULL);
	write_garbage();
	CHECK_OK(os_touch(sc.home.doorbell, &e), &e);
	for (e.code = ERR_OK; e.code == ERR_OK;) {
		struct pollfd p = { .fd = follow_fd(sc.f), .events = POLLIN };

		if (!CHECK(poll(&p, 1, PATIENCE_MS) == 1))
			break;
		(void)follow_turn(sc.f, os_mono_ms(), &e);
	}
	CHECK(e.code != ERR_OK);
	/* Tried again, and not at once. */
	CHECK(follow_due_ms(sc.f) > os_mono_ms());
	CHECK_OK(os_remove(sc.home.store, &e), &e);
	writer_open(1, true);
	(void)write_one(lab_space(sc.s, "h", "a", "t"));
	until(1);
	scene_end();
}

/* An event that two spaces get is known the second time, and only then. */
static unsigned known;
static enum err
on_known(void *ctx, struct store *s, const struct log_row *row,
    struct err_info *info)
{
	bool is = false;
	enum err rc = follow_known(sc.f, row, &is, info);

	known += is;
	return rc == ERR_OK ? on_row(ctx, s, row, info) : rc;
}

static void
put_copy(space_id from, space_id to)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev };
	struct log_row row;
	enum put put;
	uint64_t seq;
	struct eid id = sc.row[sc.n - 1].id;

	CHECK_OK(store_event(sc.s, from, &id, &a, &row, &e), &e);
	CHECK_OK(event_parse(&ev, &j, row.raw, &a, &e), &e);
	CHECK_OK(store_begin(sc.s, &e), &e);
	CHECK_OK(store_put(sc.s, to, &arrival, &put, &seq, &e), &e);
	CHECK_OK(store_commit(sc.s, &e), &e);
	json_fini(&j);
	arena_fini(&a);
}

static void
copies_are_known(void)
{
	space_id one, two;

	scene_begin();
	known = 0;
	sc.opt.on_row = on_known;
	writer_open(1, true);
	two = lab_space(sc.s, "h", "a", "u");
	one = lab_space(sc.s, "h", "a", "t");
	follow_begin();
	(void)write_one(one);
	until(1);
	CHECK_U(known, 0);
	put_copy(one, two);
	until(2);
	CHECK_U(known, 1);
	scene_end();
}

static void
without_events_of_the_system(void)
{
	struct watch_status st;
	space_id sp;

	scene_begin();
	sc.opt.world = watch_world_poll();
	writer_open(1, true);
	sp = lab_space(sc.s, "h", "a", "t");
	follow_begin();
	follow_status(sc.f, &st);
	CHECK(!st.live && st.why[0] != '\0');
	CHECK_I(follow_fd(sc.f), -1);
	(void)write_one(sp);
	until(1);
	is_log(sp, 0);
	scene_end();
}

/* Each thing that can fail, failed once on the way: afterwards all was told, once.
 * In one store, of which each round follows what is new. */
static bool
walk(unsigned k, bool opening)
{
	char team[16];
	bool hit = false, more = k == 0 || k == 40;
	uint64_t now = os_mono_ms() + 2000, had;
	space_id sp = sc.row[0].space;

	had = lab_space_of(sc.s, sp).events;
	sc.n = 0;
	fault_arm_fine(opening ? (int)k : -1);
	if (follow_open(&sc.f, &sc.opt, &e) != ERR_OK) {
		CHECK(fault_hit() && sc.f == NULL);
		hit = true;
		fault_arm(-1);
		follow_begin();
	}
	hit = hit || fault_hit();
	fault_arm(-1);
	CHECK_U(follow_pos(sc.f, sp), had);
	if (opening) {
		follow_close(sc.f);
		sc.f = NULL;
		return hit;
	}
	(void)write_one(sp);
	CHECK(snprintf(team, sizeof team, "%u", k) > 0);
	if (more)
		(void)write_one(lab_space(sc.s, "h", "a", team));
	fault_arm_fine((int)k);
	if (follow_turn(sc.f, now, &e) != ERR_OK)
		CHECK(fault_hit());
	hit = hit || fault_hit();
	fault_arm(-1);
	CHECK_OK(follow_turn(sc.f, now + 2000, &e), &e);
	CHECK_U(sc.n, more ? 2 : 1);
	is_log(sp, had);
	CHECK_U(sc.lost, 0);
	follow_close(sc.f);
	sc.f = NULL;
	sc.row[0].space = sp;
	return hit;
}

static void
each_fault_once(void)
{
	bool hit = true;

	scene_begin();
	writer_open(1, false);
	sc.row[0].space = lab_space(sc.s, "h", "a", "t");
	(void)write_one(sc.row[0].space);
	sc.opt.look_ms = 1000;
	for (unsigned k = 0; hit && !t_failing(); k++) {
		t_note("fault %u", k);
		hit = walk(k, false);
		hit = walk(k, true) || hit;
		CHECK(hit || k > 50);
	}
	t_note("%s", "");
	scene_end();
}

/* Writers that ring or forget to, spaces that come, rows that fail, stores opened
 * anew: what was told of each space is its log. */
static void
one_run(uint64_t seed)
{
	struct t_rng rng = { seed };
	space_id sp[SPACES];
	size_t n = 0;

	t_note("seed %llu", (unsigned long long)seed);
	scene_begin();
	if (t_below(&rng, 2) == 0)
		writer_open(seed, true);
	follow_begin();
	writer_open(seed, true);
	for (unsigned i = 0; i < 60; i++) {
		uint64_t dice = t_below(&rng, 20);
		char team[2] = { (char)('a' + n), 0 };

		if (n == 0 || (dice == 0 && n < SPACES))
			sp[n++] = lab_space(sc.s, "h", "a", team);
		else if (dice <= 2)
			writer_open(seed + i + 1, dice == 1);
		else if (dice == 3)
			sc.fail_at = 1 + (unsigned)t_below(&rng, 4);
		else if (dice <= 6)
			(void)follow_turn(sc.f, os_mono_ms(), &e);
		else
			(void)write_one(sp[t_below(&rng, n)]);
	}
	sc.fail_at = 0;
	settle();
	for (size_t i = 0; i < n; i++)
		is_log(sp[i], 0);
	CHECK_U(sc.lost, 0);
	scene_end();
}

static void
any_order_of_deeds(void)
{
	for (uint64_t i = 0; i < 8 && !t_failing(); i++)
		one_run(t_seed() + i);
	t_note("%s", "");
}

int
main(void)
{
	T_RUN(tells_what_comes);
	T_RUN(begins_before_there_is_a_store);
	T_RUN(a_new_space_from_its_first_event);
	T_RUN(a_lost_ring_costs_time);
	T_RUN(nothing_to_do_is_nothing_due);
	T_RUN(turns_are_bounded);
	T_RUN(a_failed_row_is_told_again);
	T_RUN(an_older_copy_is_said);
	T_RUN(the_same_log_in_another_file_goes_on);
	T_RUN(a_store_that_goes_and_comes);
	T_RUN(one_that_is_being_made);
	T_RUN(begins_while_others_write);
	T_RUN(one_that_cannot_be_read);
	T_RUN(copies_are_known);
	T_RUN(without_events_of_the_system);
	T_RUN(each_fault_once);
	T_RUN(any_order_of_deeds);
	return t_done();
}
