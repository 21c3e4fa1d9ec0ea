/* Insides of live connections: members (live.c), rooms (live_room.c), how a member
 * comes into one (live_join.c), what it writes (live_post.c), who is here
 * (live_presence.c). */
#ifndef CLOWDER_HUB_LIVE_INT_H
#define CLOWDER_HUB_LIVE_INT_H

#include <sys/queue.h>

#include "deadline.h"
#include "hub_live.h"
#include "ingest.h"
#include "live.h"
#include "ws_conn.h"
#include "ws_token.h"

enum {
	/* Bytes of events that a room holds.  It begins with so many events that
	 * were there before, for those who come again. */
	ROOM_TAIL_MAX = 1 << 20,
	ROOM_BACK = PROTO_EVENTS_MAX,
	/* Bytes that are given to a connection at once; more when it took them. */
	SERVE_MAX = 64 * 1024,
	/* Bytes of answers that a peer has not read; then nothing more of it is
	 * read either. */
	UNREAD_MAX = 256 * 1024,
	/* Messages up to this are decoded on the loop. */
	LIVE_INLINE_MAX = 64 * 1024,
	/* Of somebody who is not known yet. */
	AUTH_MESSAGE_MAX = 4096,
	PINGS_MISSED_MAX = 2,
	PING_MS = 20000, /* where nothing is said: http_server.h */
	/* Before it is given anything a member is looked up again, so many times
	 * in a heartbeat. */
	LOOKS = 4,
	/* So many users may report what a team's bound allows to one. */
	PRESENCE_USERS = 4
};
/* Bytes of messages in pieces, of snapshots and of all answers that peers have
 * not read: beyond it they come again. */
#define PARTIAL_MAX ((size_t)64 << 20)
#define SNAPSHOTS_MAX ((size_t)256 << 20)
#define LIVE_UNSENT_MAX ((size_t)256 << 20)
/* Bytes of reported sessions: of one team, and of all. */
#define PRESENCE_ROOM_MAX ((size_t)8 << 20)
#define PRESENCE_MAX ((size_t)64 << 20)
/* Bytes of presence that a room is told in one wait: where what there is to tell,
 * times those who are told, is more, they are told less often. */
#define PRESENCE_TELL_MAX ((size_t)64 << 20)

/* An event as it is sent: the text of a message. */
struct live_event {
	struct live_event *next; /* of a live_read */
	uint64_t seq;
	size_t n;
	char text[];
};

/* Events of a team's log behind a position, for a room or for one member. */
struct live_read {
	struct read_job job;   /* first */
	struct room *room;     /* borrow */
	struct member *member; /* borrow; NULL: for the room, or it is gone */
	space_id space;
	uint64_t after;
	struct live_event *first, **end; /* own */
	size_t bytes;
};

TAILQ_HEAD(members, member);

/* The sessions that one connection has reported, as they are sent on; one block
 * of memory. */
struct presence {
	TAILQ_ENTRY(presence) in_room;
	struct deadline grace; /* runs once its connection is gone */
	struct room *room;     /* borrow; NULL: not in one yet */
	struct str user;
	size_t bytes;   /* of the block */
	size_t n, left; /* sessions; those that nobody has taken over */
	struct reported {
		struct str key;  /* user, NUL, session id */
		struct str text; /* n 0: taken over */
	} session[];
};
TAILQ_HEAD(presences, presence);

struct room {
	struct live *live;
	space_id space;
	struct str team;        /* own: its slug */
	struct members members; /* borrow */
	size_t n_members;
	uint64_t head; /* greatest seq that is known to be committed */
	/* The newest events, a ring: seqs last - n + 1 ... last. */
	struct live_event **event; /* own */
	size_t at, n, cap, bytes;
	uint64_t last;
	struct live_read *read; /* under way */
	bool look;              /* read also where nothing is known to be new */
	/* Who is here: what was said last first.  Also of those who have just
	 * gone; the room stays for their sake. */
	struct presences presences; /* own */
	size_t presence_bytes;
	struct buf told;      /* the message as it was sent last, framed */
	struct deadline rest; /* runs while it is too early for another one */
	size_t rests;         /* so many times more */
	bool changed;         /* since then */
};

enum member_state {
	MEMBER_AUTH,  /* nobody yet: only an auth message is heard */
	MEMBER_HELLO, /* says its position next */
	MEMBER_JOINING,
	MEMBER_LIVE
};

/* A part of a snapshot, framed. */
struct live_part {
	struct live_part *next;
	struct buf frame;
	size_t bytes; /* as counted in live->snapshots */
};

