/* What the tests of accounts share: a hub.db in a fresh folder, cheap passwords,
 * chance from a seed, a clock that only tests move. */
#ifndef CLOWDER_TEST_ACCOUNTS_LIB_H
#define CLOWDER_TEST_ACCOUNTS_LIB_H

#include <sqlite3.h>
#include <stdio.h>

#include "accounts.h"
#include "family.h"
#include "t.h"

static const int64_t T0 = INT64_C(1800000000000);
static struct t_rng lib_rng;

static void
lib_random(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)t_rand(ctx);
}

static inline struct accounts_options
lib_options(void)
{
	return (struct accounts_options){
		.random = lib_random,
		.ctx = &lib_rng,
		.cost = &password_cost_test,
		.busy_ms = 200,
	};
}

/* A path that nobody used yet. */
static inline const char *
lib_path(void)
{
	static char path[512];
	static unsigned n;

	if (lib_rng.state == 0)
		lib_rng.state = t_seed();
	if (snprintf(path, sizeof path, "%s/hub-%u.db", t_tmp(), n++) < 0)
		path[0] = '\0';
	return path;
}

static inline struct accounts *
lib_open(const char *path)
{
	struct accounts_options opt = lib_options();
	struct accounts *a = NULL;
	struct err_info e = { 0 };

	CHECK_OK(accounts_open(&a, path, &opt, T0, &e), &e);
	return a;
}

static inline void
lib_user(struct accounts *a, const char *name, const char *email,
    const char *team)
{
	struct str slug = str_of(team);
	struct account_new u = {
		.name = str_of(name),
		.email = str_of(email),
		.password = STR("correct horse"),
		.team = &slug,
		.n_teams = team != NULL,
	};
	struct err_info e = { 0 };

	CHECK_OK(accounts_user_add(a, &u, T0, &e), &e);
}

static inline void
lib_team(struct accounts *a, const char *slug)
{
	struct err_info e = { 0 };

	CHECK_OK(accounts_team_add(a, str_of(slug), (struct str){ 0 }, T0, &e),
	    &e);
}

/* Every row of the database as one number: did anything change? */
static inline uint64_t
lib_fingerprint(const char *path)
{
	static const char *const table[] = { "hub", "jwt_key", "team", "user",
		"member", "family", "token" };
	sqlite3 *db = NULL;
	uint64_t h = 1469598103934665603u;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		sqlite3_stmt *st = NULL;
		char sql[64];

		CHECK(snprintf(sql, sizeof sql,
		          "SELECT * FROM %s ORDER BY 1, 2", table[i]) > 0);
		CHECK(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
		while (sqlite3_step(st) == SQLITE_ROW)
			for (int c = 0; c < sqlite3_column_count(st); c++) {
				const uint8_t *p = sqlite3_column_blob(st, c);
				int n = sqlite3_column_bytes(st, c);

				h = (h ^ (uint64_t)n) * 1099511628211u;
				for (int k = 0; k < n; k++)
					h = (h ^ p[k]) * 1099511628211u;
			}
		CHECK(sqlite3_finalize(st) == SQLITE_OK);
	}
	CHECK(sqlite3_close(db) == SQLITE_OK);
	return h;
}

#endif
