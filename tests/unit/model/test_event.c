/* The envelope and the catalogue, as tables. */
#include <stdio.h>

#include "event.h"
#include "fault.h"
#include "t.h"

#define ID "0190b5c2-7a3f-7000-8000-0123456789ab"
#define TIME "2026-04-28T10:30:00+02:00"

/* A good event with one member replaced; NULL takes it out. */
struct member {
	const char *name, *value;
};

static const struct member good[] = {
	{ "event_id", "\"" ID "\"" },
	{ "event_type", "\"wp_created\"" },
	{ "aggregate_id", "\"001-login/WP01\"" },
	{ "aggregate_type", "\"work_package\"" },
	{ "lamport_clock", "7" },
	{ "node_id", "\"n1\"" },
	{ "timestamp", "\"" TIME "\"" },
	{ "payload",
	    "{\"wp_id\":\"WP01\",\"title\":\"T\","
	    "\"feature_slug\":\"001-login\"}" },
};

static void
make(struct buf *out, const char *name, const char *value)
{
	bool put = false;

	buf_reset(out);
	buf_addc(out, '{');
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const char *v = good[i].value;

		if (name != NULL && strcmp(name, good[i].name) == 0) {
			v = value;
			put = true;
		}
		if (v != NULL)
			buf_addf(out, "%s\"%s\":%s", out->len > 1 ? "," : "",
			    good[i].name, v);
	}
	if (name != NULL && !put)
		buf_addf(out, ",\"%s\":%s", name, value);
	buf_addc(out, '}');
}

/* What decode and check say together, as admission does. */
static enum err
judge(const char *name, const char *value, struct err_info *e)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf text = { 0 };
	struct event ev;
	enum err rc;

	make(&text, name, value);
	rc = event_parse(&ev, &j, buf_str(&text), &a, e);
	if (rc == ERR_OK)
		rc = event_check(&ev, e);
	buf_fini(&text);
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

