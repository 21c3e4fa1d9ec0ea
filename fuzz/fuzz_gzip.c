/* Inflating what may be no gzip at all: the limits hold, and what comes out
 * deflates and inflates to itself again. */
#include <stdint.h>
#include <stdlib.h>

#include "gzip.h"

enum { OUT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out = { 0 }, z = { 0 }, again = { 0 };
	struct err_info e = { 0 };
	struct gzip g = { 0 };
	enum err rc = gzip_inflate(&g, str_n(data, size), OUT_MAX, &out, &e);

	if (out.len > OUT_MAX || (rc != ERR_OK && out.len > 0))
		abort();
	if (rc == ERR_OK &&
	    (gzip_deflate(&g, buf_str(&out), 1, &z, &e) != ERR_OK ||
	        gzip_inflate(&g, buf_str(&z), out.len, &again, &e) != ERR_OK ||
	        !str_eq(buf_str(&out), buf_str(&again))))
		abort();
	buf_fini(&out);
	buf_fini(&z);
	buf_fini(&again);
	gzip_fini(&g);
	return 0;
}
