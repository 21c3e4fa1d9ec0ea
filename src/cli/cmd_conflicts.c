/* conflicts: what was changed on two sides at once, and how it was decided. */
#include <stdlib.h>

#include "clock.h"
#include "cmds.h"
#include "conflict.h"
#include "deed.h"
#include "fault.h"
#include "name.h"
#include "words.h"

enum { ID_SHOWN = 8, LABEL = 9 };

/* --- what there is ------------------------------------------------------------------ */

struct collection {
	struct work *w;
	bool all;
	struct str prefix;     /* of the row's id; n 0 = any */
	struct conflict *item; /* own */
	size_t n, cap;
	space_id space; /* of the place that is looked at */
};

static bool
has_prefix(const struct row *row, struct str prefix)
{
	char id[17];

	hex_encode(row->id, sizeof row->id, id);
	return prefix.n <= 16 && str_eq_nocase(str_n(id, prefix.n), prefix);
}

static enum err
collect_row(void *ctx, const struct row *row, const struct entity *en,
    struct err_info *e)
{
	struct collection *c = ctx;

	if (!has_prefix(row, c->prefix))
		return ERR_OK;
	if (!mem_grow(&c->item, &c->cap, c->n + 1, sizeof *c->item))
		return err_set(e, ERR_NOMEM);
	return conflict_load(c->w, c->space, en, row, &c->item[c->n++], e);
}

static enum err
collect_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	struct collection *c = ctx;

	return conflict_each(en, c->all, collect_row, c, e);
}

static enum err
collect_place(void *ctx, const struct work_place *at, struct err_info *e)
{
	struct collection *c = ctx;

	c->space = at->space;
	return store_entities(c->w->s, at->space, at->project, NULL,
	    collect_entity, c, e);
}

static enum err
collect(struct collection *c, bool all_projects, struct err_info *e)
{
	struct work_place here = { .space = c->w->space,
		.project = c->w->project };

	return all_projects ? work_places(c->w, collect_place, c, e) :
	                      collect_place(c, &here, e);
}

/* --- list ------------------------------------------------------------------------- */

/* One person at two machines has one name. */
static bool
same_name(const struct conflict *c, size_t at)
{
	for (size_t i = 0; i < c->n; i++)
		if (i != at && str_eq(c->side[i].who, c->side[at].who))
			return true;
	return false;
}

/* "ann* X  |  bob Y": the one that is shown comes first, as ends are cut. */
static void
put_sides(struct out_table *t, const struct conflict *c)
{
	struct buf b = { 0 };

	for (int shown = 1; shown >= 0; shown--)
		for (size_t i = 0; i < c->n; i++) {
			if (c->side[i].shown != (shown == 1))
				continue;
			buf_adds(&b, b.len > 0 ? "  |  " : "");
			buf_addstr(&b, c->side[i].who);
			if (same_name(c, i))
				buf_addf(&b, " on machine %.*s",
				    (int)(c->side[i].node.n < ID_SHOWN ?
				            c->side[i].node.n :
				            ID_SHOWN),
				    c->side[i].node.p);
			buf_adds(&b, shown == 1 ? "* " : " ");
			words_field(c->field, c->side[i].value, &b);
		}
	out_cell(t, PAINT_NONE, buf_str(&b));
	t->failed |= b.failed;
	buf_fini(&b);
}

static enum err
list_text(struct collection *c, struct err_info *e)
{
	static const struct out_column column[] = { { "CONFLICT", 0 },
		{ "STATE", 0 }, { "OF", COL_SHRINK }, { "FIELD", COL_SHRINK },
		{ "SIDES (* is shown)", COL_MAIN }, { NULL, 0 } };
	struct namer namer;
	struct out_table t;
	size_t open = 0;
	enum err rc = ERR_OK;

	namer_init(&namer, c->w);
	out_table_begin(&t, c->w->c->out, column);
	for (size_t i = 0; rc == ERR_OK && i < c->n; i++) {
		const struct conflict *it = &c->item[i];
		struct str name;

		rc = namer_name(&namer, it->space, &it->key, &name, e);
		if (rc != ERR_OK)
			break;
		out_cell(&t, PAINT_ID, str_n(it->id, ID_SHOWN));
		out_cell(&t, it->state == ROW_OPEN ? PAINT_BAD : PAINT_DIM,
		    str_of(row_state_name(it->state)));
		out_cell(&t, PAINT_NONE, name);
		out_cell(&t, PAINT_NONE, words_field_name(it->field));
		put_sides(&t, it);
	}
	out_table_end(&t);
	for (size_t i = 0; rc == ERR_OK && i < c->n; i++)
		open += c->item[i].state == ROW_OPEN;
	if (rc == ERR_OK && open > 0)
		out_paint(c->w->c->out, PAINT_DIM,
		    "%s conflicts show ID  says what to type to settle it\n",
		    c->w->c->ctx->program);
	if (rc == ERR_OK && c->n == 0)
		out_say(c->w->c->out,
		    c->all ? "Nothing was ever in conflict\n" :
		             "Nothing is in conflict\n");
	namer_fini(&namer);
	return rc;
}

