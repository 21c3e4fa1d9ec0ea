/* What only a store in a file can do, or suffer: other processes, other
 * versions, damage, a file that is replaced, a lock that is held. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"
#include "lock.h"
#include "schema.h"
#include "sqlite_int.h"
#include "store_lab.h"

static const struct backend *be;

/* --- helpers ------------------------------------------------------------------------ */

/* Behind the store's back. */
static void
sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		printf("# %s: %s\n", text, why ? why : "?");
	CHECK(why == NULL);
	sqlite3_free(why);
	sqlite3_close(db);
}

static void
bytes(const char *path, const char *tail, struct buf *out)
{
	struct err_info e = { 0 };
	char full[600];

	CHECK(snprintf(full, sizeof full, "%s%s", path, tail) > 0);
	if (os_exists(full))
		CHECK_OK(os_read_file(full, 64u << 20, out, &e), &e);
}

/* A store with some history, closed, its log moved into the file. */
static void
filled(struct lab *l, unsigned events)
{
	struct err_info e = { 0 };
	struct t_rng rng = { 77 };

	lab_open(l, be, 9, false);
	CHECK_OK(store_begin(l->s, &e), &e);
	for (unsigned i = 0; i < events; i++) {
		struct draft d = lab_random(&rng, 5);

		CHECK_OK(store_author(l->s, l->sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(l->s, &e), &e);
	CHECK_OK(store_checkpoint(l->s, &e), &e);
	lab_close(l);
}

static void
reopen(struct lab *l)
{
	struct err_info e = { 0 };

	store_close(l->s);
	CHECK_OK(be->open(&l->s, l->path, &l->opt, &e), &e);
}

/* --- other handles and processes ------------------------------------------------------ */

static void
two_handles(void)
{
	struct lab a, b;
	struct err_info e = { 0 };
	uint64_t v[2];

	lab_open(&a, be, 1, false);
	b = a;
	b.opt = lab_options(&b.world, 2, false);
	CHECK_OK(be->open(&b.s, a.path, &b.opt, &e), &e);
	for (unsigned i = 0; i < 20; i++) {
		struct lab *l = i & 1 ? &b : &a, *other = i & 1 ? &a : &b;
		char title[16];
		struct draft d;

		(void)snprintf(title, sizeof title, "t%u", i);
		d = i < 2 ? lab_wp_new(1, title) : lab_wp_title(1, title);
		(void)lab_author(l, &d);
		CHECK_STR(str_of(lab_title(other, 1)), title);
	}
	CHECK_U(lab_space_of(a.s, a.sp).events, 20);
	CHECK_U(lab_space_of(b.s, b.sp).clock, 20);
	CHECK_OK(store_version(a.s, &v[0], &e), &e);
	CHECK_OK(store_version(b.s, &v[1], &e), &e);
	CHECK_U(v[0], v[1]);
	/* Each named what the other had written: no conflict. */
	{
		struct entity_key key = lab_wp_key(1);
		const struct entity *en;

		CHECK_OK(store_entity(a.s, a.sp, &key, &en, &e), &e);
		CHECK_U(en->n_closed, 0);
	}
	lab_sound(&a);
	lab_close(&a);
	lab_close(&b);
}

/* In a process of its own: n events, one a transaction; says so after each. */
static void
child_writes(const char *path, space_id sp, unsigned n, int tell)
{
	struct world w;
	struct store_options opt = lab_options(&w, (uint64_t)getpid(), false);
	struct err_info e = { 0 };
	struct store *s;

	opt.lock_wait_ms = 20000;
	if (be->open(&s, path, &opt, &e) != ERR_OK)
		_exit(1);
	for (unsigned i = 0; i < n; i++) {
		struct draft d = lab_wp_note(i % 3, "from a child");

		if (store_begin(s, &e) != ERR_OK ||
		    store_author(s, sp, &d, NULL, &e) != ERR_OK ||
		    store_commit(s, &e) != ERR_OK)
			_exit(2);
		if (tell >= 0 && write(tell, "x", 1) != 1)
			_exit(3);
	}
	store_close(s);
	_exit(0);
}

static void
many_processes(void)
{
	struct lab l;
	pid_t pid[3];

	filled(&l, 1);
	(void)fflush(stdout);
	/* Before anything is open here: a fork must not take a handle along. */
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			child_writes(l.path, l.sp, 25, -1);
	}
	for (int i = 0; i < 3; i++) {
		int status = -1;

		CHECK(waitpid(pid[i], &status, 0) == pid[i]);
		CHECK_I(status, 0);
	}
	reopen(&l);
	CHECK_U(lab_space_of(l.s, l.sp).events, 76);
	CHECK_U(lab_space_of(l.s, l.sp).clock, 76);
	lab_sound(&l);
	lab_close(&l);
}

/* What was committed is there after a kill, and nothing else is half there. */
static void
killed(void)
{
	struct lab l;
	int tell[2];
	pid_t pid;
	unsigned said = 0;
	char c;

	filled(&l, 1);
	(void)fflush(stdout);
	CHECK(pipe(tell) == 0);
	pid = fork();
	if (pid == 0) {
		(void)close(tell[0]);
		child_writes(l.path, l.sp, 100000, tell[1]);
	}
	(void)close(tell[1]);
	while (said < 40 && read(tell[0], &c, 1) == 1)
		said++;
	CHECK(kill(pid, SIGKILL) == 0);
	while (read(tell[0], &c, 1) == 1)
		said++;
	(void)close(tell[0]);
	CHECK(waitpid(pid, NULL, 0) == pid);
	reopen(&l);
	CHECK(lab_space_of(l.s, l.sp).events - 1 >= said);
	CHECK(lab_space_of(l.s, l.sp).events - 1 <= said + 1);
	lab_sound(&l);
	lab_close(&l);
}

static void
views_are_consistent(void)
{
	struct lab a, b;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "one");
	uint64_t v[3];

	lab_open(&a, be, 1, false);
	(void)lab_author(&a, &d);
	b = a;
	b.opt = lab_options(&b.world, 2, false);
	b.opt.read_only = true;
	CHECK_OK(be->open(&b.s, a.path, &b.opt, &e), &e);
	CHECK_OK(store_read_begin(b.s, &e), &e);
	CHECK_OK(store_version(b.s, &v[0], &e), &e);
	d = lab_wp_title(1, "two");
	(void)lab_author(&a, &d);
	CHECK_OK(store_version(b.s, &v[1], &e), &e);
	CHECK_STR(str_of(lab_title(&b, 1)), "one");
	CHECK_U(lab_space_of(b.s, b.sp).events, 1);
	store_read_end(b.s);
	CHECK_OK(store_version(b.s, &v[2], &e), &e);
	CHECK_STR(str_of(lab_title(&b, 1)), "two");
	CHECK_U(v[0], v[1]);
	CHECK_U(v[0] + 1, v[2]);
	CHECK_ERR(store_begin(b.s, &e), ERR_PERMISSION);
	CHECK_ERR(store_checkpoint(b.s, &e), ERR_PERMISSION);
	lab_close(&a);
	lab_close(&b);
}

