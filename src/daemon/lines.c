/* A live engine for each space of the account, in the keeper's thread.  What they
 * want is done elsewhere: calls by the worker, connections by the loop. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "daemon_int.h"
#include "fault.h"
#include "keeper.h"
#include "log.h"
#include "presence.h"
#include "replica.h"

struct line {
	struct line *next;
	space_id space;
	struct lines *all;
	uint64_t no;
	struct str team; /* own */
	struct replica replica;
	struct sync_live *live; /* own */
	bool asked;             /* a job is under way */
	uint64_t wire;          /* its connection; 0: none */
	enum sync_word said;    /* in the log */
	struct buf here;        /* the hub's last word on who is there */
	bool here_due;          /* it is to be kept */
	struct buf refused;     /* why our presence was, last */
};

struct lines {
	struct daemon *d;
	struct store *store; /* borrow */
	struct line *first;  /* own */
	uint64_t last_no;    /* of lines and of connections */
	bool poked;          /* those that have had their step want another */
};

static struct sync_now
now(void)
{
	return (struct sync_now){ os_mono_ms(), os_boot_ms(), os_wall_ms() };
}

enum err
lines_open(struct lines **ret, struct daemon *d, struct store *store,
    struct err_info *e)
{
	struct lines *l = mem_zero(sizeof *l);

	if (l == NULL)
		return err_set(e, ERR_NOMEM);
	l->d = d;
	l->store = store;
	*ret = l;
	return ERR_OK;
}

static void
line_free(struct line *x)
{
	if (x->wire != 0)
		wire_end(x->all->d, x->wire);
	presence_forget(x->all->d->home, x->space);
	buf_fini(&x->here);
	buf_fini(&x->refused);
	sync_live_free(x->live);
	free((void *)(uintptr_t)x->team.p);
	free(x);
}

void
lines_drop(struct lines *l)
{
	while (l->first != NULL) {
		struct line *x = l->first;

		l->first = x->next;
		line_free(x);
	}
}

void
lines_close(struct lines *l)
{
	if (l == NULL)
		return;
	lines_drop(l);
	free(l);
}

bool
lines_any(const struct lines *l)
{
	return l->first != NULL;
}

void
lines_poke(struct lines *l)
{
	for (struct line *x = l->first; x != NULL; x = x->next)
		sync_live_poke(x->live, false);
}

/* However often the hub says something else. */
static void
save_presence(struct line *x)
{
	struct err_info e = { 0 };

	x->here_due = false;
	if (presence_save(x->all->d->home, x->space, buf_str(&x->here), &e) !=
	    ERR_OK)
		log_line(LOG_WARN, "daemon", "presence: %s", e.text);
}

enum err
lines_presence(struct lines *l, const struct sessions *here, struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc = ERR_OK;

	for (struct line *x = l->first; rc == ERR_OK && x != NULL;
	     x = x->next) {
		if (x->here_due)
			save_presence(x);
		buf_reset(&b);
		presence_put(here, x->space, PRESENCE_MAX, &b);
		rc = buf_ok(&b, e);
		if (rc == ERR_OK)
			rc = sync_live_presence(x->live, buf_str(&b), e);
	}
	buf_fini(&b);
	return rc;
}

void
lines_changed(struct lines *l)
{
	for (struct line *x = l->first; x != NULL; x = x->next)
		sync_live_changed(x->live);
}

/* --- beginning ------------------------------------------------------------------ */

static void
on_note(void *ctx, const struct sync_note *n)
{
	static const char *const what[] = {
		[SYNC_FATE_REFUSED] = "refused", [SYNC_FATE_CLASHED] = "clashed"
	};
	struct line *x = ctx;
	char id[EID_TEXT_MAX];

	if (n->fate != SYNC_FATE_REFUSED && n->fate != SYNC_FATE_CLASHED)
		return;
	(void)eid_format(&n->id, id);
	log_line(LOG_WARN, "daemon", "team=%.*s event=%s %s: %s: %.*s",
	    STR_ARG(x->team), id, what[n->fate], err_wire(n->code),
	    STR_ARG(n->why));
}

/* Who is there: for whoever asks on this machine. */
static void
on_presence(void *ctx, struct str sessions)
{
	struct line *x = ctx;

	if (sessions.n > PRESENCE_MAX || str_eq(buf_str(&x->here), sessions))
		return;
	buf_reset(&x->here);
	buf_addstr(&x->here, sessions);
	x->here_due = !x->here.failed;
}

/* It is said again from time to time, and logged once. */
static void
on_presence_refused(void *ctx, struct str why)
{
	struct line *x = ctx;

	if (str_eq(buf_str(&x->refused), why))
		return;
	buf_reset(&x->refused);
	buf_addstr(&x->refused, why);
	log_line(LOG_WARN, "daemon", "team=%.*s presence refused: %.*s",
	    STR_ARG(x->team), STR_ARG(why));
}

