/* The codec, by tables: each row is fed whole, byte by byte and cut at random, and
 * must read the same; what is written reads back. */
#include <stdlib.h>

#include "fault.h"
#include "t.h"
#include "websocket.h"
#include "websocket_say.h"

enum { MESSAGE_MAX = 200, CUTS_MAX = 128 };

struct row {
	const char *name;
	struct str in;
	struct str out; /* what websocket_say makes of it */
};

#define ROW(name, in, out) \
	{ \
		name, { in, sizeof(in) - 1 }, \
		{ \
			out, sizeof(out) - 1 \
		} \
	}
#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X125 X100 X10 X10 "xxxxx"

/* As a client reads: frames that are not masked. */
static const struct row plain[] = {
	ROW("nothing", "", ""),
	ROW("text", "\x81\x05Hello", "text:Hello\n"),
	ROW("empty text", "\x81\x00", "text:\n"),
	ROW("binary", "\x82\x02\x00\xff", "binary:\x00\xff\n"),
	ROW("two",
	    "\x81\x01"
	    "a\x81\x01"
	    "b",
	    "text:a\ntext:b\n"),
	ROW("in three pieces", "\x01\x03Hel\x00\x01l\x80\x01o", "text:Hello\n"),
	ROW("empty pieces", "\x01\x00\x00\x00\x80\x00", "text:\n"),
	ROW("ping", "\x89\x05Hello", "ping:Hello\n"),
	ROW("pong", "\x8a\x00", "pong:\n"),
	ROW("a ping of the greatest length", "\x89\x7d" X125,
	    "ping:" X125 "\n"),
	ROW("a ping between pieces", "\x01\x03Hel\x89\x01p\x80\x02lo",
	    "ping:p\ntext:Hello\n"),
	ROW("length in two bytes", "\x81\x7e\x00\x7e" X125 "x",
	    "text:" X125 "x\n"),
	ROW("a message of the greatest size", "\x81\x7e\x00\xc8" X100 X100,
	    "text:" X100 X100 "\n"),
	ROW("umlaut", "\x81\x02\xc3\xa4", "text:\xc3\xa4\n"),
	ROW("a character between pieces", "\x01\x02\xf0\x9f\x80\x02\x90\xb1",
	    "text:\xf0\x9f\x90\xb1\n"),
	ROW("close", "\x88\x02\x03\xe8", "close 1000 \n"),
	ROW("close with a reason", "\x88\x07\x03\xe9ready",
	    "close 1001 ready\n"),
	ROW("an empty close", "\x88\x00", "close 1005 \n"),
	ROW("a close of an application", "\x88\x02\x0f\xa0", "close 4000 \n"),
	ROW("nothing counts behind a close", "\x88\x00\x81\x01x\xff\xff",
	    "close 1005 \n"),
	ROW("half a message", "\x01\x03Hel", "in a message\n"),

	ROW("reserved bit 1", "\xc1\x01x",
	    "1002 protocol_error: WebSocket: a reserved bit is set\n"),
	ROW("reserved bit 2", "\xa1\x01x",
	    "1002 protocol_error: WebSocket: a reserved bit is set\n"),
	ROW("reserved bit 3", "\x91\x01x",
	    "1002 protocol_error: WebSocket: a reserved bit is set\n"),
	ROW("opcode 3", "\x83\x01x",
	    "1002 protocol_error: WebSocket: an unknown opcode\n"),
	ROW("opcode 7", "\x87\x00",
	    "1002 protocol_error: WebSocket: an unknown opcode\n"),
	ROW("opcode 11", "\x8b\x00",
	    "1002 protocol_error: WebSocket: an unknown opcode\n"),
	ROW("opcode 15", "\x8f\x00",
	    "1002 protocol_error: WebSocket: an unknown opcode\n"),
	ROW("masked", "\x81\x81\x00\x00\x00\x00x",
	    "1002 protocol_error: WebSocket: a masked frame\n"),
	ROW("125 in two bytes", "\x81\x7e\x00\x7d" X125,
	    "1002 protocol_error: WebSocket: a length that is not in its "
	    "shortest form\n"),
	ROW("65535 in eight bytes", "\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff",
	    "1002 protocol_error: WebSocket: a length that is not in its "
	    "shortest form\n"),
	ROW("2^63", "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
	    "1002 protocol_error: WebSocket: a length that is not in its "
	    "shortest form\n"),
	ROW("2^63 - 1", "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
	    "1009 too_large: WebSocket: a message that is too big\n"),
	ROW("a byte too many", "\x81\x7e\x00\xc9",
	    "1009 too_large: WebSocket: a message that is too big\n"),
	ROW("a byte too many in pieces", "\x01\x64" X100 "\x80\x65" X100 "x",
	    "1009 too_large: WebSocket: a message that is too big\n"),
	ROW("a ping in pieces", "\x09\x01x",
	    "1002 protocol_error: WebSocket: a control frame in pieces\n"),
	ROW("a ping too long", "\x89\x7e\x00\x7e" X125 "x",
	    "1002 protocol_error: WebSocket: a control frame that is too "
	    "long\n"),
	ROW("a continuation of nothing", "\x80\x01x",
	    "1002 protocol_error: WebSocket: a continuation of nothing\n"),
	ROW("a continuation behind a whole message", "\x81\x01x\x80\x01x",
	    "text:x\n1002 protocol_error: WebSocket: a continuation of "
	    "nothing\n"),
	ROW("a message within another", "\x01\x01x\x81\x01x",
	    "1002 protocol_error: WebSocket: a new message within another\n"),
	ROW("half a code", "\x88\x01\x03",
	    "1002 protocol_error: WebSocket: half a closing code\n"),
	ROW("code 999", "\x88\x02\x03\xe7",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("code 1004", "\x88\x02\x03\xec",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("code 1005 is never sent", "\x88\x02\x03\xed",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("code 1006 is never sent", "\x88\x02\x03\xee",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("code 1015 is never sent", "\x88\x02\x03\xf7",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("code 2999", "\x88\x02\x0b\xb7",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("code 5000", "\x88\x02\x13\x88",
	    "1002 protocol_error: WebSocket: an unknown closing code\n"),
	ROW("a reason that is no text", "\x88\x04\x03\xe8\xc3\x28",
	    "1007 protocol_error: WebSocket: a closing reason that is not "
	    "UTF-8\n"),
	ROW("a reason that ends in a character", "\x88\x03\x03\xe8\xc3",
	    "1007 protocol_error: WebSocket: a closing reason that is not "
	    "UTF-8\n"),
	ROW("no text", "\x81\x02\xc3\x28",
	    "1007 protocol_error: WebSocket: text that is not UTF-8\n"),
	ROW("a surrogate", "\x81\x03\xed\xa0\x80",
	    "1007 protocol_error: WebSocket: text that is not UTF-8\n"),
	ROW("overlong", "\x81\x02\xc0\x80",
	    "1007 protocol_error: WebSocket: text that is not UTF-8\n"),
	ROW("said before the message is whole", "\x01\x02\xc3\x28",
	    "1007 protocol_error: WebSocket: text that is not UTF-8\n"),
	ROW("and in the middle of a character", "\x01\x02\xf4\x90",
	    "1007 protocol_error: WebSocket: text that is not UTF-8\n"),
	ROW("it ends in a character", "\x81\x01\xc3",
	    "1007 protocol_error: WebSocket: text that ends within a "
	    "character\n"),
	ROW("it ends in a character, in pieces", "\x01\x01\xe2\x80\x01\x82",
	    "1007 protocol_error: WebSocket: text that ends within a "
	    "character\n"),
	ROW("no text between pieces", "\x01\x01\xe2\x80\x01(",
	    "1007 protocol_error: WebSocket: text that is not UTF-8\n"),
	ROW("binary may be anything", "\x02\x01\xc3\x80\x01\x28",
	    "binary:\xc3(\n"),
};

/* As a server reads: masked ones.  The first is the example of RFC 6455, 5.7. */
static const struct row masked[] = {
	ROW("text", "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
	    "text:Hello\n"),
	ROW("ping", "\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
	    "ping:Hello\n"),
	ROW("each piece has its mask",
	    "\x01\x82\x01\x02\x03\x04\x60\x60\x80\x81\xff\x00\x00\x00\x9c",
	    "text:abc\n"),
	ROW("empty, masked", "\x81\x80\x01\x02\x03\x04", "text:\n"),
	ROW("not masked", "\x81\x05Hello",
	    "1002 protocol_error: WebSocket: a frame that is not masked\n"),
	ROW("a ping that is not masked", "\x89\x00",
	    "1002 protocol_error: WebSocket: a frame that is not masked\n"),
};

static void
say(enum ws_role role, const struct row *r, const size_t *cut, const char *how)
{
	struct buf out = { 0 };

	t_note("%s, %s", r->name, how);
	websocket_say(role, MESSAGE_MAX, r->in, cut, &out);
	CHECK_EQ(buf_str(&out), r->out);
	buf_fini(&out);
}

static void
rows(enum ws_role role, const struct row *r, size_t n)
{
	struct t_rng rng = { t_seed() };
	size_t cut[CUTS_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		memset(cut, 0, sizeof cut);
		say(role, &r[i], cut, "whole");
		for (size_t k = 0; k < 50; k++) {
			for (size_t c = 0; c < CUTS_MAX; c++)
				cut[c] = k == 0 ? 1 : 1 + t_below(&rng, 1 + k);
			say(role, &r[i], cut, "cut");
		}
	}
}

static void
a_client_reads_the_table(void)
{
	rows(WS_CLIENT, plain, sizeof plain / sizeof plain[0]);
}

static void
a_server_reads_masked_frames(void)
{
	rows(WS_SERVER, masked, sizeof masked / sizeof masked[0]);
}

static void
what_is_written_reads_back(void)
{
	static const size_t length[] = { 0, 1, 7, 8, 9, 125, 126, 127, 65535,
		65536, 70001 };
	static const uint8_t mask[4] = { 0x12, 0x00, 0xff, 0x80 };
	static const size_t whole = 0;

	for (size_t i = 0; i < sizeof length / sizeof length[0]; i++)
		for (int role = 0; role < 2; role++) {
			struct buf text = { 0 }, out = { 0 }, said = { 0 };

			t_note("%zu bytes, role %d", length[i], role);
			buf_adds(&text, "text:");
			for (size_t k = 0; k < length[i]; k++)
				buf_addc(&text, (char)('a' + k % 26));
			ws_put(&out, WS_OP_TEXT,
			    str_n(text.data + 5, length[i]),
			    role == WS_SERVER ? mask : NULL);
			CHECK(!out.failed);
			buf_addc(&text, '\n');
			websocket_say((enum ws_role)role, 1 << 20,
			    buf_str(&out), &whole, &said);
			CHECK(str_eq(buf_str(&said), buf_str(&text)));
			buf_fini(&text);
			buf_fini(&out);
			buf_fini(&said);
		}
}

static void
a_head_alone_fits_its_payload(void)
{
	static const size_t length[] = { 0, 125, 126, 65535, 65536 };

	for (size_t i = 0; i < sizeof length / sizeof length[0]; i++) {
		struct buf whole = { 0 }, parts = { 0 };

		for (size_t k = 0; k < length[i]; k++)
			buf_addc(&parts, 'x');
		ws_put(&whole, WS_OP_TEXT, buf_str(&parts), NULL);
		buf_reset(&parts);
		ws_put_head(&parts, WS_OP_TEXT, length[i]);
		for (size_t k = 0; k < length[i]; k++)
			buf_addc(&parts, 'x');
		CHECK(str_eq(buf_str(&whole), buf_str(&parts)));
		buf_fini(&whole);
		buf_fini(&parts);
	}
}

static void
a_closing_reason_is_cut_at_a_character(void)
{
	static const size_t whole = 0;
	struct buf out = { 0 }, said = { 0 };

	ws_put_close(&out, WS_POLICY, STR(X100 X10 X10 "xx\xc3\xa4"), NULL);
	CHECK_U(out.len, 2 + 2 + 122);
	websocket_say(WS_CLIENT, 10, buf_str(&out), &whole, &said);
	CHECK_STR(buf_str(&said), "close 1008 " X100 X10 X10 "xx\n");
	buf_reset(&out);
	buf_reset(&said);
	ws_put_close(&out, WS_NO_CODE, STR("never said"), NULL);
	websocket_say(WS_CLIENT, 10, buf_str(&out), &whole, &said);
	CHECK_STR(buf_str(&said), "close 1005 \n");
	buf_fini(&out);
	buf_fini(&said);
}

/* Empty pieces cost their sender six bytes each and us nothing, but not for ever. */
static void
a_message_has_so_many_pieces(void)
{
	static const size_t whole = 0;
	struct buf in = { 0 }, said = { 0 };

	buf_add(&in, "\x01\x01x", 3);
	for (size_t i = 1; i < WS_FRAGMENTS_MAX - 1; i++)
		buf_add(&in, "\x00\x00", 2);
	buf_add(&in, "\x80\x01x\x01\x00", 5);
	websocket_say(WS_CLIENT, 10, buf_str(&in), &whole, &said);
	CHECK_STR(buf_str(&said), "text:xx\n");
	buf_reset(&in);
	buf_reset(&said);
	buf_add(&in, "\x01\x01x", 3);
	for (size_t i = 0; i < WS_FRAGMENTS_MAX; i++)
		buf_add(&in, "\x00\x00", 2);
	websocket_say(WS_CLIENT, 10, buf_str(&in), &whole, &said);
	CHECK_STR(buf_str(&said),
	    "1009 too_large: WebSocket: a message of too many fragments\n");
	buf_fini(&in);
	buf_fini(&said);
}

static void
nothing_is_held_between_messages(void)
{
	struct err_info e = { 0 };
	struct str in = STR("\x81\x05Hello"), part;
	size_t used;
	struct ws w;

	ws_init(&w, WS_CLIENT, 10);
	CHECK_I(ws_read(&w, in, &used, &part, &e), WS_TEXT);
	CHECK_STR(part, "Hello");
	CHECK(ws_held(&w) > 0);
	CHECK_I(ws_read(&w, STR(""), &used, &part, &e), WS_MORE);
	CHECK_U(ws_held(&w), 0);
	CHECK(sizeof w <= 320); /* one for each connection */
	ws_fini(&w);
}

static void
an_error_is_said_again(void)
{
	struct err_info e = { 0 };
	struct str part;
	size_t used;
	struct ws w;

	ws_init(&w, WS_CLIENT, 10);
	CHECK_I(ws_read(&w, STR("\x83\x00\x81\x00"), &used, &part, &e),
	    WS_ERROR);
	e = (struct err_info){ 0 };
	CHECK_I(ws_read(&w, STR("\x81\x00"), &used, &part, &e), WS_ERROR);
	CHECK_U(used, 0);
	CHECK_I(e.code, ERR_PROTOCOL);
	CHECK_I(w.code, WS_PROTOCOL_ERROR);
	ws_fini(&w);
}

/* The example of RFC 6455, 1.3. */
static void
the_handshake_is_that_of_the_book(void)
{
	static const uint8_t dice[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		13, 14, 15, 16 };
	char accept[WS_ACCEPT_CHARS + 1], key[WS_KEY_CHARS + 1];
	struct err_info e = { 0 };

	CHECK_OK(ws_accept(STR("dGhlIHNhbXBsZSBub25jZQ=="), accept, &e), &e);
	CHECK_STR(str_of(accept), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	ws_key(dice, key);
	CHECK_STR(str_of(key), "AQIDBAUGBwgJCgsMDQ4PEA==");
	CHECK(ws_key_ok(str_of(key)));
	CHECK(ws_key_ok(STR("dGhlIHNhbXBsZSBub25jZQ==")));
	CHECK(!ws_key_ok(STR("")));
	CHECK(!ws_key_ok(STR("dGhlIHNhbXBsZSBub25jZQ=")));
	CHECK(!ws_key_ok(STR("dGhlIHNhbXBsZSBub25jZQ==x")));
	CHECK(!ws_key_ok(STR("dGhlIHNhbXBsZSBub25jZ!==")));
	CHECK(!ws_key_ok(STR("dGhlIHNhbXBsZSBub25jZTEy"))); /* 18 bytes */
	CHECK_ERR(ws_accept(STR("x"), accept, &e), ERR_BAD_REQUEST);
}

static void
every_fault_point_is_survived(void)
{
	int n = 0;

	do {
		static const size_t whole = 0;
		struct buf said = { 0 };

		fault_arm(n++);
		websocket_say(WS_CLIENT, MESSAGE_MAX,
		    STR("\x01\x64" X100 "\x80\x64" X100), &whole, &said);
		CHECK(fault_hit() ||
		    str_eq(buf_str(&said), STR("text:" X100 X100 "\n")));
		buf_fini(&said);
	} while (fault_hit() && !t_failing());
	CHECK(n > 2);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(a_client_reads_the_table);
	T_RUN(a_server_reads_masked_frames);
	T_RUN(what_is_written_reads_back);
	T_RUN(a_head_alone_fits_its_payload);
	T_RUN(a_closing_reason_is_cut_at_a_character);
	T_RUN(a_message_has_so_many_pieces);
	T_RUN(nothing_is_held_between_messages);
	T_RUN(an_error_is_said_again);
	T_RUN(the_handshake_is_that_of_the_book);
	T_RUN(every_fault_point_is_survived);
	return t_done();
}
