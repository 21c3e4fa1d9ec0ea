/* doctor: home, configuration, store, sign-in and queue, in one look.  Changes
 * nothing; asks the server only with --server. */
#include <stdlib.h>

#include "clock.h"
#include "cmds.h"
#include "file.h"
#include "findings.h"
#include "remote.h"
#include "status.h"
#include "when.h"

enum { LABEL = 13, EXIT_CRITICAL = 1, EXIT_DOCTOR_FAILED = 2 };

#define MIB (UINT64_C(1) << 20)
#define WAL_BYTES_WARN (64 * MIB)
#define DISK_BYTES_WARN (100 * MIB)
#define QUEUE_AGE_WARN_MS (INT64_C(24) * 3600 * 1000)

struct facts {
	struct cli *c;
	const struct home *home;
	int64_t now;
	const struct config *config; /* NULL: wrong */
	bool has_store;
	struct store_facts store;
	char file_system[64];
	uint64_t disk_free;
	struct status status;
	bool has_status, checked;
	struct remote_check check;
	struct findings found;
};

/* --- looking ------------------------------------------------------------------------- */

static void
check_mode(struct facts *f, const char *path, mode_t max)
{
	struct err_info why = { 0 };

	if (os_exists(path) && os_mode_check(path, max, &why) == ERR_PERMISSION)
		finding_add(&f->found, f->c, "D-001", SEVERITY_WARN, NULL, NULL,
		    "%s", why.text);
}

static void
look_at_home(struct facts *f)
{
	const struct home *h = f->home;
	static const char *const odd[] = { "nfs", "nfs4", "cifs", "smb3", "9p",
		"fuse", "zfs" };
	struct err_info ignore = { 0 };

	check_mode(f, h->dir, 0700);
	check_mode(f, h->auth_dir, 0700);
	check_mode(f, h->session, 0600);
	check_mode(f, h->salt, 0600);
	check_mode(f, h->store, 0600);
	if (!os_exists(h->dir))
		return;
	if (os_fs_name(h->dir, f->file_system, sizeof f->file_system,
	        &ignore) != ERR_OK)
		f->file_system[0] = '\0';
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		if (str_starts(str_of(f->file_system), str_of(odd[i])))
			finding_add(&f->found, f->c, "D-002", SEVERITY_WARN,
			    NULL, NULL,
			    "%s is on %s: locks and shared memory may not work "
			    "there; put it on a local disk (CLOWDER_HOME)",
			    h->dir, f->file_system);
	if (os_disk_free(h->dir, &f->disk_free, &ignore) == ERR_OK &&
	    f->disk_free < DISK_BYTES_WARN)
		finding_add(&f->found, f->c, "D-003", SEVERITY_WARN, NULL, NULL,
		    "only %llu MiB are free below %s",
		    (unsigned long long)(f->disk_free / MIB), h->dir);
}

static enum err
look_at_config(struct facts *f, struct err_info *e)
{
	struct err_info why = { 0 };
	enum err rc = ctx_config(f->c->ctx, &f->config, &why);

	if (rc == ERR_NOMEM)
		return err_set(e, ERR_NOMEM);
	if (rc != ERR_OK) {
		f->config = NULL;
		finding_add(&f->found, f->c, "D-004", SEVERITY_CRITICAL, NULL,
		    NULL, "%s", why.text);
		return ERR_OK;
	}
	for (size_t i = 0; i < f->config->n_unknown; i++)
		finding_add(&f->found, f->c, "D-005", SEVERITY_WARN, NULL, NULL,
		    "%s line %u: nobody knows the key %.*s", f->config->path,
		    f->config->unknown[i].line,
		    STR_ARG(f->config->unknown[i].key));
	return ERR_OK;
}

static enum err
look_at_store(struct facts *f, struct err_info *e)
{
	struct err_info why = { 0 };
	struct store *s;
	enum err rc = ctx_store_read(f->c->ctx, &s, &why);

	if (rc == ERR_OK && !f->c->ctx->no_store) {
		rc = store_facts(s, &f->store, &why);
		f->has_store = rc == ERR_OK;
	}
	if (rc == ERR_NOMEM)
		return err_set(e, ERR_NOMEM);
	if (rc != ERR_OK) {
		finding_add(&f->found, f->c, "D-006", SEVERITY_CRITICAL, NULL,
		    NULL,
		    rc == ERR_CORRUPT ?
		        "the store cannot be opened: %s; move it and its -wal "
		        "and -shm elsewhere and keep them: the next command "
		        "begins anew, a sync brings back what the hub has, an "
		        "import what was exported" :
		        "the store cannot be opened: %s",
		    why.text);
		return ERR_OK;
	}
	if (f->has_store && f->store.wal_bytes > WAL_BYTES_WARN)
		finding_add(&f->found, f->c, "D-008", SEVERITY_WARN, "sync now",
		    "An exchange ends with a checkpoint.",
		    "the write-ahead log has %llu MiB: every start reads it",
		    (unsigned long long)(f->store.wal_bytes / MIB));
	return ERR_OK;
}

