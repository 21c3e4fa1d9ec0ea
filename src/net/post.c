/* A queue under a lock and one uv_async to ring.  The async handle outlives the
 * close until the last thread has let go: its memory is the poster's. */
#include "post.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fault.h"

struct loop_poster {
	uv_async_t async;
	pthread_mutex_t lock;
	struct loop_item *first, *last; /* borrow: belong to who posted */
	bool closed;                    /* under lock */
	atomic_uint refs;
};

/* A posted call with memory of its own. */
struct call {
	struct loop_item item;
	void (*fn)(void *arg);
	void *arg;
};

static struct loop_item *
take_all(struct loop_poster *p)
{
	struct loop_item *first;

	pthread_mutex_lock(&p->lock);
	first = p->first;
	p->first = p->last = NULL;
	pthread_mutex_unlock(&p->lock);
	return first;
}

static void
run_all(struct loop_poster *p)
{
	struct loop_item *item, *next;

	for (item = take_all(p); item != NULL; item = next) {
		next = item->next; /* fn may free the item */
		item->fn(item->arg);
	}
}

static void
on_async(uv_async_t *a)
{
	run_all(a->data);
}

static void
release(struct loop_poster *p)
{
	if (atomic_fetch_sub(&p->refs, 1) > 1)
		return;
	(void)pthread_mutex_destroy(&p->lock); /* nobody holds it */
	free(p);
}

static void
on_closed(uv_handle_t *h)
{
	release(h->data);
}

enum err
loop_poster_new(struct loop_poster **ret, uv_loop_t *loop, struct err_info *e)
{
	struct loop_poster *p = mem_zero(sizeof *p);
	int r;

	if (p == NULL)
		return err_set(e, ERR_NOMEM);
	r = pthread_mutex_init(&p->lock, NULL);
	if (r != 0) {
		free(p);
		return err_sys(e, r, "mutex");
	}
	r = fault_tick() ? UV_EMFILE : uv_async_init(loop, &p->async, on_async);
	if (r != 0) {
		(void)pthread_mutex_destroy(&p->lock);
		free(p);
		return err_setf(e, ERR_IO, "async: %s", uv_strerror(r));
	}
	p->async.data = p;
	atomic_init(&p->refs, 1);
	*ret = p;
	return ERR_OK;
}

struct loop_poster *
loop_poster_ref(struct loop_poster *p)
{
	atomic_fetch_add(&p->refs, 1);
	return p;
}

void
loop_poster_unref(struct loop_poster *p)
{
	if (p != NULL)
		release(p);
}

void
loop_poster_close(struct loop_poster *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_mutex_unlock(&p->lock);
	run_all(p);
	uv_close((uv_handle_t *)&p->async, on_closed);
}

bool
loop_post_item(struct loop_poster *p, struct loop_item *item)
{
	bool ring = false, closed;

	item->next = NULL;
	pthread_mutex_lock(&p->lock);
	closed = p->closed;
	if (!closed) {
		ring = p->first == NULL;
		if (p->last != NULL)
			p->last->next = item;
		else
			p->first = item;
		p->last = item;
		/* Under the lock: the handle must not be closed meanwhile. */
		if (ring)
			(void)uv_async_send(
			    &p->async); /* fails only when closing */
	}
	pthread_mutex_unlock(&p->lock);
	return !closed;
}

static void
run_call(void *arg)
{
	struct call *call = arg;
	void (*fn)(void *) = call->fn;

	arg = call->arg;
	free(call);
	fn(arg);
}

enum err
loop_post(struct loop_poster *p, void (*fn)(void *), void *arg,
    struct err_info *e)
{
	struct call *call = mem_zero(sizeof *call);

	if (call == NULL)
		return err_set(e, ERR_NOMEM);
	call->fn = fn;
	call->arg = arg;
	call->item = (struct loop_item){ .fn = run_call, .arg = call };
	if (loop_post_item(p, &call->item))
		return ERR_OK;
	free(call);
	return err_setf(e, ERR_UNAVAILABLE, "the loop has ended");
}
