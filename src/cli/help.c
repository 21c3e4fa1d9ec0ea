#include "help.h"

#include <string.h>

#include "text.h"

enum { INDENT = 2, OPT_COLUMNS_MAX = 28 };

void
help_path(const struct cli *c, struct buf *out)
{
	for (unsigned i = 0; i < c->depth; i++)
		buf_addf(out, "%s%s", i > 0 ? " " : "", c->path[i]->name);
}

static void
usage_opt(const struct cmd_opt *o, char gap, struct buf *out)
{
	buf_addf(out, "%c[", gap);
	if (o->letter != 0)
		buf_addf(out, "-%c|", o->letter);
	buf_addf(out, "--%s", o->name);
	if (o->arg != NULL)
		buf_addf(out, " %s", o->arg);
	buf_addf(out, "]%s", o->flags & OPT_REPEAT ? "..." : "");
}

static void
usage_arg(const struct cmd_arg *a, char gap, struct buf *out)
{
	bool may = (a->flags & ARG_OPTIONAL) != 0;

	buf_addf(out, "%c%s%s%s%s", gap, may ? "[" : "", a->name,
	    a->flags & ARG_REPEAT ? "..." : "", may ? "]" : "");
}

void
help_usage(const struct cli *c, char gap, struct buf *out)
{
	help_path(c, out);
	if (c->cmd == NULL || c->cmd->sub != NULL) {
		bool may = c->cmd != NULL && c->cmd->run != NULL;

		buf_addf(out, may ? "%s[COMMAND ...]" : "%sCOMMAND ...",
		    c->depth > 0 ? " " : "");
		return;
	}
	for (const struct cmd_arg *a = c->cmd->arg; a && a->name; a++)
		usage_arg(a, gap, out);
	for (const struct cmd_opt *o = c->cmd->opt; o && o->name; o++)
		usage_opt(o, gap, out);
}

void
help_expand(const char *text, const char *program, struct buf *out)
{
	struct str rest = str_of(text);

	for (size_t i; rest.n > 0; rest = str_n(rest.p + i, rest.n - i)) {
		for (i = 0; i < rest.n; i++)
			if (rest.p[i] == '%' && i + 1 < rest.n &&
			    rest.p[i + 1] == 'p')
				break;
		buf_add(out, rest.p, i);
		if (i < rest.n) {
			buf_adds(out, program);
			i += 2;
		}
	}
}

static void
say_expanded(struct out *o, const char *text, const char *program,
    unsigned indent)
{
	struct buf b = { 0 };

	help_expand(text, program, &b);
	out_wrap(o, buf_str(&b), indent);
	buf_fini(&b);
}

static void
title(struct out *o, const char *text)
{
	out_say(o, "\n");
	out_paint(o, PAINT_TITLE, "%s", text);
	out_say(o, "\n");
}

/* "  -v, --verbose      what it does" */
static void
opt_name(const struct cmd_opt *o, struct buf *out)
{
	if (o->letter != 0)
		buf_addf(out, "-%c, ", o->letter);
	else
		buf_adds(out, "    ");
	buf_addf(out, "--%s%s%s", o->name, o->arg ? " " : "",
	    o->arg ? o->arg : "");
}

static size_t
widest_opt(const struct cmd_opt *o, size_t least)
{
	struct buf b = { 0 };

	for (; o != NULL && o->name != NULL; o++) {
		buf_reset(&b);
		opt_name(o, &b);
		if (b.len > least && b.len <= OPT_COLUMNS_MAX)
			least = b.len;
	}
	buf_fini(&b);
	return least;
}

/* A name, and beside it what it is; the text of a long name goes below. */
static void
row(struct out *o, struct str name, const char *help, const char *choice,
    size_t columns)
{
	struct buf b = { 0 };

	out_say(o, "  ");
	if (name.n <= columns) {
		out_fit(o, PAINT_ID, name, columns);
	} else {
		out_str(o, PAINT_ID, name);
		out_say(o, "\n  %*s", (int)columns, "");
	}
	buf_adds(&b, help);
	if (choice != NULL)
		buf_addf(&b, " (%s)", choice);
	out_say(o, "  ");
	out_flow(o, buf_str(&b), ' ', (unsigned)columns + 4,
	    (unsigned)columns + 4);
	buf_fini(&b);
}

