/* A disk that is full, or fails: each write, sync, name and read of a run of
 * commits, checkpoints and openings fails once, or once and from then on.  What was
 * refused is refused by its name, what was acknowledged is there once - also when
 * the power goes afterwards - and with a disk that works the store works. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "disk.h"
#include "store_lab.h"

enum { PROMISES_MAX = 64, WALK_MAX = 2000 };

static struct lab live;
static struct eid promise[PROMISES_MAX];
static size_t n_promises;
static char folder[400];

/* What fails in this walk. */
static const struct way {
	const char *name;
	int kinds, error;
	bool on;
	enum err code;
} ways[] = {
	{ "a full disk", DISK_WRITES, ENOSPC, true, ERR_NO_SPACE },
	{ "a write that fails", DISK_WRITES, EIO, false, ERR_IO },
	{ "syncs that fail", DISK_SYNCS, EIO, true, ERR_IO },
	{ "a sync that fails", DISK_SYNCS, EIO, false, ERR_IO },
	{ "names that cannot be made", DISK_NAMES, EIO, false, ERR_IO },
	{ "names that may not be made", DISK_NAMES, EACCES, false,
	    ERR_PERMISSION },
	{ "files that may not be opened", DISK_OPENS, EACCES, true,
	    ERR_PERMISSION },
	{ "a read that fails", DISK_READS, EIO, false, ERR_IO },
};
static const struct way *way;

/* --- the run ----------------------------------------------------------------------- */

static enum err
open_store(struct err_info *e)
{
	store_close(live.s);
	live.s = NULL;
	return store_sqlite_open(&live.s, live.path, &live.opt, e);
}

/* The refusal says what it is.  A store that has to be opened again says so, too;
 * SQLite takes what cannot be read for damaged, and looks for a file that it could
 * not make. */
static void
refused(enum err rc, const struct err_info *e)
{
	CHECK(e->text[0] != '\0');
	if (rc == way->code || rc == ERR_IO ||
	    (rc == ERR_CORRUPT && way->kinds == DISK_READS) ||
	    (rc == ERR_NOT_FOUND && way->kinds == DISK_NAMES))
		return;
	printf("# refused as %s: %s\n", err_wire(rc), e->text);
	CHECK(rc == way->code);
}

static enum err
commit_one(struct err_info *e)
{
	struct draft d = lab_random(&live.world.rng, 3);
	struct eid id;
	enum err rc;

	if (live.s == NULL || live.sp == 0)
		return err_setf(e, ERR_IO, "it could not be opened");
	rc = store_begin(live.s, e);
	if (rc != ERR_OK)
		return rc;
	rc = store_author(live.s, live.sp, &d, &id, e);
	if (rc == ERR_OK)
		rc = store_commit(live.s, e);
	if (rc != ERR_OK)
		store_rollback(live.s);
	if (rc == ERR_OK && n_promises < PROMISES_MAX)
		promise[n_promises++] = id;
	return rc;
}

static enum err
checkpoint(struct err_info *e)
{
	return live.s != NULL ? store_checkpoint(live.s, e) : ERR_OK;
}

static enum err
make_space(struct err_info *e)
{
	struct arena a = { 0 };
	struct space sp;
	enum err rc = live.s != NULL ?
	    store_space_find(live.s, STR("h"), STR("a"), STR("t"), &a, &sp, e) :
	    err_setf(e, ERR_IO, "it could not be opened");

	if (rc == ERR_OK)
		live.sp = sp.id;
	arena_fini(&a);
	if (rc != ERR_NOT_FOUND || live.s == NULL)
		return rc;
	rc = store_begin(live.s, e);
	if (rc == ERR_OK)
		rc = store_space_add(live.s, STR("h"), STR("a"), STR("t"),
		    &live.sp, e);
	if (rc == ERR_OK)
		rc = store_commit(live.s, e);
	if (rc != ERR_OK) {
		store_rollback(live.s);
		live.sp = 0;
	}
	return rc;
}

typedef enum err step(struct err_info *e);
static step *const steps[] = { open_store, make_space, commit_one, commit_one,
	checkpoint, commit_one, open_store, commit_one, commit_one, checkpoint,
	commit_one };

/* True: a store that a sync failed takes nothing more before it is opened again. */
static void
check_broken(enum err rc, step *what)
{
	struct err_info e = { 0 };

	if (rc != ERR_IO || what != commit_one ||
	    (way->kinds & DISK_SYNCS) == 0 || live.s == NULL)
		return;
	CHECK_ERR(commit_one(&e), ERR_IO);
}

/* The next command of the user is another process. */
static void
until_it_works(void)
{
	struct err_info e = { 0 };

	if (live.s == NULL || make_space(&e) != ERR_OK ||
	    commit_one(&e) != ERR_OK) {
		CHECK_OK(open_store(&e), &e);
		CHECK_OK(make_space(&e), &e);
		CHECK_OK(commit_one(&e), &e);
	}
	CHECK_OK(commit_one(&e), &e);
}

static void
record(void)
{
	(void)snprintf(folder, sizeof folder, "%s", lab_path("errors"));
	*strrchr(folder, '/') = '\0';
	memset(&live, 0, sizeof live);
	live.opt = lab_options(&live.world, 5, false);
	(void)snprintf(live.path, sizeof live.path, "%s/store.db", folder);
	n_promises = 0;
	disk_record(folder);
}

