/* A file is replaced whole: a power cut at any moment leaves the old or the new
 * one, and once the call has returned, the new one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "disk.h"
#include "file.h"
#include "t.h"

enum { VERSIONS = 4, SEEDS = 8, BYTES = 3000 };

static size_t done_at[VERSIONS]; /* calls when the version had been written */

static struct str
version(unsigned v)
{
	static char text[VERSIONS][BYTES];

	memset(text[v], 'a' + (int)v, BYTES);
	return str_n(text[v], BYTES - 7 * v);
}

/* Which one it is; VERSIONS: none of them. */
static unsigned
look(const char *folder)
{
	struct buf b = { 0 };
	struct err_info e = { 0 };
	char path[500];
	unsigned v = VERSIONS;

	(void)snprintf(path, sizeof path, "%s/f", folder);
	if (os_read_file(path, BYTES * 2, &b, &e) == ERR_OK)
		for (v = 0; v < VERSIONS; v++)
			if (str_eq(buf_str(&b), version(v)))
				break;
	buf_fini(&b);
	return v;
}

static bool
old_or_new(const char *folder, size_t n)
{
	unsigned least = 0, got = look(folder);
	bool any = false;

	for (unsigned v = 0; v < VERSIONS; v++)
		if (done_at[v] <= n) {
			least = v;
			any = true;
		}
	/* Before the first was done there may be none. */
	return CHECK(got < VERSIONS ? got >= least && got <= least + 1 : !any);
}

static void
replaced_whole(void)
{
	struct err_info e = { 0 };
	char folder[400], path[700];

	(void)snprintf(folder, sizeof folder, "%s/live", t_tmp());
	(void)snprintf(path, sizeof path, "%s/f", folder);
	CHECK(mkdir(folder, 0700) == 0);
	disk_record(folder);
	for (unsigned v = 0; v < VERSIONS; v++) {
		CHECK_OK(os_write_atomic(path, version(v), 0, &e), &e);
		done_at[v] = disk_calls();
	}
	disk_stop();
	/* Make, write, sync, rename and the folder's sync, each time. */
	CHECK(disk_calls() >= (size_t)5 * VERSIONS);
	(void)disk_every_cut(SEEDS, "", old_or_new);
	disk_free();
}

int
main(void)
{
	T_RUN(replaced_whole);
	return t_done();
}
