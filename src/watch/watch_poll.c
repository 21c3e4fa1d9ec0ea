/* The system's files; and the world that has nothing else. */
#include <errno.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "proc.h"
#include "watch_int.h"

static enum err
files_look(void *ctx, const char *path, bool follow, struct os_file_id *id,
    struct err_info *e)
{
	(void)ctx;
	return os_look_id(path, follow, id, e);
}

struct listing {
	enum err (*fn)(void *arg, const char *name, const struct os_file_id *id,
	    struct err_info *e);
	void *arg; /* borrow */
	enum err rc;
	struct err_info *e; /* borrow */
};

static enum os_walk_do
list_entry(void *ctx, const struct os_walk_entry *entry)
{
	struct listing *l = ctx;

	l->rc = l->fn(l->arg, entry->name, entry->id, l->e);
	return l->rc == ERR_OK ? OS_WALK_ON : OS_WALK_STOP;
}

static enum err
files_list(void *ctx, const char *path,
    enum err (*fn)(void *arg, const char *name, const struct os_file_id *id,
        struct err_info *e),
    void *arg, struct err_info *e)
{
	struct listing l = { .fn = fn, .arg = arg, .e = e };
	struct os_file_id id;
	struct err_info look = { 0 };
	enum err rc = os_walk(path, 0, OS_WALK_STAT, list_entry, &l, e);

	(void)ctx;
	/* It may have become something else than a folder. */
	if (rc == ERR_IO && os_look_id(path, true, &id, &look) == ERR_OK &&
	    id.kind != OS_DIR)
		return err_setf(e, ERR_NOT_FOUND, "%s: no folder", path);
	return rc == ERR_OK ? l.rc : rc;
}

static enum err
files_make(void *ctx, const char *path, struct err_info *e)
{
	(void)ctx;
	return os_touch(path, e);
}

/* Without the sync of os_remove: what a power cut brings back is a leftover. */
static enum err
files_remove(void *ctx, const char *path, struct err_info *e)
{
	(void)ctx;
	if (fault_tick())
		return err_sys(e, EIO, "remove %s", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", path);
	return ERR_OK;
}

static bool
files_alive(void *ctx, int pid)
{
	(void)ctx;
	return os_proc_alive(pid);
}

static int
files_pid(void *ctx)
{
	(void)ctx;
	return os_pid();
}

static int64_t
files_wall_ns(void *ctx)
{
	struct timespec t;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

const struct watch_files watch_files_system = { files_look, files_list,
	files_make, files_remove, files_alive, files_pid, files_wall_ns };

struct watch_world
watch_world_poll(void)
{
	return (struct watch_world){ .files = &watch_files_system };
}
