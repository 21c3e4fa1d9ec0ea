/* A project moves to another space (docs/protocol.md, The team).
 *
 * What was looked at in the log is remembered, so that late events follow at the
 * cost of what is new. */
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "store_int.h"

/* ".share:<from>:<to>:<project>" -> position in the log of `from`. */
static const char mark_prefix[] = ".share:";

static enum err
mark_name(space_id from, space_id to, struct str project, struct buf *name,
    struct err_info *e)
{
	buf_addf(name, "%s%lld:%lld:%.*s", mark_prefix, (long long)from,
	    (long long)to, STR_ARG(project));
	return buf_ok(name, e);
}

static enum err
mark_get(struct store *s, struct str name, uint64_t *ret, struct err_info *e)
{
	struct arena a = { 0 };
	struct str value;
	bool found;
	enum err rc = s->ops->note_get(s, name, &a, &value, &found, e);

	*ret = 0;
	if (rc == ERR_OK && found && !str_u64(value, ret))
		rc = err_setf(e, ERR_CORRUPT, "note %.*s", STR_ARG(name));
	arena_fini(&a);
	return rc;
}

static enum err
mark_put(struct store *s, struct str name, uint64_t pos, struct err_info *e)
{
	char text[24];
	int n = snprintf(text, sizeof text, "%llu", (unsigned long long)pos);

	s->changed = true;
	return s->ops->note_put(s, name, str_n(text, n > 0 ? (size_t)n : 0), e);
}

enum err
share_reset(struct store *s, space_id from, uint64_t pos, struct err_info *e)
{
	struct arena a = { 0 };
	struct buf prefix = { 0 };
	struct str *name, *value;
	size_t n = 0;
	enum err rc;

	buf_addf(&prefix, "%s%lld:", mark_prefix, (long long)from);
	rc = buf_ok(&prefix, e);
	if (rc == ERR_OK)
		rc = s->ops->note_list(s, buf_str(&prefix), &a, &name, &value,
		    &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		uint64_t at;

		if (!str_u64(value[i], &at))
			rc = err_setf(e, ERR_CORRUPT, "note %.*s",
			    STR_ARG(name[i]));
		else if (at >= pos)
			rc = mark_put(s, name[i], pos - 1, e);
	}
	buf_fini(&prefix);
	arena_fini(&a);
	return rc;
}

/* Events to be copied. */
struct copy_list {
	struct copy {
		struct stamp stamp; /* node in the arena */
		uint64_t pos;
	} * item; /* own */
	size_t n, cap;
	struct arena a;
};

static int
copy_cmp(const void *a, const void *b)
{
	const struct copy *x = a, *y = b;

	return stamp_cmp(&x->stamp, &y->stamp);
}

/* Is the row one that `to` should get? */
static enum err
copy_wanted(struct store *s, const struct event_row *r, struct str project,
    space_id to, struct parsed *p, bool *ret, struct err_info *e)
{
	struct event_row there = { 0 };
	struct arena a = { 0 };
	bool found;
	enum err rc;

	*ret = false;
	if (r->flags & FLAG_REFUSED)
		return ERR_OK;
	rc = row_parse(r, p, e);
	if (rc != ERR_OK || !str_eq(p->ev.entity.project, project))
		return rc;
	rc = s->ops->event_find(s, to, &r->id, false, &a, &there, &found, e);
	*ret = rc == ERR_OK && !found;
	arena_fini(&a);
	return rc;
}

static enum err
copy_note(struct copy_list *l, const struct event_row *r, struct err_info *e)
{
	struct str node = arena_str(&l->a, r->node);

	if (node.p == NULL ||
	    !mem_grow(&l->item, &l->cap, l->n + 1, sizeof *l->item))
		return err_set(e, ERR_NOMEM);
	l->item[l->n++] = (struct copy){ { r->clock, node, r->id }, r->pos };
	return ERR_OK;
}

