/* Rows of the store on SQLite: one statement each. */
#include <stdlib.h>

#include "fault.h"
#include "sqlite_int.h"

static uint64_t
at_of(space_id space, uint64_t pos)
{
	return (uint64_t)space << POS_BITS | pos;
}

static uint64_t
pos_of(uint64_t at)
{
	return at & POS_MAX;
}

static uint64_t
tag_of(space_id space, const struct eid *id)
{
	return (uint64_t)space << 1 | (id->form == EID_ULID);
}

static void
use_digest(struct use *u, const uint8_t digest[HASH_BYTES])
{
	use_blob(u, str_n(digest, HASH_BYTES));
}

static void
use_get_bytes(struct use *u, int column, void *out, size_t n)
{
	struct str s = use_get(u, column);

	if (s.n == n)
		memcpy(out, s.p, n);
	else
		u->rc = SQLITE_CORRUPT;
}

/* --- meta and spaces ---------------------------------------------------------------- */

static enum err
row_meta_get(struct store *s, struct meta_row *ret, bool *found,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_META_GET);

	*found = use_row(&u);
	if (*found) {
		use_get_bytes(&u, 0, ret->node, 32);
		ret->node[32] = '\0';
		ret->node_seq = use_get_int(&u, 1);
		ret->version = use_get_int(&u, 2);
		ret->fold = use_get_int(&u, 3);
		ret->projects = use_get_int(&u, 4);
		ret->entities = use_get_int(&u, 5);
	}
	return use_end(&u, e);
}

static enum err
row_meta_put(struct store *s, const struct meta_row *m, struct err_info *e)
{
	struct use u = use_of(s, SQL_META_PUT);

	use_text(&u, str_of(m->node));
	use_int(&u, m->node_seq);
	use_int(&u, m->version);
	use_int(&u, m->fold);
	use_int(&u, m->projects);
	use_int(&u, m->entities);
	return use_run(&u, e);
}

static enum err
row_space_get(struct store *s, space_id id, struct arena *a,
    struct space_row *ret, bool *found, struct err_info *e)
{
	struct use u = use_of(s, SQL_SPACE_GET);

	use_int(&u, (uint64_t)id);
	*found = use_row(&u);
	if (*found) {
		ret->id = id;
		ret->hub = use_copy(&u, 0, a);
		ret->account = use_copy(&u, 1, a);
		ret->team = use_copy(&u, 2, a);
		ret->epoch = use_copy(&u, 3, a);
		ret->epoch_no = use_get_int(&u, 4);
		ret->pulled = use_get_int(&u, 5);
		ret->head = use_get_int(&u, 6);
		ret->clock = use_get_int(&u, 7);
		ret->events = use_get_int(&u, 8);
		ret->unacked = use_get_int(&u, 9);
		ret->refused = use_get_int(&u, 10);
		ret->contact_ms = (int64_t)use_get_int(&u, 11);
		use_get_bytes(&u, 12, ret->digest, sizeof ret->digest);
	}
	return use_end(&u, e);
}

static enum err
row_space_next(struct store *s, space_id after, space_id *ret, bool *found,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_SPACE_NEXT);

	use_int(&u, (uint64_t)after);
	*found = use_row(&u);
	if (*found)
		*ret = (space_id)use_get_int(&u, 0);
	return use_end(&u, e);
}

static enum err
row_space_find(struct store *s, struct str hub, struct str account,
    struct str team, space_id *ret, bool *found, struct err_info *e)
{
	struct use u = use_of(s, SQL_SPACE_FIND);

	use_text(&u, hub);
	use_text(&u, account);
	use_text(&u, team);
	*found = use_row(&u);
	if (*found)
		*ret = (space_id)use_get_int(&u, 0);
	return use_end(&u, e);
}

