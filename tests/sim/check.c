/* What must hold when everybody has talked to everybody (docs/merge.md, What must
 * be shown to hold). */
#include <stdio.h>
#include <stdlib.h>

#include "map.h"
#include "sim.h"

/* --- one log against another --------------------------------------------------------- */

/* A row of a hub's log. */
struct stands {
	struct eid id;
	uint64_t clock;
};

struct team_log {
	struct world *w;
	unsigned team;
	uint64_t n;     /* rows seen: the last seq */
	struct map ids; /* of the hub's log -> struct stands, in the arena */
	struct map *numbers; /* of all teams: node and node_seq -> id */
	struct arena a;
	struct json json;
};

static bool
allowed(struct world *w, unsigned team, const struct eid *id)
{
	for (size_t i = 0; i < w->n_made; i++) {
		const struct made *m = &w->made[i];

		if (!eid_eq(&m->id, id))
			continue;
		if (m->team == team)
			return true;
		/* It came with its project. */
		return team < SHARED_MAX && m->team == project_home(m->project);
	}
	/* Of the program that names nothing; it knows one team. */
	return team == 0 && id->b[0] == 0xf0;
}

/* Two events of one node with one number are a fork that was let in.  What was
 * relayed had been admitted once. */
static enum err
check_number(struct team_log *l, const struct log_row *row,
    const struct event *ev, struct err_info *e)
{
	char *key = arena_fmt(&l->a, "%.*s:%llu", STR_ARG(ev->node),
	    (unsigned long long)ev->node_seq);
	struct eid *id = arena_alloc(&l->a, sizeof *id), *other;

	if (key == NULL || id == NULL)
		return err_set(e, ERR_NOMEM);
	if (!ev->has_node_seq || row->relayed)
		return ERR_OK;
	*id = ev->id;
	other = map_get(l->numbers, str_of(key));
	if (other != NULL && !eid_eq(other, id)) {
		char text[2][EID_TEXT_MAX];

		(void)eid_format(id, text[0]);
		(void)eid_format(other, text[1]);
		world_fail(l->w, "%s: %s stands for %s and %s",
		    team_slug(l->team), key, text[0], text[1]);
	}
	return map_put(l->numbers, str_of(key), id) ? ERR_OK :
	                                              err_set(e, ERR_NOMEM);
}

/* The log is causally closed: what an event names stands before it, with a lesser
 * stamp. */
static void
check_named(struct team_log *l, const struct event *ev, bool relayed,
    const char *text)
{
	for (size_t i = 0; i < ev->n_replaces; i++) {
		const struct stands *at =
		    map_get(&l->ids, eid_key(&ev->replaces[i]));

		if (at == NULL)
			world_fail(l->w,
			    "%s: %s names what does not stand before it",
			    team_slug(l->team), text);
		else if (at->clock > ev->clock && !relayed)
			world_fail(l->w,
			    "%s: %s names what has a greater stamp",
			    team_slug(l->team), text);
	}
}

static enum err
hub_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct team_log *l = ctx;
	struct stands *at = arena_alloc(&l->a, sizeof *at);
	char text[EID_TEXT_MAX];
	struct event ev;

	if (at == NULL)
		return err_set(e, ERR_NOMEM);
	if (event_parse(&ev, &l->json, row->raw, &l->a, e) != ERR_OK)
		return e->code;
	*at = (struct stands){ row->id, ev.clock };
	(void)eid_format(&row->id, text);
	if (row->pos != ++l->n)
		world_fail(l->w, "%s: seq %llu stands at place %llu",
		    team_slug(l->team), (unsigned long long)row->pos,
		    (unsigned long long)l->n);
	if (map_get(&l->ids, eid_key(&at->id)) != NULL)
		world_fail(l->w, "%s: %s stands there twice",
		    team_slug(l->team), text);
	if (!allowed(l->w, l->team, &at->id))
		world_fail(l->w, "%s: %s does not belong there",
		    team_slug(l->team), text);
	check_named(l, &ev, row->relayed, text);
	if (!map_put(&l->ids, eid_key(&at->id), at))
		return err_set(e, ERR_NOMEM);
	return check_number(l, row, &ev, e);
}

struct machine_log {
	struct machine *m;
	const struct team_log *hub;
	uint64_t refused;
};

static enum err
machine_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct machine_log *l = ctx;
	bool there = map_get(&l->hub->ids, eid_key(&row->id)) != NULL;
	char text[EID_TEXT_MAX];

	(void)e;
	(void)eid_format(&row->id, text);
	if (row->status == EVENT_REFUSED) {
		l->refused++;
		if (!hub_refuses(l->m->w, &row->id))
			world_fail(l->m->w,
			    "machine %u: %s is refused: %s: %.*s", l->m->no,
			    text, err_wire(row->code), STR_ARG(row->why));
		if (there)
			world_fail(l->m->w,
			    "machine %u: %s is refused and in "
			    "the log of %s",
			    l->m->no, text, team_slug(l->hub->team));
	} else if (!there || row->status != EVENT_ACKED) {
		world_fail(l->m->w,
		    "machine %u: %s in %s: here %d, at the hub %d", l->m->no,
		    text, team_slug(l->hub->team), (int)row->status, there);
	}
	return ERR_OK;
}

