/* The terminal.  A password: echo off, one line, echo on - and on again as well
 * when a signal comes in between, which is then let through. */
#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

#include "file.h"
#include "str.h"

enum { PASSWORD_MAX = 1024, COLUMNS_MAX = 10000 };

bool
os_is_tty(int fd)
{
	return isatty(fd) == 1;
}

unsigned
os_tty_columns(int fd, unsigned fallback)
{
	const char *set = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;

	if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col;
	if (set != NULL && str_u64(str_of(set), &n) && n > 0 && n < COLUMNS_MAX)
		return (unsigned)n;
	return fallback;
}

static const int held_back[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP,
	SIGTTIN, SIGTTOU };
enum { HELD = sizeof held_back / sizeof *held_back };
static volatile sig_atomic_t came[HELD];

static void
hold_back(int sig)
{
	for (int i = 0; i < HELD; i++)
		if (held_back[i] == sig)
			came[i] = 1;
}

static bool
any_came(void)
{
	for (int i = 0; i < HELD; i++)
		if (came[i])
			return true;
	return false;
}

/* What has to be put back. */
struct handlers {
	struct sigaction old[HELD];
	sigset_t mask;
};

/* Ours on, and blocked: they come only while we wait, so that none falls
 * between a look and the read after it. */
static void
handlers_set(struct handlers *h)
{
	struct sigaction sa = { .sa_handler = hold_back };
	sigset_t block;

	(void)sigemptyset(&sa.sa_mask);
	(void)sigemptyset(&block);
	for (int i = 0; i < HELD; i++)
		(void)sigaddset(&block, held_back[i]);
	(void)sigprocmask(SIG_BLOCK, &block, &h->mask);
	for (int i = 0; i < HELD; i++) {
		came[i] = 0;
		(void)sigaction(held_back[i], &sa, &h->old[i]);
	}
}

/* Theirs on, and what came goes to them.  True: we were stopped and went on, so
 * the question has to be asked again. */
static bool
handlers_restore(const struct handlers *h)
{
	bool stopped = false;

	for (int i = 0; i < HELD; i++)
		(void)sigaction(held_back[i], &h->old[i], NULL);
	for (int i = 0; i < HELD; i++) {
		if (!came[i])
			continue;
		(void)kill(getpid(), held_back[i]);
		stopped = stopped || held_back[i] == SIGTSTP ||
		    held_back[i] == SIGTTIN || held_back[i] == SIGTTOU;
	}
	(void)sigprocmask(SIG_SETMASK, &h->mask, NULL);
	return stopped;
}

/* True when fd can be read; false when a signal came. */
static bool
wait_for(int fd, const sigset_t *mask)
{
	fd_set set;

	do {
		FD_ZERO(&set);
		FD_SET(fd, &set);
	} while (!any_came() &&
	    pselect(fd + 1, &set, NULL, NULL, NULL, mask) < 0 &&
	    errno == EINTR);
	return !any_came();
}

/* Byte by byte: what is typed after the line belongs to the next reader. */
static enum err
read_line_of(int fd, const sigset_t *mask, char line[PASSWORD_MAX], size_t *n,
    struct err_info *e)
{
	*n = 0;
	for (;;) {
		char c;
		ssize_t got;

		if (!wait_for(fd, mask))
			return err_set(e, ERR_INTERRUPTED);
		got = read(fd, &c, 1);
		if (got < 0)
			return err_sys(e, errno, "terminal");
		if (got == 0)
			return err_set(e, ERR_INTERRUPTED);
		if (c == '\n' || c == '\r')
			return ERR_OK;
		if (*n == PASSWORD_MAX)
			return err_setf(e, ERR_TOO_LARGE, "password");
		line[(*n)++] = c;
	}
}

/* The question once.  *again: a stop came in between. */
static enum err
ask(int fd, const char *prompt, char line[PASSWORD_MAX], size_t *n, bool *again,
    struct err_info *e)
{
	struct handlers held;
	struct termios shown, hidden;
	enum err rc;

	if (tcgetattr(fd, &shown) != 0)
		return err_sys(e, errno, "terminal");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	handlers_set(&held);
	if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0) {
		rc = err_sys(e, errno, "terminal");
	} else {
		rc = os_write_fd(fd, "terminal", str_of(prompt), e);
		if (rc == ERR_OK)
			rc = read_line_of(fd, &held.mask, line, n, e);
		(void)os_write_fd(fd, "terminal", STR("\n"),
		    &(struct err_info){ 0 });
	}
	while (tcsetattr(fd, TCSANOW, &shown) != 0 && errno == EINTR)
		;
	*again = handlers_restore(&held);
	return rc;
}

enum err
os_read_password(const char *prompt, struct buf *out, struct err_info *e)
{
	char line[PASSWORD_MAX];
	size_t n = 0;
	bool again;
	enum err rc;
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_setf(e, ERR_UNSUPPORTED,
		    "no terminal to ask for a password");
	if (fd >= FD_SETSIZE) {
		(void)close(fd);
		return err_setf(e, ERR_UNSUPPORTED, "too many open files");
	}
	do
		rc = ask(fd, prompt, line, &n, &again, e);
	while (rc == ERR_INTERRUPTED && again);
	/* All room at once: a buffer that grows leaves copies behind. */
	if (rc == ERR_OK && buf_reserve(out, PASSWORD_MAX))
		buf_add(out, line, n);
	if (rc == ERR_OK)
		rc = buf_ok(out, e);
	explicit_bzero(line, sizeof line);
	(void)close(fd);
	return rc;
}
