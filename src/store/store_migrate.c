/* Numbered migrations: script i leads from version i to i + 1.
 *
 * Fails: a newer or a foreign database is only looked at; a step that fails
 * leaves the version before it. */
#include <stdio.h>

#include "fault.h"
#include "schema.h"
#include "sqlite_int.h"

static enum err
pragma_get(struct store_sqlite *s, const char *sql, int64_t *ret,
    struct err_info *e)
{
	sqlite3_stmt *st = NULL;
	int rc = fault_tick() ? SQLITE_IOERR :
	                        sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st); /* repeats the failure of the step */
	return rc == SQLITE_OK ? ERR_OK : sqlite_fail(s, rc, "open", e);
}

unsigned
migrate_newest(void)
{
	return store_schema_count;
}

/* All of it in one view: another process may be making the store just now. */
static enum err
marks_read(struct store_sqlite *s, int64_t *app, int64_t *user, int64_t *tables,
    struct err_info *e)
{
	enum err rc = sqlite_text_run(s, "BEGIN", e);

	if (rc != ERR_OK)
		return rc;
	rc = pragma_get(s, "PRAGMA user_version", user, e);
	if (rc == ERR_OK)
		rc = pragma_get(s, "PRAGMA application_id", app, e);
	if (rc == ERR_OK && *user == 0)
		rc = pragma_get(s, "SELECT count(*) FROM sqlite_schema", tables,
		    e);
	/* Nothing was written; and nothing may be left open. */
	(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

enum err
migrate_look(struct store_sqlite *s, unsigned newest, unsigned *version,
    struct err_info *e)
{
	int64_t app = 0, user = 0, tables = 0;
	enum err rc = marks_read(s, &app, &user, &tables, e);

	if (rc != ERR_OK)
		return rc;
	*version =
	    user >= 0 && user <= UINT32_MAX ? (unsigned)user : UINT32_MAX;
	if (user == 0 && tables == 0)
		return ERR_OK;
	if (app != SQLITE_APPLICATION_ID || user <= 0)
		return err_setf(e, ERR_CORRUPT, "%s is not a store of Clowder",
		    s->path);
	if (user > (int64_t)newest)
		return err_setf(e, ERR_NEWER,
		    "%s was made by a newer version of Clowder (schema %lld, "
		    "known up to %u)",
		    s->path, (long long)user, newest);
	return ERR_OK;
}

static enum err
migrate_step(struct store_sqlite *s, const char *script, unsigned to,
    struct err_info *e)
{
	char marks[96];
	int n = snprintf(marks, sizeof marks,
	    "PRAGMA application_id = %d; PRAGMA user_version = %u",
	    SQLITE_APPLICATION_ID, to);
	enum err rc = n > 0 ? ERR_OK : err_set(e, ERR_FAILED);

	if (rc == ERR_OK)
		rc = sqlite_text_run(s, "BEGIN IMMEDIATE", e);
	if (rc != ERR_OK)
		return rc;
	rc = sqlite_text_run(s, script, e);
	if (rc == ERR_OK)
		rc = sqlite_text_run(s, marks, e);
	if (rc == ERR_OK)
		rc = sqlite_text_run(s, "COMMIT", e);
	/* Where it does not roll back, closing does. */
	if (rc != ERR_OK && !sqlite3_get_autocommit(s->db))
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

enum err
migrate_run(struct store_sqlite *s, const char *const *script, unsigned from,
    unsigned to, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (unsigned v = from; rc == ERR_OK && v < to; v++)
		rc = migrate_step(s, script[v], v + 1, e);
	return rc;
}
