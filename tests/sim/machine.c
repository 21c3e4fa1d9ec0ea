/* A machine: a store with spaces, and a conversation about one of them at a
 * time. */
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "sim.h"

static struct store_options
options(struct machine *m)
{
	return (struct store_options){ .env = machine_env(m),
		.cache_entities = m->w->plan.cache };
}

/* --- faults in the middle of a step ---------------------------------------------- */

void
machine_risk(struct machine *m)
{
	enum { POINTS_MAX = 400 };
	const struct plan *p = &m->w->plan;
	unsigned percent = p->crashes > p->hiccups ? p->crashes : p->hiccups;
	bool now = chance(&m->faults, percent);

	if (now && !m->w->calm)
		fault_arm((int)t_below(&m->faults,
		    1 + t_below(&m->faults, POINTS_MAX)));
}

/* The process that talks is gone. */
static void
forget_talk(struct machine *m)
{
	sync_free(m->sync);
	m->sync = NULL;
	m->request = 0;
	lines_drop(m);
}

/* Up again, with what its disk has.  (Nothing comes between a commit and what is
 * on the disk: what was not committed is gone.) */
static void
crash(struct machine *m)
{
	struct store_options opt = options(m);
	struct err_info e = { 0 };
	struct store *disk;

	COUNT(m->w, machine_crashes);
	trace(m->w, "machine %u: crashes in the middle of a step", m->no);
	if (m->sync != NULL || lines_there(m))
		world_at(m->w, 1 + t_below(&m->dice, 3000), SYNC, m->no, 0,
		    NULL);
	forget_talk(m);
	if (!world_ok(m->w, store_mem_copy(&disk, m->store, &opt, &e), &e,
	        "open after a crash"))
		return;
	store_close(m->store);
	m->store = disk;
}

bool
machine_struck(struct machine *m)
{
	const struct plan *p = &m->w->plan;
	bool hit = fault_hit();

	fault_arm(-1);
	if (!hit)
		return false;
	if (t_below(&m->faults, p->crashes + p->hiccups) < p->crashes) {
		crash(m);
	} else {
		COUNT(m->w, machine_hiccups);
		trace(m->w, "machine %u: a write or memory fails", m->no);
	}
	return true;
}

static bool
in_tx(struct machine *m,
    enum err (*fn)(struct machine *m, void *arg, struct err_info *e), void *arg,
    const char *what)
{
	struct err_info e = { 0 };
	enum err rc;

	machine_risk(m);
	rc = store_begin(m->store, &e);
	if (rc == ERR_OK) {
		rc = fn(m, arg, &e);
		if (rc == ERR_OK)
			rc = store_commit(m->store, &e);
		if (rc != ERR_OK)
			store_rollback(m->store);
	}
	if (machine_struck(m))
		return rc == ERR_OK;
	return world_ok(m->w, rc, &e, what);
}

static enum err
add_spaces(struct machine *m, void *arg, struct err_info *e)
{
	enum err rc;

	(void)arg;
	/* Before the first login there is the space `local`. */
	rc = store_space_add(m->store, STR(""), STR(""), STR("local"),
	    &m->space[private_team(m->account)], e);
	for (unsigned t = 0; t < SHARED_MAX && rc == ERR_OK; t++)
		if (is_member(&m->w->plan, t, m->account))
			rc = store_space_add(m->store, STR("hub"),
			    str_of(account_name(m->account)),
			    str_of(team_slug(t)), &m->space[t], e);
	return rc;
}

/* Does it stay in step live, and can it? */
static void
draw_habits(struct machine *m)
{
	struct t_rng dice = { (m->w->seed ^ 0x11fe) * 31 + m->no + 1 };

	m->online = chance(&dice, m->w->plan.online);
	m->blocked = chance(&dice, m->w->plan.blocked);
}

