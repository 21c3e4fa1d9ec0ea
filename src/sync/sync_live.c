/* Live: rounds, connections, and what to do when one ends.
 *
 *   PAUSE ──► ROUND ──► TOKEN ──► OPEN ──► LIVE
 *     ▲         │          │        │        │
 *     └─────────┴──────────┴────────┴────────┘   (each may fail)
 *
 * A round is a whole conversation over HTTP: it finds out about a new epoch, brings
 * what was missed and sends what waits.  What it cannot be bothered with is left
 * for live: whatever a connection brings that does not follow the position ends it,
 * and the next round sorts it out. */
#include "sync_live.h"

#include <stdlib.h>

#include "backoff.h"
#include "fault.h"
#include "sync_int.h"

enum live_stage {
	AT_PAUSE, /* until pause_ms, or a poke */
	AT_ROUND,
	AT_TOKEN,   /* asked for */
	AT_REFRESH, /* for the token */
	AT_OPEN,
	AT_LIVE
};

enum { INTERVAL_MS = 5 * 60 * 1000 };

struct sync_live {
	struct sync_replica r;
	struct sync_live_options opt;
	struct str team;   /* own */
	struct sync *talk; /* own; NULL between rounds */
	enum live_stage stage;
	struct sync_now now; /* of the call under way */
	uint64_t asleep_ms;  /* boot - mono, as last seen */
	bool started;

	bool open;    /* the driver has a connection, or is to get one */
	bool close;   /* that is to be closed before anything else */
	bool changed; /* something was written here */
	bool whole;   /* a whole conversation is wished for */
	uint64_t pause_ms;
	unsigned tries;        /* without an answer of the hub */
	unsigned falls;        /* connections in a row that did not last */
	unsigned bad;          /* of them those that did not come about */
	uint64_t next_open_ms; /* none is to be had before */
	uint64_t round_ms;     /* when the last round began */
	bool refreshed;        /* for this token */
	bool signed_out, forbidden;
	bool ever; /* the hub has answered */

	/* Of the connection. */
	uint64_t live_ms, heard_ms, ack_ms, contact_ms;
	bool spoke; /* it has brought anything */
	bool hello_due, pong_due, presence_due;
	struct buf presence; /* a JSON array; empty: nothing was said yet */

	struct buf text; /* what is said; the token */
	struct json json;
	struct arena mem;
	struct err_info error;
	int64_t contact_wall_ms;
};

/* --- life --------------------------------------------------------------------- */

enum err
sync_live_new(struct sync_live **ret, const struct sync_replica *replica,
    const struct sync_live_options *opt, struct err_info *e)
{
	struct sync_live *l = mem_zero(sizeof *l);
	char *team = l == NULL ? NULL : mem_alloc(opt->team.n + 1);

	if (team == NULL) {
		free(l);
		return err_set(e, ERR_NOMEM);
	}
	str_copy(team, opt->team.n + 1, opt->team);
	l->r = *replica;
	l->opt = *opt;
	l->opt.sync.forever = true;
	if (l->opt.interval_ms == 0)
		l->opt.interval_ms = INTERVAL_MS;
	l->team = str_n(team, opt->team.n);
	*ret = l;
	return ERR_OK;
}

void
sync_live_free(struct sync_live *l)
{
	if (l == NULL)
		return;
	sync_free(l->talk);
	free((void *)(uintptr_t)l->team.p);
	buf_fini(&l->presence);
	buf_fini(&l->text);
	json_fini(&l->json);
	arena_fini(&l->mem);
	free(l);
}

const char *
sync_word_name(enum sync_word w)
{
	static const char *const names[] = {
		[SYNC_CONNECTED] = "Connected",
		[SYNC_RECONNECTING] = "Reconnecting",
		[SYNC_OFFLINE] = "Offline",
		[SYNC_OFFLINE_BATCH] = "OfflineBatchMode",
	};

	return names[w];
}

static bool
is_blocked(const struct sync_live *l)
{
	return l->bad >= SYNC_LIVE_BAD_MAX;
}

