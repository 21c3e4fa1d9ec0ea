/* How an entity is called in a sentence: "WP03", "001-login/WP03" where the
 * project has several features, "“write the tests”", "the project".  Asked again
 * it costs a look into a map. */
#ifndef CLOWDER_NAME_H
#define CLOWDER_NAME_H

#include "map.h"
#include "work.h"

struct namer {
	struct work *w;      /* borrow */
	struct map known;    /* key -> name, in the work's arena */
	struct map features; /* project -> "several" or "one" */
	struct buf key;
};
void namer_init(struct namer *n, struct work *w);
void namer_fini(struct namer *n);
/* *ret lives in the work's arena. */
enum err namer_name(struct namer *n, space_id sp, const struct entity_key *key,
    struct str *ret, struct err_info *e);

#endif
