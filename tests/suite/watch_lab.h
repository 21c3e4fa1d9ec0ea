/* What the tests of watching share: three worlds with the same deeds, time, and a
 * record of what was told.  Helpers check as they go. */
#ifndef CLOWDER_WATCH_LAB_H
#define CLOWDER_WATCH_LAB_H

#include "arena.h"
#include "buf.h"
#include "t.h"
#include "watch.h"
#include "watch_sim.h"

enum lab_world {
	LAB_SYSTEM, /* real files, real events, real time */
	LAB_POLL,   /* real files, given time */
	LAB_SIM     /* given time; with events */
};

struct lab {
	enum lab_world world;
	struct watch *w; /* own */
	struct watch_options opt;
	struct watch_sim sim;
	const char *base; /* folder of this lab: relative paths are below it */
	uint64_t now_ms;  /* given time */
	struct buf log; /* "C path\n", "G path\n" since lab_expect, relative */
	unsigned lines;
	uint64_t seen; /* last cookie */
	struct arena a;
};

/* The world alone, with an empty folder. */
void lab_init(struct lab *l, enum lab_world world);
/* And a watch; rescan_ms 0, poll_ms 20. */
void lab_open(struct lab *l, enum lab_world world);
void lab_close(struct lab *l);
void lab_watch(struct lab *l); /* open one with l->opt */
bool lab_live(const struct lab *l);

/* A root below base ("" is base itself); the number. */
unsigned lab_root(struct lab *l, struct watch_root root);
/* base with depth 9 and this window, all told. */
void lab_base(struct lab *l, uint32_t debounce_ms);

void lab_mkdir(struct lab *l, const char *path);
void lab_write(struct lab *l, const char *path, const char *text);
void lab_touch(struct lab *l, const char *path);
void lab_rename(struct lab *l, const char *from, const char *to);
void lab_remove(struct lab *l, const char *path);
void lab_link(struct lab *l, const char *target, const char *path);
bool lab_there(struct lab *l, const char *path);
const char *lab_path(struct lab *l, const char *path);

uint64_t lab_now(struct lab *l);
void lab_turn(struct lab *l); /* one, now */
/* Given time: so long, each turn when it is due. */
void lab_run(struct lab *l, uint64_t ms);
/* Until a cookie in root 0 that is written now was seen. */
void lab_sync(struct lab *l);
/* Turns until the log has so many lines; for what no cookie can show. */
void lab_until(struct lab *l, unsigned lines);
/* The log, sorted, has these lines; it is empty afterwards. */
#define LAB_EXPECT(l, want) lab_expect(l, want, __FILE__, __LINE__)
void lab_expect(struct lab *l, const char *want, const char *file, int line);

/* --- tests that are run in several worlds ------------------------------------- */

enum {
	LAB_IN_SYSTEM = 1 << LAB_SYSTEM,
	LAB_IN_POLL = 1 << LAB_POLL,
	LAB_IN_SIM = 1 << LAB_SIM,
	LAB_ALL = LAB_IN_SYSTEM | LAB_IN_POLL | LAB_IN_SIM,
	LAB_GIVEN = LAB_IN_POLL | LAB_IN_SIM,
	LAB_EVENTS = LAB_IN_SYSTEM | LAB_IN_SIM
};
struct lab_test {
	const char *name;
	void (*fn)(void);
	unsigned worlds;
};
#define LAB_TEST(fn, worlds) \
	{ \
#fn, fn, worlds \
	}
/* Run them, the world being told in *world; the exit status. */
int lab_main(const struct lab_test *tests, size_t n, enum lab_world *world);

#endif
