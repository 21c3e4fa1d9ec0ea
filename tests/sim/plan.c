/* What a seed is about.  Not every fault is in every history: a fault that is
 * always there hides what happens without it. */
#include <stddef.h>
#include <stdio.h>

#include "sim.h"

bool
chance(struct t_rng *dice, unsigned percent)
{
	return t_below(dice, 100) < percent;
}

/* In so many percent of histories: 1..max, else 0. */
static unsigned
sometimes(struct t_rng *r, unsigned percent, unsigned max)
{
	return chance(r, percent) ? 1 + (unsigned)t_below(r, max) : 0;
}

static void
draw_teams(struct plan *p, struct t_rng *r)
{
	p->accounts = 1 + (unsigned)t_below(r, ACCOUNTS_MAX);
	p->machines = p->accounts + (unsigned)t_below(r, chance(r, 15) ? 5 : 3);
	if (p->machines < 2)
		p->machines = 2;
	p->shared = p->accounts > 1 ? 1 + (unsigned)t_below(r, SHARED_MAX) : 1;
	for (unsigned a = 0; a < p->accounts; a++) {
		p->member[0][a] = true;
		p->member[1][a] = p->shared > 1 && chance(r, 60);
	}
}

/* One history in a hundred is long enough for the store to read its log page by
 * page; then a hub is refilled from it. */
enum { COMMANDS_LONG = 600 };

static unsigned
draw_commands(struct t_rng *r)
{
	if (chance(r, 1))
		return COMMANDS_LONG;
	return 1 + (unsigned)t_below(r, chance(r, 20) ? 200 : 60);
}

void
plan_draw(struct plan *p, uint64_t seed)
{
	struct t_rng r = { seed * 0x9e3779b97f4a7c15u + 1 };

	*p = (struct plan){ 0 };
	draw_teams(p, &r);
	p->commands = draw_commands(&r);
	p->end_ms = 20000 + t_below(&r, 60000);
	p->lost = sometimes(&r, 60, 40);
	p->doubled = sometimes(&r, 40, 30);
	p->late = sometimes(&r, 40, 30);
	p->delay_ms = 1 + (unsigned)t_below(&r, chance(&r, 50) ? 20 : 2000);
	p->timeout_ms = 200 + (unsigned)t_below(&r, 5000);
	p->busy = sometimes(&r, 30, 20);
	p->hub_fails = sometimes(&r, 25, 30);
	p->shares = chance(&r, 40);
	/* What is refused in two teams at once comes only where both are. */
	if (chance(&r, p->shares ? 75 : 30))
		p->refused = 2 + (unsigned)t_below(&r, p->shares ? 8 : 30);
	p->poison = chance(&r, 15) ? 5 + (unsigned)t_below(&r, 30) : 0;
	p->batch_max = sometimes(&r, 15, 10);
	p->batch_events = sometimes(&r, 60, 8);
	p->batch_bytes = chance(&r, 20) ? 200 + (unsigned)t_below(&r, 3000) : 0;
	p->pull_events = sometimes(&r, 60, 8);
	p->cache = sometimes(&r, 40, 6);
	p->cuts = sometimes(&r, 50, 6);
	p->restores = sometimes(&r, 30, 2);
	if (p->commands == COMMANDS_LONG && p->restores == 0)
		p->restores = 1;
	p->clones = sometimes(&r, 25, 2);
	p->rewinds = sometimes(&r, 20, 2);
	p->leaps = sometimes(&r, p->shares ? 60 : 25, 3);
	p->foreign = sometimes(&r, 40, 8);
	p->aborts = sometimes(&r, 40, 6);
	p->crashes = sometimes(&r, 30, 20);
	p->hiccups = sometimes(&r, 30, 20);
	/* What an older hub took in, the same team may be full for later: then
	 * what others built on it waits for room. */
	p->quota = p->restores == 0 && chance(&r, 35) ?
	    2 + (unsigned)t_below(&r, 20) :
	    0;
	if (chance(&r, 60))
		p->online = 30 + (unsigned)t_below(&r, 71);
	p->blocked = sometimes(&r, 20, 50);
	p->naps = sometimes(&r, 30, 4);
}

/* --- knobs ------------------------------------------------------------------------- */

static const struct knob {
	const char *name;
	size_t at;
} knobs[] = {
#define X(knob) { #knob, offsetof(struct plan, knob) },
	PLAN_KNOBS(X)
#undef X
};

size_t
plan_knobs(void)
{
	return sizeof knobs / sizeof knobs[0];
}

const char *
plan_knob_name(size_t knob)
{
	return knobs[knob].name;
}

unsigned
plan_knob(const struct plan *p, size_t knob)
{
	unsigned v;

	memcpy(&v, (const char *)p + knobs[knob].at, sizeof v);
	return v;
}

void
plan_without(struct plan *p, unsigned long off)
{
	const unsigned zero = 0;

	for (size_t i = 0; i < plan_knobs(); i++)
		if (off >> i & 1)
			memcpy((char *)p + knobs[i].at, &zero, sizeof zero);
}

void
plan_print(const struct plan *p)
{
	printf("    %u accounts, %u machines, %u shared teams, delay %u ms, "
	       "timeout %u ms, end %llu ms",
	    p->accounts, p->machines, p->shared, p->delay_ms, p->timeout_ms,
	    (unsigned long long)p->end_ms);
	for (size_t i = 0; i < plan_knobs(); i++)
		if (plan_knob(p, i) > 0)
			printf(", %s %u", knobs[i].name, plan_knob(p, i));
	printf("\n");
}
