/* Watching where the world does not do as it should, in each world; and what it
 * costs. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "map.h"
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

/* On a clock of long ticks, a file is told that has just changed. */
static void
open_with_a_fresh_file(void)
{
	lab_init(&l, world);
	l.sim.tick_ns = 4000000;
	lab_watch(&l);
	(void)lab_root(&l, (struct watch_root){ .path = "" });
	lab_turn(&l);
	lab_write(&l, "f", "1");
	lab_turn(&l);
	LAB_EXPECT(&l, "C f\n");
}

/* Written to twice within a tick, with the same size: it looks the same. */
static void
a_fresh_file_is_looked_at_again(void)
{
	open_with_a_fresh_file();
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
	open_with_a_fresh_file();
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

/* --- a neighbour who does not wait for us ---------------------------------------------- */

/* path -> its identity as it was told last (own). */
static struct map told;
struct told {
	struct os_file_id id;
	char path[];
};

static void
told_change(void *ctx, const struct watch_change *c)
{
	struct told *t = map_del(&told, str_of(c->path));
	size_t n = strlen(c->path);

	(void)ctx;
	CHECK(c->kind == WATCH_CHANGED || t != NULL);
	free(t);
	if (c->kind == WATCH_GONE)
		return;
	t = calloc(1, sizeof *t + n + 1);
	t->id = *c->id;
	memcpy(t->path, c->path, n);
	CHECK(map_put(&told, str_n(t->path, n), t));
}

static void
some_name(struct t_rng *r, char *path, size_t size)
{
	size_t n = strlen(l.base);

	(void)!snprintf(path, size, "%s", l.base);
	for (uint64_t depth = 1 + t_below(r, 4); depth > 0; depth--) {
		path[n++] = '/';
		path[n++] = (char)('a' + t_below(r, 3));
	}
	path[n] = '\0';
}

/* Whether a deed works does not matter. */
static void
neighbour(void)
{
	struct t_rng r = { t_seed() };
	char a[512], b[512];

	for (int i = 0; i < 20000; i++) {
		uint64_t what = t_below(&r, 100);
		int fd;

		some_name(&r, a, sizeof a);
		some_name(&r, b, sizeof b);
		if (what < 35)
			(void)mkdir(a, 0700);
		else if (what < 60)
			(void)rename(a, b);
		else if (what < 70)
			(void)remove(a);
		else if ((fd = open(a, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >=
		    0)
			(void)(!write(fd, "x", 1) + close(fd));
	}
	_exit(0);
}

static enum os_walk_do
walk_there(void *ctx, const struct os_walk_entry *entry)
{
	struct told *t = map_get(&told, str_of(entry->path));

	if (entry->kind != OS_FILE)
		return OS_WALK_ON;
	++*(size_t *)ctx;
	if (!CHECK(t != NULL && os_same_id(&t->id, entry->id)))
		printf("# %s: %s\n", entry->path,
		    t ? "was told as another" : "was not told");
	return OS_WALK_ON;
}

static void
a_busy_neighbour_is_followed(void)
{
	struct err_info e = { 0 };
	size_t there = 0, at = 0;
	void *value;
	int pid;

	lab_init(&l, world);
	l.opt.on_change = told_change;
	lab_watch(&l);
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "", .depth_max = 9999, .debounce_ms = 2 });
	lab_turn(&l);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		neighbour();
	while (pid > 0 && waitpid(pid, NULL, WNOHANG) == 0)
		lab_run(&l, 5);
	CHECK(pid > 0);
	lab_sync(&l);
	CHECK_OK(os_walk(l.base, 99, OS_WALK_STAT, walk_there, &there, &e), &e);
	CHECK_U(told.count, there);
	CHECK(there > 0);
	while (map_next(&told, &at, NULL, &value))
		free(value);
	map_fini(&told);
	lab_close(&l);
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
	LAB_TEST(a_busy_neighbour_is_followed, LAB_IN_SYSTEM),
	LAB_TEST(the_system_runs_out_of_watches, LAB_IN_SYSTEM),
};
/* clang-format on */

int
main(void)
{
	return lab_main(tests, sizeof tests / sizeof tests[0], &world);
}
