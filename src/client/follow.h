/* Following a replica of this machine: what any process writes to it - commands,
 * a sync that brings what others did - is told at once, in order, no row left out
 * and none twice.
 *
 * The doorbell says when to look, a cursor per space says from where.  So a ring
 * that was lost costs nothing but time: the next one, or the next look of
 * look_ms, tells what stands behind the cursor.
 *
 * Driven from outside, as a watch is: poll follow_fd for reading, keep one timer
 * for follow_due_ms and call follow_turn when either says so; both may have
 * changed after each call.  Reads only, and takes no lock.  One thread. */
#ifndef CLOWDER_FOLLOW_H
#define CLOWDER_FOLLOW_H

#include "home.h"
#include "store.h"
#include "watch.h"

struct follow; /* opaque */

enum {
	FOLLOW_POLL_MS = 1000, /* for programs that people look at */
	FOLLOW_LOOK_MS = 60000
};
struct follow_options {
	const struct home *home; /* borrow; the store need not be there yet */
	struct store_env env;
	struct watch_world world; /* watch_world_system() */
	uint32_t poll_ms; /* between looks where the system tells nothing */
	/* The store is looked at this often also where nobody rang, for writers
	 * that were killed between commit and ring; 0 = never. */
	uint32_t look_ms;
	/* Each row that the log of a space gets.  A failure ends the turn; the
	 * row is told again in the next one.  May read the store. */
	enum err (*on_row)(void *ctx, struct store *s,
	    const struct log_row *row, struct err_info *e);
	/* After the rows of a turn in which somebody rang: state, positions or
	 * what sessions say of themselves may have changed; NULL = not told. */
	void (*on_ring)(void *ctx);
	/* The store is not the one that was followed (restored, replaced, begun
	 * anew): what is new from here on will be told; NULL = not told. */
	void (*on_lost)(void *ctx, const char *why);
	void *ctx; /* borrow */
};

enum {
	FOLLOW_ROWS_MAX =
	    1000, /* in one turn; then it wants to be called again */
	FOLLOW_AGAIN_MS = 1000, /* after a failure likewise */
};

/* Begins at the end of each space; where there is no store yet, before its first
 * event.  Fails as store_sqlite_open does where there is one that cannot be
 * read. */
/* *ret is there before the first call back: a row may be told while it opens. */
enum err follow_open(struct follow **ret, const struct follow_options *opt,
    struct err_info *e);
void follow_close(struct follow *f); /* NULL is fine */

int follow_fd(const struct follow *f); /* -1: none, the timer says it all */
/* On the clock of now_ms (os_mono_ms); UINT64_MAX: never, 0: now. */
uint64_t follow_due_ms(const struct follow *f);
/* A failure loses nothing: it is tried again in a later turn. */
enum err follow_turn(struct follow *f, uint64_t now_ms, struct err_info *e);

/* The store as it is followed, to read; NULL while there is none.  Another one
 * after a turn that said on_lost. */
struct store *follow_store(const struct follow *f);
/* Everything up to here in this space was there at the beginning, or was told;
 * 0 for a space that is not known. */
uint64_t follow_pos(const struct follow *f, space_id sp);
/* An event that is told may stand in another space as well, as the copies do that
 * `project share` makes: *ret: there it was told, or was there before. */
enum err follow_known(struct follow *f, const struct log_row *row, bool *ret,
    struct err_info *e);
void follow_status(const struct follow *f, struct watch_status *st);

#endif
