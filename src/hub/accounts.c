/* The database of accounts: opening, keys, teams, users.  Signing in is in
 * accounts_sign.c, asking who it is in accounts_who.c. */
#include "accounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accounts_int.h"
#include "fault.h"
#include "file.h"
#include "hub_schema.h"

enum {
	APPLICATION_ID = 0x436c7748, /* "ClwH" */
	BUSY_MS = 5000,
	READ_BUSY_MS = 1000, /* the loop thread waits for this one */
	SLUG_TRIES = 8
};

static void
random_system(void *ctx, void *out, size_t n)
{
	(void)ctx;
	randombytes_buf(out, n);
}

void
accounts_random(struct accounts *a, void *out, size_t n)
{
	a->opt.random(a->opt.ctx, out, n);
}

void
accounts_new_id(struct accounts *a, int64_t now_ms, char out[EID_TEXT_MAX])
{
	uint8_t random[10];
	struct eid id;

	accounts_random(a, random, sizeof random);
	eid_new(&id, (uint64_t)(now_ms > 0 ? now_ms : 0), random);
	(void)eid_format(&id, out);
}

enum err
accounts_begin(struct accounts *a, struct err_info *e)
{
	enum err rc;

	(void)pthread_mutex_lock(&a->write_lock);
	rc = sql_begin(&a->write, e);
	if (rc != ERR_OK)
		(void)pthread_mutex_unlock(&a->write_lock);
	return rc;
}

enum err
accounts_end(struct accounts *a, enum err rc, struct err_info *e)
{
	rc = sql_end(&a->write, rc, e);
	(void)pthread_mutex_unlock(&a->write_lock);
	return rc;
}

/* --- opening ---------------------------------------------------------------- */

/* SQLite would make the file readable for everybody.  The lock: closing any
 * descriptor of a database takes away the locks that this process holds on it
 * (https://www.sqlite.org/howtocorrupt.html), so nobody else may have opened it
 * between our two calls. */
static enum err
file_make(const char *path, struct err_info *e)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	enum err rc = ERR_OK;
	int fd;

	(void)pthread_mutex_lock(&one);
	fd = fault_tick() ?
	    (errno = EIO, -1) :
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		rc = err_sys(e, errno, "%s", path);
	if (fd >= 0 && fchmod(fd, 0600) != 0)
		rc = err_sys(e, errno, "%s", path);
	if (fd >= 0 && close(fd) != 0 && rc == ERR_OK)
		rc = err_sys(e, errno, "%s", path);
	(void)pthread_mutex_unlock(&one);
	return rc == ERR_OK ? os_mode_check(path, 0600, e) : rc;
}

static enum err
key_insert(struct accounts *a, const uint8_t secret[JWT_KEY_BYTES],
    int64_t now_ms, struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "INSERT INTO jwt_key (secret, created_ms) VALUES (?1, ?2)");
	query_blob(&q, secret, JWT_KEY_BYTES);
	query_int(&q, now_ms);
	return query_run(&q, e);
}

static enum err
hub_make(struct accounts *a, int64_t now_ms, struct err_info *e)
{
	uint8_t secret[JWT_KEY_BYTES];
	struct query q = { 0 };
	char id[EID_TEXT_MAX];
	enum err rc;

	accounts_new_id(a, now_ms, id);
	accounts_random(a, secret, sizeof secret);
	/* The first process wins; what the others drew is forgotten. */
	query_open(&q, &a->write,
	    "INSERT INTO hub (one, id) VALUES (1, ?1) ON CONFLICT DO NOTHING");
	query_text(&q, str_of(id));
	rc = query_run(&q, e);
	if (rc != ERR_OK || sql_changes(&a->write) == 0)
		goto done;
	rc = key_insert(a, secret, now_ms, e);
done:
	query_close(&q);
	sodium_memzero(secret, sizeof secret);
	return rc;
}

enum err
accounts_key_rotate(struct accounts *a, int64_t now_ms, struct err_info *e)
{
	uint8_t secret[JWT_KEY_BYTES];
	enum err rc = accounts_begin(a, e);

	if (rc != ERR_OK)
		return rc;
	rc = sql_exec(&a->write,
	    "DELETE FROM jwt_key WHERE id < (SELECT max(id) FROM jwt_key)", e);
	accounts_random(a, secret, sizeof secret);
	if (rc == ERR_OK)
		rc = key_insert(a, secret, now_ms, e);
	sodium_memzero(secret, sizeof secret);
	return accounts_end(a, rc, e);
}

