/* The store in memory: for tests and the simulator, and the template of a
 * back-end.  Every row is a key and a value in one ordered map (kv.h); a
 * transaction is its undo log.
 *
 * Fails: memory, and a fault point at each write and commit. */
#include <assert.h>
#include <stdlib.h>

#include "fault.h"
#include "kv.h"
#include "store_int.h"

struct store_mem {
	struct store base; /* first: the interface */
	struct kv kv;
	struct buf key, value; /* being made */
};

/* First byte of every key. */
enum {
	T_ENTITY = 'e',
	T_EVENT = 'l',
	T_ID = 'i',
	T_META = 'm',
	T_NOTE = 'n',
	T_PROJECT = 'p',
	T_REFUSED = 'f',
	T_RUN = 'r',
	T_SEEN = 's',
	T_SPACE = 't',
	T_UNACKED = 'u'
};

/* --- bytes ------------------------------------------------------------------------ */

static struct store_mem *
mem(struct store *s)
{
	return (struct store_mem *)s;
}

/* Big-endian, so that the order of the bytes is the order of the numbers. */
static void
put_u(struct buf *b, uint64_t v)
{
	uint8_t out[8];

	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
	buf_add(b, out, sizeof out);
}

/* In a key, with more behind it: the order of the strings is kept. */
static void
put_part(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		buf_addc(b, s.p[i]);
		if (s.p[i] == '\0')
			buf_addc(b, '\xff');
	}
	buf_add(b, "\0\1", 2);
}

static void
put_s(struct buf *b, struct str s)
{
	put_u(b, s.n);
	buf_addstr(b, s);
}

static uint64_t
take_u(const char **p)
{
	const uint8_t *b = (const uint8_t *)*p;
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | b[i];
	*p += 8;
	return v;
}

static struct str
take_s(const char **p)
{
	uint64_t n = take_u(p);
	struct str s = str_n(*p, (size_t)n);

	*p += n;
	return s;
}

static void
take_bytes(const char **p, void *out, size_t n)
{
	memcpy(out, *p, n);
	*p += n;
}

/* A key: its table, then what is added. */
static struct buf *
key_of(struct store *s, int table)
{
	struct buf *k = &mem(s)->key;

	buf_reset(k);
	buf_addc(k, (char)table);
	/* Its room is kept, so it is made once and could not fail again. */
	k->failed |= fault_tick_fine();
	return k;
}

static struct buf *
value_of(struct store *s)
{
	buf_reset(&mem(s)->value);
	return &mem(s)->value;
}

/* Write the key and value that were made. */
static enum err
row_put(struct store *s, struct err_info *e)
{
	struct store_mem *m = mem(s);

	if (fault_tick())
		return err_setf(e, ERR_IO, "the row could not be written");
	if (m->key.failed || m->value.failed ||
	    !kv_put(&m->kv, buf_str(&m->key), buf_str(&m->value)))
		return err_set(e, ERR_NOMEM);
	return ERR_OK;
}

static enum err
row_del(struct store *s, struct err_info *e)
{
	struct store_mem *m = mem(s);

	if (fault_tick())
		return err_setf(e, ERR_IO, "the row could not be written");
	if (m->key.failed || !kv_del(&m->kv, buf_str(&m->key)))
		return err_set(e, ERR_NOMEM);
	return ERR_OK;
}

/* The value of the key that was made; NULL where there is none. */
static enum err
row_get(struct store *s, const char **ret, struct err_info *e)
{
	const struct kv_node *n;

	*ret = NULL;
	if (mem(s)->key.failed)
		return err_set(e, ERR_NOMEM);
	n = kv_get(&mem(s)->kv, buf_str(&mem(s)->key));
	if (n != NULL)
		*ret = n->value.p;
	return ERR_OK;
}

/* The node, while it is of the key's first n bytes. */
static const struct kv_node *
within(const struct kv_node *node, struct str prefix)
{
	return node != NULL && str_starts(node->key, prefix) ? node : NULL;
}

static enum err
keep(struct arena *a, struct str *s, struct err_info *e)
{
	*s = arena_str(a, *s);
	return s->p == NULL ? err_set(e, ERR_NOMEM) : ERR_OK;
}

/* --- transactions ------------------------------------------------------------------- */

static void
mem_close(struct store *s)
{
	struct store_mem *m = mem(s);

	kv_fini(&m->kv);
	buf_fini(&m->key);
	buf_fini(&m->value);
	free(m);
}

