/* Insides of store: rows, what a back-end does with them (struct store_ops), and
 * what the files store_*.c share.  For src/store only.
 *
 *   store.c        opening, transactions, notes
 *   store_cache.c  spaces, projects and entities held in memory; the fold;
 *                  writing back what changed
 *   store_space.c  spaces and their positions
 *   store_write.c  author, put: an event enters
 *   store_sync.c   ack, refuse, retry: what a hub said about it
 *   store_stamp.c  restamp, renew, replace: an own event changes its stamp
 *   store_share.c  a project moves to another space
 *   store_read.c   reading state and log
 *   store_seen.c   which numbers of which nodes were seen (hub)
 *   store_check.c  rebuild, verify
 *   store_mem.c, store_sqlite.c  back-ends */
#ifndef CLOWDER_STORE_INT_H
#define CLOWDER_STORE_INT_H

#include "entity.h"
#include "event.h"
#include "hash.h"
#include "map.h"
#include "store.h"

/* A row of the log is numbered space << POS_BITS | pos. */
enum {
	POS_BITS = 40,
	RUN_LENGTH = 64,
	DICE_MAX = 25, /* a system gives up to 256 random bytes at once */
	PAGE_ROWS = 256,
	PAGE_BYTES_MAX =
	    1024 * 1024 /* of what a page holds; one row at least */
};
#define POS_MAX ((UINT64_C(1) << POS_BITS) - 1)

/* --- rows --------------------------------------------------------------- */

enum {
	FLAG_OWN = 1,
	FLAG_RELAYED = 2,
	FLAG_REFUSED = 4,  /* out of the fold */
	FLAG_DISCARDED = 8 /* refused and given up */
};

/* One row: the replica itself. */
struct meta_row {
	char node[33];
	uint64_t node_seq;           /* of the last event of this node */
	uint64_t version;            /* commits */
	uint64_t fold;               /* FOLD_VERSION of the stored state */
	uint64_t projects, entities; /* last numbers given to rows */
};

struct space_row {
	space_id id;
	struct str hub, account, team, epoch;
	uint64_t epoch_no; /* from 1; counts the hub's epochs */
	uint64_t pulled, head, clock, events, unacked, refused;
	int64_t contact_ms;
	uint8_t digest[HASH_BYTES];
};

struct project_row {
	uint64_t id;
	space_id space;
	struct str uuid;
	uint64_t entities; /* that have state */
	uint8_t digest[HASH_BYTES];
};

struct entity_row {
	uint64_t id, project;
	struct str type, key;
	bool counts; /* has state: is in the project's digest */
	uint8_t digest[HASH_BYTES];
	uint64_t runs; /* whole runs of positions in rows of their own */
	struct str
	    tail; /* the positions behind them, as list_add writes them */
	struct str state; /* entity_encode; n 0 where there is none */
};

struct event_row {
	space_id space;
	uint64_t pos;
	struct eid id;
	uint64_t clock;
	struct str node;
	uint64_t seq;      /* the hub's, 0 = never acknowledged in this space */
	uint64_t epoch_no; /* in which seq counts */
	unsigned flags;
	struct str user;
	int64_t received_ms;
	uint32_t sum; /* check sum of raw */
	struct str raw;
};

/* --- back-ends ------------------------------------------------------------ */

/* Rows by key.  Writes only between begin and commit; reads there, or between
 * view and view_end.  What is read lives in the arena.  *found false: there is
 * no such row, and nothing else was set. */
struct store_ops {
	const char *name;
	void (*close)(struct store *s);
	/* Writer lock and transaction; ERR_NO_SPACE where the disk is nearly
	 * full. */
	enum err (*begin)(struct store *s, struct err_info *e);
	enum err (*commit)(struct store *s, struct err_info *e);
	void (*rollback)(struct store *s);
	enum err (*view)(struct store *s, struct err_info *e);
	void (*view_end)(struct store *s);
	enum err (*checkpoint)(struct store *s, struct err_info *e);
	/* Give back memory that is held only for speed; may be NULL. */
	void (*slim)(struct store *s);
	/* Hold more for speed; may be NULL. */
	enum err (*bulk)(struct store *s, struct err_info *e);
	/* NULL where there is nothing to tidy. */
	enum err (*tidy)(struct store *s, bool *moved, struct err_info *e);
	enum err (*facts)(struct store *s, struct store_facts *ret,
	    struct err_info *e);
	/* The back-end's own look at its bytes, inside a view. */
	enum err (*check)(struct store *s,
	    void (*finding)(void *ctx, const char *text), void *ctx,
	    struct err_info *e);

