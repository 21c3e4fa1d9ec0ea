/* A replica on disk: log, state, positions of one node, in any number of
 * spaces.  Client and hub run this same code (docs/architecture.md).
 *
 * store.c holds what a replica *means*: stamping, duplicates, the fold in the
 * transaction that appends, late events folded again once per transaction,
 * positions, refused events, rebuild, verify.  What differs between back-ends
 * is rows (store_int.h): store_mem.c and store_sqlite.c.  One suite runs on
 * both.
 *
 * Transactions.  Every function marked [tx] needs store_begin() before it and
 * store_commit() after; a failure inside leaves the transaction for
 * store_rollback(), after which the store is as it was (refusals that name the
 * caller's mistake - ERR_NOT_FOUND, EXISTS, SCHEMA, TOO_LARGE, REFUSED, RESYNC,
 * CLOCK_AHEAD - change nothing and leave it usable; after any other failure
 * store_commit() refuses).  store_commit() returns only after everything is on
 * disk (fsync), then rings the doorbell; where nothing changed it does neither.
 * Reads outside a transaction see the last commit; between store_read_begin()
 * and store_read_end() they all see the same one.
 *
 * A store belongs to one thread.  Several processes may open one file: writers
 * take store.lock (docs/formats.md 1), readers take nothing. */
#ifndef CLOWDER_STORE_H
#define CLOWDER_STORE_H

#include "entity.h"
#include "event.h"

struct store;
typedef int64_t space_id; /* row of a space in this store, > 0 */

/* The world, passed in so that a run can be replayed. */
struct store_env {
	int64_t (*wall_ms)(void *ctx); /* since 1970 */
	void (*random)(void *ctx, void *out, size_t n);
	void *ctx;
};

struct store_options {
	struct store_env env;
	bool hub;       /* assigns seq itself; refuses forks */
	bool read_only; /* no lock, no migration, writes are refused */
	bool no_fold;   /* tools that read rows only: as read_only, and the
	                           state may be of another fold_version */
	const char
	    *doorbell; /* copied; touched after each commit; NULL = none */
	unsigned
	    lock_wait_ms; /* for the writer lock; then ERR_LOCKED names the pid */
	size_t cache_entities; /* 0 = default (16,384) */
	uint64_t
	    free_bytes_min; /* less room on the disk refuses writes; 0 = default
	                            (16 MiB) */
	uint64_t
	    wal_bytes_max; /* a longer write-ahead log is moved into the database
	                           after a commit; 0 = default (1 MiB, hub 32 MiB),
	                           UINT64_MAX = only by store_checkpoint */
	bool tidy_later;   /* not in the commit: the caller does store_tidy when
	                           nobody waits for it */
	const char *extra_table; /* verify: may be there beside ours; borrow,
	                            NULL = none */
	/* Told of a rebuild at the opening (fold_version was raised); NULL = none. */
	void (*progress)(void *ctx, uint64_t done, uint64_t all);
	void *progress_ctx;
};

enum err store_mem_open(struct store **ret, const struct store_options *opt,
    struct err_info *e);
/* Another store in memory with what `from` (a store in memory) had committed: a
 * crash, a clone, a backup. */
enum err store_mem_copy(struct store **ret, const struct store *from,
    const struct store_options *opt, struct err_info *e);
/* path: the database; path's folder (which must be there) holds store.lock.
 * Creates the file.  ERR_NEWER: made by a newer version, untouched.
 * ERR_UNSUPPORTED: read_only, and an older version made it: one writable opening
 * brings it up to date.  ERR_LOCKED, ERR_CORRUPT, ERR_IO, ERR_NO_SPACE,
 * ERR_NOT_FOUND (read_only and absent). */
enum err store_sqlite_open(struct store **ret, const char *path,
    const struct store_options *opt, struct err_info *e);
void store_close(struct store *s); /* NULL is fine; rolls back what is open */

