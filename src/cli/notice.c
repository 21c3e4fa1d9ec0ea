#include "notice.h"

#include "conflict.h"
#include "deed.h"

/* More arrivals than this and the entities are looked at instead: an event is
 * dearer to decode, and a long sync brings many for each entity. */
enum { NOTICE_ROWS_MAX = 256 };

/* What the replica remembers of a space, as "POS SINCE COUNT": how far its log
 * was looked at, how many conflicts are to be said, and from where on what made
 * them came.  Some may be settled when they would be: they are counted anew. */
struct pending {
	struct str name; /* of the note */
	uint64_t pos, since, n;
	uint64_t found; /* by the last look: not kept */
};

struct looker {
	struct work *w;
	uint64_t from; /* what stands up to here was looked at before */
	uint64_t at;   /* only rows whose last arrival this is; 0 = any */
	struct deed deed;
	size_t found;
	struct conflict first; /* the first that was found */
	bool abroad;           /* one is of another project than the folder's */
};

static bool
row_has(const struct row *row, const struct eid *id)
{
	for (size_t i = 0; i < row->n_heads; i++)
		if (eid_eq(&row->head[i], id))
			return true;
	return false;
}

static void
count(struct looker *l, const struct conflict *c)
{
	if (l->found++ == 0)
		l->first = *c;
	l->abroad |= !str_eq(c->key.project, l->w->project);
}

/* Is one side the user's, and another one new from elsewhere? */
static bool
involves(const struct looker *l, const struct conflict *c)
{
	size_t mine = 0, new = 0, both = 0;
	uint64_t last = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct conflict_side *s = &c->side[i];
		bool is_mine = s->own || str_eq(s->author, l->w->draft.author);
		bool is_new = !s->own && s->pos > l->from;

		mine += is_mine;
		new += is_new;
		both += is_mine && is_new;
		if (is_new && s->pos > last)
			last = s->pos;
	}
	return mine > 0 && new > 0 && mine + new - both >= 2 &&
	    (l->at == 0 || l->at == last);
}

static enum err
look_at_any_row(void *ctx, const struct row *row, const struct entity *en,
    struct err_info *e)
{
	struct looker *l = ctx;
	struct conflict c;
	enum err rc = conflict_load(l->w, l->w->space, en, row, &c, e);

	if (rc == ERR_OK && involves(l, &c))
		count(l, &c);
	return rc;
}

/* A conflict that a single arrival is a side of. */
static enum err
look_at_its_row(void *ctx, const struct row *row, const struct entity *en,
    struct err_info *e)
{
	const struct looker *l = ctx;

	return row_has(row, &l->deed.ev.id) ? look_at_any_row(ctx, row, en, e) :
	                                      ERR_OK;
}

static enum err
look_at_event(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct looker *l = ctx;
	const struct entity *en = NULL;
	enum err rc;

	if (row->own || row->status == EVENT_REFUSED)
		return ERR_OK;
	l->at = row->pos;
	arena_reset(&l->deed.a);
	rc = deed_of(&l->deed, row, e);
	if (rc != ERR_OK || !l->deed.ev.folds)
		return rc;
	rc = store_entity(l->w->s, l->w->space, &l->deed.ev.entity, &en, e);
	if (rc == ERR_OK && en != NULL)
		rc = conflict_each(en, false, look_at_its_row, l, e);
	return rc;
}

static enum err
look_at_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	return conflict_each(en, false, look_at_any_row, ctx, e);
}

static enum err
look(struct looker *l, uint64_t to, struct err_info *e)
{
	struct work *w = l->w;

	if (to - l->from > NOTICE_ROWS_MAX + w->authored)
		return store_entities(w->s, w->space, STR(""), NULL,
		    look_at_entity, l, e);
	return store_log(w->s, w->space, l->from, 0, look_at_event, l, e);
}

/* --- what is remembered ------------------------------------------------------- */

