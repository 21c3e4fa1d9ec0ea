#include "presence.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon_state.h"
#include "fault.h"
#include "file.h"
#include "json.h"
#include "path.h"
#include "when.h"

enum { BYTES_MAX = 2 << 20, DEPTH_MAX = 40 };

/* --- told to the hub --------------------------------------------------------------- */

static void
put_text(struct json_writer *w, const char *key, struct str s)
{
	if (s.n == 0)
		return;
	json_key(w, key);
	json_put_str(w, s);
}

static void
put_session(const struct session_seen *s, struct json_writer *w)
{
	char when[WHEN_TEXT_MAX];
	int64_t last = s->last_ms - s->last_ms % PRESENCE_STEP_MS;

	json_obj(w);
	put_text(w, "session_id", s->id);
	put_text(w, "agent", s->agent);
	put_text(w, "device", s->device);
	put_text(w, "cwd", s->cwd);
	put_text(w, "git_branch", s->branch);
	json_key(w, "active"), json_arr(w);
	for (size_t i = 0; i < s->n_items; i++)
		json_put_str(w, s->item[i].key);
	json_end(w);
	put_text(w, "last_activity", str_n(when, when_format(last, when)));
	json_end(w);
}

void
presence_put(const struct sessions *l, space_id space, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_arr(&w);
	for (size_t i = 0; i < l->n; i++)
		if (l->s[i].space == space)
			put_session(&l->s[i], &w);
	json_end(&w);
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
