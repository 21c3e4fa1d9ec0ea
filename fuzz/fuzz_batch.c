/* Fuzz: the body of a batch and the answer to one.  Covers batch_decode (whole
 * body, each event, relayed), batch_answer_decode, error_body_decode.
 *
 * Held: no crash; what was accepted is within the limits and is itself again
 * when it is written and read once more. */
#include <stdint.h>
#include <stdlib.h>

#include "batch.h"
#include "body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
again(const struct batch *b)
{
	const struct batch_send **send = calloc(b->n + 1, sizeof *send);
	struct batch_send *one = calloc(b->n + 1, sizeof *one);
	struct batch twice = { 0 };
	struct err_info e = { 0 };
	struct buf body = { 0 };
	size_t n = 0, at = 0;

	must(send != NULL && one != NULL);
	for (size_t i = 0; i < b->n; i++) {
		const struct batch_item *it = &b->item[i];

		must((it->code == ERR_OK) == (it->why.n == 0));
		must(it->id.n > 0);
		if (it->code != ERR_OK)
			continue;
		one[n] = (struct batch_send){ it->ev.id, it->ev.raw,
			it->relayed, it->user, it->received_ms };
		send[n] = &one[n];
		n++;
	}
	batch_encode(send, n, &body);
	must(!body.failed);
	/* Indentation goes, events do not. */
	must(batch_decode(&twice, buf_str(&body), &e) == ERR_OK);
	must(twice.n == n);
	for (size_t i = 0; i < b->n; i++) {
		const struct batch_item *it = &b->item[i];

		if (it->code != ERR_OK)
			continue;
		must(twice.item[at].code == ERR_OK);
		must(str_eq(twice.item[at].ev.raw, it->ev.raw));
		must(str_eq(twice.item[at].id, it->id));
		at++;
	}
	batch_fini(&twice);
	buf_fini(&body);
	free(send);
	free(one);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = str_n(data, size);
	struct batch b = { 0 };
	struct batch_answer answer;
	struct error_body error;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };

	if (batch_decode(&b, body, &e) == ERR_OK) {
		must(b.n <= PROTO_EVENTS_MAX);
		again(&b);
	} else {
		must(e.code == ERR_BAD_JSON || e.code == ERR_BAD_REQUEST ||
		    e.code == ERR_TOO_LARGE);
	}
	batch_fini(&b);
	if (batch_answer_decode(&answer, &j, body, &a, &e) == ERR_OK)
		for (size_t i = 0; i < answer.n; i++)
			must((answer.result[i].status == BATCH_REJECTED) ==
			    (answer.result[i].seq == 0));
	if (error_body_decode(&error, body, &a))
		must(error.wire.n > 0 && error.message.n <= PROTO_WHY_MAX);
	json_fini(&j);
	arena_fini(&a);
	return 0;
}
