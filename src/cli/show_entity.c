/* All about one entity: what it shows now and who wrote that, notes, conflicts,
 * history. */
#include <stdlib.h>

#include "clock.h"
#include "conflict.h"
#include "fault.h"
#include "show.h"
#include "text.h"
#include "view.h"
#include "when.h"
#include "words.h"

enum { HISTORY_SHOWN = 10, LABEL_MAX = 18, LONG_TEXT = 200, TEXT_INDENT = 4 };

struct page {
	struct work *w;
	space_id sp;
	const struct entity_key *key;
	const struct entity *en; /* borrow: nothing here writes */
	struct namer namer;
	struct str name;
	struct eid *event; /* own: its log, in stamp order */
	size_t n, cap;
	size_t label; /* width of the fields' names */
};

static enum err
note_event(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct page *p = ctx;

	if (!mem_grow(&p->event, &p->cap, p->n + 1, sizeof *p->event))
		return err_set(e, ERR_NOMEM);
	p->event[p->n++] = row->id;
	return ERR_OK;
}

static enum err
page_init(struct page *p, struct work *w, space_id sp,
    const struct entity_key *key, struct err_info *e)
{
	enum err rc;

	*p = (struct page){ .w = w, .sp = sp, .key = key };
	namer_init(&p->namer, w);
	rc = store_entity(w->s, sp, key, &p->en, e);
	if (rc == ERR_OK && p->en == NULL)
		rc = err_setf(e, ERR_NOT_FOUND, "there is no %.*s '%.*s'",
		    STR_ARG(key->type), STR_ARG(key->key));
	if (rc == ERR_OK)
		rc = namer_name(&p->namer, sp, key, &p->name, e);
	if (rc == ERR_OK)
		rc = store_entity_log(w->s, sp, key, note_event, p, e);
	return rc;
}

static void
page_fini(struct page *p)
{
	namer_fini(&p->namer);
	free(p->event);
}

/* --- text --------------------------------------------------------------------------- */

static bool
is_long(const struct cell *c)
{
	return c->kind == KIND_TEXT;
}

/* The title stands above, and what is shown is present. */
static bool
says_nothing(const struct cell *c)
{
	return c->n == 1 &&
	    (str_is(c->field, "title") ||
	        (str_is(c->field, "present") && c->head[0].in));
}

/* "  ann, 2 hours ago". */
static enum err
put_deed(struct page *p, const struct eid *id, bool beside, size_t column,
    struct err_info *e)
{
	struct out *o = p->w->c->out;
	struct deed d = { 0 };
	struct buf b = { 0 }, who = { 0 };
	struct str why;
	enum err rc = deed_load(&d, p->w->s, p->sp, id, e);

	if (rc == ERR_OK) {
		deed_ago(deed_when(&d), os_wall_ms(), &b);
		buf_addstr(&who, deed_who(&d, &d.a));
		/* One person at two machines has one name. */
		if (beside)
			buf_addf(&who, " on machine %.*s",
			    (int)(d.ev.node.n < 8 ? d.ev.node.n : 8),
			    d.ev.node.p);
		buf_adds(&who, ", ");
		buf_addstr(&who, buf_str(&b));
		column += 2 + text_width(buf_str(&who));
		if (o->columns > 0 && column > o->columns) {
			column = TEXT_INDENT + text_width(buf_str(&who));
			out_say(o, "\n%*s", TEXT_INDENT, "");
		} else {
			out_say(o, "  ");
		}
		out_str(o, PAINT_DIM, buf_str(&who));
		why = words_member(&d.ev, "reason", &d.a);
		if (why.n > 0) {
			out_say(o, ": ");
			(void)out_words(o, PAINT_NONE, why, column + 2,
			    TEXT_INDENT);
		}
		rc = buf_ok(&who, e);
		buf_fini(&who);
		if (rc == ERR_OK)
			rc = buf_ok(&b, e);
	}
	buf_fini(&b);
	deed_fini(&d);
	return rc;
}

