/* Sessions: agents, scripts and people at work, on this machine and on others.
 *
 * The log has what others shall know: that a session began, that it ended, and at
 * most every SESSIONS_LOGGED_MS that it goes on.  What lies between stays here, in
 * one small file per session below the home folder, whose modification time is the
 * last sign of life: a beat is one system call, waits for no writer and syncs
 * nothing to disk.
 *
 * One thread. */
#ifndef CLOWDER_SESSIONS_H
#define CLOWDER_SESSIONS_H

#include "home.h"
#include "store.h"

enum {
	SESSIONS_ID_MAX = 128,   /* bytes of an id */
	SESSIONS_AGENT_MAX = 64, /* of an agent's name */
	SESSIONS_LOGGED_MS = 15 * 60 * 1000
};

/* --- what this machine knows beside the log ---------------------------------------- */

/* Strings live in the arena that it was read into. */
struct session_record {
	struct str agent, id;
	struct str project; /* uuid: where its events are */
	int pid;            /* the process that it is; 0 = none was named */
	uint64_t start;     /* of the process, as struct os_proc has it */
	struct str boot_id;
	int64_t logged_ms; /* wall time of its last event in the log */
	int64_t beat_ms;   /* of the last sign of life; not written */
};
/* Write it, as of now.  Makes the folder. */
enum err sessions_save(const struct home *h, const struct session_record *r,
    struct err_info *e);
/* A sign of life, which rings the doorbell.  ERR_NOT_FOUND. */
enum err sessions_beat(const struct home *h, const struct session_record *r,
    struct err_info *e);
/* Fine where there is none. */
enum err sessions_forget(const struct home *h, const struct session_record *r,
    struct err_info *e);
/* All of them; files that are none are passed over. */
enum err sessions_records(const struct home *h, struct arena *a,
    struct session_record **ret, size_t *n, struct err_info *e);
/* A sign of life of whatever is called so: what it did was a command.  Costs
 * nothing where nothing is. */
void sessions_touch(const struct home *h, struct str id);
/* Name the process; ERR_NOT_FOUND. */
enum err sessions_process(struct session_record *r, int pid, struct arena *a,
    struct err_info *e);
/* A process was named, and is no more (its pid may be another's now). */
bool sessions_gone(const struct session_record *r);

/* --- all that are known ------------------------------------------------------------- */

enum session_state {
	SESSION_LIVE,
	SESSION_STALE, /* silent for longer than stale_after */
	SESSION_ENDED  /* said so, or its process is gone */
};
/* The reason of one that could not say it. */
#define SESSION_GONE "its process is gone"
const char *session_state_name(enum session_state s);

/* In progress, and the session's: assigned to it, or it put it there. */
struct session_item {
	enum aggregate type; /* AGG_TODO, AGG_WORK_PACKAGE */
	struct str project, key, title, state;
};

struct session_seen {
	struct str agent, id, project, key; /* key: of the entity */
	space_id space;
	struct str
	    device; /* its host, else the beginning of its replica's id */
	struct str cwd, branch, reason;
	/* The hub's word, n 0: not told: who wrote that it began or ended, and
	 * who says that it is there now (struct sessions_at). */
	struct str owner, user;
	enum session_state state;
	bool here;        /* of this machine */
	int pid;          /* here only; 0 = none was named */
	int64_t since_ms; /* it began, or ended */
	int64_t last_ms; /* last activity that is known here: of others from the
	                      log, so a quarter of an hour may be missing */
	struct session_item *item;
	size_t n_items, cap_items;
	struct session_seen *next; /* of the same id */
	bool doubled; /* while loading: what another space says counts */
};

/* Everything lives in the arena. */
struct sessions {
	struct session_seen *s; /* live ones first, the last active first */
	size_t n;
};
struct sessions_at {
	int64_t now_ms;         /* wall time */
	uint64_t stale_after_s; /* 0 = never */
	const struct home *home;
	bool ended; /* those too that said so */
	/* Also what the hub says of who is there: anybody's word, to be shown and
	 * for nothing else.  A session that only it knows has no project. */
	bool presence;
};
/* In all spaces. */
enum err sessions_load(struct store *s, const struct sessions_at *at,
    struct arena *a, struct sessions *ret, struct err_info *e);
/* Only those of this machine that are live, with what they have in progress: its
 * presence. */
enum err sessions_here(struct store *s, const struct sessions_at *at,
    struct arena *a, struct sessions *ret, struct err_info *e);

#endif
