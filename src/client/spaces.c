#include "spaces.h"

#include <string.h>

/* Which account was signed in last, as the note holds it. */
static const char account_note[] = "account";

enum err
spaces_account(struct store *s, struct arena *a, struct spaces_account *ret,
    struct err_info *e)
{
	struct str note = { 0 };
	struct str *const part[] = { &ret->hub, &ret->name, &ret->team };
	enum err rc = store_note_get(s, str_of(account_note), a, &note, e);

	*ret = (struct spaces_account){ 0 };
	if (rc == ERR_NOT_FOUND)
		return ERR_OK;
	for (int i = 0; rc == ERR_OK && i < 3; i++)
		if (!str_split(&note, '\n', part[i]))
			rc = err_setf(e, ERR_CORRUPT,
			    "the note '%s' of the store is damaged",
			    account_note);
	return rc;
}

static enum err
account_put(struct store *s, const struct spaces_account *who,
    struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	buf_addstr(&b, who->hub), buf_addc(&b, '\n');
	buf_addstr(&b, who->name), buf_addc(&b, '\n');
	buf_addstr(&b, who->team);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = store_note_put(s, str_of(account_note), buf_str(&b), e);
	buf_fini(&b);
	return rc;
}

bool
spaces_is_of(const struct space *sp, const struct spaces_account *who)
{
	return str_eq(sp->hub, who->hub) && str_eq(sp->account, who->name);
}

/* Everything that a choice looks at. */
struct chooser {
	struct store *store;
	struct arena arena;
	struct spaces_account who;
	struct space *space; /* in the arena */
	size_t n;
	size_t private_at; /* n = there is no space yet */
};

static size_t
find_private(const struct chooser *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (spaces_is_of(&c->space[i], &c->who) &&
		    str_eq(c->space[i].team, c->who.team))
			return i;
	for (size_t i = 0; i < c->n; i++)
		if (c->space[i].hub.n == 0)
			return i;
	return 0;
}

static enum err
chooser_init(struct chooser *c, struct store *s, struct err_info *e)
{
	enum err rc;

	*c = (struct chooser){ .store = s };
	rc = spaces_account(s, &c->arena, &c->who, e);
	if (rc == ERR_OK)
		rc = store_space_list(s, &c->arena, &c->space, &c->n, e);
	c->private_at = find_private(c);
	return rc;
}

static void
chooser_fini(struct chooser *c)
{
	arena_fini(&c->arena);
}

enum err
spaces_private(struct store *s, space_id *ret, struct err_info *e)
{
	struct chooser c;
	enum err rc = chooser_init(&c, s, e);

	if (rc == ERR_OK && c.n == 0)
		rc = err_setf(e, ERR_NOT_FOUND, "there is no space yet");
	if (rc == ERR_OK)
		*ret = c.space[c.private_at].id;
	chooser_fini(&c);
	return rc;
}

