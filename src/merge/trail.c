/* Every write of a cell in the order of the fold: needed where an event names
 * what is no head any more. */
#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"

void
trails_fini(struct trails *t)
{
	map_fini(&t->index);
	free(t->writer);
	arena_fini(&t->arena);
}

const struct writer *
trails_add(struct trails *t, const struct eid *id)
{
	struct writer *w = arena_alloc(&t->arena, sizeof *w);

	if (w == NULL ||
	    !mem_grow(&t->writer, &t->cap, t->n + 1, sizeof(struct writer *)))
		return NULL;
	*w = (struct writer){ *id, t->n };
	t->writer[t->n++] = w;
	return w;
}

/* The index is made when it is first asked for: most entities never do. */
const struct writer *
trails_find(struct trails *t, const struct eid *id, bool *nomem)
{
	for (; t->indexed < t->n; t->indexed++) {
		struct writer *w = t->writer[t->indexed];

		if (!map_put(&t->index, eid_key(&w->id), w)) {
			*nomem = true;
			return NULL;
		}
	}
	return map_get(&t->index, eid_key(id));
}

struct trail *
trail_new(struct arena *arena)
{
	struct trail *t = mem_zero(sizeof *t);

	if (t != NULL)
		t->arena = arena;
	return t;
}

void
trail_free(struct trail *t)
{
	if (t == NULL)
		return;
	free(t->past);
	free(t->stack);
	free(t);
}

bool
trail_add(struct trail *t, const struct writer *by, struct head *h,
    const size_t *parent, size_t n_parents)
{
	struct past *p = arena_alloc(t->arena, sizeof *p);

	if (p == NULL || t->n >= NO_PAST)
		return false;
	*p = (struct past){ .by = by,
		.clock = h->clock,
		.node = h->node,
		.round = h->round,
		.rank = h->rank,
		.n_parents = n_parents };
	p->value = arena_str(t->arena, h->value);
	p->parent = arena_alloc(t->arena, n_parents * sizeof *parent);
	if (p->value.p == NULL || p->parent == NULL ||
	    !mem_grow(&t->past, &t->cap, t->n + 1, sizeof(struct past *)))
		return false;
	if (n_parents > 0)
		memcpy(p->parent, parent, n_parents * sizeof *parent);
	h->past = (uint32_t)t->n;
	t->past[t->n++] = p;
	return true;
}

size_t
trail_find(const struct trail *t, const struct writer *by)
{
	size_t lo = 0, hi = t->n;

	/* Most that are asked for are young: strides that double, from the end. */
	for (size_t stride = 1; stride < hi; stride *= 2) {
		if (t->past[hi - stride]->by->nth <= by->nth) {
			lo = hi - stride;
			break;
		}
		hi -= stride;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->past[mid]->by->nth < by->nth)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n && t->past[lo]->by == by ? lo : SIZE_MAX;
}

size_t
trail_latest(const struct trail *t, struct str value)
{
	for (size_t i = t->n; i-- > 0;)
		if (str_eq(t->past[i]->value, value))
			return i;
	return SIZE_MAX;
}

bool
trail_seen(struct trail *t, size_t young, size_t old, bool *nomem)
{
	size_t search = ++t->search, n = 0;
	bool seen = false;

	/* Parents always stand before their children: below `old` nothing can
	 * lead to it. */
	if (!mem_grow(&t->stack, &t->cap_stack, 1, sizeof *t->stack)) {
		*nomem = true;
		return false;
	}
	t->stack[n++] = young;
	while (n > 0 && !seen) {
		const struct past *p = t->past[t->stack[--n]];

		if (!mem_grow(&t->stack, &t->cap_stack, n + p->n_parents,
		        sizeof *t->stack)) {
			*nomem = true;
			break;
		}
		for (size_t i = 0; i < p->n_parents; i++) {
			size_t up = p->parent[i];

			seen = seen || up == old;
			if (up <= old || t->past[up]->mark == search)
				continue;
			t->past[up]->mark = search;
			t->stack[n++] = up;
		}
	}
	return seen;
}