static enum err
look_at_sync(struct facts *f, struct err_info *e)
{
	struct status *st = &f->status;
	enum err rc;

	/* Both were said already where they are wrong. */
	if (f->config == NULL || f->c->ctx->store == NULL)
		return ERR_OK;
	rc = status_read(f->c->ctx, st, e);
	if (rc != ERR_OK)
		return rc;
	f->has_status = true;
	if (st->refused > 0)
		finding_add(&f->found, f->c, "D-009", SEVERITY_WARN,
		    "sync diagnose", "See which, and why.",
		    "%llu event%s refused by the hub",
		    (unsigned long long)st->refused,
		    st->refused == 1 ? " was" : "s were");
	if (st->signed_in && st->oldest_ms != 0 &&
	    f->now - st->oldest_ms > QUEUE_AGE_WARN_MS)
		finding_add(&f->found, f->c, "D-010", SEVERITY_WARN, "sync now",
		    "Send what is queued.",
		    "%llu event%s queued, the oldest for more than a day",
		    (unsigned long long)st->unacked,
		    st->unacked == 1 ? " is" : "s are");
	if (st->elsewhere > 0)
		finding_add(&f->found, f->c, "D-013", SEVERITY_WARN,
		    "sync server", "Sign in there to send them.",
		    "%llu event%s for %.*s at %.*s, not for the present server",
		    (unsigned long long)st->elsewhere,
		    st->elsewhere == 1 ? " waits" : "s wait",
		    STR_ARG(st->elsewhere_account), STR_ARG(st->elsewhere_hub));
	if (st->server_url.n > 0 && !st->signed_in)
		finding_add(&f->found, f->c, "D-011", SEVERITY_WARN,
		    "auth login", "Sign in at the hub.",
		    "a server is configured, but nobody is signed in%s%s",
		    st->session_why[0] ? ": " : "", st->session_why);
	return ERR_OK;
}

/* It works, but for nobody who is signed out: that was a choice. */
static enum severity
server_severity(const struct facts *f)
{
	return f->check.health == REMOTE_REACHABLE && f->has_status &&
	        !f->status.signed_in ?
	    SEVERITY_WARN :
	    SEVERITY_CRITICAL;
}

