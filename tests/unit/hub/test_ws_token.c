/* Tokens for live connections: good once, for a while, and not without bound. */
#include "ws_token.h"

#include <stdio.h>

#include "fault.h"
#include "t.h"

static struct ws_tokens tokens;
static struct arena a;

static enum err
redeem(const char *token, uint64_t now_ms, struct str *session,
    struct str *team)
{
	struct err_info e = { 0 };

	arena_reset(&a);
	return ws_token_redeem(&tokens, str_of(token), now_ms, &a, session,
	    team, &e);
}

static void
issue(const char *session, uint64_t now_ms, char out[WS_TOKEN_CHARS + 1])
{
	struct err_info e = { 0 };

	CHECK_OK(ws_token_issue(&tokens, str_of(session), STR("team"), now_ms,
	             out, &e),
	    &e);
}

static void
finish(void)
{
	ws_tokens_fini(&tokens);
	tokens = (struct ws_tokens){ 0 };
	arena_fini(&a);
}

static void
one_is_good_once(void)
{
	char one[WS_TOKEN_CHARS + 1], two[WS_TOKEN_CHARS + 1];
	struct str session, team;

	CHECK_ERR(redeem("", 0, &session, &team), ERR_UNAUTHORIZED);
	issue("s1", 0, one);
	issue("s2", 0, two);
	CHECK(strcmp(one, two) != 0);
	CHECK_U(strlen(one), WS_TOKEN_CHARS);
	CHECK_ERR(redeem(one, 1, &session, &team), ERR_OK);
	CHECK_STR(session, "s1");
	CHECK_STR(team, "team");
	CHECK_ERR(redeem(one, 1, &session, &team), ERR_UNAUTHORIZED);
	CHECK_ERR(redeem(two, 1, &session, &team), ERR_OK);
	CHECK_STR(session, "s2");
	two[0] = two[0] == 'a' ? 'b' : 'a';
	CHECK_ERR(redeem(two, 1, &session, &team), ERR_UNAUTHORIZED);
	finish();
}

static void
one_is_good_for_five_minutes(void)
{
	char one[WS_TOKEN_CHARS + 1], two[WS_TOKEN_CHARS + 1];
	struct str session, team;

	issue("s", 1000, one);
	issue("s", 2000, two);
	CHECK_ERR(redeem(one, 301000, &session, &team), ERR_UNAUTHORIZED);
	CHECK_ERR(redeem(two, 301999, &session, &team), ERR_OK);
	finish();
}

static void
a_session_has_so_many(void)
{
	static char token[WS_TOKENS_EACH + 2][WS_TOKEN_CHARS + 1];
	char other[WS_TOKEN_CHARS + 1];
	struct str session, team;

	issue("other", 0, other);
	for (size_t i = 0; i < WS_TOKENS_EACH + 2; i++)
		issue("s", 0, token[i]);
	CHECK_U(tokens.by_hash.count, WS_TOKENS_EACH + 1);
	for (size_t i = 0; i < WS_TOKENS_EACH + 2; i++) {
		t_note("%zu", i);
		CHECK_ERR(redeem(token[i], 1, &session, &team),
		    i < 2 ? ERR_UNAUTHORIZED : ERR_OK);
	}
	CHECK_ERR(redeem(other, 1, &session, &team), ERR_OK);
	CHECK_U(tokens.by_session.count, 0);
	finish();
}

static void
every_fault_point_is_survived(void)
{
	int n = 0;

	do {
		char one[WS_TOKEN_CHARS + 1];
		struct str session, team;
		struct err_info e = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = ws_token_issue(&tokens, STR("s"), STR("t"), 0, one, &e);
		if (rc == ERR_OK)
			rc = redeem(one, 0, &session, &team);
		CHECK((rc == ERR_OK) == !fault_hit());
		CHECK_U(tokens.by_session.count, 0);
		finish();
	} while (fault_hit() && !t_failing());
	CHECK(n > 3);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(one_is_good_once);
	T_RUN(one_is_good_for_five_minutes);
	T_RUN(a_session_has_so_many);
	T_RUN(every_fault_point_is_survived);
	return t_done();
}
