/* What one reporter says of one todo now, against what it said last. */
#include "observe_int.h"

enum {
	HEARD_MAX = 262144, /* reports that are held in memory */
	HEARD_KEY = sizeof(space_id) + 32,
	SAID_KEY = HEARD_KEY + sizeof(uint32_t)
};

/* What a reporter said last of each field, from the log: canonical JSON, n 0
 * where it never said anything. */
struct said {
	struct str status, active_form, priority, description, owner, list,
	    local_id;
	struct str *blocks, *blocked_by; /* elements, canonical */
	size_t n_blocks, n_blocked_by;
};

/* Whose word is listened to. */
struct hearing {
	struct arena *a;
	struct heard *heard; /* everybody's */
	struct str reporter; /* or, where that is NULL, this one's */
	struct said *said;
	space_id space;
	struct str key;
};

/* Said since the log was read: it has to be read again for that. */
static struct said said_since;

static struct str
member(struct arena *a, const struct event *ev, const char *name,
    struct str before)
{
	uint32_t node = json_get(ev->json, ev->payload, name);
	struct buf b = { 0 };
	struct str now;

	if (node == 0)
		return before;
	json_canon(ev->json, node, &b);
	now = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return now;
}

static size_t
find_element(const struct str *set, size_t n, struct str element)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(set[i], element))
			return i;
	return SIZE_MAX;
}

/* {"add":[],"remove":[]} upon what was said before. */
static bool
member_set(struct arena *a, const struct event *ev, const char *name,
    struct str **set, size_t *n)
{
	uint32_t node = json_get(ev->json, ev->payload, name);
	const char *const part[] = { "add", "remove" };
	struct str *grown;
	size_t max = *n;

	if (node == 0 || json_kind(ev->json, node) != JSON_OBJECT)
		return true;
	for (int p = 0; p < 2; p++)
		max += ev->json->node[json_get(ev->json, node, part[p])].n;
	grown = arena_array(a, max, sizeof *grown);
	if (grown == NULL)
		return false;
	if (*n > 0)
		memcpy(grown, *set, *n * sizeof *grown);
	*set = grown;
	for (int p = 0; p < 2; p++) {
		uint32_t list = json_get(ev->json, node, part[p]);
		uint32_t child = list + 1;

		for (uint32_t i = 0; list > 0 && i < ev->json->node[list].n;
		     i++) {
			struct str one = json_raw(ev->json, child);
			size_t at = find_element(*set, *n, one);

			if (p == 0 && at == SIZE_MAX) {
				one = arena_str(a, one);
				if (one.p == NULL)
					return false;
				(*set)[(*n)++] = one;
			} else if (p == 1 && at != SIZE_MAX) {
				(*set)[at] = (*set)[--*n];
			}
			child = json_next(ev->json, child);
		}
	}
	return true;
}

/* --- what was said before --------------------------------------------------- */

void
heard_fini(struct heard *h)
{
	map_fini(&h->todos);
	map_fini(&h->reporters);
	map_fini(&h->said);
	arena_fini(&h->a);
	*h = (struct heard){ .version = h->version };
}

static struct str
heard_key(char out[SAID_KEY], space_id sp, struct str key)
{
	memcpy(out, &sp, sizeof sp);
	memcpy(out + sizeof sp, key.p, HEARD_KEY - sizeof sp);
	return str_n(out, HEARD_KEY);
}

static struct str
said_key(const struct heard *h, char out[SAID_KEY], space_id sp, struct str key,
    struct str reporter)
{
	uint32_t number = (uint32_t)(uintptr_t)map_get(&h->reporters, reporter);

	(void)heard_key(out, sp, key);
	memcpy(out + HEARD_KEY, &number, sizeof number);
	return str_n(out, number > 0 ? SAID_KEY : 0);
}

static bool
keep(struct map *m, struct arena *a, struct str key, void *value)
{
	key = arena_str(a, key);
	return key.p != NULL && map_put(m, key, value);
}

/* What this reporter said last of the todo; NULL: nothing. */
static struct said *
said_find(const struct heard *h, space_id sp, struct str key,
    struct str reporter)
{
	char text[SAID_KEY];
	struct str name = said_key(h, text, sp, key, reporter);

	return name.n > 0 ? map_get(&h->said, name) : NULL;
}

static bool
said_put(struct heard *h, space_id sp, struct str key, struct str reporter,
    struct said *value)
{
	char text[SAID_KEY];
	struct str name = said_key(h, text, sp, key, reporter);

