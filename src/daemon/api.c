/* The local API: routes, and who may call them.  docs/protocol.md, The daemon's
 * local API. */
#include <sodium.h>

#include "clock.h"
#include "daemon_int.h"
#include "proc.h"
#include "when.h"

static const char *
phase_name(enum daemon_phase p)
{
	static const char *const names[] = {
		[PHASE_STARTING] = "starting",
		[PHASE_ACTIVE] = "active",
		[PHASE_RETIRING] = "retiring",
		[PHASE_TERMINATING] = "terminating",
	};

	return names[p];
}

static void
put_sync(struct daemon *d, struct json_writer *w)
{
	struct daemon_view v;
	int64_t age;

	daemon_look(d, &v);
	age = (os_wall_ms() - v.oldest_ms) / 1000;
	json_key(w, "sync"), json_obj(w);
	json_key(w, "state"), json_put_z(w, sync_word_name(v.word));
	json_key(w, "live"), json_put_bool(w, v.live);
	json_key(w, "last_sync"), when_put_or_null(w, v.last_sync_ms);
	json_key(w, "last_error");
	json_put_z(w, v.error[0] != '\0' ? v.error : NULL);
	json_key(w, "unacked"), json_put_u(w, v.unacked);
	json_key(w, "oldest_unacked_s");
	if (v.oldest_ms == 0)
		json_put_null(w);
	else
		json_put_u(w, age > 0 ? (uint64_t)age : 0);
	json_end(w);
}

static void
do_health(struct daemon *d, struct http_request *req)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };

	json_obj(&w);
	json_key(&w, "status"), json_put_z(&w, "ok");
	json_key(&w, "protocol_version"), json_put_u(&w, 1);
	json_key(&w, "package_version"), json_put_z(&w, CLOWDER_VERSION);
	json_key(&w, "pid"), json_put_u(&w, (uint64_t)os_pid());
	json_key(&w, "home_id"), json_put_z(&w, d->home_id);
	json_key(&w, "state"), json_put_z(&w, phase_name(d->phase));
	put_sync(d, &w);
	json_key(&w, "daemon_family"), json_put_z(&w, "sync");
	json_end(&w);
	http_respond_json(req, 200, &b);
	buf_fini(&b);
}

static void
do_shutdown(struct daemon *d, struct http_request *req)
{
	struct buf b = { 0 };

	buf_adds(&b, "{\"status\":\"stopping\"}");
	http_respond_json(req, 200, &b);
	buf_fini(&b);
	daemon_end(d, PHASE_TERMINATING);
}

static enum err
flag(const struct json *j, const char *name, bool *ret, struct err_info *e)
{
	uint32_t node = json_get(j, 0, name);

	*ret = false;
	if (node == 0 || json_bool(j, node, ret))
		return ERR_OK;
	return err_setf(e, ERR_BAD_REQUEST, "\"%s\" is neither true nor false",
	    name);
}

/* {"wait":true,"verbose":true} or nothing. */
static enum err
read_wish(struct str body, bool *wait, bool *verbose, struct err_info *e)
{
	struct json j = { 0 };
	enum err rc = ERR_OK;

	*wait = *verbose = false;
	if (body.n == 0)
		return ERR_OK;
	rc = json_parse(&j, body, 8, e);
	if (rc == ERR_OK && json_kind(&j, 0) != JSON_OBJECT)
		rc = err_setf(e, ERR_BAD_REQUEST, "the body is no object");
	if (rc == ERR_OK)
		rc = flag(&j, "wait", wait, e);
	if (rc == ERR_OK)
		rc = flag(&j, "verbose", verbose, e);
	json_fini(&j);
	return rc;
}

static void
do_trigger(struct daemon *d, struct http_request *req)
{
	struct buf b = { 0 };
	struct err_info e = { 0 };
	bool wait, verbose;

	if (read_wish(req->body, &wait, &verbose, &e) != ERR_OK) {
		http_respond_error(req, e.code, e.text);
		return;
	}
	if (wait) {
		keeper_exchange(d, req, verbose);
		return;
	}
	keeper_reset(d);
	buf_adds(&b, "{\"status\":\"triggered\"}");
	http_respond_json(req, 202, &b);
	buf_fini(&b);
}

