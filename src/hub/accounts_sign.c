/* Signing in, refreshing, signing out. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "accounts.h"
#include "accounts_int.h"

enum { TOKENS_PER_FAMILY = 1024 };

static const int64_t keep_dead_ms = INT64_C(30) * 24 * 3600 * 1000;

/* --- what a grant says -------------------------------------------------------- */

static unsigned
seconds_left(int64_t until_ms, int64_t now_ms)
{
	return until_ms > now_ms ? (unsigned)((until_ms - now_ms) / 1000) : 0;
}

/* The answer to a sign-in or refresh that went well. */
static enum err
grant_make(struct accounts *a, const struct family *f, struct str user_id,
    const uint8_t refresh[FAMILY_TOKEN_BYTES], int64_t now_ms, struct arena *ar,
    struct account_grant *g, struct err_info *e)
{
	char text[FAMILY_TEXT_LEN + 1];
	struct jwt_want want = accounts_want(a, JWT_ACCESS, now_ms);
	struct jwt_claims c = {
		.sub = user_id,
		.sid = g->session_id,
		.iss = want.iss,
		.aud = want.aud,
		.iat_s = want.now_s,
		.exp_s = want.now_s + FAMILY_ACCESS_S,
	};
	struct buf b = { 0 };
	enum err rc;

	rc = jwt_sign(&a->key[a->n_keys - 1], JWT_ACCESS, &c, &b, e);
	if (rc == ERR_OK) {
		family_token_text(refresh, text);
		g->access = arena_str(ar, buf_str(&b));
		g->refresh = arena_str(ar, str_of(text));
		sodium_memzero(text, sizeof text);
		if (g->access.p == NULL || g->refresh.p == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	g->generation = f->generation;
	g->access_expires_ms = c.exp_s * 1000;
	g->refresh_expires_ms = f->expires_ms;
	g->access_s = FAMILY_ACCESS_S;
	g->refresh_s = seconds_left(f->expires_ms, now_ms);
	buf_fini(&b);
	return rc;
}

/* --- rows ---------------------------------------------------------------------- */

static enum err
token_insert(struct accounts *a, struct str family,
    const struct family_token *t, struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "INSERT INTO token (hash, family, generation, spent_ms)"
	    " VALUES (?1, ?2, ?3, 0)");
	query_blob(&q, t->hash, sizeof t->hash);
	query_text(&q, family);
	query_int(&q, (int64_t)t->generation);
	return query_run(&q, e);
}

static enum err
token_spend(struct accounts *a, const struct family_token *t,
    struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "UPDATE token SET spent_ms = ?2, sealed = ?3 WHERE hash = ?1");
	query_blob(&q, t->hash, sizeof t->hash);
	query_int(&q, t->spent_ms);
	query_blob(&q, t->sealed, sizeof t->sealed);
	return query_run(&q, e);
}

/* Older ones have a successor that is spent: no need to give it again.  What
 * would have expired by itself is forgotten, and so is whatever somebody piles
 * up who refreshes all the time. */
static enum err
tokens_age(struct accounts *a, struct str family, uint64_t generation,
    int64_t now_ms, struct err_info *e)
{
	struct query q = { 0 };
	enum err rc;

	query_open(&q, &a->write,
	    "UPDATE token SET sealed = NULL WHERE family = ?1"
	    " AND generation = ?2");
	query_text(&q, family);
	query_int(&q, (int64_t)generation - 2);
	rc = query_run(&q, e);
	if (rc != ERR_OK)
		return rc;
	query_open(&q, &a->write,
	    "DELETE FROM token WHERE family = ?1 AND generation < ?2"
	    " AND (spent_ms < ?3 OR generation < ?4)");
	query_text(&q, family);
	query_int(&q, (int64_t)generation - 1);
	query_int(&q, now_ms - FAMILY_REFRESH_S * INT64_C(1000));
	query_int(&q, (int64_t)generation - TOKENS_PER_FAMILY);
	return query_run(&q, e);
}