	enum err (*meta_get)(struct store *s, struct meta_row *ret, bool *found,
	    struct err_info *e);
	enum err (*meta_put)(struct store *s, const struct meta_row *m,
	    struct err_info *e);

	enum err (*space_get)(struct store *s, space_id id, struct arena *a,
	    struct space_row *ret, bool *found, struct err_info *e);
	/* The one with the least id above `after`. */
	enum err (*space_next)(struct store *s, space_id after, space_id *ret,
	    bool *found, struct err_info *e);
	enum err (*space_find)(struct store *s, struct str hub,
	    struct str account, struct str team, space_id *ret, bool *found,
	    struct err_info *e);
	enum err (*space_put)(struct store *s, const struct space_row *r,
	    struct err_info *e);

	enum err (*project_find)(struct store *s, space_id space,
	    struct str uuid, struct project_row *ret, bool *found,
	    struct err_info *e); /* ret->uuid is the caller's */
	/* By uuid. */
	enum err (*project_list)(struct store *s, space_id space,
	    struct arena *a, struct project_row **ret, size_t *n,
	    struct err_info *e);
	enum err (*project_put)(struct store *s, const struct project_row *r,
	    struct err_info *e);

	enum err (*entity_find)(struct store *s, uint64_t project,
	    struct str type, struct str key, struct arena *a,
	    struct entity_row *ret, bool *found, struct err_info *e);
	/* A page (at most max) of a project by (type, key), behind those two;
	 * one_type: of that type only, and only type (the caller's), key, counts
	 * and state of them are set.  *more: perhaps there are others. */
	enum err (*entity_page)(struct store *s, uint64_t project,
	    struct str type, struct str key, bool one_type, size_t max,
	    struct arena *a, struct entity_row **ret, size_t *n, bool *more,
	    struct err_info *e);
	enum err (*entity_put)(struct store *s, const struct entity_row *r,
	    struct err_info *e);
	enum err (*run_get)(struct store *s, uint64_t entity, uint64_t n,
	    struct arena *a, struct str *ret, bool *found, struct err_info *e);
	enum err (*run_put)(struct store *s, uint64_t entity, uint64_t n,
	    struct str list, struct err_info *e);
	/* All projects, entities and runs go. */
	enum err (*projection_drop)(struct store *s, struct err_info *e);

	/* *added false: the id is in that space already; nothing changed. */
	enum err (*event_add)(struct store *s, const struct event_row *r,
	    bool *added, struct err_info *e);
	/* raw, sum, clock, node and flags of a row that is there. */
	enum err (*event_set)(struct store *s, const struct event_row *r,
	    struct err_info *e);
	/* seq, epoch_no, flags, user and received_ms of a row that is there. */
	enum err (*event_mark)(struct store *s, const struct event_row *r,
	    struct err_info *e);
	/* with_raw false: sum and raw are not read. */
	enum err (*event_get)(struct store *s, space_id space, uint64_t pos,
	    bool with_raw, struct arena *a, struct event_row *ret, bool *found,
	    struct err_info *e);
	enum err (*event_find)(struct store *s, space_id space,
	    const struct eid *id, bool with_raw, struct arena *a,
	    struct event_row *ret, bool *found, struct err_info *e);
	/* Without raw, of all spaces, by space. */
	enum err (*event_copies)(struct store *s, const struct eid *id,
	    struct arena *a, struct event_row **ret, size_t *n,
	    struct err_info *e);
	/* A page (at most max) of pos > after in order; n 0: no more. */
	enum err (*event_page)(struct store *s, space_id space, uint64_t after,
	    size_t max, bool with_raw, struct arena *a, struct event_row **ret,
	    size_t *n, struct err_info *e);
	/* Positions of the ids lo..hi (of one form), by id, at most max. */
	enum err (*event_ids)(struct store *s, space_id space,
	    const struct eid *lo, const struct eid *hi, size_t max,
	    struct arena *a, uint64_t **ret, size_t *n, struct err_info *e);
	/* The greatest clock of the events that are not refused, 0 = none. */
	enum err (*clock_max)(struct store *s, space_id space, uint64_t *ret,
	    struct err_info *e);

	/* Which events wait for the hub, by stamp. */
	enum err (*unacked_put)(struct store *s, const struct event_row *r,
	    struct err_info *e);
	enum err (*unacked_del)(struct store *s, const struct event_row *r,
	    struct err_info *e); /* fine where it is not there */
	/* Positions behind a stamp (id.form EID_NONE: from the start), at most
	 * max. */
	enum err (*unacked_page)(struct store *s, space_id space,
	    const struct stamp *after, size_t max, struct arena *a,
	    uint64_t **ret, size_t *n, struct err_info *e);

