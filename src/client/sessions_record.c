/* One file per session of this machine: local/sessions/<32 hex of its key>, a JSON
 * object.  Only its modification time changes at a beat. */
#include "clock.h"
#include "file.h"
#include "hash.h"
#include "json.h"
#include "path.h"
#include "proc.h"
#include "sessions.h"

enum { RECORD_BYTES_MAX = 16 * 1024, NAME_BYTES = 16 };

static enum err
path_of(const struct home *h, const struct session_record *r, struct arena *a,
    const char **ret, struct err_info *e)
{
	uint8_t hash[NAME_BYTES];
	char name[2 * NAME_BYTES + 1];
	char *key =
	    arena_fmt(a, "%.*s:%.*s", STR_ARG(r->agent), STR_ARG(r->id));

	if (key == NULL)
		return err_set(e, ERR_NOMEM);
	hash_blake2b(str_of(key), hash, sizeof hash);
	hex_encode(hash, sizeof hash, name);
	*ret = os_join(a, h->sessions, name);
	return *ret != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
}

static void
write_json(const struct session_record *r, struct buf *out)
{
	struct json_writer w = { .out = out };

	json_obj(&w);
	json_key(&w, "agent"), json_put_str(&w, r->agent);
	json_key(&w, "session_id"), json_put_str(&w, r->id);
	json_key(&w, "project"), json_put_str(&w, r->project);
	json_key(&w, "pid"), json_put_i(&w, r->pid);
	json_key(&w, "start"), json_put_u(&w, r->start);
	json_key(&w, "boot_id"), json_put_str(&w, r->boot_id);
	json_key(&w, "logged_ms"), json_put_i(&w, r->logged_ms);
	json_end(&w);
	buf_addc(out, '\n');
}

enum err
sessions_save(const struct home *h, const struct session_record *r,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct err_info ignored = { 0 };
	const char *path = NULL;
	enum err rc = path_of(h, r, &a, &path, e);

	write_json(r, &b);
	if (rc == ERR_OK)
		rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = os_mkdirs(h->sessions, 0700, e);
	if (rc == ERR_OK)
		rc = home_write(path, buf_str(&b), e);
	if (rc == ERR_OK)
		(void)os_touch(h->doorbell, &ignored);
	buf_fini(&b);
	arena_fini(&a);
	return rc;
}

enum err
sessions_beat(const struct home *h, const struct session_record *r,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct err_info ignored = { 0 };
	struct os_file_id id;
	const char *path = NULL;
	enum err rc = path_of(h, r, &a, &path, e);

	if (rc == ERR_OK)
		rc = os_look_id(path, false, &id, e);
	if (rc == ERR_OK && id.kind != OS_FILE)
		rc = err_set(e, ERR_NOT_FOUND);
	if (rc == ERR_OK)
		rc = os_touch(path, e);
	if (rc == ERR_OK)
		(void)os_touch(h->doorbell, &ignored);
	arena_fini(&a);
	return rc;
}

enum err
sessions_forget(const struct home *h, const struct session_record *r,
    struct err_info *e)
{
	struct arena a = { 0 };
	struct err_info none = { 0 };
	struct os_file_id id;
	const char *path = NULL;
	enum err rc = path_of(h, r, &a, &path, e);

	if (rc == ERR_OK && os_look_id(path, false, &id, &none) == ERR_OK)
		rc = os_remove(path, e);
	arena_fini(&a);
	return rc;
}

/* --- reading ------------------------------------------------------------------------ */

static bool
take_text(const struct json *j, const char *key, struct arena *a,
    struct str *ret)
{
	uint32_t node = json_get(j, 0, key);
	struct str s;

	if (node == 0 || !json_str(j, node, a, &s))
		return false;
	*ret = arena_str(a, s);
	return ret->p != NULL;
}

