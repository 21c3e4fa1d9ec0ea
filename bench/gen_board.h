/* A project as the log of `clowder export`: features of a hundred work packages
 * that moved through the lanes, every event naming what it replaces.  The same
 * bytes for the same numbers. */
#ifndef CLOWDER_GEN_BOARD_H
#define CLOWDER_GEN_BOARD_H

#include "buf.h"
#include "err.h"

#define GEN_BOARD_PROJECT "6f1f0c52-8a0e-4a3b-9a53-3c0a2f7f1d11"
enum { GEN_BOARD_EVENTS_MIN = 6, GEN_BOARD_FEATURE = 100 };

/* So many events of n work packages, at least GEN_BOARD_EVENTS_MIN of each. */
enum err gen_board(size_t events, size_t n, struct buf *out,
    struct err_info *e);
/* The i-th of those that stand in `planned`: its feature and its id.  One in
 * four does: i < n / 4. */
void gen_board_planned(size_t i, char feature[32], char wp[32]);

#endif
