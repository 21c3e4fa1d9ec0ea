/* What is held in memory of spaces, projects and entities, the fold of what is
 * appended, and the way back to the rows.
 *
 * The normal case: an event's stamp is the greatest of its entity; it is applied
 * to the entity in memory at once, and the entity is written when the
 * transaction ends - once, however many events it got.  Otherwise the entity is
 * stale: what comes for it in the rest of the transaction is only listed, and at
 * the end (or when somebody looks) it is folded again from the log, once. */
#include <assert.h>
#include <stdlib.h>

#include "fault.h"
#include "store_int.h"

/* --- positions as bytes ------------------------------------------------------- */

void
list_add(struct buf *out, uint64_t *last, uint64_t pos)
{
	int64_t diff = (int64_t)(pos - *last);
	uint64_t v = diff < 0 ? ~((uint64_t)diff << 1) : (uint64_t)diff << 1;

	for (; v >= 0x80; v >>= 7)
		buf_addc(out, (char)(v | 0x80));
	buf_addc(out, (char)v);
	*last = pos;
}

enum err
list_read(struct str list, uint64_t **pos, size_t *n, size_t *cap,
    struct err_info *e)
{
	uint64_t last = 0, v = 0;
	unsigned shift = 0;

	for (size_t i = 0; i < list.n; i++) {
		uint8_t c = (uint8_t)list.p[i];

		if (shift > 56)
			break;
		v |= (uint64_t)(c & 0x7f) << shift;
		shift += 7;
		if (c & 0x80)
			continue;
		last += v & 1 ? ~(v >> 1) : v >> 1;
		if (!mem_grow(pos, cap, *n + 1, sizeof **pos))
			return err_set(e, ERR_NOMEM);
		(*pos)[(*n)++] = last;
		v = 0;
		shift = 0;
	}
	if (shift != 0)
		return err_setf(e, ERR_CORRUPT,
		    "a list of positions is broken");
	return ERR_OK;
}

/* --- the cache ------------------------------------------------------------------ */

void
cache_init(struct store *s)
{
	s->lru.newer = s->lru.older = &s->lru;
}

static void
ring_out(struct entity_slot *slot)
{
	slot->newer->older = slot->older;
	slot->older->newer = slot->newer;
}

static void
ring_in(struct store *s, struct entity_slot *slot) /* as the newest */
{
	slot->newer = &s->lru;
	slot->older = s->lru.older;
	slot->older->newer = slot;
	s->lru.older = slot;
}

/* An entity that somebody may hold lives on until the next call that is not a
 * read; where there is no memory to remember it, it is not freed at all. */
static void
entity_bury(struct store *s, struct entity_slot *slot)
{
	if (!slot->lent)
		entity_free(slot->en);
	else if (mem_grow(&s->grave, &s->cap_grave, s->n_grave + 1,
	             sizeof *s->grave))
		s->grave[s->n_grave++] = slot->en;
	slot->en = NULL;
}

void
grave_empty(struct store *s)
{
	for (size_t i = 0; i < s->n_grave; i++)
		entity_free(s->grave[i]);
	s->n_grave = 0;
}

static void
slot_count(struct store *s, struct entity_slot *slot, size_t bytes)
{
	s->cache_bytes += bytes - slot->bytes;
	slot->bytes = bytes;
}

/* About what it takes in memory: entities of many fields or long texts count for
 * more than others.  stored: bytes of its state, of which its strings are a
 * part. */
static void
slot_weigh(struct store *s, struct entity_slot *slot, size_t stored)
{
	const struct entity *en = slot->en;
	size_t n = sizeof *slot + slot->key.n +
	    slot->cap_pos * sizeof *slot->pos + sizeof *en +
	    en->cap_cells * sizeof *en->cell + 2 * stored;

	for (size_t i = 0; i < en->n_cells; i++)
		n += en->cell[i].cap * sizeof *en->cell[i].head;
	slot_count(s, slot, n);
}

