/* How the board lies on a screen: a title, lanes side by side, a line that speaks,
 * the state of the connection. */
#include "lanes.h"
#include "text.h"
#include "utf8.h"
#include "view.h"
#include "wall.h"
#include "words.h"

enum {
	GAP = 2,
	WIDTH_MIN = 18,
	WIDTH_MAX = 40,
	HEAD_ROWS = 3, /* title, names of lanes, a rule */
	FOOT_ROWS = 2,
	TITLE_ROWS = 2,
	PRIORITY_MAX = 8
};

/* The part of the screen that is drawn into. */
struct pen {
	const struct wall *w;
	struct arena *a;
	struct wall_picture *to;
	unsigned columns, rows;
};

/* --- spans --------------------------------------------------------------------------- */

/* Without what joins signs to one (U+200D) or chooses their looks (U+FE0F): how
 * wide that is, each terminal decides for itself, and cells would run apart. */
static void
add_plain(struct buf *b, struct str s)
{
	static const struct str joins[] = { STR_INIT("\xe2\x80\x8d"),
		STR_INIT("\xef\xb8\x8f") };

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = str_n(s.p + i, s.n - i);

		if (str_starts(rest, joins[0]) || str_starts(rest, joins[1]))
			i += joins[0].n - 1;
		else
			buf_addc(b, s.p[i]);
	}
}

static void
put(struct pen *p, unsigned row, unsigned column, struct str s, unsigned width,
    enum paint paint, bool reverse)
{
	struct wall_picture *to = p->to;
	struct buf b = { 0 }, plain = { 0 };

	if (column >= p->columns || row >= p->rows || width == 0)
		return;
	if (width > p->columns - column)
		width = p->columns - column;
	if (!arena_grow(p->a, &to->span, &to->cap, to->n + 1,
	        sizeof *to->span)) {
		to->failed = true;
		return;
	}
	add_plain(&plain, s);
	text_fit(buf_str(&plain), width, true, &b);
	to->span[to->n] = (struct wall_span){ row, column,
		arena_str(p->a, buf_str(&b)), paint, reverse };
	to->failed |=
	    b.failed || plain.failed || to->span[to->n].text.p == NULL;
	to->n += !to->failed;
	buf_fini(&plain);
	buf_fini(&b);
}

static struct str
kept(struct pen *p, struct buf *b)
{
	struct str s = arena_str(p->a, buf_str(b));

	p->to->failed |= b->failed || s.p == NULL;
	buf_fini(b);
	return s.p != NULL ? s : STR("");
}

/* --- lanes ------------------------------------------------------------------------------ */

static bool
is_shown(const struct wall *w, unsigned lane)
{
	bool any = false;

	for (size_t i = 0; i < w->n && !any; i++)
		any = w->card[i].lane == lane;
	/* Those two are lanes only when something is in them. */
	return any ||
	    (strcmp(wall_lane[lane], "blocked") != 0 &&
	        strcmp(wall_lane[lane], "canceled") != 0);
}

/* Which lanes stand there: as many as have room, the cursor's among them. */
struct view_of {
	unsigned lane[WALL_LANES];
	unsigned n, first, fit, width;
};

static struct view_of
choose(const struct pen *p)
{
	struct view_of v = { 0 };
	unsigned at = 0;

	for (unsigned k = 0; k < WALL_LANES; k++) {
		if (!is_shown(p->w, k))
			continue;
		if (k == p->w->lane)
			at = v.n;
		v.lane[v.n++] = k;
	}
	v.fit = (p->columns + GAP) / (WIDTH_MIN + GAP);
	v.fit = v.fit < 1 ? 1 : v.fit > v.n ? v.n : v.fit;
	v.first = at >= v.fit ? at - v.fit + 1 : 0;
	v.width = (p->columns + GAP) / v.fit - GAP;
	v.width = v.width > WIDTH_MAX ? WIDTH_MAX : v.width;
	return v;
}

