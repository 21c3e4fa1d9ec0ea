/* What an exchange was, for people's scripts: the JSON that `sync now` prints, made
 * by a command or by the daemon that did it for one, and read again. */
#ifndef CLOWDER_SYNC_REPORT_H
#define CLOWDER_SYNC_REPORT_H

#include "status.h"
#include "sync_run.h"

/* One event that is worth a line. */
struct sync_noted {
	enum sync_fate fate;
	char id[EID_TEXT_MAX];
	struct str type, aggregate, team, why; /* in the arena */
	enum err code;
	uint64_t seq;
};
struct sync_notes {
	struct arena *arena;     /* borrow */
	bool all;                /* also what went as it should */
	struct sync_noted *note; /* own */
	size_t n, cap;
	bool failed; /* out of memory: the report would lie */
};
/* For sync_run_options.note; ctx is a struct sync_notes. */
void sync_notes_add(void *ctx, const struct space *sp,
    const struct sync_note *note);
/* Did it go as it should? */
bool sync_note_is_usual(enum sync_fate f);
/* The note as it is kept, without keeping it. */
void sync_noted_make(struct sync_noted *ret, const struct space *sp,
    const struct sync_note *note, struct arena *a);
void sync_notes_fini(struct sync_notes *n);
const char *sync_fate_name(enum sync_fate f);

struct sync_report_of {
	const struct sync_run *run;
	const struct status *status; /* after it */
	const struct sync_notes *notes;
	uint64_t conflicts; /* new ones with what the user wrote */
	bool dry_run;
	const struct err_info *error; /* NULL: none */
};
void sync_report_write(const struct sync_report_of *r, struct json_writer *w);
/* What another process wrote: sums and teams of the exchange, the notes, and its
 * error (code ERR_OK: none).  All in the arena of the notes.  ERR_PROTOCOL. */
enum err sync_report_read(struct str text, struct sync_run *run,
    struct sync_notes *notes, struct err_info *error, struct err_info *e);

#endif
