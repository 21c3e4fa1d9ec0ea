/* An ordered map from bytes to bytes with an undo log: what the store in memory
 * stands on.  A skip list; its shape never shows.  Not for threads to share. */
#ifndef CLOWDER_KV_H
#define CLOWDER_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "str.h"

enum { KV_LEVELS = 20 };

struct kv_node {
	struct str key;   /* follows the node */
	struct str value; /* own */
	unsigned levels;
	struct kv_node *next[]; /* own at level 0 */
};

enum kv_change { KV_MADE, KV_CHANGED, KV_REMOVED };

struct kv_undo {
	enum kv_change change;
	struct kv_node *node; /* own where it was removed */
	struct str value;     /* own: what a changed one held before */
};

struct kv {
	struct kv_node *head; /* own; NULL before the first put */
	uint64_t dice;
	bool undoing;         /* changes are noted */
	struct kv_undo *undo; /* own */
	size_t n_undo, cap_undo;
};

void kv_fini(struct kv *kv); /* safe on a zeroed one */
/* NULL where there is none. */
const struct kv_node *kv_get(const struct kv *kv, struct str key);
/* The first with a key >= this one; then node->next[0]. */
const struct kv_node *kv_from(const struct kv *kv, struct str key);
/* The last with a key < this one. */
const struct kv_node *kv_before(const struct kv *kv, struct str key);
/* Add or replace, with copies; false: out of memory, unchanged. */
bool kv_put(struct kv *kv, struct str key, struct str value);
/* Fine where it is not there; false: out of memory, unchanged. */
bool kv_del(struct kv *kv, struct str key);

void kv_begin(struct kv *kv);    /* note changes from now on */
void kv_commit(struct kv *kv);   /* forget what was noted */
void kv_rollback(struct kv *kv); /* as it was at kv_begin; never fails */
/* A copy of what was there at the last commit; false: out of memory. */
bool kv_copy(struct kv *to, const struct kv *from);

#endif