static enum err
head_text(struct page *p, const struct cell *c, const struct head *h,
    size_t column, struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	words_field(c->field, h->value, &b);
	column = out_words(p->w->c->out, view_paint(buf_str(&b)), buf_str(&b),
	    column, p->label + 4);
	rc = buf_ok(&b, e);
	buf_fini(&b);
	if (rc == ERR_OK)
		rc = put_deed(p, &h->id, c->n > 1, column, e);
	out_say(p->w->c->out, "\n");
	return rc;
}

static void
put_label(struct page *p, struct str name)
{
	out_say(p->w->c->out, "  ");
	out_fit(p->w->c->out, PAINT_DIM, name, p->label);
	out_say(p->w->c->out, "  ");
}

/* The value that is shown first, below it the others that stand beside it. */
static enum err
field_text(struct page *p, const struct cell *c, struct err_info *e)
{
	const struct head *shown = entity_shown_of(p->en, c);
	struct buf b = { 0 };
	enum err rc;

	if (c->kind == KIND_SET) {
		put_label(p, c->field);
		if (entity_value_of(p->en, c, &b)) {
			struct buf words = { 0 };

			words_value(buf_str(&b), &words);
			out_str(p->w->c->out, PAINT_NONE, buf_str(&words));
			buf_fini(&words);
		}
		out_say(p->w->c->out, "\n");
		buf_fini(&b);
		return ERR_OK;
	}
	put_label(p, words_field_name(c->field));
	rc = head_text(p, c, shown, p->label + 4, e);
	for (size_t i = 0; rc == ERR_OK && i < c->n; i++) {
		if (&c->head[i] == shown ||
		    str_eq(c->head[i].value, shown->value))
			continue;
		put_label(p, STR(""));
		out_paint(p->w->c->out, PAINT_BAD, "or ");
		rc = head_text(p, c, &c->head[i], p->label + 4 + 3, e);
	}
	return rc;
}

static enum err
fields_text(struct page *p, struct err_info *e)
{
	const struct cell *c;
	enum err rc = ERR_OK;

	for (size_t at = 0; (c = entity_field_next(p->en, &at)) != NULL;) {
		size_t n = text_width(c->field);

		n = n < LABEL_MAX ? n : LABEL_MAX;
		p->label = n > p->label ? n : p->label;
	}
	for (size_t at = 0;
	     rc == ERR_OK && (c = entity_field_next(p->en, &at)) != NULL;) {
		if (c->kind == KIND_LIST || is_long(c) || says_nothing(c))
			continue;
		rc = field_text(p, c, e);
	}
	return rc;
}

/* Texts of several lines stand by themselves. */
static void
texts_text(struct page *p)
{
	struct out *o = p->w->c->out;
	const struct cell *c;

	for (size_t at = 0; (c = entity_field_next(p->en, &at)) != NULL;) {
		struct str text = entity_text_of(p->en, c, p->w->a);

		if (!is_long(c) || text.n == 0)
			continue;
		out_say(o, "\n");
		out_str(o, PAINT_TITLE, c->field);
		if (c->n > 1)
			out_paint(o, PAINT_BAD, "  %zu versions stand", c->n);
		out_say(o, "\n");
		out_wrap(o, text, 2);
	}
}

/* "error", "review"; of an error that was logged, what kind. */
static void
entry_kind(struct page *p, const struct json *j, struct str *ret)
{
	static const char *const members[] = { "entry_type", "error_type" };

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		uint32_t node = json_get(j, 0, members[i]);

		if (node > 0 && json_str(j, node, p->w->a, ret))
			return;
	}
}

static enum paint
kind_paint(struct str kind)
{
	return str_is(kind, "comment") ? PAINT_NONE :
	    str_is(kind, "review")     ? PAINT_REVIEW :
	                                 PAINT_BAD;
}

