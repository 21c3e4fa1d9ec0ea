/* Processes, and who and where we are. */
#ifndef CLOWDER_PROC_H
#define CLOWDER_PROC_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "err.h"
#include "str.h"

enum { OS_BOOT_ID_MAX = 64, OS_EXE_MAX = 4096, OS_NAME_MAX = 256 };

/* One process for good: a pid alone is used again. */
struct os_proc {
	int pid;
	uint32_t uid;
	uint64_t start; /* system's own unit since boot; only to compare */
	char boot_id[OS_BOOT_ID_MAX]; /* "" where the system has none */
	char exe[OS_EXE_MAX];         /* "" where it cannot be seen */
};

int os_pid(void);
/* Keep some memory that was freed for the next use, a thread at most
 * MEMORY_KEPT_BYTES, until os_memory_trim: for a server, whose requests would
 * otherwise each begin with fresh pages.  For the rest of the process. */
enum { MEMORY_KEPT_BYTES = 16 << 20 };
void os_memory_keep(void);
/* Give memory that was freed back to the system: where a long-running program
 * rests.  Takes milliseconds. */
void os_memory_trim(void);
/* Allow this process `want` open descriptors, or as many as the system lets it
 * have; returns how many those are. */
size_t os_files_allow(size_t want);
uint32_t os_uid(void); /* effective */
/* ERR_NOT_FOUND: no such process (a zombie counts as gone). */
enum err os_proc_look(int pid, struct os_proc *ret, struct err_info *e);
/* Some process has this pid. */
bool os_proc_alive(int pid);
/* The very process that was seen still lives (pid, start, boot). */
bool os_proc_same(const struct os_proc *seen);
/* Send a signal to the very process that was seen; ERR_NOT_FOUND when it is
 * gone or its pid belongs to another now; never to a pid below 2. */
enum err os_proc_signal(const struct os_proc *seen, int sig,
    struct err_info *e);
/* The program that runs, absolute. */
enum err os_exe(struct arena *a, const char **ret, struct err_info *e);

/* Start a program; never a shell.  Signals are at their defaults in it, all
 * descriptors but 0-2 are closed. */
struct os_spawn {
	/* NULL-terminated; argv[0] is searched in PATH. */
	const char *const *argv;
	const char *const *env; /* NULL: ours */
	const char *cwd;        /* NULL: ours */
	/* Becomes stdin, and never blocks us; NULL: /dev/null. */
	const struct str *input;
	/* File for stdout and stderr, appended (0600); NULL: /dev/null;
	 * "-": ours. */
	const char *output;
	bool detach; /* a session of its own */
};
/* ERR_NOT_FOUND: no such program. */
enum err os_spawn(const struct os_spawn *s, int *pid, struct err_info *e);
/* Wait for a child.  *status: its exit status, 128 + signal when it was killed. */
enum err os_wait(int pid, int *status, struct err_info *e);

/* Names.  "" where the system has none.  The first question for the user loads
 * the user database (about 0.4 ms): not on the way of every command. */
void os_user_name(char name[OS_NAME_MAX]);
void os_host_name(char name[OS_NAME_MAX]);
/* /etc/machine-id or its like: 32 hex digits, or "" . */
void os_machine_id(char id[OS_NAME_MAX]);
/* Changes with each start of the system; "" where there is none. */
void os_boot_id(char id[OS_BOOT_ID_MAX]);

/* Signals of a command: INT, TERM and HUP are noted, PIPE is ignored (writes
 * say EPIPE).  The second INT or TERM ends the process at once.  Once, from
 * main. */
enum err os_signals_catch(struct err_info *e);
/* The first signal that was noted, 0 for none. */
int os_signal_caught(void);
/* ERR_INTERRUPTED when one was: to be asked in long loops. */
enum err os_signal_check(struct err_info *e);
/* Readable as soon as one was; for poll.  -1 before os_signals_catch. */
int os_signal_fd(void);

#endif
