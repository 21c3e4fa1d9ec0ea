/* Statements of the store on SQLite: their texts, and using them. */
#include <errno.h>
#include <stdlib.h>

#include "fault.h"
#include "sqlite_int.h"

#define EVENT_HEAD \
	"SELECT at, id, tag, clock, node, flags, seq, epoch_no, user, " \
	"received_ms"
#define ENTITY_ALL \
	"SELECT id, project, type, key, counts, digest, runs, tail, state " \
	"FROM entity "

static const char *const texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_VIEW] = "BEGIN",
	[SQL_SCHEMA] = "PRAGMA user_version",
	[SQL_META_GET] = "SELECT node, node_seq, version, fold, projects, "
	                 "entities FROM meta WHERE one = 1",
	[SQL_META_PUT] = "INSERT OR REPLACE INTO meta (one, node, node_seq, "
	                 "version, fold, projects, entities) "
	                 "VALUES (1, ?, ?, ?, ?, ?, ?)",
	[SQL_SPACE_GET] = "SELECT hub, account, team, epoch, epoch_no, pulled, "
	                  "head, clock, events, unacked, refused, contact_ms, "
	                  "digest FROM space WHERE id = ?",
	[SQL_SPACE_NEXT] =
	    "SELECT id FROM space WHERE id > ? ORDER BY id LIMIT 1",
	[SQL_SPACE_FIND] = "SELECT id FROM space WHERE hub = ? AND account = ? "
	                   "AND team = ?",
	/* Not OR REPLACE: a name that is taken is an error. */
	[SQL_SPACE_PUT] =
	    "INSERT INTO space (id, hub, account, team, epoch, epoch_no, "
	    "pulled, head, clock, events, unacked, refused, contact_ms, "
	    "digest) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
	    "?14) ON CONFLICT (id) DO UPDATE SET hub = ?2, account = ?3, "
	    "team = ?4, epoch = ?5, epoch_no = ?6, pulled = ?7, head = ?8, "
	    "clock = ?9, events = ?10, unacked = ?11, refused = ?12, "
	    "contact_ms = ?13, digest = ?14",
	[SQL_NAME_FIND] = "SELECT id FROM name WHERE text = ?",
	[SQL_NAME_ADD] = "INSERT INTO name (text) VALUES (?)",
	[SQL_NAME_GET] = "SELECT text FROM name WHERE id = ?",
	[SQL_PROJECT_FIND] = "SELECT id, space, uuid, entities, digest "
	                     "FROM project WHERE space = ? AND uuid = ?",
	[SQL_PROJECT_LIST] = "SELECT id, space, uuid, entities, digest "
	                     "FROM project WHERE space = ? ORDER BY uuid",
	[SQL_PROJECT_PUT] =
	    "INSERT INTO project (id, space, uuid, entities, digest) "
	    "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE "
	    "SET entities = ?4, digest = ?5",
	[SQL_ENTITY_FIND] =
	    ENTITY_ALL "WHERE project = ? AND type = ? AND key = ?",
	[SQL_ENTITY_PAGE] =
	    ENTITY_ALL "WHERE project = ? AND (type, key) > (?, ?) "
	               "ORDER BY type, key LIMIT ?",
	/* What a walk over state looks at; columns that are not named cost
	 * nothing. */
	[SQL_ENTITY_PAGE_TYPE] =
	    "SELECT key, counts, state FROM entity "
	    "WHERE project = ? AND type = ? AND key > ? ORDER BY key LIMIT ?",
	[SQL_ENTITY_SET] =
	    "UPDATE entity SET counts = ?, digest = ?, runs = ?, "
	    "tail = ?, state = ? WHERE id = ?",
	[SQL_ENTITY_PUT] = "INSERT INTO entity (counts, digest, runs, tail, "
	                   "state, id, project, type, key) "
	                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_RUN_GET] = "SELECT list FROM run WHERE entity = ? AND n = ?",
	[SQL_RUN_PUT] = "INSERT OR REPLACE INTO run (entity, n, list) "
	                "VALUES (?, ?, ?)",
	[SQL_EVENT_ADD] = "INSERT OR IGNORE INTO event (at, id, tag, clock, "
	                  "node, flags, seq, "
	                  "epoch_no, user, received_ms, sum, raw) "
	                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[SQL_EVENT_SET] = "UPDATE event SET clock = ?, node = ?, flags = ?, "
	                  "sum = ?, raw = ? WHERE at = ?",
	[SQL_EVENT_MARK] = "UPDATE event SET seq = ?, epoch_no = ?, flags = ?, "
	                   "user = ?, received_ms = ? WHERE at = ?",
	[SQL_EVENT_GET] = EVENT_HEAD " FROM event WHERE at = ?",
	[SQL_EVENT_GET_RAW] = EVENT_HEAD ", sum, raw FROM event WHERE at = ?",
	[SQL_EVENT_FIND] = "SELECT at FROM event WHERE id = ? AND tag = ?",
	[SQL_EVENT_COPIES] = EVENT_HEAD
	" FROM event WHERE id = ? AND (tag & 1) = ? ORDER BY tag",
	[SQL_EVENT_PAGE] = EVENT_HEAD
	" FROM event WHERE at > ? AND at <= ? ORDER BY at LIMIT ?",
	[SQL_EVENT_PAGE_RAW] = EVENT_HEAD
	", sum, raw FROM event WHERE at > ? AND at <= ? ORDER BY at LIMIT ?",
	[SQL_EVENT_IDS] = "SELECT at FROM event WHERE id BETWEEN ? AND ? "
	                  "AND tag = ? ORDER BY id LIMIT ?",
	[SQL_CLOCK_MAX] =
	    "SELECT max(clock) FROM event WHERE at > ? AND at <= ? "
	    "AND (flags & ?) = 0",
	[SQL_UNACKED_PUT] = "INSERT OR REPLACE INTO unacked "
	                    "(space, clock, node, id, pos) "
	                    "VALUES (?, ?, ?, ?, ?)",
	[SQL_UNACKED_DEL] = "DELETE FROM unacked WHERE space = ? AND clock = ? "
	                    "AND node = ? AND id = ?",
	[SQL_UNACKED_PAGE] = "SELECT pos FROM unacked WHERE space = ?1 AND "
	                     "(clock, node, id) > (?2, ?3, ?4) "
	                     "ORDER BY clock, node, id LIMIT ?5",
	[SQL_REFUSED_PUT] = "INSERT OR REPLACE INTO refused (at, code, why) "
	                    "VALUES (?, ?, ?)",
	[SQL_REFUSED_DEL] = "DELETE FROM refused WHERE at = ?",
	[SQL_REFUSED_GET] = "SELECT code, why FROM refused WHERE at = ?",
	[SQL_REFUSED_LIST] = "SELECT at FROM refused WHERE at > ? AND at <= ? "
	                     "ORDER BY at",
	[SQL_SEEN_AT] = "SELECT lo, hi FROM seen WHERE node = ? AND lo <= ? "
	                "ORDER BY lo DESC LIMIT 1",
	[SQL_SEEN_NEXT] = "SELECT lo FROM seen WHERE node = ? AND lo > ? "
	                  "ORDER BY lo LIMIT 1",
	[SQL_SEEN_PUT] = "INSERT OR REPLACE INTO seen (node, lo, hi) "
	                 "VALUES (?, ?, ?)",
	[SQL_SEEN_DEL] = "DELETE FROM seen WHERE node = ? AND lo = ?",
	[SQL_NOTE_GET] = "SELECT value FROM note WHERE name = ?",
	[SQL_NOTE_PUT] = "INSERT OR REPLACE INTO note (name, value) "
	                 "VALUES (?, ?)",
	[SQL_NOTE_DEL] = "DELETE FROM note WHERE name = ?",
	/* By prefix: substr cannot be tricked as LIKE and GLOB can. */
	[SQL_NOTE_LIST] = "SELECT name, value FROM note WHERE name >= ?1 AND "
	                  "substr(name, 1, length(?1)) = ?1 ORDER BY name",
};