static enum err
entry_text(struct page *p, const struct head *h, struct err_info *e)
{
	static const char *const text_members[] = { "entry_content",
		"error_message", "update_type" };
	struct out *o = p->w->c->out;
	struct json j = { 0 };
	struct str text = { 0 }, kind = { 0 };
	size_t column = TEXT_INDENT;
	enum err rc = json_parse(&j, h->value, JSON_DEPTH_MAX, e);

	for (size_t i = 0; rc == ERR_OK && text.n == 0 &&
	     i < sizeof text_members / sizeof *text_members;
	     i++) {
		uint32_t node = json_get(&j, 0, text_members[i]);

		if (node > 0)
			(void)json_str(&j, node, p->w->a, &text);
	}
	if (rc == ERR_OK) {
		out_say(o, "  - ");
		entry_kind(p, &j, &kind);
		if (kind.n > 0 && !str_is(kind, "note")) {
			out_str(o, kind_paint(kind), kind);
			out_say(o, ": ");
			column += text_width(kind) + 2;
		}
		column = out_words(o, PAINT_NONE, text.n > 0 ? text : h->value,
		    column, TEXT_INDENT);
		rc = put_deed(p, &h->id, false, column, e);
		out_say(o, "\n");
	}
	json_fini(&j);
	return rc;
}

static enum err
notes_text(struct page *p, struct err_info *e)
{
	const struct cell *c;
	enum err rc = ERR_OK;

	for (size_t at = 0;
	     rc == ERR_OK && (c = entity_field_next(p->en, &at)) != NULL;) {
		if (c->kind != KIND_LIST || c->n == 0)
			continue;
		out_say(p->w->c->out, "\n");
		/* Of a work package they are called its history, but so is what
		 * stands below. */
		out_str(p->w->c->out, PAINT_TITLE,
		    str_is(c->field, "history") ? STR("notes") : c->field);
		out_say(p->w->c->out, "\n");
		for (size_t i = 0; rc == ERR_OK && i < c->n; i++)
			rc = entry_text(p, &c->head[i], e);
	}
	return rc;
}

static enum err
row_text(void *ctx, const struct row *row, const struct entity *en,
    struct err_info *e)
{
	struct page *p = ctx;
	char id[17];

	(void)en, (void)e;
	hex_encode(row->id, sizeof row->id, id);
	out_say(p->w->c->out, "  ");
	out_paint(p->w->c->out, PAINT_BAD, "conflict");
	out_say(p->w->c->out, " about ");
	out_str(p->w->c->out, PAINT_NONE, words_field_name(row->field));
	out_say(p->w->c->out, ", %zu sides: ", row->n_heads);
	out_paint(p->w->c->out, PAINT_ID, "%s conflicts show %.8s",
	    p->w->c->ctx->program, id);
	out_say(p->w->c->out, "\n");
	return ERR_OK;
}

/* The newest first. */
static enum err
list_events(struct page *p, size_t from, struct err_info *e)
{
	struct show_log log;
	struct arena a = { 0 };
	enum err rc = ERR_OK;

	show_log_begin(&log, p->w);
	for (size_t i = p->n; rc == ERR_OK && i-- > from;) {
		struct log_row row;

		arena_reset(&a);
		rc = store_event(p->w->s, p->sp, &p->event[i], &a, &row, e);
		if (rc == ERR_OK)
			rc = show_log_add(&log, &row, e);
	}
	rc = show_log_end(&log, rc, e);
	arena_fini(&a);
	return rc;
}

static enum err
history_text(struct page *p, struct err_info *e)
{
	size_t from = p->n > HISTORY_SHOWN ? p->n - HISTORY_SHOWN : 0;
	struct buf key = { 0 };
	enum err rc;

	out_say(p->w->c->out, "\n");
	out_paint(p->w->c->out, PAINT_TITLE, "history");
	out_say(p->w->c->out, "\n");
	rc = list_events(p, from, e);
	if (rc == ERR_OK && from > 0) {
		out_paint(p->w->c->out, PAINT_DIM, "and %zu before: %s log ",
		    from, p->w->c->ctx->program);
		words_shell(p->key->key, &key);
		rc = buf_ok(&key, e);
		out_str(p->w->c->out, PAINT_DIM, buf_str(&key));
		out_say(p->w->c->out, "\n");
	}
	buf_fini(&key);
	return rc;
}

