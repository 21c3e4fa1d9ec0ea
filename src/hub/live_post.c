/* A message of a member.  Events take the same way as a batch; the connection is
 * not read meanwhile, so that answers keep the order in which events came. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "live_int.h"

enum { NODES_MAX = 1 << 20 /* values in a message, as in a batch */ };

/* A message and, where it has events, their way into the log. */
struct live_post {
	struct ingest in; /* first; plain: the message */
	struct live *live;
	struct member *member; /* borrow; NULL: it is gone */
	struct live_in msg;
	bool decoded; /* on the loop */
	bool aside;   /* no events: it goes no further than to a decoder */
	struct arena arena;
	struct account_who who; /* in arena */
};

void
live_post_forget(struct live_post *p)
{
	if (p != NULL)
		p->member = NULL;
}

void
live_post_free(struct live_post *p)
{
	if (p == NULL)
		return;
	ingest_fini(&p->in);
	arena_fini(&p->arena);
	free(p);
}

/* Keep it for the next message: most are heartbeats. */
static void
post_keep(struct live_post *p)
{
	struct live *l = p->live;

	if (l->spare != NULL || p->in.plain.cap > LIVE_INLINE_MAX) {
		live_post_free(p);
		return;
	}
	p->member = NULL;
	l->spare = p;
}

static struct live_post *
post_new(struct live *l)
{
	struct live_post *p = l->spare;

	l->spare = NULL;
	if (p == NULL)
		p = mem_zero(sizeof *p);
	if (p == NULL)
		return NULL;
	p->live = l;
	p->in.hub = l->hub;
	p->in.batch.json.count_max = NODES_MAX;
	p->decoded = p->aside = false;
	p->msg = (struct live_in){ .kind = LIVE_OTHER };
	buf_reset(&p->in.plain);
	return p;
}

static void
refuse(struct member *m, const struct live_post *p, enum err code,
    const char *text)
{
	if (p->msg.kind == LIVE_PRESENCE)
		member_presence_error(m, code, text);
	else
		member_error(m, code, text);
}

/* ---- events ----------------------------------------------------------- */

static void
events_done(struct ingest *in, enum err rc, const struct err_info *e)
{
	struct live_post *p = (struct live_post *)(void *)in;
	struct member *m = p->member;
	struct buf b = { 0 };

	if (m != NULL) {
		m->post = NULL;
		if (p->aside) {
			presence_say(m, &p->msg, &in->batch.json);
		} else if (rc == ERR_OK) {
			live_put_ack(&in->answer, &b);
			member_send(m, &b);
		} else {
			/* What is wrong inside is for the log. */
			refuse(m, p, rc,
			    err_http(rc) >= 500 ? err_text(rc) : e->text);
		}
		if (ws_conn_unsent(m->conn) > UNREAD_MAX)
			m->full = true;
		else
			ws_conn_resume(m->conn);
	}
	live_post_free(p);
}

static enum err
events_read(struct ingest *in, struct gzip *g, struct err_info *e)
{
	struct live_post *p = (struct live_post *)(void *)in;
	enum err rc = ERR_OK;

	(void)g;
	if (!p->decoded)
		rc = live_decode(&p->msg, &in->batch, buf_str(&in->plain), e);
	if (rc != ERR_OK || p->msg.kind == LIVE_EVENTS)
		return rc;
	p->aside = p->msg.kind == LIVE_PRESENCE;
	return err_setf(e, ERR_BAD_REQUEST,
	    "a message of more than 64 KiB that has no events");
}

/* p is given away. */
static void
take_events(struct member *m, struct live_post *p)
{
	struct err_info e = { 0 };
	enum err rc;

	arena_reset(&p->arena);
	rc = member_who(m, &p->arena, &p->who, &p->in.team, &e);
	if (rc != ERR_OK) {
		member_end(m, rc == ERR_UNAVAILABLE ? WS_TRY_LATER : WS_POLICY,
		    rc, e.text);
		live_post_free(p);
		return;
	}
	p->member = m;
	p->in.who = &p->who;
	p->in.read = events_read;
	p->in.done = events_done;
	m->post = p;
	ws_conn_pause(m->conn);
	ingest_start(&p->in, !p->decoded);
}

/* ---- the rest --------------------------------------------------------- */

static void
take_hello(struct member *m, const struct live_in *msg)
{
	if (m->state != MEMBER_HELLO) {
		member_error(m, ERR_BAD_REQUEST,
		    "hello: the position was said already");
		return;
	}
	m->batch = msg->batch;
	m->missed = 0;
	member_join(m, msg->epoch, msg->after);
}

static void
take_ping(struct member *m)
{
	struct buf b = { 0 };

	live_put_pong(os_wall_ms(), &b);
	member_send(m, &b);
}

/* p is given away. */
static void
take(struct member *m, struct live_post *p)
{
	switch (p->msg.kind) {
	case LIVE_EVENTS:
		take_events(m, p);
		return;
	case LIVE_HELLO:
		take_hello(m, &p->msg);
		break;
	case LIVE_PING:
		take_ping(m);
		break;
	case LIVE_PRESENCE:
		presence_say(m, &p->msg, &p->in.batch.json);
		break;
	case LIVE_AUTH: /* it is known */
	case LIVE_PONG:
	case LIVE_OTHER:
		break;
	}
	post_keep(p);
}

/* Before it is known nothing else is heard. */
static void
take_auth(struct member *m, struct live_post *p, enum err rc)
{
	if (rc == ERR_OK && p->msg.kind == LIVE_AUTH)
		member_known(m, p->msg.token);
	else
		member_end(m, WS_POLICY, ERR_UNAUTHORIZED,
		    "the first message must be {\"type\":\"auth\","
		    "\"token\":...}");
	post_keep(p);
}

void
member_message(struct member *m, struct str text)
{
	struct live_post *p = post_new(m->live);
	bool small = text.n <= LIVE_INLINE_MAX;
	struct err_info e = { 0 };
	enum err rc;

	if (p == NULL) {
		member_end(m, WS_INTERNAL, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	buf_addstr(&p->in.plain, text);
	rc = buf_ok(&p->in.plain, &e);
	if (rc == ERR_OK && small) {
		rc = live_decode(&p->msg, &p->in.batch, buf_str(&p->in.plain),
		    &e);
		p->decoded = true;
	}
	if (m->state == MEMBER_AUTH) {
		take_auth(m, p, small ? rc : ERR_TOO_LARGE);
	} else if (rc != ERR_OK) {
		refuse(m, p, rc, e.text);
		post_keep(p);
	} else if (small) {
		take(m, p);
	} else {
		take_events(m, p);
	}
}
