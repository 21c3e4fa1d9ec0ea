/* Reading state and log.
 *
 * Rows are read in pages, so that no view is open while somebody else's function
 * looks at the log - it may be slow, or call the store. */
#include "store_int.h"

enum { PREFIX_ROWS = 16 };

/* --- state ------------------------------------------------------------------------ */

static enum err
entity_read(struct store *s, space_id sp, const struct entity_key *key,
    const struct entity **ret, struct err_info *e)
{
	struct entity_slot *slot;
	enum err rc = entity_slot(s, sp, key, false, &slot, e);

	*ret = NULL;
	if (rc != ERR_OK || slot == NULL)
		return rc;
	rc = entity_slot_settle(s, slot, e);
	if (rc != ERR_OK) {
		s->spoilt = true;
		return rc;
	}
	if (!entity_counts(slot->en))
		return ERR_OK;
	slot->lent = true;
	*ret = slot->en;
	return ERR_OK;
}

enum err
store_entity(struct store *s, space_id sp, const struct entity_key *key,
    const struct entity **ret, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = entity_read(s, sp, key, ret, e);
	read_end(s, mine);
	return rc;
}

enum err
store_entity_peek(struct store *s, space_id sp, const struct entity_key *key,
    const struct entity **ret, struct err_info *e)
{
	struct entity_slot *slot;
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	*ret = NULL;
	if (rc != ERR_OK)
		return rc;
	rc = entity_slot(s, sp, key, false, &slot, e);
	if (rc == ERR_OK && slot != NULL && !slot->stale)
		*ret = slot->en;
	read_end(s, mine);
	return rc;
}

/* What was appended in this transaction is in the rows. */
static enum err
flush_for_read(struct store *s, struct err_info *e)
{
	enum err rc;

	if (!s->in_tx || s->n_dirty == 0)
		return ERR_OK;
	rc = cache_flush_entities(s, e);
	if (rc != ERR_OK)
		s->spoilt = true;
	return rc;
}

static enum err
project_list(struct store *s, space_id sp, struct arena *a,
    struct project_row **ret, size_t *n, struct err_info *e)
{
	struct project_slot *slot;
	struct space_slot *space;
	enum err rc = space_slot(s, sp, &space, e);

	if (rc == ERR_OK)
		rc = flush_for_read(s, e);
	/* Sums of this transaction are in memory only. */
	for (slot = s->dirty_project; rc == ERR_OK && slot != NULL;
	     slot = slot->next_dirty)
		rc = s->ops->project_put(s, &slot->row, e);
	return rc == ERR_OK ? s->ops->project_list(s, sp, a, ret, n, e) : rc;
}

/* What a walk over entities looks for. */
struct walk {
	struct str type;   /* n 0: of all types */
	struct str prefix; /* of the keys; only with a type */
	store_entity_fn *fn;
	void *ctx;
};

/* A page of rows, decoded one by one for fn; a is scratch.  *more false: the rows
 * are behind the prefix. */
static enum err
page_show(const struct entity_row *row, size_t n, struct str project,
    const struct walk *w, struct arena *a, bool *more, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct entity_key key = { project, row[i].type, row[i].key };
		const struct entity *en;

		*more = str_starts(row[i].key, w->prefix);
		if (!*more)
			return ERR_OK;
		if (!row[i].counts)
			continue;
		arena_reset(a);
		rc = entity_decode_in(a, &key, row[i].state, &en, e);
		if (rc == ERR_OK)
			rc = w->fn(w->ctx, en, e);
	}
	return rc;
}

/* Pages begin behind a key: the one that is the prefix itself comes before. */
static enum err
exact_show(struct store *s, const struct project_row *project,
    const struct walk *w, struct err_info *e)
{
	struct arena a = { 0 }, one = { 0 };
	struct entity_row row = { 0 };
	bool found = false, more;
	enum err rc;

	if (w->prefix.n == 0)
		return ERR_OK;
	rc = s->ops->entity_find(s, project->id, w->type, w->prefix, &a, &row,
	    &found, e);
	row.type = w->type;
	row.key = w->prefix;
	if (rc == ERR_OK && found)
		rc = page_show(&row, 1, project->uuid, w, &one, &more, e);
	arena_fini(&one);
	arena_fini(&a);
	return rc;
}

