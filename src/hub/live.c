/* Members: from the request to the end of the connection.
 *
 *	AUTH --token--> HELLO --position--> JOINING --> LIVE
 *	                `-(no clowder.v1)-----^
 *
 * A refused request is a whole answer, before any upgrade.  What goes wrong later
 * is said in an error message; where it cannot go on, the connection is closed
 * with a code. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "live_int.h"
#include "log.h"

/* ---- saying ----------------------------------------------------------- */

void
member_send(struct member *m, struct buf *b)
{
	if (b->failed)
		ws_conn_close(m->conn, WS_INTERNAL, "out of memory");
	else
		ws_conn_send(m->conn, buf_str(b));
	buf_fini(b);
}

void
member_error(struct member *m, enum err code, const char *text)
{
	struct buf b = { 0 };

	live_put_error(code, str_of(text), &b);
	member_send(m, &b);
}

void
member_presence_error(struct member *m, enum err code, const char *text)
{
	struct buf b = { 0 };

	live_put_presence_error(code, str_of(text), &b);
	member_send(m, &b);
}

void
member_end(struct member *m, enum ws_code how, enum err code, const char *text)
{
	member_error(m, code, text);
	ws_conn_close(m->conn, how, err_wire(code));
}

/* ---- who it is -------------------------------------------------------- */

enum err
member_who(const struct member *m, struct arena *a, struct account_who *who,
    const struct account_team **team, struct err_info *e)
{
	enum err rc = accounts_session(m->live->hub->accounts, m->session_id,
	    os_wall_ms(), a, who, e);

	return rc == ERR_OK ? accounts_team_of(who, m->team, STR(""), team, e) :
	                      rc;
}

static enum err
still_allowed(const struct member *m, struct err_info *e)
{
	const struct account_team *team;
	struct account_who who;
	struct arena a = { 0 };
	enum err rc = member_who(m, &a, &who, &team, e);

	arena_fini(&a);
	return rc;
}

/* Ends it where it may not be here any more.  What cannot be looked up now is so
 * the next time. */
static bool
member_may(struct member *m)
{
	struct err_info e = { 0 };

	m->looked_ms = uv_now(&m->live->hub->loop);
	if (still_allowed(m, &e) == ERR_OK || e.code == ERR_UNAVAILABLE)
		return true;
	member_end(m, WS_POLICY, e.code, e.text);
	return false;
}

static enum err
member_name(struct member *m, struct str session_id, struct str team,
    struct err_info *e)
{
	char *p = mem_alloc(session_id.n + team.n + 1);

	if (p == NULL)
		return err_set(e, ERR_NOMEM);
	memcpy(p, session_id.p, session_id.n);
	memcpy(p + session_id.n, team.p, team.n);
	m->session_id = str_n(p, session_id.n);
	m->team = str_n(p + session_id.n, team.n);
	return ERR_OK;
}

/* Take the token: it is good once. */
static enum err
redeem(struct member *m, struct str token, struct err_info *e)
{
	struct str session_id, team;
	struct arena a = { 0 };
	enum err rc = ws_token_redeem(&m->live->tokens, token, os_mono_ms(), &a,
	    &session_id, &team, e);

	if (rc == ERR_OK)
		rc = member_name(m, session_id, team, e);
	if (rc == ERR_OK)
		rc = still_allowed(m, e);
	m->looked_ms = uv_now(&m->live->hub->loop);
	arena_fini(&a);
	return rc;
}

/* It is known: what it wants comes next. */
static void
member_begin(struct member *m)
{
	m->state = MEMBER_HELLO;
	ws_conn_message_max(m->conn, LIVE_MESSAGE_MAX);
	if (!m->v1)
		member_join(m, STR(""), 0);
}

void
member_known(struct member *m, struct str token)
{
	struct err_info e = { 0 };
	struct buf b = { 0 };

	if (redeem(m, token, &e) != ERR_OK) {
		member_end(m, WS_POLICY, e.code, e.text);
		return;
	}
	live_put_auth_success(&b);
	member_send(m, &b);
	member_begin(m);
}

/* ---- what the connection calls ---------------------------------------- */

static void
on_text(void *ctx, struct str text)
{
	struct member *m = ctx;

	m->missed = 0;
	m->partial = false;
	member_message(m, text);
	if (ws_conn_unsent(m->conn) > UNREAD_MAX) {
		m->full = true;
		ws_conn_pause(m->conn);
	}
}

static void
on_pong(void *ctx)
{
	struct member *m = ctx;

	m->missed = 0;
}

static void
on_sent(void *ctx)
{
	struct member *m = ctx;

	member_serve(m);
	if (m->full && m->post == NULL) {
		m->full = false;
		ws_conn_resume(m->conn);
	}
}

