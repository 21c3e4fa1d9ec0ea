#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arena.h"
#include "fault.h"
#include "file.h"
#include "t.h"

static struct arena a;
static struct err_info e;

static const char *
at(const char *rest)
{
	return arena_fmt(&a, "%s/%s", t_tmp(), rest);
}

static void
mkdirs_sets_the_mode(void)
{
	mode_t old = umask(077);
	struct os_file_id id;

	CHECK_OK(os_mkdirs(at("m/n//o/"), 0750, &e), &e);
	(void)umask(old);
	CHECK(os_is_dir(at("m/n/o")));
	CHECK_OK(os_stat_id(at("m/n"), &id, &e), &e);
	CHECK_U(id.mode, 0750);
	CHECK_OK(os_mkdirs(at("m/n"), 0700, &e), &e);
	CHECK_OK(os_stat_id(at("m/n"), &id, &e), &e);
	CHECK_U(id.mode, 0750); /* what exists keeps its mode */
}

static void
mkdirs_says_what_is_in_the_way(void)
{
	CHECK_OK(os_write_atomic(at("file"), STR(""), 0, &e), &e);
	CHECK_ERR(os_mkdirs(at("file"), 0700, &e), ERR_EXISTS);
	CHECK_ERR(os_mkdirs(at("file/below"), 0700, &e), ERR_EXISTS);
	CHECK_ERR(os_mkdirs("", 0700, &e), ERR_NOT_FOUND);
	CHECK_ERR(os_mkdirs("/proc/no/such", 0700, &e), ERR_NOT_FOUND);
}

static void
mkdirs_walks_every_fault(void)
{
	int n = 0;
	bool hit;

	do {
		enum err rc;

		fault_arm(n);
		rc = os_mkdirs(at(arena_fmt(&a, "w%d/x/y", n)), 0700, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		n++;
	} while (hit);
	CHECK(n > 6);
}

static void
a_list_is_sorted(void)
{
	static const char *const name[] = { "b", "a", "C", ".hidden", "aa" };
	static const char *const want[] = { ".hidden", "C", "a", "aa", "b" };
	struct os_names l = { 0 };

	for (size_t i = 0; i < 5; i++)
		CHECK_OK(os_mkdirs(at(arena_fmt(&a, "l/%s", name[i])), 0700,
		             &e),
		    &e);
	CHECK_OK(os_list(at("l"), &l, &e), &e);
	CHECK_U(l.n, 5);
	for (size_t i = 0; i < 5 && i < l.n; i++)
		CHECK_STR(str_of(l.name[i]), want[i]);
	os_names_fini(&l);
	CHECK_OK(os_list(at("l/a"), &l, &e), &e);
	CHECK_U(l.n, 0);
	os_names_fini(&l);
	CHECK_ERR(os_list(at("l/none"), &l, &e), ERR_NOT_FOUND);
}

/* What a walk saw, as one text: "kind depth name;" */
struct seen {
	struct buf text;
	const char *skip, *stop;
	bool stat;
};

static enum os_walk_do
see(void *ctx, const struct os_walk_entry *entry)
{
	struct seen *s = ctx;

	buf_addf(&s->text, "%c%u %s;",
	    entry->unreadable ? '!' : "fdlo"[entry->kind], entry -> depth,
	    entry -> name);
	CHECK((entry->id != NULL) == s->stat);
	CHECK(str_ends(str_of(entry->path), str_of(entry->name)));
	if (s->skip != NULL && strcmp(entry->name, s->skip) == 0)
		return OS_WALK_SKIP;
	if (s->stop != NULL && strcmp(entry->name, s->stop) == 0)
		return OS_WALK_STOP;
	return OS_WALK_ON;
}

static void
tree(void)
{
	static const char *const file[] = { "t/1", "t/d/2", "t/d/deep/3" };

	CHECK_OK(os_mkdirs(at("t/d/deep"), 0700, &e), &e);
	CHECK_OK(os_mkdirs(at("t/e"), 0700, &e), &e);
	for (size_t i = 0; i < 3; i++)
		CHECK_OK(os_write_atomic(at(file[i]), STR("x"), 0, &e), &e);
	CHECK(symlink("..", at("t/loop")) == 0);
}

static void
a_walk_is_in_order(void)
{
	static const struct {
		unsigned depth;
		unsigned flags;
		const char *skip, *stop, *want;
	} row[] = {
		{ 9, 0, NULL, NULL,
		    "f0 1;d0 d;f1 2;d1 deep;f2 3;d0 e;l0 loop;" },
		{ 9, OS_WALK_STAT, NULL, NULL,
		    "f0 1;d0 d;f1 2;d1 deep;f2 3;d0 e;l0 loop;" },
		{ 1, 0, NULL, NULL, "f0 1;d0 d;f1 2;d1 deep;d0 e;l0 loop;" },
		{ 0, 0, NULL, NULL, "f0 1;d0 d;d0 e;l0 loop;" },
		{ 9, 0, "d", NULL, "f0 1;d0 d;d0 e;l0 loop;" },
		{ 9, 0, NULL, "2", "f0 1;d0 d;f1 2;" },
	};

	tree();
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct seen s = { .skip = row[i].skip,
			.stop = row[i].stop,
			.stat = row[i].flags != 0 };

		t_note("row %zu", i);
		CHECK_OK(os_walk(at("t"), row[i].depth, row[i].flags, see, &s,
		             &e),
		    &e);
		CHECK_STR(buf_str(&s.text), row[i].want);
		buf_fini(&s.text);
	}
	CHECK_ERR(os_walk(at("none"), 9, 0, see, NULL, &e), ERR_NOT_FOUND);
	CHECK_ERR(os_walk(at("t/1"), 9, 0, see, NULL, &e), ERR_NOT_FOUND);
}