static void
list_json(const struct collection *c)
{
	struct json_writer *w = out_json(c->w->c->out);

	json_obj(w);
	json_key(w, "conflicts");
	json_arr(w);
	for (size_t i = 0; i < c->n; i++)
		conflict_json(w, &c->item[i]);
	json_end(w);
	json_end(w);
	out_json_end(c->w->c->out);
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	struct work w;
	struct collection all = { .w = &w, .all = cli_has(c, "all") };
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK && !work_nothing(&w)) {
		rc = collect(&all, cli_has(c, "all-projects"), e);
		if (rc == ERR_OK && c->json)
			list_json(&all);
		else if (rc == ERR_OK)
			rc = list_text(&all, e);
	}
	free(all.item);
	return work_end(&w, rc, e);
}

/* --- show ------------------------------------------------------------------------- */

static enum err
side_text(struct out *o, const struct conflict *c,
    const struct conflict_side *s, const char *label, struct err_info *e)
{
	struct buf value = { 0 }, ago = { 0 };
	enum err rc;

	words_field(c->field, s->value.n > 0 ? s->value : STR("null"), &value);
	deed_ago(s->when_ms, os_wall_ms(), &ago);
	rc = buf_ok(&value, e);
	if (rc == ERR_OK)
		rc = buf_ok(&ago, e);
	out_say(o, "\n");
	out_paint(o, s->shown ? PAINT_GOOD : PAINT_WARN, "%s", label);
	out_say(o, "  ");
	out_str(o, PAINT_NONE, s->who);
	out_say(o, ", %.*s", STR_ARG(buf_str(&ago)));
	out_say(o, ", machine ");
	out_str(o, PAINT_DIM, str_n(s->node.p, s->node.n < 8 ? s->node.n : 8));
	out_paint(o, PAINT_DIM, "%s", s->own ? " (this one)" : "");
	if (s->session.n > 0) {
		out_say(o, ", session ");
		out_str(o, PAINT_DIM, s->session);
	}
	out_paint(o, PAINT_GOOD, "%s", s->shown ? "  is shown" : "");
	out_say(o, "\n");
	if (c->kind == KIND_TEXT) {
		out_wrap(o, buf_str(&value), 4);
	} else {
		out_say(o, "    ");
		out_str(o, PAINT_NONE, buf_str(&value));
		out_say(o, "\n");
	}
	buf_fini(&value);
	buf_fini(&ago);
	return rc;
}

static enum err
sides_text(struct out *o, const struct conflict *c, struct err_info *e)
{
	char label[] = "A";
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < c->n; i++) {
		label[0] = (char)('A' + (i < 25 ? i : 25));
		rc = side_text(o, c, &c->side[i], label, e);
	}
	for (size_t i = 0; rc == ERR_OK && i < c->n_closers; i++)
		rc = side_text(o, c, &c->closer[i], "settled by", e);
	return rc;
}

static enum err
settle_text(struct work *w, const struct conflict *c, struct err_info *e)
{
	struct out *o = w->c->out;
	struct buf how = { 0 };
	enum err rc;

	conflict_settle(c, &how);
	rc = buf_ok(&how, e);
	if (rc == ERR_OK && how.len > 0) {
		out_say(o,
		    str_is(c->field, "present") ?
		        "\nTo keep it: %s " :
		        "\nTo settle it, write what is to stand: %s ",
		    w->c->ctx->program);
		out_str(o, PAINT_ID, buf_str(&how));
		out_say(o, "\n");
	}
	buf_fini(&how);
	return rc;
}

