/* wp: work packages.  This file has the verbs that write; cmd_wp_list.c those
 * that show. */
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "deed.h"
#include "edit.h"
#include "fault.h"
#include "ids.h"
#include "input.h"
#include "map.h"
#include "show.h"
#include "view.h"
#include "words.h"
#include "wp.h"

enum { LANE_SIDES_MAX = LANE_RANK_MAX + 1 };

/* --- naming others ------------------------------------------------------------------ */

/* A dependency as it was typed becomes the id of a work package of the same
 * feature. */
struct needs {
	struct work *w;
	struct str feature;
	struct str self;         /* id; n 0 while it is not made yet */
	const struct entity *en; /* the same; NULL */
};

static enum err
need_named(void *ctx, struct str typed, struct str *ret, struct err_info *e)
{
	struct needs *n = ctx;
	char *feature = arena_dup(n->w->a, n->feature);
	char *word = arena_dup(n->w->a, typed);
	struct wp_name wp;
	enum err rc;

	if (feature == NULL || word == NULL)
		return err_set(e, ERR_NOMEM);
	rc = work_wp(n->w, feature, word, &wp, e);
	if (rc != ERR_OK)
		return rc;
	if (!str_eq(wp.feature, n->feature))
		return err_setf(e, ERR_REFUSED,
		    "%.*s is of another feature: work packages wait for those "
		    "of their own",
		    STR_ARG(wp.key));
	if (str_eq(wp.id, n->self))
		return err_setf(e, ERR_REFUSED, "%.*s cannot wait for itself",
		    STR_ARG(wp.id));
	*ret = wp.id;
	return ERR_OK;
}

/* --- add -------------------------------------------------------------------------- */

struct greatest {
	uint64_t number;
};

static enum err
number_one(void *ctx, const struct entity *en, struct err_info *e)
{
	struct greatest *g = ctx;
	struct str feature, id;
	uint64_t number;

	(void)e;
	/* Removed ones count: their ids are not used again. */
	if (id_wp_split(en->key, &feature, &id) && id_wp_number(id, &number) &&
	    number > g->number)
		g->number = number;
	return ERR_OK;
}

static enum err
any_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	(void)row, (void)e;
	*(bool *)ctx = true;
	return ERR_OK;
}

/* The next free number with the letters of this replica.  A number whose only
 * events were refused is not free: they may be sent again. */
static enum err
new_name(struct work *w, struct str feature, struct wp_name *ret,
    struct err_info *e)
{
	struct greatest g = { 0 };
	char node[33], suffix[ID_SUFFIX_LEN + 1];
	struct entity_key key = { .project = w->project,
		.type = STR("work_package") };
	char *prefix = arena_fmt(w->a, "%.*s/", STR_ARG(feature)), *made;
	bool taken = true;
	enum err rc =
	    prefix ? store_node(w->s, node, e) : err_set(e, ERR_NOMEM);

	if (rc == ERR_OK)
		rc = store_entities_prefix(w->s, w->space, w->project,
		    "work_package", str_of(prefix), number_one, &g, e);
	if (rc == ERR_OK)
		id_suffix(node, suffix);
	while (rc == ERR_OK && taken) {
		made = arena_fmt(w->a, "%sWP%02llu-%s", prefix,
		    (unsigned long long)++g.number, suffix);
		if (made == NULL)
			return err_set(e, ERR_NOMEM);
		key.key = ret->key = str_of(made);
		taken = false;
		rc = store_entity_log(w->s, w->space, &key, any_row, &taken, e);
	}
	if (rc == ERR_OK)
		(void)id_wp_split(ret->key, &ret->feature, &ret->id);
	return rc;
}

static enum err
add_payload(struct work *w, const struct wp_name *wp, struct str title,
    struct payload *p, struct err_info *e)
{
	const char *description = cli_opt(w->c, "description");
	const char *priority = cli_opt(w->c, "priority");
	struct needs needs = { .w = w, .feature = wp->feature };
	struct str s;
	size_t n;
	enum err rc = ERR_OK;

	json_key(&p->w, "wp_id"), json_put_str(&p->w, wp->id);
	json_key(&p->w, "title"), json_put_str(&p->w, title);
	json_key(&p->w, "feature_slug"), json_put_str(&p->w, wp->feature);
	if (description != NULL) {
		rc = input_text("the description", description, INPUT_TEXT_MAX,
		    &s, e);
		if (rc == ERR_OK)
			json_key(&p->w, "description"), json_put_str(&p->w, s);
	}
	if (rc == ERR_OK && priority != NULL) {
		rc = input_priority(w->a, priority, &s, e);
		if (rc == ERR_OK)
			json_key(&p->w, "priority"), json_put_raw(&p->w, s);
	}
	if (rc == ERR_OK && cli_has(w->c, "depends")) {
		json_key(&p->w, "dependencies");
		rc = edit_list(w, "depends", need_named, &needs, &p->w, &n, e);
	}
	if (rc == ERR_OK && cli_has(w->c, "tag")) {
		json_key(&p->w, "tags");
		rc = edit_list(w, "tag", NULL, NULL, &p->w, &n, e);
	}
	return rc;
}

