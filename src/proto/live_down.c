/* What a client reads.  A hub that is newer than we are may say more: unknown
 * types and members are passed over, what we rely on is checked. */
#include "live_down.h"

static enum err
wrong(struct err_info *e, const char *what)
{
	return err_setf(e, ERR_PROTOCOL, "a live message is wrong: %s", what);
}

static void
end_rows(struct live_down *d)
{
	if (d->rows.n > 0)
		d->rows.next = d->rows.item[d->rows.n - 1].seq;
}

static enum err
read_event(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	if (pull_items_decode(&d->rows, j, 0, 1, a, e) != ERR_OK)
		return e->code;
	end_rows(d);
	return ERR_OK;
}

static enum err
read_epoch(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	if (json_str(j, json_get(j, 0, "epoch"), a, &d->epoch) &&
	    d->epoch.n > 0 && d->epoch.n <= PROTO_EPOCH_MAX)
		return ERR_OK;
	return wrong(e, "it has no epoch");
}

static enum err
read_events(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	uint32_t list = json_get(j, 0, "events");

	if (list == 0 || json_kind(j, list) != JSON_ARRAY)
		return wrong(e, "it has no events");
	if (read_epoch(d, j, a, e) != ERR_OK ||
	    pull_items_decode(&d->rows, j, list + 1, j->node[list].n, a, e) !=
	        ERR_OK)
		return e->code;
	d->rows.epoch = d->epoch;
	end_rows(d);
	return ERR_OK;
}

static enum err
read_ack(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	return batch_results_decode(&d->ack, j, a, e);
}

static enum err
read_nothing(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	(void)d;
	(void)j;
	(void)a;
	(void)e;
	return ERR_OK;
}

static enum err
read_presence(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	uint32_t list = json_get(j, 0, "sessions");

	(void)a;
	if (list == 0 || json_kind(j, list) != JSON_ARRAY)
		return wrong(e, "it has no sessions");
	d->raw = json_raw(j, list);
	return ERR_OK;
}

static enum err
read_error(struct live_down *d, struct json *j, struct arena *a,
    struct err_info *e)
{
	struct str code = { 0 }, about;

	(void)e;
	d->code = ERR_OK;
	d->of_presence = json_str(j, json_get(j, 0, "about"), a, &about) &&
	    str_is(about, "presence");
	if (json_str(j, json_get(j, 0, "code"), a, &code))
		d->code = err_from_wire(code.p, code.n);
	if (d->code == ERR_OK)
		d->code = ERR_FAILED;
	if (!json_str(j, json_get(j, 0, "message"), a, &d->why))
		d->why = code;
	if (d->why.n > PROTO_WHY_MAX)
		d->why.n = PROTO_WHY_MAX;
	return ERR_OK;
}

static const struct down_type {
	const char *name;
	enum live_down_kind kind;
	enum err (*read)(struct live_down *d, struct json *j, struct arena *a,
	    struct err_info *e);
} types[] = {
	{ "event", LIVE_DOWN_ROWS, read_event },
	{ "events", LIVE_DOWN_ROWS, read_events },
	{ "ack", LIVE_DOWN_ACK, read_ack },
	{ "ping", LIVE_DOWN_PING, read_nothing },
	{ "resync", LIVE_DOWN_RESYNC, read_epoch },
	{ "presence", LIVE_DOWN_PRESENCE, read_presence },
	{ "error", LIVE_DOWN_ERROR, read_error },
};

static enum err
decode(struct live_down *d, struct json *j, struct str message, struct arena *a,
    struct err_info *e)
{
	struct str type;

	if (json_parse(j, message, JSON_DEPTH_MAX, e) != ERR_OK)
		return e->code == ERR_NOMEM ? e->code :
		                              wrong(e, "it is not JSON");
	if (json_kind(j, 0) != JSON_OBJECT ||
	    !json_str(j, json_get(j, 0, "type"), a, &type))
		return wrong(e, "it has no type");
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (str_is(type, types[i].name)) {
			d->kind = types[i].kind;
			return types[i].read(d, j, a, e);
		}
	return ERR_OK;
}

enum err
live_down_decode(struct live_down *ret, struct json *j, struct str message,
    struct arena *a, struct err_info *e)
{
	*ret = (struct live_down){ .kind = LIVE_DOWN_OTHER };
	if (decode(ret, j, message, a, e) == ERR_OK)
		return ERR_OK;
	*ret = (struct live_down){ .kind = LIVE_DOWN_OTHER };
	if (e->code != ERR_NOMEM)
		e->code = ERR_PROTOCOL;
	return e->code;
}

/* --- to the hub ---------------------------------------------------------------- */

void
live_put_hello(struct str epoch, uint64_t after, struct buf *out)
{
	buf_adds(out, "{\"type\":\"hello\",");
	if (epoch.n > 0) {
		buf_adds(out, "\"epoch\":");
		json_add_str(out, epoch);
		buf_adds(out, ",\"after\":");
		buf_addu(out, after);
		buf_addc(out, ',');
	}
	buf_adds(out, "\"batch\":true,\"protocol_version\":1}");
}

void
live_put_batch(struct str body, struct buf *out)
{
	buf_adds(out, "{\"type\":\"events\",");
	buf_add(out, body.p + 1, body.n - 1);
}

void
live_put_presence(struct str sessions, struct buf *out)
{
	buf_adds(out, "{\"type\":\"presence\",\"sessions\":");
	buf_addstr(out, sessions);
	buf_addc(out, '}');
}