static enum err
family_insert(struct accounts *a, struct str id, struct str user,
    const struct family *f, int64_t now_ms, struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "INSERT INTO family (id, user, flow, state, generation, started_ms,"
	    " expires_ms) VALUES (?1, ?2, 'password', ?3, ?4, ?5, ?6)");
	query_text(&q, id);
	query_text(&q, user);
	query_int(&q, f->state);
	query_int(&q, (int64_t)f->generation);
	query_int(&q, now_ms);
	query_int(&q, f->expires_ms);
	return query_run(&q, e);
}

static enum err
family_update(struct accounts *a, struct str id, const struct family *f,
    struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "UPDATE family SET state = ?2, generation = ?3, expires_ms = ?4"
	    " WHERE id = ?1");
	query_text(&q, id);
	query_int(&q, f->state);
	query_int(&q, (int64_t)f->generation);
	query_int(&q, f->expires_ms);
	return query_run(&q, e);
}

/* A user's sign-ins that are long over. */
static enum err
families_age(struct accounts *a, struct str user, int64_t now_ms,
    struct err_info *e)
{
	struct query q = { 0 };

	query_open(&q, &a->write,
	    "DELETE FROM family WHERE user = ?1 AND expires_ms < ?2");
	query_text(&q, user);
	query_int(&q, now_ms - keep_dead_ms);
	return query_run(&q, e);
}

/* --- login --------------------------------------------------------------------- */

struct login {
	struct str key;     /* folded name or e-mail; n 0: nobody has it */
	struct str user_id; /* n 0: there is no such user */
	struct str team_slug;
	char hash[PASSWORD_HASH_MAX];
	char fresh_hash[PASSWORD_HASH_MAX]; /* "" unless it is to be replaced */
};

static enum err
login_find(struct accounts *a, struct login *l, struct arena *ar,
    struct err_info *e)
{
	struct query q = { 0 };
	struct str hash;
	bool found;
	enum err rc;

	if (l->key.n == 0)
		return ERR_OK;
	(void)pthread_mutex_lock(&a->write_lock);
	query_open(&q, &a->write,
	    str_find(l->key, '@') == SIZE_MAX ?
	        "SELECT u.id, t.slug, u.password FROM user u"
	        " JOIN team t ON t.id = u.default_team WHERE u.name_key = ?1" :
	        "SELECT u.id, t.slug, u.password FROM user u"
	        " JOIN team t ON t.id = u.default_team WHERE u.email_key = ?1");
	query_text(&q, l->key);
	rc = query_row(&q, &found, e);
	if (rc != ERR_OK || !found)
		goto done;
	rc = query_copy(&q, 0, ar, &l->user_id, e);
	if (rc == ERR_OK)
		rc = query_copy(&q, 1, ar, &l->team_slug, e);
	hash = query_get(&q, 2);
	if (rc == ERR_OK && hash.n >= sizeof l->hash)
		rc = err_setf(e, ERR_CORRUPT, "a stored password hash");
	if (rc == ERR_OK)
		memcpy(l->hash, hash.p, hash.n);
done:
	query_close(&q);
	(void)pthread_mutex_unlock(&a->write_lock);
	return rc;
}

/* Takes as long for names that nobody has. */
static enum err
login_verify(struct accounts *a, struct login *l, struct str password,
    struct err_info *e)
{
	bool found = l->user_id.n > 0;
	enum err rc;

	if (!found)
		password_dummy(a->opt.cost, l->hash);
	rc = password_verify(password, l->hash, e);
	if (rc == ERR_OK && !found)
		rc = err_set(e, ERR_CREDENTIALS);
	if (rc == ERR_OK && password_needs_rehash(l->hash, a->opt.cost)) {
		rc = password_hash(password, a->opt.cost, l->fresh_hash, e);
		/* Passwords of before a rule was made stay as they are. */
		if (rc == ERR_REFUSED) {
			l->fresh_hash[0] = '\0';
			rc = ERR_OK;
		}
	}
	return rc;
}

/* The user may sign in: is not disabled and, since nobody held a lock while the
 * password was looked at, still has this one.  Replaces the hash where it
 * was made at another cost. */
