/* The hub: posts wait for a transaction that several share, pulls are answered at
 * once.  It may fail, crash, be busy, and be restored from an older copy. */
#include <stdio.h>
#include <stdlib.h>

#include "body.h"
#include "fault.h"
#include "feed.h"
#include "sim.h"

static struct store_options
options(struct world *w)
{
	return (struct store_options){
		.hub = true, .env = hub_env(w), .cache_entities = w->plan.cache
	};
}

static enum err
name_epochs(struct world *w, struct err_info *e)
{
	struct hubside *h = &w->hub;
	char epoch[32];
	enum err rc = ERR_OK;
	int n = snprintf(epoch, sizeof epoch, "epoch-%u", ++h->epochs);

	if (n < 0)
		abort();
	for (unsigned t = 0; t < TEAMS_MAX && rc == ERR_OK; t++)
		rc = store_resync(h->store, h->space[t], str_of(epoch), e);
	return rc;
}

/* --- refusals -------------------------------------------------------------------------- */

/* Only of what Clowder sends, and the same for the same event. */
static bool
picked(const struct event *ev, struct str text, unsigned one_in)
{
	unsigned sum = 7;

	if (one_in == 0 || !ev->has_node_seq)
		return false;
	for (size_t i = 8; i < 16; i++)
		sum = sum * 31 + ev->id.b[i];
	for (size_t i = 0; i < text.n; i++)
		sum = sum * 31 + (uint8_t)text.p[i];
	return sum % one_in == 0;
}

bool
hub_refuses(const struct world *w, const struct event *ev)
{
	return picked(ev, json_raw(ev->json, ev->payload), w->plan.refused);
}

static bool
poisons(const struct world *w, const struct event *ev)
{
	return picked(ev, STR("poison"), w->plan.poison);
}

/* There is room now and then, and at the end. */
static bool
over_quota(const struct world *w, const struct event *ev)
{
	enum { SPELL_MS = 4000 };

	return !w->calm && w->now_ms / SPELL_MS % 2 == 0 &&
	    picked(ev, STR("quota"), w->plan.quota);
}

bool
hub_may_refuse(const struct world *w, const struct event *ev,
    const struct log_row *row)
{
	/* There is room at the end: who wants it in has sent it again. */
	if (row->code == ERR_QUOTA)
		return row->discarded && w->plan.quota > 0;
	/* What was given up in one space may have been edited in another. */
	if (row->code == ERR_SCHEMA)
		return hub_refuses(w, ev) ||
		    (row->discarded && w->plan.refused > 0);
	return row->code == ERR_BAD_REQUEST && poisons(w, ev);
}

static enum err
quota(void *ctx, space_id space, const struct event *ev, struct err_info *e)
{
	struct world *w = ctx;

	(void)space;
	return over_quota(w, ev) ? err_set(e, ERR_QUOTA) : ERR_OK;
}

void
hub_init(struct world *w)
{
	struct store_options opt = options(w);
	struct hubside *h = &w->hub;
	struct err_info e = { 0 };
	enum err rc;

	h->lives = 1;
	h->dice = (struct t_rng){ w->seed ^ 0x4b };
	if (!world_ok(w, store_mem_open(&h->store, &opt, &e), &e, "open"))
		return;
	rc = store_begin(h->store, &e);
	for (unsigned t = 0; t < TEAMS_MAX && rc == ERR_OK; t++)
		rc = store_space_add(h->store, STR(""), STR(""),
		    str_of(team_slug(t)), &h->space[t], &e);
	if (rc == ERR_OK)
		rc = name_epochs(w, &e);
	if (rc == ERR_OK)
		rc = store_commit(h->store, &e);
	(void)world_ok(w, rc, &e, "hub");
	h->admission =
	    (struct admission){ .store = h->store, .quota = quota, .ctx = w };
}

void
hub_fini(struct world *w)
{
	struct hubside *h = &w->hub;

	for (size_t i = 0; i < h->n_waiting; i++)
		msg_free(h->waiting[i]);
	free(h->waiting);
	admission_fini(&h->admission);
	store_close(h->store);
	store_close(h->backup);
	wires_free(w);
}

/* --- answers ------------------------------------------------------------------------ */

static void
say(struct world *w, struct msg *m, enum err code)
{
	m->status = (unsigned)err_http(code);
	error_body_encode(code, str_of(err_text(code)), STR(""), STR(""),
	    &m->answer);
	wire_answer(w, m);
}

