/* What words name: features, work packages, todos.  The usual ways cost a few
 * look-ups by key; lists are made only where those did not say it. */
#include <stdlib.h>

#include "fault.h"
#include "ids.h"
#include "lookup.h"
#include "work.h"

/* --- lists of what there is ----------------------------------------------------- */

struct gather {
	struct arena *a;
	struct lookup_item *item; /* own */
	size_t n, cap, max;       /* max 0 = no bound */
	bool whole_keys;          /* work packages: typed as feature/WP */
	bool live;                /* without what is archived */
	bool removed;             /* only what was removed */
	bool stopped;
};

static enum err
gather_one(void *ctx, const struct entity *en, struct err_info *e)
{
	struct gather *g = ctx;
	struct lookup_item it = { 0 };
	struct str feature, id;
	bool todo = en->aggregate == AGG_TODO;

	if (entity_present(en) == g->removed ||
	    (g->live && entity_archived(en)))
		return ERR_OK;
	it.key = arena_str(g->a, en->key);
	/* With a NUL behind it: messages print the title by "%s". */
	it.what =
	    arena_str(g->a, entity_text(en, todo ? "content" : "title", g->a));
	if (it.key.p == NULL || it.what.p == NULL ||
	    !mem_grow(&g->item, &g->cap, g->n + 1, sizeof *g->item))
		return err_set(e, ERR_NOMEM);
	if (en->aggregate == AGG_FEATURE) {
		it.also = id_feature_word(it.key);
	} else if (en->aggregate == AGG_WORK_PACKAGE &&
	    id_wp_split(it.key, &feature, &id)) {
		it.also = g->whole_keys ? id : it.key;
		it.key = g->whole_keys ? it.key : id;
	}
	g->item[g->n++] = it;
	g->stopped = g->max > 0 && g->n == g->max;
	return g->stopped ? work_stop(e) : ERR_OK;
}

static enum err
gather(struct work *w, struct gather *g, enum aggregate type, struct str prefix,
    struct err_info *e)
{
	enum err rc;

	g->a = w->a;
	rc = store_entities_prefix(w->s, w->space, w->project,
	    aggregate_name(type), prefix, gather_one, g, e);
	return work_stopped(rc, g->stopped, e);
}

/* --- features ---------------------------------------------------------------------- */

static enum err
feature_exact(struct work *w, struct str slug, struct str *ret,
    struct err_info *e)
{
	const struct entity *en = NULL;
	enum err rc;

	if (slug.n == 0)
		return ERR_OK;
	rc = work_entity(w, AGG_FEATURE, slug, &en, e);
	if (rc != ERR_OK || en == NULL)
		return rc;
	*ret = arena_str(w->a, en->key);
	return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* "2" where 002 is meant, and nothing begins with "2". */
static enum err
pick_feature(struct work *w, const struct gather *g, struct str word,
    size_t *at, struct err_info *e)
{
	struct err_info why = { 0 };
	uint64_t number;
	char *padded;
	enum err rc = lookup_pick(g->item, g->n, word, "feature", at, e);

	if (rc != ERR_NOT_FOUND || word.n >= 3 || !str_u64(word, &number))
		return rc;
	padded = arena_fmt(w->a, "%03llu", (unsigned long long)number);
	if (padded == NULL)
		return err_set(e, ERR_NOMEM);
	rc = lookup_pick(g->item, g->n, str_of(padded), "feature", at, &why);
	if (rc != ERR_NOT_FOUND)
		*e = why;
	return rc;
}

static enum err
feature_named(struct work *w, struct str word, struct str *ret,
    struct err_info *e)
{
	struct gather g = { 0 };
	size_t at = 0;
	enum err rc = feature_exact(w, word, ret, e);

