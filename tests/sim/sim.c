/* sim [--seeds N] [--seed S] [--commands N] [--failures N] [-v]: histories of
 * seeds S, S+1 ... until so many failed.
 *
 * One seed alone is run with its trace where -v asks for it.  A failure prints
 * what was wrong, the least number of commands for which it still happens, and
 * the command that repeats it. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct args {
	uint64_t seed, seeds, commands, failures;
	bool verbose;
};

static bool
run(uint64_t seed, size_t commands, bool tell, char *why, size_t n)
{
	struct world *w = calloc(1, sizeof *w);
	bool ok;

	if (w == NULL)
		abort();
	world_run(w, seed, commands, tell);
	ok = !w->failed;
	if (!ok)
		(void)snprintf(why, n, "%s", w->why);
	world_fini(w);
	free(w);
	return ok;
}

/* Fewer commands make a shorter story; any failure counts. */
static size_t
shorten(uint64_t seed, size_t commands)
{
	char why[1024];
	size_t n = 0;

	while (n < commands && run(seed, n, false, why, sizeof why))
		n++;
	return n;
}

static void
report(uint64_t seed, size_t commands, const char *why)
{
	struct plan p;
	size_t n;

	plan_draw(&p, seed);
	if (commands > p.commands)
		commands = p.commands;
	n = shorten(seed, commands);
	printf("seed %" PRIu64 " failed: %s\n", seed, why);
	printf("again: ./dev sim --seed %" PRIu64 " --commands %zu -v\n", seed,
	    n);
	(void)fflush(stdout);
}

static int
usage(const char *what)
{
	(void)fprintf(stderr,
	    "sim: %s\n"
	    "usage: sim [--seeds N] [--seed S] [--commands N] "
	    "[--failures N] [-v]\n",
	    what);
	return 2;
}

static bool
number(const char *z, uint64_t *ret)
{
	return z != NULL && str_u64(str_of(z), ret);
}

static bool
parse(int argc, char **argv, struct args *a)
{
	bool one = false, many = false;

	*a = (struct args){ 1, 1000, SIZE_MAX, 20, false };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0)
			a->verbose = true;
		else if (strcmp(argv[i], "--seed") == 0 &&
		    number(argv[i + 1], &a->seed))
			one = ++i > 0;
		else if (strcmp(argv[i], "--seeds") == 0 &&
		    number(argv[i + 1], &a->seeds))
			many = ++i > 0;
		else if (strcmp(argv[i], "--commands") == 0 &&
		    number(argv[i + 1], &a->commands))
			i++;
		else if (strcmp(argv[i], "--failures") == 0 &&
		    number(argv[i + 1], &a->failures))
			i++;
		else
			return false;
	}
	if (one && !many)
		a->seeds = 1;
	return true;
}

int
main(int argc, char **argv)
{
	struct timespec t0, t1;
	struct args a;
	uint64_t failed = 0;
	double s;

	if (!parse(argc, argv, &a))
		return usage("what is that?");
	(void)clock_gettime(CLOCK_MONOTONIC, &t0);
	for (uint64_t i = 0; i < a.seeds && failed < a.failures; i++) {
		char why[1024];

		if (run(a.seed + i, a.commands, a.verbose, why, sizeof why))
			continue;
		failed++;
		report(a.seed + i, a.commands, why);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &t1);
	s = (double)(t1.tv_sec - t0.tv_sec) +
	    (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	printf("%" PRIu64 " histories, %" PRIu64
	       " failed, %.1f s (%.0f a minute)\n",
	    a.seeds, failed, s, (double)a.seeds * 60 / s);
	return failed > 0;
}
