/* Memory that goes all at once: what belongs to one request, one command or
 * one batch.  Not for threads to share. */
#ifndef CLOWDER_ARENA_H
#define CLOWDER_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "str.h"

struct arena_block;

struct arena {
	struct arena_block *block; /* own; newest first */
	char *at;                  /* free space of the newest block */
	size_t left;               /* bytes */
};

/* An arena that begins with room of its caller's, aligned for any type: for what
 * nearly always needs little.  Not to be reset. */
static inline struct arena
arena_in(void *room, size_t n)
{
	return (struct arena){ .at = room, .left = n };
}
void arena_fini(struct arena *a); /* safe on a zeroed arena */
void
arena_reset(struct arena *a); /* everything is free; the newest block is kept */
/* Aligned for any type; NULL when out of memory.  arena_zero: zeroed. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zero(struct arena *a, size_t n);
/* n items of size bytes, zeroed; NULL also when n * size overflows. */
void *arena_array(struct arena *a, size_t n, size_t size);
/* As mem_grow: where *items was goes with the arena. */
bool arena_grow(struct arena *a, void *items, size_t *cap, size_t need,
    size_t size);
/* Copies with a NUL behind them; p is NULL when out of memory. */
char *arena_dup(struct arena *a, struct str s);
struct str arena_str(struct arena *a, struct str s);
char *arena_fmt(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
