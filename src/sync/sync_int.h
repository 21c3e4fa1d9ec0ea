/* Insides of a conversation, for sync*.c. */
#ifndef CLOWDER_SYNC_INT_H
#define CLOWDER_SYNC_INT_H

#include "map.h"
#include "sync.h"

/* What is left to do, in the order in which it is done. */
enum {
	TODO_START = 1,
	TODO_PULL = 2,
	TODO_RENEW = 4,
	TODO_RESTAMP = 8,
	TODO_PUSH = 16
};

enum stage {
	STAGE_PLAN,    /* nothing is under way: see todo */
	STAGE_ASK,     /* a request is to be sent, or its answer is awaited */
	STAGE_WAIT,    /* then ask again */
	STAGE_REFRESH, /* then ask again */
	STAGE_DONE,
	STAGE_FAILED
};

enum request { REQ_PULL, REQ_PUSH };

enum {
	TRIES_DEFAULT = 4,
	WAIT_MS_DEFAULT = 20000,
	/* New stamps, new nodes and new epochs help at once or not at all: how
	 * many without any acknowledgement between them. */
	ROUNDS_MAX = 4,
	/* Passes over what waits for others without anything new. */
	IDLE_PASSES_MAX = 2
};

struct waiting {
	struct waiting *next;
	struct eid id;
	enum err code;
	struct str why;
};

struct sync {
	struct sync_replica r;
	struct sync_options opt;
	enum stage stage;
	unsigned todo;
	enum request request; /* the last one asked for */
	struct buf target, body;
	uint64_t wait_ms;
	unsigned tries; /* of the present request that came to nothing */
	bool refreshed; /* since the last good answer */
	bool answered;  /* the hub has been reached at all */
	bool
	    live; /* a tail brings what others write: only pushes are asked for */
	bool
	    leave; /* live: what is left to do needs a conversation over HTTP */
	struct err_info error;
	struct err_info waits_for; /* what the last wait is for */
	struct sync_report report;

	struct sync_position at;
	bool compare; /* the next pull brings the last known event again */
	uint64_t pull_from; /* position at the start, for progress */
	uint64_t clock;     /* greatest stamp that the team is known to have */
	unsigned rounds; /* of new stamps and nodes since the last progress */
	unsigned epochs; /* that the hub changed since then */

	/* A pass walks over the unacknowledged events in stamp order.  The
	 * window is the part of them that was read; `span` of it from `from` is
	 * under way. */
	struct arena window_mem;
	struct sync_event *window; /* in window_mem */
	size_t n, from, span;
	size_t span_max; /* halved where the hub finds a batch too big or bad */
	bool has_cursor;
	struct stamp cursor; /* everything up to it was sent in this pass */
	char cursor_node[65];
	bool moved; /* something became acknowledged or refused in this pass */
	unsigned idle_passes;
	struct arena waiting_mem;
	struct waiting
	    *waiting; /* of this pass; in waiting_mem, newest first */
	uint64_t n_waiting;

	struct map reused; /* ids once answered id_reused; keys in reused_mem */
	struct arena reused_mem;

	struct arena reply_mem; /* of one answer */
	struct json json;       /* tape of one answer */
};

/* Each does its part of the plan; either a request was prepared
 * (sync_ask) or todo has changed. */
enum err sync_pull_plan(struct sync *s, struct err_info *e);
enum err sync_push_plan(struct sync *s, struct err_info *e);
/* A whole answer with status 200. */
enum err sync_pull_answered(struct sync *s, struct str body,
    struct err_info *e);
enum err sync_push_answered(struct sync *s, struct str body,
    struct err_info *e);
enum err sync_push_taken(struct sync *s, struct batch_answer *a,
    struct err_info *e);
/* Live, on a connection of its own (sync_live.c): a whole conversation goes on as
 * one.  Batches are messages of at most SYNC_LIVE_BYTES, the tail is the pull, and
 * whatever else there is to do wants another conversation. */
enum { SYNC_LIVE_BYTES = 768 * 1024 };
enum sync_move {
	SYNC_MOVE_NONE, /* nothing to do, or an `ack` is awaited */
	SYNC_MOVE_PUSH, /* body is to be sent */
	SYNC_MOVE_LEAVE,
	SYNC_MOVE_FAILED
};
void sync_go_live(struct sync *s);
enum sync_move sync_live_move(struct sync *s, struct err_info *e);
/* Look for events to push again; where it is idle. */
enum err sync_push_again(struct sync *s, struct err_info *e);
bool sync_is_idle(const struct sync *s);
bool sync_failed(const struct sync *s);
bool sync_awaits_ack(const struct sync *s);
/* The hub's word on the batch under way. */
enum err sync_acked(struct sync *s, struct batch_answer *a, struct err_info *e);
/* Rows of the hub's log as they come.  ERR_PROTOCOL: some are missing, or they are
 * of another log. */
enum err sync_tail(struct sync *s, struct pull_answer *p, struct err_info *e);

/* The hub does not take the batch as a whole: send less, at last refuse one. */
enum err sync_push_halve(struct sync *s, enum err code, struct str why,
    struct err_info *e);
/* Begin the pass over. */
void sync_push_rewind(struct sync *s);
/* The hub has another epoch. */
enum err sync_other_epoch(struct sync *s, struct str epoch, struct err_info *e);

void sync_ask(struct sync *s, enum request req);
void sync_note(struct sync *s, const struct sync_note *n);
/* No answer came: why. */
enum err sync_say_transport(const struct sync_reply *reply, struct err_info *e);

#endif
