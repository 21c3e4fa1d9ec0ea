/* A run over files: which changed, what is in them, one report after another. */
#include "observe.h"

#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "observe_int.h"

enum {
	DEPTH_MAX = 16,
	COMMIT_EVENTS = 8192,          /* in one transaction */
	BULK_BYTES = 1024 * 1024,      /* of files: some ten thousand todos */
	TRANSCRIPT_BYTES = 256 * 1024, /* the first lines say where it was */
};

/* --- finding files ------------------------------------------------------------- */

static enum err
add_file(struct observer *ob, const char *path, const struct os_file_id *id,
    const char *root, int64_t looked_ms, struct err_info *e)
{
	struct found f = { .id = *id, .root = root, .looked_ms = looked_ms };
	const char *slash;

	if (!mem_grow(&ob->file, &ob->cap, ob->n + 1, sizeof *ob->file))
		return err_set(e, ERR_NOMEM);
	f.path = arena_dup(ob->a, str_of(path));
	if (f.path == NULL)
		return err_set(e, ERR_NOMEM);
	slash = strrchr(f.path, '/');
	f.name = slash ? slash + 1 : f.path;
	f.folder = slash ? (size_t)(slash - f.path) : 0;
	if (observe_compare(ob, &f, e) != ERR_OK)
		return e->code;
	ob->file[ob->n++] = f;
	return ERR_OK;
}

struct walk {
	struct observer *ob;
	const char *root;
	int64_t began_ms;
};

static enum os_walk_do
walk_entry(void *ctx, const struct os_walk_entry *w)
{
	struct walk *walk = ctx;
	struct observer *ob = walk->ob;

	if (w->unreadable && ob->o.world.left != NULL) {
		ob->report->left++;
		ob->o.world.left(ob->o.world.ctx, w->path,
		    "the folder cannot be read");
	}
	if (w->kind != OS_FILE || !str_ends(str_of(w->name), STR(".json")) ||
	    w->name[0] == '.')
		return OS_WALK_ON;
	ob->rc =
	    add_file(ob, w->path, w->id, walk->root, walk->began_ms, ob->e);
	return ob->rc == ERR_OK ? OS_WALK_ON : OS_WALK_STOP;
}

static enum err
find_files(struct observer *ob, const char *path, struct err_info *e)
{
	struct walk walk = { ob, path, os_wall_ms() };
	struct os_file_id id;
	enum err rc;

	if (!os_is_dir(path)) {
		rc = os_stat_id(path, &id, e);
		return rc == ERR_OK ?
		    add_file(ob, path, &id, path, walk.began_ms, e) :
		    rc;
	}
	ob->e = e;
	rc = os_walk(path, DEPTH_MAX, OS_WALK_STAT, walk_entry, &walk, e);
	return rc == ERR_OK ? ob->rc : rc;
}

/* --- whose they are -------------------------------------------------------------- */

static enum os_walk_do
list_transcript(void *ctx, const struct os_walk_entry *w)
{
	struct observer *ob = ctx;
	struct str name = str_of(w->name);
	char *path, *session;

	if (w->kind != OS_FILE || !str_ends(name, STR(".jsonl")))
		return OS_WALK_ON;
	path = arena_dup(ob->a, str_of(w->path));
	session = arena_dup(ob->a, str_n(name.p, name.n - 6));
	if (path == NULL || session == NULL ||
	    !map_put(&ob->transcripts, str_of(session), path)) {
		ob->rc = err_set(ob->e, ERR_NOMEM);
		return OS_WALK_STOP;
	}
	return OS_WALK_ON;
}

/* The folder that a session worked in, by its transcript; NULL = not known. */
static enum err
session_folder(struct observer *ob, struct str session, const char **ret,
    struct err_info *e)
{
	struct buf head = { 0 };
	struct str cwd, branch;
	const char *path;
	enum err rc = ERR_OK;

	*ret = NULL;
	if (ob->o.transcripts == NULL || session.n == 0)
		return ERR_OK;
	if (!ob->transcripts_listed) {
		ob->transcripts_listed = true;
		ob->e = e;
		if (os_is_dir(ob->o.transcripts))
			rc = os_walk(ob->o.transcripts, 2, 0, list_transcript,
			    ob, e);
		if (rc != ERR_OK || ob->rc != ERR_OK)
			return rc != ERR_OK ? rc : ob->rc;
	}
	path = map_get(&ob->transcripts, session);
	if (path == NULL)
		return ERR_OK;
	/* A transcript that is longer or gone only says less. */
	rc = os_read_head(path, TRANSCRIPT_BYTES, &head, e);
	if (rc == ERR_OK) {
		claude_transcript(buf_str(&head), ob->a, &cwd, &branch);
		if (cwd.n > 0)
			*ret = cwd.p;
	}
	buf_fini(&head);
	return rc == ERR_NOMEM ? rc : ERR_OK;
}

