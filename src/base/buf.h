/* Growing byte buffer, always NUL-terminated.
 *
 * Appending never returns an error: a buffer that could not grow is marked
 * failed and ignores what follows; whoever built it asks once at the end
 * (buf_ok).  So writers read as prose. */
#ifndef CLOWDER_BUF_H
#define CLOWDER_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "str.h"

struct buf {
	char *data;  /* own; NULL until first use */
	size_t len;  /* bytes, without the NUL */
	size_t cap;  /* bytes allocated */
	bool failed; /* out of memory once: the content is not whole */
};

void buf_fini(struct buf *b); /* safe on a zeroed buf */
void
buf_wipe(struct buf *b); /* the same for what held a secret: zeroed first */
void buf_reset(struct buf *b); /* empty and not failed, memory kept */
bool buf_grow(struct buf *b, size_t more); /* for buf_reserve */
/* Room for more bytes at data + len, and the NUL. */
static inline bool
buf_reserve(struct buf *b, size_t more)
{
	return (more < b->cap - b->len && !b->failed) || buf_grow(b, more);
}
static inline void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !buf_reserve(b, n))
		return;
	memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}
static inline void
buf_addc(struct buf *b, char c)
{
	if (!buf_reserve(b, 1))
		return;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}
static inline void
buf_adds(struct buf *b, const char *z)
{
	buf_add(b, z, strlen(z));
}
static inline void
buf_addstr(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}
void buf_addu(struct buf *b, unsigned long long v); /* decimal */
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* ERR_OK, or ERR_NOMEM where it failed. */
enum err buf_ok(const struct buf *b, struct err_info *e);
/* Borrowed view; valid until the next append. */
struct str buf_str(const struct buf *b);
/* The content as an owned NUL-terminated string ("" when empty); the buffer is
 * left empty.  NULL where it failed. */
char *buf_take(struct buf *b);

#endif
