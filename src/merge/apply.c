/* One step of the fold, and the fold from nothing.  docs/merge.md, Causality.
 *
 * A write W of a cell: the ids in its `replaces` that wrote the same cell are
 * its parents; those that are heads stop being heads, W becomes one.  Where W
 * replaces every head, whatever else it names is an ancestor of what it
 * replaces and changes nothing (but see status_from); only where some head stays
 * beside W does it matter whether an id that is no head wrote the cell once,
 * and that is what the trail is for.
 *
 * A step first plans (finds the parents of every write) and then acts, so that
 * one which asks for the history has changed nothing. */
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"

enum {
	STEP_BYTES = 4096, /* what most steps need */
	HEADS_FEW = 8,     /* are looked at one by one */
	NAMED_FEW = 4      /* likewise */
};

/* The parents of one write. */
struct parents {
	size_t cell; /* index of the written one; SIZE_MAX: to be added */
	struct standing *s; /* live ones first */
	size_t *past;       /* their places in the trail, where there is one */
	bool *live;         /* by index of the cell's heads: it is replaced */
	size_t n, n_live;
};

struct step {
	struct entity *en;
	const struct event *ev;
	struct writes w;      /* "the rest is out" told apart into elements */
	struct parents *plan; /* one for each write */
	struct eid *replaces; /* sorted, each once */
	size_t n_replaces;
	/* By index of replaces; NULL until find_writers(). */
	const struct writer **named;
	const struct writer
	    *self;      /* the event; NULL where there are no trails */
	struct arena a; /* goes with the step */
	uint32_t node;
	uint32_t round; /* what the event wrote to the status field */
	int32_t rank;
	bool needs_history;
};

static size_t
replaces_at(const struct step *st, const struct eid *id)
{
	const struct eid *at;

	if (st->n_replaces <= NAMED_FEW) {
		for (size_t i = 0; i < st->n_replaces; i++)
			if (eid_eq(&st->replaces[i], id))
				return i;
		return SIZE_MAX;
	}
	at =
	    bsearch(id, st->replaces, st->n_replaces, sizeof *at, eid_cmp_void);
	return at ? (size_t)(at - st->replaces) : SIZE_MAX;
}

static bool
is_present(const struct write *w)
{
	return w->kind == KIND_FLAG && str_is(w->field, "present");
}

/* Lists keep everything and per_session values follow their reporter: nobody
 * looks at `replaces`. */
static bool
has_parents(const struct write *w)
{
	return w->kind != KIND_LIST && w->kind != KIND_PER_SESSION;
}

/* Does this write take the place of head h? */
static bool
takes(const struct step *st, const struct write *w, const struct head *h)
{
	if (w->kind == KIND_LIST)
		return false;
	if (w->kind == KIND_PER_SESSION)
		return str_eq(h->reporter, st->w.reporter);
	if (st->ev->has_replaces)
		return replaces_at(st, &h->id) != SIZE_MAX;
	/* A program that names nothing. */
	if (is_present(w))
		return str_eq(entity_node(st->en, h->node), st->ev->node);
	if (w->old.n > 0)
		return str_eq(h->value, w->old);
	return true;
}

static struct standing
standing_past(const struct step *st, const struct past *p)
{
	return (struct standing){ p->by->id, p->clock, st->en->node[p->node],
		p->round, p->rank, p->value };
}

static void
add_past(const struct step *st, const struct cell *c, struct parents *p,
    size_t at)
{
	p->s[p->n] = standing_past(st, c->trail->past[at]);
	p->past[p->n++] = at;
}

static void
add_live(const struct step *st, const struct cell *c, struct parents *p,
    size_t k)
{
	p->live[k] = true;
	p->s[p->n] = standing_of(st->en, &c->head[k]);
	p->past[p->n++] =
	    c->head[k].past == NO_PAST ? SIZE_MAX : c->head[k].past;
	p->n_live = p->n;
}

/* Index of the head that a write of the past is; c->n where it is none any
 * more.  Heads stand in the order in which they were written. */
static size_t
head_of_past(const struct cell *c, size_t past)
{
	size_t lo = 0, hi = c->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->head[mid].past < past)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n && c->head[lo].past == past ? lo : c->n;
}

