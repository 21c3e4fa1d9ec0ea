/* The hub server: a replica with users, behind HTTP.  docs/protocol.md.
 *
 *	loop    sockets, TLS, codecs, who is it, what can be refused at once
 *	writer  admission, append, one commit for all that wait, checkpoints
 *	reader  pulls and snapshots, by a connection of its own
 *	worker  what is slow on purpose: passwords
 *
 * Data folder: replica.db (the log of every team), hub.db (accounts), hub.lock
 * (held for life: one hub per folder), tls/ (of --dev-tls). */
#ifndef CLOWDER_HUB_H
#define CLOWDER_HUB_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct hub_options {
	const char *data;       /* folder; made 0700 where it is missing */
	const char *listen;     /* "127.0.0.1:8177", "[::1]:0" */
	const char *cert, *key; /* PEM; both or none */
	bool dev_tls;           /* a self-signed pair for this machine */
	bool plain;             /* plain HTTP also beyond loopback */
	bool quiet;             /* no line per request */
	/* Pages that may open live connections besides the hub's own:
	 * "https://board.example.org"; borrowed. */
	const char *const *origin;
	size_t n_origins;
	/* For another process that writes to the replica, then 503; 0: 2000. */
	unsigned lock_wait_ms;
	unsigned reopen_ms; /* till failed storage is tried again; 0: 1000 */
	unsigned ping_ms;   /* heartbeats of live connections; 0: 20000 */
	/* Who is here: between two messages, and how long one who has gone is
	 * still here; 0: 1000, 60000. */
	unsigned presence_ms, grace_ms;
	/* Bytes: of one user's reports in a team, of the team's, of all, and of
	 * what a room is told at once; 0: a fourth of the team's, 8 MiB, 64 MiB,
	 * 64 MiB. */
	size_t presence_user_max, presence_room_max, presence_max,
	    presence_tell_max;
	/* Told the address once it serves: "https://127.0.0.1:8177", and with
	 * dev_tls the certificate's path, else NULL. */
	void (*ready)(void *ctx, const char *url, const char *ca_path);
	void *ctx;
};

/* Serve until SIGTERM or SIGINT; requests under way are answered first.
 * ERR_LOCKED: another hub serves this folder.  ERR_USAGE, ERR_EXISTS (address
 * in use), ERR_CONFIG (certificate), and what the databases say. */
enum err hub_serve(const struct hub_options *o, struct err_info *e);

/* Paths in a data folder; in a. */
struct arena;
char *hub_path(struct arena *a, const char *data, const char *name);

#endif