	enum err (*refused_put)(struct store *s, space_id space, uint64_t pos,
	    struct str code, struct str why, struct err_info *e);
	enum err (*refused_del)(struct store *s, space_id space, uint64_t pos,
	    struct err_info *e);
	enum err (*refused_get)(struct store *s, space_id space, uint64_t pos,
	    struct arena *a, struct str *code, struct str *why, bool *found,
	    struct err_info *e);
	/* Positions, in order. */
	enum err (*refused_list)(struct store *s, space_id space,
	    struct arena *a, uint64_t **ret, size_t *n, struct err_info *e);

	/* Runs of numbers lo..hi of a node.  The one with the greatest lo that
	 * is not above n; the least lo above n in *next, 0 = none. */
	enum err (*seen_at)(struct store *s, struct str node, uint64_t n,
	    uint64_t *lo, uint64_t *hi, bool *found, uint64_t *next,
	    struct err_info *e);
	enum err (*seen_put)(struct store *s, struct str node, uint64_t lo,
	    uint64_t hi, struct err_info *e);
	enum err (*seen_del)(struct store *s, struct str node, uint64_t lo,
	    struct err_info *e);

	enum err (*note_get)(struct store *s, struct str name, struct arena *a,
	    struct str *ret, bool *found, struct err_info *e);
	enum err (*note_put)(struct store *s, struct str name, struct str value,
	    struct err_info *e); /* n 0 removes */
	enum err (*note_list)(struct store *s, struct str prefix,
	    struct arena *a, struct str **names, struct str **values, size_t *n,
	    struct err_info *e); /* by name */
};

/* --- what is held in memory ------------------------------------------------- */

struct space_slot {
	struct space_row row; /* strings in the store's cache arena */
	bool dirty;
	bool
	    revives; /* something is no longer refused: look what waits for it */
	struct space_slot *next_dirty; /* borrow */
};

struct project_slot {
	struct project_row row; /* uuid follows the struct's key */
	bool dirty;
	struct project_slot *next_dirty; /* borrow */
	char *key;                       /* own: map key */
};

struct entity_slot {
	struct entity_slot *newer, *older; /* by last use; a ring */
	struct project_slot *project;      /* borrow */
	uint64_t id;
	struct entity *en; /* own */
	bool counts;       /* as stored: in the project's sum with `digest` */
	uint8_t digest[HASH_BYTES];
	uint64_t runs; /* stored in rows of their own */
	uint64_t *pos; /* own: positions behind the runs */
	size_t n_pos, cap_pos;
	bool dirty;     /* in the store's dirty list */
	bool stale;     /* to be folded again from the log */
	bool renames;   /* an event of it was refused: others may name it */
	bool lent;      /* somebody may hold en */
	size_t bytes;   /* about, as counted in cache_bytes */
	struct str key; /* own: map key */
};

/* A decoded event with its tape. */
struct parsed {
	struct json j;
	struct arena a;
	struct event ev;
};
/* The run of numbers of a node that grows (store_seen.c). */
struct seen_slot;

struct store {
	const struct store_ops *ops;
	struct store_options opt;
	char *doorbell; /* own */
	bool in_tx, viewing;
	bool changed; /* in this transaction */
	bool quiet;   /* nothing that others have to look at */
	bool spoilt;  /* a call failed half-way: only rollback is left */

	struct meta_row meta; /* as of the view or the transaction */
	bool meta_known;
	struct map spaces;      /* id -> struct space_slot */
	struct map projects;    /* space, uuid -> struct project_slot */
	struct map entities;    /* project, type, key -> struct entity_slot */
	struct entity_slot lru; /* ring: lru.newer is the oldest */
	size_t cache_bytes;     /* of them all, about */
	struct space_slot *dirty_space; /* lists of what is to be written */
	struct project_slot *dirty_project;
	struct entity_slot **dirty; /* borrow */
	size_t n_dirty, cap_dirty;
	size_t n_renames;      /* of those, how many wait for names_settle */
	size_t n_revives;      /* spaces that do */
	struct entity **grave; /* own: lent, and no longer in the cache */
	size_t n_grave, cap_grave;
	struct project_slot *last_project;      /* borrow: a short cut */
	struct space_slot *last_space;          /* likewise */
	struct entity_slot *last_entity;        /* likewise */
	struct arena cache_arena;               /* strings of spaces */
	struct buf key;                         /* map key that is looked up */
	struct map seen;                        /* node -> struct seen_slot */
	struct parsed parsed;                   /* room to make events in */
	struct buf raw;                         /* likewise */
	uint8_t dice[DICE_MAX][EID_DICE_BYTES]; /* of ids, not used yet: */
	unsigned dice_left;
};

