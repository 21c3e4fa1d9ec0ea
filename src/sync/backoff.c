#include "backoff.h"

uint64_t
backoff_ms(unsigned tries, uint64_t random)
{
	uint64_t top = BACKOFF_MS_FIRST;

	while (tries-- > 0 && top < BACKOFF_MS_MAX)
		top *= 2;
	if (top > BACKOFF_MS_MAX)
		top = BACKOFF_MS_MAX;
	return random % (top + 1);
}

uint64_t
backoff_asked_ms(int64_t retry_after_s)
{
	if (retry_after_s <= 0)
		return 0;
	return retry_after_s < BACKOFF_RETRY_AFTER_MS_MAX / 1000 ?
	    (uint64_t)retry_after_s * 1000 :
	    BACKOFF_RETRY_AFTER_MS_MAX;
}
