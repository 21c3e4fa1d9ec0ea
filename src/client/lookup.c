#include "lookup.h"

#include <stdlib.h>

#include "fault.h"

enum { CANDIDATES_MAX = 5 };

static bool
begins(struct str s, struct str word)
{
	return s.n >= word.n && str_eq_nocase(str_n(s.p, word.n), word);
}

/* "WP01" means WP01-abc before it means WP010. */
static bool
begins_part(struct str s, struct str word)
{
	return begins(s, word) && s.n > word.n && s.p[word.n] == '-';
}

static bool
equals(struct str s, struct str word)
{
	return s.n > 0 && str_eq_nocase(s, word);
}

/* The ways in which a word may name something, strongest first: the first that
 * fits anything decides. */
static bool
fits(const struct lookup_item *it, struct str word, int way)
{
	switch (way) {
	case 0:
		return str_eq(it->key, word);
	case 1:
		return equals(it->key, word) || equals(it->also, word);
	case 2:
		return begins_part(it->key, word) ||
		    begins_part(it->also, word);
	default:
		return begins(it->key, word) || begins(it->also, word);
	}
}

enum { WAYS = 4 };

static enum err
ambiguous(const struct lookup_item *item, size_t n, struct str word,
    const char *kind, int way, size_t hits, struct err_info *e)
{
	struct buf list = { 0 };
	size_t shown = 0;
	enum err rc;

	for (size_t i = 0; i < n && shown < CANDIDATES_MAX; i++) {
		if (!fits(&item[i], word, way))
			continue;
		buf_addf(&list, "%s%.*s", shown++ > 0 ? ", " : "",
		    STR_ARG(item[i].key));
		if (item[i].what.n > 0)
			buf_addf(&list, " (%.40s%s)", item[i].what.p,
			    item[i].what.n > 40 ? "..." : "");
	}
	if (hits > shown)
		buf_addf(&list, " and %zu more", hits - shown);
	rc = buf_ok(&list, e);
	if (rc == ERR_OK)
		rc = err_setf(e, ERR_AMBIGUOUS,
		    "'%.*s' may be any of these %ss: %s",
		    (int)(word.n < 60 ? word.n : 60), word.p, kind, list.data);
	buf_fini(&list);
	return rc;
}

enum err
lookup_pick(const struct lookup_item *item, size_t n, struct str word,
    const char *kind, size_t *ret, struct err_info *e)
{
	if (word.n == 0)
		return err_setf(e, ERR_USAGE, "an empty word names no %s",
		    kind);
	for (int way = 0; way < WAYS; way++) {
		size_t hits = 0;

		for (size_t i = 0; i < n; i++)
			if (fits(&item[i], word, way) && hits++ == 0)
				*ret = i;
		if (hits == 1)
			return ERR_OK;
		if (hits > 1)
			return ambiguous(item, n, word, kind, way, hits, e);
	}
	return err_setf(e, ERR_NOT_FOUND, "there is no %s '%.*s'", kind,
	    (int)(word.n < 100 ? word.n : 100), word.p);
}

/* --- what there is ------------------------------------------------------------- */

struct collect {
	struct arena *a;
	struct str feature;
	struct lookup_item *item; /* own until the end */
	size_t n, cap;
};

static const char *
title_field(enum aggregate type)
{
	switch (type) {
	case AGG_TODO:
		return "content";
	case AGG_SESSION:
		return "cwd";
	case AGG_OTHER:
	case AGG_PROJECT:
	case AGG_FEATURE:
	case AGG_WORK_PACKAGE:
	case AGG_WORK_ITEM:
	case AGG_COUNT:
		break;
	}
	return "title";
}

static enum err
collect_one(void *ctx, const struct entity *en, struct err_info *e)
{
	struct collect *c = ctx;
	struct lookup_item it = { 0 };
	size_t slash = str_find(en->key, '/');

	if (!entity_present(en))
		return ERR_OK;
	if (c->feature.n > 0 &&
	    (slash == SIZE_MAX || !str_eq(str_n(en->key.p, slash), c->feature)))
		return ERR_OK;
	it.key = arena_str(c->a, en->key);
	if (it.key.p != NULL && en->aggregate == AGG_WORK_PACKAGE &&
	    slash != SIZE_MAX)
		it.also = str_n(it.key.p + slash + 1, it.key.n - slash - 1);
	else if (en->aggregate == AGG_PROJECT)
		it.also = entity_text(en, "slug", c->a);
	/* With a NUL behind it: "%s" of messages. */
	it.what =
	    arena_str(c->a, entity_text(en, title_field(en->aggregate), c->a));
	if (it.key.p == NULL || it.what.p == NULL ||
	    !mem_grow(&c->item, &c->cap, c->n + 1, sizeof *c->item))
		return err_set(e, ERR_NOMEM);
	c->item[c->n++] = it;
	return ERR_OK;
}

enum err
lookup_entities(struct store *s, space_id sp, struct str project,
    enum aggregate type, struct str feature, struct arena *a,
    struct lookup_item **ret, size_t *n, struct err_info *e)
{
	struct collect c = { .a = a, .feature = feature };
	enum err rc = store_entities(s, sp, project, aggregate_name(type),
	    collect_one, &c, e);

	*ret = arena_array(a, c.n, sizeof **ret);
	if (rc == ERR_OK && *ret == NULL)
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < c.n; i++)
		(*ret)[i] = c.item[i];
	*n = c.n;
	free(c.item);
	return rc;
}

static const char *
kind_name(enum aggregate type)
{
	return type == AGG_WORK_PACKAGE ? "work package" :
	    type == AGG_WORK_ITEM       ? "work item" :
	                                  aggregate_name(type);
}

enum err
lookup_entity(struct store *s, space_id sp, struct str project,
    enum aggregate type, struct str feature, struct str word, struct arena *a,
    struct str *key, struct err_info *e)
{
	struct lookup_item *item;
	size_t n = 0, at = 0;
	enum err rc =
	    lookup_entities(s, sp, project, type, feature, a, &item, &n, e);

	if (rc == ERR_OK)
		rc = lookup_pick(item, n, word, kind_name(type), &at, e);
	if (rc == ERR_OK)
		*key = item[at].key;
	return rc;
}

enum err
lookup_event(struct store *s, space_id sp, struct str word, struct arena *a,
    struct log_row *ret, struct err_info *e)
{
	struct log_row *row;
	struct lookup_item *item;
	size_t n = 0, at = 0;
	char text[EID_TEXT_MAX];
	enum err rc = store_events_prefix(s, sp, word, CANDIDATES_MAX + 1, a,
	    &row, &n, e);

	if (rc != ERR_OK)
		return rc;
	item = arena_array(a, n, sizeof *item);
	if (item == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++) {
		item[i].key =
		    arena_str(a, str_n(text, eid_format(&row[i].id, text)));
		if (item[i].key.p == NULL)
			return err_set(e, ERR_NOMEM);
	}
	rc = lookup_pick(item, n, word, "event", &at, e);
	if (rc == ERR_OK)
		*ret = row[at];
	return rc;
}
