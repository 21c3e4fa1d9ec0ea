/* Candidates for the shell. */
#include <stdlib.h>

#include "complete.h"
#include "t.h"

static struct ctx ctx;
static struct buf got;

static void
take(void *c, struct str word, struct str what)
{
	(void)c, (void)what;
	if (got.len > 0)
		buf_addc(&got, ' ');
	buf_addstr(&got, word);
}

static enum cmd_words
offers(const char *const *word, size_t n)
{
	enum cmd_words files = WORDS_NONE;

	buf_reset(&got);
	complete_words(&ctx, word, n, take, NULL, &files);
	return files;
}

#define OFFERS(...) \
	offers((const char *const[]){ __VA_ARGS__ }, \
	    sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void
commands_and_options(void)
{
	CHECK_U(OFFERS("syn"), WORDS_NONE);
	CHECK_STR(buf_str(&got), "sync");
	OFFERS("sync", "s");
	CHECK_STR(buf_str(&got), "status server");
	OFFERS("sync", "now", "--d");
	CHECK_STR(buf_str(&got), "--dry-run");
	OFFERS("sync", "now", "--j");
	CHECK_STR(buf_str(&got), "--json");
	OFFERS("--json", "sync", "di");
	CHECK_STR(buf_str(&got), "diagnose discard");
	OFFERS("nonsense", "x");
	CHECK_STR(buf_str(&got), "");
	OFFERS("__comp");
	CHECK_STR(buf_str(&got), "");
}

static void
values(void)
{
	OFFERS("completion", "");
	CHECK_STR(buf_str(&got), "bash zsh");
	CHECK_U(OFFERS("sync", "now", "--report", ""), WORDS_FILE);
	CHECK_U(OFFERS("sync", "now", "--report", "x", ""), WORDS_NONE);
	CHECK_STR(buf_str(&got), "");
	OFFERS("wp", "move", "WP01", "cl");
	CHECK_STR(buf_str(&got), "claimed");
	OFFERS("wp", "list", "--lane", "b");
	CHECK_STR(buf_str(&got), "blocked");
	OFFERS("wp", "list", "--lane=f");
	CHECK_STR(buf_str(&got), "--lane=for_review");
	OFFERS("wp", "list", "--lane=f", "--al");
	CHECK_STR(buf_str(&got), "--all-projects");
	OFFERS("wp", "list", "--all-projects=", "");
	CHECK_STR(buf_str(&got), "");
	OFFERS("todo", "list", "--status", "");
	CHECK_STR(buf_str(&got), "pending in_progress completed");
	OFFERS("todo", "add", "x", "--priority", "h");
	CHECK_STR(buf_str(&got), "high");
	CHECK_U(OFFERS("sync", "now", "--report=x"), WORDS_FILE);
	OFFERS("help", "sync", "n");
	CHECK_STR(buf_str(&got), "now");
	OFFERS("help", "");
	CHECK(got.len > 10);
	/* There is no store: nothing is offered, nothing is made. */
	OFFERS("sync", "retry", "");
	CHECK_STR(buf_str(&got), "");
}

int
main(void)
{
	CHECK_U(setenv("CLOWDER_HOME", "/nonexistent/home", 1), 0);
	ctx_init(&ctx, "clowder");
	T_RUN(commands_and_options);
	T_RUN(values);
	ctx_fini(&ctx);
	buf_fini(&got);
	return t_done();
}
