/* session list, session show: who is at work, here and on other machines. */
#include "clock.h"
#include "deed.h"
#include "session_cmd.h"
#include "show.h"
#include "text.h"
#include "view.h"
#include "when.h"

static void
item_json(struct json_writer *j, const struct session_item *it)
{
	json_obj(j);
	json_key(j, "type"), json_put_z(j, aggregate_name(it->type));
	json_key(j, "id"), json_put_str(j, it->key);
	view_put_text(j, "title", it->title);
	json_key(j, "state"), json_put_str(j, it->state);
	json_key(j, "project"), json_put_str(j, it->project);
	json_end(j);
}

static void
session_json(struct json_writer *j, const struct session_seen *s)
{
	size_t todos = 0;

	for (size_t i = 0; i < s->n_items; i++)
		todos += s->item[i].type == AGG_TODO;
	json_obj(j);
	json_key(j, "session_id"), json_put_str(j, s->id);
	view_put_text(j, "agent", s->agent);
	view_put_text(j, "device", s->device);
	json_key(j, "last_activity"), when_put_or_null(j, s->last_ms);
	json_key(j, "active_todos"), json_put_u(j, todos);
	json_key(j, "active_items");
	json_arr(j);
	for (size_t i = 0; i < s->n_items; i++)
		item_json(j, &s->item[i]);
	json_end(j);
	json_key(j, "state"), json_put_z(j, session_state_name(s->state));
	json_key(j, "since"), when_put_or_null(j, s->since_ms);
	json_key(j, "here"), json_put_bool(j, s->here);
	view_put_text(j, "project", s->project);
	view_put_text(j, "user", s->user);
	view_put_text(j, "cwd", s->cwd);
	view_put_text(j, "git_branch", s->branch);
	view_put_text(j, "reason", s->reason);
	json_key(j, "pid");
	if (s->pid > 0)
		json_put_i(j, s->pid);
	else
		json_put_null(j);
	json_end(j);
}

static void
list_json(struct cli *c, const struct sessions *l, bool all)
{
	static const char *const name[] = { "active_sessions", "stale_sessions",
		"ended_sessions" };
	struct json_writer *j = out_json(c->out);

	json_obj(j);
	for (int state = SESSION_LIVE; state <= SESSION_ENDED; state++) {
		if (state == SESSION_ENDED && !all)
			continue;
		json_key(j, name[state]);
		json_arr(j);
		for (size_t i = 0; i < l->n; i++)
			if ((int)l->s[i].state == state)
				session_json(j, &l->s[i]);
		json_end(j);
	}
	json_end(j);
	out_json_end(c->out);
}

/* "WP03, “write the tests”" */
static struct str
items_text(struct work *w, struct namer *namer, const struct session_seen *s)
{
	struct err_info ignored = { 0 };
	struct buf b = { 0 };
	struct str ret;

	for (size_t i = 0; i < s->n_items; i++) {
		const struct session_item *it = &s->item[i];
		struct entity_key key = { it->project,
			str_of(aggregate_name(it->type)), it->key };
		struct str name = it->key;

		if (namer_name(namer, s->space, &key, &name, &ignored) !=
		    ERR_OK)
			name = it->key;
		buf_adds(&b, i > 0 ? ", " : "");
		buf_addstr(&b, name);
	}
	ret = arena_str(w->a, buf_str(&b));
	buf_fini(&b);
	return ret;
}

static enum paint
state_paint(enum session_state s)
{
	static const enum paint paint[] = { [SESSION_LIVE] = PAINT_ACTIVE,
		[SESSION_STALE] = PAINT_WARN,
		[SESSION_ENDED] = PAINT_DIM };

	return paint[s];
}

/* Anybody's words, where they would push the others off. */
static void
short_cell(struct out_table *t, struct str s, const char *more)
{
	enum { COLUMNS = 40 };
	struct buf b = { 0 };

	text_fit(s, COLUMNS, false, &b);
	buf_adds(&b, more);
	out_cell(t, PAINT_NONE, buf_str(&b));
	t->failed |= b.failed;
	buf_fini(&b);
}

static void
row_text(struct work *w, struct out_table *t, struct namer *namer,
    const struct session_seen *s)
{
	struct buf b = { 0 };

	out_cell(t, PAINT_ID, s->id);
	short_cell(t, s->agent, "");
	short_cell(t, s->device, s->here ? " (here)" : "");
	out_cell(t, state_paint(s->state),
	    str_of(session_state_name(s->state)));
	if (s->last_ms > 0)
		deed_ago(s->last_ms, os_wall_ms(), &b);
	out_cell(t, PAINT_DIM, buf_str(&b));
	t->failed |= b.failed;
	buf_fini(&b);
	out_cell(t, PAINT_NONE, items_text(w, namer, s));
}

