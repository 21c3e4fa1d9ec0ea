/* The `edit` verbs: options become the members of one event, without what is
 * shown already. */
#ifndef CLOWDER_EDIT_H
#define CLOWDER_EDIT_H

#include "work.h"

struct edit {
	struct work *w;
	const struct entity *en; /* borrow: until the first event */
	struct payload p;
	unsigned asked,
	    changed;      /* options given; fields that get a new value */
	bool more;        /* the command changes something else as well */
	bool was_removed; /* any edit brings it back */
	bool doubted;     /* somebody removed it at the same time */
	/* Of an entity elsewhere; 0 and n 0: of the folder's project. */
	space_id space;
	struct str project;
};
/* Begins the payload, which edit_end frees; the fields of ed but `more` are set
 * here or after it.  en: what is edited. */
void edit_begin(struct edit *ed, struct work *w, const struct entity *en);
/* The key of what was removed and is named by its whole id, where e says that
 * nothing present is called so. */
enum err edit_removed(struct work *w, enum aggregate type, const char *feature,
    const char *word, struct str *key, struct err_info *e);
/* --option VALUE as the field: a line, a text ("" takes it away), a priority. */
enum err edit_line(struct edit *ed, const char *option, const char *field,
    size_t max, struct err_info *e);
/* The same of a word of the command line. */
enum err edit_word(struct edit *ed, const char *typed, const char *what,
    const char *field, size_t max, struct err_info *e);
enum err edit_text(struct edit *ed, const char *option, const char *field,
    struct err_info *e);
enum err edit_priority(struct edit *ed, struct err_info *e);
/* Options that add elements to a set and take them out, comma-separated and
 * repeatable.  The checks may change an element (a name to an id) or refuse it;
 * NULL = any line. */
typedef enum err edit_check_fn(void *ctx, struct str typed, struct str *ret,
    struct err_info *e);
enum err edit_set(struct edit *ed, const char *add, const char *remove,
    const char *field, edit_check_fn *to_add, edit_check_fn *to_remove,
    void *ctx, struct err_info *e);
/* The event, where anything changes.  Takes rc and hands it on. */
enum err edit_end(struct edit *ed, enum err rc, const char *type,
    struct str aggregate_id, struct err_info *e);

/* Append [..] of all elements of a repeatable, comma-separated option;
 * *n of them. */
enum err edit_list(struct work *w, const char *option, edit_check_fn *check,
    void *ctx, struct json_writer *json, size_t *n, struct err_info *e);

#endif