/* Who of this history the named events are; NULL for one that is not of it. */
static enum err
find_writers(struct step *st, struct err_info *e)
{
	bool nomem = false;

	if (st->named != NULL)
		return ERR_OK;
	st->named = arena_array(&st->a, st->n_replaces, sizeof *st->named);
	if (st->named == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < st->n_replaces && !nomem; i++)
		st->named[i] =
		    trails_find(st->en->trails, &st->replaces[i], &nomem);
	return nomem ? err_set(e, ERR_NOMEM) : ERR_OK;
}

/* The i-th named event's write of this cell; SIZE_MAX where it made none. */
static size_t
past_named(const struct step *st, const struct cell *c, size_t i)
{
	return st->named[i] == NULL ? SIZE_MAX :
	                              trail_find(c->trail, st->named[i]);
}

static int
size_cmp(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The heads that the event names, where there are too many to look at each:
 * many machines wrote while they were apart. */
static enum err
find_live_named(struct step *st, const struct cell *c, struct parents *p,
    struct err_info *e)
{
	size_t *at = arena_array(&st->a, st->n_replaces, sizeof *at), n = 0;
	enum err rc = at == NULL ? err_set(e, ERR_NOMEM) : find_writers(st, e);

	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < st->n_replaces; i++) {
		size_t past = past_named(st, c, i);

		at[n] = past == SIZE_MAX ? c->n : head_of_past(c, past);
		n += at[n] < c->n;
	}
	qsort(at, n, sizeof *at, size_cmp);
	for (size_t i = 0; i < n; i++)
		add_live(st, c, p, at[i]);
	return ERR_OK;
}

static enum err
find_live(struct step *st, const struct write *w, const struct cell *c,
    struct parents *p, struct err_info *e)
{
	if (c->n > HEADS_FEW && c->trail != NULL && st->ev->has_replaces &&
	    has_parents(w))
		return find_live_named(st, c, p, e);
	for (size_t k = 0; k < c->n; k++)
		if (takes(st, w, &c->head[k]))
			add_live(st, c, p, k);
	return ERR_OK;
}

/* Named ids that are no heads but wrote the cell once. */
static enum err
find_named_past(struct step *st, const struct cell *c, struct parents *p,
    struct err_info *e)
{
	bool *head = arena_array(&st->a, st->n_replaces, sizeof *head);
	enum err rc =
	    head == NULL ? err_set(e, ERR_NOMEM) : find_writers(st, e);

	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < p->n_live; i++)
		head[replaces_at(st, &p->s[i].id)] = true;
	for (size_t i = 0; i < st->n_replaces; i++) {
		size_t at = head[i] ? SIZE_MAX : past_named(st, c, i);

		if (at != SIZE_MAX)
			add_past(st, c, p, at);
	}
	return ERR_OK;
}

static enum err
find_parents(struct step *st, const struct write *w, const struct cell *c,
    struct parents *p, struct err_info *e)
{
	size_t n_heads = c ? c->n : 0;
	/* Each is named, or a head; and itself, the old value. */
	size_t max = 2 +
	    (st->ev->has_replaces && has_parents(w) ? st->n_replaces : n_heads);
	enum err rc;

	/* One piece for all three. */
	p->s = arena_alloc(&st->a,
	    max * (sizeof *p->s + sizeof *p->past) + n_heads * sizeof *p->live);
	if (p->s == NULL)
		return err_set(e, ERR_NOMEM);
	p->past = (void *)(p->s + max);
	p->live = (void *)(p->past + max);
	if (n_heads > 0)
		memset(p->live, 0, n_heads * sizeof *p->live);
	if (c == NULL)
		return ERR_OK;
	rc = find_live(st, w, c, p, e);
	if (rc != ERR_OK || !has_parents(w))
		return rc;
	if (st->ev->has_replaces) {
		if (p->n_live == c->n || p->n_live == st->n_replaces)
			return ERR_OK;
		if (c->trail != NULL)
			return find_named_past(st, c, p, e);
		st->needs_history = true;
		return ERR_OK;
	}
	/* It names an old value that no head has: then that value's latest
	 * write, beside the heads. */
	if (w->old.n == 0 || p->n_live > 0 || is_present(w))
		return ERR_OK;
	if (c->trail == NULL) {
		st->needs_history = true;
		return ERR_OK;
	}
	max = trail_latest(c->trail, w->old);
	if (max != SIZE_MAX)
		add_past(st, c, p, max);
	return ERR_OK;
}

