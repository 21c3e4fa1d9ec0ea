/* The turn of a watch: read events, look at folders, tell files.
 *
 *	        open fails, a watch or the source fails: why
 *	live ---------------------------------------------------> poll
 *	     <---------------------------------------------------
 *	        at the next rescan it is opened again
 *
 * Each change of the mode looks at everything, and so does an overflow. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "watch_int.h"

enum { ROUNDS_MAX = 16 }; /* of looking at what turned up while looking */

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* About `ms` from now. */
static uint64_t
some_time(const struct watch *w, uint32_t ms)
{
	uint64_t part = ms / 2, dice = part / 2;

	if (w->opt.random != NULL && part > 0)
		dice = w->opt.random(w->opt.ctx) % (part + 1);
	return w->now_ms + ms - part / 2 + dice;
}

enum err
watch_failed(struct watch *w, const struct err_info *e)
{
	if (w->failed.code == ERR_OK)
		w->failed = *e;
	return e->code;
}

/* --- modes ---------------------------------------------------------------------- */

static void
source_close(struct watch *w)
{
	if (w->source == NULL)
		return;
	spots_forget(w);
	w->opt.world.events->close(w->source);
	w->source = NULL;
}

void
watch_to_poll(struct watch *w, const struct err_info *e)
{
	source_close(w);
	str_copy(w->why, sizeof w->why, str_of(e->text));
	w->st.lost += w->proven;
	w->proven = false;
	w->full = true;
	w->retry_ms = some_time(w,
	    w->opt.rescan_ms > 0 ? w->opt.rescan_ms : WATCH_RETRY_MS);
}

/* ERR_NOMEM is the only failure: any other leads to poll mode. */
static enum err
source_open(struct watch *w, struct err_info *e)
{
	const struct watch_world *x = &w->opt.world;
	enum err rc;

	if (x->events == NULL) {
		err_setf(e, ERR_UNSUPPORTED,
		    "this system does not tell changes of files");
		watch_to_poll(w, e);
		w->retry_ms = UINT64_MAX;
		return ERR_OK;
	}
	w->full = true;
	rc = x->events->open(x->ctx, &w->source, e);
	if (rc == ERR_OK) {
		w->why[0] = '\0';
		w->retry_ms = UINT64_MAX;
		return ERR_OK;
	}
	w->source = NULL;
	watch_to_poll(w, e);
	return rc == ERR_NOMEM ? rc : ERR_OK;
}

/* --- life ------------------------------------------------------------------------ */

enum err
watch_open(const struct watch_options *opt, struct watch **ret,
    struct err_info *e)
{
	struct watch *w = mem_zero(sizeof *w);

	if (w == NULL)
		return err_set(e, ERR_NOMEM);
	w->opt = *opt;
	w->scan_ms = w->again_ms = UINT64_MAX;
	link_init(&w->to_scan);
	link_init(&w->pending);
	link_init(&w->cookies);
	if (source_open(w, e) != ERR_OK) {
		watch_close(w);
		return e->code;
	}
	*ret = w;
	return ERR_OK;
}

void
watch_close(struct watch *w)
{
	if (w == NULL)
		return;
	source_close(w);
	cookies_free(w);
	for (size_t i = 0; i < w->n_roots; i++)
		root_free(w, w->root[i]);
	map_fini(&w->spots);
	free(w->root);
	free(w->heap);
	free(w->looks);
	buf_fini(&w->path);
	buf_fini(&w->path2);
	free(w);
}

enum err
watch_add(struct watch *w, const struct watch_root *root, unsigned *number,
    struct err_info *e)
{
	struct root *r;

	if (root->path[0] != '/')
		return err_setf(e, ERR_USAGE, "%s: not an absolute path",
		    root->path);
	if (!mem_grow(&w->root, &w->roots_cap, w->n_roots + 1, sizeof *w->root))
		return err_set(e, ERR_NOMEM);
	if (root_new(w, root, &r, e) != ERR_OK)
		return e->code;
	r->number = (unsigned)w->n_roots;
	r->settle = true;
	w->root[w->n_roots++] = r;
	*number = r->number;
	return ERR_OK;
}

