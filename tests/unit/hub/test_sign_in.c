/* Signing in, refreshing, being known, being shut out. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "accounts_lib.h"
#include "json.h"

enum { S = 1000, HOUR = 3600 * 1000 };
static const int64_t DAY = INT64_C(24) * 3600 * 1000;

static struct arena arena;

static struct accounts *
hub_of_ann(const char *path)
{
	struct accounts *a;

	arena_reset(&arena);
	a = lib_open(path);
	lib_team(a, "red");
	lib_team(a, "blue");
	lib_user(a, "Ann", "ann@example.org", "red");
	return a;
}

static enum err
login_as(struct accounts *a, const char *login, const char *password,
    const char *address, int64_t now_ms, struct account_grant *g)
{
	struct err_info e = { 0 };

	return accounts_login(a, str_of(login), str_of(password),
	    str_of(address), now_ms, &arena, g, &e);
}

static struct account_grant
login(struct accounts *a, int64_t now_ms)
{
	struct account_grant g;

	CHECK_ERR(login_as(a, "ann", "correct horse", "::1", now_ms, &g),
	    ERR_OK);
	return g;
}

static enum err
refresh(struct accounts *a, struct str token, int64_t now_ms,
    struct account_grant *g)
{
	struct err_info e = { 0 };

	return accounts_refresh(a, token, now_ms, &arena, g, &e);
}

static enum err
check(struct accounts *a, struct str access, int64_t now_ms,
    struct account_who *w)
{
	struct err_info e = { 0 };

	return accounts_check(a, access, now_ms, &arena, w, &e);
}

static void
knows_who_signed_in(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g = login(a, T0);
	struct account_who w;

	CHECK_STR(g.team_slug, "red");
	CHECK_U(g.access_s, 3600);
	CHECK_U(g.refresh_s, 604800);
	CHECK_U(g.generation, 0);
	CHECK_I(g.access_expires_ms, T0 + HOUR);
	CHECK_I(g.refresh_expires_ms, T0 + 7 * DAY);
	CHECK(str_starts(g.refresh, STR("crt_")));
	for (int i = 0; i < 2; i++) { /* from the database, from memory */
		CHECK_ERR(check(a, g.access, T0 + S, &w), ERR_OK);
		CHECK_STR(w.name, "Ann");
		CHECK_STR(w.email, "ann@example.org");
		CHECK_STR(w.auth_flow, "password");
		CHECK_EQ(w.session_id, g.session_id);
		CHECK_U(w.n_teams, 2);
		CHECK_STR(w.team[0].slug, "ann");
		CHECK_STR(w.team[0].role, "owner");
		CHECK_STR(w.team[1].slug, "red");
		CHECK_STR(w.team[1].role, "member");
		CHECK_STR(w.team[w.default_team].slug, "red");
		CHECK_I(w.authenticated_ms, T0);
		CHECK_I(w.access_expires_ms, T0 + HOUR);
		CHECK_I(w.refresh_expires_ms, T0 + 7 * DAY);
	}
	CHECK_ERR(check(a, g.access, T0 + HOUR - 1, &w), ERR_OK);
	CHECK_ERR(check(a, g.access, T0 + HOUR, &w), ERR_UNAUTHORIZED);
	CHECK_ERR(check(a, STR("abc"), T0, &w), ERR_UNAUTHORIZED);
	CHECK_ERR(check(a, (struct str){ 0 }, T0, &w), ERR_UNAUTHORIZED);
	CHECK_ERR(check(a, g.refresh, T0, &w), ERR_UNAUTHORIZED);
	accounts_close(a);
}

