/* Push: passes over the unacknowledged events in stamp order.
 *
 * An event that names another stands behind it, so one pass is enough where
 * nothing is refused.  What waits for another event goes again in a later pass,
 * as long as passes change something.  What was read is sent in spans; a span
 * that the hub does not take as a whole is halved until the one event is
 * found. */
#include <stdlib.h>

#include "sync_int.h"

/* Room for what stands around the events of a body. */
enum { BODY_FRAME = 64 };

void
sync_push_rewind(struct sync *s)
{
	s->window = NULL;
	s->n = s->from = s->span = 0;
	arena_reset(&s->window_mem);
	s->has_cursor = false;
	s->moved = false;
	s->waiting = NULL;
	s->n_waiting = 0;
	arena_reset(&s->waiting_mem);
}

/* A pass is through.  Another one is worth it where something changed since
 * events were told to wait. */
static void
pass_end(struct sync *s)
{
	bool more = !s->live && s->at.pulled < s->at.head;

	s->todo &= ~(unsigned)TODO_PUSH;
	if (more)
		s->todo |= TODO_PULL;
	if (s->n_waiting == 0)
		return;
	s->idle_passes = s->moved ? 0 : s->idle_passes + 1;
	if ((s->moved || more) && s->idle_passes < IDLE_PASSES_MAX) {
		s->todo |= TODO_PUSH;
		sync_push_rewind(s);
	}
}

static enum err
window_fill(struct sync *s, struct err_info *e)
{
	s->window = NULL;
	s->n = s->from = 0;
	arena_reset(&s->window_mem);
	return s->r.unacked(s->r.ctx, s->has_cursor ? &s->cursor : NULL,
	    s->opt.batch_events, s->opt.batch_bytes, &s->window_mem, &s->window,
	    &s->n, e);
}

/* How many from `from` on fit one body. */
static size_t
span(const struct sync *s)
{
	size_t bytes = BODY_FRAME, n = 0;

	while (s->from + n < s->n && n < s->span_max) {
		bytes += batch_send_bytes(&s->window[s->from + n].send);
		if (n > 0 && bytes > s->opt.batch_bytes)
			break;
		n++;
	}
	return n;
}

static enum err
body_build(struct sync *s, struct err_info *e)
{
	const struct batch_send **send;

	s->span = span(s);
	send = arena_array(&s->window_mem, s->span, sizeof *send);
	if (send == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < s->span; i++) {
		send[i] = &s->window[s->from + i].send;
		/* A live message does not say who had sent it. */
		s->leave |= s->live && send[i]->relayed;
	}
	buf_reset(&s->body);
	batch_encode(send, s->span, &s->body);
	return buf_ok(&s->body, e);
}

enum err
sync_push_plan(struct sync *s, struct err_info *e)
{
	if (s->from == s->n && window_fill(s, e) != ERR_OK)
		return e->code;
	if (s->n == 0) {
		pass_end(s);
		return ERR_OK;
	}
	if (body_build(s, e) != ERR_OK)
		return e->code;
	sync_ask(s, REQ_PUSH);
	return ERR_OK;
}

/* The span is dealt with: the pass goes on behind its last event. */
static enum err
span_done(struct sync *s, bool reread, struct err_info *e)
{
	struct json j = { 0 };
	struct event ev;
	enum err rc = ERR_OK;

	s->from += s->span;
	if (s->from < s->n && !reread)
		return ERR_OK;
	rc = event_parse(&ev, &j, s->window[s->from - 1].send.raw,
	    &s->window_mem, e);
	if (rc != ERR_OK)
		goto done;
	s->cursor = event_stamp(&ev);
	str_copy(s->cursor_node, sizeof s->cursor_node, s->cursor.node);
	s->cursor.node = str_of(s->cursor_node);
	s->has_cursor = true;
	s->from = s->n = 0;
done:
	json_fini(&j);
	return rc;
}

/* --- one result ------------------------------------------------------------ */

/* What is gathered from an answer before the replica is told. */
struct gather {
	struct sync_mark *mark;
	size_t n;
	uint64_t pulled;
	unsigned todo; /* that the pass must be begun over for */
	bool refused;
};

static enum err
wait_for(struct sync *s, const struct batch_result *r, struct err_info *e)
{
	struct waiting *w = arena_zero(&s->waiting_mem, sizeof *w);

	if (w == NULL)
		return err_set(e, ERR_NOMEM);
	w->id = r->eid;
	w->code = r->code;
	w->why = arena_str(&s->waiting_mem, r->why);
	if (w->why.p == NULL)
		return err_set(e, ERR_NOMEM);
	w->next = s->waiting;
	s->waiting = w;
	s->n_waiting++;
	return ERR_OK;
}

