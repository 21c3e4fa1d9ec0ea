/* Covers the fold of any events: each line of the input is one.
 *
 * Held: what is folded forwards and backwards is the same to the byte, whatever
 * payloads, names and stamps stand there. */
#include <stdlib.h>

#include "fold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINES_MAX = 24 };

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Only those that are events, and of one id the first alone: which of two with
 * other contents came first does matter. */
static size_t
events(struct str in, struct str line[LINES_MAX])
{
	struct err_info e = { 0 };
	struct fold *f = NULL;
	struct str one;
	size_t n = 0;

	must(fold_new(&f, &e) == ERR_OK);
	while (n < LINES_MAX && str_split(&in, '\n', &one))
		if (fold_add(f, one, &e) == ERR_OK)
			line[n++] = one;
	fold_free(f);
	return n;
}

static void
fold(const struct str *line, size_t n, bool backwards, struct buf *out)
{
	struct fold *f = NULL;
	struct err_info e = { 0 };

	must(fold_new(&f, &e) == ERR_OK);
	for (size_t i = 0; i < n; i++)
		must(fold_add(f, line[backwards ? n - 1 - i : i], &e) ==
		    ERR_OK);
	must(fold_write(f, out, &e) == ERR_OK);
	fold_free(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line[LINES_MAX];
	struct buf a = { 0 }, b = { 0 };
	size_t n = events(str_n(data, size), line);

	fold(line, n, false, &a);
	fold(line, n, true, &b);
	must(str_eq(buf_str(&a), buf_str(&b)));
	buf_fini(&a);
	buf_fini(&b);
	return 0;
}