void
machine_init(struct machine *m, struct world *w, unsigned no, unsigned account)
{
	struct store_options opt;
	struct err_info e = { 0 };

	*m = (struct machine){ .w = w,
		.no = no,
		.account = account,
		.dice = { w->seed * 31 + no + 1 },
		.wire = { (w->seed ^ 0x31be) * 31 + no + 1 },
		.faults = { (w->seed ^ 0xfa17) * 31 + no + 1 },
		.never_online = true };
	draw_habits(m);
	opt = options(m);
	if (!world_ok(w, store_mem_open(&m->store, &opt, &e), &e, "open"))
		return;
	/* That much is there before anything goes wrong. */
	w->calm = true;
	(void)in_tx(m, add_spaces, NULL, "add spaces");
	w->calm = false;
}

void
machine_fini(struct machine *m)
{
	forget_talk(m);
	store_close(m->store);
	store_close(m->old);
}

/* --- a conversation ---------------------------------------------------------------- */

static enum err
first_login(struct machine *m, void *arg, struct err_info *e)
{
	(void)arg;
	return store_space_rename(m->store, m->space[private_team(m->account)],
	    STR("hub"), str_of(account_name(m->account)),
	    str_of(team_slug(private_team(m->account))), e);
}

void
machine_note(void *ctx, const struct sync_note *n)
{
	static const char *const fates[] = { "pushed", "REFUSED", "WAITING",
		"pulled", "CLASHED" };
	struct machine *m = ctx;
	char id[EID_TEXT_MAX];

	(void)eid_format(&n->id, id);
	trace(m->w, "  machine %u: %s %s seq %llu %.*s", m->no, id,
	    fates[n->fate], (unsigned long long)n->seq, STR_ARG(n->why));
	if (n->fate == SYNC_FATE_CLASHED)
		world_fail(m->w, "machine %u: %s clashed", m->no, id);
}

/* The product's own, with what came of it counted. */
static enum err
settle(void *ctx, const struct sync_settled *what, struct err_info *e)
{
	struct replica *r = ctx;
	struct machine *m = r->env.ctx;
	enum err rc = m->settle(ctx, what, e);

	for (size_t i = 0; rc == ERR_OK && i < what->n; i++)
		COUNT_N(m->w, stale_marks, what->mark[i].stale);
	m->rang |= rc == ERR_OK && what->n > 0;
	return rc;
}

static enum err
take(void *ctx, const struct pull_answer *p, enum sync_took *took,
    struct err_info *e)
{
	struct replica *r = ctx;
	struct machine *m = r->env.ctx;
	enum err rc = m->take(ctx, p, took, e);

	m->rang |= rc == ERR_OK && p->n > 0;
	return rc;
}

/* What may change stands above, in the order in which it was made. */
static void
check_stamped(struct machine *m, const struct log_row *row, size_t n,
    uint64_t above, struct arena *a)
{
	const struct made *last = NULL;
	struct json j = { 0 };
	struct err_info e = { 0 };
	struct event ev;

	for (size_t i = 0; i < n; i++) {
		const struct made *made = witness_find(m->w, &row[i].id);

		if (row[i].fixed || made == NULL)
			continue;
		if (!world_ok(m->w, event_parse(&ev, &j, row[i].raw, a, &e), &e,
		        "what was stamped again"))
			break;
		if (ev.clock <= above)
			world_fail(m->w,
			    "machine %u: %.*s is stamped again at %llu, not "
			    "above %llu",
			    m->no, STR_ARG(ev.id_text),
			    (unsigned long long)ev.clock,
			    (unsigned long long)above);
		/* Another machine's number says nothing, nor what went twice.
		 * A copy that got a new stamp in another space takes along
		 * what names it. */
		if (made->machine != m->no || made->sent_again ||
		    m->w->plan.shares > 0)
			continue;
		if (last != NULL && last > made)
			world_fail(m->w,
			    "machine %u: %.*s is stamped again out "
			    "of order",
			    m->no, STR_ARG(ev.id_text));
		last = made;
	}
	json_fini(&j);
}

