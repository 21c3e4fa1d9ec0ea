/* The daemon of a home, as others find it: its state file, its lock, its ports.
 * docs/formats.md 1 and 6.
 *
 * The lock, held for life, is the truth about whether there is one; the state file
 * says where it listens. */
#ifndef CLOWDER_DAEMON_STATE_H
#define CLOWDER_DAEMON_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "home.h"

enum {
	DAEMON_TOKEN_CHARS = 64, /* hex */
	DAEMON_HOME_ID_CHARS = 32,
	DAEMON_PORT_FIRST = 9400,
	DAEMON_PORT_END = 9450 /* behind the last */
};

/* Four lines: url, port, token, pid. */
struct daemon_state {
	uint16_t port;
	char token[DAEMON_TOKEN_CHARS + 1];
	int pid;
};

/* ERR_NOT_FOUND: no file.  ERR_PERMISSION: others may read it.  ERR_CORRUPT: not
 * four such lines. */
enum err daemon_state_read(const struct home *h, struct daemon_state *ret,
    struct err_info *e);
/* A link or a pipe in its place goes; ERR_REFUSED: a folder. */
enum err daemon_state_write(const struct home *h, const struct daemon_state *st,
    struct err_info *e);
/* Is there one?  *pid: 0 where it cannot be told. */
enum err daemon_alive(const struct home *h, bool *ret, int *pid,
    struct err_info *e);
/* $CLOWDER_PORTS ("9400-9449"), else the usual range: *first .. *end - 1.
 * ERR_USAGE names the variable. */
enum err daemon_ports(uint16_t *first, unsigned *end, struct err_info *e);
/* Tells homes apart, and is no secret: of this machine, user and folder. */
enum err daemon_home_id(const struct home *h,
    char out[DAEMON_HOME_ID_CHARS + 1], struct err_info *e);

/* What the daemon says of its connection, for whoever looks without asking it. */
struct daemon_word {
	bool runs; /* else the others say nothing */
	bool live;
	char state[32]; /* "Connected" ...; "" where it has not said yet */
};
enum err daemon_word_write(const struct home *h, const struct daemon_word *word,
    struct err_info *e);
/* Never fails: what cannot be read was not said. */
void daemon_word_read(const struct home *h, struct daemon_word *ret);

#endif
