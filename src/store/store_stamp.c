/* Own events that no hub has acknowledged change their stamp, node, names or
 * payload (docs/merge.md, Causality).
 *
 * An event with one id has one content: what changes, changes in every space
 * where it stands.  What any hub, team or epoch has acknowledged stays as it is
 * for ever. */
#include <assert.h>
#include <stdlib.h>

#include "fault.h"
#include "store_int.h"

/* --- one event --------------------------------------------------------------------- */

static bool
key_eq(const struct entity_key *a, const struct entity_key *b)
{
	return str_eq(a->project, b->project) && str_eq(a->type, b->type) &&
	    str_eq(a->key, b->key);
}

/* Entities follow a row that has got other bytes. */
static enum err
replace_entities(struct store *s, const struct event_row *r,
    const struct entity_key *was, const struct event *with, struct err_info *e)
{
	struct entity_slot *slot;
	enum err rc = entity_slot(s, r->space, was, false, &slot, e);

	if (rc == ERR_OK && slot == NULL)
		return err_setf(e, ERR_CORRUPT,
		    "space %lld: the entity of event %llu is not there",
		    (long long)r->space, (unsigned long long)r->pos);
	if (rc == ERR_OK && key_eq(was, &with->entity))
		return entity_slot_stale(s, slot, e);
	if (rc == ERR_OK)
		rc = entity_slot_remove(s, slot, r->pos, e);
	if (rc == ERR_OK)
		rc = entity_slot(s, r->space, &with->entity, true, &slot, e);
	if (rc == ERR_OK)
		rc = entity_slot_stale(s, slot, e);
	if (rc == ERR_OK)
		rc = entity_slot_add(s, slot, r->pos, with, e);
	return rc == ERR_OK ? share_reset(s, r->space, r->pos, e) : rc;
}

static enum err
replace_copy(struct store *s, space_id sp, uint64_t pos,
    const struct event *with, struct err_info *e)
{
	struct space_slot *space;
	struct event_row r;
	struct arena a = { 0 };
	struct parsed was = { 0 };
	bool waits = false;
	enum err rc = space_slot(s, sp, &space, e);

	if (rc == ERR_OK)
		rc = row_at(s, sp, pos, true, "has an id", &a, &r, e);
	if (rc == ERR_OK)
		rc = row_parse(&r, &was, e);
	if (rc == ERR_OK)
		waits =
		    !row_acked(s, &space->row, &r) && !(r.flags & FLAG_REFUSED);
	if (rc == ERR_OK && waits)
		rc = s->ops->unacked_del(s, &r, e);
	if (rc != ERR_OK)
		goto done;
	r.clock = with->clock;
	r.node = with->node;
	r.raw = with->raw;
	r.sum = store_sum(with->raw);
	s->changed = true;
	rc = s->ops->event_set(s, &r, e);
	if (rc == ERR_OK && waits)
		rc = s->ops->unacked_put(s, &r, e);
	if (rc == ERR_OK)
		rc = replace_entities(s, &r, &was.ev.entity, with, e);
	if (space->row.clock < with->clock) {
		space->row.clock = with->clock;
		space_dirty(s, space);
	}
done:
	parsed_fini(&was);
	arena_fini(&a);
	return rc;
}

