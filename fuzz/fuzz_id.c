/* Covers eid_parse, when_duration, b64url_decode, family_token_parse: the words
 * that stand in ids, durations and tokens.
 *
 * Held: each has one normal form, which is read as the same and is a fixed point;
 * ids compare as their normal forms do. */
#include <stdlib.h>

#include "b64url.h"
#include "family.h"
#include "id.h"
#include "when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 256 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
id_again(struct str in)
{
	char text[EID_TEXT_MAX], twice[EID_TEXT_MAX];
	struct eid id, again;
	size_t n;

	if (!eid_parse(in, &id))
		return;
	n = eid_format(&id, text);
	must(in.n == 26 || in.n == 32 || in.n == 36);
	must(n == (id.form == EID_ULID ? 26 : 36));
	must((in.n == 26) == (id.form == EID_ULID));
	must(eid_parse(str_n(text, n), &again) && eid_eq(&id, &again));
	must(eid_format(&again, twice) == n && memcmp(text, twice, n) == 0);
}

/* Two halves of the input as two ids. */
static void
order(struct str in)
{
	char at[EID_TEXT_MAX], bt[EID_TEXT_MAX];
	struct eid a, b;
	size_t half = str_find(in, '\n');
	int texts;

	if (half == SIZE_MAX || !eid_parse(str_n(in.p, half), &a) ||
	    !eid_parse(str_n(in.p + half + 1, in.n - half - 1), &b))
		return;
	(void)eid_format(&a, at);
	(void)eid_format(&b, bt);
	texts = strcmp(at, bt);
	must((eid_cmp(&a, &b) < 0) == (texts < 0));
	must((eid_cmp(&a, &b) > 0) == (texts > 0));
	must(eid_eq(&a, &b) == (texts == 0));
}

static void
bytes_again(struct str in)
{
	uint8_t bytes[BYTES_MAX], token[FAMILY_TOKEN_BYTES];
	char text[FAMILY_TEXT_LEN + 1];
	struct buf out = { 0 };
	size_t n;

	if (b64url_decode(in, bytes, sizeof bytes, &n)) {
		must(n <= sizeof bytes);
		b64url_add(&out, str_n(bytes, n));
		must(str_eq(buf_str(&out), in));
	}
	if (family_token_parse(in, token)) {
		family_token_text(token, text);
		must(str_is(in, text));
	}
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_n(data, size);
	uint64_t seconds;

	id_again(in);
	order(in);
	bytes_again(in);
	(void)when_duration(in, &seconds);
	return 0;
}
