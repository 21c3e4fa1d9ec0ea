/* The live board without a terminal: where the cursor goes, what keys ask for, how
 * it lies on screens of any size. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t.h"
#include "text.h"
#include "wall.h"

enum { SIZE_MAX_TRIED = 200 };

static struct arena mem;

/* clang-format off */
static const struct wall_card cards[] = {
	{ .key = STR_INIT("001-f/WP01"), .shown = STR_INIT("WP01"), .lane = 0,
	  .title = STR_INIT("Cart page"), .waits = STR_INIT("waits for WP03") },
	{ .key = STR_INIT("001-f/WP02"), .shown = STR_INIT("WP02"), .lane = 0,
	  .title = STR_INIT("Payment by card and invoice and all that belongs to it"),
	  .priority = STR_INIT("\"high\""), .who = STR_INIT("ann") },
	{ .key = STR_INIT("001-f/WP03"), .shown = STR_INIT("WP03"), .lane = 2,
	  .title = STR_INIT("日本語のタイトルと 👩‍💻"), .who = STR_INIT("claude/3f9a0c62") },
	{ .key = STR_INIT("001-f/WP04"), .shown = STR_INIT("WP04"), .lane = 4,
	  .title = STR_INIT("Tax\033[31mes"), .who = STR_INIT("bob"),
	  .description = STR_INIT("first\n\nsecond\007") },
	{ .key = STR_INIT("001-f/WP05"), .shown = STR_INIT("WP05"), .lane = 6,
	  .title = STR_INIT("Done") },
};
/* clang-format on */
enum { CARDS = sizeof cards / sizeof *cards };

static struct wall wall;

static void
begin(void)
{
	wall_init(&wall);
	wall.title = STR("shop");
	wall.status = STR("queued  3 waiting");
	wall_cards(&wall, cards, CARDS);
}

/* Several keys; the last answer. */
static enum wall_act
type(const char *keys)
{
	enum wall_act act = WALL_NOTHING;

	for (; *keys != '\0'; keys++)
		act = wall_key(&wall, (unsigned char)*keys);
	return act;
}

static const char *
at(void)
{
	const struct wall_card *c = wall_selected(&wall);

	return c != NULL ? c->shown.p : "nothing";
}

#define AT(z) CHECK_STR(str_of(at()), z)

static void
goes_from_card_to_card(void)
{
	static const struct {
		const char *keys, *at;
	} row[] = { { "", "WP01" }, { "j", "WP02" }, { "j", "WP02" },
		{ "k", "WP01" }, { "k", "WP01" }, { "h", "WP01" },
		/* Lanes in which nothing is are passed over. */
		{ "l", "WP03" }, { "l", "WP04" }, { "l", "WP05" },
		{ "l", "WP05" }, { "h", "WP04" }, { "hh", "WP01" },
		{ "G", "WP02" }, { "g", "WP01" } };

	begin();
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%zu", i);
		(void)type(row[i].keys);
		AT(row[i].at);
	}
	t_note("%s", "");
	(void)wall_key(&wall, KEY_WALL_DOWN);
	AT("WP02");
	(void)wall_key(&wall, KEY_WALL_RIGHT);
	AT("WP03");
	CHECK(type("q") == WALL_QUIT);
	wall_fini(&wall);
}

static void
stays_on_its_card(void)
{
	struct wall_card other[CARDS];

	begin();
	(void)type("j");
	AT("WP02");
	/* Somebody moves it, and adds one before it. */
	memcpy(other, cards, sizeof other);
	other[1] = cards[2];
	other[2] = cards[1];
	other[2].lane = 2;
	wall_cards(&wall, other, CARDS);
	AT("WP02");
	CHECK_U(wall.lane, 2);
	CHECK_U(wall.row, 1);
	/* It goes: what is in its place. */
	other[2] = cards[3];
	wall_cards(&wall, other, 3);
	AT("WP03");
	wall_cards(&wall, other, 0);
	AT("nothing");
	CHECK(type("jkhl>") == WALL_NOTHING);
	wall_cards(&wall, cards + 4, 1);
	AT("WP05");
	wall_fini(&wall);
}