static void
the_lock_is_held(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct os_lock lock = { 0 };
	struct store_options opt;
	char path[600], pid[32];

	filled(&l, 1);
	opt = l.opt;
	opt.lock_wait_ms = 1;
	CHECK_OK(be->open(&l.s, l.path, &opt, &e), &e);
	CHECK(snprintf(path, sizeof path, "%.*s/store.lock",
	          (int)(strrchr(l.path, '/') - l.path), l.path) > 0);
	CHECK_OK(os_lock_take(&lock, path, 0, &e), &e);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	CHECK_OK(os_lock_record(&lock, str_of(pid), &e), &e);
	CHECK_ERR(store_begin(l.s, &e), ERR_LOCKED);
	CHECK(strstr(e.text, pid) != NULL);
	CHECK_ERR(store_checkpoint(l.s, &e), ERR_LOCKED);
	/* Reading asks nobody. */
	CHECK_U(lab_space_of(l.s, l.sp).events, 1);
	os_lock_release(&lock);
	CHECK_OK(store_begin(l.s, &e), &e);
	store_rollback(l.s);
	lab_close(&l);
}

/* --- files ---------------------------------------------------------------------------- */

static void
private_whatever_the_umask(void)
{
	static const char *const tail[] = { "", "-wal", "-shm" };
	mode_t was = umask(0);
	struct lab l;
	struct draft d = lab_wp_new(1, "one");

	lab_open(&l, be, 3, false);
	(void)lab_author(&l, &d);
	for (size_t i = 0; i < 3; i++) {
		char full[600];
		struct stat st;

		(void)snprintf(full, sizeof full, "%s%s", l.path, tail[i]);
		CHECK(stat(full, &st) == 0);
		CHECK_U(st.st_mode & 0777, 0600);
	}
	lab_close(&l);
	(void)umask(was);
}

static void
replaced_while_open(void)
{
	struct lab l, other;
	struct err_info e = { 0 };
	uint64_t v;

	filled(&other, 3);
	filled(&l, 1);
	reopen(&l);
	CHECK(rename(other.path, l.path) == 0);
	CHECK_ERR(store_begin(l.s, &e), ERR_CORRUPT);
	CHECK(strstr(e.text, "replaced") != NULL);
	CHECK_ERR(store_version(l.s, &v, &e), ERR_CORRUPT);
	lab_close(&l);
}

/* Refused, and byte for byte as it was - also where not all of it has reached
 * the database yet. */
static void
refused_untouched(const char *path, enum err want, bool read_only)
{
	struct world w;
	struct store_options opt = lab_options(&w, 1, false);
	struct err_info e = { 0 };
	struct buf before[2] = { 0 }, after[2] = { 0 };
	struct store *s = NULL;

	opt.read_only = read_only;
	bytes(path, "", &before[0]);
	bytes(path, "-wal", &before[1]);
	CHECK_ERR(be->open(&s, path, &opt, &e), want);
	CHECK(s == NULL);
	bytes(path, "", &after[0]);
	bytes(path, "-wal", &after[1]);
	CHECK(str_eq(buf_str(&before[0]), buf_str(&after[0])));
	CHECK(str_eq(buf_str(&before[1]), buf_str(&after[1])));
	for (int i = 0; i < 2; i++) {
		buf_fini(&before[i]);
		buf_fini(&after[i]);
	}
}

static void
other_versions(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct store_options opt;
	uint8_t before[HASH_BYTES], after[HASH_BYTES];

	filled(&l, 30);
	reopen(&l);
	lab_digest(&l, before);
	lab_close(&l);
	/* Rules of an older version: folded again when it may be written. */
	sql(l.path, "UPDATE meta SET fold = 0");
	refused_untouched(l.path, ERR_UNSUPPORTED, true);
	opt = l.opt;
	opt.no_fold = true;
	CHECK_OK(be->open(&l.s, l.path, &opt, &e), &e);
	CHECK_U(lab_space_of(l.s, l.sp).events, 30);
	CHECK_ERR(store_begin(l.s, &e), ERR_PERMISSION);
	reopen(&l);
	lab_digest(&l, after);
	CHECK(memcmp(before, after, HASH_BYTES) == 0);
	lab_sound(&l);
	lab_close(&l);
	/* Newer rules, a newer schema. */
	sql(l.path, "UPDATE meta SET fold = 1000000");
	refused_untouched(l.path, ERR_NEWER, false);
	refused_untouched(l.path, ERR_NEWER, true);
	sql(l.path, "PRAGMA user_version = 99");
	refused_untouched(l.path, ERR_NEWER, false);
	refused_untouched(l.path, ERR_NEWER, true);
}