static enum err
login_hold(struct accounts *a, const struct login *l, struct err_info *e)
{
	struct query q = { 0 };
	enum err rc;

	query_open(&q, &a->write,
	    "UPDATE user SET password = ?3"
	    " WHERE id = ?1 AND password = ?2 AND disabled = 0");
	query_text(&q, l->user_id);
	query_text(&q, str_of(l->hash));
	query_text(&q, str_of(l->fresh_hash[0] ? l->fresh_hash : l->hash));
	rc = query_run(&q, e);
	if (rc == ERR_OK && sql_changes(&a->write) == 0)
		rc = err_set(e, ERR_CREDENTIALS);
	return rc;
}

/* Store the sign-in and make its answer: both or neither. */
static enum err
login_store(struct accounts *a, const struct login *l, int64_t now_ms,
    struct arena *ar, struct account_grant *ret, struct err_info *e)
{
	uint8_t token[FAMILY_TOKEN_BYTES];
	char id[EID_TEXT_MAX];
	struct family_token t;
	struct family f;
	enum err rc = accounts_begin(a, e);

	if (rc != ERR_OK)
		return rc;
	accounts_random(a, token, sizeof token);
	accounts_new_id(a, now_ms, id);
	family_start(token, now_ms, &f, &t);
	ret->team_slug = l->team_slug;
	ret->session_id = arena_str(ar, str_of(id));
	if (ret->session_id.p == NULL)
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK)
		rc = login_hold(a, l, e);
	if (rc == ERR_OK)
		rc = families_age(a, l->user_id, now_ms, e);
	if (rc == ERR_OK)
		rc = family_insert(a, str_of(id), l->user_id, &f, now_ms, e);
	if (rc == ERR_OK)
		rc = token_insert(a, str_of(id), &t, e);
	if (rc == ERR_OK)
		rc = grant_make(a, &f, l->user_id, token, now_ms, ar, ret, e);
	sodium_memzero(token, sizeof token);
	return accounts_end(a, rc, e);
}

static enum err
login_do(struct accounts *a, struct login *l, struct str password,
    int64_t now_ms, struct arena *ar, struct account_grant *ret,
    struct err_info *e)
{
	enum err rc = login_find(a, l, ar, e);

	if (rc == ERR_OK)
		rc = login_verify(a, l, password, e);
	if (rc == ERR_OK)
		rc = login_store(a, l, now_ms, ar, ret, e);
	return rc;
}

/* One attempt at this account from this address; counted as failed until it is
 * not. */
static enum err
attempt_begin(struct accounts *a, struct str account, struct str address,
    int64_t now_ms, unsigned *retry_after_s, struct err_info *e)
{
	int64_t wait, other;
	enum err rc;

	(void)pthread_mutex_lock(&a->throttle_lock);
	wait = throttle_wait(a->by_account, account, now_ms);
	other = throttle_wait(a->by_address, address, now_ms);
	wait = wait > other ? wait : other;
	if (wait > 0) {
		*retry_after_s = throttle_retry_after_s(wait);
		rc = err_setf(e, ERR_THROTTLED,
		    "too many failed sign-ins, wait %u s", *retry_after_s);
		goto done;
	}
	rc = throttle_take(a->by_account, account, now_ms, e);
	if (rc != ERR_OK)
		goto done;
	rc = throttle_take(a->by_address, address, now_ms, e);
	if (rc != ERR_OK)
		throttle_forgive(a->by_account, account, false);
done:
	(void)pthread_mutex_unlock(&a->throttle_lock);
	return rc;
}

static void
attempt_end(struct accounts *a, struct str account, struct str address,
    enum err rc)
{
	/* Only a wrong password is a failure of the one who signs in; what went
	 * wrong in the hub is none. */
	if (rc == ERR_CREDENTIALS)
		return;
	(void)pthread_mutex_lock(&a->throttle_lock);
	throttle_forgive(a->by_account, account, rc == ERR_OK);
	throttle_forgive(a->by_address, address, false);
	(void)pthread_mutex_unlock(&a->throttle_lock);
}

