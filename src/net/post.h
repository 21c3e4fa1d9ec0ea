/* Calls from other threads into a loop's thread, in order of posting. */
#ifndef CLOWDER_POST_H
#define CLOWDER_POST_H

#include <stdbool.h>
#include <uv.h>

#include "err.h"

struct loop_poster;

/* A call to come.  Usually a part of the caller's own record, so that handing
 * back a result cannot run out of memory.  Belongs to the poster from
 * loop_post_item() until fn is called; fn may free it. */
struct loop_item {
	void (*fn)(void *arg);
	void *arg;
	struct loop_item *next; /* inside */
};

/* Loop thread.  The poster keeps the loop alive until it is closed. */
enum err loop_poster_new(struct loop_poster **ret, uv_loop_t *loop,
    struct err_info *e);
/* For each thread that keeps the pointer: any thread. */
struct loop_poster *loop_poster_ref(struct loop_poster *p);
void loop_poster_unref(struct loop_poster *p); /* accepts NULL */
/* Loop thread: what was posted is called now, later posts are refused.  Drops
 * the reference of loop_poster_new.  Accepts NULL. */
void loop_poster_close(struct loop_poster *p);

/* Any thread.  False after the close: fn will not be called. */
bool loop_post_item(struct loop_poster *p, struct loop_item *item);
/* The same with memory of its own: ERR_NOMEM; ERR_UNAVAILABLE after the close. */
enum err loop_post(struct loop_poster *p, void (*fn)(void *), void *arg,
    struct err_info *e);

#endif
