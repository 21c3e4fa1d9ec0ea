#include "sql.h"

#include <stdio.h>

#include "fault.h"

static enum err
code_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_LOCKED;
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return ERR_PERMISSION;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE ||
		        rc == SQLITE_CONSTRAINT_PRIMARYKEY ?
		    ERR_EXISTS :
		    ERR_CORRUPT;
	default:
		return ERR_IO;
	}
}

static enum err
fail(int rc, const char *doing, struct err_info *e)
{
	return err_setf(e, code_of(rc), "%s: %s", doing, sqlite3_errstr(rc));
}

enum err
sql_error(struct sql *s, const char *doing, struct err_info *e)
{
	return fail(s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM,
	    doing, e);
}

enum err
sql_code(int rc, const char *doing, struct err_info *e)
{
	return fail(rc, doing, e);
}

static enum err
open_as(struct sql *s, const char *path, int how, unsigned busy_ms,
    struct err_info *e)
{
	/* Without SQLite's own lock: whoever holds the connection has one. */
	const int flags = how | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc = fault_tick() ? SQLITE_IOERR :
	                        sqlite3_open_v2(path, &s->db, flags, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(s->db, (int)busy_ms);
	if (rc == SQLITE_OK)
		rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1,
		    (int *)NULL);
	if (rc == SQLITE_OK && how == SQLITE_OPEN_READONLY)
		rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
		    1, (int *)NULL);
	if (rc == SQLITE_OK)
		return ERR_OK;
	sql_close(s);
	return fail(rc, path, e);
}

enum err
sql_open(struct sql *s, const char *path, unsigned busy_ms, struct err_info *e)
{
	return open_as(s, path, SQLITE_OPEN_READWRITE, busy_ms, e);
}

enum err
sql_open_read(struct sql *s, const char *path, unsigned busy_ms,
    struct err_info *e)
{
	return open_as(s, path, SQLITE_OPEN_READONLY, busy_ms, e);
}

void
sql_close(struct sql *s)
{
	/* Statements are closed before; then this cannot fail. */
	(void)sqlite3_close(s->db);
	s->db = NULL;
}

enum err
sql_exec(struct sql *s, const char *text, struct err_info *e)
{
	int rc = fault_tick() ? SQLITE_IOERR :
	                        sqlite3_exec(s->db, text, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : fail(rc, "hub.db", e);
}

enum err
sql_begin(struct sql *s, struct err_info *e)
{
	return sql_exec(s, "BEGIN IMMEDIATE", e);
}

enum err
sql_end(struct sql *s, enum err rc, struct err_info *e)
{
	if (rc == ERR_OK)
		rc = sql_exec(s, "COMMIT", e);
	/* Some failures end the transaction by themselves; this one cannot
	 * leave it open. */
	if (rc != ERR_OK && !sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int64_t
sql_changes(struct sql *s)
{
	return sqlite3_changes64(s->db);
}

void
query_open(struct query *q, struct sql *s, const char *text)
{
	*q = (struct query){ .s = s };
	q->rc = fault_tick() ?
	    SQLITE_NOMEM :
	    sqlite3_prepare_v2(s->db, text, -1, &q->st, NULL);
}

void
query_text(struct query *q, struct str v)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_text64(q->st, ++q->bound, v.n ? v.p : "",
		    v.n, SQLITE_STATIC, SQLITE_UTF8);
}

void
query_text_null(struct query *q, struct str v)
{
	if (v.n > 0)
		query_text(q, v);
	else
		query_blob_null(q);
}

void
query_blob(struct query *q, const void *p, size_t n)
{
	if (q->rc == SQLITE_OK)
		q->rc =
		    sqlite3_bind_blob64(q->st, ++q->bound, p, n, SQLITE_STATIC);
}

void
query_blob_null(struct query *q)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_null(q->st, ++q->bound);
}

void
query_int(struct query *q, int64_t v)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->st, ++q->bound, v);
}

