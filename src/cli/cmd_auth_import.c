/* auth import: take over the tokens that Spec Kitty 2.x keeps in plain text.
 * The file is left alone: another program may live by it. */
#include "clock.h"
#include "cmds.h"
#include "file.h"
#include "path.h"
#include "remote.h"
#include "toml.h"
#include "when.h"

enum { FILE_MAX = 64 * 1024, DEPTH = 6 };

/* What such a file holds. */
struct found {
	struct str access, refresh, access_expires, refresh_expires, server;
};

/* Names in TOML (dotted), and in JSON either nested alike or flat. */
static const struct name {
	size_t at;
	const char *dotted, *flat, *flat2;
} names[] = {
	{ offsetof(struct found, access), "tokens.access", "access",
	    "access_token" },
	{ offsetof(struct found, refresh), "tokens.refresh", "refresh",
	    "refresh_token" },
	{ offsetof(struct found, access_expires), "tokens.access_expires_at",
	    "access_expires_at", "access_token_expires_at" },
	{ offsetof(struct found, refresh_expires), "tokens.refresh_expires_at",
	    "refresh_expires_at", "refresh_token_expires_at" },
	{ offsetof(struct found, server), "server.url", "server_url", "url" },
};
enum { NAMES = sizeof names / sizeof *names };

static struct str *
place(struct found *f, const struct name *n)
{
	return (struct str *)(void *)((char *)f + n->at);
}

static enum err
read_toml(struct str text, struct arena *a, struct found *f, struct err_info *e)
{
	struct toml t;
	enum err rc = toml_parse(text, a, &t, e);

	for (int i = 0; rc == ERR_OK && i < NAMES; i++) {
		const struct toml_entry *entry = toml_get(&t, names[i].dotted);

		if (entry != NULL && entry->value.kind == TOML_STRING)
			*place(f, &names[i]) = entry->value.string;
	}
	return rc;
}

/* "tokens.access" member by member. */
static uint32_t
json_path(const struct json *j, const char *dotted)
{
	struct str rest = str_of(dotted), part;
	uint32_t at = 0;

	while (str_split(&rest, '.', &part)) {
		struct arena a = { 0 };
		const char *name = arena_dup(&a, part);

		at = name && json_kind(j, at) == JSON_OBJECT ?
		    json_get(j, at, name) :
		    0;
		arena_fini(&a);
		if (at == 0)
			return 0;
	}
	return at;
}

static enum err
read_json(struct str text, struct arena *a, struct found *f, struct err_info *e)
{
	struct json j = { 0 };
	struct str s;
	enum err rc = json_parse(&j, text, DEPTH, e);

	for (int i = 0; rc == ERR_OK && i < NAMES; i++) {
		const char *const way[] = { names[i].dotted, names[i].flat,
			names[i].flat2 };
		uint32_t at = 0;

		for (int k = 0; at == 0 && k < 3; k++)
			at = json_path(&j, way[k]);
		if (at != 0 && json_kind(&j, at) == JSON_STRING &&
		    json_str(&j, at, a, &s))
			*place(f, &names[i]) = arena_str(a, s);
	}
	json_fini(&j);
	return rc;
}

/* The file that was named, else the first that is there. */
static enum err
find_file(struct cli *c, const char **path, struct buf *text,
    struct err_info *e)
{
	static const char *const usual[] = { "~/.spec-kitty/credentials.json",
		"~/.spec-kitty/credentials" };
	const char *given = cli_arg(c, 0);
	enum err rc = ERR_NOT_FOUND;

	if (given != NULL) {
		*path = given;
		return os_read_secret(given, FILE_MAX, text, e);
	}
	for (size_t i = 0; rc == ERR_NOT_FOUND && i < 2; i++) {
		rc = os_expand(&c->ctx->arena, usual[i], path, e);
		if (rc == ERR_OK)
			rc = os_read_secret(*path, FILE_MAX, text, e);
	}
	return rc == ERR_NOT_FOUND ?
	    err_setf(e, ERR_NOT_FOUND,
	        "there is no credentials.json and no credentials file in "
	        "~/.spec-kitty") :
	    rc;
}

