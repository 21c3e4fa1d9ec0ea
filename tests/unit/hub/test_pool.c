/* The pool: jobs in order, groups by weight, a queue with an end, threads that
 * cannot open, an end that finishes what waits. */
#include "pool.h"

#include <pthread.h>
#include <string.h>
#include <uv.h>

#include "fault.h"
#include "t.h"

enum { JOBS = 200 };

struct job {
	struct pool_job job; /* first */
	unsigned n;
	bool done;
};

/* What the threads saw; the gate holds them back until it is opened. */
struct world {
	uv_loop_t loop;
	struct loop_poster *poster;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool gate;                      /* take waits while it is shut */
	unsigned inside;                /* threads that wait at it */
	unsigned taken[JOBS], n_taken;  /* in order */
	unsigned group[JOBS], n_groups; /* jobs of each take */
	unsigned opened, closed,
	    fail_open; /* threads; which one fails, from 1 */
	unsigned rests, rests_waiting;
	unsigned done[JOBS], n_done;
	unsigned want;     /* done: then the loop stops */
	unsigned given_up; /* number of a job that is never taken; 0: none */
};
static struct world w;

static void
take(void *ctx, struct pool_job *list)
{
	unsigned n = 0;

	(void)ctx;
	(void)pthread_mutex_lock(&w.mutex);
	w.inside++;
	(void)pthread_cond_broadcast(&w.changed);
	while (!w.gate)
		(void)pthread_cond_wait(&w.changed, &w.mutex);
	w.inside--;
	for (struct pool_job *j = list; j != NULL; j = j->next) {
		struct job *job = (struct job *)(void *)j;

		w.taken[w.n_taken++] = job->n;
		j->rc = job->n % 7 == 0 ? ERR_REFUSED : ERR_OK;
		n++;
	}
	w.group[w.n_groups++] = n;
	(void)pthread_mutex_unlock(&w.mutex);
}

static unsigned
rest(void *ctx, bool waiting)
{
	(void)ctx;
	(void)pthread_mutex_lock(&w.mutex);
	w.rests++;
	w.rests_waiting += waiting;
	(void)pthread_cond_broadcast(&w.changed);
	(void)pthread_mutex_unlock(&w.mutex);
	return w.rests < 3 ? 1 : 0; /* again when nothing comes, a few times */
}

static enum err
open_thread(void *arg, void **ctx, struct err_info *e)
{
	enum err rc = ERR_OK;

	(void)pthread_mutex_lock(&w.mutex);
	*ctx = arg;
	if (++w.opened == w.fail_open)
		rc = err_setf(e, ERR_CORRUPT, "thread %u cannot", w.opened);
	(void)pthread_mutex_unlock(&w.mutex);
	return rc;
}

static void
close_thread(void *ctx)
{
	CHECK(ctx == &w);
	(void)pthread_mutex_lock(&w.mutex);
	w.closed++;
	(void)pthread_mutex_unlock(&w.mutex);
}

static void
on_done(struct pool_job *j)
{
	struct job *job = (struct job *)(void *)j;

	CHECK(!job->done);
	if (w.given_up == 0 || job->n != w.given_up)
		CHECK_U(j->rc, job->n % 7 == 0 ? ERR_REFUSED : ERR_OK);
	job->done = true;
	w.done[w.n_done++] = job->n;
	if (w.n_done == w.want)
		uv_stop(&w.loop);
}

static const struct pool_options plain = {
	.name = "test",
	.threads = 1,
	.jobs_max = JOBS,
	.group_max = 10,
	.open = open_thread,
	.close = close_thread,
	.take = take,
	.arg = &w,
};

static void
world_open(void)
{
	struct err_info e = { 0 };

	w = (struct world){ .gate = true };
	(void)pthread_mutex_init(&w.mutex, NULL);
	(void)pthread_cond_init(&w.changed, NULL);
	CHECK(uv_loop_init(&w.loop) == 0);
	CHECK_OK(loop_poster_new(&w.poster, &w.loop, &e), &e);
}