static void
takes_names_and_addresses(void)
{
	static const struct {
		const char *login, *password;
		enum err rc;
	} row[] = {
		{ "ann", "correct horse", ERR_OK },
		{ "ANN", "correct horse", ERR_OK },
		{ "ann@example.org", "correct horse", ERR_OK },
		{ "Ann@EXAMPLE.org", "correct horse", ERR_OK },
		{ "ann", "wrong horse", ERR_CREDENTIALS },
		{ "ann", "", ERR_CREDENTIALS },
		{ "ann", "Correct horse", ERR_CREDENTIALS },
		{ "bob", "correct horse", ERR_CREDENTIALS },
		{ "", "correct horse", ERR_CREDENTIALS },
		{ "ann@example.com", "correct horse", ERR_CREDENTIALS },
		{ "\xff\xfe", "correct horse", ERR_CREDENTIALS },
		{ "ann' OR '1'='1", "correct horse", ERR_CREDENTIALS },
	};
	struct accounts *a = hub_of_ann(lib_path());
	static char long_text[5000];

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct account_grant g;

		t_note("%s, %s", row[i].login, row[i].password);
		CHECK_ERR(login_as(a, row[i].login, row[i].password, "10.0.0.1",
		              T0 + (int64_t)i * DAY, &g),
		    row[i].rc);
	}
	memset(long_text, 'a', sizeof long_text - 1);
	{
		struct account_grant g;

		t_note("long");
		CHECK_ERR(login_as(a, long_text, "x", "10.0.0.2", T0 + 99 * DAY,
		              &g),
		    ERR_CREDENTIALS);
		CHECK_ERR(login_as(a, "ann", long_text, "10.0.0.2",
		              T0 + 99 * DAY, &g),
		    ERR_CREDENTIALS);
	}
	accounts_close(a);
}

/* The same words for a name that nobody has, a wrong password, and a user who
 * was disabled. */
static void
does_not_say_who_exists(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g;
	struct err_info e[3] = { 0 };

	lib_user(a, "bob", NULL, NULL);
	CHECK_OK(accounts_disable(a, STR("bob"), &e[0]), &e[0]);
	CHECK_ERR(accounts_login(a, STR("nobody"), STR("correct horse"),
	              STR("::1"), T0, &arena, &g, &e[0]),
	    ERR_CREDENTIALS);
	CHECK_ERR(accounts_login(a, STR("ann"), STR("wrong horse"), STR("::1"),
	              T0, &arena, &g, &e[1]),
	    ERR_CREDENTIALS);
	CHECK_ERR(accounts_login(a, STR("bob"), STR("correct horse"),
	              STR("::1"), T0, &arena, &g, &e[2]),
	    ERR_CREDENTIALS);
	CHECK_STR(str_of(e[0].text), e[1].text);
	CHECK_STR(str_of(e[0].text), e[2].text);
	accounts_close(a);
}

static void
throttles_an_account_and_an_address(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g;
	char address[32], name[16];
	int i;

	/* One account from everywhere. */
	for (i = 0; i < 100; i++) {
		CHECK(snprintf(address, sizeof address, "10.1.0.%d", i) > 0);
		if (login_as(a, i % 2 ? "ann" : "ANN", "guess guess", address,
		        T0, &g) != ERR_CREDENTIALS)
			break;
	}
	CHECK_I(i, 6);
	CHECK(g.retry_after_s >= 1);
	CHECK_ERR(login_as(a, "ann", "correct horse", "10.2.0.1", T0, &g),
	    ERR_THROTTLED);
	CHECK_ERR(login_as(a, "ann", "correct horse", "10.2.0.1", T0 + S, &g),
	    ERR_OK);
	/* A success wipes the account's slate. */
	CHECK_ERR(login_as(a, "ann", "guess guess", "10.2.0.1", T0 + S, &g),
	    ERR_CREDENTIALS);
	CHECK_ERR(login_as(a, "ann", "correct horse", "10.2.0.1", T0 + S, &g),
	    ERR_OK);
	/* Every account from one address. */
	for (i = 0; i < 100; i++) {
		CHECK(snprintf(name, sizeof name, "user%d", i) > 0);
		if (login_as(a, name, "guess guess", "::ffff:10.3.0.1", T0,
		        &g) != ERR_CREDENTIALS)
			break;
	}
	CHECK_I(i, 21);
	CHECK_ERR(login_as(a, "ann", "correct horse", "10.3.0.1", T0, &g),
	    ERR_THROTTLED);
	CHECK_ERR(login_as(a, "ann", "correct horse", "10.3.0.2", T0, &g),
	    ERR_OK);
	/* An account of one's own does not wipe the address's slate. */
	CHECK_ERR(login_as(a, "ann", "correct horse", "10.3.0.1", T0 + S, &g),
	    ERR_OK);
	CHECK_ERR(login_as(a, "carl", "guess guess", "10.3.0.1", T0 + S, &g),
	    ERR_CREDENTIALS);
	CHECK_ERR(login_as(a, "dora", "guess guess", "10.3.0.1", T0 + S, &g),
	    ERR_THROTTLED);
	accounts_close(a);
}

