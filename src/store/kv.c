/* Skip list with an undo log.  A node that is removed lives on in the log until
 * it is clear what becomes of the changes, so rolling back needs no memory and
 * cannot fail. */
#include "kv.h"

#include <stdlib.h>

#include "fault.h"

static struct kv_node *
node_new(struct str key, unsigned levels)
{
	size_t links = levels * sizeof(struct kv_node *);
	struct kv_node *n = mem_zero(sizeof *n + links + key.n + 1);
	char *p;

	if (n == NULL)
		return NULL;
	p = (char *)n + sizeof *n + links;
	if (key.n > 0)
		memcpy(p, key.p, key.n);
	n->key = str_n(p, key.n);
	n->levels = levels;
	return n;
}

static void
node_free(struct kv_node *n)
{
	free((void *)(uintptr_t)n->value.p);
	free(n);
}

void
kv_commit(struct kv *kv)
{
	for (size_t i = 0; i < kv->n_undo; i++) {
		struct kv_undo *u = &kv->undo[i];

		free((void *)(uintptr_t)u->value.p);
		if (u->change == KV_REMOVED)
			node_free(u->node);
	}
	kv->n_undo = 0;
	kv->undoing = false;
}

void
kv_fini(struct kv *kv)
{
	struct kv_node *n = kv->head, *next;

	for (; n != NULL; n = next) {
		next = n->next[0];
		node_free(n);
	}
	kv_commit(kv); /* frees what only the log holds */
	free(kv->undo);
	*kv = (struct kv){ 0 };
}

/* The last node before key on every level. */
static void
path_to(const struct kv *kv, struct str key, struct kv_node *path[KV_LEVELS])
{
	struct kv_node *n = kv->head;

	for (unsigned l = KV_LEVELS; l-- > 0;) {
		while (n->next[l] != NULL && str_cmp(n->next[l]->key, key) < 0)
			n = n->next[l];
		path[l] = n;
	}
}

const struct kv_node *
kv_from(const struct kv *kv, struct str key)
{
	struct kv_node *path[KV_LEVELS];

	if (kv->head == NULL)
		return NULL;
	path_to(kv, key, path);
	return path[0]->next[0];
}

const struct kv_node *
kv_before(const struct kv *kv, struct str key)
{
	struct kv_node *path[KV_LEVELS];

	if (kv->head == NULL)
		return NULL;
	path_to(kv, key, path);
	return path[0] == kv->head ? NULL : path[0];
}

const struct kv_node *
kv_get(const struct kv *kv, struct str key)
{
	const struct kv_node *n = kv_from(kv, key);

	return n != NULL && str_eq(n->key, key) ? n : NULL;
}

/* One in four nodes is a level higher (xorshift64). */
static unsigned
levels_draw(struct kv *kv)
{
	unsigned levels = 1;
	uint64_t x = kv->dice;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	kv->dice = x;
	while (levels < KV_LEVELS && (x & 3) == 0) {
		levels++;
		x >>= 2;
	}
	return levels;
}

/* Room for one more note. */
static bool
undo_room(struct kv *kv)
{
	return !kv->undoing ||
	    mem_grow(&kv->undo, &kv->cap_undo, kv->n_undo + 1,
	        sizeof *kv->undo);
}

static void
undo_note(struct kv *kv, enum kv_change change, struct kv_node *node,
    struct str value)
{
	if (kv->undoing) {
		kv->undo[kv->n_undo++] =
		    (struct kv_undo){ change, node, value };
		return;
	}
	free((void *)(uintptr_t)value.p);
	if (change == KV_REMOVED)
		node_free(node);
}

static void
node_link(struct kv_node *n, struct kv_node *path[KV_LEVELS])
{
	for (unsigned l = 0; l < n->levels; l++) {
		n->next[l] = path[l]->next[l];
		path[l]->next[l] = n;
	}
}

static void
node_unlink(struct kv_node *n, struct kv_node *path[KV_LEVELS])
{
	for (unsigned l = 0; l < n->levels; l++)
		path[l]->next[l] = n->next[l];
}

static bool
head_make(struct kv *kv)
{
	if (kv->head == NULL)
		kv->head = node_new((struct str){ 0 }, KV_LEVELS);
	if (kv->dice == 0)
		kv->dice = 0x9e3779b97f4a7c15u;
	return kv->head != NULL;
}

bool
kv_put(struct kv *kv, struct str key, struct str value)
{
	struct kv_node *path[KV_LEVELS], *n;
	char *copy;

	if (!head_make(kv) || !undo_room(kv))
		return false;
	copy = mem_dup(value.p, value.n);
	if (copy == NULL)
		return false;
	path_to(kv, key, path);
	n = path[0]->next[0];
	if (n != NULL && str_eq(n->key, key)) {
		undo_note(kv, KV_CHANGED, n, n->value);
	} else {
		n = node_new(key, levels_draw(kv));
		if (n == NULL) {
			free(copy);
			return false;
		}
		node_link(n, path);
		undo_note(kv, KV_MADE, n, (struct str){ 0 });
	}
	n->value = str_n(copy, value.n);
	return true;
}

bool
kv_del(struct kv *kv, struct str key)
{
	struct kv_node *path[KV_LEVELS], *n;

	if (kv->head == NULL)
		return true;
	path_to(kv, key, path);
	n = path[0]->next[0];
	if (n == NULL || !str_eq(n->key, key))
		return true;
	if (!undo_room(kv))
		return false;
	node_unlink(n, path);
	undo_note(kv, KV_REMOVED, n, (struct str){ 0 });
	return true;
}

void
kv_begin(struct kv *kv)
{
	kv->undoing = true;
}

static void
undo_one(struct kv *kv, struct kv_undo *u)
{
	struct kv_node *path[KV_LEVELS];

	path_to(kv, u->node->key, path);
	switch (u->change) {
	case KV_MADE:
		node_unlink(u->node, path);
		node_free(u->node);
		break;
	case KV_CHANGED:
		free((void *)(uintptr_t)u->node->value.p);
		u->node->value = u->value;
		break;
	case KV_REMOVED:
		node_link(u->node, path);
		break;
	}
}

void
kv_rollback(struct kv *kv)
{
	while (kv->n_undo > 0)
		undo_one(kv, &kv->undo[--kv->n_undo]);
	kv->undoing = false;
}

bool
kv_copy(struct kv *to, const struct kv *from)
{
	const struct kv_node *n = from->head ? from->head->next[0] : NULL;
	bool ok = true;

	for (; ok && n != NULL; n = n->next[0])
		ok = kv_put(to, n->key, n->value);
	/* What is not committed is taken back in the copy, newest first. */
	for (size_t i = from->n_undo; ok && i-- > 0;) {
		const struct kv_undo *u = &from->undo[i];

		if (u->change == KV_MADE)
			ok = kv_del(to, u->node->key);
		else
			ok = kv_put(to, u->node->key,
			    u->change == KV_CHANGED ? u->value :
			                              u->node->value);
	}
	if (!ok)
		kv_fini(to);
	return ok;
}
