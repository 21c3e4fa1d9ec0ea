/* Migrations: from an empty database and from every older version, one step or
 * many; a step that fails leaves the version before it; what is newer or
 * another program's is only looked at. */
#include <stdio.h>
#include <stdlib.h>

#include "schema.h"
#include "sqlite_int.h"
#include "t.h"

static const char *const script[] = {
	"CREATE TABLE a (x); INSERT INTO a VALUES (1)",
	"ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1",
	"CREATE TABLE b AS SELECT x + y AS z FROM a",
};
enum { N = sizeof script / sizeof script[0] };

static struct store_sqlite *
fresh(void)
{
	struct store_sqlite *s = calloc(1, sizeof *s);

	if (s == NULL || sqlite3_open(":memory:", &s->db) != SQLITE_OK)
		exit(1);
	s->path = strdup("test");
	return s;
}

static void
done(struct store_sqlite *s)
{
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

static int
answer(struct store_sqlite *s, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int n = -1;

	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void
from_every_version(void)
{
	for (unsigned from = 0; from <= N; from++) {
		struct store_sqlite *s = fresh();
		struct err_info e = { 0 };
		unsigned version = 99;

		t_note("from %u", from);
		CHECK_OK(migrate_run(s, script, 0, from, &e), &e);
		CHECK_OK(migrate_look(s, N, &version, &e), &e);
		CHECK_U(version, from);
		CHECK_OK(migrate_run(s, script, version, N, &e), &e);
		CHECK_OK(migrate_look(s, N, &version, &e), &e);
		CHECK_U(version, N);
		CHECK_I(answer(s, "SELECT z FROM b"), 3);
		CHECK_I(answer(s, "PRAGMA application_id"),
		    SQLITE_APPLICATION_ID);
		done(s);
	}
}

static void
a_step_that_fails(void)
{
	static const char *const bad[] = { "CREATE TABLE a (x)",
		"INSERT INTO a VALUES (5); INSERT INTO nowhere VALUES (1)" };
	struct store_sqlite *s = fresh();
	struct err_info e = { 0 };
	unsigned version = 99;

	CHECK(migrate_run(s, bad, 0, 2, &e) != ERR_OK);
	CHECK_OK(migrate_look(s, 2, &version, &e), &e);
	CHECK_U(version, 1);
	CHECK_I(answer(s, "SELECT count(*) FROM a"), 0);
	/* And goes on when it is right. */
	CHECK_OK(migrate_run(s, script, 1, 1, &e), &e);
	done(s);
}

static void
newer_and_foreign(void)
{
	struct store_sqlite *s = fresh();
	struct err_info e = { 0 };
	unsigned version;

	CHECK_OK(migrate_run(s, script, 0, N, &e), &e);
	CHECK_ERR(migrate_look(s, N - 1, &version, &e), ERR_NEWER);
	CHECK(sqlite3_exec(s->db, "PRAGMA application_id = 7", NULL, NULL,
	          NULL) == SQLITE_OK);
	CHECK_ERR(migrate_look(s, N, &version, &e), ERR_CORRUPT);
	done(s);
	s = fresh();
	CHECK(sqlite3_exec(s->db, "CREATE TABLE t (x)", NULL, NULL, NULL) ==
	    SQLITE_OK);
	CHECK_ERR(migrate_look(s, N, &version, &e), ERR_CORRUPT);
	done(s);
}

/* The real ones make what the statements need. */
static void
the_real_ones(void)
{
	struct store_sqlite *s = fresh();
	struct err_info e = { 0 };
	unsigned version;

	CHECK_OK(migrate_run(s, store_schema, 0, migrate_newest(), &e), &e);
	CHECK_OK(migrate_look(s, migrate_newest(), &version, &e), &e);
	CHECK_U(version, migrate_newest());
	CHECK_U(version, store_schema_count);
	for (int i = 0; i < SQL_COUNT; i++) {
		struct use u = use_of(&s->base, (enum sqlite_text)i);

		t_note("statement %d: %s", i, sqlite3_errmsg(s->db));
		CHECK_I(u.rc, SQLITE_OK);
	}
	statements_free(s);
	done(s);
}

int
main(void)
{
	T_RUN(from_every_version);
	T_RUN(a_step_that_fails);
	T_RUN(newer_and_foreign);
	T_RUN(the_real_ones);
	return t_done();
}
