/* The fold of one entity: a pure function of its events in stamp order.
 *
 * docs/merge.md.  State is kept as cells: a field, or one element of a set, or
 * one reporter's value of a per_session field is told apart by its heads.  Per
 * cell only the heads are kept, and the closed rows of the ledger; that is
 * enough to apply the next event wherever it replaces every head of the cells
 * that it writes (the normal case, constant cost).  Anything else asks for the
 * entity's events again, from the first, in stamp order: entity_fold().
 *
 * Both ways give the same bytes; tests say so.  No I/O, no clock, no dice.  An
 * entity belongs to one thread. */
#ifndef CLOWDER_ENTITY_H
#define CLOWDER_ENTITY_H

#include "event.h"

/* A write that stands. */
struct head {
	struct eid id;
	uint64_t clock;
	uint32_t node; /* index into the entity's nodes */
	/* What the same event wrote to the entity's status field, also where
	 * this head is of another field; rank -1 = nothing. */
	uint32_t round;
	int32_t rank;
	uint32_t past;    /* its place in the trail while entity_fold() runs */
	struct str value; /* own; canonical JSON */
	struct str
	    reporter; /* own; of an observation or a per_session value, else n 0 */
	bool observation;
	bool in; /* set and flag: the element is in, the flag is true */
};

struct cell {
	struct str field;   /* own where it is not of the catalogue */
	struct str element; /* own; canonical JSON, n 0 except for sets */
	enum kind kind;
	bool listed;       /* the field is of the catalogue */
	struct head *head; /* own; in stamp order */
	size_t n, cap;
	struct trail
	    *trail; /* own; all its writes, only while entity_fold() runs */
};

enum row_state { ROW_OPEN, ROW_AUTO, ROW_MERGED, ROW_RESOLVED };

/* A row of the ledger of conflicts. */
struct row {
	uint8_t id[8];
	struct str field; /* own */
	struct eid *head; /* own; sorted */
	size_t n_heads;
	struct eid *
	    closer; /* own; sorted; none while it is open or auto among heads */
	size_t n_closers;
	enum row_state state;
};

struct entity {
	struct str project, type, key; /* own */
	enum aggregate aggregate;
	/* The greatest stamp that was applied; id.form EID_NONE before the first. */
	uint64_t last_clock;
	uint32_t last_node;
	struct eid last_id;
	uint64_t events; /* how many were folded */

	struct cell *cell; /* own; sorted by (field, element) */
	size_t n_cells, cap_cells;
	struct row *closed; /* own; sorted by id */
	size_t n_closed, cap_closed;
	struct str *node; /* own; node ids that heads and last refer to */
	size_t n_nodes, cap_nodes;
	struct trails *trails; /* borrow; NULL but while entity_fold() runs */
};

/* A new entity without events.  Copies the key. */
enum err entity_new(struct entity **ret, const struct entity_key *key,
    struct err_info *e);
void entity_free(struct entity *en); /* NULL is fine */

/* -1, 0, 1: the event's stamp against the greatest that was applied. */
int entity_cmp_last(const struct entity *en, const struct event *ev);

enum applied {
	APPLIED,
	APPLY_NEEDS_HISTORY /* nothing changed: fold again from the log */
};
/* Apply an event whose stamp is greater than all applied before.  Events that
 * do not fold change nothing.  On ERR_NOMEM the entity is spoilt: free it. */
enum err entity_apply(struct entity *en, const struct event *ev,
    enum applied *ret, struct err_info *e);

/* Fold from nothing: what en held is dropped, its key stays.  next() hands over
 * the events in strictly rising stamp order, *ret NULL at the end; an event
 * must stay valid until the next call. */
typedef enum err entity_next_fn(void *ctx, const struct event **ret,
    struct err_info *e);
enum err entity_fold(struct entity *en, entity_next_fn *next, void *ctx,
    struct err_info *e);

/* State as bytes for a store, and back.  ERR_CORRUPT where they are not such
 * bytes; any input is safe. */
void entity_encode(const struct entity *en, struct buf *out);
enum err entity_decode(struct entity **ret, const struct entity_key *key,
    struct str bytes, struct err_info *e);

/* The same to look at only: arrays live in a, strings in key and bytes; not for
 * entity_free, entity_apply, entity_fold.  For walks over many entities: a tenth
 * of the cost. */
enum err entity_decode_in(struct arena *a, const struct entity_key *key,
    struct str bytes, const struct entity **ret, struct err_info *e);

/* BLAKE2b-256 of the canonical form of the entity's state and ledger
 * (docs/merge.md, Canonical form and digest); zero for an entity that nothing
 * was written to, which is none. */
enum err entity_digest(const struct entity *en, uint8_t out[32],
    struct err_info *e);

/* --- reading ---------------------------------------------------------- */

/* Cells of a field are neighbours; NULL and *n 0 where there are none. */
const struct cell *entity_cells(const struct entity *en, const char *field,
    size_t *n);
/* The head that a register, status or text field shows; for per_session the
 * latest; NULL where the field has none.  The last head in stamp order of the
 * others. */
const struct head *entity_shown(const struct entity *en, const char *field);
/* The value that a field shows as canonical JSON, appended; false where it has
 * no heads or shows null. */
bool entity_value(const struct entity *en, const char *field, struct buf *out);
/* A string value, unescaped, in a; p NULL where it shows none. */
struct str entity_text(const struct entity *en, const char *field,
    struct arena *a);
/* Not deleted: the present flag. */
bool entity_present(const struct entity *en);
bool entity_archived(const struct entity *en);
struct str entity_node(const struct entity *en, uint32_t node);
/* All distinct fields in order: start with *at 0; NULL at the end. */
const struct cell *entity_field_next(const struct entity *en, size_t *at);
/* The same of a field by its first cell (entity_field_next): names that others
 * gave may hold anything, also a NUL. */
size_t entity_cells_of(const struct entity *en, const struct cell *c);
const struct head *entity_shown_of(const struct entity *en,
    const struct cell *c);
bool entity_value_of(const struct entity *en, const struct cell *c,
    struct buf *out);
struct str entity_text_of(const struct entity *en, const struct cell *c,
    struct arena *a);

/* The ids that an event which writes w must name so that it stands beside
 * nothing its author could see: the heads of every cell that it writes. */
enum err entity_heads_of(const struct entity *en, const struct writes *w,
    struct arena *a, struct eid **ret, size_t *n, struct err_info *e);

/* The whole ledger of the entity: present rows, then closed ones, sorted by id;
 * everything in a (the strings borrow from en). */
enum err entity_ledger(const struct entity *en, struct arena *a,
    struct row **ret, size_t *n, struct err_info *e);
const char *row_state_name(enum row_state s);

/* One entity as the object of `debug fold` (docs/merge.md), fields sorted; for
 * `show --json` as well. */
enum err entity_write_json(const struct entity *en, struct json_writer *w,
    struct err_info *e);

#endif