static void
refuse(struct gather *g, const struct sync_event *ev,
    const struct batch_result *r)
{
	g->mark[g->n++] = (struct sync_mark){ .id = r->eid,
		.raw = ev->send.raw,
		.code = r->code,
		.why = r->why };
	g->refused = true;
}

static void
accept(struct gather *g, const struct sync_event *ev,
    const struct batch_result *r)
{
	g->mark[g->n++] = (struct sync_mark){
		.id = r->eid, .raw = ev->send.raw, .seq = r->seq
	};
	/* Nobody else has written in between: no need to pull it. */
	if (r->seq == g->pulled + 1)
		g->pulled++;
}

/* The hub has an earlier sending of this id: it is taken over by a pull
 * (docs/merge.md, Clock).  Where that did not help, it is somebody else's. */
static enum err
reused(struct sync *s, struct gather *g, const struct sync_event *ev,
    const struct batch_result *r, struct err_info *e)
{
	struct eid *id;

	if (map_get(&s->reused, eid_key(&r->eid)) != NULL) {
		refuse(g, ev, r);
		return ERR_OK;
	}
	id = arena_alloc(&s->reused_mem, sizeof *id);
	if (id == NULL)
		return err_set(e, ERR_NOMEM);
	*id = r->eid;
	if (!map_put(&s->reused, eid_key(id), id))
		return err_set(e, ERR_NOMEM);
	g->todo |= TODO_PULL;
	return ERR_OK;
}

static const struct remedy {
	enum err code;
	unsigned todo;
} remedies[] = {
	{ ERR_CLOCK_AHEAD, TODO_PULL | TODO_RESTAMP },
	{ ERR_CLOCK_BEHIND, TODO_PULL | TODO_RESTAMP },
	{ ERR_FORK, TODO_RENEW },
};

static enum err
rejected(struct sync *s, struct gather *g, const struct sync_event *ev,
    const struct batch_result *r, struct err_info *e)
{
	if (r->code == ERR_ID_REUSED)
		return reused(s, g, ev, r, e);
	for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
		if (remedies[i].code != r->code)
			continue;
		if (ev->own && !ev->fixed && s->rounds < ROUNDS_MAX) {
			g->todo |= remedies[i].todo;
			return ERR_OK;
		}
		/* A stamp that others know cannot change, but what the hub
		 * compares it with can. */
		if (r->code != ERR_FORK)
			return wait_for(s, r, e);
	}
	if (r->retry)
		return wait_for(s, r, e);
	refuse(g, ev, r);
	return ERR_OK;
}

static int
seq_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* A place in the log holds one event. */
static enum err
seqs_differ(struct sync *s, const struct batch_answer *a, struct err_info *e)
{
	uint64_t *seq = arena_array(&s->reply_mem, a->n, sizeof *seq);
	size_t n = 0;

	if (seq == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < a->n; i++)
		if (a->result[i].status != BATCH_REJECTED)
			seq[n++] = a->result[i].seq;
	qsort(seq, n, sizeof *seq, seq_cmp);
	for (size_t i = 1; i < n; i++)
		if (seq[i] == seq[i - 1])
			return err_setf(e, ERR_PROTOCOL,
			    "two events of a batch have the seq %llu",
			    (unsigned long long)seq[i]);
	return ERR_OK;
}

static enum err
gather(struct sync *s, struct gather *g, const struct batch_answer *a,
    struct err_info *e)
{
	g->pulled = s->at.pulled;
	g->mark = arena_array(&s->reply_mem, a->n, sizeof *g->mark);
	if (g->mark == NULL)
		return err_set(e, ERR_NOMEM);
	if (seqs_differ(s, a, e) != ERR_OK)
		return e->code;
	for (size_t i = 0; i < a->n; i++) {
		const struct sync_event *ev = &s->window[s->from + i];
		const struct batch_result *r = &a->result[i];

		if (!eid_eq(&r->eid, &ev->send.id))
			return err_setf(e, ERR_PROTOCOL,
			    "result %zu of a batch is of another event", i + 1);
		if (r->seq > a->head)
			return err_setf(e, ERR_PROTOCOL,
			    "the head of a batch is below its events");
		if (r->status != BATCH_REJECTED)
			accept(g, ev, r);
		else if (rejected(s, g, ev, r, e) != ERR_OK)
			return e->code;
	}
	/* A tail may be ahead of the answers. */
	if (a->head < g->pulled && !s->live)
		return err_setf(e, ERR_PROTOCOL,
		    "the head of a batch is below what was pulled");
	return ERR_OK;
}

