/* The simulator: one seed drives some clients and a hub in one process, with the
 * product's own engine, store code, admission and feed; time, wire and dice are
 * here.
 *
 *   sim.c      options, seeds, what is printed
 *   plan.c     what a seed is about: how many clients, which faults
 *   steps.c    what happens when: all that can be left out of a history
 *   shrink.c   the smallest set of steps that still fails
 *   count.c    how often each kind of thing happened
 *   world.c    virtual time, the wire
 *   machine.c  a client: its store, its conversations, its faults
 *   line.c     a client that stays in step over live connections
 *   hubside.c  the hub: transactions, crashes, restores, planted refusals
 *   wire.c     the hub's end of live connections
 *   author.c   commands, and another program that names nothing
 *   witness.c  what the hub has said, to hold it to its word
 *   check.c    what must hold when everybody has talked to everybody
 *   laws.c     what must hold of heads and of what authors had seen */
#ifndef CLOWDER_SIM_H
#define CLOWDER_SIM_H

#include "admission.h"
#include "replica.h"
#include "store.h"
#include "sync_live.h"
#include "t.h"

enum {
	MACHINES_MAX = 8,
	ACCOUNTS_MAX = 4,
	SHARED_MAX =
	    2, /* teams of several accounts; behind them one private team
	                   per account */
	TEAMS_MAX = SHARED_MAX + ACCOUNTS_MAX,
	PROJECTS_MAX = 2 * TEAMS_MAX, /* two per team */
	NOBODY = MACHINES_MAX,        /* the sender that is no Clowder */
};

enum happening {
	COMMAND, /* a machine's user or agent does something */
	SYNC,    /* a machine begins to talk */
	WAKE,    /* a conversation has waited long enough */
	TIMEOUT,
	ARRIVE, /* a request at the hub */
	ANSWER, /* an answer at its machine */
	COMMIT, /* the hub's transaction */
	CUT,
	MEND, /* a machine off the wire and back */
	BACKUP,
	RESTORE,
	CLONE,
	KEEP,
	REWIND,  /* an older copy of a machine, and back to it */
	LEAP,    /* a clock runs far ahead */
	FOREIGN, /* a program that names nothing sends */
	ABORT,   /* a conversation is killed */
	NAP,     /* a machine sleeps for a while */
	/* Of live connections.  At a machine: */
	LINE_WAKE,
	LINE_OPENED,
	LINE_DOWN, /* a message from the hub */
	LINE_END,
	/* At the hub: */
	WIRE_OPEN,
	WIRE_UP, /* a message to it */
	WIRE_PING,
	WIRE_END,
	LINES_REST /* the end: all live connections are in step, and over */
};

/* What can be turned off to shorten a history (--without); all of them unsigned,
 * 0 = off. */
/* clang-format off */
#define PLAN_KNOBS(X)                                                          \
	X(lost) X(doubled) X(late)       /* percent of messages */             \
	X(busy)        /* percent of requests answered 401, 429, 503 */        \
	X(hub_fails)   /* percent of the hub's transactions */                 \
	X(refused)     /* one event in so many, for good */                    \
	X(poison)      /* one event in so many spoils its whole batch */       \
	X(quota)       /* one event in so many, until the end */               \
	X(crashes)     /* percent of a machine's steps, at some write */       \
	X(hiccups)     /* the same, but the machine goes on */                 \
	X(batch_max)   /* events that the hub takes at once */                 \
	X(batch_events) X(batch_bytes) X(pull_events) /* of the clients */     \
	X(cache)       /* entities that a store holds in memory */             \
	X(shares)      /* private projects get shared */                       \
	X(online)      /* percent of machines that stay in step live */        \
	X(blocked)     /* percent of them that get no live connection */
/* clang-format on */

struct plan {
	unsigned accounts, shared, machines;
	bool member[SHARED_MAX][ACCOUNTS_MAX];
	unsigned commands; /* of all machines together */
	uint64_t end_ms;   /* then the wire is good and all faults are over */
	unsigned delay_ms; /* of a good message, at most */
	unsigned timeout_ms;
#define X(knob) unsigned knob;
	PLAN_KNOBS(X)
#undef X
	/* how often */
	unsigned cuts, restores, clones, rewinds, leaps, foreign, aborts, naps;
};

