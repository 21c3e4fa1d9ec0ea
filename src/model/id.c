#include "id.h"

#include "hash.h"

/* RFC 9562, appendix C */
static const uint8_t ns_url[16] = { 0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11,
	0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };

/* Crockford's alphabet: no I, L, O, U. */
static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static int
base32_value(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	at = c ? strchr(base32, c) : NULL;
	return at ? (int)(at - base32) : -1;
}

static bool
ulid_parse(struct str s, uint8_t out[16])
{
	/* 26 characters of 5 bits: 130, of which the first two must be 0. */
	if (base32_value(s.p[0]) > 7)
		return false;
	memset(out, 0, 16);
	for (size_t i = 0; i < 26; i++) {
		int v = base32_value(s.p[i]);

		if (v < 0)
			return false;
		for (size_t bit = 0; bit < 5; bit++) {
			size_t at = i * 5 + bit;

			if (at >= 2 && (v >> (4 - bit) & 1))
				out[(at - 2) / 8] |=
				    (uint8_t)(0x80 >> ((at - 2) % 8));
		}
	}
	return true;
}

static void
ulid_format(const uint8_t b[16], char out[27])
{
	for (size_t i = 0; i < 26; i++) {
		unsigned v = 0;

		for (size_t bit = 0; bit < 5; bit++) {
			size_t at = i * 5 + bit;

			v <<= 1;
			if (at >= 2)
				v |= b[(at - 2) / 8] >> (7 - (at - 2) % 8) & 1;
		}
		out[i] = base32[v];
	}
	out[26] = '\0';
}

/* The 32 characters of a UUID's 36 that are no hyphens; false where one of those
 * is missing. */
static bool
uuid_digits(const char *p, char out[32])
{
	memcpy(out, p, 8);
	memcpy(out + 8, p + 9, 4);
	memcpy(out + 12, p + 14, 4);
	memcpy(out + 16, p + 19, 4);
	memcpy(out + 20, p + 24, 12);
	return p[8] == '-' && p[13] == '-' && p[18] == '-' && p[23] == '-';
}

static bool
uuid_parse(struct str s, uint8_t out[16])
{
	char digits[32];

	return uuid_digits(s.p, digits) &&
	    hex_decode(str_n(digits, sizeof digits), out, 16);
}

bool
uuid_is_normal(struct str s)
{
	char digits[32];

	return s.n == 36 && uuid_digits(s.p, digits) &&
	    hex_is_lower(str_n(digits, sizeof digits));
}

bool
eid_parse(struct str s, struct eid *ret)
{
	switch (s.n) {
	case 36:
		ret->form = EID_UUID;
		return uuid_parse(s, ret->b);
	case 32:
		ret->form = EID_UUID;
		return hex_decode(s, ret->b, 16);
	case 26:
		ret->form = EID_ULID;
		return ulid_parse(s, ret->b);
	default:
		return false;
	}
}

void
uuid_format(const uint8_t uuid[16], char out[EID_TEXT_MAX])
{
	char digits[33];

	hex_encode(uuid, 16, digits);
	memcpy(out, digits, 8);
	memcpy(out + 9, digits + 8, 4);
	memcpy(out + 14, digits + 12, 4);
	memcpy(out + 19, digits + 16, 4);
	memcpy(out + 24, digits + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[36] = '\0';
}

size_t
eid_format(const struct eid *id, char out[EID_TEXT_MAX])
{
	if (id->form == EID_ULID) {
		ulid_format(id->b, out);
		return 26;
	}
	uuid_format(id->b, out);
	return 36;
}

void
eid_add(struct buf *out, const struct eid *id)
{
	char text[EID_TEXT_MAX];

	buf_add(out, text, eid_format(id, text));
}

int
eid_cmp(const struct eid *a, const struct eid *b)
{
	char ta[EID_TEXT_MAX], tb[EID_TEXT_MAX];

	/* Within one form the text's order is the order of the bytes. */
	if (a->form == b->form)
		return memcmp(a->b, b->b, 16);
	return str_cmp(str_n(ta, eid_format(a, ta)),
	    str_n(tb, eid_format(b, tb)));
}

bool
eid_eq(const struct eid *a, const struct eid *b)
{
	return a->form == b->form && memcmp(a->b, b->b, 16) == 0;
}

struct str
eid_key(const struct eid *id)
{
	_Static_assert(sizeof(struct eid) == EID_KEY_BYTES, "no padding");
	return str_n(id, sizeof *id);
}

void
eid_new(struct eid *ret, uint64_t unix_ms, const uint8_t random[EID_DICE_BYTES])
{
	for (int i = 0; i < 6; i++)
		ret->b[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
	memcpy(ret->b + 6, random, 10);
	ret->b[6] = (uint8_t)((ret->b[6] & 0x0f) | 0x70);
	ret->b[8] = (uint8_t)((ret->b[8] & 0x3f) | 0x80);
	ret->form = EID_UUID;
}

void
uuid5(const uint8_t ns[16], struct str name, uint8_t ret[16])
{
	struct buf b = { 0 };
	uint8_t h[20];

	buf_add(&b, ns, 16);
	buf_addstr(&b, name);
	hash_sha1(buf_str(&b), h);
	buf_fini(&b);
	memcpy(ret, h, 16);
	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x50);
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80);
}

void
uuid_project_namespace(uint8_t ret[16])
{
	uuid5(ns_url, STR("clowder:project"), ret);
}

int
stamp_cmp(const struct stamp *a, const struct stamp *b)
{
	int c;

	if (a->clock != b->clock)
		return a->clock < b->clock ? -1 : 1;
	c = str_cmp(a->node, b->node);
	return c ? c : eid_cmp(&a->id, &b->id);
}
