/* What users, agents and other programs do.  Few entities, so that everybody
 * works on the same ones. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

enum { FEATURES = 2, PACKAGES = 2, TODOS = 3 };

static const char *const lanes[] = { "planned", "claimed", "in_progress",
	"for_review", "approved", "done", "blocked", "canceled" };
static const char *const statuses[] = { "pending", "in_progress", "completed" };
static const char *const words[] = { "login", "cache", "index", "tests", "docs",
	"wire" };

/* --- projects ---------------------------------------------------------------------- */

void
project_uuid(unsigned project, char out[EID_TEXT_MAX])
{
	int n = snprintf(out, EID_TEXT_MAX, "5a5a5a5a-0000-4000-8000-%012u",
	    project);

	if (n != 36)
		abort();
}

unsigned
project_of(struct str uuid)
{
	char ours[EID_TEXT_MAX];

	for (unsigned p = 0; p < PROJECTS_MAX; p++) {
		project_uuid(p, ours);
		if (str_is(uuid, ours))
			return p;
	}
	return PROJECTS_MAX;
}

unsigned
project_home(unsigned project)
{
	return project / 2;
}

static const struct entity *
look(struct machine *m, unsigned team, const char *uuid, const char *type,
    const char *key)
{
	const struct entity_key k = { str_of(uuid), str_of(type), str_of(key) };
	const struct entity *en = NULL;
	struct err_info e = { 0 };

	if (m->space[team] != 0)
		(void)world_ok(m->w,
		    store_entity(m->store, m->space[team], &k, &en, &e), &e,
		    "look");
	return en;
}

unsigned
project_team(struct machine *m, unsigned project)
{
	unsigned home = project_home(project);
	const struct entity *en;
	struct arena a = { 0 };
	char uuid[EID_TEXT_MAX];
	struct str team;

	project_uuid(project, uuid);
	en = look(m, home, uuid, "project", uuid);
	if (en != NULL) {
		team = entity_text(en, "team", &a);
		for (unsigned t = 0; t < SHARED_MAX; t++)
			if (m->space[t] != 0 && str_is(team, team_slug(t)))
				home = t;
	}
	arena_fini(&a);
	/* Somebody else's, that was shared with us. */
	for (unsigned t = 0; t < SHARED_MAX && m->space[home] == 0; t++)
		if (look(m, t, uuid, "project", uuid) != NULL)
			home = t;
	return home;
}

/* --- one command --------------------------------------------------------------------- */

struct doing {
	struct machine *m;
	struct t_rng *dice;
	unsigned team, project;
	char uuid[EID_TEXT_MAX];
	char feature[16], wp[8], key[48];
	struct buf payload;
	struct arena a;
	struct draft d;
	unsigned shared_to; /* SHARED_MAX: it shares nothing */
};

static unsigned
pick(struct doing *x, unsigned n)
{
	return (unsigned)t_below(x->dice, n);
}

static const char *
word(struct doing *x)
{
	return words[pick(x, sizeof words / sizeof words[0])];
}

static void about(struct doing *x, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void
about(struct doing *x, const char *type, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(x->key, sizeof x->key, fmt, ap) < 0)
		abort();
	va_end(ap);
	x->d.aggregate_type = str_of(type);
	x->d.aggregate_id = str_of(x->key);
}

static void
about_wp(struct doing *x)
{
	about(x, "work_package", "%s/%s", x->feature, x->wp);
	buf_addf(&x->payload, "{\"wp_id\":\"%s\",\"feature_slug\":\"%s\"",
	    x->wp, x->feature);
}

static void
about_todo(struct doing *x)
{
	about(x, "todo", "%032x", 7 + pick(x, TODOS));
}

static void
do_project(struct doing *x)
{
	about(x, "project", "%s", x->uuid);
	buf_addf(&x->payload, "{\"slug\":\"p%u\",\"title\":\"%s\"}", x->project,
	    word(x));
}

static void
do_share(struct doing *x)
{
	unsigned to = pick(x, SHARED_MAX);

	if (!x->m->w->plan.shares || x->team < SHARED_MAX ||
	    x->m->space[to] == 0) {
		do_project(x);
		x->d.type = STR("project_updated");
		return;
	}
	about(x, "project", "%s", x->uuid);
	buf_addf(&x->payload, "{\"team\":\"%s\"}", team_slug(to));
	x->shared_to = to;
}

