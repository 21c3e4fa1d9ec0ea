#include "home.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "path.h"

enum { NOTICES_BYTES_MAX = 64 * 1024, SWEEP_AGE_MS = 3600 * 1000 };

enum err
home_find(struct home *ret, const char *program, struct arena *a,
    struct err_info *e)
{
	static const char *const name[] = { "config.toml", "store.db",
		"doorbell", "sync.lock", "auth", "auth/session.sealed",
		"auth/seal.salt", "auth/refresh.lock", "sync-daemon",
		"sync-daemon.lock", "sync-daemon.log", "local/notices",
		"local/sessions", "export" };
	const char **const to[] = { &ret->config, &ret->store, &ret->doorbell,
		&ret->sync_lock, &ret->auth_dir, &ret->session, &ret->salt,
		&ret->refresh_lock, &ret->daemon_state, &ret->daemon_lock,
		&ret->daemon_log, &ret->notices, &ret->sessions,
		&ret->export_dir };
	enum err rc = os_home_dir(program, a, &ret->dir, e);

	for (size_t i = 0; rc == ERR_OK && i < sizeof to / sizeof *to; i++) {
		*to[i] = os_join(a, ret->dir, name[i]);
		if (*to[i] == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	return rc;
}

enum err
home_make(const struct home *h, struct err_info *e)
{
	struct arena a = { 0 };
	const char *local = os_dir(&a, h->notices);
	enum err rc = local != NULL ? os_mkdirs(h->auth_dir, 0700, e) :
	                              err_set(e, ERR_NOMEM);

	if (rc == ERR_OK)
		rc = os_mkdirs(local, 0700, e);
	arena_fini(&a);
	return rc;
}

static enum err
make_room(const char *path, struct err_info *e)
{
	struct err_info none = { 0 };
	struct os_file_id id;

	if (os_look_id(path, false, &id, &none) != ERR_OK ||
	    id.kind == OS_FILE || id.kind == OS_DIR)
		return ERR_OK;
	return os_remove(path, e);
}

enum err
home_write(const char *path, struct str data, struct err_info *e)
{
	enum err rc = make_room(path, e);

	return rc == ERR_OK ? os_write_atomic(path, data, 0600, e) : rc;
}

/* ".NAME.<16 hex>.tmp", as os_write_atomic calls them. */
static bool
is_temporary(struct str name)
{
	static const char end[] = ".tmp";
	enum { HEX = 16, END = sizeof end - 1 };
	size_t at = name.n - END - HEX;

	if (name.n < HEX + END + 3 || name.p[0] != '.' ||
	    !str_ends(name, str_of(end)) || name.p[at - 1] != '.')
		return false;
	for (size_t i = at; i < at + HEX; i++)
		if (strchr("0123456789abcdef", name.p[i]) == NULL)
			return false;
	return true;
}

static void
sweep(const char *dir, struct arena *a)
{
	struct err_info ignore = { 0 };
	struct os_names l = { 0 };
	struct os_file_id id;

	if (os_list(dir, &l, &ignore) != ERR_OK)
		return;
	for (size_t i = 0; i < l.n; i++) {
		const char *path = is_temporary(str_of(l.name[i])) ?
		    os_join(a, dir, l.name[i]) :
		    NULL;

		if (path != NULL && os_stat_id(path, &id, &ignore) == ERR_OK &&
		    os_wall_ms() - id.mtime_ns / 1000000 > SWEEP_AGE_MS)
			(void)os_remove(path, &ignore);
	}
	os_names_fini(&l);
}

void
home_sweep(const struct home *h)
{
	struct arena a = { 0 };
	const char *local = os_dir(&a, h->notices);

	sweep(h->dir, &a);
	sweep(h->auth_dir, &a);
	sweep(h->export_dir, &a);
	sweep(h->sessions, &a);
	if (local != NULL)
		sweep(local, &a);
	arena_fini(&a);
}

/* The file: "<ms since 1970> <what>" a line.  It only spares people a
 * repetition, so what goes wrong with it is no error. */
static bool
said(struct str text, const char *what, int64_t now_ms, uint64_t forget_s,
    struct buf *keep)
{
	struct str line, rest, when;
	bool found = false;

	while (str_split(&text, '\n', &line)) {
		uint64_t ms = 0;

		rest = line;
		if (!str_split(&rest, ' ', &when) || !str_u64(when, &ms))
			continue;
		if (str_is(rest, what) &&
		    (forget_s == 0 ||
		        now_ms - (int64_t)ms < (int64_t)forget_s * 1000)) {
			found = true;
		} else if (!str_is(rest, what)) {
			buf_addstr(keep, line);
			buf_addc(keep, '\n');
		}
	}
	return found;
}

bool
home_notice(const struct home *h, const char *what, int64_t now_ms,
    uint64_t forget_s)
{
	struct err_info ignore = { 0 };
	struct buf text = { 0 }, keep = { 0 };
	bool found;

	(void)os_read_file(h->notices, NOTICES_BYTES_MAX, &text, &ignore);
	found = said(buf_str(&text), what, now_ms, forget_s, &keep);
	if (!found) {
		buf_addf(&keep, "%lld %s\n", (long long)now_ms, what);
		/* A home that was never made is not made for this. */
		if (!keep.failed && os_exists(h->dir) &&
		    home_make(h, &ignore) == ERR_OK)
			(void)home_write(h->notices, buf_str(&keep), &ignore);
	}
	buf_fini(&text);
	buf_fini(&keep);
	return !found;
}
