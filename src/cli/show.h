/* How one thing, and what was done to it, is printed. */
#ifndef CLOWDER_SHOW_H
#define CLOWDER_SHOW_H

#include "deed.h"
#include "name.h"
#include "work.h"

/* All about one entity: fields with who wrote them, notes, conflicts, history;
 * text or JSON.  ERR_NOT_FOUND where nothing is known of it. */
enum err show_entity(struct work *w, space_id sp, const struct entity_key *key,
    struct err_info *e);
/* All about one event. */
enum err show_event(struct work *w, space_id sp, const struct log_row *row,
    struct err_info *e);

/* A list of events, newest first as they are added: lines on a table, or one
 * JSON object each. */
struct show_log {
	struct work *w;
	struct namer namer;
	struct show_line *line; /* own */
	size_t n, cap;
	struct deed deed; /* scratch */
};
void show_log_begin(struct show_log *l, struct work *w);
enum err show_log_add(struct show_log *l, const struct log_row *row,
    struct err_info *e);
/* Prints what was added and frees; rc is handed on. */
enum err show_log_end(struct show_log *l, enum err rc, struct err_info *e);
/* Append one event in words, and why it was refused where it was. */
enum err show_words(struct namer *namer, const struct deed *d, struct buf *out,
    struct err_info *e);
/* One event as an object. */
enum err show_event_json(struct json_writer *j, struct namer *namer,
    const struct deed *d, struct err_info *e);

/* The newest events of an entity, at most max of them (0 = all). */
enum err show_history(struct work *w, space_id sp, const struct entity_key *key,
    size_t max, struct err_info *e);

/* What a writing verb says when it is done.  added: the id alone where stdout is
 * no terminal. */
void show_added(struct cli *c, struct str id, struct str shown,
    struct str title, struct str where);
void show_edited(struct cli *c, struct str id, struct str shown,
    unsigned changed, bool was_removed);
void show_removed(struct cli *c, struct str id, struct str shown);
/* Where something was removed that the word names, the error in e becomes one
 * that says so and how it is brought back; hands its code on. */
enum err show_was_removed(struct work *w, enum aggregate type,
    const char *feature, const char *word, struct err_info *e);
/* Append the command that brings back what was removed, without the program's
 * name; nothing for a type that has none. */
void show_restore(enum aggregate type, struct str key, struct buf *out);
/* The payload of a removal: --reason, where it was given. */
enum err show_reason(struct cli *c, struct payload *p, struct err_info *e);

#endif
