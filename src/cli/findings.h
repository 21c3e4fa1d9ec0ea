/* What a doctor found: one list, shown the same way by `doctor` and `auth
 * doctor`. */
#ifndef CLOWDER_FINDINGS_H
#define CLOWDER_FINDINGS_H

#include "cmd.h"

enum severity { SEVERITY_INFO, SEVERITY_WARN, SEVERITY_CRITICAL };

struct finding {
	const char *id; /* "F-001": stable */
	enum severity severity;
	const char *summary;     /* in the arena of the context */
	const char *command;     /* what helps; NULL = nothing to do */
	const char *description; /* of the command; NULL likewise */
};

struct findings {
	struct finding *item; /* own */
	size_t n, cap;
	bool failed; /* out of memory once */
};

/* command: without the program's name, "%p" is not needed; NULL = none. */
void finding_add(struct findings *f, struct cli *c, const char *id,
    enum severity s, const char *command, const char *description,
    const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* The section Findings, with "No problems detected." where there are none above
 * info. */
void findings_say(const struct findings *f, struct cli *c);
/* The array, keys sorted. */
void findings_write(const struct findings *f, struct json_writer *w);
bool findings_critical(const struct findings *f);
void findings_fini(struct findings *f);

#endif
