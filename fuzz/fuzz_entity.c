/* Covers: state of an entity from bytes.  What is accepted encodes to the same
 * bytes again and can be read in every way. */
#include <stdlib.h>

#include "entity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct entity_key key = { { "p", 1 }, { "todo", 4 },
		{ "k", 1 } };
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
		if (entity_digest(en, d, &e) != ERR_OK)
			abort();
		(void)entity_present(en);
		(void)entity_shown(en, "status");
	}
	entity_free(en);
	entity_free(again);
	buf_fini(&out);
	buf_fini(&out2);
	return 0;
}
