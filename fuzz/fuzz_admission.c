/* A hub and a client that meet: the input is the body of a batch.  Covers
 * batch_decode, admission, what the store of a hub makes of foreign events, the
 * answer, the rows of a pull, and the store of a client that takes them in.
 *
 * Held: each event has a result; sent twice, it is not there twice; both stores
 * verify and have the same digest. */
#include <stdlib.h>

#include "admission.h"
#include "pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1700000000000;
}

static void
random_bytes(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

struct replica_of {
	struct store *s; /* own */
	space_id sp;
};

static void
replica_open(struct replica_of *r, bool hub)
{
	struct store_options opt = { .hub = hub,
		.env = { wall_ms, random_bytes, NULL } };
	struct err_info e = { 0 };
	struct str at = str_of(hub ? "" : "h");

	must(store_mem_open(&r->s, &opt, &e) == ERR_OK);
	must(store_begin(r->s, &e) == ERR_OK);
	must(store_space_add(r->s, at, at, STR("t"), &r->sp, &e) == ERR_OK);
	if (hub)
		must(store_resync(r->s, r->sp, STR("e1"), &e) == ERR_OK);
	must(store_commit(r->s, &e) == ERR_OK);
}

/* Returns how many were new. */
static size_t
push(struct replica_of *hub, const struct batch *b)
{
	struct admission ad = { .store = hub->s };
	struct sender from = {
		.user = STR("ann"), .now_ms = 1700000000000, .space = hub->sp
	};
	struct batch_answer answer, told;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf body = { 0 };
	struct err_info e = { 0 };
	size_t fresh = 0;

	must(store_begin(hub->s, &e) == ERR_OK);
	admission_begin(&ad);
	must(admission_batch(&ad, &from, b, &a, &answer, &e) == ERR_OK);
	must(store_commit(hub->s, &e) == ERR_OK);
	must(answer.n == b->n);
	batch_answer_encode(&answer, &body);
	must(batch_answer_decode(&told, &j, buf_str(&body), &a, &e) == ERR_OK);
	must(told.n == answer.n && told.head == answer.head);
	for (size_t i = 0; i < answer.n; i++) {
		must((told.result[i].status == BATCH_REJECTED) ==
		    (told.result[i].seq == 0));
		fresh += told.result[i].status == BATCH_SUCCESS;
	}
	admission_fini(&ad);
	buf_fini(&body);
	json_fini(&j);
	arena_fini(&a);
	return fresh;
}

static enum err
add_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct pull_row out = { row->seq, row->user, row->received_ms,
		row->relayed, row->raw };
	struct buf *body = ctx;

	(void)e;
	pull_answer_row(&out, row->pos == 1, body);
	return ERR_OK;
}

static void
pull(struct replica_of *hub, struct replica_of *client, size_t head)
{
	struct pull_answer p;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf body = { 0 };
	struct err_info e = { 0 };

	pull_answer_begin(STR("e1"), &body);
	must(store_log(hub->s, hub->sp, 0, 0, add_row, &body, &e) == ERR_OK);
	pull_answer_end(head, head, &body);
	must(pull_answer_decode(&p, &j, buf_str(&body), &a, &e) == ERR_OK);
	must(p.n == head);
	must(store_begin(client->s, &e) == ERR_OK);
	for (size_t i = 0; i < p.n; i++) {
		struct arrival in = { &p.item[i].ev, p.item[i].seq,
			p.item[i].user, p.item[i].received_ms,
			p.item[i].relayed, 0 };
		enum put put;
		uint64_t seq;

		must(store_put(client->s, client->sp, &in, &put, &seq, &e) ==
		    ERR_OK);
		must(put == PUT_NEW);
	}
	must(store_pulled(client->s, client->sp, STR("e1"), head, head, &e) ==
	    ERR_OK);
	must(store_commit(client->s, &e) == ERR_OK);
	buf_fini(&body);
	json_fini(&j);
	arena_fini(&a);
}

static void
digest(struct replica_of *r, uint8_t out[32])
{
	struct store_report report = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct space sp;

	must(store_verify(r->s, &report, NULL, NULL, NULL, &e) == ERR_OK);
	must(store_space_get(r->s, r->sp, &a, &sp, &e) == ERR_OK);
	memcpy(out, sp.digest, 32);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replica_of hub = { 0 }, client = { 0 };
	struct batch b = { 0 };
	struct err_info e = { 0 };
	uint8_t ours[32], theirs[32];
	size_t n;

	if (batch_decode(&b, str_n(data, size), &e) == ERR_OK && b.n > 0) {
		replica_open(&hub, true);
		replica_open(&client, false);
		n = push(&hub, &b);
		/* Something that had waited for a later one may go in now. */
		for (size_t i = 0; i < b.n; i++)
			n += push(&hub, &b);
		must(push(&hub, &b) == 0);
		pull(&hub, &client, n);
		digest(&hub, ours);
		digest(&client, theirs);
		must(memcmp(ours, theirs, sizeof ours) == 0);
		store_close(hub.s);
		store_close(client.s);
	}
	batch_fini(&b);
	return 0;
}
