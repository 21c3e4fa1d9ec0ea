/* Events on their way into a team's log, whatever brought them: read, admitted
 * and committed, then answered.
 *
 *	loop: ingest_start -> (decoder: read -> loop ->) writer -> loop: done
 *
 * Fails: what is wrong with an event stands in its result; what is wrong with the
 * message or the hub is given to done. */
#ifndef CLOWDER_INGEST_H
#define CLOWDER_INGEST_H

#include "hub_int.h"

/* Start from a zeroed one.  Whoever embeds it frees it after done(), by
 * ingest_fini. */
struct ingest {
	union { /* first: one at a time */
		struct decode_job decode;
		struct write_job write;
	};
	struct hub *hub;
	const struct account_who *who;   /* borrow until done() */
	const struct account_team *team; /* borrow; NULL: by event */
	/* Fill batch; on the loop's thread or a decoder's.  plain may hold what
	 * the batch is a view of. */
	enum err (*read)(struct ingest *in, struct gzip *g, struct err_info *e);
	/* Loop thread, exactly once: committed (answer is filled), or why not. */
	void (*done)(struct ingest *in, enum err rc, const struct err_info *e);
	struct buf plain;
	struct batch batch;
	struct arena arena; /* of the answer */
	struct batch_answer answer;
	int64_t now_ms; /* when the hub got it, wall time */
	/* inside */
	size_t held;               /* as counted in hub->held */
	struct hub_writer *writer; /* while it is written */
};

/* Loop thread.  large: a decoder reads it, so that it holds up nobody. */
void ingest_start(struct ingest *in, bool large);
void ingest_fini(struct ingest *in);

#endif
