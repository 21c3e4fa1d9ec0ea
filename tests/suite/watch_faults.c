/* Every allocation and call of a watch failed once, in each world: the error has a
 * name or the mode is poll with a reason, nothing leaks (the sanitizer says), and
 * in the end everything was told. */
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "watch_lab.h"

static enum lab_world world; /* of the running test */
static struct lab l;

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

/* clang-format off */
static const struct lab_test tests[] = {
	LAB_TEST(each_fault_is_walked, LAB_ALL),
};
/* clang-format on */

int
main(void)
{
	return lab_main(tests, sizeof tests / sizeof tests[0], &world);
}
