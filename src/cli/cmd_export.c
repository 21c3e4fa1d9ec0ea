/* export: the log of a team, or of one project, as lines of JSON. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "cmds.h"
#include "deed.h"
#include "file.h"
#include "when.h"
#include "work.h"

enum { FLUSH_BYTES = 256 * 1024, FORMAT_VERSION = 1 };

/* Where the lines go: a file that is there when it is whole, or stdout, or what
 * is there and is no file (a pipe, a device). */
struct sink {
	struct out *out;  /* stdout; NULL = the file */
	const char *path; /* of the file */
	char *part; /* what it is called until it is whole; in the arena; NULL:
	               it is written as it is */
	int fd;     /* own; -1 = none */
	struct buf text;
};

static enum err
sink_open(struct sink *s, struct cli *c, const char *path, struct err_info *e)
{
	struct stat st;

	*s = (struct sink){ .path = path, .fd = -1 };
	if (path == NULL || strcmp(path, "-") == 0) {
		s->out = c->out;
		return ERR_OK;
	}
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		s->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return s->fd >= 0 ? ERR_OK : err_sys(e, errno, "%s", path);
	}
	if (os_exists(path) && !cli_has(c, "force"))
		return err_setf(e, ERR_EXISTS,
		    "%s is there already (--force writes over it)", path);
	s->part =
	    arena_fmt(&c->ctx->arena, "%s.%ld.part", path, (long)getpid());
	if (s->part == NULL)
		return err_set(e, ERR_NOMEM);
	s->fd = open(s->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return s->fd >= 0 ? ERR_OK : err_sys(e, errno, "%s", path);
}

static enum err
sink_flush(struct sink *s, struct err_info *e)
{
	enum err rc = buf_ok(&s->text, e);

	if (rc != ERR_OK)
		return rc;
	if (s->fd >= 0) {
		rc = os_write_fd(s->fd, s->path, buf_str(&s->text), e);
	} else if (s->out->tty) {
		out_lines(s->out, PAINT_NONE, buf_str(&s->text));
	} else {
		/* Programs read it: to the byte. */
		buf_addstr(&s->out->text, buf_str(&s->text));
		out_flush(s->out);
	}
	buf_reset(&s->text);
	return rc;
}

/* Takes rc: what failed leaves nothing behind. */
static enum err
sink_close(struct sink *s, enum err rc, struct err_info *e)
{
	if (rc == ERR_OK)
		rc = sink_flush(s, e);
	if (rc == ERR_OK && s->part != NULL && fsync(s->fd) != 0)
		rc = err_sys(e, errno, "%s", s->path);
	if (s->fd >= 0 && close(s->fd) != 0 && rc == ERR_OK)
		rc = err_sys(e, errno, "%s", s->path);
	if (rc == ERR_OK && s->part != NULL)
		rc = os_rename(s->part, s->path, e);
	if (rc != ERR_OK && s->part != NULL && s->fd >= 0)
		(void)os_remove(s->part, &(struct err_info){ 0 });
	buf_fini(&s->text);
	return rc;
}

/* --- lines ------------------------------------------------------------------------ */

struct export
{
	struct cli *c;
	struct sink sink;
	struct space space;
	struct str project; /* n 0 = all */
	struct deed deed;
	uint64_t written, refused;
};

static void
header(struct export *x)
{
	struct json_writer w = { .out = &x->sink.text };

	json_obj(&w);
	json_key(&w, "clowder"), json_put_z(&w, "export");
	json_key(&w, "version"), json_put_u(&w, FORMAT_VERSION);
	json_key(&w, "program"), json_put_z(&w, CLOWDER_VERSION);
	json_key(&w, "space");
	json_obj(&w);
	json_key(&w, "hub"), json_put_str(&w, x->space.hub);
	json_key(&w, "account"), json_put_str(&w, x->space.account);
	json_key(&w, "team"), json_put_str(&w, x->space.team);
	json_end(&w);
	json_key(&w, "project");
	if (x->project.n > 0)
		json_put_str(&w, x->project);
	else
		json_put_null(&w);
	json_key(&w, "exported_at"), when_put(&w, os_wall_ms());
	json_end(&w);
	buf_addc(&x->sink.text, '\n');
}

