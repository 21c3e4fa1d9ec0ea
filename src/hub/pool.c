#include "pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "fault.h"

struct pool {
	struct pool_options o;
	struct loop_poster *poster; /* ref */
	struct fault_group *faults; /* of who made it; borrow */
	pthread_mutex_t mutex;
	pthread_cond_t wake;   /* a job came, or the end */
	pthread_cond_t opened; /* a thread has opened */
	/* By round, and as they came within one.  A job's round is one more than that
	 * of the job of its lane that waits in front of it, at least the present. */
	struct pool_job *first, **last;
	size_t n;
	uint64_t round; /* of the job taken last */
	bool ending;
	unsigned n_open;
	enum err open_rc; /* of the first thread that could not */
	struct err_info open_e;
	pthread_t *thread; /* own */
	unsigned n_threads;
};

/* With the mutex held: jobs from the front up to the weight of a group, at
 * least one. */
static struct pool_job *
take_group(struct pool *p)
{
	struct pool_job *list = p->first, *job = list;
	unsigned weight = job->weight;

	p->n--;
	while (job->next != NULL &&
	    weight + job->next->weight <= p->o.group_max) {
		job = job->next;
		weight += job->weight;
		p->n--;
	}
	p->round = job->round;
	p->first = job->next;
	if (p->first == NULL)
		p->last = &p->first;
	job->next = NULL;
	return list;
}

static void
call_done(void *arg)
{
	struct pool_job *job = arg;

	job->done(job);
}

static void
give_back(struct pool *p, struct pool_job *list)
{
	while (list != NULL) {
		struct pool_job *job = list;

		list = list->next;
		job->next = NULL;
		job->item = (struct loop_item){ .fn = call_done, .arg = job };
		/* The poster is closed only after every pool has ended. */
		(void)loop_post_item(p->poster, &job->item);
	}
}

/* With the mutex held: wait for a job or the end, at most ms (0: no bound).
 * False where the time is over. */
static bool
wait_for_job(struct pool *p, unsigned ms)
{
	struct timespec until;
	int bad = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail */
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while (p->first == NULL && !p->ending && bad == 0)
		bad = ms > 0 ?
		    pthread_cond_timedwait(&p->wake, &p->mutex, &until) :
		    pthread_cond_wait(&p->wake, &p->mutex);
	return p->first != NULL || p->ending;
}

/* With the mutex held, which is let go meanwhile. */
static unsigned
rest(struct pool *p, void *ctx)
{
	bool waiting = p->first != NULL;
	unsigned ms;

	if (p->o.rest == NULL)
		return 0;
	(void)pthread_mutex_unlock(&p->mutex);
	ms = p->o.rest(ctx, waiting);
	(void)pthread_mutex_lock(&p->mutex);
	return ms;
}

static void
serve(struct pool *p, void *ctx)
{
	unsigned rest_ms = 0;

	(void)pthread_mutex_lock(&p->mutex);
	for (;;) {
		struct pool_job *list;

		if (!wait_for_job(p, rest_ms)) {
			rest_ms = rest(p, ctx);
			continue;
		}
		if (p->first == NULL)
			break;
		list = take_group(p);
		(void)pthread_mutex_unlock(&p->mutex);
		p->o.take(ctx, list);
		/* First the answers, then what nobody waits for. */
		give_back(p, list);
		(void)pthread_mutex_lock(&p->mutex);
		rest_ms = rest(p, ctx);
	}
	(void)pthread_mutex_unlock(&p->mutex);
}

static void *
run(void *arg)
{
	struct pool *p = arg;
	struct err_info e = { 0 };
	void *ctx = p->o.arg;
	enum err rc;

	fault_join(p->faults);
	rc = p->o.open ? p->o.open(p->o.arg, &ctx, &e) : ERR_OK;
	(void)pthread_mutex_lock(&p->mutex);
	p->n_open++;
	if (rc != ERR_OK && p->open_rc == ERR_OK) {
		p->open_rc = rc;
		p->open_e = e;
	}
	(void)pthread_cond_signal(&p->opened);
	(void)pthread_mutex_unlock(&p->mutex);
	if (rc == ERR_OK) {
		serve(p, ctx);
		if (p->o.close != NULL)
			p->o.close(ctx);
	}
	return NULL;
}

/* Mutex and conditions; the waits with a bound are by the clock that nobody
 * sets. */
