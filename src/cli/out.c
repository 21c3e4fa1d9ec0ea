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
	CELL_MIN = 8 /* columns that a shrunken column keeps */
};

/* Sixteen-colour codes: they follow the theme of the terminal. */
static const char *const paint_code[PAINT_COUNT] = {
	[PAINT_NONE] = "",
	[PAINT_TITLE] = "\033[1m",
	[PAINT_ID] = "\033[36m",
	[PAINT_GOOD] = "\033[32m",
	[PAINT_ACTIVE] = "\033[34m",
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
	if (o->tty) {
		o->columns = os_tty_columns(fd, WRAP_MAX);
		if (o->columns < COLUMNS_MIN)
			o->columns = COLUMNS_MIN;
	}
}

void
out_fini(struct out *o)
{
	buf_fini(&o->text);
	buf_fini(&o->scratch);
}

/* A reader that went away (`| head`) has what it wanted: no more is written. */
static void
write_all(struct out *o, struct str left)
{
	while (left.n > 0 && !o->broken) {
		ssize_t n = fault_tick() ? (errno = EIO, -1) :
		                           write(o->fd, left.p, left.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			o->broken = true;
			if (errno != EPIPE)
				(void)err_sys(&o->error, errno, "write");
			return;
		}
		left = str_n(left.p + n, left.n - (size_t)n);
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
indent_by(struct out *o, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_addc(&o->text, ' ');
}

void
out_flow(struct out *o, struct str s, char gap, unsigned column,
    unsigned indent)
{
	size_t limit =
	    o->columns > 0 && o->columns < WRAP_MAX ? o->columns : WRAP_MAX;
	size_t at = column;
	bool first = true;
	struct str word;

	while (str_split(&s, gap, &word)) {
		size_t n = text_width(word);

		if (word.n == 0)
			continue;
		if (!first && at + 1 + n > limit) {
			buf_addc(&o->text, '\n');
			indent_by(o, indent);
			at = indent;
		} else if (!first) {
			buf_addc(&o->text, ' ');
			at++;
		}
		put(&o->text, false, PAINT_NONE, word, false);
		at += n;
		first = false;
	}
	buf_addc(&o->text, '\n');
	maybe_flush(o);
}

/* One paragraph; lines that begin with a space stay as they are. */
static void
wrap_line(struct out *o, struct str line, unsigned indent)
{
	if (line.n > 0)
		indent_by(o, indent);
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
err_line(struct out *o, enum paint p, const char *before, struct str text)
{
	struct buf b = { 0 };

	out_flush(o);
	out_bar_end(o);
	if (before != NULL) {
		put(&b, o->err_colour, p, str_of(before), false);
		buf_adds(&b, ": ");
		p = PAINT_NONE;
	}
	put(&b, o->err_colour, p, text, false);
	buf_addc(&b, '\n');
	/* Nobody is left to be told where this fails. */
	(void)os_write_fd(o->err_fd, "stderr", buf_str(&b),
	    &(struct err_info){ 0 });
	buf_fini(&b);
}

void
out_err(struct out *o, const char *program, struct str text)
{
	err_line(o, PAINT_BAD, program, text);
}

void
out_note(struct out *o, enum paint p, const char *fmt, ...)
{
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	err_line(o, p, NULL, buf_str(&b));
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
	put(&o->text, o->colour, p, format(o, fmt, ap), false);
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

/* Take from the widest column that may shrink until the line fits. */
static void
shrink(const struct out_table *t, size_t *width)
{
	size_t all = 2 * (t->columns - 1);

	for (size_t i = 0; i < t->columns; i++)
		all += width[i];
	while (t->out->columns > 0 && all > t->out->columns) {
		size_t widest = t->columns;

		for (size_t i = 0; i < t->columns; i++)
			if ((t->column[i].flags & COL_SHRINK) &&
			    width[i] > CELL_MIN &&
			    (widest == t->columns || width[i] > width[widest]))
				widest = i;
		if (widest == t->columns)
			return; /* the terminal breaks the lines */
		width[widest]--;
		all--;
	}
}

static void
put_cell(struct out_table *t, size_t column, const size_t *width, enum paint p,
    struct str s, size_t w)
{
	struct out *o = t->out;
	bool right = (t->column[column].flags & COL_RIGHT) != 0;
	bool last = column + 1 == t->columns;

	if (column > 0)
		buf_adds(&o->text, "  ");
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
	for (size_t i = 0; i < t->columns; i++)
		width[i] = text_width(str_of(t->column[i].title));
	for (size_t i = 0; i < t->n; i++)
		if (t->cell[i].width > width[i % t->columns])
			width[i % t->columns] = t->cell[i].width;
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

static void
draw(struct out *o, uint64_t done, uint64_t all, uint64_t ms)
{
	uint64_t moved = done - o->bar.first;
	/* The mean since the beginning: what it promises does not jump. */
	uint64_t rate = ms > 0 ? moved * 1000 / ms : 0;
	struct buf b = { 0 };

	buf_addf(&b, "\r\033[K%s ", o->bar.what);
	if (all > 0) {
		uint64_t full =
		    done >= all ? BAR_COLUMNS : done * BAR_COLUMNS / all;

		buf_addc(&b, '[');
		for (uint64_t i = 0; i < BAR_COLUMNS; i++)
			buf_addc(&b, i < full ? '#' : '.');
		buf_addf(&b, "] %llu/%llu", (unsigned long long)done,
		    (unsigned long long)all);
	} else {
		buf_addu(&b, done);
	}
	buf_addf(&b, " %s", o->bar.unit);
	if (rate > 0)
		buf_addf(&b, "  %llu/s", (unsigned long long)rate);
	if (rate > 0 && all > done)
		buf_addf(&b, "  %llu s left",
		    (unsigned long long)((all - done) / rate + 1));
	if (!b.failed)
		(void)os_write_fd(o->err_fd, "stderr", buf_str(&b),
		    &(struct err_info){ 0 });
	buf_fini(&b);
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
	if (o->bar.on && o->bar.shown)
		(void)os_write_fd(o->err_fd, "stderr", STR("\r\033[K"),
		    &(struct err_info){ 0 });
	o->bar.on = o->bar.shown = false;
}
