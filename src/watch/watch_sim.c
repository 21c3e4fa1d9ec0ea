/* The simulated world.  A name points to an inode, as on a disk; numbers of inodes
 * that went are used again at once, as some disks do. */
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "watch_sim_int.h"

enum { LINKS_MAX = 8 };

/* --- inodes ---------------------------------------------------------------------- */

static int64_t
stamp(const struct watch_sim *s)
{
	return s->now_ns - s->now_ns % s->tick_ns;
}

static struct inode *
inode_new(struct watch_sim *s, enum os_kind kind)
{
	struct sim_tree *t = s->tree;
	struct inode *i = mem_zero(sizeof *i);

	if (i == NULL)
		return NULL;
	link_init(&i->order);
	i->id.dev = 1;
	i->id.ino = t->spare_ino ? t->spare_ino : ++t->last_ino;
	t->spare_ino = 0;
	i->id.kind = kind;
	i->id.mode = kind == OS_DIR ? 0700 : 0600;
	i->id.mtime_ns = i->id.ctime_ns = stamp(s);
	return i;
}

static void
queue_add(struct watch_sim *s, const struct watch_event *ev)
{
	struct sim_tree *t = s->tree;
	struct queued *last = t->n_queue ? &t->queue[t->n_queue - 1] : NULL;
	struct queued q = { .ev = *ev };

	/* As the system does: the same again is left out. */
	if (last != NULL && last->ev.what == ev->what &&
	    last->ev.watch == ev->watch &&
	    last->ev.is_folder == ev->is_folder &&
	    (ev->name == NULL || strcmp(last->name, ev->name) == 0))
		return;
	if (t->n_queue >= s->queue_max) {
		s->lost++;
		if (last != NULL && last->ev.what == WATCH_OVERFLOW)
			return;
		q.ev = (struct watch_event){ .what = WATCH_OVERFLOW };
	}
	q.name = strdup(q.ev.name ? q.ev.name : "");
	if (q.name == NULL ||
	    !mem_grow(&t->queue, &t->queue_cap, t->n_queue + 1, sizeof q))
		abort(); /* a world does not fail by halves */
	q.ev.name = NULL;
	t->queue[t->n_queue++] = q;
}

static void
tell_name(struct watch_sim *s, const struct inode *dir, unsigned want,
    const char *name, bool is_folder)
{
	if (dir->watch != 0 && (dir->wants & want))
		queue_add(s,
		    &(struct watch_event){ .what = WATCH_NAME,
		        .watch = dir->watch,
		        .name = name,
		        .is_folder = is_folder });
}

static void
tell_self(struct watch_sim *s, const struct inode *i, enum watch_what what)
{
	if (i->watch != 0)
		queue_add(s,
		    &(struct watch_event){ .what = what, .watch = i->watch });
}

void
sim_unwatch(struct watch_sim *s, struct inode *i)
{
	if (i->watch == 0)
		return;
	tell_self(s, i, WATCH_DROPPED);
	(void)map_del(&s->tree->watches, watch_key(&i->watch));
	s->tree->n_watches--;
	i->watch = 0;
}

static void
inode_unref(struct watch_sim *s, struct inode *i)
{
	if (--i->names > 0)
		return;
	tell_self(s, i, WATCH_MOVED);
	sim_unwatch(s, i);
	s->tree->spare_ino = i->id.ino;
	map_fini(&i->entries);
	free(i->target);
	free(i);
}

/* --- names ----------------------------------------------------------------------- */

/* Where a path leads: the folder of its last name, that name, and what has it. */
struct place {
	struct inode *dir;
	char name[256];
	struct entry *entry; /* NULL: none */
};

static enum err find(const struct watch_sim *s, const char *path, bool follow,
    unsigned links, struct place *ret, struct err_info *e);