static enum err
add(struct work *w, struct wp_name *wp, struct str *title, bool *guessed,
    struct err_info *e)
{
	struct payload p;
	struct str feature = { 0 };
	enum err rc = input_line(w->a, "the title", cli_arg(w->c, 0),
	    INPUT_TITLE_MAX, title, e);

	if (rc == ERR_OK)
		rc = work_feature(w, cli_opt(w->c, "feature"), &feature, e);
	*guessed = rc == ERR_OK && w->feature_guessed;
	if (rc == ERR_OK)
		rc = new_name(w, feature, wp, e);
	if (rc != ERR_OK)
		return rc;
	payload_begin(&p);
	rc = add_payload(w, wp, *title, &p, e);
	if (rc != ERR_OK) {
		buf_fini(&p.b);
		return rc;
	}
	rc = work_author(w, "wp_created", AGG_WORK_PACKAGE, wp->key, &p, NULL,
	    e);
	return rc == ERR_OK ? work_feature_used(w, feature, e) : rc;
}

/* Nobody named the feature, and there are others. */
static void
say_guessed(struct cli *c, const struct wp_name *wp)
{
	out_note(c->out, PAINT_WARN,
	    "note: %.*s is in %.*s, the feature used last here (--feature "
	    "names another)",
	    STR_ARG(wp->id), STR_ARG(wp->feature));
}

static enum err
add_run(struct cli *c, struct err_info *e)
{
	struct wp_name wp = { 0 };
	struct str title = { 0 };
	bool guessed = false;
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = add(&w, &wp, &title, &guessed, e);
	rc = work_end(&w, rc, e);
	if (rc != ERR_OK)
		return rc;
	show_added(c, wp.id, id_wp_short(wp.id), title, wp.feature);
	if (guessed)
		say_guessed(c, &wp);
	return ERR_OK;
}

/* --- what the other verbs begin with ------------------------------------------------ */

static enum err
target(struct work *w, struct wp_name *wp, const struct entity **en,
    struct err_info *e)
{
	const char *feature = cli_opt(w->c, "feature");
	enum err rc = work_wp(w, feature, cli_arg(w->c, 0), wp, e);

	if (rc == ERR_NOT_FOUND)
		return show_was_removed(w, AGG_WORK_PACKAGE, feature,
		    cli_arg(w->c, 0), e);
	if (rc == ERR_OK)
		rc = work_entity(w, AGG_WORK_PACKAGE, wp->key, en, e);
	if (rc == ERR_OK && *en == NULL)
		rc = err_setf(e, ERR_NOT_FOUND,
		    "there is no work package '%.*s'", STR_ARG(wp->key));
	return rc;
}

static void
put_names(struct payload *p, const struct wp_name *wp)
{
	json_key(&p->w, "wp_id"), json_put_str(&p->w, wp->id);
	/* A work package of another program may be of no feature. */
	if (!str_is(wp->feature, "unplaced")) {
		json_key(&p->w, "feature_slug");
		json_put_str(&p->w, wp->feature);
	}
}

static enum err
author(struct work *w, const char *type, const struct wp_name *wp,
    struct payload *p, struct eid *id, struct err_info *e)
{
	uint64_t number;
	enum err rc = work_author(w, type, AGG_WORK_PACKAGE, wp->key, p, id, e);

	if (rc == ERR_OK && id_feature_number(wp->feature, &number))
		rc = work_feature_used(w, wp->feature, e);
	return rc;
}

/* --- move ------------------------------------------------------------------------- */

struct move {
	struct str from, to, actor, reason, review_ref;
	struct str side[LANE_SIDES_MAX]; /* that differ, in an open conflict */
	size_t sides;
	bool force;
	struct eid event;
	struct str waits; /* what it still waits for */
};

