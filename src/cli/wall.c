/* What keys do to the board. */
#include "wall.h"

#include "catalogue.h"
#include "text.h"
#include "utf8.h"
#include "words.h"

enum { PAGE = 5, TYPED_MAX = 500 };

const char *const wall_lane[WALL_LANES] = { "planned", "claimed", "in_progress",
	"blocked", "for_review", "approved", "done", "canceled" };

/* The way that work goes; blocked stands beside it. */
static const unsigned way[] = { 0, 1, 2, 4, 5, 6 };
enum { WAY = sizeof way / sizeof *way, BLOCKED = 3, AT_WORK = 2 };

void
wall_init(struct wall *w)
{
	*w = (struct wall){ .mode = WALL_BOARD };
}

void
wall_fini(struct wall *w)
{
	buf_fini(&w->selected);
	buf_fini(&w->typed);
	buf_fini(&w->filter);
	buf_fini(&w->said);
	buf_fini(&w->reason);
	buf_fini(&w->review);
}

static void
set(struct buf *b, struct str s)
{
	buf_reset(b);
	buf_addstr(b, s);
}

void
wall_say(struct wall *w, bool bad, const char *text)
{
	set(&w->said, str_of(text));
	w->said_bad = bad;
}

/* --- which card ----------------------------------------------------------------------- */

static bool
holds(struct str s, struct str word)
{
	for (size_t i = 0; i + word.n <= s.n; i++)
		if (str_eq_nocase(str_n(s.p + i, word.n), word))
			return true;
	return false;
}

bool
wall_passes(const struct wall *w, const struct wall_card *c)
{
	struct str rest = buf_str(&w->filter), word;

	while (str_split(&rest, ' ', &word))
		if (word.n > 0 && !holds(c->key, word) &&
		    !holds(c->title, word) && !holds(c->who, word))
			return false;
	return true;
}

static const struct wall_card *
card_at(const struct wall *w, unsigned lane, size_t row)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->card[i].lane == lane && wall_passes(w, &w->card[i]) &&
		    row-- == 0)
			return &w->card[i];
	return NULL;
}

static size_t
lane_size(const struct wall *w, unsigned lane)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->card[i].lane == lane && wall_passes(w, &w->card[i]);
	return n;
}

const struct wall_card *
wall_selected(const struct wall *w)
{
	return card_at(w, w->lane, w->row);
}

static void
select_here(struct wall *w)
{
	size_t n = lane_size(w, w->lane);
	const struct wall_card *c;

	if (w->row >= n)
		w->row = n > 0 ? n - 1 : 0;
	c = wall_selected(w);
	set(&w->selected, c != NULL ? c->key : STR(""));
}

/* After the cards or the filter changed: follow the card; where it is gone, what
 * is in its place. */
static void
follow_card(struct wall *w)
{
	size_t row[WALL_LANES] = { 0 };

	for (size_t i = 0; i < w->n; i++) {
		const struct wall_card *c = &w->card[i];

		if (!wall_passes(w, c))
			continue;
		if (w->selected.len > 0 &&
		    str_eq(c->key, buf_str(&w->selected))) {
			w->lane = c->lane;
			w->row = row[c->lane];
			return;
		}
		row[c->lane]++;
	}
	for (unsigned k = 0; row[w->lane] == 0 && k < WALL_LANES; k++)
		if (row[k] > 0)
			w->lane = k;
	select_here(w);
}

void
wall_cards(struct wall *w, const struct wall_card *card, size_t n)
{
	w->card = card;
	w->n = n;
	follow_card(w);
	if (w->mode == WALL_DETAILS && wall_selected(w) == NULL)
		w->mode = WALL_BOARD;
}

static void
go_side(struct wall *w, int step)
{
	unsigned lane = w->lane;

	/* Lanes in which nothing is are passed over. */
	for (;;) {
		if ((step < 0 && lane == 0) ||
		    (step > 0 && lane + 1 == WALL_LANES))
			return;
		lane = step < 0 ? lane - 1 : lane + 1;
		if (lane_size(w, lane) > 0)
			break;
	}
	w->lane = lane;
	select_here(w);
}

