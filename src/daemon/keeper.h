/* The replica's thread, as its own files see it. */
#ifndef CLOWDER_KEEPER_H
#define CLOWDER_KEEPER_H

#include "daemon_int.h"
#include "lock.h"
#include "spaces.h"

enum { SESSION_ID_MAX = 256 };

/* Of the configuration, as of the last exchange. */
struct settings {
	bool sync_enabled;
	uint64_t interval_ms, stale_after_s;
};

struct keeper {
	struct daemon *d;
	struct mailbox box;
	pthread_t thread;
	bool started;
	struct ctx ctx;
	struct store *store; /* of ctx */
	struct lines *lines; /* own */
	struct settings settings;
	struct os_lock lock; /* sync.lock */
	struct spaces_account who;
	struct arena who_mem;
	uint64_t exchange_ms; /* when the next one is due; mono */
	bool exchanging;
	bool again; /* when it is done: what it was made with has changed */
	struct job *wait_first, **wait_end; /* wishes for the next exchange */
	bool busy;           /* something was done since the rest */
	bool signed_out;     /* the last exchange found nobody signed in */
	struct err_info why; /* of the last exchange */
	char session_id[SESSION_ID_MAX]; /* it was made with */
	struct daemon_word word;         /* as it was told last */
	uint64_t show_ms, carry_ms, presence_ms;
	uint64_t active_ms; /* when the last mail came */
	bool show_due;
	atomic_bool rung; /* a ring is in the box */
};

struct lines *keeper_lines(void *keeper);
struct store *keeper_store(struct keeper *k);
struct daemon *keeper_daemon(struct keeper *k);
/* How it stands, for health and for whoever looks without asking (keeper_view.c). */
void keeper_show(struct keeper *k);
/* Something was done: there will be something to tidy up. */
void keeper_busy(void *keeper);

#endif
