/* What the tests of accounts share: a hub.db in a fresh folder, cheap passwords,
 * chance from a seed, a clock that only tests move. */
#ifndef CLOWDER_TEST_ACCOUNTS_LIB_H
#define CLOWDER_TEST_ACCOUNTS_LIB_H

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

#endif
