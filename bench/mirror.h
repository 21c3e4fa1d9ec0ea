/* The least that a server of live connections does, as a process of its own: it
 * takes connections, greets each, and sends what the first one sends to all. */
#ifndef CLOWDER_MIRROR_H
#define CLOWDER_MIRROR_H

#include "err.h"
#include "str.h"

struct mirror {
	size_t n, bytes;
	int *fd; /* own */
	int ep, pid;
	double *cpu_s;   /* shared: of the other process, at its end */
	double opened_s; /* until all were greeted */
};

/* n connections, messages of so many bytes; file: what the first one sends is
 * appended and synced before it is sent on; NULL: it is not. */
enum err mirror_open(struct mirror *m, size_t n, size_t bytes, const char *file,
    struct err_info *e);
/* One message from the first to all: until it has come to all but `spare`.  reply:
 * each answers it. */
enum err mirror_round(struct mirror *m, bool reply, double *ret_s,
    struct err_info *e);
/* Ends the process; *ret_cpu_s: processor that it used (may be NULL). */
void mirror_close(struct mirror *m, double *ret_cpu_s);

#endif
