/* Envelope: decode, encode, stamp anew.  docs/protocol.md, Events. */
#include "event.h"

#include <stddef.h>

#include "hash.h"
#include "text.h"
#include "utf8.h"
#include "when.h"

#define N(a) (sizeof(a) / sizeof(a)[0])

enum want {
	WANT_TEXT,
	WANT_CLOCK,
	WANT_SEQ,
	WANT_PAYLOAD,
	WANT_REPLACES,
	WANT_VERSION,
	WANT_SETS_ASIDE
};

/* Members of the envelope, in the order in which event_encode writes them: a
 * decoder that looks behind the last one found mostly finds the next at once.
 * min 0: optional, null is as good as absent. */
static const struct envelope_row {
	const char *name;
	size_t n; /* bytes of name: most rows are told apart by it alone */
	enum want want;
	size_t min, max; /* bytes of a text */
	size_t at;       /* of a struct str in struct event */
	bool folded;     /* the fold of an entity asks for it */
} envelope[] = {
/* clang-format off */
#define ROW(name, want, min, max, at) { name, sizeof(name) - 1, want, min, max, at, want != WANT_SEQ }
#define TEXT(name, min, max, member) { name, sizeof(name) - 1, WANT_TEXT, min, max, offsetof(struct event, member), false }
#define FOLDED(name, min, max, member) { name, sizeof(name) - 1, WANT_TEXT, min, max, offsetof(struct event, member), true }
	FOLDED("event_id", 1, 64, id_text),
	FOLDED("event_type", 1, 64, type),
	TEXT("aggregate_id", 1, 256, aggregate_id),
	FOLDED("aggregate_type", 1, 64, aggregate_type),
	ROW("lamport_clock", WANT_CLOCK, 1, 0, 0),
	FOLDED("node_id", 1, 64, node),
	ROW("node_seq", WANT_SEQ, 0, 0, 0),
	FOLDED("timestamp", 1, 64, timestamp),
	ROW("schema_version", WANT_VERSION, 0, 0, 0),
	ROW("replaces", WANT_REPLACES, 0, 0, 0),
	TEXT("author", 0, 1024, author),
	TEXT("session_id", 0, 1024, session_id),
	TEXT("causation_id", 0, 1024, causation_id),
	TEXT("team_slug", 0, 1024, team_slug),
	TEXT("project_uuid", 0, 1024, project_uuid),
	TEXT("project_slug", 0, 1024, project_slug),
	TEXT("git_branch", 0, 4096, git_branch),
	ROW("payload", WANT_PAYLOAD, 1, 0, 0),
	ROW("draft", WANT_SETS_ASIDE, 0, 0, 0),
	ROW("key_id", WANT_SETS_ASIDE, 0, 0, 0),
#undef FOLDED
#undef TEXT
#undef ROW
	/* clang-format on */
};

static enum err
bad(struct err_info *e, const char *name, const char *what)
{
	return err_setf(e, ERR_SCHEMA, "invalid %s: %s", name, what);
}

static struct str *
text_of(struct event *ev, const struct envelope_row *row)
{
	return (struct str *)(void *)((char *)ev + row->at);
}

static enum err
check_length(const struct envelope_row *row, struct str s, struct err_info *e)
{
	if (s.n < row->min || s.n > row->max)
		return err_setf(e, ERR_SCHEMA,
		    "invalid %s: must have %zu to %zu "
		    "bytes",
		    row->name, row->min, row->max);
	return ERR_OK;
}

static enum err
take_text(struct event *ev, const struct envelope_row *row, uint32_t node,
    struct arena *a, struct err_info *e)
{
	struct str *s = text_of(ev, row);

	if (json_kind(ev->json, node) == JSON_NULL && row->min == 0)
		return ERR_OK;
	if (json_kind(ev->json, node) != JSON_STRING)
		return bad(e, row->name, "must be a string");
	if (!json_str(ev->json, node, a, s))
		return err_set(e, ERR_NOMEM);
	return check_length(row, *s, e);
}

