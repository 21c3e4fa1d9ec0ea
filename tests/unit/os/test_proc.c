#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "fault.h"
#include "file.h"
#include "path.h"
#include "proc.h"
#include "t.h"

static struct arena a;
static struct err_info e;

static void
we_know_ourselves(void)
{
	struct os_proc p, q;
	const char *exe;

	CHECK_OK(os_proc_look(os_pid(), &p, &e), &e);
	CHECK_OK(os_proc_look(os_pid(), &q, &e), &e);
	CHECK_OK(os_exe(&a, &exe, &e), &e);
	CHECK_I(p.pid, getpid());
	CHECK_U(p.uid, geteuid());
	CHECK_U(p.start, q.start);
	CHECK(p.start > 0 && p.boot_id[0] != '\0');
	CHECK_STR(str_of(p.exe), exe);
	CHECK_STR(str_of(os_base(exe)), "test_proc");
	CHECK(os_proc_same(&p) && os_proc_alive(p.pid));
}

/* Waits until it is killed. */
static int
child_start(void)
{
	const char *const argv[] = { "sleep", "600", NULL };
	int pid = 0;

	CHECK_OK(os_spawn(&(struct os_spawn){ .argv = argv }, &pid, &e), &e);
	return pid;
}

static void
only_the_very_process_is_signalled(void)
{
	struct os_proc p, other;
	int status = -1, pid = child_start();

	CHECK_OK(os_proc_look(pid, &p, &e), &e);
	other = p;
	other.start++;
	CHECK(!os_proc_same(&other));
	CHECK_ERR(os_proc_signal(&other, SIGKILL, &e), ERR_NOT_FOUND);
	other = p;
	other.boot_id[0] = other.boot_id[0] == 'x' ? 'y' : 'x';
	CHECK_ERR(os_proc_signal(&other, SIGKILL, &e), ERR_NOT_FOUND);
	CHECK(os_proc_same(&p));
	CHECK_OK(os_proc_signal(&p, SIGTERM, &e), &e);
	CHECK_OK(os_wait(pid, &status, &e), &e);
	CHECK_I(status, 128 + SIGTERM);
	CHECK(!os_proc_same(&p));
	CHECK_ERR(os_proc_signal(&p, SIGTERM, &e), ERR_NOT_FOUND);
	other.pid = 1;
	CHECK_ERR(os_proc_signal(&other, 0, &e), ERR_NOT_FOUND);
	other.pid = -1;
	CHECK_ERR(os_proc_signal(&other, 0, &e), ERR_NOT_FOUND);
	CHECK(!os_proc_alive(-1) && !os_proc_alive(0));
}

static void
a_zombie_is_gone(void)
{
	struct os_proc p, q;
	int status, pid = child_start();
	siginfo_t info;

	CHECK_OK(os_proc_look(pid, &p, &e), &e);
	CHECK_OK(os_proc_signal(&p, SIGKILL, &e), &e);
	CHECK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	CHECK(!os_proc_same(&p));
	CHECK_ERR(os_proc_look(pid, &q, &e), ERR_NOT_FOUND);
	CHECK_OK(os_wait(pid, &status, &e), &e);
	CHECK_I(status, 128 + SIGKILL);
}

static struct str
run(const char *const *argv, const struct str *input, const char *cwd, int want)
{
	static int count;
	const char *out = arena_fmt(&a, "%s/out%d", t_tmp(), count++);
	struct os_spawn s = {
		.argv = argv, .input = input, .output = out, .cwd = cwd
	};
	struct buf b = { 0 };
	struct str got;
	int pid, status = -1;

	CHECK_OK(os_spawn(&s, &pid, &e), &e);
	CHECK_OK(os_wait(pid, &status, &e), &e);
	CHECK_I(status, want);
	CHECK_OK(os_read_file(out, 1 << 22, &b, &e), &e);
	got = arena_str(&a, buf_str(&b));
	buf_fini(&b);
	return got;
}
#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Whoever starts a program waits for nobody: not for the reader of a pipe. */
static void
output_that_nobody_reads_is_an_error(void)
{
	const char *pipe = arena_fmt(&a, "%s/pipe", t_tmp());
	struct os_spawn s = { .argv = ARGV("true"), .output = pipe };
	int pid;

	CHECK_I(mkfifo(pipe, 0600), 0);
	CHECK_ERR(os_spawn(&s, &pid, &e), ERR_IO);
}

