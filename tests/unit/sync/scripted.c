#include "scripted.h"

#include <stdio.h>

/* --- the replica ---------------------------------------------------------------- */

static bool
broken(const struct replica *r, const char *call, struct err_info *e)
{
	if (r->fails == NULL || strcmp(r->fails, call) != 0)
		return false;
	(void)err_setf(e, ERR_NO_SPACE, "%s failed", call);
	return true;
}

struct eid
id_of(unsigned n)
{
	struct eid id = { { 1, 0x89, 0, 0, 0, 0, 0x70, 0, 0x80 }, EID_UUID };

	id.b[14] = (uint8_t)(n >> 8);
	id.b[15] = (uint8_t)n;
	return id;
}

static enum err
r_position(void *ctx, struct sync_position *ret, struct err_info *e)
{
	struct replica *r = ctx;

	*ret = (struct sync_position){ .pulled = r->pulled, .head = r->head };
	memcpy(ret->epoch, r->epoch, sizeof r->epoch);
	for (unsigned i = 0; i < EVENTS; i++) {
		ret->unacked += r->ev[i].fate == UNACKED;
		if (r->ev[i].fate != ACKED || r->ev[i].seq <= r->pulled ||
		    r->ev[i].seq <= ret->ahead)
			continue;
		ret->ahead = r->ev[i].seq;
		ret->ahead_id = id_of(i);
	}
	return broken(r, "position", e) ? e->code : ERR_OK;
}

static enum err
r_unacked(void *ctx, const struct stamp *after, size_t max_events,
    size_t max_bytes, struct arena *a, struct sync_event **ret, size_t *n,
    struct err_info *e)
{
	struct replica *r = ctx;
	size_t bytes = 0;

	if (broken(r, "unacked", e))
		return e->code;
	*n = 0;
	*ret = arena_array(a, EVENTS, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (unsigned i = 0; i < EVENTS && *n < max_events; i++) {
		/* The clock of event i is i + 1. */
		if (r->ev[i].fate != UNACKED ||
		    (after != NULL && i + 1 <= after->clock))
			continue;
		bytes += r->raw[i].len;
		if (*n > 0 && bytes > max_bytes)
			break;
		(*ret)[*n] = (struct sync_event){
			.send = { .id = id_of(i),
			    .raw = buf_str(&r->raw[i]),
			    .relayed = r->ev[i].other,
			    .user = r->ev[i].other ? STR("bob") : STR("") },
			.own = !r->ev[i].other,
			.fixed = r->ev[i].fixed
		};
		(*n)++;
	}
	return ERR_OK;
}

unsigned
number(const struct eid *id)
{
	return (unsigned)id->b[14] << 8 | id->b[15];
}

static enum err
r_settle(void *ctx, const struct sync_settled *what, struct err_info *e)
{
	struct replica *r = ctx;
	bool whole = true;

	if (broken(r, "settle", e))
		return e->code;
	r->settles++;
	for (size_t i = 0; i < what->n; i++) {
		unsigned k = number(&what->mark[i].id);

		CHECK_EQ(what->mark[i].raw, buf_str(&r->raw[k]));
		if (r->edits == k + 1) {
			r->edits = 0;
			what->mark[i].stale = true;
			whole = false;
			continue;
		}
		r->ev[k].seq = what->mark[i].seq;
		r->ev[k].code = what->mark[i].code;
		r->ev[k].fate = what->mark[i].seq > 0 ? ACKED : REFUSED;
	}
	CHECK_STR(what->epoch, r->epoch);
	CHECK(what->pulled >= r->pulled && what->head >= what->pulled);
	CHECK_U(what->was, r->pulled);
	if (whole)
		r->pulled = what->pulled;
	r->head = what->head;
	return ERR_OK;
}

static enum err
r_take(void *ctx, const struct pull_answer *p, enum sync_took *took,
    struct err_info *e)
{
	struct replica *r = ctx;

	if (broken(r, "take", e))
		return e->code;
	for (size_t i = 0; i < p->n; i++) {
		unsigned k = number(&p->item[i].ev.id);

		took[i] = r->ev[k].fate == ABSENT ? SYNC_NEW : SYNC_KNOWN;
		/* Event 13 is always somebody else's. */
		if (k == 13 && r->ev[k].fate != ABSENT && !r->adopts)
			took[i] = SYNC_CLASH;
		if (took[i] == SYNC_CLASH)
			continue;
		r->ev[k].fate = ACKED;
		r->ev[k].seq = p->item[i].seq;
	}
	(void)snprintf(r->epoch, sizeof r->epoch, "%.*s", STR_ARG(p->epoch));
	r->pulled = p->next;
	r->head = p->head;
	return ERR_OK;
}

static enum err
r_stands(void *ctx, const struct eid *id, uint64_t seq, bool *ret,
    struct err_info *e)
{
	struct replica *r = ctx;
	unsigned k = number(id);

