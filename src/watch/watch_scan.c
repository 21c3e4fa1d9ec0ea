/* Looking at folders: watch it first, then list it.  What is made in it after the
 * list is told by an event, what was made before is in the list. */
#include <stdlib.h>
#include <string.h>

#include "watch_int.h"

void
folder_queue(struct watch *w, struct node *n, bool deep)
{
	n->folder->deep |= deep;
	if (link_alone(&n->folder->scan))
		link_append(&w->to_scan, &n->folder->scan);
}

/* A folder that is one of those above it: it would never end. */
static bool
is_cycle(const struct node *n, const struct os_file_id *id)
{
	for (const struct node *p = n->parent; p != NULL; p = p->parent)
		if (p->folder->dev == id->dev && p->folder->ino == id->ino)
			return true;
	return false;
}

enum err
folder_seen(struct watch *w, struct node *n, const struct os_file_id *id,
    bool deep, struct err_info *e)
{
	struct folder *f;
	bool other;

	if (is_cycle(n, id))
		return ERR_OK;
	if (n->folder == NULL &&
	    folder_new(n, n->parent->folder->depth + 1, e) != ERR_OK)
		return e->code;
	f = n->folder;
	other = !f->there || f->dev != id->dev || f->ino != id->ino;
	if (other)
		spot_release(w, &f->spot);
	if (!f->there)
		w->st.folders++;
	f->there = true;
	f->dev = id->dev;
	f->ino = id->ino;
	if (other || deep || (w->source != NULL && f->spot.watch < 0))
		folder_queue(w, n, deep || other);
	return ERR_OK;
}

enum err
folder_look(struct watch *w, struct node *n, struct err_info *e)
{
	const struct watch_world *x = &w->opt.world;
	const char *path = node_path(&w->path, n);
	struct os_file_id id = { 0 };
	enum err rc = ERR_NOT_FOUND;
	bool there;

	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	if (n->parent->folder->there)
		rc = x->files->look(x->ctx, path, false, &id, e);
	if (rc != ERR_OK && rc != ERR_NOT_FOUND)
		return rc == ERR_PERMISSION ? ERR_OK : rc;
	there = rc == ERR_OK && id.kind == OS_DIR;
	if (there)
		return folder_seen(w, n, &id, true, e);
	if (n->folder != NULL && n->folder->there)
		folder_drop(w, n);
	return ERR_OK;
}

/* --- one folder ---------------------------------------------------------------- */

struct scan {
	struct watch *w;
	struct node *n;
	bool deep;
};

bool
cookie_is(const char *name)
{
	return strncmp(name, COOKIE_PREFIX, sizeof COOKIE_PREFIX - 1) == 0;
}

/* Ours are told by their creation alone, so to remove one that its writer is about
 * to remove does no harm. */
static void
cookie_leftover(struct scan *s, const char *name)
{
	const struct watch_world *x = &s->w->opt.world;
	int pid = atoi(name + sizeof COOKIE_PREFIX - 1);
	struct err_info e = { 0 };
	const char *path;

	if (pid <= 0 ||
	    (pid != x->files->pid(x->ctx) && x->files->alive(x->ctx, pid)))
		return;
	path = node_path_in(&s->w->path, s->n, name);
	if (path != NULL) /* it can stay for the next scan */
		(void)x->files->remove(x->ctx, path, &e);
}

/* One that had just changed when it was told may have changed again, and the event
 * of that be among those that were lost. */
static void
seen_file(struct scan *s, struct node *n, const struct os_file_id *id)
{
	if (!n->told || n->fresh || !node_same(n, id))
		tell_later(s->w, n, n->fresh);
	if (n->folder != NULL && n->folder->there)
		folder_drop(s->w, n);
}

static enum err
seen_folder(struct scan *s, struct node *n, const struct os_file_id *id,
    struct err_info *e)
{
	if (n->told)
		tell_later(s->w, n, false);
	return folder_seen(s->w, n, id, s->deep, e);
}

static enum err
scan_entry(void *arg, const char *name, const struct os_file_id *id,
    struct err_info *e)
{
	struct scan *s = arg;
	const char *only = s->n->root->opt.only;
	bool is_folder = id->kind == OS_DIR;
	struct node *n;
	enum err rc;

