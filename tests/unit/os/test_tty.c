/* The password prompt, on a pseudo terminal whose other end the test holds. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "t.h"
#include "tty.h"

struct terminal {
	int master, slave;
	int answer; /* what the child read */
	pid_t pid;
};

static void
ask(struct terminal *t, const char *name, int out)
{
	struct err_info e = { 0 };
	struct buf b = { 0 };
	enum err rc;
	int fd;

	(void)close(t->master);
	(void)close(t->slave);
	if (setsid() < 0 || (fd = open(name, O_RDWR)) < 0)
		_exit(90);
	rc = os_read_password("Password: ", &b, &e);
	if (write(out, b.len ? b.data : "", b.len) < 0)
		_exit(91);
	buf_fini(&b);
	_exit(rc == ERR_OK ? 0 : rc == ERR_INTERRUPTED ? 1 : 2);
}

static void
start(struct terminal *t)
{
	const char *name;
	int p[2];

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(t->master >= 0 && grantpt(t->master) == 0 &&
	    unlockpt(t->master) == 0);
	name = ptsname(t->master);
	t->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	CHECK(t->slave >= 0 && pipe2(p, O_CLOEXEC) == 0);
	t->pid = fork();
	if (t->pid == 0)
		ask(t, name, p[1]);
	(void)close(p[1]);
	t->answer = p[0];
}

static bool
echoes(const struct terminal *t)
{
	struct termios state;

	CHECK(tcgetattr(t->slave, &state) == 0);
	return (state.c_lflag & ECHO) != 0;
}

/* Read what is shown until it holds `until`. */
static void
shown(const struct terminal *t, char *text, size_t size, const char *until)
{
	size_t n = 0;

	text[0] = '\0';
	while (n + 1 < size && strstr(text, until) == NULL) {
		ssize_t got = read(t->master, text + n, size - 1 - n);

		if (!CHECK(got > 0))
			return;
		n += (size_t)got;
		text[n] = '\0';
	}
}

static int
end(struct terminal *t, char *answer, size_t size)
{
	ssize_t n, all = 0;
	int status = -1;

	while ((n = read(t->answer, answer + all, size - 1 - (size_t)all)) > 0)
		all += n;
	answer[all] = '\0';
	CHECK(waitpid(t->pid, &status, 0) == t->pid);
	(void)close(t->answer);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
stop(struct terminal *t)
{
	(void)close(t->master);
	(void)close(t->slave);
}

static void
type(const struct terminal *t, const char *keys)
{
	CHECK(write(t->master, keys, strlen(keys)) == (ssize_t)strlen(keys));
}

static void
a_password_is_not_shown(void)
{
	struct terminal t;
	char text[256], answer[64];

	start(&t);
	shown(&t, text, sizeof text, "Password: ");
	CHECK(!echoes(&t));
	type(&t, "s3c ret\n");
	CHECK_I(end(&t, answer, sizeof answer), 0);
	CHECK_STR(str_of(answer), "s3c ret");
	CHECK(echoes(&t));
	shown(&t, text, sizeof text, "\n");
	CHECK(strstr(text, "s3c") == NULL);
	stop(&t);
}

static void
an_interrupt_gives_the_echo_back(void)
{
	struct terminal t;
	char text[256], answer[64];

	start(&t);
	shown(&t, text, sizeof text, "Password: ");
	type(&t, "half\x03");
	CHECK_I(end(&t, answer, sizeof answer), 128 + SIGINT);
	CHECK_STR(str_of(answer), "");
	CHECK(echoes(&t));
	stop(&t);
}

static void
the_end_of_input_is_no_password(void)
{
	struct terminal t;
	char text[256], answer[64];

	start(&t);
	shown(&t, text, sizeof text, "Password: ");
	type(&t, "\x04");
	CHECK_I(end(&t, answer, sizeof answer), 1);
	CHECK(echoes(&t));
	stop(&t);
}

static void
the_width_is_known(void)
{
	struct winsize w = { .ws_col = 123, .ws_row = 4 };
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	CHECK(ioctl(master, TIOCSWINSZ, &w) == 0);
	CHECK(os_is_tty(master) && !os_is_tty(null));
	CHECK_U(os_tty_columns(master, 80), 123);
	CHECK(unsetenv("COLUMNS") == 0);
	CHECK_U(os_tty_columns(null, 77), 77);
	CHECK(setenv("COLUMNS", "99", 1) == 0);
	CHECK_U(os_tty_columns(null, 77), 99);
	CHECK(setenv("COLUMNS", "-3", 1) == 0);
	CHECK_U(os_tty_columns(null, 77), 77);
	(void)close(master);
	(void)close(null);
}

static int
no_terminal(void)
{
	struct err_info e = { 0 };
	struct buf b = { 0 };

	if (setsid() < 0)
		return 1;
	return os_read_password("? ", &b, &e) == ERR_UNSUPPORTED ? 0 : 2;
}

static void
without_a_terminal_it_says_so(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(no_terminal());
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_I(status, 0);
}

int
main(void)
{
	T_RUN(a_password_is_not_shown);
	T_RUN(an_interrupt_gives_the_echo_back);
	T_RUN(the_end_of_input_is_no_password);
	T_RUN(the_width_is_known);
	T_RUN(without_a_terminal_it_says_so);
	return t_done();
}
