/* A machine that stays in step: the live engine of each of its teams, driven by
 * virtual time.  What is committed at the machine rings at all of them. */
#include <stdlib.h>

#include "sim.h"

static struct sync_now
now(const struct machine *m)
{
	uint64_t ms = m->w->now_ms;

	return (struct sync_now){ ms, ms + m->asleep_ms,
		machine_env((struct machine *)(uintptr_t)m)
		    .wall_ms((void *)(uintptr_t)m) };
}

bool
lines_there(const struct machine *m)
{
	for (unsigned t = 0; t < TEAMS_MAX; t++)
		if (m->line[t].live != NULL)
			return true;
	return false;
}

void
lines_drop(struct machine *m)
{
	for (unsigned t = 0; t < TEAMS_MAX; t++) {
		struct line *l = &m->line[t];

		if (l->wire != 0)
			wire_close(m->w, l->wire);
		sync_live_free(l->live);
		*l = (struct line){ .wake = l->wake };
	}
}

/* --- what it wants ------------------------------------------------------------- */

static void
wake_in(struct machine *m, unsigned team, uint64_t ms)
{
	world_at(m->w, ms, LINE_WAKE, m->no,
	    ++m->line[team].wake * TEAMS_MAX + team, NULL);
}

static void
open_wire(struct machine *m, unsigned team)
{
	struct line *l = &m->line[team];

	l->wire = ++m->w->requests;
	l->opening = true;
	trace(m->w, "machine %u: opens %llu about %s", m->no,
	    (unsigned long long)l->wire, team_slug(team));
	wire_open(m->w, m->no, team, l->wire);
	world_at(m->w, m->w->plan.timeout_ms, LINE_OPENED, m->no,
	    l->wire * 1000, NULL);
}

static void
say(struct machine *m, unsigned team, struct str text)
{
	struct msg *msg = calloc(1, sizeof *msg);

	if (msg == NULL)
		abort();
	msg->machine = m->no;
	msg->team = team;
	msg->wire = m->line[team].wire;
	msg->post = true;
	msg->retry_after_s = -1;
	msg->dice.state = t_rand(&m->wire);
	buf_addstr(&msg->body, text);
	wire_up(m->w, msg);
}

static void
do_want(struct machine *m, unsigned team, const struct sync_live_want *want)
{
	struct line *l = &m->line[team];
	struct sync_now at = now(m);

	switch (want->need) {
	case SYNC_LIVE_CALL:
		machine_ask(m, team, &want->call, &l->request, true);
		break;
	case SYNC_LIVE_REFRESH:
		sync_live_refreshed(l->live, &at, ERR_OK, NULL);
		break;
	case SYNC_LIVE_OPEN:
		open_wire(m, team);
		break;
	case SYNC_LIVE_SAY:
		say(m, team, want->text);
		break;
	case SYNC_LIVE_CLOSE:
		wire_close(m->w, l->wire);
		l->wire = 0;
		break;
	case SYNC_LIVE_WAIT:
		wake_in(m, team, want->until_ms - m->w->now_ms);
		break;
	}
}

/* As far as it comes without an answer. */
static void
step(struct machine *m, unsigned team)
{
	struct line *l = &m->line[team];
	struct sync_live_want want = { .need = SYNC_LIVE_CALL };

	while (l->live != NULL && l->request == 0 && !l->opening &&
	    want.need != SYNC_LIVE_WAIT && !m->w->failed) {
		struct sync_now at = now(m);

		machine_risk(m);
		sync_live_step(l->live, &at, &want);
		(void)machine_struck(m);
		if (l->live != NULL)
			do_want(m, team, &want);
	}
	lines_ring(m);
}

void
lines_ring(struct machine *m)
{
	bool rang = m->rang;

	m->rang = false;
	for (unsigned t = 0; t < TEAMS_MAX && rang; t++) {
		if (m->line[t].live == NULL)
			continue;
		sync_live_changed(m->line[t].live);
		wake_in(m, t, 1);
	}
}

/* --- life ------------------------------------------------------------------------- */

static void
on_round(void *ctx, const struct sync_report *r)
{
	struct machine *m = ctx;

	(void)r;
	COUNT(m->w, live_rounds);
}

static void
begin(struct machine *m, unsigned team)
{
	struct line *l = &m->line[team];
	struct sync_live_options opt = { .team = str_of(team_slug(team)),
		.interval_ms = 60000,
		.sync = { .batch_events = m->w->plan.batch_events,
		    .batch_bytes = m->w->plan.batch_bytes,
		    .pull_events = m->w->plan.pull_events,
		    .note = machine_note,
		    .ctx = m },
		.round = on_round,
		.ctx = m };
	struct sync_replica ops;
	struct err_info e = { 0 };

	machine_replica(m, team, &l->replica, &ops);
	(void)world_ok(m->w, sync_live_new(&l->live, &ops, &opt, &e), &e,
	    "sync_live_new");
	wake_in(m, team, 1);
}

void
lines_begin(struct machine *m)
{
	trace(m->w, "machine %u is online", m->no);
	for (unsigned t = 0; t < TEAMS_MAX && !m->w->failed; t++)
		if (m->space[t] != 0)
			begin(m, t);
}

void
line_wake(struct machine *m, uint64_t no)
{
	unsigned team = (unsigned)(no % TEAMS_MAX);

	if (m->line[team].live == NULL || m->line[team].wake != no / TEAMS_MAX)
		return;
	machine_follow_shares(m);
	lines_ring(m);
	step(m, team);
}

