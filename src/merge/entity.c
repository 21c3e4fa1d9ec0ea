/* An entity's state in memory: cells, heads, reading. */
#include "entity.h"

#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"

void
head_fini(struct head *h)
{
	free((void *)(uintptr_t)h->value.p);
	free((void *)(uintptr_t)h->reporter.p);
	*h = (struct head){ 0 };
}

void
row_fini(struct row *r)
{
	free((void *)(uintptr_t)r->field.p);
	free(r->head);
	free(r->closer);
	*r = (struct row){ 0 };
}

static void
cell_fini(struct cell *c)
{
	for (size_t i = 0; i < c->n; i++)
		head_fini(&c->head[i]);
	free(c->head);
	if (!c->listed)
		free((void *)(uintptr_t)c->field.p);
	if (c->element.n > 0)
		free((void *)(uintptr_t)c->element.p);
	trail_free(c->trail);
}

void
entity_clear(struct entity *en)
{
	for (size_t i = 0; i < en->n_cells; i++)
		cell_fini(&en->cell[i]);
	for (size_t i = 0; i < en->n_closed; i++)
		row_fini(&en->closed[i]);
	for (size_t i = 0; i < en->n_nodes; i++)
		free((void *)(uintptr_t)en->node[i].p);
	en->n_cells = en->n_closed = en->n_nodes = 0;
	en->last_clock = 0;
	en->last_node = 0;
	en->last_id = (struct eid){ 0 };
	en->events = 0;
}

enum err
entity_new(struct entity **ret, const struct entity_key *key,
    struct err_info *e)
{
	struct entity *en = mem_zero(sizeof *en);

	*ret = NULL;
	if (en == NULL)
		return err_set(e, ERR_NOMEM);
	en->project =
	    str_n(mem_dup(key->project.p, key->project.n), key->project.n);
	en->type = str_n(mem_dup(key->type.p, key->type.n), key->type.n);
	en->key = str_n(mem_dup(key->key.p, key->key.n), key->key.n);
	if (en->project.p == NULL || en->type.p == NULL || en->key.p == NULL) {
		entity_free(en);
		return err_set(e, ERR_NOMEM);
	}
	en->aggregate = aggregate_find(en->type);
	*ret = en;
	return ERR_OK;
}

void
entity_free(struct entity *en)
{
	if (en == NULL)
		return;
	entity_clear(en);
	free(en->cell);
	free(en->closed);
	free(en->node);
	free((void *)(uintptr_t)en->project.p);
	free((void *)(uintptr_t)en->type.p);
	free((void *)(uintptr_t)en->key.p);
	free(en);
}

struct str
entity_node(const struct entity *en, uint32_t node)
{
	return en->node[node];
}

int
entity_cmp_last(const struct entity *en, const struct event *ev)
{
	struct stamp mine, its = event_stamp(ev);

	if (en->last_id.form == EID_NONE)
		return 1;
	mine = (struct stamp){ en->last_clock, en->node[en->last_node],
		en->last_id };
	return stamp_cmp(&its, &mine);
}

bool
entity_node_put(struct entity *en, struct str node, uint32_t *ret)
{
	struct str copy;

	for (size_t i = en->n_nodes; i-- > 0;)
		if (str_eq(en->node[i], node)) {
			*ret = (uint32_t)i;
			return true;
		}
	if (!mem_grow(&en->node, &en->cap_nodes, en->n_nodes + 1,
	        sizeof *en->node))
		return false;
	copy = str_n(mem_dup(node.p, node.n), node.n);
	if (copy.p == NULL)
		return false;
	*ret = (uint32_t)en->n_nodes;
	en->node[en->n_nodes++] = copy;
	return true;
}

static int
cell_cmp(const struct cell *c, struct str field, struct str element)
{
	int d = str_cmp(c->field, field);

	return d ? d : str_cmp(c->element, element);
}

