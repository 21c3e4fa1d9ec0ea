/* Stored events: decode them again, and fold an entity from its positions.
 *
 * Path: read the stamps of all positions, sort, hand the events over one by one
 * to entity_fold.  Fails: bytes that do not decode are ERR_CORRUPT with their
 * place. */
#include <sodium.h>
#include <stdlib.h>

#include "store_int.h"

/* Raw bytes that are held while an entity is folded; what is beyond is read
 * again, so that an entity of a million events does not need their memory. */
enum { HISTORY_BYTES_MAX = 32 * 1024 * 1024 };
/* So many that stand close together are read in one walk over the log. */
enum { STRETCH_MIN = 8 };

uint32_t
store_sum(struct str raw)
{
	/* Against decay, not against people: the key is no secret. */
	static const uint8_t key[crypto_shorthash_KEYBYTES] = "clowder raw sum";
	uint8_t h[crypto_shorthash_BYTES];
	uint32_t sum;

	(void)crypto_shorthash(h, (const uint8_t *)raw.p, raw.n, key);
	sum = (uint32_t)h[0] | (uint32_t)h[1] << 8 | (uint32_t)h[2] << 16 |
	    (uint32_t)h[3] << 24;
	return sum;
}

void
parsed_fini(struct parsed *p)
{
	json_fini(&p->j);
	arena_fini(&p->a);
}

static enum err
row_parse_by(enum err parse(struct event *, struct json *, struct str,
                 struct arena *, struct err_info *),
    const struct event_row *r, struct parsed *p, struct err_info *e)
{
	enum err rc;

	arena_reset(&p->a);
	rc = parse(&p->ev, &p->j, r->raw, &p->a, e);
	if (rc == ERR_OK || rc == ERR_NOMEM)
		return rc;
	e->code = ERR_CORRUPT;
	return err_wrap(e, "space %lld, event %llu", (long long)r->space,
	    (unsigned long long)r->pos);
}

enum err
row_parse(const struct event_row *r, struct parsed *p, struct err_info *e)
{
	return row_parse_by(event_parse, r, p, e);
}

static int
item_cmp(const void *a, const void *b)
{
	const struct history_item *x = a, *y = b;

	return stamp_cmp(&x->stamp, &y->stamp);
}

static const char lists[] = "an entity lists";

static enum err
row_missing(space_id space, uint64_t pos, const char *does, struct err_info *e)
{
	return err_setf(e, ERR_CORRUPT,
	    "space %lld: event %llu, which %s, is not there", (long long)space,
	    (unsigned long long)pos, does);
}

enum err
row_at(struct store *s, space_id space, uint64_t pos, bool with_raw,
    const char *does, struct arena *a, struct event_row *ret,
    struct err_info *e)
{
	bool found;
	enum err rc =
	    s->ops->event_get(s, space, pos, with_raw, a, ret, &found, e);

	return rc == ERR_OK && !found ? row_missing(space, pos, does, e) : rc;
}

/* How many of the first positions make a stretch of the log of which they are at
 * least a half. */
static size_t
stretch(const uint64_t *pos, size_t n)
{
	size_t i = 1;

	while (i < n && pos[i] > pos[i - 1] && pos[i] - pos[0] <= 2 * i &&
	    pos[i] - pos[0] < PAGE_ROWS)
		i++;
	return i;
}

/* Rows of the first positions, in their order: at least one. */
static enum err
rows_load(struct store *s, space_id space, const uint64_t *pos, size_t n,
    bool with_raw, struct arena *a, struct event_row **ret, size_t *n_ret,
    struct err_info *e)
{
	size_t want = stretch(pos, n), found = 0;
	struct event_row *row;
	enum err rc;
	bool there;