static void
entity_slot_free(struct store *s, struct entity_slot *slot)
{
	if (slot == NULL)
		return;
	if (s->last_entity == slot)
		s->last_entity = NULL;
	slot_count(s, slot, 0);
	entity_bury(s, slot);
	free(slot->pos);
	free(slot);
}

void
cache_drop(struct store *s)
{
	size_t at;
	void *v;

	while (s->lru.newer != &s->lru) {
		struct entity_slot *slot = s->lru.newer;

		ring_out(slot);
		entity_slot_free(s, slot);
	}
	for (at = 0; map_next(&s->projects, &at, NULL, &v);)
		free(v);
	for (at = 0; map_next(&s->spaces, &at, NULL, &v);)
		free(v);
	map_fini(&s->entities);
	map_fini(&s->projects);
	map_fini(&s->spaces);
	seen_drop(s);
	arena_reset(&s->cache_arena);
	s->n_dirty = s->n_renames = s->n_revives = 0;
	s->dirty_space = NULL;
	s->dirty_project = NULL;
	s->last_project = NULL;
	s->last_space = NULL;
	s->meta_known = false;
}

#define CACHE_BYTES_MAX ((size_t)32 << 20)

static void
cache_cut(struct store *s, size_t entities, size_t bytes)
{
	struct entity_slot *slot = s->lru.newer;

	while ((s->entities.count > entities || s->cache_bytes > bytes) &&
	    slot != &s->lru) {
		struct entity_slot *next = slot->newer;

		if (!slot->dirty) {
			ring_out(slot);
			(void)map_del(&s->entities, slot->key);
			entity_slot_free(s, slot);
		}
		slot = next;
	}
}

void
cache_trim(struct store *s)
{
	cache_cut(s, s->opt.cache_entities, CACHE_BYTES_MAX);
}

void
cache_rest(struct store *s)
{
	cache_cut(s, s->opt.cache_entities / 3, CACHE_BYTES_MAX / 3);
}

/* --- spaces ----------------------------------------------------------------------- */

static struct str
space_key(const space_id *id)
{
	return str_n(id, sizeof *id);
}

enum err
space_slot(struct store *s, space_id id, struct space_slot **ret,
    struct err_info *e)
{
	struct space_slot *slot = s->last_space;
	bool found;
	enum err rc;

	if (slot == NULL || slot->row.id != id)
		slot = map_get(&s->spaces, space_key(&id));
	if (slot == NULL) {
		slot = mem_zero(sizeof *slot);
		if (slot == NULL)
			return err_set(e, ERR_NOMEM);
		rc = s->ops->space_get(s, id, &s->cache_arena, &slot->row,
		    &found, e);
		if (rc == ERR_OK && !found)
			rc = err_setf(e, ERR_NOT_FOUND, "no space %lld",
			    (long long)id);
		if (rc == ERR_OK &&
		    !map_put(&s->spaces, space_key(&slot->row.id), slot))
			rc = err_set(e, ERR_NOMEM);
		if (rc != ERR_OK) {
			free(slot);
			return rc;
		}
	}
	s->last_space = slot;
	*ret = slot;
	return ERR_OK;
}

void
space_dirty(struct store *s, struct space_slot *slot)
{
	if (slot->dirty)
		return;
	slot->dirty = true;
	slot->next_dirty = s->dirty_space;
	s->dirty_space = slot;
	s->changed = true;
}

/* --- projects ----------------------------------------------------------------------- */

static struct str
project_key(struct store *s, space_id space, struct str uuid)
{
	buf_reset(&s->key);
	buf_add(&s->key, &space, sizeof space);
	buf_addstr(&s->key, uuid);
	return buf_str(&s->key);
}

static void
project_dirty(struct store *s, struct project_slot *slot)
{
	if (slot->dirty)
		return;
	slot->dirty = true;
	slot->next_dirty = s->dirty_project;
	s->dirty_project = slot;
	s->changed = true;
}

