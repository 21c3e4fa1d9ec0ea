/* consolidate: the todos and tasks that agents left in files become part of the
 * project's state. */
#include <stdlib.h>

#include "cmds.h"
#include "file.h"
#include "map.h"
#include "observe.h"
#include "path.h"
#include "project.h"
#include "spaces.h"
#include "text.h"

enum { KIB = 1024 };

struct run {
	struct cli *c;
	struct store *store;
	struct buf strange; /* JSON objects, a comma between */
	struct map spaces;  /* project uuid -> space_id, in the arena */
};

static enum err
of_folder(void *ctx, const char *folder, struct observe_project *ret,
    struct err_info *e)
{
	struct run *r = ctx;
	struct project p;
	enum err rc = project_find(&p, folder, &r->c->ctx->arena, e);

	if (rc != ERR_OK)
		return rc;
	/* A folder that is no project of its own says nothing: whatever lies in
	 * a home folder or in /tmp is not one project. */
	if (p.from == PROJECT_PATH && !p.has_git)
		return err_set(e, ERR_NOT_FOUND);
	*ret = (struct observe_project){ p.uuid, p.slug };
	return ERR_OK;
}

/* A project that is known by name only: the same uuid on every machine. */
static enum err
of_name(struct run *r, struct str name, struct observe_project *ret,
    struct err_info *e)
{
	struct arena *a = &r->c->ctx->arena;
	uint8_t ns[16], uuid[16];
	char text[EID_TEXT_MAX];
	struct buf slug = { 0 };

	text_slug(name, &slug);
	uuid_project_namespace(ns);
	uuid5(ns, str_of(arena_fmt(a, "name:%.*s", STR_ARG(buf_str(&slug)))),
	    uuid);
	uuid_format(uuid, text);
	ret->uuid = arena_str(a, str_of(text));
	ret->slug = arena_str(a, buf_str(&slug));
	buf_fini(&slug);
	return ret->uuid.p && ret->slug.p ? ERR_OK : err_set(e, ERR_NOMEM);
}

static bool
holds_word(struct str text, struct str word)
{
	for (size_t i = 0; word.n > 0 && i + word.n <= text.n; i++)
		if (str_eq_nocase(str_n(text.p + i, word.n), word))
			return true;
	return false;
}

static enum err
of_word(void *ctx, struct str word, bool exact, struct observe_project *ret,
    struct err_info *e)
{
	struct run *r = ctx;
	const struct config *config;
	enum err rc;

	if (exact)
		return of_name(r, word, ret, e);
	rc = ctx_config(r->c->ctx, &config, e);
	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < config->n_projects; i++)
		for (size_t k = 0; k < config->project[i].n; k++)
			if (holds_word(word, config->project[i].word[k]))
				return of_name(r, config->project[i].name, ret,
				    e);
	return err_set(e, ERR_NOT_FOUND);
}

static enum err
choose_space(struct run *r, struct str uuid, space_id *ret, struct err_info *e)
{
	struct spaces_choice choice;
	enum err rc;

	if (uuid.n == 0)
		return spaces_private(r->store, ret, e);
	rc = spaces_choose(r->store, uuid, &choice, e);
	*ret = choice.space;
	return rc;
}

/* Chosen once for a run: looking at the spaces writes what waits to the rows. */
static enum err
space_of(void *ctx, struct str uuid, space_id *ret, struct err_info *e)
{
	struct run *r = ctx;
	struct arena *a = &r->c->ctx->arena;
	struct str key = uuid.n > 0 ? uuid : STR("unplaced");
	space_id *kept = map_get(&r->spaces, key);
	enum err rc = ERR_OK;

	if (kept != NULL) {
		*ret = *kept;
		return ERR_OK;
	}
	rc = choose_space(r, uuid, ret, e);
	if (rc != ERR_OK)
		return rc;
	key = arena_str(a, key);
	kept = arena_array(a, 1, sizeof *kept);
	if (key.p == NULL || kept == NULL)
		return err_set(e, ERR_NOMEM);
	*kept = *ret;
	return map_put(&r->spaces, key, kept) ? ERR_OK : err_set(e, ERR_NOMEM);
}

static void
on_progress(void *ctx, uint64_t done, uint64_t all)
{
	struct run *r = ctx;

	/* Rounded up: 0 of 0 would be "not known". */
	out_bar(r->c->out, done / KIB, all / KIB + 1);
}

static void
on_left(void *ctx, const char *path, const char *why)
{
	struct run *r = ctx;

	out_note(r->c->out, PAINT_WARN, "left for the next time: %s: %s", path,
	    why);
}

