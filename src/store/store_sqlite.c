/* The store on SQLite: opening, transactions, checkpoints.
 *
 * Writing: disk has room - store.lock - BEGIN IMMEDIATE - rows - COMMIT (fsync of
 * the write-ahead log) - checkpoint where the log has grown - store.lock given
 * back.  SQLite 3.7.0 to 3.51.2 can corrupt a database where one connection
 * checkpoints while another writes (https://sqlite.org/wal.html#walresetbug), so
 * nothing but the holder of store.lock ever does either: SQLite's own
 * checkpoints, also the one at closing, are off.
 *
 * Fails: disk full, lock held, a file that was replaced behind our back; and
 * after a failed write of the disk the handle refuses to write again, because
 * what the system has in memory is no longer what is on the disk. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "file.h"
#include "proc.h"
#include "schema.h"
#include "sqlite_int.h"

enum {
	PAGE_BYTES = 8192,
	CACHE_KIB = 8192,
	BUSY_MS_MIN = 1000,     /* another process recovers the log */
	CHECKPOINT_BUSY_MS = 50 /* readers are left behind */
};
#define FREE_BYTES_MIN (UINT64_C(16) << 20)
#define WAL_BYTES_MAX (UINT64_C(1) << 20)
#define WAL_BYTES_MAX_HUB (UINT64_C(32) << 20)
/* A file that was longer than this is cut when the log starts over; one that is
 * cut below the length that it reaches again costs more than it frees. */
#define WAL_KEPT_MIN (UINT64_C(4) << 20)
#define WAL_KEPT_MAX (UINT64_C(128) << 20)

static struct store_sqlite *
lite(struct store *base)
{
	return (struct store_sqlite *)base;
}

/* --- the lock --------------------------------------------------------------------- */

static enum err
lock_take(struct store_sqlite *s, struct err_info *e)
{
	struct err_info ignored = { 0 };
	char pid[24];
	int n = snprintf(pid, sizeof pid, "%-11d\n", os_pid());
	enum err rc;

	/* Transactions are short: ask often. */
	s->lock.retry_ms = 1;
	s->lock.steady = true;
	rc = os_lock_take(&s->lock, s->lock_path, s->base.opt.lock_wait_ms, e);
	if (rc != ERR_OK)
		return rc;
	/* So that who waits can say for whom; the lock itself is held. */
	if (n > 0)
		(void)os_lock_record(&s->lock, str_n(pid, (size_t)n), &ignored);
	return ERR_OK;
}

/* --- a disk that fails --------------------------------------------------------------- */

/* A sync that failed is not tried again: the system has forgotten that these pages
 * were not written, shows them to every process, and would say of the next sync
 * that all is well (https://wiki.postgresql.org/wiki/Fsync_Errors).  This handle
 * writes no more; a mark tells who opens the store next. */
static void
broken(struct store_sqlite *s)
{
	struct err_info ignored = { 0 };

	s->broken = true;
	(void)os_touch(s->suspect_path, &ignored);
}

/* What stands in the log is written once more, to the database, and synced there;
 * the log starts over, so that nothing new is built upon what may be lost. */
static enum err
suspect_settle(struct store_sqlite *s, struct err_info *e)
{
	enum err rc;
	int code;

	if (!os_exists(s->suspect_path))
		return ERR_OK;
	rc = lock_take(s, e);
	if (rc != ERR_OK)
		return rc;
	code = fault_tick() ? SQLITE_IOERR :
	                      sqlite3_wal_checkpoint_v2(s->db, NULL,
	                          SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	rc = code == SQLITE_OK ?
	    os_remove(s->suspect_path, e) :
	    sqlite_fail(s, code, "after a failed write", e);
	os_lock_release(&s->lock);
	return rc;
}

/* --- transactions ------------------------------------------------------------------- */

static enum err
disk_has_room(struct store_sqlite *s, struct err_info *e)
{
	uint64_t min = s->base.opt.free_bytes_min, room;
	enum err rc;

	if (min == 0)
		min = FREE_BYTES_MIN;
	rc = os_disk_free(s->path, &room, e);
	if (rc == ERR_OK && room < min)
		rc = err_setf(e, ERR_NO_SPACE,
		    "%s: the disk is nearly full (%llu KiB are free)", s->path,
		    (unsigned long long)(room / 1024));
	return rc;
}

/* Somebody moved, removed or replaced the database while we have it open. */
static enum err
file_is_ours(struct store_sqlite *s, struct err_info *e)
{
	int moved = 0;

	if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED,
	        &moved) == SQLITE_OK &&
	    moved)
		return err_setf(e, ERR_CORRUPT,
		    "%s was replaced while it was open", s->path);
	return ERR_OK;
}

