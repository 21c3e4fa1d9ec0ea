/* Files that are about to be told, by the time at which their windows end; and
 * cookies, which wait for those that were pending before them.
 *
 *	not pending --change--> pending --window ends--> looked at: told
 *	                           ^                        |
 *	                           +--- gone, held once <---+ */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "watch_int.h"

/* --- a heap by due_ms ------------------------------------------------------------ */

static void
heap_put(struct watch *w, size_t at, struct node *n)
{
	w->heap[at] = n;
	n->heap_at = (uint32_t)at + 1;
}

static void
heap_up(struct watch *w, size_t at, struct node *n)
{
	while (at > 0 && w->heap[(at - 1) / 2]->due_ms > n->due_ms) {
		heap_put(w, at, w->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(w, at, n);
}

static void
heap_down(struct watch *w, size_t at, struct node *n)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < w->n_heap &&
		    w->heap[child + 1]->due_ms < w->heap[child]->due_ms)
			child++;
		if (child >= w->n_heap || w->heap[child]->due_ms >= n->due_ms)
			break;
		heap_put(w, at, w->heap[child]);
		at = child;
	}
	heap_put(w, at, n);
}

uint64_t
tell_next_ms(const struct watch *w)
{
	return w->n_heap > 0 ? w->heap[0]->due_ms : UINT64_MAX;
}

void
tell_later(struct watch *w, struct node *n, bool changed)
{
	n->again |= changed;
	if (n->heap_at > 0)
		return;
	n->due_ms = w->now_ms + n->root->opt.debounce_ms;
	link_append(&w->pending, &n->pending);
	heap_up(w, w->n_heap++, n); /* node_new made room */
}

void
tell_never(struct watch *w, struct node *n)
{
	size_t at = (size_t)n->heap_at - 1;
	struct node *last;

	if (n->heap_at == 0)
		return;
	last = w->heap[--w->n_heap];
	if (last != n) {
		heap_down(w, at, last);
		heap_up(w, (size_t)last->heap_at - 1, last);
	}
	n->heap_at = 0;
	n->held = n->again = false;
	link_out(&n->pending);
}

/* It stays where it is among those that are pending: cookies behind it wait. */
static void
tell_again_in(struct watch *w, struct node *n, uint64_t ms)
{
	n->due_ms = w->now_ms + ms;
	heap_down(w, (size_t)n->heap_at - 1, n);
	heap_up(w, (size_t)n->heap_at - 1, n);
}

/* --- telling ------------------------------------------------------------------- */

static void
say(struct watch *w, const struct node *n, const char *path,
    const struct os_file_id *id)
{
	struct watch_change c = { .root = n->root->number,
		.kind = id ? WATCH_CHANGED : WATCH_GONE,
		.path = path,
		.id = id };

	w->opt.on_change(w->opt.ctx, &c);
}

static bool
is_fresh(struct watch *w, const struct os_file_id *id)
{
	const struct watch_world *x = &w->opt.world;
	int64_t now = x->files->wall_ns(x->ctx);
	int64_t last =
	    id->mtime_ns > id->ctime_ns ? id->mtime_ns : id->ctime_ns;
	int64_t age = now - last, most = WATCH_FRESH_MS * INT64_C(1000000);

	return age < most && age > -most;
}

/* A file that changes twice within a tick of the clock looks the same after the
 * second time.  An event is the proof that it did; where there are none, it is
 * told once more when what it looks like can be believed. */
static void
tell_there(struct watch *w, struct node *n, const char *path,
    const struct os_file_id *id)
{
	bool same = n->told && node_same(n, id);
	bool quiet = same && !(n->fresh && n->again);

	w->st.files += !n->told;
	n->told = true;
	n->dev = id->dev;
	n->ino = id->ino;
	n->size = id->size;
	n->mtime_ns = id->mtime_ns;
	n->ctime_ns = id->ctime_ns;
	if (!quiet)
		n->fresh = is_fresh(w, id);
	tell_never(w, n);
	if (!quiet && n->fresh && w->source == NULL) {
		tell_later(w, n, true);
		tell_again_in(w, n, WATCH_FRESH_MS);
	}
	if (!quiet)
		say(w, n, path, id);
}

static void
tell_missing(struct watch *w, struct node *n, const char *path)
{
	if (n->told && !n->held) {
		n->held = true;
		tell_again_in(w, n, n->root->opt.debounce_ms);
		return;
	}
	if (n->told) {
		w->st.files--;
		n->told = false;
		say(w, n, path, NULL);
	}
	tell_never(w, n);
	node_release(w, n);
}

/* What is in a folder that is not there, is not there: the path may lead
 * somewhere all the same, over a symbolic link. */
static enum err
tell_one(struct watch *w, struct node *n, struct err_info *e)
{
	const struct watch_world *x = &w->opt.world;
	const char *path = node_path(&w->path, n);
	enum err rc = ERR_NOT_FOUND;
	struct os_file_id id;

	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	if (n->parent->folder->there)
		rc = x->files->look(x->ctx, path, false, &id, e);
	if (rc == ERR_OK && id.kind == OS_FILE) {
		tell_there(w, n, path, &id);
	} else if (rc == ERR_OK || rc == ERR_NOT_FOUND) {
		tell_missing(w, n, path);
	} else if (rc == ERR_PERMISSION) {
		/* It cannot be seen: what was told of it stands. */
		tell_never(w, n);
		node_release(w, n);
	} else {
		tell_again_in(w, n, WATCH_AGAIN_MS);
		return rc;
	}
	return ERR_OK;
}

