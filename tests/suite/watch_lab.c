#include "watch_lab.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"

enum { PATIENCE_MS = 20000, TURNS_MAX = 20000 };

/* --- what is told ----------------------------------------------------------------- */

static void
on_change(void *ctx, const struct watch_change *c)
{
	struct lab *l = ctx;
	size_t n = strlen(l->base);
	const char *rest = c->path;

	CHECK((c->kind == WATCH_GONE) == (c->id == NULL));
	if (strncmp(rest, l->base, n) == 0)
		rest += n + (rest[n] == '/');
	buf_addf(&l->log, "%c ", c->kind == WATCH_GONE ? 'G' : 'C');
	if (c->root > 0)
		buf_addf(&l->log, "%u ", c->root);
	buf_adds(&l->log, rest);
	buf_addc(&l->log, '\n');
	l->lines++;
}

static void
on_seen(void *ctx, uint64_t cookie)
{
	((struct lab *)ctx)->seen = cookie;
}

static int
by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void
lab_expect(struct lab *l, const char *want, const char *file, int line)
{
	struct str rest = buf_str(&l->log), part, *lines;
	struct buf got = { 0 };
	size_t n = 0;

	lines = calloc(l->lines + 1, sizeof *lines);
	while (lines != NULL && n < l->lines && str_split(&rest, '\n', &part))
		lines[n++] = part;
	if (n > 0)
		qsort(lines, n, sizeof *lines, by_bytes);
	for (size_t i = 0; i < n; i++) {
		buf_addstr(&got, lines[i]);
		buf_addc(&got, '\n');
	}
	(void)t_check_str(buf_str(&got), str_of(want), file, line, "told");
	free(lines);
	buf_fini(&got);
	buf_reset(&l->log);
	l->lines = 0;
}

/* --- worlds ------------------------------------------------------------------------- */

static int64_t
real_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The real files in given time: as much later as was given. */
static struct lab *given;

static int64_t
given_wall_ns(void *ctx)
{
	(void)ctx;
	return real_ns() + (int64_t)given->now_ms * 1000000;
}

static struct watch_world
given_world(struct lab *l)
{
	static struct watch_files files;

	given = l;
	files = *watch_world_poll().files;
	files.wall_ns = given_wall_ns;
	return (struct watch_world){ .files = &files };
}

static void
sim_begin(struct lab *l)
{
	struct err_info e = { 0 };

	l->base = "/top/base";
	CHECK_OK(watch_sim_init(&l->sim, &e), &e);
	CHECK_OK(watch_sim_mkdir(&l->sim, "/top", &e), &e);
	CHECK_OK(watch_sim_mkdir(&l->sim, "/top/base", &e), &e);
	l->opt.world = watch_sim_world(&l->sim);
}

void
lab_init(struct lab *l, enum lab_world world)
{
	static unsigned n;
	struct err_info e = { 0 };

	*l = (struct lab){ .world = world };
	l->opt.poll_ms = 20;
	l->opt.on_change = on_change;
	l->opt.on_seen = on_seen;
	l->opt.ctx = l;
	if (world == LAB_SIM) {
		sim_begin(l);
		return;
	}
	/* So that files look old: what is told of fresh ones is for the sim. */
	l->now_ms = 1000;
	l->base = arena_fmt(&l->a, "%s/w%u/base", t_tmp(), n++);
	CHECK_OK(os_mkdirs(l->base, 0700, &e), &e);
	l->opt.world =
	    world == LAB_SYSTEM ? watch_world_system() : given_world(l);
}

void
lab_watch(struct lab *l)
{
	struct err_info e = { 0 };

	CHECK_OK(watch_open(&l->opt, &l->w, &e), &e);
}

void
lab_open(struct lab *l, enum lab_world world)
{
	lab_init(l, world);
	lab_watch(l);
}

void
lab_close(struct lab *l)
{
	watch_close(l->w);
	watch_sim_fini(&l->sim);
	buf_fini(&l->log);
	arena_fini(&l->a);
}

bool
lab_live(const struct lab *l)
{
	return l->world != LAB_POLL;
}

const char *
lab_path(struct lab *l, const char *path)
{
	if (path[0] == '/')
		return path;
	return path[0] ? arena_fmt(&l->a, "%s/%s", l->base, path) : l->base;
}

unsigned
lab_root(struct lab *l, struct watch_root root)
{
	struct err_info e = { 0 };
	unsigned number = 0;

	root.path = lab_path(l, root.path);
	CHECK_OK(watch_add(l->w, &root, &number, &e), &e);
	return number;
}

void
lab_base(struct lab *l, uint32_t debounce_ms)
{
	(void)lab_root(l,
	    (struct watch_root){
	        .path = "", .depth_max = 9, .debounce_ms = debounce_ms });
	lab_sync(l);
	LAB_EXPECT(l, "");
}

/* --- deeds --------------------------------------------------------------------------- */

void
lab_mkdir(struct lab *l, const char *path)
{
	struct err_info e = { 0 };

	path = lab_path(l, path);
	if (l->world == LAB_SIM)
		CHECK_OK(watch_sim_mkdir(&l->sim, path, &e), &e);
	else
		CHECK(mkdir(path, 0700) == 0);
}

