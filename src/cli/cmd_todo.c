/* todo: small things to do, of the project, not of a session. */
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "edit.h"
#include "fault.h"
#include "ids.h"
#include "input.h"
#include "show.h"
#include "view.h"
#include "words.h"

/* --- add --------------------------------------------------------------------------- */

/* Todos of one text are told apart by a number (docs/formats.md, Keys); the next
 * one that never was used, so that a removed todo stays removed. */
static enum err
new_key(struct work *w, struct str content, struct str *key, struct str *like,
    struct err_info *e)
{
	struct entity_key k = { .project = w->project, .type = STR("todo") };
	const struct entity *en = NULL;
	char hex[33];
	enum err rc = ERR_OK;

	for (uint64_t n = 1; rc == ERR_OK; n++) {
		rc = todo_key(w->project, content, n, hex, e);
		k.key = str_of(hex);
		if (rc == ERR_OK)
			rc = store_entity(w->s, w->space, &k, &en, e);
		if (rc != ERR_OK || en == NULL)
			break;
		if (like->n == 0 && entity_present(en) &&
		    !str_is(entity_text(en, "status", w->a), "completed"))
			*like = arena_str(w->a, en->key);
	}
	if (rc == ERR_OK) {
		*key = arena_str(w->a, str_of(hex));
		rc = key->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	return rc;
}

static enum err
add(struct work *w, struct str *key, struct str *content, struct str *like,
    struct err_info *e)
{
	const char *typed = cli_opt(w->c, "priority");
	const char *description = cli_opt(w->c, "description");
	struct str priority = { 0 }, about = { 0 };
	struct payload p;
	enum err rc = input_line(w->a, "the text", cli_arg(w->c, 0),
	    INPUT_TODO_MAX, content, e);

	if (rc == ERR_OK && typed != NULL)
		rc = input_priority(w->a, typed, &priority, e);
	if (rc == ERR_OK && description != NULL)
		rc = input_text("the description", description, INPUT_TEXT_MAX,
		    &about, e);
	if (rc == ERR_OK)
		rc = new_key(w, *content, key, like, e);
	if (rc != ERR_OK)
		return rc;
	payload_begin(&p);
	json_key(&p.w, "content"), json_put_str(&p.w, *content);
	if (priority.n > 0)
		json_key(&p.w, "priority"), json_put_raw(&p.w, priority);
	if (about.n > 0)
		json_key(&p.w, "description"), json_put_str(&p.w, about);
	return work_author(w, "todo_added", AGG_TODO, *key, &p, NULL, e);
}

static enum err
add_run(struct cli *c, struct err_info *e)
{
	struct str key = { 0 }, content = { 0 }, like = { 0 };
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = add(&w, &key, &content, &like, e);
	rc = work_end(&w, rc, e);
	if (rc != ERR_OK)
		return rc;
	if (c->out->tty && !c->json) {
		out_say(c->out, "Added ");
		out_str(c->out, PAINT_ID, str_n(key.p, ID_TODO_SHOWN));
		out_say(c->out, "  ");
		out_str(c->out, PAINT_NONE, content);
		out_say(c->out, "\n");
	} else {
		show_added(c, key, key, content, STR(""));
	}
	if (like.n > 0)
		out_note(c->out, PAINT_WARN,
		    "note: %.*s has the same text and is open too",
		    ID_TODO_SHOWN, like.p);
	return ERR_OK;
}

/* --- start, done, reopen, rm -------------------------------------------------------- */

struct change {
	struct todo_name todo;
	struct str content, from;
	bool changed;
	bool revive; /* also one that was removed */
};

static const struct entity *
present(const struct entity *en)
{
	return en != NULL && entity_present(en) ? en : NULL;
}

static enum err
find_todo(struct work *w, const char *word, struct change *ch,
    const struct entity **en, struct err_info *e)
{
	struct entity_key key = { .type = STR("todo") };
	enum err rc = work_todo(w, word, &ch->todo, e);

	if (rc == ERR_NOT_FOUND && ch->revive) {
		rc = work_removed(w, AGG_TODO, NULL, word, &ch->todo.key, e);
		ch->todo.project = w->project;
		ch->todo.space = w->space;
		buf_reset(&w->c->hint);
	} else if (rc == ERR_NOT_FOUND) {
		return show_was_removed(w, AGG_TODO, NULL, word, e);
	}
	if (rc != ERR_OK)
		return rc;
	key.project = ch->todo.project;
	key.key = ch->todo.key;
	rc = store_entity(w->s, ch->todo.space, &key, en, e);
	if (rc == ERR_OK)
		*en = ch->revive ? *en : present(*en);
	if (rc == ERR_OK && *en == NULL)
		return err_setf(e, ERR_NOT_FOUND, "there is no todo '%s'",
		    word);
	ch->content = entity_text(*en, "content", w->a);
	ch->from = todo_status_normal(entity_text(*en, "status", w->a));
	return rc;
}

/* It is there, and nobody removed it meanwhile. */
static bool
is_settled(const struct entity *en)
{
	size_t n;
	const struct cell *c = entity_cells(en, "present", &n);

	return entity_present(en) && c != NULL && c->n == 1;
}

static enum err
change_one(struct work *w, const char *word, const char *status,
    struct change *ch, struct err_info *e)
{
	const struct entity *en = NULL;
	const struct cell *c;
	struct payload p;
	size_t n;
	enum err rc;

