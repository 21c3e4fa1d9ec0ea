/* The event: the only thing that replicas exchange.
 *
 * docs/protocol.md, Events.  A decoded event is a view: its strings point into
 * the JSON text it was decoded from or into the arena, and its raw bytes are
 * kept and sent on as they came, with all members that we do not know. */
#ifndef CLOWDER_EVENT_H
#define CLOWDER_EVENT_H

#include "arena.h"
#include "catalogue.h"
#include "id.h"
#include "json.h"

enum {
	EVENT_BYTES_MAX = 512 * 1024,
	EVENT_DEPTH_MAX = 32,
	EVENT_NAMES_MAX =
	    64 * 1024, /* ids in replaces; the byte limit is tighter */
};
#define CLOCK_MAX ((UINT64_C(1) << 53) - 1)

/* Which entity an event is about, within its space. */
struct entity_key {
	struct str project; /* uuid in normal form, or "unplaced" */
	struct str
	    type; /* aggregate_name(), or the aggregate_type as written */
	struct str key;
};

struct event {
	struct str raw;               /* borrow: the object, byte for byte */
	const struct json *json;      /* borrow: the tape that holds it */
	uint32_t root, payload;       /* nodes */
	uint32_t member[MEMBERS_MAX]; /* of payload_check, where it folds */

	struct eid id;
	struct str id_text; /* as it was written */
	struct str type;
	const struct event_type *kind; /* NULL: a type we do not know */
	enum aggregate aggregate;
	struct str aggregate_id, aggregate_type;
	struct str node;
	uint64_t clock;
	struct str timestamp;
	bool has_node_seq;
	uint64_t node_seq;
	bool has_replaces; /* false: the program knows nothing of it */
	struct eid *replaces;
	size_t n_replaces;
	/* Optional; n 0 where absent or null. */
	struct str author, session_id, causation_id, team_slug;
	struct str project_uuid, project_slug, git_branch;

	/* False: of a type that we do not know, a greater schema version, a
	 * draft or encrypted: kept and shown, not folded. */
	bool folds;
	struct entity_key entity;
};

/* Decode and check the envelope at a node of a tape; the payload is checked by
 * event_check.  ERR_SCHEMA names the member; ERR_TOO_LARGE; ERR_NOMEM.  On
 * failure ev->id_text is the event_id where that much could be read. */
enum err event_decode(struct event *ev, const struct json *j, uint32_t node,
    struct arena *a, struct err_info *e);
/* Parse text, then event_decode; the tape is in *j (caller's, json_fini). */
enum err event_parse(struct event *ev, struct json *j, struct str text,
    struct arena *a, struct err_info *e);
/* The same for one that was decoded once, when it came, and kept byte for byte,
 * and that is folded again: what cannot have changed is not looked at again
 * (duplicate keys, depth, size, the time's form), and what entity_apply does not
 * ask for is left out: its entity, and the texts but id, type, node and time. */
enum err event_replay(struct event *ev, struct json *j, struct str text,
    struct arena *a, struct err_info *e);
/* The payload of a type that we know fits the catalogue.  ERR_SCHEMA. */
enum err event_check(const struct event *ev, struct err_info *e);

struct stamp event_stamp(const struct event *ev);
/* BLAKE2b-256 of the canonical form: "same content". */
enum err event_content_hash(const struct event *ev, uint8_t out[32],
    struct err_info *e);

/* What an event writes to one cell of its entity: a field, or one element of a
 * set. */
enum write_op {
	WRITE_VALUE,
	WRITE_DEFAULT, /* only where the field has no head at its place */
	WRITE_IN,      /* set: the element is in */
	WRITE_OUT,     /* set: the element is out */
	WRITE_REST_OUT /* set: every other shown element is out */
};

struct write {
	struct str field;   /* lives as long as the event */
	struct str element; /* set: canonical JSON of the element */
	enum kind kind;
	enum write_op op;
	struct str value; /* canonical JSON */
	struct str
	    old; /* value that it says it replaces (from_lane), canonical; n 0 = none */
};

struct writes {
	struct write *w; /* in the arena */
	size_t n;
	struct str
	    reporter; /* who says so, for per_session fields and observations */
	bool observation;
	bool deletes;
};

/* Everything that the event writes, `present` included; n 0 where it does not
 * fold or its type writes nothing.  ERR_NOMEM only. */
enum err event_writes(const struct event *ev, struct arena *a,
    struct writes *ret, struct err_info *e);

/* An event to be made.  Members with n 0 are left out. */
struct event_new {
	struct eid id;
	struct str type, aggregate_id, aggregate_type, node, timestamp;
	uint64_t clock, node_seq;
	const struct eid *replaces; /* always written, [] where n is 0 */
	size_t n_replaces;
	struct str payload; /* a JSON object */
	struct str author, session_id, causation_id, team_slug;
	struct str project_uuid, project_slug, git_branch;
	struct str head_commit_sha, repo_slug;
};
void event_encode(const struct event_new *en, struct buf *out);
/* The event that event_decode and event_check make of what event_encode writes,
 * without reading it: `payload` is the tape of en->payload alone, and ev->root is
 * no node.  Strings point into *en, the tape and the arena.  raw and replaces come
 * with event_finish, which appends the text to *raw: until then en->replaces may
 * change.  Errors are theirs. */
enum err event_make(struct event *ev, const struct event_new *en,
    const struct json *payload, struct arena *a, struct err_info *e);
enum err event_finish(struct event *ev, const struct event_new *en,
    struct arena *a, struct buf *raw, struct err_info *e);
/* The same event with another clock, node, node_seq and replaces; every other
 * member stays, byte for byte.  For events that no hub has acknowledged. */
void event_restamp(const struct event *ev, uint64_t clock, struct str node,
    uint64_t node_seq, const struct eid *replaces, size_t n_replaces,
    struct buf *out);

/* The key of a todo: 32 hex digits of BLAKE2b-128 of canonical
 * [project uuid, normalised content, occurrence] (docs/formats.md, Keys). */
enum err todo_key(struct str project, struct str content, uint64_t occurrence,
    char out[33], struct err_info *e);

#endif
