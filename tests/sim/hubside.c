/* The hub: posts wait for a transaction that several share, pulls are answered at
 * once.  It may fail, be busy, and be restored from an older copy. */
#include <stdio.h>
#include <stdlib.h>

#include "body.h"
#include "feed.h"
#include "sim.h"

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

void
hub_init(struct world *w)
{
	struct store_options opt = { .hub = true, .env = hub_env(w) };
	struct hubside *h = &w->hub;
	struct err_info e = { 0 };
	enum err rc;

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
	h->admission.store = h->store;
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
}

bool
hub_refuses(const struct world *w, const struct eid *id)
{
	unsigned sum = 0;

	if (w->plan.refused == 0)
		return false;
	for (size_t i = 8; i < 16; i++)
		sum = sum * 31 + id->b[i];
	return sum % w->plan.refused == 0;
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

	if (w->calm || !chance(&w->hub.dice, w->plan.busy))
		return false;
	m->retry_after_s =
	    chance(&w->hub.dice, 50) ? (int64_t)t_below(&w->hub.dice, 5) : -1;
	say(w, m, moods[t_below(&w->hub.dice, 4)]);
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

/* The team that a program which names none writes to. */
static enum err
red_team(void *ctx, const struct event *ev, space_id *ret, struct err_info *e)
{
	struct world *w = ctx;

	(void)ev, (void)e;
	*ret = w->hub.space[0];
	return ERR_OK;
}

static void
plant_refusals(struct world *w, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct batch_item *it = &b->item[i];

		if (it->code != ERR_OK || it->relayed || !it->ev.has_node_seq ||
		    !hub_refuses(w, &it->ev.id))
			continue;
		it->code = ERR_SCHEMA;
		it->why = STR("invalid: planted");
	}
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
		.space_of = red_team,
		.ctx = w };
	struct batch_answer answer;
	struct batch b = { 0 };
	struct arena a = { 0 };
	enum err rc = batch_decode(&b, buf_str(&m->body), e);

	if (rc == ERR_OK && w->plan.batch_max > 0 && b.n > w->plan.batch_max) {
		m->status = 413;
		goto done;
	}
	if (rc == ERR_OK) {
		plant_refusals(w, &b);
		rc = admission_batch(&h->admission, &from, &b, &a, &answer, e);
	}
	if (rc == ERR_OK) {
		m->status = 200;
		batch_answer_encode(&answer, &m->answer);
	}
done:
	arena_fini(&a);
	batch_fini(&b);
	return rc;
}

void
hub_arrive(struct world *w, struct msg *m)
{
	struct hubside *h = &w->hub;

	if (m->machine != NOBODY && busy(w, m))
		return;
	if (!m->post) {
		pull(w, m);
		return;
	}
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

void
hub_commit(struct world *w)
{
	struct hubside *h = &w->hub;
	struct err_info e = { 0 };
	bool fails = !w->calm && chance(&h->dice, w->plan.hub_fails);
	enum err rc = store_begin(h->store, &e);

	admission_begin(&h->admission);
	for (size_t i = 0; i < h->n_waiting && rc == ERR_OK; i++)
		rc = admit(w, h->waiting[i], &e);
	if (!world_ok(w, rc, &e, "admission") || fails)
		store_rollback(h->store);
	else
		(void)world_ok(w, store_commit(h->store, &e), &e, "commit");
	trace(w, "hub: %zu batches %s", h->n_waiting,
	    fails ? "rolled back" : "committed");
	for (size_t i = 0; i < h->n_waiting; i++) {
		if (fails && chance(&h->dice, 50)) {
			msg_free(h->waiting[i]); /* it crashed */
		} else if (fails) {
			buf_reset(&h->waiting[i]->answer);
			say(w, h->waiting[i], ERR_IO);
		} else {
			wire_answer(w, h->waiting[i]);
		}
	}
	h->n_waiting = 0;
	h->commit_due = false;
}

/* --- restores --------------------------------------------------------------------------- */

static enum err
copy(struct world *w, struct store **ret, const struct store *from,
    struct err_info *e)
{
	struct store_options opt = { .hub = true, .env = hub_env(w) };

	return store_mem_copy(ret, from, &opt, e);
}

void
hub_backup(struct world *w)
{
	struct err_info e = { 0 };

	store_close(w->hub.backup);
	w->hub.backup = NULL;
	trace(w, "hub: backup");
	(void)world_ok(w, copy(w, &w->hub.backup, w->hub.store, &e), &e,
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
	trace(w, "hub: restored from an older copy");
	store_close(h->store);
	h->store = h->backup;
	h->backup = NULL;
	h->admission.store = h->store;
	rc = store_begin(h->store, &e);
	if (rc == ERR_OK)
		rc = name_epochs(w, &e);
	if (rc == ERR_OK)
		rc = store_commit(h->store, &e);
	(void)world_ok(w, rc, &e, "restore");
}
