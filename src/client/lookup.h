/* Ids by any unambiguous beginning.  docs/formats.md 7. */
#ifndef CLOWDER_LOOKUP_H
#define CLOWDER_LOOKUP_H

#include "store.h"

/* Something that can be named. */
struct lookup_item {
	struct str key;  /* what is typed */
	struct str also; /* another name for it; n 0 = none */
	struct str what; /* title, for the list of candidates */
};

/* The one item that word names: an equal key; else an equal other name; else the
 * only one whose key or other name begins with it (of any case).  word is what
 * the user typed, kind what it should name ("feature").
 * ERR_NOT_FOUND; ERR_AMBIGUOUS lists at most five candidates. */
enum err lookup_pick(const struct lookup_item *item, size_t n, struct str word,
    const char *kind, size_t *ret, struct err_info *e);

/* The live entities of a type in a space, as items: features by slug (also by
 * number), work packages by "feature/WP" (also by "WP"), todos by key, work items
 * and projects by key and slug.  feature: only its work packages; n 0 = all.
 * project n 0: of all projects; else only of that one. */
enum err lookup_entities(struct store *s, space_id sp, struct str project,
    enum aggregate type, struct str feature, struct arena *a,
    struct lookup_item **ret, size_t *n, struct err_info *e);
/* Both: the key of the entity that word names. */
enum err lookup_entity(struct store *s, space_id sp, struct str project,
    enum aggregate type, struct str feature, struct str word, struct arena *a,
    struct str *key, struct err_info *e);
/* An event by the beginning of its id.  ERR_NOT_FOUND, ERR_AMBIGUOUS. */
enum err lookup_event(struct store *s, space_id sp, struct str word,
    struct arena *a, struct log_row *ret, struct err_info *e);

#endif
