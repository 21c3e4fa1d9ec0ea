/* The hub's ingest over HTTP: batches of 1,000 gzip events from a few
 * connections, then single events from many.  Every answer comes after commit
 * and fsync; every event is folded.  Beside it what SQLite alone does on this
 * disk with the same bytes: one row with a unique id per event, nothing else.
 *
 *	bench_hub CLOWDER BENCH-FOLDER [--stored N] [--events N] [--late PER-MILLE]
 *	             [--connections N] [--singles N] [--pulls N] [--rounds N]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients.h"
#include "event.h"
#include "gen.h"
#include "gzip.h"
#include "lab.h"

enum { BATCH = 1000, RECENT = 5000, SINGLES = 64, CHUNK = 50 };
/* Late ones in 1,000 visits, when half of all todos that are visited get one: a
 * new todo has nothing to be late for. */
enum { HALF = 600 };
/* What is promised: docs/performance.md. */
static const double batches_target = 100000, late_target = 50000,
                    singles_target = 20000, singles_p99_ms = 15,
                    resident_mib = 64, pull_target = 40000, pull_mib = 64;

struct options {
	const char *clowder, *bench; /* the program; the folder of ours */
	size_t stored, events, connections, singles, pulls, rounds;
	unsigned late;
};

struct bench {
	struct options o;
	struct lab_hub hub;
	struct gen *gen;          /* own: one for each connection */
	struct client_work *work; /* own: likewise */
	struct gzip gzip;
	struct buf plain, packed;
	uint64_t plain_bytes, packed_bytes, made, filled;
};

/* --- batches ------------------------------------------------------------------- */

static enum err
add_batch(struct bench *b, struct gen *g, struct client_work *w,
    struct err_info *e)
{
	unsigned n = 0;
	enum err rc;

	buf_reset(&b->plain);
	buf_adds(&b->plain, "{\"events\":[");
	while (n + GEN_VISIT <= BATCH) {
		if (n > 0)
			buf_addc(&b->plain, ',');
		n += gen_visit(g, &b->plain);
	}
	buf_adds(&b->plain, "]}");
	rc = gzip_deflate(&b->gzip, buf_str(&b->plain), GZIP_LEVEL, &b->packed,
	    e);
	if (rc == ERR_OK)
		rc = client_work_post(w, "/api/v1/events/batch/", b->hub.token,
		    true, buf_str(&b->packed), e);
	b->made += n;
	b->plain_bytes += b->plain.len;
	b->packed_bytes += b->packed.len;
	return rc;
}

static enum err
send_batches(struct bench *b, size_t batches, struct client_times *t,
    struct err_info *e)
{
	enum err rc = ERR_OK;

	b->made = b->plain_bytes = b->packed_bytes = 0;
	for (size_t i = 0; i < batches && rc == ERR_OK; i++) {
		size_t c = i % b->o.connections;

		rc = add_batch(b, &b->gen[c], &b->work[c], e);
	}
	if (rc == ERR_OK)
		rc = clients_run(b->work, b->o.connections, b->hub.port, t, e);
	for (size_t i = 0; i < b->o.connections; i++)
		client_work_fini(&b->work[i]);
	return rc;
}

static enum err
fill(struct bench *b, struct err_info *e)
{
	struct client_times t;
	enum err rc = ERR_OK;
	double began = lab_now();

	while (b->filled < b->o.stored && rc == ERR_OK) {
		size_t want = (b->o.stored - b->filled + BATCH - 1) / BATCH;
		size_t most = CHUNK * b->o.connections;

		rc = send_batches(b, want < most ? want : most, &t, e);
		b->filled += b->made;
	}
	printf("filled with %llu events in %.1f s\n",
	    (unsigned long long)b->filled, lab_now() - began);
	return rc;
}

/* --- what the disk and SQLite do alone --------------------------------------------- */

