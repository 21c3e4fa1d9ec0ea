/* A thread or a few that take jobs from the loop and give them back to it.
 *
 *	loop: pool_push(job) -> thread: take(jobs) -> loop: job->done(job)
 *	                                `-> rest()
 *
 * The queue is bounded: pool_push refuses beyond jobs_max, which the loop answers
 * with 503 and Retry-After.
 *
 * Jobs that name a lane take turns with other lanes: who has many waiting has one
 * of them done, then everybody else's next.  Where the queue is full, the last
 * job of whoever has most waiting is refused for one with less.   A job belongs to the pool from pool_push until its
 * done() is called, exactly once. */
#ifndef CLOWDER_POOL_H
#define CLOWDER_POOL_H

#include "err.h"
#include "post.h"
#include "str.h"

struct pool;

struct pool_job {
	/* Loop thread, when the job was taken and finished. */
	void (*done)(struct pool_job *job);
	unsigned weight; /* of one group, see pool_options */
	/* Who it is for; borrowed until done().  n 0: first come, first served, and
	 * then for all jobs of the pool. */
	struct str lane;
	enum err rc; /* set by the thread */
	struct err_info e;
	struct pool_job *next; /* inside */
	uint64_t round;        /* inside */
	struct loop_item item; /* inside */
};

struct pool_options {
	const char *name; /* of the threads, at most 15 bytes */
	unsigned threads;
	size_t jobs_max;    /* waiting */
	unsigned group_max; /* weight of jobs that are taken at once */
	/* Called on each thread before and after all else; ctx of take.  May be
	 * NULL: then ctx is arg.  close only where open succeeded. */
	enum err (*open)(void *arg, void **ctx, struct err_info *e);
	void (*close)(void *ctx);
	/* Finish every job of the list (rc, e). */
	void (*take)(void *ctx, struct pool_job *list);
	/* Housekeeping: after jobs have been given back (waiting: more wait), and
	 * when nothing came for as many ms as the last call returned; 0: not
	 * before the next jobs.  May be NULL. */
	unsigned (*rest)(void *ctx, bool waiting);
	void *arg;
};

/* Loop thread.  Returns when every thread has opened; its error where one could
 * not. */
enum err pool_new(struct pool **ret, const struct pool_options *o,
    struct loop_poster *poster, struct err_info *e);
/* Finish what waits, end the threads, wait for them.  The done() of the last
 * jobs are called by the loop afterwards.  NULL is fine. */
void pool_free(struct pool *p);
/* Any thread.  ERR_UNAVAILABLE when the queue is full or the pool ends. */
enum err pool_push(struct pool *p, struct pool_job *job, struct err_info *e);
size_t pool_waiting(struct pool *p);

#endif