static enum err
move_options(struct work *w, struct move *m, struct err_info *e)
{
	struct cli *c = w->c;
	const struct {
		const char *option;
		struct str *to;
	} row[] = { { "actor", &m->actor }, { "reason", &m->reason },
		{ "review-ref", &m->review_ref } };
	enum err rc = ERR_OK;

	m->force = cli_has(c, "force");
	m->to = str_of(cli_arg(c, 1));
	if (lane_normal(m->to).p != NULL)
		m->to = lane_normal(m->to);
	for (size_t i = 0; rc == ERR_OK && i < sizeof row / sizeof *row; i++)
		if (cli_opt(c, row[i].option) != NULL)
			rc = input_line(w->a, row[i].option,
			    cli_opt(c, row[i].option), INPUT_TITLE_MAX,
			    row[i].to, e);
	if (m->actor.n == 0)
		m->actor = deed_author(w->draft.author);
	return rc;
}

/* It is there already: who brought it there? */
static enum err
there_already(struct work *w, const struct wp_name *wp, const struct entity *en,
    const struct move *m, struct err_info *e)
{
	const struct head *h = entity_shown(en, "lane");
	struct deed d = { 0 };
	struct str who = { 0 };
	struct buf lane = { 0 };
	enum err rc = ERR_OK;

	if (h != NULL)
		rc = deed_load(&d, w->s, w->space, &h->id, e);
	if (rc == ERR_OK && h != NULL) {
		who = words_member(&d.ev, "actor", &d.a);
		who = who.n > 0 ? deed_author(who) : deed_who(&d, &d.a);
	}
	words_lane(m->to, &lane);
	if (rc == ERR_OK)
		rc = buf_ok(&lane, e);
	if (rc == ERR_OK && who.n > 0)
		rc = err_setf(e, ERR_REFUSED, "%.*s is %s already, by %.*s",
		    STR_ARG(wp->key), lane.data, STR_ARG(who));
	else if (rc == ERR_OK)
		rc = err_setf(e, ERR_REFUSED, "%.*s is %s already",
		    STR_ARG(wp->key), lane.data);
	buf_fini(&lane);
	deed_fini(&d);
	return rc;
}

static enum err
find_waits(struct work *w, const struct wp_name *wp, const struct entity *en,
    struct move *m, struct err_info *e)
{
	struct views l = { 0 };
	size_t n;
	enum err rc;

	/* Only where work begins, and only where it waits for anything. */
	if ((!str_is(m->to, "claimed") && !str_is(m->to, "in_progress")) ||
	    entity_cells(en, "dependencies", &n) == NULL)
		return ERR_OK;
	rc = views_load(w, w->space, w->project, AGG_WORK_PACKAGE, wp->feature,
	    &l, e);
	for (size_t i = 0; rc == ERR_OK && i < l.n; i++)
		if (str_eq(l.v[i].key, wp->key))
			m->waits = l.v[i].waits;
	views_fini(&l);
	return rc;
}

/* The lanes between which an open conflict stands; none where it is settled. */
static enum err
find_sides(const struct entity *en, struct arena *a, struct move *m,
    struct err_info *e)
{
	struct arena scratch = { 0 };
	struct row *row = NULL;
	const struct cell *c;
	bool open = false;
	size_t n = 0;
	enum err rc = ERR_OK;

