/* Events of Linux, inotify(7). */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "fault.h"
#include "watch_int.h"

/* One read takes what fits; a turn takes so many and leaves the rest for the
 * next: who makes events faster than we read them cannot keep us here. */
enum { READ_BYTES = 64 * 1024, READS_MAX = 16 };

struct source {
	int fd;
	char buf[READ_BYTES]
	    __attribute__((aligned(__alignof__(struct inotify_event))));
};

static const struct {
	unsigned want;
	uint32_t mask;
} masks[] = {
	{ WATCH_SELF, IN_DELETE_SELF | IN_MOVE_SELF },
	{ WATCH_ENTRIES, IN_CREATE | IN_MOVED_TO | IN_ATTRIB },
	{ WATCH_ONE_FILE, IN_DELETE | IN_MOVED_FROM | IN_CLOSE_WRITE },
	{ WATCH_WRITES, IN_MODIFY },
};

static enum err
source_open(void *ctx, void **ret, struct err_info *e)
{
	struct source *s = mem_alloc(sizeof *s);

	(void)ctx;
	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	if (fault_tick()) {
		s->fd = -1;
		errno = EMFILE;
	} else {
		s->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	}
	if (s->fd < 0) {
		(void)err_sys(e, errno,
		    "inotify (fs.inotify.max_user_instances)");
		free(s);
		return e->code;
	}
	*ret = s;
	return ERR_OK;
}

static void
source_close(void *source)
{
	struct source *s = source;

	(void)close(s->fd);
	free(s);
}

static int
source_fd(const void *source)
{
	return ((const struct source *)source)->fd;
}

static enum err
add_failed(int err, const char *path, struct err_info *e)
{
	if (err == ENOSPC)
		return err_setf(e, ERR_NO_SPACE,
		    "%s: no inotify watches left "
		    "(fs.inotify.max_user_watches)",
		    path);
	(void)err_sys(e, err, "watch %s", path);
	if (err == ENOTDIR || err == ELOOP)
		e->code = ERR_NOT_FOUND;
	if (err == ENAMETOOLONG)
		e->code = ERR_PERMISSION;
	return e->code;
}

static enum err
source_add(void *source, const char *path, unsigned wants, bool replace,
    bool follow, int *watch, struct err_info *e)
{
	const struct source *s = source;
	uint32_t mask = IN_ONLYDIR;

	for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++)
		if (wants & masks[i].want)
			mask |= masks[i].mask;
	mask |= (replace ? 0 : IN_MASK_ADD) | (follow ? 0 : IN_DONT_FOLLOW);
	if (fault_tick())
		return add_failed(ENOSPC, path, e);
	*watch = inotify_add_watch(s->fd, path, mask);
	return *watch < 0 ? add_failed(errno, path, e) : ERR_OK;
}

static void
source_drop(void *source, int watch)
{
	/* EINVAL: the folder went, and its watch with it. */
	(void)inotify_rm_watch(((const struct source *)source)->fd, watch);
}

static void
give(const struct inotify_event *in,
    void (*fn)(void *arg, const struct watch_event *ev), void *arg)
{
	struct watch_event ev = { .what = WATCH_MOVED,
		.watch = in->wd,
		.name = in->len > 0 ? in->name : "",
		.is_folder = (in->mask & IN_ISDIR) != 0 };

	if (in->mask & IN_Q_OVERFLOW)
		ev.what = WATCH_OVERFLOW;
	else if (in->mask & IN_IGNORED)
		ev.what = WATCH_DROPPED;
	else if (in->len > 0)
		ev.what = WATCH_NAME;
	fn(arg, &ev);
}

/* 0: nothing is there; -1 and errno. */
static ssize_t
read_some(struct source *s)
{
	ssize_t n;

	if (fault_tick()) {
		errno = EIO;
		return -1;
	}
	do
		n = read(s->fd, s->buf, sizeof s->buf);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

static enum err
source_read(void *source, void (*fn)(void *arg, const struct watch_event *ev),
    void *arg, struct err_info *e)
{
	struct source *s = source;
	ssize_t n = 1;

	for (int i = 0; i < READS_MAX && n > 0; i++) {
		n = read_some(s);
		if (n < 0)
			return err_sys(e, errno, "read from inotify");
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *in =
			    (const void *)(s->buf + at);

			give(in, fn, arg);
			at += (ssize_t)(sizeof *in + in->len);
		}
	}
	return ERR_OK;
}

struct watch_world
watch_world_system(void)
{
	static const struct watch_events events = { source_open, source_close,
		source_fd, source_add, source_drop, source_read };

	return (struct watch_world){ .files = &watch_files_system,
		.events = &events };
}
