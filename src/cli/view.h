/* Features, work packages and todos as lists show them: what an entity shows
 * now, copied out of the replica.  Everything lives in the arena of the
 * command. */
#ifndef CLOWDER_VIEW_H
#define CLOWDER_VIEW_H

#include "work.h"

/* Raw JSON where said so; n 0 = nothing is shown. */
struct view {
	struct str key, project;
	struct str title;    /* of a todo: its content */
	struct str state;    /* lane or status, normal form */
	struct str priority; /* raw JSON */
	struct str description;
	struct eid state_event; /* the head that the state shows */
	unsigned conflicts;     /* open ones */
	bool archived;

	/* Work packages. */
	struct str feature, id; /* in key */
	struct str shown;       /* the id as it is typed: "WP03" */
	struct str assignee, phase;
	struct str tags, needs, resolved; /* raw JSON lists */
	struct str
	    waits;      /* ids of what it waits for, "WP01, WP02"; n 0 where it
	                     is over */
	struct str who; /* views_who */

	/* Todos. */
	struct str owner, active_form, list;
	struct str blocked_by; /* raw JSON list of keys */

	/* Features. */
	struct str branch, completed_at;
	unsigned packages, done; /* views_count: without canceled ones */
};

struct views {
	struct view *v; /* own */
	size_t n, cap;
};
void views_fini(struct views *l);

/* Present entities of a type in a project, by key; feature: only its work
 * packages (n 0 = all).  Ids and what is waited for are filled in. */
enum err views_load(struct work *w, space_id sp, struct str project,
    enum aggregate type, struct str feature, struct views *ret,
    struct err_info *e);
/* Count the work packages of each feature. */
enum err views_count(struct views *features, const struct views *wps,
    struct err_info *e);
/* One entity. */
enum err view_load(const struct entity *en, struct arena *a, struct view *ret,
    struct err_info *e);

/* Open conflicts of an entity; nearly free where no field has two heads. */
enum err view_conflicts(const struct entity *en, unsigned *ret,
    struct err_info *e);

/* Who has it: the assignee, else, where it is claimed or in progress, who moved
 * it there; n 0 = nobody. */
enum err view_who(struct work *w, space_id sp, const struct view *v,
    struct str *ret, struct err_info *e);

/* The same for many, as `who` of each.  max > 0: of those that nobody was
 * assigned only for so many that were moved last, as each of them costs a look
 * into the log. */
enum err views_who(struct work *w, space_id sp, struct views *l, size_t max,
    struct err_info *e);

/* As objects; the members stay what they are (docs/formats.md 7). */
void view_feature_json(struct json_writer *w, const struct view *v);
void view_wp_json(struct json_writer *w, const struct view *v);
void view_todo_json(struct json_writer *w, const struct view *v);
/* A raw value, null where n is 0; a list, [] where n is 0. */
void view_put(struct json_writer *w, const char *key, struct str raw);
void view_put_text(struct json_writer *w, const char *key, struct str text);
void view_put_list(struct json_writer *w, const char *key, struct str raw);

/* What a lane or a status looks like. */
enum paint view_paint(struct str state);
/* The same of a priority, raw JSON. */
enum paint view_priority_paint(struct str priority);

#endif