/* A text of which one line is new: two such are often merged. */
static void
add_text(struct doing *x)
{
	unsigned changed = pick(x, 6);

	for (unsigned i = 0; i < 6; i++)
		buf_addf(&x->payload, "%s\\n",
		    i == changed ? word(x) : words[i]);
}

static void
do_feature(struct doing *x)
{
	about(x, "feature", "%s", x->feature);
	buf_addf(&x->payload,
	    "{\"feature_slug\":\"%s\",\"feature_number\":1,"
	    "\"title\":\"%s\",\"description\":\"",
	    x->feature, word(x));
	add_text(x);
	buf_adds(&x->payload, "\"}");
}

static void
do_wp(struct doing *x)
{
	about_wp(x);
	buf_addf(&x->payload, ",\"title\":\"%s\"}", word(x));
}

static void
do_tags(struct doing *x)
{
	about_wp(x);
	if (pick(x, 4) == 0)
		buf_addf(&x->payload, ",\"tags\":[\"%s\",\"%s\"]}", "ui",
		    word(x));
	else
		buf_addf(&x->payload,
		    ",\"tags\":{\"%s\":[\"%s\"]},"
		    "\"dependencies\":{\"add\":[\"WP%02u\"]}}",
		    pick(x, 2) ? "add" : "remove", word(x), 1 + pick(x, 5));
}

static void
do_move(struct doing *x)
{
	const struct entity *en;
	struct str lane = { 0 };

	about_wp(x);
	en = look(x->m, x->team, x->uuid, "work_package", x->key);
	if (en != NULL)
		lane = entity_text(en, "lane", &x->a);
	buf_addf(&x->payload,
	    ",\"from_lane\":\"%.*s\",\"to_lane\":\"%s\","
	    "\"actor\":\"ann\",\"reason\":\"%s\",\"force\":true}",
	    lane.p ? (int)lane.n : 7, lane.p ? lane.p : "planned",
	    lanes[pick(x, 8)], word(x));
}

static void
do_assign(struct doing *x)
{
	about_wp(x);
	buf_addf(&x->payload, ",\"agent_id\":\"%s\",\"phase\":\"review\"}",
	    word(x));
}

static void
do_history(struct doing *x)
{
	about_wp(x);
	buf_addf(&x->payload,
	    ",\"entry_type\":\"note\","
	    "\"entry_content\":\"%s\"}",
	    word(x));
}

static void
do_depend(struct doing *x)
{
	about_wp(x);
	buf_addf(&x->payload,
	    ",\"dependency_wp_id\":\"WP%02u\","
	    "\"resolution_type\":\"merged\"}",
	    1 + pick(x, 4));
}

static void
do_todo(struct doing *x)
{
	about_todo(x);
	buf_addf(&x->payload, "{\"content\":\"%s\",\"priority\":%u}", word(x),
	    pick(x, 3));
}

static void
do_status(struct doing *x)
{
	about_todo(x);
	buf_addf(&x->payload, "{\"status\":\"%s\"}", statuses[pick(x, 3)]);
}

/* A report replaces what its reporter said before, and here also whatever else
 * the dice say. */
static void
do_observe(struct doing *x)
{
	const struct cell *cell;
	const struct entity *en;
	struct eid *names;
	size_t n = 0;

	about_todo(x);
	buf_addf(&x->payload,
	    "{\"reporter\":\"claude-todos:s%u\","
	    "\"status\":\"%s\",\"active_form\":\"%s\"}",
	    pick(x, 3), statuses[pick(x, 3)], word(x));
	x->d.named = true;
	en = look(x->m, x->team, x->uuid, "todo", x->key);
	cell = en ? entity_cells(en, "status", &n) : NULL;
	if (cell == NULL)
		return;
	names = arena_array(&x->a, cell->n, sizeof *names);
	for (size_t i = 0; i < cell->n && names != NULL; i++)
		if (pick(x, 2) == 0)
			names[x->d.n_replaces++] = cell->head[i].id;
	x->d.replaces = names;
}

