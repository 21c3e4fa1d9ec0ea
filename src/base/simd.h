/* Sixteen bytes at once, where the processor has it.  CLOWDER_NO_SIMD lets a test
 * run the plain forms on any machine. */
#ifndef CLOWDER_SIMD_H
#define CLOWDER_SIMD_H

#if defined(__SSE2__) && !defined(CLOWDER_NO_SIMD)
#include <emmintrin.h>
#define SIMD_SSE2 1
#else
#define SIMD_SSE2 0
#endif

#endif