static enum err
run(struct store_sqlite *s, enum sqlite_text text, struct err_info *e)
{
	struct use u = use_of(&s->base, text);

	return use_run(&u, e);
}

/* A newer program has brought it up to date while we have it open. */
static enum err
schema_is_ours(struct store_sqlite *s, struct err_info *e)
{
	struct use u = use_of(&s->base, SQL_SCHEMA);
	uint64_t version = use_row(&u) ? use_get_int(&u, 0) : 0;
	enum err rc = use_end(&u, e);

	if (rc == ERR_OK && version != migrate_newest())
		rc = err_setf(e, ERR_NEWER,
		    "%s has got schema %llu while it was open", s->path,
		    (unsigned long long)version);
	return rc;
}

enum err
sqlite_begin(struct store *base, struct err_info *e)
{
	struct store_sqlite *s = lite(base);
	enum err rc;

	if (s->broken)
		return err_setf(e, ERR_IO,
		    "%s: a write failed before; it has to be opened again",
		    s->path);
	rc = disk_has_room(s, e);
	if (rc == ERR_OK)
		rc = lock_take(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = file_is_ours(s, e);
	if (rc == ERR_OK)
		rc = run(s, SQL_BEGIN, e);
	if (rc == ERR_OK) {
		rc = schema_is_ours(s, e);
		if (rc == ERR_OK)
			return ERR_OK;
		sqlite_rollback(&s->base);
	}
	os_lock_release(&s->lock);
	return rc;
}

static uint64_t
wal_bytes_max(const struct store_sqlite *s)
{
	uint64_t max = s->base.opt.wal_bytes_max;

	if (max == 0)
		max = s->base.opt.hub ? WAL_BYTES_MAX_HUB : WAL_BYTES_MAX;
	return max;
}

static uint64_t
wal_bytes_kept(const struct store_sqlite *s)
{
	uint64_t max = wal_bytes_max(s);

	if (max >= WAL_KEPT_MAX / 2)
		return WAL_KEPT_MAX;
	return max * 2 > WAL_KEPT_MIN ? max * 2 : WAL_KEPT_MIN;
}

static bool
wal_is_long(const struct store_sqlite *s)
{
	uint64_t max = wal_bytes_max(s);

	return max != UINT64_MAX && s->wal_pages * PAGE_BYTES > max;
}

/* Under the lock, after a commit.  A process that ends takes with it what it knew
 * of the log, and the next one finds all of it to be read again, unless it was
 * cut: only a hub, which stays, may leave it for its next commit to write over.
 * Readers keep the log as it is until a later time. */
static void
checkpoint_grown(struct store_sqlite *s)
{
	int how = s->base.opt.hub ? SQLITE_CHECKPOINT_PASSIVE :
	                            SQLITE_CHECKPOINT_TRUNCATE;
	int rc;

	(void)sqlite3_busy_timeout(s->db, 0);
	rc = sqlite3_wal_checkpoint_v2(s->db, NULL, how, NULL, NULL);
	(void)sqlite3_busy_timeout(s->db, s->busy_ms);
	/* What was committed is in the log and stays there; but a disk that
	 * fails to write is not written to again. */
	if ((rc & 0xff) == SQLITE_IOERR)
		broken(s);
	s->wal_moved = true;
}

enum err
sqlite_commit(struct store *base, struct err_info *e)
{
	struct store_sqlite *s = lite(base);
	enum err rc = run(s, SQL_COMMIT, e);

	if (rc != ERR_OK) {
		if ((sqlite3_errcode(s->db) & 0xff) == SQLITE_IOERR)
			broken(s);
		return rc;
	}
	s->wal_moved = false;
	if (!base->opt.tidy_later && wal_is_long(s))
		checkpoint_grown(s);
	os_lock_release(&s->lock);
	return ERR_OK;
}

enum err
sqlite_tidy(struct store *base, bool *moved, struct err_info *e)
{
	struct store_sqlite *s = lite(base);
	enum err rc;

	/* Once for each commit: what a reader holds back is tried again then. */
	if (s->wal_moved || s->broken || !wal_is_long(s))
		return ERR_OK;
	rc = lock_take(s, e);
	if (rc != ERR_OK)
		return rc;
	checkpoint_grown(s);
	*moved = true;
	os_lock_release(&s->lock);
	return s->broken ? err_setf(e, ERR_IO, "%s: checkpoint: %s", s->path,
	                       err_text(ERR_IO)) :
	                   ERR_OK;
}

void
sqlite_slim(struct store *base)
{
	(void)sqlite3_db_release_memory(lite(base)->db);
}

enum err
sqlite_bulk(struct store *base, struct err_info *e)
{
	return sqlite_text_run(lite(base),
	    "PRAGMA cache_size = -65536" /* KiB */, e);
}

/* Out of a transaction, whatever it takes: the statement that is kept for it may
 * never have been made for want of memory. */
static void
leave(struct store_sqlite *s)
{
	struct err_info ignored = { 0 };

	if (!sqlite3_get_autocommit(s->db) &&
	    run(s, SQL_ROLLBACK, &ignored) != ERR_OK)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

void
sqlite_rollback(struct store *base)
{
	struct store_sqlite *s = lite(base);

	leave(s);
	/* Where SQLite could not roll back it does so when it is closed. */
	s->broken |= !sqlite3_get_autocommit(s->db);
	names_drop(s);
	os_lock_release(&s->lock);
}

enum err
sqlite_view(struct store *base, struct err_info *e)
{
	struct store_sqlite *s = lite(base);
	enum err rc = file_is_ours(s, e);

	return rc == ERR_OK ? run(s, SQL_VIEW, e) : rc;
}

void
sqlite_view_end(struct store *base)
{
	/* Nothing was written, so nothing can be lost. */
	leave(lite(base));
}

enum err
sqlite_checkpoint(struct store *base, struct err_info *e)
{
	struct store_sqlite *s = lite(base);
	enum err rc = lock_take(s, e);
	/* What a hub gives back to the disk it takes again at once. */
	int how = base->opt.hub ? SQLITE_CHECKPOINT_RESTART :
	                          SQLITE_CHECKPOINT_TRUNCATE;
	int code;

	if (rc != ERR_OK)
		return rc;
	(void)sqlite3_busy_timeout(s->db, CHECKPOINT_BUSY_MS);
	code = fault_tick() ?
	    SQLITE_IOERR :
	    sqlite3_wal_checkpoint_v2(s->db, NULL, how, NULL, NULL);
	(void)sqlite3_busy_timeout(s->db, s->busy_ms);
	/* Busy: a reader is in the log; what could be moved was moved. */
	if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
		rc = sqlite_fail(s, code, "checkpoint", e);
	if ((sqlite3_errcode(s->db) & 0xff) == SQLITE_IOERR)
		broken(s);
	os_lock_release(&s->lock);
	return rc;
}

static int
on_wal(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store_sqlite *s = ctx;

	(void)db, (void)name;
	s->wal_pages = pages > 0 ? (uint64_t)pages : 0;
	return SQLITE_OK;
}

/* --- facts -------------------------------------------------------------------------- */

/* Fixed in 3.44.6, 3.50.7, 3.51.3 and from 3.53 on
 * (https://sqlite.org/wal.html#walresetbug). */
bool
sqlite_wal_reset_fault(int version)
{
	static const int fixed[] = { 3044006, 3050007, 3051003 };
	bool ret = version >= 3007000 && version < 3053000;

	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		ret &= version / 1000 != fixed[i] / 1000 || version < fixed[i];
	return ret;
}

static uint64_t
file_bytes(const char *path, const char *tail)
{
	struct err_info ignored = { 0 };
	struct os_file_id id;
	struct arena a = { 0 };
	char *full = arena_fmt(&a, "%s%s", path, tail);
	uint64_t n = 0;

	if (full != NULL && os_stat_id(full, &id, &ignored) == ERR_OK)
		n = id.size;
	arena_fini(&a);
	return n;
}

enum err
sqlite_facts(struct store *base, struct store_facts *ret, struct err_info *e)
{
	struct store_sqlite *s = lite(base);

	(void)snprintf(ret->library, sizeof ret->library, "SQLite %s",
	    sqlite3_libversion());
	ret->wal_reset_fault =
	    sqlite_wal_reset_fault(sqlite3_libversion_number());
	ret->db_bytes = file_bytes(s->path, "");
	ret->wal_bytes = file_bytes(s->path, "-wal");
	return migrate_look(s, migrate_newest(), &ret->schema, e);
}

enum err
sqlite_check(struct store *base, void (*finding)(void *ctx, const char *text),
    void *ctx, struct err_info *e)
{
	struct store_sqlite *s = lite(base);
	sqlite3_stmt *st = NULL;
	int rc = fault_tick() ?
	    SQLITE_IOERR :
	    sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(20)", -1, &st,
	        NULL);

	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
			const char *text =
			    (const char *)sqlite3_column_text(st, 0);

			if (text != NULL && strcmp(text, "ok") != 0)
				finding(ctx, text);
		}
	(void)sqlite3_finalize(st); /* repeats the failure of the step */
	if (rc != SQLITE_DONE)
		return sqlite_fail(s, rc, "check", e);
	return schema_check(s->db, store_schema, store_schema_count,
	    base->opt.extra_table, finding, ctx, e);
}

