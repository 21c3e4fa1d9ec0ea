/* Daemons that nobody knows of any more: they answer in the range of ports, and the
 * state file names another.  docs/formats.md 6.  For the doctor. */
#ifndef CLOWDER_DAEMON_ORPHANS_H
#define CLOWDER_DAEMON_ORPHANS_H

#include "daemon_link.h"
#include "proc.h"

struct daemon_orphan {
	uint16_t port;
	struct daemon_health health; /* its texts live in the arena */
	bool ours;                   /* of this home; others are only listed */
	/* The process that answers, as it was seen; pid 0: it is not one that may
	 * be ended (another user's, or no program of ours). */
	struct os_proc proc;
};

/* Ask each port of the range; at most some 10 s where all of them hang.  list lives
 * in the arena. */
enum err daemon_orphans(struct ctx *c, struct daemon_orphan **list, size_t *n,
    struct err_info *e);
/* End one of this home: asked over HTTP, then by signals to the very process that
 * was seen.  ERR_REFUSED: another home's, or not to be told apart from somebody
 * else's process. */
enum err daemon_orphan_end(struct ctx *c, const struct daemon_orphan *o,
    struct err_info *e);

#endif
