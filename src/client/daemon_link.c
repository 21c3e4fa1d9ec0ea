#include "daemon_link.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "json.h"
#include "proc.h"
#include "when.h"

extern char **environ;

enum {
	LOG_BYTES_MAX = 4 << 20,
	ANSWER_MAX = 16 << 20,
	CALL_MS = 3600 * 1000,
	AGAIN_S = 10,
	BEGIN_MS = 2000, /* one that has not locked by then is not coming */
	LOOK_MS = 10,    /* between two looks at one that starts or ends */
	KILL_MS = 1000,  /* between one way to end it and the next */
	BY_SIGNAL = 128  /* os_wait: that many and the signal's number */
};

/* --- calls ---------------------------------------------------------------------- */

/* libcurl asks from time to time. */
static void
look_at_signals(void *ctx, uint64_t sent, uint64_t to_send, uint64_t got,
    uint64_t to_get)
{
	(void)sent, (void)to_send, (void)got, (void)to_get;
	if (os_signal_caught() != 0)
		atomic_store((atomic_bool *)ctx, true);
}

enum err
daemon_call(const struct daemon_state *st, const char *method, const char *path,
    struct str body, uint32_t timeout_ms, struct http_answer *ret,
    struct err_info *e)
{
	atomic_bool stop = false;
	char url[128], bearer[DAEMON_TOKEN_CHARS + 16];
	struct http_client_options opt = {
		.answer_max = ANSWER_MAX, .abort = &stop, .direct = true
	};
	struct http1_field field[2] = { { STR("Content-Type"),
	    STR("application/json") } };
	struct http_call call = { .method = method,
		.url = url,
		.field = field,
		.fields = 1,
		.body = body,
		.timeout_ms = timeout_ms ? timeout_ms : CALL_MS,
		.progress = look_at_signals,
		.progress_ctx = &stop };
	struct http_client *c;
	enum err rc = http_client_new(&c, &opt, e);

	if (rc != ERR_OK)
		return rc;
	(void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", st->port,
	    path);
	if (st->token[0] != '\0') {
		(void)snprintf(bearer, sizeof bearer, "Bearer %s", st->token);
		field[call.fields++] =
		    (struct http1_field){ STR("Authorization"),
			    str_of(bearer) };
	}
	rc = http_client_call(c, &call, ret, e);
	http_client_free(c);
	return rc;
}

static void
read_sync(struct daemon_health *h, const struct json *j, struct arena *a)
{
	uint32_t sync = json_get(j, 0, "sync");
	struct str when;
	uint64_t n;

	h->oldest_s = -1;
	if (sync == 0)
		return;
	h->sync = json_member_copy(j, sync, "state", a);
	h->error = json_member_copy(j, sync, "last_error", a);
	when = json_member_copy(j, sync, "last_sync", a);
	if (when.n > 0 && !when_parse(when, &h->last_sync_ms))
		h->last_sync_ms = 0;
	(void)json_bool(j, json_get(j, sync, "live"), &h->live);
	(void)json_u53(j, json_get(j, sync, "unacked"), &h->unacked);
	if (json_u53(j, json_get(j, sync, "oldest_unacked_s"), &n))
		h->oldest_s = (int64_t)n;
}

static enum err
read_health(const struct http_answer *ans, struct arena *a,
    struct daemon_health *ret, struct err_info *e)
{
	struct json j = { 0 };
	struct err_info ignore = { 0 };
	uint64_t pid = 0;
	bool ok;

	*ret = (struct daemon_health){ 0 };
	ok = ans->status == 200 &&
	    json_parse(&j, buf_str(&ans->body), 8, &ignore) == ERR_OK &&
	    json_u53(&j, json_get(&j, 0, "protocol_version"),
	        &ret->protocol_version);
	if (ok)
		ret->package_version =
		    json_member_copy(&j, 0, "package_version", a);
	ok = ok && ret->package_version.n > 0;
	if (ok) {
		if (json_u53(&j, json_get(&j, 0, "pid"), &pid) &&
		    pid <= INT32_MAX)
			ret->pid = (int)pid;
		ret->home_id = json_member_copy(&j, 0, "home_id", a);
		ret->state = json_member_copy(&j, 0, "state", a);
		read_sync(ret, &j, a);
	}
	json_fini(&j);
	return ok ? ERR_OK :
	            err_setf(e, ERR_PROTOCOL, "that is no daemon of ours");
}

enum err
daemon_health(uint16_t port, uint32_t timeout_ms, struct arena *a,
    struct daemon_health *ret, struct err_info *e)
{
	const struct daemon_state st = { .port = port };
	struct http_answer ans = { 0 };
	enum err rc = daemon_call(&st, "GET", "/api/health", (struct str){ 0 },
	    timeout_ms, &ans, e);

