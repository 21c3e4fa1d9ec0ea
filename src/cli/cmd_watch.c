/* watch: events as they come, whoever writes them - one line each, or one JSON
 * object.
 *
 * Path: follow.h tells rows; those of the project are put into words and written
 * out at the end of the turn that brought them.  Ends at a signal, or when nobody
 * reads any more. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "cmds.h"
#include "daemon_state.h"
#include "fault.h"
#include "file.h"
#include "follow.h"
#include "proc.h"
#include "show.h"
#include "tty.h"
#include "view.h"
#include "when.h"
#include "words.h"

enum {
	LIMIT_MAX = 10000,
	EVENT_COLUMNS = 13,
	WHO_COLUMNS = 12,
	PROJECT_COLUMNS = 12,
	WHAT_COLUMNS_MIN = 20,
	COLUMNS_MIN = 40,
	COLUMNS_USUAL = 80
};

struct watcher {
	struct cli *c;
	struct follow *f;   /* own */
	struct str project; /* n 0 = all */
	/* Of one turn; everything lives in a. */
	struct arena a;
	struct work w;
	struct namer namer;
	struct deed deed;
	space_id space; /* where the project is worked on */
	bool in_turn;
	size_t when_columns;     /* of the line that is written */
	char why[WATCH_WHY_MAX]; /* what was said of poll mode */
};

/* --- a turn ----------------------------------------------------------------------- */

static enum err
turn_begin(struct watcher *x, struct store *s, struct err_info *e)
{
	struct spaces_choice choice = { 0 };
	enum err rc = ERR_OK;

	if (x->in_turn)
		return ERR_OK;
	if (x->project.n > 0)
		rc = spaces_choose(s, x->project, &choice, e);
	if (rc != ERR_OK)
		return rc;
	x->space = choice.space;
	x->w = (struct work){ .c = x->c, .a = &x->a, .s = s };
	namer_init(&x->namer, &x->w);
	x->in_turn = true;
	return ERR_OK;
}

static void
turn_end(struct watcher *x)
{
	if (x->in_turn)
		namer_fini(&x->namer);
	x->in_turn = false;
	arena_reset(&x->a);
	out_flush(x->c->out);
}

/* --- a line ------------------------------------------------------------------------- */

/* What a clock on the wall says, and the day where it is another one. */
static void
put_local(struct buf *out, int64_t ms)
{
	time_t at = (time_t)(ms / 1000), now = (time_t)(os_wall_ms() / 1000);
	struct tm then = { 0 }, today = { 0 };

	if (localtime_r(&at, &then) == NULL ||
	    localtime_r(&now, &today) == NULL)
		return;
	if (then.tm_yday == today.tm_yday && then.tm_year == today.tm_year)
		buf_addf(out, "%02d:%02d:%02d", then.tm_hour, then.tm_min,
		    then.tm_sec);
	else
		buf_addf(out, "%04d-%02d-%02d %02d:%02d", then.tm_year + 1900,
		    then.tm_mon + 1, then.tm_mday, then.tm_hour, then.tm_min);
}

/* For people the time of day, for programs the whole of it. */
static enum err
put_when(struct watcher *x, struct err_info *e)
{
	struct out *o = x->c->out;
	char text[WHEN_TEXT_MAX];
	struct buf b = { 0 };
	enum err rc;

	if (o->tty)
		put_local(&b, deed_when(&x->deed));
	else
		buf_add(&b, text, when_format(deed_when(&x->deed), text));
	rc = buf_ok(&b, e);
	out_str(o, PAINT_DIM, buf_str(&b));
	x->when_columns = b.len;
	buf_fini(&b);
	return rc;
}

static enum err
project_name(struct watcher *x, struct str *ret, struct err_info *e)
{
	const struct event *ev = &x->deed.ev;
	struct entity_key key = { ev->entity.project, STR("project"),
		ev->entity.project };
	const struct entity *en = NULL;
	enum err rc = store_entity(x->w.s, x->deed.row.space, &key, &en, e);

	*ret = (struct str){ 0 };
	if (rc == ERR_OK && en != NULL)
		*ret = entity_text(en, "slug", &x->a);
	if (ret->n == 0)
		*ret = ev->project_slug.n > 0 ? ev->project_slug :
		                                ev->entity.project;
	return rc;
}

/* What moved somewhere has the colour of where it is now. */
static enum paint
paint_of(struct watcher *x)
{
	static const char *const member[] = { "to_lane", "status" };
	struct str state;

	if (x->deed.row.status == EVENT_REFUSED)
		return PAINT_BAD;
	for (size_t i = 0; i < sizeof member / sizeof *member; i++) {
		state = words_member(&x->deed.ev, member[i], &x->a);
		if (state.n > 0)
			return view_paint(i == 0 ? lane_normal(state) :
			                           todo_status_normal(state));
	}
	return PAINT_NONE;
}

