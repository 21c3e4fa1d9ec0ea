/* The conversation: what is asked for next, and what an answer changes.
 *
 *      ┌──────────── new epoch, clock, fork, id_reused ────────────┐
 *      ▼                                                           │
 *   start ─► pull ─(at head)─► [renew] ─► [restamp] ─► push ─(pass)┴─► done
 *              ▲                                         │
 *              └───────(others wrote meanwhile)──────────┘
 *
 * Pull comes first: it finds out about a new epoch, brings what an earlier
 * conversation pushed without hearing the answer, and lets the stamps of what
 * is pushed stand above what is there.  The acknowledgements of a push move the
 * position where nobody else wrote between them, so that the usual conversation
 * is one pull and one push.
 *
 * Fails: the hub away or busy (waits, tries again, gives up where that was
 * asked for); an answer that is none (named, nothing of it is used); the
 * replica's own failures.  Everything may be begun again at any time. */
#include "sync_int.h"

#include <stdlib.h>

#include "backoff.h"
#include "body.h"
#include "fault.h"

enum err
sync_new(struct sync **ret, const struct sync_replica *replica,
    const struct sync_options *opt, struct err_info *e)
{
	struct sync *s = mem_zero(sizeof *s);

	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	s->r = *replica;
	s->opt = *opt;
	if (s->opt.tries == 0)
		s->opt.tries = TRIES_DEFAULT;
	if (s->opt.wait_ms_max == 0)
		s->opt.wait_ms_max = WAIT_MS_DEFAULT;
	if (s->opt.batch_events == 0 || s->opt.batch_events > PROTO_EVENTS_MAX)
		s->opt.batch_events = PROTO_EVENTS_MAX;
	if (s->opt.batch_bytes == 0 || s->opt.batch_bytes > PROTO_BYTES_MAX)
		s->opt.batch_bytes = PROTO_BYTES_MAX;
	if (s->opt.pull_events == 0 || s->opt.pull_events > PROTO_EVENTS_MAX)
		s->opt.pull_events = PROTO_EVENTS_MAX;
	s->span_max = s->opt.batch_events;
	s->todo = TODO_START | TODO_PULL | TODO_PUSH;
	*ret = s;
	return ERR_OK;
}

void
sync_free(struct sync *s)
{
	if (s == NULL)
		return;
	buf_fini(&s->target);
	buf_fini(&s->body);
	arena_fini(&s->window_mem);
	arena_fini(&s->waiting_mem);
	map_fini(&s->reused);
	arena_fini(&s->reused_mem);
	arena_fini(&s->reply_mem);
	json_fini(&s->json);
	free(s);
}

const struct sync_report *
sync_report(const struct sync *s)
{
	return &s->report;
}

void
sync_note(struct sync *s, const struct sync_note *n)
{
	if (s->opt.note != NULL)
		s->opt.note(s->opt.ctx, n);
}

static void
fail(struct sync *s, const struct err_info *e)
{
	s->error = *e;
	s->stage = STAGE_FAILED;
}

/* --- the plan -------------------------------------------------------------- */

static enum err
plan_start(struct sync *s, struct err_info *e)
{
	s->todo &= ~(unsigned)TODO_START;
	if (s->r.position(s->r.ctx, &s->at, e) != ERR_OK)
		return e->code;
	s->pull_from = s->at.pulled;
	s->compare = s->at.pulled > 0;
	s->report.unacked = s->at.unacked;
	if (s->opt.dry_run)
		s->todo = 0;
	return ERR_OK;
}

static enum err
plan_renew(struct sync *s, struct err_info *e)
{
	s->todo &= ~(unsigned)TODO_RENEW;
	s->report.renewals++;
	return s->r.renew(s->r.ctx, e);
}

static enum err
plan_restamp(struct sync *s, struct err_info *e)
{
	s->todo &= ~(unsigned)TODO_RESTAMP;
	s->report.restamps++;
	return s->r.restamp(s->r.ctx, s->clock, e);
}

static const struct plan_row {
	unsigned todo;
	enum err (*run)(struct sync *s, struct err_info *e);
} plan[] = {
	{ TODO_START, plan_start },
	{ TODO_PULL, sync_pull_plan },
	{ TODO_RENEW, plan_renew },
	{ TODO_RESTAMP, plan_restamp },
	{ TODO_PUSH, sync_push_plan },
};

void
sync_ask(struct sync *s, enum request req)
{
	s->request = req;
	s->stage = STAGE_ASK;
	s->tries = 0;
}

static void
report_waiting(struct sync *s)
{
	s->report.waiting = s->n_waiting;
	for (const struct waiting *w = s->waiting; w != NULL; w = w->next) {
		str_copy(s->report.waiting_why, sizeof s->report.waiting_why,
		    w->why);
		s->report.waiting_code = w->code;
		sync_note(s,
		    &(struct sync_note){ .fate = SYNC_FATE_WAITING,
		        .id = w->id,
		        .code = w->code,
		        .why = w->why });
	}
}

