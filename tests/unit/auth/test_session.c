#include "session.h"

#include "fault.h"
#include "json.h"
#include "t.h"

static struct arena arena;

static const struct session_team team[] = {
	{ .id = { "t1", 2 },
	    .slug = { "ann", 3 },
	    .name = { "Ann \"A\"", 7 },
	    .role = { "owner", 5 } },
	{ .id = { "t2", 2 },
	    .slug = { "red", 3 },
	    .name = { "", 0 },
	    .role = { "member", 6 } },
};

static struct session
example(void)
{
	return (struct session){
		.user_id = STR("u1"),
		.email = STR("ann@example.org"),
		.name = STR("Ann"),
		.team = team,
		.n_teams = 2,
		.default_team_id = STR("t2"),
		.access_token = STR("a.b.c"),
		.refresh_token = STR("crt_x"),
		.session_id = STR("s1"),
		.server_url = STR("https://hub.example.com"),
		.scope = STR("offline_access"),
		.issued_ms = INT64_C(1777372200123),
		.access_expires_ms = INT64_C(1777375800123),
		.refresh_expires_ms = INT64_C(1777977000123),
		.last_used_ms = INT64_C(1777372200124),
		.generation = 3,
		.method = SESSION_PASSWORD,
	};
}

static void
same(const struct session *a, const struct session *b)
{
	CHECK_EQ(a->user_id, b->user_id);
	CHECK_EQ(a->email, b->email);
	CHECK_EQ(a->name, b->name);
	CHECK_EQ(a->default_team_id, b->default_team_id);
	CHECK_EQ(a->access_token, b->access_token);
	CHECK_EQ(a->refresh_token, b->refresh_token);
	CHECK_EQ(a->session_id, b->session_id);
	CHECK_EQ(a->server_url, b->server_url);
	CHECK_EQ(a->scope, b->scope);
	CHECK_I(a->issued_ms, b->issued_ms);
	CHECK_I(a->access_expires_ms, b->access_expires_ms);
	CHECK_I(a->refresh_expires_ms, b->refresh_expires_ms);
	CHECK_I(a->last_used_ms, b->last_used_ms);
	CHECK_U(a->generation, b->generation);
	CHECK_U(a->method, b->method);
	CHECK_U(a->n_teams, b->n_teams);
	for (size_t i = 0; i < a->n_teams && i < b->n_teams; i++) {
		CHECK_EQ(a->team[i].id, b->team[i].id);
		CHECK_EQ(a->team[i].slug, b->team[i].slug);
		CHECK_EQ(a->team[i].name, b->team[i].name);
		CHECK_EQ(a->team[i].role, b->team[i].role);
	}
}

static void
reads_what_it_wrote(void)
{
	struct session s = example(), got;
	struct err_info e = { 0 };
	struct buf b = { 0 };

	for (int m = 0; m < SESSION_METHOD_COUNT; m++) {
		s.method = (enum session_method)m;
		s.refresh_expires_ms = m == 1 ? SESSION_NEVER : s.issued_ms;
		s.n_teams = (size_t)m;
		s.email = m == 2 ? (struct str){ 0 } : s.email;
		buf_reset(&b);
		arena_reset(&arena);
		CHECK_OK(session_encode(&s, &b, &e), &e);
		CHECK_OK(session_decode(buf_str(&b), &arena, &got, &e), &e);
		/* Nothing points into the text: it was unsealed for a moment. */
		memset(b.data, 'x', b.len);
		same(&got, &s);
	}
	buf_fini(&b);
}

/* The fields of the document, by its names. */
static void
uses_the_names_of_the_document(void)
{
	static const char *const name[] = { "user_id", "email", "name", "teams",
		"default_team_id", "access_token", "refresh_token",
		"session_id", "issued_at", "access_token_expires_at",
		"refresh_token_expires_at", "scope", "storage_backend",
		"last_used_at", "auth_method", "generation", "server_url" };
	struct session s = example();
	struct err_info e = { 0 };
	struct json j = { 0 };
	struct buf b = { 0 };

	CHECK_OK(session_encode(&s, &b, &e), &e);
	CHECK_OK(json_parse(&j, buf_str(&b), 8, &e), &e);
	CHECK_U(j.node[0].n, sizeof name / sizeof name[0]);
	for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
		t_note("%s", name[i]);
		CHECK(json_get(&j, 0, name[i]) != 0);
	}
	CHECK(json_str_is(&j, json_get(&j, 0, "issued_at"),
	    STR("2026-04-28T10:30:00.123Z")));
	CHECK(json_str_is(&j, json_get(&j, 0, "auth_method"), STR("password")));
	CHECK(json_str_is(&j, json_get(&j, 0, "storage_backend"), STR("file")));
	json_fini(&j);
	buf_fini(&b);
}

