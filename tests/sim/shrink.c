/* From a history that fails to a short one that fails in the same way.
 *
 * Path: knobs off one by one, then steps: halves, quarters ... (delta debugging:
 * Zeller and Hildebrandt), then knobs again.  Bounded by runs and by time; what
 * there is by then is good. */
#include <stdlib.h>
#include <time.h>

#include "sim.h"

enum { RUNS_MAX = 1500, SECONDS_MAX = 60 };

struct work {
	struct shrunk *to;
	struct run run; /* with the drop under trial */
	bool *trial;    /* own */
	const char *kind;
	struct timespec began;
};

static bool
spent(const struct work *k)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return k->to->runs >= RUNS_MAX ||
	    now.tv_sec - k->began.tv_sec > SECONDS_MAX;
}

/* Does the trial fail as the whole did? */
static bool
fails(struct work *k)
{
	struct world *w = calloc(1, sizeof *w);
	bool same;

	if (w == NULL)
		abort();
	k->to->runs++;
	k->run.drop = k->trial;
	world_run(w, &k->run);
	if (k->kind == NULL && w->failed)
		k->kind = w->kind;
	same = w->failed && w->kind == k->kind;
	if (same)
		memcpy(k->to->why, w->why, sizeof w->why);
	world_fini(w);
	free(w);
	return same;
}

static void
turn_knobs(struct work *k)
{
	struct plan p;

	plan_draw(&p, k->run.seed);
	for (size_t i = 0; i < plan_knobs() && !spent(k); i++) {
		unsigned long was = k->run.without;

		if (plan_knob(&p, i) == 0 || was >> i & 1)
			continue;
		k->run.without |= 1ul << i;
		memcpy(k->trial, k->to->drop, k->to->n_steps);
		if (!fails(k))
			k->run.without = was;
	}
}

/* Leave out the kept steps number from..from+n-1. */
static bool
leave_out(struct work *k, size_t from, size_t n)
{
	struct shrunk *to = k->to;
	size_t kept = 0;

	memcpy(k->trial, to->drop, to->n_steps);
	for (size_t i = 0; i < to->n_steps; i++) {
		if (to->drop[i])
			continue;
		if (kept >= from && kept < from + n)
			k->trial[i] = true;
		kept++;
	}
	if (!fails(k))
		return false;
	memcpy(to->drop, k->trial, to->n_steps);
	to->n_kept -= n;
	return true;
}

static void
leave_out_steps(struct work *k)
{
	struct shrunk *to = k->to;
	size_t part = to->n_kept;

	while (part > 0 && !spent(k)) {
		bool less = false;

		for (size_t at = 0; at < to->n_kept && !spent(k);) {
			size_t n =
			    to->n_kept - at < part ? to->n_kept - at : part;

			if (leave_out(k, at, n))
				less = true;
			else
				at += n;
		}
		/* One by one until none can go. */
		if (part > 1)
			part = (part + 1) / 2;
		else if (!less)
			part = 0;
	}
}

static size_t
steps_of(uint64_t seed)
{
	struct world *w = calloc(1, sizeof *w);
	size_t n;

	if (w == NULL)
		abort();
	w->seed = seed;
	plan_draw(&w->plan, seed);
	w->n_machines = w->plan.machines;
	steps_draw(w);
	n = w->n_steps;
	free(w->step);
	free(w);
	return n;
}

void
shrink(struct shrunk *ret, uint64_t seed, unsigned long without,
    const bool *drop)
{
	struct work k = { .to = ret,
		.run = { .seed = seed, .without = without } };

	*ret = (struct shrunk){ .n_steps = steps_of(seed) };
	ret->drop = calloc(ret->n_steps + 1, 1);
	k.trial = calloc(ret->n_steps + 1, 1);
	if (ret->drop == NULL || k.trial == NULL)
		abort();
	for (size_t i = 0; i < ret->n_steps; i++) {
		ret->drop[i] = drop != NULL && drop[i];
		ret->n_kept += !ret->drop[i];
	}
	memcpy(k.trial, ret->drop, ret->n_steps);
	(void)clock_gettime(CLOCK_MONOTONIC, &k.began);
	if (fails(&k)) {
		turn_knobs(&k);
		leave_out_steps(&k);
		turn_knobs(&k);
	}
	ret->without = k.run.without;
	free(k.trial);
}

void
shrunk_fini(struct shrunk *s)
{
	free(s->drop);
}
