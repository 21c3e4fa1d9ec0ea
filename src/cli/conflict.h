/* Rows of the ledger of conflicts as people see them: both sides with who, when
 * and where, what is shown now and by which rule.  docs/merge.md, The ledger. */
#ifndef CLOWDER_CONFLICT_H
#define CLOWDER_CONFLICT_H

#include "work.h"

struct conflict_side {
	struct eid id;
	struct str value; /* canonical JSON; n 0: the event is not here */
	struct str who, node, session; /* who: as its author is called */
	struct str author;
	int64_t when_ms;
	uint64_t pos; /* in the log of the space */
	bool own;     /* written by this replica */
	bool shown;   /* its value is shown now */
};

/* Everything in the arena of the command. */
struct conflict {
	char id[17];
	space_id space;
	struct entity_key key;
	struct str field;
	enum kind kind;
	enum row_state state;
	struct conflict_side *side;
	size_t n;
	struct conflict_side *closer;
	size_t n_closers;
	struct str shown; /* value of the field now, JSON; n 0 = nothing */
	struct str base;  /* what all sides had seen, where known */
};

/* Rows of an entity; all false: only open ones. */
typedef enum err conflict_fn(void *ctx, const struct row *row,
    const struct entity *en, struct err_info *e);
enum err conflict_each(const struct entity *en, bool all, conflict_fn *fn,
    void *ctx, struct err_info *e);
/* Fill in everything about a row. */
enum err conflict_load(struct work *w, space_id sp, const struct entity *en,
    const struct row *row, struct conflict *ret, struct err_info *e);
/* Append the command that settles it, without the program's name; a word in
 * capitals is for whoever types it.  Nothing where no command writes the field. */
void conflict_settle(const struct conflict *c, struct buf *out);
/* Which rule chose what is shown, in words. */
const char *conflict_rule(enum kind kind, enum row_state state);

void conflict_json(struct json_writer *w, const struct conflict *c);

#endif
