/* Passwords: argon2id (RFC 9106) by libsodium, and the making of new ones.
 *
 * Hashing and verifying are slow on purpose (about 62 ms and 64 MiB): call them
 * on a worker, never on a loop thread.  The salt comes from the system's
 * generator; nothing else here depends on time or chance.  Any thread. */
#ifndef CLOWDER_PASSWORD_H
#define CLOWDER_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

enum {
	PASSWORD_HASH_MAX = 128,   /* a hash as text, with its NUL */
	PASSWORD_BYTES_MIN = 8,    /* of a password that somebody chooses */
	PASSWORD_BYTES_MAX = 1024, /* longer ones are never right */
	PASSWORD_MADE_LEN = 20,    /* characters, about 99 bits */
	PASSWORD_MADE_RANDOM =
	    2 * PASSWORD_MADE_LEN /* bytes of chance for one */
};

struct password_cost {
	uint64_t passes;
	size_t memory; /* bytes */
};

/* What the product uses; the one place that says how dear a guess is. */
extern const struct password_cost password_cost;
/* The least that argon2id takes.  Only for tests: it protects nothing. */
extern const struct password_cost password_cost_test;

/* ERR_REFUSED: shorter or longer than allowed.  ERR_NOMEM. */
enum err password_hash(struct str password, const struct password_cost *cost,
    char out[PASSWORD_HASH_MAX], struct err_info *e);
/* ERR_CREDENTIALS: another password.  ERR_CORRUPT: hash is not one.
 * ERR_NOMEM.  Takes as long as the parameters written in the hash say. */
enum err password_verify(struct str password, const char *hash,
    struct err_info *e);
/* True where the hash was made at another cost than this: hash the password
 * again while it is known. */
bool password_needs_rehash(const char *hash, const struct password_cost *cost);
/* A hash that no password has, to verify against where there is no such user:
 * the answer must not come sooner for names that nobody has. */
void password_dummy(const struct password_cost *cost,
    char out[PASSWORD_HASH_MAX]);
/* A password from chance: letters and digits that are not taken for each other
 * when read aloud or copied by hand. */
void password_make(const uint8_t random[PASSWORD_MADE_RANDOM],
    char out[PASSWORD_MADE_LEN + 1]);

#endif