static enum err
take_replaces(struct event *ev, uint32_t node, struct arena *a,
    struct err_info *e)
{
	const struct json *j = ev->json;
	uint32_t n = j->node[node].n, child = node + 1;

	if (json_kind(j, node) == JSON_NULL)
		return ERR_OK;
	if (json_kind(j, node) != JSON_ARRAY)
		return bad(e, "replaces", "must be a list of event ids");
	ev->replaces = arena_array(a, n, sizeof *ev->replaces);
	if (ev->replaces == NULL)
		return err_set(e, ERR_NOMEM);
	for (uint32_t i = 0; i < n; i++) {
		struct str s;

		if (json_kind(j, child) != JSON_STRING)
			return bad(e, "replaces",
			    "must be a list of event ids");
		if (!json_str(j, child, a, &s))
			return err_set(e, ERR_NOMEM);
		if (!eid_parse(s, &ev->replaces[i]))
			return bad(e, "replaces",
			    "an id is neither a UUID nor a ULID");
		child = json_next(j, child);
	}
	ev->has_replaces = true;
	ev->n_replaces = n;
	return ERR_OK;
}

static enum err
take(struct event *ev, const struct envelope_row *row, uint32_t node,
    struct arena *a, struct err_info *e)
{
	const struct json *j = ev->json;
	int64_t version;

	switch (row->want) {
	case WANT_TEXT:
		return take_text(ev, row, node, a, e);
	case WANT_CLOCK:
		if (!json_u53(j, node, &ev->clock))
			return bad(e, row->name,
			    "must be an integer, 0 to 2^53-1");
		break;
	case WANT_SEQ:
		if (json_kind(j, node) == JSON_NULL)
			break;
		if (!json_u53(j, node, &ev->node_seq))
			return bad(e, row->name,
			    "must be an integer, 0 to 2^53-1");
		ev->has_node_seq = true;
		break;
	case WANT_PAYLOAD:
		if (json_kind(j, node) != JSON_OBJECT)
			return bad(e, row->name, "must be an object");
		ev->payload = node;
		break;
	case WANT_REPLACES:
		return take_replaces(ev, node, a, e);
	case WANT_VERSION:
		/* Anything but an integer is kept and says nothing. */
		if (json_i53(j, node, &version) && version > SCHEMA_VERSION)
			ev->folds = false;
		break;
	case WANT_SETS_ASIDE:
		if (json_kind(j, node) != JSON_NULL)
			ev->folds = false;
		break;
	}
	return ERR_OK;
}

/* The row of a member, looked for from *at on, which then is the one behind it;
 * NULL for what we do not know. */
static const struct envelope_row *
envelope_find(struct str name, size_t *at)
{
	for (size_t i = 0; i < N(envelope); i++) {
		const struct envelope_row *row = &envelope[*at];

		*at = *at + 1 < N(envelope) ? *at + 1 : 0;
		if (str_eq(name, str_n(row->name, row->n)))
			return row;
	}
	return NULL;
}

/* One pass over the members; *seen gets a bit for each row that was there.
 * known: only for what the fold asks for. */
static enum err
take_all(struct event *ev, bool known, uint32_t *seen, struct arena *a,
    struct err_info *e)
{
	const struct json *j = ev->json;
	uint32_t key = ev->root + 1;
	enum err rc, first = ERR_OK;
	struct err_info ignored;
	size_t at = 0;

	for (uint32_t i = 0; i < j->node[ev->root].n; i++) {
		uint32_t value = json_next(j, key);
		const struct envelope_row *row;
		struct str name;

		if (!json_str(j, key, a, &name))
			return err_set(e, ERR_NOMEM);
		row = envelope_find(name, &at);
		key = json_next(j, value);
		if (row == NULL || (known && !row->folded))
			continue;
		*seen |= 1u << (row - envelope);
		/* The id is wanted for the answer even where another member is
		 * wrong: go on, keep the first reason. */
		rc = take(ev, row, value, a, first == ERR_OK ? e : &ignored);
		if (first == ERR_OK)
			first = rc;
	}
	return first;
}

