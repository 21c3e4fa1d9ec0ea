/* Home, what was said once, and who writes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "context.h"
#include "file.h"
#include "path.h"
#include "t.h"

static struct arena mem;
static struct err_info e;

static const char *
home(const char *name)
{
	const char *dir = os_join(&mem, t_tmp(), name);

	CHECK_U(setenv("CLOWDER_HOME", dir, 1), 0);
	return dir;
}

static void
names_of_the_program(void)
{
	struct ctx c;

	ctx_init(&c, "/usr/bin/clowder");
	CHECK_STR(str_of(c.title), "Clowder");
	ctx_init(&c, "./spec-kitty");
	CHECK_STR(str_of(c.program), "spec-kitty");
	CHECK_STR(str_of(c.title), "Spec Kitty");
	ctx_init(&c, "spec-kitty-x");
	CHECK_STR(str_of(c.program), "clowder");
}

/* What writers left that were killed goes, after an hour; nothing else does. */
static void
sweeps_what_was_left(void)
{
	static const struct {
		const char *name;
		bool old, goes;
	} row[] = {
		{ ".config.toml.0123456789abcdef.tmp", true, true },
		{ "auth/.session.sealed.fedcba9876543210.tmp", true, true },
		{ "local/.notices.0000000000000000.tmp", true, true },
		{ ".config.toml.0123456789abcde0.tmp", false, false },
		{ ".config.toml.0123456789abcdeg.tmp", true, false },
		{ ".config.toml.0123456789abcdef.tmp.mine", true, false },
		{ "config.toml.0123456789abcdef.tmp", true, false },
		{ ".0123456789abcdef.tmp", true, false },
		{ ".tmp", true, false },
		{ "auth/seal.salt", true, false },
	};
	const char *dir = home("swept");
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct store *s;
	struct ctx c;

	ctx_init(&c, "clowder");
	CHECK_OK(ctx_store_write(&c, &s, &e), &e);
	ctx_fini(&c);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const char *path = os_join(&mem, dir, row[i].name);

		CHECK_OK(os_write_atomic(path, STR("x"), 0600, &e), &e);
		if (row[i].old)
			CHECK_U(utimensat(AT_FDCWD, path, times, 0), 0);
	}
	ctx_init(&c, "clowder");
	CHECK_OK(ctx_store_write(&c, &s, &e), &e);
	ctx_fini(&c);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].name);
		CHECK(os_exists(os_join(&mem, dir, row[i].name)) ==
		    !row[i].goes);
	}
	t_note("%s", "");
}

/* A store in which nothing is: reading says so, writing begins a new one and
 * says so; one that another process is just making is no such thing. */
static void
empty_stores(void)
{
	const char *dir = home("empty");
	const char *path = os_join(&mem, dir, "store.db");
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	for (int old = 0; old < 2; old++) {
		struct store *s;
		struct ctx c;

		CHECK_OK(os_mkdirs(dir, 0700, &e), &e);
		(void)os_remove(os_join(&mem, dir, "store.db-wal"), &e);
		CHECK_OK(os_write_atomic(path, STR(""), 0600, &e), &e);
		if (old)
			CHECK_U(utimensat(AT_FDCWD, path, times, 0), 0);
		ctx_init(&c, "clowder");
		CHECK_ERR(ctx_store_read(&c, &s, &e),
		    old ? ERR_UNSUPPORTED : ERR_OK);
		CHECK(c.no_store == !old);
		CHECK(!old || strstr(e.text, "is empty") != NULL);
		ctx_fini(&c);
		ctx_init(&c, "clowder");
		CHECK_OK(ctx_store_write(&c, &s, &e), &e);
		CHECK(c.was_empty == old);
		ctx_fini(&c);
	}
}

/* Its log holds what nobody has elsewhere. */
static void
a_store_that_was_taken_away(void)
{
	const char *dir = home("torn");
	const char *path = os_join(&mem, dir, "store.db");
	const char *log = os_join(&mem, dir, "store.db-wal");

	CHECK_OK(os_mkdirs(dir, 0700, &e), &e);
	CHECK_OK(os_write_atomic(log, STR("pages"), 0600, &e), &e);
	for (int there = 0; there < 2; there++) {
		struct store *s;
		struct ctx c;

		if (there)
			CHECK_OK(os_write_atomic(path, STR(""), 0600, &e), &e);
		ctx_init(&c, "clowder");
		CHECK_ERR(ctx_store_read(&c, &s, &e), ERR_CORRUPT);
		CHECK(strstr(e.text, there ? "is empty" : "is gone") != NULL);
		CHECK_ERR(ctx_store_write(&c, &s, &e), ERR_CORRUPT);
		ctx_fini(&c);
		CHECK(os_exists(log) && os_exists(path) == there);
	}
}

static void
reading_makes_nothing(void)
{
	const char *dir = home("none");
	struct spaces_choice const *choice;
	struct store *s;
	struct ctx c;

	ctx_init(&c, "clowder");
	c.folder = t_tmp();
	CHECK_OK(ctx_store_read(&c, &s, &e), &e);
	CHECK(c.no_store);
	CHECK_OK(ctx_choice(&c, &choice, &e), &e);
	CHECK(!choice->known && !choice->several);
	CHECK(!os_exists(dir));
	ctx_fini(&c);
}

