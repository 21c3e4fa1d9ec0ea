/* What the suites of the store share: back-ends to run on, a world of fixed
 * chance and time, drafts, and the exchange between replicas without a network.
 * Helpers check as they go: a failure inside fails the running test. */
#ifndef CLOWDER_STORE_LAB_H
#define CLOWDER_STORE_LAB_H

#include "arena.h"
#include "hash.h"
#include "store.h"
#include "t.h"

struct backend {
	const char *name;
	enum err (*open)(struct store **ret, const char *path,
	    const struct store_options *opt, struct err_info *e);
	bool file; /* what is committed outlives the handle */
};
extern const struct backend backends[];
extern const size_t n_backends;

/* Chance and time of one store, the same in every run. */
struct world {
	struct t_rng rng;
	int64_t now_ms;
};
struct store_options lab_options(struct world *w, uint64_t seed, bool hub);

/* A fresh path for a database below the test's folder; static storage. */
const char *lab_path(const char *name);

/* A replica with one space. */
struct lab {
	struct store *s; /* own */
	struct world world;
	struct store_options opt;
	space_id sp;
	char path[512];
};
/* team "t" in a hub, hub "h" account "a" in a client. */
void lab_open(struct lab *l, const struct backend *b, uint64_t seed, bool hub);
void lab_close(struct lab *l);
/* A space more (own transaction). */
space_id lab_space(struct store *s, const char *hub, const char *account,
    const char *team);

/* The n-th project, feature ... of the lab; static storage. */
#define LAB_PROJECT "11111111-1111-4111-8111-111111111111"
struct draft lab_wp_new(unsigned wp, const char *title);
struct draft lab_wp_title(unsigned wp, const char *title);
struct draft lab_wp_lane(unsigned wp, const char *from, const char *to);
struct draft lab_wp_note(unsigned wp, const char *text);
struct entity_key lab_wp_key(unsigned wp);
/* Any of them, over `wps` work packages. */
struct draft lab_random(struct t_rng *r, unsigned wps);
/* One event in a transaction of its own. */
struct eid lab_author(struct lab *l, const struct draft *d);
struct eid lab_author_in(struct store *s, space_id sp, const struct draft *d);

/* The title that a work package shows; "" where there is none. */
const char *lab_title(struct lab *l, unsigned wp);
const char *lab_lane(struct lab *l, unsigned wp);

/* Which events the hub does not take; NULL = takes all. */
typedef enum err lab_admit_fn(void *ctx, const struct event *ev);
/* Everything that waits goes to the hub; its word is written down here.
 * Returns how many were new to the hub. */
size_t lab_push(struct lab *from, struct lab *hub, lab_admit_fn *admit,
    void *ctx);
/* Everything behind our position comes here, at most `max` (0 = all). */
void lab_pull(struct lab *to, struct lab *hub, size_t max);
void lab_sync(struct lab *l, struct lab *hub);

struct space lab_space_of(struct store *s, space_id sp); /* strings are gone */
void lab_digest(struct lab *l, uint8_t out[HASH_BYTES]);
bool lab_same(struct lab *a, struct lab *b); /* digests of their spaces */
/* Rebuild and verify say that all is well, and nothing changed. */
void lab_sound(struct lab *l);
struct log_row lab_row(struct lab *l, const struct eid *id, struct arena *a);

#endif