/* The product's own, held to its contract (sync.h). */
static enum err
restamp(void *ctx, uint64_t above, struct err_info *e)
{
	struct replica *r = ctx;
	struct machine *m = r->env.ctx;
	struct arena a = { 0 };
	struct err_info in = { 0 };
	struct log_row *row;
	size_t n = 0;
	enum err rc = m->restamp(ctx, above, e);

	if (rc == ERR_OK &&
	    world_ok(m->w,
	        store_unacked(r->store, r->space, SIZE_MAX / 2, SIZE_MAX, &a,
	            &row, &n, &in),
	        &in, "what waits"))
		check_stamped(m, row, n, above, &a);
	arena_fini(&a);
	return rc;
}

void
machine_replica(struct machine *m, unsigned team, struct replica *r,
    struct sync_replica *ops)
{
	*r = (struct replica){ m->store, m->space[team], machine_env(m) };
	replica_sync(r, ops);
	m->settle = ops->settle;
	m->restamp = ops->restamp;
	m->take = ops->take;
	ops->settle = settle;
	ops->restamp = restamp;
	ops->take = take;
}

static void
begin(struct machine *m)
{
	const struct plan *p = &m->w->plan;
	struct sync_options opt = { .forever = chance(&m->dice, 50),
		.batch_events = p->batch_events,
		.batch_bytes = p->batch_bytes,
		.pull_events = p->pull_events,
		.note = machine_note,
		.ctx = m };
	struct sync_replica ops;
	struct err_info e = { 0 };

	machine_replica(m, m->team, &m->replica, &ops);
	COUNT(m->w, conversations);
	m->talk = ++m->w->talks;
	trace(m->w, "machine %u talks about %s (%llu)", m->no,
	    team_slug(m->team), (unsigned long long)m->talk);
	(void)world_ok(m->w, sync_new(&m->sync, &ops, &opt, &e), &e,
	    "sync_new");
}

void
machine_ask(struct machine *m, unsigned team, const struct sync_want *want,
    uint64_t *request, bool of_line)
{
	struct msg *msg = calloc(1, sizeof *msg);

	if (msg == NULL)
		abort();
	msg->machine = m->no;
	msg->team = team;
	msg->request = *request = ++m->w->requests;
	msg->of_line = of_line;
	msg->dice.state = t_rand(&m->wire);
	msg->post = want->body.n > 0;
	msg->retry_after_s = -1;
	buf_addstr(&msg->target, want->target);
	buf_addstr(&msg->body, want->body);
	trace(m->w, "machine %u: request %llu %s %.*s", m->no,
	    (unsigned long long)*request, want->method, STR_ARG(want->target));
	world_at(m->w, m->w->plan.timeout_ms, TIMEOUT, m->no, *request, NULL);
	wire_request(m->w, msg);
}

/* Failures that a hub which is away or busy explains. */
static bool
excused(enum err code)
{
	return code == ERR_TIMEOUT || code == ERR_UNAVAILABLE ||
	    code == ERR_THROTTLED || code == ERR_UNAUTHORIZED;
}

static void next_team(struct machine *m);

static void
end(struct machine *m, const struct err_info *error, bool struck)
{
	const struct sync_report *r = sync_report(m->sync);

	trace(m->w,
	    "machine %u: pushed %llu pulled %llu refused %llu waiting "
	    "%llu%s%s",
	    m->no, (unsigned long long)r->pushed, (unsigned long long)r->pulled,
	    (unsigned long long)r->refused, (unsigned long long)r->waiting,
	    error ? ": " : "", error ? error->text : "");
	m->w->moved += r->pushed + r->pulled + r->refused;
	COUNT_N(m->w, resyncs, r->resyncs);
	COUNT_N(m->w, restamps, r->restamps);
	COUNT_N(m->w, renewals, r->renewals);
	/* What a line has done leaves nothing for a conversation. */
	if (m->at_rest && r->pushed > 0)
		world_fail(m->w,
		    "machine %u about %s: live left %llu events behind", m->no,
		    team_slug(m->team), (unsigned long long)r->pushed);
	if (error != NULL && !struck && !excused(error->code))
		world_fail(m->w, "machine %u about %s: %s: %s", m->no,
		    team_slug(m->team), err_wire(error->code), error->text);
	sync_free(m->sync);
	m->sync = NULL;
	m->request = 0;
	next_team(m);
}