/* False: it has no n-th call to fail. */
static bool
run(long n)
{
	struct err_info e = { 0 };
	bool hit;

	record();
	disk_fail(way->kinds, n, way->error, way->on);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		enum err rc = steps[i](&e);

		if (rc == ERR_OK)
			continue;
		CHECK(disk_failed());
		refused(rc, &e);
		if (way->kinds == DISK_OPENS && steps[i] == open_store)
			CHECK_ERR(rc, way->code);
		check_broken(rc, steps[i]);
		if (!way->on) {
			(void)open_store(&e);
			(void)make_space(&e);
		}
	}
	hit = disk_failed();
	disk_fail(0, -1, 0, false);
	until_it_works();
	return hit;
}

/* --- afterwards -------------------------------------------------------------------- */

static void
all_there(struct store *s)
{
	struct store_report report;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct log_row row;

	CHECK_OK(store_verify(s, &report, NULL, NULL, NULL, &e), &e);
	for (size_t i = 0; i < n_promises; i++)
		CHECK_OK(store_event(s, live.sp, &promise[i], &a, &row, &e),
		    &e);
	arena_fini(&a);
}

static void
all_there_after_a_cut(enum survival mode, uint64_t seed)
{
	struct store_options opt = lab_options(&live.world, 6, false);
	struct store *s = NULL;
	struct err_info e = { 0 };
	char to[400], path[500];

	(void)snprintf(to, sizeof to, "%s", lab_path("cut"));
	*strrchr(to, '/') = '\0';
	CHECK(remove(to) == 0);
	disk_image(disk_calls(), mode, seed, "-shm", to);
	(void)snprintf(path, sizeof path, "%s/store.db", to);
	if (CHECK_OK(store_sqlite_open(&s, path, &opt, &e), &e))
		all_there(s);
	store_close(s);
}

static void
walk(void)
{
	long n = 0;
	bool hit;

	do {
		t_note("%s, call %ld", way->name, n);
		hit = run(n++);
		all_there(live.s);
		store_close(live.s);
		live.s = NULL;
		disk_stop();
		all_there_after_a_cut(SURVIVE_SYNCED, 0);
		all_there_after_a_cut(SURVIVE_CHANCE, (uint64_t)n);
		disk_free();
	} while (hit && n < WALK_MAX && !t_failing());
	printf("# %s: %ld calls\n", way->name, n);
	CHECK(n > 2 && n < WALK_MAX);
}

/* --- behind a commit ------------------------------------------------------------------ */

/* What was committed stands; but the handle takes nothing more, and says so. */
static void
broken_behind_a_commit(void)
{
	struct err_info e = { 0 };

	disk_fail(0, -1, 0, false);
	CHECK_ERR(store_begin(live.s, &e), ERR_IO);
	CHECK(strstr(e.text, "opened again") != NULL);
	CHECK_OK(open_store(&e), &e);
	all_there(live.s);
	CHECK_OK(commit_one(&e), &e);
}

/* The log is moved behind each commit: each sync of it fails once. */
static void
a_checkpoint_fails(void)
{
	unsigned behind = 0;
	bool hit = true;

	for (long n = 0; hit && n < WALK_MAX; n++) {
		struct err_info e = { 0 };

		t_note("sync %ld", n);
		record();
		live.opt.wal_bytes_max = 1;
		CHECK_OK(open_store(&e), &e);
		CHECK_OK(make_space(&e), &e);
		disk_fail(DISK_SYNCS, n, EIO, false);
		if (commit_one(&e) == ERR_OK && disk_failed()) {
			behind++;
			CHECK_U(n_promises, 1);
			broken_behind_a_commit();
		}
		hit = disk_failed();
		store_close(live.s);
		disk_stop();
		disk_free();
	}
	CHECK(behind > 0);
}

/* The same where it is moved when nobody waits. */
static void
a_tidying_fails(void)
{
	struct err_info e = { 0 };
	bool moved;

	record();
	live.opt.wal_bytes_max = 1;
	live.opt.tidy_later = true;
	CHECK_OK(open_store(&e), &e);
	CHECK_OK(make_space(&e), &e);
	CHECK_OK(commit_one(&e), &e);
	disk_fail(DISK_SYNCS, 0, EIO, false);
	CHECK_ERR(store_tidy(live.s, &moved, &e), ERR_IO);
	CHECK(strstr(e.text, "checkpoint") != NULL);
	CHECK(disk_failed());
	broken_behind_a_commit();
	store_close(live.s);
	disk_stop();
	disk_free();
}

/* A store that cannot be read is not called sound; nor broken when it can be. */
static void
a_verify_fails(void)
{
	struct store_report report;
	struct err_info e = { 0 };
	unsigned failed = 0;
	bool hit = true;

	record();
	CHECK_OK(open_store(&e), &e);
	CHECK_OK(make_space(&e), &e);
	for (unsigned i = 0; i < 40; i++)
		CHECK_OK(commit_one(&e), &e);
	CHECK_OK(checkpoint(&e), &e);
	for (long n = 0; hit && n < WALK_MAX; n++) {
		enum err rc;

		t_note("read %ld", n);
		CHECK_OK(open_store(&e), &e);
		disk_fail(DISK_READS, n, EIO, false);
		rc = store_verify(live.s, &report, NULL, NULL, NULL, &e);
		hit = disk_failed();
		disk_fail(0, -1, 0, false);
		CHECK(hit ? rc == ERR_IO || rc == ERR_CORRUPT : rc == ERR_OK);
		failed += rc != ERR_OK;
	}
	CHECK(failed > 0);
	CHECK_OK(open_store(&e), &e);
	all_there(live.s);
	store_close(live.s);
	disk_stop();
	disk_free();
}

int
main(void)
{
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		way = &ways[i];
		t_run(way->name, walk);
	}
	t_run("a checkpoint behind a commit", a_checkpoint_fails);
	t_run("a checkpoint when nobody waits", a_tidying_fails);
	t_run("a read while it is verified", a_verify_fails);
	return t_done();
}
