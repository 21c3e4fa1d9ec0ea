/* project: which ones there are, and in which team each is worked on. */
#include "cmds.h"
#include "ids.h"
#include "work.h"

/* --- list ------------------------------------------------------------------------ */

struct list {
	struct work *w;
	struct json_writer *json; /* NULL = a table */
	struct out_table table;
	size_t n;
};

static void
list_json(struct json_writer *w, const struct work_place *at)
{
	char digest[65];

	hex_encode(at->digest, 32, digest);
	json_obj(w);
	json_key(w, "uuid"), json_put_str(w, at->project);
	json_key(w, "slug"), json_put_str(w, at->slug);
	json_key(w, "team"), json_put_str(w, at->team);
	json_key(w, "here"), json_put_bool(w, at->here);
	json_key(w, "entities"), json_put_u(w, at->entities);
	json_key(w, "digest"), json_put_z(w, digest);
	json_end(w);
}

static enum err
list_one(void *ctx, const struct work_place *at, struct err_info *e)
{
	struct list *l = ctx;
	size_t n = at->project.n;

	(void)e;
	l->n++;
	if (l->json != NULL) {
		list_json(l->json, at);
		return ERR_OK;
	}
	out_cell(&l->table, PAINT_GOOD, at->here ? STR("*") : STR(""));
	out_cell(&l->table, PAINT_ID, at->slug);
	out_cell(&l->table, PAINT_DIM,
	    str_n(at->project.p, n < ID_PROJECT_SHOWN ? n : ID_PROJECT_SHOWN));
	out_cell(&l->table, PAINT_NONE, at->team);
	out_cellf(&l->table, PAINT_NONE, "%llu",
	    (unsigned long long)at->entities);
	return ERR_OK;
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	static const struct out_column column[] = { { "", 0 },
		{ "PROJECT", COL_SHRINK }, { "ID", 0 }, { "TEAM", 0 },
		{ "ENTRIES", COL_RIGHT }, { NULL, 0 } };
	struct work w;
	struct list l = { .w = &w };
	enum err rc = work_read(&w, c, e);

	if (rc != ERR_OK || work_nothing(&w))
		return work_end(&w, rc, e);
	if (c->json) {
		l.json = out_json(c->out);
		json_obj(l.json);
		json_key(l.json, "projects");
		json_arr(l.json);
	}
	out_table_begin(&l.table, c->out, column);
	rc = work_places(&w, list_one, &l, e);
	if (rc == ERR_OK && c->json) {
		json_end(l.json);
		json_end(l.json);
		out_json_end(c->out);
	} else if (rc == ERR_OK && l.n == 0) {
		out_say(c->out, "No projects yet\n");
	}
	out_table_end(&l.table);
	return work_end(&w, rc, e);
}

/* --- share, use ------------------------------------------------------------------ */

static enum err
has_project(struct work *w, space_id sp, struct str project, bool *ret,
    struct err_info *e)
{
	uint8_t digest[32];
	enum err rc = store_digest(w->s, sp, project, digest, e);

	*ret = rc == ERR_OK;
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static void
print(struct cli *c, const char *verb, const struct work_place *at,
    const char *team, const uint64_t *copied)
{
	struct json_writer *w;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "project"), json_put_str(w, at->project);
		json_key(w, "slug"), json_put_str(w, at->slug);
		json_key(w, "team"), json_put_z(w, team);
		if (copied != NULL)
			json_key(w, "events"), json_put_u(w, *copied);
		json_end(w);
		out_json_end(c->out);
		return;
	}
	out_say(c->out, "%s ", verb);
	out_str(c->out, PAINT_TITLE, at->slug);
	out_say(c->out, " in the team ");
	out_str(c->out, PAINT_ID, str_of(team));
	if (copied != NULL)
		out_say(c->out, ": %llu event%s at the next sync",
		    (unsigned long long)*copied,
		    *copied == 1 ? " goes there" : "s go there");
	out_say(c->out, "\n");
}

