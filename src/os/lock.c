/* Locks.  Path: open, flock, the path still names what we hold - else again.
 * Fails: held by another until the deadline; a file system without locks. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "os_int.h"

enum { RETRY_MS_MIN = 1, RETRY_MS_MAX = 20, MODE = 0600 };

static int
try_flock(int fd, int how)
{
	if (fault_tick()) {
		errno = EIO;
		return -1;
	}
	return flock(fd, how);
}

static enum err
flock_err(struct err_info *e, const char *path)
{
	if (errno == EWOULDBLOCK)
		return err_setf(e, ERR_LOCKED, "%s is held by another process",
		    path);
	if (errno == EOPNOTSUPP || errno == ENOLCK || errno == ENOSYS ||
	    errno == EINVAL)
		return err_setf(e, ERR_UNSUPPORTED,
		    "%s: this file system has no locks: %s", path,
		    strerror(errno));
	return err_sys(e, errno, "lock %s", path);
}

/* The path names the very file that is open. */
static bool
names(const char *path, uint64_t dev, uint64_t ino)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* One try.  ERR_OK with fd -1: the file was replaced, try again at once. */
static enum err
lock_once(struct os_lock *l, struct err_info *e)
{
	enum err rc = ERR_OK;
	struct stat st;
	int fd = try_open(l->path, O_RDWR | O_CREAT | O_NOFOLLOW, MODE);

	l->fd = -1;
	if (fd < 0)
		return err_sys(e, errno, "open %s", l->path);
	if (try_flock(fd, LOCK_EX | LOCK_NB) != 0)
		rc = flock_err(e, l->path);
	else if (fstat(fd, &st) != 0 ||
	    (st.st_size > 0 && !l->steady && try_cut(fd) != 0))
		rc = err_sys(e, errno, "%s", l->path);
	else if (names(l->path, st.st_dev, st.st_ino)) {
		l->dev = st.st_dev;
		l->ino = st.st_ino;
		l->fd = fd;
		fd = -1; /* kept */
	}
	if (fd >= 0)
		(void)close(fd); /* lets the lock go as well */
	return rc;
}

/* Name the holder, where its record does. */
static enum err
locked_by(const char *path, uint32_t timeout_ms, struct err_info *e)
{
	struct err_info why = { 0 };
	struct buf record = { 0 };
	bool held = true;
	int pid = 0;

	/* What fails here costs the name only. */
	if (os_lock_probe(path, &held, &record, &why) == ERR_OK)
		pid = os_lock_pid(buf_str(&record));
	buf_fini(&record);
	if (pid > 0)
		return err_setf(e, ERR_LOCKED,
		    "%s is held by process %d (waited %u.%u s)", path, pid,
		    timeout_ms / 1000, timeout_ms % 1000 / 100);
	return err_setf(e, ERR_LOCKED,
	    "%s is held by another process (waited %u.%u s)", path,
	    timeout_ms / 1000, timeout_ms % 1000 / 100);
}

/* Wait a little, never beyond the deadline.  False: it has passed. */
static bool
rest(uint64_t deadline_ms, uint32_t *retry_ms, bool grow)
{
	uint64_t now = os_mono_ms();

	if (now >= deadline_ms)
		return false;
	os_rest_ms(deadline_ms - now < *retry_ms ?
	        (uint32_t)(deadline_ms - now) :
	        *retry_ms);
	if (grow && *retry_ms < RETRY_MS_MAX)
		*retry_ms *= 2;
	return true;
}

enum err
os_lock_take(struct os_lock *l, const char *path, uint32_t timeout_ms,
    struct err_info *e)
{
	uint64_t deadline = os_mono_ms() + timeout_ms;
	uint32_t retry = l->retry_ms ? l->retry_ms : RETRY_MS_MIN;
	enum err rc;

	*l = (struct os_lock){
		.fd = -1, .retry_ms = l->retry_ms, .steady = l->steady
	};
	l->path = mem_strdup(path);
	if (l->path == NULL)
		return err_set(e, ERR_NOMEM);
	do {
		do
			rc = lock_once(l, e);
		while (rc == ERR_OK && l->fd < 0);
		if (rc == ERR_LOCKED && os_signal_check(e) != ERR_OK)
			rc = e->code;
	} while (rc == ERR_LOCKED && rest(deadline, &retry, l->retry_ms == 0));
	if (rc == ERR_LOCKED)
		rc = locked_by(path, timeout_ms, e);
	if (rc != ERR_OK) {
		free(l->path);
		l->path = NULL;
	}
	return rc;
}

enum err
os_lock_record(struct os_lock *l, struct str text, struct err_info *e)
{
	if (text.n > OS_LOCK_RECORD_MAX)
		return err_setf(e, ERR_TOO_LARGE, "record of %s", l->path);
	l->recorded = true;
	if ((!l->steady && try_cut(l->fd) != 0) ||
	    lseek(l->fd, 0, SEEK_SET) != 0)
		return err_sys(e, errno, "%s", l->path);
	return os_write_fd(l->fd, l->path, text, e);
}

bool
os_lock_still(const struct os_lock *l)
{
	return l->path != NULL && names(l->path, l->dev, l->ino);
}

void
os_lock_release(struct os_lock *l)
{
	if (l->path == NULL)
		return;
	/* A record that stays behind is information without a lock: readers
	 * know it for that. */
	if (l->recorded && !l->steady && ftruncate(l->fd, 0) != 0)
		l->recorded = false;
	/* Not by close alone: a child may have the descriptor, too. */
	(void)flock(l->fd, LOCK_UN);
	(void)close(l->fd);
	free(l->path);
	*l = (struct os_lock){ .retry_ms = l->retry_ms, .steady = l->steady };
}

enum err
os_lock_probe(const char *path, bool *held, struct buf *record,
    struct err_info *e)
{
	enum err rc;
	int fd = try_open(path, O_RDONLY | O_NONBLOCK, 0);

	*held = false;
	if (fd < 0 && errno == ENOENT)
		return ERR_OK;
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	rc = os_read_fd(fd, path, OS_LOCK_RECORD_MAX, record, e);
	if (rc == ERR_OK && try_flock(fd, LOCK_SH | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			*held = true;
		else
			rc = flock_err(e, path);
	}
	(void)close(fd);
	return rc;
}

int
os_lock_pid(struct str record)
{
	static const char key[] = "\"pid\"";
	const char *at =
	    record.n ? memmem(record.p, record.n, key, sizeof key - 1) : NULL;
	uint64_t pid;
	size_t n = 0;

	if (at != NULL) {
		at += sizeof key - 1;
		record =
		    str_trim(str_n(at, record.n - (size_t)(at - record.p)));
		if (record.n == 0 || record.p[0] != ':')
			return 0;
		record = str_n(record.p + 1, record.n - 1);
	}
	record = str_trim(record);
	while (n < record.n && record.p[n] >= '0' && record.p[n] <= '9')
		n++;
	if (!str_u64(str_n(record.p, n), &pid) || pid > INT_MAX)
		return 0;
	return (int)pid;
}
