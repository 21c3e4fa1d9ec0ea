/* An event enters the log: made here (author) or come from elsewhere (put).
 *
 * Path: row at the end of the space's log - clock and counters - its entity.
 * Fails: known already (a duplicate, or another content under its id, which
 * changes nothing unless the hub's copy of our own event came back). */
#include <assert.h>

#include "store_int.h"
#include "when.h"

static int64_t
wall_ms(const struct store *s)
{
	return s->opt.env.wall_ms(s->opt.env.ctx);
}

/* A hub's log is acknowledged by standing there. */
static enum err
row_waits(struct store *s, struct space_slot *space, const struct event_row *r,
    struct err_info *e)
{
	if (s->opt.hub || r->seq > 0)
		return ERR_OK;
	space->row.unacked++;
	return s->ops->unacked_put(s, r, e);
}

enum err
row_add(struct store *s, struct space_slot *space, const struct event *ev,
    struct event_row *r, bool *added, struct err_info *e)
{
	struct entity_slot *slot;
	enum err rc;

	if (space->row.events >= POS_MAX)
		return err_setf(e, ERR_TOO_LARGE,
		    "the log of the space is full");
	r->space = space->row.id;
	r->pos = space->row.events + 1;
	r->id = ev->id;
	r->clock = ev->clock;
	r->node = ev->node;
	r->raw = ev->raw;
	if (r->sum == 0)
		r->sum = store_sum(ev->raw);
	rc = s->ops->event_add(s, r, added, e);
	if (rc != ERR_OK || !*added)
		return rc;
	space->row.events++;
	space_dirty(s, space);
	rc = row_waits(s, space, r, e);
	if (rc == ERR_OK && s->opt.hub && ev->has_node_seq)
		rc = seen_add(s, ev->node, ev->node_seq, e);
	if (rc == ERR_OK)
		rc = entity_slot(s, space->row.id, &ev->entity, true, &slot, e);
	if (rc == ERR_OK)
		rc = entity_slot_add(s, slot, r->pos, ev, e);
	return rc;
}

/* --- author ---------------------------------------------------------------------- */

/* Checked alone, so that it cannot bring members into the envelope around it. */
enum err
payload_whole(struct str payload, struct json *j, struct err_info *e)
{
	enum err rc = json_parse(j, payload, EVENT_DEPTH_MAX, e);

	if (rc == ERR_BAD_JSON)
		rc =
		    err_setf(e, ERR_SCHEMA, "invalid payload: %.400s", e->text);
	else if (rc == ERR_OK && json_kind(j, 0) != JSON_OBJECT)
		rc = err_setf(e, ERR_SCHEMA, "invalid payload: not an object");
	return rc;
}

/* One call of the system gives the dice of many ids. */
static const uint8_t *
id_dice(struct store *s)
{
	if (s->dice_left == 0) {
		s->opt.env.random(s->opt.env.ctx, s->dice, sizeof s->dice);
		s->dice_left = DICE_MAX;
	}
	return s->dice[--s->dice_left];
}

static void
stamp_new(struct store *s, const struct space_slot *space, struct event_new *en,
    char timestamp[WHEN_TEXT_MAX])
{
	int64_t now = wall_ms(s);

	eid_new(&en->id, (uint64_t)now, id_dice(s));
	en->node = str_of(s->meta.node);
	en->clock = space->row.clock + 1;
	en->node_seq = s->meta.node_seq + 1;
	en->timestamp = str_n(timestamp, when_format(now, timestamp));
}

static void
draft_copy(const struct draft *d, struct event_new *en)
{
	en->type = d->type;
	en->aggregate_id = d->aggregate_id;
	en->aggregate_type = d->aggregate_type;
	en->payload = d->payload.n > 0 ? d->payload : STR("{}");
	en->author = d->author;
	en->session_id = d->session_id;
	en->causation_id = d->causation_id;
	en->team_slug = d->team_slug;
	en->project_uuid = d->project_uuid;
	en->project_slug = d->project_slug;
	en->git_branch = d->git_branch;
	en->head_commit_sha = d->head_commit_sha;
	en->repo_slug = d->repo_slug;
	en->replaces = d->replaces;
	en->n_replaces = d->n_replaces;
}

