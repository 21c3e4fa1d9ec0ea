/* The hub: serve, and the accounts behind it. */
#include <stdio.h>
#include <stdlib.h>

#include "accounts.h"
#include "backup.h"
#include "clock.h"
#include "cmds.h"
#include "file.h"
#include "hub.h"
#include "path.h"
#include "proc.h"
#include "tty.h"

#define HUB_LISTEN "127.0.0.1:8177"

/* A row that every verb has. */
/* clang-format off */
#define DATA_OPT { .name = "data", .arg = "DIR", .words = WORDS_FOLDER, \
	.help = "the hub's folder (else $CLOWDER_HUB_DATA, else ~/.clowder-hub)" }
/* clang-format on */

static enum err
data_dir(struct cli *c, const char **ret, struct err_info *e)
{
	const char *dir = cli_opt(c, "data");

	if (dir == NULL)
		dir = getenv("CLOWDER_HUB_DATA");
	if (dir == NULL || dir[0] == '\0')
		dir = "~/.clowder-hub";
	return os_expand(&c->ctx->arena, dir, ret, e);
}

/* --- hub serve ------------------------------------------------------------- */

static void
serve_ready(void *ctx, const char *url, const char *ca)
{
	struct cli *c = ctx;

	if (c->json) {
		struct json_writer *w = out_json_line(c->out);

		json_obj(w);
		json_key(w, "url"), json_put_z(w, url);
		json_key(w, "ca_file"), json_put_z(w, ca);
		json_end(w);
		out_json_end(c->out);
	} else {
		out_say(c->out, "Clowder hub serves ");
		out_paint(c->out, PAINT_GOOD, "%s", url);
		out_say(c->out, "\n");
		if (ca != NULL)
			out_say(c->out,
			    "Its certificate is self-signed. Make other "
			    "programs trust it:\n  export SSL_CERT_FILE=%s\n"
			    "  export REQUESTS_CA_BUNDLE=%s\n"
			    "and Clowder itself, in its config.toml:\n"
			    "  [server]\n  ca_file = \"%s\"\n",
			    ca, ca, ca);
	}
	out_flush(c->out);
}

static enum err
serve_origins(struct cli *c, struct hub_options *o, struct err_info *e)
{
	const char **origin;
	size_t n = 0, at = 0;

	while (cli_opt_next(c, "origin", &at) != NULL)
		n++;
	origin = arena_array(&c->ctx->arena, n, sizeof *origin);
	if (origin == NULL && n > 0)
		return err_set(e, ERR_NOMEM);
	at = 0;
	for (size_t i = 0; i < n; i++)
		origin[i] = cli_opt_next(c, "origin", &at);
	o->origin = origin;
	o->n_origins = n;
	return ERR_OK;
}

static enum err
run_serve(struct cli *c, struct err_info *e)
{
	struct hub_options o = { .listen = cli_opt(c, "listen"),
		.cert = cli_opt(c, "tls-cert"),
		.key = cli_opt(c, "tls-key"),
		.dev_tls = cli_has(c, "dev-tls"),
		.plain = cli_has(c, "plain"),
		.quiet = cli_has(c, "quiet"),
		.ready = serve_ready,
		.ctx = c };
	enum err rc = data_dir(c, &o.data, e);

	if (o.listen == NULL)
		o.listen = HUB_LISTEN;
	if (o.dev_tls && o.cert != NULL)
		return cli_usage(e,
		    "--dev-tls and --tls-cert exclude each other");
	if (rc == ERR_OK)
		rc = serve_origins(c, &o, e);
	if (rc != ERR_OK)
		return rc;
	os_memory_keep();
	return hub_serve(&o, e);
}

