/* The daemon of a user: keeps the replica in step with the hub, live, and answers
 * local programs on 127.0.0.1.  docs/protocol.md, The daemon's local API.
 *
 * Threads: the loop has the sockets, the watch and the timers (daemon.c, api.c,
 * wires.c); the keeper has the replica and the engines (keeper.c, lines.c); a worker
 * makes the calls that block (worker.c).  They hand each other owned mails. */
#ifndef CLOWDER_DAEMON_H
#define CLOWDER_DAEMON_H

#include "context.h"

struct daemon_options {
	uint32_t tick_ms; /* between two looks at whose the home is; 0: 30000 */
};
/* Run until it is told to end: by a signal, over its API, or because the home has
 * another daemon or is gone.  Works in "/" from here on.  ERR_EXISTS: there is one
 * already, which is named. */
enum err daemon_run(struct ctx *c, const struct daemon_options *o,
    struct err_info *e);

#endif
