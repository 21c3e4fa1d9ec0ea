/* The store: batches into a hub's store, one event as a whole cycle, state read,
 * late events - beside what bare SQLite does in the same run.
 *
 *	bench_store [DIR [EVENTS [LATE-PERCENT [ingest]]]]
 *
 * The load: batches of 1,000 events of about 400 bytes over 100 entities; an
 * entity gets 50 events in its life, nine in ten entities of a batch are among
 * the 5,000 changed last; every event names what it replaces; LATE-PERCENT (1)
 * of a batch's entities get one that is late. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "id.h"
#include "lab.h"
#include "store.h"

enum { BATCH = 1000, TOUCHED = 100, LIFE = 50, RECENT = 5000 };
/* What is promised: docs/performance.md. */
static const double late_one_ms = 30, late_many_ms = 45;

/* What a busy machine does not stretch much. */
struct work {
	double user, system; /* seconds */
};

static struct work
work_now(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (struct work){ (double)u.ru_utime.tv_sec +
		    (double)u.ru_utime.tv_usec / 1e6,
		(double)u.ru_stime.tv_sec + (double)u.ru_stime.tv_usec / 1e6 };
}

static void
work_add(struct work *sum, struct work since)
{
	struct work w = work_now();

	sum->user += w.user - since.user;
	sum->system += w.system - since.system;
}

static void
must(enum err rc, const struct err_info *e)
{
	if (rc == ERR_OK)
		return;
	fprintf(stderr, "bench_store: %s\n", e->text);
	exit(1);
}

static uint64_t dice = 88172645463325252u;

static uint64_t
draw(uint64_t below)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice % below;
}

/* --- the world ---------------------------------------------------------------------- */

