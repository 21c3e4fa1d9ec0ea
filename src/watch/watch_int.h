/* Insides of watch.  For src/watch only.
 *
 *   watch.c        opening, the turn, status, live and poll mode
 *   watch_spot.c   folders that the system watches for us; the events
 *   watch_tree.c   names that are known, as a tree
 *   watch_root.c   roots: there, waited for, gone and back
 *   watch_scan.c   looking at folders
 *   watch_tell.c   files that are about to be told, and cookies
 *   watch_inotify.c (or watch_none.c), watch_poll.c, watch_sim.c   worlds
 *
 * A name goes this way:
 *
 *   event or scan -> pending (until its window ends) -> looked at -> told
 *                        ^                                 |
 *                        +-- gone: held for one window ----+
 *
 * An event only says where to look.  So events may come late, twice or for a name
 * that means something else by now; only a lost one does harm, and then everything
 * is looked at. */
#ifndef CLOWDER_WATCH_INT_H
#define CLOWDER_WATCH_INT_H

#include "buf.h"
#include "container.h"
#include "map.h"
#include "watch.h"

#define COOKIE_PREFIX ".clowder-cookie-"

/* --- lists ------------------------------------------------------------------- */

/* A ring with its head in it; alone: both point to itself. */
struct link {
	struct link *prev, *next;
};
static inline void
link_init(struct link *l)
{
	l->prev = l->next = l;
}
static inline bool
link_alone(const struct link *l)
{
	return l->next == l;
}
static inline void
link_out(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}
static inline void
link_append(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}
/* A watch's number as the key of a map; lives as long as *watch. */
static inline struct str
watch_key(const int *watch)
{
	return str_n(watch, sizeof *watch);
}

/* --- what is known ------------------------------------------------------------ */

/* A folder that the system watches for us.  Several may have one number: roots
 * that overlap, and a folder that was moved and is known under both names. */
struct spot {
	int watch; /* -1: not watched */
	unsigned wants;
	struct spot *same; /* borrow: the next one of this number */
	struct root *root; /* borrow */
	struct node *node; /* borrow; NULL: a folder above the root */
	struct str next;   /* borrow: the name in it that leads to the root */
};

/* What a name is as a folder. */
struct folder {
	struct spot spot;
	struct map children; /* name -> node (own) */
	struct link scan;    /* in watch.to_scan */
	struct link work;    /* in a list of whoever walks the tree */
	uint64_t dev, ino;
	unsigned depth;  /* of what is in it */
	bool there;      /* false: kept for the children that are to be told */
	bool deep;       /* the scan goes into folders that are known as well */
	bool unreadable; /* counted */
};

/* A name.  It may be a folder now, and have been told as a file. */
struct node {
	struct node *parent;   /* borrow; NULL: the folder of a root */
	struct folder *folder; /* own; NULL */
	struct root *root;     /* borrow */
	struct link pending;   /* in watch.pending, first come first */
	uint64_t due_ms;       /* while pending */
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns; /* as told */
	uint32_t heap_at;           /* 0: not pending, else place + 1 */
	uint32_t seen;              /* number of the last scan that saw it */
	bool told : 1;
	bool held : 1;  /* found to be gone once */
	bool fresh : 1; /* had just changed when it was told */
	bool again : 1; /* tell it also if it looks the same, where fresh */
	bool look : 1;  /* in watch.looks */
	char name[];
};

struct root {
	struct watch_root opt; /* path, only: own */
	unsigned number;
	struct node *top;   /* own */
	struct spot *above; /* own: one for each folder above it, "/" first */
	size_t n_above;
	bool settle; /* to be looked for */
};

struct cookie {
	struct link link;    /* in watch.cookies */
	struct link pending; /* in watch.pending: everything before it first */
	uint64_t number;
	bool scanned; /* a scan of everything began after it was made */
	bool arrived; /* what was before it is pending or told */
};

