/* The hub's threads: one writer with group commit, a reader, decoders, workers.
 *
 * Writing: all that waits is admitted in one transaction and committed once; then
 * the answers go; then the write-ahead log is looked after, when nobody waits for
 * it.  Fails: one request's reason undoes the transaction and each runs again by
 * itself; the storage's reason (disk full, locked by another process, a broken
 * disk) refuses all of them and stands in health until a write succeeds.  After
 * an error of the disk the store is opened again, now and then, and its log moved
 * into the database and synced before anything is added to it: what the system
 * holds in memory of a log that it could not write is not to be built upon. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "hub_live.h"
#include "log.h"
#include "proc.h"

enum {
	WRITER_JOBS_MAX = 4096,
	WRITER_GROUP_EVENTS = 8192,
	READER_JOBS_MAX = 1024,
	WORKER_JOBS_MAX = 128,
	WORKERS = 2,
	DECODER_JOBS_MAX = 512,
	DECODERS = 2,
	LOCK_WAIT_MS = 2000, /* for another process; then requests get 503 */
	QUIET_MS = 500,      /* without a write: a moment to tidy up */
	REOPEN_MS = 1000,    /* between two tries, where nobody says */
};
/* The write-ahead log is moved into the database when it is this long, after the
 * answers.  Longer: pages that change often are moved less often.  Shorter: those
 * who wait behind it wait less. */
#define WAL_BYTES (UINT64_C(16) << 20)

struct team_space {
	char *slug; /* in the writer's arena */
	space_id id;
};

static int64_t
env_wall(void *ctx)
{
	(void)ctx;
	return os_wall_ms();
}

static void
env_random(void *ctx, void *out, size_t n)
{
	struct err_info e = { 0 };

	(void)ctx;
	/* Without randomness nothing here is safe to go on. */
	if (os_random(out, n, &e) != ERR_OK) {
		log_line(LOG_ERROR, "hub", "%s", e.text);
		abort();
	}
}

static struct store_options
store_opt(const struct hub *hub, bool read_only)
{
	unsigned wait_ms = hub->o.lock_wait_ms;

	return (struct store_options){
		.env = { .wall_ms = env_wall, .random = env_random },
		.hub = true,
		.read_only = read_only,
		.lock_wait_ms = wait_ms > 0 ? wait_ms : LOCK_WAIT_MS,
		.wal_bytes_max = WAL_BYTES,
		.tidy_later = true,
	};
}

/* --- writer --------------------------------------------------------------- */

static void
spaces_forget(struct hub_writer *w)
{
	map_fini(&w->spaces);
	arena_reset(&w->arena);
}

enum err
hub_team_space(struct hub_writer *w, struct str slug, space_id *ret,
    struct err_info *e)
{
	struct team_space *ts = map_get(&w->spaces, slug);
	struct space sp;
	struct arena a = { 0 };
	enum err rc;

	if (ts != NULL) {
		*ret = ts->id;
		return ERR_OK;
	}
	rc = store_space_find(w->store, STR(""), STR(""), slug, &a, &sp, e);
	*ret = rc == ERR_OK ? sp.id : 0;
	arena_fini(&a);
	if (rc == ERR_NOT_FOUND) {
		rc = store_space_add(w->store, STR(""), STR(""), slug, ret, e);
		if (rc == ERR_OK)
			rc = store_resync(w->store, *ret, str_of(w->hub->epoch),
			    e);
	}
	if (rc != ERR_OK)
		return rc;
	ts = arena_zero(&w->arena, sizeof *ts);
	if (ts == NULL)
		return err_set(e, ERR_NOMEM);
	ts->slug = arena_dup(&w->arena, slug);
	ts->id = *ret;
	if (ts->slug == NULL || !map_put(&w->spaces, str_of(ts->slug), ts))
		return err_set(e, ERR_NOMEM);
	return ERR_OK;
}