/* --- failures --------------------------------------------------------------------- */

static enum err
code_of(struct store_sqlite *s, int code)
{
	switch (code & 0xff) {
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_LOCKED;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_PERMISSION;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		if (code == SQLITE_IOERR_NOMEM)
			return ERR_NOMEM;
		switch (s->db ? sqlite3_system_errno(s->db) : 0) {
		case ENOSPC:
		case EDQUOT:
			return ERR_NO_SPACE;
		case EACCES:
		case EPERM:
			return ERR_PERMISSION;
		case ENOENT:
			return ERR_NOT_FOUND;
		default:
			return ERR_IO;
		}
	default:
		return ERR_FAILED;
	}
}

enum err
sqlite_fail(struct store_sqlite *s, int code, const char *doing,
    struct err_info *e)
{
	/* What the handle says is of its last call, and not of what we found. */
	bool its = s->db != NULL && sqlite3_extended_errcode(s->db) == code;

	return err_setf(e, code_of(s, code), "%s: %s: %s", s->path, doing,
	    its ? sqlite3_errmsg(s->db) : sqlite3_errstr(code));
}

/* --- use -------------------------------------------------------------------------- */

static bool
is_write(enum sqlite_text text)
{
	char c = texts[text][0];

	return c == 'I' || c == 'U' || c == 'D' || c == 'C';
}