static enum err
project_show(struct store *s, const struct project_row *project,
    const struct walk *w, struct err_info *e)
{
	struct arena a[2] = { { 0 }, { 0 } }, one = { 0 };
	struct str at_type = w->type, at_key = w->prefix;
	/* A prefix is met by few. */
	size_t n, max = w->prefix.n > 0 ? PREFIX_ROWS : PAGE_ROWS;
	struct entity_row *row;
	unsigned turn = 0;
	bool more = true, rest = true;
	enum err rc = exact_show(s, project, w, e);

	while (rc == ERR_OK && more && rest) {
		struct arena *page = &a[turn++ & 1];

		arena_reset(page);
		rc = s->ops->entity_page(s, project->id, at_type, at_key,
		    w->type.n > 0, max, page, &row, &n, &rest, e);
		if (rc == ERR_OK)
			rc =
			    page_show(row, n, project->uuid, w, &one, &more, e);
		if (rc == ERR_OK && n > 0) {
			at_type = row[n - 1].type;
			at_key = row[n - 1].key;
		}
		max = PAGE_ROWS;
	}
	arena_fini(&a[0]);
	arena_fini(&a[1]);
	arena_fini(&one);
	return rc;
}

static enum err
entities_show(struct store *s, space_id sp, struct str project,
    const struct walk *w, struct err_info *e)
{
	struct arena a = { 0 };
	struct project_row *list;
	size_t n = 0;
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = project_list(s, sp, &a, &list, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (project.n == 0 || str_eq(project, list[i].uuid))
			rc = project_show(s, &list[i], w, e);
	arena_fini(&a);
	read_end(s, mine);
	return rc;
}

enum err
store_entities(struct store *s, space_id sp, struct str project,
    const char *type, store_entity_fn *fn, void *ctx, struct err_info *e)
{
	struct walk w = { .type = str_of(type), .fn = fn, .ctx = ctx };

	return entities_show(s, sp, project, &w, e);
}

enum err
store_entities_prefix(struct store *s, space_id sp, struct str project,
    const char *type, struct str prefix, store_entity_fn *fn, void *ctx,
    struct err_info *e)
{
	struct walk w = { str_of(type), prefix, fn, ctx };

	return entities_show(s, sp, project, &w, e);
}

enum err
store_projects(struct store *s, space_id sp, struct arena *a,
    struct store_project **ret, size_t *n, struct err_info *e)
{
	struct project_row *list;
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	*n = 0;
	if (rc != ERR_OK)
		return rc;
	rc = project_list(s, sp, a, &list, n, e);
	*ret = rc == ERR_OK ? arena_array(a, *n + 1, sizeof **ret) : NULL;
	if (rc == ERR_OK && *ret == NULL)
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < *n; i++) {
		(*ret)[i].project = list[i].uuid;
		(*ret)[i].entities = list[i].entities;
		memcpy((*ret)[i].digest, list[i].digest, HASH_BYTES);
	}
	read_end(s, mine);
	return rc;
}

enum err
store_digest(struct store *s, space_id sp, struct str project, uint8_t out[32],
    struct err_info *e)
{
	struct project_slot *slot;
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = flush_for_read(s, e);
	if (rc == ERR_OK)
		rc = project_slot(s, sp, project, false, &slot, e);
	if (rc == ERR_OK && slot == NULL)
		rc = err_setf(e, ERR_NOT_FOUND, "no project %.*s",
		    STR_ARG(project));
	if (rc == ERR_OK)
		memcpy(out, slot->row.digest, HASH_BYTES);
	read_end(s, mine);
	return rc;
}

/* --- the log ------------------------------------------------------------------------ */

enum err
row_log(struct store *s, const struct space_row *space,
    const struct event_row *r, struct arena *a, struct log_row *ret,
    struct err_info *e)
{
	struct str code = { 0 }, why = { 0 };
	bool found;
	enum err rc;

	*ret = (struct log_row){ .space = r->space,
		.pos = r->pos,
		.id = r->id,
		.raw = r->raw,
		.own = r->flags & FLAG_OWN,
		.fixed = !(r->flags & FLAG_OWN) || r->seq > 0,
		.status = EVENT_LOCAL,
		.user = r->user,
		.received_ms = r->received_ms,
		.relayed = r->flags & FLAG_RELAYED,
		.discarded = r->flags & FLAG_DISCARDED };
	if (row_acked(s, space, r)) {
		ret->status = EVENT_ACKED;
		ret->seq = s->opt.hub ? r->pos : r->seq;
		ret->fixed = true;
	} else if (!ret->fixed) {
		rc = ever_acked(s, &r->id, &ret->fixed, e);
		if (rc != ERR_OK)
			return rc;
	}
	if (!(r->flags & FLAG_REFUSED))
		return ERR_OK;
	ret->status = EVENT_REFUSED;
	rc =
	    s->ops->refused_get(s, r->space, r->pos, a, &code, &why, &found, e);
	if (rc != ERR_OK)
		return rc;
	ret->code = found ? err_from_wire(code.p, code.n) : ERR_OK;
	/* A code of a later version still says that it was refused. */
	if (ret->code == ERR_OK)
		ret->code = ERR_REFUSED;
	ret->why = why;
	return ERR_OK;
}

