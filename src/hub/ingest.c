/* Two queues, of which each job leaves to the loop before it enters the next. */
#include "ingest.h"

#include "clock.h"

/* Values in a body.  An event alone has fewer, so halving a batch that is
 * refused for it comes to an end.  16 MiB of tape. */
enum { NODES_MAX = 1 << 20 };

void
ingest_fini(struct ingest *in)
{
	batch_fini(&in->batch);
	buf_fini(&in->plain);
	arena_fini(&in->arena);
	atomic_fetch_sub(&in->hub->held, in->held);
	in->held = 0;
}

/* The team of one event where the message names none. */
static enum err
space_of_event(void *ctx, const struct event *ev, space_id *ret,
    struct err_info *e)
{
	struct ingest *in = ctx;
	const struct account_team *team;
	enum err rc =
	    accounts_team_of(in->who, STR(""), ev->team_slug, &team, e);

	if (rc == ERR_OK)
		rc = hub_team_space(in->writer, team->slug, ret, e);
	return rc;
}

static enum err
write_batch(struct hub_writer *w, struct write_job *job, struct err_info *e)
{
	struct ingest *in = (struct ingest *)(void *)job;
	const struct account_who *who = in->who;
	struct sender from = { .user = who->name,
		.now_ms = in->now_ms,
		.space_of = space_of_event,
		.ctx = in };
	enum err rc = ERR_OK;

	in->writer = w;
	arena_reset(&in->arena);
	/* An empty batch still wants to know epoch and head. */
	if (in->team != NULL || in->batch.n == 0) {
		const struct account_team *team =
		    in->team ? in->team : &who->team[who->default_team];

		rc = hub_team_space(w, team->slug, &from.space, e);
	}
	if (rc == ERR_OK)
		rc = admission_batch(&w->admission, &from, &in->batch,
		    &in->arena, &in->answer, e);
	return rc;
}

static void
count(struct hub_metrics *m, const struct batch_answer *a)
{
	unsigned long long n[3] = { 0 };

	for (size_t i = 0; i < a->n; i++)
		n[a->result[i].status]++;
	atomic_fetch_add(&m->batches, 1);
	atomic_fetch_add(&m->events_new, n[BATCH_SUCCESS]);
	atomic_fetch_add(&m->events_duplicate, n[BATCH_DUPLICATE]);
	atomic_fetch_add(&m->events_rejected, n[BATCH_REJECTED]);
}

static void
written(struct pool_job *job)
{
	struct ingest *in = (struct ingest *)(void *)job;
	struct err_info e = job->e;

	if (job->rc == ERR_OK)
		count(&in->hub->metrics, &in->answer);
	in->done(in, job->rc, &e);
}

static enum err
read_whole(struct ingest *in, struct gzip *g, struct err_info *e)
{
	struct batch *b = &in->batch;
	enum err rc;

	if (atomic_load(&in->hub->held) > HUB_DECODED_MAX)
		return err_setf(e, ERR_UNAVAILABLE,
		    "too many batches are under way, try again");
	b->json.count_max = NODES_MAX;
	rc = in->read(in, g, e);
	/* What the writer need not do. */
	for (size_t i = 0; rc == ERR_OK && i < b->n; i++)
		if (b->item[i].code == ERR_OK)
			b->item[i].sum = store_sum(b->item[i].ev.raw);
	in->held = in->plain.cap + b->json.cap * sizeof *b->json.node +
	    b->n * sizeof *b->item;
	atomic_fetch_add(&in->hub->held, in->held);
	return rc;
}

static void
to_writer(struct ingest *in)
{
	struct err_info e = { 0 };

	in->write = (struct write_job){ .write = write_batch,
		.job = { .done = written,
		    .weight = (unsigned)in->batch.n + 1 } }; /* as they came */
	if (pool_push(in->hub->writer, &in->write.job, &e) != ERR_OK)
		in->done(in, e.code, &e);
}

static void
on_decoder(struct hub_decoder *d, struct decode_job *job)
{
	struct ingest *in = (struct ingest *)(void *)job;

	job->job.rc = read_whole(in, &d->gzip, &job->job.e);
}

static void
decoded(struct pool_job *job)
{
	struct ingest *in = (struct ingest *)(void *)job;
	struct err_info e = job->e;

	if (job->rc == ERR_OK)
		to_writer(in);
	else
		in->done(in, job->rc, &e);
}

void
ingest_start(struct ingest *in, bool large)
{
	struct err_info e = { 0 };
	enum err rc;

	in->now_ms = os_wall_ms();
	if (!large) {
		rc = read_whole(in, &in->hub->gzip, &e);
		if (rc == ERR_OK) {
			to_writer(in);
			return;
		}
	} else {
		in->decode = (struct decode_job){ .decode = on_decoder,
			.job = { .done = decoded,
			    .weight = 1,
			    .lane = in->who->session_id } };
		rc = pool_push(in->hub->decoder, &in->decode.job, &e);
	}
	if (rc != ERR_OK)
		in->done(in, rc, &e);
}
