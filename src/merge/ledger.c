/* The ledger of conflicts: a product of the fold (docs/merge.md, Ledger). */
#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"
#include "hash.h"

const char *
row_state_name(enum row_state s)
{
	static const char *const name[] = { [ROW_OPEN] = "open",
		[ROW_AUTO] = "auto",
		[ROW_MERGED] = "merged",
		[ROW_RESOLVED] = "resolved" };

	return name[s];
}

bool
cell_has_rows(const struct cell *c)
{
	switch (c->kind) {
	case KIND_REGISTER:
	case KIND_STATUS:
	case KIND_TEXT:
		return true;
	case KIND_FLAG:
		return str_is(c->field, "present");
	case KIND_SET:
	case KIND_LIST:
	case KIND_PER_SESSION:
		break;
	}
	return false;
}

bool
standing_differ(const struct standing *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!str_eq(s[i].value, s[0].value))
			return true;
	return false;
}

/* Lanes that stop work: never decided silently. */
static bool
is_stop(struct str value)
{
	return str_is(value, "\"blocked\"") || str_is(value, "\"canceled\"");
}

enum row_state
row_state_of(const struct cell *c, const struct standing *s, size_t n)
{
	size_t best = 0;

	if (c->kind != KIND_STATUS)
		return ROW_OPEN;
	for (size_t i = 1; i < n; i++)
		if (standing_cmp(&s[i], &s[best]) > 0)
			best = i;
	for (size_t i = 0; i < n; i++)
		if (s[i].rank > s[best].rank || is_stop(s[i].value))
			return ROW_OPEN;
	return ROW_AUTO;
}

enum err
row_id(const struct entity *en, struct str field, struct eid *head, size_t n,
    uint8_t out[8], struct err_info *e)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	char text[EID_TEXT_MAX];
	enum err rc;

	qsort(head, n, sizeof *head, eid_cmp_void);
	json_arr(&w);
	json_arr(&w);
	json_put_str(&w, en->project);
	json_put_str(&w, en->type);
	json_put_str(&w, en->key);
	json_end(&w);
	json_put_str(&w, field);
	json_arr(&w);
	for (size_t i = 0; i < n; i++)
		json_put_str(&w, str_n(text, eid_format(&head[i], text)));
	json_end(&w);
	json_end(&w);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		hash_blake2b(buf_str(&b), out, 8);
	buf_fini(&b);
	return rc;
}

static int
row_cmp(const void *a, const void *b)
{
	const struct row *ra = a, *rb = b;

	return memcmp(ra->id, rb->id, sizeof ra->id);
}

static size_t
row_place(const struct entity *en, const uint8_t id[8])
{
	size_t lo = 0, hi = en->n_closed;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(en->closed[mid].id, id, 8) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static enum err
row_add_closer(struct row *r, const struct eid *closer, enum row_state state,
    struct err_info *e)
{
	struct eid *grown;

	if (r->state != ROW_RESOLVED)
		r->state = state;
	for (size_t i = 0; i < r->n_closers; i++)
		if (eid_eq(&r->closer[i], closer))
			return ERR_OK;
	grown = mem_realloc(r->closer, (r->n_closers + 1) * sizeof *grown);
	if (grown == NULL)
		return err_set(e, ERR_NOMEM);
	r->closer = grown;
	r->closer[r->n_closers++] = *closer;
	qsort(r->closer, r->n_closers, sizeof *r->closer, eid_cmp_void);
	return ERR_OK;
}

static enum err
row_add(struct entity *en, size_t at, const struct row *row, struct err_info *e)
{
	struct row copy = *row;

	copy.field = str_n(mem_dup(row->field.p, row->field.n), row->field.n);
	copy.head = mem_dup(row->head, row->n_heads * sizeof *row->head);
	if (copy.field.p == NULL || copy.head == NULL ||
	    !mem_grow(&en->closed, &en->cap_closed, en->n_closed + 1,
	        sizeof *en->closed)) {
		row_fini(&copy);
		return err_set(e, ERR_NOMEM);
	}
	memmove(&en->closed[at + 1], &en->closed[at],
	    (en->n_closed - at) * sizeof *en->closed);
	en->closed[at] = copy;
	en->n_closed++;
	return ERR_OK;
}

enum err
row_close(struct entity *en, struct str field, const struct standing *s,
    size_t n, const struct eid *closer, enum row_state state,
    struct err_info *e)
{
	struct row row = { .field = field, .n_heads = n, .state = state };
	struct eid *head = mem_alloc(n * sizeof *head);
	enum err rc;
	size_t at;

	if (head == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++)
		head[i] = s[i].id;
	row.head = head;
	rc = row_id(en, field, head, n, row.id, e);
	if (rc != ERR_OK)
		goto done;
	at = row_place(en, row.id);
	if (at == en->n_closed || memcmp(en->closed[at].id, row.id, 8) != 0)
		rc = row_add(en, at, &row, e);
	if (rc == ERR_OK)
		rc = row_add_closer(&en->closed[at], closer, state, e);
done:
	free(head);
	return rc;
}

/* The row over the present heads of a cell, where they differ. */
static enum err
present_row(const struct entity *en, const struct cell *c, struct arena *a,
    struct row *ret, bool *is, struct err_info *e)
{
	struct standing *s = arena_array(a, c->n, sizeof *s);

	*is = false;
	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < c->n; i++)
		s[i] = standing_of(en, &c->head[i]);
	if (!standing_differ(s, c->n))
		return ERR_OK;
	*ret = (struct row){ .field = c->field,
		.n_heads = c->n,
		.state = row_state_of(c, s, c->n) };
	ret->head = arena_array(a, c->n, sizeof *ret->head);
	if (ret->head == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < c->n; i++)
		ret->head[i] = s[i].id;
	*is = true;
	return row_id(en, c->field, ret->head, c->n, ret->id, e);
}

enum err
entity_ledger(const struct entity *en, struct arena *a, struct row **ret,
    size_t *n, struct err_info *e)
{
	*n = 0;
	*ret = arena_array(a, en->n_closed + en->n_cells, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < en->n_cells; i++) {
		const struct cell *c = &en->cell[i];
		enum err rc;
		bool is;

		if (c->n < 2 || !cell_has_rows(c))
			continue;
		rc = present_row(en, c, a, &(*ret)[*n], &is, e);
		if (rc != ERR_OK)
			return rc;
		*n += is;
	}
	for (size_t i = 0; i < en->n_closed; i++)
		(*ret)[(*n)++] = en->closed[i];
	qsort(*ret, *n, sizeof **ret, row_cmp);
	return ERR_OK;
}
