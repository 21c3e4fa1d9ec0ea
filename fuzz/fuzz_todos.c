/* Covers: todo arrays, tasks, tool-call logs and transcripts of Claude Code. */
#include <stdlib.h>

#include "claude.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct source_file f;
	struct str cwd, branch;

	if (claude_read(str_n(data, size), &a, &f, &e) == ERR_OK)
		for (size_t i = 0; i < f.n; i++)
			if (f.item[i].content.n == 0 || f.item[i].status.n == 0)
				abort();
	claude_transcript(str_n(data, size), &a, &cwd, &branch);
	arena_fini(&a);
	return 0;
}
