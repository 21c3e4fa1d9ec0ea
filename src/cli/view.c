#include "view.h"

#include <stddef.h>
#include <stdlib.h>

#include "deed.h"
#include "fault.h"
#include "ids.h"
#include "map.h"

void
views_fini(struct views *l)
{
	free(l->v);
	*l = (struct views){ 0 };
}

/* --- one entity ----------------------------------------------------------------- */

enum err
view_conflicts(const struct entity *en, unsigned *ret, struct err_info *e)
{
	struct arena a = { 0 };
	struct row *row;
	bool several = false;
	size_t n = 0;
	enum err rc = ERR_OK;

	*ret = 0;
	for (size_t i = 0; i < en->n_cells; i++)
		several |= en->cell[i].n > 1 && en->cell[i].kind != KIND_LIST &&
		    en->cell[i].kind != KIND_PER_SESSION;
	if (!several)
		return ERR_OK;
	rc = entity_ledger(en, &a, &row, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		*ret += row[i].state == ROW_OPEN;
	arena_fini(&a);
	return rc;
}

/* Which field becomes which member. */
enum how { AS_TEXT, AS_LANE, AS_STATUS, AS_RAW, AS_FLAG };

/* A table is drawn by hand: */
/* clang-format off */
static const struct loaded {
	const char *field;
	enum how how;
	size_t member;
} loaded[] = {
	{ "active_form", AS_TEXT, offsetof(struct view, active_form) },
	{ "archived", AS_FLAG, offsetof(struct view, archived) },
	{ "assignee", AS_TEXT, offsetof(struct view, assignee) },
	{ "blocked_by", AS_RAW, offsetof(struct view, blocked_by) },
	{ "completed_at", AS_TEXT, offsetof(struct view, completed_at) },
	{ "content", AS_TEXT, offsetof(struct view, title) },
	{ "dependencies", AS_RAW, offsetof(struct view, needs) },
	{ "description", AS_TEXT, offsetof(struct view, description) },
	{ "lane", AS_LANE, offsetof(struct view, state) },
	{ "list", AS_TEXT, offsetof(struct view, list) },
	{ "owner", AS_TEXT, offsetof(struct view, owner) },
	{ "phase", AS_TEXT, offsetof(struct view, phase) },
	{ "priority", AS_RAW, offsetof(struct view, priority) },
	{ "resolved", AS_RAW, offsetof(struct view, resolved) },
	{ "status", AS_STATUS, offsetof(struct view, state) },
	{ "tags", AS_RAW, offsetof(struct view, tags) },
	{ "target_branch", AS_TEXT, offsetof(struct view, branch) },
	{ "title", AS_TEXT, offsetof(struct view, title) },
};
/* clang-format on */

static const struct loaded *
loaded_find(struct str field)
{
	for (size_t i = 0; i < sizeof loaded / sizeof *loaded; i++)
		/* The first letter tells most of them apart. */
		if (field.n > 0 && field.p[0] == loaded[i].field[0] &&
		    str_is(field, loaded[i].field))
			return &loaded[i];
	return NULL;
}

/* A field's value as raw JSON in the arena; n 0 where it shows nothing. */
static enum err
load_raw(const struct entity *en, const char *field, struct arena *a,
    struct str *ret, struct err_info *e)
{
	struct buf b = { 0 };
	bool any = entity_value(en, field, &b);
	enum err rc = buf_ok(&b, e);

	if (rc == ERR_OK && any) {
		*ret = arena_str(a, buf_str(&b));
		rc = ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	buf_fini(&b);
	return rc;
}

static enum err
load_state(const struct entity *en, const struct loaded *l, struct arena *a,
    struct view *v, struct err_info *e)
{
	const struct head *h = entity_shown(en, l->field);
	struct str s = entity_text(en, l->field, a);

	if (s.n > 0)
		v->state =
		    l->how == AS_LANE ? lane_normal(s) : todo_status_normal(s);
	if (h != NULL)
		v->state_event = h->id;
	return s.n > 0 && s.p == NULL ? err_set(e, ERR_NOMEM) : ERR_OK;
}

static enum err
load_field(const struct entity *en, const struct loaded *l, struct arena *a,
    struct view *v, struct err_info *e)
{
	void *member = (char *)v + l->member;
	bool flag;

	switch (l->how) {
	case AS_TEXT:
		*(struct str *)member = entity_text(en, l->field, a);
		return ERR_OK;
	case AS_RAW:
		return load_raw(en, l->field, a, member, e);
	case AS_LANE:
	case AS_STATUS:
		return load_state(en, l, a, v, e);
	case AS_FLAG:
		flag = entity_archived(en);
		memcpy(member, &flag, sizeof flag);
		return ERR_OK;
	}
	return ERR_OK;
}

enum err
view_load(const struct entity *en, struct arena *a, struct view *v,
    struct err_info *e)
{
	const struct cell *c;
	enum err rc = ERR_OK;

	*v = (struct view){ .key = arena_str(a, en->key),
		.project = arena_str(a, en->project) };
	if (v->key.p == NULL || v->project.p == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t at = 0;
	     rc == ERR_OK && (c = entity_field_next(en, &at)) != NULL;) {
		const struct loaded *l = loaded_find(c->field);

		if (l != NULL)
			rc = load_field(en, l, a, v, e);
	}
	if (en->aggregate == AGG_WORK_PACKAGE) {
		if (!id_wp_split(v->key, &v->feature, &v->id))
			v->id = v->key;
		v->shown = v->id;
	}
	if (v->state.n == 0)
		v->state =
		    en->aggregate == AGG_TODO ? STR("pending") : STR("planned");
	return rc == ERR_OK ? view_conflicts(en, &v->conflicts, e) : rc;
}

/* --- lists ---------------------------------------------------------------------- */

struct loader {
	struct work *w;
	struct views *l;
};

static enum err
load_one(void *ctx, const struct entity *en, struct err_info *e)
{
	struct loader *ld = ctx;
	struct views *l = ld->l;

	if (!entity_present(en))
		return ERR_OK;
	if (!mem_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v))
		return err_set(e, ERR_NOMEM);
	return view_load(en, ld->w->a, &l->v[l->n++], e);
}

/* By key "WP01" comes before "WP01-abc", and those of one number are
 * neighbours: WP01 means only one of them where it stands alone. */
static void
name_wps(struct views *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct view *v = &l->v[i];
		struct str brief = id_wp_short(v->id);
		bool alone = true;

		for (size_t k = i > 0 ? i - 1 : 0; k <= i + 1 && k < l->n; k++)
			alone = alone &&
			    (k == i || !str_eq(l->v[k].feature, v->feature) ||
			        !str_eq(id_wp_short(l->v[k].id), brief));
		v->shown = alone ? brief : v->id;
	}
}

