/* The one way to stdout and stderr. */
#include "out.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "proc.h"
#include "text.h"
#include "tty.h"

enum {
	FLUSH_BYTES = 64 * 1024,
	COLUMNS_MIN = 40,
	WRAP_MAX = 80,
	JSON_INDENT = 2,
	BAR_WAIT_MS = 300, /* what ends sooner shows none */
	BAR_EVERY_MS = 100,
	BAR_COLUMNS = 24,
	BAR_COLUMNS_MIN = 6,
	NOTE_INDENT = 4,
	GAP = 2,        /* between columns */
	CELL_MIN = 8,   /* columns that a shrunken column keeps */
	CELL_LEAST = 3, /* where that is too much */
	MAIN_PARTS =
	    2, /* of these parts of the line COL_MAIN keeps that many */
	LINE_PARTS = 5
};

/* Sixteen-colour codes: they follow the theme of the terminal. */
static const char *const paint_code[PAINT_COUNT] = {
	[PAINT_NONE] = "",
	[PAINT_TITLE] = "\033[1m",
	[PAINT_ID] = "\033[36m",
	[PAINT_GOOD] = "\033[32m",
	[PAINT_ACTIVE] = "\033[34m",
	[PAINT_REVIEW] = "\033[35m",
	[PAINT_WARN] = "\033[33m",
	[PAINT_BAD] = "\033[31m",
	[PAINT_DIM] = "\033[2m",
};
static const char paint_off[] = "\033[0m";

