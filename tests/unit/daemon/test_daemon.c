/* A daemon from its beginning to its end in this process: what may fail, fails
 * once, and nothing is left behind.  (Its life is in the scenarios.) */
#include "daemon.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
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
	rc = daemon_run(&c, &(struct daemon_options){ 0 }, e);
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

/* --- whose the home is ---------------------------------------------------------- */

static struct ctx onlooker;

/* A daemon in a thread, which looks around every few milliseconds. */
struct life {
	pthread_t thread;
	const struct home *h;   /* of the onlooker, until the next one */
	struct daemon_state st; /* as it said at first */
	atomic_bool over;
	enum err rc;
	struct err_info e;
};

static void *
live(void *arg)
{
	static const struct daemon_options o = { .tick_ms = 20 };
	struct life *l = arg;
	struct ctx c;

	ctx_init(&c, "clowder");
	l->rc = daemon_run(&c, &o, &l->e);
	ctx_fini(&c);
	atomic_store(&l->over, true);
	return NULL;
}

/* Waits for a condition: 20 s. */
#define UNTIL(condition) \
	do { \
		uint64_t until = os_mono_ms() + 20000; \
		while (!(condition) && os_mono_ms() < until) \
			os_rest_ms(1); \
		CHECK(condition); \
	} while (0)

static bool
says(const struct life *l, struct daemon_state *ret)
{
	struct err_info e = { 0 };

	return daemon_state_read(l->h, ret, &e) == ERR_OK;
}

static bool
is_its(const struct life *l)
{
	struct daemon_state st;

	return says(l, &st) && st.port == l->st.port && st.pid == l->st.pid &&
	    strcmp(st.token, l->st.token) == 0;
}

static void
prepare(struct life *l, const char *name)
{
	struct err_info e = { 0 };

	*l = (struct life){ 0 };
	(void)home(name);
	ctx_fini(&onlooker);
	ctx_init(&onlooker, "clowder");
	CHECK_OK(ctx_home(&onlooker, &l->h, &e), &e);
	CHECK_OK(home_make(l->h, &e), &e);
}

static void
begin(struct life *l)
{
	CHECK_U(pthread_create(&l->thread, NULL, live, l), 0);
	UNTIL(atomic_load(&l->over) || says(l, &l->st));
	CHECK_I(l->st.pid, os_pid());
}

/* It has ended by itself, and well. */
static void
retired(struct life *l)
{
	UNTIL(atomic_load(&l->over));
	if (!atomic_load(&l->over))
		(void)raise(SIGHUP); /* a failure, and not for ever */
	CHECK_U(pthread_join(l->thread, NULL), 0);
	CHECK_OK(l->rc, &l->e);
}

/* The state of a daemon at the port behind its own. */
static void
say_another(struct life *l, int pid)
{
	struct daemon_state his = l->st;
	struct err_info e = { 0 };

	his.port++;
	his.pid = pid;
	memset(his.token, '0', DAEMON_TOKEN_CHARS);
	CHECK_OK(daemon_state_write(l->h, &his, &e), &e);
}

static void
put(struct life *l, const char *text)
{
	struct err_info e = { 0 };

	CHECK_OK(os_write_atomic(l->h->daemon_state, str_of(text), 0600, &e),
	    &e);
}

static void
goes_where_there_is_another(void)
{
	struct daemon_state st;
	struct life l;

	prepare(&l, "another");
	begin(&l);
	say_another(&l, getppid());
	retired(&l);
	/* His file is his. */
	CHECK(says(&l, &st) && st.port == l.st.port + 1);
	nothing_is_left(true);
}