enum err
event_replace(struct store *s, const struct event *with, struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row *copy;
	size_t n;
	enum err rc = s->ops->event_copies(s, &with->id, &a, &copy, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = replace_copy(s, copy[i].space, copy[i].pos, with, e);
	arena_fini(&a);
	return rc;
}

enum err
event_adopt(struct store *s, space_id sp, const struct event *with,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row *copy;
	size_t n;
	enum err rc = s->ops->event_copies(s, &with->id, &a, &copy, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (copy[i].space == sp || copy[i].seq == 0)
			rc = replace_copy(s, copy[i].space, copy[i].pos, with,
			    e);
	arena_fini(&a);
	return rc;
}

/* What an own event is to become. */
struct restamp {
	uint64_t clock;
	struct str node;
	uint64_t node_seq;
	const struct eid *replaces;
	size_t n_replaces;
};

static enum err
event_rewrite(struct store *s, const struct event *ev, const struct restamp *to,
    struct err_info *e)
{
	struct buf raw = { 0 };
	struct parsed p = { 0 };
	enum err rc;

	event_restamp(ev, to->clock, to->node, to->node_seq, to->replaces,
	    to->n_replaces, &raw);
	rc = buf_ok(&raw, e);
	if (rc == ERR_OK)
		rc = event_parse(&p.ev, &p.j, buf_str(&raw), &p.a, e);
	if (rc == ERR_OK)
		rc = event_replace(s, &p.ev, e);
	parsed_fini(&p);
	buf_fini(&raw);
	return rc;
}

/* --- names of refused events --------------------------------------------------------- */

struct names {
	struct eid *id; /* own: names still to be looked at */
	size_t n, cap;
	struct map seen; /* borrows the ids of the arena */
	struct eid *out; /* own */
	size_t n_out, cap_out;
	struct arena a;
};

static void
names_fini(struct names *l)
{
	free(l->id);
	free(l->out);
	map_fini(&l->seen);
	arena_fini(&l->a);
}

static enum err
names_push(struct names *l, const struct eid *id, size_t n, struct err_info *e)
{
	if (n == 0)
		return ERR_OK;
	if (!mem_grow(&l->id, &l->cap, l->n + n, sizeof *l->id))
		return err_set(e, ERR_NOMEM);
	memcpy(l->id + l->n, id, n * sizeof *id);
	l->n += n;
	return ERR_OK;
}

/* One name: itself, or in place of a refused event what that had replaced. */
static enum err
names_take(struct store *s, space_id sp, struct names *l, struct eid id,
    struct err_info *e)
{
	struct eid *key = arena_alloc(&l->a, sizeof *key);
	struct event_row r = { 0 };
	struct parsed p = { 0 };
	bool found;
	enum err rc;

	if (key == NULL)
		return err_set(e, ERR_NOMEM);
	*key = id;
	if (map_get(&l->seen, eid_key(key)) != NULL)
		return ERR_OK;
	if (!map_put(&l->seen, eid_key(key), key))
		return err_set(e, ERR_NOMEM);
	rc = s->ops->event_find(s, sp, &id, true, &l->a, &r, &found, e);
	if (rc != ERR_OK)
		return rc;
	if (found && (r.flags & FLAG_REFUSED)) {
		rc = row_parse(&r, &p, e);
		if (rc == ERR_OK)
			rc = names_push(l, p.ev.replaces, p.ev.n_replaces, e);
		parsed_fini(&p);
		return rc;
	}
	if (!mem_grow(&l->out, &l->cap_out, l->n_out + 1, sizeof *l->out))
		return err_set(e, ERR_NOMEM);
	l->out[l->n_out++] = id;
	return ERR_OK;
}

/* What the event names, without the refused ones. */
static enum err
names_resolve(struct store *s, space_id sp, const struct event *ev,
    struct names *l, struct err_info *e)
{
	enum err rc = names_push(l, ev->replaces, ev->n_replaces, e);

	for (size_t i = 0; rc == ERR_OK && i < l->n; i++)
		rc = names_take(s, sp, l, l->id[i], e);
	return rc;
}

/* --- what waits and is ours ------------------------------------------------------------- */

struct waiting {
	uint64_t *pos; /* own; by stamp */
	size_t n, cap;
};

static enum err
waiting_page(struct store *s, space_id sp, struct stamp *after,
    struct waiting *w, struct arena *a, bool *more, struct err_info *e)
{
	uint64_t *pos;
	size_t n;
	enum err rc =
	    s->ops->unacked_page(s, sp, after, PAGE_ROWS, a, &pos, &n, e);

	*more = n > 0;
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct event_row r = { 0 };
		struct stamp at;
		bool found;

		rc = s->ops->event_get(s, sp, pos[i], false, a, &r, &found, e);
		if (rc != ERR_OK)
			break;
		at = (struct stamp){ r.clock, r.node, r.id };
		/* Else the pages would go round and round. */
		if (!found || stamp_cmp(&at, after) <= 0)
			return err_setf(e, ERR_CORRUPT,
			    "space %lld: event %llu waits and is not where its "
			    "stamp says",
			    (long long)sp, (unsigned long long)pos[i]);
		*after = at;
		if (!(r.flags & FLAG_OWN))
			continue;
		if (!mem_grow(&w->pos, &w->cap, w->n + 1, sizeof *w->pos))
			return err_set(e, ERR_NOMEM);
		w->pos[w->n++] = pos[i];
	}
	return rc;
}

/* Own events that wait, behind a stamp.  after->node is borrowed. */
static enum err
waiting_own(struct store *s, space_id sp, struct stamp after, struct waiting *w,
    struct err_info *e)
{
	/* The last stamp of a page lives in its arena while the next is read. */
	struct arena a[2] = { { 0 }, { 0 } };
	unsigned turn = 0;
	bool more = true;
	enum err rc = ERR_OK;

	*w = (struct waiting){ 0 };
	while (rc == ERR_OK && more) {
		arena_reset(&a[turn & 1]);
		rc = waiting_page(s, sp, &after, w, &a[turn++ & 1], &more, e);
	}
	arena_fini(&a[0]);
	arena_fini(&a[1]);
	return rc;
}

/* An own event that nobody has acknowledged, read again.  *ret false: somebody
 * has. */
static enum err
own_load(struct store *s, space_id sp, uint64_t pos, struct arena *a,
    struct event_row *r, struct parsed *p, bool *ret, struct err_info *e)
{
	bool fixed = true;
	enum err rc;

	arena_reset(a);
	rc = row_at(s, sp, pos, true, "waits", a, r, e);
	if (rc == ERR_OK)
		rc = ever_acked(s, &r->id, &fixed, e);
	*ret = !fixed;
	return rc == ERR_OK && !fixed ? row_parse(r, p, e) : rc;
}

/* --- refuse ---------------------------------------------------------------------------- */

/* What the refused events of an entity had replaced, none of it refused. */
struct instead {
	struct eid *id; /* in the arena */
	size_t n;
};
struct exchange {
	struct store *s;
	space_id sp;
	struct space_slot *space; /* borrow */
	struct map refused;       /* id -> struct instead */
	struct arena a, row;
	struct parsed p;
};

static enum err
name_add(struct names *l, const struct eid *id, struct err_info *e)
{
	/* The map's value is only a sign: what it names is borrowed. */
	if (map_get(&l->seen, eid_key(id)) != NULL)
		return ERR_OK;
	if (!map_put(&l->seen, eid_key(id), &l->seen) ||
	    !mem_grow(&l->out, &l->cap_out, l->n_out + 1, sizeof *l->out))
		return err_set(e, ERR_NOMEM);
	l->out[l->n_out++] = *id;
	return ERR_OK;
}

/* The names of an event with the refused ones exchanged; *changed: there were
 * some. */
static enum err
names_instead(struct exchange *x, const struct event *ev, struct names *l,
    bool *changed, struct err_info *e)
{
	enum err rc = ERR_OK;

	*changed = false;
	for (size_t i = 0; rc == ERR_OK && i < ev->n_replaces; i++) {
		const struct instead *in =
		    map_get(&x->refused, eid_key(&ev->replaces[i]));

		if (in == NULL)
			rc = name_add(l, &ev->replaces[i], e);
		for (size_t k = 0; in != NULL && rc == ERR_OK && k < in->n; k++)
			rc = name_add(l, &in->id[k], e);
		*changed |= in != NULL;
	}
	return rc;
}

static enum err
refused_note(struct exchange *x, const struct event *ev, const struct names *l,
    struct err_info *e)
{
	struct instead *in = arena_alloc(&x->a, sizeof *in);
	struct eid *key = arena_alloc(&x->a, sizeof *key);

	if (in == NULL || key == NULL)
		return err_set(e, ERR_NOMEM);
	*key = ev->id;
	in->n = l->n_out;
	in->id = arena_array(&x->a, l->n_out + 1, sizeof *in->id);
	if (in->id == NULL)
		return err_set(e, ERR_NOMEM);
	if (l->n_out > 0)
		memcpy(in->id, l->out, l->n_out * sizeof *in->id);
	return map_put(&x->refused, eid_key(key), in) ? ERR_OK :
	                                                err_set(e, ERR_NOMEM);
}

enum err
names_refused(struct store *s, space_id sp, const struct event *ev,
    struct eid *ret, struct err_info *e)
{
	struct arena a = { 0 };
	enum err rc = ERR_OK;

	*ret = (struct eid){ .form = EID_NONE };
	for (size_t i = 0;
	     rc == ERR_OK && ret->form == EID_NONE && i < ev->n_replaces; i++) {
		struct event_row r = { 0 };
		bool found;

		rc = s->ops->event_find(s, sp, &ev->replaces[i], false, &a, &r,
		    &found, e);
		if (rc == ERR_OK && found && r.flags & FLAG_REFUSED)
			*ret = ev->replaces[i];
	}
	arena_fini(&a);
	return rc;
}

/* Others have it, so that its names cannot change: the team does not get what it
 * names, and so cannot get it. */
static enum err
exchange_refuse(struct exchange *x, uint64_t pos, const struct event *ev,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row r;
	struct eid names = { .form = EID_NONE };
	char text[EID_TEXT_MAX];
	const char *why;
	enum err rc =
	    row_at(x->s, x->sp, pos, true, "an entity lists", &a, &r, e);

	if (rc == ERR_OK)
		rc = names_refused(x->s, x->sp, ev, &names, e);
	if (rc != ERR_OK)
		goto done;
	(void)eid_format(&names, text);
	why = arena_fmt(&a, "names %s, which was refused", text);
	rc = why == NULL ?
	    err_set(e, ERR_NOMEM) :
	    row_refuse(x->s, x->space, &r, ERR_PARENT, str_of(why), false, e);
done:
	arena_fini(&a);
	return rc;
}

/* An event that waits names something else than what was refused; where that
 * cannot be, it is refused as well. */
static enum err
exchange_waiting(struct exchange *x, const struct history_item *item,
    const struct names *l, struct err_info *e)
{
	const struct event *ev = &x->p.ev;
	bool fixed;
	enum err rc = ever_acked(x->s, &ev->id, &fixed, e);

	if (rc == ERR_OK && !fixed && item->flags & FLAG_OWN)
		return event_rewrite(x->s, ev,
		    &(struct restamp){
		        ev->clock, ev->node, ev->node_seq, l->out, l->n_out },
		    e);
	if (rc == ERR_OK)
		rc = refused_note(x, ev, l, e);
	return rc == ERR_OK ? exchange_refuse(x, item->pos, ev, e) : rc;
}

/* One event, after all that it can name. */
static enum err
exchange_one(struct exchange *x, const struct history_item *item,
    struct err_info *e)
{
	struct names l = { 0 };
	struct event_row r;
	bool changed = false;
	enum err rc = history_raw(x->s, x->sp, item, &x->row, &r, e);

	if (rc == ERR_OK)
		rc = row_parse(&r, &x->p, e);
	if (rc == ERR_OK)
		rc = names_instead(x, &x->p.ev, &l, &changed, e);
	if (rc == ERR_OK && item->flags & FLAG_REFUSED)
		rc = refused_note(x, &x->p.ev, &l, e);
	else if (rc == ERR_OK && changed)
		rc = exchange_waiting(x, item, &l, e);
	names_fini(&l);
	return rc;
}

/* In stamp order: what an event names comes before it. */
static enum err
entity_exchange(struct store *s, struct entity_slot *slot, struct err_info *e)
{
	struct exchange x = { .s = s, .sp = slot->project->row.space };
	struct history_item *item;
	struct arena a = { 0 };
	uint64_t *pos;
	size_t n = 0;
	enum err rc = space_slot(s, x.sp, &x.space, e);

	if (rc == ERR_OK)
		rc = entity_positions(s, slot->id, slot->runs, slot->pos,
		    slot->n_pos, &a, &pos, &n, e);
	if (rc == ERR_OK)
		rc = history_load(s, x.sp, pos, n, &a, &item, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		bool waits = item[i].seq == 0 ||
		    item[i].epoch_no != x.space->row.epoch_no;

		if (item[i].flags & FLAG_REFUSED ||
		    (x.refused.count > 0 && waits))
			rc = exchange_one(&x, &item[i], e);
	}
	map_fini(&x.refused);
	arena_fini(&x.a);
	arena_fini(&x.row);
	parsed_fini(&x.p);
	arena_fini(&a);
	return rc;
}

/* What was refused for what it names waits again where that does. */
static enum err
revive(struct store *s, struct err_info *e)
{
	size_t at = 0;
	void *v;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && s->n_revives > 0 &&
	    map_next(&s->spaces, &at, NULL, &v)) {
		struct space_slot *space = v;

		if (!space->revives)
			continue;
		rc = built_on_again(s, space, e);
		space->revives = false;
		s->n_revives--;
	}
	return rc;
}

