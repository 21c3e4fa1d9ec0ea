#include "sync_run.h"

#include "clock.h"
#include "fault.h"
#include "http_client.h"
#include "lock.h"
#include "proc.h"
#include "replica.h"
#include "share.h"

enum {
	LOCK_WAIT_MS = 10000,
	STUCK_MS = 60000,
	LEAST_MS = 20, /* nobody answers in less; also what clocks differ by */
	REST_MS = 100, /* a wait is looked at for signals as often */
	SHARE_ROUNDS_MAX = 4
};

struct runner {
	struct ctx *ctx;
	const struct sync_run_options *opt;
	struct store *store;
	struct remote *remote;
	struct spaces_account who; /* in the arena of the context */
	struct sync_run *run;
	struct sync_run_space *at; /* the space at hand */
	uint64_t heard_ms; /* when the hub answered last, or was first asked */
};

static void
on_note(void *ctx, const struct sync_note *n)
{
	struct runner *r = ctx;

	r->opt->note(r->opt->ctx, &r->at->space, n);
}

static void
on_progress(void *ctx, bool push, uint64_t done, uint64_t all)
{
	struct runner *r = ctx;

	r->opt->progress(r->opt->ctx, push, done, all);
}

/* --- one space -------------------------------------------------------------------- */

/* The engine tries a call again, and each may take its whole time: a hub that
 * only trickles would keep a command for minutes.  What is left of the time
 * without an answer; 0: none. */
static uint32_t
patience_ms(const struct runner *r)
{
	uint64_t all = r->opt->stuck_ms ? r->opt->stuck_ms : STUCK_MS;
	uint64_t gone = os_mono_ms() - r->heard_ms;

	return gone + LEAST_MS < all ? (uint32_t)(all - gone) : 0;
}

static enum err
send_one(struct runner *r, struct sync *s, const struct sync_want *want,
    struct http_answer *ans, struct err_info *e)
{
	struct remote_call call = { .method = want->method,
		.target = want->target,
		.body = want->body,
		.gzip = want->gzip,
		.team = r->at->space.team,
		.no_refresh = true };
	struct sync_reply reply = { .retry_after_s = -1 };

	if (call.body.n == 0)
		call.body.p = NULL;
	call.timeout_ms = patience_ms(r);
	/* 0 would be the usual time: it went by while we waited. */
	call.timeout_ms += call.timeout_ms == 0;
	reply.transport = remote_send(r->remote, &call, ans, e);
	reply.text = e->text;
	if (reply.transport != ERR_OK && patience_ms(r) == 0)
		return reply.transport;
	if (reply.transport == ERR_OK) {
		r->heard_ms = os_mono_ms();
		reply.status = (unsigned)ans->status;
		reply.body = buf_str(&ans->body);
		reply.retry_after_s = ans->retry_after_s;
	}
	sync_answer(s, &reply);
	*e = (struct err_info){ 0 };
	return ERR_OK;
}

static enum err
rest(uint64_t ms, struct err_info *e)
{
	uint64_t until = os_mono_ms() + ms, now;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && (now = os_mono_ms()) < until) {
		os_rest_ms(until - now < REST_MS ? (uint32_t)(until - now) :
		                                   REST_MS);
		rc = os_signal_check(e);
	}
	return rc;
}

static void
refresh_one(struct runner *r, struct sync *s)
{
	struct err_info e = { 0 };
	enum err rc = remote_renew(r->remote, &e);

	sync_refreshed(s, rc, &e);
}

static enum err
drive(struct runner *r, struct sync *s, struct http_answer *ans,
    struct err_info *e)
{
	struct sync_want want;
	enum err rc = ERR_OK;

	r->heard_ms = os_mono_ms();
	while (rc == ERR_OK) {
		sync_step(s, &want);
		switch (want.need) {
		case SYNC_SEND:
			rc = send_one(r, s, &want, ans, e);
			if (rc == ERR_OK)
				rc = os_signal_check(e);
			break;
		case SYNC_WAIT:
			rc = rest(want.wait_ms, e);
			break;
		case SYNC_REFRESH:
			refresh_one(r, s);
			break;
		case SYNC_DONE:
			return ERR_OK;
		case SYNC_FAILED:
			*e = *want.error;
			return e->code;
		}
	}
	return rc;
}

static void
add_report(struct sync_report *to, const struct sync_report *from)
{
	to->pushed += from->pushed;
	to->batches += from->batches;
	to->pulled += from->pulled;
	to->refused += from->refused;
	to->clashed += from->clashed;
	to->requests += from->requests;
	to->retries += from->retries;
	to->resyncs += from->resyncs;
	to->restamps += from->restamps;
	to->renewals += from->renewals;
	/* A second exchange looked at the same ones again. */
	to->waiting = from->waiting;
	to->waiting_code = from->waiting_code;
	memcpy(to->waiting_why, from->waiting_why, sizeof to->waiting_why);
}

static enum err
converse(struct runner *r, struct sync_run_space *at, struct err_info *e)
{
	struct replica replica = { r->store, at->space.id, ctx_store_env() };
	struct sync_replica functions;
	struct sync_options opt = { .note = r->opt->note ? on_note : NULL,
		.progress = r->opt->progress ? on_progress : NULL,
		.ctx = r };
	struct http_answer ans = { 0 };
	struct sync *s = NULL;
	enum err rc;

	r->at = at;
	replica_sync(&replica, &functions);
	rc = sync_new(&s, &functions, &opt, e);
	if (rc == ERR_OK) {
		rc = drive(r, s, &ans, e);
		add_report(&at->report, sync_report(s));
		if (at->report.unacked == 0)
			at->report.unacked = sync_report(s)->unacked;
	}
	at->error = rc == ERR_OK ? (struct err_info){ 0 } : *e;
	sync_free(s);
	http_answer_fini(&ans);
	return rc;
}