static enum err
project_slot_load(struct store *s, space_id space, struct str uuid, bool create,
    struct project_slot **ret, struct err_info *e)
{
	struct str key = buf_str(&s->key);
	struct project_slot *slot = mem_zero(sizeof *slot + key.n + 1);
	bool found;
	enum err rc;

	if (slot == NULL)
		return err_set(e, ERR_NOMEM);
	slot->key = (char *)(slot + 1);
	memcpy(slot->key, key.p, key.n);
	rc = s->ops->project_find(s, space, uuid, &slot->row, &found, e);
	if (rc != ERR_OK || (!found && !create))
		goto done;
	if (!found)
		slot->row = (struct project_row){ .id = s->meta.projects + 1,
			.space = space };
	slot->row.uuid = str_n(slot->key + sizeof space, uuid.n);
	if (!map_put(&s->projects, str_n(slot->key, key.n), slot)) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	if (!found) {
		s->meta.projects++;
		project_dirty(s, slot);
	}
	*ret = slot;
	slot = NULL; /* the map's */
done:
	free(slot);
	return rc;
}

enum err
project_slot(struct store *s, space_id space, struct str uuid, bool create,
    struct project_slot **ret, struct err_info *e)
{
	struct project_slot *last = s->last_project;
	enum err rc = ERR_OK;

	*ret = NULL;
	if (last != NULL && last->row.space == space &&
	    str_eq(last->row.uuid, uuid)) {
		*ret = last;
		return ERR_OK;
	}
	*ret = map_get(&s->projects, project_key(s, space, uuid));
	if (s->key.failed)
		return err_set(e, ERR_NOMEM);
	if (*ret == NULL)
		rc = project_slot_load(s, space, uuid, create, ret, e);
	if (rc == ERR_OK && *ret != NULL)
		s->last_project = *ret;
	return rc;
}

/* --- entities ----------------------------------------------------------------------- */

static struct str
entity_map_key(struct store *s, uint64_t project, struct str type,
    struct str key)
{
	uint32_t n = (uint32_t)type.n;

	buf_reset(&s->key);
	buf_add(&s->key, &project, sizeof project);
	buf_add(&s->key, &n, sizeof n);
	buf_addstr(&s->key, type);
	buf_addstr(&s->key, key);
	return buf_str(&s->key);
}

/* Fill a slot from its row. */
static enum err
slot_fill(struct entity_slot *slot, const struct entity_row *r,
    const struct entity_key *key, struct err_info *e)
{
	enum err rc =
	    list_read(r->tail, &slot->pos, &slot->n_pos, &slot->cap_pos, e);

	if (rc != ERR_OK)
		return rc;
	slot->id = r->id;
	slot->counts = r->counts;
	memcpy(slot->digest, r->digest, sizeof slot->digest);
	slot->runs = r->runs;
	if (r->state.n > 0)
		return entity_decode(&slot->en, key, r->state, e);
	return entity_new(&slot->en, key, e);
}

/* *ret NULL where there is no row and create is false.  The map key stands in
 * s->key. */
static enum err
entity_slot_load(struct store *s, struct project_slot *project,
    const struct entity_key *key, bool create, struct entity_slot **ret,
    struct err_info *e)
{
	struct str map_key = buf_str(&s->key);
	struct entity_slot *slot = mem_zero(sizeof *slot + map_key.n);
	struct entity_row r = { 0 };
	struct arena a = { 0 };
	enum err rc;
	bool found;

	if (slot == NULL)
		return err_set(e, ERR_NOMEM);
	memcpy(slot + 1, map_key.p, map_key.n);
	slot->key = str_n(slot + 1, map_key.n);
	slot->project = project;
	rc = s->ops->entity_find(s, project->row.id, key->type, key->key, &a,
	    &r, &found, e);
	if (rc != ERR_OK || (!found && !create))
		goto done;
	if (!found)
		r = (struct entity_row){ .id = ++s->meta.entities };
	rc = slot_fill(slot, &r, key, e);
	if (rc != ERR_OK)
		goto done;
	if (!map_put(&s->entities, slot->key, slot)) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	ring_in(s, slot);
	slot_weigh(s, slot, r.state.n);
	*ret = slot;
	slot = NULL; /* the map's */
done:
	entity_slot_free(s, slot);
	arena_fini(&a);
	return rc;
}

