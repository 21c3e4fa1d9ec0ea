#include "path.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

const char *
os_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *
os_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return arena_dup(a, STR("."));
	return arena_dup(a,
	    str_n(path, slash == path ? 1 : (size_t)(slash - path)));
}

char *
os_join(struct arena *a, const char *dir, const char *name)
{
	size_t n = strlen(dir);

	if (n == 0 || name[0] == '/')
		return arena_dup(a, str_of(name));
	return arena_fmt(a, dir[n - 1] == '/' ? "%s%s" : "%s/%s", dir, name);
}

static enum err
give(const char *path, const char **ret, struct err_info *e)
{
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	*ret = path;
	return ERR_OK;
}

/* The folder that the user database names for this user; "" where it has none. */
static enum err
database_dir(struct arena *a, const char **ret, struct err_info *e)
{
	struct passwd pw, *found = NULL;
	size_t size = 1024;
	char *room = NULL;
	int err;
	enum err rc;

	do {
		free(room);
		room = mem_alloc(size *= 2);
		if (room == NULL)
			return err_set(e, ERR_NOMEM);
		err = getpwuid_r(geteuid(), &pw, room, size, &found);
	} while (err == ERANGE && size < 1 << 20);
	if (err != 0 || found == NULL || found->pw_dir[0] != '/')
		rc = err_setf(e, ERR_NOT_FOUND,
		    "no home folder: set HOME or CLOWDER_HOME");
	else
		rc = give(arena_dup(a, str_of(found->pw_dir)), ret, e);
	free(room);
	return rc;
}

enum err
os_user_dir(struct arena *a, const char **ret, struct err_info *e)
{
	const char *home = getenv("HOME");

	if (home != NULL && home[0] == '/')
		return give(arena_dup(a, str_of(home)), ret, e);
	return database_dir(a, ret, e);
}

enum err
os_home_dir(const char *program_name, struct arena *a, const char **ret,
    struct err_info *e)
{
	const char *set = getenv("CLOWDER_HOME"), *user;
	bool other = strcmp(os_base(program_name), "spec-kitty") == 0;
	enum err rc;

	if (set != NULL && set[0] != '\0')
		return os_absolute(a, set, ret, e);
	rc = os_user_dir(a, &user, e);
	if (rc != ERR_OK)
		return rc;
	return give(os_join(a, user, other ? ".spec-kitty" : ".clowder"), ret,
	    e);
}

enum err
os_expand(struct arena *a, const char *path, const char **ret,
    struct err_info *e)
{
	const char *user;
	enum err rc;

	if (path[0] != '~' || (path[1] != '/' && path[1] != '\0'))
		return give(arena_dup(a, str_of(path)), ret, e);
	rc = os_user_dir(a, &user, e);
	if (rc != ERR_OK)
		return rc;
	path += 1 + strspn(path + 1, "/");
	return give(*path ? os_join(a, user, path) : user, ret, e);
}

enum err
os_cwd(struct arena *a, const char **ret, struct err_info *e)
{
	char *cwd = getcwd(NULL, 0);
	enum err rc;

	if (cwd == NULL)
		return err_sys(e, errno, "working folder");
	rc = give(arena_dup(a, str_of(cwd)), ret, e);
	free(cwd);
	return rc;
}

enum err
os_absolute(struct arena *a, const char *path, const char **ret,
    struct err_info *e)
{
	const char *cwd;
	enum err rc;

	if (path[0] == '/')
		return give(arena_dup(a, str_of(path)), ret, e);
	rc = os_cwd(a, &cwd, e);
	if (rc != ERR_OK)
		return rc;
	return give(os_join(a, cwd, path), ret, e);
}

enum err
os_real(struct arena *a, const char *path, const char **ret, struct err_info *e)
{
	char *real = realpath(path, NULL);
	enum err rc;

	if (real == NULL)
		return err_sys(e, errno, "%s", path);
	rc = give(arena_dup(a, str_of(real)), ret, e);
	free(real);
	return rc;
}