static enum err
event_by_id(struct store *s, space_id sp, const struct eid *id, struct arena *a,
    struct log_row *ret, struct err_info *e)
{
	struct space_slot *space;
	struct event_row r = { 0 };
	enum err rc = space_slot(s, sp, &space, e);

	if (rc == ERR_OK)
		rc = row_find(s, sp, id, a, &r, e);
	if (rc == ERR_OK)
		rc = row_log(s, &space->row, &r, a, ret, e);
	return rc;
}

enum err
store_event(struct store *s, space_id sp, const struct eid *id, struct arena *a,
    struct log_row *ret, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = event_by_id(s, sp, id, a, ret, e);
	read_end(s, mine);
	return rc;
}

/* The ids of one form that begin with the prefix: between those that continue
 * it with the least and with the greatest characters. */
static bool
prefix_bounds(struct str prefix, struct str least, struct str greatest,
    struct eid *lo, struct eid *hi)
{
	char text[2][EID_TEXT_MAX];

	if (prefix.n > least.n)
		return false;
	memcpy(text[0], least.p, least.n);
	memcpy(text[1], greatest.p, greatest.n);
	if (prefix.n > 0) {
		memcpy(text[0], prefix.p, prefix.n);
		memcpy(text[1], prefix.p, prefix.n);
	}
	return eid_parse(str_n(text[0], least.n), lo) &&
	    eid_parse(str_n(text[1], least.n), hi);
}

static enum err
prefix_rows(struct store *s, struct space_slot *space, const uint64_t *pos,
    size_t n_pos, struct arena *a, struct log_row *ret, size_t *n,
    struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < n_pos; i++) {
		struct event_row r = { 0 };
		bool found;

		rc = s->ops->event_get(s, space->row.id, pos[i], true, a, &r,
		    &found, e);
		if (rc == ERR_OK && found)
			rc = row_log(s, &space->row, &r, a, &ret[(*n)++], e);
	}
	return rc;
}

static enum err
events_prefix(struct store *s, space_id sp, struct str prefix, size_t max,
    struct arena *a, struct log_row **ret, size_t *n, struct err_info *e)
{
	static const struct {
		const char *least, *greatest;
	} form[] = {
		{ "00000000-0000-0000-0000-000000000000",
		    "ffffffff-ffff-ffff-ffff-ffffffffffff" },
		{ "00000000000000000000000000", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" },
	};
	struct space_slot *space;
	struct eid lo, hi;
	uint64_t *pos;
	size_t n_pos;
	enum err rc = space_slot(s, sp, &space, e);

	*n = 0;
	if (rc != ERR_OK)
		return rc;
	*ret = arena_array(a, max + 1, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < 2 && rc == ERR_OK; i++) {
		if (!prefix_bounds(prefix, str_of(form[i].least),
		        str_of(form[i].greatest), &lo, &hi))
			continue;
		rc = s->ops->event_ids(s, sp, &lo, &hi, max - *n, a, &pos,
		    &n_pos, e);
		if (rc == ERR_OK)
			rc = prefix_rows(s, space, pos, n_pos, a, *ret, n, e);
	}
	return rc;
}

enum err
store_events_prefix(struct store *s, space_id sp, struct str prefix, size_t max,
    struct arena *a, struct log_row **ret, size_t *n, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = events_prefix(s, sp, prefix, max, a, ret, n, e);
	read_end(s, mine);
	return rc;
}

/* A page of rows as the world sees them. */
struct log_page {
	struct arena a;
	struct log_row *row; /* in a */
	size_t n;
};

static enum err
page_fill(struct store *s, space_id sp, uint64_t after, size_t max,
    struct log_page *page, struct err_info *e)
{
	struct space_slot *space;
	struct event_row *row;
	size_t n;
	enum err rc = space_slot(s, sp, &space, e);

