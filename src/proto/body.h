/* Bodies that many routes share: errors, health.  docs/protocol.md. */
#ifndef CLOWDER_BODY_H
#define CLOWDER_BODY_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "json.h"

struct error_body {
	enum err code;        /* ERR_OK where the code is not one of ours */
	struct str wire;      /* as it came */
	struct str message;   /* "" where there is none */
	struct str epoch;     /* resync: the hub's, else "" */
	uint64_t retry_after; /* whole seconds; 0 where not told */
};
/* {"error","message"}; with epoch.n > 0 also "epoch"; details: a JSON value or
 * n 0.  The status is err_http(code). */
void error_body_encode(enum err code, struct str message, struct str epoch,
    struct str details, struct buf *out);
/* False where the body is not such an object: an answer of something that is
 * not a hub.  *ret lives in a. */
bool error_body_decode(struct error_body *ret, struct str body,
    struct arena *a);

struct health_body {
	struct str version, epoch;
	uint64_t protocol;
};
void health_encode(const struct health_body *h, struct buf *out);
/* ERR_PROTOCOL; ERR_NOMEM. */
enum err health_decode(struct health_body *ret, struct str body,
    struct arena *a, struct err_info *e);

#endif