static enum err
mem_begin(struct store *s, struct err_info *e)
{
	if (s->opt.free_bytes_min == UINT64_MAX)
		return err_setf(e, ERR_NO_SPACE, "the disk is nearly full");
	if (fault_tick())
		return err_setf(e, ERR_IO, "the store cannot be written");
	kv_begin(&mem(s)->kv);
	return ERR_OK;
}

static enum err
mem_commit(struct store *s, struct err_info *e)
{
	if (fault_tick())
		return err_setf(e, ERR_IO, "the commit failed");
	kv_commit(&mem(s)->kv);
	return ERR_OK;
}

static void
mem_rollback(struct store *s)
{
	kv_rollback(&mem(s)->kv);
}

static enum err
mem_view(struct store *s, struct err_info *e)
{
	(void)s, (void)e;
	return ERR_OK;
}

static void
mem_view_end(struct store *s)
{
	(void)s;
}

static enum err
mem_checkpoint(struct store *s, struct err_info *e)
{
	(void)s, (void)e;
	return ERR_OK;
}

static enum err
mem_facts(struct store *s, struct store_facts *ret, struct err_info *e)
{
	(void)s, (void)e;
	memcpy(ret->library, "memory", sizeof "memory");
	return ERR_OK;
}

static enum err
mem_check(struct store *s, void (*finding)(void *ctx, const char *text),
    void *ctx, struct err_info *e)
{
	(void)s, (void)finding, (void)ctx, (void)e;
	return ERR_OK;
}

/* --- meta and spaces ---------------------------------------------------------------- */

static enum err
mem_meta_get(struct store *s, struct meta_row *ret, bool *found,
    struct err_info *e)
{
	const char *p;
	enum err rc;

	(void)key_of(s, T_META);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p == NULL)
		return rc;
	take_bytes(&p, ret->node, sizeof ret->node);
	ret->node_seq = take_u(&p);
	ret->version = take_u(&p);
	ret->fold = take_u(&p);
	ret->projects = take_u(&p);
	ret->entities = take_u(&p);
	return ERR_OK;
}

static enum err
mem_meta_put(struct store *s, const struct meta_row *m, struct err_info *e)
{
	struct buf *v = value_of(s);

	(void)key_of(s, T_META);
	buf_add(v, m->node, sizeof m->node);
	put_u(v, m->node_seq);
	put_u(v, m->version);
	put_u(v, m->fold);
	put_u(v, m->projects);
	put_u(v, m->entities);
	return row_put(s, e);
}

static void
space_take(const char *p, struct space_row *r)
{
	r->id = (space_id)take_u(&p);
	r->hub = take_s(&p);
	r->account = take_s(&p);
	r->team = take_s(&p);
	r->epoch = take_s(&p);
	r->epoch_no = take_u(&p);
	r->pulled = take_u(&p);
	r->head = take_u(&p);
	r->clock = take_u(&p);
	r->events = take_u(&p);
	r->unacked = take_u(&p);
	r->refused = take_u(&p);
	r->contact_ms = (int64_t)take_u(&p);
	take_bytes(&p, r->digest, sizeof r->digest);
}

static enum err
mem_space_get(struct store *s, space_id id, struct arena *a,
    struct space_row *ret, bool *found, struct err_info *e)
{
	const char *p;
	enum err rc;

	put_u(key_of(s, T_SPACE), (uint64_t)id);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p == NULL)
		return rc;
	space_take(p, ret);
	rc = keep(a, &ret->hub, e);
	if (rc == ERR_OK)
		rc = keep(a, &ret->account, e);
	if (rc == ERR_OK)
		rc = keep(a, &ret->team, e);
	if (rc == ERR_OK)
		rc = keep(a, &ret->epoch, e);
	return rc;
}

static enum err
mem_space_next(struct store *s, space_id after, space_id *ret, bool *found,
    struct err_info *e)
{
	struct buf *k = key_of(s, T_SPACE);
	const struct kv_node *n;
	const char *p;

	put_u(k, (uint64_t)after + 1);
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	n = within(kv_from(&mem(s)->kv, buf_str(k)), str_n(k->data, 1));
	*found = n != NULL;
	if (n == NULL)
		return ERR_OK;
	p = n->key.p + 1;
	*ret = (space_id)take_u(&p);
	return ERR_OK;
}