	if (rc != ERR_OK || ret->n > 0)
		return rc;
	rc = gather(w, &g, AGG_FEATURE, STR(""), e);
	if (rc == ERR_OK)
		rc = pick_feature(w, &g, word, &at, e);
	if (rc == ERR_OK)
		*ret = g.item[at].key;
	if (rc == ERR_NOT_FOUND)
		cli_hint(w->c, "feature list");
	free(g.item);
	return rc;
}

/* "012-login", and the branches of its work packages: "012-login-WP03". */
static enum err
feature_of_branch(struct work *w, struct str *ret, struct err_info *e)
{
	struct str branch = w->draft.git_branch;
	uint64_t number;
	enum err rc;

	if (!id_feature_number(branch, &number))
		return ERR_OK;
	rc = feature_exact(w, branch, ret, e);
	for (size_t i = branch.n; rc == ERR_OK && ret->n == 0 && i-- > 1;)
		if (i + 3 <= branch.n &&
		    str_eq_nocase(str_n(branch.p + i, 3), STR("-wp")))
			rc = feature_exact(w, str_n(branch.p, i), ret, e);
	return rc;
}

static char *
used_note(struct work *w)
{
	return arena_fmt(w->a, "feature.used:%.*s", STR_ARG(w->project));
}

static enum err
feature_last_used(struct work *w, struct str *ret, struct err_info *e)
{
	char *name = used_note(w);
	struct str slug = { 0 };
	enum err rc;

	if (name == NULL)
		return err_set(e, ERR_NOMEM);
	rc = store_note_get(w->s, str_of(name), w->a, &slug, e);
	if (rc == ERR_NOT_FOUND)
		return ERR_OK;
	return rc == ERR_OK ? feature_exact(w, slug, ret, e) : rc;
}

enum err
work_feature_used(struct work *w, struct str slug, struct err_info *e)
{
	char *name = used_note(w);
	struct str before = { 0 };
	enum err rc;

	if (name == NULL)
		return err_set(e, ERR_NOMEM);
	rc = store_note_get(w->s, str_of(name), w->a, &before, e);
	if (rc == ERR_OK && str_eq(before, slug))
		return ERR_OK;
	if (rc != ERR_OK && rc != ERR_NOT_FOUND)
		return rc;
	return store_note_put(w->s, str_of(name), slug, e);
}

enum err
work_feature_maybe(struct work *w, const char *word, struct str *slug,
    struct err_info *e)
{
	struct gather g = { .max = 2, .live = true };
	enum err rc;

	*slug = (struct str){ 0 };
	w->feature_guessed = false;
	if (word != NULL)
		return feature_named(w, str_of(word), slug, e);
	rc = feature_of_branch(w, slug, e);
	if (rc != ERR_OK || slug->n > 0)
		return rc;
	rc = gather(w, &g, AGG_FEATURE, STR(""), e);
	if (rc == ERR_OK && g.n == 1)
		*slug = g.item[0].key;
	else if (rc == ERR_OK && g.n > 1)
		rc = feature_last_used(w, slug, e);
	w->feature_guessed = g.n > 1 && slug->n > 0;
	free(g.item);
	return rc;
}

enum { LISTED_MAX = 8 };

static enum err
feature_which(struct work *w, struct err_info *e)
{
	struct gather g = { 0 };
	struct buf b = { 0 };
	enum err rc = gather(w, &g, AGG_FEATURE, STR(""), e);

	if (rc == ERR_OK && g.n == 0) {
		cli_hint(w->c, "feature add NAME");
		rc = err_setf(e, ERR_NOT_FOUND,
		    "this project has no feature yet");
	}
	for (size_t i = 0; rc == ERR_OK && i < g.n && i < LISTED_MAX; i++)
		buf_addf(&b, "%s%.*s", i > 0 ? ", " : "",
		    STR_ARG(g.item[i].key));
	if (rc == ERR_OK && g.n > LISTED_MAX)
		buf_addf(&b, " and %zu more", g.n - LISTED_MAX);
	if (rc == ERR_OK)
		rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = err_setf(e, ERR_AMBIGUOUS,
		    "which feature? There are %s; name one with --feature",
		    b.data);
	buf_fini(&b);
	free(g.item);
	return rc;
}

enum err
work_feature(struct work *w, const char *word, struct str *slug,
    struct err_info *e)
{
	enum err rc = work_feature_maybe(w, word, slug, e);

