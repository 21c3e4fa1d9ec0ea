/* The worker makes the calls that block: HTTP, refreshes, the opening of live
 * connections, whole exchanges.  One at a time, in the order in which they were
 * asked for; the answer goes back in the same record. */
#include <stdlib.h>

#include "daemon_int.h"
#include "fault.h"
#include "log.h"
#include "remote.h"
#include "sync_report.h"

struct worker {
	struct daemon *d;
	struct mailbox box;
	pthread_t thread;
	bool started;
	struct ctx ctx;        /* home, configuration; of the remote */
	struct remote *remote; /* own; NULL until it is needed */
};

/* --- jobs ------------------------------------------------------------------------- */

struct job *
job_new(struct daemon *d, enum job_kind kind, uint64_t line)
{
	struct job *j = mem_zero(sizeof *j);

	if (j == NULL)
		return NULL;
	j->daemon = d;
	j->kind = kind;
	j->line = line;
	j->retry_after_s = -1;
	return j;
}

void
job_free(struct job *j)
{
	free(j->method);
	free(j->target);
	free(j->team);
	buf_fini(&j->body);
	buf_fini(&j->answer);
	free(j);
}

static void
drop_job(struct mail *m)
{
	job_free((struct job *)(void *)m);
}

/* --- one call ----------------------------------------------------------------------- */

static void
forget(struct worker *w)
{
	remote_close(w->remote);
	w->remote = NULL;
	ctx_fini(&w->ctx);
	ctx_init(&w->ctx, w->d->program);
}

static enum err
ready(struct worker *w, struct err_info *e)
{
	enum err rc = ERR_OK;

	if (w->remote == NULL) {
		rc = remote_open(&w->remote, &w->ctx, e);
		if (rc == ERR_OK)
			remote_stop_on(w->remote, &w->d->abort);
	}
	return rc;
}

static enum err
call(struct worker *w, struct job *j, struct err_info *e)
{
	struct remote_call c = { .method = j->method,
		.target = str_of(j->target),
		.body = buf_str(&j->body),
		.team = str_of(j->team),
		.gzip = j->gzip,
		.no_refresh = true };
	struct http_answer ans = { 0 };
	enum err rc = ready(w, e);

	if (c.body.n == 0)
		c.body.p = NULL;
	if (rc == ERR_OK)
		rc = remote_send(w->remote, &c, &ans, e);
	if (rc == ERR_OK) {
		j->status = (unsigned)ans.status;
		j->retry_after_s = ans.retry_after_s;
		j->answer = ans.body;
		ans.body = (struct buf){ 0 };
	}
	http_answer_fini(&ans);
	return rc;
}

static enum err
refresh(struct worker *w, struct err_info *e)
{
	enum err rc = ready(w, e);

	if (rc == ERR_OK)
		rc = remote_renew(w->remote, e);
	if (rc != ERR_OK)
		log_line(LOG_WARN, "daemon", "session not renewed: %s",
		    e->text);
	return rc;
}