static void
do_item(struct doing *x)
{
	about(x, "work_item", "item-%u", pick(x, 2));
	buf_addf(&x->payload,
	    "{\"id\":\"%s\",\"schedule\":\"%s\","
	    "\"technical_tags\":[\"%s\"],"
	    "\"metadata\":{\"status\":\"%s\"},\"body\":\"",
	    x->key, pick(x, 2) ? "now" : "later", word(x), word(x));
	add_text(x);
	buf_adds(&x->payload, "\"}");
}

static void
do_item_progress(struct doing *x)
{
	about(x, "work_item", "item-%u", pick(x, 2));
	buf_addf(&x->payload, "{\"work_id\":\"%s\",\"update_type\":\"%s\"}",
	    x->key, word(x));
}

static void
do_item_delete(struct doing *x)
{
	about(x, "work_item", "item-%u", pick(x, 2));
	buf_addf(&x->payload, "{\"id\":\"%s\"}", x->key);
}

static void
do_session(struct doing *x)
{
	about(x, "session", "claude:s%u", pick(x, 2));
	buf_addf(&x->payload, "{\"session_id\":\"s\",\"cwd\":\"/%s\"}",
	    word(x));
}

static void
do_resolve(struct doing *x)
{
	about_wp(x);
	buf_reset(&x->payload);
	buf_addf(&x->payload,
	    "{\"conflict_id\":\"0011\",\"field\":\"title\","
	    "\"value\":\"%s\"}",
	    word(x));
}

static void
do_archive(struct doing *x)
{
	about_wp(x);
	buf_reset(&x->payload);
	buf_addf(&x->payload, "{\"value\":%s}", pick(x, 2) ? "true" : "false");
}

static void
do_wp_delete(struct doing *x)
{
	about_wp(x);
	buf_addc(&x->payload, '}');
}

static void
do_todo_delete(struct doing *x)
{
	about_todo(x);
	buf_adds(&x->payload, "{}");
}

static void
do_unknown(struct doing *x)
{
	about(x, "widget", "w%u", pick(x, 2));
	buf_addf(&x->payload, "{\"%s\":[1,{}]}", word(x));
}

/* A table is drawn by hand: */
/* clang-format off */
static const struct command {
	const char *type;
	void (*fill)(struct doing *x);
	unsigned weight;
} commands[] = {
	{ "project_created", do_project, 2 },
	{ "project_shared", do_share, 8 },
	{ "feature_created", do_feature, 3 },
	{ "feature_updated", do_feature, 10 },
	{ "wp_created", do_wp, 6 },
	{ "wp_updated", do_wp, 8 },
	{ "wp_updated", do_tags, 6 },
	{ "wp_status_changed", do_move, 20 },
	{ "wp_assigned", do_assign, 3 },
	{ "history_added", do_history, 4 },
	{ "dependency_resolved", do_depend, 2 },
	{ "wp_deleted", do_wp_delete, 2 },
	{ "archived", do_archive, 2 },
	{ "conflict_resolved", do_resolve, 3 },
	{ "todo_added", do_todo, 5 },
	{ "todo_updated", do_todo, 3 },
	{ "todo_status_changed", do_status, 6 },
	{ "todo_observed", do_observe, 12 },
	{ "todo_deleted", do_todo_delete, 2 },
	{ "work_item_changed", do_item, 4 },
	{ "work_item_progress", do_item_progress, 2 },
	{ "work_item_deleted", do_item_delete, 1 },
	{ "session_started", do_session, 1 },
	{ "session_heartbeat", do_session, 1 },
	{ "session_ended", do_session, 1 },
	{ "made_up", do_unknown, 2 },
};
/* clang-format on */

static const struct command *
draw(struct t_rng *dice)
{
	size_t n = sizeof commands / sizeof commands[0], i = 0;
	unsigned all = 0, at;

	for (size_t k = 0; k < n; k++)
		all += commands[k].weight;
	at = (unsigned)t_below(dice, all);
	while (at >= commands[i].weight)
		at -= commands[i++].weight;
	return &commands[i];
}

/* Who writes has seen everything that this machine has: its event comes last. */
static void
check_last(struct doing *x, const struct eid *id)
{
	const struct entity *en =
	    look(x->m, x->team, x->uuid, x->d.aggregate_type.p, x->key);

	if (en != NULL && !eid_eq(&en->last_id, id))
		world_fail(x->m->w,
		    "machine %u: what was just done to %s does "
		    "not come last",
		    x->m->no, x->key);
}

