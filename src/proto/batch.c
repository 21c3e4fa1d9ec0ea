/* Batches: a request becomes items that were judged one by one, results become
 * an answer; and the other way round for clients.
 *
 * Happy path of a hub: batch_decode, admission fills one result per item,
 * batch_answer_encode.  Of a client: batch_encode, batch_answer_decode.
 * Fails: a body that is no batch as a whole (nothing of it is used); an event
 * that is wrong carries its reason and stops no other. */
#include "batch.h"

#include "map.h"
#include "when.h"

/* --- the request, read ---------------------------------------------------- */

enum err
batch_judge(struct batch_item *it, const struct json *j, uint32_t node,
    struct arena *a, struct err_info *e)
{
	uint32_t id = json_get(j, node, "event_id");
	struct err_info why = { 0 };

	it->id = id != 0 && json_kind(j, id) == JSON_STRING ? json_raw(j, id) :
	                                                      STR("null");
	if (event_decode(&it->ev, j, node, a, &why) == ERR_OK &&
	    event_check(&it->ev, &why) == ERR_OK)
		return ERR_OK;
	it->code = why.code;
	it->why = arena_str(a, str_of(why.text));
	return why.code == ERR_NOMEM || it->why.p == NULL ?
	    err_set(e, ERR_NOMEM) :
	    ERR_OK;
}

/* The member that a batch has once at most; 0 where there is none. */
static enum err
member(const struct json *j, const char *name, size_t max, uint32_t *ret,
    struct err_info *e)
{
	uint32_t at = 1;

	*ret = 0;
	for (uint32_t i = 0; i < j->node[0].n; i++) {
		uint32_t value = json_next(j, at);

		if (json_str_is(j, at, str_of(name))) {
			if (*ret != 0)
				return err_setf(e, ERR_BAD_REQUEST,
				    "\"%s\" stands twice", name);
			if (json_kind(j, value) != JSON_ARRAY)
				return err_setf(e, ERR_BAD_REQUEST,
				    "\"%s\" is not an array", name);
			if (j->node[value].n > max)
				return err_setf(e, ERR_BAD_REQUEST,
				    "\"%s\" has %u entries, at most %zu are "
				    "allowed",
				    name, j->node[value].n, max);
			*ret = value;
		}
		at = json_next(j, value);
	}
	return ERR_OK;
}

struct relayed {
	struct eid id;
	struct str user;
	int64_t received_ms;
};

/* False: not such an entry.  It says nothing then; nothing depends on it. */
static bool
relayed_read(struct relayed *r, const struct json *j, uint32_t node,
    struct arena *a)
{
	struct str id, at;

	if (!json_str(j, json_get(j, node, "event_id"), a, &id) ||
	    !eid_parse(id, &r->id) ||
	    !json_str(j, json_get(j, node, "received_at"), a, &at) ||
	    !when_parse(at, &r->received_ms))
		return false;
	return !json_str(j, json_get(j, node, "user"), a, &r->user) ||
	    r->user.n <= PROTO_USER_MAX;
}

static enum err
relayed_apply(struct batch *b, uint32_t list, struct err_info *e)
{
	struct json *j = &b->json;
	struct map by_id = { 0 };
	enum err rc = ERR_OK;
	uint32_t at = list + 1;

	for (uint32_t i = 0; i < j->node[list].n; i++, at = json_next(j, at)) {
		struct relayed *r = arena_zero(&b->arena, sizeof *r);

		if (r == NULL) {
			rc = err_set(e, ERR_NOMEM);
			goto done;
		}
		if (!relayed_read(r, j, at, &b->arena))
			continue;
		if (!map_put(&by_id, eid_key(&r->id), r)) {
			rc = err_set(e, ERR_NOMEM);
			goto done;
		}
	}
	for (size_t i = 0; i < b->n; i++) {
		struct batch_item *it = &b->item[i];
		struct relayed *r = it->code == ERR_OK ?
		    map_get(&by_id, eid_key(&it->ev.id)) :
		    NULL;

		if (r == NULL)
			continue;
		it->relayed = true;
		it->user = r->user;
		it->received_ms = r->received_ms;
	}
done:
	map_fini(&by_id);
	return rc;
}

enum err
batch_values(struct batch *b, uint32_t first, size_t n, struct err_info *e)
{
	uint32_t at = first;

	b->item = arena_array(&b->arena, n, sizeof *b->item);
	if (b->item == NULL && n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++) {
		if (batch_judge(&b->item[i], &b->json, at, &b->arena, e) !=
		    ERR_OK)
			return e->code;
		b->n++;
		at = json_next(&b->json, at);
	}
	return ERR_OK;
}

