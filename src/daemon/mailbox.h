/* A queue between threads: anybody posts, one thread takes. */
#ifndef CLOWDER_MAILBOX_H
#define CLOWDER_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* A call to come: usually the first member of a record of the poster's.  Belongs
 * to the box from the post until fn is called; fn may free it.  Where nobody will
 * take it any more drop is called instead. */
struct mail {
	void (*fn)(void *ctx, struct mail *m);
	void (*drop)(struct mail *m);
	struct mail *next; /* inside */
};

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t bell;
	struct mail *first, **end; /* under lock */
	bool closed;               /* under lock */
};

enum err mailbox_init(struct mailbox *b, struct err_info *e);
void mailbox_fini(struct mailbox *b);
/* After the close it is dropped at once. */
void mailbox_post(struct mailbox *b, struct mail *m);
/* All that is there, in order; waits until something is, or until_ms (os_mono_ms;
 * UINT64_MAX: for ever).  False: the box is closed and empty. */
bool mailbox_take(struct mailbox *b, uint64_t until_ms, struct mail **ret);
/* No more posts; what was posted can still be taken. */
void mailbox_close(struct mailbox *b);

#endif
