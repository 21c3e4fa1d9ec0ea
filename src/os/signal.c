/* Signals of a command: the handler notes the first and wakes who polls. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"

static volatile sig_atomic_t caught;
static int wake[2] = { -1, -1 };

static void
note(int sig)
{
	int err = errno;
	ssize_t n;

	if (caught != 0 && sig != SIGHUP) {
		/* Asked twice: whatever hangs shall not hold the user. */
		(void)signal(sig, SIG_DFL);
		(void)raise(sig);
	}
	if (caught == 0)
		caught = sig;
	n = write(wake[1], "", 1); /* a full pipe is readable already */
	(void)n;
	errno = err;
}

/* A signal that was ignored when we began (nohup, `&`) stays so.  No SA_RESTART:
 * what waits shall look. */
static enum err
catch_one(int sig, void (*fn)(int), struct err_info *e)
{
	struct sigaction sa = { .sa_handler = fn }, old;

	if (sigaction(sig, NULL, &old) != 0)
		return err_sys(e, errno, "signal %d", sig);
	if (old.sa_handler == SIG_IGN)
		return ERR_OK;
	if (sigemptyset(&sa.sa_mask) != 0 || sigaction(sig, &sa, NULL) != 0)
		return err_sys(e, errno, "signal %d", sig);
	return ERR_OK;
}

enum err
os_signals_catch(struct err_info *e)
{
	static const int noted[] = { SIGINT, SIGTERM, SIGHUP };
	enum err rc = ERR_OK;

	if (wake[0] < 0 && pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(e, errno, "pipe");
	for (size_t i = 0; i < sizeof noted / sizeof *noted && rc == ERR_OK;
	     i++)
		rc = catch_one(noted[i], note, e);
	if (rc == ERR_OK)
		rc = catch_one(SIGPIPE, SIG_IGN, e);
	return rc;
}

int
os_signal_caught(void)
{
	return caught;
}

enum err
os_signal_check(struct err_info *e)
{
	return caught ? err_set(e, ERR_INTERRUPTED) : ERR_OK;
}

int
os_signal_fd(void)
{
	return wake[0];
}
