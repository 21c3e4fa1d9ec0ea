/* Insides of the daemon. */
#ifndef CLOWDER_DAEMON_INT_H
#define CLOWDER_DAEMON_INT_H

#include <stdatomic.h>
#include <sys/queue.h>
#include <uv.h>

#include "daemon.h"
#include "daemon_state.h"
#include "http_server.h"
#include "lock.h"
#include "mailbox.h"
#include "post.h"
#include "sessions.h"
#include "sync_live.h"
#include "watch.h"
#include "ws_client.h"

enum {
	DAEMON_TICK_MS = 30000,
	/* Bytes of a connection's messages that the keeper has not dealt with;
	 * then no more is read. */
	WIRE_AHEAD_MAX = 4 << 20,
	BODY_MAX = 1 << 20,      /* of a local request */
	LOG_BYTES_MAX = 1 << 20, /* then the log is begun anew */
	PRESENCE_MAX = LIVE_MESSAGE_MAX - 1024
};

/* What health says, written by the keeper. */
struct daemon_view {
	enum sync_word word;
	bool
	    off; /* nothing is to be kept in step: no server, nobody signed in */
	bool live; /* every space has a live connection */
	int64_t last_sync_ms;
	char error[ERR_TEXT_MAX];
	uint64_t unacked;
	int64_t oldest_ms; /* wall; 0: nothing waits */
};

enum daemon_phase {
	PHASE_STARTING,
	PHASE_ACTIVE,
	PHASE_RETIRING,
	PHASE_TERMINATING
};

struct keeper;
struct worker;
struct wires;
struct streams;

struct daemon {
	struct ctx *ctx; /* borrow: home and program; loop thread */
	const struct home *home;
	const char *program;
	uint32_t tick_ms;
	struct os_lock lock;
	struct daemon_state state;
	char home_id[DAEMON_HOME_ID_CHARS + 1];

	uv_loop_t loop;
	struct loop_poster *poster;
	struct http_server *server;
	uv_timer_t tick, bell_due;
	uint64_t ticked_ms;       /* mono */
	uv_poll_t *signal, *bell; /* own */
	int bell_fd;              /* that is polled; -1: none */
	struct watch *watch;      /* own: doorbell, session, configuration */
	unsigned root_bell, root_session, root_config;
	struct os_file_id config_id; /* as it was read last */
	struct os_file_id store_id;  /* as it was opened; read only since */
	enum daemon_phase phase;
	bool stopped; /* nothing is left to do */

	struct keeper *keeper;   /* own */
	struct worker *worker;   /* own */
	struct wires *wires;     /* own */
	struct streams *streams; /* own */

	pthread_mutex_t view_lock;
	struct daemon_view view; /* under view_lock */
	atomic_bool abort;       /* blocking calls shall end */
};

/* daemon.c; loop thread. */
void daemon_end(struct daemon *d, enum daemon_phase why);
/* The loop is awake anyway: the tick that comes soon is done now. */
void daemon_beat(struct daemon *d);
void daemon_look(struct daemon *d, struct daemon_view *ret); /* any thread */
/* Any thread.  Is the store still the one that we have open?  Where it was removed
 * or replaced nothing that we write would be seen. */
bool daemon_has_store(const struct daemon *d);
/* Loop thread.  The same; where it is another, the daemon ends. */
bool daemon_serves_store(struct daemon *d);

/* --- keeper.c: the replica's thread ------------------------------------------ */

enum err keeper_start(struct daemon *d, struct err_info *e);
/* Waits for it; then, when nobody posts any more, it may go.  Both are fine where
 * it never was. */
void keeper_stop(struct daemon *d);
void keeper_free(struct daemon *d);
struct mailbox *keeper_box(struct daemon *d);
/* Any thread.  Something was committed; the session's file has changed; the
 * configuration is another, or somebody wants to be in step now. */
void keeper_rang(struct daemon *d);
void keeper_session(struct daemon *d);
void keeper_reset(struct daemon *d);
/* Loop thread.  An exchange of all spaces; req is answered with its report when
 * it is done, all: with a note for each event. */
