/* Fuzz: the answer to a pull and its query.  Covers pull_answer_decode,
 * pull_query_decode, health_decode.
 *
 * Held: no crash; what was accepted has no gap, and is the same when it is
 * written and read once more. */
#include <stdint.h>
#include <stdlib.h>

#include "body.h"
#include "pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
again(const struct pull_answer *p)
{
	struct pull_answer twice;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf body = { 0 };
	struct err_info e = { 0 };

	pull_answer_begin(p->epoch, &body);
	for (size_t i = 0; i < p->n; i++) {
		const struct pull_item *it = &p->item[i];
		struct pull_row row = { it->seq, it->user, it->received_ms,
			it->relayed, it->ev.raw };

		must(i == 0 || it->seq == p->item[i - 1].seq + 1);
		pull_answer_row(&row, i == 0, &body);
	}
	pull_answer_end(p->next, p->head, &body);
	must(!body.failed);
	must(pull_answer_decode(&twice, &j, buf_str(&body), &a, &e) == ERR_OK);
	must(twice.n == p->n && twice.next == p->next && twice.head == p->head);
	must(str_eq(twice.epoch, p->epoch));
	for (size_t i = 0; i < p->n; i++) {
		must(str_eq(twice.item[i].ev.raw, p->item[i].ev.raw));
		must(str_eq(twice.item[i].user, p->item[i].user));
		must(twice.item[i].received_ms == p->item[i].received_ms);
	}
	arena_fini(&a);
	json_fini(&j);
	buf_fini(&body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = str_n(data, size);
	struct pull_answer p;
	struct pull_query q;
	struct health_body h;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };

	if (pull_answer_decode(&p, &j, body, &a, &e) == ERR_OK)
		again(&p);
	else
		must(e.code == ERR_PROTOCOL && p.n == 0);
	if (pull_query_decode(&q, body, &a, &e) == ERR_OK)
		must(q.limit > 0 && q.limit <= PROTO_EVENTS_MAX &&
		    (q.epoch.n > 0 || q.after == 0));
	(void)health_decode(&h, body, &a, &e);
	json_fini(&j);
	arena_fini(&a);
	return 0;
}
