#include "complete.h"

#include <string.h>

#include "fault.h"

struct offer {
	struct str start;
	complete_fn *fn;
	void *ctx;
};

static void
offer(const struct offer *to, const char *word, const char *what)
{
	if (str_starts(str_of(word), to->start))
		to->fn(to->ctx, str_of(word), str_of(what));
}

static void
offer_choice(const struct offer *to, const char *choice)
{
	struct str rest = str_of(choice), word;

	while (str_split(&rest, ' ', &word))
		if (str_starts(word, to->start))
			to->fn(to->ctx, word, STR(""));
}

static void
offer_options(const struct offer *to, const struct cmd_opt *o)
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
offer_commands(const struct offer *to, const struct cmd *of)
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

static const struct cmd_opt *
find_opt(const struct cmd *cmd, const char *word)
{
	const struct cmd_opt *const list[] = { cmd ? cmd->opt : NULL,
		cmd_global_opts };

	for (int i = 0; i < 2; i++)
		for (const struct cmd_opt *o = list[i]; o && o->name; o++)
			if (word[1] == '-' ? strcmp(o->name, word + 2) == 0 :
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
			t->waits = o != NULL && o->arg != NULL ? o : NULL;
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
offer_kind(struct ctx *c, const struct offer *to, const char *choice,
    enum cmd_words kind, enum cmd_words *files)
{
	if (choice != NULL)
		offer_choice(to, choice);
	else if (kind == WORDS_FILE || kind == WORDS_FOLDER)
		*files = kind;
	else if (kind != WORDS_NONE && kind != WORDS_COMMAND)
		complete_ids(c, kind, to->start, to->fn, to->ctx);
}

void
complete_words(struct ctx *c, const char *const *word, size_t n,
    complete_fn *fn, void *fn_ctx, enum cmd_words *files)
{
	struct typed t = { 0 };
	struct offer to = { .fn = fn, .ctx = fn_ctx };
	const struct cmd_arg *a;

	*files = WORDS_NONE;
	if (n == 0 || !read_typed(&t, word, n - 1))
		return;
	to.start = str_of(word[n - 1]);
	if (t.waits != NULL) {
		offer_kind(c, &to, t.waits->choice, t.waits->words, files);
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
