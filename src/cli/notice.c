#include "notice.h"

#include "conflict.h"
#include "deed.h"

struct looker {
	struct work *w;
	uint64_t pos; /* looked at so far */
	struct deed deed;
	size_t found;
	struct conflict first; /* the first that was found */
};

static bool
row_has(const struct row *row, const struct eid *id)
{
	for (size_t i = 0; i < row->n_heads; i++)
		if (eid_eq(&row->head[i], id))
			return true;
	return false;
}

/* A row that this arrival is a side of: is the user on another side? */
static enum err
look_at_row(void *ctx, const struct row *row, const struct entity *en,
    struct err_info *e)
{
	struct looker *l = ctx;
	struct conflict c;
	bool mine = false;
	enum err rc;

	if (!row_has(row, &l->deed.ev.id))
		return ERR_OK;
	rc = conflict_load(l->w, l->w->space, en, row, &c, e);
	for (size_t i = 0; rc == ERR_OK && i < c.n; i++)
		mine |= !eid_eq(&c.side[i].id, &l->deed.ev.id) &&
		    (c.side[i].own ||
		        str_eq(c.side[i].author, l->w->draft.author));
	if (rc == ERR_OK && mine && l->found++ == 0)
		l->first = c;
	return rc;
}

static enum err
look_at_event(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct looker *l = ctx;
	const struct entity *en = NULL;
	enum err rc;

	l->pos = row->pos;
	if (row->own || row->status == EVENT_REFUSED)
		return ERR_OK;
	arena_reset(&l->deed.a);
	rc = deed_of(&l->deed, row, e);
	if (rc != ERR_OK || !l->deed.ev.folds)
		return rc;
	rc = store_entity(l->w->s, l->w->space, &l->deed.ev.entity, &en, e);
	if (rc == ERR_OK && en != NULL)
		rc = conflict_each(en, false, look_at_row, l, e);
	return rc;
}

static void
say(const struct looker *l, struct buf *out)
{
	const char *program = l->w->c->ctx->program;
	struct str who = { 0 };

	if (l->found == 0)
		return;
	if (l->found > 1) {
		buf_addf(out,
		    "note: %zu conflicts involve what you wrote; see `%s "
		    "conflicts list`",
		    l->found, program);
		return;
	}
	for (size_t i = 0; i < l->first.n; i++)
		if (!l->first.side[i].own)
			who = l->first.side[i].who;
	buf_addf(out,
	    "note: %.*s changed %.*s of %.*s at the same time as you; see `%s "
	    "conflicts show %.8s`",
	    STR_ARG(who), STR_ARG(l->first.field), STR_ARG(l->first.key.key),
	    program, l->first.id);
}

static enum err
position_note(struct work *w, struct str *name, struct err_info *e)
{
	*name = str_of(arena_fmt(w->a, "notice.pos:%lld", (long long)w->space));
	return name->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
position_put(struct work *w, struct str name, uint64_t pos, struct err_info *e)
{
	char *text = arena_fmt(w->a, "%llu", (unsigned long long)pos);

	return text ? store_note_put(w->s, name, str_of(text), e) :
	              err_set(e, ERR_NOMEM);
}

enum err
notice_find(struct work *w, struct buf *said, struct err_info *e)
{
	struct looker l = { .w = w };
	struct str name = { 0 }, note = { 0 };
	struct space sp;
	uint64_t from = 0;
	enum err rc = position_note(w, &name, e);

	if (w->authored == 0)
		return ERR_OK;
	if (rc == ERR_OK)
		rc = store_space_get(w->s, w->space, w->a, &sp, e);
	if (rc == ERR_OK)
		rc = store_note_get(w->s, name, w->a, &note, e);
	if (rc == ERR_NOT_FOUND)
		/* The first command here: there was nothing of this user. */
		return position_put(w, name, sp.events, e);
	if (rc == ERR_OK && !str_u64(note, &from))
		rc = err_setf(e, ERR_CORRUPT, "the note '%.*s' of the store",
		    STR_ARG(name));
	if (rc != ERR_OK)
		return rc;
	/* Nothing but what this transaction wrote itself. */
	l.pos = sp.events;
	if (from + w->authored < sp.events) {
		l.pos = from;
		rc = store_log(w->s, w->space, from, NOTICE_ROWS_MAX,
		    look_at_event, &l, e);
	}
	if (rc == ERR_OK)
		rc = position_put(w, name, l.pos, e);
	if (rc == ERR_OK)
		say(&l, said);
	deed_fini(&l.deed);
	return rc == ERR_OK ? buf_ok(said, e) : rc;
}
