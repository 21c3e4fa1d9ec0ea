/* The simulator: one seed drives some clients and a hub in one process, with the
 * product's own engine, store code, admission and feed; time, wire and dice are
 * here.
 *
 *   sim.c      options, seeds, what a failure prints
 *   plan.c     what a seed is about: how many clients, which faults
 *   world.c    virtual time, the wire, faults as they come
 *   machine.c  a client: its store, its conversations
 *   hubside.c  the hub: transactions, restores, planted refusals
 *   author.c   commands, and another program that names nothing
 *   check.c    what must hold when everybody has talked to everybody */
#ifndef CLOWDER_SIM_H
#define CLOWDER_SIM_H

#include "admission.h"
#include "replica.h"
#include "store.h"
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

struct plan {
	unsigned accounts, shared, machines;
	bool member[SHARED_MAX][ACCOUNTS_MAX];
	unsigned commands; /* of all machines together */
	uint64_t end_ms;   /* then the wire is good and all faults are over */
	/* percent of messages */
	unsigned lost, doubled, late;
	unsigned delay_ms; /* of a good message, at most */
	unsigned timeout_ms;
	unsigned busy;      /* percent of requests answered 401, 429, 503 */
	unsigned hub_fails; /* percent of the hub's transactions */
	unsigned refused;   /* one event in so many; 0 = none */
	unsigned crashes;   /* percent of a machine's steps, at some write */
	unsigned batch_max; /* events that the hub takes at once; 0 = all */
	unsigned batch_events,
	    pull_events; /* of the clients; 0 = the protocol's */
	/* how often */
	unsigned cuts, restores, clones, rewinds, leaps, foreign, aborts;
	bool shares; /* private projects get shared */
};

/* A request on its way, and its answer on the way back. */
struct msg {
	unsigned machine, team;
	uint64_t request; /* number; its machine waits for this one or not */
	unsigned long
	    epochs; /* of the hub when it was answered, for the trace */
	bool post;
	struct buf target, body; /* of the request */
	unsigned status;
	struct buf answer;
	int64_t retry_after_s;
};

struct machine {
	struct world *w;
	unsigned no, account;
	struct t_rng dice;
	struct store *store;
	space_id space[TEAMS_MAX]; /* 0: no member */
	bool never_online;         /* its private space is still `local` */
	bool cut;                  /* off the wire */

	struct sync *sync; /* the conversation under way */
	struct replica replica;
	unsigned team;       /* that it is about */
	unsigned teams_left; /* of this round */
	uint64_t request;    /* waited for; 0 = none */
	uint64_t talk;       /* number of the conversation */

	struct store *old; /* an older copy of the store */
	size_t old_events; /* how many events were authored then, by all */
};

struct hubside {
	struct t_rng dice;
	struct store *store;
	struct store *backup;
	space_id space[TEAMS_MAX];
	unsigned epochs;
	struct admission admission;
	struct msg **waiting; /* posts for the next transaction */
	size_t n_waiting, cap_waiting;
	bool commit_due;
	uint64_t foreign_clock, foreign_no;
};

/* An event that some machine made. */
struct made {
	struct eid id;
	unsigned machine, team, project;
	bool may_be_lost; /* its machine was set back to an older copy */
	bool sent_again;  /* after a refusal, with a new stamp */
};

struct item;

struct world {
	uint64_t seed;
	bool trace;
	struct plan plan;
	struct t_rng dice; /* of the wire and the faults */
	uint64_t now_ms;
	struct item *heap; /* by time, then by order of scheduling */
	size_t n_heap, cap_heap;
	uint64_t order, requests, talks;
	bool calm;      /* the end: everything arrives */
	uint64_t moved; /* events pushed or pulled in this round of calm */

	struct machine machine[MACHINES_MAX];
	unsigned n_machines;
	struct hubside hub;
	struct made *made;
	size_t n_made, cap_made;
	unsigned long steps;

	bool failed;
	char why[1024];
};

/* --- plan.c --- */
void plan_draw(struct plan *p, uint64_t seed);
void plan_print(const struct plan *p);

/* --- world.c --- */
/* Run the history of a seed to its end and check it; w->failed says what was
 * wrong.  commands: at most so many (SIZE_MAX: as planned). */
void world_run(struct world *w, uint64_t seed, size_t commands, bool trace);
void world_fini(struct world *w);
void world_fail(struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Where rc is no success the history has failed. */
bool world_ok(struct world *w, enum err rc, const struct err_info *e,
    const char *what);
void trace(const struct world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* percent of the time */
bool chance(struct t_rng *dice, unsigned percent);

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
	ABORT    /* a conversation is killed */
};
void world_at(struct world *w, uint64_t ms, enum happening what,
    unsigned machine, uint64_t no, struct msg *msg);
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
void machine_timeout(struct machine *m, uint64_t request);
void machine_abort(struct machine *m);
void machine_clone(struct machine *m);
void machine_keep(struct machine *m);
void machine_rewind(struct machine *m);
void machine_leap(struct machine *m);
void machine_follow_shares(struct machine *m);

/* --- hubside.c --- */
void hub_init(struct world *w);
void hub_fini(struct world *w);
void hub_arrive(struct world *w, struct msg *m);
void hub_commit(struct world *w);
void hub_backup(struct world *w);
void hub_restore(struct world *w);
/* Does the hub refuse the event with this id for good? */
bool hub_refuses(const struct world *w, const struct eid *id);

/* --- author.c --- */
/* The uuid of a project, and its number again (PROJECTS_MAX: none of ours). */
void project_uuid(unsigned project, char out[EID_TEXT_MAX]);
unsigned project_of(struct str uuid);
unsigned project_home(unsigned project); /* the team it began in */
/* The team in which the machine works on a project now. */
unsigned project_team(struct machine *m, unsigned project);
void author_command(struct machine *m);
/* The events of a program that names nothing, as the body of a batch. */
void author_foreign(struct world *w, struct buf *body);

/* --- check.c --- */
void check_world(struct world *w);

#endif