/* First cell that is not below (field, element). */
static size_t
cell_place(const struct entity *en, struct str field, struct str element)
{
	size_t lo = 0, hi = en->n_cells;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cell_cmp(&en->cell[mid], field, element) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct cell *
entity_cell(struct entity *en, struct str field, struct str element)
{
	size_t at = cell_place(en, field, element);

	if (at == en->n_cells || cell_cmp(&en->cell[at], field, element) != 0)
		return NULL;
	return &en->cell[at];
}

/* Nearly every field is one that the catalogue names, and few have elements. */
static bool
cell_name(const struct entity *en, struct cell *c, struct str field,
    struct str element)
{
	const struct field_row *row = field_find(en->aggregate, field);

	c->listed = row != NULL && row->name != NULL;
	c->field = c->listed ? str_n(row->name, field.n) :
	                       str_n(mem_dup(field.p, field.n), field.n);
	c->element = element.n == 0 ?
	    STR("") :
	    str_n(mem_dup(element.p, element.n), element.n);
	return c->field.p != NULL && c->element.p != NULL;
}

struct cell *
entity_cell_add(struct entity *en, struct str field, struct str element,
    enum kind kind)
{
	size_t at = cell_place(en, field, element);
	struct cell c = { .kind = kind };
	bool ok;

	if (!mem_grow(&en->cell, &en->cap_cells, en->n_cells + 1,
	        sizeof *en->cell))
		return NULL;
	ok = cell_name(en, &c, field, element);
	if (ok && en->trails != NULL)
		c.trail = trail_new(&en->trails->arena);
	if (!ok || (en->trails != NULL && c.trail == NULL)) {
		cell_fini(&c);
		return NULL;
	}
	memmove(&en->cell[at + 1], &en->cell[at],
	    (en->n_cells - at) * sizeof *en->cell);
	en->cell[at] = c;
	en->n_cells++;
	return &en->cell[at];
}

/* --- what stands --------------------------------------------------------- */

struct standing
standing_of(const struct entity *en, const struct head *h)
{
	return (struct standing){ h->id, h->clock, en->node[h->node], h->round,
		h->rank, h->value };
}

int
standing_cmp(const struct standing *a, const struct standing *b)
{
	struct stamp sa = { a->clock, a->node, a->id };
	struct stamp sb = { b->clock, b->node, b->id };

	if (a->round != b->round)
		return a->round < b->round ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return stamp_cmp(&sa, &sb);
}

int
eid_cmp_void(const void *a, const void *b)
{
	return eid_cmp(a, b);
}

static const struct head *
shown(const struct entity *en, const struct cell *c)
{
	const struct head *best = &c->head[c->n - 1];

	if (c->kind == KIND_FLAG || c->kind == KIND_SET) {
		for (size_t i = c->n; i-- > 0;)
			if (c->head[i].in)
				return &c->head[i];
		return best;
	}
	if (c->kind != KIND_STATUS)
		return best;
	for (size_t i = 0; i + 1 < c->n; i++) {
		struct standing a = standing_of(en, &c->head[i]);
		struct standing b = standing_of(en, best);

		if (standing_cmp(&a, &b) > 0)
			best = &c->head[i];
	}
	return best;
}

size_t
entity_cells_of(const struct entity *en, const struct cell *c)
{
	size_t n = 1;

	while (c + n < en->cell + en->n_cells && str_eq(c[n].field, c->field))
		n++;
	return n;
}

const struct cell *
entity_cells(const struct entity *en, const char *field, size_t *n)
{
	size_t at = cell_place(en, str_of(field), (struct str){ NULL, 0 });
	bool has = at < en->n_cells && str_is(en->cell[at].field, field);

	*n = has ? entity_cells_of(en, &en->cell[at]) : 0;
	return has ? &en->cell[at] : NULL;
}

const struct head *
entity_shown_of(const struct entity *en, const struct cell *c)
{
	return c != NULL && c->n > 0 ? shown(en, c) : NULL;
}

const struct head *
entity_shown(const struct entity *en, const char *field)
{
	size_t n;

	return entity_shown_of(en, entity_cells(en, field, &n));
}

static bool
flag(const struct entity *en, const char *field)
{
	const struct head *h = entity_shown(en, field);

	return h != NULL && h->in;
}

bool
entity_present(const struct entity *en)
{
	return flag(en, "present");
}

bool
entity_archived(const struct entity *en)
{
	return flag(en, "archived");
}

const struct cell *
entity_field_next(const struct entity *en, size_t *at)
{
	const struct cell *c;

	if (*at >= en->n_cells)
		return NULL;
	c = &en->cell[*at];
	do
		++*at;
	while (*at < en->n_cells && str_eq(en->cell[*at].field, c->field));
	return c;
}

static bool
add_list(const struct cell *c, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < c->n; i++) {
		buf_adds(out, i > 0 ? "," : "");
		buf_addstr(out, c->head[i].value);
	}
	buf_addc(out, ']');
	return c->n > 0;
}