/* --- state ------------------------------------------------------------------------------ */

static enum err
dump_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	struct json_writer w = { .out = ctx };
	enum err rc = entity_write_json(en, &w, e);
	struct arena a = { 0 };
	struct row *row;
	size_t n;

	if (rc == ERR_OK)
		rc = entity_ledger(en, &a, &row, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		buf_adds(ctx, " ");
		for (size_t k = 0; k < sizeof row[i].id; k++)
			buf_addf(ctx, "%02x", row[i].id[k]);
		buf_addf(ctx, ":%s:%zu", row_state_name(row[i].state),
		    row[i].n_closers);
	}
	buf_addc(ctx, '\n');
	arena_fini(&a);
	return rc;
}

/* Every entity with its ledger, one line each. */
static void
dump(struct world *w, struct store *s, space_id sp, struct buf *out)
{
	struct err_info e = { 0 };

	buf_reset(out);
	(void)world_ok(w,
	    store_entities(s, sp, STR(""), NULL, dump_entity, out, &e), &e,
	    "dump");
}

/* The first line in which they differ. */
static void
tell_difference(struct world *w, unsigned team, unsigned machine,
    struct str hub, struct str here)
{
	struct str a = { 0 }, b = { 0 };

	while (str_split(&hub, '\n', &a) && str_split(&here, '\n', &b) &&
	    str_eq(a, b))
		continue;
	world_fail(w,
	    "machine %u and the hub differ in %s:\n  hub  %.*s\n"
	    "  here %.*s",
	    machine, team_slug(team), STR_ARG(a), STR_ARG(b));
	if (w->trace)
		printf("hub  %.*s\nhere %.*s\n", STR_ARG(a), STR_ARG(b));
}

static void
check_state(struct world *w, unsigned team, struct machine *m,
    const struct space *hub, const struct space *here)
{
	struct buf ours = { 0 }, theirs = { 0 };
	bool same = memcmp(hub->digest, here->digest, sizeof hub->digest) == 0;

	/* The digest is one witness, what is shown another. */
	if (!same || w->seed % 4 == 0) {
		dump(w, w->hub.store, w->hub.space[team], &theirs);
		dump(w, m->store, m->space[team], &ours);
		if (!str_eq(buf_str(&ours), buf_str(&theirs)))
			tell_difference(w, team, m->no, buf_str(&theirs),
			    buf_str(&ours));
		else if (!same)
			world_fail(w,
			    "machine %u and the hub show the same in "
			    "%s with different digests",
			    m->no, team_slug(team));
	}
	buf_fini(&ours);
	buf_fini(&theirs);
}

