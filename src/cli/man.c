/* The manual page, from the table of commands.  man(7). */
#include <string.h>

#include "help.h"
#include "utf8.h"

/* groff_char(7): anything beyond ASCII by its code point. */
static size_t
add_point(struct buf *b, const uint8_t *p, size_t left)
{
	size_t n = utf8_len(p, left);

	if (n == 0)
		return 1; /* not our text then: left out */
	buf_addf(b, "\\[u%04X]", (unsigned)utf8_get(p, n));
	return n;
}

/* Text of ours on its way into roff: backslashes, hyphens, and a line that
 * begins with a control character. */
static void
add(struct buf *b, const char *text, const char *program)
{
	struct buf plain = { 0 };
	bool start = b->len == 0 || b->data[b->len - 1] == '\n';
	size_t n = 1;

	help_expand(text, program, &plain);
	for (size_t i = 0; i < plain.len; i += n) {
		char ch = plain.data[i];

		n = 1;
		if (start && (ch == '.' || ch == '\''))
			buf_adds(b, "\\&");
		if ((uint8_t)ch >= 0x80)
			n = add_point(b, (const uint8_t *)plain.data + i,
			    plain.len - i);
		else if (ch == '\\')
			buf_adds(b, "\\e");
		else if (ch == '-')
			buf_adds(b, "\\-");
		else if (ch == '"') /* a macro would eat it */
			buf_adds(b, "\\(dq");
		else
			buf_addc(b, ch);
		start = ch == '\n';
	}
	b->failed |= plain.failed;
	buf_fini(&plain);
}

static void
add_opts(struct buf *b, const struct cmd_opt *o, const char *program)
{
	for (; o != NULL && o->name != NULL; o++) {
		buf_adds(b, ".TP\n.B ");
		if (o->letter != 0)
			buf_addf(b, "\\-%c, ", o->letter);
		buf_adds(b, "\\-\\-");
		add(b, o->name, program);
		if (o->arg != NULL)
			buf_addf(b, " \\fI%s\\fR", o->arg);
		buf_addc(b, '\n');
		add(b, o->help, program);
		if (o->choice != NULL) {
			buf_adds(b, " (");
			add(b, o->choice, program);
			buf_addc(b, ')');
		}
		buf_addc(b, '\n');
	}
}

static void
add_about(struct buf *b, const char *about, const char *program)
{
	struct str rest = str_of(about), line;

	while (str_split(&rest, '\n', &line)) {
		struct buf one = { 0 };

		buf_addstr(&one, line);
		/* Drawn by hand: stays as it is. */
		if (str_starts(line, STR(" ")))
			buf_adds(b, ".br\n");
		if (line.n == 0)
			buf_adds(b, ".PP");
		else if (!one.failed)
			add(b, one.data, program);
		buf_addc(b, '\n');
		b->failed |= one.failed;
		buf_fini(&one);
	}
}

static void
add_command(struct buf *b, struct cli *c)
{
	const struct cmd *cmd = c->cmd;
	struct buf usage = { 0 };
	size_t at = 0;

	if (cmd->sub != NULL) {
		for (const struct cmd *s; (s = cmd_next(cmd, &at)) != NULL;) {
			c->path[c->depth++] = c->cmd = s;
			add_command(b, c);
			c->depth--;
		}
		c->cmd = cmd;
		return;
	}
	help_usage(c, ' ', &usage);
	buf_adds(b, ".SS \"");
	if (!usage.failed)
		add(b, usage.data, c->ctx->program);
	buf_adds(b, "\"\n");
	add(b, cmd->purpose, c->ctx->program);
	buf_adds(b, ".\n");
	if (cmd->about != NULL) {
		buf_adds(b, ".PP\n");
		add_about(b, cmd->about, c->ctx->program);
	}
	for (const struct cmd_arg *a = cmd->arg; a && a->name; a++) {
		buf_addf(b, ".TP\n.I %s\n", a->name);
		add(b, a->help, c->ctx->program);
		buf_addc(b, '\n');
	}
	add_opts(b, cmd->opt, c->ctx->program);
	for (const struct cmd_exit *x = cmd->exits; x && x->when; x++) {
		buf_addf(b, ".TP\nexit %d\n", x->code);
		add(b, x->when, c->ctx->program);
		buf_addc(b, '\n');
	}
	for (const struct cmd_example *x = cmd->example; x && x->line; x++) {
		buf_addf(b, ".TP\n.B %s ", c->ctx->program);
		add(b, x->line, c->ctx->program);
		buf_addc(b, '\n');
		add(b, x->what, c->ctx->program);
		buf_addc(b, '\n');
	}
	b->failed |= usage.failed;
	buf_fini(&usage);
}

