/* A simulated world for tests: a tree of files in memory, whose events can be late,
 * lost by a short queue, or not to be had at all.  Nothing happens but by these
 * calls.  Paths are absolute; one watch at a time has the source.  One thread. */
#ifndef CLOWDER_WATCH_SIM_H
#define CLOWDER_WATCH_SIM_H

#include "watch_world.h"

struct watch_sim {
	int64_t now_ns;     /* what files are stamped with ... */
	int64_t tick_ns;    /* ... in steps of this; above 0 */
	size_t queue_max;   /* events; what is more is lost and said so */
	size_t watches_max; /* folders */
	bool no_source;     /* none can be opened */
	size_t late;        /* so many of the newest events are not there yet */
	int alive_pid;      /* the one other process that lives */
	size_t lost;        /* events, so far */
	struct sim_tree *tree; /* own; opaque */
};

/* ERR_NOMEM.  Queue and watches are wide, now_ns is 1 s, a tick 1 ns. */
enum err watch_sim_init(struct watch_sim *s, struct err_info *e);
void watch_sim_fini(struct watch_sim *s); /* safe on a zeroed one */
struct watch_world watch_sim_world(struct watch_sim *s);
bool watch_sim_readable(const struct watch_sim *s); /* an event is there */

/* ERR_NOT_FOUND, ERR_EXISTS, ERR_REFUSED; mkdir makes one level. */
enum err watch_sim_mkdir(struct watch_sim *s, const char *path,
    struct err_info *e);
/* Create a file or write to it in place; the same size is no hindrance. */
enum err watch_sim_write(struct watch_sim *s, const char *path, uint64_t size,
    struct err_info *e);
enum err watch_sim_touch(struct watch_sim *s, const char *path,
    struct err_info *e);
enum err watch_sim_link(struct watch_sim *s, const char *target,
    const char *path, struct err_info *e);
/* The folder is here as well: a mount of itself. */
enum err watch_sim_bind(struct watch_sim *s, const char *folder,
    const char *path, struct err_info *e);
/* As rename(2): a file or an empty folder at `to` is replaced. */
enum err watch_sim_rename(struct watch_sim *s, const char *from, const char *to,
    struct err_info *e);
/* A file, a link, an empty folder. */
enum err watch_sim_remove(struct watch_sim *s, const char *path,
    struct err_info *e);
enum err watch_sim_readable_set(struct watch_sim *s, const char *path,
    bool readable, struct err_info *e);
/* How often a file was written to, over all files ever: tells two contents apart
 * that look the same; 0: no file there.  Links at the end are not followed. */
uint64_t watch_sim_content(const struct watch_sim *s, const char *path);

#endif
