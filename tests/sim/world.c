/* Virtual time and the wire.
 *
 * Everything that happens is an item with a time.  While the history runs,
 * messages get lost, doubled and late; then comes the calm: everything that is
 * under way arrives, and all machines talk in turn until nothing moves. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "sim.h"

enum {
	CALM_ROUNDS_MAX = 30,
	/* Of calm: whatever a connection has to find out is found out. */
	REST_MS = 300000,
	STEPS_MAX = 2000000, /* a history that does not end is wrong */
};
#define BEGIN_MS INT64_C(1750000000000) /* wall time at now_ms 0 */

struct item {
	uint64_t at, order;
	enum happening what;
	unsigned machine;
	uint64_t no;
	struct msg *msg; /* own */
};

/* --- names --------------------------------------------------------------------- */

unsigned
private_team(unsigned account)
{
	return SHARED_MAX + account;
}

const char *
team_slug(unsigned team)
{
	static const char *const slugs[TEAMS_MAX] = { "red", "blue", "own-ann",
		"own-bob", "own-cat", "own-dan" };

	return slugs[team];
}

const char *
account_name(unsigned account)
{
	static const char *const names[ACCOUNTS_MAX] = { "ann", "bob", "cat",
		"dan" };

	return names[account];
}

bool
is_member(const struct plan *p, unsigned team, unsigned account)
{
	return team < SHARED_MAX ? p->member[team][account] :
	                           team == private_team(account);
}

/* --- the world as stores see it -------------------------------------------------- */

static void
dice_bytes(struct t_rng *dice, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = (uint8_t)(t_rand(dice) >> 24);
}

static int64_t
machine_wall_ms(void *ctx)
{
	struct machine *m = ctx;

	return BEGIN_MS + (int64_t)m->w->now_ms;
}

static void
machine_random(void *ctx, void *out, size_t n)
{
	struct machine *m = ctx;

	dice_bytes(m->id_dice != NULL ? m->id_dice : &m->dice, out, n);
}

struct store_env
machine_env(struct machine *m)
{
	return (struct store_env){ machine_wall_ms, machine_random, m };
}

static int64_t
hub_wall_ms(void *ctx)
{
	return BEGIN_MS + (int64_t)((struct world *)ctx)->now_ms;
}

static void
hub_random(void *ctx, void *out, size_t n)
{
	dice_bytes(&((struct world *)ctx)->hub.dice, out, n);
}

struct store_env
hub_env(struct world *w)
{
	return (struct store_env){ hub_wall_ms, hub_random, w };
}

/* --- saying things ------------------------------------------------------------------ */

__attribute__((format(printf, 2, 0))) static void
tell(const struct world *w, const char *fmt, va_list ap)
{
	printf("%8llu ", (unsigned long long)w->now_ms);
	vprintf(fmt, ap);
	putchar('\n');
}

void
trace(const struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->run.tell < TELL_ALL)
		return;
	va_start(ap, fmt);
	tell(w, fmt, ap);
	va_end(ap);
}

void
story(const struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->run.tell < TELL_STEPS)
		return;
	va_start(ap, fmt);
	tell(w, fmt, ap);
	va_end(ap);
}

void
world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	/* What follows from a planted fault is none. */
	if (w->failed || fault_hit())
		return;
	fault_arm(-1);
	w->failed = true;
	w->kind = fmt;
	va_start(ap, fmt);
	if (vsnprintf(w->why, sizeof w->why, fmt, ap) < 0)
		w->why[0] = '\0';
	va_end(ap);
	trace(w, "FAILED %s", w->why);
}

bool
world_ok(struct world *w, enum err rc, const struct err_info *e,
    const char *what)
{
	if (rc != ERR_OK)
		world_fail(w, "%s: %s: %s", what, err_wire(rc), e->text);
	return rc == ERR_OK;
}

/* --- time ------------------------------------------------------------------------------ */

