/* What a seed is about.  Not every fault is in every history: a fault that is
 * always there hides what happens without it. */
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
	p->machines = p->accounts + (unsigned)t_below(r, 3);
	if (p->machines < 2)
		p->machines = 2;
	p->shared = p->accounts > 1 ? 1 + (unsigned)t_below(r, SHARED_MAX) : 1;
	for (unsigned a = 0; a < p->accounts; a++) {
		p->member[0][a] = true;
		p->member[1][a] = p->shared > 1 && chance(r, 60);
	}
}

void
plan_draw(struct plan *p, uint64_t seed)
{
	struct t_rng r = { seed * 0x9e3779b97f4a7c15u + 1 };

	*p = (struct plan){ 0 };
	draw_teams(p, &r);
	p->commands = 1 + (unsigned)t_below(&r, chance(&r, 20) ? 200 : 60);
	p->end_ms = 20000 + t_below(&r, 60000);
	p->lost = sometimes(&r, 60, 40);
	p->doubled = sometimes(&r, 40, 30);
	p->late = sometimes(&r, 40, 30);
	p->delay_ms = 1 + (unsigned)t_below(&r, chance(&r, 50) ? 20 : 2000);
	p->timeout_ms = 200 + (unsigned)t_below(&r, 5000);
	p->busy = sometimes(&r, 30, 20);
	p->hub_fails = sometimes(&r, 25, 30);
	p->refused = chance(&r, 40) ? 2 + (unsigned)t_below(&r, 30) : 0;
	p->batch_max = sometimes(&r, 15, 10);
	p->batch_events = sometimes(&r, 60, 8);
	p->pull_events = sometimes(&r, 60, 8);
	p->cuts = sometimes(&r, 50, 6);
	p->restores = sometimes(&r, 30, 2);
	p->clones = sometimes(&r, 25, 2);
	p->rewinds = sometimes(&r, 20, 2);
	p->leaps = sometimes(&r, 25, 3);
	p->foreign = sometimes(&r, 40, 8);
	p->aborts = sometimes(&r, 40, 6);
	p->shares = chance(&r, 40);
	p->crashes = sometimes(&r, 30, 20);
}

void
plan_print(const struct plan *p)
{
	printf("accounts %u machines %u shared %u commands %u end %llu ms\n"
	       "lost %u%% doubled %u%% late %u%% delay %u ms timeout %u ms "
	       "busy %u%% hub fails %u%% crashes %u%%\n"
	       "refused 1/%u batch max %u batch %u pull %u cuts %u restores %u "
	       "clones %u rewinds %u leaps %u foreign %u aborts %u shares %d\n",
	    p->accounts, p->machines, p->shared, p->commands,
	    (unsigned long long)p->end_ms, p->lost, p->doubled, p->late,
	    p->delay_ms, p->timeout_ms, p->busy, p->hub_fails, p->crashes,
	    p->refused, p->batch_max, p->batch_events, p->pull_events, p->cuts,
	    p->restores, p->clones, p->rewinds, p->leaps, p->foreign, p->aborts,
	    p->shares);
}
