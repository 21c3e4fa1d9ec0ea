/* auth: who is signed in at the hub. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "cmds.h"
#include "daemon_link.h"
#include "file.h"
#include "remote.h"
#include "session_file.h"
#include "status.h"
#include "tty.h"
#include "when.h"

enum { PASSWORD_MAX = 1024, LABEL = 13 };

static void
put_time(struct json_writer *w, const char *key, int64_t ms)
{
	json_key(w, key);
	if (ms == SESSION_NEVER)
		json_put_null(w);
	else
		when_put(w, ms);
}

static void
put_text(struct json_writer *w, const char *key, struct str s)
{
	json_key(w, key);
	if (s.n > 0)
		json_put_str(w, s);
	else
		json_put_null(w);
}

/* --- auth login ---------------------------------------------------------------- */

/* The first line of stdin, without its end. */
static enum err
password_from_stdin(struct buf *out, struct err_info *e)
{
	enum err rc =
	    os_read_fd(STDIN_FILENO, "password", PASSWORD_MAX, out, e);
	size_t end = 0;

	if (rc != ERR_OK)
		return rc;
	while (end < out->len && out->data[end] != '\n' &&
	    out->data[end] != '\r')
		end++;
	out->len = end;
	return end > 0 ? ERR_OK :
	                 err_setf(e, ERR_USAGE, "the password is empty");
}

static enum err
get_password(struct cli *c, struct str user, struct str server, struct buf *out,
    struct err_info *e)
{
	const char *given = cli_opt(c, "password");
	const char *prompt;
	enum err rc;

	if (given != NULL && cli_has(c, "password-stdin"))
		return cli_usage(e,
		    "--password and --password-stdin exclude "
		    "each other");
	if (cli_has(c, "password-stdin"))
		return password_from_stdin(out, e);
	if (given != NULL) {
		buf_adds(out, given);
		/* Other users of this machine can read our words. */
		sodium_memzero((void *)(uintptr_t)given, strlen(given));
		return buf_ok(out, e);
	}
	prompt = arena_fmt(&c->ctx->arena,
	    "Password of %.*s at %.*s: ", STR_ARG(user), STR_ARG(server));
	rc = prompt ? os_read_password(prompt, out, e) : err_set(e, ERR_NOMEM);
	if (rc == ERR_UNSUPPORTED)
		return cli_usage(e,
		    "there is no terminal to ask for a password: "
		    "use --password-stdin");
	return rc;
}

static enum err
get_user(struct cli *c, struct str *ret, struct err_info *e)
{
	const char *given = cli_opt(c, "user");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (given != NULL) {
		*ret = str_of(given);
	} else if (os_is_tty(STDIN_FILENO) && os_is_tty(STDERR_FILENO)) {
		(void)fputs("User: ", stderr);
		n = getline(&line, &cap, stdin);
		if (n > 0)
			*ret = arena_str(&c->ctx->arena,
			    str_trim(str_n(line, (size_t)n)));
		free(line);
	} else {
		return cli_usage(e, "-u USER is missing");
	}
	return ret->n > 0 ? ERR_OK : cli_usage(e, "the user name is empty");
}

/* Already signed in there, and the session is good for more. */
static bool
is_signed_in(struct remote *a, const struct session **ret)
{
	struct err_info why = { 0 };
	int64_t now = os_wall_ms();

	return remote_session(a, ret, &why) == ERR_OK &&
	    ((*ret)->refresh_expires_ms == SESSION_NEVER ||
	        (*ret)->refresh_expires_ms > now);
}

static void
warn_plain(struct cli *c, struct str server)
{
	if (str_starts(server, STR("http://")) &&
	    !str_starts(server, STR("http://127.")) &&
	    !str_starts(server, STR("http://localhost")) &&
	    !str_starts(server, STR("http://[::1]")))
		out_note(c->out, PAINT_WARN,
		    "warning: %.*s is not encrypted: others on the way can "
		    "read "
		    "the password",
		    STR_ARG(server));
}

static void
write_session(struct json_writer *w, const struct session *s)
{
	json_key(w, "signed_in"), json_put_bool(w, true);
	put_text(w, "user", s->name);
	put_text(w, "email", s->email);
	put_text(w, "user_id", s->user_id);
	put_text(w, "server_url", s->server_url);
	json_key(w, "teams"), json_arr(w);
	for (size_t i = 0; i < s->n_teams; i++)
		json_put_str(w, s->team[i].slug);
	json_end(w);
	put_text(w, "session_id", s->session_id);
	json_key(w, "auth_method");
	json_put_z(w, session_method_name(s->method));
	put_time(w, "access_token_expires_at", s->access_expires_ms);
	put_time(w, "refresh_token_expires_at", s->refresh_expires_ms);
}

