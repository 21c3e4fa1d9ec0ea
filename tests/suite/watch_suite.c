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

static void
a_root_goes_with_a_folder_above_it(void)
{
	lab_open(&l, world);
	lab_mkdir(&l, "s");
	lab_mkdir(&l, "s/t");
	lab_mkdir(&l, "s/t/u");
	lab_write(&l, "s/t/u/f", "1");
	(void)lab_root(&l,
	    (struct watch_root){ .path = "s/t/u", .debounce_ms = 10 });
	lab_until(&l, 1);
	LAB_EXPECT(&l, "C s/t/u/f\n");
	lab_rename(&l, "s", "v");
	lab_until(&l, 1);
	LAB_EXPECT(&l, "G s/t/u/f\n");
	lab_write(&l, "v/t/u/f", "22");
	lab_rename(&l, "v", "s");
	lab_until(&l, 1);
	LAB_EXPECT(&l, "C s/t/u/f\n");
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

/* --- main -------------------------------------------------------------------------------- */

/* clang-format off */
static const struct lab_test tests[] = {
	LAB_TEST(what_is_there_is_told, LAB_ALL),
	LAB_TEST(changes_are_told, LAB_ALL),
	LAB_TEST(replaced_is_changed_once, LAB_ALL),
	LAB_TEST(windows_are_not_restarted, LAB_GIVEN),
	LAB_TEST(deletes_are_held, LAB_GIVEN),
	LAB_TEST(new_folders_have_no_gap, LAB_ALL),
	LAB_TEST(folders_are_renamed, LAB_ALL),
	LAB_TEST(a_folder_takes_the_place_of_another, LAB_ALL),
	LAB_TEST(a_file_becomes_a_folder, LAB_ALL),
	LAB_TEST(links_are_not_followed, LAB_ALL),
	LAB_TEST(depth_and_filter, LAB_ALL),
	LAB_TEST(names_are_bytes, LAB_ALL),
	LAB_TEST(a_root_is_waited_for, LAB_ALL),
	LAB_TEST(a_root_goes_with_a_folder_above_it, LAB_ALL),
	LAB_TEST(one_file_only, LAB_ALL),
	LAB_TEST(an_idle_watch_wakes_nobody, LAB_ALL),
	LAB_TEST(roots_overlap, LAB_ALL),
	LAB_TEST(cookies_leave_no_trace, LAB_ALL),
	LAB_TEST(cookies_wait_for_what_was_before, LAB_ALL),
};
/* clang-format on */

int
main(void)
{
	return lab_main(tests, sizeof tests / sizeof tests[0], &world);
}