static enum err
finish(struct sync *s, struct err_info *e)
{
	s->stage = STAGE_DONE;
	report_waiting(s);
	return s->opt.dry_run ? ERR_OK : s->r.contact(s->r.ctx, e);
}

static enum err
advance(struct sync *s, struct err_info *e)
{
	while (s->stage == STAGE_PLAN) {
		size_t i = 0;

		if (s->todo == 0)
			return finish(s, e);
		while (!(s->todo & plan[i].todo))
			i++;
		if (plan[i].run(s, e) != ERR_OK)
			return e->code;
	}
	return ERR_OK;
}

enum { GZIP_BYTES_MIN = 1024 };

static struct sync_want
want_send(struct sync *s)
{
	s->report.requests++;
	if (s->request == REQ_PULL)
		return (struct sync_want){ .need = SYNC_SEND,
			.method = "GET",
			.target = buf_str(&s->target) };
	return (struct sync_want){ .need = SYNC_SEND,
		.method = "POST",
		.target = STR(PROTO_PATH_BATCH),
		.body = buf_str(&s->body),
		.gzip = s->body.len >= GZIP_BYTES_MIN };
}

void
sync_step(struct sync *s, struct sync_want *ret)
{
	struct err_info e = { 0 };

	if (advance(s, &e) != ERR_OK)
		fail(s, &e);
	switch (s->stage) {
	case STAGE_PLAN:
	case STAGE_ASK:
		*ret = want_send(s);
		break;
	case STAGE_WAIT:
		*ret = (struct sync_want){ .need = SYNC_WAIT,
			.wait_ms = s->wait_ms };
		s->stage = STAGE_ASK;
		break;
	case STAGE_REFRESH:
		*ret = (struct sync_want){ .need = SYNC_REFRESH };
		break;
	case STAGE_DONE:
		*ret = (struct sync_want){ .need = SYNC_DONE };
		break;
	case STAGE_FAILED:
		*ret = (struct sync_want){ .need = SYNC_FAILED,
			.error = &s->error };
		break;
	}
}

/* --- answers --------------------------------------------------------------- */

/* The hub's own words where it has some, else what the status says. */
static enum err
say(struct err_info *e, enum err code, const struct sync_reply *reply,
    const struct error_body *b)
{
	if (b->message.n > 0)
		return err_setf(e, code, "HTTP %u: %.*s", reply->status,
		    STR_ARG(b->message));
	return err_setf(e, code, "HTTP %u: %s", reply->status, err_text(code));
}

/* Try the request again after a while, or give up with what e says. */
static enum err
again(struct sync *s, int64_t retry_after_s, struct err_info *e)
{
	uint64_t asked = backoff_asked_ms(retry_after_s);

	s->tries++;
	if (!s->opt.forever &&
	    (s->tries >= s->opt.tries || asked > s->opt.wait_ms_max))
		return e->code;
	/* Also after a stated time: all were told the same one. */
	s->wait_ms = asked + backoff_ms(s->tries - 1, s->r.random(s->r.ctx));
	s->stage = STAGE_WAIT;
	s->waits_for = *e;
	s->report.retries++;
	return ERR_OK;
}

static enum err
on_ok(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	(void)b;
	s->refreshed = false;
	s->stage = STAGE_PLAN;
	return s->request == REQ_PULL ? sync_pull_answered(s, reply->body, e) :
	                                sync_push_answered(s, reply->body, e);
}

static enum err
on_protocol(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	(void)s;
	return say(e, ERR_PROTOCOL, reply, b);
}

static enum err
on_bad(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	/* Only a hub's own word may lead to the refusal of an event: anything
	 * between here and there can say 400. */
	if (s->request != REQ_PUSH ||
	    (b->code != ERR_BAD_JSON && b->code != ERR_BAD_REQUEST))
		return on_protocol(s, reply, b, e);
	s->stage = STAGE_PLAN;
	return sync_push_halve(s, b->code, b->message, e);
}

static enum err
on_too_large(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	if (s->request != REQ_PUSH)
		return on_protocol(s, reply, b, e);
	s->stage = STAGE_PLAN;
	return sync_push_halve(s, ERR_TOO_LARGE, b->message, e);
}

static enum err
on_unauthorized(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	if (s->refreshed)
		return say(e, ERR_UNAUTHORIZED, reply, b);
	s->refreshed = true;
	s->stage = STAGE_REFRESH;
	return ERR_OK;
}

static enum err
on_forbidden(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	(void)s;
	return say(e, ERR_FORBIDDEN, reply, b);
}

static enum err
on_conflict(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	if (b->code != ERR_RESYNC || b->epoch.n == 0 ||
	    b->epoch.n > PROTO_EPOCH_MAX)
		return on_protocol(s, reply, b, e);
	s->stage = STAGE_PLAN;
	return sync_other_epoch(s, b->epoch, e);
}

static enum err
on_throttled(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	(void)say(e, ERR_THROTTLED, reply, b);
	return again(s, reply->retry_after_s, e);
}

static enum err
on_unavailable(struct sync *s, const struct sync_reply *reply,
    const struct error_body *b, struct err_info *e)
{
	(void)say(e, ERR_UNAVAILABLE, reply, b);
	return again(s, reply->retry_after_s, e);
}

