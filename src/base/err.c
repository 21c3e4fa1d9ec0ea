#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Rows of a table: */
/* clang-format off */
static const struct {
	const char *wire;
	const char *text;
	int http;
	int exit;
} err_rows[ERR_COUNT] = {
	[ERR_OK] = { "ok", "ok", 200, 0 },
#define X(code, wire_, http_, exit_, text_) \
	[ERR_##code] = { wire_, text_, http_, exit_ },
	ERR_TABLE(X)
#undef X
};
/* clang-format on */

const char *
err_wire(enum err code)
{
	return err_rows[code].wire;
}

const char *
err_text(enum err code)
{
	return err_rows[code].text;
}

int
err_http(enum err code)
{
	return err_rows[code].http;
}

int
err_exit(enum err code)
{
	return err_rows[code].exit;
}

enum err
err_from_wire(const char *name, unsigned long n)
{
	for (int i = 1; i < ERR_COUNT; i++)
		if (strlen(err_rows[i].wire) == n &&
		    memcmp(err_rows[i].wire, name, n) == 0)
			return (enum err)i;
	return ERR_OK;
}

enum err
err_set(struct err_info *e, enum err code)
{
	int n = snprintf(e->text, sizeof e->text, "%s", err_text(code));

	if (n < 0)
		e->text[0] = '\0';
	e->code = code;
	return code;
}

enum err
err_setf(struct err_info *e, enum err code, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n < 0)
		e->text[0] = '\0';
	e->code = code;
	return code;
}

static enum err
err_of_errno(int errno_)
{
	switch (errno_) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case ENOMEM:
		return ERR_NOMEM;
	case EEXIST:
		return ERR_EXISTS;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_IO;
	}
}

enum err
err_sys(struct err_info *e, int errno_, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text)
		n = snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s",
		    strerror(errno_));
	if (n < 0)
		e->text[0] = '\0';
	e->code = err_of_errno(errno_);
	return e->code;
}

enum err
err_wrap(struct err_info *e, const char *fmt, ...)
{
	char inner[ERR_TEXT_MAX];
	va_list ap;
	int n;

	memcpy(inner, e->text, sizeof inner);
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	/* A chain that is too long loses its tail: the outermost reason is the
	 * one that the user can act on. */
	if (n >= 0 && (size_t)n < sizeof e->text)
		n = snprintf(e->text + n, sizeof e->text - (size_t)n, ": %s",
		    inner);
	if (n < 0)
		e->text[0] = '\0';
	return e->code;
}
