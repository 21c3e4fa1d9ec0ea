/* The sealed session.  Covers seal_open with any file, seal_add and seal_open
 * together with any content, and session_decode with any JSON: what it takes is
 * the same after session_encode. */
#include <stdlib.h>

#include "seal.h"
#include "session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
as_file(struct str in, const uint8_t key[SEAL_KEY_BYTES])
{
	struct buf plain = { 0 };
	struct err_info e = { 0 };

	/* Nobody guesses the tag. */
	must(seal_open(key, in, &plain, &e) != ERR_OK);
	must(plain.len == 0);
	buf_fini(&plain);
}

static void
as_content(struct str in, const uint8_t key[SEAL_KEY_BYTES])
{
	static const uint8_t nonce[SEAL_NONCE_BYTES] = { 5 };
	struct buf sealed = { 0 }, plain = { 0 };
	struct err_info e = { 0 };

	if (seal_add(key, nonce, in, &sealed, &e) == ERR_OK) {
		must(seal_open(key, buf_str(&sealed), &plain, &e) == ERR_OK);
		must(str_eq(buf_str(&plain), in));
	}
	buf_fini(&sealed);
	buf_fini(&plain);
}

static void
as_session(struct str in)
{
	struct arena a = { 0 };
	struct buf first = { 0 }, second = { 0 };
	struct err_info e = { 0 };
	struct session s, again;

	if (session_decode(in, &a, &s, &e) == ERR_OK) {
		must(session_encode(&s, &first, &e) == ERR_OK);
		must(session_decode(buf_str(&first), &a, &again, &e) == ERR_OK);
		must(session_encode(&again, &second, &e) == ERR_OK);
		must(str_eq(buf_str(&first), buf_str(&second)));
		must(session_same(&s, &again));
	}
	buf_fini(&first);
	buf_fini(&second);
	arena_fini(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t salt[SEAL_SALT_BYTES] = { 1 };
	struct str in = str_n(data, size);
	uint8_t key[SEAL_KEY_BYTES];

	seal_key(salt, STR("machine"), 1000, key);
	as_file(in, key);
	as_content(in, key);
	as_session(in);
	return 0;
}