static enum sync_word
word(const struct sync_live *l)
{
	if (l->signed_out)
		return SYNC_OFFLINE_BATCH;
	if (l->stage == AT_LIVE || (is_blocked(l) && l->tries == 0))
		return SYNC_CONNECTED;
	/* At first nothing has failed yet. */
	return l->tries == 0 || (l->ever && l->tries < SYNC_LIVE_AWAY_TRIES) ?
	    SYNC_RECONNECTING :
	    SYNC_OFFLINE;
}

void
sync_live_status(const struct sync_live *l, struct sync_live_status *ret)
{
	*ret = (struct sync_live_status){ .word = word(l),
		.live = l->stage == AT_LIVE,
		.blocked = is_blocked(l),
		.forbidden = l->forbidden,
		.next_ms = l->stage == AT_PAUSE ? l->pause_ms : 0,
		.contact_ms = l->contact_wall_ms };
	if (!ret->live)
		ret->error = l->error;
}

/* --- endings -------------------------------------------------------------------- */

static void
forget(struct sync_live *l)
{
	l->close = l->open;
	sync_free(l->talk);
	l->talk = NULL;
	l->hello_due = l->pong_due = false;
}

static void
pause_for(struct sync_live *l, uint64_t ms)
{
	forget(l);
	l->stage = AT_PAUSE;
	l->pause_ms = l->now.mono_ms + ms;
}

static uint64_t
delay(const struct sync_live *l)
{
	unsigned n = l->tries > l->falls ? l->tries : l->falls;

	return backoff_ms(n, l->r.random(l->r.ctx));
}

/* The interval, 3/4 to 5/4 of it: clients shall not come together. */
static uint64_t
interval(const struct sync_live *l)
{
	uint64_t all = l->opt.interval_ms, half = all / 2 + 1;

	return all - all / 4 + l->r.random(l->r.ctx) % half;
}

