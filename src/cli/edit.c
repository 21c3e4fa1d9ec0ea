#include "edit.h"

#include "ids.h"
#include "input.h"
#include "show.h"

void
edit_begin(struct edit *ed, struct work *w, const struct entity *en)
{
	const struct cell *c;
	size_t n;

	ed->w = w;
	ed->en = en;
	ed->was_removed = !entity_present(en);
	c = entity_cells(en, "present", &n);
	ed->doubted = c != NULL && c->n > 1;
	payload_begin(&ed->p);
}

enum err
edit_removed(struct work *w, enum aggregate type, const char *feature,
    const char *word, struct str *key, struct err_info *e)
{
	struct err_info why = { 0 };
	struct str of, id = { 0 };

	if (work_removed(w, type, feature, word, key, &why) != ERR_OK)
		return e->code;
	/* By less of it somebody may mean another that was never here. */
	if (!str_eq_nocase(*key, str_of(word)) &&
	    (!id_wp_split(*key, &of, &id) || !str_eq_nocase(id, str_of(word))))
		return show_was_removed(w, type, feature, word, e);
	buf_reset(&w->c->hint);
	*e = (struct err_info){ 0 };
	return ERR_OK;
}

/* Shown already, by one head: where several stand, writing it again settles
 * them. */
static bool
is_same(const struct edit *ed, const char *field, struct str json)
{
	size_t n;
	const struct cell *c = entity_cells(ed->en, field, &n);

	if (c == NULL || c->n == 0)
		return str_is(json, "null");
	return c->n == 1 && str_eq(c->head[0].value, json);
}

static void
put(struct edit *ed, const char *field, struct str json)
{
	ed->asked++;
	if (is_same(ed, field, json))
		return;
	json_key(&ed->p.w, field), json_put_raw(&ed->p.w, json);
	ed->changed++;
}

static enum err
put_text(struct edit *ed, const char *field, struct str text,
    struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	if (text.n == 0)
		buf_adds(&b, "null");
	else
		json_add_str(&b, text);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		put(ed, field, buf_str(&b));
	buf_fini(&b);
	return rc;
}

enum err
edit_line(struct edit *ed, const char *option, const char *field, size_t max,
    struct err_info *e)
{
	const char *typed = cli_opt(ed->w->c, option);

	return typed ? edit_word(ed, typed, option, field, max, e) : ERR_OK;
}

enum err
edit_word(struct edit *ed, const char *typed, const char *what,
    const char *field, size_t max, struct err_info *e)
{
	struct str s;
	enum err rc = input_line(ed->w->a, what, typed, max, &s, e);

	return rc == ERR_OK ? put_text(ed, field, s, e) : rc;
}

enum err
edit_text(struct edit *ed, const char *option, const char *field,
    struct err_info *e)
{
	const char *typed = cli_opt(ed->w->c, option);
	struct str s = { 0 };
	enum err rc = ERR_OK;

	if (typed == NULL)
		return ERR_OK;
	if (typed[0] != '\0')
		rc = input_text(option, typed, INPUT_TEXT_MAX, &s, e);
	return rc == ERR_OK ? put_text(ed, field, s, e) : rc;
}

enum err
edit_priority(struct edit *ed, struct err_info *e)
{
	const char *typed = cli_opt(ed->w->c, "priority");
	struct str s;
	enum err rc;

	if (typed == NULL)
		return ERR_OK;
	rc = input_priority(ed->w->a, typed, &s, e);
	if (rc == ERR_OK)
		put(ed, "priority", s);
	return rc;
}

/* --- sets ------------------------------------------------------------------------ */

/* Elements of an option, one after the other. */
struct elements {
	struct work *w;
	const char *option;
	edit_check_fn *check;
	void *ctx;
	size_t at;
	struct str rest; /* of the value that is looked at */
	bool in_value;
};

