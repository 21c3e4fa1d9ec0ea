/* Ingest and pull without a wire: what a hub's writer and a fresh client cost per
 * event, step by step.
 *
 *	bench_ingest [batches [disk]]
 *
 * Batches of 1,000 events of about 400 bytes that name what they replace, 100
 * entities each, 50 events in an entity's life, one entity in a hundred with a
 * late event.  Once in memory, if not
 * asked for the disk alone, and once in a database. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admission.h"
#include "feed.h"
#include "gzip.h"
#include "lab.h"
#include "replica.h"

enum { BATCH = 1000, PER_ENTITY = 10, LIFE = 50, RECENT = 5000 };

static void
must(enum err rc, const struct err_info *e, const char *what)
{
	if (rc == ERR_OK)
		return;
	(void)fprintf(stderr, "%s: %s: %s\n", what, err_wire(rc), e->text);
	exit(1);
}

static uint64_t state = 42;

static uint64_t
dice(uint64_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % n;
}

/* --- events ------------------------------------------------------------------ */

struct thing {
	uint64_t last, clock; /* number of its last event, its stamp */
	unsigned life;
};

struct writer {
	struct thing *thing;
	size_t n;
	uint64_t events, clock;
};

static void
add_id(struct buf *out, uint64_t n)
{
	buf_addf(out, "\"01890000-%04llx-7000-8000-%012llx\"",
	    (unsigned long long)(n >> 16 & 0xffff), (unsigned long long)n);
}

static void
add_event(struct writer *w, size_t at, bool late, struct buf *out)
{
	static const char *const lanes[] = { "planned", "claimed",
		"in_progress", "for_review", "approved" };
	struct thing *t = &w->thing[at];
	uint64_t id = ++w->events, clock = late ? t->clock : ++w->clock;

	buf_adds(out, "{\"event_id\":");
	add_id(out, id);
	buf_addf(out,
	    ",\"event_type\":\"wp_status_changed\",\"aggregate_id\":"
	    "\"001-bench/WP%02zu\",\"aggregate_type\":\"work_package\","
	    "\"lamport_clock\":%llu,\"node_id\":"
	    "\"0123456789abcdef0123456789abcdef\",\"node_seq\":%llu,"
	    "\"timestamp\":\"2026-04-28T10:30:00.123Z\",\"payload\":"
	    "{\"wp_id\":\"WP%02zu\",\"from_lane\":\"%s\",\"to_lane\":\"%s\","
	    "\"actor\":\"ann\"},\"replaces\":[",
	    at + 10, (unsigned long long)clock, (unsigned long long)id, at + 10,
	    lanes[t->life % 5], lanes[(t->life + 1) % 5]);
	if (t->life > 0 && !late)
		add_id(out, t->last);
	buf_adds(out, "]}");
	if (late)
		return;
	t->last = id;
	t->clock = clock;
	t->life++;
}

static size_t
pick(struct writer *w)
{
	size_t at =
	    w->n > RECENT && dice(10) > 0 ? w->n - 1 - dice(RECENT) : w->n;

	if (at == w->n || w->thing[at].life >= LIFE)
		at = w->n++;
	return at;
}

static void
add_batch(struct writer *w, struct buf *out)
{
	buf_adds(out, "{\"events\":[");
	for (unsigned i = 0; i < BATCH / PER_ENTITY; i++) {
		size_t at = pick(w);
		bool late = dice(100) == 0;

		for (unsigned k = 0; k < PER_ENTITY; k++) {
			if (i + k > 0)
				buf_addc(out, ',');
			add_event(w, at, late && k == PER_ENTITY - 1, out);
		}
	}
	buf_adds(out, "]}");
}

/* --- both ends ----------------------------------------------------------------- */

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1750000000000;
}

static void
random_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)dice(256);
}