static bool
list_has(const struct json *j, struct str word)
{
	uint32_t child = 1;

	for (uint32_t i = 0; j->count > 0 && i < j->node[0].n; i++) {
		if (json_str_is(j, child, word))
			return true;
		child = json_next(j, child);
	}
	return false;
}

static enum err
list_parse(struct json *j, struct str list, struct err_info *e)
{
	j->count = 0;
	return list.n > 0 ? json_parse(j, list, JSON_DEPTH_MAX, e) : ERR_OK;
}

static bool
is_over(const struct view *v)
{
	return str_is(v->state, "done") || str_is(v->state, "canceled");
}

/* Of what was removed nobody waits for the end; what is not known here may come
 * yet. */
static enum err
is_removed(struct work *w, space_id sp, struct str project, struct str key,
    bool *ret, struct err_info *e)
{
	struct entity_key k = { project, STR("work_package"), key };
	const struct entity *en = NULL;
	enum err rc = store_entity(w->s, sp, &k, &en, e);

	*ret = rc == ERR_OK && en != NULL && !entity_present(en);
	return rc;
}

/* What one waits for: dependencies that are not done, canceled, resolved or
 * removed. */
static enum err
wait_of(struct work *w, space_id sp, struct view *v, const struct map *by_id,
    struct json *needs, struct json *resolved, struct err_info *e)
{
	struct buf b = { 0 }, key = { 0 };
	uint32_t child = 1;
	enum err rc = list_parse(needs, v->needs, e);

	if (rc == ERR_OK)
		rc = list_parse(resolved, v->resolved, e);
	for (uint32_t i = 0;
	     rc == ERR_OK && needs->count > 0 && i < needs->node[0].n;
	     i++, child = json_next(needs, child)) {
		const struct view *on;
		bool removed = false;
		struct str id;

		if (!json_str(needs, child, w->a, &id) ||
		    list_has(resolved, id))
			continue;
		buf_reset(&key);
		buf_addstr(&key, v->feature), buf_addc(&key, '/');
		buf_addstr(&key, id);
		on = map_get(by_id, buf_str(&key));
		if (on != NULL && is_over(on))
			continue;
		rc = buf_ok(&key, e);
		if (rc == ERR_OK && on == NULL)
			rc = is_removed(w, sp, v->project, buf_str(&key),
			    &removed, e);
		if (rc != ERR_OK || removed)
			continue;
		buf_adds(&b, b.len > 0 ? ", " : "");
		buf_addstr(&b, on != NULL ? on->shown : id);
	}
	if (rc == ERR_OK)
		rc = buf_ok(&b, e);
	if (rc == ERR_OK && b.len > 0)
		v->waits = arena_str(w->a, buf_str(&b));
	buf_fini(&b);
	buf_fini(&key);
	return rc;
}

