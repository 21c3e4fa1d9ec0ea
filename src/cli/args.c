/* From words to a command, its options and its own words.  Strict: nothing is
 * guessed, nothing is passed over. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "fault.h"

const struct cmd_opt cmd_global_opts[] = {
	{ .name = "json",
	    .help = "print JSON instead of text: one document, or one a line "
	            "where that is said" },
	{ .name = "no-color", .help = "no colours (also: NO_COLOR=1)" },
	{ .letter = 'h', .name = "help", .help = "show this and end" },
	{ 0 },
};

const struct cmd *
cmd_next(const struct cmd *cmd, size_t *at)
{
	size_t i = (*at)++;

	if (cmd != NULL) {
		if (cmd->sub == NULL || cmd->sub[i] == NULL)
			return NULL;
		return cmd->sub[i]->flags & CMD_HIDDEN ? cmd_next(cmd, at) :
		                                         cmd->sub[i];
	}
	for (const struct cmd_section *s = cmd_sections; s->title; s++)
		for (size_t k = 0; s->cmd[k] != NULL; k++)
			if (i-- == 0)
				return s->cmd[k]->flags & CMD_HIDDEN ?
				    cmd_next(cmd, at) :
				    s->cmd[k];
	return NULL;
}

static const struct cmd *
named(const struct cmd *const *list, const char *name)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp((*list)->name, name) == 0)
			return *list;
	return NULL;
}

const struct cmd *
cmd_sub(const struct cmd *cmd, const char *name)
{
	const struct cmd *found = NULL;

	if (cmd != NULL)
		return named(cmd->sub, name);
	for (const struct cmd_section *s = cmd_sections; s->title && !found;
	     s++)
		found = named(s->cmd, name);
	return found;
}

const struct cmd *
cmd_find(const char *const *word, size_t *n)
{
	const struct cmd *cmd = NULL, *sub;
	size_t used = 0;

	for (; used < *n; used++, cmd = sub)
		if ((sub = cmd_sub(cmd, word[used])) == NULL)
			break;
	*n = used;
	return cmd;
}

/* --- what may have been meant ------------------------------------------------ */

enum { NAME_MAX_ = 32 };

static size_t
least(size_t a, size_t b, size_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Edits between two short words, a swap of neighbours being one of them. */
static size_t
distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	size_t d[NAME_MAX_ + 1][NAME_MAX_ + 1];

	if (n > NAME_MAX_ || m > NAME_MAX_)
		return SIZE_MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t k = 0; k <= m; k++) {
			if (i == 0 || k == 0) {
				d[i][k] = i + k;
				continue;
			}
			d[i][k] = least(d[i - 1][k] + 1, d[i][k - 1] + 1,
			    d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1] &&
			    d[i - 2][k - 2] + 1 < d[i][k])
				d[i][k] = d[i - 2][k - 2] + 1;
		}
	return d[n][m];
}

/* Keep the better of two: what begins with the typed word counts as near. */
static void
nearer(const char *typed, const char *name, const char **best, size_t *score)
{
	size_t n = strlen(typed), d = distance(typed, name);

	if (n >= 2 && strncmp(typed, name, n) == 0)
		d = 1;
	if (d <= n / 3 + 1 && d < strlen(name) && d < *score) {
		*best = name;
		*score = d;
	}
}

const char *
cmd_nearest(const struct cmd *cmd, const char *typed)
{
	const char *best = NULL;
	size_t score = SIZE_MAX, at = 0;

	for (const struct cmd *c; (c = cmd_next(cmd, &at)) != NULL;)
		nearer(typed, c->name, &best, &score);
	return best;
}

const char *
cmd_nearest_opt(const struct cmd *cmd, const char *typed)
{
	const struct cmd_opt *const list[] = { cmd ? cmd->opt : NULL,
		cmd_global_opts };
	const char *best = NULL;
	size_t score = SIZE_MAX;

	for (int i = 0; i < 2; i++)
		for (const struct cmd_opt *o = list[i]; o && o->name; o++)
			nearer(typed, o->name, &best, &score);
	return best;
}

/* --- parsing ------------------------------------------------------------------ */

enum err
cli_usage(struct err_info *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_setf(e, ERR_USAGE, "%s", n < 0 ? "" : text);
}