static enum err
mem_space_find(struct store *s, struct str hub, struct str account,
    struct str team, space_id *ret, bool *found, struct err_info *e)
{
	struct buf *k = key_of(s, T_SPACE);
	const struct kv_node *n;

	*found = false;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	n = kv_from(&mem(s)->kv, buf_str(k));
	for (; within(n, buf_str(k)) != NULL && !*found; n = n->next[0]) {
		struct space_row r;

		space_take(n->value.p, &r);
		*found = str_eq(r.hub, hub) && str_eq(r.account, account) &&
		    str_eq(r.team, team);
		if (*found)
			*ret = r.id;
	}
	return ERR_OK;
}

static enum err
mem_space_put(struct store *s, const struct space_row *r, struct err_info *e)
{
	struct buf *v = value_of(s);

	put_u(key_of(s, T_SPACE), (uint64_t)r->id);
	put_u(v, (uint64_t)r->id);
	put_s(v, r->hub);
	put_s(v, r->account);
	put_s(v, r->team);
	put_s(v, r->epoch);
	put_u(v, r->epoch_no);
	put_u(v, r->pulled);
	put_u(v, r->head);
	put_u(v, r->clock);
	put_u(v, r->events);
	put_u(v, r->unacked);
	put_u(v, r->refused);
	put_u(v, (uint64_t)r->contact_ms);
	buf_add(v, r->digest, sizeof r->digest);
	return row_put(s, e);
}

/* --- projects and entities ------------------------------------------------------------ */

static void
project_take(const char *p, struct project_row *r)
{
	r->id = take_u(&p);
	r->space = (space_id)take_u(&p);
	r->uuid = take_s(&p);
	r->entities = take_u(&p);
	take_bytes(&p, r->digest, sizeof r->digest);
}

static struct buf *
project_key(struct store *s, space_id space)
{
	struct buf *k = key_of(s, T_PROJECT);

	put_u(k, (uint64_t)space);
	return k;
}

static enum err
mem_project_find(struct store *s, space_id space, struct str uuid,
    struct project_row *ret, bool *found, struct err_info *e)
{
	const char *p;
	enum err rc;

	buf_addstr(project_key(s, space), uuid);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p != NULL)
		project_take(p, ret);
	return rc;
}

static enum err
mem_project_list(struct store *s, space_id space, struct arena *a,
    struct project_row **ret, size_t *n, struct err_info *e)
{
	struct buf *k = project_key(s, space);
	const struct kv_node *first, *at;
	enum err rc = ERR_OK;

	*n = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	first = kv_from(&mem(s)->kv, buf_str(k));
	for (at = first; within(at, buf_str(k)) != NULL; at = at->next[0])
		++*n;
	*ret = arena_array(a, *n + 1, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < *n; i++) {
		project_take(first->value.p, &(*ret)[i]);
		rc = keep(a, &(*ret)[i].uuid, e);
		first = first->next[0];
	}
	return rc;
}

static enum err
mem_project_put(struct store *s, const struct project_row *r,
    struct err_info *e)
{
	struct buf *v = value_of(s);

	buf_addstr(project_key(s, r->space), r->uuid);
	put_u(v, r->id);
	put_u(v, (uint64_t)r->space);
	put_s(v, r->uuid);
	put_u(v, r->entities);
	buf_add(v, r->digest, sizeof r->digest);
	return row_put(s, e);
}

static struct buf *
entity_key(struct store *s, uint64_t project, struct str type)
{
	struct buf *k = key_of(s, T_ENTITY);

	put_u(k, project);
	put_part(k, type);
	return k;
}

static enum err
entity_take(const char *p, struct arena *a, struct entity_row *r,
    struct err_info *e)
{
	enum err rc;

	r->id = take_u(&p);
	r->project = take_u(&p);
	r->type = take_s(&p);
	r->key = take_s(&p);
	r->counts = take_u(&p) != 0;
	take_bytes(&p, r->digest, sizeof r->digest);
	r->runs = take_u(&p);
	r->tail = take_s(&p);
	r->state = take_s(&p);
	rc = keep(a, &r->type, e);
	if (rc == ERR_OK)
		rc = keep(a, &r->key, e);
	if (rc == ERR_OK)
		rc = keep(a, &r->tail, e);
	return rc == ERR_OK ? keep(a, &r->state, e) : rc;
}

static enum err
mem_entity_find(struct store *s, uint64_t project, struct str type,
    struct str key, struct arena *a, struct entity_row *ret, bool *found,
    struct err_info *e)
{
	const char *p;
	enum err rc;

