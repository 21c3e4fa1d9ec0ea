#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "content.h"
#include "family.h"
#include "fault.h"
#include "file.h"
#include "hub.h"
#include "hub_schema.h"
#include "lock.h"
#include "proc.h"
#include "schema.h"
#include "sql.h"
#include "when.h"

enum {
	FORMAT = 1,
	BUSY_MS = 10000,
	COPY_PAGES = 256,       /* at a time */
	ACCOUNTS_MAX = 1 << 30, /* bytes: SQLite's own bound of a value */
	MARK_MAX = 1024         /* bytes */
};

/* Names in the folder, of what is put there and what it becomes. */
static const char *const parts[] = { "replica.db", "hub.db" };
static const char mark[] = "restoring", kept_name[] = "before-restore-";
static const char table[] = "hub_backup"; /* of a file, beside the replica's */

static enum err
path_of(struct arena *a, const char *data, const char *name, char **ret,
    struct err_info *e)
{
	*ret = hub_path(a, data, name);
	return *ret != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
tail_of(struct arena *a, const char *path, const char *tail, char **ret,
    struct err_info *e)
{
	*ret = arena_fmt(a, "%s%s", path, tail);
	return *ret != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* --- copying a database ------------------------------------------------------- */

/* A new private file; SQLite would make it for everybody. */
static enum err
file_make(const char *path, struct err_info *e)
{
	int fd = fault_tick() ?
	    (errno = EIO, -1) :
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (fchmod(fd, 0600) != 0) {
		(void)err_sys(e, errno, "%s", path);
		(void)close(fd);
		return e->code;
	}
	return close(fd) == 0 ? ERR_OK : err_sys(e, errno, "%s", path);
}

/* What SQLite may have left beside a database that is gone. */
static enum err
database_remove(struct arena *a, const char *path, struct err_info *e)
{
	static const char *const tail[] = { "", "-wal", "-shm", "-journal" };
	enum err rc = ERR_OK;

	for (size_t i = 0; i < sizeof tail / sizeof tail[0]; i++) {
		char *one;

		rc = tail_of(a, path, tail[i], &one, e);
		if (rc == ERR_OK)
			rc = os_remove(one, e);
		if (rc != ERR_OK)
			break;
	}
	return rc;
}

/* All pages of one commit of `from`, while others write to it. */
static enum err
pages_copy(struct sql *from, struct sql *to, const struct hub_tell *tell,
    struct err_info *e)
{
	sqlite3_backup *b = fault_tick() ?
	    NULL :
	    sqlite3_backup_init(to->db, "main", from->db, "main");
	int rc = SQLITE_OK, end;

	if (b == NULL)
		return sql_error(to, "copy", e);
	while (rc == SQLITE_OK) {
		rc = fault_tick() ? SQLITE_IOERR :
		                    sqlite3_backup_step(b, COPY_PAGES);
		if (tell->progress != NULL)
			tell->progress(tell->ctx,
			    (uint64_t)(sqlite3_backup_pagecount(b) -
			        sqlite3_backup_remaining(b)),
			    (uint64_t)sqlite3_backup_pagecount(b));
	}
	end = sqlite3_backup_finish(b);
	if (rc == SQLITE_DONE)
		rc = end;
	return rc == SQLITE_OK ? ERR_OK : sql_code(rc, "copy", e);
}

/* `to` is a file of ours alone afterwards: no write-ahead log. */
static enum err
database_copy(struct arena *a, const char *from, const char *to,
    const struct hub_tell *tell, struct err_info *e)
{
	struct sql src = { 0 }, dst = { 0 };
	enum err rc = database_remove(a, to, e);

	if (rc == ERR_OK)
		rc = sql_open_read(&src, from, BUSY_MS, e);
	if (rc == ERR_OK)
		rc = file_make(to, e);
	if (rc == ERR_OK)
		rc = sql_open(&dst, to, BUSY_MS, e);
	/* One view for all pages: else each commit would begin it anew. */
	if (rc == ERR_OK)
		rc = sql_exec(&src, "BEGIN; SELECT count(*) FROM sqlite_schema",
		    e);
	if (rc == ERR_OK)
		rc = pages_copy(&src, &dst, tell, e);
	sql_close(&src);
	sql_close(&dst);
	return rc;
}

/* --- the accounts, as bytes ----------------------------------------------------- */

/* *ret: to be freed by sqlite3_free. */
static enum err
accounts_bytes(const char *path, unsigned char **ret, size_t *n,
    struct err_info *e)
{
	struct sql s = { 0 };
	sqlite3_int64 size = 0;
	enum err rc = sql_open_read(&s, path, BUSY_MS, e);

