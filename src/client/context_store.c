/* The replica of a command, and what is found in it: space and author. */
#include <sodium.h>
#include <stdlib.h>

#include "clock.h"
#include "context.h"
#include "file.h"
#include "proc.h"
#include "sessions.h"

enum { LOCK_WAIT_MS = 10000, AUTHOR_MAX = 256, EMPTY_AGE_MS = 60000 };

static int64_t
env_wall(void *ctx)
{
	(void)ctx;
	return os_wall_ms();
}

/* libsodium ends the process where the system has no randomness: better than an
 * id that is none. */
static void
env_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	randombytes_buf(out, n);
}

struct store_env
ctx_store_env(void)
{
	return (struct store_env){ .wall_ms = env_wall, .random = env_random };
}

static enum err
open_empty(struct ctx *c, struct err_info *e)
{
	struct store_options opt = { .env = ctx_store_env() };
	enum err rc = store_mem_open(&c->store, &opt, e);

	if (rc == ERR_OK)
		rc = spaces_local(c->store, e);
	c->no_store = rc == ERR_OK;
	return rc;
}

/* *old: not one that another process is just making. */
static bool
is_empty(const char *path, bool *old)
{
	struct err_info ignore = { 0 };
	struct os_file_id id;

	*old = false;
	if (os_stat_id(path, &id, &ignore) != ERR_OK || id.size > 0)
		return false;
	*old = os_wall_ms() - id.mtime_ns / 1000000 > EMPTY_AGE_MS;
	return true;
}

/* The store is gone or empty, but its log is not: somebody took it away, and what
 * stands in the log would be thrown away with a new one.  A store that is just
 * being made has bytes before its log has any. */
static enum err
is_torn(const struct home *h, struct arena *a, struct err_info *e)
{
	struct err_info ignored = { 0 };
	struct os_file_id log, id;
	char *path = arena_fmt(a, "%s-wal", h->store);
	enum err rc;

	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	if (os_stat_id(path, &log, &ignored) != ERR_OK || log.size == 0)
		return ERR_OK;
	rc = os_stat_id(h->store, &id, &ignored);
	if (rc != ERR_NOT_FOUND && (rc != ERR_OK || id.size > 0))
		return ERR_OK;
	return err_setf(e, ERR_CORRUPT,
	    "%s is %s, and its log %s is still there: put the file back, or "
	    "move the log away to begin anew",
	    h->store, rc == ERR_OK ? "empty" : "gone", path);
}

enum err
ctx_store_read(struct ctx *c, struct store **ret, struct err_info *e)
{
	struct store_options opt = { .env = ctx_store_env(),
		.read_only = true };
	const struct home *h;
	bool empty, old;
	enum err rc = ctx_home(c, &h, e);

	if (rc == ERR_OK && c->store == NULL)
		rc = is_torn(h, &c->arena, e);
	if (rc == ERR_OK && c->store == NULL) {
		rc = store_sqlite_open(&c->store, h->store, &opt, e);
		empty = rc == ERR_UNSUPPORTED && is_empty(h->store, &old);
		if (rc == ERR_NOT_FOUND || (empty && !old))
			rc = open_empty(c, e);
		else if (empty)
			rc = err_setf(e, rc,
			    "%s is empty: what was in it is gone; the next "
			    "writing command begins a new one",
			    h->store);
	}
	*ret = c->store;
	return rc;
}

enum err
ctx_store_write(struct ctx *c, struct store **ret, struct err_info *e)
{
	struct store_options opt = { .env = ctx_store_env(),
		.lock_wait_ms = LOCK_WAIT_MS };
	const struct home *h;
	enum err rc = ctx_home(c, &h, e);

	if (rc == ERR_OK && c->store != NULL && !c->writes) {
		store_close(c->store);
		c->store = NULL;
		c->no_store = c->has_space = false;
	}
	if (rc == ERR_OK && c->store == NULL)
		rc = is_torn(h, &c->arena, e);
	if (rc == ERR_OK && c->store == NULL) {
		opt.doorbell = h->doorbell;
		rc = home_make(h, e);
		(void)is_empty(h->store, &c->was_empty);
		if (rc == ERR_OK)
			rc = store_sqlite_open(&c->store, h->store, &opt, e);
		if (rc == ERR_OK)
			home_sweep(h);
		if (rc == ERR_OK)
			rc = spaces_local(c->store, e);
		c->writes = rc == ERR_OK;
	}
	*ret = c->store;
	return rc;
}

