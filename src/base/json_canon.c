/* Canonical form: docs/merge.md, Canonical form and digest.
 *
 * No recursion: a level of the stack is a container that is being written; the
 * members of the open objects stand sorted, one object behind the other, in one
 * array that grows and shrinks with the stack. */
#include <stdlib.h>

#include "fault.h"
#include "json_int.h"

enum { INSERTION_MAX = 24 }; /* members; above, heap sort */

struct member {
	struct str key; /* escapes resolved; borrow of the text or the arena */
	uint32_t node;  /* of the key */
};

struct level {
	size_t base; /* object: its first member */
	size_t at;   /* object: next member; array: next child node */
	size_t end;  /* where `at` ends */
	bool object, not_first;
};

struct canon {
	const struct json *j;  /* borrow */
	struct buf *out;       /* borrow */
	struct arena arena;    /* keys that had escapes */
	struct member *member; /* own */
	size_t members, member_cap;
	struct level *level; /* own */
	size_t depth, level_cap;
};

/* By key; a key that stands twice by its place, so that the order is total. */
static bool
less(const struct member *a, const struct member *b)
{
	int c = str_cmp(a->key, b->key);

	return c < 0 || (c == 0 && a->node < b->node);
}

/* Linear where the members are in order, as they often are. */
static void
sort_insertion(struct member *m, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct member x = m[i];
		size_t at = i;

		for (; at > 0 && less(&x, &m[at - 1]); at--)
			m[at] = m[at - 1];
		m[at] = x;
	}
}

static void
sift_down(struct member *m, size_t at, size_t n)
{
	struct member x = m[at];
	size_t child;

	while ((child = 2 * at + 1) < n) {
		if (child + 1 < n && less(&m[child], &m[child + 1]))
			child++;
		if (!less(&x, &m[child]))
			break;
		m[at] = m[child];
		at = child;
	}
	m[at] = x;
}

/* Heap sort: n log n whatever the keys are, and no memory. */
static void
sort_heap(struct member *m, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(m, i, n);
	while (n-- > 1) {
		struct member x = m[n];

		m[n] = m[0];
		m[0] = x;
		sift_down(m, 0, n);
	}
}

static bool
sorted(const struct member *m, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (!less(&m[i - 1], &m[i]))
			return false;
	return true;
}

static bool
gather(struct canon *c, uint32_t node)
{
	size_t n = c->j->node[node].n;
	uint32_t at = node + 1;
	struct member *m;

	if (n == 0)
		return true; /* there may be no array yet to point into */
	if (!mem_grow(&c->member, &c->member_cap, c->members + n,
	        sizeof *c->member))
		return false;
	m = c->member + c->members;
	for (size_t i = 0; i < n; i++) {
		m[i].node = at;
		if (!json_str(c->j, at, &c->arena, &m[i].key))
			return false;
		at = json_next(c->j, at + 1);
	}
	if (n <= INSERTION_MAX)
		sort_insertion(m, n);
	else if (!sorted(m, n))
		sort_heap(m, n);
	c->members += n;
	return true;
}

static void
add_escaped(struct buf *out, struct str s)
{
	const char *p = s.p, *end = s.p + s.n;

	buf_addc(out, '"');
	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		char one[4];
		size_t n;

		buf_add(out, p, (size_t)((slash ? slash : end) - p));
		if (slash == NULL)
			break;
		p = json_unescape_one(slash, one, &n);
		if (n == 1)
			json_add_byte(out, (uint8_t)one[0]);
		else
			buf_add(out, one, n);
	}
	buf_addc(out, '"');
}

/* A scalar as it was written, but for the escapes of a string. */
static void
add_scalar(struct canon *c, uint32_t node)
{
	if (c->j->node[node].escaped)
		add_escaped(c->out, json_inner(c->j, node));
	else
		buf_addstr(c->out, json_raw(c->j, node));
}

/* Write a scalar, or open a container as a new level. */
static bool
begin(struct canon *c, uint32_t node)
{
	bool object = json_kind(c->j, node) == JSON_OBJECT;
	struct level *l;

	if (!object && json_kind(c->j, node) != JSON_ARRAY) {
		add_scalar(c, node);
		return true;
	}
	if (!mem_grow(&c->level, &c->level_cap, c->depth + 1, sizeof *l))
		return false;
	l = &c->level[c->depth];
	*l = (struct level){ .object = object,
		.base = c->members,
		.at = (size_t)node + 1,
		.end = json_next(c->j, node) };
	if (object) {
		if (!gather(c, node))
			return false;
		l->at = l->base;
		l->end = c->members;
	}
	c->depth++;
	buf_addc(c->out, object ? '{' : '[');
	return true;
}

/* The next child of the innermost level, or its end. */
static bool
step(struct canon *c)
{
	struct level *l = &c->level[c->depth - 1];
	uint32_t child;

	if (l->at == l->end) {
		buf_addc(c->out, l->object ? '}' : ']');
		c->members = l->base;
		c->depth--;
		return true;
	}
	if (l->not_first)
		buf_addc(c->out, ',');
	l->not_first = true;
	if (l->object) {
		child = c->member[l->at++].node;
		add_scalar(c, child);
		buf_addc(c->out, ':');
		child++;
	} else {
		child = (uint32_t)l->at;
		l->at = json_next(c->j, child);
	}
	return begin(c, child);
}

void
json_canon(const struct json *j, uint32_t node, struct buf *out)
{
	struct canon c = { .j = j, .out = out };
	bool ok = begin(&c, node);

	while (ok && c.depth > 0)
		ok = step(&c);
	if (!ok)
		out->failed = true;
	free(c.member);
	free(c.level);
	arena_fini(&c.arena);
}
