/* What a repository says about a folder, read from its files: git itself is not
 * run (it may be absent, and costs more than a whole command of ours).
 * gitrepository-layout(5), git-config(1), git-worktree(1). */
#ifndef CLOWDER_GIT_H
#define CLOWDER_GIT_H

#include "arena.h"
#include "err.h"
#include "str.h"

/* All in the arena; NULL: there is none. */
struct os_git {
	const char *top;        /* top folder of this working tree */
	const char *git_dir;    /* of this working tree */
	const char *common_dir; /* of all working trees: same repository */
	const char *origin; /* url of the remote "origin", as it stands there */
	const char *branch; /* without refs/heads/; NULL when detached */
	const char *head;   /* hex of the commit; NULL before the first */
};

/* From a folder upwards to the root.  ERR_NOT_FOUND: not in a working tree.
 * A file in it that cannot be read or makes no sense leaves its member NULL:
 * the repository is somebody else's, and what is missing is only information. */
enum err os_git_find(const char *from, struct arena *a, struct os_git *ret,
    struct err_info *e);
/* The first `url` of [remote "name"] in the text of a git config file; *ret is
 * NULL where there is none.  Includes and insteadOf are not followed.  Pure. */
enum err os_git_remote(struct str text, const char *name, struct arena *a,
    const char **ret, struct err_info *e);

#endif
