/* Sign-in: token, refresh, revoke, me.  docs/protocol.md, Sign-in. */
#include "clock.h"
#include "fault.h"
#include "hub_int.h"
#include "json.h"

enum { NODES_MAX = 4096 /* of a body that is a name and a password */ };

struct sign_job {
	struct slow_job slow;
	struct call *call;
	struct http_request *req;
	struct str name, secret; /* in the request's arena */
	struct account_grant grant;
};

/* Two string members of a JSON object, in the request's arena; b may be NULL. */
static enum err
members(struct call *call, struct http_request *req, const char *a_name,
    struct str *a, const char *b_name, struct str *b, struct err_info *e)
{
	const struct {
		const char *name;
		struct str *to;
	} want[] = { { a_name, a }, { b_name, b } };
	struct json j = { .count_max = NODES_MAX };
	struct buf plain = { 0 };
	struct str body;
	enum err rc = call_body(call, req, &call->hub->gzip, &plain, &body, e);

	if (rc == ERR_OK)
		rc = json_parse(&j, body, JSON_DEPTH_MAX, e);
	if (rc == ERR_OK)
		rc = json_check(&j, 0, JSON_DEPTH_MAX, e);
	for (size_t i = 0; i < 2 && rc == ERR_OK && want[i].name; i++) {
		uint32_t node = json_get(&j, 0, want[i].name);

		if (node == 0 || !json_str(&j, node, &req->arena, want[i].to))
			rc = err_setf(e, ERR_BAD_REQUEST, "%s must be a string",
			    want[i].name);
		else
			*want[i].to = arena_str(&req->arena, *want[i].to);
	}
	json_fini(&j);
	buf_wipe(&plain);
	return rc;
}

static void
sign_done(struct pool_job *job)
{
	static const struct http1_field field[] = {
		{ { "Content-Type", 12 }, { "application/json", 16 } },
		{ { "Cache-Control", 13 }, { "no-store", 8 } },
	};
	struct sign_job *sj = (struct sign_job *)(void *)job;
	struct buf body = { 0 };

	if (job->rc != ERR_OK && err_http(job->rc) >= 500) {
		call_error(sj->req, &job->e);
		return;
	}
	if (job->rc != ERR_OK) {
		accounts_put_error(&body, &sj->grant, &job->e);
		call_answer_error(sj->req, job->rc, sj->grant.retry_after_s,
		    &body);
		return;
	}
	accounts_put_grant(&body, &sj->grant);
	if (body.failed) {
		buf_fini(&body);
		(void)err_set(&job->e, ERR_NOMEM);
		call_error(sj->req, &job->e);
		return;
	}
	http_respond(sj->req, 200, field, 2, &body);
	buf_fini(&body);
}

/* Refusals are the asker's; reasons of the storage hit the next one as well. */
static void
judge(struct hub *hub, enum err rc, const struct err_info *e)
{
	if (rc == ERR_OK || trouble_is(rc))
		trouble_judge(&hub->accounts_trouble, "accounts", rc, e);
}

static void
run_login(struct hub *hub, struct slow_job *job)
{
	struct sign_job *sj = (struct sign_job *)(void *)job;

	atomic_fetch_add(&hub->metrics.logins, 1);
	job->job.rc = accounts_login(hub->accounts, sj->name, sj->secret,
	    sj->req->peer_host, os_wall_ms(), &sj->req->arena, &sj->grant,
	    &job->job.e);
	judge(hub, job->job.rc, &job->job.e);
}

static void
run_refresh(struct hub *hub, struct slow_job *job)
{
	struct sign_job *sj = (struct sign_job *)(void *)job;

	job->job.rc = accounts_refresh(hub->accounts, sj->secret, os_wall_ms(),
	    &sj->req->arena, &sj->grant, &job->job.e);
	judge(hub, job->job.rc, &job->job.e);
}