/* Name every head of the cells that the event writes. */
static enum err
heads_name(struct store *s, space_id sp, struct parsed *p, struct event_new *en,
    struct err_info *e)
{
	struct entity_slot *slot;
	struct writes w;
	struct eid *head;
	size_t n;
	enum err rc = entity_slot(s, sp, &p->ev.entity, false, &slot, e);

	if (rc != ERR_OK || slot == NULL || !p->ev.folds)
		return rc;
	rc = entity_slot_settle(s, slot, e);
	if (rc == ERR_OK)
		rc = event_writes(&p->ev, &p->a, &w, e);
	if (rc == ERR_OK)
		rc = entity_heads_of(slot->en, &w, &p->a, &head, &n, e);
	if (rc == ERR_OK && n > 0) {
		en->replaces = head;
		en->n_replaces = n;
	}
	return rc;
}

static enum err
author(struct store *s, space_id sp, const struct draft *d, struct eid *id,
    struct err_info *e)
{
	struct event_row r = { .flags = FLAG_OWN };
	struct event_new en = { 0 };
	struct parsed *p = &s->parsed;
	struct entity_slot *entity;
	struct space_slot *space;
	char timestamp[WHEN_TEXT_MAX];
	bool added;
	enum err rc;

	rc = space_slot(s, sp, &space, e);
	if (rc == ERR_OK && space->row.clock >= CLOCK_MAX)
		rc = err_setf(e, ERR_CLOCK_AHEAD,
		    "the Lamport clock of the space has reached its end");
	if (rc != ERR_OK)
		return rc;
	arena_reset(&p->a);
	draft_copy(d, &en);
	stamp_new(s, space, &en, timestamp);
	rc = payload_whole(en.payload, &p->j, e);
	if (rc == ERR_OK)
		rc = event_make(&p->ev, &en, &p->j, &p->a, e);
	if (rc == ERR_OK && !d->named)
		rc = heads_name(s, sp, p, &en, e);
	buf_reset(&s->raw);
	if (rc == ERR_OK)
		rc = event_finish(&p->ev, &en, &p->a, &s->raw, e);
	if (rc != ERR_OK)
		return rc;
	r.received_ms = wall_ms(s);
	rc = row_add(s, space, &p->ev, &r, &added, e);
	if (rc == ERR_OK && !added)
		rc = err_setf(e, ERR_FAILED, "the new event's id is in use");
	if (rc != ERR_OK)
		return rc;
	space->row.clock = en.clock;
	s->meta.node_seq = en.node_seq;
	rc = entity_slot(s, sp, &p->ev.entity, false, &entity, e);
	if (rc == ERR_OK)
		rc = entity_slot_settle(s, entity, e);
	if (rc == ERR_OK && id != NULL)
		*id = en.id;
	return rc;
}

enum err
store_author(struct store *s, space_id sp, const struct draft *d,
    struct eid *id, struct err_info *e)
{
	write_begin(s);
	return write_end(s, author(s, sp, d, id, e));
}

/* --- put --------------------------------------------------------------------------- */

/* docs/merge.md, Canonical form: "same content". */
static enum err
content_same(const struct event_row *r, const struct event *ev, bool *same,
    struct err_info *e)
{
	uint8_t ours[HASH_BYTES], theirs[HASH_BYTES];
	struct parsed p = { 0 };
	enum err rc = ERR_OK;

	*same = str_eq(r->raw, ev->raw);
	if (*same)
		return ERR_OK;
	rc = row_parse(r, &p, e);
	if (rc == ERR_OK)
		rc = event_content_hash(&p.ev, ours, e);
	if (rc == ERR_OK)
		rc = event_content_hash(ev, theirs, e);
	if (rc == ERR_OK)
		*same = memcmp(ours, theirs, sizeof ours) == 0;
	parsed_fini(&p);
	return rc;
}

/* docs/merge.md, Clock: received = max(own, received) + 1. */
static void
clock_receive(struct store *s, struct space_slot *space, uint64_t clock)
{
	uint64_t now = space->row.clock > clock ? space->row.clock : clock;

	space->row.clock = now < CLOCK_MAX ? now + 1 : CLOCK_MAX;
	space_dirty(s, space);
}