	if (want >= STRETCH_MIN) {
		rc = s->ops->event_page(s, space, pos[0] - 1,
		    pos[want - 1] - pos[0] + 1, with_raw, a, &row, &n, e);
	} else {
		row = arena_array(a, 1, sizeof *row);
		rc = row == NULL ? err_set(e, ERR_NOMEM) :
		                   s->ops->event_get(s, space, pos[0], with_raw,
		                       a, row, &there, e);
		n = rc == ERR_OK && there;
		want = 1;
	}
	for (size_t i = 0; rc == ERR_OK && i < n && found < want; i++) {
		if (row[i].pos > pos[found])
			break;
		if (row[i].pos == pos[found])
			row[found++] = row[i];
	}
	/* A page ends early where its rows are large. */
	if (rc == ERR_OK &&
	    (found == 0 || (found < want && row[n - 1].pos > pos[found])))
		rc = row_missing(space, pos[found], lists, e);
	*ret = row;
	*n_ret = found;
	return rc;
}

enum err
history_load(struct store *s, space_id space, const uint64_t *pos, size_t n,
    struct arena *a, struct history_item **ret, struct err_info *e)
{
	struct history_item *item = arena_array(a, n + 1, sizeof *item);
	struct event_row *row;
	struct str node = { 0 };
	size_t bytes = 0, n_rows;
	bool sorted = true;

	if (item == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t at = 0; at < n; at += n_rows) {
		enum err rc = rows_load(s, space, pos + at, n - at,
		    bytes < HISTORY_BYTES_MAX, a, &row, &n_rows, e);

		if (rc != ERR_OK)
			return rc;
		for (size_t i = at; i < at + n_rows; i++, row++) {
			bytes += row->raw.n;
			if (!str_eq(node, row->node))
				node = row->node;
			item[i] = (struct history_item){
				{ row->clock, node, row->id }, row->pos,
				row->raw, row->flags, row->seq, row->epoch_no
			};
			sorted &=
			    i == 0 || item_cmp(&item[i - 1], &item[i]) < 0;
		}
	}
	if (!sorted)
		qsort(item, n, sizeof *item, item_cmp);
	*ret = item;
	return ERR_OK;
}

enum err
history_raw(struct store *s, space_id space, const struct history_item *item,
    struct arena *a, struct event_row *r, struct err_info *e)
{
	*r = (struct event_row){
		.space = space, .pos = item->pos, .raw = item->raw
	};
	if (item->raw.p != NULL)
		return ERR_OK;
	arena_reset(a);
	return row_at(s, space, item->pos, true, lists, a, r, e);
}

/* What entity_fold draws from. */
struct history_walk {
	struct store *store;
	space_id space;
	const struct history_item *item;
	size_t n, at;
	struct parsed parsed;
	struct arena row; /* of an event that is read again */
};

static enum err
walk_next(void *ctx, const struct event **ret, struct err_info *e)
{
	struct history_walk *w = ctx;

	*ret = NULL;
	while (w->at < w->n) {
		const struct history_item *item = &w->item[w->at++];
		struct event_row r;
		enum err rc;

		if (item->flags & FLAG_REFUSED)
			continue;
		rc = history_raw(w->store, w->space, item, &w->row, &r, e);
		if (rc == ERR_OK)
			rc = row_parse_by(event_replay, &r, &w->parsed, e);
		if (rc != ERR_OK)
			return rc;
		if (!w->parsed.ev.folds)
			continue;
		*ret = &w->parsed.ev;
		return ERR_OK;
	}
	return ERR_OK;
}

enum err
history_fold(struct store *s, space_id space, const uint64_t *pos, size_t n,
    struct entity *en, struct err_info *e)
{
	struct history_walk w = { .store = s, .space = space, .n = n };
	struct history_item *item;
	struct arena a = { 0 };
	enum err rc = history_load(s, space, pos, n, &a, &item, e);

	if (rc == ERR_OK) {
		w.item = item;
		rc = entity_fold(en, walk_next, &w, e);
	}
	parsed_fini(&w.parsed);
	arena_fini(&w.row);
	arena_fini(&a);
	return rc;
}