static void
a_program_gets_what_it_needs(void)
{
	struct str in = STR("to you"), got;
	const char *tmp;

	CHECK_STR(run(ARGV("cat"), &in, NULL, 0), "to you");
	CHECK_STR(run(ARGV("cat"), NULL, NULL, 0), ""); /* not our stdin */
	CHECK_STR(run(ARGV("sh", "-c", "echo o; echo e >&2; exit 7"), NULL,
	              NULL, 7),
	    "o\ne\n");
	CHECK_OK(os_real(&a, t_tmp(), &tmp, &e), &e);
	got = run(ARGV("pwd"), NULL, tmp, 0);
	CHECK_STR(got, arena_fmt(&a, "%s\n", tmp));
	CHECK_STR(run(ARGV("printf", "%s", "a b;$HOME"), NULL, NULL, 0),
	    "a b;$HOME"); /* no shell in between */
}

static void
much_input_never_blocks(void)
{
	struct buf b = { 0 };
	struct str in;

	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "0123456789");
	in = buf_str(&b);
	CHECK_STR(run(ARGV("true"), &in, NULL, 0), "");
	CHECK_EQ(run(ARGV("cat"), &in, NULL, 0), in);
	buf_fini(&b);
}

static void
nothing_leaks_into_a_child(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */
	struct str got;

	CHECK(fd >= 0 && sigaction(SIGPIPE, &ignore, &old) == 0);
	/* 3 is the folder that it lists. */
	CHECK_STR(run(ARGV("ls", "/proc/self/fd"), NULL, NULL, 0),
	    "0\n1\n2\n3\n");
	got = run(ARGV("grep", "SigIgn", "/proc/self/status"), NULL, NULL, 0);
	/* Signals 1 to 28; glibc keeps two real-time ones for itself. */
	CHECK(str_ends(got, STR("0000000\n")));
	CHECK(sigaction(SIGPIPE, &old, NULL) == 0 && close(fd) == 0);
}

static void
a_session_of_its_own(void)
{
	const char *const argv[] = { "sleep", "600", NULL };
	struct os_spawn s = { .argv = argv, .detach = true };
	struct os_proc p;
	int pid = 0, status;

	CHECK_OK(os_spawn(&s, &pid, &e), &e);
	CHECK_I(getsid(pid), pid);
	CHECK_OK(os_proc_look(pid, &p, &e), &e);
	CHECK_OK(os_proc_signal(&p, SIGKILL, &e), &e);
	CHECK_OK(os_wait(pid, &status, &e), &e);
}

static void
a_missing_program_is_named(void)
{
	int pid;

	/* A folder that may not be searched would be the answer instead. */
	CHECK(setenv("PATH", "/usr/bin:/bin", 1) == 0);
	CHECK_ERR(os_spawn(&(struct os_spawn){ .argv = ARGV("no-such-x") },
	              &pid, &e),
	    ERR_NOT_FOUND);
	CHECK(strstr(e.text, "no-such-x") != NULL);
	CHECK(os_wait(1, &pid, &e) != ERR_OK);
}