static void
say_teams(struct cli *c, const struct session *s)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < s->n_teams; i++)
		buf_addf(&b, "%s%.*s", i > 0 ? ", " : "",
		    STR_ARG(s->team[i].slug));
	out_pair(c->out, LABEL, "Teams", PAINT_NONE, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static enum err
say_login(struct cli *c, const struct session *s, const char *how,
    struct err_info *e)
{
	struct status st;
	struct json_writer *w;
	enum err rc;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		write_session(w, s);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	out_say(c->out, "%s as ", how);
	out_str(c->out, PAINT_GOOD, s->name);
	out_say(c->out, "\n");
	out_pair(c->out, LABEL, "Server", PAINT_NONE, "%.*s",
	    STR_ARG(s->server_url));
	say_teams(c, s);
	rc = status_read(c->ctx, &st, e);
	if (rc != ERR_OK || st.unacked == 0)
		return rc;
	out_say(c->out, "%llu event%s from before wait%s to be sent",
	    (unsigned long long)st.unacked, st.unacked == 1 ? "" : "s",
	    st.unacked == 1 ? "s" : "");
	if (daemon_is_wished(c->ctx))
		out_say(c->out, ", which the daemon does\n");
	else
		out_say(c->out, ": %s sync now\n", c->ctx->program);
	return ERR_OK;
}

static enum err
already(struct cli *c, const struct session *s, struct err_info *e)
{
	const char *user = cli_opt(c, "user");

	if (user == NULL || str_eq_nocase(str_of(user), s->name) ||
	    str_eq_nocase(str_of(user), s->email))
		return say_login(c, s, "Already signed in", e);
	return err_setf(e, ERR_REFUSED,
	    "%.*s is signed in here; to sign in as %s add --force",
	    STR_ARG(s->name), user);
}

static enum err
login_run(struct cli *c, struct err_info *e)
{
	struct buf password = { 0 };
	const struct session *s;
	struct str user = { 0 };
	struct remote *a = NULL;
	enum err rc = remote_open(&a, c->ctx, e);

	if (rc == ERR_NOT_FOUND)
		cli_hint(c, "sync server https://hub.example.com");
	if (rc != ERR_OK)
		goto done;
	if (!cli_has(c, "force") && is_signed_in(a, &s)) {
		rc = already(c, s, e);
		goto done;
	}
	warn_plain(c, remote_server(a));
	rc = get_user(c, &user, e);
	if (rc == ERR_OK)
		rc = get_password(c, user, remote_server(a), &password, e);
	if (rc == ERR_OK)
		rc = remote_login(a, user, buf_str(&password), e);
	if (rc == ERR_CREDENTIALS)
		cli_hint_word(c, "auth login -u", user);
	if (rc == ERR_PROTOCOL)
		cli_hint(c, "sync server https://hub.example.com");
	if (rc == ERR_OK)
		rc = remote_session(a, &s, e);
	if (rc == ERR_OK)
		rc = say_login(c, s, "Signed in", e);
done:
	buf_wipe(&password);
	remote_close(a);
	return rc;
}

static const struct cmd auth_login = {
	.name = "login",
	.purpose = "sign in at the hub",
	.about =
	    "Asks for what is not given. What was made here before the first "
	    "sign-in becomes part of the account's private team. Who has "
	    "forgotten a password gets a new one from whoever runs the hub, "
	    "by `hub user passwd` there, which ends every session of the "
	    "account.",
	.opt =
	    (const struct cmd_opt[]){
	        { 'u', "user", "USER", "name or e-mail address", NULL, 0, 0 },
	        { 'p', "password", "PASSWORD",
	            "better: the prompt or --password-stdin", NULL, 0, 0 },
	        { 0, "password-stdin", NULL, "read the password from stdin",
	            NULL, 0, 0 },
	        { 0, "force", NULL, "sign in again, also as somebody else",
	            NULL, 0, 0 },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "auth login -u ann", "asks for the password" },
	        { "auth login -u ann --password-stdin < secret",
	            "for scripts" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 3, "wrong user name or password" },
	        { 4, "somebody else is signed in" },
	        { 5, "the hub cannot be reached" },
	        { 0 },
	    },
	.run = login_run,
};

/* --- auth logout ------------------------------------------------------------------ */

static enum err
logout_run(struct cli *c, struct err_info *e)
{
	struct json_writer *w;
	struct remote *a = NULL;
	bool told = false;
	enum err rc = remote_open(&a, c->ctx, e);

	/* Without a server there is no session either. */
	if (rc == ERR_NOT_FOUND)
		rc = err_setf(e, ERR_SIGN_IN, "not signed in");
	if (rc == ERR_OK)
		rc = remote_logout(a, &told, e);
	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "signed_in"), json_put_bool(w, false);
		json_key(w, "server_told"), json_put_bool(w, told);
		json_end(w);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		out_say(c->out, "Signed out. What is queued stays here.\n");
		if (!told)
			out_say(c->out,
			    "The server was not told: the session "
			    "ends there by itself.\n");
	}
	remote_close(a);
	return rc;
}

