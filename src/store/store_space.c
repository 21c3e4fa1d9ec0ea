/* Spaces and their positions. */
#include <assert.h>

#include "store_int.h"

static struct space
space_seen(const struct store *s, const struct space_row *r)
{
	struct space ret = { .id = r->id,
		.hub = r->hub,
		.account = r->account,
		.team = r->team,
		.epoch = r->epoch,
		.pulled = r->pulled,
		.head = r->head,
		.clock = r->clock,
		.events = r->events,
		.unacked = r->unacked,
		.refused = r->refused,
		.contact_ms = r->contact_ms };

	if (s->opt.hub)
		ret.pulled = ret.head = r->events;
	memcpy(ret.digest, r->digest, sizeof ret.digest);
	return ret;
}

/* A copy whose strings live in a; in a transaction with the sums of what was
 * appended in it. */
static enum err
space_copy(struct store *s, space_id id, struct arena *a, struct space *ret,
    struct err_info *e)
{
	struct space_slot *slot;
	struct str *text[4];
	enum err rc;

	if (s->in_tx && s->n_dirty > 0) {
		rc = cache_flush_entities(s, e);
		if (rc != ERR_OK) {
			s->spoilt = true;
			return rc;
		}
	}
	rc = space_slot(s, id, &slot, e);
	if (rc != ERR_OK)
		return rc;
	*ret = space_seen(s, &slot->row);
	text[0] = &ret->hub;
	text[1] = &ret->account;
	text[2] = &ret->team;
	text[3] = &ret->epoch;
	for (size_t i = 0; i < 4; i++) {
		*text[i] = arena_str(a, *text[i]);
		if (text[i]->p == NULL)
			return err_set(e, ERR_NOMEM);
	}
	return ERR_OK;
}

enum err
store_space_get(struct store *s, space_id id, struct arena *a,
    struct space *ret, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = space_copy(s, id, a, ret, e);
	read_end(s, mine);
	return rc;
}

enum err
store_space_find(struct store *s, struct str hub, struct str account,
    struct str team, struct arena *a, struct space *ret, struct err_info *e)
{
	space_id id;
	bool mine, found;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = s->ops->space_find(s, hub, account, team, &id, &found, e);
	if (rc == ERR_OK && !found)
		rc = err_setf(e, ERR_NOT_FOUND, "no space for team %.*s",
		    STR_ARG(team));
	if (rc == ERR_OK)
		rc = space_copy(s, id, a, ret, e);
	read_end(s, mine);
	return rc;
}

static enum err
space_list(struct store *s, struct arena *a, struct space **ret, size_t *n,
    struct err_info *e)
{
	space_id id = 0;
	size_t count = 0;
	bool found;
	enum err rc;

	do {
		rc = s->ops->space_next(s, id, &id, &found, e);
		count += rc == ERR_OK && found;
	} while (rc == ERR_OK && found);
	*ret = arena_array(a, count + 1, sizeof **ret);
	if (rc == ERR_OK && *ret == NULL)
		rc = err_set(e, ERR_NOMEM);
	id = 0;
	for (*n = 0; rc == ERR_OK && *n < count; (*n)++) {
		rc = s->ops->space_next(s, id, &id, &found, e);
		if (rc == ERR_OK)
			rc = space_copy(s, id, a, &(*ret)[*n], e);
	}
	return rc;
}

enum err
store_space_list(struct store *s, struct arena *a, struct space **ret,
    size_t *n, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = space_list(s, a, ret, n, e);
	read_end(s, mine);
	return rc;
}

static enum err
name_free(struct store *s, struct str hub, struct str account, struct str team,
    struct err_info *e)
{
	space_id id;
	bool found;
	enum err rc = s->ops->space_find(s, hub, account, team, &id, &found, e);

	if (rc == ERR_OK && found)
		rc = err_setf(e, ERR_EXISTS, "there is a space for team %.*s",
		    STR_ARG(team));
	return rc;
}

static enum err
space_add(struct store *s, struct str hub, struct str account, struct str team,
    space_id *ret, struct err_info *e)
{
	struct space_row r = {
		.hub = hub, .account = account, .team = team, .epoch_no = 1
	};
	bool found;
	enum err rc = name_free(s, hub, account, team, e);

	while (rc == ERR_OK) {
		rc = s->ops->space_next(s, r.id, &r.id, &found, e);
		if (rc == ERR_OK && !found)
			break;
	}
	if (rc != ERR_OK)
		return rc;
	r.id++;
	s->changed = true;
	*ret = r.id;
	return s->ops->space_put(s, &r, e);
}

enum err
store_space_add(struct store *s, struct str hub, struct str account,
    struct str team, space_id *ret, struct err_info *e)
{
	write_begin(s);
	return write_end(s, space_add(s, hub, account, team, ret, e));
}

