/* What an event writes to which fields: docs/formats.md, Fields and kinds. */
#include "event.h"
#include "hash.h"
#include "text.h"

struct collector {
	const struct event *ev;
	struct arena *a;
	struct write *w;
	size_t n, cap;
	bool names_present;
	bool nomem;
};

static struct write *
add(struct collector *c, struct str field, enum kind kind, enum write_op op)
{
	struct write *w;

	if (!arena_grow(c->a, &c->w, &c->cap, c->n + 1, sizeof *c->w)) {
		c->nomem = true;
		return NULL;
	}
	w = &c->w[c->n++];
	*w = (struct write){ .field = field, .kind = kind, .op = op };
	return w;
}

static struct str
canonical(struct collector *c, uint32_t node)
{
	enum json_kind kind = json_kind(c->ev->json, node);
	struct str raw = json_raw(c->ev->json, node);
	struct buf b = { 0 };
	struct str s;

	/* Numbers stay as they were written, words have one form, and so has a
	 * string without escapes. */
	if (kind != JSON_ARRAY && kind != JSON_OBJECT &&
	    !c->ev->json->node[node].escaped)
		return raw;
	json_canon(c->ev->json, node, &b);
	s = arena_str(c->a, buf_str(&b));
	if (b.failed || s.p == NULL)
		c->nomem = true;
	buf_fini(&b);
	return s;
}

static struct str
quoted(struct collector *c, struct str s)
{
	struct buf b = { 0 };
	struct str out;

	json_add_str(&b, s);
	out = arena_str(c->a, buf_str(&b));
	if (b.failed || out.p == NULL)
		c->nomem = true;
	buf_fini(&b);
	return out;
}

/* Lanes and statuses in their one spelling. */
static struct str
status_value(struct collector *c, uint32_t node)
{
	struct str s, normal;

	if (json_kind(c->ev->json, node) != JSON_STRING)
		return canonical(c, node);
	if (!json_str(c->ev->json, node, c->a, &s)) {
		c->nomem = true;
		return s;
	}
	normal = c->ev->aggregate == AGG_TODO ? todo_status_normal(s) :
	                                        lane_normal(s);
	/* Nearly always written as we write it. */
	if (str_eq(s, normal))
		return canonical(c, node);
	return quoted(c, normal);
}

static void
add_element(struct collector *c, struct str field, uint32_t node,
    enum write_op op)
{
	struct write *w = add(c, field, KIND_SET, op);

	if (w == NULL)
		return;
	w->element = canonical(c, node);
	w->value = op == WRITE_IN ? STR("true") : STR("false");
}

static void
add_elements(struct collector *c, struct str field, uint32_t list,
    enum write_op op)
{
	uint32_t child = list + 1;

	for (uint32_t i = 0; i < c->ev->json->node[list].n; i++) {
		add_element(c, field, child, op);
		child = json_next(c->ev->json, child);
	}
}

static void
add_set(struct collector *c, struct str field, uint32_t node)
{
	const struct json *j = c->ev->json;
	enum json_kind kind = json_kind(j, node);
	uint32_t part;

	if (kind == JSON_OBJECT) {
		part = json_get(j, node, "add");
		if (part > 0)
			add_elements(c, field, part, WRITE_IN);
		part = json_get(j, node, "remove");
		if (part > 0)
			add_elements(c, field, part, WRITE_OUT);
		return;
	}
	if (kind == JSON_STRING) {
		/* One element by itself: dependency_wp_id. */
		add_element(c, field, node, WRITE_IN);
		return;
	}
	if (kind == JSON_ARRAY)
		add_elements(c, field, node, WRITE_IN);
	(void)add(c, field, KIND_SET, WRITE_REST_OUT);
}

static void
add_field(struct collector *c, struct str field, const struct field_row *row,
    uint32_t node)
{
	struct write *w;

	if (row->kind == KIND_SET) {
		add_set(c, field, node);
		return;
	}
	w = add(c, field, row->kind, WRITE_VALUE);
	if (w == NULL)
		return;
	w->value = row->kind == KIND_STATUS ? status_value(c, node) :
	                                      canonical(c, node);
	if (row->name != NULL && str_is(field, "present"))
		c->names_present = true;
}

