/* Events in and out: batch, pull, snapshot.  docs/protocol.md, Events. */
#include "batch.h"
#include "clock.h"
#include "feed.h"
#include "hub_int.h"

enum {
	/* Bodies up to these are decoded on the loop, others by a decoder: a
	 * large one must not hold up everybody's next request. */
	INLINE_PACKED = 8 * 1024,
	INLINE_PLAIN = 64 * 1024,
	/* Values in a body.  An event alone has fewer, so halving a batch that is
	 * refused for it comes to an end.  16 MiB of tape. */
	NODES_MAX = 1 << 20,
};
/* Bytes of decoded batches, of answers that clients have not read, and of those
 * that the loop has not taken over yet: above it they are asked to come again. */
#define DECODED_MAX (UINT64_C(256) << 20)
#define UNSENT_MAX (UINT64_C(256) << 20)
#define ANSWERS_MAX (UINT64_C(64) << 20)

/* --- batch -------------------------------------------------------------------
 *
 *	loop -> (decoder -> loop ->) writer -> loop: answer
 */

struct batch_job {
	union { /* first: one at a time */
		struct decode_job decode;
		struct write_job write;
	};
	struct call *call;
	struct http_request *req;
	const struct account_team *team; /* that the request names, or NULL */
	struct buf plain;                /* the body, inflated */
	struct batch batch;
	size_t held;        /* as counted in hub->held */
	struct arena arena; /* of the answer */
	struct batch_answer answer;
	struct hub_writer *writer; /* while the job is written */
	int64_t now_ms;
};

static void
batch_job_fini(struct batch_job *bj)
{
	batch_fini(&bj->batch);
	buf_fini(&bj->plain);
	arena_fini(&bj->arena);
	atomic_fetch_sub(&bj->call->hub->held, bj->held);
}

static void
batch_fail(struct batch_job *bj, const struct err_info *e)
{
	struct http_request *req = bj->req;

	batch_job_fini(bj);
	call_error(req, e);
}

/* The team of one event where the request names none. */
static enum err
space_of_event(void *ctx, const struct event *ev, space_id *ret,
    struct err_info *e)
{
	struct batch_job *bj = ctx;
	const struct account_team *team;
	enum err rc =
	    accounts_team_of(&bj->call->who, STR(""), ev->team_slug, &team, e);

	if (rc == ERR_OK)
		rc = hub_team_space(bj->writer, team->slug, ret, e);
	return rc;
}

static enum err
batch_write(struct hub_writer *w, struct write_job *job, struct err_info *e)
{
	struct batch_job *bj = (struct batch_job *)(void *)job;
	const struct account_who *who = &bj->call->who;
	struct sender from = { .user = who->name,
		.now_ms = bj->now_ms,
		.space_of = space_of_event,
		.ctx = bj };
	enum err rc = ERR_OK;

	bj->writer = w;
	arena_reset(&bj->arena);
	/* An empty batch still wants to know epoch and head. */
	if (bj->team != NULL || bj->batch.n == 0) {
		const struct account_team *team =
		    bj->team ? bj->team : &who->team[who->default_team];

		rc = hub_team_space(w, team->slug, &from.space, e);
	}
	if (rc == ERR_OK)
		rc = admission_batch(&w->admission, &from, &bj->batch,
		    &bj->arena, &bj->answer, e);
	return rc;
}

static void
batch_count(struct hub_metrics *m, const struct batch_answer *a)
{
	unsigned long long n[3] = { 0 };

	for (size_t i = 0; i < a->n; i++)
		n[a->result[i].status]++;
	atomic_fetch_add(&m->batches, 1);
	atomic_fetch_add(&m->events_new, n[BATCH_SUCCESS]);
	atomic_fetch_add(&m->events_duplicate, n[BATCH_DUPLICATE]);
	atomic_fetch_add(&m->events_rejected, n[BATCH_REJECTED]);
}

static void
batch_written(struct pool_job *job)
{
	struct batch_job *bj = (struct batch_job *)(void *)job;
	struct http_request *req = bj->req;
	struct hub *hub = bj->call->hub;
	struct buf body = { 0 };
	bool gzipped;

	if (job->rc != ERR_OK) {
		batch_fail(bj, &job->e);
		return;
	}
	batch_answer_encode(&bj->answer, &body);
	batch_count(&hub->metrics, &bj->answer);
	batch_job_fini(bj);
	if (buf_ok(&body, &job->e) != ERR_OK) {
		call_error(req, &job->e);
	} else {
		gzipped = call_deflate(&hub->gzip,
		    http1_accepts_gzip(req->head), &body);
		call_respond(req, 200, &body, gzipped);
	}
	buf_fini(&body);
}

/* Inflate and read the body; counts what is held of it.  The loop's thread or a
 * decoder's. */