/* Events of one entity come one behind the other, and each is asked for by
 * admission and by the fold. */
static bool
is_last_entity(const struct store *s, space_id space,
    const struct entity_key *key)
{
	const struct entity_slot *last = s->last_entity;

	return last != NULL && last->project->row.space == space &&
	    str_eq(last->en->key, key->key) &&
	    str_eq(last->en->type, key->type) &&
	    str_eq(last->project->row.uuid, key->project);
}

enum err
entity_slot(struct store *s, space_id space, const struct entity_key *key,
    bool create, struct entity_slot **ret, struct err_info *e)
{
	struct project_slot *project;
	enum err rc;

	if (is_last_entity(s, space, key)) {
		*ret = s->last_entity; /* and the newest in the ring */
		return ERR_OK;
	}
	*ret = NULL;
	rc = project_slot(s, space, key->project, create, &project, e);
	if (rc != ERR_OK || project == NULL)
		return rc;
	*ret = map_get(&s->entities,
	    entity_map_key(s, project->row.id, key->type, key->key));
	if (s->key.failed)
		return err_set(e, ERR_NOMEM);
	if (*ret != NULL) {
		ring_out(*ret);
		ring_in(s, *ret);
	} else {
		rc = entity_slot_load(s, project, key, create, ret, e);
	}
	if (rc == ERR_OK && *ret != NULL)
		s->last_entity = *ret;
	return rc;
}

enum err
entity_slot_dirty(struct store *s, struct entity_slot *slot, struct err_info *e)
{
	if (slot->dirty)
		return ERR_OK;
	if (!mem_grow(&s->dirty, &s->cap_dirty, s->n_dirty + 1,
	        sizeof(struct entity_slot *)))
		return err_set(e, ERR_NOMEM);
	s->dirty[s->n_dirty++] = slot;
	slot->dirty = true;
	s->changed = true;
	return ERR_OK;
}

/* --- the fold ------------------------------------------------------------------------- */

static enum err
slot_apply(struct entity_slot *slot, const struct event *ev, struct err_info *e)
{
	enum applied applied;
	enum err rc;

	if (!ev->folds || slot->stale)
		return ERR_OK;
	if (entity_cmp_last(slot->en, ev) <= 0) {
		slot->stale = true;
		return ERR_OK;
	}
	rc = entity_apply(slot->en, ev, &applied, e);
	if (rc == ERR_OK && applied == APPLY_NEEDS_HISTORY)
		slot->stale = true;
	return rc;
}

/* A transaction that touches more entities than the cache should hold writes
 * some before its end. */
static enum err
dirty_bound(struct store *s, struct err_info *e)
{
	enum err rc;

	if (s->n_dirty <= s->opt.cache_entities)
		return ERR_OK;
	rc = cache_flush_entities(s, e);
	if (rc == ERR_OK)
		cache_trim(s);
	return rc;
}

enum err
entity_slot_add(struct store *s, struct entity_slot *slot, uint64_t pos,
    const struct event *ev, struct err_info *e)
{
	enum err rc;

	rc = entity_slot_dirty(s, slot, e);
	if (rc != ERR_OK)
		return rc;
	if (!mem_grow(&slot->pos, &slot->cap_pos, slot->n_pos + 1,
	        sizeof *slot->pos))
		return err_set(e, ERR_NOMEM);
	slot->pos[slot->n_pos++] = pos;
	rc = slot_apply(slot, ev, e);
	return rc == ERR_OK ? dirty_bound(s, e) : rc;
}