static const struct status_row {
	unsigned status;
	enum err (*run)(struct sync *s, const struct sync_reply *reply,
	    const struct error_body *b, struct err_info *e);
} statuses[] = {
	{ 200, on_ok },
	{ 400, on_bad },
	{ 401, on_unauthorized },
	{ 403, on_forbidden },
	{ 409, on_conflict },
	{ 413, on_too_large },
	{ 429, on_throttled },
	{ 500, on_unavailable },
	{ 502, on_unavailable },
	{ 503, on_unavailable },
	{ 504, on_unavailable },
	{ 0, on_protocol },
};

static enum err
answered(struct sync *s, const struct sync_reply *reply, struct err_info *e)
{
	struct error_body b = { 0 };
	size_t i = 0;

	s->answered = true;
	arena_reset(&s->reply_mem);
	if (reply->status != 200)
		(void)error_body_decode(&b, reply->body, &s->reply_mem);
	while (statuses[i].status != 0 && statuses[i].status != reply->status)
		i++;
	return statuses[i].run(s, reply, &b, e);
}

static bool
transient(enum err transport)
{
	static const enum err codes[] = { ERR_UNREACHABLE, ERR_TIMEOUT,
		ERR_UNAVAILABLE, ERR_IO, ERR_PROTOCOL };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i] == transport)
			return true;
	return false;
}

enum err
sync_say_transport(const struct sync_reply *reply, struct err_info *e)
{
	return err_setf(e, reply->transport, "%s",
	    reply->text != NULL ? reply->text : err_text(reply->transport));
}

/* No answer came.  What was sent may have arrived all the same: sending it
 * again is always right, the hub says `duplicate` then. */
static enum err
unanswered(struct sync *s, const struct sync_reply *reply, struct err_info *e)
{
	(void)sync_say_transport(reply, e);
	if (s->opt.forever)
		return reply->transport == ERR_INTERRUPTED ||
		        reply->transport == ERR_NOMEM ?
		    e->code :
		    again(s, -1, e);
	/* A command whose hub is not there says so at once. */
	if (!transient(reply->transport) ||
	    (reply->transport == ERR_UNREACHABLE && !s->answered))
		return e->code;
	return again(s, -1, e);
}

void
sync_answer(struct sync *s, const struct sync_reply *reply)
{
	struct err_info e = { 0 };
	enum err rc;

	if (s->stage != STAGE_ASK)
		return; /* of a request that was given up */
	rc = reply->transport != ERR_OK ? unanswered(s, reply, &e) :
	                                  answered(s, reply, &e);
	if (rc != ERR_OK)
		fail(s, &e);
}

void
sync_refreshed(struct sync *s, enum err rc, const struct err_info *e)
{
	if (s->stage != STAGE_REFRESH)
		return;
	if (rc == ERR_OK)
		s->stage = STAGE_ASK;
	else
		fail(s, e);
}

/* --- live ------------------------------------------------------------------- */

void
sync_go_live(struct sync *s)
{
	s->live = true;
	s->leave = false;
	s->stage = STAGE_PLAN;
	s->todo = 0;
	if (s->opt.batch_bytes > SYNC_LIVE_BYTES)
		s->opt.batch_bytes = SYNC_LIVE_BYTES;
}

enum err
sync_push_again(struct sync *s, struct err_info *e)
{
	if (s->r.position(s->r.ctx, &s->at, e) != ERR_OK)
		return e->code;
	if (s->at.unacked == 0)
		return ERR_OK;
	s->todo |= TODO_PUSH;
	s->idle_passes = 0;
	sync_push_rewind(s);
	return ERR_OK;
}

bool
sync_is_idle(const struct sync *s)
{
	return s->stage == STAGE_PLAN && s->todo == 0;
}

bool
sync_failed(const struct sync *s)
{
	return s->stage == STAGE_FAILED;
}

bool
sync_awaits_ack(const struct sync *s)
{
	return s->stage == STAGE_ASK;
}

enum sync_move
sync_live_move(struct sync *s, struct err_info *e)
{
	while (s->stage == STAGE_PLAN && s->todo != 0) {
		if (s->todo & ~(unsigned)TODO_PUSH)
			return SYNC_MOVE_LEAVE;
		if (sync_push_plan(s, e) != ERR_OK)
			return SYNC_MOVE_FAILED;
		if (s->leave)
			return SYNC_MOVE_LEAVE;
		if (s->stage == STAGE_ASK) {
			s->report.requests++;
			return SYNC_MOVE_PUSH;
		}
		if (s->todo == 0)
			report_waiting(s);
	}
	return SYNC_MOVE_NONE;
}

enum err
sync_acked(struct sync *s, struct batch_answer *a, struct err_info *e)
{
	if (s->stage != STAGE_ASK)
		return err_setf(e, ERR_PROTOCOL,
		    "the hub answers a batch that was not sent");
	s->stage = STAGE_PLAN;
	arena_reset(&s->reply_mem);
	a->epoch = str_of(s->at.epoch);
	return sync_push_taken(s, a, e);
}
