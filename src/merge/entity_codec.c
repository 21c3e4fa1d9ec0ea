/* State of an entity as bytes, its digest, and as JSON for people. */
#include <stdlib.h>

#include "entity_int.h"
#include "fault.h"
#include "hash.h"

/* --- bytes: varints, and strings with their length in front ---------------- */

enum { CODEC_VERSION = 1 };

static void
put_u(struct buf *out, uint64_t v)
{
	while (v >= 0x80) {
		buf_addc(out, (char)(v | 0x80));
		v >>= 7;
	}
	buf_addc(out, (char)v);
}

static void
put_str(struct buf *out, struct str s)
{
	put_u(out, s.n);
	buf_addstr(out, s);
}

static void
put_id(struct buf *out, const struct eid *id)
{
	buf_addc(out, (char)id->form);
	buf_add(out, id->b, sizeof id->b);
}

static void
put_head(struct buf *out, const struct head *h)
{
	put_id(out, &h->id);
	put_u(out, h->clock);
	put_u(out, h->node);
	put_u(out, h->round);
	put_u(out, (uint64_t)(h->rank + 1));
	put_u(out, (uint64_t)h->observation | (uint64_t)h->in << 1);
	put_str(out, h->value);
	put_str(out, h->reporter);
}

static void
put_row(struct buf *out, const struct row *r)
{
	buf_add(out, r->id, sizeof r->id);
	put_u(out, r->state);
	put_str(out, r->field);
	put_u(out, r->n_heads);
	for (size_t i = 0; i < r->n_heads; i++)
		put_id(out, &r->head[i]);
	put_u(out, r->n_closers);
	for (size_t i = 0; i < r->n_closers; i++)
		put_id(out, &r->closer[i]);
}

void
entity_encode(const struct entity *en, struct buf *out)
{
	put_u(out, CODEC_VERSION);
	put_u(out, en->events);
	put_u(out, en->n_nodes);
	for (size_t i = 0; i < en->n_nodes; i++)
		put_str(out, en->node[i]);
	put_u(out, en->last_clock);
	put_u(out, en->last_node);
	put_id(out, &en->last_id);
	put_u(out, en->n_cells);
	for (size_t i = 0; i < en->n_cells; i++) {
		const struct cell *c = &en->cell[i];

		put_str(out, c->field);
		put_str(out, c->element);
		put_u(out, c->kind);
		put_u(out, c->n);
		for (size_t k = 0; k < c->n; k++)
			put_head(out, &c->head[k]);
	}
	put_u(out, en->n_closed);
	for (size_t i = 0; i < en->n_closed; i++)
		put_row(out, &en->closed[i]);
}

/* The least bytes that a head, a cell and a row take. */
enum {
	HEAD_BYTES_MIN = EID_KEY_BYTES + 7,
	CELL_BYTES_MIN = 4 + HEAD_BYTES_MIN,
	ROW_BYTES_MIN = 12
};

/* A reader that goes bad once and stays so: asked at the end. */
struct reader {
	const uint8_t *p, *end;
	bool bad, nomem;
	struct arena *a; /* entity_decode_in: arrays live here, strings in the
	                    bytes; NULL: everything is allocated by itself */
};

static uint64_t
get_u(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b;

		if (r->p == r->end)
			break;
		b = *r->p++;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
	}
	r->bad = true;
	return 0;
}

/* A count of things that take at least so many bytes each: bounded by what is
 * left. */
static size_t
get_count(struct reader *r, size_t bytes)
{
	uint64_t n = get_u(r);

	if (n > (uint64_t)(r->end - r->p) / bytes)
		r->bad = true;
	return r->bad ? 0 : (size_t)n;
}

static size_t
get_n(struct reader *r)
{
	return get_count(r, 1);
}

/* Room for one item more in an array that will have `all` of them. */
static bool
get_room(struct reader *r, void *items, size_t *cap, size_t n, size_t all,
    size_t size)
{
	void *made;

	bool ok;

	if (r->a == NULL) {
		/* As many as there are: caches hold thousands of entities. */
		ok = mem_grow_from(items, cap, n + 1, size, all);
	} else {
		if (*cap == 0) {
			made = arena_array(r->a, all, size);
			*cap = made != NULL ? all : 0;
			memcpy(items, &made, sizeof made);
		}
		ok = n < *cap;
	}
	if (!ok)
		r->nomem = r->bad = true;
	return ok;
}

