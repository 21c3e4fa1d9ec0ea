/* Completion for bash and zsh: small scripts that hand the words to
 * `__complete` and show what it answers. */
#include <string.h>

#include "cmds.h"
#include "complete.h"
#include "help.h"

/* %p is the program's name.  Answers: one candidate a line, a tab, what it is; a
 * last line ":files" or ":folders" asks for the shell's own.
 *
 * bash splits "--lane=f" at the '=' and replaces what stands behind it; words
 * are put together before we are asked, and answers cut.  What they are is only
 * shown in the list of a second tab (COMP_TYPE), where nothing is inserted.  What
 * is inserted others may have named: the shell must not take it for a command. */
static const char bash[] =
    "# bash completion for %p: eval \"$(%p completion bash)\"\n"
    "_%i_complete() {\n"
    "\tlocal line cut= i list=0 tab=$'\\t' IFS=$' \\t\\n'\n"
    "\tlocal -a words=() what=()\n"
    "\tfor ((i = 1; i <= COMP_CWORD; i++)); do\n"
    "\t\tif [[ ${COMP_WORDS[i]} == '=' && ${COMP_WORDS[i - 1]} == --* ]]; "
    "then\n"
    "\t\t\twords[${#words[@]} - 1]+='='\n"
    "\t\telif [[ $i -gt 2 && ${COMP_WORDS[i - 1]} == '=' &&\n"
    "\t\t\t${COMP_WORDS[i - 2]} == --* ]]; then\n"
    "\t\t\twords[${#words[@]} - 1]+=${COMP_WORDS[i]}\n"
    "\t\telse\n"
    "\t\t\twords+=(\"${COMP_WORDS[i]}\")\n"
    "\t\tfi\n"
    "\tdone\n"
    "\tline=${words[${#words[@]} - 1]}\n"
    "\t[[ $line == --*=* && ${COMP_WORDS[COMP_CWORD]} != --* ]] &&\n"
    "\t\tcut=${line%%=*}=\n"
    "\tCOMPREPLY=()\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tcase $line in\n"
    "\t\t:files) compopt -o default 2>/dev/null ;;\n"
    "\t\t:folders) compopt -o dirnames 2>/dev/null ;;\n"
    "\t\t*)\n"
    "\t\t\tCOMPREPLY+=(\"${line%%$tab*}\")\n"
    "\t\t\twhat+=(\"${line#*$tab}\")\n"
    "\t\t\t;;\n"
    "\t\tesac\n"
    "\tdone < <(\"${COMP_WORDS[0]/#~/$HOME}\" __complete "
    "\"${words[@]}\" 2>/dev/null)\n"
    "\t[[ ${COMP_TYPE-} == 63 && ${#COMPREPLY[@]} -gt 1 ]] && list=1\n"
    "\tfor i in \"${!COMPREPLY[@]}\"; do\n"
    "\t\tline=${COMPREPLY[i]#\"$cut\"}\n"
    "\t\tif [[ $list == 1 && -n ${what[i]} ]]; then\n"
    "\t\t\tline=\"$line  (${what[i]:0:${COLUMNS:-80}-${#line}-5})\"\n"
    "\t\telif [[ $list == 0 && $line == *[!A-Za-z0-9_./:,=@%+-]* ]]; then\n"
    "\t\t\tprintf -v line %q \"$line\"\n"
    "\t\tfi\n"
    "\t\tCOMPREPLY[i]=$line\n"
    "\tdone\n"
    "}\n"
    "complete -F _%i_complete %p\n";
/* The same text as a file in $fpath (its first run has to complete already) and
 * by eval. */
static const char zsh[] =
    "#compdef %p\n"
    "# zsh completion for %p: %p completion zsh > a file _%p in $fpath,\n"
    "# or in .zshrc: eval \"$(%p completion zsh)\"\n"
    "_%i_complete() {\n"
    "\tlocal line word what files tab=$'\\t'\n"
    "\tlocal -a found\n"
    "\twhile IFS= read -r line; do\n"
    "\t\tcase $line in\n"
    "\t\t:files) files=_files ;;\n"
    "\t\t:folders) files=_directories ;;\n"
    "\t\t*)\n"
    "\t\t\tword=${${line%%$tab*}//:/\\\\:} what=${line#*$tab}\n"
    "\t\t\tfound+=(\"$word${what:+:$what}\") ;;\n"
    "\t\tesac\n"
    "\tdone < <(\"${(Q)words[1]/#\\~/$HOME}\" __complete "
    "\"${(@Q)words[2,CURRENT]}\" 2>/dev/null)\n"
    "\tif [[ -n $files ]]; then\n"
    "\t\t[[ $PREFIX == --*=* ]] && compset -P '*='\n"
    "\t\t$files\n"
    "\telse\n"
    "\t\t_describe -V %p found\n"
    "\tfi\n"
    "}\n"
    "if [[ ${funcstack[1]-} == _%p ]]; then\n"
    "\t_%i_complete \"$@\"\n"
    "else\n"
    "\t(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i; "
    "}\n"
    "\tcompdef _%i_complete %p\n"
    "fi\n";

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