/* *known false: nothing was looked at yet. */
static enum err
pending_get(struct work *w, struct pending *p, bool *known, struct err_info *e)
{
	struct str note, part;
	uint64_t *number[] = { &p->pos, &p->since, &p->n };
	enum err rc;

	*p = (struct pending){ 0 };
	p->name =
	    str_of(arena_fmt(w->a, "notice.pos:%lld", (long long)w->space));
	if (p->name.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = store_note_get(w->s, p->name, w->a, &note, e);
	*known = rc == ERR_OK;
	if (rc == ERR_NOT_FOUND)
		return ERR_OK;
	for (size_t i = 0; rc == ERR_OK && i < 3 && note.n > 0; i++) {
		(void)str_split(&note, ' ', &part);
		if (!str_u64(part, number[i]))
			rc = err_setf(e, ERR_CORRUPT,
			    "the note '%.*s' of the store", STR_ARG(p->name));
	}
	return rc;
}

static enum err
pending_put(struct work *w, const struct pending *p, struct err_info *e)
{
	char *text =
	    arena_fmt(w->a, "%llu %llu %llu", (unsigned long long)p->pos,
	        (unsigned long long)p->since, (unsigned long long)p->n);

	return text ? store_note_put(w->s, p->name, str_of(text), e) :
	              err_set(e, ERR_NOMEM);
}

/* Look at what came since, in w's space.  *moved: there was something. */
static enum err
catch_up(struct work *w, struct pending *p, bool *moved, struct err_info *e)
{
	struct looker l = { .w = w };
	struct space sp;
	bool known;
	enum err rc = pending_get(w, p, &known, e);

	*moved = false;
	if (rc == ERR_OK)
		rc = store_space_get(w->s, w->space, w->a, &sp, e);
	if (rc != ERR_OK)
		return rc;
	*moved = !known || p->pos != sp.events;
	l.from = p->pos;
	/* Not where there is nothing of this user yet, or nothing but what this
	 * transaction wrote itself. */
	if (known && p->pos + w->authored < sp.events)
		rc = look(&l, sp.events, e);
	if (p->n == 0)
		p->since = p->pos;
	p->pos = sp.events;
	p->found = l.found;
	p->n += l.found;
	deed_fini(&l.deed);
	return rc;
}

/* What is still open of what is to be said. */
static enum err
say(struct work *w, uint64_t since, struct buf *out, struct err_info *e)
{
	const char *program = w->c->ctx->program;
	struct looker l = { .w = w, .from = since };
	const char *all;
	struct str who = { 0 };
	enum err rc = store_entities(w->s, w->space, STR(""), NULL,
	    look_at_entity, &l, e);

	if (rc != ERR_OK || l.found == 0)
		return rc;
	all = l.abroad ? " --all-projects" : "";
	if (l.found > 1) {
		buf_addf(out,
		    "note: %zu conflicts involve what you wrote; see `%s "
		    "conflicts list%s`",
		    l.found, program, all);
		return ERR_OK;
	}
	for (size_t i = 0; i < l.first.n; i++)
		if (!l.first.side[i].own)
			who = l.first.side[i].who;
	buf_addf(out,
	    "note: %.*s changed %.*s of %.*s at the same time as you; see `%s "
	    "conflicts show %.8s`",
	    STR_ARG(who), STR_ARG(l.first.field), STR_ARG(l.first.key.key),
	    program, l.first.id);
	return ERR_OK;
}

enum err
notice_find(struct work *w, struct buf *said, struct err_info *e)
{
	struct pending p;
	bool moved;
	enum err rc;

	if (w->authored == 0)
		return ERR_OK;
	rc = catch_up(w, &p, &moved, e);
	if (rc != ERR_OK)
		return rc;
	if (p.n > 0) {
		rc = say(w, p.since, said, e);
		moved = true;
		p.n = 0;
	}
	if (rc == ERR_OK && moved)
		rc = pending_put(w, &p, e);
	return rc == ERR_OK ? buf_ok(said, e) : rc;
}

static enum err
look_ahead(struct work *w, uint64_t *found, struct err_info *e)
{
	struct space *list;
	struct pending p;
	bool moved;
	size_t n = 0;
	enum err rc = store_space_list(w->s, w->a, &list, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		w->space = list[i].id;
		rc = catch_up(w, &p, &moved, e);
		if (rc == ERR_OK && moved)
			rc = pending_put(w, &p, e);
		*found += p.found;
	}
	return rc;
}

enum err
notice_look_ahead(struct cli *c, uint64_t *found, struct err_info *e)
{
	struct work w = { .c = c, .a = &c->ctx->arena };
	enum err rc = ctx_draft(c->ctx, &w.draft, e);

	if (rc == ERR_OK)
		rc = ctx_store_write(c->ctx, &w.s, e);
	if (rc == ERR_OK)
		rc = store_begin(w.s, e);
	w.in_tx = rc == ERR_OK;
	*found = 0;
	if (rc == ERR_OK)
		rc = look_ahead(&w, found, e);
	return work_end(&w, rc, e);
}
