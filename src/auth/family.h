/* Refresh tokens: what a hub does when one is presented.  docs/protocol.md,
 * Sign-in.
 *
 * A sign-in makes a family: a chain of refresh tokens of which each can be used
 * once and then has exactly one successor.
 *
 *	      refresh        refresh
 *	R0 ------------> R1 ------------> R2      R2 is current, R0 and R1 spent
 *
 *	current                       -> the successor                  ROTATE
 *	spent, successor is current   -> that same successor again      REPEAT
 *	  (the answer was lost, or two processes of one install were equally
 *fast) spent, successor is spent too within FAMILY_GRACE_S of its own rotation
 *-> 409, ask again   RETRY later: somebody holds a copy -> the family is
 *revoked         REVOKE unknown, or nothing was used for FAMILY_REFRESH_S ->
 *invalid_grant   REFUSE family ended or revoked       -> session_invalid REFUSE
 *
 * A hub never keeps a token, only its hash; to be able to give the same
 * successor again it keeps that one sealed under a key that only the spent
 * token gives.  A successor counts as used when it is itself refreshed with,
 * not when the access token beside it is used: processes that share an install
 * without sharing a lock then never log each other out, at the price that a
 * stolen token is noticed only when thief and owner get two steps apart.
 *
 * Pure: the caller reads the records, stores what comes back if the family's
 * generation is still the one that was read, else reads and asks again.
 * Any thread. */
#ifndef CLOWDER_FAMILY_H
#define CLOWDER_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

enum {
	FAMILY_TOKEN_BYTES = 32,
	FAMILY_TEXT_LEN = 4 + 43, /* "crt_" and 32 bytes in base64url */
	FAMILY_HASH_BYTES = 32,
	FAMILY_NONCE_BYTES = 24,
	FAMILY_SEALED_BYTES = FAMILY_NONCE_BYTES + FAMILY_TOKEN_BYTES + 16,
	FAMILY_RANDOM_BYTES = FAMILY_TOKEN_BYTES + FAMILY_NONCE_BYTES,
	FAMILY_ACCESS_S = 3600,
	FAMILY_REFRESH_S = 7 * 24 * 3600,
	FAMILY_GRACE_S = 30,
	FAMILY_RETRY_S = 1 /* docs/protocol.md allows 0..5 */
};

enum family_state {
	FAMILY_ACTIVE,
	FAMILY_ENDED,  /* signed out, or the user was disabled */
	FAMILY_REVOKED /* a spent token came back too late */
};

struct family {
	enum family_state state;
	uint64_t generation; /* of the current token; 0 at sign-in */
	int64_t expires_ms;  /* from here on the current token is nothing */
};

/* What a hub keeps of one token. */
struct family_token {
	uint8_t hash[FAMILY_HASH_BYTES];
	uint64_t generation;
	int64_t spent_ms; /* when it was rotated; meaningless while current */
	bool has_sealed;  /* kept only while the successor is current */
	uint8_t sealed[FAMILY_SEALED_BYTES];
};

enum family_outcome {
	FAMILY_ROTATE, /* store next, spent and fresh */
	FAMILY_REPEAT, /* nothing to store */
	FAMILY_RETRY,  /* nothing to store */
	FAMILY_REVOKE, /* store next */
	FAMILY_REFUSE  /* nothing to store */
};

struct family_answer {
	enum family_outcome outcome;
	enum err
	    code; /* ERR_OK, ERR_REPLAY, ERR_GRANT, ERR_SESSION, ERR_CORRUPT */
	struct family next;
	struct family_token spent; /* ROTATE: the presented token from now on */
	struct family_token fresh; /* ROTATE: its successor, current */
	uint8_t successor[FAMILY_TOKEN_BYTES]; /* ROTATE, REPEAT: secret */
	unsigned retry_after_s;                /* RETRY */
};

/* A new sign-in with its first token. */
void family_start(const uint8_t token[FAMILY_TOKEN_BYTES], int64_t now_ms,
    struct family *ret, struct family_token *ret_token);
/* presented: the token that came; t: what is kept of it, NULL where its hash is
 * unknown (f is not looked at then).  ERR_CORRUPT where the records do not fit
 * together. */
void family_refresh(const struct family *f, const struct family_token *t,
    const uint8_t presented[FAMILY_TOKEN_BYTES], int64_t now_ms,
    const uint8_t random[FAMILY_RANDOM_BYTES], struct family_answer *ret);

/* The token as it is shown, with a NUL, and back (strict). */
void family_token_text(const uint8_t token[FAMILY_TOKEN_BYTES],
    char out[FAMILY_TEXT_LEN + 1]);
bool family_token_parse(struct str s, uint8_t out[FAMILY_TOKEN_BYTES]);
void family_token_hash(const uint8_t token[FAMILY_TOKEN_BYTES],
    uint8_t out[FAMILY_HASH_BYTES]);

#endif