	return rc == ERR_OK && slug->n == 0 ? feature_which(w, e) : rc;
}

/* --- work packages ----------------------------------------------------------------- */

/* "wp3-ABC" as it would stand in a key: "feature/WP3-abc"; NULL where it is no
 * beginning of a usual id. */
static char *
usual_key(struct work *w, struct str feature, struct str word)
{
	char *key;

	if (word.n < 3 || !str_eq_nocase(str_n(word.p, 2), STR("wp")))
		return NULL;
	key = arena_fmt(w->a, "%.*s/WP%.*s", STR_ARG(feature),
	    (int)(word.n - 2), word.p + 2);
	for (char *p = key != NULL ? key + feature.n + 3 : NULL;
	     p != NULL && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return key;
}

static enum err
pick_in(struct work *w, struct str feature, struct str prefix, struct str word,
    struct str *key, struct err_info *e)
{
	struct gather g = { 0 };
	size_t at = 0;
	enum err rc = gather(w, &g, AGG_WORK_PACKAGE, prefix, e);

	if (rc == ERR_OK)
		rc = lookup_pick(g.item, g.n, word, "work package", &at, e);
	/* The item's other name is the whole key. */
	if (rc == ERR_OK)
		*key = g.item[at].also;
	free(g.item);
	if (rc == ERR_NOT_FOUND)
		rc = err_setf(e, ERR_NOT_FOUND,
		    "there is no work package '%.*s' in %.*s",
		    (int)(word.n < 100 ? word.n : 100), word.p,
		    STR_ARG(feature));
	return rc;
}

static enum err
wp_in(struct work *w, struct str feature, struct str word, struct str *key,
    struct err_info *e)
{
	char *usual = usual_key(w, feature, word), *all;
	enum err rc = ERR_NOT_FOUND;

	if (usual != NULL)
		rc = pick_in(w, feature, str_of(usual), word, key, e);
	if (rc != ERR_NOT_FOUND)
		return rc;
	all = arena_fmt(w->a, "%.*s/", STR_ARG(feature));
	if (all == NULL)
		return err_set(e, ERR_NOMEM);
	return pick_in(w, feature, str_of(all), word, key, e);
}

/* Leave out those of archived features.  They are in the order of their keys, so
 * that each feature is looked up once. */
static enum err
keep_live(struct work *w, struct gather *g, struct err_info *e)
{
	struct str feature = { 0 }, of, id;
	const struct entity *en;
	bool archived = false;
	size_t kept = 0;
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < g->n; i++) {
		if (id_wp_split(g->item[i].key, &of, &id) &&
		    !str_eq(of, feature)) {
			feature = of;
			rc = work_entity(w, AGG_FEATURE, of, &en, e);
			archived =
			    rc == ERR_OK && en != NULL && entity_archived(en);
		}
		if (!archived)
			g->item[kept++] = g->item[i];
	}
	g->n = kept;
	return rc;
}

static enum err
wp_anywhere(struct work *w, struct str word, struct str *key,
    struct err_info *e)
{
	struct gather g = { .whole_keys = true };
	size_t at = 0;
	enum err rc = gather(w, &g, AGG_WORK_PACKAGE, STR(""), e);

	if (rc == ERR_OK)
		rc = lookup_pick(g.item, g.n, word, "work package", &at, e);
	if (rc == ERR_OK)
		*key = g.item[at].key;
	free(g.item);
	return rc;
}

/* Of no feature that anybody named: WP01 of one and WP01-abc of another are
 * equally good, where within one feature WP01 is the first. */
static enum err
wp_of_all(struct work *w, struct str word, struct str *key, struct err_info *e)
{
	struct gather g = { .whole_keys = true };
	struct str first = { 0 }, feature, id;
	bool several = false;
	size_t at = 0;
	enum err rc = gather(w, &g, AGG_WORK_PACKAGE, STR(""), e);

	if (rc == ERR_OK)
		rc = keep_live(w, &g, e);
	for (size_t i = 0; rc == ERR_OK && i < g.n; i++) {
		if (!id_wp_split(g.item[i].key, &feature, &id) ||
		    !str_eq_nocase(id_wp_short(id), word))
			continue;
		g.item[i].also = id_wp_short(id);
		several |= first.n > 0 && !str_eq(first, feature);
		first = feature;
	}
	if (rc == ERR_OK && first.n > 0 && !several) {
		rc = wp_in(w, first, word, key, e);
	} else if (rc == ERR_OK) {
		rc = lookup_pick(g.item, g.n, word, "work package", &at, e);
		if (rc == ERR_OK)
			*key = g.item[at].key;
	}
	free(g.item);
	return rc;
}

static enum err
wp_find(struct work *w, const char *feature, struct str word, struct str *key,
    struct err_info *e)
{
	struct str slug = { 0 }, part, id;
	char *named;
	enum err rc;

	if (id_wp_split(word, &part, &id)) {
		named = arena_dup(w->a, part);
		if (named == NULL)
			return err_set(e, ERR_NOMEM);
		rc = work_feature_maybe(w, named, &slug, e);
		/* Work packages of other programs may have no feature. */
		if (rc == ERR_NOT_FOUND)
			slug = part;
		else if (rc != ERR_OK)
			return rc;
		return wp_in(w, slug, id, key, e);
	}
	rc = work_feature_maybe(w, feature, &slug, e);
	if (rc != ERR_OK)
		return rc;
	if (w->feature_guessed)
		rc = wp_of_all(w, word, key, e);
	else
		rc = slug.n > 0 ? wp_in(w, slug, word, key, e) : ERR_NOT_FOUND;
	if (rc != ERR_NOT_FOUND || feature != NULL)
		return rc;
	return wp_anywhere(w, word, key, e);
}

enum err
work_wp(struct work *w, const char *feature, const char *word,
    struct wp_name *ret, struct err_info *e)
{
	enum err rc = wp_find(w, feature, str_of(word), &ret->key, e);

