/* Path: the session entities of every space, with what this machine's records add;
 * sorted; then what is in progress is given to whose it is.
 *
 * An item is a session's where it is assigned to it, or where the event that put it
 * into its present state carries its id. */
#include "sessions.h"

#include <stdlib.h>

#include "fault.h"
#include "map.h"
#include "presence.h"
#include "spaces.h"
#include "when.h"

enum {
	NODE_SHOWN = 8,
	/* Clocks differ; what is said of later than that is of now. */
	AHEAD_MS = 5 * 60 * 1000
};

const char *
session_state_name(enum session_state s)
{
	static const char *const name[] = { [SESSION_LIVE] = "live",
		[SESSION_STALE] = "stale",
		[SESSION_ENDED] = "ended" };

	return name[s];
}

/* That a space's log, or the hub, has such a session; ended ones are loaded only
 * where they are asked for. */
struct known {
	struct known *next; /* of the same id */
	struct known *twin; /* of the same project and key, in another space */
	space_id space;
	struct str agent, id, project;
	size_t at; /* in the list; NOT_LOADED: it has ended */
};
#define NOT_LOADED SIZE_MAX

struct loader {
	struct store *s;
	const struct sessions_at *at;
	struct arena *a;
	space_id space;
	struct session_seen *list; /* own until the end */
	size_t n, cap;
	struct session_record *record;
	size_t n_records;
	struct map by_id;    /* struct session_seen, not ended */
	struct map by_key;   /* struct known, by project and key */
	struct map by_name;  /* struct known, by id */
	struct known **twin; /* own; the first ones of those that have any */
	size_t n_twins, cap_twins;
	char node[33];
};

/* --- an event ------------------------------------------------------------------------ */

struct deed_of {
	struct arena a;
	struct json json;
	struct event ev;
	struct str user; /* the hub's word */
	bool known;
};

static void
event_fini(struct deed_of *d)
{
	json_fini(&d->json);
	arena_fini(&d->a);
}

/* What wrote the head; not known where it is not here. */
static enum err
event_load(struct loader *l, const struct head *h, struct deed_of *d,
    struct err_info *e)
{
	struct log_row row;
	enum err rc = ERR_OK;

	*d = (struct deed_of){ 0 };
	if (h == NULL)
		return ERR_OK;
	rc = store_event(l->s, l->space, &h->id, &d->a, &row, e);
	if (rc == ERR_NOT_FOUND) {
		*e = (struct err_info){ 0 };
		return ERR_OK;
	}
	if (rc == ERR_OK)
		rc = event_parse(&d->ev, &d->json, row.raw, &d->a, e);
	d->known = rc == ERR_OK;
	d->user = row.user;
	return rc;
}

static int64_t
event_ms(const struct deed_of *d)
{
	int64_t ms;

	return d->known && when_parse(d->ev.timestamp, &ms) ? ms : 0;
}

/* --- a session -------------------------------------------------------------------------- */

static const struct session_record *
record_of(const struct loader *l, const struct session_seen *s)
{
	for (size_t i = 0; i < l->n_records; i++)
		if (str_eq(l->record[i].id, s->id) &&
		    str_eq(l->record[i].agent, s->agent) &&
		    str_eq(l->record[i].project, s->project))
			return &l->record[i];
	return NULL;
}

/* The key is "agent:id"; of others' without an agent it is the id. */
static void
split_key(struct str key, struct str *agent, struct str *id)
{
	size_t colon = str_find(key, ':');

	*agent = (struct str){ 0 };
	*id = key;
	if (colon == SIZE_MAX)
		return;
	*agent = str_n(key.p, colon);
	*id = str_n(key.p + colon + 1, key.n - colon - 1);
}

static void
later(int64_t *to, int64_t ms)
{
	if (ms > *to)
		*to = ms;
}

static void
state_of(const struct loader *l, const struct entity *en,
    const struct session_record *r, struct session_seen *s)
{
	int64_t silent = l->at->now_ms - s->last_ms;

	if (str_is(entity_text(en, "state", l->a), "ended")) {
		s->state = SESSION_ENDED;
		s->reason = entity_text(en, "reason", l->a);
	} else if (r != NULL && sessions_gone(r)) {
		s->state = SESSION_ENDED;
		s->reason = STR(SESSION_GONE);
	} else if (l->at->stale_after_s > 0 && silent > 0 &&
	    (uint64_t)silent / 1000 > l->at->stale_after_s)
		s->state = SESSION_STALE;
}