static enum err
row_space_put(struct store *s, const struct space_row *r, struct err_info *e)
{
	struct use u = use_of(s, SQL_SPACE_PUT);

	use_int(&u, (uint64_t)r->id);
	use_text(&u, r->hub);
	use_text(&u, r->account);
	use_text(&u, r->team);
	use_text(&u, r->epoch);
	use_int(&u, r->epoch_no);
	use_int(&u, r->pulled);
	use_int(&u, r->head);
	use_int(&u, r->clock);
	use_int(&u, r->events);
	use_int(&u, r->unacked);
	use_int(&u, r->refused);
	use_int(&u, (uint64_t)r->contact_ms);
	use_digest(&u, r->digest);
	return use_run(&u, e);
}

/* --- projects and entities ------------------------------------------------------------ */

static void
project_read(struct use *u, struct project_row *r)
{
	r->id = use_get_int(u, 0);
	r->space = (space_id)use_get_int(u, 1);
	r->entities = use_get_int(u, 3);
	use_get_bytes(u, 4, r->digest, sizeof r->digest);
}

static enum err
row_project_find(struct store *s, space_id space, struct str uuid,
    struct project_row *ret, bool *found, struct err_info *e)
{
	struct use u = use_of(s, SQL_PROJECT_FIND);

	use_int(&u, (uint64_t)space);
	use_text(&u, uuid);
	*found = use_row(&u);
	if (*found)
		project_read(&u, ret);
	return use_end(&u, e);
}

/* Rows of unknown number, in an array of the heap, then of the arena. */
static enum err
rows_give(struct use *u, void *items, size_t n, size_t size, struct arena *a,
    void *ret, struct err_info *e)
{
	void *kept = NULL;
	enum err rc = use_end(u, e);

	if (rc == ERR_OK) {
		kept = arena_array(a, n + 1, size);
		if (kept == NULL)
			rc = err_set(e, ERR_NOMEM);
		else if (n > 0)
			memcpy(kept, items, n * size);
	}
	memcpy(ret, &kept, sizeof kept);
	free(items);
	return rc;
}

static enum err
row_project_list(struct store *s, space_id space, struct arena *a,
    struct project_row **ret, size_t *n, struct err_info *e)
{
	struct use u = use_of(s, SQL_PROJECT_LIST);
	struct project_row *list = NULL;
	size_t cap = 0;

	*n = 0;
	use_int(&u, (uint64_t)space);
	while (use_row(&u)) {
		if (!mem_grow(&list, &cap, *n + 1, sizeof *list)) {
			u.rc = SQLITE_NOMEM;
			break;
		}
		list[*n] = (struct project_row){ .uuid = use_copy(&u, 2, a) };
		project_read(&u, &list[(*n)++]);
	}
	return rows_give(&u, list, *n, sizeof *list, a, ret, e);
}

static enum err
row_project_put(struct store *s, const struct project_row *r,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_PROJECT_PUT);

	use_int(&u, r->id);
	use_int(&u, (uint64_t)r->space);
	use_text(&u, r->uuid);
	use_int(&u, r->entities);
	use_digest(&u, r->digest);
	return use_run(&u, e);
}

static void
entity_read(struct use *u, struct arena *a, struct entity_row *r)
{
	*r = (struct entity_row){ .id = use_get_int(u, 0),
		.project = use_get_int(u, 1),
		.counts = use_get_int(u, 4) != 0,
		.runs = use_get_int(u, 6) };
	r->type = use_copy(u, 2, a);
	r->key = use_copy(u, 3, a);
	r->tail = use_copy(u, 7, a);
	r->state = use_copy(u, 8, a);
	if (u->rc == SQLITE_ROW)
		use_get_bytes(u, 5, r->digest, sizeof r->digest);
}

static void
entity_read_state(struct use *u, struct str type, struct arena *a,
    struct entity_row *r)
{
	*r = (struct entity_row){ .type = type,
		.key = use_copy(u, 0, a),
		.counts = use_get_int(u, 1) != 0,
		.state = use_copy(u, 2, a) };
}

static enum err
row_entity_find(struct store *s, uint64_t project, struct str type,
    struct str key, struct arena *a, struct entity_row *ret, bool *found,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_ENTITY_FIND);

	use_int(&u, project);
	use_text(&u, type);
	use_text(&u, key);
	*found = use_row(&u);
	if (*found)
		entity_read(&u, a, ret);
	return use_end(&u, e);
}

