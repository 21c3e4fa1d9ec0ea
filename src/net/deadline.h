/* Deadlines of many connections without a timer for each: a kind of deadline
 * has one length, so those of a kind expire in the order in which they were
 * started, and a list per kind is a queue.  Starting, stopping and finding the
 * next one cost the same for one connection and for ten thousand.  Pure: the
 * clock comes in. */
#ifndef CLOWDER_DEADLINE_H
#define CLOWDER_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

struct deadline {
	struct deadline *prev, *next; /* NULL: not running */
	uint64_t at_ms;
};

enum { DEADLINE_KINDS = 8 };

struct deadlines {
	struct deadline list[DEADLINE_KINDS]; /* rings; the oldest first */
	uint32_t ms[DEADLINE_KINDS];
};

void deadlines_init(struct deadlines *d);
/* Start it (again) with the length of its kind. */
void deadline_start(struct deadlines *d, struct deadline *x, unsigned kind,
    uint64_t now_ms);
void deadline_stop(struct deadline *x); /* fine where it is not running */
/* When the next one expires; UINT64_MAX: none runs. */
uint64_t deadlines_next(const struct deadlines *d);
/* One that has expired, stopped; NULL where there is none (left). */
struct deadline *deadlines_expired(struct deadlines *d, uint64_t now_ms);
struct deadline *deadlines_expired_of(struct deadlines *d, unsigned kind,
    uint64_t now_ms); /* the same of one kind */
/* The one of its kind that was started first; NULL: none. */
struct deadline *deadlines_oldest(const struct deadlines *d, unsigned kind);

#endif