static const struct cmd_opt serve_opts[] = {
	{ .name = "listen",
	    .arg = "ADDRESS:PORT",
	    .help = "where to serve (" HUB_LISTEN "; port 0: any free one)" },
	DATA_OPT,
	{ .name = "tls-cert",
	    .arg = "FILE",
	    .help = "certificate chain, PEM",
	    .words = WORDS_FILE },
	{ .name = "tls-key",
	    .arg = "FILE",
	    .help = "its key, PEM",
	    .words = WORDS_FILE },
	{ .name = "dev-tls",
	    .help =
	        "make a self-signed certificate for this machine and use it" },
	{ .name = "plain",
	    .help = "plain HTTP beyond loopback too (behind a proxy that does "
	            "TLS)" },
	{ .name = "origin",
	    .arg = "URL",
	    .help = "a web page's SCHEME://HOST[:PORT] that may open live "
	            "connections besides the hub's own",
	    .flags = OPT_REPEAT },
	{ .letter = 'q', .name = "quiet", .help = "no line per request" },
	{ 0 },
};
static const struct cmd_example serve_examples[] = {
	{ "hub serve", "for this machine, on " HUB_LISTEN },
	{ "hub serve --listen 0.0.0.0:8177 --tls-cert hub.pem --tls-key "
	  "hub.key",
	    "for a team" },
	{ NULL, NULL },
};
static const struct cmd cmd_hub_serve = {
	.name = "serve",
	.purpose = "serve a hub until it is told to stop",
	.about =
	    "Keeps the log of every team in its folder and answers clients "
	    "over HTTP. SIGTERM or ^C ends it: what is under way is answered "
	    "first. One line per request goes to stderr.",
	.opt = serve_opts,
	.example = serve_examples,
	.flags = CMD_LONG | CMD_LOGS,
	.run = run_serve,
};

/* --- accounts --------------------------------------------------------------- */

/* first: a hub may begin with this. */
static enum err
open_accounts(struct cli *c, bool first, struct accounts **ret,
    struct err_info *e)
{
	const struct accounts_options opt = { 0 };
	struct os_file_id id;
	const char *dir;
	char *path;
	enum err rc = data_dir(c, &dir, e);

	if (rc == ERR_OK && first)
		rc = os_mkdirs(dir, 0700, e);
	if (rc != ERR_OK)
		return rc;
	path = hub_path(&c->ctx->arena, dir, "hub.db");
	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	if (!first)
		rc = os_stat_id(path, &id, e);
	if (rc == ERR_NOT_FOUND)
		return err_setf(e, ERR_NOT_FOUND, "no hub is in %s", dir);
	if (rc != ERR_OK)
		return rc;
	return accounts_open(ret, path, &opt, os_wall_ms(), e);
}

static enum err
run_team_add(struct cli *c, struct err_info *e)
{
	struct str slug = str_of(cli_arg(c, 0)),
	           name = str_of(cli_opt(c, "name"));
	struct accounts *a = NULL;
	enum err rc = open_accounts(c, true, &a, e);

	if (rc == ERR_OK)
		rc = accounts_team_add(a, slug, name, os_wall_ms(), e);
	accounts_close(a);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		struct json_writer *w = out_json(c->out);

		json_obj(w);
		json_key(w, "slug"), json_put_str(w, slug);
		json_end(w);
		out_json_end(c->out);
	} else if (c->out->tty) {
		out_say(c->out, "Added team ");
		out_str(c->out, PAINT_ID, slug);
		out_say(c->out, "\n");
	} else {
		out_say(c->out, "%.*s\n", STR_ARG(slug));
	}
	return ERR_OK;
}

static enum err
run_team_list(struct cli *c, struct err_info *e)
{
	static const struct out_column column[] = { { "TEAM", 0 },
		{ "NAME", COL_SHRINK }, { "KIND", 0 }, { NULL, 0 } };
	struct account_team *team;
	struct accounts *a = NULL;
	struct out_table t;
	size_t n;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = accounts_team_list(a, &c->ctx->arena, &team, &n, e);
	accounts_close(a);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		struct json_writer *w = out_json(c->out);

		json_arr(w);
		for (size_t i = 0; i < n; i++) {
			json_obj(w);
			json_key(w, "slug"), json_put_str(w, team[i].slug);
			json_key(w, "name"), json_put_str(w, team[i].name);
			json_key(w, "private"),
			    json_put_bool(w, team[i].is_private);
			json_end(w);
		}
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	if (n == 0)
		out_note(c->out, PAINT_DIM, "No teams yet.\n");
	out_table_begin(&t, c->out, column);
	for (size_t i = 0; i < n; i++) {
		out_cell(&t, PAINT_ID, team[i].slug);
		out_cell(&t, PAINT_NONE, team[i].name);
		out_cell(&t, PAINT_DIM,
		    team[i].is_private ? STR("private") : STR("shared"));
	}
	out_table_end(&t);
	return ERR_OK;
}

