/* Who is at work now, beside the log: what this machine's daemon tells the hub of
 * its sessions, and what the hub tells of everybody's.  docs/protocol.md, Live
 * connections.
 *
 * The daemon keeps the hub's last word in a file per space below the home folder;
 * it counts as long as that daemon lives and is connected. */
#ifndef CLOWDER_PRESENCE_H
#define CLOWDER_PRESENCE_H

#include "home.h"
#include "sessions.h"

enum {
	/* A sign of life is told on when it is so much newer. */
	PRESENCE_STEP_MS = 10000
};

/* The sessions of `l` that belong to this space, as a message has them: a JSON
 * array of at most `max` bytes.  A hub refuses the whole of a longer message: of
 * more than LIVE_SESSIONS_MAX the first are told, and of one that would have more
 * than LIVE_SESSION_BYTES_MAX less: what of `active` has no room, else no folder,
 * no branch, no device, else nothing. */
void presence_put(const struct sessions *l, space_id space, size_t max,
    struct buf *out);

/* The hub's word: a JSON array of sessions. */
enum err presence_save(const struct home *h, space_id space,
    struct str sessions, struct err_info *e);
/* The connection is gone; fine where there is none. */
void presence_forget(const struct home *h, space_id space);

struct presence {
	space_id space;
	struct str id, agent, device, cwd, branch, user;
	int64_t last_ms; /* 0: not told */
};
/* All that is known, nothing where no daemon lives; in the arena.  What cannot be
 * read counts as nothing. */
enum err presence_load(const struct home *h, struct arena *a,
    struct presence **ret, size_t *n, struct err_info *e);

#endif