	c = entity_cells(en, "lane", &n);
	if (c == NULL || c->n < 2)
		return ERR_OK;
	rc = entity_ledger(en, &scratch, &row, &n, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		open |=
		    row[i].state == ROW_OPEN && str_is(row[i].field, "lane");
	arena_fini(&scratch);
	for (size_t i = 0; rc == ERR_OK && open && i < c->n; i++) {
		struct str v = c->head[i].value, lane;
		bool known = false;

		if (v.n < 3 || v.p[0] != '"')
			continue;
		lane = lane_normal(arena_str(a, str_n(v.p + 1, v.n - 2)));
		for (size_t k = 0; k < m->sides; k++)
			known |= str_eq(m->side[k], lane);
		if (lane.n > 0 && !known && m->sides < LANE_SIDES_MAX)
			m->side[m->sides++] = lane;
	}
	return rc;
}

/* Where sides differ, each of them may be chosen, and what is allowed from one of
 * them is allowed. */
static enum err
move_check(struct move *m, struct err_info *e)
{
	struct err_info ignore = { 0 };
	enum err rc;

	for (size_t i = 0; i < m->sides; i++)
		if (str_eq(m->side[i], m->to))
			return ERR_OK;
	rc = lane_move_check(m->from, m->to, m->actor, m->reason, m->review_ref,
	    m->force, e);
	for (size_t i = 0; rc == ERR_REFUSED && i < m->sides; i++) {
		if (lane_move_check(m->side[i], m->to, m->actor, m->reason,
		        m->review_ref, m->force, &ignore) != ERR_OK)
			continue;
		m->from = m->side[i];
		*e = (struct err_info){ 0 };
		rc = ERR_OK;
	}
	return rc;
}

/* Nothing would change; but why it is blocked may be said later, or anew. */
static bool
moves_nowhere(const struct move *m)
{
	return str_eq(m->from, m->to) && m->sides < 2 &&
	    !(str_is(m->to, "blocked") && m->reason.n > 0);
}

static enum err
move(struct work *w, struct wp_name *wp, struct move *m, struct err_info *e)
{
	const struct entity *en = NULL;
	struct payload p;
	enum err rc = move_options(w, m, e);

	/* A word that is no lane is wrong for any work package. */
	if (rc == ERR_OK && lane_rank(m->to) < 0)
		rc = lane_move_check(STR("planned"), m->to, m->actor, m->reason,
		    m->review_ref, m->force, e);
	if (rc == ERR_OK)
		rc = target(w, wp, &en, e);
	if (rc != ERR_OK)
		return rc;
	m->from = lane_normal(entity_text(en, "lane", w->a));
	if (m->from.n == 0)
		m->from = STR("planned");
	rc = find_sides(en, w->a, m, e);
	if (rc != ERR_OK)
		return rc;
	if (moves_nowhere(m))
		return there_already(w, wp, en, m, e);
	if (!str_eq(m->from, m->to))
		rc = move_check(m, e);
	if (rc == ERR_OK)
		rc = find_waits(w, wp, en, m, e);
	if (rc != ERR_OK)
		return err_wrap(e, "%.*s", STR_ARG(wp->key));
	payload_begin(&p);
	put_names(&p, wp);
	json_key(&p.w, "from_lane"), json_put_str(&p.w, m->from);
	json_key(&p.w, "to_lane"), json_put_str(&p.w, m->to);
	json_key(&p.w, "actor"), json_put_str(&p.w, m->actor);
	if (m->reason.n > 0)
		json_key(&p.w, "reason"), json_put_str(&p.w, m->reason);
	if (m->review_ref.n > 0) {
		json_key(&p.w, "review_ref");
		json_put_str(&p.w, m->review_ref);
	}
	if (m->force)
		json_key(&p.w, "force"), json_put_bool(&p.w, true);
	return author(w, "wp_status_changed", wp, &p, &m->event, e);
}

static void
move_print(struct cli *c, const struct wp_name *wp, const struct move *m)
{
	struct json_writer *w;
	char id[EID_TEXT_MAX];

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "id"), json_put_str(w, wp->id);
		json_key(w, "feature"), json_put_str(w, wp->feature);
		json_key(w, "key"), json_put_str(w, wp->key);
		json_key(w, "from"), json_put_str(w, m->from);
		json_key(w, "to"), json_put_str(w, m->to);
		json_key(w, "actor"), json_put_str(w, m->actor);
		json_key(w, "event");
		json_put_str(w, str_n(id, eid_format(&m->event, id)));
		json_end(w);
		out_json_end(c->out);
	} else {
		out_str(c->out, PAINT_ID, wp->key);
		out_say(c->out, " ");
		out_str(c->out, PAINT_NONE, m->from);
		out_say(c->out, " → ");
		out_str(c->out, view_paint(m->to), m->to);
		out_say(c->out, "%s\n",
		    m->sides > 1 ? ", which settles the conflict" : "");
	}
	if (m->waits.n > 0)
		out_note(c->out, PAINT_WARN, "note: %.*s still waits for %.*s",
		    STR_ARG(wp->key), STR_ARG(m->waits));
}

