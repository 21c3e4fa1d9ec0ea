/* Event ids and UUIDs.
 *
 * An event id is a UUID (with hyphens, or 32 bare hex digits) or a ULID, in
 * any case; docs/protocol.md, Events.  It is compared in its normal form: UUID
 * lower case with hyphens, ULID upper case. */
#ifndef CLOWDER_ID_H
#define CLOWDER_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "str.h"

enum eid_form { EID_NONE, EID_UUID, EID_ULID };
enum { EID_TEXT_MAX = 37, EID_KEY_BYTES = 17 };

struct eid {
	uint8_t b[16];
	uint8_t form; /* enum eid_form; EID_NONE in a zeroed one */
};

/* A UUID as we write it: lower case, with hyphens. */
bool uuid_is_normal(struct str s);
/* Parse either form; false where s is neither. */
bool eid_parse(struct str s, struct eid *ret);
/* Normal form with a NUL; returns its length (36 or 26). */
size_t eid_format(const struct eid *id, char out[EID_TEXT_MAX]);
void eid_add(struct buf *out, const struct eid *id); /* normal form */
/* The order of the normal forms as strings of bytes. */
int eid_cmp(const struct eid *a, const struct eid *b);
bool eid_eq(const struct eid *a, const struct eid *b);
/* The 17 bytes of an id as a key for maps; borrows id. */
struct str eid_key(const struct eid *id);
/* UUID version 7 (RFC 9562) from ms since 1970 and random bytes. */
enum { EID_DICE_BYTES = 10 };
void eid_new(struct eid *ret, uint64_t unix_ms,
    const uint8_t random[EID_DICE_BYTES]);

/* UUID version 5 (RFC 9562) of name in a namespace. */
void uuid5(const uint8_t ns[16], struct str name, uint8_t ret[16]);
/* Lower case with hyphens and a NUL. */
void uuid_format(const uint8_t uuid[16], char out[EID_TEXT_MAX]);
/* The namespace of projects that have no uuid of their own: version 5 of the
 * URL namespace and "clowder:project"; docs/formats.md, Identity. */
void uuid_project_namespace(uint8_t ret[16]);

/* The order of an entity's events (docs/merge.md, The fold): total, and it
 * respects causality. */
struct stamp {
	uint64_t clock;  /* Lamport clock */
	struct str node; /* borrow */
	struct eid id;
};
int stamp_cmp(const struct stamp *a, const struct stamp *b);

#endif