/* A string of a space's row, as long-lived as the cache. */
static enum err
keep(struct store *s, struct str *to, struct str from, struct err_info *e)
{
	*to = arena_str(&s->cache_arena, from);
	return to->p == NULL ? err_set(e, ERR_NOMEM) : ERR_OK;
}

static enum err
space_rename(struct store *s, space_id id, struct str hub, struct str account,
    struct str team, struct err_info *e)
{
	struct space_slot *slot;
	enum err rc = space_slot(s, id, &slot, e);

	if (rc != ERR_OK)
		return rc;
	if (str_eq(hub, slot->row.hub) && str_eq(account, slot->row.account) &&
	    str_eq(team, slot->row.team))
		return ERR_OK;
	rc = name_free(s, hub, account, team, e);
	if (rc == ERR_OK)
		rc = keep(s, &slot->row.hub, hub, e);
	if (rc == ERR_OK)
		rc = keep(s, &slot->row.account, account, e);
	if (rc == ERR_OK)
		rc = keep(s, &slot->row.team, team, e);
	if (rc != ERR_OK)
		return rc;
	space_dirty(s, slot);
	/* Found by name before the end of the transaction as well. */
	return s->ops->space_put(s, &slot->row, e);
}

enum err
store_space_rename(struct store *s, space_id id, struct str hub,
    struct str account, struct str team, struct err_info *e)
{
	write_begin(s);
	return write_end(s, space_rename(s, id, hub, account, team, e));
}

enum err
store_space_contact(struct store *s, space_id id, int64_t wall_ms,
    struct err_info *e)
{
	struct space_slot *slot;
	bool quiet = s->quiet;
	enum err rc;

	/* Nobody who follows has to look: whoever exchanges after each ring would
	 * never come to rest. */
	write_begin(s);
	s->quiet = quiet;
	rc = space_slot(s, id, &slot, e);
	if (rc == ERR_OK) {
		slot->row.contact_ms = wall_ms;
		space_dirty(s, slot);
	}
	return write_end(s, rc);
}

static enum err
pulled(struct store *s, space_id sp, struct str epoch, uint64_t seq,
    uint64_t head, struct err_info *e)
{
	struct space_slot *slot;
	enum err rc = space_slot(s, sp, &slot, e);
	bool first;

	if (rc != ERR_OK)
		return rc;
	first = slot->row.epoch.n == 0 && epoch.n > 0;
	if (!first && !str_eq(slot->row.epoch, epoch))
		return err_setf(e, ERR_RESYNC,
		    "the hub's epoch is %.*s, we know %.*s", STR_ARG(epoch),
		    STR_ARG(slot->row.epoch));
	/* That nothing is new is no reason to write. */
	if (!first && slot->row.pulled == seq && slot->row.head >= head)
		return ERR_OK;
	if (first)
		rc = keep(s, &slot->row.epoch, epoch, e);
	slot->row.pulled = seq;
	if (slot->row.head < head)
		slot->row.head = head;
	space_dirty(s, slot);
	return rc;
}

enum err
store_pulled(struct store *s, space_id sp, struct str epoch, uint64_t seq,
    uint64_t head, struct err_info *e)
{
	write_begin(s);
	return write_end(s, pulled(s, sp, epoch, seq, head, e));
}

/* Every event that is not refused waits for the hub's new epoch. */
static enum err
all_unacked(struct store *s, struct space_slot *slot, struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row *row;
	uint64_t at = 0;
	size_t n;
	enum err rc;

	slot->row.unacked = 0;
	do {
		arena_reset(&a);
		rc = s->ops->event_page(s, slot->row.id, at, PAGE_ROWS, false,
		    &a, &row, &n, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			at = row[i].pos;
			if (row[i].flags & FLAG_REFUSED)
				continue;
			rc = s->ops->unacked_put(s, &row[i], e);
			slot->row.unacked++;
		}
	} while (rc == ERR_OK && n > 0);
	arena_fini(&a);
	return rc;
}

static enum err
resync(struct store *s, space_id sp, struct str epoch, struct err_info *e)
{
	struct space_slot *slot;
	enum err rc = space_slot(s, sp, &slot, e);

	/* A client starts over in the same epoch as well: its hub may have lost
	 * the end of its log. */
	if (rc != ERR_OK || (s->opt.hub && str_eq(slot->row.epoch, epoch)))
		return rc;
	rc = keep(s, &slot->row.epoch, epoch, e);
	if (rc != ERR_OK)
		return rc;
	slot->row.epoch_no++;
	slot->row.pulled = slot->row.head = 0;
	space_dirty(s, slot);
	/* A hub's positions are its own: a restored one only takes a new name. */
	return s->opt.hub ? ERR_OK : all_unacked(s, slot, e);
}

enum err
store_resync(struct store *s, space_id sp, struct str epoch, struct err_info *e)
{
	write_begin(s);
	return write_end(s, resync(s, sp, epoch, e));
}
