/* session: agents, scripts and people say that they are at work.  Who is, is shown by
 * cmd_session_list.c. */
#include <sodium.h>

#include "clock.h"
#include "cmds.h"
#include "id.h"
#include "input.h"
#include "lookup.h"
#include "path.h"
#include "proc.h"
#include "session_cmd.h"

/* --- which session ------------------------------------------------------------------- */

static enum err
one_word(struct str s, const char *what, struct err_info *e)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ')
			return cli_usage(e, "%s is one word", what);
	return ERR_OK;
}

/* --id, else the session that this process belongs to; n 0 = none is named. */
static enum err
named_id(struct cli *c, struct str *ret, struct err_info *e)
{
	const char *typed = cli_opt(c, "id");
	enum err rc;

	if (typed == NULL)
		return ctx_session(ret, e);
	rc = input_line(&c->ctx->arena, "--id", typed, SESSIONS_ID_MAX, ret, e);
	return rc == ERR_OK ? one_word(*ret, "--id", e) : rc;
}

static enum err
needed_id(struct cli *c, struct str *ret, struct err_info *e)
{
	enum err rc = named_id(c, ret, e);

	if (rc == ERR_OK && ret->n == 0)
		rc = cli_usage(e, "which session? --id or $CLOWDER_SESSION_ID");
	return rc;
}

/* "claude" of agent:claude/<session>, "ann" of user:ann. */
static struct str
kind_of(struct str author)
{
	size_t colon = str_find(author, ':'), slash;

	if (colon != SIZE_MAX)
		author = str_n(author.p + colon + 1, author.n - colon - 1);
	slash = str_find(author, '/');
	return slash != SIZE_MAX ? str_n(author.p, slash) : author;
}

enum err
session_agent(struct cli *c, struct str *ret, struct err_info *e)
{
	const char *typed = cli_opt(c, "agent");
	enum err rc;

	*ret = (struct str){ 0 };
	if (typed == NULL)
		return ERR_OK;
	rc = input_line(&c->ctx->arena, "--agent", typed, SESSIONS_AGENT_MAX,
	    ret, e);
	if (rc == ERR_OK)
		rc = one_word(*ret, "--agent", e);
	if (rc == ERR_OK &&
	    (str_find(*ret, ':') != SIZE_MAX ||
	        str_find(*ret, '/') != SIZE_MAX))
		rc = cli_usage(e, "--agent holds no : and no /");
	return rc;
}

