#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arena.h"
#include "clock.h"
#include "fault.h"
#include "file.h"
#include "lock.h"
#include "proc.h"
#include "t.h"

static struct arena a;
static struct err_info e;

enum { LONG_MS = 60000 }; /* never reached but by a hang */

static const char *
at(const char *name)
{
	return arena_fmt(&a, "%s/%s", t_tmp(), name);
}

/* A process that holds the lock until it is told to end. */
struct holder {
	pid_t pid;
	int tell, hear; /* pipes */
};

static void
hold(const char *path, int from, int to, bool let_go)
{
	struct os_lock l = { 0 };
	struct err_info why = { 0 };
	char record[64], c = 'y';
	int n =
	    snprintf(record, sizeof record, "{\"pid\": %d,\"x\":1}", os_pid());

	if (os_lock_take(&l, path, LONG_MS, &why) != ERR_OK || n < 0 ||
	    os_lock_record(&l, str_of(record), &why) != ERR_OK)
		c = 'n';
	if (write(to, &c, 1) != 1 || read(from, &c, 1) < 0)
		_exit(1);
	if (let_go)
		os_lock_release(&l);
	_exit(0);
}

static struct holder
holder_start(const char *path, bool let_go)
{
	int tell[2], hear[2];
	struct holder h = { 0 };
	char c = 0;

	CHECK(pipe2(tell, O_CLOEXEC) == 0 && pipe2(hear, O_CLOEXEC) == 0);
	h.pid = fork();
	if (h.pid == 0) {
		(void)close(tell[1]);
		(void)close(hear[0]);
		hold(path, tell[0], hear[1], let_go);
	}
	(void)close(tell[0]);
	(void)close(hear[1]);
	h.tell = tell[1];
	h.hear = hear[0];
	CHECK(read(h.hear, &c, 1) == 1 && c == 'y');
	return h;
}

static void
holder_end(struct holder *h, bool wait)
{
	int status = -1;

	(void)close(h->tell); /* ends its read */
	if (wait)
		CHECK(waitpid(h->pid, &status, 0) == h->pid && status == 0);
	(void)close(h->hear);
}

static void
another_process_is_named(void)
{
	const char *path = at("named.lock");
	struct holder h = holder_start(path, true);
	struct os_lock l = { 0 };
	struct buf record = { 0 };
	bool held = false;

	CHECK_ERR(os_lock_take(&l, path, 0, &e), ERR_LOCKED);
	CHECK(strstr(e.text, arena_fmt(&a, "process %d ", (int)h.pid)) != NULL);
	CHECK_OK(os_lock_probe(path, &held, &record, &e), &e);
	CHECK(held);
	CHECK_I(os_lock_pid(buf_str(&record)), h.pid);
	holder_end(&h, true);
	buf_reset(&record);
	CHECK_OK(os_lock_probe(path, &held, &record, &e), &e);
	CHECK(!held);
	CHECK_U(record.len, 0); /* emptied at release */
	CHECK_OK(os_lock_take(&l, path, 0, &e), &e);
	os_lock_release(&l);
	buf_fini(&record);
}

static void
the_dead_hold_nothing(void)
{
	const char *path = at("dead.lock");
	struct holder h = holder_start(path, false);
	struct os_lock l = { 0 };
	struct buf record = { 0 };
	bool held = true;

	holder_end(&h, true);
	CHECK_OK(os_lock_probe(path, &held, &record, &e), &e);
	CHECK(!held && record.len > 0); /* a record without a lock */
	CHECK_OK(os_lock_take(&l, path, 0, &e), &e);
	buf_reset(&record);
	CHECK_OK(os_lock_probe(path, &held, &record, &e), &e);
	CHECK(held);
	CHECK_U(record.len, 0); /* not taken for the new holder's */
	os_lock_release(&l);
	buf_fini(&record);
}

static void
a_waiter_gets_it(void)
{
	const char *path = at("wait.lock");
	struct holder h = holder_start(path, true);
	struct os_lock l = { .retry_ms = 1 };

	holder_end(&h, false); /* it lets go while we wait */
	CHECK_OK(os_lock_take(&l, path, LONG_MS, &e), &e);
	os_lock_release(&l);
	CHECK(waitpid(h.pid, NULL, 0) == h.pid);
}

static void
a_deadline_is_kept(void)
{
	const char *path = at("deadline.lock");
	struct os_lock held = { 0 }, l = { .retry_ms = 1000 };
	uint64_t start;

	CHECK_OK(os_lock_take(&held, path, 0, &e), &e);
	start = os_mono_ms();
	CHECK_ERR(os_lock_take(&l, path, 30, &e), ERR_LOCKED);
	CHECK(os_mono_ms() - start >= 30);
	CHECK(os_mono_ms() - start < 900); /* not a whole retry */
	CHECK(strstr(e.text, "another process") != NULL);
	os_lock_release(&held);
	os_lock_release(&held); /* safe twice */
	os_lock_release(&l);    /* and when it was never taken */
}

