/* A replica kept in step with a hub, about one space, for as long as it lives:
 *
 *	a whole conversation (sync.h) -> a token -> a live connection -> what is new
 *	goes up, what others write comes down -> the connection is lost -> again
 *
 * docs/protocol.md, Live connections.  No I/O, no clock, no dice: what it wants is
 * asked for step by step, what happens is told to it, each call with the time.
 *
 *	for (;;) {
 *		sync_live_step(l, &now, &want);
 *		switch (want.need) {
 *		case SYNC_LIVE_CALL:    make the call; sync_live_answer()
 *		case SYNC_LIVE_REFRESH: refresh the session; sync_live_refreshed()
 *		case SYNC_LIVE_OPEN:    open the connection; sync_live_opened()
 *		case SYNC_LIVE_SAY:     send the text
 *		case SYNC_LIVE_CLOSE:   close the connection and forget it
 *		case SYNC_LIVE_WAIT:    until want.until_ms, or until there is
 *		                        something to tell
 *		}
 *	}
 *
 * It never gives up.  Where nobody is signed in any more it keeps quiet until it
 * is poked, or looks again after the interval; where no live connection can be
 * had (something on the way does not let it through), there is a conversation
 * after each change and each interval. */
#ifndef CLOWDER_SYNC_LIVE_H
#define CLOWDER_SYNC_LIVE_H

#include "live_down.h"
#include "sync.h"

enum {
	/* Two missed heartbeats of a hub and some. */
	SYNC_LIVE_SILENCE_MS = 50 * 1000,
	/* A hub that is there, but does not say what became of what we sent. */
	SYNC_LIVE_ACK_MS = 60 * 1000,
	/* A connection that held so long was a good one. */
	SYNC_LIVE_GOOD_MS = 10 * 1000,
	/* So many that were not, one after the other: there is none to be had. */
	SYNC_LIVE_BAD_MAX = 3,
	/* How often the last contact is noted while all is well. */
	SYNC_LIVE_CONTACT_MS = 5 * 60 * 1000,
	/* The clock that goes on while the machine sleeps is so much ahead. */
	SYNC_LIVE_SLEPT_MS = 5 * 1000,
	/* Between the rounds that changes make where no connection is to be had. */
	SYNC_LIVE_REST_MS = 1000,
	/* Tries without an answer, and the hub counts as away. */
	SYNC_LIVE_AWAY_TRIES = 5
};

struct sync_now {
	uint64_t mono_ms; /* stands still while the machine sleeps */
	uint64_t boot_ms; /* goes on; equal to mono_ms where nobody knows */
	int64_t wall_ms;
};

/* docs/protocol.md, Reconnect. */
enum sync_word {
	SYNC_CONNECTED,
	SYNC_RECONNECTING,
	SYNC_OFFLINE,
	SYNC_OFFLINE_BATCH /* nobody is signed in: queue only */
};
const char *sync_word_name(enum sync_word w); /* "Connected" ... */

struct sync_live_status {
	enum sync_word word;
	bool live;          /* there is a live connection */
	bool blocked;       /* none can be had: conversations instead */
	bool forbidden;     /* the hub does not let us into this team */
	uint64_t next_ms;   /* mono: when it tries again; 0: it does not wait */
	int64_t contact_ms; /* wall: the hub's last word; 0: none yet */
	struct err_info error; /* why it is not connected */
};

struct sync_live_options {
	struct str team;          /* slug; copied */
	uint64_t interval_ms;     /* 0: five minutes */
	struct sync_options sync; /* of conversations: note, progress, sizes */
	/* A whole conversation has ended.  May be NULL. */
	void (*round)(void *ctx, const struct sync_report *r);
	/* Who is there, as the hub tells it: a JSON array.  May be NULL. */
	void (*presence)(void *ctx, struct str sessions);
	/* What was said by sync_live_presence was refused, and what was said
	 * before it stays; it may be said again.  May be NULL. */
	void (*presence_refused)(void *ctx, struct str why);
	void *ctx;
};

enum sync_live_need {
	SYNC_LIVE_CALL,
	SYNC_LIVE_REFRESH,
	SYNC_LIVE_OPEN,
	SYNC_LIVE_SAY,
	SYNC_LIVE_CLOSE,
	SYNC_LIVE_WAIT
};
/* Borrowed until the next call. */
struct sync_live_want {
	enum sync_live_need need;
	struct sync_want call; /* CALL */
	struct str token;      /* OPEN: for Authorization: Bearer */
	struct str text;       /* SAY */
	uint64_t until_ms;     /* WAIT: mono; UINT64_MAX: no time is near */
};

struct sync_live;

/* The replica must outlive it; its struct and the options are copied. */
enum err sync_live_new(struct sync_live **ret,
    const struct sync_replica *replica, const struct sync_live_options *opt,
    struct err_info *e);
void sync_live_free(struct sync_live *l); /* NULL is fine */
void sync_live_step(struct sync_live *l, const struct sync_now *now,
    struct sync_live_want *ret);

/* To the last CALL, REFRESH, OPEN; others are passed over. */
void sync_live_answer(struct sync_live *l, const struct sync_now *now,
    const struct sync_reply *reply);
void sync_live_refreshed(struct sync_live *l, const struct sync_now *now,
    enum err rc, const struct err_info *e);
/* transport ERR_OK and status 101: it is open. */
void sync_live_opened(struct sync_live *l, const struct sync_now *now,
    const struct sync_reply *reply);

/* A text message has come; the hub has pinged or ponged (n 0). */
void sync_live_heard(struct sync_live *l, const struct sync_now *now,
    struct str message);
/* The connection has ended; why may be NULL. */
void sync_live_lost(struct sync_live *l, const struct sync_now *now,
    const char *why);

/* Something was written here. */
void sync_live_changed(struct sync_live *l);
/* The network, the session or somebody's wish has changed: try now.  whole: with
 * a whole conversation also where there is a connection. */
void sync_live_poke(struct sync_live *l, bool whole);
/* What this machine's sessions do, a JSON array; copied.  Sent where and as soon
 * as there is a connection. */
enum err sync_live_presence(struct sync_live *l, struct str sessions,
    struct err_info *e);

void sync_live_status(const struct sync_live *l, struct sync_live_status *ret);

#endif