/* Every ping_ms. */
static void
on_due(void *ctx)
{
	struct member *m = ctx;
	struct buf b = { 0 };

	if (m->state == MEMBER_AUTH ||
	    (m->state == MEMBER_HELLO && m->missed > 0)) {
		member_end(m, WS_POLICY, ERR_TIMEOUT,
		    "nothing was said for too long");
		return;
	}
	if (m->missed >= PINGS_MISSED_MAX) {
		ws_conn_close(m->conn, WS_POLICY, "no pong");
		return;
	}
	if (m->partial && ws_conn_partial(m->conn) > 0) {
		ws_conn_close(m->conn, WS_POLICY,
		    "the message did not come in time");
		return;
	}
	m->partial = ws_conn_partial(m->conn) > 0;
	if (!member_may(m))
		return;
	/* What could not be told, read or sent a moment ago. */
	if (atomic_exchange(&m->live->hub->live_lost, false))
		rooms_look(m->live);
	if (m->room != NULL)
		room_follow(m->room);
	member_serve(m);
	ws_conn_wait(m->conn);
	/* Who has not taken what it was sent is watched by that. */
	if (ws_conn_unsent(m->conn) > 0)
		return;
	m->missed++;
	live_put_ping(os_wall_ms(), &b);
	member_send(m, &b);
}

static void
member_free(struct member *m)
{
	m->live->members--;
	room_leave(m);
	live_parts_free(m->live, m->part);
	live_join_forget(m->join);
	live_post_forget(m->post);
	if (m->read != NULL)
		m->read->member = NULL;
	free((void *)(uintptr_t)m->session_id.p);
	free(m);
}

static void
on_close(void *ctx)
{
	member_free(ctx);
}

static const struct ws_conn_ops member_ops = {
	.on_text = on_text,
	.on_pong = on_pong,
	.on_sent = on_sent,
	.on_due = on_due,
	.on_close = on_close,
};

/* Is there anything to give? */
static bool
lacks(const struct member *m)
{
	return m->part != NULL ||
	    (m->state == MEMBER_LIVE &&
	        (m->presence_due || m->cursor < m->room->last));
}

void
member_serve(struct member *m)
{
	uint64_t since = uv_now(&m->live->hub->loop) - m->looked_ms;
	struct live_part *p;

	if (!lacks(m))
		return;
	/* Where it does not fit, the next event or heartbeat asks again. */
	if (ws_conn_unsent(m->conn) > 0 ||
	    !http_server_drop_unread(m->live->hub->server, LIVE_UNSENT_MAX))
		return;
	if (since >= m->live->look_ms && !member_may(m))
		return;
	p = m->part;
	if (p != NULL) {
		m->part = p->next;
		ws_conn_send_frames(m->conn, &p->frame);
		p->next = NULL;
		live_parts_free(m->live, p);
		return;
	}
	if (m->state == MEMBER_LIVE && !presence_serve(m))
		room_serve(m->room, m);
}

/* ---- the request ------------------------------------------------------ */

/* The token of the request; n 0: none, an auth message will say it. */
static struct str
token_of(struct http_request *req)
{
	struct str token = http_bearer(req);

	if (token.n > 0 || http_query(req, "token", &token))
		return token;
	return STR("");
}

/* RFC 6454: a browser says on whose behalf it asks; only our own pages may, and
 * those that we were told. */
static bool
origin_ok(const struct hub *hub, const struct http_request *req)
{
	struct str field = http_header(req, "Origin");
	struct origin from, own;

	if (field.p == NULL)
		return true;
	if (!origin_parse(field, &from))
		return false;
	if (origin_parse_host(req->head->host, req->tls, &own) &&
	    origin_eq(&from, &own))
		return true;
	for (size_t i = 0; i < hub->o.n_origins; i++)
		if (origin_eq(&from, &hub->origin[i]))
			return true;
	return false;
}

static void
open_member(struct http_request *req, struct member *m, bool known)
{
	const struct ws_conn_options o = { .message_max = AUTH_MESSAGE_MAX,
		.protocol = m->v1 ? LIVE_PROTOCOL : NULL,
		.budget = &m->live->partial };

	m->live->members++;
	m->conn = ws_conn_open(req, &o, &member_ops, m);
	if (m->conn == NULL) {
		member_free(m);
		return;
	}
	ws_conn_wait(m->conn);
	if (known)
		member_begin(m);
	ws_conn_resume(m->conn);
}

