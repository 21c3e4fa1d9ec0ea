#include <fcntl.h>
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

/* A path in a fresh folder of this test. */
static const char *
fresh(const char *test, const char *name)
{
	const char *dir = arena_fmt(&a, "%s/%s", t_tmp(), test);

	CHECK_OK(os_mkdirs(dir, 0700, &e), &e);
	return arena_fmt(&a, "%s/%s", dir, name);
}

static void
put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(fd, mode) == 0 && close(fd) == 0);
}

static bool
holds(const char *path, const char *want)
{
	struct buf b = { 0 };
	bool same = os_read_file(path, 1 << 20, &b, &e) == ERR_OK &&
	    str_is(buf_str(&b), want);

	buf_fini(&b);
	return same;
}

static mode_t
mode_of(const char *path)
{
	struct os_file_id id = { 0 };

	CHECK_OK(os_stat_id(path, &id, &e), &e);
	return id.mode;
}

static size_t
count_names(const char *dir)
{
	struct os_names l = { 0 };
	size_t n;

	CHECK_OK(os_list(dir, &l, &e), &e);
	n = l.n;
	os_names_fini(&l);
	return n;
}

static void
read_is_bounded(void)
{
	const char *path = fresh("bounded", "f");
	struct buf b = { 0 };

	put(path, "12345678", 0600);
	CHECK_OK(os_read_file(path, 8, &b, &e), &e);
	CHECK_STR(buf_str(&b), "12345678");
	CHECK_ERR(os_read_file(path, 7, &b, &e), ERR_TOO_LARGE);
	CHECK_STR(buf_str(&b), "12345678"); /* as it was */
	CHECK_OK(os_read_file(path, 8, &b, &e), &e);
	CHECK_STR(buf_str(&b), "1234567812345678"); /* appends */
	buf_fini(&b);
}

static void
read_refuses_what_is_no_file(void)
{
	const char *pipe_path = fresh("nofile", "pipe");
	struct buf b = { 0 };

	CHECK_ERR(os_read_file(fresh("nofile", "gone"), 8, &b, &e),
	    ERR_NOT_FOUND);
	CHECK_ERR(os_read_file(t_tmp(), 8, &b, &e), ERR_REFUSED);
	CHECK(mkfifo(pipe_path, 0600) == 0);
	CHECK_ERR(os_read_file(pipe_path, 8, &b, &e), ERR_REFUSED);
	CHECK_ERR(os_write_atomic(pipe_path, STR("x"), 0, &e), ERR_REFUSED);
	CHECK_OK(os_read_file("/proc/self/stat", 4096, &b, &e), &e);
	CHECK(b.len > 0); /* says size 0, has content */
	buf_fini(&b);
}

static void
read_from_a_pipe(void)
{
	struct buf b = { 0 };
	int fd[2];

	CHECK(pipe2(fd, O_CLOEXEC) == 0);
	CHECK_OK(os_write_fd(fd[1], "pipe", STR("through"), &e), &e);
	CHECK(close(fd[1]) == 0);
	CHECK_OK(os_read_fd(fd[0], "pipe", 7, &b, &e), &e);
	CHECK_STR(buf_str(&b), "through");
	CHECK(close(fd[0]) == 0);
	buf_fini(&b);
}

static void
secrets_are_private(void)
{
	const char *path = fresh("secret", "it's");
	const char *link_path = fresh("secret", "link");
	struct buf b = { 0 };

	put(path, "s", 0640);
	CHECK_ERR(os_read_secret(path, 9, &b, &e), ERR_PERMISSION);
	CHECK(strstr(e.text, "run: chmod 600 '") != NULL);
	CHECK(strstr(e.text, "it'\\''s'") != NULL); /* can be pasted */
	CHECK_ERR(os_mode_check(path, 0600, &e), ERR_PERMISSION);
	CHECK_OK(os_mode_check(path, 0640, &e), &e);
	CHECK(chmod(path, 0400) == 0);
	CHECK_OK(os_read_secret(path, 9, &b, &e), &e);
	CHECK_STR(buf_str(&b), "s");
	CHECK(symlink(path, link_path) == 0);
	CHECK_ERR(os_read_secret(link_path, 9, &b, &e), ERR_PERMISSION);
	if (geteuid() == 0) {
		CHECK(chown(path, 65534, 65534) == 0);
		CHECK_ERR(os_read_secret(path, 9, &b, &e), ERR_PERMISSION);
	}
	buf_fini(&b);
}