static void
put_column(struct out *o, struct str s, size_t columns)
{
	if (o->tty)
		out_fit(o, PAINT_NONE, s, columns);
	else
		out_str(o, PAINT_NONE, s);
	out_say(o, "  ");
}

/* The terminal may have changed since we began. */
static void
put_what(struct watcher *x, struct str what)
{
	size_t used = EVENT_COLUMNS + 2 + x->when_columns + 2 + WHO_COLUMNS +
	    2 + (x->project.n == 0 ? PROJECT_COLUMNS + 2 : 0);
	struct out *o = x->c->out;
	size_t columns;

	if (!o->tty) {
		out_str(o, paint_of(x), what);
		return;
	}
	columns = os_tty_columns(o->fd, COLUMNS_USUAL);
	columns = columns > COLUMNS_MIN ? columns : COLUMNS_MIN;
	columns = columns > used + WHAT_COLUMNS_MIN ? columns - used :
	                                              WHAT_COLUMNS_MIN;
	out_shorten(o, paint_of(x), what, columns);
}

static enum err
put_line(struct watcher *x, struct err_info *e)
{
	struct out *o = x->c->out;
	struct buf words = { 0 };
	struct str id = x->deed.ev.id_text, project = { 0 };
	enum err rc = show_words(&x->namer, &x->deed, &words, e);

	if (rc == ERR_OK && x->project.n == 0)
		rc = project_name(x, &project, e);
	if (rc == ERR_OK) {
		out_str(o, PAINT_ID,
		    str_n(id.p, id.n < EVENT_COLUMNS ? id.n : EVENT_COLUMNS));
		out_say(o, "  ");
		rc = put_when(x, e);
		out_say(o, "  ");
		put_column(o, deed_who(&x->deed, &x->a), WHO_COLUMNS);
		if (x->project.n == 0)
			put_column(o, project, PROJECT_COLUMNS);
		put_what(x, buf_str(&words));
		out_say(o, "\n");
	}
	buf_fini(&words);
	return rc;
}

static enum err
put_json(struct watcher *x, struct err_info *e)
{
	struct out *o = x->c->out;
	enum err rc = show_event_json(out_json_line(o), &x->namer, &x->deed, e);

	if (rc == ERR_OK)
		out_json_end(o);
	else
		out_json_drop(o);
	return rc;
}

/* A row that fails is told again: nothing of it stays. */
static enum err
put_row(struct watcher *x, struct err_info *e)
{
	struct buf *text = &x->c->out->text;
	size_t had = text->len;
	enum err rc = x->c->json ? put_json(x, e) : put_line(x, e);

	if (rc != ERR_OK && text->len > had)
		text->len = had;
	return rc;
}

/* --- rows ------------------------------------------------------------------------- */

static enum err
is_ours(struct watcher *x, const struct log_row *row, bool *ret,
    struct err_info *e)
{
	enum err rc;

	*ret = x->project.n == 0 || row->space == x->space;
	if (!*ret)
		return ERR_OK;
	arena_reset(&x->deed.a);
	rc = deed_of(&x->deed, row, e);
	if (rc == ERR_OK && x->project.n > 0)
		*ret = str_eq(x->deed.ev.entity.project, x->project);
	return rc;
}

/* Copies that a shared project leaves in another team were shown before. */
static enum err
show_row(struct watcher *x, struct store *s, const struct log_row *row,
    struct err_info *e)
{
	bool ours = false, known = false;
	enum err rc = turn_begin(x, s, e);

	if (rc == ERR_OK)
		rc = is_ours(x, row, &ours, e);
	if (rc == ERR_OK && ours)
		rc = follow_known(x->f, row, &known, e);
	return rc == ERR_OK && ours && !known ? put_row(x, e) : rc;
}

/* In one view: each look by itself costs several calls of the system. */
static enum err
on_row(void *ctx, struct store *s, const struct log_row *row,
    struct err_info *e)
{
	enum err rc = store_read_begin(s, e);

	if (rc != ERR_OK)
		return rc;
	rc = show_row(ctx, s, row, e);
	store_read_end(s);
	return rc;
}

static void
on_lost(void *ctx, const char *why)
{
	struct watcher *x = ctx;

	out_note(x->c->out, PAINT_WARN,
	    "note: %s; what is new from here on is shown", why);
}

/* --- what was before ----------------------------------------------------------------- */

struct past {
	struct watcher *x;
	struct place {
		space_id space;
		uint64_t pos;
		struct eid id;
		int64_t when_ms;
	} * at; /* own */
	size_t n, cap;
	uint64_t left; /* of this space */
};

