/* Teams and users, and the database that they live in. */
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts_lib.h"

static struct arena arena;

static void
exec(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	CHECK(sqlite3_close(db) == SQLITE_OK);
}

static void
makes_a_private_file(void)
{
	const char *path = lib_path();
	mode_t mask = umask(0);
	struct accounts *a = lib_open(path);
	struct stat st;

	(void)umask(mask);
	CHECK(stat(path, &st) == 0);
	CHECK_U(st.st_mode & 0777, 0600);
	accounts_close(a);
	accounts_close(NULL);
}

static void
refuses_a_file_that_others_read(void)
{
	struct accounts_options opt = lib_options();
	const char *path = lib_path();
	struct accounts *a = lib_open(path);
	struct err_info e = { 0 };

	accounts_close(a);
	CHECK(chmod(path, 0644) == 0);
	CHECK_ERR(accounts_open(&a, path, &opt, T0, &e), ERR_PERMISSION);
	CHECK(strstr(e.text, "chmod") != NULL);
}

static void
stays_a_rollback_journal(void)
{
	const char *path = lib_path();
	struct accounts *a = lib_open(path);
	char wal[600];

	lib_team(a, "team");
	CHECK(snprintf(wal, sizeof wal, "%s-wal", path) > 0);
	CHECK(access(wal, F_OK) != 0);
	accounts_close(a);
}

static struct buf
bytes_of(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = { 0 };
	char part[4096];
	size_t n;

	if (!CHECK(f != NULL))
		return b;
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(&b, part, n);
	(void)fclose(f);
	return b;
}

static void
leaves_other_databases_alone(void)
{
	static const struct {
		const char *sql;
		enum err rc;
	} row[] = {
		{ "PRAGMA user_version = 2", ERR_NEWER },
		{ "PRAGMA user_version = 2; CREATE TABLE x (y)", ERR_NEWER },
		{ "PRAGMA user_version = 2147483647", ERR_NEWER },
		{ "PRAGMA user_version = -1", ERR_NEWER },
		{ "PRAGMA application_id = 7", ERR_CORRUPT },
		{ "PRAGMA application_id = 0", ERR_CORRUPT },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct accounts_options opt = lib_options();
		const char *path = lib_path();
		struct accounts *a = lib_open(path);
		struct err_info e = { 0 };
		struct buf before, after;

		t_note("%s", row[i].sql);
		accounts_close(a);
		exec(path, row[i].sql);
		before = bytes_of(path);
		a = NULL;
		CHECK_ERR(accounts_open(&a, path, &opt, T0, &e), row[i].rc);
		CHECK(a == NULL);
		after = bytes_of(path);
		CHECK(before.len > 4096);
		CHECK(str_eq(buf_str(&before), buf_str(&after)));
		buf_fini(&before);
		buf_fini(&after);
	}
}

static void
says_what_is_no_database(void)
{
	struct accounts_options opt = lib_options();
	const char *path = lib_path();
	struct accounts *a = NULL;
	struct err_info e = { 0 };
	FILE *f = fopen(path, "wb");
	char absent[512];

	CHECK(f != NULL &&
	    fputs("this is a letter to my aunt, and it is long "
	          "enough that nobody takes it for an empty one",
	        f) > 0);
	CHECK(f != NULL && fclose(f) == 0);
	CHECK(chmod(path, 0600) == 0);
	CHECK_ERR(accounts_open(&a, path, &opt, T0, &e), ERR_CORRUPT);
	CHECK(snprintf(absent, sizeof absent, "%s/absent/hub.db", t_tmp()) > 0);
	CHECK_ERR(accounts_open(&a, absent, &opt, T0, &e), ERR_NOT_FOUND);
}