static void
hashes_again_at_another_cost(void)
{
	const struct password_cost other = { .passes = 2, .memory = 16384 };
	const char *path = lib_path();
	struct accounts *a = hub_of_ann(path);
	struct accounts_options opt = lib_options();
	struct account_grant g;
	struct err_info e = { 0 };
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;

	accounts_close(a);
	opt.cost = &other;
	a = NULL;
	CHECK_OK(accounts_open(&a, path, &opt, T0, &e), &e);
	CHECK_ERR(login_as(a, "ann", "correct horse", "::1", T0, &g), ERR_OK);
	CHECK_ERR(login_as(a, "ann", "correct horse", "::1", T0, &g), ERR_OK);
	accounts_close(a);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, "SELECT password FROM user", -1, &st,
	          NULL) == SQLITE_OK);
	CHECK(sqlite3_step(st) == SQLITE_ROW);
	CHECK(str_starts(str_of((const char *)sqlite3_column_text(st, 0)),
	    STR("$argon2id$v=19$m=16,t=2,")));
	CHECK(sqlite3_finalize(st) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
}

static void
refreshes(void)
{
	const char *path = lib_path();
	struct accounts *a = hub_of_ann(path);
	struct account_grant g[4], again;
	struct account_who w;

	g[0] = login(a, T0);
	for (int i = 1; i < 4; i++) {
		CHECK_ERR(refresh(a, g[i - 1].refresh, T0 + i * HOUR, &g[i]),
		    ERR_OK);
		CHECK(!str_eq(g[i].refresh, g[i - 1].refresh));
		CHECK_EQ(g[i].session_id, g[0].session_id);
		CHECK_STR(g[i].team_slug, "red");
		CHECK_U(g[i].generation, i);
		CHECK_U(g[i].refresh_s, 604800);
		CHECK_I(g[i].access_expires_ms, T0 + (i + 1) * HOUR);
		CHECK_ERR(check(a, g[i].access, T0 + i * HOUR, &w), ERR_OK);
		CHECK_U(w.generation, i);
		CHECK_I(w.refresh_expires_ms, T0 + i * HOUR + 7 * DAY);
	}
	/* The answer was lost, the hub restarted meanwhile, days went by. */
	accounts_close(a);
	a = lib_open(path);
	CHECK_ERR(refresh(a, g[2].refresh, T0 + 3 * HOUR + DAY, &again),
	    ERR_OK);
	CHECK_EQ(again.refresh, g[3].refresh);
	CHECK_U(again.refresh_s, 6 * 24 * 3600);
	CHECK_ERR(check(a, again.access, T0 + 3 * HOUR + DAY, &w), ERR_OK);
	accounts_close(a);
}

static void
tells_benign_replay_from_theft(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g0 = login(a, T0), g1, g2, other, g;
	struct account_who w;

	other = login(a, T0); /* another machine of the same user */
	CHECK_ERR(refresh(a, g0.refresh, T0, &g1), ERR_OK);
	CHECK_ERR(refresh(a, g1.refresh, T0 + S, &g2), ERR_OK);
	CHECK_ERR(refresh(a, g0.refresh, T0 + 30 * S, &g), ERR_REPLAY);
	CHECK(g.retry_after_s <= 5);
	CHECK_ERR(check(a, g2.access, T0 + 30 * S, &w), ERR_OK);
	CHECK_ERR(refresh(a, g0.refresh, T0 + 31 * S, &g), ERR_SESSION);
	/* The family is gone, at once and for good; the other machine lives. */
	CHECK_ERR(check(a, g2.access, T0 + 31 * S, &w), ERR_SESSION);
	CHECK_ERR(refresh(a, g2.refresh, T0 + 31 * S, &g), ERR_SESSION);
	CHECK_ERR(check(a, other.access, T0 + 31 * S, &w), ERR_OK);
	CHECK_ERR(refresh(a, other.refresh, T0 + 31 * S, &g), ERR_OK);
	accounts_close(a);
}

