/* What a command prints.
 *
 * Everything goes through here, and everything that is text is made safe to
 * show on its way (text_show): names and titles come from other people and may
 * hold anything.  Colours mean something (enum paint) and are only sent to a
 * terminal; progress goes to stderr, only where that is a terminal and only
 * when the work takes long.
 *
 * Printing never fails by itself: out_end says whether all of it was written. */
#ifndef CLOWDER_OUT_H
#define CLOWDER_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "json.h"
#include "str.h"

/* What a colour says; one table in out.c gives it its looks. */
enum paint {
	PAINT_NONE,
	PAINT_TITLE,  /* headings */
	PAINT_ID,     /* what can be typed */
	PAINT_GOOD,   /* done, connected */
	PAINT_ACTIVE, /* in progress, somebody's */
	PAINT_REVIEW, /* done by one, waits for another */
	PAINT_WARN,   /* waits, wants a look */
	PAINT_BAD,    /* refused, failed, in conflict */
	PAINT_DIM,    /* of less interest */
	PAINT_COUNT
};

struct out {
	int fd, err_fd;  /* borrow */
	struct buf text; /* not yet written */
	struct buf scratch;
	bool tty, err_tty, colour, err_colour;
	unsigned columns; /* of the terminal; 0 = no limit */
	bool utf8;        /* of the terminal behind err_fd */
	bool broken;      /* a write failed: the rest is dropped */
	struct err_info error;
	struct json_writer json;
	bool in_doc;    /* a document is being written, from doc on in text: it
	                   goes out whole or not at all */
	bool doc_lines; /* documents are one line each */
	size_t doc;
	struct { /* progress bar */
		const char *what, *unit;
		uint64_t began_ms, drawn_ms, first;
		size_t width; /* of what stands there */
		bool on, shown;
	} bar;
};

/* colour: false turns it off; it is off in any case off a terminal, with
 * $NO_COLOR, and with TERM=dumb. */
void out_init(struct out *o, int fd, int err_fd, bool colour);
/* Write what is left; ERR_IO where something could not be written.  A reader
 * that went away (EPIPE) is no error. */
enum err out_end(struct out *o, struct err_info *e);
void out_fini(struct out *o);
void out_flush(struct out *o);

/* Text: control characters and bytes that are not UTF-8 become visible; newlines
 * stay in out_say and out_lines, and become spaces in out_str. */
void out_say(struct out *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void out_paint(struct out *o, enum paint p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void out_str(struct out *o, enum paint p, struct str s);
void out_lines(struct out *o, enum paint p, struct str s);
/* As out_str, in exactly `columns` columns. */
void out_fit(struct out *o, enum paint p, struct str s, size_t columns);
/* As out_str, cut to at most `columns` columns. */
void out_shorten(struct out *o, enum paint p, struct str s, size_t columns);
/* Paragraphs of ours, wrapped to the terminal (at most 80), with an indent. */
void out_wrap(struct out *o, struct str s, unsigned indent);
/* Words that `gap` separates, from the column at which the line stands; further
 * lines begin at `indent`. */
void out_flow(struct out *o, struct str s, char gap, unsigned column,
    unsigned indent);
/* As out_str, but a terminal that is too narrow gets it broken between words:
 * from the column at which the line stands, further lines begin at `indent`.
 * Returns the column at which it ends. */
size_t out_words(struct out *o, enum paint p, struct str s, size_t column,
    size_t indent);
/* One line on stderr, at once: "clowder: text", also in JSON mode.  It stays one
 * whatever the text holds: it may quote a hub or name a file. */
void out_err(struct out *o, const char *program, struct str text);
/* A line on stderr that warns or tells. */
void out_note(struct out *o, enum paint p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "head part part": parts, which `gap` separates, are not broken.  Terminals that
 * are too narrow get these three broken between words, or parts; elsewhere each
 * is one line. */
void out_note_parts(struct out *o, const char *head, struct str parts,
    char gap);

/* --- label and value, one line each ------------------------------------------
 *
 *	out_pair(o, 11, "Server URL", PAINT_NONE, "%s", url)
 *	"  Server URL   https://..." */
void out_pair(struct out *o, unsigned label_columns, const char *label,
    enum paint p, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* --- tables ------------------------------------------------------------------ */

enum {
	COL_RIGHT = 1,  /* numbers */
	COL_SHRINK = 2, /* gives way when the terminal is narrow */
	COL_MAIN = 4,   /* the same, but keeps two fifths while others can */
	COL_MAY = 8,    /* left out where no cell has text */
};
struct out_column {
	const char *title; /* NULL ends the array */
	unsigned flags;
};
/* Cells are kept until the end, so that columns can be measured. */
struct out_table {
	struct out *out; /* borrow */
	const struct out_column *column;
	size_t columns;
	struct out_cell *cell; /* own */
	size_t n, cap;
	struct arena arena;
	bool failed; /* out of memory */
};
void out_table_begin(struct out_table *t, struct out *o,
    const struct out_column *column);
/* The next cell, row by row. */
void out_cell(struct out_table *t, enum paint p, struct str s);
void out_cellf(struct out_table *t, enum paint p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints and frees.  Without rows it prints nothing. */
void out_table_end(struct out_table *t);

/* --- JSON -------------------------------------------------------------------- */

/* The writer of one document: out_json, then json_*(w, ...), then
 * out_json_end.  Nothing of it is written before its end, so that what fails
 * half-way can drop it and say why in a document of its own. */
struct json_writer *out_json(struct out *o);
void out_json_end(struct out *o);
/* Forget a document that was begun; fine where none was. */
void out_json_drop(struct out *o);
/* The same, one document a line. */
struct json_writer *out_json_line(struct out *o);

/* --- progress ------------------------------------------------------------------
 *
 * Shown only on a terminal, when the work has taken 300 ms. */
void out_bar_begin(struct out *o, const char *what, const char *unit);
/* all 0: not known.  Cheap: draws at most every 100 ms. */
void out_bar(struct out *o, uint64_t done, uint64_t all);
void out_bar_end(struct out *o); /* takes it away */

#endif
