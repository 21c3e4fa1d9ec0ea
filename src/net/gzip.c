/* Inflating needs the whole output in one piece, whose size is not known: the
 * buffer starts with what the trailer claims (cut to the limit, as it may lie)
 * and doubles until the member fits, so a lie costs at most twice the work and
 * never more memory than the limit. */
#include "gzip.h"

#include <libdeflate.h>

#include "fault.h"

enum {
	GZIP_SMALLEST = 18, /* bytes of an empty member */
	GZIP_FIRST = 16384  /* bytes of output to start with */
};

void
gzip_fini(struct gzip *g)
{
	libdeflate_free_decompressor(g->inflater);
	libdeflate_free_compressor(g->deflater);
	*g = (struct gzip){ 0 };
}

/* The output that is allowed for n bytes of input. */
static size_t
limit_of(size_t n, size_t out_max)
{
	size_t ratio =
	    n > SIZE_MAX / GZIP_RATIO_MAX ? SIZE_MAX : n * GZIP_RATIO_MAX;

	if (ratio < GZIP_RATIO_FROM)
		ratio = GZIP_RATIO_FROM;
	return out_max < ratio ? out_max : ratio;
}

/* RFC 1952: ISIZE, the last four bytes; right only for a single honest member. */
static size_t
claimed_size(struct str in)
{
	const uint8_t *t = (const uint8_t *)in.p + in.n - 4;

	return (size_t)t[0] | (size_t)t[1] << 8 | (size_t)t[2] << 16 |
	    (size_t)t[3] << 24;
}

static enum err
too_large(size_t out_max, size_t limit, struct err_info *e)
{
	if (limit < out_max)
		return err_setf(e, ERR_TOO_LARGE,
		    "inflates to more than %d times its size", GZIP_RATIO_MAX);
	return err_setf(e, ERR_TOO_LARGE, "inflates to more than %zu bytes",
	    out_max);
}

/* One member from *in on; the output grows up to limit.  ERR_TOO_LARGE: without
 * a text, the caller knows the limit. */
static enum err
inflate_member(struct gzip *g, struct str *in, size_t limit, struct buf *out,
    struct err_info *e)
{
	size_t used, made;

	for (;;) {
		size_t room = out->cap - 1 - out->len;
		enum libdeflate_result r;

		/* The limit may lie inside the buffer's last doubling. */
		if (room > limit - out->len)
			room = limit - out->len;
		r = libdeflate_gzip_decompress_ex(g->inflater, in->p, in->n,
		    out->data + out->len, room, &used, &made);
		if (r == LIBDEFLATE_SUCCESS)
			break;
		if (r != LIBDEFLATE_INSUFFICIENT_SPACE)
			return err_setf(e, ERR_BAD_REQUEST, "not valid gzip");
		if (room == limit - out->len)
			return ERR_TOO_LARGE;
		if (!buf_reserve(out, room > 0 ? room * 2 : GZIP_FIRST))
			return err_set(e, ERR_NOMEM);
	}
	out->len += made;
	*in = str_n(in->p + used, in->n - used);
	return ERR_OK;
}

enum err
gzip_inflate(struct gzip *g, struct str in, size_t out_max, struct buf *out,
    struct err_info *e)
{
	size_t limit = limit_of(in.n, out_max), first;
	enum err rc = ERR_OK;

	buf_reset(out);
	if (in.n < GZIP_SMALLEST)
		return err_setf(e, ERR_BAD_REQUEST, "not valid gzip");
	if (g->inflater == NULL && !fault_tick())
		g->inflater = libdeflate_alloc_decompressor();
	first = claimed_size(in);
	if (first > limit)
		first = limit;
	if (first < GZIP_FIRST)
		first = GZIP_FIRST;
	if (g->inflater == NULL || !buf_reserve(out, first)) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	while (rc == ERR_OK && in.n > 0)
		rc = inflate_member(g, &in, limit, out, e);
	if (rc == ERR_TOO_LARGE)
		rc = too_large(out_max, limit, e);
done:
	if (rc != ERR_OK)
		out->len = 0;
	if (out->data != NULL)
		out->data[out->len] = '\0';
	return rc;
}

enum err
gzip_deflate(struct gzip *g, struct str in, int level, struct buf *out,
    struct err_info *e)
{
	size_t n;

	buf_reset(out);
	if (g->deflater != NULL && g->level != level) {
		libdeflate_free_compressor(g->deflater);
		g->deflater = NULL;
	}
	if (g->deflater == NULL && !fault_tick())
		g->deflater = libdeflate_alloc_compressor(level);
	g->level = level;
	if (g->deflater == NULL ||
	    !buf_reserve(out,
	        libdeflate_gzip_compress_bound(g->deflater, in.n)))
		return err_set(e, ERR_NOMEM);
	n = libdeflate_gzip_compress(g->deflater, in.p, in.n, out->data,
	    out->cap - 1);
	if (n == 0)
		return err_setf(e, ERR_FAILED, "gzip failed");
	out->len = n;
	out->data[n] = '\0';
	return ERR_OK;
}