/* --- which entity -------------------------------------------------------- */

static struct str
payload_text(const struct event *ev, const char *name, const char *alias,
    struct arena *a)
{
	uint32_t node = json_get(ev->json, ev->payload, name);
	struct str s = { NULL, 0 };

	if (node == 0 && alias != NULL)
		node = json_get(ev->json, ev->payload, alias);
	if (node == 0 || !json_str(ev->json, node, a, &s))
		return (struct str){ NULL, 0 };
	return s;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "feature/001-login-WP02" -> "001-login"; n 0 where the branch says none. */
static struct str
feature_of_branch(struct str branch)
{
	struct str s = branch, rest = branch, part;
	size_t digits = 0, wp;

	while (str_split(&rest, '/', &part))
		s = part;
	while (digits < s.n && is_digit(s.p[digits]))
		digits++;
	if (digits < 3 || digits + 1 >= s.n || s.p[digits] != '-')
		return (struct str){ NULL, 0 };
	for (wp = s.n; wp > 0 && is_digit(s.p[wp - 1]); wp--)
		;
	if (wp < s.n && wp >= 3 && memcmp(s.p + wp - 3, "-WP", 3) == 0)
		s.n = wp - 3;
	return s.n > digits + 1 ? s : (struct str){ NULL, 0 };
}

/* docs/formats.md, Keys: decided from the event alone. */
static struct str
feature_of(const struct event *ev, struct arena *a)
{
	struct str s = payload_text(ev, "feature_slug", "mission_slug", a);
	size_t slash;

	if (s.n > 0)
		return s;
	slash = str_find(ev->aggregate_id, '/');
	if (slash != SIZE_MAX && slash > 0)
		return str_n(ev->aggregate_id.p, slash);
	s = feature_of_branch(ev->git_branch);
	return s.n > 0 ? s : STR("unplaced");
}

static struct str
wp_key(const struct event *ev, struct arena *a)
{
	struct str feature = feature_of(ev, a);
	struct str wp = payload_text(ev, "wp_id", NULL, a);
	size_t slash;
	char *key;

	if (wp.n == 0) {
		slash = str_find(ev->aggregate_id, '/');
		wp = ev->aggregate_id;
		if (slash != SIZE_MAX)
			wp = str_n(wp.p + slash + 1, wp.n - slash - 1);
	}
	key = arena_alloc(a, feature.n + 1 + wp.n);
	if (key == NULL)
		return (struct str){ NULL, 0 };
	memcpy(key, feature.p, feature.n);
	key[feature.n] = '/';
	if (wp.n > 0)
		memcpy(key + feature.n + 1, wp.p, wp.n);
	return str_n(key, feature.n + 1 + wp.n);
}

static struct str
uuid_normal(struct str s, struct arena *a)
{
	char text[EID_TEXT_MAX];
	struct str normal;
	struct eid id;

	/* Nearly always written as we write it. */
	if (uuid_is_normal(s) || !eid_parse(s, &id) || id.form != EID_UUID)
		return s;
	normal = str_n(text, eid_format(&id, text));
	return str_eq(s, normal) ? s : arena_str(a, normal);
}

static enum err
place(struct event *ev, struct arena *a, struct err_info *e)
{
	struct entity_key *k = &ev->entity;

	k->project = ev->project_uuid.n ? uuid_normal(ev->project_uuid, a) :
	                                  STR("unplaced");
	k->type = ev->aggregate == AGG_OTHER ?
	    ev->aggregate_type :
	    str_of(aggregate_name(ev->aggregate));
	switch (ev->aggregate) {
	case AGG_PROJECT:
		k->key = uuid_normal(ev->aggregate_id, a);
		break;
	case AGG_FEATURE:
		k->key = payload_text(ev, "feature_slug", "mission_slug", a);
		if (k->key.n == 0)
			k->key = ev->aggregate_id;
		break;
	case AGG_WORK_PACKAGE:
		k->key = wp_key(ev, a);
		break;
	case AGG_TODO:
	case AGG_WORK_ITEM:
	case AGG_SESSION:
	case AGG_OTHER:
	case AGG_COUNT:
		k->key = ev->aggregate_id;
		break;
	}
	if (k->project.p == NULL || k->key.p == NULL)
		return err_set(e, ERR_NOMEM);
	return ERR_OK;
}

/* --- decode -------------------------------------------------------------- */

static enum err
check_size(const struct event *ev, struct err_info *e)
{
	if (ev->raw.n > EVENT_BYTES_MAX)
		return err_setf(e, ERR_TOO_LARGE,
		    "the event has %zu bytes, %d are allowed", ev->raw.n,
		    EVENT_BYTES_MAX);
	return ERR_OK;
}

static enum err
check_json(const struct json *j, uint32_t node, unsigned depth,
    struct err_info *e)
{
	if (json_check(j, node, depth, e) == ERR_OK)
		return ERR_OK;
	if (e->code == ERR_BAD_JSON)
		e->code = ERR_SCHEMA;
	return err_wrap(e, "invalid event");
}

/* What only a stranger's event can have wrong once it is parsed. */
static enum err
check_form(const struct event *ev, struct err_info *e)
{
	int64_t when;
	enum err rc = check_size(ev, e);

	if (rc == ERR_OK)
		rc = check_json(ev->json, ev->root, EVENT_DEPTH_MAX, e);
	if (rc != ERR_OK)
		return rc;
	if (ev->timestamp.n > 0 && !when_parse(ev->timestamp, &when))
		return bad(e, "timestamp", "must be RFC 3339 with an offset");
	return ERR_OK;
}

/* What the envelope says of the event, once its members are there. */
static enum err
classify(struct event *ev, bool known, struct arena *a, struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc = ERR_OK;

	ev->kind = type_find(ev->type);
	ev->aggregate = aggregate_find(ev->aggregate_type);
	if (!known)
		rc = place(ev, a, e);
	if (rc != ERR_OK)
		return rc;
	/* A payload that does not fit is kept and shown, never folded; whoever
	 * may refuse it asks event_check. */
	if (ev->kind == NULL ||
	    payload_check(ev->kind, ev->aggregate, ev->json, ev->payload,
	        ev->member, &why) != ERR_OK)
		ev->folds = false;
	return why.code == ERR_NOMEM ? err_set(e, ERR_NOMEM) : ERR_OK;
}

/* known: it was decoded when it came. */
static enum err
decode(struct event *ev, const struct json *j, uint32_t node, bool known,
    struct arena *a, struct err_info *e)
{
	uint32_t seen = 0;
	enum err rc;

