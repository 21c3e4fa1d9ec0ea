/* Live connections on the loop.  A worker opens one and hands it over; what comes
 * goes to the keeper, message by message, as long as the keeper keeps up. */
#include <stdlib.h>

#include "clock.h"
#include "daemon_int.h"
#include "fault.h"
#include "log.h"

enum {
	/* Well within what the engine takes for silence. */
	TELL_MS = SYNC_LIVE_SILENCE_MS / 2,
	/* Frames that are read at once; then the loop looks at others. */
	FRAMES_MAX = 256
};

struct wire {
	TAILQ_ENTRY(wire) in_all;
	struct daemon *d;
	uint64_t no;
	struct ws_client *c; /* own */
	uv_poll_t poll;
	size_t ahead;     /* bytes that the keeper has not dealt with */
	uint64_t told_ms; /* when the keeper was told of anything; mono */
	uint64_t pong_ms; /* since when an answer is due; mono, 0: none is */
	bool ended;       /* closing */
};

struct wires {
	TAILQ_HEAD(, wire) all;
};

enum order_kind { ATTACH, SAY, END, DEALT };

/* A call from another thread. */
struct order {
	struct loop_item item;
	struct daemon *d;
	enum order_kind what;
	uint64_t no;
	struct ws_client *c; /* ATTACH: own */
	size_t n;            /* SAY, DEALT */
	char text[];
};

enum err
wires_new(struct daemon *d, struct err_info *e)
{
	d->wires = mem_zero(sizeof *d->wires);
	if (d->wires == NULL)
		return err_set(e, ERR_NOMEM);
	TAILQ_INIT(&d->wires->all);
	return ERR_OK;
}

static struct wire *
find(struct daemon *d, uint64_t no)
{
	struct wire *w;

	TAILQ_FOREACH(w, &d->wires->all, in_all)
	if (w->no == no)
		return w;
	return NULL;
}

static void
on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
drop(struct wire *w)
{
	if (w->ended)
		return;
	w->ended = true;
	TAILQ_REMOVE(&w->d->wires->all, w, in_all);
	/* First the watch, then the socket: its number may be another's at once. */
	uv_close((uv_handle_t *)&w->poll, on_closed);
	ws_client_close(w->c);
}

void
wires_free(struct daemon *d)
{
	struct wire *w;

	if (d->wires == NULL)
		return;
	while ((w = TAILQ_FIRST(&d->wires->all)) != NULL)
		drop(w);
	free(d->wires);
	d->wires = NULL;
}

/* --- to the keeper ---------------------------------------------------------------- */

static void
drop_heard(struct mail *m)
{
	free(m);
}

static struct heard *
heard_new(const struct wire *w, struct str text)
{
	struct heard *h = mem_alloc(sizeof *h + text.n);

	if (h == NULL)
		return NULL;
	*h = (struct heard){ .mail = { .fn = line_heard, .drop = drop_heard },
		.daemon = w->d,
		.wire = w->no,
		.n = text.n };
	if (text.n > 0)
		memcpy(h->text, text.p, text.n);
	return h;
}

static void
lost(struct wire *w, const char *why)
{
	struct heard *h = heard_new(w, STR(""));

	if (h != NULL) {
		h->lost = true;
		str_copy(h->why, sizeof h->why, str_of(why));
		mailbox_post(keeper_box(w->d), &h->mail);
	}
	/* Without memory to say so the keeper finds out by the silence. */
	drop(w);
}

static bool
tell(struct wire *w, struct str text)
{
	struct heard *h = heard_new(w, text);

	if (h == NULL) {
		lost(w, err_text(ERR_NOMEM));
		return false;
	}
	w->ahead += sizeof *h + text.n;
	w->told_ms = os_mono_ms();
	mailbox_post(keeper_box(w->d), &h->mail);
	return true;
}

/* Heartbeats of a quiet hub: answered here, so that the keeper can sleep; it is told
 * of every second one. */
static bool
is_ping(struct str text)
{
	return str_starts(text, STR("{\"type\":\"ping\","));
}

static bool
answer_beat(struct wire *w)
{
	struct buf pong = { 0 };
	struct err_info e = { 0 };
	enum err rc;

	/* One for all that come while the hub does not read. */
	if (w->pong_ms == 0 || ws_client_unsent(w->c) > 0)
		return true;
	w->pong_ms = 0;
	live_put_pong(os_wall_ms(), &pong);
	rc = buf_ok(&pong, &e);
	if (rc == ERR_OK)
		rc = ws_client_send(w->c, buf_str(&pong), &e);
	buf_fini(&pong);
	if (rc != ERR_OK) {
		lost(w, e.text);
		return false;
	}
	return true;
}

static bool
beat(struct wire *w)
{
	uint64_t now = os_mono_ms();

	if (w->pong_ms == 0)
		w->pong_ms = now;
	if (now - w->pong_ms > SYNC_LIVE_SILENCE_MS) {
		lost(w, "the server does not read what it is sent");
		return false;
	}
	if (!answer_beat(w))
		return false;
	daemon_beat(w->d);
	return os_mono_ms() - w->told_ms < TELL_MS || tell(w, STR(""));
}

static bool post(struct daemon *d, enum order_kind what, uint64_t no,
    struct ws_client *c, struct str text, size_t n);

