/* How long to wait before the hub is tried again: full jitter, so that clients
 * that were cut off together do not come back together.
 * docs/protocol.md, Reconnect. */
#ifndef CLOWDER_BACKOFF_H
#define CLOWDER_BACKOFF_H

#include <stdint.h>

enum {
	BACKOFF_MS_FIRST = 500,
	BACKOFF_MS_MAX = 30000,
	/* what a hub may ask for in Retry-After; more is cut */
	BACKOFF_RETRY_AFTER_MS_MAX = 3600 * 1000,
};

/* 0 .. min(first * 2^tries, max), tries from 0; random: 64 random bits. */
uint64_t backoff_ms(unsigned tries, uint64_t random);
/* What a hub asked for in seconds, at most BACKOFF_RETRY_AFTER_MS_MAX; 0 where it
 * asked for nothing. */
uint64_t backoff_asked_ms(int64_t retry_after_s);

#endif