	*ev = (struct event){
		.json = j, .root = node, .folds = true, .raw = json_raw(j, node)
	};
	if (json_kind(j, node) != JSON_OBJECT)
		return err_setf(e, ERR_SCHEMA,
		    "invalid event: must be an object");
	rc = take_all(ev, known, &seen, a, e);
	if (rc == ERR_OK && !known)
		rc = check_form(ev, e);
	if (rc != ERR_OK)
		return rc;
	for (size_t r = 0; r < N(envelope); r++)
		if (envelope[r].min > 0 && !(seen & 1u << r) &&
		    (envelope[r].folded || !known))
			return err_setf(e, ERR_SCHEMA, "missing field: %s",
			    envelope[r].name);
	if (!eid_parse(ev->id_text, &ev->id))
		return bad(e, "event_id", "neither a UUID nor a ULID");
	return classify(ev, known, a, e);
}

enum err
event_decode(struct event *ev, const struct json *j, uint32_t node,
    struct arena *a, struct err_info *e)
{
	return decode(ev, j, node, false, a, e);
}

enum err
event_replay(struct event *ev, struct json *j, struct str text, struct arena *a,
    struct err_info *e)
{
	enum err rc = json_parse(j, text, JSON_DEPTH_MAX, e);

	return rc == ERR_OK ? decode(ev, j, 0, true, a, e) : rc;
}

enum err
event_parse(struct event *ev, struct json *j, struct str text, struct arena *a,
    struct err_info *e)
{
	enum err rc = json_parse(j, text, JSON_DEPTH_MAX, e);

