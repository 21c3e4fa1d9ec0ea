/* Path: the watch tells that the doorbell changed - look: has the store another
 * version? - the rows behind each cursor.
 *
 * Fails: no store (waited for); another one in its place, or the same with an
 * older log (the event at the cursor is not the one that was told: said, and begun
 * at its end); what a read fails with (said, the store is opened anew). */
#include "follow.h"

#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "path.h"

enum { YOUNG_MS = 5000 };

/* Of one space: what was told last. */
struct cursor {
	space_id space;
	uint64_t pos;
	struct eid id; /* of the event there; form EID_NONE where pos is 0 */
};

struct follow {
	struct follow_options opt;
	struct watch *watch; /* own */
	struct store *store; /* own; NULL = none is there */
	struct os_file_id file;
	uint64_t version;      /* of the store, when it was looked at */
	struct cursor *cursor; /* own; by rising space */
	size_t n, cap;
	struct arena a;
	size_t told;       /* rows of this turn */
	bool began;        /* the first look is over */
	bool rung, more;   /* to be looked at now */
	bool checked;      /* the cursors fit the store that is open */
	bool lost;         /* they do not, and begin at its end */
	bool waits;        /* it is just being made: soon looked at again */
	uint64_t again_ms; /* after a failure; 0 = none */
	uint64_t look_ms;  /* when nobody rings; UINT64_MAX = never */
};

/* --- the store ------------------------------------------------------------------ */

static void
store_drop(struct follow *f)
{
	store_close(f->store);
	f->store = NULL;
	f->checked = false;
}

/* *there: a file with something in it is where the store should be.  One that is
 * just being made rings when it is whole. */
static enum err
store_stat(const struct follow *f, struct os_file_id *id, bool *there,
    struct err_info *e)
{
	enum err rc = os_stat_id(f->opt.home->store, id, e);

	*there = rc == ERR_OK && id->size > 0;
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* Between its first byte and its first row a store looks like one that is old, or
 * broken: what was written to so lately is given time. */
static bool
is_young(const struct os_file_id *id)
{
	int64_t age = os_wall_ms() - id->mtime_ns / 1000000;

	return age >= 0 && age < YOUNG_MS;
}

static enum err
store_find(struct follow *f, struct err_info *e)
{
	struct store_options opt = { .env = f->opt.env, .read_only = true };
	struct os_file_id id = { 0 };
	bool there;
	enum err rc = store_stat(f, &id, &there, e);

	f->waits = false;
	if (rc != ERR_OK)
		return rc;
	if (f->store != NULL &&
	    (!there || id.dev != f->file.dev || id.ino != f->file.ino))
		store_drop(f);
	if (f->store != NULL || !there)
		return ERR_OK;
	f->file = id;
	rc = store_sqlite_open(&f->store, f->opt.home->store, &opt, e);
	f->waits =
	    (rc == ERR_UNSUPPORTED || rc == ERR_CORRUPT) && is_young(&id);
	if (rc != ERR_NOT_FOUND && !f->waits)
		return rc;
	*e = (struct err_info){ 0 };
	return ERR_OK;
}

/* --- cursors -------------------------------------------------------------------- */

static struct cursor *
cursor_of(const struct follow *f, space_id sp)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->cursor[i].space == sp)
			return &f->cursor[i];
	return NULL;
}

static enum err
take_id(void *ctx, const struct log_row *row, struct err_info *e)
{
	(void)e;
	*(struct eid *)ctx = row->id;
	return ERR_OK;
}

static enum err
event_at(struct follow *f, space_id sp, uint64_t pos, struct eid *ret,
    struct err_info *e)
{
	*ret = (struct eid){ 0 };
	return pos == 0 ? ERR_OK :
	                  store_log(f->store, sp, pos - 1, 1, take_id, ret, e);
}

/* The event that was told last is where it was, in each space. */
static enum err
cursors_fit(struct follow *f, const struct space *list, size_t n, bool *ret,
    struct err_info *e)
{
	enum err rc = ERR_OK;
	struct eid id;

