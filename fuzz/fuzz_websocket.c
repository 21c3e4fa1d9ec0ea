/* Both roles of the WebSocket reader: a stream means the same however it is cut,
 * and what was read can be written and reads back.  The first two bytes choose
 * role and cuts, the rest is fed. */
#include <stdint.h>
#include <stdlib.h>

#include "../tests/lib/websocket_say.h"

enum { CUTS = 256, MESSAGE_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
written_reads_back(struct str payload)
{
	static const uint8_t mask[4] = { 0xde, 0x00, 0xbe, 0xef };
	static const size_t whole = 0;
	struct buf out = { 0 }, said = { 0 }, want = { 0 };

	buf_adds(&want, "binary:");
	buf_addstr(&want, payload);
	buf_addc(&want, '\n');
	ws_put(&out, WS_OP_BINARY, payload, mask);
	websocket_say(WS_SERVER, payload.n, buf_str(&out), &whole, &said);
	if (!str_eq(buf_str(&said), buf_str(&want)))
		abort();
	buf_fini(&out);
	buf_fini(&said);
	buf_fini(&want);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut[CUTS + 1] = { 0 };
	struct buf whole = { 0 }, other = { 0 };
	enum ws_role role;
	struct str in;

	if (size < 2)
		return 0;
	role = data[0] & 1 ? WS_CLIENT : WS_SERVER;
	for (size_t i = 0; i < CUTS; i++)
		cut[i] = 1 + (data[1] * (i + 1) + data[0]) % (1 + data[1] / 8);
	in = str_n(data + 2, size - 2);
	websocket_say(role, MESSAGE_MAX, in, cut + CUTS, &whole);
	websocket_say(role, MESSAGE_MAX, in, cut, &other);
	if (!str_eq(buf_str(&whole), buf_str(&other)))
		abort();
	written_reads_back(in);
	buf_fini(&whole);
	buf_fini(&other);
	return 0;
}
