/* Contents of artifacts that other programs hand in: docs/protocol.md,
 * push-content.
 *
 * In the replica as notes, so that they are written, backed up and restored with
 * the log: what stands at a place of a project ("content/HASH-OF-PLACE"), and each
 * body once for a team ("content.body/SPACE/SHA-256").  What a place had before is
 * kept: events may name it. */
#ifndef CLOWDER_CONTENT_H
#define CLOWDER_CONTENT_H

#include "batch.h"
#include "store.h"

enum {
	CONTENT_BODY_MAX = 512 * 1024, /* bytes */
	CONTENT_UUID_MAX = 64,
	CONTENT_FEATURE_MAX = 256,
	CONTENT_PATH_MAX = 1024,
	/* Bytes that a place counts for besides the body, at least what it takes. */
	CONTENT_PLACE = 4096
};
#define CONTENT_TEAM_MAX ((uint64_t)256 << 20) /* bytes of a team */

struct content {
	struct str project_uuid, feature_slug, artifact_path;
	struct str hash;      /* as it came */
	char sum[2 * 32 + 1]; /* of the body: SHA-256, lower case */
	struct str body;
};

/* Read a request; views of it and of a.  j is parsed into.  ERR_BAD_JSON,
 * ERR_BAD_REQUEST (names the member; also a hash that is not the body's),
 * ERR_TOO_LARGE, ERR_NOMEM. */
enum err content_decode(struct content *ret, struct json *j, struct arena *a,
    struct str text, struct err_info *e);
/* [tx] Put it at its place; *added false where it stood there already.
 * ERR_QUOTA. */
enum err content_put(struct store *s, space_id space, const struct content *c,
    struct str user, int64_t now_ms, bool *added, struct err_info *e);
/* Read all: each place has a body, which is the one that it names. */
enum err content_verify(struct store *s, uint64_t *wrong,
    void (*finding)(void *ctx, const char *text), void *ctx,
    struct err_info *e);

#endif
