/* Reading: a frame's head is collected in `head`, its payload unmasked into
 * `message` or, of a control frame, which may come between the fragments of a
 * message, into `control`.
 *
 *	HEAD --whole--> PAYLOAD --all of it--> (message or control) --> HEAD
 */
#include "websocket.h"

#include <sodium.h>

#include "ossl.h"
#include "utf8.h"

enum {
	FIN = 0x80,
	RESERVED = 0x70,
	MASKED = 0x80,
	LENGTH_16 = 126,
	LENGTH_64 = 127,
	CONTROL = 0x08, /* this bit tells control frames */
	MASK_BYTES = 4
};

void
ws_init(struct ws *w, enum ws_role role, size_t message_max)
{
	*w = (struct ws){ .role = role, .message_max = message_max };
}

void
ws_fini(struct ws *w)
{
	buf_fini(&w->message);
}

size_t
ws_held(const struct ws *w)
{
	return w->message.cap;
}

static enum ws_step
broken(struct ws *w, enum ws_code code, const char *why)
{
	w->broken = true;
	w->code = code;
	w->why = why;
	return WS_ERROR;
}

static enum ws_step
say_broken(const struct ws *w, struct err_info *e)
{
	enum err rc = w->code == WS_TOO_BIG ? ERR_TOO_LARGE :
	    w->code == WS_INTERNAL          ? ERR_NOMEM :
	                                      ERR_PROTOCOL;

	(void)err_setf(e, rc, "WebSocket: %s", w->why);
	return WS_ERROR;
}

/* --- text ------------------------------------------------------------------ */

/* Could these bytes, too few for a character, still become one? */
static bool
may_go_on(const uint8_t *p, size_t n)
{
	/* The rest of it that is nearest to everything: what is refused even
	 * with it never becomes a character. */
	static const uint8_t tails[] = { 0x80, 0x90, 0xa0, 0xbf };
	uint8_t c[4];

	for (size_t t = 0; t < sizeof tails; t++) {
		memset(c, 0x80, sizeof c);
		memcpy(c, p, n);
		c[n] = tails[t];
		if (utf8_len(c, sizeof c) > n)
			return true;
	}
	return false;
}

/* Look at what has come since; whole: nothing follows. */
static bool
text_ok(struct ws *w, bool whole)
{
	const uint8_t *p = (const uint8_t *)w->message.data;
	size_t n = w->message.len;

	while (w->valid < n) {
		size_t len = utf8_len(p + w->valid, n - w->valid);

		if (len == 0)
			return !whole && n - w->valid < 4 &&
			    may_go_on(p + w->valid, n - w->valid);
		w->valid += len;
	}
	return true;
}

/* --- head of a frame --------------------------------------------------------- */

/* Bytes that the head has, as far as its first two say. */
static size_t
head_bytes(const struct ws *w)
{
	uint8_t len;

	if (w->head_n < 2)
		return 2;
	len = w->head[1] & 0x7f;
	return 2 +
	    (len == LENGTH_16        ? 2u :
	            len == LENGTH_64 ? 8u :
	                               0u) +
	    (w->head[1] & MASKED ? MASK_BYTES : 0u);
}

/* The payload's length; false where a shorter form would have done. */
static bool
head_length(const struct ws *w, uint64_t *ret)
{
	uint8_t len = w->head[1] & 0x7f;
	size_t n = len == LENGTH_16 ? 2 : len == LENGTH_64 ? 8 : 0;
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | w->head[2 + i];
	*ret = n > 0 ? v : len;
	/* RFC 6455, 5.2: the minimal number of bytes; the first bit is 0. */
	return n == 0 || (n == 2 && v >= LENGTH_16) ||
	    (n == 8 && v > 0xffff && v >> 63 == 0);
}

static const char *
head_fault(const struct ws *w)
{
	bool control = w->op & CONTROL;
	uint64_t n;

	if (w->head[0] & RESERVED)
		return "a reserved bit is set";
	if (w->op > WS_OP_PONG || (w->op > WS_OP_BINARY && !control))
		return "an unknown opcode";
	if (!(w->head[1] & MASKED) == (w->role == WS_SERVER))
		return w->role == WS_SERVER ? "a frame that is not masked" :
		                              "a masked frame";
	if (!head_length(w, &n))
		return "a length that is not in its shortest form";
	if (control)
		return !w->fin         ? "a control frame in pieces" :
		    n > WS_CONTROL_MAX ? "a control frame that is too long" :
		                         NULL;
	if (w->op == WS_OP_MORE && w->message_op == 0)
		return "a continuation of nothing";
	if (w->op != WS_OP_MORE && w->message_op != 0)
		return "a new message within another";
	return NULL;
}

