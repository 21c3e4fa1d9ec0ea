/* sync: the exchange with the hub, and what is known of it.  The texts are those
 * of docs/formats.md 7. */
#include <stdlib.h>

#include "body.h"
#include "clock.h"
#include "cmds.h"
#include "daemon_link.h"
#include "fault.h"
#include "file.h"
#include "notice.h"
#include "remote.h"
#include "sync_report.h"
#include "when.h"

enum { LABEL = 11, LOCK_WAIT_MS = 10000 };

static const char *
s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- sync now: what happened to single events ---------------------------------------- */

struct now {
	struct cli *c;
	bool verbose;
	struct sync_notes notes;
	bool bar, bar_push;
};

static enum paint
fate_paint(enum sync_fate f)
{
	switch (f) {
	case SYNC_FATE_PUSHED:
	case SYNC_FATE_PULLED:
		return PAINT_GOOD;
	case SYNC_FATE_WAITING:
		return PAINT_WARN;
	case SYNC_FATE_REFUSED:
	case SYNC_FATE_CLASHED:
		return PAINT_BAD;
	}
	return PAINT_NONE;
}

static void
say_noted(struct now *now, const struct sync_noted *n)
{
	struct out *o = now->c->out;

	out_say(o, "  ");
	out_fit(o, fate_paint(n->fate), str_of(sync_fate_name(n->fate)), 7);
	out_say(o, "  %s  ", n->id);
	out_str(o, PAINT_NONE, n->type);
	out_say(o, " ");
	out_str(o, PAINT_ID, n->aggregate);
	if (n->code != ERR_OK) {
		out_say(o, "  %s: ", err_wire(n->code));
		out_str(o, PAINT_NONE, n->why);
	}
	out_say(o, "\n");
}

static void
on_note(void *ctx, const struct space *sp, const struct sync_note *note)
{
	struct now *now = ctx;
	struct sync_noted n;

	if (now->verbose && !now->c->json) {
		sync_noted_make(&n, sp, note, &now->c->ctx->arena);
		out_bar_end(now->c->out);
		now->bar = false;
		say_noted(now, &n);
	}
	sync_notes_add(&now->notes, sp, note);
}

static void
on_progress(void *ctx, bool push, uint64_t done, uint64_t all)
{
	struct now *now = ctx;

	if (!now->bar || now->bar_push != push) {
		out_bar_begin(now->c->out, push ? "Pushing" : "Pulling",
		    "events");
		now->bar = true;
		now->bar_push = push;
	}
	out_bar(now->c->out, done, all);
}

/* --- sync now: the report ---------------------------------------------------------------- */

static enum err
save_report(const struct sync_report_of *r, const char *path,
    struct err_info *e)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b, .indent = 2 };
	enum err rc;

	sync_report_write(r, &w);
	buf_addc(&b, '\n');
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = os_write_atomic(path, buf_str(&b), 0, e);
	buf_fini(&b);
	return rc == ERR_OK ? rc : err_wrap(e, "report");
}

static void
say_counts(struct cli *c, const struct sync_run *run)
{
	out_say(c->out, "Pushed %llu event%s (%llu batch%s)\n",
	    (unsigned long long)run->pushed, s_of(run->pushed),
	    (unsigned long long)run->batches, run->batches == 1 ? "" : "es");
	out_say(c->out, "Pulled %llu new event%s\n",
	    (unsigned long long)run->pulled, s_of(run->pulled));
	if (run->shared > 0)
		out_say(c->out,
		    "Carried %llu event%s of shared projects over\n",
		    (unsigned long long)run->shared, s_of(run->shared));
}

