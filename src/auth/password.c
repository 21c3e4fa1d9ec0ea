#include "password.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"

_Static_assert(PASSWORD_HASH_MAX == crypto_pwhash_STRBYTES,
    "libsodium writes hashes of this size");

const struct password_cost password_cost = {
	.passes = crypto_pwhash_OPSLIMIT_INTERACTIVE,
	.memory = crypto_pwhash_MEMLIMIT_INTERACTIVE,
};

const struct password_cost password_cost_test = {
	.passes = crypto_pwhash_OPSLIMIT_MIN,
	.memory = crypto_pwhash_MEMLIMIT_MIN,
};

enum err
password_hash(struct str password, const struct password_cost *cost,
    char out[PASSWORD_HASH_MAX], struct err_info *e)
{
	if (password.n < PASSWORD_BYTES_MIN)
		return err_setf(e, ERR_REFUSED,
		    "a password has at least %d characters",
		    PASSWORD_BYTES_MIN);
	if (password.n > PASSWORD_BYTES_MAX)
		return err_setf(e, ERR_REFUSED,
		    "a password has at most %d bytes", PASSWORD_BYTES_MAX);
	if (fault_tick() ||
	    crypto_pwhash_str(out, password.p, password.n, cost->passes,
	        cost->memory) != 0)
		return err_set(e, ERR_NOMEM);
	return ERR_OK;
}

enum err
password_verify(struct str password, const char *hash, struct err_info *e)
{
	/* Asked for its third answer, "not a hash", which the verdict below
	 * cannot tell from a lack of memory. */
	if (strnlen(hash, PASSWORD_HASH_MAX) == PASSWORD_HASH_MAX ||
	    crypto_pwhash_str_needs_rehash(hash, password_cost.passes,
	        password_cost.memory) < 0)
		return err_setf(e, ERR_CORRUPT, "a stored password hash");
	if (password.n > PASSWORD_BYTES_MAX)
		return err_set(e, ERR_CREDENTIALS);
	if (fault_tick())
		return err_set(e, ERR_NOMEM);
	errno = 0;
	if (crypto_pwhash_str_verify(hash, password.n ? password.p : "",
	        password.n) == 0)
		return ERR_OK;
	/* libsodium sets EINVAL for another password only. */
	return err_set(e, errno == EINVAL ? ERR_CREDENTIALS : ERR_NOMEM);
}

bool
password_needs_rehash(const char *hash, const struct password_cost *cost)
{
	return crypto_pwhash_str_needs_rehash(hash, cost->passes,
	           cost->memory) != 0;
}

void
password_dummy(const struct password_cost *cost, char out[PASSWORD_HASH_MAX])
{
	/* Salt and hash are those of nothing: zeroes, which argon2id gives for
	 * no password that anybody will find. */
	memset(out, 0, PASSWORD_HASH_MAX);
	(void)snprintf(out, PASSWORD_HASH_MAX,
	    "$argon2id$v=19$m=%zu,t=%llu,p=1$%.22s$%.43s", cost->memory / 1024,
	    (unsigned long long)cost->passes, "AAAAAAAAAAAAAAAAAAAAAA",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

void
password_make(const uint8_t random[PASSWORD_MADE_RANDOM],
    char out[PASSWORD_MADE_LEN + 1])
{
	/* No i, l, o, 0, 1.  Two bytes for each character: their remainder
	 * favours none by more than one part in two thousand. */
	static const char letter[] = "abcdefghjkmnpqrstuvwxyz23456789";

	for (size_t i = 0; i < PASSWORD_MADE_LEN; i++) {
		unsigned draw =
		    (unsigned)random[2 * i] << 8 | random[2 * i + 1];

		out[i] = letter[draw % (sizeof letter - 1)];
	}
	out[PASSWORD_MADE_LEN] = '\0';
}