	if (rc == ERR_OK)
		rc = read_health(&ans, a, ret, e);
	http_answer_fini(&ans);
	return rc;
}

/* --- finding ----------------------------------------------------------------------- */

/* The state file may be old, or name a port that is somebody else's by now. */
static bool
answers(struct ctx *c, const struct home *h, struct daemon_state *st,
    struct daemon_health *health)
{
	char id[DAEMON_HOME_ID_CHARS + 1];
	struct err_info e = { 0 };

	return daemon_state_read(h, st, &e) == ERR_OK &&
	    daemon_home_id(h, id, &e) == ERR_OK &&
	    daemon_health(st->port, DAEMON_ASK_MS, &c->arena, health, &e) ==
	    ERR_OK &&
	    str_is(health->home_id, id) && health->pid == st->pid;
}

enum err
daemon_find(struct ctx *c, struct daemon_state *st,
    struct daemon_health *health, enum daemon_presence *ret, struct err_info *e)
{
	const struct home *h;
	bool alive = false;
	int pid;
	enum err rc = ctx_home(c, &h, e);

	*ret = DAEMON_NONE;
	if (rc == ERR_OK)
		rc = daemon_alive(h, &alive, &pid, e);
	if (rc == ERR_OK && alive)
		*ret =
		    answers(c, h, st, health) ? DAEMON_HERE : DAEMON_STARTING;
	return rc;
}

enum err
daemon_await(struct ctx *c, struct daemon_state *st,
    struct daemon_health *health, enum daemon_presence *ret, struct err_info *e)
{
	uint64_t until = os_mono_ms() + DAEMON_WAIT_MS;
	enum err rc = daemon_find(c, st, health, ret, e);

	while (rc == ERR_OK && *ret == DAEMON_STARTING &&
	    os_mono_ms() < until) {
		os_rest_ms(LOOK_MS);
		rc = os_signal_check(e);
		if (rc == ERR_OK)
			rc = daemon_find(c, st, health, ret, e);
	}
	return rc;
}

/* --- starting ------------------------------------------------------------------------ */

/* Ours, with the home as an absolute path: it works in another folder. */
static enum err
environment(const struct home *h, struct arena *a, const char *const **ret,
    struct err_info *e)
{
	static const char name[] = "CLOWDER_HOME=";
	const char **env;
	size_t n = 0, k = 0;

	while (environ[n] != NULL)
		n++;
	env = arena_array(a, n + 2, sizeof *env);
	if (env == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], name, sizeof name - 1) != 0)
			env[k++] = environ[i];
	env[k++] = arena_fmt(a, "%s%s", name, h->dir);
	env[k] = NULL;
	*ret = env;
	return env[k - 1] != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
launch(struct ctx *c, const struct home *h, int *pid, struct err_info *e)
{
	const char *argv[] = { NULL, "daemon", "run", NULL };
	struct os_spawn s = { .argv = argv,
		.cwd = "/",
		.output = h->daemon_log,
		.detach = true };
	enum err rc = home_make(h, e);

	if (rc == ERR_OK)
		rc = os_exe(&c->arena, &argv[0], e);
	if (rc == ERR_OK)
		rc = environment(h, &c->arena, &s.env, e);
	return rc == ERR_OK ? os_spawn(&s, pid, e) : rc;
}

/* It has ended before it answered: in its own words, which are its log's last. */
static enum err
died(struct ctx *c, const struct home *h, struct err_info *e)
{
	struct str rest, line, last = { 0 };
	struct buf b = { 0 };
	struct err_info ignore = { 0 };

	if (os_read_file(h->daemon_log, LOG_BYTES_MAX, &b, &ignore) == ERR_OK)
		for (rest = buf_str(&b); str_split(&rest, '\n', &line);)
			if (str_starts(line, str_of(c->program)))
				last = line;
	(void)err_setf(e, ERR_FAILED, "the daemon does not start: %.*s",
	    STR_ARG(last.n > 0 ? last : str_of(h->daemon_log)));
	buf_fini(&b);
	return e->code;
}

/* The one that we launched is no more, and was not one too many; nor was it ended by
 * somebody who ends daemons just now. */
static bool
is_dead(int pid)
{
	struct os_proc proc;
	struct err_info e = { 0 };
	int status = 0;

	return pid > 0 && os_proc_look(pid, &proc, &e) == ERR_NOT_FOUND &&
	    os_wait(pid, &status, &e) == ERR_OK && status != 0 &&
	    status < BY_SIGNAL && status != err_exit(ERR_EXISTS);
}

