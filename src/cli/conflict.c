#include "conflict.h"

#include "deed.h"
#include "view.h"
#include "when.h"
#include "words.h"

/* A field of which several heads stand has cells with more than one; what was
 * closed is listed. */
static bool
may_have_rows(const struct entity *en, bool all)
{
	if (all && en->n_closed > 0)
		return true;
	for (size_t i = 0; i < en->n_cells; i++)
		if (en->cell[i].n > 1 && en->cell[i].kind != KIND_LIST &&
		    en->cell[i].kind != KIND_PER_SESSION)
			return true;
	return false;
}

enum err
conflict_each(const struct entity *en, bool all, conflict_fn *fn, void *ctx,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct row *row;
	size_t n = 0;
	enum err rc = ERR_OK;

	if (!may_have_rows(en, all))
		return ERR_OK;
	rc = entity_ledger(en, &a, &row, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (all || row[i].state == ROW_OPEN)
			rc = fn(ctx, &row[i], en, e);
	arena_fini(&a);
	return rc;
}

static enum err
side_load(struct work *w, space_id sp, const struct eid *id, struct str field,
    struct conflict_side *s, struct err_info *e)
{
	struct deed d = { 0 };
	enum err rc = deed_load(&d, w->s, sp, id, e);

	*s = (struct conflict_side){ .id = *id };
	if (rc == ERR_OK)
		rc = deed_wrote(&d, field, w->a, &s->value, e);
	if (rc == ERR_OK) {
		s->who = arena_str(w->a, deed_who(&d, &d.a));
		s->author = arena_str(w->a, d.ev.author);
		s->node = arena_str(w->a, d.ev.node);
		s->session = arena_str(w->a, d.ev.session_id);
		s->when_ms = deed_when(&d);
		s->own = d.row.own;
		s->pos = d.row.pos;
		if (s->who.p == NULL || s->author.p == NULL ||
		    s->node.p == NULL || s->session.p == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	deed_fini(&d);
	return rc;
}

static enum err
sides_load(struct work *w, space_id sp, const struct eid *id, size_t n,
    struct str field, struct conflict_side **ret, struct err_info *e)
{
	enum err rc = ERR_OK;

	*ret = arena_array(w->a, n, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = side_load(w, sp, &id[i], field, &(*ret)[i], e);
	return rc;
}

/* The value that every side replaced: the write of the field that all of them
 * name. */
static enum err
find_base(struct work *w, space_id sp, const struct row *row,
    struct conflict *c, struct err_info *e)
{
	struct deed first = { 0 }, other = { 0 };
	struct conflict_side base;
	enum err rc = deed_load(&first, w->s, sp, &row->head[0], e);

	for (size_t i = 0;
	     rc == ERR_OK && c->base.n == 0 && i < first.ev.n_replaces; i++) {
		const struct eid *id = &first.ev.replaces[i];
		bool all = true;

		for (size_t k = 1; rc == ERR_OK && all && k < row->n_heads;
		     k++) {
			bool named = false;

			rc = deed_load(&other, w->s, sp, &row->head[k], e);
			for (size_t m = 0;
			     rc == ERR_OK && m < other.ev.n_replaces; m++)
				named |= eid_eq(&other.ev.replaces[m], id);
			all = named;
		}
		if (rc == ERR_OK && all)
			rc = side_load(w, sp, id, c->field, &base, e);
		if (rc == ERR_OK && all)
			c->base = base.value;
		/* Named, but not here: then it is not known. */
		if (rc == ERR_NOT_FOUND) {
			*e = (struct err_info){ 0 };
			rc = ERR_OK;
		}
	}
	deed_fini(&first);
	deed_fini(&other);
	return rc;
}

static enum err
shown_load(struct work *w, const struct entity *en, struct conflict *c,
    struct err_info *e)
{
	struct buf b = { 0 };
	const struct cell *cell;
	bool any = false;
	enum err rc;

	for (size_t at = 0; (cell = entity_field_next(en, &at)) != NULL;)
		if (str_eq(cell->field, c->field))
			any = entity_value_of(en, cell, &b);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK && any) {
		c->shown = arena_str(w->a, buf_str(&b));
		rc = c->shown.p ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	buf_fini(&b);
	for (size_t i = 0; i < c->n; i++)
		c->side[i].shown = str_eq(c->side[i].value, c->shown);
	return rc;
}

static enum kind
kind_of(const struct entity *en, struct str field)
{
	const struct field_row *row = field_find(en->aggregate, field);

	return row != NULL ? row->kind : KIND_REGISTER;
}

enum err
conflict_load(struct work *w, space_id sp, const struct entity *en,
    const struct row *row, struct conflict *c, struct err_info *e)
{
	enum err rc;

	*c = (struct conflict){ .space = sp,
		.kind = kind_of(en, row->field),
		.state = row->state,
		.n = row->n_heads,
		.n_closers = row->n_closers };
	hex_encode(row->id, sizeof row->id, c->id);
	c->key.project = arena_str(w->a, en->project);
	c->key.type = arena_str(w->a, en->type);
	c->key.key = arena_str(w->a, en->key);
	c->field = arena_str(w->a, row->field);
	if (c->key.project.p == NULL || c->key.type.p == NULL ||
	    c->key.key.p == NULL || c->field.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = sides_load(w, sp, row->head, row->n_heads, c->field, &c->side, e);
	if (rc == ERR_OK)
		rc = sides_load(w, sp, row->closer, row->n_closers, c->field,
		    &c->closer, e);
	if (rc == ERR_OK)
		rc = find_base(w, sp, row, c, e);
	return rc == ERR_OK ? shown_load(w, en, c, e) : rc;
}

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	const char *type, *field, *before, *behind;
} settled_by[] = {
	{ "work_package", "lane", "wp move ", " LANE" },
	{ "work_package", "assignee", "wp assign ", " AGENT" },
	{ "work_package", "phase", "wp assign ", " AGENT --phase PHASE" },
	{ "work_package", "title", "wp edit ", " --title TITLE" },
	{ "work_package", "priority", "wp edit ", " --priority PRIORITY" },
	{ "work_package", "description", "wp edit ", " --description TEXT" },
	{ "work_package", "present", "wp edit ", "" },
	{ "feature", "title", "feature edit ", " --title TITLE" },
	{ "feature", "description", "feature edit ", " --description TEXT" },
	{ "feature", "target_branch", "feature edit ",
	    " --target-branch BRANCH" },
	{ "feature", "present", "feature edit ", "" },
	{ "todo", "content", "todo edit ", " TEXT" },
	{ "todo", "priority", "todo edit ", " --priority PRIORITY" },
	{ "todo", "description", "todo edit ", " --description TEXT" },
	{ "todo", "status", "todo start|done|reopen ", "" },
	{ "todo", "present", "todo reopen ", "" },
};
/* clang-format on */

void
conflict_settle(const struct conflict *c, struct buf *out)
{
	for (size_t i = 0; i < sizeof settled_by / sizeof *settled_by; i++) {
		if (!str_is(c->key.type, settled_by[i].type) ||
		    !str_is(c->field, settled_by[i].field))
			continue;
		buf_adds(out, settled_by[i].before);
		words_shell(c->key.key, out);
		buf_adds(out, settled_by[i].behind);
	}
}

const char *
conflict_rule(enum kind kind, enum row_state state)
{
	if (state == ROW_RESOLVED)
		return "somebody who had seen the sides decided";
	switch (kind) {
	case KIND_STATUS:
		return "work that was sent back beats what it was sent back "
		       "from; else the one further along is shown";
	case KIND_FLAG:
		return "what one side removed and the other edited stays";
	case KIND_TEXT:
		return "the latest write is shown as a whole; no lines are "
		       "merged yet";
	case KIND_REGISTER:
	case KIND_SET:
	case KIND_LIST:
	case KIND_PER_SESSION:
		break;
	}
	return "the latest write is shown, by stamps and not by clocks";
}

static void
sides_json(struct json_writer *w, const char *key,
    const struct conflict_side *s, size_t n)
{
	char text[EID_TEXT_MAX];

	json_key(w, key);
	json_arr(w);
	for (size_t i = 0; i < n; i++) {
		json_obj(w);
		json_key(w, "event");
		json_put_str(w, str_n(text, eid_format(&s[i].id, text)));
		view_put(w, "value", s[i].value);
		json_key(w, "who"), json_put_str(w, s[i].who);
		view_put_text(w, "author", s[i].author);
		json_key(w, "when"), when_put(w, s[i].when_ms);
		json_key(w, "machine"), json_put_str(w, s[i].node);
		view_put_text(w, "session", s[i].session);
		json_key(w, "shown"), json_put_bool(w, s[i].shown);
		json_end(w);
	}
	json_end(w);
}

void
conflict_json(struct json_writer *w, const struct conflict *c)
{
	static const char *const kind[] = { [KIND_REGISTER] = "register",
		[KIND_STATUS] = "status",
		[KIND_TEXT] = "text",
		[KIND_SET] = "set",
		[KIND_LIST] = "list",
		[KIND_FLAG] = "flag",
		[KIND_PER_SESSION] = "per_session" };

	json_obj(w);
	json_key(w, "id"), json_put_z(w, c->id);
	json_key(w, "project"), json_put_str(w, c->key.project);
	json_key(w, "type"), json_put_str(w, c->key.type);
	json_key(w, "key"), json_put_str(w, c->key.key);
	json_key(w, "field"), json_put_str(w, c->field);
	json_key(w, "kind"), json_put_z(w, kind[c->kind]);
	json_key(w, "state"), json_put_z(w, row_state_name(c->state));
	json_key(w, "rule"), json_put_z(w, conflict_rule(c->kind, c->state));
	view_put(w, "shown", c->shown);
	view_put(w, "base", c->base);
	sides_json(w, "sides", c->side, c->n);
	sides_json(w, "closers", c->closer, c->n_closers);
	json_end(w);
}
