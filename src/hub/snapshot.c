/* A team's state for other programs: docs/protocol.md, Snapshot.  No list
 * fields; texts are cut.
 *
 * Each entity is written by itself and put behind those of its type; when they
 * are enough for a part, the part goes and the lists begin anew. */
#include "snapshot.h"

enum {
	SNAPSHOT_BYTES_MAX = 64 << 20,
	SNAPSHOT_TEXT_MAX = 64 * 1024,
};

static const struct {
	const char *member;
	enum aggregate aggregate;
} lists[] = {
	{ "projects", AGG_PROJECT },
	{ "features", AGG_FEATURE },
	{ "work_packages", AGG_WORK_PACKAGE },
	{ "todos", AGG_TODO },
	{ "work_items", AGG_WORK_ITEM },
	{ "sessions", AGG_SESSION },
};
enum { LISTS = sizeof lists / sizeof lists[0] };

struct snapshot {
	struct json_writer *w; /* of `one` */
	struct buf one, value; /* the entity that is written, a field of it */
	struct buf list[LISTS];
	size_t at;           /* the list that grows */
	size_t bytes, total; /* of this part, of all so far */
	size_t part_max;
	const struct space *sp; /* borrow */
	char hash[65];
	snapshot_part_fn *fn;
	void *ctx;
};

/* Hand over what is there. */
static enum err
put_part(struct snapshot *s, bool more, struct err_info *e)
{
	struct buf out = { 0 };
	struct json_writer w = { .out = &out };
	enum err rc;

	json_obj(&w);
	json_key(&w, "type"), json_put_z(&w, "snapshot");
	json_key(&w, "epoch"), json_put_str(&w, s->sp->epoch);
	json_key(&w, "seq"), json_put_u(&w, s->sp->pulled);
	json_key(&w, "state_hash"), json_put_z(&w, s->hash);
	json_key(&w, "fold_version"), json_put_u(&w, FOLD_VERSION);
	for (size_t i = 0; i < LISTS; i++) {
		json_key(&w, lists[i].member);
		json_arr(&w);
		if (s->list[i].len > 0)
			json_put_raw(&w, buf_str(&s->list[i]));
		json_end(&w);
		out.failed |= s->list[i].failed;
		buf_reset(&s->list[i]);
	}
	json_key(&w, "more"), json_put_bool(&w, more);
	json_end(&w);
	s->bytes = 0;
	rc = buf_ok(&out, e);
	if (rc == ERR_OK)
		rc = s->fn(s->ctx, &out, e);
	buf_fini(&out);
	return rc;
}

/* A text of at most SNAPSHOT_TEXT_MAX bytes, whole characters. */
static enum err
put_text(struct snapshot *s, const struct entity *en, const char *field,
    struct err_info *e)
{
	const struct head *h = entity_shown(en, field);
	struct arena a = { 0 };
	struct str text;
	enum err rc = ERR_OK;

	if (h == NULL || h->value.n <= SNAPSHOT_TEXT_MAX ||
	    h->value.p[0] != '"') {
		json_put_raw(s->w, h != NULL ? h->value : STR("null"));
		return ERR_OK;
	}
	text = entity_text(en, field, &a);
	if (text.n > SNAPSHOT_TEXT_MAX) {
		text.n = SNAPSHOT_TEXT_MAX;
		while (text.n > 0 &&
		    ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
			text.n--;
	}
	if (text.p != NULL)
		json_put_str(s->w, text);
	else
		rc = err_set(e, ERR_NOMEM);
	arena_fini(&a);
	return rc;
}

static enum err
put_field(struct snapshot *s, const struct entity *en, const struct cell *c,
    struct err_info *e)
{
	struct arena a = { 0 };
	char *name = arena_dup(&a, c->field);
	enum err rc = ERR_OK;

