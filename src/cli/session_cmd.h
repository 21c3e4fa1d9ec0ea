/* What the files of `session` share. */
#ifndef CLOWDER_SESSION_CMD_H
#define CLOWDER_SESSION_CMD_H

#include "cmd.h"
#include "sessions.h"
#include "work.h"

/* cmd_session_list.c */
extern const struct cmd session_list, session_show;

/* All sessions that this replica knows of, in the arena of w. */
enum {
	SESSION_WITH_ENDED = 1,   /* those too that have ended */
	SESSION_WITH_PRESENCE = 2 /* and what the hub says; only to be shown */
};
enum err session_load(struct work *w, unsigned with, struct sessions *ret,
    struct err_info *e);
#define SESSION_OPT_AGENT \
	{ \
		.name = "agent", .arg = "NAME", \
		.help = "what is at work, as claude or codex" \
	}
/* --agent; n 0 = none is named. */
enum err session_agent(struct cli *c, struct str *ret, struct err_info *e);
/* The session with this id (of several that which goes on), else by an unambiguous
 * beginning; agent: of that one only, where n > 0.  In the arena of w.  ERR_NOT_FOUND,
 * ERR_AMBIGUOUS, with a hint. */
enum err session_pick(struct work *w, const struct sessions *l, struct str id,
    struct str agent, const struct session_seen **ret, struct err_info *e);

#endif
