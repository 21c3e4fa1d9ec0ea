/* The steps of a history: commands and faults that come by themselves.  All are
 * drawn before anything happens, each with dice of its own, so that leaving some
 * out changes the others as little as can be. */
#include <stdlib.h>

#include "sim.h"

static struct step *
add(struct world *w, struct t_rng *dice, uint64_t at, enum happening what,
    unsigned machine)
{
	struct step *s;

	if (w->n_steps == w->cap_steps) {
		w->cap_steps = w->cap_steps ? 2 * w->cap_steps : 64;
		w->step = realloc(w->step, w->cap_steps * sizeof *w->step);
		if (w->step == NULL)
			abort();
	}
	s = &w->step[w->n_steps++];
	*s = (struct step){ .at = at,
		.what = what,
		.machine = machine,
		.dice = { t_rand(dice) } };
	return s;
}

/* So often at any time, at any machine. */
static void
some(struct world *w, struct t_rng *dice, enum happening what, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint64_t at = t_below(dice, w->plan.end_ms);

		(void)add(w, dice, at, what,
		    (unsigned)t_below(dice, w->plan.machines));
	}
}

/* First one, some time later the other, at the same machine. */
static void
pairs(struct world *w, struct t_rng *dice, enum happening first,
    enum happening then, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		unsigned m = (unsigned)t_below(dice, w->plan.machines);
		uint64_t at = t_below(dice, w->plan.end_ms);

		(void)add(w, dice, at, first, m);
		(void)add(w, dice, at + t_below(dice, w->plan.end_ms - at),
		    then, m);
	}
}

/* A twin, and what is done at it. */
static void
clones(struct world *w, struct t_rng *dice)
{
	for (unsigned i = 0; i < w->plan.clones; i++) {
		uint64_t at = t_below(dice, w->plan.end_ms);
		unsigned of = (unsigned)t_below(dice, w->plan.machines);

		if (w->n_machines == MACHINES_MAX)
			return;
		add(w, dice, at, CLONE, of)->twin = w->n_machines;
		/* What both have unsent gets other stamps there than here. */
		for (unsigned k = 0; k < w->plan.leaps; k++)
			(void)add(w, dice, at + 1, LEAP, w->n_machines);
		for (unsigned k = 0; k < 10; k++)
			(void)add(w, dice, at + 1 + t_below(dice, 20000),
			    COMMAND, w->n_machines);
		w->n_machines++;
	}
}

void
steps_draw(struct world *w)
{
	struct t_rng dice = { w->seed ^ 0xd1ce };
	const struct plan *p = &w->plan;

	some(w, &dice, COMMAND, p->commands);
	some(w, &dice, LEAP, p->leaps);
	some(w, &dice, ABORT, p->aborts);
	some(w, &dice, FOREIGN, p->foreign);
	pairs(w, &dice, CUT, MEND, p->cuts);
	pairs(w, &dice, BACKUP, RESTORE, p->restores);
	pairs(w, &dice, KEEP, REWIND, p->rewinds);
	clones(w, &dice);
	some(w, &dice, NAP, p->naps);
}

void
steps_begin(struct world *w)
{
	for (size_t i = 0; i < w->n_steps; i++) {
		const struct step *s = &w->step[i];

		if ((w->run.drop != NULL && w->run.drop[i]) ||
		    s->at >= w->plan.end_ms)
			continue;
		world_at(w, s->at, s->what, s->machine, i, NULL);
	}
}