	buf_addstr(entity_key(s, project, type), key);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	return p != NULL ? entity_take(p, a, ret, e) : rc;
}

static enum err
mem_entity_page(struct store *s, uint64_t project, struct str type,
    struct str key, bool one_type, size_t max, struct arena *a,
    struct entity_row **ret, size_t *n, bool *more, struct err_info *e)
{
	struct buf *k = entity_key(s, project, type);
	struct str prefix = str_n(k->data, one_type ? k->len : 9);
	const struct kv_node *at;
	size_t bytes = 0;
	enum err rc = ERR_OK;

	*n = 0;
	*ret = arena_array(a, max + 1, sizeof **ret);
	if (type.n == 0 && key.n == 0)
		k->len = 9; /* from the first type on */
	buf_addstr(k, key);
	if (k->failed || *ret == NULL)
		return err_set(e, ERR_NOMEM);
	prefix.p = k->data;
	at = kv_from(&mem(s)->kv, buf_str(k));
	if (at != NULL && key.n > 0 && str_eq(at->key, buf_str(k)))
		at = at->next[0];
	for (; rc == ERR_OK && *n < max && bytes < PAGE_BYTES_MAX &&
	     within(at, prefix) != NULL;
	     at = at->next[0]) {
		bytes += at->value.n;
		rc = entity_take(at->value.p, a, &(*ret)[(*n)++], e);
	}
	*more = within(at, prefix) != NULL;
	return rc;
}

static enum err
mem_entity_put(struct store *s, const struct entity_row *r, struct err_info *e)
{
	struct buf *v = value_of(s);

	buf_addstr(entity_key(s, r->project, r->type), r->key);
	put_u(v, r->id);
	put_u(v, r->project);
	put_s(v, r->type);
	put_s(v, r->key);
	put_u(v, r->counts);
	buf_add(v, r->digest, sizeof r->digest);
	put_u(v, r->runs);
	put_s(v, r->tail);
	put_s(v, r->state);
	return row_put(s, e);
}

static void
run_key(struct store *s, uint64_t entity, uint64_t n)
{
	struct buf *k = key_of(s, T_RUN);

	put_u(k, entity);
	put_u(k, n);
}

static enum err
mem_run_get(struct store *s, uint64_t entity, uint64_t n, struct arena *a,
    struct str *ret, bool *found, struct err_info *e)
{
	const char *p;
	enum err rc;

	run_key(s, entity, n);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p == NULL)
		return rc;
	*ret = take_s(&p);
	return keep(a, ret, e);
}

static enum err
mem_run_put(struct store *s, uint64_t entity, uint64_t n, struct str list,
    struct err_info *e)
{
	run_key(s, entity, n);
	put_s(value_of(s), list);
	return row_put(s, e);
}

static enum err
mem_projection_drop(struct store *s, struct err_info *e)
{
	static const char tables[] = { T_PROJECT, T_ENTITY, T_RUN };

	for (size_t i = 0; i < sizeof tables; i++) {
		struct str prefix = str_n(&tables[i], 1);

		for (;;) {
			const struct kv_node *n =
			    within(kv_from(&mem(s)->kv, prefix), prefix);

			if (n == NULL)
				break;
			if (!kv_del(&mem(s)->kv, n->key))
				return err_set(e, ERR_NOMEM);
		}
	}
	return ERR_OK;
}

/* --- the log ---------------------------------------------------------------------------- */

static struct buf *
event_key(struct store *s, int table, space_id space, uint64_t pos)
{
	struct buf *k = key_of(s, table);

	put_u(k, (uint64_t)space);
	put_u(k, pos);
	return k;
}

static struct buf *
id_key(struct store *s, const struct eid *id)
{
	struct buf *k = key_of(s, T_ID);

	buf_addc(k, (char)id->form);
	buf_add(k, id->b, sizeof id->b);
	return k;
}

static enum err
event_write(struct store *s, const struct event_row *r, struct err_info *e)
{
	struct buf *v = value_of(s);

	(void)event_key(s, T_EVENT, r->space, r->pos);
	buf_add(v, &r->id, sizeof r->id);
	put_u(v, r->clock);
	put_s(v, r->node);
	put_u(v, r->seq);
	put_u(v, r->epoch_no);
	put_u(v, r->flags);
	put_s(v, r->user);
	put_u(v, (uint64_t)r->received_ms);
	put_u(v, r->sum);
	put_s(v, r->raw);
	return row_put(s, e);
}