/* What names nobody who lives is made good, and then the home is lost. */
static void
stays_where_there_is_none(void)
{
	struct err_info e = { 0 };
	struct daemon_state old;
	int dead = fork();
	struct life l;

	if (dead == 0)
		_exit(0);
	CHECK(dead > 0 && waitpid(dead, NULL, 0) == dead);
	prepare(&l, "none");
	begin(&l);
	say_another(&l, dead);
	UNTIL(is_its(&l));
	CHECK_OK(os_remove(l.h->daemon_state, &e), &e);
	UNTIL(is_its(&l));
	put(&l, "nonsense");
	UNTIL(is_its(&l));
	/* An older one, at the port that is ours now. */
	old = l.st;
	old.pid = dead;
	memset(old.token, '0', DAEMON_TOKEN_CHARS);
	CHECK_OK(daemon_state_write(l.h, &old, &e), &e);
	UNTIL(is_its(&l));
	CHECK(chmod(l.h->daemon_state, 0644) == 0);
	UNTIL(is_its(&l));
	CHECK(!atomic_load(&l.over));
	CHECK_OK(os_remove(l.h->daemon_lock, &e), &e);
	retired(&l);
	CHECK(!os_exists(l.h->daemon_state));
}

/* Somebody else has the lock's name: the state is his, whatever it says. */
static void
goes_with_its_lock(void)
{
	struct err_info e = { 0 };
	struct os_lock his = { 0 };
	struct daemon_state st;
	struct life l;

	prepare(&l, "lock");
	begin(&l);
	CHECK_OK(os_remove(l.h->daemon_lock, &e), &e);
	CHECK_OK(os_lock_take(&his, l.h->daemon_lock, 0, &e), &e);
	say_another(&l, l.st.pid);
	retired(&l);
	CHECK(says(&l, &st) && st.port == l.st.port + 1);
	CHECK(os_lock_still(&his));
	os_lock_release(&his);
}

static void
goes_with_its_home(void)
{
	struct err_info e = { 0 };
	struct life l;

	prepare(&l, "home");
	begin(&l);
	CHECK_U(rename(l.h->dir, os_join(&mem, t_tmp(), "elsewhere")), 0);
	retired(&l);
	CHECK(!os_exists(l.h->dir));
	/* And where a new one stands in its place. */
	prepare(&l, "home");
	begin(&l);
	CHECK_U(rename(l.h->dir, os_join(&mem, t_tmp(), "elsewhere2")), 0);
	CHECK_OK(home_make(l.h, &e), &e);
	retired(&l);
	CHECK(!os_exists(l.h->daemon_state));
}

/* --- the log --------------------------------------------------------------------------- */

/* stdout and stderr of this process, as the daemon has them. */
struct outputs {
	int was[2];
};

static void
into(struct outputs *o, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	CHECK_U(fflush(stdout), 0);
	for (int i = 0; i < 2; i++) {
		o->was[i] = dup(i + 1);
		CHECK(o->was[i] > 2 && dup2(fd, i + 1) == i + 1);
	}
	CHECK_U(close(fd), 0);
}

static void
back(struct outputs *o)
{
	CHECK_U(fflush(stdout), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_I(dup2(o->was[i], i + 1), i + 1);
		CHECK_U(close(o->was[i]), 0);
	}
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : -1;
}

/* More than a log may have. */
static void
fill(void)
{
	static char lines[(1 << 20) + 1];

	memset(lines, '\n', sizeof lines);
	for (size_t at = 0; at < sizeof lines;) {
		ssize_t n = write(STDERR_FILENO, lines + at, sizeof lines - at);

		CHECK(n > 0);
		at += (size_t)n;
	}
}

static void
ends_at_once(struct life *l)
{
	struct err_info e = { 0 };

	CHECK_OK(os_remove(l->h->daemon_lock, &e), &e);
	retired(l);
}

static void
a_full_log_is_begun_anew(void)
{
	const char *old, *other;
	struct outputs o;
	struct life l;

	prepare(&l, "log");
	old = arena_fmt(&mem, "%s.1", l.h->daemon_log);
	other = os_join(&mem, l.h->dir, "supervisor");
	into(&o, l.h->daemon_log);
	begin(&l);
	fill();
	UNTIL(size_of(old) > 1 << 20);
	UNTIL(size_of(l.h->daemon_log) == 0);
	CHECK(write(STDOUT_FILENO, "on", 2) == 2);
	CHECK_I(size_of(l.h->daemon_log), 2);
	/* In the place of the old one, which goes. */
	fill();
	UNTIL(size_of(old) == (1 << 20) + 3);
	ends_at_once(&l);
	back(&o);
	/* A file that somebody else gave is his, however long. */
	prepare(&l, "log");
	into(&o, other);
	fill();
	begin(&l);
	UNTIL(is_its(&l));
	CHECK_OK(os_remove(l.h->daemon_state, &l.e), &l.e);
	UNTIL(is_its(&l)); /* it has looked around */
	ends_at_once(&l);
	CHECK(size_of(other) > 1 << 20 && size_of(l.h->daemon_log) <= 2);
	back(&o);
}

