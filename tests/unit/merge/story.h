/* Histories in a few letters, for tests of the fold.
 *
 * One event a line:   A 1 n1 wp_created [] {"title":"T"}
 * id letter, clock, node, type, what it replaces ("[A B]", "[]", or "-" for a
 * program that names nothing), the payload.  The entity is work package
 * 001-a/WP01, or todo "t1" for todo types; members that the type needs and that
 * are not given are put in. */
#ifndef CLOWDER_STORY_H
#define CLOWDER_STORY_H

#include "arena.h"
#include "err.h"
#include "id.h"
#include "str.h"

/* The event of one line as JSON text, in a. */
struct str story_event(struct str line, struct arena *a);
/* The id of a letter; its normal form is as good as any UUID. */
struct eid story_id(char letter);
char story_letter(const struct eid *id);

#endif