/* Is there anything of the project in the space? */
static enum err
has_project(const struct chooser *c, const struct space *sp, struct str project,
    bool *ret, struct err_info *e)
{
	uint8_t digest[32];
	enum err rc = store_digest(c->store, sp->id, project, digest, e);

	*ret = rc == ERR_OK;
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* Where `project share` moved the project to, as far as the space knows; at
 * itself where it stays.  docs/protocol.md, The team. */
static enum err
moved_to(struct chooser *c, size_t at, struct str project, size_t *ret,
    struct err_info *e)
{
	const struct space *from = &c->space[at];
	struct str team;
	enum err rc = spaces_shared_to(c->store, &c->who, from, project,
	    &c->arena, &team, e);

	*ret = at;
	for (size_t i = 0; rc == ERR_OK && team.n > 0 && i < c->n; i++)
		if (str_eq(c->space[i].team, team) &&
		    str_eq(c->space[i].hub, from->hub) &&
		    str_eq(c->space[i].account, from->account))
			*ret = i;
	return rc;
}

static enum err
follow(struct chooser *c, size_t at, struct str project, size_t *ret,
    struct err_info *e)
{
	enum err rc = ERR_OK;
	size_t next = at;

	/* Shared in a circle: it ends after each was seen once. */
	for (size_t hops = 0; rc == ERR_OK && hops <= c->n; hops++) {
		at = next;
		rc = moved_to(c, at, project, &next, e);
		if (next == at)
			break;
	}
	*ret = next;
	return rc;
}

static char *
use_note(struct arena *a, struct str project)
{
	return arena_fmt(a, "project.space:%.*s", STR_ARG(project));
}

/* The space that `project use` chose; c->n where none was. */
static enum err
chosen(struct chooser *c, struct str project, size_t *ret, struct err_info *e)
{
	char *name = use_note(&c->arena, project);
	struct str note = { 0 };
	uint64_t id = 0;
	enum err rc;

	*ret = c->n;
	if (name == NULL)
		return err_set(e, ERR_NOMEM);
	rc = store_note_get(c->store, str_of(name), &c->arena, &note, e);
	if (rc == ERR_OK && str_u64(note, &id))
		for (size_t i = 0; i < c->n; i++)
			if ((uint64_t)c->space[i].id == id)
				*ret = i;
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* What the spaces say, in order of preference. */
struct found {
	size_t at, of_others;
	size_t n; /* different ones of ours */
	bool private_too;
};

static enum err
look_at(struct chooser *c, size_t i, struct str project, struct found *f,
    struct err_info *e)
{
	bool has = false,
	     ours =
	         spaces_is_of(&c->space[i], &c->who) || c->space[i].hub.n == 0;
	size_t to = i;
	enum err rc = has_project(c, &c->space[i], project, &has, e);

	if (rc == ERR_OK && has)
		rc = follow(c, i, project, &to, e);
	if (rc != ERR_OK || !has)
		return rc;
	if (!ours) {
		f->of_others = f->of_others < c->n ? f->of_others : to;
		return ERR_OK;
	}
	if (f->n == 0 || to != f->at)
		f->n++;
	f->private_too |= to == c->private_at;
	if (f->n == 1)
		f->at = to;
	return ERR_OK;
}

static enum err
choose(struct chooser *c, struct str project, struct spaces_choice *ret,
    struct err_info *e)
{
	size_t use = c->n, at;
	struct found f = { .at = c->n, .of_others = c->n };
	enum err rc = chosen(c, project, &use, e);

	for (size_t i = 0; rc == ERR_OK && i < c->n; i++)
		rc = look_at(c, i, project, &f, e);
	if (rc == ERR_OK && use < c->n)
		rc = follow(c, use, project, &use, e);
	if (rc != ERR_OK)
		return rc;
	ret->known = f.n > 0 || f.of_others < c->n || use < c->n;
	if (use < c->n) {
		at = use;
	} else if (f.n > 0) {
		ret->several = f.n > 1;
		at = f.n > 1 && f.private_too ? c->private_at : f.at;
	} else if (f.of_others < c->n) {
		at = f.of_others;
		ret->foreign = true;
	} else {
		at = c->private_at;
	}
	ret->space = c->space[at].id;
	return ERR_OK;
}

enum err
spaces_choose(struct store *s, struct str project, struct spaces_choice *ret,
    struct err_info *e)
{
	struct chooser c;
	enum err rc = chooser_init(&c, s, e);

	*ret = (struct spaces_choice){ 0 };
	if (rc == ERR_OK && c.n == 0)
		rc = err_setf(e, ERR_NOT_FOUND, "there is no space yet");
	if (rc == ERR_OK)
		rc = choose(&c, project, ret, e);
	chooser_fini(&c);
	return rc;
}

enum err
spaces_use(struct store *s, struct str project, space_id sp, struct err_info *e)
{
	struct arena a = { 0 };
	char *name = use_note(&a, project);
	char *id = arena_fmt(&a, "%lld", (long long)sp);
	enum err rc = name && id ?
	    store_note_put(s, str_of(name), str_of(id), e) :
	    err_set(e, ERR_NOMEM);

	arena_fini(&a);
	return rc;
}

enum err
spaces_team(struct store *s, struct str team, space_id *ret, struct err_info *e)
{
	struct chooser c;
	struct buf known = { 0 };
	enum err rc = chooser_init(&c, s, e);
	bool found = false;

	for (size_t i = 0; rc == ERR_OK && i < c.n && !found; i++) {
		if (!spaces_is_of(&c.space[i], &c.who) || c.who.name.n == 0)
			continue;
		found = str_eq(c.space[i].team, team);
		*ret = c.space[i].id;
		buf_addf(&known, "%s%.*s", known.len > 0 ? ", " : "",
		    STR_ARG(c.space[i].team));
	}
	if (rc == ERR_OK && !found && known.len == 0)
		rc =
		    err_setf(e, ERR_SIGN_IN, "not signed in: no team is known");
	else if (rc == ERR_OK && !found)
		rc = err_setf(e, ERR_NOT_FOUND,
		    "'%.*s' is no team of yours; your teams: %.200s",
		    STR_ARG(team), known.data);
	buf_fini(&known);
	chooser_fini(&c);
	return rc;
}

enum err
spaces_local(struct store *s, struct err_info *e)
{
	struct arena a = { 0 };
	struct space *list;
	size_t n = 0;
	space_id id;
	enum err rc = store_space_list(s, &a, &list, &n, e);

	arena_fini(&a);
	if (rc != ERR_OK || n > 0)
		return rc;
	rc = store_begin(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = store_space_add(s, STR(""), STR(""), STR(SPACE_LOCAL), &id, e);
	/* Another process was first. */
	if (rc == ERR_EXISTS) {
		store_rollback(s);
		return ERR_OK;
	}
	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
	return rc;
}

static enum err
add_team(struct store *s, const struct spaces_account *who, struct str team,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct space sp;
	space_id id;
	enum err rc =
	    store_space_find(s, who->hub, who->name, team, &a, &sp, e);

	if (rc == ERR_NOT_FOUND)
		rc = store_space_add(s, who->hub, who->name, team, &id, e);
	arena_fini(&a);
	return rc;
}

enum err
spaces_elsewhere(struct store *s, const struct spaces_account *who,
    struct arena *a, struct space **ret, size_t *n, struct err_info *e)
{
	struct space *list;
	size_t all = 0;
	enum err rc = store_space_list(s, a, &list, &all, e);

	*n = 0;
	*ret = rc == ERR_OK ? list : NULL;
	for (size_t i = 0; rc == ERR_OK && i < all; i++) {
		if (list[i].hub.n == 0 || !str_eq(list[i].account, who->name))
			continue;
		if (str_eq(list[i].hub, who->hub)) {
			*n = 0;
			return ERR_OK;
		}
		if (list[i].epoch.n > 0)
			list[(*n)++] = list[i];
	}
	return rc;
}

/* The hub has another address now: what is known of it goes on there. */
static enum err
follow_hub(struct store *s, const struct spaces_account *who,
    const struct space *moved, size_t n, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		rc = store_space_rename(s, moved[i].id, who->hub, who->name,
		    moved[i].team, e);
		/* Two old addresses: the first one goes on. */
		if (rc == ERR_EXISTS) {
			*e = (struct err_info){ 0 };
			rc = ERR_OK;
		}
	}
	return rc;
}

enum err
spaces_login(struct store *s, const struct spaces_account *who,
    const struct space *moved, size_t n_moved, const struct str *team,
    size_t n_teams, struct err_info *e)
{
	struct arena a = { 0 };
	struct space local, mine;
	enum err rc = follow_hub(s, who, moved, n_moved, e);
	bool is_first;

	if (rc == ERR_OK)
		rc = store_space_find(s, STR(""), STR(""), STR(SPACE_LOCAL), &a,
		    &local, e);
	is_first = rc == ERR_OK;
	if (rc == ERR_OK || rc == ERR_NOT_FOUND)
		rc = store_space_find(s, who->hub, who->name, who->team, &a,
		    &mine, e);
	if (rc == ERR_NOT_FOUND && is_first)
		rc = store_space_rename(s, local.id, who->hub, who->name,
		    who->team, e);
	else if (rc == ERR_NOT_FOUND)
		rc = add_team(s, who, who->team, e);
	for (size_t i = 0; rc == ERR_OK && i < n_teams; i++)
		rc = add_team(s, who, team[i], e);
	if (rc == ERR_OK)
		rc = account_put(s, who, e);
	arena_fini(&a);
	return rc;
}
