/* The keeper has the replica: it drives the engines (lines.c), writes what local
 * programs publish, reads what they follow.
 *
 *   begin ─► exchange (worker: who is signed in, which teams, all of it) ─► lines
 *     ▲                                                                       │
 *     └──────── the session or the configuration is another; a wish ──────────┘
 *
 * The lock of the exchange (sync.lock) is held as long as there are lines or an
 * exchange: a command that wants one asks us. */
#include "keeper.h"

#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "proc.h"
#include "session_file.h"
#include "share.h"
#include "sync_run.h"

enum {
	QUIET_MS = 1000, /* without anything to do: memory is given back */
	CARRY_MS = 1000, /* shared projects are looked for so often, likewise */
	PRESENCE_MS = 30000,
	AWAY_MS = 300000,    /* the hub was not there for an exchange */
	LOCK_AGAIN_MS = 5000 /* another process talks with the hub */
};
/* New teams are looked for. */
#define EXCHANGE_EVERY_MS (UINT64_C(3600) * 1000)

struct lines *
keeper_lines(void *keeper)
{
	return ((struct keeper *)keeper)->lines;
}

void
keeper_busy(void *keeper)
{
	((struct keeper *)keeper)->busy = true;
}

struct store *
keeper_store(struct keeper *k)
{
	return k->store;
}

struct daemon *
keeper_daemon(struct keeper *k)
{
	return k->d;
}

struct mailbox *
keeper_box(struct daemon *d)
{
	return &d->keeper->box;
}

/* --- exchanges ----------------------------------------------------------------------- */

/* As it is now; in a context of its own, which goes again. */
static enum err
settings_read(struct keeper *k, struct err_info *e)
{
	const struct config *cfg = NULL;
	struct ctx c;
	enum err rc;

	ctx_init(&c, k->d->program);
	rc = ctx_config(&c, &cfg, e);
	if (rc == ERR_OK)
		k->settings =
		    (struct settings){ .sync_enabled = cfg->sync_enabled,
			    .interval_ms = cfg->interval_s * 1000,
			    .stale_after_s = cfg->stale_after_s };
	ctx_fini(&c);
	return rc;
}

static void
respond(void *arg)
{
	struct job *j = arg;

	if (j->rc != ERR_OK && j->answer.len == 0)
		http_respond_error(j->req, j->rc, j->e.text);
	else
		http_respond_json(j->req, 200, &j->answer);
	job_free(j);
}

/* To the loop, where its request is answered. */
static void
hand_back(struct daemon *d, struct job *j)
{
	if (j->req == NULL) {
		job_free(j);
		return;
	}
	j->item = (struct loop_item){ .fn = respond, .arg = j };
	(void)loop_post_item(d->poster, &j->item);
}

static void
lines_again(struct keeper *k)
{
	struct err_info e = { 0 };
	enum err rc;

	arena_reset(&k->who_mem);
	rc = spaces_account(k->store, &k->who_mem, &k->who, &e);
	if (rc == ERR_OK && k->who.hub.n > 0)
		rc =
		    lines_begin(k->lines, &k->who, k->settings.interval_ms, &e);
	if (rc != ERR_OK)
		log_line(LOG_ERROR, "daemon", "%s", e.text);
}

static void exchange(struct keeper *k);

static void
exchanged(void *ctx, struct mail *m)
{
	struct keeper *k = ctx;
	struct job *j = (struct job *)(void *)m;
	bool in = j->rc != ERR_SIGN_IN && j->rc != ERR_NOT_FOUND &&
	    j->rc != ERR_GRANT && j->rc != ERR_SESSION;

	k->exchanging = false;
	k->signed_out = !in && j->rc != ERR_NOT_FOUND;
	k->why = j->rc == ERR_OK ? (struct err_info){ 0 } : j->e;
	k->exchange_ms = os_mono_ms() +
	    (in && j->rc != ERR_OK ? AWAY_MS : EXCHANGE_EVERY_MS);
	hand_back(k->d, j);
	k->show_ms = 0;
	if (k->wait_first != NULL || k->again) {
		exchange(k);
		return;
	}
	if (in)
		lines_again(k);
	else
		os_lock_release(&k->lock);
	k->busy = true;
}

