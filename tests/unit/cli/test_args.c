/* Words to commands: strict, with what may have been meant. */
#include <string.h>

#include "cmd.h"
#include "t.h"

enum { WORDS_MAX = 12 };

static struct err_info e;
static struct ctx ctx;

/* The next word of a line: blanks part words, but for those between double
 * quotes, as in a shell.  NULL at the end. */
static char *
next_word(char **rest)
{
	char *from, *to;
	bool quoted = false;

	*rest += strspn(*rest, " ");
	from = to = *rest;
	if (*from == '\0')
		return NULL;
	for (; **rest != '\0' && (quoted || **rest != ' '); ++*rest)
		if (**rest == '"')
			quoted = !quoted;
		else
			*to++ = **rest;
	*rest += **rest != '\0';
	*to = '\0';
	return from;
}

/* Parse a line of words. */
static enum err
parse(struct cli *c, const char *line)
{
	static char text[256];
	char *argv[WORDS_MAX], *rest = text, *word;
	int n = 0;

	*c = (struct cli){ .ctx = &ctx };
	e = (struct err_info){ 0 };
	memcpy(text, line, strlen(line) + 1);
	while (n < WORDS_MAX && (word = next_word(&rest)) != NULL)
		argv[n++] = word;
	return cli_parse(c, n, argv, &e);
}

static void
says(const char *line, const char *want)
{
	struct cli c;

	t_note("%s", line);
	CHECK_ERR(parse(&c, line), ERR_USAGE);
	CHECK_STR(str_of(e.text), want);
	cli_fini(&c);
}

static void
finds_commands(void)
{
	struct cli c;

	CHECK_OK(parse(&c, "sync now"), &e);
	CHECK_U(c.depth, 2);
	CHECK_STR(str_of(c.cmd->name), "now");
	cli_fini(&c);
	CHECK_OK(parse(&c, ""), &e);
	CHECK(c.cmd == NULL);
	cli_fini(&c);
	CHECK_OK(parse(&c, "--version"), &e);
	CHECK(c.version);
	cli_fini(&c);
}

static void
options_stand_anywhere(void)
{
	static const char *const line[] = {
		"sync now -v --report F",
		"--json sync --no-color now --report=F --verbose",
		"sync now -vn --report F",
		"sync now --report -F -v",
	};
	struct cli c;

	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		t_note("%s", line[i]);
		CHECK_OK(parse(&c, line[i]), &e);
		CHECK(cli_has(&c, "verbose"));
		CHECK_STR(str_of(cli_opt(&c, "report")), i == 3 ? "-F" : "F");
		CHECK(cli_has(&c, "dry-run") == (i == 2));
		CHECK(c.json == (i == 1) && c.no_colour == (i == 1));
		cli_fini(&c);
	}
	t_note("%s", "");
	CHECK_OK(parse(&c, "auth login -uann -p pw"), &e);
	CHECK_STR(str_of(cli_opt(&c, "user")), "ann");
	CHECK_STR(str_of(cli_opt(&c, "password")), "pw");
	cli_fini(&c);
}

static void
words_of_a_command(void)
{
	struct cli c;
	size_t at = 0;

	CHECK_OK(parse(&c, "sync server -- --odd"), &e);
	CHECK_STR(str_of(cli_arg(&c, 0)), "--odd");
	CHECK(cli_arg(&c, 1) == NULL);
	cli_fini(&c);
	CHECK_OK(parse(&c, "sync edit 0192 --set a=b --set c=d"), &e);
	CHECK_STR(str_of(cli_opt_next(&c, "set", &at)), "a=b");
	CHECK_STR(str_of(cli_opt_next(&c, "set", &at)), "c=d");
	CHECK(cli_opt_next(&c, "set", &at) == NULL);
	CHECK(!cli_has(&c, "unset"));
	cli_fini(&c);
	CHECK_OK(parse(&c, "help sync now"), &e);
	CHECK_U(c.n_words, 2);
	cli_fini(&c);
	CHECK_OK(parse(&c, "__complete sync --"), &e);
	CHECK_U(c.n_words, 2);
	cli_fini(&c);
	/* Help is asked for: what is missing does not matter. */
	CHECK_OK(parse(&c, "sync retry --help"), &e);
	CHECK(c.help);
	cli_fini(&c);
}

