/* The tables of docs/formats.md, Catalogue, and the checks they name. */
#include "catalogue.h"

#include <assert.h>

#include "id.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

/* Tables are drawn by hand: */
/* clang-format off */
static const struct field_row project_fields[] = {
	{ "slug",       KIND_REGISTER, CHECK_LINE },
	{ "title",      KIND_REGISTER, CHECK_STRING },
	{ "remote_url", KIND_REGISTER, CHECK_STRING },
	{ "team",       KIND_REGISTER, CHECK_LINE },
	{ "archived",   KIND_FLAG,     CHECK_BOOL },
};
static const struct field_row feature_fields[] = {
	{ "title",          KIND_REGISTER, CHECK_STRING },
	{ "target_branch",  KIND_REGISTER, CHECK_STRING },
	{ "completed_at",   KIND_REGISTER, CHECK_STRING },
	{ "wp_count",       KIND_REGISTER, CHECK_COUNT },
	{ "total_wps",      KIND_REGISTER, CHECK_COUNT },
	{ "total_duration", KIND_REGISTER, CHECK_ANY },
	{ "description",    KIND_TEXT,     CHECK_STRING },
	{ "archived",       KIND_FLAG,     CHECK_BOOL },
};
static const struct field_row wp_fields[] = {
	{ "title",        KIND_REGISTER, CHECK_STRING },
	{ "priority",     KIND_REGISTER, CHECK_ANY },
	{ "assignee",     KIND_REGISTER, CHECK_LINE },
	{ "phase",        KIND_REGISTER, CHECK_STRING },
	{ "lane",         KIND_STATUS,   CHECK_LANE },
	{ "description",  KIND_TEXT,     CHECK_STRING },
	{ "tags",         KIND_SET,      CHECK_SET },
	{ "dependencies", KIND_SET,      CHECK_SET },
	{ "resolved",     KIND_SET,      CHECK_SET },
	{ "history",      KIND_LIST,     CHECK_OBJECT },
	{ "archived",     KIND_FLAG,     CHECK_BOOL },
};
static const struct field_row todo_fields[] = {
	{ "content",     KIND_REGISTER,    CHECK_STRING },
	{ "priority",    KIND_REGISTER,    CHECK_ANY },
	{ "status",      KIND_STATUS,      CHECK_TODO_STATUS },
	{ "description", KIND_TEXT,        CHECK_STRING },
	{ "blocks",      KIND_SET,         CHECK_SET },
	{ "blocked_by",  KIND_SET,         CHECK_SET },
	{ "active_form", KIND_PER_SESSION, CHECK_STRING },
	{ "owner",       KIND_PER_SESSION, CHECK_STRING },
	{ "list",        KIND_PER_SESSION, CHECK_STRING },
	{ "local_id",    KIND_PER_SESSION, CHECK_ANY },
};
static const struct field_row item_fields[] = {
	{ "body",                  KIND_TEXT, CHECK_STRING },
	{ "technical_tags",        KIND_SET,  CHECK_SET_ANY },
	{ "artifact_refs",         KIND_SET,  CHECK_SET_ANY },
	{ "metadata.dependencies", KIND_SET,  CHECK_SET_ANY },
	{ "progress",              KIND_LIST, CHECK_OBJECT },
};
/* Of every aggregate that we fold. */
static const struct field_row present_field = { "present", KIND_FLAG, CHECK_BOOL };
/* Members of work items and sessions that have no row of their own. */
static const struct field_row open_field = { NULL, KIND_REGISTER, CHECK_ANY };

static const struct {
	const char *name;
	const char *alias[3];
	const struct field_row *field;
	size_t n;
	bool open;
} aggregates[AGG_COUNT] = {
	[AGG_OTHER]        = { "", { NULL }, NULL, 0, false },
	[AGG_PROJECT]      = { "project", { "Project" }, project_fields, N(project_fields), false },
	[AGG_FEATURE]      = { "feature", { "Feature", "Mission" }, feature_fields, N(feature_fields), false },
	[AGG_WORK_PACKAGE] = { "work_package", { "WorkPackage" }, wp_fields, N(wp_fields), false },
	[AGG_TODO]         = { "todo", { "Todo" }, todo_fields, N(todo_fields), false },
	[AGG_WORK_ITEM]    = { "work_item", { "WorkItem" }, item_fields, N(item_fields), true },
	[AGG_SESSION]      = { "session", { "Session" }, NULL, 0, true },
};

