/* Insides of os: what each system's file gives, and system calls with a fault
 * point.  For src/os only. */
#ifndef CLOWDER_OS_INT_H
#define CLOWDER_OS_INT_H

#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "err.h"
#include "file.h"
#include "proc.h"

/* One file per system (os_linux.c ...).  -1 and errno where it fails. */
int sys_sync(int fd); /* until the medium has it */
uint64_t sys_boot_ns(void);
void sys_memory_keep(void);
void sys_memory_trim(void);
int sys_random(void *p, size_t n);
/* pid, uid, start of a live process; false: gone. */
bool sys_proc(int pid, struct os_proc *ret);
ssize_t sys_exe(int pid, char *path, size_t size); /* length, not terminated */
int sys_signal(const struct os_proc *seen, int sig); /* ESRCH: not that one */
void sys_boot_id(char id[OS_BOOT_ID_MAX]);
void sys_machine_id(char id[OS_NAME_MAX]);
int sys_fs_name(const char *path, char *name, size_t size);
int sys_anon_file(void); /* descriptor of a file without a name */
/* Close all descriptors but 0-2 in the child; an errno value, 0 = fine. */
int sys_spawn_close(posix_spawn_file_actions_t *fa);

/* The first line of a small file, without its end; "" where there is none
 * (what cannot be read counts as absent: these are facts for information). */
void read_line(const char *path, char *line, size_t size);

void file_id_of(const struct stat *st, struct os_file_id *ret);

/* System calls that a test can make fail (errno EIO), close-on-exec, retried
 * after signals. */
int try_open(const char *path, int flags, mode_t mode);
ssize_t try_read(int fd, void *p, size_t n);
ssize_t try_write(int fd, const void *p, size_t n);
int try_sync(int fd);
int try_rename(const char *from, const char *to);
int try_unlink(const char *path);
int try_times(const char *path, const struct timespec now[2]);
int try_mode(int fd, mode_t mode);
int try_cut(int fd);   /* to nothing */
int try_close(int fd); /* of a file that was written: its error counts */
/* The folder that holds path: open it, make its entries durable, both. */
int open_parent(const char *path);
enum err sync_folder(int fd, const char *path, struct err_info *e);
enum err sync_parent(const char *path, struct err_info *e);

#endif
