/* The rows of all commands, for commands.c; each stands in its cmd_<name>.c. */
#ifndef CLOWDER_CMDS_H
#define CLOWDER_CMDS_H

#include "cmd.h"

extern const struct cmd cmd_auth, cmd_daemon, cmd_doctor, cmd_sync;
/* Sub-commands that have a file of their own. */
extern const struct cmd cmd_auth_doctor, cmd_auth_import, cmd_sync_diagnose,
    cmd_sync_discard, cmd_sync_edit, cmd_sync_retry;
extern const struct cmd cmd_commands, cmd_complete, cmd_completion, cmd_help,
    cmd_man, cmd_version, cmd_hub, cmd_debug, cmd_consolidate, cmd_init,
    cmd_project, cmd_feature, cmd_wp, cmd_todo, cmd_item, cmd_board, cmd_log,
    cmd_show, cmd_conflicts, cmd_rebuild, cmd_verify, cmd_export, cmd_import,
    cmd_watch, cmd_session;

#endif