/* The last line is the truth. */
static void
say_end(struct cli *c, const struct sync_report_of *r)
{
	const struct sync_run *run = r->run;
	const char *why = NULL;

	if (r->status->refused > run->refused)
		out_say(c->out,
		    "%llu event%s refused earlier (see sync "
		    "diagnose)\n",
		    (unsigned long long)(r->status->refused - run->refused),
		    s_of(r->status->refused - run->refused));
	if (r->conflicts > 0) {
		out_paint(c->out, PAINT_WARN, "%llu new conflict%s",
		    (unsigned long long)r->conflicts, s_of(r->conflicts));
		out_say(c->out, " with what you wrote (see conflicts list)\n");
	}
	if (r->status->elsewhere > 0) {
		out_paint(c->out, PAINT_WARN, "%llu event%s",
		    (unsigned long long)r->status->elsewhere,
		    s_of(r->status->elsewhere));
		out_say(c->out,
		    " not sent: meant for %.*s at %.*s (see sync server)\n",
		    STR_ARG(r->status->elsewhere_account),
		    STR_ARG(r->status->elsewhere_hub));
	}
	for (size_t i = 0; i < run->n && why == NULL; i++)
		if (run->space[i].report.waiting > 0)
			why = run->space[i].report.waiting_why;
	if (run->clashed > 0)
		out_say(c->out,
		    "%llu event%s of the server have ids that stand "
		    "for other content here\n",
		    (unsigned long long)run->clashed, s_of(run->clashed));
	if (run->refused > 0) {
		out_paint(c->out, PAINT_WARN, "Partial sync");
		out_say(c->out,
		    ": %llu pushed, %llu refused (see sync "
		    "diagnose)\n",
		    (unsigned long long)run->pushed,
		    (unsigned long long)run->refused);
	} else if (run->waiting + run->clashed > 0) {
		out_paint(c->out, PAINT_WARN, "Partial sync");
		out_say(c->out, ": %llu pushed, %llu waiting%s",
		    (unsigned long long)run->pushed,
		    (unsigned long long)run->waiting, why ? ": " : "");
		out_str(c->out, PAINT_NONE, str_of(why ? why : ""));
		out_say(c->out, "\n");
	} else {
		out_paint(c->out, PAINT_GOOD, "Sync complete");
		out_say(c->out, "\n");
	}
}

/* --- sync now ------------------------------------------------------------------------------ */

/* What would go, by the one function that knows what waits. */
static enum err
list_queued(struct now *now, struct store *s, const struct space *sp,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct stamp last = { 0 };
	struct event ev;
	size_t n = 1;
	enum err rc = ERR_OK;
	char node[65] = "";

	while (rc == ERR_OK && n > 0) {
		struct log_row *row;

		rc = store_unacked_after(s, sp->id, &last, PROTO_EVENTS_MAX,
		    PROTO_BYTES_MAX, &a, &row, &n, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			struct sync_note note = { .fate = SYNC_FATE_WAITING,
				.id = row[i].id,
				.raw = row[i].raw };

			on_note(now, sp, &note);
			rc = event_parse(&ev, &j, row[i].raw, &a, e);
			if (rc != ERR_OK || i + 1 < n)
				continue;
			last = event_stamp(&ev);
			memcpy(node, last.node.p,
			    last.node.n < sizeof node ? last.node.n : 0);
			last.node = str_n(node, last.node.n);
		}
		arena_reset(&a);
	}
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static enum err
dry_run(struct now *now, struct sync_report_of *r, struct err_info *e)
{
	struct cli *c = now->c;
	struct store *s;
	struct status st;
	struct json_writer *w;
	enum err rc = ctx_store_read(c->ctx, &s, e);

	if (rc == ERR_OK)
		rc = status_read(c->ctx, &st, e);
	for (size_t i = 0; rc == ERR_OK && i < st.n; i++)
		if (now->verbose)
			rc = list_queued(now, s, &st.space[i].space, e);
	if (rc != ERR_OK)
		return rc;
	r->status = &st;
	r->dry_run = true;
	if (cli_has(c, "report"))
		rc = save_report(r, cli_opt(c, "report"), e);
	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		sync_report_write(r, w);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		out_say(c->out,
		    "Would push %llu event%s%s%.*s\n"
		    "Dry run: nothing was sent\n",
		    (unsigned long long)st.unacked, s_of(st.unacked),
		    st.server_url.n > 0 ? " to " : "", STR_ARG(st.server_url));
	}
	return rc;
}

/* "Cannot reach server ...: refused (3 events queued)" */
static enum err
with_queue(struct cli *c, enum err rc, struct err_info *e)
{
	struct status st;
	struct err_info why = *e, ignore = { 0 };

	if (rc == ERR_NOT_FOUND)
		cli_hint(c, "sync server https://hub.example.com");
	if (status_read(c->ctx, &st, &ignore) != ERR_OK)
		return rc;
	return err_setf(e, rc, "%.380s (%llu event%s queued)", why.text,
	    (unsigned long long)st.unacked, s_of(st.unacked));
}