enum err
query_row(struct query *q, bool *found, struct err_info *e)
{
	*found = false;
	if (q->rc == SQLITE_OK)
		q->rc = fault_tick() ? SQLITE_IOERR : sqlite3_step(q->st);
	if (q->rc == SQLITE_ROW) {
		q->rc = SQLITE_OK;
		*found = true;
	}
	if (q->rc == SQLITE_OK || q->rc == SQLITE_DONE)
		return ERR_OK;
	return fail(q->rc, "hub.db", e);
}

enum err
query_run(struct query *q, struct err_info *e)
{
	bool found = true;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && found)
		rc = query_row(q, &found, e);
	query_close(q);
	return rc;
}

int64_t
query_get_int(struct query *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

struct str
query_get(struct query *q, int column)
{
	const void *p = sqlite3_column_blob(q->st, column);

	return str_n(p, p ? (size_t)sqlite3_column_bytes(q->st, column) : 0);
}

enum err
query_copy(struct query *q, int column, struct arena *ar, struct str *ret,
    struct err_info *e)
{
	*ret = arena_str(ar, query_get(q, column));
	return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

void
query_close(struct query *q)
{
	/* Says again what the last step said. */
	(void)sqlite3_finalize(q->st);
	q->st = NULL;
}

static enum err
pragma_get(struct sql *s, const char *text, int64_t *ret, struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	query_open(&q, s, text);
	rc = query_row(&q, &found, e);
	*ret = found ? query_get_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

static enum err
pragma_set(struct sql *s, const char *name, int64_t v, struct err_info *e)
{
	char text[64];
	int n =
	    snprintf(text, sizeof text, "PRAGMA %s = %lld", name, (long long)v);

	if (n < 0 || (size_t)n >= sizeof text)
		return err_setf(e, ERR_FAILED, "PRAGMA %s", name);
	return sql_exec(s, text, e);
}

/* A new database has no mark yet and no table; any other without our mark is
 * somebody else's. */
static enum err
belongs(struct sql *s, int32_t application_id, struct err_info *e)
{
	int64_t mark, tables;
	enum err rc = pragma_get(s, "PRAGMA application_id", &mark, e);

	if (rc == ERR_OK)
		rc = pragma_get(s, "SELECT count(*) FROM sqlite_schema",
		    &tables, e);
	if (rc == ERR_OK && mark != application_id &&
	    (mark != 0 || tables != 0))
		rc = err_setf(e, ERR_CORRUPT,
		    "the database belongs to another program");
	return rc;
}

static enum err
version_get(struct sql *s, unsigned n, unsigned *ret, struct err_info *e)
{
	int64_t v;
	enum err rc = pragma_get(s, "PRAGMA user_version", &v, e);

	if (rc == ERR_OK && (v < 0 || v > n))
		rc = err_setf(e, ERR_NEWER,
		    "its schema has version %lld, this program knows up to %u",
		    (long long)v, n);
	*ret = rc == ERR_OK ? (unsigned)v : 0;
	return rc;
}

enum err
sql_migrate(struct sql *s, const char *const *script, unsigned n,
    int32_t application_id, struct err_info *e)
{
	unsigned version;
	enum err rc = belongs(s, application_id, e);

	if (rc == ERR_OK)
		rc = version_get(s, n, &version, e);
	if (rc != ERR_OK || version == n)
		return rc;
	rc = sql_begin(s, e);
	if (rc != ERR_OK)
		return rc;
	/* Another process may have been faster. */
	rc = version_get(s, n, &version, e);
	for (unsigned i = version; i < n && rc == ERR_OK; i++)
		rc = sql_exec(s, script[i], e);
	if (rc == ERR_OK)
		rc = pragma_set(s, "application_id", application_id, e);
	if (rc == ERR_OK)
		rc = pragma_set(s, "user_version", n, e);
	return sql_end(s, rc, e);
}
