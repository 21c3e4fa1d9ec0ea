#include "remote.h"

#include <sodium.h>
#include <stdlib.h>

#include "body.h"
#include "clock.h"
#include "fault.h"
#include "file.h"
#include "proc.h"
#include "proto.h"
#include "remote_int.h"
#include "session_file.h"

enum { TOKEN_FILE_MAX = 16 * 1024, FIELDS_MAX = 3 };

static enum err
transport_http(void *ctx, const struct http_call *call, struct http_answer *ret,
    struct err_info *e)
{
	struct remote *a = ctx;
	struct http_client_options opt = { .ca_file = a->ca_file,
		.user_agent = "clowder/" CLOWDER_VERSION,
		.abort = a->stop != NULL ? a->stop : &a->abort };
	enum err rc = ERR_OK;

	if (a->http == NULL)
		rc = http_client_new(&a->http, &opt, e);
	return rc == ERR_OK ? http_client_call(a->http, call, ret, e) : rc;
}

/* The tokens lie in the arena's blocks: wiped where we can reach them. */
static void
forget(struct remote *a)
{
	struct str *const secret[] = { &a->session.access_token,
		&a->session.refresh_token };

	for (size_t i = 0; a->has_session && i < 2; i++)
		if (secret[i]->n > 0)
			sodium_memzero((void *)(uintptr_t)secret[i]->p,
			    secret[i]->n);
	arena_fini(&a->mem);
	a->session = (struct session){ 0 };
	a->has_session = false;
}

/* Configured, else the hub that the session is of. */
static enum err
find_server(struct remote *a, const struct config *cfg, struct err_info *e)
{
	struct err_info none = { 0 };

	a->server = cfg->server_url;
	if (a->server.n == 0 && remote_reload(a, &none) == ERR_OK)
		a->server = arena_str(&a->ctx->arena, a->session.server_url);
	/* A token file may stand for it. */
	forget(a);
	return a->server.n > 0 ?
	    ERR_OK :
	    err_setf(e, ERR_NOT_FOUND, "no server is configured");
}

enum err
remote_open(struct remote **ret, struct ctx *c, struct err_info *e)
{
	struct remote *a = mem_zero(sizeof *a);
	const struct config *cfg;
	enum err rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM);
	a->ctx = c;
	a->transport = transport_http;
	a->transport_ctx = a;
	a->wall_ms = os_wall_ms;
	a->lock_wait_ms = SESSION_LOCK_WAIT_MS;
	rc = ctx_config(c, &cfg, e);
	if (rc == ERR_OK)
		rc = ctx_home(c, &a->home, e);
	if (rc == ERR_OK) {
		a->ca_file = cfg->ca_file;
		rc = find_server(a, cfg, e);
	}
	if (rc == ERR_OK) {
		*ret = a;
		a = NULL;
	}
	remote_close(a);
	return rc;
}

void
remote_close(struct remote *a)
{
	if (a == NULL)
		return;
	forget(a);
	http_client_free(a->http);
	free(a);
}

void
remote_stop_on(struct remote *a, const atomic_bool *stop)
{
	a->stop = stop;
}

struct str
remote_server(const struct remote *a)
{
	return a->server;
}

/* --- the session in memory ---------------------------------------------------------- */

/* What is on disk may have been changed by a sign-in elsewhere: its tokens are that
 * hub's alone, and what one account began another does not go on with. */
static enum err
is_ours(const struct remote *a, const struct session *s, struct err_info *e)
{
	if (a->server.n > 0 && s->server_url.n > 0 &&
	    !str_eq(s->server_url, a->server))
		return err_setf(e, ERR_SIGN_IN,
		    "not signed in at %.*s, only at %.*s", STR_ARG(a->server),
		    STR_ARG(s->server_url));
	if (a->has_session && a->session.name.n > 0 &&
	    !str_eq(s->name, a->session.name))
		return err_setf(e, ERR_SIGN_IN, "%.*s has signed in meanwhile",
		    STR_ARG(s->name));
	return ERR_OK;
}

