/* Folders that the system watches for us, and what it tells of them.
 *
 * An event frees nothing and asks the world nothing: it marks names to be looked
 * at.  So a chain of spots can be walked, and order does not matter. */
#include <string.h>

#include "fault.h"
#include "watch_int.h"

void
spot_release(struct watch *w, struct spot *s)
{
	struct spot *first, **at;

	if (s->watch < 0)
		return;
	first = map_get(&w->spots, watch_key(&s->watch));
	if (first != s) {
		for (at = &first->same; *at != s; at = &(*at)->same)
			continue;
		*at = s->same;
	} else if (s->same != NULL) {
		/* The key is there: this needs no memory. */
		(void)map_put(&w->spots, watch_key(&s->same->watch), s->same);
	} else {
		(void)map_del(&w->spots, watch_key(&s->watch));
		w->opt.world.events->drop(w->source, s->watch);
	}
	s->watch = -1;
	s->same = NULL;
}

void
spots_forget(struct watch *w)
{
	size_t at = 0;
	void *value;

	while (map_next(&w->spots, &at, NULL, &value)) {
		struct spot *s = value, *next;

		for (; s != NULL; s = next) {
			next = s->same;
			s->watch = -1;
			s->same = NULL;
		}
	}
	map_fini(&w->spots);
}

static enum err
spot_join(struct watch *w, struct spot *s, int watch, struct err_info *e)
{
	struct spot *first = map_get(&w->spots, watch_key(&watch));

	s->watch = watch;
	if (first != NULL) {
		s->same = first->same;
		first->same = s;
	} else if (!map_put(&w->spots, watch_key(&s->watch), s)) {
		s->watch = -1;
		w->opt.world.events->drop(w->source, watch);
		return err_set(e, ERR_NOMEM);
	}
	return ERR_OK;
}

static enum err
spot_add(struct watch *w, struct spot *s, const char *path, unsigned wants,
    bool follow, struct err_info *e)
{
	const struct watch_events *ev = w->opt.world.events;
	enum err rc;
	int watch;

	rc = ev->add(w->source, path, wants, false, follow, &watch, e);
	if (rc == ERR_OK && watch != s->watch) {
		spot_release(w, s);
		rc = spot_join(w, s, watch, e);
	}
	/* Nobody else wants more of it. */
	if (rc == ERR_OK && (s->wants & ~wants) != 0 && s->same == NULL &&
	    map_get(&w->spots, watch_key(&s->watch)) == s)
		rc = ev->add(w->source, path, wants, true, follow, &watch, e);
	if (rc == ERR_OK)
		s->wants = wants;
	return rc;
}

enum err
spot_watch(struct watch *w, struct spot *s, const char *path, unsigned wants,
    bool follow, struct err_info *e)
{
	enum err rc;

	if (w->source == NULL)
		return ERR_OK;
	rc = spot_add(w, s, path, wants, follow, e);
	if (rc == ERR_OK || rc == ERR_NOMEM)
		return rc;
	if (rc == ERR_NOT_FOUND || rc == ERR_PERMISSION) {
		spot_release(w, s);
		return rc;
	}
	watch_to_poll(w, e);
	return ERR_OK;
}

/* --- events ------------------------------------------------------------------- */

/* What an event said is lost: only looking at everything makes that good. */
static void
event_lost(struct watch *w, const struct err_info *e)
{
	(void)watch_failed(w, e);
	w->full = true;
}

static void
look_later(struct watch *w, struct node *n)
{
	struct err_info e = { 0 };

	if (n->look)
		return;
	if (!mem_grow(&w->looks, &w->looks_cap, w->n_looks + 1,
	        sizeof *w->looks)) {
		err_set(&e, ERR_NOMEM);
		event_lost(w, &e);
		return;
	}
	w->looks[w->n_looks++] = n;
	n->look = true;
}

static void
name_event(struct watch *w, struct spot *s, const struct watch_event *ev)
{
	const char *only = s->root->opt.only;
	struct err_info e = { 0 };
	struct node *n;

	if (s->node == NULL) {
		if (str_is(s->next, ev->name))
			s->root->settle = true;
		return;
	}
	if (cookie_is(ev->name)) {
		cookie_came(w, ev->name);
		return;
	}
	if (only != NULL && strcmp(only, ev->name) != 0)
		return;
	/* What it was is looked at again, whatever it is now. */
	n = node_get(s->node, ev->name);
	if (n != NULL && n->folder != NULL)
		look_later(w, n);
	if (n != NULL && n->told)
		tell_later(w, n, true);
	if (node_need(w, s->node, ev->name, ev->is_folder, &n, &e) != ERR_OK)
		event_lost(w, &e);
	if (n != NULL && ev->is_folder)
		look_later(w, n);
	else if (n != NULL)
		tell_later(w, n, true);
}

/* A folder below a root is looked at for what its parent tells; here are those
 * of which no parent tells. */
static void
self_event(struct watch *w, struct spot *s, enum watch_what what)
{
	if (s->node == NULL || s->node->parent == NULL)
		s->root->settle = true;
	else if (what == WATCH_DROPPED)
		look_later(w, s->node);
}

void
spot_event(void *arg, const struct watch_event *ev)
{
	struct watch *w = arg;
	struct spot *s, *next;

	if (ev->what == WATCH_OVERFLOW) {
		w->st.overflows++;
		w->full = true;
		return;
	}
	s = map_get(&w->spots, watch_key(&ev->watch));
	if (s != NULL && ev->what == WATCH_DROPPED)
		(void)map_del(&w->spots, watch_key(&ev->watch));
	for (; s != NULL; s = next) {
		next = s->same;
		if (ev->what == WATCH_NAME)
			name_event(w, s, ev);
		else
			self_event(w, s, ev->what);
		if (ev->what == WATCH_DROPPED) {
			s->watch = -1;
			s->same = NULL;
		}
	}
}