/* A password from stdin, from a prompt, or one made and printed once. */
static enum err
get_password(struct cli *c, struct accounts *a, struct buf *ret, bool *made,
    struct err_info *e)
{
	char password[PASSWORD_MADE_LEN + 1];
	enum err rc = ERR_OK;

	*made = !cli_has(c, "password-stdin");
	if (!*made) {
		rc = os_read_fd(0, "standard input", PASSWORD_BYTES_MAX + 2,
		    ret, e);
		while (ret->len > 0 &&
		    (ret->data[ret->len - 1] == '\n' ||
		        ret->data[ret->len - 1] == '\r'))
			ret->data[--ret->len] = '\0';
		return rc;
	}
	accounts_password_make(a, password);
	buf_adds(ret, password);
	return buf_ok(ret, e);
}

static void
say_user(struct cli *c, const char *verb, struct str name,
    const struct buf *password, bool made)
{
	if (c->json) {
		struct json_writer *w = out_json(c->out);

		json_obj(w);
		json_key(w, "name"), json_put_str(w, name);
		if (made) {
			json_key(w, "password");
			json_put_str(w, buf_str(password));
		}
		json_end(w);
		out_json_end(c->out);
		return;
	}
	out_say(c->out, "%s ", verb);
	out_str(c->out, PAINT_ID, name);
	out_say(c->out, "\n");
	if (!made)
		return;
	out_say(c->out, "Password: %s\n", password->data);
	out_note(c->out, PAINT_DIM, "It is shown this once.\n");
}

static enum err
run_user_add(struct cli *c, struct err_info *e)
{
	struct account_new u = { .name = str_of(cli_arg(c, 0)),
		.email = str_of(cli_opt(c, "email")) };
	struct buf password = { 0 };
	struct accounts *a = NULL;
	size_t at = 0, n = 0;
	const char *team;
	struct str *teams;
	bool made = false;
	enum err rc = open_accounts(c, true, &a, e);

	while (cli_opt_next(c, "team", &at) != NULL)
		n++;
	teams = arena_array(&c->ctx->arena, n, sizeof *teams);
	if (rc == ERR_OK && teams == NULL)
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK) {
		for (at = 0; (team = cli_opt_next(c, "team", &at)) != NULL;)
			teams[u.n_teams++] = str_of(team);
		u.team = teams;
		rc = get_password(c, a, &password, &made, e);
	}
	u.password = buf_str(&password);
	if (rc == ERR_OK)
		rc = accounts_user_add(a, &u, os_wall_ms(), e);
	accounts_close(a);
	if (rc == ERR_OK)
		say_user(c, "Added user", u.name, &password, made);
	buf_fini(&password);
	return rc;
}

static enum err
run_user_passwd(struct cli *c, struct err_info *e)
{
	struct str name = str_of(cli_arg(c, 0));
	struct buf password = { 0 };
	struct accounts *a = NULL;
	bool made = false;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = get_password(c, a, &password, &made, e);
	if (rc == ERR_OK)
		rc = accounts_passwd(a, name, buf_str(&password), e);
	accounts_close(a);
	if (rc == ERR_OK)
		say_user(c, "Changed the password of", name, &password, made);
	buf_fini(&password);
	return rc;
}

static enum err
run_user_disable(struct cli *c, struct err_info *e)
{
	struct str name = str_of(cli_arg(c, 0));
	struct accounts *a = NULL;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = accounts_disable(a, name, e);
	accounts_close(a);
	if (rc == ERR_OK)
		say_user(c, "Disabled", name, NULL, false);
	return rc;
}