struct use
use_of(struct store *base, enum sqlite_text text)
{
	struct store_sqlite *s = (struct store_sqlite *)base;
	struct use u = { .s = s };

	if (s->stmt[text] == NULL)
		u.rc = sqlite3_prepare_v3(s->db, texts[text], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->stmt[text], NULL);
	u.st = s->stmt[text];
	/* There are so many reads that only fine walks count them. */
	if (u.rc == SQLITE_OK &&
	    (is_write(text) ? fault_tick() : fault_tick_fine()))
		u.rc = SQLITE_IOERR;
	return u;
}

void
use_int(struct use *u, uint64_t v)
{
	if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_int64(u->st, ++u->bound, (int64_t)v);
}

void
use_text(struct use *u, struct str v)
{
	if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_text64(u->st, ++u->bound, v.n ? v.p : "",
		    v.n, SQLITE_STATIC, SQLITE_UTF8);
}

void
use_blob(struct use *u, struct str v)
{
	if (u->rc == SQLITE_OK)
		u->rc = sqlite3_bind_blob64(u->st, ++u->bound, v.n ? v.p : "",
		    v.n, SQLITE_STATIC);
}

bool
use_row(struct use *u)
{
	if (u->rc != SQLITE_OK && u->rc != SQLITE_ROW)
		return false;
	u->rc = sqlite3_step(u->st);
	return u->rc == SQLITE_ROW;
}

struct str
use_copy(struct use *u, int column, struct arena *a)
{
	struct str s = arena_str(a, use_get(u, column));

	if (s.p == NULL)
		u->rc = SQLITE_NOMEM;
	return s;
}

enum err
use_end(struct use *u, struct err_info *e)
{
	enum err rc = ERR_OK;

	if (u->rc == SQLITE_NOMEM)
		rc = err_set(e,
		    ERR_NOMEM); /* ours: errmsg knows nothing of it */
	else if (u->rc != SQLITE_OK && u->rc != SQLITE_ROW &&
	    u->rc != SQLITE_DONE)
		rc = sqlite_fail(u->s, u->rc, "store", e);
	if (u->st != NULL)
		(void)
		    sqlite3_reset(u->st); /* repeats the failure of the step */
	return rc;
}

enum err
use_run(struct use *u, struct err_info *e)
{
	(void)use_row(u); /* none comes */
	return use_end(u, e);
}

enum err
sqlite_text_run(struct store_sqlite *s, const char *sql, struct err_info *e)
{
	int rc = fault_tick() ? SQLITE_IOERR :
	                        sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? ERR_OK : sqlite_fail(s, rc, "prepare", e);
}

void
statements_free(struct store_sqlite *s)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		(void)sqlite3_finalize(s->stmt[i]); /* as sqlite3_reset */
		s->stmt[i] = NULL;
	}
}

/* --- names ------------------------------------------------------------------------ */

enum { NAMES_HELD_MAX = 4096 };

void
names_drop(struct store_sqlite *s)
{
	size_t at = 0;
	void *v;

	while (map_next(&s->name_text, &at, NULL, &v))
		free(v);
	map_fini(&s->name_text);
	map_fini(&s->name_id);
	s->last_name[0] = s->last_name[1] = NULL;
}

