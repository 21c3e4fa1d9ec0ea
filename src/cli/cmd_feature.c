/* feature: pieces of work that have work packages. */
#include <stdlib.h>
#include <string.h>

#include "cmds.h"
#include "edit.h"
#include "ids.h"
#include "input.h"
#include "show.h"
#include "text.h"
#include "view.h"

/* --- add ------------------------------------------------------------------------- */

enum { NUMBER_DIGITS = 3, WORD_MAX = 100 };

/* What a new slug is held against. */
struct slugs {
	struct str word; /* without a number */
	uint64_t greatest;
	struct str same;   /* a present feature of that word, in the arena */
	uint64_t wanted;   /* number; 0 = the next */
	struct str shares; /* a present feature of the wanted number */
	struct arena *a;
};

static enum err
slugs_one(void *ctx, const struct entity *en, struct err_info *e)
{
	struct slugs *s = ctx;
	uint64_t number;

	/* Deleted ones count: a number is not used again. */
	if (!id_feature_number(en->key, &number))
		return ERR_OK;
	if (number > s->greatest)
		s->greatest = number;
	if (number == s->wanted && entity_present(en) && s->shares.n == 0)
		s->shares = arena_str(s->a, en->key);
	if (s->shares.n > 0 && s->shares.p == NULL)
		return err_set(e, ERR_NOMEM);
	if (s->same.n == 0 && entity_present(en) &&
	    str_eq(id_feature_word(en->key), s->word))
		s->same = arena_str(s->a, en->key);
	return s->same.n > 0 && s->same.p == NULL ? err_set(e, ERR_NOMEM) :
	                                            ERR_OK;
}

/* What was typed as words of a slug: "User Login" is user-login. */
static enum err
typed_slug(struct work *w, const char *typed, struct str *ret,
    struct err_info *e)
{
	struct buf b = { 0 };
	bool ascii = true;
	enum err rc;

	text_slug(str_of(typed), &b);
	rc = buf_ok(&b, e);
	for (size_t i = 0; i < b.len; i++)
		ascii = ascii && (unsigned char)b.data[i] < 0x80;
	if (rc == ERR_OK && (b.len == 0 || !ascii || b.len > WORD_MAX))
		rc = err_setf(e, ERR_USAGE,
		    "'%.100s' makes no slug: 1 to %d letters a-z and digits, "
		    "with hyphens between (a title may have any: feature add "
		    "login --title '%.100s')",
		    typed, WORD_MAX, typed);
	if (rc == ERR_OK) {
		*ret = arena_str(w->a, buf_str(&b));
		rc = ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	buf_fini(&b);
	return rc;
}

static enum err
number_taken(struct work *w, const struct slugs *s, struct err_info *e)
{
	cli_hint_word(w->c, "feature show", s->same);
	return err_setf(e, ERR_EXISTS,
	    "there is %.*s already; give the new one a number of its own to "
	    "have both",
	    STR_ARG(s->same));
}

static enum err
new_slug(struct work *w, const char *typed, struct str *ret, uint64_t *number,
    struct err_info *e)
{
	struct slugs s = { .a = w->a };
	const struct entity *en = NULL;
	struct str slug = { 0 };
	bool numbered;
	enum err rc = typed_slug(w, typed, &slug, e);

