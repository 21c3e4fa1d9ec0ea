/* One look at the replica or one transaction on it, and events in it. */
#include "work.h"

#include <assert.h>

#include "ids.h"
#include "notice.h"
#include "sessions.h"

/* The same parts of every event, and which space is looked at. */
static enum err
find_place(struct work *w, struct err_info *e)
{
	struct ctx *ctx = w->c->ctx;
	const struct spaces_choice *choice;
	struct space sp;
	enum err rc = ctx_choice(ctx, &choice, e);

	if (rc == ERR_OK)
		rc = ctx_draft(ctx, &w->draft, e);
	if (rc != ERR_OK)
		return rc;
	w->space = choice->space;
	w->project = w->draft.project_uuid;
	if (!choice->several)
		return ERR_OK;
	rc = store_space_get(w->s, w->space, w->a, &sp, e);
	if (rc == ERR_OK)
		out_note(w->c->out, PAINT_WARN,
		    "note: this project is in several teams; '%.*s' is used "
		    "until `%s project use` chooses",
		    STR_ARG(sp.team), ctx->program);
	return rc;
}

enum err
work_read(struct work *w, struct cli *c, struct err_info *e)
{
	enum err rc;

	*w = (struct work){ .c = c, .a = &c->ctx->arena };
	rc = ctx_store_read(c->ctx, &w->s, e);
	if (rc == ERR_OK)
		rc = store_read_begin(w->s, e);
	w->in_view = rc == ERR_OK;
	return rc == ERR_OK ? find_place(w, e) : rc;
}

enum err
work_begin(struct work *w, struct cli *c, struct err_info *e)
{
	const struct project *p;
	enum err rc;

	*w = (struct work){ .c = c, .a = &c->ctx->arena };
	/* Found before others are kept waiting. */
	rc = ctx_project(c->ctx, &p, e);
	if (rc == ERR_OK)
		rc = ctx_store_write(c->ctx, &w->s, e);
	if (rc == ERR_OK)
		rc = store_begin(w->s, e);
	w->in_tx = rc == ERR_OK;
	return rc == ERR_OK ? find_place(w, e) : rc;
}

enum err
work_end(struct work *w, enum err rc, struct err_info *e)
{
	if (w->in_view)
		store_read_end(w->s);
	if (w->in_tx && rc == ERR_OK)
		rc = notice_find(w, &w->said, e);
	if (w->in_tx && rc == ERR_OK)
		rc = store_commit(w->s, e);
	if (w->in_tx && rc != ERR_OK)
		store_rollback(w->s);
	if (w->in_tx && rc == ERR_OK)
		sessions_touch(&w->c->ctx->home, w->draft.session_id);
	if (w->in_tx && rc == ERR_OK && w->said.len > 0)
		out_note(w->c->out, PAINT_WARN, "%s", w->said.data);
	w->in_view = w->in_tx = false;
	buf_fini(&w->said);
	return rc;
}

bool
work_nothing(const struct work *w)
{
	const char *p = w->c->ctx->program;

	if (!w->c->ctx->no_store || w->c->json)
		return false;
	out_say(w->c->out,
	    "Nothing is here yet. To begin:\n\n"
	    "  %s init                  make this folder a project\n"
	    "  %s feature add NAME      begin a feature\n"
	    "  %s wp add TITLE          add a work package to it\n"
	    "  %s todo add TEXT         or just a todo\n",
	    p, p, p, p);
	return true;
}

/* --- events ----------------------------------------------------------------------- */

void
payload_begin(struct payload *p)
{
	*p = (struct payload){ 0 };
	p->w.out = &p->b;
	json_obj(&p->w);
}

static enum err
write_event(struct work *w, space_id sp, struct draft *d, const char *type,
    enum aggregate of, struct str aggregate_id, struct payload *p,
    struct eid *id, struct err_info *e)
{
	enum err rc;

	json_end(&p->w);
	rc = buf_ok(&p->b, e);
	d->type = str_of(type);
	d->aggregate_type = str_of(aggregate_name(of));
	d->aggregate_id = aggregate_id;
	d->payload = buf_str(&p->b);
	if (rc == ERR_OK)
		rc = store_author(w->s, sp, d, id, e);
	w->authored += rc == ERR_OK && sp == w->space;
	return rc;
}

/* The first event of a project tells its name, so that others who get it can
 * say what it is. */
