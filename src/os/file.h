/* Files: bounded reads, replacement that survives a power cut, folders.
 *
 * All descriptors are close-on-exec.  Errors carry the path.  Any thread. */
#ifndef CLOWDER_FILE_H
#define CLOWDER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "err.h"
#include "str.h"

enum os_kind { OS_FILE, OS_DIR, OS_LINK, OS_OTHER };

/* Tells whether a file is still the same with the same content. */
struct os_file_id {
	uint64_t dev, ino;
	uint64_t size; /* bytes */
	int64_t mtime_ns, ctime_ns;
	enum os_kind kind;
	mode_t mode; /* permission bits only */
	uid_t uid;
};

/* Append the content of a regular file to *out; on failure *out is as it was.
 * ERR_NOT_FOUND; ERR_TOO_LARGE when it has more than max_bytes; ERR_REFUSED
 * when it is no regular file (pipes would block: use os_read_fd). */
enum err os_read_file(const char *path, size_t max_bytes, struct buf *out,
    struct err_info *e);
/* As os_read_file, but no more than the first max_bytes of it. */
enum err os_read_head(const char *path, size_t max_bytes, struct buf *out,
    struct err_info *e);
/* As os_read_file for files that hold secrets: no symbolic link, owned by this
 * user, no wider than 0600 - else ERR_PERMISSION, with the chmod to run. */
enum err os_read_secret(const char *path, size_t max_bytes, struct buf *out,
    struct err_info *e);
/* Append what can be read until the end of fd (borrowed; a pipe will do).
 * `what` names it in errors. */
enum err os_read_fd(int fd, const char *what, size_t max_bytes, struct buf *out,
    struct err_info *e);
/* All n bytes, over short writes and signals.  Not for non-blocking fds. */
enum err os_write_fd(int fd, const char *what, struct str data,
    struct err_info *e);

/* Replace the content of path: temporary file beside it, fsync, rename, fsync of
 * the folder.  A symbolic link is followed, so
 * it stays one.  mode 0 keeps the mode of the file that is there (0600 for a
 * new one); its owner is kept in any case.
 * On failure the old content is there and the temporary is gone - but when the
 * last step fails (fsync of the folder) the new content is in place and only
 * its survival of a power cut is uncertain. */
enum err os_write_atomic(const char *path, struct str data, mode_t mode,
    struct err_info *e);

/* Create the folder and its missing parents, each with exactly this mode,
 * whatever the umask.  What exists keeps its mode.  ERR_EXISTS when something
 * else than a folder is in the way. */
enum err os_mkdirs(const char *path, mode_t mode, struct err_info *e);
/* ERR_PERMISSION when the file has permission bits outside of max; the text
 * names the chmod to run. */
enum err os_mode_check(const char *path, mode_t max, struct err_info *e);
/* The doorbell: set the modification time to now, to the nanosecond, so that two
 * rings never look the same; create it (0600) where it is missing.  One system
 * call when it is there.  A watcher sees an attribute change. */
enum err os_touch(const char *path, struct err_info *e);
/* Remove a file and fsync its folder: a power cut does not bring it back.  Fine
 * when it is not there. */
enum err os_remove(const char *path, struct err_info *e);
/* rename(2) and fsync of the folder of `to` (and of `from`, where another). */
enum err os_rename(const char *from, const char *to, struct err_info *e);
bool os_exists(const char *path); /* false also where it cannot be seen */
bool os_is_dir(const char *path);
/* Bytes that this user may still write on the file system of path. */
enum err os_disk_free(const char *path, uint64_t *bytes, struct err_info *e);
/* Of what path names, links followed.  ERR_NOT_FOUND. */
enum err os_stat_id(const char *path, struct os_file_id *ret,
    struct err_info *e);
/* Of what stands at path, for whoever looks at other people's folders: a link at
 * the end is followed only where asked.  ERR_NOT_FOUND also where the way there is
 * none (no folder, links in a circle); ERR_PERMISSION also for a path that is
 * longer than the system takes.  Has a fault point. */
enum err os_look_id(const char *path, bool follow, struct os_file_id *ret,
    struct err_info *e);
/* Same file, same content as far as the system can tell. */
bool os_same_id(const struct os_file_id *a, const struct os_file_id *b);
/* Name of the file system that path is on ("ext4", "nfs4", "overlay") into
 * name; "unknown" where the system does not say. */
enum err os_fs_name(const char *path, char *name, size_t size,
    struct err_info *e);

/* The names in one folder, without "." and "..", sorted by bytes. */
struct os_names {
	char **name; /* own */
	size_t n, cap;
	char *text; /* own: the bytes of all names */
};
void os_names_fini(struct os_names *l); /* safe on a zeroed one */
enum err os_list(const char *path, struct os_names *ret, struct err_info *e);

/* A walk over a tree, names in order, folders before what is in them; symbolic
 * links are shown and not followed. */
enum os_walk_do { OS_WALK_ON, OS_WALK_SKIP, OS_WALK_STOP };
struct os_walk_entry {
	const char *path; /* borrow: valid during the call */
	const char *name; /* its last part */
	unsigned depth;   /* 0: directly in the start folder */
	enum os_kind kind;
	bool unreadable; /* second call for a folder that cannot be listed */
	const struct os_file_id *id; /* with OS_WALK_STAT, else NULL */
};
/* OS_WALK_SKIP at a folder: do not go into it.  OS_WALK_STOP: end at once, the
 * walk returns ERR_OK and the caller knows why. */
typedef enum os_walk_do (*os_walk_fn)(void *ctx,
    const struct os_walk_entry *entry);
enum { OS_WALK_STAT = 1 }; /* look at each entry: one more call per file */
/* Entries that vanish meanwhile are left out.  Folders deeper than depth_max
 * are shown, not entered.  ERR_NOT_FOUND where the start is no folder. */
enum err os_walk(const char *path, unsigned depth_max, unsigned flags,
    os_walk_fn fn, void *ctx, struct err_info *e);

#endif