/* At the right edge; how many columns are left for the id. */
static unsigned
put_priority(struct pen *p, const struct wall_card *c, unsigned row,
    unsigned column, unsigned width, bool here)
{
	struct buf b = { 0 };
	struct str s;
	unsigned n;

	if (c->priority.n == 0)
		return width;
	words_value(c->priority, &b);
	s = kept(p, &b);
	n = (unsigned)text_width(s);
	n = n > PRIORITY_MAX ? PRIORITY_MAX : n;
	if (n + text_width(c->shown) + 1 > width)
		return width;
	put(p, row, column + width - n, s, n, view_priority_paint(c->priority),
	    here);
	return width - n;
}

/* What stands below a title: all that there is to say. */
struct foot {
	struct str text;
	enum paint paint;
};
enum { FEET_MAX = 3 };

static unsigned
feet_of(const struct wall_card *c, struct foot ret[FEET_MAX])
{
	unsigned n = 0;

	if (c->conflict)
		ret[n++] = (struct foot){ STR("in conflict"), PAINT_BAD };
	if (c->waits.n > 0)
		ret[n++] = (struct foot){ c->waits, PAINT_WARN };
	if (c->who.n > 0)
		ret[n++] = (struct foot){ c->who, PAINT_ACTIVE };
	return n;
}

/* Rows of a card with the empty one behind it. */
static unsigned
card_rows(const struct wall_card *c, unsigned width)
{
	struct str rest = c->title, line;
	struct foot foot[FEET_MAX];
	unsigned n = 1;

	while (n <= TITLE_ROWS && lanes_wrap(&rest, width, &line))
		n++;
	return n + feet_of(c, foot) + 1;
}

static unsigned
put_card_title(struct pen *p, const struct wall_card *c, unsigned row,
    unsigned column, unsigned width, bool here)
{
	unsigned end = p->rows - FOOT_ROWS, n = 0;
	struct str rest = c->title, line;

	while (n < TITLE_ROWS && row + n < end &&
	    lanes_wrap(&rest, width, &line)) {
		/* What does not fit ends in an ellipsis. */
		if (++n == TITLE_ROWS && str_trim(rest).n > 0)
			line =
			    str_n(line.p, (size_t)(rest.p + rest.n - line.p));
		put(p, row + n - 1, column, line, width, PAINT_NONE, here);
	}
	return row + n;
}

/* In a narrow column the work package is worth more than its feature. */
static struct str
id_of(struct pen *p, const struct wall_card *c, unsigned width)
{
	struct str feature, wp = c->shown;
	char *z;

	if (text_width(wp) <= width || !str_split(&wp, '/', &feature) ||
	    wp.n == 0)
		return c->shown;
	z = arena_fmt(p->a, "…/%.*s", STR_ARG(wp));
	p->to->failed |= z == NULL;
	return str_of(z);
}

static void
put_card(struct pen *p, const struct wall_card *c, unsigned row,
    unsigned column, unsigned width)
{
	bool here = c == wall_selected(p->w);
	unsigned end = p->rows - FOOT_ROWS;
	struct foot foot[FEET_MAX];
	unsigned n = feet_of(c, foot), left;

	left = put_priority(p, c, row, column, width, here);
	put(p, row, column, id_of(p, c, left), left, PAINT_ID, here);
	row = put_card_title(p, c, row + 1, column, width, here);
	for (unsigned i = 0; i < n && row < end; i++)
		put(p, row++, column, foot[i].text, width, foot[i].paint, here);
}

/* The cards of a lane that pass, in the arena. */
static const struct wall_card **
cards_of(struct pen *p, unsigned lane, size_t *n)
{
	const struct wall_card **ret =
	    arena_array(p->a, p->w->n + 1, sizeof *ret);

	*n = 0;
	p->to->failed |= ret == NULL;
	for (size_t i = 0; ret != NULL && i < p->w->n; i++)
		if (p->w->card[i].lane == lane &&
		    wall_passes(p->w, &p->w->card[i]))
			ret[(*n)++] = &p->w->card[i];
	return ret;
}

