/* A hub in a thread of the test, and peers that speak with it by bare sockets:
 * so that a test decides what is sent when, on how many connections, and sees
 * the order of what comes back.  Every wait is for a condition; a socket that
 * says nothing for 20 s fails the test. */
#ifndef CLOWDER_TEST_HUB_LAB_H
#define CLOWDER_TEST_HUB_LAB_H

#include <pthread.h>

#include "buf.h"
#include "fault.h"
#include "hub.h"
#include "t.h"
#include "websocket.h"

struct hub_lab {
	char data[512]; /* folder */
	struct fault_group
	    *faults; /* that the hub's threads count by, or NULL */
	unsigned
	    lock_wait_ms; /* 60 s: nobody is refused while a test holds it */
	unsigned ping_ms; /* heartbeats of live connections; 0: the usual */
	unsigned presence_ms, grace_ms; /* 0: the usual */
	/* likewise */
	size_t presence_user_max, presence_room_max, presence_max,
	    presence_tell_max;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ready, ended;
	uint16_t port;
	enum err rc; /* of hub_serve */
	struct err_info e;
};

/* A fresh folder with the users ann (teams red, blue; red is her default), bob
 * (team blue) and cem (none but his own); password "secret-NAME". */
void hub_lab_init(struct hub_lab *l);
void hub_lab_fini(struct hub_lab *l);
/* Until it serves, or could not (l->rc, l->e). */
bool hub_lab_start(struct hub_lab *l);
/* As an operator does, by SIGTERM; returns at once. */
void hub_lab_signal(struct hub_lab *l);
/* Until it has ended; its error. */
enum err hub_lab_wait(struct hub_lab *l);
void hub_lab_stop(struct hub_lab *l); /* both; checks that it ended well */
/* Another process holds the writer's lock, so that nothing can be committed; until
 * it is let go. */
int hub_lab_hold(struct hub_lab *l);
void hub_lab_let_go(int lock);
/* Path in its folder; static storage. */
const char *hub_lab_path(struct hub_lab *l, const char *name);

struct peer {
	int fd; /* -1: none */
	struct buf in;
	/* The last answer. */
	int status;
	struct buf head, body;
	const char *token; /* borrow; signs calls */
	const char *team;  /* borrow; names it; NULL: none */
};

void peer_open(struct peer *p, struct hub_lab *l);
/* Of what it does not read the system holds some 100 KB, not megabytes. */
void peer_open_narrow(struct peer *p, struct hub_lab *l);
void peer_close(struct peer *p);
void peer_send(struct peer *p, struct str s);
void peer_sendf(struct peer *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Send one request; body.p NULL: none.  more: header lines with their CRLF. */
void peer_request(struct peer *p, const char *method, const char *target,
    const char *more, struct str body);
/* One whole answer; false where the connection ended before. */
bool peer_answer(struct peer *p);
/* Both; the status, 0 where the connection ended. */
int peer_call(struct peer *p, const char *method, const char *target,
    struct str body);
/* The field's value, n 0 where there is none. */
struct str peer_field(const struct peer *p, const char *name);
/* Is this text in the body? */
bool peer_has(const struct peer *p, const char *text);
/* The number behind "name": in the body; UINT64_MAX where there is none. */
uint64_t peer_number(const struct peer *p, const char *name);
/* The string behind "name":, in static storage; "" where there is none. */
const char *peer_string(const struct peer *p, const char *name);
/* Ask until the metric is at least this; fails the test after 20 s. */
void peer_until(struct peer *p, const char *metric, uint64_t least);
/* The one batch that was sent is with the writer, who waits for the lock. */
void peer_until_taken(struct peer *p);
/* A metric by its name without "clowder_". */
uint64_t peer_metric(struct peer *p, const char *name);
/* Sign in as NAME; the access token, freed by the caller. */
char *peer_sign_in(struct peer *p, const char *name);

/* Ask for a live connection; more: header lines with their CRLF.  The status. */
int peer_upgrade(struct peer *p, const char *more);
void peer_say(struct peer *p, const char *text); /* one message */
/* The next message, in p->body; WS_MORE: the connection has ended. */
enum ws_step peer_hear(struct peer *p, struct ws *ws);

/* {"events":[...]} with todos numbered from..from + n - 1; more: members of each,
 * every one with its comma in front, or "". */
void lab_batch(struct buf *out, unsigned from, unsigned n, const char *more);
/* Send them and take the answer; its status. */
int peer_push(struct peer *p, unsigned from, unsigned n, const char *more);
/* How often does the text stand in the body? */
unsigned peer_count(const struct peer *p, const char *text);

#endif