/* struck: something failed in its last step. */
static void
converse(struct machine *m, bool struck)
{
	struct sync_want want = { .need = SYNC_REFRESH };

	while (m->sync != NULL && !m->w->failed) {
		machine_risk(m);
		sync_step(m->sync, &want);
		struck |= machine_struck(m);
		if (m->sync == NULL)
			return;
		switch (want.need) {
		case SYNC_SEND:
			machine_ask(m, m->team, &want, &m->request, false);
			return;
		case SYNC_WAIT:
			world_at(m->w, want.wait_ms, WAKE, m->no, m->talk,
			    NULL);
			return;
		case SYNC_REFRESH:
			sync_refreshed(m->sync, ERR_OK, NULL);
			break;
		case SYNC_DONE:
			end(m, NULL, struck);
			return;
		case SYNC_FAILED:
			end(m, want.error, struck);
			return;
		}
	}
}

static void
next_team(struct machine *m)
{
	machine_follow_shares(m);
	while (m->teams_left > 0 && !m->w->failed) {
		m->team = --m->teams_left;
		if (m->space[m->team] == 0)
			continue;
		begin(m);
		converse(m, false);
		return;
	}
	if (!m->w->calm)
		world_at(m->w, 1 + t_below(&m->dice, 3000), SYNC, m->no, 0,
		    NULL);
}

void
machine_sync(struct machine *m)
{
	if (m->sync != NULL || lines_there(m))
		return;
	if (m->never_online && !in_tx(m, first_login, NULL, "first login")) {
		world_at(m->w, 1 + t_below(&m->dice, 3000), SYNC, m->no, 0,
		    NULL);
		return;
	}
	m->never_online = false;
	if (m->online && !m->w->lines_rest) {
		lines_begin(m);
		return;
	}
	m->teams_left = TEAMS_MAX;
	next_team(m);
}

void
machine_wake(struct machine *m, uint64_t talk)
{
	if (m->sync != NULL && m->talk == talk)
		converse(m, false);
}

void
machine_answer(struct machine *m, const struct msg *msg)
{
	const struct sync_reply reply = { .status = msg->status,
		.body = buf_str(&msg->answer),
		.retry_after_s = msg->retry_after_s };

	bool struck;

	if (msg->of_line) {
		line_answer(m, msg);
		return;
	}
	if (m->sync == NULL || m->request != msg->request) {
		COUNT(m->w, late_answers);
		return; /* it was given up */
	}
	m->request = 0;
	machine_risk(m);
	sync_answer(m->sync, &reply);
	struck = machine_struck(m);
	if (m->sync != NULL)
		converse(m, struck);
}

void
machine_timeout(struct machine *m, uint64_t request)
{
	const struct sync_reply none = { .transport = ERR_TIMEOUT };

	if (m->sync == NULL || m->request != request) {
		line_timeout(m, request);
		return;
	}
	trace(m->w, "machine %u: request %llu timed out", m->no,
	    (unsigned long long)request);
	COUNT(m->w, timeouts);
	m->request = 0;
	sync_answer(m->sync, &none);
	converse(m, false);
}

void
machine_abort(struct machine *m)
{
	if (m->sync == NULL && !lines_there(m))
		return;
	story(m->w, "machine %u: killed while it talks", m->no);
	COUNT(m->w, kills);
	forget_talk(m);
	next_team(m);
}

/* --- faults of machines --------------------------------------------------------------- */