/* The pool has ended: what it gave back last is called here. */
static void
world_close(void)
{
	loop_poster_close(w.poster);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&w.loop) == 0);
	(void)pthread_mutex_destroy(&w.mutex);
	(void)pthread_cond_destroy(&w.changed);
}

static void
gate(bool open)
{
	(void)pthread_mutex_lock(&w.mutex);
	w.gate = open;
	(void)pthread_cond_broadcast(&w.changed);
	(void)pthread_mutex_unlock(&w.mutex);
}

static void
until_inside(unsigned threads)
{
	(void)pthread_mutex_lock(&w.mutex);
	while (w.inside < threads)
		(void)pthread_cond_wait(&w.changed, &w.mutex);
	(void)pthread_mutex_unlock(&w.mutex);
}

static void
push(struct pool *p, struct job *job, unsigned n, unsigned weight)
{
	struct err_info e = { 0 };

	*job = (struct job){ .n = n,
		.job = { .done = on_done, .weight = weight } };
	CHECK_OK(pool_push(p, &job->job, &e), &e);
}

/* Whoever has many waiting has one done, then the others their turn; each has its
 * own in order. */
static void
takes_turns(void)
{
	static const struct {
		const char *pushed, *taken;
	} row[] = {
		{ "aaaa", "aaaa" },
		{ "aaaab", "aabaa" }, /* the first is in work already */
		{ "aaaabb", "aababa" },
		{ "aaaabc", "aabcaa" },
		{ "abcabc", "abcabc" },
	};
	struct pool_options o = plain;

	o.group_max = 1;
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		const char *s = row[i].pushed;
		struct job job[JOBS];
		struct pool *p;
		struct err_info e = { 0 };
		unsigned n = 0, next[3] = { 0 };
		char taken[JOBS] = "";

		t_note("%s", s);
		world_open();
		gate(false);
		CHECK_OK(pool_new(&p, &o, w.poster, &e), &e);
		for (; s[n] != '\0'; n++) {
			job[n] = (struct job){ .n = n,
				.job = { .done = on_done,
				    .weight = 1,
				    .lane = str_n(s + n, 1) } };
			CHECK_OK(pool_push(p, &job[n].job, &e), &e);
			if (n == 0)
				until_inside(1);
		}
		w.want = n;
		gate(true);
		(void)uv_run(&w.loop, UV_RUN_DEFAULT);
		for (unsigned k = 0; k < n; k++) {
			taken[k] = s[w.taken[k]];
			CHECK(w.taken[k] >= next[taken[k] - 'a']);
			next[taken[k] - 'a'] = w.taken[k] + 1;
		}
		CHECK_STR(str_of(taken), row[i].taken);
		pool_free(p);
		world_close();
	}
}

/* A full queue gives up the last job of whoever has most for one who has less. */
static void
makes_room_for_others(void)
{
	static const char lanes[] = "aaaab";
	struct pool_options o = plain;
	struct job job[6];
	struct pool *p;
	struct err_info e = { 0 };

	o.group_max = 1;
	o.jobs_max = 3;
	world_open();
	gate(false);
	CHECK_OK(pool_new(&p, &o, w.poster, &e), &e);
	for (unsigned i = 0; i < 6; i++) {
		/* The last comes for whoever has most: it is refused itself. */
		job[i] = (struct job){ .n = i,
			.job = { .done = on_done,
			    .weight = 1,
			    .lane = str_n(lanes + i % 5, 1) } };
		CHECK_U(pool_push(p, &job[i].job, &e),
		    i < 5 ? ERR_OK : ERR_UNAVAILABLE);
		if (i == 0)
			until_inside(1);
	}
	CHECK_U(pool_waiting(p), 3);
	w.given_up = 3;
	w.want = 5;
	gate(true);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK_U(w.n_taken, 4);
	CHECK_U(job[3].job.rc, ERR_UNAVAILABLE);
	CHECK(job[3].done && job[4].done && !job[5].done);
	CHECK_U(w.taken[1], 1);
	CHECK_U(w.taken[2], 4);
	CHECK_U(w.taken[3], 2);
	pool_free(p);
	world_close();
}

