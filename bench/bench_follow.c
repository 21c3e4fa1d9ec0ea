/* Following: from the return of a commit in one process until the line that
 * `clowder watch` prints about it is read from its pipe, beside a byte through a
 * pipe.
 *
 *	bench_follow CLOWDER [rounds [WRITER-HOME WATCH-HOME]]
 *
 * With two homes it is the way from one machine to another: over their daemons and
 * a hub, which are there already (two_homes.py).
 */
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "context.h"
#include "fault.h"
#include "lab.h"

extern char **environ;

#define PACE_S 0.01

/* What both processes see. */
struct shared {
	double done; /* when the deed was, in seconds */
};

struct bench {
	struct arena a;
	const char *clowder;
	const char *writer_home, *watch_home; /* borrow; NULL: one for both */
	char *folder;
	struct shared *shared;
	int go[2], byte[2],
	    line[2];       /* pipes: to the writer, from it, of watch */
	int writer, watch; /* processes */
	double *us;        /* own: of each round */
};

/* --- the other process ------------------------------------------------------------ */

static enum err
commit(struct store *s, space_id sp, struct err_info *e)
{
	struct draft d = { .type = STR("todo_added"),
		.aggregate_type = STR("todo"),
		.aggregate_id = STR("0123456789abcdef0123456789abcdef"),
		.project_uuid = STR("11111111-1111-4111-8111-111111111111"),
		.author = STR("user:bench"),
		.payload = STR("{\"content\":\"write the bench\"}") };
	enum err rc = store_begin(s, e);

	if (rc == ERR_OK)
		rc = store_author(s, sp, &d, NULL, e);
	return rc == ERR_OK ? store_commit(s, e) : rc;
}

static void
writer(struct bench *b)
{
	struct err_info e = { 0 };
	struct store *s;
	struct ctx c;
	space_id sp;
	enum err rc;
	char how;

	if (b->writer_home != NULL &&
	    setenv("CLOWDER_HOME", b->writer_home, 1) != 0)
		_exit(1);
	ctx_init(&c, "clowder");
	rc = ctx_store_write(&c, &s, &e);
	if (rc == ERR_OK)
		rc = spaces_private(s, &sp, &e);
	while (rc == ERR_OK && read(b->go[0], &how, 1) == 1) {
		double until = lab_now() + 500e-6;

		while (lab_now() < until) /* until we are sure to sleep */
			continue;
		if (how == 'c')
			rc = commit(s, sp, &e);
		b->shared->done = lab_now();
		if (how == 'p' && write(b->byte[1], "x", 1) != 1)
			break;
	}
	if (rc != ERR_OK)
		fprintf(stderr, "bench_follow: writer: %s\n", e.text);
	ctx_fini(&c);
	_exit(rc != ERR_OK);
}

/* --- here ------------------------------------------------------------------------- */

static enum err
watch_start(struct bench *b, struct err_info *e)
{
	const char *argv[] = { b->clowder, "watch", "--all-projects", NULL };
	posix_spawn_file_actions_t fa;
	int rc = posix_spawn_file_actions_init(&fa);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&fa, b->line[1], 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&fa, 3);
	if (rc == 0)
		rc = posix_spawn(&b->watch, b->clowder, &fa, NULL,
		    (char *const *)(void *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	return rc == 0 ? ERR_OK : err_sys(e, rc, "%s", b->clowder);
}

static enum err
wait_on(int fd, char end, int patience_ms, double *at, struct err_info *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char text[4096];
	ssize_t n;

	do {
		if (poll(&p, 1, patience_ms) != 1)
			return err_setf(e, ERR_TIMEOUT, "nothing came");
		n = read(fd, text, sizeof text);
		if (n <= 0)
			return err_setf(e, ERR_IO, "the other end went");
	} while (text[n - 1] != end);
	*at = lab_now();
	return ERR_OK;
}

static enum err
once(struct bench *b, char how, int patience_ms, double *us, struct err_info *e)
{
	double at = 0;
	enum err rc;

	if (write(b->go[1], &how, 1) != 1)
		return err_setf(e, ERR_IO, "the writer went");
	rc = how == 'p' ? wait_on(b->byte[0], 'x', patience_ms, &at, e) :
	                  wait_on(b->line[0], '\n', patience_ms, &at, e);
	*us = (at - b->shared->done) * 1e6;
	/* The ring is in the commit: the line may be there before its end. */
	*us = *us > 0 ? *us : 0;
	return rc;
}

/* p50 and p99 of so many rounds. */
static enum err
rounds(struct bench *b, char how, size_t n, double ret[2], struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		double next = lab_now() + PACE_S;

		rc = once(b, how, 5000, &b->us[i], e);
		/* At the pace of a busy team, where it goes over a hub. */
		if (b->watch_home != NULL && how == 'c' && lab_now() < next)
			(void)usleep((useconds_t)((next - lab_now()) * 1e6));
	}
	ret[0] = lab_median(b->us, n); /* sorts */
	ret[1] = b->us[n * 99 / 100];
	return rc;
}

