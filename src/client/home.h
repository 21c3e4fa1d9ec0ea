/* The home folder: where each file of this user's replica stands.
 * docs/formats.md 1.  Nothing is made before something is written. */
#ifndef CLOWDER_HOME_H
#define CLOWDER_HOME_H

#include "arena.h"
#include "err.h"

/* All absolute, in the arena. */
struct home {
	const char *dir;
	const char *config;   /* config.toml */
	const char *store;    /* store.db */
	const char *doorbell; /* touched after each commit */
	const char *sync_lock;
	const char *auth_dir, *session, *salt, *refresh_lock;
	const char *daemon_state, *daemon_lock, *daemon_log;
	const char *notices;  /* what was said once already */
	const char *sessions; /* folder: of this machine, one file each */
	const char *export_dir;
};

/* program: argv[0]; started as spec-kitty the home is that program's. */
enum err home_find(struct home *ret, const char *program, struct arena *a,
    struct err_info *e);
/* Make the folder and its auth and local folders, each 0700. */
enum err home_make(const struct home *h, struct err_info *e);

/* Replace a file below the home folder, as ours alone (0600).  A link or a pipe in
 * its place goes: nothing is written through it.  ERR_REFUSED: a folder. */
enum err home_write(const char *path, struct str data, struct err_info *e);

/* Take away what writers left that were killed: temporary files that lie in these
 * folders for an hour.  What cannot be removed stays. */
void home_sweep(const struct home *h);

/* Once-only lines: true the first time that `what` (a word without newlines) is
 * asked for, and again when forget_s seconds have passed (0 = never).  What
 * cannot be remembered counts as not said yet. */
bool home_notice(const struct home *h, const char *what, int64_t now_ms,
    uint64_t forget_s);

#endif