/* The head is whole. */
static enum ws_step
frame_begin(struct ws *w)
{
	const char *fault;

	w->op = w->head[0] & 0x0f;
	w->fin = w->head[0] & FIN;
	fault = head_fault(w);
	if (fault != NULL)
		return broken(w, WS_PROTOCOL_ERROR, fault);
	(void)head_length(w, &w->left);
	if (w->head[1] & MASKED)
		memcpy(w->mask, w->head + w->head_n - MASK_BYTES, MASK_BYTES);
	w->done = 0;
	w->control_n = 0;
	w->in_payload = true;
	if (w->op & CONTROL)
		return WS_MORE;
	if (w->op != WS_OP_MORE)
		w->message_op = w->op;
	if (w->left > w->message_max ||
	    w->message.len > w->message_max - w->left)
		return broken(w, WS_TOO_BIG, "a message that is too big");
	if (++w->fragments > WS_FRAGMENTS_MAX)
		return broken(w, WS_TOO_BIG, "a message of too many fragments");
	return WS_MORE;
}

/* Take bytes of the head; true when it is whole. */
static bool
head_read(struct ws *w, struct str in, size_t *used)
{
	while (*used < in.n && w->head_n < head_bytes(w))
		w->head[w->head_n++] = (uint8_t)in.p[(*used)++];
	return w->head_n >= 2 && w->head_n == head_bytes(w);
}

/* --- payload ------------------------------------------------------------------- */

/* Eight bytes at a time; `at`: place of the first within the payload. */
static void
unmask(char *p, size_t n, const uint8_t mask[4], uint64_t at)
{
	uint8_t turned[8];
	uint64_t m, v;
	size_t i = 0;

	for (size_t k = 0; k < sizeof turned; k++)
		turned[k] = mask[(at + k) % MASK_BYTES];
	memcpy(&m, turned, sizeof m);
	for (; i + sizeof v <= n; i += sizeof v) {
		memcpy(&v, p + i, sizeof v);
		v ^= m;
		memcpy(p + i, &v, sizeof v);
	}
	for (; i < n; i++)
		p[i] = (char)(p[i] ^ (char)turned[i % sizeof turned]);
}

static enum ws_step
payload_read(struct ws *w, struct str in, size_t *used)
{
	size_t n = in.n - *used;
	char *to;

	if (n > w->left)
		n = (size_t)w->left;
	if (n == 0)
		return WS_MORE;
	if (w->op & CONTROL) {
		to = w->control + w->control_n;
		memcpy(to, in.p + *used, n);
		w->control_n += n;
	} else {
		size_t from = w->message.len;

		buf_add(&w->message, in.p + *used, n);
		if (w->message.failed)
			return broken(w, WS_INTERNAL, "out of memory");
		to = w->message.data + from;
	}
	if (w->role == WS_SERVER)
		unmask(to, n, w->mask, w->done);
	*used += n;
	w->done += n;
	w->left -= n;
	if (!(w->op & CONTROL) && w->message_op == WS_OP_TEXT &&
	    !text_ok(w, false))
		return broken(w, WS_NOT_UTF8, "text that is not UTF-8");
	return WS_MORE;
}