	if (cookie_is(name)) {
		cookie_leftover(s, name);
		return ERR_OK;
	}
	if ((only != NULL && strcmp(only, name) != 0) ||
	    (!is_folder && id->kind != OS_FILE))
		return ERR_OK;
	rc = node_need(s->w, s->n, name, is_folder, &n, e);
	if (rc != ERR_OK || n == NULL)
		return rc;
	n->seen = s->w->scan_number;
	if (is_folder)
		rc = seen_folder(s, n, id, e);
	else
		seen_file(s, n, id);
	node_release(s->w, n);
	return rc;
}

/* What is known and was not in the list. */
static void
scan_unseen(struct watch *w, struct folder *f)
{
	struct link gone;
	size_t at = 0;
	void *value;

	link_init(&gone);
	while (map_next(&f->children, &at, NULL, &value)) {
		struct node *n = value;

		if (n->seen == w->scan_number)
			continue;
		if (n->told)
			tell_later(w, n, false);
		if (n->folder != NULL && n->folder->there)
			link_append(&gone, &n->folder->work);
	}
	while (!link_alone(&gone)) {
		f = CONTAINER_OF(gone.next, struct folder, work);
		link_out(&f->work);
		folder_drop(w, f->spot.node);
	}
}

/* In poll mode nothing but the one file is looked at. */
static enum err
scan_only(struct scan *s, const char *path, struct err_info *e)
{
	const struct watch_world *x = &s->w->opt.world;
	const char *only = s->n->root->opt.only;
	struct os_file_id id;
	enum err rc;

	if (s->w->source != NULL || only == NULL)
		return x->files->list(x->ctx, path, scan_entry, s, e);
	path = node_path_in(&s->w->path, s->n, only);
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = x->files->look(x->ctx, path, false, &id, e);
	if (rc == ERR_OK)
		return scan_entry(s, only, &id, e);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err
scan_list(struct scan *s, struct err_info *e)
{
	unsigned wants = WATCH_SELF | WATCH_ENTRIES | WATCH_ONE_FILE |
	    (s->n->root->opt.only ? 0 : WATCH_WRITES);
	const char *path = node_path(&s->w->path2, s->n);
	enum err rc;

	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = spot_watch(s->w, &s->n->folder->spot, path, wants,
	    s->n->parent == NULL, e);
	s->w->scan_number++;
	if (rc == ERR_OK)
		rc = scan_only(s, path, e);
	if (rc == ERR_OK)
		scan_unseen(s->w, s->n->folder);
	return rc;
}

static void
unreadable_set(struct watch *w, struct folder *f, bool now)
{
	w->st.unreadable += now;
	w->st.unreadable -= f->unreadable;
	f->unreadable = now;
}

static enum err
folder_scan(struct watch *w, struct node *n, struct err_info *e)
{
	struct folder *f = n->folder;
	struct scan s = { .w = w, .n = n, .deep = f->deep };
	enum err rc;

	f->deep = false;
	rc = scan_list(&s, e);
	if (rc == ERR_NOT_FOUND) {
		if (n->parent == NULL)
			n->root->settle = true; /* looks, and drops it */
		else
			folder_drop(w, n);
		return ERR_OK;
	}
	if (rc == ERR_OK || rc == ERR_PERMISSION) {
		unreadable_set(w, f, rc == ERR_PERMISSION);
		return ERR_OK;
	}
	f->deep |= s.deep;
	return rc;
}

enum err
scan_queued(struct watch *w, struct err_info *e)
{
	struct link failed;
	enum err rc = ERR_OK;

	link_init(&failed);
	while (!link_alone(&w->to_scan)) {
		struct folder *f =
		    CONTAINER_OF(w->to_scan.next, struct folder, scan);

		/* It stays in a list while it is scanned: so it is kept. */
		link_out(&f->scan);
		link_append(&failed, &f->scan);
		if (folder_scan(w, f->spot.node, e) != ERR_OK) {
			rc = watch_failed(w, e);
			continue;
		}
		/* Dropped, it may be gone already. */
		if (failed.prev == &f->scan)
			link_out(&f->scan);
	}
	while (!link_alone(&failed)) {
		struct link *l = failed.next;

		link_out(l);
		link_append(&w->to_scan, l);
	}
	return rc;
}