void
api_live(struct call *call, struct http_request *req)
{
	struct str token = token_of(req);
	struct err_info e = { 0 };
	struct member *m;
	enum err rc = ERR_OK;

	if (!origin_ok(call->hub, req)) {
		(void)err_setf(&e, ERR_FORBIDDEN,
		    "this hub's live connections are not for pages of %.*s",
		    STR_ARG(http_header(req, "Origin")));
		call_error(req, &e);
		return;
	}
	if (!ws_conn_check(req))
		return;
	m = mem_zero(sizeof *m);
	if (m == NULL) {
		(void)err_set(&e, ERR_NOMEM);
		call_error(req, &e);
		return;
	}
	m->live = call->hub->live;
	m->v1 = ws_conn_offers(req, LIVE_PROTOCOL);
	if (token.n > 0)
		rc = redeem(m, token, &e);
	else if (http_header(req, "Authorization").p != NULL)
		rc = err_setf(&e, ERR_UNAUTHORIZED,
		    "Authorization: Bearer with a token of POST "
		    "/api/v1/ws-token/ is needed");
	if (rc != ERR_OK) {
		free((void *)(uintptr_t)m->session_id.p);
		free(m);
		call_error(req, &e);
		return;
	}
	open_member(req, m, token.n > 0);
}

/* ---- POST /api/v1/ws-token/ ------------------------------------------- */

/* The team that the body names by id or slug, or the header, or the default. */
static enum err
team_wanted(struct call *call, struct http_request *req,
    const struct account_team **ret, struct err_info *e)
{
	struct json j = { .count_max = 64 };
	struct buf plain = { 0 };
	struct str body, id = { 0 };
	uint32_t node = 0;
	enum err rc = call_body(call, req, &call->hub->gzip, &plain, &body, e);

	if (rc == ERR_OK && str_trim(body).n > 0) {
		rc = json_parse(&j, body, JSON_DEPTH_MAX, e);
		node = rc == ERR_OK ? json_get(&j, 0, "team_id") : 0;
		if (node != 0 && json_kind(&j, node) != JSON_NULL &&
		    !json_str(&j, node, &req->arena, &id))
			rc = err_setf(e, ERR_BAD_REQUEST,
			    "team_id must be a string");
	}
	for (size_t i = 0; rc == ERR_OK && i < call->who.n_teams; i++)
		if (str_eq(call->who.team[i].id, id))
			id = call->who.team[i].slug;
	if (rc == ERR_OK)
		rc = accounts_team_of(&call->who,
		    id.n > 0 ? id : http_header(req, "X-Team-Slug"), STR(""),
		    ret, e);
	json_fini(&j);
	buf_fini(&plain);
	return rc;
}

void
api_ws_token(struct call *call, struct http_request *req)
{
	struct live *l = call->hub->live;
	const struct account_team *team;
	char token[WS_TOKEN_CHARS + 1];
	struct err_info e = { 0 };
	struct buf body = { 0 }, url = { 0 };
	struct json_writer w = { .out = &body };
	enum err rc = team_wanted(call, req, &team, &e);

	if (rc == ERR_OK)
		rc = ws_token_issue(&l->tokens, call->who.session_id,
		    team->slug, os_mono_ms(), token, &e);
	if (rc == ERR_OK) {
		buf_addf(&url, "%s://%.*s%s", req->tls ? "wss" : "ws",
		    STR_ARG(req->head->host), LIVE_PATH);
		json_obj(&w);
		json_key(&w, "ws_token"), json_put_z(&w, token);
		json_key(&w, "ws_url"), json_put_str(&w, buf_str(&url));
		json_key(&w, "expires_in"), json_put_u(&w, WS_TOKEN_S);
		json_key(&w, "session_id");
		json_put_str(&w, call->who.session_id);
		json_end(&w);
		body.failed |= url.failed;
		rc = buf_ok(&body, &e);
	}
	buf_fini(&url);
	if (rc == ERR_OK)
		call_respond(req, 200, &body, false);
	else
		call_error(req, &e);
	buf_fini(&body);
}

/* ---- the whole -------------------------------------------------------- */

enum err
live_new(struct live **ret, struct hub *hub, struct err_info *e)
{
	struct live *l = mem_zero(sizeof *l);

	if (l == NULL)
		return err_set(e, ERR_NOMEM);
	l->hub = hub;
	l->partial.most = PARTIAL_MAX;
	l->look_ms = (hub->o.ping_ms > 0 ? hub->o.ping_ms : PING_MS) / LOOKS;
	presence_init(l);
	*ret = l;
	return ERR_OK;
}

void
live_free(struct live *l)
{
	if (l == NULL)
		return;
	live_post_free(l->spare);
	ws_tokens_fini(&l->tokens);
	live_heads_free(l);
	rooms_free(l);
	presence_fini(l);
}

size_t
live_members(const struct live *l)
{
	return l->members;
}

size_t
live_presence_bytes(const struct live *l)
{
	return l->presence_bytes;
}
