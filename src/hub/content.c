#include "content.h"

#include <stdio.h>

#include "hash.h"
#include "id.h"

enum { NODES_MAX = 4096, NAME_MAX_ = 128 };

/* ---- reading a request ------------------------------------------------ */

static enum err
bad(struct err_info *e, const char *name, const char *what)
{
	return err_setf(e, ERR_BAD_REQUEST, "%s: %s", name, what);
}

static enum err
read_member(const struct json *j, struct arena *a, const char *name, size_t max,
    struct str *ret, struct err_info *e)
{
	uint32_t node = json_get(j, 0, name);

	if (node == 0 || json_kind(j, node) != JSON_STRING)
		return bad(e, name, "a string is needed");
	if (!json_str(j, node, a, ret))
		return err_set(e, ERR_NOMEM);
	if (ret->n > max)
		return bad(e, name, "it is too long");
	return ERR_OK;
}

static enum err
read_place(struct content *c, const struct json *j, struct arena *a,
    struct err_info *e)
{
	const struct {
		const char *name;
		size_t max;
		struct str *to;
	} row[] = {
		{ "project_uuid", CONTENT_UUID_MAX, &c->project_uuid },
		{ "feature_slug", CONTENT_FEATURE_MAX, &c->feature_slug },
		{ "artifact_path", CONTENT_PATH_MAX, &c->artifact_path },
		{ "content_hash", sizeof c->sum - 1, &c->hash },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		enum err rc =
		    read_member(j, a, row[i].name, row[i].max, row[i].to, e);

		if (rc == ERR_OK && row[i].to->n == 0)
			rc = bad(e, row[i].name, "it is empty");
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

/* Any spelling of a project's id is that project. */
static enum err
normalize(struct content *c, struct arena *a, struct err_info *e)
{
	char text[EID_TEXT_MAX];
	struct eid id;

	if (!eid_parse(c->project_uuid, &id))
		return ERR_OK;
	c->project_uuid = arena_str(a, str_n(text, eid_format(&id, text)));
	return c->project_uuid.p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
read_body(struct content *c, const struct json *j, struct arena *a,
    struct err_info *e)
{
	uint8_t said[32], is[32];
	enum err rc = read_member(j, a, "content_body", SIZE_MAX, &c->body, e);

	if (rc != ERR_OK)
		return rc;
	if (c->body.n > CONTENT_BODY_MAX)
		return err_setf(e, ERR_TOO_LARGE,
		    "content_body: at most 512 KiB are taken");
	if (!hex_decode(c->hash, said, sizeof said) ||
	    c->hash.n != 2 * sizeof said)
		return bad(e, "content_hash",
		    "it is no SHA-256 in hexadecimal");
	hash_sha256(c->body, is);
	hex_encode(is, sizeof is, c->sum);
	return hash_eq(said, is, sizeof is) ?
	    ERR_OK :
	    bad(e, "content_hash", "it is not the SHA-256 of content_body");
}

enum err
content_decode(struct content *ret, struct json *j, struct arena *a,
    struct str text, struct err_info *e)
{
	enum err rc;

	*ret = (struct content){ 0 };
	j->count_max = NODES_MAX;
	rc = json_parse(j, text, JSON_DEPTH_MAX, e);
	if (rc == ERR_OK)
		rc = json_check(j, 0, JSON_DEPTH_MAX, e);
	if (rc == ERR_OK && json_kind(j, 0) != JSON_OBJECT)
		rc = err_setf(e, ERR_BAD_REQUEST, "the body is not an object");
	if (rc == ERR_OK)
		rc = read_place(ret, j, a, e);
	if (rc == ERR_OK)
		rc = normalize(ret, a, e);
	return rc == ERR_OK ? read_body(ret, j, a, e) : rc;
}

/* ---- names of notes --------------------------------------------------- */

#define PLACE_PREFIX "content/"
#define BODY_PREFIX "content.body/"
#define USED_PREFIX "content.used/"

static enum err
name_of_place(space_id space, const struct content *c, struct arena *a,
    struct str *ret, struct err_info *e)
{
	const struct str part[] = { c->project_uuid, c->feature_slug,
		c->artifact_path };
	char hex[2 * 32 + 1];
	struct buf b = { 0 };
	uint8_t h[32];
	enum err rc;

	buf_addu(&b, (uint64_t)space);
	for (size_t i = 0; i < sizeof part / sizeof part[0]; i++) {
		buf_addc(&b, ' ');
		buf_addu(&b, part[i].n);
		buf_addc(&b, ':');
		buf_addstr(&b, part[i]);
	}
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		hash_sha256(buf_str(&b), h);
	buf_fini(&b);
	if (rc != ERR_OK)
		return rc;
	hex_encode(h, sizeof h, hex);
	*ret = str_of(arena_fmt(a, PLACE_PREFIX "%s", hex));
	return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static enum err
name_of_body(uint64_t space, struct str sum, struct arena *a, struct str *ret,
    struct err_info *e)
{
	*ret = str_of(arena_fmt(a, BODY_PREFIX "%llu/%.*s",
	    (unsigned long long)space, STR_ARG(sum)));
	return ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

/* A note that may not be there: n 0. */
static enum err
note(struct store *s, struct str name, struct arena *a, struct str *ret,
    struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc = store_note_get(s, name, a, ret, &why);

	if (rc == ERR_NOT_FOUND) {
		*ret = STR("");
		return ERR_OK;
	}
	if (rc != ERR_OK)
		*e = why;
	return rc;
}

/* ---- writing ---------------------------------------------------------- */

/* So many bytes more are the team's. */
static enum err
take_room(struct store *s, space_id space, uint64_t more, struct arena *a,
    struct err_info *e)
{
	struct str name =
	    str_of(arena_fmt(a, USED_PREFIX "%llu", (unsigned long long)space));
	struct str text, now;
	uint64_t used = 0;
	enum err rc;

	if (name.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = note(s, name, a, &text, e);
	if (rc != ERR_OK)
		return rc;
	if (text.n > 0 && !str_u64(text, &used))
		return err_setf(e, ERR_CORRUPT, "note %.*s", STR_ARG(name));
	if (used + more > CONTENT_TEAM_MAX)
		return err_setf(e, ERR_QUOTA,
		    "the contents of a team may have 256 MiB");
	now = str_of(arena_fmt(a, "%llu", (unsigned long long)(used + more)));
	return now.p != NULL ? store_note_put(s, name, now, e) :
	                       err_set(e, ERR_NOMEM);
}

static enum err
put_place(struct store *s, struct str name, space_id space,
    const struct content *c, struct str user, int64_t now_ms,
    struct err_info *e)
{
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	enum err rc;

	json_obj(&w);
	json_key(&w, "space"), json_put_i(&w, space);
	json_key(&w, "project_uuid"), json_put_str(&w, c->project_uuid);
	json_key(&w, "feature_slug"), json_put_str(&w, c->feature_slug);
	json_key(&w, "artifact_path"), json_put_str(&w, c->artifact_path);
	json_key(&w, "sha256"), json_put_z(&w, c->sum);
	json_key(&w, "user"), json_put_str(&w, user);
	json_key(&w, "received_ms"), json_put_i(&w, now_ms);
	json_end(&w);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = store_note_put(s, name, buf_str(&b), e);
	buf_fini(&b);
	return rc;
}

/* What a place says: the space and the sum of its body. */
static enum err
read_row(struct str value, struct arena *a, uint64_t *space, struct str *sum,
    struct err_info *e)
{
	struct json j = { .count_max = NODES_MAX };
	enum err rc = json_parse(&j, value, JSON_DEPTH_MAX, e);
	uint32_t at = 0, sum_at = 0;

	if (rc == ERR_OK) {
		at = json_get(&j, 0, "space");
		sum_at = json_get(&j, 0, "sha256");
	}
	if (rc == ERR_OK &&
	    (at == 0 || !json_u53(&j, at, space) || sum_at == 0 ||
	        !json_str(&j, sum_at, a, sum)))
		rc = err_setf(e, ERR_CORRUPT, "a place of contents");
	json_fini(&j);
	return rc;
}

/* The body's note has one byte before it: an empty one is a body as well. */
static enum err
put_body(struct store *s, struct str name, struct str body, struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	buf_addc(&b, '=');
	buf_addstr(&b, body);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = store_note_put(s, name, buf_str(&b), e);
	buf_fini(&b);
	return rc;
}

static enum err
put(struct store *s, space_id space, const struct content *c, struct str user,
    int64_t now_ms, bool *added, struct arena *a, struct err_info *e)
{
	struct str place, body, was, sum, there;
	uint64_t of;
	enum err rc = name_of_place(space, c, a, &place, e);

	*added = true;
	if (rc == ERR_OK)
		rc = note(s, place, a, &was, e);
	if (rc == ERR_OK && was.n > 0) {
		rc = read_row(was, a, &of, &sum, e);
		if (rc == ERR_OK && str_is(sum, c->sum)) {
			*added = false;
			return ERR_OK;
		}
	}
	if (rc == ERR_OK)
		rc = name_of_body((uint64_t)space, str_of(c->sum), a, &body, e);
	if (rc == ERR_OK)
		rc = note(s, body, a, &there, e);
	if (rc == ERR_OK)
		rc = take_room(s, space,
		    (was.n > 0 ? 0 : CONTENT_PLACE) +
		        (there.n > 0 ? 0 : CONTENT_PLACE + c->body.n),
		    a, e);
	if (rc == ERR_OK && there.n == 0)
		rc = put_body(s, body, c->body, e);
	return rc == ERR_OK ? put_place(s, place, space, c, user, now_ms, e) :
	                      rc;
}

enum err
content_put(struct store *s, space_id space, const struct content *c,
    struct str user, int64_t now_ms, bool *added, struct err_info *e)
{
	struct arena a = { 0 };
	enum err rc = put(s, space, c, user, now_ms, added, &a, e);

	arena_fini(&a);
	return rc;
}

/* ---- reading all ------------------------------------------------------- */

/* Is there the body that this place names? */
static enum err
check_place(struct store *s, struct str value, bool *good, struct err_info *e)
{
	struct arena a = { 0 };
	struct str sum = { 0 }, name, body = { 0 };
	char hex[2 * 32 + 1];
	uint64_t space = 0;
	uint8_t h[32];
	enum err rc = read_row(value, &a, &space, &sum, e);

	*good = rc == ERR_OK;
	if (rc == ERR_OK)
		rc = name_of_body(space, sum, &a, &name, e);
	if (rc == ERR_OK)
		rc = note(s, name, &a, &body, e);
	if (rc == ERR_OK && body.n > 0) {
		hash_sha256(str_n(body.p + 1, body.n - 1), h);
		hex_encode(h, sizeof h, hex);
	}
	*good = *good && rc == ERR_OK && body.n > 0 && str_is(sum, hex);
	arena_fini(&a);
	return rc == ERR_BAD_JSON || rc == ERR_CORRUPT ? ERR_OK : rc;
}

/* Those whose names begin so. */
static enum err
check_places(struct store *s, struct str prefix, uint64_t *wrong,
    void (*finding)(void *ctx, const char *text), void *ctx, struct err_info *e)
{
	struct arena a = { 0 };
	struct str *name, *value;
	size_t n = 0;
	enum err rc = store_note_list(s, prefix, &a, &name, &value, &n, e);

	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		char text[2 * NAME_MAX_];
		bool good;

		rc = check_place(s, value[i], &good, e);
		if (rc != ERR_OK || good)
			continue;
		(*wrong)++;
		if (finding != NULL &&
		    snprintf(text, sizeof text,
		        "%.*s: its body is not there, or another one",
		        (int)(name[i].n < NAME_MAX_ ? name[i].n : NAME_MAX_),
		        name[i].p) > 0)
			finding(ctx, text);
	}
	arena_fini(&a);
	return rc;
}

enum err
content_verify(struct store *s, uint64_t *wrong,
    void (*finding)(void *ctx, const char *text), void *ctx, struct err_info *e)
{
	enum err rc = ERR_OK;

	/* By pieces: all of them may be many. */
	for (unsigned i = 0; i < 256 && rc == ERR_OK; i++) {
		char prefix[sizeof PLACE_PREFIX + 2];
		int n = snprintf(prefix, sizeof prefix, PLACE_PREFIX "%02x", i);

		rc = check_places(s, str_n(prefix, n > 0 ? (size_t)n : 0),
		    wrong, finding, ctx, e);
	}
	return rc;
}