static enum err
hub_load(struct accounts *a, bool *found, struct err_info *e)
{
	struct query q = { 0 };
	struct str id;
	enum err rc;

	query_open(&q, &a->write, "SELECT id FROM hub");
	rc = query_row(&q, found, e);
	id = *found ? query_get(&q, 0) : (struct str){ 0 };
	if (rc == ERR_OK && id.n >= sizeof a->hub_id)
		rc = err_setf(e, ERR_CORRUPT, "the id of the hub");
	if (rc == ERR_OK && id.n > 0)
		memcpy(a->hub_id, id.p, id.n);
	query_close(&q);
	return rc;
}

static enum err
keys_load(struct accounts *a, struct err_info *e)
{
	struct query q = { 0 };
	bool found = true;
	enum err rc = ERR_OK;

	query_open(&q, &a->write, "SELECT id, secret FROM jwt_key ORDER BY id");
	for (;;) {
		struct str secret;

		rc = query_row(&q, &found, e);
		if (rc != ERR_OK || !found)
			break;
		secret = query_get(&q, 1);
		if (secret.n != JWT_KEY_BYTES ||
		    query_get_int(&q, 0) > UINT32_MAX) {
			rc = err_setf(e, ERR_CORRUPT, "a key of access tokens");
			break;
		}
		if (!mem_grow(&a->key, &a->cap_keys, a->n_keys + 1,
		        sizeof *a->key)) {
			rc = err_set(e, ERR_NOMEM);
			break;
		}
		jwt_key_init(&a->key[a->n_keys++],
		    (uint32_t)query_get_int(&q, 0), (const uint8_t *)secret.p);
	}
	query_close(&q);
	if (rc == ERR_OK && a->n_keys == 0)
		rc = err_setf(e, ERR_CORRUPT, "no key of access tokens");
	return rc;
}

static enum err
journal_set(struct accounts *a, struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	query_open(&q, &a->write, "PRAGMA journal_mode = TRUNCATE");
	rc = query_row(&q, &found, e);
	/* SQLite says which mode it is now, and no error where it is another:
	 * somebody else has the database open with a write-ahead log. */
	if (rc == ERR_OK && (!found || !str_is(query_get(&q, 0), "truncate")))
		rc = err_setf(e, ERR_LOCKED,
		    "another program has it open with a write-ahead log");
	query_close(&q);
	if (rc == ERR_OK)
		rc = sql_exec(&a->write,
		    "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
		    "PRAGMA secure_delete = ON",
		    e);
	return rc;
}

static enum err
database_open(struct accounts *a, const char *path, int64_t now_ms,
    struct err_info *e)
{
	bool found;
	enum err rc = file_make(path, e);

	if (rc == ERR_OK)
		rc = sql_open(&a->write, path, a->opt.busy_ms, e);
	if (rc == ERR_OK)
		rc = sql_migrate(&a->write, hub_schema, hub_schema_count,
		    APPLICATION_ID, e);
	/* Only now: a database that is not ours to write has not been touched. */
	if (rc == ERR_OK)
		rc = journal_set(a, e);
	if (rc == ERR_OK)
		rc = hub_load(a, &found, e);
	if (rc == ERR_OK && !found) {
		rc = accounts_begin(a, e);
		if (rc == ERR_OK)
			rc = accounts_end(a, hub_make(a, now_ms, e), e);
		if (rc == ERR_OK)
			rc = hub_load(a, &found, e);
	}
	if (rc == ERR_OK)
		rc = keys_load(a, e);
	if (rc == ERR_OK)
		rc = sql_open(&a->read, path, a->read_busy_ms, e);
	if (rc == ERR_OK)
		rc = accounts_version(&a->write, &a->others_version, e);
	return rc;
}