/* A newer program comes while we have it open: nothing of it is touched. */
static void
newer_while_open(void)
{
	struct lab l;
	struct err_info e = { 0 };
	uint64_t v;

	filled(&l, 3);
	reopen(&l);
	CHECK_OK(store_version(l.s, &v, &e), &e);
	sql(l.path, "PRAGMA user_version = 99");
	CHECK_ERR(store_begin(l.s, &e), ERR_NEWER);
	sql(l.path, "PRAGMA user_version = 1; UPDATE meta SET fold = 1000000");
	CHECK_ERR(store_begin(l.s, &e), ERR_NEWER);
	CHECK_ERR(store_version(l.s, &v, &e), ERR_NEWER);
	sql(l.path, "UPDATE meta SET fold = 1");
	CHECK_OK(store_begin(l.s, &e), &e);
	store_rollback(l.s);
	lab_close(&l);
}

static void
not_ours(void)
{
	const char *path = lab_path("foreign");
	int fd;

	sql(path, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
	refused_untouched(path, ERR_CORRUPT, false);
	sql(path, "PRAGMA user_version = 1");
	refused_untouched(path, ERR_CORRUPT, false);
	path = lab_path("garbage");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	for (int i = 0; i < 1000; i++)
		CHECK(write(fd, "this is not a database ", 23) == 23);
	(void)close(fd);
	refused_untouched(path, ERR_CORRUPT, false);
	path = lab_path("absent");
	refused_untouched(path, ERR_NOT_FOUND, true);
	CHECK(!os_exists(path));
}

static void
the_log_stays_short(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct store_facts facts;

	lab_open(&l, be, 4, false);
	for (unsigned i = 0; i < 60; i++) {
		struct draft d = lab_wp_note(i % 5, "x");

		(void)lab_author(&l, &d);
		CHECK_OK(store_facts(l.s, &facts, &e), &e);
		CHECK(facts.wal_bytes < 2u << 20);
		reopen(&l); /* as commands come and go */
	}
	CHECK_U(facts.schema, 1);
	CHECK(strncmp(facts.library, "SQLite 3.", 9) == 0);
	CHECK(facts.db_bytes > 0);
	CHECK_OK(store_checkpoint(l.s, &e), &e);
	CHECK_OK(store_facts(l.s, &facts, &e), &e);
	CHECK_U(facts.wal_bytes, 0);
	lab_sound(&l);
	lab_close(&l);
}

/* What was written of so many bytes when their transaction has not ended yet. */
static uint64_t
written_before_commit(bool bulk)
{
	static char text[16 * 1024];
	struct err_info e = { 0 };
	struct stat st = { 0 };
	char wal[600];
	struct lab l;

	memset(text, 'x', sizeof text - 1);
	lab_open(&l, be, 4, false);
	CHECK(snprintf(wal, sizeof wal, "%s-wal", l.path) > 0);
	if (bulk)
		CHECK_OK(store_bulk(l.s, &e), &e);
	CHECK_OK(store_begin(l.s, &e), &e);
	for (unsigned i = 0; i < 1000; i++) {
		struct draft d = lab_wp_new(i, "x");
		struct buf payload = { 0 };

		buf_addf(&payload,
		    "{\"wp_id\":\"WP%02u\",\"feature_slug\":\"001-f\","
		    "\"title\":\"x\","
		    "\"description\":\"%s\"}",
		    i, text);
		d.payload = buf_str(&payload);
		CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
		buf_fini(&payload);
	}
	(void)stat(wal, &st);
	CHECK_OK(store_commit(l.s, &e), &e);
	lab_sound(&l);
	lab_close(&l);
	return (uint64_t)st.st_size;
}

static void
much_at_once(void)
{
	CHECK(written_before_commit(false) > 4u << 20);
	CHECK(written_before_commit(true) < 1u << 20);
}

/* With room for three entities in memory everything is the same. */
static void
a_small_cache(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct store_options opt;
	struct t_rng rng = { 8 };

	lab_open(&l, be, 4, false);
	store_close(l.s);
	opt = l.opt;
	opt.cache_entities = 3;
	CHECK_OK(be->open(&l.s, l.path, &opt, &e), &e);
	for (unsigned turn = 0; turn < 5; turn++) {
		CHECK_OK(store_begin(l.s, &e), &e);
		for (unsigned i = 0; i < 100; i++) {
			struct draft d = lab_random(&rng, 40);

			CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
		}
		CHECK_OK(store_commit(l.s, &e), &e);
	}
	lab_sound(&l);
	lab_close(&l);
}

static void
count_finding(void *ctx, const char *text)
{
	unsigned *n = ctx;

	(void)text;
	++*n;
}

/* --- what SQLite says ---------------------------------------------------------------- */

static void
codes_of_sqlite(void)
{
	static const struct {
		int code;
		enum err want;
	} row[] = {
		{ SQLITE_NOMEM, ERR_NOMEM },
		{ SQLITE_IOERR_NOMEM, ERR_NOMEM },
		{ SQLITE_FULL, ERR_NO_SPACE },
		{ SQLITE_BUSY, ERR_LOCKED },
		{ SQLITE_BUSY_SNAPSHOT, ERR_LOCKED },
		{ SQLITE_LOCKED, ERR_LOCKED },
		{ SQLITE_CORRUPT, ERR_CORRUPT },
		{ SQLITE_NOTADB, ERR_CORRUPT },
		{ SQLITE_READONLY, ERR_PERMISSION },
		{ SQLITE_READONLY_DIRECTORY, ERR_PERMISSION },
		{ SQLITE_PERM, ERR_PERMISSION },
		{ SQLITE_AUTH, ERR_PERMISSION },
		/* No handle says why. */
		{ SQLITE_CANTOPEN, ERR_IO },
		{ SQLITE_IOERR_FSYNC, ERR_IO },
		{ SQLITE_MISUSE, ERR_FAILED },
		{ SQLITE_CONSTRAINT, ERR_FAILED },
	};
	char path[] = "some/store.db";
	struct store_sqlite s = { .path = path };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct err_info e = { 0 };

		t_note("code %d", row[i].code);
		CHECK_ERR(sqlite_fail(&s, row[i].code, "doing", &e),
		    row[i].want);
		CHECK(strncmp(e.text, "some/store.db: doing: ", 22) == 0);
	}
}

