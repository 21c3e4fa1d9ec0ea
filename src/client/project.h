/* Which project a folder belongs to.  docs/formats.md 1, A project's identity.
 *
 * First that is there: .clowder/project.toml, from the folder up to the top of
 * its working tree; .kittify/config.yaml at the top; the remote "origin"; this
 * machine and the path.  Worktrees of one repository are one project. */
#ifndef CLOWDER_PROJECT_H
#define CLOWDER_PROJECT_H

#include "arena.h"
#include "err.h"
#include "git.h"
#include "str.h"

enum project_from {
	PROJECT_FILE,    /* .clowder/project.toml */
	PROJECT_KITTIFY, /* .kittify/config.yaml */
	PROJECT_REMOTE,  /* the URL of origin */
	PROJECT_PATH     /* machine id and path */
};

/* Everything lives in the arena. */
struct project {
	const char *root; /* folder that holds the identity, or would */
	struct str uuid;  /* normal form */
	struct str slug;  /* stored, else made of the folder's name */
	enum project_from from;
	struct str remote; /* canonical URL of origin; n 0 = none */
	bool has_git;
	struct os_git git; /* of the folder that was asked for */
};

/* folder: need not be there any more.  ERR_CONFIG: a project file that is wrong,
 * by path and line. */
enum err project_find(struct project *ret, const char *folder, struct arena *a,
    struct err_info *e);
/* Write .clowder/project.toml below root.  ERR_EXISTS where there is one. */
enum err project_write(const char *root, struct str uuid, struct str slug,
    struct err_info *e);

/* "github.com/owner/name" of any spelling of a remote's URL: lower-case host,
 * path; no scheme, user, port, `.git`.  n 0 where it names no host (a path on
 * this machine says nothing to others) or memory ran out. */
struct str project_canonical_url(struct str url, struct arena *a);
/* The value of `project.uuid` in .kittify/config.yaml; n 0 = none.  Pure. */
struct str project_kittify_uuid(struct str yaml);
const char *project_from_name(enum project_from f);

#endif