static void
go_rows(struct wall *w, size_t n, bool up)
{
	w->row = !up ? w->row + n : w->row > n ? w->row - n : 0;
	select_here(w);
}

/* --- moves ------------------------------------------------------------------------------ */

static bool
allowed(unsigned from, unsigned to, const char *reason, const char *review)
{
	struct err_info ignored = { 0 };

	return lane_move_check(str_of(wall_lane[from]), str_of(wall_lane[to]),
	           STR("me"), str_of(reason), str_of(review), false,
	           &ignored) == ERR_OK;
}

/* The next lane that the rules allow; WALL_LANES = none. */
static unsigned
next_lane(unsigned from, int step)
{
	int at = 0;

	if (from == BLOCKED)
		return step > 0 ? AT_WORK : WALL_LANES;
	while (at < WAY && way[at] != from)
		at++;
	for (at += step; at >= 0 && at < WAY; at += step)
		if (allowed(from, way[at], "x", "x"))
			return way[at];
	return WALL_LANES;
}

static void
ask(struct wall *w, enum wall_ask what)
{
	w->mode = WALL_ASK;
	w->ask = what;
	buf_reset(&w->typed);
	if (what == ASK_FILTER)
		set(&w->typed, buf_str(&w->filter));
}

static enum wall_act
ask_or_move(struct wall *w)
{
	w->mode = WALL_BOARD;
	if (w->needs_reason)
		ask(w, ASK_REASON);
	else if (w->needs_review)
		ask(w, ASK_REVIEW);
	else
		return WALL_MOVE;
	return WALL_NOTHING;
}

static enum wall_act
move(struct wall *w, unsigned to)
{
	const struct wall_card *c = wall_selected(w);
	struct buf b = { 0 };

	if (c == NULL)
		return WALL_NOTHING;
	if (to == WALL_LANES || !allowed(c->lane, to, "x", "x")) {
		buf_adds(&b, "no such move from ");
		words_lane(str_of(wall_lane[c->lane]), &b);
		wall_say(w, true, b.failed ? "no such move" : b.data);
		buf_fini(&b);
		return WALL_NOTHING;
	}
	w->move_to = to;
	buf_reset(&w->reason);
	buf_reset(&w->review);
	w->needs_reason = !allowed(c->lane, to, "", "x");
	w->needs_review = !allowed(c->lane, to, "x", "");
	return ask_or_move(w);
}

/* --- typing --------------------------------------------------------------------------------- */

static void
type_char(struct buf *b, uint32_t cp)
{
	char text[4];

	if (cp < 0x20 || cp == 127 || cp > 0x10ffff || text_unseen(cp) ||
	    b->len >= TYPED_MAX)
		return;
	buf_add(b, text, utf8_put(cp, text));
}

static void
type_back(struct buf *b)
{
	while (b->len > 0 && utf8_is_tail((uint8_t)b->data[b->len - 1]))
		b->len--;
	if (b->len > 0)
		b->len--;
	if (b->data != NULL)
		b->data[b->len] = '\0';
}

static enum wall_act
answered(struct wall *w)
{
	struct str s = str_trim(buf_str(&w->typed));

	if (w->ask == ASK_FILTER) {
		w->mode = WALL_BOARD;
		return WALL_NOTHING;
	}
	if (s.n == 0)
		return WALL_NOTHING;
	set(w->ask == ASK_REASON ? &w->reason : &w->review, s);
	if (w->ask == ASK_REASON)
		w->needs_reason = false;
	else
		w->needs_review = false;
	return ask_or_move(w);
}

