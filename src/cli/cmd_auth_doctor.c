/* auth doctor: what may be wrong with the sign-in.  docs/formats.md 6.
 *
 * Without a flag nothing changes and nothing is sent. */
#include <stdlib.h>

#include "clock.h"
#include "cmds.h"
#include "file.h"
#include "findings.h"
#include "path.h"
#include "proc.h"
#include "remote.h"
#include "session_file.h"
#include "when.h"

enum { LABEL = 13, THRESHOLD_MAX = 1000000000, STATE_FILE_MAX = 4096 };

struct auth_facts {
	struct cli *c;
	const struct home *home;
	int64_t now;
	bool present, unreadable;
	struct session session;
	struct session_lock_state lock;
	uint64_t threshold_s;
	bool stuck, unstuck;
	bool daemon_active;
	uint64_t daemon_pid, daemon_port;
	bool checked;
	struct remote_check check;
	struct findings found;
};

/* --- looking ---------------------------------------------------------------------- */

static enum err
look_at_session(struct auth_facts *f, struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc =
	    session_file_load(f->home, &f->c->ctx->arena, &f->session, &why);

	f->present = rc == ERR_OK;
	if (rc == ERR_NOMEM)
		return err_set(e, ERR_NOMEM);
	if (rc == ERR_SIGN_IN)
		finding_add(&f->found, f->c, "F-001", SEVERITY_CRITICAL,
		    "auth login", "Sign in at the hub.", "Nobody is signed in");
	if (rc != ERR_OK && rc != ERR_SIGN_IN) {
		f->unreadable = true;
		finding_add(&f->found, f->c, "F-001", SEVERITY_CRITICAL,
		    "auth login", "Sign in again.",
		    "The session cannot be read: %s", why.text);
	}
	if (f->present && f->session.access_expires_ms <= f->now &&
	    (f->session.refresh_expires_ms == SESSION_NEVER ||
	        f->session.refresh_expires_ms > f->now))
		finding_add(&f->found, f->c, "F-008", SEVERITY_WARN,
		    "auth status", "See how long the session is good for.",
		    "The access token has expired; the next exchange renews "
		    "it");
	else if (f->present && f->session.refresh_expires_ms != SESSION_NEVER &&
	    f->session.refresh_expires_ms <= f->now)
		finding_add(&f->found, f->c, "F-001", SEVERITY_CRITICAL,
		    "auth login", "Sign in again.", "The session has expired");
	return ERR_OK;
}

/* A record without a flock is nobody's. */
static enum err
look_at_lock(struct auth_facts *f, struct err_info *e)
{
	char host[OS_NAME_MAX];
	enum err rc =
	    session_lock_look(f->home, f->now, &f->c->ctx->arena, &f->lock, e);

	if (rc != ERR_OK)
		return rc;
	f->stuck =
	    f->lock.held && f->lock.age_ms > (int64_t)f->threshold_s * 1000;
	if (f->stuck)
		finding_add(&f->found, f->c, "F-003", SEVERITY_CRITICAL,
		    "auth doctor --unstick-lock",
		    "Let go of a lock whose holder hangs.",
		    "Refresh lock stuck (age %.1fs > threshold %.1fs)",
		    (double)f->lock.age_ms / 1000, (double)f->threshold_s);
	os_host_name(host);
	if (f->lock.held && f->lock.host.n > 0 && !str_is(f->lock.host, host))
		finding_add(&f->found, f->c, "F-007", SEVERITY_WARN, NULL, NULL,
		    "The refresh lock is held by another host: %.*s",
		    STR_ARG(f->lock.host));
	return ERR_OK;
}

/* Four lines: url, port, token, pid.  The token stays unread. */
static void
look_at_daemon(struct auth_facts *f)
{
	struct buf text = { 0 };
	struct err_info ignore = { 0 };
	struct str rest, line;

	if (os_read_file(f->home->daemon_state, STATE_FILE_MAX, &text,
	        &ignore) == ERR_OK) {
		rest = buf_str(&text);
		for (int i = 0; i < 4 && str_split(&rest, '\n', &line); i++) {
			if (i == 1)
				(void)str_u64(str_trim(line), &f->daemon_port);
			else if (i == 3)
				(void)str_u64(str_trim(line), &f->daemon_pid);
		}
		f->daemon_active = f->daemon_pid > 1 &&
		    f->daemon_pid < INT32_MAX &&
		    os_proc_alive((int)f->daemon_pid);
	}
	if (!f->daemon_active)
		finding_add(&f->found, f->c, "F-005", SEVERITY_INFO, NULL, NULL,
		    "No daemon is running; commands work without it");
	buf_fini(&text);
}

/* Whoever still hangs on the old file sees that its name is gone and gives up;
 * the next one makes a new file. */
static enum err
unstick(struct auth_facts *f, struct err_info *e)
{
	enum err rc = look_at_lock(f, e);

	f->found.n = 0;
	if (rc == ERR_OK && f->stuck) {
		rc = os_remove(f->home->refresh_lock, e);
		f->unstuck = rc == ERR_OK;
	}
	return rc;
}

