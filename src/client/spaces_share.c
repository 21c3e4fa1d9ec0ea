/* Where `project share` moved a project to (docs/protocol.md, The team).
 *
 * Anybody may write anything into a file that somebody imports.  What is private
 * to one person therefore goes to a team at that person's word alone. */
#include "spaces.h"

/* A team that others write to as well: of the present account, and not its
 * private one.  Of what an account that is away owned we know nothing. */
static bool
has_others(const struct space *sp, const struct spaces_account *who)
{
	return sp->hub.n > 0 && spaces_is_of(sp, who) &&
	    !str_eq(sp->team, who->team);
}

/* Made here, or on another machine of the account: that one sent it as its own.
 * What came by import is sent on as relayed. */
static bool
is_their_word(const struct space *sp, const struct log_row *row)
{
	return row->own ||
	    (sp->account.n > 0 && !row->relayed &&
	        str_eq(row->user, sp->account));
}

struct shares {
	const struct space *space;
	struct arena *arena;
	struct str team; /* of the latest one that counts; in the arena */
};

static enum err
share_read(struct shares *sh, const struct event *ev, struct err_info *e)
{
	struct err_info why = { 0 };
	struct str team;

	if (!ev->folds || !str_is(ev->type, "project_shared"))
		return ERR_OK;
	/* As the fold passes over it. */
	if (event_check(ev, &why) != ERR_OK)
		return why.code == ERR_NOMEM ? err_set(e, ERR_NOMEM) : ERR_OK;
	if (json_str(ev->json, json_get(ev->json, ev->payload, "team"),
	        sh->arena, &team))
		sh->team = arena_str(sh->arena, team);
	else
		sh->team.p = NULL;
	return sh->team.p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
share_look(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct shares *sh = ctx;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct event ev;
	enum err rc;

	if (row->status == EVENT_REFUSED || !is_their_word(sh->space, row))
		return ERR_OK;
	rc = event_parse(&ev, &j, row->raw, &a, e);
	if (rc == ERR_OK)
		rc = share_read(sh, &ev, e);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static bool
is_uuid(struct str project)
{
	struct eid id;

	return eid_parse(project, &id) && id.form == EID_UUID;
}

enum err
spaces_shared_to(struct store *s, const struct spaces_account *who,
    const struct space *sp, struct str project, struct arena *a,
    struct str *team, struct err_info *e)
{
	struct entity_key key = { project, STR("project"), project };
	struct shares sh = { .space = sp, .arena = a };
	const struct entity *en = NULL;
	size_t n = 0;
	enum err rc = ERR_OK;

	*team = (struct str){ 0 };
	if (is_uuid(project))
		rc = store_entity(s, sp->id, &key, &en, e);
	if (rc != ERR_OK || en == NULL || entity_cells(en, "team", &n) == NULL)
		return rc;
	if (has_others(sp, who)) {
		*team = entity_text(en, "team", a);
		return ERR_OK;
	}
	rc = store_entity_log(s, sp->id, &key, share_look, &sh, e);
	*team = sh.team;
	return rc;
}