/* A view of the bytes; p NULL where they are bad. */
static struct str
get_view(struct reader *r)
{
	size_t n = get_n(r);
	struct str s = { NULL, 0 };

	if (r->bad)
		return s;
	s = str_n((const char *)r->p, n);
	r->p += n;
	return s;
}

static struct str
get_str(struct reader *r)
{
	struct str s = get_view(r);

	if (r->bad || r->a != NULL)
		return s;
	s.p = mem_dup(s.p, s.n);
	if (s.p == NULL) {
		r->nomem = r->bad = true;
		s.n = 0;
	}
	return s;
}

static struct eid
get_id(struct reader *r)
{
	struct eid id = { 0 };

	if ((size_t)(r->end - r->p) < EID_KEY_BYTES || *r->p > EID_ULID) {
		r->bad = true;
		return id;
	}
	id.form = *r->p++;
	memcpy(id.b, r->p, sizeof id.b);
	r->p += sizeof id.b;
	return id;
}

static struct head
get_head(struct reader *r, const struct entity *en)
{
	struct head h = { .id = get_id(r), .clock = get_u(r) };
	uint64_t node = get_u(r), round = get_u(r), rank = get_u(r);
	uint64_t flags = get_u(r);

	if (node >= en->n_nodes || round > UINT32_MAX || rank > 64 || flags > 3)
		r->bad = true;
	h.node = (uint32_t)node;
	h.round = (uint32_t)round;
	h.rank = (int32_t)rank - 1;
	h.observation = flags & 1;
	h.in = flags & 2;
	h.value = get_str(r);
	h.reporter = get_str(r);
	return h;
}

/* Cells are sorted as they were.  NULL where it is bad. */
static struct cell *
get_cell_room(struct reader *r, struct entity *en, struct str field,
    struct str element, enum kind kind, size_t all)
{
	struct cell *c;
	int d;

	if (r->a == NULL) {
		if (entity_cell(en, field, element) != NULL)
			return NULL;
		/* Adding at the end moves nothing. */
		c = entity_cell_add(en, field, element, kind);
		r->nomem = c == NULL;
		return c;
	}
	if (en->n_cells > 0) {
		c = &en->cell[en->n_cells - 1];
		d = str_cmp(c->field, field);
		if (d > 0 || (d == 0 && str_cmp(c->element, element) >= 0))
			return NULL;
	}
	if (!get_room(r, &en->cell, &en->cap_cells, en->n_cells, all,
	        sizeof *en->cell))
		return NULL;
	c = &en->cell[en->n_cells++];
	*c = (struct cell){ .field = field, .element = element, .kind = kind };
	return c;
}

static void
get_cell(struct reader *r, struct entity *en, size_t all)
{
	struct str field = get_view(r), element = get_view(r);
	uint64_t kind = get_u(r);
	size_t n = get_count(r, HEAD_BYTES_MIN);
	struct cell *c = NULL;

	if (kind > KIND_PER_SESSION || n == 0)
		r->bad = true;
	if (!r->bad)
		c = get_cell_room(r, en, field, element, (enum kind)kind, all);
	if (c == NULL) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < n && !r->bad; i++) {
		if (!get_room(r, &c->head, &c->cap, c->n, n, sizeof *c->head))
			return;
		c->head[c->n++] = get_head(r, en);
	}
}

static struct eid *
get_ids(struct reader *r, size_t *n)
{
	size_t want = get_count(r, EID_KEY_BYTES), cap = 0;
	struct eid *id = NULL;

	*n = 0;
	if (r->bad)
		return NULL;
	/* No ids are an array as well. */
	if (r->a == NULL) {
		id = mem_alloc(want * sizeof *id);
		cap = id != NULL ? want : 0;
		r->bad = r->nomem = id == NULL;
	}
	while (*n < want && !r->bad)
		if (get_room(r, &id, &cap, *n, want, sizeof *id))
			id[(*n)++] = get_id(r);
	return id;
}

