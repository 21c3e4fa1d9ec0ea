#include "session.h"

#include <stddef.h>

#include "json.h"
#include "when.h"

/* What the JSON holds, row by row; the teams, the method and the storage stand
 * for themselves below. */
enum field_kind { TEXT, TIME, TIME_OR_NULL, COUNT };

#define FIELD(member, name, kind, needed) \
	{ \
		name, offsetof(struct session, member), kind, needed \
	}
static const struct field {
	const char *name;
	size_t at;
	enum field_kind kind;
	bool needed;
} field[] = {
	FIELD(user_id, "user_id", TEXT, true),
	FIELD(email, "email", TEXT, false),
	FIELD(name, "name", TEXT, true),
	FIELD(default_team_id, "default_team_id", TEXT, true),
	FIELD(access_token, "access_token", TEXT, true),
	FIELD(refresh_token, "refresh_token", TEXT, true),
	FIELD(session_id, "session_id", TEXT, true),
	FIELD(server_url, "server_url", TEXT, false),
	FIELD(scope, "scope", TEXT, false),
	FIELD(issued_ms, "issued_at", TIME, true),
	FIELD(access_expires_ms, "access_token_expires_at", TIME, true),
	FIELD(refresh_expires_ms, "refresh_token_expires_at", TIME_OR_NULL,
	    true),
	FIELD(last_used_ms, "last_used_at", TIME, true),
	FIELD(generation, "generation", COUNT, true),
};

#define TEAM_FIELD(member) \
	{ \
#member, offsetof(struct session_team, member) \
	}
static const struct {
	const char *name;
	size_t at;
} team_field[] = { TEAM_FIELD(id), TEAM_FIELD(slug), TEAM_FIELD(name),
	TEAM_FIELD(role) };

enum {
	FIELDS = sizeof field / sizeof field[0],
	TEAM_FIELDS = sizeof team_field / sizeof team_field[0],
	DEPTH_MAX = 8 /* members of later versions may nest */
};

static const char *const method_name[SESSION_METHOD_COUNT] = {
	[SESSION_PASSWORD] = "password",
	[SESSION_AUTHORIZATION_CODE] = "authorization_code",
	[SESSION_DEVICE_CODE] = "device_code",
};

/* The only place where a session is kept; the document has a field for it. */
static const char storage[] = "file";

const char *
session_method_name(enum session_method m)
{
	return method_name[m];
}

static void
put_field(struct json_writer *w, const struct field *f, const void *at)
{
	const int64_t *ms = at;

	json_key(w, f->name);
	switch (f->kind) {
	case TEXT:
		json_put_str(w, *(const struct str *)at);
		break;
	case TIME_OR_NULL:
		if (*ms == SESSION_NEVER) {
			json_put_null(w);
			break;
		}
		when_put(w, *ms);
		break;
	case TIME:
		when_put(w, *ms);
		break;
	case COUNT:
		json_put_u(w, *(const uint64_t *)at);
		break;
	}
}

static void
put_team(struct json_writer *w, const struct session_team *t)
{
	json_obj(w);
	for (int i = 0; i < TEAM_FIELDS; i++) {
		json_key(w, team_field[i].name);
		json_put_str(w,
		    *(const struct str *)((const char *)t + team_field[i].at));
	}
	json_end(w);
}

enum err
session_encode(const struct session *s, struct buf *out, struct err_info *e)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	for (int i = 0; i < FIELDS; i++)
		put_field(&w, &field[i], (const char *)s + field[i].at);
	json_key(&w, "teams"), json_arr(&w);
	for (size_t i = 0; i < s->n_teams; i++)
		put_team(&w, &s->team[i]);
	json_end(&w);
	json_key(&w, "auth_method"), json_put_z(&w, method_name[s->method]);
	json_key(&w, "storage_backend"), json_put_z(&w, storage);
	json_end(&w);
	return buf_ok(out, e);
}

/* Decoding.  Strings are copied: the text that they stand in was unsealed for
 * this call and goes away. */
struct decoder {
	const struct json *j;
	struct arena *a;
	struct err_info *e;
};

static enum err
wrong(struct decoder *d, const char *name)
{
	return err_setf(d->e, ERR_CORRUPT,
	    "the session's %s is missing or wrong", name);
}

