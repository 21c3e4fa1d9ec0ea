/* `board --watch`: the board on a whole terminal, live. */
#ifndef CLOWDER_BOARD_WATCH_H
#define CLOWDER_BOARD_WATCH_H

#include "cmd.h"

/* Until a key or a signal ends it. */
enum err board_watch(struct cli *c, struct err_info *e);

#endif