static bool
parse(struct str text, struct arena *a, struct session_record *r)
{
	struct json j = { .count_max = 64 };
	struct err_info ignored = { 0 };
	uint64_t pid = 0, logged = 0;
	bool ok = json_parse(&j, text, 2, &ignored) == ERR_OK &&
	    json_kind(&j, 0) == JSON_OBJECT &&
	    take_text(&j, "agent", a, &r->agent) &&
	    take_text(&j, "session_id", a, &r->id) && r->id.n > 0 &&
	    take_text(&j, "project", a, &r->project) &&
	    take_text(&j, "boot_id", a, &r->boot_id) &&
	    json_u53(&j, json_get(&j, 0, "pid"), &pid) && pid <= INT32_MAX &&
	    json_u53(&j, json_get(&j, 0, "start"), &r->start) &&
	    json_u53(&j, json_get(&j, 0, "logged_ms"), &logged);

	r->pid = (int)pid;
	r->logged_ms = (int64_t)logged;
	json_fini(&j);
	return ok;
}

/* False: it went, or is none; what a link names is not ours. */
static bool
load(const char *path, struct arena *a, struct session_record *r)
{
	struct err_info ignored = { 0 };
	struct os_file_id id;
	struct buf b = { 0 };
	bool ok;

	*r = (struct session_record){ 0 };
	ok = os_look_id(path, false, &id, &ignored) == ERR_OK &&
	    id.kind == OS_FILE &&
	    os_read_file(path, RECORD_BYTES_MAX, &b, &ignored) == ERR_OK &&
	    parse(buf_str(&b), a, r);
	if (ok)
		r->beat_ms = id.mtime_ns / 1000000;
	buf_fini(&b);
	return ok;
}

static bool
is_name(struct str name)
{
	return name.n == 2 * NAME_BYTES && hex_is_lower(name);
}

enum err
sessions_records(const struct home *h, struct arena *a,
    struct session_record **ret, size_t *n, struct err_info *e)
{
	struct os_names l = { 0 };
	enum err rc = os_list(h->sessions, &l, e);

	*n = 0;
	*ret = NULL;
	if (rc == ERR_NOT_FOUND) {
		*e = (struct err_info){ 0 };
		return ERR_OK;
	}
	if (rc == ERR_OK) {
		*ret = arena_array(a, l.n + 1, sizeof **ret);
		rc = *ret != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	for (size_t i = 0; rc == ERR_OK && i < l.n; i++) {
		const char *path = is_name(str_of(l.name[i])) ?
		    os_join(a, h->sessions, l.name[i]) :
		    NULL;

		if (path != NULL && load(path, a, &(*ret)[*n]))
			++*n;
	}
	os_names_fini(&l);
	return rc;
}

void
sessions_touch(const struct home *h, struct str id)
{
	struct arena a = { 0 };
	struct err_info ignored = { 0 };
	struct session_record *r;
	size_t n;

	if (id.n > 0 && sessions_records(h, &a, &r, &n, &ignored) == ERR_OK)
		for (size_t i = 0; i < n; i++)
			if (str_eq(r[i].id, id))
				(void)sessions_beat(h, &r[i], &ignored);
	arena_fini(&a);
}

/* --- its process --------------------------------------------------------------------- */

enum err
sessions_process(struct session_record *r, int pid, struct arena *a,
    struct err_info *e)
{
	struct os_proc p;
	enum err rc = os_proc_look(pid, &p, e);

	if (rc == ERR_NOT_FOUND)
		return err_setf(e, rc, "there is no process %d", pid);
	if (rc != ERR_OK)
		return rc;
	r->boot_id = arena_str(a, str_of(p.boot_id));
	if (r->boot_id.p == NULL)
		return err_set(e, ERR_NOMEM);
	r->pid = pid;
	r->start = p.start;
	return ERR_OK;
}

bool
sessions_gone(const struct session_record *r)
{
	struct os_proc p = { .pid = r->pid, .start = r->start };

	if (r->pid == 0)
		return false;
	str_copy(p.boot_id, sizeof p.boot_id, r->boot_id);
	return !os_proc_same(&p);
}