enum err
remote_reload(struct remote *a, struct err_info *e)
{
	struct arena mem = { 0 };
	struct session s = { 0 };
	enum err rc = session_file_load(a->home, &mem, &s, e);

	if (rc == ERR_OK)
		rc = is_ours(a, &s, e);

	if (rc != ERR_OK) {
		arena_fini(&mem);
		return rc;
	}
	forget(a);
	a->mem = mem;
	a->session = s;
	a->has_session = true;
	return ERR_OK;
}

enum err
remote_hold(struct remote *a, const struct session *s, struct err_info *e)
{
	struct arena mem = { 0 };
	struct session copy = { 0 };
	struct buf text = { 0 };
	enum err rc = session_encode(s, &text, e);

	if (rc == ERR_OK)
		rc = session_decode(buf_str(&text), &mem, &copy, e);
	if (text.data != NULL)
		sodium_memzero(text.data, text.cap);
	buf_fini(&text);
	if (rc != ERR_OK) {
		arena_fini(&mem);
		return rc;
	}
	forget(a);
	a->mem = mem;
	a->session = copy;
	a->has_session = true;
	return ERR_OK;
}

/* A token that somebody put there for us: nothing is known of it but itself. */
static enum err
from_token_file(struct remote *a, const char *path, struct err_info *e)
{
	struct buf text = { 0 };
	struct str token;
	enum err rc = os_read_file(path, TOKEN_FILE_MAX, &text, e);

	if (rc == ERR_OK) {
		token = arena_str(&a->mem, str_trim(buf_str(&text)));
		if (!remote_is_word(token, TOKEN_FILE_MAX))
			rc = err_setf(e, ERR_SIGN_IN,
			    "%s holds no token (one line, no blanks)", path);
		a->session = (struct session){ .access_token = token,
			.server_url = a->server,
			.refresh_expires_ms = SESSION_NEVER };
		a->token_file = a->has_session = rc == ERR_OK;
	}
	if (text.data != NULL)
		sodium_memzero(text.data, text.cap);
	buf_fini(&text);
	return rc == ERR_OK ? rc : err_wrap(e, "CLOWDER_TOKEN_FILE");
}

enum err
remote_session(struct remote *a, const struct session **ret, struct err_info *e)
{
	const char *file = getenv("CLOWDER_TOKEN_FILE");
	enum err rc = ERR_OK;

	*ret = &a->session;
	if (a->has_session)
		return ERR_OK;
	if (file != NULL && file[0] != '\0')
		return from_token_file(a, file, e);
	rc = remote_reload(a, e);
	/* Of another machine or user, or damaged: a new sign-in is what helps. */
	if (rc == ERR_CORRUPT)
		rc = e->code = ERR_SIGN_IN;
	return rc;
}

/* --- calls --------------------------------------------------------------------------- */

bool
remote_is_word(struct str s, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0 && s.n <= max;
}

/* libcurl asks from time to time: a signal that came ends the call. */
static void
look_at_signals(void *ctx, uint64_t sent, uint64_t to_send, uint64_t got,
    uint64_t to_get)
{
	struct remote *a = ctx;

	(void)sent, (void)to_send, (void)got, (void)to_get;
	if (os_signal_caught() != 0)
		atomic_store(&a->abort, true);
}

static void
add_field(struct http_call *call, struct http1_field *field, const char *name,
    struct str value)
{
	field[call->fields++] = (struct http1_field){ str_of(name), value };
}

/* One call; errors are the transport's own. */
static enum err
call_out(struct remote *a, const struct remote_call *call, struct str bearer,
    struct http_answer *ret, struct err_info *e)
{
	struct arena mem = { 0 };
	struct http1_field field[FIELDS_MAX];
	struct http_call http = { .method = call->method,
		.field = field,
		.body = call->body,
		.gzip = call->gzip,
		.timeout_ms = call->timeout_ms,
		.progress = look_at_signals,
		.progress_ctx = a };
	char *auth = NULL;
	enum err rc;