static enum err
copy_collect(struct store *s, space_id from, uint64_t after, struct str project,
    space_id to, struct copy_list *l, struct err_info *e)
{
	struct arena a = { 0 };
	struct parsed p = { 0 };
	struct event_row *row;
	size_t n = 0;
	enum err rc;

	do {
		arena_reset(&a);
		rc = s->ops->event_page(s, from, after, PAGE_ROWS, true, &a,
		    &row, &n, e);
		for (size_t i = 0; rc == ERR_OK && i < n; i++) {
			bool wanted;

			after = row[i].pos;
			rc = copy_wanted(s, &row[i], project, to, &p, &wanted,
			    e);
			if (rc == ERR_OK && wanted)
				rc = copy_note(l, &row[i], e);
		}
	} while (rc == ERR_OK && n > 0);
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

static enum err
copy_one(struct store *s, space_id from, uint64_t pos, struct space_slot *to,
    bool refusals, struct arena *a, struct parsed *p, struct err_info *e)
{
	struct event_row r = { 0 };
	struct entity_slot *slot;
	bool found, added;
	enum err rc;

	arena_reset(a);
	rc = s->ops->event_get(s, from, pos, true, a, &r, &found, e);
	if (rc == ERR_OK)
		rc = row_parse(&r, p, e);
	if (rc != ERR_OK)
		return rc;
	/* Who and when is what the other team's hub told us. */
	if (r.user.n > 0)
		r.flags |= FLAG_RELAYED;
	r.seq = r.epoch_no = 0;
	rc = row_add(s, to, &p->ev, &r, &added, e);
	if (rc == ERR_OK && to->row.clock < r.clock)
		to->row.clock = r.clock;
	/* What it names may have been refused there. */
	if (rc == ERR_OK && refusals)
		rc = entity_slot(s, to->row.id, &p->ev.entity, true, &slot, e);
	if (rc == ERR_OK && refusals)
		rc = entity_slot_dirty(s, slot, e);
	if (rc == ERR_OK && refusals)
		slot_renames(s, slot);
	return rc;
}

static enum err
has_refusals(struct store *s, space_id sp, bool *ret, struct err_info *e)
{
	struct arena a = { 0 };
	uint64_t *pos;
	size_t n = 0;
	enum err rc = s->ops->refused_list(s, sp, &a, &pos, &n, e);

	*ret = n > 0;
	arena_fini(&a);
	return rc;
}

static enum err
share(struct store *s, space_id from, struct str project, space_id to,
    uint64_t *copied, struct err_info *e)
{
	struct space_slot *source, *dest;
	struct copy_list l = { 0 };
	struct buf name = { 0 };
	struct arena a = { 0 };
	struct parsed p = { 0 };
	uint64_t after = 0;
	bool refusals = false;
	enum err rc = names_settle(s, e);

	if (rc == ERR_OK)
		rc = space_slot(s, from, &source, e);
	if (rc == ERR_OK)
		rc = space_slot(s, to, &dest, e);
	if (rc == ERR_OK)
		rc = mark_name(from, to, project, &name, e);
	if (rc == ERR_OK)
		rc = mark_get(s, buf_str(&name), &after, e);
	if (rc == ERR_OK && after < source->row.events)
		rc = copy_collect(s, from, after, project, to, &l, e);
	if (rc == ERR_OK && l.n > 1)
		qsort(l.item, l.n, sizeof *l.item, copy_cmp);
	if (rc == ERR_OK && l.n > 0)
		rc = has_refusals(s, to, &refusals, e);
	for (size_t i = 0; rc == ERR_OK && i < l.n; i++)
		rc =
		    copy_one(s, from, l.item[i].pos, dest, refusals, &a, &p, e);
	if (rc == ERR_OK && after != source->row.events)
		rc = mark_put(s, buf_str(&name), source->row.events, e);
	*copied = l.n;
	free(l.item);
	arena_fini(&l.a);
	buf_fini(&name);
	parsed_fini(&p);
	arena_fini(&a);
	return rc;
}

enum err
store_share(struct store *s, space_id from, struct str project, space_id to,
    uint64_t *copied, struct err_info *e)
{
	write_begin(s);
	return write_end(s, share(s, from, project, to, copied, e));
}
