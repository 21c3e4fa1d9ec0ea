#include "story.h"

#include "buf.h"
#include "json.h"

struct eid
story_id(char letter)
{
	struct eid id = { .form = EID_UUID };

	id.b[15] = (uint8_t)letter;
	return id;
}

char
story_letter(const struct eid *id)
{
	return (char)id->b[15];
}

static void
add_id(struct buf *out, char letter)
{
	struct eid id = story_id(letter);

	buf_addc(out, '"');
	eid_add(out, &id);
	buf_addc(out, '"');
}

static void
add_replaces(struct buf *out, struct str *rest)
{
	const char *comma = "";

	*rest = str_trim(*rest);
	if (rest->p[0] == '-') {
		rest->p++, rest->n--;
		return;
	}
	buf_adds(out, ",\"replaces\":[");
	for (rest->p++, rest->n--; rest->p[0] != ']'; rest->p++, rest->n--) {
		if (rest->p[0] == ' ')
			continue;
		buf_adds(out, comma);
		add_id(out, rest->p[0]);
		comma = ",";
	}
	rest->p++, rest->n--;
	buf_addc(out, ']');
}

static struct str
word(struct str *rest)
{
	struct str w = { NULL, 0 };

	*rest = str_trim(*rest);
	if (!str_split(rest, ' ', &w))
		return STR("");
	return w;
}

/* Members that a type wants and that say nothing here. */
static const struct {
	const char *type, *members;
} needed[] = {
	{ "wp_created", "\"wp_id\":\"WP01\",\"feature_slug\":\"001-a\"" },
	{ "wp_updated", "\"wp_id\":\"WP01\"" },
	{ "wp_status_changed", "\"wp_id\":\"WP01\"" },
	{ "history_added", "\"wp_id\":\"WP01\",\"entry_type\":\"note\"" },
	{ "conflict_resolved", "\"conflict_id\":\"x\"" },
	{ "reverted", "\"reverts\":[]" },
};

struct str
story_event(struct str line, struct arena *a)
{
	struct buf out = { 0 };
	struct str rest = line, id = word(&rest), clock = word(&rest);
	struct str node = word(&rest), type = word(&rest), members;
	bool todo = str_starts(type, STR("todo"));
	const char *more = "";

	buf_adds(&out, "{\"event_id\":");
	add_id(&out, id.p[0]);
	buf_addf(&out,
	    ",\"lamport_clock\":%.*s,\"node_id\":\"%.*s\","
	    "\"event_type\":\"%.*s\",\"aggregate_type\":\"%s\","
	    "\"aggregate_id\":\"%s\",\"timestamp\":\"2026-01-02T03:04:05Z\"",
	    STR_ARG(clock), STR_ARG(node), STR_ARG(type),
	    todo ? "todo" : "work_package", todo ? "t1" : "001-a/WP01");
	add_replaces(&out, &rest);
	members = str_trim(rest);
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (str_is(type, needed[i].type))
			more = needed[i].members;
	buf_addf(&out, ",\"payload\":{%s%s%.*s}", more,
	    more[0] && members.n > 2 ? "," : "", (int)(members.n - 2),
	    members.p + 1);
	buf_addc(&out, '}');
	line = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return line;
}
