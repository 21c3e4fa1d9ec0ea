/* A space of a store as the sync engine sees a replica. */
#ifndef CLOWDER_REPLICA_H
#define CLOWDER_REPLICA_H

#include "store.h"
#include "sync.h"

struct replica {
	struct store *store; /* borrow */
	space_id space;
	struct store_env env; /* wall time of a contact; jitter */
};

/* Fill the functions; r is borrowed by them and must stay where it is.  Thread
 * of the store. */
void replica_sync(struct replica *r, struct sync_replica *ret);

#endif