static void
remember_session(struct keeper *k)
{
	struct arena a = { 0 };
	struct session s = { 0 };
	const struct home *h;
	struct err_info e = { 0 };

	k->session_id[0] = '\0';
	if (ctx_home(&k->ctx, &h, &e) == ERR_OK &&
	    session_file_load(h, &a, &s, &e) == ERR_OK)
		str_copy(k->session_id, sizeof k->session_id, s.session_id);
	arena_fini(&a);
}

static bool
locked(struct keeper *k, struct err_info *e)
{
	const struct home *h;

	if (k->lock.path != NULL)
		return true;
	return ctx_home(&k->ctx, &h, e) == ERR_OK &&
	    sync_lock(&k->lock, h, 1, e) == ERR_OK;
}

static struct job *
next_wish(struct keeper *k)
{
	struct job *j = k->wait_first;

	if (j == NULL)
		return job_new(k->d, JOB_EXCHANGE, 0);
	k->wait_first = j->next;
	if (k->wait_first == NULL)
		k->wait_end = &k->wait_first;
	return j;
}

static void
give_up(struct keeper *k, enum err rc, const struct err_info *e)
{
	while (k->wait_first != NULL) {
		struct job *j = next_wish(k);

		j->rc = rc;
		j->e = *e;
		hand_back(k->d, j);
	}
}

/* The connections end, all spaces are brought in step over HTTP, and they begin
 * anew. */
static void
exchange(struct keeper *k)
{
	struct err_info e = { 0 };
	struct job *j;
	enum err rc = settings_read(k, &e);

	k->again = false;
	lines_drop(k->lines);
	if (rc == ERR_OK && !k->settings.sync_enabled) {
		os_lock_release(&k->lock);
		k->exchange_ms = UINT64_MAX;
		(void)err_setf(&e, ERR_FAILED, "sync is switched off");
		k->why = e;
		k->signed_out = false;
		give_up(k, ERR_FAILED, &e);
		return;
	}
	if (rc != ERR_OK || !locked(k, &e)) {
		k->exchange_ms = os_mono_ms() + LOCK_AGAIN_MS;
		/* It is tried often, and said once. */
		if (strcmp(k->why.text, e.text) != 0)
			log_line(LOG_WARN, "daemon", "%s", e.text);
		k->why = e;
		give_up(k, e.code, &e);
		return;
	}
	j = next_wish(k);
	if (j == NULL) {
		k->exchange_ms = os_mono_ms() + LOCK_AGAIN_MS;
		return;
	}
	remember_session(k);
	j->done = exchanged;
	k->exchanging = true;
	k->exchange_ms = UINT64_MAX;
	worker_do(k->d, j);
}

/* --- mails ------------------------------------------------------------------------------ */

/* A mail that says all by its function. */
static void
drop_word(struct mail *m)
{
	free(m);
}

static bool
word(struct daemon *d, void (*fn)(void *ctx, struct mail *m))
{
	struct mail *m = mem_alloc(sizeof *m);

	if (m == NULL)
		return false;
	*m = (struct mail){ .fn = fn, .drop = drop_word };
	mailbox_post(keeper_box(d), m);
	return true;
}

static void
on_rang(void *ctx, struct mail *m)
{
	struct keeper *k = ctx;

	atomic_store(&k->rung, false);
	lines_changed(k->lines);
	k->busy = true;
	free(m);
}

void
keeper_rang(struct daemon *d)
{
	if (atomic_exchange(&d->keeper->rung, true))
		return;
	if (!word(d, on_rang))
		atomic_store(&d->keeper->rung, false);
}

