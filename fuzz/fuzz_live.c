/* Fuzz: what a client says on a live connection.  Covers live_decode and
 * live_put_session.
 *
 * Held: no crash; what was read is within the limits; a bare envelope and the
 * same one wrapped are judged alike; a session that is sent on is JSON of its own,
 * with the user that the hub names and no other. */
#include <stdint.h>
#include <stdlib.h>

#include "live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
wrapped(const struct batch *b, struct str bare)
{
	struct batch other = { 0 };
	struct buf m = { 0 };
	struct err_info e = { 0 };
	struct live_in in;

	buf_adds(&m, "{\"type\":\"event\",\"event\":");
	buf_addstr(&m, bare);
	buf_addc(&m, '}');
	/* It may be nested too deep by now. */
	if (live_decode(&in, &other, buf_str(&m), &e) == ERR_OK) {
		must(in.kind == LIVE_EVENTS && other.n == 1);
		must(other.item[0].code == b->item[0].code);
		must(str_eq(other.item[0].id, b->item[0].id));
	} else {
		must(e.code == ERR_BAD_JSON);
	}
	batch_fini(&other);
	buf_fini(&m);
}

static void
sent_on(const struct batch *b, const struct live_session *s)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct buf out = { 0 };
	struct err_info e = { 0 };
	struct str id;

	live_put_session(&b->json, s->node, STR("a\"n"), &out);
	must(json_parse(&j, buf_str(&out), JSON_DEPTH_MAX, &e) == ERR_OK);
	must(json_check(&j, 0, JSON_DEPTH_MAX, &e) == ERR_OK);
	must(json_str_is(&j, json_get(&j, 0, "user"), STR("a\"n")));
	must(json_str(&j, json_get(&j, 0, "session_id"), &a, &id));
	must(str_eq(id, s->id));
	json_fini(&j);
	arena_fini(&a);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str message = str_n(data, size);
	struct batch b = { 0 };
	struct err_info e = { 0 };
	struct live_in in;

	b.json.count_max = 1 << 16;
	if (live_decode(&in, &b, message, &e) != ERR_OK) {
		must(e.code == ERR_BAD_JSON || e.code == ERR_BAD_REQUEST ||
		    e.code == ERR_TOO_LARGE);
	} else {
		must(b.n <= PROTO_EVENTS_MAX);
		must(in.n_sessions <= LIVE_SESSIONS_MAX);
		must(in.token.n <= LIVE_TOKEN_MAX);
		must(in.epoch.n <= PROTO_EPOCH_MAX);
		must((in.kind == LIVE_EVENTS) || b.n == 0);
		for (size_t i = 0; i < in.n_sessions; i++)
			sent_on(&b, &in.session[i]);
		if (in.kind == LIVE_EVENTS && in.type.n == 0 &&
		    json_get(&b.json, 0, "type") == 0)
			wrapped(&b, message);
	}
	batch_fini(&b);
	return 0;
}