static const struct cmd auth_logout = {
	.name = "logout",
	.purpose = "end the session",
	.about =
	    "Nothing of the work is removed; it waits for the next sign-in.",
	.example =
	    (const struct cmd_example[]){
	        { "auth logout", "end the session here and at the hub" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){ { 3, "nobody was signed in" }, { 0 } },
	.run = logout_run,
};

/* --- auth status, auth whoami --------------------------------------------------------- */

static void
say_expiry(struct cli *c, const char *label, int64_t ms, int64_t now)
{
	struct buf b = { 0 };

	if (ms == SESSION_NEVER) {
		buf_adds(&b, "does not expire");
	} else {
		buf_adds(&b, ms > now ? "expires " : "expired ");
		when_ago(ms, now, &b);
	}
	out_pair(c->out, LABEL, label,
	    ms == SESSION_NEVER || ms > now ? PAINT_NONE : PAINT_WARN, "%.*s",
	    STR_ARG(buf_str(&b)));
	buf_fini(&b);
}

static void
say_session(struct cli *c, const struct home *h, const struct session *s)
{
	int64_t now = os_wall_ms();

	out_say(c->out, "Signed in as ");
	out_str(c->out, PAINT_GOOD, s->name);
	out_say(c->out, "\n");
	if (s->email.n > 0)
		out_pair(c->out, LABEL, "E-mail", PAINT_NONE, "%.*s",
		    STR_ARG(s->email));
	out_pair(c->out, LABEL, "Server", PAINT_NONE, "%.*s",
	    STR_ARG(s->server_url));
	say_teams(c, s);
	say_expiry(c, "Access token", s->access_expires_ms, now);
	say_expiry(c, "Session", s->refresh_expires_ms, now);
	out_pair(c->out, LABEL, "Kept in", PAINT_NONE, "%s", h->session);
}

/* The session of the configured server; nothing is sent. */
static enum err
local_session(struct cli *c, struct remote **a, const struct session **ret,
    struct err_info *e)
{
	enum err rc = remote_open(a, c->ctx, e);

	if (rc == ERR_NOT_FOUND)
		return err_setf(e, ERR_SIGN_IN, "not signed in");
	return rc == ERR_OK ? remote_session(*a, ret, e) : rc;
}

static enum err
status_run(struct cli *c, struct err_info *e)
{
	const struct session *s;
	const struct home *h;
	struct json_writer *w;
	struct remote *a = NULL;
	enum err rc = local_session(c, &a, &s, e);

	if (rc == ERR_OK)
		rc = ctx_home(c->ctx, &h, e);
	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		json_obj(w);
		write_session(w, s);
		json_end(w);
		out_json_end(c->out);
	} else if (rc == ERR_OK && s->name.n == 0) {
		out_say(c->out, "A token from CLOWDER_TOKEN_FILE is in use.\n");
	} else if (rc == ERR_OK) {
		say_session(c, h, s);
	}
	remote_close(a);
	return rc;
}

static const struct cmd auth_status = {
	.name = "status",
	.purpose = "show who is signed in, where, and for how long",
	.about = "Looks at this machine only; nothing is sent.",
	.example =
	    (const struct cmd_example[]){
	        { "auth status", "who is signed in" },
	        { "auth status --json", "the same for a program" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){ { 3, "nobody is signed in" }, { 0 } },
	.run = status_run,
};

static enum err
whoami_run(struct cli *c, struct err_info *e)
{
	const struct session *s;
	struct json_writer *w;
	struct remote *a = NULL;
	enum err rc = local_session(c, &a, &s, e);

	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		json_obj(w);
		put_text(w, "user", s->name);
		put_text(w, "email", s->email);
		put_text(w, "user_id", s->user_id);
		json_end(w);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		out_str(c->out, PAINT_NONE, s->name);
		out_say(c->out, "\n");
	}
	remote_close(a);
	return rc;
}

static const struct cmd auth_whoami = {
	.name = "whoami",
	.purpose = "print the name of the account",
	.example =
	    (const struct cmd_example[]){
	        { "auth whoami", "the name alone" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){ { 3, "nobody is signed in" }, { 0 } },
	.run = whoami_run,
};

const struct cmd cmd_auth = {
	.name = "auth",
	.purpose = "sign in, sign out, see who is signed in",
	.sub = (const struct cmd *const[]){ &auth_login, &auth_logout,
	    &auth_status, &auth_whoami, &cmd_auth_import, &cmd_auth_doctor,
	    NULL },
};