/* What the author saw: the ids that its event names. */
static enum err
note_sight(struct doing *x, struct made *made, struct err_info *e)
{
	struct world *w = x->m->w;
	struct json j = { 0 };
	struct log_row row;
	struct event ev;
	bool refused = false;
	enum err rc = store_event(x->m->store, x->m->space[x->team], &made->id,
	    &x->a, &row, e);

	if (rc == ERR_OK)
		rc = event_parse(&ev, &j, row.raw, &x->a, e);
	if (rc != ERR_OK)
		goto done;
	made->command = !x->d.named;
	made->n_sight = ev.n_replaces;
	made->sight =
	    arena_array(&w->mem, ev.n_replaces + 1, sizeof(struct eid));
	if (made->sight == NULL) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	for (size_t i = 0; i < ev.n_replaces; i++) {
		const struct made *m = witness_find(w, &ev.replaces[i]);

		made->sight[i] = ev.replaces[i];
		refused |= m != NULL && m->will_be_refused;
	}
	COUNT_N(w, built_on_refused, refused);
	made->will_be_refused = hub_refuses(w, &ev);
done:
	json_fini(&j);
	return rc;
}

static void
choose(struct doing *x, const struct command *c)
{
	struct machine *m = x->m;

	/* What this machine can see, of any team. */
	do {
		x->project = pick(x, PROJECTS_MAX);
		x->team = project_team(m, x->project);
	} while (m->space[x->team] == 0 && !m->w->failed);
	project_uuid(x->project, x->uuid);
	(void)snprintf(x->feature, sizeof x->feature, "%03u-f",
	    1 + pick(x, FEATURES));
	(void)snprintf(x->wp, sizeof x->wp, "WP%02u", 1 + pick(x, PACKAGES));
	x->d = (struct draft){ .type = str_of(c->type),
		.project_uuid = str_of(x->uuid),
		.author = STR("user:sim") };
	c->fill(x);
	x->d.payload = buf_str(&x->payload);
}

static enum err
do_one(struct machine *m, struct t_rng *dice, struct made *made,
    struct err_info *e)
{
	const struct command *c = draw(dice);
	struct doing x = { .m = m, .dice = dice, .shared_to = SHARED_MAX };
	enum err rc;

	choose(&x, c);
	*made = (struct made){
		.machine = m->no, .team = x.team, .project = x.project
	};
	rc = buf_ok(&x.payload, e);
	if (rc == ERR_OK)
		rc = store_author(m->store, m->space[x.team], &x.d, &made->id,
		    e);
	if (rc == ERR_OK)
		rc = note_sight(&x, made, e);
	if (rc == ERR_OK)
		check_last(&x, &made->id);
	if (rc == ERR_OK && x.shared_to < SHARED_MAX)
		m->w->shared[x.project][x.shared_to] = true;
	if (rc == ERR_OK && m->w->run.tell > TELL_NOTHING) {
		char id[EID_TEXT_MAX];

		(void)eid_format(&made->id, id);
		story(m->w, "machine %u: %s %s %s in %s: %.*s", m->no, id,
		    c->type, x.key, team_slug(x.team), STR_ARG(x.d.payload));
	}
	buf_fini(&x.payload);
	arena_fini(&x.a);
	return rc;
}

/* --- what was refused ------------------------------------------------------------- */