enum tell { TELL_NOTHING, TELL_STEPS, TELL_ALL };

/* Which history. */
struct run {
	uint64_t seed;
	const bool *drop; /* by number of the step; NULL: none is left out */
	unsigned long without; /* knobs turned off, one bit each */
	enum tell tell;
};

/* --- how often things happened; count.c --- */
/* clang-format off */
#define COUNTS(X)                                                              \
	X(commands) X(taken_back) X(conversations) X(eight_clients)            \
	X(late_joins) X(messages) X(lost) X(doubled) X(late) X(timeouts)       \
	X(late_answers) X(partitions) X(kills) X(busy_answers)                 \
	X(machine_crashes) X(machine_hiccups) X(hub_rollbacks) X(hub_hiccups)  \
	X(hub_crashes) X(hub_crashes_after_commit) X(restores)              \
	X(resyncs) X(clones) X(rewinds) X(renewals) X(leaps) X(restamps)       \
	X(stale_marks) X(accepted) X(duplicates) X(relayed) X(late_events)     \
	X(refusals) X(poisoned) X(quota_refusals) X(clock_ahead)               \
	X(clock_behind) X(replica_fork) X(missing_parent) X(id_reused)         \
	X(too_many) X(built_on_refused) X(retries) X(edits) X(discards)        \
	X(foreign_events) X(foreign_other_team) X(equal_clocks_of_a_node)      \
	X(shared_projects) X(shared_events) X(may_be_lost) X(open_conflicts)   \
	X(decided_conflicts) X(resolved_conflicts)            \
	X(small_caches) X(long_logs)                                           \
	X(live_connections) X(live_batches) X(live_rows) X(live_breaks)        \
	X(live_silences) X(live_refused) X(live_rounds) X(naps)
/* clang-format on */
enum count {
#define X(name) COUNT_##name,
	COUNTS(X)
#undef X
	    COUNT_ALL
};

/* One thing that can be left out of a history. */
struct step {
	uint64_t at;
	enum happening what;
	unsigned machine;
	unsigned twin;     /* CLONE: the number of the new machine */
	struct t_rng dice; /* of this step alone: others do not change it */
};

/* What the hub said about one event of a request. */
struct told {
	struct eid id;
	unsigned team;
	enum err code; /* ERR_OK: it stands at seq */
	uint64_t seq;
	bool entered; /* with this answer: it was not there before */
};

/* A request on its way, and its answer on the way back. */
struct msg {
	unsigned machine, team;
	uint64_t request;  /* number; its machine waits for this one or not */
	struct t_rng dice; /* of its way */
	bool post;
	struct buf target, body; /* of the request */
	unsigned status;
	struct buf answer;
	int64_t retry_after_s;
	struct told *told; /* own */
	size_t n_told;
	bool of_line;  /* a call of a line, not of a conversation */
	uint64_t wire; /* a message on a live connection: which; 0: none */
};

/* A machine stays in step with a team. */
struct line {
	struct sync_live *live; /* own; NULL: there is none */
	struct replica replica;
	uint64_t request; /* waited for; 0 = none */
	uint64_t wire;    /* its connection; 0 = none */
	bool opening;
	uint64_t wake; /* the last one asked for */
};

/* The hub's end of a live connection. */
struct wire {
	struct wire *next;
	uint64_t no;
	unsigned machine, team;
	struct t_rng dice;
	bool hello; /* it has said where it is */
	bool dead;  /* nothing gets through any more, nobody has noticed */
	uint64_t cursor;
	uint64_t up_ms, down_ms; /* when the last message arrives */
	unsigned missed;         /* pings */
};

