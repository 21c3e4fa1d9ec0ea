/* Pull: page by page to the head of the hub's log.
 *
 * The first page of a conversation begins with the last event that is known: a
 * hub whose folder was put back from an older copy keeps its epoch, and once
 * others have pushed again its log is long enough.  Only what stands there tells.
 *
 * Each page is taken in with its position in one transaction of the replica.
 * An answer that does not fit the position asked for is not used. */
#include "sync_int.h"

static uint64_t
asked_after(const struct sync *s)
{
	return s->at.pulled - (s->compare ? 1 : 0);
}

enum err
sync_pull_plan(struct sync *s, struct err_info *e)
{
	struct pull_query q = { .epoch = str_of(s->at.epoch),
		.after = asked_after(s),
		.limit = s->opt.pull_events };

	buf_reset(&s->target);
	pull_query_encode(&q, &s->target);
	if (buf_ok(&s->target, e) != ERR_OK)
		return e->code;
	sync_ask(s, REQ_PULL);
	return ERR_OK;
}

static enum err
fits(const struct sync *s, const struct pull_answer *p, struct err_info *e)
{
	unsigned long long after = asked_after(s);

	if (s->at.epoch[0] != '\0' && !str_is(p->epoch, s->at.epoch))
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a pull is of another epoch");
	if (p->n > 0 && p->item[0].seq != after + 1)
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a pull after %llu begins with %llu", after,
		    (unsigned long long)p->item[0].seq);
	if (p->n == 0 && p->next != after)
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a pull after %llu is empty and goes to %llu",
		    after, (unsigned long long)p->next);
	if (p->n == 0 && p->head > p->next)
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a pull after %llu is empty, the head is "
		    "%llu",
		    after, (unsigned long long)p->head);
	return ERR_OK;
}

/* Is it the log that the position is of, so far?  Takes the event that is
 * compared off the answer. */
static enum err
same_log(struct sync *s, struct pull_answer *p, bool *ret, struct err_info *e)
{
	*ret = p->head >= s->at.head;
	for (size_t i = 0; i < p->n && *ret; i++)
		*ret = p->item[i].seq != s->at.ahead ||
		    eid_eq(&p->item[i].ev.id, &s->at.ahead_id);
	if (!*ret || !s->compare)
		return ERR_OK;
	*ret = p->n > 0;
	if (*ret &&
	    s->r.stands(s->r.ctx, &p->item[0].ev.id, p->item[0].seq, ret, e) !=
	        ERR_OK)
		return e->code;
	if (*ret) {
		p->item++;
		p->n--;
		s->compare = false;
	}
	return ERR_OK;
}

static void
count(struct sync *s, const struct pull_answer *p, const enum sync_took *took)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pull_item *it = &p->item[i];
		struct sync_note n = {
			.id = it->ev.id, .raw = it->ev.raw, .seq = it->seq
		};

		if (it->ev.clock > s->clock)
			s->clock = it->ev.clock;
		switch (took[i]) {
		case SYNC_KNOWN:
			continue;
		case SYNC_NEW:
			n.fate = SYNC_FATE_PULLED;
			s->report.pulled++;
			break;
		case SYNC_CLASH:
			n.fate = SYNC_FATE_CLASHED;
			n.code = ERR_ID_REUSED;
			n.why = STR("the hub has other content under this id");
			s->report.clashed++;
			break;
		}
		sync_note(s, &n);
	}
}

enum err
sync_pull_answered(struct sync *s, struct str body, struct err_info *e)
{
	enum sync_took *took;
	struct pull_answer p;
	bool same;

	if (pull_answer_decode(&p, &s->json, body, &s->reply_mem, e) !=
	        ERR_OK ||
	    fits(s, &p, e) != ERR_OK || same_log(s, &p, &same, e) != ERR_OK)
		return e->code;
	if (!same)
		return sync_other_epoch(s, p.epoch, e);
	took = arena_array(&s->reply_mem, p.n, sizeof *took);
	if (took == NULL && p.n > 0)
		return err_set(e, ERR_NOMEM);
	if (s->r.take(s->r.ctx, &p, took, e) != ERR_OK)
		return e->code;
	count(s, &p, took);
	str_copy(s->at.epoch, sizeof s->at.epoch, p.epoch);
	s->at.pulled = p.next;
	s->at.head = p.head;
	if (p.next == p.head)
		s->todo &= ~(unsigned)TODO_PULL;
	if (s->opt.progress != NULL)
		s->opt.progress(s->opt.ctx, false, p.next - s->pull_from,
		    p.head - s->pull_from);
	return ERR_OK;
}

/* What stands at or below the position is here already: our own events, whose
 * acknowledgement moved it. */
static void
skip_known(const struct sync *s, struct pull_answer *p)
{
	while (p->n > 0 && p->item[0].seq <= s->at.pulled) {
		p->item++;
		p->n--;
	}
}

enum err
sync_tail(struct sync *s, struct pull_answer *p, struct err_info *e)
{
	enum sync_took *took;

	if (p->epoch.n > 0 && !str_is(p->epoch, s->at.epoch))
		return err_setf(e, ERR_PROTOCOL,
		    "live events are of another epoch");
	skip_known(s, p);
	if (p->n == 0)
		return ERR_OK;
	if (p->item[0].seq != s->at.pulled + 1)
		return err_setf(e, ERR_PROTOCOL,
		    "live events after %llu begin with %llu",
		    (unsigned long long)s->at.pulled,
		    (unsigned long long)p->item[0].seq);
	arena_reset(&s->reply_mem);
	took = arena_array(&s->reply_mem, p->n, sizeof *took);
	if (took == NULL)
		return err_set(e, ERR_NOMEM);
	p->epoch = str_of(s->at.epoch);
	p->head = p->next > s->at.head ? p->next : s->at.head;
	if (s->r.take(s->r.ctx, p, took, e) != ERR_OK)
		return e->code;
	count(s, p, took);
	s->at.pulled = p->next;
	s->at.head = p->head;
	return ERR_OK;
}

enum err
sync_other_epoch(struct sync *s, struct str epoch, struct err_info *e)
{
	if (++s->epochs > ROUNDS_MAX)
		return err_setf(e, ERR_PROTOCOL,
		    "the hub does not keep its epoch");
	if (s->r.resync(s->r.ctx, epoch, e) != ERR_OK ||
	    s->r.position(s->r.ctx, &s->at, e) != ERR_OK)
		return e->code;
	s->report.resyncs++;
	s->compare = false;
	s->pull_from = s->at.pulled;
	s->todo |= TODO_PULL | TODO_PUSH;
	sync_push_rewind(s);
	return ERR_OK;
}