void
batch_reset(struct batch *b)
{
	b->item = NULL;
	b->n = 0;
	arena_reset(&b->arena);
}

enum err
batch_decode(struct batch *b, struct str body, struct err_info *e)
{
	struct json *j = &b->json;
	uint32_t events, relayed;
	enum err rc;

	batch_reset(b);
	if (body.n > PROTO_BODY_PLAIN_MAX)
		return err_setf(e, ERR_TOO_LARGE, "the body has %zu bytes",
		    body.n);
	if (json_parse(j, body, JSON_DEPTH_MAX, e) != ERR_OK)
		return e->code;
	if (json_kind(j, 0) != JSON_OBJECT)
		return err_setf(e, ERR_BAD_REQUEST,
		    "the body is not an object");
	if (member(j, "events", PROTO_EVENTS_MAX, &events, e) != ERR_OK ||
	    member(j, "relayed", PROTO_EVENTS_MAX, &relayed, e) != ERR_OK)
		return e->code;
	if (events == 0)
		return err_setf(e, ERR_BAD_REQUEST,
		    "the body has no \"events\"");
	rc = batch_values(b, events + 1, j->node[events].n, e);
	return rc == ERR_OK && relayed != 0 ? relayed_apply(b, relayed, e) : rc;
}

void
batch_fini(struct batch *b)
{
	json_fini(&b->json);
	arena_fini(&b->arena);
	*b = (struct batch){ 0 };
}

/* --- the request, written ------------------------------------------------- */

/* {"event_id":"...","user":...,"received_at":"..."}, without the user */
enum { RELAYED_BYTES = 120 };

size_t
batch_send_bytes(const struct batch_send *ev)
{
	/* A byte of a name may need an escape of six. */
	return ev->raw.n + 1 +
	    (ev->relayed ? RELAYED_BYTES + 6 * ev->user.n : 0);
}

static void
relayed_encode(const struct batch_send *ev, struct json_writer *w)
{
	char id[EID_TEXT_MAX];

	json_obj(w);
	json_key(w, "event_id");
	json_put_str(w, str_n(id, eid_format(&ev->id, id)));
	if (ev->user.n > 0) {
		json_key(w, "user");
		json_put_str(w, ev->user);
	}
	json_key(w, "received_at"), when_put(w, ev->received_ms);
	json_end(w);
}

void
batch_encode(const struct batch_send *const *ev, size_t n, struct buf *out)
{
	struct json_writer w = { .out = out };
	size_t relayed = 0;

	json_obj(&w);
	json_key(&w, "events");
	json_arr(&w);
	for (size_t i = 0; i < n; i++) {
		json_put_raw(&w, ev[i]->raw);
		relayed += ev[i]->relayed;
	}
	json_end(&w);
	if (relayed > 0) {
		json_key(&w, "relayed");
		json_arr(&w);
		for (size_t i = 0; i < n; i++)
			if (ev[i]->relayed)
				relayed_encode(ev[i], &w);
		json_end(&w);
	}
	json_end(&w);
}

/* --- the answer, written -------------------------------------------------- */

static const char *const status_names[] = {
	[BATCH_SUCCESS] = "success",
	[BATCH_DUPLICATE] = "duplicate",
	[BATCH_REJECTED] = "rejected",
};

const char *
batch_status_name(enum batch_status s)
{
	return status_names[s];
}

static void
result_encode(const struct batch_result *r, struct buf *out)
{
	buf_adds(out, "{\"event_id\":");
	buf_addstr(out, r->id);
	buf_adds(out, ",\"status\":\"");
	buf_adds(out, status_names[r->status]);
	if (r->status != BATCH_REJECTED) {
		buf_adds(out, "\",\"seq\":");
		buf_addu(out, r->seq);
		buf_addc(out, '}');
		return;
	}
	/* Older clients read the reason from one of two members. */
	buf_adds(out, "\",\"error\":");
	json_add_str(out, r->why);
	buf_adds(out, ",\"error_message\":");
	json_add_str(out, r->why);
	buf_adds(out, ",\"code\":\"");
	buf_adds(out, err_wire(r->code));
	buf_adds(out, r->retry ? "\",\"retry\":true}" : "\",\"retry\":false}");
}

void
batch_results_encode(const struct batch_result *r, size_t n, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		result_encode(&r[i], out);
	}
	buf_addc(out, ']');
}