static void
names_what_is_wrong(void)
{
	says("snyc", "unknown command 'snyc', did you mean 'sync'?");
	says("sync nwo",
	    "unknown command 'sync nwo', did you mean 'sync now'?");
	says("sync stat",
	    "unknown command 'sync stat', did you mean 'sync status'?");
	says("xyzzy", "unknown command 'xyzzy'");
	says("sync", "'sync' wants a command");
	says("sync now --verbos",
	    "unknown option --verbos, did you mean --verbose?");
	says("sync now --zzz=1", "unknown option --zzz");
	says("sync now -z", "unknown option -z");
	says("sync now --report", "--report wants FILE");
	says("auth login -u", "-u wants USER");
	says("sync now --verbose=1", "--verbose takes no value");
	says("sync now -v -v", "--verbose is given twice");
	says("sync now more", "'more' is one word too many");
	says("sync retry", "EVENT is missing");
	says("completion fish", "SHELL: 'fish' is not one of: bash zsh");
	says("--verbose sync now", "unknown option --verbose");
	t_note("%s", "");
}

/* Nothing that anybody types breaks it: words drawn at random from what there
 * is and what there is not. */
static void
any_words_at_all(void)
{
	static const char *const word[] = { "sync", "now", "auth", "login",
		"--json", "-v", "-n", "--", "--report", "--report=x", "-", "",
		"--", "help", "completion", "bash", "-uann", "--set", "=",
		"-=", "--=", "---", "\xff\xfe", "sync now", "a=b", "retry",
		"__complete" };
	struct t_rng rng = { t_seed() };

	for (int i = 0; i < 20000 && !t_failing(); i++) {
		char *argv[WORDS_MAX];
		struct cli c = { .ctx = &ctx };
		int n = (int)t_below(&rng, WORDS_MAX);
		enum err rc;

		for (int k = 0; k < n; k++)
			argv[k] = (char *)(uintptr_t)
			    word[t_below(&rng, sizeof word / sizeof *word)];
		e = (struct err_info){ 0 };
		rc = cli_parse(&c, n, argv, &e);
		CHECK(rc == ERR_OK || (rc == ERR_USAGE && e.text[0] != '\0'));
		cli_fini(&c);
	}
}

/* What each row promises is true: names are unique, examples parse. */
static void
check_rows(const struct cmd *cmd)
{
	struct cli c;
	size_t at = 0;

	for (const struct cmd_opt *o = cmd->opt; o && o->name; o++)
		for (const struct cmd_opt *p = o + 1; p->name; p++) {
			CHECK(strcmp(o->name, p->name) != 0);
			CHECK(o->letter == 0 || o->letter != p->letter);
		}
	CHECK(cmd->purpose != NULL);
	CHECK(cmd->sub != NULL || cmd->run != NULL);
	for (const struct cmd_example *x = cmd->example; x && x->line; x++) {
		char line[200];
		size_t n = strcspn(x->line, "|<>'");

		/* Quotes and pipes are the shell's. */
		if (x->line[n] == '\'')
			continue;
		CHECK(n < sizeof line);
		memcpy(line, x->line, n);
		line[n] = '\0';
		t_note("example: %s", line);
		CHECK_OK(parse(&c, line), &e);
		CHECK(c.cmd == cmd);
		cli_fini(&c);
	}
	t_note("%s", "");
	for (const struct cmd *s; (s = cmd_next(cmd, &at)) != NULL;)
		check_rows(s);
}

static void
every_row_holds(void)
{
	size_t at = 0, n = 0;

	for (const struct cmd *c; (c = cmd_next(NULL, &at)) != NULL; n++)
		check_rows(c);
	CHECK(n > 5);
}

int
main(void)
{
	ctx_init(&ctx, "clowder");
	T_RUN(finds_commands);
	T_RUN(options_stand_anywhere);
	T_RUN(words_of_a_command);
	T_RUN(names_what_is_wrong);
	T_RUN(any_words_at_all);
	T_RUN(every_row_holds);
	return t_done();
}
