/* A stream of events as an installation makes them: todos that live for 50
 * events, come up in visits of ten, mostly while they are among those that
 * changed last; each event names the heads that it replaces.  One in a hundred
 * visits (or as many as one likes) has an event of another machine that was
 * away and knew only the beginning. */
#ifndef CLOWDER_GEN_H
#define CLOWDER_GEN_H

#include "buf.h"
#include "id.h"
#include "t.h"

enum { GEN_LIFE = 50, GEN_VISIT = 10 };

struct gen_todo {
	char key[33];
	struct eid first, last;               /* created by; changed last by */
	struct eid content, status, priority; /* last to write it */
	struct eid late; /* stands beside in `present`; EID_NONE */
	struct eid late_priority;
	uint64_t first_clock;
	unsigned events;
};

struct gen {
	struct t_rng rng;
	char node[33], away[33], project[37];
	uint64_t clock, node_seq, away_seq;
	int64_t wall_ms;
	unsigned late;         /* of 1,000 visits */
	struct gen_todo *todo; /* own: those that changed last */
	size_t recent, n_todo;
	struct gen_todo *old; /* own: with some life left, not changed lately */
	size_t n_old, cap_old;
	uint64_t made; /* events */
};

/* n: number of this stream, told apart by node and project; recent: how many
 * todos count as changed last. */
bool gen_init(struct gen *g, unsigned n, size_t recent, unsigned late);
void gen_fini(struct gen *g);
/* Append one visit: up to GEN_VISIT events, joined by commas. */
unsigned gen_visit(struct gen *g, struct buf *out);
/* Append one event of a todo that lives for ever. */
void gen_single(struct gen *g, struct buf *out);

#endif
