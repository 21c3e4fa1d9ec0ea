/* Talking with the daemon of this home: what commands, and the doctor, do with it.
 * Blocking; one thread. */
#ifndef CLOWDER_DAEMON_LINK_H
#define CLOWDER_DAEMON_LINK_H

#include "context.h"
#include "daemon_state.h"
#include "http_client.h"

/* What GET /api/health says.  Everything lives in the arena given. */
struct daemon_health {
	int pid;
	uint64_t protocol_version; /* 0: it says none */
	struct str package_version, home_id, state;
	struct str sync, error; /* words; error n 0: none */
	bool live;              /* it has a live connection */
	int64_t last_sync_ms;   /* wall; 0: never */
	uint64_t unacked;
	int64_t oldest_s; /* -1: nothing waits */
};
/* Ask whoever listens on this port of 127.0.0.1, at most timeout_ms.
 * ERR_PROTOCOL: it is no daemon of ours; else as http_client_call. */
enum err daemon_health(uint16_t port, uint32_t timeout_ms, struct arena *a,
    struct daemon_health *ret, struct err_info *e);

/* A call with the token of the state file.  ret as for http_client_call.  timeout_ms
 * 0: an hour (an exchange may take long).  A signal ends it: ERR_INTERRUPTED. */
enum err daemon_call(const struct daemon_state *st, const char *method,
    const char *path, struct str body, uint32_t timeout_ms,
    struct http_answer *ret, struct err_info *e);

enum daemon_presence {
	DAEMON_NONE,    /* nobody holds the lock */
	DAEMON_HERE,    /* and it answers */
	DAEMON_STARTING /* somebody holds the lock, and does not answer (yet) */
};
/* Of this home.  st and health are filled with DAEMON_HERE. */
enum err daemon_find(struct ctx *c, struct daemon_state *st,
    struct daemon_health *health, enum daemon_presence *ret,
    struct err_info *e);
/* The same, but one that starts is waited for: DAEMON_STARTING where it does not
 * answer within DAEMON_WAIT_MS.  ERR_INTERRUPTED. */
enum err daemon_await(struct ctx *c, struct daemon_state *st,
    struct daemon_health *health, enum daemon_presence *ret,
    struct err_info *e);

enum {
	DAEMON_WAIT_MS = 10000, /* for one to start, or to end */
	DAEMON_ASK_MS = 1000
};
/* Start one where there is none, and wait until it answers.  *started: there was
 * none.  Two at once make one.  ERR_TIMEOUT names its log. */
enum err daemon_start(struct ctx *c, bool *started, struct err_info *e);
/* The same without waiting, for commands that would like one: where [sync] daemon
 * is "auto" and somebody is signed in at a server.  Costs a look at a lock where
 * there is one.  Fails silently: everything works without. */
void daemon_wish(struct ctx *c);
/* Is it so?  Whether one runs is another question. */
bool daemon_is_wished(struct ctx *c);
/* Whether it heard is seen by its end. */
void daemon_ask_to_end(const struct daemon_state *st);
/* End it: asked over HTTP, then by signals, only ever the very process that holds
 * the lock.  *stopped: there was one. */
enum err daemon_stop(struct ctx *c, bool *stopped, struct err_info *e);

#endif