static void
envelope_is_checked_member_by_member(void)
{
	static const struct {
		const char *name, *value;
		enum err want;
		const char *text; /* in the reason */
	} rows[] = {
		{ NULL, NULL, ERR_OK, "" },
		{ "event_id", NULL, ERR_SCHEMA, "missing field: event_id" },
		{ "event_id", "\"x\"", ERR_SCHEMA, "invalid event_id" },
		{ "event_id", "5", ERR_SCHEMA, "invalid event_id" },
		{ "event_id", "null", ERR_SCHEMA, "invalid event_id" },
		{ "event_id", "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"", ERR_OK, "" },
		{ "event_type", "\"\"", ERR_SCHEMA, "invalid event_type" },
		{ "event_type", "\"of_the_future\"", ERR_OK, "" },
		{ "aggregate_id", NULL, ERR_SCHEMA, "missing field" },
		{ "aggregate_type", "\"Feature\"", ERR_SCHEMA,
		    "invalid aggregate_type" },
		{ "aggregate_type", "\"WorkPackage\"", ERR_OK, "" },
		{ "lamport_clock", "-1", ERR_SCHEMA, "invalid lamport_clock" },
		{ "lamport_clock", "1.0", ERR_SCHEMA, "invalid lamport_clock" },
		{ "lamport_clock", "1e3", ERR_SCHEMA, "invalid lamport_clock" },
		{ "lamport_clock", "\"7\"", ERR_SCHEMA, "invalid" },
		{ "lamport_clock", "9007199254740991", ERR_OK, "" },
		{ "lamport_clock", "9007199254740992", ERR_SCHEMA, "invalid" },
		{ "lamport_clock", "18446744073709551617", ERR_SCHEMA,
		    "invalid" },
		{ "node_id", "\"\"", ERR_SCHEMA, "invalid node_id" },
		{ "timestamp", "\"yesterday\"", ERR_SCHEMA,
		    "invalid timestamp" },
		{ "timestamp", "\"2026-04-28T10:30:00\"", ERR_SCHEMA,
		    "invalid" },
		{ "payload", "[]", ERR_SCHEMA, "invalid payload" },
		{ "payload", NULL, ERR_SCHEMA, "missing field: payload" },
		{ "replaces", "[]", ERR_OK, "" },
		{ "replaces", "null", ERR_OK, "" },
		{ "replaces", "[\"" ID "\"]", ERR_OK, "" },
		{ "replaces", "[7]", ERR_SCHEMA, "invalid replaces" },
		{ "replaces", "[\"x\"]", ERR_SCHEMA, "invalid replaces" },
		{ "replaces", "\"" ID "\"", ERR_SCHEMA, "invalid replaces" },
		{ "node_seq", "3", ERR_OK, "" },
		{ "node_seq", "-3", ERR_SCHEMA, "invalid node_seq" },
		{ "schema_version", "\"3.0.0\"", ERR_OK, "" },
		{ "schema_version", "99", ERR_OK, "" },
		{ "author", "7", ERR_SCHEMA, "invalid author" },
		{ "author", "null", ERR_OK, "" },
		{ "git_branch", "null", ERR_OK, "" },
		{ "unheard_of", "{\"a\":[1,2]}", ERR_OK, "" },
		{ "unheard_of", "{\"a\":1,\"a\":2}", ERR_SCHEMA,
		    "invalid event" },
		{ "unheard_of", "{\"a\":1,\"\\u0061\":2}", ERR_SCHEMA,
		    "invalid event" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err_info e = { 0 };

		t_note("%s = %s", rows[i].name, rows[i].value);
		CHECK_ERR(judge(rows[i].name, rows[i].value, &e), rows[i].want);
		if (rows[i].want != ERR_OK)
			CHECK(strstr(e.text, rows[i].text) != NULL);
	}
}

static void
depth_and_size_are_bounded(void)
{
	struct buf v = { 0 };
	struct err_info e = { 0 };

	/* The event itself is one level. */
	for (int i = 0; i < EVENT_DEPTH_MAX - 1; i++)
		buf_addc(&v, '[');
	for (int i = 0; i < EVENT_DEPTH_MAX - 1; i++)
		buf_addc(&v, ']');
	CHECK_OK(judge("more", v.data, &e), &e);
	buf_reset(&v);
	for (int i = 0; i < EVENT_DEPTH_MAX; i++)
		buf_addc(&v, '[');
	for (int i = 0; i < EVENT_DEPTH_MAX; i++)
		buf_addc(&v, ']');
	CHECK_ERR(judge("more", v.data, &e), ERR_SCHEMA);
	buf_reset(&v);
	buf_addc(&v, '"');
	for (int i = 0; i < EVENT_BYTES_MAX; i++)
		buf_addc(&v, 'x');
	buf_addc(&v, '"');
	CHECK_ERR(judge("more", v.data, &e), ERR_TOO_LARGE);
	buf_fini(&v);
}

static void
payloads_are_checked_by_the_catalogue(void)
{
	static const struct {
		const char *type, *aggregate, *payload;
		const char *text; /* NULL: fits */
	} rows[] = {
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"WP01-abc\",\"title\":"
		    "\"T\",\"feature_slug\":\"001-a\",\"tags\":[\"x\"]}",
		    NULL },
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"WP01\",\"title\":\"T\"}",
		    "missing field in payload: feature_slug" },
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"W1\",\"title\":\"T\","
		    "\"feature_slug\":\"001-a\"}",
		    "invalid payload: wp_id" },
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"WP01\",\"title\":7,"
		    "\"feature_slug\":\"001-a\"}",
		    "invalid payload: title" },
		{ "WPCreated", "WorkPackage",
		    "{\"wp_id\":\"WP01\",\"title\":\"T\","
		    "\"feature_slug\":\"001-a\",\"tags\":null}",
		    NULL },
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"WP01\",\"title\":\"T\","
		    "\"feature_slug\":\"001-a\",\"tags\":{\"add\":[\"x\"]}}",
		    NULL },
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"WP01\",\"title\":\"T\","
		    "\"feature_slug\":\"001-a\",\"tags\":{\"plus\":[\"x\"]}}",
		    "invalid payload: tags" },
		{ "wp_created", "work_package",
		    "{\"wp_id\":\"WP01\",\"title\":\"T\","
		    "\"feature_slug\":\"001-a\",\"tags\":[1]}",
		    "invalid payload: tags" },
		{ "wp_status_changed", "work_package",
		    "{\"wp_id\":\"WP01\","
		    "\"from_lane\":\"Planned\",\"to_lane\":\"DOING\"}",
		    NULL },
		{ "wp_status_changed", "work_package",
		    "{\"wp_id\":\"WP01\","
		    "\"from_lane\":\"planned\",\"to_lane\":\"limbo\"}",
		    "invalid payload: to_lane" },
		{ "MissionCreated", "Mission",
		    "{\"mission_slug\":\"001-a\","
		    "\"feature_number\":\"001\"}",
		    NULL },
		/* The own name goes before the other one, wherever it stands. */
		{ "feature_created", "feature",
		    "{\"mission_slug\":\"a\",\"feature_slug\":\"001-a\","
		    "\"feature_number\":1}",
		    NULL },
		{ "feature_created", "feature",
		    "{\"feature_slug\":\"001-a\",\"mission_slug\":\"a\","
		    "\"feature_number\":1}",
		    NULL },
		{ "feature_created", "feature",
		    "{\"mission_slug\":\"001-a\",\"feature_slug\":\"a\","
		    "\"feature_number\":1}",
		    "invalid payload: feature_slug" },
		{ "feature_created", "feature",
		    "{\"feature_slug\":\"a\",\"mission_slug\":\"001-a\","
		    "\"feature_number\":1}",
		    "invalid payload: feature_slug" },
		/* A key may be written with escapes. */
		{ "todo_status_changed", "todo", "{\"\\u0073tatus\":\"done\"}",
		    NULL },
		{ "todo_status_changed", "todo", "{\"\\u0073tatus\":\"limbo\"}",
		    "invalid payload: status" },
		{ "feature_created", "feature",
		    "{\"feature_slug\":\"a\","
		    "\"feature_number\":1}",
		    "invalid payload: feature_slug" },
		{ "feature_created", "feature",
		    "{\"feature_slug\":\"001\","
		    "\"feature_number\":1}",
		    "invalid payload: feature_slug" },
		{ "feature_created", "feature",
		    "{\"feature_slug\":\"001-a--b\","
		    "\"feature_number\":1}",
		    "invalid payload: feature_slug" },
		{ "wp_assigned", "work_package",
		    "{\"wp_id\":\"WP01\",\"agent_id\":"
		    "\"x\",\"phase\":\"sleep\"}",
		    "must be one of: implementation" },
		{ "todo_observed", "todo", "{\"reporter\":\"x\"}",
		    "invalid payload: reporter" },
		{ "todo_observed", "todo", "{\"reporter\":\"claude-todos:s\"}",
		    NULL },
		{ "todo_status_changed", "todo", "{\"status\":\"done\"}",
		    NULL },
		{ "todo_status_changed", "todo", "{\"status\":null}",
		    "invalid" },
		{ "archived", "feature", "{\"value\":true}", NULL },
		{ "archived", "todo", "{\"value\":true}",
		    "invalid aggregate_type" },
		{ "archived", "session", "{\"value\":true}",
		    "invalid aggregate_type" },
		{ "conflict_resolved", "work_package",
		    "{\"conflict_id\":\"a\","
		    "\"field\":\"lane\",\"value\":\"done\"}",
		    NULL },
		{ "conflict_resolved", "work_package",
		    "{\"conflict_id\":\"a\","
		    "\"field\":\"lane\",\"value\":\"limbo\"}",
		    "invalid payload: lane" },
		{ "conflict_resolved", "work_package",
		    "{\"conflict_id\":\"a\","
		    "\"field\":\"colour\",\"value\":1}",
		    "invalid payload: colour" },
		{ "reverted", "work_package",
		    "{\"reverts\":[\"" ID "\"],"
		    "\"title\":null}",
		    NULL },
		{ "reverted", "work_package", "{\"reverts\":[\"x\"]}",
		    "invalid payload: reverts" },
		{ "MissionDossierArtifactIndexed", "MissionDossier",
		    "{\"x\":1}", NULL },
		{ "error_logged", "feature",
		    "{\"error_type\":\"unknown\","
		    "\"error_message\":\"m\"}",
		    NULL },
		{ "of_the_future", "thing", "{}", NULL },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = { 0 };
		struct json j = { 0 };
		struct err_info e = { 0 };
		struct event ev;
		char *text = arena_fmt(&a,
		    "{\"event_id\":\"" ID "\","
		    "\"event_type\":\"%s\",\"aggregate_id\":\"001-a/WP01\","
		    "\"aggregate_type\":\"%s\",\"lamport_clock\":1,"
		    "\"node_id\":\"n\",\"timestamp\":\"" TIME "\","
		    "\"payload\":%s}",
		    rows[i].type, rows[i].aggregate, rows[i].payload);

		t_note("%s %s", rows[i].type, rows[i].payload);
		CHECK_OK(event_parse(&ev, &j, str_of(text), &a, &e), &e);
		if (rows[i].text == NULL) {
			CHECK_OK(event_check(&ev, &e), &e);
		} else {
			/* Older clients sort refusals by these words. */
			CHECK_ERR(event_check(&ev, &e), ERR_SCHEMA);
			CHECK(strstr(e.text, rows[i].text) != NULL);
			CHECK(!ev.folds);
		}
		json_fini(&j);
		arena_fini(&a);
	}
}