static void
check_machine(struct world *w, struct machine *m, const struct team_log *log,
    const struct space *hub)
{
	struct machine_log l = { m, log, 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct space here;

	if (!world_ok(w,
	        store_space_get(m->store, m->space[log->team], &a, &here, &e),
	        &e, "space"))
		goto done;
	if (here.unacked > 0)
		world_fail(w, "machine %u: %llu events of %s are never sent",
		    m->no, (unsigned long long)here.unacked,
		    team_slug(log->team));
	if (here.pulled != log->n)
		world_fail(w, "machine %u: pulled %llu of %llu of %s", m->no,
		    (unsigned long long)here.pulled, (unsigned long long)log->n,
		    team_slug(log->team));
	(void)world_ok(w,
	    store_log(m->store, m->space[log->team], 0, 0, machine_row, &l, &e),
	    &e, "log");
	if (here.events != log->n + l.refused)
		world_fail(w,
		    "machine %u: %llu events of %s, the hub has %llu, "
		    "%llu are refused",
		    m->no, (unsigned long long)here.events,
		    team_slug(log->team), (unsigned long long)log->n,
		    (unsigned long long)l.refused);
	if (!w->failed)
		check_state(w, log->team, m, hub, &here);
done:
	arena_fini(&a);
}

/* --- what was made ------------------------------------------------------------------------- */

/* In the log, or listed as refused where it was made. */
static void
check_made(struct world *w, const struct made *made, const struct team_log *log)
{
	struct machine *m = &w->machine[made->machine];
	struct arena a = { 0 };
	struct err_info e = { 0 };
	char text[EID_TEXT_MAX];
	struct log_row row;

	if (made->team != log->team || made->may_be_lost ||
	    map_get(&log->ids, eid_key(&made->id)) != NULL)
		return;
	(void)eid_format(&made->id, text);
	if (store_event(m->store, m->space[made->team], &made->id, &a, &row,
	        &e) != ERR_OK)
		world_fail(w, "%s, made at machine %u in %s, is lost", text,
		    m->no, team_slug(made->team));
	else if (row.status != EVENT_REFUSED)
		world_fail(w, "%s, made at machine %u in %s, is not at the hub",
		    text, m->no, team_slug(made->team));
	arena_fini(&a);
}

static void
finding(void *ctx, const char *text)
{
	world_fail(ctx, "verify: %s", text);
}

static void
verify(struct world *w, struct store *s)
{
	struct store_report report = { 0 };
	struct err_info e = { 0 };

	(void)world_ok(w, store_verify(s, &report, finding, NULL, w, &e), &e,
	    "verify");
}

/* Where no old message can come late, what a machine did first stands first. */
static bool
orderly(const struct plan *p)
{
	return !p->shares && p->clones == 0 && p->rewinds == 0 &&
	    p->aborts == 0 && p->doubled == 0 && p->late == 0 &&
	    p->restores == 0 && p->delay_ms * 2 < p->timeout_ms;
}

static void
check_order(struct world *w, const struct team_log *log, unsigned machine)
{
	uint64_t last = 0;

	for (size_t i = 0; i < w->n_made; i++) {
		const struct made *m = &w->made[i];
		const struct stands *at;

		if (m->machine != machine || m->team != log->team)
			continue;
		at = map_get(&log->ids, eid_key(&m->id));
		if (at == NULL || m->sent_again)
			continue;
		if (at->clock <= last)
			world_fail(w,
			    "machine %u: an event of %s stands at clock "
			    "%llu, one made before it at %llu",
			    machine, team_slug(log->team),
			    (unsigned long long)at->clock,
			    (unsigned long long)last);
		last = at->clock;
	}
}

static void
check_team(struct world *w, struct team_log *log)
{
	struct err_info e = { 0 };
	struct space hub;

	(void)world_ok(w,
	    store_log(w->hub.store, w->hub.space[log->team], 0, 0, hub_row, log,
	        &e),
	    &e, "hub log");
	if (!world_ok(w,
	        store_space_get(w->hub.store, w->hub.space[log->team], &log->a,
	            &hub, &e),
	        &e, "hub space"))
		return;
	if (hub.events != log->n)
		world_fail(w, "%s: %llu events, %llu in the log",
		    team_slug(log->team), (unsigned long long)hub.events,
		    (unsigned long long)log->n);
	for (unsigned i = 0; i < w->n_machines && !w->failed; i++)
		if (w->machine[i].space[log->team] != 0)
			check_machine(w, &w->machine[i], log, &hub);
	for (size_t i = 0; i < w->n_made && !w->failed; i++)
		check_made(w, &w->made[i], log);
	for (unsigned i = 0; i < w->n_machines && orderly(&w->plan); i++)
		check_order(w, log, i);
}

/* --- shared projects ----------------------------------------------------------------------- */

/* The team that a private project went to, as the hub knows it. */
static unsigned
shared_with(struct world *w, unsigned project)
{
	unsigned home = project_home(project), to = home;
	const struct entity *en = NULL;
	struct arena a = { 0 };
	struct err_info e = { 0 };
	char uuid[EID_TEXT_MAX];
	struct entity_key key;
	struct str team;

	project_uuid(project, uuid);
	key = (struct entity_key){ str_of(uuid), STR("project"), str_of(uuid) };
	if (!world_ok(w,
	        store_entity(w->hub.store, w->hub.space[home], &key, &en, &e),
	        &e, "project") ||
	    en == NULL)
		return home;
	team = entity_text(en, "team", &a);
	for (unsigned t = 0; t < SHARED_MAX; t++)
		if (str_is(team, team_slug(t)))
			to = t;
	arena_fini(&a);
	return to;
}

/* Everything of it that its first team has is in the one it was shared with. */
static void
check_shared(struct world *w, const struct team_log *log, unsigned project)
{
	unsigned home = project_home(project), to = shared_with(w, project);
	char text[EID_TEXT_MAX];

	for (size_t i = 0; i < w->n_made && to != home; i++) {
		const struct made *m = &w->made[i];

		if (m->project != project || m->team != home ||
		    map_get(&log[home].ids, eid_key(&m->id)) == NULL ||
		    map_get(&log[to].ids, eid_key(&m->id)) != NULL)
			continue;
		(void)eid_format(&m->id, text);
		world_fail(w, "%s of %s did not follow its project to %s", text,
		    team_slug(home), team_slug(to));
	}
}

void
check_world(struct world *w)
{
	struct team_log log[TEAMS_MAX] = { 0 };
	struct map numbers = { 0 };

	for (unsigned t = 0; t < TEAMS_MAX && !w->failed; t++) {
		log[t].w = w;
		log[t].team = t;
		log[t].numbers = &numbers;
		check_team(w, &log[t]);
	}
	for (unsigned p = 0; p < PROJECTS_MAX && !w->failed; p++)
		check_shared(w, log, p);
	for (unsigned t = 0; t < TEAMS_MAX; t++) {
		map_fini(&log[t].ids);
		arena_fini(&log[t].a);
		json_fini(&log[t].json);
	}
	map_fini(&numbers);
	if (w->failed || w->seed % 8 != 0)
		return;
	verify(w, w->hub.store);
	for (unsigned i = 0; i < w->n_machines; i++)
		verify(w, w->machine[i].store);
}
