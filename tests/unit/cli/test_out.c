/* What is printed: safe, aligned, and only as colourful as the terminal. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "out.h"
#include "path.h"
#include "t.h"

static struct arena mem;
static struct err_info e;
static struct out o;
static int fd, err_fd;

static void
begin(void)
{
	const char *path = os_join(&mem, t_tmp(), "out");
	const char *err_path = os_join(&mem, t_tmp(), "err");

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err_fd = open(err_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && err_fd >= 0);
	out_init(&o, fd, err_fd, true);
}

static void
was(int of, const char *want)
{
	struct buf got = { 0 };

	CHECK_I(lseek(of, 0, SEEK_SET), 0);
	CHECK_OK(os_read_fd(of, "out", 1 << 20, &got, &e), &e);
	CHECK_STR(buf_str(&got), want);
	buf_fini(&got);
}

static void
printed(const char *want)
{
	CHECK_OK(out_end(&o, &e), &e);
	was(fd, want);
	out_fini(&o);
	(void)close(fd);
	(void)close(err_fd);
}

static void
nothing_raw_gets_out(void)
{
	struct str evil = STR("a\033[2Jb\r\nc\007\xff\u202e");

	begin();
	out_str(&o, PAINT_BAD, evil);
	out_say(&o, "|");
	out_lines(&o, PAINT_NONE, evil);
	out_say(&o, "|%.*s", STR_ARG(evil));
	printed("a\\x1b[2Jb c\\x07\\xff\\u202e|"
	        "a\\x1b[2Jb\nc\\x07\\xff\\u202e|"
	        "a\\x1b[2Jb\nc\\x07\\xff\\u202e");
	begin();
	out_err(&o, "clowder", evil);
	CHECK_OK(out_end(&o, &e), &e);
	/* A line stays one: nobody writes a second one in our name. */
	was(err_fd, "clowder: a\\x1b[2Jb c\\x07\\xff\\u202e\n");
	printed("");
	begin();
	out_note(&o, PAINT_WARN, "left: %s", "x\nclowder: all is well\r\n");
	was(err_fd, "left: x clowder: all is well \n");
	printed("");
}

static void
colours_go_to_terminals_only(void)
{
	begin();
	CHECK(!o.colour && !o.tty && o.columns == 0);
	out_paint(&o, PAINT_GOOD, "ok");
	o.colour = true; /* as on a terminal */
	out_paint(&o, PAINT_GOOD, "ok");
	out_paint(&o, PAINT_NONE, "ok");
	out_str(&o, PAINT_BAD, STR(""));
	printed("ok\033[32mok\033[0mok");
}

static const struct out_column columns[] = {
	{ "ID", 0 },
	{ "N", COL_RIGHT },
	{ "TITLE", COL_SHRINK },
	{ 0 },
};

static void
rows(struct out_table *t)
{
	out_table_begin(t, &o, columns);
	out_cell(t, PAINT_ID, STR("WP01"));
	out_cellf(t, PAINT_NONE, "%d", 5);
	out_cell(t, PAINT_NONE, STR("A title that goes on\nand on and on"));
	out_cell(t, PAINT_ID, STR("WP02-abc"));
	out_cellf(t, PAINT_NONE, "%d", 1234);
	out_cell(t, PAINT_NONE, STR("\u732b\u732b")); /* two columns each */
	out_table_end(t);
}

static void
tables_are_aligned(void)
{
	struct out_table t;

	begin();
	rows(&t);
	printed("ID           N  TITLE\n"
	        "WP01         5  A title that goes on and on and on\n"
	        "WP02-abc  1234  \u732b\u732b\n");
	/* A narrow terminal. */
	begin();
	o.columns = 30;
	rows(&t);
	printed("ID           N  TITLE\n"
	        "WP01         5  A title that \u2026\n"
	        "WP02-abc  1234  \u732b\u732b\n");
	/* So narrow that nothing can give way any more. */
	begin();
	o.columns = 10;
	rows(&t);
	printed("ID           N  TI\u2026\n"
	        "WP01         5  A \u2026\n"
	        "WP02-abc  1234  \u732b\u2026\n");
	begin();
	out_table_begin(&t, &o, columns);
	out_table_end(&t);
	printed("");
}

static void
pairs_and_paragraphs(void)
{
	begin();
	out_pair(&o, 11, "Server URL", PAINT_NONE, "%s", "https://h\nx");
	out_pair(&o, 11, "", PAINT_NONE, "more");
	printed("  Server URL   https://h x\n               more\n");
	begin();
	o.columns = 20;
	out_wrap(&o,
	    STR("one two three four five\n\n  as it is, however long\n"
	        "averyveryverylongword x"),
	    2);
	printed("  one two three four\n  five\n\n"
	        "    as it is, however long\n  averyveryverylongword\n  x\n");
}