struct watch {
	struct watch_options opt;
	void *source; /* own; NULL: poll mode */
	char why[WATCH_WHY_MAX];
	struct root **root; /* own */
	size_t n_roots, roots_cap;
	struct map spots;    /* number -> first spot */
	struct node **looks; /* own: may be, or have been, folders */
	size_t n_looks, looks_cap;
	struct link to_scan; /* folders */
	struct link pending; /* nodes and cookies */
	struct link cookies; /* that were not told yet */
	struct node **heap;  /* own: pending nodes by due_ms; room for all */
	size_t n_heap, heap_cap;
	size_t n_nodes;
	struct buf path, path2; /* for node_path */
	uint64_t now_ms;        /* of this turn */
	uint64_t scan_ms;       /* next scan of everything; UINT64_MAX */
	uint64_t retry_ms;      /* poll: live mode is tried again */
	uint64_t again_ms;      /* after an error */
	uint32_t scan_number;
	bool full;    /* everything is to be looked at */
	bool filling; /* a scan of everything is under way */
	bool proven;  /* live, and a scan of everything found it to work */
	struct err_info failed; /* the first failure of this turn */
	struct watch_status st;
};

/* Note a failure of this turn; returns e->code. */
enum err watch_failed(struct watch *w, const struct err_info *e);

/* --- watch.c -------------------------------------------------------------------- */

/* Give up live mode; the text of e is why. */
void watch_to_poll(struct watch *w, const struct err_info *e);

/* --- watch_poll.c --------------------------------------------------------------- */

extern const struct watch_files watch_files_system;

/* --- watch_spot.c ---------------------------------------------------------------- */

/* Watch the folder at path for this spot; in poll mode nothing.  ERR_NOT_FOUND,
 * ERR_PERMISSION, ERR_NOMEM; what else goes wrong ends live mode and is no
 * error. */
enum err spot_watch(struct watch *w, struct spot *s, const char *path,
    unsigned wants, bool follow, struct err_info *e);
void spot_release(struct watch *w, struct spot *s);
void spots_forget(struct watch *w); /* all of them, when the source is gone */
/* For watch_events.read; arg: the watch. */
void spot_event(void *arg, const struct watch_event *ev);

/* --- watch_tree.c ---------------------------------------------------------------- */

/* The path of a node, or of a name in a folder; valid until the next call with
 * this buffer.  NULL: no memory. */
const char *node_path(struct buf *b, const struct node *n);
const char *node_path_in(struct buf *b, const struct node *n, const char *name);
struct node *node_get(const struct node *in, const char *name);
/* Get or make, as a file or as a folder; *ret NULL: not wanted as that. */
enum err node_need(struct watch *w, struct node *in, const char *name,
    bool is_folder, struct node **ret, struct err_info *e);
enum err node_new(struct watch *w, struct root *r, struct node *in,
    const char *name, struct node **ret, struct err_info *e);
enum err folder_new(struct node *n, unsigned depth, struct err_info *e);
/* Free the node, and folders above it, where nothing needs them any more. */
void node_release(struct watch *w, struct node *n);
/* The folder is not there any more: files in it are pending. */
void folder_drop(struct watch *w, struct node *n);
void root_free(struct watch *w, struct root *r);
bool node_same(const struct node *n, const struct os_file_id *id);

/* --- watch_root.c ---------------------------------------------------------------- */

enum err root_new(struct watch *w, const struct watch_root *opt,
    struct root **ret, struct err_info *e);
/* Find the folder of the root and have it scanned, or wait for it. */
enum err root_settle(struct watch *w, struct root *r, struct err_info *e);

/* --- watch_scan.c ---------------------------------------------------------------- */

void folder_queue(struct watch *w, struct node *n, bool deep);
/* A folder was seen at this name. */
enum err folder_seen(struct watch *w, struct node *n,
    const struct os_file_id *id, bool deep, struct err_info *e);
/* Something is with the folder of this name, or it may be one now. */
enum err folder_look(struct watch *w, struct node *n, struct err_info *e);
/* Scan what is queued. */
enum err scan_queued(struct watch *w, struct err_info *e);
bool cookie_is(const char *name);

/* --- watch_tell.c ---------------------------------------------------------------- */

/* To be told when the window of its root ends; where it is pending already that
 * goes on.  changed: an event said so. */
void tell_later(struct watch *w, struct node *n, bool changed);
void tell_never(struct watch *w, struct node *n); /* takes it out */
/* Look at what is due, and tell. */
enum err tell_due(struct watch *w, struct err_info *e);
uint64_t tell_next_ms(const struct watch *w); /* UINT64_MAX: nothing pending */
void cookie_came(struct watch *w, const char *name);
void cookies_scan(struct watch *w,
    bool done); /* a scan of everything begins, ends */
/* Some has not come back, and no scan of everything that has begun shows it. */
bool cookies_wait(const struct watch *w);
void cookies_queue(struct watch *w); /* who arrived waits for what is pending */
void cookies_free(struct watch *w);

#endif