static void
on_strange(void *ctx, const char *path, size_t n, const char *why)
{
	struct run *r = ctx;
	struct json_writer w = { .out = &r->strange };

	if (!r->c->json) {
		out_note(r->c->out, PAINT_WARN, "%s: %zu %s; the first: %s",
		    path, n,
		    n == 1 ? "entry is no todo" : "entries are no todos", why);
		return;
	}
	buf_adds(&r->strange, r->strange.len > 0 ? "," : "");
	json_obj(&w);
	json_key(&w, "file"), json_put_str(&w, str_of(path));
	json_key(&w, "entries"), json_put_u(&w, n);
	json_key(&w, "why"), json_put_z(&w, why);
	json_end(&w);
}

/* What was named, or where agents leave their files.  However it is written, it
 * is the same place: a file reports under its path. */
static enum err
find_paths(struct cli *c, const char ***ret, size_t *n, struct err_info *e)
{
	static const char *const usual[] = { "~/.claude/todos",
		"~/.claude/tasks" };
	struct arena *a = &c->ctx->arena;
	const char *config_dir = getenv("CLAUDE_CONFIG_DIR");
	enum err rc = ERR_OK;

	*n = 0;
	*ret = arena_array(a, c->n_words + 2, sizeof **ret);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < c->n_words; i++) {
		rc = os_real(a, c->word[i], &(*ret)[*n], e);
		*n += rc == ERR_OK;
	}
	for (size_t i = 0; rc == ERR_OK && c->n_words == 0 && i < 2; i++) {
		const char *path = usual[i];

		if (config_dir != NULL && config_dir[0] != '\0')
			path = arena_fmt(a, "%s/%s", config_dir, usual[i] + 10);
		if (path == NULL)
			return err_set(e, ERR_NOMEM);
		rc = os_expand(a, path, &path, e);
		if (rc != ERR_OK || !os_is_dir(path))
			continue;
		rc = os_real(a, path, &(*ret)[*n], e);
		*n += rc == ERR_OK;
	}
	return rc;
}