/* --- store.c ---------------------------------------------------------------- */

/* For back-ends: a zeroed store becomes usable; on failure nothing is held.
 * Makes the meta row of a new store; folds an older one again. */
enum err store_setup(struct store *s, const struct store_ops *ops,
    const struct store_options *opt, struct err_info *e);
/* Frees what store_setup made; rolls back before. */
void store_release(struct store *s);
/* What a writing call begins and ends with. */
void write_begin(struct store *s);
enum err write_end(struct store *s, enum err rc);
/* A view for one read, where none and no transaction is open; *mine says
 * whether read_end is to close it. */
enum err read_begin(struct store *s, bool *mine, struct err_info *e);
void read_end(struct store *s, bool mine);

/* --- store_cache.c ------------------------------------------------------------ */

void cache_init(struct store *s);
void cache_drop(struct store *s); /* everything, without writing */
void cache_trim(struct store *s); /* to the bound, not what is dirty */
void cache_rest(struct store *s); /* to a third of it */
void grave_empty(struct store *s);
/* ERR_NOT_FOUND. */
enum err space_slot(struct store *s, space_id id, struct space_slot **ret,
    struct err_info *e);
/* The row is to be written at the end. */
void space_dirty(struct store *s, struct space_slot *slot);
/* *ret NULL where there is none and create is false.  Create only where an event
 * enters it: what is made is numbered. */
enum err project_slot(struct store *s, space_id space, struct str uuid,
    bool create, struct project_slot **ret, struct err_info *e);
enum err entity_slot(struct store *s, space_id space,
    const struct entity_key *key, bool create, struct entity_slot **ret,
    struct err_info *e);
enum err entity_slot_dirty(struct store *s, struct entity_slot *slot,
    struct err_info *e);
/* An event of this entity stands at pos now: list it, fold it. */
enum err entity_slot_add(struct store *s, struct entity_slot *slot,
    uint64_t pos, const struct event *ev, struct err_info *e);
/* It stands there no longer (its content is another entity's now). */
enum err entity_slot_remove(struct store *s, struct entity_slot *slot,
    uint64_t pos, struct err_info *e);
/* Something that was folded changed: fold again before the next look. */
enum err entity_slot_stale(struct store *s, struct entity_slot *slot,
    struct err_info *e);
/* What waits is folded. */
enum err entity_slot_settle(struct store *s, struct entity_slot *slot,
    struct err_info *e);
/* Every position of the entity, in the order in which they were listed. */
enum err entity_positions(struct store *s, uint64_t entity, uint64_t runs,
    const uint64_t *tail, size_t n_tail, struct arena *a, uint64_t **ret,
    size_t *n, struct err_info *e);
/* Has folded state: is part of digests. */
bool entity_counts(const struct entity *en);
/* All dirty entities go to their rows (they stay in the cache). */
enum err cache_flush_entities(struct store *s, struct err_info *e);
/* And spaces, projects, numbers seen. */
enum err cache_flush(struct store *s, struct err_info *e);

/* Positions as bytes: signed differences, variable length. */
void list_add(struct buf *out, uint64_t *last, uint64_t pos);
/* Appends to *pos; ERR_CORRUPT. */
enum err list_read(struct str list, uint64_t **pos, size_t *n, size_t *cap,
    struct err_info *e);

/* --- store_fold.c: stored events ------------------------------------------------ */

void parsed_fini(struct parsed *p); /* safe on a zeroed one */
/* Decode what the store holds: ERR_CORRUPT with the place.  p may have been
 * parsed into before. */
enum err row_parse(const struct event_row *r, struct parsed *p,
    struct err_info *e);

/* Events of an entity in stamp order. */
struct history_item {
	struct stamp stamp;
	uint64_t pos;
	struct str raw; /* p NULL: to be read again */
	unsigned flags;
	uint64_t seq, epoch_no; /* as in the row */
};
/* The events at these positions sorted by stamp; everything in a.  Raw bytes are
 * held up to a bound. */
enum err history_load(struct store *s, space_id space, const uint64_t *pos,
    size_t n, struct arena *a, struct history_item **ret, struct err_info *e);
