/* Locks between processes (and threads: each take opens the file anew): flock
 * on an open file.
 *
 * The live flock is the truth; what stands in the file is information for
 * people.  A file that was replaced or removed while we waited is opened again,
 * so that two holders never hold two files of one name. */
#ifndef CLOWDER_LOCK_H
#define CLOWDER_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "str.h"

enum { OS_LOCK_RECORD_MAX = 4096 }; /* bytes of a record */

struct os_lock {
	char *path; /* own; NULL: not held */
	int fd;
	uint64_t dev, ino;
	uint32_t retry_ms; /* set before the take; 0: 1 ms growing to 20 */
	/* Set before the take: the record stays when the lock is let go and is
	 * written over by the next, which is ten times cheaper where a lock is
	 * taken often.  All who take this lock do so, with records of one
	 * length. */
	bool steady;
	bool recorded;
};

/* Take the lock, creating the file (0600).  timeout_ms 0 tries once; the wait
 * is on the monotonic clock.  l is zeroed (retry_ms and steady apart).  A record
 * that a dead holder left is emptied.
 * ERR_LOCKED names the process that holds it, where its record does;
 * ERR_UNSUPPORTED where the file system has no locks. */
enum err os_lock_take(struct os_lock *l, const char *path, uint32_t timeout_ms,
    struct err_info *e);
/* Replace the record, on the locked descriptor.  For ERR_LOCKED to name the
 * holder it is a JSON object with "pid", or starts with the bare number. */
enum err os_lock_record(struct os_lock *l, struct str text, struct err_info *e);
/* The path still names the file that is locked (nobody removed it to break the
 * lock): to be asked before acting on the lock's word after a long wait. */
bool os_lock_still(const struct os_lock *l);
/* Empty the record and let go.  Safe on a zeroed or released one. */
void os_lock_release(struct os_lock *l);

/* Look from outside, without waiting and without creating the file: is it held,
 * and what does the record say (appended; may be empty).  ERR_OK and not held
 * where there is no file. */
enum err os_lock_probe(const char *path, bool *held, struct buf *record,
    struct err_info *e);
/* The pid of a record, 0 where it names none. */
int os_lock_pid(struct str record);

#endif
