/* Signing in and out; who am I. */
#include "body.h"
#include "pull.h"
#include "remote_int.h"
#include "session_file.h"

enum {
	ACCESS_DEFAULT_S = 3600,
	REFRESH_DEFAULT_S = 7 * 24 * 3600,
	LIFETIME_MAX_S = 10 * 365 * 24 * 3600,
	NAME_MAX_BYTES = 256
};

/* --- reading answers --------------------------------------------------------------- */

struct reader {
	struct json j;
	struct arena *ar;
};

static enum err
reader_init(struct reader *r, struct str body, struct arena *ar,
    struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc = json_parse(&r->j, body, REMOTE_JSON_DEPTH, &why);

	r->ar = ar;
	if (rc == ERR_OK && json_kind(&r->j, 0) == JSON_OBJECT)
		return ERR_OK;
	return rc == ERR_NOMEM ? err_set(e, ERR_NOMEM) :
	                         err_setf(e, ERR_PROTOCOL,
	                             "the server's answer is no JSON "
	                             "object: is this a hub?");
}

/* A string member as a copy; n 0 where there is none. */
static struct str
text_at(struct reader *r, uint32_t object, const char *name)
{
	uint32_t at = json_get(&r->j, object, name);
	struct str s;

	if (at == 0 || json_kind(&r->j, at) != JSON_STRING ||
	    !json_str(&r->j, at, r->ar, &s))
		return (struct str){ 0 };
	return arena_str(r->ar, s);
}

static uint64_t
count_at(struct reader *r, const char *name)
{
	uint32_t at = json_get(&r->j, 0, name);
	uint64_t v = 0;

	return at != 0 && json_u53(&r->j, at, &v) ? v : 0;
}

enum err
remote_grant_decode(struct remote_grant *ret, struct str body, struct arena *ar,
    struct err_info *e)
{
	struct reader r = { 0 };
	enum err rc = reader_init(&r, body, ar, e);

	if (rc == ERR_OK) {
		ret->access = text_at(&r, 0, "access");
		ret->refresh = text_at(&r, 0, "refresh");
		ret->session_id = text_at(&r, 0, "session_id");
		ret->team_slug = text_at(&r, 0, "team_slug");
		ret->access_s = count_at(&r, "access_lifetime");
		ret->refresh_s = count_at(&r, "refresh_lifetime");
		if (!remote_is_word(ret->access, REMOTE_TOKEN_MAX) ||
		    !remote_is_word(ret->refresh, REMOTE_TOKEN_MAX))
			rc = err_setf(e, ERR_PROTOCOL,
			    "the server's answer holds no tokens: is this a "
			    "hub?");
	}
	json_fini(&r.j);
	return rc;
}

static uint64_t
lifetime(uint64_t said_s, uint64_t usual_s)
{
	if (said_s == 0)
		return usual_s;
	/* Times must stay numbers, whatever the hub says. */
	return said_s < LIFETIME_MAX_S ? said_s : LIFETIME_MAX_S;
}

void
remote_grant_apply(struct session *s, const struct remote_grant *g,
    int64_t now_ms)
{
	uint64_t access = lifetime(g->access_s, ACCESS_DEFAULT_S);
	uint64_t refresh = lifetime(g->refresh_s, REFRESH_DEFAULT_S);

	s->access_token = g->access;
	s->refresh_token = g->refresh;
	if (g->session_id.n > 0)
		s->session_id = g->session_id;
	/* By our own clock: how long it lasts is what both agree on. */
	s->access_expires_ms = now_ms + (int64_t)access * 1000;
	s->refresh_expires_ms = now_ms + (int64_t)refresh * 1000;
	s->last_used_ms = now_ms;
	s->generation++;
}

/* {"name": "value", ...}: the small bodies of sign-in. */
static void
put_pairs(struct buf *out, const char *a, struct str a_value, const char *b,
    struct str b_value)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, a), json_put_str(&w, a_value);
	if (b != NULL)
		json_key(&w, b), json_put_str(&w, b_value);
	json_end(&w);
}

enum err
remote_grant_refresh(struct remote *a, struct str token,
    struct http_answer *ans, struct remote_grant *ret, struct err_info *e)
{
	struct buf body = { 0 };
	struct remote_call call = { .method = "POST",
		.target = STR("/api/v1/token/refresh/"),
		.timeout_ms = REMOTE_REFRESH_MS };
	enum err rc;

	put_pairs(&body, "refresh", token, NULL, STR(""));
	rc = buf_ok(&body, e);
	call.body = buf_str(&body);
	if (rc == ERR_OK)
		rc = remote_raw(a, &call, STR(""), ans, e);
	if (rc == ERR_OK && ans->status == 200)
		rc = remote_grant_decode(ret, buf_str(&ans->body), &ans->arena,
		    e);
	else if (rc == ERR_OK)
		rc = remote_error(ans, e);
	buf_wipe(&body);
	return rc;
}