static enum err
new_id(struct arena *a, struct str *ret, struct err_info *e)
{
	uint8_t dice[EID_DICE_BYTES];
	char text[EID_TEXT_MAX];
	struct eid id;

	randombytes_buf(dice, sizeof dice);
	eid_new(&id, (uint64_t)os_wall_ms(), dice);
	*ret = arena_str(a, str_n(text, eid_format(&id, text)));
	return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

enum err
session_load(struct work *w, unsigned with, struct sessions *ret,
    struct err_info *e)
{
	struct sessions_at at = { .now_ms = os_wall_ms(),
		.ended = (with & SESSION_WITH_ENDED) != 0,
		.presence = (with & SESSION_WITH_PRESENCE) != 0 };
	const struct config *config;
	enum err rc = ctx_home(w->c->ctx, &at.home, e);

	if (rc == ERR_OK)
		rc = ctx_config(w->c->ctx, &config, e);
	if (rc != ERR_OK)
		return rc;
	at.stale_after_s = config->stale_after_s;
	return sessions_load(w->s, &at, w->a, ret, e);
}

static enum err
unknown(struct cli *c, struct str id, struct str agent, struct err_info *e)
{
	cli_hint(c, "session list --all");
	return err_setf(e, ERR_NOT_FOUND, "no session %.*s%s%.*s", STR_ARG(id),
	    agent.n > 0 ? " of " : "", STR_ARG(agent));
}

static enum err
several(struct str id, struct str one, struct str other, struct err_info *e)
{
	return err_setf(e, ERR_AMBIGUOUS,
	    "session %.*s is one of %.*s and one of %.*s "
	    "(--agent says which)",
	    STR_ARG(id), STR_ARG(one), STR_ARG(other));
}

/* The one with this id: of several that which goes on, where that is one. */
static enum err
pick_exact(const struct sessions *l, struct str id, struct str agent,
    const struct session_seen **ret, struct err_info *e)
{
	*ret = NULL;
	for (size_t i = 0; i < l->n; i++) {
		const struct session_seen *s = &l->s[i];

		if (!str_eq(s->id, id) ||
		    (agent.n > 0 && !str_eq(s->agent, agent)))
			continue;
		if (*ret == NULL)
			*ret = s;
		else if (s->state != SESSION_ENDED &&
		    !str_eq(s->agent, (*ret)->agent))
			return several(id, (*ret)->agent, s->agent, e);
	}
	return ERR_OK;
}

/* By the beginning of its id. */
static enum err
pick_begun(struct work *w, const struct sessions *l, struct str id,
    struct str agent, const struct session_seen **ret, struct err_info *e)
{
	struct lookup_item *item = arena_array(w->a, l->n, sizeof *item);
	size_t *of = arena_array(w->a, l->n, sizeof *of);
	size_t n = 0, at = 0;
	enum err rc;

	if (item == NULL || of == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < l->n; i++) {
		if (agent.n > 0 && !str_eq(l->s[i].agent, agent))
			continue;
		of[n] = i;
		item[n] = (struct lookup_item){ .key = l->s[i].id,
			.also = l->s[i].key,
			/* With a NUL behind it: "%s" of messages. */
			.what = arena_str(w->a, l->s[i].device) };
		if (item[n++].what.p == NULL)
			return err_set(e, ERR_NOMEM);
	}
	rc = lookup_pick(item, n, id, "session", &at, e);
	if (rc == ERR_OK)
		*ret = &l->s[of[at]];
	return rc;
}

static enum err
pick(struct work *w, const struct sessions *l, struct str id, struct str agent,
    const struct session_seen **ret, struct err_info *e)
{
	enum err rc = pick_exact(l, id, agent, ret, e);

	if (rc != ERR_OK || *ret != NULL)
		return rc;
	return pick_begun(w, l, id, agent, ret, e);
}

/* What only the hub has told of is meant where the log has nothing like it: nobody
 * hides a session by saying that he has one of its name. */
enum err
session_pick(struct work *w, const struct sessions *l, struct str id,
    struct str agent, const struct session_seen **ret, struct err_info *e)
{
	struct sessions logged = { .s = arena_array(w->a, l->n, sizeof *l->s) };
	enum err rc;

	if (logged.s == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < l->n; i++)
		if (l->s[i].project.n > 0)
			logged.s[logged.n++] = l->s[i];
	rc = pick(w, &logged, id, agent, ret, e);
	if (rc == ERR_NOT_FOUND) {
		*e = (struct err_info){ 0 };
		rc = pick(w, l, id, agent, ret, e);
	}
	return rc == ERR_NOT_FOUND ? unknown(w->c, id, agent, e) : rc;
}

/* --- what is written ------------------------------------------------------------------- */

static enum err
author(struct work *w, space_id sp, struct str project, const char *type,
    struct str agent, struct str id, struct payload *p, struct err_info *e)
{
	char *key = arena_fmt(w->a, "%.*s:%.*s", STR_ARG(agent), STR_ARG(id));

	if (key == NULL || agent.n == 0) {
		buf_fini(&p->b);
		return key == NULL ?
		    err_set(e, ERR_NOMEM) :
		    err_setf(e, ERR_REFUSED,
		        "session %.*s is another program's", STR_ARG(id));
	}
	w->draft.session_id = id;
	return work_author_in(w, sp, project, type, AGG_SESSION, str_of(key), p,
	    NULL, e);
}

static void
payload_of(struct payload *p, struct str id)
{
	payload_begin(p);
	json_key(&p->w, "session_id"), json_put_str(&p->w, id);
}

static void
put_text(struct payload *p, const char *name, struct str s)
{
	if (s.n > 0)
		json_key(&p->w, name), json_put_str(&p->w, s);
}

static enum err
write_end(struct work *w, const struct session_seen *s, struct str reason,
    struct err_info *e)
{
	struct payload p;

	payload_of(&p, s->id);
	put_text(&p, "reason", reason);
	return author(w, s->space, s->project, "session_ended", s->agent, s->id,
	    &p, e);
}

static enum err
write_start(struct work *w, const struct session_record *r, struct err_info *e)
{
	const char *cwd;
	char host[OS_NAME_MAX];
	struct payload p;
	enum err rc = os_cwd(w->a, &cwd, e);

	if (rc != ERR_OK)
		return rc;
	os_host_name(host);
	payload_of(&p, r->id);
	put_text(&p, "agent", r->agent);
	put_text(&p, "host", str_of(host));
	put_text(&p, "cwd", str_of(cwd));
	put_text(&p, "git_branch", w->draft.git_branch);
	if (r->pid > 0)
		json_key(&p.w, "pid"), json_put_i(&p.w, r->pid);
	return author(w, w->space, w->project, "session_started", r->agent,
	    r->id, &p, e);
}

/* Sessions of this machine whose process is gone could not say that they ended. */
static enum err
end_the_gone(struct work *w, const struct sessions *l, struct err_info *e)
{
	struct str own = w->draft.session_id;
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < l->n; i++)
		if (l->s[i].state == SESSION_ENDED && l->s[i].pid > 0 &&
		    str_is(l->s[i].reason, SESSION_GONE))
			rc = write_end(w, &l->s[i], STR(SESSION_GONE), e);
	w->draft.session_id = own;
	return rc;
}