enum err
ctx_choice(struct ctx *c, const struct spaces_choice **ret, struct err_info *e)
{
	const struct project *p;
	struct store *s = c->store;
	enum err rc = ctx_project(c, &p, e);

	if (rc == ERR_OK && s == NULL)
		rc = ctx_store_read(c, &s, e);
	if (rc == ERR_OK && !c->has_space)
		rc = spaces_choose(s, p->uuid, &c->choice, e);
	c->has_space = c->has_space || rc == ERR_OK;
	*ret = &c->choice;
	return rc;
}

enum err
ctx_space(struct ctx *c, space_id *ret, struct err_info *e)
{
	const struct spaces_choice *choice;
	enum err rc = ctx_choice(c, &choice, e);

	*ret = choice->space;
	return rc;
}

/* --- the author ------------------------------------------------------------------------ */

static struct str
env_str(const char *name)
{
	const char *z = getenv(name);

	return z != NULL && z[0] != '\0' ? str_of(z) : (struct str){ 0 };
}

struct str
ctx_agent_session(void)
{
	static const char *const name[] = { "CLAUDE_CODE_SESSION_ID",
		"CLAUDE_SESSION_ID" };
	struct str s = { 0 };

	for (size_t i = 0; s.n == 0 && i < sizeof name / sizeof *name; i++)
		s = env_str(name[i]);
	return s.n <= AUTHOR_MAX / 2 ? s : (struct str){ 0 };
}

enum err
ctx_session(struct str *ret, struct err_info *e)
{
	struct str set = env_str("CLOWDER_SESSION_ID");
	bool ok = set.n <= SESSIONS_ID_MAX;

	for (size_t i = 0; i < set.n; i++)
		ok = ok && (unsigned char)set.p[i] > 0x20 && set.p[i] != 127;
	if (!ok)
		return err_setf(e, ERR_USAGE,
		    "CLOWDER_SESSION_ID must be one word of at most %d bytes",
		    SESSIONS_ID_MAX);
	*ret = set.n == 0 && env_str("CLAUDECODE").n > 0 ? ctx_agent_session() :
	                                                   set;
	return ERR_OK;
}

/* "user:ann", "agent:claude/<session>": one line, no blanks at its ends. */
static bool
author_ok(struct str s)
{
	if (!str_starts(s, STR("user:")) && !str_starts(s, STR("agent:")))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 127)
			return false;
	return s.n <= AUTHOR_MAX && s.p[s.n - 1] != ':';
}

/* The account that was signed in last, else the system's name of the user. */
static enum err
user_author(struct ctx *c, char **ret, struct err_info *e)
{
	struct spaces_account who = { 0 };
	char name[OS_NAME_MAX];
	enum err rc = ERR_OK;

	if (c->store != NULL)
		rc = spaces_account(c->store, &c->arena, &who, e);
	if (rc != ERR_OK)
		return rc;
	os_user_name(name);
	if (who.name.n == 0)
		who.name = name[0] != '\0' ? str_of(name) : STR("unknown");
	*ret = arena_fmt(&c->arena, "user:%.*s",
	    who.name.n < AUTHOR_MAX / 2 ? (int)who.name.n : AUTHOR_MAX / 2,
	    who.name.p);
	return *ret != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

enum err
ctx_author(struct ctx *c, struct str *ret, struct err_info *e)
{
	struct str set = env_str("CLOWDER_AUTHOR"), session;
	char *made = NULL;
	enum err rc = ERR_OK;

	if (c->author.n > 0) {
		*ret = c->author;
		return ERR_OK;
	}
	session = ctx_agent_session();
	if (set.n > 0 && !author_ok(set))
		return err_setf(e, ERR_USAGE,
		    "CLOWDER_AUTHOR must be user:NAME or agent:KIND/SESSION");
	if (set.n == 0 && env_str("CLAUDECODE").n > 0)
		made = arena_fmt(&c->arena, "agent:claude%s%.*s",
		    session.n > 0 ? "/" : "", STR_ARG(session));
	else if (set.n == 0)
		rc = user_author(c, &made, e);
	c->author = set.n > 0 ? set : str_of(made);
	*ret = c->author;
	return rc == ERR_OK && c->author.n == 0 ? err_set(e, ERR_NOMEM) : rc;
}

enum err
ctx_draft(struct ctx *c, struct draft *d, struct err_info *e)
{
	const struct project *p;
	enum err rc = ctx_project(c, &p, e);

	if (rc == ERR_OK)
		rc = ctx_author(c, &d->author, e);
	if (rc != ERR_OK)
		return rc;
	rc = ctx_session(&d->session_id, e);
	if (rc != ERR_OK)
		return rc;
	d->project_uuid = p->uuid;
	d->project_slug = p->slug;
	if (p->has_git) {
		d->git_branch = str_of(p->git.branch);
		d->head_commit_sha = str_of(p->git.head);
	}
	return ERR_OK;
}
