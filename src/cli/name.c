#include "name.h"

#include "ids.h"

enum { TEXT_SHOWN = 60 };

void
namer_init(struct namer *n, struct work *w)
{
	*n = (struct namer){ .w = w };
}

void
namer_fini(struct namer *n)
{
	map_fini(&n->known);
	map_fini(&n->features);
	buf_fini(&n->key);
}

struct counter {
	size_t n;
	struct str brief; /* count only work packages of this number */
};

static enum err
count_two(void *ctx, const struct entity *en, struct err_info *e)
{
	struct counter *c = ctx;
	struct str feature, id;

	if (!entity_present(en))
		return ERR_OK;
	if (c->brief.n > 0 &&
	    (!id_wp_split(en->key, &feature, &id) ||
	        !str_eq(id_wp_short(id), c->brief)))
		return ERR_OK;
	return ++c->n == 2 ? work_stop(e) : ERR_OK;
}

static enum err
count(struct namer *n, space_id sp, struct str project, enum aggregate type,
    struct str prefix, struct counter *c, struct err_info *e)
{
	enum err rc = store_entities_prefix(n->w->s, sp, project,
	    aggregate_name(type), prefix, count_two, c, e);

	return work_stopped(rc, c->n == 2, e);
}

static enum err
has_several_features(struct namer *n, space_id sp, struct str project,
    bool *ret, struct err_info *e)
{
	static char several[] = "several", one[] = "one";
	struct counter c = { 0 };
	char *known = map_get(&n->features, project);
	struct str copy;
	enum err rc = ERR_OK;

	if (known == NULL) {
		rc = count(n, sp, project, AGG_FEATURE, STR(""), &c, e);
		known = c.n > 1 ? several : one;
		copy = arena_str(n->w->a, project);
		if (rc == ERR_OK &&
		    (copy.p == NULL || !map_put(&n->features, copy, known)))
			rc = err_set(e, ERR_NOMEM);
	}
	*ret = known == several;
	return rc;
}

static enum err
name_wp(struct namer *n, space_id sp, const struct entity_key *key,
    struct str *ret, struct err_info *e)
{
	struct str feature, id, brief;
	struct counter c = { 0 };
	bool several = false;
	char *prefix;
	enum err rc;

	if (!id_wp_split(key->key, &feature, &id))
		return ERR_OK;
	brief = id_wp_short(id);
	c.brief = brief;
	prefix =
	    arena_fmt(n->w->a, "%.*s/%.*s", STR_ARG(feature), STR_ARG(brief));
	if (prefix == NULL)
		return err_set(e, ERR_NOMEM);
	rc =
	    count(n, sp, key->project, AGG_WORK_PACKAGE, str_of(prefix), &c, e);
	if (rc == ERR_OK)
		rc = has_several_features(n, sp, key->project, &several, e);
	if (c.n < 2)
		id = brief;
	*ret = several ? str_of(arena_fmt(n->w->a, "%.*s/%.*s",
	                     STR_ARG(feature), STR_ARG(id))) :
	                 arena_str(n->w->a, id);
	return rc;
}

static enum err
name_by_text(struct namer *n, space_id sp, const struct entity_key *key,
    const char *field, struct str *ret, struct err_info *e)
{
	const struct entity *en = NULL;
	struct str text = { 0 };
	enum err rc = store_entity(n->w->s, sp, key, &en, e);
	size_t cut;

	if (rc == ERR_OK && en != NULL)
		text = entity_text(en, field, n->w->a);
	if (rc != ERR_OK || text.n == 0)
		return rc;
	cut = text.n;
	/* Not within a character. */
	if (cut > TEXT_SHOWN)
		for (cut = TEXT_SHOWN;
		     cut > 0 && ((unsigned char)text.p[cut] & 0xc0) == 0x80;
		     cut--)
			;
	*ret = str_of(arena_fmt(n->w->a, "“%.*s%s”", (int)cut, text.p,
	    cut < text.n ? "…" : ""));
	return ERR_OK;
}

static enum err
make(struct namer *n, space_id sp, const struct entity_key *key,
    struct str *ret, struct err_info *e)
{
	enum aggregate type = aggregate_find(key->type);
	enum err rc = ERR_OK;

	*ret = (struct str){ 0 };
	if (type == AGG_PROJECT)
		*ret = STR("the project");
	else if (type == AGG_WORK_PACKAGE)
		rc = name_wp(n, sp, key, ret, e);
	else if (type == AGG_TODO)
		rc = name_by_text(n, sp, key, "content", ret, e);
	else if (type == AGG_SESSION)
		*ret = str_of(arena_fmt(n->w->a, "session %.*s",
		    STR_ARG(key->key)));
	if (rc == ERR_OK && ret->n == 0)
		*ret = arena_str(n->w->a, key->key);
	return rc == ERR_OK && ret->p == NULL ? err_set(e, ERR_NOMEM) : rc;
}

enum err
namer_name(struct namer *n, space_id sp, const struct entity_key *key,
    struct str *ret, struct err_info *e)
{
	struct str copy, *known;
	enum err rc;

	buf_reset(&n->key);
	buf_addf(&n->key, "%lld %.*s %.*s %.*s", (long long)sp,
	    STR_ARG(key->project), STR_ARG(key->type), STR_ARG(key->key));
	rc = buf_ok(&n->key, e);
	if (rc != ERR_OK)
		return rc;
	known = map_get(&n->known, buf_str(&n->key));
	if (known != NULL) {
		*ret = *known;
		return ERR_OK;
	}
	rc = make(n, sp, key, ret, e);
	if (rc != ERR_OK)
		return rc;
	copy = arena_str(n->w->a, buf_str(&n->key));
	known = arena_alloc(n->w->a, sizeof *known);
	if (copy.p == NULL || known == NULL || !map_put(&n->known, copy, known))
		return err_set(e, ERR_NOMEM);
	*known = *ret;
	return ERR_OK;
}
