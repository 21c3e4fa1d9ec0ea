/* The insides of accounts_*.c.
 *
 * Two connections, so that the loop thread never waits for a commit:
 *
 *	write  under write_lock: every change, and what it reads for it
 *	read   under read_lock:  sessions at their first sight, into the cache
 *
 * Who holds write_lock may take read_lock, and does so after each commit to drop
 * what it changed from the cache; never the other way round.  So a session is
 * never loaded as it was before a change and kept after it.
 *
 * Changes of other processes are found by SQLite's data_version, which tells a
 * connection that somebody else has committed.  For the reading connection that
 * somebody may be the writing one: accounts_changed() sorts it out. */
#ifndef CLOWDER_ACCOUNTS_INT_H
#define CLOWDER_ACCOUNTS_INT_H

#include <pthread.h>

#include "accounts.h"
#include "family.h"
#include "id.h"
#include "jwt.h"
#include "map.h"
#include "sql.h"
#include "throttle.h"

/* A session as the check knows it. */
struct seen {
	char id[EID_TEXT_MAX]; /* key of the cache */
	bool alive;
	struct account_who who; /* own, one block: block */
	void *block;            /* own */
};

struct accounts {
	struct accounts_options opt;
	char hub_id[EID_TEXT_MAX];
	struct jwt_key *key; /* own; fixed after open; the last one signs */
	size_t n_keys, cap_keys;

	pthread_mutex_t write_lock;
	struct sql write;

	pthread_mutex_t read_lock;
	struct sql read;
	struct map seen; /* session id -> struct seen, own */
	unsigned read_busy_ms;
	bool looked; /* for changes of others, at looked_ms */
	int64_t looked_ms;
	int64_t seen_version;   /* data_version of read, as of the cache */
	int64_t others_version; /* data_version of write; write_lock */

	pthread_mutex_t throttle_lock;
	struct throttle *by_account, *by_address;
};

/* A name in its own form and in the form in which two are the same. */
struct account_name {
	struct str text, key; /* in the arena */
};
/* accounts_name.c.  ERR_REFUSED says what is allowed. */
enum err name_user(struct str s, struct arena *ar, struct account_name *ret,
    struct err_info *e);
enum err name_email(struct str s, struct arena *ar, struct account_name *ret,
    struct err_info *e);
enum err name_slug(struct str slug, struct err_info *e);
enum err name_title(struct str s, struct err_info *e);
/* The key that a login names, whatever it is; n 0 where nobody can have it. */
enum err name_login(struct str s, struct arena *ar, struct str *key,
    struct err_info *e);
/* A slug made of a user's name, never empty. */
enum err name_to_slug(struct str name, struct arena *ar, struct str *ret,
    struct err_info *e);

/* Fill with chance; write_lock is held, or nobody else knows a yet. */
void accounts_random(struct accounts *a, void *out, size_t n);
/* A new id as text; as above. */
void accounts_new_id(struct accounts *a, int64_t now_ms,
    char out[EID_TEXT_MAX]);
/* Around every change: lock and BEGIN; COMMIT or ROLLBACK and unlock. */
enum err accounts_begin(struct accounts *a, struct err_info *e);
enum err accounts_end(struct accounts *a, enum err rc, struct err_info *e);
/* After a commit of ours, write_lock held: drop the session that it changed
 * (n 0: all) from the cache. */
void accounts_changed(struct accounts *a, struct str session_id);
void accounts_forget_all(struct accounts *a);
enum err accounts_version(struct sql *s, int64_t *ret, struct err_info *e);
/* What access tokens of this hub must say. */
struct jwt_want accounts_want(const struct accounts *a, enum jwt_kind kind,
    int64_t now_ms);

#endif
