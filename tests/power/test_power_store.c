/* The store through power cuts: cut at every write of its making, of appends,
 * pulls, answers of a hub, checkpoints, a rebuild and an end. What is left opens,
 * verifies, has every event whose commit had returned once, and takes new ones.
 *
 *	test_power_store [SEEDS]	more chances for each cut */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "disk.h"
#include "store_lab.h"

enum { PROMISES_MAX = 400 };

/* What was true from a call on, because a commit had returned. */
static struct promise {
	size_t from; /* calls */
	struct eid id;
	enum event_status status;
} promise[PROMISES_MAX];
static size_t n_promises;
static size_t opened_at; /* the store was made and had its space */
static unsigned recovered;
static unsigned seeds = 1;

static struct lab live;
static struct store *giver; /* another replica, whose events come by pull */
static uint64_t seq;

static void
promised(const struct eid *id, enum event_status status)
{
	if (n_promises == PROMISES_MAX)
		abort();
	promise[n_promises++] = (struct promise){ disk_calls(), *id, status };
}

/* --- the run ---------------------------------------------------------------------- */

static void
author(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct draft d = lab_random(&live.world.rng, 5);
		struct eid id = lab_author(&live, &d);

		promised(&id, EVENT_LOCAL);
	}
}

static void
commit(void)
{
	struct err_info e = { 0 };

	CHECK_OK(store_commit(live.s, &e), &e);
}

/* The hub has taken the events of these promises. */
static void
acknowledge(size_t from, size_t to)
{
	struct err_info e = { 0 };
	size_t end = n_promises < to ? n_promises : to;

	CHECK_OK(store_begin(live.s, &e), &e);
	for (size_t i = from; i < end; i++)
		CHECK_OK(store_acked(live.s, live.sp, &promise[i].id, ++seq,
		             &e),
		    &e);
	CHECK_OK(store_pulled(live.s, live.sp, STR("e1"), seq, seq, &e), &e);
	commit();
	for (size_t i = from; i < end; i++)
		promised(&promise[i].id, EVENT_ACKED);
}

static enum err
take(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct event ev;
	enum put what;
	uint64_t at;
	enum err rc = event_parse(&ev, &j, row->raw, &a, e);

	(void)ctx;
	if (rc == ERR_OK)
		rc = store_put(live.s, live.sp,
		    &(struct arrival){
		        .ev = &ev, .seq = ++seq, .user = STR("bob") },
		    &what, &at, e);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static enum err
promise_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	(void)ctx, (void)e;
	promised(&row->id, EVENT_ACKED);
	return ERR_OK;
}

/* A page of the other replica's events, in one transaction. */
static void
pull(uint64_t after, size_t n)
{
	struct err_info e = { 0 };

	CHECK_OK(store_begin(live.s, &e), &e);
	CHECK_OK(store_log(giver, 1, after, n, take, NULL, &e), &e);
	CHECK_OK(store_pulled(live.s, live.sp, STR("e1"), seq, seq, &e), &e);
	commit();
	CHECK_OK(store_log(giver, 1, after, n, promise_row, NULL, &e), &e);
}

static void
refuse(size_t i)
{
	struct err_info e = { 0 };

	CHECK_OK(store_begin(live.s, &e), &e);
	CHECK_OK(store_refuse(live.s, live.sp, &promise[i].id, ERR_QUOTA,
	             STR("no"), &e),
	    &e);
	commit();
	promised(&promise[i].id, EVENT_REFUSED);
}

static void
restamp(void)
{
	struct err_info e = { 0 };

	CHECK_OK(store_begin(live.s, &e), &e);
	CHECK_OK(store_restamp(live.s, live.sp, 1000, &e), &e);
	commit();
}

static void
reopen(void)
{
	struct err_info e = { 0 };

	store_close(live.s);
	CHECK_OK(store_sqlite_open(&live.s, live.path, &live.opt, &e), &e);
}

static void
make_giver(void)
{
	struct err_info e = { 0 };
	struct store_options opt = lab_options(&live.world, 9, false);
	space_id sp;

	CHECK_OK(store_mem_open(&giver, &opt, &e), &e);
	sp = lab_space(giver, "h", "b", "t");
	CHECK_U((uint64_t)sp, 1);
	for (unsigned i = 0; i < 30; i++) {
		struct draft d = lab_random(&live.world.rng, 5);

		(void)lab_author_in(giver, sp, &d);
	}
}