/* --- who am I ------------------------------------------------------------------------- */

static bool
is_true(struct reader *r, uint32_t object, const char *name)
{
	uint32_t at = json_get(&r->j, object, name);
	bool v = false;

	return at != 0 && json_bool(&r->j, at, &v) && v;
}

/* Its private team: the hub says so; else the first that it owns; else the
 * first. */
static enum err
read_teams(struct reader *r, struct remote_me *me, struct err_info *e)
{
	uint32_t list = json_get(&r->j, 0, "teams"), at = list + 1;
	struct session_team *team;
	struct str owned = { 0 };

	if (list == 0 || json_kind(&r->j, list) != JSON_ARRAY ||
	    r->j.node[list].n == 0)
		return err_setf(e, ERR_PROTOCOL,
		    "the server names no team for this account");
	me->n_teams = r->j.node[list].n;
	team = arena_array(r->ar, me->n_teams, sizeof *team);
	if (team == NULL)
		return err_set(e, ERR_NOMEM);
	me->team = team;
	for (size_t i = 0; i < me->n_teams; i++, at = json_next(&r->j, at)) {
		team[i].id = text_at(r, at, "id");
		team[i].slug = text_at(r, at, "slug");
		team[i].name = text_at(r, at, "name");
		team[i].role = text_at(r, at, "role");
		if (team[i].id.n == 0 || team[i].slug.n == 0)
			return err_setf(e, ERR_PROTOCOL,
			    "a team of the server's answer has no id or slug");
		if (!remote_is_word(team[i].slug, REMOTE_SLUG_MAX))
			return err_setf(e, ERR_PROTOCOL,
			    "a team of the server's answer has a slug that is "
			    "none: '%.*s'",
			    (int)(team[i].slug.n < 80 ? team[i].slug.n : 80),
			    team[i].slug.p);
		if (me->private_team.n == 0 &&
		    is_true(r, at, "is_private_teamspace"))
			me->private_team = team[i].slug;
		if (owned.n == 0 && str_is(team[i].role, "owner"))
			owned = team[i].slug;
	}
	if (me->private_team.n == 0)
		me->private_team = owned.n > 0 ? owned : team[0].slug;
	return ERR_OK;
}

/* The store remembers it in one line. */
static bool
is_line(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
			return false;
	return name.n > 0 && name.n <= NAME_MAX_BYTES;
}

static enum err
me_decode(struct remote_me *ret, struct str body, struct arena *ar,
    struct err_info *e)
{
	struct reader r = { 0 };
	enum err rc = reader_init(&r, body, ar, e);

	*ret = (struct remote_me){ 0 };
	if (rc == ERR_OK) {
		ret->user_id = text_at(&r, 0, "user_id");
		ret->email = text_at(&r, 0, "email");
		ret->name = text_at(&r, 0, "name");
		ret->session_id = text_at(&r, 0, "session_id");
		if (ret->name.n == 0)
			ret->name = ret->email;
		if (ret->user_id.n == 0 || !is_line(ret->name))
			rc = err_setf(e, ERR_PROTOCOL,
			    "the server does not say who this account is");
	}
	if (rc == ERR_OK)
		rc = read_teams(&r, ret, e);
	json_fini(&r.j);
	return rc;
}

static const struct remote_call me_call = { .method = "GET",
	.target = STR_INIT("/api/v1/me") };

enum err
remote_me(struct remote *a, struct arena *ar, struct remote_me *ret,
    struct err_info *e)
{
	struct http_answer ans = { 0 };
	enum err rc = remote_send(a, &me_call, &ans, e);

	if (rc == ERR_OK)
		rc = ans.status == 200 ?
		    me_decode(ret, buf_str(&ans.body), ar, e) :
		    remote_error(&ans, e);
	http_answer_fini(&ans);
	return rc;
}

/* --- in and out ---------------------------------------------------------------------------- */

static enum err
ask_epoch(struct remote *a, struct arena *mem, struct str *ret,
    struct err_info *e)
{
	static const struct remote_call call = { .method = "GET",
		.target = STR_INIT("/api/health"),
		.timeout_ms = REMOTE_CHECK_MS };
	struct http_answer ans = { 0 };
	struct err_info ignore = { 0 };
	struct health_body body;
	enum err rc = remote_raw(a, &call, STR(""), &ans, e);

