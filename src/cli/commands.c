/* The one table of commands. */
#include "cmds.h"

/* A table is drawn by hand: */
/* clang-format off */
static const struct cmd *const work[] = {
	&cmd_init, &cmd_board, &cmd_feature, &cmd_wp, &cmd_todo, &cmd_item,
	&cmd_project, NULL,
};
static const struct cmd *const past[] = {
	&cmd_log, &cmd_watch, &cmd_show, &cmd_conflicts, NULL,
};
static const struct cmd *const with_others[] = {
	&cmd_sync, &cmd_daemon, &cmd_auth, NULL,
};
static const struct cmd *const agents[] = {
	&cmd_session, &cmd_consolidate, NULL,
};
static const struct cmd *const machine[] = {
	&cmd_doctor, &cmd_export, &cmd_import, &cmd_verify, &cmd_rebuild, NULL,
};
static const struct cmd *const servers[] = { &cmd_hub, &cmd_debug, NULL };
static const struct cmd *const about_us[] = {
	&cmd_help, &cmd_completion, &cmd_man, &cmd_commands, &cmd_version,
	&cmd_complete, NULL,
};

const struct cmd_section cmd_sections[] = {
	{ "Work", work },
	{ "What happened", past },
	{ "With others", with_others },
	{ "Agents", agents },
	{ "This machine", machine },
	{ "Serving and looking inside", servers },
	{ "About this program", about_us },
	{ NULL, NULL },
};
/* clang-format on */