static enum err
now_failed(struct cli *c, struct sync_report_of *r, enum err rc,
    struct err_info *e)
{
	const char *path = cli_opt(c, "report");
	struct err_info ignore = { 0 };
	struct status st;

	rc = with_queue(c, rc, e);
	if (!c->json && r->run->pushed + r->run->pulled > 0)
		say_counts(c, r->run);
	r->error = e;
	/* The report of a failure is wanted most; that it cannot be written
	 * does not hide the failure. */
	if (path != NULL && status_read(c->ctx, &st, &ignore) == ERR_OK) {
		r->status = &st;
		if (save_report(r, path, &ignore) != ERR_OK)
			out_note(c->out, PAINT_WARN, "%s", ignore.text);
	}
	return rc;
}

static enum err
now_done(struct cli *c, struct sync_report_of *r, struct err_info *e)
{
	const struct sync_run *run = r->run;
	bool partial = run->refused + run->waiting + run->clashed > 0;
	struct status st;
	struct json_writer *w;
	enum err rc = status_read(c->ctx, &st, e);

	r->status = &st;
	if (rc == ERR_OK && cli_has(c, "report"))
		rc = save_report(r, cli_opt(c, "report"), e);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		w = out_json(c->out);
		sync_report_write(r, w);
		out_json_end(c->out);
	} else {
		say_counts(c, run);
		say_end(c, r);
	}
	return cli_exit(c, partial ? 1 : 0);
}

/* What another process did for us, event by event. */
static void
say_notes(struct now *now)
{
	for (size_t i = 0; i < now->notes.n; i++)
		say_noted(now, &now->notes.note[i]);
}

static enum err
read_answer(struct now *now, const struct http_answer *ans,
    struct sync_run *run, struct err_info *e)
{
	struct error_body body = { 0 };
	struct err_info why = { 0 };
	enum err rc;

	if (ans->status != 200) {
		(void)error_body_decode(&body, buf_str(&ans->body),
		    &now->c->ctx->arena);
		return err_setf(e, body.code != ERR_OK ? body.code : ERR_FAILED,
		    "the daemon says: %.*s", STR_ARG(body.message));
	}
	rc = sync_report_read(buf_str(&ans->body), run, &now->notes, &why, e);
	if (rc != ERR_OK || why.code == ERR_OK)
		return rc;
	*e = why;
	return e->code;
}

/* The daemon talks with the hub all the time: it does it for us, and says what a
 * conversation of our own would have.  *here: there is one. */
static enum err
run_by_daemon(struct now *now, struct sync_run *run, bool *here,
    struct err_info *e)
{
	enum daemon_presence presence;
	struct daemon_health health;
	struct http_answer ans = { 0 };
	struct daemon_state st;
	enum err rc = daemon_await(now->c->ctx, &st, &health, &presence, e);

	*here = rc == ERR_OK && presence == DAEMON_HERE;
	if (!*here)
		return rc;
	rc = daemon_call(&st, "POST", "/api/sync/trigger",
	    now->verbose ? STR("{\"wait\":true,\"verbose\":true}") :
	                   STR("{\"wait\":true}"),
	    0, &ans, e);
	if (rc == ERR_OK)
		rc = read_answer(now, &ans, run, e);
	if (now->verbose && !now->c->json)
		say_notes(now);
	http_answer_fini(&ans);
	return rc;
}

/* A daemon that begins just now may have taken the conversation between our look for
 * it and ours at the lock: then it is asked after all. */
static enum err
run_it(struct now *now, struct sync_run *run, struct err_info *e)
{
	static const uint32_t wait_ms[] = { LOCK_WAIT_MS / 20,
		LOCK_WAIT_MS - LOCK_WAIT_MS / 20 };
	struct sync_run_options opt = {
		.note = on_note, .progress = on_progress, .ctx = now
	};
	uint64_t until = os_mono_ms() + LOCK_WAIT_MS;
	enum err rc = ERR_LOCKED;
	bool here;

	for (size_t i = 0; i < 2 && rc == ERR_LOCKED && os_mono_ms() < until;
	     i++) {
		*e = (struct err_info){ 0 };
		rc = run_by_daemon(now, run, &here, e);
		if (rc != ERR_OK || here)
			return rc;
		opt.lock_wait_ms = wait_ms[i];
		rc = sync_run(now->c->ctx, &opt, run, e);
	}
	return rc;
}