static enum err
share(struct work *w, const struct work_place *at, const char *team,
    uint64_t *copied, struct err_info *e)
{
	struct payload p;
	space_id to;
	bool known;
	enum err rc = spaces_team(w->s, str_of(team), &to, e);

	if (rc == ERR_OK)
		rc = has_project(w, at->space, at->project, &known, e);
	if (rc == ERR_OK && !known)
		rc = err_setf(e, ERR_NOT_FOUND,
		    "nothing was written in %.*s yet: there is nothing to "
		    "share",
		    STR_ARG(at->slug));
	if (rc == ERR_OK && to == at->space)
		rc =
		    err_setf(e, ERR_EXISTS, "%.*s is worked on in '%s' already",
		        STR_ARG(at->slug), team);
	if (rc != ERR_OK)
		return rc;
	payload_begin(&p);
	json_key(&p.w, "team"), json_put_z(&p.w, team);
	rc = work_author_in(w, at->space, at->project, "project_shared",
	    AGG_PROJECT, at->project, &p, NULL, e);
	if (rc == ERR_OK)
		rc = store_share(w->s, at->space, at->project, to, copied, e);
	return rc;
}

static enum err
share_run(struct cli *c, struct err_info *e)
{
	struct work_place at = { 0 };
	struct work w;
	uint64_t copied = 0;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = work_project(&w, cli_arg(c, 0), &at, e);
	if (rc == ERR_OK)
		rc = share(&w, &at, cli_arg(c, 1), &copied, e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		print(c, "Shared", &at, cli_arg(c, 1), &copied);
	return rc;
}

/* A team that has nothing of a project would get half of it. */
static enum err
use(struct work *w, const struct work_place *at, const char *team,
    struct err_info *e)
{
	space_id to;
	bool here = false, there = false;
	enum err rc = spaces_team(w->s, str_of(team), &to, e);

	if (rc == ERR_OK)
		rc = has_project(w, at->space, at->project, &here, e);
	if (rc == ERR_OK)
		rc = has_project(w, to, at->project, &there, e);
	if (rc == ERR_OK && here && !there) {
		cli_hint(w->c, "help project share");
		rc = err_setf(e, ERR_REFUSED,
		    "the team '%s' has nothing of %.*s: share it first", team,
		    STR_ARG(at->slug));
	}
	return rc == ERR_OK ? spaces_use(w->s, at->project, to, e) : rc;
}

static enum err
use_run(struct cli *c, struct err_info *e)
{
	struct work_place at = { 0 };
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = work_project(&w, cli_arg(c, 0), &at, e);
	if (rc == ERR_OK)
		rc = use(&w, &at, cli_arg(c, 1), e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		print(c, "From now on this machine works on", &at,
		    cli_arg(c, 1), NULL);
	return rc;
}

static const struct cmd_arg team_args[] = {
	{ .name = "P",
	    .help = "a project by slug or id; . is the folder's",
	    .words = WORDS_PROJECT },
	{ .name = "TEAM", .help = "a team of yours", .words = WORDS_TEAM },
	{ 0 },
};
static const struct cmd_example list_example[] = {
	{ "project list", "the folder's is marked" },
	{ 0 },
};
static const struct cmd project_list = {
	.name = "list",
	.purpose = "show the projects of this machine",
	.example = list_example,
	.run = list_run,
};
static const struct cmd_example share_example[] = {
	{ "project share . web", "the folder's project, with the team web" },
	{ 0 },
};
static const struct cmd project_share = {
	.name = "share",
	.purpose = "move a project to a team, with its whole history",
	.about =
	    "From now on everything about the project is written in the team "
	    "and seen by its members. Nothing else of yours goes there. What "
	    "other machines of yours still write elsewhere follows at their "
	    "next sync.",
	.arg = team_args,
	.example = share_example,
	.run = share_run,
};
static const struct cmd_example use_example[] = {
	{ "project use . web", "work on the folder's project in the team web" },
	{ 0 },
};
static const struct cmd project_use = {
	.name = "use",
	.purpose = "choose the team in which a project is worked on here",
	.about = "Needed where several teams have the same project: two people "
	         "cloned a repository before one of them shared it.",
	.arg = team_args,
	.example = use_example,
	.run = use_run,
};
static const struct cmd *const project_sub[] = { &project_list, &project_share,
	&project_use, NULL };
const struct cmd cmd_project = {
	.name = "project",
	.purpose = "projects, and which team each belongs to",
	.sub = project_sub,
};
