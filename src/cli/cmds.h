/* The rows of all commands, for commands.c; each stands in its cmd_<name>.c. */
#ifndef CLOWDER_CMDS_H
#define CLOWDER_CMDS_H

#include "cmd.h"

extern const struct cmd cmd_commands, cmd_complete, cmd_completion, cmd_help,
    cmd_man, cmd_version, cmd_hub, cmd_debug, cmd_consolidate;

#endif