static enum err
row(void *ctx, const struct log_row *r, struct err_info *e)
{
	struct export *x = ctx;
	struct buf *to = &x->sink.text;
	size_t at = to->len;
	enum err rc = ERR_OK;

	if (x->project.n > 0) {
		arena_reset(&x->deed.a);
		rc = deed_of(&x->deed, r, e);
		if (rc != ERR_OK ||
		    !str_eq(x->deed.ev.entity.project, x->project))
			return rc;
	}
	if (r->status == EVENT_REFUSED) {
		x->refused++;
		return ERR_OK;
	}
	buf_addstr(to, r->raw);
	/* An event is one line: where one ends in it, that is white space between
	 * tokens. */
	for (; at < to->len; at++)
		if (to->data[at] == '\n' || to->data[at] == '\r')
			to->data[at] = ' ';
	buf_addc(to, '\n');
	x->written++;
	out_bar(x->c->out, r->pos, x->space.events);
	return to->len >= FLUSH_BYTES ? sink_flush(&x->sink, e) : ERR_OK;
}

static enum err
find(struct export *x, struct err_info *e)
{
	const char *project = cli_opt(x->c, "project");
	struct work_place at;
	struct work w;
	enum err rc = work_read(&w, x->c, e);
	space_id sp = w.space;

	if (rc == ERR_OK && project != NULL) {
		rc = work_project(&w, project, &at, e);
		if (rc == ERR_OK)
			x->project = at.project, sp = at.space;
	}
	if (rc == ERR_OK)
		rc = store_space_get(w.s, sp, w.a, &x->space, e);
	/* The view ends here: it would hold back others for as long as the
	 * writing takes. */
	return work_end(&w, rc, e);
}

static void
print(struct export *x)
{
	struct json_writer *w;

	if (x->refused > 0)
		out_note(x->c->out, PAINT_WARN,
		    "note: %llu refused events are left out",
		    (unsigned long long)x->refused);
	if (x->sink.out != NULL)
		return;
	if (x->c->json) {
		w = out_json(x->c->out);
		json_obj(w);
		json_key(w, "file"), json_put_z(w, x->sink.path);
		json_key(w, "events"), json_put_u(w, x->written);
		json_key(w, "refused"), json_put_u(w, x->refused);
		json_end(w);
		out_json_end(x->c->out);
		return;
	}
	out_say(x->c->out, "Wrote %llu event%s to ",
	    (unsigned long long)x->written, x->written == 1 ? "" : "s");
	out_str(x->c->out, PAINT_NONE, str_of(x->sink.path));
	out_say(x->c->out, "\n");
}

static enum err
export_run(struct cli *c, struct err_info *e)
{
	struct export x = { .c = c };
	enum err rc = find(&x, e);

	if (rc != ERR_OK)
		return rc;
	rc = sink_open(&x.sink, c, cli_arg(c, 0), e);
	if (rc == ERR_OK) {
		header(&x);
		out_bar_begin(c->out, "Writing", "events");
		rc = store_log(c->ctx->store, x.space.id, 0, 0, row, &x, e);
		out_bar_end(c->out);
	}
	rc = sink_close(&x.sink, rc, e);
	deed_fini(&x.deed);
	if (rc == ERR_OK)
		print(&x);
	return rc;
}

static const struct cmd_arg export_arg[] = {
	{ .name = "FILE",
	    .help = "where to (else, and for -, stdout)",
	    .flags = ARG_OPTIONAL,
	    .words = WORDS_FILE },
	{ 0 },
};
static const struct cmd_opt export_opt[] = {
	{ .name = "project",
	    .arg = "P",
	    .help = "only this one (. is the folder's)",
	    .words = WORDS_PROJECT },
	{ .name = "force", .help = "write over FILE" },
	{ 0 },
};
static const struct cmd_example export_example[] = {
	{ "export backup.jsonl", "everything of the team" },
	{ "export --project . | jq -c .event_type", "look at the events" },
	{ 0 },
};
const struct cmd cmd_export = {
	.name = "export",
	.purpose = "write the log as lines of JSON",
	.about =
	    "One event a line as it stands in the log, behind a first line "
	    "that "
	    "names version and team. `import` takes it in again; events that a "
	    "hub refused are left out.",
	.opt = export_opt,
	.arg = export_arg,
	.example = export_example,
	.run = export_run,
};