	/* Not of how its feature was looked for. */
	if (rc == ERR_NOT_FOUND)
		cli_hint(w->c, "wp list");
	if (rc == ERR_OK && !id_wp_split(ret->key, &ret->feature, &ret->id))
		rc = err_setf(e, ERR_CORRUPT,
		    "the work package '%.*s' names no feature",
		    STR_ARG(ret->key));
	return rc;
}

enum err
work_removed(struct work *w, enum aggregate type, const char *feature,
    const char *word, struct str *key, struct err_info *e)
{
	struct gather g = { .removed = true, .whole_keys = true };
	struct str prefix = { 0 };
	size_t at = 0;
	enum err rc;

	if (feature != NULL)
		prefix = str_of(arena_fmt(w->a, "%s/", feature));
	if (feature != NULL && prefix.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = gather(w, &g, type, prefix, e);
	if (rc == ERR_OK)
		rc = lookup_pick(g.item, g.n, str_of(word), "removed thing",
		    &at, e);
	if (rc == ERR_OK)
		*key = g.item[at].key;
	free(g.item);
	return rc;
}

/* --- todos -------------------------------------------------------------------------- */

struct todo_search {
	struct work *w;
	struct str prefix;
	struct gather g;
	struct todo_name *name; /* own; one per item */
	size_t cap;
};

static enum err
todos_at(struct todo_search *t, space_id sp, struct str project,
    struct err_info *e)
{
	size_t before = t->g.n;
	enum err rc = store_entities_prefix(t->w->s, sp, project, "todo",
	    t->prefix, gather_one, &t->g, e);

	if (rc == ERR_OK && t->g.n > 0 &&
	    !mem_grow(&t->name, &t->cap, t->g.n, sizeof *t->name))
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = before; rc == ERR_OK && i < t->g.n; i++)
		t->name[i] =
		    (struct todo_name){ t->g.item[i].key, project, sp };
	return rc;
}

static enum err
todos_elsewhere(void *ctx, const struct work_place *at, struct err_info *e)
{
	struct todo_search *t = ctx;

	return at->here ? ERR_OK : todos_at(t, at->space, at->project, e);
}

enum err
work_todo(struct work *w, const char *word, struct todo_name *ret,
    struct err_info *e)
{
	struct todo_search t = { .w = w, .g = { .a = w->a } };
	char *lower = arena_dup(w->a, str_of(word));
	size_t at = 0;
	enum err rc;

	if (lower == NULL)
		return err_set(e, ERR_NOMEM);
	for (char *p = lower; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p - 'A' + 'a');
	t.prefix = str_of(lower);
	if (t.prefix.n == 0)
		return err_setf(e, ERR_USAGE, "an empty word names no todo");
	rc = todos_at(&t, w->space, w->project, e);
	if (rc == ERR_OK && t.g.n == 0)
		rc = work_places(w, todos_elsewhere, &t, e);
	if (rc == ERR_OK)
		rc = lookup_pick(t.g.item, t.g.n, t.prefix, "todo", &at, e);
	if (rc == ERR_OK)
		*ret = t.name[at];
	if (rc == ERR_NOT_FOUND)
		cli_hint(w->c, "todo list");
	free(t.g.item);
	free(t.name);
	return rc;
}

/* --- projects ----------------------------------------------------------------------- */

struct picker {
	struct work *w;
	struct work_place *place; /* own */
	struct lookup_item *item; /* own; one per place */
	size_t n, cap_places, cap_items;
};

static enum err
picker_add(void *ctx, const struct work_place *at, struct err_info *e)
{
	struct picker *p = ctx;

	if (str_is(at->project, "unplaced"))
		return ERR_OK;
	if (!mem_grow(&p->place, &p->cap_places, p->n + 1, sizeof *p->place) ||
	    !mem_grow(&p->item, &p->cap_items, p->n + 1, sizeof *p->item))
		return err_set(e, ERR_NOMEM);
	p->place[p->n] = *at;
	p->item[p->n++] =
	    (struct lookup_item){ .key = at->project, .also = at->slug };
	return ERR_OK;
}

enum err
work_project(struct work *w, const char *word, struct work_place *ret,
    struct err_info *e)
{
	struct picker p = { .w = w };
	size_t at = 0;
	enum err rc = work_places(w, picker_add, &p, e);

	if (rc == ERR_OK && strcmp(word, ".") == 0) {
		*ret = (struct work_place){ .space = w->space,
			.project = w->project,
			.slug = w->draft.project_slug,
			.here = true };
		for (size_t i = 0; i < p.n; i++)
			if (p.place[i].here)
				*ret = p.place[i];
	} else if (rc == ERR_OK) {
		rc = lookup_pick(p.item, p.n, str_of(word), "project", &at, e);
		if (rc == ERR_OK)
			*ret = p.place[at];
		if (rc == ERR_NOT_FOUND)
			cli_hint(w->c, "project list");
	}
	free(p.place);
	free(p.item);
	return rc;
}