static void
keeps_what_it_was_told(void)
{
	const char *path = lib_path();
	struct accounts *a = lib_open(path);
	struct account_team *team;
	struct account_user *user;
	struct err_info e = { 0 };
	size_t n;

	lib_team(a, "red");
	CHECK_OK(accounts_team_add(a, STR("blue"), STR("The Blues"), T0, &e),
	    &e);
	lib_user(a, "Ann", "Ann@Example.org", "red");
	lib_user(a, "bob", NULL, NULL);
	accounts_close(a);
	a = lib_open(path);
	arena_reset(&arena);
	CHECK_OK(accounts_team_list(a, &arena, &team, &n, &e), &e);
	CHECK_U(n, 4);
	if (n == 4) {
		CHECK_STR(team[0].slug, "ann");
		CHECK_STR(team[0].name, "Ann");
		CHECK(team[0].is_private);
		CHECK_STR(team[1].slug, "blue");
		CHECK_STR(team[1].name, "The Blues");
		CHECK(!team[1].is_private);
		CHECK_STR(team[3].slug, "red");
		CHECK_STR(team[3].name, "red");
		CHECK(!str_eq(team[0].id, team[1].id));
	}
	CHECK_OK(accounts_user_list(a, T0, &arena, &user, &n, &e), &e);
	CHECK_U(n, 2);
	if (n == 2) {
		CHECK_STR(user[0].name, "Ann");
		CHECK_STR(user[0].email, "Ann@Example.org");
		CHECK_STR(user[0].default_team, "red");
		CHECK(!user[0].disabled);
		CHECK_I(user[0].created_ms, T0);
		CHECK_U(user[0].sessions, 0);
		CHECK_STR(user[1].name, "bob");
		CHECK_STR(user[1].email, "");
		CHECK_STR(user[1].default_team, "bob");
	}
	accounts_close(a);
}

static void
lists_nothing_of_a_new_hub(void)
{
	struct accounts *a = lib_open(lib_path());
	struct account_team *team;
	struct account_user *user;
	struct err_info e = { 0 };
	size_t n = 9;

	CHECK_OK(accounts_team_list(a, &arena, &team, &n, &e), &e);
	CHECK_U(n, 0);
	CHECK_OK(accounts_user_list(a, T0, &arena, &user, &n, &e), &e);
	CHECK_U(n, 0);
	accounts_close(a);
}

static void
judges_slugs(void)
{
	static const struct {
		const char *slug;
		enum err rc;
	} row[] = {
		{ "a", ERR_OK },
		{ "7", ERR_OK },
		{ "team-1-x", ERR_OK },
		{ "a", ERR_EXISTS },
		{ "", ERR_REFUSED },
		{ "-a", ERR_REFUSED },
		{ "a-", ERR_REFUSED },
		{ "a--b", ERR_REFUSED },
		{ "A", ERR_REFUSED },
		{ "a b", ERR_REFUSED },
		{ "a/b", ERR_REFUSED },
		{ "..", ERR_REFUSED },
		{ "caf\xc3\xa9", ERR_REFUSED },
		{ "local", ERR_REFUSED },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
		  "abcd",
		    ERR_OK },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
		  "abcde",
		    ERR_REFUSED },
	};
	struct accounts *a = lib_open(lib_path());
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].slug);
		CHECK_ERR(accounts_team_add(a, str_of(row[i].slug),
		              (struct str){ 0 }, T0, &e),
		    row[i].rc);
	}
	CHECK_ERR(accounts_team_add(a, STR("x"), STR("two\nlines"), T0, &e),
	    ERR_REFUSED);
	CHECK_ERR(accounts_team_add(a, STR("x"), STR("\xff"), T0, &e),
	    ERR_REFUSED);
	CHECK_ERR(accounts_team_add(a, STR("x"), STR("\x1b[2J"), T0, &e),
	    ERR_REFUSED);
	CHECK_ERR(accounts_team_add(a, STR("nul"), STR("a\0b"), T0, &e),
	    ERR_REFUSED);
	accounts_close(a);
}

