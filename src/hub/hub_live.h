/* Live connections of a hub: who is connected gets what others of the team write,
 * and may write.  docs/protocol.md, WebSocket.
 *
 *	request -> token -> 101 -> [auth] -> hello or snapshot -> tail
 *
 * Each team has a room.  What a connection has got is a cursor into the team's
 * log, nothing is queued for it: the newest events are held once for the room, a
 * cursor that is further behind is served from the log, and both only as fast as
 * the peer reads.  Loop thread only, where nothing else is said. */
#ifndef CLOWDER_HUB_LIVE_H
#define CLOWDER_HUB_LIVE_H

#include "hub_int.h"

struct live;

enum err live_new(struct live **ret, struct hub *hub, struct err_info *e);
/* No connection is left, no job under way; the loop has to turn once more.  NULL
 * is fine. */
void live_free(struct live *l);
size_t live_members(const struct live *l);
size_t live_presence_bytes(const struct live *l); /* that are held */
/* The writer's thread, after a commit: the logs that have grown in it. */
void live_grown(struct hub *hub, const struct admission *ad);

#endif
