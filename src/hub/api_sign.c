/* Sign-in: token, refresh, revoke, me.  docs/protocol.md, Sign-in. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "hub_int.h"
#include "json.h"

struct sign_job {
	struct slow_job slow;
	struct call *call;
	struct http_request *req;
	struct str name, secret; /* in the request's arena */
	struct account_grant grant;
};

/* Two string members of a JSON object; b may be NULL. */
static enum err
members(struct http_request *req, const char *a_name, struct str *a,
    const char *b_name, struct str *b, struct err_info *e)
{
	struct json j = { 0 };
	enum err rc = json_parse(&j, req->body, JSON_DEPTH_MAX, e);

	if (rc != ERR_OK)
		return rc;
	rc = json_check(&j, 0, JSON_DEPTH_MAX, e);
	if (rc == ERR_OK &&
	    (!json_str(&j, json_get(&j, 0, a_name), &req->arena, a) ||
	    json_get(&j, 0, a_name) == 0))
		rc = err_setf(e, ERR_BAD_REQUEST, "%s must be a string", a_name);
	if (rc == ERR_OK && b != NULL &&
	    (json_get(&j, 0, b_name) == 0 ||
	    !json_str(&j, json_get(&j, 0, b_name), &req->arena, b)))
		rc = err_setf(e, ERR_BAD_REQUEST, "%s must be a string", b_name);
	json_fini(&j);
	return rc;
}

/* "127.0.0.1:40112" without the port: what the throttle counts by. */
static struct str
address(const struct http_request *req)
{
	struct str peer = str_of(req->peer);

	while (peer.n > 0 && peer.p[peer.n - 1] != ':')
		peer.n--;
	return peer.n > 0 ? str_n(peer.p, peer.n - 1) : str_of(req->peer);
}

static void
sign_done(struct pool_job *job)
{
	struct sign_job *sj = (struct sign_job *)(void *)job;
	struct http_request *req = sj->req;
	struct buf body = { 0 };
	char seconds[24];
	struct http1_field field[] = {
		{ STR("Content-Type"), STR("application/json") },
		{ STR("Retry-After"), { NULL, 0 } },
		{ STR("Cache-Control"), STR("no-store") },
	};
	int status = 200, n;

	if (job->rc == ERR_OK) {
		accounts_put_grant(&body, &sj->grant);
	} else {
		accounts_put_error(&body, &sj->grant, &job->e);
		status = err_http(job->rc);
	}
	if (body.failed) {
		buf_fini(&body);
		http_respond_error(req, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	n = snprintf(seconds, sizeof seconds, "%u", sj->grant.retry_after_s);
	field[1].value = str_n(seconds, n > 0 ? (size_t)n : 0);
	if (sj->grant.retry_after_s == 0)
		field[1] = field[2];
	http_respond(req, status, field,
	    sj->grant.retry_after_s ? 3 : 2, &body);
	buf_fini(&body);
}

static void
run_login(struct hub *hub, struct slow_job *job)
{
	struct sign_job *sj = (struct sign_job *)(void *)job;

	atomic_fetch_add(&hub->metrics.logins, 1);
	job->job.rc = accounts_login(hub->accounts, sj->name, sj->secret,
	    address(sj->req), os_wall_ms(), &sj->req->arena, &sj->grant,
	    &job->job.e);
}

static void
run_refresh(struct hub *hub, struct slow_job *job)
{
	struct sign_job *sj = (struct sign_job *)(void *)job;

	job->job.rc = accounts_refresh(hub->accounts, sj->secret, os_wall_ms(),
	    &sj->req->arena, &sj->grant, &job->job.e);
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
		http_respond_error(req, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	sj->call = call;
	sj->req = req;
	sj->slow.run = run;
	sj->slow.job.done = sign_done;
	rc = members(req, secret_member, &sj->secret, name_member,
	    name_member ? &sj->name : NULL, &e);
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

/* RFC 7009, with the session of the access token that signs the call: a token
 * that is not good any more needs no revoking. */
struct revoke_job {
	struct slow_job slow;
	struct http_request *req;
	struct str session_id;
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

	job->job.rc = accounts_revoke(hub->accounts, rj->session_id,
	    &job->job.e);
}

void
api_revoke(struct call *call, struct http_request *req)
{
	struct revoke_job *rj = arena_zero(&req->arena, sizeof *rj);
	struct str field = http_header(req, "Authorization");
	struct err_info e = { 0 };
	enum err rc;

	if (rj == NULL) {
		http_respond_error(req, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	rj->req = req;
	rj->slow.run = run_revoke;
	rj->slow.job.done = revoke_done;
	if (!str_starts(field, STR("Bearer "))) {
		http_respond_error(req, ERR_UNAUTHORIZED,
		    "Authorization: Bearer with an access token is needed");
		return;
	}
	rc = accounts_check(call->hub->accounts,
	    str_trim(str_n(field.p + 7, field.n - 7)), os_wall_ms(),
	    &req->arena, &call->who, &e);
	if (rc == ERR_SESSION) {
		/* Signed out already. */
		rj->slow.job.rc = ERR_OK;
		revoke_done(&rj->slow.job);
		return;
	}
	rj->session_id = call->who.session_id;
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
