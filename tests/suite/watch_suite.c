/* What every watch must do, in each world. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "watch_lab.h"

static enum lab_world world; /* of the running test */
static struct lab l;

/* --- files ---------------------------------------------------------------------------- */

static void
what_is_there_is_told(void)
{
	lab_open(&l, world);
	lab_write(&l, "a", "1");
	lab_mkdir(&l, "d");
	lab_mkdir(&l, "d/e");
	lab_write(&l, "d/e/f", "2");
	(void)lab_root(&l, (struct watch_root){ .path = "", .depth_max = 9 });
	CHECK_U(watch_due_ms(l.w), 0);
	lab_turn(&l);
	LAB_EXPECT(&l, "C a\nC d/e/f\n");
	lab_close(&l);
}

static void
changes_are_told(void)
{
	lab_open(&l, world);
	lab_base(&l, 10);
	lab_write(&l, "a", "1");
	lab_write(&l, "b", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C a\nC b\n");
	lab_write(&l, "a", "22");
	lab_remove(&l, "b");
	lab_sync(&l);
	LAB_EXPECT(&l, "C a\nG b\n");
	lab_rename(&l, "a", "c");
	lab_sync(&l);
	LAB_EXPECT(&l, "C c\nG a\n");
	lab_touch(&l, "c");
	lab_sync(&l);
	LAB_EXPECT(&l, "C c\n");
	lab_write(&l, "x", ""); /* comes and goes unseen */
	lab_remove(&l, "x");
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	lab_close(&l);
}

static void
replaced_is_changed_once(void)
{
	lab_open(&l, world);
	lab_write(&l, "f", "1");
	lab_write(&l, "g", "1");
	(void)lab_root(&l,
	    (struct watch_root){ .path = "", .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C f\nC g\n");
	lab_write(&l, "f.tmp", "12");
	lab_rename(&l, "f.tmp", "f");
	lab_remove(&l, "g");
	lab_write(&l, "g", "12");
	lab_sync(&l);
	LAB_EXPECT(&l, "C f\nC g\n");
	lab_close(&l);
}

/* Changes every 10 ms for 115 ms: a window that each change began anew would end
 * after all of them. */
static void
windows_are_not_restarted(void)
{
	lab_open(&l, world);
	l.opt.poll_ms = 10;
	watch_close(l.w);
	lab_watch(&l);
	lab_base(&l, 50);
	for (int i = 0; i < 12; i++) {
		lab_write(&l, "f", i % 2 ? "odd" : "even");
		lab_run(&l, i == 11 ? 5 : 10);
	}
	/* Two windows are over, the third is not; a poll is later by up to 10 ms. */
	LAB_EXPECT(&l, world == LAB_SIM ? "C f\nC f\n" : "C f\n");
	lab_run(&l, 200);
	LAB_EXPECT(&l, "C f\n");
	lab_close(&l);
}

static void
deletes_are_held(void)
{
	lab_open(&l, world);
	lab_write(&l, "f", "1");
	(void)lab_root(&l,
	    (struct watch_root){ .path = "", .debounce_ms = 50 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C f\n");
	lab_remove(&l, "f");
	lab_turn(&l);
	lab_run(&l, 80); /* looked at once, held */
	LAB_EXPECT(&l, "");
	lab_write(&l, "f", "22");
	lab_run(&l, 200);
	LAB_EXPECT(&l, "C f\n");
	lab_remove(&l, "f");
	lab_run(&l, 200);
	LAB_EXPECT(&l, "G f\n");
	lab_close(&l);
}

/* --- folders --------------------------------------------------------------------------- */

static void
new_folders_have_no_gap(void)
{
	lab_open(&l, world);
	lab_base(&l, 10);
	lab_mkdir(&l, "d");
	lab_write(&l, "d/a", "1");
	lab_mkdir(&l, "d/e");
	lab_turn(&l); /* and in the middle of it */
	lab_mkdir(&l, "d/e/f");
	lab_write(&l, "d/e/f/b", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/a\nC d/e/f/b\n");
	lab_write(&l, "d/e/f/c", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/e/f/c\n");
	lab_close(&l);
}

static void
folders_are_renamed(void)
{
	lab_open(&l, world);
	lab_mkdir(&l, "in");
	lab_mkdir(&l, "in/d");
	lab_mkdir(&l, "in/d/e");
	lab_write(&l, "in/d/e/f", "1");
	lab_mkdir(&l, "out");
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "in", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C in/d/e/f\n");
	lab_rename(&l, "in/d", "in/x"); /* within */
	lab_sync(&l);
	LAB_EXPECT(&l, "C in/x/e/f\nG in/d/e/f\n");
	lab_write(&l, "in/x/e/f", "22"); /* is heard under the new name */
	lab_sync(&l);
	LAB_EXPECT(&l, "C in/x/e/f\n");
	lab_rename(&l, "in/x", "out/x"); /* out of it */
	lab_sync(&l);
	LAB_EXPECT(&l, "G in/x/e/f\n");
	lab_write(&l, "out/x/e/g", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	lab_rename(&l, "out/x", "in/y"); /* and back, with one more */
	lab_sync(&l);
	LAB_EXPECT(&l, "C in/y/e/f\nC in/y/e/g\n");
	lab_rename(&l, "in/y/e", "in/y/z"); /* not the name that is watched */
	lab_write(&l, "in/y/z/h", "1");
	lab_sync(&l);
	LAB_EXPECT(&l,
	    "C in/y/z/f\nC in/y/z/g\nC in/y/z/h\nG in/y/e/f\n"
	    "G in/y/e/g\n");
	lab_close(&l);
}

/* One folder takes the place of another, and names what both have. */
static void
a_folder_takes_the_place_of_another(void)
{
	lab_open(&l, world);
	for (int i = 0; i < 2; i++) {
		const char *d = i ? "e" : "d";

		lab_mkdir(&l, d);
		lab_mkdir(&l, arena_fmt(&l.a, "%s/s", d));
		lab_write(&l, arena_fmt(&l.a, "%s/s/f", d), i ? "22" : "1");
	}
	lab_write(&l, "d/s/g", "1");
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/s/f\nC d/s/g\nC e/s/f\n");
	lab_rename(&l, "d", "t");
	lab_rename(&l, "e", "d");
	lab_rename(&l, "t", "e");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/s/f\nC e/s/f\nC e/s/g\nG d/s/g\n");
	lab_write(&l, "d/s/new", "1");
	lab_write(&l, "e/s/new", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/s/new\nC e/s/new\n");
	lab_close(&l);
}

static void
a_file_becomes_a_folder(void)
{
	lab_open(&l, world);
	lab_write(&l, "x", "1");
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C x\n");
	lab_remove(&l, "x");
	lab_mkdir(&l, "x");
	lab_write(&l, "x/f", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C x/f\nG x\n");
	lab_remove(&l, "x/f");
	lab_remove(&l, "x");
	lab_write(&l, "x", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C x\nG x/f\n");
	lab_close(&l);
}

static void
links_are_not_followed(void)
{
	lab_open(&l, world);
	lab_mkdir(&l, "in");
	lab_mkdir(&l, "in/d");
	lab_write(&l, "in/d/f", "1");
	lab_mkdir(&l, "out");
	lab_write(&l, "out/f", "1");
	lab_link(&l, "out", "in/to_folder");
	lab_link(&l, "out/f", "in/to_file");
	lab_link(&l, "in", "in/to_itself");
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "in", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C in/d/f\n");
	lab_write(&l, "out/f", "22");
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	/* The file can be reached by the same path, over a link. */
	lab_rename(&l, "in/d", "out/d");
	lab_link(&l, "out/d", "in/d");
	lab_sync(&l);
	LAB_EXPECT(&l, "G in/d/f\n");
	/* A root may be reached over one. */
	lab_link(&l, "out", "way");
	(void)lab_root(&l, (struct watch_root){ .path = "way" });
	lab_sync(&l);
	LAB_EXPECT(&l, "C 1 way/f\n");
	lab_close(&l);
}

static bool
no_dots(void *ctx, const char *path, bool is_folder)
{
	++*(unsigned *)ctx;
	return is_folder ? strstr(path, "/skip") == NULL :
	                   strstr(path, ".txt") != NULL;
}

static void
depth_and_filter(void)
{
	unsigned asked = 0;

	lab_open(&l, world);
	lab_mkdir(&l, "d");
	lab_mkdir(&l, "d/e");
	lab_mkdir(&l, "skip");
	lab_write(&l, "d/a.txt", "1");
	lab_write(&l, "d/a.bin", "1");
	lab_write(&l, "d/e/deep.txt", "1");
	lab_write(&l, "skip/b.txt", "1");
	(void)lab_root(&l,
	    (struct watch_root){ .path = "",
	        .depth_max = 1,
	        .debounce_ms = 10,
	        .wanted = no_dots,
	        .ctx = &asked });
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/a.txt\n");
	CHECK(asked >= 4);
	lab_write(&l, "d/e/more.txt", "1");
	lab_mkdir(&l, "d/late");
	lab_write(&l, "d/late/x.txt", "1");
	lab_write(&l, "skip/c.txt", "1");
	lab_write(&l, "d/c.bin", "1");
	lab_rename(&l, "d/a.bin", "d/b.txt");
	lab_sync(&l);
	LAB_EXPECT(&l, "C d/b.txt\n");
	lab_close(&l);
}

static void
names_are_bytes(void)
{
	static const char *const name[] = { "\xff\xfe", "a\nb", "-rf", " ",
		"\xc3\xa9", "%s" };
	char longest[256];

	memset(longest, 'n', 255);
	longest[255] = '\0';
	lab_open(&l, world);
	lab_base(&l, 10);
	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
		lab_write(&l, name[i], "1");
		lab_sync(&l);
		/* One at a time: a line of the log may have two. */
		CHECK_EQ(buf_str(&l.log),
		    str_of(arena_fmt(&l.a, "C %s\n", name[i])));
		buf_reset(&l.log);
		l.lines = 0;
	}
	lab_write(&l, longest, "1");
	lab_sync(&l);
	LAB_EXPECT(&l, arena_fmt(&l.a, "C %s\n", longest));
	lab_close(&l);
}

/* --- roots ---------------------------------------------------------------------------- */

static void
a_root_is_waited_for(void)
{
	lab_open(&l, world);
	lab_base(&l, 10);
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "/nowhere/at/all", .debounce_ms = 10 });
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "p/q/r", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	lab_mkdir(&l, "p");
	lab_sync(&l);
	lab_mkdir(&l, "p/q");
	lab_mkdir(&l, "p/q/r");
	lab_write(&l, "p/q/r/f", "1");
	lab_sync(&l);
	lab_until(&l, 2);
	LAB_EXPECT(&l, "C 2 p/q/r/f\nC p/q/r/f\n");
	/* It goes with a folder above it, of which it does not hear. */
	lab_rename(&l, "p", "o");
	lab_until(&l, 3);
	LAB_EXPECT(&l, "C o/q/r/f\nG 2 p/q/r/f\nG p/q/r/f\n");
	lab_write(&l, "o/q/r/g", "1");
	lab_until(&l, 1);
	LAB_EXPECT(&l, "C o/q/r/g\n");
	lab_rename(&l, "o", "p");
	lab_until(&l, 6);
	LAB_EXPECT(&l,
	    "C 2 p/q/r/f\nC 2 p/q/r/g\nC p/q/r/f\nC p/q/r/g\n"
	    "G o/q/r/f\nG o/q/r/g\n");
	lab_remove(&l, "p/q/r/f");
	lab_remove(&l, "p/q/r/g");
	lab_remove(&l, "p/q/r");
	lab_until(&l, 4);
	LAB_EXPECT(&l, "G 2 p/q/r/f\nG 2 p/q/r/g\nG p/q/r/f\nG p/q/r/g\n");
	lab_mkdir(&l, "p/q/r");
	lab_write(&l, "p/q/r/f", "1");
	lab_until(&l, 2);
	LAB_EXPECT(&l, "C 2 p/q/r/f\nC p/q/r/f\n");
	lab_close(&l);
}

static bool
readable(void)
{
	struct pollfd p = { .fd = watch_fd(l.w), .events = POLLIN };

	return world == LAB_SIM ? watch_sim_readable(&l.sim) :
	                          poll(&p, 1, 0) > 0;
}

static void
one_file_only(void)
{
	lab_open(&l, world);
	lab_write(&l, "store", "1");
	(void)lab_root(&l, (struct watch_root){ .path = "", .only = "bell" });
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	lab_touch(&l, "bell");
	lab_sync(&l);
	LAB_EXPECT(&l, "C bell\n");
	lab_touch(&l, "bell");
	lab_sync(&l);
	LAB_EXPECT(&l, "C bell\n");
	lab_write(&l, "store", "22");
	lab_touch(&l, "other");
	lab_mkdir(&l, "folder");
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	lab_remove(&l, "bell");
	lab_sync(&l);
	LAB_EXPECT(&l, "G bell\n");
	lab_write(&l, "new", "1");
	lab_rename(&l, "new", "bell");
	lab_sync(&l);
	LAB_EXPECT(&l, "C bell\n");
	lab_close(&l);
}

static void
an_idle_watch_wakes_nobody(void)
{
	int fd = -1;

	lab_open(&l, world);
	if (world == LAB_SYSTEM)
		fd = open(lab_path(&l, "store"), O_WRONLY | O_CREAT | O_CLOEXEC,
		    0600);
	lab_mkdir(&l, "agents");
	(void)lab_root(&l, (struct watch_root){ .path = "", .only = "bell" });
	(void)lab_root(&l,
	    (struct watch_root){ .path = "agents", .depth_max = 9 });
	(void)lab_root(&l,
	    (struct watch_root){ .path = "agents/later", .debounce_ms = 50 });
	lab_sync(&l);
	while (world != LAB_POLL && readable())
		lab_turn(&l);
	if (world == LAB_POLL) {
		CHECK_I(watch_fd(l.w), -1);
		CHECK(watch_due_ms(l.w) <= lab_now(&l) + 20);
	} else {
		CHECK(watch_due_ms(l.w) == UINT64_MAX);
		CHECK(!readable());
		/* Nor does what is written beside the one file. */
		if (world == LAB_SYSTEM) {
			CHECK(write(fd, "more", 4) == 4);
			CHECK(!readable());
			CHECK(close(fd) == 0);
		}
	}
	lab_close(&l);
}

static void
roots_overlap(void)
{
	lab_open(&l, world);
	lab_mkdir(&l, "d");
	lab_mkdir(&l, "d/e");
	lab_base(&l, 10);
	(void)lab_root(&l, (struct watch_root){ .path = "", .only = "bell" });
	(void)lab_root(&l,
	    (struct watch_root){
	        .path = "d", .depth_max = 9, .debounce_ms = 10 });
	lab_sync(&l);
	lab_write(&l, "d/e/f", "1");
	lab_write(&l, "bell", "1");
	lab_sync(&l);
	LAB_EXPECT(&l, "C 1 bell\nC 2 d/e/f\nC bell\nC d/e/f\n");
	lab_rename(&l, "d/e", "e");
	lab_sync(&l);
	LAB_EXPECT(&l, "C e/f\nG 2 d/e/f\nG d/e/f\n");
	lab_write(&l, "e/f", "22");
	lab_sync(&l);
	LAB_EXPECT(&l, "C e/f\n");
	lab_close(&l);
}

/* --- cookies --------------------------------------------------------------------------- */

static void
cookies_leave_no_trace(void)
{
	int pid;

	lab_init(&l, world);
	pid = l.opt.world.files->pid(l.opt.world.ctx);
	lab_write(&l, arena_fmt(&l.a, ".clowder-cookie-%d-77", pid), "");
	/* Above any pid there is; and one that lives. */
	lab_write(&l, ".clowder-cookie-999999999-5", "");
	lab_write(&l, ".clowder-cookie-1-5", "");
	l.sim.alive_pid = 1;
	lab_watch(&l);
	lab_base(&l, 10);
	CHECK(!lab_there(&l, ".clowder-cookie-999999999-5"));
	CHECK(!lab_there(&l, arena_fmt(&l.a, ".clowder-cookie-%d-77", pid)));
	CHECK(lab_there(&l, ".clowder-cookie-1-5"));
	lab_touch(&l, ".clowder-cookie-1-5");
	lab_sync(&l);
	lab_remove(&l, ".clowder-cookie-1-5");
	lab_sync(&l);
	LAB_EXPECT(&l, "");
	{
		struct err_info e = { 0 };
		uint64_t n;

		CHECK_ERR(watch_cookie(l.w, 7, &n, &e), ERR_USAGE);
		(void)lab_root(&l, (struct watch_root){ .path = "no" });
		CHECK_ERR(watch_cookie(l.w, 1, &n, &e), ERR_NOT_FOUND);
	}
	lab_close(&l);
}

/* Changes before it are told before it is seen, those behind may come later. */
static void
cookies_wait_for_what_was_before(void)
{
	struct err_info e = { 0 };
	uint64_t number = 0;

	lab_open(&l, world);
	lab_write(&l, "gone", "1");
	(void)lab_root(&l,
	    (struct watch_root){ .path = "", .debounce_ms = 50 });
	lab_sync(&l);
	LAB_EXPECT(&l, "C gone\n");
	lab_write(&l, "a", "1");
	lab_remove(&l, "gone");
	CHECK_OK(watch_cookie(l.w, 0, &number, &e), &e);
	lab_turn(&l);
	CHECK(l.seen != number);
	lab_until(&l, 1);
	CHECK(l.seen != number); /* what is gone is held still */
	lab_until(&l, 2);
	LAB_EXPECT(&l, "C a\nG gone\n");
	CHECK_U(l.seen, number);
	lab_close(&l);
}

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

/* --- main -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(void);
	unsigned worlds; /* bits */
} tests[] = {
#define ALL (1u << LAB_SYSTEM | 1u << LAB_POLL | 1u << LAB_SIM)
#define GIVEN (1u << LAB_POLL | 1u << LAB_SIM)
#define EVENTS (1u << LAB_SYSTEM | 1u << LAB_SIM)
#define SIM (1u << LAB_SIM)
#define T(fn, worlds) \
	{ \
#fn, fn, worlds \
	}
	T(what_is_there_is_told, ALL),
	T(changes_are_told, ALL),
	T(replaced_is_changed_once, ALL),
	T(windows_are_not_restarted, GIVEN),
	T(deletes_are_held, GIVEN),
	T(new_folders_have_no_gap, ALL),
	T(folders_are_renamed, ALL),
	T(a_folder_takes_the_place_of_another, ALL),
	T(a_file_becomes_a_folder, ALL),
	T(links_are_not_followed, ALL),
	T(depth_and_filter, ALL),
	T(names_are_bytes, ALL),
	T(a_root_is_waited_for, ALL),
	T(one_file_only, ALL),
	T(an_idle_watch_wakes_nobody, ALL),
	T(roots_overlap, ALL),
	T(cookies_leave_no_trace, ALL),
	T(cookies_wait_for_what_was_before, ALL),
	T(a_queue_runs_over, EVENTS),
	T(no_watches_are_left, SIM),
	T(no_source_is_to_be_had, SIM),
	T(descriptors_run_out, 1u << LAB_SYSTEM),
	T(unreadable_folders_are_noted, SIM),
	T(folders_in_a_circle_end, SIM),
	T(a_fresh_file_is_looked_at_again, SIM),
	T(a_fresh_file_is_polled_again, SIM),
	T(everything_is_looked_at_again, SIM),
	T(many_files_are_no_square, SIM),
};

int
main(void)
{
	static const char *const names[] = { "system", "poll", "sim" };

	for (unsigned i = 0; i < 3; i++)
		for (size_t j = 0; j < sizeof tests / sizeof tests[0]; j++) {
			char name[128];

			if (!(tests[j].worlds & 1u << i))
				continue;
			world = (enum lab_world)i;
			(void)snprintf(name, sizeof name, "%s: %s", names[i],
			    tests[j].name);
			t_run(name, tests[j].fn);
		}
	return t_done();
}
