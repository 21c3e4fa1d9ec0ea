#include "presence.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon_state.h"
#include "fault.h"
#include "file.h"
#include "json.h"
#include "live.h"
#include "path.h"
#include "when.h"

enum {
	BYTES_MAX = 2 << 20,
	DEPTH_MAX = 40,
	ID_BYTES_MAX = 256, /* of a session's id, as a hub takes it */
	PARTS = 3           /* that may be missing */
};

/* --- told to the hub --------------------------------------------------------------- */

static void
put_text(struct json_writer *w, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	json_key(w, key);
	json_put_str(w, s);
}

/* The first `parts` of what may be missing; what it works on is added last. */
static void
put_head(const struct session_seen *s, size_t parts, struct json_writer *w)
{
	const struct {
		const char *name;
		struct str text;
	} part[PARTS] = { { "device", s->device }, { "git_branch", s->branch },
		{ "cwd", s->cwd } };
	char when[WHEN_TEXT_MAX];
	int64_t last = s->last_ms - s->last_ms % PRESENCE_STEP_MS;

	json_obj(w);
	put_text(w, "session_id", s->id);
	put_text(w, "agent", s->agent);
	for (size_t i = 0; i < parts; i++)
		put_text(w, part[i].name, part[i].text);
	put_text(w, "last_activity", str_n(when, when_format(last, when)));
	json_key(w, "active"), json_arr(w);
}

/* "]}" closes it. */
enum { END_BYTES = 2 };

static size_t
quoted_bytes(struct str s, struct buf *scratch)
{
	struct json_writer w = { .out = scratch };

	buf_reset(scratch);
	json_put_str(&w, s);
	return scratch->len;
}

static void
put_active(const struct session_seen *s, struct json_writer *w)
{
	struct buf scratch = { 0 };

	for (size_t i = 0; i < s->n_items; i++) {
		size_t more =
		    quoted_bytes(s->item[i].key, &scratch) + (i > 0 ? 1 : 0);

		w->out->failed |= scratch.failed;
		if (w->out->len + more + END_BYTES > LIVE_SESSION_BYTES_MAX)
			break;
		json_put_str(w, s->item[i].key);
	}
	buf_fini(&scratch);
}

/* *out is empty where it can not be told. */
static void
put_session(const struct session_seen *s, struct buf *out)
{
	struct json_writer w;

	for (size_t parts = PARTS;; parts--) {
		buf_reset(out);
		w = (struct json_writer){ .out = out };
		put_head(s, parts, &w);
		if (out->len + END_BYTES <= LIVE_SESSION_BYTES_MAX ||
		    parts == 0)
			break;
	}
	put_active(s, &w);
	json_end(&w);
	json_end(&w);
	if (!out->failed && out->len > LIVE_SESSION_BYTES_MAX)
		buf_reset(out);
}

void
presence_put(const struct sessions *l, space_id space, size_t max,
    struct buf *out)
{
	struct json_writer w = { .out = out };
	struct buf one = { 0 };
	size_t n = 0, from = out->len;

	json_arr(&w);
	for (size_t i = 0; i < l->n && n < LIVE_SESSIONS_MAX; i++) {
		if (l->s[i].space != space || l->s[i].id.n > ID_BYTES_MAX)
			continue;
		put_session(&l->s[i], &one);
		out->failed |= one.failed;
		if (out->len - from + one.len + sizeof ",]" - 1 > max)
			break;
		if (one.len > 0) {
			json_put_raw(&w, buf_str(&one));
			n++;
		}
	}
	json_end(&w);
	buf_fini(&one);
}

/* --- told by the hub ---------------------------------------------------------------- */

static const char *
folder(const struct home *h, struct arena *a)
{
	const char *local = os_dir(a, h->notices);

	return local != NULL ? os_join(a, local, "presence") : NULL;
}

static const char *
file_of(const struct home *h, space_id space, struct arena *a)
{
	const char *dir = folder(h, a);
	char name[32];

	(void)snprintf(name, sizeof name, "%lld.json", (long long)space);
	return dir != NULL ? os_join(a, dir, name) : NULL;
}

