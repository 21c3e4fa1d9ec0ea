/* Which numbers of which nodes were seen, as runs lo..hi: so that a hub notices
 * two replicas with one node id (docs/protocol.md, node_seq).
 *
 * The run of a node that grows is held in memory and written when the
 * transaction ends: a busy node costs one row a transaction. */
#include <stdlib.h>

#include "fault.h"
#include "store_int.h"

enum { SEEN_HELD_MAX = 4096 /* nodes */ };

struct seen_slot {
	uint64_t lo, hi; /* the run; hi 0 = none */
	uint64_t next;   /* lo of the run behind it, 0 = none */
	bool dirty;
	size_t n; /* bytes of the node id that follow */
};

static struct str
seen_node(const struct seen_slot *slot)
{
	return str_n(slot + 1, slot->n);
}

void
seen_drop(struct store *s)
{
	size_t at = 0;
	void *v;

	while (map_next(&s->seen, &at, NULL, &v))
		free(v);
	map_fini(&s->seen);
}

static enum err
seen_write(struct store *s, struct seen_slot *slot, struct err_info *e)
{
	if (!slot->dirty)
		return ERR_OK;
	slot->dirty = false;
	return s->ops->seen_put(s, seen_node(slot), slot->lo, slot->hi, e);
}

enum err
seen_flush(struct store *s, struct err_info *e)
{
	size_t at = 0;
	void *v;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && map_next(&s->seen, &at, NULL, &v))
		rc = seen_write(s, v, e);
	return rc;
}

static enum err
seen_slot(struct store *s, struct str node, struct seen_slot **ret,
    struct err_info *e)
{
	struct seen_slot *slot = map_get(&s->seen, node);
	enum err rc;

	*ret = slot;
	if (slot != NULL)
		return ERR_OK;
	if (s->seen.count >= SEEN_HELD_MAX) {
		rc = seen_flush(s, e);
		if (rc != ERR_OK)
			return rc;
		seen_drop(s);
	}
	slot = mem_zero(sizeof *slot + node.n + 1);
	if (slot == NULL)
		return err_set(e, ERR_NOMEM);
	slot->n = node.n;
	if (node.n > 0)
		memcpy(slot + 1, node.p, node.n);
	if (!map_put(&s->seen, seen_node(slot), slot)) {
		free(slot);
		return err_set(e, ERR_NOMEM);
	}
	*ret = slot;
	return ERR_OK;
}

/* Make the run at or before n the one that is held. */
static enum err
seen_load(struct store *s, struct seen_slot *slot, uint64_t n,
    struct err_info *e)
{
	bool found;
	enum err rc = seen_write(s, slot, e);

	if (rc == ERR_OK)
		rc = s->ops->seen_at(s, seen_node(slot), n, &slot->lo,
		    &slot->hi, &found, &slot->next, e);
	if (rc == ERR_OK && !found)
		slot->lo = slot->hi = 0;
	return rc;
}

/* Is what is held the place of n? */
static bool
seen_fits(const struct seen_slot *slot, uint64_t n)
{
	return slot->hi > 0 && n >= slot->lo &&
	    (slot->next == 0 || n < slot->next);
}

/* Numbers count from 1; 0 names nothing. */
enum err
seen_add(struct store *s, struct str node, uint64_t n, struct err_info *e)
{
	struct seen_slot *slot;
	enum err rc;

	if (n == 0)
		return ERR_OK;
	rc = seen_slot(s, node, &slot, e);
	if (rc == ERR_OK && !seen_fits(slot, n))
		rc = seen_load(s, slot, n, e);
	if (rc != ERR_OK || (slot->hi > 0 && n <= slot->hi))
		return rc;
	if (slot->hi == 0 || n > slot->hi + 1) {
		rc = seen_write(s, slot, e);
		slot->lo = n;
	}
	slot->hi = n;
	slot->dirty = true;
	if (rc == ERR_OK && slot->next == n + 1) {
		/* It closes the gap to the run behind. */
		uint64_t lo = slot->lo;
		bool found;

		rc = s->ops->seen_at(s, node, slot->next, &slot->lo, &slot->hi,
		    &found, &slot->next, e);
		if (rc == ERR_OK)
			rc = s->ops->seen_del(s, node, n + 1, e);
		slot->lo = lo;
	}
	return rc;
}

/* Is the number taken by anything? */
static enum err
seen_has(struct store *s, struct str node, uint64_t n, bool *ret,
    struct err_info *e)
{
	const struct seen_slot *slot = map_get(&s->seen, node);
	uint64_t lo, hi, next;
	bool found;
	enum err rc;

	if (slot != NULL && seen_fits(slot, n)) {
		*ret = n <= slot->hi;
		return ERR_OK;
	}
	/* Runs before and behind the one in memory are as in the rows. */
	rc = s->ops->seen_at(s, node, n, &lo, &hi, &found, &next, e);
	*ret = rc == ERR_OK && found && n <= hi;
	return rc;
}

/* The number that a copy has: an edit may have given it another since. */
static enum err
copy_is_number(struct store *s, const struct event_row *copy, uint64_t node_seq,
    bool *ret, struct err_info *e)
{
	struct arena a = { 0 };
	struct parsed p = { 0 };
	struct event_row r;
	bool found;
	enum err rc = s->ops->event_get(s, copy->space, copy->pos, true, &a, &r,
	    &found, e);

	if (rc == ERR_OK && found)
		rc = row_parse(&r, &p, e);
	if (rc == ERR_OK)
		*ret = found && p.ev.has_node_seq && p.ev.node_seq == node_seq;
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

static enum err
forked(struct store *s, struct str node, uint64_t node_seq,
    const struct eid *id, bool *ret, struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row *copy;
	size_t n;
	bool same = false;
	enum err rc = seen_has(s, node, node_seq, ret, e);

	if (rc != ERR_OK || !*ret)
		return rc;
	/* Known under this id, node and number, here or in another team: no
	 * other took it. */
	rc = s->ops->event_copies(s, id, &a, &copy, &n, e);
	for (size_t i = 0; rc == ERR_OK && !same && i < n; i++)
		if (str_eq(copy[i].node, node))
			rc = copy_is_number(s, &copy[i], node_seq, &same, e);
	*ret = rc == ERR_OK && !same;
	arena_fini(&a);
	return rc;
}

enum err
store_forked(struct store *s, struct str node, uint64_t node_seq,
    const struct eid *id, bool *ret, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	*ret = false;
	if (rc != ERR_OK)
		return rc;
	rc = forked(s, node, node_seq, id, ret, e);
	read_end(s, mine);
	return rc;
}