static void
get_row(struct reader *r, struct entity *en, size_t all)
{
	struct row row = { 0 };
	uint64_t state;

	if ((size_t)(r->end - r->p) < sizeof row.id) {
		r->bad = true;
		return;
	}
	memcpy(row.id, r->p, sizeof row.id);
	r->p += sizeof row.id;
	state = get_u(r);
	row.state = (enum row_state)state;
	if (state > ROW_RESOLVED)
		r->bad = true;
	row.field = get_str(r);
	row.head = get_ids(r, &row.n_heads);
	row.closer = get_ids(r, &row.n_closers);
	if (r->bad ||
	    !get_room(r, &en->closed, &en->cap_closed, en->n_closed, all,
	        sizeof *en->closed)) {
		if (r->a == NULL)
			row_fini(&row);
		return;
	}
	en->closed[en->n_closed++] = row;
}

static void
get_entity(struct reader *r, struct entity *en)
{
	size_t n;

	if (get_u(r) != CODEC_VERSION)
		r->bad = true;
	en->events = get_u(r);
	n = get_n(r);
	for (size_t i = 0; i < n && !r->bad; i++) {
		if (!get_room(r, &en->node, &en->cap_nodes, en->n_nodes, n,
		        sizeof *en->node))
			return;
		en->node[en->n_nodes++] = get_str(r);
	}
	en->last_clock = get_u(r);
	en->last_node = (uint32_t)get_u(r);
	en->last_id = get_id(r);
	if (en->last_node >= en->n_nodes && en->last_id.form != EID_NONE)
		r->bad = true;
	n = get_count(r, CELL_BYTES_MIN);
	for (size_t i = 0; i < n && !r->bad; i++)
		get_cell(r, en, n);
	n = get_count(r, ROW_BYTES_MIN);
	for (size_t i = 0; i < n && !r->bad; i++)
		get_row(r, en, n);
	if (r->p != r->end)
		r->bad = true;
}

static enum err
decode_end(const struct reader *r, const struct entity_key *key,
    struct err_info *e)
{
	if (!r->bad)
		return ERR_OK;
	if (r->nomem)
		return err_set(e, ERR_NOMEM);
	return err_setf(e, ERR_CORRUPT, "state of %.*s %.*s cannot be read",
	    STR_ARG(key->type), STR_ARG(key->key));
}

enum err
entity_decode(struct entity **ret, const struct entity_key *key,
    struct str bytes, struct err_info *e)
{
	struct reader r = { .p = (const uint8_t *)bytes.p,
		.end = (const uint8_t *)bytes.p + bytes.n };
	enum err rc = entity_new(ret, key, e);

	if (rc != ERR_OK)
		return rc;
	get_entity(&r, *ret);
	rc = decode_end(&r, key, e);
	if (rc != ERR_OK) {
		entity_free(*ret);
		*ret = NULL;
	}
	return rc;
}

enum err
entity_decode_in(struct arena *a, const struct entity_key *key,
    struct str bytes, const struct entity **ret, struct err_info *e)
{
	struct reader r = { .p = (const uint8_t *)bytes.p,
		.end = (const uint8_t *)bytes.p + bytes.n,
		.a = a };
	struct entity *en = arena_zero(a, sizeof *en);

	if (en == NULL)
		return err_set(e, ERR_NOMEM);
	en->project = key->project;
	en->type = key->type;
	en->key = key->key;
	en->aggregate = aggregate_find(key->type);
	get_entity(&r, en);
	*ret = en;
	return decode_end(&r, key, e);
}

/* --- canonical form ------------------------------------------------------- */

/* The ids of all heads of a field's cells, sorted, each once. */
static enum err
field_heads(const struct cell *c, size_t n_cells, struct arena *a,
    struct eid **ret, size_t *n, struct err_info *e)
{
	size_t all = 0, at = 0;

	for (size_t i = 0; i < n_cells; i++)
		all += c[i].n;
	*n = 0;
	*ret = arena_array(a, all, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n_cells; i++)
		for (size_t k = 0; k < c[i].n; k++)
			(*ret)[at++] = c[i].head[k].id;
	qsort(*ret, at, sizeof **ret, eid_cmp_void);
	for (size_t i = 0; i < at; i++)
		if (*n == 0 || !eid_eq(&(*ret)[*n - 1], &(*ret)[i]))
			(*ret)[(*n)++] = (*ret)[i];
	return ERR_OK;
}

