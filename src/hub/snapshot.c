/* A team's state for other programs: docs/protocol.md, Snapshot.  No list
 * fields; texts are cut. */
#include "hub_int.h"

enum {
	SNAPSHOT_BYTES_MAX = 64 << 20,
	SNAPSHOT_TEXT_MAX = 64 * 1024,
};

struct snapshot {
	struct json_writer *w;
	struct buf value;
};

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

static enum err
put_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	struct snapshot *s = ctx;
	const struct cell *c;
	size_t at = 0;

	if (!entity_present(en))
		return ERR_OK;
	json_obj(s->w);
	json_key(s->w, "id"), json_put_str(s->w, en->key);
	json_key(s->w, "project_uuid"), json_put_str(s->w, en->project);
	while ((c = entity_field_next(en, &at)) != NULL) {
		enum err rc;

		if (c->kind == KIND_LIST || str_is(c->field, "present") ||
		    str_is(c->field, "id"))
			continue;
		rc = put_field(s, en, c, e);
		if (rc != ERR_OK)
			return rc;
	}
	json_end(s->w);
	if (s->w->out->len > SNAPSHOT_BYTES_MAX)
		return err_setf(e, ERR_TOO_LARGE,
		    "the state has more than %d MiB: ask for one ?project=",
		    SNAPSHOT_BYTES_MAX >> 20);
	return buf_ok(s->w->out, e);
}

static enum err
put_state(struct store *st, const struct space *sp, struct str project,
    struct buf *out, struct err_info *e)
{
	static const struct {
		const char *member;
		enum aggregate aggregate;
	} part[] = {
		{ "projects", AGG_PROJECT },
		{ "features", AGG_FEATURE },
		{ "work_packages", AGG_WORK_PACKAGE },
		{ "todos", AGG_TODO },
		{ "work_items", AGG_WORK_ITEM },
		{ "sessions", AGG_SESSION },
	};
	struct json_writer w = { .out = out };
	struct snapshot s = { .w = &w };
	uint8_t digest[32];
	char hex[65];
	enum err rc = ERR_OK;

	memcpy(digest, sp->digest, sizeof digest);
	if (project.n > 0)
		rc = store_digest(st, sp->id, project, digest, e);
	hex_encode(digest, sizeof digest, hex);
	json_obj(&w);
	json_key(&w, "type"), json_put_z(&w, "snapshot");
	json_key(&w, "epoch"), json_put_str(&w, sp->epoch);
	json_key(&w, "seq"), json_put_u(&w, sp->pulled);
	json_key(&w, "state_hash"), json_put_z(&w, hex);
	json_key(&w, "fold_version"), json_put_u(&w, FOLD_VERSION);
	for (size_t i = 0; rc == ERR_OK && i < sizeof part / sizeof part[0];
	     i++) {
		json_key(&w, part[i].member);
		json_arr(&w);
		rc = store_entities(st, sp->id, project,
		    aggregate_name(part[i].aggregate), put_entity, &s, e);
		/* Where it failed the text ends in the middle of something. */
		if (rc == ERR_OK)
			json_end(&w);
	}
	if (rc != ERR_OK)
		goto done;
	json_key(&w, "more"), json_put_bool(&w, false);
	json_end(&w);
done:
	buf_fini(&s.value);
	return rc;
}

enum err
snapshot_write(struct store *s, space_id id, struct str project,
    struct buf *out, struct err_info *e)
{
	struct arena a = { 0 };
	struct space sp;
	enum err rc;

	/* Position and state belong together: one view for all of it. */
	rc = store_read_begin(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = store_space_get(s, id, &a, &sp, e);
	if (rc == ERR_OK)
		rc = put_state(s, &sp, project, out, e);
	store_read_end(s);
	arena_fini(&a);
	return rc == ERR_OK ? buf_ok(out, e) : rc;
}