static enum err
now_run(struct cli *c, struct err_info *e)
{
	struct now now = { .c = c,
		.verbose = cli_has(c, "verbose"),
		.notes = {
		    .arena = &c->ctx->arena, .all = cli_has(c, "verbose") } };
	struct sync_run run = { 0 };
	struct sync_report_of r = { .run = &run, .notes = &now.notes };
	struct status before;
	enum err rc;

	if (cli_has(c, "dry-run")) {
		rc = dry_run(&now, &r, e);
		goto done;
	}
	rc = status_read(c->ctx, &before, e);
	if (rc != ERR_OK)
		goto done;
	if (!c->json && before.server_url.n > 0)
		out_say(c->out, "Syncing with %.*s...\n",
		    STR_ARG(before.server_url));
	out_flush(c->out);
	rc = run_it(&now, &run, e);
	out_bar_end(c->out);
	if (rc == ERR_OK && now.notes.failed)
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK && run.pulled > 0)
		rc = notice_look_ahead(c, &r.conflicts, e);
	rc = rc == ERR_OK ? now_done(c, &r, e) : now_failed(c, &r, rc, e);
done:
	sync_notes_fini(&now.notes);
	return rc;
}

static const struct cmd sync_now = {
	.name = "now",
	.purpose = "send what is queued, and take in what is new",
	.about =
	    "Sends every event that the server has not acknowledged and takes "
	    "in what others did. What the server refuses is set aside with "
	    "its reason and holds up nothing else. It may be run at any time, "
	    "any number of times.",
	.opt =
	    (const struct cmd_opt[]){
	        { 'v', "verbose", NULL, "one line for each event", NULL, 0, 0 },
	        { 'n', "dry-run", NULL, "say what would be sent, send nothing",
	            NULL, 0, 0 },
	        { 0, "report", "FILE", "write what happened to FILE as JSON",
	            NULL, 0, WORDS_FILE },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "sync now", "send and receive" },
	        { "sync now -n -v", "see what is queued" },
	        { "sync now --report sync.json", "keep a record for a script" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 1, "partial: some events were refused or have to wait" },
	        { 3, "nobody is signed in" },
	        { 5, "the server cannot be reached; everything is kept" },
	        { 0 },
	    },
	.flags = CMD_LONG,
	.run = now_run,
};

/* --- sync status ------------------------------------------------------------------------------ */

static const char *
health_word(enum remote_health h)
{
	switch (h) {
	case REMOTE_CONNECTED:
		return "connected";
	case REMOTE_REACHABLE:
		return "reachable";
	case REMOTE_UNREACHABLE:
		return "unreachable";
	case REMOTE_ERROR:
		return "error";
	}
	return "";
}

static int
health_exit(enum remote_health h)
{
	switch (h) {
	case REMOTE_CONNECTED:
		return 0;
	case REMOTE_REACHABLE:
		return 3;
	case REMOTE_UNREACHABLE:
		return 5;
	case REMOTE_ERROR:
		return 1;
	}
	return 1;
}

static void
say_health(struct cli *c, const struct remote_check *check)
{
	const char *label = "Connection";

	switch (check->health) {
	case REMOTE_CONNECTED:
		out_pair(c->out, LABEL, label, PAINT_GOOD, "Connected");
		return;
	case REMOTE_REACHABLE:
		out_pair(c->out, LABEL, label, PAINT_WARN,
		    "Reachable (auth required)");
		out_pair(c->out, LABEL, "", PAINT_WARN, "%s", check->why);
		return;
	case REMOTE_UNREACHABLE:
		out_pair(c->out, LABEL, label, PAINT_BAD, "Unreachable (%s)",
		    check->why);
		return;
	case REMOTE_ERROR:
		out_pair(c->out, LABEL, label, PAINT_BAD, "Error (%s)",
		    check->why);
		return;
	}
}