static bool
sooner(const struct item *a, const struct item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void
world_at(struct world *w, uint64_t ms, enum happening what, unsigned machine,
    uint64_t no, struct msg *msg)
{
	struct item new = { w->now_ms + ms, w->order++, what, machine, no,
		msg };
	size_t i = w->n_heap++;

	if (w->n_heap > w->cap_heap) {
		w->cap_heap = w->cap_heap ? 2 * w->cap_heap : 64;
		w->heap = realloc(w->heap, w->cap_heap * sizeof *w->heap);
		if (w->heap == NULL)
			abort();
	}
	for (; i > 0 && sooner(&new, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = new;
}

static struct item
next_item(struct world *w)
{
	struct item top = w->heap[0], last = w->heap[--w->n_heap];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < w->n_heap) {
		if (child + 1 < w->n_heap &&
		    sooner(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!sooner(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	if (w->n_heap > 0)
		w->heap[i] = last;
	return top;
}

/* --- the wire ----------------------------------------------------------------------------- */

void
msg_free(struct msg *m)
{
	if (m == NULL)
		return;
	buf_fini(&m->target);
	buf_fini(&m->body);
	buf_fini(&m->answer);
	free(m->told);
	free(m);
}

static uint64_t
delay(struct world *w, struct msg *m)
{
	if (w->calm)
		return 1;
	if (chance(&m->dice, w->plan.late)) {
		COUNT(w, late);
		return 1 + t_below(&m->dice, 10 * w->plan.timeout_ms);
	}
	return 1 + t_below(&m->dice, w->plan.delay_ms);
}

static bool
gets_lost(struct world *w, struct msg *m)
{
	bool lost = m->machine != NOBODY && w->machine[m->machine].cut;

	lost |= chance(&m->dice, w->plan.lost);
	lost &= !w->calm;
	COUNT(w, messages);
	if (lost)
		COUNT(w, lost);
	return lost;
}

static struct msg *
msg_copy(const struct msg *m)
{
	struct msg *copy = calloc(1, sizeof *copy);

	if (copy == NULL)
		abort();
	*copy = *m;
	copy->dice.state ^= 0x2;
	copy->target = copy->body = copy->answer = (struct buf){ 0 };
	buf_addstr(&copy->target, buf_str(&m->target));
	buf_addstr(&copy->body, buf_str(&m->body));
	return copy;
}

void
wire_request(struct world *w, struct msg *m)
{
	struct msg *copy;

	if (chance(&m->dice, w->plan.doubled) && !w->calm) {
		COUNT(w, doubled);
		copy = msg_copy(m);
		world_at(w, delay(w, copy), ARRIVE, m->machine, 0, copy);
	}
	if (gets_lost(w, m)) {
		trace(w, "request %llu is lost",
		    (unsigned long long)m->request);
		msg_free(m);
		return;
	}
	world_at(w, delay(w, m), ARRIVE, m->machine, 0, m);
}

void
wire_answer(struct world *w, struct msg *m)
{
	if (m->wire != 0) {
		wire_acked(w, m);
		return;
	}
	if (m->machine == NOBODY || gets_lost(w, m)) {
		trace(w, "answer %llu is lost", (unsigned long long)m->request);
		msg_free(m);
		return;
	}
	world_at(w, delay(w, m), ANSWER, m->machine, 0, m);
}

/* --- what happens ---------------------------------------------------------------------------- */

bool
machine_there(const struct machine *m)
{
	return m->store != NULL;
}

static void
send_foreign(struct world *w, struct t_rng *dice)
{
	struct msg *m = calloc(1, sizeof *m);

	if (m == NULL)
		abort();
	m->machine = NOBODY;
	m->post = true;
	m->dice.state = t_rand(dice);
	buf_adds(&m->target, PROTO_PATH_BATCH);
	author_foreign(w, dice, &m->body);
	story(w, "another program sends %.*s", STR_ARG(buf_str(&m->body)));
	wire_request(w, m);
}

/* At a machine, which is there. */
static void
happen_at(struct world *w, struct machine *m, struct item *it)
{
	struct step *s = it->no < w->n_steps ? &w->step[it->no] : NULL;

	switch (it->what) {
	case COMMAND:
		author_command(m, &s->dice);
		m->rang = true;
		lines_ring(m);
		break;
	case SYNC:
		machine_sync(m);
		break;
	case WAKE:
		machine_wake(m, it->no);
		break;
	case TIMEOUT:
		machine_timeout(m, it->no);
		break;
	case ANSWER:
		machine_answer(m, it->msg);
		break;
	case CUT:
	case MEND:
		story(w, "machine %u is %s the wire", it->machine,
		    it->what == CUT ? "off" : "on");
		COUNT_N(w, partitions, it->what == CUT);
		m->cut = it->what == CUT;
		break;
	case CLONE:
		machine_clone(m, s);
		break;
	case KEEP:
		machine_keep(m);
		break;
	case REWIND:
		machine_rewind(m);
		break;
	case LEAP:
		machine_leap(m, &s->dice);
		break;
	case ABORT:
		machine_abort(m);
		break;
	case NAP:
		line_nap(m, &s->dice);
		break;
	case LINE_WAKE:
		line_wake(m, it->no);
		break;
	case LINE_OPENED:
		line_opened(m, it->no / 1000, (unsigned)(it->no % 1000));
		break;
	case LINE_DOWN:
		line_down(m, it->msg);
		break;
	case LINE_END:
		line_end(m, it->no);
		break;
	case WIRE_OPEN:
	case WIRE_UP:
	case WIRE_PING:
	case WIRE_END:
	case LINES_REST:
	case ARRIVE:
	case COMMIT:
	case BACKUP:
	case RESTORE:
	case FOREIGN:
		break;
	}
}

static void
happen(struct world *w, struct item *it)
{
	switch (it->what) {
	case ARRIVE:
		hub_arrive(w, it->msg);
		return;
	case COMMIT:
		hub_commit(w);
		return;
	case BACKUP:
		hub_backup(w);
		return;
	case RESTORE:
		hub_restore(w);
		return;
	case FOREIGN:
		send_foreign(w, &w->step[it->no].dice);
		return;
	case WIRE_OPEN:
		wire_at_hub_open(w, it->machine, it->no);
		return;
	case WIRE_UP:
		wire_at_hub_up(w, it->msg);
		return;
	case WIRE_PING:
		wire_at_hub_ping(w, it->no);
		return;
	case WIRE_END:
		wire_at_hub_end(w, it->no);
		return;
	case LINES_REST:
		lines_rest(w);
		return;
	case COMMAND:
	case SYNC:
	case WAKE:
	case TIMEOUT:
	case ANSWER:
	case CUT:
	case MEND:
	case CLONE:
	case KEEP:
	case REWIND:
	case LEAP:
	case ABORT:
	case NAP:
	case LINE_WAKE:
	case LINE_OPENED:
	case LINE_DOWN:
	case LINE_END:
		break;
	}
	if (machine_there(&w->machine[it->machine]))
		happen_at(w, &w->machine[it->machine], it);
	msg_free(it->msg);
}

static void
run_until_quiet(struct world *w)
{
	while (w->n_heap > 0 && !w->failed) {
		struct item it = next_item(w);

		if (!w->calm && it.at >= w->plan.end_ms) {
			story(w, "calm: everything arrives from here on");
			w->calm = true;
			for (unsigned i = 0; i < w->n_machines; i++)
				w->machine[i].cut = false;
			world_at(w, it.at - w->now_ms + REST_MS, LINES_REST,
			    NOBODY, 0, NULL);
		}
		w->now_ms = it.at;
		if (++w->steps > STEPS_MAX)
			world_fail(w, "the history does not end");
		happen(w, &it);
	}
}

/* All talk in turn, as often as anything moves. */
static void
settle(struct world *w)
{
	unsigned round = 0;

	do {
		w->moved = 0;
		for (unsigned i = 0; i < w->n_machines && !w->failed; i++) {
			if (!machine_there(&w->machine[i]))
				continue;
			machine_follow_shares(&w->machine[i]);
			world_at(w, 1, SYNC, i, 0, NULL);
			run_until_quiet(w);
			machine_follow_shares(&w->machine[i]);
		}
		trace(w, "round %u of calm: %llu moved", round,
		    (unsigned long long)w->moved);
	} while (w->moved > 0 && !w->failed && ++round < CALM_ROUNDS_MAX);
	if (round == CALM_ROUNDS_MAX)
		world_fail(w, "something always moves");
}

/* Those that were live have nothing left to send: before anybody else talks. */
static void
settle_lines(struct world *w)
{
	for (unsigned i = 0; i < w->n_machines && !w->failed; i++) {
		struct machine *m = &w->machine[i];

		if (!m->at_rest)
			continue;
		world_at(w, 1, SYNC, i, 0, NULL);
		run_until_quiet(w);
	}
	for (unsigned i = 0; i < w->n_machines; i++)
		w->machine[i].at_rest = false;
}

/* There is room again: what was refused for the quota is sent again, until all of
 * it is in. */
static void
settle_quota(struct world *w)
{
	bool again;

	do {
		again = false;
		for (unsigned i = 0; i < w->n_machines && !w->failed; i++)
			if (machine_there(&w->machine[i]))
				again |= author_retry_quota(&w->machine[i]);
		if (again)
			settle(w);
	} while (again && !w->failed);
}

/* Most begin to talk soon, some much later. */
static void
first_syncs(struct world *w)
{
	struct t_rng dice = { w->seed ^ 0x1a7e };

	for (unsigned i = 0; i < w->plan.machines; i++) {
		bool late = chance(&dice, 10);

		COUNT_N(w, late_joins, late);
		world_at(w, t_below(&dice, late ? w->plan.end_ms : 5000), SYNC,
		    i, 0, NULL);
	}
}

static void
world_init(struct world *w, const struct run *run)
{
	*w = (struct world){ .run = *run, .seed = run->seed };
	plan_draw(&w->plan, w->seed);
	plan_without(&w->plan, run->without);
	if (run->tell > TELL_NOTHING)
		plan_print(&w->plan);
	hub_init(w);
	for (unsigned i = 0; i < w->plan.machines; i++)
		machine_init(&w->machine[w->n_machines++], w, i,
		    i % w->plan.accounts);
	steps_draw(w);
}

void
world_run(struct world *w, const struct run *run)
{
	world_init(w, run);
	COUNT_N(w, eight_clients, w->n_machines == MACHINES_MAX);
	COUNT_N(w, small_caches, w->plan.cache > 0);
	first_syncs(w);
	steps_begin(w);
	run_until_quiet(w);
	w->calm = w->lines_rest = true;
	if (!w->failed)
		settle_lines(w);
	if (!w->failed)
		settle(w);
	if (!w->failed)
		settle_quota(w);
	if (!w->failed)
		check_world(w);
}

void
world_fini(struct world *w)
{
	while (w->n_heap > 0)
		msg_free(next_item(w).msg);
	for (unsigned i = 0; i < w->n_machines; i++)
		machine_fini(&w->machine[i]);
	hub_fini(w);
	witness_fini(w);
	arena_fini(&w->mem);
	free(w->heap);
	free(w->step);
}