/* --- what comes --------------------------------------------------------------------- */

void
line_answer(struct machine *m, const struct msg *msg)
{
	const struct sync_reply reply = { .status = msg->status,
		.body = buf_str(&msg->answer),
		.retry_after_s = msg->retry_after_s };
	struct line *l = &m->line[msg->team];
	struct sync_now at = now(m);

	if (l->live == NULL || l->request != msg->request) {
		COUNT(m->w, late_answers);
		return;
	}
	l->request = 0;
	machine_risk(m);
	sync_live_answer(l->live, &at, &reply);
	(void)machine_struck(m);
	step(m, msg->team);
}

void
line_timeout(struct machine *m, uint64_t request)
{
	const struct sync_reply none = { .transport = ERR_TIMEOUT };
	struct sync_now at = now(m);

	for (unsigned t = 0; t < TEAMS_MAX; t++) {
		struct line *l = &m->line[t];

		if (l->live == NULL || l->request != request)
			continue;
		COUNT(m->w, timeouts);
		l->request = 0;
		sync_live_answer(l->live, &at, &none);
		step(m, t);
	}
}

static unsigned
team_of(const struct machine *m, uint64_t wire)
{
	unsigned t = 0;

	while (t < TEAMS_MAX &&
	    (m->line[t].live == NULL || m->line[t].wire != wire))
		t++;
	return t;
}

/* status 0: nobody answered in time. */
void
line_opened(struct machine *m, uint64_t wire, unsigned status)
{
	const struct sync_reply reply = {
		.transport = status == 0 ? ERR_TIMEOUT : ERR_OK,
		.status = status,
		.retry_after_s = -1
	};
	unsigned team = team_of(m, wire);
	struct sync_now at = now(m);

	if (team == TEAMS_MAX || !m->line[team].opening)
		return;
	m->line[team].opening = false;
	if (status != 101) {
		wire_close(m->w, wire);
		m->line[team].wire = 0;
	}
	COUNT_N(m->w, live_connections, status == 101);
	sync_live_opened(m->line[team].live, &at, &reply);
	step(m, team);
}

void
line_down(struct machine *m, const struct msg *msg)
{
	unsigned team = team_of(m, msg->wire);
	struct sync_now at = now(m);

	if (team == TEAMS_MAX || m->line[team].opening)
		return;
	machine_risk(m);
	sync_live_heard(m->line[team].live, &at, buf_str(&msg->answer));
	(void)machine_struck(m);
	step(m, team);
}

void
line_end(struct machine *m, uint64_t wire)
{
	unsigned team = team_of(m, wire);
	struct sync_now at = now(m);

	if (team == TEAMS_MAX || m->line[team].opening)
		return;
	trace(m->w, "machine %u: %llu has ended", m->no,
	    (unsigned long long)wire);
	COUNT(m->w, live_breaks);
	m->line[team].wire = 0;
	sync_live_lost(m->line[team].live, &at, "cut");
	step(m, team);
}

/* The world goes on without it: its connections are dead when it wakes. */
void
line_nap(struct machine *m, struct t_rng *dice)
{
	uint64_t ms = 1000 + t_below(dice, 100000);

	story(m->w, "machine %u: sleeps %llu ms", m->no,
	    (unsigned long long)ms);
	COUNT(m->w, naps);
	m->asleep_ms += ms;
	for (unsigned t = 0; t < TEAMS_MAX; t++) {
		for (struct wire *x = m->w->hub.wires; x != NULL; x = x->next)
			x->dead |= m->line[t].wire == x->no;
		if (m->line[t].live != NULL)
			wake_in(m, t, 1);
	}
}

/* --- the end ---------------------------------------------------------------------------- */

static void
check(struct machine *m, unsigned team)
{
	struct arena a = { 0 };
	struct sync_live_status st;
	struct space here, there;
	struct err_info e = { 0 };

	sync_live_status(m->line[team].live, &st);
	if (!st.live && !(st.blocked && m->blocked))
		world_fail(m->w, "machine %u about %s is %s: %s", m->no,
		    team_slug(team), sync_word_name(st.word), st.error.text);
	if (st.live && m->blocked)
		world_fail(m->w, "machine %u is live through a block", m->no);
	if (!world_ok(m->w,
	        store_space_get(m->store, m->space[team], &a, &here, &e), &e,
	        "space") ||
	    !world_ok(m->w,
	        store_space_get(m->w->hub.store, m->w->hub.space[team], &a,
	            &there, &e),
	        &e, "space"))
		goto done;
	/* Others may have written since the last round of one that is blocked. */
	if (!m->blocked && here.pulled != there.pulled)
		world_fail(m->w,
		    "machine %u about %s is at %llu, the hub at %llu", m->no,
		    team_slug(team), (unsigned long long)here.pulled,
		    (unsigned long long)there.pulled);
done:
	arena_fini(&a);
}

void
lines_rest(struct world *w)
{
	story(w, "live connections are over");
	for (unsigned i = 0; i < w->n_machines; i++) {
		struct machine *m = &w->machine[i];

		for (unsigned t = 0; t < TEAMS_MAX && !w->failed; t++)
			if (m->line[t].live != NULL)
				check(m, t);
		m->at_rest = lines_there(m);
		lines_drop(m);
	}
	w->lines_rest = true;
}
