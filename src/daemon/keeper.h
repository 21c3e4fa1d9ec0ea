/* The replica's thread, as its own files see it. */
#ifndef CLOWDER_KEEPER_H
#define CLOWDER_KEEPER_H

#include "daemon_int.h"

struct lines *keeper_lines(void *keeper);
struct store *keeper_store(struct keeper *k);
struct daemon *keeper_daemon(struct keeper *k);
/* Something was done: there will be something to tidy up. */
void keeper_busy(void *keeper);

#endif