/* But for the one that began anew. */
static void
forget_the_gone(const struct home *h, const struct sessions *l,
    const struct session_record *begun)
{
	struct err_info ignored = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		struct session_record r = { .agent = l->s[i].agent,
			.id = l->s[i].id };

		if (l->s[i].state == SESSION_ENDED && l->s[i].pid > 0 &&
		    !(str_eq(r.id, begun->id) && str_eq(r.agent, begun->agent)))
			(void)sessions_forget(h, &r, &ignored);
	}
}

/* --- its record ---------------------------------------------------------------------------- */

static enum err
find_record(struct cli *c, const struct home *h, struct str id,
    struct str agent, struct session_record *ret, bool *found,
    struct err_info *e)
{
	struct session_record *list;
	size_t n = 0;
	enum err rc = sessions_records(h, &c->ctx->arena, &list, &n, e);

	*found = false;
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		if (!str_eq(list[i].id, id) ||
		    (agent.n > 0 && !str_eq(list[i].agent, agent)))
			continue;
		if (*found)
			return several(id, ret->agent, list[i].agent, e);
		*ret = list[i];
		*found = true;
	}
	return rc;
}

/* The record is written before the event is there for good, so that a failure that
 * is told is one, and nobody else writes the same in between. */
struct recording {
	const struct home *home;
	struct session_record old;
	bool had; /* old is there */
};

static enum err
record_end(const struct recording *rec, const struct session_record *r,
    struct work *w, enum err rc, struct err_info *e)
{
	struct err_info ignored = { 0 };
	bool written = rc == ERR_OK;

	/* One that failed may be there for all that. */
	if (written)
		rc = sessions_save(rec->home, r, e);
	rc = work_end(w, rc, e);
	if (rc != ERR_OK && written && rec->had)
		(void)sessions_save(rec->home, &rec->old, &ignored);
	else if (rc != ERR_OK && written)
		(void)sessions_forget(rec->home, r, &ignored);
	return rc;
}

/* --- start ------------------------------------------------------------------------------- */

static enum err
named_pid(struct cli *c, struct session_record *r, struct err_info *e)
{
	const char *typed = cli_opt(c, "pid");
	uint64_t pid;

	if (typed == NULL)
		return ERR_OK;
	if (!str_u64(str_of(typed), &pid) || pid == 0 || pid > INT32_MAX)
		return cli_usage(e, "--pid wants the number of a process");
	return sessions_process(r, (int)pid, &c->ctx->arena, e);
}

