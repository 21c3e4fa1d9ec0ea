/* The answers of a hub at the door: tokens, who I am, health, errors.  Covers
 * remote_grant_decode, remote_me, remote_check, remote_error.
 *
 * Held: what is taken as a token or a team can stand in a head field; an error
 * has a code that is a server's, and a text. */
#include <stdlib.h>
#include <string.h>

#include "remote_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

struct says {
	int status;
	struct str body;
};

static enum err
transport(void *ctx, const struct http_call *call, struct http_answer *ret,
    struct err_info *e)
{
	const struct says *s = ctx;

	(void)call, (void)e;
	ret->status = s->status;
	buf_reset(&ret->body);
	buf_addstr(&ret->body, s->body);
	return ERR_OK;
}

static int64_t
wall_ms(void)
{
	return 1700000000000;
}

static void
grant(struct str in)
{
	struct remote_grant g = { 0 };
	struct session s = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };

	if (remote_grant_decode(&g, in, &a, &e) == ERR_OK) {
		must(remote_is_word(g.access, REMOTE_TOKEN_MAX));
		must(remote_is_word(g.refresh, REMOTE_TOKEN_MAX));
		remote_grant_apply(&s, &g, wall_ms());
		must(s.access_expires_ms > wall_ms());
		must(s.refresh_expires_ms > wall_ms());
	} else {
		must(e.code == ERR_PROTOCOL);
	}
	arena_fini(&a);
}

static void
door(struct says says)
{
	struct remote r = { .server = STR("http://127.0.0.1"),
		.transport = transport,
		.transport_ctx = &says,
		.wall_ms = wall_ms,
		.has_session = true,
		.token_file = true,
		.session = { .access_token = STR("t"),
		    .server_url = STR("http://127.0.0.1"),
		    .refresh_expires_ms = SESSION_NEVER } };
	struct remote_me me = { 0 };
	struct remote_check check = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };

	if (remote_me(&r, &a, &me, &e) == ERR_OK) {
		must(me.n_teams > 0);
		for (size_t i = 0; i < me.n_teams; i++)
			must(remote_is_word(me.team[i].slug, REMOTE_SLUG_MAX));
	} else {
		must(e.text[0] != '\0');
	}
	remote_check(&r, &check);
	must((check.health == REMOTE_CONNECTED) == (check.why[0] == '\0'));
	arena_fini(&a);
}

static void
error(struct says says)
{
	struct http_answer ans = { .status = says.status };
	struct err_info e = { 0 };
	enum err rc;

	buf_addstr(&ans.body, says.body);
	rc = remote_error(&ans, &e);
	must(rc != ERR_OK && rc == e.code && e.text[0] != '\0');
	must(rc != ERR_NOMEM && rc != ERR_USAGE && rc != ERR_INTERRUPTED);
	http_answer_fini(&ans);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int status[] = { 200, 400, 401, 503 };
	struct str in = str_n(data, size);

	grant(in);
	for (size_t i = 0; i < sizeof status / sizeof status[0]; i++) {
		door((struct says){ status[i], in });
		error((struct says){ status[i], in });
	}
	return 0;
}