enum err
names_settle(struct store *s, struct err_info *e)
{
	enum err rc = revive(s, e);

	/* The list may grow meanwhile. */
	for (size_t i = 0; rc == ERR_OK && s->n_renames > 0 && i < s->n_dirty;
	     i++) {
		struct entity_slot *slot = s->dirty[i];

		if (!slot->renames)
			continue;
		slot->renames = false;
		s->n_renames--;
		rc = entity_exchange(s, slot, e);
	}
	return rc;
}

/* --- retry ------------------------------------------------------------------------------ */

/* The same event with another payload.  Where both are JSON, so is this. */
static enum err
payload_exchange(const struct event *ev, struct str payload, struct buf *raw,
    struct parsed *p, struct err_info *e)
{
	struct str old = json_raw(ev->json, ev->payload);
	size_t at = (size_t)(old.p - ev->raw.p);
	enum err rc = payload_whole(payload, &p->j, e);

	if (rc != ERR_OK)
		return rc;
	buf_add(raw, ev->raw.p, at);
	buf_addstr(raw, payload);
	buf_add(raw, old.p + old.n, ev->raw.n - at - old.n);
	rc = buf_ok(raw, e);
	if (rc == ERR_OK)
		rc = event_parse(&p->ev, &p->j, buf_str(raw), &p->a, e);
	return rc == ERR_OK ? event_check(&p->ev, e) : rc;
}

