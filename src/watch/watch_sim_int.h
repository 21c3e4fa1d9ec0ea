/* Insides of the simulated world.  For watch_sim*.c only. */
#ifndef CLOWDER_WATCH_SIM_INT_H
#define CLOWDER_WATCH_SIM_INT_H

#include "map.h"
#include "watch_int.h"
#include "watch_sim.h"

struct inode {
	struct os_file_id id;
	uint64_t content;
	char *target; /* own: of a link */
	unsigned names;
	bool unreadable;
	struct map entries; /* of a folder: name -> entry (own) */
	struct link order;  /* the entries as they were made */
	int watch;          /* 0: none */
	unsigned wants;
};

struct entry {
	struct link order;
	struct inode *inode; /* counted in names */
	char name[];
};

struct queued {
	struct watch_event ev;
	char *name; /* own */
};

struct sim_tree {
	struct inode *root;   /* own */
	struct map watches;   /* number -> inode */
	struct queued *queue; /* own */
	size_t n_queue, queue_cap;
	uint64_t last_ino, spare_ino, last_content;
	size_t n_watches;
	int last_watch;
	bool open;
};

/* What has this path. */
enum err sim_find(const struct watch_sim *s, const char *path, bool follow,
    struct inode **ret, struct err_info *e);
/* The folder is not watched any more, and its watch says so. */
void sim_unwatch(struct watch_sim *s, struct inode *i);
void sim_queue_clear(struct sim_tree *t);

#endif