static bool
is_sign_in(enum err code)
{
	static const enum err codes[] = { ERR_UNAUTHORIZED, ERR_GRANT,
		ERR_SESSION, ERR_SIGN_IN, ERR_FORBIDDEN };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* A round, or the way to a connection, came to nothing. */
static void
failed(struct sync_live *l, const struct err_info *e)
{
	l->error = *e;
	l->signed_out = is_sign_in(e->code);
	l->forbidden = e->code == ERR_FORBIDDEN;
	pause_for(l, l->signed_out ? interval(l) : delay(l));
	l->tries++;
}

/* The connection has ended, or is ended with this. */
static void
lost(struct sync_live *l, const struct err_info *e)
{
	struct err_info ignore = { 0 };

	/* While it held, not every word of the hub was noted. */
	if (l->stage == AT_LIVE && l->now.mono_ms != l->contact_ms)
		(void)l->r.contact(l->r.ctx, &ignore);
	if (l->now.mono_ms - l->live_ms >= SYNC_LIVE_GOOD_MS)
		l->falls = l->bad = 0;
	l->error = *e;
	pause_for(l, delay(l));
	l->falls++;
	l->tries++;
}

/* No connection is to be had, though the hub answers. */
static void
no_way(struct sync_live *l, const struct err_info *e)
{
	if (l->bad < SYNC_LIVE_BAD_MAX)
		l->bad++;
	l->error = *e;
	pause_for(l, is_blocked(l) ? interval(l) : delay(l));
	l->next_open_ms = is_blocked(l) ? l->pause_ms : 0;
	l->falls++;
}

/* There is something that a connection does not do: a round, at once. */
static void
leave(struct sync_live *l)
{
	struct err_info e = { 0 };
	bool wished = l->whole;

	(void)err_setf(&e, ERR_UNAVAILABLE, "another exchange is needed");
	lost(l, &e);
	if (wished || l->falls == 1)
		l->pause_ms = l->now.mono_ms;
}

/* --- rounds --------------------------------------------------------------------- */

static void
round_begin(struct sync_live *l)
{
	struct err_info e = { 0 };

	l->whole = l->changed = false;
	l->round_ms = l->now.mono_ms;
	if (sync_new(&l->talk, &l->r, &l->opt.sync, &e) != ERR_OK) {
		failed(l, &e);
		return;
	}
	l->stage = AT_ROUND;
}

static void
contact(struct sync_live *l)
{
	l->ever = true;
	l->contact_wall_ms = l->now.wall_ms;
	l->contact_ms = l->now.mono_ms;
}

static void
round_done(struct sync_live *l)
{
	contact(l);
	l->signed_out = l->forbidden = false;
	if (l->opt.round != NULL)
		l->opt.round(l->opt.ctx, sync_report(l->talk));
	l->refreshed = false;
	l->stage = AT_TOKEN;
	if (l->now.mono_ms < l->next_open_ms)
		pause_for(l, l->next_open_ms - l->now.mono_ms);
}

/* What the conversation waits for is said as our own: what it is told may be that
 * the hub is away. */
static void
round_waits(struct sync_live *l, const struct sync_want *want)
{
	l->stage = AT_PAUSE;
	l->pause_ms = l->now.mono_ms + want->wait_ms;
	l->error = l->talk->waits_for;
	l->tries++;
}

static bool
round_step(struct sync_live *l, struct sync_live_want *ret)
{
	struct sync_want want;
	struct err_info e;

	sync_step(l->talk, &want);
	switch (want.need) {
	case SYNC_SEND:
		*ret = (struct sync_live_want){ .need = SYNC_LIVE_CALL,
			.call = want };
		return true;
	case SYNC_WAIT:
		round_waits(l, &want);
		break;
	case SYNC_REFRESH:
		*ret = (struct sync_live_want){ .need = SYNC_LIVE_REFRESH };
		return true;
	case SYNC_DONE:
		round_done(l);
		break;
	case SYNC_FAILED:
		e = *want.error; /* it goes with the conversation */
		failed(l, &e);
		break;
	}
	return false;
}

/* --- the way to a connection ------------------------------------------------------ */

static bool
token_ask(struct sync_live *l, struct sync_live_want *ret)
{
	struct json_writer w = { .out = &l->text };
	struct err_info e = { 0 };

	buf_reset(&l->text);
	json_obj(&w);
	json_key(&w, "team_id"), json_put_str(&w, l->team);
	json_end(&w);
	if (buf_ok(&l->text, &e) != ERR_OK) {
		failed(l, &e);
		return false;
	}
	*ret = (struct sync_live_want){ .need = SYNC_LIVE_CALL,
		.call = { .need = SYNC_SEND,
		    .method = "POST",
		    .target = STR(LIVE_TOKEN_PATH),
		    .body = buf_str(&l->text) } };
	return true;
}

/* Retry-After is honoured, and all were told the same one. */
static void
told_to_wait(struct sync_live *l, const struct sync_reply *reply,
    const struct err_info *e)
{
	l->error = *e;
	pause_for(l, backoff_asked_ms(reply->retry_after_s) + delay(l));
	l->tries++;
}

static enum err
say_status(struct err_info *e, enum err code, const char *what, unsigned status)
{
	return err_setf(e, code, "%s: HTTP %u", what, status);
}

static void
token_refused(struct sync_live *l, const struct sync_reply *reply)
{
	static const char what[] = "no live connection";
	struct err_info e = { 0 };
	unsigned status = reply->status;

	if (status == 401 && !l->refreshed) {
		l->refreshed = true;
		l->stage = AT_REFRESH;
	} else if (status == 401 || status == 403) {
		(void)say_status(&e,
		    status == 401 ? ERR_UNAUTHORIZED : ERR_FORBIDDEN, what,
		    status);
		failed(l, &e);
	} else if (status == 429 || status >= 500) {
		(void)say_status(&e,
		    status == 429 ? ERR_THROTTLED : ERR_UNAVAILABLE, what,
		    status);
		told_to_wait(l, reply, &e);
	} else {
		(void)say_status(&e, ERR_PROTOCOL, what, status);
		no_way(l, &e);
	}
}

static void
token_answered(struct sync_live *l, const struct sync_reply *reply)
{
	struct err_info e = { 0 };
	struct str token = { 0 };

	if (reply->transport != ERR_OK) {
		(void)sync_say_transport(reply, &e);
		failed(l, &e);
		return;
	}
	if (reply->status != 200) {
		token_refused(l, reply);
		return;
	}
	arena_reset(&l->mem);
	if (json_parse(&l->json, reply->body, JSON_DEPTH_MAX, &e) != ERR_OK ||
	    !json_str(&l->json, json_get(&l->json, 0, "ws_token"), &l->mem,
	        &token) ||
	    token.n == 0 || token.n > LIVE_TOKEN_MAX) {
		(void)err_setf(&e, ERR_PROTOCOL,
		    "the server's answer has no ws_token");
		no_way(l, &e);
		return;
	}
	buf_reset(&l->text);
	buf_addstr(&l->text, token);
	if (buf_ok(&l->text, &e) != ERR_OK) {
		failed(l, &e);
		return;
	}
	l->stage = AT_OPEN;
}

void
sync_live_opened(struct sync_live *l, const struct sync_now *now,
    const struct sync_reply *reply)
{
	struct err_info e = { 0 };

	l->now = *now;
	if (l->stage != AT_OPEN)
		return;
	if (reply->transport == ERR_OK && reply->status == 101) {
		l->open = true;
		l->stage = AT_LIVE;
		l->live_ms = l->heard_ms = now->mono_ms;
		l->spoke = false;
		l->hello_due = true;
		l->presence_due = l->presence.len > 0;
		sync_go_live(l->talk);
		contact(l);
		return;
	}
	if (reply->transport != ERR_OK)
		(void)sync_say_transport(reply, &e);
	else
		(void)say_status(&e, ERR_UNAVAILABLE, "no live connection",
		    reply->status);
	if (reply->transport == ERR_OK &&
	    (reply->status == 429 || reply->status == 503))
		told_to_wait(l, reply, &e);
	else
		no_way(l, &e);
}

/* --- the connection ------------------------------------------------------------------ */

static bool
say(struct sync_live *l, struct sync_live_want *ret)
{
	struct err_info e = { 0 };

	if (buf_ok(&l->text, &e) != ERR_OK) {
		lost(l, &e);
		return false;
	}
	*ret = (struct sync_live_want){ .need = SYNC_LIVE_SAY,
		.text = buf_str(&l->text) };
	return true;
}

static bool
say_due(struct sync_live *l, struct sync_live_want *ret)
{
	buf_reset(&l->text);
	if (l->hello_due) {
		l->hello_due = false;
		live_put_hello(str_of(l->talk->at.epoch), l->talk->at.pulled,
		    &l->text);
	} else if (l->pong_due) {
		l->pong_due = false;
		live_put_pong(l->now.wall_ms, &l->text);
	} else if (l->presence_due) {
		l->presence_due = false;
		live_put_presence(buf_str(&l->presence), &l->text);
	} else {
		return false;
	}
	return say(l, ret);
}

static bool
push_step(struct sync_live *l, struct sync_live_want *ret)
{
	struct err_info e = { 0 };

	if (l->changed && sync_is_idle(l->talk)) {
		l->changed = false;
		if (sync_push_again(l->talk, &e) != ERR_OK) {
			lost(l, &e);
			return false;
		}
	}
	switch (sync_live_move(l->talk, &e)) {
	case SYNC_MOVE_NONE:
		break;
	case SYNC_MOVE_PUSH:
		l->ack_ms = l->now.mono_ms;
		buf_reset(&l->text);
		live_put_batch(buf_str(&l->talk->body), &l->text);
		return say(l, ret);
	case SYNC_MOVE_LEAVE:
		leave(l);
		break;
	case SYNC_MOVE_FAILED:
		lost(l, &e);
		break;
	}
	return false;
}

/* When silence means that it is gone. */
static uint64_t
silence_ends(const struct sync_live *l)
{
	uint64_t heard = l->heard_ms + SYNC_LIVE_SILENCE_MS;
	uint64_t ack = l->ack_ms + SYNC_LIVE_ACK_MS;

	return sync_awaits_ack(l->talk) && ack < heard ? ack : heard;
}

static bool
live_step(struct sync_live *l, struct sync_live_want *ret)
{
	struct err_info e = { 0 };

	if (l->whole) {
		leave(l);
		return false;
	}
	if (l->now.mono_ms >= silence_ends(l)) {
		(void)err_setf(&e, ERR_TIMEOUT,
		    "the server has not been heard of for %llu s",
		    (unsigned long long)(l->now.mono_ms - l->heard_ms) / 1000);
		/* Not its fault: at once. */
		lost(l, &e);
		l->pause_ms = l->now.mono_ms;
		return false;
	}
	if (say_due(l, ret))
		return true;
	if (l->stage != AT_LIVE || push_step(l, ret))
		return l->stage == AT_LIVE;
	if (l->stage != AT_LIVE)
		return false;
	*ret = (struct sync_live_want){ .need = SYNC_LIVE_WAIT,
		.until_ms = silence_ends(l) };
	return true;
}

void
sync_live_lost(struct sync_live *l, const struct sync_now *now, const char *why)
{
	struct err_info e = { 0 };

	l->now = *now;
	l->open = l->close = false;
	if (l->stage != AT_LIVE)
		return;
	(void)err_setf(&e, ERR_UNREACHABLE, "%s",
	    why != NULL ? why : "the live connection was lost");
	/* One that never said a word: perhaps nothing gets through. */
	if (!l->spoke && now->mono_ms - l->live_ms < SYNC_LIVE_GOOD_MS)
		no_way(l, &e);
	else
		lost(l, &e);
}

/* --- what the hub says ---------------------------------------------------------------- */

/* Events go on as before: who is there is a courtesy. */
static void
presence_refused(struct sync_live *l, struct str why)
{
	buf_reset(&l->presence);
	l->presence_due = false;
	if (l->opt.presence_refused != NULL)
		l->opt.presence_refused(l->opt.ctx, why);
}

static enum err
on_message(struct sync_live *l, struct live_down *d, struct err_info *e)
{
	switch (d->kind) {
	case LIVE_DOWN_ROWS:
		return sync_tail(l->talk, &d->rows, e);
	case LIVE_DOWN_ACK:
		return sync_acked(l->talk, &d->ack, e);
	case LIVE_DOWN_PING:
		l->pong_due = true;
		return ERR_OK;
	case LIVE_DOWN_RESYNC:
		return err_setf(e, ERR_RESYNC, "the server has another epoch");
	case LIVE_DOWN_PRESENCE:
		if (l->opt.presence != NULL)
			l->opt.presence(l->opt.ctx, d->raw);
		return ERR_OK;
	case LIVE_DOWN_ERROR:
		if (d->of_presence) {
			presence_refused(l, d->why);
			return ERR_OK;
		}
		return err_setf(e, d->code, "the server says: %.*s",
		    STR_ARG(d->why));
	case LIVE_DOWN_OTHER:
		break;
	}
	return ERR_OK;
}

/* The store says when we last heard of the hub; not with every word. */
static enum err
note_contact(struct sync_live *l, struct err_info *e)
{
	bool due = l->now.mono_ms - l->contact_ms >= SYNC_LIVE_CONTACT_MS;

	l->contact_wall_ms = l->now.wall_ms;
	if (!due)
		return ERR_OK;
	l->contact_ms = l->now.mono_ms;
	return l->r.contact(l->r.ctx, e);
}

void
sync_live_heard(struct sync_live *l, const struct sync_now *now,
    struct str message)
{
	struct err_info e = { 0 };
	struct live_down d;
	enum err rc = ERR_OK;

	l->now = *now;
	if (l->stage != AT_LIVE)
		return;
	l->heard_ms = now->mono_ms;
	l->spoke = true;
	arena_reset(&l->mem);
	if (message.n > 0)
		rc = live_down_decode(&d, &l->json, message, &l->mem, &e);
	if (message.n > 0 && rc == ERR_OK)
		rc = on_message(l, &d, &e);
	if (rc == ERR_OK)
		rc = note_contact(l, &e);
	if (rc == ERR_OK)
		l->error = (struct err_info){ 0 };
	else
		lost(l, &e);
}

/* --- the driver's calls ------------------------------------------------------------------ */

void
sync_live_answer(struct sync_live *l, const struct sync_now *now,
    const struct sync_reply *reply)
{
	l->now = *now;
	if (l->stage == AT_ROUND) {
		sync_answer(l->talk, reply);
		/* One that made sense; nonsense is no contact. */
		if (reply->transport == ERR_OK && reply->status == 200 &&
		    !sync_failed(l->talk)) {
			l->tries = 0;
			contact(l);
		}
	} else if (l->stage == AT_TOKEN) {
		token_answered(l, reply);
	}
}

void
sync_live_refreshed(struct sync_live *l, const struct sync_now *now,
    enum err rc, const struct err_info *e)
{
	l->now = *now;
	if (l->stage == AT_ROUND)
		sync_refreshed(l->talk, rc, e);
	else if (l->stage == AT_REFRESH && rc == ERR_OK)
		l->stage = AT_TOKEN;
	else if (l->stage == AT_REFRESH)
		failed(l, e);
}

void
sync_live_changed(struct sync_live *l)
{
	l->changed = true;
}

void
sync_live_poke(struct sync_live *l, bool whole)
{
	l->whole |= whole;
	l->tries = 0;
	if (l->stage == AT_PAUSE)
		l->pause_ms = 0;
}

enum err
sync_live_presence(struct sync_live *l, struct str sessions, struct err_info *e)
{
	if (str_eq(buf_str(&l->presence), sessions))
		return ERR_OK;
	buf_reset(&l->presence);
	buf_addstr(&l->presence, sessions);
	if (buf_ok(&l->presence, e) != ERR_OK) {
		buf_fini(&l->presence);
		return e->code;
	}
	l->presence_due = true;
	return ERR_OK;
}

/* Has the machine slept?  Then the connection is gone, whatever it looks like, and
 * no pause is worth waiting for. */
static void
look_at_clocks(struct sync_live *l)
{
	uint64_t asleep = l->now.boot_ms - l->now.mono_ms;
	bool slept = l->started && asleep > l->asleep_ms + SYNC_LIVE_SLEPT_MS;
	struct err_info e = { 0 };

	l->started = true;
	l->asleep_ms = asleep;
	if (!slept)
		return;
	if (l->stage == AT_LIVE) {
		(void)err_setf(&e, ERR_UNREACHABLE, "the machine was asleep");
		lost(l, &e);
	}
	sync_live_poke(l, false);
}

/* Where no connection is to be had, a change is sent by itself: at once, where the
 * last round was not just now. */
static uint64_t
pause_ends(const struct sync_live *l)
{
	uint64_t rested = l->round_ms + SYNC_LIVE_REST_MS;
	bool hurry =
	    l->changed && is_blocked(l) && l->tries == 0 && !l->signed_out;

	return hurry && rested < l->pause_ms ? rested : l->pause_ms;
}

static bool
pause_step(struct sync_live *l, struct sync_live_want *ret)
{
	uint64_t until = pause_ends(l);

	if (l->now.mono_ms < until) {
		*ret = (struct sync_live_want){ .need = SYNC_LIVE_WAIT,
			.until_ms = until };
		return true;
	}
	if (l->talk != NULL)
		l->stage = AT_ROUND; /* it goes on */
	else
		round_begin(l);
	return false;
}

static bool
stage_step(struct sync_live *l, struct sync_live_want *ret)
{
	switch (l->stage) {
	case AT_PAUSE:
		return pause_step(l, ret);
	case AT_ROUND:
		return round_step(l, ret);
	case AT_TOKEN:
		return token_ask(l, ret);
	case AT_REFRESH:
		*ret = (struct sync_live_want){ .need = SYNC_LIVE_REFRESH };
		return true;
	case AT_OPEN:
		*ret = (struct sync_live_want){ .need = SYNC_LIVE_OPEN,
			.token = buf_str(&l->text) };
		return true;
	case AT_LIVE:
		return live_step(l, ret);
	}
	return false;
}

void
sync_live_step(struct sync_live *l, const struct sync_now *now,
    struct sync_live_want *ret)
{
	l->now = *now;
	look_at_clocks(l);
	do {
		if (l->close) {
			l->open = l->close = false;
			*ret =
			    (struct sync_live_want){ .need = SYNC_LIVE_CLOSE };
			return;
		}
	} while (!stage_step(l, ret));
}