static enum err
past_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct past *p = ctx;
	bool ours;
	enum err rc = is_ours(p->x, row, &ours, e);

	if (rc != ERR_OK || !ours)
		return rc;
	if (!mem_grow(&p->at, &p->cap, p->n + 1, sizeof *p->at))
		return err_set(e, ERR_NOMEM);
	p->at[p->n++] = (struct place){ row->space, row->pos, row->id,
		deed_when(&p->x->deed) };
	return --p->left == 0 ? work_stop(e) : ERR_OK;
}

static int
by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int c = (x->when_ms > y->when_ms) - (x->when_ms < y->when_ms);

	return c != 0 ? c : eid_cmp(&x->id, &y->id);
}

static enum err
past_load(struct past *p, uint64_t limit, struct err_info *e)
{
	struct store *s = follow_store(p->x->f);
	struct space *list;
	size_t n = 0;
	enum err rc = store_space_list(s, &p->x->a, &list, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		uint64_t pos = follow_pos(p->x->f, list[i].id);

		p->left = limit;
		if (pos > 0)
			rc = store_log_back(s, list[i].id, pos + 1, 0, past_row,
			    p, e);
		rc = work_stopped(rc, p->left == 0, e);
	}
	if (p->n > 0)
		qsort(p->at, p->n, sizeof *p->at, by_time);
	return rc;
}

static enum err
past_put(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct watcher *x = ctx;
	bool ours;
	enum err rc = is_ours(x, row, &ours, e);

	return rc == ERR_OK ? put_row(x, e) : rc;
}

/* The last events before those that will come, oldest first. */
static enum err
show_past(struct watcher *x, uint64_t limit, struct err_info *e)
{
	struct past p = { .x = x };
	struct store *s = follow_store(x->f);
	enum err rc = ERR_OK;

	if (limit == 0 || s == NULL)
		return ERR_OK;
	rc = turn_begin(x, s, e);
	if (rc == ERR_OK)
		rc = past_load(&p, limit, e);
	for (size_t i = p.n > limit ? p.n - limit : 0; rc == ERR_OK && i < p.n;
	     i++) {
		const struct place *at = &p.at[i];

		/* A copy in another team stands beside it. */
		if (i == 0 || !eid_eq(&at->id, &p.at[i - 1].id))
			rc = store_log(s, at->space, at->pos - 1, 1, past_put,
			    x, e);
	}
	free(p.at);
	turn_end(x);
	return rc;
}

/* --- the loop ---------------------------------------------------------------------- */

/* Said where it begins, and where the reason is another one. */
static void
say_mode(struct watcher *x)
{
	struct watch_status st;

	follow_status(x->f, &st);
	if (!st.live && !str_is(str_of(st.why), x->why))
		out_note(x->c->out, PAINT_WARN,
		    "note: the system tells no changes here (%s); looking "
		    "every %d ms",
		    st.why, FOLLOW_POLL_MS);
	str_copy(x->why, sizeof x->why, str_of(st.live ? "" : st.why));
}

/* Where others could be heard of, and nobody listens for us. */
static void
say_alone(struct watcher *x)
{
	struct err_info ignore = { 0 };
	const struct config *config;
	const struct home *h;
	struct daemon_word word;

	if (ctx_home(x->c->ctx, &h, &ignore) != ERR_OK ||
	    ctx_config(x->c->ctx, &config, &ignore) != ERR_OK ||
	    config->server_url.n == 0 || !config->sync_enabled ||
	    !os_exists(h->session))
		return;
	daemon_word_read(h, &word);
	if (!word.runs)
		out_note(x->c->out, PAINT_DIM,
		    "note: no daemon runs: what is written elsewhere is seen "
		    "after %s sync now",
		    x->c->ctx->program);
}

static int
wait_ms(const struct watcher *x)
{
	uint64_t due = follow_due_ms(x->f), now = os_mono_ms();

	if (due <= now)
		return 0;
	return due - now > FOLLOW_LOOK_MS ? -1 : (int)(due - now);
}