static enum err
line_add(struct lines *l, const struct space *sp, uint64_t interval_ms,
    struct err_info *e)
{
	struct line *x = mem_zero(sizeof *x);
	struct sync_live_options opt = { .team = sp->team,
		.interval_ms = interval_ms,
		.sync = { .note = on_note, .ctx = x },
		.presence = on_presence,
		.presence_refused = on_presence_refused,
		.ctx = x };
	struct sync_replica ops;
	enum err rc;

	if (x == NULL)
		return err_set(e, ERR_NOMEM);
	x->all = l;
	x->no = ++l->last_no;
	x->space = sp->id;
	x->said = SYNC_RECONNECTING;
	x->replica = (struct replica){ l->store, sp->id, ctx_store_env() };
	x->team.p = mem_dup(sp->team.p, sp->team.n);
	x->team.n = sp->team.n;
	replica_sync(&x->replica, &ops);
	rc = x->team.p == NULL ? err_set(e, ERR_NOMEM) :
	                         sync_live_new(&x->live, &ops, &opt, e);
	if (rc != ERR_OK) {
		line_free(x);
		return rc;
	}
	x->next = l->first;
	l->first = x;
	return ERR_OK;
}

enum err
lines_begin(struct lines *l, const struct spaces_account *who,
    uint64_t interval_ms, struct err_info *e)
{
	struct arena a = { 0 };
	struct space *all;
	size_t n = 0;
	enum err rc = store_space_list(l->store, &a, &all, &n, e);

	lines_drop(l);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (spaces_is_of(&all[i], who))
			rc = line_add(l, &all[i], interval_ms, e);
	arena_fini(&a);
	return rc;
}

/* --- what they want ----------------------------------------------------------------- */

static struct line *
by_no(struct lines *l, uint64_t no)
{
	struct line *x = l->first;

	while (x != NULL && x->no != no)
		x = x->next;
	return x;
}

static struct line *
by_wire(struct lines *l, uint64_t wire)
{
	struct line *x = l->first;

	while (x != NULL && x->wire != wire)
		x = x->next;
	return x;
}

/* An answer from the worker; its line may be gone. */
static void
on_done(void *keeper, struct mail *m)
{
	struct job *j = (struct job *)(void *)m;
	struct lines *l = keeper_lines(keeper);
	struct line *x = by_no(l, j->line);
	struct sync_reply reply = { .transport = j->rc,
		.text = j->e.text,
		.status = j->status,
		.body = buf_str(&j->answer),
		.retry_after_s = j->retry_after_s };
	struct sync_now at = now();

	if (x == NULL) {
		if (j->kind == JOB_OPEN && j->status == 101)
			wire_end(l->d, j->wire);
		job_free(j);
		return;
	}
	x->asked = false;
	keeper_busy(keeper);
	switch (j->kind) {
	case JOB_CALL:
		sync_live_answer(x->live, &at, &reply);
		break;
	case JOB_REFRESH:
		sync_live_refreshed(x->live, &at, j->rc, &j->e);
		break;
	case JOB_OPEN:
		if (j->rc == ERR_OK && j->status == 101)
			x->wire = j->wire;
		sync_live_opened(x->live, &at, &reply);
		break;
	case JOB_EXCHANGE:
	case JOB_FORGET:
		break;
	}
	job_free(j);
}

/* Out of memory is told to the engine like any other failure. */
static void
refuse(struct line *x, enum job_kind kind)
{
	const struct sync_reply none = { .transport = ERR_NOMEM,
		.retry_after_s = -1 };
	struct err_info e = { 0 };
	struct sync_now at = now();

	(void)err_set(&e, ERR_NOMEM);
	if (kind == JOB_CALL)
		sync_live_answer(x->live, &at, &none);
	else if (kind == JOB_REFRESH)
		sync_live_refreshed(x->live, &at, ERR_NOMEM, &e);
	else
		sync_live_opened(x->live, &at, &none);
}

static void
ask(struct line *x, enum job_kind kind, const struct sync_live_want *want)
{
	struct daemon *d = x->all->d;
	struct job *j = job_new(d, kind, x->no);
	bool whole = j != NULL;

	if (whole && kind == JOB_CALL) {
		j->method = mem_strdup(want->call.method);
		j->target = mem_dup(want->call.target.p, want->call.target.n);
		j->team = mem_dup(x->team.p, x->team.n);
		j->gzip = want->call.gzip;
		buf_addstr(&j->body, want->call.body);
		whole =
		    j->method != NULL && j->target != NULL && j->team != NULL;
	} else if (whole && kind == JOB_OPEN) {
		j->wire = ++x->all->last_no;
		buf_addstr(&j->body, want->token);
	}
	if (!whole || j->body.failed) {
		if (j != NULL)
			job_free(j);
		refuse(x, kind);
		return;
	}
	j->done = on_done;
	x->asked = true;
	worker_do(d, j);
}

static void
say(struct line *x, struct str text)
{
	struct sync_now at = now();

	if (wire_say(x->all->d, x->wire, text))
		return;
	wire_end(x->all->d, x->wire);
	x->wire = 0;
	sync_live_lost(x->live, &at, err_text(ERR_NOMEM));
}