static int64_t
wall_ms(void *ctx)
{
	struct timespec t;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
random_bytes(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	(void)ctx;
	while (n-- > 0)
		*p++ = (uint8_t)draw(256);
}

static struct store_options
options(bool hub)
{
	return (struct store_options){ .env = { wall_ms, random_bytes, NULL },
		.hub = hub,
		.lock_wait_ms = 1000,
		.wal_bytes_max = hub ? UINT64_C(16) << 20 : 0 };
}

/* --- the load ------------------------------------------------------------------------ */

struct thing { /* an entity as its authors know it */
	unsigned number, events;
	struct eid title, lane, present,
	    before; /* heads; before: a head once */
	/* Late heads that stand beside them until the next author names them. */
	struct eid late_title, late_present;
	uint64_t clock;
};

static struct thing *thing;
static size_t n_things, cap_things;
static uint64_t clock_now, made, node_seq[5];

static void
make_id(struct eid *id)
{
	uint8_t r[10];

	random_bytes(NULL, r, sizeof r);
	eid_new(id, 1777000000000u + made / 10, r);
	made++;
}

static void
name(struct eid *names, size_t *n, const struct eid *id)
{
	for (size_t i = 0; i < *n; i++)
		if (eid_eq(&names[i], id))
			return;
	if (id->form != EID_NONE)
		names[(*n)++] = *id;
}

/* One event of a thing; late: below its last and naming what was a head. */
static void
make_event(struct thing *t, bool late, struct buf *out)
{
	static const char *const lanes[] = { "planned", "claimed",
		"in_progress", "for_review", "approved", "done" };
	struct eid id, names[4];
	char key[64], node[33], payload[400];
	size_t n = 0, node_no = late ? 4 : draw(4);
	bool title = late || t->events % 2 == 0;
	struct event_new en;
	int len;

	make_id(&id);
	(void)snprintf(key, sizeof key, "001-bench/WP%02u-%u", t->number % 100,
	    t->number);
	(void)snprintf(node, sizeof node, "%032zu", node_no);
	if (title)
		len = snprintf(payload, sizeof payload,
		    "{\"wp_id\":\"WP%02u-%u\",\"title\":\"what has to be done, "
		    "in its version %u\"}",
		    t->number % 100, t->number, t->events);
	else
		len = snprintf(payload, sizeof payload,
		    "{\"wp_id\":\"WP%02u-%u\",\"from_lane\":\"%s\",\"to_lane\":"
		    "\"%s\"}",
		    t->number % 100, t->number, lanes[t->events % 6],
		    lanes[(t->events + 1) % 6]);
	if (late && t->before.form != EID_NONE) {
		names[n++] = t->before;
	} else if (!late && t->events > 0) {
		name(names, &n, &t->present);
		name(names, &n, title ? &t->title : &t->lane);
		name(names, &n, &t->late_present);
		if (title)
			name(names, &n, &t->late_title);
	}
	en = (struct event_new){ .id = id,
		.type = title ? STR("wp_updated") : STR("wp_status_changed"),
		.aggregate_id = str_of(key),
		.aggregate_type = STR("work_package"),
		.node = str_of(node),
		.timestamp = STR("2026-04-28T10:30:00.123Z"),
		.clock = late ? t->clock : ++clock_now,
		.node_seq = ++node_seq[node_no],
		.replaces = names,
		.n_replaces = n,
		.payload = str_n(payload, (size_t)len),
		.author = STR("agent:claude"),
		.project_uuid = STR("11111111-1111-4111-8111-111111111111") };
	event_encode(&en, out);
	if (late) {
		t->late_title = t->late_present = id;
		return;
	}
	t->late_present = (struct eid){ 0 };
	if (title)
		t->late_title = (struct eid){ 0 };
	t->before = t->present;
	t->present = id;
	if (title)
		t->title = id;
	else
		t->lane = id;
	t->clock = clock_now;
	t->events++;
}

static size_t
pick(void)
{
	if (n_things < TOUCHED || draw(LIFE) < BATCH / TOUCHED) {
		if (n_things == cap_things) {
			cap_things = cap_things ? cap_things * 2 : 1024;
			thing = realloc(thing, cap_things * sizeof *thing);
			if (thing == NULL)
				exit(1);
		}
		thing[n_things] =
		    (struct thing){ .number = (unsigned)n_things + 10 };
		return n_things++;
	}
	if (n_things > RECENT && draw(10) == 0)
		return draw(n_things);
	return n_things - 1 - draw(n_things < RECENT ? n_things : RECENT);
}

struct batch {
	struct buf text;
	size_t at[BATCH + 1];
};

static void
make_batch(struct batch *b, unsigned late_percent)
{
	size_t touched[TOUCHED];

	buf_reset(&b->text);
	for (size_t i = 0; i < TOUCHED; i++)
		touched[i] = pick();
	for (size_t i = 0; i < BATCH; i++) {
		struct thing *t = &thing[touched[i % TOUCHED]];
		bool late = i < TOUCHED && t->events > 2 &&
		    t->late_title.form == EID_NONE && draw(100) < late_percent;

		b->at[i] = b->text.len;
		make_event(t, late, &b->text);
	}
	b->at[BATCH] = b->text.len;
}

/* --- bare SQLite: the ceiling ------------------------------------------------------------ */

static void
sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "bench_store: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static double
bare(const char *dir, unsigned batches)
{
	char path[512];
	static char raw[400];
	sqlite3 *db;
	sqlite3_stmt *st;
	struct work work = { 0 }, since;
	double start;

	(void)snprintf(path, sizeof path, "%s/bare.db", dir);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		exit(1);
	sql(db,
	    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA "
	    "synchronous=FULL; CREATE TABLE e(at INTEGER PRIMARY KEY, id BLOB "
	    "UNIQUE, a INT, b INT, c INT, raw BLOB)");
	if (sqlite3_prepare_v2(db, "INSERT INTO e VALUES(NULL,?,?,?,?,?)", -1,
	        &st, NULL) != SQLITE_OK)
		exit(1);
	memset(raw, 'x', sizeof raw);
	since = work_now();
	start = lab_now();
	for (unsigned i = 0; i < batches; i++) {
		sql(db, "BEGIN IMMEDIATE");
		for (int k = 0; k < BATCH; k++) {
			struct eid id;

			make_id(&id);
			sqlite3_bind_blob(st, 1, id.b, 16, SQLITE_STATIC);
			sqlite3_bind_int64(st, 2, k);
			sqlite3_bind_int64(st, 3, (sqlite3_int64)made);
			sqlite3_bind_int64(st, 4, 7);
			sqlite3_bind_blob(st, 5, raw, sizeof raw,
			    SQLITE_STATIC);
			if (sqlite3_step(st) != SQLITE_DONE)
				exit(1);
			sqlite3_reset(st);
		}
		sql(db, "COMMIT");
	}
	start = lab_now() - start;
	work_add(&work, since);
	printf("bare SQLite: processor %.2f us and %.2f us in the kernel\n",
	    work.user / batches / BATCH * 1e6,
	    work.system / batches / BATCH * 1e6);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return batches * (double)BATCH / start;
}

/* --- ingest -------------------------------------------------------------------------------- */

struct parser {
	struct json j;
	struct arena a;
};

static void
parse(const struct batch *b, size_t i, struct parser *p, struct event *ev)
{
	struct err_info e = { 0 };

	arena_reset(&p->a);
	must(event_parse(ev, &p->j,
	         str_n(b->text.data + b->at[i], b->at[i + 1] - b->at[i]), &p->a,
	         &e),
	    &e);
}

__attribute__((noinline)) static void
put_batch(struct store *s, space_id sp, const struct batch *b, struct parser *p)
{
	struct err_info e = { 0 };

	must(store_begin(s, &e), &e);
	for (size_t i = 0; i < BATCH; i++) {
		struct event ev;
		struct arrival a = { .ev = &ev,
			.user = STR("ann"),
			.received_ms = 1777000000000 };
		enum put put;
		uint64_t seq;

		parse(b, i, p, &ev);
		must(store_put(s, sp, &a, &put, &seq, &e), &e);
	}
	must(store_commit(s, &e), &e);
}

/* Decoding an event is not the store's work: measured alone, and taken off. */
static double
parse_all(const struct batch *b, struct parser *p, struct work *work)
{
	struct work since = work_now();
	double t0 = lab_now();
	struct event ev;

	for (size_t i = 0; i < BATCH; i++)
		parse(b, i, p, &ev);
	work_add(work, since);
	return lab_now() - t0;
}

/* Events a second. */
static double
ingest(struct store *s, space_id sp, unsigned batches, unsigned late)
{
	struct batch b = { 0 };
	struct parser p = { 0 };
	double *took = calloc(batches, sizeof *took);
	struct work parsing = { 0 }, work = { 0 }, since;
	double all = 0, part = 0, each = 1e6 / batches / BATCH;
	unsigned n_part = 0;

	if (took == NULL)
		exit(1);
	for (unsigned i = 0; i < batches; i++) {
		double t0, parsed;

		make_batch(&b, late);
		parsed = parse_all(&b, &p, &parsing);
		since = work_now();
		t0 = lab_now();
		put_batch(s, sp, &b, &p);
		took[i] = lab_now() - t0 - parsed;
		work_add(&work, since);
		all += took[i];
		part += took[i];
		if (++n_part == (batches + 4) / 5 || i + 1 == batches) {
			printf("  %8u events: %7.0f/s\n", (i + 1) * BATCH,
			    n_part * (double)BATCH / part);
			part = n_part = 0;
		}
	}
	printf("put: %.0f events/s (median batch %.2f ms = %.0f/s); processor: "
	       "decode %.2f us, put %.2f us and %.2f us in the kernel; late %u "
	       "%%\n",
	    batches * (double)BATCH / all, lab_median(took, batches) * 1e3,
	    BATCH / lab_median(took, batches), parsing.user * each,
	    (work.user - parsing.user) * each, work.system * each, late);
	buf_fini(&b.text);
	json_fini(&p.j);
	arena_fini(&p.a);
	free(took);
	return batches * (double)BATCH / all;
}

/* --- one event ------------------------------------------------------------------------------- */

enum { CYCLES = 201 };

static enum err
count(void *ctx, const struct entity *en, struct err_info *e)
{
	unsigned *n = ctx;

	(void)en, (void)e;
	++*n;
	return ERR_OK;
}

static void
cycles(const char *path, space_id sp)
{
	struct store_options opt = options(false);
	double open_s[CYCLES], all_s[CYCLES], look_s[CYCLES];
	unsigned n = 0;

	for (int i = 0; i < CYCLES; i++) {
		struct err_info e = { 0 };
		struct store *s;
		double t0 = lab_now(), t1;
		char id[64], payload[200];
		struct thing *t = &thing[draw(n_things)];
		struct draft d = { .type = STR("wp_status_changed"),
			.aggregate_type = STR("work_package"),
			.project_uuid =
			    STR("11111111-1111-4111-8111-111111111111"),
			.author = STR("user:ann") };

		(void)snprintf(id, sizeof id, "001-bench/WP%02u-%u",
		    t->number % 100, t->number);
		(void)snprintf(payload, sizeof payload,
		    "{\"wp_id\":\"WP%02u-%u\",\"from_lane\":\"planned\","
		    "\"to_lane\":\"claimed\"}",
		    t->number % 100, t->number);
		d.aggregate_id = str_of(id);
		d.payload = str_of(payload);
		must(store_sqlite_open(&s, path, &opt, &e), &e);
		t1 = lab_now();
		must(store_begin(s, &e), &e);
		must(store_author(s, sp, &d, &t->present, &e), &e);
		must(store_commit(s, &e), &e);
		store_close(s);
		open_s[i] = t1 - t0;
		all_s[i] = lab_now() - t0;
		t->lane = t->present; /* and it named what was late */
		t->late_present = (struct eid){ 0 };
		clock_now = t->clock = clock_now + BATCH * 10;
	}
	for (int i = 0; i < CYCLES; i++) {
		struct err_info e = { 0 };
		struct store_options reader = options(false);
		struct store *s;
		double t0 = lab_now();

		n = 0;
		reader.read_only = true;
		must(store_sqlite_open(&s, path, &reader, &e), &e);
		must(store_entities(s, sp, (struct str){ 0 }, NULL, count, &n,
		         &e),
		    &e);
		store_close(s);
		look_s[i] = lab_now() - t0;
	}
	printf("open: %.2f ms; open, author, commit, close: %.2f ms\n",
	    lab_median(open_s, CYCLES) * 1e3, lab_median(all_s, CYCLES) * 1e3);
	printf("open, read %u entities, close: %.2f ms\n", n,
	    lab_median(look_s, CYCLES) * 1e3);
}

/* --- late ones to an entity that is large --------------------------------------------------------- */

static void
put_text(struct store *s, space_id sp, const struct buf *text, const size_t *at,
    size_t n, struct parser *p)
{
	struct err_info e = { 0 };

	must(store_begin(s, &e), &e);
	for (size_t i = 0; i < n; i++) {
		struct event ev;
		struct arrival a = { .ev = &ev, .received_ms = 1 };
		enum put put;
		uint64_t seq;

		arena_reset(&p->a);
		must(event_parse(&ev, &p->j,
		         str_n(text->data + at[i], at[i + 1] - at[i]), &p->a,
		         &e),
		    &e);
		must(store_put(s, sp, &a, &put, &seq, &e), &e);
	}
	must(store_commit(s, &e), &e);
}

/* What folding an entity again cannot do without: its events, decoded. */
static double
decode_all(const struct buf *text, const size_t *at, size_t n, struct parser *p)
{
	double t0 = lab_now();

	for (size_t i = 0; i < n; i++) {
		struct err_info e = { 0 };
		struct event ev;

		arena_reset(&p->a);
		must(event_parse(&ev, &p->j,
		         str_n(text->data + at[i], at[i + 1] - at[i]), &p->a,
		         &e),
		    &e);
	}
	return lab_now() - t0;
}

static void
late_row(const char *of, unsigned size, double s, double best, double target)
{
	char what[64];

	(void)snprintf(what, sizeof what, "%s of %u", of, size);
	lab_row(&(struct lab_row){ .what = what,
	    .ours = 1000 * s,
	    .best = 1000 * best,
	    .target = target,
	    .unit = "ms",
	    .best_is = "its events decoded" });
}

static void
late_to_large(struct store *s, space_id sp, unsigned size)
{
	struct thing big = { .number = 5 };
	struct buf text = { 0 };
	size_t *at = calloc(size + 1, sizeof *at);
	struct parser p = { 0 };
	double one[21], t0, best;

	if (at == NULL)
		exit(1);
	for (unsigned i = 0; i < size; i++) {
		at[i] = text.len;
		make_event(&big, false, &text);
	}
	at[size] = text.len;
	best = decode_all(&text, at, size, &p);
	for (unsigned i = 0; i < size; i += BATCH)
		put_text(s, sp, &text, at + i, BATCH, &p);
	for (int i = 0; i < 21; i++) {
		buf_reset(&text);
		big.clock = clock_now - 5 - draw(size / 2);
		at[0] = 0;
		make_event(&big, true, &text);
		at[1] = text.len;
		t0 = lab_now();
		put_text(s, sp, &text, at, 1, &p);
		one[i] = lab_now() - t0;
	}
	buf_reset(&text);
	for (unsigned i = 0; i < 1000; i++) {
		at[i] = text.len;
		big.clock = clock_now - 5 - draw(size / 2);
		make_event(&big, true, &text);
	}
	at[1000] = text.len;
	t0 = lab_now();
	put_text(s, sp, &text, at, 1000, &p);
	t0 = lab_now() - t0;
	late_row("late event to an entity", size, lab_median(one, 21), best,
	    late_one_ms);
	late_row("  1,000 at once to one", size, t0, best, late_many_ms);
	buf_fini(&text);
	json_fini(&p.j);
	arena_fini(&p.a);
	free(at);
}

/* Every file of the store, for each event of it. */
static void
print_size(const char *path, size_t events)
{
	struct stat st;

	if (stat(path, &st) == 0)
		printf("%.0f bytes/event on disk\n",
		    (double)st.st_size / (double)events);
}

int
main(int argc, char **argv)
{
	unsigned events = argc > 2 ? (unsigned)atoi(argv[2]) : 500000;
	unsigned late = argc > 3 ? (unsigned)atoi(argv[3]) : 1;
	struct store_options opt = options(true);
	struct err_info e = { 0 };
	struct arena arena = { 0 };
	char *path, *dir;
	struct store *s;
	struct rusage use;
	space_id sp;
	double best, rate;
	unsigned first, rest;

	if (argc > 1 && setenv("TMPDIR", argv[1], 1) != 0)
		return 1;
	must(lab_folder(&arena, &dir, &e), &e);
	path = arena_fmt(&arena, "%s/store.db", dir);
	if (path == NULL)
		return 1;
	best = bare(dir, 100);

	must(store_sqlite_open(&s, path, &opt, &e), &e);
	must(store_begin(s, &e), &e);
	must(store_space_add(s, STR(""), STR(""), STR("t"), &sp, &e), &e);
	must(store_commit(s, &e), &e);
	first = events > 200000 ? 100 : (events + 2 * BATCH - 1) / (2 * BATCH);
	rest = events / BATCH > first ? events / BATCH - first : 1;
	(void)ingest(s, sp, first, late);
	must(store_checkpoint(s, &e), &e);
	store_close(s);
	opt.hub = false;
	printf("at %u events:\n", first * BATCH);
	if (argc < 5)
		cycles(path, sp);

	opt = options(true);
	must(store_sqlite_open(&s, path, &opt, &e), &e);
	rate = ingest(s, sp, rest, late);
	lab_row(&(struct lab_row){ .what = "store put, batches of 1,000",
	    .ours = rate,
	    .best = best,
	    .unit = "events/s",
	    .best_is = "SQLite alone, bare rows" });
	if (argc < 5)
		late_to_large(s, sp, events < 100000 ? 1000 : 10000);
	must(store_checkpoint(s, &e), &e);
	store_close(s);
	(void)getrusage(RUSAGE_SELF, &use);
	printf("peak memory %ld MiB (with the load's own %zu KiB)\n",
	    use.ru_maxrss / 1024, cap_things * sizeof *thing / 1024);
	print_size(path, made - 100 * BATCH);
	free(thing);
	lab_folder_remove(dir);
	arena_fini(&arena);
	return 0;
}