static enum err
look_at_server(struct auth_facts *f, struct err_info *e)
{
	struct remote *a = NULL;
	enum err rc = remote_open(&a, f->c->ctx, e);

	if (rc == ERR_OK)
		remote_check(a, &f->check);
	f->checked = rc == ERR_OK;
	remote_close(a);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* --- showing ----------------------------------------------------------------------- */

static int64_t
remaining(int64_t ms, int64_t now)
{
	return ms > now ? (ms - now) / 1000 : 0;
}

static void
section(struct out *o, const char *title)
{
	out_paint(o, PAINT_TITLE, "%s", title);
	out_say(o, "\n");
}

static void
say_until(struct auth_facts *f, const char *label, int64_t ms)
{
	struct buf b = { 0 };

	if (ms == SESSION_NEVER) {
		buf_adds(&b, "does not expire");
	} else {
		buf_adds(&b, ms > f->now ? "expires " : "expired ");
		when_ago(ms, f->now, &b);
	}
	out_pair(f->c->out, LABEL, label, PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static void
say_identity(struct auth_facts *f)
{
	struct out *o = f->c->out;

	section(o, "Identity");
	if (f->present) {
		out_pair(o, LABEL, "User", PAINT_NONE, "%.*s",
		    STR_ARG(f->session.name));
		out_pair(o, LABEL, "Server", PAINT_NONE, "%.*s",
		    STR_ARG(f->session.server_url));
		out_pair(o, LABEL, "Session", PAINT_NONE, "%.*s",
		    STR_ARG(f->session.session_id));
	} else {
		out_pair(o, LABEL, "User", PAINT_WARN, "nobody");
	}
	section(o, "Tokens");
	if (f->present) {
		say_until(f, "Access", f->session.access_expires_ms);
		say_until(f, "Refresh", f->session.refresh_expires_ms);
	} else {
		out_pair(o, LABEL, "Access", PAINT_NONE, "none");
	}
	section(o, "Storage");
	out_pair(o, LABEL, "File", f->unreadable ? PAINT_BAD : PAINT_NONE,
	    "%s%s", f->home->session,
	    f->unreadable  ? " (unreadable)" :
	        f->present ? " (sealed)" :
	                     "");
}

static void
say_lock(struct auth_facts *f)
{
	struct out *o = f->c->out;

	section(o, "Refresh Lock");
	if (!f->lock.held)
		out_pair(o, LABEL, "State", PAINT_NONE, "unheld%s",
		    f->unstuck ? " (was stuck, let go)" : "");
	else
		out_pair(o, LABEL, "State", f->stuck ? PAINT_BAD : PAINT_NONE,
		    "%s by pid %d%s", f->stuck ? "stuck, held" : "held",
		    f->lock.pid, f->unstuck ? " (let go)" : "");
	if (f->lock.held && f->lock.age_ms >= 0)
		out_pair(o, LABEL, "Age", PAINT_NONE, "%.1f s",
		    (double)f->lock.age_ms / 1000);
}

static void
say_report(struct auth_facts *f)
{
	struct out *o = f->c->out;

	say_identity(f);
	say_lock(f);
	section(o, "Daemon");
	if (f->daemon_active)
		out_pair(o, LABEL, "Running", PAINT_NONE, "pid %llu, port %llu",
		    (unsigned long long)f->daemon_pid,
		    (unsigned long long)f->daemon_port);
	else
		out_pair(o, LABEL, "Running", PAINT_NONE, "no");
	section(o, "Orphans");
	out_pair(o, LABEL, "Found", PAINT_NONE, "none");
	if (f->checked) {
		section(o, "Server");
		out_pair(o, LABEL, "Connection", PAINT_NONE, "%s%s",
		    f->check.health == REMOTE_CONNECTED     ? "Connected" :
		        f->check.health == REMOTE_REACHABLE ? "Reachable: " :
		                                              "",
		    f->check.why);
	}
	findings_say(&f->found, f->c);
}

static void
put_u(struct json_writer *w, const char *key, bool known, uint64_t v)
{
	json_key(w, key);
	if (known)
		json_put_u(w, v);
	else
		json_put_null(w);
}

static void
put_session(const struct auth_facts *f, struct json_writer *w)
{
	const struct session *s = &f->session;

	json_key(w, "session");
	if (!f->present) {
		json_put_null(w);
		return;
	}
	json_obj(w);
	json_key(w, "access_token_remaining_s");
	json_put_i(w, remaining(s->access_expires_ms, f->now));
	json_key(w, "in_memory_drift"), json_put_bool(w, false);
	json_key(w, "present"), json_put_bool(w, true);
	put_u(w, "refresh_token_remaining_s",
	    s->refresh_expires_ms != SESSION_NEVER,
	    (uint64_t)remaining(s->refresh_expires_ms, f->now));
	json_key(w, "session_id"), json_put_str(w, s->session_id);
	json_key(w, "storage_backend"), json_put_z(w, "file");
	json_key(w, "user_email"), json_put_str(w, s->email);
	json_end(w);
}

static void
put_lock(const struct auth_facts *f, struct json_writer *w)
{
	json_key(w, "refresh_lock"), json_obj(w);
	put_u(w, "age_s", f->lock.held && f->lock.age_ms >= 0,
	    (uint64_t)(f->lock.age_ms / 1000));
	json_key(w, "held"), json_put_bool(w, f->lock.held);
	put_u(w, "holder_pid", f->lock.held && f->lock.pid > 0,
	    (uint64_t)f->lock.pid);
	json_key(w, "started_at");
	if (f->lock.held && f->lock.started_at.n > 0)
		json_put_str(w, f->lock.started_at);
	else
		json_put_null(w);
	json_key(w, "stuck"), json_put_bool(w, f->stuck);
	json_key(w, "stuck_threshold_s"), json_put_u(w, f->threshold_s);
	json_end(w);
}

static const char *
health_name(enum remote_health h)
{
	static const char *const name[] = { [REMOTE_CONNECTED] = "connected",
		[REMOTE_REACHABLE] = "reachable",
		[REMOTE_UNREACHABLE] = "unreachable",
		[REMOTE_ERROR] = "error" };

	return name[h];
}

/* Keys sorted at every level. */
static void
write_report(const struct auth_facts *f, struct json_writer *w)
{
	json_obj(w);
	json_key(w, "auth_root"), json_put_z(w, f->home->auth_dir);
	json_key(w, "daemon"), json_obj(w);
	json_key(w, "active"), json_put_bool(w, f->daemon_active);
	json_key(w, "package_version"), json_put_null(w);
	put_u(w, "pid", f->daemon_active, f->daemon_pid);
	put_u(w, "port", f->daemon_active, f->daemon_port);
	json_key(w, "protocol_version"), json_put_null(w);
	json_end(w);
	json_key(w, "findings"), findings_write(&f->found, w);
	json_key(w, "generated_at"), when_put(w, f->now);
	json_key(w, "orphans"), json_arr(w), json_end(w);
	put_lock(f, w);
	json_key(w, "schema_version"), json_put_u(w, 1);
	if (f->checked) {
		json_key(w, "server"), json_obj(w);
		json_key(w, "connection");
		json_put_z(w, health_name(f->check.health));
		json_key(w, "detail"), json_put_z(w, f->check.why);
		json_end(w);
	}
	put_session(f, w);
	json_end(w);
}

/* --- the command ----------------------------------------------------------------------- */

enum { EXIT_CRITICAL = 1, EXIT_DOCTOR_FAILED = 2 };

static enum err
examine(struct auth_facts *f, struct err_info *e)
{
	const char *threshold = cli_opt(f->c, "stuck-threshold");
	enum err rc = ctx_home(f->c->ctx, &f->home, e);

	f->now = os_wall_ms();
	f->threshold_s = SESSION_LOCK_STUCK_S;
	if (threshold != NULL &&
	    (!str_u64(str_of(threshold), &f->threshold_s) ||
	        f->threshold_s > THRESHOLD_MAX))
		return cli_usage(e, "--stuck-threshold wants seconds");
	if (rc == ERR_OK && cli_has(f->c, "unstick-lock"))
		rc = unstick(f, e);
	if (rc == ERR_OK)
		rc = look_at_session(f, e);
	if (rc == ERR_OK)
		rc = look_at_lock(f, e);
	if (rc == ERR_OK)
		look_at_daemon(f);
	if (rc == ERR_OK && cli_has(f->c, "server"))
		rc = look_at_server(f, e);
	return rc == ERR_OK && f->found.failed ? err_set(e, ERR_NOMEM) : rc;
}

static enum err
doctor_run(struct cli *c, struct err_info *e)
{
	struct auth_facts *f = arena_zero(&c->ctx->arena, sizeof *f);
	enum err rc;

	if (f == NULL)
		return err_set(e, ERR_NOMEM);
	f->c = c;
	rc = examine(f, e);
	if (rc == ERR_OK && c->json) {
		write_report(f, out_json(c->out));
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		say_report(f);
	}
	c->exit = rc != ERR_OK           ? EXIT_DOCTOR_FAILED :
	    findings_critical(&f->found) ? EXIT_CRITICAL :
	                                   0;
	findings_fini(&f->found);
	return rc;
}

const struct cmd cmd_auth_doctor = {
	.name = "doctor",
	.purpose = "look for what may be wrong with the sign-in",
	.about = "Without an option nothing changes and nothing is sent.",
	.opt =
	    (const struct cmd_opt[]){
	        { 0, "unstick-lock", NULL,
	            "let go of a refresh lock whose holder hangs", NULL, 0, 0 },
	        { 0, "stuck-threshold", "SECONDS",
	            "how long a lock may be held (60)", NULL, 0, 0 },
	        { 0, "server", NULL, "ask the server too", NULL, 0, 0 },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "auth doctor", "a report" },
	        { "auth doctor --json", "the same for a program" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 1, "a critical finding" },
	        { 2, "the doctor itself failed" },
	        { 0 },
	    },
	.run = doctor_run,
};
