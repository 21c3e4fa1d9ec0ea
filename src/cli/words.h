/* An event in words: "moved WP01 planned → claimed".  Pure. */
#ifndef CLOWDER_WORDS_H
#define CLOWDER_WORDS_H

#include "event.h"

/* Append what the event's author did to what is called `name`.  The text may
 * hold anything that the event held: it is for out_str and its like. */
void words_event(const struct event *ev, struct str name, struct buf *out);

/* A string member of the payload; n 0 where it is absent or no string. */
struct str words_member(const struct event *ev, const char *name,
    struct arena *a);

/* A JSON value as people read it: strings without quotes, lists with commas,
 * null as "nothing"; anything else as it is. */
void words_value(struct str json, struct buf *out);
/* The value of a field: of the mark that something is there "removed" or
 * "edited" (an edit is what speaks for staying), of others as words_value. */
void words_field(struct str field, struct str json, struct buf *out);
/* "removal" of that mark; others are called as they are. */
struct str words_field_name(struct str field);
/* Append a word as a shell takes it for one: what others named may hold anything,
 * and a command that we show is copied. */
void words_shell(struct str word, struct buf *out);
/* "in progress" of in_progress. */
void words_lane(struct str lane, struct buf *out);

#endif