/* *ret.p NULL at the end. */
static enum err
next_element(struct elements *el, struct str *ret, struct err_info *e)
{
	struct str part;
	char *typed;

	*ret = (struct str){ 0 };
	while (!el->in_value || !input_list_next(&el->rest, &part)) {
		const char *value = cli_opt_next(el->w->c, el->option, &el->at);

		if (value == NULL)
			return ERR_OK;
		el->rest = str_of(value);
		el->in_value = true;
	}
	if (el->check != NULL)
		return el->check(el->ctx, part, ret, e);
	typed = arena_dup(el->w->a, part);
	if (typed == NULL)
		return err_set(e, ERR_NOMEM);
	return input_line(el->w->a, el->option, typed, INPUT_WORD_MAX, ret, e);
}

enum err
edit_list(struct work *w, const char *option, edit_check_fn *check, void *ctx,
    struct json_writer *json, size_t *n, struct err_info *e)
{
	struct elements el = {
		.w = w, .option = option, .check = check, .ctx = ctx
	};
	struct str s;
	enum err rc;

	*n = 0;
	json_arr(json);
	while ((rc = next_element(&el, &s, e)) == ERR_OK && s.p != NULL) {
		json_put_str(json, s);
		++*n;
	}
	json_end(json);
	return rc;
}

static bool
is_in(const struct json *list, struct str element)
{
	uint32_t child = 1;

	for (uint32_t i = 0; list->count > 0 && i < list->node[0].n; i++) {
		if (json_str_is(list, child, element))
			return true;
		child = json_next(list, child);
	}
	return false;
}

/* The member "add" or "remove" with those that are not as wanted yet. */
static enum err
put_changes(struct edit *ed, struct elements *el, const char *member,
    const struct json *now, bool want, size_t *n, struct err_info *e)
{
	struct str s;
	enum err rc;

	json_key(&ed->p.w, member);
	json_arr(&ed->p.w);
	while ((rc = next_element(el, &s, e)) == ERR_OK && s.p != NULL) {
		ed->asked++;
		if (is_in(now, s) == want)
			continue;
		json_put_str(&ed->p.w, s);
		++*n;
	}
	json_end(&ed->p.w);
	return rc;
}

enum err
edit_set(struct edit *ed, const char *add, const char *remove,
    const char *field, edit_check_fn *to_add, edit_check_fn *to_remove,
    void *ctx, struct err_info *e)
{
	struct elements in = {
		.w = ed->w, .option = add, .check = to_add, .ctx = ctx
	};
	struct elements out = {
		.w = ed->w, .option = remove, .check = to_remove, .ctx = ctx
	};
	struct json now = { 0 };
	struct buf value = { 0 };
	size_t n = 0;
	enum err rc = ERR_OK;

	if (!cli_has(ed->w->c, add) && !cli_has(ed->w->c, remove))
		return ERR_OK;
	if (entity_value(ed->en, field, &value))
		rc = buf_ok(&value, e);
	if (rc == ERR_OK && value.len > 0)
		rc = json_parse(&now, buf_str(&value), JSON_DEPTH_MAX, e);
	json_key(&ed->p.w, field);
	json_obj(&ed->p.w);
	if (rc == ERR_OK)
		rc = put_changes(ed, &in, "add", &now, true, &n, e);
	if (rc == ERR_OK)
		rc = put_changes(ed, &out, "remove", &now, false, &n, e);
	json_end(&ed->p.w);
	ed->changed += n > 0;
	json_fini(&now);
	buf_fini(&value);
	return rc;
}

enum err
edit_end(struct edit *ed, enum err rc, const char *type,
    struct str aggregate_id, struct err_info *e)
{
	struct work *w = ed->w;

	bool stays = ed->was_removed || ed->doubted;

	if (rc == ERR_OK && ed->asked == 0 && !ed->more && !stays)
		rc = cli_usage(e, "nothing is to be changed: name an option");
	/* Whatever is written says that it is there. */
	if (rc == ERR_OK && (ed->changed > 0 || stays))
		return work_author_in(w, ed->space > 0 ? ed->space : w->space,
		    ed->project.n > 0 ? ed->project : w->project, type,
		    ed->en->aggregate, aggregate_id, &ed->p, NULL, e);
	buf_fini(&ed->p.b);
	return rc;
}
