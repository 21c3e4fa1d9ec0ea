/* Rebuild: throw the projection away and fold the log again.  Verify: read
 * everything again and compare. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "store_int.h"

enum { PROGRESS_EVERY = 1024 /* events */ };

/* --- rebuild ------------------------------------------------------------------------ */

struct progress {
	store_progress_fn *fn;
	void *ctx;
	uint64_t done, all;
};

static void
progress_step(struct progress *p)
{
	p->done++;
	if (p->fn != NULL &&
	    (p->done % PROGRESS_EVERY == 0 || p->done == p->all))
		p->fn(p->ctx, p->done, p->all);
}

/* Spaces and events, and the sum of all digests. */
static enum err
count_all(struct store *s, struct store_report *ret, uint8_t sum[HASH_BYTES],
    struct err_info *e)
{
	space_id sp = 0;
	enum err rc;

	memset(sum, 0, HASH_BYTES);
	ret->spaces = ret->events = 0;
	for (;;) {
		struct space_slot *slot;
		bool found;

		rc = s->ops->space_next(s, sp, &sp, &found, e);
		if (rc != ERR_OK || !found)
			return rc;
		rc = space_slot(s, sp, &slot, e);
		if (rc != ERR_OK)
			return rc;
		ret->spaces++;
		ret->events += slot->row.events;
		hash_sum_add(sum, slot->row.digest);
	}
}

static enum err
rebuild_row(struct store *s, const struct event_row *r, struct parsed *p,
    struct err_info *e)
{
	struct entity_slot *slot;
	enum err rc = row_parse(r, p, e);

	if (rc == ERR_OK)
		rc = entity_slot(s, r->space, &p->ev.entity, true, &slot, e);
	if (rc == ERR_OK && r->flags & FLAG_REFUSED)
		p->ev.folds = false; /* listed, not applied */
	if (rc == ERR_OK)
		rc = entity_slot_add(s, slot, r->pos, &p->ev, e);
	return rc;
}

