/* What runs note about files, so that the next one reads only what changed.
 *
 *	source:file:<path>          what was read: the file's identity, or "left"
 *	source:root:<space>:<path>  up to where the space's log was known when the
 *	                            last run over this path looked: the last look
 *	                            at every file that was found there
 *
 * An identity is told by times that advance in steps: a file that changes again
 * within the step in which it was looked at looks the same.  So where a file was
 * that young the note holds a sum of its bytes as well, and the next run reads
 * it to be sure (git calls such files racily clean). */
#include <stdio.h>

#include "hash.h"
#include "observe_int.h"

enum {
	YOUNG_MS = 10, /* the steps are 4 ms, or 10 with a slow timer */
	SUM_BYTES = 16,
	ID_PARTS = 5
};

static const char note_left[] = "left";

static void
id_parts(const struct os_file_id *id, uint64_t part[ID_PARTS])
{
	part[0] = id->dev;
	part[1] = id->ino;
	part[2] = id->size;
	part[3] = (uint64_t)id->mtime_ns;
	part[4] = (uint64_t)id->ctime_ns;
}

static void
add_id(struct buf *out, const struct os_file_id *id)
{
	uint64_t part[ID_PARTS];

	id_parts(id, part);
	for (size_t i = 0; i < ID_PARTS; i++) {
		buf_adds(out, i > 0 ? " " : "");
		buf_addu(out, part[i]);
	}
}

static void
file_name(struct buf *out, const char *path)
{
	buf_adds(out, "source:file:");
	buf_adds(out, path);
}

static void
root_name(struct buf *out, space_id sp, const char *path)
{
	buf_addf(out, "source:root:%lld:%s", (long long)sp, path);
}

static enum err
read_spaces(struct observer *ob, struct err_info *e)
{
	struct space *sp;
	enum err rc =
	    store_space_list(ob->o.store, ob->a, &sp, &ob->n_spaces, e);

	if (rc != ERR_OK)
		return rc;
	ob->space = arena_array(ob->a, ob->n_spaces, sizeof *ob->space);
	if (ob->space == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < ob->n_spaces; i++)
		ob->space[i] =
		    (struct observe_space){ sp[i].id, sp[i].events, 0 };
	return ERR_OK;
}