static void
fields_of(const struct loader *l, const struct entity *en,
    const struct head *state, struct session_seen *s)
{
	struct str node =
	    state != NULL ? entity_node(en, state->node) : (struct str){ 0 };

	s->device = entity_text(en, "device", l->a);
	if (s->device.n == 0)
		s->device = entity_text(en, "host", l->a);
	if (s->device.n == 0)
		s->device = arena_str(l->a,
		    str_n(node.p, node.n < NODE_SHOWN ? node.n : NODE_SHOWN));
	s->cwd = entity_text(en, "cwd", l->a);
	s->branch = entity_text(en, "git_branch", l->a);
	s->here = str_is(node, l->node);
}

static enum err
session_fill(struct loader *l, const struct entity *en, struct session_seen *s,
    struct err_info *e)
{
	const struct head *state = entity_shown(en, "state");
	const struct session_record *r;
	struct deed_of d;
	int64_t ms;
	enum err rc = event_load(l, state, &d, e);

	*s = (struct session_seen){ .space = l->space,
		.key = arena_str(l->a, en->key),
		.project = arena_str(l->a, en->project) };
	if (rc == ERR_OK && (s->key.p == NULL || s->project.p == NULL))
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK) {
		split_key(s->key, &s->agent, &s->id);
		fields_of(l, en, state, s);
		s->owner = arena_str(l->a, d.user);
		s->since_ms = event_ms(&d);
		later(&s->last_ms, s->since_ms);
		if (when_parse(entity_text(en, "last_heartbeat", l->a), &ms))
			later(&s->last_ms, ms);
		r = record_of(l, s);
		if (r != NULL) {
			s->here = true;
			s->pid = r->pid;
			later(&s->last_ms, r->beat_ms);
		}
		state_of(l, en, r, s);
	}
	event_fini(&d);
	return rc;
}

static bool
by_name_put(struct loader *l, struct known *k)
{
	k->next = map_get(&l->by_name, k->id);
	return map_put(&l->by_name, k->id, k);
}

/* A shared project has its sessions in two spaces: the first one leads. */
static bool
by_key_put(struct loader *l, struct known *k, struct str key)
{
	char *name =
	    arena_fmt(l->a, "%.*s\n%.*s", STR_ARG(k->project), STR_ARG(key));
	struct known *first;

	if (name == NULL)
		return false;
	first = map_get(&l->by_key, str_of(name));
	if (first == NULL)
		return map_put(&l->by_key, str_of(name), k);
	if (first->twin == NULL) {
		if (!mem_grow(&l->twin, &l->cap_twins, l->n_twins + 1,
		        sizeof(struct known *)))
			return false;
		l->twin[l->n_twins++] = first;
	}
	k->twin = first->twin;
	first->twin = k;
	return true;
}

static enum err
note_known(struct loader *l, const struct entity *en, size_t at,
    struct err_info *e)
{
	struct known *k = arena_zero(l->a, sizeof *k);
	struct str key = arena_str(l->a, en->key);

	if (k == NULL || key.p == NULL)
		return err_set(e, ERR_NOMEM);
	k->space = l->space;
	k->at = at;
	k->project = arena_str(l->a, en->project);
	split_key(key, &k->agent, &k->id);
	return k->project.p != NULL && by_name_put(l, k) &&
	        by_key_put(l, k, key) ?
	    ERR_OK :
	    err_set(e, ERR_NOMEM);
}

static enum err
session_add(void *ctx, const struct entity *en, struct err_info *e)
{
	struct loader *l = ctx;
	enum err rc;

	if (!entity_present(en))
		return ERR_OK;
	if (!l->at->ended && str_is(entity_text(en, "state", l->a), "ended"))
		return note_known(l, en, NOT_LOADED, e);
	rc = note_known(l, en, l->n, e);
	if (rc != ERR_OK)
		return rc;
	if (!mem_grow(&l->list, &l->cap, l->n + 1, sizeof *l->list))
		return err_set(e, ERR_NOMEM);
	return session_fill(l, en, &l->list[l->n++], e);
}

/* What the space says in which the project is worked on counts. */
static void
twins_settle(struct loader *l, struct known *first, space_id space)
{
	size_t at = first->at;

	for (struct known *k = first; k != NULL; k = k->twin)
		if (k->space == space)
			at = k->at;
	for (struct known *k = first; k != NULL; k = k->twin) {
		if (k->at != NOT_LOADED && k->at != at)
			l->list[k->at].doubled = true;
		k->at = at;
	}
}

static enum err
doubles_settle(struct loader *l, struct err_info *e)
{
	struct spaces_choice choice = { 0 };
	struct str project = { 0 };
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < l->n_twins; i++) {
		if (i == 0 || !str_eq(l->twin[i]->project, project)) {
			project = l->twin[i]->project;
			rc = spaces_choose(l->s, project, &choice, e);
		}
		if (rc == ERR_OK)
			twins_settle(l, l->twin[i], choice.space);
	}
	return rc;
}

static void
doubles_drop(struct loader *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (!l->list[i].doubled)
			l->list[n++] = l->list[i];
	l->n = n;
}