	if (name.n == 0) {
		uintptr_t next = h->reporters.count + 1;

		if (!keep(&h->reporters, &h->a, reporter, (void *)next))
			return false;
		name = said_key(h, text, sp, key, reporter);
	}
	return keep(&h->said, &h->a, name, value);
}

/* The words that an event adds to; NULL where they are not listened to, or
 * (*nomem) where there is no room for them. */
static struct said *
words_of(struct hearing *h, struct str reporter, bool *nomem)
{
	struct said *s;

	if (h->heard == NULL)
		return str_eq(reporter, h->reporter) ? h->said : NULL;
	s = said_find(h->heard, h->space, h->key, reporter);
	if (s != NULL)
		return s;
	s = arena_array(h->a, 1, sizeof *s);
	*nomem =
	    s == NULL || !said_put(h->heard, h->space, h->key, reporter, s);
	if (*nomem)
		return NULL;
	*s = (struct said){ 0 };
	return s;
}

static bool
listen(struct arena *a, const struct event *ev, struct said *s)
{
	s->status = member(a, ev, "status", s->status);
	s->active_form = member(a, ev, "active_form", s->active_form);
	s->priority = member(a, ev, "priority", s->priority);
	s->description = member(a, ev, "description", s->description);
	s->owner = member(a, ev, "owner", s->owner);
	s->list = member(a, ev, "list", s->list);
	s->local_id = member(a, ev, "local_id", s->local_id);
	return member_set(a, ev, "blocks", &s->blocks, &s->n_blocks) &&
	    member_set(a, ev, "blocked_by", &s->blocked_by, &s->n_blocked_by);
}