static enum err
row_entity_page(struct store *s, uint64_t project, struct str type,
    struct str key, bool one_type, size_t max, struct arena *a,
    struct entity_row **ret, size_t *n, bool *more, struct err_info *e)
{
	size_t bytes = 0;
	struct use u =
	    use_of(s, one_type ? SQL_ENTITY_PAGE_TYPE : SQL_ENTITY_PAGE);

	*n = 0;
	*ret = arena_array(a, max + 1, sizeof **ret);
	if (*ret == NULL)
		u.rc = SQLITE_NOMEM;
	use_int(&u, project);
	use_text(&u, type);
	use_text(&u, key);
	use_int(&u, max);
	*more = false;
	while (bytes < PAGE_BYTES_MAX && use_row(&u)) {
		struct entity_row *r = &(*ret)[(*n)++];

		if (one_type)
			entity_read_state(&u, type, a, r);
		else
			entity_read(&u, a, r);
		bytes += r->state.n;
	}
	*more = *n == max || bytes >= PAGE_BYTES_MAX;
	return use_end(&u, e);
}

static void
entity_bind(struct use *u, const struct entity_row *r)
{
	use_int(u, r->counts);
	use_digest(u, r->digest);
	use_int(u, r->runs);
	use_blob(u, r->tail);
	use_blob(u, r->state);
	use_int(u, r->id);
}

/* Most are there already. */
static enum err
row_entity_put(struct store *s, const struct entity_row *r, struct err_info *e)
{
	struct store_sqlite *db = (struct store_sqlite *)s;
	struct use u = use_of(s, SQL_ENTITY_SET);
	enum err rc;

	entity_bind(&u, r);
	rc = use_run(&u, e);
	if (rc != ERR_OK || sqlite3_changes(db->db) > 0)
		return rc;
	u = use_of(s, SQL_ENTITY_PUT);
	entity_bind(&u, r);
	use_int(&u, r->project);
	use_text(&u, r->type);
	use_text(&u, r->key);
	return use_run(&u, e);
}

static enum err
row_run_get(struct store *s, uint64_t entity, uint64_t n, struct arena *a,
    struct str *ret, bool *found, struct err_info *e)
{
	struct use u = use_of(s, SQL_RUN_GET);

	use_int(&u, entity);
	use_int(&u, n);
	*found = use_row(&u);
	if (*found)
		*ret = use_copy(&u, 0, a);
	return use_end(&u, e);
}

static enum err
row_run_put(struct store *s, uint64_t entity, uint64_t n, struct str list,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_RUN_PUT);

	use_int(&u, entity);
	use_int(&u, n);
	use_blob(&u, list);
	return use_run(&u, e);
}

static enum err
row_projection_drop(struct store *s, struct err_info *e)
{
	return sqlite_text_run((struct store_sqlite *)s,
	    "DELETE FROM run; DELETE FROM entity; DELETE FROM project", e);
}

/* --- the log ---------------------------------------------------------------------------- */

static enum err
row_event_add(struct store *s, const struct event_row *r, bool *added,
    struct err_info *e)
{
	struct store_sqlite *db = (struct store_sqlite *)s;
	int64_t node = 0, user = 0;
	struct use u;
	enum err rc = name_id(s, r->node, true, &node, e);

	if (rc == ERR_OK)
		rc = name_id(s, r->user, true, &user, e);
	if (rc != ERR_OK)
		return rc;
	u = use_of(s, SQL_EVENT_ADD);
	use_int(&u, at_of(r->space, r->pos));
	use_blob(&u, str_n(r->id.b, sizeof r->id.b));
	use_int(&u, tag_of(r->space, &r->id));
	use_int(&u, r->clock);
	use_int(&u, (uint64_t)node);
	use_int(&u, r->flags);
	use_int(&u, r->seq);
	use_int(&u, r->epoch_no);
	use_int(&u, (uint64_t)user);
	use_int(&u, (uint64_t)r->received_ms);
	use_int(&u, r->sum);
	use_blob(&u, r->raw);
	rc = use_run(&u, e);
	*added = rc == ERR_OK && sqlite3_changes(db->db) > 0;
	return rc;
}