enum err
accounts_open(struct accounts **ret, const char *path,
    const struct accounts_options *opt, int64_t now_ms, struct err_info *e)
{
	struct accounts *a = NULL;
	enum err rc = ERR_OK;

	if (sodium_init() < 0)
		return err_setf(e, ERR_FAILED, "libsodium does not start");
	a = mem_zero(sizeof *a);
	if (a == NULL)
		return err_set(e, ERR_NOMEM);
	if (pthread_mutex_init(&a->write_lock, NULL) != 0 ||
	    pthread_mutex_init(&a->read_lock, NULL) != 0 ||
	    pthread_mutex_init(&a->throttle_lock, NULL) != 0) {
		/* Those that were made hold nothing on any system of ours. */
		free(a);
		return err_set(e, ERR_NOMEM);
	}
	a->opt = *opt;
	if (a->opt.random == NULL)
		a->opt.random = random_system;
	if (a->opt.cost == NULL)
		a->opt.cost = &password_cost;
	if (a->opt.busy_ms == 0)
		a->opt.busy_ms = BUSY_MS;
	a->read_busy_ms =
	    a->opt.busy_ms < READ_BUSY_MS ? a->opt.busy_ms : READ_BUSY_MS;
	rc = throttle_new(&a->by_account, &throttle_accounts, e);
	if (rc == ERR_OK)
		rc = throttle_new(&a->by_address, &throttle_addresses, e);
	if (rc == ERR_OK)
		rc = database_open(a, path, now_ms, e);
	if (rc == ERR_OK) {
		*ret = a;
		a = NULL; /* given to the caller */
	} else {
		rc = err_wrap(e, "%s", path);
	}
	accounts_close(a);
	return rc;
}

void
accounts_close(struct accounts *a)
{
	if (a == NULL)
		return;
	accounts_forget_all(a);
	map_fini(&a->seen);
	sql_close(&a->read);
	sql_close(&a->write);
	throttle_free(a->by_account);
	throttle_free(a->by_address);
	if (a->key != NULL)
		sodium_memzero(a->key, a->n_keys * sizeof *a->key);
	free(a->key);
	(void)pthread_mutex_destroy(&a->write_lock);
	(void)pthread_mutex_destroy(&a->read_lock);
	(void)pthread_mutex_destroy(&a->throttle_lock);
	free(a);
}

enum err
accounts_writable(struct accounts *a, struct err_info *e)
{
	enum err rc = accounts_begin(a, e);

	return rc == ERR_OK ? accounts_end(a, rc, e) : rc;
}

/* --- teams ------------------------------------------------------------------ */

static enum err
team_insert(struct accounts *a, const char *id, struct str slug,
    struct str name, bool is_private, int64_t now_ms, struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "INSERT INTO team (id, slug, name, private, created_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5)");
	query_text(&q, str_of(id));
	query_text(&q, slug);
	query_text(&q, name.n ? name : slug);
	query_int(&q, is_private);
	query_int(&q, now_ms);
	return query_run(&q, e);
}

enum err
accounts_team_add(struct accounts *a, struct str slug, struct str name,
    int64_t now_ms, struct err_info *e)
{
	char id[EID_TEXT_MAX];
	enum err rc = name_slug(slug, e);

	if (rc == ERR_OK)
		rc = name_title(name, e);
	if (rc == ERR_OK)
		rc = accounts_begin(a, e);
	if (rc != ERR_OK)
		return rc;
	accounts_new_id(a, now_ms, id);
	rc = team_insert(a, id, slug, name, false, now_ms, e);
	if (rc == ERR_EXISTS)
		rc = err_setf(e, ERR_EXISTS, "there is a team %.*s already",
		    STR_ARG(slug));
	return accounts_end(a, rc, e);
}

/* Lists: one query, rows into an array of the arena. */
typedef enum err row_fn(struct query *q, struct arena *ar, void *to,
    struct err_info *e);

static enum err
list(struct query *q, row_fn *row, size_t size, struct arena *ar, void **ret,
    size_t *n, struct err_info *e)
{
	char *item = NULL;
	size_t cap = 0, count = 0;
	bool found;
	enum err rc;

	for (;;) {
		rc = query_row(q, &found, e);
		if (rc != ERR_OK || !found)
			break;
		if (!mem_grow(&item, &cap, count + 1, size)) {
			rc = err_set(e, ERR_NOMEM);
			break;
		}
		rc = row(q, ar, item + count * size, e);
		if (rc != ERR_OK)
			break;
		count++;
	}
	query_close(q);
	*ret = arena_array(ar, count, size);
	if (rc == ERR_OK && *ret == NULL && count > 0)
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK && count > 0)
		memcpy(*ret, item, count * size);
	*n = rc == ERR_OK ? count : 0;
	free(item);
	return rc;
}