/* May a peer send this code?  RFC 6455, 7.4. */
static bool
code_ok(unsigned code)
{
	return (code >= 1000 && code <= 1003) ||
	    (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static enum ws_step
close_read(struct ws *w, struct str *part)
{
	struct str reason = { 0 };
	unsigned code;

	w->code = WS_NO_CODE;
	w->closed = true;
	if (w->control_n == 0) {
		*part = reason;
		return WS_CLOSE;
	}
	if (w->control_n == 1)
		return broken(w, WS_PROTOCOL_ERROR, "half a closing code");
	code = (unsigned)(uint8_t)w->control[0] << 8 | (uint8_t)w->control[1];
	if (!code_ok(code))
		return broken(w, WS_PROTOCOL_ERROR, "an unknown closing code");
	reason = str_n(w->control + 2, w->control_n - 2);
	for (size_t at = 0, n; at < reason.n; at += n) {
		n = utf8_len((const uint8_t *)reason.p + at, reason.n - at);
		if (n == 0)
			return broken(w, WS_NOT_UTF8,
			    "a closing reason that is not UTF-8");
	}
	w->code = (enum ws_code)code;
	*part = reason;
	return WS_CLOSE;
}

/* The frame's payload is whole. */
static enum ws_step
frame_end(struct ws *w, struct str *part)
{
	uint8_t op = w->message_op;

	w->in_payload = false;
	w->head_n = 0;
	*part = str_n(w->control, w->control_n);
	if (w->op == WS_OP_CLOSE)
		return close_read(w, part);
	if (w->op == WS_OP_PING)
		return WS_PING;
	if (w->op == WS_OP_PONG)
		return WS_PONG;
	if (!w->fin)
		return WS_MORE;
	if (op == WS_OP_TEXT && !text_ok(w, true))
		return broken(w, WS_NOT_UTF8,
		    "text that ends within a character");
	w->message_op = 0;
	w->given = true;
	*part = buf_str(&w->message);
	return op == WS_OP_TEXT ? WS_TEXT : WS_BINARY;
}

/* A message was handed out: nothing of it is kept. */
static void
message_drop(struct ws *w)
{
	buf_fini(&w->message);
	w->given = false;
	w->fragments = 0;
	w->valid = 0;
}

enum ws_step
ws_read(struct ws *w, struct str in, size_t *used, struct str *part,
    struct err_info *e)
{
	enum ws_step step = WS_MORE;

	*used = 0;
	*part = (struct str){ 0 };
	if (w->given)
		message_drop(w);
	if (w->broken)
		return say_broken(w, e);
	if (w->closed) {
		/* RFC 6455, 1.4: data behind a close frame is discarded. */
		*used = in.n;
		return WS_MORE;
	}
	while (step == WS_MORE) {
		if (!w->in_payload) {
			if (!head_read(w, in, used))
				return WS_MORE;
			step = frame_begin(w);
		}
		if (step == WS_MORE)
			step = payload_read(w, in, used);
		if (step == WS_MORE && w->left > 0)
			return WS_MORE;
		if (step == WS_MORE)
			step = frame_end(w, part);
	}
	return step == WS_ERROR ? say_broken(w, e) : step;
}

/* --- writing ------------------------------------------------------------------- */

static void
put_head(struct buf *out, enum ws_op op, uint64_t n, unsigned masked)
{
	char head[10] = { (char)(FIN | op) };
	size_t bytes = n < LENGTH_16 ? 0 : n <= 0xffff ? 2 : 8;

	head[1] = (char)((bytes == 0        ? (unsigned)n :
	                         bytes == 2 ? LENGTH_16 :
	                                      LENGTH_64) |
	    masked);
	for (size_t i = 0; i < bytes; i++)
		head[2 + i] = (char)(n >> 8 * (bytes - 1 - i));
	buf_add(out, head, 2 + bytes);
}

void
ws_put_head(struct buf *out, enum ws_op op, uint64_t n)
{
	put_head(out, op, n, 0);
}

void
ws_put(struct buf *out, enum ws_op op, struct str payload,
    const uint8_t mask[4])
{
	size_t from;

	put_head(out, op, payload.n, mask != NULL ? MASKED : 0);
	if (mask != NULL)
		buf_add(out, mask, MASK_BYTES);
	from = out->len;
	buf_addstr(out, payload);
	if (mask != NULL && !out->failed)
		unmask(out->data + from, payload.n, mask, 0);
}

void
ws_put_close(struct buf *out, enum ws_code code, struct str reason,
    const uint8_t mask[4])
{
	char payload[WS_CONTROL_MAX] = { (char)(code >> 8), (char)code };
	size_t n = 2;

	if (code == WS_NO_CODE) {
		ws_put(out, WS_OP_CLOSE, (struct str){ 0 }, mask);
		return;
	}
	for (size_t at = 0, len; at < reason.n; at += len) {
		len = utf8_len((const uint8_t *)reason.p + at, reason.n - at);
		if (len == 0 || n + len > sizeof payload)
			break;
		memcpy(payload + n, reason.p + at, len);
		n += len;
	}
	ws_put(out, WS_OP_CLOSE, str_n(payload, n), mask);
}

/* --- opening handshake ------------------------------------------------------------ */

void
ws_key(const uint8_t dice[16], char out[WS_KEY_CHARS + 1])
{
	(void)sodium_bin2base64(out, WS_KEY_CHARS + 1, dice, 16,
	    sodium_base64_VARIANT_ORIGINAL);
}

bool
ws_key_ok(struct str key)
{
	uint8_t dice[16];
	size_t n;

	return key.n == WS_KEY_CHARS &&
	    sodium_base642bin(dice, sizeof dice, key.p, key.n, NULL, &n, NULL,
	        sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    n == sizeof dice;
}

enum err
ws_accept(struct str key, char out[WS_ACCEPT_CHARS + 1], struct err_info *e)
{
	/* RFC 6455, 1.3: a name of the protocol, no secret. */
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const struct ossl *o = ossl_get(e);
	char text[WS_KEY_CHARS + sizeof guid];
	uint8_t h[20];
	size_t n = sizeof h;

	if (o == NULL)
		return e->code;
	if (key.n != WS_KEY_CHARS)
		return err_setf(e, ERR_BAD_REQUEST, "no Sec-WebSocket-Key");
	memcpy(text, key.p, WS_KEY_CHARS);
	memcpy(text + WS_KEY_CHARS, guid, sizeof guid - 1);
	if (o->EVP_Q_digest(NULL, "SHA1", NULL, text, sizeof text - 1, h, &n) !=
	        1 ||
	    n != sizeof h)
		return err_setf(e, ERR_UNSUPPORTED, "SHA-1: %s",
		    ossl_reason(o));
	(void)sodium_bin2base64(out, WS_ACCEPT_CHARS + 1, h, sizeof h,
	    sodium_base64_VARIANT_ORIGINAL);
	return ERR_OK;
}