static enum err
write_list(struct hub_writer *w, struct pool_job *list, bool alone,
    struct err_info *e)
{
	struct hub_metrics *m = &w->hub->metrics;
	uint64_t began = os_mono_ns();
	enum err rc = store_begin(w->store, e);

	if (rc != ERR_OK)
		goto done;
	admission_begin(&w->admission);
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		struct write_job *wj = (struct write_job *)(void *)job;

		rc = wj->write(w, wj, e);
		if (rc != ERR_OK || alone)
			break;
	}
	if (rc == ERR_OK)
		rc = store_commit(w->store, e);
	if (rc == ERR_OK) {
		live_grown(w->hub, &w->admission);
	} else {
		store_rollback(w->store);
		/* A space that was made in it is gone as well. */
		spaces_forget(w);
	}
done:
	atomic_fetch_add(rc == ERR_OK ? &m->commits : &m->commits_failed, 1);
	atomic_fetch_add(&m->commit_us, (os_mono_ns() - began) / 1000);
	return rc;
}

/* These hit the next transaction as well, and some make it wait first: trying
 * each request by itself would only make all of them wait longer. */
static bool
hits_all(enum err rc)
{
	return rc == ERR_LOCKED || rc == ERR_IO;
}

static enum err writer_store_open(struct hub_writer *w, struct err_info *e);

/* The store as it can be written to. */
static enum err
writer_ready(struct hub_writer *w, struct err_info *e)
{
	unsigned pause = w->hub->o.reopen_ms;
	uint64_t now = os_mono_ms();
	enum err rc;

	if (!w->failed)
		return ERR_OK;
	if (now < w->retry_mono_ms)
		return err_setf(e, ERR_IO,
		    "the disk failed a moment ago: %s is tried again soon",
		    w->hub->replica_path);
	w->retry_mono_ms = now + (pause > 0 ? pause : REOPEN_MS);
	spaces_forget(w);
	store_close(w->store);
	w->store = w->admission.store = NULL;
	rc = writer_store_open(w, e);
	if (rc == ERR_OK)
		rc = store_checkpoint(w->store, e);
	w->failed = rc != ERR_OK;
	return rc;
}

/* One request must not fail the others: each again by itself. */
static enum err
write_singly(struct hub_writer *w, struct pool_job *list, struct err_info *e)
{
	enum err worst = ERR_OK;

	for (struct pool_job *job = list; job != NULL; job = job->next) {
		if (hits_all(worst)) {
			job->rc = worst;
			job->e = *e;
			continue;
		}
		job->rc = write_list(w, job, true, &job->e);
		if (job->rc != ERR_OK) {
			worst = job->rc;
			*e = job->e;
		}
	}
	return worst;
}

static void
writer_take(void *ctx, struct pool_job *list)
{
	struct hub_writer *w = ctx;
	struct err_info e = { 0 };
	enum err rc = writer_ready(w, &e);
	bool ready = rc == ERR_OK;

	if (ready)
		rc = write_list(w, list, false, &e);
	w->wrote = true;
	w->resting = false;
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		job->rc = rc;
		job->e = e;
	}
	if (ready && rc != ERR_OK && !hits_all(rc) && list->next != NULL)
		rc = write_singly(w, list, &e);
	w->failed |= rc == ERR_IO;
	trouble_judge(&w->hub->trouble, "write", rc, &e);
}

/* Move the write-ahead log into the database: what is not in use of a long one,
 * or when it is quiet all of it. */
static void
writer_checkpoint(struct hub_writer *w, bool whole)
{
	struct hub_metrics *m = &w->hub->metrics;
	uint64_t began = os_mono_ns();
	struct err_info e = { 0 };
	struct store_facts facts;
	bool moved = whole;
	enum err rc = whole ? store_checkpoint(w->store, &e) :
	                      store_tidy(w->store, &moved, &e);

	if (rc == ERR_IO) {
		/* What was acknowledged is in the log; but nothing more goes
		 * there before the store was opened again. */
		w->failed = true;
		trouble_judge(&w->hub->trouble, "checkpoint", rc, &e);
	} else if (rc != ERR_OK) {
		log_line(LOG_WARN, "hub", "checkpoint: %s", e.text);
	}
	if (!moved)
		return;
	atomic_fetch_add(&m->checkpoints, 1);
	atomic_fetch_add(&m->checkpoint_us, (os_mono_ns() - began) / 1000);
	if (store_facts(w->store, &facts, &e) == ERR_OK)
		atomic_store(&m->wal_bytes, facts.wal_bytes);
}

