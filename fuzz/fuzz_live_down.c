/* Fuzz: what a hub, or whoever stands for it, says on a live connection.  Covers
 * live_down_decode.
 *
 * Held: no crash; what was read is within the limits and in order; what was refused
 * leaves nothing behind. */
#include <stdint.h>
#include <stdlib.h>

#include "live_down.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
look(const struct live_down *d)
{
	must(d->kind == LIVE_DOWN_ROWS || d->rows.n == 0);
	for (size_t i = 0; i < d->rows.n; i++) {
		must(d->rows.item[i].seq > 0);
		must(i == 0 ||
		    d->rows.item[i].seq == d->rows.item[i - 1].seq + 1);
		must(d->rows.item[i].user.n <= PROTO_USER_MAX);
	}
	must(d->rows.n == 0 || d->rows.next == d->rows.item[d->rows.n - 1].seq);
	must(d->kind == LIVE_DOWN_ACK || d->ack.n == 0);
	for (size_t i = 0; i < d->ack.n; i++)
		must((d->ack.result[i].status == BATCH_REJECTED) ==
		    (d->ack.result[i].seq == 0));
	must(d->epoch.n <= PROTO_EPOCH_MAX && d->why.n <= PROTO_WHY_MAX);
	must(d->kind != LIVE_DOWN_RESYNC || d->epoch.n > 0);
	must(d->kind != LIVE_DOWN_ERROR || d->code != ERR_OK);
	must(d->kind != LIVE_DOWN_PRESENCE || d->raw.n >= 2);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json j = { .count_max = 1 << 16 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct live_down d;

	if (live_down_decode(&d, &j, str_n(data, size), &a, &e) == ERR_OK) {
		look(&d);
	} else {
		must(e.code == ERR_PROTOCOL && e.text[0] != '\0');
		must(d.kind == LIVE_DOWN_OTHER && d.rows.n == 0 &&
		    d.ack.n == 0);
	}
	json_fini(&j);
	arena_fini(&a);
	return 0;
}