static void
atomic_makes_and_replaces(void)
{
	const char *path = fresh("atomic", "f");
	struct os_file_id before, after;

	CHECK_OK(os_write_atomic(path, STR("one"), 0, &e), &e);
	CHECK(holds(path, "one"));
	CHECK_U(mode_of(path), 0600);
	CHECK(chmod(path, 0644) == 0);
	CHECK_OK(os_stat_id(path, &before, &e), &e);
	CHECK_OK(os_write_atomic(path, STR("two"), 0, &e), &e);
	CHECK_OK(os_stat_id(path, &after, &e), &e);
	CHECK(holds(path, "two"));
	CHECK_U(after.mode, 0644); /* kept */
	CHECK(!os_same_id(&before, &after));
	CHECK_OK(os_write_atomic(path, STR(""), 0600, &e), &e);
	CHECK(holds(path, ""));
	CHECK_U(mode_of(path), 0600); /* as asked */
	CHECK_U(count_names(arena_fmt(&a, "%s/atomic", t_tmp())), 1);
}

static void
atomic_ignores_the_umask(void)
{
	const char *path = fresh("umask", "f");
	mode_t old = umask(0);

	CHECK_OK(os_write_atomic(path, STR("x"), 0, &e), &e);
	CHECK_U(mode_of(path), 0600);
	(void)umask(0777);
	CHECK_OK(os_write_atomic(path, STR("x"), 0640, &e), &e);
	CHECK_U(mode_of(path), 0640);
	(void)umask(old);
}