static enum err
transcripts(struct cli *c, const char **ret, struct err_info *e)
{
	const char *dir = getenv("CLAUDE_CONFIG_DIR");

	if (dir != NULL && dir[0] != '\0') {
		*ret = arena_fmt(&c->ctx->arena, "%s/projects", dir);
		return *ret ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	return os_expand(&c->ctx->arena, "~/.claude/projects", ret, e);
}

/* Files that say nothing of a project, named by somebody who stands in one, are
 * that one's. */
static enum err
fallback_project(struct cli *c, struct observe_project *ret, struct err_info *e)
{
	const struct project *p;
	enum err rc;

	*ret = (struct observe_project){ 0 };
	if (c->n_words == 0)
		return ERR_OK;
	rc = ctx_project(c->ctx, &p, e);
	if (rc == ERR_OK && (p->from != PROJECT_PATH || p->has_git))
		*ret = (struct observe_project){ p->uuid, p->slug };
	return rc;
}

static struct str
project_name(const struct observe_project *p)
{
	if (p->slug.n > 0)
		return p->slug;
	return p->uuid.n > 0 ? p->uuid : STR("unplaced");
}

static void
report_json(struct cli *c, const struct observe_report *r, struct str strange)
{
	struct json_writer *w = out_json(c->out);

	json_obj(w);
	json_key(w, "files"), json_put_u(w, r->files);
	json_key(w, "unchanged"), json_put_u(w, r->unchanged);
	json_key(w, "left"), json_put_u(w, r->left);
	json_key(w, "foreign"), json_put_u(w, r->foreign);
	json_key(w, "items"), json_put_u(w, r->items);
	json_key(w, "skipped"), json_put_u(w, r->skipped);
	json_key(w, "no_todos"), json_put_raw(w, strange);
	json_key(w, "todos"), json_put_u(w, r->todos);
	json_key(w, "added"), json_put_u(w, r->added);
	json_key(w, "events"), json_put_u(w, r->events);
	json_key(w, "projects");
	json_arr(w);
	for (size_t i = 0; i < r->n_projects; i++) {
		const struct observe_count *p = &r->project[i];

		json_obj(w);
		json_key(w, "project"),
		    json_put_str(w, project_name(&p->project));
		json_key(w, "uuid");
		if (p->project.uuid.n > 0)
			json_put_str(w, p->project.uuid);
		else
			json_put_null(w);
		json_key(w, "todos"), json_put_u(w, p->todos);
		json_key(w, "events"), json_put_u(w, p->events);
		json_end(w);
	}
	json_end(w);
	json_end(w);
	out_json_end(c->out);
}

static enum err
report_strange(struct run *r, const struct observe_report *report,
    struct err_info *e)
{
	struct buf list = { 0 };
	enum err rc = buf_ok(&r->strange, e);

	buf_addc(&list, '[');
	buf_addstr(&list, buf_str(&r->strange));
	buf_addc(&list, ']');
	if (rc == ERR_OK)
		rc = buf_ok(&list, e);
	if (rc == ERR_OK)
		report_json(r->c, report, buf_str(&list));
	buf_fini(&list);
	return rc;
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
report_text(struct cli *c, const struct observe_report *r)
{
	static const struct out_column column[] = { { "PROJECT", COL_SHRINK },
		{ "TODOS", COL_RIGHT }, { "EVENTS", COL_RIGHT }, { NULL, 0 } };
	struct out_table t;

	out_say(c->out,
	    "Read %llu of %llu file%s: %llu todo%s, %llu of them new",
	    (unsigned long long)(r->files - r->unchanged),
	    (unsigned long long)r->files, plural(r->files),
	    (unsigned long long)r->todos, plural(r->todos),
	    (unsigned long long)r->added);
	out_say(c->out, "\n");
	out_table_begin(&t, c->out, column);
	for (size_t i = 0; i < r->n_projects; i++) {
		out_cell(&t, PAINT_ID, project_name(&r->project[i].project));
		out_cellf(&t, PAINT_NONE, "%llu",
		    (unsigned long long)r->project[i].todos);
		out_cellf(&t, PAINT_NONE, "%llu",
		    (unsigned long long)r->project[i].events);
	}
	out_table_end(&t);
	if (r->skipped > 0)
		out_say(c->out,
		    r->skipped == 1 ? "%llu entry is no todo\n" :
		                      "%llu entries are no todos\n",
		    (unsigned long long)r->skipped);
	if (r->left > 0)
		out_paint(c->out, PAINT_WARN,
		    r->left == 1 ? "%llu file is left for the next time\n" :
		                   "%llu files are left for the next time\n",
		    (unsigned long long)r->left);
	if (r->events == 0)
		out_say(c->out, "Nothing changed\n");
	else
		out_say(c->out, "Consolidated: %llu event%s\n",
		    (unsigned long long)r->events, plural(r->events));
}

static enum err
consolidate(struct run *run, struct err_info *e)
{
	struct cli *c = run->c;
	struct observe_options o = { .world = { run, of_folder, of_word,
		                         space_of, on_progress, on_left,
		                         on_strange } };
	struct observe_report report = { 0 };
	struct observe_project fallback;
	const char **path;
	size_t n;
	enum err rc = find_paths(c, &path, &n, e);

	if (rc == ERR_OK && n == 0) {
		cli_hint(c, "consolidate PATH");
		return err_setf(e, ERR_NOT_FOUND,
		    "nothing found: neither "
		    "~/.claude/todos nor ~/.claude/tasks is there");
	}
	if (rc == ERR_OK)
		rc = fallback_project(c, &fallback, e);
	if (rc == ERR_OK)
		rc = transcripts(c, &o.transcripts, e);
	if (rc == ERR_OK)
		rc = ctx_store_write(c->ctx, &run->store, e);
	if (rc == ERR_OK)
		rc = ctx_author(c->ctx, &o.author, e);
	if (rc != ERR_OK)
		return rc;
	o.store = run->store;
	out_bar_begin(c->out, "Reading", "KiB");
	rc = observe_paths(&o, path, n, &fallback, &c->ctx->arena, &report, e);
	out_bar_end(c->out);
	if (rc != ERR_OK)
		return rc;
	if (c->json)
		rc = report_strange(run, &report, e);
	else
		report_text(c, &report);
	return rc;
}

static enum err
run_consolidate(struct cli *c, struct err_info *e)
{
	struct run r = { .c = c };
	enum err rc = consolidate(&r, e);

	buf_fini(&r.strange);
	map_fini(&r.spaces);
	return rc;
}

static const struct cmd_arg consolidate_arg[] = {
	{ .name = "PATH",
	    .flags = ARG_OPTIONAL | ARG_REPEAT,
	    .words = WORDS_FILE,
	    .help =
	        "files or folders (else ~/.claude/todos and ~/.claude/tasks)" },
	{ 0 },
};
static const struct cmd_example consolidate_examples[] = {
	{ "consolidate", "what agents left on this machine" },
	{ "consolidate ./.claude/todos.json", "one file" },
	{ NULL, NULL },
};
const struct cmd cmd_consolidate = {
	.name = "consolidate",
	.purpose = "take in the todos and tasks that agents left in files",
	.about =
	    "Reads the todo lists and task folders of coding agents: each todo "
	    "once, with the highest status that any session reports. Looking "
	    "at "
	    "the same files again changes nothing, and the files themselves "
	    "are "
	    "never written.",
	.arg = consolidate_arg,
	.example = consolidate_examples,
	.run = run_consolidate,
};
