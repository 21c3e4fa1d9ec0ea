/* Insides of the HTTP server, shared by http_server.c and http_conn.c. */
#ifndef CLOWDER_HTTP_INT_H
#define CLOWDER_HTTP_INT_H

#include "conn_int.h"
#include "http_server.h"

enum { HTTP_ID_PREFIX = 4 }; /* random bytes in front of request ids */

struct client;
struct listener;

struct http_server {
	struct conn_host host;
	struct http_server_options o;
	struct listener *listeners; /* own */
	uv_timer_t stop_timer;      /* deadline of the stop */
	uv_timer_t rest_timer;      /* accepting rests until then */
	unsigned handles;           /* listeners and timers not closed yet */
	size_t clients; /* http_conn.c: also those whose connection is gone */
	size_t held;    /* bytes of requests, all clients */
	/* Borrow: whose request has begun and is not whole, by when it began. */
	struct client *unfinished, *unfinished_last;
	uint64_t accepted, turned_away, requests, next_id;
	int reserve_fd; /* own; -1: none */
	bool stopping, timers_closed;
	void (*done)(void *arg);
	void *done_arg;
	char id_prefix[2 * HTTP_ID_PREFIX + 1];
	int64_t date_s; /* of `date` */
	char date[30];
};

/* An accepted socket; takes fd. */
void http_conn_new(struct http_server *s, int fd,
    const struct sockaddr_storage *peer, struct tls *tls);
/* Refuse the request that has been unfinished for longest, so that its memory is
 * free and its descriptor soon; false: there is none. */
bool http_conn_give_way(struct http_server *s);
/* Something has ended: perhaps it was the last of a server that stops. */
void http_server_check_done(struct http_server *s);
/* Accept nothing for a short while. */
void http_server_rest(struct http_server *s);

#endif
