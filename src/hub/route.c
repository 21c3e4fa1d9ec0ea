/* The table of routes, and what all of them share. */
#include <stdio.h>

#include "body.h"
#include "clock.h"
#include "hub_int.h"
#include "log.h"

enum {
	BODY_SMALL = 16 * 1024,
	/* 512 KiB of text, each byte of which may be written in six. */
	BODY_CONTENT = 4 * 1024 * 1024,
	GZIP_WORTH = 1024, /* bytes from which deflating pays */
	GZIP_FAST = 1,     /* level: the log is text, the CPU is dearer */
	RETRY_LATER_S = 5,
};

/* clang-format off */
static const struct route routes[] = {
	/* method, path, signed in, body: plain, as gzip, */
	{ "POST", "/api/v1/token",         false, BODY_SMALL, BODY_SMALL, api_token },
	{ "POST", "/api/v1/token/refresh", false, BODY_SMALL, BODY_SMALL, api_refresh },
	{ "POST", "/oauth/revoke",         false, BODY_SMALL, BODY_SMALL, api_revoke },
	{ "GET",  "/api/v1/me",            true,  0, 0, api_me },
	{ "POST", "/api/v1/events/batch",  true,  PROTO_BODY_PLAIN_MAX, PROTO_BODY_GZIP_MAX, api_batch },
	{ "POST", "/api/dossier/push-content", true, BODY_CONTENT, BODY_CONTENT, api_content },
	{ "GET",  "/api/v1/events",        true,  0, 0, api_pull },
	{ "GET",  "/api/v1/snapshot",      true,  0, 0, api_snapshot },
	{ "POST", "/api/v1/ws-token",      true,  BODY_SMALL, BODY_SMALL, api_ws_token },
	{ "GET",  "/ws/v1/events",         false, 0, 0, api_live },
	{ "GET",  "/api/v1/sync/health",   true,  0, 0, api_health },
	{ "GET",  "/api/health",           false, 0, 0, api_health },
	{ "GET",  "/metrics",              false, 0, 0, api_metrics },
};
/* clang-format on */

/* Both spellings: with the trailing slash and without. */
static struct str
route_path(struct str path)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

static enum err
route_find(struct str method, struct str path, const struct route **ret,
    struct err_info *e)
{
	bool known = false;

	path = route_path(path);
	if (str_is(method, "HEAD"))
		method = STR("GET");
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (!str_is(path, routes[i].path))
			continue;
		known = true;
		*ret = &routes[i];
		if (str_is(method, routes[i].method))
			return ERR_OK;
	}
	if (known)
		return err_setf(e, ERR_METHOD, "%.*s is not for %.*s",
		    STR_ARG(path), STR_ARG(method));
	return err_setf(e, ERR_NOT_FOUND, "no such route: %.*s", STR_ARG(path));
}

enum err
call_who(struct call *call, struct http_request *req, struct err_info *e)
{
	struct str token = http_bearer(req);

	if (token.n == 0)
		return err_setf(e, ERR_UNAUTHORIZED,
		    "Authorization: Bearer with an access token is needed");
	return accounts_check(call->hub->accounts, token, os_wall_ms(),
	    &req->arena, &call->who, e);
}

/* One coding, named once: whatever else is said is refused before the body. */
static enum err
coding_of(struct call *call, const struct http_request *req, struct err_info *e)
{
	struct str coding = http_header(req, "Content-Encoding");

	if (http1_field_count(req->head, "Content-Encoding") > 1)
		return err_setf(e, ERR_MEDIA,
		    "Content-Encoding may be gzip, and stand there once");
	/* RFC 9110, 8.4.1.3: both names mean the same. */
	call->gzip = str_eq_nocase(coding, STR("gzip")) ||
	    str_eq_nocase(coding, STR("x-gzip"));
	if (call->gzip || coding.n == 0 ||
	    str_eq_nocase(coding, STR("identity")))
		return ERR_OK;
	return err_setf(e, ERR_MEDIA, "Content-Encoding may be gzip, not %.*s",
	    STR_ARG(coding));
}

static enum err
on_head(void *ctx, struct http_request *req, size_t *body_max,
    struct err_info *e)
{
	struct call *call = arena_zero(&req->arena, sizeof *call);
	enum err rc;

	if (call == NULL)
		return err_set(e, ERR_NOMEM);
	call->hub = ctx;
	req->user = call;
	rc = route_find(req->head->method_text, req->path, &call->route, e);
	if (rc == ERR_OK && call->route->signed_in)
		rc = call_who(call, req, e);
	if (rc == ERR_OK)
		rc = coding_of(call, req, e);
	if (rc != ERR_OK) {
		call_error(req, e);
		return ERR_OK;
	}
	*body_max =
	    call->gzip ? call->route->packed_max : call->route->body_max;
	return ERR_OK;
}

static void
on_request(void *ctx, struct http_request *req)
{
	struct call *call = req->user;

	(void)ctx;
	call->route->run(call, req);
}