static enum err
run_user_enable(struct cli *c, struct err_info *e)
{
	struct str name = str_of(cli_arg(c, 0));
	struct accounts *a = NULL;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = accounts_enable(a, name, e);
	accounts_close(a);
	if (rc == ERR_OK)
		say_user(c, "Enabled", name, NULL, false);
	return rc;
}

/* --- members of a team ---------------------------------------------------------- */

static enum err
set_member(struct cli *c, const char *verb,
    enum err (*set)(struct accounts *, struct str, struct str,
        struct err_info *),
    struct err_info *e)
{
	struct str team = str_of(cli_arg(c, 0)), name = str_of(cli_arg(c, 1));
	struct accounts *a = NULL;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = set(a, team, name, e);
	accounts_close(a);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		struct json_writer *w = out_json(c->out);

		json_obj(w);
		json_key(w, "team"), json_put_str(w, team);
		json_key(w, "user"), json_put_str(w, name);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	out_say(c->out, "%s ", verb);
	out_str(c->out, PAINT_ID, name);
	out_say(c->out,
	    set == accounts_team_join ? " to team " : " from team ");
	out_str(c->out, PAINT_ID, team);
	out_say(c->out, "\n");
	return ERR_OK;
}

static enum err
run_team_add_user(struct cli *c, struct err_info *e)
{
	return set_member(c, "Added", accounts_team_join, e);
}

static enum err
run_team_remove_user(struct cli *c, struct err_info *e)
{
	return set_member(c, "Removed", accounts_team_leave, e);
}

/* --- keys ------------------------------------------------------------------------ */

static enum err
run_key_rotate(struct cli *c, struct err_info *e)
{
	struct accounts *a = NULL;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = accounts_key_rotate(a, os_wall_ms(), e);
	accounts_close(a);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		struct json_writer *w = out_json(c->out);

		json_obj(w);
		json_key(w, "rotated"), json_put_bool(w, true);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	out_say(c->out, "A new key signs from the hub's next start on\n");
	out_note(c->out, PAINT_DIM,
	    "The one before it stays good, so nobody is signed out.\n");
	return ERR_OK;
}

static void
user_json(struct json_writer *w, const struct account_user *u)
{
	json_obj(w);
	json_key(w, "name"), json_put_str(w, u->name);
	json_key(w, "email");
	if (u->email.n > 0)
		json_put_str(w, u->email);
	else
		json_put_null(w);
	json_key(w, "default_team"), json_put_str(w, u->default_team);
	json_key(w, "disabled"), json_put_bool(w, u->disabled);
	json_key(w, "sessions"), json_put_u(w, u->sessions);
	json_end(w);
}

static enum err
run_user_list(struct cli *c, struct err_info *e)
{
	static const struct out_column column[] = { { "USER", 0 },
		{ "E-MAIL", COL_SHRINK }, { "TEAM", 0 },
		{ "SESSIONS", COL_RIGHT }, { "STATE", 0 }, { NULL, 0 } };
	struct account_user *user;
	struct accounts *a = NULL;
	struct out_table t;
	size_t n;
	enum err rc = open_accounts(c, false, &a, e);

	if (rc == ERR_OK)
		rc = accounts_user_list(a, os_wall_ms(), &c->ctx->arena, &user,
		    &n, e);
	accounts_close(a);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		struct json_writer *w = out_json(c->out);

		json_arr(w);
		for (size_t i = 0; i < n; i++)
			user_json(w, &user[i]);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	if (n == 0)
		out_note(c->out, PAINT_DIM, "No users yet.\n");
	out_table_begin(&t, c->out, column);
	for (size_t i = 0; i < n; i++) {
		out_cell(&t, PAINT_ID, user[i].name);
		out_cell(&t, PAINT_NONE, user[i].email);
		out_cell(&t, PAINT_NONE, user[i].default_team);
		out_cellf(&t, PAINT_NONE, "%llu",
		    (unsigned long long)user[i].sessions);
		out_cell(&t, user[i].disabled ? PAINT_WARN : PAINT_GOOD,
		    user[i].disabled ? STR("disabled") : STR("active"));
	}
	out_table_end(&t);
	return ERR_OK;
}