static unsigned
writer_rest(void *ctx, bool waiting)
{
	struct hub_writer *w = ctx;

	if (w->failed)
		return 0;
	if (!w->resting || waiting) {
		writer_checkpoint(w, false);
		w->resting = true;
		return QUIET_MS;
	}
	if (w->wrote)
		writer_checkpoint(w, true);
	w->wrote = false;
	store_slim(w->store);
	os_memory_trim();
	return 0;
}

static void
writer_close(void *ctx)
{
	struct hub_writer *w = ctx;

	if (w->store != NULL && w->wrote && !w->failed)
		writer_checkpoint(w, true);
	admission_fini(&w->admission);
	map_fini(&w->spaces);
	arena_fini(&w->arena);
	store_close(w->store);
	free(w);
}

/* The name of this log: positions in another one mean nothing here.  Made with
 * the replica, kept in it. */
static enum err
writer_epoch(struct hub_writer *w, struct err_info *e)
{
	struct str name = STR("hub.epoch"), epoch;
	struct arena a = { 0 };
	enum err rc = store_note_get(w->store, name, &a, &epoch, e);
	uint8_t random[HUB_EPOCH_BYTES];

	if (rc == ERR_OK && epoch.n == sizeof w->hub->epoch - 1) {
		memcpy(w->hub->epoch, epoch.p, epoch.n);
	} else if (rc == ERR_NOT_FOUND) {
		env_random(NULL, random, sizeof random);
		hex_encode(random, sizeof random, w->hub->epoch);
		rc = store_begin(w->store, e);
		if (rc == ERR_OK)
			rc = store_note_put(w->store, name,
			    str_of(w->hub->epoch), e);
		if (rc == ERR_OK)
			rc = store_commit(w->store, e);
		if (rc != ERR_OK)
			store_rollback(w->store);
	} else if (rc == ERR_OK) {
		rc =
		    err_setf(e, ERR_CORRUPT, "the replica's epoch is no epoch");
	}
	arena_fini(&a);
	return rc;
}

static enum err
writer_store_open(struct hub_writer *w, struct err_info *e)
{
	struct store_options opt = store_opt(w->hub, false);
	enum err rc =
	    store_sqlite_open(&w->store, w->hub->replica_path, &opt, e);

	w->admission.store = w->store;
	return rc;
}

/* What the last hub left in the log is moved and synced, for the reason above: it
 * may have ended because of a disk that failed.  A full disk is no reason not to
 * serve what is there. */
static enum err
writer_start(struct hub_writer *w, struct err_info *e)
{
	struct err_info why = { 0 };

	if (store_checkpoint(w->store, &why) == ERR_OK)
		return ERR_OK;
	if (why.code == ERR_IO || why.code == ERR_CORRUPT) {
		*e = why;
		return e->code;
	}
	log_line(LOG_WARN, "hub", "checkpoint: %s", why.text);
	return ERR_OK;
}

static enum err
writer_open(void *arg, void **ctx, struct err_info *e)
{
	struct hub_writer *w = mem_zero(sizeof *w);
	enum err rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM);
	w->hub = arg;
	rc = writer_store_open(w, e);
	if (rc == ERR_OK)
		rc = writer_start(w, e);
	if (rc == ERR_OK)
		rc = writer_epoch(w, e);
	if (rc != ERR_OK) {
		writer_close(w);
		return rc;
	}
	*ctx = w;
	return ERR_OK;
}

/* --- reader ------------------------------------------------------------------ */

