/* Fault points: places where a test can make an operation fail, and the
 * allocation that has one.  In a release build they cost one predictable
 * branch or two.  Each thread has its own countdown. */
#ifndef CLOWDER_FAULT_H
#define CLOWDER_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Fail the n-th fault point from now (0 = the next one); -1 = never. */
void fault_arm(int n);
/* The same, and what comes from an arena counts one by one, not only where the
 * arena takes a block, which few do; and so do reads of a database. */
void fault_arm_fine(int n);
/* True if the armed fault was reached since fault_arm(). */
bool fault_hit(void);
/* Called by the wrapped operation: true = fail now. */
bool fault_tick(void);

extern _Thread_local bool fault_fine;
/* For arenas and reads. */
static inline bool
fault_tick_fine(void)
{
	return fault_fine && fault_tick();
}

/* One countdown for several threads: what is tested has threads of its own, and
 * they count with those who started them. */
struct fault_group {
	atomic_int countdown; /* as of fault_arm */
	atomic_bool hit;
};
void fault_group_arm(struct fault_group *g, int n);
bool fault_group_hit(struct fault_group *g);
/* The calling thread counts by g (borrow) from now on; NULL: by its own again. */
void fault_join(struct fault_group *g);
/* What this thread counts by, to be joined by the threads that it starts. */
struct fault_group *fault_joined(void);

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
/* The same, beginning with `first` items and not eight: for small arrays of which
 * there are many. */
bool mem_grow_from(void *items, size_t *cap, size_t need, size_t size,
    size_t first);

#endif