int
watch_fd(const struct watch *w)
{
	return w->source ? w->opt.world.events->fd(w->source) : -1;
}

/* --- the turn --------------------------------------------------------------------- */

static bool
root_waits(const struct watch *w)
{
	for (size_t i = 0; i < w->n_roots; i++)
		if (w->root[i]->settle)
			return true;
	return false;
}

/* Something to look at before anything can be told to have been seen. */
static bool
has_work(const struct watch *w)
{
	return w->full || w->n_looks > 0 || !link_alone(&w->to_scan) ||
	    root_waits(w);
}

uint64_t
watch_due_ms(const struct watch *w)
{
	uint64_t due = earlier(w->scan_ms, tell_next_ms(w));

	if (w->source == NULL)
		due = earlier(due, w->retry_ms);
	if (w->again_ms != UINT64_MAX)
		return earlier(due, w->again_ms);
	return has_work(w) ? 0 : due;
}

static void
full_begin(struct watch *w)
{
	w->full = false;
	w->filling = true;
	w->st.scans++;
	cookies_scan(w, false);
	for (size_t i = 0; i < w->n_roots; i++)
		w->root[i]->settle = true;
	if (w->source == NULL)
		w->scan_ms = w->now_ms + w->opt.poll_ms;
	else
		w->scan_ms = w->opt.rescan_ms > 0 ?
		    some_time(w, w->opt.rescan_ms) :
		    UINT64_MAX;
}

/* What failed stays listed. */
static void
look_listed(struct watch *w, struct err_info *e)
{
	size_t n = w->n_looks, kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct node *at = w->looks[i];

		if (folder_look(w, at, e) != ERR_OK) {
			(void)watch_failed(w, e);
			w->looks[kept++] = at;
			continue;
		}
		at->look = false;
		node_release(w, at);
	}
	w->n_looks = kept;
}

static void
look_round(struct watch *w, struct err_info *e)
{
	if (w->full)
		full_begin(w);
	look_listed(w, e);
	for (size_t i = 0; i < w->n_roots; i++)
		if (w->root[i]->settle &&
		    root_settle(w, w->root[i], e) != ERR_OK)
			(void)watch_failed(w, e);
	(void)scan_queued(w, e);
}

static void
look_all(struct watch *w, struct err_info *e)
{
	for (int i = 0; has_work(w) && w->failed.code == ERR_OK; i++) {
		if (i == ROUNDS_MAX) {
			err_setf(e, ERR_IO,
			    "what is watched keeps changing while it is "
			    "looked at");
			(void)watch_failed(w, e);
			return;
		}
		look_round(w, e);
	}
	if (has_work(w))
		return;
	if (w->filling) {
		cookies_scan(w, true);
		w->proven |= w->source != NULL;
	}
	w->filling = false;
	cookies_queue(w);
}

static void
read_events(struct watch *w, struct err_info *e)
{
	if (w->source != NULL &&
	    w->opt.world.events->read(w->source, spot_event, w, e) != ERR_OK)
		watch_to_poll(w, e);
}

static void
keep_time(struct watch *w, struct err_info *e)
{
	if (w->source == NULL && w->retry_ms <= w->now_ms &&
	    source_open(w, e) != ERR_OK)
		(void)watch_failed(w, e);
	if (w->scan_ms <= w->now_ms)
		w->full = true;
}

enum err
watch_turn(struct watch *w, uint64_t now_ms, struct err_info *e)
{
	w->now_ms = now_ms;
	w->failed.code = ERR_OK;
	w->again_ms = UINT64_MAX;
	keep_time(w, e);
	read_events(w, e);
	look_all(w, e);
	(void)tell_due(w, e);
	if (w->failed.code == ERR_OK)
		return ERR_OK;
	if (has_work(w))
		w->again_ms = now_ms + WATCH_AGAIN_MS;
	*e = w->failed;
	return e->code;
}

void
watch_status(const struct watch *w, struct watch_status *st)
{
	*st = w->st;
	st->live = w->source != NULL;
	memcpy(st->why, w->why, sizeof st->why);
}
