/* Feed: a team's log on its way out, from a position on.  docs/protocol.md,
 * Events.  A reader of the store; any thread that has one. */
#ifndef CLOWDER_FEED_H
#define CLOWDER_FEED_H

#include "pull.h"
#include "store.h"

/* A row of the log as it goes out; borrows from it. */
struct pull_row feed_row(const struct log_row *row);
/* Append the answer to a pull: up to q->limit events or PROTO_BYTES_MAX, at least
 * one where there is one.  ERR_RESYNC: the position is not one of this log; out
 * holds the whole error body then.  Other failures: of the store. */
enum err feed_answer(struct store *s, space_id sp, const struct pull_query *q,
    struct buf *out, struct err_info *e);

#endif
