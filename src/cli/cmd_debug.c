/* Doors for people who look inside. */
#include "cmds.h"
#include "file.h"
#include "fold.h"

enum { FOLD_BYTES_MAX = 1 << 30 };

static enum err
fold_lines(struct fold *f, struct str text, struct err_info *e)
{
	struct str line;
	unsigned long long n = 0;

	while (str_split(&text, '\n', &line)) {
		n++;
		line = str_trim(line);
		if (line.n > 0 && fold_add(f, line, e) != ERR_OK)
			return err_wrap(e, "line %llu", n);
	}
	return ERR_OK;
}

static enum err
run_fold(struct cli *c, struct err_info *e)
{
	const char *path = cli_arg(c, 0);
	struct fold *f = NULL;
	struct buf text = { 0 }, line = { 0 };
	enum err rc = fold_new(&f, e);

	if (rc == ERR_OK && (path == NULL || str_is(str_of(path), "-")))
		rc = os_read_fd(0, "standard input", FOLD_BYTES_MAX, &text, e);
	else if (rc == ERR_OK)
		rc = os_read_file(path, FOLD_BYTES_MAX, &text, e);
	if (rc == ERR_OK)
		rc = fold_lines(f, buf_str(&text), e);
	if (rc == ERR_OK)
		rc = fold_write(f, &line, e);
	if (rc == ERR_OK) {
		struct json_writer *w = out_json_line(c->out);

		json_put_raw(w, buf_str(&line));
		out_json_end(c->out);
	}
	fold_free(f);
	buf_fini(&text);
	buf_fini(&line);
	return rc;
}

static const struct cmd_arg fold_arg[] = {
	{ .name = "FILE",
	    .flags = ARG_OPTIONAL,
	    .words = WORDS_FILE,
	    .help = "events, one JSON object a line (else standard input)" },
	{ 0 },
};
static const struct cmd cmd_debug_fold = {
	.name = "fold",
	.purpose = "fold events in any order and print their state",
	.about =
	    "One line of canonical JSON: entities with the heads of their "
	    "fields, the ledger of conflicts, the digests of the projects. "
	    "The door for other implementations of the merge rules.",
	.arg = fold_arg,
	.run = run_fold,
};
static const struct cmd *const debug_verbs[] = { &cmd_debug_fold, NULL };
const struct cmd cmd_debug = {
	.name = "debug",
	.purpose = "look inside",
	.sub = debug_verbs,
};
