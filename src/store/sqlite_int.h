/* Insides of the store on SQLite: the handle and its statements.  For
 * store_sqlite*.c and store_migrate.c only. */
#ifndef CLOWDER_SQLITE_INT_H
#define CLOWDER_SQLITE_INT_H

#include <sqlite3.h>

#include "lock.h"
#include "store_int.h"

/* Every statement, by name; its text is in store_sqlite_stmt.c. */
enum sqlite_text {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_VIEW,
	SQL_SCHEMA,
	SQL_META_GET,
	SQL_META_PUT,
	SQL_SPACE_GET,
	SQL_SPACE_NEXT,
	SQL_SPACE_FIND,
	SQL_SPACE_PUT,
	SQL_NAME_FIND,
	SQL_NAME_ADD,
	SQL_NAME_GET,
	SQL_PROJECT_FIND,
	SQL_PROJECT_LIST,
	SQL_PROJECT_PUT,
	SQL_ENTITY_FIND,
	SQL_ENTITY_PAGE,
	SQL_ENTITY_PAGE_TYPE,
	SQL_ENTITY_PUT,
	SQL_ENTITY_SET,
	SQL_RUN_GET,
	SQL_RUN_PUT,
	SQL_EVENT_ADD,
	SQL_EVENT_SET,
	SQL_EVENT_MARK,
	SQL_EVENT_GET,
	SQL_EVENT_GET_RAW,
	SQL_EVENT_FIND,
	SQL_EVENT_COPIES,
	SQL_EVENT_PAGE,
	SQL_EVENT_PAGE_RAW,
	SQL_EVENT_IDS,
	SQL_CLOCK_MAX,
	SQL_UNACKED_PUT,
	SQL_UNACKED_DEL,
	SQL_UNACKED_PAGE,
	SQL_REFUSED_PUT,
	SQL_REFUSED_DEL,
	SQL_REFUSED_GET,
	SQL_REFUSED_LIST,
	SQL_SEEN_AT,
	SQL_SEEN_NEXT,
	SQL_SEEN_PUT,
	SQL_SEEN_DEL,
	SQL_NOTE_GET,
	SQL_NOTE_PUT,
	SQL_NOTE_DEL,
	SQL_NOTE_LIST,
	SQL_COUNT
};

/* A text that small integers stand for, held in memory. */
struct name_slot {
	int64_t id;
	struct str text; /* follows the struct */
};

struct store_sqlite {
	struct store base;      /* first: the interface */
	sqlite3 *db;            /* own */
	char *path, *lock_path; /* own */
	char *suspect_path;     /* own; docs/formats.md 1 */
	struct os_lock lock; /* held while a transaction or checkpoint runs */
	sqlite3_stmt *stmt[SQL_COUNT];  /* own; made when first used */
	struct map name_id;             /* text -> struct name_slot, own */
	struct map name_text;           /* id -> the same */
	struct name_slot *last_name[2]; /* borrow: short cuts, by turns */
	unsigned turn;
	uint64_t wal_pages; /* after our last commit */
	bool wal_moved;     /* since then */
	int busy_ms;        /* SQLite's own patience, with others than us */
	bool broken;        /* a write of the disk failed: open again */
};

/* A statement that is being used.  It remembers its first failure and ignores
 * what follows, so that binding and stepping read as one sentence. */
struct use {
	struct store_sqlite *s; /* borrow */
	sqlite3_stmt *st;       /* borrow */
	int bound;
	int rc; /* SQLite's */
};
struct use use_of(struct store *s, enum sqlite_text text);
/* Bind the next parameter.  Bytes are borrowed until use_end. */
void use_int(struct use *u, uint64_t v);
void use_text(struct use *u, struct str v);
void use_blob(struct use *u, struct str v);
/* The next row; false: none, or a failure that use_end tells. */
bool use_row(struct use *u);
/* Run a statement without rows; a write has a fault point. */
enum err use_run(struct use *u, struct err_info *e);
/* Free for the next use.  ERR_OK unless something failed. */
enum err use_end(struct use *u, struct err_info *e);

static inline uint64_t
use_get_int(const struct use *u, int column)
{
	return (uint64_t)sqlite3_column_int64(u->st, column);
}

/* A view that is valid until the next step. */
static inline struct str
use_get(const struct use *u, int column)
{
	const void *p = sqlite3_column_blob(u->st, column);

	return str_n(p, (size_t)sqlite3_column_bytes(u->st, column));
}
/* A copy in a; NULL pointer where memory ran out, which use_end tells. */
struct str use_copy(struct use *u, int column, struct arena *a);

/* What SQLite's code means here; `doing` and the path go into the text. */
enum err sqlite_fail(struct store_sqlite *s, int code, const char *doing,
    struct err_info *e);
/* Can a library of this number lose what is written while it moves the log? */
bool sqlite_wal_reset_fault(int version);
enum err sqlite_text_run(struct store_sqlite *s, const char *sql,
    struct err_info *e);
void statements_free(struct store_sqlite *s);

/* Names. */
enum err name_id(struct store *s, struct str text, bool add, int64_t *ret,
    struct err_info *e); /* 0: "" or (without add) not there */
enum err name_text(struct store *s, int64_t id, struct str *ret,
    struct err_info *e); /* borrowed from the handle until names_drop */
void names_drop(struct store_sqlite *s);

/* store_sqlite.c */
void sqlite_close(struct store *base);
enum err sqlite_begin(struct store *base, struct err_info *e);
enum err sqlite_commit(struct store *base, struct err_info *e);
void sqlite_rollback(struct store *base);
enum err sqlite_view(struct store *base, struct err_info *e);
void sqlite_view_end(struct store *base);
enum err sqlite_checkpoint(struct store *base, struct err_info *e);
enum err sqlite_tidy(struct store *base, bool *moved, struct err_info *e);
void sqlite_slim(struct store *base);
enum err sqlite_bulk(struct store *base, struct err_info *e);
enum err sqlite_facts(struct store *base, struct store_facts *ret,
    struct err_info *e);
enum err sqlite_check(struct store *base,
    void (*finding)(void *ctx, const char *text), void *ctx,
    struct err_info *e);

/* store_sqlite_row.c: all of the operations. */
extern const struct store_ops sqlite_ops;

/* store_migrate.c */
enum { SQLITE_APPLICATION_ID = 0x436c7764 }; /* "Clwd" */
/* What the database says it is: 0 for an empty one.  ERR_NEWER (above newest),
 * ERR_CORRUPT (another program's).  Writes nothing. */
enum err migrate_look(struct store_sqlite *s, unsigned newest,
    unsigned *version, struct err_info *e);
unsigned migrate_newest(void);
/* From one version to another, each step in a transaction of its own; the lock
 * is held. */
enum err migrate_run(struct store_sqlite *s, const char *const *script,
    unsigned from, unsigned to, struct err_info *e);

#endif
