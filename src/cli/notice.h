/* "When a conflict involves what this user wrote, the next writing command says
 * so in one line, once" (docs/merge.md, The ledger). */
#ifndef CLOWDER_NOTICE_H
#define CLOWDER_NOTICE_H

#include "work.h"

/* In the transaction of a command that wrote: look at what came from elsewhere
 * since the last look, and append the line that is to be said, if any. */
enum err notice_find(struct work *w, struct buf *said, struct err_info *e);
/* In a transaction of its own, behind a sync or an import: look at what came in
 * all teams, so that the next writing command has only to say it.  *found: how
 * many conflicts that makes. */
enum err notice_look_ahead(struct cli *c, uint64_t *found, struct err_info *e);

#endif