	ch->revive = strcmp(status, "pending") == 0;
	rc = find_todo(w, word, ch, &en, e);
	if (rc != ERR_OK)
		return rc;
	c = entity_cells(en, "status", &n);
	/* Where sides differ, saying it again settles them. */
	if (str_is(ch->from, status) && c != NULL && c->n == 1 &&
	    is_settled(en))
		return ERR_OK;
	rc = show_reason(w->c, &p, e);
	if (rc != ERR_OK)
		return rc;
	json_key(&p.w, "status"), json_put_z(&p.w, status);
	ch->changed = true;
	return work_author_in(w, ch->todo.space, ch->todo.project,
	    "todo_status_changed", AGG_TODO, ch->todo.key, &p, NULL, e);
}

static enum err
remove_one(struct work *w, const char *word, struct change *ch,
    struct err_info *e)
{
	const struct entity *en;
	struct payload p;
	enum err rc = find_todo(w, word, ch, &en, e);

	if (rc == ERR_OK)
		rc = show_reason(w->c, &p, e);
	if (rc != ERR_OK)
		return rc;
	ch->changed = true;
	return work_author_in(w, ch->todo.space, ch->todo.project,
	    "todo_deleted", AGG_TODO, ch->todo.key, &p, NULL, e);
}

static void
print_changes(struct cli *c, const struct change *ch, const char *status,
    const char *verb)
{
	struct json_writer *w = c->json ? out_json(c->out) : NULL;

	if (w != NULL) {
		json_obj(w);
		json_key(w, "todos");
		json_arr(w);
	}
	for (size_t i = 0; i < c->n_words; i++) {
		if (w != NULL) {
			json_obj(w);
			json_key(w, "id"), json_put_str(w, ch[i].todo.key);
			view_put_text(w, "from", ch[i].from);
			view_put_text(w, "to", str_of(status));
			json_key(w, "changed"), json_put_bool(w, ch[i].changed);
			json_end(w);
			continue;
		}
		out_say(c->out, "%s ", ch[i].changed ? verb : "Already");
		out_str(c->out, PAINT_ID,
		    str_n(ch[i].todo.key.p, ID_TODO_SHOWN));
		out_say(c->out, "  ");
		out_str(c->out, PAINT_NONE, ch[i].content);
		out_say(c->out, "\n");
	}
	if (w != NULL) {
		json_end(w);
		json_end(w);
		out_json_end(c->out);
	}
}

/* All of them or none.  status NULL: they are removed. */
static enum err
change_all(struct cli *c, const char *status, const char *verb,
    struct err_info *e)
{
	struct change *ch = arena_array(&c->ctx->arena, c->n_words, sizeof *ch);
	struct work w;
	enum err rc;