static enum err
hear(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct hearing *h = ctx;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct said *s = NULL;
	struct str reporter;
	struct event ev;
	bool nomem = false;
	uint32_t node;
	enum err rc;

	if (row->status == EVENT_REFUSED)
		return ERR_OK;
	rc = event_parse(&ev, &j, row->raw, &a, e);
	if (rc != ERR_OK)
		goto done;
	node = json_get(&j, ev.payload, "reporter");
	if (!str_is(ev.type, "todo_observed") || node == 0 ||
	    json_kind(&j, node) != JSON_STRING)
		goto done;
	if (json_str(&j, node, &a, &reporter))
		s = words_of(h, reporter, &nomem);
	else
		nomem = true;
	if (nomem || (s != NULL && !listen(h->a, &ev, s)))
		rc = err_set(e, ERR_NOMEM);
done:
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

/* [tx] Read the todo's log, where this run has not yet. */
static enum err
hear_all(struct observer *ob, space_id sp, const struct entity_key *key,
    bool there, struct err_info *e)
{
	struct heard *h = &ob->heard;
	char text[SAID_KEY];
	struct str name = heard_key(text, sp, key->key);
	struct hearing all = {
		.a = &h->a, .heard = h, .space = sp, .key = key->key
	};
	enum err rc = ERR_OK;

	if (map_get(&h->todos, name) != NULL)
		return ERR_OK;
	if (h->said.count >= HEARD_MAX)
		heard_fini(h);
	if (there)
		rc = store_entity_log(ob->o.store, sp, key, hear, &all, e);
	if (rc == ERR_OK && !keep(&h->todos, &h->a, name, h))
		rc = err_set(e, ERR_NOMEM);
	return rc;
}

/* [tx] *any: this reporter spoke of the todo before; then *last is what it said
 * last.  there: something is folded under the key. */
static enum err
said_last(struct observer *ob, const struct sighting *s, space_id sp,
    const struct entity_key *key, bool there, struct arena *a,
    struct said *last, bool *any, struct err_info *e)
{
	struct hearing one = { .a = a,
		.reporter = s->reporter,
		.said = last,
		.space = sp,
		.key = key->key };
	const struct said *said;
	enum err rc = hear_all(ob, sp, key, there, e);

	*last = (struct said){ 0 };
	if (rc != ERR_OK)
		return rc;
	said = said_find(&ob->heard, sp, key->key, s->reporter);
	*any = said != NULL;
	if (said == &said_since)
		return store_entity_log(ob->o.store, sp, key, hear, &one, e);
	if (said != NULL)
		*last = *said;
	return ERR_OK;
}

/* --- the payload ------------------------------------------------------------ */

struct saying {
	struct json_writer w;
	struct arena *a;
	struct buf one; /* own; a text, quoted */
	bool changed;
	bool nomem;
};

static struct str
quoted(struct saying *y, struct str s)
{
	struct str out;

	buf_reset(&y->one);
	json_add_str(&y->one, s);
	out = arena_str(y->a, buf_str(&y->one));
	y->nomem = y->nomem || y->one.failed || out.p == NULL;
	return out;
}

/* Say a text where it is there and is not what was said last. */
static void
say(struct saying *y, const char *name, struct str now, struct str before)
{
	struct str q;

	if (now.p == NULL || (now.n == 0 && before.n == 0))
		return;
	q = quoted(y, now);
	if (str_eq(q, before))
		return;
	json_key(&y->w, name);
	json_put_raw(&y->w, q);
	y->changed = true;
}

static void
put_missing(struct saying *y, const struct str *of, size_t n_of,
    const struct str *in, size_t n_in)
{
	json_arr(&y->w);
	for (size_t i = 0; i < n_of; i++)
		if (find_element(in, n_in, of[i]) == SIZE_MAX)
			json_put_raw(&y->w, of[i]);
	json_end(&y->w);
}

static bool
differ(const struct str *a, size_t n_a, const struct str *b, size_t n_b)
{
	for (size_t i = 0; i < n_a; i++)
		if (find_element(b, n_b, a[i]) == SIZE_MAX)
			return true;
	return n_a != n_b;
}

static void
say_set(struct saying *y, const char *name, const struct str *id, size_t n,
    const struct str *before, size_t n_before)
{
	struct str *now = arena_array(y->a, n, sizeof *now);

	if (now == NULL) {
		y->nomem = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		now[i] = quoted(y, id[i]);
	if (!differ(now, n, before, n_before))
		return;
	json_key(&y->w, name);
	json_obj(&y->w);
	json_key(&y->w, "add");
	put_missing(y, now, n, before, n_before);
	json_key(&y->w, "remove");
	put_missing(y, before, n_before, now, n);
	json_end(&y->w);
	y->changed = true;
}

static enum err
build(const struct sighting *s, const struct said *last,
    const struct entity *en, struct arena *a, struct buf *out, bool *changed,
    struct err_info *e)
{
	struct saying y = { .w = { .out = out }, .a = a };
	const struct source_item *it = s->item;
	const struct head *content = en ? entity_shown(en, "content") : NULL;

	json_obj(&y.w);
	json_key(&y.w, "reporter"), json_put_str(&y.w, s->reporter);
	if (content == NULL) {
		json_key(&y.w, "content"), json_put_str(&y.w, it->content);
		y.changed = true;
	}
	say(&y, "status", it->status, last->status);
	say(&y, "active_form", it->active_form, last->active_form);
	say(&y, "priority", it->priority, last->priority);
	say(&y, "description", it->description, last->description);
	say(&y, "owner", it->owner, last->owner);
	say(&y, "list", s->list.n ? s->list : (struct str){ NULL, 0 },
	    last->list);
	say(&y, "local_id", it->local_id, last->local_id);
	say_set(&y, "blocks", s->blocks, s->n_blocks, last->blocks,
	    last->n_blocks);
	say_set(&y, "blocked_by", s->blocked_by, s->n_blocked_by,
	    last->blocked_by, last->n_blocked_by);
	json_end(&y.w);
	buf_fini(&y.one);
	*changed = y.changed;
	return y.nomem ? err_set(e, ERR_NOMEM) : buf_ok(out, e);
}

/* --- what it replaces ----------------------------------------------------------
 *
 * Its reporter's own earlier report; and where it has reported before, the
 * status that a command wrote, which this machine had taken in at the last look
 * and which ranks lower: the session went on after somebody set it back. */

static bool
is_overtaken(struct observer *ob, const struct sighting *s, space_id sp,
    const struct head *h, struct arena *a)
{
	struct err_info e = { 0 };
	struct log_row row;

	if (h->observation || h->rank >= todo_status_rank(s->item->status))
		return false;
	return store_event(ob->o.store, sp, &h->id, a, &row, &e) == ERR_OK &&
	    row.pos <= observe_look(ob, s->file, sp);
}

static enum err
name_replaced(struct observer *ob, const struct sighting *s, space_id sp,
    const struct entity *en, bool reported, struct arena *a, struct eid **ret,
    size_t *n, struct err_info *e)
{
	size_t all = 0;

	*n = 0;
	*ret = NULL;
	for (size_t i = 0; en != NULL && i < en->n_cells; i++)
		all += en->cell[i].n;
	*ret = arena_array(a, all, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; reported && en != NULL && i < en->n_cells; i++) {
		const struct cell *c = &en->cell[i];

		if (c->kind == KIND_LIST || c->kind == KIND_PER_SESSION)
			continue;
		for (size_t k = 0; k < c->n; k++) {
			const struct head *h = &c->head[k];
			bool own =
			    h->observation && str_eq(h->reporter, s->reporter);

			if (own ||
			    (c->kind == KIND_STATUS &&
			        is_overtaken(ob, s, sp, h, a)))
				(*ret)[(*n)++] = h->id;
		}
	}
	return ERR_OK;
}

/* The project's first event says what it is called. */
static enum err
name_project(struct observer *ob, const struct sighting *s, space_id sp,
    struct err_info *e)
{
	const struct entity_key key = { s->project.uuid, STR("project"),
		s->project.uuid };
	const struct entity *en;
	struct buf payload = { 0 };
	struct json_writer w = { .out = &payload };
	struct draft d = { .type = STR("project_created"),
		.aggregate_type = STR("project"),
		.aggregate_id = s->project.uuid,
		.author = ob->o.author,
		.project_uuid = s->project.uuid,
		.project_slug = s->project.slug };
	enum err rc;

	if (s->project.uuid.n == 0 || s->project.slug.n == 0 ||
	    (ob->named_in == sp && str_eq(ob->named, s->project.uuid)))
		return ERR_OK;
	rc = store_entity(ob->o.store, sp, &key, &en, e);
	if (rc == ERR_OK && en != NULL) {
		ob->named = s->project.uuid;
		ob->named_in = sp;
	}
	if (rc != ERR_OK || en != NULL)
		return rc;
	json_obj(&w);
	json_key(&w, "slug"), json_put_str(&w, s->project.slug);
	json_end(&w);
	d.payload = buf_str(&payload);
	rc = buf_ok(&payload, e);
	if (rc == ERR_OK)
		rc = store_author(ob->o.store, sp, &d, NULL, e);
	if (rc == ERR_OK)
		observe_own(ob, sp);
	buf_fini(&payload);
	return rc;
}

enum err
sighting_report(struct observer *ob, const struct sighting *s, uint64_t *events,
    struct err_info *e)
{
	struct arena *a = &ob->one;
	struct said last;
	struct draft d = { .type = STR("todo_observed"),
		.aggregate_type = STR("todo"),
		.aggregate_id = str_n(s->key, 32),
		.author = ob->o.author,
		.project_uuid = s->project.uuid,
		.project_slug = s->project.slug,
		.named = true };
	struct entity_key key = { s->project.uuid.n ? s->project.uuid :
		                                      STR("unplaced"),
		STR("todo"), str_n(s->key, 32) };
	const struct entity *en;
	struct eid *replaces;
	bool changed, any = false;
	space_id sp;
	enum err rc;

	*events = 0;
	arena_reset(a);
	buf_reset(&ob->payload);
	rc = ob->o.world.space_of(ob->o.world.ctx, s->project.uuid, &sp, e);
	if (rc == ERR_OK)
		rc = store_entity(ob->o.store, sp, &key, &en, e);
	if (rc == ERR_OK)
		rc = said_last(ob, s, sp, &key, en != NULL, a, &last, &any, e);
	/* Reading the log may have let the entity go. */
	if (rc == ERR_OK && en != NULL)
		rc = store_entity(ob->o.store, sp, &key, &en, e);
	if (rc == ERR_OK)
		rc = build(s, &last, en, a, &ob->payload, &changed, e);
	if (rc != ERR_OK || !changed)
		return rc;
	rc = name_replaced(ob, s, sp, en, any, a, &replaces, &d.n_replaces, e);
	d.replaces = replaces;
	d.payload = buf_str(&ob->payload);
	if (rc == ERR_OK)
		rc = name_project(ob, s, sp, e);
	if (rc == ERR_OK)
		rc = store_author(ob->o.store, sp, &d, NULL, e);
	if (rc == ERR_OK &&
	    !said_put(&ob->heard, sp, key.key, s->reporter, &said_since))
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK) {
		observe_own(ob, sp);
		*events = 1;
		ob->report->added += en == NULL;
	}
	return rc;
}