static void
put_ids_json(struct json_writer *w, const struct eid *id, size_t n)
{
	char text[EID_TEXT_MAX];

	json_arr(w);
	for (size_t i = 0; i < n; i++)
		json_put_str(w, str_n(text, eid_format(&id[i], text)));
	json_end(w);
}

static const char *
kind_name(enum kind k)
{
	static const char *const name[] = { [KIND_REGISTER] = "register",
		[KIND_STATUS] = "status",
		[KIND_TEXT] = "text",
		[KIND_SET] = "set",
		[KIND_LIST] = "list",
		[KIND_FLAG] = "flag",
		[KIND_PER_SESSION] = "per_session" };

	return name[k];
}

/* One field: its name is given to put_name or put_value as the caller's form
 * wants it. */
static enum err
field_parts(const struct entity *en, const struct cell *c, struct arena *a,
    struct buf *value, struct eid **id, size_t *n_ids, struct err_info *e)
{
	buf_reset(value);
	(void)entity_value_of(en, c, value);
	if (value->failed)
		return err_set(e, ERR_NOMEM);
	return field_heads(c, entity_cells_of(en, c), a, id, n_ids, e);
}

static enum err
digest_fields(const struct entity *en, struct json_writer *w, struct arena *a,
    struct err_info *e)
{
	struct buf value = { 0 };
	const struct cell *c;
	enum err rc = ERR_OK;
	size_t at = 0;

	json_arr(w);
	while (rc == ERR_OK && (c = entity_field_next(en, &at)) != NULL) {
		struct eid *id;
		size_t n;

		rc = field_parts(en, c, a, &value, &id, &n, e);
		if (rc != ERR_OK)
			break;
		json_arr(w);
		json_put_str(w, c->field);
		json_put_z(w, kind_name(c->kind));
		json_put_raw(w, buf_str(&value));
		put_ids_json(w, id, n);
		json_end(w);
	}
	json_end(w);
	buf_fini(&value);
	return rc;
}

static enum err
digest_rows(const struct entity *en, struct json_writer *w, struct arena *a,
    struct err_info *e)
{
	struct row *row;
	size_t n;
	enum err rc = entity_ledger(en, a, &row, &n, e);

	json_arr(w);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		char id[17];

		hex_encode(row[i].id, sizeof row[i].id, id);
		json_arr(w);
		json_put_z(w, id);
		json_put_z(w, row_state_name(row[i].state));
		put_ids_json(w, row[i].closer, row[i].n_closers);
		json_end(w);
	}
	json_end(w);
	return rc;
}

enum err
entity_digest(const struct entity *en, uint8_t out[32], struct err_info *e)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	struct arena a = { 0 };
	enum err rc;

	memset(out, 0, HASH_BYTES);
	if (en->n_cells == 0)
		return ERR_OK; /* nothing was written: no entity */
	json_arr(&w);
	json_put_str(&w, en->project);
	json_put_str(&w, en->type);
	json_put_str(&w, en->key);
	rc = digest_fields(en, &w, &a, e);
	if (rc == ERR_OK)
		rc = digest_rows(en, &w, &a, e);
	json_end(&w);
	if (rc == ERR_OK)
		rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		hash_blake2b(buf_str(&b), out, HASH_BYTES);
	buf_fini(&b);
	arena_fini(&a);
	return rc;
}

enum err
entity_write_json(const struct entity *en, struct json_writer *w,
    struct err_info *e)
{
	struct buf value = { 0 };
	struct arena a = { 0 };
	const struct cell *c;
	enum err rc = ERR_OK;
	size_t at = 0;

	json_obj(w);
	json_key(w, "project"), json_put_str(w, en->project);
	json_key(w, "type"), json_put_str(w, en->type);
	json_key(w, "key"), json_put_str(w, en->key);
	json_key(w, "fields");
	json_obj(w);
	while (rc == ERR_OK && (c = entity_field_next(en, &at)) != NULL) {
		struct eid *id;
		size_t n;

		rc = field_parts(en, c, &a, &value, &id, &n, e);
		if (rc != ERR_OK)
			break;
		json_key_str(w, c->field);
		json_obj(w);
		json_key(w, "value"), json_put_raw(w, buf_str(&value));
		json_key(w, "heads"), put_ids_json(w, id, n);
		json_end(w);
	}
	json_end(w);
	json_end(w);
	buf_fini(&value);
	arena_fini(&a);
	return rc;
}