static void
opt_rows(struct out *o, const struct cmd_opt *opt, size_t columns)
{
	struct buf b = { 0 };

	for (; opt != NULL && opt->name != NULL; opt++) {
		buf_reset(&b);
		opt_name(opt, &b);
		row(o, buf_str(&b), opt->help, opt->choice, columns);
	}
	buf_fini(&b);
}

static void
print_options(const struct cli *c, struct out *o)
{
	const struct cmd_opt *own = c->cmd ? c->cmd->opt : NULL;
	size_t columns = widest_opt(cmd_global_opts, widest_opt(own, 0));

	if (own != NULL && own->name != NULL) {
		title(o, "Options");
		opt_rows(o, own, columns);
	}
	title(o, "Every command");
	opt_rows(o, cmd_global_opts, columns);
}

static void
print_args(const struct cmd *cmd, struct out *o)
{
	size_t columns = 0;

	if (cmd->arg == NULL || cmd->arg->name == NULL)
		return;
	for (const struct cmd_arg *a = cmd->arg; a->name; a++)
		if (strlen(a->name) > columns)
			columns = strlen(a->name);
	title(o, "Words");
	for (const struct cmd_arg *a = cmd->arg; a->name; a++)
		row(o, str_of(a->name), a->help, a->choice, columns);
}

static void
print_examples(const struct cli *c, struct out *o)
{
	const struct cmd_example *x = c->cmd->example;

	if (x == NULL || x->line == NULL)
		return;
	title(o, "Examples");
	for (; x->line != NULL; x++) {
		out_say(o, "  %s %s\n", c->ctx->program, x->line);
		if (x->what[0] != '\0')
			out_say(o, "      %s\n", x->what);
	}
}

static void
print_exits(const struct cmd *cmd, struct out *o)
{
	if (cmd->exits == NULL || cmd->exits->when == NULL)
		return;
	title(o, "Exit codes");
	for (const struct cmd_exit *x = cmd->exits; x->when; x++)
		out_say(o, "  %-3d  %s\n", x->code, x->when);
}

static size_t
widest_name(const struct cmd *cmd)
{
	size_t columns = 0, at = 0;

	for (const struct cmd *s; (s = cmd_next(cmd, &at)) != NULL;)
		if (strlen(s->name) > columns)
			columns = strlen(s->name);
	return columns;
}

static void
print_program(const struct cli *c, struct out *o)
{
	size_t columns = widest_name(NULL);

	out_say(o,
	    "%s keeps the state of work - projects, features, work "
	    "packages, todos -\nthe same for everybody who works on it, "
	    "online or off.\n\nUsage: %s COMMAND ...\n",
	    c->ctx->title, c->ctx->program);
	for (const struct cmd_section *s = cmd_sections; s->title; s++) {
		title(o, s->title);
		for (size_t i = 0; s->cmd[i] != NULL; i++)
			if (!(s->cmd[i]->flags & CMD_HIDDEN))
				row(o, str_of(s->cmd[i]->name),
				    s->cmd[i]->purpose, NULL, columns);
	}
	print_options(c, o);
	out_say(o, "\n%s help COMMAND shows more of one, with examples.\n",
	    c->ctx->program);
}

static void
print_subs(const struct cli *c, struct out *o)
{
	size_t columns = widest_name(c->cmd), at = 0;

	if (c->cmd->sub == NULL)
		return;
	title(o, "Commands");
	for (const struct cmd *s; (s = cmd_next(c->cmd, &at)) != NULL;)
		row(o, str_of(s->name), s->purpose, NULL, columns);
}

