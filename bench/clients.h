/* HTTP clients that cost little: all on one thread, requests made beforehand,
 * one under way on each connection. */
#ifndef CLOWDER_CLIENTS_H
#define CLOWDER_CLIENTS_H

#include "buf.h"
#include "err.h"

/* Requests of one connection, one behind the other. */
struct client_work {
	struct buf bytes; /* own: whole requests */
	size_t *end;      /* own: where each ends */
	size_t n, cap;
};
void client_work_fini(struct client_work *w);
/* Append a POST to the path with the bearer token and this body. */
enum err client_work_post(struct client_work *w, const char *path,
    const char *token, bool gzip, struct str body, struct err_info *e);

struct client_times {
	double seconds, cpu_seconds; /* of the thread that is all clients */
	size_t requests;
	double p50_ms, p99_ms, max_ms; /* of single answers */
};
/* Send everything of n connections; each answer must be 200 and have no
 * "rejected" in it. */
enum err clients_run(struct client_work *w, size_t n, uint16_t port,
    struct client_times *ret, struct err_info *e);

#endif
