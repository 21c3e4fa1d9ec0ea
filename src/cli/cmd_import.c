/* import: lines that `export` wrote become part of the log; all of them or
 * none. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cmds.h"
#include "event.h"
#include "file.h"
#include "notice.h"
#include "spaces.h"

enum {
	READ_BYTES = 256 * 1024,
	LINE_MAX_BYTES = EVENT_BYTES_MAX + 1024,
	FORMAT_VERSION = 1,
	BAD_LINES_MAX = 10 /* that are named */
};
/* docs/merge.md, Clock: further ahead is nobody's clock. */
#define CLOCK_AHEAD_MAX (UINT64_C(1) << 32)

/* --- lines -------------------------------------------------------------------------- */

struct reader {
	const char *name; /* for messages */
	int fd;
	struct buf text; /* read, from `at` on not yet handed out */
	size_t at;
	uint64_t line;
	bool end;
};

static enum err
reader_open(struct reader *r, const char *path, struct err_info *e)
{
	*r = (struct reader){ .name = path, .fd = STDIN_FILENO };
	if (strcmp(path, "-") == 0) {
		r->name = "stdin";
		return ERR_OK;
	}
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	return r->fd >= 0 ? ERR_OK : err_sys(e, errno, "%s", path);
}

static void
reader_close(struct reader *r)
{
	if (r->fd > STDIN_FILENO)
		(void)close(r->fd);
	buf_fini(&r->text);
}

static enum err
reader_fill(struct reader *r, struct err_info *e)
{
	size_t left = r->text.len - r->at;
	ssize_t n;

	if (left > 0 && r->at > 0)
		memmove(r->text.data, r->text.data + r->at, left);
	r->text.len = left;
	r->at = 0;
	if (left > LINE_MAX_BYTES)
		return err_setf(e, ERR_TOO_LARGE,
		    "%s, line %llu: longer than an event may be", r->name,
		    (unsigned long long)r->line + 1);
	if (!buf_reserve(&r->text, READ_BYTES))
		return err_set(e, ERR_NOMEM);
	do
		n = read(r->fd, r->text.data + left, READ_BYTES);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "%s", r->name);
	r->text.len += (size_t)n;
	r->text.data[r->text.len] = '\0';
	r->end = n == 0;
	return ERR_OK;
}

/* The next line that is not blank; *ret.p NULL at the end.  Valid until the next
 * call. */
static enum err
reader_next(struct reader *r, struct str *ret, struct err_info *e)
{
	for (;;) {
		struct str rest =
		    str_n(r->text.data + r->at, r->text.len - r->at);
		size_t n = str_find(rest, '\n');
		enum err rc;

		if (n == SIZE_MAX && !r->end) {
			rc = reader_fill(r, e);
			if (rc != ERR_OK)
				return rc;
			continue;
		}
		*ret = (struct str){ 0 };
		if (n == SIZE_MAX && rest.n == 0)
			return ERR_OK;
		r->line++;
		r->at += n == SIZE_MAX ? rest.n : n + 1;
		*ret = str_trim(n == SIZE_MAX ? rest : str_n(rest.p, n));
		if (ret->n > 0)
			return ERR_OK;
	}
}

/* --- where to -------------------------------------------------------------------- */

struct header {
	struct str hub, account, team; /* in the arena */
};

static enum err
header_read(struct reader *r, struct arena *a, struct header *h,
    struct err_info *e)
{
	struct json j = { 0 };
	struct str line, *const part[] = { &h->hub, &h->account, &h->team };
	static const char *const name[] = { "hub", "account", "team" };
	uint64_t version = 0;
	uint32_t space;
	bool ok;
	enum err rc = reader_next(r, &line, e);