/* The first that is shown, so that `row` is, too; *last: behind the last one. */
static size_t
first_of(const struct pen *p, const struct wall_card **card, size_t n,
    size_t row, unsigned width, size_t *last)
{
	unsigned room = p->rows - FOOT_ROWS - HEAD_ROWS, used;
	size_t first = 0;

	for (;; first++) {
		used = 0;
		*last = first;
		/* The space behind the last card may be missing. */
		while (*last < n &&
		    used + card_rows(card[*last], width) <= room + 1)
			used += card_rows(card[(*last)++], width);
		if (*last > row || first >= row || *last == n)
			break;
	}
	*last = *last == first && n > 0 ? first + 1 : *last;
	return first;
}

static void
put_lane(struct pen *p, unsigned lane, unsigned column, unsigned width)
{
	unsigned row = HEAD_ROWS;
	size_t n, last, first;
	const struct wall_card **card = cards_of(p, lane, &n);
	struct buf b = { 0 };

	if (card == NULL)
		return;
	first = first_of(p, card, n, lane == p->w->lane ? p->w->row : 0, width,
	    &last);
	words_lane(str_of(wall_lane[lane]), &b);
	buf_addf(&b, " %zu", n);
	if (first > 0 || last < n)
		buf_addf(&b, " (%zu-%zu)", first + 1, last);
	put(p, 1, column, kept(p, &b), width,
	    n > 0 ? view_paint(str_of(wall_lane[lane])) : PAINT_DIM, false);
	for (size_t i = first; i < last; i++) {
		put_card(p, card[i], row, column, width);
		row += card_rows(card[i], width);
	}
}

static void
put_rule(struct pen *p)
{
	struct buf b = { 0 };

	for (unsigned i = 0; i < p->columns; i++)
		buf_adds(&b, "─");
	put(p, 2, 0, kept(p, &b), p->columns, PAINT_DIM, false);
}

/* What lies at the sides; how many columns are left. */
static unsigned
put_sides(struct pen *p, const struct view_of *v)
{
	unsigned more = v->n - v->first - v->fit, n;
	struct buf b = { 0 };
	struct str s;

	if (v->first > 0)
		buf_addf(&b, "‹ %u ", v->first);
	if (more > 0)
		buf_addf(&b, "%u ›", more);
	s = kept(p, &b);
	n = (unsigned)text_width(s);
	if (n == 0 || n >= p->columns)
		return p->columns;
	put(p, 0, p->columns - n, s, n, PAINT_WARN, false);
	return p->columns - n;
}

static void
put_title(struct pen *p, const struct view_of *v)
{
	const struct wall *w = p->w;
	struct buf b = { 0 };

	buf_addstr(&b, w->title);
	if (w->filter.len > 0 || (w->mode == WALL_ASK && w->ask == ASK_FILTER))
		buf_addf(&b, "  /%.*s", STR_ARG(buf_str(&w->filter)));
	put(p, 0, 0, kept(p, &b), put_sides(p, v), PAINT_TITLE, false);
}

static void
put_lanes(struct pen *p)
{
	struct view_of v = choose(p);

	put_rule(p);
	for (unsigned i = 0; i < v.fit && v.first + i < v.n; i++)
		put_lane(p, v.lane[v.first + i], i * (v.width + GAP), v.width);
	put_title(p, &v);
}

/* --- lines ------------------------------------------------------------------------------- */

/* Without its first character. */
static struct str
rest_of(struct str s)
{
	size_t n = utf8_len((const uint8_t *)s.p, s.n);

	n = n > 0 ? n : 1;
	return str_n(s.p + n, s.n - n);
}