static void
json_is_raw(void)
{
	struct json_writer *w;

	begin();
	w = out_json(&o);
	json_obj(w);
	json_key(w, "a"), json_put_str(w, STR("\033"));
	json_end(w);
	out_json_end(&o);
	w = out_json_line(&o);
	json_arr(w);
	json_put_u(w, 1);
	json_end(w);
	out_json_end(&o);
	printed("{\n  \"a\": \"\\u001b\"\n}\n[1]\n");
}

/* On a terminal JSON says the same, with everything escaped that would reach the
 * terminal itself. */
static void
json_on_a_terminal(void)
{
	struct json_writer *w;

	begin();
	out_say(&o, "before ");
	o.tty = true;
	w = out_json_line(&o);
	json_obj(w);
	json_key(w, "a"),
	    json_put_str(w,
	        STR("\xc2\x9b"
	            "31m\u202e\x7f\u00e4"));
	json_key(w, "b"), json_put_raw(w, STR("{\r\n\"c\":\t\"\x7f\"}"));
	json_end(w);
	out_json_end(&o);
	printed("before {\"a\":\"\\u009b31m\\u202e\\u007f\u00e4\","
	        "\"b\":{ \n\"c\":\t\"\\u007f\"}}\n");
}

/* What fails half-way leaves nothing of its document, also where something was
 * written meanwhile. */
static void
json_goes_out_whole(void)
{
	struct json_writer *w;

	begin();
	out_say(&o, "before\n");
	w = out_json(&o);
	json_obj(w);
	json_key(w, "list");
	json_arr(w);
	out_note(&o, PAINT_WARN, "a note");
	was(fd, "before\n");
	json_put_u(w, 1);
	out_flush(&o);
	out_json_drop(&o);
	out_json_drop(&o);
	w = out_json_line(&o);
	json_obj(w);
	json_end(w);
	out_json_end(&o);
	printed("before\n{}\n");
	begin();
	w = out_json(&o);
	json_arr(w);
	out_flush(&o);
	json_end(w);
	out_json_end(&o);
	printed("[]\n");
}

static void
lost_output_is_an_error(void)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), pipes[2];
	struct err_info lost = { 0 };

	CHECK(full >= 0);
	out_init(&o, full, STDERR_FILENO, true);
	out_say(&o, "x");
	CHECK_ERR(out_end(&o, &lost), ERR_NO_SPACE);
	CHECK(strstr(lost.text, "output") != NULL);
	out_fini(&o);
	(void)close(full);
	/* A reader that went away has what it wanted. */
	CHECK_U(pipe(pipes), 0);
	(void)close(pipes[0]);
	out_init(&o, pipes[1], STDERR_FILENO, true);
	out_say(&o, "x");
	CHECK_OK(out_end(&o, &lost), &lost);
	out_say(&o, "y");
	CHECK_OK(out_end(&o, &lost), &lost);
	out_fini(&o);
	(void)close(pipes[1]);
}

/* Who and why give way before what; what nobody has takes no room. */
static void
tables_keep_what_matters(void)
{
	static const struct out_column column[] = { { "ID", 0 },
		{ "WHO", COL_SHRINK | COL_MAY },
		{ "WHY", COL_SHRINK | COL_MAY }, { "TITLE", COL_MAIN }, { 0 } };
	struct out_table t;

	for (int who = 1; who >= 0; who--) {
		begin();
		o.columns = 40;
		out_table_begin(&t, &o, column);
		out_cell(&t, PAINT_NONE, STR("WP01"));
		out_cell(&t, PAINT_NONE,
		    who ? STR("somebody-with-a-long-name") : STR(""));
		out_cell(&t, PAINT_NONE, STR(""));
		out_cell(&t, PAINT_NONE, STR("Passwords are stored hashed"));
		out_table_end(&t);
		printed(who ? "ID    WHO               TITLE\n"
		              "WP01  somebody-with-a\u2026  Passwords are "
		              "s\u2026\n" :
		              "ID    TITLE\n"
		              "WP01  Passwords are stored hashed\n");
	}
}