	if (rc != ERR_OK)
		return rc;
	numbered = id_feature_number(slug, number) &&
	    slug.n - id_feature_word(slug).n > NUMBER_DIGITS;
	s.word = numbered ? id_feature_word(slug) : slug;
	s.wanted = numbered ? *number : 0;
	rc = store_entities(w->s, w->space, w->project, "feature", slugs_one,
	    &s, e);
	if (rc == ERR_OK && !numbered && s.same.n > 0)
		return number_taken(w, &s, e);
	if (rc == ERR_OK && !numbered) {
		*number = s.greatest + 1;
		slug = str_of(arena_fmt(w->a, "%0*llu-%.*s", NUMBER_DIGITS,
		    (unsigned long long)*number, STR_ARG(s.word)));
		rc = slug.p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	if (rc == ERR_OK)
		rc = work_entity(w, AGG_FEATURE, slug, &en, e);
	if (rc == ERR_OK && en != NULL) {
		cli_hint_word(w->c, "feature show", slug);
		rc = err_setf(e, ERR_EXISTS, "there is %.*s already",
		    STR_ARG(slug));
	}
	if (rc == ERR_OK && s.shares.n > 0)
		out_note(w->c->out, PAINT_WARN,
		    "note: %.*s has that number too: neither is called by it "
		    "alone",
		    STR_ARG(s.shares));
	*ret = slug;
	return rc;
}

static enum err
add(struct work *w, struct str *slug, struct str *title, struct err_info *e)
{
	const char *typed = cli_opt(w->c, "title");
	const char *description = cli_opt(w->c, "description");
	const char *branch = cli_opt(w->c, "target-branch");
	struct str about = { 0 }, target = { 0 };
	struct payload p;
	uint64_t number = 0;
	enum err rc = ERR_OK;

	/* "Login page" is a title, of which the slug is made. */
	if (typed == NULL && strpbrk(cli_arg(w->c, 0), " \t") != NULL)
		typed = cli_arg(w->c, 0);
	if (typed != NULL)
		rc = input_line(w->a, "the title", typed, INPUT_TITLE_MAX,
		    title, e);
	if (rc == ERR_OK && description != NULL)
		rc = input_text("the description", description, INPUT_TEXT_MAX,
		    &about, e);
	if (rc == ERR_OK && branch != NULL)
		rc = input_line(w->a, "the branch", branch, INPUT_WORD_MAX,
		    &target, e);
	if (rc == ERR_OK)
		rc = new_slug(w, cli_arg(w->c, 0), slug, &number, e);
	if (rc != ERR_OK)
		return rc;
	payload_begin(&p);
	json_key(&p.w, "feature_slug"), json_put_str(&p.w, *slug);
	json_key(&p.w, "feature_number");
	json_put_str(&p.w,
	    str_n(slug->p, slug->n - id_feature_word(*slug).n - 1));
	if (title->n > 0)
		json_key(&p.w, "title"), json_put_str(&p.w, *title);
	if (about.n > 0)
		json_key(&p.w, "description"), json_put_str(&p.w, about);
	if (target.n > 0)
		json_key(&p.w, "target_branch"), json_put_str(&p.w, target);
	rc = work_author(w, "feature_created", AGG_FEATURE, *slug, &p, NULL, e);
	return rc == ERR_OK ? work_feature_used(w, *slug, e) : rc;
}

static enum err
add_run(struct cli *c, struct err_info *e)
{
	struct str slug = { 0 }, title = { 0 };
	struct work w;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = add(&w, &slug, &title, e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		show_added(c, slug, slug, title, STR(""));
	return rc;
}

/* --- edit, rm --------------------------------------------------------------------- */

static enum err
edit(struct work *w, struct str *slug, struct edit *ed, struct err_info *e)
{
	struct entity_key key = { .project = w->project,
		.type = STR("feature") };
	const struct entity *en = NULL;
	enum err rc = work_feature(w, cli_arg(w->c, 0), slug, e);

	/* Also one that was removed: an edit brings it back. */
	if (rc == ERR_NOT_FOUND)
		rc = edit_removed(w, AGG_FEATURE, NULL, cli_arg(w->c, 0), slug,
		    e);
	key.key = *slug;
	if (rc == ERR_OK)
		rc = store_entity(w->s, w->space, &key, &en, e);
	if (rc == ERR_OK && en == NULL)
		rc = err_setf(e, ERR_NOT_FOUND, "there is no feature '%.*s'",
		    STR_ARG(*slug));
	if (rc != ERR_OK)
		return rc;
	edit_begin(ed, w, en);
	json_key(&ed->p.w, "feature_slug"), json_put_str(&ed->p.w, *slug);
	rc = edit_line(ed, "title", "title", INPUT_TITLE_MAX, e);
	if (rc == ERR_OK)
		rc = edit_text(ed, "description", "description", e);
	if (rc == ERR_OK)
		rc = edit_line(ed, "target-branch", "target_branch",
		    INPUT_WORD_MAX, e);
	return edit_end(ed, rc, "feature_updated", *slug, e);
}

static enum err
archive(struct work *w, struct str slug, bool value, struct err_info *e)
{
	struct payload p;

	payload_begin(&p);
	json_key(&p.w, "value"), json_put_bool(&p.w, value);
	return work_author(w, "archived", AGG_FEATURE, slug, &p, NULL, e);
}

static enum err
edit_run(struct cli *c, struct err_info *e)
{
	bool in = cli_has(c, "archive"), out = cli_has(c, "unarchive");
	struct edit ed = { 0 };
	struct str slug = { 0 };
	struct work w;
	enum err rc;

	if (in && out)
		return cli_usage(e,
		    "--archive and --unarchive exclude each "
		    "other");
	ed.more = in || out;
	rc = work_begin(&w, c, e);
	if (rc == ERR_OK)
		rc = edit(&w, &slug, &ed, e);
	if (rc == ERR_OK && (in || out))
		rc = archive(&w, slug, in, e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		show_edited(c, slug, slug, ed.changed + (in || out),
		    ed.was_removed);
	return rc;
}

static enum err
rm_packages(struct work *w, struct str slug, size_t *n, struct err_info *e)
{
	struct views l;
	bool with = cli_has(w->c, "with-packages");
	enum err rc =
	    views_load(w, w->space, w->project, AGG_WORK_PACKAGE, slug, &l, e);

	*n = l.n;
	if (rc == ERR_OK && l.n > 0 && !with) {
		cli_hint_word(w->c, "wp list --feature", slug);
		rc = err_setf(e, ERR_REFUSED,
		    "%.*s has %zu work package%s, which --with-packages would "
		    "remove too",
		    STR_ARG(slug), l.n, l.n == 1 ? "" : "s");
	}
	for (size_t i = 0; rc == ERR_OK && i < l.n; i++) {
		struct payload p;

		payload_begin(&p);
		rc = work_author(w, "wp_deleted", AGG_WORK_PACKAGE, l.v[i].key,
		    &p, NULL, e);
	}
	views_fini(&l);
	return rc;
}

static enum err
rm_run(struct cli *c, struct err_info *e)
{
	struct str slug = { 0 };
	struct payload p;
	struct work w;
	size_t n = 0;
	enum err rc = work_begin(&w, c, e);

	if (rc == ERR_OK)
		rc = work_feature(&w, cli_arg(c, 0), &slug, e);
	if (rc == ERR_OK)
		rc = rm_packages(&w, slug, &n, e);
	if (rc == ERR_OK)
		rc = show_reason(c, &p, e);
	if (rc == ERR_OK)
		rc = work_author(&w, "feature_deleted", AGG_FEATURE, slug, &p,
		    NULL, e);
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		show_removed(c, slug, slug);
	return rc;
}

/* --- list ------------------------------------------------------------------------ */

static void
list_json(struct cli *c, const struct views *l, struct str current)
{
	struct json_writer *w = out_json(c->out);

	json_obj(w);
	json_key(w, "features");
	json_arr(w);
	for (size_t i = 0; i < l->n; i++) {
		json_obj(w);
		view_feature_json(w, &l->v[i]);
		json_key(w, "packages"), json_put_u(w, l->v[i].packages);
		json_key(w, "done"), json_put_u(w, l->v[i].done);
		json_key(w, "current");
		json_put_bool(w, str_eq(l->v[i].key, current));
		json_end(w);
	}
	json_end(w);
	json_end(w);
	out_json_end(c->out);
}

static void
list_text(struct cli *c, const struct views *l, struct str current)
{
	static const struct out_column column[] = { { "", 0 }, { "FEATURE", 0 },
		{ "DONE", COL_RIGHT }, { "TITLE", COL_SHRINK }, { NULL, 0 } };
	struct out_table t;

	if (l->n == 0)
		out_say(c->out, "No features yet: %s feature add NAME\n",
		    c->ctx->program);
	out_table_begin(&t, c->out, column);
	for (size_t i = 0; i < l->n; i++) {
		const struct view *v = &l->v[i];
		bool whole = v->packages > 0 && v->done == v->packages;

		out_cell(&t, PAINT_GOOD,
		    str_eq(v->key, current) ? STR("*") : STR(""));
		out_cell(&t, PAINT_ID, v->key);
		out_cellf(&t, whole ? PAINT_GOOD : PAINT_NONE, "%u/%u", v->done,
		    v->packages);
		out_cellf(&t, PAINT_NONE, "%.*s%s%s", STR_ARG(v->title),
		    v->archived ? " (archived)" : "",
		    v->conflicts > 0 ? " (in conflict)" : "");
	}
	out_table_end(&t);
}

static enum err
list_run(struct cli *c, struct err_info *e)
{
	struct views l = { 0 }, wps = { 0 };
	struct str current = { 0 };
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc != ERR_OK || work_nothing(&w))
		return work_end(&w, rc, e);
	rc = work_feature_maybe(&w, NULL, &current, e);
	if (rc == ERR_OK)
		rc = views_load(&w, w.space, w.project, AGG_FEATURE, STR(""),
		    &l, e);
	if (rc == ERR_OK)
		rc = views_load(&w, w.space, w.project, AGG_WORK_PACKAGE,
		    STR(""), &wps, e);
	if (rc == ERR_OK)
		rc = views_count(&l, &wps, e);
	if (rc == ERR_OK && c->json)
		list_json(c, &l, current);
	else if (rc == ERR_OK)
		list_text(c, &l, current);
	views_fini(&l);
	views_fini(&wps);
	return work_end(&w, rc, e);
}

static enum err
show_run(struct cli *c, struct err_info *e)
{
	struct str slug = { 0 };
	struct work w;
	enum err rc = work_read(&w, c, e);

	if (rc == ERR_OK)
		rc = work_feature(&w, cli_arg(c, 0), &slug, e);
	if (rc == ERR_NOT_FOUND && cli_arg(c, 0) != NULL)
		rc = edit_removed(&w, AGG_FEATURE, NULL, cli_arg(c, 0), &slug,
		    e);
	if (rc == ERR_OK)
		rc = show_entity(&w, w.space,
		    &(struct entity_key){ w.project, STR("feature"), slug }, e);
	return work_end(&w, rc, e);
}

/* --- the table ---------------------------------------------------------------------- */

static const struct cmd_arg one_arg[] = {
	{ .name = "F",
	    .help = "a feature: slug, number, or their beginning",
	    .words = WORDS_FEATURE },
	{ 0 },
};
static const struct cmd_arg maybe_arg[] = {
	{ .name = "F",
	    .help = "a feature (else the current one)",
	    .flags = ARG_OPTIONAL,
	    .words = WORDS_FEATURE },
	{ 0 },
};
static const struct cmd_arg add_arg[] = {
	{ .name = "SLUG", .help = "words of its name, or NNN-words" },
	{ 0 },
};
static const struct cmd_opt add_opt[] = {
	{ .name = "title", .arg = "T", .help = "what it is, in a line" },
	{ .name = "description",
	    .arg = "TEXT",
	    .help = "what it is, at length" },
	{ .name = "target-branch", .arg = "B", .help = "where it is merged" },
	{ 0 },
};
static const struct cmd_example add_example[] = {
	{ "feature add user-login --title \"Sign in with a password\"",
	    "becomes 001-user-login" },
	{ 0 },
};
static const struct cmd feature_add = {
	.name = "add",
	.purpose = "begin a feature",
	.about =
	    "The next free number is put in front. Words with blanks between "
	    "are the title as well. Prints the new slug alone where stdout is "
	    "no terminal.",
	.opt = add_opt,
	.arg = add_arg,
	.example = add_example,
	.run = add_run,
};
static const struct cmd_opt edit_opt[] = {
	{ .name = "title", .arg = "T", .help = "another title" },
	{ .name = "description", .arg = "TEXT", .help = "another description" },
	{ .name = "target-branch", .arg = "B", .help = "another branch" },
	{ .name = "archive", .help = "leave it out of the board" },
	{ .name = "unarchive", .help = "show it there again" },
	{ 0 },
};
static const struct cmd_example edit_example[] = {
	{ "feature edit 001 --title \"Sign in\"", "another title" },
	{ 0 },
};
static const struct cmd feature_edit = {
	.name = "edit",
	.purpose = "change what a feature says about itself",
	.opt = edit_opt,
	.arg = one_arg,
	.example = edit_example,
	.run = edit_run,
};
static const struct cmd_opt rm_opt[] = {
	{ .name = "with-packages", .help = "its work packages as well" },
	{ .name = "reason", .arg = "R", .help = "why" },
	{ 0 },
};
static const struct cmd_example rm_example[] = {
	{ "feature rm 004 --reason \"was a double\"", "an empty one" },
	{ 0 },
};
static const struct cmd feature_rm = {
	.name = "rm",
	.purpose = "remove a feature (its history stays in the log)",
	.about = "`feature edit` with its whole slug brings it back.",
	.opt = rm_opt,
	.arg = one_arg,
	.example = rm_example,
	.run = rm_run,
};
static const struct cmd_example list_example[] = {
	{ "feature list", "the current one is marked" },
	{ 0 },
};
static const struct cmd feature_list = {
	.name = "list",
	.purpose = "show the features and how far they are",
	.example = list_example,
	.run = list_run,
};
static const struct cmd_example show_example[] = {
	{ "feature show 001", "fields, conflicts, history" },
	{ 0 },
};
static const struct cmd feature_show = {
	.name = "show",
	.purpose = "show all about one feature",
	.arg = maybe_arg,
	.example = show_example,
	.run = show_run,
};
static const struct cmd *const feature_sub[] = { &feature_add, &feature_list,
	&feature_show, &feature_edit, &feature_rm, NULL };
const struct cmd cmd_feature = {
	.name = "feature",
	.purpose = "features: pieces of work with work packages",
	.about =
	    "The current feature, marked in the list, is the one that the git "
	    "branch is called after (012-login, 012-login-WP03), else the only "
	    "one that is not archived, else the one used last here; this last "
	    "one decides no work package's id.",
	.sub = feature_sub,
};