static void
say_queue(struct cli *c, const struct status *st)
{
	struct buf b = { 0 };

	buf_addf(&b, "%llu event%s", (unsigned long long)st->unacked,
	    s_of(st->unacked));
	if (st->oldest_ms != 0) {
		buf_adds(&b, " (oldest ");
		when_ago(st->oldest_ms, os_wall_ms(), &b);
		buf_addc(&b, ')');
	}
	out_pair(c->out, LABEL, "Queue",
	    st->unacked > 0 ? PAINT_WARN : PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_reset(&b);
	if (st->elsewhere > 0)
		out_pair(c->out, LABEL, "Elsewhere", PAINT_WARN,
		    "%llu of them for %.*s at %.*s",
		    (unsigned long long)st->elsewhere,
		    STR_ARG(st->elsewhere_account), STR_ARG(st->elsewhere_hub));
	if (st->refused > 0)
		out_pair(c->out, LABEL, "Refused", PAINT_BAD,
		    "%llu event%s (see sync diagnose)",
		    (unsigned long long)st->refused, s_of(st->refused));
	if (st->contact_ms == 0)
		buf_adds(&b, "never");
	else
		when_ago(st->contact_ms, os_wall_ms(), &b);
	out_pair(c->out, LABEL, "Last Sync", PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static void
say_status(struct cli *c, const struct status *st,
    const struct remote_check *check)
{
	char hex[2 * 32 + 1];

	hex_encode(st->digest, 32, hex);
	out_paint(c->out, PAINT_TITLE, "%s Sync Status", c->ctx->title);
	out_say(c->out, "\n");
	if (st->server_url.n > 0)
		out_pair(c->out, LABEL, "Server URL", PAINT_NONE, "%.*s",
		    STR_ARG(st->server_url));
	else
		out_pair(c->out, LABEL, "Server URL", PAINT_WARN,
		    "Not configured (see %s help sync server)",
		    c->ctx->program);
	out_pair(c->out, LABEL, "Config File", PAINT_NONE, "%s",
	    st->config_path);
	if (st->word == STATUS_OFF)
		out_pair(c->out, LABEL, "Sync", PAINT_WARN,
		    "Switched off ([sync] enabled = false)");
	if (st->server_url.n > 0 && !st->signed_in)
		out_pair(c->out, LABEL, "Account", PAINT_WARN,
		    "Not signed in (run %s auth login)", c->ctx->program);
	say_queue(c, st);
	if (st->daemon.runs)
		out_pair(c->out, LABEL, "Daemon",
		    st->daemon.live ? PAINT_GOOD : PAINT_WARN, "%s%s",
		    st->daemon.state[0] != '\0' ? st->daemon.state : "Starting",
		    st->daemon.live ? ", live" : "");
	else if (st->unacked > 0 && st->signed_in && st->word != STATUS_OFF)
		out_pair(c->out, LABEL, "Daemon", PAINT_WARN,
		    "Not running (%s sync now sends what waits)",
		    c->ctx->program);
	out_pair(c->out, LABEL, "State", PAINT_NONE, "%.12s", hex);
	if (check != NULL)
		say_health(c, check);
	else
		out_pair(c->out, LABEL, "Connection", PAINT_NONE,
		    "Not checked (use --check to test)");
}

static enum err
check_now(struct cli *c, struct remote_check *ret, struct err_info *e)
{
	struct remote *a = NULL;
	enum err rc = remote_open(&a, c->ctx, e);

	if (rc == ERR_OK) {
		remote_check(a, ret);
	} else if (rc == ERR_NOT_FOUND) {
		*ret = (struct remote_check){ .health = REMOTE_ERROR };
		memcpy(ret->why, e->text, sizeof ret->why);
		rc = ERR_OK;
	}
	remote_close(a);
	return rc;
}

static enum err
status_run(struct cli *c, struct err_info *e)
{
	struct remote_check check = { 0 };
	struct status st;
	struct json_writer *w;
	bool asked = cli_has(c, "check");
	enum err rc = status_read(c->ctx, &st, e);

	if (rc == ERR_OK && asked)
		rc = check_now(c, &check, e);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		status_write(&st, w);
		json_key(w, "connection");
		json_put_z(w,
		    asked ? health_word(check.health) : "not_checked");
		json_key(w, "connection_detail");
		json_put_z(w, check.why[0] != '\0' ? check.why : NULL);
		json_end(w);
		out_json_end(c->out);
	} else {
		say_status(c, &st, asked ? &check : NULL);
	}
	return cli_exit(c, asked ? health_exit(check.health) : 0);
}

static const struct cmd sync_status = {
	.name = "status",
	.purpose = "show what is queued, and when the last exchange was",
	.about =
	    "Looks at this machine only, changes nothing and sends nothing, "
	    "unless --check asks the server. State is the beginning of the "
	    "digest of the folder's project: where it is equal, the work is.",
	.opt =
	    (const struct cmd_opt[]){
	        { 'c', "check", NULL, "test the connection and the sign-in",
	            NULL, 0, 0 },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "sync status", "what is queued" },
	        { "sync status --check",
	            "and whether the server can be reached" },
	        { "sync status --json", "every space with its whole digest" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 1, "--check: something else than a hub answered" },
	        { 3, "--check: reachable, but a sign-in is needed" },
	        { 5, "--check: not reachable" },
	        { 0 },
	    },
	.run = status_run,
};

/* --- sync server ---------------------------------------------------------------------------------- */

static enum err
server_set(struct cli *c, const char *url, struct err_info *e)
{
	const struct config *cfg;
	const struct home *h;
	enum err rc = ctx_home(c->ctx, &h, e);

	if (rc == ERR_OK)
		rc = home_make(h, e);
	if (rc == ERR_OK) {
		struct str normal = { 0 };

		rc = config_url(str_of(url), &c->ctx->arena, &normal, e);
		if (rc == ERR_CONFIG)
			return err_setf(e, ERR_USAGE, "'%.200s': %s", url,
			    "a server is named as https://hub.example.com or "
			    "http://127.0.0.1:8177");
	}
	if (rc == ERR_OK)
		rc = config_set_server(h->config, str_of(url), e);
	c->ctx->has_config = false;
	return rc == ERR_OK ? ctx_config(c->ctx, &cfg, e) : rc;
}

static enum err
server_run(struct cli *c, struct err_info *e)
{
	const char *url = cli_arg(c, 0);
	struct json_writer *w;
	struct status st;
	enum err rc = url ? server_set(c, url, e) : ERR_OK;

	if (rc == ERR_OK)
		rc = status_read(c->ctx, &st, e);
	if (rc == ERR_OK && st.server_url.n == 0) {
		cli_hint(c, "sync server https://hub.example.com");
		rc = err_setf(e, ERR_NOT_FOUND, "no server is configured");
	}
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "server_url"), json_put_str(w, st.server_url);
		json_key(w, "config_file"), json_put_z(w, st.config_path);
		json_key(w, "signed_in"), json_put_bool(w, st.signed_in);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	if (url == NULL) {
		out_str(c->out, PAINT_NONE, st.server_url);
		out_say(c->out, "\n");
		return ERR_OK;
	}
	out_say(c->out, "Server URL set to %.*s\n", STR_ARG(st.server_url));
	if (!st.signed_in)
		out_say(c->out, "Sign in next: %s auth login\n",
		    c->ctx->program);
	return ERR_OK;
}

static const struct cmd sync_server = {
	.name = "server",
	.purpose = "show or set the server",
	.about = "Written to [server] url of config.toml; the rest of the file "
	         "stays as it is.",
	.arg =
	    (const struct cmd_arg[]){
	        { "URL", "https://hub.example.com", NULL, ARG_OPTIONAL, 0 },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "sync server", "show it" },
	        { "sync server https://hub.example.com", "set it" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){ { 1, "none is configured" }, { 0 } },
	.run = server_run,
};

const struct cmd cmd_sync = {
	.name = "sync",
	.purpose = "exchange events with the hub",
	.sub = (const struct cmd *const[]){ &sync_now, &sync_status,
	    &sync_server, &cmd_sync_diagnose, &cmd_sync_retry, &cmd_sync_edit,
	    &cmd_sync_discard, NULL },
};