static void
refuses_tokens_that_are_none(void)
{
	struct accounts *a = hub_of_ann(lib_path()),
	                *b = hub_of_ann(lib_path());
	struct account_grant mine = login(a, T0), theirs = login(b, T0), g;
	struct account_who w;

	CHECK_ERR(refresh(a, STR(""), T0, &g), ERR_GRANT);
	CHECK_ERR(refresh(a, STR("crt_"), T0, &g), ERR_GRANT);
	CHECK_ERR(refresh(a, mine.access, T0, &g), ERR_GRANT);
	CHECK_ERR(refresh(a, theirs.refresh, T0, &g), ERR_GRANT);
	CHECK_ERR(check(a, theirs.access, T0, &w), ERR_UNAUTHORIZED);
	CHECK_ERR(refresh(a, mine.refresh, T0 + 7 * DAY, &g), ERR_GRANT);
	CHECK_ERR(refresh(a, mine.refresh, T0 + 7 * DAY - 1, &g), ERR_OK);
	accounts_close(a);
	accounts_close(b);
}

static void
signs_out(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g0 = login(a, T0), g1 = login(a, T0), g;
	struct account_who w;
	struct err_info e = { 0 };

	CHECK_ERR(check(a, g0.access, T0, &w), ERR_OK);
	CHECK_OK(accounts_revoke(a, g0.session_id, &e), &e);
	CHECK_ERR(check(a, g0.access, T0, &w), ERR_SESSION);
	CHECK_ERR(refresh(a, g0.refresh, T0, &g), ERR_SESSION);
	CHECK_ERR(check(a, g1.access, T0, &w), ERR_OK);
	CHECK_OK(accounts_revoke(a, g0.session_id, &e), &e);
	CHECK_OK(accounts_revoke(a, STR("no-such-session"), &e), &e);
	accounts_close(a);
}

/* Without a token, by whoever has shown one: as long as the session lives. */
static void
knows_a_session_that_goes_on(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g = login(a, T0);
	struct account_who shown, w;
	struct err_info e = { 0 };

	CHECK_ERR(check(a, g.access, T0, &shown), ERR_OK);
	/* Long after the token has expired. */
	CHECK_OK(accounts_session(a, g.session_id, T0 + 2 * 3600 * 1000, &arena,
	             &w, &e),
	    &e);
	CHECK_EQ(w.user_id, shown.user_id);
	CHECK_U(w.n_teams, shown.n_teams);
	CHECK_I(w.access_expires_ms, 0);
	CHECK_OK(accounts_revoke(a, g.session_id, &e), &e);
	CHECK_ERR(accounts_session(a, g.session_id, T0, &arena, &w, &e),
	    ERR_SESSION);
	CHECK_ERR(accounts_session(a, STR("no-such-session"), T0, &arena, &w,
	              &e),
	    ERR_SESSION);
	accounts_close(a);
}