/* --- the answer ------------------------------------------------------------ */

/* Tell what was marked; false where something was stale. */
static bool
count(struct sync *s, const struct sync_settled *what)
{
	size_t stale = 0;

	for (size_t i = 0; i < what->n; i++) {
		const struct sync_mark *m = &what->mark[i];
		bool pushed = m->seq > 0;

		if (m->stale) {
			stale++;
			continue;
		}
		s->report.pushed += pushed;
		s->report.refused += !pushed;
		sync_note(s,
		    &(struct sync_note){
		        .fate = pushed ? SYNC_FATE_PUSHED : SYNC_FATE_REFUSED,
		        .id = m->id,
		        .raw = m->raw,
		        .seq = m->seq,
		        .code = m->code,
		        .why = m->why });
	}
	if (what->n > stale) {
		s->moved = true;
		s->rounds = s->epochs = 0;
	}
	if (s->opt.progress != NULL)
		s->opt.progress(s->opt.ctx, true,
		    s->report.pushed + s->report.refused, s->report.unacked);
	return stale == 0;
}

/* *todo: what the pass must be begun over for. */
static enum err
settle(struct sync *s, const struct sync_settled *what, unsigned *todo,
    struct err_info *e)
{
	if (s->r.settle(s->r.ctx, what, e) != ERR_OK)
		return e->code;
	if (count(s, what))
		s->at.pulled = what->pulled;
	else
		*todo |= TODO_PULL;
	s->at.head = what->head;
	return ERR_OK;
}

static void
begin_over(struct sync *s, unsigned todo)
{
	s->todo |= todo;
	if (todo & (TODO_RENEW | TODO_RESTAMP))
		s->rounds++;
	sync_push_rewind(s);
}

enum err
sync_push_answered(struct sync *s, struct str body, struct err_info *e)
{
	struct batch_answer a;

	if (batch_answer_decode(&a, &s->json, body, &s->reply_mem, e) != ERR_OK)
		return e->code;
	return sync_push_taken(s, &a, e);
}

enum err
sync_push_taken(struct sync *s, struct batch_answer *a, struct err_info *e)
{
	struct gather g = { 0 };
	struct sync_settled what;

	if (a->n != s->span)
		return err_setf(e, ERR_PROTOCOL,
		    "%zu results for a batch of %zu", a->n, s->span);
	/* Positions and acknowledgements of another epoch say nothing here. */
	if (!str_is(a->epoch, s->at.epoch))
		return sync_other_epoch(s, a->epoch, e);
	if (gather(s, &g, a, e) != ERR_OK)
		return e->code;
	s->report.batches++;
	if (a->clock > s->clock)
		s->clock = a->clock;
	what = (struct sync_settled){ .mark = g.mark,
		.n = g.n,
		.epoch = a->epoch,
		.was = s->at.pulled,
		.pulled = g.pulled,
		.head = a->head < s->at.head ? s->at.head : a->head };
	if (settle(s, &what, &g.todo, e) != ERR_OK)
		return e->code;
	if (g.todo == 0)
		return span_done(s, g.refused, e);
	begin_over(s, g.todo);
	return ERR_OK;
}

enum err
sync_push_halve(struct sync *s, enum err code, struct str why,
    struct err_info *e)
{
	struct sync_mark mark = { .code = code, .why = why };
	struct sync_settled what = { .mark = &mark,
		.n = 1,
		.epoch = str_of(s->at.epoch),
		.was = s->at.pulled,
		.pulled = s->at.pulled,
		.head = s->at.head };
	unsigned todo = 0;

	if (s->span > 1) {
		s->span_max = s->span / 2;
		return ERR_OK;
	}
	mark.id = s->window[s->from].send.id;
	mark.raw = s->window[s->from].send.raw;
	if (settle(s, &what, &todo, e) != ERR_OK)
		return e->code;
	/* It was this one: the others go as before. */
	s->span_max = s->opt.batch_events;
	if (todo == 0)
		return span_done(s, true, e);
	begin_over(s, todo);
	return ERR_OK;
}