static void
atomic_keeps_links_and_owner(void)
{
	const char *path = fresh("links", "real");
	const char *link_path = fresh("links", "link");
	struct os_file_id id;
	struct stat st;

	put(path, "old", 0600);
	CHECK(symlink("real", link_path) == 0);
	CHECK_OK(os_write_atomic(link_path, STR("new"), 0, &e), &e);
	CHECK(lstat(link_path, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(holds(path, "new"));
	CHECK(unlink(path) == 0);
	CHECK_ERR(os_write_atomic(link_path, STR("x"), 0, &e), ERR_NOT_FOUND);
	if (geteuid() == 0) {
		put(path, "old", 0600);
		CHECK(chown(path, 65534, 65534) == 0);
		CHECK_OK(os_write_atomic(path, STR("new"), 0, &e), &e);
		CHECK_OK(os_stat_id(path, &id, &e), &e);
		CHECK_U(id.uid, 65534);
	}
}

static void
atomic_with_a_long_name(void)
{
	char name[256];
	const char *path;

	memset(name, 'n', 255);
	name[255] = '\0';
	path = fresh("long", name);
	CHECK_OK(os_write_atomic(path, STR("x"), 0, &e), &e);
	CHECK(holds(path, "x"));
}

/* Fail each step once: the old content or the new is there, whole, and nothing
 * beside it; the new one only when the very last step failed. */
static void
atomic_walks_every_fault(void)
{
	const char *path = fresh("walk", "f");
	const char *dir = arena_fmt(&a, "%s/walk", t_tmp());
	static const char *const step[] = { "sync /", "close /", "rename /",
		"open the folder", "sync the folder", "random" };
	int n = 0, new_in_spite = 0, last_new = 0;
	unsigned seen = 0;
	bool hit;

	do {
		enum err rc;

		put(path, "old", 0640);
		fault_arm(n);
		rc = os_write_atomic(path, STR("new content"), 0, &e);
		hit = fault_hit();
		fault_arm(-1);
		t_note("fault %d: %s", n, e.text);
		CHECK((rc == ERR_OK) == !hit);
		CHECK(rc == ERR_OK || rc == ERR_IO || rc == ERR_NOMEM);
		CHECK_U(count_names(dir), 1);
		CHECK_U(mode_of(path), 0640);
		if (rc != ERR_OK && holds(path, "new content")) {
			new_in_spite++;
			last_new = n;
		} else {
			CHECK(holds(path, hit ? "old" : "new content"));
		}
		for (unsigned i = 0; i < 6 && hit; i++)
			if (str_starts(str_of(e.text), str_of(step[i])))
				seen |= 1u << i;
		n++;
	} while (hit);
	t_note("%d fault points", n - 1);
	CHECK_U(seen, 63); /* each step is there, and can fail */
	CHECK_I(new_in_spite, 1);
	CHECK_I(last_new, n - 2);
}

static void
read_walks_every_fault(void)
{
	const char *path = fresh("readwalk", "f");
	int n = 0;
	bool hit;

	put(path, "content", 0600);
	do {
		struct buf b = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = os_read_secret(path, 100, &b, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		CHECK_STR(buf_str(&b), hit ? "" : "content");
		buf_fini(&b);
	} while (hit);
	CHECK(n - 1 >= 3);
}

static void
a_full_device_is_named(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CHECK_ERR(os_write_fd(fd, "log", STR("x"), &e), ERR_NO_SPACE);
	CHECK(strstr(e.text, "log") != NULL);
	CHECK(close(fd) == 0);
}

static void
two_rings_never_look_the_same(void)
{
	const char *path = fresh("bell", "doorbell");
	struct os_file_id last = { 0 }, id;

	for (int i = 0; i < 100; i++) {
		CHECK_OK(os_touch(path, &e), &e);
		CHECK_OK(os_stat_id(path, &id, &e), &e);
		CHECK(id.mtime_ns != last.mtime_ns);
		last = id;
	}
	CHECK_U(id.mode, 0600);
	CHECK_U(id.size, 0);
	CHECK_ERR(os_touch(arena_fmt(&a, "%s/no/bell", t_tmp()), &e),
	    ERR_NOT_FOUND);
}

static void
looking_does_not_follow_unless_asked(void)
{
	const char *file = fresh("look", "f"), *way = fresh("look", "way");
	const char *circle = fresh("look", "circle");
	const char *below = arena_fmt(&a, "%s/below", file);
	struct os_file_id id, other;
	char deep[8192];

	put(file, "content", 0640);
	CHECK(symlink(file, way) == 0 && symlink(circle, circle) == 0);
	CHECK_OK(os_look_id(file, false, &id, &e), &e);
	CHECK(id.kind == OS_FILE && id.size == 7 && id.mode == 0640);
	CHECK_OK(os_look_id(way, true, &other, &e), &e);
	CHECK(os_same_id(&id, &other));
	CHECK_OK(os_look_id(way, false, &other, &e), &e);
	CHECK(other.kind == OS_LINK);
	CHECK_ERR(os_look_id(fresh("look", "no"), true, &id, &e),
	    ERR_NOT_FOUND);
	CHECK_ERR(os_look_id(below, true, &id, &e), ERR_NOT_FOUND);
	CHECK_ERR(os_look_id(circle, true, &id, &e), ERR_NOT_FOUND);
	memset(deep, 'd', sizeof deep - 1);
	deep[0] = '/';
	deep[sizeof deep - 1] = '\0';
	CHECK_ERR(os_look_id(deep, true, &id, &e), ERR_PERMISSION);
	fault_arm(0);
	CHECK_ERR(os_look_id(file, true, &id, &e), ERR_IO);
	fault_arm(-1);
}

static void
remove_and_rename(void)
{
	const char *x = fresh("move", "x"), *y = fresh("move2", "y");

	put(x, "x", 0600);
	CHECK_OK(os_rename(x, y, &e), &e);
	CHECK(!os_exists(x) && holds(y, "x"));
	CHECK_ERR(os_rename(x, y, &e), ERR_NOT_FOUND);
	CHECK_OK(os_remove(y, &e), &e);
	CHECK(!os_exists(y));
	CHECK_OK(os_remove(y, &e), &e); /* fine when it is not there */
	CHECK(os_remove(t_tmp(), &e) != ERR_OK);
}

static void
the_disk_is_known(void)
{
	uint64_t bytes = 0;
	char name[64];

	CHECK_OK(os_disk_free(t_tmp(), &bytes, &e), &e);
	CHECK(bytes > 0);
	CHECK_OK(os_fs_name("/proc", name, sizeof name, &e), &e);
	CHECK_STR(str_of(name), "proc");
	CHECK_ERR(os_fs_name("/no/such", name, sizeof name, &e), ERR_NOT_FOUND);
	CHECK_ERR(os_disk_free("/no/such", &bytes, &e), ERR_NOT_FOUND);
}

int
main(void)
{
	T_RUN(read_is_bounded);
	T_RUN(read_refuses_what_is_no_file);
	T_RUN(read_from_a_pipe);
	T_RUN(secrets_are_private);
	T_RUN(atomic_makes_and_replaces);
	T_RUN(atomic_ignores_the_umask);
	T_RUN(atomic_keeps_links_and_owner);
	T_RUN(atomic_with_a_long_name);
	T_RUN(atomic_walks_every_fault);
	T_RUN(read_walks_every_fault);
	T_RUN(a_full_device_is_named);
	T_RUN(two_rings_never_look_the_same);
	T_RUN(looking_does_not_follow_unless_asked);
	T_RUN(remove_and_rename);
	T_RUN(the_disk_is_known);
	arena_fini(&a);
	return t_done();
}
