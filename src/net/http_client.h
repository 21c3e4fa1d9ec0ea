/* Blocking HTTP client for one thread, on libcurl, which is loaded at the first
 * call (it costs 3 ms at every start otherwise; the program must not link it).
 *
 * Never follows a redirect, speaks http and https only, keeps connections for
 * the next call, takes proxies from the environment as curl does, verifies
 * certificates always.  Authorization goes to the host of the URL and to
 * nobody else. */
#ifndef CLOWDER_HTTP_CLIENT_H
#define CLOWDER_HTTP_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "http1.h"
#include "str.h"

struct http_client;

/* 0 takes the default. */
struct http_client_options {
	const char *ca_file;    /* PEM; NULL: the system's.  Borrowed */
	const char *user_agent; /* "clowder/VERSION".  Borrowed */
	uint32_t connect_ms;    /* 10000 */
	uint32_t timeout_ms;    /* 60000: a whole call */
	size_t answer_max; /* 64 MiB: body, counted as it came and inflated */
	/* Set by a signal handler or another thread: the call ends with
	 * ERR_INTERRUPTED within a second.  Borrowed; may be NULL. */
	const atomic_bool *abort;
	bool
	    direct; /* whatever the environment says of proxies: this machine */
};

struct http_call {
	const char *method; /* "GET", "POST" ... */
	const char *url;
	/* Control characters in one: ERR_USAGE. */
	const struct http1_field *field;
	size_t fields;
	struct str body;     /* p NULL: none; n 0 with p: an empty one */
	bool gzip;           /* deflate the body on its way */
	uint32_t timeout_ms; /* 0: of the client */
	size_t answer_max;   /* 0: of the client */
	/* Bytes so far and in all (0: not known yet), now and then; may be NULL. */
	void (*progress)(void *ctx, uint64_t sent, uint64_t to_send,
	    uint64_t got, uint64_t to_get);
	void *progress_ctx;
};

struct http_answer {
	int status;
	struct buf body;                 /* inflated */
	const struct http1_field *field; /* in arena */
	size_t fields;
	struct str content_type; /* p NULL where there is none */
	/* Retry-After in seconds, also from a date; -1 where there is none. */
	int64_t retry_after_s;
	/* The server's clock, seconds since 1970; -1: not said. */
	int64_t date_s;
	struct arena arena;
};

enum err http_client_new(struct http_client **ret,
    const struct http_client_options *o, struct err_info *e);
void http_client_free(struct http_client *c); /* accepts NULL */
/* ERR_OK for every whole answer, whatever its status.  ret: a zeroed one or one
 * from an earlier call (its content is dropped); http_answer_fini in any case.
 * ERR_UNREACHABLE: name not found, refused, or the connection was lost - the
 * text says which, and the request may have been carried out in the last case;
 * ERR_TIMEOUT, ERR_TLS, ERR_PROTOCOL, ERR_TOO_LARGE, ERR_INTERRUPTED, ERR_USAGE
 * (the URL), ERR_UNSUPPORTED (libcurl is not installed), ERR_NOMEM. */
enum err http_client_call(struct http_client *c, const struct http_call *call,
    struct http_answer *ret, struct err_info *e);
void http_answer_fini(struct http_answer *a);
/* p NULL where there is none. */
struct str http_answer_field(const struct http_answer *a, const char *name);

#endif