static void
judges_names_and_addresses(void)
{
	static const struct {
		const char *name, *email;
		enum err rc;
	} row[] = {
		{ "ann", "ann@example.org", ERR_OK },
		{ "ANN", NULL, ERR_EXISTS },
		{ "\xef\xbc\xa1nn", NULL, ERR_EXISTS }, /* full-width A */
		{ "ann2", "ANN@EXAMPLE.ORG", ERR_EXISTS },
		{ "Jos\xc3\xa9", NULL, ERR_OK },
		{ "Jose\xcc\x81", NULL, ERR_EXISTS }, /* the same, decomposed */
		{ "\xd0\xae\xd0\xbb\xd1\x8f", NULL, ERR_OK },
		{ "a.b_c-d", NULL, ERR_OK },
		{ "", NULL, ERR_REFUSED },
		{ ".a", NULL, ERR_REFUSED },
		{ "a b", NULL, ERR_REFUSED },
		{ "a@b", NULL, ERR_REFUSED },
		{ "a/b", NULL, ERR_REFUSED },
		{ "a:b", NULL, ERR_REFUSED },
		{ "a\n", NULL, ERR_REFUSED },
		{ "a\xe2\x80\x8b"
		  "b",
		    NULL, ERR_REFUSED }, /* zero width */
		{ "\xff", NULL, ERR_REFUSED },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
		  "abcde",
		    NULL, ERR_REFUSED },
		{ "m1", "nobody", ERR_REFUSED },
		{ "m1", "@b", ERR_REFUSED },
		{ "m1", "a@", ERR_REFUSED },
		{ "m1", "a@b@c", ERR_REFUSED },
		{ "m1", "a b@c", ERR_REFUSED },
		{ "m1", "a@b\r\nBcc: x", ERR_REFUSED },
		{ "m1", "<a@b>", ERR_REFUSED },
		{ "m1", "m1+clowder@b.example", ERR_OK },
	};
	struct accounts *a = lib_open(lib_path());
	struct account_user *user;
	struct err_info e = { 0 };
	size_t n, good = 0;

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct account_new u = {
			.name = str_of(row[i].name),
			.email = str_of(row[i].email),
			.password = STR("correct horse"),
		};

		t_note("%s %s", row[i].name, row[i].email ? row[i].email : "");
		CHECK_ERR(accounts_user_add(a, &u, T0, &e), row[i].rc);
		good += row[i].rc == ERR_OK;
	}
	/* Nothing of a refused one stays. */
	CHECK_OK(accounts_user_list(a, T0, &arena, &user, &n, &e), &e);
	CHECK_U(n, good);
	accounts_close(a);
}

static void
refuses_users_as_a_whole(void)
{
	struct str team[] = { STR("red"), STR("nowhere") };
	struct account_new u = {
		.name = STR("ann"),
		.password = STR("correct horse"),
		.team = team,
		.n_teams = 2,
	};
	struct accounts *a = lib_open(lib_path());
	struct account_team *t;
	struct err_info e = { 0 };
	size_t n;

	lib_team(a, "red");
	CHECK_ERR(accounts_user_add(a, &u, T0, &e), ERR_NOT_FOUND);
	CHECK(strstr(e.text, "nowhere") != NULL);
	CHECK_OK(accounts_team_list(a, &arena, &t, &n, &e), &e);
	CHECK_U(n, 1); /* no private team without its user */
	u.n_teams = 1;
	u.password = STR("short");
	CHECK_ERR(accounts_user_add(a, &u, T0, &e), ERR_REFUSED);
	u.password = STR("long enough");
	team[1] = STR("red"); /* twice is once */
	u.n_teams = 2;
	CHECK_OK(accounts_user_add(a, &u, T0, &e), &e);
	accounts_close(a);
}