static void
run(const char *folder)
{
	struct store_report report;
	struct err_info e = { 0 };
	size_t from;

	live.opt = lab_options(&live.world, 5, false);
	live.opt.wal_bytes_max = 200000; /* moved into the database often */
	(void)snprintf(live.path, sizeof live.path, "%s/store.db", folder);
	make_giver();
	disk_record(folder);
	CHECK_OK(store_sqlite_open(&live.s, live.path, &live.opt, &e), &e);
	live.sp = lab_space(live.s, "h", "a", "t");
	opened_at = disk_calls();
	author(8);
	acknowledge(0, 5);
	pull(0, 12);
	refuse(6);
	CHECK_OK(store_checkpoint(live.s, &e), &e);
	from = n_promises;
	author(6);
	restamp();
	acknowledge(from, from + 3);
	reopen();
	pull(12, 18);
	author(3);
	CHECK_OK(store_rebuild(live.s, &report, NULL, NULL, &e), &e);
	author(2);
	store_close(live.s);
	store_close(giver);
	disk_stop();
}

/* --- after the cut ------------------------------------------------------------------ */

static void
finding(void *ctx, const char *text)
{
	(void)ctx;
	t_note("verify: %s", text);
}

/* The last word that was given about an event before the cut. */
static bool
is_last_word(size_t i, size_t n)
{
	for (size_t k = i + 1; k < n_promises; k++)
		if (promise[k].from <= n &&
		    eid_eq(&promise[k].id, &promise[i].id))
			return false;
	return true;
}

static void
check_promises(struct store *s, space_id sp, size_t n)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };

	for (size_t i = 0; i < n_promises; i++) {
		struct log_row row;

		if (promise[i].from > n)
			continue;
		if (!CHECK_OK(store_event(s, sp, &promise[i].id, &a, &row, &e),
		        &e))
			break;
		/* Only what was committed, and not told yet, may be ahead. */
		if (is_last_word(i, n))
			CHECK(row.status == promise[i].status ||
			    promise[i].status == EVENT_LOCAL);
	}
	arena_fini(&a);
}

static enum err
count_pulled(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct space *sp = ctx;

	(void)e;
	if (row->seq > 0 && row->seq <= sp->pulled)
		sp->events--; /* of as many as there are to be */
	return ERR_OK;
}

/* The position says that everything up to it is here: it is. */
static void
check_position(struct store *s, space_id id)
{
	struct space sp = lab_space_of(s, id);
	struct err_info e = { 0 };

	sp.events = sp.pulled;
	CHECK_OK(store_log(s, id, 0, 0, count_pulled, &sp, &e), &e);
	CHECK_U(sp.events, 0);
}

static bool
look_at(const char *folder, size_t n)
{
	struct lab l = { .opt = lab_options(&l.world, 77, false) };
	struct store_report report;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct space sp;
	struct draft d = lab_wp_new(9, "after the cut");

	(void)snprintf(l.path, sizeof l.path, "%s/store.db", folder);
	if (!CHECK_OK(store_sqlite_open(&l.s, l.path, &l.opt, &e), &e))
		return false;
	CHECK_OK(store_verify(l.s, &report, finding, NULL, NULL, &e), &e);
	if (store_space_find(l.s, STR("h"), STR("a"), STR("t"), &a, &sp, &e) !=
	    ERR_OK) {
		CHECK(n < opened_at);
		sp.id = lab_space(l.s, "h", "a", "t");
	}
	l.sp = sp.id;
	arena_fini(&a);
	if (n >= opened_at) {
		check_promises(l.s, l.sp, n);
		check_position(l.s, l.sp);
		recovered++;
	}
	(void)lab_author(&l, &d);
	if (n % 8 == 0)
		CHECK_OK(store_verify(l.s, &report, finding, NULL, NULL, &e),
		    &e);
	store_close(l.s);
	return !t_failing();
}

static void
every_cut(void)
{
	char folder[400];
	unsigned images;

	(void)snprintf(folder, sizeof folder, "%s/live", t_tmp());
	CHECK(mkdir(folder, 0700) == 0);
	run(folder);
	images = disk_every_cut(seeds, "-shm", look_at);
	printf("# %zu calls, %u images, %u of a store with promises\n",
	    disk_calls(), images, recovered);
	CHECK(recovered > 100);
	disk_free();
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		seeds = (unsigned)strtoul(argv[1], NULL, 10);
	T_RUN(every_cut);
	return t_done();
}