static enum err
batch_read(struct batch_job *bj, struct gzip *g, struct err_info *e)
{
	struct hub *hub = bj->call->hub;
	struct str body;
	enum err rc = ERR_OK;

	if (atomic_load(&hub->held) > DECODED_MAX)
		return err_setf(e, ERR_UNAVAILABLE,
		    "too many batches are under way, try again");
	rc = call_body(bj->call, bj->req, g, &bj->plain, &body, e);
	if (rc != ERR_OK)
		return rc;
	/* An empty batch may come without any body at all. */
	if (body.n == 0)
		body = STR("{\"events\":[]}");
	bj->batch.json.count_max = NODES_MAX;
	rc = batch_decode(&bj->batch, body, e);
	/* What the writer need not do. */
	for (size_t i = 0; rc == ERR_OK && i < bj->batch.n; i++) {
		struct batch_item *it = &bj->batch.item[i];

		if (it->code == ERR_OK)
			it->sum = store_sum(it->ev.raw);
	}
	bj->held = bj->plain.cap +
	    bj->batch.json.cap * sizeof *bj->batch.json.node +
	    bj->batch.n * sizeof *bj->batch.item;
	atomic_fetch_add(&hub->held, bj->held);
	return rc;
}

static void
batch_to_writer(struct batch_job *bj)
{
	struct err_info e = { 0 };

	bj->write = (struct write_job){ .write = batch_write,
		.job = { .done = batch_written,
		    .weight = (unsigned)bj->batch.n + 1 } }; /* as they came */
	if (pool_push(bj->call->hub->writer, &bj->write.job, &e) != ERR_OK)
		batch_fail(bj, &e);
}

static void
batch_on_decoder(struct hub_decoder *d, struct decode_job *job)
{
	struct batch_job *bj = (struct batch_job *)(void *)job;

	job->job.rc = batch_read(bj, &d->gzip, &job->job.e);
}

static void
batch_decoded(struct pool_job *job)
{
	struct batch_job *bj = (struct batch_job *)(void *)job;

	if (job->rc != ERR_OK) {
		struct err_info e = job->e;

		batch_fail(bj, &e);
	} else {
		batch_to_writer(bj);
	}
}