static enum err
row_event_set(struct store *s, const struct event_row *r, struct err_info *e)
{
	int64_t node;
	struct use u;
	enum err rc = name_id(s, r->node, true, &node, e);

	if (rc != ERR_OK)
		return rc;
	u = use_of(s, SQL_EVENT_SET);
	use_int(&u, r->clock);
	use_int(&u, (uint64_t)node);
	use_int(&u, r->flags);
	use_int(&u, r->sum);
	use_blob(&u, r->raw);
	use_int(&u, at_of(r->space, r->pos));
	return use_run(&u, e);
}

static enum err
row_event_mark(struct store *s, const struct event_row *r, struct err_info *e)
{
	int64_t user;
	struct use u;
	enum err rc = name_id(s, r->user, true, &user, e);

	if (rc != ERR_OK)
		return rc;
	u = use_of(s, SQL_EVENT_MARK);
	use_int(&u, r->seq);
	use_int(&u, r->epoch_no);
	use_int(&u, r->flags);
	use_int(&u, (uint64_t)user);
	use_int(&u, (uint64_t)r->received_ms);
	use_int(&u, at_of(r->space, r->pos));
	return use_run(&u, e);
}

/* A name as a string of the arena.  Rows of one page mostly have the one that
 * the row before had. */
static void
event_name(struct use *u, int column, struct arena *a, struct str *ret)
{
	struct err_info why = { 0 };
	struct str text;
	enum err rc = name_text(&u->s->base, (int64_t)use_get_int(u, column),
	    &text, &why);

	*ret = rc == ERR_OK ? arena_str(a, text) : (struct str){ 0 };
	if (rc == ERR_CORRUPT)
		u->rc = SQLITE_CORRUPT;
	else if (ret->p == NULL)
		u->rc = SQLITE_NOMEM;
}

static void
event_read(struct use *u, bool with_raw, struct arena *a, struct event_row *r)
{
	uint64_t at = use_get_int(u, 0);

	*r = (struct event_row){ .space = (space_id)(at >> POS_BITS),
		.pos = pos_of(at),
		.clock = use_get_int(u, 3),
		.flags = (unsigned)use_get_int(u, 5),
		.seq = use_get_int(u, 6),
		.epoch_no = use_get_int(u, 7),
		.received_ms = (int64_t)use_get_int(u, 9) };
	use_get_bytes(u, 1, r->id.b, sizeof r->id.b);
	r->id.form = use_get_int(u, 2) & 1 ? EID_ULID : EID_UUID;
	if (u->rc == SQLITE_ROW)
		event_name(u, 4, a, &r->node);
	if (u->rc == SQLITE_ROW)
		event_name(u, 8, a, &r->user);
	if (!with_raw || u->rc != SQLITE_ROW)
		return;
	r->sum = (uint32_t)use_get_int(u, 10);
	r->raw = use_copy(u, 11, a);
}

static enum err
event_at(struct store *s, uint64_t at, bool with_raw, struct arena *a,
    struct event_row *ret, bool *found, struct err_info *e)
{
	struct use u = use_of(s, with_raw ? SQL_EVENT_GET_RAW : SQL_EVENT_GET);

	use_int(&u, at);
	*found = use_row(&u);
	if (*found)
		event_read(&u, with_raw, a, ret);
	return use_end(&u, e);
}

static enum err
row_event_get(struct store *s, space_id space, uint64_t pos, bool with_raw,
    struct arena *a, struct event_row *ret, bool *found, struct err_info *e)
{
	return event_at(s, at_of(space, pos), with_raw, a, ret, found, e);
}

