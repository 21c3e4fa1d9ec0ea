/* What a hub said about our events: acknowledged, refused; and what still waits.
 *
 * Path: waits (unacked row) - acked (seq).  Refused for good: out of the fold,
 * kept with its reason, until it is sent again or discarded. */
#include <assert.h>

#include "store_int.h"

bool
row_acked(const struct store *s, const struct space_row *space,
    const struct event_row *r)
{
	return s->opt.hub || (r->seq > 0 && r->epoch_no == space->epoch_no);
}

enum err
row_find(struct store *s, space_id sp, const struct eid *id, struct arena *a,
    struct event_row *ret, struct err_info *e)
{
	char text[EID_TEXT_MAX];
	bool found;
	enum err rc = s->ops->event_find(s, sp, id, true, a, ret, &found, e);

	if (rc == ERR_OK && !found) {
		(void)eid_format(id, text);
		rc = err_setf(e, ERR_NOT_FOUND, "no event %s", text);
	}
	return rc;
}

enum err
ever_acked(struct store *s, const struct eid *id, bool *ret, struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row *copy;
	size_t n;
	enum err rc = s->ops->event_copies(s, id, &a, &copy, &n, e);

	*ret = s->opt.hub;
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		*ret |= copy[i].seq > 0;
	arena_fini(&a);
	return rc;
}

/* The entity that a row's event is about is folded again; where the event was
 * refused, others that name it are made to name something else. */
static enum err
row_entity_stale(struct store *s, const struct event_row *r, bool refused,
    struct err_info *e)
{
	struct entity_slot *slot;
	struct parsed p = { 0 };
	enum err rc = row_parse(r, &p, e);

	if (rc == ERR_OK)
		rc = entity_slot(s, r->space, &p.ev.entity, false, &slot, e);
	if (rc == ERR_OK && slot == NULL)
		rc = err_setf(e, ERR_CORRUPT,
		    "space %lld: the entity of event %llu is not there",
		    (long long)r->space, (unsigned long long)r->pos);
	if (rc == ERR_OK)
		rc = entity_slot_stale(s, slot, e);
	if (rc == ERR_OK && refused)
		slot_renames(s, slot);
	parsed_fini(&p);
	return rc;
}

void
slot_renames(struct store *s, struct entity_slot *slot)
{
	s->n_renames += !slot->renames;
	slot->renames = true;
}

enum err
row_unrefuse(struct store *s, struct space_slot *space, struct event_row *r,
    struct err_info *e)
{
	enum err rc;

	if (!(r->flags & FLAG_REFUSED))
		return ERR_OK;
	if (!(r->flags & FLAG_DISCARDED))
		space->row.refused--;
	r->flags &= ~(unsigned)(FLAG_REFUSED | FLAG_DISCARDED);
	/* store_restamp may have set it back while the event did not count. */
	if (space->row.clock < r->clock)
		space->row.clock = r->clock;
	s->n_revives += !space->revives;
	space->revives = true;
	space_dirty(s, space);
	rc = s->ops->refused_del(s, r->space, r->pos, e);
	if (rc == ERR_OK)
		rc = row_entity_stale(s, r, false, e);
	/* It counts for those that a project is shared with. */
	return rc == ERR_OK ? share_reset(s, r->space, r->pos, e) : rc;
}

enum err
row_acknowledge(struct store *s, struct space_slot *space, struct event_row *r,
    uint64_t seq, struct err_info *e)
{
	enum err rc = ERR_OK;

	if (!row_acked(s, &space->row, r) && !(r->flags & FLAG_REFUSED)) {
		space->row.unacked--;
		space_dirty(s, space);
		rc = s->ops->unacked_del(s, r, e);
	}
	if (rc == ERR_OK)
		rc = row_unrefuse(s, space, r, e);
	if (rc != ERR_OK)
		return rc;
	r->seq = seq;
	r->epoch_no = space->row.epoch_no;
	s->changed = true;
	return s->ops->event_mark(s, r, e);
}

static enum err
acked(struct store *s, space_id sp, const struct eid *id, uint64_t seq,
    struct err_info *e)
{
	struct space_slot *space;
	struct event_row r = { 0 };
	struct arena a = { 0 };
	bool found;
	enum err rc = space_slot(s, sp, &space, e);

