/* Fault points: places where a test can make an operation fail, and the
 * allocation that has one.  In a release build they cost one predictable
 * branch.  Each thread has its own countdown. */
#ifndef CLOWDER_FAULT_H
#define CLOWDER_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Fail the n-th fault point from now (0 = the next one); -1 = never. */
void fault_arm(int n);
/* True if the armed fault was reached since fault_arm(). */
bool fault_hit(void);
/* Called by the wrapped operation: true = fail now. */
bool fault_tick(void);

/* malloc, zeroed malloc, realloc, strdup with a fault point; NULL when out of
 * memory.  Freed with free(). */
void *mem_alloc(size_t n);
void *mem_zero(size_t n);
void *mem_realloc(void *p, size_t n);
void *mem_dup(const void *p, size_t n); /* adds a NUL behind the copy */
char *mem_strdup(const char *z);

/* Grow an array of `size`-byte items so that it holds `need` of them, doubling.
 * *items is own (NULL at first); false and unchanged when out of memory. */
bool mem_grow(void *items, size_t *cap, size_t need, size_t size);

#endif
