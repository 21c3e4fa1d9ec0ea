/* The fold of a whole set of events, from nothing, in memory: the door for other
 * oracles (`clowder debug fold`), and the yardstick of tests. */
#ifndef CLOWDER_FOLD_H
#define CLOWDER_FOLD_H

#include "entity.h"

struct fold;

enum err fold_new(struct fold **ret, struct err_info *e);
void fold_free(struct fold *f); /* NULL is fine */
/* Take in one event (a copy of its text).  A repeat is nothing; ERR_ID_REUSED
 * for the same id with other content; else as event_parse and event_check. */
enum err fold_add(struct fold *f, struct str text, struct err_info *e);
/* One line of canonical JSON without newline: entities, ledger, digests of the
 * projects, fold_version (docs/merge.md). */
enum err fold_write(struct fold *f, struct buf *out, struct err_info *e);
/* The sum of the digests of all entities. */
enum err fold_digest(struct fold *f, uint8_t out[32], struct err_info *e);

#endif
