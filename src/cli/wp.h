/* What the files of `wp` share. */
#ifndef CLOWDER_WP_H
#define CLOWDER_WP_H

#include "cmd.h"
#include "work.h"

/* cmd_wp_list.c, cmd_wp_move.c, cmd_wp_edit.c */
extern const struct cmd wp_list, wp_show, wp_move, wp_edit;

/* A row of an argument and of an option; WORDS_... are of words.h. */
#define WP_ARG \
	{ \
		.name = "WP", \
		.help = "a work package: WP03, WP03-abc, 001-login/WP03", \
		.words = WORDS_WP \
	}
#define FEATURE_OPT \
	{ \
		.name = "feature", .arg = "F", \
		.help = "its feature (else the current one)", \
		.words = WORDS_FEATURE \
	}

/* --- cmd_wp.c, for verbs that write ----------------------------------------- */

/* The work package of the first argument. */
enum err wp_target(struct work *w, struct wp_name *wp, const struct entity **en,
    struct err_info *e);
/* Members by which an event says which one it is about. */
void wp_put_names(struct payload *p, const struct wp_name *wp);
/* As work_author; its feature is the one that was worked on last. */
enum err wp_author(struct work *w, const char *type, const struct wp_name *wp,
    struct payload *p, struct eid *id, struct err_info *e);

struct wp_needs {
	struct work *w;
	struct str feature;
	struct str self;         /* id; n 0 while it is not made yet */
	const struct entity *en; /* the same; NULL */
};
/* An edit_check_fn, ctx a wp_needs: a dependency as it was typed becomes the id of
 * a work package of the same feature. */
enum err wp_need(void *ctx, struct str typed, struct str *ret,
    struct err_info *e);

#endif