static enum err
find_step(const struct watch_sim *s, const char *path, struct str part,
    bool follow, unsigned links, struct place *p, struct err_info *e)
{
	struct inode *i = p->entry ? p->entry->inode : s->tree->root;

	if (part.n >= sizeof p->name)
		return err_setf(e, ERR_PERMISSION, "%s: too long", path);
	if ((p->dir != NULL && p->entry == NULL) || i->id.kind != OS_DIR)
		return err_setf(e, ERR_NOT_FOUND, "%s", path);
	p->dir = i;
	str_copy(p->name, sizeof p->name, part);
	p->entry = map_get(&i->entries, part);
	if (p->entry == NULL || !follow || p->entry->inode->id.kind != OS_LINK)
		return ERR_OK;
	if (links == LINKS_MAX)
		return err_setf(e, ERR_NOT_FOUND, "%s", path);
	return find(s, p->entry->inode->target, true, links + 1, p, e);
}

static enum err
find(const struct watch_sim *s, const char *path, bool follow, unsigned links,
    struct place *ret, struct err_info *e)
{
	struct str rest = str_of(path), part;
	enum err rc = ERR_OK;

	*ret = (struct place){ 0 };
	while (rc == ERR_OK && str_split(&rest, '/', &part))
		if (part.n > 0)
			rc = find_step(s, path, part, rest.n > 0 || follow,
			    links, ret, e);
	return rc;
}

static struct inode *
place_inode(const struct watch_sim *s, const struct place *p)
{
	if (p->entry != NULL)
		return p->entry->inode;
	return p->dir == NULL ? s->tree->root : NULL;
}

enum err
sim_find(const struct watch_sim *s, const char *path, bool follow,
    struct inode **ret, struct err_info *e)
{
	struct place p;
	enum err rc = find(s, path, follow, 0, &p, e);

	*ret = rc == ERR_OK ? place_inode(s, &p) : NULL;
	if (rc == ERR_OK && *ret == NULL)
		return err_setf(e, ERR_NOT_FOUND, "%s", path);
	return rc;
}

static bool
entry_add(struct place *p, struct inode *i)
{
	size_t n = strlen(p->name);
	struct entry *at = mem_zero(sizeof *at + n + 1);

	if (at == NULL)
		return false;
	memcpy(at->name, p->name, n + 1);
	at->inode = i;
	if (!map_put(&p->dir->entries, str_n(at->name, n), at)) {
		free(at);
		return false;
	}
	link_append(&p->dir->order, &at->order);
	i->names++;
	p->entry = at;
	return true;
}

static void
entry_del(struct watch_sim *s, struct place *p)
{
	struct inode *i = p->entry->inode;

	(void)map_del(&p->dir->entries, str_of(p->entry->name));
	link_out(&p->entry->order);
	free(p->entry);
	p->entry = NULL;
	inode_unref(s, i);
}

/* --- what happens ------------------------------------------------------------------ */

/* A new inode, or `old` once more, at a path where nothing is. */
static enum err
make(struct watch_sim *s, const char *path, enum os_kind kind,
    struct inode *old, struct place *p, struct err_info *e)
{
	struct inode *i = old;
	enum err rc = find(s, path, false, 0, p, e);

	if (rc != ERR_OK)
		return rc;
	if (p->dir == NULL || p->entry != NULL)
		return err_setf(e, ERR_EXISTS, "%s", path);
	if (i == NULL)
		i = inode_new(s, kind);
	if (i == NULL || !entry_add(p, i)) {
		if (old == NULL)
			free(i);
		return err_set(e, ERR_NOMEM);
	}
	tell_name(s, p->dir, WATCH_ENTRIES, p->name, kind == OS_DIR);
	return ERR_OK;
}

enum err
watch_sim_mkdir(struct watch_sim *s, const char *path, struct err_info *e)
{
	struct place p;

	return make(s, path, OS_DIR, NULL, &p, e);
}

enum err
watch_sim_link(struct watch_sim *s, const char *target, const char *path,
    struct err_info *e)
{
	char *copy = mem_strdup(target);
	struct place p;
	enum err rc;

