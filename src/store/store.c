/* Opening, transactions, notes.
 *
 * A transaction: begin (writer lock, what others committed is noticed) - writes
 * change rows of the log at once, and entities in memory - commit (entities,
 * sums and counters go to their rows, then everything to the disk) - doorbell.
 * Fails: any failure inside spoils the transaction; rollback forgets everything
 * that is held in memory, and the next look reads it again. */
#include <assert.h>
#include <stdlib.h>

#include "fault.h"
#include "file.h"
#include "store_int.h"

enum { PROJECTS_MAX = 65536 /* held in memory between transactions */ };

static void
meta_make(struct store *s)
{
	uint8_t id[16];

	s->opt.env.random(s->opt.env.ctx, id, sizeof id);
	s->meta = (struct meta_row){ .fold = FOLD_VERSION };
	hex_encode(id, sizeof id, s->meta.node);
	s->meta_known = true;
	s->changed = true;
}

static enum err
fold_newer(const struct meta_row *m, struct err_info *e)
{
	return err_setf(e, ERR_NEWER,
	    "the store was folded by the rules of a newer version (%llu)",
	    (unsigned long long)m->fold);
}

/* Read the meta row; drop what is held in memory where somebody else has
 * written since. */
static enum err
meta_load(struct store *s, struct err_info *e)
{
	struct meta_row m;
	bool found;
	enum err rc = s->ops->meta_get(s, &m, &found, e);

	if (rc != ERR_OK)
		return rc;
	if (!found && !s->in_tx)
		return err_setf(e, ERR_CORRUPT,
		    "the store has lost its first row");
	if (!found) {
		meta_make(s);
		return ERR_OK;
	}
	/* A newer program has been here since we opened it. */
	if (m.fold > FOLD_VERSION && !s->opt.no_fold)
		return fold_newer(&m, e);
	if (!s->meta_known || m.version != s->meta.version ||
	    s->projects.count > PROJECTS_MAX)
		cache_drop(s);
	s->meta = m;
	s->meta_known = true;
	return ERR_OK;
}

/* A store of older rules is folded again; docs/merge.md, Canonical form. */
static enum err
fold_upgrade(struct store *s, struct err_info *e)
{
	struct store_report report = { 0 };
	enum err rc = store_begin(s, e);

	if (rc != ERR_OK)
		return rc;
	/* Another process may have been faster. */
	if (s->meta.fold != FOLD_VERSION)
		rc = rebuild_all(s, s->opt.progress, s->opt.progress_ctx,
		    &report, e);
	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
	return rc;
}

static enum err
fold_check(struct store *s, struct err_info *e)
{
	if (s->opt.no_fold || s->meta.fold == FOLD_VERSION)
		return ERR_OK;
	if (s->meta.fold > FOLD_VERSION)
		return fold_newer(&s->meta, e);
	if (s->opt.read_only)
		return err_setf(e, ERR_UNSUPPORTED,
		    "the store was folded by the rules of an older version; "
		    "the next writing command folds it again");
	return fold_upgrade(s, e);
}

/* A first transaction makes the meta row of a new store. */
static enum err
meta_first(struct store *s, struct err_info *e)
{
	enum err rc = store_begin(s, e);

	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
	return rc;
}

enum err
store_setup(struct store *s, const struct store_ops *ops,
    const struct store_options *opt, struct err_info *e)
{
	enum err rc;
	bool found;

	s->ops = ops;
	s->opt = *opt;
	s->opt.read_only |= opt->no_fold;
	s->opt.doorbell = NULL;
	if (s->opt.cache_entities == 0)
		s->opt.cache_entities = 16384;
	cache_init(s);
	if (opt->doorbell != NULL) {
		s->doorbell = mem_strdup(opt->doorbell);
		if (s->doorbell == NULL)
			return err_set(e, ERR_NOMEM);
	}
	rc = ops->view(s, e);
	if (rc != ERR_OK)
		goto done;
	rc = ops->meta_get(s, &s->meta, &found, e);
	ops->view_end(s);
	if (rc != ERR_OK)
		goto done;
	s->meta_known = found;
	if (!found && s->opt.read_only)
		rc = err_setf(e, ERR_UNSUPPORTED, "the store is not made yet");
	else if (!found)
		rc = meta_first(s, e);
	if (rc == ERR_OK)
		rc = fold_check(s, e);
done:
	if (rc != ERR_OK)
		store_release(s);
	return rc;
}

