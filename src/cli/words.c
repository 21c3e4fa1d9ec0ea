/* One row per event type; what a row cannot say is said by its function. */
#include "words.h"

/* What a function adds behind the name. */
typedef void tail_fn(const struct event *ev, struct arena *a, struct buf *out);

struct str
words_member(const struct event *ev, const char *name, struct arena *a)
{
	uint32_t node = json_get(ev->json, ev->payload, name);
	struct str s = { 0 };

	if (node == 0 || !json_str(ev->json, node, a, &s))
		return (struct str){ 0 };
	return s;
}

static void
add_member(const struct event *ev, const char *before, const char *name,
    const char *after, struct arena *a, struct buf *out)
{
	struct str s = words_member(ev, name, a);

	if (s.n > 0) {
		buf_adds(out, before);
		buf_addstr(out, s);
		buf_adds(out, after);
	}
}

static void
tail_title(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, ": ", "title", "", a, out);
}

static void
tail_team(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, " with the team ", "team", "", a, out);
}

static void
tail_move(const struct event *ev, struct arena *a, struct buf *out)
{
	uint32_t force = json_get(ev->json, ev->payload, "force");
	bool forced;

	add_member(ev, " ", "from_lane", "", a, out);
	add_member(ev, " → ", "to_lane", "", a, out);
	if (force > 0 && json_bool(ev->json, force, &forced) && forced)
		buf_adds(out, " by force");
	add_member(ev, " (", "reason", ")", a, out);
	add_member(ev, " (review ", "review_ref", ")", a, out);
}

static void
tail_assign(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, " to ", "agent_id", "", a, out);
	add_member(ev, " (", "phase", ")", a, out);
}

static void
tail_note(const struct event *ev, struct arena *a, struct buf *out)
{
	struct str kind = words_member(ev, "entry_type", a);

	if (kind.n > 0 && !str_is(kind, "note")) {
		buf_adds(out, " (");
		buf_addstr(out, kind);
		buf_addc(out, ')');
	}
	add_member(ev, ": ", "entry_content", "", a, out);
}

static void
tail_dependency(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, " no longer waits for ", "dependency_wp_id", "", a, out);
	add_member(ev, " (", "resolution_type", ")", a, out);
}

static void
tail_error(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, ": ", "error_type", "", a, out);
	add_member(ev, ": ", "error_message", "", a, out);
}

static void
tail_reason(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, " (", "reason", ")", a, out);
}

static void
tail_status(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, " → ", "status", "", a, out);
	add_member(ev, " (", "reason", ")", a, out);
}

static void
tail_observed(const struct event *ev, struct arena *a, struct buf *out)
{
	struct str who = words_member(ev, "reporter", a), kind;

	add_member(ev, " → ", "status", "", a, out);
	/* "claude-todos:<session>": the kind says enough. */
	if (str_split(&who, ':', &kind) && kind.n > 0) {
		buf_adds(out, " (seen in ");
		buf_addstr(out, kind);
		buf_addc(out, ')');
	}
}

/* Which members it holds, less those that only say what it is about. */
static void
tail_fields(const struct event *ev, struct arena *a, struct buf *out)
{
	static const char *const about[] = { "wp_id", "feature_slug",
		"mission_slug", "id" };
	uint32_t key = ev->payload + 1;
	const char *between = " (";

	for (uint32_t i = 0; i < ev->json->node[ev->payload].n; i++) {
		struct str name = { 0 };
		bool told = json_str(ev->json, key, a, &name);

		for (size_t k = 0; k < sizeof about / sizeof *about; k++)
			told = told && !str_is(name, about[k]);
		if (told) {
			buf_adds(out, between);
			buf_addstr(out, name);
			between = ", ";
		}
		key = json_next(ev->json, json_next(ev->json, key));
	}
	buf_adds(out, between[0] == ',' ? ")" : "");
}

static void
tail_resolved(const struct event *ev, struct arena *a, struct buf *out)
{
	uint32_t value = json_get(ev->json, ev->payload, "value");

	add_member(ev, ": ", "field", "", a, out);
	if (value > 0) {
		buf_adds(out, " is ");
		words_value(json_raw(ev->json, value), out);
	}
}

