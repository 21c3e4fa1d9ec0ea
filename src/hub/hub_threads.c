/* The hub's threads: one writer with group commit, a reader, workers. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "hub_int.h"
#include "log.h"

enum {
	WRITER_JOBS_MAX = 4096,
	WRITER_GROUP_EVENTS = 8192,
	READER_JOBS_MAX = 1024,
	WORKER_JOBS_MAX = 128,
	WORKERS = 2,
	/* Bytes of the log between checkpoints: when there is a quiet moment, and
	 * at the latest. */
	CHECKPOINT_QUIET = 1 << 20,
	CHECKPOINT_LATEST = 32 << 20,
};

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
store_opt(bool read_only)
{
	return (struct store_options){
		.env = { .wall_ms = env_wall, .random = env_random },
		.hub = true,
		.read_only = read_only,
		.lock_wait_ms = 10000,
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
			rc = store_resync(w->store, *ret,
			    str_of(w->hub->epoch), e);
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
	uint64_t began = os_mono_ns();
	enum err rc = store_begin(w->store, e);

	if (rc != ERR_OK)
		return rc;
	admission_begin(&w->admission);
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		struct write_job *wj = (struct write_job *)(void *)job;

		rc = wj->write(w, wj, e);
		if (rc != ERR_OK || alone)
			break;
	}
	if (rc == ERR_OK)
		rc = store_commit(w->store, e);
	if (rc != ERR_OK) {
		store_rollback(w->store);
		/* A space that was made in it is gone as well. */
		spaces_forget(w);
		return rc;
	}
	atomic_fetch_add(&w->hub->metrics.commits, 1);
	atomic_fetch_add(&w->hub->metrics.commit_us,
	    (os_mono_ns() - began) / 1000);
	return ERR_OK;
}

static void
writer_checkpoint(struct hub_writer *w)
{
	struct err_info e = { 0 };

	if (store_checkpoint(w->store, &e) != ERR_OK)
		log_line(LOG_WARN, "hub", "checkpoint: %s", e.text);
	w->since_checkpoint = 0;
}

static void
writer_take(void *ctx, struct pool_job *list)
{
	struct hub_writer *w = ctx;
	struct err_info e = { 0 };
	enum err rc = write_list(w, list, false, &e);

	for (struct pool_job *job = list; job != NULL; job = job->next) {
		job->rc = rc;
		job->e = e;
	}
	/* One request must not fail the others: each again by itself. */
	if (rc != ERR_OK && list->next != NULL) {
		for (struct pool_job *job = list; job != NULL; job = job->next)
			job->rc = write_list(w, job, true, &job->e);
	} else if (rc != ERR_OK) {
		log_line(LOG_ERROR, "hub", "write: %s", e.text);
	}
	if (w->since_checkpoint > CHECKPOINT_LATEST)
		writer_checkpoint(w);
}

static void
writer_rest(void *ctx)
{
	struct hub_writer *w = ctx;

	if (w->since_checkpoint > CHECKPOINT_QUIET)
		writer_checkpoint(w);
}

static void
writer_close(void *ctx)
{
	struct hub_writer *w = ctx;

	if (w->store != NULL && w->since_checkpoint > 0)
		writer_checkpoint(w);
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
		rc = err_setf(e, ERR_CORRUPT, "the replica's epoch is no epoch");
	}
	arena_fini(&a);
	return rc;
}

static enum err
writer_open(void *arg, void **ctx, struct err_info *e)
{
	struct hub_writer *w = mem_zero(sizeof *w);
	struct store_options opt = store_opt(false);
	struct hub *hub = arg;
	enum err rc;

	if (w == NULL)
		return err_set(e, ERR_NOMEM);
	w->hub = hub;
	rc = store_sqlite_open(&w->store, hub->replica_path, &opt, e);
	if (rc == ERR_OK)
		rc = writer_epoch(w, e);
	if (rc != ERR_OK) {
		writer_close(w);
		return rc;
	}
	w->admission.store = w->store;
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
	struct store_options opt = store_opt(true);
	struct hub_reader *r = mem_zero(sizeof *r);
	struct hub *hub = arg;
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

static void
reader_take(void *ctx, struct pool_job *list)
{
	for (struct pool_job *job = list; job != NULL; job = job->next) {
		struct read_job *rj = (struct read_job *)(void *)job;

		rj->read(ctx, rj);
	}
}

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
	const struct pool_options writer = { .name = "writer", .threads = 1,
		.jobs_max = WRITER_JOBS_MAX, .group_max = WRITER_GROUP_EVENTS,
		.open = writer_open, .close = writer_close,
		.take = writer_take, .rest = writer_rest, .arg = hub };
	const struct pool_options reader = { .name = "reader", .threads = 1,
		.jobs_max = READER_JOBS_MAX, .group_max = 1,
		.open = reader_open, .close = reader_close,
		.take = reader_take, .arg = hub };
	const struct pool_options worker = { .name = "worker",
		.threads = WORKERS, .jobs_max = WORKER_JOBS_MAX, .group_max = 1,
		.take = worker_take, .arg = hub };
	enum err rc;

	/* The writer first: it makes and migrates what the reader opens. */
	rc = pool_new(&hub->writer, &writer, hub->poster, e);
	if (rc == ERR_OK)
		rc = pool_new(&hub->reader, &reader, hub->poster, e);
	if (rc == ERR_OK)
		rc = pool_new(&hub->worker, &worker, hub->poster, e);
	return rc;
}

void
hub_threads_stop(struct hub *hub)
{
	pool_free(hub->worker);
	pool_free(hub->reader);
	pool_free(hub->writer);
	hub->worker = hub->reader = hub->writer = NULL;
}