/* Until watch has begun nobody prints. */
static enum err
warm(struct bench *b, struct err_info *e)
{
	enum err rc = ERR_TIMEOUT;
	double us;

	for (int i = 0; i < 100 && rc == ERR_TIMEOUT; i++)
		rc = once(b, 'c', 100, &us, e);
	return rc;
}

static enum err
bench_open(struct bench *b, size_t n, struct err_info *e)
{
	enum err rc = lab_folder(&b->a, &b->folder, e);

	if (rc != ERR_OK)
		return rc;
	b->us = mem_alloc(n * sizeof *b->us);
	b->shared = mmap(NULL, sizeof *b->shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->us == NULL || b->shared == MAP_FAILED)
		return err_set(e, ERR_NOMEM);
	if (setenv("CLOWDER_HOME", b->watch_home ? b->watch_home : b->folder,
	        1) != 0 ||
	    pipe(b->go) != 0 || pipe(b->byte) != 0 || pipe(b->line) != 0)
		return err_setf(e, ERR_IO, "pipe");
	return ERR_OK;
}

static enum err
measure(struct bench *b, size_t n, struct err_info *e)
{
	static const char *const what[][2] = {
		{ "commit to line of watch, p50",
		    "commit to line of watch, p99" },
		{ "commit to line of watch elsewhere, p50",
		    "commit to line of watch elsewhere, p99" }
	};
	static const double target[][2] = { { 1000, 5000 }, { 3000, 10000 } };
	int far = b->watch_home != NULL;
	double ours[2] = { 0 }, best[2] = { 0 };
	enum err rc = watch_start(b, e);

	if (rc == ERR_OK)
		rc = warm(b, e);
	if (rc == ERR_OK)
		rc = rounds(b, 'c', n, ours, e);
	if (rc == ERR_OK)
		rc = rounds(b, 'p', n, best, e);
	for (int i = 0; i < 2 && rc == ERR_OK; i++)
		lab_row(&(struct lab_row){ .what = what[far][i],
		    .ours = ours[i],
		    .best = best[i],
		    .target = target[far][i],
		    .unit = "us",
		    .best_is = "a byte through a pipe" });
	return rc;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)atoi(argv[2]) : 1000;
	struct bench b = { .clowder = argc > 1 ? argv[1] : "clowder",
		.writer_home = argc > 4 ? argv[3] : NULL,
		.watch_home = argc > 4 ? argv[4] : NULL };
	struct err_info e = { 0 };
	enum err rc = bench_open(&b, n, &e);
	int status;

	b.writer = rc == ERR_OK ? fork() : -1;
	if (b.writer == 0) {
		(void)close(b.go[1]);
		writer(&b);
	}
	if (b.writer > 0) {
		rc = measure(&b, n, &e);
		(void)close(b.go[1]);
		(void)waitpid(b.writer, &status, 0);
	}
	if (b.watch > 0) {
		(void)kill(b.watch, SIGTERM);
		(void)waitpid(b.watch, &status, 0);
	}
	if (rc != ERR_OK || b.writer < 0)
		fprintf(stderr, "bench_follow: %s\n", e.text);
	lab_folder_remove(b.folder);
	arena_fini(&b.a);
	free(b.us);
	return rc != ERR_OK || b.writer < 0;
}
