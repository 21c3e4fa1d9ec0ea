/* One UTF-8 sequence at a time (RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF).  Inline, for the scanners of this layer. */
#ifndef CLOWDER_UTF8_H
#define CLOWDER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
utf8_is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the well-formed sequence at p, of which `left` > 0 bytes can be
 * read; 0 where there is none. */
static inline size_t
utf8_len(const uint8_t *p, size_t left)
{
	uint8_t c = p[0];

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4 || left < 2 || !utf8_is_tail(p[1]))
		return 0;
	if (c < 0xe0)
		return 2;
	if (left < 3 || !utf8_is_tail(p[2]))
		return 0;
	if (c < 0xf0) {
		bool overlong = c == 0xe0 && p[1] < 0xa0;
		bool surrogate = c == 0xed && p[1] > 0x9f;

		return overlong || surrogate ? 0 : 3;
	}
	if (left < 4 || !utf8_is_tail(p[3]) || (c == 0xf0 && p[1] < 0x90) ||
	    (c == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

/* The code point of a well-formed sequence of n bytes. */
static inline uint32_t
utf8_get(const uint8_t *p, size_t n)
{
	static const uint8_t head[5] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t cp = p[0] & head[n];

	for (size_t i = 1; i < n; i++)
		cp = cp << 6 | (p[i] & 0x3f);
	return cp;
}

/* Write a code point that is no surrogate; returns its bytes, 1..4. */
static inline size_t
utf8_put(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

#endif
