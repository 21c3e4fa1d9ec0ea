/* The insides of accounts_*.c.
 *
 * Two connections, so that the loop thread never waits for a commit:
 *
 *	write  under write_lock: every change, and what it reads for it
 *	read   under read_lock:  sessions at their first sight, into the cache
 *
 * Who holds read_lock may only try write_lock; who holds write_lock may take
 * read_lock, and does so after each commit to drop what it changed from the
 * cache.  So a session is never loaded as it was before a change and kept after
 * it.  Changes of other processes are found by SQLite's data_version of the
 * write connection, which counts commits of others only. */
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
	int64_t data_version;
	bool looked; /* data_version was read, at looked_ms */
	int64_t looked_ms;

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
/* Drop one session (n 0: all) from the cache; write_lock is held. */
void accounts_forget(struct accounts *a, struct str session_id);
/* What access tokens of this hub must say. */
struct jwt_want accounts_want(const struct accounts *a, enum jwt_kind kind,
    int64_t now_ms);

#endif