static void
libraries_that_may_lose(void)
{
	static const struct {
		int version;
		bool may;
	} row[] = {
		{ 3006023, false },
		{ 3007000, true },
		{ 3043002, true },
		{ 3044005, true },
		{ 3044006, false },
		{ 3045000, true },
		{ 3050006, true },
		{ 3050007, false },
		{ 3051002, true },
		{ 3051003, false },
		{ 3052000, true },
		{ 3053000, false },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("version %d", row[i].version);
		CHECK(sqlite_wal_reset_fault(row[i].version) == row[i].may);
	}
}

static enum err
schema_of(const char *path, unsigned *findings, struct err_info *e)
{
	sqlite3 *db = NULL;
	enum err rc;

	*findings = 0;
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	rc = schema_check(db, store_schema, store_schema_count, NULL,
	    count_finding, findings, e);
	sqlite3_close(db);
	return rc;
}

static void
schemas_that_cannot_be_read(void)
{
	struct err_info e = { 0 };
	const char *path = lab_path("garbage");
	sqlite3 *db = NULL;
	unsigned n;

	CHECK_OK(os_write_atomic(path, STR("this is not a database at all"),
	             0600, &e),
	    &e);
	CHECK_ERR(schema_of(path, &n, &e), ERR_CORRUPT);
	CHECK(strncmp(e.text, "schema: ", 8) == 0);
	CHECK_U(n, 0);
	path = lab_path("busy");
	sql(path, "CREATE TABLE t (x)");
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) ==
	    SQLITE_OK);
	CHECK_ERR(schema_of(path, &n, &e), ERR_LOCKED);
	CHECK_U(n, 0);
	sqlite3_close(db);
	/* All that ours has, and what is there instead. */
	CHECK_OK(schema_of(path, &n, &e), &e);
	CHECK(n > 5);
}

/* --- the lock, by those who need it besides writers ---------------------------------- */

static void
lock_beside(struct os_lock *lock, const struct lab *l)
{
	struct err_info e = { 0 };
	char path[600];

	CHECK(snprintf(path, sizeof path, "%.*s/store.lock",
	          (int)(strrchr(l->path, '/') - l->path), l->path) > 0);
	CHECK_OK(os_lock_take(lock, path, 0, &e), &e);
}

/* What an opening has to write waits for the lock, and is done by the next one. */
static void
the_lock_is_held_at_the_opening(void)
{
	static const struct {
		const char *name, *sql;
		bool suspect;
	} row[] = {
		{ "rules of an older version", "UPDATE meta SET fold = 0",
		    false },
		{ "a mark that a write has failed", "SELECT 1", true },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct lab l;
		struct err_info e = { 0 };
		struct os_lock lock = { 0 };
		struct store_options opt;
		char mark[600];

		t_note("%s", row[i].name);
		filled(&l, 5);
		sql(l.path, row[i].sql);
		CHECK(snprintf(mark, sizeof mark, "%s-suspect", l.path) > 0);
		if (row[i].suspect)
			CHECK_OK(os_touch(mark, &e), &e);
		opt = l.opt;
		opt.lock_wait_ms = 1;
		lock_beside(&lock, &l);
		CHECK_ERR(be->open(&l.s, l.path, &opt, &e), ERR_LOCKED);
		CHECK(l.s == NULL);
		CHECK(os_exists(mark) == row[i].suspect);
		os_lock_release(&lock);
		CHECK_OK(be->open(&l.s, l.path, &opt, &e), &e);
		CHECK(!os_exists(mark));
		CHECK_U(lab_space_of(l.s, l.sp).events, 5);
		lab_sound(&l);
		lab_close(&l);
	}
}

static void
the_lock_is_held_while_it_is_tidied(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct os_lock lock = { 0 };
	struct store_facts facts;
	struct draft d = lab_wp_new(1, "one");
	bool moved = true;

	filled(&l, 1);
	l.opt.lock_wait_ms = 1;
	l.opt.tidy_later = true;
	l.opt.wal_bytes_max = 1;
	reopen(&l);
	(void)lab_author(&l, &d);
	lock_beside(&lock, &l);
	CHECK_ERR(store_tidy(l.s, &moved, &e), ERR_LOCKED);
	CHECK(!moved);
	CHECK_OK(store_facts(l.s, &facts, &e), &e);
	CHECK(facts.wal_bytes > 0);
	os_lock_release(&lock);
	CHECK_OK(store_tidy(l.s, &moved, &e), &e);
	CHECK(moved);
	CHECK_OK(store_facts(l.s, &facts, &e), &e);
	CHECK_U(facts.wal_bytes, 0);
	lab_sound(&l);
	lab_close(&l);
}

/* Rules of an older version, and an event that cannot be folded: nothing is
 * changed. */
static void
an_older_version_is_damaged(void)
{
	struct lab l;

	filled(&l, 30);
	sql(l.path, "UPDATE meta SET fold = 0");
	sql(l.path,
	    "UPDATE event SET raw = substr(raw, 2) WHERE (at & 255) = 3");
	refused_untouched(l.path, ERR_CORRUPT, false);
}