static enum err
look_at_server(struct facts *f, struct err_info *e)
{
	struct remote *a = NULL;
	enum err rc = f->config ? remote_open(&a, f->c->ctx, e) : ERR_NOT_FOUND;

	if (rc == ERR_OK) {
		remote_check(a, &f->check);
		f->checked = true;
		if (f->check.health != REMOTE_CONNECTED)
			finding_add(&f->found, f->c, "D-012",
			    server_severity(f), "sync status --check",
			    "Test the connection.", "%s", f->check.why);
	}
	remote_close(a);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* --- showing -------------------------------------------------------------------------- */

static void
section(struct out *o, const char *title)
{
	out_paint(o, PAINT_TITLE, "%s", title);
	out_say(o, "\n");
}

static void
say_sync(const struct facts *f)
{
	struct out *o = f->c->out;
	const struct status *st = &f->status;

	section(o, "Sync");
	out_pair(o, LABEL, "Server", PAINT_NONE, "%.*s",
	    STR_ARG(st->server_url.n > 0 ? st->server_url :
	                                   STR("not configured")));
	out_pair(o, LABEL, "User", PAINT_NONE, "%.*s%s", STR_ARG(st->user),
	    st->signed_in  ? "" :
	        st->user.n ? " (signed out)" :
	                     "nobody");
	out_pair(o, LABEL, "State", PAINT_NONE, "%s",
	    status_word_name(st->word));
	out_pair(o, LABEL, "Events", PAINT_NONE,
	    "%llu, %llu queued, %llu refused", (unsigned long long)st->events,
	    (unsigned long long)st->unacked, (unsigned long long)st->refused);
}

static void
say_report(const struct facts *f)
{
	struct out *o = f->c->out;

	section(o, "Home");
	out_pair(o, LABEL, "Folder", PAINT_NONE, "%s%s", f->home->dir,
	    os_exists(f->home->dir) ? "" : " (not made yet)");
	if (f->file_system[0] != '\0')
		out_pair(o, LABEL, "File system", PAINT_NONE,
		    "%s, %llu MiB free", f->file_system,
		    (unsigned long long)(f->disk_free / MIB));
	section(o, "Config");
	out_pair(o, LABEL, "File", f->config ? PAINT_NONE : PAINT_BAD, "%s%s",
	    f->home->config,
	    f->config == NULL     ? " (wrong)" :
	        f->config->exists ? "" :
	                            " (none: defaults)");
	section(o, "Store");
	if (f->has_store) {
		out_pair(o, LABEL, "File", PAINT_NONE, "%s", f->home->store);
		out_pair(o, LABEL, "Version", PAINT_NONE, "schema %u, %s",
		    f->store.schema, f->store.library);
		out_pair(o, LABEL, "Size", PAINT_NONE,
		    "%llu KiB, write-ahead log %llu KiB",
		    (unsigned long long)(f->store.db_bytes / 1024),
		    (unsigned long long)(f->store.wal_bytes / 1024));
	} else {
		out_pair(o, LABEL, "File", PAINT_NONE, "%s",
		    f->c->ctx->no_store ? "none yet" : "cannot be opened");
	}
	if (f->has_status)
		say_sync(f);
	findings_say(&f->found, f->c);
}

static void
write_report(const struct facts *f, struct json_writer *w)
{
	json_obj(w);
	json_key(w, "schema_version"), json_put_u(w, 1);
	json_key(w, "version"), json_put_z(w, CLOWDER_VERSION);
	json_key(w, "generated_at"), when_put(w, f->now);
	json_key(w, "home"), json_put_z(w, f->home->dir);
	json_key(w, "file_system");
	json_put_z(w, f->file_system[0] ? f->file_system : NULL);
	json_key(w, "config"), json_obj(w);
	json_key(w, "file"), json_put_z(w, f->home->config);
	json_key(w, "valid"), json_put_bool(w, f->config != NULL);
	json_key(w, "unknown_keys"), json_arr(w);
	for (size_t i = 0; f->config && i < f->config->n_unknown; i++)
		json_put_str(w, f->config->unknown[i].key);
	json_end(w);
	json_end(w);
	json_key(w, "store");
	if (f->has_store) {
		json_obj(w);
		json_key(w, "file"), json_put_z(w, f->home->store);
		json_key(w, "schema"), json_put_u(w, f->store.schema);
		json_key(w, "sqlite"), json_put_z(w, f->store.library);
		json_key(w, "wal_reset_fault");
		json_put_bool(w, f->store.wal_reset_fault);
		json_key(w, "bytes"), json_put_u(w, f->store.db_bytes);
		json_key(w, "wal_bytes"), json_put_u(w, f->store.wal_bytes);
		json_end(w);
	} else {
		json_put_null(w);
	}
	json_key(w, "sync");
	if (f->has_status) {
		json_obj(w);
		status_write(&f->status, w);
		json_end(w);
	} else {
		json_put_null(w);
	}
	json_key(w, "findings"), findings_write(&f->found, w);
	json_end(w);
}

/* --- the command ------------------------------------------------------------------------ */

static enum err
examine(struct facts *f, struct err_info *e)
{
	enum err rc = ctx_home(f->c->ctx, &f->home, e);

	f->now = os_wall_ms();
	if (rc == ERR_OK)
		look_at_home(f);
	if (rc == ERR_OK)
		rc = look_at_config(f, e);
	if (rc == ERR_OK)
		rc = look_at_store(f, e);
	if (rc == ERR_OK)
		rc = look_at_sync(f, e);
	if (rc == ERR_OK && cli_has(f->c, "server"))
		rc = look_at_server(f, e);
	return rc == ERR_OK && f->found.failed ? err_set(e, ERR_NOMEM) : rc;
}

static enum err
doctor_run(struct cli *c, struct err_info *e)
{
	struct facts *f = arena_zero(&c->ctx->arena, sizeof *f);
	enum err rc;

	if (f == NULL)
		return err_set(e, ERR_NOMEM);
	f->c = c;
	rc = examine(f, e);
	if (rc == ERR_OK && c->json) {
		write_report(f, out_json(c->out));
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		say_report(f);
	}
	c->exit = rc != ERR_OK           ? EXIT_DOCTOR_FAILED :
	    findings_critical(&f->found) ? EXIT_CRITICAL :
	                                   0;
	findings_fini(&f->found);
	return rc;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.purpose = "look for what may be wrong on this machine",
	.about =
	    "Home folder, configuration, store, sign-in and queue. Changes "
	    "nothing and, without --server, sends nothing. `auth doctor` says "
	    "more about the sign-in, `verify` reads the whole store.",
	.opt =
	    (const struct cmd_opt[]){
	        { 0, "server", NULL, "ask the server too", NULL, 0, 0 },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "doctor", "a report" },
	        { "doctor --server --json", "with the server, for a program" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 1, "a critical finding" },
	        { 2, "the doctor itself failed" },
	        { 0 },
	    },
	.run = doctor_run,
};