/* One member changed at a time. */
static void
names_what_is_wrong(void)
{
	static const struct {
		const char *from, *to, *says; /* says NULL: fine */
	} row[] = {
		{ "\"user_id\":\"u1\"", "\"user_id\":\"\"", "user_id" },
		{ "\"user_id\":\"u1\"", "\"user_id\":7", "user_id" },
		{ "\"user_id\":\"u1\",", "", "user_id" },
		{ "\"email\":\"ann@example.org\",", "", NULL },
		{ "\"server_url\":\"https://hub.example.com\",", "", NULL },
		{ "\"scope\":\"offline_access\",", "", NULL },
		{ "\"access_token\":\"a.b.c\"", "\"access_token\":null",
		    "access_token" },
		{ "\"refresh_token\":\"crt_x\"", "\"refresh_token\":[]",
		    "refresh_token" },
		{ "\"issued_at\":\"2026-04-28T10:30:00.123Z\"",
		    "\"issued_at\":\"2026-04-28T12:30:00.123+02:00\"", NULL },
		{ "\"issued_at\":\"2026-04-28T10:30:00.123Z\"",
		    "\"issued_at\":\"2026-04-28\"", "issued_at" },
		{ "\"issued_at\":\"2026-04-28T10:30:00.123Z\"",
		    "\"issued_at\":null", "issued_at" },
		{ "\"refresh_token_expires_at\":\"2026-05-05T10:30:00.123Z\"",
		    "\"refresh_token_expires_at\":null", NULL },
		{ "\"refresh_token_expires_at\":\"2026-05-05T10:30:00.123Z\"",
		    "\"refresh_token_expires_at\":0",
		    "refresh_token_expires_at" },
		{ "\"generation\":3", "\"generation\":-3", "generation" },
		{ "\"generation\":3", "\"generation\":3.5", "generation" },
		{ "\"password\"", "\"magic\"", "auth_method" },
		{ "\"password\"", "null", "auth_method" },
		{ "\"slug\":\"ann\",", "", "teams" },
		{ "\"slug\":\"ann\"", "\"slug\":1", "teams" },
		{ "\"teams\":[", "\"teams\":[7,", "teams" },
		{ "\"storage_backend\"",
		    "\"later_member\":{\"a\":[1]},\"storage\"", NULL },
		{ "\"storage_backend\"", "\"user_id\"", "damaged" },
		{ "{\"user_id\"", "[\"user_id\"", "damaged" },
	};
	struct session s = example(), got;
	struct err_info e = { 0 };
	struct buf b = { 0 }, changed = { 0 };

	CHECK_OK(session_encode(&s, &b, &e), &e);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		const char *at = strstr(b.data, row[i].from);

		t_note("%s -> %s", row[i].from, row[i].to);
		if (!CHECK(at != NULL))
			continue;
		buf_reset(&changed);
		buf_add(&changed, b.data, (size_t)(at - b.data));
		buf_adds(&changed, row[i].to);
		buf_adds(&changed, at + strlen(row[i].from));
		arena_reset(&arena);
		CHECK_ERR(session_decode(buf_str(&changed), &arena, &got, &e),
		    row[i].says ? ERR_CORRUPT : ERR_OK);
		if (row[i].says != NULL)
			CHECK(strstr(e.text, row[i].says) != NULL);
		/* No error shows a secret. */
		CHECK(strstr(e.text, "crt_x") == NULL);
	}
	CHECK_ERR(session_decode((struct str){ 0 }, &arena, &got, &e),
	    ERR_CORRUPT);
	CHECK_ERR(session_decode(STR("null"), &arena, &got, &e), ERR_CORRUPT);
	buf_fini(&b);
	buf_fini(&changed);
}

static void
compares_material_only(void)
{
	struct session a = example(), b = example();

	b.access_token = STR("other");
	b.generation = 9;
	b.user_id = STR("u2");
	CHECK(session_same(&a, &b));
	b.refresh_token = STR("crt_y");
	CHECK(!session_same(&a, &b));
	b = example();
	b.session_id = STR("s2");
	CHECK(!session_same(&a, &b));
}

static void
knows_when_it_is_fresh(void)
{
	struct session s = example();

	CHECK(session_fresh(&s, s.access_expires_ms - 1, 0));
	CHECK(!session_fresh(&s, s.access_expires_ms, 0));
	CHECK(session_fresh(&s, s.access_expires_ms - 5001, 5000));
	CHECK(!session_fresh(&s, s.access_expires_ms - 5000, 5000));
	s.access_token = (struct str){ 0 };
	CHECK(!session_fresh(&s, 0, 0));
}

static void
survives_every_failed_allocation(void)
{
	struct session s = example();
	int n = 0;

	do {
		struct arena a = { 0 };
		struct buf b = { 0 };
		struct err_info e = { 0 };
		struct session got;
		enum err rc;

		fault_arm(n++);
		rc = session_encode(&s, &b, &e);
		if (rc == ERR_OK)
			rc = session_decode(buf_str(&b), &a, &got, &e);
		t_note("fault %d", n - 1);
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
		buf_fini(&b);
		arena_fini(&a);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 3);
}

int
main(void)
{
	T_RUN(reads_what_it_wrote);
	T_RUN(uses_the_names_of_the_document);
	T_RUN(names_what_is_wrong);
	T_RUN(compares_material_only);
	T_RUN(knows_when_it_is_fresh);
	T_RUN(survives_every_failed_allocation);
	arena_fini(&arena);
	return t_done();
}
