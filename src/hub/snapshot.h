/* A team's state for other programs.  docs/protocol.md, Snapshot.  A reader of the
 * store; any thread that has one. */
#ifndef CLOWDER_SNAPSHOT_H
#define CLOWDER_SNAPSHOT_H

#include "store.h"

/* As JSON objects of about part_max bytes each, all of one position; all but the
 * last say that there is more.  fn may take a part's memory (then it leaves it
 * empty).  *seq: the position.  project: only its entities; n 0: all.
 * ERR_TOO_LARGE: over 64 MiB.  ERR_NOT_FOUND: no such project. */
typedef enum err snapshot_part_fn(void *ctx, struct buf *part,
    struct err_info *e);
enum err snapshot_parts(struct store *s, space_id sp, struct str project,
    size_t part_max, snapshot_part_fn *fn, void *ctx, uint64_t *seq,
    struct err_info *e);
/* As one object; *out is replaced. */
enum err snapshot_write(struct store *s, space_id sp, struct str project,
    struct buf *out, struct err_info *e);

#endif
