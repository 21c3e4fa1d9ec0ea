/* What must hold of heads (docs/merge.md, What must be shown to hold): nobody's
 * write is lost, and what an author had seen never stands beside what it wrote. */
#include <stdlib.h>

#include "sim.h"

enum { SIGHT_DEPTH_MAX = 200 };

static bool
single(enum kind kind)
{
	return kind == KIND_REGISTER || kind == KIND_STATUS ||
	    kind == KIND_TEXT;
}

static bool
has(const struct eid *list, size_t n, const struct eid *id)
{
	for (size_t i = 0; i < n; i++)
		if (eid_eq(&list[i], id))
			return true;
	return false;
}

static bool
refuses(const struct plan *p)
{
	return p->refused + p->poison + p->quota > 0;
}

/* Refused at first, by the hub (or for what it names, and then it stands behind
 * what its author did later): it was out of the fold, and came back as what it
 * is, a write of somebody who had not seen what was done meanwhile.
 * What came along with its project may be refused at one machine for what it
 * names, while another sends it. */
static bool
was_refused(struct team_log *l, const struct eid *id)
{
	const struct made *m = witness_find(l->w, id);

	return m != NULL &&
	    (m->was_refused || m->sent_again ||
	        (m->team != l->team && refuses(&l->w->plan)));
}

/* Had the author of `id` seen `other`?  Through what was refused, too: that had
 * seen what it replaced. */
static bool
had_seen(struct team_log *l, const struct eid *id, const struct eid *other,
    unsigned depth)
{
	const struct made *m = witness_find(l->w, id);

	if (m == NULL || !m->command || depth == SIGHT_DEPTH_MAX)
		return false;
	if (has(m->sight, m->n_sight, other))
		return true;
	for (size_t i = 0; i < m->n_sight; i++)
		if (map_get(&l->ids, eid_key(&m->sight[i])) == NULL &&
		    had_seen(l, &m->sight[i], other, depth + 1))
			return true;
	return false;
}

static uint64_t
seq_in(struct world *w, unsigned team, const struct eid *id)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct log_row row = { 0 };

	if (w->hub.space[team] != 0)
		(void)store_event(w->hub.store, w->hub.space[team], id, &a,
		    &row, &e);
	arena_fini(&a);
	return row.pos;
}

/* It went into another team before what its author had seen, which was refused
 * there at first: so it could not name that. */
static bool
went_without(struct team_log *l, const struct eid *id, const struct eid *other)
{
	for (unsigned t = 0; t < TEAMS_MAX; t++) {
		uint64_t at = t != l->team ? seq_in(l->w, t, id) : 0;
		uint64_t seen = at > 0 ? seq_in(l->w, t, other) : 0;

		if (at > 0 && (seen == 0 || seen > at))
			return true;
	}
	return false;
}

static void
check_beside(struct team_log *l, const struct entity *en,
    const struct cell *cell, const struct head *a, const struct head *b)
{
	const struct stands *at = map_get(&l->ids, eid_key(&a->id));
	const struct stands *other = map_get(&l->ids, eid_key(&b->id));
	char text[2][EID_TEXT_MAX];

	/* A greater stamp never counts; what was sent on may name one. */
	if (at == NULL || other == NULL ||
	    stamp_cmp(&other->stamp, &at->stamp) >= 0)
		return;
	(void)eid_format(&a->id, text[0]);
	(void)eid_format(&b->id, text[1]);
	if (has(at->replaces, at->n_replaces, &b->id))
		world_fail(l->w,
		    "%s: in %.*s of %.*s %s stands beside %s, which it names",
		    team_slug(l->team), STR_ARG(cell->field), STR_ARG(en->key),
		    text[0], text[1]);
	else if (other->seq < at->seq && !was_refused(l, &a->id) &&
	    !was_refused(l, &b->id) && had_seen(l, &a->id, &b->id, 0) &&
	    !went_without(l, &a->id, &b->id))
		world_fail(l->w,
		    "%s: in %.*s of %.*s %s stands beside %s, which its author "
		    "had seen",
		    team_slug(l->team), STR_ARG(cell->field), STR_ARG(en->key),
		    text[0], text[1]);
}

static enum err
check_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	struct team_log *l = ctx;

	(void)e;
	for (size_t c = 0; c < en->n_cells; c++) {
		const struct cell *cell = &en->cell[c];

		if (cell->kind == KIND_LIST || cell->kind == KIND_PER_SESSION)
			continue;
		for (size_t i = 0; i < cell->n; i++)
			for (size_t k = 0; k < cell->n; k++)
				if (i != k)
					check_beside(l, en, cell,
					    &cell->head[i], &cell->head[k]);
	}
	return ERR_OK;
}

/* --- no lost write -------------------------------------------------------------- */

static bool
stands_in(const struct entity *en, struct str field, const struct eid *id)
{
	for (size_t c = 0; c < en->n_cells; c++)
		for (size_t h = 0; h < en->cell[c].n; h++)
			if (str_eq(en->cell[c].field, field) &&
			    eid_eq(&en->cell[c].head[h].id, id))
				return true;
	return false;
}

/* What nobody names is a head wherever it wrote. */
static enum err
check_unnamed(struct team_log *l, const struct stands *at, struct arena *a,
    struct json *j, struct err_info *e)
{
	const struct entity *en = NULL;
	char text[EID_TEXT_MAX];
	struct event ev;
	struct writes w;
	enum err rc = event_parse(&ev, j, at->raw, a, e);

	if (rc == ERR_OK)
		rc = event_writes(&ev, a, &w, e);
	if (rc == ERR_OK && w.n > 0)
		rc = store_entity(l->w->hub.store, l->w->hub.space[l->team],
		    &ev.entity, &en, e);
	if (rc != ERR_OK || w.n == 0)
		return rc;
	(void)eid_format(&at->id, text);
	for (size_t i = 0; i < w.n; i++)
		if (single(w.w[i].kind) && w.w[i].op == WRITE_VALUE &&
		    (en == NULL || !stands_in(en, w.w[i].field, &at->id)))
			world_fail(l->w, "%s: what %s wrote in %.*s is lost",
			    team_slug(l->team), text, STR_ARG(w.w[i].field));
	return ERR_OK;
}

/* Another program replaces what it never saw. */
static bool
foreigners_write_here(const struct team_log *l, unsigned team)
{
	return l->w->plan.foreign > 0 && team < SHARED_MAX;
}

static void
check_lost(struct team_log *l)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };
	enum err rc = ERR_OK;
	size_t at = 0;
	void *v;

	while (rc == ERR_OK && map_next(&l->ids, &at, NULL, &v)) {
		const struct stands *s = v;

		arena_reset(&a);
		if (!s->named)
			rc = check_unnamed(l, s, &a, &j, &e);
	}
	(void)world_ok(l->w, rc, &e, "no lost write");
	json_fini(&j);
	arena_fini(&a);
}

void
laws_check(struct team_log *l)
{
	struct err_info e = { 0 };

	(void)world_ok(l->w,
	    store_entities(l->w->hub.store, l->w->hub.space[l->team], STR(""),
	        NULL, check_entity, l, &e),
	    &e, "laws");
	if (l->w->seed % 4 == 1 && !foreigners_write_here(l, l->team))
		check_lost(l);
}
