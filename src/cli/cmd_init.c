/* init: a folder becomes a project with an identity of its own. */
#include "cmds.h"
#include "path.h"
#include "text.h"
#include "work.h"

static enum err
wanted_slug(struct cli *c, const struct project *p, struct str *ret,
    struct err_info *e)
{
	const char *typed = cli_opt(c, "slug");
	struct buf b = { 0 };
	enum err rc;

	*ret = p->slug;
	if (typed == NULL)
		return ERR_OK;
	text_slug(str_of(typed), &b);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK && b.len == 0)
		rc = cli_usage(e, "--slug must have letters or digits");
	if (rc == ERR_OK && b.len > 100)
		rc = cli_usage(e, "--slug must have at most 100 characters");
	if (rc == ERR_OK) {
		*ret = arena_str(&c->ctx->arena, buf_str(&b));
		rc = ret->p ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	buf_fini(&b);
	return rc;
}

/* What others call the project, where that is not what they would see. */
static enum err
tell_slug(struct work *w, struct str slug, struct err_info *e)
{
	const struct entity *en;
	struct payload p;
	bool known;
	enum err rc;

	w->draft.project_slug = slug;
	rc = work_entity(w, AGG_PROJECT, w->project, &en, e);
	if (rc != ERR_OK)
		return rc;
	known = en != NULL;
	if (known && str_eq(entity_text(en, "slug", w->a), slug))
		return ERR_OK;
	payload_begin(&p);
	json_key(&p.w, "slug"), json_put_str(&p.w, slug);
	if (!known && w->c->ctx->project.remote.n > 0) {
		json_key(&p.w, "remote_url");
		json_put_str(&p.w, w->c->ctx->project.remote);
	}
	w->project_known = true; /* this is its introduction */
	return work_author(w, known ? "project_updated" : "project_created",
	    AGG_PROJECT, w->project, &p, NULL, e);
}

static void
print(struct cli *c, const struct project *p, struct str slug, bool made)
{
	struct json_writer *w;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "slug"), json_put_str(w, slug);
		json_key(w, "uuid"), json_put_str(w, p->uuid);
		json_key(w, "folder"), json_put_z(w, p->root);
		json_key(w, "from"), json_put_z(w, project_from_name(p->from));
		json_key(w, "made"), json_put_bool(w, made);
		json_end(w);
		out_json_end(c->out);
		return;
	}
	out_say(c->out, made ? "Project " : "Already a project: ");
	out_str(c->out, PAINT_TITLE, slug);
	out_say(c->out, " in ");
	out_str(c->out, PAINT_NONE, str_of(p->root));
	out_say(c->out, "\n");
	out_pair(c->out, 5, "Id", PAINT_NONE, "%.*s", STR_ARG(p->uuid));
	out_pair(c->out, 5, "Kept", PAINT_NONE,
	    "%s/.clowder/project.toml (for your repository)", p->root);
}

static enum err
init_run(struct cli *c, struct err_info *e)
{
	const struct project *p;
	struct work w;
	struct str slug = { 0 };
	bool made = false;
	enum err rc = ctx_project(c->ctx, &p, e);

	if (rc == ERR_OK)
		rc = wanted_slug(c, p, &slug, e);
	if (rc != ERR_OK)
		return rc;
	if (p->from == PROJECT_FILE && !str_eq(slug, p->slug))
		return err_setf(e, ERR_EXISTS,
		    "%s/.clowder/project.toml is there already and says slug = "
		    "\"%.*s\"; change it there",
		    p->root, STR_ARG(p->slug));
	rc = work_begin(&w, c, e);
	if (rc == ERR_OK)
		rc = tell_slug(&w, slug, e);
	if (rc == ERR_OK && p->from != PROJECT_FILE) {
		rc = project_write(p->root, p->uuid, slug, e);
		made = true;
	}
	rc = work_end(&w, rc, e);
	if (rc == ERR_OK)
		print(c, p, slug, made);
	return rc;
}

static const struct cmd_opt init_opt[] = {
	{ .name = "slug",
	    .arg = "SLUG",
	    .help = "what to call the project (else the folder's name)" },
	{ 0 },
};
static const struct cmd_example init_example[] = {
	{ "init", "the folder, or the repository that it is in" },
	{ "init --slug billing", "with a name of its own" },
	{ 0 },
};
const struct cmd cmd_init = {
	.name = "init",
	.purpose = "make this folder a project",
	.about =
	    "Writes .clowder/project.toml with the project's id and name, to "
	    "be committed: then every clone and every worktree is the same "
	    "project. Without it the project is known by the remote "
	    "\"origin\", "
	    "else by this machine and the folder. Running it again changes "
	    "nothing.",
	.opt = init_opt,
	.example = init_example,
	.run = init_run,
};