static void
entities_are_named_by_the_event_alone(void)
{
	static const struct {
		const char *more; /* members */
		const char *id, *payload;
		const char *project, *key;
	} rows[] = {
		{ "", "001-a/WP01",
		    "{\"feature_slug\":\"002-b\",\"wp_id\":\"WP07\"}",
		    "unplaced", "002-b/WP07" },
		{ "", "001-a/WP01", "{}", "unplaced", "001-a/WP01" },
		{ "", "WP01", "{\"mission_slug\":\"003-c\"}", "unplaced",
		    "003-c/WP01" },
		{ "\"git_branch\":\"004-login-form-WP02\",", "WP02", "{}",
		    "unplaced", "004-login-form/WP02" },
		{ "\"git_branch\":\"feature/004-x\",", "WP02", "{}", "unplaced",
		    "004-x/WP02" },
		{ "\"git_branch\":\"main\",", "WP02", "{}", "unplaced",
		    "unplaced/WP02" },
		{ "\"git_branch\":\"004-WP02\",", "WP02", "{}", "unplaced",
		    "unplaced/WP02" },
		{ "\"project_uuid\":\"0190B5C27A3F70008000"
		  "0123456789AB\",",
		    "001-a/WP01", "{}", ID, "001-a/WP01" },
		{ "\"project_uuid\":null,", "001-a/WP01", "{}", "unplaced",
		    "001-a/WP01" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = { 0 };
		struct json j = { 0 };
		struct err_info e = { 0 };
		struct event ev;
		char *text = arena_fmt(&a,
		    "{\"event_id\":\"" ID "\",%s"
		    "\"event_type\":\"wp_deleted\",\"aggregate_id\":\"%s\","
		    "\"aggregate_type\":\"work_package\",\"lamport_clock\":1,"
		    "\"node_id\":\"n\",\"timestamp\":\"" TIME "\","
		    "\"payload\":%s}",
		    rows[i].more, rows[i].id, rows[i].payload);

		t_note("row %zu", i);
		CHECK_OK(event_parse(&ev, &j, str_of(text), &a, &e), &e);
		CHECK_STR(ev.entity.project, rows[i].project);
		CHECK_STR(ev.entity.type, "work_package");
		CHECK_STR(ev.entity.key, rows[i].key);
		json_fini(&j);
		arena_fini(&a);
	}
}

static void
what_is_set_aside_does_not_fold(void)
{
	static const struct member rows[] = { { "draft", "\"d\"" },
		{ "key_id", "\"k\"" }, { "schema_version", "2" },
		{ "event_type", "\"of_the_future\"" } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = { 0 };
		struct json j = { 0 };
		struct buf text = { 0 };
		struct err_info e = { 0 };
		struct event ev;

		t_note("%s", rows[i].name);
		make(&text, rows[i].name, rows[i].value);
		CHECK_OK(event_parse(&ev, &j, buf_str(&text), &a, &e), &e);
		CHECK(!ev.folds);
		buf_fini(&text);
		json_fini(&j);
		arena_fini(&a);
	}
}

static void
a_new_event_reads_back(void)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf out = { 0 };
	struct err_info e = { 0 };
	struct event ev;
	struct eid named[2];
	struct event_new en = { .type = STR("todo_added"),
		.clock = CLOCK_MAX,
		.aggregate_id = STR("k\"ey"),
		.aggregate_type = STR("todo"),
		.node = STR("n"),
		.timestamp = STR(TIME),
		.node_seq = 3,
		.replaces = named,
		.n_replaces = 2,
		.author = STR("user:ann"),
		.payload = STR("{\"content\":\"x\"}"),
		.git_branch = STR("main") };

	CHECK(eid_parse(STR(ID), &en.id));
	CHECK(eid_parse(STR(ID), &named[0]));
	CHECK(eid_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &named[1]));
	event_encode(&en, &out);
	CHECK_OK(event_parse(&ev, &j, buf_str(&out), &a, &e), &e);
	CHECK_OK(event_check(&ev, &e), &e);
	CHECK(eid_eq(&ev.id, &en.id));
	CHECK_U(ev.clock, CLOCK_MAX);
	CHECK(ev.has_node_seq && ev.node_seq == 3);
	CHECK(ev.has_replaces && ev.n_replaces == 2);
	CHECK(eid_eq(&ev.replaces[1], &named[1]));
	CHECK_STR(ev.aggregate_id, "k\"ey");
	CHECK_STR(ev.author, "user:ann");
	CHECK_STR(ev.git_branch, "main");
	CHECK(ev.folds);
	buf_fini(&out);
	json_fini(&j);
	arena_fini(&a);
}

