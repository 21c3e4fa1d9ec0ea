#include "session_file.h"

#include <sodium.h>
#include <stdlib.h>

#include "clock.h"
#include "file.h"
#include "json.h"
#include "proc.h"
#include "seal.h"
#include "when.h"

static enum err
read_salt(const struct home *h, uint8_t salt[SEAL_SALT_BYTES],
    struct err_info *e)
{
	struct buf text = { 0 };
	enum err rc = os_read_secret(h->salt, SEAL_SALT_BYTES, &text, e);

	if (rc == ERR_OK && text.len != SEAL_SALT_BYTES)
		rc = err_setf(e, ERR_CORRUPT, "%s: not %d bytes", h->salt,
		    SEAL_SALT_BYTES);
	if (rc == ERR_OK)
		memcpy(salt, text.data, SEAL_SALT_BYTES);
	buf_wipe(&text);
	return rc;
}

/* Under the lock, so that two sign-ins do not make two. */
static enum err
make_salt(const struct home *h, uint8_t salt[SEAL_SALT_BYTES],
    struct err_info *e)
{
	enum err rc = read_salt(h, salt, e);

	if (rc != ERR_NOT_FOUND)
		return rc;
	rc = os_random(salt, SEAL_SALT_BYTES, e);
	if (rc == ERR_OK)
		rc = os_write_atomic(h->salt, str_n(salt, SEAL_SALT_BYTES),
		    0600, e);
	return rc;
}

static void
key_of(const uint8_t salt[SEAL_SALT_BYTES], uint8_t key[SEAL_KEY_BYTES])
{
	char machine[OS_NAME_MAX];

	os_machine_id(machine);
	seal_key(salt, str_of(machine), os_uid(), key);
}

enum err
session_file_load(const struct home *h, struct arena *a, struct session *ret,
    struct err_info *e)
{
	uint8_t salt[SEAL_SALT_BYTES], key[SEAL_KEY_BYTES];
	struct buf sealed = { 0 }, plain = { 0 };
	enum err rc = os_read_secret(h->session, SEAL_BYTES_MAX, &sealed, e);

	if (rc == ERR_NOT_FOUND)
		return err_setf(e, ERR_SIGN_IN, "not signed in");
	if (rc == ERR_OK) {
		rc = read_salt(h, salt, e);
		if (rc == ERR_NOT_FOUND)
			rc = err_setf(e, ERR_CORRUPT, "%s is missing", h->salt);
	}
	if (rc == ERR_OK) {
		key_of(salt, key);
		rc = seal_open(key, buf_str(&sealed), &plain, e);
		sodium_memzero(key, sizeof key);
	}
	if (rc == ERR_OK)
		rc = session_decode(buf_str(&plain), a, ret, e);
	if (rc == ERR_CORRUPT || rc == ERR_NEWER)
		rc = err_wrap(e, "%s", h->session);
	buf_wipe(&plain);
	buf_fini(&sealed);
	return rc;
}

enum err
session_file_save(const struct home *h, const struct session *s,
    struct err_info *e)
{
	uint8_t salt[SEAL_SALT_BYTES], key[SEAL_KEY_BYTES];
	uint8_t nonce[SEAL_NONCE_BYTES];
	struct buf plain = { 0 }, sealed = { 0 };
	enum err rc = home_make(h, e);

	if (rc == ERR_OK)
		rc = make_salt(h, salt, e);
	if (rc == ERR_OK)
		rc = os_random(nonce, sizeof nonce, e);
	if (rc == ERR_OK)
		rc = session_encode(s, &plain, e);
	if (rc == ERR_OK) {
		key_of(salt, key);
		rc = seal_add(key, nonce, buf_str(&plain), &sealed, e);
		sodium_memzero(key, sizeof key);
	}
	if (rc == ERR_OK)
		rc = os_write_atomic(h->session, buf_str(&sealed), 0600, e);
	buf_wipe(&plain);
	buf_fini(&sealed);
	return rc;
}

enum err
session_file_delete(const struct home *h, struct err_info *e)
{
	return os_remove(h->session, e);
}

/* --- the lock -------------------------------------------------------------------- */

enum err
session_lock(const struct home *h, struct os_lock *l, uint32_t wait_ms,
    struct err_info *e)
{
	struct buf record = { 0 };
	struct json_writer w = { .out = &record };
	char host[OS_NAME_MAX], now[WHEN_TEXT_MAX];
	enum err rc = home_make(h, e);

	l->retry_ms = SESSION_LOCK_RETRY_MS;
	if (rc == ERR_OK)
		rc = os_lock_take(l, h->refresh_lock, wait_ms, e);
	if (rc != ERR_OK)
		return rc;
	os_host_name(host);
	(void)when_format(os_wall_ms(), now);
	json_obj(&w);
	json_key(&w, "pid"), json_put_u(&w, (uint64_t)os_pid());
	json_key(&w, "started_at"), json_put_z(&w, now);
	json_key(&w, "host"), json_put_z(&w, host);
	json_key(&w, "version"), json_put_z(&w, CLOWDER_VERSION);
	json_key(&w, "schema_version"), json_put_u(&w, 1);
	json_end(&w);
	rc = buf_ok(&record, e);
	if (rc == ERR_OK)
		rc = os_lock_record(l, buf_str(&record), e);
	if (rc != ERR_OK)
		os_lock_release(l);
	buf_fini(&record);
	return rc;
}

static void
member(const struct json *j, const char *name, struct arena *a, struct str *ret)
{
	uint32_t at = json_get(j, 0, name);
	struct str s;

	/* In the arena: the text goes away. */
	if (at != 0 && json_kind(j, at) == JSON_STRING &&
	    json_str(j, at, a, &s))
		*ret = arena_str(a, s);
}

enum err
session_lock_look(const struct home *h, int64_t now_ms, struct arena *a,
    struct session_lock_state *ret, struct err_info *e)
{
	struct buf record = { 0 };
	struct json j = { 0 };
	int64_t started;
	enum err rc;

	*ret = (struct session_lock_state){ .age_ms = -1 };
	rc = os_lock_probe(h->refresh_lock, &ret->held, &record, e);
	if (rc == ERR_OK && record.len > 0) {
		ret->pid = os_lock_pid(buf_str(&record));
		/* A record of somebody else's making says less, no more. */
		if (json_parse(&j, buf_str(&record), 4,
		        &(struct err_info){ 0 }) == ERR_OK &&
		    json_kind(&j, 0) == JSON_OBJECT) {
			member(&j, "host", a, &ret->host);
			member(&j, "started_at", a, &ret->started_at);
		}
		if (when_parse(ret->started_at, &started))
			ret->age_ms = now_ms - started;
	}
	json_fini(&j);
	buf_fini(&record);
	return rc;
}