/* --- the socket --------------------------------------------------------------------- */

static void on_ready(uv_poll_t *p, int status, int events);

static void
wait_for(struct wire *w)
{
	int events = w->ahead < WIRE_AHEAD_MAX ? UV_READABLE : 0;

	if (ws_client_unsent(w->c) > 0)
		events |= UV_WRITABLE;
	if (events == 0)
		(void)uv_poll_stop(&w->poll);
	else if (uv_poll_start(&w->poll, events, on_ready) != 0)
		lost(w, "the connection cannot be watched");
}

static void
read_all(struct wire *w)
{
	struct err_info e = { 0 };
	struct str part;
	unsigned n = 0;

	while (!w->ended && w->ahead < WIRE_AHEAD_MAX) {
		if (n++ == FRAMES_MAX) {
			/* What curl holds already would wake nobody. */
			(void)post(w->d, DEALT, w->no, NULL, STR(""), 0);
			return;
		}
		enum ws_step step = ws_client_read(w->c, &part, &e);

		switch (step) {
		case WS_MORE:
			return;
		case WS_TEXT:
			if (!(is_ping(part) ? beat(w) : tell(w, part)))
				return;
			break;
		case WS_PING:
		case WS_PONG:
			if (os_mono_ms() - w->told_ms >= TELL_MS &&
			    !tell(w, STR("")))
				return;
			break;
		case WS_BINARY:
			break; /* nothing that we know of */
		case WS_CLOSE:
		case WS_ERROR:
			lost(w, e.text);
			return;
		}
	}
}

static void
on_ready(uv_poll_t *p, int status, int events)
{
	struct wire *w = p->data;
	struct err_info e = { 0 };

	/* libuv says no more than that there is an error: reading says which. */
	if (status != 0) {
		w->ahead = 0;
		read_all(w);
		if (!w->ended)
			lost(w, uv_strerror(status));
		return;
	}
	if (events & UV_WRITABLE && ws_client_flush(w->c, &e) != ERR_OK) {
		lost(w, e.text);
		return;
	}
	if (!answer_beat(w))
		return;
	if (events & UV_READABLE)
		read_all(w);
	if (!w->ended)
		wait_for(w);
}

/* --- orders ----------------------------------------------------------------------------- */

static void
attach(struct order *o)
{
	struct wire *w = mem_zero(sizeof *w);
	int bad;

	if (w == NULL) {
		ws_client_close(o->c);
		return; /* the keeper finds out by the silence */
	}
	w->d = o->d;
	w->no = o->no;
	w->c = o->c;
	w->poll.data = w;
	TAILQ_INSERT_TAIL(&o->d->wires->all, w, in_all);
	bad = uv_poll_init(&o->d->loop, &w->poll, ws_client_fd(w->c));
	if (bad != 0) {
		TAILQ_REMOVE(&o->d->wires->all, w, in_all);
		ws_client_close(w->c);
		free(w);
		return;
	}
	read_all(w);
	if (!w->ended)
		wait_for(w);
}

static void
run_order(void *arg)
{
	struct order *o = arg;
	/* Then nobody is there any more whom it could be told. */
	bool over = atomic_load(&o->d->abort);
	struct wire *w = over || o->what == ATTACH ? NULL : find(o->d, o->no);
	struct err_info e = { 0 };

	if (o->what == ATTACH && !over)
		attach(o);
	else if (o->what == ATTACH)
		ws_client_close(o->c);
	else if (w != NULL && o->what == SAY) {
		if (ws_client_send(w->c, str_n(o->text, o->n), &e) != ERR_OK)
			lost(w, e.text);
		else
			wait_for(w);
	} else if (w != NULL && o->what == END) {
		drop(w);
	} else if (w != NULL && o->what == DEALT) {
		w->ahead -= o->n;
		/* What curl holds of it already wakes nobody. */
		read_all(w);
		if (!w->ended)
			wait_for(w);
	}
	free(o);
}

static bool
post(struct daemon *d, enum order_kind what, uint64_t no, struct ws_client *c,
    struct str text, size_t n)
{
	struct order *o = mem_alloc(sizeof *o + text.n);

	if (o == NULL)
		return false;
	*o = (struct order){ .item = { .fn = run_order, .arg = o },
		.d = d,
		.what = what,
		.no = no,
		.c = c,
		.n = n };
	if (text.n > 0)
		memcpy(o->text, text.p, text.n);
	if (loop_post_item(d->poster, &o->item))
		return true;
	free(o);
	return false;
}

void
wire_attach(struct daemon *d, uint64_t no, struct ws_client *c)
{
	if (!post(d, ATTACH, no, c, STR(""), 0))
		ws_client_close(c);
}

bool
wire_say(struct daemon *d, uint64_t no, struct str text)
{
	return post(d, SAY, no, NULL, text, text.n);
}

void
wire_end(struct daemon *d, uint64_t no)
{
	(void)post(d, END, no, NULL, STR(""), 0);
}

void
wire_dealt(struct daemon *d, uint64_t no, size_t bytes)
{
	/* Without memory it is not read on, and found out by the silence. */
	(void)post(d, DEALT, no, NULL, STR(""), bytes);
}
