/* Both roles of the HTTP/1.1 parser, and that a message means the same however
 * it is cut.  The first two bytes choose role and cuts, the rest is fed. */
#include <stdint.h>
#include <stdlib.h>

#include "../tests/lib/http1_say.h"

enum { CUTS = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut[CUTS + 1] = { 0 };
	struct buf whole = { 0 }, other = { 0 };
	enum http1_role role;
	struct str in;

	if (size < 2)
		return 0;
	role = data[0] & 1 ? HTTP1_RESPONSE : HTTP1_REQUEST;
	for (size_t i = 0; i < CUTS; i++)
		cut[i] = 1 + (data[1] * (i + 1) + data[0]) % (1 + data[1] / 8);
	in = str_n(data + 2, size - 2);
	http1_say(role, 4096, in, cut + CUTS, &whole);
	http1_say(role, 4096, in, cut, &other);
	if (!str_eq(buf_str(&whole), buf_str(&other)))
		abort();
	buf_fini(&whole);
	buf_fini(&other);
	return 0;
}