/* --- what is in progress ------------------------------------------------------------------ */

static struct session_seen *
whose(const struct loader *l, struct str id, struct str agent,
    struct str project)
{
	struct session_seen *s = id.n > 0 ? map_get(&l->by_id, id) : NULL;
	struct session_seen *first = NULL;

	for (; s != NULL; s = s->next) {
		if (agent.n > 0 && !str_eq(agent, s->agent))
			continue;
		if (str_eq(project, s->project))
			return s;
		first = first != NULL ? first : s;
	}
	return first;
}

/* "claude/3f9a...", with "agent:" before it or not; or the id alone. */
static struct session_seen *
assigned_to(const struct loader *l, struct str who, struct str project)
{
	size_t slash;

	if (str_starts(who, STR("agent:")))
		who = str_n(who.p + 6, who.n - 6);
	slash = str_find(who, '/');
	if (slash == SIZE_MAX)
		return whose(l, who, STR(""), project);
	return whose(l, str_n(who.p + slash + 1, who.n - slash - 1),
	    str_n(who.p, slash), project);
}

static enum err
item_give(struct loader *l, struct session_seen *s, const struct entity *en,
    struct str state, struct err_info *e)
{
	bool todo = en->aggregate == AGG_TODO;

	if (!arena_grow(l->a, &s->item, &s->cap_items, s->n_items + 1,
	        sizeof *s->item))
		return err_set(e, ERR_NOMEM);
	s->item[s->n_items++] = (struct session_item){ .type = en->aggregate,
		.project = arena_str(l->a, en->project),
		.key = arena_str(l->a, en->key),
		.title = entity_text(en, todo ? "content" : "title", l->a),
		.state = state };
	return ERR_OK;
}

static bool
in_progress(const struct entity *en, struct arena *a, struct str *state)
{
	if (en->aggregate == AGG_TODO) {
		*state = todo_status_normal(entity_text(en, "status", a));
		return str_is(*state, "in_progress");
	}
	*state = lane_normal(entity_text(en, "lane", a));
	return str_is(*state, "in_progress") || str_is(*state, "claimed");
}

static enum err
item_look(void *ctx, const struct entity *en, struct err_info *e)
{
	struct loader *l = ctx;
	struct session_seen *owner, *mover;
	struct str state = { 0 };
	struct deed_of d;
	enum err rc;

	if (!entity_present(en) || entity_archived(en) ||
	    !in_progress(en, l->a, &state))
		return ERR_OK;
	owner = assigned_to(l, entity_text(en, "assignee", l->a), en->project);
	rc = event_load(l,
	    entity_shown(en, en->aggregate == AGG_TODO ? "status" : "lane"), &d,
	    e);
	mover = rc == ERR_OK && d.known ?
	    whose(l, d.ev.session_id, STR(""), en->project) :
	    NULL;
	if (mover != NULL)
		later(&mover->last_ms, event_ms(&d));
	if (rc == ERR_OK && owner != NULL)
		rc = item_give(l, owner, en, state, e);
	if (rc == ERR_OK && mover != NULL && mover != owner)
		rc = item_give(l, mover, en, state, e);
	event_fini(&d);
	return rc;
}

static enum err
index_sessions(struct loader *l, struct err_info *e)
{
	for (size_t i = l->n; i-- > 0;) {
		struct session_seen *s = &l->list[i];

		/* Nor is work given to what only the hub has told of. */
		if (s->state == SESSION_ENDED || s->id.n == 0 ||
		    s->project.n == 0)
			continue;
		s->next = map_get(&l->by_id, s->id);
		if (!map_put(&l->by_id, s->id, s))
			return err_set(e, ERR_NOMEM);
	}
	return ERR_OK;
}

static enum err
items_load(struct loader *l, const struct space *sp, size_t n,
    struct err_info *e)
{
	static const enum aggregate type[] = { AGG_WORK_PACKAGE, AGG_TODO };
	enum err rc = index_sessions(l, e);

	/* Where nobody is at work nobody has anything. */
	if (l->by_id.count == 0)
		return rc;
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		l->space = sp[i].id;
		for (size_t k = 0; rc == ERR_OK && k < 2; k++)
			rc = store_entities(l->s, sp[i].id, STR(""),
			    aggregate_name(type[k]), item_look, l, e);
	}
	return rc;
}

/* --- who is there, as the hub tells --------------------------------------------------------- */

/* The same session of the same space.  What has ended has ended whoever says
 * otherwise; else it is the same only of the same user, where both are told. */
