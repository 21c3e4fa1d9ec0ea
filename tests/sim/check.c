/* What must hold when everybody has talked to everybody (docs/merge.md, What must
 * be shown to hold). */
#include <stdio.h>
#include <stdlib.h>

#include "map.h"
#include "sim.h"

/* --- one log against another --------------------------------------------------------- */

static bool
allowed(struct world *w, unsigned team, const struct eid *id)
{
	const struct made *m = witness_find(w, id);

	if (m == NULL)
		return foreign_team(id) == team;
	if (m->team == team)
		return true;
	/* It came with its project, because somebody said so. */
	return team < SHARED_MAX && m->team == project_home(m->project) &&
	    w->shared[m->project][team];
}

/* The hub's word about who was signed in, however the event came. */
static bool
sent_by(struct world *w, const struct eid *id, struct str user)
{
	const struct made *m = witness_find(w, id);

	return str_is(user,
	    m != NULL ? account_name(w->machine[m->machine].account) : "zoe");
}

static struct number *
number_of(struct team_log *l, const struct eid *id, const struct event *ev,
    struct err_info *e)
{
	struct number *n;
	char text[EID_TEXT_MAX], *key;

	(void)eid_format(id, text);
	key = arena_fmt(&l->a, "%.*s:%llu %s", STR_ARG(ev->node),
	    (unsigned long long)ev->node_seq, text);
	n = key != NULL ? map_get(&l->numbers->found, str_of(key)) : NULL;
	if (key == NULL || n != NULL)
		goto done;
	n = arena_zero(&l->a, sizeof *n);
	if (n == NULL || !map_put(&l->numbers->found, str_of(key), n)) {
		n = NULL;
		goto done;
	}
	n->key = str_n(key, strlen(key) - strlen(text) - 1);
	n->id = *id;
	n->entered = UINT64_MAX;
	n->next = l->numbers->list;
	l->numbers->list = n;
done:
	if (n == NULL)
		(void)err_set(e, ERR_NOMEM);
	return n;
}

/* An event may stand in several teams: the row that came first is kept. */
static enum err
note_number(struct team_log *l, const struct log_row *row,
    const struct event *ev, struct err_info *e)
{
	uint64_t entered = witness_entered(l->w, l->team, &row->id);
	struct number *n;

	if (!ev->has_node_seq)
		return ERR_OK;
	n = number_of(l, &row->id, ev, e);
	if (n == NULL)
		return e->code;
	if (entered < n->entered) {
		n->team = l->team;
		n->entered = entered;
		n->relayed = row->relayed;
	}
	return ERR_OK;
}

/* The log is causally closed: what an event names stands before it, with a lesser
 * stamp. */
static void
check_named(struct team_log *l, const struct stands *of, const char *text)
{
	for (size_t i = 0; i < of->n_replaces; i++) {
		struct stands *at = map_get(&l->ids, eid_key(&of->replaces[i]));
		bool above =
		    at != NULL && stamp_cmp(&at->stamp, &of->stamp) >= 0;

		if (at == NULL)
			world_fail(l->w,
			    "%s: %s names what does not stand before it",
			    team_slug(l->team), text);
		else if (above && !of->relayed)
			world_fail(l->w,
			    "%s: %s names what has a greater stamp",
			    team_slug(l->team), text);
		if (at != NULL && !above)
			at->named = true;
	}
}

static enum err
stands_fill(struct team_log *l, struct stands *at, const struct log_row *row,
    struct event *ev, struct err_info *e)
{
	struct eid *names;

	at->raw = arena_str(&l->a, row->raw);
	at->user = arena_str(&l->a, row->user);
	if (at->raw.p == NULL || at->user.p == NULL)
		return err_set(e, ERR_NOMEM);
	if (event_parse(ev, &l->json, at->raw, &l->a, e) != ERR_OK)
		return e->code;
	names = arena_array(&l->a, ev->n_replaces + 1, sizeof *names);
	if (names == NULL)
		return err_set(e, ERR_NOMEM);
	if (ev->n_replaces > 0)
		memcpy(names, ev->replaces, ev->n_replaces * sizeof *names);
	at->id = row->id;
	at->stamp = event_stamp(ev);
	at->stamp.node = arena_str(&l->a, at->stamp.node);
	at->seq = row->pos;
	at->replaces = names;
	at->n_replaces = ev->n_replaces;
	at->has_replaces = ev->has_replaces;
	at->relayed = row->relayed;
	return at->stamp.node.p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
hub_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct team_log *l = ctx;
	struct stands *at = arena_zero(&l->a, sizeof *at);
	char text[EID_TEXT_MAX];
	struct event ev;