static enum err
start_names(struct cli *c, struct session_record *r, struct err_info *e)
{
	struct str author = { 0 };
	enum err rc = named_id(c, &r->id, e);

	if (rc == ERR_OK && r->id.n == 0)
		rc = new_id(&c->ctx->arena, &r->id, e);
	if (rc == ERR_OK)
		rc = session_agent(c, &r->agent, e);
	if (rc == ERR_OK && r->agent.n == 0) {
		rc = ctx_author(c->ctx, &author, e);
		r->agent = kind_of(author);
	}
	return rc == ERR_OK ? named_pid(c, r, e) : rc;
}

/* *live: it is at work here already, and only gives a sign of life. */
static enum err
start(struct work *w, struct session_record *r, struct sessions *l, bool *live,
    struct err_info *e)
{
	const struct session_seen *s = NULL;
	bool named = cli_has(w->c, "agent");
	enum err rc = session_load(w, 0, l, e);

	/* Who does not say whose it is means the one that is at work. */
	for (size_t i = 0; rc == ERR_OK && s == NULL && i < l->n; i++)
		if (str_eq(l->s[i].id, r->id) &&
		    (!named || str_eq(l->s[i].agent, r->agent)) &&
		    l->s[i].state == SESSION_LIVE && l->s[i].here)
			s = &l->s[i];
	if (s != NULL)
		r->agent = s->agent;
	if (rc == ERR_OK)
		rc = end_the_gone(w, l, e);
	*live = s != NULL;
	r->project = s != NULL ? s->project : w->project;
	r->logged_ms = s != NULL ? s->since_ms : os_wall_ms();
	return rc == ERR_OK && s == NULL ? write_start(w, r, e) : rc;
}

/* what: "started", ...; did: now, not already before. */
static void
say_json(struct cli *c, struct str id, struct str agent, const char *what,
    bool did)
{
	struct json_writer *w = out_json(c->out);

	json_obj(w);
	json_key(w, "session_id"), json_put_str(w, id);
	json_key(w, "agent"), json_put_str(w, agent);
	json_key(w, what), json_put_bool(w, did);
	json_end(w);
	out_json_end(c->out);
}

static void
say_started(struct cli *c, const struct session_record *r, bool live)
{
	if (c->json) {
		say_json(c, r->id, r->agent, "started", !live);
		return;
	}
	if (c->out->tty)
		out_say(c->out,
		    live ? "Goes on: session " : "Started session ");
	out_str(c->out, PAINT_ID, r->id);
	if (c->out->tty) {
		out_say(c->out, " of ");
		out_str(c->out, PAINT_NONE, r->agent);
	}
	out_say(c->out, "\n");
}

/* What the record of it held stays: the process, when it was logged last. */
static void
go_on(struct session_record *r, const struct session_record *old)
{
	if (r->pid == 0) {
		r->pid = old->pid;
		r->start = old->start;
		r->boot_id = old->boot_id;
	}
	if (old->logged_ms > r->logged_ms)
		r->logged_ms = old->logged_ms;
}

static enum err
start_run(struct cli *c, struct err_info *e)
{
	struct session_record r = { 0 };
	struct recording rec = { 0 };
	struct sessions l = { 0 };
	struct work w = { 0 };
	bool live = false;
	enum err rc = start_names(c, &r, e);

	if (rc == ERR_OK)
		rc = ctx_home(c->ctx, &rec.home, e);
	if (rc != ERR_OK)
		return rc;
	rc = work_begin(&w, c, e);
	if (rc == ERR_OK)
		rc = start(&w, &r, &l, &live, e);
	if (rc == ERR_OK)
		rc = find_record(c, rec.home, r.id, r.agent, &rec.old, &rec.had,
		    e);
	if (rc == ERR_OK && live && rec.had)
		go_on(&r, &rec.old);
	rc = record_end(&rec, &r, &w, rc, e);
	if (rc == ERR_OK)
		forget_the_gone(rec.home, &l, &r);
	if (rc == ERR_OK)
		say_started(c, &r, live);
	return rc;
}

/* --- beat -------------------------------------------------------------------------------- */

static enum err
has_ended(struct cli *c, struct str id, struct err_info *e)
{
	cli_hint_word(c, "session start --id", id);
	return err_setf(e, ERR_REFUSED, "session %.*s has ended", STR_ARG(id));
}