/* What event_make makes is what a reader makes of what event_finish wrote. */
static void
same_events(const struct event *made, const struct event *read)
{
	CHECK(eid_eq(&made->id, &read->id));
	CHECK(str_eq(made->raw, read->raw));
#define SAME(m) CHECK(str_eq(made->m, read->m))
	SAME(id_text);
	SAME(type);
	SAME(aggregate_id);
	SAME(aggregate_type);
	SAME(node);
	SAME(timestamp);
	SAME(author);
	SAME(session_id);
	SAME(causation_id);
	SAME(team_slug);
	SAME(project_uuid);
	SAME(project_slug);
	SAME(git_branch);
	SAME(entity.project);
	SAME(entity.type);
	SAME(entity.key);
#undef SAME
	CHECK(made->kind == read->kind);
	CHECK_I(made->aggregate, read->aggregate);
	CHECK_U(made->clock, read->clock);
	CHECK_I(made->has_node_seq, read->has_node_seq);
	CHECK_U(made->node_seq, read->node_seq);
	CHECK_I(made->has_replaces, read->has_replaces);
	CHECK_U(made->n_replaces, read->n_replaces);
	for (size_t i = 0; i < made->n_replaces; i++)
		CHECK(eid_eq(&made->replaces[i], &read->replaces[i]));
	CHECK_I(made->folds, read->folds);
}

