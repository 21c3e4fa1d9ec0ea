/* One run: parse, do, say how it went.
 *
 * An error is printed once, on stderr: "clowder: what went wrong", below it a
 * command that helps (never one that destroys).  With --json stdout gets
 * {"error","message","hint"} as well, so that a program reads one stream. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "after.h"
#include "cmds.h"
#include "help.h"
#include "log.h"
#include "path.h"
#include "proc.h"
#include "words.h"

/* What helps with an error that names no command itself. */
static const struct {
	enum err code;
	const char *hint;
} hints[] = {
	{ ERR_SIGN_IN, "auth login" },
	{ ERR_UNAUTHORIZED, "auth login" },
	{ ERR_GRANT, "auth login" },
	{ ERR_SESSION, "auth login" },
	{ ERR_UNREACHABLE, "sync status --check" },
	{ ERR_TIMEOUT, "sync status --check" },
	{ ERR_UNAVAILABLE, "sync status --check" },
	{ ERR_TLS, "sync status --check" },
	{ ERR_CORRUPT, "verify" },
	{ ERR_CONFIG, "doctor" },
};

enum { EXIT_USAGE = 2, EXIT_OUTPUT = 1 };

enum err
cli_exit(struct cli *c, int code)
{
	c->exit = code;
	return ERR_OK;
}

void
cli_hint(struct cli *c, const char *fmt, ...)
{
	va_list ap;

	buf_reset(&c->hint);
	buf_adds(&c->hint, c->ctx->program);
	buf_addc(&c->hint, ' ');
	va_start(ap, fmt);
	buf_vaddf(&c->hint, fmt, ap);
	va_end(ap);
}

void
cli_hint_word(struct cli *c, const char *command, struct str word)
{
	cli_hint(c, "%s ", command);
	words_shell(word, &c->hint);
}

/* Of the hub, whose files are not this home's. */
static bool
is_of_hub(const struct cli *c)
{
	return c->depth > 1 && str_is(str_of(c->path[0]->name), "hub");
}

static void
default_hint(struct cli *c, enum err code)
{
	struct buf path = { 0 };

	if (c->hint.len > 0)
		return;
	if (code == ERR_USAGE) {
		help_path(c, &path);
		cli_hint(c, "help%s%.*s", path.len > 0 ? " " : "",
		    STR_ARG(buf_str(&path)));
		buf_fini(&path);
		return;
	}
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
		if (hints[i].code == code && !is_of_hub(c))
			cli_hint(c, "%s", hints[i].hint);
}

static void
print_error(struct cli *c, const struct err_info *e)
{
	struct json_writer *w;
	struct buf usage = { 0 };

	default_hint(c, e->code);
	out_json_drop(c->out);
	if (c->json) {
		w = c->out->doc_lines ? out_json_line(c->out) :
		                        out_json(c->out);
		json_obj(w);
		json_key(w, "error"), json_put_z(w, err_wire(e->code));
		json_key(w, "message"), json_put_z(w, e->text);
		json_key(w, "hint");
		json_put_z(w, c->hint.len > 0 ? c->hint.data : NULL);
		json_end(w);
		out_json_end(c->out);
	}
	out_err(c->out, c->ctx->program, str_of(e->text));
	if (e->code == ERR_USAGE && c->cmd != NULL) {
		buf_addf(&usage, "%s ", c->ctx->program);
		help_usage(c, '\n', &usage);
		out_note_parts(c->out, "usage:", buf_str(&usage), '\n');
	}
	if (c->hint.len > 0)
		out_note(c->out, PAINT_DIM, "try: %s", c->hint.data);
	buf_fini(&usage);
}

/* Commands say what they have to say themselves; the log is for whoever looks
 * for a fault: CLOWDER_LOG=debug. */
static void
set_log(const struct cli *c)
{
	static const char *const name[] = { [LOG_ERROR] = "error",
		[LOG_WARN] = "warn",
		[LOG_INFO] = "info",
		[LOG_DEBUG] = "debug" };
	const char *set = getenv("CLOWDER_LOG");
	enum log_level level = c->cmd->flags & CMD_LOGS ? LOG_INFO : LOG_ERROR;

	for (size_t i = 0; set && i < sizeof name / sizeof *name; i++)
		if (strcmp(set, name[i]) == 0)
			level = (enum log_level)i;
	log_to(STDERR_FILENO, level);
}

static enum err
run(struct cli *c, struct err_info *e)
{
	enum err rc;

	if (c->cmd == NULL && c->json && !c->help)
		return cli_usage(e, "no command was named");
	if (c->help || c->cmd == NULL) {
		if (c->json)
			help_json(c, c->out);
		else
			help_print(c, c->out);
		/* Bare `clowder` is a question, not a success. */
		return cli_exit(c, c->help ? 0 : EXIT_USAGE);
	}
	set_log(c);
	if (c->cmd->flags & CMD_LONG) {
		rc = os_signals_catch(e);
		if (rc != ERR_OK)
			return rc;
	}
	return c->cmd->run(c, e);
}

/* What was printed stands before what went wrong; nothing is a success whose
 * output was lost. */
static int
finish(struct cli *c, enum err rc, struct err_info *e)
{
	struct err_info lost = { 0 };
	int code = c->exit >= 0 ? c->exit : 0;

	if (c->ctx->was_empty)
		out_note(c->out, PAINT_WARN,
		    "note: %s was empty, so a new store was begun; what a hub "
		    "has comes back with the next sync, anything else is gone",
		    c->ctx->home.store);
	if (rc != ERR_OK) {
		print_error(c, e);
		code = c->exit > 0 ? c->exit : err_exit(rc);
	}
	if (out_end(c->out, &lost) != ERR_OK) {
		out_err(c->out, c->ctx->program, str_of(lost.text));
		code = code != 0 ? code : EXIT_OUTPUT;
	}
	return code;
}

/* --json is obeyed also where the words behind it were wrong. */
static bool
wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int
cli_main(int argc, char **argv)
{
	struct err_info e = { 0 };
	struct ctx ctx;
	struct out out;
	struct cli c = { .ctx = &ctx, .out = &out };
	enum err rc;
	int code;

	ctx_init(&ctx, argc > 0 ? argv[0] : "clowder");
	rc = cli_parse(&c, argc - (argc > 0), argv + (argc > 0), &e);
	c.json |= rc == ERR_USAGE && wants_json(argc, argv);
	out_init(&out, STDOUT_FILENO, STDERR_FILENO, !c.no_colour);
	if (rc == ERR_OK && c.version)
		rc = cmd_version.run(&c, &e);
	else if (rc == ERR_OK)
		rc = run(&c, &e);
	if (rc == ERR_OK)
		after_command(&c);
	code = finish(&c, rc, &e);
	cli_fini(&c);
	out_fini(&out);
	ctx_fini(&ctx);
	return code;
}