	if (at == NULL)
		return err_set(e, ERR_NOMEM);
	if (stands_fill(l, at, row, &ev, e) != ERR_OK)
		return e->code;
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
	if (!sent_by(l->w, &at->id, at->user))
		world_fail(l->w, "%s: %s is said to be sent by %.*s",
		    team_slug(l->team), text, STR_ARG(at->user));
	check_named(l, at, text);
	if (!map_put(&l->ids, eid_key(&at->id), at))
		return err_set(e, ERR_NOMEM);
	return note_number(l, row, &ev, e);
}

struct machine_log {
	struct machine *m;
	const struct team_log *hub;
	uint64_t refused;
	struct arena a;
	struct json json;
};

/* Its twin edited it, and it came here so by way of another space. */
static bool
changed_elsewhere(const struct machine_log *l, const struct log_row *row)
{
	const struct world *w = l->m->w;
	const struct made *m = witness_find(l->m->w, &row->id);

	return m != NULL && m->sent_again && row->code == ERR_SCHEMA &&
	    w->plan.shares > 0 && w->plan.clones + w->plan.rewinds > 0;
}

/* Its content is known elsewhere and cannot change, and the hub refused what it
 * names: until that goes again, or for ever where it was given up meanwhile. */
static bool
built_on_refused(struct machine_log *l, const struct event *ev,
    const struct log_row *row)
{
	struct machine *m = l->m;
	bool found = row->code == ERR_PARENT && row->discarded;

	for (size_t i = 0; row->code == ERR_PARENT && i < ev->n_replaces; i++) {
		struct err_info e = { 0 };
		struct log_row named;

		found = found ||
		    (store_event(m->store, m->space[l->hub->team],
		         &ev->replaces[i], &l->a, &named, &e) == ERR_OK &&
		        named.status == EVENT_REFUSED);
	}
	return found && (row->fixed || !row->own);
}

static enum err
refused_row(struct machine_log *l, const struct log_row *row, const char *text,
    bool there, struct err_info *e)
{
	struct event ev;

	l->refused++;
	arena_reset(&l->a);
	if (event_parse(&ev, &l->json, row->raw, &l->a, e) != ERR_OK)
		return e->code;
	if (!hub_may_refuse(l->m->w, &ev, row) && !changed_elsewhere(l, row) &&
	    !built_on_refused(l, &ev, row))
		world_fail(l->m->w, "machine %u: %s is refused: %s: %.*s",
		    l->m->no, text, err_wire(row->code), STR_ARG(row->why));
	if (there)
		world_fail(l->m->w,
		    "machine %u: %s is refused and in "
		    "the log of %s",
		    l->m->no, text, team_slug(l->hub->team));
	return ERR_OK;
}

static void
check_copy(struct machine_log *l, const struct log_row *row,
    const struct stands *at, const char *text)
{
	struct world *w = l->m->w;
	unsigned no = l->m->no;

	if (row->seq != at->seq)
		world_fail(w,
		    "machine %u: %s has the seq %llu, at the hub %llu", no,
		    text, (unsigned long long)row->seq,
		    (unsigned long long)at->seq);
	if (!str_eq(row->raw, at->raw))
		world_fail(w,
		    "machine %u: %s is not what the hub has:\n  hub  %.*s\n"
		    "  here %.*s",
		    no, text, STR_ARG(at->raw), STR_ARG(row->raw));
	/* Who pushed it need not be told who that was. */
	if (row->user.n > 0 && !str_eq(row->user, at->user))
		world_fail(w, "machine %u: %s was sent by %.*s, and here %.*s",
		    no, text, STR_ARG(at->user), STR_ARG(row->user));
}