static void
put_speech(struct pen *p)
{
	static const char *const what[] = { [ASK_FILTER] = "filter: ",
		[ASK_REASON] = "reason: ",
		[ASK_REVIEW] = "review: " };
	const struct wall *w = p->w;
	struct str typed = buf_str(&w->typed);
	struct buf b = { 0 };
	enum paint paint = PAINT_DIM;

	if (w->mode == WALL_ASK) {
		buf_adds(&b, what[w->ask]);
		/* The end of it is what is being typed. */
		while (text_width(typed) + b.len + 1 > p->columns &&
		    typed.n > 0)
			typed = rest_of(typed);
		buf_addstr(&b, typed);
		buf_adds(&b, "▏");
		paint = PAINT_NONE;
	} else if (w->said.len > 0) {
		buf_addstr(&b, buf_str(&w->said));
		paint = w->said_bad ? PAINT_BAD : PAINT_GOOD;
	} else {
		buf_adds(&b,
		    "hjkl move  > < lane  / filter  enter details  ? help  "
		    "q quit");
	}
	put(p, p->rows - 2, 0, kept(p, &b), p->columns, paint, false);
}

static void
put_wrapped(struct pen *p, unsigned *row, struct str text, enum paint paint)
{
	struct str line, part;

	while (str_split(&text, '\n', &part)) {
		if (str_trim(part).n == 0)
			++*row;
		while (*row < p->rows - FOOT_ROWS &&
		    lanes_wrap(&part, p->columns, &line))
			put(p, (*row)++, 0, line, p->columns, paint, false);
	}
}

static void
put_pair(struct pen *p, unsigned *row, const char *label, struct str value)
{
	struct buf b = { 0 };

	if (value.n == 0 || *row >= p->rows - FOOT_ROWS)
		return;
	buf_addf(&b, "%-10s", label);
	buf_addstr(&b, value);
	put(p, (*row)++, 0, kept(p, &b), p->columns, PAINT_NONE, false);
}

static void
put_details(struct pen *p)
{
	const struct wall_card *c = wall_selected(p->w);
	struct buf lane = { 0 }, priority = { 0 };
	unsigned row = 0;

	if (c == NULL)
		return;
	words_lane(str_of(wall_lane[c->lane]), &lane);
	if (c->priority.n > 0)
		words_value(c->priority, &priority);
	put(p, row++, 0, c->key, p->columns, PAINT_ID, false);
	put_wrapped(p, &row, c->title, PAINT_TITLE);
	row++;
	put_pair(p, &row, "lane", kept(p, &lane));
	put_pair(p, &row, "who", c->who);
	put_pair(p, &row, "priority", kept(p, &priority));
	put_pair(p, &row, "held up", c->waits);
	put_pair(p, &row, "conflict",
	    c->conflict ? STR("two changes stand side by side") : STR(""));
	row++;
	put_wrapped(p, &row, c->description, PAINT_NONE);
}

static void
put_help(struct pen *p)
{
	static const char text[] =
	    "The board follows what anybody writes.\n"
	    "\n"
	    "arrows, hjkl     go from card to card\n"
	    "page up, down    five cards at once; g and G: first and last\n"
	    "> or L           the card goes on to the next lane\n"
	    "< or H           it goes back; asks for what the rules want\n"
	    "b                it is blocked\n"
	    "/                filter by words of id, title or who; Esc: all\n"
	    "Enter            all about the card\n"
	    "q                quit\n";
	struct str rest = str_of(text), line;

	for (unsigned row = 0;
	     row < p->rows - FOOT_ROWS && str_split(&rest, '\n', &line); row++)
		put(p, row, 0, line, p->columns,
		    row == 0 ? PAINT_TITLE : PAINT_NONE, false);
}

void
wall_draw(const struct wall *w, unsigned columns, unsigned rows,
    struct arena *a, struct wall_picture *ret)
{
	struct pen p = { w, a, ret, columns, rows };

	*ret = (struct wall_picture){ 0 };
	if (columns < WALL_COLUMNS_MIN || rows < WALL_ROWS_MIN) {
		put(&p, 0, 0, STR("too small"), columns, PAINT_WARN, false);
		return;
	}
	if (w->mode == WALL_DETAILS) {
		put_details(&p);
	} else if (w->mode == WALL_HELP) {
		put_help(&p);
	} else {
		put_lanes(&p);
	}
	put_speech(&p);
	put(&p, rows - 1, 0, w->status, columns, w->status_paint, false);
}