static bool
busy(struct world *w, struct msg *m)
{
	static const enum err moods[] = { ERR_UNAUTHORIZED, ERR_THROTTLED,
		ERR_UNAVAILABLE, ERR_FAILED };

	if (w->calm || !chance(&m->dice, w->plan.busy))
		return false;
	COUNT(w, busy_answers);
	m->retry_after_s =
	    chance(&m->dice, 50) ? (int64_t)t_below(&m->dice, 5) : -1;
	say(w, m, moods[t_below(&m->dice, 4)]);
	return true;
}

static void
pull(struct world *w, struct msg *m)
{
	struct hubside *h = &w->hub;
	struct str query = buf_str(&m->target), path;
	struct arena a = { 0 };
	struct pull_query q;
	struct err_info e = { 0 };
	enum err rc;

	(void)str_split(&query, '?', &path);
	rc = pull_query_decode(&q, query, &a, &e);
	if (rc == ERR_OK)
		rc = feed_answer(h->store, h->space[m->team], &q, &m->answer,
		    &e);
	if (rc != ERR_RESYNC)
		(void)world_ok(w, rc, &e, "feed");
	m->status = (unsigned)err_http(rc);
	wire_answer(w, m);
	arena_fini(&a);
}

/* --- batches -------------------------------------------------------------------------- */

/* The team of an event where the request names none. */
static enum err
team_of_event(void *ctx, const struct event *ev, space_id *ret,
    struct err_info *e)
{
	struct world *w = ctx;

	(void)e;
	*ret = w->hub.space[0];
	for (unsigned t = 0; t < SHARED_MAX; t++)
		if (str_is(ev->team_slug, team_slug(t)))
			*ret = w->hub.space[t];
	return ERR_OK;
}

static void
plant_refusals(struct world *w, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct batch_item *it = &b->item[i];

		if (it->code != ERR_OK || it->relayed ||
		    !hub_refuses(w, &it->ev))
			continue;
		it->code = ERR_SCHEMA;
		it->why = STR("invalid: planted");
	}
}

/* The status of what is wrong with a whole batch, 0 = nothing. */
static unsigned
bad_batch(struct world *w, struct msg *m, const struct batch *b)
{
	if (w->plan.batch_max > 0 && b->n > w->plan.batch_max) {
		COUNT(w, too_many);
		return 413;
	}
	for (size_t i = 0; i < b->n; i++)
		if (b->item[i].code == ERR_OK && !b->item[i].relayed &&
		    poisons(w, &b->item[i].ev)) {
			COUNT(w, poisoned);
			error_body_encode(ERR_BAD_REQUEST,
			    STR("one of them is poison"), STR(""), STR(""),
			    &m->answer);
			return 400;
		}
	return 0;
}

static unsigned
team_of_space(const struct world *w, space_id sp)
{
	unsigned t = 0;

	while (t < TEAMS_MAX && w->hub.space[t] != sp)
		t++;
	return t;
}

/* What is to be held against the hub once its commit is done. */
static enum err
note_answer(struct world *w, struct msg *m, const struct batch *b,
    const struct batch_answer *a, struct err_info *e)
{
	enum err rc = ERR_OK;

	m->told = calloc(a->n + 1, sizeof *m->told);
	if (m->told == NULL)
		abort();
	for (size_t i = 0; i < a->n && rc == ERR_OK; i++) {
		const struct batch_result *r = &a->result[i];
		space_id sp = w->hub.space[m->team];

		if (r->retry && r->code == ERR_PARENT)
			witness_waits(w, &r->eid);
		if (r->retry || r->eid.form == EID_NONE)
			continue;
		if (m->machine == NOBODY)
			rc = team_of_event(w, &b->item[i].ev, &sp, e);
		m->told[m->n_told++] = (struct told){ .id = r->eid,
			.team = team_of_space(w, sp),
			.code = r->status == BATCH_REJECTED ? r->code : ERR_OK,
			.seq = r->seq,
			.entered = r->status == BATCH_SUCCESS };
	}
	return rc;
}

