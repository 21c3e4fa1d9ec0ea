/* Insides of the hub server, for hub.c, route.c and api_*.c. */
#ifndef CLOWDER_HUB_INT_H
#define CLOWDER_HUB_INT_H

#include <stdatomic.h>

#include "accounts.h"
#include "admission.h"
#include "backup.h"
#include "gzip.h"
#include "http_server.h"
#include "hub.h"
#include "lock.h"
#include "map.h"
#include "origin.h"
#include "pool.h"
#include "store.h"
#include "trouble.h"

/* Bytes of decoded batches and contents; above it they are asked to come again. */
#define HUB_DECODED_MAX (UINT64_C(256) << 20)

/* Counters for /metrics; any thread. */
struct hub_metrics {
	atomic_ullong requests, refused_requests, bytes_in, bytes_out;
	atomic_ullong request_us;
	atomic_ullong batches, events_new, events_duplicate, events_rejected;
	atomic_ullong commits, commit_us, commits_failed;
	atomic_ullong checkpoints, checkpoint_us, wal_bytes;
	atomic_ullong pulls, snapshots, logins;
};

struct hub {
	struct hub_options o;
	struct arena arena;
	uv_loop_t loop;
	struct loop_poster *poster;
	struct http_server *server;
	struct tls *tls;
	struct os_lock lock;
	struct accounts *accounts;
	struct pool *decoder, *writer, *reader, *worker;
	struct live *live;
	/* Somebody could not be told that a log has grown: look. */
	atomic_bool live_lost;
	struct gzip gzip;      /* loop thread */
	struct origin *origin; /* in arena; o.n_origins */
	struct hub_metrics metrics;
	struct trouble trouble; /* of the replica */
	struct trouble accounts_trouble;
	/* Loop thread: the writer, a worker was asked to try. */
	bool probing, accounts_probing;
	atomic_size_t held; /* bytes of batches that were inflated and parsed */
	atomic_size_t
	    answers; /* bytes of answers on their way from the reader */
	uv_signal_t term, intr;
	bool stopping; /* a signal came */
	bool stopped;  /* every request is answered, every handle closed */
	uint64_t started_mono_ms;
	/* Of this replica's log.  Written while the threads start. */
	char epoch[2 * HUB_EPOCH_BYTES + 1];
	const char *replica_path;
	char url[128];
};

/* The writer thread's own. */
struct hub_writer {
	struct hub *hub;
	struct store *store;
	struct admission admission;
	struct map spaces;  /* team slug -> struct team_space */
	struct arena arena; /* of spaces */
	bool
	    failed; /* the disk, at the last write: open the store again first */
	uint64_t retry_mono_ms; /* not before */
	bool wrote;   /* since the log was moved into the database as a whole */
	bool resting; /* nothing came since */
};

/* A job for the writer.  write() runs inside a transaction that it may share; a
 * failure undoes the whole transaction, after which each job runs alone. */
struct write_job {
	struct pool_job job;
	enum err (*write)(struct hub_writer *w, struct write_job *job,
	    struct err_info *e);
};

/* The reader thread's own: a connection to the replica that only reads. */
struct hub_reader {
	struct store *store;
	struct gzip gzip;
	bool resting; /* nothing came since */
};

/* A decoder thread's own. */
struct hub_decoder {
	struct gzip gzip;
};

/* A job for a reader, a decoder or a worker; sets rc and e of its own. */
struct read_job {
	struct pool_job job;
	void (*read)(struct hub_reader *r, struct read_job *job);
};
struct decode_job {
	struct pool_job job;
	void (*decode)(struct hub_decoder *d, struct decode_job *job);
};
struct slow_job {
	struct pool_job job;
	void (*run)(struct hub *hub, struct slow_job *job);
};

/* Threads; hub_threads.c. */
enum err hub_threads_start(struct hub *hub, struct err_info *e);
void hub_threads_stop(struct hub *hub);
/* [tx] The space of a team, made where it is missing. */
enum err hub_team_space(struct hub_writer *w, struct str slug, space_id *ret,
    struct err_info *e);

/* What a request carries from on_head on (req->user). */
struct call {
	struct hub *hub;
	const struct route *route;
	struct account_who who; /* routes that want sign-in */
	bool gzip;              /* the body comes packed */
};

struct route {
	const char *method, *path; /* without the trailing slash */
	bool signed_in;
	size_t body_max, packed_max; /* bytes: plain, and as gzip */
	void (*run)(struct call *call, struct http_request *req);
};

/* Routing; route.c. */
struct http_handler hub_handler(struct hub *hub);
/* The body, inflated where it came as gzip: a view of req->body or of *out.
 * ERR_TOO_LARGE, ERR_BAD_REQUEST. */
enum err call_body(const struct call *call, const struct http_request *req,
    struct gzip *g, struct buf *out, struct str *ret, struct err_info *e);
/* Whose access token signs the request; call->who.  ERR_UNAUTHORIZED,
 * ERR_SESSION, ERR_UNAVAILABLE. */
enum err call_who(struct call *call, struct http_request *req,
    struct err_info *e);
/* The team that the request names; NULL where it names none. */
enum err call_team_named(struct call *call, struct http_request *req,
    const struct account_team **ret, struct err_info *e);
/* Answer with the error body and the fields that its status wants. */
void call_error(struct http_request *req, const struct err_info *e);
/* The same with a body of its own, which is taken.  retry_s: for Retry-After,
 * 0 where the code alone decides. */
void call_answer_error(struct http_request *req, enum err code,
    unsigned retry_s, struct buf *body);
/* Deflate *body in place where it is wanted and worth it; true where it was. */
bool call_deflate(struct gzip *g, bool wanted, struct buf *body);
void call_respond(struct http_request *req, int status, struct buf *body,
    bool gzipped);

void api_token(struct call *call, struct http_request *req);
void api_refresh(struct call *call, struct http_request *req);
void api_revoke(struct call *call, struct http_request *req);
void api_me(struct call *call, struct http_request *req);
void api_batch(struct call *call, struct http_request *req);
void api_pull(struct call *call, struct http_request *req);
void api_snapshot(struct call *call, struct http_request *req);
void api_health(struct call *call, struct http_request *req);
void api_metrics(struct call *call, struct http_request *req);
void api_content(struct call *call, struct http_request *req);
void api_ws_token(struct call *call, struct http_request *req);
void api_live(struct call *call, struct http_request *req);

#endif
