/* What tells about the program itself: help, version, man, commands. */
#include "cmds.h"
#include "help.h"

static enum err
help_run(struct cli *c, struct err_info *e)
{
	size_t n = c->n_words;
	struct cli about = { .ctx = c->ctx, .out = c->out };

	about.cmd = cmd_find(c->word, &n);
	if (n < c->n_words) {
		const char *near = cmd_nearest(about.cmd, c->word[n]);

		return near ?
		    cli_usage(e,
		        "there is no command '%.100s', did you mean "
		        "'%s'?",
		        c->word[n], near) :
		    cli_usage(e, "there is no command '%.100s'", c->word[n]);
	}
	for (size_t i = 0; i < n; i++)
		about.path[about.depth++] =
		    cmd_sub(i > 0 ? about.path[i - 1] : NULL, c->word[i]);
	if (c->json)
		help_json(&about, c->out);
	else
		help_print(&about, c->out);
	return ERR_OK;
}

const struct cmd cmd_help = {
	.name = "help",
	.purpose = "show what a command does, with examples",
	.arg =
	    (const struct cmd_arg[]){
	        { .name = "COMMAND",
	            .help = "one or two words",
	            .flags = ARG_OPTIONAL | ARG_REPEAT,
	            .words = WORDS_COMMAND },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "help sync now", "what `sync now` does and takes" },
	        { 0 },
	    },
	.run = help_run,
};

static enum err
version_run(struct cli *c, struct err_info *e)
{
	struct json_writer *w;

	(void)e;
	if (!c->json) {
		out_say(c->out, "%s %s\n", c->ctx->program, CLOWDER_VERSION);
		return ERR_OK;
	}
	w = out_json(c->out);
	json_obj(w);
	json_key(w, "program"), json_put_z(w, c->ctx->program);
	json_key(w, "version"), json_put_z(w, CLOWDER_VERSION);
	json_key(w, "fold_version"), json_put_u(w, FOLD_VERSION);
	json_key(w, "schema_version"), json_put_u(w, SCHEMA_VERSION);
	json_end(w);
	out_json_end(c->out);
	return ERR_OK;
}

const struct cmd cmd_version = {
	.name = "version",
	.purpose = "show the version",
	.run = version_run,
};

enum err
help_file(struct cli *c, const char *member, const struct buf *text,
    struct err_info *e)
{
	enum err rc = buf_ok(text, e);
	struct json_writer *w;

	if (rc != ERR_OK)
		return rc;
	if (!c->json) {
		/* Not through the terminal's filter: tabs are part of it, and
		 * it is ours. */
		buf_addstr(&c->out->text, buf_str(text));
		return ERR_OK;
	}
	w = out_json(c->out);
	json_obj(w);
	json_key(w, member), json_put_str(w, buf_str(text));
	json_end(w);
	out_json_end(c->out);
	return ERR_OK;
}

static enum err
man_run(struct cli *c, struct err_info *e)
{
	struct buf page = { 0 };
	enum err rc;

	man_write(c->ctx->program, &page);
	rc = help_file(c, "page", &page, e);
	buf_fini(&page);
	return rc;
}

const struct cmd cmd_man = {
	.name = "man",
	.purpose = "print the manual page",
	.about = "The page is made from the same table as this help.",
	.example =
	    (const struct cmd_example[]){
	        { "man > ~/.local/share/man/man1/clowder.1", "install it" },
	        { "man | man -l -", "read it" },
	        { 0 },
	    },
	.run = man_run,
};

static void
list(struct cli *c, const struct cmd *of, struct buf *path)
{
	size_t at = 0, n = path->len;

	for (const struct cmd *s; (s = cmd_next(of, &at)) != NULL;) {
		buf_addf(path, "%s%s", n > 0 ? " " : "", s->name);
		if (s->sub != NULL) {
			list(c, s, path);
		} else {
			out_fit(c->out, PAINT_ID, buf_str(path), 18);
			out_say(c->out, "  %s\n", s->purpose);
		}
		path->len = n;
	}
}

static enum err
commands_run(struct cli *c, struct err_info *e)
{
	struct buf path = { 0 };
	enum err rc = ERR_OK;

	if (c->json) {
		commands_json(c->out);
	} else {
		list(c, NULL, &path);
		rc = buf_ok(&path, e);
	}
	buf_fini(&path);
	return rc;
}

const struct cmd cmd_commands = {
	.name = "commands",
	.purpose = "list every command; --json for programs",
	.example =
	    (const struct cmd_example[]){
	        { "commands --json",
	            "every command with its options, words and "
	            "examples" },
	        { 0 },
	    },
	.run = commands_run,
};