void
machine_clone(struct machine *m, const struct step *step)
{
	struct world *w = m->w;
	struct machine *twin = &w->machine[step->twin];
	struct store_options opt;
	struct err_info e = { 0 };

	*twin = (struct machine){ .w = w,
		.no = step->twin,
		.account = m->account,
		.dice = { w->seed * 31 + step->twin + 1 },
		.wire = { (w->seed ^ 0x31be) * 31 + step->twin + 1 },
		.faults = { (w->seed ^ 0xfa17) * 31 + step->twin + 1 },
		.never_online = m->never_online };
	draw_habits(twin);
	memcpy(twin->space, m->space, sizeof twin->space);
	opt = options(twin);
	if (!world_ok(w, store_mem_copy(&twin->store, m->store, &opt, &e), &e,
	        "clone"))
		return;
	COUNT(w, clones);
	story(w, "machine %u is a clone of %u", twin->no, m->no);
	world_at(w, 1 + t_below(&twin->dice, 3000), SYNC, twin->no, 0, NULL);
}

void
machine_keep(struct machine *m)
{
	struct store_options opt = options(m);
	struct err_info e = { 0 };

	store_close(m->old);
	m->old = NULL;
	story(m->w, "machine %u: its disk is copied", m->no);
	(void)world_ok(m->w, store_mem_copy(&m->old, m->store, &opt, &e), &e,
	    "copy");
}

/* The disk is set back: what was made since and not sent is gone. */
void
machine_rewind(struct machine *m)
{
	if (m->old == NULL)
		return;
	story(m->w, "machine %u is set back to an older copy", m->no);
	COUNT(m->w, rewinds);
	forget_talk(m);
	store_close(m->store);
	m->store = m->old;
	m->old = NULL;
	m->never_online = true; /* perhaps: naming a space twice is fine */
	witness_lost(m->w);
	m->teams_left = 0;
	next_team(m);
}

struct leap {
	unsigned team;
	uint64_t by;
};

static enum err
leap(struct machine *m, void *arg, struct err_info *e)
{
	const struct leap *l = arg;
	space_id id = m->space[l->team];
	struct arena a = { 0 };
	struct space sp;
	enum err rc = store_space_get(m->store, id, &a, &sp, e);

	/* Never back: what waits stays behind what it names. */
	if (rc == ERR_OK)
		rc = store_restamp(m->store, id, sp.clock + l->by, e);
	arena_fini(&a);
	return rc;
}

/* Its clock runs away: what is not sent yet is stamped ahead, sometimes further
 * than the hub takes. */
void
machine_leap(struct machine *m, struct t_rng *dice)
{
	struct leap l = { .team = (unsigned)t_below(dice, TEAMS_MAX) };

	l.by =
	    (chance(dice, 50) ? UINT64_C(1) << 40 : 1000) + t_below(dice, 1000);
	if (m->space[l.team] == 0)
		return;
	story(m->w, "machine %u: the clock of %s leaps by %llu", m->no,
	    team_slug(l.team), (unsigned long long)l.by);
	COUNT(m->w, leaps);
	m->rang |= in_tx(m, leap, &l, "leap");
	lines_ring(m);
}

/* --- shared projects --------------------------------------------------------------------- */

struct share {
	unsigned project, from, to;
};

static enum err
share(struct machine *m, void *arg, struct err_info *e)
{
	const struct share *s = arg;
	char uuid[EID_TEXT_MAX];
	uint64_t n;
	enum err rc;

	project_uuid(s->project, uuid);
	rc = store_share(m->store, m->space[s->from], str_of(uuid),
	    m->space[s->to], &n, e);
	COUNT_N(m->w, shared_events, rc == ERR_OK ? n : 0);
	m->rang |= rc == ERR_OK && n > 0;
	return rc;
}

void
machine_follow_shares(struct machine *m)
{
	for (unsigned p = 0; p < PROJECTS_MAX && !m->w->failed; p++) {
		struct share s = { p, project_home(p), project_team(m, p) };

		if (s.from != s.to && m->space[s.from] != 0 &&
		    m->space[s.to] != 0)
			(void)in_tx(m, share, &s, "share");
	}
}