static enum err
restore_text(struct page *p, struct err_info *e)
{
	struct buf how = { 0 };
	enum err rc;

	show_restore(p->en->aggregate, p->en->key, &how);
	rc = buf_ok(&how, e);
	if (rc == ERR_OK && how.len > 0) {
		out_say(p->w->c->out, "  to bring it back: %s ",
		    p->w->c->ctx->program);
		out_str(p->w->c->out, PAINT_ID, buf_str(&how));
		out_say(p->w->c->out, "\n");
	}
	buf_fini(&how);
	return rc;
}

static enum err
title_text(struct page *p, struct err_info *e)
{
	struct out *o = p->w->c->out;
	struct str title = entity_text(p->en, "title", p->w->a);

	out_str(o, PAINT_ID, p->name);
	if (title.n > 0) {
		out_say(o, "  ");
		(void)out_words(o, PAINT_TITLE, title, text_width(p->name) + 2,
		    TEXT_INDENT);
	}
	if (!entity_present(p->en))
		out_paint(o, PAINT_BAD, "  removed");
	out_say(o, "\n");
	out_say(o, "  ");
	out_str(o, PAINT_DIM, p->en->type);
	out_say(o, " ");
	out_str(o, PAINT_DIM, p->en->key);
	out_say(o, "\n");
	return entity_present(p->en) ? ERR_OK : restore_text(p, e);
}

static enum err
page_text(struct page *p, struct err_info *e)
{
	enum err rc = title_text(p, e);

	if (rc == ERR_OK)
		rc = fields_text(p, e);
	if (rc == ERR_OK)
		rc = conflict_each(p->en, false, row_text, p, e);
	if (rc == ERR_OK)
		texts_text(p);
	if (rc == ERR_OK)
		rc = notes_text(p, e);
	return rc == ERR_OK ? history_text(p, e) : rc;
}

/* --- JSON --------------------------------------------------------------------------- */

static enum err
head_json(struct page *p, struct json_writer *w, const struct cell *c,
    const struct head *h, struct err_info *e)
{
	struct deed d = { 0 };
	char id[EID_TEXT_MAX];
	enum err rc = deed_load(&d, p->w->s, p->sp, &h->id, e);

	if (rc != ERR_OK) {
		deed_fini(&d);
		return rc;
	}
	json_obj(w);
	json_key(w, "event");
	json_put_str(w, str_n(id, eid_format(&h->id, id)));
	if (c->kind == KIND_SET) {
		view_put(w, "element", c->element);
		json_key(w, "in"), json_put_bool(w, h->in);
	} else {
		view_put(w, "value", h->value);
	}
	view_put_text(w, "reporter", h->reporter);
	json_key(w, "who"), json_put_str(w, deed_who(&d, &d.a));
	json_key(w, "when"), when_put(w, deed_when(&d));
	json_end(w);
	deed_fini(&d);
	return ERR_OK;
}

static enum err
field_json(struct page *p, struct json_writer *w, const struct cell *c,
    struct err_info *e)
{
	struct buf value = { 0 };
	size_t n = entity_cells_of(p->en, c);
	enum err rc;

	json_key_str(w, c->field);
	json_obj(w);
	view_put(w, "value",
	    entity_value_of(p->en, c, &value) ? buf_str(&value) :
	                                        (struct str){ 0 });
	rc = buf_ok(&value, e);
	json_key(w, "heads");
	json_arr(w);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; rc == ERR_OK && k < c[i].n; k++)
			rc = head_json(p, w, &c[i], &c[i].head[k], e);
	json_end(w);
	json_end(w);
	buf_fini(&value);
	return rc;
}

