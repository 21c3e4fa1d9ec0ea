/* board: the project at a glance - work packages in their lanes, feature by
 * feature, then the todos. */
#include <stdlib.h>

#include "board_watch.h"
#include "cmds.h"
#include "fault.h"
#include "ids.h"
#include "lanes.h"
#include "map.h"
#include "text.h"
#include "view.h"
#include "words.h"

/* In the order in which work goes. */
static const char *const lane_order[] = { "planned", "claimed", "in_progress",
	"blocked", "for_review", "approved", "done", "canceled" };
enum { LANES = sizeof lane_order / sizeof *lane_order };

/* On a terminal; what is done is of less interest. */
enum {
	CARDS_MAX = 8,
	CARDS_DONE_MAX = 3,
	TODOS_MAX = 10,
	BAR = 16,
	PRIORITY_MAX = 10
};
/* Of so many that nobody was assigned it is looked up who moved them; programs
 * get all. */
enum { WHO_MAX = 100 };

/* A feature with its work packages by lane. */
struct group {
	struct view feature; /* key n > 0 also where there is no such feature */
	struct lane {
		const struct view **v; /* own */
		size_t n, cap;
	} lane[LANES];
};

struct board {
	struct work w;
	struct views features, wps, todos;
	struct group **group; /* own */
	size_t n, cap;
	struct map by_slug; /* group */
	struct str only;    /* one feature; n 0 = all */
	size_t pending, active, completed, conflicts;
};

/* --- what there is ------------------------------------------------------------------ */

static enum err
group_add(struct board *b, const struct view *feature, struct group **ret,
    struct err_info *e)
{
	struct group *g = mem_zero(sizeof *g);

	*ret = g;
	if (g == NULL ||
	    !mem_grow(&b->group, &b->cap, b->n + 1, sizeof *b->group)) {
		free(g);
		return err_set(e, ERR_NOMEM);
	}
	g->feature = *feature;
	b->group[b->n++] = g;
	return map_put(&b->by_slug, g->feature.key, g) ? ERR_OK :
	                                                 err_set(e, ERR_NOMEM);
}

static enum err
group_features(struct board *b, struct err_info *e)
{
	struct group *g;
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < b->features.n; i++) {
		const struct view *f = &b->features.v[i];

		if (b->only.n > 0 ? str_eq(b->only, f->key) : !f->archived)
			rc = group_add(b, f, &g, e);
	}
	return rc;
}

static size_t
lane_index(struct str lane)
{
	size_t i = 0;

	while (i + 1 < LANES && !str_is(lane, lane_order[i]))
		i++;
	return i;
}

/* Work packages of archived features are not shown; those of none are, under
 * the name that they carry. */
static enum err
group_wp(struct board *b, const struct view *v, const struct map *archived,
    struct err_info *e)
{
	struct group *g = map_get(&b->by_slug, v->feature);
	struct lane *lane;
	enum err rc = ERR_OK;

	if (v->feature.n == 0 || v->archived ||
	    map_get(archived, v->feature) != NULL)
		return ERR_OK;
	if (g == NULL)
		rc = group_add(b,
		    &(struct view){ .key = v->feature, .project = v->project },
		    &g, e);
	if (rc != ERR_OK)
		return rc;
	lane = &g->lane[lane_index(v->state)];
	if (!mem_grow(&lane->v, &lane->cap, lane->n + 1, sizeof *lane->v))
		return err_set(e, ERR_NOMEM);
	lane->v[lane->n++] = v;
	b->conflicts += v->conflicts;
	if (!str_is(v->state, "canceled"))
		g->feature.packages++;
	g->feature.done += str_is(v->state, "done");
	return ERR_OK;
}

static enum err
group_wps(struct board *b, struct err_info *e)
{
	struct map archived = { 0 };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < b->features.n; i++) {
		struct view *f = &b->features.v[i];

		b->conflicts += f->conflicts;
		if (map_get(&b->by_slug, f->key) == NULL &&
		    !map_put(&archived, f->key, f))
			rc = err_set(e, ERR_NOMEM);
	}
	for (size_t i = 0; rc == ERR_OK && i < b->wps.n; i++)
		rc = group_wp(b, &b->wps.v[i], &archived, e);
	map_fini(&archived);
	return rc;
}