	if (rc != ERR_OK)
		return rc;
	ok = line.p != NULL &&
	    json_parse(&j, line, JSON_DEPTH_MAX, e) == ERR_OK &&
	    json_str_is(&j, json_get(&j, 0, "clowder"), STR("export")) &&
	    json_u53(&j, json_get(&j, 0, "version"), &version);
	space = ok ? json_get(&j, 0, "space") : 0;
	for (int i = 0; ok && i < 3; i++) {
		uint32_t node = json_get(&j, space, name[i]);

		ok = space > 0 && node > 0 && json_str(&j, node, a, part[i]);
		if (ok)
			*part[i] = arena_str(a, *part[i]);
	}
	json_fini(&j);
	if (ok && version <= FORMAT_VERSION)
		return ERR_OK;
	if (version > FORMAT_VERSION)
		return err_setf(e, ERR_NEWER,
		    "%s is of version %llu, this program reads version %d",
		    r->name, (unsigned long long)version, FORMAT_VERSION);
	return err_setf(e, ERR_SCHEMA,
	    "%s, line %llu: not the first line of an export", r->name,
	    (unsigned long long)r->line);
}

static enum err
find_space(struct cli *c, struct store *s, const struct header *h,
    struct space *ret, struct err_info *e)
{
	struct arena *a = &c->ctx->arena;
	const char *team = cli_opt(c, "team");
	space_id id;
	enum err rc;

	if (team != NULL) {
		rc = spaces_team(s, str_of(team), &id, e);
	} else {
		rc =
		    store_space_find(s, h->hub, h->account, h->team, a, ret, e);
		if (rc != ERR_NOT_FOUND)
			return rc;
		/* Of another machine's team: into what is private here. */
		rc = spaces_private(s, &id, e);
	}
	return rc == ERR_OK ? store_space_get(s, id, a, ret, e) : rc;
}

/* --- events ------------------------------------------------------------------------ */

struct import {
	struct cli *c;
	struct store *s;
	struct reader in;
	struct space space;
	struct json json;
	struct arena a; /* of one line */
	uint64_t read, added, known, bad;
};

static enum err
take_event(struct import *im, struct str line, struct err_info *e)
{
	struct event ev;
	struct arrival arrival = { .ev = &ev };
	enum put put;
	uint64_t seq;
	enum err rc;

	arena_reset(&im->a);
	/* What its payload must hold is for hubs to judge: an event that one of
	 * them refuses is set aside and shown. */
	rc = event_parse(&ev, &im->json, line, &im->a, e);
	if (rc == ERR_OK && ev.clock > im->space.clock &&
	    ev.clock - im->space.clock > CLOCK_AHEAD_MAX)
		rc = err_setf(e, ERR_CLOCK_AHEAD,
		    "its Lamport clock is too far ahead");
	if (rc == ERR_OK)
		rc = store_put(im->s, im->space.id, &arrival, &put, &seq, e);
	if (rc != ERR_OK)
		return rc;
	/* As each clock went that has let it in: docs/merge.md, The clock. */
	if (ev.clock > im->space.clock)
		im->space.clock = ev.clock;
	im->space.clock++;
	if (put == PUT_REUSED)
		return err_setf(e, ERR_ID_REUSED,
		    "the event %.*s is here with other content",
		    STR_ARG(ev.id_text));
	im->added += put == PUT_NEW;
	im->known += put == PUT_DUPLICATE;
	return ERR_OK;
}

/* Faults of the line, after which the others can still be looked at. */
static bool
is_of_line(enum err rc)
{
	return rc == ERR_BAD_JSON || rc == ERR_SCHEMA || rc == ERR_TOO_LARGE ||
	    rc == ERR_CLOCK_AHEAD || rc == ERR_ID_REUSED;
}