static struct store *
open_store(const char *folder, const char *name, bool hub, space_id *sp)
{
	struct store_options opt = { .hub = hub,
		.env = { wall_ms, random_bytes, NULL } };
	struct err_info e = { 0 };
	struct store *s = NULL;
	char path[512];

	if (folder == NULL) {
		must(store_mem_open(&s, &opt, &e), &e, "open");
	} else {
		(void)snprintf(path, sizeof path, "%s/%s", folder, name);
		(void)unlink(path);
		must(store_sqlite_open(&s, path, &opt, &e), &e, path);
	}
	must(store_begin(s, &e), &e, "begin");
	must(store_space_add(s, STR(""), STR(""), STR("team"), sp, &e), &e,
	    "space");
	if (hub)
		must(store_resync(s, *sp, STR("epoch"), &e), &e, "epoch");
	must(store_commit(s, &e), &e, "commit");
	return s;
}

/* What a batch goes through, in its order; seconds. */
enum step { INFLATE, DECODE, ADMIT, PUT, COMMIT, ANSWER, STEPS };
static const char *const step_names[] = {
	[INFLATE] = "  inflate",
	[DECODE] = "  decode and check",
	[ADMIT] = "  admit",
	[PUT] = "  put: log and fold",
	[COMMIT] = "  commit, fsync",
	[ANSWER] = "  write the answer",
};

struct hub_side {
	struct admission ad;
	struct sender from;
	struct gzip gzip;
	struct batch batch;
	struct buf packed, plain, out;
	double cost[STEPS];
};

static void
admit(struct hub_side *h, struct batch_answer *answer, struct arena *a)
{
	struct err_info e = { 0 };

	must(store_begin(h->ad.store, &e), &e, "begin");
	admission_begin(&h->ad);
	must(admission_batch(&h->ad, &h->from, &h->batch, a, answer, &e), &e,
	    "admit");
	for (size_t i = 0; i < answer->n; i++)
		if (answer->result[i].status != BATCH_SUCCESS) {
			(void)fprintf(stderr, "refused: %.*s\n",
			    STR_ARG(answer->result[i].why));
			exit(1);
		}
}

static void
ingest_one(struct hub_side *h, struct str body)
{
	struct batch_answer answer;
	struct arena a = { 0 };
	struct err_info e = { 0 };
	double t[STEPS + 1];

	must(gzip_deflate(&h->gzip, body, GZIP_LEVEL, &h->packed, &e), &e,
	    "pack");
	t[INFLATE] = lab_now();
	must(gzip_inflate(&h->gzip, buf_str(&h->packed), body.n, &h->plain, &e),
	    &e, "inflate");
	t[DECODE] = lab_now();
	must(batch_decode(&h->batch, buf_str(&h->plain), &e), &e, "decode");
	t[ADMIT] = lab_now();
	admit(h, &answer, &a);
	t[COMMIT] = lab_now();
	must(store_commit(h->ad.store, &e), &e, "commit");
	t[ANSWER] = lab_now();
	buf_reset(&h->out);
	batch_answer_encode(&answer, &h->out);
	t[STEPS] = lab_now();
	arena_fini(&a);
	h->cost[INFLATE] += t[DECODE] - t[INFLATE];
	h->cost[DECODE] += t[ADMIT] - t[DECODE];
	h->cost[ADMIT] += t[COMMIT] - t[ADMIT];
	h->cost[COMMIT] += t[ANSWER] - t[COMMIT];
	h->cost[ANSWER] += t[STEPS] - t[ANSWER];
}

/* The same batch put into another store, without admission: what of the above
 * is the store's. */
static void
put_one(struct hub_side *h, struct store *s, space_id sp)
{
	struct err_info e = { 0 };
	double began;

	must(store_begin(s, &e), &e, "begin");
	began = lab_now();
	for (size_t i = 0; i < h->batch.n; i++) {
		struct arrival arrival = { .ev = &h->batch.item[i].ev,
			.user = h->from.user,
			.received_ms = 1 };
		enum put put;
		uint64_t seq;

		must(store_put(s, sp, &arrival, &put, &seq, &e), &e, "put");
	}
	h->cost[PUT] += lab_now() - began;
	must(store_commit(s, &e), &e, "commit");
}

