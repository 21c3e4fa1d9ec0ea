/* Who is it?  Asked for every request, so answered from memory: a session is
 * read from the database at its first sight and dropped when it changes. */
#include <stdio.h>
#include <stdlib.h>

#include "accounts.h"
#include "accounts_int.h"
#include "fault.h"

enum {
	SEEN_MAX = 16384, /* then the cache starts over */
	BLIND_MS = 5000   /* longer without a look at the database: refuse */
};

struct jwt_want
accounts_want(const struct accounts *a, enum jwt_kind kind, int64_t now_ms)
{
	static const struct str aud[JWT_KIND_COUNT] = {
		[JWT_ACCESS] = { "clowder", 7 },
		[JWT_WS] = { "clowder-ws", 10 },
	};

	return (struct jwt_want){
		.kind = kind,
		.key = a->key,
		.n = a->n_keys,
		.iss = str_of(a->hub_id),
		.aud = aud[kind],
		.now_s = now_ms / 1000,
	};
}

/* --- one block for a who ------------------------------------------------------ */

static size_t
who_bytes(const struct account_who *w)
{
	size_t n = w->n_teams * sizeof *w->team + w->user_id.n + w->name.n +
	    w->email.n + w->session_id.n + w->auth_flow.n;

	for (size_t i = 0; i < w->n_teams; i++)
		n += w->team[i].id.n + w->team[i].slug.n + w->team[i].name.n +
		    w->team[i].role.n;
	return n;
}

static void
place(struct str *s, char **at)
{
	if (s->n > 0)
		memcpy(*at, s->p, s->n);
	s->p = *at;
	*at += s->n;
}

/* Copy *w into the block, who_bytes() long and aligned for any type. */
static struct account_who
who_copy(const struct account_who *w, void *block)
{
	struct account_who out = *w;
	struct account_team *team = block;
	char *at = (char *)(team + w->n_teams);

	place(&out.user_id, &at);
	place(&out.name, &at);
	place(&out.email, &at);
	place(&out.session_id, &at);
	place(&out.auth_flow, &at);
	for (size_t i = 0; i < w->n_teams; i++) {
		team[i] = w->team[i];
		place(&team[i].id, &at);
		place(&team[i].slug, &at);
		place(&team[i].name, &at);
		place(&team[i].role, &at);
	}
	out.team = team;
	return out;
}

/* --- the cache: read_lock is held ------------------------------------------------ */

static void
seen_free(struct seen *s)
{
	if (s == NULL)
		return;
	free(s->block);
	free(s);
}

static void
forget_all(struct accounts *a)
{
	size_t at = 0;
	struct str key;
	void *s;

	while (map_next(&a->seen, &at, &key, &s))
		seen_free(s);
	map_fini(&a->seen);
}

void
accounts_forget_all(struct accounts *a)
{
	(void)pthread_mutex_lock(&a->read_lock);
	forget_all(a);
	(void)pthread_mutex_unlock(&a->read_lock);
}

enum err
accounts_version(struct sql *s, int64_t *ret, struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	query_open(&q, s, "PRAGMA data_version");
	rc = query_row(&q, &found, e);
	*ret = found ? query_get_int(&q, 0) : 0;
	query_close(&q);
	return rc;
}

void
accounts_changed(struct accounts *a, struct str session_id)
{
	struct err_info ignored = { 0 };
	int64_t seen, others;

	(void)pthread_mutex_lock(&a->read_lock);
	if (session_id.n > 0)
		seen_free(map_del(&a->seen, session_id));
	else
		forget_all(a);
	/* In this order: if nobody else has committed up to now, then what the
	 * reading connection sees is this change of ours, and that is dealt
	 * with.  Where either cannot be read, the next look finds a change and
	 * starts over: more work, never less. */
	if (accounts_version(&a->read, &seen, &ignored) == ERR_OK &&
	    accounts_version(&a->write, &others, &ignored) == ERR_OK) {
		if (others == a->others_version)
			a->seen_version = seen;
		a->others_version = others;
	}
	(void)pthread_mutex_unlock(&a->read_lock);
}

/* Has another process changed something?  Does not wait for a commit that is
 * under way, ours or another's - the next request will look - unless the last
 * look is too long ago. */