enum err
entity_positions(struct store *s, uint64_t entity, uint64_t runs,
    const uint64_t *tail, size_t n_tail, struct arena *a, uint64_t **ret,
    size_t *n, struct err_info *e)
{
	uint64_t *pos = NULL;
	size_t cap = 0;
	enum err rc = ERR_OK;

	*n = 0;
	for (uint64_t i = 0; i < runs && rc == ERR_OK; i++) {
		struct str list;
		bool found;

		rc = s->ops->run_get(s, entity, i, a, &list, &found, e);
		if (rc == ERR_OK && !found)
			rc = err_setf(e, ERR_CORRUPT,
			    "entity %llu: a run of its positions is missing",
			    (unsigned long long)entity);
		if (rc == ERR_OK)
			rc = list_read(list, &pos, n, &cap, e);
	}
	if (rc != ERR_OK)
		goto done;
	*ret = arena_array(a, *n + n_tail + 1, sizeof **ret);
	if (*ret == NULL) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	if (*n > 0)
		memcpy(*ret, pos, *n * sizeof **ret);
	if (n_tail > 0)
		memcpy(*ret + *n, tail, n_tail * sizeof **ret);
	*n += n_tail;
done:
	free(pos);
	return rc;
}

enum err
entity_slot_remove(struct store *s, struct entity_slot *slot, uint64_t pos,
    struct err_info *e)
{
	struct arena a = { 0 };
	uint64_t *all;
	size_t n, kept = 0;
	enum err rc = entity_slot_stale(s, slot, e);

	if (rc == ERR_OK)
		rc = entity_positions(s, slot->id, slot->runs, slot->pos,
		    slot->n_pos, &a, &all, &n, e);
	if (rc == ERR_OK &&
	    !mem_grow(&slot->pos, &slot->cap_pos, n, sizeof *slot->pos))
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK) {
		for (size_t i = 0; i < n; i++)
			if (all[i] != pos)
				slot->pos[kept++] = all[i];
		/* The runs are cut anew; rows behind the last one that counts
		 * are written over when the list grows again. */
		slot->runs = 0;
		slot->n_pos = kept;
	}
	arena_fini(&a);
	return rc;
}

enum err
entity_slot_stale(struct store *s, struct entity_slot *slot, struct err_info *e)
{
	enum err rc = entity_slot_dirty(s, slot, e);

	if (rc == ERR_OK)
		slot->stale = true;
	return rc;
}

enum err
entity_slot_settle(struct store *s, struct entity_slot *slot,
    struct err_info *e)
{
	struct arena a = { 0 };
	uint64_t *pos;
	size_t n;
	enum err rc;

	if (!slot->stale)
		return ERR_OK;
	rc = entity_positions(s, slot->id, slot->runs, slot->pos, slot->n_pos,
	    &a, &pos, &n, e);
	if (rc == ERR_OK)
		rc = history_fold(s, slot->project->row.space, pos, n, slot->en,
		    e);
	if (rc == ERR_OK)
		slot->stale = false;
	arena_fini(&a);
	return rc;
}

bool
entity_counts(const struct entity *en)
{
	return en->n_cells > 0 || en->n_closed > 0;
}

/* --- back to the rows ------------------------------------------------------------------- */

static enum err
slot_spill(struct store *s, struct entity_slot *slot, struct err_info *e)
{
	struct buf list = { 0 };
	size_t done = 0;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && slot->n_pos - done >= RUN_LENGTH) {
		uint64_t last = 0;

		buf_reset(&list);
		for (size_t i = 0; i < RUN_LENGTH; i++)
			list_add(&list, &last, slot->pos[done + i]);
		rc = buf_ok(&list, e);
		if (rc == ERR_OK)
			rc = s->ops->run_put(s, slot->id, slot->runs,
			    buf_str(&list), e);
		if (rc != ERR_OK)
			break;
		slot->runs++;
		done += RUN_LENGTH;
	}
	slot->n_pos -= done;
	if (done > 0 && slot->n_pos > 0)
		memmove(slot->pos, slot->pos + done,
		    slot->n_pos * sizeof *slot->pos);
	buf_fini(&list);
	return rc;
}