static enum err
event_take(const struct kv_node *n, bool with_raw, struct arena *a,
    struct event_row *r, struct err_info *e)
{
	const char *p = n->key.p + 1;
	enum err rc;

	r->space = (space_id)take_u(&p);
	r->pos = take_u(&p);
	p = n->value.p;
	take_bytes(&p, &r->id, sizeof r->id);
	r->clock = take_u(&p);
	r->node = take_s(&p);
	r->seq = take_u(&p);
	r->epoch_no = take_u(&p);
	r->flags = (unsigned)take_u(&p);
	r->user = take_s(&p);
	r->received_ms = (int64_t)take_u(&p);
	rc = keep(a, &r->node, e);
	if (rc == ERR_OK)
		rc = keep(a, &r->user, e);
	if (rc != ERR_OK || !with_raw) {
		r->raw = (struct str){ 0 };
		return rc;
	}
	r->sum = (uint32_t)take_u(&p);
	r->raw = take_s(&p);
	return keep(a, &r->raw, e);
}

static enum err
mem_event_get(struct store *s, space_id space, uint64_t pos, bool with_raw,
    struct arena *a, struct event_row *ret, bool *found, struct err_info *e)
{
	struct buf *k = event_key(s, T_EVENT, space, pos);
	const struct kv_node *n;

	if (k->failed)
		return err_set(e, ERR_NOMEM);
	n = kv_get(&mem(s)->kv, buf_str(k));
	*found = n != NULL;
	return n != NULL ? event_take(n, with_raw, a, ret, e) : ERR_OK;
}

static enum err
id_pos(struct store *s, space_id space, const struct eid *id, uint64_t *pos,
    bool *found, struct err_info *e)
{
	const char *p;
	enum err rc;

	put_u(id_key(s, id), (uint64_t)space);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p != NULL)
		*pos = take_u(&p);
	return rc;
}

static enum err
mem_event_find(struct store *s, space_id space, const struct eid *id,
    bool with_raw, struct arena *a, struct event_row *ret, bool *found,
    struct err_info *e)
{
	uint64_t pos;
	enum err rc = id_pos(s, space, id, &pos, found, e);

	if (rc != ERR_OK || !*found)
		return rc;
	return mem_event_get(s, space, pos, with_raw, a, ret, found, e);
}

static enum err
mem_event_add(struct store *s, const struct event_row *r, bool *added,
    struct err_info *e)
{
	uint64_t pos;
	bool found;
	enum err rc = id_pos(s, r->space, &r->id, &pos, &found, e);

	*added = !found;
	if (rc != ERR_OK || found)
		return rc;
	put_u(id_key(s, &r->id), (uint64_t)r->space);
	put_u(value_of(s), r->pos);
	rc = row_put(s, e);
	return rc == ERR_OK ? event_write(s, r, e) : rc;
}

/* A row is one value here: the parts that the call is not about stay. */
static enum err
event_merge(struct store *s, const struct event_row *r, bool bytes,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct event_row row;
	bool found;
	enum err rc =
	    mem_event_get(s, r->space, r->pos, true, &a, &row, &found, e);

	/* Nothing takes one out of memory. */
	assert(rc != ERR_OK || found);
	if (rc == ERR_OK && bytes) {
		row.clock = r->clock;
		row.node = r->node;
		row.sum = r->sum;
		row.raw = r->raw;
	} else if (rc == ERR_OK) {
		row.seq = r->seq;
		row.epoch_no = r->epoch_no;
		row.user = r->user;
		row.received_ms = r->received_ms;
	}
	row.flags = r->flags;
	if (rc == ERR_OK)
		rc = event_write(s, &row, e);
	arena_fini(&a);
	return rc;
}

static enum err
mem_event_set(struct store *s, const struct event_row *r, struct err_info *e)
{
	return event_merge(s, r, true, e);
}

static enum err
mem_event_mark(struct store *s, const struct event_row *r, struct err_info *e)
{
	return event_merge(s, r, false, e);
}

static enum err
mem_event_copies(struct store *s, const struct eid *id, struct arena *a,
    struct event_row **ret, size_t *n, struct err_info *e)
{
	struct buf *k = id_key(s, id);
	struct str prefix = buf_str(k);
	const struct kv_node *first, *at;
	enum err rc = ERR_OK;