static const struct cmd_opt *
opt_in(const struct cmd_opt *o, const char *name, size_t n, char letter)
{
	for (; o != NULL && o->name != NULL; o++)
		if (letter != 0 ?
		        o->letter == letter :
		        strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return o;
	return NULL;
}

static const struct cmd_opt *
opt_find(const struct cli *c, const char *name, size_t n, char letter)
{
	const struct cmd_opt *o =
	    opt_in(c->cmd ? c->cmd->opt : NULL, name, n, letter);

	return o != NULL ? o : opt_in(cmd_global_opts, name, n, letter);
}

static bool
allowed(const char *choice, const char *value)
{
	struct str rest = str_of(choice), word;

	while (str_split(&rest, ' ', &word))
		if (str_is(word, value))
			return true;
	return choice == NULL;
}

static enum err
give(struct cli *c, const struct cmd_opt *o, const char *value,
    struct err_info *e)
{
	if (value != NULL && !allowed(o->choice, value))
		return cli_usage(e, "--%s: '%.100s' is not one of: %s", o->name,
		    value, o->choice);
	if (opt_in(cmd_global_opts, o->name, strlen(o->name), 0) == o) {
		c->json |= strcmp(o->name, "json") == 0;
		c->no_colour |= strcmp(o->name, "no-color") == 0;
		c->help |= strcmp(o->name, "help") == 0;
		return ERR_OK;
	}
	if (!(o->flags & OPT_REPEAT) && cli_has(c, o->name))
		return cli_usage(e, "--%s is given twice", o->name);
	/* There are fewer options than words: c->given was made for all. */
	c->given[c->n_given++] = (struct cli_given){ o, value };
	return ERR_OK;
}

/* Where words are taken, one of them may begin so. */
static const char *
dashes(const struct cli *c)
{
	return c->cmd != NULL && c->cmd->arg != NULL ?
	    " (words that begin with - come behind --)" :
	    "";
}

/* "--name", "--name=value", "--name value" */
static enum err
long_option(struct cli *c, int argc, char **argv, int *i, struct err_info *e)
{
	const char *name = argv[*i] + 2, *value = strchr(name, '=');
	size_t n = value ? (size_t)(value++ - name) : strlen(name);
	const struct cmd_opt *o = opt_find(c, name, n, 0);
	char typed[NAME_MAX_ + 1] = "";
	const char *near;

	if (o == NULL && c->cmd == NULL && n == 7 &&
	    memcmp(name, "version", n) == 0) {
		c->version = true;
		return ERR_OK;
	}
	if (o == NULL) {
		if (n < sizeof typed)
			memcpy(typed, name, n);
		near = cmd_nearest_opt(c->cmd, typed);
		if (near != NULL)
			return cli_usage(e,
			    "unknown option --%.*s, did you mean --%s?", (int)n,
			    name, near);
		return cli_usage(e, "unknown option --%.*s%s", (int)n, name,
		    dashes(c));
	}
	if (o->arg == NULL && value != NULL)
		return cli_usage(e, "--%s takes no value", o->name);
	if (o->arg != NULL && value == NULL) {
		if (*i + 1 >= argc)
			return cli_usage(e, "--%s wants %s", o->name, o->arg);
		value = argv[++*i];
	}
	return give(c, o, value, e);
}

/* "-v", "-nv", "-uNAME", "-u NAME" */
static enum err
short_options(struct cli *c, int argc, char **argv, int *i, struct err_info *e)
{
	enum err rc = ERR_OK;

	for (const char *at = argv[*i] + 1; rc == ERR_OK && *at != '\0'; at++) {
		const struct cmd_opt *o = opt_find(c, NULL, 0, *at);

		if (o == NULL)
			return cli_usage(e, "unknown option -%c%s", *at,
			    dashes(c));
		if (o->arg == NULL) {
			rc = give(c, o, NULL, e);
			continue;
		}
		if (at[1] != '\0')
			return give(c, o, at + 1, e);
		if (*i + 1 >= argc)
			return cli_usage(e, "-%c wants %s", *at, o->arg);
		return give(c, o, argv[++*i], e);
	}
	return rc;
}

static enum err
unknown_command(const struct cli *c, const char *word, struct err_info *e)
{
	const char *near = cmd_nearest(c->cmd, word);
	const char *of = c->cmd ? c->cmd->name : "", *gap = c->cmd ? " " : "";

	if (near != NULL)
		return cli_usage(e,
		    "unknown command '%s%s%.100s', did you mean '%s%s%s'?", of,
		    gap, word, of, gap, near);
	return cli_usage(e, "unknown command '%s%s%.100s'", of, gap, word);
}

static enum err
take_word(struct cli *c, const char *word, struct err_info *e)
{
	const struct cmd *sub;

	if (c->cmd != NULL && c->cmd->sub == NULL) {
		c->word[c->n_words++] = word;
		return ERR_OK;
	}
	sub = cmd_sub(c->cmd, word);
	if (sub == NULL)
		return unknown_command(c, word, e);
	assert(c->depth < CMD_DEPTH_MAX);
	c->path[c->depth++] = c->cmd = sub;
	return ERR_OK;
}

/* The words are as many as the command takes, and what it allows. */
static enum err
check_words(const struct cli *c, struct err_info *e)
{
	const struct cmd_arg *a = c->cmd->arg;
	size_t i = 0;

	for (; a != NULL && a->name != NULL; a++) {
		if (i >= c->n_words && !(a->flags & ARG_OPTIONAL))
			return cli_usage(e, "%s is missing", a->name);
		while (i < c->n_words) {
			if (!allowed(a->choice, c->word[i]))
				return cli_usage(e,
				    "%s: '%.100s' is not one of: %s", a->name,
				    c->word[i], a->choice);
			i++;
			if (!(a->flags & ARG_REPEAT))
				break;
		}
	}
	if (i < c->n_words)
		return cli_usage(e, "'%.100s' is one word too many",
		    c->word[i]);
	return ERR_OK;
}

static bool
is_raw(const struct cli *c)
{
	return c->cmd != NULL && (c->cmd->flags & CMD_RAW_WORDS);
}

enum err
cli_parse(struct cli *c, int argc, char **argv, struct err_info *e)
{
	bool options = true;
	enum err rc = ERR_OK;
	size_t room = argc > 0 ? (size_t)argc : 0;

	c->exit = -1;
	/* "-nv" is two options in one word: count the letters as well. */
	for (int i = 0; i < argc; i++)
		room += strlen(argv[i]);
	c->given = mem_alloc((room + 1) * sizeof *c->given);
	c->word = mem_alloc((room + 1) * sizeof *c->word);
	if (c->given == NULL || c->word == NULL)
		return err_set(e, ERR_NOMEM);
	for (int i = 0; rc == ERR_OK && i < argc; i++) {
		const char *w = argv[i];

		if (is_raw(c))
			c->word[c->n_words++] = w;
		else if (!options || w[0] != '-' || w[1] == '\0')
			rc = take_word(c, w, e);
		else if (strcmp(w, "--") == 0)
			options = false;
		else if (w[1] == '-')
			rc = long_option(c, argc, argv, &i, e);
		else
			rc = short_options(c, argc, argv, &i, e);
	}
	if (rc != ERR_OK || c->help || c->version || c->cmd == NULL ||
	    is_raw(c))
		return rc;
	if (c->cmd->sub != NULL && c->cmd->run == NULL)
		return cli_usage(e, "'%s' wants a command", c->cmd->name);
	return check_words(c, e);
}

void
cli_fini(struct cli *c)
{
	free(c->given);
	free((void *)c->word);
	buf_fini(&c->hint);
}

/* --- what was given ------------------------------------------------------------ */

const char *
cli_opt_next(const struct cli *c, const char *name, size_t *at)
{
	assert(opt_in(c->cmd->opt, name, strlen(name), 0) != NULL);
	while (*at < c->n_given) {
		const struct cli_given *g = &c->given[(*at)++];

		if (strcmp(g->opt->name, name) == 0)
			return g->value ? g->value : "";
	}
	return NULL;
}

const char *
cli_opt(const struct cli *c, const char *name)
{
	size_t at = 0;

	return cli_opt_next(c, name, &at);
}

bool
cli_has(const struct cli *c, const char *name)
{
	return cli_opt(c, name) != NULL;
}

const char *
cli_arg(const struct cli *c, size_t i)
{
	return i < c->n_words ? c->word[i] : NULL;
}