static void
an_event_made_is_the_event_read(void)
{
	const struct event_new all = { .type = STR("todo_added"),
		.clock = 7,
		.aggregate_id = STR("k\"ey"),
		.aggregate_type = STR("todo"),
		.node = STR("n"),
		.timestamp = STR(TIME),
		.node_seq = 3,
		.payload = STR(" {\"content\":\"x\"}\n"),
		.author = STR("user:\xc3\xa4nn"),
		.session_id = STR("s"),
		.causation_id = STR("c"),
		.team_slug = STR("t"),
		.project_uuid = STR("0190ABCD-0000-7000-8000-000000000001"),
		.project_slug = STR("p"),
		.git_branch = STR("010-x-WP02"),
		.head_commit_sha = STR("abc"),
		.repo_slug = STR("r") };
	struct event_new en[4] = { all, all, all, all };
	struct eid named[2];

	CHECK(eid_parse(STR(ID), &named[0]));
	CHECK(eid_parse(STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &named[1]));
	en[0].replaces = named;
	en[0].n_replaces = 2;
	en[1].author = en[1].project_uuid = STR("");
	/* What is not UTF-8 becomes U+FFFD in both. */
	en[2].aggregate_id = STR("a\xff\xc3");
	en[2].session_id = STR("\x80");
	en[3].type = STR("from_the_future");
	for (size_t i = 0; i < sizeof en / sizeof en[0]; i++) {
		struct arena a = { 0 };
		struct json payload = { 0 }, j = { 0 };
		struct buf out = { 0 };
		struct err_info e = { 0 };
		struct event made, read;

		t_note("%zu", i);
		CHECK(eid_parse(STR(ID), &en[i].id));
		CHECK_OK(json_parse(&payload, en[i].payload, 32, &e), &e);
		CHECK_OK(event_make(&made, &en[i], &payload, &a, &e), &e);
		CHECK_OK(event_finish(&made, &en[i], &a, &out, &e), &e);
		CHECK_OK(event_parse(&read, &j, buf_str(&out), &a, &e), &e);
		same_events(&made, &read);
		buf_fini(&out);
		json_fini(&payload);
		json_fini(&j);
		arena_fini(&a);
	}
}