	*ret = true;
	for (size_t i = 0; rc == ERR_OK && *ret && i < f->n; i++) {
		const struct cursor *c = &f->cursor[i];
		size_t k = 0;

		while (k < n && list[k].id != c->space)
			k++;
		*ret = k < n && list[k].events >= c->pos;
		if (*ret && c->pos > 0) {
			rc = event_at(f, c->space, c->pos, &id, e);
			*ret = eid_eq(&id, &c->id);
		}
	}
	return rc;
}

/* At the end of the space, or before its first event. */
static enum err
cursor_add(struct follow *f, const struct space *sp, bool at_end,
    struct err_info *e)
{
	struct cursor c = { .space = sp->id, .pos = at_end ? sp->events : 0 };
	enum err rc = event_at(f, c.space, c.pos, &c.id, e);

	if (rc == ERR_OK &&
	    !mem_grow(&f->cursor, &f->cap, f->n + 1, sizeof *f->cursor))
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK)
		f->cursor[f->n++] = c;
	return rc;
}

static enum err
cursors_settle(struct follow *f, const struct space *list, size_t n,
    struct err_info *e)
{
	bool fit = true, lost;
	enum err rc = ERR_OK;

	if (!f->checked && !f->lost)
		rc = cursors_fit(f, list, n, &fit, e);
	if (rc == ERR_OK && !fit) {
		f->n = 0;
		f->lost = true;
	}
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (cursor_of(f, list[i].id) == NULL)
			rc = cursor_add(f, &list[i], !f->began || f->lost, e);
	if (rc != ERR_OK)
		return rc;
	f->checked = true;
	lost = f->lost;
	f->lost = false;
	if (lost && f->opt.on_lost != NULL)
		f->opt.on_lost(f->opt.ctx,
		    "the store is not the one that was followed so far");
	return ERR_OK;
}

/* --- rows ----------------------------------------------------------------------- */

struct telling {
	struct follow *f;
	struct cursor *c;
};

static enum err
tell(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct telling *t = ctx;
	enum err rc = t->f->opt.on_row(t->f->opt.ctx, t->f->store, row, e);

	if (rc != ERR_OK)
		return rc;
	t->c->pos = row->pos;
	t->c->id = row->id;
	t->f->told++;
	return ERR_OK;
}

static enum err
tell_all(struct follow *f, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < f->n; i++) {
		struct telling t = { f, &f->cursor[i] };
		size_t left = FOLLOW_ROWS_MAX - f->told;

		if (left > 0)
			rc = store_log(f->store, t.c->space, t.c->pos, left,
			    tell, &t, e);
	}
	f->more = f->told >= FOLLOW_ROWS_MAX;
	return rc;
}

/* A version that went back is another store under the same name. */
static enum err
look_rows(struct follow *f, struct err_info *e)
{
	struct space *list;
	uint64_t version = 0;
	size_t n = 0;
	enum err rc = store_version(f->store, &version, e);

	if (rc != ERR_OK || (f->checked && !f->more && version == f->version))
		return rc;
	f->checked = f->checked && version >= f->version;
	arena_reset(&f->a);
	rc = store_space_list(f->store, &f->a, &list, &n, e);
	if (rc == ERR_OK)
		rc = cursors_settle(f, list, n, e);
	if (rc == ERR_OK)
		rc = tell_all(f, e);
	if (rc == ERR_OK)
		f->version = version;
	return rc;
}

static enum err
look(struct follow *f, struct err_info *e)
{
	enum err rc = store_find(f, e);

	f->told = 0;
	if (rc == ERR_OK && f->store != NULL)
		rc = look_rows(f, e);
	f->began = f->began || rc == ERR_OK;
	return rc;
}

/* --- the turn ------------------------------------------------------------------- */

static void
on_change(void *ctx, const struct watch_change *c)
{
	(void)c;
	((struct follow *)ctx)->rung = true;
}

static enum err
watch_begin(struct follow *f, struct err_info *e)
{
	struct watch_options opt = { .world = f->opt.world,
		.poll_ms = f->opt.poll_ms,
		.on_change = on_change,
		.ctx = f };
	struct watch_root root = { .path = f->opt.home->dir,
		.only = os_base(f->opt.home->doorbell) };
	unsigned number;
	enum err rc = watch_open(&opt, &f->watch, e);

	return rc == ERR_OK ? watch_add(f->watch, &root, &number, e) : rc;
}