void
batch_answer_encode(const struct batch_answer *a, struct buf *out)
{
	buf_adds(out, "{\"results\":");
	batch_results_encode(a->result, a->n, out);
	buf_adds(out, ",\"epoch\":");
	json_add_str(out, a->epoch);
	buf_adds(out, ",\"head\":");
	buf_addu(out, a->head);
	buf_adds(out, ",\"clock\":");
	buf_addu(out, a->clock);
	buf_addc(out, '}');
}

/* --- the answer, read ----------------------------------------------------- */

static enum err
wrong(struct err_info *e, const char *what, size_t at)
{
	return err_setf(e, ERR_PROTOCOL,
	    "the answer to a batch is wrong: result %zu: %s", at + 1, what);
}

static bool
status_find(struct str name, enum batch_status *ret)
{
	for (int i = BATCH_SUCCESS; i <= BATCH_REJECTED; i++)
		if (str_is(name, status_names[i])) {
			*ret = (enum batch_status)i;
			return true;
		}
	return false;
}

static void
refusal_decode(struct batch_result *r, const struct json *j, uint32_t node,
    struct arena *a)
{
	struct str code = { 0 };

	if (json_str(j, json_get(j, node, "code"), a, &code))
		r->code = err_from_wire(code.p, code.n);
	if (!json_bool(j, json_get(j, node, "retry"), &r->retry))
		r->retry = false;
	if (!json_str(j, json_get(j, node, "error_message"), a, &r->why) &&
	    !json_str(j, json_get(j, node, "error"), a, &r->why))
		r->why = code;
	if (r->why.n > PROTO_WHY_MAX)
		r->why.n = PROTO_WHY_MAX;
	if (r->code == ERR_OK)
		r->code = ERR_REFUSED;
}

static enum err
result_decode(struct batch_result *r, size_t at, const struct json *j,
    uint32_t node, struct arena *a, struct err_info *e)
{
	uint32_t id = json_get(j, node, "event_id");
	struct str text, status;

	if (json_kind(j, node) != JSON_OBJECT)
		return wrong(e, "not an object", at);
	r->id = id != 0 ? json_raw(j, id) : STR("null");
	if (!json_str(j, id, a, &text) || !eid_parse(text, &r->eid))
		r->eid = (struct eid){ 0 };
	if (!json_str(j, json_get(j, node, "status"), a, &status))
		return wrong(e, "it has no status", at);
	if (!status_find(status, &r->status)) {
		if (status.n > 40)
			status.n = 40;
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a batch is wrong: unknown status \"%.*s\"",
		    STR_ARG(status));
	}
	if (r->status == BATCH_REJECTED)
		refusal_decode(r, j, node, a);
	else if (!json_u53(j, json_get(j, node, "seq"), &r->seq) || r->seq == 0)
		return wrong(e, "accepted without a seq", at);
	return ERR_OK;
}

enum err
batch_results_decode(struct batch_answer *ret, const struct json *j,
    struct arena *a, struct err_info *e)
{
	uint32_t list = json_get(j, 0, "results"), at = list + 1;

	if (list == 0 || json_kind(j, list) != JSON_ARRAY ||
	    j->node[list].n > PROTO_EVENTS_MAX ||
	    !json_u53(j, json_get(j, 0, "head"), &ret->head))
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a batch has no results, epoch and head");
	if (!json_u53(j, json_get(j, 0, "clock"), &ret->clock))
		ret->clock = 0;
	ret->n = j->node[list].n;
	ret->result = arena_array(a, ret->n, sizeof *ret->result);
	if (ret->result == NULL && ret->n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < ret->n; i++, at = json_next(j, at))
		if (result_decode(&ret->result[i], i, j, at, a, e) != ERR_OK)
			return e->code;
	return ERR_OK;
}

enum err
batch_answer_decode(struct batch_answer *ret, struct json *j, struct str body,
    struct arena *a, struct err_info *e)
{
	struct err_info in = { 0 };

	*ret = (struct batch_answer){ 0 };
	if (json_parse(j, body, JSON_DEPTH_MAX, &in) != ERR_OK) {
		*e = in;
		if (in.code != ERR_NOMEM)
			return err_setf(e, ERR_PROTOCOL,
			    "the answer to a batch is wrong: %s", in.text);
		return e->code;
	}
	if (batch_results_decode(ret, j, a, e) != ERR_OK)
		return e->code;
	if (!json_str(j, json_get(j, 0, "epoch"), a, &ret->epoch) ||
	    ret->epoch.n == 0 || ret->epoch.n > PROTO_EPOCH_MAX)
		return err_setf(e, ERR_PROTOCOL,
		    "the answer to a batch has no results, epoch and head");
	return ERR_OK;
}