/* A member of front matter or of a session: objects are written by their
 * members, with dotted names.  Depth is bounded by EVENT_DEPTH_MAX. */
static void
add_open(struct collector *c, struct str name, uint32_t node)
{
	const struct json *j = c->ev->json;
	const struct field_row *row = field_find(c->ev->aggregate, name);
	uint32_t key = node + 1;

	if (row == NULL || row->kind == KIND_LIST || str_is(name, "present"))
		return;
	if (row->kind != KIND_REGISTER || json_kind(j, node) != JSON_OBJECT ||
	    j->node[node].n == 0) {
		add_field(c, name, row, node);
		return;
	}
	for (uint32_t i = 0; i < j->node[node].n; i++) {
		uint32_t value = json_next(j, key);
		struct str part;
		char *dotted;

		if (!json_str(j, key, c->a, &part)) {
			c->nomem = true;
			return;
		}
		dotted =
		    arena_fmt(c->a, "%.*s.%.*s", STR_ARG(name), STR_ARG(part));
		if (dotted == NULL) {
			c->nomem = true;
			return;
		}
		add_open(c, str_of(dotted), value);
		key = json_next(j, value);
	}
}

static bool
is_listed(const struct event_type *t, struct str name)
{
	for (size_t i = 0; i < t->n_members; i++)
		if (str_is(name, t->member[i].name) ||
		    (t->member[i].alias != NULL &&
		        str_is(name, t->member[i].alias)))
			return true;
	return false;
}

/* Members that have no row: of open types, or the fields of `reverted`. */
static void
add_unlisted(struct collector *c)
{
	const struct event *ev = c->ev;
	uint32_t key = ev->payload + 1;

	for (uint32_t i = 0; i < ev->json->node[ev->payload].n; i++) {
		uint32_t value = json_next(ev->json, key);
		const struct field_row *row;
		struct str name;

		if (!json_str(ev->json, key, c->a, &name)) {
			c->nomem = true;
			return;
		}
		row = field_find(ev->aggregate, name);
		if (is_listed(ev->kind, name))
			;
		else if (ev->kind->flags & TYPE_OPEN)
			add_open(c, name, value);
		else if (row != NULL)
			add_field(c, name, row, value);
		key = json_next(ev->json, value);
	}
}

static void
add_listed(struct collector *c)
{
	const struct event *ev = c->ev;

	for (size_t i = 0; i < ev->kind->n_members; i++) {
		const struct member_row *m = &ev->kind->member[i];
		const char *field =
		    m->field && m->field[0] ? m->field : m->name;
		const struct field_row *row;

		if (m->field == NULL || ev->member[i] == 0)
			continue;
		row = field_find(ev->aggregate, str_of(field));
		if (row != NULL)
			add_field(c, str_of(field), row, ev->member[i]);
	}
}

/* First of all writes: of two to one field by one event the first counts. */
static void
add_fixed(struct collector *c)
{
	const struct event_type *t = c->ev->kind;
	struct write *w;

	if (t->set_field == NULL)
		return;
	w = add(c, str_of(t->set_field), KIND_REGISTER, WRITE_VALUE);
	if (w != NULL)
		w->value = t->set_value ? str_of(t->set_value) :
		                          quoted(c, c->ev->timestamp);
}

