#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "file.h"
#include "git.h"
#include "path.h"
#include "proc.h"
#include "t.h"

static struct arena a;
static struct err_info e;

static const char hex[] = "0123456789abcdef0123456789abcdef01234567";

static const char *
at(const char *rest)
{
	const char *tmp;

	CHECK_OK(os_real(&a, t_tmp(), &tmp, &e), &e);
	return os_join(&a, tmp, rest);
}

static void
put(const char *path, const char *text)
{
	CHECK_OK(os_mkdirs(os_dir(&a, path), 0700, &e), &e);
	CHECK_OK(os_write_atomic(path, str_of(text), 0, &e), &e);
}

static void
config_urls(void)
{
	/* clang-format off */
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "", NULL },
		{ "[remote \"origin\"]\n\turl = git@h:a/b.git\n", "git@h:a/b.git" },
		{ "[remote \"origin\"] url=x", "x" },
		{ "[REMOTE \"origin\"]\nURL=x\n", "x" },
		{ "[remote \"Origin\"]\nurl=x\n", NULL },
		{ "[remote.origin]\nurl=x\n", "x" },
		{ "[remote \"other\"]\nurl=x\n[core]\nurl=y\n", NULL },
		{ "[remote \"origin\"]\nfetch=+refs/*\nurl=x\nurl=y\n", "x" },
		{ "[remote \"origin\"]\nurl =   a b  # note\n", "a b" },
		{ "[remote \"origin\"]\nurl = \"a;b\" ; note\n", "a;b" },
		{ "[remote \"origin\"]\nurl = \" x \"\n", " x " },
		{ "[remote \"origin\"]\nurl = a\\\\b\\tc\n", "a\\b\tc" },
		{ "[remote \"origin\"]\nurl = long\\\n/er\n", "long/er" },
		{ "[remote \"origin\"]\r\nurl = x\r\n", "x" },
		{ "[remote \"origin\"]\nurl = \"open\n", NULL },
		{ "[remote \"origin\"]\nurl = bad\\x\n", NULL },
		{ "[remote \"origin\"]\nurl\n", NULL },
		{ "[remote \"origin\"]\nurl =\n", NULL },
		{ "[remote \"origin\"]\nurlx = a\npushurl = b\n", NULL },
		{ "[remote \"or\\igin\"]\nurl=x\n", "x" },
		{ "[remote \"origin\nurl=x\n", NULL },
		{ "# [remote \"origin\"]\nurl=x\n", NULL },
		{ "[a]\nx = \\\n[remote \"origin\"]\nurl=x\n", NULL },
		{ "[remote \"origin\"]\n;url=x\nurl=y", "y" },
		{ "[", NULL },
		{ "[remote \"origin\"", NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const char *got;

		t_note("row %zu: %s", i, row[i].text);
		CHECK_OK(os_git_remote(str_of(row[i].text), "origin", &a, &got,
		             &e),
		    &e);
		CHECK((got == NULL) == (row[i].want == NULL));
		if (got != NULL && row[i].want != NULL)
			CHECK_STR(str_of(got), row[i].want);
	}
}

static void
a_plain_repository(void)
{
	struct os_git g;

	put(at("p/.git/HEAD"), "ref: refs/heads/feature/x\n");
	put(at("p/.git/refs/heads/feature/x"), arena_fmt(&a, "%s\n", hex));
	put(at("p/.git/config"), "[remote \"origin\"]\nurl = u\n");
	CHECK_OK(os_mkdirs(at("p/deep/er"), 0700, &e), &e);
	CHECK_OK(os_git_find(at("p/deep/er"), &a, &g, &e), &e);
	CHECK_STR(str_of(g.top), at("p"));
	CHECK_STR(str_of(g.git_dir), at("p/.git"));
	CHECK_STR(str_of(g.common_dir), at("p/.git"));
	CHECK_STR(str_of(g.origin), "u");
	CHECK_STR(str_of(g.branch), "feature/x");
	CHECK_STR(str_of(g.head), hex);
}

static void
packed_detached_and_unborn(void)
{
	const char *head = at("q/.git/HEAD");
	struct os_git g;

	put(head, "ref: refs/heads/main\n");
	put(at("q/.git/packed-refs"),
	    arena_fmt(&a,
	        "# pack-refs with: peeled fully-peeled sorted \n"
	        "%.39sf refs/heads/main2\n"
	        "%.39se refs/remotes/refs/heads/main\n"
	        "%s refs/heads/main\n^%s\n",
	        hex, hex, hex, hex));
	CHECK_OK(os_git_find(at("q"), &a, &g, &e), &e);
	CHECK_STR(str_of(g.head), hex);
	CHECK(g.origin == NULL);
	put(head, "ref: refs/heads/unborn\n");
	CHECK_OK(os_git_find(at("q"), &a, &g, &e), &e);
	CHECK_STR(str_of(g.branch), "unborn");
	CHECK(g.head == NULL);
	put(head, arena_fmt(&a, "%s\n", hex));
	CHECK_OK(os_git_find(at("q"), &a, &g, &e), &e);
	CHECK(g.branch == NULL);
	CHECK_STR(str_of(g.head), hex);
}

