/* What the commands about features, work packages and todos stand on: one look
 * at the replica, or one transaction on it, and the things that words name.
 *
 *	work_begin / work_read
 *	work_feature, work_wp, work_todo ...   what the user's words mean
 *	work_author ...                        events, all in the transaction
 *	work_end                               commit, or roll back what failed
 *	...                                    print; the strings live on
 *
 * Read, check and write happen in one transaction, so that of two commands at
 * once both succeed, or one is told who was first. */
#ifndef CLOWDER_WORK_H
#define CLOWDER_WORK_H

#include "cmd.h"
#include "json.h"
#include "store.h"

struct work {
	struct cli *c;
	struct arena *a;    /* the command's: what is found lives as long */
	struct store *s;    /* borrow: the context's */
	space_id space;     /* of the folder's project */
	struct str project; /* uuid of the folder's project */
	struct draft draft; /* the same parts of every event */
	bool in_tx, in_view, project_known;
	/* The feature that was found last was named by nobody: of several it is
	 * the one used last on this machine. */
	bool feature_guessed;
	uint64_t authored; /* events of this transaction, in `space` */
	struct buf said;   /* notice for after the commit */
};

enum err work_read(struct work *w, struct cli *c, struct err_info *e);
enum err work_begin(struct work *w, struct cli *c, struct err_info *e);
/* Commits where rc is ERR_OK, else rolls back and returns rc; ends a view.  To
 * be called once behind each work_read and work_begin, also failed ones. */
enum err work_end(struct work *w, enum err rc, struct err_info *e);
/* Nothing was ever written on this machine: says what to type first; true where
 * it did.  Only for text output. */
bool work_nothing(const struct work *w);

/* An event about an entity of the folder's project; the first one of a project
 * is preceded by project_created.  payload: an object whose members were written
 * to its writer; it is ended and freed on every path.  id may be NULL. */
struct payload {
	struct buf b;
	struct json_writer w;
};
void payload_begin(struct payload *p);
enum err work_author(struct work *w, const char *type, enum aggregate of,
    struct str aggregate_id, struct payload *p, struct eid *id,
    struct err_info *e);
/* The same about another project's entity, in the space where that one is. */
enum err work_author_in(struct work *w, space_id sp, struct str project,
    const char *type, enum aggregate of, struct str aggregate_id,
    struct payload *p, struct eid *id, struct err_info *e);

/* An entity of the folder's project; *ret NULL where there is none or it was
 * deleted. */
enum err work_entity(struct work *w, enum aggregate type, struct str key,
    const struct entity **ret, struct err_info *e);

/* The feature that a word names (a slug, its number, its words, any unambiguous
 * beginning).  word NULL: the current one - the branch's, else the only one,
 * else the last used here; ERR_AMBIGUOUS lists them. */
enum err work_feature(struct work *w, const char *word, struct str *slug,
    struct err_info *e);
/* The same, and n 0 where word is NULL and none is current. */
enum err work_feature_maybe(struct work *w, const char *word, struct str *slug,
    struct err_info *e);
/* Remember that this feature was worked on last. */
enum err work_feature_used(struct work *w, struct str slug, struct err_info *e);

/* A work package by any unambiguous beginning of its id: "WP03", "WP03-abc",
 * "001-login/WP03".  In the named feature, else in the current one, else in any.
 * A feature that is only the last used one decides nothing: then the word must
 * fit one work package alone of all features that are not archived.  Strings in
 * the arena. */
struct wp_name {
	struct str key;     /* feature/id */
	struct str feature; /* in key */
	struct str id;      /* in key */
};
enum err work_wp(struct work *w, const char *feature, const char *word,
    struct wp_name *ret, struct err_info *e);
/* The key of something of the folder's project that was removed, by any
 * unambiguous beginning.  A work package also by its id alone; feature: where it
 * may be, NULL = anywhere.  ERR_NOT_FOUND, ERR_AMBIGUOUS. */
enum err work_removed(struct work *w, enum aggregate type, const char *feature,
    const char *word, struct str *key, struct err_info *e);

/* A todo by any unambiguous beginning of its key: of the folder's project, else
 * of any project.  Strings in the arena. */
struct todo_name {
	struct str key, project;
	space_id space;
};
enum err work_todo(struct work *w, const char *word, struct todo_name *ret,
    struct err_info *e);

/* Every project in the space in which it is worked on: fn is called once for
 * each. */
struct work_place {
	space_id space;
	struct str project; /* uuid or "unplaced" */
	struct str slug;    /* else "unplaced", else the uuid's beginning */
	struct str team;    /* of the space */
	uint64_t entities;
	const uint8_t *digest; /* 32 bytes */
	bool here;             /* the folder's */
};
typedef enum err work_place_fn(void *ctx, const struct work_place *at,
    struct err_info *e);
enum err work_places(struct work *w, work_place_fn *fn, void *ctx,
    struct err_info *e);

/* The project that a word names: its uuid, its slug, any unambiguous beginning of
 * them; "." is the folder's, also where nothing was written in it yet (team n 0,
 * digest NULL then). */
enum err work_project(struct work *w, const char *word, struct work_place *ret,
    struct err_info *e);

/* Sentinel of a walk that has seen enough: fn returns it after setting a mark
 * of its own; work_stopped makes it ERR_OK. */
enum err work_stop(struct err_info *e);
enum err work_stopped(enum err rc, bool stopped, struct err_info *e);

#endif
