/* Who did what when: an event of the log as people see it. */
#ifndef CLOWDER_DEED_H
#define CLOWDER_DEED_H

#include "event.h"
#include "store.h"

/* An event with its tape.  Begin with a zeroed one; may be loaded into again. */
struct deed {
	struct log_row row; /* strings in a, or the caller's */
	struct event ev;
	struct json json;
	struct arena a;
};
void deed_fini(struct deed *d);
/* By id.  ERR_NOT_FOUND. */
enum err deed_load(struct deed *d, struct store *s, space_id sp,
    const struct eid *id, struct err_info *e);
/* Of a row that somebody else holds as long as the deed is used. */
enum err deed_of(struct deed *d, const struct log_row *row, struct err_info *e);

/* Who did it, as people say it: the actor of a move, else its author - "ann",
 * "claude/3f9a0c62" - else who was signed in, else the replica.  Borrows, or lives in a. */
struct str deed_who(const struct deed *d, struct arena *a);
/* The same of an author by itself. */
struct str deed_author(struct str author);
/* When its author says it was, ms since 1970; when it came where that is
 * nonsense. */
int64_t deed_when(const struct deed *d);
/* Append it for people: "3 minutes ago" for a week, then the day. */
void deed_ago(int64_t when_ms, int64_t now_ms, struct buf *out);

/* What the event wrote to a field, canonical JSON in a; n 0 = nothing. */
enum err deed_wrote(const struct deed *d, struct str field, struct arena *a,
    struct str *ret, struct err_info *e);

#endif
