#include "arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"

enum { ARENA_BLOCK_BYTES = 8192 };

struct arena_block {
	struct arena_block *next; /* own */
	size_t size;              /* bytes of data */
	alignas(max_align_t) char data[];
};

static void
blocks_free(struct arena_block *b)
{
	while (b != NULL) {
		struct arena_block *next = b->next;

		free(b);
		b = next;
	}
}

void
arena_fini(struct arena *a)
{
	blocks_free(a->block);
	*a = (struct arena){ 0 };
}

void
arena_reset(struct arena *a)
{
	if (a->block == NULL)
		return;
	blocks_free(a->block->next);
	a->block->next = NULL;
	a->at = a->block->data;
	a->left = a->block->size;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b;
	size_t size;
	void *p;

	if (n > SIZE_MAX / 2 || fault_tick_fine())
		return NULL;
	/* Nothing still has an address of its own: NULL means out of memory. */
	n = n ? (n + align - 1) / align * align : align;
	if (n > a->left) {
		size = n > ARENA_BLOCK_BYTES ? n : ARENA_BLOCK_BYTES;
		/* Blocks double, so that a large arena has few of them. */
		if (a->block != NULL && a->block->size * 2 > size &&
		    a->block->size < (1u << 20))
			size = a->block->size * 2;
		b = mem_alloc(sizeof *b + size);
		if (b == NULL)
			return NULL;
		b->next = a->block;
		b->size = size;
		a->block = b;
		a->at = b->data;
		a->left = size;
	}
	p = a->at;
	a->at += n;
	a->left -= n;
	return p;
}

void *
arena_zero(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		return NULL;
	return arena_zero(a, n * size);
}

bool
arena_grow(struct arena *a, void *items, size_t *cap, size_t need, size_t size)
{
	size_t grown = *cap > 0 ? *cap : 8;
	void *old, *p;

	if (need <= *cap)
		return true;
	while (grown < need) {
		if (grown > SIZE_MAX / 2)
			return false;
		grown *= 2;
	}
	p = arena_array(a, grown, size);
	if (p == NULL)
		return false;
	memcpy(&old, items, sizeof old);
	if (*cap > 0)
		memcpy(p, old, *cap * size);
	memcpy(items, &p, sizeof p);
	*cap = grown;
	return true;
}

char *
arena_dup(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (p == NULL)
		return NULL;
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str
arena_str(struct arena *a, struct str s)
{
	char *p = arena_dup(a, s);

	return (struct str){ p, p ? s.n : 0 };
}

char *
arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n >= 0)
		p = arena_alloc(a, (size_t)n + 1);
	if (p != NULL && vsnprintf(p, (size_t)n + 1, fmt, ap) < 0)
		p = NULL;
	va_end(ap);
	return p;
}