static enum err
row_event_find(struct store *s, space_id space, const struct eid *id,
    bool with_raw, struct arena *a, struct event_row *ret, bool *found,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_EVENT_FIND);
	uint64_t at = 0;
	enum err rc;

	use_blob(&u, str_n(id->b, sizeof id->b));
	use_int(&u, tag_of(space, id));
	*found = use_row(&u);
	if (*found)
		at = use_get_int(&u, 0);
	rc = use_end(&u, e);
	if (rc != ERR_OK || !*found)
		return rc;
	return event_at(s, at, with_raw, a, ret, found, e);
}

static enum err
row_event_copies(struct store *s, const struct eid *id, struct arena *a,
    struct event_row **ret, size_t *n, struct err_info *e)
{
	struct use u = use_of(s, SQL_EVENT_COPIES);
	struct event_row *list = NULL;
	size_t cap = 0;

	*n = 0;
	use_blob(&u, str_n(id->b, sizeof id->b));
	use_int(&u, id->form == EID_ULID);
	while (use_row(&u)) {
		if (!mem_grow(&list, &cap, *n + 1, sizeof *list)) {
			u.rc = SQLITE_NOMEM;
			break;
		}
		event_read(&u, false, a, &list[(*n)++]);
	}
	return rows_give(&u, list, *n, sizeof *list, a, ret, e);
}

static enum err
row_event_page(struct store *s, space_id space, uint64_t after, size_t max,
    bool with_raw, struct arena *a, struct event_row **ret, size_t *n,
    struct err_info *e)
{
	size_t bytes = 0;
	struct use u =
	    use_of(s, with_raw ? SQL_EVENT_PAGE_RAW : SQL_EVENT_PAGE);

	*n = 0;
	*ret = arena_array(a, max + 1, sizeof **ret);
	if (*ret == NULL)
		u.rc = SQLITE_NOMEM;
	use_int(&u, at_of(space, after));
	use_int(&u, at_of(space, POS_MAX));
	use_int(&u, max);
	while (bytes < PAGE_BYTES_MAX && use_row(&u)) {
		event_read(&u, with_raw, a, &(*ret)[*n]);
		bytes += (*ret)[(*n)++].raw.n;
	}
	return use_end(&u, e);
}

/* A column of positions. */
static enum err
positions(struct use *u, struct arena *a, uint64_t **ret, size_t *n,
    struct err_info *e)
{
	uint64_t *list = NULL;
	size_t cap = 0;

	*n = 0;
	while (use_row(u)) {
		if (!mem_grow(&list, &cap, *n + 1, sizeof *list)) {
			u->rc = SQLITE_NOMEM;
			break;
		}
		list[(*n)++] = pos_of(use_get_int(u, 0));
	}
	return rows_give(u, list, *n, sizeof *list, a, ret, e);
}

static enum err
row_event_ids(struct store *s, space_id space, const struct eid *lo,
    const struct eid *hi, size_t max, struct arena *a, uint64_t **ret,
    size_t *n, struct err_info *e)
{
	struct use u = use_of(s, SQL_EVENT_IDS);

	use_blob(&u, str_n(lo->b, sizeof lo->b));
	use_blob(&u, str_n(hi->b, sizeof hi->b));
	use_int(&u, tag_of(space, lo));
	use_int(&u, max);
	return positions(&u, a, ret, n, e);
}

static enum err
row_clock_max(struct store *s, space_id space, uint64_t *ret,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_CLOCK_MAX);

	*ret = 0;
	use_int(&u, at_of(space, 0));
	use_int(&u, at_of(space, POS_MAX));
	use_int(&u, FLAG_REFUSED);
	if (use_row(&u))
		*ret = use_get_int(&u, 0);
	return use_end(&u, e);
}

/* --- what waits, what was refused --------------------------------------------------------- */

static enum err
row_unacked_put(struct store *s, const struct event_row *r, struct err_info *e)
{
	char id[EID_TEXT_MAX];
	struct use u = use_of(s, SQL_UNACKED_PUT);

	use_int(&u, (uint64_t)r->space);
	use_int(&u, r->clock);
	use_blob(&u, r->node);
	use_blob(&u, str_n(id, eid_format(&r->id, id)));
	use_int(&u, r->pos);
	return use_run(&u, e);
}