/* *over: a signal came, or nobody reads what we write. */
static enum err
wait_more(struct watcher *x, bool *over, struct err_info *e)
{
	struct pollfd p[] = {
		{ .fd = follow_fd(x->f), .events = POLLIN },
		{ .fd = os_signal_fd(), .events = POLLIN },
		{ .fd = x->c->out->fd },
	};
	int n = poll(p, sizeof p / sizeof *p, wait_ms(x));

	if (n < 0 && errno != EINTR)
		return err_sys(e, errno, "poll");
	*over = os_signal_caught() != 0 || x->c->out->broken ||
	    (n > 0 && (p[2].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
	return ERR_OK;
}

/* What passes by itself is said, and tried again. */
static bool
passes(enum err rc)
{
	return rc == ERR_NOMEM || rc == ERR_IO || rc == ERR_LOCKED;
}

static enum err
follow_on(struct watcher *x, struct err_info *e)
{
	bool over = false, said = false;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && !over) {
		rc = wait_more(x, &over, e);
		if (rc != ERR_OK || over)
			break;
		rc = follow_turn(x->f, os_mono_ms(), e);
		turn_end(x);
		say_mode(x);
		if (passes(rc)) {
			if (!said)
				out_note(x->c->out, PAINT_WARN, "note: %s",
				    e->text);
			said = true;
			rc = ERR_OK;
		} else {
			said = false;
		}
	}
	return rc;
}

static enum err
find_project(struct watcher *x, struct err_info *e)
{
	const char *named = cli_opt(x->c, "project");
	const struct project *p;
	struct work_place at;
	struct work w;
	enum err rc = ERR_OK;

	if (cli_has(x->c, "all-projects"))
		return ERR_OK;
	if (named == NULL) {
		rc = ctx_project(x->c->ctx, &p, e);
		if (rc == ERR_OK)
			x->project = p->uuid;
		return rc;
	}
	rc = work_read(&w, x->c, e);
	if (rc == ERR_OK)
		rc = work_project(&w, named, &at, e);
	if (rc == ERR_OK)
		x->project = at.project;
	return work_end(&w, rc, e);
}

static enum err
limit_of(struct cli *c, uint64_t *ret, struct err_info *e)
{
	const char *typed = cli_opt(c, "limit");

	*ret = 0;
	if (typed != NULL && (!str_u64(str_of(typed), ret) || *ret > LIMIT_MAX))
		return cli_usage(e, "--limit wants a number, at most %d",
		    LIMIT_MAX);
	return ERR_OK;
}

static enum err
watch_run(struct cli *c, struct err_info *e)
{
	struct watcher x = { .c = c };
	struct follow_options opt = { .env = ctx_store_env(),
		.world = watch_world_system(),
		.poll_ms = FOLLOW_POLL_MS,
		.look_ms = FOLLOW_LOOK_MS,
		.on_row = on_row,
		.on_lost = on_lost,
		.ctx = &x };
	uint64_t limit = 0;
	enum err rc = limit_of(c, &limit, e);

	if (rc == ERR_OK && cli_has(c, "all-projects") && cli_has(c, "project"))
		rc = cli_usage(e,
		    "--project and --all-projects exclude each other");
	if (rc == ERR_OK)
		rc = ctx_home(c->ctx, &opt.home, e);
	if (rc == ERR_OK)
		rc = find_project(&x, e);
	if (rc == ERR_OK)
		rc = follow_open(&x.f, &opt, e);
	if (rc == ERR_OK) {
		say_mode(&x);
		say_alone(&x);
		rc = show_past(&x, limit, e);
	}
	if (rc == ERR_OK)
		rc = follow_on(&x, e);
	follow_close(x.f);
	deed_fini(&x.deed);
	arena_fini(&x.a);
	return rc == ERR_OK && os_signal_caught() != 0 ?
	    cli_exit(c, err_exit(ERR_INTERRUPTED)) :
	    rc;
}

static const struct cmd_opt watch_opt[] = {
	{ .letter = 'n',
	    .name = "limit",
	    .arg = "N",
	    .help = "begin with the last N events (0)" },
	{ .name = "project",
	    .arg = "P",
	    .help = "of another project",
	    .words = WORDS_PROJECT },
	{ .name = "all-projects", .help = "of all projects and teams" },
	{ 0 },
};
static const struct cmd_example watch_example[] = {
	{ "watch", "what is done in this project from now on" },
	{ "watch -n 10 --all-projects", "and what happened last" },
	{ "watch --json | jq -r .what", "for programs: one document a line" },
	{ 0 },
};
static const struct cmd_exit watch_exits[] = {
	{ 130, "ended by a signal, as it usually is" },
	{ 0 },
};
const struct cmd cmd_watch = {
	.name = "watch",
	.purpose = "show what happens, as it happens",
	.about =
	    "One line per event, as `%p log` has it, the moment it is written "
	    "on this machine or a sync brings it; no daemon and no network is "
	    "needed. With --json one document a line, the event itself "
	    "included. Goes on until a signal ends it or nobody reads any "
	    "more.",
	.opt = watch_opt,
	.example = watch_example,
	.exits = watch_exits,
	.flags = CMD_LONG,
	.run = watch_run,
};
