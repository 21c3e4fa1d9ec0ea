/* Whether a database is made as its migrations make it: they are run on an empty
 * one beside it, and what both hold is walked side by side.
 *
 * A trigger that somebody added would run with our next write; an index that is
 * gone would only be slow, a table made otherwise would take in anything. */
#include "schema.h"

#include <sqlite3.h>
#include <stdio.h>

#include "fault.h"
#include "str.h"

static const char all[] =
    "SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1, 2";

struct check {
	sqlite3_stmt *theirs, *ours; /* own */
	const char *extra;
	void (*finding)(void *ctx, const char *text);
	void *ctx;
};

static enum err
failed(sqlite3 *db, int rc, struct err_info *e)
{
	enum err code = rc == SQLITE_NOMEM              ? ERR_NOMEM :
	    rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB ? ERR_CORRUPT :
	    rc == SQLITE_BUSY                           ? ERR_LOCKED :
	                                                  ERR_IO;

	return err_setf(e, code, "schema: %s",
	    db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static struct str
column(sqlite3_stmt *st, int i)
{
	const char *p = (const char *)sqlite3_column_text(st, i);

	return str_n(p ? p : "", (size_t)sqlite3_column_bytes(st, i));
}

static void
find(const struct check *c, sqlite3_stmt *st, const char *what)
{
	struct str type = column(st, 0), name = column(st, 1);
	char text[256];

	if (snprintf(text, sizeof text, "schema: %.*s %.*s %s",
	        (int)(type.n < 20 ? type.n : 20), type.p,
	        (int)(name.n < 100 ? name.n : 100), name.p, what) > 0)
		c->finding(c->ctx, text);
}

static bool
is_extra(const struct check *c)
{
	return c->extra != NULL && str_is(column(c->theirs, 0), "table") &&
	    str_is(column(c->theirs, 1), c->extra);
}

/* Which of the two rows comes first; a side at its end comes last. */
static int
row_cmp(const struct check *c, int theirs, int ours)
{
	int d;

	if (theirs != SQLITE_ROW || ours != SQLITE_ROW)
		return theirs == SQLITE_ROW ? -1 : 1;
	d = str_cmp(column(c->theirs, 0), column(c->ours, 0));
	return d ? d : str_cmp(column(c->theirs, 1), column(c->ours, 1));
}

/* To the end of both; SQLITE_DONE. */
static int
walk(const struct check *c)
{
	int theirs = sqlite3_step(c->theirs), ours = sqlite3_step(c->ours);

	while ((theirs == SQLITE_ROW || ours == SQLITE_ROW) &&
	    (theirs == SQLITE_ROW || theirs == SQLITE_DONE) &&
	    (ours == SQLITE_ROW || ours == SQLITE_DONE)) {
		int d = row_cmp(c, theirs, ours);

		if (d < 0 && !is_extra(c))
			find(c, c->theirs, "is none of ours");
		else if (d > 0)
			find(c, c->ours, "is missing");
		else if (d == 0 &&
		    !str_eq(column(c->theirs, 2), column(c->ours, 2)))
			find(c, c->theirs, "is made otherwise");
		if (d <= 0)
			theirs = sqlite3_step(c->theirs);
		if (d >= 0)
			ours = sqlite3_step(c->ours);
	}
	return theirs != SQLITE_DONE ? theirs : ours;
}

enum err
schema_check(sqlite3 *db, const char *const *script, unsigned n,
    const char *extra, void (*finding)(void *ctx, const char *text), void *ctx,
    struct err_info *e)
{
	struct check c = { NULL, NULL, extra, finding, ctx };
	sqlite3 *model = NULL, *at = NULL;
	int rc = fault_tick() ? SQLITE_NOMEM : sqlite3_open(":memory:", &model);

	for (unsigned i = 0; rc == SQLITE_OK && i < n; i++)
		rc = sqlite3_exec(model, script[i], NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(model, all, -1, &c.ours, NULL);
	if (rc == SQLITE_OK) {
		at = db;
		rc = sqlite3_prepare_v2(db, all, -1, &c.theirs, NULL);
	}
	if (rc == SQLITE_OK)
		rc = walk(&c);
	if (rc != SQLITE_OK && rc != SQLITE_DONE)
		(void)failed(at, rc, e);
	(void)sqlite3_finalize(c.theirs);
	(void)sqlite3_finalize(c.ours);
	(void)sqlite3_close(model);
	return rc == SQLITE_OK || rc == SQLITE_DONE ? ERR_OK : e->code;
}