static enum err
machine_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct machine_log *l = ctx;
	struct stands *at = map_get(&l->hub->ids, eid_key(&row->id));
	char text[EID_TEXT_MAX];

	(void)eid_format(&row->id, text);
	if (row->status == EVENT_REFUSED)
		return refused_row(l, row, text, at != NULL, e);
	if (at == NULL || row->status != EVENT_ACKED) {
		world_fail(l->m->w,
		    "machine %u: %s in %s: here %d, at the hub %d", l->m->no,
		    text, team_slug(l->hub->team), (int)row->status,
		    at != NULL);
		return ERR_OK;
	}
	if (at->there == l->m->no + 1)
		world_fail(l->m->w, "machine %u: %s is there twice", l->m->no,
		    text);
	at->there = l->m->no + 1;
	check_copy(l, row, at, text);
	return ERR_OK;
}

/* --- state ------------------------------------------------------------------------------ */

struct dump {
	struct world *w;
	struct buf *out;
};

static enum err
dump_entity(void *ctx, const struct entity *en, struct err_info *e)
{
	static const enum count kinds[] = {
		[ROW_OPEN] = COUNT_open_conflicts,
		[ROW_AUTO] = COUNT_decided_conflicts,
		[ROW_MERGED] = COUNT_decided_conflicts,
		[ROW_RESOLVED] = COUNT_resolved_conflicts,
	};
	struct dump *d = ctx;
	struct json_writer w = { .out = d->out };
	enum err rc = entity_write_json(en, &w, e);
	struct arena a = { 0 };
	struct row *row;
	size_t n;

	if (rc == ERR_OK)
		rc = entity_ledger(en, &a, &row, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		buf_adds(d->out, " ");
		for (size_t k = 0; k < sizeof row[i].id; k++)
			buf_addf(d->out, "%02x", row[i].id[k]);
		buf_addf(d->out, ":%s", row_state_name(row[i].state));
		for (size_t k = 0; k < row[i].n_closers; k++) {
			buf_addc(d->out, '/');
			eid_add(d->out, &row[i].closer[k]);
		}
		d->w->count[kinds[row[i].state]]++;
	}
	buf_addc(d->out, '\n');
	arena_fini(&a);
	return rc;
}

/* Every entity with its ledger, one line each. */
static void
dump(struct world *w, struct store *s, space_id sp, struct buf *out)
{
	struct dump d = { w, out };
	struct err_info e = { 0 };

	buf_reset(out);
	(void)world_ok(w,
	    store_entities(s, sp, STR(""), NULL, dump_entity, &d, &e), &e,
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
	if (w->run.tell == TELL_ALL)
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
	struct machine_log l = { .m = m, .hub = log };
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
	json_fini(&l.json);
	arena_fini(&l.a);
	arena_fini(&a);
}

/* --- what was made ------------------------------------------------------------------------- */

static bool
refused_at(struct world *w, struct machine *m, unsigned team,
    const struct eid *id)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct log_row row;
	enum err rc = ERR_NOT_FOUND;

	if (machine_there(m) && m->space[team] != 0)
		rc = store_event(m->store, m->space[team], id, &a, &row, &e);
	if (rc != ERR_NOT_FOUND)
		(void)world_ok(w, rc, &e, "look what was made up");
	arena_fini(&a);
	return rc == ERR_OK && row.status == EVENT_REFUSED;
}

/* In the log, or listed as refused where it was made: there, or at a clone of
 * that machine where it was set back. */
static void
check_made(struct world *w, const struct made *made, const struct team_log *log)
{
	bool refused;
	char text[EID_TEXT_MAX];

	if (made->team != log->team || made->may_be_lost ||
	    map_get(&log->ids, eid_key(&made->id)) != NULL)
		return;
	refused =
	    refused_at(w, &w->machine[made->machine], made->team, &made->id);
	for (unsigned i = 0;
	     w->plan.rewinds > 0 && !refused && i < w->n_machines; i++)
		refused = refused_at(w, &w->machine[i], made->team, &made->id);
	(void)eid_format(&made->id, text);
	if (!refused)
		world_fail(w, "%s, made at machine %u in %s, is lost", text,
		    made->machine, team_slug(made->team));
}

/* Edited, taken in, and then both the hub and its author were set back to before
 * that. */
static bool
refused_again(struct world *w, const struct said *s)
{
	bool refused = false;

	for (unsigned i = 0; w->plan.restores > 0 && i < w->n_machines; i++)
		refused |= refused_at(w, &w->machine[i], s->team, &s->id);
	return refused;
}

