/* Live connections as the hub has them.  What is sent arrives in order; where a
 * message would be lost the connection is: at once, or without anybody noticing. */
#include <stdlib.h>

#include "body.h"
#include "live_down.h"
#include "sim.h"

enum { PING_MS = 20000, PINGS_MAX = 3, ROWS_MAX = 50 };

static struct wire *
find(struct world *w, uint64_t no)
{
	struct wire *x = w->hub.wires;

	while (x != NULL && x->no != no)
		x = x->next;
	return x;
}

static void
drop(struct world *w, const struct wire *x)
{
	struct wire **at = &w->hub.wires;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	free((void *)(uintptr_t)x);
}

void
wires_free(struct world *w)
{
	while (w->hub.wires != NULL)
		drop(w, w->hub.wires);
}

/* --- what gets through ------------------------------------------------------------ */

/* When a message that is sent now arrives. */
static uint64_t
delay(struct world *w, struct wire *x, uint64_t *last)
{
	uint64_t ms = 1;

	if (!w->calm)
		ms += t_below(&x->dice,
		    chance(&x->dice, w->plan.late) ? 10000 : w->plan.delay_ms);
	if (w->now_ms + ms < *last)
		ms = *last - w->now_ms;
	*last = w->now_ms + ms;
	return ms;
}

/* Both ends hear that it is over. */
static void
end(struct world *w, struct wire *x)
{
	world_at(w, delay(w, x, &x->down_ms), LINE_END, x->machine, x->no,
	    NULL);
	drop(w, x);
}

/* Does a message come through?  Where not it was the last. */
static bool
gets_through(struct world *w, struct wire *x)
{
	const struct machine *m = &w->machine[x->machine];

	if (x->dead)
		return false;
	if (w->calm || !(m->cut || chance(&x->dice, w->plan.lost / 4)))
		return true;
	if (m->cut || chance(&x->dice, 50)) {
		COUNT(w, live_silences);
		x->dead = true;
	} else {
		end(w, x);
	}
	return false;
}

/* b: the text of a message, is left empty; false: the wire is no more. */
static bool
down(struct world *w, struct wire *x, struct buf *b)
{
	uint64_t no = x->no; /* it may go */
	struct msg *m;

	if (!gets_through(w, x)) {
		buf_fini(b);
		return find(w, no) != NULL;
	}
	m = calloc(1, sizeof *m);
	if (m == NULL)
		abort();
	m->machine = x->machine;
	m->team = x->team;
	m->wire = x->no;
	m->answer = *b;
	*b = (struct buf){ 0 };
	world_at(w, delay(w, x, &x->down_ms), LINE_DOWN, x->machine, 0, m);
	return true;
}

void
wire_open(struct world *w, unsigned machine, unsigned team, uint64_t no)
{
	struct wire *x = calloc(1, sizeof *x);

	if (x == NULL)
		abort();
	*x = (struct wire){ .next = w->hub.wires,
		.no = no,
		.machine = machine,
		.team = team,
		.dice = { t_rand(&w->machine[machine].wire) } };
	w->hub.wires = x;
	if (gets_through(w, x))
		world_at(w, delay(w, x, &x->up_ms), WIRE_OPEN, machine, no,
		    NULL);
}

void
wire_close(struct world *w, uint64_t no)
{
	struct wire *x = find(w, no);

	if (x != NULL && !x->dead)
		world_at(w, delay(w, x, &x->up_ms), WIRE_END, NOBODY, no, NULL);
}

void
wire_up(struct world *w, struct msg *m)
{
	struct wire *x = find(w, m->wire);

	trace(w, "machine %u: %llu says %.*s", m->machine,
	    (unsigned long long)m->wire,
	    (int)(m->body.len < 60 ? m->body.len : 60), m->body.data);
	if (x == NULL || !gets_through(w, x)) {
		msg_free(m);
		return;
	}
	world_at(w, delay(w, x, &x->up_ms), WIRE_UP, NOBODY, 0, m);
}

/* --- at the hub ------------------------------------------------------------------------ */

void
wire_at_hub_open(struct world *w, unsigned machine, uint64_t no)
{
	struct wire *x = find(w, no);

	if (x == NULL || !gets_through(w, x))
		return;
	if (w->machine[machine].blocked) {
		COUNT(w, live_refused);
		world_at(w, delay(w, x, &x->down_ms), LINE_OPENED, machine,
		    no * 1000 + 403, NULL);
		drop(w, x);
		return;
	}
	world_at(w, delay(w, x, &x->down_ms), LINE_OPENED, machine,
	    no * 1000 + 101, NULL);
	world_at(w, PING_MS, WIRE_PING, NOBODY, no, NULL);
}

void
wire_at_hub_end(struct world *w, uint64_t no)
{
	struct wire *x = find(w, no);

	if (x != NULL)
		drop(w, x);
}

