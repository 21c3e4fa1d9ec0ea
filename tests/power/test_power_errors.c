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

/* False: it has no n-th call to fail. */
static bool
run(long n)
{
	struct err_info e = { 0 };
	bool hit;

	(void)snprintf(folder, sizeof folder, "%s", lab_path("errors"));
	*strrchr(folder, '/') = '\0';
	memset(&live, 0, sizeof live);
	live.opt = lab_options(&live.world, 5, false);
	(void)snprintf(live.path, sizeof live.path, "%s/store.db", folder);
	n_promises = 0;
	disk_record(folder);
	disk_fail(way->kinds, n, way->error, way->on);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		enum err rc = steps[i](&e);

		if (rc == ERR_OK)
			continue;
		CHECK(disk_failed());
		refused(rc, &e);
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

int
main(void)
{
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		way = &ways[i];
		t_run(way->name, walk);
	}
	return t_done();
}