enum err
stamp_again(struct store *s, struct space_slot *space,
    const struct event_row *r, struct str payload, struct err_info *e)
{
	struct parsed old = { 0 }, edited = { 0 };
	struct names l = { 0 };
	struct buf raw = { 0 };
	const struct event *ev = &old.ev;
	struct restamp to = { 0 };
	enum err rc = row_parse(r, &old, e);

	if (rc == ERR_OK && payload.n > 0) {
		rc = payload_exchange(&old.ev, payload, &raw, &edited, e);
		ev = &edited.ev;
	}
	if (rc == ERR_OK && space->row.clock >= CLOCK_MAX)
		rc = err_setf(e, ERR_CLOCK_AHEAD,
		    "the Lamport clock of the space has reached its end");
	if (rc == ERR_OK)
		rc = names_resolve(s, space->row.id, ev, &l, e);
	if (rc == ERR_OK) {
		to = (struct restamp){ space->row.clock + 1,
			str_of(s->meta.node), s->meta.node_seq + 1, l.out,
			l.n_out };
		rc = event_rewrite(s, ev, &to, e);
	}
	if (rc == ERR_OK)
		s->meta.node_seq++;
	names_fini(&l);
	parsed_fini(&old);
	parsed_fini(&edited);
	buf_fini(&raw);
	return rc;
}