static void
moves_by_the_rules(void)
{
	static const struct {
		unsigned lane;
		char key;
		const char *answers; /* what is typed when it is asked */
		enum wall_act act;
		const char *to, *reason, *review;
	} row[] = {
		{ 0, '>', "", WALL_MOVE, "claimed", "", "" },
		{ 0, '<', "", WALL_NOTHING, NULL, "", "" },
		{ 1, 'L', "", WALL_MOVE, "in_progress", "", "" },
		{ 1, '<', "", WALL_NOTHING, NULL, "", "" },
		{ 2, '>', "", WALL_MOVE, "for_review", "", "" },
		{ 2, '<', "too early\n", WALL_MOVE, "planned", "too early",
		    "" },
		{ 2, 'b', "", WALL_MOVE, "blocked", "", "" },
		{ 3, '>', "", WALL_MOVE, "in_progress", "", "" },
		{ 3, '<', "", WALL_NOTHING, NULL, "", "" },
		{ 4, '>', "", WALL_MOVE, "approved", "", "" },
		{ 4, 'H', "PR-7\n", WALL_MOVE, "in_progress", "", "PR-7" },
		{ 5, '>', "", WALL_MOVE, "done", "", "" },
		{ 6, '>', "", WALL_NOTHING, NULL, "", "" },
		{ 6, 'b', "", WALL_NOTHING, NULL, "", "" },
		{ 7, '>', "", WALL_NOTHING, NULL, "", "" },
		/* An empty answer is none; Esc takes the move back. */
		{ 2, '<', "\n \n", WALL_NOTHING, "planned", "", "" },
		{ 2, '<', "x\033\n", WALL_NOTHING, "planned", "", "" },
		{ 2, '<', "ab\b\n", WALL_MOVE, "planned", "a", "" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct wall_card c = cards[0];
		enum wall_act act;
		const char *z;

		t_note("%s %c", wall_lane[row[i].lane], row[i].key);
		c.lane = row[i].lane;
		wall_init(&wall);
		wall_cards(&wall, &c, 1);
		act = wall_key(&wall, (unsigned char)row[i].key);
		for (z = row[i].answers; *z != '\0'; z++)
			act = wall_key(&wall,
			    *z == '\b' ? (uint32_t)KEY_WALL_BACKSPACE :
			                 (unsigned char)*z);
		CHECK(act == row[i].act);
		if (row[i].to == NULL)
			CHECK(wall.said_bad && wall.said.len > 0);
		else
			CHECK_STR(str_of(wall_lane[wall.move_to]), row[i].to);
		if (act == WALL_MOVE) {
			CHECK_STR(buf_str(&wall.reason), row[i].reason);
			CHECK_STR(buf_str(&wall.review), row[i].review);
			CHECK(wall.mode == WALL_BOARD);
		}
		wall_fini(&wall);
	}
	t_note("%s", "");
}

static void
filters_as_it_is_typed(void)
{
	begin();
	(void)type("/PAY");
	AT("WP02");
	(void)type(" ann");
	AT("WP02");
	(void)type("x");
	AT("nothing");
	(void)wall_key(&wall, KEY_WALL_BACKSPACE);
	AT("WP02");
	(void)type("\nl");
	AT("WP02");
	/* Letters of any kind, one key each; what is not seen is not typed. */
	(void)type("/");
	for (int i = 0; i < 20; i++)
		(void)wall_key(&wall, KEY_WALL_BACKSPACE);
	(void)wall_key(&wall, 0x65e5);
	AT("WP03");
	(void)wall_key(&wall, 0x202e);
	(void)wall_key(&wall, 7);
	AT("WP03");
	(void)wall_key(&wall, KEY_WALL_BACKSPACE);
	CHECK_U(wall.typed.len, 0);
	(void)type("zzz\n");
	AT("nothing");
	(void)wall_key(&wall, KEY_WALL_ESCAPE);
	CHECK(wall_selected(&wall) != NULL);
	wall_fini(&wall);
}

/* --- the picture ------------------------------------------------------------------------ */

/* The row as text, spans over spaces, without those at its end. */
static struct str
row_text(const struct wall_picture *p, unsigned row)
{
	struct buf b = { 0 };
	size_t column = 0;
	struct str s;

	for (size_t i = 0; i < p->n; i++) {
		if (p->span[i].row != row || p->span[i].column < column)
			continue;
		while (column < p->span[i].column)
			buf_addc(&b, ' '), column++;
		buf_addstr(&b, p->span[i].text);
		column += text_width(p->span[i].text);
	}
	s = arena_str(&mem, str_trim(buf_str(&b)));
	buf_fini(&b);
	return s;
}

static bool
shows(const struct wall_picture *p, unsigned rows, const char *z)
{
	bool found = false;

	for (unsigned r = 0; r < rows && !found; r++)
		found = strstr(arena_dup(&mem, row_text(p, r)), z) != NULL;
	return found;
}

/* Nothing beyond the edges, nothing that a terminal obeys, as wide as it says. */
static void
is_sound(const struct wall_picture *p, unsigned columns, unsigned rows)
{
	CHECK(!p->failed);
	for (size_t i = 0; i < p->n; i++) {
		const struct wall_span *s = &p->span[i];

		CHECK(s->row < rows);
		CHECK(s->column + text_width(s->text) <= columns);
		for (size_t k = 0; k < s->text.n; k++)
			CHECK((unsigned char)s->text.p[k] >= 0x20);
	}
}

static void
lies_on_a_wide_screen(void)
{
	struct wall_picture p;
	struct arena a = { 0 };
	unsigned reversed = 0;

	begin();
	wall_draw(&wall, 130, 24, &a, &p);
	is_sound(&p, 130, 24);
	CHECK_STR(row_text(&p, 0), "shop");
	CHECK(str_starts(row_text(&p, 1), STR("planned 2 ")));
	CHECK(shows(&p, 24, "done 1"));
	CHECK(shows(&p, 24, "claimed 0"));
	/* Only where something is in them. */
	CHECK(!shows(&p, 24, "blocked"));
	CHECK(!shows(&p, 24, "canceled"));
	CHECK(shows(&p, 24, "waits for WP03"));
	CHECK(shows(&p, 24, "high"));
	CHECK(shows(&p, 24, "ann"));
	CHECK(shows(&p, 24, "invoice and all tha…"));
	CHECK(shows(&p, 24, "日本語のタイトル"));
	CHECK(shows(&p, 24, "Tax\\x1b[31mes"));
	CHECK_STR(row_text(&p, 23), "queued  3 waiting");
	for (size_t i = 0; i < p.n; i++)
		reversed += p.span[i].reverse;
	CHECK_U(reversed, 3); /* id, title, what holds it up */
	arena_fini(&a);
	wall_fini(&wall);
}

static void
lies_on_a_narrow_screen(void)
{
	struct wall_picture p;
	struct arena a = { 0 };

	begin();
	wall_draw(&wall, 40, 24, &a, &p);
	CHECK(shows(&p, 24, "planned 2"));
	CHECK(!shows(&p, 24, "done 1"));
	CHECK(shows(&p, 24, "4 ›"));
	/* The cursor's lane comes into sight. */
	(void)type("lll");
	AT("WP05");
	wall_draw(&wall, 40, 24, &a, &p);
	CHECK(shows(&p, 24, "done 1"));
	CHECK(!shows(&p, 24, "planned"));
	CHECK(shows(&p, 24, "‹ 4"));
	arena_fini(&a);
	wall_fini(&wall);
}

static void
long_lanes_scroll(void)
{
	struct wall_card many[50];
	struct wall_picture p;
	struct arena a = { 0 };

	for (unsigned i = 0; i < 50; i++) {
		many[i] = cards[0];
		many[i].key = many[i].shown =
		    str_of(arena_fmt(&mem, "WP%02u", i));
	}
	wall_init(&wall);
	wall_cards(&wall, many, 50);
	wall_draw(&wall, 100, 20, &a, &p);
	CHECK(shows(&p, 20, "planned 50 (1-4)"));
	(void)type("G");
	AT("WP49");
	wall_draw(&wall, 100, 20, &a, &p);
	is_sound(&p, 100, 20);
	CHECK(shows(&p, 20, "WP49"));
	CHECK(shows(&p, 20, "planned 50 (47-50)"));
	arena_fini(&a);
	wall_fini(&wall);
}

/* Of a card that waits, is worked on and is in conflict, all is said. */
static void
says_all_of_a_card(void)
{
	static const char *const below[] = { "WP01", "Cart page", "in conflict",
		"waits for WP03", "ann" };
	struct wall_card two[2] = { cards[0], cards[1] };
	struct wall_picture p;
	struct arena a = { 0 };

	two[0].conflict = true;
	two[0].who = STR("ann");
	two[1].priority = STR("");
	wall_init(&wall);
	wall_cards(&wall, two, 2);
	wall_draw(&wall, 80, 20, &a, &p);
	is_sound(&p, 80, 20);
	for (unsigned i = 0; i < 5; i++)
		CHECK(str_starts(row_text(&p, 3 + i), str_of(below[i])));
	CHECK(str_starts(row_text(&p, 9), STR("WP02")));
	/* Of several features, where there is not room for both. */
	two[1].shown = STR("002-a-long-name-of-a-feature/WP02-abc");
	wall_cards(&wall, two, 2);
	wall_draw(&wall, 80, 20, &a, &p);
	CHECK_STR(row_text(&p, 9), "…/WP02-abc");
	(void)type("\n");
	wall_draw(&wall, 80, 20, &a, &p);
	CHECK(shows(&p, 20, "waits for WP03"));
	CHECK(shows(&p, 20, "side by side"));
	arena_fini(&a);
	wall_fini(&wall);
}

static void
speaks_in_its_line(void)
{
	struct wall_picture p;
	struct arena a = { 0 };

	begin();
	(void)type("?");
	wall_draw(&wall, 80, 20, &a, &p);
	CHECK(shows(&p, 20, "the card goes on"));
	(void)type(" lll\n");
	wall_draw(&wall, 80, 20, &a, &p);
	CHECK(shows(&p, 20, "001-f/WP05"));
	(void)type(" h\n");
	wall_draw(&wall, 80, 20, &a, &p);
	is_sound(&p, 80, 20);
	CHECK(shows(&p, 20, "second\\x07"));
	(void)type(" <");
	for (int i = 0; i < 100; i++)
		(void)wall_key(&wall, 0x65e5);
	(void)type("end");
	wall_draw(&wall, 80, 20, &a, &p);
	is_sound(&p, 80, 20);
	CHECK(shows(&p, 20, "review: "));
	CHECK(shows(&p, 20, "日end▏"));
	(void)type("\033");
	wall_say(&wall, true, "no\033 way");
	wall_draw(&wall, 80, 20, &a, &p);
	is_sound(&p, 80, 20);
	CHECK(shows(&p, 20, "no\\x1b way"));
	arena_fini(&a);
	wall_fini(&wall);
}

static void
any_size_any_mode(void)
{
	static const char *const mode[] = { "", "j", "lll", "?", "\n", "/日x",
		"l<because" };
	struct wall_picture p;
	struct arena a = { 0 };
	struct t_rng rng = { t_seed() };

	for (size_t m = 0; m < sizeof mode / sizeof *mode; m++) {
		begin();
		(void)type(mode[m]);
		for (int i = 0; i < 300 && !t_failing(); i++) {
			unsigned columns =
			    (unsigned)t_below(&rng, SIZE_MAX_TRIED);
			unsigned rows = (unsigned)t_below(&rng, 60);

			t_note("mode %zu, %u x %u", m, columns, rows);
			arena_reset(&a);
			wall_draw(&wall, columns, rows, &a, &p);
			is_sound(&p, columns, rows);
		}
		wall_fini(&wall);
	}
	t_note("%s", "");
	arena_fini(&a);
}

int
main(void)
{
	T_RUN(goes_from_card_to_card);
	T_RUN(stays_on_its_card);
	T_RUN(moves_by_the_rules);
	T_RUN(filters_as_it_is_typed);
	T_RUN(lies_on_a_wide_screen);
	T_RUN(lies_on_a_narrow_screen);
	T_RUN(long_lanes_scroll);
	T_RUN(says_all_of_a_card);
	T_RUN(speaks_in_its_line);
	T_RUN(any_size_any_mode);
	arena_fini(&mem);
	return t_done();
}