enum err
daemon_start(struct ctx *c, bool *started, struct err_info *e)
{
	uint64_t until = os_mono_ms() + DAEMON_WAIT_MS, again = 0;
	enum daemon_presence here = DAEMON_NONE;
	struct daemon_health health;
	struct daemon_state st;
	const struct home *h;
	int pid = 0;
	enum err rc = ctx_home(c, &h, e);

	*started = false;
	if (rc == ERR_OK)
		rc = daemon_find(c, &st, &health, &here, e);
	while (rc == ERR_OK && here != DAEMON_HERE && os_mono_ms() < until) {
		/* Also where one that was there a moment ago has just died; of
		 * several that begin all but one end. */
		if (here == DAEMON_NONE && os_mono_ms() >= again) {
			*started = true;
			again = os_mono_ms() + BEGIN_MS;
			rc = launch(c, h, &pid, e);
		}
		os_rest_ms(LOOK_MS);
		if (rc == ERR_OK)
			rc = os_signal_check(e);
		if (rc == ERR_OK)
			rc = daemon_find(c, &st, &health, &here, e);
		if (rc == ERR_OK && here == DAEMON_NONE && is_dead(pid))
			rc = died(c, h, e);
	}
	if (rc == ERR_OK && here != DAEMON_HERE)
		rc = err_setf(e, ERR_TIMEOUT,
		    "the daemon does not answer; its log is %s", h->daemon_log);
	return rc;
}

bool
daemon_is_wished(struct ctx *c)
{
	const char *mode = getenv("CLOWDER_DAEMON");
	const struct config *cfg;
	const struct home *h;
	struct err_info e = { 0 };

	if (mode != NULL && strcmp(mode, "manual") == 0)
		return false;
	return ctx_home(c, &h, &e) == ERR_OK &&
	    ctx_config(c, &cfg, &e) == ERR_OK && cfg->sync_enabled &&
	    cfg->daemon == DAEMON_AUTO && cfg->server_url.n > 0 &&
	    os_exists(h->session);
}

void
daemon_wish(struct ctx *c)
{
	struct err_info e = { 0 };
	const struct home *h;
	bool alive = true;
	int pid;

	/* One that cannot live is not tried again by each command. */
	if (ctx_home(c, &h, &e) == ERR_OK && daemon_is_wished(c) &&
	    daemon_alive(h, &alive, &pid, &e) == ERR_OK && !alive &&
	    home_notice(h, "daemon", os_wall_ms(), AGAIN_S))
		(void)launch(c, h, &pid, &e);
}

/* --- ending ---------------------------------------------------------------------------- */

static bool
gone(const struct home *h, uint32_t ms)
{
	uint64_t until = os_mono_ms() + ms;
	struct err_info e = { 0 };
	bool alive = true;
	int pid;

	for (;;) {
		if (daemon_alive(h, &alive, &pid, &e) != ERR_OK || !alive)
			return !alive;
		if (os_mono_ms() >= until)
			return false;
		os_rest_ms(LOOK_MS);
	}
}

void
daemon_ask_to_end(const struct daemon_state *st)
{
	struct http_answer ans = { 0 };
	struct err_info e = { 0 };

	(void)daemon_call(st, "POST", "/api/shutdown", STR("{}"), DAEMON_ASK_MS,
	    &ans, &e);
	http_answer_fini(&ans);
}

enum err
daemon_stop(struct ctx *c, bool *stopped, struct err_info *e)
{
	static const int signals[] = { SIGTERM, SIGKILL };
	enum daemon_presence here;
	struct daemon_health health;
	struct daemon_state st;
	struct os_proc proc = { 0 };
	const struct home *h;
	bool alive = false, asked;
	int pid = 0;
	enum err rc = ctx_home(c, &h, e);

	*stopped = false;
	if (rc == ERR_OK)
		rc = daemon_alive(h, &alive, &pid, e);
	if (rc != ERR_OK || !alive)
		return rc;
	/* Whoever holds the lock is it; seen before anything is sent. */
	if (pid > 1)
		(void)os_proc_look(pid, &proc, &(struct err_info){ 0 });
	rc = daemon_find(c, &st, &health, &here, e);
	asked = rc == ERR_OK && here == DAEMON_HERE;
	if (asked)
		daemon_ask_to_end(&st);
	*stopped = true;
	/* Who was not asked is told by the first signal, and has as long. */
	if (gone(h, asked || proc.pid == 0 ? DAEMON_WAIT_MS / 2 : 0))
		return ERR_OK;
	for (size_t i = 0;
	     i < 2 && pid > 1 && proc.pid == pid && proc.uid == os_uid(); i++) {
		(void)os_proc_signal(&proc, signals[i],
		    &(struct err_info){ 0 });
		if (gone(h, asked || i > 0 ? KILL_MS : DAEMON_WAIT_MS / 2))
			return ERR_OK;
	}
	return err_setf(e, ERR_TIMEOUT, "the daemon (pid %d) does not end",
	    pid);
}