static int
sync_init(struct pool *p)
{
	pthread_condattr_t attr;
	int bad = pthread_condattr_init(&attr);

	if (bad != 0)
		return bad;
	bad = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (bad == 0)
		bad = pthread_cond_init(&p->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (bad != 0)
		return bad;
	bad = pthread_cond_init(&p->opened, NULL);
	if (bad == 0) {
		bad = pthread_mutex_init(&p->mutex, NULL);
		if (bad == 0)
			return 0;
		(void)pthread_cond_destroy(&p->opened);
	}
	(void)pthread_cond_destroy(&p->wake);
	return bad;
}

static enum err
threads_start(struct pool *p, struct err_info *e)
{
	p->thread = mem_zero(p->o.threads * sizeof *p->thread);
	if (p->thread == NULL)
		return err_set(e, ERR_NOMEM);
	for (; p->n_threads < p->o.threads; p->n_threads++) {
		pthread_t *t = &p->thread[p->n_threads];
		int bad =
		    fault_tick() ? EAGAIN : pthread_create(t, NULL, run, p);

		if (bad != 0)
			return err_sys(e, bad, "thread %s", p->o.name);
		(void)pthread_setname_np(*t, p->o.name); /* only for people */
	}
	return ERR_OK;
}

/* Until every thread has opened. */
static enum err
threads_opened(struct pool *p, struct err_info *e)
{
	enum err rc;

	(void)pthread_mutex_lock(&p->mutex);
	while (p->n_open < p->n_threads)
		(void)pthread_cond_wait(&p->opened, &p->mutex);
	rc = p->open_rc;
	if (rc != ERR_OK)
		*e = p->open_e;
	(void)pthread_mutex_unlock(&p->mutex);
	return rc;
}

enum err
pool_new(struct pool **ret, const struct pool_options *o,
    struct loop_poster *poster, struct err_info *e)
{
	struct pool *p = mem_zero(sizeof *p);
	enum err rc;
	int bad;

	*ret = NULL;
	if (p == NULL)
		return err_set(e, ERR_NOMEM);
	bad = fault_tick() ? EAGAIN : sync_init(p);
	if (bad != 0) {
		free(p);
		return err_sys(e, bad, "pool %s", o->name);
	}
	p->o = *o;
	p->poster = loop_poster_ref(poster);
	p->faults = fault_joined();
	p->last = &p->first;
	rc = threads_start(p, e);
	if (rc == ERR_OK)
		rc = threads_opened(p, e);
	if (rc != ERR_OK) {
		pool_free(p);
		return rc;
	}
	*ret = p;
	return ERR_OK;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	(void)pthread_mutex_lock(&p->mutex);
	p->ending = true;
	(void)pthread_cond_broadcast(&p->wake);
	(void)pthread_mutex_unlock(&p->mutex);
	for (unsigned i = 0; i < p->n_threads; i++)
		(void)pthread_join(p->thread[i], NULL);
	(void)pthread_cond_destroy(&p->opened);
	(void)pthread_cond_destroy(&p->wake);
	(void)pthread_mutex_destroy(&p->mutex);
	loop_poster_unref(p->poster);
	free(p->thread);
	free(p);
}

static enum err
queue_full(const struct pool *p, struct err_info *e)
{
	return err_setf(e, ERR_UNAVAILABLE,
	    "%s: too many requests wait, try again", p->o.name);
}

/* With the mutex held. */
static void
insert(struct pool *p, struct pool_job *job)
{
	struct pool_job **at = p->last;

	job->round = p->round;
	if (job->lane.n > 0) {
		for (struct pool_job *j = p->first; j != NULL; j = j->next)
			if (str_eq(j->lane, job->lane))
				job->round = j->round + 1;
		for (at = &p->first; *at != NULL && (*at)->round <= job->round;)
			at = &(*at)->next;
	}
	job->next = *at;
	*at = job;
	if (job->next == NULL)
		p->last = &job->next;
	p->n++;
}

/* With the mutex held: the last job is taken out again. */
static struct pool_job *
take_last(struct pool *p)
{
	struct pool_job **at = &p->first, *job;

	while ((*at)->next != NULL)
		at = &(*at)->next;
	job = *at;
	*at = NULL;
	p->last = at;
	p->n--;
	return job;
}

enum err
pool_push(struct pool *p, struct pool_job *job, struct err_info *e)
{
	struct pool_job *last = NULL;
	enum err rc = ERR_OK;

	(void)pthread_mutex_lock(&p->mutex);
	if (p->ending || (p->n >= p->o.jobs_max && job->lane.n == 0)) {
		rc = queue_full(p, e);
	} else {
		insert(p, job);
		if (p->n > p->o.jobs_max)
			last = take_last(p);
		(void)pthread_cond_signal(&p->wake);
	}
	(void)pthread_mutex_unlock(&p->mutex);
	if (last == job)
		return queue_full(p, e);
	if (last != NULL) {
		last->rc = queue_full(p, &last->e);
		give_back(p, last);
	}
	return rc;
}

size_t
pool_waiting(struct pool *p)
{
	size_t n;

	(void)pthread_mutex_lock(&p->mutex);
	n = p->n;
	(void)pthread_mutex_unlock(&p->mutex);
	return n;
}
