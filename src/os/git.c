/* A repository, read from its files.  Path: upwards to `.git`, through the file
 * of a linked working tree, to the folder that all of them share; then HEAD, the
 * ref it names (loose, else packed), and the config. */
#include "git.h"

#include <string.h>

#include "buf.h"
#include "file.h"
#include "path.h"

enum {
	LINE_FILE_MAX = 8192,     /* bytes: HEAD, refs, gitdir, commondir */
	CONFIG_MAX = 1024 * 1024, /* bytes */
	PACKED_MAX = 64 * 1024 * 1024, /* bytes */
	REF_DEPTH_MAX = 5              /* as git itself */
};

/* Only a lack of memory is a failure; anything else means "not there". */
static enum err
read_file(struct arena *a, const char *dir, const char *name, size_t max,
    struct buf *out, struct err_info *e)
{
	const char *path = os_join(a, dir, name);

	buf_reset(out);
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	if (os_read_file(path, max, out, e) == ERR_NOMEM)
		return ERR_NOMEM;
	return ERR_OK;
}

/* The one line of a small file; empty where it is not there or holds a NUL. */
static enum err
read_one(struct arena *a, const char *dir, const char *name, struct str *ret,
    struct err_info *e)
{
	struct buf text = { 0 };
	enum err rc = read_file(a, dir, name, LINE_FILE_MAX, &text, e);
	struct str line = str_trim(buf_str(&text));

	*ret = (struct str){ NULL, 0 };
	if (rc == ERR_OK && line.n > 0 && str_find(line, '\0') == SIZE_MAX) {
		*ret = arena_str(a, line);
		if (ret->p == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	buf_fini(&text);
	return rc;
}

/* gitrepository-layout: a `.git` file says "gitdir: PATH", relative to where it
 * is.  *ret NULL: this folder is not the top of a working tree. */
static enum err
git_dir_of(struct arena *a, const char *top, const char **ret,
    struct err_info *e)
{
	const char *dot = os_join(a, top, ".git"), *head;
	struct str line;
	enum err rc;

	*ret = NULL;
	if (dot == NULL)
		return err_set(e, ERR_NOMEM);
	if (!os_exists(dot))
		return ERR_OK;
	if (!os_is_dir(dot)) {
		rc = read_one(a, top, ".git", &line, e);
		if (rc != ERR_OK || !str_starts(line, STR("gitdir:")))
			return rc;
		line = str_trim(str_n(line.p + 7, line.n - 7));
		dot = arena_dup(a, line);
		dot = dot ? os_join(a, top, dot) : NULL;
	}
	head = dot ? os_join(a, dot, "HEAD") : NULL;
	if (head == NULL)
		return err_set(e, ERR_NOMEM);
	if (os_exists(head))
		*ret = dot;
	return ERR_OK;
}

/* Real where it can be told, so that two working trees agree on it. */
static enum err
settle(struct arena *a, const char *path, const char **ret, struct err_info *e)
{
	enum err rc = os_real(a, path, ret, e);

	if (rc == ERR_OK || rc == ERR_NOMEM)
		return rc;
	*ret = path;
	return ERR_OK;
}

static enum err
find_common(struct arena *a, struct os_git *g, struct err_info *e)
{
	const char *common;
	struct str line;
	enum err rc = read_one(a, g->git_dir, "commondir", &line, e);

	if (rc != ERR_OK)
		return rc;
	if (line.n == 0) {
		g->common_dir = g->git_dir;
		return ERR_OK;
	}
	common = os_join(a, g->git_dir, line.p);
	if (common == NULL)
		return err_set(e, ERR_NOMEM);
	return settle(a, common, &g->common_dir, e);
}

/* SHA-1 or SHA-256, lower-case hex. */
static bool
is_commit(struct str s)
{
	if (s.n != 40 && s.n != 64)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
	return true;
}

/* git-check-ref-format(1), as far as a path needs it: below refs/, and no part
 * that leads elsewhere. */
static bool
is_ref(struct str s)
{
	struct str part;

	if (!str_starts(s, STR("refs/")))
		return false;
	while (str_split(&s, '/', &part))
		if (part.n == 0 || part.p[0] == '.')
			return false;
	return true;
}

/* packed-refs: lines "HEX SP ref"; '#' starts the header, '^' a peeled tag. */
static struct str
packed_find(struct str text, struct str ref)
{
	struct str line, hex;

	while (str_split(&text, '\n', &line))
		if (line.n > ref.n && line.p[line.n - ref.n - 1] == ' ' &&
		    str_ends(line, ref) && str_split(&line, ' ', &hex) &&
		    str_eq(line, ref) && is_commit(hex))
			return hex;
	return (struct str){ NULL, 0 };
}

static enum err
packed_head(struct arena *a, struct os_git *g, struct str ref,
    struct err_info *e)
{
	struct buf text = { 0 };
	enum err rc =
	    read_file(a, g->common_dir, "packed-refs", PACKED_MAX, &text, e);
	struct str hex = { NULL, 0 };

	if (rc == ERR_OK)
		hex = packed_find(buf_str(&text), ref);
	if (hex.n > 0) {
		g->head = arena_dup(a, hex);
		if (g->head == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	buf_fini(&text);
	return rc;
}

/* Follow "ref: NAME" from HEAD; a branch that has no commit yet has no ref. */
static enum err
find_head(struct arena *a, struct os_git *g, struct err_info *e)
{
	struct str line, ref;
	enum err rc = read_one(a, g->git_dir, "HEAD", &line, e);

	for (int depth = 0; depth < REF_DEPTH_MAX && rc == ERR_OK; depth++) {
		if (is_commit(line)) {
			g->head = line.p;
			return ERR_OK;
		}
		if (!str_starts(line, STR("ref:")))
			return ERR_OK;
		ref = str_trim(str_n(line.p + 4, line.n - 4));
		if (!is_ref(ref))
			return ERR_OK;
		if (depth == 0 && str_starts(ref, STR("refs/heads/")))
			g->branch = ref.p + 11;
		rc = read_one(a, g->common_dir, ref.p, &line, e);
		if (rc == ERR_OK && line.n == 0)
			return packed_head(a, g, ref, e);
	}
	return rc;
}

static enum err
find_origin(struct arena *a, struct os_git *g, struct err_info *e)
{
	struct buf text = { 0 };
	enum err rc =
	    read_file(a, g->common_dir, "config", CONFIG_MAX, &text, e);

	if (rc == ERR_OK)
		rc = os_git_remote(buf_str(&text), "origin", a, &g->origin, e);
	buf_fini(&text);
	return rc;
}

enum err
os_git_find(const char *from, struct arena *a, struct os_git *ret,
    struct err_info *e)
{
	struct os_git g = { 0 };
	const char *dir;
	enum err rc = os_real(a, from, &g.top, e);

	while (rc == ERR_OK) {
		rc = git_dir_of(a, g.top, &dir, e);
		if (rc != ERR_OK || dir != NULL)
			break;
		if (strcmp(g.top, "/") == 0)
			return err_setf(e, ERR_NOT_FOUND,
			    "%s is not in a git repository", from);
		g.top = os_dir(a, g.top);
		if (g.top == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	if (rc == ERR_OK)
		rc = settle(a, dir, &g.git_dir, e);
	if (rc == ERR_OK)
		rc = find_common(a, &g, e);
	if (rc == ERR_OK)
		rc = find_head(a, &g, e);
	if (rc == ERR_OK)
		rc = find_origin(a, &g, e);
	if (rc == ERR_OK)
		*ret = g;
	return rc;
}
