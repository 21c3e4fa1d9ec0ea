#include "project.h"

#include <string.h>

#include "buf.h"
#include "file.h"
#include "id.h"
#include "path.h"
#include "proc.h"
#include "text.h"
#include "toml.h"

enum { PROJECT_BYTES_MAX = 64 * 1024, SLUG_MAX = 100 };

static const char project_file[] = ".clowder/project.toml";
static const char kittify_file[] = ".kittify/config.yaml";

const char *
project_from_name(enum project_from f)
{
	switch (f) {
	case PROJECT_FILE:
		return project_file;
	case PROJECT_KITTIFY:
		return kittify_file;
	case PROJECT_REMOTE:
		return "remote";
	case PROJECT_PATH:
		return "path";
	}
	return "";
}

/* --- the remote ------------------------------------------------------------------ */

/* "scheme://user@host:port/path" or "user@host:path", less all that people spell
 * differently. */
struct str
project_canonical_url(struct str url, struct arena *a)
{
	struct str host, path = { 0 };
	size_t i, at;
	char *out;

	url = str_trim(url);
	for (i = 0; i + 2 < url.n; i++)
		if (memcmp(url.p + i, "://", 3) == 0)
			break;
	if (i + 2 < url.n) {
		host = str_n(url.p + i + 3, url.n - i - 3);
		at = str_find(host, '/');
		if (at == SIZE_MAX)
			return (struct str){ 0 };
		path = str_n(host.p + at + 1, host.n - at - 1);
		host.n = at;
	} else {
		/* git-fetch(1): no slash before the first colon, else a path. */
		at = str_find(url, ':');
		i = str_find(url, '/');
		if (at == SIZE_MAX || i < at)
			return (struct str){ 0 };
		host = str_n(url.p, at);
		path = str_n(url.p + at + 1, url.n - at - 1);
	}
	while ((at = str_find(host, '@')) != SIZE_MAX)
		host = str_n(host.p + at + 1, host.n - at - 1);
	at = str_find(host, ':');
	if (at != SIZE_MAX && !str_starts(host, STR("[")))
		host.n = at;
	while (path.n > 0 && path.p[0] == '/')
		path = str_n(path.p + 1, path.n - 1);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	if (str_ends(path, STR(".git")))
		path.n -= 4;
	if (host.n == 0 || path.n == 0)
		return (struct str){ 0 };
	out = arena_fmt(a, "%.*s/%.*s", STR_ARG(host), STR_ARG(path));
	for (i = 0; out != NULL && i < host.n; i++)
		if (out[i] >= 'A' && out[i] <= 'Z')
			out[i] = (char)(out[i] - 'A' + 'a');
	return str_of(out);
}

/* --- files ------------------------------------------------------------------------- */

/* A scalar of YAML as people write one: plain or quoted, a comment behind it. */
static struct str
scalar(struct str s)
{
	size_t end;

	s = str_trim(s);
	if (s.n > 1 && (s.p[0] == '"' || s.p[0] == '\'')) {
		end = str_find(str_n(s.p + 1, s.n - 1), s.p[0]);
		return end == SIZE_MAX ? (struct str){ 0 } :
		                         str_n(s.p + 1, end);
	}
	for (end = 0; end < s.n; end++)
		if (s.p[end] == '#' || s.p[end] == ',' || s.p[end] == '}' ||
		    s.p[end] == ' ')
			break;
	return str_n(s.p, end);
}

struct str
project_kittify_uuid(struct str yaml)
{
	struct str line, in, flow = STR("{");
	bool inside = false;

	while (str_split(&yaml, '\n', &line)) {
		in = str_trim(line);
		if (in.n == 0 || in.p[0] == '#')
			continue;
		if (line.p[0] != ' ' && line.p[0] != '\t') {
			inside = str_starts(in, STR("project:"));
			in = inside ? str_trim(str_n(in.p + 8, in.n - 8)) : in;
			if (inside && str_starts(in, flow))
				in = str_trim(str_n(in.p + 1, in.n - 1));
		}
		while (inside && in.n > 0) {
			if (str_starts(in, STR("uuid:")))
				return scalar(str_n(in.p + 5, in.n - 5));
			/* The next member of a flow mapping. */
			if (!str_split(&in, ',', &flow))
				break;
			in = str_trim(in);
			flow = STR("{");
		}
	}
	return (struct str){ 0 };
}