	*n = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	first = kv_from(&mem(s)->kv, prefix);
	for (at = first; within(at, prefix) != NULL; at = at->next[0])
		++*n;
	*ret = arena_array(a, *n + 1, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < *n; i++) {
		const char *space = first->key.p + prefix.n;
		const char *pos = first->value.p;
		bool found;

		rc = mem_event_get(s, (space_id)take_u(&space), take_u(&pos),
		    false, a, &(*ret)[i], &found, e);
		first = first->next[0];
	}
	return rc;
}

static enum err
mem_event_page(struct store *s, space_id space, uint64_t after, size_t max,
    bool with_raw, struct arena *a, struct event_row **ret, size_t *n,
    struct err_info *e)
{
	struct buf *k = event_key(s, T_EVENT, space, after + 1);
	const struct kv_node *at;
	size_t bytes = 0;
	enum err rc = ERR_OK;

	*n = 0;
	*ret = arena_array(a, max + 1, sizeof **ret);
	if (k->failed || *ret == NULL)
		return err_set(e, ERR_NOMEM);
	at = kv_from(&mem(s)->kv, buf_str(k));
	for (; rc == ERR_OK && *n < max && bytes < PAGE_BYTES_MAX &&
	     within(at, str_n(k->data, 9)) != NULL;
	     at = at->next[0]) {
		bytes += with_raw ? at->value.n : 0;
		rc = event_take(at, with_raw, a, &(*ret)[(*n)++], e);
	}
	return rc;
}

static enum err
mem_event_ids(struct store *s, space_id space, const struct eid *lo,
    const struct eid *hi, size_t max, struct arena *a, uint64_t **ret,
    size_t *n, struct err_info *e)
{
	struct buf *k = id_key(s, lo);
	const struct kv_node *at;

	*n = 0;
	*ret = arena_array(a, max + 1, sizeof **ret);
	if (k->failed || *ret == NULL)
		return err_set(e, ERR_NOMEM);
	at = kv_from(&mem(s)->kv, buf_str(k));
	for (; *n < max && within(at, str_n(k->data, 2)) != NULL &&
	     memcmp(at->key.p + 2, hi->b, sizeof hi->b) <= 0;
	     at = at->next[0]) {
		const char *own = at->key.p + 2 + sizeof hi->b;
		const char *pos = at->value.p;

		if ((space_id)take_u(&own) == space)
			(*ret)[(*n)++] = take_u(&pos);
	}
	return ERR_OK;
}

static enum err
mem_clock_max(struct store *s, space_id space, uint64_t *ret,
    struct err_info *e)
{
	struct buf *k = event_key(s, T_EVENT, space, 0);
	const struct kv_node *at;

	*ret = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	at = kv_from(&mem(s)->kv, buf_str(k));
	for (; within(at, str_n(k->data, 9)) != NULL; at = at->next[0]) {
		struct event_row r;
		struct arena a = { 0 };
		enum err rc = event_take(at, false, &a, &r, e);

		arena_fini(&a);
		if (rc != ERR_OK)
			return rc;
		if (!(r.flags & FLAG_REFUSED) && r.clock > *ret)
			*ret = r.clock;
	}
	return ERR_OK;
}

/* --- what waits, what was refused --------------------------------------------------------- */

static struct buf *
unacked_key(struct store *s, space_id space, const struct stamp *stamp)
{
	struct buf *k = key_of(s, T_UNACKED);

	put_u(k, (uint64_t)space);
	if (stamp->id.form == EID_NONE)
		return k;
	put_u(k, stamp->clock);
	put_part(k, stamp->node);
	eid_add(k, &stamp->id); /* its text: stamps compare ids so */
	return k;
}

static struct stamp
row_stamp(const struct event_row *r)
{
	return (struct stamp){ r->clock, r->node, r->id };
}

static enum err
mem_unacked_put(struct store *s, const struct event_row *r, struct err_info *e)
{
	struct stamp stamp = row_stamp(r);

	(void)unacked_key(s, r->space, &stamp);
	put_u(value_of(s), r->pos);
	return row_put(s, e);
}

static enum err
mem_unacked_del(struct store *s, const struct event_row *r, struct err_info *e)
{
	struct stamp stamp = row_stamp(r);

	(void)unacked_key(s, r->space, &stamp);
	return row_del(s, e);
}