static enum err
team_row(struct query *q, struct arena *ar, void *to, struct err_info *e)
{
	struct account_team *t = to;
	enum err rc;

	*t = (struct account_team){ .is_private = query_get_int(q, 3) != 0 };
	rc = query_copy(q, 0, ar, &t->id, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 1, ar, &t->slug, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 2, ar, &t->name, e);
	return rc;
}

enum err
accounts_team_list(struct accounts *a, struct arena *ar,
    struct account_team **ret, size_t *n, struct err_info *e)
{
	struct query q = { 0 };
	void *item;
	enum err rc;

	(void)pthread_mutex_lock(&a->write_lock);
	query_open(&q, &a->write,
	    "SELECT id, slug, name, private FROM team ORDER BY slug");
	rc = list(&q, team_row, sizeof **ret, ar, &item, n, e);
	(void)pthread_mutex_unlock(&a->write_lock);
	*ret = item;
	return rc;
}

/* --- users ------------------------------------------------------------------ */

static enum err
slug_taken(struct accounts *a, struct str slug, bool *ret, struct err_info *e)
{
	struct query q = { 0 };
	enum err rc;

	query_open(&q, &a->write, "SELECT 1 FROM team WHERE slug = ?1");
	query_text(&q, slug);
	rc = query_row(&q, ret, e);
	query_close(&q);
	return rc;
}

/* The slug of a user's private team: of the name, and with four letters of
 * chance behind it where that is taken or reserved. */
static enum err
slug_make(struct accounts *a, struct str name, struct arena *ar,
    struct str *ret, struct err_info *e)
{
	static const char letter[] = "abcdefghjkmnpqrstuvwxyz23456789";
	struct err_info ignored = { 0 };
	struct str base;
	bool taken = true;
	enum err rc = name_to_slug(name, ar, &base, e);

	*ret = base;
	if (rc == ERR_OK && name_slug(base, &ignored) == ERR_OK)
		rc = slug_taken(a, base, &taken, e);
	for (int i = 0; i < SLUG_TRIES && rc == ERR_OK && taken; i++) {
		uint8_t r[4];
		char tail[5] = { 0 };

		accounts_random(a, r, sizeof r);
		for (int k = 0; k < 4; k++)
			tail[k] = letter[r[k] % (sizeof letter - 1)];
		*ret = str_of(arena_fmt(ar, "%.*s-%s", STR_ARG(base), tail));
		if (ret->p == NULL)
			return err_set(e, ERR_NOMEM);
		rc = slug_taken(a, *ret, &taken, e);
	}
	if (rc == ERR_OK && taken)
		rc = err_setf(e, ERR_EXISTS, "no free slug for a team of %.*s",
		    STR_ARG(name));
	return rc;
}

static enum err
member_insert(struct accounts *a, const char *user, const char *team,
    const char *role, struct err_info *e)
{
	struct query q = { 0 };

	/* A team that was named twice. */
	query_open(&q, &a->write,
	    "INSERT INTO member (user, team, role) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT DO NOTHING");
	query_text(&q, str_of(user));
	query_text(&q, str_of(team));
	query_text(&q, str_of(role));
	return query_run(&q, e);
}

static enum err
team_find(struct accounts *a, struct str slug, char id[EID_TEXT_MAX],
    struct err_info *e)
{
	struct query q = { 0 };
	struct str s;
	bool found;
	enum err rc;

	query_open(&q, &a->write, "SELECT id FROM team WHERE slug = ?1");
	query_text(&q, slug);
	rc = query_row(&q, &found, e);
	s = found ? query_get(&q, 0) : (struct str){ 0 };
	if (rc == ERR_OK && !found)
		rc = err_setf(e, ERR_NOT_FOUND, "there is no team %.*s",
		    STR_ARG(slug));
	else if (rc == ERR_OK && s.n >= EID_TEXT_MAX)
		rc = err_setf(e, ERR_CORRUPT, "the id of team %.*s",
		    STR_ARG(slug));
	if (rc == ERR_OK) {
		memcpy(id, s.p, s.n);
		id[s.n] = '\0';
	}
	query_close(&q);
	return rc;
}