static void
count_todos(struct board *b)
{
	for (size_t i = 0; i < b->todos.n; i++) {
		const struct view *v = &b->todos.v[i];

		b->pending += str_is(v->state, "pending");
		b->active += str_is(v->state, "in_progress");
		b->completed += str_is(v->state, "completed");
		b->conflicts += v->conflicts;
	}
}

static enum err
load(struct board *b, struct err_info *e)
{
	struct work *w = &b->w;
	enum err rc = views_load(w, w->space, w->project, AGG_FEATURE, STR(""),
	    &b->features, e);

	if (rc == ERR_OK)
		rc = views_load(w, w->space, w->project, AGG_WORK_PACKAGE,
		    b->only, &b->wps, e);
	if (rc == ERR_OK)
		rc = views_load(w, w->space, w->project, AGG_TODO, STR(""),
		    &b->todos, e);
	if (rc == ERR_OK)
		rc = views_who(w, w->space, &b->wps, w->c->json ? 0 : WHO_MAX,
		    e);
	if (rc == ERR_OK)
		rc = group_features(b, e);
	if (rc == ERR_OK)
		rc = group_wps(b, e);
	count_todos(b);
	return rc;
}

static void
board_fini(struct board *b)
{
	for (size_t i = 0; i < b->n; i++) {
		for (size_t k = 0; k < LANES; k++)
			free(b->group[i]->lane[k].v);
		free(b->group[i]);
	}
	free(b->group);
	map_fini(&b->by_slug);
	views_fini(&b->features);
	views_fini(&b->wps);
	views_fini(&b->todos);
}

/* --- JSON ------------------------------------------------------------------------- */

static void
lane_json(struct json_writer *w, const struct lane *lane)
{
	json_arr(w);
	for (size_t i = 0; i < lane->n; i++) {
		json_obj(w);
		view_wp_json(w, lane->v[i]);
		json_end(w);
	}
	json_end(w);
}

static void
group_json(struct json_writer *w, const struct group *g)
{
	json_obj(w);
	view_feature_json(w, &g->feature);
	json_key(w, "packages"), json_put_u(w, g->feature.packages);
	json_key(w, "done"), json_put_u(w, g->feature.done);
	json_key(w, "lanes");
	json_obj(w);
	for (size_t k = 0; k < LANES; k++) {
		json_key(w, lane_order[k]);
		lane_json(w, &g->lane[k]);
	}
	json_end(w);
	json_end(w);
}

static void
board_json(struct board *b)
{
	struct json_writer *w = out_json(b->w.c->out);

	json_obj(w);
	json_key(w, "project"), json_put_str(w, b->w.project);
	json_key(w, "slug"), json_put_str(w, b->w.draft.project_slug);
	json_key(w, "features");
	json_arr(w);
	for (size_t i = 0; i < b->n; i++)
		group_json(w, b->group[i]);
	json_end(w);
	json_key(w, "todos");
	json_arr(w);
	for (size_t i = 0; i < b->todos.n; i++) {
		if (str_is(b->todos.v[i].state, "completed"))
			continue;
		json_obj(w);
		view_todo_json(w, &b->todos.v[i]);
		json_end(w);
	}
	json_end(w);
	json_key(w, "pending"), json_put_u(w, b->pending);
	json_key(w, "in_progress"), json_put_u(w, b->active);
	json_key(w, "completed"), json_put_u(w, b->completed);
	json_key(w, "conflicts"), json_put_u(w, b->conflicts);
	json_end(w);
	out_json_end(b->w.c->out);
}

/* --- text ------------------------------------------------------------------------- */

static void
put_count(struct out *o, size_t n, const char *one, const char *many)
{
	out_say(o, "%zu %s", n, n == 1 ? one : many);
}