/* A replay gives the fold all that reading gave it, and sets aside the same. */
static void
a_replay_says_what_the_fold_asks(void)
{
	static const struct member rows[] = { { NULL, NULL },
		{ "replaces", "[\"" ID "\",\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"]" },
		{ "aggregate_type", "\"WorkPackage\"" },
		{ "event_type", "\"of_the_future\"" },
		{ "schema_version", "2" }, { "draft", "\"d\"" },
		{ "key_id", "\"k\"" }, { "author", "\"user:ann\"" },
		{ "node_seq", "9" }, { "payload", "{\"title\":1}" } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = { 0 };
		struct json j = { 0 }, again = { 0 };
		struct buf text = { 0 };
		struct err_info e = { 0 };
		struct event ev, re;

		t_note("%zu", i);
		make(&text, rows[i].name, rows[i].value);
		CHECK_OK(event_parse(&ev, &j, buf_str(&text), &a, &e), &e);
		CHECK_OK(event_replay(&re, &again, buf_str(&text), &a, &e), &e);
		CHECK(eid_eq(&re.id, &ev.id));
		CHECK(re.kind == ev.kind);
		CHECK_I(re.aggregate, ev.aggregate);
		CHECK_U(re.clock, ev.clock);
		CHECK(str_eq(re.node, ev.node));
		CHECK(str_eq(re.timestamp, ev.timestamp));
		CHECK_I(re.has_replaces, ev.has_replaces);
		CHECK_U(re.n_replaces, ev.n_replaces);
		for (size_t k = 0; k < ev.n_replaces; k++)
			CHECK(eid_eq(&re.replaces[k], &ev.replaces[k]));
		CHECK_I(re.folds, ev.folds);
		CHECK_U(re.payload, ev.payload);
		CHECK(memcmp(re.member, ev.member, sizeof re.member) == 0 ||
		    !ev.folds);
		buf_fini(&text);
		json_fini(&j);
		json_fini(&again);
		arena_fini(&a);
	}
}