/* The same payload with one more member. */
static enum err
edit(const struct log_row *row, struct t_rng *dice, struct buf *out,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct event ev;
	enum err rc = event_parse(&ev, &j, row->raw, &a, e);

	if (rc == ERR_OK) {
		struct str old = json_raw(&j, ev.payload);

		buf_addf(out, "{\"edit-%llu\":true",
		    (unsigned long long)t_rand(dice));
		if (old.n > 2)
			buf_addc(out, ',');
		buf_add(out, old.p + 1, old.n - 1);
		rc = buf_ok(out, e);
	}
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static enum err
send_again(struct machine *m, unsigned team, const struct log_row *row,
    struct t_rng *dice, struct err_info *e)
{
	struct made *made = witness_find(m->w, &row->id);
	struct buf payload = { 0 };
	bool edits = row->own && !row->fixed && chance(dice, 60);
	enum err rc = edits ? edit(row, dice, &payload, e) : ERR_OK;

	if (rc == ERR_OK)
		rc = store_retry(m->store, m->space[team], &row->id,
		    buf_str(&payload), e);
	if (rc == ERR_OK && made != NULL)
		made->sent_again = true;
	COUNT_N(m->w, edits, edits);
	COUNT_N(m->w, retries, !edits);
	/* What it names has to go first. */
	if (rc == ERR_REFUSED && row->fixed && row->code == ERR_PARENT)
		rc = ERR_OK;
	buf_fini(&payload);
	return rc;
}

/* One that has some, where there is one. */
static unsigned
team_with_refused(struct machine *m, struct t_rng *dice)
{
	unsigned team = (unsigned)t_below(dice, TEAMS_MAX);

	for (unsigned i = 0; i < TEAMS_MAX; i++) {
		struct arena a = { 0 };
		struct err_info e = { 0 };
		struct space sp = { 0 };

		team = (team + 1) % TEAMS_MAX;
		if (m->space[team] != 0)
			(void)world_ok(m->w,
			    store_space_get(m->store, m->space[team], &a, &sp,
			        &e),
			    &e, "space");
		arena_fini(&a);
		if (sp.refused > 0)
			break;
	}
	return team;
}

/* Events that were refused are sent again or given up. */
static enum err
handle_refused(struct machine *m, unsigned team, struct t_rng *dice,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct log_row *row;
	size_t n = 0, at;
	enum err rc = ERR_OK;

	if (m->space[team] != 0)
		rc = store_refused(m->store, m->space[team], &a, &row, &n, e);
	if (rc == ERR_OK && n > 0) {
		at = (size_t)t_below(dice, n);
		story(m->w, "machine %u: a refused one goes on", m->no);
		if (chance(dice, 60)) {
			rc = send_again(m, team, &row[at], dice, e);
		} else {
			COUNT(m->w, discards);
			rc = store_discard(m->store, m->space[team],
			    &row[at].id, e);
		}
	}
	arena_fini(&a);
	return rc;
}

static enum err
retry_quota(struct machine *m, unsigned team, bool *any, struct err_info *e)
{
	struct arena a = { 0 };
	struct log_row *row;
	size_t n;
	enum err rc = store_refused(m->store, m->space[team], &a, &row, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct made *made = witness_find(m->w, &row[i].id);

		if (row[i].code != ERR_QUOTA)
			continue;
		*any = true;
		COUNT(m->w, retries);
		if (made != NULL)
			made->sent_again = true;
		rc = store_retry(m->store, m->space[team], &row[i].id, STR(""),
		    e);
	}
	arena_fini(&a);
	return rc;
}

bool
author_retry_quota(struct machine *m)
{
	struct err_info e = { 0 };
	bool any = false;
	enum err rc = store_begin(m->store, &e);

	for (unsigned t = 0; t < TEAMS_MAX && rc == ERR_OK; t++)
		if (m->space[t] != 0)
			rc = retry_quota(m, t, &any, &e);
	if (rc == ERR_OK)
		rc = store_commit(m->store, &e);
	if (rc != ERR_OK)
		store_rollback(m->store);
	(void)world_ok(m->w, rc, &e, "retry");
	return any;
}

/* --- a command line ------------------------------------------------------------------ */

enum { AT_ONCE_MAX = 4 };

static enum err
do_some(struct machine *m, struct t_rng *dice, struct made *made, unsigned n,
    struct err_info *e)
{
	enum err rc = store_begin(m->store, e);

	for (unsigned i = 0; i < n && rc == ERR_OK; i++)
		rc = do_one(m, dice, &made[i], e);
	if (rc == ERR_OK && chance(dice, 25))
		rc = handle_refused(m, team_with_refused(m, dice), dice, e);
	return rc;
}

void
author_command(struct machine *m, struct t_rng *dice)
{
	unsigned n = chance(dice, 80) ? 1 : 2 + (unsigned)t_below(dice, 3);
	bool struck, back = chance(dice, 5);
	struct err_info e = { 0 };
	struct made made[AT_ONCE_MAX];
	enum err rc;

	machine_follow_shares(m);
	m->id_dice = dice;
	machine_risk(m);
	rc = do_some(m, dice, made, n, &e);
	if (rc == ERR_OK && !back)
		rc = store_commit(m->store, &e);
	if (rc != ERR_OK || back)
		store_rollback(m->store);
	struck = machine_struck(m);
	m->id_dice = NULL;
	COUNT_N(m->w, taken_back, back);
	if (!struck)
		(void)world_ok(m->w, rc, &e, "command");
	if (rc != ERR_OK || back)
		return;
	/* It said that it is done. */
	COUNT_N(m->w, commands, n);
	for (unsigned i = 0; i < n; i++)
		witness_made(m->w, &made[i]);
	machine_follow_shares(m);
}

/* --- a program that names nothing ----------------------------------------------------------- */

/* f0f0f0f0-00<team>-4000-8000-<number> */
unsigned
foreign_team(const struct eid *id)
{
	return id->b[0] == 0xf0 && id->b[1] == 0xf0 ? id->b[5] : TEAMS_MAX;
}

/* What it writes: always the same few work packages. */
static void
foreign_payload(struct t_rng *d, unsigned wp, struct buf *out)
{
	const char *feature = chance(d, 50) ? "001-f" : "002-f";

	if (chance(d, 60))
		buf_addf(out,
		    "\"event_type\":\"WPStatusChanged\",\"payload\":"
		    "{\"wp_id\":\"WP%02u\",\"feature_slug\":\"%s\","
		    "\"from_lane\":\"%s\",\"to_lane\":\"%s\"},",
		    wp, feature, lanes[t_below(d, 8)], lanes[t_below(d, 8)]);
	else
		buf_addf(out,
		    "\"event_type\":\"WPCreated\",\"payload\":"
		    "{\"wp_id\":\"WP%02u\",\"feature_slug\":\"%s\","
		    "\"title\":\"%s\",\"dependencies\":[\"WP0%u\"]},",
		    wp, feature, words[t_below(d, 6)],
		    1 + (unsigned)t_below(d, 3));
}

static void
foreign_event(struct world *w, struct t_rng *d, struct buf *out)
{
	struct hubside *h = &w->hub;
	unsigned wp = 1 + (unsigned)t_below(d, PACKAGES);
	unsigned team = chance(d, 30) ? 1 : 0;
	uint64_t more = t_below(d, 4), ahead = 0;
	char uuid[EID_TEXT_MAX];

	/* Its clock knows nothing of others: its events come late.  It stands
	 * still at times: then the ids decide.  It leaps at times.  It gives an
	 * id twice at times, where no older hub can come back. */
	h->foreign_clock += more;
	if (chance(d, 5))
		ahead = UINT64_C(1) << 40;
	if (!chance(d, 8) || w->plan.restores > 0)
		h->foreign_no++;
	COUNT(w, foreign_events);
	COUNT_N(w, foreign_other_team, team > 0);
	COUNT_N(w, equal_clocks_of_a_node, more == 0);
	project_uuid(2 * team + (unsigned)t_below(d, 2), uuid);
	buf_addf(out, "{\"event_id\":\"f0f0f0f000%02x4000800000000%07llx\",",
	    team, (unsigned long long)h->foreign_no);
	foreign_payload(d, wp, out);
	if (team > 0)
		buf_addf(out, "\"team_slug\":\"%s\",", team_slug(team));
	buf_addf(out,
	    "\"aggregate_id\":\"WP%02u\",\"aggregate_type\":"
	    "\"WorkPackage\",\"lamport_clock\":%llu,\"node_id\":\"zoe\","
	    "\"project_uuid\":\"%s\",\"timestamp\":\"2026-01-01T00:00:00Z\"}",
	    wp, (unsigned long long)(h->foreign_clock + ahead), uuid);
}

void
author_foreign(struct world *w, struct t_rng *dice, struct buf *body)
{
	unsigned n = 1 + (unsigned)t_below(dice, 3);

	buf_adds(body, "{\"events\":[");
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_addc(body, ',');
		foreign_event(w, dice, body);
	}
	buf_adds(body, "]}");
}
