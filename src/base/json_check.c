/* What the parser lets pass and the protocol does not: depth of one value, and
 * keys that stand twice in one object. */
#include <stdlib.h>

#include "fault.h"
#include "json_int.h"
#include "map.h"
#include "utf8.h"

enum {
	PAIRWISE_MAX = 32,   /* members; above, a map is faster */
	SHOWN_BYTES_MAX = 60 /* of a key in an error text */
};

static enum err
twice(const struct json *j, uint32_t key, struct err_info *e)
{
	struct str s = json_inner(j, key);

	/* As written in the text: there it has no control characters. */
	if (s.n > SHOWN_BYTES_MAX) {
		s.n = SHOWN_BYTES_MAX;
		while (s.n > 0 && utf8_is_tail((uint8_t)s.p[s.n]))
			s.n--;
	}
	return err_setf(e, ERR_BAD_JSON, "key \"%.*s\" stands twice (byte %u)",
	    STR_ARG(s), j->node[key].start);
}

/* The resolved key: a view, or a copy in a. */
static enum err
key_of(const struct json *j, uint32_t key, struct arena *a, struct str *ret,
    struct err_info *e)
{
	return json_str(j, key, a, ret) ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* Keys with different signatures, 0 to 63, are different. */
static unsigned
signature(struct str s)
{
	uint32_t v = (uint32_t)s.n;

	if (s.n > 0)
		v = v * 31 + (uint8_t)s.p[0] * 7u +
		    (uint8_t)s.p[s.n / 2] * 13u + (uint8_t)s.p[s.n - 1];
	return (v * UINT32_C(0x9e3779b1)) >> 26;
}

static enum err
check_small(const struct json *j, uint32_t node, struct arena *a,
    struct err_info *e)
{
	struct str key[PAIRWISE_MAX];
	uint64_t marks = 0;
	uint32_t at = node + 1;

	for (unsigned i = 0; i < j->node[node].n; i++) {
		enum err rc = key_of(j, at, a, &key[i], e);
		uint64_t mark;

		if (rc != ERR_OK)
			return rc;
		mark = UINT64_C(1) << signature(key[i]);
		for (unsigned k = 0; (marks & mark) != 0 && k < i; k++)
			if (str_eq(key[k], key[i]))
				return twice(j, at, e);
		marks |= mark;
		at = json_next(j, at + 1);
	}
	return ERR_OK;
}

static enum err
check_large(const struct json *j, uint32_t node, struct arena *a,
    struct err_info *e)
{
	static char here;
	struct map seen = { 0 };
	enum err rc = ERR_OK;
	uint32_t at = node + 1;

	for (unsigned i = 0; i < j->node[node].n && rc == ERR_OK; i++) {
		struct str key;

		rc = key_of(j, at, a, &key, e);
		if (rc == ERR_OK && map_get(&seen, key) != NULL)
			rc = twice(j, at, e);
		if (rc == ERR_OK && !map_put(&seen, key, &here))
			rc = err_set(e, ERR_NOMEM);
		at = json_next(j, at + 1);
	}
	map_fini(&seen);
	return rc;
}

static enum err
check_keys(const struct json *j, uint32_t node, struct err_info *e)
{
	struct arena a = { 0 };
	enum err rc;

	if (j->node[node].n <= PAIRWISE_MAX)
		rc = check_small(j, node, &a, e);
	else
		rc = check_large(j, node, &a, e);
	arena_fini(&a);
	return rc;
}

/* `ends` has room for depth_max: where each open container ends. */
static enum err
walk(const struct json *j, uint32_t node, uint32_t *ends, unsigned depth_max,
    struct err_info *e)
{
	unsigned depth = 0;

	for (uint32_t at = node; at < j->node[node].next; at++) {
		enum json_kind kind = json_kind(j, at);
		enum err rc;

		while (depth > 0 && ends[depth - 1] <= at)
			depth--;
		if (kind != JSON_ARRAY && kind != JSON_OBJECT)
			continue;
		if (depth == depth_max)
			return err_setf(e, ERR_BAD_JSON,
			    "nested deeper than %u (byte %u)", depth_max,
			    j->node[at].start);
		ends[depth++] = json_next(j, at);
		rc = kind == JSON_OBJECT ? check_keys(j, at, e) : ERR_OK;
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err
json_check(const struct json *j, uint32_t node, unsigned depth_max,
    struct err_info *e)
{
	uint32_t few[JSON_DEPTH_MAX], *many;
	uint32_t nodes = json_next(j, node) - node;
	enum err rc;

	if (depth_max <= JSON_DEPTH_MAX)
		return walk(j, node, few, depth_max, e);
	/* No deeper than there are nodes. */
	many =
	    mem_alloc((depth_max < nodes ? depth_max : nodes) * sizeof *many);
	if (many == NULL)
		return err_set(e, ERR_NOMEM);
	rc = walk(j, node, many, depth_max, e);
	free(many);
	return rc;
}