static bool
colours_wanted(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	/* no-color.org: any value that is not empty. */
	return (no == NULL || no[0] == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

/* What the locale says, as far as it goes. */
static bool
speaks_utf8(void)
{
	static const char *const name[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *set = NULL;

	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		if (set == NULL || set[0] == '\0')
			set = getenv(name[i]);
	return set != NULL &&
	    (strstr(set, "UTF-8") || strstr(set, "utf8") ||
	        strstr(set, "UTF8") || strstr(set, "utf-8"));
}

static unsigned
columns_of(int fd)
{
	unsigned n = os_tty_columns(fd, WRAP_MAX);

	return n < COLUMNS_MIN ? COLUMNS_MIN : n;
}

void
out_init(struct out *o, int fd, int err_fd, bool colour)
{
	*o = (struct out){ .fd = fd,
		.err_fd = err_fd,
		.tty = os_is_tty(fd),
		.err_tty = os_is_tty(err_fd) };
	colour = colour && colours_wanted();
	o->colour = colour && o->tty;
	o->err_colour = colour && o->err_tty;
	o->utf8 = speaks_utf8();
	if (o->tty)
		o->columns = columns_of(fd);
}

void
out_fini(struct out *o)
{
	buf_fini(&o->text);
	buf_fini(&o->scratch);
}

/* A reader that went away (`| head`) has what it wanted: no more is written.  Nor to
 * one that does not read, when we shall end. */
static void
write_all(struct out *o, struct str left)
{
	while (left.n > 0 && !o->broken) {
		ssize_t n = fault_tick() ? (errno = EIO, -1) :
		                           write(o->fd, left.p, left.n);

		if (n < 0 && errno != EINTR) {
			o->broken = true;
			if (errno != EPIPE)
				(void)err_sys(&o->error, errno, "write");
			return;
		}
		if (n > 0)
			left = str_n(left.p + n, left.n - (size_t)n);
		/* A signal ends a write that waits, with or without a part of it
		 * written. */
		if (left.n > 0 && os_signal_caught() != 0) {
			o->broken = true;
			(void)err_set(&o->error, ERR_INTERRUPTED);
		}
	}
}

void
out_flush(struct out *o)
{
	if (o->text.failed && !o->broken) {
		o->broken = true;
		(void)err_set(&o->error, ERR_NOMEM);
	}
	if (!o->in_doc) {
		write_all(o, buf_str(&o->text));
		buf_reset(&o->text);
	} else if (!o->text.failed && o->doc > 0) {
		write_all(o, str_n(o->text.data, o->doc));
		o->text.len -= o->doc;
		memmove(o->text.data, o->text.data + o->doc, o->text.len + 1);
		o->doc = 0;
	}
}

enum err
out_end(struct out *o, struct err_info *e)
{
	assert(!o->in_doc);
	out_flush(o);
	if (o->error.code == ERR_OK)
		return ERR_OK;
	*e = o->error;
	return err_wrap(e, "output");
}

static void
maybe_flush(struct out *o)
{
	if (o->text.len >= FLUSH_BYTES)
		out_flush(o);
}

/* The choke point: text on its way to a person. */
static void
put(struct buf *to, bool colour, enum paint p, struct str s, bool lines)
{
	if (s.n == 0)
		return;
	if (colour)
		buf_adds(to, paint_code[p]);
	text_show(s, lines, to);
	if (colour && p != PAINT_NONE)
		buf_adds(to, paint_off);
}

__attribute__((format(printf, 2, 0))) static struct str
format(struct out *o, const char *fmt, va_list ap)
{
	buf_reset(&o->scratch);
	buf_vaddf(&o->scratch, fmt, ap);
	if (o->scratch.failed)
		o->text.failed = true;
	return buf_str(&o->scratch);
}

void
out_say(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(&o->text, false, PAINT_NONE, format(o, fmt, ap), true);
	va_end(ap);
	maybe_flush(o);
}

void
out_paint(struct out *o, enum paint p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(&o->text, o->colour, p, format(o, fmt, ap), true);
	va_end(ap);
	maybe_flush(o);
}

void
out_str(struct out *o, enum paint p, struct str s)
{
	put(&o->text, o->colour, p, s, false);
	maybe_flush(o);
}

void
out_lines(struct out *o, enum paint p, struct str s)
{
	put(&o->text, o->colour, p, s, true);
	maybe_flush(o);
}

static void
fit(struct out *o, enum paint p, struct str s, size_t columns, bool pad)
{
	if (o->colour)
		buf_adds(&o->text, paint_code[p]);
	text_fit(s, columns, pad, &o->text);
	if (o->colour && p != PAINT_NONE)
		buf_adds(&o->text, paint_off);
	maybe_flush(o);
}

void
out_fit(struct out *o, enum paint p, struct str s, size_t columns)
{
	fit(o, p, s, columns, true);
}

void
out_shorten(struct out *o, enum paint p, struct str s, size_t columns)
{
	fit(o, p, s, columns, false);
}

static void
indent_by(struct buf *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_addc(to, ' ');
}

/* Where lines end, and where those after the first begin. */
struct margins {
	size_t limit, indent;
};

static size_t
flow(struct buf *to, struct str s, char gap, size_t column,
    const struct margins *m)
{
	size_t at = column;
	bool first = true;
	struct str word;

	while (str_split(&s, gap, &word)) {
		size_t n = text_width(word);

		if (word.n == 0)
			continue;
		if (!first && at + 1 + n > m->limit) {
			buf_addc(to, '\n');
			indent_by(to, m->indent);
			at = m->indent;
		} else if (!first) {
			buf_addc(to, ' ');
			at++;
		}
		put(to, false, PAINT_NONE, word, false);
		at += n;
		first = false;
	}
	return at;
}

void
out_flow(struct out *o, struct str s, char gap, unsigned column,
    unsigned indent)
{
	(void)flow(&o->text, s, gap, column,
	    &(struct margins){
	        .limit = o->columns > 0 && o->columns < WRAP_MAX ? o->columns :
	                                                           WRAP_MAX,
	        .indent = indent });
	buf_addc(&o->text, '\n');
	maybe_flush(o);
}

size_t
out_words(struct out *o, enum paint p, struct str s, size_t column,
    size_t indent)
{
	const struct margins m = { o->columns, indent };
	size_t end = column + text_width(s);

	if (o->columns == 0 || end <= o->columns) {
		out_str(o, p, s);
		return end;
	}
	buf_adds(&o->text, o->colour ? paint_code[p] : "");
	end = flow(&o->text, s, ' ', column, &m);
	buf_adds(&o->text, o->colour && p != PAINT_NONE ? paint_off : "");
	maybe_flush(o);
	return end;
}

/* One paragraph; lines that begin with a space stay as they are. */
static void
wrap_line(struct out *o, struct str line, unsigned indent)
{
	if (line.n > 0)
		indent_by(&o->text, indent);
	if (str_starts(line, STR(" "))) {
		put(&o->text, false, PAINT_NONE, line, false);
		buf_addc(&o->text, '\n');
		return;
	}
	out_flow(o, line, ' ', indent, indent);
}

void
out_wrap(struct out *o, struct str s, unsigned indent)
{
	struct str line;

	while (str_split(&s, '\n', &line))
		wrap_line(o, line, indent);
	maybe_flush(o);
}

/* Both streams may be one terminal: what was printed comes first. */
static void
err_line(struct out *o, enum paint p, const char *before, struct str text,
    char gap)
{
	struct margins m = { SIZE_MAX, NOTE_INDENT };
	struct buf b = { 0 };
	size_t column = 0;

	out_flush(o);
	out_bar_end(o);
	if (o->err_tty)
		m.limit = columns_of(o->err_fd);
	if (before != NULL) {
		put(&b, o->err_colour, p, str_of(before), false);
		buf_adds(&b, gap == ' ' ? ": " : " ");
		column = text_width(str_of(before)) + (gap == ' ' ? 2 : 1);
		p = PAINT_NONE;
	}
	/* What has room stays as it is: its spaces may mean something. */
	if (gap == ' ' && column + text_width(text) <= m.limit) {
		put(&b, o->err_colour, p, text, false);
	} else {
		buf_adds(&b, o->err_colour ? paint_code[p] : "");
		(void)flow(&b, text, gap, column, &m);
		buf_adds(&b, o->err_colour && p != PAINT_NONE ? paint_off : "");
	}
	buf_addc(&b, '\n');
	/* Nobody is left to be told where this fails. */
	(void)os_write_fd(o->err_fd, "stderr", buf_str(&b),
	    &(struct err_info){ 0 });
	buf_fini(&b);
}

void
out_note_parts(struct out *o, const char *head, struct str parts, char gap)
{
	err_line(o, PAINT_NONE, head, parts, gap);
}

void
out_err(struct out *o, const char *program, struct str text)
{
	err_line(o, PAINT_BAD, program, text, ' ');
}

void
out_note(struct out *o, enum paint p, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	err_line(o, p, NULL, buf_str(&b), ' ');
	buf_fini(&b);
}

void
out_pair(struct out *o, unsigned label_columns, const char *label, enum paint p,
    const char *fmt, ...)
{
	va_list ap;

	buf_adds(&o->text, "  ");
	out_fit(o, PAINT_DIM, str_of(label), label_columns);
	buf_adds(&o->text, "  ");
	va_start(ap, fmt);
	(void)out_words(o, p, format(o, fmt, ap), label_columns + 4,
	    label_columns + 4);
	va_end(ap);
	buf_addc(&o->text, '\n');
	maybe_flush(o);
}

/* --- tables ------------------------------------------------------------------ */

struct out_cell {
	struct str text; /* in the table's arena */
	enum paint paint;
	size_t width;
};

void
out_table_begin(struct out_table *t, struct out *o,
    const struct out_column *column)
{
	*t = (struct out_table){ .out = o, .column = column };
	while (column[t->columns].title != NULL)
		t->columns++;
}

void
out_cell(struct out_table *t, enum paint p, struct str s)
{
	struct str copy = arena_str(&t->arena, s);

	if (copy.p == NULL ||
	    !mem_grow(&t->cell, &t->cap, t->n + 1, sizeof *t->cell)) {
		t->failed = true;
		return;
	}
	t->cell[t->n++] = (struct out_cell){ copy, p, text_width(copy) };
}

void
out_cellf(struct out_table *t, enum paint p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out_cell(t, p, format(t->out, fmt, ap));
	va_end(ap);
}

/* Take from the widest column of these flags until the line fits, or until none
 * is wider than `least`, or than its title where that is to stay; what is still
 * too much. */
static size_t
shrink_by(const struct out_table *t, size_t *width, unsigned flags,
    size_t least, bool titles, size_t over)
{
	for (; over > 0; over--) {
		size_t widest = t->columns;

		for (size_t i = 0; i < t->columns; i++) {
			size_t title = text_width(str_of(t->column[i].title));
			size_t stays = titles && title > least ? title : least;

			if ((t->column[i].flags & flags) && width[i] > stays &&
			    (widest == t->columns || width[i] > width[widest]))
				widest = i;
		}
		if (widest == t->columns)
			return over;
		width[widest]--;
	}
	return 0;
}

static void
shrink(const struct out_table *t, size_t *width)
{
	size_t all = 0, room = t->out->columns;

	for (size_t i = 0; i < t->columns; i++)
		all += width[i] > 0 ? width[i] + GAP : 0;
	all -= all > 0 ? GAP : 0;
	if (room == 0 || all <= room)
		return;
	all = shrink_by(t, width, COL_MAIN, room * MAIN_PARTS / LINE_PARTS,
	    true, all - room);
	all = shrink_by(t, width, COL_SHRINK, CELL_MIN, true, all);
	all = shrink_by(t, width, COL_MAIN, CELL_MIN, false, all);
	/* After that the terminal breaks the lines. */
	(void)shrink_by(t, width, COL_SHRINK | COL_MAIN, CELL_LEAST, false,
	    all);
}

static void
put_cell(struct out_table *t, size_t column, const size_t *width, enum paint p,
    struct str s, size_t w)
{
	struct out *o = t->out;
	bool right = (t->column[column].flags & COL_RIGHT) != 0;
	bool last = column + 1 == t->columns;

	if (width[column] == 0 && !last)
		return;
	if (column > 0)
		indent_by(&o->text, GAP);
	for (size_t i = w; right && i < width[column]; i++)
		buf_addc(&o->text, ' ');
	if (o->colour && s.n > 0)
		buf_adds(&o->text, paint_code[p]);
	/* No blanks at the end of a line. */
	text_fit(s, width[column], !right && !last, &o->text);
	if (o->colour && s.n > 0 && p != PAINT_NONE)
		buf_adds(&o->text, paint_off);
	if (last)
		buf_addc(&o->text, '\n');
}

void
out_table_end(struct out_table *t)
{
	size_t *width = arena_array(&t->arena, t->columns, sizeof *width);

	if (width == NULL || t->failed) {
		t->out->text.failed = true;
		goto done;
	}
	if (t->n == 0)
		goto done;
	for (size_t i = 0; i < t->n; i++)
		if (t->cell[i].width > width[i % t->columns])
			width[i % t->columns] = t->cell[i].width;
	for (size_t i = 0; i < t->columns; i++) {
		size_t title = text_width(str_of(t->column[i].title));

		if (title > width[i] &&
		    (width[i] > 0 || !(t->column[i].flags & COL_MAY)))
			width[i] = title;
	}
	shrink(t, width);
	for (size_t i = 0; i < t->columns; i++) {
		struct str title = str_of(t->column[i].title);

		put_cell(t, i, width, PAINT_DIM, title, text_width(title));
	}
	for (size_t i = 0; i < t->n; i++) {
		put_cell(t, i % t->columns, width, t->cell[i].paint,
		    t->cell[i].text, t->cell[i].width);
		maybe_flush(t->out);
	}
done:
	free(t->cell);
	arena_fini(&t->arena);
	*t = (struct out_table){ 0 };
}

/* --- JSON -------------------------------------------------------------------- */

static struct json_writer *
doc_begin(struct out *o, unsigned indent)
{
	assert(!o->in_doc);
	o->in_doc = true;
	o->doc_lines = indent == 0;
	o->doc = o->text.len;
	o->json = (struct json_writer){ .out = &o->text, .indent = indent };
	return &o->json;
}

struct json_writer *
out_json(struct out *o)
{
	return doc_begin(o, JSON_INDENT);
}

struct json_writer *
out_json_line(struct out *o)
{
	return doc_begin(o, 0);
}

/* Programs get every byte as it is; before a person nothing is raw. */
static void
doc_show(struct out *o)
{
	if (o->text.failed)
		return;
	buf_reset(&o->scratch);
	text_show_json(str_n(o->text.data + o->doc, o->text.len - o->doc),
	    &o->scratch);
	o->text.len = o->doc;
	buf_addstr(&o->text, buf_str(&o->scratch));
	o->text.failed |= o->scratch.failed;
}

void
out_json_end(struct out *o)
{
	assert(o->in_doc && o->json.depth == 0);
	if (o->tty)
		doc_show(o);
	o->in_doc = false;
	buf_addc(&o->text, '\n');
	maybe_flush(o);
}

void
out_json_drop(struct out *o)
{
	if (o->in_doc && !o->text.failed)
		o->text.len = o->doc;
	o->in_doc = false;
}

/* --- progress ------------------------------------------------------------------ */

void
out_bar_begin(struct out *o, const char *what, const char *unit)
{
	out_bar_end(o);
	o->bar.what = what;
	o->bar.unit = unit;
	o->bar.on = o->err_tty;
	o->bar.shown = false;
	o->bar.began_ms = o->bar.drawn_ms = os_mono_ms();
	o->bar.first = UINT64_MAX;
}

/* What stands there, gone; also where the terminal became narrower and broke it
 * into lines. */
static void
bar_clear(struct out *o, size_t columns, struct buf *b)
{
	size_t up = o->bar.width > columns ? (o->bar.width - 1) / columns : 0;

	buf_adds(b, "\r");
	if (up > 0)
		buf_addf(b, "\033[%zuA", up);
	buf_adds(b, up > 0 ? "\033[J" : "\033[K");
	o->bar.width = 0;
}

static void
bar_strip(struct out *o, uint64_t done, uint64_t all, size_t columns,
    struct buf *b)
{
	uint64_t full = done >= all ? columns : done * columns / all;

	if (!o->utf8)
		buf_addc(b, '[');
	buf_adds(b, o->err_colour ? paint_code[PAINT_GOOD] : "");
	for (uint64_t i = 0; i < full; i++)
		buf_adds(b, o->utf8 ? "━" : "#");
	buf_adds(b, o->err_colour ? paint_off : "");
	buf_adds(b, o->err_colour ? paint_code[PAINT_DIM] : "");
	for (uint64_t i = full; i < columns; i++)
		buf_adds(b, o->utf8 ? "─" : ".");
	buf_adds(b, o->err_colour ? paint_off : "");
	buf_adds(b, o->utf8 ? " " : "] ");
}

/* "5/10 events  5/s  2 s left", as much of it as has room. */
static void
bar_counts(const struct out *o, uint64_t done, uint64_t all, uint64_t ms,
    size_t room, struct buf *b)
{
	uint64_t moved = done - o->bar.first;
	/* The mean since the beginning: what it promises does not jump. */
	uint64_t rate = ms > 0 ? moved * 1000 / ms : 0;
	struct buf part[4] = { 0 };

	buf_addu(&part[0], done);
	if (all > 0)
		buf_addf(&part[0], "/%llu", (unsigned long long)all);
	buf_addf(&part[1], " %s", o->bar.unit);
	if (rate > 0)
		buf_addf(&part[2], "  %llu/s", (unsigned long long)rate);
	if (rate > 0 && all > done)
		buf_addf(&part[3], "  %llu s left",
		    (unsigned long long)((all - done) / rate + 1));
	for (size_t i = 0; i < 4; i++) {
		if (b->len + part[i].len <= room)
			buf_addstr(b, buf_str(&part[i]));
		b->failed |= part[i].failed;
		buf_fini(&part[i]);
	}
}

static void
draw(struct out *o, uint64_t done, uint64_t all, uint64_t ms)
{
	size_t columns = os_tty_columns(o->err_fd, WRAP_MAX);
	/* The last column stays free: some terminals go on to the next line. */
	size_t what = strlen(o->bar.what) + 1, frame = o->utf8 ? 1 : 3;
	size_t room = columns > what ? columns - what - 1 : 0, strip = 0;
	struct buf b = { 0 }, counts = { 0 };

	bar_counts(o, done, all, ms, room, &counts);
	if (all > 0 && room >= counts.len + frame + BAR_COLUMNS_MIN) {
		strip = room - counts.len - frame;
		strip = strip < BAR_COLUMNS ? strip : BAR_COLUMNS;
	}
	bar_clear(o, columns, &b);
	if (room > 0)
		buf_addf(&b, "%s ", o->bar.what);
	if (strip > 0)
		bar_strip(o, done, all, strip, &b);
	buf_addstr(&b, buf_str(&counts));
	if (!b.failed && !counts.failed)
		(void)os_write_fd(o->err_fd, "stderr", buf_str(&b),
		    &(struct err_info){ 0 });
	o->bar.width = what + counts.len + (strip > 0 ? strip + frame : 0);
	buf_fini(&b);
	buf_fini(&counts);
	o->bar.shown = true;
}

void
out_bar(struct out *o, uint64_t done, uint64_t all)
{
	uint64_t now;

	if (!o->bar.on)
		return;
	if (o->bar.first == UINT64_MAX || done < o->bar.first)
		o->bar.first = done;
	now = os_mono_ms();
	if (now - o->bar.began_ms < BAR_WAIT_MS ||
	    (o->bar.shown && now - o->bar.drawn_ms < BAR_EVERY_MS))
		return;
	o->bar.drawn_ms = now;
	draw(o, done, all, now - o->bar.began_ms);
}

void
out_bar_end(struct out *o)
{
	struct buf b = { 0 };

	if (o->bar.on && o->bar.shown) {
		bar_clear(o, os_tty_columns(o->err_fd, WRAP_MAX), &b);
		(void)os_write_fd(o->err_fd, "stderr", buf_str(&b),
		    &(struct err_info){ 0 });
	}
	buf_fini(&b);
	o->bar.on = o->bar.shown = false;
}
