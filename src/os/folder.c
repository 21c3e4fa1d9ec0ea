/* Folders: making them, listing one, walking a tree. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "file.h"
#include "os_int.h"

/* One level, its parent being there. */
static enum err
make_one(const char *path, mode_t mode, struct err_info *e)
{
	int err;

	if (fault_tick())
		return err_sys(e, EIO, "%s", path);
	if (mkdir(path, mode) == 0) {
		/* The umask took bits away. */
		if (fault_tick() ? (errno = EIO, true) : chmod(path, mode) != 0)
			return err_sys(e, errno, "%s", path);
		return sync_parent(path, e);
	}
	err = errno;
	if (os_is_dir(path))
		return ERR_OK;
	if (err == EEXIST || err == ENOTDIR)
		return err_setf(e, ERR_EXISTS,
		    "%s: something else is in the way", path);
	return err_sys(e, err, "%s", path);
}

enum err
os_mkdirs(const char *path, mode_t mode, struct err_info *e)
{
	enum err rc = ERR_OK;
	char *at, *copy;

	if (path[0] == '\0')
		return err_sys(e, ENOENT, "make a folder without a name");
	if (os_is_dir(path))
		return ERR_OK;
	copy = mem_strdup(path);
	if (copy == NULL)
		return err_set(e, ERR_NOMEM);
	for (at = copy; rc == ERR_OK && *at != '\0';) {
		char kept;

		at += strspn(at, "/");
		at += strcspn(at, "/");
		kept = *at;
		*at = '\0';
		rc = make_one(copy, mode, e);
		*at = kept;
	}
	free(copy);
	return rc;
}

void
os_names_fini(struct os_names *l)
{
	free(l->name);
	free(l->text);
	*l = (struct os_names){ 0 };
}

static int
by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* The byte before each name tells its d_type, so that a walk need not look at
 * every file again. */
static enum err
read_names(DIR *d, struct buf *text, size_t *n, struct err_info *e)
{
	struct dirent *de;

	while (errno = 0, (de = readdir(d)) != NULL) {
		if (strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0)
			continue;
		buf_addc(text, (char)de->d_type);
		buf_add(text, de->d_name, strlen(de->d_name) + 1);
		++*n;
	}
	if (errno != 0)
		return err_sys(e, errno, "list");
	return buf_ok(text, e);
}

static enum err
sort_names(struct os_names *l, struct buf *text, size_t n, struct err_info *e)
{
	char *at;

	if (n == 0)
		return ERR_OK;
	if (!mem_grow(&l->name, &l->cap, n, sizeof *l->name))
		return err_set(e, ERR_NOMEM);
	at = l->text = buf_take(text);
	for (; l->n < n; at += strlen(at) + 1)
		l->name[l->n++] = ++at; /* behind the type */
	qsort(l->name, l->n, sizeof *l->name, by_name);
	return ERR_OK;
}

