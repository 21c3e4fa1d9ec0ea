/* WebSocket codec, both roles, strict (RFC 6455).  Pure: bytes in, messages out,
 * no I/O, no clock, no dice.
 *
 *	for (;;)
 *		switch (ws_read(&w, in, &used, &part, &e)) {
 *		case WS_MORE:   wait for bytes; all of `in` was used
 *		case WS_TEXT:   `part` is a whole message, however it was cut
 *		case WS_BINARY: likewise
 *		case WS_PING:   answer WS_OP_PONG with `part`
 *		case WS_PONG:   `part` is what was pinged
 *		case WS_CLOSE:  w.code, `part` the reason; answer it, then close
 *		case WS_ERROR:  say w.code (ws_put_close), then close
 *		}
 *
 * Refused: frames that the peer should have masked or should not have, reserved
 * bits and opcodes, lengths that are not the shortest, control frames that are
 * long or in pieces, text that is not UTF-8 (also where a character is cut
 * between two fragments), messages over message_max or of more than
 * WS_FRAGMENTS_MAX fragments.  No extension is spoken, so nothing is compressed.
 *
 * Fails: ERR_PROTOCOL, ERR_TOO_LARGE, ERR_NOMEM; w.code has the code to close
 * with. */
#ifndef CLOWDER_WEBSOCKET_H
#define CLOWDER_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "str.h"

/* RFC 6455, 5.2. */
enum ws_op {
	WS_OP_MORE = 0,
	WS_OP_TEXT = 1,
	WS_OP_BINARY = 2,
	WS_OP_CLOSE = 8,
	WS_OP_PING = 9,
	WS_OP_PONG = 10
};

/* RFC 6455, 7.4.1, and IANA's registry. */
enum ws_code {
	WS_NORMAL = 1000,
	WS_GOING_AWAY = 1001,
	WS_PROTOCOL_ERROR = 1002,
	WS_UNSUPPORTED = 1003,
	WS_NO_CODE = 1005, /* never sent: the peer's close frame was empty */
	WS_NOT_UTF8 = 1007,
	WS_POLICY = 1008,
	WS_TOO_BIG = 1009,
	WS_INTERNAL = 1011,
	WS_RESTART = 1012,
	WS_TRY_LATER = 1013
};

enum {
	WS_CONTROL_MAX = 125,     /* bytes of a control frame's payload */
	WS_HEAD_MAX = 14,         /* bytes before a payload */
	WS_FRAGMENTS_MAX = 65536, /* of one message */
	WS_KEY_CHARS = 24,        /* of Sec-WebSocket-Key */
	WS_ACCEPT_CHARS = 28      /* of Sec-WebSocket-Accept */
};

/* Who reads: a server gets masked frames, a client plain ones. */
enum ws_role { WS_SERVER, WS_CLIENT };

enum ws_step {
	WS_MORE,
	WS_TEXT,
	WS_BINARY,
	WS_PING,
	WS_PONG,
	WS_CLOSE,
	WS_ERROR
};

/* Between messages it holds no memory of its own. */
struct ws {
	enum ws_code code;  /* after WS_CLOSE, WS_ERROR */
	size_t message_max; /* bytes; may be changed between messages */
	/* inside */
	enum ws_role role;
	bool broken;        /* WS_ERROR was given */
	bool closed;        /* WS_CLOSE was given: what follows is dropped */
	bool given;         /* a message was handed out: its memory goes next */
	bool in_payload;    /* the head of a frame is whole */
	uint8_t op;         /* of the frame */
	uint8_t message_op; /* of the message that is in pieces; 0: none is */
	bool fin;
	uint8_t head[WS_HEAD_MAX];
	size_t head_n;
	uint8_t mask[4];
	uint64_t left, done; /* bytes of the frame's payload: to come, come */
	uint32_t fragments;  /* of this message so far */
	size_t valid; /* bytes of the message that are known to be UTF-8 */
	struct buf message;
	size_t control_n;
	char control[WS_CONTROL_MAX];
	const char *why; /* it is broken */
};

void ws_init(struct ws *w, enum ws_role role, size_t message_max);
void ws_fini(struct ws *w); /* safe on a zeroed one */
/* Read on in `in` (may be empty).  *used: bytes taken; *part: valid until the
 * next call.  After WS_ERROR each further call gives the same. */
enum ws_step ws_read(struct ws *w, struct str in, size_t *used,
    struct str *part, struct err_info *e);
/* Bytes of memory held. */
size_t ws_held(const struct ws *w);

/* Writers; buf_ok(out) at the end.  mask: NULL from a server, four fresh random
 * bytes from a client (RFC 6455, 5.3).  A control frame's payload must not be
 * longer than WS_CONTROL_MAX. */
void ws_put(struct buf *out, enum ws_op op, struct str payload,
    const uint8_t mask[4]);
/* Only what stands before a server's payload of n bytes. */
void ws_put_head(struct buf *out, enum ws_op op, uint64_t n);
/* reason: cut at a character where it is too long.  WS_NO_CODE: none at all. */
void ws_put_close(struct buf *out, enum ws_code code, struct str reason,
    const uint8_t mask[4]);

/* The opening handshake (RFC 6455, 4).  Sec-WebSocket-Key from 16 random bytes;
 * is a key that came well formed; what a server answers to it. */
void ws_key(const uint8_t dice[16], char out[WS_KEY_CHARS + 1]);
bool ws_key_ok(struct str key);
/* ERR_UNSUPPORTED where there is no OpenSSL. */
enum err ws_accept(struct str key, char out[WS_ACCEPT_CHARS + 1],
    struct err_info *e);

#endif