enum err store_begin(struct store *s, struct err_info *e);
enum err store_commit(struct store *s, struct err_info *e);
void store_rollback(struct store *s);
/* A consistent view over several reads: position and state of one commit.  Keep
 * it short: it holds back the checkpoint.  No transaction may be open. */
enum err store_read_begin(struct store *s, struct err_info *e);
void store_read_end(struct store *s);
/* Commits since the store was made, by any process: changes when something was
 * written.  Cheap. */
enum err store_version(struct store *s, uint64_t *ret, struct err_info *e);
/* Move the write-ahead log into the database and start it over; in a client it
 * is cut as well (traps: one flock around writers and the checkpointer).  What a
 * reader still looks at stays for the next time.  No transaction may be open. */
enum err store_checkpoint(struct store *s, struct err_info *e);
/* The same for busy times: only where the log is longer than wal_bytes_max, and
 * without waiting for readers.  *moved: it was.  No transaction may be open. */
enum err store_tidy(struct store *s, bool *moved, struct err_info *e);
/* Give back memory that is held only for speed, but for what was used last.  No
 * transaction may be open. */
void store_slim(struct store *s);

/* Much is written next, all over the store: from now on it may hold up to 64 MiB
 * of its pages instead of 8. */
enum err store_bulk(struct store *s, struct err_info *e);

/* 32 hex digits; made with the store, new after store_node_renew. */
enum err store_node(struct store *s, char out[33], struct err_info *e);

/* --- spaces ------------------------------------------------------------- */

struct space {
	space_id id;
	struct str
	    hub; /* URL of the hub; "" for the space `local` and in a hub */
	struct str account; /* as the hub names it; "" likewise */
	struct str team;    /* slug; "local" before the first login */
	struct str
	    epoch; /* the hub's, "" before the first contact; in a hub its own */
	uint64_t
	    pulled; /* client: everything up to this seq is here.  hub: head */
	uint64_t head;    /* greatest seq we heard of */
	uint64_t clock;   /* Lamport clock */
	uint64_t events;  /* in the log */
	uint64_t unacked; /* local, not refused */
	uint64_t refused;
	int64_t
	    contact_ms; /* wall time of the last whole exchange, 0 = never */
	uint8_t digest[32]; /* sum over its projects */
};

/* ERR_NOT_FOUND.  Strings live in a. */
enum err store_space_get(struct store *s, space_id id, struct arena *a,
    struct space *ret, struct err_info *e);
enum err store_space_find(struct store *s, struct str hub, struct str account,
    struct str team, struct arena *a, struct space *ret, struct err_info *e);
enum err store_space_list(struct store *s, struct arena *a, struct space **ret,
    size_t *n, struct err_info *e);
/* [tx] ERR_EXISTS. */
enum err store_space_add(struct store *s, struct str hub, struct str account,
    struct str team, space_id *ret, struct err_info *e);
/* [tx] The first login turns `local` into the account's private team. */
enum err store_space_rename(struct store *s, space_id id, struct str hub,
    struct str account, struct str team, struct err_info *e);
/* [tx] Note a whole exchange with the hub.  Alone it rings no doorbell. */
enum err store_space_contact(struct store *s, space_id id, int64_t wall_ms,
    struct err_info *e);

/* --- entities ----------------------------------------------------------- */

/* Borrowed from the store's cache: valid until the next call on the store that
 * is not a read (store_read_begin and _end count as none).  *ret NULL where
 * nothing is folded under this key.  In a transaction: with all that was
 * appended in it. */
enum err store_entity(struct store *s, space_id sp,
    const struct entity_key *key, const struct entity **ret,
    struct err_info *e);
/* As store_entity, but never folds - *ret is NULL also where that would be
 * needed - and valid only until the next call on the store. */
enum err store_entity_peek(struct store *s, space_id sp,
    const struct entity_key *key, const struct entity **ret,
    struct err_info *e);