/* And it refuses what a reader would. */
static void
no_event_is_made_that_nobody_reads(void)
{
	static char big[EVENT_BYTES_MAX + 64], deep[128];
	const struct event_new fine = { .type = STR("todo_added"),
		.aggregate_id = STR("k"),
		.aggregate_type = STR("todo"),
		.node = STR("n"),
		.timestamp = STR(TIME),
		.payload = STR("{\"content\":\"x\"}") };
	struct event_new en[7] = { fine, fine, fine, fine, fine, fine, fine };
	static const char *const why[7] = { "aggregate_id", "session_id",
		"\"a\" stands twice", "nested deeper",
		"missing field in payload: content", "aggregate_type",
		"bytes, 524288 are allowed" };
	const unsigned levels = EVENT_DEPTH_MAX;

	en[0].aggregate_id = STR("");
	memset(big, 'x', sizeof big - 1);
	en[1].session_id = str_n(big, 1025);
	en[2].payload = STR("{\"content\":\"x\",\"a\":1,\"a\":2}");
	snprintf(deep, sizeof deep, "{\"content\":\"x\",\"a\":%.*s%.*s}",
	    (int)levels - 1, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	    (int)levels - 1, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
	en[3].payload = str_of(deep);
	en[4].payload = STR("{}");
	en[5].aggregate_type = STR("work_package");
	en[6].repo_slug = str_n(big, EVENT_BYTES_MAX);
	for (size_t i = 0; i < sizeof en / sizeof en[0]; i++) {
		struct arena a = { 0 };
		struct json payload = { 0 }, j = { 0 };
		struct buf out = { 0 };
		struct err_info e = { 0 }, e2 = { 0 };
		struct event ev;
		enum err rc;

		t_note("%s", why[i]);
		CHECK(eid_parse(STR(ID), &en[i].id));
		CHECK_OK(json_parse(&payload, en[i].payload, 64, &e), &e);
		rc = event_make(&ev, &en[i], &payload, &a, &e);
		if (rc == ERR_OK)
			rc = event_finish(&ev, &en[i], &a, &out, &e);
		CHECK(rc != ERR_OK);
		CHECK(strstr(e.text, why[i]) != NULL);
		/* A reader's word on the same bytes. */
		buf_reset(&out);
		event_encode(&en[i], &out);
		if (event_parse(&ev, &j, buf_str(&out), &a, &e2) == ERR_OK)
			(void)event_check(&ev, &e2);
		CHECK_I(e2.code, rc);
		buf_fini(&out);
		json_fini(&payload);
		json_fini(&j);
		arena_fini(&a);
	}
}

static void
stamping_anew_changes_nothing_else(void)
{
	static const char text[] =
	    "{\"event_id\":\"" ID "\",\"x\":{ \"y\" : 1.50 },"
	    "\"event_type\":\"wp_deleted\",\"aggregate_id\":\"001-a/WP01\","
	    "\"aggregate_type\":\"work_package\",\"lamport_clock\":1,"
	    "\"node_id\":\"n\",\"timestamp\":\"" TIME "\",\"payload\":{}}";
	static const char want[] =
	    "{\"event_id\":\"" ID "\",\"x\":{ \"y\" : 1.50 },"
	    "\"event_type\":\"wp_deleted\",\"aggregate_id\":\"001-a/WP01\","
	    "\"aggregate_type\":\"work_package\",\"lamport_clock\":99,"
	    "\"node_id\":\"m\",\"timestamp\":\"" TIME "\",\"payload\":{},"
	    "\"node_seq\":4,\"replaces\":[\"" ID "\"]}";
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf out = { 0 };
	struct err_info e = { 0 };
	struct event ev;

	CHECK_OK(event_parse(&ev, &j, str_of(text), &a, &e), &e);
	event_restamp(&ev, 99, STR("m"), 4, &ev.id, 1, &out);
	CHECK_STR(buf_str(&out), want);
	buf_fini(&out);
	json_fini(&j);
	arena_fini(&a);
}

static void
content_does_not_depend_on_spacing(void)
{
	struct arena a = { 0 };
	struct json j[2] = { { 0 }, { 0 } };
	struct buf text = { 0 };
	struct err_info e = { 0 };
	struct event ev[2];
	uint8_t h[2][32];

	make(&text, NULL, NULL);
	CHECK_OK(event_parse(&ev[0], &j[0], arena_str(&a, buf_str(&text)), &a,
	             &e),
	    &e);
	buf_adds(&text, " \n");
	memmove(text.data + 2, text.data + 1, text.len - 2);
	text.data[1] = ' ';
	CHECK_OK(event_parse(&ev[1], &j[1], buf_str(&text), &a, &e), &e);
	CHECK_OK(event_content_hash(&ev[0], h[0], &e), &e);
	CHECK_OK(event_content_hash(&ev[1], h[1], &e), &e);
	CHECK(memcmp(h[0], h[1], 32) == 0);
	buf_fini(&text);
	json_fini(&j[0]);
	json_fini(&j[1]);
	arena_fini(&a);
}

static void
lanes_move_as_the_table_says(void)
{
	static const struct {
		const char *from, *to, *actor, *reason, *review;
		bool force;
		enum err want;
	} rows[] = {
		{ "planned", "claimed", "ann", "", "", false, ERR_OK },
		{ "planned", "claimed", "", "", "", false, ERR_REFUSED },
		{ "planned", "in_progress", "ann", "", "", false, ERR_REFUSED },
		{ "planned", "in_progress", "ann", "why", "", true, ERR_OK },
		{ "planned", "in_progress", "", "why", "", true, ERR_REFUSED },
		{ "in_progress", "planned", "", "", "", false, ERR_REFUSED },
		{ "in_progress", "planned", "", "r", "", false, ERR_OK },
		{ "for_review", "in_progress", "", "", "", false, ERR_REFUSED },
		{ "for_review", "in_progress", "", "", "pr/1", false, ERR_OK },
		{ "approved", "planned", "", "", "pr/1", false, ERR_OK },
		{ "approved", "blocked", "", "", "", false, ERR_OK },
		{ "blocked", "in_progress", "", "", "", false, ERR_OK },
		{ "blocked", "planned", "", "", "", false, ERR_REFUSED },
		{ "done", "canceled", "", "", "", false, ERR_REFUSED },
		{ "blocked", "canceled", "", "", "", false, ERR_OK },
		{ "canceled", "planned", "", "", "", false, ERR_REFUSED },
		{ "planned", "limbo", "", "", "", true, ERR_USAGE },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err_info e = { 0 };

		t_note("%s to %s", rows[i].from, rows[i].to);
		CHECK_ERR(lane_move_check(str_of(rows[i].from),
		              str_of(rows[i].to), str_of(rows[i].actor),
		              str_of(rows[i].reason), str_of(rows[i].review),
		              rows[i].force, &e),
		    rows[i].want);
	}
}

static void
todos_of_one_content_have_one_key(void)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "Fix  it", " Fix it\n", true },
		{ "Fix\xc2\xa0it", "Fix it", true },
		{ "caf\xc3\xa9", "cafe\xcc\x81", true },
		{ "Fix it", "fix it", false },
		{ "Fixit", "Fix it", false },
	};
	struct err_info e = { 0 };
	char x[33], y[33];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t_note("%s", rows[i].a);
		CHECK_OK(todo_key(STR("p"), str_of(rows[i].a), 1, x, &e), &e);
		CHECK_OK(todo_key(STR("p"), str_of(rows[i].b), 1, y, &e), &e);
		CHECK((strcmp(x, y) == 0) == rows[i].same);
	}
	CHECK_OK(todo_key(STR("p"), STR("Fix it"), 2, y, &e), &e);
	CHECK_OK(todo_key(STR("p"), STR("Fix it"), 1, x, &e), &e);
	CHECK(strcmp(x, y) != 0);
	CHECK_OK(todo_key(STR("q"), STR("Fix it"), 1, y, &e), &e);
	CHECK(strcmp(x, y) != 0);
}