static enum err
move_run(struct cli *c, struct err_info *e)
{
	struct wp_name wp = { 0 };
	struct move m = { 0 };
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = move(&w, &wp, &m, e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		move_print(c, &wp, &m);
	return rc;
}

/* --- assign, note, rm ---------------------------------------------------------------- */

static enum err
assign(struct work *w, struct wp_name *wp, struct err_info *e)
{
	const char *phase = cli_opt(w->c, "phase");
	const struct entity *en;
	struct str agent, lane;
	struct payload p;
	enum err rc = input_line(w->a, "the agent", cli_arg(w->c, 1),
	    INPUT_WORD_MAX, &agent, e);

	if (rc == ERR_OK)
		rc = target(w, wp, &en, e);
	if (rc != ERR_OK)
		return rc;
	lane = entity_text(en, "lane", w->a);
	/* What waits for a review is given to somebody who reviews. */
	if (phase == NULL)
		phase =
		    str_is(lane, "for_review") ? "review" : "implementation";
	payload_begin(&p);
	put_names(&p, wp);
	json_key(&p.w, "agent_id"), json_put_str(&p.w, agent);
	json_key(&p.w, "phase"), json_put_z(&p.w, phase);
	return author(w, "wp_assigned", wp, &p, NULL, e);
}

static enum err
note(struct work *w, struct wp_name *wp, struct err_info *e)
{
	const char *kind = cli_opt(w->c, "type");
	const struct entity *en;
	struct str text;
	struct payload p;
	enum err rc =
	    input_text("the note", cli_arg(w->c, 1), INPUT_TEXT_MAX, &text, e);

	if (rc == ERR_OK)
		rc = target(w, wp, &en, e);
	if (rc != ERR_OK)
		return rc;
	payload_begin(&p);
	put_names(&p, wp);
	json_key(&p.w, "entry_type"), json_put_z(&p.w, kind ? kind : "note");
	json_key(&p.w, "entry_content"), json_put_str(&p.w, text);
	json_key(&p.w, "author"), json_put_str(&p.w, w->draft.author);
	return author(w, "history_added", wp, &p, NULL, e);
}

/* Who waits for it until it is gone. */
static enum err
find_released(struct work *w, const struct wp_name *wp, struct buf *said,
    struct err_info *e)
{
	char *quoted = arena_fmt(w->a, "\"%.*s\"", STR_ARG(wp->id));
	struct views l = { 0 };
	enum err rc = quoted ? views_load(w, w->space, w->project,
	                           AGG_WORK_PACKAGE, wp->feature, &l, e) :
	                       err_set(e, ERR_NOMEM);

	for (size_t i = 0; rc == ERR_OK && i < l.n; i++)
		/* Ids of work packages hold nothing that JSON escapes. */
		if (l.v[i].needs.n > 0 &&
		    memmem(l.v[i].needs.p, l.v[i].needs.n, quoted,
		        strlen(quoted)) != NULL) {
			buf_adds(said, said->len > 0 ? ", " : "");
			buf_addstr(said, l.v[i].shown);
		}
	if (rc == ERR_OK)
		rc = buf_ok(said, e);
	views_fini(&l);
	return rc;
}

static enum err
rm(struct work *w, struct wp_name *wp, struct err_info *e)
{
	const struct entity *en;
	struct buf released = { 0 };
	struct payload p;
	enum err rc = target(w, wp, &en, e);

	if (rc == ERR_OK)
		rc = find_released(w, wp, &released, e);
	if (rc == ERR_OK)
		rc = show_reason(w->c, &p, e);
	if (rc == ERR_OK)
		rc = author(w, "wp_deleted", wp, &p, NULL, e);
	if (rc == ERR_OK && released.len > 0)
		out_note(w->c->out, PAINT_WARN,
		    "note: %s depended on it; what is removed holds nothing "
		    "up",
		    released.data);
	buf_fini(&released);
	return rc;
}

typedef enum err verb_fn(struct work *w, struct wp_name *wp,
    struct err_info *e);

/* One event, one line about it. */
static enum err
verb_run(struct cli *c, verb_fn *verb,
    void (*print)(struct cli *c, struct str id, struct str key),
    struct err_info *e)
{
	struct wp_name wp = { 0 };
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = verb(&w, &wp, e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		print(c, wp.id, wp.key);
	return rc;
}

static void
print_one(struct cli *c, struct str id, const char *before, struct str key,
    const char *after)
{
	struct json_writer *w;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "id"), json_put_str(w, id);
		json_key(w, "key"), json_put_str(w, key);
		json_end(w);
		out_json_end(c->out);
		return;
	}
	out_say(c->out, "%s", before);
	out_str(c->out, PAINT_ID, key);
	out_str(c->out, PAINT_NONE, str_of(after));
	out_say(c->out, "\n");
}

static void
print_assigned(struct cli *c, struct str id, struct str key)
{
	char *after =
	    arena_fmt(&c->ctx->arena, " is given to %s", cli_arg(c, 1));

	print_one(c, id, "", key, after != NULL ? after : " is given away");
}

static void
print_noted(struct cli *c, struct str id, struct str key)
{
	print_one(c, id, "Noted on ", key, "");
}

static enum err
assign_run(struct cli *c, struct err_info *e)
{
	return verb_run(c, assign, print_assigned, e);
}

static enum err
note_run(struct cli *c, struct err_info *e)
{
	return verb_run(c, note, print_noted, e);
}

static enum err
rm_run(struct cli *c, struct err_info *e)
{
	return verb_run(c, rm, show_removed, e);
}

/* --- edit ------------------------------------------------------------------------- */

/* Would the new dependency come back to where it began?  Each work package is
 * looked at once. */
struct circle {
	struct work *w;
	struct str feature;
	struct map seen;  /* id */
	struct str *todo; /* own: still to be looked at */
	size_t n, cap;
};

