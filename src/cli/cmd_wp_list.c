/* wp list, wp show. */
#include "cmds.h"
#include "edit.h"
#include "show.h"
#include "view.h"
#include "wp.h"

struct listing {
	struct work *w;
	struct str lane, feature; /* n 0 = all */
	bool all_projects;
	struct json_writer *json; /* NULL = a table */
	struct out_table table;
	size_t n;
};

static void
row_text(struct listing *l, const struct work_place *at, const struct view *v)
{
	struct out_table *t = &l->table;

	if (l->all_projects)
		out_cell(t, PAINT_DIM, at->slug);
	if (l->feature.n == 0)
		out_cell(t, PAINT_DIM, v->feature);
	out_cell(t, PAINT_ID, v->shown);
	out_cell(t, view_paint(v->state), v->state);
	out_cell(t, PAINT_NONE, v->who);
	out_cell(t, PAINT_WARN, v->waits);
	out_cell(t, PAINT_BAD,
	    v->conflicts > 0 ? STR("yes") : (struct str){ 0 });
	out_cell(t, PAINT_NONE, v->title);
}

static enum err
place_rows(void *ctx, const struct work_place *at, struct err_info *e)
{
	struct listing *l = ctx;
	struct views wps;
	enum err rc = views_load(l->w, at->space, at->project, AGG_WORK_PACKAGE,
	    l->feature, &wps, e);

	for (size_t i = 0; rc == ERR_OK && i < wps.n; i++) {
		struct view *v = &wps.v[i];

		if (l->lane.n > 0 && !str_eq(l->lane, v->state))
			continue;
		rc = view_who(l->w, at->space, v, &v->who, e);
		if (rc != ERR_OK)
			break;
		l->n++;
		if (l->json != NULL) {
			json_obj(l->json);
			view_wp_json(l->json, v);
			json_end(l->json);
		} else {
			row_text(l, at, v);
		}
	}
	views_fini(&wps);
	return rc;
}

static enum err
options(struct cli *c, struct listing *l, struct err_info *e)
{
	const char *lane = cli_opt(c, "lane");

	l->all_projects = cli_has(c, "all-projects");
	if (lane == NULL)
		return ERR_OK;
	l->lane = lane_normal(str_of(lane));
	if (l->lane.p != NULL)
		return ERR_OK;
	return lane_move_check(STR("planned"), str_of(lane), STR(""), STR(""),
	    STR(""), false, e);
}

static enum err
collect(struct listing *l, struct err_info *e)
{
	struct work_place here = {
		.space = l->w->space, .project = l->w->project, .here = true
	};

	return l->all_projects ? work_places(l->w, place_rows, l, e) :
	                         place_rows(l, &here, e);
}

static enum err
list(struct listing *l, struct err_info *e)
{
	static const struct out_column column[] = { { "PROJECT", COL_SHRINK },
		{ "FEATURE", COL_SHRINK }, { "WP", 0 }, { "LANE", 0 },
		{ "WHO", COL_SHRINK | COL_MAY },
		{ "WAITS FOR", COL_SHRINK | COL_MAY }, { "CONFLICT", COL_MAY },
		{ "TITLE", COL_MAIN }, { NULL, 0 } };
	struct cli *c = l->w->c;
	/* With a feature or in one project its column says nothing. */
	size_t skip = l->all_projects ? 0 : l->feature.n > 0 ? 2 : 1;
	enum err rc;

	if (c->json) {
		l->json = out_json(c->out);
		json_obj(l->json);
		json_key(l->json, "work_packages");
		json_arr(l->json);
	}
	out_table_begin(&l->table, c->out, column + skip);
	rc = collect(l, e);
	if (rc == ERR_OK && c->json) {
		json_end(l->json);
		json_end(l->json);
		out_json_end(c->out);
	} else if (rc == ERR_OK && l->n == 0) {
		out_say(c->out, "No work packages%s%.*s\n",
		    l->lane.n > 0 ? " in " : "", STR_ARG(l->lane));
	}
	out_table_end(&l->table);
	return rc;
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	struct work w;
	struct listing l = { .w = &w };
	enum err rc = options(c, &l, e);

	if (rc == ERR_OK && l.all_projects && cli_has(c, "feature"))
		rc = cli_usage(e,
		    "--all-projects and --feature exclude each "
		    "other");
	if (rc != ERR_OK)
		return rc;
	rc = work_read(&w, c, e);
	if (rc == ERR_OK && cli_has(c, "feature"))
		rc = work_feature(&w, cli_opt(c, "feature"), &l.feature, e);
	if (rc == ERR_OK && !work_nothing(&w))
		rc = list(&l, e);
	return work_end(&w, rc, e);
}

static enum err
show_run(struct cli *c, struct err_info *e)
{
	struct wp_name wp;
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = work_wp(&w, cli_opt(c, "feature"), cli_arg(c, 0), &wp, e);
	if (rc == ERR_NOT_FOUND)
		rc = edit_removed(&w, AGG_WORK_PACKAGE, cli_opt(c, "feature"),
		    cli_arg(c, 0), &wp.key, e);
	if (rc == ERR_OK)
		rc = show_entity(&w, w.space,
		    &(struct entity_key){
		        w.project, STR("work_package"), wp.key },
		    e);
	return work_end(&w, rc, e);
}

static const struct cmd_opt list_opt[] = {
	{ .name = "feature",
	    .arg = "F",
	    .help = "only of this feature",
	    .words = WORDS_FEATURE },
	{ .name = "lane",
	    .arg = "L",
	    .help = "only in this lane: planned claimed in_progress "
	            "for_review approved done blocked canceled",
	    .words = WORDS_LANE },
	{ .name = "all-projects", .help = "of all projects of this machine" },
	{ 0 },
};
static const struct cmd_example list_example[] = {
	{ "wp list", "all of the project" },
	{ "wp list --lane for_review", "what waits for a reviewer" },
	{ "wp list --json | jq '.work_packages[].id'", "for programs" },
	{ 0 },
};
const struct cmd wp_list = {
	.name = "list",
	.purpose = "show the work packages",
	.opt = list_opt,
	.example = list_example,
	.run = list_run,
};
static const struct cmd_arg show_arg[] = {
	{ .name = "WP", .help = "a work package", .words = WORDS_WP },
	{ 0 },
};
static const struct cmd_opt show_opt[] = {
	{ .name = "feature",
	    .arg = "F",
	    .help = "its feature (else the current one)",
	    .words = WORDS_FEATURE },
	{ 0 },
};
static const struct cmd_example show_example[] = {
	{ "wp show WP03", "fields with who wrote them, notes, history" },
	{ 0 },
};
const struct cmd wp_show = {
	.name = "show",
	.purpose = "show all about one work package",
	.opt = show_opt,
	.arg = show_arg,
	.example = show_example,
	.run = show_run,
};