static enum err
open_wire(struct worker *w, struct job *j, struct err_info *e)
{
	struct ws_client_refusal refusal = { .retry_after_s = -1 };
	struct ws_client_options o = { .protocol = LIVE_PROTOCOL,
		.bearer = buf_str(&j->body),
		.message_max = LIVE_MESSAGE_MAX,
		.abort = &w->d->abort };
	const struct config *cfg;
	struct ws_client *c = NULL;
	struct arena a = { 0 };
	enum err rc = ready(w, e);

	if (rc == ERR_OK)
		rc = ctx_config(&w->ctx, &cfg, e);
	if (rc == ERR_OK) {
		o.ca_file = cfg->ca_file;
		o.url = arena_fmt(&a, "%.*s%s",
		    STR_ARG(remote_server(w->remote)), LIVE_PATH);
		if (o.url == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	if (rc == ERR_OK)
		rc = ws_client_open(&c, &o, &refusal, e);
	j->status = refusal.status;
	j->retry_after_s = refusal.retry_after_s;
	arena_fini(&a);
	if (rc == ERR_OK)
		wire_attach(w->d, j->wire, c);
	/* An answer is one, whatever it was. */
	return rc == ERR_REFUSED ? ERR_OK : rc;
}

/* All spaces, as `sync now` does it, in a context of its own. */
static enum err
exchange(struct worker *w, struct job *j, struct err_info *e)
{
	struct sync_notes notes = { .all = j->all_notes };
	struct sync_run_options opt = { .locked = true,
		.stop = &w->d->abort,
		.note = sync_notes_add,
		.ctx = &notes };
	struct json_writer out = { .out = &j->answer };
	struct sync_run run = { 0 };
	struct status st = { 0 };
	struct ctx c;
	enum err rc, status;

	ctx_init(&c, w->d->program);
	notes.arena = &c.arena;
	rc = sync_run(&c, &opt, &run, e);
	status = status_read(&c, &st, &(struct err_info){ 0 });
	if (status == ERR_OK && j->req != NULL)
		sync_report_write(&(struct sync_report_of){ .run = &run,
		                      .status = &st,
		                      .notes = &notes,
		                      .error = rc == ERR_OK ? NULL : e },
		    &out);
	if (rc == ERR_OK)
		log_line(LOG_INFO, "daemon",
		    "exchange: pushed=%llu pulled=%llu refused=%llu",
		    (unsigned long long)run.pushed,
		    (unsigned long long)run.pulled,
		    (unsigned long long)run.refused);
	else
		log_line(LOG_WARN, "daemon", "exchange: %s", e->text);
	sync_notes_fini(&notes);
	ctx_fini(&c);
	return rc;
}

static void
run_job(void *ctx, struct mail *m)
{
	struct worker *w = ctx;
	struct job *j = (struct job *)(void *)m;

	switch (j->kind) {
	case JOB_CALL:
		j->rc = call(w, j, &j->e);
		break;
	case JOB_REFRESH:
		j->rc = refresh(w, &j->e);
		break;
	case JOB_OPEN:
		j->rc = open_wire(w, j, &j->e);
		break;
	case JOB_EXCHANGE:
		j->rc = exchange(w, j, &j->e);
		break;
	case JOB_FORGET:
		forget(w);
		job_free(j);
		return;
	}
	j->mail.fn = j->done;
	mailbox_post(keeper_box(w->d), &j->mail);
}

void
worker_do(struct daemon *d, struct job *j)
{
	j->mail.fn = run_job;
	if (j->mail.drop == NULL)
		j->mail.drop = drop_job;
	mailbox_post(&d->worker->box, &j->mail);
}

/* --- the thread -------------------------------------------------------------------------- */

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct mail *m, *next;

	ctx_init(&w->ctx, w->d->program);
	while (mailbox_take(&w->box, UINT64_MAX, &m))
		for (; m != NULL; m = next) {
			next = m->next;
			m->fn(w, m);
		}
	remote_close(w->remote);
	ctx_fini(&w->ctx);
	return NULL;
}

enum err
worker_start(struct daemon *d, struct err_info *e)
{
	struct worker *w = mem_zero(sizeof *w);
	enum err rc;
	int bad;

	if (w == NULL)
		return err_set(e, ERR_NOMEM);
	w->d = d;
	rc = mailbox_init(&w->box, e);
	if (rc != ERR_OK) {
		free(w);
		return rc;
	}
	d->worker = w;
	bad = fault_tick() ? EAGAIN : pthread_create(&w->thread, NULL, work, w);
	w->started = bad == 0;
	return bad == 0 ? ERR_OK : err_sys(e, bad, "the daemon's worker");
}

void
worker_stop(struct daemon *d)
{
	struct worker *w = d->worker;

	if (w == NULL)
		return;
	mailbox_close(&w->box);
	if (w->started)
		(void)pthread_join(w->thread, NULL);
	mailbox_fini(&w->box);
	free(w);
	d->worker = NULL;
}
