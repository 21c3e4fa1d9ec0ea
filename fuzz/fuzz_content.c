/* Fuzz: contents that other programs hand in.  Covers content_decode.
 *
 * Held: no crash; what was read is within the limits, and the sum is the body's. */
#include <stdint.h>
#include <stdlib.h>

#include "content.h"
#include "hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
whole(const struct content *c)
{
	char hex[65];
	uint8_t h[32];

	must(c->project_uuid.n > 0 && c->project_uuid.n <= CONTENT_UUID_MAX);
	must(c->feature_slug.n > 0 && c->feature_slug.n <= CONTENT_FEATURE_MAX);
	must(c->artifact_path.n > 0 && c->artifact_path.n <= CONTENT_PATH_MAX);
	must(c->body.n <= CONTENT_BODY_MAX);
	hash_sha256(c->body, h);
	hex_encode(h, sizeof h, hex);
	must(str_is(str_of(c->sum), hex));
	must(str_eq_nocase(c->hash, str_of(hex)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct json j = { 0 };
	struct content c;

	if (content_decode(&c, &j, &a, str_n(data, size), &e) == ERR_OK)
		whole(&c);
	else
		must(e.code == ERR_BAD_JSON || e.code == ERR_BAD_REQUEST ||
		    e.code == ERR_TOO_LARGE);
	json_fini(&j);
	arena_fini(&a);
	return 0;
}
