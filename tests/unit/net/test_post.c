/* Threads that post into a loop.  Also in the suite `threads`, for TSan. */
#include <pthread.h>
#include <stdlib.h>

#include "fault.h"
#include "post.h"
#include "t.h"

enum { THREADS = 4, POSTS = 5000 };

static uv_loop_t loop;
static struct loop_poster *poster;

/* What one thread posts: numbers in order. */
struct lane {
	struct loop_item item[POSTS];
	struct call {
		struct lane *lane;
		unsigned n;
	} call[POSTS];
	struct loop_poster *poster; /* its own reference */
	unsigned next;              /* loop thread: the number that is due */
	bool refused;
};

static struct lane lanes[THREADS];
static unsigned calls, wrong;

static void
on_call(void *arg)
{
	struct call *c = arg;

	wrong += c->n != c->lane->next;
	c->lane->next = c->n + 1;
	if (++calls == THREADS * POSTS)
		loop_poster_close(poster);
}

static void *
run_lane(void *arg)
{
	struct lane *l = arg;

	for (unsigned i = 0; i < POSTS; i++) {
		struct err_info e = { 0 };

		l->call[i] = (struct call){ l, i };
		l->item[i] =
		    (struct loop_item){ .fn = on_call, .arg = &l->call[i] };
		if (i % 2 ? !loop_post_item(l->poster, &l->item[i]) :
		            loop_post(l->poster, on_call, &l->call[i], &e) !=
		            ERR_OK)
			l->refused = true;
	}
	loop_poster_unref(l->poster);
	return NULL;
}

static void
calls_come_in_the_order_of_each_thread(void)
{
	struct err_info e = { 0 };
	pthread_t thread[THREADS];

	CHECK_I(uv_loop_init(&loop), 0);
	CHECK_OK(loop_poster_new(&poster, &loop, &e), &e);
	for (int i = 0; i < THREADS; i++) {
		lanes[i].poster = loop_poster_ref(poster);
		CHECK_I(pthread_create(&thread[i], NULL, run_lane, &lanes[i]),
		    0);
	}
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* ends with the poster */
	for (int i = 0; i < THREADS; i++) {
		CHECK_I(pthread_join(thread[i], NULL), 0);
		CHECK_U(lanes[i].next, POSTS);
		CHECK(!lanes[i].refused);
	}
	CHECK_U(calls, THREADS * POSTS);
	CHECK_U(wrong, 0);
	CHECK_I(uv_loop_close(&loop), 0);
}

static unsigned counted;

static void
count(void *arg)
{
	(void)arg;
	counted++;
}

/* What was posted before the close is called, what comes later is refused. */
static void
refuses_after_the_close(void)
{
	struct loop_poster *p = NULL;
	struct err_info e = { 0 };
	struct loop_item item = { .fn = count };

	counted = 0;
	CHECK_I(uv_loop_init(&loop), 0);
	CHECK_OK(loop_poster_new(&p, &loop, &e), &e);
	(void)loop_poster_ref(p); /* as another thread would */
	CHECK(loop_post_item(p, &item));
	CHECK_OK(loop_post(p, count, NULL, &e), &e);
	CHECK_U(counted, 0);
	loop_poster_close(p);
	CHECK_U(counted, 2);
	CHECK(!loop_post_item(p, &item));
	CHECK_ERR(loop_post(p, count, NULL, &e), ERR_UNAVAILABLE);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	CHECK(!loop_post_item(p, &item));
	CHECK_U(counted, 2);
	loop_poster_unref(p);
	loop_poster_unref(NULL);
	loop_poster_close(NULL);
	CHECK_I(uv_loop_close(&loop), 0);
}

static void
survives_every_fault(void)
{
	int n = 0;

	do {
		struct loop_poster *p = NULL;
		struct err_info e = { 0 };
		enum err rc;

		CHECK_I(uv_loop_init(&loop), 0);
		counted = 0;
		fault_arm(n++);
		rc = loop_poster_new(&p, &loop, &e);
		if (rc == ERR_OK)
			rc = loop_post(p, count, NULL, &e);
		CHECK((rc == ERR_OK) == !fault_hit());
		loop_poster_close(p);
		(void)uv_run(&loop, UV_RUN_DEFAULT);
		CHECK_U(counted, rc == ERR_OK);
		CHECK_I(uv_loop_close(&loop), 0);
	} while (fault_hit());
	fault_arm(-1);
	CHECK_I(n, 4);
}

int
main(void)
{
	T_RUN(calls_come_in_the_order_of_each_thread);
	T_RUN(refuses_after_the_close);
	T_RUN(survives_every_fault);
	return t_done();
}