	page->n = 0;
	if (rc == ERR_OK)
		rc = s->ops->event_page(s, sp, after, max, true, &page->a, &row,
		    &n, e);
	if (rc != ERR_OK)
		return rc;
	page->row = arena_array(&page->a, n + 1, sizeof *page->row);
	if (page->row == NULL)
		return err_set(e, ERR_NOMEM);
	for (; rc == ERR_OK && page->n < n; page->n++)
		rc = row_log(s, &space->row, &row[page->n], &page->a,
		    &page->row[page->n], e);
	return rc;
}

enum err
store_log(struct store *s, space_id sp, uint64_t after, size_t max,
    store_row_fn *fn, void *ctx, struct err_info *e)
{
	struct log_page page = { 0 };
	size_t left = max ? max : SIZE_MAX;
	bool mine;
	enum err rc;

	do {
		size_t want = left < PAGE_ROWS ? left : PAGE_ROWS;

		arena_reset(&page.a);
		rc = read_begin(s, &mine, e);
		if (rc != ERR_OK)
			break;
		rc = page_fill(s, sp, after, want, &page, e);
		read_end(s, mine);
		for (size_t i = 0; rc == ERR_OK && i < page.n; i++) {
			after = page.row[i].pos;
			rc = fn(ctx, &page.row[i], e);
		}
		left -= page.n;
	} while (rc == ERR_OK && page.n > 0 && left > 0);
	arena_fini(&page.a);
	return rc;
}

/* Rows before a position, newest first, while a page lasts. */
static enum err
page_fill_back(struct store *s, space_id sp, uint64_t before, size_t max,
    struct log_page *page, struct err_info *e)
{
	struct space_slot *space;
	size_t bytes = 0;
	enum err rc = space_slot(s, sp, &space, e);

	page->n = 0;
	page->row = arena_array(&page->a, max + 1, sizeof *page->row);
	if (rc == ERR_OK && page->row == NULL)
		rc = err_set(e, ERR_NOMEM);
	while (rc == ERR_OK && page->n < max && bytes < PAGE_BYTES_MAX &&
	    before > 1) {
		struct event_row r = { 0 };
		bool found;

		rc = s->ops->event_get(s, sp, --before, true, &page->a, &r,
		    &found, e);
		if (rc != ERR_OK || !found)
			continue;
		bytes += r.raw.n;
		rc = row_log(s, &space->row, &r, &page->a,
		    &page->row[page->n++], e);
	}
	return rc;
}

enum err
store_log_back(struct store *s, space_id sp, uint64_t before, size_t max,
    store_row_fn *fn, void *ctx, struct err_info *e)
{
	struct log_page page = { 0 };
	struct arena a = { 0 };
	struct space space;
	size_t left = max ? max : SIZE_MAX;
	bool mine;
	enum err rc = store_space_get(s, sp, &a, &space, e);

	if (rc == ERR_OK && (before == 0 || before > space.events + 1))
		before = space.events + 1;
	while (rc == ERR_OK && before > 1 && left > 0) {
		arena_reset(&page.a);
		rc = read_begin(s, &mine, e);
		if (rc != ERR_OK)
			break;
		rc = page_fill_back(s, sp, before,
		    left < PAGE_ROWS ? left : PAGE_ROWS, &page, e);
		read_end(s, mine);
		for (size_t i = 0; rc == ERR_OK && i < page.n; i++) {
			before = page.row[i].pos;
			rc = fn(ctx, &page.row[i], e);
		}
		if (page.n == 0)
			break;
		left -= page.n;
	}
	arena_fini(&page.a);
	arena_fini(&a);
	return rc;
}

/* Which events an entity has, by stamp. */
static enum err
entity_history(struct store *s, space_id sp, const struct entity_key *key,
    struct arena *a, struct history_item **item, size_t *n, struct err_info *e)
{
	struct entity_slot *slot;
	struct space_slot *space;
	uint64_t *pos;
	enum err rc = space_slot(s, sp, &space, e);

	*n = 0;
	if (rc == ERR_OK)
		rc = entity_slot(s, sp, key, false, &slot, e);
	if (rc != ERR_OK || slot == NULL)
		return rc;
	rc = entity_positions(s, slot->id, slot->runs, slot->pos, slot->n_pos,
	    a, &pos, n, e);
	if (rc == ERR_OK)
		rc = history_load(s, sp, pos, *n, a, item, e);
	return rc;
}

enum err
store_entity_log(struct store *s, space_id sp, const struct entity_key *key,
    store_row_fn *fn, void *ctx, struct err_info *e)
{
	struct arena a = { 0 }, one = { 0 };
	struct history_item *item = NULL;
	size_t n = 0;
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = entity_history(s, sp, key, &a, &item, &n, e);
	read_end(s, mine);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct log_row row;

		arena_reset(&one);
		rc = store_event(s, sp, &item[i].stamp.id, &one, &row, e);
		if (rc == ERR_OK)
			rc = fn(ctx, &row, e);
	}
	arena_fini(&one);
	arena_fini(&a);
	return rc;
}

enum err
store_stamp(struct store *s, space_id sp, const struct eid *id, uint64_t *clock,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row r = { 0 };
	bool mine, found;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = s->ops->event_find(s, sp, id, false, &a, &r, &found, e);
	if (rc == ERR_OK && !found)
		rc = err_set(e, ERR_NOT_FOUND);
	*clock = r.clock;
	arena_fini(&a);
	read_end(s, mine);
	return rc;
}