static enum err
elsewhere(const struct session_seen *s, struct err_info *e)
{
	return err_setf(e, ERR_NOT_FOUND, "session %.*s is at work on %.*s",
	    STR_ARG(s->id), STR_ARG(s->device));
}

static enum err
beat_logged(struct work *w, struct session_record *r, struct err_info *e)
{
	const struct session_seen *s = NULL;
	struct sessions l;
	struct payload p;
	enum err rc = session_load(w, SESSION_WITH_ENDED, &l, e);

	if (rc == ERR_OK)
		rc = pick_exact(&l, r->id, r->agent, &s, e);
	if (rc == ERR_OK && s == NULL)
		rc = unknown(w->c, r->id, r->agent, e);
	/* One whose process is gone beats by another: it goes on. */
	if (rc == ERR_OK && s->state == SESSION_ENDED &&
	    (!s->here || !str_is(s->reason, SESSION_GONE)))
		rc = has_ended(w->c, r->id, e);
	if (rc == ERR_OK && !s->here)
		rc = elsewhere(s, e);
	if (rc != ERR_OK)
		return rc;
	r->agent = s->agent;
	r->project = s->project;
	r->logged_ms = os_wall_ms();
	payload_of(&p, s->id);
	return author(w, s->space, s->project, "session_heartbeat", s->agent,
	    s->id, &p, e);
}

/* The log knows it well enough. */
static bool
is_fresh(const struct session_record *r)
{
	int64_t now = os_wall_ms();

	return r->logged_ms <= now && now - r->logged_ms < SESSIONS_LOGGED_MS &&
	    !sessions_gone(r);
}

/* It is due: of several at once the first writes it.  *r holds its name. */
static enum err
beat_due(struct cli *c, struct recording *rec, struct session_record *r,
    bool *logged, struct err_info *e)
{
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = find_record(c, rec->home, r->id, r->agent, &rec->old,
		    &rec->had, e);
	*logged = rc == ERR_OK && !(rec->had && is_fresh(&rec->old));
	if (rec->had)
		*r = rec->old;
	if (!*logged) {
		if (rc == ERR_OK)
			rc = sessions_beat(rec->home, r, e);
		return work_end(&w, rc, e);
	}
	if (sessions_gone(r))
		r->pid = 0;
	rc = beat_logged(&w, r, e);
	return record_end(rec, r, &w, rc, e);
}

static enum err
beat_run(struct cli *c, struct err_info *e)
{
	struct session_record r = { 0 };
	struct recording rec = { 0 };
	struct str id, agent;
	bool logged = false;
	enum err rc = needed_id(c, &id, e);

	if (rc == ERR_OK)
		rc = session_agent(c, &agent, e);
	if (rc == ERR_OK)
		rc = ctx_home(c->ctx, &rec.home, e);
	if (rc == ERR_OK)
		rc = find_record(c, rec.home, id, agent, &r, &rec.had, e);
	if (rc != ERR_OK)
		return rc;
	if (rec.had && is_fresh(&r)) {
		rc = sessions_beat(rec.home, &r, e);
	} else {
		r = (struct session_record){ .agent = agent, .id = id };
		rc = beat_due(c, &rec, &r, &logged, e);
	}
	if (rc == ERR_OK && c->json)
		say_json(c, r.id, r.agent, "logged", logged);
	return rc;
}

/* --- end --------------------------------------------------------------------------------- */

static void
say_ended(struct cli *c, const struct session_seen *s, bool already)
{
	if (c->json) {
		say_json(c, s->id, s->agent, "ended", !already);
		return;
	}
	out_say(c->out,
	    already ? "Had ended already: session " : "Ended session ");
	out_str(c->out, PAINT_ID, s->id);
	out_say(c->out, "\n");
}