void
wire_at_hub_ping(struct world *w, uint64_t no)
{
	struct wire *x = find(w, no);
	struct buf b = { 0 };

	if (x == NULL)
		return;
	if (++x->missed > PINGS_MAX) {
		end(w, x);
		return;
	}
	live_put_ping(hub_env(w).wall_ms(w), &b);
	if (down(w, x, &b))
		world_at(w, PING_MS, WIRE_PING, NOBODY, no, NULL);
}

struct rows {
	struct buf out, event;
	struct str epoch;
	uint64_t last;
	size_t n;
};

static enum err
add_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct rows *r = ctx;
	const struct pull_row p = { row->pos, row->user, row->received_ms,
		row->relayed, row->raw };

	if (r->n == 0)
		live_put_events_begin(r->epoch, row->pos, &r->out);
	buf_reset(&r->event);
	live_put_event(&p, &r->event);
	live_put_events_row(buf_str(&r->event), r->n == 0, &r->out);
	r->n++;
	r->last = row->pos;
	return buf_ok(&r->out, e);
}

/* false: the wire is no more. */
static bool
tail(struct world *w, struct wire *x, bool *more)
{
	space_id sp = w->hub.space[x->team];
	struct arena a = { 0 };
	struct rows r = { 0 };
	struct space space;
	struct err_info e = { 0 };
	bool there = true;

	*more = false;
	if (world_ok(w, store_space_get(w->hub.store, sp, &a, &space, &e), &e,
	        "tail") &&
	    space.pulled > x->cursor) {
		r.epoch = space.epoch;
		(void)world_ok(w,
		    store_log(w->hub.store, sp, x->cursor,
		        1 + t_below(&x->dice, ROWS_MAX), add_row, &r, &e),
		    &e, "tail");
		live_put_events_end(&r.out);
		x->cursor = r.last;
		*more = r.last < space.pulled;
		COUNT_N(w, live_rows, r.n);
		there = down(w, x, &r.out);
	}
	buf_fini(&r.out);
	buf_fini(&r.event);
	arena_fini(&a);
	return there;
}

static void
serve(struct world *w, struct wire *x)
{
	bool more = x->hello && !x->dead;

	while (more && !w->failed)
		if (!tail(w, x, &more))
			return;
}

void
wire_tails(struct world *w)
{
	struct wire *next;

	for (struct wire *x = w->hub.wires; x != NULL; x = next) {
		next = x->next;
		serve(w, x);
	}
}

void
wires_break(struct world *w)
{
	while (w->hub.wires != NULL)
		end(w, w->hub.wires);
}

static void
on_hello(struct world *w, struct wire *x, const struct live_in *in)
{
	struct arena a = { 0 };
	struct space space;
	struct err_info e = { 0 };
	struct buf b = { 0 };

	if (!world_ok(w,
	        store_space_get(w->hub.store, w->hub.space[x->team], &a, &space,
	            &e),
	        &e, "hello"))
		goto done;
	if ((in->epoch.n > 0 && !str_eq(in->epoch, space.epoch)) ||
	    in->after > space.pulled) {
		live_put_resync(space.epoch, &b);
		(void)down(w, x, &b);
		goto done;
	}
	x->hello = true;
	x->cursor = in->after;
	serve(w, x);
done:
	arena_fini(&a);
}

void
wire_at_hub_up(struct world *w, struct msg *m)
{
	struct wire *x = find(w, m->wire);
	struct batch b = { 0 };
	struct err_info e = { 0 };
	struct live_in in;

	if (x == NULL) {
		msg_free(m);
		return;
	}
	if (!world_ok(w, live_decode(&in, &b, buf_str(&m->body), &e), &e,
	        "what a line says"))
		goto done;
	switch (in.kind) {
	case LIVE_HELLO:
		on_hello(w, x, &in);
		break;
	case LIVE_PONG:
		x->missed = 0;
		break;
	case LIVE_EVENTS:
		COUNT(w, live_batches);
		hub_queue(w, m);
		m = NULL;
		break;
	case LIVE_PING:
	case LIVE_AUTH:
	case LIVE_PRESENCE:
	case LIVE_OTHER:
		world_fail(w, "a line says %.*s", STR_ARG(in.type));
		break;
	}
done:
	batch_fini(&b);
	msg_free(m);
}

/* The answer of a batch as an `ack`, or as an error, which ends it. */
void
wire_acked(struct world *w, struct msg *m)
{
	struct wire *x = find(w, m->wire);
	struct error_body body = { 0 };
	struct arena a = { 0 };
	struct buf b = { 0 };

	if (x == NULL)
		goto done;
	if (m->status == 200) {
		buf_adds(&b, "{\"type\":\"ack\",");
		buf_add(&b, m->answer.data + 1, m->answer.len - 1);
		(void)down(w, x, &b);
		goto done;
	}
	(void)error_body_decode(&body, buf_str(&m->answer), &a);
	live_put_error(body.code == ERR_OK ? ERR_TOO_LARGE : body.code,
	    body.message, &b);
	if (down(w, x, &b))
		end(w, x);
done:
	arena_fini(&a);
	msg_free(m);
}
