/* Covers os_git_remote and os_lock_pid.  What must hold: a url that was read,
 * written with quotes, is read as the same; a pid is none or above 0. */
#include <stdlib.h>
#include <string.h>

#include "git.h"
#include "lock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_url(struct buf *out, const char *url)
{
	static const char plain[] = "\\\"\n\t\b", escape[] = "\\\"ntb";

	buf_adds(out, "[remote \"origin\"]\nurl = \"");
	for (; *url != '\0'; url++) {
		const char *at = strchr(plain, *url);

		if (at != NULL)
			buf_addc(out, '\\');
		buf_addc(out, at ? escape[at - plain] : *url);
	}
	buf_adds(out, "\"\n");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_n(data, size);
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct buf out = { 0 };
	const char *url, *again;

	if (os_lock_pid(text) < 0)
		abort();
	if (os_git_remote(text, "origin", &a, &url, &e) != ERR_OK)
		abort();
	if (url != NULL) {
		write_url(&out, url);
		if (os_git_remote(buf_str(&out), "origin", &a, &again, &e) !=
		        ERR_OK ||
		    again == NULL || strcmp(url, again) != 0)
			abort();
	}
	arena_fini(&a);
	buf_fini(&out);
	return 0;
}