static const struct known *
known_as(const struct loader *l, const struct presence *p)
{
	const struct known *found = NULL;

	for (const struct known *k = map_get(&l->by_name, p->id); k != NULL;
	     k = k->next) {
		const struct session_seen *s =
		    k->at != NOT_LOADED ? &l->list[k->at] : NULL;

		if (k->space != p->space ||
		    (p->agent.n > 0 && !str_eq(k->agent, p->agent)))
			continue;
		if (s == NULL || s->state == SESSION_ENDED)
			return k;
		if (p->user.n == 0 || s->owner.n == 0 ||
		    str_eq(p->user, s->owner))
			found = k;
	}
	return found;
}

/* Nobody but the hub has said so. */
static enum err
presence_new(struct loader *l, const struct presence *p, struct err_info *e)
{
	struct known *k = arena_zero(l->a, sizeof *k);

	if (k == NULL ||
	    !mem_grow(&l->list, &l->cap, l->n + 1, sizeof *l->list))
		return err_set(e, ERR_NOMEM);
	*k = (struct known){
		.space = p->space, .id = p->id, .agent = p->agent, .at = l->n
	};
	l->list[l->n++] = (struct session_seen){ .space = p->space,
		.id = p->id,
		.key = p->id,
		.agent = p->agent,
		.device = p->device,
		.cwd = p->cwd,
		.branch = p->branch,
		.owner = p->user,
		.user = p->user,
		.since_ms = p->last_ms,
		.last_ms = p->last_ms };
	return by_name_put(l, k) ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
presence_one(struct loader *l, struct presence *p, struct err_info *e)
{
	const struct known *k = known_as(l, p);
	struct session_seen *s;

	if (p->last_ms > l->at->now_ms + AHEAD_MS)
		p->last_ms = l->at->now_ms;
	if (k == NULL)
		return presence_new(l, p, e);
	s = k->at != NOT_LOADED ? &l->list[k->at] : NULL;
	if (s == NULL || s->here || s->state == SESSION_ENDED)
		return ERR_OK;
	s->user = p->user;
	s->state = SESSION_LIVE;
	later(&s->last_ms, p->last_ms);
	return ERR_OK;
}

static enum err
presence_add(struct loader *l, struct err_info *e)
{
	struct presence *p = NULL;
	size_t n = 0;
	enum err rc = l->at->presence ?
	    presence_load(l->at->home, l->a, &p, &n, e) :
	    ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = presence_one(l, &p[i], e);
	return rc;
}

/* --- the list -------------------------------------------------------------------------------- */

static int
by_activity(const void *a, const void *b)
{
	const struct session_seen *x = a, *y = b;

	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	if (x->last_ms != y->last_ms)
		return x->last_ms > y->last_ms ? -1 : 1;
	return str_cmp(x->key, y->key);
}

static enum err
load_all(struct loader *l, struct err_info *e)
{
	struct space *sp;
	size_t n = 0;
	enum err rc = store_node(l->s, l->node, e);

	if (rc == ERR_OK)
		rc = sessions_records(l->at->home, l->a, &l->record,
		    &l->n_records, e);
	if (rc == ERR_OK)
		rc = store_space_list(l->s, l->a, &sp, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		l->space = sp[i].id;
		rc = store_entities(l->s, sp[i].id, STR(""), "session",
		    session_add, l, e);
	}
	if (rc == ERR_OK)
		rc = doubles_settle(l, e);
	if (rc == ERR_OK)
		rc = presence_add(l, e);
	doubles_drop(l);
	if (rc == ERR_OK && l->n > 0)
		qsort(l->list, l->n, sizeof *l->list, by_activity);
	return rc == ERR_OK ? items_load(l, sp, n, e) : rc;
}

enum err
sessions_load(struct store *s, const struct sessions_at *at, struct arena *a,
    struct sessions *ret, struct err_info *e)
{
	struct loader l = { .s = s, .at = at, .a = a };
	enum err rc = load_all(&l, e);

	*ret = (struct sessions){ 0 };
	if (rc == ERR_OK) {
		ret->s = arena_array(a, l.n + 1, sizeof *ret->s);
		if (ret->s == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	if (rc == ERR_OK && l.n > 0) {
		ret->n = l.n;
		memcpy(ret->s, l.list, l.n * sizeof *ret->s);
	}
	for (size_t i = 0; i < ret->n; i++)
		ret->s[i].next = NULL;
	map_fini(&l.by_id);
	map_fini(&l.by_key);
	map_fini(&l.by_name);
	free(l.twin);
	free(l.list);
	return rc;
}

enum err
sessions_here(struct store *s, const struct sessions_at *at, struct arena *a,
    struct sessions *ret, struct err_info *e)
{
	size_t n = 0;
	enum err rc = sessions_load(s, at, a, ret, e);

	for (size_t i = 0; rc == ERR_OK && i < ret->n; i++)
		if (ret->s[i].here && ret->s[i].state == SESSION_LIVE)
			ret->s[n++] = ret->s[i];
	ret->n = n;
	return rc;
}