/* One that was left full by another daemon; and where it cannot be. */
static void
also_at_its_start(void)
{
	struct outputs o;
	const char *old;
	struct life l;

	prepare(&l, "fulllog");
	old = arena_fmt(&mem, "%s.1", l.h->daemon_log);
	into(&o, l.h->daemon_log);
	fill();
	begin(&l);
	UNTIL(size_of(old) > 1 << 20);
	ends_at_once(&l);
	back(&o);
	CHECK_U(unlink(old), 0);
	/* It goes on in the file that it has. */
	prepare(&l, "fulllog");
	CHECK_U(mkdir(old, 0700), 0);
	into(&o, l.h->daemon_log);
	fill();
	begin(&l);
	CHECK_OK(os_remove(l.h->daemon_state, &l.e), &l.e);
	UNTIL(is_its(&l));
	CHECK(size_of(l.h->daemon_log) > 1 << 20);
	ends_at_once(&l);
	back(&o);
}

/* --- odd files in the place of the state -------------------------------------------- */

static void
make_link(const char *path)
{
	CHECK_U(symlink("target", path), 0);
}

static void
make_pipe(const char *path)
{
	CHECK_U(mkfifo(path, 0600), 0);
}

/* The file is its own, and nobody else's. */
static void
state_is_a_file(void)
{
	static void (*const make[])(const char *) = { make_link, make_pipe };
	struct err_info e = { 0 };
	struct stat st;

	for (size_t i = 0; i < sizeof make / sizeof make[0]; i++) {
		struct buf text = { 0 };
		const char *target, *odd;
		struct life l;

		t_note("kind %zu", i);
		prepare(&l, i == 0 ? "link" : "pipe");
		target = os_join(&mem, l.h->dir, "target");
		CHECK_OK(os_write_atomic(target, STR("his"), 0644, &e), &e);
		make[i](l.h->daemon_state);
		begin(&l);
		CHECK(lstat(l.h->daemon_state, &st) == 0 &&
		    S_ISREG(st.st_mode));
		/* In one step: the daemon looks all the time. */
		odd = os_join(&mem, l.h->dir, "odd");
		make[i](odd);
		CHECK_U(rename(odd, l.h->daemon_state), 0);
		UNTIL(is_its(&l));
		CHECK_OK(os_read_file(target, 100, &text, &e), &e);
		CHECK_STR(buf_str(&text), "his");
		buf_fini(&text);
		CHECK_OK(os_remove(l.h->daemon_lock, &e), &e);
		retired(&l);
	}
	t_note(" ");
}

static void
a_folder_is_named(void)
{
	struct life l;

	prepare(&l, "folder");
	CHECK_U(mkdir(l.h->daemon_state, 0700), 0);
	CHECK_ERR(once(&l.e), ERR_REFUSED);
	CHECK(strstr(l.e.text, "sync-daemon") != NULL);
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
	T_RUN(goes_where_there_is_another);
	T_RUN(stays_where_there_is_none);
	T_RUN(goes_with_its_lock);
	T_RUN(goes_with_its_home);
	T_RUN(a_full_log_is_begun_anew);
	T_RUN(also_at_its_start);
	T_RUN(state_is_a_file);
	T_RUN(a_folder_is_named);
	(void)raise(SIGHUP);
	T_RUN(begins_and_ends);
	T_RUN(everything_may_fail);
	ctx_fini(&onlooker);
	arena_fini(&mem);
	return t_done();
}