static enum err
ask(enum err rc, bool *found)
{
	*found = rc == ERR_OK;
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err
observe_project_of(struct observer *ob, struct str session, const char *folder,
    const struct source_item *item, struct observe_project *ret,
    struct err_info *e)
{
	const struct observe_world *w = &ob->o.world;
	bool found = false;
	const char *cwd;
	enum err rc = session_folder(ob, session, &cwd, e);

	if (rc == ERR_OK && cwd != NULL && w->of_folder != NULL)
		rc = ask(w->of_folder(w->ctx, cwd, ret, e), &found);
	if (rc == ERR_OK && !found && item->project.n > 0 && w->of_word != NULL)
		rc = ask(w->of_word(w->ctx, item->project, true, ret, e),
		    &found);
	if (rc == ERR_OK && !found && folder != NULL && w->of_folder != NULL)
		rc = ask(w->of_folder(w->ctx, folder, ret, e), &found);
	if (rc == ERR_OK && !found && w->of_word != NULL)
		rc = ask(w->of_word(w->ctx, item->content, false, ret, e),
		    &found);
	if (rc == ERR_OK && !found)
		*ret = *ob->fallback;
	return rc;
}

/* --- counting ----------------------------------------------------------------------- */

static enum err
count(struct observer *ob, const struct sighting *s, uint64_t events,
    struct err_info *e)
{
	struct observe_report *r = ob->report;
	struct str uuid = s->project.uuid.n ? s->project.uuid : STR("unplaced");
	uintptr_t at = (uintptr_t)map_get(&ob->counts, uuid);
	struct str seen = str_n(s->key, 32); /* says the project as well */

	if (at == 0) {
		struct str name = arena_str(ob->a, uuid);

		if (name.p == NULL ||
		    !arena_grow(ob->a, &r->project, &ob->cap_projects,
		        r->n_projects + 1, sizeof *r->project))
			return err_set(e, ERR_NOMEM);
		r->project[r->n_projects] =
		    (struct observe_count){ .project = s->project };
		at = ++r->n_projects;
		if (!map_put(&ob->counts, name, (void *)at))
			return err_set(e, ERR_NOMEM);
	}
	r->project[at - 1].events += events;
	r->events += events;
	if (map_get(&ob->seen, seen) != NULL)
		return ERR_OK;
	if (!map_put(&ob->seen, seen, ob))
		return err_set(e, ERR_NOMEM);
	r->todos++;
	r->project[at - 1].todos++;
	return ERR_OK;
}

/* --- lists: which occurrence an item is, what its local ids mean ----------------- */

struct listing {
	struct map times; /* key of the first one -> how often so far */
	struct map ids;   /* local id -> key */
};

static enum err
name_key(struct observer *ob, struct listing *l, struct sighting *s,
    bool each_counts, struct err_info *e)
{
	struct str project =
	    s->project.uuid.n ? s->project.uuid : STR("unplaced");
	struct str first;
	uintptr_t times;
	enum err rc = todo_key(project, s->item->content, 1, s->key, e);

	if (rc != ERR_OK)
		return rc;
	first = arena_str(ob->a, str_n(s->key, 32));
	if (first.p == NULL)
		return err_set(e, ERR_NOMEM);
	times = (uintptr_t)map_get(&l->times, first);
	if (times == 0 || each_counts)
		times++;
	if (!map_put(&l->times, first, (void *)times))
		return err_set(e, ERR_NOMEM);
	if (times > 1)
		rc = todo_key(project, s->item->content, times, s->key, e);
	if (rc == ERR_OK && s->item->local_id.n > 0 &&
	    !map_put(&l->ids, s->item->local_id, s->key))
		rc = err_set(e, ERR_NOMEM);
	return rc;
}

static enum err
resolve_ids(struct observer *ob, struct listing *l, const struct str *local,
    size_t n, const struct str **ret, size_t *n_ret, struct err_info *e)
{
	struct str *ids = arena_array(ob->a, n, sizeof *ids);

	*n_ret = 0;
	if (ids == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++) {
		const char *key = map_get(&l->ids, local[i]);

		if (key != NULL)
			ids[(*n_ret)++] = str_n(key, 32);
	}
	*ret = ids;
	return ERR_OK;
}

static void
say_left(struct observer *ob, const struct found *f, const char *why)
{
	ob->report->left++;
	if (ob->o.world.left != NULL)
		ob->o.world.left(ob->o.world.ctx, f->path, why);
}

/* What no log can hold (too long, a list with an impossible name) does not hold
 * up the others.  The store has changed nothing then. */
static enum err
report_one(struct observer *ob, struct sighting *s, uint64_t *events,
    struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc = sighting_report(ob, s, events, &why);

	if (rc == ERR_SCHEMA || rc == ERR_TOO_LARGE) {
		say_left(ob, s->file, why.text);
		s->file->left = true;
		return ERR_OK;
	}
	if (rc == ERR_OK)
		return count(ob, s, *events, e);
	*e = why;
	return rc;
}

static void
progress(struct observer *ob)
{
	if (ob->o.world.progress != NULL)
		ob->o.world.progress(ob->o.world.ctx, ob->bytes_done,
		    ob->bytes_all);
}

/* An item was reported: its share of the file, of which it is one of n. */
static void
progress_item(struct observer *ob, const struct found *f, size_t n)
{
	uint64_t done = ob->bytes_done + f->id.size / n;

	ob->bytes_done = done < ob->bytes_unit ? done : ob->bytes_unit;
	progress(ob);
}

/* Name every sighting of a list, then report each. */
static enum err
report_list(struct observer *ob, struct sighting *s, size_t n, bool each_counts,
    struct err_info *e)
{
	struct listing l = { 0 };
	/* All of one file, or each of its own. */
	size_t share = n > 0 && s[0].file == s[n - 1].file ? n : 1;
	enum err rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = name_key(ob, &l, &s[i], each_counts, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		uint64_t events = 0;

		rc = resolve_ids(ob, &l, s[i].item->blocks, s[i].item->n_blocks,
		    &s[i].blocks, &s[i].n_blocks, e);
		if (rc == ERR_OK)
			rc = resolve_ids(ob, &l, s[i].item->blocked_by,
			    s[i].item->n_blocked_by, &s[i].blocked_by,
			    &s[i].n_blocked_by, e);
		if (rc == ERR_OK)
			rc = report_one(ob, &s[i], &events, e);
		ob->pending += events;
		progress_item(ob, s[i].file, share);
	}
	map_fini(&l.times);
	map_fini(&l.ids);
	return rc;
}

/* --- one unit: a file, or a folder of tasks --------------------------------------- */

/* Read a file; *ok false where it is left for the next time or is none of ours. */
static enum err
read_one(struct observer *ob, struct found *f, struct source_file *ret,
    bool *ok, struct err_info *e)
{
	struct buf bytes = { 0 };
	struct err_info why = { 0 };
	enum err rc = os_read_file(f->path, SOURCE_FILE_MAX, &bytes, &why);

	if (rc == ERR_OK)
		rc = observe_sum(ob, f, buf_str(&bytes), e);
	if (rc == ERR_OK)
		rc = claude_read(buf_str(&bytes), ob->a, ret, &why);
	buf_fini(&bytes);
	*ok = rc == ERR_OK;
	if (rc == ERR_NOMEM)
		return err_set(e, ERR_NOMEM);
	if (rc == ERR_UNSUPPORTED) {
		ob->report->foreign++;
		return observe_note(ob, f, false, e);
	}
	if (rc != ERR_OK) {
		say_left(ob, f, why.text);
		return observe_note(ob, f, true, e);
	}
	ob->report->items += ret->n;
	ob->report->skipped += ret->skipped;
	if (ret->strange > 0 && ob->o.world.strange != NULL)
		ob->o.world.strange(ob->o.world.ctx, f->path, ret->strange,
		    ret->why);
	return ERR_OK;
}

static char *
folder_of(struct observer *ob, const struct found *f)
{
	return arena_dup(ob->a,
	    f->folder ? str_n(f->path, f->folder) : STR("."));
}

/* Who reports, by the file's name: a session, or the file itself. */
static enum err
reporter_of(struct observer *ob, const struct found *f,
    const struct source_file *sf, struct str *reporter, struct str *session,
    const char **folder, struct err_info *e)
{
	struct str agent;
	char *name;

	*folder = NULL;
	if (claude_todo_name(str_of(f->name), session, &agent)) {
		/* A helper of the session keeps a list of its own. */
		name = str_eq(*session, agent) ?
		    arena_fmt(ob->a, "claude-todos:%.*s", STR_ARG(*session)) :
		    arena_fmt(ob->a, "claude-todos:%.*s/%.*s",
		        STR_ARG(*session), STR_ARG(agent));
	} else {
		*session = sf->session_id;
		*folder = folder_of(ob, f);
		name = arena_fmt(ob->a, "file:%s:%s", ob->node, f->path);
	}
	*reporter = str_of(name);
	return name ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
observe_list(struct observer *ob, struct found *f, const struct source_file *sf,
    struct err_info *e)
{
	struct sighting *s = arena_array(ob->a, sf->n, sizeof *s);
	struct str reporter, session;
	const char *folder;
	enum err rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	rc = reporter_of(ob, f, sf, &reporter, &session, &folder, e);
	for (size_t i = 0; rc == ERR_OK && i < sf->n; i++) {
		s[i] = (struct sighting){
			.reporter = reporter, .item = &sf->item[i], .file = f
		};
		rc = observe_project_of(ob, session, folder, s[i].item,
		    &s[i].project, e);
	}
	/* In a log of calls a later entry speaks of the same task. */
	if (rc == ERR_OK)
		rc = report_list(ob, s, sf->n, sf->shape != SOURCE_TASK_LOG, e);
	if (rc == ERR_OK)
		rc = observe_note(ob, f, f->left, e);
	return rc;
}

/* The tasks of one folder are one list: their numbers name each other. */
static enum err
observe_tasks(struct observer *ob, struct found *f, size_t n_files,
    const struct source_file *sf, const bool *ok, struct err_info *e)
{
	struct sighting *s = arena_array(ob->a, n_files, sizeof *s);
	const char *folder = folder_of(ob, &f[0]), *slash;
	struct str list, session;
	char *reporter;
	size_t n = 0;
	enum err rc = ERR_OK;

	if (s == NULL || folder == NULL)
		return err_set(e, ERR_NOMEM);
	slash = strrchr(folder, '/');
	list = str_of(slash ? slash + 1 : folder);
	reporter = arena_fmt(ob->a, "claude-tasks:%.*s", STR_ARG(list));
	if (reporter == NULL)
		return err_set(e, ERR_NOMEM);
	session = str_starts(list, STR("session-")) ? STR("") : list;
	for (size_t i = 0; rc == ERR_OK && i < n_files; i++) {
		if (!ok[i] || sf[i].shape != SOURCE_TASK || sf[i].n == 0)
			continue;
		s[n] = (struct sighting){ .reporter = str_of(reporter),
			.list = list,
			.item = &sf[i].item[0],
			.file = &f[i] };
		rc = observe_project_of(ob, session, folder, s[n].item,
		    &s[n].project, e);
		n++;
	}
	if (rc == ERR_OK)
		rc = report_list(ob, s, n, true, e);
	for (size_t i = 0; rc == ERR_OK && i < n_files; i++)
		if (ok[i] && sf[i].shape == SOURCE_TASK && f[i].changed)
			rc = observe_note(ob, &f[i], f[i].left, e);
	return rc;
}

/* Files of one folder.  Where a task changed, all tasks are read. */
static enum err
observe_folder(struct observer *ob, struct found *f, size_t n,
    struct err_info *e)
{
	struct source_file *sf = arena_array(ob->a, n, sizeof *sf);
	bool *ok = arena_array(ob->a, n, sizeof *ok);
	bool tasks = false;
	enum err rc = ERR_OK;

	if (sf == NULL || ok == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		if (!f[i].changed)
			continue;
		rc = read_one(ob, &f[i], &sf[i], &ok[i], e);
		if (rc != ERR_OK || !ok[i])
			continue;
		if (sf[i].shape == SOURCE_TASK)
			tasks = true;
		else
			rc = observe_list(ob, &f[i], &sf[i], e);
	}
	for (size_t i = 0; rc == ERR_OK && tasks && i < n; i++)
		if (!f[i].changed)
			rc = read_one(ob, &f[i], &sf[i], &ok[i], e);
	if (rc == ERR_OK && tasks)
		rc = observe_tasks(ob, f, n, sf, ok, e);
	return rc;
}

/* --- the run -------------------------------------------------------------------------- */

static int
found_cmp(const void *a, const void *b)
{
	const struct found *fa = a, *fb = b;

	return strcmp(fa->path, fb->path);
}

/* Files of one folder are neighbours only once they are sorted by folder. */
static int
folder_cmp(const void *a, const void *b)
{
	const struct found *fa = a, *fb = b;
	int c =
	    str_cmp(str_n(fa->path, fa->folder), str_n(fb->path, fb->folder));

	return c ? c : found_cmp(a, b);
}

static bool
same_folder(const struct found *a, const struct found *b)
{
	return str_eq(str_n(a->path, a->folder), str_n(b->path, b->folder));
}

static bool
any_changed(const struct found *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].changed)
			return true;
	return false;
}