struct machine {
	struct world *w;
	unsigned no, account;
	struct t_rng dice;
	struct t_rng wire;         /* of its messages */
	struct t_rng faults;       /* of its crashes */
	struct t_rng *id_dice;     /* borrow: of the step under way, or NULL */
	struct store *store;       /* NULL: it is not there (yet) */
	space_id space[TEAMS_MAX]; /* 0: no member */
	bool never_online;         /* its private space is still `local` */
	bool cut;                  /* off the wire */

	struct sync *sync; /* the conversation under way */
	struct replica replica;
	enum err (*settle)(void *ctx, const struct sync_settled *what,
	    struct err_info *e); /* the replica's own */
	enum err (*restamp)(void *ctx, uint64_t above, struct err_info *e);
	enum err (*take)(void *ctx, const struct pull_answer *p,
	    enum sync_took *took, struct err_info *e);
	bool online, blocked;
	uint64_t asleep_ms; /* slept so far */
	bool rang;          /* something was committed */
	bool at_rest;       /* its lines were in step and have ended */
	struct line line[TEAMS_MAX];
	unsigned team;       /* that it is about */
	unsigned teams_left; /* of this round */
	uint64_t request;    /* waited for; 0 = none */
	uint64_t talk;       /* number of the conversation */

	struct store *old; /* an older copy of the store */
};

struct hubside {
	struct t_rng dice;
	struct store *store;
	struct store *backup;
	space_id space[TEAMS_MAX];
	unsigned epochs;
	unsigned lives; /* one more with each restore */
	struct admission admission;
	struct msg **waiting; /* posts for the next transaction */
	size_t n_waiting, cap_waiting;
	bool commit_due;
	uint64_t foreign_clock, foreign_no;
	struct wire *wires; /* own */
};

/* An event that some machine made. */
struct made {
	struct eid id;
	unsigned machine, team, project;
	bool command; /* names all that its author saw */
	bool will_be_refused, was_refused;
	struct eid *sight; /* in the world's arena */
	size_t n_sight;
	bool may_be_lost; /* a machine or the hub was set back to an older
	                     copy, and nobody else had it */
	bool sent_again;  /* after a refusal, with a new stamp */
	bool waited; /* for what it names, which was refused or not there */
};

/* The last word of the hub about an event in a team. */
struct said {
	struct eid id;
	unsigned team;
	enum err code;
	uint64_t seq;
	unsigned life;
	uint64_t entered; /* when it last did, in the order of all that did */
	bool accepted;    /* once, in whatever life */
	bool may_be_lost; /* as in struct made */
	struct said *next;
};

struct item;

struct world {
	struct run run;
	uint64_t seed;
	struct plan plan;
	uint64_t now_ms;
	struct step *step;
	size_t n_steps, cap_steps;
	struct item *heap; /* by time, then by order of scheduling */
	size_t n_heap, cap_heap;
	uint64_t order, requests, talks;
	bool calm;       /* the end: everything arrives */
	bool lines_rest; /* and no live connection any more */
	uint64_t moved;  /* events pushed or pulled in this round of calm */

	struct machine machine[MACHINES_MAX];
	unsigned n_machines;
	struct hubside hub;
	struct arena mem; /* lives as long as the world */
	struct made *made;
	size_t n_made, cap_made;
	struct map made_by_id; /* -> number + 1 */
	struct said *said;     /* newest first; in mem */
	struct map said_by_id[TEAMS_MAX];
	uint64_t entered; /* events into the logs of the hub, so far */
	bool shared[PROJECTS_MAX][SHARED_MAX]; /* somebody asked for it */
	unsigned long steps;
	unsigned long count[COUNT_ALL];

	bool failed;
	const char *kind; /* of the failure: what it says before the details */
	char why[1024];
};

/* --- plan.c --- */
void plan_draw(struct plan *p, uint64_t seed);
void plan_without(struct plan *p, unsigned long knobs);
void plan_print(const struct plan *p);
size_t plan_knobs(void);
const char *plan_knob_name(size_t knob);
unsigned plan_knob(const struct plan *p, size_t knob);

/* --- steps.c --- */
void steps_draw(struct world *w);
/* Everything that is not left out, into the queue. */
void steps_begin(struct world *w);