static enum err
check(struct cli *c, const struct remote *a, struct found *f, const char *path,
    struct err_info *e)
{
	struct str server = { 0 };
	enum err rc = ERR_OK;

	if (f->access.n == 0 || f->refresh.n == 0)
		return err_setf(e, ERR_NOT_FOUND, "%s holds no tokens", path);
	if (f->server.n > 0)
		rc = config_url(f->server, &c->ctx->arena, &server, e);
	if (rc == ERR_OK && server.n > 0 && !str_eq(server, remote_server(a)))
		rc = err_setf(e, ERR_REFUSED,
		    "%s is for %.*s, the configured server is %.*s", path,
		    STR_ARG(server), STR_ARG(remote_server(a)));
	return rc;
}

static enum err
import(struct remote *a, const struct found *f, struct err_info *e)
{
	int64_t now = os_wall_ms();
	struct session s = { .access_token = f->access,
		.refresh_token = f->refresh,
		.scope = STR("offline_access"),
		.method = SESSION_PASSWORD,
		.issued_ms = now,
		.last_used_ms = now,
		.refresh_expires_ms = SESSION_NEVER };

	if (!when_parse(f->access_expires, &s.access_expires_ms))
		s.access_expires_ms = 0; /* not known: renewed at once */
	if (!when_parse(f->refresh_expires, &s.refresh_expires_ms))
		s.refresh_expires_ms = SESSION_NEVER;
	return remote_adopt(a, &s, e);
}

static enum err
import_run(struct cli *c, struct err_info *e)
{
	struct buf text = { 0 };
	struct found f = { 0 };
	const struct session *s;
	const char *path = NULL;
	struct json_writer *w;
	struct remote *a = NULL;
	enum err rc = remote_open(&a, c->ctx, e);

	if (rc == ERR_NOT_FOUND)
		cli_hint(c, "sync server https://hub.example.com");
	if (rc == ERR_OK)
		rc = find_file(c, &path, &text, e);
	if (rc == ERR_OK)
		rc = str_starts(str_trim(buf_str(&text)), STR("{")) ?
		    read_json(buf_str(&text), &c->ctx->arena, &f, e) :
		    read_toml(buf_str(&text), &c->ctx->arena, &f, e);
	if (rc == ERR_OK)
		rc = check(c, a, &f, path, e);
	if (rc == ERR_OK)
		rc = import(a, &f, e);
	if (rc == ERR_OK)
		rc = remote_session(a, &s, e);
	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "user"), json_put_str(w, s->name);
		json_key(w, "server_url"), json_put_str(w, s->server_url);
		json_key(w, "from"), json_put_z(w, path);
		json_end(w);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		out_say(c->out, "Signed in as ");
		out_str(c->out, PAINT_GOOD, s->name);
		out_say(c->out, " with the tokens of ");
		out_str(c->out, PAINT_NONE, str_of(path));
		out_say(c->out, ", which stays as it is.\n");
	}
	buf_fini(&text);
	remote_close(a);
	return rc;
}

const struct cmd cmd_auth_import = {
	.name = "import",
	.purpose = "take over the sign-in of Spec Kitty 2.x",
	.about = "Reads credentials.json or credentials (TOML) and keeps the "
	         "session sealed in our own home. The file is left alone, but "
	         "tokens change when they are renewed: two programs that share "
	         "them will want a sign-in of their own in the end.",
	.arg =
	    (const struct cmd_arg[]){
	        { "FILE", "else looked for in ~/.spec-kitty", NULL,
	            ARG_OPTIONAL, WORDS_FILE },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "auth import", "from ~/.spec-kitty" },
	        { "auth import ./credentials.json", "from a file" },
	        { 0 },
	    },
	.run = import_run,
};