/* --- restamp ------------------------------------------------------------------------------ */

/* The greatest clock of what an event names in this space. */
static enum err
named_clock(struct store *s, space_id sp, const struct event *ev,
    struct arena *a, uint64_t *ret, struct err_info *e)
{
	*ret = 0;
	for (size_t i = 0; i < ev->n_replaces; i++) {
		struct event_row r = { 0 };
		bool found;
		enum err rc = s->ops->event_find(s, sp, &ev->replaces[i], false,
		    a, &r, &found, e);

		if (rc != ERR_OK)
			return rc;
		if (found && r.clock > *ret)
			*ret = r.clock;
	}
	return ERR_OK;
}

/* Whose stamp changed. */
struct moved {
	struct map ids; /* borrows the ids of the arena */
	struct arena a;
	bool more; /* since somebody cleared it */
};

static void
moved_fini(struct moved *m)
{
	map_fini(&m->ids);
	arena_fini(&m->a);
}

static enum err
moved_add(struct moved *m, const struct eid *id, struct err_info *e)
{
	struct eid *key;

	m->more = true;
	if (map_get(&m->ids, eid_key(id)) != NULL)
		return ERR_OK;
	key = arena_alloc(&m->a, sizeof *key);
	if (key == NULL)
		return err_set(e, ERR_NOMEM);
	*key = *id;
	return map_put(&m->ids, eid_key(key), key) ? ERR_OK :
	                                             err_set(e, ERR_NOMEM);
}