/* Everything that is pushed comes back once, in order, with its own result. */
static void
gives_back_in_order(void)
{
	struct job job[JOBS];
	struct pool *p;
	struct err_info e = { 0 };

	world_open();
	CHECK_OK(pool_new(&p, &plain, w.poster, &e), &e);
	w.want = JOBS;
	for (unsigned i = 0; i < JOBS; i++)
		push(p, &job[i], i, 1 + i % 4);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK_U(w.n_done, JOBS);
	for (unsigned i = 0; i < JOBS; i++) {
		CHECK_U(w.taken[i], i);
		CHECK_U(w.done[i], i);
	}
	CHECK_U(pool_waiting(p), 0);
	pool_free(p);
	world_close();
	CHECK_U(w.opened, 1);
	CHECK_U(w.closed, 1);
}

/* One at a time goes in first; what waits meanwhile is taken together, up to the
 * weight of a group and never less than one. */
static void
takes_groups_by_weight(void)
{
	static const unsigned weight[] = { 1, 4, 5, 1, 1, 25, 9, 1, 1, 0, 0 };
	struct job job[11];
	struct pool *p;
	struct err_info e = { 0 };

	world_open();
	CHECK_OK(pool_new(&p, &plain, w.poster, &e), &e);
	gate(false);
	push(p, &job[0], 0, weight[0]);
	until_inside(1);
	for (unsigned i = 1; i < 11; i++)
		push(p, &job[i], i, weight[i]);
	CHECK_U(pool_waiting(p), 10);
	w.want = 11;
	gate(true);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	/* 1 | 4 5 1 | 1 | 25 | 9 1 | 1 0 0 */
	CHECK_U(w.n_groups, 6);
	CHECK_U(w.group[0], 1);
	CHECK_U(w.group[1], 3);
	CHECK_U(w.group[2], 1);
	CHECK_U(w.group[3], 1);
	CHECK_U(w.group[4], 2);
	CHECK_U(w.group[5], 3);
	pool_free(p);
	world_close();
}

/* The queue has an end, said by name; room is room again. */
static void
refuses_beyond_its_queue(void)
{
	struct pool_options o = plain;
	struct job job[5];
	struct pool *p;
	struct err_info e = { 0 };

	o.jobs_max = 2;
	world_open();
	CHECK_OK(pool_new(&p, &o, w.poster, &e), &e);
	gate(false);
	push(p, &job[0], 0, 1);
	until_inside(1);
	push(p, &job[1], 1, 1);
	push(p, &job[2], 2, 1);
	job[3] = (struct job){ .n = 3, .job = { .done = on_done } };
	CHECK_ERR(pool_push(p, &job[3].job, &e), ERR_UNAVAILABLE);
	CHECK(strstr(e.text, "test") != NULL);
	CHECK_U(pool_waiting(p), 2);
	w.want = 3;
	gate(true);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK(!job[3].done);
	w.want = 4;
	push(p, &job[4], 4, 1);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK(job[4].done);
	pool_free(p);
	world_close();
}

static void *
free_pool(void *arg)
{
	pool_free(arg);
	return NULL;
}

/* What waits when the end is called for is done all the same. */
static void
finishes_what_waits(void)
{
	struct pool_options o = plain;
	struct job job[20];
	struct pool *p;
	pthread_t ender;
	struct err_info e = { 0 };

	o.threads = 3;
	o.group_max = 1;
	world_open();
	CHECK_OK(pool_new(&p, &o, w.poster, &e), &e);
	gate(false);
	for (unsigned i = 0; i < 20; i++)
		push(p, &job[i], i, 1);
	until_inside(3);
	CHECK(pthread_create(&ender, NULL, free_pool, p) == 0);
	gate(true);
	CHECK(pthread_join(ender, NULL) == 0);
	CHECK_U(w.n_taken, 20);
	CHECK_U(w.closed, 3);
	CHECK_U(w.n_done, 0); /* the loop's to call */
	world_close();
	CHECK_U(w.n_done, 20);
	for (unsigned i = 0; i < 20; i++)
		CHECK(job[i].done);
}