static void
on_reset(void *ctx, struct mail *m)
{
	struct keeper *k = ctx;
	struct job *j = job_new(k->d, JOB_FORGET, 0);

	if (j != NULL)
		worker_do(k->d, j);
	k->exchange_ms = 0;
	k->again = k->exchanging;
	k->busy = true;
	free(m);
}

/* Renewed, which is nothing to us; another one; none any more. */
static void
on_session(void *ctx, struct mail *m)
{
	struct keeper *k = ctx;
	struct arena a = { 0 };
	struct session s = { 0 };
	const struct home *h;
	struct err_info e = { 0 };
	bool same = ctx_home(&k->ctx, &h, &e) == ERR_OK &&
	    session_file_load(h, &a, &s, &e) == ERR_OK &&
	    str_is(s.session_id, k->session_id);

	arena_fini(&a);
	if (!same || k->signed_out) {
		log_line(LOG_INFO, "daemon", "the session has changed");
		on_reset(ctx, m);
		return;
	}
	lines_poke(k->lines);
	free(m);
}

void
keeper_session(struct daemon *d)
{
	(void)word(d, on_session);
}

void
keeper_reset(struct daemon *d)
{
	(void)word(d, on_reset);
}

static void
on_wish(void *ctx, struct mail *m)
{
	struct keeper *k = ctx;
	struct job *j = (struct job *)(void *)m;

	j->next = NULL;
	*k->wait_end = j;
	k->wait_end = &j->next;
	k->exchange_ms = 0;
	k->busy = true;
}

static void
drop_wish(struct mail *m)
{
	struct job *j = (struct job *)(void *)m;

	j->rc = ERR_UNAVAILABLE;
	(void)err_setf(&j->e, ERR_UNAVAILABLE, "the daemon ends");
	hand_back(j->daemon, j);
}