/* Whatever the hub took in, once, from anybody. */
static void
check_accepted(struct world *w, const struct team_log *log)
{
	char text[EID_TEXT_MAX];

	for (const struct said *s = w->said; s != NULL; s = s->next) {
		if (s->team != log->team || !s->accepted || s->may_be_lost ||
		    map_get(&log->ids, eid_key(&s->id)) != NULL ||
		    refused_again(w, s))
			continue;
		(void)eid_format(&s->id, text);
		world_fail(w, "%s: %s was accepted and is lost",
		    team_slug(log->team), text);
	}
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
		/* While it waited, what was done later went. */
		if (at == NULL || m->sent_again || m->waited)
			continue;
		if (at->stamp.clock <= last)
			world_fail(w,
			    "machine %u: an event of %s stands at clock "
			    "%llu, one made before it at %llu",
			    machine, team_slug(log->team),
			    (unsigned long long)at->stamp.clock,
			    (unsigned long long)last);
		last = at->stamp.clock;
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
		if (machine_there(&w->machine[i]) &&
		    w->machine[i].space[log->team] != 0)
			check_machine(w, &w->machine[i], log, &hub);
	for (size_t i = 0; i < w->n_made && !w->failed; i++)
		check_made(w, &w->made[i], log);
	check_accepted(w, log);
	COUNT_N(w, long_logs, log->n > 256);
	for (unsigned i = 0; i < w->n_machines && orderly(&w->plan); i++)
		check_order(w, log, i);
	if (!w->failed)
		laws_check(log);
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

/* Everything of it that its first team has is in the one it was shared with, or was
 * refused there (and perhaps sent again in the first one only, having been given
 * up in the other). */
static void
check_shared(struct world *w, const struct team_log *log, unsigned project)
{
	unsigned home = project_home(project), to = shared_with(w, project);
	char text[EID_TEXT_MAX];

	COUNT_N(w, shared_projects, to != home);
	for (size_t i = 0; i < w->n_made && to != home; i++) {
		const struct made *m = &w->made[i];

		if (m->project != project || m->team != home ||
		    map_get(&log[home].ids, eid_key(&m->id)) == NULL ||
		    map_get(&log[to].ids, eid_key(&m->id)) != NULL ||
		    refused_at(w, &w->machine[m->machine], to, &m->id))
			continue;
		(void)eid_format(&m->id, text);
		world_fail(w, "%s of %s did not follow its project to %s", text,
		    team_slug(home), team_slug(to));
	}
}

/* --- numbers of nodes ---------------------------------------------------------------------- */

/* Two events of one node with one number are a fork that was let in.  Not so what
 * was sent on by somebody who knew that it had been admitted once: its number is
 * not judged again, neither then nor when its author, who did not hear of it,
 * brings the same event to another team. */
static void
check_numbers(struct world *w, const struct numbers *numbers)
{
	struct map taken = { 0 };

	for (struct number *n = numbers->list; n != NULL && !w->failed;
	     n = n->next) {
		const struct number *other;
		char text[2][EID_TEXT_MAX];

		if (n->relayed)
			continue;
		other = map_get(&taken, n->key);
		if (other == NULL) {
			if (!map_put(&taken, n->key, n))
				abort();
			continue;
		}
		(void)eid_format(&n->id, text[0]);
		(void)eid_format(&other->id, text[1]);
		world_fail(w, "%s: %.*s stands for %s and %s",
		    team_slug(n->team), STR_ARG(n->key), text[0], text[1]);
	}
	map_fini(&taken);
}

void
check_world(struct world *w)
{
	struct team_log log[TEAMS_MAX] = { 0 };
	struct numbers numbers = { 0 };

	witness_hold(w);
	for (unsigned t = 0; t < TEAMS_MAX && !w->failed; t++) {
		log[t].w = w;
		log[t].team = t;
		log[t].numbers = &numbers;
		check_team(w, &log[t]);
	}
	check_numbers(w, &numbers);
	for (unsigned p = 0; p < PROJECTS_MAX && !w->failed; p++)
		check_shared(w, log, p);
	for (unsigned t = 0; t < TEAMS_MAX; t++) {
		map_fini(&log[t].ids);
		arena_fini(&log[t].a);
		json_fini(&log[t].json);
	}
	map_fini(&numbers.found);
	if (w->failed || w->seed % 8 != 0)
		return;
	verify(w, w->hub.store);
	for (unsigned i = 0; i < w->n_machines; i++)
		if (machine_there(&w->machine[i]))
			verify(w, w->machine[i].store);
}