static void
add_default(struct collector *c)
{
	const struct event_type *t = c->ev->kind;
	struct write *w;

	if (t->default_field == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (str_is(c->w[i].field, t->default_field))
			return;
	w = add(c, str_of(t->default_field), KIND_STATUS, WRITE_DEFAULT);
	if (w != NULL)
		w->value = str_of(t->default_value);
}

static void
add_entry(struct collector *c)
{
	const struct event_type *t = c->ev->kind;
	const struct field_row *row =
	    field_find(c->ev->aggregate, str_of(t->entry_field));
	struct write *w;

	/* error_logged may be about something that has no history. */
	if (row == NULL || row->kind != KIND_LIST)
		return;
	w = add(c, str_of(t->entry_field), KIND_LIST, WRITE_VALUE);
	if (w != NULL)
		w->value = canonical(c, c->ev->payload);
}

static void
add_named_field(struct collector *c)
{
	const struct event *ev = c->ev;
	const struct field_row *row;
	struct str name;

	if (!json_str(ev->json, json_get(ev->json, ev->payload, "field"), c->a,
	        &name)) {
		c->nomem = true;
		return;
	}
	row = field_find(ev->aggregate, name);
	if (row != NULL)
		add_field(c, name, row,
		    json_get(ev->json, ev->payload, "value"));
}

/* wp_status_changed names the value that it replaces. */
static void
add_old_value(struct collector *c)
{
	uint32_t from = json_get(c->ev->json, c->ev->payload, "from_lane");

	for (size_t i = 0; from > 0 && i < c->n; i++)
		if (str_is(c->w[i].field, "lane"))
			c->w[i].old = status_value(c, from);
}

static void
find_reporter(struct collector *c, struct writes *ret)
{
	const struct event *ev = c->ev;
	const struct str prefix = STR("node:");
	char *name;

	ret->observation = ev->kind->flags & TYPE_OBSERVATION;
	if (ret->observation &&
	    json_str(ev->json, json_get(ev->json, ev->payload, "reporter"),
	        c->a, &ret->reporter))
		return;
	name = arena_alloc(c->a, prefix.n + ev->node.n);
	if (name == NULL) {
		c->nomem = true;
		return;
	}
	memcpy(name, prefix.p, prefix.n);
	if (ev->node.n > 0)
		memcpy(name + prefix.n, ev->node.p, ev->node.n);
	ret->reporter = str_n(name, prefix.n + ev->node.n);
}

enum err
event_writes(const struct event *ev, struct arena *a, struct writes *ret,
    struct err_info *e)
{
	struct collector c = { .ev = ev, .a = a };
	struct write *w;

	*ret = (struct writes){ 0 };
	if (!ev->folds || ev->kind == NULL || ev->aggregate == AGG_OTHER ||
	    (ev->kind->flags & TYPE_SILENT))
		return ERR_OK;
	find_reporter(&c, ret);
	add_fixed(&c);
	if (ev->kind->flags & TYPE_ENTRY)
		add_entry(&c);
	else if (ev->kind->flags & TYPE_NAMES_FIELD)
		add_named_field(&c);
	else
		add_listed(&c);
	if (ev->kind->flags & (TYPE_OPEN | TYPE_FIELDS_BACK))
		add_unlisted(&c);
	add_default(&c);
	if (ev->kind->flags & TYPE_DELETE)
		ret->deletes = true;
	else if ((ev->kind->flags & TYPE_ENTRY) && c.n == 0)
		return ERR_OK;
	add_old_value(&c);
	if (!c.names_present) {
		w = add(&c, STR("present"), KIND_FLAG, WRITE_VALUE);
		if (w != NULL)
			w->value = ret->deletes ? STR("false") : STR("true");
	}
	ret->w = c.w;
	ret->n = c.n;
	return c.nomem ? err_set(e, ERR_NOMEM) : ERR_OK;
}

enum err
todo_key(struct str project, struct str content, uint64_t occurrence,
    char out[33], struct err_info *e)
{
	struct buf plain = { 0 }, json = { 0 };
	struct json_writer w = { .out = &json };
	uint8_t h[16];
	enum err rc;

	text_normalise(content, &plain);
	json_arr(&w);
	json_put_str(&w, project);
	json_put_str(&w, buf_str(&plain));
	json_put_u(&w, occurrence);
	json_end(&w);
	rc = buf_ok(&plain, e);
	if (rc == ERR_OK)
		rc = buf_ok(&json, e);
	if (rc == ERR_OK) {
		hash_blake2b(buf_str(&json), h, sizeof h);
		hex_encode(h, sizeof h, out);
	}
	buf_fini(&plain);
	buf_fini(&json);
	return rc;
}