/* Where one of the threads cannot open, there is no pool: its reason is told,
 * those that had opened are closed. */
static void
tells_who_cannot_open(void)
{
	struct pool_options o = plain;

	o.threads = 3;
	for (unsigned i = 1; i <= 3; i++) {
		struct err_info e = { 0 };
		struct pool *p = NULL;

		t_note("thread %u", i);
		world_open();
		w.fail_open = i;
		CHECK_ERR(pool_new(&p, &o, w.poster, &e), ERR_CORRUPT);
		CHECK(p == NULL);
		CHECK(strstr(e.text, "cannot") != NULL);
		CHECK_U(w.opened, 3);
		CHECK_U(w.closed, 2);
		world_close();
	}
}

/* After each group, then again in the quiet for as long as it asks. */
static void
rests_when_it_is_quiet(void)
{
	struct pool_options o = plain;
	struct job job[3];
	struct pool *p;
	struct err_info e = { 0 };

	o.rest = rest;
	o.group_max = 1;
	world_open();
	CHECK_OK(pool_new(&p, &o, w.poster, &e), &e);
	gate(false);
	for (unsigned i = 0; i < 2; i++)
		push(p, &job[i], i, 1);
	until_inside(1);
	w.want = 2;
	gate(true);
	(void)pthread_mutex_lock(&w.mutex);
	while (w.rests < 3)
		(void)pthread_cond_wait(&w.changed, &w.mutex);
	CHECK_U(w.rests_waiting, 1); /* only before the second */
	(void)pthread_mutex_unlock(&w.mutex);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK_U(w.n_done, 2);
	w.want = 3;
	push(p, &job[2], 2, 1);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	CHECK_U(w.n_done, 3);
	pool_free(p);
	world_close();
}

/* Each fault of the start: no pool, its reason, nothing leaked. */
static void
walks_the_faults_of_its_start(void)
{
	struct pool_options o = plain;
	bool hit;
	int n = 0;

	o.threads = 4;
	do {
		struct err_info e = { 0 };
		struct pool *p = NULL;
		enum err rc;

		t_note("fault %d", n);
		world_open();
		fault_arm(n++);
		rc = pool_new(&p, &o, w.poster, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		CHECK((p != NULL) == !hit);
		CHECK((e.text[0] != '\0') == hit);
		CHECK_U(w.opened, w.closed + (hit ? 0 : 4));
		pool_free(p);
		world_close();
		CHECK_U(w.opened, w.closed);
	} while (hit && n < 100);
	CHECK_U(n,
	    8); /* itself, its mutex, the list of threads, four threads */
}

/* Threads of a pool count faults with whoever made it. */
static enum err
open_counting(void *arg, void **ctx, struct err_info *e)
{
	*ctx = arg;
	return fault_tick() ? err_set(e, ERR_IO) : ERR_OK;
}

static void
counts_faults_with_its_maker(void)
{
	struct pool_options o = plain;
	struct fault_group g = { .countdown = -1 };
	struct err_info e = { 0 };
	struct pool *p = NULL;

	o.open = open_counting;
	o.close = NULL;
	world_open();
	fault_join(&g);
	fault_group_arm(&g, 4); /* itself, mutex, list, thread: then its open */
	CHECK_ERR(pool_new(&p, &o, w.poster, &e), ERR_IO);
	CHECK(fault_group_hit(&g));
	fault_group_arm(&g, 5);
	CHECK_OK(pool_new(&p, &o, w.poster, &e), &e);
	CHECK(!fault_group_hit(&g));
	fault_join(NULL);
	pool_free(p);
	world_close();
}

int
main(void)
{
	T_RUN(gives_back_in_order);
	T_RUN(takes_groups_by_weight);
	T_RUN(takes_turns);
	T_RUN(makes_room_for_others);
	T_RUN(refuses_beyond_its_queue);
	T_RUN(finishes_what_waits);
	T_RUN(tells_who_cannot_open);
	T_RUN(rests_when_it_is_quiet);
	T_RUN(walks_the_faults_of_its_start);
	T_RUN(counts_faults_with_its_maker);
	return t_done();
}