static uint64_t
bytes_changed(const struct found *f, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += f[i].changed ? f[i].id.size : 0;
	return sum;
}

static enum err
begin(struct observer *ob, struct err_info *e)
{
	uint64_t version;
	enum err rc = ob->open ? ERR_OK : store_begin(ob->o.store, e);

	if (rc != ERR_OK || ob->open)
		return rc;
	ob->open = true;
	rc = store_version(ob->o.store, &version, e);
	/* Somebody else wrote since. */
	if (rc == ERR_OK && version != ob->heard.version)
		heard_fini(&ob->heard);
	ob->heard.version = version + 1; /* after the commit */
	return rc;
}

static enum err
commit(struct observer *ob, struct err_info *e)
{
	enum err rc = ob->open ? store_commit(ob->o.store, e) : ERR_OK;

	ob->open = ob->open && rc != ERR_OK;
	ob->pending = 0;
	return rc;
}

static enum err
observe_all(struct observer *ob, struct err_info *e)
{
	enum err rc = ERR_OK;

	ob->bytes_all = bytes_changed(ob->file, ob->n);
	if (ob->bytes_all >= BULK_BYTES)
		rc = store_bulk(ob->o.store, e);
	if (ob->n > 0)
		qsort(ob->file, ob->n, sizeof *ob->file, folder_cmp);
	for (size_t i = 0, next; rc == ERR_OK && i < ob->n; i = next) {
		for (next = i + 1;
		     next < ob->n && same_folder(&ob->file[i], &ob->file[next]);
		     next++)
			;
		ob->bytes_unit += bytes_changed(&ob->file[i], next - i);
		for (size_t k = i; k < next; k++)
			ob->report->unchanged += !ob->file[k].changed;
		if (any_changed(&ob->file[i], next - i)) {
			rc = begin(ob, e);
			if (rc == ERR_OK)
				rc = observe_folder(ob, &ob->file[i], next - i,
				    e);
		}
		if (rc == ERR_OK && ob->pending >= COMMIT_EVENTS)
			rc = commit(ob, e);
		ob->bytes_done = ob->bytes_unit;
		progress(ob);
	}
	return rc;
}

