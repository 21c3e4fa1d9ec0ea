/* The terminal: is there one, how wide, and a password from it. */
#ifndef CLOWDER_TTY_H
#define CLOWDER_TTY_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

bool os_is_tty(int fd);
/* Columns of the terminal on fd, else $COLUMNS, else fallback. */
unsigned os_tty_columns(int fd, unsigned fallback);
/* Ask on the controlling terminal with echo off and append one line, without its
 * end, to *out; the line is bounded (ERR_TOO_LARGE).  Echo comes back on every
 * path, also when a signal ends or stops us.  ERR_UNSUPPORTED where there is
 * no terminal; ERR_INTERRUPTED at end of input.  Main thread. */
enum err os_read_password(const char *prompt, struct buf *out,
    struct err_info *e);

#endif
