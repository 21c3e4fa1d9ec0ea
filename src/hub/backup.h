/* A hub in one file, and back.
 *
 *	backup   replica --online copy--> FILE.part, accounts into it, read whole,
 *	         --> FILE.  The hub may serve meanwhile: the copy is of one commit
 *	restore  FILE read whole, copied, given a new epoch, put in place; what was
 *	         there is kept beside it.  Clients see the epoch, start over and
 *	         push what the restored log lacks.  Users, passwords and members are
 *	         those of FILE; sign-ins are those that were there, of FILE's users,
 *	         so that nobody is signed out and what was ended stays so; where
 *	         they cannot be read, all have ended
 *	verify   a folder, read whole; the hub may serve
 *
 * The file is a SQLite database: the replica's tables and one more, hub_backup.
 * It holds password hashes and keys: 0600.
 *
 * Fails: what the databases and the disk say; besides, each function names its
 * own.  After a failure nothing was changed - but a restore that was cut short by
 * a crash leaves a mark in the folder, and no hub serves it until a restore was
 * done to its end. */
#ifndef CLOWDER_BACKUP_H
#define CLOWDER_BACKUP_H

#include "store.h"

enum { HUB_EPOCH_BYTES = 16 };

struct hub_report {
	struct store_report store; /* wrong: findings, also about accounts */
	uint64_t users, bytes;
	int64_t made_ms; /* of the backup */
	char epoch[2 * HUB_EPOCH_BYTES + 1];
	char kept
	    [512]; /* restore: where what was there is now; "" nothing was */
	uint64_t sessions; /* restore: sign-ins that go on */
};

/* All may be NULL. */
struct hub_tell {
	void (*finding)(void *ctx, const char *text);
	store_progress_fn *progress;
	void *ctx;
};

/* ERR_NOT_FOUND: there is no hub in the folder; ERR_EXISTS: file is there;
 * ERR_CORRUPT: the copy does not read well, so no file was made. */
enum err hub_backup(const char *data, const char *file, int64_t now_ms,
    const struct hub_tell *tell, struct hub_report *ret, struct err_info *e);
/* ERR_CORRUPT: file is no backup, or a broken one; ERR_NEWER; ERR_LOCKED: a hub
 * serves the folder. */
enum err hub_restore(const char *data, const char *file, int64_t now_ms,
    const struct hub_tell *tell, struct hub_report *ret, struct err_info *e);
/* ERR_NOT_FOUND; ERR_CORRUPT where something was found. */
enum err hub_verify(const char *data, const struct hub_tell *tell,
    struct hub_report *ret, struct err_info *e);

/* A restore was begun in this folder and not ended: ERR_CONFIG says so. */
enum err hub_restored_whole(const char *data, struct err_info *e);

#endif