/* --- cookies -------------------------------------------------------------------- */

static struct cookie *
cookie_first(const struct watch *w)
{
	for (struct link *l = w->cookies.next; l != &w->cookies; l = l->next) {
		struct cookie *c = CONTAINER_OF(l, struct cookie, link);

		if (w->pending.next == &c->pending)
			return c;
	}
	return NULL;
}

static void
cookie_free(struct cookie *c)
{
	link_out(&c->link);
	link_out(&c->pending);
	free(c);
}

void
cookies_free(struct watch *w)
{
	while (!link_alone(&w->cookies))
		cookie_free(CONTAINER_OF(w->cookies.next, struct cookie, link));
}

enum err
tell_due(struct watch *w, struct err_info *e)
{
	enum err rc = ERR_OK;
	struct cookie *c;

	while (w->n_heap > 0 && w->heap[0]->due_ms <= w->now_ms)
		if (tell_one(w, w->heap[0], e) != ERR_OK)
			rc = watch_failed(w, e);
	while ((c = cookie_first(w)) != NULL) {
		uint64_t number = c->number;

		cookie_free(c);
		if (w->opt.on_seen != NULL)
			w->opt.on_seen(w->opt.ctx, number);
	}
	return rc;
}

void
cookie_came(struct watch *w, const char *name)
{
	const struct watch_world *x = &w->opt.world;
	unsigned long long number;
	int pid, end = 0;

	if (sscanf(name + sizeof COOKIE_PREFIX - 1, "%d-%llu%n", &pid, &number,
	        &end) != 2 ||
	    name[sizeof COOKIE_PREFIX - 1 + (size_t)end] != '\0' ||
	    pid != x->files->pid(x->ctx))
		return;
	for (struct link *l = w->cookies.next; l != &w->cookies; l = l->next) {
		struct cookie *c = CONTAINER_OF(l, struct cookie, link);

		c->arrived |= c->number == number;
	}
}

void
cookies_scan(struct watch *w, bool done)
{
	for (struct link *l = w->cookies.next; l != &w->cookies; l = l->next) {
		struct cookie *c = CONTAINER_OF(l, struct cookie, link);

		if (done)
			c->arrived |= c->scanned;
		else
			c->scanned = true;
	}
}

bool
cookies_wait(const struct watch *w)
{
	for (struct link *l = w->cookies.next; l != &w->cookies; l = l->next) {
		const struct cookie *c = CONTAINER_OF(l, struct cookie, link);

		if (!c->arrived && !c->scanned)
			return true;
	}
	return false;
}

void
cookies_queue(struct watch *w)
{
	for (struct link *l = w->cookies.next; l != &w->cookies; l = l->next) {
		struct cookie *c = CONTAINER_OF(l, struct cookie, link);

		if (c->arrived && link_alone(&c->pending))
			link_append(&w->pending, &c->pending);
	}
}

static enum err
cookie_write(struct watch *w, const struct root *r, uint64_t number,
    struct err_info *e)
{
	const struct watch_world *x = &w->opt.world;
	char name[64];
	const char *path;
	enum err rc;
	int n;

	n = snprintf(name, sizeof name, COOKIE_PREFIX "%d-%llu",
	    x->files->pid(x->ctx), (unsigned long long)number);
	path = n > 0 ? node_path_in(&w->path, r->top, name) : NULL;
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = x->files->make(x->ctx, path, e);
	return rc == ERR_OK ? x->files->remove(x->ctx, path, e) : rc;
}

/* Whoever makes a name in the folder that the root is now will be told of. */
static bool
root_listens(struct watch *w, const struct root *r)
{
	const struct watch_world *x = &w->opt.world;
	const struct folder *f = r->top->folder;
	const char *path = node_path(&w->path, r->top);
	struct err_info e = { 0 };
	struct os_file_id id;

	return f->spot.watch >= 0 && path != NULL &&
	    x->files->look(x->ctx, path, true, &id, &e) == ERR_OK &&
	    id.dev == f->dev && id.ino == f->ino;
}

enum err
watch_cookie(struct watch *w, unsigned root, uint64_t *number,
    struct err_info *e)
{
	/* All watches of a process are told of each other's. */
	static _Atomic uint64_t last;
	const struct root *r;
	struct cookie *c;

	if (root >= w->n_roots)
		return err_setf(e, ERR_USAGE, "no root %u is watched", root);
	r = w->root[root];
	c = mem_zero(sizeof *c);
	if (c == NULL)
		return err_set(e, ERR_NOMEM);
	link_init(&c->pending);
	c->number = atomic_fetch_add(&last, 1) + 1;
	link_append(&w->cookies, &c->link);
	if (cookie_write(w, r, c->number, e) != ERR_OK) {
		cookie_free(c);
		return e->code;
	}
	if (!root_listens(w, r))
		w->full = true; /* which shows it as well */
	*number = c->number;
	return ERR_OK;
}