/* Nearly always one of the two that were asked for last: a node and a user. */
static struct name_slot *
name_last(struct store_sqlite *s, struct str text)
{
	for (int i = 0; i < 2; i++)
		if (s->last_name[i] != NULL &&
		    str_eq(s->last_name[i]->text, text))
			return s->last_name[i];
	return NULL;
}

static struct name_slot *
name_last_id(struct store_sqlite *s, int64_t id)
{
	struct name_slot *slot;

	for (int i = 0; i < 2; i++)
		if (s->last_name[i] != NULL && s->last_name[i]->id == id)
			return s->last_name[i];
	slot = map_get(&s->name_text, str_n(&id, sizeof id));
	if (slot != NULL)
		s->last_name[s->turn++ & 1] = slot;
	return slot;
}

static enum err
name_hold(struct store_sqlite *s, int64_t id, struct str text,
    struct name_slot **ret, struct err_info *e)
{
	struct name_slot *slot = mem_alloc(sizeof *slot + text.n + 1);

	if (slot == NULL)
		return err_set(e, ERR_NOMEM);
	if (text.n > 0)
		memcpy(slot + 1, text.p, text.n);
	slot->id = id;
	slot->text = str_n(slot + 1, text.n);
	if (s->name_text.count >= NAMES_HELD_MAX)
		names_drop(s);
	if (!map_put(&s->name_id, slot->text, slot)) {
		free(slot);
		return err_set(e, ERR_NOMEM);
	}
	if (!map_put(&s->name_text, str_n(&slot->id, sizeof slot->id), slot)) {
		(void)map_del(&s->name_id, slot->text);
		free(slot);
		return err_set(e, ERR_NOMEM);
	}
	*ret = slot;
	return ERR_OK;
}

static enum err
name_add(struct store *base, struct str text, int64_t *ret, struct err_info *e)
{
	struct store_sqlite *s = (struct store_sqlite *)base;
	struct use u = use_of(base, SQL_NAME_ADD);
	enum err rc;

	use_text(&u, text);
	rc = use_run(&u, e);
	*ret = sqlite3_last_insert_rowid(s->db);
	return rc;
}

enum err
name_id(struct store *base, struct str text, bool add, int64_t *ret,
    struct err_info *e)
{
	struct store_sqlite *s = (struct store_sqlite *)base;
	struct name_slot *slot;
	struct use u;
	enum err rc;

	*ret = 0;
	if (text.n == 0)
		return ERR_OK;
	slot = name_last(s, text);
	if (slot == NULL) {
		slot = map_get(&s->name_id, text);
		s->last_name[s->turn++ & 1] = slot;
	}
	if (slot != NULL) {
		*ret = slot->id;
		return ERR_OK;
	}
	u = use_of(base, SQL_NAME_FIND);
	use_text(&u, text);
	if (use_row(&u))
		*ret = (int64_t)use_get_int(&u, 0);
	rc = use_end(&u, e);
	if (rc == ERR_OK && *ret == 0 && add)
		rc = name_add(base, text, ret, e);
	if (rc == ERR_OK && *ret != 0)
		rc = name_hold(s, *ret, text, &slot, e);
	return rc;
}

enum err
name_text(struct store *base, int64_t id, struct str *ret, struct err_info *e)
{
	struct store_sqlite *s = (struct store_sqlite *)base;
	struct name_slot *slot;
	struct arena a = { 0 };
	struct str text = { 0 };
	struct use u;
	enum err rc;

	*ret = (struct str){ 0 };
	if (id == 0)
		return ERR_OK;
	slot = name_last_id(s, id);
	if (slot != NULL) {
		*ret = slot->text;
		return ERR_OK;
	}
	u = use_of(base, SQL_NAME_GET);
	use_int(&u, (uint64_t)id);
	if (use_row(&u))
		text = use_copy(&u, 0, &a);
	rc = use_end(&u, e);
	if (rc == ERR_OK && text.p == NULL)
		rc = err_setf(e, ERR_CORRUPT, "%s: name %lld is not there",
		    s->path, (long long)id);
	if (rc == ERR_OK)
		rc = name_hold(s, id, text, &slot, e);
	if (rc == ERR_OK)
		*ret = slot->text;
	arena_fini(&a);
	return rc;
}