void
lab_write(struct lab *l, const char *path, const char *text)
{
	struct err_info e = { 0 };
	int fd;

	path = lab_path(l, path);
	if (l->world == LAB_SIM) {
		CHECK_OK(watch_sim_write(&l->sim, path, strlen(text), &e), &e);
		return;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 &&
	    write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(close(fd) == 0);
}

void
lab_touch(struct lab *l, const char *path)
{
	struct err_info e = { 0 };

	path = lab_path(l, path);
	if (l->world == LAB_SIM)
		CHECK_OK(watch_sim_touch(&l->sim, path, &e), &e);
	else
		CHECK_OK(os_touch(path, &e), &e);
}

void
lab_rename(struct lab *l, const char *from, const char *to)
{
	struct err_info e = { 0 };

	from = lab_path(l, from);
	to = lab_path(l, to);
	if (l->world == LAB_SIM)
		CHECK_OK(watch_sim_rename(&l->sim, from, to, &e), &e);
	else
		CHECK(rename(from, to) == 0);
}

void
lab_remove(struct lab *l, const char *path)
{
	struct err_info e = { 0 };

	path = lab_path(l, path);
	if (l->world == LAB_SIM)
		CHECK_OK(watch_sim_remove(&l->sim, path, &e), &e);
	else
		CHECK(remove(path) == 0);
}

void
lab_link(struct lab *l, const char *target, const char *path)
{
	struct err_info e = { 0 };

	target = lab_path(l, target);
	path = lab_path(l, path);
	if (l->world == LAB_SIM)
		CHECK_OK(watch_sim_link(&l->sim, target, path, &e), &e);
	else
		CHECK(symlink(target, path) == 0);
}

bool
lab_there(struct lab *l, const char *path)
{
	struct err_info e = { 0 };
	struct os_file_id id;

	return l->opt.world.files->look(l->opt.world.ctx, lab_path(l, path),
	           false, &id, &e) == ERR_OK;
}

/* --- time ---------------------------------------------------------------------------- */

uint64_t
lab_now(struct lab *l)
{
	return l->world == LAB_SYSTEM ? os_mono_ms() : l->now_ms;
}

void
lab_turn(struct lab *l)
{
	struct err_info e = { 0 };

	CHECK_OK(watch_turn(l->w, lab_now(l), &e), &e);
}

static void
give(struct lab *l, uint64_t until_ms)
{
	if (until_ms <= l->now_ms)
		return;
	l->sim.now_ns += (int64_t)(until_ms - l->now_ms) * 1000000;
	l->now_ms = until_ms;
}

/* Wait for the next turn, at most until `end`; false: nothing is due until then. */
static bool
wait_turn(struct lab *l, uint64_t end)
{
	uint64_t due = watch_due_ms(l->w), now = lab_now(l);
	uint64_t until = due < end ? due : end;
	struct pollfd p = { .fd = watch_fd(l->w), .events = POLLIN };

	if (l->world != LAB_SYSTEM) {
		if (l->sim.tree != NULL && watch_fd(l->w) >= 0 &&
		    watch_sim_readable(&l->sim))
			return true;
		give(l, until);
		return due <= end;
	}
	if (now >= end)
		return false;
	(void)poll(&p, p.fd >= 0, until > now ? (int)(until - now) : 0);
	return true;
}

void
lab_run(struct lab *l, uint64_t ms)
{
	uint64_t end = lab_now(l) + ms;
	unsigned turns = 0;

	while (turns++ < TURNS_MAX && wait_turn(l, end))
		lab_turn(l);
	CHECK(turns < TURNS_MAX); /* it does not ask for ever for one more */
}

void
lab_sync(struct lab *l)
{
	struct err_info e = { 0 };
	uint64_t number = 0, end = lab_now(l) + PATIENCE_MS;
	unsigned turns = 0;

	if (!CHECK_OK(watch_cookie(l->w, 0, &number, &e), &e))
		return;
	while (l->seen != number && turns++ < TURNS_MAX && wait_turn(l, end))
		lab_turn(l);
	CHECK_U(l->seen, number);
}

void
lab_until(struct lab *l, unsigned lines)
{
	uint64_t end = lab_now(l) + PATIENCE_MS;
	unsigned turns = 0;

	while (l->lines < lines && turns++ < TURNS_MAX && wait_turn(l, end))
		lab_turn(l);
	CHECK_U(l->lines, lines);
}

int
lab_main(const struct lab_test *tests, size_t n, enum lab_world *world)
{
	static const char *const names[] = { "system", "poll", "sim" };

	for (unsigned i = LAB_SYSTEM; i <= LAB_SIM; i++)
		for (size_t j = 0; j < n; j++) {
			char name[128];

			if (!(tests[j].worlds & 1u << i))
				continue;
			*world = (enum lab_world)i;
			(void)snprintf(name, sizeof name, "%s: %s", names[i],
			    tests[j].name);
			t_run(name, tests[j].fn);
		}
	return t_done();
}
