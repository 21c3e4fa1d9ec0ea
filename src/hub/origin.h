/* Origins of web pages (RFC 6454): scheme, host and port.  Pure. */
#ifndef CLOWDER_ORIGIN_H
#define CLOWDER_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

struct origin {
	bool tls;
	struct str host; /* a view; "[::1]" with its brackets */
	uint16_t port;   /* the scheme's where none is said */
};

/* "https://board.example.org", "http://[::1]:8080" and nothing behind it. */
bool origin_parse(struct str s, struct origin *ret);
/* What stands behind the scheme: of a Host field. */
bool origin_parse_host(struct str s, bool tls, struct origin *ret);
bool origin_eq(const struct origin *a, const struct origin *b);

#endif
