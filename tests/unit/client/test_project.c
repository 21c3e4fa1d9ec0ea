/* The identity of a project, docs/formats.md 1. */
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "path.h"
#include "project.h"
#include "t.h"

static struct arena a;
static struct err_info e;

static void
remotes_have_one_spelling(void)
{
	static const struct {
		const char *url, *want;
	} row[] = {
		{ "git@github.com:ann/shop.git", "github.com/ann/shop" },
		{ "https://github.com/ann/shop.git", "github.com/ann/shop" },
		{ "https://GitHub.com/ann/shop/", "github.com/ann/shop" },
		{ "ssh://git@github.com:22/ann/shop", "github.com/ann/shop" },
		{ "https://ann:secret@github.com/ann/shop",
		    "github.com/ann/shop" },
		{ "git://host//a/b.git", "host/a/b" },
		{ "https://host/Ann/Shop", "host/Ann/Shop" },
		{ "ssh://git@[::1]:22/a/b", "[::1]:22/a/b" },
		{ "host:path/to", "host/path/to" },
		{ "/srv/git/shop.git", "" },
		{ "../shop.git", "" },
		{ "./a:b", "" },
		{ "file:///srv/git/shop", "" },
		{ "https://host/", "" },
		{ "https://host", "" },
		{ "host:", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].url);
		CHECK_STR(project_canonical_url(str_of(row[i].url), &a),
		    row[i].want);
	}
}

static void
reads_kittify(void)
{
	static const struct {
		const char *yaml, *want;
	} row[] = {
		{ "project:\n  uuid: abc\n", "abc" },
		{ "# c\nproject:\n  slug: x\n  uuid: \"abc\" # why\n", "abc" },
		{ "agents:\n  uuid: no\nproject:\n  name: y\n  uuid: 'abc'\n",
		    "abc" },
		{ "project: {uuid: abc}\n", "abc" },
		{ "project: { slug: x, uuid: abc }\n", "abc" },
		{ "project:\n  slug: x\nagents:\n  uuid: no\n", "" },
		{ "uuid: no\n", "" },
		{ "project:\n", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].yaml);
		CHECK_STR(project_kittify_uuid(str_of(row[i].yaml)),
		    row[i].want);
	}
}

/* A file below the test's folder, with its folders. */
static void
put(const char *dir, const char *name, const char *text)
{
	const char *path = os_join(&a, dir, name);

	CHECK_OK(os_mkdirs(os_dir(&a, path), 0700, &e), &e);
	CHECK_OK(os_write_atomic(path, str_of(text), 0600, &e), &e);
}

static const char *
folder(const char *name)
{
	const char *path = os_join(&a, t_tmp(), name), *real = path;

	CHECK_OK(os_mkdirs(path, 0700, &e), &e);
	CHECK_OK(os_real(&a, path, &real, &e), &e);
	return real;
}

static void
first_that_is_there(void)
{
	const char *top = folder("first"), *deep = folder("first/src/deep");
	struct project p;
	struct str by_path, by_remote;

	CHECK_OK(project_find(&p, top, &a, &e), &e);
	CHECK_U(p.from, PROJECT_PATH);
	CHECK_STR(p.slug, "first");
	CHECK(!p.has_git);
	by_path = p.uuid;

	put(top, ".git/HEAD", "ref: refs/heads/main\n");
	put(top, ".git/config", "[core]\n");
	put(top, ".git/refs/heads/x", "");
	put(top, ".git/objects/x", "");
	CHECK_OK(project_find(&p, deep, &a, &e), &e);
	CHECK_U(p.from, PROJECT_PATH);
	CHECK(p.has_git);
	CHECK_EQ(p.uuid, by_path);
	CHECK_STR(str_of(p.root), top);

	put(top, ".git/config",
	    "[remote \"origin\"]\n\turl = git@example.org:ann/shop.git\n");
	CHECK_OK(project_find(&p, deep, &a, &e), &e);
	CHECK_U(p.from, PROJECT_REMOTE);
	CHECK_STR(p.remote, "example.org/ann/shop");
	CHECK_STR(p.slug, "shop");
	CHECK_STR(str_of(p.git.branch), "main");
	by_remote = p.uuid;
	CHECK(!str_eq(by_remote, by_path));

	put(top, ".kittify/config.yaml",
	    "project:\n  uuid: 6BA7B811-9DAD-11D1-80B4-00C04FD430C8\n");
	CHECK_OK(project_find(&p, deep, &a, &e), &e);
	CHECK_U(p.from, PROJECT_KITTIFY);
	CHECK_STR(p.uuid, "6ba7b811-9dad-11d1-80b4-00c04fd430c8");

	CHECK_OK(project_write(top, by_remote, STR("shop-2"), &e), &e);
	CHECK_OK(project_find(&p, deep, &a, &e), &e);
	CHECK_U(p.from, PROJECT_FILE);
	CHECK_EQ(p.uuid, by_remote);
	CHECK_STR(p.slug, "shop-2");
	CHECK_ERR(project_write(top, by_path, STR("x"), &e), ERR_EXISTS);
}

