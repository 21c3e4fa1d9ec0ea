/* Every write of a cell in the order of the fold: needed where an event names
 * what is no head any more. */
#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"

struct trail *
trail_new(void)
{
	return mem_zero(sizeof(struct trail));
}

static void
past_free(struct past *p)
{
	if (p == NULL)
		return;
	free((void *)(uintptr_t)p->value.p);
	free(p->parent);
	free(p);
}

void
trail_free(struct trail *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		past_free(t->past[i]);
	free(t->past);
	map_fini(&t->index);
	free(t);
}

bool
trail_add(struct trail *t, const struct head *h, const size_t *parent,
    size_t n_parents)
{
	struct past *p = mem_zero(sizeof *p);

	if (p == NULL)
		return false;
	*p = (struct past){ .id = h->id,
		.clock = h->clock,
		.node = h->node,
		.round = h->round,
		.rank = h->rank,
		.n_parents = n_parents };
	p->value = str_n(mem_dup(h->value.p, h->value.n), h->value.n);
	if (n_parents > 0)
		p->parent = mem_dup(parent, n_parents * sizeof *parent);
	if (p->value.p == NULL || (n_parents > 0 && p->parent == NULL) ||
	    !mem_grow(&t->past, &t->cap, t->n + 1, sizeof(struct past *))) {
		past_free(p);
		return false;
	}
	t->past[t->n++] = p;
	return true;
}

/* The index is made when it is first asked for: most cells never are. */
size_t
trail_find(struct trail *t, const struct eid *id, bool *nomem)
{
	uintptr_t at;

	while (t->indexed < t->n) {
		if (!map_put(&t->index, eid_key(&t->past[t->indexed]->id),
		        (void *)(t->indexed + 1))) {
			*nomem = true;
			return SIZE_MAX;
		}
		t->indexed++;
	}
	at = (uintptr_t)map_get(&t->index, eid_key(id));
	return at > 0 ? at - 1 : SIZE_MAX;
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
	size_t search = ++t->search, n = 0, cap = 0, *stack = NULL;
	bool seen = false;

	/* Parents always stand before their children: below `old` nothing can
	 * lead to it. */
	if (!mem_grow(&stack, &cap, 1, sizeof *stack)) {
		*nomem = true;
		return false;
	}
	stack[n++] = young;
	while (n > 0 && !seen) {
		const struct past *p = t->past[stack[--n]];

		if (!mem_grow(&stack, &cap, n + p->n_parents, sizeof *stack)) {
			*nomem = true;
			break;
		}
		for (size_t i = 0; i < p->n_parents; i++) {
			size_t up = p->parent[i];

			seen = seen || up == old;
			if (up <= old || t->past[up]->mark == search)
				continue;
			t->past[up]->mark = search;
			stack[n++] = up;
		}
	}
	free(stack);
	return seen;
}