static void
count_result(struct world *w, const struct batch_item *it,
    const struct batch_result *r)
{
	static const struct {
		enum err code;
		enum count count;
	} codes[] = {
		{ ERR_SCHEMA, COUNT_refusals },
		{ ERR_QUOTA, COUNT_quota_refusals },
		{ ERR_CLOCK_AHEAD, COUNT_clock_ahead },
		{ ERR_CLOCK_BEHIND, COUNT_clock_behind },
		{ ERR_FORK, COUNT_replica_fork },
		{ ERR_PARENT, COUNT_missing_parent },
		{ ERR_ID_REUSED, COUNT_id_reused },
	};

	COUNT_N(w, accepted, r->status == BATCH_SUCCESS);
	COUNT_N(w, duplicates, r->status == BATCH_DUPLICATE);
	COUNT_N(w, relayed, r->status == BATCH_SUCCESS && it->relayed);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		w->count[codes[i].count] +=
		    r->status == BATCH_REJECTED && r->code == codes[i].code;
}

/* Events that come when their team is further on. */
static enum err
count_late(struct world *w, const struct sender *from, const struct batch *b,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct space sp;
	enum err rc = ERR_OK;

	if (from->space != 0)
		rc = store_space_get(w->hub.store, from->space, &a, &sp, e);
	for (size_t i = 0; from->space != 0 && rc == ERR_OK && i < b->n; i++)
		COUNT_N(w, late_events, b->item[i].ev.clock < sp.clock);
	arena_fini(&a);
	return rc;
}

/* One post in the open transaction. */
static enum err
admit(struct world *w, struct msg *m, struct err_info *e)
{
	struct hubside *h = &w->hub;
	struct sender from = { .user = m->machine == NOBODY ?
		    STR("zoe") :
		    str_of(account_name(w->machine[m->machine].account)),
		.now_ms = hub_env(w).wall_ms(w),
		.space = m->machine == NOBODY ? 0 : h->space[m->team],
		.space_of = team_of_event,
		.ctx = w };
	struct batch_answer answer;
	struct batch b = { 0 };
	struct arena a = { 0 };
	enum err rc = batch_decode(&b, buf_str(&m->body), e);

	m->status = rc == ERR_OK ? bad_batch(w, m, &b) : 0;
	if (rc != ERR_OK || m->status != 0)
		goto done;
	plant_refusals(w, &b);
	rc = count_late(w, &from, &b, e);
	if (rc != ERR_OK)
		goto done;
	rc = admission_batch(&h->admission, &from, &b, &a, &answer, e);
	if (rc == ERR_OK) {
		m->status = 200;
		batch_answer_encode(&answer, &m->answer);
		rc = note_answer(w, m, &b, &answer, e);
		for (size_t i = 0; i < b.n; i++)
			count_result(w, &b.item[i], &answer.result[i]);
	}
done:
	if (rc == ERR_OK)
		rc = buf_ok(&m->answer, e);
	arena_fini(&a);
	batch_fini(&b);
	return rc;
}

void
hub_arrive(struct world *w, struct msg *m)
{
	if (m->machine != NOBODY && busy(w, m))
		return;
	if (str_is(buf_str(&m->target), LIVE_TOKEN_PATH)) {
		m->status = 200;
		buf_adds(&m->answer, "{\"ws_token\":\"token\"}");
		wire_answer(w, m);
	} else if (m->post) {
		hub_queue(w, m);
	} else {
		pull(w, m);
	}
}

void
hub_queue(struct world *w, struct msg *m)
{
	struct hubside *h = &w->hub;

	if (h->n_waiting == h->cap_waiting) {
		h->cap_waiting = h->cap_waiting ? 2 * h->cap_waiting : 8;
		h->waiting =
		    realloc(h->waiting, h->cap_waiting * sizeof(struct msg *));
		if (h->waiting == NULL)
			abort();
	}
	h->waiting[h->n_waiting++] = m;
	if (!h->commit_due)
		world_at(w, t_below(&h->dice, 20), COMMIT, NOBODY, 0, NULL);
	h->commit_due = true;
}

/* How a transaction ends. */
enum ending {
	DONE,
	UNDONE, /* it failed, and the hub says so */
	DIED    /* it failed, or not, and nobody hears of it */
};

static void
answer_all(struct world *w, enum ending ending)
{
	struct hubside *h = &w->hub;

	for (size_t i = 0; i < h->n_waiting; i++) {
		struct msg *m = h->waiting[i];

		switch (ending) {
		case DONE:
			wire_answer(w, m);
			break;
		case UNDONE:
			buf_reset(&m->answer);
			say(w, m, ERR_IO);
			break;
		case DIED:
			msg_free(m);
			break;
		}
	}
	h->n_waiting = 0;
	h->commit_due = false;
}