/* --- backup, restore, verify ------------------------------------------------------ */

struct telling {
	struct cli *c;
	struct json_writer *json; /* NULL = text */
};

static void
tell_finding(void *ctx, const char *text)
{
	struct telling *t = ctx;

	if (t->json != NULL)
		json_put_z(t->json, text);
	else
		out_note(t->c->out, PAINT_BAD, "wrong: %s\n", text);
}

static void
tell_progress(void *ctx, uint64_t done, uint64_t all)
{
	struct telling *t = ctx;

	out_bar(t->c->out, done, all);
}

static void
report_json(struct json_writer *w, const struct hub_report *r)
{
	json_key(w, "events"), json_put_u(w, r->store.events);
	json_key(w, "teams"), json_put_u(w, r->store.spaces);
	json_key(w, "users"), json_put_u(w, r->users);
	json_key(w, "epoch"), json_put_z(w, r->epoch);
}

static void
report_text(struct out *o, const char *verb, const struct hub_report *r)
{
	out_say(o, "%s %llu event%s of %llu team%s, %llu user%s\n", verb,
	    (unsigned long long)r->store.events,
	    r->store.events == 1 ? "" : "s",
	    (unsigned long long)r->store.spaces,
	    r->store.spaces == 1 ? "" : "s", (unsigned long long)r->users,
	    r->users == 1 ? "" : "s");
}

static enum err
run_backup(struct cli *c, struct err_info *e)
{
	struct telling t = { .c = c };
	const struct hub_tell tell = { tell_finding, tell_progress, &t };
	const char *file = cli_arg(c, 0), *dir;
	struct json_writer *w;
	struct hub_report r;
	enum err rc = data_dir(c, &dir, e);

	if (rc != ERR_OK)
		return rc;
	out_bar_begin(c->out, "Backing up", "");
	rc = hub_backup(dir, file, os_wall_ms(), &tell, &r, e);
	out_bar_end(c->out);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "file"), json_put_z(w, file);
		json_key(w, "bytes"), json_put_u(w, r.bytes);
		report_json(w, &r);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	report_text(c->out, "Backed up", &r);
	out_say(c->out, "Read again and found whole: %s (%llu bytes)\n", file,
	    (unsigned long long)r.bytes);
	out_note(c->out, PAINT_DIM,
	    "It holds the hub's keys and password hashes: keep it as safe.\n");
	return ERR_OK;
}

static enum err
run_restore(struct cli *c, struct err_info *e)
{
	struct telling t = { .c = c };
	const struct hub_tell tell = { tell_finding, tell_progress, &t };
	const char *file = cli_arg(c, 0), *dir;
	struct json_writer *w;
	struct hub_report r;
	enum err rc = data_dir(c, &dir, e);

	if (rc != ERR_OK)
		return rc;
	out_bar_begin(c->out, "Restoring", "");
	rc = hub_restore(dir, file, os_wall_ms(), &tell, &r, e);
	out_bar_end(c->out);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		report_json(w, &r);
		json_key(w, "kept");
		if (r.kept[0] != '\0')
			json_put_z(w, r.kept);
		else
			json_put_null(w);
		json_key(w, "sessions"), json_put_u(w, r.sessions);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	report_text(c->out, "Restored", &r);
	if (r.kept[0] != '\0')
		out_say(c->out, "What was there is kept in %s\n", r.kept);
	out_say(c->out,
	    r.sessions > 0 ?
	        "Sign-ins are those that were there\n" :
	        "Nobody is signed in: everyone has to sign in again\n");
	out_note(c->out, PAINT_WARN,
	    "Users, passwords and members of teams are those of the copy: what "
	    "was changed since then - a password, a user disabled, a member "
	    "removed - has to be done again.\n");
	out_note(c->out, PAINT_DIM,
	    "Clients push what it lacks at their next sync.\n");
	return ERR_OK;
}

