/* A daemon from its beginning to its end in this process: what may fail, fails
 * once, and nothing is left behind.  (Its life is in the scenarios.) */
#include "daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon_state.h"
#include "fault.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "path.h"
#include "proc.h"
#include "t.h"

static struct arena mem;

static const char *
home(const char *name)
{
	const char *dir = os_join(&mem, t_tmp(), name);

	CHECK_U(setenv("CLOWDER_HOME", dir, 1), 0);
	return dir;
}

/* With a signal that has come already: it begins, and ends at once. */
static enum err
once(struct err_info *e)
{
	struct ctx c;
	enum err rc;

	ctx_init(&c, "clowder");
	rc = daemon_run(&c, e);
	ctx_fini(&c);
	return rc;
}

/* struck: its file may be left, which harms nobody; the lock never is. */
static void
nothing_is_left(bool struck)
{
	struct err_info e = { 0 };
	struct ctx c;
	const struct home *h;
	bool alive = true;
	int pid;

	ctx_init(&c, "clowder");
	CHECK_OK(ctx_home(&c, &h, &e), &e);
	CHECK_OK(daemon_alive(h, &alive, &pid, &e), &e);
	CHECK(!alive);
	CHECK(struck || !os_exists(h->daemon_state));
	ctx_fini(&c);
}

static void
begins_and_ends(void)
{
	struct err_info e = { 0 };

	(void)home("one");
	CHECK_OK(once(&e), &e);
	nothing_is_left(false);
	CHECK_OK(once(&e), &e);
	nothing_is_left(false);
}

static void
everything_may_fail(void)
{
	bool hit = true;
	int at = 0;

	(void)home("faults");
	for (; hit && at < 1000; at++) {
		struct err_info e = { 0 };
		enum err rc;

		t_note("point %d", at);
		fault_arm(at);
		rc = once(&e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK(rc == ERR_OK ? e.code == ERR_OK || hit :
		                     hit && e.text[0] != '\0');
		nothing_is_left(hit);
	}
	t_note(" ");
	CHECK(!hit && at > 20);
}

/* Held by somebody else: he is named, and nothing of his is touched. */
static void
there_is_one(void)
{
	struct err_info e = { 0 };
	struct os_lock lock = { 0 };
	struct ctx c;
	const struct home *h;

	(void)home("held");
	ctx_init(&c, "clowder");
	CHECK_OK(ctx_home(&c, &h, &e), &e);
	CHECK_OK(home_make(h, &e), &e);
	CHECK_OK(os_lock_take(&lock, h->daemon_lock, 0, &e), &e);
	CHECK_OK(os_lock_record(&lock, STR("{\"pid\":4711}"), &e), &e);
	CHECK_OK(os_write_atomic(h->daemon_state, STR("his"), 0600, &e), &e);
	CHECK_ERR(once(&e), ERR_EXISTS);
	CHECK(strstr(e.text, "4711") != NULL);
	CHECK(os_exists(h->daemon_state));
	os_lock_release(&lock);
	ctx_fini(&c);
}

int
main(void)
{
	struct err_info e = { 0 };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	log_to(null, LOG_ERROR);
	CHECK_U(setenv("CLOWDER_PORTS", "20000-29999", 1), 0);
	CHECK_OK(os_signals_catch(&e), &e);
	T_RUN(there_is_one);
	(void)raise(SIGHUP);
	T_RUN(begins_and_ends);
	T_RUN(everything_may_fail);
	arena_fini(&mem);
	return t_done();
}
