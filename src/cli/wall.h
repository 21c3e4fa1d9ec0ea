/* The live board: what is on it, what keys do to it, and how it lies on a screen.
 *
 * Pure: cards and keys come in, spans of text for cells of a screen go out, so that
 * all of it is tested without a terminal; screen.h is the terminal. */
#ifndef CLOWDER_WALL_H
#define CLOWDER_WALL_H

#include "arena.h"
#include "buf.h"
#include "out.h"

enum {
	WALL_LANES = 8,
	WALL_COLUMNS_MIN = 20, /* below these it only says so */
	WALL_ROWS_MIN = 8
};
/* In the order in which they stand. */
extern const char *const wall_lane[WALL_LANES];

struct wall_card {
	struct str key;   /* feature/WPnn */
	struct str shown; /* as it is typed */
	struct str title, who, description;
	struct str priority; /* raw JSON */
	struct str waits;    /* what holds it up; n 0 = nothing */
	bool conflict;
	unsigned lane;
};

enum wall_mode { WALL_BOARD, WALL_DETAILS, WALL_HELP, WALL_ASK };
enum wall_ask { ASK_FILTER, ASK_REASON, ASK_REVIEW };

struct wall {
	struct str title;             /* borrow, as all that the cards hold */
	const struct wall_card *card; /* borrow; by lane */
	size_t n;
	struct str status; /* the line at the bottom */
	enum paint status_paint;

	struct buf
	    selected;  /* own: key of the card; stays on it when it moves */
	unsigned lane; /* where the cursor is */
	size_t row;    /* among the cards of that lane that are shown */
	enum wall_mode mode;
	enum wall_ask ask;
	struct buf typed, filter; /* own */
	struct buf said;          /* own: one line for the user */
	bool said_bad;
	unsigned move_to;          /* lane, while it is asked why */
	struct buf reason, review; /* own: what was answered */
	bool needs_reason, needs_review;
};
void wall_init(struct wall *w);
void wall_fini(struct wall *w);
/* Other cards: the cursor stays on its card wherever that is now.  card is
 * sorted by lane. */
void wall_cards(struct wall *w, const struct wall_card *card, size_t n);
/* Say something in the line above the status; "" = nothing. */
void wall_say(struct wall *w, bool bad, const char *text);

/* Keys that are no characters. */
enum {
	KEY_WALL_LEFT = 0x200000,
	KEY_WALL_RIGHT,
	KEY_WALL_UP,
	KEY_WALL_DOWN,
	KEY_WALL_PAGE_UP,
	KEY_WALL_PAGE_DOWN,
	KEY_WALL_HOME,
	KEY_WALL_END,
	KEY_WALL_BACKSPACE,
	KEY_WALL_ESCAPE = 27,
	KEY_WALL_ENTER = 10
};
enum wall_act {
	WALL_NOTHING,
	WALL_QUIT,
	WALL_MOVE /* the selected card to move_to, with reason and review */
};
enum wall_act wall_key(struct wall *w, uint32_t key);
/* The card under the cursor; NULL where there is none. */
const struct wall_card *wall_selected(const struct wall *w);

/* Text that is safe to show and has exactly its columns. */
struct wall_span {
	unsigned row, column;
	struct str text; /* in the arena */
	enum paint paint;
	bool reverse;
};
struct wall_picture {
	struct wall_span *span; /* in the arena */
	size_t n, cap;
	bool failed; /* out of memory */
};
void wall_draw(const struct wall *w, unsigned columns, unsigned rows,
    struct arena *a, struct wall_picture *ret);

/* Whether a card passes the filter: each of its words stands in id, title or
 * who. */
bool wall_passes(const struct wall *w, const struct wall_card *c);

#endif
