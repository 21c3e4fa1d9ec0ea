/* Events in and out: batch, pull, snapshot.  docs/protocol.md, Events. */
#include "container.h"
#include "feed.h"
#include "ingest.h"
#include "snapshot.h"

enum {
	/* Bodies up to these are decoded on the loop, others by a decoder: a
	 * large one must not hold up everybody's next request. */
	INLINE_PACKED = 8 * 1024,
	INLINE_PLAIN = 64 * 1024,
};
/* Bytes of answers that clients have not read, and of those that the loop has not
 * taken over yet: above it they are asked to come again. */
#define UNSENT_MAX (UINT64_C(256) << 20)
#define ANSWERS_MAX (UINT64_C(64) << 20)

/* --- batch ------------------------------------------------------------------- */

struct batch_call {
	struct ingest in; /* first */
	struct call *call;
	struct http_request *req;
};

static void
batch_done(struct ingest *in, enum err rc, const struct err_info *e)
{
	struct batch_call *bc = (struct batch_call *)(void *)in;
	struct http_request *req = bc->req;
	struct hub *hub = in->hub;
	struct err_info why = *e;
	struct buf body = { 0 };
	bool gzipped;

	if (rc == ERR_OK)
		batch_answer_encode(&in->answer, &body);
	/* It lives in the request's arena and goes with the answer. */
	ingest_fini(in);
	if (rc != ERR_OK || buf_ok(&body, &why) != ERR_OK) {
		call_error(req, &why);
	} else {
		gzipped = call_deflate(&hub->gzip,
		    http1_accepts_gzip(req->head), &body);
		call_respond(req, 200, &body, gzipped);
	}
	buf_fini(&body);
}

static enum err
batch_read(struct ingest *in, struct gzip *g, struct err_info *e)
{
	struct batch_call *bc = (struct batch_call *)(void *)in;
	struct str body;
	enum err rc = call_body(bc->call, bc->req, g, &in->plain, &body, e);

	if (rc != ERR_OK)
		return rc;
	/* An empty batch may come without any body at all. */
	if (body.n == 0)
		body = STR("{\"events\":[]}");
	return batch_decode(&in->batch, body, e);
}

void
api_batch(struct call *call, struct http_request *req)
{
	struct batch_call *bc = arena_zero(&req->arena, sizeof *bc);
	size_t most = call->gzip ? INLINE_PACKED : INLINE_PLAIN;
	struct err_info e = { 0 };
	enum err rc;

	if (bc == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	bc->call = call;
	bc->req = req;
	bc->in.hub = call->hub;
	bc->in.who = &call->who;
	bc->in.read = batch_read;
	bc->in.done = batch_done;
	/* Again: a body may have taken its time, and much may have changed. */
	rc = call_who(call, req, &e);
	if (rc == ERR_OK)
		rc = call_team_named(call, req, &bc->in.team, &e);
	if (rc == ERR_OK)
		ingest_start(&bc->in, req->body.n > most);
	else
		call_error(req, &e);
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

	return http_server_drop_unread(hub->server, most) ?
	    ERR_OK :
	    err_setf(e, ERR_UNAVAILABLE,
	        "too many answers are on their way, try again");
}

static struct feed_job *
feed_of_write(struct pool_job *job)
{
	return CONTAINER_OF(job, struct feed_job, write);
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
