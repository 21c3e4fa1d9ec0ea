/* wp move: between lanes, by the rules of docs/formats.md. */
#include "cmds.h"
#include "deed.h"
#include "input.h"
#include "view.h"
#include "words.h"
#include "wp.h"

enum { LANE_SIDES_MAX = LANE_RANK_MAX + 1 };

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
		rc = wp_target(w, wp, &en, e);
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
	wp_put_names(&p, wp);
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
	return wp_author(w, "wp_status_changed", wp, &p, &m->event, e);
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
const struct cmd wp_move = {
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