/* Every entity of a space (project.n 0 = of all projects, type NULL = of all
 * types), ordered by project, type, key, in one view; the entity is valid during
 * the call, and fn may call reads.  Stops at the first failure of fn and returns
 * it. */
typedef enum err store_entity_fn(void *ctx, const struct entity *en,
    struct err_info *e);
enum err store_entities(struct store *s, space_id sp, struct str project,
    const char *type, store_entity_fn *fn, void *ctx, struct err_info *e);
/* The same of one type, only those whose key begins with prefix. */
enum err store_entities_prefix(struct store *s, space_id sp, struct str project,
    const char *type, struct str prefix, store_entity_fn *fn, void *ctx,
    struct err_info *e);
/* Projects of a space that have events: uuid, how many entities, digest. */
struct store_project {
	struct str project;
	uint64_t entities;
	uint8_t digest[32];
};
enum err store_projects(struct store *s, space_id sp, struct arena *a,
    struct store_project **ret, size_t *n, struct err_info *e);
enum err store_digest(struct store *s, space_id sp, struct str project,
    uint8_t out[32], struct err_info *e);

/* --- the log ------------------------------------------------------------ */

enum event_status {
	EVENT_LOCAL, /* durable here, not acknowledged in the hub's present epoch */
	EVENT_ACKED,
	EVENT_REFUSED /* out of the fold, kept and shown */
};

/* What stands beside an event and never inside it. */
struct log_row {
	space_id space;
	uint64_t
	    pos; /* place in this replica's log, gap-free per space, from 1.
	                     In a hub this is the seq */
	uint64_t seq; /* the hub's, 0 = none in its present epoch */
	struct eid id;
	struct str raw; /* the event, byte for byte */
	bool own;       /* made by this replica */
	bool fixed; /* not own, or some hub, team or epoch has acknowledged it:
	                     it never changes */
	enum event_status status;
	struct str user;     /* the hub's word: who was signed in; "" unknown */
	int64_t received_ms; /* the hub's, else this replica's, wall time */
	bool relayed;        /* user and time were told by another client */
	enum err code;       /* EVENT_REFUSED */
	struct str why;
	bool discarded; /* EVENT_REFUSED and given up */
};
typedef enum err store_row_fn(void *ctx, const struct log_row *row,
    struct err_info *e);

/* By id.  ERR_NOT_FOUND.  Strings live in a. */
enum err store_event(struct store *s, space_id sp, const struct eid *id,
    struct arena *a, struct log_row *ret, struct err_info *e);
/* Events whose id begins with these characters of the normal form (of any case),
 * at most `max`. */
enum err store_events_prefix(struct store *s, space_id sp, struct str prefix,
    size_t max, struct arena *a, struct log_row **ret, size_t *n,
    struct err_info *e);
/* Rows with pos > after in order, until fn fails or `max` rows (0 = no bound).
 * Short read transactions, none is open while fn runs (it may take its time, and
 * call the store); may be called on with the last pos. */
enum err store_log(struct store *s, space_id sp, uint64_t after, size_t max,
    store_row_fn *fn, void *ctx, struct err_info *e);
/* Rows with pos < before, newest first (before 0 = from the end). */
enum err store_log_back(struct store *s, space_id sp, uint64_t before,
    size_t max, store_row_fn *fn, void *ctx, struct err_info *e);
/* All events of an entity in stamp order, refused ones included. */
enum err store_entity_log(struct store *s, space_id sp,
    const struct entity_key *key, store_row_fn *fn, void *ctx,
    struct err_info *e);

/* --- writing ------------------------------------------------------------ */

/* An event of this replica's user: the author's part.  The store adds id, node,
 * clock, node_seq, timestamp and, unless `named`, replaces: every head of the
 * cells that it writes. */
