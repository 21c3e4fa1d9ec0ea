/* Paths, and the folders that belong to the user.  What is returned lives in
 * the arena.  Reads the environment: main thread, or before threads start. */
#ifndef CLOWDER_PATH_H
#define CLOWDER_PATH_H

#include "arena.h"
#include "err.h"

/* The home of clowder: $CLOWDER_HOME, else ~/.clowder; started as `spec-kitty`
 * (last part of program_name): ~/.spec-kitty.  Always absolute. */
enum err os_home_dir(const char *program_name, struct arena *a,
    const char **ret, struct err_info *e);
/* $HOME, else (empty, relative) the user database.  ERR_NOT_FOUND: neither. */
enum err os_user_dir(struct arena *a, const char **ret, struct err_info *e);
/* "dir/name"; name alone when it is absolute or dir is "".  NULL: no memory. */
char *os_join(struct arena *a, const char *dir, const char *name);
/* "~" and "~/x" become the user's folder; anything else stays as it is. */
enum err os_expand(struct arena *a, const char *path, const char **ret,
    struct err_info *e);
/* Made absolute by the working folder; nothing is resolved, nothing need be
 * there. */
enum err os_absolute(struct arena *a, const char *path, const char **ret,
    struct err_info *e);
/* realpath(3): links resolved; ERR_NOT_FOUND when it is not there. */
enum err os_real(struct arena *a, const char *path, const char **ret,
    struct err_info *e);
enum err os_cwd(struct arena *a, const char **ret, struct err_info *e);
const char *os_base(const char *path); /* behind the last '/' (borrowed) */
/* What stands before the last '/': "." where there is none, "/" of "/x". */
char *os_dir(struct arena *a, const char *path);

#endif
