/* An event in words; values as people read them; words as a shell takes them. */
#include <string.h>

#include "deed.h"
#include "t.h"
#include "words.h"

static struct err_info e;

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	const char *type, *aggregate, *payload, *want;
} events[] = {
	{ "project_created", "project", "{\"slug\":\"x\"}", "began it" },
	{ "project_shared", "project", "{\"team\":\"crew\"}", "shared it with the team crew" },
	{ "feature_created", "feature", "{\"feature_slug\":\"001-a\",\"title\":\"A\"}", "added it: A" },
	{ "feature_updated", "feature", "{\"feature_slug\":\"001-a\",\"title\":\"B\",\"description\":null}",
	  "changed it (title, description)" },
	{ "feature_updated", "feature", "{\"feature_slug\":\"001-a\"}", "changed it" },
	{ "FeatureCompleted", "feature", "{\"feature_slug\":\"001-a\"}", "completed it" },
	{ "wp_created", "work_package", "{\"wp_id\":\"WP01\",\"title\":\"T\"}", "added it: T" },
	{ "WPStatusChanged", "work_package", "{\"wp_id\":\"WP01\",\"from_lane\":\"a\",\"to_lane\":\"b\"}",
	  "moved it a \u2192 b" },
	{ "wp_status_changed", "work_package", "{\"wp_id\":\"WP01\",\"from_lane\":\"a\",\"to_lane\":\"b\","
	  "\"reason\":\"r\",\"review_ref\":\"PR\",\"force\":true}", "moved it a \u2192 b by force (r) (review PR)" },
	{ "wp_status_changed", "work_package", "{\"wp_id\":\"WP01\",\"to_lane\":5,\"force\":\"yes\"}", "moved it" },
	{ "wp_assigned", "work_package", "{\"wp_id\":\"WP01\",\"agent_id\":\"bob\",\"phase\":\"review\"}",
	  "assigned it to bob (review)" },
	{ "history_added", "work_package", "{\"wp_id\":\"WP01\",\"entry_type\":\"note\",\"entry_content\":\"c\"}",
	  "noted on it: c" },
	{ "history_added", "work_package", "{\"wp_id\":\"WP01\",\"entry_type\":\"error\",\"entry_content\":\"c\"}",
	  "noted on it (error): c" },
	{ "dependency_resolved", "work_package", "{\"wp_id\":\"WP01\",\"dependency_wp_id\":\"WP02\","
	  "\"resolution_type\":\"merged\"}", "said that it no longer waits for WP02 (merged)" },
	{ "error_logged", "work_package", "{\"wp_id\":\"WP01\",\"error_type\":\"auth\",\"error_message\":\"m\"}",
	  "met an error at it: auth: m" },
	{ "todo_added", "todo", "{\"content\":\"c\"}", "added it" },
	{ "todo_observed", "todo", "{\"reporter\":\"claude-todos:s1\",\"status\":\"completed\"}",
	  "reported it \u2192 completed (seen in claude-todos)" },
	{ "todo_status_changed", "todo", "{\"status\":\"pending\",\"reason\":\"r\"}", "moved it \u2192 pending (r)" },
	{ "todo_deleted", "todo", "{\"reason\":\"r\"}", "removed it (r)" },
	{ "conflict_resolved", "work_package", "{\"conflict_id\":\"x\",\"field\":\"title\",\"value\":[\"a\",null]}",
	  "settled a conflict of it: title is a, nothing" },
	{ "agent_needed", "project", "{\"topic\":\"router\",\"todos\":[]}", "asks for an agent on it: router" },
	{ "archived", "feature", "{\"value\":true}", "archived it" },
	{ "archived", "feature", "{\"value\":false}", "took out of the archive it" },
	{ "something_new", "todo", "{}", "something_new about it" },
};
/* clang-format on */

static void
events_in_words(void)
{
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		struct arena a = { 0 };
		struct json j = { 0 };
		struct buf got = { 0 };
		struct event ev;
		char *text = arena_fmt(&a,
		    "{\"event_id\":\"01890000-0000-7000-8000-000000000001\","
		    "\"event_type\":\"%s\",\"aggregate_id\":\"x\","
		    "\"aggregate_type\":\"%s\",\"lamport_clock\":1,"
		    "\"node_id\":\"n\",\"timestamp\":\"2026-01-01T00:00:00Z\","
		    "\"payload\":%s}",
		    events[i].type, events[i].aggregate, events[i].payload);

		t_note("%s %s", events[i].type, events[i].payload);
		if (CHECK_OK(event_parse(&ev, &j, str_of(text), &a, &e), &e)) {
			words_event(&ev, STR("it"), &got);
			CHECK_STR(buf_str(&got), events[i].want);
		}
		buf_fini(&got);
		json_fini(&j);
		arena_fini(&a);
	}
	t_note("%s", "");
}

static void
values(void)
{
	static const struct {
		const char *json, *want;
	} row[] = {
		{ "\"a b\"", "a b" },
		{ "\"\\u00e4\\n\"", "\u00e4\n" },
		{ "null", "nothing" },
		{ "5", "5" },
		{ "true", "true" },
		{ "[]", "" },
		{ "[\"a\",1,null,[2]]", "a, 1, nothing, [2]" },
		{ "{\"a\":1}", "{\"a\":1}" },
		{ "no json", "no json" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct buf got = { 0 };

		words_value(str_of(row[i].json), &got);
		CHECK_STR(buf_str(&got), row[i].want);
		buf_fini(&got);
	}
}

static void
for_a_shell(void)
{
	static const struct {
		const char *word, *want;
	} row[] = {
		{ "001-login/WP01", "001-login/WP01" },
		{ "a@b.c:d+e%f_", "a@b.c:d+e%f_" },
		{ "", "''" },
		{ "a b", "'a b'" },
		{ "x; rm -rf ~", "'x; rm -rf ~'" },
		{ "$(id)", "'$(id)'" },
		{ "it's", "'it'\\''s'" },
		{ "\u00e4", "'\u00e4'" },
		{ "~", "'~'" },
	};
	struct buf got = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		buf_reset(&got);
		words_shell(str_of(row[i].word), &got);
		CHECK_STR(buf_str(&got), row[i].want);
	}
	buf_reset(&got);
	words_shell(str_n("a\0b", 3), &got);
	CHECK_U(got.len, 5);
	buf_reset(&got);
	words_lane(STR("in_progress"), &got);
	CHECK_STR(buf_str(&got), "in progress");
	buf_fini(&got);
}

static void
authors(void)
{
	static const struct {
		const char *author, *want;
	} row[] = {
		{ "user:ann", "ann" },
		{ "user:", "" },
		{ "agent:claude", "claude" },
		{ "agent:claude/1234", "claude/1234" },
		{ "agent:claude/0123456789", "claude/01234567" },
		{ "somebody", "somebody" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		CHECK_STR(deed_author(str_of(row[i].author)), row[i].want);
}

int
main(void)
{
	T_RUN(events_in_words);
	T_RUN(values);
	T_RUN(for_a_shell);
	T_RUN(authors);
	return t_done();
}
