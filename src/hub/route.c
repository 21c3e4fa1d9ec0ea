/* The table of routes, and what all of them share. */
#include <stdlib.h>

#include "body.h"
#include "clock.h"
#include "hub_int.h"
#include "log.h"

enum {
	BODY_SMALL = 16 * 1024,
	GZIP_WORTH = 1024, /* bytes from which deflating pays */
	GZIP_FAST = 1,     /* level: the log is text, the CPU is dearer */
};

/* clang-format off: a table is drawn by hand */
static const struct route routes[] = {
	/* method, path, signed in, body, */
	{ "POST", "/api/v1/token",         false, BODY_SMALL,          api_token },
	{ "POST", "/api/v1/token/refresh", false, BODY_SMALL,          api_refresh },
	{ "POST", "/oauth/revoke",         false, BODY_SMALL,          api_revoke },
	{ "GET",  "/api/v1/me",            true,  0,                   api_me },
	{ "POST", "/api/v1/events/batch",  true,  PROTO_BODY_GZIP_MAX, api_batch },
	{ "GET",  "/api/v1/events",        true,  0,                   api_pull },
	{ "GET",  "/api/v1/snapshot",      true,  0,                   api_snapshot },
	{ "GET",  "/api/v1/sync/health",   true,  0,                   api_health },
	{ "GET",  "/api/health",           false, 0,                   api_health },
	{ "GET",  "/metrics",              false, 0,                   api_metrics },
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

static enum err
who_is_it(struct call *call, struct http_request *req, struct err_info *e)
{
	static const struct str scheme = { "Bearer ", 7 };
	struct str field = http_header(req, "Authorization");

	if (field.n <= scheme.n ||
	    !str_eq_nocase(str_n(field.p, scheme.n), scheme))
		return err_setf(e, ERR_UNAUTHORIZED,
		    "Authorization: Bearer with an access token is needed");
	return accounts_check(call->hub->accounts,
	    str_trim(str_n(field.p + scheme.n, field.n - scheme.n)),
	    os_wall_ms(), &req->arena, &call->who, e);
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
	rc = route_find(req->head->method_text, req->path, &call->route, e);
	if (rc != ERR_OK)
		return rc;
	if (call->route->signed_in) {
		rc = who_is_it(call, req, e);
		if (rc != ERR_OK)
			return rc;
	}
	*body_max = call->route->body_max;
	req->user = call;
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
	    "us=%llu%s%s", l->id, l->peer, STR_ARG(l->method), STR_ARG(l->path),
	    l->status, (unsigned long long)l->bytes_in,
	    (unsigned long long)l->bytes_out, (unsigned long long)l->us,
	    l->error ? " reason=" : "", l->error ? l->reason : "");
}

struct http_handler
hub_handler(struct hub *hub)
{
	return (struct http_handler){ .ctx = hub, .on_head = on_head,
		.on_request = on_request, .on_log = on_log };
}

enum err
call_body(struct call *call, struct http_request *req, struct buf *out,
    struct str *ret, struct err_info *e)
{
	struct str coding = http_header(req, "Content-Encoding");
	enum err rc;

	*ret = req->body;
	if (coding.n == 0 || str_eq_nocase(coding, STR("identity")))
		return ERR_OK;
	if (!str_eq_nocase(coding, STR("gzip")))
		return err_setf(e, ERR_MEDIA,
		    "Content-Encoding may be gzip, not %.*s", STR_ARG(coding));
	rc = gzip_inflate(&call->hub->gzip, req->body, PROTO_BODY_PLAIN_MAX,
	    out, e);
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

void
call_error(struct http_request *req, const struct err_info *e)
{
	http_respond_error(req, e->code, e->text);
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