/* --- status --------------------------------------------------------------- */

static int32_t
rank_of(const struct entity *en, struct str value)
{
	struct str s = value;

	if (s.n < 2 || s.p[0] != '"')
		return -1;
	s = str_n(s.p + 1, s.n - 2);
	return en->aggregate == AGG_TODO ? todo_status_rank(s) : lane_rank(s);
}

static bool
is_finished(const struct entity *en, int32_t rank)
{
	return en->aggregate == AGG_TODO ? todo_status_finished(rank) :
	                                   lane_finished(rank);
}

/* Does the write move back from a value of this rank?  docs/merge.md, Round. */
static bool
rolls_back(const struct step *st, const struct write *w, int32_t from)
{
	return st->rank < from && is_finished(st->en, from) &&
	    !st->w.observation && !str_is(w->value, "\"blocked\"") &&
	    !str_is(w->value, "\"canceled\"");
}

/* Could it, from anything?  The greatest rank is a finished one. */
static bool
may_roll_back(const struct step *st, const struct write *w)
{
	return rolls_back(st, w,
	    st->en->aggregate == AGG_TODO ? TODO_STATUS_RANK_MAX :
	                                    LANE_RANK_MAX);
}

static void
raise(struct standing *best, const struct standing *s)
{
	if (s->rank >= 0 &&
	    (best->id.form == EID_NONE || standing_cmp(s, best) > 0))
		*best = *s;
}

/* What the named events wrote to the status field, from the heads of whatever
 * cell: each remembers it.  An id that heads nothing may have as well. */
static enum err
named_status_of_heads(struct step *st, struct standing *best,
    struct err_info *e)
{
	bool *found = arena_array(&st->a, st->n_replaces, sizeof *found);

	if (found == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < st->en->n_cells; i++)
		for (size_t k = 0; k < st->en->cell[i].n; k++) {
			const struct head *h = &st->en->cell[i].head[k];
			size_t at = replaces_at(st, &h->id);
			struct standing s;

			if (at == SIZE_MAX)
				continue;
			found[at] = true;
			s = standing_of(st->en, h);
			raise(best, &s);
		}
	for (size_t i = 0; i < st->n_replaces; i++)
		if (!found[i])
			st->needs_history = true;
	return ERR_OK;
}

static enum err
named_status_of_trail(struct step *st, const struct cell *c,
    struct standing *best, struct err_info *e)
{
	enum err rc = find_writers(st, e);

	for (size_t i = 0; rc == ERR_OK && i < st->n_replaces; i++) {
		size_t at = past_named(st, c, i);
		struct standing s;

		if (at == SIZE_MAX)
			continue;
		s = standing_past(st, c->trail->past[at]);
		raise(best, &s);
	}
	return rc;
}

/* The rank of the parent that is greatest by (round, rank, stamp).  An ancestor
 * of a head that W names as well counts too: it may rank above its child in the
 * same round (for_review, then blocked). */
static enum err
status_from(struct step *st, const struct cell *c, const struct parents *p,
    int32_t *ret, struct err_info *e)
{
	struct standing best = { .rank = -1 };
	enum err rc = ERR_OK;

	for (size_t i = 0; i < p->n; i++)
		raise(&best, &p->s[i]);
	if (c != NULL && c->trail != NULL)
		rc = named_status_of_trail(st, c, &best, e);
	else if (c != NULL)
		rc = named_status_of_heads(st, &best, e);
	*ret = best.rank;
	return rc;
}