static enum err
fields_json(struct page *p, struct json_writer *w, struct err_info *e)
{
	const struct cell *c;
	enum err rc = ERR_OK;

	json_key(w, "fields");
	json_obj(w);
	for (size_t at = 0;
	     rc == ERR_OK && (c = entity_field_next(p->en, &at)) != NULL;)
		rc = field_json(p, w, c, e);
	json_end(w);
	return rc;
}

struct rows_json {
	struct page *p;
	struct json_writer *w;
};

static enum err
row_json(void *ctx, const struct row *row, const struct entity *en,
    struct err_info *e)
{
	struct rows_json *r = ctx;
	struct conflict c;
	enum err rc = conflict_load(r->p->w, r->p->sp, en, row, &c, e);

	if (rc == ERR_OK)
		conflict_json(r->w, &c);
	return rc;
}

static enum err
history_json(struct page *p, struct json_writer *w, struct err_info *e)
{
	struct deed d = { 0 };
	enum err rc = ERR_OK;

	json_key(w, "history");
	json_arr(w);
	for (size_t i = p->n; rc == ERR_OK && i-- > 0;) {
		rc = deed_load(&d, p->w->s, p->sp, &p->event[i], e);
		if (rc == ERR_OK)
			rc = show_event_json(w, &p->namer, &d, e);
	}
	if (rc == ERR_OK)
		json_end(w);
	deed_fini(&d);
	return rc;
}

static enum err
summary_json(struct page *p, struct json_writer *w, struct err_info *e)
{
	struct view v;
	enum err rc = view_load(p->en, p->w->a, &v, e);

	if (rc != ERR_OK)
		return rc;
	if (p->en->aggregate == AGG_WORK_PACKAGE)
		view_wp_json(w, &v);
	else if (p->en->aggregate == AGG_TODO)
		view_todo_json(w, &v);
	else if (p->en->aggregate == AGG_FEATURE)
		view_feature_json(w, &v);
	else
		json_key(w, "id"), json_put_str(w, v.key);
	return ERR_OK;
}

static enum err
page_json(struct page *p, struct err_info *e)
{
	struct json_writer *w = out_json(p->w->c->out);
	struct rows_json rows = { p, w };
	enum err rc;

	json_obj(w);
	json_key(w, "type"), json_put_str(w, p->en->type);
	json_key(w, "key"), json_put_str(w, p->en->key);
	json_key(w, "name"), json_put_str(w, p->name);
	json_key(w, "present"), json_put_bool(w, entity_present(p->en));
	rc = summary_json(p, w, e);
	if (rc == ERR_OK)
		rc = fields_json(p, w, e);
	if (rc != ERR_OK)
		return rc;
	json_key(w, "ledger");
	json_arr(w);
	rc = conflict_each(p->en, true, row_json, &rows, e);
	if (rc != ERR_OK)
		return rc;
	json_end(w);
	rc = history_json(p, w, e);
	if (rc != ERR_OK)
		return rc;
	json_end(w);
	out_json_end(p->w->c->out);
	return ERR_OK;
}

enum err
show_entity(struct work *w, space_id sp, const struct entity_key *key,
    struct err_info *e)
{
	struct page p;
	enum err rc = page_init(&p, w, sp, key, e);

	if (rc == ERR_OK)
		rc = w->c->json ? page_json(&p, e) : page_text(&p, e);
	page_fini(&p);
	return rc;
}

enum err
show_history(struct work *w, space_id sp, const struct entity_key *key,
    size_t max, struct err_info *e)
{
	struct page p;
	enum err rc = page_init(&p, w, sp, key, e);

	if (rc == ERR_OK)
		rc = list_events(&p, max > 0 && p.n > max ? p.n - max : 0, e);
	if (rc == ERR_OK && !w->c->json && !entity_present(p.en))
		rc = restore_text(&p, e);
	page_fini(&p);
	return rc;
}
