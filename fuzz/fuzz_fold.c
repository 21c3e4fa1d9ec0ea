/* Covers: the fold of events that were made to collide.  The input is a program:
 * each step of a few bytes makes one event of one work package or todo; the fold
 * must be the same forwards and backwards, and equal event by event. */
#include <stdlib.h>

#include "fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP_BYTES = 6, STEPS_MAX = 64 };

static const struct {
	const char *type, *aggregate, *payload;
} kinds[] = {
	{ "todo_added", "todo", "{\"content\":\"c\"}" },
	{ "todo_status_changed", "todo", "{\"status\":\"completed\"}" },
	{ "todo_status_changed", "todo", "{\"status\":\"pending\"}" },
	{ "todo_status_changed", "todo", "{\"status\":\"in_progress\"}" },
	{ "todo_observed", "todo",
	    "{\"reporter\":\"r:1\",\"status\":\"completed\"}" },
	{ "todo_observed", "todo",
	    "{\"reporter\":\"r:2\",\"status\":\"pending\"}" },
	{ "todo_updated", "todo",
	    "{\"blocks\":[\"a\",\"b\"],\"description\":\"d\"}" },
	{ "todo_updated", "todo",
	    "{\"blocks\":{\"remove\":[\"a\"]},\"priority\":1}" },
	{ "todo_updated", "todo", "{\"blocks\":[\"c\"],\"content\":\"d\"}" },
	{ "todo_deleted", "todo", "{}" },
	{ "reverted", "todo",
	    "{\"reverts\":[],\"status\":\"completed\",\"content\":\"e\"}" },
	{ "conflict_resolved", "todo",
	    "{\"conflict_id\":\"x\",\"field\":\"present\",\"value\":true}" },
};

static void
add_event(struct buf *out, const uint8_t *b, unsigned i)
{
	const char *comma = "";
	size_t k = b[0] % (sizeof kinds / sizeof kinds[0]);

	buf_addf(out,
	    "{\"event_id\":\"%032x\",\"event_type\":\"%s\","
	    "\"aggregate_type\":\"%s\",\"aggregate_id\":\"t%u\","
	    "\"lamport_clock\":%u,\"node_id\":\"n%u\","
	    "\"timestamp\":\"2026-01-01T00:00:00Z\",\"payload\":%s",
	    i, kinds[k].type, kinds[k].aggregate, (b[1] >> 7) & 1u,
	    (b[1] & 0x3fu) + i / 2, b[2] % 3u, kinds[k].payload);
	if (b[2] & 0x80) {
		buf_addc(out, '}');
		return;
	}
	buf_adds(out, ",\"replaces\":[");
	for (unsigned bit = 0; bit < 16; bit++)
		if ((b[3] | (unsigned)b[4] << 8) >> bit & 1) {
			buf_addf(out, "%s\"%032x\"", comma,
			    i > bit ? i - 1 - bit : i + bit);
			comma = ",";
		}
	buf_adds(out, "]}");
}

static void
fold(const uint8_t *data, unsigned steps, bool backwards, struct buf *out)
{
	struct fold *f = NULL;
	struct err_info e = { 0 };
	struct buf text = { 0 };

	if (fold_new(&f, &e) != ERR_OK)
		abort();
	for (unsigned k = 0; k < steps; k++) {
		unsigned i = backwards ? steps - 1 - k : k;

		buf_reset(&text);
		add_event(&text, data + (size_t)i * STEP_BYTES, i);
		if (fold_add(f, buf_str(&text), &e) != ERR_OK)
			abort();
	}
	if (fold_write(f, out, &e) != ERR_OK)
		abort();
	buf_fini(&text);
	fold_free(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned steps = (unsigned)(size / STEP_BYTES);
	struct buf a = { 0 }, b = { 0 };

	if (steps > STEPS_MAX)
		steps = STEPS_MAX;
	fold(data, steps, false, &a);
	fold(data, steps, true, &b);
	if (!str_eq(buf_str(&a), buf_str(&b)))
		abort();
	buf_fini(&a);
	buf_fini(&b);
	return 0;
}