	if (rc != ERR_OK || s->opt.hub)
		return rc;
	rc = s->ops->event_find(s, sp, id, false, &a, &r, &found, e);
	/* Its bytes are wanted only where it goes back into the fold. */
	if (rc == ERR_OK && (!found || r.flags & FLAG_REFUSED))
		rc = row_find(s, sp, id, &a, &r, e);
	if (rc == ERR_OK && !(row_acked(s, &space->row, &r) && r.seq == seq))
		rc = row_acknowledge(s, space, &r, seq, e);
	arena_fini(&a);
	return rc;
}

enum err
store_acked(struct store *s, space_id sp, const struct eid *id, uint64_t seq,
    struct err_info *e)
{
	write_begin(s);
	return write_end(s, acked(s, sp, id, seq, e));
}

/* --- what waits ------------------------------------------------------------------- */

/* Rows at these positions while max_bytes lasts, at least one. */
static enum err
waiting_rows(struct store *s, const struct space_row *space,
    const uint64_t *pos, size_t n_pos, size_t max_bytes, struct arena *a,
    struct log_row *ret, size_t *n, struct err_info *e)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n_pos; i++) {
		struct event_row r;
		enum err rc =
		    row_at(s, space->id, pos[i], true, "waits", a, &r, e);

		if (rc != ERR_OK)
			return rc;
		if (bytes > 0 && bytes + r.raw.n > max_bytes)
			return ERR_OK;
		bytes += r.raw.n;
		rc = row_log(s, space, &r, a, &ret[(*n)++], e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static enum err
unacked(struct store *s, space_id sp, const struct stamp *after,
    size_t max_events, size_t max_bytes, struct arena *a, struct log_row **ret,
    size_t *n, struct err_info *e)
{
	struct space_slot *space;
	struct arena list = { 0 };
	uint64_t *pos;
	size_t n_pos;
	enum err rc = space_slot(s, sp, &space, e);

	*n = 0;
	if (rc == ERR_OK)
		rc = s->ops->unacked_page(s, sp, after, max_events, &list, &pos,
		    &n_pos, e);
	if (rc != ERR_OK)
		goto done;
	*ret = arena_array(a, n_pos + 1, sizeof **ret);
	if (*ret == NULL)
		rc = err_set(e, ERR_NOMEM);
	else
		rc = waiting_rows(s, &space->row, pos, n_pos, max_bytes, a,
		    *ret, n, e);
done:
	arena_fini(&list);
	return rc;
}

enum err
store_unacked_after(struct store *s, space_id sp, const struct stamp *after,
    size_t max_events, size_t max_bytes, struct arena *a, struct log_row **ret,
    size_t *n, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = unacked(s, sp, after, max_events, max_bytes, a, ret, n, e);
	read_end(s, mine);
	return rc;
}

enum err
store_unacked(struct store *s, space_id sp, size_t max_events, size_t max_bytes,
    struct arena *a, struct log_row **ret, size_t *n, struct err_info *e)
{
	struct stamp start = { 0 };

	return store_unacked_after(s, sp, &start, max_events, max_bytes, a, ret,
	    n, e);
}

/* --- refused ---------------------------------------------------------------------- */

enum err
row_refuse(struct store *s, struct space_slot *space, struct event_row *r,
    enum err code, struct str why, bool renames, struct err_info *e)
{
	enum err rc = ERR_OK;

	if (!(r->flags & FLAG_REFUSED)) {
		space->row.unacked--;
		space->row.refused++;
		space_dirty(s, space);
		rc = s->ops->unacked_del(s, r, e);
		r->flags |= FLAG_REFUSED;
		if (rc == ERR_OK)
			rc = s->ops->event_mark(s, r, e);
		if (rc == ERR_OK)
			rc = row_entity_stale(s, r, renames, e);
	}
	s->changed = true;
	return rc == ERR_OK ? s->ops->refused_put(s, space->row.id, r->pos,
	                          str_of(err_wire(code)), why, e) :
	                      rc;
}

static enum err
refuse(struct store *s, space_id sp, const struct eid *id, enum err code,
    struct str why, struct err_info *e)
{
	struct space_slot *space;
	struct event_row r;
	struct arena a = { 0 };
	enum err rc = space_slot(s, sp, &space, e);

	if (rc == ERR_OK)
		rc = row_find(s, sp, id, &a, &r, e);
	if (rc == ERR_OK && row_acked(s, &space->row, &r))
		rc = err_setf(e, ERR_REFUSED,
		    "an event that is acknowledged cannot be refused");
	if (rc == ERR_OK)
		rc = row_refuse(s, space, &r, code, why, true, e);
	arena_fini(&a);
	return rc;
}

enum err
store_refuse(struct store *s, space_id sp, const struct eid *id, enum err code,
    struct str why, struct err_info *e)
{
	write_begin(s);
	return write_end(s, refuse(s, sp, id, code, why, e));
}

static enum err
refused(struct store *s, space_id sp, struct arena *a, struct log_row **ret,
    size_t *n, struct err_info *e)
{
	struct space_slot *space;
	uint64_t *pos;
	size_t n_pos;
	enum err rc = space_slot(s, sp, &space, e);

	*n = 0;
	if (rc == ERR_OK)
		rc = s->ops->refused_list(s, sp, a, &pos, &n_pos, e);
	if (rc != ERR_OK)
		return rc;
	*ret = arena_array(a, n_pos + 1, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n_pos && rc == ERR_OK; i++) {
		struct event_row r = { 0 };
		bool found;

		rc = s->ops->event_get(s, sp, pos[i], true, a, &r, &found, e);
		if (rc == ERR_OK && found && !(r.flags & FLAG_DISCARDED))
			rc = row_log(s, &space->row, &r, a, &(*ret)[(*n)++], e);
	}
	return rc;
}

enum err
store_refused(struct store *s, space_id sp, struct arena *a,
    struct log_row **ret, size_t *n, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = refused(s, sp, a, ret, n, e);
	read_end(s, mine);
	return rc;
}

/* A refused one by its id. */
static enum err
refused_find(struct store *s, space_id sp, const struct eid *id,
    struct space_slot **space, struct arena *a, struct event_row *r,
    struct err_info *e)
{
	enum err rc = space_slot(s, sp, space, e);

	if (rc == ERR_OK)
		rc = row_find(s, sp, id, a, r, e);
	if (rc == ERR_OK && !(r->flags & FLAG_REFUSED))
		rc = err_setf(e, ERR_NOT_FOUND, "the event is not refused");
	return rc;
}

/* A refused row waits again. */
static enum err
row_again(struct store *s, struct space_slot *space, uint64_t pos,
    struct err_info *e)
{
	struct event_row r;
	struct arena a = { 0 };
	enum err rc =
	    row_at(s, space->row.id, pos, true, "was refused", &a, &r, e);

	if (rc == ERR_OK)
		rc = row_unrefuse(s, space, &r, e);
	if (rc == ERR_OK)
		rc = s->ops->event_mark(s, &r, e);
	if (rc != ERR_OK)
		goto done;
	space->row.unacked++;
	space_dirty(s, space);
	rc = s->ops->unacked_put(s, &r, e);
done:
	arena_fini(&a);
	return rc;
}

static enum err
built_on_one(struct store *s, struct space_slot *space, uint64_t pos,
    struct arena *a, struct parsed *p, struct err_info *e)
{
	struct event_row r;
	struct str code, why;
	struct eid names;
	bool found;
	enum err rc = s->ops->refused_get(s, space->row.id, pos, a, &code, &why,
	    &found, e);

	if (rc != ERR_OK || !found || !str_is(code, err_wire(ERR_PARENT)))
		return rc;
	rc = row_at(s, space->row.id, pos, true, "was refused", a, &r, e);
	if (rc == ERR_OK)
		rc = row_parse(&r, p, e);
	if (rc == ERR_OK)
		rc = names_refused(s, space->row.id, &p->ev, &names, e);
	if (rc != ERR_OK || names.form != EID_NONE || r.flags & FLAG_DISCARDED)
		return rc;
	return row_again(s, space, pos, e);
}

/* In the order of the log, where what is named stands first. */
enum err
built_on_again(struct store *s, struct space_slot *space, struct err_info *e)
{
	struct arena list = { 0 }, a = { 0 };
	struct parsed p = { 0 };
	uint64_t *pos;
	size_t n = 0;
	enum err rc =
	    s->ops->refused_list(s, space->row.id, &list, &pos, &n, e);

	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		arena_reset(&a);
		rc = built_on_one(s, space, pos[i], &a, &p, e);
	}
	parsed_fini(&p);
	arena_fini(&a);
	arena_fini(&list);
	return rc;
}

/* It changed in every space: where it was refused as well it goes again, unless
 * it was given up there. */
static enum err
copies_again(struct store *s, space_id sp, const struct eid *id,
    struct err_info *e)
{
	struct space_slot *space;
	struct event_row *copy;
	struct arena a = { 0 };
	size_t n;
	enum err rc = s->ops->event_copies(s, id, &a, &copy, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		if (copy[i].space == sp || !(copy[i].flags & FLAG_REFUSED) ||
		    copy[i].flags & FLAG_DISCARDED)
			continue;
		rc = space_slot(s, copy[i].space, &space, e);
		if (rc == ERR_OK)
			rc = row_again(s, space, copy[i].pos, e);
	}
	arena_fini(&a);
	/* Somebody may name it there. */
	return rc == ERR_OK ? stamps_follow(s, id, e) : rc;
}

/* An event whose names cannot change goes with what it names, or not at all. */
static enum err
not_built_on(struct store *s, space_id sp, const struct event_row *r,
    struct err_info *e)
{
	struct parsed p = { 0 };
	struct eid names = { .form = EID_NONE };
	char text[EID_TEXT_MAX];
	enum err rc = row_parse(r, &p, e);

	if (rc == ERR_OK)
		rc = names_refused(s, sp, &p.ev, &names, e);
	if (rc == ERR_OK && names.form != EID_NONE) {
		(void)eid_format(&names, text);
		rc = err_setf(e, ERR_REFUSED,
		    "it names %s, which was refused as well: that one has to "
		    "go again first",
		    text);
	}
	parsed_fini(&p);
	return rc;
}

static enum err
retry(struct store *s, space_id sp, const struct eid *id, struct str payload,
    struct err_info *e)
{
	struct space_slot *space;
	struct event_row r;
	struct arena a = { 0 };
	bool fixed;
	enum err rc = names_settle(s, e);

	if (rc == ERR_OK)
		rc = refused_find(s, sp, id, &space, &a, &r, e);
	if (rc == ERR_OK)
		rc = ever_acked(s, id, &fixed, e);
	if (rc != ERR_OK)
		goto done;
	fixed |= !(r.flags & FLAG_OWN);
	if (fixed)
		rc = not_built_on(s, sp, &r, e);
	if (rc != ERR_OK)
		goto done;
	if (fixed && payload.n > 0)
		rc = err_setf(e, ERR_REFUSED,
		    "an event that others have made or have keeps its content");
	else if (!fixed)
		rc = stamp_again(s, space, &r, payload, e);
	if (rc == ERR_OK)
		rc = row_again(s, space, r.pos, e);
	if (rc == ERR_OK && !fixed)
		rc = copies_again(s, sp, id, e);
done:
	arena_fini(&a);
	return rc;
}

enum err
store_retry(struct store *s, space_id sp, const struct eid *id,
    struct str payload, struct err_info *e)
{
	write_begin(s);
	return write_end(s, retry(s, sp, id, payload, e));
}

static enum err
discard(struct store *s, space_id sp, const struct eid *id, struct err_info *e)
{
	struct space_slot *space;
	struct event_row r;
	struct arena a = { 0 };
	enum err rc = refused_find(s, sp, id, &space, &a, &r, e);

	if (rc == ERR_OK && !(r.flags & FLAG_DISCARDED)) {
		r.flags |= FLAG_DISCARDED;
		space->row.refused--;
		space_dirty(s, space);
		rc = s->ops->event_mark(s, &r, e);
	}
	arena_fini(&a);
	return rc;
}

enum err
store_discard(struct store *s, space_id sp, const struct eid *id,
    struct err_info *e)
{
	write_begin(s);
	return write_end(s, discard(s, sp, id, e));
}