static enum err
show_text(struct work *w, const struct conflict *c, struct err_info *e)
{
	struct out *o = w->c->out;
	struct namer namer;
	struct str name;
	struct buf base = { 0 }, now = { 0 };
	enum err rc;

	namer_init(&namer, w);
	rc = namer_name(&namer, c->space, &c->key, &name, e);
	namer_fini(&namer);
	if (rc != ERR_OK)
		return rc;
	words_field(c->field, c->base.n > 0 ? c->base : STR("null"), &base);
	words_field(c->field, c->shown.n > 0 ? c->shown : STR("null"), &now);
	out_str(o, PAINT_TITLE, words_field_name(c->field));
	out_say(o, " of ");
	out_str(o, PAINT_ID, name);
	out_say(o, "\n");
	out_pair(o, LABEL, "Conflict", PAINT_ID, "%s", c->id);
	out_pair(o, LABEL, "State",
	    c->state == ROW_OPEN ? PAINT_BAD : PAINT_GOOD, "%s",
	    row_state_name(c->state));
	if (c->base.n > 0)
		out_pair(o, LABEL, "Before", PAINT_NONE, "%.*s",
		    STR_ARG(buf_str(&base)));
	out_pair(o, LABEL, "Shown now", PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&now)));
	out_pair(o, LABEL, "Rule", PAINT_NONE, "%s",
	    conflict_rule(c->kind, c->state));
	rc = sides_text(o, c, e);
	if (rc == ERR_OK && c->state == ROW_OPEN)
		rc = settle_text(w, c, e);
	if (rc == ERR_OK)
		rc = buf_ok(&base, e);
	if (rc == ERR_OK)
		rc = buf_ok(&now, e);
	buf_fini(&base);
	buf_fini(&now);
	return rc;
}

static enum err
which(const struct collection *c, struct err_info *e)
{
	if (c->n == 1)
		return ERR_OK;
	if (c->n == 0)
		return err_setf(e, ERR_NOT_FOUND, "there is no conflict '%.*s'",
		    (int)(c->prefix.n < 40 ? c->prefix.n : 40), c->prefix.p);
	return err_setf(e, ERR_AMBIGUOUS,
	    "'%.*s' may be any of %zu conflicts: %s, %s%s", STR_ARG(c->prefix),
	    c->n, c->item[0].id, c->item[1].id, c->n > 2 ? " ..." : "");
}

static enum err
show_run(struct cli *c, struct err_info *e)
{
	struct work w;
	struct collection all = {
		.w = &w, .all = true, .prefix = str_of(cli_arg(c, 0))
	};
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK && all.prefix.n == 0)
		rc = err_setf(e, ERR_USAGE, "an empty word names no conflict");
	if (rc == ERR_OK)
		rc = collect(&all, false, e);
	if (rc == ERR_OK && all.n == 0)
		rc = collect(&all, true, e);
	if (rc == ERR_OK)
		rc = which(&all, e);
	if (rc == ERR_NOT_FOUND)
		cli_hint(c, "conflicts list --all");
	if (rc == ERR_OK && c->json) {
		conflict_json(out_json(c->out), &all.item[0]);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		rc = show_text(&w, &all.item[0], e);
	}
	free(all.item);
	return work_end(&w, rc, e);
}

/* --- the table --------------------------------------------------------------------- */

static const struct cmd_opt list_opt[] = {
	{ .name = "all",
	    .help = "also those that were decided by a rule or by somebody" },
	{ .name = "all-projects", .help = "of all projects of this machine" },
	{ 0 },
};
static const struct cmd_example list_example[] = {
	{ "conflicts list", "what is open in this project" },
	{ 0 },
};
static const struct cmd conflicts_list = {
	.name = "list",
	.purpose = "show what was changed on two sides at once",
	.about =
	    "Every replica lists the same conflicts under the same ids. In "
	    "each, "
	    "one value is shown meanwhile and none is lost; writing the field "
	    "again, having seen them, settles it.",
	.opt = list_opt,
	.example = list_example,
	.run = list_run,
};
static const struct cmd_arg show_arg[] = {
	{ .name = "ID",
	    .help = "a conflict by the beginning of its id",
	    .words = WORDS_CONFLICT },
	{ 0 },
};
static const struct cmd_example show_example[] = {
	{ "conflicts show 5ac1", "both sides, who, when, and the rule" },
	{ 0 },
};
static const struct cmd conflicts_show = {
	.name = "show",
	.purpose = "show the sides of a conflict and what was decided",
	.arg = show_arg,
	.example = show_example,
	.run = show_run,
};
static const struct cmd *const conflicts_sub[] = { &conflicts_list,
	&conflicts_show, NULL };
const struct cmd cmd_conflicts = {
	.name = "conflicts",
	.purpose = "what was changed on two sides at once",
	.about = "Alone it is `conflicts list`.",
	.opt = list_opt,
	.run = list_run,
	.sub = conflicts_sub,
};