static enum err
find_waits(struct work *w, space_id sp, struct views *l, struct err_info *e)
{
	struct json needs = { 0 }, resolved = { 0 };
	struct map by_id = { 0 };
	bool any = false;
	enum err rc = ERR_OK;

	for (size_t i = 0; i < l->n; i++)
		any |= l->v[i].needs.n > 0;
	for (size_t i = 0; rc == ERR_OK && any && i < l->n; i++)
		if (!map_put(&by_id, l->v[i].key, &l->v[i]))
			rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && any && i < l->n; i++)
		if (l->v[i].needs.n > 0 && !is_over(&l->v[i]))
			rc = wait_of(w, sp, &l->v[i], &by_id, &needs, &resolved,
			    e);
	map_fini(&by_id);
	json_fini(&needs);
	json_fini(&resolved);
	return rc;
}

enum err
views_load(struct work *w, space_id sp, struct str project, enum aggregate type,
    struct str feature, struct views *ret, struct err_info *e)
{
	struct loader ld = { w, ret };
	struct str prefix = { 0 };
	enum err rc;

	*ret = (struct views){ 0 };
	if (feature.n > 0) {
		prefix = str_of(arena_fmt(w->a, "%.*s/", STR_ARG(feature)));
		if (prefix.p == NULL)
			return err_set(e, ERR_NOMEM);
	}
	rc = store_entities_prefix(w->s, sp, project, aggregate_name(type),
	    prefix, load_one, &ld, e);
	if (rc == ERR_OK && type == AGG_WORK_PACKAGE) {
		name_wps(ret);
		rc = find_waits(w, sp, ret, e);
	}
	return rc;
}

enum err
views_count(struct views *features, const struct views *wps, struct err_info *e)
{
	struct map by_slug = { 0 };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < features->n; i++)
		if (!map_put(&by_slug, features->v[i].key, &features->v[i]))
			rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < wps->n; i++) {
		struct view *f = map_get(&by_slug, wps->v[i].feature);

		if (f == NULL || str_is(wps->v[i].state, "canceled"))
			continue;
		f->packages++;
		f->done += str_is(wps->v[i].state, "done");
	}
	map_fini(&by_slug);
	return rc;
}

/* --- who ------------------------------------------------------------------------ */

/* Out of the event that moved it; no more of it is looked at than that, for
 * there may be many. */
