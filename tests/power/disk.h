/* A disk that remembers what was synced.  The calls that write files (open,
 * write, pwrite, ftruncate, fsync, fdatasync, rename, unlink, mkdir) go through
 * here for this whole program, libraries too; below one folder they are recorded. Later
 * the folder can be made again as a power cut would have left it behind any of
 * them.
 *
 * What holds, as POSIX promises it and no more: bytes are on the disk when their
 * file was synced, names (of folders, too) when the folder that they are in was.
 * Of what was not, each write may be there, be missing, or be there in part (in
 * sectors of 512 bytes), in any order; names come in order.  A file's length
 * comes with its bytes.  A name that moves between folders may be in both. */
#ifndef CLOWDER_DISK_H
#define CLOWDER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum survival {
	SURVIVE_SYNCED, /* nothing but what was synced */
	SURVIVE_NAMES,  /* names at once, bytes when synced */
	SURVIVE_ALL,    /* as after kill -9 */
	SURVIVE_CHANCE, /* anything between */
	SURVIVAL_MODES,
};

/* Record what happens below this folder, from now on.  The folder is empty. */
void disk_record(const char *folder);
/* No longer.  From here on fsync and fdatasync do nothing: images are thrown
 * away anyway. */
void disk_stop(void);
/* How many calls were recorded so far. */
size_t disk_calls(void);
/* What the n-th was, "fdatasync store.db-wal"; static storage. */
const char *disk_call(size_t n);
/* Does the n-th change anything that a cut before it could miss? */
bool disk_call_writes(size_t n);

/* From now on, while it is recorded, the n-th call of these kinds (0 = the next
 * one) fails with this errno; `on`: and all behind it.  A write that fails has done
 * half of its bytes.  A sync that fails has lost what was on its way: the system
 * forgets that it was not written, so that the next sync says nothing of it
 * (https://wiki.postgresql.org/wiki/Fsync_Errors).  n < 0: none fails. */
enum {
	DISK_WRITES = 1,
	DISK_SYNCS = 2,
	DISK_NAMES = 4,
	DISK_READS = 8,
	DISK_OPENS = 16 /* of files that are there */
};
void disk_fail(int kinds, long n, int error, bool on);
/* Did one fail since? */
bool disk_failed(void);

/* Make the folder `to` (new) as it is when the power goes before the n-th call.
 * seed: for SURVIVE_CHANCE.  Files whose name ends with `skip` are left out. */
void disk_image(size_t n, enum survival mode, uint64_t seed, const char *skip,
    const char *to);
void disk_free(void);

/* Every cut of the record, in every mode (SURVIVE_CHANCE `seeds` times): look says
 * whether what is left below folder is right; n as in disk_image.  Ends at the
 * first that is not, says which, and leaves it there.  How many were looked at. */
typedef bool disk_look(const char *folder, size_t n);
unsigned disk_every_cut(unsigned seeds, const char *skip, disk_look *look);

#endif