static enum err
plan_status(struct step *st, const struct write *w, const struct cell *c,
    const struct parents *p, struct err_info *e)
{
	int32_t from = -1;
	enum err rc = ERR_OK;

	st->rank = rank_of(st->en, w->value);
	for (size_t i = 0; i < p->n; i++)
		if (p->s[i].round > st->round)
			st->round = p->s[i].round;
	if (!may_roll_back(st, w))
		return ERR_OK;
	if (st->ev->has_replaces)
		rc = status_from(st, c, p, &from, e);
	else if (w->old.n > 0)
		from = rank_of(st->en, w->old);
	st->round += rolls_back(st, w, from);
	return rc;
}

/* --- planning --------------------------------------------------------------- */

/* Does the write change nothing at its place? */
static bool
is_void(const struct step *st, const struct write *w, const struct cell *c)
{
	if (c == NULL || c->n == 0)
		return false;
	if (eid_eq(&c->head[c->n - 1].id, &st->ev->id))
		return true; /* two writes of one event: the first counts */
	if (w->op == WRITE_DEFAULT)
		return true;
	/* Who names nothing never brings a deleted entity back. */
	return is_present(w) && !st->ev->has_replaces &&
	    !entity_present(st->en);
}

static int
element_cmp(const void *a, const void *b)
{
	const struct str *sa = a, *sb = b;

	return str_cmp(*sa, *sb);
}

/* Elements of `field` that the event puts in, sorted. */
static enum err
elements_in(struct step *st, struct str field, struct str **ret, size_t *n,
    struct err_info *e)
{
	*n = 0;
	*ret = arena_array(&st->a, st->w.n, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < st->w.n; i++)
		if (st->w.w[i].op == WRITE_IN &&
		    str_eq(st->w.w[i].field, field))
			(*ret)[(*n)++] = st->w.w[i].element;
	qsort(*ret, *n, sizeof **ret, element_cmp);
	return ERR_OK;
}

static bool
cell_in(const struct cell *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->head[i].in)
			return true;
	return false;
}

/* "The rest is out": one write for each shown element that is not named. */
static enum err
tell_rest_apart(struct step *st, struct err_info *e)
{
	size_t n = 0, n_in, max = st->w.n + st->en->n_cells;
	struct write *all = NULL;
	struct str *in;
	enum err rc;

	for (size_t i = 0; i < st->w.n; i++) {
		const struct write w = st->w.w[i];

		if (w.op != WRITE_REST_OUT) {
			if (all != NULL)
				all[n++] = w;
			continue;
		}
		if (all == NULL) {
			all = arena_array(&st->a, max, sizeof *all);
			if (all == NULL)
				return err_set(e, ERR_NOMEM);
			memcpy(all, st->w.w, i * sizeof *all);
			n = i;
		}
		rc = elements_in(st, w.field, &in, &n_in, e);
		if (rc != ERR_OK)
			return rc;
		for (size_t k = 0; k < st->en->n_cells; k++) {
			const struct cell *c = &st->en->cell[k];

			if (str_eq(c->field, w.field) && cell_in(c) &&
			    bsearch(&c->element, in, n_in, sizeof *in,
			        element_cmp) == NULL)
				all[n++] = (struct write){ .field = w.field,
					.element = c->element,
					.kind = KIND_SET,
					.op = WRITE_OUT,
					.value = STR("false") };
		}
	}
	if (all != NULL) {
		st->w.w = all;
		st->w.n = n;
	}
	return ERR_OK;
}

