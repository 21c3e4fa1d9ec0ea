/* A client against a hub that answers as it likes.  Covers the conversation
 * (sync), the answers of batch and pull, and what the store takes in.
 *
 * The input is the answers, one after the other, parted by the byte 0x1e.  The
 * first byte of each says how it comes: a letter of `how`, the rest is the body.
 *
 * Held: the conversation ends; own events are there still; the store verifies. */
#include <stdlib.h>

#include "replica.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ASKED_MAX = 200, OWN = 3 };

static const struct {
	char letter;
	enum err transport;
	unsigned status;
} how[] = {
	{ '2', ERR_OK, 200 },
	{ '0', ERR_OK, 400 },
	{ '1', ERR_OK, 401 },
	{ '3', ERR_OK, 413 },
	{ '5', ERR_OK, 503 },
	{ '9', ERR_OK, 409 },
	{ '4', ERR_OK, 404 },
	{ 'x', ERR_UNREACHABLE, 0 },
	{ 'p', ERR_PROTOCOL, 0 },
};

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

/* Always the same: a corpus names the ids that come of it. */
static void
random_bytes(void *ctx, void *out, size_t n)
{
	uint8_t *next = ctx, *p = out;

	for (size_t i = 0; i < n; i++)
		p[i] = (*next)++;
}

static void
author(struct store *s, space_id sp)
{
	struct draft d = { .type = STR("todo_added"),
		.aggregate_type = STR("todo"),
		.payload = STR("{\"content\":\"c\"}"),
		.author = STR("user:ann"),
		.project_uuid = STR("11111111-1111-4111-8111-111111111111") };
	char id[8] = "todo-0";
	struct err_info e = { 0 };

	must(store_begin(s, &e) == ERR_OK);
	for (int i = 0; i < OWN; i++) {
		id[5] = (char)('0' + i);
		d.aggregate_id = str_of(id);
		must(store_author(s, sp, &d, NULL, &e) == ERR_OK);
	}
	must(store_commit(s, &e) == ERR_OK);
}

/* One answer, taken off the input. */
static void
answer(struct sync *conversation, struct str *in)
{
	struct sync_reply reply = { .retry_after_s = -1 };
	struct str one = { 0 };
	size_t k = 0, last = sizeof how / sizeof how[0] - 1;

	if (!str_split(in, '\x1e', &one) || one.n == 0)
		one = STR("x");
	while (k < last && how[k].letter != one.p[0])
		k++;
	reply.transport = how[k].transport;
	reply.text = "nobody is there";
	reply.status = how[k].status;
	if (reply.transport == ERR_OK)
		reply.body = str_n(one.p + 1, one.n - 1);
	sync_answer(conversation, &reply);
}

static void
talk(struct sync *conversation, struct str in)
{
	struct err_info e = { 0 };
	struct sync_want want;
	unsigned asked = 0;

	do {
		sync_step(conversation, &want);
		switch (want.need) {
		case SYNC_SEND:
			must(++asked < ASKED_MAX);
			answer(conversation, &in);
			break;
		case SYNC_REFRESH:
			sync_refreshed(conversation, ERR_OK, &e);
			break;
		case SYNC_WAIT:
		case SYNC_DONE:
			break;
		case SYNC_FAILED:
			must(want.error->code != ERR_OK);
			must(want.error->text[0] != '\0');
			break;
		}
	} while (want.need < SYNC_DONE);
}

static void
look(struct store *s, space_id sp)
{
	struct store_report report = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct space now;

	must(store_verify(s, &report, NULL, NULL, NULL, &e) == ERR_OK);
	must(store_space_get(s, sp, &a, &now, &e) == ERR_OK);
	must(now.events >= OWN);
	must(now.unacked + now.refused <= now.events);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t next = 0;
	struct store_options opt = { .env = { wall_ms, random_bytes, &next } };
	struct sync_options tries = { .tries = 2 };
	struct replica r = { .env = opt.env };
	struct sync_replica functions;
	struct sync *conversation = NULL;
	struct err_info e = { 0 };

	must(store_mem_open(&r.store, &opt, &e) == ERR_OK);
	must(store_begin(r.store, &e) == ERR_OK);
	must(store_space_add(r.store, STR("h"), STR("ann"), STR("ann"),
	         &r.space, &e) == ERR_OK);
	must(store_commit(r.store, &e) == ERR_OK);
	author(r.store, r.space);
	replica_sync(&r, &functions);
	must(sync_new(&conversation, &functions, &tries, &e) == ERR_OK);
	talk(conversation, str_n(data, size));
	look(r.store, r.space);
	sync_free(conversation);
	store_close(r.store);
	return 0;
}