/* Project's and space's sums follow the entity's digest. */
static enum err
slot_sum(struct store *s, struct entity_slot *slot, struct err_info *e)
{
	struct project_slot *project = slot->project;
	struct space_slot *space;
	bool counts = entity_counts(slot->en);
	uint8_t digest[HASH_BYTES] = { 0 };
	enum err rc = space_slot(s, project->row.space, &space, e);

	if (rc == ERR_OK && counts)
		rc = entity_digest(slot->en, digest, e);
	if (rc != ERR_OK)
		return rc;
	if (slot->counts) {
		hash_sum_sub(project->row.digest, slot->digest);
		hash_sum_sub(space->row.digest, slot->digest);
	}
	if (counts) {
		hash_sum_add(project->row.digest, digest);
		hash_sum_add(space->row.digest, digest);
	}
	project->row.entities += (uint64_t)counts - (uint64_t)slot->counts;
	slot->counts = counts;
	memcpy(slot->digest, digest, sizeof digest);
	project_dirty(s, project);
	space_dirty(s, space);
	return ERR_OK;
}

static enum err
slot_write(struct store *s, struct entity_slot *slot, struct buf *tail,
    struct buf *state, struct err_info *e)
{
	struct entity_row r;
	uint64_t last = 0;
	enum err rc = entity_slot_settle(s, slot, e);

	if (rc == ERR_OK)
		rc = slot_spill(s, slot, e);
	if (rc == ERR_OK)
		rc = slot_sum(s, slot, e);
	if (rc != ERR_OK)
		return rc;
	buf_reset(tail);
	buf_reset(state);
	for (size_t i = 0; i < slot->n_pos; i++)
		list_add(tail, &last, slot->pos[i]);
	if (slot->counts || slot->en->events > 0)
		entity_encode(slot->en, state);
	if (buf_ok(tail, e) != ERR_OK || buf_ok(state, e) != ERR_OK)
		return e->code;
	slot_weigh(s, slot, state->len);
	r = (struct entity_row){ .id = slot->id,
		.project = slot->project->row.id,
		.type = slot->en->type,
		.key = slot->en->key,
		.counts = slot->counts,
		.runs = slot->runs,
		.tail = buf_str(tail),
		.state = buf_str(state) };
	memcpy(r.digest, slot->digest, sizeof r.digest);
	return s->ops->entity_put(s, &r, e);
}

/* In the order of their rows: neighbours share pages. */
static int
dirty_cmp(const void *a, const void *b)
{
	const struct entity_slot *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

enum err
cache_flush_entities(struct store *s, struct err_info *e)
{
	struct buf tail = { 0 }, state = { 0 };
	/* First: it makes others dirty. */
	enum err rc = names_settle(s, e);

	if (s->n_dirty > 1)
		qsort(s->dirty, s->n_dirty, sizeof(struct entity_slot *),
		    dirty_cmp);
	for (size_t i = 0; i < s->n_dirty && rc == ERR_OK; i++)
		rc = slot_write(s, s->dirty[i], &tail, &state, e);
	if (rc == ERR_OK) {
		for (size_t i = 0; i < s->n_dirty; i++)
			s->dirty[i]->dirty = false;
		s->n_dirty = 0;
	}
	buf_fini(&tail);
	buf_fini(&state);
	return rc;
}

enum err
cache_flush(struct store *s, struct err_info *e)
{
	enum err rc = cache_flush_entities(s, e);

	for (; rc == ERR_OK && s->dirty_project != NULL;
	     s->dirty_project = s->dirty_project->next_dirty) {
		s->dirty_project->dirty = false;
		rc = s->ops->project_put(s, &s->dirty_project->row, e);
	}
	for (; rc == ERR_OK && s->dirty_space != NULL;
	     s->dirty_space = s->dirty_space->next_dirty) {
		s->dirty_space->dirty = false;
		rc = s->ops->space_put(s, &s->dirty_space->row, e);
	}
	return rc == ERR_OK ? seen_flush(s, e) : rc;
}