/* One column of user that must not be there twice. */
static enum err
user_absent(struct accounts *a, const char *text, struct str key,
    const char *what, struct str shown, struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	query_open(&q, &a->write, text);
	query_text(&q, key);
	rc = query_row(&q, &found, e);
	query_close(&q);
	if (rc == ERR_OK && found)
		rc = err_setf(e, ERR_EXISTS, "the %s %.*s is taken", what,
		    STR_ARG(shown));
	return rc;
}

struct new_user {
	struct account_name name, email;
	char hash[PASSWORD_HASH_MAX];
	char id[EID_TEXT_MAX];
};

static enum err
user_insert(struct accounts *a, const struct new_user *u,
    const char *default_team, int64_t now_ms, struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "INSERT INTO user (id, name, name_key, email, email_key, password,"
	    " default_team, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
	    "?8)");
	query_text(&q, str_of(u->id));
	query_text(&q, u->name.text);
	query_text(&q, u->name.key);
	query_text_null(&q, u->email.text);
	query_text_null(&q, u->email.key);
	query_text(&q, str_of(u->hash));
	query_text(&q, str_of(default_team));
	query_int(&q, now_ms);
	return query_run(&q, e);
}

/* Everything about a new user, in one transaction. */
static enum err
user_insert_all(struct accounts *a, struct new_user *u, const struct str *team,
    size_t n_teams, int64_t now_ms, struct arena *ar, struct err_info *e)
{
	char own[EID_TEXT_MAX], id[EID_TEXT_MAX];
	struct str slug;
	enum err rc;

	accounts_new_id(a, now_ms, u->id);
	accounts_new_id(a, now_ms, own);
	rc = user_absent(a, "SELECT 1 FROM user WHERE name_key = ?1",
	    u->name.key, "user name", u->name.text, e);
	if (rc == ERR_OK && u->email.key.n > 0)
		rc = user_absent(a, "SELECT 1 FROM user WHERE email_key = ?1",
		    u->email.key, "e-mail address", u->email.text, e);
	if (rc == ERR_OK)
		rc = slug_make(a, u->name.text, ar, &slug, e);
	if (rc == ERR_OK)
		rc = team_insert(a, own, slug, u->name.text, true, now_ms, e);
	memcpy(id, own, sizeof id);
	if (rc == ERR_OK && n_teams > 0)
		rc = team_find(a, team[0], id, e);
	if (rc == ERR_OK)
		rc = user_insert(a, u, id, now_ms, e);
	if (rc == ERR_OK)
		rc = member_insert(a, u->id, own, "owner", e);
	for (size_t i = 0; i < n_teams && rc == ERR_OK; i++) {
		rc = team_find(a, team[i], id, e);
		if (rc == ERR_OK)
			rc = member_insert(a, u->id, id, "member", e);
	}
	return rc;
}

enum err
accounts_user_add(struct accounts *a, const struct account_new *u,
    int64_t now_ms, struct err_info *e)
{
	struct arena ar = { 0 };
	struct new_user made = { 0 };
	enum err rc = name_user(u->name, &ar, &made.name, e);

	if (rc == ERR_OK && u->email.n > 0)
		rc = name_email(u->email, &ar, &made.email, e);
	if (rc == ERR_OK)
		rc = password_hash(u->password, a->opt.cost, made.hash, e);
	if (rc == ERR_OK)
		rc = accounts_begin(a, e);
	if (rc == ERR_OK)
		rc = accounts_end(a,
		    user_insert_all(a, &made, u->team, u->n_teams, now_ms, &ar,
		        e),
		    e);
	arena_fini(&ar);
	return rc;
}

static enum err
user_row(struct query *q, struct arena *ar, void *to, struct err_info *e)
{
	struct account_user *u = to;
	enum err rc;

	*u = (struct account_user){
		.disabled = query_get_int(q, 4) != 0,
		.created_ms = query_get_int(q, 5),
		.sessions = (uint64_t)query_get_int(q, 6),
	};
	rc = query_copy(q, 0, ar, &u->id, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 1, ar, &u->name, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 2, ar, &u->email, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 3, ar, &u->default_team, e);
	return rc;
}

