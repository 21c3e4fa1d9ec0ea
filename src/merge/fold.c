#include "fold.h"

#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"
#include "hash.h"
#include "map.h"

struct held {
	struct json json;
	struct event ev;
	char *text; /* own */
};

struct group {
	struct entity *en;
	char *name; /* own; the key of by_key */
	struct held **held;
	size_t n, cap;
	size_t next; /* while folding */
};

struct fold {
	struct arena a;
	struct map by_id;   /* eid_key -> held */
	struct map by_key;  /* canonical [project, type, key] -> group */
	struct held **held; /* own */
	size_t n, cap;
	struct group **group; /* own */
	size_t n_groups, cap_groups;
};

enum err
fold_new(struct fold **ret, struct err_info *e)
{
	*ret = mem_zero(sizeof **ret);
	return *ret ? ERR_OK : err_set(e, ERR_NOMEM);
}

static void
held_free(struct held *h)
{
	if (h == NULL)
		return;
	json_fini(&h->json);
	free(h->text);
	free(h);
}

void
fold_free(struct fold *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++)
		held_free(f->held[i]);
	for (size_t i = 0; i < f->n_groups; i++) {
		entity_free(f->group[i]->en);
		free(f->group[i]->held);
		free(f->group[i]->name);
		free(f->group[i]);
	}
	free(f->held);
	free(f->group);
	map_fini(&f->by_id);
	map_fini(&f->by_key);
	arena_fini(&f->a);
	free(f);
}

static char *
key_name(const struct entity_key *k, struct err_info *e)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	char *name;

	json_arr(&w);
	json_put_str(&w, k->project);
	json_put_str(&w, k->type);
	json_put_str(&w, k->key);
	json_end(&w);
	name = buf_take(&b);
	if (name == NULL)
		err_set(e, ERR_NOMEM);
	return name;
}

static enum err
group_of(struct fold *f, const struct entity_key *k, struct group **ret,
    struct err_info *e)
{
	char *name = key_name(k, e);
	struct group *g = NULL;
	enum err rc;

	if (name == NULL)
		return e->code;
	*ret = map_get(&f->by_key, str_of(name));
	if (*ret != NULL) {
		free(name);
		return ERR_OK;
	}
	g = mem_zero(sizeof *g);
	if (g == NULL ||
	    !mem_grow(&f->group, &f->cap_groups, f->n_groups + 1,
	        sizeof(struct group *))) {
		rc = err_set(e, ERR_NOMEM);
		goto fail;
	}
	rc = entity_new(&g->en, k, e);
	if (rc != ERR_OK)
		goto fail;
	if (!map_put(&f->by_key, str_of(name), g)) {
		rc = err_set(e, ERR_NOMEM);
		goto fail;
	}
	g->name = name;
	f->group[f->n_groups++] = g;
	*ret = g;
	return ERR_OK;
fail:
	if (g != NULL)
		entity_free(g->en);
	free(g);
	free(name);
	return rc;
}

static enum err
same_content(const struct event *a, const struct event *b, struct err_info *e)
{
	uint8_t ha[32], hb[32];
	enum err rc = event_content_hash(a, ha, e);

	if (rc == ERR_OK)
		rc = event_content_hash(b, hb, e);
	if (rc == ERR_OK && !hash_eq(ha, hb, 32))
		rc = err_setf(e, ERR_ID_REUSED, "event %.*s: %s",
		    STR_ARG(a->id_text), err_text(ERR_ID_REUSED));
	return rc;
}

static enum err
hold(struct fold *f, struct held *h, struct err_info *e)
{
	struct group *g = NULL;
	enum err rc;

	if (!mem_grow(&f->held, &f->cap, f->n + 1, sizeof(struct held *)))
		return err_set(e, ERR_NOMEM);
	if (h->ev.folds) {
		rc = group_of(f, &h->ev.entity, &g, e);
		if (rc != ERR_OK)
			return rc;
		if (!mem_grow(&g->held, &g->cap, g->n + 1,
		        sizeof(struct held *)))
			return err_set(e, ERR_NOMEM);
	}
	if (!map_put(&f->by_id, eid_key(&h->ev.id), h))
		return err_set(e, ERR_NOMEM);
	if (g != NULL)
		g->held[g->n++] = h;
	f->held[f->n++] = h;
	return ERR_OK;
}

