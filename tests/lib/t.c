#include "t.h"

#include <errno.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned n_run, n_failed;
static bool failing;
static char note[512];
static char tmp[256];

bool
t_failing(void)
{
	return failing;
}

void
t_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(note, sizeof note, fmt, ap) < 0)
		note[0] = '\0';
	va_end(ap);
}

void
t_run(const char *name, void (*fn)(void))
{
	failing = false;
	note[0] = '\0';
	fn();
	n_run++;
	n_failed += failing;
	printf("%sok %u - %s\n", failing ? "not " : "", n_run, name);
	(void)fflush(stdout);
}

static int
unlink_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int
t_done(void)
{
	printf("1..%u\n", n_run);
	if (tmp[0] != '\0' && n_failed == 0)
		(void)nftw(tmp, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
	else if (tmp[0] != '\0')
		printf("# kept: %s\n", tmp);
	return n_failed > 0 || n_run == 0;
}

static bool
fail(const char *file, int line, const char *what)
{
	failing = true;
	printf("# %s:%d: %s", file, line, what);
	if (note[0] != '\0')
		printf("  [%s]", note);
	return false;
}

bool
t_check(bool ok, const char *file, int line, const char *what)
{
	if (ok)
		return true;
	(void)fail(file, line, what);
	putchar('\n');
	return false;
}

bool
t_check_u(uint64_t a, uint64_t b, const char *file, int line, const char *what)
{
	if (a == b)
		return true;
	(void)fail(file, line, what);
	printf(" (%llu, %llu)\n", (unsigned long long)a, (unsigned long long)b);
	return false;
}

bool
t_check_i(int64_t a, int64_t b, const char *file, int line, const char *what)
{
	if (a == b)
		return true;
	(void)fail(file, line, what);
	printf(" (%lld, %lld)\n", (long long)a, (long long)b);
	return false;
}

bool
t_check_str(struct str a, struct str b, const char *file, int line,
    const char *what)
{
	if (str_eq(a, b))
		return true;
	(void)fail(file, line, what);
	printf("\n#   got:  %.*s\n#   want: %.*s\n", STR_ARG(a), STR_ARG(b));
	return false;
}

bool
t_check_ok(enum err rc, const struct err_info *e, const char *file, int line,
    const char *what)
{
	if (rc == ERR_OK)
		return true;
	(void)fail(file, line, what);
	printf(" failed: %s (%s)\n", err_wire(rc), e ? e->text : "");
	return false;
}

bool
t_check_err(enum err rc, enum err want, const char *file, int line,
    const char *what)
{
	if (rc == want)
		return true;
	(void)fail(file, line, what);
	printf(" (%s, %s)\n", err_wire(rc), err_wire(want));
	return false;
}

uint64_t
t_seed(void)
{
	const char *z = getenv("CLOWDER_SEED");

	return z ? strtoull(z, NULL, 0) : 0x5f3c;
}

uint64_t
t_rand(struct t_rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t
t_below(struct t_rng *r, uint64_t n)
{
	return t_rand(r) % n;
}

const char *
t_tmp(void)
{
	const char *base = getenv("TMPDIR");
	int n;

	if (tmp[0] != '\0')
		return tmp;
	n = snprintf(tmp, sizeof tmp, "%s/clowder-test-XXXXXX",
	    base ? base : "/tmp");
	if (n < 0 || (size_t)n >= sizeof tmp || mkdtemp(tmp) == NULL) {
		perror("mkdtemp");
		exit(2);
	}
	return tmp;
}