static const struct route {
	const char *method, *path;
	bool open;  /* without the token */
	bool store; /* about what the store has */
	void (*run)(struct daemon *d, struct http_request *req);
} routes[] = {
	{ "GET", "/api/health", true, false, do_health },
	{ "POST", "/api/shutdown", false, false, do_shutdown },
	{ "POST", "/api/sync/trigger", false, true, do_trigger },
	{ "POST", "/api/sync/publish", false, true, keeper_publish },
	{ "GET", "/api/events", false, true, stream_open },
};

static enum err
find(const struct http_request *req, const struct route **ret,
    struct err_info *e)
{
	struct str path = req->path;
	bool known = false;

	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
		if (!str_is(path, routes[i].path))
			continue;
		known = true;
		*ret = &routes[i];
		if (str_is(req->head->method_text, routes[i].method))
			return ERR_OK;
	}
	return known ?
	    err_setf(e, ERR_METHOD, "%.*s is not for %.*s", STR_ARG(path),
	        STR_ARG(req->head->method_text)) :
	    err_setf(e, ERR_NOT_FOUND, "no such route: %.*s", STR_ARG(path));
}

/* This machine, by a name of its own, and our port. */
static bool
is_ours(const struct daemon *d, struct str host)
{
	static const char *const names[] = { "127.0.0.1:", "localhost:" };
	uint64_t port;

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(names[i]);

		if (host.n > n &&
		    str_eq_nocase(str_n(host.p, n), str_of(names[i])))
			return str_u64(str_n(host.p + n, host.n - n), &port) &&
			    port == d->state.port;
	}
	return false;
}

/* A page that some site has sent to a browser here, or a name that leads here for a
 * moment, gets nothing. */
static bool
is_foreign(const struct daemon *d, const struct http_request *req)
{
	static const struct str scheme = STR_INIT("http://");
	struct str origin = http_header(req, "Origin");

	if (!is_ours(d, req->head->host))
		return true;
	return origin.p != NULL &&
	    (!str_starts(origin, scheme) ||
	        !is_ours(d, str_n(origin.p + scheme.n, origin.n - scheme.n)));
}

static bool
has_token(const struct daemon *d, const struct http_request *req)
{
	struct str token = http_bearer(req);

	return token.n == DAEMON_TOKEN_CHARS &&
	    sodium_memcmp(token.p, d->state.token, token.n) == 0;
}

enum err
api_head(void *ctx, struct http_request *req, size_t *body_max,
    struct err_info *e)
{
	struct daemon *d = ctx;
	const struct route *r = NULL;
	bool known = has_token(d, req);
	enum err rc;

	if (!known)
		http_last(req);
	if (is_foreign(d, req))
		return err_setf(e, ERR_FORBIDDEN,
		    "only programs of this machine, by its own name");
	rc = find(req, &r, e);
	if (rc == ERR_OK && !r->open && !known)
		rc = err_setf(e, ERR_FORBIDDEN,
		    "the token of the daemon's state file is needed");
	*body_max = rc == ERR_OK && r->method[0] == 'P' ? BODY_MAX : 0;
	return rc;
}

void
api_request(void *ctx, struct http_request *req)
{
	struct daemon *d = ctx;
	const struct route *r = NULL;
	struct err_info e = { 0 };

	if (find(req, &r, &e) != ERR_OK)
		http_respond_error(req, e.code, e.text);
	else if (d->phase != PHASE_ACTIVE && !r->open)
		http_respond_error(req, ERR_UNAVAILABLE, "the daemon ends");
	else if (r->store && !daemon_serves_store(d))
		http_respond_error(req, ERR_UNAVAILABLE,
		    "the store was replaced: this daemon ends");
	else
		r->run(d, req);
}