static enum err
rebuild_space(struct store *s, space_id sp, struct progress *progress,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct parsed p = { 0 };
	struct event_row *row;
	uint64_t at = 0;
	size_t n;
	enum err rc;

	do {
		arena_reset(&a);
		rc = s->ops->event_page(s, sp, at, PAGE_ROWS, true, &a, &row,
		    &n, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			at = row[i].pos;
			rc = rebuild_row(s, &row[i], &p, e);
			progress_step(progress);
		}
	} while (rc == ERR_OK && n > 0);
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

/* Sums and rows of entities go; the log and its counters stay. */
static enum err
projection_forget(struct store *s, struct err_info *e)
{
	space_id sp = 0;
	bool found;
	enum err rc = cache_flush(s, e);

	if (rc == ERR_OK)
		rc = s->ops->projection_drop(s, e);
	if (rc != ERR_OK)
		return rc;
	cache_drop(s);
	s->meta_known = true; /* nobody else writes meanwhile */
	for (;;) {
		struct space_slot *slot;

		rc = s->ops->space_next(s, sp, &sp, &found, e);
		if (rc != ERR_OK || !found)
			return rc;
		rc = space_slot(s, sp, &slot, e);
		if (rc != ERR_OK)
			return rc;
		memset(slot->row.digest, 0, HASH_BYTES);
		space_dirty(s, slot);
	}
}

enum err
rebuild_all(struct store *s, store_progress_fn *progress, void *ctx,
    struct store_report *ret, struct err_info *e)
{
	struct progress p = { progress, ctx, 0, 0 };
	uint64_t entities;
	space_id sp = 0;
	bool found;
	enum err rc = count_all(s, ret, ret->before, e);

	if (rc == ERR_OK)
		rc = projection_forget(s, e);
	entities = s->meta.entities;
	p.all = ret->events;
	while (rc == ERR_OK) {
		rc = s->ops->space_next(s, sp, &sp, &found, e);
		if (rc != ERR_OK || !found)
			break;
		rc = rebuild_space(s, sp, &p, e);
	}
	if (rc == ERR_OK)
		rc = cache_flush_entities(s, e);
	if (rc == ERR_OK)
		rc = count_all(s, ret, ret->after, e);
	s->meta.fold = FOLD_VERSION;
	s->changed = true;
	ret->entities = s->meta.entities - entities;
	ret->projects = s->projects.count;
	return rc;
}

enum err
store_rebuild(struct store *s, struct store_report *ret,
    store_progress_fn *progress, void *ctx, struct err_info *e)
{
	enum err rc;

	*ret = (struct store_report){ 0 };
	rc = store_begin(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = rebuild_all(s, progress, ctx, ret, e);
	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK) {
		store_rollback(s);
		return rc;
	}
	if (memcmp(ret->before, ret->after, HASH_BYTES) != 0)
		return err_setf(e, ERR_CORRUPT,
		    "the state was not the fold of the log; it is now");
	return ERR_OK;
}

/* --- verify ------------------------------------------------------------------------- */

struct verify {
	struct store *store;
	struct store_report *report;
	void (*finding)(void *ctx, const char *text);
	void *ctx;
	struct progress progress;
};

static void found_fault(struct verify *v, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
found_fault(struct verify *v, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->report->wrong++;
	if (v->finding != NULL)
		v->finding(v->ctx, text);
}

static void
check_finding(void *ctx, const char *text)
{
	struct verify *v = ctx;

	found_fault(v, "%s", text);
}

/* What is broken is a finding; what keeps us from looking is a failure. */
static enum err
fault_or(struct verify *v, enum err rc, struct err_info *e)
{
	if (rc != ERR_CORRUPT)
		return rc;
	found_fault(v, "%s", e->text);
	return ERR_OK;
}

struct tally {
	uint64_t events, unacked, refused;
	uint8_t *seq; /* own; a bit for each up to `pulled`; NULL in a hub */
};

static bool
bit_take(uint8_t *bits, uint64_t i)
{
	bool was = bits[i / 8] >> (i % 8) & 1;

	bits[i / 8] |= (uint8_t)(1u << (i % 8));
	return was;
}

/* What a client took in from its hub: each number once. */
static void
verify_seq(struct verify *v, const struct space_row *space,
    const struct event_row *r, struct tally *t)
{
	if (t->seq == NULL || r->seq == 0 || r->seq > space->pulled ||
	    !row_acked(v->store, space, r))
		return;
	if (bit_take(t->seq, r->seq - 1))
		found_fault(v,
		    "space %lld, event %llu: the hub's number %llu is another "
		    "event's as well",
		    (long long)space->id, (unsigned long long)r->pos,
		    (unsigned long long)r->seq);
}

static void
verify_seqs(struct verify *v, const struct space_row *space, struct tally *t)
{
	for (uint64_t i = 0; t->seq != NULL && i < space->pulled; i++) {
		if (t->seq[i / 8] >> (i % 8) & 1)
			continue;
		found_fault(v,
		    "space %lld: the hub's event %llu is missing, %llu were "
		    "pulled",
		    (long long)space->id, (unsigned long long)(i + 1),
		    (unsigned long long)space->pulled);
		return; /* one is enough: it pulls anew */
	}
}

/* A hub's log is its own: a row speaks of no other, and the number of the node
 * that made the event is among those seen. */
static enum err
verify_hub_row(struct verify *v, const struct event_row *r,
    const struct event *ev, struct err_info *e)
{
	uint64_t lo, hi, next;
	bool found;
	enum err rc = ERR_OK;

	if (r->seq != 0 || r->epoch_no != 0)
		found_fault(v,
		    "space %lld, event %llu: has a number of another hub",
		    (long long)r->space, (unsigned long long)r->pos);
	/* 0 counts nothing. */
	if (!ev->has_node_seq || ev->node_seq == 0)
		return ERR_OK;
	rc = v->store->ops->seen_at(v->store, ev->node, ev->node_seq, &lo, &hi,
	    &found, &next, e);
	if (rc == ERR_OK && (!found || hi < ev->node_seq))
		found_fault(v,
		    "space %lld, event %llu: the number of its node is not "
		    "among those seen",
		    (long long)r->space, (unsigned long long)r->pos);
	return rc;
}

static void
verify_columns(struct verify *v, const struct event_row *r,
    const struct event *ev)
{
	if (!eid_eq(&r->id, &ev->id) || r->clock != ev->clock ||
	    !str_eq(r->node, ev->node))
		found_fault(v,
		    "space %lld, event %llu: the row's id, clock or node is "
		    "not the event's",
		    (long long)r->space, (unsigned long long)r->pos);
}

static enum err
verify_id(struct verify *v, const struct event_row *r, struct err_info *e)
{
	struct event_row again = { 0 };
	struct arena a = { 0 };
	bool found;
	enum err rc = v->store->ops->event_find(v->store, r->space, &r->id,
	    false, &a, &again, &found, e);

	if (rc == ERR_OK && (!found || again.pos != r->pos))
		found_fault(v, "space %lld, event %llu: is not found by its id",
		    (long long)r->space, (unsigned long long)r->pos);
	arena_fini(&a);
	return rc;
}

static enum err
verify_row(struct verify *v, const struct space_row *space,
    const struct event_row *r, struct parsed *p, struct tally *t,
    struct err_info *e)
{
	enum err rc;

	t->events++;
	if (r->pos != t->events) {
		found_fault(v, "space %lld: event %llu is missing",
		    (long long)space->id, (unsigned long long)t->events);
		t->events = r->pos;
	}
	if (r->flags & FLAG_REFUSED)
		t->refused += !(r->flags & FLAG_DISCARDED);
	else
		t->unacked += !row_acked(v->store, space, r);
	if (store_sum(r->raw) != r->sum)
		found_fault(v, "space %lld, event %llu: its bytes have changed",
		    (long long)r->space, (unsigned long long)r->pos);
	verify_seq(v, space, r, t);
	rc = row_parse(r, p, e);
	if (rc == ERR_OK)
		verify_columns(v, r, &p->ev);
	if (rc == ERR_OK && v->store->opt.hub)
		rc = verify_hub_row(v, r, &p->ev, e);
	rc = fault_or(v, rc, e);
	return rc == ERR_OK ? verify_id(v, r, e) : rc;
}

static enum err
verify_log(struct verify *v, const struct space_row *space, struct tally *t,
    struct err_info *e)
{
	struct store *s = v->store;
	struct arena a = { 0 };
	struct parsed p = { 0 };
	struct event_row *row;
	uint64_t at = 0;
	size_t n;
	enum err rc;

	do {
		arena_reset(&a);
		rc = s->ops->event_page(s, space->id, at, PAGE_ROWS, true, &a,
		    &row, &n, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			at = row[i].pos;
			rc = verify_row(v, space, &row[i], &p, t, e);
			progress_step(&v->progress);
		}
	} while (rc == ERR_OK && n > 0);
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

/* Everything that waits is listed so, and nothing else. */
static enum err
verify_waiting(struct verify *v, const struct space_row *space, uint64_t want,
    struct err_info *e)
{
	struct store *s = v->store;
	struct arena a[2] = { { 0 }, { 0 } };
	struct stamp after = { 0 }, last;
	uint64_t *pos, count = 0;
	unsigned turn = 0;
	size_t n = 0;
	enum err rc;

	do {
		struct arena *page = &a[turn++ & 1];

		arena_reset(page);
		last = after;
		rc = s->ops->unacked_page(s, space->id, &after, PAGE_ROWS, page,
		    &pos, &n, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			struct event_row r = { 0 };
			bool found;

			rc = s->ops->event_get(s, space->id, pos[i], false,
			    page, &r, &found, e);
			if (rc != ERR_OK)
				break;
			count += found && !(r.flags & FLAG_REFUSED) &&
			    !row_acked(s, space, &r);
			after = (struct stamp){ r.clock, r.node, r.id };
			if (!found) {
				n = 0; /* said below: the count is wrong */
				break;
			}
		}
		/* A row that is not what its entry says leads back. */
	} while (rc == ERR_OK && n > 0 &&
	    (last.id.form == EID_NONE || stamp_cmp(&after, &last) > 0));
	arena_fini(&a[0]);
	arena_fini(&a[1]);
	if (rc == ERR_OK && (count != want || space->unacked != want))
		found_fault(v,
		    "space %lld: %llu events wait, %llu are listed, %llu are "
		    "counted",
		    (long long)space->id, (unsigned long long)want,
		    (unsigned long long)count,
		    (unsigned long long)space->unacked);
	return rc;
}

/* Where it stands with its hub, and its clock. */
static enum err
verify_position(struct verify *v, const struct space_row *space,
    struct err_info *e)
{
	uint64_t clock;
	enum err rc = v->store->ops->clock_max(v->store, space->id, &clock, e);

	if (rc == ERR_OK && space->clock < clock)
		found_fault(v,
		    "space %lld: its clock stands at %llu, an event has %llu",
		    (long long)space->id, (unsigned long long)space->clock,
		    (unsigned long long)clock);
	if (v->store->opt.hub ?
	        space->pulled != 0 || space->head != 0 :
	        space->pulled > space->head || space->pulled > space->events)
		found_fault(v,
		    "space %lld: pulled up to %llu of %llu, with %llu events",
		    (long long)space->id, (unsigned long long)space->pulled,
		    (unsigned long long)space->head,
		    (unsigned long long)space->events);
	return rc;
}

static enum err
verify_space_row(struct verify *v, const struct space_row *space,
    struct tally *t, struct err_info *e)
{
	enum err rc = verify_position(v, space, e);

	if (rc != ERR_OK)
		return rc;
	verify_seqs(v, space, t);
	if (t->events != space->events)
		found_fault(v, "space %lld: %llu events, %llu are counted",
		    (long long)space->id, (unsigned long long)t->events,
		    (unsigned long long)space->events);
	if (t->refused != space->refused)
		found_fault(v, "space %lld: %llu refused, %llu are counted",
		    (long long)space->id, (unsigned long long)t->refused,
		    (unsigned long long)space->refused);
	return verify_waiting(v, space, t->unacked, e);
}

/* The events that an entity lists are about it. */
static enum err
verify_listed(struct verify *v, const struct project_row *project,
    const struct entity_row *r, const uint64_t *pos, size_t n,
    struct err_info *e)
{
	struct store *s = v->store;
	struct arena a = { 0 };
	struct parsed p = { 0 };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct event_row row = { 0 };
		bool found;

		arena_reset(&a);
		rc = s->ops->event_get(s, project->space, pos[i], true, &a,
		    &row, &found, e);
		if (rc == ERR_OK && !found)
			rc = err_setf(e, ERR_CORRUPT,
			    "space %lld: event %llu, which an entity lists, is "
			    "not there",
			    (long long)project->space,
			    (unsigned long long)pos[i]);
		if (rc == ERR_OK)
			rc = row_parse(&row, &p, e);
		if (rc == ERR_OK &&
		    !(str_eq(p.ev.entity.project, project->uuid) &&
		        str_eq(p.ev.entity.type, r->type) &&
		        str_eq(p.ev.entity.key, r->key)))
			rc = err_setf(e, ERR_CORRUPT,
			    "space %lld: event %llu is listed by another "
			    "entity than its own",
			    (long long)project->space,
			    (unsigned long long)pos[i]);
	}
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

static enum err
entity_compare(const struct entity_row *r, const struct entity *en,
    uint8_t digest[HASH_BYTES], struct err_info *e)
{
	struct buf state = { 0 };
	bool counts = entity_counts(en);
	enum err rc = ERR_OK;

	memset(digest, 0, HASH_BYTES);
	if (counts)
		rc = entity_digest(en, digest, e);
	if (counts || en->events > 0)
		entity_encode(en, &state);
	if (rc == ERR_OK)
		rc = buf_ok(&state, e);
	if (rc == ERR_OK &&
	    (counts != r->counts || !str_eq(buf_str(&state), r->state) ||
	        memcmp(digest, r->digest, HASH_BYTES) != 0))
		rc = err_setf(e, ERR_CORRUPT,
		    "%.*s %.*s: its state is not the fold of its events",
		    STR_ARG(r->type), STR_ARG(r->key));
	buf_fini(&state);
	return rc;
}

/* *listed: how many events it has; its digest is added to the sum. */
static enum err
verify_entity(struct verify *v, const struct project_row *project,
    const struct entity_row *r, uint64_t *listed, uint8_t sum[HASH_BYTES],
    struct err_info *e)
{
	struct entity_key key = { project->uuid, r->type, r->key };
	struct entity *en = NULL;
	struct arena a = { 0 };
	uint64_t *tail = NULL, *pos;
	size_t n_tail = 0, cap = 0, n = 0;
	uint8_t digest[HASH_BYTES];
	enum err rc = list_read(r->tail, &tail, &n_tail, &cap, e);

	if (rc == ERR_OK)
		rc = entity_positions(v->store, r->id, r->runs, tail, n_tail,
		    &a, &pos, &n, e);
	if (rc == ERR_OK)
		rc = verify_listed(v, project, r, pos, n, e);
	if (rc == ERR_OK)
		rc = entity_new(&en, &key, e);
	if (rc == ERR_OK)
		rc = history_fold(v->store, project->space, pos, n, en, e);
	if (rc == ERR_OK)
		rc = entity_compare(r, en, digest, e);
	if (rc == ERR_OK) {
		hash_sum_add(sum, digest);
		*listed += n;
	}
	entity_free(en);
	free(tail);
	arena_fini(&a);
	return rc;
}

static enum err
verify_project(struct verify *v, const struct project_row *project,
    uint64_t *listed, struct err_info *e)
{
	struct arena a[2] = { { 0 }, { 0 } };
	struct str type = { "", 0 }, key = { "", 0 };
	struct entity_row *row;
	uint8_t sum[HASH_BYTES] = { 0 };
	uint64_t count = 0;
	unsigned turn = 0;
	bool more = false;
	size_t n;
	enum err rc;

	do {
		struct arena *page = &a[turn++ & 1];

		arena_reset(page);
		rc = v->store->ops->entity_page(v->store, project->id, type,
		    key, false, PAGE_ROWS, page, &row, &n, &more, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			rc = fault_or(v,
			    verify_entity(v, project, &row[i], listed, sum, e),
			    e);
			count += row[i].counts;
			type = row[i].type;
			key = row[i].key;
		}
	} while (rc == ERR_OK && more);
	arena_fini(&a[0]);
	arena_fini(&a[1]);
	v->report->entities += count;
	if (rc == ERR_OK &&
	    (memcmp(sum, project->digest, HASH_BYTES) != 0 ||
	        count != project->entities))
		found_fault(v,
		    "project %.*s: its digest or count is not that of its "
		    "entities",
		    STR_ARG(project->uuid));
	return rc;
}

static enum err
verify_state(struct verify *v, const struct space_row *space,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct project_row *project;
	uint8_t sum[HASH_BYTES] = { 0 };
	uint64_t listed = 0;
	size_t n = 0;
	enum err rc = v->store->ops->project_list(v->store, space->id, &a,
	    &project, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		rc = verify_project(v, &project[i], &listed, e);
		hash_sum_add(sum, project[i].digest);
	}
	v->report->projects += n;
	arena_fini(&a);
	if (rc != ERR_OK)
		return rc;
	if (memcmp(sum, space->digest, HASH_BYTES) != 0)
		found_fault(v,
		    "space %lld: its digest is not that of its "
		    "projects",
		    (long long)space->id);
	if (listed != space->events)
		found_fault(v, "space %lld: %llu events, entities list %llu",
		    (long long)space->id, (unsigned long long)space->events,
		    (unsigned long long)listed);
	return ERR_OK;
}

static enum err
verify_space(struct verify *v, const struct space_row *space,
    struct err_info *e)
{
	struct tally t = { 0 };
	enum err rc = ERR_OK;

	/* A number that is too great is said by itself. */
	if (!v->store->opt.hub && space->pulled > 0 &&
	    space->pulled <= space->events) {
		t.seq = mem_zero(space->pulled / 8 + 1);
		if (t.seq == NULL)
			return err_set(e, ERR_NOMEM);
	}
	rc = verify_log(v, space, &t, e);
	if (rc == ERR_OK)
		rc = verify_space_row(v, space, &t, e);
	if (rc == ERR_OK)
		rc = verify_state(v, space, e);
	free(t.seq);
	return rc;
}

static enum err
verify_all(struct verify *v, struct err_info *e)
{
	struct store *s = v->store;
	uint8_t sum[HASH_BYTES];
	space_id sp = 0;
	enum err rc = s->ops->check(s, check_finding, v, e);

	rc = fault_or(v, rc, e);
	if (rc == ERR_OK)
		rc = count_all(s, v->report, sum, e);
	v->progress.all = v->report->events;
	memcpy(v->report->before, sum, HASH_BYTES);
	memcpy(v->report->after, sum, HASH_BYTES);
	while (rc == ERR_OK) {
		struct space_slot *slot;
		bool found;

		rc = s->ops->space_next(s, sp, &sp, &found, e);
		if (rc != ERR_OK || !found)
			break;
		rc = space_slot(s, sp, &slot, e);
		if (rc == ERR_OK)
			rc = verify_space(v, &slot->row, e);
	}
	return rc;
}

enum err
store_verify(struct store *s, struct store_report *ret,
    void (*finding)(void *ctx, const char *text), store_progress_fn *progress,
    void *ctx, struct err_info *e)
{
	struct verify v = { s, ret, finding, ctx, { progress, ctx, 0, 0 } };
	enum err rc;

	assert(!s->in_tx && !s->viewing);
	*ret = (struct store_report){ 0 };
	rc = store_read_begin(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = verify_all(&v, e);
	store_read_end(s);
	if (rc == ERR_OK && ret->wrong > 0)
		rc = err_setf(e, ERR_CORRUPT, "%llu faults were found",
		    (unsigned long long)ret->wrong);
	return rc;
}