enum err
accounts_login(struct accounts *a, struct str login, struct str password,
    struct str address, int64_t now_ms, struct arena *ar,
    struct account_grant *ret, struct err_info *e)
{
	char text[THROTTLE_ADDRESS_MAX];
	struct str account, peer;
	struct login l = { 0 };
	enum err rc;

	*ret = (struct account_grant){ 0 };
	rc = name_login(login, ar, &l.key, e);
	if (rc != ERR_OK)
		return rc;
	account = l.key.n > 0 ? l.key : login;
	peer = str_n(text, throttle_address(address, text));
	rc = attempt_begin(a, account, peer, now_ms, &ret->retry_after_s, e);
	if (rc != ERR_OK)
		return rc;
	rc = login_do(a, &l, password, now_ms, ar, ret, e);
	attempt_end(a, account, peer, rc);
	sodium_memzero(&l, sizeof l);
	return rc;
}

/* --- refresh -------------------------------------------------------------------- */

struct refresh {
	uint8_t presented[FAMILY_TOKEN_BYTES];
	struct family f;
	struct family_token t;
	bool known;
	struct str user_id, session_id, team_slug;
	struct family_answer answer;
};

static enum err
refresh_read(struct refresh *r, struct query *q, struct arena *ar,
    struct err_info *e)
{
	struct str sealed = query_get(q, 2);
	enum err rc;

	r->known = true;
	r->t.generation = (uint64_t)query_get_int(q, 0);
	r->t.spent_ms = query_get_int(q, 1);
	r->t.has_sealed = sealed.n == sizeof r->t.sealed;
	if (r->t.has_sealed)
		memcpy(r->t.sealed, sealed.p, sealed.n);
	r->f.state = (enum family_state)query_get_int(q, 3);
	r->f.generation = (uint64_t)query_get_int(q, 4);
	r->f.expires_ms = query_get_int(q, 5);
	rc = query_copy(q, 6, ar, &r->session_id, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 7, ar, &r->user_id, e);
	if (rc == ERR_OK)
		rc = query_copy(q, 8, ar, &r->team_slug, e);
	return rc;
}

static enum err
refresh_find(struct accounts *a, struct refresh *r, struct arena *ar,
    struct err_info *e)
{
	struct query q = { 0 };
	bool found;
	enum err rc;

	family_token_hash(r->presented, r->t.hash);
	query_open(&q, &a->write,
	    "SELECT k.generation, k.spent_ms, k.sealed, f.state, f.generation,"
	    " f.expires_ms, f.id, u.id, t.slug FROM token k"
	    " JOIN family f ON f.id = k.family JOIN user u ON u.id = f.user"
	    " JOIN team t ON t.id = u.default_team WHERE k.hash = ?1");
	query_blob(&q, r->t.hash, sizeof r->t.hash);
	rc = query_row(&q, &found, e);
	if (rc == ERR_OK && found)
		rc = refresh_read(r, &q, ar, e);
	query_close(&q);
	return rc;
}

static enum err
refresh_store(struct accounts *a, const struct refresh *r, int64_t now_ms,
    struct err_info *e)
{
	const struct family_answer *n = &r->answer;
	enum err rc;

	if (n->outcome != FAMILY_ROTATE && n->outcome != FAMILY_REVOKE)
		return ERR_OK;
	rc = family_update(a, r->session_id, &n->next, e);
	if (rc != ERR_OK || n->outcome == FAMILY_REVOKE)
		return rc;
	rc = token_spend(a, &n->spent, e);
	if (rc == ERR_OK)
		rc = token_insert(a, r->session_id, &n->fresh, e);
	if (rc == ERR_OK)
		rc =
		    tokens_age(a, r->session_id, n->next.generation, now_ms, e);
	return rc;
}

/* Read, decide, store and answer under one write transaction: of two processes
 * that present one token, the second reads what the first has stored. */
static enum err
refresh_do(struct accounts *a, struct refresh *r, int64_t now_ms,
    struct arena *ar, struct account_grant *ret, struct err_info *e)
{
	uint8_t random[FAMILY_RANDOM_BYTES];
	enum err rc = accounts_begin(a, e);