static void
every_fault_point_is_survived(void)
{
	int n = 0;

	do {
		struct arena a = { 0 };
		struct json j = { 0 };
		struct buf text = { 0 };
		struct err_info e = { 0 };
		struct event ev;
		struct writes w;
		uint8_t h[32];
		enum err rc;

		fault_arm(-1);
		make(&text, "author", "\"a\\u0041b\"");
		fault_arm(n++);
		rc = event_parse(&ev, &j, buf_str(&text), &a, &e);
		if (rc == ERR_OK)
			rc = event_content_hash(&ev, h, &e);
		if (rc == ERR_OK)
			rc = event_writes(&ev, &a, &w, &e);
		CHECK((rc == ERR_OK) == !fault_hit());
		CHECK(rc == ERR_OK || rc == ERR_NOMEM);
		buf_fini(&text);
		json_fini(&j);
		arena_fini(&a);
	} while (fault_hit() && !t_failing());
	CHECK(n > 3);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(envelope_is_checked_member_by_member);
	T_RUN(depth_and_size_are_bounded);
	T_RUN(payloads_are_checked_by_the_catalogue);
	T_RUN(entities_are_named_by_the_event_alone);
	T_RUN(what_is_set_aside_does_not_fold);
	T_RUN(a_new_event_reads_back);
	T_RUN(an_event_made_is_the_event_read);
	T_RUN(a_replay_says_what_the_fold_asks);
	T_RUN(no_event_is_made_that_nobody_reads);
	T_RUN(stamping_anew_changes_nothing_else);
	T_RUN(content_does_not_depend_on_spacing);
	T_RUN(lanes_move_as_the_table_says);
	T_RUN(todos_of_one_content_have_one_key);
	T_RUN(every_fault_point_is_survived);
	return t_done();
}
