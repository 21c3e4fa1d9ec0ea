/* What only Linux knows: procfs, pidfds, mount ids, getrandom. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "os_int.h"
#include "str.h"

int
sys_sync(int fd)
{
	return fsync(fd);
}

void
sys_memory_keep(void)
{
#ifdef __GLIBC__
	/* 1: it knows the parameter; nothing depends on it. */
	(void)mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT_BYTES);
#endif
}

void
sys_memory_trim(void)
{
#ifdef __GLIBC__
	(void)malloc_trim(0); /* 0: there was nothing to give */
#endif
}

uint64_t
sys_boot_ns(void)
{
	struct timespec t = { 0 };

	/* Cannot fail: the clock is there since 2.6.39. */
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int
sys_random(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got =
		    fault_tick() ? (errno = EIO, -1) : getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

/* proc_pid_stat(5): "pid (comm) state ..."; comm may hold anything, so the
 * fields are counted from the last parenthesis; start time is field 22. */
static bool
parse_stat(char *line, char *state, uint64_t *start)
{
	char *at = strrchr(line, ')');
	struct str rest, part = { 0 };

	if (at == NULL || at[1] != ' ')
		return false;
	*state = at[2];
	rest = str_of(at + 2);
	for (int field = 3; field <= 22; field++)
		if (!str_split(&rest, ' ', &part))
			return false;
	return str_u64(part, start);
}

bool
sys_proc(int pid, struct os_proc *ret)
{
	char path[64], line[1024], state;
	struct stat st;
	int n = snprintf(path, sizeof path, "/proc/%d", pid);

	if (n < 0 || pid <= 0 || stat(path, &st) != 0)
		return false;
	n = snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if (n < 0)
		return false;
	read_line(path, line, sizeof line);
	if (!parse_stat(line, &state, &ret->start) || state == 'Z' ||
	    state == 'X')
		return false;
	ret->pid = pid;
	ret->uid = st.st_uid;
	return true;
}

ssize_t
sys_exe(int pid, char *path, size_t size)
{
	char link[64];
	int n = snprintf(link, sizeof link, "/proc/%d/exe", pid);

	return n < 0 ? -1 : readlink(link, path, size);
}

/* The pidfd holds the process while we compare, so that the signal cannot reach
 * one that took the pid in between. */
int
sys_signal(const struct os_proc *seen, int sig)
{
	struct os_proc now = { 0 };
	int fd = pidfd_open(seen->pid, 0);
	int rc = -1, err = ESRCH;

	if (fd < 0)
		return -1;
	if (sys_proc(seen->pid, &now) && now.start == seen->start) {
		rc = pidfd_send_signal(fd, sig, NULL, 0);
		err = errno;
	}
	(void)close(fd);
	errno = err;
	return rc;
}

void
sys_boot_id(char id[OS_BOOT_ID_MAX])
{
	read_line("/proc/sys/kernel/random/boot_id", id, OS_BOOT_ID_MAX);
}

/* machine-id(5); "uninitialized" stands there during the first boot. */
void
sys_machine_id(char id[OS_NAME_MAX])
{
	static const char *const where[] = { "/etc/machine-id",
		"/var/lib/dbus/machine-id" };

	for (size_t i = 0; i < sizeof where / sizeof *where; i++) {
		read_line(where[i], id, OS_NAME_MAX);
		if (id[0] != '\0' && strcmp(id, "uninitialized") != 0)
			return;
	}
	id[0] = '\0';
}

/* proc_pid_mountinfo(5): field 1 is the mount id; the type of the file system
 * follows the field "-". */
static bool
mount_type(struct str line, uint64_t want, struct str *type)
{
	struct str part;
	uint64_t id;

	if (!str_split(&line, ' ', &part) || !str_u64(part, &id) || id != want)
		return false;
	while (str_split(&line, ' ', &part))
		if (str_eq(part, STR("-")))
			return str_split(&line, ' ', type);
	return false;
}

int
sys_fs_name(const char *path, char *name, size_t size)
{
	struct statx sx;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	FILE *f;

	if (snprintf(name, size, "unknown") < 0 ||
	    statx(AT_FDCWD, path, 0, STATX_MNT_ID, &sx) != 0)
		return -1;
	f = (sx.stx_mask & STATX_MNT_ID) ? fopen("/proc/self/mountinfo", "re") :
	                                   NULL;
	if (f == NULL)
		return 0;
	while ((n = getline(&line, &cap, f)) > 0) {
		struct str type;

		if (mount_type(str_trim(str_n(line, (size_t)n)), sx.stx_mnt_id,
		        &type) &&
		    snprintf(name, size, "%.*s", STR_ARG(type)) >= 0)
			break;
	}
	free(line);
	(void)fclose(f);
	return 0;
}

int
sys_anon_file(void)
{
	return memfd_create("clowder", MFD_CLOEXEC);
}

int
sys_spawn_close(posix_spawn_file_actions_t *fa)
{
	return posix_spawn_file_actions_addclosefrom_np(fa, 3);
}