/* What is said on stderr breaks between words, or where it was told to. */
static void
notes_break_at_words(void)
{
	static const char said[] =
	    "something went wrong that takes more than one line to say";

	CHECK_U(setenv("COLUMNS", "40", 1), 0);
	begin();
	out_err(&o, "clowder", str_of(said));
	out_note_parts(&o,
	    "usage:", STR("clowder wp\n[--priority P]\n[--tag T]"), '\n');
	was(err_fd,
	    "clowder: something went wrong that takes more than one line to "
	    "say\nusage: clowder wp [--priority P] [--tag T]\n");
	printed("");
	begin();
	o.err_tty = true;
	out_err(&o, "clowder", str_of(said));
	out_note_parts(&o,
	    "usage:", STR("clowder wp\n[--priority P]\n[--tag T]"), '\n');
	was(err_fd,
	    "clowder: something went wrong that takes\n"
	    "    more than one line to say\n"
	    "usage: clowder wp [--priority P]\n"
	    "    [--tag T]\n");
	printed("");
	(void)unsetenv("COLUMNS");
}

static void
a_bar(const char *wide, bool utf8, const char *want)
{
	CHECK_U(setenv("COLUMNS", wide, 1), 0);
	begin();
	o.err_tty = true;
	o.utf8 = utf8;
	out_bar_begin(&o, "Pushing", "events");
	out_bar(&o, 0, 10);
	o.bar.began_ms -= 850; /* 5 a second for 150 ms to come */
	out_bar(&o, 5, 10);
	was(err_fd, want);
	/* Gone, whatever became of the width meanwhile. */
	out_bar_end(&o);
	printed("");
	(void)unsetenv("COLUMNS");
}

static void
a_bar_fits(void)
{
	a_bar("80", true,
	    "\r\033[KPushing \u2501\u2501\u2501\u2501\u2501\u2501\u2501\u2501"
	    "\u2501\u2501\u2501\u2501\u2500\u2500\u2500\u2500\u2500\u2500"
	    "\u2500\u2500\u2500\u2500\u2500\u2500 5/10 events  5/s  2 s left");
	a_bar("50", false,
	    "\r\033[KPushing [######......] 5/10 events  5/s  2 s left");
	a_bar("40", false, "\r\033[KPushing 5/10 events  5/s  2 s left");
	a_bar("20", false, "\r\033[KPushing 5/10 events");
	a_bar("4", false, "\r\033[K");
}

/* A terminal that became narrower broke the line: all of it goes. */
static void
a_bar_that_was_broken(void)
{
	CHECK_U(setenv("COLUMNS", "80", 1), 0);
	begin();
	o.err_tty = true;
	o.utf8 = false;
	out_bar_begin(&o, "Pushing", "events");
	out_bar(&o, 0, 10);
	o.bar.began_ms -= 850; /* 5 a second for 150 ms to come */
	out_bar(&o, 5, 10);
	CHECK_U(setenv("COLUMNS", "30", 1), 0);
	out_bar_end(&o);
	was(err_fd,
	    "\r\033[KPushing [############............] 5/10 events  "
	    "5/s  2 s left\r\033[2A\033[J");
	printed("");
	(void)unsetenv("COLUMNS");
}

static void
no_bar_off_a_terminal(void)
{
	begin();
	out_bar_begin(&o, "Pushing", "events");
	o.bar.began_ms = 0;
	out_bar(&o, 5, 10);
	out_bar_end(&o);
	was(err_fd, "");
	/* As on a terminal. */
	o.err_tty = true;
	o.utf8 = false;
	out_bar_begin(&o, "Pushing", "events");
	out_bar(&o, 0, 10000); /* it has only begun: nothing is drawn */
	was(err_fd, "");
	o.bar.began_ms -= 1000000; /* so long that the test adds nothing */
	out_bar(&o, 5500, 10000);
	out_bar_end(&o);
	was(err_fd,
	    "\r\033[KPushing [#############...........] 5500/10000 events  "
	    "5/s  901 s left\r\033[K");
	printed("");
}

static void
the_environment_decides(void)
{
	CHECK_U(setenv("NO_COLOR", "1", 1), 0);
	begin();
	CHECK(!o.colour && !o.err_colour);
	printed("");
	(void)unsetenv("NO_COLOR");
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	T_RUN(nothing_raw_gets_out);
	T_RUN(colours_go_to_terminals_only);
	T_RUN(tables_are_aligned);
	T_RUN(tables_keep_what_matters);
	T_RUN(pairs_and_paragraphs);
	T_RUN(notes_break_at_words);
	T_RUN(a_bar_fits);
	T_RUN(a_bar_that_was_broken);
	T_RUN(json_is_raw);
	T_RUN(json_on_a_terminal);
	T_RUN(json_goes_out_whole);
	T_RUN(lost_output_is_an_error);
	T_RUN(no_bar_off_a_terminal);
	T_RUN(the_environment_decides);
	arena_fini(&mem);
	return t_done();
}