static void
refs_lead_nowhere_else(void)
{
	static const char *const bad[] = { "ref: ../../secret",
		"ref: refs/heads/../../../secret", "ref: refs//secret",
		"ref: /etc/passwd", "ref: refs/heads/.hidden", "nonsense", "",
		"ref: refs/heads/loop" };

	put(at("r/secret"), hex);
	put(at("secret"), hex);
	put(at("r/.git/refs/heads/loop"), "ref: refs/heads/loop\n");
	put(at("r/.git/refs/heads/.hidden"), hex);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct os_git g;

		t_note("%s", bad[i]);
		put(at("r/.git/HEAD"), bad[i]);
		CHECK_OK(os_git_find(at("r"), &a, &g, &e), &e);
		CHECK(g.head == NULL);
	}
}

static void
not_a_repository(void)
{
	struct os_git g;

	CHECK_OK(os_mkdirs(at("n/.git"), 0700, &e), &e); /* no HEAD in it */
	CHECK_ERR(os_git_find(at("n"), &a, &g, &e), ERR_NOT_FOUND);
	put(at("n2/.git"), "gitdir: nowhere\n");
	CHECK_ERR(os_git_find(at("n2"), &a, &g, &e), ERR_NOT_FOUND);
	put(at("n2/.git"), "what\n");
	CHECK_ERR(os_git_find(at("n2"), &a, &g, &e), ERR_NOT_FOUND);
	CHECK_ERR(os_git_find(at("none"), &a, &g, &e), ERR_NOT_FOUND);
}

/* git itself as the oracle. */
static int
git(const char *dir, const char *const *rest)
{
	const char *argv[16] = { "git", "-C", dir, "-c", "user.name=n", "-c",
		"user.email=e@x" };
	const char *env[] = { arena_fmt(&a, "PATH=%s", getenv("PATH")),
		"GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", NULL };
	struct os_spawn s = { .argv = argv, .env = env };
	int pid, status = -1;

	for (size_t i = 0; rest[i] != NULL; i++)
		argv[7 + i] = rest[i];
	if (os_spawn(&s, &pid, &e) == ERR_OK)
		CHECK_OK(os_wait(pid, &status, &e), &e);
	return status;
}
#define GIT(dir, ...) \
	CHECK_I(git(dir, (const char *[]){ __VA_ARGS__, NULL }), 0)

static void
what_git_makes(void)
{
	struct os_git g, w;
	const char *repo = at("real");

	CHECK_OK(os_mkdirs(repo, 0700, &e), &e);
	GIT(repo, "init", "-q", "-b", "trunk");
	GIT(repo, "remote", "add", "origin", "https://h/a \"b\";c#d.git");
	CHECK_OK(os_git_find(repo, &a, &g, &e), &e);
	CHECK(g.head == NULL);
	CHECK_STR(str_of(g.branch), "trunk");
	GIT(repo, "commit", "-q", "--allow-empty", "-m", "one");
	GIT(repo, "worktree", "add", "-q", "-b", "side", at("linked"));
	GIT(repo, "pack-refs", "--all");
	CHECK_OK(os_git_find(repo, &a, &g, &e), &e);
	CHECK_OK(os_git_find(at("linked"), &a, &w, &e), &e);
	CHECK_STR(str_of(g.origin), "https://h/a \"b\";c#d.git");
	CHECK_STR(str_of(w.origin), "https://h/a \"b\";c#d.git");
	CHECK_STR(str_of(w.branch), "side");
	CHECK_STR(str_of(w.top), at("linked"));
	CHECK_STR(str_of(w.common_dir), g.common_dir);
	CHECK(strcmp(w.git_dir, g.git_dir) != 0);
	CHECK(g.head != NULL && w.head != NULL && strcmp(g.head, w.head) == 0);
	GIT(at("linked"), "commit", "-q", "--allow-empty", "-m", "two");
	CHECK_OK(os_git_find(at("linked"), &a, &w, &e), &e);
	CHECK(strcmp(g.head, w.head) != 0);
}

static void
every_fault(void)
{
	const char *dir = at("p");
	int n = 0;
	bool hit;

	do {
		struct arena b = { 0 };
		struct os_git g = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = os_git_find(dir, &b, &g, &e);
		hit = fault_hit();
		fault_arm(-1);
		/* A file that cannot be read costs its member only. */
		CHECK(hit || (rc == ERR_OK && g.head && g.origin));
		CHECK(rc == ERR_OK || rc == ERR_NOMEM || rc == ERR_NOT_FOUND);
		arena_fini(&b);
	} while (hit);
	CHECK(n > 10);
}

int
main(void)
{
	T_RUN(config_urls);
	T_RUN(a_plain_repository);
	T_RUN(packed_detached_and_unborn);
	T_RUN(refs_lead_nowhere_else);
	T_RUN(not_a_repository);
	T_RUN(what_git_makes);
	T_RUN(every_fault);
	arena_fini(&a);
	return t_done();
}