	http.url = arena_fmt(&mem, "%.*s%.*s", STR_ARG(a->server),
	    STR_ARG(call->target));
	if (bearer.n > 0)
		auth = arena_fmt(&mem, "Bearer %.*s", STR_ARG(bearer));
	if (http.url == NULL || (bearer.n > 0 && auth == NULL)) {
		arena_fini(&mem);
		return err_set(e, ERR_NOMEM);
	}
	if (auth != NULL)
		add_field(&http, field, "Authorization", str_of(auth));
	if (call->body.p != NULL)
		add_field(&http, field, "Content-Type",
		    str_of(call->type ? call->type : "application/json"));
	if (call->team.n > 0)
		add_field(&http, field, "X-Team-Slug", call->team);
	rc = a->transport(a->transport_ctx, &http, ret, e);
	if (auth != NULL)
		sodium_memzero(auth, strlen(auth));
	arena_fini(&mem);
	return rc;
}

/* Whom a certificate is to be believed from is for the user to say. */
static enum err
say_whom_to_trust(const struct remote *a, struct err_info *e)
{
	const struct err_info why = *e;

	if (a->ca_file != NULL)
		return e->code;
	return err_setf(e, why.code,
	    "%s; a hub with a certificate of its own is trusted by [server] "
	    "ca_file in config.toml",
	    why.text);
}

enum err
remote_raw(struct remote *a, const struct remote_call *call, struct str bearer,
    struct http_answer *ret, struct err_info *e)
{
	enum err rc = call_out(a, call, bearer, ret, e);

	if (rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT || rc == ERR_TLS)
		rc =
		    err_wrap(e, "Cannot reach server %.*s", STR_ARG(a->server));
	if (rc == ERR_TLS)
		rc = say_whom_to_trust(a, e);
	/* Not what was sent is too large: no hub answers so much. */
	if (rc == ERR_TOO_LARGE)
		rc = e->code = ERR_PROTOCOL;
	return rc;
}

/* Where no body says it. */
static enum err
code_of_status(int status)
{
	switch (status) {
	case 401:
		return ERR_UNAUTHORIZED;
	case 403:
		return ERR_FORBIDDEN;
	case 413:
		return ERR_TOO_LARGE;
	case 429:
		return ERR_THROTTLED;
	case 502:
	case 503:
	case 504:
		return ERR_UNAVAILABLE;
	default:
		return ERR_PROTOCOL;
	}
}

/* Some codes are ours alone: a server that names them does not decide that the
 * user typed something wrong, or that this disk is full. */
static bool
is_of_hubs(enum err code)
{
	switch (code) {
	case ERR_OK:
	case ERR_NOMEM:
	case ERR_IO:
	case ERR_NO_SPACE:
	case ERR_AMBIGUOUS:
	case ERR_USAGE:
	case ERR_CONFIG:
	case ERR_CORRUPT:
	case ERR_NEWER:
	case ERR_LOCKED:
	case ERR_PERMISSION:
	case ERR_INTERRUPTED:
	case ERR_UNREACHABLE:
	case ERR_TLS:
	case ERR_SIGN_IN:
	case ERR_COUNT:
		return false;
	case ERR_NOT_FOUND:
	case ERR_EXISTS:
	case ERR_CONFLICT:
	case ERR_REFUSED:
	case ERR_FAILED:
	case ERR_UNSUPPORTED:
	case ERR_TIMEOUT:
	case ERR_UNAVAILABLE:
	case ERR_PROTOCOL:
	case ERR_UNAUTHORIZED:
	case ERR_FORBIDDEN:
	case ERR_CREDENTIALS:
	case ERR_GRANT:
	case ERR_SESSION:
	case ERR_REPLAY:
	case ERR_THROTTLED:
	case ERR_BAD_REQUEST:
	case ERR_BAD_JSON:
	case ERR_METHOD:
	case ERR_LENGTH:
	case ERR_TOO_LARGE:
	case ERR_MEDIA:
	case ERR_URI_LONG:
	case ERR_HEADERS_BIG:
	case ERR_HTTP_VERSION:
	case ERR_RESYNC:
	case ERR_SCHEMA:
	case ERR_CLOCK_AHEAD:
	case ERR_CLOCK_BEHIND:
	case ERR_PARENT:
	case ERR_ID_REUSED:
	case ERR_FORK:
	case ERR_QUOTA:
		break;
	}
	return true;
}

