/* Rows of the `wp` verbs that only look (cmd_wp_list.c). */
#ifndef CLOWDER_WP_H
#define CLOWDER_WP_H

#include "cmd.h"

extern const struct cmd wp_list, wp_show;

#endif
