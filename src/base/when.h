/* Wall time, for display only: nothing is ordered by it. */
#ifndef CLOWDER_WHEN_H
#define CLOWDER_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

enum { WHEN_TEXT_MAX = 32 };

/* "2026-04-28T10:30:00.123Z" from ms since 1970 UTC; at most WHEN_TEXT_MAX with
 * the NUL.  Returns its length.  A time outside of the years 0 to 9999 is
 * shown as the nearest end of them. */
size_t when_format(int64_t unix_ms, char out[WHEN_TEXT_MAX]);
/* RFC 3339 with an offset ("Z", "z", "+01:00"), any number of fraction digits
 * of which three are kept.  False where it is not one (no leap-second or
 * calendar nonsense). */
bool when_parse(struct str s, int64_t *unix_ms);
/* As a value of JSON; the second writes null for 0 and what is before it. */
void when_put(struct json_writer *w, int64_t unix_ms);
void when_put_or_null(struct json_writer *w, int64_t unix_ms);
/* Append "just now" (below 10 seconds), "2 minutes ago", "3 days ago"; of the
 * future "in ...". */
void when_ago(int64_t unix_ms, int64_t now_ms, struct buf *out);
/* "30m", "2h", "7d", "15s" to seconds; false otherwise, also on overflow. */
bool when_duration(struct str s, uint64_t *seconds);

#endif