/* --- opening ------------------------------------------------------------------------ */

static void
config_once(void)
{
	/* Refused where SQLite runs already: it only costs speed. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* SQLite would make it readable for everybody.  Not where it exists: closing a
 * descriptor gives up all locks that this process has on the file
 * (https://www.sqlite.org/howtocorrupt.html), and another thread may have it
 * open. */
static enum err
file_make(const char *path, struct err_info *e)
{
	enum err rc = ERR_OK;
	int fd;

	if (fault_tick()) {
		fd = -1;
		errno = EIO;
	} else {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return errno == EEXIST ? ERR_OK : err_sys(e, errno, "%s", path);
	if (fault_tick() ? (errno = EIO, true) : fchmod(fd, 0600) != 0)
		rc = err_sys(e, errno, "%s", path);
	if ((fault_tick() ? (close(fd), errno = EIO, true) : close(fd) != 0) &&
	    rc == ERR_OK)
		rc = err_sys(e, errno, "%s", path);
	return rc;
}

static enum err
paths_make(struct store_sqlite *s, const char *path, struct err_info *e)
{
	static const char name[] = "store.lock", suspect[] = "-suspect";
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;

	s->path = mem_strdup(path);
	s->lock_path = mem_alloc(dir + sizeof name);
	s->suspect_path = mem_alloc(strlen(path) + sizeof suspect);
	if (s->path == NULL || s->lock_path == NULL || s->suspect_path == NULL)
		return err_set(e, ERR_NOMEM);
	memcpy(s->suspect_path, path, strlen(path));
	memcpy(s->suspect_path + strlen(path), suspect, sizeof suspect);
	memcpy(s->lock_path, path, dir);
	memcpy(s->lock_path + dir, name, sizeof name);
	return ERR_OK;
}

static enum err
connect(struct store_sqlite *s, bool read_only, struct err_info *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
	    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	enum err rc = ERR_OK;
	int code;

	(void)pthread_once(&once, config_once);
	if (!read_only) {
		(void)pthread_mutex_lock(&making);
		rc = file_make(s->path, e);
		(void)pthread_mutex_unlock(&making);
	}
	if (rc != ERR_OK)
		return rc;
	code = fault_tick() ? SQLITE_IOERR :
	                      sqlite3_open_v2(s->path, &s->db, flags, NULL);
	if (code != SQLITE_OK)
		return sqlite_fail(s, code, "open", e);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 512,
	    200); /* only speed */
	if (fault_tick() ||
	    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
	        NULL) != SQLITE_OK ||
	    sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) !=
	        SQLITE_OK ||
	    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) !=
	        SQLITE_OK ||
	    sqlite3_busy_timeout(s->db, s->busy_ms) != SQLITE_OK)
		return sqlite_fail(s, sqlite3_extended_errcode(s->db), "open",
		    e);
	(void)sqlite3_wal_hook(s->db, on_wal, s); /* also: no checkpoints */
	return ERR_OK;
}

