/* System calls with a fault point, and small readers shared inside os. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "os_int.h"

/* EIO is what a dying disk says, and nobody may treat it as expected. */
static bool
fail_now(void)
{
	if (!fault_tick())
		return false;
	errno = EIO;
	return true;
}

/* A signal that somebody waits for ends the call (ERR_INTERRUPTED); any other
 * is none of its business. */
static bool
again(void)
{
	return errno == EINTR && os_signal_caught() == 0;
}

int
try_open(const char *path, int flags, mode_t mode)
{
	int fd;

	if (fail_now())
		return -1;
	do
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
	while (fd < 0 && again());
	return fd;
}

ssize_t
try_read(int fd, void *p, size_t n)
{
	ssize_t got;

	if (fail_now())
		return -1;
	do
		got = read(fd, p, n);
	while (got < 0 && again());
	return got;
}

ssize_t
try_write(int fd, const void *p, size_t n)
{
	ssize_t put;

	if (fail_now())
		return -1;
	do
		put = write(fd, p, n);
	while (put < 0 && again());
	return put;
}

/* Never a second time: a failed fsync drops the dirty pages, and the next one
 * would lie. */
int
try_sync(int fd)
{
	return fail_now() ? -1 : sys_sync(fd);
}

int
try_rename(const char *from, const char *to)
{
	return fail_now() ? -1 : rename(from, to);
}

int
try_unlink(const char *path)
{
	return fail_now() ? -1 : unlink(path);
}

int
try_times(const char *path, const struct timespec now[2])
{
	return fail_now() ? -1 : utimensat(AT_FDCWD, path, now, 0);
}

int
try_mode(int fd, mode_t mode)
{
	return fail_now() ? -1 : fchmod(fd, mode);
}

int
try_cut(int fd)
{
	return fail_now() ? -1 : ftruncate(fd, 0);
}

/* The descriptor is gone whatever close says, so EINTR is not tried again. */
int
try_close(int fd)
{
	int rc = close(fd);

	if (fail_now())
		return -1;
	return rc != 0 && errno != EINTR ? -1 : 0;
}

/* Some file systems have nothing to sync in a folder and say EINVAL. */
enum err
sync_folder(int fd, const char *path, struct err_info *e)
{
	if (try_sync(fd) == 0 || errno == EINVAL)
		return ERR_OK;
	return err_sys(e, errno, "sync the folder of %s", path);
}

int
open_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd, err;

	if (slash == NULL)
		return try_open(".", O_RDONLY | O_DIRECTORY, 0);
	dir = mem_dup(path, slash == path ? 1 : (size_t)(slash - path));
	if (dir == NULL) {
		errno = ENOMEM;
		return -1;
	}
	fd = try_open(dir, O_RDONLY | O_DIRECTORY, 0);
	err = errno;
	free(dir);
	errno = err;
	return fd;
}

enum err
sync_parent(const char *path, struct err_info *e)
{
	int fd = open_parent(path);
	enum err rc;

	if (fd < 0)
		return err_sys(e, errno, "open the folder of %s", path);
	rc = sync_folder(fd, path, e);
	(void)close(fd); /* nothing was written through it */
	return rc;
}

void
read_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = fd < 0 ? 0 : read(fd, line, size - 1);

	if (fd >= 0)
		(void)close(fd);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
}
