/* What is pending, and since when: the one function that says it.  `sync
 * status`, `doctor`, `sync now` and the daemon all call it, so that they cannot
 * disagree. */
#ifndef CLOWDER_STATUS_H
#define CLOWDER_STATUS_H

#include "arena.h"
#include "context.h"
#include "daemon_state.h"

/* One word for the whole; strongest first. */
enum status_word {
	STATUS_ATTENTION,  /* events were refused: somebody has to look */
	STATUS_LOCAL,      /* no server is configured */
	STATUS_OFF,        /* [sync] enabled = false */
	STATUS_SIGNED_OUT, /* nobody is signed in at the server */
	STATUS_QUEUED,     /* events wait to be sent: a normal state */
	STATUS_IN_STEP     /* nothing waits */
};
const char *status_word_name(enum status_word w);

struct status_space {
	struct space space;
	int64_t oldest_ms; /* wall time of the oldest that waits; 0 = none */
	bool ours;         /* of the account at work, or `local` */
};

/* Everything lives in the arena of the context. */
struct status {
	enum status_word word;
	struct str server_url; /* n 0 = none */
	const char *config_path;
	bool signed_in;
	struct str user;                   /* who is signed in, or was last */
	char session_why[ERR_TEXT_MAX];    /* why not, else "" */
	uint64_t events, unacked, refused; /* over all spaces */
	/* Of the unacked those that wait for another server or account than the
	 * one signed in last, and the first such. */
	uint64_t elsewhere;
	struct str elsewhere_hub, elsewhere_account;
	struct daemon_word daemon;
	int64_t oldest_ms;  /* of all that waits; 0 = nothing does */
	int64_t contact_ms; /* the oldest last exchange of our spaces; 0 = one
	                       of them never had any */
	struct status_space *space;
	size_t n;
	size_t here; /* the space of the folder's project; n = there is none */
	uint8_t digest[32];
	bool
	    of_project; /* digest: of the folder's project, else of its space */
	struct str project; /* uuid, with of_project */
};

/* What stands in s: events, unacked, refused, elsewhere, oldest_ms, contact_ms,
 * space, n, and user where it is empty; the rest of ret stays.  Strings and spaces
 * live in a. */
enum err status_spaces(struct store *s, struct arena *a, struct status *ret,
    struct err_info *e);
/* Reads only: sends nothing and changes nothing. */
enum err status_read(struct ctx *c, struct status *ret, struct err_info *e);
/* As `--json` prints it: members of an open object. */
void status_write(const struct status *st, struct json_writer *w);

#endif