static void
writing_makes_what_is_missing(void)
{
	const char *dir = home("made");
	struct store *s;
	struct space *list;
	size_t n = 0;
	struct ctx c;

	ctx_init(&c, "clowder");
	/* First looked at, then written to. */
	CHECK_OK(ctx_store_read(&c, &s, &e), &e);
	CHECK_OK(ctx_store_write(&c, &s, &e), &e);
	CHECK(!c.no_store && c.writes);
	CHECK_OK(store_space_list(s, &mem, &list, &n, &e), &e);
	CHECK_U(n, 1);
	CHECK_STR(list[0].team, "local");
	CHECK_OK(os_mode_check(dir, 0700, &e), &e);
	CHECK_OK(os_mode_check(c.home.auth_dir, 0700, &e), &e);
	CHECK_OK(os_mode_check(c.home.store, 0600, &e), &e);
	ctx_fini(&c);
}

static void
says_once(void)
{
	struct home h;

	(void)home("notices");
	CHECK_OK(home_find(&h, "clowder", &mem, &e), &e);
	/* There is no home yet, and none is made for this. */
	CHECK(home_notice(&h, "a", 1000, 0));
	CHECK(home_notice(&h, "a", 1000, 0));
	CHECK(!os_exists(h.dir));
	CHECK_OK(home_make(&h, &e), &e);
	CHECK(home_notice(&h, "a", 1000, 0));
	CHECK(!home_notice(&h, "a", 9999999, 0));
	CHECK(home_notice(&h, "a b", 1000, 3600));
	CHECK(!home_notice(&h, "a b", 1000 + 3599999, 3600));
	CHECK(home_notice(&h, "a b", 1000 + 3600000, 3600));
	CHECK(!home_notice(&h, "a b", 1000 + 3600001, 3600));
	CHECK(!home_notice(&h, "a", 9999999, 0));
}

static void
author_is(const char *want)
{
	struct ctx c;
	struct str got = { 0 };

	ctx_init(&c, "clowder");
	CHECK_OK(ctx_author(&c, &got, &e), &e);
	CHECK_STR(got, want);
	ctx_fini(&c);
}

static void
who_writes(void)
{
	static const char *const wrong[] = { "ann",
		"user:", "agent:", "user:a\nb", "x:y" };
	struct str got;
	struct ctx c;

	(void)unsetenv("CLAUDECODE");
	(void)unsetenv("CLAUDE_CODE_SESSION_ID");
	(void)unsetenv("CLAUDE_SESSION_ID");
	CHECK_U(setenv("CLOWDER_AUTHOR", "user:ann", 1), 0);
	author_is("user:ann");
	CHECK_U(setenv("CLOWDER_AUTHOR", "agent:codex/7", 1), 0);
	author_is("agent:codex/7");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		t_note("%s", wrong[i]);
		CHECK_U(setenv("CLOWDER_AUTHOR", wrong[i], 1), 0);
		ctx_init(&c, "clowder");
		CHECK_ERR(ctx_author(&c, &got, &e), ERR_USAGE);
		ctx_fini(&c);
	}
	t_note("%s", "");
	(void)unsetenv("CLOWDER_AUTHOR");
	CHECK_U(setenv("CLAUDECODE", "1", 1), 0);
	author_is("agent:claude");
	CHECK_U(setenv("CLAUDE_CODE_SESSION_ID", "s-1", 1), 0);
	author_is("agent:claude/s-1");
	(void)unsetenv("CLAUDECODE");
	ctx_init(&c, "clowder");
	CHECK_OK(ctx_author(&c, &got, &e), &e);
	CHECK(str_starts(got, STR("user:")) && got.n > 5);
	ctx_fini(&c);
}

static void
a_draft_knows_where_it_is(void)
{
	struct draft d = { 0 };
	struct ctx c;

	CHECK_U(setenv("CLOWDER_AUTHOR", "user:ann", 1), 0);
	ctx_init(&c, "clowder");
	c.folder = t_tmp();
	CHECK_OK(ctx_draft(&c, &d, &e), &e);
	CHECK_STR(d.author, "user:ann");
	CHECK_U(d.project_uuid.n, 36);
	CHECK(d.project_slug.n > 0);
	CHECK_U(d.session_id.n, 0);
	ctx_fini(&c);
	(void)unsetenv("CLOWDER_AUTHOR");
}

int
main(void)
{
	T_RUN(names_of_the_program);
	T_RUN(reading_makes_nothing);
	T_RUN(sweeps_what_was_left);
	T_RUN(empty_stores);
	T_RUN(a_store_that_was_taken_away);
	T_RUN(writing_makes_what_is_missing);
	T_RUN(says_once);
	T_RUN(who_writes);
	T_RUN(a_draft_knows_where_it_is);
	arena_fini(&mem);
	return t_done();
}
