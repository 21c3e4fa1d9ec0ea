/* Hash map from bytes to a pointer.  Keyed SipHash, so that keys that come
 * from outside cannot be chosen to collide. */
#ifndef CLOWDER_MAP_H
#define CLOWDER_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

struct map_slot {
	struct str
	    key; /* borrow: lives as long as the entry; p NULL = free slot */
	void *value; /* borrow or own, as the user of the map says */
	uint64_t hash;
};

struct map {
	struct map_slot *slot; /* own */
	size_t cap;            /* power of two, or 0 */
	size_t count;          /* live entries */
	size_t used;           /* live entries and tombstones */
};

void map_fini(struct map *m); /* the values are not freed */
/* NULL where the key is not there. */
void *map_get(const struct map *m, struct str key);
/* Add or replace; false when out of memory (unchanged).  The key is borrowed
 * and must not be empty-with-NULL; value must not be NULL. */
bool map_put(struct map *m, struct str key, void *value);
/* Take out; returns the value or NULL. */
void *map_del(struct map *m, struct str key);
/* Walk all entries in no order: start with *at = 0; false at the end.  The map
 * must not change meanwhile. */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);

#endif
