#include "complete.h"

#include <string.h>

#include "fault.h"

struct offer {
	struct str before; /* what stays of the word: "--lane=", "WP01," */
	struct str start;  /* what is completed: the rest */
	complete_fn *fn;
	void *ctx;
};

static void
tell(void *ctx, struct str word, struct str what)
{
	const struct offer *to = ctx;
	struct buf whole = { 0 };

	buf_addstr(&whole, to->before);
	buf_addstr(&whole, word);
	if (!whole.failed)
		to->fn(to->ctx, buf_str(&whole), what);
	buf_fini(&whole);
}

static void
offer_str(struct offer *to, struct str word, struct str what)
{
	if (str_starts(word, to->start))
		tell(to, word, what);
}

static void
offer(struct offer *to, const char *word, const char *what)
{
	offer_str(to, str_of(word), str_of(what));
}

static void
offer_choice(struct offer *to, const char *choice)
{
	struct str rest = str_of(choice), word;

	while (str_split(&rest, ' ', &word))
		offer_str(to, word, STR(""));
}

static void
offer_options(struct offer *to, const struct cmd_opt *o)
{
	char name[64] = "--";

	for (; o != NULL && o->name != NULL; o++) {
		size_t n = strlen(o->name);

		if (n + 3 > sizeof name)
			continue;
		memcpy(name + 2, o->name, n + 1);
		offer(to, name, o->help);
	}
}

static void
offer_commands(struct offer *to, const struct cmd *of)
{
	size_t at = 0;

	for (const struct cmd *s; (s = cmd_next(of, &at)) != NULL;)
		offer(to, s->name, s->purpose);
}

/* The i-th word of a command; the last one where it repeats. */
static const struct cmd_arg *
arg_at(const struct cmd_arg *a, size_t i)
{
	for (; a != NULL && a->name != NULL; a++) {
		if (i == 0 || (a->flags & ARG_REPEAT))
			return a;
		i--;
	}
	return NULL;
}

/* What was typed before the word at hand. */
struct typed {
	const struct cmd *cmd;
	const struct cmd_opt *waits; /* an option whose value comes next */
	size_t words;                /* of the command's own */
	const char *const *first;    /* of these */
};

/* The option that a word names, with or without a value behind it. */
static const struct cmd_opt *
find_opt(const struct cmd *cmd, const char *word)
{
	size_t n = strcspn(word, "=");
	const struct cmd_opt *const list[] = { cmd ? cmd->opt : NULL,
		cmd_global_opts };

	for (int i = 0; i < 2; i++)
		for (const struct cmd_opt *o = list[i]; o && o->name; o++)
			if (word[1] == '-' ?
			        str_is(str_n(word + 2, n - 2), o->name) :
			        o->letter == word[1] && !word[2])
				return o;
	return NULL;
}

static bool
read_typed(struct typed *t, const char *const *word, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct cmd_opt *o;

		if (t->waits != NULL) {
			t->waits = NULL;
		} else if (word[i][0] == '-' && word[i][1] != '\0') {
			o = find_opt(t->cmd, word[i]);
			if (o != NULL && o->arg != NULL &&
			    !strchr(word[i], '='))
				t->waits = o;
		} else if (t->cmd == NULL || t->cmd->sub != NULL) {
			t->cmd = cmd_sub(t->cmd, word[i]);
			if (t->cmd == NULL)
				return false;
		} else {
			if (t->words++ == 0)
				t->first = &word[i];
		}
	}
	return true;
}

static void
offer_kind(struct ctx *c, struct offer *to, const char *choice,
    enum cmd_words kind, enum cmd_words *files)
{
	if (choice != NULL) {
		offer_choice(to, choice);
		return;
	}
	switch (kind) {
	case WORDS_NONE:
	case WORDS_COMMAND:
		return;
	case WORDS_FILE:
	case WORDS_FOLDER:
		*files = kind;
		return;
	case WORDS_LANE:
		for (int i = 0; i <= LANE_RANK_MAX; i++)
			offer_str(to, lane_name(i), STR(""));
		return;
	case WORDS_STATUS:
		for (int i = 0; i <= TODO_STATUS_RANK_MAX; i++)
			offer_str(to, todo_status_name(i), STR(""));
		return;
	case WORDS_PRIORITY:
		/* Those that mean something; any other word is fine. */
		offer_choice(to, "high medium low none");
		return;
	case WORDS_PROJECT:
	case WORDS_FEATURE:
	case WORDS_WP:
	case WORDS_TODO:
	case WORDS_ITEM:
	case WORDS_THING:
	case WORDS_CONFLICT:
	case WORDS_TEAM:
	case WORDS_REFUSED:
	case WORDS_SESSION:
		complete_ids(c, kind, to->start, tell, to);
	}
}

/* The first n bytes of what is completed stay as they are. */
static void
keep(struct offer *to, size_t n)
{
	to->before =
	    str_n(to->before.p ? to->before.p : to->start.p, to->before.n + n);
	to->start = str_n(to->start.p + n, to->start.n - n);
}

static void
offer_value(struct ctx *c, struct offer *to, const struct cmd_opt *o,
    enum cmd_words *files)
{
	/* "WP,...": the last of them. */
	if (strchr(o->arg, ',') != NULL)
		for (size_t i = to->start.n; i > 0; i--)
			if (to->start.p[i - 1] == ',') {
				keep(to, i);
				break;
			}
	offer_kind(c, to, o->choice, o->words, files);
}

/* "--lane=f" */
static const struct cmd_opt *
value_behind(const struct cmd *cmd, const char *word)
{
	const struct cmd_opt *o =
	    strncmp(word, "--", 2) == 0 && strchr(word, '=') != NULL ?
	    find_opt(cmd, word) :
	    NULL;

	return o != NULL && o->arg != NULL ? o : NULL;
}

void
complete_words(struct ctx *c, const char *const *word, size_t n,
    complete_fn *fn, void *fn_ctx, enum cmd_words *files)
{
	struct typed t = { 0 };
	struct offer to = { .fn = fn, .ctx = fn_ctx };
	const struct cmd_opt *o;
	const struct cmd_arg *a;

	*files = WORDS_NONE;
	if (n == 0 || !read_typed(&t, word, n - 1))
		return;
	to.start = str_of(word[n - 1]);
	if (t.waits != NULL) {
		offer_value(c, &to, t.waits, files);
		return;
	}
	o = value_behind(t.cmd, word[n - 1]);
	if (o != NULL) {
		keep(&to, strcspn(word[n - 1], "=") + 1);
		offer_value(c, &to, o, files);
		return;
	}
	if (str_starts(to.start, STR("-"))) {
		offer_options(&to, t.cmd ? t.cmd->opt : NULL);
		offer_options(&to, cmd_global_opts);
		return;
	}
	if (t.cmd == NULL || t.cmd->sub != NULL) {
		offer_commands(&to, t.cmd);
		return;
	}
	a = arg_at(t.cmd->arg, t.words);
	if (a != NULL && a->words == WORDS_COMMAND) {
		size_t used = t.words;
		const struct cmd *of =
		    t.words > 0 ? cmd_find(t.first, &used) : NULL;

		if (used == t.words)
			offer_commands(&to, of);
	} else if (a != NULL) {
		offer_kind(c, &to, a->choice, a->words, files);
	}
}
