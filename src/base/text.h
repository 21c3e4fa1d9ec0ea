/* Unicode text, on utf8proc: validity, normal form, width on a terminal, and
 * making foreign text safe to show. */
#ifndef CLOWDER_TEXT_H
#define CLOWDER_TEXT_H

#include "buf.h"
#include "str.h"

/* Well-formed UTF-8 (RFC 3629): no surrogates, no overlong forms. */
bool text_valid(struct str s);
/* Append s trimmed, runs of Unicode white space as one space, NFC, case kept:
 * what makes two todos the same (docs/merge.md, Todos of many sessions).  Bytes
 * that are not UTF-8 become U+FFFD. */
void text_normalise(struct str s, struct buf *out);
/* Columns on a terminal of what text_show makes of s on one line. */
size_t text_width(struct str s);
/* A character that a terminal obeys or that is not seen: control characters,
 * bidirectional marks and overrides, line and paragraph separators, zero-width
 * spaces, fillers, tags. */
bool text_unseen(uint32_t cp);
/* Append s as it may be sent to a terminal: what is text_unseen becomes a visible
 * escape such as \x1b or \u202e, and so does a joiner (U+200C, U+200D) that does
 * not stand behind what is not ASCII; tabs and newlines (CR LF is one) become a
 * space unless keep_lines; bytes that are not UTF-8 become \xNN. */
void text_show(struct str s, bool keep_lines, struct buf *out);
/* As text_show, for JSON: what is a control character is written as JSON escapes
 * it (in JSON text it can only stand in a string, which stays the same), a
 * return between tokens becomes a space. */
void text_show_json(struct str s, struct buf *out);
/* As text_show on one line, cut to at most `columns` with an ellipsis, padded
 * with spaces to exactly that when pad. */
void text_fit(struct str s, size_t columns, bool pad, struct buf *out);
/* Append a slug: NFC, lower case, every run of what is not a letter or digit
 * one hyphen, none at the ends.  Combining marks belong to the letter before
 * them.  May be empty. */
void text_slug(struct str s, struct buf *out);

#endif