static void
list_text(struct work *w, const struct sessions *l, bool all)
{
	static const struct out_column column[] = { { "SESSION", COL_SHRINK },
		{ "AGENT", COL_SHRINK }, { "DEVICE", COL_SHRINK },
		{ "STATE", 0 }, { "LAST ACTIVITY", 0 },
		{ "AT WORK ON", COL_MAIN | COL_MAY }, { NULL, 0 } };
	struct out_table t;
	struct namer namer;
	size_t n = 0;

	namer_init(&namer, w);
	out_table_begin(&t, w->c->out, column);
	for (size_t i = 0; i < l->n; i++)
		if (all || l->s[i].state != SESSION_ENDED) {
			row_text(w, &t, &namer, &l->s[i]);
			n++;
		}
	out_table_end(&t);
	namer_fini(&namer);
	if (n == 0)
		out_say(w->c->out, "No sessions\n");
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	bool all = cli_has(c, "all");
	struct sessions l;
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = session_load(&w,
		    SESSION_WITH_PRESENCE | (all ? SESSION_WITH_ENDED : 0), &l,
		    e);
	if (rc == ERR_OK && c->json)
		list_json(c, &l, all);
	else if (rc == ERR_OK)
		list_text(&w, &l, all);
	return work_end(&w, rc, e);
}

static void
show_text(struct work *w, const struct session_seen *s)
{
	enum { LABEL = 13 };
	struct out *o = w->c->out;
	struct buf b = { 0 };

	out_str(o, PAINT_TITLE, s->id);
	out_say(o, "\n");
	out_pair(o, LABEL, "Agent", PAINT_NONE, "%.*s", STR_ARG(s->agent));
	out_pair(o, LABEL, "Device", PAINT_NONE, "%.*s%s", STR_ARG(s->device),
	    s->here ? " (this one)" : "");
	out_pair(o, LABEL, "State", state_paint(s->state), "%s%s%.*s",
	    session_state_name(s->state), s->reason.n > 0 ? ": " : "",
	    STR_ARG(s->reason));
	deed_ago(s->since_ms, os_wall_ms(), &b);
	out_pair(o, LABEL, s->state == SESSION_ENDED ? "Ended" : "Began",
	    PAINT_NONE, "%.*s", STR_ARG(buf_str(&b)));
	buf_reset(&b);
	deed_ago(s->last_ms, os_wall_ms(), &b);
	out_pair(o, LABEL, "Last activity", PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	if (s->user.n > 0)
		out_pair(o, LABEL, "Account", PAINT_NONE, "%.*s%s",
		    STR_ARG(s->user),
		    s->project.n > 0 ? "" : " (not in the log)");
	if (s->cwd.n > 0)
		out_pair(o, LABEL, "Folder", PAINT_NONE, "%.*s",
		    STR_ARG(s->cwd));
	if (s->branch.n > 0)
		out_pair(o, LABEL, "Branch", PAINT_NONE, "%.*s",
		    STR_ARG(s->branch));
	if (s->pid > 0)
		out_pair(o, LABEL, "Process", PAINT_NONE, "%d", s->pid);
	for (size_t i = 0; i < s->n_items; i++)
		out_pair(o, LABEL, i == 0 ? "At work on" : "", PAINT_NONE,
		    "%.*s  %.*s", STR_ARG(s->item[i].key),
		    STR_ARG(s->item[i].title));
	buf_fini(&b);
}

static enum err
show_run(struct cli *c, struct err_info *e)
{
	const struct session_seen *s = NULL;
	struct sessions l;
	struct work w;
	struct str agent;
	enum err rc = session_agent(c, &agent, e);

	if (rc != ERR_OK)
		return rc;
	rc = work_read(&w, c, e);
	if (rc == ERR_OK)
		rc = session_load(&w,
		    SESSION_WITH_PRESENCE | SESSION_WITH_ENDED, &l, e);
	if (rc == ERR_OK)
		rc = session_pick(&w, &l, str_of(cli_arg(c, 0)), agent, &s, e);
	if (rc == ERR_OK && c->json) {
		session_json(out_json(c->out), s);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		show_text(&w, s);
	}
	return work_end(&w, rc, e);
}

static const struct cmd_opt list_opt[] = {
	{ .name = "all", .help = "those too that have ended" },
	{ 0 },
};
static const struct cmd_example list_example[] = {
	{ "session list", "who is at work, and on what" },
	{ "session list --json | jq .active_sessions", "for programs" },
	{ 0 },
};
const struct cmd session_list = {
	.name = "list",
	.purpose = "show who is at work, on all machines",
	.about =
	    "Of all projects. A session is live until it ends, its process is "
	    "gone, or nothing was heard of it for [session] stale_after (7d): "
	    "then it is stale. Of other machines a quarter of an hour may be "
	    "missing. It is at work on what is assigned to it, or was put into "
	    "progress by it.",
	.opt = list_opt,
	.example = list_example,
	.run = list_run,
};
static const struct cmd_arg show_arg[] = {
	{ .name = "ID",
	    .help = "a session by the beginning of its id",
	    .words = WORDS_SESSION },
	{ 0 },
};
static const struct cmd_opt show_opt[] = { SESSION_OPT_AGENT, { 0 } };
static const struct cmd_example show_example[] = {
	{ "session show 0199f8a1", "where it runs, and what it has in hand" },
	{ 0 },
};
const struct cmd session_show = {
	.name = "show",
	.purpose = "show one session",
	.arg = show_arg,
	.opt = show_opt,
	.example = show_example,
	.run = show_run,
};
