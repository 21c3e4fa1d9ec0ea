#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "file.h"
#include "os_int.h"

void
os_memory_keep(void)
{
	sys_memory_keep();
}

void
os_memory_trim(void)
{
	sys_memory_trim();
}

size_t
os_files_allow(size_t want)
{
	struct rlimit l, more;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return want;
	more = l;
	more.rlim_cur = want < l.rlim_max ? (rlim_t)want : l.rlim_max;
	if (more.rlim_cur > l.rlim_cur && setrlimit(RLIMIT_NOFILE, &more) == 0)
		l = more;
	return l.rlim_cur < want ? (size_t)l.rlim_cur : want;
}

int
os_pid(void)
{
	return (int)getpid();
}

uint32_t
os_uid(void)
{
	return (uint32_t)geteuid();
}

/* A program that was replaced while it ran is named with this behind it. */
static void
cut_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(path), m = sizeof mark - 1;

	if (n > m && strcmp(path + n - m, mark) == 0)
		path[n - m] = '\0';
}

enum err
os_proc_look(int pid, struct os_proc *ret, struct err_info *e)
{
	struct os_proc p = { 0 };
	ssize_t n;

	if (!sys_proc(pid, &p))
		return err_setf(e, ERR_NOT_FOUND, "no process %d", pid);
	sys_boot_id(p.boot_id);
	n = sys_exe(pid, p.exe, sizeof p.exe - 1);
	p.exe[n > 0 ? n : 0] = '\0';
	cut_deleted(p.exe);
	*ret = p;
	return ERR_OK;
}