static void
on_log(void *ctx, const struct http_log *l)
{
	struct hub *hub = ctx;
	struct hub_metrics *m = &hub->metrics;

	atomic_fetch_add(&m->requests, 1);
	atomic_fetch_add(&m->bytes_in, l->bytes_in);
	atomic_fetch_add(&m->bytes_out, l->bytes_out);
	atomic_fetch_add(&m->request_us, l->us);
	if (l->status >= 400)
		atomic_fetch_add(&m->refused_requests, 1);
	if (hub->o.quiet)
		return;
	log_line(LOG_INFO, "http",
	    "id=%s peer=%s method=%.*s path=%.*s status=%d in=%llu out=%llu "
	    "us=%llu%s%s",
	    l->id, l->peer, STR_ARG(l->method), STR_ARG(l->path), l->status,
	    (unsigned long long)l->bytes_in, (unsigned long long)l->bytes_out,
	    (unsigned long long)l->us, l->error ? " reason=" : "",
	    l->error ? l->reason : "");
}

struct http_handler
hub_handler(struct hub *hub)
{
	return (struct http_handler){ .ctx = hub,
		.on_head = on_head,
		.on_request = on_request,
		.on_log = on_log };
}

enum err
call_body(const struct call *call, const struct http_request *req,
    struct gzip *g, struct buf *out, struct str *ret, struct err_info *e)
{
	enum err rc;

	*ret = req->body;
	if (!call->gzip || req->body.n == 0)
		return ERR_OK;
	rc = gzip_inflate(g, req->body, call->route->body_max, out, e);
	*ret = buf_str(out);
	return rc;
}

enum err
call_team_named(struct call *call, struct http_request *req,
    const struct account_team **ret, struct err_info *e)
{
	struct str slug = http_header(req, "X-Team-Slug");

	*ret = NULL;
	if (slug.n == 0)
		return ERR_OK;
	return accounts_team_of(&call->who, slug, STR(""), ret, e);
}

/* The field that an answer with this status has besides Content-Type; n 0 where
 * it wants none.  retry: value of Retry-After. */
static struct http1_field
error_field(const struct http_request *req, int status, struct str retry)
{
	static const struct http1_field none;
	const struct call *call = req->user;

	switch (status) {
	case 401: /* RFC 6750, 3 */
		return (struct http1_field){ STR("WWW-Authenticate"),
			STR("Bearer") };
	case 405: /* RFC 9110, 15.5.6 */
		return (struct http1_field){ STR("Allow"),
			str_is(STR("GET"), call->route->method) ?
			    STR("GET, HEAD") :
			    str_of(call->route->method) };
	case 415: /* RFC 9110, 15.5.16 */
		return (struct http1_field){ STR("Accept-Encoding"),
			STR("gzip, identity") };
	case 409:
	case 429:
	case 503:
		return (struct http1_field){ STR("Retry-After"), retry };
	default:
		return none;
	}
}

void
call_answer_error(struct http_request *req, enum err code, unsigned retry_s,
    struct buf *body)
{
	struct http1_field field[3] = { { STR("Content-Type"),
		                            STR("application/json") },
		{ STR("Cache-Control"), STR("no-store") } };
	int status = err_http(code), n;
	char retry[16];

	/* A queue is soon shorter; a disk is not emptied in a second. */
	if (retry_s == 0 && status != 409)
		retry_s = code == ERR_UNAVAILABLE ? 1 : RETRY_LATER_S;
	n = snprintf(retry, sizeof retry, "%u", retry_s);
	field[2] = error_field(req, status,
	    str_n(retry, n > 0 && (size_t)n < sizeof retry ? (size_t)n : 0));
	if (status == 409 && retry_s == 0)
		field[2].name.n = 0;
	/* Without memory for its body the status still says what it is. */
	if (body->failed)
		buf_fini(body);
	http_respond(req, status, field, field[2].name.n > 0 ? 3 : 2, body);
	buf_fini(body);
}

void
call_error(struct http_request *req, const struct err_info *e)
{
	struct buf body = { 0 }, details = { 0 };
	struct str text = str_of(e->text);

	/* What is wrong inside (paths, SQL) is for the log. */
	if (err_http(e->code) >= 500 && e->code != ERR_UNAVAILABLE) {
		log_line(LOG_ERROR, "http", "id=%s %s", req->id, e->text);
		text = str_of(err_text(e->code));
	}
	/* docs/protocol.md: older clients show the details of a 400. */
	if (err_http(e->code) == 400)
		json_add_str(&details, str_of(e->text));
	error_body_encode(e->code, text, STR(""), buf_str(&details), &body);
	buf_fini(&details);
	call_answer_error(req, e->code, 0, &body);
}

bool
call_deflate(struct gzip *g, bool wanted, struct buf *body)
{
	struct buf small = { 0 };
	struct err_info e = { 0 };

	if (!wanted || body->len < GZIP_WORTH)
		return false;
	/* Out of memory: it goes as it is. */
	if (gzip_deflate(g, buf_str(body), GZIP_FAST, &small, &e) != ERR_OK) {
		buf_fini(&small);
		return false;
	}
	buf_fini(body);
	*body = small;
	return true;
}

void
call_respond(struct http_request *req, int status, struct buf *body,
    bool gzipped)
{
	const struct http1_field field[] = {
		{ STR("Content-Type"), STR("application/json") },
		{ STR("Content-Encoding"), STR("gzip") },
	};

	http_respond(req, status, field, gzipped ? 2 : 1, body);
}