static enum err
mover(struct work *w, space_id sp, const struct view *v, struct str *ret,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct log_row row;
	struct str s = { 0 };
	uint32_t payload;
	enum err rc = store_event(w->s, sp, &v->state_event, &a, &row, e);

	if (rc == ERR_OK)
		rc = json_parse(&j, row.raw, JSON_DEPTH_MAX, e);
	payload = rc == ERR_OK ? json_get(&j, 0, "payload") : 0;
	/* 0 is the root, an object: no string. */
	if (payload > 0)
		(void)json_str(&j, json_get(&j, payload, "actor"), &a, &s);
	if (rc == ERR_OK && s.n == 0)
		(void)json_str(&j, json_get(&j, 0, "author"), &a, &s);
	if (rc == ERR_OK) {
		*ret = arena_str(w->a, deed_author(s));
		rc = ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

/* Where nobody was assigned, and in other lanes it is nobody's: it waits. */
static bool
asks_mover(const struct view *v)
{
	return v->assignee.n == 0 && v->state_event.form != EID_NONE &&
	    (str_is(v->state, "claimed") || str_is(v->state, "in_progress"));
}

enum err
view_who(struct work *w, space_id sp, const struct view *v, struct str *ret,
    struct err_info *e)
{
	*ret = deed_author(v->assignee);
	return asks_mover(v) ? mover(w, sp, v, ret, e) : ERR_OK;
}

/* Event ids of version 7 begin with the time. */
static int
latest_first(const void *a, const void *b)
{
	const struct view *const *x = a, *const *y = b;

	return eid_cmp(&(*y)->state_event, &(*x)->state_event);
}

enum err
views_who(struct work *w, space_id sp, struct views *l, size_t max,
    struct err_info *e)
{
	struct view **asked = arena_array(w->a, l->n, sizeof *asked);
	size_t n = 0;
	enum err rc = asked != NULL ? ERR_OK : err_set(e, ERR_NOMEM);

	for (size_t i = 0; rc == ERR_OK && i < l->n; i++) {
		l->v[i].who = deed_author(l->v[i].assignee);
		if (asks_mover(&l->v[i]))
			asked[n++] = &l->v[i];
	}
	if (max > 0 && n > max) {
		qsort(asked, n, sizeof *asked, latest_first);
		n = max;
	}
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = mover(w, sp, asked[i], &asked[i]->who, e);
	return rc;
}

/* --- JSON ----------------------------------------------------------------------- */

void
view_put(struct json_writer *w, const char *key, struct str value)
{
	json_key(w, key);
	if (value.n > 0)
		json_put_raw(w, value);
	else
		json_put_null(w);
}

void
view_put_text(struct json_writer *w, const char *key, struct str text)
{
	json_key(w, key);
	if (text.n > 0)
		json_put_str(w, text);
	else
		json_put_null(w);
}

void
view_put_list(struct json_writer *w, const char *key, struct str value)
{
	json_key(w, key);
	json_put_raw(w, value.n > 0 ? value : STR("[]"));
}

static void
put_common(struct json_writer *w, const struct view *v)
{
	view_put_text(w, "description", v->description);
	json_key(w, "conflicts"), json_put_u(w, v->conflicts);
	json_key(w, "project"), json_put_str(w, v->project);
}

void
view_feature_json(struct json_writer *w, const struct view *v)
{
	json_key(w, "id"), json_put_str(w, v->key);
	view_put_text(w, "title", v->title);
	view_put_text(w, "target_branch", v->branch);
	view_put_text(w, "completed_at", v->completed_at);
	json_key(w, "archived"), json_put_bool(w, v->archived);
	put_common(w, v);
}

static void
put_waits(struct json_writer *w, struct str waits)
{
	struct str part;

	json_key(w, "waits_for");
	json_arr(w);
	while (waits.n > 0 && str_split(&waits, ',', &part))
		json_put_str(w, str_trim(part));
	json_end(w);
}

void
view_wp_json(struct json_writer *w, const struct view *v)
{
	json_key(w, "id"), json_put_str(w, v->id);
	json_key(w, "shown"), json_put_str(w, v->shown);
	json_key(w, "feature"), json_put_str(w, v->feature);
	view_put_text(w, "title", v->title);
	json_key(w, "lane"), json_put_str(w, v->state);
	view_put_text(w, "assignee", v->assignee);
	view_put_text(w, "phase", v->phase);
	view_put(w, "priority", v->priority);
	view_put_list(w, "tags", v->tags);
	view_put_list(w, "dependencies", v->needs);
	put_waits(w, v->waits);
	view_put_text(w, "who", v->who);
	json_key(w, "archived"), json_put_bool(w, v->archived);
	put_common(w, v);
}

void
view_todo_json(struct json_writer *w, const struct view *v)
{
	json_key(w, "id"), json_put_str(w, v->key);
	view_put_text(w, "content", v->title);
	json_key(w, "status"), json_put_str(w, v->state);
	view_put(w, "priority", v->priority);
	view_put_text(w, "active_form", v->active_form);
	view_put_text(w, "owner", v->owner);
	view_put_text(w, "list", v->list);
	view_put_list(w, "blocked_by", v->blocked_by);
	put_common(w, v);
}

enum paint
view_priority_paint(struct str priority)
{
	static const struct {
		const char *priority;
		enum paint paint;
	} row[] = {
		{ "\"critical\"", PAINT_BAD },
		{ "\"urgent\"", PAINT_BAD },
		{ "\"high\"", PAINT_WARN },
		{ "\"low\"", PAINT_DIM },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (str_is(priority, row[i].priority))
			return row[i].paint;
	return PAINT_NONE;
}

enum paint
view_paint(struct str state)
{
	static const struct {
		const char *state;
		enum paint paint;
	} row[] = {
		{ "planned", PAINT_TITLE },
		{ "claimed", PAINT_ACTIVE },
		{ "in_progress", PAINT_ACTIVE },
		{ "for_review", PAINT_REVIEW },
		{ "blocked", PAINT_BAD },
		{ "approved", PAINT_GOOD },
		{ "done", PAINT_GOOD },
		{ "completed", PAINT_GOOD },
		{ "canceled", PAINT_DIM },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (str_is(state, row[i].state))
			return row[i].paint;
	return PAINT_NONE;
}