static void
do_want(struct line *x, const struct sync_live_want *want)
{
	switch (want->need) {
	case SYNC_LIVE_CALL:
		ask(x, JOB_CALL, want);
		break;
	case SYNC_LIVE_REFRESH:
		ask(x, JOB_REFRESH, want);
		break;
	case SYNC_LIVE_OPEN:
		ask(x, JOB_OPEN, want);
		break;
	case SYNC_LIVE_SAY:
		say(x, want->text);
		break;
	case SYNC_LIVE_CLOSE:
		wire_end(x->all->d, x->wire);
		x->wire = 0;
		break;
	case SYNC_LIVE_WAIT:
		break;
	}
}

static void
note_word(struct line *x)
{
	struct sync_live_status st;

	sync_live_status(x->live, &st);
	if (st.word == x->said)
		return;
	x->said = st.word;
	/* The hub is back: for all. */
	if (st.word == SYNC_CONNECTED) {
		lines_poke(x->all);
		x->all->poked = true;
	}
	/* Nobody tells who is there any more. */
	if (!st.live) {
		presence_forget(x->all->d->home, x->space);
		buf_reset(&x->here);
		x->here_due = false;
	}
	log_line(LOG_INFO, "daemon", "team=%.*s %s%s%s", STR_ARG(x->team),
	    sync_word_name(st.word), st.error.code != ERR_OK ? ": " : "",
	    st.error.code != ERR_OK ? st.error.text : "");
}

static uint64_t
line_step(struct line *x)
{
	struct sync_live_want want = { .need = SYNC_LIVE_CALL,
		.until_ms = UINT64_MAX };

	while (!x->asked && want.need != SYNC_LIVE_WAIT) {
		struct sync_now at = now();

		sync_live_step(x->live, &at, &want);
		do_want(x, &want);
	}
	note_word(x);
	return x->asked ? UINT64_MAX : want.until_ms;
}

uint64_t
lines_step(struct lines *l)
{
	uint64_t until;

	do {
		l->poked = false;
		until = UINT64_MAX;
		for (struct line *x = l->first; x != NULL; x = x->next) {
			uint64_t ms = line_step(x);

			until = ms < until ? ms : until;
		}
	} while (l->poked);
	return until;
}

/* --- what comes ------------------------------------------------------------------------ */

void
line_heard(void *keeper, struct mail *m)
{
	struct heard *h = (struct heard *)(void *)m;
	struct line *x = by_wire(keeper_lines(keeper), h->wire);
	struct sync_now at = now();

	if (x != NULL && h->lost) {
		x->wire = 0;
		keeper_busy(keeper);
		sync_live_lost(x->live, &at, h->why);
	} else if (x != NULL) {
		sync_live_heard(x->live, &at, str_n(h->text, h->n));
		if (h->n > 0)
			keeper_busy(keeper);
		wire_dealt(h->daemon, h->wire, sizeof *h + h->n);
	}
	free(h);
}

/* --- how it stands ------------------------------------------------------------------------ */

static bool
is_let_in(const struct line *x)
{
	struct sync_live_status st;

	sync_live_status(x->live, &st);
	return !st.forbidden;
}

static bool
any_let_in(const struct lines *l)
{
	for (const struct line *x = l->first; x != NULL; x = x->next)
		if (is_let_in(x))
			return true;
	return false;
}

/* A team that one is no member of any more does not say how the others are. */
static void
note_shut_out(const struct lines *l, struct daemon_view *ret)
{
	for (const struct line *x = l->first; x != NULL; x = x->next)
		if (ret->error[0] == '\0' && !is_let_in(x))
			(void)snprintf(ret->error, sizeof ret->error,
			    "team %.*s: not a member (any more): what was "
			    "written for it waits here",
			    STR_ARG(x->team));
}

/* The weakest says how it is. */
void
lines_view(const struct lines *l, struct daemon_view *ret)
{
	bool any = any_let_in(l);

	ret->word = SYNC_CONNECTED;
	ret->live = l->first != NULL;
	ret->off = l->first == NULL;
	for (const struct line *x = l->first; x != NULL; x = x->next) {
		struct sync_live_status st;

		sync_live_status(x->live, &st);
		if (any && st.forbidden)
			continue;
		ret->live &= st.live;
		if (st.word >= ret->word && st.error.code != ERR_OK)
			str_copy(ret->error, sizeof ret->error,
			    str_of(st.error.text));
		if (st.word > ret->word)
			ret->word = st.word;
	}
	if (any)
		note_shut_out(l, ret);
}

int64_t
lines_contact(const struct lines *l, space_id space)
{
	struct sync_live_status st = { 0 };

	for (const struct line *x = l->first; x != NULL; x = x->next)
		if (x->space == space)
			sync_live_status(x->live, &st);
	return st.contact_ms;
}

bool
lines_shut_out(const struct lines *l, space_id space)
{
	for (const struct line *x = l->first; x != NULL; x = x->next)
		if (x->space == space)
			return !is_let_in(x) && any_let_in(l);
	return false;
}
