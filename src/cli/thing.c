#include "thing.h"

#include <string.h>

#include "lookup.h"

/* Each kind looks for itself; ERR_NOT_FOUND where it has no such thing. */
typedef enum err find_fn(struct work *w, const char *word, struct thing *ret,
    struct err_info *e);

static enum err
find_wp(struct work *w, const char *word, struct thing *ret, struct err_info *e)
{
	struct wp_name wp;
	enum err rc;

	/* "002" begins the keys of all that is in that feature: it is the feature
	 * that is meant. */
	if (word[0] >= '0' && word[0] <= '9' && strchr(word, '/') == NULL)
		return err_set(e, ERR_NOT_FOUND);
	rc = work_wp(w, NULL, word, &wp, e);
	if (rc == ERR_OK)
		ret->key.key = wp.key;
	return rc;
}

static enum err
find_feature(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	return work_feature(w, word, &ret->key.key, e);
}

static enum err
find_todo(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	struct todo_name todo;
	enum err rc = work_todo(w, word, &todo, e);

	if (rc == ERR_OK) {
		ret->key.key = todo.key;
		ret->key.project = todo.project;
		ret->space = todo.space;
	}
	return rc;
}

static enum err
find_item(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	return lookup_entity(w->s, w->space, w->project, AGG_WORK_ITEM, STR(""),
	    str_of(word), w->a, &ret->key.key, e);
}

static enum err
find_project(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	return lookup_entity(w->s, w->space, w->project, AGG_PROJECT, STR(""),
	    str_of(word), w->a, &ret->key.key, e);
}

static enum err
find_event(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	struct space *list;
	size_t n = 0;
	enum err rc;

	ret->is_event = true;
	rc = lookup_event(w->s, w->space, str_of(word), w->a, &ret->row, e);
	if (rc != ERR_NOT_FOUND)
		return rc;
	rc = store_space_list(w->s, w->a, &list, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		rc = lookup_event(w->s, list[i].id, str_of(word), w->a,
		    &ret->row, e);
		if (rc == ERR_OK) {
			ret->space = list[i].id;
			return ERR_OK;
		}
		rc = rc == ERR_NOT_FOUND ? ERR_OK : rc;
	}
	return rc == ERR_OK ? err_set(e, ERR_NOT_FOUND) : rc;
}

static const struct {
	const char *what;
	enum aggregate type;
	find_fn *find;
} kind[] = {
	{ "work package", AGG_WORK_PACKAGE, find_wp },
	{ "feature", AGG_FEATURE, find_feature },
	{ "todo", AGG_TODO, find_todo },
	{ "work item", AGG_WORK_ITEM, find_item },
	{ "project", AGG_PROJECT, find_project },
	{ "event", AGG_OTHER, find_event },
};
enum { KINDS = sizeof kind / sizeof *kind };

/* Of what was removed, by the beginning of its id as a list showed it. */
static enum err
find_removed_id(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	static const enum aggregate type[] = { AGG_WORK_PACKAGE, AGG_FEATURE,
		AGG_TODO };

	for (size_t i = 0; i < sizeof type / sizeof *type; i++) {
		struct str key = { 0 };
		enum err rc = work_removed(w, type[i], NULL, word, &key, e);

		if (rc == ERR_NOT_FOUND || rc == ERR_USAGE)
			continue;
		*ret = (struct thing){ .space = w->space,
			.key = { w->project, str_of(aggregate_name(type[i])),
			    key } };
		return rc;
	}
	return err_setf(e, ERR_NOT_FOUND, "there is nothing called '%.100s'",
	    word);
}

/* Lists do not have what was removed: its whole key does. */
static enum err
find_removed(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct entity_key key = { w->project,
			str_of(aggregate_name(kind[i].type)), str_of(word) };
		const struct entity *en = NULL;
		enum err rc = store_entity(w->s, w->space, &key, &en, e);

		if (rc != ERR_OK)
			return rc;
		if (en == NULL)
			continue;
		*ret = (struct thing){ .key = key, .space = w->space };
		return ERR_OK;
	}
	return find_removed_id(w, word, ret, e);
}

/* What all kinds say of a word. */
struct search {
	struct thing found[KINDS];
	size_t n;
	struct buf kinds;          /* "a todo or an event" */
	struct err_info ambiguous; /* the first that was */
};

static enum err
search_kind(struct search *s, struct work *w, size_t i, const char *word,
    struct err_info *e)
{
	struct err_info why = { 0 };
	struct thing t = { .space = w->space,
		.key = {
		    w->project, str_of(aggregate_name(kind[i].type)), { 0 } } };
	enum err rc = kind[i].find(w, word, &t, &why);

	if (rc == ERR_OK) {
		buf_addf(&s->kinds, "%s%s", s->n > 0 ? " or " : "",
		    kind[i].what);
		s->found[s->n++] = t;
		return ERR_OK;
	}
	if (rc == ERR_AMBIGUOUS && s->ambiguous.code == ERR_OK)
		s->ambiguous = why;
	if (rc == ERR_AMBIGUOUS || rc == ERR_NOT_FOUND || rc == ERR_USAGE)
		return ERR_OK;
	*e = why;
	return rc;
}

/* Of several the one that is called so and not only begins so: a feature's slug
 * begins the names of its work packages. */
static void
prefer_exact(struct search *s, struct str word)
{
	size_t at = 0, n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!s->found[i].is_event &&
		    str_eq_nocase(s->found[i].key.key, word))
			at = i, n++;
	if (n == 1) {
		s->found[0] = s->found[at];
		s->n = 1;
	}
}

enum err
thing_find(struct work *w, const char *word, struct thing *ret,
    struct err_info *e)
{
	struct search s = { .n = 0 };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < KINDS; i++)
		rc = search_kind(&s, w, i, word, e);
	/* Hints of kinds that did not find it. */
	buf_reset(&w->c->hint);
	prefer_exact(&s, str_of(word));
	if (rc == ERR_OK)
		rc = buf_ok(&s.kinds, e);
	if (rc == ERR_OK && s.n == 1) {
		*ret = s.found[0];
	} else if (rc == ERR_OK && s.n > 1) {
		rc = err_setf(e, ERR_AMBIGUOUS,
		    "'%.100s' may be a %s: write more of it", word,
		    s.kinds.data);
	} else if (rc == ERR_OK && s.ambiguous.code != ERR_OK) {
		*e = s.ambiguous;
		rc = e->code;
	} else if (rc == ERR_OK) {
		rc = find_removed(w, word, ret, e);
	}
	buf_fini(&s.kinds);
	return rc;
}
