/* Watching where the world does not do as it should, in each world; and what it
 * costs. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fault.h"
#include "watch_lab.h"

static enum lab_world world; /* of the running test */
static struct lab l;

/* --- the world's troubles ------------------------------------------------------------------ */

static void
a_queue_runs_over(void)
{
	struct watch_status st;

	lab_open(&l, world);
	lab_base(&l, 10);
	l.sim.queue_max = 10;
	/* More than the system's queue holds: none looks like the one before. */
	for (int i = 0; i < (world == LAB_SYSTEM ? 9000 : 20); i++) {
		lab_touch(&l, "a");
		lab_touch(&l, "b");
	}
	lab_mkdir(&l, "d"); /* is lost */
	lab_write(&l, "d/f", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C a\nC b\nC d/f\n");
	watch_status(l.w, &st);
	CHECK(st.live && st.overflows >= 1 && st.lost == 0);
	CHECK(st.scans >= 2);
	l.sim.queue_max = SIZE_MAX;
	lab_write(&l, "d/g", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/g\n");
	CHECK(watch_due_ms(l.w) == UINT64_MAX); /* no polling */
	lab_close(&l);
}

static void
no_watches_are_left(void)
{
	struct watch_status st;

	lab_init(&l, world);
	l.opt.rescan_ms = 1000;
	lab_watch(&l);
	lab_base(&l, 10);
	watch_status(l.w, &st);
	CHECK(st.live);
	l.sim.watches_max = 4; /* "/", "/top", base and one more */
	lab_mkdir(&l, "d");
	lab_mkdir(&l, "e");
	lab_write(&l, "d/f", "1");
	lab_write(&l, "e/f", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/f\nC e/f\n");
	watch_status(l.w, &st);
	CHECK(!st.live && st.lost == 1);
	CHECK(strstr(st.why, "no watches left") != NULL);
	CHECK_I(watch_fd(l.w), -1);
	lab_write(&l, "e/g", "1");
	lab_run(&l, 60);
	LAB_EXPECT(&l, "C e/g\n");
	lab_run(&l, 3000); /* tried in vain */
	watch_status(l.w, &st);
	CHECK(!st.live && st.lost == 1);
	l.sim.watches_max = SIZE_MAX;
	lab_run(&l, 1300);
	watch_status(l.w, &st);
	CHECK(st.live);
	CHECK_STR(str_of(st.why), "");
	LAB_EXPECT(&l, "");
	CHECK(watch_due_ms(l.w) >= lab_now(&l) + 500 - 300);
	lab_close(&l);
}

static void
no_source_is_to_be_had(void)
{
	struct watch_status st;

	lab_init(&l, world);
	l.sim.no_source = true;
	lab_watch(&l);
	lab_base(&l, 10);
	watch_status(l.w, &st);
	CHECK(!st.live && st.lost == 0);
	CHECK(strstr(st.why, "no source") != NULL);
	lab_write(&l, "f", "1");
	lab_run(&l, 60);
	LAB_EXPECT(&l, "C f\n");
	l.sim.no_source = false;
	lab_run(&l, WATCH_RETRY_MS * 5 / 4 + 100);
	watch_status(l.w, &st);
	CHECK(st.live);
	lab_close(&l);
}

static void
descriptors_run_out(void)
{
	struct rlimit old, few = { .rlim_cur = 3, .rlim_max = 3 };
	struct watch_status st;

	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	few.rlim_max = old.rlim_max;
	lab_init(&l, world);
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	lab_watch(&l);
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
	watch_status(l.w, &st);
	CHECK(!st.live && strstr(st.why, "inotify") != NULL);
	CHECK_I(watch_fd(l.w), -1);
	lab_turn(&l); /* the first turn tries again */
	watch_status(l.w, &st);
	CHECK(st.live);
	lab_close(&l);
}

/* In a namespace of its own, whose limits concern nobody else. */
static bool
limit_watches(unsigned n)
{
	struct err_info e = { 0 };
	int fd =
	    open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC);
	char text[32];
	bool ok;

	(void)!snprintf(text, sizeof text, "%u\n", n);
	ok = fd >= 0 && os_write_fd(fd, "limit", str_of(text), &e) == ERR_OK;
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

/* The last one of this process. */
static void
the_system_runs_out_of_watches(void)
{
	struct watch_status st;
	unsigned above = 0;

	if (unshare(CLONE_NEWUSER) != 0 || !limit_watches(1000)) {
		printf("# left out: no namespace to be had\n");
		return;
	}
	lab_init(&l, world);
	for (const char *at = l.base; *at != '\0'; at++)
		above += *at == '/';
	CHECK(limit_watches(above + 2)); /* base and one more */
	l.opt.rescan_ms = 200;
	lab_watch(&l);
	lab_base(&l, 10);
	watch_status(l.w, &st);
	CHECK(st.live);
	lab_mkdir(&l, "d");
	lab_mkdir(&l, "e");
	lab_write(&l, "e/f", "1");
	lab_until(&l, 1);
	LAB_EXPECT(&l, "C e/f\n");
	watch_status(l.w, &st);
	CHECK(!st.live && st.lost == 1);
	CHECK(strstr(st.why, "fs.inotify.max_user_watches") != NULL);
	CHECK_I(watch_fd(l.w), -1);
	CHECK(limit_watches(1000));
	for (int i = 0; i < 100 && !st.live; i++) {
		lab_run(&l, 20);
		watch_status(l.w, &st);
	}
	CHECK(st.live);
	lab_write(&l, "e/g", "1");
	lab_sync(&l);
	/* The first one may be told again: it had just changed in poll mode. */
	CHECK(strstr(buf_str(&l.log).p, "C e/g\n") != NULL);
	lab_close(&l);
}

static void
unreadable_folders_are_noted(void)
{
	struct err_info e = { 0 };
	struct watch_status st;

	lab_open(&l, world);
	lab_mkdir(&l, "d");
	lab_write(&l, "d/f", "1");
	CHECK_OK(watch_sim_readable_set(&l.sim, lab_path(&l, "d"), false, &e),
	    &e);
	lab_base(&l, 10);
	watch_status(l.w, &st);
	CHECK(st.live);
	CHECK_U(st.unreadable, 1);
	CHECK_OK(watch_sim_readable_set(&l.sim, lab_path(&l, "d"), true, &e),
	    &e);
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/f\n");
	watch_status(l.w, &st);
	CHECK_U(st.unreadable, 0);
	CHECK_U(st.files, 1);
	CHECK_U(st.folders, 2);
	lab_close(&l);
}

static void
folders_in_a_circle_end(void)
{
	struct err_info e = { 0 };

	lab_open(&l, world);
	lab_mkdir(&l, "d");
	lab_write(&l, "d/f", "1");
	CHECK_OK(watch_sim_bind(&l.sim, l.base, lab_path(&l, "d/b"), &e), &e);
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "", .depth_max = 999, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/f\n");
	CHECK_OK(watch_sim_remove(&l.sim, lab_path(&l, "d/b"), &e), &e);
	lab_close(&l);
}

/* Written to twice within a tick, with the same size: it looks the same. */
static void
a_fresh_file_is_looked_at_again(void)
{
	lab_init(&l, world);
	l.sim.tick_ns = 4000000;
	lab_watch(&l);
	(void)lab_root(&l, (struct watch_root){ .path = "" });
	lab_turn(&l);
	lab_write(&l, "f", "1");
	lab_turn(&l);
	LAB_EXPECT(&l, "C f\n");
	lab_write(&l, "f", "2");
	lab_turn(&l);
	LAB_EXPECT(&l, "C f\n");
	lab_run(&l, 100);
	lab_turn(&l);
	LAB_EXPECT(&l, ""); /* no oftener than that */
	lab_close(&l);
}

/* And the event of the second write is lost. */
static void
a_fresh_file_is_doubted_after_a_loss(void)
{
	lab_init(&l, world);
	l.sim.tick_ns = 4000000;
	lab_watch(&l);
	(void)lab_root(&l, (struct watch_root){ .path = "" });
	lab_turn(&l);
	lab_write(&l, "f", "1");
	lab_turn(&l);
	LAB_EXPECT(&l, "C f\n");
	l.sim.queue_max = 0;
	lab_write(&l, "f", "2");
	lab_turn(&l);
	LAB_EXPECT(&l, "C f\n");
	lab_close(&l);
}

/* A file is looked for while the folder above it is elsewhere, of which nothing
 * was heard yet. */
static void
a_folder_is_away_unheard(void)
{
	lab_open(&l, world);
	lab_mkdir(&l, "d");
	lab_mkdir(&l, "d/e");
	lab_write(&l, "d/e/f", "1");
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/e/f\n");
	lab_touch(&l, "d/e/f");
	lab_turn(&l);
	l.sim.late = SIZE_MAX;
	lab_rename(&l, "d", "/top/d");
	lab_run(&l, 50);
	LAB_EXPECT(&l, "G d/e/f\n");
	lab_rename(&l, "/top/d", "d");
	l.sim.late = 0;
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/e/f\n");
	lab_close(&l);
}

static void
a_fresh_file_is_polled_again(void)
{
	lab_init(&l, world);
	l.sim.tick_ns = 4000000;
	l.sim.no_source = true;
	lab_watch(&l);
	lab_write(&l, "f", "1");
	(void)lab_root(&l, (struct watch_root){ .path = "" });
	lab_turn(&l);
	LAB_EXPECT(&l, "C f\n");
	lab_write(&l, "f", "2");
	lab_run(&l, WATCH_FRESH_MS);
	LAB_EXPECT(&l, "C f\n");
	lab_run(&l, 500);
	LAB_EXPECT(&l, "");
	lab_close(&l);
}

static void
everything_is_looked_at_again(void)
{
	struct watch_status st;

	lab_init(&l, world);
	l.opt.rescan_ms = 1000;
	lab_watch(&l);
	lab_base(&l, 10);
	l.sim.queue_max = 0;
	lab_write(&l, "f", "1");
	l.sim.queue_max = SIZE_MAX;
	lab_run(&l, 740);
	watch_status(l.w, &st);
	lab_run(&l, 600);
	LAB_EXPECT(&l, "C f\n");
	lab_run(&l, 20000);
	watch_status(l.w, &st);
	CHECK(st.live && st.scans >= 16 && st.scans <= 30);
	LAB_EXPECT(&l, "");
	lab_close(&l);
}

/* --- how much it costs ------------------------------------------------------------------- */

static const struct watch_files *counted;
static size_t n_looks, n_lists;

static enum err
count_look(void *ctx, const char *path, bool follow, struct os_file_id *id,
    struct err_info *e)
{
	n_looks++;
	return counted->look(ctx, path, follow, id, e);
}

static enum err
count_list(void *ctx, const char *path,
    enum err (*fn)(void *arg, const char *name, const struct os_file_id *id,
        struct err_info *e),
    void *arg, struct err_info *e)
{
	n_lists++;
	return counted->list(ctx, path, fn, arg, e);
}

static void
count_told(void *ctx, const struct watch_change *c)
{
	(void)c;
	((struct lab *)ctx)->lines++;
}

/* Something happens while a folder is looked at. */
static enum err
meanwhile_list(void *ctx, const char *path,
    enum err (*fn)(void *arg, const char *name, const struct os_file_id *id,
        struct err_info *e),
    void *arg, struct err_info *e)
{
	enum err rc = counted->list(ctx, path, fn, arg, e);

	if (n_lists++ == 0) {
		lab_write(&l, "late", "1");
		lab_mkdir(&l, "d");
		lab_write(&l, "d/f", "1");
	}
	return rc;
}

static void
what_is_made_behind_a_list_is_told(void)
{
	struct watch_files files;

	lab_init(&l, world);
	counted = l.opt.world.files;
	files = *counted;
	files.list = meanwhile_list;
	l.opt.world.files = &files;
	n_lists = 0;
	lab_watch(&l);
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "", .depth_max = 9, .debounce_ms = 10 });
	lab_turn(&l);
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/f\nC late\n");
	lab_close(&l);
}

static void
many_files_are_no_square(void)
{
	enum { FOLDERS = 100, EACH = 500 };
	struct watch_files files;
	struct watch_status st;
	char name[64];

	lab_init(&l, world);
	counted = l.opt.world.files;
	files = *counted;
	files.look = count_look;
	files.list = count_list;
	l.opt.world.files = &files;
	l.opt.on_change = count_told;
	lab_watch(&l);
	lab_base(&l, 10);
	for (int i = 0; i < FOLDERS; i++) {
		(void)snprintf(name, sizeof name, "d%d", i);
		lab_mkdir(&l, name);
		for (int j = 0; j < EACH; j++) {
			(void)snprintf(name, sizeof name, "d%d/%d", i, j);
			lab_write(&l, name, "1");
		}
	}
	n_looks = n_lists = 0;
	lab_sync(&l);
	CHECK_U(l.lines, FOLDERS * EACH);
	CHECK(n_looks <= FOLDERS * EACH + 2 * FOLDERS + 10);
	CHECK(n_lists <= FOLDERS + 2);
	watch_status(l.w, &st);
	CHECK_U(st.files, FOLDERS * EACH);
	n_looks = n_lists = 0;
	lab_write(&l, "d7/7", "22");
	lab_sync(&l);
	CHECK_U(l.lines, FOLDERS * EACH + 1);
	CHECK(n_looks <= 2 && n_lists == 0);
	n_looks = 0;
	lab_rename(&l, "d7", "/top/d7");
	lab_sync(&l);
	CHECK_U(l.lines, FOLDERS * EACH + 1 + EACH);
	CHECK(n_looks <= 10); /* in what is not there nothing is looked for */
	watch_status(l.w, &st);
	CHECK_U(st.files, FOLDERS * EACH - EACH);
	CHECK_U(st.folders, FOLDERS);
	lab_close(&l);
}

/* --- every allocation and call failed once -------------------------------------------------- */

enum walk { WALK_OPEN, WALK_CHANGE, WALK_COOKIE, WALK_END };

static struct {
	enum walk phase;
	int n;
	bool hit;
	uint64_t now_ms;
} walk;

/* One call, in which the fault point is counted where its phase is the one. */
static void
walk_arm(enum walk phase)
{
	if (phase == walk.phase && !walk.hit)
		fault_arm(walk.n);
}

static bool
walk_done(enum err rc, const struct err_info *e)
{
	bool hit = fault_hit();

	fault_arm(-1);
	walk.hit |= hit;
	CHECK(rc == ERR_OK || hit);
	CHECK(rc == ERR_OK ||
	    ((rc == ERR_NOMEM || rc == ERR_IO) && e->text[0] != '\0'));
	return rc == ERR_OK;
}

/* In given time also where the files are real: their events are there at once. */
static void
walk_turn(enum walk phase)
{
	struct err_info e = { 0 };
	uint64_t due = watch_due_ms(l.w);

	if (due > walk.now_ms && due < walk.now_ms + 2000)
		walk.now_ms = due;
	else
		walk.now_ms++;
	l.sim.now_ns = (int64_t)(walk.now_ms + 1000) * 1000000;
	l.now_ms = walk.now_ms;
	walk_arm(phase);
	(void)walk_done(watch_turn(l.w, walk.now_ms, &e), &e);
}

static void
walk_open(void)
{
	struct err_info e = { 0 };
	struct watch_root root = {
		.path = lab_path(&l, ""), .depth_max = 9, .debounce_ms = 10
	};
	unsigned number;
	bool done = false;

	while (!done) {
		walk_arm(WALK_OPEN);
		done = walk_done(watch_open(&l.opt, &l.w, &e), &e);
	}
	for (done = false; !done;) {
		walk_arm(WALK_OPEN);
		done = walk_done(watch_add(l.w, &root, &number, &e), &e);
	}
}

static void
walk_cookie(enum walk phase)
{
	struct err_info e = { 0 };
	uint64_t number = 0;
	bool done = false;

	while (!done) {
		walk_arm(phase);
		done = walk_done(watch_cookie(l.w, 0, &number, &e), &e);
	}
	for (int i = 0; i < 1000 && l.seen != number; i++)
		walk_turn(phase);
	CHECK_U(l.seen, number);
}

/* The log has all of these, in any order, as often as you like. */
static void
walk_told(const char *const *line, size_t n)
{
	struct watch_status st;

	for (size_t i = 0; i < n; i++)
		if (!CHECK(strstr(buf_str(&l.log).p, line[i]) != NULL))
			printf("# missing: %s", line[i]);
	watch_status(l.w, &st);
	CHECK_U(st.files, 4);
	CHECK(st.live || st.why[0] != '\0');
}

static bool
walk_once(enum walk phase, int n)
{
	static const char *const lines[] = { "C a\n", "C d/f\n", "C g/h/i\n",
		"C e/f\n", "G d/f\n", "G b\n", "C j\n" };

	lab_init(&l, world);
	walk.phase = phase;
	walk.n = n;
	walk.hit = false;
	walk.now_ms = 1000;
	(void)buf_reserve(&l.log,
	    65536); /* what is told is noted without fail */
	lab_write(&l, "a", "1");
	lab_write(&l, "b", "1");
	lab_mkdir(&l, "d");
	lab_write(&l, "d/f", "1");
	walk_open();
	walk_cookie(WALK_OPEN);
	lab_rename(&l, "d", "e");
	lab_mkdir(&l, "g");
	lab_mkdir(&l, "g/h");
	lab_write(&l, "g/h/i", "1");
	lab_remove(&l, "b");
	for (int i = 0; i < 30; i++)
		walk_turn(WALK_CHANGE);
	walk_cookie(WALK_END);
	lab_write(&l, "j", "1");
	walk_cookie(WALK_COOKIE);
	walk_cookie(WALK_END);
	walk_told(lines, sizeof lines / sizeof lines[0]);
	lab_close(&l);
	return walk.hit;
}

static void
each_fault_is_walked(void)
{
	static const int least[] = { 15, 10, 5 };

	for (enum walk phase = WALK_OPEN; phase < WALK_END; phase++) {
		int n = 0;

		do
			t_note("phase %d, fault %d", (int)phase, n);
		while (walk_once(phase, n++) && !t_failing());
		CHECK(n > least[phase]);
	}
}

/* --- main -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct lab_test tests[] = {
	LAB_TEST(what_is_made_behind_a_list_is_told, LAB_EVENTS),
	LAB_TEST(a_queue_runs_over, LAB_EVENTS),
	LAB_TEST(no_watches_are_left, LAB_IN_SIM),
	LAB_TEST(no_source_is_to_be_had, LAB_IN_SIM),
	LAB_TEST(descriptors_run_out, LAB_IN_SYSTEM),
	LAB_TEST(unreadable_folders_are_noted, LAB_IN_SIM),
	LAB_TEST(folders_in_a_circle_end, LAB_IN_SIM),
	LAB_TEST(a_fresh_file_is_looked_at_again, LAB_IN_SIM),
	LAB_TEST(a_fresh_file_is_doubted_after_a_loss, LAB_IN_SIM),
	LAB_TEST(a_fresh_file_is_polled_again, LAB_IN_SIM),
	LAB_TEST(a_folder_is_away_unheard, LAB_IN_SIM),
	LAB_TEST(everything_is_looked_at_again, LAB_IN_SIM),
	LAB_TEST(many_files_are_no_square, LAB_IN_SIM),
	LAB_TEST(each_fault_is_walked, LAB_ALL),
	LAB_TEST(the_system_runs_out_of_watches, LAB_IN_SYSTEM),
};
/* clang-format on */

int
main(void)
{
	return lab_main(tests, sizeof tests / sizeof tests[0], &world);
}