/* In and out of a team, by this process: the next look knows. */
static void
sees_its_own_changes_at_once(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant ann = login(a, T0);
	const struct account_team *team;
	struct account_who w;
	struct err_info e = { 0 };
	size_t before;

	lib_team(a, "night");
	CHECK_ERR(check(a, ann.access, T0, &w), ERR_OK);
	before = w.n_teams;
	CHECK_OK(accounts_team_join(a, STR("night"), STR("Ann"), &e), &e);
	CHECK_ERR(check(a, ann.access, T0, &w), ERR_OK);
	CHECK_U(w.n_teams, before + 1);
	CHECK_OK(accounts_team_of(&w, STR("night"), STR(""), &team, &e), &e);
	CHECK_STR(team->role, "member");
	CHECK_OK(accounts_team_leave(a, STR("night"), STR("ann"), &e), &e);
	CHECK_ERR(check(a, ann.access, T0, &w), ERR_OK);
	CHECK_U(w.n_teams, before);
	CHECK_ERR(accounts_team_of(&w, STR("night"), STR(""), &team, &e),
	    ERR_FORBIDDEN);
	accounts_close(a);
}

/* `hub user disable` and `hub user passwd` beside the serving hub. */
static void
sees_what_another_process_did(void)
{
	const char *path = lib_path();
	struct accounts *hub = hub_of_ann(path), *command = lib_open(path);
	struct account_grant ann = login(hub, T0), bob, g;
	struct account_user *user;
	struct account_who w;
	struct err_info e = { 0 };
	int64_t now = T0;
	size_t n;

	lib_user(command, "bob", NULL, NULL);
	CHECK_ERR(login_as(hub, "bob", "correct horse", "::1", now, &bob),
	    ERR_OK);
	CHECK_ERR(check(hub, ann.access, now, &w), ERR_OK);
	CHECK_ERR(check(hub, bob.access, now, &w), ERR_OK);
	CHECK_OK(accounts_user_list(command, now, &arena, &user, &n, &e), &e);
	CHECK(n == 2 && user[1].sessions == 1);
	CHECK_OK(accounts_disable(command, STR("bob"), &e), &e);
	CHECK_OK(accounts_user_list(command, now, &arena, &user, &n, &e), &e);
	CHECK(n == 2 && user[1].sessions == 0 && user[1].disabled);
	now += ACCOUNTS_STALE_MS;
	CHECK_ERR(check(hub, bob.access, now, &w), ERR_SESSION);
	CHECK_ERR(refresh(hub, bob.refresh, now, &g), ERR_SESSION);
	CHECK_ERR(login_as(hub, "bob", "correct horse", "::1", now, &g),
	    ERR_CREDENTIALS);
	CHECK_ERR(check(hub, ann.access, now, &w), ERR_OK);

	CHECK_OK(accounts_passwd(command, STR("ann"), STR("another horse"), &e),
	    &e);
	now += ACCOUNTS_STALE_MS;
	CHECK_ERR(check(hub, ann.access, now, &w), ERR_SESSION);
	CHECK_ERR(login_as(hub, "ann", "correct horse", "::1", now, &g),
	    ERR_CREDENTIALS);
	CHECK_ERR(login_as(hub, "ann", "another horse", "::1", now, &g),
	    ERR_OK);
	/* In the same process: at once. */
	CHECK_ERR(check(hub, g.access, now, &w), ERR_OK);
	CHECK_OK(accounts_disable(hub, STR("ann"), &e), &e);
	CHECK_ERR(check(hub, g.access, now, &w), ERR_SESSION);
	accounts_close(hub);
	accounts_close(command);
}

/* Both commit between two looks: what the hub itself changed does not hide what
 * the other did. */
static void
sees_others_behind_its_own_changes(void)
{
	const char *path = lib_path();
	struct accounts *hub = hub_of_ann(path), *command = lib_open(path);
	struct account_grant ann = login(hub, T0), bob;
	struct account_who w;
	struct err_info e = { 0 };

	lib_user(command, "bob", NULL, NULL);
	CHECK_ERR(login_as(hub, "bob", "correct horse", "::1", T0, &bob),
	    ERR_OK);
	CHECK_ERR(check(hub, bob.access, T0, &w), ERR_OK);
	CHECK_OK(accounts_disable(command, STR("bob"), &e), &e);
	CHECK_ERR(refresh(hub, ann.refresh, T0, &ann), ERR_OK);
	CHECK_ERR(check(hub, bob.access, T0 + ACCOUNTS_STALE_MS, &w),
	    ERR_SESSION);
	accounts_close(hub);
	accounts_close(command);
}

