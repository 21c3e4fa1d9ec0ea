/* item: work items, the markdown files of plans and proposals; to look at. */
#include "cmds.h"
#include "lookup.h"
#include "show.h"
#include "view.h"

struct listing {
	struct work *w;
	struct json_writer *json; /* NULL = a table */
	struct out_table table;
	size_t n;
};

static enum err
row(void *ctx, const struct entity *en, struct err_info *e)
{
	static const char *const column[] = { "type", "schedule" };
	struct listing *l = ctx;
	struct json_writer *w = l->json;

	(void)e;
	if (!entity_present(en))
		return ERR_OK;
	l->n++;
	if (w != NULL) {
		json_obj(w);
		json_key(w, "id"), json_put_str(w, en->key);
		for (size_t i = 0; i < 2; i++)
			view_put_text(w, column[i],
			    entity_text(en, column[i], l->w->a));
		view_put_text(w, "status",
		    entity_text(en, "metadata.status", l->w->a));
		view_put_text(w, "title", entity_text(en, "title", l->w->a));
		json_end(w);
		return ERR_OK;
	}
	out_cell(&l->table, PAINT_ID, en->key);
	for (size_t i = 0; i < 2; i++)
		out_cell(&l->table, PAINT_NONE,
		    entity_text(en, column[i], l->w->a));
	out_cell(&l->table, PAINT_NONE, entity_text(en, "title", l->w->a));
	return ERR_OK;
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	static const struct out_column column[] = { { "ITEM", COL_SHRINK },
		{ "TYPE", 0 }, { "SCHEDULE", 0 }, { "TITLE", COL_SHRINK },
		{ NULL, 0 } };
	struct work w;
	struct listing l = { .w = &w };
	enum err rc = work_read(&w, c, e);

	if (rc != ERR_OK || work_nothing(&w))
		return work_end(&w, rc, e);
	if (c->json) {
		l.json = out_json(c->out);
		json_obj(l.json);
		json_key(l.json, "items");
		json_arr(l.json);
	}
	out_table_begin(&l.table, c->out, column);
	rc = store_entities(w.s, w.space, w.project, "work_item", row, &l, e);
	if (rc == ERR_OK && c->json) {
		json_end(l.json);
		json_end(l.json);
		out_json_end(c->out);
	} else if (rc == ERR_OK && l.n == 0) {
		out_say(c->out, "No work items\n");
	}
	out_table_end(&l.table);
	return work_end(&w, rc, e);
}

static enum err
show_run(struct cli *c, struct err_info *e)
{
	struct entity_key key = { .type = STR("work_item") };
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = lookup_entity(w.s, w.space, w.project, AGG_WORK_ITEM,
		    STR(""), str_of(cli_arg(c, 0)), w.a, &key.key, e);
	if (rc == ERR_NOT_FOUND)
		cli_hint(c, "item list");
	key.project = w.project;
	if (rc == ERR_OK)
		rc = show_entity(&w, w.space, &key, e);
	return work_end(&w, rc, e);
}

static const struct cmd_example list_example[] = {
	{ "item list", "of the folder's project" },
	{ 0 },
};
static const struct cmd item_list = {
	.name = "list",
	.purpose = "show the work items",
	.example = list_example,
	.run = list_run,
};
static const struct cmd_arg show_arg[] = {
	{ .name = "ID",
	    .help = "a work item by the beginning of its id",
	    .words = WORDS_ITEM },
	{ 0 },
};
static const struct cmd_example show_example[] = {
	{ "item show plan-2026", "its fields, body and history" },
	{ 0 },
};
static const struct cmd item_show = {
	.name = "show",
	.purpose = "show all about one work item",
	.arg = show_arg,
	.example = show_example,
	.run = show_run,
};
static const struct cmd *const item_sub[] = { &item_list, &item_show, NULL };
const struct cmd cmd_item = {
	.name = "item",
	.purpose = "work items: plans, proposals, decisions",
	.sub = item_sub,
};