enum err
observe_notes(struct observer *ob, struct err_info *e)
{
	struct str *name, *value;
	size_t n;
	enum err rc = read_spaces(ob, e);

	if (rc == ERR_OK)
		rc = store_note_list(ob->o.store, STR("source:"), ob->a, &name,
		    &value, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (!map_put(&ob->notes, name[i], &value[i]))
			rc = err_set(e, ERR_NOMEM);
	return rc;
}

/* --- files ------------------------------------------------------------------ */

static bool
is_young(const struct found *f)
{
	int64_t ms = f->id.ctime_ns / 1000000;

	/* Also where it is of the future: a clock was set back. */
	return ms > f->looked_ms - YOUNG_MS;
}

static enum err
sum_of(struct observer *ob, struct str bytes, const char **ret,
    struct err_info *e)
{
	char text[2 * SUM_BYTES + 1];
	uint8_t h[SUM_BYTES];

	hash_blake2b(bytes, h, sizeof h);
	hex_encode(h, sizeof h, text);
	*ret = arena_dup(ob->a, str_of(text));
	return *ret ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* Are the bytes still those of which the last run noted the sum?  A file that
 * cannot be read is one that changed. */
static enum err
compare_bytes(struct observer *ob, struct found *f, struct str sum,
    struct err_info *e)
{
	struct buf bytes = { 0 };
	struct err_info ignored = { 0 };
	const char *now;
	enum err rc = os_read_file(f->path, SOURCE_FILE_MAX, &bytes, &ignored);

	if (rc == ERR_OK)
		rc = sum_of(ob, buf_str(&bytes), &now, e);
	else if (rc != ERR_NOMEM)
		rc = ERR_OK, now = "";
	else
		*e = ignored;
	buf_fini(&bytes);
	if (rc != ERR_OK)
		return rc;
	f->changed = !str_is(sum, now);
	if (!f->changed && is_young(f))
		f->sum = now; /* as noted */
	f->settled = !f->changed && f->sum == NULL;
	return ERR_OK;
}

/* Does the note begin with this identity?  *rest: what follows it. */
static bool
is_id(struct str note, const struct os_file_id *id, struct str *rest)
{
	uint64_t part[ID_PARTS], was;

	id_parts(id, part);
	for (size_t i = 0; i < ID_PARTS; i++) {
		struct str word;

		if (!str_split(&note, ' ', &word) || !str_u64(word, &was) ||
		    was != part[i])
			return false;
	}
	*rest = note;
	return true;
}

enum err
observe_compare(struct observer *ob, struct found *f, struct err_info *e)
{
	struct buf *name = &ob->name;
	struct str *note, sum = { NULL, 0 };

	buf_reset(name);
	file_name(name, f->path);
	if (buf_ok(name, e) != ERR_OK)
		return e->code;
	note = map_get(&ob->notes, buf_str(name));
	f->was_left = note != NULL && str_is(*note, note_left);
	f->changed = note == NULL || !is_id(*note, &f->id, &sum);
	return sum.n > 0 ? compare_bytes(ob, f, sum, e) : ERR_OK;
}

enum err
observe_sum(struct observer *ob, struct found *f, struct str bytes,
    struct err_info *e)
{
	return is_young(f) ? sum_of(ob, bytes, &f->sum, e) : ERR_OK;
}

enum err
observe_note(struct observer *ob, const struct found *f, bool left,
    struct err_info *e)
{
	struct buf name = { 0 }, value = { 0 };
	enum err rc;

	file_name(&name, f->path);
	if (left) {
		buf_adds(&value, note_left);
	} else {
		add_id(&value, &f->id);
		buf_adds(&value, f->sum ? " " : "");
		buf_adds(&value, f->sum ? f->sum : "");
	}
	rc = buf_ok(&name, e);
	if (rc == ERR_OK)
		rc = buf_ok(&value, e);
	if (rc == ERR_OK)
		rc = store_note_put(ob->o.store, buf_str(&name),
		    buf_str(&value), e);
	buf_fini(&name);
	buf_fini(&value);
	return rc;
}

/* --- looks ------------------------------------------------------------------ */

void
observe_own(struct observer *ob, space_id sp)
{
	for (size_t i = 0; i < ob->n_spaces; i++)
		ob->space[i].own += ob->space[i].id == sp;
}

/* Up to where the log was known when the files were looked at: what others wrote
 * since may be younger than what the files said. */
static uint64_t
known_to(const struct observer *ob, const struct space *now)
{
	for (size_t i = 0; i < ob->n_spaces; i++) {
		const struct observe_space *s = &ob->space[i];

		if (s->id == now->id)
			return now->events == s->events + s->own ? now->events :
			                                           s->events;
	}
	return 0;
}

static enum err
note_root(struct observer *ob, const struct space *sp, const char *path,
    bool only_ask, bool *news, struct err_info *e)
{
	struct buf name = { 0 };
	char text[24];
	struct str *before;
	enum err rc;

	root_name(&name, sp->id, path);
	(void)snprintf(text, sizeof text, "%llu",
	    (unsigned long long)known_to(ob, sp));
	rc = buf_ok(&name, e);
	before = rc == ERR_OK ? map_get(&ob->notes, buf_str(&name)) : NULL;
	if (rc == ERR_OK && (before == NULL || !str_is(*before, text))) {
		*news = true;
		if (!only_ask)
			rc = store_note_put(ob->o.store, buf_str(&name),
			    str_of(text), e);
	}
	buf_fini(&name);
	return rc;
}

enum err
observe_note_roots(struct observer *ob, const char *const *path, size_t n,
    bool only_ask, bool *news, struct err_info *e)
{
	struct space *sp;
	size_t spaces;
	enum err rc = store_space_list(ob->o.store, ob->a, &sp, &spaces, e);

	for (size_t i = 0; rc == ERR_OK && i < n * spaces; i++)
		rc = note_root(ob, &sp[i / n], path[i % n], only_ask, news, e);
	return rc;
}

uint64_t
observe_look(struct observer *ob, const struct found *f, space_id sp)
{
	struct buf name = { 0 };
	struct str *note = NULL;
	uint64_t look = 0;

	root_name(&name, sp, f->root);
	if (!name.failed)
		note = map_get(&ob->notes, buf_str(&name));
	if (note == NULL || f->was_left || !str_u64(*note, &look))
		look = 0;
	buf_fini(&name);
	return look;
}