static enum err
row_unacked_del(struct store *s, const struct event_row *r, struct err_info *e)
{
	char id[EID_TEXT_MAX];
	struct use u = use_of(s, SQL_UNACKED_DEL);

	use_int(&u, (uint64_t)r->space);
	use_int(&u, r->clock);
	use_blob(&u, r->node);
	use_blob(&u, str_n(id, eid_format(&r->id, id)));
	return use_run(&u, e);
}

static enum err
row_unacked_page(struct store *s, space_id space, const struct stamp *after,
    size_t max, struct arena *a, uint64_t **ret, size_t *n, struct err_info *e)
{
	bool start = after->id.form == EID_NONE;
	char id[EID_TEXT_MAX];
	struct use u = use_of(s, SQL_UNACKED_PAGE);

	use_int(&u, (uint64_t)space);
	use_int(&u, start ? 0 : after->clock);
	use_blob(&u, start ? (struct str){ 0 } : after->node);
	use_blob(&u,
	    start ? (struct str){ 0 } : str_n(id, eid_format(&after->id, id)));
	use_int(&u, max > INT64_MAX ? INT64_MAX : max);
	return positions(&u, a, ret, n, e);
}

static enum err
row_refused_put(struct store *s, space_id space, uint64_t pos, struct str code,
    struct str why, struct err_info *e)
{
	struct use u = use_of(s, SQL_REFUSED_PUT);

	use_int(&u, at_of(space, pos));
	use_text(&u, code);
	use_text(&u, why);
	return use_run(&u, e);
}

static enum err
row_refused_del(struct store *s, space_id space, uint64_t pos,
    struct err_info *e)
{
	struct use u = use_of(s, SQL_REFUSED_DEL);

	use_int(&u, at_of(space, pos));
	return use_run(&u, e);
}

static enum err
row_refused_get(struct store *s, space_id space, uint64_t pos, struct arena *a,
    struct str *code, struct str *why, bool *found, struct err_info *e)
{
	struct use u = use_of(s, SQL_REFUSED_GET);

	use_int(&u, at_of(space, pos));
	*found = use_row(&u);
	if (*found) {
		*code = use_copy(&u, 0, a);
		*why = use_copy(&u, 1, a);
	}
	return use_end(&u, e);
}

static enum err
row_refused_list(struct store *s, space_id space, struct arena *a,
    uint64_t **ret, size_t *n, struct err_info *e)
{
	struct use u = use_of(s, SQL_REFUSED_LIST);

	use_int(&u, at_of(space, 0));
	use_int(&u, at_of(space, POS_MAX));
	return positions(&u, a, ret, n, e);
}

/* --- numbers seen, notes -------------------------------------------------------------------- */

static enum err
row_seen_at(struct store *s, struct str node, uint64_t n, uint64_t *lo,
    uint64_t *hi, bool *found, uint64_t *next, struct err_info *e)
{
	int64_t id;
	struct use u;
	enum err rc = name_id(s, node, false, &id, e);

	*found = false;
	*next = 0;
	if (rc != ERR_OK || id == 0)
		return rc;
	u = use_of(s, SQL_SEEN_AT);
	use_int(&u, (uint64_t)id);
	use_int(&u, n);
	*found = use_row(&u);
	if (*found) {
		*lo = use_get_int(&u, 0);
		*hi = use_get_int(&u, 1);
	}
	rc = use_end(&u, e);
	if (rc != ERR_OK)
		return rc;
	u = use_of(s, SQL_SEEN_NEXT);
	use_int(&u, (uint64_t)id);
	use_int(&u, n);
	if (use_row(&u))
		*next = use_get_int(&u, 0);
	return use_end(&u, e);
}

static enum err
row_seen_put(struct store *s, struct str node, uint64_t lo, uint64_t hi,
    struct err_info *e)
{
	int64_t id;
	struct use u;
	enum err rc = name_id(s, node, true, &id, e);

	if (rc != ERR_OK)
		return rc;
	u = use_of(s, SQL_SEEN_PUT);
	use_int(&u, (uint64_t)id);
	use_int(&u, lo);
	use_int(&u, hi);
	return use_run(&u, e);
}