static enum err
run_hub_verify(struct cli *c, struct err_info *e)
{
	struct telling t = { .c = c };
	const struct hub_tell tell = { tell_finding, tell_progress, &t };
	struct hub_report r;
	const char *dir;
	enum err rc = data_dir(c, &dir, e);

	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		t.json = out_json(c->out);
		json_obj(t.json);
		json_key(t.json, "findings");
		json_arr(t.json);
	}
	out_bar_begin(c->out, "Reading", "events");
	rc = hub_verify(dir, &tell, &r, e);
	out_bar_end(c->out);
	if (c->json && (rc == ERR_OK || r.store.wrong > 0)) {
		json_end(t.json);
		report_json(t.json, &r);
		json_key(t.json, "ok"), json_put_bool(t.json, rc == ERR_OK);
		json_end(t.json);
		out_json_end(c->out);
		/* The document says it: a second one would spoil it. */
		return cli_exit(c, err_exit(rc));
	}
	if (rc != ERR_OK)
		return rc;
	report_text(c->out, "Read", &r);
	out_paint(c->out, PAINT_GOOD, "Everything is as it should be");
	out_say(c->out, "\n");
	return ERR_OK;
}

/* --- rows ---------------------------------------------------------------------- */

static const struct cmd_opt data_only[] = { DATA_OPT, { 0 } };
static const struct cmd_opt team_opts[] = {
	{ .name = "name", .arg = "NAME", .help = "what people call it" },
	DATA_OPT,
	{ 0 },
};
static const struct cmd_opt user_opts[] = {
	{ .name = "email",
	    .arg = "ADDRESS",
	    .help = "another name to sign in with" },
	{ .name = "team",
	    .arg = "SLUG",
	    .flags = OPT_REPEAT,
	    .help = "a team it belongs to; the first is its default" },
	{ .name = "password-stdin",
	    .help =
	        "read the password from standard input (else one is made)" },
	DATA_OPT,
	{ 0 },
};
static const struct cmd_opt passwd_opts[] = {
	{ .name = "password-stdin",
	    .help =
	        "read the password from standard input (else one is made)" },
	DATA_OPT,
	{ 0 },
};
static const struct cmd_arg team_arg[] = {
	{ .name = "SLUG", .help = "a-z, 0-9 and hyphens" }, { 0 }
};
static const struct cmd_arg user_arg[] = {
	{ .name = "NAME", .help = "letters, digits and . _ -" }, { 0 }
};
static const struct cmd_example user_add_examples[] = {
	{ "hub user add ann --team core", "prints a password, once" },
	{ NULL, NULL },
};

static const struct cmd cmd_team_add = { .name = "add",
	.purpose = "add a team",
	.opt = team_opts,
	.arg = team_arg,
	.run = run_team_add };
static const struct cmd cmd_team_list = { .name = "list",
	.purpose = "list the teams",
	.opt = data_only,
	.run = run_team_list };
static const struct cmd_arg member_arg[] = { { .name = "TEAM",
	                                         .help = "a shared team" },
	{ .name = "NAME", .help = "a user" }, { 0 } };
static const struct cmd cmd_team_add_user = { .name = "add-user",
	.purpose = "take a user into a team",
	.opt = data_only,
	.arg = member_arg,
	.run = run_team_add_user };
static const struct cmd cmd_team_remove_user = { .name = "remove-user",
	.purpose = "take a user out of a team; what it wrote stays",
	.opt = data_only,
	.arg = member_arg,
	.run = run_team_remove_user };
static const struct cmd *const team_verbs[] = { &cmd_team_add, &cmd_team_list,
	&cmd_team_add_user, &cmd_team_remove_user, NULL };
static const struct cmd cmd_hub_team = {
	.name = "team", .purpose = "the teams of a hub", .sub = team_verbs
};

static const struct cmd cmd_user_add = { .name = "add",
	.purpose = "add a user, with a private team of its own",
	.opt = user_opts,
	.arg = user_arg,
	.example = user_add_examples,
	.run = run_user_add };
