/* What is wrong with the hub's storage, if anything: said by the writer when a
 * transaction fails for a reason that is not one request's, taken back by the
 * first that succeeds, shown by health and metrics.  Any thread. */
#ifndef CLOWDER_TROUBLE_H
#define CLOWDER_TROUBLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct trouble {
	pthread_mutex_t mutex;
	struct err_info e; /* code ERR_OK: nothing is wrong */
	int64_t since_ms;  /* wall time */
};

enum err trouble_init(struct trouble *t, struct err_info *e);
void trouble_fini(struct trouble *t);
/* Reasons that hit whoever writes next as well. */
bool trouble_is(enum err code);
/* True where it is news. */
bool trouble_set(struct trouble *t, const struct err_info *why, int64_t now_ms);
bool trouble_clear(struct trouble *t);
/* ERR_OK, or what is wrong and since when. */
enum err trouble_get(struct trouble *t, struct err_info *e, int64_t *since_ms);
/* What became of a change: a reason of the storage is set, success takes it back;
 * the log is told what is news. */
void trouble_judge(struct trouble *t, const char *what, enum err rc,
    const struct err_info *e);

#endif