/* It is one of them or names one. */
static bool
concerned(const struct moved *m, const struct event *ev)
{
	if (map_get(&m->ids, eid_key(&ev->id)) != NULL)
		return true;
	for (size_t i = 0; i < ev->n_replaces; i++)
		if (map_get(&m->ids, eid_key(&ev->replaces[i])) != NULL)
			return true;
	return false;
}

static enum err
restamp_one(struct store *s, const struct event *ev, uint64_t to,
    struct moved *m, struct err_info *e)
{
	enum err rc;

	if (to > CLOCK_MAX)
		return err_setf(e, ERR_FAILED,
		    "the Lamport clock has reached its end");
	rc = event_rewrite(s, ev,
	    &(struct restamp){
	        to, ev->node, ev->node_seq, ev->replaces, ev->n_replaces },
	    e);
	return rc == ERR_OK ? moved_add(m, &ev->id, e) : rc;
}

/* Own events of a space that wait, in order: where `all`, each above the clock, its
 * predecessor and what it names; else those that moved or name one that did, above
 * what they name.  The others keep their stamps, and with them their order. */
static enum err
restamp_space(struct store *s, space_id sp, bool all, uint64_t clock,
    struct moved *m, struct err_info *e)
{
	struct waiting w;
	struct arena a = { 0 };
	struct parsed p = { 0 };
	enum err rc = waiting_own(s, sp, (struct stamp){ 0 }, &w, e);