/* --- shrink.c --- */
/* Less and less of a history that fails, while the same kind of failure stays.
 * drop: n_steps places, all false at first. */
struct shrunk {
	bool *drop; /* own */
	size_t n_steps, n_kept;
	unsigned long without;
	unsigned runs;
	char why[1024]; /* what the short one says */
};
void shrink(struct shrunk *ret, uint64_t seed, unsigned long without,
    const bool *drop);
void shrunk_fini(struct shrunk *s);

/* --- count.c --- */
#define COUNT(w, name) ((void)(w)->count[COUNT_##name]++)
#define COUNT_N(w, name, n) ((void)((w)->count[COUNT_##name] += (n)))
void counts_add(unsigned long *to, const unsigned long *from);
void counts_print(const unsigned long *n);
/* How many stayed zero; they are named. */
unsigned counts_missing(const unsigned long *n);

/* --- world.c --- */
/* Run a history to its end and check it; w->failed says what was wrong. */
void world_run(struct world *w, const struct run *run);
void world_fini(struct world *w);
void world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Where rc is no success the history has failed. */
bool world_ok(struct world *w, enum err rc, const struct err_info *e,
    const char *what);
void trace(const struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same for what a step did: told of a shortened history as well. */
void story(const struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* percent of the time */
bool chance(struct t_rng *dice, unsigned percent);

void world_at(struct world *w, uint64_t ms, enum happening what,
    unsigned machine, uint64_t no, struct msg *msg);
bool machine_there(const struct machine *m);
/* To the hub; takes the message. */
void wire_request(struct world *w, struct msg *m);
/* To its machine; takes the message. */
void wire_answer(struct world *w, struct msg *m);
void msg_free(struct msg *m);
/* The world as a store sees it. */
struct store_env machine_env(struct machine *m);
struct store_env hub_env(struct world *w);
/* The account's own team. */
unsigned private_team(unsigned account);
const char *team_slug(unsigned team);
const char *account_name(unsigned account);
bool is_member(const struct plan *p, unsigned team, unsigned account);

/* --- machine.c --- */
void machine_init(struct machine *m, struct world *w, unsigned no,
    unsigned account);
void machine_fini(struct machine *m);
void machine_sync(struct machine *m); /* every team, one after the other */
void machine_wake(struct machine *m, uint64_t talk);
void machine_answer(struct machine *m, const struct msg *msg);
/* The machine's replica of a team, with what is checked of it. */
void machine_replica(struct machine *m, unsigned team, struct replica *r,
    struct sync_replica *ops);
void machine_note(void *ctx, const struct sync_note *n);
/* To the hub; m->... of a conversation or of a line. */
void machine_ask(struct machine *m, unsigned team, const struct sync_want *want,
    uint64_t *request, bool of_line);
void machine_timeout(struct machine *m, uint64_t request);
void machine_abort(struct machine *m);
void machine_clone(struct machine *m, const struct step *step);
void machine_keep(struct machine *m);
void machine_rewind(struct machine *m);
void machine_leap(struct machine *m, struct t_rng *dice);
void machine_follow_shares(struct machine *m);
/* Perhaps something fails from here on: a write, or memory that is asked for. */
void machine_risk(struct machine *m);
/* Did it?  Then it may have been the end: the machine is up again with what its
 * disk has, and what it was talking about is forgotten. */
bool machine_struck(struct machine *m);

/* --- line.c --- */
void lines_begin(struct machine *m);
void lines_drop(struct machine *m); /* without a word */
bool lines_there(const struct machine *m);
/* Something was committed there: everybody who follows the store knows. */
void lines_ring(struct machine *m);
void line_wake(struct machine *m, uint64_t no);
void line_answer(struct machine *m, const struct msg *msg);
void line_timeout(struct machine *m, uint64_t request);
void line_opened(struct machine *m, uint64_t wire, unsigned status);
void line_down(struct machine *m, const struct msg *msg);
void line_end(struct machine *m, uint64_t wire);
void line_nap(struct machine *m, struct t_rng *dice);
/* All are in step, and are dropped. */
void lines_rest(struct world *w);

/* --- wire.c --- */
void wire_open(struct world *w, unsigned machine, unsigned team, uint64_t no);
/* To the hub; takes the message. */
void wire_up(struct world *w, struct msg *m);
/* The machine has closed it. */
void wire_close(struct world *w, uint64_t no);
void wire_at_hub_open(struct world *w, unsigned machine, uint64_t no);
void wire_at_hub_up(struct world *w, struct msg *m);
void wire_at_hub_ping(struct world *w, uint64_t no);
void wire_at_hub_end(struct world *w, uint64_t no);
/* What became of a batch that came over it; takes the message. */
void wire_acked(struct world *w, struct msg *m);
/* Give all of them what the log has. */
void wire_tails(struct world *w);
void wires_break(struct world *w); /* the hub is gone for a moment */
void wires_free(struct world *w);

/* --- hubside.c --- */
/* Into the next transaction; takes the message. */
void hub_queue(struct world *w, struct msg *m);
void hub_init(struct world *w);
void hub_fini(struct world *w);
void hub_arrive(struct world *w, struct msg *m);
void hub_commit(struct world *w);
void hub_backup(struct world *w);
void hub_restore(struct world *w);
/* May an event be listed as refused for this? */
bool hub_may_refuse(const struct world *w, const struct event *ev,
    const struct log_row *row);
/* By its payload: another payload may be taken. */
bool hub_refuses(const struct world *w, const struct event *ev);

/* --- author.c --- */
/* The uuid of a project, and its number again (PROJECTS_MAX: none of ours). */
void project_uuid(unsigned project, char out[EID_TEXT_MAX]);
unsigned project_of(struct str uuid);
unsigned project_home(unsigned project); /* the team it began in */
/* The team in which the machine works on a project now. */
unsigned project_team(struct machine *m, unsigned project);
void author_command(struct machine *m, struct t_rng *dice);
/* What was refused for the quota goes again; false: there was nothing. */
bool author_retry_quota(struct machine *m);
/* The events of a program that names nothing, as the body of a batch. */
void author_foreign(struct world *w, struct t_rng *dice, struct buf *body);
unsigned foreign_team(const struct eid *id); /* TEAMS_MAX: not of it */

/* --- witness.c --- */
void witness_made(struct world *w, const struct made *made);
struct made *witness_find(struct world *w, const struct eid *id);
/* The hub said this, after its commit. */
void witness_told(struct world *w, const struct told *told);
/* When the row that stands in the team's log came, 0: nobody was told. */
uint64_t witness_entered(struct world *w, unsigned team, const struct eid *id);
/* It goes again when what it names is there. */
void witness_waits(struct world *w, const struct eid *id);
/* What it acknowledged in this life stands where it said. */
void witness_hold(struct world *w);
/* Something was set back to an older copy: what nobody has is gone. */
void witness_lost(struct world *w);
void witness_fini(struct world *w);

/* --- check.c --- */
/* A row of a hub's log. */
struct stands {
	struct eid id;
	struct stamp stamp;
	uint64_t seq;
	struct str raw, user;
	const struct eid *replaces;
	size_t n_replaces;
	bool has_replaces, relayed;
	bool named;     /* by one behind it */
	unsigned there; /* the last machine, from 1, in whose log it was met */
};
/* What an event is called by its author; of its rows the one that came first. */
struct number {
	struct str key; /* node and node_seq */
	struct eid id;
	unsigned team;
	uint64_t entered;
	bool relayed;
	struct number *next;
};
struct numbers {
	struct map found; /* node, node_seq and id -> struct number */
	struct number *list;
};
struct team_log {
	struct world *w;
	unsigned team;
	uint64_t n;     /* rows seen: the last seq */
	struct map ids; /* of the hub's log -> struct stands, in the arena */
	struct numbers *numbers; /* of all teams; in the arenas of the logs */
	struct arena a;
	struct json json;
};
void check_world(struct world *w);

/* --- laws.c --- */
void laws_check(struct team_log *log);

#endif