void
keeper_exchange(struct daemon *d, struct http_request *req, bool all)
{
	struct job *j = job_new(d, JOB_EXCHANGE, 0);

	if (j == NULL) {
		http_respond_error(req, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	j->req = req;
	j->all_notes = all;
	j->mail.fn = on_wish;
	j->mail.drop = drop_wish;
	mailbox_post(keeper_box(d), &j->mail);
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Between the spaces, where somebody shared a project. */
static void
carry(struct keeper *k)
{
	struct err_info e = { 0 };
	uint64_t copied = 0;

	k->carry_ms = os_mono_ms() + CARRY_MS;
	if (!lines_any(k->lines))
		return;
	if (share_all(k->store, &k->who, &copied, &e) != ERR_OK)
		log_line(LOG_WARN, "daemon", "shared projects: %s", e.text);
	else if (copied > 0)
		lines_changed(k->lines);
}

/* Who works here.  A process may end without a word: as long as there is one it is
 * looked at again. */
static void
tell_presence(struct keeper *k)
{
	struct arena a = { 0 };
	struct sessions here;
	struct err_info e = { 0 };
	enum err rc = ERR_OK;
	struct sessions_at at = { .now_ms = os_wall_ms(),
		.stale_after_s = k->settings.stale_after_s,
		.home = k->d->home };

	k->presence_ms = UINT64_MAX;
	if (lines_any(k->lines)) {
		rc = sessions_here(k->store, &at, &a, &here, &e);
		if (rc == ERR_OK && here.n > 0)
			k->presence_ms = os_mono_ms() + PRESENCE_MS;
		if (rc == ERR_OK)
			rc = lines_presence(k->lines, &here, &e);
	}
	if (rc != ERR_OK)
		log_line(LOG_WARN, "daemon", "presence: %s", e.text);
	arena_fini(&a);
}

/* What nobody has to have at once. */
static void
look_around(struct keeper *k)
{
	carry(k);
	tell_presence(k);
}

static uint64_t
turn(struct keeper *k)
{
	uint64_t until;

	if (!k->exchanging && os_mono_ms() >= k->exchange_ms)
		exchange(k);
	if (os_mono_ms() >= k->presence_ms)
		tell_presence(k);
	until = lines_step(k->lines);
	if (k->presence_ms < until)
		until = k->presence_ms;
	return !k->exchanging && k->exchange_ms < until ? k->exchange_ms :
	                                                  until;
}

static void
rest(struct keeper *k)
{
	struct err_info e = { 0 };

	k->busy = false;
	look_around(k);
	keeper_show(k);
	(void)store_checkpoint(k->store, &e);
	store_slim(k->store);
	os_memory_trim();
}

/* Nothing came for a while, and nothing is due. */
static bool
quiet(const struct keeper *k, uint64_t until)
{
	uint64_t now = os_mono_ms();

	return now < until && now - k->active_ms >= QUIET_MS;
}

static void
keep(struct keeper *k)
{
	struct mail *m, *next;
	uint64_t until = 0;

	while (mailbox_take(&k->box, until, &m)) {
		bool any = m != NULL;

		for (; m != NULL; m = next) {
			next = m->next;
			m->fn(k, m);
		}
		if (any)
			k->active_ms = os_mono_ms();
		until = turn(k);
		if (k->busy && any && os_mono_ms() >= k->carry_ms)
			look_around(k);
		k->show_due |= any;
		if (k->show_due && os_mono_ms() >= k->show_ms)
			keeper_show(k);
		if (k->busy && !any && !k->show_due && quiet(k, until)) {
			rest(k);
			until = turn(k);
		}
		if (k->busy && until > os_mono_ms() + QUIET_MS)
			until = os_mono_ms() + QUIET_MS;
		if (k->show_due && k->show_ms < until)
			until = k->show_ms;
	}
}

static void *
run(void *arg)
{
	struct keeper *k = arg;

	keep(k);
	give_up(k, ERR_UNAVAILABLE,
	    &(struct err_info){ ERR_UNAVAILABLE, "the daemon ends" });
	lines_close(k->lines);
	os_lock_release(&k->lock);
	ctx_fini(&k->ctx);
	arena_fini(&k->who_mem);
	return NULL;
}

static enum err
open_all(struct keeper *k, struct err_info *e)
{
	enum err rc = ctx_store_write(&k->ctx, &k->store, e);

	return rc == ERR_OK ? lines_open(&k->lines, k->d, k->store, e) : rc;
}

enum err
keeper_start(struct daemon *d, struct err_info *e)
{
	struct keeper *k = mem_zero(sizeof *k);
	enum err rc;
	int bad;

	if (k == NULL)
		return err_set(e, ERR_NOMEM);
	k->d = d;
	k->wait_end = &k->wait_first;
	k->busy = true;
	k->presence_ms = UINT64_MAX;
	rc = mailbox_init(&k->box, e);
	if (rc != ERR_OK) {
		free(k);
		return rc;
	}
	d->keeper = k;
	ctx_init(&k->ctx, d->program);
	/* Opened here, so that what is wrong with it ends the start. */
	rc = open_all(k, e);
	if (rc != ERR_OK)
		return rc;
	bad = fault_tick() ? EAGAIN : pthread_create(&k->thread, NULL, run, k);
	k->started = bad == 0;
	return bad == 0 ? ERR_OK : err_sys(e, bad, "the daemon's keeper");
}

void
keeper_stop(struct daemon *d)
{
	struct keeper *k = d->keeper;

	if (k == NULL)
		return;
	mailbox_close(&k->box);
	if (k->started) {
		(void)pthread_join(k->thread, NULL);
	} else {
		lines_close(k->lines);
		ctx_fini(&k->ctx);
	}
}

void
keeper_free(struct daemon *d)
{
	if (d->keeper == NULL)
		return;
	mailbox_fini(&d->keeper->box);
	free(d->keeper);
	d->keeper = NULL;
}