	*ret = (struct str){ 0 };
	if (rc == ERR_OK && ans.status == 200 &&
	    health_decode(&body, buf_str(&ans.body), mem, &ignore) == ERR_OK)
		*ret = body.epoch;
	http_answer_fini(&ans);
	return rc;
}

/* Anybody can claim an epoch.  Only the hub, and who was in the team, knows the
 * id of the event at our position. */
static enum err
proves_itself(struct remote *a, struct store *s, const struct space *sp,
    struct arena *mem, bool *ret, struct err_info *e)
{
	struct pull_query q = {
		.epoch = sp->epoch, .after = sp->pulled - 1, .limit = 1
	};
	struct remote_call call = {
		.method = "GET", .team = sp->team, .timeout_ms = REMOTE_CHECK_MS
	};
	struct http_answer ans = { 0 };
	struct err_info ignore = { 0 };
	struct buf target = { 0 };
	struct json j = { 0 };
	struct pull_answer p;
	struct log_row row;
	enum err rc;

	*ret = false;
	if (sp->pulled == 0)
		return ERR_OK;
	pull_query_encode(&q, &target);
	rc = buf_ok(&target, e);
	call.target = buf_str(&target);
	if (rc == ERR_OK)
		rc = remote_send(a, &call, &ans, e);
	*ret = rc == ERR_OK && ans.status == 200 &&
	    pull_answer_decode(&p, &j, buf_str(&ans.body), mem, &ignore) ==
	        ERR_OK &&
	    p.n == 1 && p.item[0].seq == sp->pulled &&
	    store_event(s, sp->id, &p.item[0].ev.id, mem, &row, &ignore) ==
	        ERR_OK &&
	    row.seq == sp->pulled;
	json_fini(&j);
	buf_fini(&target);
	http_answer_fini(&ans);
	return rc;
}

/* Which spaces that are known under another address are of this hub: those that
 * it proves, and with the private one also those that nothing was pulled of. */
static enum err
find_moved(struct remote *a, struct store *s, const struct spaces_account *who,
    struct arena *mem, struct space **ret, size_t *n, struct err_info *e)
{
	struct space *list;
	struct str epoch = { 0 };
	bool trusted = false;
	size_t all;
	enum err rc = spaces_elsewhere(s, who, mem, &list, &all, e);

	*n = 0;
	*ret = list;
	if (rc != ERR_OK || all == 0)
		return rc;
	rc = ask_epoch(a, mem, &epoch, e);
	for (size_t i = 0; rc == ERR_OK && i < all; i++) {
		bool same = str_eq(list[i].epoch, epoch), proven = false;

		if (same)
			rc = proves_itself(a, s, &list[i], mem, &proven, e);
		trusted |= proven && str_eq(list[i].team, who->team);
		if (proven || (same && list[i].pulled == 0))
			list[(*n)++] = list[i];
	}
	all = *n;
	*n = 0;
	for (size_t i = 0; i < all; i++)
		if (trusted || list[i].pulled > 0)
			list[(*n)++] = list[i];
	return rc;
}

enum err
remote_spaces(struct remote *a, const struct remote_me *me, struct err_info *e)
{
	struct spaces_account who = { a->server, me->name, me->private_team };
	struct arena mem = { 0 };
	struct str *slug = arena_array(&mem, me->n_teams, sizeof *slug);
	struct space *moved = NULL;
	size_t n_moved = 0;
	struct store *s;
	enum err rc =
	    slug ? ctx_store_write(a->ctx, &s, e) : err_set(e, ERR_NOMEM);

	if (rc == ERR_OK)
		rc = find_moved(a, s, &who, &mem, &moved, &n_moved, e);
	for (size_t i = 0; rc == ERR_OK && i < me->n_teams; i++)
		slug[i] = me->team[i].slug;
	if (rc == ERR_OK)
		rc = store_begin(s, e);
	if (rc == ERR_OK) {
		rc =
		    spaces_login(s, &who, moved, n_moved, slug, me->n_teams, e);
		if (rc == ERR_OK)
			rc = store_commit(s, e);
		if (rc != ERR_OK)
			store_rollback(s);
	}
	a->ctx->has_space = false;
	arena_fini(&mem);
	return rc;
}

/* Ask who it is with tokens that nobody keeps yet, then keep them. */
static enum err
keep(struct remote *a, struct session *s, const char *team_slug_wanted,
    struct err_info *e)
{
	struct http_answer ans = { 0 };
	struct arena mem = { 0 };
	struct os_lock lock = { 0 };
	struct remote_me me = { 0 };
	enum err rc = remote_raw(a, &me_call, s->access_token, &ans, e);