static const struct cmd cmd_user_list = { .name = "list",
	.purpose = "list the users",
	.opt = data_only,
	.run = run_user_list };
static const struct cmd cmd_user_passwd = { .name = "passwd",
	.purpose = "set another password; every session of the user ends",
	.opt = passwd_opts,
	.arg = user_arg,
	.run = run_user_passwd };
static const struct cmd cmd_user_disable = { .name = "disable",
	.purpose = "end every session of a user, who may sign in no more",
	.opt = data_only,
	.arg = user_arg,
	.run = run_user_disable };
static const struct cmd cmd_user_enable = { .name = "enable",
	.purpose = "let a disabled user sign in again",
	.opt = data_only,
	.arg = user_arg,
	.run = run_user_enable };
static const struct cmd *const user_verbs[] = { &cmd_user_add, &cmd_user_list,
	&cmd_user_passwd, &cmd_user_disable, &cmd_user_enable, NULL };
static const struct cmd cmd_hub_user = {
	.name = "user", .purpose = "the users of a hub", .sub = user_verbs
};

static const struct cmd cmd_key_rotate = { .name = "rotate",
	.purpose = "make a new key for access tokens",
	.about =
	    "It signs from the hub's next start on. Tokens that the key "
	    "before it has signed are good until they expire; rotate twice, "
	    "starting the hub again each time, to be rid of a key.",
	.opt = data_only,
	.run = run_key_rotate };
static const struct cmd *const key_verbs[] = { &cmd_key_rotate, NULL };
static const struct cmd cmd_hub_key = { .name = "key",
	.purpose = "the keys that sign access tokens",
	.sub = key_verbs };

static const struct cmd_arg backup_arg[] = {
	{ .name = "FILE",
	    .help = "is made; must not be there",
	    .words = WORDS_FILE },
	{ 0 }
};
static const struct cmd_arg restore_arg[] = {
	{ .name = "FILE", .help = "that hub backup made", .words = WORDS_FILE },
	{ 0 }
};
static const struct cmd_example backup_examples[] = {
	{ "hub backup hub-2026-05-01.db", "also while the hub serves" },
	{ NULL, NULL },
};
static const struct cmd_example restore_examples[] = {
	{ "hub restore hub-2026-05-01.db", "while it does not serve" },
	{ NULL, NULL },
};
static const struct cmd cmd_hub_backup = { .name = "backup",
	.purpose = "copy a hub into one file, and read it again",
	.about =
	    "The log of every team as of one moment and the accounts. The "
	    "hub may serve meanwhile; others wait for nothing. The copy is "
	    "read whole and folded from nothing before it gets its name.",
	.opt = data_only,
	.arg = backup_arg,
	.example = backup_examples,
	.run = run_backup };
static const struct cmd cmd_hub_restore = { .name = "restore",
	.purpose = "put a hub back from a backup",
	.about =
	    "What is in the folder is moved aside, never removed. The hub "
	    "has a new epoch: each client sees it at its next sync, keeps "
	    "what it has and pushes what the backup lacks, so work that was "
	    "acknowledged since is not lost where a client still has it.",
	.opt = data_only,
	.arg = restore_arg,
	.example = restore_examples,
	.run = run_restore };
static const struct cmd cmd_hub_verify = { .name = "verify",
	.purpose = "read everything that a hub has stored, and check it",
	.about =
	    "As `verify` does for a home, for every team, and the accounts "
	    "with it. Changes nothing; the hub may serve meanwhile.",
	.opt = data_only,
	.run = run_hub_verify };

static const struct cmd *const hub_verbs[] = { &cmd_hub_serve, &cmd_hub_team,
	&cmd_hub_user, &cmd_hub_key, &cmd_hub_backup, &cmd_hub_restore,
	&cmd_hub_verify, NULL };
const struct cmd cmd_hub = {
	.name = "hub",
	.purpose = "serve a hub, and keep its teams and users",
	.about = "All verbs but restore work while the hub serves.",
	.sub = hub_verbs,
};
