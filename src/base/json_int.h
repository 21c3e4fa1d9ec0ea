/* Inside of json_*.c: finding what is special in a string, and escapes. */
#ifndef CLOWDER_JSON_INT_H
#define CLOWDER_JSON_INT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json.h"
#include "simd.h"

/* What ends a run that can be taken as it is: quote, backslash, control
 * character, any byte that is not ASCII. */
static inline bool
json_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static inline uint64_t
json_zero_bytes(uint64_t x)
{
	return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

/* True where 8 bytes hold nothing special. */
static inline bool
json_plain8(const uint8_t *p)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return ((x | (x - ones * 0x20)) & ones * 0x80) == 0 &&
	    json_zero_bytes(x ^ ones * '"') == 0 &&
	    json_zero_bytes(x ^ ones * '\\') == 0;
}

/* The first byte in p..end that is not plain, or end. */
static inline const uint8_t *
json_plain_end(const uint8_t *p, const uint8_t *end)
{
#if SIMD_SSE2
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* Signed: bytes from 0x80 are below 0x20 as well. */
		__m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
		__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
		__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(low,
		    _mm_or_si128(quote, slash)));

		if (mask != 0)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#endif
	while (end - p >= 8 && json_plain8(p))
		p += 8;
	while (p < end && json_is_plain(*p))
		p++;
	return p;
}

/* Resolve the escape at p (a backslash; the parser has checked it): 1..4 bytes
 * into out, *n of them.  Returns what follows the escape. */
const char *json_unescape_one(const char *p, char out[4], size_t *n);
/* Resolve all of s, which the parser has checked, into out: never longer than
 * s.  Returns the bytes written. */
size_t json_unescape(struct str s, char *out);
/* Append one ASCII byte as it stands in a string: escaped where it must be. */
void json_add_byte(struct buf *out, uint8_t c);

#endif