static void
put_head(struct board *b)
{
	struct out *o = b->w.c->out;
	size_t all = 0, counted = 0;

	out_str(o, PAINT_TITLE, b->w.draft.project_slug);
	out_say(o, "  ");
	put_count(o, b->n, "feature, ", "features, ");
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; k < LANES; k++)
			all += b->group[i]->lane[k].n;
	for (size_t i = 0; i < b->n; i++)
		counted += b->group[i]->feature.packages;
	put_count(o, all, "work package", "work packages");
	/* Bars and counts of features are without them. */
	if (all > counted)
		out_say(o, " (%zu canceled)", all - counted);
	out_say(o, ", ");
	put_count(o, b->pending + b->active, "open todo", "open todos");
	if (b->conflicts > 0) {
		out_say(o, ", ");
		out_paint(o, PAINT_BAD, "%zu in conflict", b->conflicts);
	}
	out_say(o, "\n");
}

static void
put_bar(struct out *o, unsigned done, unsigned all)
{
	unsigned full = all > 0 ? done * BAR / all : 0;
	struct buf b = { 0 };

	for (unsigned i = 0; i < full; i++)
		buf_adds(&b, "━");
	out_str(o, PAINT_GOOD, buf_str(&b));
	buf_reset(&b);
	for (unsigned i = full; i < BAR; i++)
		buf_adds(&b, "─");
	out_str(o, PAINT_DIM, buf_str(&b));
	buf_fini(&b);
	out_say(o, " %u/%u", done, all);
}

static void
put_feature(struct out *o, const struct view *f)
{
	/* Bar and count stay on the line. */
	size_t used = text_width(f->key) + 2 + 2 + BAR + 1 + 9;

	out_say(o, "\n");
	out_str(o, PAINT_ID, f->key);
	out_say(o, "  ");
	if (f->title.n > 0 && o->columns > used) {
		out_shorten(o, PAINT_TITLE, f->title, o->columns - used);
		out_say(o, "  ");
	} else if (f->title.n > 0 && o->columns == 0) {
		out_str(o, PAINT_TITLE, f->title);
		out_say(o, "  ");
	}
	if (o->tty)
		put_bar(o, f->done, f->packages);
	else
		out_say(o, "%u/%u done", f->done, f->packages);
	if (f->conflicts > 0)
		out_paint(o, PAINT_BAD, "  in conflict");
	out_say(o, "\n");
}

static struct str
hold_up(struct board *b, const struct view *v, enum paint *paint)
{
	char *s;

	*paint = PAINT_BAD;
	if (v->conflicts > 0)
		return STR("in conflict");
	*paint = PAINT_WARN;
	if (v->waits.n == 0)
		return (struct str){ 0 };
	s = arena_fmt(b->w.a, "waits for %.*s", STR_ARG(v->waits));
	return str_of(s);
}

/* Of what is done the last ones are the news. */
static enum err
lane_cards(struct board *b, const struct lane *lane, size_t index,
    struct lanes_lane *ret, struct err_info *e)
{
	struct str name = str_of(lane_order[index]);
	bool over = str_is(name, "done") || str_is(name, "canceled");
	size_t max = over ? CARDS_DONE_MAX : CARDS_MAX;
	size_t n = lane->n < max ? lane->n : max, from = over ? lane->n - n : 0;

	*ret = (struct lanes_lane){ .name = name,
		.paint = view_paint(name),
		.card = arena_array(b->w.a, n, sizeof *ret->card),
		.n = n,
		.more = lane->n - n };
	if (ret->card == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++) {
		const struct view *v = lane->v[from + i];
		struct lanes_card *c = &ret->card[i];

		c->id = v->shown;
		c->title = v->title;
		c->who = v->who;
		c->conflict = v->conflicts > 0;
		c->note = hold_up(b, v, &c->note_paint);
	}
	return ERR_OK;
}