/* Nobody could look whether a user was disabled: after a while that is a
 * reason to refuse, not to trust. */
static void
does_not_trust_blindly(void)
{
	const char *path = lib_path();
	struct accounts *a = hub_of_ann(path);
	struct account_grant g = login(a, T0);
	struct account_who w;
	sqlite3 *db = NULL;

	CHECK_ERR(check(a, g.access, T0, &w), ERR_OK);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) ==
	    SQLITE_OK);
	CHECK_ERR(check(a, g.access, T0 + 4 * S, &w), ERR_OK);
	CHECK_ERR(check(a, g.access, T0 + 5 * S, &w), ERR_UNAVAILABLE);
	CHECK(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	CHECK_ERR(check(a, g.access, T0 + 6 * S, &w), ERR_OK);
	accounts_close(a);
}

/* --- several threads --------------------------------------------------------- */

enum { THREADS = 8 };

struct job {
	struct accounts *a; /* borrow */
	struct str token;
	char refresh[64], access[600], error[64];
	enum err rc;
};

static void *
refresh_job(void *arg)
{
	struct job *j = arg;
	struct arena ar = { 0 };
	struct account_grant g;
	struct err_info e = { 0 };

	j->rc = accounts_refresh(j->a, j->token, T0, &ar, &g, &e);
	if (j->rc == ERR_OK)
		(void)snprintf(j->refresh, sizeof j->refresh, "%.*s",
		    STR_ARG(g.refresh));
	arena_fini(&ar);
	return NULL;
}

/* One token from many threads over two handles: all get one successor. */
static void
rotates_once_for_many(void)
{
	const char *path = lib_path();
	struct accounts *a = hub_of_ann(path), *b;
	struct accounts_options opt = lib_options();
	struct account_grant g = login(a, T0);
	struct job job[THREADS] = { 0 };
	pthread_t thread[THREADS];
	struct err_info e = { 0 };

	opt.random = NULL; /* the seeded one is not for threads */
	opt.busy_ms = 0;
	accounts_close(a);
	CHECK_OK(accounts_open(&a, path, &opt, T0, &e), &e);
	CHECK_OK(accounts_open(&b, path, &opt, T0, &e), &e);
	for (int i = 0; i < THREADS; i++) {
		job[i].a = i % 2 ? a : b;
		job[i].token = g.refresh;
		CHECK(pthread_create(&thread[i], NULL, refresh_job, &job[i]) ==
		    0);
	}
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		CHECK_ERR(job[i].rc, ERR_OK);
		CHECK_STR(str_of(job[i].refresh), job[0].refresh);
	}
	accounts_close(a);
	accounts_close(b);
}

static void *
check_job(void *arg)
{
	struct job *j = arg;
	struct arena ar = { 0 };
	struct account_who w;
	struct err_info e = { 0 };

	for (int i = 0; i < 200 && j->rc == ERR_OK; i++) {
		j->rc = accounts_check(j->a, j->token, T0 + i, &ar, &w, &e);
		if (j->rc == ERR_OK && w.n_teams != 2)
			j->rc = ERR_FAILED;
		arena_reset(&ar);
	}
	arena_fini(&ar);
	return NULL;
}

static void
checks_while_others_write(void)
{
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g = login(a, T0), other = login(a, T0);
	struct job job[THREADS] = { 0 };
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++) {
		job[i].a = a;
		job[i].token = g.access;
		CHECK(pthread_create(&thread[i], NULL, check_job, &job[i]) ==
		    0);
	}
	for (int i = 0; i < 20; i++)
		CHECK_ERR(refresh(a, other.refresh, T0 + i, &other), ERR_OK);
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(thread[i], NULL) == 0);
		CHECK_ERR(job[i].rc, ERR_OK);
	}
	accounts_close(a);
}

/* --- what stays in the database ------------------------------------------------ */

static void
exec(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
}