static enum err
mem_unacked_page(struct store *s, space_id space, const struct stamp *after,
    size_t max, struct arena *a, uint64_t **ret, size_t *n, struct err_info *e)
{
	struct buf *k = unacked_key(s, space, after);
	const struct kv_node *first, *at;
	size_t i = 0;

	*n = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	first = kv_from(&mem(s)->kv, buf_str(k));
	if (within(first, buf_str(k)) != NULL && first->key.n == k->len)
		first = first->next[0];
	for (at = first; *n < max && within(at, str_n(k->data, 9)) != NULL;
	     at = at->next[0])
		++*n;
	*ret = arena_array(a, *n + 1, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (at = first; i < *n; at = at->next[0]) {
		const char *p = at->value.p;

		(*ret)[i++] = take_u(&p);
	}
	return ERR_OK;
}

static enum err
mem_refused_put(struct store *s, space_id space, uint64_t pos, struct str code,
    struct str why, struct err_info *e)
{
	struct buf *v = value_of(s);

	(void)event_key(s, T_REFUSED, space, pos);
	put_s(v, code);
	put_s(v, why);
	return row_put(s, e);
}

static enum err
mem_refused_del(struct store *s, space_id space, uint64_t pos,
    struct err_info *e)
{
	(void)event_key(s, T_REFUSED, space, pos);
	return row_del(s, e);
}

static enum err
mem_refused_get(struct store *s, space_id space, uint64_t pos, struct arena *a,
    struct str *code, struct str *why, bool *found, struct err_info *e)
{
	const char *p;
	enum err rc;

	(void)event_key(s, T_REFUSED, space, pos);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p == NULL)
		return rc;
	*code = take_s(&p);
	*why = take_s(&p);
	rc = keep(a, code, e);
	return rc == ERR_OK ? keep(a, why, e) : rc;
}

static enum err
mem_refused_list(struct store *s, space_id space, struct arena *a,
    uint64_t **ret, size_t *n, struct err_info *e)
{
	struct buf *k = event_key(s, T_REFUSED, space, 0);
	const struct kv_node *first, *at;

	*n = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	first = kv_from(&mem(s)->kv, buf_str(k));
	for (at = first; within(at, str_n(k->data, 9)) != NULL;
	     at = at->next[0])
		++*n;
	*ret = arena_array(a, *n + 1, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < *n; i++, first = first->next[0]) {
		const char *p = first->key.p + 9;

		(*ret)[i] = take_u(&p);
	}
	return ERR_OK;
}

/* --- numbers seen, notes -------------------------------------------------------------------- */

static struct buf *
seen_key(struct store *s, struct str node, uint64_t lo, size_t *prefix)
{
	struct buf *k = key_of(s, T_SEEN);

	put_part(k, node);
	*prefix = k->len;
	put_u(k, lo);
	return k;
}

static enum err
mem_seen_at(struct store *s, struct str node, uint64_t n, uint64_t *lo,
    uint64_t *hi, bool *found, uint64_t *next, struct err_info *e)
{
	size_t prefix;
	struct buf *k = seen_key(s, node, n + 1, &prefix);
	const struct kv_node *at;
	const char *p;

	*found = false;
	*next = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	at = within(kv_from(&mem(s)->kv, buf_str(k)), str_n(k->data, prefix));
	if (at != NULL) {
		p = at->key.p + prefix;
		*next = take_u(&p);
	}
	at = within(kv_before(&mem(s)->kv, buf_str(k)), str_n(k->data, prefix));
	*found = at != NULL;
	if (at == NULL)
		return ERR_OK;
	p = at->key.p + prefix;
	*lo = take_u(&p);
	p = at->value.p;
	*hi = take_u(&p);
	return ERR_OK;
}

static enum err
mem_seen_put(struct store *s, struct str node, uint64_t lo, uint64_t hi,
    struct err_info *e)
{
	size_t prefix;

	(void)seen_key(s, node, lo, &prefix);
	put_u(value_of(s), hi);
	return row_put(s, e);
}

static enum err
mem_seen_del(struct store *s, struct str node, uint64_t lo, struct err_info *e)
{
	size_t prefix;

	(void)seen_key(s, node, lo, &prefix);
	return row_del(s, e);
}

static enum err
mem_note_get(struct store *s, struct str name, struct arena *a, struct str *ret,
    bool *found, struct err_info *e)
{
	const char *p;
	enum err rc;

	buf_addstr(key_of(s, T_NOTE), name);
	rc = row_get(s, &p, e);
	*found = p != NULL;
	if (p == NULL)
		return rc;
	*ret = take_s(&p);
	return keep(a, ret, e);
}