/* An empty database gets its shape; all of this is kept in the file. */
static enum err
shape(struct store_sqlite *s, struct err_info *e)
{
	return sqlite_text_run(s,
	    "PRAGMA page_size = 8192; PRAGMA auto_vacuum = NONE; "
	    "PRAGMA journal_mode = WAL",
	    e);
}

/* Under the lock: look again, another process may have been faster. */
static enum err
upgrade(struct store_sqlite *s, struct err_info *e)
{
	unsigned version;
	enum err rc = disk_has_room(s, e);

	if (rc == ERR_OK)
		rc = lock_take(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = migrate_look(s, migrate_newest(), &version, e);
	if (rc == ERR_OK)
		rc = shape(s, e);
	if (rc == ERR_OK)
		rc = migrate_run(s, store_schema, version, migrate_newest(), e);
	os_lock_release(&s->lock);
	return rc;
}

static enum err
settings(struct store_sqlite *s, struct err_info *e)
{
	char sql[256];
	int n = snprintf(sql, sizeof sql,
	    "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; "
	    "PRAGMA cache_size = -%d; PRAGMA mmap_size = 0; "
	    "PRAGMA journal_size_limit = %llu; PRAGMA temp_store = MEMORY",
	    CACHE_KIB, (unsigned long long)wal_bytes_kept(s));

	return n > 0 ? sqlite_text_run(s, sql, e) : err_set(e, ERR_FAILED);
}

static enum err
database_open(struct store_sqlite *s, bool read_only, struct err_info *e)
{
	unsigned version;
	enum err rc = connect(s, read_only, e);

	if (rc == ERR_OK)
		rc = migrate_look(s, migrate_newest(), &version, e);
	if (rc == ERR_OK && version < migrate_newest()) {
		if (read_only)
			return err_setf(e, ERR_UNSUPPORTED,
			    "%s was made by an older version; the next writing "
			    "command brings it up to date",
			    s->path);
		rc = upgrade(s, e);
	}
	if (rc == ERR_OK)
		rc = settings(s, e);
	return rc == ERR_OK && !read_only ? suspect_settle(s, e) : rc;
}

void
sqlite_close(struct store *base)
{
	struct store_sqlite *s = lite(base);

	statements_free(s);
	/* With its statements gone it cannot be busy. */
	(void)sqlite3_close(s->db);
	os_lock_release(&s->lock);
	names_drop(s);
	free(s->path);
	free(s->lock_path);
	free(s->suspect_path);
	free(s);
}

enum err
store_sqlite_open(struct store **ret, const char *path,
    const struct store_options *opt, struct err_info *e)
{
	struct store_sqlite *s = mem_zero(sizeof *s);
	enum err rc;

	*ret = NULL;
	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	s->base.opt = *opt;
	s->busy_ms = opt->lock_wait_ms > BUSY_MS_MIN ? (int)opt->lock_wait_ms :
	                                               BUSY_MS_MIN;
	rc = paths_make(s, path, e);
	if (rc == ERR_OK)
		rc = database_open(s, opt->read_only || opt->no_fold, e);
	if (rc == ERR_OK)
		rc = store_setup(&s->base, &sqlite_ops, opt, e);
	if (rc != ERR_OK) {
		sqlite_close(&s->base);
		return rc;
	}
	*ret = &s->base;
	return ERR_OK;
}