/* Removes a folder when it is shown, so that it is gone when it is entered. */
static enum os_walk_do
remove_it(void *ctx, const struct os_walk_entry *entry)
{
	(void)ctx;
	if (entry->kind == OS_DIR)
		CHECK(rmdir(entry->path) == 0);
	return OS_WALK_ON;
}

static void
what_vanishes_is_left_out(void)
{
	struct os_names l = { 0 };

	CHECK_OK(os_mkdirs(at("v/1"), 0700, &e), &e);
	CHECK_OK(os_mkdirs(at("v/2"), 0700, &e), &e);
	CHECK_OK(os_walk(at("v"), 9, 0, remove_it, NULL, &e), &e);
	CHECK_OK(os_list(at("v"), &l, &e), &e);
	CHECK_U(l.n, 0);
	os_names_fini(&l);
}

static void
what_may_not_be_read_is_shown(void)
{
	struct seen s = { 0 };
	bool root = geteuid() == 0;

	CHECK_OK(os_mkdirs(at("u/closed"), 0700, &e), &e);
	CHECK_OK(os_mkdirs(at("u/open/in"), 0755, &e), &e);
	CHECK(chmod(at("u/closed"), root ? 0700 : 0) == 0);
	CHECK(chmod(at("u"), 0755) == 0 && chmod(t_tmp(), 0755) == 0);
	CHECK(!root || seteuid(65534) == 0);
	CHECK_OK(os_walk(at("u"), 9, 0, see, &s, &e), &e);
	CHECK(!root || seteuid(0) == 0);
	CHECK(chmod(at("u/closed"), 0700) == 0);
	CHECK_STR(buf_str(&s.text), "d0 closed;!0 closed;d0 open;d1 in;");
	buf_fini(&s.text);
}

static void
a_walk_walks_every_fault(void)
{
	int n = 0;
	bool hit;

	do {
		struct seen s = { 0 };
		enum err rc;

		/* Its own memory first, so that only the walk's is failed. */
		CHECK(buf_reserve(&s.text, 4096));
		fault_arm(n++);
		rc = os_walk(at("t"), 9, 0, see, &s, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		buf_fini(&s.text);
	} while (hit);
	CHECK(n > 10);
}

int
main(void)
{
	T_RUN(mkdirs_sets_the_mode);
	T_RUN(mkdirs_says_what_is_in_the_way);
	T_RUN(mkdirs_walks_every_fault);
	T_RUN(a_list_is_sorted);
	T_RUN(a_walk_is_in_order);
	T_RUN(what_vanishes_is_left_out);
	T_RUN(what_may_not_be_read_is_shown);
	T_RUN(a_walk_walks_every_fault);
	arena_fini(&a);
	return t_done();
}