enum err
accounts_user_list(struct accounts *a, int64_t now_ms, struct arena *ar,
    struct account_user **ret, size_t *n, struct err_info *e)
{
	struct query q = { 0 };
	void *item;
	enum err rc;

	(void)pthread_mutex_lock(&a->write_lock);
	query_open(&q, &a->write,
	    "SELECT u.id, u.name, u.email, t.slug, u.disabled, u.created_ms,"
	    " (SELECT count(*) FROM family f WHERE f.user = u.id"
	    "  AND f.state = ?1 AND f.expires_ms > ?2)"
	    " FROM user u JOIN team t ON t.id = u.default_team"
	    " ORDER BY u.name_key");
	query_int(&q, FAMILY_ACTIVE);
	query_int(&q, now_ms);
	rc = list(&q, user_row, sizeof **ret, ar, &item, n, e);
	(void)pthread_mutex_unlock(&a->write_lock);
	*ret = item;
	return rc;
}

/* The key of a user that has to be there: what is no name at all is nobody's. */
static enum err
name_known(struct str name, struct arena *ar, struct account_name *who,
    struct err_info *e)
{
	enum err rc = name_user(name, ar, who, e);

	return rc == ERR_REFUSED ?
	    err_setf(e, ERR_NOT_FOUND, "there is no such user") :
	    rc;
}

/* A change of one user that ends every session: text has ?1 = key of the name
 * and perhaps ?2 = value. */
static enum err
user_change(struct accounts *a, struct str name, const char *text,
    const char *value, struct err_info *e)
{
	struct arena ar = { 0 };
	struct account_name who;
	struct query q = { 0 };
	enum err rc = name_known(name, &ar, &who, e);

	if (rc == ERR_OK)
		rc = accounts_begin(a, e);
	if (rc != ERR_OK)
		goto done;
	query_open(&q, &a->write, text);
	query_text(&q, who.key);
	if (value != NULL)
		query_text(&q, str_of(value));
	rc = query_run(&q, e);
	if (rc == ERR_OK && sql_changes(&a->write) == 0)
		rc = err_setf(e, ERR_NOT_FOUND, "there is no user %.*s",
		    STR_ARG(who.text));
	if (rc != ERR_OK)
		goto end;
	query_open(&q, &a->write,
	    "UPDATE family SET state = ?1 WHERE state = ?2 AND user ="
	    " (SELECT id FROM user WHERE name_key = ?3)");
	query_int(&q, FAMILY_ENDED);
	query_int(&q, FAMILY_ACTIVE);
	query_text(&q, who.key);
	rc = query_run(&q, e);
end:
	rc = sql_end(&a->write, rc, e);
	if (rc == ERR_OK)
		accounts_changed(a, (struct str){ 0 });
	(void)pthread_mutex_unlock(&a->write_lock);
done:
	query_close(&q);
	arena_fini(&ar);
	return rc;
}

enum err
accounts_passwd(struct accounts *a, struct str name, struct str password,
    struct err_info *e)
{
	char hash[PASSWORD_HASH_MAX];
	enum err rc = password_hash(password, a->opt.cost, hash, e);

	if (rc != ERR_OK)
		return rc;
	return user_change(a, name,
	    "UPDATE user SET password = ?2 WHERE name_key = ?1", hash, e);
}

enum err
accounts_disable(struct accounts *a, struct str name, struct err_info *e)
{
	return user_change(a, name,
	    "UPDATE user SET disabled = 1 WHERE name_key = ?1", NULL, e);
}

enum err
accounts_enable(struct accounts *a, struct str name, struct err_info *e)
{
	return user_change(a, name,
	    "UPDATE user SET disabled = 0 WHERE name_key = ?1", NULL, e);
}

/* --- members ---------------------------------------------------------------- */

struct member {
	char team[EID_TEXT_MAX], user[EID_TEXT_MAX];
	bool is_private, is_default, there;
};

static enum err
id_copy(struct query *q, int column, char to[EID_TEXT_MAX], struct err_info *e)
{
	struct str s = query_get(q, column);

	if (s.n >= EID_TEXT_MAX)
		return err_setf(e, ERR_CORRUPT, "an id is too long");
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return ERR_OK;
}