struct draft {
	struct str type, aggregate_id, aggregate_type, payload;
	struct str author, session_id, causation_id, team_slug;
	struct str project_uuid, project_slug, git_branch, head_commit_sha,
	    repo_slug;
	bool named; /* replaces is given (observations) */
	const struct eid *replaces;
	size_t n_replaces;
};
/* [tx] Append one event, folded before the return.  The payload is checked by
 * the catalogue: ERR_SCHEMA.  id may be NULL.  ERR_NO_SPACE before anything
 * changed where the disk is nearly full. */
enum err store_author(struct store *s, space_id sp, const struct draft *d,
    struct eid *id, struct err_info *e);

/* What became of one event that came from elsewhere. */
enum put {
	PUT_NEW,
	PUT_DUPLICATE, /* same id, same content */
	PUT_REUSED     /* same id, other content: nothing changed */
};
struct arrival {
	const struct event *ev; /* borrow; checked by event_decode */
	uint64_t
	    seq; /* the hub's; client: > 0 for pulled events, 0 for imports */
	struct str user;
	int64_t received_ms;
	bool relayed;
	uint32_t sum; /* store_sum(ev->raw), made on another thread; or 0 */
};
/* Of an event's bytes, kept beside them against decay.  Any thread. */
uint32_t store_sum(struct str raw);
/* [tx] Client: take in an event from a hub or a file.  A known one with seq > 0
 * becomes acked (one that was refused before is folded again).  An event of the
 * same id and other content that is not acknowledged in the present epoch gives
 * way to the hub's copy, in this space and where no hub has acknowledged it
 * (docs/merge.md, Clock; PUT_NEW).  The Lamport clock moves above it.  pulled is moved by store_pulled.
 * Hub: assign the team's next seq.  *seq: of the new or the known event. */
enum err store_put(struct store *s, space_id sp, const struct arrival *a,
    enum put *ret, uint64_t *seq, struct err_info *e);
/* [tx] Everything up to seq of this epoch is here; head: greatest known.  The
 * first call names the epoch; another epoch later is ERR_RESYNC. */
enum err store_pulled(struct store *s, space_id sp, struct str epoch,
    uint64_t seq, uint64_t head, struct err_info *e);
/* [tx] The hub has another epoch: positions start over, every event that is not
 * refused counts as unacknowledged in it until it is pulled or pushed. */
enum err store_resync(struct store *s, space_id sp, struct str epoch,
    struct err_info *e);

/* Client: events without seq in the present epoch and not refused, in stamp
 * order, at most max_events and max_bytes (at least one); strings in a. */
enum err store_unacked(struct store *s, space_id sp, size_t max_events,
    size_t max_bytes, struct arena *a, struct log_row **ret, size_t *n,
    struct err_info *e);
/* The same in stamp order, only those after this stamp (id.form EID_NONE: from
 * the start): so that a conversation walks on past events that wait. */
enum err store_unacked_after(struct store *s, space_id sp,
    const struct stamp *after, size_t max_events, size_t max_bytes,
    struct arena *a, struct log_row **ret, size_t *n, struct err_info *e);
/* [tx] The hub has it under this seq.  ERR_NOT_FOUND. */
enum err store_acked(struct store *s, space_id sp, const struct eid *id,
    uint64_t seq, struct err_info *e);
/* [tx] Refused for good: out of the fold, its entity is folded again, kept with
 * its reason.  Unacknowledged own events that name it are made to name what it
 * had replaced instead.  ERR_NOT_FOUND; ERR_REFUSED: it was acknowledged in the
 * present epoch. */
enum err store_refuse(struct store *s, space_id sp, const struct eid *id,
    enum err code, struct str why, struct err_info *e);
enum err store_refused(struct store *s, space_id sp, struct arena *a,
    struct log_row **ret, size_t *n, struct err_info *e);
/* [tx] A refused event goes back to be sent again, as it is or with another
 * payload (n 0 = as it is), stamped anew where it is our own and no team has it.
 * ERR_NOT_FOUND: it is not here or not refused; ERR_SCHEMA; ERR_REFUSED: another
 * payload for an event that is not ours alone. */