	for (size_t i = 0; rc == ERR_OK && i < w.n; i++) {
		struct event_row r = { 0 };
		uint64_t named, to;
		bool ours;

		rc = own_load(s, sp, w.pos[i], &a, &r, &p, &ours, e);
		if (rc != ERR_OK || !ours || !(all || concerned(m, &p.ev)))
			continue;
		rc = named_clock(s, sp, &p.ev, &a, &named, e);
		if (all)
			to = clock = (named > clock ? named : clock) + 1;
		else
			to = named >= r.clock ? named + 1 : r.clock;
		if (rc == ERR_OK && to != r.clock)
			rc = restamp_one(s, &p.ev, to, m, e);
	}
	free(w.pos);
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

/* Half of them may be stamped: nothing but rollback is left. */
static enum err
midway(enum err rc, struct err_info *e)
{
	if (rc == ERR_TOO_LARGE || rc == ERR_SCHEMA || rc == ERR_NOT_FOUND)
		rc = e->code = ERR_FAILED;
	return rc;
}

/* Those that moved and what names them, here and in other spaces, stand above what
 * they name there. */
static enum err
names_follow(struct store *s, struct moved *m, struct err_info *e)
{
	bool found;
	enum err rc;

	do {
		space_id sp = 0;

		m->more = false;
		for (;;) {
			rc = s->ops->space_next(s, sp, &sp, &found, e);
			if (rc != ERR_OK || !found)
				break;
			rc = restamp_space(s, sp, false, 0, m, e);
			if (rc != ERR_OK)
				break;
		}
	} while (rc == ERR_OK && m->more);
	return midway(rc, e);
}

enum err
stamps_follow(struct store *s, const struct eid *id, struct err_info *e)
{
	struct moved m = { 0 };
	enum err rc = moved_add(&m, id, e);

	if (rc == ERR_OK)
		rc = names_follow(s, &m, e);
	moved_fini(&m);
	return rc;
}

enum err
store_restamp(struct store *s, space_id sp, uint64_t above, struct err_info *e)
{
	struct space_slot *space;
	struct moved m = { 0 };
	uint64_t clock;
	enum err rc;

	write_begin(s);
	rc = space_slot(s, sp, &space, e);
	if (rc != ERR_OK)
		return write_end(s, rc);
	rc = names_settle(s, e);
	if (rc == ERR_OK)
		rc = restamp_space(s, sp, true, above, &m, e);
	if (rc == ERR_OK && m.more)
		rc = names_follow(s, &m, e);
	moved_fini(&m);
	if (rc == ERR_OK)
		rc = s->ops->clock_max(s, sp, &clock, e);
	if (rc == ERR_OK && clock != space->row.clock) {
		space->row.clock = clock;
		space_dirty(s, space);
	}
	return write_end(s, midway(rc, e));
}

/* --- renew -------------------------------------------------------------------------------- */

static enum err
renew_space(struct store *s, space_id sp, struct str was, struct err_info *e)
{
	struct waiting w;
	struct arena a = { 0 };
	struct parsed p = { 0 };
	enum err rc = waiting_own(s, sp, (struct stamp){ 0 }, &w, e);

	for (size_t i = 0; rc == ERR_OK && i < w.n; i++) {
		struct event_row r = { 0 };
		bool ours;

		rc = own_load(s, sp, w.pos[i], &a, &r, &p, &ours, e);
		/* A copy in another space was its turn already. */
		if (rc != ERR_OK || !ours || !str_eq(r.node, was))
			continue;
		rc = event_rewrite(s, &p.ev,
		    &(struct restamp){ r.clock, str_of(s->meta.node),
		        ++s->meta.node_seq, p.ev.replaces, p.ev.n_replaces },
		    e);
	}
	free(w.pos);
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

enum err
store_node_renew(struct store *s, struct err_info *e)
{
	uint8_t id[16];
	char was[33];
	space_id sp = 0;
	bool found;
	enum err rc;

	write_begin(s);
	rc = names_settle(s, e);
	if (rc != ERR_OK)
		return write_end(s, rc);
	memcpy(was, s->meta.node, sizeof was);
	s->opt.env.random(s->opt.env.ctx, id, sizeof id);
	hex_encode(id, sizeof id, s->meta.node);
	s->meta.node_seq = 0;
	s->changed = true;
	do {
		rc = s->ops->space_next(s, sp, &sp, &found, e);
		if (rc == ERR_OK && found)
			rc = renew_space(s, sp, str_of(was), e);
	} while (rc == ERR_OK && found);
	return write_end(s, midway(rc, e));
}