static void
tail_topic(const struct event *ev, struct arena *a, struct buf *out)
{
	add_member(ev, ": ", "topic", "", a, out);
}

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	const char *type, *verb;
	tail_fn *tail;
} row[] = {
	{ "project_created", "began", NULL },
	{ "project_updated", "changed", tail_fields },
	{ "project_shared", "shared", tail_team },
	{ "feature_created", "added", tail_title },
	{ "feature_updated", "changed", tail_fields },
	{ "feature_completed", "completed", NULL },
	{ "wp_created", "added", tail_title },
	{ "wp_updated", "changed", tail_fields },
	{ "wp_status_changed", "moved", tail_move },
	{ "wp_assigned", "assigned", tail_assign },
	{ "history_added", "noted on", tail_note },
	{ "dependency_resolved", "said that", tail_dependency },
	{ "error_logged", "met an error at", tail_error },
	{ "todo_observed", "reported", tail_observed },
	{ "todo_added", "added", NULL },
	{ "todo_updated", "changed", tail_fields },
	{ "todo_status_changed", "moved", tail_status },
	{ "work_item_changed", "changed", tail_fields },
	{ "work_item_deleted", "removed", NULL },
	{ "work_item_progress", "made progress on", NULL },
	{ "session_started", "started", NULL },
	{ "session_heartbeat", "goes on with", NULL },
	{ "session_ended", "ended", tail_reason },
	{ "conflict_resolved", "settled a conflict of", tail_resolved },
	{ "reverted", "took back a change of", tail_fields },
	{ "agent_needed", "asks for an agent on", tail_topic },
	{ "feature_deleted", "removed", tail_reason },
	{ "wp_deleted", "removed", tail_reason },
	{ "todo_deleted", "removed", tail_reason },
};
/* clang-format on */

static void
archived(const struct event *ev, struct str name, struct buf *out)
{
	bool value = true;
	uint32_t node = json_get(ev->json, ev->payload, "value");

	if (node > 0)
		(void)json_bool(ev->json, node, &value);
	buf_adds(out, value ? "archived " : "took out of the archive ");
	buf_addstr(out, name);
}

void
words_event(const struct event *ev, struct str name, struct buf *out)
{
	const char *type = ev->kind != NULL ? ev->kind->name : "";
	struct arena a = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		if (strcmp(row[i].type, type) != 0)
			continue;
		buf_adds(out, row[i].verb);
		buf_addc(out, ' ');
		buf_addstr(out, name);
		if (row[i].tail != NULL)
			row[i].tail(ev, &a, out);
		arena_fini(&a);
		return;
	}
	if (strcmp(type, "archived") == 0) {
		archived(ev, name, out);
		return;
	}
	/* A type that we have no words for. */
	buf_addstr(out, ev->type);
	buf_adds(out, " about ");
	buf_addstr(out, name);
}

static void
value_node(const struct json *j, uint32_t node, struct arena *a,
    struct buf *out)
{
	struct str s;

	if (json_kind(j, node) == JSON_NULL)
		buf_adds(out, "nothing");
	else if (json_kind(j, node) == JSON_STRING && json_str(j, node, a, &s))
		buf_addstr(out, s);
	else
		buf_addstr(out, json_raw(j, node));
}

void
words_value(struct str value, struct buf *out)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	uint32_t child = 1;

	if (json_parse(&j, value, JSON_DEPTH_MAX, &e) != ERR_OK) {
		buf_addstr(out, value);
		goto done;
	}
	if (json_kind(&j, 0) != JSON_ARRAY) {
		value_node(&j, 0, &a, out);
		goto done;
	}
	for (uint32_t i = 0; i < j.node[0].n; i++) {
		buf_adds(out, i > 0 ? ", " : "");
		value_node(&j, child, &a, out);
		child = json_next(&j, child);
	}
done:
	json_fini(&j);
	arena_fini(&a);
}

struct str
words_field_name(struct str field)
{
	return str_is(field, "present") ? STR("removal") : field;
}

void
words_field(struct str field, struct str json, struct buf *out)
{
	if (!str_is(field, "present"))
		words_value(json, out);
	else
		buf_adds(out, str_is(json, "true") ? "edited" : "removed");
}

void
words_lane(struct str lane, struct buf *out)
{
	for (size_t i = 0; i < lane.n; i++)
		buf_addc(out, lane.p[i] == '_' ? ' ' : lane.p[i]);
}

static bool
is_plain(struct str word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "0123456789_./:@%+-";

	for (size_t i = 0; i < word.n; i++)
		if (memchr(plain, word.p[i], sizeof plain - 1) == NULL)
			return false;
	return word.n > 0;
}

void
words_shell(struct str word, struct buf *out)
{
	if (is_plain(word)) {
		buf_addstr(out, word);
		return;
	}
	buf_addc(out, '\'');
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, word.p[i]);
	buf_addc(out, '\'');
}
