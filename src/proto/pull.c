/* Pulls: rows of the log become an answer, an answer becomes events.
 *
 * Happy path: a hub writes begin, rows, end; a client decodes the whole.
 * Fails: an answer that is not one is refused as a whole, with what is wrong:
 * never a part of it that looks whole. */
#include "pull.h"

#include "when.h"

/* --- the query ------------------------------------------------------------ */

static bool
unreserved(char c)
{
	/* RFC 3986, 2.3 */
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

void
pull_query_encode(const struct pull_query *q, struct buf *out)
{
	buf_adds(out, PROTO_PATH_EVENTS "?");
	if (q->epoch.n > 0) {
		buf_adds(out, "epoch=");
		for (size_t i = 0; i < q->epoch.n; i++) {
			char c = q->epoch.p[i];

			if (unreserved(c))
				buf_addc(out, c);
			else
				buf_addf(out, "%%%02X", (unsigned char)c);
		}
		buf_addc(out, '&');
	}
	buf_addf(out, "after=%llu&limit=%zu", (unsigned long long)q->after,
	    q->limit);
}

/* Percent-decoding; n 0 where it is malformed. */
static struct str
unescape(struct str s, struct arena *a, bool *nomem)
{
	uint8_t *out = arena_alloc(a, s.n + 1);
	size_t n = 0;

	if (out == NULL) {
		*nomem = true;
		return str_n(NULL, 0);
	}
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			out[n++] = (uint8_t)s.p[i];
			continue;
		}
		if (s.n - i < 3 ||
		    !hex_decode(str_n(s.p + i + 1, 2), &out[n], 1))
			return str_n(NULL, 0);
		n++;
		i += 2;
	}
	return str_n(out, n);
}

static enum err
query_member(struct pull_query *q, struct str name, struct str value,
    struct arena *a, struct err_info *e)
{
	bool nomem = false;
	uint64_t limit;

	if (str_is(name, "epoch")) {
		if (value.n == 0)
			return ERR_OK;
		q->epoch = unescape(value, a, &nomem);
		if (nomem)
			return err_set(e, ERR_NOMEM);
		if (q->epoch.n == 0 || q->epoch.n > PROTO_EPOCH_MAX)
			return err_setf(e, ERR_BAD_REQUEST,
			    "epoch is not one that a hub has given");
	} else if (str_is(name, "after")) {
		if (!str_u64(value, &q->after) || q->after > CLOCK_MAX)
			return err_setf(e, ERR_BAD_REQUEST,
			    "after is not a number 0..2^53-1");
	} else if (str_is(name, "limit")) {
		if (!str_u64(value, &limit) || limit == 0)
			return err_setf(e, ERR_BAD_REQUEST,
			    "limit is not a number from 1");
		q->limit =
		    limit < PROTO_EVENTS_MAX ? (size_t)limit : PROTO_EVENTS_MAX;
	}
	return ERR_OK;
}

enum err
pull_query_decode(struct pull_query *ret, struct str query, struct arena *a,
    struct err_info *e)
{
	struct str part, name;

	*ret = (struct pull_query){ .limit = PROTO_EVENTS_MAX };
	while (str_split(&query, '&', &part)) {
		(void)str_split(&part, '=', &name);
		if (query_member(ret, name, part, a, e) != ERR_OK)
			return e->code;
	}
	/* Without an epoch there is no position. */
	if (ret->epoch.n == 0)
		ret->after = 0;
	return ERR_OK;
}

/* --- the answer, written -------------------------------------------------- */

void
pull_row_encode(const struct pull_row *row, const char *type, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	buf_addc(out, '{');
	if (type != NULL) {
		buf_adds(out, "\"type\":\"");
		buf_adds(out, type);
		buf_adds(out, "\",");
	}
	buf_adds(out, "\"seq\":");
	buf_addu(out, row->seq);
	buf_adds(out, ",\"user\":");
	if (row->user.n > 0)
		json_add_str(out, row->user);
	else
		buf_adds(out, "null");
	buf_adds(out, ",\"received_at\":\"");
	buf_add(out, when, when_format(row->received_ms, when));
	buf_adds(out,
	    row->relayed ? "\",\"relayed\":true,\"event\":" : "\",\"event\":");
	buf_addstr(out, row->raw);
	buf_addc(out, '}');
}

void
pull_answer_begin(struct str epoch, struct buf *out)
{
	buf_adds(out, "{\"epoch\":");
	json_add_str(out, epoch);
	buf_adds(out, ",\"events\":[");
}

void
pull_answer_row(const struct pull_row *row, bool first, struct buf *out)
{
	if (!first)
		buf_addc(out, ',');
	pull_row_encode(row, NULL, out);
}

