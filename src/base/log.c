/* A line is put together on the stack and written at once, so that the log
 * works when memory is short and lines of several threads do not mix. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"
#include "utf8.h"
#include "when.h"

enum {
	TEXT_MAX = 4096, /* longer texts are cut and end in "..." */
	ESCAPE_MAX = 4   /* bytes that one byte can become */
};

static atomic_int log_fd = STDERR_FILENO;
static atomic_int log_level = LOG_INFO;

struct line {
	char data[TEXT_MAX * ESCAPE_MAX + 128];
	size_t n;
};

void
log_to(int fd, enum log_level level)
{
	atomic_store(&log_fd, fd);
	atomic_store(&log_level, (int)level);
}

static void
add(struct line *l, const void *p, size_t n)
{
	if (n > sizeof l->data - l->n)
		n = sizeof l->data - l->n;
	memcpy(l->data + l->n, p, n);
	l->n += n;
}

static void
addz(struct line *l, const char *z)
{
	add(l, z, strlen(z));
}

/* Newline, tab and return by their letter, any other byte as \xNN. */
static void
add_escape(struct line *l, uint8_t c)
{
	static const char from[] = "\n\t\r", to[] = "ntr";
	static const char digit[] = "0123456789abcdef";
	const char *at = memchr(from, c, sizeof from - 1);
	char escape[ESCAPE_MAX] = { '\\', 'x', digit[c >> 4], digit[c & 15] };

	if (at != NULL)
		escape[1] = to[at - from];
	add(l, escape, at != NULL ? 2 : sizeof escape);
}

static void
add_escaped(struct line *l, const char *text, size_t len)
{
	const uint8_t *p = (const uint8_t *)text, *end = p + len;

	while (p < end) {
		size_t n = utf8_len(p, (size_t)(end - p));
		uint32_t cp = n ? utf8_get(p, n) : 0;

		if (text_unseen(cp)) {
			for (n = n ? n : 1; n > 0; n--)
				add_escape(l, *p++);
			continue;
		}
		add(l, p, n);
		p += n;
	}
}

/* A log that cannot be written has nowhere to say so. */
static void
write_line(const struct line *l)
{
	size_t at = 0;

	while (at < l->n) {
		ssize_t n =
		    write(atomic_load(&log_fd), l->data + at, l->n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

void
log_line(enum log_level level, const char *module, const char *fmt, ...)
{
	static const char *const name[] = {
		[LOG_ERROR] = "error",
		[LOG_WARN] = "warn",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug",
	};
	char text[TEXT_MAX], when[WHEN_TEXT_MAX];
	struct line l;
	struct timespec now = { 0 };
	int saved = errno, n;
	va_list ap;

	if ((int)level > atomic_load(&log_level))
		return;
	l.n = 0;
	va_start(ap, fmt);
	errno = saved; /* for %m */
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		now.tv_sec = 0;
	add(&l, when,
	    when_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
	        when));
	addz(&l, " ");
	addz(&l, name[level]);
	addz(&l, " ");
	addz(&l, module);
	addz(&l, " ");
	if (n > 0)
		add_escaped(&l, text,
		    (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
	if (n >= (int)sizeof text)
		addz(&l, "...");
	addz(&l, "\n");
	write_line(&l);
	errno = saved;
}
