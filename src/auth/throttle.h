/* Throttle of sign-in attempts, for one kind of key (accounts, addresses).
 *
 * The first `burst` failures cost nothing; each one after that closes the key
 * for a time that doubles, up to wait_max_ms.  A key that was left alone for
 * forget_ms has a clean sheet.  Waits are capped low enough that a stranger who
 * guesses at an account cannot lock its owner out for long.
 *
 * An attempt counts as failed from the moment it begins (throttle_take) and is
 * forgiven when it succeeds: a hundred guesses sent at once are a hundred.
 *
 * Memory is bounded: at most `slots` keys, the one longest untouched gives way.
 * Pure; time is passed in.  One thread at a time. */
#ifndef CLOWDER_THROTTLE_H
#define CLOWDER_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

struct throttle_rule {
	unsigned burst;
	int64_t wait_min_ms, wait_max_ms;
	int64_t forget_ms;
	size_t slots;
};

/* The two that a hub uses. */
extern const struct throttle_rule throttle_accounts, throttle_addresses;

struct throttle;

enum err throttle_new(struct throttle **ret, const struct throttle_rule *rule,
    struct err_info *e);
void throttle_free(struct throttle *t); /* NULL is fine */

/* Milliseconds until the key may be tried; 0 = now.  Changes nothing. */
int64_t throttle_wait(const struct throttle *t, struct str key, int64_t now_ms);
/* Begin an attempt: count it as failed.  To be asked after throttle_wait() of
 * every throttle said 0.  ERR_NOMEM: not counted, do not go on. */
enum err throttle_take(struct throttle *t, struct str key, int64_t now_ms,
    struct err_info *e);
/* The attempt succeeded.  all: the key has a clean sheet (an account whose
 * owner came); else only this attempt is taken back (an address, from which a
 * stranger may succeed with an account of his own as well). */
void throttle_forgive(struct throttle *t, struct str key, bool all);
size_t throttle_count(const struct throttle *t); /* keys held */

/* Seconds for Retry-After: rounded up, at least 1. */
unsigned throttle_retry_after_s(int64_t wait_ms);

/* What stands for a peer's address: an IPv4 address, also where it is written
 * as an IPv6 one; of IPv6 the network of 64 bits, because one machine has all
 * of it; anything else as it is, cut.  Returns the length in out. */
enum { THROTTLE_ADDRESS_MAX = 64 };
size_t throttle_address(struct str address, char out[THROTTLE_ADDRESS_MAX]);

#endif