static enum err
end_run(struct cli *c, struct err_info *e)
{
	const char *typed = cli_opt(c, "reason");
	struct str id, agent, reason = { 0 };
	const struct session_seen *s = NULL;
	const struct home *h;
	struct sessions l;
	struct work w;
	bool already = false;
	enum err rc = needed_id(c, &id, e);

	if (rc == ERR_OK)
		rc = session_agent(c, &agent, e);
	if (rc == ERR_OK && typed != NULL)
		rc = input_line(&c->ctx->arena, "--reason", typed,
		    INPUT_TITLE_MAX, &reason, e);
	if (rc == ERR_OK)
		rc = ctx_home(c->ctx, &h, e);
	if (rc != ERR_OK)
		return rc;
	rc = work_begin(&w, c, e);
	if (rc == ERR_OK)
		rc = session_load(&w, SESSION_WITH_ENDED, &l, e);
	if (rc == ERR_OK)
		rc = session_pick(&w, &l, id, agent, &s, e);
	if (rc == ERR_OK) {
		already = s->state == SESSION_ENDED &&
		    !str_is(s->reason, SESSION_GONE);
		if (!already)
			rc = write_end(&w, s, reason, e);
	}
	rc = work_end(&w, rc, e);
	if (rc != ERR_OK)
		return rc;
	/* The log says it; a record that stays does no harm. */
	if (sessions_forget(h,
	        &(struct session_record){ .agent = s->agent, .id = s->id },
	        e) != ERR_OK)
		out_note(c->out, PAINT_WARN, "note: its record stays: %s",
		    e->text);
	*e = (struct err_info){ 0 };
	say_ended(c, s, already);
	return ERR_OK;
}

/* --- rows -------------------------------------------------------------------------------- */

#define OPT_ID \
	{ \
		.name = "id", .arg = "ID", \
		.help = "which session ($CLOWDER_SESSION_ID)", \
		.words = WORDS_SESSION \
	}

static const struct cmd_opt start_opt[] = {
	OPT_ID,
	SESSION_OPT_AGENT,
	{ .name = "pid",
	    .arg = "PID",
	    .help = "the process that it is: gone, the session has ended" },
	{ 0 },
};
static const struct cmd_example start_example[] = {
	{ "session start --agent codex --pid $$", "prints the new id" },
	{ "session start --id build-7", "with an id of your own" },
	{ 0 },
};
static const struct cmd session_start = {
	.name = "start",
	.purpose = "say that a session is at work",
	.about =
	    "Without an id a new one is made and printed; put it into "
	    "$CLOWDER_SESSION_ID, and what is written says whose it is. A "
	    "session that is live on this machine already goes on, without "
	    "another event.",
	.opt = start_opt,
	.example = start_example,
	.run = start_run,
};
static const struct cmd_opt beat_opt[] = { OPT_ID, SESSION_OPT_AGENT, { 0 } };
static const struct cmd_example beat_example[] = {
	{ "session beat", "of $CLOWDER_SESSION_ID" },
	{ 0 },
};
static const struct cmd_exit ended_exits[] = {
	{ 4, "it has ended, or the id fits several" },
	{ 0 },
};
static const struct cmd session_beat = {
	.name = "beat",
	.purpose = "say that a session is still at work",
	.about =
	    "Cheap, and may be said often: others are told at most every 15 "
	    "minutes. Commands that write with $CLOWDER_SESSION_ID say it as "
	    "well. Only on the machine where it is at work: `session start` "
	    "takes it over to another.",
	.opt = beat_opt,
	.example = beat_example,
	.exits = ended_exits,
	.run = beat_run,
};
static const struct cmd_opt end_opt[] = {
	OPT_ID,
	SESSION_OPT_AGENT,
	{ .name = "reason", .arg = "R", .help = "why" },
	{ 0 },
};
static const struct cmd_example end_example[] = {
	{ "session end --id build-7 --reason \"all green\"",
	    "others see when, and why" },
	{ 0 },
};
static const struct cmd session_end = {
	.name = "end",
	.purpose = "say that a session has ended",
	.about = "Also of another machine, by any unambiguous beginning of its "
	         "id. One that had ended already stays as it is.",
	.opt = end_opt,
	.example = end_example,
	.run = end_run,
};
static const struct cmd *const session_sub[] = { &session_start, &session_beat,
	&session_end, &session_list, &session_show, NULL };
const struct cmd cmd_session = {
	.name = "session",
	.purpose = "agents, scripts and people at work",
	.sub = session_sub,
};