static enum err
row_seen_del(struct store *s, struct str node, uint64_t lo, struct err_info *e)
{
	int64_t id;
	struct use u;
	enum err rc = name_id(s, node, true, &id, e);

	if (rc != ERR_OK)
		return rc;
	u = use_of(s, SQL_SEEN_DEL);
	use_int(&u, (uint64_t)id);
	use_int(&u, lo);
	return use_run(&u, e);
}

static enum err
row_note_get(struct store *s, struct str name, struct arena *a, struct str *ret,
    bool *found, struct err_info *e)
{
	struct use u = use_of(s, SQL_NOTE_GET);

	use_text(&u, name);
	*found = use_row(&u);
	if (*found)
		*ret = use_copy(&u, 0, a);
	return use_end(&u, e);
}

static enum err
row_note_put(struct store *s, struct str name, struct str value,
    struct err_info *e)
{
	struct use u = use_of(s, value.n > 0 ? SQL_NOTE_PUT : SQL_NOTE_DEL);

	use_text(&u, name);
	if (value.n > 0)
		use_blob(&u, value);
	return use_run(&u, e);
}

struct note {
	struct str name, value;
};

static enum err
row_note_list(struct store *s, struct str prefix, struct arena *a,
    struct str **names, struct str **values, size_t *n, struct err_info *e)
{
	struct use u = use_of(s, SQL_NOTE_LIST);
	struct note *list = NULL, *kept;
	size_t cap = 0;
	enum err rc;

	*n = 0;
	use_text(&u, prefix);
	while (use_row(&u)) {
		if (!mem_grow(&list, &cap, *n + 1, sizeof *list)) {
			u.rc = SQLITE_NOMEM;
			break;
		}
		list[*n].name = use_copy(&u, 0, a);
		list[(*n)++].value = use_copy(&u, 1, a);
	}
	rc = rows_give(&u, list, *n, sizeof *list, a, &kept, e);
	if (rc != ERR_OK)
		return rc;
	*names = arena_array(a, *n + 1, sizeof **names);
	*values = arena_array(a, *n + 1, sizeof **values);
	if (*names == NULL || *values == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < *n; i++) {
		(*names)[i] = kept[i].name;
		(*values)[i] = kept[i].value;
	}
	return ERR_OK;
}

const struct store_ops sqlite_ops = {
	.name = "sqlite",
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.view = sqlite_view,
	.view_end = sqlite_view_end,
	.checkpoint = sqlite_checkpoint,
	.tidy = sqlite_tidy,
	.slim = sqlite_slim,
	.bulk = sqlite_bulk,
	.facts = sqlite_facts,
	.check = sqlite_check,
	.meta_get = row_meta_get,
	.meta_put = row_meta_put,
	.space_get = row_space_get,
	.space_next = row_space_next,
	.space_find = row_space_find,
	.space_put = row_space_put,
	.project_find = row_project_find,
	.project_list = row_project_list,
	.project_put = row_project_put,
	.entity_find = row_entity_find,
	.entity_page = row_entity_page,
	.entity_put = row_entity_put,
	.run_get = row_run_get,
	.run_put = row_run_put,
	.projection_drop = row_projection_drop,
	.event_add = row_event_add,
	.event_set = row_event_set,
	.event_mark = row_event_mark,
	.event_get = row_event_get,
	.event_find = row_event_find,
	.event_copies = row_event_copies,
	.event_page = row_event_page,
	.event_ids = row_event_ids,
	.clock_max = row_clock_max,
	.unacked_put = row_unacked_put,
	.unacked_del = row_unacked_del,
	.unacked_page = row_unacked_page,
	.refused_put = row_refused_put,
	.refused_del = row_refused_del,
	.refused_get = row_refused_get,
	.refused_list = row_refused_list,
	.seen_at = row_seen_at,
	.seen_put = row_seen_put,
	.seen_del = row_seen_del,
	.note_get = row_note_get,
	.note_put = row_note_put,
	.note_list = row_note_list,
};
