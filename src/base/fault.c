#include "fault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local int countdown = -1;
static _Thread_local bool hit;
static _Thread_local struct fault_group *joined;

_Thread_local bool fault_fine;

void
fault_arm(int n)
{
	countdown = n;
	hit = false;
	fault_fine = false;
}

void
fault_arm_fine(int n)
{
	fault_arm(n);
	fault_fine = true;
}

bool
fault_hit(void)
{
	return hit;
}

void
fault_group_arm(struct fault_group *g, int n)
{
	atomic_store(&g->countdown, -1);
	atomic_store(&g->hit, false);
	atomic_store(&g->countdown, n);
}

bool
fault_group_hit(struct fault_group *g)
{
	return atomic_load(&g->hit);
}

void
fault_join(struct fault_group *g)
{
	joined = g;
}

struct fault_group *
fault_joined(void)
{
	return joined;
}

static bool
group_tick(struct fault_group *g)
{
	int n = atomic_load(&g->countdown);

	/* Each n is given to one thread, and none below it. */
	do {
		if (n < 0)
			return false;
	} while (!atomic_compare_exchange_weak(&g->countdown, &n, n - 1));
	if (n > 0)
		return false;
	atomic_store(&g->hit, true);
	return true;
}

bool
fault_tick(void)
{
	if (joined != NULL)
		return group_tick(joined);
	if (countdown < 0)
		return false;
	if (countdown-- > 0)
		return false;
	hit = true;
	return true;
}

void *
mem_alloc(size_t n)
{
	return fault_tick() ? NULL : malloc(n ? n : 1);
}

void *
mem_zero(size_t n)
{
	return fault_tick() ? NULL : calloc(1, n ? n : 1);
}

void *
mem_realloc(void *p, size_t n)
{
	return fault_tick() ? NULL : realloc(p, n ? n : 1);
}

void *
mem_dup(const void *p, size_t n)
{
	char *copy = n < SIZE_MAX ? mem_alloc(n + 1) : NULL;

	if (copy == NULL)
		return NULL;
	if (n > 0)
		memcpy(copy, p, n);
	copy[n] = '\0';
	return copy;
}

char *
mem_strdup(const char *z)
{
	return mem_dup(z, strlen(z));
}

bool
mem_grow(void *items, size_t *cap, size_t need, size_t size)
{
	return mem_grow_from(items, cap, need, size, 8);
}

bool
mem_grow_from(void *items, size_t *cap, size_t need, size_t size, size_t first)
{
	size_t grown = *cap ? *cap : first > 0 ? first : 1;
	void *old, *p;

	if (need <= *cap)
		return true;
	while (grown < need) {
		if (grown > SIZE_MAX / 2)
			return false;
		grown *= 2;
	}
	if (grown > SIZE_MAX / size)
		return false;
	memcpy(&old, items, sizeof old);
	p = mem_realloc(old, grown * size);
	if (p == NULL)
		return false;
	memcpy(items, &p, sizeof p);
	*cap = grown;
	return true;
}
