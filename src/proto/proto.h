/* What both sides of the wire agree on: routes and limits.  docs/protocol.md.
 */
#ifndef CLOWDER_PROTO_H
#define CLOWDER_PROTO_H

#define PROTO_PATH_BATCH "/api/v1/events/batch/"
#define PROTO_PATH_EVENTS "/api/v1/events/"

enum {
	PROTO_VERSION = 1,
	/* events of one batch and of one answer to a pull */
	PROTO_EVENTS_MAX = 1000,
	/* bytes of what a client sends at once and of an answer to a pull,
	 * plain; one event alone may be more */
	PROTO_BYTES_MAX = 4 * 1024 * 1024,
	/* bytes that a hub takes: as they come, and counted on the output of
	 * gunzip.  A client takes as much. */
	PROTO_BODY_GZIP_MAX = 8 * 1024 * 1024,
	PROTO_BODY_PLAIN_MAX = 32 * 1024 * 1024,
	/* bytes of names that stand beside events */
	PROTO_USER_MAX = 256,
	PROTO_EPOCH_MAX = 64,
	/* bytes of a reason that is kept */
	PROTO_WHY_MAX = 400,
};

#endif