static enum err
set_uuid(struct project *p, struct str text, enum project_from from,
    const char *path, struct arena *a, struct err_info *e)
{
	char normal[EID_TEXT_MAX];
	struct eid id;

	if (!eid_parse(text, &id) || id.form != EID_UUID)
		return err_setf(e, ERR_CONFIG, "%s: '%.60s' is no UUID", path,
		    arena_dup(a, text));
	p->uuid = arena_str(a, str_n(normal, eid_format(&id, normal)));
	p->from = from;
	return p->uuid.p ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* .clowder/project.toml in dir.  *found stays false where there is none. */
static enum err
from_file(struct project *p, const char *dir, bool *found, struct arena *a,
    struct err_info *e)
{
	const char *path = os_join(a, dir, project_file);
	const struct toml_entry *uuid, *slug;
	struct buf text = { 0 };
	struct toml t;
	struct str kept;
	enum err rc = path ? os_read_file(path, PROJECT_BYTES_MAX, &text, e) :
	                     err_set(e, ERR_NOMEM);

	if (rc != ERR_OK)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	kept = arena_str(a, buf_str(&text));
	buf_fini(&text);
	if (kept.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = toml_parse(kept, a, &t, e);
	if (rc != ERR_OK)
		return rc == ERR_CONFIG ? err_wrap(e, "%s", path) : rc;
	uuid = toml_get(&t, "uuid");
	slug = toml_get(&t, "slug");
	if (uuid == NULL || uuid->value.kind != TOML_STRING)
		return err_setf(e, ERR_CONFIG,
		    "%s: uuid is missing or no string", path);
	if (slug != NULL && slug->value.kind == TOML_STRING)
		p->slug = slug->value.string;
	p->root = dir;
	*found = true;
	return set_uuid(p, uuid->value.string, PROJECT_FILE, path, a, e);
}

static enum err
from_kittify(struct project *p, const char *dir, bool *found, struct arena *a,
    struct err_info *e)
{
	const char *path = os_join(a, dir, kittify_file);
	struct buf text = { 0 };
	struct str uuid;
	enum err rc = path ? os_read_file(path, PROJECT_BYTES_MAX, &text, e) :
	                     err_set(e, ERR_NOMEM);

	if (rc == ERR_OK) {
		uuid = project_kittify_uuid(buf_str(&text));
		if (uuid.n > 0) {
			*found = true;
			p->root = dir;
			rc = set_uuid(p, uuid, PROJECT_KITTIFY, path, a, e);
		}
	}
	buf_fini(&text);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* --- the search ----------------------------------------------------------------------- */

/* The top folder of the repository's own working tree: where a linked one finds
 * what is not checked in. */
static const char *
main_top(const struct os_git *g, struct arena *a)
{
	return strcmp(os_base(g->common_dir), ".git") == 0 ?
	    os_dir(a, g->common_dir) :
	    g->common_dir;
}

static enum err
search_up(struct project *p, const char *folder, bool *found, struct arena *a,
    struct err_info *e)
{
	const char *dir = folder;
	enum err rc = ERR_OK;

	for (;;) {
		rc = from_file(p, dir, found, a, e);
		if (rc != ERR_OK || *found || strcmp(dir, "/") == 0 ||
		    (p->has_git && strcmp(dir, p->git.top) == 0))
			return rc;
		dir = os_dir(a, dir);
		if (dir == NULL)
			return err_set(e, ERR_NOMEM);
	}
}

static enum err
derive(struct project *p, struct str name, enum project_from from,
    struct arena *a, struct err_info *e)
{
	uint8_t ns[16], uuid[16];
	char text[EID_TEXT_MAX];

	uuid_project_namespace(ns);
	uuid5(ns, name, uuid);
	uuid_format(uuid, text);
	p->uuid = arena_str(a, str_of(text));
	p->from = from;
	return p->uuid.p ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* Nothing says it: made of the remote, else of machine and path. */
static enum err
derived(struct project *p, struct arena *a, struct err_info *e)
{
	char machine[OS_NAME_MAX];
	const char *name;

	if (p->remote.n > 0)
		return derive(p, p->remote, PROJECT_REMOTE, a, e);
	os_machine_id(machine);
	name = arena_fmt(a, "%s:%s", machine, p->root);
	if (name == NULL)
		return err_set(e, ERR_NOMEM);
	return derive(p, str_of(name), PROJECT_PATH, a, e);
}

static enum err
default_slug(struct project *p, struct arena *a, struct err_info *e)
{
	struct buf slug = { 0 };
	struct str name = p->remote;
	enum err rc;

	if (p->slug.n > 0)
		return ERR_OK;
	for (size_t i = name.n; i > 0; i--)
		if (name.p[i - 1] == '/') {
			name = str_n(name.p + i, name.n - i);
			break;
		}
	text_slug(name.n > 0 ? name : str_of(os_base(p->root)), &slug);
	if (slug.len > SLUG_MAX || slug.len == 0)
		buf_reset(&slug), buf_adds(&slug, "project");
	rc = buf_ok(&slug, e);
	p->slug = arena_str(a, buf_str(&slug));
	buf_fini(&slug);
	return rc == ERR_OK && p->slug.p == NULL ? err_set(e, ERR_NOMEM) : rc;
}

/* The git facts of the folder, or of the nearest one above it that is there
 * still (old transcripts name folders that are gone). */
static enum err
find_git(struct project *p, const char *folder, struct arena *a,
    struct err_info *e)
{
	enum err rc;

	while (!os_is_dir(folder) && strcmp(folder, "/") != 0) {
		folder = os_dir(a, folder);
		if (folder == NULL)
			return err_set(e, ERR_NOMEM);
	}
	rc = os_git_find(folder, a, &p->git, e);
	p->has_git = rc == ERR_OK;
	if (p->has_git && p->git.origin != NULL)
		p->remote = project_canonical_url(str_of(p->git.origin), a);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err
project_find(struct project *ret, const char *folder, struct arena *a,
    struct err_info *e)
{
	const char *here = NULL, *top;
	bool found = false;
	enum err rc;

	*ret = (struct project){ 0 };
	rc = os_real(a, folder, &here, e);
	if (rc == ERR_NOT_FOUND)
		rc = os_absolute(a, folder, &here, e);
	if (rc == ERR_OK)
		rc = find_git(ret, here, a, e);
	if (rc == ERR_OK)
		rc = search_up(ret, here, &found, a, e);
	if (rc != ERR_OK)
		return rc;
	top = ret->has_git ? main_top(&ret->git, a) : here;
	if (top == NULL)
		return err_set(e, ERR_NOMEM);
	if (!found && ret->has_git)
		rc = from_file(ret, top, &found, a, e);
	if (rc == ERR_OK && !found)
		rc = from_kittify(ret, ret->has_git ? ret->git.top : here,
		    &found, a, e);
	if (rc == ERR_OK && !found && ret->has_git)
		rc = from_kittify(ret, top, &found, a, e);
	if (rc == ERR_OK && !found) {
		ret->root = top;
		rc = derived(ret, a, e);
	}
	return rc == ERR_OK ? default_slug(ret, a, e) : rc;
}

enum err
project_write(const char *root, struct str uuid, struct str slug,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct buf text = { 0 };
	const char *path = os_join(&a, root, project_file);
	const char *dir = path ? os_dir(&a, path) : NULL;
	enum err rc = dir ? ERR_OK : err_set(e, ERR_NOMEM);

	if (rc == ERR_OK && os_exists(path))
		rc = err_setf(e, ERR_EXISTS, "%s is there already", path);
	buf_adds(&text,
	    "# Names this project for everybody; keep it in version "
	    "control.\nuuid = ");
	toml_add_str(&text, uuid);
	buf_adds(&text, "\nslug = ");
	toml_add_str(&text, slug);
	buf_addc(&text, '\n');
	if (rc == ERR_OK)
		rc = buf_ok(&text, e);
	/* Part of the working tree, not of the home: other people read it. */
	if (rc == ERR_OK)
		rc = os_mkdirs(dir, 0755, e);
	if (rc == ERR_OK)
		rc = os_write_atomic(path, buf_str(&text), 0644, e);
	buf_fini(&text);
	arena_fini(&a);
	return rc;
}