static int64_t
count(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int64_t n = -1;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	CHECK(sqlite3_finalize(st) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	return n;
}

static void
keeps_no_more_than_it_needs(void)
{
	const char *path = lib_path();
	struct accounts *a = hub_of_ann(path);
	struct account_grant g = login(a, T0), first = g;

	/* Every six hours for ten days. */
	for (int i = 1; i <= 40; i++)
		CHECK_ERR(refresh(a, g.refresh, T0 + i * 6 * (int64_t)HOUR, &g),
		    ERR_OK);
	/* Seven days of spent ones, both ends counted, and the current one. */
	CHECK_I(count(path, "SELECT count(*) FROM token"), 7 * 4 + 1 + 1);
	CHECK_I(count(path, "SELECT count(*) FROM token WHERE sealed NOT NULL"),
	    1);
	/* Long forgotten: no reason to suspect anybody. */
	CHECK_ERR(refresh(a, first.refresh, T0 + 10 * DAY, &first), ERR_GRANT);
	CHECK_ERR(refresh(a, g.refresh, T0 + 10 * DAY, &g), ERR_OK);
	CHECK_I(count(path, "SELECT count(*) FROM family"), 1);
	(void)login(a, T0 + 48 * DAY); /* a month after it expired */
	CHECK_I(count(path, "SELECT count(*) FROM family"), 1);
	CHECK_I(count(path, "SELECT count(*) FROM token"), 1);
	accounts_close(a);
}

static void
bounds_one_who_refreshes_for_ever(void)
{
	const char *path = lib_path();
	struct accounts *a = hub_of_ann(path);
	struct account_grant g = login(a, T0);

	/* As if the token were the 5000th of this minute. */
	exec(path,
	    "UPDATE family SET generation = 5000;"
	    "UPDATE token SET generation = 5000;"
	    "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 4999) INSERT INTO token SELECT randomblob(32), "
	    "family.id,"
	    " i, 1800000000000, NULL FROM n, family");
	CHECK_I(count(path, "SELECT count(*) FROM token"), 5001);
	CHECK_ERR(refresh(a, g.refresh, T0, &g), ERR_OK);
	CHECK_I(count(path, "SELECT count(*) FROM token"), 1025);
	CHECK_ERR(refresh(a, g.refresh, T0, &g), ERR_OK);
	CHECK_I(count(path, "SELECT count(*) FROM token"), 1025);
	accounts_close(a);
}

/* --- answers ---------------------------------------------------------------------- */

static void
writes_the_answers_of_the_protocol(void)
{
	static const struct account_team team[] = {
		{ .id = { "t1", 2 },
		    .slug = { "ann", 3 },
		    .name = { "Ann", 3 },
		    .role = { "owner", 5 },
		    .is_private = true },
		{ .id = { "t2", 2 },
		    .slug = { "red", 3 },
		    .name = { "Red", 3 },
		    .role = { "member", 6 } },
	};
	const struct account_who w = {
		.user_id = STR("u1"),
		.name = STR("Ann"),
		.email = STR(""),
		.session_id = STR("s1"),
		.auth_flow = STR("password"),
		.team = team,
		.n_teams = 2,
		.default_team = 1,
		.authenticated_ms = T0,
		.access_expires_ms = T0 + HOUR,
		.refresh_expires_ms = T0 + 7 * DAY,
	};
	struct account_grant g = {
		.access = STR("a.b.c"),
		.refresh = STR("crt_x"),
		.session_id = STR("s1"),
		.team_slug = STR("red"),
		.access_s = 3600,
		.refresh_s = 604800,
	};
	struct err_info e = { 0 };
	struct buf b = { 0 };

	accounts_put_grant(&b, &g);
	CHECK_STR(buf_str(&b),
	    "{\"access\":\"a.b.c\",\"refresh\":\"crt_x\",\"access_lifetime\":"
	    "3600,"
	    "\"refresh_lifetime\":604800,\"session_id\":\"s1\","
	    "\"team_slug\":\"red\"}");
	buf_reset(&b);
	accounts_put_me(&b, &w);
	CHECK_STR(buf_str(&b),
	    "{\"user_id\":\"u1\",\"email\":\"\",\"name\":\"Ann\",\"teams\":["
	    "{\"id\":\"t2\",\"slug\":\"red\",\"name\":\"Red\",\"role\":"
	    "\"member\",\"is_private_teamspace\":false},"
	    "{\"id\":\"t1\",\"slug\":\"ann\",\"name\":\"Ann\",\"role\":"
	    "\"owner\",\"is_private_teamspace\":true}],"
	    "\"session_id\":\"s1\","
	    "\"authenticated_at\":\"2027-01-15T08:00:00.000Z\","
	    "\"access_token_expires_at\":\"2027-01-15T09:00:00.000Z\","
	    "\"refresh_token_expires_at\":\"2027-01-22T08:00:00.000Z\","
	    "\"auth_flow\":\"password\"}");
	buf_reset(&b);
	(void)err_setf(&e, ERR_REPLAY, "say \"again\"");
	g.retry_after_s = 1;
	accounts_put_error(&b, &g, &e);
	CHECK_STR(buf_str(&b),
	    "{\"error\":\"refresh_replay_benign_retry\",\"message\":\"say "
	    "\\\"again\\\"\",\"retry_after\":1}");
	buf_reset(&b);
	(void)err_set(&e, ERR_CREDENTIALS);
	g.retry_after_s = 0;
	accounts_put_error(&b, &g, &e);
	CHECK_STR(buf_str(&b),
	    "{\"error\":\"invalid_credentials\",\"message\":\"wrong user name "
	    "or "
	    "password\"}");
	buf_fini(&b);
}

static void
finds_the_team_of_a_request(void)
{
	static const struct {
		const char *header, *envelope, *team; /* NULL: forbidden */
	} row[] = {
		{ "", "", "red" },
		{ "ann", "", "ann" },
		{ "red", "ann", "red" },
		{ "ann", "red", "ann" },
		{ "", "ann", "ann" },
		{ "", "blue", "red" }, /* no member: as if it were not there */
		{ "", "nowhere", "red" },
		{ "blue", "", NULL },
		{ "blue", "ann", NULL },
		{ "nowhere", "", NULL },
		{ "ANN", "", NULL },
		{ "an", "", NULL },
		{ "annn", "", NULL },
	};
	struct accounts *a = hub_of_ann(lib_path());
	struct account_grant g = login(a, T0);
	const struct account_team *t;
	struct account_who w;
	struct err_info e = { 0 };

	CHECK_ERR(check(a, g.access, T0, &w), ERR_OK);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		enum err rc = accounts_team_of(&w, str_of(row[i].header),
		    str_of(row[i].envelope), &t, &e);

		t_note("header %s envelope %s", row[i].header, row[i].envelope);
		CHECK_ERR(rc, row[i].team ? ERR_OK : ERR_FORBIDDEN);
		if (rc == ERR_OK && row[i].team != NULL)
			CHECK_STR(t->slug, row[i].team);
	}
	accounts_close(a);
}

int
main(void)
{
	T_RUN(knows_who_signed_in);
	T_RUN(takes_names_and_addresses);
	T_RUN(does_not_say_who_exists);
	T_RUN(throttles_an_account_and_an_address);
	T_RUN(hashes_again_at_another_cost);
	T_RUN(refreshes);
	T_RUN(tells_benign_replay_from_theft);
	T_RUN(refuses_tokens_that_are_none);
	T_RUN(signs_out);
	T_RUN(knows_a_session_that_goes_on);
	T_RUN(sees_its_own_changes_at_once);
	T_RUN(sees_what_another_process_did);
	T_RUN(sees_others_behind_its_own_changes);
	T_RUN(does_not_trust_blindly);
	T_RUN(rotates_once_for_many);
	T_RUN(checks_while_others_write);
	T_RUN(keeps_no_more_than_it_needs);
	T_RUN(bounds_one_who_refreshes_for_ever);
	T_RUN(writes_the_answers_of_the_protocol);
	T_RUN(finds_the_team_of_a_request);
	arena_fini(&arena);
	return t_done();
}