static void
sign(struct call *call, struct http_request *req,
    void (*run)(struct hub *, struct slow_job *), const char *name_member,
    const char *secret_member)
{
	struct sign_job *sj = arena_zero(&req->arena, sizeof *sj);
	struct err_info e = { 0 };
	enum err rc;

	if (sj == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	sj->call = call;
	sj->req = req;
	sj->slow.run = run;
	sj->slow.job.done = sign_done;
	/* Whoever guesses passwords does not hold up renewals. */
	sj->slow.job.lane =
	    name_member != NULL ? req->peer_host : STR("refresh");
	rc = members(call, req, secret_member, &sj->secret, name_member,
	    &sj->name, &e);
	if (rc == ERR_OK &&
	    (sj->secret.p == NULL ||
	        (name_member != NULL && sj->name.p == NULL)))
		rc = err_set(&e, ERR_NOMEM);
	if (rc == ERR_OK)
		rc = pool_push(call->hub->worker, &sj->slow.job, &e);
	if (rc != ERR_OK)
		call_error(req, &e);
}

void
api_token(struct call *call, struct http_request *req)
{
	sign(call, req, run_login, "username", "password");
}

void
api_refresh(struct call *call, struct http_request *req)
{
	sign(call, req, run_refresh, NULL, "refresh");
}

/* --- sign out ---------------------------------------------------------------------
 *
 * RFC 7009: a token in a form, refresh or access; a token that is not good any
 * more needs no revoking.  Without a form the session of the access token that
 * signs the request. */
struct revoke_job {
	struct slow_job slow;
	struct http_request *req;
	struct str session_id; /* n 0: by refresh */
	struct str refresh;    /* in the request's arena */
};

static void
revoke_done(struct pool_job *job)
{
	struct revoke_job *rj = (struct revoke_job *)(void *)job;
	struct buf body = { 0 };

	if (job->rc != ERR_OK) {
		call_error(rj->req, &job->e);
		return;
	}
	buf_adds(&body, "{\"revoked\":true}");
	http_respond_json(rj->req, 200, &body);
	buf_fini(&body);
}

static void
run_revoke(struct hub *hub, struct slow_job *job)
{
	struct revoke_job *rj = (struct revoke_job *)(void *)job;

	job->job.rc = rj->session_id.n > 0 ?
	    accounts_revoke(hub->accounts, rj->session_id, &job->job.e) :
	    accounts_revoke_token(hub->accounts, rj->refresh, &job->job.e);
	judge(hub, job->job.rc, &job->job.e);
}

/* Which session is meant; *gone: it has ended already. */
static enum err
revoke_which(struct call *call, struct http_request *req, struct revoke_job *rj,
    bool *gone, struct err_info *e)
{
	struct buf plain = { 0 };
	struct str body, token;
	bool form;
	enum err rc = call_body(call, req, &call->hub->gzip, &plain, &body, e);

	*gone = false;
	if (rc != ERR_OK)
		goto done;
	form = http1_form_get(body, "token", &req->arena, &token);
	rc = form ? accounts_check(call->hub->accounts, token, os_wall_ms(),
	                &req->arena, &call->who, e) :
	            call_who(call, req, e);
	*gone = rc == ERR_SESSION;
	if (rc == ERR_OK)
		rj->session_id = call->who.session_id;
	if (form && rc == ERR_UNAUTHORIZED) {
		/* No access token of ours; perhaps a refresh token. */
		rj->refresh = token;
		rc = ERR_OK;
	}
done:
	buf_fini(&plain);
	return *gone ? ERR_OK : rc;
}

void
api_revoke(struct call *call, struct http_request *req)
{
	struct revoke_job *rj = arena_zero(&req->arena, sizeof *rj);
	struct err_info e = { 0 };
	bool gone = false;
	enum err rc;

	if (rj == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	rj->req = req;
	rj->slow.run = run_revoke;
	rj->slow.job.done = revoke_done;
	rj->slow.job.lane = STR("refresh");
	rc = revoke_which(call, req, rj, &gone, &e);
	if (rc == ERR_OK && gone) {
		revoke_done(&rj->slow.job);
		return;
	}
	if (rc == ERR_OK)
		rc = pool_push(call->hub->worker, &rj->slow.job, &e);
	if (rc != ERR_OK)
		call_error(req, &e);
}

void
api_me(struct call *call, struct http_request *req)
{
	struct buf body = { 0 };

	accounts_put_me(&body, &call->who);
	http_respond_json(req, 200, &body);
	buf_fini(&body);
}