static enum err
look(struct accounts *a, int64_t now_ms, struct err_info *e)
{
	/* A clock that was set back is a reason to look as well. */
	bool known = a->looked && now_ms >= a->looked_ms;
	int64_t version;
	enum err rc;

	if (known && now_ms - a->looked_ms < ACCOUNTS_STALE_MS)
		return ERR_OK;
	known = known && now_ms - a->looked_ms < BLIND_MS;
	if (known)
		(void)sqlite3_busy_timeout(a->read.db, 0);
	rc = accounts_version(&a->read, &version, e);
	(void)sqlite3_busy_timeout(a->read.db, (int)a->read_busy_ms);
	if (rc == ERR_LOCKED && known)
		return ERR_OK;
	if (rc == ERR_LOCKED)
		return err_setf(e, ERR_UNAVAILABLE, "the accounts are locked");
	if (rc != ERR_OK)
		return rc;
	if (version != a->seen_version)
		forget_all(a);
	a->seen_version = version;
	a->looked = true;
	a->looked_ms = now_ms;
	return ERR_OK;
}

/* --- loading ----------------------------------------------------------------------- */

static enum err
session_read(struct accounts *a, struct str id, struct arena *ar,
    struct account_who *w, bool *alive, struct str *default_team,
    struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	query_open(&q, &a->read,
	    "SELECT u.id, u.name, u.email, f.id, f.flow, u.default_team,"
	    " u.disabled, f.state, f.generation, f.started_ms, f.expires_ms"
	    " FROM family f JOIN user u ON u.id = f.user WHERE f.id = ?1");
	query_text(&q, id);
	rc = query_row(&q, &found, e);
	if (rc == ERR_OK && !found)
		rc = err_set(e, ERR_SESSION);
	if (rc != ERR_OK)
		goto done;
	struct str *const to[] = { &w->user_id, &w->name, &w->email,
		&w->session_id, &w->auth_flow, default_team };
	for (int i = 0; i < 6 && rc == ERR_OK; i++)
		rc = query_copy(&q, i, ar, to[i], e);
	*alive =
	    query_get_int(&q, 6) == 0 && query_get_int(&q, 7) == FAMILY_ACTIVE;
	w->generation = (uint64_t)query_get_int(&q, 8);
	w->authenticated_ms = query_get_int(&q, 9);
	w->refresh_expires_ms = query_get_int(&q, 10);
done:
	query_close(&q);
	return rc;
}

static enum err
team_read(struct query *q, struct arena *ar, struct account_team *t,
    struct err_info *e)
{
	struct str *const to[] = { &t->id, &t->slug, &t->name, &t->role };
	enum err rc = ERR_OK;

	*t = (struct account_team){ .is_private = query_get_int(q, 4) != 0 };
	for (int i = 0; i < 4 && rc == ERR_OK; i++)
		rc = query_copy(q, i, ar, to[i], e);
	return rc;
}

/* *list is own, whatever happens. */
static enum err
teams_read(struct accounts *a, struct str default_team, struct arena *ar,
    struct account_who *w, struct account_team **list, struct err_info *e)
{
	struct query q = { 0 };
	bool found, has_default = false;
	size_t cap = 0;
	enum err rc;

	query_open(&q, &a->read,
	    "SELECT t.id, t.slug, t.name, m.role, t.private FROM member m"
	    " JOIN team t ON t.id = m.team WHERE m.user = ?1 ORDER BY t.slug");
	query_text(&q, w->user_id);
	for (;;) {
		rc = query_row(&q, &found, e);
		if (rc != ERR_OK || !found)
			break;
		if (!mem_grow(list, &cap, w->n_teams + 1, sizeof **list)) {
			rc = err_set(e, ERR_NOMEM);
			break;
		}
		rc = team_read(&q, ar, &(*list)[w->n_teams], e);
		if (rc != ERR_OK)
			break;
		if (str_eq((*list)[w->n_teams].id, default_team)) {
			w->default_team = w->n_teams;
			has_default = true;
		}
		w->n_teams++;
	}
	query_close(&q);
	w->team = *list;
	if (rc == ERR_OK && !has_default)
		rc = err_setf(e, ERR_CORRUPT, "user %.*s has no default team",
		    STR_ARG(w->name));
	return rc;
}