/* [tx] Both, and how they stand to each other. */
static enum err
member_find(struct accounts *a, struct str slug, struct str user_key,
    struct member *m, struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	query_open(&q, &a->write,
	    "SELECT t.id, t.private, u.id, u.default_team = t.id,"
	    " (SELECT count(*) FROM member m WHERE m.team = t.id"
	    "  AND m.user = u.id)"
	    " FROM (SELECT 1) LEFT JOIN team t ON t.slug = ?1"
	    " LEFT JOIN user u ON u.name_key = ?2");
	query_text(&q, slug);
	query_text(&q, user_key);
	rc = query_row(&q, &found, e);
	if (rc == ERR_OK)
		rc = id_copy(&q, 0, m->team, e);
	if (rc == ERR_OK)
		rc = id_copy(&q, 2, m->user, e);
	m->is_private = query_get_int(&q, 1) != 0;
	m->is_default = query_get_int(&q, 3) != 0;
	m->there = query_get_int(&q, 4) != 0;
	query_close(&q);
	if (rc == ERR_OK && m->team[0] == '\0')
		rc = err_setf(e, ERR_NOT_FOUND, "there is no team %.*s",
		    STR_ARG(slug));
	else if (rc == ERR_OK && m->user[0] == '\0')
		rc = err_setf(e, ERR_NOT_FOUND, "there is no such user");
	else if (rc == ERR_OK && m->is_private)
		rc = err_setf(e, ERR_REFUSED,
		    "%.*s is a private team: it is its user's alone",
		    STR_ARG(slug));
	return rc;
}

static enum err
member_delete(struct accounts *a, const struct member *m, struct err_info *e)
{
	struct query q = { 0 };
	enum err rc;

	query_open(&q, &a->write,
	    "DELETE FROM member WHERE team = ?1 AND user = ?2");
	query_text(&q, str_of(m->team));
	query_text(&q, str_of(m->user));
	rc = query_run(&q, e);
	query_close(&q);
	if (rc != ERR_OK || !m->is_default)
		return rc;
	query_open(&q, &a->write,
	    "UPDATE user SET default_team = (SELECT t.id FROM member m"
	    " JOIN team t ON t.id = m.team WHERE m.user = ?1 AND t.private = 1)"
	    " WHERE id = ?1");
	query_text(&q, str_of(m->user));
	rc = query_run(&q, e);
	query_close(&q);
	return rc;
}

static enum err
member_set(struct accounts *a, struct str slug, struct str name, bool in,
    struct err_info *e)
{
	struct arena ar = { 0 };
	struct account_name who;
	struct member m = { 0 };
	enum err rc = name_known(name, &ar, &who, e);

	if (rc == ERR_OK)
		rc = accounts_begin(a, e);
	if (rc != ERR_OK)
		goto done;
	rc = member_find(a, slug, who.key, &m, e);
	if (rc == ERR_OK && m.there == in)
		rc = err_setf(e, in ? ERR_EXISTS : ERR_NOT_FOUND,
		    in ? "%.*s is in team %.*s already" :
		         "%.*s is not in team %.*s",
		    STR_ARG(who.text), STR_ARG(slug));
	if (rc == ERR_OK)
		rc = in ? member_insert(a, m.user, m.team, "member", e) :
		          member_delete(a, &m, e);
	rc = sql_end(&a->write, rc, e);
	if (rc == ERR_OK)
		accounts_changed(a, (struct str){ 0 });
	(void)pthread_mutex_unlock(&a->write_lock);
done:
	arena_fini(&ar);
	return rc;
}

enum err
accounts_team_join(struct accounts *a, struct str slug, struct str name,
    struct err_info *e)
{
	return member_set(a, slug, name, true, e);
}

enum err
accounts_team_leave(struct accounts *a, struct str slug, struct str name,
    struct err_info *e)
{
	return member_set(a, slug, name, false, e);
}

void
accounts_password_make(struct accounts *a, char out[PASSWORD_MADE_LEN + 1])
{
	uint8_t random[PASSWORD_MADE_RANDOM];

	(void)pthread_mutex_lock(&a->write_lock);
	accounts_random(a, random, sizeof random);
	(void)pthread_mutex_unlock(&a->write_lock);
	password_make(random, out);
	sodium_memzero(random, sizeof random);
}
