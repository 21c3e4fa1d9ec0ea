#include "buf.h"

#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"

void
buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void
buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		sodium_memzero(b->data, b->cap);
	buf_fini(b);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

bool
buf_grow(struct buf *b, size_t more)
{
	size_t need, cap;
	char *data;

	if (b->failed)
		return false;
	if (more >= SIZE_MAX / 2 - b->len)
		goto fail;
	need = b->len + more + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	data = mem_realloc(b->data, cap);
	if (data == NULL)
		goto fail;
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return true;
fail:
	b->failed = true;
	return false;
}

void
buf_addu(struct buf *b, unsigned long long v)
{
	char digit[24];
	size_t i = sizeof digit;

	do
		digit[--i] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	buf_add(b, digit + i, sizeof digit - i);
}

void
buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !buf_reserve(b, (size_t)n)) {
		b->failed = true;
		return;
	}
	n = vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	if (n > 0)
		b->len += (size_t)n;
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

enum err
buf_ok(const struct buf *b, struct err_info *e)
{
	return b->failed ? err_set(e, ERR_NOMEM) : ERR_OK;
}

struct str
buf_str(const struct buf *b)
{
	return str_n(b->data, b->len);
}

char *
buf_take(struct buf *b)
{
	char *data;

	if (!buf_reserve(b, 0)) {
		buf_fini(b);
		return NULL;
	}
	data = b->data;
	*b = (struct buf){ 0 };
	return data;
}
