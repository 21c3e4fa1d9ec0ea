/* Lanes on a wall: what is cut where, and that nothing overflows its width. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "lanes.h"
#include "path.h"
#include "t.h"
#include "text.h"

static struct arena mem;
static struct err_info e;

static void
wraps(void)
{
	static const struct {
		const char *text;
		size_t columns;
		const char *want; /* lines ended by | */
	} row[] = {
		{ "a b c", 3, "a b|c|" },
		{ "a b c", 5, "a b c|" },
		{ "  a  ", 3, "a|" },
		{ "abcdef gh", 4, "abcd|ef|gh|" },
		{ "\u732b\u732b\u732b", 4, "\u732b\u732b|\u732b|" },
		{ "\u732b", 1, "\u732b|" }, /* at least one character */
		{ "a\u0301bc", 1, "a\u0301|b|c|" },
		{ "", 5, "" },
		{ "   ", 5, "" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct str rest = str_of(row[i].text), line;
		struct buf got = { 0 };

		t_note("'%s' in %zu", row[i].text, row[i].columns);
		while (lanes_wrap(&rest, row[i].columns, &line))
			buf_addf(&got, "%.*s|", STR_ARG(line));
		CHECK_STR(buf_str(&got), row[i].want);
		buf_fini(&got);
	}
	t_note("%s", "");
}

/* Print and give back what was printed. */
static struct str
wall(const struct lanes_lane *lane, size_t n, unsigned columns)
{
	const char *path = os_join(&mem, t_tmp(), "wall");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct buf got = { 0 };
	struct str s;
	struct out o;

	out_init(&o, fd, fd, false);
	CHECK_OK(lanes_print(&o, lane, n, columns, &mem, &e), &e);
	CHECK_OK(out_end(&o, &e), &e);
	out_fini(&o);
	CHECK_I(lseek(fd, 0, SEEK_SET), 0);
	CHECK_OK(os_read_fd(fd, "wall", 1 << 20, &got, &e), &e);
	(void)close(fd);
	s = arena_str(&mem, buf_str(&got));
	buf_fini(&got);
	return s;
}

static void
a_wall(void)
{
	struct lanes_card planned[] = {
		{ .id = STR("WP02"), .title = STR("Payment") },
		{ .id = STR("WP03"),
		    .title = STR("A title that takes more than two lines"),
		    .note = STR("waits for WP01") },
	};
	struct lanes_card doing[] = {
		{ .id = STR("WP01"), .title = STR("Cart"), .who = STR("ann") },
	};
	const struct lanes_lane lane[] = {
		{ .name = STR("planned"), .card = planned, .n = 2, .more = 3 },
		{ .name = STR("in_progress"), .card = doing, .n = 1 },
	};

	CHECK_STR(wall(lane, 2, 34),
	    "PLANNED        5  IN PROGRESS    1\n"
	    "WP02              WP01         ann\n"
	    "Payment           Cart\n"
	    "\n"
	    "WP03\n"
	    "A title that\n"
	    "takes more than\u2026\n"
	    "waits for WP01\n"
	    "\n"
	    "+3 more\n");
	/* One below the other where there is no room. */
	CHECK(str_starts(wall(lane, 2, 20),
	    STR("PLANNED            5\nWP02\n")));
	CHECK_U(wall(lane, 0, 80).n, 0);
}

/* A wider terminal shows more lanes in a row; rows stand apart. */
static void
rows_of_lanes(void)
{
	struct lanes_lane lane[8];

	for (size_t i = 0; i < 8; i++)
		lane[i] = (struct lanes_lane){ .name = STR("done") };
	CHECK_STR(wall(lane, 8, 80),
	    "DONE             0  DONE             0  DONE             0  "
	    "DONE             0\n"
	    "\n"
	    "DONE             0  DONE             0  DONE             0  "
	    "DONE             0\n");
	CHECK_STR(wall(lane, 8, 120),
	    "DONE                 0  DONE                 0  "
	    "DONE                 0  DONE                 0  "
	    "DONE                 0\n"
	    "\n"
	    "DONE                 0  DONE                 0  "
	    "DONE                 0\n");
}

/* Whatever stands in a card, a line is never wider than the wall. */
static void
nothing_overflows(void)
{
	static const char *const piece[] = { "a", "word ", "\u732b", "\n",
		"\033", "\xff", "a\u0301", "\u202e", " ",
		"longer-than-a-column-is-wide" };
	struct t_rng rng = { t_seed() };

	for (int round = 0; round < 300 && !t_failing(); round++) {
		struct lanes_card card[3] = { 0 };
		struct lanes_lane lane[3];
		unsigned columns = 15 + (unsigned)t_below(&rng, 80);
		struct str text, line;

		for (size_t i = 0; i < 3; i++) {
			struct str *const part[] = { &card[i].id,
				&card[i].title, &card[i].who, &card[i].note };

			for (size_t k = 0; k < 4; k++) {
				struct buf b = { 0 };

				for (uint64_t n = t_below(&rng, 8); n > 0; n--)
					buf_adds(&b, piece[t_below(&rng, 10)]);
				*part[k] = arena_str(&mem, buf_str(&b));
				buf_fini(&b);
			}
			lane[i] = (struct lanes_lane){
				.name = STR("blocked"), .card = &card[i], .n = 1
			};
		}
		text = wall(lane, 3, columns);
		while (str_split(&text, '\n', &line)) {
			t_note("round %d: %u columns", round, columns);
			CHECK(text_width(line) <= columns);
		}
		arena_reset(&mem);
	}
	t_note("%s", "");
}

int
main(void)
{
	T_RUN(wraps);
	T_RUN(a_wall);
	T_RUN(rows_of_lanes);
	T_RUN(nothing_overflows);
	arena_fini(&mem);
	return t_done();
}