static enum err
introduce(struct work *w, struct err_info *e)
{
	struct entity_key key = { w->project, STR("project"), w->project };
	const struct entity *en;
	struct draft d = w->draft;
	struct payload p;
	enum err rc;

	if (w->project_known)
		return ERR_OK;
	rc = store_entity(w->s, w->space, &key, &en, e);
	w->project_known = rc == ERR_OK;
	if (rc != ERR_OK || en != NULL)
		return rc;
	payload_begin(&p);
	json_key(&p.w, "slug"), json_put_str(&p.w, d.project_slug);
	if (w->c->ctx->project.remote.n > 0) {
		json_key(&p.w, "remote_url");
		json_put_str(&p.w, w->c->ctx->project.remote);
	}
	rc = write_event(w, w->space, &d, "project_created", AGG_PROJECT,
	    w->project, &p, NULL, e);
	buf_fini(&p.b);
	if (rc == ERR_OK && w->c->ctx->project.from == PROJECT_PATH &&
	    !w->c->ctx->project.has_git)
		out_note(w->c->out, PAINT_WARN,
		    "note: this folder is no repository; it is the project "
		    "'%.*s' by its path from now on (`%s init` makes that "
		    "last)",
		    STR_ARG(d.project_slug), w->c->ctx->program);
	return rc;
}

enum err
work_author(struct work *w, const char *type, enum aggregate of,
    struct str aggregate_id, struct payload *p, struct eid *id,
    struct err_info *e)
{
	struct draft d = w->draft;
	enum err rc;

	assert(w->in_tx);
	rc = introduce(w, e);
	if (rc == ERR_OK)
		rc = write_event(w, w->space, &d, type, of, aggregate_id, p, id,
		    e);
	buf_fini(&p->b);
	return rc;
}

enum err
work_author_in(struct work *w, space_id sp, struct str project,
    const char *type, enum aggregate of, struct str aggregate_id,
    struct payload *p, struct eid *id, struct err_info *e)
{
	struct draft d = w->draft;
	enum err rc;

	if (sp == w->space && str_eq(project, w->project))
		return work_author(w, type, of, aggregate_id, p, id, e);
	/* Branch and slug are those of the folder, which is another's. */
	d.project_uuid =
	    str_is(project, "unplaced") ? (struct str){ 0 } : project;
	d.project_slug = d.git_branch = d.head_commit_sha = (struct str){ 0 };
	rc = write_event(w, sp, &d, type, of, aggregate_id, p, id, e);
	buf_fini(&p->b);
	return rc;
}

enum err
work_entity(struct work *w, enum aggregate type, struct str key,
    const struct entity **ret, struct err_info *e)
{
	struct entity_key k = { w->project, str_of(aggregate_name(type)), key };
	enum err rc = store_entity(w->s, w->space, &k, ret, e);

	if (rc == ERR_OK && *ret != NULL && !entity_present(*ret))
		*ret = NULL;
	return rc;
}

/* --- places ------------------------------------------------------------------------- */

enum err
work_stop(struct err_info *e)
{
	return err_set(e, ERR_EXISTS);
}

enum err
work_stopped(enum err rc, bool stopped, struct err_info *e)
{
	if (rc != ERR_EXISTS || !stopped)
		return rc;
	*e = (struct err_info){ 0 };
	return ERR_OK;
}

static enum err
place_slug(struct work *w, struct work_place *at, struct err_info *e)
{
	struct entity_key key = { at->project, STR("project"), at->project };
	const struct entity *en;
	enum err rc = store_entity(w->s, at->space, &key, &en, e);

	at->slug = (struct str){ 0 };
	if (rc == ERR_OK && en != NULL)
		at->slug = entity_text(en, "slug", w->a);
	if (at->slug.n == 0)
		at->slug = str_n(at->project.p,
		    at->project.n < ID_PROJECT_SHOWN ? at->project.n :
		                                       ID_PROJECT_SHOWN);
	return rc;
}

static enum err
places_of(struct work *w, const struct space *sp, work_place_fn *fn, void *ctx,
    struct err_info *e)
{
	struct store_project *list;
	struct spaces_choice choice;
	size_t n;
	enum err rc = store_projects(w->s, sp->id, w->a, &list, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct work_place at = { .space = sp->id,
			.project = list[i].project,
			.team = sp->team,
			.entities = list[i].entities,
			.digest = list[i].digest };

		rc = spaces_choose(w->s, at.project, &choice, e);
		/* What belongs to no project is in each space by itself. */
		if (rc != ERR_OK ||
		    (choice.space != sp->id && !str_is(at.project, "unplaced")))
			continue;
		at.here = sp->id == w->space && str_eq(at.project, w->project);
		rc = place_slug(w, &at, e);
		if (rc == ERR_OK)
			rc = fn(ctx, &at, e);
	}
	return rc;
}

enum err
work_places(struct work *w, work_place_fn *fn, void *ctx, struct err_info *e)
{
	struct space *list;
	size_t n = 0;
	enum err rc = store_space_list(w->s, w->a, &list, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = places_of(w, &list[i], fn, ctx, e);
	return rc;
}