	return rc == ERR_OK ? event_decode(ev, j, 0, a, e) : rc;
}

enum err
event_check(const struct event *ev, struct err_info *e)
{
	uint32_t member[MEMBERS_MAX];

	if (ev->kind == NULL || ev->folds)
		return ERR_OK;
	return payload_check(ev->kind, ev->aggregate, ev->json, ev->payload,
	    member, e);
}

struct stamp
event_stamp(const struct event *ev)
{
	return (struct stamp){ ev->clock, ev->node, ev->id };
}

enum err
event_content_hash(const struct event *ev, uint8_t out[32], struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	/* Ids are compared in their normal form, so that a repeat in the other
	 * spelling is the same event. */
	json_canon(ev->json, ev->root, &b);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		hash_blake2b(buf_str(&b), out, HASH_BYTES);
	buf_fini(&b);
	return rc;
}

/* --- made here ------------------------------------------------------------- */

/* As json_add_str writes it: what is not UTF-8 becomes U+FFFD. */
static enum err
well_formed(struct str *s, struct arena *a, struct err_info *e)
{
	struct buf b = { 0 };
	size_t at = 0;
	enum err rc;

	if (text_valid(*s))
		return ERR_OK;
	while (at < s->n) {
		const char *p = s->p + at;
		size_t n = utf8_len((const uint8_t *)p, s->n - at);

		buf_addstr(&b, n > 0 ? str_n(p, n) : STR("\xef\xbf\xbd"));
		at += n > 0 ? n : 1;
	}
	rc = buf_ok(&b, e);
	*s = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return rc == ERR_OK && s->p == NULL ? err_set(e, ERR_NOMEM) : rc;
}

static enum err
check_texts(struct event *ev, struct arena *a, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (size_t r = 0; r < N(envelope) && rc == ERR_OK; r++) {
		if (envelope[r].want != WANT_TEXT)
			continue;
		rc = well_formed(text_of(ev, &envelope[r]), a, e);
		if (rc == ERR_OK)
			rc = check_length(&envelope[r],
			    *text_of(ev, &envelope[r]), e);
	}
	return rc;
}

enum err
event_make(struct event *ev, const struct event_new *en,
    const struct json *payload, struct arena *a, struct err_info *e)
{
	char text[EID_TEXT_MAX];
	enum err rc;

	*ev = (struct event){ .json = payload,
		.id = en->id,
		.id_text = arena_str(a, str_n(text, eid_format(&en->id, text))),
		.type = en->type,
		.aggregate_id = en->aggregate_id,
		.aggregate_type = en->aggregate_type,
		.node = en->node,
		.clock = en->clock,
		.timestamp = en->timestamp,
		.has_node_seq = true,
		.node_seq = en->node_seq,
		.author = en->author,
		.session_id = en->session_id,
		.causation_id = en->causation_id,
		.team_slug = en->team_slug,
		.project_uuid = en->project_uuid,
		.project_slug = en->project_slug,
		.git_branch = en->git_branch,
		.folds = true };
	if (ev->id_text.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = check_json(payload, 0, EVENT_DEPTH_MAX - 1, e);
	if (rc == ERR_OK)
		rc = check_texts(ev, a, e);
	if (rc == ERR_OK)
		rc = classify(ev, false, a, e);
	return rc == ERR_OK ? event_check(ev, e) : rc;
}

enum err
event_finish(struct event *ev, const struct event_new *en, struct arena *a,
    struct buf *raw, struct err_info *e)
{
	enum err rc;

	ev->replaces = arena_array(a, en->n_replaces, sizeof *ev->replaces);
	if (ev->replaces == NULL)
		return err_set(e, ERR_NOMEM);
	if (en->n_replaces > 0)
		memcpy(ev->replaces, en->replaces,
		    en->n_replaces * sizeof *ev->replaces);
	ev->n_replaces = en->n_replaces;
	ev->has_replaces = true;
	event_encode(en, raw);
	rc = buf_ok(raw, e);
	ev->raw = buf_str(raw);
	return rc == ERR_OK ? check_size(ev, e) : rc;
}

/* --- encode -------------------------------------------------------------- */

static void
put_optional(struct json_writer *w, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	json_key(w, name);
	json_put_str(w, value);
}

static void
put_ids(struct json_writer *w, const struct eid *id, size_t n)
{
	char text[EID_TEXT_MAX];

	json_arr(w);
	for (size_t i = 0; i < n; i++)
		json_put_str(w, str_n(text, eid_format(&id[i], text)));
	json_end(w);
}

void
event_encode(const struct event_new *en, struct buf *out)
{
	struct json_writer w = { .out = out };
	char text[EID_TEXT_MAX];

	json_obj(&w);
	json_key(&w, "event_id");
	json_put_str(&w, str_n(text, eid_format(&en->id, text)));
	json_key(&w, "event_type"), json_put_str(&w, en->type);
	json_key(&w, "aggregate_id"), json_put_str(&w, en->aggregate_id);
	json_key(&w, "aggregate_type"), json_put_str(&w, en->aggregate_type);
	json_key(&w, "lamport_clock"), json_put_u(&w, en->clock);
	json_key(&w, "node_id"), json_put_str(&w, en->node);
	json_key(&w, "node_seq"), json_put_u(&w, en->node_seq);
	json_key(&w, "timestamp"), json_put_str(&w, en->timestamp);
	json_key(&w, "schema_version"), json_put_u(&w, SCHEMA_VERSION);
	json_key(&w, "replaces"), put_ids(&w, en->replaces, en->n_replaces);
	put_optional(&w, "author", en->author);
	put_optional(&w, "session_id", en->session_id);
	put_optional(&w, "causation_id", en->causation_id);
	put_optional(&w, "team_slug", en->team_slug);
	put_optional(&w, "project_uuid", en->project_uuid);
	put_optional(&w, "project_slug", en->project_slug);
	put_optional(&w, "git_branch", en->git_branch);
	put_optional(&w, "head_commit_sha", en->head_commit_sha);
	put_optional(&w, "repo_slug", en->repo_slug);
	json_key(&w, "payload"), json_put_raw(&w, en->payload);
	json_end(&w);
}

void
event_restamp(const struct event *ev, uint64_t clock, struct str node,
    uint64_t node_seq, const struct eid *replaces, size_t n_replaces,
    struct buf *out)
{
	const struct json *j = ev->json;
	struct json_writer w = { .out = out };
	uint32_t key = ev->root + 1;
	bool seq_written = false, replaces_written = false;

	json_obj(&w);
	for (uint32_t i = 0; i < j->node[ev->root].n; i++) {
		uint32_t value = json_next(j, key);

		/* Keys with escapes cannot be one of the four: an event that
		 * is stamped anew was written by event_encode. */
		buf_adds(out, i > 0 ? "," : "");
		buf_addstr(out, json_raw(j, key));
		buf_addc(out, ':');
		if (json_str_is(j, key, STR("lamport_clock"))) {
			buf_addu(out, clock);
		} else if (json_str_is(j, key, STR("node_id"))) {
			json_add_str(out, node);
		} else if (json_str_is(j, key, STR("node_seq"))) {
			buf_addu(out, node_seq);
			seq_written = true;
		} else if (json_str_is(j, key, STR("replaces"))) {
			struct json_writer ids = { .out = out };

			put_ids(&ids, replaces, n_replaces);
			replaces_written = true;
		} else {
			buf_addstr(out, json_raw(j, value));
		}
		key = json_next(j, value);
	}
	if (!seq_written) {
		buf_adds(out, ",\"node_seq\":");
		buf_addu(out, node_seq);
	}
	if (!replaces_written) {
		struct json_writer ids = { .out = out };

		buf_adds(out, ",\"replaces\":");
		put_ids(&ids, replaces, n_replaces);
	}
	buf_addc(out, '}');
}
