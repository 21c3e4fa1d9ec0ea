/* Fuzz: what a client says on a live connection.  Covers live_decode.
 *
 * Held: no crash; what was read is within the limits; a bare envelope and the
 * same one wrapped are judged alike. */
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
		if (in.kind == LIVE_EVENTS && in.type.n == 0 &&
		    json_get(&b.json, 0, "type") == 0)
			wrapped(&b, message);
	}
	batch_fini(&b);
	return 0;
}
