/* docs/protocol.md, The team: whoever folds project_shared carries the log of the
 * project over to that team; what comes later follows. */
#ifndef CLOWDER_SHARE_H
#define CLOWDER_SHARE_H

#include "spaces.h"

/* Between all spaces of this account.  *copied: events that were carried over, one
 * transaction for each project.  ERR_OK with 0: nothing was to do, nothing was
 * written. */
enum err share_all(struct store *s, const struct spaces_account *who,
    uint64_t *copied, struct err_info *e);

#endif
