/* "When a conflict involves what this user wrote, the next writing command says
 * so in one line, once" (docs/merge.md, The ledger). */
#ifndef CLOWDER_NOTICE_H
#define CLOWDER_NOTICE_H

#include "work.h"

/* In the transaction of a command: look at what came from elsewhere since the
 * last one, and append the line that is to be said, if any.  What was looked at
 * is remembered in the replica, at most NOTICE_ROWS_MAX events a command, so
 * that the command after a long sync is no slower than others. */
enum { NOTICE_ROWS_MAX = 512 };
enum err notice_find(struct work *w, struct buf *said, struct err_info *e);

#endif
