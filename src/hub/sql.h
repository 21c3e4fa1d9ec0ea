/* SQLite with our errors: a connection, transactions, statements, migrations.
 *
 * A statement remembers its first failure and ignores what follows, so that
 * preparing, binding and stepping read as one sentence with one check:
 *
 *	struct query q = { 0 };
 *	query_open(&q, s, "SELECT name FROM user WHERE id = ?1");
 *	query_text(&q, id);
 *	rc = query_row(&q, &found, e);
 *	...
 *	query_close(&q);
 *
 * Fails: ERR_LOCKED, ERR_NO_SPACE, ERR_CORRUPT, ERR_PERMISSION, ERR_EXISTS (a
 * UNIQUE constraint), ERR_NOMEM, ERR_IO.  One thread at a time. */
#ifndef CLOWDER_SQL_H
#define CLOWDER_SQL_H

#include <sqlite3.h>

#include "arena.h"
#include "err.h"
#include "str.h"

struct sql {
	sqlite3 *db; /* own */
};

/* An existing file.  busy_ms: how long to wait for other processes. */
enum err sql_open(struct sql *s, const char *path, unsigned busy_ms,
    struct err_info *e);
/* The same, only to read; moves no write-ahead log when it is closed. */
enum err sql_open_read(struct sql *s, const char *path, unsigned busy_ms,
    struct err_info *e);
void sql_close(struct sql *s); /* safe on a zeroed one */
/* What the last call on s said, as an error of ours; `doing` names it. */
enum err sql_error(struct sql *s, const char *doing, struct err_info *e);
/* An error of SQLite's as one of ours. */
enum err sql_code(int rc, const char *doing, struct err_info *e);
/* Statements without parameters and results. */
enum err sql_exec(struct sql *s, const char *text, struct err_info *e);
/* A transaction that may write (BEGIN IMMEDIATE: it never has to be given up
 * half-way for the sake of another writer). */
enum err sql_begin(struct sql *s, struct err_info *e);
/* Ends the transaction either way: commits where rc is ERR_OK, and rolls back
 * where that fails or rc says so.  Returns what became of it. */
enum err sql_end(struct sql *s, enum err rc, struct err_info *e);
/* Rows that the last statement changed. */
int64_t sql_changes(struct sql *s);
/* Bring the schema to version n: script[i] leads from version i to i + 1, all in
 * one transaction.  application_id marks a database as ours.  ERR_NEWER: beyond
 * n, nothing was written.  ERR_CORRUPT: another program's database. */
enum err sql_migrate(struct sql *s, const char *const *script, unsigned n,
    int32_t application_id, struct err_info *e);

struct query {
	struct sql *s;    /* borrow */
	sqlite3_stmt *st; /* own */
	int bound;
	int rc; /* SQLite's; the first failure stays */
};

void query_open(struct query *q, struct sql *s, const char *text);
/* Bind the next parameter; borrowed until query_close. */
void query_text(struct query *q, struct str v);
void query_text_null(struct query *q, struct str v); /* n 0 = NULL */
void query_blob(struct query *q, const void *p, size_t n);
void query_blob_null(struct query *q); /* NULL */
void query_int(struct query *q, int64_t v);
/* The next row; *found false at the end. */
enum err query_row(struct query *q, bool *found, struct err_info *e);
/* Run to the end; for statements without rows. */
enum err query_run(struct query *q, struct err_info *e);
/* Columns of the row.  Views are valid until the next step or close; NULL reads
 * as empty. */
int64_t query_get_int(struct query *q, int column);
struct str query_get(struct query *q, int column);
/* A copy in ar; ERR_NOMEM. */
enum err query_copy(struct query *q, int column, struct arena *ar,
    struct str *ret, struct err_info *e);
void query_close(struct query *q); /* safe on a zeroed one */

#endif
