/* sim [--seeds N] [--seed S] [--failures N] [--whole] [--all-kinds] [-v]
 *     [--keep N,N-N,..] [--without KNOB,..]: histories of seeds S, S+1 ... until
 * so many failed.
 *
 * A failure prints what was wrong, the shortened history (unless the whole was
 * asked for), and the command that repeats it.  At the end: how often each kind of thing happened; a kind that
 * never did in a thousand histories (or, with --all-kinds, in fewer) is a failure
 * of the simulator.  One history alone is told step by step where -v asks. */
#include "sim.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS_FOR_ALL_KINDS = 1000, HISTORY_SECONDS_MAX = 300 };

struct args {
	uint64_t seed, seeds, failures;
	bool verbose, all_kinds, whole;
	const char *keep;
	unsigned long without;
};

/* --- a history that ends the program -------------------------------------------- */

static char last_words[160];

/* An assertion of the product, a sanitizer, or a history without end. */
static void
die(int sig)
{
	ssize_t n = write(STDOUT_FILENO, last_words, strlen(last_words));

	(void)n;
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void
prepare_to_die(uint64_t seed)
{
	static const int signals[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE,
		SIGALRM };
	int n = snprintf(last_words, sizeof last_words,
	    "seed %" PRIu64 " failed: it ends the program\n"
	    "again: ./dev sim --seed %" PRIu64 " -v\n",
	    seed, seed);

	if (n < 0)
		abort();
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)signal(signals[i], die);
	(void)alarm(HISTORY_SECONDS_MAX);
}

/* --- steps by number -------------------------------------------------------------- */

/* "3,7-9": all others are dropped.  NULL: not such a list. */
static bool *
drop_all_but(const char *keep)
{
	enum { NUMBER_MAX = 100000 };
	bool *drop = malloc(NUMBER_MAX + 1);
	struct str list = str_of(keep), part;

	if (drop == NULL)
		abort();
	memset(drop, true, NUMBER_MAX + 1);
	if (str_is(list, "none"))
		return drop;
	while (str_split(&list, ',', &part)) {
		struct str from;
		uint64_t a = 0, b;
		bool ok = str_split(&part, '-', &from) && str_u64(from, &a);

		b = a;
		if (ok && part.n > 0)
			ok = str_u64(part, &b);
		if (!ok || b > NUMBER_MAX) {
			free(drop);
			return NULL;
		}
		for (; a <= b; a++)
			drop[a] = false;
	}
	return drop;
}

static void
print_kept(const struct shrunk *s)
{
	const char *comma = "";

	if (s->n_kept == 0)
		printf("none");
	for (size_t i = 0; i < s->n_steps; i++) {
		size_t to = i;

		if (s->drop[i])
			continue;
		while (to + 1 < s->n_steps && !s->drop[to + 1])
			to++;
		printf("%s%zu", comma, i);
		if (to > i)
			printf("-%zu", to);
		comma = ",";
		i = to;
	}
}

static void
print_again(const struct shrunk *s, uint64_t seed)
{
	const char *comma = " --without ";

	printf("again: ./dev sim --seed %" PRIu64 " --keep ", seed);
	print_kept(s);
	for (size_t i = 0; i < plan_knobs(); i++) {
		if (!(s->without >> i & 1))
			continue;
		printf("%s%s", comma, plan_knob_name(i));
		comma = ",";
	}
	printf(" -v\n");
}

/* --- one seed ---------------------------------------------------------------------- */

static bool
run(const struct run *r, unsigned long *count, char *why, size_t n)
{
	struct world *w = calloc(1, sizeof *w);
	bool ok;

	if (w == NULL)
		abort();
	prepare_to_die(r->seed);
	world_run(w, r);
	ok = !w->failed;
	if (!ok)
		(void)snprintf(why, n, "%s", w->why);
	counts_add(count, w->count);
	world_fini(w);
	free(w);
	return ok;
}