static enum wall_act
key_ask(struct wall *w, uint32_t key)
{
	enum wall_act act = WALL_NOTHING;

	if (key == KEY_WALL_ESCAPE) {
		w->mode = WALL_BOARD;
		buf_reset(&w->typed);
	} else if (key == KEY_WALL_ENTER) {
		act = answered(w);
	} else if (key == KEY_WALL_BACKSPACE) {
		type_back(&w->typed);
	} else {
		type_char(&w->typed, key);
	}
	if (w->ask == ASK_FILTER) {
		set(&w->filter, str_trim(buf_str(&w->typed)));
		follow_card(w);
	}
	return act;
}

/* --- the board ------------------------------------------------------------------------------ */

enum deed {
	DO_LEFT,
	DO_RIGHT,
	DO_UP,
	DO_DOWN,
	DO_PAGE_UP,
	DO_PAGE_DOWN,
	DO_FIRST,
	DO_LAST,
	DO_BACK,
	DO_ON,
	DO_BLOCK,
	DO_FILTER,
	DO_CLEAR,
	DO_DETAILS,
	DO_HELP,
	DO_QUIT
};

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	uint32_t key;
	enum deed deed;
} keys[] = {
	{ 'h', DO_LEFT },  { KEY_WALL_LEFT, DO_LEFT },
	{ 'l', DO_RIGHT }, { KEY_WALL_RIGHT, DO_RIGHT },
	{ 'k', DO_UP },    { KEY_WALL_UP, DO_UP },
	{ 'j', DO_DOWN },  { KEY_WALL_DOWN, DO_DOWN },
	{ KEY_WALL_PAGE_UP, DO_PAGE_UP }, { KEY_WALL_PAGE_DOWN, DO_PAGE_DOWN },
	{ 'g', DO_FIRST }, { KEY_WALL_HOME, DO_FIRST },
	{ 'G', DO_LAST },  { KEY_WALL_END, DO_LAST },
	{ '<', DO_BACK },  { 'H', DO_BACK },
	{ '>', DO_ON },    { 'L', DO_ON },
	{ 'b', DO_BLOCK },
	{ '/', DO_FILTER }, { KEY_WALL_ESCAPE, DO_CLEAR },
	{ KEY_WALL_ENTER, DO_DETAILS }, { '?', DO_HELP }, { 'q', DO_QUIT },
};
/* clang-format on */

static enum wall_act
do_deed(struct wall *w, enum deed d)
{
	switch (d) {
	case DO_LEFT:
		go_side(w, -1);
		break;
	case DO_RIGHT:
		go_side(w, 1);
		break;
	case DO_UP:
	case DO_DOWN:
		go_rows(w, 1, d == DO_UP);
		break;
	case DO_PAGE_UP:
	case DO_PAGE_DOWN:
		go_rows(w, PAGE, d == DO_PAGE_UP);
		break;
	case DO_FIRST:
	case DO_LAST:
		go_rows(w, SIZE_MAX / 2, d == DO_FIRST);
		break;
	case DO_BACK:
	case DO_ON:
		return move(w, next_lane(w->lane, d == DO_ON ? 1 : -1));
	case DO_BLOCK:
		return move(w, BLOCKED);
	case DO_FILTER:
		ask(w, ASK_FILTER);
		break;
	case DO_CLEAR:
		buf_reset(&w->filter);
		follow_card(w);
		break;
	case DO_DETAILS:
		if (wall_selected(w) != NULL)
			w->mode = WALL_DETAILS;
		break;
	case DO_HELP:
		w->mode = WALL_HELP;
		break;
	case DO_QUIT:
		return WALL_QUIT;
	}
	return WALL_NOTHING;
}

enum wall_act
wall_key(struct wall *w, uint32_t key)
{
	wall_say(w, false, "");
	if (w->mode == WALL_ASK)
		return key_ask(w, key);
	if (w->mode == WALL_DETAILS || w->mode == WALL_HELP) {
		w->mode = WALL_BOARD;
		return WALL_NOTHING;
	}
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].key == key)
			return do_deed(w, keys[i].deed);
	return WALL_NOTHING;
}