enum err store_retry(struct store *s, space_id sp, const struct eid *id,
    struct str payload, struct err_info *e);
/* [tx] A refused event is given up; it stays in the log as discarded and is no
 * longer listed as refused.  ERR_NOT_FOUND. */
enum err store_discard(struct store *s, space_id sp, const struct eid *id,
    struct err_info *e);
/* [tx] Stamp all own, never acknowledged events of the space anew, in order,
 * above `above` and everything they name; the clock becomes the greatest stamp
 * held (docs/merge.md, Clock).  Copies in other spaces change alike. */
enum err store_restamp(struct store *s, space_id sp, uint64_t above,
    struct err_info *e);
/* [tx] This replica was cloned: take a new node id and number all own, never
 * acknowledged events of every space anew with it. */
enum err store_node_renew(struct store *s, struct err_info *e);

/* [tx] Project P moves to another space: every event of P that stands in `from`
 * and not in `to` is added there in stamp order, unacknowledged.  Returns how
 * many.  May be called again: late ones follow. */
enum err store_share(struct store *s, space_id from, struct str project,
    space_id to, uint64_t *copied, struct err_info *e);

/* Hub: what admission asks inside its transaction. */
/* The stamp of an event of this space; ERR_NOT_FOUND. */
enum err store_stamp(struct store *s, space_id sp, const struct eid *id,
    uint64_t *clock, struct err_info *e);
/* Has this node_seq of this node been taken by another event than id, in any
 * space? */
enum err store_forked(struct store *s, struct str node, uint64_t node_seq,
    const struct eid *id, bool *ret, struct err_info *e);

/* --- local notes that never leave the machine ---------------------------- */

/* Small values by name ("space.used", "source:...").  Names that begin with "."
 * are the store's own.  ERR_NOT_FOUND. */
enum err store_note_get(struct store *s, struct str name, struct arena *a,
    struct str *ret, struct err_info *e);
enum err store_note_put(struct store *s, struct str name, struct str value,
    struct err_info *e); /* [tx]; n 0 removes */
enum err store_note_list(struct store *s, struct str prefix, struct arena *a,
    struct str **names, struct str **values, size_t *n, struct err_info *e);

/* --- maintenance ---------------------------------------------------------- */

struct store_report {
	uint64_t events, entities, projects, spaces;
	uint64_t wrong;                /* verify: how many findings */
	uint8_t before[32], after[32]; /* rebuild: sums over all spaces */
};
typedef void store_progress_fn(void *ctx, uint64_t done, uint64_t all);
/* Throw every projection away and fold the log again.  The digest must be the
 * same: ERR_CORRUPT where it was not (the rebuilt state is kept). */
enum err store_rebuild(struct store *s, struct store_report *ret,
    store_progress_fn *progress, void *ctx, struct err_info *e);
/* Read everything again: bytes parse, hashes fit, positions have no gap, state
 * and digests equal a fold from nothing, indices agree.  Changes nothing.
 * finding() is told each fault; ERR_CORRUPT where there was one.  Client: of the
 * hub's present epoch everything up to `pulled` is there, once.  Hub: no row
 * speaks of another hub, and the numbers of nodes are all seen.  On disk: tables
 * and indices are ours to the letter. */
enum err store_verify(struct store *s, struct store_report *ret,
    void (*finding)(void *ctx, const char *text), store_progress_fn *progress,
    void *ctx, struct err_info *e);
/* Facts for doctor: schema version, SQLite's version and whether it has the
 * WAL-reset fault, bytes of database and log. */
struct store_facts {
	unsigned schema;
	char library[32];
	bool wal_reset_fault;
	uint64_t db_bytes, wal_bytes;
};
enum err store_facts(struct store *s, struct store_facts *ret,
    struct err_info *e);

#endif