/* --- the ends of things --------------------------------------------------------------- */

/* A log that is moved on demand only stays as long as it is. */
static void
the_log_may_stay_long(void)
{
	static char text[400 * 1024];
	struct lab l;
	struct err_info e = { 0 };
	struct store_facts facts;
	struct draft d;
	uint64_t was;
	bool moved;

	memset(text, 'x', sizeof text - 1);
	lab_open(&l, be, 4, true);
	l.opt.wal_bytes_max = UINT64_MAX;
	reopen(&l);
	for (unsigned i = 0; i < 16; i++) {
		struct buf p = { 0 };

		d = lab_wp_new(i, "x");
		buf_addf(&p,
		    "{\"wp_id\":\"WP%02u\",\"feature_slug\":\"001-lab\","
		    "\"title\":\"x\",\"x\":\"%s\"}",
		    i, text);
		d.payload = buf_str(&p);
		(void)lab_author(&l, &d);
		buf_fini(&p);
	}
	CHECK_OK(store_tidy(l.s, &moved, &e), &e);
	CHECK(!moved);
	CHECK_OK(store_facts(l.s, &facts, &e), &e);
	was = facts.wal_bytes;
	CHECK(was > 6u << 20);
	/* Begun over, it keeps what it has of the disk. */
	CHECK_OK(store_checkpoint(l.s, &e), &e);
	d = lab_wp_title(1, "y");
	(void)lab_author(&l, &d);
	CHECK_OK(store_facts(l.s, &facts, &e), &e);
	CHECK_U(facts.wal_bytes, was);
	lab_close(&l);
}

static void
the_log_of_a_space_is_full(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct draft d = lab_wp_new(1, "one too many");
	struct space before, after;

	filled(&l, 3);
	sql(l.path, "UPDATE space SET events = (1 << 40) - 1");
	reopen(&l);
	before = lab_space_of(l.s, l.sp);
	CHECK_OK(store_begin(l.s, &e), &e);
	CHECK_ERR(store_author(l.s, l.sp, &d, NULL, &e), ERR_TOO_LARGE);
	CHECK(strstr(e.text, "full") != NULL);
	CHECK_OK(store_note_put(l.s, STR("n"), STR("v"), &e), &e);
	CHECK_OK(store_commit(l.s, &e), &e);
	after = lab_space_of(l.s, l.sp);
	CHECK(memcmp(&before, &after, sizeof before) == 0);
	lab_close(&l);
}

/* A reason that only a later version knows says that it was refused. */
static void
a_later_reason(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct log_row *row;
	size_t n;

	filled(&l, 3);
	reopen(&l);
	CHECK_OK(store_unacked(l.s, l.sp, 1, SIZE_MAX, &a, &row, &n, &e), &e);
	CHECK_OK(store_begin(l.s, &e), &e);
	CHECK_OK(store_refuse(l.s, l.sp, &row[0].id, ERR_QUOTA, STR("so"), &e),
	    &e);
	CHECK_OK(store_commit(l.s, &e), &e);
	lab_close(&l);
	sql(l.path, "UPDATE refused SET code = 'of_a_later_version'");
	reopen(&l);
	CHECK_OK(store_refused(l.s, l.sp, &a, &row, &n, &e), &e);
	CHECK_U(n, 1);
	CHECK_I(row[0].status, EVENT_REFUSED);
	CHECK_ERR(row[0].code, ERR_REFUSED);
	CHECK_STR(row[0].why, "so");
	lab_sound(&l);
	arena_fini(&a);
	lab_close(&l);
}

/* --- damage ----------------------------------------------------------------------------- */

static const struct {
	const char *name, *sql;
	bool mends; /* a rebuild makes it good */
} damage[] = {
	{ "a byte of an event",
	    "UPDATE event SET raw = CAST(replace(CAST(raw AS TEXT), "
	    "'user:ann', 'user:anm') AS BLOB) WHERE (at & 255) = 7",
	    false },
	{ "an event that is no JSON any more",
	    "UPDATE event SET raw = substr(raw, 2) WHERE (at & 255) = 3",
	    false },
	{ "an entity is gone",
	    "DELETE FROM entity WHERE id = (SELECT min(id) FROM entity)",
	    true },
	{ "the digest of an entity",
	    "UPDATE entity SET digest = zeroblob(32) WHERE id = "
	    "(SELECT max(id) FROM entity)",
	    true },
	{ "the state of an entity",
	    "UPDATE entity SET state = (SELECT state FROM entity ORDER BY id "
	    "LIMIT 1) WHERE id = (SELECT max(id) FROM entity)",
	    true },
	{ "the sum of a project", "UPDATE project SET digest = zeroblob(32)",
	    true },
	{ "the sum of a space", "UPDATE space SET digest = zeroblob(32)",
	    true },
	{ "an event is gone", "DELETE FROM event WHERE (at & 255) = 9", false },
	{ "the last event is gone",
	    "DELETE FROM event WHERE at = (SELECT max(at) FROM event)", false },
	{ "a clock", "UPDATE event SET clock = clock + 1 WHERE (at & 255) = 4",
	    false },
	{ "the id of what waits last",
	    "UPDATE event SET id = CAST(x'00' || substr(id, 2) AS BLOB) "
	    "WHERE at = (SELECT max(at) FROM event)",
	    false },
	{ "the clock of what waits last",
	    "UPDATE event SET clock = 1 "
	    "WHERE at = (SELECT max(at) FROM event)",
	    false },
	{ "what waits is not listed", "DELETE FROM unacked WHERE pos = 5",
	    false },
	{ "what waits is not counted", "UPDATE space SET unacked = 3", false },
	{ "a count of entities", "UPDATE project SET entities = 77", true },
	{ "a list of positions",
	    "UPDATE entity SET tail = x'0204' WHERE id = 1", true },
	{ "a refused event is counted", "UPDATE space SET refused = 1", false },
	{ "the clock of the space", "UPDATE space SET clock = 2", false },
	{ "pulled further than the hub's end",
	    "UPDATE space SET pulled = 3, head = 2", false },
	{ "pulled more than there is",
	    "UPDATE space SET pulled = 99999, head = 99999", false },
	{ "pulled what is not there", "UPDATE space SET pulled = 1, head = 1",
	    false },
	{ "one number of the hub for two events",
	    "UPDATE event SET seq = 1, epoch_no = (SELECT epoch_no FROM space)"
	    " WHERE (at & 255) < 3; DELETE FROM unacked WHERE pos < 3;"
	    "UPDATE space SET pulled = 1, head = 1, unacked = unacked - 2",
	    false },
	{ "the space that an event's id is found in",
	    "UPDATE event SET tag = tag + 2 WHERE (at & 255) = 5", false },
	{ "a trigger",
	    "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM name; "
	    "END",
	    false },
	{ "a view", "CREATE VIEW v AS SELECT 1", false },
	{ "another table", "CREATE TABLE hub_backup (x)", false },
	{ "an index", "CREATE INDEX i ON event (seq)", false },
	{ "a table that is gone", "DROP TABLE seen", false },
	{ "a table made otherwise",
	    "DROP TABLE refused; CREATE TABLE refused (at INTEGER PRIMARY KEY,"
	    " code TEXT, why TEXT)",
	    false },
};