	*ret = r->ev[k].fate == ACKED && r->ev[k].seq == seq;
	return broken(r, "stands", e) ? e->code : ERR_OK;
}

static enum err
r_resync(void *ctx, struct str epoch, struct err_info *e)
{
	struct replica *r = ctx;

	if (broken(r, "resync", e))
		return e->code;
	r->resyncs++;
	(void)snprintf(r->epoch, sizeof r->epoch, "%.*s", STR_ARG(epoch));
	r->pulled = r->head = 0;
	for (unsigned i = 0; i < EVENTS; i++)
		if (r->ev[i].fate == ACKED) {
			r->ev[i].fate = UNACKED;
			r->ev[i].fixed = true;
		}
	return ERR_OK;
}

static enum err
r_restamp(void *ctx, uint64_t above, struct err_info *e)
{
	struct replica *r = ctx;

	r->restamps++;
	r->above = above;
	return broken(r, "restamp", e) ? e->code : ERR_OK;
}

static enum err
r_renew(void *ctx, struct err_info *e)
{
	struct replica *r = ctx;

	r->renewals++;
	return broken(r, "renew", e) ? e->code : ERR_OK;
}

static enum err
r_contact(void *ctx, struct err_info *e)
{
	struct replica *r = ctx;

	r->contacts++;
	return broken(r, "contact", e) ? e->code : ERR_OK;
}

static uint64_t
r_random(void *ctx)
{
	(void)ctx;
	return 250; /* of the first 500 ms */
}

const struct sync_replica ops = { NULL, r_position, r_unacked, r_settle, r_take,
	r_stands, r_resync, r_restamp, r_renew, r_contact, r_random };

/* --- the hub ---------------------------------------------------------------------- */

static void
hub_error(struct hub *h, enum err code, struct sync_reply *r)
{
	error_body_encode(code, str_of(err_text(code)), str_of(h->epoch),
	    STR(""), &h->out);
	r->status = (unsigned)err_http(code);
}

static struct rule *
rule_for(struct hub *h, unsigned event)
{
	for (unsigned i = 0; i < 4; i++) {
		struct rule *r = &h->rule[i];

		if (r->code == ERR_OK || r->event != event)
			continue;
		if (r->times > 0 && h->ruled[i] >= r->times)
			continue;
		h->ruled[i]++;
		return r;
	}
	return NULL;
}

static void
hub_event(struct hub *h, const struct batch_item *it, struct batch_result *r)
{
	unsigned k = number(&it->ev.id);
	struct rule *rule = rule_for(h, k);

	*r = (struct batch_result){ .id = it->id };
	for (unsigned i = 0; i < h->n && r->seq == 0; i++)
		if (h->log[i] == k)
			r->seq = i + 1;
	if (rule != NULL) {
		r->status = BATCH_REJECTED;
		r->code = rule->code;
		r->retry = rule->retry;
		r->why = str_of(err_text(rule->code));
	} else if (r->seq > 0) {
		r->status = BATCH_DUPLICATE;
	} else {
		h->log[h->n++] = k;
		r->seq = h->n;
	}
}

void
hub_batch(struct hub *h, struct str body, struct sync_reply *reply)
{
	struct batch_result result[EVENTS];
	struct batch_answer a = {
		.result = result, .epoch = str_of(h->epoch), .clock = h->clock
	};
	struct batch b = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(batch_decode(&b, body, &e), &e);
	h->posts++;
	h->events_sent += (unsigned)b.n;
	for (size_t i = 0; i < b.n; i++)
		if (h->poison != 0 && number(&b.item[i].ev.id) == h->poison) {
			hub_error(h, ERR_BAD_JSON, reply);
			goto done;
		}
	if (h->events_max > 0 && b.n > h->events_max) {
		hub_error(h, ERR_TOO_LARGE, reply);
		goto done;
	}
	for (size_t i = 0; i < b.n; i++) {
		CHECK_ERR(b.item[i].code, ERR_OK);
		hub_event(h, &b.item[i], &result[i]);
	}
	a.n = b.n;
	a.head = h->n;
	batch_answer_encode(&a, &h->out);
	reply->status = 200;
done:
	batch_fini(&b);
}

static void
hub_pull(struct hub *h, struct str target, struct sync_reply *reply)
{
	struct pull_query q;
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct str path;
	uint64_t seq;

	CHECK(str_split(&target, '?', &path));
	CHECK_STR(path, PROTO_PATH_EVENTS);
	CHECK_OK(pull_query_decode(&q, target, &a, &e), &e);
	if ((q.epoch.n > 0 && !str_is(q.epoch, h->epoch)) || q.after > h->n) {
		hub_error(h, ERR_RESYNC, reply);
		goto done;
	}
	pull_answer_begin(str_of(h->epoch), &h->out);
	for (seq = q.after; seq < h->n && seq - q.after < q.limit; seq++) {
		struct buf raw = { 0 };

		made_event(&raw, h->log[seq], "");
		pull_answer_row(&(struct pull_row){ .seq = seq + 1,
		                    .raw = buf_str(&raw) },
		    seq == q.after, &h->out);
		buf_fini(&raw);
	}
	pull_answer_end(seq, h->n, &h->out);
	reply->status = 200;
done:
	arena_fini(&a);
}

void
hub_answer(struct hub *h, const struct sync_want *want,
    struct sync_reply *reply)
{
	const struct twist *t = h->twist;

	*reply = (struct sync_reply){ .retry_after_s = -1 };
	buf_reset(&h->out);
	h->requests++;
	while (t != NULL && t->request != 0 && t->request != h->requests)
		t++;
	if (t == NULL || t->request == 0 || t->kind == ANSWER_LOST) {
		if (want->body.n > 0)
			hub_batch(h, want->body, reply);
		else
			hub_pull(h, want->target, reply);
	}
	if (t != NULL && t->request != 0) {
		if (t->kind != SAYS) {
			*reply =
			    (struct sync_reply){ .transport = t->transport };
			return;
		}
		buf_adds(&h->out, t->body);
		reply->status = t->status;
		reply->retry_after_s = t->retry_after_s;
	}
	reply->body = buf_str(&h->out);
}
