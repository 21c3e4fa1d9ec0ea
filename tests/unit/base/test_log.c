/* Log: one line a call, nothing in it that could forge another. */
#include "log.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "t.h"
#include "when.h"

static FILE *file;

static void
begin(enum log_level level)
{
	file = tmpfile();
	if (!CHECK(file != NULL))
		exit(1);
	log_to(fileno(file), level);
}

/* The next line without its newline; "" at the end. */
static struct str
line(void)
{
	static char buf[1 << 16];

	if (fgets(buf, sizeof buf, file) == NULL)
		return str_of("");
	if (!CHECK(strchr(buf, '\n') != NULL))
		return str_of(buf);
	return str_n(buf, strlen(buf) - 1);
}

static void
end(void)
{
	log_to(STDERR_FILENO, LOG_INFO);
	(void)fclose(file);
}

static void
writes_time_level_module_text(void)
{
	struct str s, when;
	int64_t ms = 0;

	begin(LOG_DEBUG);
	log_line(LOG_ERROR, "hub", "port=%d", 80);
	log_line(LOG_WARN, "hub", "w");
	log_line(LOG_INFO, "store", "i");
	log_line(LOG_DEBUG, "store", "d");
	rewind(file);
	s = line();
	CHECK(str_split(&s, ' ', &when) && when_parse(when, &ms));
	CHECK(ms > 1700000000000);
	CHECK_STR(s, "error hub port=80");
	CHECK(str_ends(line(), STR(" warn hub w")));
	CHECK(str_ends(line(), STR(" info store i")));
	CHECK(str_ends(line(), STR(" debug store d")));
	CHECK_STR(line(), "");
	end();
}

static void
leaves_out_what_is_below_the_level(void)
{
	begin(LOG_WARN);
	log_line(LOG_INFO, "m", "not this");
	log_line(LOG_DEBUG, "m", "nor this");
	log_line(LOG_WARN, "m", "this");
	rewind(file);
	CHECK(str_ends(line(), STR(" this")));
	CHECK_STR(line(), "");
	end();
}

static void
escapes_what_could_forge_a_line(void)
{
	begin(LOG_INFO);
	log_line(LOG_INFO, "m", "a\nb\tc\rd");
	log_line(LOG_INFO, "m", "\x1b[2J\x7f\xc2\x9b\xff");
	log_line(LOG_INFO, "m", "%s", "caf\xc3\xa9 \xf0\x9f\x98\x80");
	rewind(file);
	CHECK(str_ends(line(), STR(" m a\\nb\\tc\\rd")));
	CHECK(str_ends(line(), STR(" m \\x1b[2J\\x7f\\xc2\\x9b\\xff")));
	CHECK(str_ends(line(), STR(" m caf\xc3\xa9 \xf0\x9f\x98\x80")));
	CHECK_STR(line(), "");
	end();
}

static void
cuts_what_is_too_long(void)
{
	char text[10000];
	struct str s;

	memset(text, '\x01', sizeof text);
	text[sizeof text - 1] = '\0';
	begin(LOG_INFO);
	log_line(LOG_INFO, "m", "%s", text);
	rewind(file);
	s = line();
	CHECK(s.n > 4 * 4000 && s.n < 5 * 4096);
	CHECK(str_ends(s, STR("\\x01...")));
	CHECK_STR(line(), "");
	end();
}

static void
keeps_errno(void)
{
	begin(LOG_INFO);
	errno = ENOSPC;
	log_line(LOG_INFO, "m", "x");
	CHECK_I(errno, ENOSPC);
	end();
	log_to(-1, LOG_INFO);
	errno = ENOSPC;
	log_line(LOG_INFO, "m", "to nowhere");
	CHECK_I(errno, ENOSPC);
	log_to(STDERR_FILENO, LOG_INFO);
}

enum { THREADS = 4, LINES = 500 };

static void *
write_many(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_line(LOG_INFO, "m", "from=%s text=0123456789", (char *)arg);
	return NULL;
}

static void
lines_of_threads_do_not_mix(void)
{
	pthread_t thread[THREADS];
	char name[THREADS][2] = { "0", "1", "2", "3" };
	int seen = 0;
	struct str s;

	begin(LOG_INFO);
	for (int i = 0; i < THREADS; i++)
		CHECK_I(pthread_create(&thread[i], NULL, write_many, name[i]),
		    0);
	for (int i = 0; i < THREADS; i++)
		CHECK_I(pthread_join(thread[i], NULL), 0);
	rewind(file);
	while ((s = line()).n > 0 && !t_failing()) {
		struct str text = STR(" info m from=0 text=0123456789");

		CHECK_U(s.n, 24 + text.n);
		CHECK(str_ends(s, STR(" text=0123456789")));
		seen++;
	}
	CHECK_I(seen, THREADS * LINES);
	end();
}

int
main(void)
{
	T_RUN(writes_time_level_module_text);
	T_RUN(leaves_out_what_is_below_the_level);
	T_RUN(escapes_what_could_forge_a_line);
	T_RUN(cuts_what_is_too_long);
	T_RUN(keeps_errno);
	T_RUN(lines_of_threads_do_not_mix);
	return t_done();
}
