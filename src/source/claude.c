#include "claude.h"

#include "catalogue.h"

struct reader {
	struct json j;
	struct arena *a;
	struct source_file *file;
	size_t cap;
	bool nomem;
};

/* A member as text of our own; numbers as they are written. */
static struct str
text(struct reader *r, uint32_t object, const char *name)
{
	uint32_t node = json_get(&r->j, object, name);
	struct str s = { NULL, 0 };

	if (node == 0)
		return s;
	if (json_kind(&r->j, node) == JSON_NUMBER)
		s = json_raw(&r->j, node);
	else if (json_kind(&r->j, node) != JSON_STRING)
		return s;
	else if (!json_str(&r->j, node, r->a, &s))
		r->nomem = true;
	s = arena_str(r->a, s);
	if (s.p == NULL)
		r->nomem = true;
	return s;
}

static bool
texts(struct reader *r, uint32_t object, const char *name,
    const struct str **ret, size_t *n)
{
	uint32_t list = json_get(&r->j, object, name), child = list + 1;
	struct str *s;

	*n = 0;
	if (list == 0 || json_kind(&r->j, list) != JSON_ARRAY)
		return false;
	s = arena_array(r->a, r->j.node[list].n, sizeof *s);
	if (s == NULL) {
		r->nomem = true;
		return false;
	}
	for (uint32_t i = 0; i < r->j.node[list].n; i++) {
		struct str one = { NULL, 0 };

		if (json_kind(&r->j, child) == JSON_NUMBER)
			one = json_raw(&r->j, child);
		else if (json_kind(&r->j, child) == JSON_STRING &&
		    !json_str(&r->j, child, r->a, &one))
			r->nomem = true;
		if (one.n > 0)
			s[(*n)++] = arena_str(r->a, one);
		child = json_next(&r->j, child);
	}
	*ret = s;
	return true;
}

static bool
is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

/* Hidden by its owner: {"metadata":{"_internal":true}}. */
static bool
is_internal(struct reader *r, uint32_t object)
{
	uint32_t meta = json_get(&r->j, object, "metadata");
	bool hidden = false;

	return meta > 0 &&
	    json_bool(&r->j, json_get(&r->j, meta, "_internal"), &hidden) &&
	    hidden;
}

static void
add(struct reader *r, struct source_item item)
{
	struct source_file *f = r->file;

	if (!arena_grow(r->a, &f->item, &r->cap, f->n + 1, sizeof *f->item)) {
		r->nomem = true;
		return;
	}
	f->item[f->n++] = item;
}

static void
strange(struct source_file *f, const char *why)
{
	f->skipped++;
	if (f->strange++ == 0)
		f->why = why;
}

/* A todo or a task: what names it is in `content` or `subject`. */
static void
read_item(struct reader *r, uint32_t node)
{
	struct source_item it = { 0 };
	struct str status;

	if (json_kind(&r->j, node) != JSON_OBJECT) {
		strange(r->file, "it is no object");
		return;
	}
	if (is_internal(r, node)) {
		r->file->skipped++;
		return;
	}
	it.content = text(r, node, "content");
	if (it.content.n == 0)
		it.content = text(r, node, "subject");
	status = text(r, node, "status");
	it.status = todo_status_normal(status);
	/* Without a status it was just made. */
	if (status.n == 0)
		it.status = STR("pending");
	if (is_blank(it.content) || it.status.p == NULL) {
		strange(r->file,
		    is_blank(it.content) ? "it has no text" :
		                           "its status is none of pending, "
		                           "in_progress, completed");
		return;
	}
	it.active_form = text(r, node, "activeForm");
	it.priority = text(r, node, "priority");
	it.description = text(r, node, "description");
	it.owner = text(r, node, "owner");
	it.local_id = text(r, node, "id");
	it.project = text(r, node, "project");
	it.has_blocks = texts(r, node, "blocks", &it.blocks, &it.n_blocks);
	it.has_blocked_by =
	    texts(r, node, "blockedBy", &it.blocked_by, &it.n_blocked_by);
	add(r, it);
}

static void
read_list(struct reader *r, uint32_t list)
{
	uint32_t child = list + 1;

	for (uint32_t i = 0; i < r->j.node[list].n; i++) {
		uint32_t task = json_get(&r->j, child, "task");

		if (task > 0 && json_get(&r->j, child, "tool_name") > 0) {
			r->file->shape = SOURCE_TASK_LOG;
			read_item(r, task);
		} else {
			read_item(r, child);
		}
		child = json_next(&r->j, child);
	}
}

static enum err
read_root(struct reader *r, struct err_info *e)
{
	uint32_t todos;

	if (json_kind(&r->j, 0) == JSON_ARRAY) {
		read_list(r, 0);
		return ERR_OK;
	}
	if (json_kind(&r->j, 0) != JSON_OBJECT)
		return err_setf(e, ERR_UNSUPPORTED,
		    "neither a list nor a task");
	todos = json_get(&r->j, 0, "todos");
	if (todos > 0 && json_kind(&r->j, todos) == JSON_ARRAY) {
		r->file->session_id = text(r, 0, "sessionId");
		read_list(r, todos);
		return ERR_OK;
	}
	if (json_get(&r->j, 0, "subject") > 0) {
		r->file->shape = SOURCE_TASK;
		read_item(r, 0);
		return ERR_OK;
	}
	return err_setf(e, ERR_UNSUPPORTED, "neither todos nor a task");
}

enum err
claude_read(struct str bytes, struct arena *a, struct source_file *ret,
    struct err_info *e)
{
	struct reader r = { .a = a, .file = ret };
	enum err rc;

	*ret = (struct source_file){ .shape = SOURCE_TODOS };
	if (str_trim(bytes).n == 0)
		return ERR_OK;
	rc = json_parse(&r.j, bytes, JSON_DEPTH_MAX, e);
	if (rc == ERR_OK)
		rc = read_root(&r, e);
	if (rc == ERR_OK && r.nomem)
		rc = err_set(e, ERR_NOMEM);
	json_fini(&r.j);
	return rc;
}

static bool
is_uuid(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		char c = s.p[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
		    (c >= 'A' && c <= 'F');

		if (hyphen ? c != '-' : !hex)
			return false;
	}
	return s.n == 36;
}

bool
claude_todo_name(struct str name, struct str *session, struct str *agent)
{
	static const struct str middle = { "-agent-", 7 },
	                        tail = { ".json", 5 };

	if (name.n != 36 + middle.n + 36 + tail.n || !str_ends(name, tail) ||
	    !str_eq(str_n(name.p + 36, middle.n), middle))
		return false;
	*session = str_n(name.p, 36);
	*agent = str_n(name.p + 36 + middle.n, 36);
	return is_uuid(*session) && is_uuid(*agent);
}

void
claude_transcript(struct str lines, struct arena *a, struct str *cwd,
    struct str *branch)
{
	struct json j = { 0 };
	struct str line;

	*cwd = *branch = (struct str){ NULL, 0 };
	while (cwd->n == 0 && str_split(&lines, '\n', &line)) {
		struct err_info e = { 0 };
		uint32_t node;

		if (json_parse(&j, line, JSON_DEPTH_MAX, &e) != ERR_OK)
			continue; /* the last one may be cut */
		node = json_get(&j, 0, "cwd");
		if (node == 0 || !json_str(&j, node, a, cwd))
			continue;
		*cwd = arena_str(a, *cwd);
		node = json_get(&j, 0, "gitBranch");
		if (node > 0 && json_str(&j, node, a, branch))
			*branch = arena_str(a, *branch);
	}
	json_fini(&j);
}