/* A view ends with its handle. */
void
store_release(struct store *s)
{
	if (s->in_tx)
		store_rollback(s);
	cache_drop(s);
	grave_empty(s);
	map_fini(&s->spaces);
	map_fini(&s->projects);
	map_fini(&s->entities);
	map_fini(&s->seen);
	arena_fini(&s->cache_arena);
	buf_fini(&s->key);
	parsed_fini(&s->parsed);
	buf_fini(&s->raw);
	free(s->dirty);
	free(s->grave);
	free(s->doorbell);
	s->dirty = NULL;
	s->grave = NULL;
	s->doorbell = NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_release(s);
	s->ops->close(s);
}

/* --- transactions ----------------------------------------------------------- */

enum err
store_begin(struct store *s, struct err_info *e)
{
	enum err rc;

	assert(!s->in_tx && !s->viewing);
	grave_empty(s);
	if (s->opt.read_only)
		return err_setf(e, ERR_PERMISSION,
		    "the store was opened to be read only");
	rc = s->ops->begin(s, e);
	if (rc != ERR_OK)
		return rc;
	s->in_tx = true;
	s->changed = s->spoilt = false;
	s->quiet = true;
	rc = meta_load(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
	return rc;
}

/* Those who follow the store look at it when the doorbell changes.  The commit
 * is done: that nobody could be told does not undo it, and they look now and
 * then by themselves. */
static void
doorbell_ring(struct store *s)
{
	struct err_info ignored = { 0 };

	if (s->doorbell != NULL)
		(void)os_touch(s->doorbell, &ignored);
}

enum err
store_commit(struct store *s, struct err_info *e)
{
	enum err rc;

	assert(s->in_tx);
	if (s->spoilt)
		return err_setf(e, ERR_FAILED,
		    "the transaction has failed before");
	if (!s->changed && s->n_dirty == 0) {
		store_rollback(s);
		return ERR_OK;
	}
	rc = cache_flush(s, e);
	if (rc == ERR_OK) {
		s->meta.version++;
		rc = s->ops->meta_put(s, &s->meta, e);
	}
	if (rc == ERR_OK)
		rc = s->ops->commit(s, e);
	if (rc != ERR_OK) {
		s->spoilt = true;
		return rc;
	}
	s->in_tx = false;
	cache_trim(s);
	if (!s->quiet)
		doorbell_ring(s);
	return ERR_OK;
}

void
store_rollback(struct store *s)
{
	if (!s->in_tx)
		return;
	s->ops->rollback(s);
	s->in_tx = false;
	if (s->changed || s->spoilt || s->n_dirty > 0)
		cache_drop(s);
	grave_empty(s);
}

void
write_begin(struct store *s)
{
	assert(s->in_tx);
	s->quiet = false;
	grave_empty(s);
}

enum err
write_end(struct store *s, enum err rc)
{
	/* These are found out before anything is changed. */
	static const enum err harmless[] = { ERR_OK, ERR_NOT_FOUND, ERR_EXISTS,
		ERR_SCHEMA, ERR_TOO_LARGE, ERR_REFUSED, ERR_RESYNC,
		ERR_CLOCK_AHEAD };

	for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
		if (rc == harmless[i])
			return rc;
	s->spoilt = true;
	return rc;
}

enum err
read_begin(struct store *s, bool *mine, struct err_info *e)
{
	enum err rc;

	*mine = false;
	if (s->in_tx) {
		rc = names_settle(s, e);
		if (rc != ERR_OK)
			s->spoilt = true;
		return rc;
	}
	if (s->viewing)
		return ERR_OK;
	rc = s->ops->view(s, e);
	if (rc != ERR_OK)
		return rc;
	s->viewing = true;
	rc = meta_load(s, e);
	*mine = rc == ERR_OK;
	if (rc != ERR_OK)
		read_end(s, true);
	return rc;
}

void
read_end(struct store *s, bool mine)
{
	if (!mine)
		return;
	s->ops->view_end(s);
	s->viewing = false;
	cache_trim(s);
}

enum err
store_read_begin(struct store *s, struct err_info *e)
{
	bool mine;

	assert(!s->in_tx && !s->viewing);
	grave_empty(s);
	return read_begin(s, &mine, e);
}

void
store_read_end(struct store *s)
{
	if (!s->viewing)
		return;
	read_end(s, true);
	grave_empty(s);
}

enum err
store_version(struct store *s, uint64_t *ret, struct err_info *e)
{
	enum err rc;
	bool mine;

	rc = read_begin(s, &mine, e);
	if (rc != ERR_OK)
		return rc;
	*ret = s->meta.version;
	read_end(s, mine);
	return ERR_OK;
}

enum err
store_checkpoint(struct store *s, struct err_info *e)
{
	assert(!s->in_tx && !s->viewing);
	if (s->opt.read_only)
		return err_setf(e, ERR_PERMISSION,
		    "the store was opened to be read only");
	return s->ops->checkpoint(s, e);
}

void
store_slim(struct store *s)
{
	assert(!s->in_tx && !s->viewing);
	grave_empty(s);
	cache_rest(s);
	if (s->ops->slim != NULL)
		s->ops->slim(s);
}

enum err
store_bulk(struct store *s, struct err_info *e)
{
	return s->ops->bulk != NULL ? s->ops->bulk(s, e) : ERR_OK;
}

enum err
store_tidy(struct store *s, bool *moved, struct err_info *e)
{
	assert(!s->in_tx && !s->viewing);
	*moved = false;
	return s->ops->tidy != NULL ? s->ops->tidy(s, moved, e) : ERR_OK;
}

enum err
store_node(struct store *s, char out[33], struct err_info *e)
{
	enum err rc;
	bool mine;

	rc = read_begin(s, &mine, e);
	if (rc != ERR_OK)
		return rc;
	memcpy(out, s->meta.node, sizeof s->meta.node);
	read_end(s, mine);
	return ERR_OK;
}

enum err
store_facts(struct store *s, struct store_facts *ret, struct err_info *e)
{
	*ret = (struct store_facts){ 0 };
	return s->ops->facts(s, ret, e);
}

/* --- notes -------------------------------------------------------------------- */

enum err
store_note_get(struct store *s, struct str name, struct arena *a,
    struct str *ret, struct err_info *e)
{
	bool found, mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = s->ops->note_get(s, name, a, ret, &found, e);
	if (rc == ERR_OK && !found)
		rc = err_setf(e, ERR_NOT_FOUND, "no note %.*s", STR_ARG(name));
	read_end(s, mine);
	return rc;
}

enum err
store_note_put(struct store *s, struct str name, struct str value,
    struct err_info *e)
{
	write_begin(s);
	s->changed = true;
	return write_end(s, s->ops->note_put(s, name, value, e));
}

enum err
store_note_list(struct store *s, struct str prefix, struct arena *a,
    struct str **names, struct str **values, size_t *n, struct err_info *e)
{
	bool mine;
	enum err rc = read_begin(s, &mine, e);

	if (rc != ERR_OK)
		return rc;
	rc = s->ops->note_list(s, prefix, a, names, values, n, e);
	read_end(s, mine);
	return rc;
}
