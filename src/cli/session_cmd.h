/* What the files of `session` share. */
#ifndef CLOWDER_SESSION_CMD_H
#define CLOWDER_SESSION_CMD_H

#include "cmd.h"
#include "sessions.h"
#include "work.h"

/* cmd_session_list.c */
extern const struct cmd session_list, session_show;

/* All sessions that this replica knows of; ended: those too that have ended.  In
 * the arena of w. */
enum err session_load(struct work *w, bool ended, struct sessions *ret,
    struct err_info *e);
/* The session with this id (of several that which goes on), else by an unambiguous
 * beginning; agent: of that one only, where n > 0.  Borrows from l.  ERR_NOT_FOUND,
 * ERR_AMBIGUOUS, with a hint. */
enum err session_pick(struct work *w, const struct sessions *l, struct str id,
    struct str agent, const struct session_seen **ret, struct err_info *e);

#endif
