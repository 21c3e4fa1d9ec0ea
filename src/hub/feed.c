/* Feed.  Happy path: the team's head, then rows until the answer is full.  Fails:
 * a position of another epoch or beyond the head is told to start over - never a
 * partial answer that looks whole. */
#include "feed.h"

#include "body.h"

struct page {
	struct buf *out;
	size_t from; /* of out */
	uint64_t last;
	size_t n;
};

struct pull_row
feed_row(const struct log_row *row)
{
	return (struct pull_row){ .seq = row->pos,
		.user = row->user,
		.received_ms = row->received_ms,
		.relayed = row->relayed,
		.raw = row->raw };
}

/* ERR_TOO_LARGE: the answer is full, the row was not taken. */
static enum err
page_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	const struct pull_row out = feed_row(row);
	struct page *p = ctx;

	if (p->n > 0 && p->out->len - p->from + row->raw.n > PROTO_BYTES_MAX)
		return err_set(e, ERR_TOO_LARGE);
	pull_answer_row(&out, p->n == 0, p->out);
	p->last = row->pos;
	p->n++;
	return buf_ok(p->out, e);
}

static enum err
resync(const struct space *sp, struct buf *out, struct err_info *e)
{
	(void)err_set(e, ERR_RESYNC);
	error_body_encode(ERR_RESYNC, str_of(e->text), sp->epoch, STR(""), out);
	return out->failed ? err_set(e, ERR_NOMEM) : e->code;
}

enum err
feed_answer(struct store *s, space_id sp, const struct pull_query *q,
    struct buf *out, struct err_info *e)
{
	struct page p = { .out = out, .from = out->len, .last = q->after };
	struct arena a = { 0 };
	struct space space;
	enum err rc;

	rc = store_space_get(s, sp, &a, &space, e);
	if (rc != ERR_OK)
		goto done;
	if ((q->epoch.n > 0 && !str_eq(q->epoch, space.epoch)) ||
	    q->after > space.pulled) {
		rc = resync(&space, out, e);
		goto done;
	}
	pull_answer_begin(space.epoch, out);
	rc = store_log(s, sp, q->after, q->limit, page_row, &p, e);
	if (rc != ERR_OK && rc != ERR_TOO_LARGE)
		goto done;
	/* Others may have written since the head was read. */
	pull_answer_end(p.last, p.last > space.pulled ? p.last : space.pulled,
	    out);
	rc = buf_ok(out, e);
done:
	arena_fini(&a);
	return rc;
}
