/* Every allocation, statement and commit of the accounts fails once: the call
 * says so, nothing has changed, nothing has leaked, and the same call works
 * afterwards. */
#include <stdlib.h>

#include "accounts_lib.h"
#include "fault.h"

static struct arena arena;
static struct accounts *hub;
static struct account_grant grant;
static const char *path;

static enum err
do_open(struct err_info *e)
{
	struct accounts_options opt = lib_options();
	struct accounts *a = NULL;
	enum err rc = accounts_open(&a, path, &opt, T0, e);

	accounts_close(a);
	return rc;
}

static enum err
do_team(struct err_info *e)
{
	return accounts_team_add(hub, STR("green"), STR("Greens"), T0, e);
}

static enum err
do_user(struct err_info *e)
{
	struct str team[] = { STR("red"), STR("blue") };
	const struct account_new u = {
		.name = STR("Bob"),
		.email = STR("bob@example.org"),
		.password = STR("correct horse"),
		.team = team,
		.n_teams = 2,
	};

	return accounts_user_add(hub, &u, T0, e);
}

static enum err
do_passwd(struct err_info *e)
{
	return accounts_passwd(hub, STR("ann"), STR("another horse"), e);
}

static enum err
do_disable(struct err_info *e)
{
	return accounts_disable(hub, STR("ann"), e);
}

static enum err
do_enable(struct err_info *e)
{
	return accounts_enable(hub, STR("ann"), e);
}

/* Where it was done in spite of a fault it is done. */
static enum err
do_join(struct err_info *e)
{
	enum err rc = accounts_team_join(hub, STR("blue"), STR("ann"), e);

	return rc == ERR_EXISTS ? ERR_OK : rc;
}

/* Her default team: it falls back to her own. */
static enum err
do_leave(struct err_info *e)
{
	enum err rc = accounts_team_leave(hub, STR("red"), STR("ann"), e);

	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err
do_rotate(struct err_info *e)
{
	return accounts_key_rotate(hub, T0, e);
}

static enum err
do_teams(struct err_info *e)
{
	struct arena ar = { 0 };
	struct account_team *t;
	size_t n;
	enum err rc = accounts_team_list(hub, &ar, &t, &n, e);

	arena_fini(&ar);
	return rc;
}

static enum err
do_users(struct err_info *e)
{
	struct arena ar = { 0 };
	struct account_user *u;
	size_t n;
	enum err rc = accounts_user_list(hub, T0, &ar, &u, &n, e);

	arena_fini(&ar);
	return rc;
}

static enum err
do_login(struct err_info *e)
{
	struct arena ar = { 0 };
	struct account_grant g;
	enum err rc = accounts_login(hub, STR("Ann"), STR("correct horse"),
	    STR("::1"), T0, &ar, &g, e);

	arena_fini(&ar);
	return rc;
}

static enum err
do_refresh(struct err_info *e)
{
	struct arena ar = { 0 };
	struct account_grant g;
	enum err rc = accounts_refresh(hub, grant.refresh, T0, &ar, &g, e);

	arena_fini(&ar);
	return rc;
}

static enum err
do_revoke(struct err_info *e)
{
	return accounts_revoke(hub, grant.session_id, e);
}

static enum err
do_check(struct err_info *e)
{
	static int64_t now;
	struct arena ar = { 0 };
	struct account_who w;
	enum err rc;

	/* Later each time, so that it looks at the database again; before the
	 * first look there is no earlier one to go by. */
	now += ACCOUNTS_STALE_MS;
	rc = accounts_check(hub, grant.access, T0 + now, &ar, &w, e);
	arena_fini(&ar);
	return rc;
}

static const struct operation {
	const char *name;
	enum err (*run)(struct err_info *e);
	bool writes;
	/* Some faults are no error: a look at the database that fails is made
	 * up for by the next one, also the look after a commit. */
	bool lenient;
} operations[] = {
	{ "open", do_open, false, false },
	{ "team add", do_team, true, false },
	{ "user add", do_user, true, false },
	{ "passwd", do_passwd, true, true },
	{ "disable", do_disable, true, true },
	{ "enable", do_enable, true, true },
	{ "team join", do_join, true, true },
	{ "team leave", do_leave, true, true },
	{ "key rotate", do_rotate, true, false },
	{ "team list", do_teams, false, false },
	{ "user list", do_users, false, false },
	{ "login", do_login, true, false },
	{ "refresh", do_refresh, true, true },
	{ "revoke", do_revoke, true, true },
	{ "check", do_check, false, true },
};

static void
setup(void)
{
	struct err_info e = { 0 };

	arena_reset(&arena);
	path = lib_path();
	hub = lib_open(path);
	lib_team(hub, "red");
	lib_team(hub, "blue");
	lib_user(hub, "Ann", "ann@example.org", "red");
	CHECK_OK(accounts_login(hub, STR("ann"), STR("correct horse"),
	             STR("::1"), T0, &arena, &grant, &e),
	    &e);
}

static void
walk(const struct operation *op)
{
	bool hit, done = false;
	int n = 0;

	setup();
	do {
		struct err_info e = { 0 };
		uint64_t before = lib_fingerprint(path);
		enum err rc;

		t_note("%s, fault %d", op->name, n);
		fault_arm(n++);
		rc = op->run(&e);
		hit = fault_hit();
		fault_arm(-1);
		if (!hit || !op->lenient)
			CHECK((rc == ERR_OK) == !hit);
		if (rc != ERR_OK) {
			CHECK(e.code == rc && e.text[0] != '\0');
			CHECK_U(lib_fingerprint(path), before);
		} else if (op->writes && !done) {
			CHECK(lib_fingerprint(path) != before);
			done = true;
		}
	} while (hit && n < 1000 && !t_failing());
	CHECK(n > 3 && n < 1000);
	accounts_close(hub);
}

static void
walks_every_fault(void)
{
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		walk(&operations[i]);
}

/* The first opening makes tables, the hub's id and its key: cut short at any
 * point, the next one finishes it. */
static void
finishes_a_first_opening(void)
{
	bool hit;
	int n = 0;

	do {
		struct accounts_options opt = lib_options();
		struct accounts *a = NULL;
		struct err_info e = { 0 };
		enum err rc;

		path = lib_path();
		t_note("fault %d", n);
		fault_arm(n++);
		rc = accounts_open(&a, path, &opt, T0, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		accounts_close(a);
		a = lib_open(path);
		lib_user(a, "ann", NULL, NULL);
		accounts_close(a);
	} while (hit && n < 1000 && !t_failing());
	CHECK(n > 10 && n < 1000);
}

int
main(void)
{
	T_RUN(walks_every_fault);
	T_RUN(finishes_a_first_opening);
	arena_fini(&arena);
	return t_done();
}
