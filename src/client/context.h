/* What a command stands in: home, configuration, replica, project, space,
 * author.  Each is found when it is first asked for, so that a command pays for
 * what it uses.  One thread. */
#ifndef CLOWDER_CONTEXT_H
#define CLOWDER_CONTEXT_H

#include "config.h"
#include "home.h"
#include "project.h"
#include "spaces.h"
#include "store.h"

struct ctx {
	const char *program; /* "clowder", or "spec-kitty" when started so */
	const char *title;   /* "Clowder", "Spec Kitty" */
	struct arena arena;  /* for as long as the command runs */
	struct home home;
	struct config config;
	struct project project;
	struct store *store; /* own */
	struct spaces_choice choice;
	bool has_home, has_config, has_project, writes, no_store, has_space;
	bool was_empty; /* store.db lay there with nothing in it: begun anew */
	const char *folder; /* where the project is looked for; NULL = here */
	struct str author;
};

/* program: argv[0]. */
void ctx_init(struct ctx *c, const char *program);
void ctx_fini(struct ctx *c);

enum err ctx_home(struct ctx *c, const struct home **ret, struct err_info *e);
enum err ctx_config(struct ctx *c, const struct config **ret,
    struct err_info *e);
/* The replica for a command that only looks: takes no lock, makes nothing.
 * Where there is none yet it is an empty one in memory (c->no_store). */
enum err ctx_store_read(struct ctx *c, struct store **ret, struct err_info *e);
/* The replica for a command that writes: home and store are made where they are
 * missing, with the space `local`. */
enum err ctx_store_write(struct ctx *c, struct store **ret, struct err_info *e);
/* The project of the folder. */
enum err ctx_project(struct ctx *c, const struct project **ret,
    struct err_info *e);
/* The space in which the folder's project is worked on (spaces.h).  Opens the
 * replica for reading where it is not open. */
enum err ctx_space(struct ctx *c, space_id *ret, struct err_info *e);
/* The same with what is to be said about it: known, several, foreign. */
enum err ctx_choice(struct ctx *c, const struct spaces_choice **ret,
    struct err_info *e);
/* Who writes: $CLOWDER_AUTHOR; "agent:claude/<session>" below Claude Code;
 * "user:<name>": the account that was signed in last, else the system's name of
 * the user.  At most 256 bytes. */
enum err ctx_author(struct ctx *c, struct str *ret, struct err_info *e);
/* Fill the parts of a draft that are the same for every event of this command:
 * author, session, project, branch, head.  ERR_USAGE: $CLOWDER_AUTHOR. */
enum err ctx_draft(struct ctx *c, struct draft *d, struct err_info *e);

/* The session id below an agent that says so; n 0 = none. */
struct str ctx_agent_session(void);
/* The session that writes: $CLOWDER_SESSION_ID, else below Claude Code its own;
 * n 0 = none.  ERR_USAGE: the variable holds what is no id. */
enum err ctx_session(struct str *ret, struct err_info *e);

/* The world for stores that commands open. */
struct store_env ctx_store_env(void);

#endif