static enum err
seen_keep(struct accounts *a, const struct account_who *w, bool alive,
    struct seen **ret, struct err_info *e)
{
	struct seen *s = mem_zero(sizeof *s);
	size_t n = who_bytes(w);

	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	s->block = mem_alloc(n);
	if (s->block == NULL || w->session_id.n >= sizeof s->id)
		goto fail;
	memcpy(s->id, w->session_id.p, w->session_id.n);
	s->alive = alive;
	s->who = who_copy(w, s->block);
	if (a->seen.count >= SEEN_MAX)
		forget_all(a);
	if (!map_put(&a->seen, str_of(s->id), s))
		goto fail;
	*ret = s;
	return ERR_OK;
fail:
	seen_free(s);
	return err_set(e, ERR_NOMEM);
}

static enum err
seen_load(struct accounts *a, struct str id, struct seen **ret,
    struct err_info *e)
{
	struct account_team *list = NULL;
	struct account_who w = { 0 };
	struct str default_team;
	struct arena ar = { 0 };
	bool alive = false;
	enum err rc;

	rc = session_read(a, id, &ar, &w, &alive, &default_team, e);
	if (rc == ERR_OK)
		rc = teams_read(a, default_team, &ar, &w, &list, e);
	if (rc == ERR_OK)
		rc = seen_keep(a, &w, alive, ret, e);
	free(list);
	arena_fini(&ar);
	return rc;
}

/* user_id: whose it has to be; n 0: whoever's. */
static enum err
who_get(struct accounts *a, struct str session_id, struct str user_id,
    int64_t now_ms, struct arena *ar, struct account_who *ret,
    struct err_info *e)
{
	struct seen *s;
	void *block;
	enum err rc = look(a, now_ms, e);

	if (rc != ERR_OK)
		return rc;
	s = map_get(&a->seen, session_id);
	if (s == NULL)
		rc = seen_load(a, session_id, &s, e);
	if (rc != ERR_OK)
		return rc;
	if (!s->alive || (user_id.n > 0 && !str_eq(s->who.user_id, user_id)))
		return err_set(e, ERR_SESSION);
	block = arena_alloc(ar, who_bytes(&s->who));
	if (block == NULL)
		return err_set(e, ERR_NOMEM);
	*ret = who_copy(&s->who, block);
	return ERR_OK;
}

enum err
accounts_session(struct accounts *a, struct str session_id, int64_t now_ms,
    struct arena *ar, struct account_who *ret, struct err_info *e)
{
	enum err rc;

	(void)pthread_mutex_lock(&a->read_lock);
	rc = who_get(a, session_id, STR(""), now_ms, ar, ret, e);
	(void)pthread_mutex_unlock(&a->read_lock);
	return rc;
}

enum err
accounts_check(struct accounts *a, struct str access, int64_t now_ms,
    struct arena *ar, struct account_who *ret, struct err_info *e)
{
	struct jwt_want want = accounts_want(a, JWT_ACCESS, now_ms);
	struct jwt_claims c;
	enum err rc = jwt_verify(access, &want, ar, &c, e);

	if (rc != ERR_OK)
		return rc;
	(void)pthread_mutex_lock(&a->read_lock);
	rc = who_get(a, c.sid, c.sub, now_ms, ar, ret, e);
	(void)pthread_mutex_unlock(&a->read_lock);
	if (rc == ERR_OK)
		ret->access_expires_ms = c.exp_s * 1000;
	return rc;
}

/* --- the team of a request --------------------------------------------------------- */

static int
team_cmp(const void *slug, const void *team)
{
	return str_cmp(*(const struct str *)slug,
	    ((const struct account_team *)team)->slug);
}

enum err
accounts_team_of(const struct account_who *w, struct str header,
    struct str envelope, const struct account_team **ret, struct err_info *e)
{
	struct str slug = header.n > 0 ? header : envelope;

	*ret = slug.n == 0 ?
	    NULL :
	    bsearch(&slug, w->team, w->n_teams, sizeof *w->team, team_cmp);
	if (*ret == NULL && header.n > 0)
		return err_setf(e, ERR_FORBIDDEN,
		    "this account is in no team of that slug");
	if (*ret == NULL)
		*ret = &w->team[w->default_team];
	return ERR_OK;
}
