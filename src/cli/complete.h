/* Completion: the shell asks the program, which knows the table and the store;
 * the scripts only carry words to and fro. */
#ifndef CLOWDER_COMPLETE_H
#define CLOWDER_COMPLETE_H

#include "cmd.h"

/* One candidate and what it is. */
typedef void complete_fn(void *ctx, struct str word, struct str what);

/* Candidates for the last of n words (which may be empty; the program's name is
 * not among them).  *files: the shell's own file names as well. */
void complete_words(struct ctx *c, const char *const *word, size_t n,
    complete_fn *fn, void *fn_ctx, enum cmd_words *files);
/* Ids of the folder's project that begin with `start`; nothing where they cannot
 * be read. */
void complete_ids(struct ctx *c, enum cmd_words kind, struct str start,
    complete_fn *fn, void *fn_ctx);

#endif
