/* Each lane becomes a list of lines, then the lines of all lanes are printed
 * side by side. */
#include "lanes.h"

#include "text.h"
#include "utf8.h"
#include "words.h"

enum {
	GAP = 2,
	WIDTH_MIN = 15,
	WIDTH_GOOD = 20,
	WIDTH_MAX = 36,
	TITLE_LINES = 2
};

/* One line of one lane: two pieces, the second behind the first. */
struct piece {
	struct str text;
	enum paint paint;
};
struct line {
	struct piece left, right; /* right: at the lane's right edge */
};
struct column {
	struct line *line; /* in the arena */
	size_t n;
};

/* Bytes of the longest beginning that has at most `columns` columns; at least
 * one character. */
static size_t
cut_word(struct str s, size_t columns)
{
	size_t at = 0;

	while (at < s.n) {
		size_t n = utf8_len((const uint8_t *)s.p + at, s.n - at);

		n = n > 0 ? n : 1;
		if (at > 0 && text_width(str_n(s.p, at + n)) > columns)
			break;
		at += n;
	}
	return at;
}

bool
lanes_wrap(struct str *rest, size_t columns, struct str *line)
{
	size_t fit = 0, at = 0;

	*rest = str_trim(*rest);
	if (rest->n == 0)
		return false;
	while (at < rest->n) {
		size_t end = at + 1;

		while (end < rest->n && rest->p[end] != ' ')
			end++;
		if (text_width(str_n(rest->p, end)) > columns)
			break;
		fit = at = end;
	}
	if (fit == 0)
		fit = cut_word(*rest, columns);
	*line = str_n(rest->p, fit);
	*rest = str_n(rest->p + fit, rest->n - fit);
	return true;
}

static void
add_line(struct column *c, struct piece left, struct piece right)
{
	c->line[c->n++] = (struct line){ left, right };
}

static void
card_lines(struct column *c, const struct lanes_card *card, size_t width)
{
	struct piece none = { .paint = PAINT_NONE };
	struct str rest = card->title, line;
	size_t left = width > text_width(card->id) + 1 ?
	    width - text_width(card->id) - 1 :
	    0;

	add_line(c,
	    (struct piece){ card->id, card->conflict ? PAINT_BAD : PAINT_ID },
	    left > 2 ? (struct piece){ card->who, PAINT_ACTIVE } : none);
	for (int i = 0; i < TITLE_LINES; i++) {
		/* The last line takes the rest, which is cut by an ellipsis. */
		if (i + 1 == TITLE_LINES)
			line = str_trim(rest), rest = (struct str){ 0 };
		else if (!lanes_wrap(&rest, width, &line))
			break;
		if (line.n > 0)
			add_line(c, (struct piece){ line, PAINT_NONE }, none);
	}
	if (card->note.n > 0)
		add_line(c, (struct piece){ card->note, card->note_paint },
		    none);
	add_line(c, none, none);
}

static enum err
lane_lines(const struct lanes_lane *lane, size_t width, struct arena *a,
    struct column *c, struct err_info *e)
{
	/* Heading, cards, what is left out. */
	size_t most = 1 + lane->n * (TITLE_LINES + 3) + 1;
	struct buf name = { 0 };
	char *title, *count, *more;
	enum err rc;

	*c = (struct column){ .line = arena_array(a, most, sizeof *c->line) };
	words_lane(lane->name, &name);
	rc = buf_ok(&name, e);
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] >= 'a' && name.data[i] <= 'z')
			name.data[i] = (char)(name.data[i] - 'a' + 'A');
	title = rc == ERR_OK ? arena_dup(a, buf_str(&name)) : NULL;
	buf_fini(&name);
	count = arena_fmt(a, "%zu", lane->n + lane->more);
	more = arena_fmt(a, "+%zu more", lane->more);
	if (c->line == NULL || title == NULL || count == NULL || more == NULL)
		return err_set(e, ERR_NOMEM);
	add_line(c, (struct piece){ str_of(title), lane->paint },
	    (struct piece){ str_of(count), PAINT_DIM });
	for (size_t i = 0; i < lane->n; i++)
		card_lines(c, &lane->card[i], width);
	/* What stands below the lanes begins with a blank line of its own. */
	if (lane->n > 0 && lane->more == 0)
		c->n--;
	if (lane->more > 0)
		add_line(c, (struct piece){ str_of(more), PAINT_DIM },
		    (struct piece){ .paint = PAINT_NONE });
	return ERR_OK;
}

static void
blanks(struct out *o, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out_say(o, " ");
}

static void
put_line(struct out *o, const struct line *l, size_t width, bool last)
{
	size_t left = text_width(l->left.text), right, room;

	left = left < width ? left : width;
	room = width - left;
	right = text_width(l->right.text);
	/* One blank between the two. */
	right = right + 1 <= room ? right : room > 1 ? room - 1 : 0;
	if (left > 0)
		out_fit(o, l->left.paint, l->left.text, left);
	if (right > 0) {
		blanks(o, room - right);
		out_fit(o, l->right.paint, l->right.text, right);
	} else if (!last) {
		blanks(o, room);
	}
}

/* Some lanes beside each other; blank cards' ends are not printed at the end. */
static void
print_row(struct out *o, const struct column *c, size_t n, size_t width)
{
	static const struct line none;
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines = c[i].n > lines ? c[i].n : lines;
	for (size_t k = 0; k < lines; k++) {
		size_t last = 0;

		for (size_t i = 0; i < n; i++)
			if (k < c[i].n && c[i].line[k].left.text.n > 0)
				last = i;
		for (size_t i = 0; i <= last; i++) {
			put_line(o, k < c[i].n ? &c[i].line[k] : &none, width,
			    i == last);
			if (i < last)
				blanks(o, GAP);
		}
		out_say(o, "\n");
	}
}

enum err
lanes_print(struct out *o, const struct lanes_lane *lane, size_t n,
    unsigned columns, struct arena *a, struct err_info *e)
{
	struct column *c = arena_array(a, n, sizeof *c);
	size_t in_row = (columns + GAP) / (WIDTH_MIN + GAP), good, rows, width;
	enum err rc = ERR_OK;

	if (c == NULL)
		return err_set(e, ERR_NOMEM);
	if (n == 0)
		return ERR_OK;
	in_row = in_row > 0 ? in_row : 1;
	/* As evenly as it goes: six lanes are three and three, not five and
	 * one.  But where they have good room a wider terminal shows more. */
	rows = (n + in_row - 1) / in_row;
	in_row = (n + rows - 1) / rows;
	good = (columns + GAP) / (WIDTH_GOOD + GAP);
	good = good < n ? good : n;
	in_row = in_row > good ? in_row : good;
	width = (columns - GAP * (in_row - 1)) / in_row;
	width = width < WIDTH_MAX ? width : WIDTH_MAX;
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = lane_lines(&lane[i], width, a, &c[i], e);
	for (size_t i = 0; rc == ERR_OK && i < n; i += in_row) {
		if (i > 0)
			out_say(o, "\n");
		print_row(o, c + i, n - i < in_row ? n - i : in_row, width);
	}
	return rc;
}
