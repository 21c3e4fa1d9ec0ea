/* A WebSocket connection to a server, for a thread that polls: libcurl makes the
 * connection (TLS, proxies as curl takes them from the environment), the rest is
 * our codec.
 *
 *	ws_client_open()                 waits for the server's answer
 *	poll its fd: readable, and writable while ws_client_unsent() > 0
 *	ws_client_read()                 until it says WS_MORE
 *
 * Pings are answered here.  One thread. */
#ifndef CLOWDER_WS_CLIENT_H
#define CLOWDER_WS_CLIENT_H

#include <stdatomic.h>

#include "websocket.h"

struct ws_client;

struct ws_client_options {
	const char *url;      /* http:// or https://; borrowed for the call */
	const char *protocol; /* subprotocol to ask for, and to get; or NULL */
	/* For Authorization: Bearer; n 0: none.  Nobody but the server's host gets
	 * it, and it is in no message. */
	struct str bearer;
	const char *ca_file;      /* PEM; NULL: the system's */
	uint32_t connect_ms;      /* until the answer is whole; 0: 10000 */
	size_t message_max;       /* bytes */
	const atomic_bool *abort; /* set: ERR_INTERRUPTED; or NULL */
};

/* What the server answered where it was not 101. */
struct ws_client_refusal {
	unsigned status;       /* 0: no answer */
	int64_t retry_after_s; /* -1: not told */
};

/* ERR_OK: it is open.  ERR_REFUSED: there was another answer, see *refusal.
 * ERR_PROTOCOL: 101, but not to what we asked.  Else as http_client_call. */
enum err ws_client_open(struct ws_client **ret,
    const struct ws_client_options *o, struct ws_client_refusal *refusal,
    struct err_info *e);
/* Says goodbye where that is possible at once.  NULL is fine. */
void ws_client_close(struct ws_client *c);

int ws_client_fd(const struct ws_client *c);
/* What has come: WS_TEXT and WS_BINARY with the message, WS_PING and WS_PONG
 * (heard of it), WS_MORE: nothing now.  WS_CLOSE, WS_ERROR: it is over, e says
 * why.  *part: valid until the next call. */
enum ws_step ws_client_read(struct ws_client *c, struct str *part,
    struct err_info *e);
/* Send a text message, as far as it goes at once; the rest with ws_client_flush,
 * when the fd is writable.  ERR_UNREACHABLE: it is over.  ERR_NOMEM: it is, too. */
enum err ws_client_send(struct ws_client *c, struct str text,
    struct err_info *e);
enum err ws_client_flush(struct ws_client *c, struct err_info *e);
size_t ws_client_unsent(const struct ws_client *c);

#endif
