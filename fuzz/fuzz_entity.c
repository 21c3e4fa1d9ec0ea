/* Covers: state of an entity from bytes, both ways of it.  What is accepted
 * encodes to the same bytes again and can be read in every way. */
#include <stdlib.h>

#include "entity.h"

static const struct entity_key key = { { "p", 1 }, { "todo", 4 }, { "k", 1 } };

/* To look at only: the same bytes, and of any bytes no harm. */
static void
look(const uint8_t *data, size_t size, bool must_fit)
{
	const struct entity *en;
	struct arena a = { 0 };
	struct buf out = { 0 };
	struct err_info e = { 0 };
	uint8_t d[32];

	if (entity_decode_in(&a, &key, str_n(data, size), &en, &e) == ERR_OK) {
		entity_encode(en, &out);
		if (must_fit && !str_eq(buf_str(&out), str_n(data, size)))
			abort();
		if (entity_digest(en, d, &e) != ERR_OK)
			abort();
		(void)entity_present(en);
		(void)entity_shown(en, "status");
	} else if (must_fit) {
		abort();
	}
	buf_fini(&out);
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct entity *en = NULL, *again = NULL;
	struct buf out = { 0 }, out2 = { 0 };
	struct err_info e = { 0 };
	uint8_t d[32];

	if (entity_decode(&en, &key, str_n(data, size), &e) == ERR_OK) {
		entity_encode(en, &out);
		if (entity_decode(&again, &key, buf_str(&out), &e) != ERR_OK)
			abort();
		entity_encode(again, &out2);
		if (!str_eq(buf_str(&out), buf_str(&out2)))
			abort();
		look((const uint8_t *)out.data, out.len, true);
		if (entity_digest(en, d, &e) != ERR_OK)
			abort();
		(void)entity_present(en);
		(void)entity_shown(en, "status");
	}
	look(data, size, false);
	entity_free(en);
	entity_free(again);
	buf_fini(&out);
	buf_fini(&out2);
	return 0;
}
