/* Covers json_parse, json_check, the readers, json_canon and the writer.  What
 * must hold: a text that parses has a canonical form, which parses, whose
 * canonical form is itself and which says the same of duplicate keys. */
#include <stdlib.h>

#include "json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 200 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* A string that was read is written and read again. */
static void
string_again(const struct json *j, uint32_t node, struct arena *a)
{
	struct json again = { 0 };
	struct err_info e = { 0 };
	struct buf b = { 0 };
	struct str s, same;

	must(json_str(j, node, a, &s));
	must(json_str_is(j, node, s));
	json_add_str(&b, s);
	must(json_parse(&again, buf_str(&b), 0, &e) == ERR_OK);
	must(json_str(&again, 0, a, &same) && str_eq(s, same));
	json_fini(&again);
	buf_fini(&b);
}

/* Every node is inside of its parent's bytes and indexes. */
static void
look_at(const struct json *j, uint32_t node, struct arena *a)
{
	uint32_t at = node + 1;
	uint64_t u;
	int64_t i;
	bool v;

	must(json_next(j, node) <= j->count);
	switch (json_kind(j, node)) {
	case JSON_STRING:
		string_again(j, node, a);
		break;
	case JSON_NUMBER:
		if (json_u53(j, node, &u))
			must(json_i53(j, node, &i) && (uint64_t)i == u);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		must(json_bool(j, node, &v));
		break;
	case JSON_NULL:
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		for (unsigned n = j->node[node].n; n > 0; n--) {
			if (json_kind(j, node) == JSON_OBJECT)
				at = json_next(j, at);
			must(j->node[at].start > j->node[node].start);
			must(j->node[at].end < j->node[node].end);
			at = json_next(j, at);
		}
		break;
	}
	must(at == json_next(j, node));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json j = { 0 }, canon = { 0 };
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct buf once = { 0 }, twice = { 0 };

	if (json_parse(&j, str_n(data, size), DEPTH, &e) == ERR_OK) {
		for (uint32_t node = 0; node < j.count; node++)
			look_at(&j, node, &a);
		json_canon(&j, 0, &once);
		must(json_parse(&canon, buf_str(&once), DEPTH, &e) == ERR_OK);
		must(canon.count == j.count);
		json_canon(&canon, 0, &twice);
		must(str_eq(buf_str(&once), buf_str(&twice)));
		must(json_check(&j, 0, DEPTH, &e) ==
		    json_check(&canon, 0, DEPTH, &e));
	}
	json_fini(&j);
	json_fini(&canon);
	arena_fini(&a);
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