/* The file as it was, without the log of what happened to it since. */
static void
restore(const char *path, struct str whole)
{
	struct err_info e = { 0 };
	char tail[600];

	CHECK(snprintf(tail, sizeof tail, "%s-wal", path) > 0);
	CHECK_OK(os_remove(tail, &e), &e);
	CHECK(snprintf(tail, sizeof tail, "%s-shm", path) > 0);
	CHECK_OK(os_remove(tail, &e), &e);
	CHECK_OK(os_write_atomic(path, whole, 0600, &e), &e);
}

static void
damage_is_found(void)
{
	struct lab l;
	struct buf whole = { 0 };
	struct err_info e = { 0 };

	filled(&l, 60);
	bytes(l.path, "", &whole);
	for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
		struct store_report report;
		unsigned n = 0;
		uint8_t digest[2][HASH_BYTES];

		t_note("%s", damage[i].name);
		restore(l.path, buf_str(&whole));
		reopen(&l);
		CHECK_OK(store_verify(l.s, &report, NULL, NULL, NULL, &e), &e);
		CHECK_U(report.events, 60);
		lab_digest(&l, digest[0]);
		lab_close(&l);
		sql(l.path, damage[i].sql);
		reopen(&l);
		CHECK_ERR(store_verify(l.s, &report, count_finding, NULL, &n,
		              &e),
		    ERR_CORRUPT);
		CHECK(n > 0);
		CHECK_U(report.wrong, n);
		if (damage[i].mends) {
			/* Says so where sums tell; either way it is mended. */
			enum err rc =
			    store_rebuild(l.s, &report, NULL, NULL, &e);

			CHECK(rc == ERR_OK || rc == ERR_CORRUPT);
			CHECK_OK(store_verify(l.s, &report, NULL, NULL, NULL,
			             &e),
			    &e);
			lab_digest(&l, digest[1]);
			CHECK(memcmp(digest[0], digest[1], HASH_BYTES) == 0);
		}
		lab_close(&l);
	}
	buf_fini(&whole);
}

/* --- damage that is met in use ---------------------------------------------------------- */

static enum err
use_nothing(void *ctx, const struct log_row *row, struct err_info *e)
{
	(void)ctx, (void)row, (void)e;
	return ERR_OK;
}

/* Looks at everything, one after the other, until something is wrong. */
static enum err
use_looks(struct lab *l, struct err_info *e)
{
	struct arena a = { 0 };
	struct log_row *rows;
	const struct entity *en;
	size_t n;
	enum err rc = ERR_OK;

	for (unsigned wp = 0; rc == ERR_OK && wp < 5; wp++) {
		struct entity_key key = lab_wp_key(wp);

		rc = store_entity(l->s, l->sp, &key, &en, e);
		if (rc == ERR_OK)
			rc = store_entity_log(l->s, l->sp, &key, use_nothing,
			    NULL, e);
	}
	if (rc == ERR_OK)
		rc = store_log(l->s, l->sp, 0, 0, use_nothing, NULL, e);
	if (rc == ERR_OK)
		rc = store_unacked(l->s, l->sp, 1000, SIZE_MAX, &a, &rows, &n,
		    e);
	arena_fini(&a);
	return rc;
}

/* The first that waits is refused. */
static enum err
refuse_first(struct lab *l, struct eid *id, struct err_info *e)
{
	struct arena a = { 0 };
	struct log_row *rows;
	size_t n;
	enum err rc = store_unacked(l->s, l->sp, 1, SIZE_MAX, &a, &rows, &n, e);

	if (rc == ERR_OK) {
		*id = rows[0].id;
		rc = store_refuse(l->s, l->sp, id, ERR_QUOTA, STR("no"), e);
	}
	arena_fini(&a);
	return rc;
}

/* In a transaction: everything is stamped again, the first is refused. */
static enum err
use_writes(struct lab *l, struct err_info *e)
{
	struct eid id;
	uint64_t copied;
	space_id other = lab_space(l->s, "h", "a", "other");
	enum err rc = store_begin(l->s, e);

	if (rc == ERR_OK)
		rc = store_restamp(l->s, l->sp, 1000, e);
	if (rc == ERR_OK)
		rc = refuse_first(l, &id, e);
	if (rc == ERR_OK)
		rc = store_share(l->s, l->sp, STR(LAB_PROJECT), other, &copied,
		    e);
	if (rc == ERR_OK)
		rc = store_commit(l->s, e);
	store_rollback(l->s);
	return rc;
}

