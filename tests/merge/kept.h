/* State as a store keeps it: each event is applied where it is the latest of
 * its entity, or its entity is folded again; after every event the state goes
 * through its bytes and back.  For holding against the fold from nothing. */
#ifndef CLOWDER_KEPT_H
#define CLOWDER_KEPT_H

#include <stdint.h>

#include "err.h"
#include "str.h"

struct kept;

struct kept *kept_new(void);    /* NULL: out of memory */
void kept_free(struct kept *k); /* NULL is fine */
/* Takes a copy of the text.  A repeat is nothing. */
enum err kept_add(struct kept *k, struct str text, struct err_info *e);
/* The sum of the digests of all entities. */
enum err kept_digest(const struct kept *k, uint8_t ret[32], struct err_info *e);

#endif
