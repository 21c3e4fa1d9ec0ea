/* The simulated world as a watch sees it: files to look at, a source of events. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "watch_sim_int.h"

enum { SIM_PID = 1000 };

/* --- the world: files ---------------------------------------------------------------- */

static enum err
sim_look(void *ctx, const char *path, bool follow, struct os_file_id *id,
    struct err_info *e)
{
	struct inode *i;
	enum err rc;

	if (fault_tick())
		return err_setf(e, ERR_IO, "look at %s", path);
	rc = sim_find(ctx, path, follow, &i, e);
	if (rc == ERR_OK)
		*id = i->id;
	return rc;
}

static enum err
sim_list(void *ctx, const char *path,
    enum err (*fn)(void *arg, const char *name, const struct os_file_id *id,
        struct err_info *e),
    void *arg, struct err_info *e)
{
	struct inode *i;
	enum err rc;

	if (fault_tick())
		return err_setf(e, ERR_IO, "list %s", path);
	rc = sim_find(ctx, path, true, &i, e);
	if (rc == ERR_OK && i->id.kind != OS_DIR)
		return err_setf(e, ERR_NOT_FOUND, "%s: no folder", path);
	if (rc == ERR_OK && i->unreadable)
		return err_setf(e, ERR_PERMISSION, "%s", path);
	if (rc != ERR_OK)
		return rc;
	for (struct link *l = i->order.next, *next; l != &i->order; l = next) {
		struct entry *at = CONTAINER_OF(l, struct entry, order);

		next = l->next; /* fn may remove this one */
		rc = fn(arg, at->name, &at->inode->id, e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static enum err
sim_make(void *ctx, const char *path, struct err_info *e)
{
	if (fault_tick())
		return err_setf(e, ERR_IO, "make %s", path);
	return watch_sim_touch(ctx, path, e);
}

static enum err
sim_remove(void *ctx, const char *path, struct err_info *e)
{
	enum err rc;

	if (fault_tick())
		return err_setf(e, ERR_IO, "remove %s", path);
	rc = watch_sim_remove(ctx, path, e);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static bool
sim_alive(void *ctx, int pid)
{
	const struct watch_sim *s = ctx;

	return pid == SIM_PID || pid == s->alive_pid;
}

static int
sim_pid(void *ctx)
{
	(void)ctx;
	return SIM_PID;
}

static int64_t
sim_wall_ns(void *ctx)
{
	return ((const struct watch_sim *)ctx)->now_ns;
}

/* --- the world: events ---------------------------------------------------------------- */

static enum err
sim_open(void *ctx, void **source, struct err_info *e)
{
	struct watch_sim *s = ctx;

	if (fault_tick() || s->no_source || s->tree->open)
		return err_setf(e, ERR_IO, "no source of events");
	s->tree->open = true;
	*source = s;
	return ERR_OK;
}

void
sim_queue_clear(struct sim_tree *t)
{
	for (size_t i = 0; i < t->n_queue; i++)
		free(t->queue[i].name);
	t->n_queue = 0;
}

static void
sim_close(void *source)
{
	struct watch_sim *s = source;
	size_t at = 0;
	void *value;

	while (map_next(&s->tree->watches, &at, NULL, &value))
		((struct inode *)value)->watch = 0;
	map_fini(&s->tree->watches);
	s->tree->n_watches = 0;
	sim_queue_clear(s->tree);
	s->tree->open = false;
}

static int
sim_fd(const void *source)
{
	(void)source;
	return INT_MAX; /* not one that can be polled */
}

static enum err
sim_add(void *source, const char *path, unsigned wants, bool replace,
    bool follow, int *watch, struct err_info *e)
{
	struct watch_sim *s = source;
	struct inode *i;
	enum err rc = sim_find(s, path, follow, &i, e);

	if (rc == ERR_OK && i->id.kind != OS_DIR)
		return err_setf(e, ERR_NOT_FOUND, "%s: no folder", path);
	if (rc == ERR_OK && i->unreadable)
		return err_setf(e, ERR_PERMISSION, "%s", path);
	if (rc != ERR_OK)
		return rc;
	if (fault_tick() ||
	    (i->watch == 0 && s->tree->n_watches >= s->watches_max))
		return err_setf(e, ERR_NO_SPACE, "%s: no watches left", path);
	if (i->watch == 0) {
		i->watch = ++s->tree->last_watch;
		i->wants = 0;
		if (!map_put(&s->tree->watches, watch_key(&i->watch), i)) {
			i->watch = 0;
			return err_set(e, ERR_NOMEM);
		}
		s->tree->n_watches++;
	}
	i->wants = replace ? wants : i->wants | wants;
	*watch = i->watch;
	return ERR_OK;
}

static void
sim_drop(void *source, int watch)
{
	struct watch_sim *s = source;
	struct inode *i = map_get(&s->tree->watches, watch_key(&watch));

	if (i != NULL)
		sim_unwatch(s, i);
}

static enum err
sim_read(void *source, void (*fn)(void *arg, const struct watch_event *ev),
    void *arg, struct err_info *e)
{
	struct watch_sim *s = source;
	struct sim_tree *t = s->tree;
	size_t n = t->n_queue > s->late ? t->n_queue - s->late : 0;

	if (fault_tick())
		return err_setf(e, ERR_IO, "read events");
	for (size_t i = 0; i < n; i++) {
		struct queued *q = &t->queue[i];

		q->ev.name = q->name;
		fn(arg, &q->ev);
		free(q->name);
	}
	t->n_queue -= n;
	if (t->n_queue > 0)
		memmove(t->queue, t->queue + n, t->n_queue * sizeof *t->queue);
	return ERR_OK;
}

struct watch_world
watch_sim_world(struct watch_sim *s)
{
	static const struct watch_files files = { sim_look, sim_list, sim_make,
		sim_remove, sim_alive, sim_pid, sim_wall_ns };
	static const struct watch_events events = { sim_open, sim_close, sim_fd,
		sim_add, sim_drop, sim_read };

	return (struct watch_world){ s, &files, &events };
}

bool
watch_sim_readable(const struct watch_sim *s)
{
	return s->tree->n_queue > s->late;
}
