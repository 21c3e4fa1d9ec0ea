/* Bodies of the sign-in routes; docs/protocol.md, Sign-in. */
#include "accounts.h"
#include "json.h"
#include "when.h"

void
accounts_put_grant(struct buf *out, const struct account_grant *g)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "access"), json_put_str(&w, g->access);
	json_key(&w, "refresh"), json_put_str(&w, g->refresh);
	json_key(&w, "access_lifetime"), json_put_u(&w, g->access_s);
	json_key(&w, "refresh_lifetime"), json_put_u(&w, g->refresh_s);
	json_key(&w, "session_id"), json_put_str(&w, g->session_id);
	json_key(&w, "team_slug"), json_put_str(&w, g->team_slug);
	json_end(&w);
}

static void
put_time(struct json_writer *w, const char *key, int64_t ms)
{
	json_key(w, key);
	when_put(w, ms);
}

static void
put_team(struct json_writer *w, const struct account_team *t)
{
	json_obj(w);
	json_key(w, "id"), json_put_str(w, t->id);
	json_key(w, "slug"), json_put_str(w, t->slug);
	json_key(w, "name"), json_put_str(w, t->name);
	json_key(w, "role"), json_put_str(w, t->role);
	json_key(w, "is_private_teamspace"), json_put_bool(w, t->is_private);
	json_end(w);
}

void
accounts_put_me(struct buf *out, const struct account_who *who)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "user_id"), json_put_str(&w, who->user_id);
	json_key(&w, "email"), json_put_str(&w, who->email);
	json_key(&w, "name"), json_put_str(&w, who->name);
	/* The default team first: there are clients that take the first. */
	json_key(&w, "teams"), json_arr(&w);
	put_team(&w, &who->team[who->default_team]);
	for (size_t i = 0; i < who->n_teams; i++)
		if (i != who->default_team)
			put_team(&w, &who->team[i]);
	json_end(&w);
	json_key(&w, "session_id"), json_put_str(&w, who->session_id);
	put_time(&w, "authenticated_at", who->authenticated_ms);
	put_time(&w, "access_token_expires_at", who->access_expires_ms);
	put_time(&w, "refresh_token_expires_at", who->refresh_expires_ms);
	json_key(&w, "auth_flow"), json_put_str(&w, who->auth_flow);
	json_end(&w);
}

void
accounts_put_error(struct buf *out, const struct account_grant *g,
    const struct err_info *e)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "error"), json_put_z(&w, err_wire(e->code));
	json_key(&w, "message"), json_put_z(&w, e->text);
	if (g->retry_after_s > 0) {
		json_key(&w, "retry_after");
		json_put_u(&w, g->retry_after_s);
	}
	json_end(&w);
}
