/* Random deeds in the simulated world, with late events, a queue that runs over,
 * watches that run out, sources that fail and memory that is refused.
 *
 * At the end what was told is what is there, each file with its content; when a
 * cookie is seen that holds for all that nobody touched since it was written; and
 * nothing is told that looks as it did.
 *
 *	watch_random [SEEDS [FIRST-SEED]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "fault.h"
#include "map.h"
#include "t.h"
#include "watch.h"
#include "watch_sim.h"

enum { ROOTS = 4, DEEDS = 300, PATH_BYTES = 128, TURNS_MAX = 20000 };

struct told {
	char *path; /* own */
	unsigned root;
	struct os_file_id id;
	uint64_t content;
	int64_t wall_ns;
};

struct run {
	struct t_rng rng;
	struct watch_sim sim;
	struct watch *w;
	uint64_t now_ms;
	struct map told[ROOTS];      /* path -> told (own) */
	uint64_t cookie, seen;       /* written last, seen last */
	char (*touched)[PATH_BYTES]; /* own: since it was written */
	size_t n_touched, touched_cap;
	bool faults, hit;
	unsigned told_n, gone_n, seen_n;
};

/* How often each trouble came about, over all seeds: a test in which nothing
 * happens shows nothing. */
static struct {
	uint64_t told, gone, seen, overflows, lost, errors, again;
} sum;

static const struct watch_root roots[ROOTS] = {
	{ .path = "/t/a", .depth_max = 9, .debounce_ms = 10 },
	{ .path = "/t/a/b", .depth_max = 1, .debounce_ms = 0 },
	{ .path = "/t/b/c", .depth_max = 9, .debounce_ms = 50 },
	{ .path = "/t/a", .only = "c", .debounce_ms = 0 },
};

/* What the test does itself never fails. */
static void
disarm(struct run *r)
{
	r->hit |= fault_hit();
	fault_arm(-1);
}

/* One seed alone says what happens. */
static bool aloud;
#define SAY(...) ((void)(aloud && printf("# " __VA_ARGS__)))

/* --- what was told ------------------------------------------------------------------ */

static void
on_change(void *ctx, const struct watch_change *c)
{
	struct run *r = ctx;
	struct map *m = &r->told[c->root];
	struct told *t = map_get(m, str_of(c->path));

	disarm(r);
	SAY("told: %u %s %s\n", c->root, c->path, c->id ? "" : "gone");
	if (c->kind == WATCH_GONE) {
		CHECK(t != NULL);
		r->gone_n++;
		if (t != NULL) {
			(void)map_del(m, str_of(t->path));
			free(t->path);
			free(t);
		}
		return;
	}
	r->told_n++;
	if (t == NULL) {
		t = calloc(1, sizeof *t);
		t->path = strdup(c->path);
		CHECK(map_put(m, str_of(t->path), t));
	} else if (os_same_id(&t->id, c->id)) {
		/* Only where it had just changed. */
		sum.again++;
		CHECK(t->wall_ns - t->id.ctime_ns < 10000000 ||
		    t->wall_ns - t->id.mtime_ns < 10000000);
	}
	t->root = c->root;
	t->id = *c->id;
	t->wall_ns = r->sim.now_ns;
	t->content = watch_sim_content(&r->sim, c->path);
	CHECK(t->content > 0);
}

/* --- what is there -------------------------------------------------------------------- */

struct look {
	struct run *r;
	unsigned root, depth;
	const char *path;
	bool all; /* also what was touched */
	size_t n;
};

