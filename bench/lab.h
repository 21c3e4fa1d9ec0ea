/* What the measurements share: time, a hub of their own in a folder of its own,
 * what its threads cost, and the rows of the table that bench/run prints. */
#ifndef CLOWDER_LAB_H
#define CLOWDER_LAB_H

#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"

double lab_now(void);                   /* seconds */
double lab_median(double *v, size_t n); /* sorts; 0 where n is 0 */

/* A row: ours beside what this machine can do at best, in one unit.  higher:
 * more is better, and the ratio is ours / best; else best / ours.  best 0: the
 * row stands alone.  Text for the reader goes through printf. */
void lab_row(const char *what, double ours, double best, const char *unit,
    const char *best_is);

/* --- a hub ---------------------------------------------------------------- */

enum { LAB_THREADS_MAX = 16 };

struct lab_hub {
	struct arena arena;
	const char *clowder; /* borrow: path of the program */
	char *folder;        /* made, removed at the end */
	char *data;
	int pid;
	uint16_t port;
	char *token; /* an access token of the one user */
};

/* Make the folder, the account, start the hub, sign in. */
enum err lab_hub_start(struct lab_hub *h, const char *clowder,
    struct err_info *e);
/* SIGTERM, wait, remove the folder.  Safe on a zeroed one. */
void lab_hub_stop(struct lab_hub *h);
/* One number of /metrics by its name without "clowder_"; 0 where it is not
 * there. */
uint64_t lab_hub_metric(struct lab_hub *h, const char *name);
/* KiB from /proc/PID/status, such as "VmRSS"; 0 where it is not there. */
uint64_t lab_kib(int pid, const char *name);

/* Seconds on a processor by thread name. */
struct lab_cpu {
	struct {
		char name[16];
		double s;
	} thread[LAB_THREADS_MAX];
	size_t n;
};
void lab_cpu(int pid, struct lab_cpu *ret);
/* after - before, printed on one line for so many events: "loop 40 % 2.1 us",
 * share of the time and processor time per event. */
void lab_cpu_print(const struct lab_cpu *before, const struct lab_cpu *after,
    double seconds, double events);

#endif
