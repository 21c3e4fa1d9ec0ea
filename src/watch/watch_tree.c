/* Names that are known, as a tree of folders with hash maps of their names.
 *
 * A node lives as long as something needs it: it was told as a file, it is to be
 * looked at, or it is a folder that is there or has nodes in it. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "watch_int.h"

static char *
put_before(char *at, const char *part, bool slash)
{
	size_t n = strlen(part);

	at -= n;
	memcpy(at, part, n);
	if (slash)
		*--at = '/';
	return at;
}

/* Written from its end: a path is walked from the file up.  The root "/" has the
 * name "". */
const char *
node_path_in(struct buf *b, const struct node *n, const char *name)
{
	size_t len = name ? strlen(name) + 1 : 0;
	char *at;

	for (const struct node *p = n; p != NULL; p = p->parent)
		len += strlen(p->name) + (p->parent ? 1 : 0);
	buf_reset(b);
	if (len == 0)
		buf_addc(b, '/');
	if (!buf_reserve(b, len) || len == 0)
		return b->failed ? NULL : b->data;
	b->len = len;
	at = b->data + len;
	*at = '\0';
	if (name != NULL)
		at = put_before(at, name, true);
	for (; n != NULL; n = n->parent)
		at = put_before(at, n->name, n->parent != NULL);
	return b->data;
}

const char *
node_path(struct buf *b, const struct node *n)
{
	return node_path_in(b, n, NULL);
}

bool
node_same(const struct node *n, const struct os_file_id *id)
{
	return n->dev == id->dev && n->ino == id->ino && n->size == id->size &&
	    n->mtime_ns == id->mtime_ns && n->ctime_ns == id->ctime_ns;
}

struct node *
node_get(const struct node *in, const char *name)
{
	return map_get(&in->folder->children, str_of(name));
}

/* The heap gets room for every node here, so that to make one pending cannot
 * fail. */
enum err
node_new(struct watch *w, struct root *r, struct node *in, const char *name,
    struct node **ret, struct err_info *e)
{
	size_t len = strlen(name);
	struct node *n;

	*ret = NULL;
	if (!mem_grow(&w->heap, &w->heap_cap, w->n_nodes + 1, sizeof *w->heap))
		return err_set(e, ERR_NOMEM);
	n = mem_zero(sizeof *n + len + 1);
	if (n == NULL)
		return err_set(e, ERR_NOMEM);
	memcpy(n->name, name, len + 1);
	n->root = r;
	n->parent = in;
	link_init(&n->pending);
	if (in != NULL &&
	    !map_put(&in->folder->children, str_n(n->name, len), n)) {
		free(n);
		return err_set(e, ERR_NOMEM);
	}
	w->n_nodes++;
	*ret = n;
	return ERR_OK;
}

enum err
folder_new(struct node *n, unsigned depth, struct err_info *e)
{
	struct folder *f = mem_zero(sizeof *f);

	if (f == NULL)
		return err_set(e, ERR_NOMEM);
	f->spot = (struct spot){ .watch = -1, .root = n->root, .node = n };
	f->depth = depth;
	link_init(&f->scan);
	link_init(&f->work);
	n->folder = f;
	return ERR_OK;
}

static enum err
node_wanted(struct watch *w, struct node *in, const char *name, bool is_folder,
    bool *ret, struct err_info *e)
{
	const struct watch_root *r = &in->root->opt;
	const char *path;

	*ret = false;
	if (is_folder && (r->only != NULL || in->folder->depth >= r->depth_max))
		return ERR_OK;
	*ret = true;
	if (r->wanted == NULL)
		return ERR_OK;
	path = node_path_in(&w->path, in, name);
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	*ret = r->wanted(r->ctx, path, is_folder);
	return ERR_OK;
}

enum err
node_need(struct watch *w, struct node *in, const char *name, bool is_folder,
    struct node **ret, struct err_info *e)
{
	struct node *n = node_get(in, name);
	bool wanted;
	enum err rc;

	*ret = n;
	if (n != NULL &&
	    (is_folder ? n->folder != NULL : n->told || n->heap_at > 0))
		return ERR_OK;
	rc = node_wanted(w, in, name, is_folder, &wanted, e);
	if (rc != ERR_OK || !wanted) {
		*ret = NULL;
		return rc;
	}
	return n != NULL ? ERR_OK : node_new(w, in->root, in, name, ret, e);
}

static void
folder_free(struct watch *w, struct node *n)
{
	struct folder *f = n->folder;

	spot_release(w, &f->spot);
	map_fini(&f->children);
	free(f);
	n->folder = NULL;
}

static bool
folder_idle(const struct folder *f)
{
	return !f->there && f->children.count == 0 && link_alone(&f->scan) &&
	    link_alone(&f->work);
}

void
node_release(struct watch *w, struct node *n)
{
	struct node *parent;

	for (; n->parent != NULL; n = parent) {
		parent = n->parent;
		if (n->folder != NULL && folder_idle(n->folder))
			folder_free(w, n);
		if (n->folder != NULL || n->told || n->heap_at > 0 || n->look)
			return;
		(void)map_del(&parent->folder->children, str_of(n->name));
		free(n);
		w->n_nodes--;
	}
}

/* All folders below n, and itself, each before those in it. */
static void
walk_begin(struct link *walk, struct node *n)
{
	link_init(walk);
	link_append(walk, &n->folder->work);
}

static struct node *
walk_last(struct link *walk)
{
	struct folder *f;

	if (link_alone(walk))
		return NULL;
	f = CONTAINER_OF(walk->prev, struct folder, work);
	link_out(&f->work);
	return f->spot.node;
}

static void
drop_one(struct watch *w, struct folder *f, struct link *walk)
{
	size_t at = 0;
	void *value;

	if (f->there)
		w->st.folders--;
	f->there = false;
	w->st.unreadable -= f->unreadable;
	f->unreadable = f->deep = false;
	spot_release(w, &f->spot);
	link_out(&f->scan);
	while (map_next(&f->children, &at, NULL, &value)) {
		struct node *n = value;

		if (n->told)
			tell_later(w, n, false);
		if (n->folder != NULL && n->folder->there)
			link_append(walk, &n->folder->work);
	}
}

void
folder_drop(struct watch *w, struct node *n)
{
	struct link walk;

	walk_begin(&walk, n);
	for (struct link *l = walk.next; l != &walk; l = l->next)
		drop_one(w, CONTAINER_OF(l, struct folder, work), &walk);
	while ((n = walk_last(&walk)) != NULL)
		node_release(w, n);
}

static void
free_one(struct folder *f, struct link *walk)
{
	size_t at = 0;
	void *value;

	while (map_next(&f->children, &at, NULL, &value)) {
		struct node *n = value;

		if (n->folder != NULL)
			link_append(walk, &n->folder->work);
		else
			free(n);
	}
}

/* At the end, when nothing of the watch is used any more. */
void
root_free(struct watch *w, struct root *r)
{
	struct link walk;
	struct node *n;

	if (r == NULL)
		return;
	link_init(&walk);
	if (r->top != NULL && r->top->folder != NULL)
		walk_begin(&walk, r->top);
	for (struct link *l = walk.next; l != &walk; l = l->next)
		free_one(CONTAINER_OF(l, struct folder, work), &walk);
	while ((n = walk_last(&walk)) != NULL) {
		folder_free(w, n);
		if (n != r->top)
			free(n);
	}
	free(r->top);
	free(r->above);
	/* Own, whatever the type says: watch_root is the caller's view. */
	free((char *)(uintptr_t)r->opt.path);
	free((char *)(uintptr_t)r->opt.only);
	free(r);
}