static void
remember_told(struct world *w)
{
	struct hubside *h = &w->hub;

	for (size_t i = 0; i < h->n_waiting; i++)
		for (size_t k = 0; k < h->waiting[i]->n_told; k++)
			witness_told(w, &h->waiting[i]->told[k]);
}

static void replace_store(struct world *w, struct store *with);

/* Up again with what its disk has: all that it has said stands there. */
static void
crash(struct world *w)
{
	struct store_options opt = options(w);
	struct err_info e = { 0 };
	struct store *disk;

	trace(w, "hub: crashes");
	if (!world_ok(w, store_mem_copy(&disk, w->hub.store, &opt, &e), &e,
	        "open after a crash"))
		return;
	replace_store(w, disk);
	wires_break(w);
	witness_hold(w);
}

/* The waiting posts in one transaction, which may fail anywhere. */
static enum err
transact(struct world *w, bool undo, struct err_info *e)
{
	struct hubside *h = &w->hub;
	enum err rc = store_begin(h->store, e);

	if (rc != ERR_OK)
		return rc;
	admission_begin(&h->admission);
	for (size_t i = 0; i < h->n_waiting && rc == ERR_OK; i++)
		rc = admit(w, h->waiting[i], e);
	if (rc == ERR_OK && !undo)
		return store_commit(h->store, e) == ERR_OK ?
		    ERR_OK :
		    (store_rollback(h->store), e->code);
	store_rollback(h->store);
	return rc == ERR_OK ? err_set(e, ERR_IO) : rc;
}

void
hub_commit(struct world *w)
{
	enum { UNDO, FAULT, DEATH, KINDS, POINTS_MAX = 600 };
	struct hubside *h = &w->hub;
	struct err_info e = { 0 };
	unsigned kind = !w->calm && chance(&h->dice, w->plan.hub_fails) ?
	    (unsigned)t_below(&h->dice, KINDS) :
	    KINDS;
	bool hit, first, dies = chance(&h->dice, 50);
	enum err rc;

	if (kind == FAULT)
		fault_arm((int)t_below(&h->dice,
		    1 + t_below(&h->dice, POINTS_MAX)));
	rc = transact(w, kind == UNDO, &e);
	hit = fault_hit();
	fault_arm(-1);
	trace(w, "hub: %zu batches: %s", h->n_waiting, err_wire(rc));
	if (kind != UNDO && !hit)
		(void)world_ok(w, rc, &e, "admission");
	if (rc == ERR_OK)
		remember_told(w);
	COUNT_N(w, hub_rollbacks, kind == UNDO);
	COUNT_N(w, hub_hiccups, hit && !dies);
	COUNT_N(w, hub_crashes, hit && dies);
	COUNT_N(w, hub_crashes_after_commit, kind == DEATH);
	/* The tail and the answers come in any order. */
	first = chance(&h->dice, 50);
	if (rc == ERR_OK && first)
		wire_tails(w);
	if (kind == DEATH || (hit && dies))
		answer_all(w, DIED);
	else
		answer_all(w, rc == ERR_OK ? DONE : UNDONE);
	if (rc == ERR_OK && !first)
		wire_tails(w);
	if (kind == DEATH || (hit && dies))
		crash(w);
}

/* --- restores --------------------------------------------------------------------------- */

static void
replace_store(struct world *w, struct store *with)
{
	store_close(w->hub.store);
	w->hub.store = w->hub.admission.store = with;
}

void
hub_backup(struct world *w)
{
	struct store_options opt = options(w);
	struct err_info e = { 0 };

	store_close(w->hub.backup);
	w->hub.backup = NULL;
	story(w, "hub: backup");
	(void)world_ok(w,
	    store_mem_copy(&w->hub.backup, w->hub.store, &opt, &e), &e,
	    "backup");
}

void
hub_restore(struct world *w)
{
	struct hubside *h = &w->hub;
	struct err_info e = { 0 };
	enum err rc;

	if (h->backup == NULL)
		return;
	story(w, "hub: restored from an older copy");
	COUNT(w, restores);
	replace_store(w, h->backup);
	h->backup = NULL;
	wires_break(w);
	h->lives++;
	rc = store_begin(h->store, &e);
	if (rc == ERR_OK)
		rc = name_epochs(w, &e);
	if (rc == ERR_OK)
		rc = store_commit(h->store, &e);
	(void)world_ok(w, rc, &e, "restore");
	witness_lost(w);
}