static enum err
use_waiting(struct lab *l, struct err_info *e)
{
	struct arena a = { 0 };
	struct log_row *rows;
	size_t n;
	enum err rc =
	    store_unacked(l->s, l->sp, 1000, SIZE_MAX, &a, &rows, &n, e);

	arena_fini(&a);
	return rc;
}

/* The first that waits is refused, and goes again. */
static enum err
use_retry(struct lab *l, struct err_info *e)
{
	struct eid id;
	enum err rc = store_begin(l->s, e);

	if (rc == ERR_OK)
		rc = refuse_first(l, &id, e);
	if (rc == ERR_OK)
		rc = store_retry(l->s, l->sp, &id, STR(""), e);
	store_rollback(l->s);
	return rc;
}

/* The first that waits is refused, and the node gets another id. */
static enum err
use_renew(struct lab *l, struct err_info *e)
{
	struct eid id;
	enum err rc = store_begin(l->s, e);

	if (rc == ERR_OK)
		rc = refuse_first(l, &id, e);
	if (rc == ERR_OK)
		rc = store_node_renew(l->s, e);
	CHECK_ERR(store_commit(l->s, &(struct err_info){ 0 }), ERR_FAILED);
	store_rollback(l->s);
	return rc;
}

/* One of somebody else's comes in. */
static enum err
use_put(struct lab *l, struct err_info *e)
{
	struct lab other;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev };
	struct draft d = lab_wp_new(1, "from elsewhere");
	struct eid id;
	enum put put;
	uint64_t seq;
	enum err rc;

	lab_open(&other, &backends[0], 8, false);
	id = lab_author(&other, &d);
	CHECK_OK(event_parse(&ev, &j, lab_row(&other, &id, &a).raw, &a, e), e);
	rc = store_begin(l->s, e);
	if (rc == ERR_OK)
		rc = store_put(l->s, l->sp, &arrival, &put, &seq, e);
	store_rollback(l->s);
	lab_close(&other);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static const struct {
	const char *name, *sql;
	enum err (*use)(struct lab *l, struct err_info *e);
	const char *says;
} met[] = {
	{ "a list of positions ends in the middle",
	    "UPDATE entity SET tail = x'80'", use_looks,
	    "a list of positions is broken" },
	{ "a position has no end",
	    "UPDATE entity SET tail = x'80808080808080808080808080'", use_looks,
	    "a list of positions is broken" },
	{ "a run of positions is gone", "DELETE FROM run", use_looks,
	    "a run of its positions is missing" },
	{ "a run of positions is gone, for a fold", "DELETE FROM run",
	    use_writes, "a run of its positions is missing" },
	{ "an event that an entity lists is gone",
	    "DELETE FROM event WHERE (at & 255) BETWEEN 20 AND 40", use_looks,
	    "event 20, which an entity lists, is not there" },
	{ "an event that an entity lists is gone, when the node is renewed",
	    "DELETE FROM event WHERE (at & 255) BETWEEN 20 AND 40", use_renew,
	    "which an entity lists, is not there" },
	{ "all names are gone", "DELETE FROM name", use_looks, "malformed" },
	{ "a digest is too short", "UPDATE entity SET digest = x'00'",
	    use_looks, "malformed" },
	{ "an id is too short",
	    "UPDATE event SET id = CAST(substr(id, 2) AS BLOB)", use_looks,
	    "malformed" },
	{ "what waits is gone", "DELETE FROM event WHERE (at & 255) = 150",
	    use_looks, "which an entity lists, is not there" },
	{ "what waits is gone, when it is stamped again",
	    "DELETE FROM event WHERE (at & 255) = 150", use_writes,
	    "event 150 waits and is not where its stamp says" },
	{ "what waits is gone, when it is asked for",
	    "DELETE FROM event WHERE (at & 255) = 150", use_waiting,
	    "event 150, which waits, is not there" },
	{ "what waits stands elsewhere, when it is stamped again",
	    "UPDATE event SET clock = 1", use_writes,
	    "event 2 waits and is not where its stamp says" },
	{ "the first row is gone", "DELETE FROM meta", use_looks,
	    "the store has lost its first row" },
	{ "entities are gone", "DELETE FROM entity", use_writes,
	    "the entity of event 1 is not there" },
	{ "entities are gone, when an event is refused", "DELETE FROM entity",
	    use_retry, "the entity of event 1 is not there" },
	{ "the log is longer than it says",
	    "UPDATE space SET events = events - 1", use_put,
	    "the place of event 500 is taken" },
	{ "the mark of a share is no number",
	    "INSERT INTO note SELECT '.share:' || space || ':2:" LAB_PROJECT
	    "', CAST('x' AS BLOB) FROM project",
	    use_writes, "note .share:1:2:" LAB_PROJECT },
	{ "the mark of a share is no number, when an event goes again",
	    "INSERT INTO note SELECT '.share:' || space || ':2:" LAB_PROJECT
	    "', CAST('x' AS BLOB) FROM project",
	    use_retry, "note .share:1:2:" LAB_PROJECT },
};

static void
damage_is_met(void)
{
	struct lab l;
	struct buf whole = { 0 };

	filled(&l, 500); /* some entities have runs of positions */
	bytes(l.path, "", &whole);
	for (size_t i = 0; i < sizeof met / sizeof met[0]; i++) {
		struct err_info e = { 0 };

		t_note("%s", met[i].name);
		restore(l.path, buf_str(&whole));
		reopen(&l);
		sql(l.path, met[i].sql);
		CHECK_ERR(met[i].use(&l, &e), ERR_CORRUPT);
		if (!CHECK(strstr(e.text, met[i].says) != NULL))
			printf("# %s\n", e.text);
		lab_close(&l);
	}
	buf_fini(&whole);
}

