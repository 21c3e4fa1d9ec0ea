/* What `clowder debug fold` does, for many histories in one process: events on
 * stdin, one JSON object a line; an empty line ends a history and is answered
 * by one line, the fold or "error: ..." (docs/merge.md).  State that is kept
 * event by event as they come must have the same digest as the fold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "fold.h"
#include "kept.h"

struct history {
	struct fold *fold;
	struct kept *kept;
	enum err rc; /* the first failure */
	struct err_info e;
};

static void
begin(struct history *h)
{
	*h = (struct history){ .kept = kept_new() };
	h->rc = fold_new(&h->fold, &h->e);
	if (h->rc == ERR_OK && h->kept == NULL)
		h->rc = err_set(&h->e, ERR_NOMEM);
}

static void
end(struct history *h)
{
	fold_free(h->fold);
	kept_free(h->kept);
}

static enum err
add(struct history *h, struct str line)
{
	enum err rc = fold_add(h->fold, line, &h->e);

	return rc == ERR_OK ? kept_add(h->kept, line, &h->e) : rc;
}

static enum err
answer(struct history *h, struct buf *out)
{
	uint8_t folded[32], kept[32];
	enum err rc;

	buf_reset(out);
	rc = fold_write(h->fold, out, &h->e);
	if (rc == ERR_OK)
		rc = buf_ok(out, &h->e);
	if (rc == ERR_OK)
		rc = fold_digest(h->fold, folded, &h->e);
	if (rc == ERR_OK)
		rc = kept_digest(h->kept, kept, &h->e);
	if (rc == ERR_OK && memcmp(folded, kept, 32) != 0)
		rc = err_setf(&h->e, ERR_FAILED, "kept state is not the fold");
	return rc;
}

int
main(void)
{
	struct history h;
	struct buf out = { 0 };
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	begin(&h);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		n -= line[n - 1] == '\n';
		if (n > 0 && h.rc == ERR_OK)
			h.rc = add(&h, str_n(line, (size_t)n));
		if (n > 0)
			continue;
		if (h.rc == ERR_OK)
			h.rc = answer(&h, &out);
		if (h.rc == ERR_OK)
			puts(out.data);
		else
			printf("error: %s\n", h.e.text);
		end(&h);
		begin(&h);
	}
	end(&h);
	free(line);
	buf_fini(&out);
	return ferror(stdin) || fflush(stdout) != 0;
}