void
pull_answer_end(uint64_t next, uint64_t head, struct buf *out)
{
	buf_adds(out, "],\"next\":");
	buf_addu(out, next);
	buf_adds(out, ",\"head\":");
	buf_addu(out, head);
	buf_addc(out, '}');
}

/* --- the answer, read ----------------------------------------------------- */

static enum err
item_decode(struct pull_item *it, const struct json *j, uint32_t node,
    struct arena *a, struct err_info *e)
{
	uint32_t event = json_get(j, node, "event");
	struct str when;

	if (!json_u53(j, json_get(j, node, "seq"), &it->seq) || it->seq == 0)
		return err_setf(e, ERR_PROTOCOL, "an event has no seq");
	if (event == 0 || json_kind(j, event) != JSON_OBJECT)
		return err_setf(e, ERR_PROTOCOL, "seq %llu has no event",
		    (unsigned long long)it->seq);
	if (!json_str(j, json_get(j, node, "user"), a, &it->user) ||
	    it->user.n > PROTO_USER_MAX)
		it->user = str_n(NULL, 0);
	if (!json_str(j, json_get(j, node, "received_at"), a, &when) ||
	    !when_parse(when, &it->received_ms))
		it->received_ms = 0;
	if (!json_bool(j, json_get(j, node, "relayed"), &it->relayed))
		it->relayed = false;
	/* A replica takes what its hub took: only what it could not keep is an
	 * error, so the payload is not judged again. */
	if (event_decode(&it->ev, j, event, a, e) == ERR_OK)
		return ERR_OK;
	if (e->code == ERR_NOMEM)
		return e->code;
	e->code = ERR_PROTOCOL;
	return err_wrap(e, "seq %llu", (unsigned long long)it->seq);
}

enum err
pull_items_decode(struct pull_answer *p, const struct json *j, uint32_t first,
    size_t n, struct arena *a, struct err_info *e)
{
	uint32_t at = first;

	p->n = n;
	p->item = arena_array(a, p->n, sizeof *p->item);
	if (p->item == NULL && p->n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < p->n; i++, at = json_next(j, at)) {
		if (item_decode(&p->item[i], j, at, a, e) != ERR_OK)
			return e->code;
		if (i > 0 && p->item[i].seq != p->item[i - 1].seq + 1)
			return err_setf(e, ERR_PROTOCOL,
			    "seq %llu stands behind %llu",
			    (unsigned long long)p->item[i].seq,
			    (unsigned long long)p->item[i - 1].seq);
	}
	return ERR_OK;
}

static enum err
answer_decode(struct pull_answer *p, struct json *j, struct str body,
    struct arena *a, struct err_info *e)
{
	uint32_t list;

	if (body.n > PROTO_BODY_PLAIN_MAX)
		return err_setf(e, ERR_TOO_LARGE, "it has %zu bytes", body.n);
	if (json_parse(j, body, JSON_DEPTH_MAX, e) != ERR_OK)
		return e->code;
	list = json_get(j, 0, "events");
	if (list == 0 || json_kind(j, list) != JSON_ARRAY ||
	    j->node[list].n > PROTO_EVENTS_MAX)
		return err_setf(e, ERR_PROTOCOL,
		    "it has no \"events\" of at most %d", PROTO_EVENTS_MAX);
	if (!json_str(j, json_get(j, 0, "epoch"), a, &p->epoch) ||
	    p->epoch.n == 0 || p->epoch.n > PROTO_EPOCH_MAX)
		return err_setf(e, ERR_PROTOCOL, "it has no epoch");
	if (!json_u53(j, json_get(j, 0, "next"), &p->next) ||
	    !json_u53(j, json_get(j, 0, "head"), &p->head))
		return err_setf(e, ERR_PROTOCOL, "it has no next and head");
	if (p->head < p->next)
		return err_setf(e, ERR_PROTOCOL, "next is beyond head");
	if (pull_items_decode(p, j, list + 1, j->node[list].n, a, e) != ERR_OK)
		return e->code;
	if (p->n > 0 && p->next != p->item[p->n - 1].seq)
		return err_setf(e, ERR_PROTOCOL,
		    "next is %llu, the last seq is %llu",
		    (unsigned long long)p->next,
		    (unsigned long long)p->item[p->n - 1].seq);
	return ERR_OK;
}

enum err
pull_answer_decode(struct pull_answer *ret, struct json *j, struct str body,
    struct arena *a, struct err_info *e)
{
	*ret = (struct pull_answer){ 0 };
	if (answer_decode(ret, j, body, a, e) == ERR_OK)
		return ERR_OK;
	*ret = (struct pull_answer){ 0 };
	if (e->code == ERR_NOMEM)
		return e->code;
	e->code = ERR_PROTOCOL;
	return err_wrap(e, "the answer to a pull is wrong");
}