	if (rc == ERR_OK)
		rc = ans.status == 200 ?
		    me_decode(&me, buf_str(&ans.body), &mem, e) :
		    remote_error(&ans, e);
	if (rc != ERR_OK)
		goto done;
	s->user_id = me.user_id;
	s->email = me.email;
	s->name = me.name;
	s->team = me.team;
	s->n_teams = me.n_teams;
	s->server_url = a->server;
	if (s->session_id.n == 0)
		s->session_id = me.session_id;
	s->default_team_id = me.team[0].id;
	for (size_t i = 0; team_slug_wanted && i < me.n_teams; i++)
		if (str_is(me.team[i].slug, team_slug_wanted))
			s->default_team_id = me.team[i].id;
	rc = session_lock(a->home, &lock, a->lock_wait_ms, e);
	if (rc == ERR_OK)
		rc = session_file_save(a->home, s, e);
	os_lock_release(&lock);
	if (rc == ERR_OK)
		rc = remote_hold(a, s, e);
	if (rc == ERR_OK)
		rc = remote_spaces(a, &me, e);
done:
	http_answer_fini(&ans);
	arena_fini(&mem);
	return rc;
}

enum err
remote_login(struct remote *a, struct str user, struct str password,
    struct err_info *e)
{
	struct buf body = { 0 };
	struct http_answer ans = { 0 };
	struct remote_grant g = { 0 };
	struct session s = { .method = SESSION_PASSWORD,
		.issued_ms = a->wall_ms(),
		.scope = STR("offline_access") };
	struct remote_call call = { .method = "POST",
		.target = STR("/api/v1/token/") };
	enum err rc;

	put_pairs(&body, "username", user, "password", password);
	rc = buf_ok(&body, e);
	call.body = buf_str(&body);
	if (rc == ERR_OK)
		rc = remote_raw(a, &call, STR(""), &ans, e);
	if (rc == ERR_OK)
		rc = ans.status == 200 ?
		    remote_grant_decode(&g, buf_str(&ans.body), &ans.arena, e) :
		    remote_error(&ans, e);
	if (rc == ERR_OK) {
		remote_grant_apply(&s, &g, a->wall_ms());
		rc = keep(a, &s,
		    g.team_slug.n > 0 ? arena_dup(&ans.arena, g.team_slug) :
		                        NULL,
		    e);
	}
	buf_wipe(&body);
	buf_wipe(&ans.body);
	http_answer_fini(&ans);
	return rc;
}

enum err
remote_adopt(struct remote *a, const struct session *given, struct err_info *e)
{
	struct http_answer ans = { 0 };
	struct remote_grant g = { 0 };
	struct session s = *given;
	enum err rc = ERR_OK;

	/* Nothing of ours is at stake yet: no transaction. */
	if (!session_fresh(&s, a->wall_ms(), REMOTE_FRESH_MS)) {
		rc = remote_grant_refresh(a, s.refresh_token, &ans, &g, e);
		if (rc == ERR_OK)
			remote_grant_apply(&s, &g, a->wall_ms());
	}
	if (rc == ERR_OK)
		rc = keep(a, &s, NULL, e);
	http_answer_fini(&ans);
	return rc;
}

/* A value of application/x-www-form-urlencoded. */
static void
add_form(struct buf *out, const char *name, struct str value)
{
	buf_addf(out, "%s%s=", out->len > 0 ? "&" : "", name);
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_')
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

enum err
remote_logout(struct remote *a, bool *told, struct err_info *e)
{
	struct buf body = { 0 };
	struct http_answer ans = { 0 };
	struct os_lock lock = { 0 };
	struct err_info away = { 0 };
	const struct session *s;
	struct remote_call call = { .method = "POST",
		.target = STR("/oauth/revoke"),
		.type = "application/x-www-form-urlencoded",
		.timeout_ms = REMOTE_CHECK_MS };
	enum err rc = remote_session(a, &s, e);

	*told = false;
	if (rc == ERR_OK && a->token_file)
		rc = err_setf(e, ERR_REFUSED,
		    "CLOWDER_TOKEN_FILE is in use: there is nothing to sign "
		    "out of");
	if (rc != ERR_OK)
		return rc;
	add_form(&body, "token", s->refresh_token);
	add_form(&body, "token_type_hint", STR("refresh_token"));
	call.body = buf_str(&body);
	if (!body.failed &&
	    remote_raw(a, &call, s->access_token, &ans, &away) == ERR_OK)
		*told = ans.status == 200;
	rc = session_lock(a->home, &lock, a->lock_wait_ms, e);
	if (rc == ERR_OK)
		rc = session_file_delete(a->home, e);
	os_lock_release(&lock);
	a->has_session = rc != ERR_OK && a->has_session;
	buf_wipe(&body);
	http_answer_fini(&ans);
	return rc;
}