struct member {
	struct live *live;
	struct ws_conn *conn;
	struct room *room; /* borrow; NULL until it is live */
	TAILQ_ENTRY(member) in_room;
	enum member_state state;
	bool v1;    /* speaks clowder.v1: no snapshot, says hello */
	bool batch; /* takes many events in one message */
	bool full;  /* not read, as it does not read its answers */
	uint64_t cursor;
	uint64_t looked_ms;     /* when it was looked up; the loop's clock */
	unsigned missed;        /* pings without an answer */
	bool partial;           /* a message was in pieces at the last ping */
	bool presence_due;      /* it is sent who is here */
	struct live_part *part; /* own; still to be sent before anything else */
	struct live_join *join; /* under way */
	struct live_read *read; /* under way */
	struct live_post *post; /* under way */
	struct presence *presence;   /* own; the room has it as well */
	struct str session_id, team; /* own, of one block: session_id.p */
};

/* How far a team's log has come since the start, also while nobody listens: who
 * joins may have read it before, and come into its room after. */
struct live_head {
	space_id space;
	uint64_t head;
};

struct live {
	struct hub *hub;
	struct ws_tokens tokens;
	struct map heads; /* space_id -> struct live_head, own */
	struct map rooms; /* space_id -> struct room, own */
	struct map teams; /* slug -> the same, borrow */
	size_t members;
	unsigned look_ms; /* between two looks at who a member is */
	struct ws_budget partial;
	size_t snapshots;        /* bytes of parts that members hold */
	struct live_post *spare; /* own */
	/* Presence. */
	uv_timer_t timer;
	uint64_t timer_at;       /* UINT64_MAX: it does not run */
	struct deadlines rests;  /* of rooms */
	struct deadlines graces; /* of those who have gone */
	size_t presence_user_max, presence_room_max, presence_max,
	    presence_tell_max;
	size_t presence_bytes;
};

/* live.c: send what `b` holds as one text message, b is left empty; say an error;
 * say that a report of presence is refused; say an error and close. */
void member_send(struct member *m, struct buf *b);
void member_error(struct member *m, enum err code, const char *text);
void member_presence_error(struct member *m, enum err code, const char *text);
void member_end(struct member *m, enum ws_code how, enum err code,
    const char *text);
/* Give it what it lacks, if it has taken what it was given. */
void member_serve(struct member *m);
/* Whose it is, where the session goes on and is in the team still; in a. */
enum err member_who(const struct member *m, struct arena *a,
    struct account_who *who, const struct account_team **team,
    struct err_info *e);
/* It has got a token: it begins, or is ended. */
void member_known(struct member *m, struct str token);

/* live_room.c */
void live_heads_free(struct live *l);
void rooms_free(struct live *l);
/* The team's, with all that has come up to now.  head: as it was read. */
struct room *room_get(struct live *l, space_id space, struct str team,
    uint64_t head, struct err_info *e);
/* The same where it is there already; else NULL. */
struct room *room_find(const struct live *l, struct str team);
void room_enter(struct room *r, struct member *m, uint64_t cursor);
void room_leave(struct member *m);
void room_told(struct room *r, uint64_t head);
/* Read what its tail lacks, if that is not under way. */
void room_follow(struct room *r);
void rooms_look(struct live *l); /* all of them, whatever is known */
/* Send from the tail or ask the log; for member_serve. */
void room_serve(struct room *r, struct member *m);

/* In live_room.c: nobody is in it, and nothing of it is left: it goes. */
void room_settle(struct room *r);

/* live_presence.c.  The timer runs only while something is due. */
void presence_init(struct live *l);
void presence_fini(struct live *l); /* closes the timer; no room is left */
/* A member says what its machine's sessions do; j: of msg. */
void presence_say(struct member *m, const struct live_in *msg,
    const struct json *j);
void presence_enter(struct room *r, struct member *m);
/* It is gone: what it said stays for a while. */
void presence_leave(struct member *m);
/* Send it who is here, where that is due; false where it was not. */
bool presence_serve(struct member *m);
void presence_room_fini(struct room *r);

/* live_join.c: find the team's log, and the position or the snapshot. */
void member_join(struct member *m, struct str epoch, uint64_t after);
void live_parts_free(struct live *l, struct live_part *p);
void live_join_forget(struct live_join *j);

/* live_post.c: a message has come. */
void member_message(struct member *m, struct str text);
void live_post_forget(struct live_post *p);
void live_post_free(struct live_post *p);

#endif
