/* gzip of whole bodies (RFC 1952), on libdeflate.
 *
 * Inflating counts OUTPUT and stops at the limit: sizes that the stream states
 * about itself are hints at most.  Members that follow each other count
 * together; whatever else stands behind a member is an error. */
#ifndef CLOWDER_GZIP_H
#define CLOWDER_GZIP_H

#include <stddef.h>

#include "buf.h"
#include "err.h"
#include "str.h"

enum {
	GZIP_RATIO_MAX = 200,       /* output : input, asked of output beyond */
	GZIP_RATIO_FROM = 1u << 20, /* this many bytes */
	GZIP_LEVEL = 6
};

/* Working memory, made on first use.  Start from a zeroed one; one thread at a
 * time. */
struct gzip {
	void *inflater; /* own */
	void *deflater; /* own */
	int level;      /* of the deflater */
};

void gzip_fini(struct gzip *g);
/* Replace the content of out with the inflated `in`, at most out_max bytes.
 * ERR_TOO_LARGE over the limit or the ratio, ERR_BAD_REQUEST where it is not
 * gzip, is cut short, has a wrong checksum or something behind it.  out is
 * empty after an error. */
enum err gzip_inflate(struct gzip *g, struct str in, size_t out_max,
    struct buf *out, struct err_info *e);
/* Replace the content of out with `in` deflated; level 1..12. */
enum err gzip_deflate(struct gzip *g, struct str in, int level, struct buf *out,
    struct err_info *e);

#endif
