/* Events and bodies for tests. */
#ifndef CLOWDER_MADE_H
#define CLOWDER_MADE_H

#include "buf.h"

/* Append the id of the n-th event, normal form. */
static inline void
made_id(struct buf *out, unsigned n)
{
	buf_addf(out, "01890000-0000-7000-8000-%012x", n);
}

/* Append a good event; n tells it apart.  extra: members in front, each with
 * its comma, or "". */
static inline void
made_event(struct buf *out, unsigned n, const char *extra)
{
	buf_addf(out, "{%s\"event_id\":\"", extra);
	made_id(out, n);
	buf_addf(out,
	    "\",\"event_type\":\"wp_status_changed\","
	    "\"aggregate_id\":\"001-login/WP%02u\","
	    "\"aggregate_type\":\"work_package\",\"lamport_clock\":%u,"
	    "\"node_id\":\"0123456789abcdef0123456789abcdef\","
	    "\"payload\":{\"wp_id\":\"WP%02u\",\"from_lane\":\"planned\","
	    "\"to_lane\":\"claimed\",\"actor\":\"ann\"},"
	    "\"timestamp\":\"2026-04-28T10:30:00.123Z\",\"replaces\":[],"
	    "\"node_seq\":%u}",
	    n % 99 + 1, n + 1, n % 99 + 1, n + 1);
}

#endif