enum err
fold_add(struct fold *f, struct str text, struct err_info *e)
{
	struct held *h = mem_zero(sizeof *h), *known;
	enum err rc;

	if (h == NULL)
		return err_set(e, ERR_NOMEM);
	h->text = mem_dup(text.p, text.n);
	if (h->text == NULL) {
		rc = err_set(e, ERR_NOMEM);
		goto drop;
	}
	rc = event_parse(&h->ev, &h->json, str_n(h->text, text.n), &f->a, e);
	if (rc == ERR_OK)
		rc = event_check(&h->ev, e);
	if (rc != ERR_OK)
		goto drop;
	known = map_get(&f->by_id, eid_key(&h->ev.id));
	if (known != NULL) {
		rc = same_content(&known->ev, &h->ev, e);
		goto drop;
	}
	rc = hold(f, h, e);
	if (rc == ERR_OK)
		return ERR_OK;
drop:
	held_free(h);
	return rc;
}

static int
held_cmp(const void *a, const void *b)
{
	struct stamp sa = event_stamp(&(*(struct held *const *)a)->ev);
	struct stamp sb = event_stamp(&(*(struct held *const *)b)->ev);

	return stamp_cmp(&sa, &sb);
}

static enum err
next_held(void *ctx, const struct event **ret, struct err_info *e)
{
	struct group *g = ctx;

	(void)e;
	*ret = g->next < g->n ? &g->held[g->next++]->ev : NULL;
	return ERR_OK;
}

static int
group_cmp(const void *a, const void *b)
{
	const struct entity *ea = (*(struct group *const *)a)->en;
	const struct entity *eb = (*(struct group *const *)b)->en;
	int c = str_cmp(ea->project, eb->project);

	if (c == 0)
		c = str_cmp(ea->type, eb->type);
	return c ? c : str_cmp(ea->key, eb->key);
}