static void
a_broken_lock_is_seen(void)
{
	const char *path = at("broken.lock");
	struct os_lock l = { 0 }, m = { 0 };

	CHECK_OK(os_lock_take(&l, path, 0, &e), &e);
	CHECK(os_lock_still(&l));
	CHECK_OK(os_remove(path, &e), &e); /* as --unstick-lock does */
	CHECK(!os_lock_still(&l));
	CHECK_OK(os_lock_take(&m, path, 0, &e), &e);
	CHECK(os_lock_still(&m) && !os_lock_still(&l));
	os_lock_release(&l);
	CHECK(os_lock_still(&m));
	os_lock_release(&m);
	CHECK(!os_lock_still(&m));
}

/* Each holder removes the file before it lets go, so that waiters keep ending
 * up with a lock on a file that has no name any more. */
enum { THREADS = 4, ROUNDS = 300 };
static atomic_int inside, broken, rounds;

static void *
take_and_remove(void *path)
{
	struct err_info why = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct os_lock l = { 0 };
		enum err rc;

		do /* no rest: the more tries, the more close calls */
			rc = os_lock_take(&l, path, 0, &why);
		while (rc == ERR_LOCKED);
		if (rc != ERR_OK)
			break;
		if (atomic_fetch_add(&inside, 1) != 0 || !os_lock_still(&l))
			atomic_fetch_add(&broken, 1);
		atomic_fetch_sub(&inside, 1);
		atomic_fetch_add(&rounds, 1);
		(void)os_remove(path, &why);
		os_lock_release(&l);
	}
	return NULL;
}

static void
threads_exclude_each_other(void)
{
	char *path = arena_fmt(&a, "%s/threads.lock", t_tmp());
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, take_and_remove, path) ==
		    0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(thread[i], NULL) == 0);
	CHECK_I(broken, 0);
	CHECK_I(rounds, THREADS * ROUNDS);
}

static void
records_are_read_with_care(void)
{
	static const struct {
		const char *text;
		int pid;
	} row[] = {
		{ "", 0 },
		{ "4711", 4711 },
		{ " 4711\nhttp://x", 4711 },
		{ "http://x\n4711", 0 },
		{ "{\"started_at\":99,\"pid\" : 12,\"host\":\"h\"}", 12 },
		{ "{\"pid\":null}", 0 },
		{ "{\"pid\"", 0 },
		{ "{\"pid\":", 0 },
		{ "{\"pid\":-5}", 0 },
		{ "{\"pid\":99999999999999999999}", 0 },
		{ "{\"pid\":4294967297}", 0 },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].text);
		CHECK_I(os_lock_pid(str_of(row[i].text)), row[i].pid);
	}
}

static void
nothing_to_probe(void)
{
	bool held = true;
	struct buf record = { 0 };

	CHECK_OK(os_lock_probe(at("none.lock"), &held, &record, &e), &e);
	CHECK(!held && !os_exists(at("none.lock")));
	CHECK_ERR(os_lock_take(&(struct os_lock){ 0 }, at("no/lock"), 0, &e),
	    ERR_NOT_FOUND);
	buf_fini(&record);
}

static void
every_fault(void)
{
	const char *path = at("fault.lock");
	int n = 0;
	bool hit;

	do {
		struct os_lock l = { 0 }, m = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = os_lock_take(&l, path, 0, &e);
		if (rc == ERR_OK)
			rc = os_lock_record(&l, STR("1"), &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		os_lock_release(&l);
		/* Whatever failed, nobody holds it now. */
		CHECK_OK(os_lock_take(&m, path, 0, &e), &e);
		os_lock_release(&m);
	} while (hit);
	CHECK(n - 1 >= 4);
}

/* A steady record outlives the lock and is written over; the lock does not. */
static void
a_steady_record_stays(void)
{
	struct os_lock l = { .steady = true }, m = { 0 };
	struct buf record = { 0 };
	const char *path = at("steady");
	bool held = true;

	CHECK_OK(os_lock_take(&l, path, 0, &e), &e);
	CHECK_OK(os_lock_record(&l, STR("11  "), &e), &e);
	CHECK_ERR(os_lock_take(&m, path, 0, &e), ERR_LOCKED);
	CHECK(strstr(e.text, "process 11 ") != NULL);
	os_lock_release(&l);
	CHECK(l.steady);
	CHECK_OK(os_lock_probe(path, &held, &record, &e), &e);
	CHECK(!held);
	CHECK_STR(buf_str(&record), "11  ");
	CHECK_OK(os_lock_take(&l, path, 0, &e), &e);
	CHECK_OK(os_lock_record(&l, STR("1234"), &e), &e);
	buf_reset(&record);
	CHECK_OK(os_lock_probe(path, &held, &record, &e), &e);
	CHECK(held);
	CHECK_STR(buf_str(&record), "1234");
	os_lock_release(&l);
	buf_fini(&record);
}

int
main(void)
{
	T_RUN(another_process_is_named);
	T_RUN(the_dead_hold_nothing);
	T_RUN(a_waiter_gets_it);
	T_RUN(a_deadline_is_kept);
	T_RUN(a_broken_lock_is_seen);
	T_RUN(threads_exclude_each_other);
	T_RUN(records_are_read_with_care);
	T_RUN(nothing_to_probe);
	T_RUN(every_fault);
	T_RUN(a_steady_record_stays);
	arena_fini(&a);
	return t_done();
}