static void
spawn_walks_every_fault(void)
{
	struct str in = STR("x");
	int n = 0;
	bool hit;

	do {
		struct os_spawn s = { .argv = ARGV("true"), .input = &in };
		int pid = 0, status;
		enum err rc;

		fault_arm(n++);
		rc = os_spawn(&s, &pid, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		if (rc == ERR_OK)
			CHECK_OK(os_wait(pid, &status, &e), &e);
	} while (hit);
	CHECK(n - 1 >= 3);
}

/* In a child, for its handlers and its end are its own. */
static int
in_child(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
noted(void)
{
	struct err_info why = { 0 };
	struct pollfd p = { .events = POLLIN };
	int fd[2];

	if (os_signals_catch(&why) != ERR_OK || os_signal_caught() != 0 ||
	    os_signal_check(&why) != ERR_OK)
		return 1;
	p.fd = os_signal_fd();
	if (poll(&p, 1, 0) != 0 || raise(SIGTERM) != 0)
		return 2;
	if (os_signal_caught() != SIGTERM || poll(&p, 1, 0) != 1 ||
	    os_signal_check(&why) != ERR_INTERRUPTED)
		return 3;
	if (pipe2(fd, O_CLOEXEC) != 0 || close(fd[0]) != 0)
		return 4;
	/* PIPE is an error, not the end. */
	return os_write_fd(fd[1], "pipe", STR("x"), &why) == ERR_IO ? 0 : 5;
}

static int
asked_twice(void)
{
	struct err_info why = { 0 };

	if (os_signals_catch(&why) != ERR_OK || raise(SIGINT) != 0 ||
	    raise(SIGINT) != 0)
		return 1;
	return 0; /* not reached */
}

static int
ignored_stays_ignored(void)
{
	struct err_info why = { 0 };

	if (signal(SIGHUP, SIG_IGN) == SIG_ERR ||
	    os_signals_catch(&why) != ERR_OK || raise(SIGHUP) != 0)
		return 1;
	return os_signal_caught();
}

static void
signals_of_a_command(void)
{
	CHECK_I(in_child(noted), 0);
	CHECK_I(in_child(asked_twice), 128 + SIGINT);
	CHECK_I(in_child(ignored_stays_ignored), 0);
}

static void
names_of_this_place(void)
{
	char name[OS_NAME_MAX], boot[OS_BOOT_ID_MAX];

	os_user_name(name);
	CHECK(memchr(name, 0, sizeof name) != NULL);
	os_host_name(name);
	CHECK(name[0] != '\0');
	os_machine_id(name);
	CHECK(strlen(name) == 32 || name[0] == '\0');
	os_boot_id(boot);
	CHECK_U(strlen(boot), 36);
}

static void
clocks_and_dice(void)
{
	uint64_t mono = os_mono_ns(), boot = os_boot_ms();
	uint8_t x[1000] = { 0 }, y[1000] = { 0 };

	CHECK(os_mono_ns() >= mono && os_boot_ms() >= boot);
	CHECK(os_wall_ms() > 1700000000000);
	os_rest_ms(2);
	CHECK(os_mono_ns() - mono >= 2000000);
	CHECK_OK(os_random(x, sizeof x, &e), &e);
	CHECK_OK(os_random(y, sizeof y, &e), &e);
	CHECK(memcmp(x, y, sizeof x) != 0);
	CHECK(memcmp(x, x + 500, 500) != 0);
	fault_arm(0);
	CHECK_ERR(os_random(x, sizeof x, &e), ERR_IO);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(we_know_ourselves);
	T_RUN(only_the_very_process_is_signalled);
	T_RUN(a_zombie_is_gone);
	T_RUN(a_program_gets_what_it_needs);
	T_RUN(output_that_nobody_reads_is_an_error);
	T_RUN(much_input_never_blocks);
	T_RUN(nothing_leaks_into_a_child);
	T_RUN(a_session_of_its_own);
	T_RUN(a_missing_program_is_named);
	T_RUN(spawn_walks_every_fault);
	T_RUN(signals_of_a_command);
	T_RUN(names_of_this_place);
	T_RUN(clocks_and_dice);
	arena_fini(&a);
	return t_done();
}