static void
print_steps(const struct hub_side *h, double events, bool rows)
{
	double all = 0;

	for (int i = 0; i < STEPS; i++)
		all += h->cost[i];
	if (!rows)
		printf("  %.0f events/s\n", events / all);
	else
		lab_row(&(struct lab_row){
		    .what = "batches of 1,000, all steps on one thread",
		    .ours = events / all,
		    .unit = "events/s" });
	for (int i = 0; i < STEPS; i++) {
		double us = h->cost[i] * 1e6 / events;

		if (!rows)
			printf("%s %.2f us", step_names[i], us);
		else
			lab_row(&(struct lab_row){ .what = step_names[i],
			    .ours = us,
			    .unit = "us/event" });
	}
	if (!rows)
		printf("\n");
}

static void
ingest(struct store *s, space_id sp, struct store *other, space_id other_sp,
    unsigned batches, bool rows)
{
	struct hub_side h = { .ad = { .store = s },
		.from = { .user = STR("ann"), .now_ms = 1, .space = sp } };
	struct writer w = { 0 };
	struct buf body = { 0 };

	w.thing = calloc((size_t)batches * 100 + 100, sizeof *w.thing);
	if (w.thing == NULL)
		exit(1);
	for (unsigned i = 0; i < batches; i++) {
		buf_reset(&body);
		add_batch(&w, &body);
		ingest_one(&h, buf_str(&body));
		put_one(&h, other, other_sp);
	}
	h.cost[ADMIT] -= h.cost[PUT];
	print_steps(&h, (double)batches * BATCH, rows);
	admission_fini(&h.ad);
	gzip_fini(&h.gzip);
	batch_fini(&h.batch);
	buf_fini(&h.packed);
	buf_fini(&h.plain);
	buf_fini(&h.out);
	buf_fini(&body);
	free(w.thing);
}

/* A fresh client pulls everything. */
static void
pull(struct store *hub, space_id sp, struct store *client, space_id at)
{
	struct replica r = { client, at, { wall_ms, random_bytes, NULL } };
	struct sync_options opt = { 0 };
	struct sync_replica ops;
	struct sync_want want = { 0 };
	struct err_info e = { 0 };
	struct buf body = { 0 };
	struct sync *s;
	double start = lab_now(), fed = 0;

	replica_sync(&r, &ops);
	must(sync_new(&s, &ops, &opt, &e), &e, "sync");
	for (;;) {
		struct str query, path;
		struct arena a = { 0 };
		struct pull_query q;
		double t;

		sync_step(s, &want);
		if (want.need != SYNC_SEND)
			break;
		t = lab_now();
		query = want.target;
		(void)str_split(&query, '?', &path);
		must(pull_query_decode(&q, query, &a, &e), &e, "query");
		buf_reset(&body);
		must(feed_answer(hub, sp, &q, &body, &e), &e, "feed");
		fed += lab_now() - t;
		sync_answer(s,
		    &(struct sync_reply){ .status = 200,
		        .body = buf_str(&body),
		        .retry_after_s = -1 });
		arena_fini(&a);
	}
	if (want.need == SYNC_FAILED)
		must(want.error->code, want.error, "pull");
	start = lab_now() - start;
	printf(
	    "pull   %7.0f events/s; the hub's part of it %.2f us per event\n",
	    (double)sync_report(s)->pulled / start,
	    fed * 1e6 / (double)sync_report(s)->pulled);
	sync_free(s);
	buf_fini(&body);
}

static void
run(const char *folder, unsigned batches)
{
	space_id sp, other_sp, at;
	struct store *hub = open_store(folder, "hub.db", true, &sp);
	struct store *other = open_store(folder, "other.db", true, &other_sp);
	struct store *client;

	printf("%s, %u batches of %d\n", folder ? folder : "in memory", batches,
	    BATCH);
	ingest(hub, sp, other, other_sp, batches, folder != NULL);
	client = open_store(folder, "client.db", false, &at);
	pull(hub, sp, client, at);
	store_close(client);
	store_close(other);
	store_close(hub);
}

int
main(int argc, char **argv)
{
	unsigned batches =
	    argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	char *folder;

	if (batches == 0)
		return 2;
	must(lab_folder(&a, &folder, &e), &e, "folder");
	if (argc < 3)
		run(NULL, batches);
	run(folder, batches);
	lab_folder_remove(folder);
	arena_fini(&a);
	return 0;
}
