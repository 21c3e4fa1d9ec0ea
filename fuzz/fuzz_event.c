/* Covers: envelope decode, payload checks, the writes of an event, stamping
 * anew; what was read must read back the same. */
#include <stdlib.h>

#include "event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
stamp_anew(const struct event *ev)
{
	struct buf out = { 0 };
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };
	struct event again;

	event_restamp(ev, CLOCK_MAX, STR("node"), 1, ev->replaces,
	    ev->n_replaces, &out);
	if (out.len <= EVENT_BYTES_MAX &&
	    (event_parse(&again, &j, buf_str(&out), &a, &e) != ERR_OK ||
	        again.clock != CLOCK_MAX || !eid_eq(&again.id, &ev->id) ||
	        again.folds != ev->folds))
		abort();
	json_fini(&j);
	arena_fini(&a);
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };
	struct event ev;
	struct writes w;
	uint8_t h[32];

	if (event_parse(&ev, &j, str_n(data, size), &a, &e) == ERR_OK) {
		enum err rc = event_check(&ev, &e);

		if (ev.folds && rc != ERR_OK)
			abort();
		if (event_writes(&ev, &a, &w, &e) != ERR_OK ||
		    event_content_hash(&ev, h, &e) != ERR_OK)
			abort();
		stamp_anew(&ev);
	}
	json_fini(&j);
	arena_fini(&a);
	return 0;
}