static enum err
get_text(struct decoder *d, uint32_t at, const char *name, struct str *ret)
{
	struct str s;

	if (json_kind(d->j, at) != JSON_STRING)
		return wrong(d, name);
	if (!json_str(d->j, at, d->a, &s))
		return err_set(d->e, ERR_NOMEM);
	*ret = arena_str(d->a, s);
	return ret->p != NULL ? ERR_OK : err_set(d->e, ERR_NOMEM);
}

static enum err
get_time(struct decoder *d, uint32_t at, const char *name, int64_t *ret)
{
	struct str s;
	enum err rc = get_text(d, at, name, &s);

	if (rc == ERR_OK && !when_parse(s, ret))
		rc = wrong(d, name);
	return rc;
}

static enum err
get_field(struct decoder *d, const struct field *f, void *to)
{
	uint32_t at = json_get(d->j, 0, f->name);
	enum err rc;

	if (at == 0 && !f->needed)
		return ERR_OK;
	if (at == 0)
		return wrong(d, f->name);
	switch (f->kind) {
	case TEXT:
		rc = get_text(d, at, f->name, to);
		if (rc == ERR_OK && f->needed && ((struct str *)to)->n == 0)
			rc = wrong(d, f->name);
		return rc;
	case TIME_OR_NULL:
		if (json_kind(d->j, at) == JSON_NULL) {
			*(int64_t *)to = SESSION_NEVER;
			return ERR_OK;
		}
		return get_time(d, at, f->name, to);
	case TIME:
		return get_time(d, at, f->name, to);
	case COUNT:
		return json_u53(d->j, at, to) ? ERR_OK : wrong(d, f->name);
	}
	return wrong(d, f->name);
}

static enum err
get_team(struct decoder *d, uint32_t at, struct session_team *ret)
{
	for (int i = 0; i < TEAM_FIELDS; i++) {
		uint32_t member = json_get(d->j, at, team_field[i].name);
		enum err rc;

		if (member == 0)
			return wrong(d, "teams");
		rc = get_text(d, member, "teams",
		    (struct str *)((char *)ret + team_field[i].at));
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static enum err
get_teams(struct decoder *d, struct session *s)
{
	uint32_t list = json_get(d->j, 0, "teams"), at = list + 1;
	struct session_team *team;
	enum err rc = ERR_OK;

	if (list == 0 || json_kind(d->j, list) != JSON_ARRAY)
		return wrong(d, "teams");
	s->n_teams = d->j->node[list].n;
	team = arena_array(d->a, s->n_teams, sizeof *team);
	if (team == NULL && s->n_teams > 0)
		return err_set(d->e, ERR_NOMEM);
	s->team = team;
	for (size_t i = 0; i < s->n_teams && rc == ERR_OK; i++) {
		rc = get_team(d, at, &team[i]);
		at = json_next(d->j, at);
	}
	return rc;
}

static enum err
get_method(struct decoder *d, enum session_method *ret)
{
	uint32_t at = json_get(d->j, 0, "auth_method");

	for (int m = 0; at != 0 && m < SESSION_METHOD_COUNT; m++)
		if (json_str_is(d->j, at, str_of(method_name[m]))) {
			*ret = (enum session_method)m;
			return ERR_OK;
		}
	return wrong(d, "auth_method");
}

enum err
session_decode(struct str text, struct arena *a, struct session *ret,
    struct err_info *e)
{
	struct json j = { 0 };
	struct decoder d = { .j = &j, .a = a, .e = e };
	enum err rc;

	*ret = (struct session){ .refresh_expires_ms = SESSION_NEVER };
	rc = json_parse(&j, text, DEPTH_MAX, e);
	if (rc == ERR_OK)
		rc = json_check(&j, 0, DEPTH_MAX, e);
	if (rc != ERR_OK && rc != ERR_NOMEM)
		rc = err_setf(e, ERR_CORRUPT, "the session is damaged");
	if (rc != ERR_OK)
		goto done;
	for (int i = 0; i < FIELDS && rc == ERR_OK; i++)
		rc = get_field(&d, &field[i], (char *)ret + field[i].at);
	if (rc == ERR_OK)
		rc = get_teams(&d, ret);
	if (rc == ERR_OK)
		rc = get_method(&d, &ret->method);
done:
	json_fini(&j);
	return rc;
}

bool
session_same(const struct session *a, const struct session *b)
{
	return str_eq(a->session_id, b->session_id) &&
	    str_eq(a->refresh_token, b->refresh_token);
}

bool
session_fresh(const struct session *s, int64_t now_ms, int64_t margin_ms)
{
	return s->access_token.n > 0 &&
	    now_ms + margin_ms < s->access_expires_ms;
}