void
help_print(const struct cli *c, struct out *o)
{
	struct buf usage = { 0 };

	if (c->cmd == NULL) {
		print_program(c, o);
		return;
	}
	help_usage(c, '\n', &usage);
	out_paint(o, PAINT_TITLE, "%s", c->cmd->purpose);
	out_say(o, "\n\nUsage: %s ", c->ctx->program);
	out_flow(o, buf_str(&usage), '\n',
	    (unsigned)strlen(c->ctx->program) + 8, 7);
	buf_fini(&usage);
	if (c->cmd->about != NULL) {
		out_say(o, "\n");
		say_expanded(o, c->cmd->about, c->ctx->program, 0);
	}
	print_subs(c, o);
	print_args(c->cmd, o);
	print_options(c, o);
	print_examples(c, o);
	print_exits(c->cmd, o);
}

/* --- as JSON -------------------------------------------------------------------- */

static void
put_opts(struct json_writer *w, const struct cmd_opt *o)
{
	char letter[2] = "";

	json_key(w, "options"), json_arr(w);
	for (; o != NULL && o->name != NULL; o++) {
		letter[0] = o->letter;
		json_obj(w);
		json_key(w, "name"), json_put_z(w, o->name);
		json_key(w, "letter"), json_put_z(w, o->letter ? letter : NULL);
		json_key(w, "argument"), json_put_z(w, o->arg);
		json_key(w, "choice"), json_put_z(w, o->choice);
		json_key(w, "repeat"), json_put_bool(w, o->flags & OPT_REPEAT);
		json_key(w, "help"), json_put_z(w, o->help);
		json_end(w);
	}
	json_end(w);
}

static void
put_args(struct json_writer *w, const struct cmd_arg *a)
{
	json_key(w, "words"), json_arr(w);
	for (; a != NULL && a->name != NULL; a++) {
		json_obj(w);
		json_key(w, "name"), json_put_z(w, a->name);
		json_key(w, "choice"), json_put_z(w, a->choice);
		json_key(w, "optional"),
		    json_put_bool(w, a->flags & ARG_OPTIONAL);
		json_key(w, "repeat"), json_put_bool(w, a->flags & ARG_REPEAT);
		json_key(w, "help"), json_put_z(w, a->help);
		json_end(w);
	}
	json_end(w);
}

static void
put_command(struct json_writer *w, const struct cmd *cmd)
{
	size_t at = 0;

	json_obj(w);
	json_key(w, "name"), json_put_z(w, cmd->name);
	json_key(w, "purpose"), json_put_z(w, cmd->purpose);
	if (cmd->sub != NULL) {
		json_key(w, "commands"), json_arr(w);
		for (const struct cmd *s; (s = cmd_next(cmd, &at)) != NULL;)
			put_command(w, s);
		json_end(w);
	} else {
		put_args(w, cmd->arg);
		put_opts(w, cmd->opt);
		json_key(w, "examples"), json_arr(w);
		for (const struct cmd_example *x = cmd->example; x && x->line;
		     x++)
			json_put_z(w, x->line);
		json_end(w);
		json_key(w, "exit_codes"), json_obj(w);
		for (const struct cmd_exit *x = cmd->exits; x && x->when; x++) {
			struct buf code = { 0 };

			buf_addf(&code, "%d", x->code);
			json_key_str(w, buf_str(&code));
			json_put_z(w, x->when);
			buf_fini(&code);
		}
		json_end(w);
	}
	json_end(w);
}

void
help_json(const struct cli *c, struct out *o)
{
	if (c->cmd == NULL) {
		commands_json(o);
		return;
	}
	put_command(out_json(o), c->cmd);
	out_json_end(o);
}

void
commands_json(struct out *o)
{
	struct json_writer *w = out_json(o);
	size_t at = 0;

	json_obj(w);
	json_key(w, "version"), json_put_z(w, CLOWDER_VERSION);
	put_opts(w, cmd_global_opts);
	json_key(w, "commands"), json_arr(w);
	for (const struct cmd *c; (c = cmd_next(NULL, &at)) != NULL;)
		put_command(w, c);
	json_end(w);
	json_end(w);
	out_json_end(o);
}