static bool
is_touched(const struct run *r, const char *path)
{
	for (size_t i = 0; i < r->n_touched; i++) {
		size_t n = strlen(r->touched[i]);

		if (strncmp(path, r->touched[i], n) == 0 &&
		    (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

static void
compare(struct look *l, const char *path, const struct os_file_id *id)
{
	struct run *r = l->r;
	struct told *t = map_get(&r->told[l->root], str_of(path));

	l->n++;
	if (!l->all && is_touched(r, path))
		return;
	if (!CHECK(t != NULL))
		printf("# %u %s was not told\n", l->root, path);
	if (t == NULL)
		return;
	if (!CHECK_U(t->content, watch_sim_content(&r->sim, path)))
		printf("# %u %s\n", l->root, path);
	CHECK(os_same_id(&t->id, id));
}

static enum err look_in(struct look *l, struct err_info *e);

static enum err
look_entry(void *arg, const char *name, const struct os_file_id *id,
    struct err_info *e)
{
	struct look *l = arg, below = *l;
	const char *only = roots[l->root].only;
	char path[PATH_BYTES];

	if ((only != NULL && strcmp(only, name) != 0) || name[0] == '.')
		return ERR_OK;
	(void)!snprintf(path, sizeof path, "%s/%s", l->path, name);
	if (id->kind == OS_FILE)
		compare(l, path, id);
	if (id->kind != OS_DIR || l->depth >= roots[l->root].depth_max)
		return ERR_OK;
	below.path = path;
	below.depth++;
	(void)look_in(&below, e);
	l->n = below.n;
	return ERR_OK;
}

static enum err
look_in(struct look *l, struct err_info *e)
{
	struct watch_world world = watch_sim_world(&l->r->sim);

	return world.files->list(world.ctx, l->path, look_entry, l, e);
}

static void
compare_told(struct run *r, unsigned root, bool all, size_t there)
{
	struct err_info e = { 0 };
	struct watch_world world = watch_sim_world(&r->sim);
	size_t at = 0;
	void *value;

	if (all)
		CHECK_U(r->told[root].count, there);
	while (map_next(&r->told[root], &at, NULL, &value)) {
		const struct told *t = value;
		struct os_file_id id;

		if (!all && is_touched(r, t->path))
			continue;
		if (!CHECK_OK(world.files->look(world.ctx, t->path, false, &id,
		                  &e),
		        &e))
			printf("# %u %s was not told to be gone\n", root,
			    t->path);
	}
}

static bool is_plain(struct run *r, const char *path);

/* Where a root is reached over a link, a deed far away may lead it to another
 * folder: that is seen at a rescan. */
static void
compare_all(struct run *r, bool all)
{
	struct err_info e = { 0 };

	for (unsigned i = 0; i < ROOTS; i++) {
		struct look l = {
			.r = r, .root = i, .path = roots[i].path, .all = all
		};

		if (!is_plain(r, roots[i].path))
			continue;
		(void)look_in(&l, &e);
		compare_told(r, i, all, l.n);
	}
}

static void
on_seen(void *ctx, uint64_t cookie)
{
	struct run *r = ctx;

	disarm(r);
	SAY("seen %llu\n", (unsigned long long)cookie);
	CHECK(cookie > r->seen); /* each once, in order */
	r->seen = cookie;
	r->seen_n++;
	if (cookie == r->cookie)
		compare_all(r, false);
}

static uint64_t
dice(void *ctx)
{
	return t_rand(&((struct run *)ctx)->rng);
}

/* --- deeds ---------------------------------------------------------------------------- */

static bool
chance(struct run *r, unsigned percent)
{
	return t_below(&r->rng, 100) < percent;
}

/* /t/a/c ...: few names, so that deeds meet. */
static void
some_path(struct run *r, char path[PATH_BYTES])
{
	size_t n = 2;
	static const unsigned depths[] = { 1, 2, 2, 3, 3, 3, 3, 4, 4, 5 };
	unsigned depth = depths[t_below(&r->rng, 10)];

	memcpy(path, "/t", 3);
	for (unsigned i = 0; i < depth; i++) {
		path[n++] = '/';
		path[n++] = (char)('a' + t_below(&r->rng, 3));
	}
	path[n] = '\0';
}

/* No link on the way: what is touched has the name by which it is touched. */
static bool
is_plain(struct run *r, const char *path)
{
	struct err_info e = { 0 };
	struct watch_world world = watch_sim_world(&r->sim);
	char part[PATH_BYTES];

	for (size_t i = 2; i <= strlen(path); i += 2) {
		struct os_file_id id;

		str_copy(part, sizeof part, str_n(path, i));
		if (world.files->look(world.ctx, part, false, &id, &e) ==
		        ERR_OK &&
		    id.kind == OS_LINK)
			return false;
	}
	return true;
}

static void
touched(struct run *r, const char *path)
{
	if (!mem_grow(&r->touched, &r->touched_cap, r->n_touched + 1,
	        sizeof *r->touched))
		abort();
	str_copy(r->touched[r->n_touched++], PATH_BYTES, str_of(path));
}

static enum err
do_deed(struct run *r, unsigned what, const char *a, const char *b)
{
	struct err_info e = { 0 };

	if (what < 35)
		return watch_sim_write(&r->sim, a, t_below(&r->rng, 2), &e);
	if (what < 40)
		return watch_sim_touch(&r->sim, a, &e);
	if (what < 65)
		return watch_sim_mkdir(&r->sim, a, &e);
	if (what < 85)
		return watch_sim_rename(&r->sim, a, b, &e);
	if (what < 95)
		return watch_sim_remove(&r->sim, a, &e);
	return watch_sim_link(&r->sim, b, a, &e);
}

/* Whether it works does not matter. */
static void
deed(struct run *r)
{
	enum err rc;
	char a[PATH_BYTES], b[PATH_BYTES];
	unsigned what = (unsigned)t_below(&r->rng, 100);

	some_path(r, a);
	some_path(r, b);
	if (!is_plain(r, a) || !is_plain(r, b) || (strlen(a) < 6 && what < 35))
		return;
	touched(r, a);
	touched(r, b);
	rc = do_deed(r, what, a, b);
	SAY("deed %u: %s %s%s\n", what, a, b, rc == ERR_OK ? "" : " (no)");
}

static void
trouble(struct run *r)
{
	switch (t_below(&r->rng, 8)) {
	case 0:
		r->sim.queue_max = 1 + t_below(&r->rng, 8);
		break;
	case 1:
		r->sim.watches_max = t_below(&r->rng, 12);
		break;
	case 2:
		r->sim.no_source = !r->sim.no_source;
		break;
	case 3:
		r->sim.late = t_below(&r->rng, 6);
		break;
	default: /* it passes */
		r->sim.queue_max = r->sim.watches_max = SIZE_MAX;
		r->sim.late = 0;
		break;
	}
}

static void
pass(struct run *r, uint64_t ms)
{
	r->now_ms += ms;
	r->sim.now_ns += (int64_t)(ms * 1000000 + t_below(&r->rng, 1000000));
}

static void
turn(struct run *r)
{
	struct err_info e = { 0 };
	enum err rc;

	r->hit = false;
	if (r->faults && chance(r, 20))
		fault_arm((int)t_below(&r->rng, 30));
	rc = watch_turn(r->w, r->now_ms, &e);
	disarm(r);
	SAY("turn at %llu: %s%s\n", (unsigned long long)r->now_ms,
	    watch_fd(r->w) >= 0 ? "live " : "poll ",
	    rc == ERR_OK ? "" : e.text);
	sum.errors += rc != ERR_OK;
	CHECK(rc == ERR_OK || (r->hit && e.text[0] != '\0'));
	CHECK(rc == ERR_OK || rc == ERR_NOMEM || rc == ERR_IO);
}

static void
cookie(struct run *r)
{
	struct err_info e = { 0 };
	uint64_t number;

	if (watch_cookie(r->w, 0, &number, &e) != ERR_OK)
		return;
	SAY("cookie %llu\n", (unsigned long long)number);
	CHECK(number > r->cookie);
	r->cookie = number;
	r->n_touched = 0;
}

static void
step(struct run *r)
{
	unsigned what = (unsigned)t_below(&r->rng, 100);

	if (what < 50)
		deed(r);
	else if (what < 65)
		pass(r, t_below(&r->rng, 20));
	else if (what < 90)
		turn(r);
	else if (what < 97)
		cookie(r);
	else
		trouble(r);
}

/* --- one seed -------------------------------------------------------------------------- */

/* Let everything come to rest, and see that it is right. */
static void
rest(struct run *r)
{
	struct err_info e = { 0 };
	unsigned turns = 0;
	uint64_t end;

	r->faults = false;
	r->sim.late = 0;
	if (chance(r, 50))
		r->sim.queue_max = r->sim.watches_max = SIZE_MAX;
	(void)watch_sim_remove(&r->sim, "/t/a", &e); /* where it is a file */
	(void)watch_sim_mkdir(&r->sim, "/t/a", &e);
	touched(r, "/t/a");
	cookie(r);
	/* And then all that was told because it was fresh. */
	for (end = UINT64_MAX; turns < TURNS_MAX; turns++) {
		uint64_t due = watch_due_ms(r->w);

		if (end == UINT64_MAX && r->seen == r->cookie)
			end = r->now_ms + 200;
		if (!watch_sim_readable(&r->sim) && due > end)
			break;
		if (!watch_sim_readable(&r->sim) && due > r->now_ms &&
		    due != UINT64_MAX)
			pass(r, due - r->now_ms);
		turn(r);
	}
	if (!CHECK(turns < TURNS_MAX)) {
		struct watch_status st;

		watch_status(r->w, &st);
		printf("# due %llu now %llu readable %d live %d (%s) "
		       "folders %zu scans %llu overflows %llu\n",
		    (unsigned long long)watch_due_ms(r->w),
		    (unsigned long long)r->now_ms, watch_sim_readable(&r->sim),
		    st.live, st.why, st.folders, (unsigned long long)st.scans,
		    (unsigned long long)st.overflows);
	}
	CHECK_U(r->seen, r->cookie);
	compare_all(r, true);
}

static void
run_open(struct run *r, uint64_t seed)
{
	static const char *const first[] = { "/t", "/t/a", "/t/a/b", "/t/a/b/c",
		"/t/b", "/t/b/c", "/t/c" };
	struct err_info e = { 0 };
	struct watch_options opt = { .poll_ms = 20,
		.random = dice,
		.on_change = on_change,
		.on_seen = on_seen,
		.ctx = r };

	*r = (struct run){ .rng = { seed }, .now_ms = 1 };
	CHECK_OK(watch_sim_init(&r->sim, &e), &e);
	r->sim.tick_ns = chance(r, 50) ? 4000000 : 1;
	r->faults = chance(r, 30);
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		CHECK_OK(watch_sim_mkdir(&r->sim, first[i], &e), &e);
	for (int i = 0; i < 10; i++)
		deed(r);
	opt.world = watch_sim_world(&r->sim);
	opt.rescan_ms = chance(r, 50) ? 500 : 0;
	if (chance(r, 20))
		trouble(r);
	CHECK_OK(watch_open(&opt, &r->w, &e), &e);
	for (unsigned i = 0; i < ROOTS; i++) {
		unsigned number;

		CHECK_OK(watch_add(r->w, &roots[i], &number, &e), &e);
		CHECK_U(number, i);
	}
}

static void
run_close(struct run *r)
{
	struct watch_status st;

	watch_status(r->w, &st);
	CHECK_U(st.files,
	    r->told[0].count + r->told[1].count + r->told[2].count +
	        r->told[3].count);
	sum.overflows += st.overflows;
	sum.lost += st.lost;
	sum.told += r->told_n;
	sum.gone += r->gone_n;
	sum.seen += r->seen_n;
	watch_close(r->w);
	watch_sim_fini(&r->sim);
	for (unsigned i = 0; i < ROOTS; i++) {
		size_t at = 0;
		void *value;

		while (map_next(&r->told[i], &at, NULL, &value)) {
			free(((struct told *)value)->path);
			free(value);
		}
		map_fini(&r->told[i]);
	}
	free(r->touched);
}

static uint64_t seed, seeds;

static void
what_is_told_is_what_is_there(void)
{
	for (uint64_t i = 0; i < seeds && !t_failing(); i++, seed++) {
		struct run r;

		t_note("again: watch_random 1 %llu", (unsigned long long)seed);
		run_open(&r, seed);
		for (unsigned k = 0; k < DEEDS && !t_failing(); k++)
			step(&r);
		if (!t_failing())
			rest(&r);
		run_close(&r);
	}
	printf("# told %llu, gone %llu, cookies %llu, overflows %llu, "
	       "live mode lost %llu, errors %llu, again %llu\n",
	    (unsigned long long)sum.told, (unsigned long long)sum.gone,
	    (unsigned long long)sum.seen, (unsigned long long)sum.overflows,
	    (unsigned long long)sum.lost, (unsigned long long)sum.errors,
	    (unsigned long long)sum.again);
	if (seeds >= 100)
		CHECK(sum.told > 0 && sum.gone > 0 && sum.seen > 0 &&
		    sum.overflows > 0 && sum.lost > 0 && sum.errors > 0 &&
		    sum.again > 0);
}

int
main(int argc, char **argv)
{
	seeds = argc > 1 ? strtoull(argv[1], NULL, 0) : 1500;
	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : t_seed();
	aloud = seeds == 1;
	T_RUN(what_is_told_is_what_is_there);
	return t_done();
}
