/* JSON: a strict parser to a flat tape, an append-style writer, the canonical
 * form.  RFC 8259, RFC 8785.
 *
 * The tape keeps byte ranges of the text, so a value can be stored and sent on
 * byte for byte.  Node 0 is the root.  The children of an object are key,
 * value, key, value ...; `next` of a node is the index behind its whole
 * subtree, so that siblings are walked without recursion.
 *
 * Fails: ERR_BAD_JSON with what and the byte offset; ERR_TOO_LARGE for a text
 * of 4 GiB or more or with more than count_max nodes; ERR_NOMEM.  Never recurses: depth costs memory of the tape
 * only. */
#ifndef CLOWDER_JSON_H
#define CLOWDER_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json_node {
	uint32_t start; /* byte offset; of a string: of its opening quote */
	uint32_t
	    end; /* behind the last byte; of a string: behind the closing quote */
	uint32_t next;        /* index behind the subtree */
	uint32_t n : 28;      /* children of an array, members of an object */
	uint32_t kind : 3;    /* enum json_kind */
	uint32_t escaped : 1; /* string with a backslash in it */
};

struct json {
	const char *text;       /* borrow: must outlive the tape */
	struct json_node *node; /* own */
	size_t cap;
	uint32_t count;
	/* Nodes that a text may have, above it ERR_TOO_LARGE; 0 = no limit.  To
	 * be set before the first parse.  A node is 16 bytes and "[0,0,..." has
	 * one every two bytes: whoever parses what strangers send sets it. */
	uint32_t count_max;
};

enum { JSON_DEPTH_MAX = 64 }; /* docs/protocol.md, Batch: of a whole body */

void json_fini(struct json *j); /* safe on a zeroed one */
/* Parse one whole value: UTF-8 only (no surrogates, no overlong forms), nothing
 * behind it but white space, at most depth_max nested arrays and objects.
 * Duplicate keys pass here: json_check refuses them.  The tape of j is used
 * again when j was parsed into before. */
enum err json_parse(struct json *j, struct str text, unsigned depth_max,
    struct err_info *e);
/* The subtree of node nests at most depth_max deep (a scalar counts 0) and no
 * object in it has the same key twice, escapes resolved.  Linear or n log n in
 * the number of members.  ERR_BAD_JSON names the key or the depth. */
enum err json_check(const struct json *j, uint32_t node, unsigned depth_max,
    struct err_info *e);

static inline enum json_kind
json_kind(const struct json *j, uint32_t node)
{
	return (enum json_kind)j->node[node].kind;
}

/* The bytes of a value as they stand in the text. */
static inline struct str
json_raw(const struct json *j, uint32_t node)
{
	return str_n(j->text + j->node[node].start,
	    j->node[node].end - j->node[node].start);
}

/* The raw bytes between the quotes of a string node. */
static inline struct str
json_inner(const struct json *j, uint32_t node)
{
	struct str s = json_raw(j, node);

	return str_n(s.p + 1, s.n - 2);
}

/* Children: first child of an array or object with n > 0 is node + 1. */
static inline uint32_t
json_next(const struct json *j, uint32_t node)
{
	return j->node[node].next;
}

/* The value node of the member `key` of object `node` (the last one where it
 * stands twice), 0 where node is no object or has no such member (0 is the
 * root, which is nobody's member).  Linear in the members. */
uint32_t json_get(const struct json *j, uint32_t node, const char *key);
/* The string's content with escapes resolved: a view of the text where it has
 * none, else a copy in a.  False when node is no string or out of memory. */
bool json_resolve(const struct json *j, uint32_t node, struct arena *a,
    struct str *ret); /* for json_str: one with escapes */
static inline bool
json_str(const struct json *j, uint32_t node, struct arena *a, struct str *ret)
{
	if (json_kind(j, node) != JSON_STRING)
		return false;
	if (j->node[node].escaped)
		return json_resolve(j, node, a, ret);
	*ret = json_inner(j, node);
	return true;
}
/* The text of an object's member, a copy in a, for what outlives the text; n 0 where
 * it is missing, no string, or out of memory. */
struct str json_member_copy(const struct json *j, uint32_t object,
    const char *name, struct arena *a);
/* True when node is a string with exactly these bytes, escapes resolved. */
bool json_str_is(const struct json *j, uint32_t node, struct str want);
/* An integer in 0..2^53-1 written without fraction and exponent ("-0" is not
 * one).  False otherwise. */
bool json_u53(const struct json *j, uint32_t node, uint64_t *ret);
/* As json_u53, -(2^53-1)..2^53-1. */
bool json_i53(const struct json *j, uint32_t node, int64_t *ret);
bool json_bool(const struct json *j, uint32_t node, bool *ret);

/* Append the canonical form of the subtree: members sorted by the UTF-8 bytes
 * of their keys, no white space, shortest escapes (RFC 8785), numbers as they
 * were written.  docs/merge.md, Canonical form. */
void json_canon(const struct json *j, uint32_t node, struct buf *out);

/* Append `s` as a JSON string with its quotes, shortest escapes.  Bytes that
 * are not UTF-8 become U+FFFD. */
void json_add_str(struct buf *out, struct str s);

/* Writer: commas are put by itself.
 *
 *	struct json_writer w = { .out = &b };
 *	json_obj(&w);
 *	json_key(&w, "id"), json_put_str(&w, id);
 *	json_end(&w);
 *
 * indent > 0: pretty, one member a line.  Errors: buf_ok(w.out). */
struct json_writer {
	struct buf *out; /* borrow */
	unsigned indent; /* spaces per level, 0 = compact */
	unsigned depth;
	uint64_t is_array, not_first; /* a bit per level */
	bool after_key;
};

void json_obj(struct json_writer *w);
void json_arr(struct json_writer *w);
void json_end(struct json_writer *w); /* closes the innermost */
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_put_str(struct json_writer *w, struct str s);
void json_put_z(struct json_writer *w, const char *z); /* NULL writes null */
void json_put_u(struct json_writer *w, uint64_t v);
void json_put_i(struct json_writer *w, int64_t v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct str json); /* a whole value */

#endif