static void
reader_close(void *ctx)
{
	struct hub_reader *r = ctx;

	gzip_fini(&r->gzip);
	store_close(r->store);
	free(r);
}

static enum err
reader_open(void *arg, void **ctx, struct err_info *e)
{
	struct hub *hub = arg;
	struct store_options opt = store_opt(hub, true);
	struct hub_reader *r = mem_zero(sizeof *r);
	enum err rc;

	if (r == NULL)
		return err_set(e, ERR_NOMEM);
	rc = store_sqlite_open(&r->store, hub->replica_path, &opt, e);
	if (rc != ERR_OK) {
		reader_close(r);
		return rc;
	}
	*ctx = r;
	return ERR_OK;
}

/* Once nobody has asked for a moment. */
static unsigned
reader_rest(void *ctx, bool waiting)
{
	struct hub_reader *r = ctx;

	if (!r->resting || waiting) {
		r->resting = true;
		return QUIET_MS;
	}
	r->resting = false;
	store_slim(r->store);
	os_memory_trim();
	return 0;
}

static void
reader_take(void *ctx, struct pool_job *list)
{
	((struct hub_reader *)ctx)->resting = false;
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		struct read_job *rj = (struct read_job *)(void *)job;

		rj->read(ctx, rj);
	}
}

/* --- decoders ----------------------------------------------------------------- */

static enum err
decoder_open(void *arg, void **ctx, struct err_info *e)
{
	struct hub_decoder *d = mem_zero(sizeof *d);

	(void)arg;
	*ctx = d;
	return d != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static void
decoder_close(void *ctx)
{
	struct hub_decoder *d = ctx;

	gzip_fini(&d->gzip);
	free(d);
}

static void
decoder_take(void *ctx, struct pool_job *list)
{
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		struct decode_job *dj = (struct decode_job *)(void *)job;

		dj->decode(ctx, dj);
	}
}

/* --- workers ------------------------------------------------------------------ */

static void
worker_take(void *ctx, struct pool_job *list)
{
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		struct slow_job *sj = (struct slow_job *)(void *)job;

		sj->run(ctx, sj);
	}
}

enum err
hub_threads_start(struct hub *hub, struct err_info *e)
{
	const struct pool_options writer = { .name = "writer",
		.threads = 1,
		.jobs_max = WRITER_JOBS_MAX,
		.group_max = WRITER_GROUP_EVENTS,
		.open = writer_open,
		.close = writer_close,
		.take = writer_take,
		.rest = writer_rest,
		.arg = hub };
	const struct pool_options reader = { .name = "reader",
		.threads = 1,
		.jobs_max = READER_JOBS_MAX,
		.group_max = 1,
		.open = reader_open,
		.close = reader_close,
		.take = reader_take,
		.rest = reader_rest,
		.arg = hub };
	const struct pool_options decoder = { .name = "decoder",
		.threads = DECODERS,
		.jobs_max = DECODER_JOBS_MAX,
		.group_max = 1,
		.open = decoder_open,
		.close = decoder_close,
		.take = decoder_take,
		.arg = hub };
	const struct pool_options worker = { .name = "worker",
		.threads = WORKERS,
		.jobs_max = WORKER_JOBS_MAX,
		.group_max = 1,
		.take = worker_take,
		.arg = hub };
	enum err rc;

	/* The writer first: it makes and migrates what the reader opens. */
	rc = pool_new(&hub->writer, &writer, hub->poster, e);
	if (rc == ERR_OK)
		rc = pool_new(&hub->reader, &reader, hub->poster, e);
	if (rc == ERR_OK)
		rc = pool_new(&hub->decoder, &decoder, hub->poster, e);
	if (rc == ERR_OK)
		rc = pool_new(&hub->worker, &worker, hub->poster, e);
	return rc;
}

void
hub_threads_stop(struct hub *hub)
{
	pool_free(hub->worker);
	pool_free(hub->decoder);
	pool_free(hub->reader);
	pool_free(hub->writer);
	hub->worker = hub->decoder = hub->reader = hub->writer = NULL;
}