static void
arrival_marks(struct store *s, const struct arrival *a, struct event_row *r)
{
	r->user = a->user;
	r->received_ms = a->received_ms ? a->received_ms : wall_ms(s);
	r->flags = a->relayed ? r->flags | FLAG_RELAYED :
	                        r->flags & ~(unsigned)FLAG_RELAYED;
}

/* The hub's word about an event that we have, with the same content. */
static enum err
put_known(struct store *s, struct space_slot *space, const struct arrival *a,
    struct event_row *r, struct err_info *e)
{
	if (s->opt.hub || a->seq == 0)
		return ERR_OK;
	arrival_marks(s, a, r);
	return row_acknowledge(s, space, r, a->seq, e);
}

/* The id is there with other content.  What a hub has in its present epoch is
 * what counts in its space: an own event of which it took an earlier sending,
 * an event that another replica brought it back as it was sent before
 * (docs/merge.md, Clock). */
static enum err
put_reused(struct store *s, struct space_slot *space, const struct arrival *a,
    struct event_row *r, enum put *ret, struct err_info *e)
{
	struct arena rows = { 0 };
	enum err rc;

	*ret = PUT_REUSED;
	if (s->opt.hub || a->seq == 0 || row_acked(s, &space->row, r))
		return ERR_OK;
	*ret = PUT_NEW;
	rc = event_adopt(s, r->space, a->ev, e);
	if (rc == ERR_OK)
		rc =
		    row_at(s, r->space, r->pos, true, "has an id", &rows, r, e);
	if (rc == ERR_OK)
		rc = put_known(s, space, a, r, e);
	clock_receive(s, space, a->ev->clock);
	arena_fini(&rows);
	return rc;
}

static enum err
put_again(struct store *s, struct space_slot *space, const struct arrival *a,
    enum put *ret, uint64_t *seq, struct err_info *e)
{
	struct event_row r;
	struct arena rows = { 0 };
	bool same = false;
	enum err rc = names_settle(s, e);

	if (rc == ERR_OK)
		rc = row_find(s, space->row.id, &a->ev->id, &rows, &r, e);
	if (rc == ERR_NOT_FOUND)
		rc = err_setf(e, ERR_CORRUPT,
		    "space %lld: the place of event %llu is taken",
		    (long long)space->row.id,
		    (unsigned long long)space->row.events + 1);
	if (rc == ERR_OK)
		rc = content_same(&r, a->ev, &same, e);
	if (rc != ERR_OK)
		goto done;
	if (same) {
		*ret = PUT_DUPLICATE;
		rc = put_known(s, space, a, &r, e);
	} else {
		rc = put_reused(s, space, a, &r, ret, e);
	}
	*seq = s->opt.hub ? r.pos : row_acked(s, &space->row, &r) ? r.seq : 0;
done:
	arena_fini(&rows);
	return rc;
}

static enum err
put(struct store *s, space_id sp, const struct arrival *a, enum put *ret,
    uint64_t *seq, struct err_info *e)
{
	struct event_row r = { 0 };
	struct space_slot *space;
	bool added;
	enum err rc = space_slot(s, sp, &space, e);

	if (rc != ERR_OK)
		return rc;
	arrival_marks(s, a, &r);
	r.sum = a->sum;
	if (!s->opt.hub && a->seq > 0) {
		r.seq = a->seq;
		r.epoch_no = space->row.epoch_no;
	}
	rc = row_add(s, space, a->ev, &r, &added, e);
	if (rc != ERR_OK)
		return rc;
	if (!added)
		return put_again(s, space, a, ret, seq, e);
	clock_receive(s, space, a->ev->clock);
	*ret = PUT_NEW;
	*seq = s->opt.hub ? r.pos : r.seq;
	return ERR_OK;
}

enum err
store_put(struct store *s, space_id sp, const struct arrival *a, enum put *ret,
    uint64_t *seq, struct err_info *e)
{
	write_begin(s);
	return write_end(s, put(s, sp, a, ret, seq, e));
}
