#include "str.h"

#include "simd.h"

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

bool
str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s.p++, s.n--;
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

size_t
str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : SIZE_MAX;
}

bool
str_split(struct str *rest, char c, struct str *part)
{
	size_t at;

	if (rest->p == NULL)
		return false;
	at = str_find(*rest, c);
	if (at == SIZE_MAX) {
		*part = *rest;
		*rest = (struct str){ NULL, 0 };
		return true;
	}
	*part = str_n(rest->p, at);
	*rest = str_n(rest->p + at + 1, rest->n - at - 1);
	return true;
}

bool
str_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned d = (unsigned)(unsigned char)s.p[i] - '0';

		if (d > 9 || v > (UINT64_MAX - d) / 10)
			return false;
		v = v * 10 + d;
	}
	*ret = v;
	return true;
}

#if SIMD_SSE2
/* 0-15 as digits. */
static __m128i
digits16(__m128i v)
{
	__m128i letter = _mm_cmpgt_epi8(v, _mm_set1_epi8(9));

	return _mm_add_epi8(_mm_add_epi8(v, _mm_set1_epi8('0')),
	    _mm_and_si128(letter, _mm_set1_epi8('a' - '9' - 1)));
}

/* 16 bytes, 32 digits. */
static void
encode16(const uint8_t *p, char *out)
{
	__m128i low = _mm_set1_epi8(15);
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i hi = digits16(_mm_and_si128(_mm_srli_epi16(v, 4), low));
	__m128i lo = digits16(_mm_and_si128(v, low));

	_mm_storeu_si128((__m128i *)(void *)out, _mm_unpacklo_epi8(hi, lo));
	_mm_storeu_si128((__m128i *)(void *)(out + 16),
	    _mm_unpackhi_epi8(hi, lo));
}
#endif

void
hex_encode(const uint8_t *bytes, size_t n, char *out)
{
	static const char digit[] = "0123456789abcdef";
	size_t i = 0;

#if SIMD_SSE2
	for (; n - i >= 16; i += 16)
		encode16(bytes + i, out + 2 * i);
#endif
	for (; i < n; i++) {
		out[2 * i] = digit[bytes[i] >> 4];
		out[2 * i + 1] = digit[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

/* One more than a digit's value, 0 for what is none.  A table: every event has
 * several ids. */
/* clang-format off */
static const uint8_t hex_value[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5,
	['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
	['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
/* clang-format on */

#if SIMD_SSE2
/* Bytes of v that are lo..hi: all bits set; signed, so those from 0x80 never. */
static __m128i
in_range(__m128i v, char lo, char hi)
{
	return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8((char)(lo - 1))),
	    _mm_cmplt_epi8(v, _mm_set1_epi8((char)(hi + 1))));
}

/* 16 digits, 8 bytes. */
static bool
decode16(const char *p, uint8_t *out)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i low = _mm_or_si128(v, _mm_set1_epi8(0x20));
	__m128i digit = in_range(v, '0', '9'), letter = in_range(low, 'a', 'f');
	__m128i value = _mm_or_si128(_mm_and_si128(digit,
	                                 _mm_sub_epi8(v, _mm_set1_epi8('0'))),
	    _mm_and_si128(letter, _mm_sub_epi8(low, _mm_set1_epi8('a' - 10))));
	__m128i pair = _mm_and_si128(_mm_or_si128(_mm_slli_epi16(value, 4),
	                                 _mm_srli_epi16(value, 8)),
	    _mm_set1_epi16(0xff));

	_mm_storel_epi64((__m128i *)(void *)out, _mm_packus_epi16(pair, pair));
	return _mm_movemask_epi8(_mm_or_si128(digit, letter)) == 0xffff;
}
#endif

bool
hex_decode(struct str s, uint8_t *out, size_t n)
{
	unsigned all = 0;
	size_t i = 0;

	if (s.n != 2 * n)
		return false;
#if SIMD_SSE2
	for (; n - i >= 8; i += 8)
		if (!decode16(s.p + 2 * i, out + i))
			return false;
#endif
	for (; i < n; i++) {
		unsigned hi = hex_value[(uint8_t)s.p[2 * i]] - 1u;
		unsigned lo = hex_value[(uint8_t)s.p[2 * i + 1]] - 1u;

		all |= hi | lo;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return all <= 15;
}

bool
hex_is_lower(struct str s)
{
	size_t i = 0;

#if SIMD_SSE2
	for (; s.n - i >= 16; i += 16) {
		__m128i v =
		    _mm_loadu_si128((const __m128i *)(const void *)(s.p + i));

		if (_mm_movemask_epi8(_mm_or_si128(in_range(v, '0', '9'),
		        in_range(v, 'a', 'f'))) != 0xffff)
			return false;
	}
#endif
	for (; i < s.n; i++)
		if (hex_value[(uint8_t)s.p[i]] == 0 ||
		    (s.p[i] >= 'A' && s.p[i] <= 'F'))
			return false;
	return true;
}
