/* Admission.  Happy path: the checks in the order in which they cost, all of
 * them answered from memory where the event names heads of its entity; then
 * store_put, which finds duplicates.
 *
 * Fails: only with the store.  An event that is refused but known is answered
 * as what it is - a duplicate, or an id used twice - so that a client which did
 * not hear the first answer hears the same one again. */
#include "admission.h"

/* The head of a team as it moves within a transaction. */
struct team {
	space_id id;
	uint64_t was, head, clock; /* was: head when it began */
	struct str epoch;          /* in the arena of the transaction */
};

void
admission_begin(struct admission *ad)
{
	map_fini(&ad->teams);
	arena_reset(&ad->arena);
}

void
admission_fini(struct admission *ad)
{
	map_fini(&ad->teams);
	arena_fini(&ad->arena);
}

static enum err
team_get(struct admission *ad, space_id id, struct team **ret,
    struct err_info *e)
{
	struct space sp;
	struct team *t;

	*ret = map_get(&ad->teams, str_n(&id, sizeof id));
	if (*ret != NULL)
		return ERR_OK;
	if (store_space_get(ad->store, id, &ad->arena, &sp, e) != ERR_OK)
		return e->code;
	t = arena_alloc(&ad->arena, sizeof *t);
	if (t == NULL)
		return err_set(e, ERR_NOMEM);
	*t = (struct team){ .id = id,
		.was = sp.pulled,
		.head = sp.pulled,
		.clock = sp.clock,
		.epoch = sp.epoch };
	if (!map_put(&ad->teams, str_n(&t->id, sizeof t->id), t))
		return err_set(e, ERR_NOMEM);
	*ret = t;
	return ERR_OK;
}

bool
admission_grown(const struct admission *ad, size_t *at, space_id *space,
    uint64_t *head)
{
	void *v;

	while (map_next(&ad->teams, at, NULL, &v)) {
		const struct team *t = v;

		if (t->head == t->was)
			continue;
		*space = t->id;
		*head = t->head;
		return true;
	}
	return false;
}

/* --- what an event names ---------------------------------------------------- */

/* An entity may have any number of heads: beyond this many the log's index is
 * faster. */
enum { HEADS_LOOKED_AT = 256 };

/* One event under decision. */
struct decision {
	struct admission *ad;
	struct team *team;
	const struct event *ev;
	bool
	    relayed; /* admitted once by some hub, team or epoch: what was judged
	                 then is not its sender's to change now */
	struct arena *a;
	struct batch_result *r;
};

static enum err
refuse(struct decision *d, enum err code, bool retry, const char *why,
    struct err_info *e)
{
	d->r->status = BATCH_REJECTED;
	d->r->code = code;
	d->r->retry = retry;
	d->r->seq = 0;
	d->r->why = arena_str(d->a, str_of(why));
	return d->r->why.p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* Of a relayed event the fold passes over what it names above itself. */
static enum err
refuse_behind(struct decision *d, const struct eid *id, struct err_info *e)
{
	char text[EID_TEXT_MAX];
	struct err_info why = { 0 };

	if (d->relayed)
		return ERR_OK;
	(void)eid_format(id, text);
	(void)err_setf(&why, ERR_CLOCK_BEHIND,
	    "the stamp is not above that of %s, which the event names", text);
	return refuse(d, ERR_CLOCK_BEHIND, true, why.text, e);
}

static enum err
refuse_parent(struct decision *d, const struct eid *id, struct err_info *e)
{
	char text[EID_TEXT_MAX];
	struct err_info why = { 0 };

	(void)eid_format(id, text);
	(void)err_setf(&why, ERR_PARENT,
	    "names %s, which the log of the team does not have", text);
	return refuse(d, ERR_PARENT, true, why.text, e);
}

/* Node ids decide between equal clocks; they stand in the event itself. */
static enum err
stamp_of(struct decision *d, const struct eid *id, struct stamp *ret,
    struct err_info *e)
{
	struct json j = { 0 };
	struct log_row row;
	struct event ev;
	enum err rc;