static bool
sql(sqlite3 *db, const char *text)
{
	return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static bool
bare_row(sqlite3_stmt *st, sqlite3_int64 at, const struct eid *id,
    struct str raw)
{
	return sqlite3_bind_int64(st, 1, at) == SQLITE_OK &&
	    sqlite3_bind_blob(st, 2, id->b, 16, NULL) == SQLITE_OK &&
	    sqlite3_bind_blob(st, 3, raw.p, (int)raw.n, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_DONE && sqlite3_reset(st) == SQLITE_OK;
}

/* Events a second with `group` of them in a transaction; 0 where it failed. */
static double
bare(struct bench *b, size_t events, size_t group)
{
	char *path =
	    arena_fmt(&b->hub.arena, "%s/bare-%zu.db", b->hub.folder, group);
	struct gen g = { 0 };
	struct buf raw = { 0 };
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	double began = 0, took = 0;
	bool ok;

	if (group == 0)
		group = 1;
	(void)unlink(path); /* of an earlier round */
	ok = gen_init(&g, 99, 16, 0) && sqlite3_open(path, &db) == SQLITE_OK &&
	    sql(db,
	        "PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"
	        "PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
	        "PRAGMA wal_autocheckpoint=2000;"
	        "CREATE TABLE e (at INTEGER PRIMARY KEY, id BLOB, raw BLOB);"
	        "CREATE UNIQUE INDEX i ON e (id)") &&
	    sqlite3_prepare_v2(db, "INSERT INTO e VALUES (?, ?, ?)", -1, &st,
	        NULL) == SQLITE_OK;
	gen_single(&g, &raw);
	began = lab_now();
	for (size_t i = 0; ok && i < events; i++) {
		struct eid id;
		uint8_t random[10] = { 0 };

		memcpy(random, &i, sizeof i);
		eid_new(&id, 1777368600000 + i / 16, random);
		if (i % group == 0)
			ok = sql(db, "BEGIN IMMEDIATE");
		ok = ok && bare_row(st, (sqlite3_int64)i, &id, buf_str(&raw));
		if (i % group == group - 1)
			ok = ok && sql(db, "COMMIT");
	}
	took = lab_now() - began;
	(void)sqlite3_finalize(st);
	(void)sqlite3_close(db);
	gen_fini(&g);
	buf_fini(&raw);
	return ok && took > 0 ? (double)events / took : 0;
}

/* --- the two measurements ---------------------------------------------------------- */

static enum err
measure_batches(struct bench *b, struct err_info *e)
{
	size_t batches = b->o.events / BATCH;
	double rate[16], p99[16], best = 0;
	size_t rounds = b->o.rounds < 16 ? b->o.rounds : 16;
	struct lab_cpu first, before, after = { 0 };
	double all = 0, client = 0;
	uint64_t commits = lab_hub_metric(&b->hub, "commits_total");
	uint64_t moves = lab_hub_metric(&b->hub, "checkpoints_total");
	char what[96];
	enum err rc = ERR_OK;
	int n;

	lab_cpu(b->hub.pid, &first);
	for (size_t i = 0; i < rounds && rc == ERR_OK; i++) {
		struct client_times t;

		lab_cpu(b->hub.pid, &before);
		rc = send_batches(b, batches, &t, e);
		if (rc != ERR_OK)
			break;
		lab_cpu(b->hub.pid, &after);
		all += (double)b->made;
		client += t.cpu_seconds;
		rate[i] = (double)b->made / t.seconds;
		p99[i] = t.p99_ms;
		printf("batches: %.0f events/s, ack p50 %.1f ms p99 %.1f ms "
		       "(%llu bytes an event, %llu packed)\n",
		    rate[i], t.p50_ms, t.p99_ms,
		    (unsigned long long)(b->plain_bytes / b->made),
		    (unsigned long long)(b->packed_bytes / b->made));
		lab_cpu_print(&before, &after, t.seconds, (double)b->made);
	}
	if (rc != ERR_OK)
		return rc;
	commits = lab_hub_metric(&b->hub, "commits_total") - commits;
	moves = lab_hub_metric(&b->hub, "checkpoints_total") - moves;
	printf("  %.2f batches a commit, %.2f a checkpoint\n",
	    all / BATCH / (double)(commits ? commits : 1),
	    all / BATCH / (double)(moves ? moves : 1));
	best = bare(b, b->o.events, BATCH);
	n = snprintf(what, sizeof what,
	    "ingest, %zu connections x 1,000, %zu stored, %u.%u %% late",
	    b->o.connections, b->o.stored, b->o.late / 10, b->o.late % 10);
	if (n > 0)
		lab_row(&(struct lab_row){ .what = what,
		    .ours = lab_median(rate, rounds),
		    .best = best,
		    .target = b->o.late < HALF ? batches_target : late_target,
		    .unit = "events/s",
		    .best_is = "SQLite alone, bare rows" });
	lab_row(&(struct lab_row){ .what = "  its answers, p99",
	    .ours = lab_median(p99, rounds),
	    .unit = "ms" });
	lab_cpu_rows(&first, &after, all);
	lab_row(&(struct lab_row){ .what = "  the clients, processor",
	    .ours = 1e6 * client / all,
	    .unit = "us/event" });
	return ERR_OK;
}

static enum err
make_singles(struct bench *b, struct client_work *w, size_t n,
    struct err_info *e)
{
	enum err rc = ERR_OK;
	struct gen g;

	for (size_t c = 0; c < SINGLES && rc == ERR_OK; c++) {
		if (!gen_init(&g, (unsigned)(1000 + c), 1, 0))
			return err_set(e, ERR_NOMEM);
		/* A stream goes on where the last round left it. */
		for (size_t i = 0; i < n && rc == ERR_OK; i++) {
			buf_reset(&b->plain);
			buf_adds(&b->plain, "{\"events\":[");
			gen_single(&g, &b->plain);
			buf_adds(&b->plain, "]}");
			rc = client_work_post(&w[c], "/api/v1/events/batch/",
			    b->hub.token, false, buf_str(&b->plain), e);
		}
		gen_fini(&g);
	}
	return rc;
}

static enum err
measure_singles(struct bench *b, struct err_info *e)
{
	size_t each = b->o.singles / SINGLES;
	struct client_work *w = calloc(SINGLES, sizeof *w);
	struct lab_cpu before, after;
	uint64_t commits;
	struct client_times t;
	double best, group;
	enum err rc = w ? make_singles(b, w, each, e) : err_set(e, ERR_NOMEM);

	if (rc != ERR_OK)
		goto done;
	commits = lab_hub_metric(&b->hub, "commits_total");
	lab_cpu(b->hub.pid, &before);
	rc = clients_run(w, SINGLES, b->hub.port, &t, e);
	if (rc != ERR_OK)
		goto done;
	lab_cpu(b->hub.pid, &after);
	commits = lab_hub_metric(&b->hub, "commits_total") - commits;
	group = (double)t.requests / (double)(commits ? commits : 1);
	printf("singles: %.0f events/s, ack p50 %.2f ms p99 %.2f ms max %.1f "
	       "ms, %.1f a commit\n",
	    (double)t.requests / t.seconds, t.p50_ms, t.p99_ms, t.max_ms,
	    group);
	lab_cpu_print(&before, &after, t.seconds, (double)t.requests);
	best = bare(b, t.requests, (size_t)(group + 0.5));
	lab_row(&(struct lab_row){ .what = "ingest, 64 clients x 1",
	    .ours = (double)t.requests / t.seconds,
	    .best = best,
	    .target = singles_target,
	    .unit = "events/s",
	    .best_is = "SQLite alone, as many a commit" });
	lab_row(&(struct lab_row){ .what = "  its answers, p99",
	    .ours = t.p99_ms,
	    .target = singles_p99_ms,
	    .unit = "ms" });
done:
	for (size_t i = 0; w != NULL && i < SINGLES; i++)
		client_work_fini(&w[i]);
	free(w);
	return rc;
}

/* Of a machine that comes to the team when everything is there. */
static enum err
pull(struct bench *b, size_t round, double *ret_s, double *ret_mib,
    struct err_info *e)
{
	char *home =
	    arena_fmt(&b->hub.arena, "%s/home%zu", b->hub.folder, round);
	char *url =
	    arena_fmt(&b->hub.arena, "http://127.0.0.1:%u", b->hub.port);
	const char *server[] = { b->o.clowder, "sync", "server", url, NULL };
	const char *login[] = { b->o.clowder, "auth", "login", "--user",
		LAB_USER, "--password-stdin", NULL };
	const char *now[] = { b->o.clowder, "sync", "now", NULL };
	struct buf out = { 0 };
	double began;
	enum err rc;

	if (home == NULL || url == NULL || mkdir(home, 0700) != 0 ||
	    setenv("HOME", home, 1) != 0 ||
	    setenv("CLOWDER_HOME", home, 1) != 0)
		return err_setf(e, ERR_IO, "no home to pull into");
	rc = lab_ask(server, home, "", &out, e);
	if (rc == ERR_OK)
		rc = lab_ask(login, home, LAB_PASSWORD "\n", &out, e);
	began = lab_now();
	if (rc == ERR_OK)
		rc = lab_peak(&b->hub.arena, b->o.bench, now, home, ret_mib, e);
	*ret_s = lab_now() - began;
	buf_fini(&out);
	return rc;
}

static enum err
measure_pulls(struct bench *b, struct err_info *e)
{
	size_t rounds = b->o.pulls < 16 ? b->o.pulls : 16;
	double rate[16], best[16], mib[16], s = 1;
	char what[96];
	enum err rc = ERR_OK;
	int n;

	for (size_t i = 0; i < rounds && rc == ERR_OK; i++) {
		rc = pull(b, i, &s, &mib[i], e);
		rate[i] = (double)b->filled / s;
		best[i] = bare(b, b->filled, BATCH);
	}
	if (rc != ERR_OK)
		return rc;
	n = snprintf(what, sizeof what,
	    "sync now of a new machine, %llu events",
	    (unsigned long long)b->filled);
	if (n > 0)
		lab_row(&(struct lab_row){ .what = what,
		    .ours = lab_median(rate, rounds),
		    .best = lab_median(best, rounds),
		    .target = pull_target,
		    .unit = "events/s",
		    .best_is = "SQLite alone, bare rows" });
	lab_row(&(struct lab_row){ .what = "  its memory, at most",
	    .ours = lab_median(mib, rounds),
	    .target = pull_mib,
	    .unit = "MiB" });
	return ERR_OK;
}

static void
measure_memory(struct bench *b)
{
	uint64_t before = lab_kib(b->hub.pid, "VmRSS"), now;

	/* At rest: until it stops giving memory back. */
	for (int i = 0; i < 20; i++) {
		(void)usleep(100000);
		now = lab_kib(b->hub.pid, "VmRSS");
		if (now == before && i > 5)
			break;
		before = now;
	}
	printf("memory: %.1f MiB at rest, %.1f MiB at most\n",
	    (double)before / 1024, (double)lab_kib(b->hub.pid, "VmHWM") / 1024);
	lab_row(&(struct lab_row){ .what = "hub at rest, resident",
	    .ours = (double)before / 1024,
	    .target = resident_mib,
	    .unit = "MiB" });
}

/* --- --------------------------------------------------------------------------------- */

static bool
options(struct options *o, int argc, char **argv)
{
	size_t late = 10;

	*o = (struct options){ .stored = 100000,
		.events = 200000,
		.connections = 4,
		.singles = 64000,
		.pulls = 1,
		.rounds = 3 };
	for (int i = 3; i + 1 < argc; i += 2)
		if (!lab_number(argv + i, "--stored", &o->stored) &&
		    !lab_number(argv + i, "--events", &o->events) &&
		    !lab_number(argv + i, "--connections", &o->connections) &&
		    !lab_number(argv + i, "--singles", &o->singles) &&
		    !lab_number(argv + i, "--pulls", &o->pulls) &&
		    !lab_number(argv + i, "--rounds", &o->rounds) &&
		    !lab_number(argv + i, "--late", &late))
			return false;
	if (argc < 3 || argc % 2 != 1)
		return false;
	o->clowder = argv[1];
	o->bench = argv[2];
	o->late = (unsigned)late;
	return o->connections > 0;
}

static enum err
measure(struct bench *b, struct err_info *e)
{
	enum err rc = lab_hub_start(&b->hub, b->o.clowder, e);

	b->gen = calloc(b->o.connections, sizeof *b->gen);
	b->work = calloc(b->o.connections, sizeof *b->work);
	if (rc == ERR_OK && (b->gen == NULL || b->work == NULL))
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < b->o.connections && rc == ERR_OK; i++)
		if (!gen_init(&b->gen[i], (unsigned)i,
		        RECENT / b->o.connections, b->o.late))
			rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK)
		rc = fill(b, e);
	if (rc == ERR_OK && b->o.pulls > 0)
		rc = measure_pulls(b, e);
	if (rc == ERR_OK && b->o.events > 0)
		rc = measure_batches(b, e);
	if (rc == ERR_OK && b->o.singles > 0)
		rc = measure_singles(b, e);
	if (rc == ERR_OK)
		measure_memory(b);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err_info e = { 0 };
	struct bench b = { 0 };
	enum err rc;

	if (!options(&b.o, argc, argv)) {
		(void)fprintf(stderr,
		    "usage: bench_hub CLOWDER BENCH-FOLDER [--stored N] "
		    "[--events N] [--late PER-MILLE] [--connections N] "
		    "[--singles N] [--pulls N] [--rounds N]\n");
		return 2;
	}
	rc = measure(&b, &e);
	if (rc != ERR_OK)
		(void)fprintf(stderr, "bench_hub: %s\n", e.text);
	lab_hub_stop(&b.hub);
	for (size_t i = 0; b.gen != NULL && i < b.o.connections; i++)
		gen_fini(&b.gen[i]);
	free(b.gen);
	free(b.work);
	gzip_fini(&b.gzip);
	buf_fini(&b.plain);
	buf_fini(&b.packed);
	return rc != ERR_OK;
}
