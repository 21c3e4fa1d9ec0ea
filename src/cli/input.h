/* What people and agents type, before it becomes part of an event.  Pure. */
#ifndef CLOWDER_INPUT_H
#define CLOWDER_INPUT_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum {
	INPUT_TITLE_MAX = 1024, /* bytes */
	INPUT_TODO_MAX = 8 * 1024,
	INPUT_WORD_MAX = 256,
	INPUT_TEXT_MAX = 256 * 1024,
};

/* One line: trimmed, runs of white space as one space, NFC; what is left must
 * not be empty, hold no control characters and have at most max bytes.
 * ERR_USAGE, ERR_TOO_LARGE: `what` names it. */
enum err input_line(struct arena *a, const char *what, const char *typed,
    size_t max, struct str *ret, struct err_info *e);
/* Text of any lines, as it was typed; not blank, UTF-8, at most max bytes.
 * Borrows typed. */
enum err input_text(const char *what, const char *typed, size_t max,
    struct str *ret, struct err_info *e);
/* A priority as JSON: a number where it is one, else a string; "none" is
 * null. */
enum err input_priority(struct arena *a, const char *typed, struct str *ret,
    struct err_info *e);
/* The parts of "a,b, c", trimmed; false at the end. */
bool input_list_next(struct str *rest, struct str *part);

#endif
