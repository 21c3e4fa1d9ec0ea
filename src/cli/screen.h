/* A whole terminal to draw on, by ncurses, which is loaded when it is asked for:
 * the other commands do not pay for it.
 *
 * Open, draw, read keys, close; close gives the terminal back as it was, and is to
 * be called on every path.  Main thread; one at a time. */
#ifndef CLOWDER_SCREEN_H
#define CLOWDER_SCREEN_H

#include "wall.h"

struct screen;

/* ERR_UNSUPPORTED: no library, or a terminal that it cannot draw on. */
enum err screen_open(struct screen **ret, bool colour, struct err_info *e);
void screen_close(struct screen *s); /* NULL is fine */
/* Readable when the terminal was resized; screen_size takes that note of it. */
int screen_fd(const struct screen *s);
/* As it is now; looks where the terminal was resized. */
void screen_size(struct screen *s, unsigned *columns, unsigned *rows);
void screen_draw(struct screen *s, const struct wall_picture *p);
/* The next key that was typed, as wall_key takes it; false: none waits.  To be
 * asked until it says so whenever stdin can be read or a signal came. */
bool screen_key(struct screen *s, uint32_t *key);

#endif
