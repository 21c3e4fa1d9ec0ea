/* Commands: one table, from which come parsing, usage, help, completion and the
 * manual page.
 *
 * A command is a row (struct cmd) in its own cmd_<name>.c; commands.c lists
 * them in the order in which help shows them.  A row either has sub-commands or
 * runs.  Parsing is strict: unknown words are refused with the nearest known
 * one, options may stand anywhere, `--` ends them. */
#ifndef CLOWDER_CMD_H
#define CLOWDER_CMD_H

#include <stdbool.h>
#include <stddef.h>

#include "context.h"
#include "err.h"
#include "out.h"

struct cli;

/* What the shell offers for a word. */
enum cmd_words {
	WORDS_NONE,
	WORDS_FILE,
	WORDS_FOLDER,
	WORDS_COMMAND,
	WORDS_PROJECT,
	WORDS_FEATURE,
	WORDS_WP,
	WORDS_TODO,
	WORDS_ITEM,
	WORDS_THING, /* any of these */
	WORDS_CONFLICT,
	WORDS_TEAM,
	WORDS_REFUSED, /* event ids */
	WORDS_SESSION, /* that has not ended */
	WORDS_LANE,
	WORDS_STATUS, /* of a todo */
	WORDS_PRIORITY
};

enum {
	OPT_REPEAT = 1, /* may be given more than once */
	ARG_OPTIONAL = 1,
	ARG_REPEAT = 2, /* the last one takes all that follow */
	CMD_HIDDEN = 1, /* not in help; for scripts of ours */
	CMD_LONG = 2,   /* asks os_signal_check itself: ^C ends it in order */
	CMD_RAW_WORDS = 4, /* takes its words unparsed, options too */
	CMD_LOGS = 8,      /* runs for long: logs on stderr from LOG_INFO on */
};

struct cmd_opt {
	char letter;        /* 0 = none */
	const char *name;   /* without the dashes; NULL ends the array */
	const char *arg;    /* name of its value in help; NULL = takes none */
	const char *help;   /* no capital, no full stop */
	const char *choice; /* "a b c": what is allowed; NULL = anything */
	unsigned flags;
	enum cmd_words words;
};

struct cmd_arg {
	const char *name; /* as in usage: "WP"; NULL ends the array */
	const char *help;
	const char *choice;
	unsigned flags;
	enum cmd_words words;
};

struct cmd_example {
	const char *line; /* without the program's name; NULL ends the array */
	const char *what;
};

/* An exit code that means something special in this command. */
struct cmd_exit {
	int code;
	const char *when; /* NULL ends the array */
};

struct cmd {
	const char *name;
	const char *purpose; /* one line, no full stop */
	/* Paragraphs, wrapped when shown; may be NULL.  "%p" stands for the
	 * program's name. */
	const char *about;
	/* NULL-terminated; a row with sub-commands that runs too does so where
	 * none is named. */
	const struct cmd *const *sub;
	const struct cmd_opt *opt; /* each may be NULL */
	const struct cmd_arg *arg;
	const struct cmd_example *example;
	const struct cmd_exit *exits;
	unsigned flags;
	enum err (*run)(struct cli *c, struct err_info *e);
};

/* Sections of help, in order; each ends with NULL.  The array ends with title
 * NULL. */
struct cmd_section {
	const char *title;
	const struct cmd *const *cmd;
};
extern const struct cmd_section cmd_sections[];
/* Options of every command: --json, --no-color, --help. */
extern const struct cmd_opt cmd_global_opts[];

/* An option as it was given. */
struct cli_given {
	const struct cmd_opt *opt;
	const char *value; /* NULL where it takes none; borrow: argv */
};

enum { CMD_DEPTH_MAX = 3 };

/* One run of a command. */
struct cli {
	struct ctx *ctx; /* borrow: home, config, store, project, space */
	struct out *out; /* borrow: where results go */
	const struct cmd *path[CMD_DEPTH_MAX]; /* as named, outermost first */
	unsigned depth;
	const struct cmd *cmd;   /* the last of path; NULL = none was named */
	struct cli_given *given; /* own */
	size_t n_given;
	const char **word; /* own; the words are borrowed: argv */
	size_t n_words;
	bool json, help, version, no_colour;
	int exit;        /* < 0: what the error says */
	struct buf hint; /* a command that helps; shown below an error */
};

/* --- for commands ----------------------------------------------------------- */

/* The option's value; NULL where it was not given.  Naming one that the command
 * does not have is a fault of ours (assert). */
const char *cli_opt(const struct cli *c, const char *name);
bool cli_has(const struct cli *c, const char *name);
/* All values of a repeatable option: start with *at = 0; NULL at the end. */
const char *cli_opt_next(const struct cli *c, const char *name, size_t *at);
/* The i-th word behind the command; NULL where there are fewer. */
const char *cli_arg(const struct cli *c, size_t i);
/* The command has said all there is to say and ends with this code. */
enum err cli_exit(struct cli *c, int code);
/* A command line that helps, shown below the error: never a destructive one.
 * "sync status" - the program's name is put in front. */
void cli_hint(struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* The same with a word behind it that others chose: quoted for a shell. */
void cli_hint_word(struct cli *c, const char *command, struct str word);
/* ERR_USAGE with a text; the usage line is shown below. */
enum err cli_usage(struct err_info *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- the frame --------------------------------------------------------------- */

/* Parse and run; returns the exit code.  argv[0] names the program. */
int cli_main(int argc, char **argv);
/* Fill c from the words behind the program's name.  ERR_USAGE says what is wrong
 * and what may have been meant. */
enum err cli_parse(struct cli *c, int argc, char **argv, struct err_info *e);
void cli_fini(struct cli *c);

/* The row of a path of words; NULL.  n becomes how many of them it took. */
const struct cmd *cmd_find(const char *const *word, size_t *n);
/* A sub-command by name; NULL.  cmd NULL: of the program. */
const struct cmd *cmd_sub(const struct cmd *cmd, const char *name);
/* Walk the sub-commands of cmd (NULL: of the program) without the hidden ones:
 * start with *at = 0; NULL at the end. */
const struct cmd *cmd_next(const struct cmd *cmd, size_t *at);
/* The known word that is nearest to what was typed; NULL where none is near. */
const char *cmd_nearest(const struct cmd *cmd, const char *typed);
const char *cmd_nearest_opt(const struct cmd *cmd, const char *typed);

#endif