void keeper_exchange(struct daemon *d, struct http_request *req, bool all);
/* Loop thread: req is answered. */
void keeper_publish(struct daemon *d, struct http_request *req);

/* --- lines.c: the engines, in the keeper's thread -------------------------------- */

struct lines;
enum err lines_open(struct lines **ret, struct daemon *d, struct store *store,
    struct err_info *e);
void lines_close(struct lines *l);
/* One for each space of the account that is signed in. */
enum err lines_begin(struct lines *l, const struct spaces_account *who,
    uint64_t interval_ms, struct err_info *e);
void lines_drop(struct lines *l);
bool lines_any(const struct lines *l);
void lines_poke(struct lines *l);
void lines_changed(struct lines *l);
/* What this machine's sessions do, to the hub. */
enum err lines_presence(struct lines *l, const struct sessions *here,
    struct err_info *e);
/* As far as they come; when they want to be called again (UINT64_MAX: never). */
uint64_t lines_step(struct lines *l);
/* word, off, live, error. */
void lines_view(const struct lines *l, struct daemon_view *ret);
/* Wall time of the hub's last word about this space; 0: none yet. */
int64_t lines_contact(const struct lines *l, space_id space);
/* The hub lets us into other teams, not into this one. */
bool lines_shut_out(const struct lines *l, space_id space);

/* --- worker.c: calls that block -------------------------------------------------- */

enum err worker_start(struct daemon *d, struct err_info *e);
void worker_stop(struct daemon *d);
enum job_kind { JOB_CALL, JOB_REFRESH, JOB_OPEN, JOB_EXCHANGE, JOB_FORGET };
/* What a line wants; the answer comes to the keeper's box as the same record. */
struct job {
	struct mail mail; /* first */
	struct daemon *daemon;
	enum job_kind kind;
	uint64_t line; /* number of the line; 0: none */
	void (*done)(void *keeper, struct mail *m);
	/* CALL */
	char *method, *target, *team; /* own */
	struct buf body; /* CALL: of the request; OPEN: the token */
	bool gzip;
	/* Answers. */
	enum err rc;
	struct err_info e;
	unsigned status;
	int64_t retry_after_s;
	struct buf answer;
	uint64_t wire;            /* OPEN: number of the connection, given */
	struct http_request *req; /* EXCHANGE; or NULL */
	bool all_notes;           /* EXCHANGE */
	struct job *next;         /* EXCHANGE: waits with others */
	struct loop_item item;    /* on its way to the loop */
};
struct job *job_new(struct daemon *d, enum job_kind kind, uint64_t line);
void job_free(struct job *j);
void worker_do(struct daemon *d, struct job *j);

/* --- wires.c: live connections, on the loop --------------------------------------- */

enum err wires_new(struct daemon *d, struct err_info *e);
void wires_free(struct daemon *d);
/* Any thread.  What comes is told to the keeper (lines.c: line_*). */
void wire_attach(struct daemon *d, uint64_t no, struct ws_client *c);
bool wire_say(struct daemon *d, uint64_t no, struct str text);
void wire_end(struct daemon *d, uint64_t no);
/* The keeper has dealt with so many bytes. */
void wire_dealt(struct daemon *d, uint64_t no, size_t bytes);

/* A message of a connection, or its end; to the keeper. */
struct heard {
	struct mail mail; /* first */
	struct daemon *daemon;
	uint64_t wire;
	bool lost;
	char why[ERR_TEXT_MAX]; /* lost */
	size_t n;
	char text[];
};
void line_heard(void *keeper, struct mail *m); /* lines.c */

/* --- streams.c: server-sent events -------------------------------------------------- */

enum err streams_new(struct daemon *d, struct err_info *e);
void streams_free(struct daemon *d);
/* Loop thread: takes the request. */
void stream_open(struct daemon *d, struct http_request *req);
void streams_rang(struct daemon *d); /* loop thread */

/* --- api.c ----------------------------------------------------------------------------- */

enum err api_head(void *ctx, struct http_request *req, size_t *body_max,
    struct err_info *e);
void api_request(void *ctx, struct http_request *req);

#endif