enum err
os_list(const char *path, struct os_names *ret, struct err_info *e)
{
	struct os_names l = { 0 };
	struct buf text = { 0 };
	size_t n = 0;
	DIR *d = NULL;
	enum err rc;
	int fd = try_open(path, O_RDONLY | O_DIRECTORY, 0);

	if (fd >= 0)
		d = fdopendir(fd);
	if (d == NULL) {
		rc = err_sys(e, errno, "%s", path);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	rc = read_names(d, &text, &n, e);
	(void)closedir(d);
	if (rc == ERR_OK)
		rc = sort_names(&l, &text, n, e);
	if (rc == ERR_OK) {
		*ret = l;
		l = (struct os_names){ 0 }; /* given to the caller */
	} else {
		err_wrap(e, "%s", path);
	}
	buf_fini(&text);
	os_names_fini(&l);
	return rc;
}

/* A folder that the walk is in. */
struct level {
	struct os_names names;
	size_t next;     /* name to visit */
	size_t path_len; /* of this folder in the walk's path */
	int fd;          /* own; with OS_WALK_STAT, else -1 */
};

struct walk {
	struct level *level; /* own */
	size_t n, cap;
	struct buf path; /* of the entry at hand */
	unsigned depth_max, flags;
	os_walk_fn fn;
	void *ctx; /* borrow */
};

static void
walk_leave(struct walk *w)
{
	struct level *l = &w->level[--w->n];

	os_names_fini(&l->names);
	if (l->fd >= 0)
		(void)close(l->fd);
}

static void
walk_fini(struct walk *w)
{
	while (w->n > 0)
		walk_leave(w);
	free(w->level);
	buf_fini(&w->path);
}

/* Go into the folder that path names.  What is in it is looked at from there:
 * the way to it is not walked for every file. */
static enum err
walk_enter(struct walk *w, struct err_info *e)
{
	struct level l = { .path_len = w->path.len, .fd = -1 };
	enum err rc;

	if (!mem_grow(&w->level, &w->cap, w->n + 1, sizeof *w->level))
		return err_set(e, ERR_NOMEM);
	rc = os_list(w->path.data, &l.names, e);
	if (rc != ERR_OK)
		return rc;
	w->level[w->n++] = l;
	if (!(w->flags & OS_WALK_STAT))
		return ERR_OK;
	l.fd = try_open(w->path.data, O_RDONLY | O_DIRECTORY, 0);
	if (l.fd < 0) {
		rc = err_sys(e, errno, "%s", w->path.data);
		walk_leave(w);
		return rc;
	}
	w->level[w->n - 1].fd = l.fd;
	return ERR_OK;
}

static enum os_kind
kind_of_type(char type)
{
	return type == DT_REG ? OS_FILE :
	    type == DT_DIR    ? OS_DIR :
	    type == DT_LNK    ? OS_LINK :
	                        OS_OTHER;
}

/* False: it has vanished. */
static bool
walk_look(const struct walk *w, const struct level *l, char type,
    struct os_walk_entry *entry, struct os_file_id *id)
{
	struct stat st;

	entry->kind = kind_of_type(type);
	if (!(w->flags & OS_WALK_STAT) && type != DT_UNKNOWN)
		return true;
	if (l->fd >= 0 ?
	        fstatat(l->fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) != 0 :
	        lstat(w->path.data, &st) != 0)
		return false;
	file_id_of(&st, id);
	entry->kind = id->kind;
	if (w->flags & OS_WALK_STAT)
		entry->id = id;
	return true;
}

/* A folder was shown: enter it.  Gone meanwhile is nothing; a folder that may
 * not be read is the caller's to judge; what is left is a failure. */
static enum err
walk_down(struct walk *w, struct os_walk_entry *entry, enum os_walk_do *what,
    struct err_info *e)
{
	enum err rc = walk_enter(w, e);

	if (rc == ERR_PERMISSION) {
		entry->unreadable = true;
		*what = w->fn(w->ctx, entry);
	}
	return rc == ERR_NOT_FOUND || rc == ERR_PERMISSION ? ERR_OK : rc;
}

static enum err
walk_step(struct walk *w, enum os_walk_do *what, struct err_info *e)
{
	struct level *l = &w->level[w->n - 1];
	struct os_walk_entry entry = { .depth = (unsigned)(w->n - 1) };
	struct os_file_id id;
	const char *name;

	if (l->next == l->names.n) {
		walk_leave(w);
		return ERR_OK;
	}
	name = l->names.name[l->next++];
	w->path.len = l->path_len;
	if (l->path_len > 0 && w->path.data[l->path_len - 1] != '/')
		buf_addc(&w->path, '/');
	buf_adds(&w->path, name);
	if (w->path.failed)
		return buf_ok(&w->path, e);
	entry.path = w->path.data;
	entry.name = w->path.data + w->path.len - strlen(name);
	if (!walk_look(w, l, name[-1], &entry, &id))
		return ERR_OK;
	*what = w->fn(w->ctx, &entry);
	if (*what == OS_WALK_ON && entry.kind == OS_DIR &&
	    entry.depth < w->depth_max)
		return walk_down(w, &entry, what, e);
	return ERR_OK;
}

enum err
os_walk(const char *path, unsigned depth_max, unsigned flags, os_walk_fn fn,
    void *ctx, struct err_info *e)
{
	struct walk w = {
		.depth_max = depth_max, .flags = flags, .fn = fn, .ctx = ctx
	};
	enum os_walk_do what = OS_WALK_ON;
	enum err rc;

	buf_adds(&w.path, path);
	rc = buf_ok(&w.path, e);
	if (rc == ERR_OK)
		rc = walk_enter(&w, e);
	while (rc == ERR_OK && w.n > 0 && what != OS_WALK_STOP)
		rc = walk_step(&w, &what, e);
	walk_fini(&w);
	return rc;
}