	rc = store_event(d->ad->store, d->team->id, id, d->a, &row, e);
	if (rc == ERR_OK)
		rc = event_parse(&ev, &j, row.raw, d->a, e);
	if (rc != ERR_OK)
		goto done;
	*ret = event_stamp(&ev);
	ret->node = arena_str(d->a, ret->node);
	if (ret->node.p == NULL)
		rc = err_set(e, ERR_NOMEM);
done:
	json_fini(&j);
	return rc;
}

/* Look one id up in the log. */
static enum err
named_in_log(struct decision *d, const struct eid *id, struct err_info *e)
{
	struct stamp own = event_stamp(d->ev), named;
	struct err_info in = { 0 };
	uint64_t clock;

	if (store_stamp(d->ad->store, d->team->id, id, &clock, &in) != ERR_OK) {
		if (in.code == ERR_NOT_FOUND)
			return refuse_parent(d, id, e);
		*e = in;
		return e->code;
	}
	if (clock < d->ev->clock)
		return ERR_OK;
	if (clock > d->ev->clock)
		return refuse_behind(d, id, e);
	if (stamp_of(d, id, &named, e) != ERR_OK)
		return e->code;
	return stamp_cmp(&named, &own) < 0 ? ERR_OK : refuse_behind(d, id, e);
}

/* Tick off the ids that are heads of the event's own entity: the usual case. */
static enum err
named_in_heads(struct decision *d, bool *found, struct err_info *e)
{
	const struct event *ev = d->ev;
	struct stamp own = event_stamp(ev);
	const struct entity *en;
	size_t looked = 0;

	if (store_entity_peek(d->ad->store, d->team->id, &ev->entity, &en, e) !=
	    ERR_OK)
		return e->code;
	if (en == NULL)
		return ERR_OK;
	for (size_t c = 0; c < en->n_cells; c++)
		for (size_t h = 0; h < en->cell[c].n; h++) {
			const struct head *head = &en->cell[c].head[h];

			if (++looked > HEADS_LOOKED_AT)
				return ERR_OK;
			for (size_t i = 0; i < ev->n_replaces; i++) {
				struct stamp named = { head->clock,
					entity_node(en, head->node), head->id };

				if (found[i] ||
				    !eid_eq(&ev->replaces[i], &head->id))
					continue;
				found[i] = true;
				if (stamp_cmp(&named, &own) >= 0)
					return refuse_behind(d, &head->id, e);
			}
		}
	return ERR_OK;
}

static enum err
check_named(struct decision *d, struct err_info *e)
{
	const struct event *ev = d->ev;
	bool *found;

	if (ev->n_replaces == 0)
		return ERR_OK;
	found = arena_array(d->a, ev->n_replaces, sizeof *found);
	if (found == NULL)
		return err_set(e, ERR_NOMEM);
	/* Many names against many heads would be quadratic. */
	if (ev->folds && ev->n_replaces <= HEADS_LOOKED_AT &&
	    named_in_heads(d, found, e) != ERR_OK)
		return e->code;
	for (size_t i = 0; i < ev->n_replaces && d->r->code == ERR_OK; i++) {
		if (eid_eq(&ev->replaces[i], &ev->id))
			return refuse(d, ERR_SCHEMA, false,
			    "invalid replaces: the event names itself", e);
		if (!found[i] && named_in_log(d, &ev->replaces[i], e) != ERR_OK)
			return e->code;
	}
	return ERR_OK;
}

/* --- the other checks --------------------------------------------------------- */

static enum err
check_clock(struct decision *d, struct err_info *e)
{
	if (d->ev->clock <= d->team->clock ||
	    d->ev->clock - d->team->clock <= ADMISSION_CLOCK_WINDOW)
		return ERR_OK;
	return refuse(d, ERR_CLOCK_AHEAD, false,
	    "the Lamport clock is too far ahead of the team", e);
}

static enum err
check_fork(struct decision *d, struct err_info *e)
{
	bool forked;

	if (!d->ev->has_node_seq || d->relayed)
		return ERR_OK;
	if (store_forked(d->ad->store, d->ev->node, d->ev->node_seq, &d->ev->id,
	        &forked, e) != ERR_OK)
		return e->code;
	return forked ? refuse(d, ERR_FORK, false,
	                    "another event has this node_id and node_seq", e) :
	                ERR_OK;
}

static enum err
check_quota(struct decision *d, struct err_info *e)
{
	struct err_info why = { 0 };

	if (d->ad->quota == NULL)
		return ERR_OK;
	if (d->ad->quota(d->ad->ctx, d->team->id, d->ev, &why) == ERR_OK)
		return ERR_OK;
	if (why.code == ERR_QUOTA)
		return refuse(d, ERR_QUOTA, false, why.text, e);
	*e = why;
	return e->code;
}

static enum err
check(struct decision *d, struct err_info *e)
{
	if (check_clock(d, e) != ERR_OK)
		return e->code;
	if (d->r->code == ERR_OK && check_fork(d, e) != ERR_OK)
		return e->code;
	if (d->r->code == ERR_OK && check_named(d, e) != ERR_OK)
		return e->code;
	if (d->r->code == ERR_OK && check_quota(d, e) != ERR_OK)
		return e->code;
	return ERR_OK;
}

/* --- the decision --------------------------------------------------------------- */

static enum err
known(struct decision *d, bool *ret, struct err_info *e)
{
	struct err_info in = { 0 };
	uint64_t clock;

	*ret = store_stamp(d->ad->store, d->team->id, &d->ev->id, &clock,
	           &in) == ERR_OK;
	if (*ret || in.code == ERR_NOT_FOUND)
		return ERR_OK;
	*e = in;
	return e->code;
}

static enum err
put(struct decision *d, const struct arrival *arrival, struct err_info *e)
{
	enum put what;

	d->r->status = BATCH_SUCCESS;
	d->r->code = ERR_OK;
	d->r->retry = false;
	d->r->why = STR("");
	if (store_put(d->ad->store, d->team->id, arrival, &what, &d->r->seq,
	        e) != ERR_OK)
		return e->code;
	switch (what) {
	case PUT_NEW:
		if (d->r->seq > d->team->head)
			d->team->head = d->r->seq;
		if (d->ev->clock > d->team->clock)
			d->team->clock = d->ev->clock;
		break;
	case PUT_DUPLICATE:
		d->r->status = BATCH_DUPLICATE;
		break;
	case PUT_REUSED:
		return refuse(d, ERR_ID_REUSED, false,
		    "another event of the team has this id", e);
	}
	return ERR_OK;
}

static enum err
decide(struct decision *d, const struct sender *from,
    const struct batch_item *it, struct err_info *e)
{
	const struct arrival arrival = {
		.ev = d->ev,
		.user = it->relayed ? it->user : from->user,
		.received_ms = it->relayed ? it->received_ms : from->now_ms,
		.relayed = it->relayed,
		.sum = it->sum,
	};
	bool here;

	if (check(d, e) != ERR_OK)
		return e->code;
	if (d->r->code != ERR_OK) {
		if (known(d, &here, e) != ERR_OK)
			return e->code;
		if (!here)
			return ERR_OK;
	}
	return put(d, &arrival, e);
}

enum err
admission_event(struct admission *ad, const struct sender *from,
    const struct batch_item *it, struct arena *a, struct batch_result *ret,
    struct err_info *e)
{
	struct decision d = { .ad = ad,
		.ev = &it->ev,
		.relayed = it->relayed,
		.a = a,
		.r = ret };
	space_id space = from->space;

