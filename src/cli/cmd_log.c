/* log: what happened, newest first.  show: all about one thing or event. */
#include "cmds.h"
#include "show.h"
#include "thing.h"

enum { LIMIT_USUAL = 20 };

/* Events of a space from its end, until enough were found. */
struct tail {
	struct show_log log;
	struct str project; /* n 0 = of all */
	struct deed deed;
	uint64_t limit; /* 0 = no bound */
	bool enough;
};

static enum err
tail_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct tail *t = ctx;
	enum err rc = ERR_OK;

	if (t->project.n > 0) {
		arena_reset(&t->deed.a);
		rc = deed_of(&t->deed, row, e);
		if (rc != ERR_OK ||
		    !str_eq(t->deed.ev.entity.project, t->project))
			return rc;
	}
	rc = show_log_add(&t->log, row, e);
	t->enough = t->limit > 0 && t->log.n >= t->limit;
	return rc == ERR_OK && t->enough ? work_stop(e) : rc;
}

static enum err
limit_of(struct cli *c, uint64_t *ret, struct err_info *e)
{
	const char *typed = cli_opt(c, "limit");

	*ret = LIMIT_USUAL;
	if (typed != NULL && !str_u64(str_of(typed), ret))
		return cli_usage(e, "--limit wants a number (0 = no limit)");
	return ERR_OK;
}

/* The project that is looked at and its space. */
static enum err
named_place(struct work *w, struct tail *t, space_id *sp, struct err_info *e)
{
	struct cli *c = w->c;
	const char *project = cli_opt(c, "project");
	struct work_place at;
	enum err rc;

	*sp = w->space;
	if (cli_has(c, "all"))
		return ERR_OK;
	t->project = w->project;
	if (project == NULL)
		return ERR_OK;
	rc = work_project(w, project, &at, e);
	if (rc == ERR_OK) {
		t->project = at.project;
		*sp = at.space;
	}
	return rc;
}

static enum err
tail_all(struct work *w, uint64_t limit, struct err_info *e)
{
	struct tail t = { .limit = limit };
	space_id sp = 0;
	enum err rc = named_place(w, &t, &sp, e);

	show_log_begin(&t.log, w);
	if (rc == ERR_OK)
		rc = store_log_back(w->s, sp, 0, 0, tail_row, &t, e);
	rc = work_stopped(rc, t.enough, e);
	if (rc == ERR_OK && t.log.n == 0 && !w->c->json)
		out_say(w->c->out, "Nothing happened yet\n");
	rc = show_log_end(&t.log, rc, e);
	deed_fini(&t.deed);
	return rc;
}

static enum err
log_of(struct work *w, uint64_t limit, struct err_info *e)
{
	struct thing t;
	enum err rc = thing_find(w, cli_arg(w->c, 0), &t, e);

	if (rc == ERR_OK && t.is_event)
		rc = show_event(w, t.space, &t.row, e);
	else if (rc == ERR_OK)
		rc = show_history(w, t.space, &t.key, limit, e);
	return rc;
}

static enum err
log_run(struct cli *c, struct err_info *e)
{
	uint64_t limit = 0;
	struct work w;
	enum err rc = limit_of(c, &limit, e);

	if (rc == ERR_OK &&
	    cli_has(c, "all") + cli_has(c, "project") +
	            (cli_arg(c, 0) != NULL) >
	        1)
		rc = cli_usage(e,
		    "an ID, --project and --all exclude each other");
	if (rc != ERR_OK)
		return rc;
	rc = work_read(&w, c, e);
	if (rc == ERR_OK && !work_nothing(&w))
		rc = cli_arg(c, 0) != NULL ? log_of(&w, limit, e) :
		                             tail_all(&w, limit, e);
	return work_end(&w, rc, e);
}

static enum err
show_run(struct cli *c, struct err_info *e)
{
	struct thing t;
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = thing_find(&w, cli_arg(c, 0), &t, e);
	if (rc == ERR_OK && t.is_event)
		rc = show_event(&w, t.space, &t.row, e);
	else if (rc == ERR_OK)
		rc = show_entity(&w, t.space, &t.key, e);
	return work_end(&w, rc, e);
}

static const struct cmd_arg log_arg[] = {
	{ .name = "ID",
	    .help = "only what happened to this",
	    .flags = ARG_OPTIONAL,
	    .words = WORDS_THING },
	{ 0 },
};
static const struct cmd_opt log_opt[] = {
	{ .letter = 'n',
	    .name = "limit",
	    .arg = "N",
	    .help = "how many events (20; 0 = all)" },
	{ .name = "project",
	    .arg = "P",
	    .help = "of another project",
	    .words = WORDS_PROJECT },
	{ .name = "all", .help = "of all projects of the team" },
	{ 0 },
};
static const struct cmd_example log_example[] = {
	{ "log", "the last 20 events of the project" },
	{ "log WP03", "everything about one work package" },
	{ "log --limit 0 --json | jq -r .what", "for programs" },
	{ 0 },
};
const struct cmd cmd_log = {
	.name = "log",
	.purpose = "show what happened, newest first",
	.about =
	    "One line per event: id, when, who, what. With --json one document "
	    "a line, the event itself included.",
	.opt = log_opt,
	.arg = log_arg,
	.example = log_example,
	.run = log_run,
};
static const struct cmd_arg show_arg[] = {
	{ .name = "ID",
	    .help =
	        "a work package, feature, todo, work item, project or event",
	    .words = WORDS_THING },
	{ 0 },
};
static const struct cmd_example show_example[] = {
	{ "show WP03", "its fields, conflicts, notes and history" },
	{ "show 0199f8a1-7c3d", "an event of the log" },
	{ 0 },
};
const struct cmd cmd_show = {
	.name = "show",
	.purpose = "show all about one thing, by its id",
	.about =
	    "Any unambiguous beginning of an id will do. What was removed is "
	    "found too, with the command that brings it back.",
	.arg = show_arg,
	.example = show_example,
	.run = show_run,
};
