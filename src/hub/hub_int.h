/* Insides of the hub server, for hub.c, route.c and api_*.c. */
#ifndef CLOWDER_HUB_INT_H
#define CLOWDER_HUB_INT_H

#include <stdatomic.h>

#include "accounts.h"
#include "admission.h"
#include "gzip.h"
#include "http_server.h"
#include "hub.h"
#include "lock.h"
#include "map.h"
#include "pool.h"
#include "store.h"

enum { HUB_EPOCH_BYTES = 16 };

/* Counters for /metrics; any thread. */
struct hub_metrics {
	atomic_ullong requests, refused_requests, bytes_in, bytes_out;
	atomic_ullong request_us;
	atomic_ullong batches, events_new, events_duplicate, events_rejected;
	atomic_ullong commits, commit_us;
	atomic_ullong pulls, events_sent, logins;
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
	struct pool *writer, *reader, *worker;
	struct gzip gzip; /* loop thread */
	struct hub_metrics metrics;
	uv_signal_t term, intr;
	bool serving, stopping;
	int64_t started_ms;
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
	struct map spaces; /* team slug -> struct team_space */
	struct arena arena; /* of spaces */
	uint64_t since_checkpoint; /* bytes appended */
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
};

/* A job for the reader or a worker. */
struct read_job {
	struct pool_job job;
	void (*read)(struct hub_reader *r, struct read_job *job);
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
};

struct route {
	const char *method, *path; /* without the trailing slash */
	bool signed_in;
	size_t body_max;
	void (*run)(struct call *call, struct http_request *req);
};

/* Routing; route.c. */
struct http_handler hub_handler(struct hub *hub);
/* The body, inflated where it came as gzip: a view of req->body or of *out.
 * ERR_MEDIA, ERR_TOO_LARGE, ERR_BAD_REQUEST. */
enum err call_body(struct call *call, struct http_request *req,
    struct buf *out, struct str *ret, struct err_info *e);
/* The team that the request names; NULL where it names none. */
enum err call_team_named(struct call *call, struct http_request *req,
    const struct account_team **ret, struct err_info *e);
void call_error(struct http_request *req, const struct err_info *e);
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

/* The team's state as one JSON object; snapshot.c.  ERR_TOO_LARGE; ERR_BUSY-like
 * ERR_UNAVAILABLE where the log moved on all the time. */
enum err snapshot_write(struct store *s, space_id sp, struct str project,
    struct buf *out, struct err_info *e);

#endif
