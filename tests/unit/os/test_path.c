#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "file.h"
#include "path.h"
#include "t.h"

static struct arena a;
static struct err_info e;

static void
parts(void)
{
	static const struct {
		const char *path, *base, *dir;
	} row[] = {
		{ "a", "a", "." },
		{ "a/b", "b", "a" },
		{ "/a", "a", "/" },
		{ "/a/b.c", "b.c", "/a" },
		{ "/", "", "/" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].path);
		CHECK_STR(str_of(os_base(row[i].path)), row[i].base);
		CHECK_STR(str_of(os_dir(&a, row[i].path)), row[i].dir);
	}
}

static void
joins(void)
{
	CHECK_STR(str_of(os_join(&a, "/x", "y/z")), "/x/y/z");
	CHECK_STR(str_of(os_join(&a, "/x/", "y")), "/x/y");
	CHECK_STR(str_of(os_join(&a, "/", "y")), "/y");
	CHECK_STR(str_of(os_join(&a, "", "y")), "y");
	CHECK_STR(str_of(os_join(&a, "/x", "/y")), "/y");
}

static void
home_by_name_and_environment(void)
{
	static const struct {
		const char *set, *home, *program, *want;
	} row[] = {
		{ NULL, "/h", "clowder", "/h/.clowder" },
		{ "", "/h/", "/usr/bin/clowder", "/h/.clowder" },
		{ NULL, "/h", "/opt/spec-kitty", "/h/.spec-kitty" },
		{ NULL, "/h", "not-spec-kitty", "/h/.clowder" },
		{ "/c", "/h", "clowder", "/c" },
		{ "/c", "/h", "spec-kitty", "/c" },
		{ "/c", NULL, "clowder", "/c" },
	};
	const char *home;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("row %zu", i);
		(void)unsetenv("CLOWDER_HOME");
		(void)unsetenv("HOME");
		if (row[i].set)
			CHECK(setenv("CLOWDER_HOME", row[i].set, 1) == 0);
		if (row[i].home)
			CHECK(setenv("HOME", row[i].home, 1) == 0);
		CHECK_OK(os_home_dir(row[i].program, &a, &home, &e), &e);
		CHECK_STR(str_of(home), row[i].want);
	}
}

static void
a_relative_home_is_made_absolute(void)
{
	const char *home, *cwd;

	CHECK(setenv("CLOWDER_HOME", "rel", 1) == 0);
	CHECK_OK(os_cwd(&a, &cwd, &e), &e);
	CHECK_OK(os_home_dir("clowder", &a, &home, &e), &e);
	CHECK_EQ(str_of(home), str_of(os_join(&a, cwd, "rel")));
	CHECK(unsetenv("CLOWDER_HOME") == 0);
}

static void
without_home_the_database_is_asked(void)
{
	static const char *const useless[] = { NULL, "", "relative" };
	const struct passwd *pw = getpwuid(geteuid());
	const char *want = pw ? pw->pw_dir : NULL, *got;

	for (size_t i = 0; i < 3; i++) {
		(void)unsetenv("HOME");
		if (useless[i])
			CHECK(setenv("HOME", useless[i], 1) == 0);
		if (want == NULL) {
			CHECK_ERR(os_user_dir(&a, &got, &e), ERR_NOT_FOUND);
			continue;
		}
		CHECK_OK(os_user_dir(&a, &got, &e), &e);
		CHECK_STR(str_of(got), want);
	}
}

static void
expands_the_tilde(void)
{
	const char *got;

	CHECK(setenv("HOME", "/h", 1) == 0);
	CHECK_OK(os_expand(&a, "~", &got, &e), &e);
	CHECK_STR(str_of(got), "/h");
	CHECK_OK(os_expand(&a, "~//x/y", &got, &e), &e);
	CHECK_STR(str_of(got), "/h/x/y");
	CHECK_OK(os_expand(&a, "~/", &got, &e), &e);
	CHECK_STR(str_of(got), "/h");
	CHECK_OK(os_expand(&a, "~user/x", &got, &e), &e);
	CHECK_STR(str_of(got), "~user/x");
	CHECK_OK(os_expand(&a, "/a/~", &got, &e), &e);
	CHECK_STR(str_of(got), "/a/~");
}

static void
resolves_links(void)
{
	const char *tmp, *got;

	CHECK_OK(os_real(&a, t_tmp(), &tmp, &e), &e);
	CHECK_OK(os_mkdirs(os_join(&a, tmp, "real"), 0700, &e), &e);
	CHECK(symlink("real", os_join(&a, tmp, "link")) == 0);
	CHECK_OK(os_real(&a, os_join(&a, tmp, "link/../link"), &got, &e), &e);
	CHECK_EQ(str_of(got), str_of(os_join(&a, tmp, "real")));
	CHECK_ERR(os_real(&a, os_join(&a, tmp, "none"), &got, &e),
	    ERR_NOT_FOUND);
}

static void
every_fault(void)
{
	int n = 0;
	bool hit;

	(void)unsetenv("HOME");
	do {
		struct arena b = { 0 };
		const char *got;
		enum err rc;

		fault_arm(n++);
		rc = os_expand(&b, "~/x", &got, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit || rc == ERR_NOT_FOUND);
		arena_fini(&b);
	} while (hit);
	CHECK(n > 1);
}

int
main(void)
{
	T_RUN(parts);
	T_RUN(joins);
	T_RUN(home_by_name_and_environment);
	T_RUN(a_relative_home_is_made_absolute);
	T_RUN(without_home_the_database_is_asked);
	T_RUN(expands_the_tilde);
	T_RUN(resolves_links);
	T_RUN(every_fault);
	arena_fini(&a);
	return t_done();
}