static enum err
circle_push(struct circle *c, struct str id, struct err_info *e)
{
	if (map_get(&c->seen, id) != NULL)
		return ERR_OK;
	if (!map_put(&c->seen, id, c) ||
	    !mem_grow(&c->todo, &c->cap, c->n + 1, sizeof *c->todo))
		return err_set(e, ERR_NOMEM);
	c->todo[c->n++] = id;
	return ERR_OK;
}

static enum err
circle_step(struct circle *c, struct str id, struct err_info *e)
{
	char *key =
	    arena_fmt(c->w->a, "%.*s/%.*s", STR_ARG(c->feature), STR_ARG(id));
	const struct entity *en = NULL;
	const struct cell *cell;
	size_t n = 0;
	enum err rc = key ?
	    work_entity(c->w, AGG_WORK_PACKAGE, str_of(key), &en, e) :
	    err_set(e, ERR_NOMEM);

	cell = rc == ERR_OK && en != NULL ?
	    entity_cells(en, "dependencies", &n) :
	    NULL;
	for (size_t i = 0; rc == ERR_OK && cell != NULL && i < n; i++) {
		struct str el = cell[i].element;
		bool in = false;

		for (size_t k = 0; k < cell[i].n; k++)
			in |= cell[i].head[k].in;
		/* An id has nothing to be escaped. */
		if (in && el.n > 2 && el.p[0] == '"')
			el = arena_str(c->w->a, str_n(el.p + 1, el.n - 2));
		if (in && el.p != NULL)
			rc = circle_push(c, el, e);
	}
	return rc;
}

static enum err
need_checked(void *ctx, struct str typed, struct str *ret, struct err_info *e)
{
	struct needs *n = ctx;
	struct circle c = { .w = n->w, .feature = n->feature };
	enum err rc = need_named(n, typed, ret, e);

	if (rc == ERR_OK)
		rc = circle_push(&c, *ret, e);
	while (rc == ERR_OK && c.n > 0)
		rc = circle_step(&c, c.todo[--c.n], e);
	if (rc == ERR_OK && map_get(&c.seen, n->self) != NULL)
		rc = err_setf(e, ERR_REFUSED,
		    "%.*s waits for %.*s already, directly or through others",
		    STR_ARG(*ret), STR_ARG(n->self));
	map_fini(&c.seen);
	free(c.todo);
	return rc;
}

/* What was removed meanwhile, or never came here, has only its id: whatever it
 * depends on now may be named. */
