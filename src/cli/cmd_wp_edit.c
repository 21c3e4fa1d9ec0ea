/* wp edit: what a work package says about itself, and what it waits for. */
#include <stdlib.h>

#include "cmds.h"
#include "edit.h"
#include "fault.h"
#include "ids.h"
#include "input.h"
#include "map.h"
#include "show.h"
#include "words.h"
#include "wp.h"

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
	struct wp_needs *n = ctx;
	struct circle c = { .w = n->w, .feature = n->feature };
	enum err rc = wp_need(n, typed, ret, e);

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
	struct wp_needs *n = ctx;
	struct err_info why = { 0 };
	size_t cells = 0;
	const struct cell *c = entity_cells(n->en, "dependencies", &cells);

	if (wp_need(n, typed, ret, &why) == ERR_NOMEM)
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
	struct wp_needs needs = { w, wp->feature, wp->id, ed->en };
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
		wp_put_names(&ed.p, &wp);
		rc = edit_end(&ed, edit_fields(&w, &wp, &ed, e), "wp_updated",
		    wp.key, e);
	}
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		show_edited(c, wp.id, wp.key, ed.changed, ed.was_removed);
	return rc;
}

static const struct cmd_arg edit_arg[] = { WP_ARG, { 0 } };
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
const struct cmd wp_edit = {
	.name = "edit",
	.purpose = "change what a work package says about itself",
	.opt = edit_opt,
	.arg = edit_arg,
	.example = edit_example,
	.run = edit_run,
};