static void
makes_a_slug_for_everybody(void)
{
	static const struct {
		const char *name, *slug; /* NULL: slug and four letters */
	} row[] = {
		{ "Ann", "ann" },
		{ "ann.", NULL }, /* the slug is taken */
		{ "Jos\xc3\xa9.M_M", "jose-m-m" },
		{ "local", NULL },
		{ "\xd0\xae\xd0\xbb\xd1\x8f", "user" },
		{ "\xd0\x90\xd0\xbd\xd1\x8f", NULL },
		{ "red", NULL }, /* a team of many */
		{ "a--b", "a-b" },
		{ "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghi"
		  "j",
		    "abcdefghijabcdefghijabcdefghijabcdefghij" },
	};
	struct accounts *a = lib_open(lib_path());
	struct err_info e = { 0 };

	lib_team(a, "red");
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct account_user *user;
		size_t n;

		t_note("%s", row[i].name);
		lib_user(a, row[i].name, NULL, NULL);
		arena_reset(&arena);
		CHECK_OK(accounts_user_list(a, T0, &arena, &user, &n, &e), &e);
		for (size_t k = 0; k < n; k++) {
			struct str slug = user[k].default_team;

			if (!str_is(user[k].name, row[i].name))
				continue;
			if (row[i].slug != NULL)
				CHECK_STR(slug, row[i].slug);
			else
				CHECK(slug.n > 5 && slug.p[slug.n - 5] == '-');
		}
	}
	accounts_close(a);
}

static void
names_who_is_not_there(void)
{
	struct accounts *a = lib_open(lib_path());
	struct err_info e = { 0 };

	lib_user(a, "ann", NULL, NULL);
	CHECK_ERR(accounts_disable(a, STR("bob"), &e), ERR_NOT_FOUND);
	CHECK_ERR(accounts_disable(a, STR("b@b"), &e), ERR_NOT_FOUND);
	CHECK_ERR(accounts_passwd(a, STR("bob"), STR("correct horse"), &e),
	    ERR_NOT_FOUND);
	CHECK_ERR(accounts_passwd(a, STR("ann"), STR("short"), &e),
	    ERR_REFUSED);
	CHECK_OK(accounts_disable(a, STR("ANN"), &e), &e);
	CHECK_OK(accounts_disable(a, STR("ann"), &e), &e);
	accounts_close(a);
}

/* The serving hub and a command have it open at once: both write, both see. */
static void
serves_two_at_once(void)
{
	const char *path = lib_path();
	struct accounts *hub = lib_open(path), *command = lib_open(path);
	struct account_team *team;
	struct err_info e = { 0 };
	size_t n;

	for (int i = 0; i < 20; i++) {
		char slug[16];

		CHECK(snprintf(slug, sizeof slug, "team-%d", i) > 0);
		lib_team(i % 2 ? hub : command, slug);
	}
	CHECK_OK(accounts_team_list(hub, &arena, &team, &n, &e), &e);
	CHECK_U(n, 20);
	CHECK_OK(accounts_team_list(command, &arena, &team, &n, &e), &e);
	CHECK_U(n, 20);
	accounts_close(hub);
	accounts_close(command);
}

static void
says_locked_when_it_is(void)
{
	const char *path = lib_path();
	struct accounts *a = lib_open(path);
	struct err_info e = { 0 };
	sqlite3 *db = NULL;

	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) ==
	    SQLITE_OK);
	CHECK_ERR(accounts_team_add(a, STR("x"), (struct str){ 0 }, T0, &e),
	    ERR_LOCKED);
	CHECK(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
	CHECK_OK(accounts_team_add(a, STR("x"), (struct str){ 0 }, T0, &e), &e);
	CHECK(sqlite3_close(db) == SQLITE_OK);
	accounts_close(a);
}

int
main(void)
{
	T_RUN(makes_a_private_file);
	T_RUN(refuses_a_file_that_others_read);
	T_RUN(stays_a_rollback_journal);
	T_RUN(leaves_other_databases_alone);
	T_RUN(says_what_is_no_database);
	T_RUN(keeps_what_it_was_told);
	T_RUN(lists_nothing_of_a_new_hub);
	T_RUN(judges_slugs);
	T_RUN(judges_names_and_addresses);
	T_RUN(refuses_users_as_a_whole);
	T_RUN(makes_a_slug_for_everybody);
	T_RUN(names_who_is_not_there);
	T_RUN(serves_two_at_once);
	T_RUN(says_locked_when_it_is);
	arena_fini(&arena);
	return t_done();
}