/* Version 5 of the stated names: other programs can compute it. */
static void
the_remote_gives_the_same_everywhere(void)
{
	const char *one = folder("one"), *two = folder("two");
	struct project p, q;

	put(one, ".git/HEAD", "ref: refs/heads/main\n");
	put(one, ".git/config",
	    "[remote \"origin\"]\n\turl = https://GitHub.com/ann/shop.git\n");
	put(two, ".git/HEAD", "ref: refs/heads/main\n");
	put(two, ".git/config",
	    "[remote \"origin\"]\n\turl = git@github.com:ann/shop\n");
	CHECK_OK(project_find(&p, one, &a, &e), &e);
	CHECK_OK(project_find(&q, two, &a, &e), &e);
	CHECK_EQ(p.uuid, q.uuid);
	/* python3: u=uuid; ns=u.uuid5(u.NAMESPACE_URL, "clowder:project");
	 * u.uuid5(ns, "github.com/ann/shop") */
	CHECK_STR(p.uuid, "c0eab267-3bb7-5991-9ee9-8b52fedeeb0c");
}

static void
worktrees_are_one_project(void)
{
	const char *top = folder("main"), *tree = folder("tree");
	struct project p, q;

	put(top, ".git/HEAD", "ref: refs/heads/main\n");
	put(top, ".git/config", "[core]\n");
	put(top, ".git/worktrees/tree/HEAD", "ref: refs/heads/side\n");
	put(top, ".git/worktrees/tree/commondir", "../..\n");
	put(top, ".git/worktrees/tree/gitdir",
	    arena_fmt(&a, "%s/.git\n", tree));
	put(tree, ".git",
	    arena_fmt(&a, "gitdir: %s/.git/worktrees/tree\n", top));
	CHECK_OK(project_find(&p, top, &a, &e), &e);
	CHECK_OK(project_find(&q, tree, &a, &e), &e);
	CHECK_EQ(p.uuid, q.uuid);
	CHECK_STR(str_of(q.git.branch), "side");
	/* What is not checked in is found in the other one. */
	CHECK_OK(project_write(top, STR("6ba7b811-9dad-11d1-80b4-00c04fd430c8"),
	             STR("s"), &e),
	    &e);
	CHECK_OK(project_find(&q, tree, &a, &e), &e);
	CHECK_STR(q.uuid, "6ba7b811-9dad-11d1-80b4-00c04fd430c8");
}

static void
wrong_files_are_named(void)
{
	const char *top = folder("wrong");
	struct project p;

	put(top, ".clowder/project.toml", "slug = \"x\"\n");
	CHECK_ERR(project_find(&p, top, &a, &e), ERR_CONFIG);
	put(top, ".clowder/project.toml", "uuid = \"nonsense\"\n");
	CHECK_ERR(project_find(&p, top, &a, &e), ERR_CONFIG);
	put(top, ".clowder/project.toml", "uuid = [\n");
	CHECK_ERR(project_find(&p, top, &a, &e), ERR_CONFIG);
	/* A ULID is an id of events, not of projects. */
	put(top, ".clowder/project.toml",
	    "uuid = \"01ARZ3NDEKTSV4RRFFQ69G5FAV\"\n");
	CHECK_ERR(project_find(&p, top, &a, &e), ERR_CONFIG);
}

/* Old transcripts name folders that are gone. */
static void
a_folder_that_is_gone(void)
{
	const char *top = folder("gone");
	struct project p;

	put(top, ".clowder/project.toml",
	    "uuid = \"6ba7b811-9dad-11d1-80b4-00c04fd430c8\"\nslug = \"g\"\n");
	CHECK_OK(project_find(&p, os_join(&a, top, "old/src"), &a, &e), &e);
	CHECK_STR(p.slug, "g");
}

int
main(void)
{
	T_RUN(remotes_have_one_spelling);
	T_RUN(reads_kittify);
	T_RUN(first_that_is_there);
	T_RUN(the_remote_gives_the_same_everywhere);
	T_RUN(worktrees_are_one_project);
	T_RUN(wrong_files_are_named);
	T_RUN(a_folder_that_is_gone);
	arena_fini(&a);
	return t_done();
}