/* An event is gone out of the middle of those that are read in one walk. */
static void
a_hole_in_a_history(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct entity_key key = lab_wp_key(1);

	lab_open(&l, be, 9, false);
	CHECK_OK(store_begin(l.s, &e), &e);
	for (unsigned i = 0; i < 20; i++) {
		struct draft d = lab_wp_note(1, "x");

		CHECK_OK(store_author(l.s, l.sp, &d, NULL, &e), &e);
	}
	CHECK_OK(store_commit(l.s, &e), &e);
	CHECK_OK(store_entity_log(l.s, l.sp, &key, use_nothing, NULL, &e), &e);
	lab_close(&l);
	sql(l.path, "DELETE FROM event WHERE (at & 255) = 10");
	reopen(&l);
	CHECK_ERR(store_entity_log(l.s, l.sp, &key, use_nothing, NULL, &e),
	    ERR_CORRUPT);
	CHECK(strstr(e.text, "event 10, which an entity lists") != NULL);
	lab_close(&l);
}

/* A space is gone in which an event has a copy: half of what waits is stamped, so
 * that nothing but rollback is left. */
static void
a_space_is_gone(void)
{
	struct lab l;
	struct err_info e = { 0 };
	struct space before, after;
	uint64_t copied;
	space_id other;

	filled(&l, 5);
	reopen(&l);
	other = lab_space(l.s, "h", "a", "other");
	CHECK_OK(store_begin(l.s, &e), &e);
	CHECK_OK(store_share(l.s, l.sp, STR(LAB_PROJECT), other, &copied, &e),
	    &e);
	CHECK_U(copied, 5);
	CHECK_OK(store_commit(l.s, &e), &e);
	before = lab_space_of(l.s, l.sp);
	lab_close(&l);
	sql(l.path, "DELETE FROM space WHERE team = 'other'");
	reopen(&l);
	CHECK_OK(store_begin(l.s, &e), &e);
	CHECK_ERR(store_restamp(l.s, l.sp, 1000, &e), ERR_FAILED);
	CHECK(strstr(e.text, "no space") != NULL);
	CHECK_ERR(store_commit(l.s, &e), ERR_FAILED);
	store_rollback(l.s);
	after = lab_space_of(l.s, l.sp);
	CHECK(memcmp(&before, &after, sizeof before) == 0);
	lab_close(&l);
}

/* What SQLite finds is a finding as ours are. */
static void
a_page_that_nobody_uses(void)
{
	struct lab l;
	struct buf whole = { 0 };
	struct err_info e = { 0 };
	struct store_report report;
	unsigned n = 0;

	filled(&l, 60);
	bytes(l.path, "", &whole);
	/* The header counts the pages, big-endian. */
	for (size_t i = 31; ++whole.data[i] == 0;)
		i--;
	for (unsigned i = 0; i < 8192; i++)
		buf_addc(&whole, '\0');
	restore(l.path, buf_str(&whole));
	reopen(&l);
	CHECK_ERR(store_verify(l.s, &report, count_finding, NULL, &n, &e),
	    ERR_CORRUPT);
	CHECK_U(n, 1);
	CHECK_U(report.wrong, 1);
	CHECK_U(report.events, 60);
	buf_fini(&whole);
	lab_close(&l);
}

/* A store without its first row is none that could be read. */
static void
half_made(void)
{
	struct lab l;
	struct store_options opt;
	struct err_info e = { 0 };

	filled(&l, 3);
	sql(l.path, "DELETE FROM meta");
	opt = l.opt;
	opt.read_only = true;
	CHECK_ERR(be->open(&l.s, l.path, &opt, &e), ERR_UNSUPPORTED);
	CHECK(l.s == NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "two handles", two_handles },
	{ "many processes", many_processes },
	{ "killed", killed },
	{ "views are consistent", views_are_consistent },
	{ "the lock is held", the_lock_is_held },
	{ "private whatever the umask", private_whatever_the_umask },
	{ "replaced while open", replaced_while_open },
	{ "other versions", other_versions },
	{ "newer while open", newer_while_open },
	{ "not ours", not_ours },
	{ "the write-ahead log stays short", the_log_stays_short },
	{ "much at once", much_at_once },
	{ "a small cache", a_small_cache },
	{ "codes of SQLite", codes_of_sqlite },
	{ "libraries that may lose", libraries_that_may_lose },
	{ "schemas that cannot be read", schemas_that_cannot_be_read },
	{ "the lock is held at the opening", the_lock_is_held_at_the_opening },
	{ "the lock is held while it is tidied",
	    the_lock_is_held_while_it_is_tidied },
	{ "an older version is damaged", an_older_version_is_damaged },
	{ "the write-ahead log may stay long", the_log_may_stay_long },
	{ "the log of a space is full", the_log_of_a_space_is_full },
	{ "a later reason", a_later_reason },
	{ "damage is found", damage_is_found },
	{ "damage is met", damage_is_met },
	{ "a hole in a history", a_hole_in_a_history },
	{ "a space is gone", a_space_is_gone },
	{ "a page that nobody uses", a_page_that_nobody_uses },
	{ "half made", half_made },
};

int
main(int argc, char **argv)
{
	for (size_t b = 0; b < n_backends; b++) {
		be = &backends[b];
		for (size_t i = 0;
		     be->file && i < sizeof tests / sizeof tests[0]; i++) {
			char name[128];

			if (argc > 1 && strstr(tests[i].name, argv[1]) == NULL)
				continue;
			if (snprintf(name, sizeof name, "%s: %s", be->name,
			        tests[i].name) < 0)
				return 1;
			t_run(name, tests[i].run);
		}
	}
	return t_done();
}
