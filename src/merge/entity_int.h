/* Insides of an entity, for entity*.c. */
#ifndef CLOWDER_ENTITY_INT_H
#define CLOWDER_ENTITY_INT_H

#include "entity.h"
#include "map.h"

/* An event that wrote something. */
struct writer {
	struct eid id;
	size_t nth; /* in the order of the fold, from 0 */
};

/* What the trails of an entity share. */
struct trails {
	struct arena arena;     /* own: all that the trails point to */
	struct writer **writer; /* own; in the order of the fold */
	size_t n, cap;
	struct map index; /* eid_key -> writer, the first `indexed` of them */
	size_t indexed;
};

/* One write of a cell that stood at some time; in the order of the fold. */
struct past {
	const struct writer *by;
	uint64_t clock;
	uint32_t node, round;
	int32_t rank;
	struct str value;
	size_t *parent; /* indices of its parents */
	size_t n_parents;
	size_t mark; /* of the search that saw it last */
};

struct trail {
	struct arena *arena; /* borrow: holds each past and what it points to */
	struct past **past;  /* own */
	size_t n, cap;
	size_t search; /* number of the last search */
	size_t *stack; /* own: of a search */
	size_t cap_stack;
};

/* Of a head that no trail knows. */
#define NO_PAST UINT32_MAX

void trails_fini(struct trails *t);
/* The event that is applied next, after all others; NULL when out of memory. */
const struct writer *trails_add(struct trails *t, const struct eid *id);
/* The one with this id; NULL where there is none, or *nomem is set as the index
 * could not grow. */
const struct writer *trails_find(struct trails *t, const struct eid *id,
    bool *nomem);

/* arena outlives the trail. */
struct trail *trail_new(struct arena *arena);
void trail_free(struct trail *t);
/* Index of this event's write, SIZE_MAX where there is none. */
size_t trail_find(const struct trail *t, const struct writer *by);
/* Is `old` an ancestor of `young`? */
bool trail_seen(struct trail *t, size_t young, size_t old, bool *nomem);
/* Latest write with this value; SIZE_MAX. */
size_t trail_latest(const struct trail *t, struct str value);
/* h->past becomes its place; false when out of memory. */
bool trail_add(struct trail *t, const struct writer *by, struct head *h,
    const size_t *parent, size_t n_parents);

/* Anything with an id and a value: a head, or a write of the past. */
struct standing {
	struct eid id;
	uint64_t clock;
	struct str node;
	uint32_t round;
	int32_t rank;
	struct str value;
};

/* Would a row over these be open or auto?  In: at least two that differ. */
enum row_state row_state_of(const struct cell *c, const struct standing *s,
    size_t n);
bool standing_differ(const struct standing *s, size_t n);
/* Fields whose heads can be in conflict. */
bool cell_has_rows(const struct cell *c);
/* BLAKE2b-64 of canonical [[project, type, key], field, [head ids]]; sorts. */
enum err row_id(const struct entity *en, struct str field, struct eid *head,
    size_t n, uint8_t out[8], struct err_info *e);
/* Note that `closer` closed the row over these heads. */
enum err row_close(struct entity *en, struct str field,
    const struct standing *s, size_t n, const struct eid *closer,
    enum row_state state, struct err_info *e);

struct standing standing_of(const struct entity *en, const struct head *h);
/* Order of status heads: (round, rank, stamp). */
int standing_cmp(const struct standing *a, const struct standing *b);
int eid_cmp_void(const void *a, const void *b); /* for qsort */

struct cell *entity_cell(struct entity *en, struct str field,
    struct str element);
/* Add an empty cell in its place; NULL when out of memory. */
struct cell *entity_cell_add(struct entity *en, struct str field,
    struct str element, enum kind kind);
/* Index of a node id, added where it is new; false when out of memory. */
bool entity_node_put(struct entity *en, struct str node, uint32_t *ret);
void head_fini(struct head *h);
void row_fini(struct row *r);
void entity_clear(struct entity *en); /* everything but the key */

#endif