bool
os_proc_alive(int pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

bool
os_proc_same(const struct os_proc *seen)
{
	struct os_proc now = { 0 };

	if (!sys_proc(seen->pid, &now) || now.start != seen->start)
		return false;
	sys_boot_id(now.boot_id);
	return strcmp(now.boot_id, seen->boot_id) == 0;
}

enum err
os_proc_signal(const struct os_proc *seen, int sig, struct err_info *e)
{
	/* 0, -1 and 1 mean groups, everybody and init. */
	if (seen->pid < 2 || !os_proc_same(seen))
		return err_setf(e, ERR_NOT_FOUND, "no such process %d any more",
		    seen->pid);
	if (sys_signal(seen, sig) == 0)
		return ERR_OK;
	if (errno == ESRCH)
		return err_setf(e, ERR_NOT_FOUND, "no such process %d any more",
		    seen->pid);
	return err_sys(e, errno, "signal process %d", seen->pid);
}

enum err
os_exe(struct arena *a, const char **ret, struct err_info *e)
{
	char path[OS_EXE_MAX];
	ssize_t n = sys_exe(os_pid(), path, sizeof path - 1);

	if (n < 0)
		return err_sys(e, errno, "the running program");
	path[n] = '\0';
	cut_deleted(path);
	*ret = arena_dup(a, str_of(path));
	return *ret ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* The input goes into a file without a name: a child that never reads cannot
 * block us, and no SIGPIPE comes back. */
static enum err
input_file(struct str input, int *fd, struct err_info *e)
{
	enum err rc;

	*fd = fault_tick() ? (errno = EIO, -1) : sys_anon_file();
	if (*fd < 0)
		return err_sys(e, errno, "input of a program");
	rc = os_write_fd(*fd, "input of a program", input, e);
	if (rc == ERR_OK && lseek(*fd, 0, SEEK_SET) != 0)
		rc = err_sys(e, errno, "input of a program");
	if (rc != ERR_OK) {
		(void)close(*fd);
		*fd = -1;
	}
	return rc;
}

/* Returns an errno value, as posix_spawn's own functions do. */
static int
set_files(posix_spawn_file_actions_t *fa, const struct os_spawn *s, int input)
{
	const char *out = s->output ? s->output : "/dev/null";
	int err;

	err = input >= 0 ?
	    posix_spawn_file_actions_adddup2(fa, input, 0) :
	    posix_spawn_file_actions_addopen(fa, 0, "/dev/null", O_RDONLY, 0);
	/* A pipe that nobody reads fails; the wait for a reader would be ours. */
	if (err == 0 && strcmp(out, "-") != 0) {
		err = posix_spawn_file_actions_addopen(fa, 1, out,
		    O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK,
		    0600);
		if (err == 0)
			err = posix_spawn_file_actions_adddup2(fa, 1, 2);
	}
	/* After the files: their paths are ours, the folder is the child's. */
	if (err == 0 && s->cwd != NULL)
		err = posix_spawn_file_actions_addchdir_np(fa, s->cwd);
	if (err == 0)
		err = sys_spawn_close(fa);
	return err;
}

static int
set_attr(posix_spawnattr_t *at, bool detach)
{
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
	sigset_t all, none;
	int err;

	if (sigfillset(&all) != 0 || sigemptyset(&none) != 0)
		return errno;
	if (detach)
		flags = (short)(flags | POSIX_SPAWN_SETSID);
	err = posix_spawnattr_setsigdefault(at, &all);
	if (err == 0)
		err = posix_spawnattr_setsigmask(at, &none);
	if (err == 0)
		err = posix_spawnattr_setflags(at, flags);
	return err;
}

static int
spawn(const struct os_spawn *s, int input, pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	char *const *argv, *const *env;
	int err = posix_spawn_file_actions_init(&fa);

	if (err != 0)
		return err;
	err = posix_spawnattr_init(&at);
	if (err != 0) {
		(void)posix_spawn_file_actions_destroy(&fa);
		return err;
	}
	err = set_files(&fa, s, input);
	if (err == 0)
		err = set_attr(&at, s->detach);
	/* POSIX wants char *const[] and promises not to write. */
	memcpy(&argv, &s->argv, sizeof argv);
	memcpy(&env, &s->env, sizeof env);
	if (err == 0)
		err = posix_spawnp(pid, argv[0], &fa, &at, argv,
		    env ? env : environ);
	(void)posix_spawnattr_destroy(&at);
	(void)posix_spawn_file_actions_destroy(&fa);
	return err;
}

enum err
os_spawn(const struct os_spawn *s, int *pid, struct err_info *e)
{
	int input = -1, err;
	pid_t child = 0;
	enum err rc = ERR_OK;

	if (s->input != NULL)
		rc = input_file(*s->input, &input, e);
	if (rc != ERR_OK)
		return rc;
	err = fault_tick() ? EIO : spawn(s, input, &child);
	if (err != 0)
		rc = err_sys(e, err, "start %s", s->argv[0]);
	else
		*pid = (int)child;
	if (input >= 0)
		(void)close(input);
	return rc;
}

enum err
os_wait(int pid, int *status, struct err_info *e)
{
	int got;
	pid_t rc;

	do
		rc = waitpid(pid, &got, 0);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return err_sys(e, errno, "wait for process %d", pid);
	*status = WIFEXITED(got) ? WEXITSTATUS(got) : 128 + WTERMSIG(got);
	return ERR_OK;
}

static void
copy_name(char name[OS_NAME_MAX], const char *from)
{
	if (snprintf(name, OS_NAME_MAX, "%s", from) < 0)
		name[0] = '\0';
}

void
os_user_name(char name[OS_NAME_MAX])
{
	char room[16384];
	struct passwd pw, *found = NULL;
	const char *user = getenv("USER");

	if (getpwuid_r(geteuid(), &pw, room, sizeof room, &found) != 0)
		found = NULL;
	copy_name(name, found ? found->pw_name : user ? user : "");
}

void
os_host_name(char name[OS_NAME_MAX])
{
	if (gethostname(name, OS_NAME_MAX) != 0)
		name[0] = '\0';
	name[OS_NAME_MAX - 1] = '\0'; /* POSIX leaves a cut name open */
}

void
os_machine_id(char id[OS_NAME_MAX])
{
	sys_machine_id(id);
}

void
os_boot_id(char id[OS_BOOT_ID_MAX])
{
	sys_boot_id(id);
}