	if (rc != ERR_OK)
		return rc;
	rc = refresh_find(a, r, ar, e);
	if (rc != ERR_OK)
		goto end;
	accounts_random(a, random, sizeof random);
	family_refresh(&r->f, r->known ? &r->t : NULL, r->presented, now_ms,
	    random, &r->answer);
	sodium_memzero(random, sizeof random);
	rc = refresh_store(a, r, now_ms, e);
	ret->session_id = r->session_id;
	ret->team_slug = r->team_slug;
	ret->retry_after_s = r->answer.retry_after_s;
	if (rc == ERR_OK && r->answer.code == ERR_OK)
		rc = grant_make(a, &r->answer.next, r->user_id,
		    r->answer.successor, now_ms, ar, ret, e);
end:
	rc = sql_end(&a->write, rc, e);
	if (rc == ERR_OK && r->known)
		accounts_changed(a, r->session_id);
	(void)pthread_mutex_unlock(&a->write_lock);
	return rc;
}

enum err
accounts_refresh(struct accounts *a, struct str token, int64_t now_ms,
    struct arena *ar, struct account_grant *ret, struct err_info *e)
{
	struct refresh r = { 0 };
	enum err rc;

	*ret = (struct account_grant){ 0 };
	if (!family_token_parse(token, r.presented))
		return err_set(e, ERR_GRANT);
	rc = refresh_do(a, &r, now_ms, ar, ret, e);
	/* What was refused is stored as well: a family may have been revoked. */
	if (rc == ERR_OK && r.answer.code != ERR_OK)
		rc = err_set(e, r.answer.code);
	sodium_memzero(&r, sizeof r);
	return rc;
}

/* --- sign out --------------------------------------------------------------------- */

enum err
accounts_revoke(struct accounts *a, struct str session_id, struct err_info *e)
{
	struct query q = { 0 };
	enum err rc = accounts_begin(a, e);

	if (rc != ERR_OK)
		return rc;
	query_open(&q, &a->write,
	    "UPDATE family SET state = ?2 WHERE id = ?1 AND state = ?3");
	query_text(&q, session_id);
	query_int(&q, FAMILY_ENDED);
	query_int(&q, FAMILY_ACTIVE);
	rc = query_run(&q, e);
	rc = sql_end(&a->write, rc, e);
	if (rc == ERR_OK)
		accounts_changed(a, session_id);
	(void)pthread_mutex_unlock(&a->write_lock);
	return rc;
}

/* The session of a refresh token; n 0 where nobody knows it. */
static enum err
session_of(struct accounts *a, const uint8_t token[FAMILY_TOKEN_BYTES],
    struct arena *ar, struct str *ret, struct err_info *e)
{
	uint8_t hash[FAMILY_HASH_BYTES];
	struct query q = { 0 };
	bool found;
	enum err rc;

	*ret = (struct str){ NULL, 0 };
	family_token_hash(token, hash);
	(void)pthread_mutex_lock(&a->read_lock);
	query_open(&q, &a->read, "SELECT family FROM token WHERE hash = ?1");
	query_blob(&q, hash, sizeof hash);
	rc = query_row(&q, &found, e);
	if (rc == ERR_OK && found)
		rc = query_copy(&q, 0, ar, ret, e);
	query_close(&q);
	(void)pthread_mutex_unlock(&a->read_lock);
	return rc;
}

enum err
accounts_revoke_token(struct accounts *a, struct str token, struct err_info *e)
{
	uint8_t bytes[FAMILY_TOKEN_BYTES];
	struct arena ar = { 0 };
	struct str session;
	enum err rc;

	if (!family_token_parse(token, bytes))
		return ERR_OK;
	rc = session_of(a, bytes, &ar, &session, e);
	if (rc == ERR_OK && session.n > 0)
		rc = accounts_revoke(a, session, e);
	sodium_memzero(bytes, sizeof bytes);
	arena_fini(&ar);
	return rc;
}
