/* POST /api/dossier/push-content/: docs/protocol.md.
 *
 *	loop -> decoder: read, the sum -> loop -> writer: content_put -> loop */
#include "clock.h"
#include "content.h"
#include "hub_int.h"

struct content_call {
	union { /* first: one at a time */
		struct decode_job decode;
		struct write_job write;
	};
	struct call *call;
	struct http_request *req;
	const struct account_team *team;
	struct content content;
	struct json json;
	struct buf plain;
	struct arena arena; /* of content */
	size_t held;        /* as counted in hub->held */
	int64_t now_ms;
	bool added;
	struct err_info refused; /* by the writer, who wrote nothing */
};

static void
answer(struct content_call *cc, enum err rc, const struct err_info *why)
{
	struct http_request *req = cc->req;
	struct err_info e = *why;
	struct buf body = { 0 };
	struct json_writer w = { .out = &body };
	int status = cc->added ? 201 : 200;

	if (rc == ERR_OK) {
		json_obj(&w);
		json_key(&w, "status");
		json_put_z(&w, cc->added ? "stored" : "already_exists");
		json_key(&w, "artifact_path");
		json_put_str(&w, cc->content.artifact_path);
		json_key(&w, "content_hash");
		json_put_str(&w, cc->content.hash);
		json_end(&w);
		rc = buf_ok(&body, &e);
	}
	atomic_fetch_sub(&cc->call->hub->held, cc->held);
	json_fini(&cc->json);
	buf_fini(&cc->plain);
	arena_fini(&cc->arena);
	/* cc lives in the request's arena and goes with it. */
	if (rc == ERR_OK)
		http_respond_json(req, status, &body);
	else
		call_error(req, &e);
	buf_fini(&body);
}

static enum err
write_content(struct hub_writer *w, struct write_job *job, struct err_info *e)
{
	struct content_call *cc = (struct content_call *)(void *)job;
	space_id space;
	enum err rc = hub_team_space(w, cc->team->slug, &space, e);

	cc->refused = (struct err_info){ 0 };
	if (rc == ERR_OK)
		rc = content_put(w->store, space, &cc->content,
		    cc->call->who.name, cc->now_ms, &cc->added, e);
	if (rc != ERR_QUOTA)
		return rc;
	/* No reason to undo what others write with it. */
	cc->refused = *e;
	return ERR_OK;
}

static void
written(struct pool_job *job)
{
	struct content_call *cc = (struct content_call *)(void *)job;
	struct err_info e = job->rc == ERR_OK ? cc->refused : job->e;

	answer(cc, job->rc == ERR_OK ? e.code : job->rc, &e);
}

static void
read_content(struct hub_decoder *d, struct decode_job *job)
{
	struct content_call *cc = (struct content_call *)(void *)job;
	struct hub *hub = cc->call->hub;
	struct err_info *e = &job->job.e;
	struct str text;
	enum err rc;

	if (atomic_load(&hub->held) > HUB_DECODED_MAX) {
		job->job.rc = err_setf(e, ERR_UNAVAILABLE,
		    "too many batches are under way, try again");
		return;
	}
	rc = call_body(cc->call, cc->req, &d->gzip, &cc->plain, &text, e);
	if (rc == ERR_OK)
		rc = content_decode(&cc->content, &cc->json, &cc->arena, text,
		    e);
	cc->held = cc->plain.cap + cc->content.body.n +
	    cc->json.cap * sizeof *cc->json.node;
	atomic_fetch_add(&hub->held, cc->held);
	job->job.rc = rc;
}

static void
decoded(struct pool_job *job)
{
	struct content_call *cc = (struct content_call *)(void *)job;
	struct err_info e = job->e;
	enum err rc = job->rc;

	if (rc == ERR_OK) {
		/* It weighs as an event of its size would. */
		cc->write = (struct write_job){ .write = write_content,
			.job = { .done = written,
			    .weight =
			        1 + (unsigned)(cc->content.body.n / 512) } };
		rc = pool_push(cc->call->hub->writer, &cc->write.job, &e);
	}
	if (rc != ERR_OK)
		answer(cc, rc, &e);
}

void
api_content(struct call *call, struct http_request *req)
{
	struct content_call *cc = arena_zero(&req->arena, sizeof *cc);
	struct err_info e = { 0 };
	enum err rc;

	if (cc == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	cc->call = call;
	cc->req = req;
	cc->now_ms = os_wall_ms();
	/* Again: a body may have taken its time, and much may have changed. */
	rc = call_who(call, req, &e);
	if (rc == ERR_OK)
		rc = call_team_named(call, req, &cc->team, &e);
	if (rc == ERR_OK && cc->team == NULL)
		cc->team = &call->who.team[call->who.default_team];
	if (rc == ERR_OK) {
		cc->decode = (struct decode_job){ .decode = read_content,
			.job = { .done = decoded,
			    .weight = 1,
			    .lane = call->who.session_id } };
		rc = pool_push(call->hub->decoder, &cc->decode.job, &e);
	}
	if (rc != ERR_OK)
		call_error(req, &e);
}
