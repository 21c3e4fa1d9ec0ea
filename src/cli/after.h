/* What a command does beside what it was asked for, when that has gone well. */
#ifndef CLOWDER_AFTER_H
#define CLOWDER_AFTER_H

#include "cmd.h"

/* A daemon is started where one is wanted and the command wrote; that one has not
 * heard of the hub for more than an hour is said, once an hour, on stderr. */
void after_command(struct cli *c);

#endif