void
api_batch(struct call *call, struct http_request *req)
{
	struct batch_job *bj = arena_zero(&req->arena, sizeof *bj);
	size_t most = call->gzip ? INLINE_PACKED : INLINE_PLAIN;
	struct err_info e = { 0 };
	enum err rc;

	if (bj == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	bj->call = call;
	bj->req = req;
	bj->now_ms = os_wall_ms();
	/* Again: a body may have taken its time, and much may have changed. */
	rc = call_who(call, req, &e);
	if (rc == ERR_OK)
		rc = call_team_named(call, req, &bj->team, &e);
	if (rc == ERR_OK && req->body.n <= most) {
		rc = batch_read(bj, &call->hub->gzip, &e);
		if (rc == ERR_OK) {
			batch_to_writer(bj);
			return;
		}
	} else if (rc == ERR_OK) {
		bj->decode = (struct decode_job){ .decode = batch_on_decoder,
			.job = { .done = batch_decoded,
			    .weight = 1,
			    .lane = call->who.session_id } };
		rc = pool_push(call->hub->decoder, &bj->decode.job, &e);
	}
	if (rc != ERR_OK)
		batch_fail(bj, &e);
}

/* --- pull and snapshot ----------------------------------------------------------
 *
 * Read by the reader.  A team that has no space yet is sent round by the writer,
 * which makes it, so that its epoch is there from the first answer on. */

struct feed_job {
	struct read_job read;   /* first: at the reader */
	struct write_job write; /* at the writer, where the space is missing */
	struct call *call;
	struct http_request *req;
	const struct account_team *team;
	bool made; /* the space is there, or the writer was asked to make it */
	bool snapshot;
	struct str project;
	struct pull_query query;
	struct buf body;
	size_t bytes; /* of it, as counted in hub->answers */
	bool gzipped;
};

/* Room for an answer of so many bytes, at the cost of those who do not read
 * theirs.  Alone it may be of any size. */
static enum err
answers_fit(const struct hub *hub, size_t n, struct err_info *e)
{
	size_t most = n < UNSENT_MAX ? UNSENT_MAX - n : 0;
	struct http_server_stats net;

	http_server_drop_unread(hub->server, most);
	http_server_stats(hub->server, &net);
	return net.unsent <= most ?
	    ERR_OK :
	    err_setf(e, ERR_UNAVAILABLE,
	        "too many answers are on their way, try again");
}

static struct feed_job *
feed_of_write(struct pool_job *job)
{
	return (struct feed_job *)(void *)((char *)job -
	    offsetof(struct feed_job, write));
}

static void
feed_done(struct pool_job *job)
{
	struct feed_job *fj = (struct feed_job *)(void *)job;
	struct http_request *req = fj->req;
	struct hub *hub = fj->call->hub;
	struct err_info e = { 0 };
	struct buf body;

	if (job->rc == ERR_NOT_FOUND && !fj->made) {
		fj->made = true;
		if (pool_push(hub->writer, &fj->write.job, &e) == ERR_OK)
			return;
		job->rc = e.code;
		job->e = e;
	}
	atomic_fetch_add(fj->snapshot ? &hub->metrics.snapshots :
	                                &hub->metrics.pulls,
	    1);
	/* The job lives in the request's arena and goes with the answer. */
	body = fj->body;
	fj->body = (struct buf){ 0 };
	atomic_fetch_sub(&hub->answers, fj->bytes);
	/* Many may have been asked for while there was room. */
	if (job->rc == ERR_OK)
		job->rc = answers_fit(hub, body.len, &job->e);
	if (job->rc == ERR_OK)
		call_respond(req, 200, &body, fj->gzipped);
	else if (job->rc == ERR_RESYNC && body.len > 0)
		http_respond_json(req, err_http(ERR_RESYNC), &body);
	else
		call_error(req, &job->e);
	buf_fini(&body);
}

static void
feed_read(struct hub_reader *r, struct read_job *job)
{
	struct feed_job *fj = (struct feed_job *)(void *)job;
	struct err_info *e = &job->job.e;
	struct arena a = { 0 };
	struct space sp;
	enum err rc;

	buf_reset(&fj->body);
	if (atomic_load(&fj->call->hub->answers) > ANSWERS_MAX) {
		job->job.rc = err_set(e, ERR_UNAVAILABLE);
		return;
	}
	rc = store_space_find(r->store, STR(""), STR(""), fj->team->slug, &a,
	    &sp, e);
	/* What is not found from here on is not for the writer to make. */
	fj->made |= rc == ERR_OK;
	if (rc == ERR_OK && fj->snapshot)
		rc = snapshot_write(r->store, sp.id, fj->project, &fj->body, e);
	else if (rc == ERR_OK)
		rc = feed_answer(r->store, sp.id, &fj->query, &fj->body, e);
	if (rc == ERR_OK)
		rc = buf_ok(&fj->body, e);
	if (rc == ERR_OK)
		fj->gzipped = call_deflate(&r->gzip,
		    http1_accepts_gzip(fj->req->head), &fj->body);
	arena_fini(&a);
	fj->bytes = fj->body.cap;
	atomic_fetch_add(&fj->call->hub->answers, fj->bytes);
	job->job.rc = rc;
}

static enum err
space_write(struct hub_writer *w, struct write_job *job, struct err_info *e)
{
	struct feed_job *fj = feed_of_write(&job->job);
	space_id id;

	return hub_team_space(w, fj->team->slug, &id, e);
}

static void
space_done(struct pool_job *job)
{
	struct feed_job *fj = feed_of_write(job);
	struct err_info e = job->e;
	enum err rc = job->rc;

	if (rc == ERR_OK)
		rc = pool_push(fj->call->hub->reader, &fj->read.job, &e);
	if (rc != ERR_OK)
		call_error(fj->req, &e);
}

/* ?project=, in the normal form of ids where it is one. */
static enum err
project_named(struct http_request *req, struct str *ret, struct err_info *e)
{
	char text[EID_TEXT_MAX];
	struct eid id;

	if (!http_query(req, "project", ret) || !eid_parse(*ret, &id) ||
	    id.form != EID_UUID)
		return ERR_OK;
	*ret = arena_str(&req->arena, str_n(text, eid_format(&id, text)));
	return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static void
feed(struct call *call, struct http_request *req, bool snapshot)
{
	struct feed_job *fj = arena_zero(&req->arena, sizeof *fj);
	struct err_info e = { 0 };
	enum err rc;

	if (fj == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	fj->call = call;
	fj->req = req;
	fj->snapshot = snapshot;
	fj->read.read = feed_read;
	fj->read.job.weight = 1;
	fj->read.job.lane = call->who.session_id;
	fj->read.job.done = feed_done;
	fj->write.write = space_write;
	fj->write.job.done = space_done;
	fj->write.job.weight = 1;
	rc = answers_fit(call->hub, 0, &e);
	if (rc == ERR_OK)
		rc = accounts_team_of(&call->who,
		    http_header(req, "X-Team-Slug"), STR(""), &fj->team, &e);
	if (rc == ERR_OK && snapshot)
		rc = project_named(req, &fj->project, &e);
	else if (rc == ERR_OK)
		rc = pull_query_decode(&fj->query, req->head->query,
		    &req->arena, &e);
	if (rc == ERR_OK)
		rc = pool_push(call->hub->reader, &fj->read.job, &e);
	if (rc != ERR_OK)
		call_error(req, &e);
}

void
api_pull(struct call *call, struct http_request *req)
{
	feed(call, req, false);
}

void
api_snapshot(struct call *call, struct http_request *req)
{
	feed(call, req, true);
}