static enum err
take_all(struct import *im, struct err_info *e)
{
	enum err rc = ERR_OK;
	struct str line;

	while ((rc = reader_next(&im->in, &line, e)) == ERR_OK &&
	    line.p != NULL) {
		struct err_info why = { 0 };

		im->read++;
		out_bar(im->c->out, im->read, 0);
		rc = take_event(im, line, &why);
		if (rc == ERR_OK)
			continue;
		if (!is_of_line(rc)) {
			*e = why;
			return rc;
		}
		if (im->bad++ < BAD_LINES_MAX)
			out_note(im->c->out, PAINT_BAD, "line %llu: %s",
			    (unsigned long long)im->in.line, why.text);
	}
	if (rc == ERR_OK && im->bad > 0)
		rc = err_setf(e, ERR_SCHEMA,
		    "nothing was imported: %llu line%s of %s %s wrong",
		    (unsigned long long)im->bad, im->bad == 1 ? "" : "s",
		    im->in.name, im->bad == 1 ? "is" : "are");
	return rc;
}

static void
print(struct import *im)
{
	struct json_writer *w;

	if (im->c->json) {
		w = out_json(im->c->out);
		json_obj(w);
		json_key(w, "read"), json_put_u(w, im->read);
		json_key(w, "new"), json_put_u(w, im->added);
		json_key(w, "known"), json_put_u(w, im->known);
		json_key(w, "team"), json_put_str(w, im->space.team);
		json_end(w);
		out_json_end(im->c->out);
		return;
	}
	out_say(im->c->out, "Imported %llu event%s into '",
	    (unsigned long long)im->added, im->added == 1 ? "" : "s");
	out_str(im->c->out, PAINT_NONE, im->space.team);
	out_say(im->c->out, "'");
	if (im->known > 0)
		out_say(im->c->out, ", %llu %s there already",
		    (unsigned long long)im->known,
		    im->known == 1 ? "was" : "were");
	out_say(im->c->out, "\n");
}

static enum err
import_run(struct cli *c, struct err_info *e)
{
	struct import im = { .c = c };
	struct header h = { 0 };
	uint64_t conflicts; /* said by the next writing command */
	enum err rc = reader_open(&im.in, cli_arg(c, 0), e);

	if (rc == ERR_OK)
		rc = header_read(&im.in, &c->ctx->arena, &h, e);
	if (rc == ERR_OK)
		rc = ctx_store_write(c->ctx, &im.s, e);
	if (rc == ERR_OK)
		rc = store_begin(im.s, e);
	if (rc != ERR_OK)
		goto done;
	rc = find_space(c, im.s, &h, &im.space, e);
	out_bar_begin(c->out, "Reading", "events");
	if (rc == ERR_OK)
		rc = take_all(&im, e);
	out_bar_end(c->out);
	if (rc == ERR_OK)
		rc = store_commit(im.s, e);
	if (rc != ERR_OK) {
		store_rollback(im.s);
		goto done;
	}
	rc = notice_look_ahead(c, &conflicts, e);
	if (rc == ERR_OK)
		rc = store_checkpoint(im.s, e);
	if (rc == ERR_OK)
		print(&im);
done:
	reader_close(&im.in);
	json_fini(&im.json);
	arena_fini(&im.a);
	return rc;
}

static const struct cmd_arg import_arg[] = {
	{ .name = "FILE",
	    .help = "what `export` wrote; - is stdin",
	    .words = WORDS_FILE },
	{ 0 },
};
static const struct cmd_opt import_opt[] = {
	{ .name = "team",
	    .arg = "TEAM",
	    .help =
	        "into this team of yours (else the one it came from, else the "
	        "private one)",
	    .words = WORDS_TEAM },
	{ 0 },
};
static const struct cmd_example import_example[] = {
	{ "import backup.jsonl", "twice is as good as once" },
	{ "import - < backup.jsonl", "" },
	{ 0 },
};
const struct cmd cmd_import = {
	.name = "import",
	.purpose = "take in what `export` wrote",
	.about =
	    "All of it or nothing: lines that are wrong are named by number. "
	    "Events that are here already change nothing; new ones are sent at "
	    "the next sync like any other.",
	.opt = import_opt,
	.arg = import_arg,
	.example = import_example,
	.run = import_run,
};
