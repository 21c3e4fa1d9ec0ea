/* daemon: the process of this user that keeps the replica in step, live. */
#include <stdlib.h>

#include "clock.h"
#include "cmds.h"
#include "daemon.h"
#include "daemon_link.h"
#include "view.h"
#include "when.h"

enum { LABEL = 9 };

struct seen {
	enum daemon_presence here;
	struct daemon_state state;
	struct daemon_health health;
	int pid; /* of whoever holds the lock */
};

static enum err
look(struct cli *c, struct seen *s, struct err_info *e)
{
	const struct home *h;
	bool alive;
	enum err rc = daemon_find(c->ctx, &s->state, &s->health, &s->here, e);

	s->pid = 0;
	if (rc == ERR_OK)
		rc = ctx_home(c->ctx, &h, e);
	return rc == ERR_OK ? daemon_alive(h, &alive, &s->pid, e) : rc;
}

static const char *
word_of(const struct seen *s)
{
	static const char *const words[] = {
		[DAEMON_NONE] = "stopped",
		[DAEMON_HERE] = "running",
		[DAEMON_STARTING] = "not_answering",
	};

	return words[s->here];
}

static void
put_sync(const struct daemon_health *h, struct json_writer *w)
{
	json_key(w, "sync"), json_obj(w);
	view_put_text(w, "state", h->sync);
	json_key(w, "live"), json_put_bool(w, h->live);
	json_key(w, "last_sync"), when_put_or_null(w, h->last_sync_ms);
	view_put_text(w, "last_error", h->error);
	json_key(w, "unacked"), json_put_u(w, h->unacked);
	json_key(w, "oldest_unacked_s");
	if (h->oldest_s < 0)
		json_put_null(w);
	else
		json_put_u(w, (uint64_t)h->oldest_s);
	json_end(w);
}

static void
put_seen(struct cli *c, const struct seen *s)
{
	struct json_writer *w = out_json(c->out);

	json_obj(w);
	json_key(w, "status"), json_put_z(w, word_of(s));
	json_key(w, "pid");
	if (s->pid > 0)
		json_put_u(w, (uint64_t)s->pid);
	else
		json_put_null(w);
	if (s->here == DAEMON_HERE) {
		json_key(w, "port"), json_put_u(w, s->state.port);
		view_put_text(w, "version", s->health.package_version);
		view_put_text(w, "state", s->health.state);
		put_sync(&s->health, w);
	}
	json_end(w);
	out_json_end(c->out);
}

static enum paint
sync_paint(struct str word)
{
	return str_is(word, "Connected")     ? PAINT_GOOD :
	    str_is(word, "OfflineBatchMode") ? PAINT_BAD :
	                                       PAINT_WARN;
}

