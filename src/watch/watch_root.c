/* Roots: their folder is there, or waited for.
 *
 * Every folder above a root is watched for going away itself: a root can vanish by
 * a rename far above it, of which it does not hear.  Where the root is missing,
 * the nearest of them that is there is watched for names too. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "watch_int.h"

enum { TRIES_MAX = 8 };

static enum err
above_new(struct root *r, struct err_info *e)
{
	size_t cap = 0;

	for (const char *at = r->opt.path; *at != '\0';) {
		const char *name = at + strspn(at, "/");
		size_t n = strcspn(name, "/");

		at = name + n;
		if (n == 0)
			break;
		if (!mem_grow(&r->above, &cap, r->n_above + 1,
		        sizeof *r->above))
			return err_set(e, ERR_NOMEM);
		r->above[r->n_above++] = (struct spot){
			.watch = -1, .root = r, .next = str_n(name, n)
		};
	}
	return ERR_OK;
}

static enum err
root_fill(struct watch *w, struct root *r, const struct watch_root *opt,
    struct err_info *e)
{
	size_t n = strlen(opt->path);
	char *path;
	enum err rc;

	while (n > 0 && opt->path[n - 1] == '/')
		n--;
	r->opt.path = path = mem_dup(opt->path, n);
	r->opt.only = opt->only ? mem_strdup(opt->only) : NULL;
	if (path == NULL || (opt->only != NULL && r->opt.only == NULL))
		return err_set(e, ERR_NOMEM);
	rc = node_new(w, r, NULL, path, &r->top, e);
	if (rc == ERR_OK)
		rc = folder_new(r->top, 0, e);
	return rc == ERR_OK ? above_new(r, e) : rc;
}

enum err
root_new(struct watch *w, const struct watch_root *opt, struct root **ret,
    struct err_info *e)
{
	struct root *r = mem_zero(sizeof *r);
	enum err rc;

	if (r == NULL)
		return err_set(e, ERR_NOMEM);
	r->opt = *opt;
	r->opt.path = r->opt.only = NULL;
	rc = root_fill(w, r, opt, e);
	if (rc == ERR_OK) {
		*ret = r;
		r = NULL; /* given to the caller */
	}
	root_free(w, r);
	return rc;
}

/* The folder above number i, or with i == n_above the root's own. */
static const char *
above_path(struct watch *w, const struct root *r, size_t i)
{
	const char *path = r->opt.path;
	size_t n =
	    i < r->n_above ? (size_t)(r->above[i].next.p - path) : strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	buf_reset(&w->path2);
	buf_add(&w->path2, path, n);
	if (n == 0)
		buf_addc(&w->path2, '/');
	return w->path2.failed ? NULL : w->path2.data;
}

/* ERR_OK also where it cannot be watched: then only a rescan tells. */
static enum err
above_watch(struct watch *w, struct root *r, size_t i, unsigned wants,
    bool *watched, struct err_info *e)
{
	const char *path = above_path(w, r, i);
	enum err rc;

	*watched = false;
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = spot_watch(w, &r->above[i], path, wants, true, e);
	if (rc == ERR_NOT_FOUND || rc == ERR_PERMISSION)
		return ERR_OK;
	*watched = rc == ERR_OK && w->source != NULL;
	return rc;
}

static enum err
look_folder(struct watch *w, const char *path, struct os_file_id *id,
    bool *there, struct err_info *e)
{
	const struct watch_world *x = &w->opt.world;
	enum err rc;

	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = x->files->look(x->ctx, path, true, id, e);
	*there = rc == ERR_OK && id->kind == OS_DIR;
	return rc == ERR_NOT_FOUND || rc == ERR_PERMISSION ? ERR_OK : rc;
}

/* Watch the nearest folder that is there for the name that leads on.  *again:
 * that name has come meanwhile. */
static enum err
root_wait(struct watch *w, struct root *r, bool *again, struct err_info *e)
{
	struct os_file_id id;
	bool watched = false;
	enum err rc = ERR_OK;
	size_t i = r->n_above;

	*again = false;
	while (i > 0 && !watched && rc == ERR_OK && w->source != NULL)
		rc = above_watch(w, r, --i, WATCH_SELF | WATCH_ENTRIES,
		    &watched, e);
	if (rc != ERR_OK || !watched)
		return rc;
	return look_folder(w, above_path(w, r, i + 1), &id, again, e);
}

static enum err
root_found(struct watch *w, struct root *r, const struct os_file_id *id,
    struct err_info *e)
{
	struct folder *f = r->top->folder;
	bool same = f->there && f->dev == id->dev && f->ino == id->ino &&
	    (w->source == NULL || f->spot.watch >= 0);

	/* A cookie may have been written into it while it was not watched. */
	if (!same && cookies_wait(w))
		w->full = true;
	return folder_seen(w, r->top, id, true, e);
}

static enum err
root_try(struct watch *w, struct root *r, bool *again, struct err_info *e)
{
	struct os_file_id id;
	bool there = false, watched;
	enum err rc = ERR_OK;

	*again = false;
	for (size_t i = 0; i < r->n_above && rc == ERR_OK; i++)
		rc = above_watch(w, r, i, WATCH_SELF, &watched, e);
	if (rc == ERR_OK)
		rc = look_folder(w, above_path(w, r, r->n_above), &id, &there,
		    e);
	if (rc != ERR_OK)
		return rc;
	if (there)
		return root_found(w, r, &id, e);
	if (r->top->folder->there)
		folder_drop(w, r->top);
	return root_wait(w, r, again, e);
}

enum err
root_settle(struct watch *w, struct root *r, struct err_info *e)
{
	bool again = true;
	enum err rc = ERR_OK;

	for (int i = 0; i < TRIES_MAX && again && rc == ERR_OK; i++)
		rc = root_try(w, r, &again, e);
	r->settle = rc != ERR_OK || again;
	return rc;
}