static enum err
group_wall(struct board *b, const struct group *g, struct err_info *e)
{
	struct lanes_lane lane[LANES];
	size_t n = 0;
	enum err rc = ERR_OK;

	for (size_t k = 0; rc == ERR_OK && k < LANES; k++)
		if (g->lane[k].n > 0)
			rc = lane_cards(b, &g->lane[k], k, &lane[n++], e);
	return rc == ERR_OK ?
	    lanes_print(b->w.c->out, lane, n, b->w.c->out->columns, b->w.a, e) :
	    rc;
}

/* Without a terminal: every work package on a line of its own. */
static void
group_lines(struct board *b, const struct group *g)
{
	static const struct out_column column[] = { { "  LANE", 0 },
		{ "WP", 0 }, { "WHO", COL_MAY }, { "WAITS FOR", COL_MAY },
		{ "CONFLICT", COL_MAY }, { "TITLE", 0 }, { NULL, 0 } };
	struct out_table t;

	out_table_begin(&t, b->w.c->out, column);
	for (size_t k = 0; k < LANES; k++)
		for (size_t i = 0; i < g->lane[k].n; i++) {
			const struct view *v = g->lane[k].v[i];

			out_cellf(&t, PAINT_NONE, "  %s", lane_order[k]);
			out_cell(&t, PAINT_NONE, v->shown);
			out_cell(&t, PAINT_NONE, v->who);
			out_cell(&t, PAINT_NONE, v->waits);
			out_cell(&t, PAINT_NONE,
			    v->conflicts > 0 ? STR("yes") : (struct str){ 0 });
			out_cell(&t, PAINT_NONE, v->title);
		}
	out_table_end(&t);
}

static size_t
todo_id_length(const struct board *b)
{
	size_t len = ID_TODO_SHOWN;

	for (size_t i = 1; i < b->todos.n; i++) {
		const struct str pair[2] = { b->todos.v[i - 1].key,
			b->todos.v[i].key };

		len = id_unique_len(pair, 2, len);
	}
	return len;
}

/* Columns of the list: how long ids are, and the widest priority. */
struct todo_columns {
	size_t id, priority;
};

static bool
todo_shown(const struct view *v, bool active)
{
	return str_is(v->state, active ? "in_progress" : "pending");
}

static size_t
widest_priority(const struct board *b)
{
	struct buf priority = { 0 };
	size_t widest = 0;

	for (size_t i = 0; i < b->todos.n; i++) {
		const struct view *v = &b->todos.v[i];
		size_t n;

		if (v->priority.n == 0 ||
		    (!todo_shown(v, true) && !todo_shown(v, false)))
			continue;
		buf_reset(&priority);
		words_value(v->priority, &priority);
		n = text_width(buf_str(&priority));
		widest = n > widest ? n : widest;
	}
	buf_fini(&priority);
	return widest < PRIORITY_MAX ? widest : PRIORITY_MAX;
}

static void
put_priority(struct out *o, const struct view *v, size_t columns)
{
	struct buf priority = { 0 };

	if (v->priority.n > 0)
		words_value(v->priority, &priority);
	out_fit(o, view_priority_paint(v->priority), buf_str(&priority),
	    columns);
	out_say(o, "  ");
	buf_fini(&priority);
}

static void
put_todo(struct out *o, const struct view *v, const struct todo_columns *w)
{
	bool active = str_is(v->state, "in_progress");
	/* The mark, or the state in a word. */
	size_t used = (o->tty ? 4 : 2 + 13) + w->id + 2;
	struct str text = active && o->tty && v->active_form.n > 0 ?
	    v->active_form :
	    v->title;

	out_say(o, "  ");
	if (o->tty)
		out_paint(o, active ? PAINT_ACTIVE : PAINT_DIM, "%s ",
		    active ? "▶" : "○");
	else
		out_fit(o, PAINT_NONE, v->state, 13);
	out_str(o, PAINT_ID,
	    str_n(v->key.p, v->key.n < w->id ? v->key.n : w->id));
	out_say(o, "  ");
	if (w->priority > 0) {
		put_priority(o, v, w->priority);
		used += w->priority + 2;
	}
	if (v->conflicts > 0) {
		out_paint(o, PAINT_BAD, "in conflict");
		out_say(o, "  ");
		used += sizeof "in conflict" - 1 + 2;
	}
	if (o->columns > used)
		out_shorten(o, PAINT_NONE, text, o->columns - used);
	else
		out_str(o, PAINT_NONE, text);
	out_say(o, "\n");
}

