/* Live messages.  A table says which types there are and what reads them; a
 * message without a type is an envelope, as Spec Kitty 2.x sends it. */
#include "live.h"

#include "when.h"

/* --- to the hub --------------------------------------------------------------- */

static enum err
bad(struct err_info *e, struct str type, const char *what)
{
	return err_setf(e, ERR_BAD_REQUEST, "%.*s: %s", STR_ARG(type), what);
}

static enum err
read_event(struct live_in *in, struct batch *b, struct err_info *e)
{
	uint32_t node = json_get(&b->json, 0, "event");

	if (node == 0)
		return bad(e, in->type, "\"event\" is missing");
	return batch_values(b, node, 1, e);
}

static enum err
read_events(struct live_in *in, struct batch *b, struct err_info *e)
{
	const struct json *j = &b->json;
	uint32_t node = json_get(j, 0, "events");

	if (node == 0 || json_kind(j, node) != JSON_ARRAY)
		return bad(e, in->type, "\"events\" is not an array");
	if (j->node[node].n > PROTO_EVENTS_MAX)
		return bad(e, in->type, "more than 1000 events");
	return batch_values(b, node + 1, j->node[node].n, e);
}

static enum err
read_nothing(struct live_in *in, struct batch *b, struct err_info *e)
{
	(void)in;
	(void)b;
	(void)e;
	return ERR_OK;
}

/* The text of a member, n 0 where it is missing or null; false where it is
 * something else or too long. */
static bool
text_member(struct batch *b, uint32_t object, const char *name, size_t max,
    struct str *ret)
{
	const struct json *j = &b->json;
	uint32_t node = json_get(j, object, name);

	*ret = STR("");
	if (node == 0 || json_kind(j, node) == JSON_NULL)
		return true;
	return json_str(j, node, &b->arena, ret) && ret->n <= max;
}

static enum err
read_hello(struct live_in *in, struct batch *b, struct err_info *e)
{
	const struct json *j = &b->json;
	uint32_t after = json_get(j, 0, "after");
	uint32_t batch = json_get(j, 0, "batch");

	if (!text_member(b, 0, "epoch", PROTO_EPOCH_MAX, &in->epoch))
		return bad(e, in->type,
		    "\"epoch\" is not one that a hub has given");
	if (after != 0 && !json_u53(j, after, &in->after))
		return bad(e, in->type, "\"after\" is not a number 0..2^53-1");
	if (batch != 0 && !json_bool(j, batch, &in->batch))
		return bad(e, in->type, "\"batch\" is not true or false");
	/* Without an epoch there is no position. */
	if (in->epoch.n == 0)
		in->after = 0;
	return ERR_OK;
}

static enum err
read_auth(struct live_in *in, struct batch *b, struct err_info *e)
{
	if (!text_member(b, 0, "token", LIVE_TOKEN_MAX, &in->token) ||
	    in->token.n == 0)
		return bad(e, in->type, "\"token\" is missing");
	return ERR_OK;
}

static enum err
read_session(struct live_session *s, struct batch *b, uint32_t node,
    struct str type, struct err_info *e)
{
	const struct json *j = &b->json;

	s->node = node;
	if (json_kind(j, node) != JSON_OBJECT ||
	    !text_member(b, node, "session_id", 256, &s->id) || s->id.n == 0)
		return bad(e, type, "a session has no \"session_id\"");
	if (json_raw(j, node).n > LIVE_SESSION_BYTES_MAX)
		return bad(e, type, "a session has more than 4096 bytes");
	/* It is sent on as it came. */
	return json_check(j, node, EVENT_DEPTH_MAX, e);
}

static enum err
read_presence(struct live_in *in, struct batch *b, struct err_info *e)
{
	const struct json *j = &b->json;
	uint32_t node = json_get(j, 0, "sessions"), at = node + 1;
	enum err rc = ERR_OK;
	size_t n;

	if (node == 0 || json_kind(j, node) != JSON_ARRAY)
		return bad(e, in->type, "\"sessions\" is not an array");
	n = j->node[node].n;
	if (n > LIVE_SESSIONS_MAX)
		return bad(e, in->type, "more than 256 sessions");
	in->session = arena_array(&b->arena, n, sizeof *in->session);
	if (in->session == NULL && n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		rc = read_session(&in->session[i], b, at, in->type, e);
		at = json_next(j, at);
	}
	in->n_sessions = n;
	return rc;
}

static const struct live_type {
	const char *name;
	enum live_kind kind;
	enum err (*read)(struct live_in *in, struct batch *b,
	    struct err_info *e);
} types[] = {
	{ "event", LIVE_EVENTS, read_event },
	{ "events", LIVE_EVENTS, read_events },
	{ "pong", LIVE_PONG, read_nothing },
	{ "ping", LIVE_PING, read_nothing },
	{ "hello", LIVE_HELLO, read_hello },
	{ "auth", LIVE_AUTH, read_auth },
	{ "presence", LIVE_PRESENCE, read_presence },
};

enum err
live_decode(struct live_in *ret, struct batch *b, struct str message,
    struct err_info *e)
{
	const struct json *j = &b->json;
	uint32_t type;

