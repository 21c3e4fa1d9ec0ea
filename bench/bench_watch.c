/* The doorbell: from before it is touched in one process until watch_turn tells of
 * it in another, beside a byte through a pipe.
 *
 *	bench_watch [rounds]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "lab.h"
#include "watch.h"

/* What both processes see. */
struct shared {
	double rung; /* when, in seconds */
};

struct bench {
	struct arena a;
	char *folder, *bell;
	struct shared *shared;
	struct watch *w;
	int go[2], byte[2]; /* pipes to and from the other process */
	double told;
	double *us; /* own: of each round */
};

static void
on_change(void *ctx, const struct watch_change *c)
{
	(void)c;
	((struct bench *)ctx)->told = lab_now();
}

/* The other process: at each word, when we are sure to sleep, it rings. */
static void
ring(struct bench *b)
{
	struct err_info e = { 0 };
	char how;

	while (read(b->go[0], &how, 1) == 1) {
		double until = lab_now() + 200e-6;

		while (lab_now() < until)
			continue;
		b->shared->rung = lab_now();
		if (how == 'p' ? write(b->byte[1], "x", 1) != 1 :
		                 os_touch(b->bell, &e) != ERR_OK)
			_exit(1);
	}
	_exit(0);
}

static enum err
wait_bell(struct bench *b, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (b->told = 0; b->told == 0 && rc == ERR_OK;) {
		struct pollfd p = { .fd = watch_fd(b->w), .events = POLLIN };

		if (poll(&p, 1, 5000) != 1)
			return err_setf(e, ERR_TIMEOUT, "nothing was told");
		rc = watch_turn(b->w, os_mono_ms(), e);
	}
	return rc;
}

static enum err
wait_byte(struct bench *b, struct err_info *e)
{
	struct pollfd p = { .fd = b->byte[0], .events = POLLIN };
	char c;

	if (poll(&p, 1, 5000) != 1 || read(b->byte[0], &c, 1) != 1)
		return err_setf(e, ERR_TIMEOUT, "no byte came");
	b->told = lab_now();
	return ERR_OK;
}

/* p50 and p99 of so many rounds. */
static enum err
rounds(struct bench *b, char how, size_t n, double ret[2], struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		if (write(b->go[1], &how, 1) != 1)
			return err_setf(e, ERR_IO, "the other process went");
		rc = how == 'p' ? wait_byte(b, e) : wait_bell(b, e);
		b->us[i] = (b->told - b->shared->rung) * 1e6;
	}
	ret[0] = lab_median(b->us, n); /* sorts */
	ret[1] = b->us[n * 99 / 100];
	return rc;
}

static enum err
bench_open(struct bench *b, size_t n, struct err_info *e)
{
	struct watch_options opt = { .world = watch_world_system(),
		.poll_ms = 1000,
		.on_change = on_change,
		.ctx = b };
	struct watch_root root = { .only = "doorbell" };
	unsigned number;
	enum err rc = lab_folder(&b->a, &b->folder, e);

	if (rc != ERR_OK)
		return rc;
	b->bell = arena_fmt(&b->a, "%s/doorbell", b->folder);
	b->us = mem_alloc(n * sizeof *b->us);
	b->shared = mmap(NULL, sizeof *b->shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->bell == NULL || b->us == NULL || b->shared == MAP_FAILED)
		return err_set(e, ERR_NOMEM);
	if (pipe(b->go) != 0 || pipe(b->byte) != 0)
		return err_setf(e, ERR_IO, "pipe");
	root.path = b->folder;
	rc = os_touch(b->bell, e);
	if (rc == ERR_OK)
		rc = watch_open(&opt, &b->w, e);
	if (rc == ERR_OK)
		rc = watch_add(b->w, &root, &number, e);
	return rc == ERR_OK ? watch_turn(b->w, os_mono_ms(), e) : rc;
}

static enum err
measure(struct bench *b, size_t n, struct err_info *e)
{
	static const char *const what[] = { "doorbell to watch_turn, p50",
		"doorbell to watch_turn, p99" };
	static const double target[] = { 1000, 5000 };
	double ours[2] = { 0 }, best[2] = { 0 };
	enum err rc = rounds(b, 'b', n, ours, e);

	if (rc == ERR_OK)
		rc = rounds(b, 'p', n, best, e);
	for (int i = 0; i < 2 && rc == ERR_OK; i++)
		lab_row(&(struct lab_row){ .what = what[i],
		    .ours = ours[i],
		    .best = best[i],
		    .target = target[i],
		    .unit = "us",
		    .best_is = "a byte through a pipe" });
	return rc;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 1 ? (size_t)atoi(argv[1]) : 2000;
	struct bench b = { 0 };
	struct err_info e = { 0 };
	enum err rc = bench_open(&b, n, &e);
	int pid = rc == ERR_OK ? fork() : -1, status;

	if (pid == 0) {
		(void)close(b.go[1]);
		ring(&b);
	}
	if (pid > 0) {
		rc = measure(&b, n, &e);
		(void)close(b.go[1]);
		(void)waitpid(pid, &status, 0);
	}
	if (rc != ERR_OK || pid < 0)
		fprintf(stderr, "bench_watch: %s\n", e.text);
	watch_close(b.w);
	lab_folder_remove(b.folder);
	arena_fini(&b.a);
	free(b.us);
	return rc != ERR_OK || pid < 0;
}