	if (copy == NULL)
		return err_set(e, ERR_NOMEM);
	rc = make(s, path, OS_LINK, NULL, &p, e);
	if (rc == ERR_OK)
		p.entry->inode->target = copy;
	else
		free(copy);
	return rc;
}

enum err
watch_sim_bind(struct watch_sim *s, const char *folder, const char *path,
    struct err_info *e)
{
	struct inode *i;
	struct place p;
	enum err rc = sim_find(s, folder, true, &i, e);

	if (rc == ERR_OK && i->id.kind != OS_DIR)
		return err_setf(e, ERR_REFUSED, "%s: no folder", folder);
	return rc == ERR_OK ? make(s, path, OS_DIR, i, &p, e) : rc;
}

static enum err
file_at(struct watch_sim *s, const char *path, bool may_make, struct place *p,
    struct err_info *e)
{
	enum err rc = find(s, path, true, 0, p, e);

	if (rc == ERR_OK && p->dir != NULL && p->entry == NULL) {
		if (!may_make)
			return err_setf(e, ERR_NOT_FOUND, "%s", path);
		return make(s, path, OS_FILE, NULL, p, e);
	}
	if (rc == ERR_OK && place_inode(s, p)->id.kind != OS_FILE)
		return err_setf(e, ERR_REFUSED, "%s: no file", path);
	return rc;
}

enum err
watch_sim_write(struct watch_sim *s, const char *path, uint64_t size,
    struct err_info *e)
{
	struct place p;
	enum err rc = file_at(s, path, true, &p, e);
	struct inode *i;

	if (rc != ERR_OK)
		return rc;
	i = p.entry->inode;
	i->id.size = size;
	i->id.mtime_ns = i->id.ctime_ns = stamp(s);
	i->content = ++s->tree->last_content;
	tell_name(s, p.dir, WATCH_WRITES, p.name, false);
	tell_name(s, p.dir, WATCH_ONE_FILE, p.name, false);
	return ERR_OK;
}

enum err
watch_sim_touch(struct watch_sim *s, const char *path, struct err_info *e)
{
	struct place p;
	enum err rc = file_at(s, path, true, &p, e);

	if (rc != ERR_OK)
		return rc;
	p.entry->inode->id.mtime_ns = s->now_ns;
	p.entry->inode->id.ctime_ns = stamp(s);
	if (p.entry->inode->content == 0)
		p.entry->inode->content = ++s->tree->last_content;
	tell_name(s, p.dir, WATCH_ENTRIES, p.name, false);
	return ERR_OK;
}

static enum err
may_replace(const struct place *from, const struct place *to,
    struct err_info *e)
{
	const struct inode *a = from->entry->inode, *b;

	if (to->entry == NULL)
		return ERR_OK;
	b = to->entry->inode;
	if (a == b || (a->id.kind == OS_DIR) != (b->id.kind == OS_DIR) ||
	    b->entries.count > 0)
		return err_setf(e, ERR_REFUSED, "%s: in the way", to->name);
	return ERR_OK;
}

/* A folder would be moved into itself. */
static bool
is_inside(const char *from, const char *to)
{
	size_t n = strlen(from);

	return strncmp(from, to, n) == 0 && (to[n] == '/' || to[n] == '\0');
}

enum err
watch_sim_rename(struct watch_sim *s, const char *from, const char *to,
    struct err_info *e)
{
	struct place a, b;
	struct inode *i;
	bool is_folder;
	enum err rc = find(s, from, false, 0, &a, e);

