/* Completion for bash and zsh: small scripts that hand the words to
 * `__complete` and show what it answers. */
#include <string.h>

#include "cmds.h"
#include "complete.h"
#include "help.h"

/* %p is the program's name.  Answers: one candidate a line, a tab, what it is; a
 * last line ":files" or ":folders" asks for the shell's own. */
static const char bash[] =
    "# bash completion for %p: eval \"$(%p completion bash)\"\n"
    "_%i_complete() {\n"
    "\tlocal line\n"
    "\tCOMPREPLY=()\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tcase $line in\n"
    "\t\t:files) compopt -o default 2>/dev/null ;;\n"
    "\t\t:folders) compopt -o dirnames 2>/dev/null ;;\n"
    "\t\t*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
    "\t\tesac\n"
    "\tdone < <(\"${COMP_WORDS[0]}\" __complete \\\n"
    "\t\t\"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _%i_complete %p\n";
static const char zsh[] =
    "#compdef %p\n"
    "# zsh completion for %p: %p completion zsh > a file _%p in $fpath\n"
    "_%i_complete() {\n"
    "\tlocal line word\n"
    "\tlocal -a found\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tcase $line in\n"
    "\t\t:files) _files ;;\n"
    "\t\t:folders) _files -/ ;;\n"
    "\t\t*)\n"
    "\t\t\tword=${${line%%$'\\t'*}//:/\\\\:}\n"
    "\t\t\tfound+=(\"$word:${line#*$'\\t'}\") ;;\n"
    "\t\tesac\n"
    "\tdone < <(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" "
    "2>/dev/null)\n"
    "\t_describe %p found\n"
    "}\n"
    "compdef _%i_complete %p\n";

/* %i: the name as an identifier of the shell. */
static void
expand(const char *text, const char *program, struct buf *out)
{
	struct buf with_name = { 0 };

	help_expand(text, program, &with_name);
	for (size_t i = 0; i < with_name.len; i++) {
		if (with_name.data[i] != '%' || with_name.data[i + 1] != 'i') {
			buf_addc(out, with_name.data[i]);
			continue;
		}
		for (const char *p = program; *p != '\0'; p++)
			buf_addc(out, *p == '-' ? '_' : *p);
		i++;
	}
	out->failed |= with_name.failed;
	buf_fini(&with_name);
}

static enum err
completion_run(struct cli *c, struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	expand(strcmp(cli_arg(c, 0), "bash") == 0 ? bash : zsh, c->ctx->program,
	    &b);
	rc = help_file(c, "script", &b, e);
	buf_fini(&b);
	return rc;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.purpose = "print a completion script for the shell",
	.about =
	    "Commands, options and their values are completed, and the ids "
	    "of the folder's project.",
	.arg =
	    (const struct cmd_arg[]){
	        { .name = "SHELL",
	            .help = "which shell",
	            .choice = "bash zsh" },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "completion bash > "
	          "~/.local/share/bash-completion/completions/clowder",
	            "for every new bash" },
	        { "completion zsh > ~/.zfunc/_clowder",
	            "for zsh, where ~/.zfunc is in $fpath" },
	        { 0 },
	    },
	.run = completion_run,
};

static void
show(void *ctx, struct str word, struct str what)
{
	struct cli *c = ctx;

	out_str(c->out, PAINT_NONE, word);
	buf_addc(&c->out->text, '\t');
	out_str(c->out, PAINT_NONE, what);
	buf_addc(&c->out->text, '\n');
}

static enum err
complete_run(struct cli *c, struct err_info *e)
{
	enum cmd_words files;

	(void)e;
	complete_words(c->ctx, c->word, c->n_words, show, c, &files);
	if (files == WORDS_FILE)
		out_say(c->out, ":files\n");
	else if (files == WORDS_FOLDER)
		out_say(c->out, ":folders\n");
	return ERR_OK;
}

const struct cmd cmd_complete = {
	.name = "__complete",
	.purpose = "candidates for the last word, for the shell",
	.flags = CMD_HIDDEN | CMD_RAW_WORDS,
	.run = complete_run,
};