static void
put_todos(struct board *b)
{
	struct out *o = b->w.c->out;
	const struct todo_columns w = { todo_id_length(b), widest_priority(b) };
	size_t shown = 0, max = o->tty ? TODOS_MAX : SIZE_MAX;

	if (b->todos.n == 0)
		return;
	out_say(o, "\n");
	out_paint(o, PAINT_TITLE, o->tty ? "TODOS" : "todos");
	out_paint(o, PAINT_DIM, "  %zu in progress, %zu pending, %zu completed",
	    b->active, b->pending, b->completed);
	out_say(o, "\n");
	for (int active = 1; active >= 0; active--)
		for (size_t i = 0; i < b->todos.n; i++)
			if (todo_shown(&b->todos.v[i], active) && shown++ < max)
				put_todo(o, &b->todos.v[i], &w);
	if (shown > max)
		out_paint(o, PAINT_DIM, "    +%zu more\n", shown - max);
}

static enum err
board_text(struct board *b, struct err_info *e)
{
	struct out *o = b->w.c->out;
	const char *program = b->w.c->ctx->program;
	enum err rc = ERR_OK;

	put_head(b);
	for (size_t i = 0; rc == ERR_OK && i < b->n; i++) {
		const struct group *g = b->group[i];

		put_feature(o, &g->feature);
		if (o->tty)
			rc = group_wall(b, g, e);
		else
			group_lines(b, g);
	}
	if (b->n == 0)
		out_say(o, "\nNo features yet: %s feature add NAME\n", program);
	else if (b->wps.n == 0)
		out_say(o, "\nNo work packages yet: %s wp add TITLE\n",
		    program);
	put_todos(b);
	if (b->conflicts > 0)
		out_paint(o, PAINT_DIM,
		    "\n%s conflicts list  shows both sides\n", program);
	return rc;
}

static enum err
board_run(struct cli *c, struct err_info *e)
{
	struct board b = { .n = 0 };
	enum err rc;

	if (cli_has(c, "watch") && (c->json || !c->out->tty))
		return cli_usage(e,
		    "--watch wants a terminal; `watch --json` is for programs");
	if (cli_has(c, "watch"))
		return board_watch(c, e);
	rc = work_read(&b.w, c, e);
	if (rc == ERR_OK && cli_has(c, "feature"))
		rc = work_feature(&b.w, cli_opt(c, "feature"), &b.only, e);
	if (rc == ERR_OK && !work_nothing(&b.w)) {
		rc = load(&b, e);
		if (rc == ERR_OK && c->json)
			board_json(&b);
		else if (rc == ERR_OK)
			rc = board_text(&b, e);
	}
	rc = work_end(&b.w, rc, e);
	board_fini(&b);
	return rc;
}

static const struct cmd_opt board_opt[] = {
	{ .name = "feature",
	    .arg = "F",
	    .help = "only this one",
	    .words = WORDS_FEATURE },
	{ .name = "watch",
	    .help = "on the whole terminal, live; ? shows the keys" },
	{ 0 },
};
static const struct cmd_example board_example[] = {
	{ "board", "the folder's project" },
	{ "board --feature 001", "one feature" },
	{ "board --watch", "follows what anybody writes; > moves a card on" },
	{ "board --json | jq '.features[].lanes.in_progress'", "for programs" },
	{ 0 },
};
const struct cmd cmd_board = {
	.name = "board",
	.purpose = "the project at a glance",
	.about =
	    "Work packages in their lanes, feature by feature, then the todos "
	    "that are open. On a terminal lanes stand side by side and long "
	    "ones "
	    "are cut; elsewhere everything is listed. With --watch it fills "
	    "the "
	    "terminal and follows what anybody writes.",
	.opt = board_opt,
	.example = board_example,
	.run = board_run,
};
