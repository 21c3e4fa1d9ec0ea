#include "deadline.h"

void
deadlines_init(struct deadlines *d)
{
	*d = (struct deadlines){ 0 };
	for (size_t i = 0; i < DEADLINE_KINDS; i++)
		d->list[i].prev = d->list[i].next = &d->list[i];
}

void
deadline_stop(struct deadline *x)
{
	if (x->next == NULL)
		return;
	x->prev->next = x->next;
	x->next->prev = x->prev;
	x->prev = x->next = NULL;
}

void
deadline_start(struct deadlines *d, struct deadline *x, unsigned kind,
    uint64_t now_ms)
{
	struct deadline *ring = &d->list[kind];

	deadline_stop(x);
	x->at_ms = now_ms + d->ms[kind];
	x->prev = ring->prev;
	x->next = ring;
	x->prev->next = x;
	ring->prev = x;
}

struct deadline *
deadlines_oldest(const struct deadlines *d, unsigned kind)
{
	const struct deadline *ring = &d->list[kind];

	return ring->next == ring ? NULL : ring->next;
}

uint64_t
deadlines_next(const struct deadlines *d)
{
	uint64_t at = UINT64_MAX;

	for (unsigned i = 0; i < DEADLINE_KINDS; i++) {
		const struct deadline *x = deadlines_oldest(d, i);

		if (x != NULL && x->at_ms < at)
			at = x->at_ms;
	}
	return at;
}

struct deadline *
deadlines_expired_of(struct deadlines *d, unsigned kind, uint64_t now_ms)
{
	struct deadline *x = deadlines_oldest(d, kind);

	if (x == NULL || x->at_ms > now_ms)
		return NULL;
	deadline_stop(x);
	return x;
}

struct deadline *
deadlines_expired(struct deadlines *d, uint64_t now_ms)
{
	struct deadline *x = NULL;

	for (unsigned i = 0; i < DEADLINE_KINDS && x == NULL; i++)
		x = deadlines_expired_of(d, i, now_ms);
	return x;
}