	*ret = (struct batch_result){ .id = it->id, .eid = it->ev.id };
	if (it->code != ERR_OK) {
		ret->status = BATCH_REJECTED;
		ret->code = it->code;
		ret->why = it->why;
		return ERR_OK;
	}
	if (space == 0 &&
	    from->space_of(from->ctx, &it->ev, &space, e) != ERR_OK)
		return e->code;
	if (team_get(ad, space, &d.team, e) != ERR_OK)
		return e->code;
	return decide(&d, from, it, e);
}

/* Whose head an answer tells where the request names no team. */
static enum err
team_of(const struct sender *from, const struct batch *b, space_id *ret,
    struct err_info *e)
{
	const struct event none = { 0 };
	const struct event *ev = &none;

	*ret = from->space;
	if (*ret != 0)
		return ERR_OK;
	for (size_t i = 0; i < b->n && ev == &none; i++)
		if (b->item[i].code == ERR_OK)
			ev = &b->item[i].ev;
	return from->space_of(from->ctx, ev, ret, e);
}

enum err
admission_batch(struct admission *ad, const struct sender *from,
    const struct batch *b, struct arena *a, struct batch_answer *ret,
    struct err_info *e)
{
	struct team *t;
	space_id space;

	*ret = (struct batch_answer){ .n = b->n };
	ret->result = arena_array(a, b->n, sizeof *ret->result);
	if (ret->result == NULL && b->n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < b->n; i++)
		if (admission_event(ad, from, &b->item[i], a, &ret->result[i],
		        e) != ERR_OK)
			return e->code;
	if (team_of(from, b, &space, e) != ERR_OK ||
	    team_get(ad, space, &t, e) != ERR_OK)
		return e->code;
	ret->head = t->head;
	ret->clock = t->clock;
	/* It outlives the transaction. */
	ret->epoch = arena_str(a, t->epoch);
	return ret->epoch.p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}