static enum err
need_dropped(void *ctx, struct str typed, struct str *ret, struct err_info *e)
{
	struct needs *n = ctx;
	struct err_info why = { 0 };
	size_t cells = 0;
	const struct cell *c = entity_cells(n->en, "dependencies", &cells);

	if (need_named(n, typed, ret, &why) == ERR_NOMEM)
		return err_set(e, ERR_NOMEM);
	/* Hints of how it was looked for. */
	buf_reset(&n->w->c->hint);
	for (size_t i = 0; c != NULL && i < cells; i++) {
		struct str el = c[i].element;

		el = el.n > 2 ? str_n(el.p + 1, el.n - 2) : el;
		if (why.code == ERR_OK ? !str_eq(el, *ret) :
		                         !str_eq_nocase(el, typed) &&
		            !str_eq_nocase(id_wp_short(el), typed))
			continue;
		*ret = arena_str(n->w->a, el);
		return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	return err_setf(e, ERR_NOT_FOUND, "%.*s does not depend on '%.*s'",
	    STR_ARG(n->self), (int)(typed.n < 100 ? typed.n : 100), typed.p);
}

static enum err
edit_fields(struct work *w, const struct wp_name *wp, struct edit *ed,
    struct err_info *e)
{
	struct needs needs = { w, wp->feature, wp->id, ed->en };
	enum err rc = edit_line(ed, "title", "title", INPUT_TITLE_MAX, e);

	if (rc == ERR_OK)
		rc = edit_text(ed, "description", "description", e);
	if (rc == ERR_OK)
		rc = edit_priority(ed, e);
	if (rc == ERR_OK)
		rc = edit_set(ed, "add-tag", "remove-tag", "tags", NULL, NULL,
		    NULL, e);
	if (rc == ERR_OK)
		rc = edit_set(ed, "add-depends", "remove-depends",
		    "dependencies", need_checked, need_dropped, &needs, e);
	return rc;
}

/* Also one that was removed: an edit brings it back. */
static enum err
edit_target(struct work *w, struct wp_name *wp, const struct entity **en,
    struct err_info *e)
{
	const char *feature = cli_opt(w->c, "feature");
	struct entity_key key = { .project = w->project,
		.type = STR("work_package") };
	enum err rc = work_wp(w, feature, cli_arg(w->c, 0), wp, e);

	if (rc == ERR_NOT_FOUND)
		rc = edit_removed(w, AGG_WORK_PACKAGE, feature,
		    cli_arg(w->c, 0), &wp->key, e);
	if (rc == ERR_OK && wp->id.n == 0)
		(void)id_wp_split(wp->key, &wp->feature, &wp->id);
	key.key = wp->key;
	if (rc == ERR_OK)
		rc = store_entity(w->s, w->space, &key, en, e);
	return rc == ERR_OK && *en == NULL ? err_set(e, ERR_NOT_FOUND) : rc;
}

static enum err
edit_run(struct cli *c, struct err_info *e)
{
	const struct entity *en = NULL;
	struct wp_name wp = { 0 };
	struct edit ed = { 0 };
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = edit_target(&w, &wp, &en, e);
	if (rc == ERR_OK) {
		edit_begin(&ed, &w, en);
		put_names(&ed.p, &wp);
		rc = edit_end(&ed, edit_fields(&w, &wp, &ed, e), "wp_updated",
		    wp.key, e);
	}
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		show_edited(c, wp.id, wp.key, ed.changed, ed.was_removed);
	return rc;
}

/* --- the table --------------------------------------------------------------------- */

#define WP_ARG \
	{ \
		.name = "WP", \
		.help = "a work package: WP03, WP03-abc, 001-login/WP03", \
		.words = WORDS_WP \
	}
#define FEATURE_OPT \
	{ \
		.name = "feature", .arg = "F", \
		.help = "its feature (else the current one)", \
		.words = WORDS_FEATURE \
	}

static const struct cmd_arg add_arg[] = {
	{ .name = "TITLE", .help = "what is to be done, in a line" },
	{ 0 },
};
static const struct cmd_opt add_opt[] = {
	FEATURE_OPT,
	{ .name = "depends",
	    .arg = "WP,...",
	    .help = "work packages of the feature that come first",
	    .flags = OPT_REPEAT,
	    .words = WORDS_WP },
	{ .name = "description", .arg = "TEXT", .help = "at length" },
	{ .name = "priority",
	    .arg = "P",
	    .help = "high, medium, low, a number, any word",
	    .words = WORDS_PRIORITY },
	{ .name = "tag",
	    .arg = "T,...",
	    .help = "words to find it by",
	    .flags = OPT_REPEAT },
	{ 0 },
};
static const struct cmd_example add_example[] = {
	{ "wp add \"Store passwords hashed\"", "in the current feature" },
	{ "wp add \"Sign-in form\" --depends WP01 --tag ui", "waits for WP01" },
	{ 0 },
};
static const struct cmd wp_add = {
	.name = "add",
	.purpose = "add a work package",
	.about =
	    "It gets the next free number and three letters of this replica, "
	    "so "
	    "that two people who are offline never make the same id; WP03 will "
	    "do for WP03-abc while no other begins so. Prints the new id alone "
	    "where stdout is no terminal.",
	.opt = add_opt,
	.arg = add_arg,
	.example = add_example,
	.run = add_run,
};
static const struct cmd_arg move_arg[] = {
	WP_ARG,
	{ .name = "LANE",
	    .help =
	        "planned claimed in_progress (or doing) for_review approved "
	        "done blocked canceled",
	    .words = WORDS_LANE },
	{ 0 },
};
static const struct cmd_opt move_opt[] = {
	FEATURE_OPT,
	{ .name = "actor",
	    .arg = "A",
	    .help = "who does it (else who runs this)" },
	{ .name = "reason", .arg = "R", .help = "why" },
	{ .name = "review-ref",
	    .arg = "R",
	    .help = "the review that sends it back" },
	{ .name = "force", .help = "any move; wants --reason" },
	{ 0 },
};
static const struct cmd_example move_example[] = {
	{ "wp move WP01 claimed",
	    "yours now; exit 4 where somebody was first" },
	{ "wp move WP01 doing", "work begins" },
	{ "wp move WP01 in_progress --review-ref PR-7",
	    "a review sent it back" },
	{ 0 },
};
static const struct cmd_exit move_exits[] = {
	{ 4,
	    "the move is not allowed, somebody was first, or the id fits "
	    "several" },
	{ 0 },
};
static const struct cmd wp_move = {
	.name = "move",
	.purpose = "move a work package to another lane",
	.about =
	    "The usual way is planned, claimed, in_progress, for_review, "
	    "approved, done; from any of the first five to blocked, from all "
	    "but done to canceled. Back from review wants --review-ref, back "
	    "to planned and --force want --reason; why it is blocked may be "
	    "said later too, by another move to blocked. What others did "
	    "meanwhile is merged, not lost; where two lanes stand in conflict, "
	    "a move to either, or one that is allowed from either, settles "
	    "it.",
	.opt = move_opt,
	.arg = move_arg,
	.example = move_example,
	.exits = move_exits,
	.run = move_run,
};
static const struct cmd_arg assign_arg[] = {
	WP_ARG,
	{ .name = "AGENT", .help = "who gets it" },
	{ 0 },
};
static const struct cmd_opt assign_opt[] = {
	FEATURE_OPT,
	{ .name = "phase",
	    .arg = "P",
	    .help = "for what (else as its lane says)",
	    .choice = "implementation review" },
	{ 0 },
};
static const struct cmd_example assign_example[] = {
	{ "wp assign WP02 claude", "for implementation" },
	{ 0 },
};
static const struct cmd wp_assign = {
	.name = "assign",
	.purpose = "give a work package to an agent or a person",
	.opt = assign_opt,
	.arg = assign_arg,
	.example = assign_example,
	.run = assign_run,
};
static const struct cmd_arg note_arg[] = {
	WP_ARG,
	{ .name = "TEXT", .help = "what is to be remembered" },
	{ 0 },
};
static const struct cmd_opt note_opt[] = {
	FEATURE_OPT,
	{ .name = "type",
	    .arg = "T",
	    .help = "what kind of note",
	    .choice = "note review error comment" },
	{ 0 },
};
static const struct cmd_example note_example[] = {
	{ "wp note WP02 \"argon2id, 64 MiB: see the benchmark\"",
	    "stays with the work package" },
	{ 0 },
};
static const struct cmd wp_note = {
	.name = "note",
	.purpose = "write a note on a work package",
	.opt = note_opt,
	.arg = note_arg,
	.example = note_example,
	.run = note_run,
};
static const struct cmd_arg one_arg[] = { WP_ARG, { 0 } };
static const struct cmd_opt edit_opt[] = {
	FEATURE_OPT,
	{ .name = "title", .arg = "T", .help = "another title" },
	{ .name = "description", .arg = "TEXT", .help = "another description" },
	{ .name = "priority",
	    .arg = "P",
	    .help = "another priority, or none",
	    .words = WORDS_PRIORITY },
	{ .name = "add-tag",
	    .arg = "T,...",
	    .help = "tags to add",
	    .flags = OPT_REPEAT },
	{ .name = "remove-tag",
	    .arg = "T,...",
	    .help = "tags to take away",
	    .flags = OPT_REPEAT },
	{ .name = "add-depends",
	    .arg = "WP,...",
	    .help = "wait for these too",
	    .flags = OPT_REPEAT,
	    .words = WORDS_WP },
	{ .name = "remove-depends",
	    .arg = "WP,...",
	    .help = "wait for these no longer",
	    .flags = OPT_REPEAT,
	    .words = WORDS_WP },
	{ 0 },
};
static const struct cmd_example edit_example[] = {
	{ "wp edit WP02 --title \"Hash passwords\" --add-tag security",
	    "two changes, one event" },
	{ 0 },
};
static const struct cmd wp_edit = {
	.name = "edit",
	.purpose = "change what a work package says about itself",
	.opt = edit_opt,
	.arg = one_arg,
	.example = edit_example,
	.run = edit_run,
};
static const struct cmd_opt rm_opt[] = {
	FEATURE_OPT,
	{ .name = "reason", .arg = "R", .help = "why" },
	{ 0 },
};
static const struct cmd_example rm_example[] = {
	{ "wp rm WP09 --reason \"was a double\"",
	    "gone from lists, not from the log" },
	{ 0 },
};
static const struct cmd wp_rm = {
	.name = "rm",
	.purpose = "remove a work package (its history stays in the log)",
	.about =
	    "What depended on it waits for it no longer. `wp edit` with its "
	    "whole id brings it back.",
	.opt = rm_opt,
	.arg = one_arg,
	.example = rm_example,
	.run = rm_run,
};
static const struct cmd *const wp_sub[] = { &wp_add, &wp_list, &wp_show,
	&wp_move, &wp_assign, &wp_note, &wp_edit, &wp_rm, NULL };
const struct cmd cmd_wp = {
	.name = "wp",
	.purpose = "work packages: add, move, assign, list",
	.about =
	    "WP03 will do for 001-login/WP03-abc where it says enough: in the "
	    "feature of --feature, else in the current one. Current is the "
	    "feature that the git branch is called after, else the only one "
	    "that is not archived. Where neither is so, `wp add` takes the one "
	    "used last here and says so; for the others an id that fits in "
	    "several features is ambiguous.",
	.sub = wp_sub,
};
