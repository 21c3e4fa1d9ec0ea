/* Help, from the table of commands. */
#ifndef CLOWDER_HELP_H
#define CLOWDER_HELP_H

#include "cmd.h"

/* "sync now [-v] [-n] [--report FILE]" of what c names; appended.  gap stands
 * between its parts. */
void help_usage(const struct cli *c, char gap, struct buf *out);
/* "sync now": the names of the path; appended. */
void help_path(const struct cli *c, struct buf *out);
/* Help of what c names, of the program where it names nothing. */
void help_print(const struct cli *c, struct out *o);
/* Texts of the table name the program "%p"; appended with its name. */
void help_expand(const char *text, const char *program, struct buf *out);
/* The table as a manual page (roff, man(7)); appended. */
void man_write(const char *program, struct buf *out);
/* A file that the program makes: to the byte; with --json the one member of a
 * document. */
enum err help_file(struct cli *c, const char *member, const struct buf *text,
    struct err_info *e);
/* The same as a document: of the program, or of the command. */
void help_json(const struct cli *c, struct out *o);
/* The table as JSON: names, purposes, options, words, examples. */
void commands_json(struct out *o);

#endif