	if (name == NULL)
		return err_set(e, ERR_NOMEM);
	json_key_str(s->w, c->field);
	if (c->kind == KIND_TEXT) {
		rc = put_text(s, en, name, e);
	} else {
		buf_reset(&s->value);
		(void)entity_value(en, name, &s->value);
		json_put_raw(s->w, buf_str(&s->value));
		rc = buf_ok(&s->value, e);
	}
	arena_fini(&a);
	return rc;
}

/* It has more than one message may have: only that it is there. */
static void
put_too_large(struct snapshot *s, const struct entity *en)
{
	struct json_writer w = { .out = &s->one };

	buf_reset(&s->one);
	json_obj(&w);
	json_key(&w, "id"), json_put_str(&w, en->key);
	json_key(&w, "project_uuid"), json_put_str(&w, en->project);
	json_key(&w, "truncated"), json_put_bool(&w, true);
	json_end(&w);
}

static enum err
put_fields(struct snapshot *s, const struct entity *en, struct err_info *e)
{
	struct json_writer w = { .out = &s->one };
	const struct cell *c;
	size_t at = 0;

	s->w = &w;
	buf_reset(&s->one);
	json_obj(&w);
	json_key(&w, "id"), json_put_str(&w, en->key);
	json_key(&w, "project_uuid"), json_put_str(&w, en->project);
	while ((c = entity_field_next(en, &at)) != NULL) {
		enum err rc;

		if (c->kind == KIND_LIST || str_is(c->field, "present") ||
		    str_is(c->field, "id"))
			continue;
		rc = put_field(s, en, c, e);
		if (rc != ERR_OK)
			return rc;
	}
	json_end(&w);
	return buf_ok(&s->one, e);
}

static enum err
put_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	struct snapshot *s = ctx;
	struct buf *list = &s->list[s->at];
	enum err rc;

	if (!entity_present(en))
		return ERR_OK;
	rc = put_fields(s, en, e);
	if (rc != ERR_OK)
		return rc;
	if (s->one.len > s->part_max)
		put_too_large(s, en);
	if (s->bytes > 0 && s->bytes + s->one.len > s->part_max)
		rc = put_part(s, true, e);
	if (rc != ERR_OK)
		return rc;
	if (list->len > 0)
		buf_addc(list, ',');
	buf_addstr(list, buf_str(&s->one));
	s->bytes += s->one.len;
	s->total += s->one.len;
	if (s->total > SNAPSHOT_BYTES_MAX)
		return err_setf(e, ERR_TOO_LARGE,
		    "the state has more than %d MiB: ask for one ?project=",
		    SNAPSHOT_BYTES_MAX >> 20);
	return buf_ok(list, e);
}

static enum err
put_state(struct snapshot *s, struct store *st, struct str project,
    struct err_info *e)
{
	uint8_t digest[32];
	enum err rc = ERR_OK;

	memcpy(digest, s->sp->digest, sizeof digest);
	if (project.n > 0)
		rc = store_digest(st, s->sp->id, project, digest, e);
	hex_encode(digest, sizeof digest, s->hash);
	for (s->at = 0; rc == ERR_OK && s->at < LISTS; s->at++)
		rc = store_entities(st, s->sp->id, project,
		    aggregate_name(lists[s->at].aggregate), put_entity, s, e);
	return rc == ERR_OK ? put_part(s, false, e) : rc;
}

enum err
snapshot_parts(struct store *st, space_id id, struct str project,
    size_t part_max, snapshot_part_fn *fn, void *ctx, uint64_t *seq,
    struct err_info *e)
{
	struct snapshot s = { .part_max = part_max, .fn = fn, .ctx = ctx };
	struct arena a = { 0 };
	struct space sp;
	enum err rc;

	/* Position and state belong together: one view for all of it. */
	rc = store_read_begin(st, e);
	if (rc != ERR_OK)
		return rc;
	rc = store_space_get(st, id, &a, &sp, e);
	s.sp = &sp;
	*seq = rc == ERR_OK ? sp.pulled : 0;
	if (rc == ERR_OK)
		rc = put_state(&s, st, project, e);
	store_read_end(st);
	for (size_t i = 0; i < LISTS; i++)
		buf_fini(&s.list[i]);
	buf_fini(&s.one);
	buf_fini(&s.value);
	arena_fini(&a);
	return rc;
}

static enum err
take_whole(void *ctx, struct buf *part, struct err_info *e)
{
	struct buf *out = ctx;

	(void)e;
	*out = *part;
	*part = (struct buf){ 0 };
	return ERR_OK;
}

enum err
snapshot_write(struct store *s, space_id id, struct str project,
    struct buf *out, struct err_info *e)
{
	uint64_t seq;

	buf_fini(out);
	return snapshot_parts(s, id, project, SNAPSHOT_BYTES_MAX, take_whole,
	    out, &seq, e);
}