	if (rc == ERR_OK)
		rc = find(s, to, false, 0, &b, e);
	if (rc != ERR_OK)
		return rc;
	if (a.entry == NULL)
		return err_setf(e, ERR_NOT_FOUND, "%s", from);
	if (b.dir == NULL || is_inside(from, to))
		return err_setf(e, ERR_REFUSED, "%s to %s", from, to);
	rc = may_replace(&a, &b, e);
	if (rc != ERR_OK)
		return rc;
	i = a.entry->inode;
	is_folder = i->id.kind == OS_DIR;
	i->names++; /* while it has no name */
	if (b.entry != NULL)
		entry_del(s, &b);
	if (!entry_add(&b, i))
		abort();
	entry_del(s, &a);
	i->names--;
	i->id.ctime_ns = stamp(s);
	tell_name(s, a.dir, WATCH_ONE_FILE, a.name, is_folder);
	tell_name(s, b.dir, WATCH_ENTRIES, b.name, is_folder);
	if (is_folder)
		tell_self(s, i, WATCH_MOVED);
	return ERR_OK;
}

enum err
watch_sim_remove(struct watch_sim *s, const char *path, struct err_info *e)
{
	struct place p;
	enum err rc = find(s, path, false, 0, &p, e);
	bool is_folder;

	if (rc != ERR_OK)
		return rc;
	if (p.entry == NULL)
		return err_setf(e, ERR_NOT_FOUND, "%s", path);
	if (p.entry->inode->entries.count > 0 && p.entry->inode->names == 1)
		return err_setf(e, ERR_REFUSED, "%s: not empty", path);
	is_folder = p.entry->inode->id.kind == OS_DIR;
	entry_del(s, &p);
	tell_name(s, p.dir, WATCH_ONE_FILE, p.name, is_folder);
	return ERR_OK;
}

enum err
watch_sim_readable_set(struct watch_sim *s, const char *path, bool readable,
    struct err_info *e)
{
	struct place p;
	enum err rc = find(s, path, true, 0, &p, e);

	if (rc != ERR_OK || p.entry == NULL)
		return err_setf(e, ERR_NOT_FOUND, "%s", path);
	p.entry->inode->unreadable = !readable;
	p.entry->inode->id.ctime_ns = stamp(s);
	tell_name(s, p.dir, WATCH_ENTRIES, p.name,
	    p.entry->inode->id.kind == OS_DIR);
	return ERR_OK;
}

uint64_t
watch_sim_content(const struct watch_sim *s, const char *path)
{
	struct err_info e = { 0 };
	struct inode *i;

	if (sim_find(s, path, false, &i, &e) != ERR_OK)
		return 0;
	return i->id.kind == OS_FILE ? i->content : 0;
}

/* --- life ----------------------------------------------------------------------------- */

enum err
watch_sim_init(struct watch_sim *s, struct err_info *e)
{
	*s = (struct watch_sim){ .now_ns = 1000000000,
		.tick_ns = 1,
		.queue_max = SIZE_MAX,
		.watches_max = SIZE_MAX };
	s->tree = mem_zero(sizeof *s->tree);
	if (s->tree != NULL)
		s->tree->root = inode_new(s, OS_DIR);
	if (s->tree == NULL || s->tree->root == NULL) {
		free(s->tree);
		s->tree = NULL;
		return err_set(e, ERR_NOMEM);
	}
	s->tree->root->names = 1;
	return ERR_OK;
}

void
watch_sim_fini(struct watch_sim *s)
{
	struct sim_tree *t = s->tree;
	struct inode *at = t ? t->root : NULL;

	/* From the leaves up: a folder that has entries is entered. */
	while (t != NULL && t->root->entries.count > 0) {
		struct place p = { .dir = at };

		p.entry = CONTAINER_OF(at->order.next, struct entry, order);
		if (p.entry->inode->names == 1 &&
		    p.entry->inode->entries.count > 0) {
			at = p.entry->inode;
			continue;
		}
		entry_del(s, &p);
		if (at->entries.count == 0)
			at = t->root;
	}
	if (t == NULL)
		return;
	inode_unref(s, t->root);
	sim_queue_clear(t);
	map_fini(&t->watches);
	free(t->queue);
	free(t);
	s->tree = NULL;
}