enum err
presence_save(const struct home *h, space_id space, struct str sessions,
    struct err_info *e)
{
	struct arena a = { 0 };
	const char *dir = folder(h, &a), *path = file_of(h, space, &a);
	enum err rc =
	    dir != NULL && path != NULL ? ERR_OK : err_set(e, ERR_NOMEM);

	if (rc == ERR_OK)
		rc = os_mkdirs(dir, 0700, e);
	if (rc == ERR_OK)
		rc = home_write(path, sessions, e);
	arena_fini(&a);
	return rc;
}

void
presence_forget(const struct home *h, space_id space)
{
	struct arena a = { 0 };
	struct err_info ignore = { 0 };
	struct os_file_id id;
	const char *path = file_of(h, space, &a);

	if (path != NULL && os_look_id(path, false, &id, &ignore) == ERR_OK)
		(void)os_remove(path, &ignore);
	arena_fini(&a);
}

struct loading {
	struct arena *a;
	struct presence *list; /* own until the end */
	size_t n, cap;
};

static enum err
read_session(struct loading *l, const struct json *j, uint32_t at,
    space_id space, struct err_info *e)
{
	struct presence p = { .space = space,
		.id = json_member_copy(j, at, "session_id", l->a),
		.agent = json_member_copy(j, at, "agent", l->a),
		.device = json_member_copy(j, at, "device", l->a),
		.cwd = json_member_copy(j, at, "cwd", l->a),
		.branch = json_member_copy(j, at, "git_branch", l->a),
		.user = json_member_copy(j, at, "user", l->a) };
	struct str when = json_member_copy(j, at, "last_activity", l->a);

	if (json_kind(j, at) != JSON_OBJECT || p.id.n == 0 ||
	    p.id.n > SESSIONS_ID_MAX)
		return ERR_OK;
	if (!when_parse(when, &p.last_ms))
		p.last_ms = 0;
	if (!mem_grow(&l->list, &l->cap, l->n + 1, sizeof *l->list))
		return err_set(e, ERR_NOMEM);
	l->list[l->n++] = p;
	return ERR_OK;
}

static enum err
read_file(struct loading *l, const char *dir, const char *name,
    struct err_info *e)
{
	const char *path = os_join(l->a, dir, name);
	struct str word = str_of(name), number;
	struct err_info ignore = { 0 };
	struct json j = { 0 };
	struct buf b = { 0 };
	uint64_t space;
	enum err rc = ERR_OK;

	if (path != NULL && str_split(&word, '.', &number) &&
	    str_is(word, "json") && str_u64(number, &space) &&
	    space <= INT64_MAX &&
	    os_read_file(path, BYTES_MAX, &b, &ignore) == ERR_OK &&
	    json_parse(&j, buf_str(&b), DEPTH_MAX, &ignore) == ERR_OK &&
	    json_kind(&j, 0) == JSON_ARRAY)
		for (uint32_t i = 0, at = 1; rc == ERR_OK && i < j.node[0].n;
		     i++, at = json_next(&j, at))
			rc = read_session(l, &j, at, (space_id)space, e);
	json_fini(&j);
	buf_fini(&b);
	return rc;
}

enum err
presence_load(const struct home *h, struct arena *a, struct presence **ret,
    size_t *n, struct err_info *e)
{
	struct loading l = { .a = a };
	struct os_names names = { 0 };
	struct err_info ignore = { 0 };
	const char *dir = folder(h, a);
	bool alive = false;
	enum err rc = dir != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	int pid;

	*n = 0;
	if (rc == ERR_OK && os_is_dir(dir) &&
	    daemon_alive(h, &alive, &pid, &ignore) == ERR_OK && alive &&
	    os_list(dir, &names, &ignore) == ERR_OK)
		for (size_t i = 0; rc == ERR_OK && i < names.n; i++)
			rc = read_file(&l, dir, names.name[i], e);
	if (rc == ERR_OK && l.n > 0) {
		*ret = arena_array(a, l.n, sizeof **ret);
		if (*ret == NULL)
			rc = err_set(e, ERR_NOMEM);
		else
			memcpy(*ret, l.list, l.n * sizeof **ret);
		*n = rc == ERR_OK ? l.n : 0;
	}
	os_names_fini(&names);
	free(l.list);
	return rc;
}