	if (ch == NULL)
		return err_set(e, ERR_NOMEM);
	rc = work_begin(&w, c, e);
	for (size_t i = 0; rc == ERR_OK && i < c->n_words; i++)
		rc = status != NULL ?
		    change_one(&w, c->word[i], status, &ch[i], e) :
		    remove_one(&w, c->word[i], &ch[i], e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		print_changes(c, ch, status, verb);
	return rc;
}

static enum err
start_run(struct cli *c, struct err_info *e)
{
	return change_all(c, "in_progress", "Started", e);
}

static enum err
done_run(struct cli *c, struct err_info *e)
{
	return change_all(c, "completed", "Completed", e);
}

static enum err
reopen_run(struct cli *c, struct err_info *e)
{
	return change_all(c, "pending", "Reopened", e);
}

static enum err
rm_run(struct cli *c, struct err_info *e)
{
	return change_all(c, NULL, "Removed", e);
}

/* --- edit ------------------------------------------------------------------------- */

static enum err
edit_run(struct cli *c, struct err_info *e)
{
	const struct entity *en = NULL;
	struct change ch = { 0 };
	struct edit ed = { 0 };
	struct work w;
	enum err rc;

	if (cli_has(c, "text") && cli_arg(c, 1) != NULL)
		return cli_usage(e, "TEXT and --text exclude each other");
	rc = work_begin(&w, c, e);
	if (rc == ERR_OK)
		rc = find_todo(&w, cli_arg(c, 0), &ch, &en, e);
	if (rc == ERR_OK) {
		edit_begin(&ed, &w, en);
		ed.space = ch.todo.space;
		ed.project = ch.todo.project;
		rc = edit_line(&ed, "text", "content", INPUT_TODO_MAX, e);
		if (rc == ERR_OK && cli_arg(c, 1) != NULL)
			rc = edit_word(&ed, cli_arg(c, 1), "the text",
			    "content", INPUT_TODO_MAX, e);
		if (rc == ERR_OK)
			rc = edit_text(&ed, "description", "description", e);
		if (rc == ERR_OK)
			rc = edit_priority(&ed, e);
		rc = edit_end(&ed, rc, "todo_updated", ch.todo.key, e);
	}
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		show_edited(c, ch.todo.key, str_n(ch.todo.key.p, ID_TODO_SHOWN),
		    ed.changed, ed.was_removed);
	return rc;
}

/* --- list ------------------------------------------------------------------------- */

struct listing {
	struct work *w;
	bool all_projects, completed;
	struct str status; /* n 0: all that are open */
	struct lot {
		struct views todos;
		struct str slug;
	} * lot; /* own */
	size_t n, cap;
	size_t hidden; /* completed ones that are not shown */
};

static enum err
load_place(void *ctx, const struct work_place *at, struct err_info *e)
{
	struct listing *l = ctx;

	if (!mem_grow(&l->lot, &l->cap, l->n + 1, sizeof *l->lot))
		return err_set(e, ERR_NOMEM);
	l->lot[l->n] = (struct lot){ .slug = at->slug };
	return views_load(l->w, at->space, at->project, AGG_TODO, STR(""),
	    &l->lot[l->n++].todos, e);
}

static bool
wanted(struct listing *l, const struct view *v)
{
	if (l->status.n > 0)
		return str_eq(v->state, l->status);
	if (!str_is(v->state, "completed") || l->w->c->json)
		return true;
	l->hidden++;
	return false;
}

/* What is being done first, then what is open, then what is done; each by
 * key. */
static const char *const order[] = { "in_progress", "pending", "completed" };

static void
row_text(struct listing *l, struct out_table *t, const struct lot *lot,
    const struct view *v, size_t id_len)
{
	struct buf priority = { 0 };

	if (l->all_projects)
		out_cell(t, PAINT_DIM, lot->slug);
	out_cell(t, PAINT_ID,
	    str_n(v->key.p, v->key.n < id_len ? v->key.n : id_len));
	out_cell(t, view_paint(v->state), v->state);
	if (v->priority.n > 0)
		words_value(v->priority, &priority);
	out_cell(t, view_priority_paint(v->priority), buf_str(&priority));
	out_cellf(t, v->conflicts > 0 ? PAINT_BAD : PAINT_NONE, "%.*s%s",
	    STR_ARG(v->title), v->conflicts > 0 ? " (in conflict)" : "");
	t->failed |= priority.failed;
	buf_fini(&priority);
}

/* How many digits tell the todos of every lot apart. */
static size_t
id_length(const struct listing *l)
{
	size_t len = ID_TODO_SHOWN;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 1; k < l->lot[i].todos.n; k++) {
			const struct str pair[2] = {
				l->lot[i].todos.v[k - 1].key,
				l->lot[i].todos.v[k].key
			};

			len = id_unique_len(pair, 2, len);
		}
	return len;
}

static size_t
print_rows(struct listing *l, struct json_writer *w, struct out_table *t)
{
	size_t len = id_length(l), shown = 0;

	for (size_t i = 0; i < l->n; i++)
		for (size_t o = 0; o < sizeof order / sizeof *order; o++)
			for (size_t k = 0; k < l->lot[i].todos.n; k++) {
				const struct view *v = &l->lot[i].todos.v[k];

				if (!str_is(v->state, order[o]) ||
				    !wanted(l, v))
					continue;
				shown++;
				if (w == NULL) {
					row_text(l, t, &l->lot[i], v, len);
					continue;
				}
				json_obj(w);
				view_todo_json(w, v);
				json_end(w);
			}
	return shown;
}

static void
print_list(struct listing *l)
{
	static const struct out_column column[] = { { "PROJECT", COL_SHRINK },
		{ "TODO", 0 }, { "STATUS", 0 }, { "PRIORITY", 0 },
		{ "TEXT", COL_SHRINK }, { NULL, 0 } };
	struct out *o = l->w->c->out;
	struct json_writer *w;
	struct out_table t;
	size_t shown;

	if (l->w->c->json) {
		w = out_json(o);
		json_obj(w);
		json_key(w, "todos");
		json_arr(w);
		(void)print_rows(l, w, NULL);
		json_end(w);
		json_end(w);
		out_json_end(o);
		return;
	}
	out_table_begin(&t, o, column + (l->all_projects ? 0 : 1));
	shown = print_rows(l, NULL, &t);
	out_table_end(&t);
	if (shown == 0)
		out_say(o, "No todos%s%.*s\n", l->status.n > 0 ? " " : "",
		    STR_ARG(l->status));
	if (l->hidden > 0)
		out_paint(o, PAINT_DIM,
		    "and %zu completed (--status completed shows them)\n",
		    l->hidden);
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	const char *status = cli_opt(c, "status");
	struct work w;
	struct listing l = { .w = &w,
		.all_projects = cli_has(c, "all-projects") };
	enum err rc;

	if (status != NULL) {
		l.status = todo_status_normal(str_of(status));
		if (l.status.p == NULL)
			return cli_usage(e,
			    "'%.100s' is no status; there are pending, "
			    "in_progress, completed",
			    status);
	}
	rc = work_read(&w, c, e);
	if (rc == ERR_OK && work_nothing(&w))
		return work_end(&w, rc, e);
	if (rc == ERR_OK)
		rc = l.all_projects ?
		    work_places(&w, load_place, &l, e) :
		    load_place(&l,
		        &(struct work_place){
		            .space = w.space, .project = w.project },
		        e);
	if (rc == ERR_OK)
		print_list(&l);
	for (size_t i = 0; i < l.n; i++)
		views_fini(&l.lot[i].todos);
	free(l.lot);
	return work_end(&w, rc, e);
}

/* --- show, history ------------------------------------------------------------------ */

static enum err
show_run(struct cli *c, struct err_info *e)
{
	struct todo_name todo;
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = work_todo(&w, cli_arg(c, 0), &todo, e);
	if (rc == ERR_OK)
		rc = show_entity(&w, todo.space,
		    &(struct entity_key){ todo.project, STR("todo"), todo.key },
		    e);
	return work_end(&w, rc, e);
}

static enum err
history_run(struct cli *c, struct err_info *e)
{
	struct todo_name todo;
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = work_todo(&w, cli_arg(c, 0), &todo, e);
	if (rc == ERR_OK)
		rc = show_history(&w, todo.space,
		    &(struct entity_key){ todo.project, STR("todo"), todo.key },
		    0, e);
	return work_end(&w, rc, e);
}

/* --- the table --------------------------------------------------------------------- */

static const struct cmd_arg add_arg[] = {
	{ .name = "TEXT", .help = "what is to be done" },
	{ 0 },
};
static const struct cmd_opt add_opt[] = {
	{ .name = "priority",
	    .arg = "P",
	    .help = "high, medium, low, a number, any word",
	    .words = WORDS_PRIORITY },
	{ .name = "description", .arg = "TEXT", .help = "at length" },
	{ 0 },
};
static const struct cmd_example add_example[] = {
	{ "todo add \"Write the release notes\" --priority high", "" },
	{ 0 },
};
static const struct cmd todo_add = {
	.name = "add",
	.purpose = "add a todo",
	.about = "Prints the new id alone where stdout is no terminal.",
	.opt = add_opt,
	.arg = add_arg,
	.example = add_example,
	.run = add_run,
};
static const struct cmd_arg many_arg[] = {
	{ .name = "ID",
	    .help = "todos by the beginning of their ids",
	    .flags = ARG_REPEAT,
	    .words = WORDS_TODO },
	{ 0 },
};
static const struct cmd_arg one_arg[] = {
	{ .name = "ID",
	    .help = "a todo by the beginning of its id",
	    .words = WORDS_TODO },
	{ 0 },
};
static const struct cmd_opt why_opt[] = {
	{ .name = "reason", .arg = "R", .help = "why" },
	{ 0 },
};
static const struct cmd_example start_example[] = {
	{ "todo start 1a2b3c4d", "it is being done" },
	{ 0 },
};
static const struct cmd todo_start = {
	.name = "start",
	.purpose = "say that todos are in progress",
	.opt = why_opt,
	.arg = many_arg,
	.example = start_example,
	.run = start_run,
};
static const struct cmd_example done_example[] = {
	{ "todo done 1a2b3c4d 9f8e7d6c", "two at once" },
	{ 0 },
};
static const struct cmd todo_done = {
	.name = "done",
	.purpose = "say that todos are completed",
	.opt = why_opt,
	.arg = many_arg,
	.example = done_example,
	.run = done_run,
};
static const struct cmd_example reopen_example[] = {
	{ "todo reopen 1a2b3c4d --reason \"it came back\"", "" },
	{ 0 },
};
static const struct cmd todo_reopen = {
	.name = "reopen",
	.purpose = "say that todos are to be done (again)",
	.about =
	    "It stays open until somebody who has seen this completes it: a "
	    "session's old list does not close it. One that was removed is "
	    "brought back.",
	.opt = why_opt,
	.arg = many_arg,
	.example = reopen_example,
	.run = reopen_run,
};
static const struct cmd_example rm_example[] = {
	{ "todo rm 1a2b3c4d", "gone from lists, not from the log" },
	{ 0 },
};
static const struct cmd todo_rm = {
	.name = "rm",
	.purpose = "remove todos (their history stays in the log)",
	.about = "`todo reopen ID` brings one back.",
	.opt = why_opt,
	.arg = many_arg,
	.example = rm_example,
	.run = rm_run,
};
static const struct cmd_opt edit_opt[] = {
	{ .name = "text", .arg = "TEXT", .help = "other words" },
	{ .name = "description", .arg = "TEXT", .help = "another description" },
	{ .name = "priority",
	    .arg = "P",
	    .help = "another priority, or none",
	    .words = WORDS_PRIORITY },
	{ 0 },
};
static const struct cmd_arg edit_arg[] = {
	{ .name = "ID",
	    .help = "a todo by the beginning of its id",
	    .words = WORDS_TODO },
	{ .name = "TEXT",
	    .help = "other words (as --text)",
	    .flags = ARG_OPTIONAL },
	{ 0 },
};
static const struct cmd_example edit_example[] = {
	{ "todo edit 1a2b3c4d \"Write the release notes, in French\"",
	    "other words" },
	{ "todo edit 1a2b3c4d --priority low", "it can wait" },
	{ 0 },
};
static const struct cmd todo_edit = {
	.name = "edit",
	.purpose = "change what a todo says",
	.opt = edit_opt,
	.arg = edit_arg,
	.example = edit_example,
	.run = edit_run,
};
static const struct cmd_opt list_opt[] = {
	{ .name = "all-projects", .help = "of all projects of this machine" },
	{ .name = "status",
	    .arg = "S",
	    .help = "only pending, in_progress or completed ones",
	    .words = WORDS_STATUS },
	{ 0 },
};
static const struct cmd_example list_example[] = {
	{ "todo list", "what is open in this project" },
	{ "todo list --all-projects --status in_progress", "who is at what" },
	{ 0 },
};
static const struct cmd todo_list = {
	.name = "list",
	.purpose = "show the todos",
	.about =
	    "Those of the folder's project that are not completed; with --json "
	    "the completed ones too. What agents leave in their own lists "
	    "comes "
	    "in by `consolidate`.",
	.opt = list_opt,
	.example = list_example,
	.run = list_run,
};
static const struct cmd_example show_example[] = {
	{ "todo show 1a2b3c4d", "fields, conflicts, history" },
	{ 0 },
};
static const struct cmd todo_show = {
	.name = "show",
	.purpose = "show all about one todo",
	.arg = one_arg,
	.example = show_example,
	.run = show_run,
};
static const struct cmd_example history_example[] = {
	{ "todo history 1a2b3c4d", "who did what when" },
	{ 0 },
};
static const struct cmd todo_history = {
	.name = "history",
	.purpose = "show everything that happened to a todo",
	.about = "The newest first. With --json one document a line.",
	.arg = one_arg,
	.example = history_example,
	.run = history_run,
};
static const struct cmd *const todo_sub[] = { &todo_add, &todo_list,
	&todo_start, &todo_done, &todo_reopen, &todo_edit, &todo_rm, &todo_show,
	&todo_history, NULL };
const struct cmd cmd_todo = {
	.name = "todo",
	.purpose = "todos of the project",
	.sub = todo_sub,
};
