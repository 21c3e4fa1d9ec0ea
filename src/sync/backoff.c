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