/* --- all spaces of the account --------------------------------------------------------- */

static enum err
list_spaces(struct runner *r, struct str account, struct err_info *e)
{
	struct spaces_account who = { .hub = r->run->server, .name = account };
	struct space *list;
	size_t n = 0;
	enum err rc = store_space_list(r->store, &r->ctx->arena, &list, &n, e);

	if (rc != ERR_OK)
		return rc;
	r->run->space = arena_array(&r->ctx->arena, n, sizeof *r->run->space);
	if (r->run->space == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++) {
		/* In a dry run before the first login: what would be sent. */
		bool ours = spaces_is_of(&list[i], &who) ||
		    (r->opt->dry_run && list[i].hub.n == 0);

		if (ours)
			r->run->space[r->run->n++].space = list[i];
	}
	return ERR_OK;
}

/* Each space by itself: that one team is out of order does not hold up the
 * others.  What ends everything: no way to the hub, no session, a signal. */
static bool
ends_all(enum err rc)
{
	switch (err_exit(rc)) {
	case 3:   /* sign in */
	case 5:   /* not reachable */
	case 130: /* interrupted */
		return true;
	default:
		return rc == ERR_NOMEM || rc == ERR_NO_SPACE || rc == ERR_IO;
	}
}

static enum err
converse_all(struct runner *r, struct err_info *e)
{
	struct err_info first = { 0 }, why;

	for (size_t i = 0; i < r->run->n; i++) {
		enum err rc;

		why = (struct err_info){ 0 };
		rc = converse(r, &r->run->space[i], &why);
		if (rc != ERR_OK && first.code == ERR_OK)
			first = why;
		if (ends_all(rc))
			break;
	}
	*e = first;
	return first.code;
}

static enum err
exchange(struct runner *r, struct err_info *e)
{
	enum err rc = converse_all(r, e);

	for (int round = 0; rc == ERR_OK; round++) {
		uint64_t copied = 0;

		rc = share_all(r->store, &r->who, &copied, e);
		r->run->shared += copied;
		if (rc != ERR_OK || copied == 0 || round == SHARE_ROUNDS_MAX)
			break;
		rc = converse_all(r, e);
	}
	return rc;
}

static void
sum_up(struct sync_run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		const struct sync_report *p = &run->space[i].report;

		run->pushed += p->pushed;
		run->batches += p->batches;
		run->pulled += p->pulled;
		run->refused += p->refused;
		run->waiting += p->waiting;
		run->clashed += p->clashed;
	}
}

/* Who is signed in, and which teams are theirs now: new ones get a space. */
static enum err
sign_in_and_list(struct runner *r, struct err_info *e)
{
	const struct session *session;
	struct remote_me me;
	enum err rc = remote_session(r->remote, &session, e);

	if (rc == ERR_OK)
		rc = remote_me(r->remote, &r->ctx->arena, &me, e);
	if (rc == ERR_OK)
		rc = remote_spaces(r->remote, &me, e);
	if (rc != ERR_OK)
		return rc;
	r->who =
	    (struct spaces_account){ r->run->server, me.name, me.private_team };
	return list_spaces(r, me.name, e);
}

static enum err
may_run(const struct config *cfg, struct err_info *e)
{
	if (!cfg->sync_enabled)
		return err_setf(e, ERR_FAILED,
		    "sync is switched off: %s has [sync] enabled = false",
		    cfg->path);
	return ERR_OK;
}

enum err
sync_lock(struct os_lock *lock, const struct home *h, uint32_t wait_ms,
    struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc = os_lock_take(lock, h->sync_lock, wait_ms, e);

	if (rc != ERR_OK)
		return rc;
	/* So that whoever waits can say for whom. */
	buf_addf(&b, "{\"pid\":%d}", os_pid());
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = os_lock_record(lock, buf_str(&b), e);
	if (rc != ERR_OK)
		os_lock_release(lock);
	buf_fini(&b);
	return rc;
}

enum err
sync_run(struct ctx *c, const struct sync_run_options *opt,
    struct sync_run *ret, struct err_info *e)
{
	struct runner r = { .ctx = c, .opt = opt, .run = ret };
	struct err_info why = { 0 };
	struct os_lock lock = { 0 };
	const struct config *cfg;
	const struct home *h;
	enum err rc = ctx_config(c, &cfg, e);

	*ret = (struct sync_run){ 0 };
	if (rc == ERR_OK)
		rc = may_run(cfg, e);
	if (rc == ERR_OK)
		rc = ctx_home(c, &h, e);
	if (rc == ERR_OK)
		rc = remote_open(&r.remote, c, e);
	if (rc != ERR_OK)
		goto done;
	remote_stop_on(r.remote, opt->stop);
	ret->server = remote_server(r.remote);
	rc = ctx_store_write(c, &r.store, e);
	if (rc == ERR_OK && !opt->locked)
		rc = sync_lock(&lock, h,
		    opt->lock_wait_ms ? opt->lock_wait_ms : LOCK_WAIT_MS, e);
	if (rc == ERR_OK)
		rc = sign_in_and_list(&r, e);
	if (rc == ERR_OK)
		rc = exchange(&r, e);
	sum_up(ret);
	/* Spares the next opening; where it fails, the next writer does it. */
	if (ret->n > 0)
		(void)store_checkpoint(r.store, &why);
done:
	os_lock_release(&lock);
	remote_close(r.remote);
	return rc;
}