static bool
add_set(const struct entity *en, const struct cell *c, size_t n,
    struct buf *out)
{
	bool any = false;

	/* Cells are sorted by element: so is the value. */
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (!shown(en, &c[i])->in)
			continue;
		buf_adds(out, any ? "," : "");
		buf_addstr(out, c[i].element);
		any = true;
	}
	buf_addc(out, ']');
	return any;
}

bool
entity_value_of(const struct entity *en, const struct cell *c, struct buf *out)
{
	const struct head *h;

	if (c == NULL)
		return false;
	switch (c->kind) {
	case KIND_LIST:
		return add_list(c, out);
	case KIND_SET:
		return add_set(en, c, entity_cells_of(en, c), out);
	case KIND_FLAG:
		buf_adds(out, shown(en, c)->in ? "true" : "false");
		return true;
	case KIND_REGISTER:
	case KIND_STATUS:
	case KIND_TEXT:
	case KIND_PER_SESSION:
		break;
	}
	h = shown(en, c);
	buf_addstr(out, h->value);
	return !str_is(h->value, "null");
}

bool
entity_value(const struct entity *en, const char *field, struct buf *out)
{
	size_t n;

	return entity_value_of(en, entity_cells(en, field, &n), out);
}

struct str
entity_text_of(const struct entity *en, const struct cell *c, struct arena *a)
{
	const struct head *h = entity_shown_of(en, c);
	struct str s = { NULL, 0 }, in;
	struct json j = { 0 };
	struct err_info e = { 0 };

	if (h == NULL || h->value.n < 2 || h->value.p[0] != '"')
		return s;
	in = str_n(h->value.p + 1, h->value.n - 2);
	if (in.n == 0 || memchr(in.p, '\\', in.n) == NULL)
		return arena_str(a, in);
	if (json_parse(&j, h->value, 1, &e) == ERR_OK && json_str(&j, 0, a, &s))
		s = arena_str(a, s);
	json_fini(&j);
	return s;
}

struct str
entity_text(const struct entity *en, const char *field, struct arena *a)
{
	size_t n;

	return entity_text_of(en, entity_cells(en, field, &n), a);
}

enum err
entity_heads_of(const struct entity *en, const struct writes *w,
    struct arena *a, struct eid **ret, size_t *n, struct err_info *e)
{
	size_t all = 0, at = 0;

	for (size_t i = 0; i < en->n_cells; i++)
		all += en->cell[i].n;
	*ret = arena_array(a, all, sizeof **ret);
	*n = 0;
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < en->n_cells; i++) {
		const struct cell *c = &en->cell[i];
		bool written = false;

		if (c->kind == KIND_LIST || c->kind == KIND_PER_SESSION)
			continue;
		for (size_t k = 0; k < w->n && !written; k++)
			written = w->w[k].op != WRITE_DEFAULT &&
			    str_eq(w->w[k].field, c->field) &&
			    (w->w[k].op == WRITE_REST_OUT ||
			        str_eq(w->w[k].element, c->element));
		for (size_t k = 0; written && k < c->n; k++)
			(*ret)[at++] = c->head[k].id;
	}
	if (at > 1)
		qsort(*ret, at, sizeof **ret, eid_cmp_void);
	for (size_t i = 0; i < at; i++)
		if (*n == 0 || !eid_eq(&(*ret)[*n - 1], &(*ret)[i]))
			(*ret)[(*n)++] = (*ret)[i];
	return ERR_OK;
}
