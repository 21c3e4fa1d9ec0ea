/* wp: work packages.  This file adds, assigns, notes and removes; cmd_wp_move.c,
 * cmd_wp_edit.c and cmd_wp_list.c have the other verbs. */
#include <string.h>

#include "cmds.h"
#include "edit.h"
#include "ids.h"
#include "input.h"
#include "show.h"
#include "view.h"
#include "words.h"
#include "wp.h"

/* --- naming others ------------------------------------------------------------------ */

enum err
wp_need(void *ctx, struct str typed, struct str *ret, struct err_info *e)
{
	struct wp_needs *n = ctx;
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
	struct wp_needs needs = { .w = w, .feature = wp->feature };
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
		rc = edit_list(w, "depends", wp_need, &needs, &p->w, &n, e);
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

enum err
wp_target(struct work *w, struct wp_name *wp, const struct entity **en,
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

void
wp_put_names(struct payload *p, const struct wp_name *wp)
{
	json_key(&p->w, "wp_id"), json_put_str(&p->w, wp->id);
	/* A work package of another program may be of no feature. */
	if (!str_is(wp->feature, "unplaced")) {
		json_key(&p->w, "feature_slug");
		json_put_str(&p->w, wp->feature);
	}
}

enum err
wp_author(struct work *w, const char *type, const struct wp_name *wp,
    struct payload *p, struct eid *id, struct err_info *e)
{
	uint64_t number;
	enum err rc = work_author(w, type, AGG_WORK_PACKAGE, wp->key, p, id, e);

	if (rc == ERR_OK && id_feature_number(wp->feature, &number))
		rc = work_feature_used(w, wp->feature, e);
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
		rc = wp_target(w, wp, &en, e);
	if (rc != ERR_OK)
		return rc;
	lane = entity_text(en, "lane", w->a);
	/* What waits for a review is given to somebody who reviews. */
	if (phase == NULL)
		phase =
		    str_is(lane, "for_review") ? "review" : "implementation";
	payload_begin(&p);
	wp_put_names(&p, wp);
	json_key(&p.w, "agent_id"), json_put_str(&p.w, agent);
	json_key(&p.w, "phase"), json_put_z(&p.w, phase);
	return wp_author(w, "wp_assigned", wp, &p, NULL, e);
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
		rc = wp_target(w, wp, &en, e);
	if (rc != ERR_OK)
		return rc;
	payload_begin(&p);
	wp_put_names(&p, wp);
	json_key(&p.w, "entry_type"), json_put_z(&p.w, kind ? kind : "note");
	json_key(&p.w, "entry_content"), json_put_str(&p.w, text);
	json_key(&p.w, "author"), json_put_str(&p.w, w->draft.author);
	return wp_author(w, "history_added", wp, &p, NULL, e);
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
	enum err rc = wp_target(w, wp, &en, e);

	if (rc == ERR_OK)
		rc = find_released(w, wp, &released, e);
	if (rc == ERR_OK)
		rc = show_reason(w->c, &p, e);
	if (rc == ERR_OK)
		rc = wp_author(w, "wp_deleted", wp, &p, NULL, e);
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

/* --- the table --------------------------------------------------------------------- */

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
static const struct cmd_arg rm_arg[] = { WP_ARG, { 0 } };
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
	.arg = rm_arg,
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