static void
say_queue(struct cli *c, const struct daemon_health *h)
{
	struct buf b = { 0 };
	int64_t now = os_wall_ms();

	buf_addf(&b, "%llu event%s", (unsigned long long)h->unacked,
	    h->unacked == 1 ? "" : "s");
	if (h->oldest_s >= 0) {
		buf_adds(&b, " (oldest ");
		when_ago(now - h->oldest_s * 1000, now, &b);
		buf_addc(&b, ')');
	}
	out_pair(c->out, LABEL, "Queue",
	    h->unacked > 0 ? PAINT_WARN : PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_reset(&b);
	if (h->last_sync_ms == 0)
		buf_adds(&b, "never");
	else
		when_ago(h->last_sync_ms, now, &b);
	out_pair(c->out, LABEL, "Last Sync", PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static void
say_seen(struct cli *c, const struct seen *s)
{
	const struct daemon_health *h = &s->health;

	out_paint(c->out, PAINT_TITLE, "%s Daemon", c->ctx->title);
	out_say(c->out, "\n");
	if (s->here != DAEMON_HERE) {
		bool none = s->here == DAEMON_NONE;

		out_pair(c->out, LABEL, "Status", none ? PAINT_DIM : PAINT_WARN,
		    none ? "Not running" : "Running, and not answering");
		if (s->pid > 0)
			out_pair(c->out, LABEL, "Process", PAINT_NONE, "%d",
			    s->pid);
		return;
	}
	out_pair(c->out, LABEL, "Status", PAINT_GOOD, "Running");
	out_pair(c->out, LABEL, "Process", PAINT_NONE, "%d, port %u", s->pid,
	    s->state.port);
	out_pair(c->out, LABEL, "Version",
	    str_is(h->package_version, CLOWDER_VERSION) ? PAINT_NONE :
	                                                  PAINT_WARN,
	    "%.*s", STR_ARG(h->package_version));
	out_pair(c->out, LABEL, "Sync", sync_paint(h->sync), "%.*s%s",
	    STR_ARG(h->sync), h->live ? ", live" : "");
	if (h->error.n > 0)
		out_pair(c->out, LABEL, "", PAINT_WARN, "%.*s",
		    STR_ARG(h->error));
	say_queue(c, h);
}

static enum err
show(struct cli *c, struct seen *s, struct err_info *e)
{
	enum err rc = look(c, s, e);

	if (rc != ERR_OK)
		return rc;
	if (c->json)
		put_seen(c, s);
	else
		say_seen(c, s);
	return ERR_OK;
}

/* --- verbs -------------------------------------------------------------------------- */

static enum err
status_run(struct cli *c, struct err_info *e)
{
	struct seen s;
	enum err rc = show(c, &s, e);

	return rc == ERR_OK ? cli_exit(c, s.here == DAEMON_HERE ? 0 : 1) : rc;
}

static enum err
start_run(struct cli *c, struct err_info *e)
{
	struct seen s;
	bool started;
	enum err rc = daemon_start(c->ctx, &started, e);

	if (rc == ERR_OK)
		rc = look(c, &s, e);
	if (rc != ERR_OK)
		return rc;
	if (c->json)
		put_seen(c, &s);
	else
		out_say(c->out, "%s (pid %d, port %u)\n",
		    started ? "Started" : "Runs already", s.pid, s.state.port);
	return ERR_OK;
}

static enum err
stop_run(struct cli *c, struct err_info *e)
{
	struct seen s;
	bool stopped;
	enum err rc = daemon_stop(c->ctx, &stopped, e);

	if (rc == ERR_OK)
		rc = look(c, &s, e);
	if (rc != ERR_OK)
		return rc;
	if (c->json)
		put_seen(c, &s);
	else
		out_say(c->out, stopped ? "Stopped\n" : "Not running\n");
	return ERR_OK;
}

static enum err
restart_run(struct cli *c, struct err_info *e)
{
	bool stopped;
	enum err rc = daemon_stop(c->ctx, &stopped, e);

	return rc == ERR_OK ? start_run(c, e) : rc;
}

static enum err
run_run(struct cli *c, struct err_info *e)
{
	return daemon_run(c->ctx, &(struct daemon_options){ 0 }, e);
}

static const struct cmd daemon_start_cmd = {
	.name = "start",
	.purpose = "start it, and wait until it answers",
	.about = "Fine where it runs already. Its log is sync-daemon.log in "
	         "the home folder.",
	.flags = CMD_LONG,
	.run = start_run,
};
static const struct cmd daemon_stop_cmd = {
	.name = "stop",
	.purpose = "end it",
	.about = "Nothing is lost: everything works without, and what is "
	         "queued is sent when it runs again, or by %p sync now. "
	         "With [sync] daemon = \"auto\" the next command that writes "
	         "starts it again.",
	.flags = CMD_LONG,
	.run = stop_run,
};
static const struct cmd daemon_restart_cmd = {
	.name = "restart",
	.purpose = "end it and start it, after an upgrade for example",
	.flags = CMD_LONG,
	.run = restart_run,
};
static const struct cmd daemon_status_cmd = {
	.name = "status",
	.purpose = "is it there, and in step",
	.exits = (const struct cmd_exit[]){ { 1, "it does not run" }, { 0 } },
	.run = status_run,
};
static const struct cmd daemon_run_cmd = {
	.name = "run",
	.purpose = "be the daemon, in the foreground, for a supervisor",
	.about = "Logs to stderr. Ends on SIGTERM, and by itself when the home "
	         "has another daemon.",
	.exits = (const struct cmd_exit[]){ { 4, "one runs already" }, { 0 } },
	.flags = CMD_LONG | CMD_LOGS,
	.run = run_run,
};

const struct cmd cmd_daemon = {
	.name = "daemon",
	.purpose = "keep this machine in step with the hub, live",
	.sub = (const struct cmd *const[]){ &daemon_start_cmd, &daemon_stop_cmd,
	    &daemon_restart_cmd, &daemon_status_cmd, &daemon_run_cmd, NULL },
};