/* Each file was looked at just now, also where nothing changed: this is known to
 * the next run. */
static enum err
note_looks(struct observer *ob, const char *const *path, size_t n,
    struct err_info *e)
{
	enum err rc = ERR_OK;
	bool news = false;

	if (!ob->open)
		rc = observe_note_roots(ob, path, n, true, &news, e);
	for (size_t i = 0; !ob->open && i < ob->n; i++)
		news = news || ob->file[i].settled;
	if (rc == ERR_OK && news)
		rc = begin(ob, e);
	for (size_t i = 0; rc == ERR_OK && ob->open && i < ob->n; i++)
		if (ob->file[i].settled)
			rc = observe_note(ob, &ob->file[i], false, e);
	if (rc == ERR_OK && ob->open)
		rc = observe_note_roots(ob, path, n, false, &news, e);
	return rc;
}

enum err
observe_paths(const struct observe_options *o, const char *const *path,
    size_t n, const struct observe_project *fallback, struct arena *a,
    struct observe_report *ret, struct err_info *e)
{
	struct observer ob = {
		.o = *o, .fallback = fallback, .a = a, .report = ret
	};
	enum err rc;

	*ret = (struct observe_report){ 0 };
	rc = store_node(o->store, ob.node, e);
	if (rc == ERR_OK)
		rc = observe_notes(&ob, e);
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = find_files(&ob, path[i], e);
	ret->files = ob.n;
	if (rc == ERR_OK)
		rc = observe_all(&ob, e);
	if (rc == ERR_OK)
		rc = note_looks(&ob, path, n, e);
	if (rc == ERR_OK)
		rc = commit(&ob, e);
	if (rc != ERR_OK && ob.open)
		store_rollback(o->store);
	heard_fini(&ob.heard);
	arena_fini(&ob.one);
	buf_fini(&ob.payload);
	buf_fini(&ob.name);
	map_fini(&ob.notes);
	map_fini(&ob.transcripts);
	map_fini(&ob.counts);
	map_fini(&ob.seen);
	free(ob.file);
	return rc;
}
