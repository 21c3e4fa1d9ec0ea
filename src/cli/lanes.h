/* Lanes side by side, as on a wall: for terminals. */
#ifndef CLOWDER_LANES_H
#define CLOWDER_LANES_H

#include "arena.h"
#include "out.h"

struct lanes_card {
	struct str id, title, who;
	struct str note; /* what holds it up: "waits for WP01"; n 0 = nothing */
	enum paint note_paint;
	bool conflict;
};
struct lanes_lane {
	struct str name; /* "in_progress" */
	enum paint paint;
	struct lanes_card *card;
	size_t n;
	size_t more; /* that are not among the cards */
};
/* Print n lanes into `columns` columns: side by side as many as have room, the
 * others below.  Scratch memory comes from a. */
enum err lanes_print(struct out *o, const struct lanes_lane *lane, size_t n,
    unsigned columns, struct arena *a, struct err_info *e);

/* Cut the longest piece of whole words that fits into `columns` off *rest; a
 * word that does not fit is cut.  False at the end. */
bool lanes_wrap(struct str *rest, size_t columns, struct str *line);

#endif