/* The raw bytes of an item, read into a where they are not held. */
enum err history_raw(struct store *s, space_id space,
    const struct history_item *item, struct arena *a, struct event_row *r,
    struct err_info *e);
/* Fold en from these positions. */
enum err history_fold(struct store *s, space_id space, const uint64_t *pos,
    size_t n, struct entity *en, struct err_info *e);

/* --- shared by the writers ------------------------------------------------------- */

bool row_acked(const struct store *s, const struct space_row *space,
    const struct event_row *r);
/* The row as the world sees it; its strings are r's, the rest is in a. */
enum err row_log(struct store *s, const struct space_row *space,
    const struct event_row *r, struct arena *a, struct log_row *ret,
    struct err_info *e);
/* By id, with raw.  ERR_NOT_FOUND names the id. */
enum err row_find(struct store *s, space_id sp, const struct eid *id,
    struct arena *a, struct event_row *ret, struct err_info *e);
/* The row at a position where one has to be; ERR_CORRUPT says of the event that it
 * `does` something ("waits") and is not there. */
enum err row_at(struct store *s, space_id sp, uint64_t pos, bool with_raw,
    const char *does, struct arena *a, struct event_row *ret,
    struct err_info *e);
/* A new row at the end of a space's log: position, clock, counters, entity.
 * *added false: the id is there already. */
enum err row_add(struct store *s, struct space_slot *space,
    const struct event *ev, struct event_row *r, bool *added,
    struct err_info *e);
/* The hub has it: seq, no longer waiting or refused.  r is as stored and
 * changed here; user and received_ms are taken from it. */
enum err row_acknowledge(struct store *s, struct space_slot *space,
    struct event_row *r, uint64_t seq, struct err_info *e);
/* Takes a refused event back into the fold (of this space). */
enum err row_unrefuse(struct store *s, struct space_slot *space,
    struct event_row *r, struct err_info *e);
/* Was it acknowledged by any hub, team or epoch? */
enum err ever_acked(struct store *s, const struct eid *id, bool *ret,
    struct err_info *e);
/* Give the event of this id other bytes, in every space where it stands. */
enum err event_replace(struct store *s, const struct event *with,
    struct err_info *e);
/* The same for a hub's copy: in its space, and where no hub has acknowledged the
 * event. */
enum err event_adopt(struct store *s, space_id sp, const struct event *with,
    struct err_info *e);
/* ERR_SCHEMA where the text is not one JSON object. */
enum err payload_whole(struct str payload, struct json *j, struct err_info *e);
/* The event was stamped anew: where it waits it stands above all that it names, and
 * so does what names it, and so on, in every space. */
enum err stamps_follow(struct store *s, const struct eid *id,
    struct err_info *e);
/* Stamp a refused event of our own anew, with another payload where that is not
 * empty, in every space where it stands. */
enum err stamp_again(struct store *s, struct space_slot *space,
    const struct event_row *r, struct str payload, struct err_info *e);
/* Where events of an entity were refused (slot->renames): what waits in this
 * space and names one, names what that had replaced instead - or, where others
 * have it and it cannot change, is refused here as well.  What was refused so
 * waits again when nothing that it names is refused any more (space->revives).
 * Once for all of a transaction; what looks at such events calls it before. */
enum err names_settle(struct store *s, struct err_info *e);
/* The first event of those that ev names which stands refused in this space;
 * form EID_NONE: none. */
enum err names_refused(struct store *s, space_id sp, const struct event *ev,
    struct eid *ret, struct err_info *e);
/* A row that waits is refused.  renames: what names it is to be settled. */
enum err row_refuse(struct store *s, struct space_slot *space,
    struct event_row *r, enum err code, struct str why, bool renames,
    struct err_info *e);
/* What was refused for naming a refused event, and no longer does, waits. */
enum err built_on_again(struct store *s, struct space_slot *space,
    struct err_info *e);
/* An entity's waiting events are to be looked at by names_settle. */
void slot_renames(struct store *s, struct entity_slot *slot);
/* Numbers of nodes (hub). */
enum err seen_add(struct store *s, struct str node, uint64_t n,
    struct err_info *e);
enum err seen_flush(struct store *s, struct err_info *e);
void seen_drop(struct store *s);
/* Look at the log again for projects that are shared (store_share.c): an event
 * at or before what was looked at counts anew. */
enum err share_reset(struct store *s, space_id from, uint64_t pos,
    struct err_info *e);
/* Throw the projection away and fold everything, inside a transaction. */
enum err rebuild_all(struct store *s, store_progress_fn *progress, void *ctx,
    struct store_report *ret, struct err_info *e);

#endif