static enum err
mem_note_put(struct store *s, struct str name, struct str value,
    struct err_info *e)
{
	buf_addstr(key_of(s, T_NOTE), name);
	if (value.n == 0)
		return row_del(s, e);
	put_s(value_of(s), value);
	return row_put(s, e);
}

static enum err
mem_note_list(struct store *s, struct str prefix, struct arena *a,
    struct str **names, struct str **values, size_t *n, struct err_info *e)
{
	struct buf *k = key_of(s, T_NOTE);
	const struct kv_node *first, *at;
	enum err rc = ERR_OK;

	buf_addstr(k, prefix);
	*n = 0;
	if (k->failed)
		return err_set(e, ERR_NOMEM);
	first = kv_from(&mem(s)->kv, buf_str(k));
	for (at = first; within(at, buf_str(k)) != NULL; at = at->next[0])
		++*n;
	*names = arena_array(a, *n + 1, sizeof **names);
	*values = arena_array(a, *n + 1, sizeof **values);
	if (*names == NULL || *values == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < *n; i++) {
		const char *p = first->value.p;

		(*names)[i] = str_n(first->key.p + 1, first->key.n - 1);
		(*values)[i] = take_s(&p);
		rc = keep(a, &(*names)[i], e);
		if (rc == ERR_OK)
			rc = keep(a, &(*values)[i], e);
		first = first->next[0];
	}
	return rc;
}

/* --- opening ---------------------------------------------------------------------------------- */

static const struct store_ops mem_ops = {
	.name = "mem",
	.close = mem_close,
	.begin = mem_begin,
	.commit = mem_commit,
	.rollback = mem_rollback,
	.view = mem_view,
	.view_end = mem_view_end,
	.checkpoint = mem_checkpoint,
	.facts = mem_facts,
	.check = mem_check,
	.meta_get = mem_meta_get,
	.meta_put = mem_meta_put,
	.space_get = mem_space_get,
	.space_next = mem_space_next,
	.space_find = mem_space_find,
	.space_put = mem_space_put,
	.project_find = mem_project_find,
	.project_list = mem_project_list,
	.project_put = mem_project_put,
	.entity_find = mem_entity_find,
	.entity_page = mem_entity_page,
	.entity_put = mem_entity_put,
	.run_get = mem_run_get,
	.run_put = mem_run_put,
	.projection_drop = mem_projection_drop,
	.event_add = mem_event_add,
	.event_set = mem_event_set,
	.event_mark = mem_event_mark,
	.event_get = mem_event_get,
	.event_find = mem_event_find,
	.event_copies = mem_event_copies,
	.event_page = mem_event_page,
	.event_ids = mem_event_ids,
	.clock_max = mem_clock_max,
	.unacked_put = mem_unacked_put,
	.unacked_del = mem_unacked_del,
	.unacked_page = mem_unacked_page,
	.refused_put = mem_refused_put,
	.refused_del = mem_refused_del,
	.refused_get = mem_refused_get,
	.refused_list = mem_refused_list,
	.seen_at = mem_seen_at,
	.seen_put = mem_seen_put,
	.seen_del = mem_seen_del,
	.note_get = mem_note_get,
	.note_put = mem_note_put,
	.note_list = mem_note_list,
};

static enum err
mem_open(struct store **ret, const struct kv *from,
    const struct store_options *opt, struct err_info *e)
{
	struct store_mem *m = mem_zero(sizeof *m);
	enum err rc;

	*ret = NULL;
	if (m == NULL)
		return err_set(e, ERR_NOMEM);
	if (from != NULL && !kv_copy(&m->kv, from))
		rc = err_set(e, ERR_NOMEM);
	else
		rc = store_setup(&m->base, &mem_ops, opt, e);
	if (rc != ERR_OK) {
		mem_close(&m->base);
		return rc;
	}
	*ret = &m->base;
	return ERR_OK;
}

enum err
store_mem_open(struct store **ret, const struct store_options *opt,
    struct err_info *e)
{
	return mem_open(ret, NULL, opt, e);
}

enum err
store_mem_copy(struct store **ret, const struct store *from,
    const struct store_options *opt, struct err_info *e)
{
	const struct store_mem *m = (const struct store_mem *)from;

	return mem_open(ret, &m->kv, opt, e);
}