static void
report(const struct run *failed, const char *why, bool whole)
{
	unsigned long count[COUNT_ALL] = { 0 };
	struct shrunk s;
	struct run again = { .seed = failed->seed, .tell = TELL_STEPS };
	char short_why[1024] = "";

	printf("seed %" PRIu64 " failed: %s\n", failed->seed, why);
	if (whole)
		printf("again: ./dev sim --seed %" PRIu64 "\n", failed->seed);
	(void)fflush(stdout);
	if (whole)
		return;
	shrink(&s, failed->seed, failed->without, failed->drop);
	printf("shortened to %zu of %zu steps in %u runs:\n", s.n_kept,
	    s.n_steps, s.runs);
	again.drop = s.drop;
	again.without = s.without;
	(void)run(&again, count, short_why, sizeof short_why);
	printf("         FAILED: %s\n", short_why);
	print_again(&s, failed->seed);
	(void)fflush(stdout);
	shrunk_fini(&s);
}

/* --- arguments ------------------------------------------------------------------------ */

static int
usage(void)
{
	(void)fprintf(stderr,
	    "usage: sim [--seeds N] [--seed S] [--failures N] [--whole]\n"
	    "           [--all-kinds] [--keep N,N-N,..] [--without KNOB,..] "
	    "[-v]\nknobs:");
	for (size_t i = 0; i < plan_knobs(); i++)
		(void)fprintf(stderr, " %s", plan_knob_name(i));
	(void)fprintf(stderr, "\n");
	return 2;
}

static bool
number(const char *z, uint64_t *ret)
{
	return z != NULL && str_u64(str_of(z), ret);
}

static bool
knobs(const char *z, unsigned long *ret)
{
	struct str list = str_of(z), name;

	while (str_split(&list, ',', &name)) {
		size_t i = 0;

		while (i < plan_knobs() && !str_is(name, plan_knob_name(i)))
			i++;
		if (i == plan_knobs())
			return false;
		*ret |= 1ul << i;
	}
	return true;
}

static bool
option(struct args *a, const char *word, const char *value, bool *one)
{
	if (value == NULL)
		return false;
	if (strcmp(word, "--seed") == 0)
		return *one = number(value, &a->seed);
	if (strcmp(word, "--seeds") == 0)
		return number(value, &a->seeds);
	if (strcmp(word, "--failures") == 0)
		return number(value, &a->failures);
	if (strcmp(word, "--without") == 0)
		return knobs(value, &a->without);
	if (strcmp(word, "--keep") == 0)
		a->keep = value;
	return strcmp(word, "--keep") == 0;
}

static bool
parse(int argc, char **argv, struct args *a)
{
	bool one = false;

	*a = (struct args){ .seed = 1, .failures = 20 };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0)
			a->verbose = true;
		else if (strcmp(argv[i], "--all-kinds") == 0)
			a->all_kinds = true;
		else if (strcmp(argv[i], "--whole") == 0)
			a->whole = true;
		else if (!option(a, argv[i], argv[i + 1], &one))
			return false;
		else
			i++;
	}
	if (a->seeds == 0)
		a->seeds = one ? 1 : 1000;
	return true;
}

/* --- many seeds ------------------------------------------------------------------------ */

static double
seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t
run_all(const struct args *a, const bool *drop, unsigned long *count,
    uint64_t *failed)
{
	uint64_t done = 0;

	for (; done < a->seeds && *failed < a->failures; done++) {
		struct run r = { .seed = a->seed + done,
			.drop = drop,
			.without = a->without,
			.tell = a->verbose ? TELL_ALL : TELL_NOTHING };
		char why[1024];

		if (run(&r, count, why, sizeof why))
			continue;
		++*failed;
		report(&r, why, a->whole);
	}
	return done;
}

int
main(int argc, char **argv)
{
	unsigned long count[COUNT_ALL] = { 0 };
	struct args a;
	uint64_t failed = 0, done;
	unsigned missing = 0;
	bool *drop = NULL;
	double cpu;

	if (!parse(argc, argv, &a))
		return usage();
	if (a.keep != NULL && (drop = drop_all_but(a.keep)) == NULL)
		return usage();
	done = run_all(&a, drop, count, &failed);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	counts_print(count);
	if (a.all_kinds || (done >= SEEDS_FOR_ALL_KINDS && failed == 0))
		missing = counts_missing(count);
	printf("%" PRIu64 " histories from seed %" PRIu64 ", %" PRIu64
	       " failed, %.1f s of one core (%.0f a minute)\n",
	    done, a.seed, failed, cpu, (double)done * 60 / cpu);
	free(drop);
	return failed > 0 || missing > 0;
}
