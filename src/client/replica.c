/* Wires the sync engine to the store: each call that changes something is one
 * transaction.  Fails as the store does; nothing has changed then. */
#include "replica.h"

#include <stdio.h>

/* --- what was acknowledged above the position ---------------------------------------
 *
 * Others wrote between our pull and our push.  When the pull comes there, a hub that
 * was put back from an older copy has another event at that place: without this
 * note nobody would see that ours is not there any more. */

static struct str
ahead_name(const struct replica *r, char out[48])
{
	int n = snprintf(out, 48, "sync.ahead:%lld", (long long)r->space);

	return str_n(out, n > 0 ? (size_t)n : 0);
}

/* "SEQ ID EPOCH" */
static enum err
ahead_get(struct replica *r, struct str epoch, struct sync_position *ret,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct str value, seq, id;
	char name[48];
	enum err rc =
	    store_note_get(r->store, ahead_name(r, name), &a, &value, e);

	if (rc == ERR_OK && str_split(&value, ' ', &seq) &&
	    str_split(&value, ' ', &id) && str_eq(value, epoch) &&
	    (!str_u64(seq, &ret->ahead) || ret->ahead <= ret->pulled ||
	        !eid_parse(id, &ret->ahead_id)))
		ret->ahead = 0;
	arena_fini(&a);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err
ahead_put(struct replica *r, const struct sync_settled *what, uint64_t pulled,
    struct err_info *e)
{
	const struct sync_mark *last = NULL;
	char name[48], id[EID_TEXT_MAX];
	struct buf value = { 0 };
	enum err rc;

	for (size_t i = 0; i < what->n; i++)
		if (!what->mark[i].stale && what->mark[i].seq > pulled &&
		    (last == NULL || what->mark[i].seq > last->seq))
			last = &what->mark[i];
	if (last == NULL)
		return ERR_OK;
	buf_addf(&value, "%llu %.*s %.*s", (unsigned long long)last->seq,
	    STR_ARG(str_n(id, eid_format(&last->id, id))),
	    STR_ARG(what->epoch));
	rc = buf_ok(&value, e);
	if (rc == ERR_OK)
		rc = store_note_put(r->store, ahead_name(r, name),
		    buf_str(&value), e);
	buf_fini(&value);
	return rc;
}

/* --- the operations ---------------------------------------------------------------- */

static enum err
replica_position(void *ctx, struct sync_position *ret, struct err_info *e)
{
	struct replica *r = ctx;
	struct arena a = { 0 };
	struct space sp;
	enum err rc;
	int n;

	*ret = (struct sync_position){ 0 };
	rc = store_space_get(r->store, r->space, &a, &sp, e);
	if (rc != ERR_OK)
		goto done;
	n = snprintf(ret->epoch, sizeof ret->epoch, "%.*s", STR_ARG(sp.epoch));
	if (n < 0 || (size_t)n >= sizeof ret->epoch) {
		rc = err_setf(e, ERR_CORRUPT,
		    "the epoch of a space is too long");
		goto done;
	}
	ret->pulled = sp.pulled;
	ret->head = sp.head;
	ret->unacked = sp.unacked;
	rc = ahead_get(r, sp.epoch, ret, e);
done:
	arena_fini(&a);
	return rc;
}

/* What some hub has acknowledged goes with who had sent it and when.  Of our own
 * that was us. */
static struct sync_event
event_to_push(const struct log_row *row, struct str account)
{
	return (struct sync_event){
		.send = { .id = row->id,
		    .raw = row->raw,
		    .relayed = row->fixed,
		    .user = row->own && row->user.n == 0 ? account : row->user,
		    .received_ms = row->received_ms },
		.own = row->own,
		.fixed = row->fixed,
	};
}

static enum err
replica_unacked(void *ctx, const struct stamp *after, size_t max_events,
    size_t max_bytes, struct arena *a, struct sync_event **ret, size_t *n,
    struct err_info *e)
{
	const struct stamp first = { 0 };
	struct replica *r = ctx;
	struct log_row *row;
	struct space sp;

	if (store_space_get(r->store, r->space, a, &sp, e) != ERR_OK ||
	    store_unacked_after(r->store, r->space, after ? after : &first,
	        max_events, max_bytes, a, &row, n, e) != ERR_OK)
		return e->code;
	*ret = arena_array(a, *n, sizeof **ret);
	if (*ret == NULL && *n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < *n; i++)
		(*ret)[i] = event_to_push(&row[i], sp.account);
	return ERR_OK;
}

/* One transaction around fn. */
static enum err
transact(struct replica *r,
    enum err (*fn)(struct replica *r, void *arg, struct err_info *e), void *arg,
    struct err_info *e)
{
	if (store_begin(r->store, e) != ERR_OK)
		return e->code;
	if (fn(r, arg, e) == ERR_OK && store_commit(r->store, e) == ERR_OK)
		return ERR_OK;
	store_rollback(r->store);
	return e->code;
}

/* Is the event what was sent? */
static enum err
unchanged(struct replica *r, const struct sync_mark *m, uint64_t was,
    struct arena *a, bool *ret, struct err_info *e)
{
	struct log_row row;

	if (store_event(r->store, r->space, &m->id, a, &row, e) != ERR_OK)
		return e->code;
	/* Up to the position every place is taken: by this event, or the hub has
	 * not told the truth. */
	if (m->seq > 0 && m->seq <= was && row.seq != m->seq)
		return err_setf(e, ERR_PROTOCOL,
		    "the server has acknowledged an event at seq %llu, where "
		    "another stands",
		    (unsigned long long)m->seq);
	*ret = str_eq(row.raw, m->raw);
	return ERR_OK;
}

static enum err
mark_one(struct replica *r, struct sync_mark *m, uint64_t was, struct arena *a,
    struct err_info *e)
{
	bool same = false;

	arena_reset(a);
	if (unchanged(r, m, was, a, &same, e) != ERR_OK)
		return e->code;
	m->stale = !same;
	if (m->stale)
		return ERR_OK;
	return m->seq > 0 ?
	    store_acked(r->store, r->space, &m->id, m->seq, e) :
	    store_refuse(r->store, r->space, &m->id, m->code, m->why, e);
}

static enum err
settle_tx(struct replica *r, void *arg, struct err_info *e)
{
	const struct sync_settled *what = arg;
	struct arena a = { 0 };
	enum err rc = ERR_OK;
	bool whole = true;

	/* A refusal changes what names the refused event, but not what the hub
	 * has taken. */
	for (int refused = 0; refused < 2; refused++)
		for (size_t i = 0; i < what->n && rc == ERR_OK; i++) {
			if ((what->mark[i].seq == 0) != refused)
				continue;
			rc = mark_one(r, &what->mark[i], what->was, &a, e);
			whole &= !what->mark[i].stale;
		}
	if (rc == ERR_OK)
		rc = store_pulled(r->store, r->space, what->epoch,
		    whole ? what->pulled : what->was, what->head, e);
	if (rc == ERR_OK)
		rc = ahead_put(r, what, whole ? what->pulled : what->was, e);
	arena_fini(&a);
	return rc;
}

static enum err
replica_settle(void *ctx, const struct sync_settled *what, struct err_info *e)
{
	return transact(ctx, settle_tx, (void *)(uintptr_t)what, e);
}

/* docs/merge.md, Clock: a hub refuses what is further ahead, so that its log
 * cannot have it.  One such event would be the last that the space takes. */
#define CLOCK_WINDOW (UINT64_C(1) << 32)

static enum err
clocks_fit(struct replica *r, const struct pull_answer *p, struct err_info *e)
{
	struct arena a = { 0 };
	struct space sp;
	enum err rc = store_space_get(r->store, r->space, &a, &sp, e);
	uint64_t known = rc == ERR_OK ? sp.clock : 0;

	for (size_t i = 0; rc == ERR_OK && i < p->n; i++) {
		const struct event *ev = &p->item[i].ev;

		if (ev->clock > known && ev->clock - known > CLOCK_WINDOW)
			rc = err_setf(e, ERR_CLOCK_AHEAD,
			    "the server sends an event whose Lamport clock is "
			    "too far ahead (%llu, event %.*s): nothing of it "
			    "was taken in",
			    (unsigned long long)ev->clock,
			    STR_ARG(ev->id_text));
		/* As the hub's clock went (docs/merge.md, The clock), which is
		 * what it compared with: one more for each event. */
		if (ev->clock > known)
			known = ev->clock;
		known++;
	}
	arena_fini(&a);
	return rc;
}

struct take {
	const struct pull_answer *p;
	enum sync_took *took;
};

static enum err
take_tx(struct replica *r, void *arg, struct err_info *e)
{
	static const enum sync_took took[] = {
		[PUT_NEW] = SYNC_NEW,
		[PUT_DUPLICATE] = SYNC_KNOWN,
		[PUT_REUSED] = SYNC_CLASH,
	};
	const struct take *t = arg;

	if (clocks_fit(r, t->p, e) != ERR_OK)
		return e->code;
	for (size_t i = 0; i < t->p->n; i++) {
		const struct pull_item *it = &t->p->item[i];
		const struct arrival a = { .ev = &it->ev,
			.seq = it->seq,
			.user = it->user,
			.received_ms = it->received_ms,
			.relayed = it->relayed };
		enum put put;
		uint64_t seq;

		if (store_put(r->store, r->space, &a, &put, &seq, e) != ERR_OK)
			return e->code;
		t->took[i] = took[put];
	}
	return store_pulled(r->store, r->space, t->p->epoch, t->p->next,
	    t->p->head, e);
}

static enum err
replica_take(void *ctx, const struct pull_answer *p, enum sync_took *took,
    struct err_info *e)
{
	struct take t = { p, took };
	struct sync_position at;

	/* The usual answer says that nothing happened: that needs no commit. */
	if (p->n == 0) {
		if (replica_position(ctx, &at, e) != ERR_OK)
			return e->code;
		if (str_is(p->epoch, at.epoch) && p->next == at.pulled &&
		    p->head == at.head)
			return ERR_OK;
	}
	return transact(ctx, take_tx, &t, e);
}

static enum err
replica_stands(void *ctx, const struct eid *id, uint64_t seq, bool *ret,
    struct err_info *e)
{
	struct replica *r = ctx;
	struct arena a = { 0 };
	struct log_row row;
	enum err rc = store_event(r->store, r->space, id, &a, &row, e);

	*ret = rc == ERR_OK && (row.seq == 0 || row.seq == seq);
	arena_fini(&a);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err
resync_tx(struct replica *r, void *arg, struct err_info *e)
{
	char name[48];

	if (store_resync(r->store, r->space, *(struct str *)arg, e) != ERR_OK)
		return e->code;
	return store_note_put(r->store, ahead_name(r, name), STR(""), e);
}

static enum err
replica_resync(void *ctx, struct str epoch, struct err_info *e)
{
	return transact(ctx, resync_tx, &epoch, e);
}

static enum err
restamp_tx(struct replica *r, void *arg, struct err_info *e)
{
	uint64_t above = *(uint64_t *)arg;
	struct arena a = { 0 };
	struct space sp;
	enum err rc = store_space_get(r->store, r->space, &a, &sp, e);

	/* What was pulled is in the space's clock; the rest a server only says. */
	if (rc == ERR_OK && above > sp.clock && above - sp.clock > CLOCK_WINDOW)
		rc = err_setf(e, ERR_CLOCK_AHEAD,
		    "the server names a Lamport clock that is too far ahead "
		    "(%llu): nothing was stamped anew",
		    (unsigned long long)above);
	arena_fini(&a);
	return rc == ERR_OK ? store_restamp(r->store, r->space, above, e) : rc;
}

static enum err
replica_restamp(void *ctx, uint64_t above, struct err_info *e)
{
	return transact(ctx, restamp_tx, &above, e);
}

static enum err
renew_tx(struct replica *r, void *arg, struct err_info *e)
{
	(void)arg;
	return store_node_renew(r->store, e);
}

static enum err
replica_renew(void *ctx, struct err_info *e)
{
	return transact(ctx, renew_tx, NULL, e);
}

static enum err
contact_tx(struct replica *r, void *arg, struct err_info *e)
{
	return store_space_contact(r->store, r->space, *(int64_t *)arg, e);
}

static enum err
replica_contact(void *ctx, struct err_info *e)
{
	struct replica *r = ctx;
	int64_t now = r->env.wall_ms(r->env.ctx);

	return transact(r, contact_tx, &now, e);
}

static uint64_t
replica_random(void *ctx)
{
	struct replica *r = ctx;
	uint64_t v;

	r->env.random(r->env.ctx, &v, sizeof v);
	return v;
}

void
replica_sync(struct replica *r, struct sync_replica *ret)
{
	*ret = (struct sync_replica){
		.ctx = r,
		.position = replica_position,
		.unacked = replica_unacked,
		.settle = replica_settle,
		.take = replica_take,
		.stands = replica_stands,
		.resync = replica_resync,
		.restamp = replica_restamp,
		.renew = replica_renew,
		.contact = replica_contact,
		.random = replica_random,
	};
}