enum err
follow_open(struct follow **ret, const struct follow_options *opt,
    struct err_info *e)
{
	struct follow *f = mem_zero(sizeof *f);
	enum err rc;

	*ret = NULL;
	if (f == NULL)
		return err_set(e, ERR_NOMEM);
	f->opt = *opt;
	f->look_ms = UINT64_MAX;
	/* Who is told of a row asks us: one may come while we begin. */
	*ret = f;
	/* Watched before it is looked at: what comes in between is told. */
	rc = watch_begin(f, e);
	if (rc == ERR_OK)
		rc = watch_turn(f->watch, os_mono_ms(), e);
	if (rc == ERR_OK)
		rc = look(f, e);
	if (rc != ERR_OK) {
		*ret = NULL;
		follow_close(f);
		return rc;
	}
	f->rung = false;
	if (f->waits)
		f->again_ms = os_mono_ms() + FOLLOW_AGAIN_MS;
	if (opt->look_ms > 0)
		f->look_ms = os_mono_ms() + opt->look_ms;
	return ERR_OK;
}

void
follow_close(struct follow *f)
{
	if (f == NULL)
		return;
	watch_close(f->watch);
	store_close(f->store);
	arena_fini(&f->a);
	free(f->cursor);
	free(f);
}

int
follow_fd(const struct follow *f)
{
	return watch_fd(f->watch);
}

uint64_t
follow_due_ms(const struct follow *f)
{
	uint64_t due = watch_due_ms(f->watch);

	if (f->again_ms > 0)
		due = due < f->again_ms ? due : f->again_ms;
	else if (f->rung || f->more)
		due = 0;
	return due < f->look_ms ? due : f->look_ms;
}

/* Whatever failed in the store may be the fault of the handle. */
static enum err
failed(struct follow *f, enum err rc, uint64_t now_ms)
{
	if (rc != ERR_NOMEM)
		store_drop(f);
	f->again_ms = now_ms + FOLLOW_AGAIN_MS;
	if (f->look_ms < f->again_ms)
		f->look_ms = f->again_ms;
	return rc;
}

enum err
follow_turn(struct follow *f, uint64_t now_ms, struct err_info *e)
{
	bool rung,
	    due = now_ms >= f->look_ms || f->more ||
	    (f->waits && now_ms >= f->again_ms);
	enum err rc = watch_turn(f->watch, now_ms, e);

	if (rc != ERR_OK)
		return rc;
	rung = f->rung;
	if (!rung && !due)
		return ERR_OK;
	rc = look(f, e);
	if (rc != ERR_OK)
		return failed(f, rc, now_ms);
	f->again_ms = f->waits ? now_ms + FOLLOW_AGAIN_MS : 0;
	f->rung = false;
	if (f->opt.look_ms > 0)
		f->look_ms = now_ms + f->opt.look_ms;
	if ((rung || f->told > 0) && f->opt.on_ring != NULL)
		f->opt.on_ring(f->opt.ctx);
	return ERR_OK;
}

struct store *
follow_store(const struct follow *f)
{
	return f->store;
}

uint64_t
follow_pos(const struct follow *f, space_id sp)
{
	const struct cursor *c = cursor_of(f, sp);

	return c != NULL ? c->pos : 0;
}

enum err
follow_known(struct follow *f, const struct log_row *row, bool *ret,
    struct err_info *e)
{
	struct arena a = { 0 };
	enum err rc = ERR_OK;

	*ret = false;
	for (size_t i = 0; rc == ERR_OK && !*ret && i < f->n; i++) {
		const struct cursor *c = &f->cursor[i];
		struct log_row other;

		if (c->space == row->space)
			continue;
		rc = store_event(f->store, c->space, &row->id, &a, &other, e);
		*ret = rc == ERR_OK && other.pos <= c->pos;
		if (rc == ERR_NOT_FOUND) {
			*e = (struct err_info){ 0 };
			rc = ERR_OK;
		}
	}
	arena_fini(&a);
	return rc;
}

void
follow_status(const struct follow *f, struct watch_status *st)
{
	watch_status(f->watch, st);
}