/* name, required, check, words, field, alias */
static const struct member_row m_project[] = {
	{ "slug",       true,  CHECK_LINE,   NULL, "", NULL },
	{ "title",      false, CHECK_STRING, NULL, "", NULL },
	{ "remote_url", false, CHECK_STRING, NULL, "", NULL },
};
static const struct member_row m_project_shared[] = {
	{ "team", true, CHECK_LINE, NULL, "", NULL },
};
static const struct member_row m_feature_created[] = {
	{ "feature_slug",   true,  CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
	{ "feature_number", true,  CHECK_NUMBER_TEXT,  NULL, NULL, "mission_number" },
	{ "title",          false, CHECK_STRING, NULL, "", NULL },
	{ "description",    false, CHECK_STRING, NULL, "", NULL },
	{ "target_branch",  false, CHECK_STRING, NULL, "", NULL },
	{ "wp_count",       false, CHECK_COUNT,  NULL, "", NULL },
	{ "created_at",     false, CHECK_STRING, NULL, NULL, NULL },
};
static const struct member_row m_feature_updated[] = {
	{ "feature_slug",   true,  CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
	{ "title",          false, CHECK_STRING, NULL, "", NULL },
	{ "description",    false, CHECK_STRING, NULL, "", NULL },
	{ "target_branch",  false, CHECK_STRING, NULL, "", NULL },
	{ "wp_count",       false, CHECK_COUNT,  NULL, "", NULL },
	{ "total_wps",      false, CHECK_COUNT,  NULL, "", NULL },
	{ "completed_at",   false, CHECK_STRING, NULL, "", NULL },
	{ "total_duration", false, CHECK_ANY,    NULL, "", NULL },
};
static const struct member_row m_wp_created[] = {
	{ "wp_id",        true,  CHECK_WP_ID,  NULL, NULL, NULL },
	{ "title",        true,  CHECK_STRING, NULL, "", NULL },
	{ "feature_slug", true,  CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
	{ "description",  false, CHECK_STRING, NULL, "", NULL },
	{ "dependencies", false, CHECK_SET,    NULL, "", NULL },
	{ "tags",         false, CHECK_SET,    NULL, "", NULL },
	{ "priority",     false, CHECK_ANY,    NULL, "", NULL },
};
static const struct member_row m_wp_updated[] = {
	{ "wp_id",        true,  CHECK_WP_ID,  NULL, NULL, NULL },
	{ "feature_slug", false, CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
	{ "title",        false, CHECK_STRING, NULL, "", NULL },
	{ "description",  false, CHECK_STRING, NULL, "", NULL },
	{ "dependencies", false, CHECK_SET,    NULL, "", NULL },
	{ "tags",         false, CHECK_SET,    NULL, "", NULL },
	{ "priority",     false, CHECK_ANY,    NULL, "", NULL },
};
static const struct member_row m_wp_status[] = {
	{ "wp_id",           true,  CHECK_WP_ID,  NULL, NULL, NULL },
	{ "from_lane",       true,  CHECK_LANE,   NULL, NULL, NULL },
	{ "to_lane",         true,  CHECK_LANE,   NULL, "lane", NULL },
	{ "feature_slug",    false, CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
	{ "actor",           false, CHECK_STRING, NULL, NULL, NULL },
	{ "reason",          false, CHECK_STRING, NULL, NULL, NULL },
	{ "review_ref",      false, CHECK_STRING, NULL, NULL, NULL },
	{ "force",           false, CHECK_BOOL,   NULL, NULL, NULL },
	{ "policy_metadata", false, CHECK_ANY,    NULL, NULL, NULL },
};
static const struct member_row m_wp_assigned[] = {
	{ "wp_id",        true,  CHECK_WP_ID, NULL, NULL, NULL },
	{ "agent_id",     true,  CHECK_LINE,  NULL, "assignee", NULL },
	{ "phase",        true,  CHECK_WORDS, "implementation review", "", NULL },
	{ "retry_count",  false, CHECK_COUNT, NULL, NULL, NULL },
	{ "feature_slug", false, CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
};
static const struct member_row m_history[] = {
	{ "wp_id",         true,  CHECK_WP_ID,  NULL, NULL, NULL },
	{ "entry_type",    true,  CHECK_WORDS,  "note review error comment", NULL, NULL },
	{ "entry_content", true,  CHECK_STRING, NULL, NULL, NULL },
	{ "author",        false, CHECK_STRING, NULL, NULL, NULL },
	{ "feature_slug",  false, CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
};
static const struct member_row m_dependency[] = {
	{ "wp_id",            true,  CHECK_WP_ID, NULL, NULL, NULL },
	{ "dependency_wp_id", true,  CHECK_WP_ID, NULL, "resolved", NULL },
	{ "resolution_type",  true,  CHECK_WORDS, "completed skipped merged", NULL, NULL },
	{ "feature_slug",     false, CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
};
static const struct member_row m_error[] = {
	{ "error_type",    true,  CHECK_WORDS,  "validation runtime network auth unknown", NULL, NULL },
	{ "error_message", true,  CHECK_STRING, NULL, NULL, NULL },
	{ "wp_id",         false, CHECK_WP_ID,  NULL, NULL, NULL },
	{ "stack_trace",   false, CHECK_STRING, NULL, NULL, NULL },
	{ "agent_id",      false, CHECK_STRING, NULL, NULL, NULL },
	{ "feature_slug",  false, CHECK_FEATURE_SLUG, NULL, NULL, "mission_slug" },
};
#define TODO_DETAILS                                          \
	{ "active_form", false, CHECK_STRING, NULL, "", NULL },   \
	{ "priority",    false, CHECK_ANY,    NULL, "", NULL },   \
	{ "description", false, CHECK_STRING, NULL, "", NULL },   \
	{ "owner",       false, CHECK_STRING, NULL, "", NULL },   \
	{ "blocks",      false, CHECK_SET,    NULL, "", NULL },   \
	{ "blocked_by",  false, CHECK_SET,    NULL, "", NULL },   \
	{ "list",        false, CHECK_STRING, NULL, "", NULL },   \
	{ "local_id",    false, CHECK_ANY,    NULL, "", NULL }
static const struct member_row m_todo_observed[] = {
	{ "reporter", true,  CHECK_REPORTER,    NULL, NULL, NULL },
	{ "content",  false, CHECK_STRING,      NULL, "", NULL },
	{ "status",   false, CHECK_TODO_STATUS, NULL, "", NULL },
	TODO_DETAILS,
};
static const struct member_row m_todo_added[] = {
	{ "content", true,  CHECK_STRING,      NULL, "", NULL },
	{ "status",  false, CHECK_TODO_STATUS, NULL, "", NULL },
	TODO_DETAILS,
};
static const struct member_row m_todo_updated[] = {
	{ "content", false, CHECK_STRING, NULL, "", NULL },
	TODO_DETAILS,
};
static const struct member_row m_todo_status[] = {
	{ "status", true,  CHECK_TODO_STATUS, NULL, "", NULL },
	{ "reason", false, CHECK_STRING,      NULL, NULL, NULL },
	{ "actor",  false, CHECK_STRING,      NULL, NULL, NULL },
};
static const struct member_row m_item_changed[] = {
	{ "id",             true,  CHECK_STRING,  NULL, "", NULL },
	{ "body",           false, CHECK_STRING,  NULL, "", NULL },
	{ "technical_tags", false, CHECK_SET_ANY, NULL, "", NULL },
	{ "artifact_refs",  false, CHECK_SET_ANY, NULL, "", NULL },
};
static const struct member_row m_item_deleted[] = {
	{ "id", true, CHECK_STRING, NULL, NULL, NULL },
};
static const struct member_row m_item_progress[] = {
	{ "work_id",         true,  CHECK_STRING, NULL, NULL, NULL },
	{ "update_type",     true,  CHECK_STRING, NULL, NULL, NULL },
	{ "tasks_completed", false, CHECK_ANY,    NULL, NULL, NULL },
	{ "tasks_added",     false, CHECK_ANY,    NULL, NULL, NULL },
	{ "progress_delta",  false, CHECK_ANY,    NULL, NULL, NULL },
	{ "key_changes",     false, CHECK_ANY,    NULL, NULL, NULL },
};
static const struct member_row m_session[] = {
	{ "session_id", true, CHECK_STRING, NULL, "", NULL },
};
static const struct member_row m_conflict_resolved[] = {
	{ "conflict_id", true, CHECK_LINE, NULL, NULL, NULL },
	{ "field",       true, CHECK_LINE, NULL, NULL, NULL },
	{ "value",       true, CHECK_ANY,  NULL, NULL, NULL },
};
static const struct member_row m_reverted[] = {
	{ "reverts", true, CHECK_IDS, NULL, NULL, NULL },
};
static const struct member_row m_agent_needed[] = {
	{ "topic", true, CHECK_LINE, NULL, NULL, NULL },
	{ "todos", true, CHECK_ANY,  NULL, NULL, NULL },
};
static const struct member_row m_deleted[] = {
	{ "reason", false, CHECK_STRING, NULL, NULL, NULL },
};
static const struct member_row m_archived[] = {
	{ "value",  true,  CHECK_BOOL,   NULL, "archived", NULL },
	{ "reason", false, CHECK_STRING, NULL, NULL, NULL },
};

#define M(rows) .member = rows, .n_members = N(rows)
static const struct event_type types[] = {
	{ .name = "project_created", .aggregate = AGG_PROJECT, M(m_project) },
	{ .name = "project_updated", .aggregate = AGG_PROJECT, M(m_project) },
	{ .name = "project_shared", .aggregate = AGG_PROJECT, M(m_project_shared) },
	{ .name = "feature_created", .alias = { "FeatureCreated", "MissionCreated" },
	  .aggregate = AGG_FEATURE, M(m_feature_created) },
	{ .name = "feature_updated", .aggregate = AGG_FEATURE, M(m_feature_updated) },
	{ .name = "feature_completed", .alias = { "FeatureCompleted" },
	  .aggregate = AGG_FEATURE, M(m_feature_updated) },
	{ .name = "wp_created", .alias = { "WPCreated" }, .aggregate = AGG_WORK_PACKAGE,
	  M(m_wp_created), .default_field = "lane", .default_value = "\"planned\"" },
	{ .name = "wp_updated", .aggregate = AGG_WORK_PACKAGE, M(m_wp_updated) },
	{ .name = "wp_status_changed", .alias = { "WPStatusChanged" },
	  .aggregate = AGG_WORK_PACKAGE, M(m_wp_status) },
	{ .name = "wp_assigned", .alias = { "WPAssigned" }, .aggregate = AGG_WORK_PACKAGE,
	  M(m_wp_assigned) },
	{ .name = "history_added", .alias = { "HistoryAdded" }, .aggregate = AGG_WORK_PACKAGE,
	  .flags = TYPE_ENTRY, .entry_field = "history", M(m_history) },
	{ .name = "dependency_resolved", .alias = { "DependencyResolved" },
	  .aggregate = AGG_WORK_PACKAGE, M(m_dependency) },
	{ .name = "error_logged", .alias = { "ErrorLogged" },
	  .flags = TYPE_ENTRY | TYPE_ANY_AGGREGATE, .entry_field = "history", M(m_error) },
	{ .name = "MissionDossierArtifactIndexed", .flags = TYPE_SILENT | TYPE_ANY_AGGREGATE },
	{ .name = "MissionDossierArtifactMissing", .flags = TYPE_SILENT | TYPE_ANY_AGGREGATE },
	{ .name = "MissionDossierSnapshotComputed", .flags = TYPE_SILENT | TYPE_ANY_AGGREGATE },
	{ .name = "MissionDossierParityDriftDetected", .flags = TYPE_SILENT | TYPE_ANY_AGGREGATE },
	{ .name = "todo_observed", .aggregate = AGG_TODO, .flags = TYPE_OBSERVATION,
	  M(m_todo_observed), .default_field = "status", .default_value = "\"pending\"" },
	{ .name = "todo_added", .aggregate = AGG_TODO, M(m_todo_added),
	  .default_field = "status", .default_value = "\"pending\"" },
	{ .name = "todo_updated", .aggregate = AGG_TODO, M(m_todo_updated) },
	{ .name = "todo_status_changed", .aggregate = AGG_TODO, M(m_todo_status) },
	{ .name = "work_item_changed", .aggregate = AGG_WORK_ITEM, .flags = TYPE_OPEN,
	  M(m_item_changed) },
	{ .name = "work_item_deleted", .aggregate = AGG_WORK_ITEM, .flags = TYPE_DELETE,
	  M(m_item_deleted) },
	{ .name = "work_item_progress", .aggregate = AGG_WORK_ITEM, .flags = TYPE_ENTRY,
	  .entry_field = "progress", M(m_item_progress) },
	{ .name = "session_started", .aggregate = AGG_SESSION, .flags = TYPE_OPEN,
	  M(m_session), .set_field = "state", .set_value = "\"started\"" },
	{ .name = "session_heartbeat", .aggregate = AGG_SESSION, .flags = TYPE_OPEN,
	  M(m_session), .set_field = "last_heartbeat" },
	{ .name = "session_ended", .aggregate = AGG_SESSION, .flags = TYPE_OPEN,
	  M(m_session), .set_field = "state", .set_value = "\"ended\"" },
	{ .name = "conflict_resolved", .flags = TYPE_NAMES_FIELD | TYPE_ANY_AGGREGATE,
	  M(m_conflict_resolved) },
	{ .name = "reverted", .flags = TYPE_FIELDS_BACK | TYPE_ANY_AGGREGATE, M(m_reverted) },
	{ .name = "agent_needed", .aggregate = AGG_PROJECT, .flags = TYPE_SILENT,
	  M(m_agent_needed) },
	{ .name = "feature_deleted", .aggregate = AGG_FEATURE, .flags = TYPE_DELETE, M(m_deleted) },
	{ .name = "wp_deleted", .aggregate = AGG_WORK_PACKAGE, .flags = TYPE_DELETE, M(m_deleted) },
	{ .name = "todo_deleted", .aggregate = AGG_TODO, .flags = TYPE_DELETE, M(m_deleted) },
	{ .name = "archived", .flags = TYPE_ANY_AGGREGATE, M(m_archived) },
};

/* In the order of docs/merge.md, Rank. */
struct status_row {
	struct str name;
	bool finished;
};
static const struct status_row lanes[LANE_RANK_MAX + 1] = {
	{ STR_INIT("planned"),     false },
	{ STR_INIT("claimed"),     false },
	{ STR_INIT("in_progress"), false },
	{ STR_INIT("blocked"),     false },
	{ STR_INIT("for_review"),  true },
	{ STR_INIT("approved"),    true },
	{ STR_INIT("canceled"),    false },
	{ STR_INIT("done"),        true },
};
static const struct status_row todo_statuses[TODO_STATUS_RANK_MAX + 1] = {
	{ STR_INIT("pending"),     false },
	{ STR_INIT("in_progress"), false },
	{ STR_INIT("completed"),   true },
};
struct synonym_row {
	struct str from, to;
};
static const struct synonym_row synonyms[] = {
	{ STR_INIT("doing"), STR_INIT("in_progress") },
};
static const struct synonym_row todo_synonyms[] = {
	{ STR_INIT("done"),     STR_INIT("completed") },
	{ STR_INIT("complete"), STR_INIT("completed") },
	{ STR_INIT("closed"),   STR_INIT("completed") },
};
/* clang-format on */

const struct event_type *
type_table(size_t *n)
{
	*n = N(types);
	return types;
}

static bool
type_is(const struct event_type *t, struct str name)
{
	if (str_is(name, t->name))
		return true;
	for (size_t i = 0; i < N(t->alias) && t->alias[i] != NULL; i++)
		if (str_is(name, t->alias[i]))
			return true;
	return false;
}

const struct event_type *
type_find(struct str name)
{
	for (size_t i = 0; i < N(types); i++)
		if (type_is(&types[i], name))
			return &types[i];
	return NULL;
}

const char *
aggregate_name(enum aggregate a)
{
	return aggregates[a].name;
}

enum aggregate
aggregate_find(struct str name)
{
	for (int a = AGG_OTHER + 1; a < AGG_COUNT; a++) {
		if (str_is(name, aggregates[a].name))
			return (enum aggregate)a;
		for (size_t i = 0; i < N(aggregates[a].alias); i++)
			if (aggregates[a].alias[i] != NULL &&
			    str_is(name, aggregates[a].alias[i]))
				return (enum aggregate)a;
	}
	return AGG_OTHER;
}

const struct field_row *
field_find(enum aggregate a, struct str name)
{
	if (a == AGG_OTHER)
		return NULL;
	if (str_is(name, present_field.name))
		return &present_field;
	for (size_t i = 0; i < aggregates[a].n; i++)
		if (str_is(name, aggregates[a].field[i].name))
			return &aggregates[a].field[i];
	return aggregates[a].open ? &open_field : NULL;
}

static struct str
normal(struct str s, const struct status_row *row, size_t n,
    const struct synonym_row *synonym, size_t n_synonyms)
{
	/* Nearly always written as we write it. */
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, row[i].name))
			return row[i].name;
	for (size_t i = 0; i < n_synonyms; i++)
		if (str_eq_nocase(s, synonym[i].from))
			return synonym[i].to;
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(s, row[i].name))
			return row[i].name;
	return (struct str){ NULL, 0 };
}

struct str
lane_normal(struct str s)
{
	return normal(s, lanes, N(lanes), synonyms, N(synonyms));
}

struct str
todo_status_normal(struct str s)
{
	return normal(s, todo_statuses, N(todo_statuses), todo_synonyms,
	    N(todo_synonyms));
}

static int
rank(struct str s, const struct status_row *row, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(s, row[i].name))
			return (int)i;
	return -1;
}

struct str
lane_name(int rank)
{
	assert(rank >= 0 && rank <= LANE_RANK_MAX);
	return lanes[rank].name;
}

struct str
todo_status_name(int rank)
{
	assert(rank >= 0 && rank <= TODO_STATUS_RANK_MAX);
	return todo_statuses[rank].name;
}

int
lane_rank(struct str s)
{
	return rank(s, lanes, N(lanes));
}

int
todo_status_rank(struct str s)
{
	return rank(s, todo_statuses, N(todo_statuses));
}

bool
lane_finished(int r)
{
	return r >= 0 && r <= LANE_RANK_MAX && lanes[r].finished;
}

bool
todo_status_finished(int r)
{
	return r >= 0 && r <= TODO_STATUS_RANK_MAX && todo_statuses[r].finished;
}

/* clang-format off */
enum { WANT_ACTOR = 1, WANT_REVIEW = 2, WANT_REASON = 4 };
static const struct { const char *from, *to; unsigned want; } moves[] = {
	{ "planned",     "claimed",     WANT_ACTOR },
	{ "claimed",     "in_progress", 0 },
	{ "in_progress", "for_review",  0 },
	{ "in_progress", "approved",    0 },
	{ "in_progress", "planned",     WANT_REASON },
	{ "for_review",  "approved",    0 },
	{ "for_review",  "done",        0 },
	{ "for_review",  "in_progress", WANT_REVIEW },
	{ "for_review",  "planned",     WANT_REVIEW },
	{ "approved",    "done",        0 },
	{ "approved",    "in_progress", WANT_REVIEW },
	{ "approved",    "planned",     WANT_REVIEW },
	{ "blocked",     "in_progress", 0 },
	{ "planned",     "blocked",     0 },
	{ "claimed",     "blocked",     0 },
	{ "in_progress", "blocked",     0 },
	{ "for_review",  "blocked",     0 },
	{ "approved",    "blocked",     0 },
};
/* clang-format on */

static enum err
move_wants(unsigned want, struct str actor, struct str reason,
    struct str review_ref, struct err_info *e)
{
	if ((want & WANT_ACTOR) && actor.n == 0)
		return err_setf(e, ERR_REFUSED, "claiming wants --actor");
	if ((want & WANT_REASON) && reason.n == 0)
		return err_setf(e, ERR_REFUSED,
		    "going back to planned wants --reason");
	if ((want & WANT_REVIEW) && review_ref.n == 0)
		return err_setf(e, ERR_REFUSED,
		    "sending work back from review wants --review-ref");
	return ERR_OK;
}

enum err
lane_move_check(struct str from, struct str to, struct str actor,
    struct str reason, struct str review_ref, bool force, struct err_info *e)
{
	if (lane_rank(to) < 0)
		return err_setf(e, ERR_USAGE,
		    "%.*s is no lane; lanes are "
		    "planned, claimed, in_progress, for_review, approved, "
		    "done, "
		    "blocked, canceled",
		    STR_ARG(to));
	if (force) {
		if (actor.n == 0)
			return err_setf(e, ERR_REFUSED,
			    "--force wants --actor");
		if (reason.n == 0)
			return err_setf(e, ERR_REFUSED,
			    "--force wants --reason");
		return ERR_OK;
	}
	for (size_t i = 0; i < N(moves); i++)
		if (str_is(from, moves[i].from) && str_is(to, moves[i].to))
			return move_wants(moves[i].want, actor, reason,
			    review_ref, e);
	if (str_is(to, "canceled") && !str_is(from, "done") &&
	    !str_is(from, "canceled"))
		return ERR_OK;
	return err_setf(e, ERR_REFUSED,
	    "a work package does not go from %.*s to %.*s "
	    "(--force with --reason allows it)",
	    STR_ARG(from), STR_ARG(to));
}

/* --- payload checks ------------------------------------------------------ */

/* Short strings only: copies of long ones are not needed to check them. */
static bool
check_string(const struct json *j, uint32_t node, char *out, size_t max,
    struct str *ret)
{
	struct str raw = json_raw(j, node);
	struct arena a = { 0 };
	bool ok;

	if (json_kind(j, node) != JSON_STRING || raw.n > 6 * max + 2)
		return false;
	ok = json_str(j, node, &a, ret) && ret->n <= max;
	if (ok && ret->n > 0) {
		memcpy(out, ret->p, ret->n);
		ret->p = out;
	}
	arena_fini(&a);
	return ok;
}

static size_t
span(struct str s, size_t at, const char *set)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] != '\0' &&
	    strchr(set, s.p[at + n]) != NULL)
		n++;
	return n;
}

static const char digits[] = "0123456789";
static const char kebab[] = "abcdefghijklmnopqrstuvwxyz0123456789";

static bool
is_feature_slug(struct str s)
{
	size_t n = span(s, 0, digits), at = n;

	if (n < 3)
		return false;
	while (at < s.n) {
		if (s.p[at] != '-')
			return false;
		n = span(s, ++at, kebab);
		if (n == 0)
			return false;
		at += n;
	}
	return at > span(s, 0, digits);
}

static bool
is_wp_id(struct str s)
{
	size_t n;

	if (!str_starts(s, STR("WP")))
		return false;
	n = span(s, 2, digits);
	if (n < 2)
		return false;
	if (2 + n == s.n)
		return true;
	return s.p[2 + n] == '-' && 3 + n < s.n &&
	    3 + n + span(s, 3 + n, kebab) == s.n;
}

static bool
is_line(struct str s)
{
	if (s.n == 0 || s.n > 1024)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool
is_word(struct str s, const char *words)
{
	struct str rest = str_of(words), word;

	while (str_split(&rest, ' ', &word))
		if (str_eq(word, s))
			return true;
	return false;
}

static bool
is_reporter(struct str s)
{
	return is_line(s) && str_find(s, ':') != SIZE_MAX;
}

static bool
all_of(const struct json *j, uint32_t node,
    bool (*fn)(const struct json *, uint32_t))
{
	uint32_t child = node + 1;

	if (json_kind(j, node) != JSON_ARRAY)
		return false;
	for (uint32_t i = 0; i < j->node[node].n; i++) {
		if (!fn(j, child))
			return false;
		child = json_next(j, child);
	}
	return true;
}

static bool
node_is_string(const struct json *j, uint32_t node)
{
	return json_kind(j, node) == JSON_STRING;
}

static bool
node_is_any(const struct json *j, uint32_t node)
{
	(void)j, (void)node;
	return true;
}

static bool
node_is_id(const struct json *j, uint32_t node)
{
	char text[64];
	struct eid id;
	struct str s;

	return check_string(j, node, text, sizeof text, &s) &&
	    eid_parse(s, &id);
}

/* Whole list, or {"add":[],"remove":[]} with nothing else in it. */
static bool
check_set(const struct json *j, uint32_t node,
    bool (*fn)(const struct json *, uint32_t))
{
	uint32_t add, remove;

	if (json_kind(j, node) == JSON_ARRAY)
		return all_of(j, node, fn);
	if (json_kind(j, node) != JSON_OBJECT)
		return false;
	add = json_get(j, node, "add");
	remove = json_get(j, node, "remove");
	return j->node[node].n == (add > 0) + (remove > 0) &&
	    j->node[node].n > 0 && (add == 0 || all_of(j, add, fn)) &&
	    (remove == 0 || all_of(j, remove, fn));
}

static bool
check_short(enum check check, struct str s, const char *words)
{
	switch (check) {
	case CHECK_LINE:
		return is_line(s);
	case CHECK_LANE:
		return lane_normal(s).p != NULL;
	case CHECK_TODO_STATUS:
		return todo_status_normal(s).p != NULL;
	case CHECK_FEATURE_SLUG:
		return is_feature_slug(s);
	case CHECK_WP_ID:
		return is_wp_id(s);
	case CHECK_WORDS:
		return is_word(s, words);
	case CHECK_NUMBER_TEXT:
		return s.n > 0 && span(s, 0, digits) == s.n;
	case CHECK_REPORTER:
		return is_reporter(s);
	case CHECK_ANY:
	case CHECK_STRING:
	case CHECK_COUNT:
	case CHECK_BOOL:
	case CHECK_OBJECT:
	case CHECK_STRINGS:
	case CHECK_SET:
	case CHECK_SET_ANY:
	case CHECK_IDS:
		break;
	}
	return false;
}

static bool
check_value(enum check check, const char *words, const struct json *j,
    uint32_t node)
{
	char text[1024];
	uint64_t u;
	struct str s;
	bool b;

	switch (check) {
	case CHECK_ANY:
		return true;
	case CHECK_STRING:
		return node_is_string(j, node);
	case CHECK_COUNT:
		return json_u53(j, node, &u);
	case CHECK_BOOL:
		return json_bool(j, node, &b);
	case CHECK_OBJECT:
		return json_kind(j, node) == JSON_OBJECT;
	case CHECK_STRINGS:
		return all_of(j, node, node_is_string);
	case CHECK_SET:
		return check_set(j, node, node_is_string);
	case CHECK_SET_ANY:
		return check_set(j, node, node_is_any);
	case CHECK_IDS:
		return all_of(j, node, node_is_id);
	case CHECK_NUMBER_TEXT:
		if (json_u53(j, node, &u))
			return true;
		break;
	case CHECK_LINE:
	case CHECK_LANE:
	case CHECK_TODO_STATUS:
	case CHECK_FEATURE_SLUG:
	case CHECK_WP_ID:
	case CHECK_WORDS:
	case CHECK_REPORTER:
		break;
	}
	return check_string(j, node, text, sizeof text, &s) &&
	    check_short(check, s, words);
}

/* What a value must be, for the text of a refusal. */
static const char *
check_text(enum check check)
{
	static const char *const text[] = {
		[CHECK_ANY] = "any value",
		[CHECK_STRING] = "a string",
		[CHECK_LINE] = "a string of 1 to 1024 bytes on one line",
		[CHECK_COUNT] = "an integer from 0",
		[CHECK_BOOL] = "true or false",
		[CHECK_OBJECT] = "an object",
		[CHECK_STRINGS] = "a list of strings",
		[CHECK_SET] = "a list of strings or {add, remove} of such",
		[CHECK_SET_ANY] = "a list or {add, remove} of such",
		[CHECK_LANE] = "a lane",
		[CHECK_TODO_STATUS] = "pending, in_progress or completed",
		[CHECK_FEATURE_SLUG] = "of the form NNN-words-with-hyphens",
		[CHECK_WP_ID] = "of the form WPnn or WPnn-xxx",
		[CHECK_WORDS] = "one of its words",
		[CHECK_NUMBER_TEXT] = "a number",
		[CHECK_REPORTER] = "of the form kind:name",
		[CHECK_IDS] = "a list of event ids",
	};
	return text[check];
}

static enum err
invalid(struct err_info *e, const char *name, enum check check,
    const char *words)
{
	if (check == CHECK_WORDS)
		return err_setf(e, ERR_SCHEMA,
		    "invalid payload: %s must be one of: %s", name, words);
	return err_setf(e, ERR_SCHEMA, "invalid payload: %s must be %s", name,
	    check_text(check));
}

static bool
key_is(const struct json *j, uint32_t key, const char *name)
{
	return j->node[key].escaped ? json_str_is(j, key, str_of(name)) :
	                              str_is(json_inner(j, key), name);
}

/* One walk over the payload.  What has its own name goes before what has the
 * other one. */
static void
find_members(const struct event_type *t, const struct json *j, uint32_t payload,
    uint32_t member[MEMBERS_MAX])
{
	uint32_t key = payload + 1;
	bool named[MEMBERS_MAX] = { false };

	assert(t->n_members <= MEMBERS_MAX);
	memset(member, 0, MEMBERS_MAX * sizeof *member);
	for (uint32_t n = j->node[payload].n; n > 0; n--) {
		uint32_t value = json_next(j, key);

		for (size_t i = 0; i < t->n_members; i++) {
			const struct member_row *m = &t->member[i];

			if (key_is(j, key, m->name))
				named[i] = true;
			else if (m->alias == NULL || named[i] ||
			    !key_is(j, key, m->alias))
				continue;
			member[i] = value;
			break;
		}
		key = json_next(j, value);
	}
}

static enum err
check_member(const struct member_row *m, const struct json *j, uint32_t node,
    struct err_info *e)
{
	if (node == 0 && m->required)
		return err_setf(e, ERR_SCHEMA, "missing field in payload: %s",
		    m->name);
	if (node == 0)
		return ERR_OK;
	/* null removes an optional field. */
	if (json_kind(j, node) == JSON_NULL && !m->required)
		return ERR_OK;
	if (!check_value(m->check, m->words, j, node))
		return invalid(e, m->name, m->check, m->words);
	return ERR_OK;
}

/* conflict_resolved, reverted: the named field must exist and take the value. */
static enum err
check_named(enum aggregate agg, struct str name, const struct json *j,
    uint32_t value, struct err_info *e)
{
	const struct field_row *f = field_find(agg, name);

	if (f == NULL || f->kind == KIND_LIST)
		return err_setf(e, ERR_SCHEMA,
		    "invalid payload: %.*s is no field "
		    "of %s that can be written",
		    STR_ARG(name), aggregate_name(agg));
	/* null removes the field. */
	if (json_kind(j, value) == JSON_NULL)
		return ERR_OK;
	if (!check_value(f->check, NULL, j, value))
		return err_setf(e, ERR_SCHEMA,
		    "invalid payload: %.*s must be %s", STR_ARG(name),
		    check_text(f->check));
	return ERR_OK;
}

static enum err
check_fields_back(enum aggregate agg, const struct json *j, uint32_t payload,
    struct err_info *e)
{
	struct arena a = { 0 };
	enum err rc = ERR_OK;
	uint32_t key = payload + 1;

	for (uint32_t i = 0; rc == ERR_OK && i < j->node[payload].n; i++) {
		uint32_t value = json_next(j, key);
		struct str name;

		if (!json_str(j, key, &a, &name))
			rc = err_set(e, ERR_NOMEM);
		else if (!str_is(name, "reverts"))
			rc = check_named(agg, name, j, value, e);
		key = json_next(j, value);
	}
	arena_fini(&a);
	return rc;
}

static enum err
check_names_field(enum aggregate agg, const struct json *j, uint32_t payload,
    struct err_info *e)
{
	char text[1024];
	struct str name;

	/* The members are there: check_member saw to it. */
	if (!check_string(j, json_get(j, payload, "field"), text, sizeof text,
	        &name))
		return invalid(e, "field", CHECK_LINE, NULL);
	return check_named(agg, name, j, json_get(j, payload, "value"), e);
}

enum err
payload_check(const struct event_type *t, enum aggregate agg,
    const struct json *j, uint32_t payload, uint32_t member[MEMBERS_MAX],
    struct err_info *e)
{
	const struct field_row *archived;
	enum err rc;

	if (!(t->flags & TYPE_ANY_AGGREGATE) && agg != t->aggregate)
		return err_setf(e, ERR_SCHEMA,
		    "invalid aggregate_type: %s is about a %s", t->name,
		    aggregate_name(t->aggregate));
	find_members(t, j, payload, member);
	for (size_t i = 0; i < t->n_members; i++) {
		rc = check_member(&t->member[i], j, member[i], e);
		if (rc != ERR_OK)
			return rc;
	}
	if (t->member == m_archived) {
		archived = field_find(agg, STR("archived"));
		if (archived == NULL || archived->kind != KIND_FLAG)
			return err_setf(e, ERR_SCHEMA,
			    "invalid aggregate_type: it cannot be archived");
	}
	if (t->flags & TYPE_NAMES_FIELD)
		return check_names_field(agg, j, payload, e);
	if (t->flags & TYPE_FIELDS_BACK)
		return check_fields_back(agg, j, payload, e);
	return ERR_OK;
}
