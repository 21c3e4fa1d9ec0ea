/* What the measurements share: time, a hub of their own in a folder of its own,
 * what its threads cost, and the rows of the table that bench/run prints. */
#ifndef CLOWDER_LAB_H
#define CLOWDER_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"

double lab_now(void);                   /* seconds */
double lab_median(double *v, size_t n); /* sorts; 0 where n is 0 */

/* A row of the table that bench/run prints: ours beside what this machine does
 * at best in the same run, in one unit; of a unit that ends with "/s" more is
 * better, of all others less.  best and target are 0 where there is none.  What
 * is for the reader alone goes through printf. */
struct lab_row {
	const char *what;
	double ours, best, target;
	const char *unit, *best_is; /* best_is: NULL where best is 0 */
};
void lab_row(const struct lab_row *r);

/* argv[0] is this option and argv[1] a number: into *ret. */
bool lab_number(char **argv, const char *name, size_t *ret);

/* --- folders and programs ------------------------------------------------- */

/* A new folder below $TMPDIR; the path lives in the arena. */
enum err lab_folder(struct arena *a, char **ret, struct err_info *e);
/* The folder and all that is in it; NULL is allowed. */
void lab_folder_remove(const char *path);
enum err lab_write(const char *path, struct str text, struct err_info *e);

/* Run a program in a folder (NULL: here) to its end, with stdin and stdout on
 * /dev/null; *ret_s: seconds from before its start until it is gone.
 * ERR_FAILED where it does not end with 0.  Started without a copy of this
 * process: what that costs is not the program's. */
enum err lab_spawn(const char *const argv[], const char *folder, double *ret_s,
    struct err_info *e);
/* A program run to its end by BENCH-FOLDER/peak: the most memory that it held, in
 * MiB. */
enum err lab_peak(struct arena *a, const char *bench, const char *const argv[],
    const char *folder, double *ret_mib, struct err_info *e);
/* As lab_spawn with `in` as stdin, appending what it says to out. */
enum err lab_ask(const char *const argv[], const char *folder, const char *in,
    struct buf *out, struct err_info *e);

/* --- a hub ---------------------------------------------------------------- */

enum { LAB_THREADS_MAX = 16 };
/* Of the one user of a hub that serves on loopback for a minute. */
#define LAB_USER "bench"
#define LAB_PASSWORD "bench-password-1"

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
/* The same without signing in; tls: with a certificate of its own. */
enum err lab_hub_serve(struct lab_hub *h, const char *clowder, bool tls,
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
/* The same as rows. */
void lab_cpu_rows(const struct lab_cpu *before, const struct lab_cpu *after,
    double events);

#endif