	*ret = (struct live_in){ .kind = LIVE_OTHER };
	batch_reset(b);
	if (json_parse(&b->json, message, JSON_DEPTH_MAX, e) != ERR_OK)
		return e->code;
	if (json_kind(j, 0) != JSON_OBJECT)
		return err_setf(e, ERR_BAD_REQUEST,
		    "the message is not an object");
	type = json_get(j, 0, "type");
	if (type == 0) {
		ret->kind = LIVE_EVENTS;
		return batch_values(b, 0, 1, e);
	}
	if (!json_str(j, type, &b->arena, &ret->type))
		return err_setf(e, ERR_BAD_REQUEST, "\"type\" is not a string");
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (str_is(ret->type, types[i].name)) {
			ret->kind = types[i].kind;
			return types[i].read(ret, b, e);
		}
	return ERR_OK;
}

/* --- from the hub ----------------------------------------------------------------- */

#define EVENT_TYPE "event"
/* What live_put_event() writes before the members of a row. */
#define EVENT_HEAD "{\"type\":\"" EVENT_TYPE "\","

void
live_put_event(const struct pull_row *row, struct buf *out)
{
	pull_row_encode(row, EVENT_TYPE, out);
}

void
live_put_events_begin(struct str epoch, uint64_t first, struct buf *out)
{
	buf_adds(out, "{\"type\":\"events\",\"epoch\":");
	json_add_str(out, epoch);
	buf_adds(out, ",\"first\":");
	buf_addu(out, first);
	buf_adds(out, ",\"events\":[");
}

void
live_put_events_row(struct str event, bool is_first, struct buf *out)
{
	size_t head = sizeof EVENT_HEAD - 1;

	buf_adds(out, is_first ? "{" : ",{");
	buf_add(out, event.p + head, event.n - head);
}

void
live_put_events_end(struct buf *out)
{
	buf_adds(out, "]}");
}

void
live_put_ack(const struct batch_answer *a, struct buf *out)
{
	buf_adds(out, "{\"type\":\"ack\",\"results\":");
	batch_results_encode(a->result, a->n, out);
	buf_adds(out, ",\"head\":");
	buf_addu(out, a->head);
	buf_adds(out, ",\"clock\":");
	buf_addu(out, a->clock);
	buf_addc(out, '}');
}

static void
put_beat(const char *type, int64_t now_ms, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	buf_addf(out, "{\"type\":\"%s\",\"timestamp\":\"", type);
	buf_add(out, when, when_format(now_ms, when));
	buf_adds(out, "\"}");
}

void
live_put_ping(int64_t now_ms, struct buf *out)
{
	put_beat("ping", now_ms, out);
}

void
live_put_pong(int64_t now_ms, struct buf *out)
{
	put_beat("pong", now_ms, out);
}

/* about: NULL: the connection as a whole. */
static void
put_error(enum err code, struct str message, const char *about, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "type"), json_put_z(&w, "error");
	json_key(&w, "code"), json_put_z(&w, err_wire(code));
	json_key(&w, "message"), json_put_str(&w, message);
	if (about != NULL)
		json_key(&w, "about"), json_put_z(&w, about);
	json_end(&w);
}

void
live_put_error(enum err code, struct str message, struct buf *out)
{
	put_error(code, message, NULL, out);
}

void
live_put_presence_error(enum err code, struct str message, struct buf *out)
{
	put_error(code, message, "presence", out);
}

void
live_put_resync(struct str epoch, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "type"), json_put_z(&w, "resync");
	json_key(&w, "epoch"), json_put_str(&w, epoch);
	json_end(&w);
}

void
live_put_auth_success(struct buf *out)
{
	buf_adds(out, "{\"type\":\"auth_success\"}");
}

/* --- presence ----------------------------------------------------------------- */

/* What stands behind the last session of a presence message, at most. */
#define PRESENCE_END "],\"truncated\":true}"

void
live_put_session(const struct json *j, uint32_t node, struct str user,
    struct buf *out)
{
	uint32_t at = node + 1;

	buf_adds(out, "{\"user\":");
	json_add_str(out, user);
	for (uint32_t i = 0; i < j->node[node].n; i++) {
		uint32_t value = json_next(j, at);

		if (!json_str_is(j, at, STR("user"))) {
			buf_addc(out, ',');
			buf_addstr(out, json_raw(j, at));
			buf_addc(out, ':');
			buf_addstr(out, json_raw(j, value));
		}
		at = json_next(j, value);
	}
	buf_addc(out, '}');
}

void
live_put_presence_begin(struct buf *out)
{
	buf_adds(out, "{\"type\":\"presence\",\"sessions\":[");
}

bool
live_put_presence_row(struct str session, bool is_first, struct buf *out)
{
	if (out->len + 1 + session.n + sizeof PRESENCE_END - 1 >
	    LIVE_MESSAGE_MAX)
		return false;
	if (!is_first)
		buf_addc(out, ',');
	buf_addstr(out, session);
	return true;
}

void
live_put_presence_end(bool truncated, struct buf *out)
{
	buf_adds(out, truncated ? PRESENCE_END : "]}");
}