static enum err
plan(struct step *st, struct err_info *e)
{
	st->rank = -1;
	st->plan = arena_array(&st->a, st->w.n, sizeof *st->plan);
	if (st->plan == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < st->w.n; i++) {
		const struct write *w = &st->w.w[i];
		const struct cell *c =
		    entity_cell(st->en, w->field, w->element);
		enum err rc;

		st->plan[i].cell =
		    c != NULL ? (size_t)(c - st->en->cell) : SIZE_MAX;
		if (is_void(st, w, c))
			continue;
		rc = find_parents(st, w, c, &st->plan[i], e);
		if (rc == ERR_OK && w->kind == KIND_STATUS)
			rc = plan_status(st, w, c, &st->plan[i], e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

/* --- acting ------------------------------------------------------------------- */

/* Parents that another parent has seen are left out of the ledger.  Heads never
 * saw each other. */
static enum err
drop_seen(const struct cell *c, struct parents *p, struct err_info *e)
{
	size_t n = p->n_live;
	bool nomem = false;

	for (size_t i = p->n_live; i < p->n; i++) {
		bool seen = false;

		for (size_t k = 0; k < p->n && !seen; k++)
			if (p->past[k] > p->past[i])
				seen = trail_seen(c->trail, p->past[k],
				    p->past[i], &nomem);
		if (nomem)
			return err_set(e, ERR_NOMEM);
		if (seen)
			continue;
		p->s[n] = p->s[i];
		p->past[n++] = p->past[i];
	}
	p->n = n;
	return ERR_OK;
}

/* It read nothing: what it replaced unseen is written down. */
static enum err
note_unseen(struct step *st, const struct write *w, const struct cell *c,
    struct parents *p, struct err_info *e)
{
	struct standing self = { .id = st->ev->id, .value = w->value };
	size_t n = 0;

	for (size_t i = 0; i < p->n_live; i++)
		if (!str_eq(p->s[i].value, w->value))
			p->s[n++] = p->s[i];
	if (n == 0)
		return ERR_OK;
	p->s[n++] = self;
	return row_close(st->en, c->field, p->s, n, &st->ev->id, ROW_AUTO, e);
}

static enum err
close_rows(struct step *st, const struct write *w, const struct cell *c,
    struct parents *p, struct err_info *e)
{
	enum row_state state;
	enum err rc;

	if (!cell_has_rows(c))
		return ERR_OK;
	rc = drop_seen(c, p, e);
	if (rc != ERR_OK)
		return rc;
	if (p->n >= 2 && standing_differ(p->s, p->n)) {
		state = row_state_of(c, p->s, p->n);
		if (state == ROW_OPEN)
			state = st->ev->has_replaces ? ROW_RESOLVED : ROW_AUTO;
		rc = row_close(st->en, c->field, p->s, p->n, &st->ev->id, state,
		    e);
	}
	if (rc == ERR_OK && !st->ev->has_replaces && w->old.n == 0)
		rc = note_unseen(st, w, c, p, e);
	return rc;
}

static bool
head_new(const struct step *st, const struct write *w, struct head *ret)
{
	*ret = (struct head){ .id = st->ev->id,
		.clock = st->ev->clock,
		.node = st->node,
		.round = st->round,
		.rank = st->rank,
		.past = NO_PAST,
		.observation = st->w.observation,
		.in = str_is(w->value, "true") };
	ret->value = str_n(mem_dup(w->value.p, w->value.n), w->value.n);
	if (ret->value.p == NULL)
		return false;
	if (!st->w.observation && w->kind != KIND_PER_SESSION)
		return true;
	ret->reporter = str_n(mem_dup(st->w.reporter.p, st->w.reporter.n),
	    st->w.reporter.n);
	if (ret->reporter.p == NULL)
		head_fini(ret);
	return ret->reporter.p != NULL;
}

/* Replaced heads go, the new one comes last: heads stay in stamp order. */
static enum err
put_head(struct step *st, const struct write *w, struct cell *c,
    const struct parents *p, struct err_info *e)
{
	struct head h;
	const bool *first = c->n > 0 ? memchr(p->live, true, c->n) : NULL;
	size_t n = first != NULL ? (size_t)(first - p->live) : c->n;

	/* A cell has one head nearly always, and for a moment two. */
	if (!mem_grow_from(&c->head, &c->cap, c->n + 1, sizeof *c->head, 2) ||
	    !head_new(st, w, &h))
		return err_set(e, ERR_NOMEM);
	if (c->trail != NULL && has_parents(w) &&
	    !trail_add(c->trail, st->self, &h, p->past, p->n)) {
		head_fini(&h);
		return err_set(e, ERR_NOMEM);
	}
	for (size_t i = n; i < c->n; i++) {
		if (p->live[i])
			head_fini(&c->head[i]);
		else
			c->head[n++] = c->head[i];
	}
	c->head[n++] = h;
	c->n = n;
	return ERR_OK;
}

/* The cell of a planned write; a new one moves those behind it. */
static struct cell *
planned_cell(const struct step *st, const struct write *w, size_t at,
    bool moved)
{
	return !moved && at != SIZE_MAX ?
	    &st->en->cell[at] :
	    entity_cell(st->en, w->field, w->element);
}

static enum err
act(struct step *st, struct err_info *e)
{
	bool moved = false;

	for (size_t i = 0; i < st->w.n; i++) {
		const struct write *w = &st->w.w[i];
		struct cell *c = planned_cell(st, w, st->plan[i].cell, moved);
		enum err rc;

		if (is_void(st, w, c))
			continue;
		moved |= c == NULL;
		if (c == NULL)
			c = entity_cell_add(st->en, w->field, w->element,
			    w->kind);
		if (c == NULL)
			return err_set(e, ERR_NOMEM);
		rc = close_rows(st, w, c, &st->plan[i], e);
		if (rc == ERR_OK)
			rc = put_head(st, w, c, &st->plan[i], e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

/* Mostly one or two. */
static void
sort_ids(struct eid *id, size_t n)
{
	if (n > NAMED_FEW) {
		qsort(id, n, sizeof *id, eid_cmp_void);
		return;
	}
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && eid_cmp(&id[k - 1], &id[k]) > 0;
		     k--) {
			struct eid low = id[k];

			id[k] = id[k - 1];
			id[k - 1] = low;
		}
}

static enum err
step_init(struct step *st, struct err_info *e)
{
	const struct event *ev = st->ev;
	enum err rc = event_writes(ev, &st->a, &st->w, e);

	if (rc != ERR_OK)
		return rc;
	st->replaces =
	    arena_array(&st->a, ev->n_replaces, sizeof *st->replaces);
	if (st->replaces == NULL)
		return err_set(e, ERR_NOMEM);
	if (ev->n_replaces > 0) {
		memcpy(st->replaces, ev->replaces,
		    ev->n_replaces * sizeof *st->replaces);
		sort_ids(st->replaces, ev->n_replaces);
	}
	for (size_t i = 0; i < ev->n_replaces; i++)
		if (st->n_replaces == 0 ||
		    !eid_eq(&st->replaces[i],
		        &st->replaces[st->n_replaces - 1]))
			st->replaces[st->n_replaces++] = st->replaces[i];
	return tell_rest_apart(st, e);
}

enum err
entity_apply(struct entity *en, const struct event *ev, enum applied *ret,
    struct err_info *e)
{
	alignas(max_align_t) char room[STEP_BYTES];
	struct step st = {
		.en = en, .ev = ev, .a = arena_in(room, sizeof room)
	};
	enum err rc;

	*ret = APPLIED;
	if (!ev->folds)
		return ERR_OK;
	rc = step_init(&st, e);
	if (rc == ERR_OK)
		rc = plan(&st, e);
	if (rc != ERR_OK)
		goto done;
	if (st.needs_history) {
		*ret = APPLY_NEEDS_HISTORY;
		goto done;
	}
	if (en->trails != NULL)
		st.self = trails_add(en->trails, &ev->id);
	if ((en->trails != NULL && st.self == NULL) ||
	    !entity_node_put(en, ev->node, &st.node)) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	rc = act(&st, e);
	en->last_clock = ev->clock;
	en->last_node = st.node;
	en->last_id = ev->id;
	en->events++;
done:
	arena_fini(&st.a);
	return rc;
}

enum err
entity_fold(struct entity *en, entity_next_fn *next, void *ctx,
    struct err_info *e)
{
	const struct event *ev = NULL;
	struct trails trails = { 0 };
	enum applied applied;
	enum err rc;

	entity_clear(en);
	en->trails = &trails;
	while ((rc = next(ctx, &ev, e)) == ERR_OK && ev != NULL) {
		rc = entity_apply(en, ev, &applied, e);
		if (rc != ERR_OK)
			break;
	}
	en->trails = NULL;
	for (size_t i = 0; i < en->n_cells; i++) {
		trail_free(en->cell[i].trail);
		en->cell[i].trail = NULL;
	}
	trails_fini(&trails);
	return rc;
}