enum err
remote_error(const struct http_answer *ans, struct err_info *e)
{
	struct error_body body;
	struct arena mem = { 0 };
	enum err rc;

	if (!error_body_decode(&body, buf_str(&ans->body), &mem))
		body = (struct error_body){ 0 };
	if (!is_of_hubs(body.code))
		body.code = code_of_status(ans->status);
	else if (body.message.n == 0)
		body.message = str_of(err_text(body.code));
	if (body.message.n == 0)
		rc = err_setf(e, body.code,
		    "the server answered with status %d%s", ans->status,
		    body.code == ERR_PROTOCOL ? ": is this a hub?" : "");
	else
		rc = err_setf(e, body.code, "%.*s", STR_ARG(body.message));
	arena_fini(&mem);
	return rc;
}

static enum err
expired(enum err rc, struct err_info *e)
{
	if (rc == ERR_GRANT || rc == ERR_SESSION || rc == ERR_UNAUTHORIZED)
		return err_wrap(e, "Authentication expired");
	return rc;
}

enum err
remote_renew(struct remote *a, struct err_info *e)
{
	return expired(remote_refresh(a, e), e);
}

/* Renew what is about to expire: spares a refused call.  While it is still
 * good, it may be used although it could not be renewed. */
static enum err
renew_early(struct remote *a, struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc;

	if (a->token_file ||
	    session_fresh(&a->session, a->wall_ms(), REMOTE_FRESH_MS))
		return ERR_OK;
	rc = remote_refresh(a, &why);
	if (rc == ERR_OK ||
	    (a->has_session && session_fresh(&a->session, a->wall_ms(), 0)))
		return ERR_OK;
	*e = why;
	return expired(rc, e);
}

enum err
remote_send(struct remote *a, const struct remote_call *call,
    struct http_answer *ret, struct err_info *e)
{
	const struct session *s;
	enum err rc = remote_session(a, &s, e);

	if (rc == ERR_OK)
		rc = renew_early(a, e);
	if (rc == ERR_OK)
		rc = remote_raw(a, call, s->access_token, ret, e);
	if (rc != ERR_OK || ret->status != 401 || call->no_refresh)
		return rc;
	if (!a->token_file) {
		rc = remote_refresh(a, e);
		if (rc == ERR_OK)
			rc = remote_raw(a, call, s->access_token, ret, e);
		if (rc != ERR_OK)
			return expired(rc, e);
	}
	if (ret->status != 401)
		return ERR_OK;
	rc = remote_error(ret, e);
	return a->token_file ? err_wrap(e, "the token of CLOWDER_TOKEN_FILE") :
	                       expired(rc, e);
}

/* --- a look at the hub ------------------------------------------------------------------ */

static void
say(struct remote_check *ret, enum remote_health h, const char *why)
{
	struct err_info text = { 0 };

	(void)err_setf(&text, ERR_FAILED, "%s", why);
	ret->health = h;
	memcpy(ret->why, text.text, sizeof ret->why);
}

static void
judge(const struct http_answer *ans, struct remote_check *ret)
{
	struct health_body body;
	struct arena mem = { 0 };
	struct err_info e = { 0 };

	if (ans->status == 401 || ans->status == 403) {
		say(ret, REMOTE_REACHABLE, "Server online (access forbidden)");
	} else if (ans->status != 200) {
		(void)remote_error(ans, &e);
		say(ret, REMOTE_ERROR, e.text);
	} else if (health_decode(&body, buf_str(&ans->body), &mem, &e) !=
	    ERR_OK) {
		say(ret, REMOTE_ERROR, e.text);
	} else {
		say(ret, REMOTE_CONNECTED, "");
	}
	arena_fini(&mem);
}

void
remote_check(struct remote *a, struct remote_check *ret)
{
	struct remote_call call = { .method = "GET",
		.target = STR("/api/v1/sync/health/"),
		.timeout_ms = REMOTE_CHECK_MS };
	struct http_answer ans = { 0 };
	const struct session *s;
	struct err_info e = { 0 };
	bool signed_in = remote_session(a, &s, &e) == ERR_OK;
	enum err rc;

	e = (struct err_info){ 0 };
	rc =
	    call_out(a, &call, signed_in ? s->access_token : STR(""), &ans, &e);
	if (rc == ERR_OK)
		judge(&ans, ret);
	else if (rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT)
		say(ret, REMOTE_UNREACHABLE, e.text);
	else
		say(ret, REMOTE_ERROR, e.text);
	http_answer_fini(&ans);
}