/* docs/formats.md 6, exit codes; 1. */
static const char exits[] = ".SH \"EXIT CODES\"\n"
                            ".TP\n0\ndone\n"
                            ".TP\n1\nthe thing asked for did not happen\n"
                            ".TP\n2\nusage\n"
                            ".TP\n3\nsign\\-in is needed\n"
                            ".TP\n4\nconflict, or refused\n"
                            ".TP\n5\nthe hub cannot be reached\n"
                            ".TP\n130\ninterrupted\n";
static const char environment[] =
    ".SH ENVIRONMENT\n"
    ".TP\n.B CLOWDER_HOME\nthe home folder, instead of ~/.clowder\n"
    ".TP\n.B CLOWDER_AUTHOR\nwho writes: user:NAME or agent:KIND/SESSION\n"
    ".TP\n.B CLOWDER_SESSION_ID\nthe session that what is written is said to "
    "be of (session start)\n"
    ".TP\n.B CLOWDER_DAEMON\nmanual: no command starts a daemon by itself\n"
    ".TP\n.B CLOWDER_PORTS\nfirst\\-last: where the daemon listens; "
    "9400\\-9449\n"
    ".TP\n.B CLOWDER_TOKEN_FILE\na file with an access token, for machines "
    "where nobody can sign in\n"
    ".TP\n.B CLOWDER_LOG\nerror, warn, info or debug: what the log on stderr "
    "tells\n"
    ".TP\n.B NO_COLOR\nno colours\n";

static const char files[] =
    ".SH FILES\n"
    "Below the home folder, ~/.clowder or CLOWDER_HOME:\n"
    ".TP\n.B config.toml\nsettings, below\n"
    ".TP\n.B store.db\nthe replica: all that is known here\n"
    ".TP\n.B auth/\nthe session of who is signed in\n"
    ".TP\n.B sync\\-daemon\nwhere the daemon listens, as long as it runs\n"
    ".TP\n.B sync\\-daemon.log\nits log; the one before it: "
    "sync\\-daemon.log.1\n"
    ".PP\nIn a project:\n"
    ".TP\n.B .clowder/project.toml\nwhich project it is\n";
static const char settings[] =
    ".SH CONFIGURATION\n"
    "Keys of config.toml, as [table] key:\n"
    ".TP\n.B [server] url\nthe hub\n"
    ".TP\n.B [server] ca_file\na certificate, PEM, by which a hub with one of "
    "its own is trusted\n"
    ".TP\n.B [sync] enabled\nfalse: everything stays here, nothing connects\n"
    ".TP\n.B [sync] daemon\n\\(dqauto\\(dq: started by the first command "
    "that writes, where somebody is signed in; \\(dqmanual\\(dq\n"
    ".TP\n.B [sync] interval_s\nhow often the hub is asked where no live "
    "connection can be had; 300\n"
    ".TP\n.B [session] stale_after\na session silent for longer is stale; "
    "\\(dq7d\\(dq\n"
    ".TP\n.B [projects] SLUG\nwords that name a project, where nothing better "
    "is known\n";

void
man_write(const char *program, struct buf *out)
{
	struct ctx ctx = { .program = program };
	struct cli c = { .ctx = &ctx };
	size_t at = 0;

	buf_addf(out,
	    ".TH %s 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n"
	    "%s \\- keep the state of work the same for everybody\n"
	    ".SH SYNOPSIS\n.B %s\n.I COMMAND\n[\\fIOPTION\\fR...]\n"
	    ".SH \"OPTIONS OF EVERY COMMAND\"\n",
	    program, program, CLOWDER_VERSION, program, program);
	add_opts(out, cmd_global_opts, program);
	buf_adds(out, ".SH COMMANDS\n");
	while ((c.cmd = cmd_next(NULL, &at)) != NULL) {
		c.path[0] = c.cmd;
		c.depth = 1;
		add_command(out, &c);
	}
	buf_adds(out, exits);
	buf_adds(out, environment);
	buf_adds(out, files);
	buf_adds(out, settings);
}
