/* Anything that has an id: what a word names where the command does not say of
 * which kind it is. */
#ifndef CLOWDER_THING_H
#define CLOWDER_THING_H

#include "work.h"

struct thing {
	bool is_event;
	struct log_row row;    /* of an event; strings in the arena */
	struct entity_key key; /* of an entity; strings in the arena */
	space_id space;
};
/* A work package, feature, todo, work item, project or event by any unambiguous
 * beginning; else something that was removed.  ERR_NOT_FOUND,
 * ERR_AMBIGUOUS. */
enum err thing_find(struct work *w, const char *word, struct thing *ret,
    struct err_info *e);

#endif