	*ret = NULL;
	*n = 0;
	if (rc == ERR_OK)
		rc = sql_exec(&s, "BEGIN; SELECT count(*) FROM sqlite_schema",
		    e);
	if (rc == ERR_OK) {
		*ret = fault_tick() ? NULL :
		                      sqlite3_serialize(s.db, "main", &size, 0);
		if (*ret == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	if (rc == ERR_OK && size > ACCOUNTS_MAX)
		rc = err_setf(e, ERR_TOO_LARGE, "%s has more than 1 GiB", path);
	*n = (size_t)size;
	sql_close(&s);
	return rc;
}

static void
find(const struct hub_tell *tell, struct hub_report *r, const char *text)
{
	r->store.wrong++;
	if (tell->finding != NULL)
		tell->finding(tell->ctx, text);
}

/* Rows of a check: "ok" alone is none. */
static enum err
rows_check(struct sql *s, const char *text, const char *what,
    const struct hub_tell *tell, struct hub_report *r, struct err_info *e)
{
	struct query q = { 0 };
	bool found = true;
	enum err rc;

	query_open(&q, s, text);
	for (;;) {
		char line[256];
		struct str row;

		rc = query_row(&q, &found, e);
		if (rc != ERR_OK || !found)
			break;
		row = query_get(&q, 0);
		if (str_is(row, "ok"))
			continue;
		if (snprintf(line, sizeof line, "accounts: %s%.*s", what,
		        (int)(row.n < 200 ? row.n : 200), row.p) > 0)
			find(tell, r, line);
	}
	query_close(&q);
	return rc;
}

/* Who is told of findings about the accounts. */
struct accounts_tell {
	const struct hub_tell *tell;
	struct hub_report *report;
};

static void
accounts_finding(void *ctx, const char *text)
{
	struct accounts_tell *t = ctx;
	char line[320];

	if (snprintf(line, sizeof line, "accounts: %s", text) > 0)
		find(t->tell, t->report, line);
}

static enum err
accounts_check_db(struct sql *s, const struct hub_tell *tell,
    struct hub_report *r, struct err_info *e)
{
	struct accounts_tell t = { tell, r };
	struct query q = { 0 };
	bool found;
	enum err rc =
	    rows_check(s, "PRAGMA integrity_check(20)", "", tell, r, e);

	if (rc == ERR_OK)
		rc = schema_check(s->db, hub_schema, hub_schema_count, NULL,
		    accounts_finding, &t, e);
	if (rc == ERR_OK)
		rc = rows_check(s, "PRAGMA foreign_key_check",
		    "a row that refers to nothing in table ", tell, r, e);
	if (rc != ERR_OK)
		return rc;
	query_open(&q, s, "SELECT count(*) FROM user");
	rc = query_row(&q, &found, e);
	r->users = found ? (uint64_t)query_get_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

/* Of bytes, which are given away. */
static enum err
accounts_check_bytes(unsigned char *bytes, size_t n,
    const struct hub_tell *tell, struct hub_report *r, struct err_info *e)
{
	struct sql s = { 0 };
	enum err rc = ERR_OK;
	int code =
	    fault_tick() ? SQLITE_NOMEM : sqlite3_open(":memory:", &s.db);

	if (code != SQLITE_OK) {
		sqlite3_free(bytes);
		rc = sql_code(code, "accounts", e);
	} else {
		code = sqlite3_deserialize(s.db, "main", bytes,
		    (sqlite3_int64)n, (sqlite3_int64)n,
		    SQLITE_DESERIALIZE_FREEONCLOSE |
		        SQLITE_DESERIALIZE_READONLY);
		if (code != SQLITE_OK)
			rc = sql_code(code, "accounts", e);
	}
	if (rc == ERR_OK)
		rc = accounts_check_db(&s, tell, r, e);
	sql_close(&s);
	return rc;
}

/* --- the backup's own table -------------------------------------------------------- */

static enum err
table_add(const char *path, const unsigned char *bytes, size_t n,
    int64_t now_ms, struct err_info *e)
{
	struct sql s = { 0 };
	struct query q = { 0 };
	enum err rc = sql_open(&s, path, BUSY_MS, e);

	/* A file that stands alone; restore turns the log on again. */
	if (rc == ERR_OK)
		rc = sql_exec(&s,
		    "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;"
		    "CREATE TABLE hub_backup (format INTEGER NOT NULL,"
		    " made_ms INTEGER NOT NULL, version TEXT NOT NULL,"
		    " accounts BLOB NOT NULL) STRICT",
		    e);
	if (rc == ERR_OK) {
		query_open(&q, &s,
		    "INSERT INTO hub_backup VALUES (?1, ?2, ?3, ?4)");
		query_int(&q, FORMAT);
		query_int(&q, now_ms);
		query_text(&q, STR(CLOWDER_VERSION));
		query_blob(&q, bytes, n);
		rc = query_run(&q, e);
		query_close(&q);
	}
	sql_close(&s);
	return rc;
}

/* What a file says of itself; *accounts by sqlite3_malloc. */
static enum err
table_read(const char *path, struct hub_report *r, unsigned char **accounts,
    size_t *n, struct err_info *e)
{
	struct err_info why = { 0 };
	struct sql s = { 0 };
	struct query q = { 0 };
	struct str blob = { 0 };
	bool found = false;
	enum err rc = sql_open_read(&s, path, BUSY_MS, e);

	*accounts = NULL;
	if (rc != ERR_OK)
		goto done;
	query_open(&q, &s, "SELECT format, made_ms, accounts FROM hub_backup");
	rc = query_row(&q, &found, &why);
	if (rc == ERR_OK && found && query_get_int(&q, 0) > FORMAT) {
		rc = err_setf(e, ERR_NEWER, "%s was made by a newer version",
		    path);
		goto done;
	}
	if (found)
		blob = query_get(&q, 2);
	if (rc != ERR_OK && rc != ERR_CORRUPT && rc != ERR_IO) {
		*e = why;
		goto done;
	}
	if (rc != ERR_OK || !found || blob.n == 0) {
		rc = err_setf(e, ERR_CORRUPT, "%s is no backup of a hub", path);
		goto done;
	}
	r->made_ms = query_get_int(&q, 1);
	*n = blob.n;
	*accounts = fault_tick() ? NULL : sqlite3_malloc64(blob.n);
	if (*accounts == NULL)
		rc = err_set(e, ERR_NOMEM);
	else
		memcpy(*accounts, blob.p, blob.n);
done:
	query_close(&q);
	sql_close(&s);
	return rc;
}

/* --- reading everything --------------------------------------------------------------- */

static int64_t
env_wall(void *ctx)
{
	(void)ctx;
	return os_wall_ms();
}

static void
env_random(void *ctx, void *out, size_t n)
{
	struct err_info e = { 0 };

	(void)ctx;
	/* Without randomness nothing here is safe to go on. */
	if (os_random(out, n, &e) != ERR_OK)
		abort();
}

static enum err
replica_open(struct store **ret, const char *path, bool read_only,
    struct err_info *e)
{
	const struct store_options opt = {
		.env = { .wall_ms = env_wall, .random = env_random },
		.hub = true,
		.read_only = read_only,
		.lock_wait_ms = BUSY_MS,
		.extra_table = read_only ? table : NULL,
	};

	return store_sqlite_open(ret, path, &opt, e);
}

static enum err
epoch_read(struct store *s, struct hub_report *r, struct err_info *e)
{
	struct arena a = { 0 };
	struct str epoch;
	enum err rc = store_note_get(s, STR("hub.epoch"), &a, &epoch, e);

	if (rc == ERR_OK && epoch.n < sizeof r->epoch)
		memcpy(r->epoch, epoch.p, epoch.n);
	arena_fini(&a);
	/* No hub has served it yet. */
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err
replica_check(const char *path, const struct hub_tell *tell,
    struct hub_report *r, struct err_info *e)
{
	static const struct hub_tell quiet;
	uint64_t wrong = r->store.wrong;
	struct store *s = NULL;
	enum err rc = replica_open(&s, path, true, e);

	if (tell == NULL)
		tell = &quiet;
	if (rc == ERR_OK)
		rc = epoch_read(s, r, e);
	if (rc == ERR_OK)
		rc = store_verify(s, &r->store, tell->finding, tell->progress,
		    tell->ctx, e);
	if (rc == ERR_OK)
		rc = content_verify(s, &r->store.wrong, tell->finding,
		    tell->ctx, e);
	r->store.wrong += wrong;
	store_close(s);
	return rc == ERR_CORRUPT && r->store.wrong > wrong ? ERR_OK : rc;
}

static enum err
wrong_is_corrupt(const struct hub_report *r, struct err_info *e)
{
	return r->store.wrong == 0 ?
	    ERR_OK :
	    err_setf(e, ERR_CORRUPT, "%llu faults were found",
	        (unsigned long long)r->store.wrong);
}

/* A backup file, whole; *accounts are its accounts. */
static enum err
file_check(const char *path, const struct hub_tell *tell, struct hub_report *r,
    unsigned char **accounts, size_t *n, struct err_info *e)
{
	unsigned char *copy;
	enum err rc = table_read(path, r, accounts, n, e);

	if (rc != ERR_OK)
		return rc;
	copy = fault_tick() ? NULL : sqlite3_malloc64(*n);
	if (copy == NULL)
		return err_set(e, ERR_NOMEM);
	memcpy(copy, *accounts, *n);
	rc = accounts_check_bytes(copy, *n, tell, r, e);
	if (rc == ERR_OK)
		rc = replica_check(path, tell, r, e);
	return rc == ERR_OK ? wrong_is_corrupt(r, e) : rc;
}

/* --- backup -------------------------------------------------------------------------------- */

static enum err
backup_to(struct arena *a, const char *data, const char *part, int64_t now_ms,
    const struct hub_tell *tell, struct hub_report *ret, struct err_info *e)
{
	unsigned char *accounts = NULL;
	char *replica, *db;
	size_t n;
	enum err rc = path_of(a, data, parts[0], &replica, e);

	if (rc == ERR_OK)
		rc = path_of(a, data, parts[1], &db, e);
	if (rc == ERR_OK && (!os_exists(replica) || !os_exists(db)))
		rc = err_setf(e, ERR_NOT_FOUND, "no hub has served %s", data);
	if (rc == ERR_OK)
		rc = database_copy(a, replica, part, tell, e);
	/* After the log: whoever wrote to it is in the accounts. */
	if (rc == ERR_OK)
		rc = accounts_bytes(db, &accounts, &n, e);
	if (rc == ERR_OK)
		rc = table_add(part, accounts, n, now_ms, e);
	sqlite3_free(accounts);
	accounts = NULL;
	if (rc == ERR_OK)
		rc = file_check(part, tell, ret, &accounts, &n, e);
	sqlite3_free(accounts);
	return rc;
}

enum err
hub_backup(const char *data, const char *file, int64_t now_ms,
    const struct hub_tell *tell, struct hub_report *ret, struct err_info *e)
{
	static const struct hub_tell quiet;
	struct err_info ignored = { 0 };
	struct os_file_id id;
	struct arena a = { 0 };
	char *part = NULL;
	enum err rc = ERR_OK;

	*ret = (struct hub_report){ 0 };
	if (os_exists(file))
		rc = err_setf(e, ERR_EXISTS, "%s is there already", file);
	if (rc == ERR_OK)
		rc = tail_of(&a, file, ".part", &part, e);
	if (rc == ERR_OK)
		rc = backup_to(&a, data, part, now_ms, tell ? tell : &quiet,
		    ret, e);
	if (rc == ERR_OK)
		rc = os_stat_id(part, &id, e);
	if (rc == ERR_OK)
		rc = os_rename(part, file, e);
	if (rc == ERR_OK)
		ret->bytes = id.size;
	else if (part != NULL)
		(void)database_remove(&a, part, &ignored);
	arena_fini(&a);
	return rc;
}

/* --- restore ------------------------------------------------------------------------------- */

/* Clients see another epoch, start over and push what the log lacks. */
static enum err
epoch_renew(struct store *s, struct hub_report *r, struct err_info *e)
{
	uint8_t random[HUB_EPOCH_BYTES];
	struct arena a = { 0 };
	struct space *space = NULL;
	size_t n = 0;
	enum err rc = os_random(random, sizeof random, e);

	if (rc == ERR_OK)
		rc = store_space_list(s, &a, &space, &n, e);
	if (rc == ERR_OK)
		rc = store_begin(s, e);
	if (rc != ERR_OK)
		goto done;
	hex_encode(random, sizeof random, r->epoch);
	rc = store_note_put(s, STR("hub.epoch"), str_of(r->epoch), e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = store_resync(s, space[i].id, str_of(r->epoch), e);
	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
done:
	arena_fini(&a);
	return rc;
}

/* Sign-ins are those of the accounts that are replaced: tokens that were spent
 * since the backup would not be known, and what was ended since would live
 * again. */
static const char sessions_take[] =
    "BEGIN IMMEDIATE; DELETE FROM token; DELETE FROM family;"
    "INSERT INTO family (id, user, flow, state, generation, started_ms,"
    " expires_ms) SELECT f.id, f.user, f.flow, f.state, f.generation,"
    " f.started_ms, f.expires_ms FROM old.family f"
    " JOIN user u ON u.id = f.user JOIN old.user o ON o.id = f.user"
    " JOIN hub h JOIN old.hub oh ON oh.id = h.id;"
    "INSERT INTO token (hash, family, generation, spent_ms, sealed)"
    " SELECT t.hash, t.family, t.generation, t.spent_ms, t.sealed"
    " FROM old.token t JOIN family f ON f.id = t.family; COMMIT";
static const char sessions_end[] =
    "BEGIN IMMEDIATE; DELETE FROM token; DELETE FROM family; COMMIT";

static enum err
sessions_from(struct sql *s, const char *old, struct err_info *e)
{
	struct query q = { 0 };
	enum err rc;

	/* It would be made. */
	if (!os_exists(old))
		return err_set(e, ERR_NOT_FOUND);
	query_open(&q, s, "ATTACH ?1 AS old");
	query_text(&q, str_of(old));
	rc = query_run(&q, e);
	query_close(&q);
	if (rc == ERR_OK)
		rc = sql_exec(s, sessions_take, e);
	if (rc != ERR_OK && !sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* In accounts that are not in place yet; old: those that they replace, which may
 * be what is broken. */
static enum err
sessions_set(const char *path, const char *old, struct hub_report *r,
    struct err_info *e)
{
	struct err_info why = { 0 };
	struct query q = { 0 };
	struct sql s = { 0 };
	bool found = false;
	enum err rc = sql_open(&s, path, BUSY_MS, e);

	if (rc == ERR_OK && sessions_from(&s, old, &why) != ERR_OK)
		rc = sql_exec(&s, sessions_end, e);
	if (rc == ERR_OK) {
		query_open(&q, &s,
		    "SELECT count(*) FROM main.family WHERE state = ?1");
		query_int(&q, FAMILY_ACTIVE);
		rc = query_row(&q, &found, e);
		r->sessions = found ? (uint64_t)query_get_int(&q, 0) : 0;
		query_close(&q);
	}
	sql_close(&s);
	return rc;
}

/* The replica of the file, as a hub opens it: `path` stands alone afterwards. */
static enum err
replica_make(struct arena *a, const char *file, const char *path,
    const struct hub_tell *tell, struct hub_report *r, struct err_info *e)
{
	struct store *store = NULL;
	struct sql s = { 0 };
	enum err rc = database_copy(a, file, path, tell, e);

	if (rc == ERR_OK)
		rc = sql_open(&s, path, BUSY_MS, e);
	if (rc == ERR_OK)
		rc = sql_exec(&s,
		    "DROP TABLE hub_backup; PRAGMA journal_mode = WAL", e);
	sql_close(&s);
	if (rc == ERR_OK)
		rc = replica_open(&store, path, false, e);
	if (rc == ERR_OK)
		rc = epoch_renew(store, r, e);
	store_close(store);
	if (rc == ERR_OK)
		rc = sql_open(&s, path, BUSY_MS, e);
	if (rc == ERR_OK)
		rc = sql_exec(&s, "PRAGMA wal_checkpoint(TRUNCATE)", e);
	sql_close(&s);
	return rc;
}

/* Where a restore that was cut short has begun to put what was there: its mark
 * says so.  NULL: nothing was. */
static enum err
kept_before(struct arena *a, const char *data, const char *marked, char **ret,
    struct err_info *e)
{
	struct buf text = { 0 };
	struct str rest, line = { 0 };
	enum err rc = os_read_file(marked, MARK_MAX, &text, e);

	*ret = NULL;
	if (rc == ERR_OK) {
		rest = buf_str(&text);
		(void)str_split(&rest, '\n', &line);
		if (str_split(&rest, '\n', &line) &&
		    str_starts(line, str_of(kept_name)) &&
		    str_find(line, '/') == SIZE_MAX) {
			*ret = arena_fmt(a, "%s/%.*s", data, STR_ARG(line));
			if (*ret == NULL)
				rc = err_set(e, ERR_NOMEM);
		}
	}
	buf_fini(&text);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* A folder of its own for what was there. */
static enum err
keep_folder(struct arena *a, const char *data, int64_t now_ms, char **ret,
    struct err_info *e)
{
	for (unsigned i = 0; i < 100; i++) {
		char *path = arena_fmt(a, "%s/%s%lld%s%.0u", data, kept_name,
		    (long long)(now_ms / 1000), i ? "-" : "", i);

		if (path == NULL)
			return err_set(e, ERR_NOMEM);
		if (os_exists(path))
			continue;
		*ret = path;
		return os_mkdirs(path, 0700, e);
	}
	return err_setf(e, ERR_EXISTS, "%s: too many before-restore folders",
	    data);
}

static enum err
move_aside(struct arena *a, const char *data, const char *kept,
    struct err_info *e)
{
	static const char *const name[] = { "replica.db", "replica.db-wal",
		"replica.db-shm", "hub.db", "hub.db-journal" };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < sizeof name / sizeof name[0];
	     i++) {
		char *from, *to;

		rc = path_of(a, data, name[i], &from, e);
		if (rc == ERR_OK && !os_exists(from))
			continue;
		if (rc == ERR_OK)
			rc = path_of(a, kept, name[i], &to, e);
		/* There already: the restore that was cut short put it there, and
		 * what stands here is of its making, too. */
		if (rc == ERR_OK)
			rc = os_exists(to) ? os_remove(from, e) :
			                     os_rename(from, to, e);
	}
	return rc;
}

static enum err
mark_write(struct arena *a, const char *marked, const char *kept,
    struct err_info *e)
{
	const char *slash = kept != NULL ? strrchr(kept, '/') : NULL;
	char *text = arena_fmt(a, "run hub restore again\n%s\n",
	    slash != NULL ? slash + 1 : "");

	return text != NULL ? os_write_atomic(marked, str_of(text), 0600, e) :
	                      err_set(e, ERR_NOMEM);
}

static enum err
put_in_place(struct arena *a, const char *data, char *const made[2],
    int64_t now_ms, struct hub_report *r, struct err_info *e)
{
	char *there[2], *marked, *kept = NULL;
	enum err rc = path_of(a, data, mark, &marked, e);

	for (size_t i = 0; rc == ERR_OK && i < 2; i++)
		rc = path_of(a, data, parts[i], &there[i], e);
	if (rc == ERR_OK)
		rc = kept_before(a, data, marked, &kept, e);
	if (rc == ERR_OK && kept == NULL &&
	    (os_exists(there[0]) || os_exists(there[1])))
		rc = keep_folder(a, data, now_ms, &kept, e);
	if (kept != NULL && snprintf(r->kept, sizeof r->kept, "%s", kept) < 0)
		r->kept[0] = '\0';
	/* From here to its removal no hub serves this folder. */
	if (rc == ERR_OK)
		rc = mark_write(a, marked, kept, e);
	if (rc == ERR_OK && kept != NULL)
		rc = move_aside(a, data, kept, e);
	for (size_t i = 0; rc == ERR_OK && i < 2; i++)
		rc = os_rename(made[i], there[i], e);
	return rc == ERR_OK ? os_remove(marked, e) : rc;
}

/* The accounts that were there: also where a restore that was cut short has moved
 * them aside. */
static enum err
accounts_before(struct arena *a, const char *data, char **ret,
    struct err_info *e)
{
	char *marked, *kept = NULL;
	enum err rc = path_of(a, data, parts[1], ret, e);

	if (rc != ERR_OK || os_exists(*ret))
		return rc;
	rc = path_of(a, data, mark, &marked, e);
	if (rc == ERR_OK)
		rc = kept_before(a, data, marked, &kept, e);
	return rc == ERR_OK && kept != NULL ?
	    path_of(a, kept, parts[1], ret, e) :
	    rc;
}

static enum err
restore_locked(struct arena *a, const char *data, const char *file,
    int64_t now_ms, const struct hub_tell *tell, struct hub_report *ret,
    struct err_info *e)
{
	struct err_info ignored = { 0 };
	unsigned char *accounts = NULL;
	char *made[2] = { NULL, NULL }, *old;
	size_t n;
	enum err rc = file_check(file, tell, ret, &accounts, &n, e);

	if (rc == ERR_OK)
		rc = path_of(a, data, "replica.db.new", &made[0], e);
	if (rc == ERR_OK)
		rc = path_of(a, data, "hub.db.new", &made[1], e);
	if (rc == ERR_OK)
		rc = replica_make(a, file, made[0], tell, ret, e);
	if (rc == ERR_OK)
		rc = os_write_atomic(made[1], str_n((const char *)accounts, n),
		    0600, e);
	if (rc == ERR_OK)
		rc = accounts_before(a, data, &old, e);
	if (rc == ERR_OK)
		rc = sessions_set(made[1], old, ret, e);
	if (rc == ERR_OK)
		rc = put_in_place(a, data, made, now_ms, ret, e);
	for (size_t i = 0; rc != ERR_OK && i < 2; i++)
		if (made[i] != NULL)
			(void)database_remove(a, made[i], &ignored);
	sqlite3_free(accounts);
	return rc;
}

enum err
hub_restore(const char *data, const char *file, int64_t now_ms,
    const struct hub_tell *tell, struct hub_report *ret, struct err_info *e)
{
	static const struct hub_tell quiet;
	struct os_lock lock = { 0 };
	struct arena a = { 0 };
	char *path;
	enum err rc = os_mkdirs(data, 0700, e);

	*ret = (struct hub_report){ 0 };
	if (rc == ERR_OK)
		rc = path_of(&a, data, "hub.lock", &path, e);
	if (rc == ERR_OK)
		rc = os_lock_take(&lock, path, 0, e);
	if (rc == ERR_LOCKED)
		rc = err_wrap(e, "a hub serves %s: stop it first", data);
	if (rc == ERR_OK)
		rc = restore_locked(&a, data, file, now_ms,
		    tell ? tell : &quiet, ret, e);
	os_lock_release(&lock);
	arena_fini(&a);
	return rc;
}

enum err
hub_restored_whole(const char *data, struct err_info *e)
{
	struct arena a = { 0 };
	char *path;
	enum err rc = path_of(&a, data, mark, &path, e);

	if (rc == ERR_OK && os_exists(path))
		rc = err_setf(e, ERR_CONFIG,
		    "%s: a restore was cut short; run it again", data);
	arena_fini(&a);
	return rc;
}

/* --- verify -------------------------------------------------------------------------------- */

enum err
hub_verify(const char *data, const struct hub_tell *tell,
    struct hub_report *ret, struct err_info *e)
{
	static const struct hub_tell quiet;
	struct arena a = { 0 };
	struct sql s = { 0 };
	char *replica, *db;
	enum err rc = path_of(&a, data, parts[0], &replica, e);

	*ret = (struct hub_report){ 0 };
	if (tell == NULL)
		tell = &quiet;
	if (rc == ERR_OK)
		rc = path_of(&a, data, parts[1], &db, e);
	if (rc == ERR_OK && (!os_exists(replica) || !os_exists(db)))
		rc = err_setf(e, ERR_NOT_FOUND, "no hub has served %s", data);
	if (rc == ERR_OK)
		rc = sql_open_read(&s, db, BUSY_MS, e);
	if (rc == ERR_OK)
		rc = accounts_check_db(&s, tell, ret, e);
	sql_close(&s);
	if (rc == ERR_OK)
		rc = replica_check(replica, tell, ret, e);
	arena_fini(&a);
	return rc == ERR_OK ? wrong_is_corrupt(ret, e) : rc;
}
