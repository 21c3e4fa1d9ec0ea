/* What Claude Code leaves on disk, read: bytes in, items out.  Pure.
 * docs/formats.md 3.
 *
 * A file that does not parse is "not yet" (its writer is at it): ERR_BAD_JSON,
 * and the caller keeps what it knew.  A file that parses and is something else
 * is ERR_UNSUPPORTED. */
#ifndef CLOWDER_CLAUDE_H
#define CLOWDER_CLAUDE_H

#include "arena.h"
#include "err.h"
#include "json.h"
#include "str.h"

enum { SOURCE_FILE_MAX = 32 << 20 }; /* bytes of a file that we read */

/* One todo or task as its file has it.  Strings with p NULL were not there. */
struct source_item {
	struct str content;     /* never empty */
	struct str status;      /* pending, in_progress, completed */
	struct str active_form; /* may be "" */
	struct str priority, description, owner, local_id;
	struct str project; /* a word that names a project; other programs' */
	const struct str *blocks, *blocked_by; /* local ids */
	size_t n_blocks, n_blocked_by;
	bool has_blocks, has_blocked_by;
};

enum source_shape {
	SOURCE_TODOS, /* bare array, or {"todos":[]}: the whole list of a session */
	SOURCE_TASK,    /* one task of a list */
	SOURCE_TASK_LOG /* array of tool calls about tasks: later ones tell on */
};

struct source_file {
	enum source_shape shape;
	struct source_item *item; /* in the arena, in file order */
	size_t n;
	size_t skipped;        /* entries that are no todo, or hidden */
	size_t strange;        /* of these the ones that nobody hid */
	const char *why;       /* ... what is wrong with the first */
	struct str session_id; /* where the file says so */
};

/* Everything of *ret lives in a; the bytes may go.  0 bytes is an empty list. */
enum err claude_read(struct str bytes, struct arena *a, struct source_file *ret,
    struct err_info *e);

/* "<session-uuid>-agent-<agent-uuid>.json" to its two ids; false otherwise. */
bool claude_todo_name(struct str name, struct str *session, struct str *agent);
/* The members cwd, gitBranch of the first lines of a transcript (or of a part
 * of one): n 0 where no line has them. */
void claude_transcript(struct str lines, struct arena *a, struct str *cwd,
    struct str *branch);

#endif