static enum err
fold_all(struct fold *f, struct err_info *e)
{
	if (f->n_groups > 0)
		qsort(f->group, f->n_groups, sizeof *f->group, group_cmp);
	for (size_t i = 0; i < f->n_groups; i++) {
		struct group *g = f->group[i];
		enum err rc;

		qsort(g->held, g->n, sizeof *g->held, held_cmp);
		g->next = 0;
		rc = entity_fold(g->en, next_held, g, e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

struct ledger_entry {
	const struct entity *en;
	struct row row;
};

static int
ledger_cmp(const void *a, const void *b)
{
	const struct ledger_entry *la = a, *lb = b;

	return memcmp(la->row.id, lb->row.id, sizeof la->row.id);
}

static void
put_ids(struct json_writer *w, const struct eid *id, size_t n)
{
	char text[EID_TEXT_MAX];

	json_arr(w);
	for (size_t i = 0; i < n; i++)
		json_put_str(w, str_n(text, eid_format(&id[i], text)));
	json_end(w);
}

static void
put_row(struct json_writer *w, const struct ledger_entry *l)
{
	char id[17];

	hex_encode(l->row.id, sizeof l->row.id, id);
	json_obj(w);
	json_key(w, "id"), json_put_z(w, id);
	json_key(w, "entity");
	json_arr(w);
	json_put_str(w, l->en->project);
	json_put_str(w, l->en->type);
	json_put_str(w, l->en->key);
	json_end(w);
	json_key(w, "field"), json_put_str(w, l->row.field);
	json_key(w, "heads"), put_ids(w, l->row.head, l->row.n_heads);
	json_key(w, "state"), json_put_z(w, row_state_name(l->row.state));
	json_key(w, "closers"), put_ids(w, l->row.closer, l->row.n_closers);
	json_end(w);
}

static enum err
put_ledger(struct fold *f, struct json_writer *w, struct err_info *e)
{
	struct ledger_entry *all = NULL;
	size_t n = 0, cap = 0;
	struct arena a = { 0 };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < f->n_groups; i++) {
		struct row *row;
		size_t rows;

		rc = entity_ledger(f->group[i]->en, &a, &row, &rows, e);
		if (rc == ERR_OK &&
		    !mem_grow(&all, &cap, n + rows, sizeof *all))
			rc = err_set(e, ERR_NOMEM);
		for (size_t k = 0; rc == ERR_OK && k < rows; k++)
			all[n++] =
			    (struct ledger_entry){ f->group[i]->en, row[k] };
	}
	if (n > 0)
		qsort(all, n, sizeof *all, ledger_cmp);
	json_arr(w);
	for (size_t i = 0; i < n; i++)
		put_row(w, &all[i]);
	json_end(w);
	free(all);
	arena_fini(&a);
	return rc;
}

static void
put_digest(struct json_writer *w, struct str project, const uint8_t sum[32])
{
	char hex[65];

	hex_encode(sum, 32, hex);
	json_key_str(w, project);
	json_put_z(w, hex);
}

/* Projects in which something was written. */
static enum err
put_digests(struct fold *f, struct json_writer *w, struct err_info *e)
{
	const struct entity *last = NULL;
	uint8_t sum[32] = { 0 }, one[32];

	json_obj(w);
	for (size_t i = 0; i < f->n_groups; i++) {
		const struct entity *en = f->group[i]->en;
		enum err rc;

		if (en->n_cells == 0)
			continue;
		if (last != NULL && !str_eq(en->project, last->project)) {
			put_digest(w, last->project, sum);
			memset(sum, 0, sizeof sum);
		}
		rc = entity_digest(en, one, e);
		if (rc != ERR_OK)
			return rc;
		hash_sum_add(sum, one);
		last = en;
	}
	if (last != NULL)
		put_digest(w, last->project, sum);
	json_end(w);
	return ERR_OK;
}

enum err
fold_write(struct fold *f, struct buf *out, struct err_info *e)
{
	struct buf plain = { 0 };
	struct json_writer w = { .out = &plain };
	struct json j = { 0 };
	enum err rc = fold_all(f, e);

	if (rc != ERR_OK)
		return rc;
	json_obj(&w);
	json_key(&w, "entities");
	json_arr(&w);
	for (size_t i = 0; rc == ERR_OK && i < f->n_groups; i++)
		if (f->group[i]->en->n_cells > 0)
			rc = entity_write_json(f->group[i]->en, &w, e);
	json_end(&w);
	json_key(&w, "ledger");
	if (rc == ERR_OK)
		rc = put_ledger(f, &w, e);
	json_key(&w, "digests");
	if (rc == ERR_OK)
		rc = put_digests(f, &w, e);
	json_key(&w, "fold_version"), json_put_u(&w, FOLD_VERSION);
	json_end(&w);
	if (rc == ERR_OK)
		rc = buf_ok(&plain, e);
	if (rc == ERR_OK)
		rc = json_parse(&j, buf_str(&plain), JSON_DEPTH_MAX, e);
	if (rc == ERR_OK) {
		json_canon(&j, 0, out);
		rc = buf_ok(out, e);
	}
	json_fini(&j);
	buf_fini(&plain);
	return rc;
}

enum err
fold_digest(struct fold *f, uint8_t out[32], struct err_info *e)
{
	enum err rc = fold_all(f, e);

	memset(out, 0, 32);
	for (size_t i = 0; rc == ERR_OK && i < f->n_groups; i++) {
		uint8_t one[32];

		rc = entity_digest(f->group[i]->en, one, e);
		if (rc == ERR_OK)
			hash_sum_add(out, one);
	}
	return rc;
}
