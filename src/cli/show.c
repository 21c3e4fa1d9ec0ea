#include "show.h"

#include <stdlib.h>

#include "clock.h"
#include "conflict.h"
#include "fault.h"
#include "input.h"
#include "view.h"
#include "when.h"
#include "words.h"

/* --- what verbs say ---------------------------------------------------------------- */

void
show_added(struct cli *c, struct str id, struct str shown, struct str title,
    struct str where)
{
	struct json_writer *w;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "id"), json_put_str(w, id);
		json_key(w, "shown"), json_put_str(w, shown);
		view_put_text(w, "title", title);
		json_end(w);
		out_json_end(c->out);
		return;
	}
	if (!c->out->tty) {
		out_str(c->out, PAINT_NONE, id);
		out_say(c->out, "\n");
		return;
	}
	out_say(c->out, "Added ");
	out_str(c->out, PAINT_ID, id);
	if (title.n > 0) {
		out_say(c->out, "  ");
		out_str(c->out, PAINT_NONE, title);
	}
	if (where.n > 0) {
		out_say(c->out, "  in ");
		out_str(c->out, PAINT_DIM, where);
	}
	out_say(c->out, "\n");
}

void
show_edited(struct cli *c, struct str id, struct str shown, unsigned changed,
    bool was_removed)
{
	struct json_writer *w;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "id"), json_put_str(w, id);
		json_key(w, "changed"), json_put_u(w, changed);
		json_key(w, "was_removed"), json_put_bool(w, was_removed);
		json_end(w);
		out_json_end(c->out);
		return;
	}
	out_say(c->out,
	    was_removed     ? "Brought back " :
	        changed > 0 ? "Changed " :
	                      "Nothing to change in ");
	out_str(c->out, PAINT_ID, shown);
	out_say(c->out, "\n");
}

void
show_removed(struct cli *c, struct str id, struct str shown)
{
	struct json_writer *w;

	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "id"), json_put_str(w, id);
		json_key(w, "removed"), json_put_bool(w, true);
		json_end(w);
		out_json_end(c->out);
		return;
	}
	out_say(c->out, "Removed ");
	out_str(c->out, PAINT_ID, shown);
	out_say(c->out, "\n");
}

void
show_restore(enum aggregate type, struct str key, struct buf *out)
{
	const char *verb = type == AGG_WORK_PACKAGE ? "wp edit " :
	    type == AGG_FEATURE                     ? "feature edit " :
	    type == AGG_TODO                        ? "todo reopen " :
	                                              NULL;

	if (verb == NULL)
		return;
	buf_adds(out, verb);
	words_shell(key, out);
}

enum err
show_was_removed(struct work *w, enum aggregate type, const char *feature,
    const char *word, struct err_info *e)
{
	struct err_info why = { 0 };
	struct buf how = { 0 };
	struct str key;
	enum err rc = work_removed(w, type, feature, word, &key, &why);

	/* Then the first error says more. */
	if (rc != ERR_OK)
		return e->code;
	show_restore(type, key, &how);
	rc = buf_ok(&how, e);
	if (rc == ERR_OK) {
		buf_reset(&w->c->hint);
		cli_hint(w->c, "%s", how.data);
		rc = err_setf(e, ERR_NOT_FOUND,
		    "%.*s was removed; `%s show %.*s` says when and by whom",
		    STR_ARG(key), w->c->ctx->program, STR_ARG(key));
	}
	buf_fini(&how);
	return rc;
}

enum err
show_reason(struct cli *c, struct payload *p, struct err_info *e)
{
	const char *typed = cli_opt(c, "reason");
	struct str reason = { 0 };
	enum err rc = ERR_OK;

	if (typed != NULL)
		rc =
		    input_text("the reason", typed, INPUT_TEXT_MAX, &reason, e);
	if (rc != ERR_OK)
		return rc;
	payload_begin(p);
	if (reason.n > 0)
		json_key(&p->w, "reason"), json_put_str(&p->w, reason);
	return ERR_OK;
}

/* --- an event as an object ---------------------------------------------------------- */

static const char *
status_name(const struct log_row *row)
{
	static const char *const name[] = { [EVENT_LOCAL] = "local",
		[EVENT_ACKED] = "acked",
		[EVENT_REFUSED] = "failed" };

	return row->discarded ? "discarded" : name[row->status];
}

static void
event_state_json(struct json_writer *j, const struct deed *d)
{
	json_key(j, "status"), json_put_z(j, status_name(&d->row));
	if (d->row.status == EVENT_ACKED)
		json_key(j, "seq"), json_put_u(j, d->row.seq);
	if (d->row.status != EVENT_REFUSED)
		return;
	json_key(j, "code"), json_put_z(j, err_wire(d->row.code));
	json_key(j, "why"), json_put_str(j, d->row.why);
}

/* On one line: where a line ends in it, that is white space between tokens. */
static enum err
put_raw_line(struct json_writer *j, struct str raw, struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	buf_addstr(&b, raw);
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\n' || b.data[i] == '\r')
			b.data[i] = ' ';
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		json_put_raw(j, buf_str(&b));
	buf_fini(&b);
	return rc;
}

enum err
show_event_json(struct json_writer *j, struct namer *namer,
    const struct deed *d, struct err_info *e)
{
	struct buf words = { 0 };
	struct str name;
	struct arena *a = namer->w->a;
	enum err rc = namer_name(namer, d->row.space, &d->ev.entity, &name, e);

	if (rc != ERR_OK)
		return rc;
	words_event(&d->ev, name, &words);
	rc = buf_ok(&words, e);
	json_obj(j);
	json_key(j, "id"), json_put_str(j, d->ev.id_text);
	json_key(j, "type"), json_put_str(j, d->ev.type);
	json_key(j, "what"), json_put_str(j, buf_str(&words));
	json_key(j, "who"), json_put_str(j, deed_who(d, a));
	view_put_text(j, "author", d->ev.author);
	json_key(j, "when"), when_put(j, deed_when(d));
	json_key(j, "project"), json_put_str(j, d->ev.entity.project);
	json_key(j, "entity_type"), json_put_str(j, d->ev.entity.type);
	json_key(j, "entity"), json_put_str(j, d->ev.entity.key);
	json_key(j, "machine"), json_put_str(j, d->ev.node);
	view_put_text(j, "session", d->ev.session_id);
	view_put_text(j, "user", d->row.user);
	json_key(j, "own"), json_put_bool(j, d->row.own);
	event_state_json(j, d);
	json_key(j, "event");
	if (rc == ERR_OK)
		rc = put_raw_line(j, d->row.raw, e);
	if (rc == ERR_OK)
		json_end(j);
	buf_fini(&words);
	return rc;
}

/* --- lists of events ---------------------------------------------------------------- */

/* Ids made within a millisecond are told apart by what follows the time. */
enum { EVENT_SHOWN = 13 };

struct show_line {
	struct str id, who, what; /* in the work's arena */
	int64_t when_ms;
	bool refused;
};

void
show_log_begin(struct show_log *l, struct work *w)
{
	*l = (struct show_log){ .w = w };
	namer_init(&l->namer, w);
}

enum err
show_words(struct namer *namer, const struct deed *d, struct buf *out,
    struct err_info *e)
{
	struct str name;
	enum err rc = namer_name(namer, d->row.space, &d->ev.entity, &name, e);

	if (rc != ERR_OK)
		return rc;
	words_event(&d->ev, name, out);
	if (d->row.status == EVENT_REFUSED)
		buf_addf(out, " [%s: %.*s]", status_name(&d->row),
		    STR_ARG(d->row.why));
	return buf_ok(out, e);
}

static enum err
line_add(struct show_log *l, struct err_info *e)
{
	struct arena *a = l->w->a;
	struct show_line line = { .when_ms = deed_when(&l->deed) };
	struct buf words = { 0 };
	enum err rc = show_words(&l->namer, &l->deed, &words, e);

	line.refused = l->deed.row.status == EVENT_REFUSED;
	line.id = arena_str(a, l->deed.ev.id_text);
	line.who = arena_str(a, deed_who(&l->deed, a));
	line.what = arena_str(a, buf_str(&words));
	buf_fini(&words);
	if (rc == ERR_OK &&
	    (line.id.p == NULL || line.who.p == NULL || line.what.p == NULL ||
	        !mem_grow(&l->line, &l->cap, l->n + 1, sizeof *l->line)))
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK)
		l->line[l->n++] = line;
	return rc;
}

enum err
show_log_add(struct show_log *l, const struct log_row *row, struct err_info *e)
{
	struct json_writer *j;
	enum err rc;

	arena_reset(&l->deed.a);
	rc = deed_of(&l->deed, row, e);
	if (rc != ERR_OK)
		return rc;
	if (!l->w->c->json)
		return line_add(l, e);
	l->n++;
	j = out_json_line(l->w->c->out);
	rc = show_event_json(j, &l->namer, &l->deed, e);
	if (rc == ERR_OK)
		out_json_end(l->w->c->out);
	return rc;
}

static size_t
common(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

/* Made one after the other, neighbours in time are neighbours in order. */
static size_t
shown_id(const struct show_log *l, size_t i)
{
	size_t n = EVENT_SHOWN;

	for (int side = -1; side <= 1; side += 2) {
		size_t k = side < 0 ? i - 1 : i + 1, same;

		if (k >= l->n)
			continue;
		same = common(l->line[i].id, l->line[k].id);
		n = same + 1 > n ? same + 1 : n;
	}
	return n < l->line[i].id.n ? n : l->line[i].id.n;
}

static void
put_when(struct out_table *t, const struct show_log *l, int64_t ms)
{
	char text[WHEN_TEXT_MAX];
	struct buf b = { 0 };

	/* For people how long ago, for programs the time itself. */
	if (l->w->c->out->tty)
		deed_ago(ms, os_wall_ms(), &b);
	else
		buf_add(&b, text, when_format(ms, text));
	out_cell(t, PAINT_DIM, buf_str(&b));
	t->failed |= b.failed;
	buf_fini(&b);
}

static void
print_lines(struct show_log *l)
{
	static const struct out_column column[] = { { "EVENT", 0 },
		{ "WHEN", COL_SHRINK }, { "WHO", COL_SHRINK },
		{ "WHAT", COL_MAIN }, { NULL, 0 } };
	struct out_table t;

	out_table_begin(&t, l->w->c->out, column);
	for (size_t i = 0; i < l->n; i++) {
		const struct show_line *line = &l->line[i];

		out_cell(&t, PAINT_ID, str_n(line->id.p, shown_id(l, i)));
		put_when(&t, l, line->when_ms);
		out_cell(&t, PAINT_NONE, line->who);
		out_cell(&t, line->refused ? PAINT_BAD : PAINT_NONE,
		    line->what);
	}
	out_table_end(&t);
}

enum err
show_log_end(struct show_log *l, enum err rc, struct err_info *e)
{
	(void)e;
	if (rc == ERR_OK && !l->w->c->json && l->n > 0)
		print_lines(l);
	free(l->line);
	deed_fini(&l->deed);
	namer_fini(&l->namer);
	*l = (struct show_log){ 0 };
	return rc;
}

/* --- one event ---------------------------------------------------------------------- */

enum { LABEL = 10 };

static void
members_text(struct out *o, const struct event *ev)
{
	uint32_t key = ev->payload + 1;
	struct arena a = { 0 };
	struct buf b = { 0 };

	for (uint32_t i = 0; i < ev->json->node[ev->payload].n; i++) {
		uint32_t value = json_next(ev->json, key);
		struct str name = { 0 };

		buf_reset(&b);
		words_value(json_raw(ev->json, value), &b);
		if (json_str(ev->json, key, &a, &name)) {
			out_say(o, "    ");
			out_str(o, PAINT_DIM, name);
			out_say(o, "  ");
			out_str(o, PAINT_NONE, buf_str(&b));
			out_say(o, "\n");
		}
		key = json_next(ev->json, value);
	}
	buf_fini(&b);
	arena_fini(&a);
}

static void
event_text(struct work *w, const struct deed *d, struct str what)
{
	struct out *o = w->c->out;
	struct buf ago = { 0 };
	char when[WHEN_TEXT_MAX];

	(void)when_format(deed_when(d), when);
	deed_ago(deed_when(d), os_wall_ms(), &ago);
	out_str(o, PAINT_TITLE, what);
	out_say(o, "\n");
	out_pair(o, LABEL, "Event", PAINT_ID, "%.*s", STR_ARG(d->ev.id_text));
	out_pair(o, LABEL, "Type", PAINT_NONE, "%.*s", STR_ARG(d->ev.type));
	out_pair(o, LABEL, "About", PAINT_NONE, "%.*s %.*s",
	    STR_ARG(d->ev.entity.type), STR_ARG(d->ev.entity.key));
	out_pair(o, LABEL, "Who", PAINT_NONE, "%.*s%s%.*s%s",
	    STR_ARG(deed_who(d, w->a)),
	    d->row.user.n > 0 ? " (signed in: " : "", STR_ARG(d->row.user),
	    d->row.user.n > 0 ? ")" : "");
	out_pair(o, LABEL, "When", PAINT_NONE, "%s (%.*s)", when,
	    STR_ARG(buf_str(&ago)));
	out_pair(o, LABEL, "Machine", PAINT_NONE, "%.*s%s", STR_ARG(d->ev.node),
	    d->row.own ? " (this one)" : "");
	if (d->ev.session_id.n > 0)
		out_pair(o, LABEL, "Session", PAINT_NONE, "%.*s",
		    STR_ARG(d->ev.session_id));
	if (d->ev.git_branch.n > 0)
		out_pair(o, LABEL, "Branch", PAINT_NONE, "%.*s",
		    STR_ARG(d->ev.git_branch));
	out_pair(o, LABEL, "Clock", PAINT_NONE, "%llu, replaces %zu",
	    (unsigned long long)d->ev.clock, d->ev.n_replaces);
	if (d->row.status == EVENT_REFUSED)
		out_pair(o, LABEL, "State", PAINT_BAD, "%s: %.*s",
		    status_name(&d->row), STR_ARG(d->row.why));
	else
		out_pair(o, LABEL, "State", PAINT_NONE, "%s",
		    status_name(&d->row));
	out_say(o, "  Content\n");
	members_text(o, &d->ev);
	buf_fini(&ago);
}

enum err
show_event(struct work *w, space_id sp, const struct log_row *row,
    struct err_info *e)
{
	struct deed d = { 0 };
	struct namer namer;
	struct buf what = { 0 };
	struct str name;
	enum err rc = deed_of(&d, row, e);

	namer_init(&namer, w);
	if (rc == ERR_OK)
		rc = namer_name(&namer, sp, &d.ev.entity, &name, e);
	if (rc == ERR_OK && w->c->json) {
		rc = show_event_json(out_json(w->c->out), &namer, &d, e);
		if (rc == ERR_OK)
			out_json_end(w->c->out);
	} else if (rc == ERR_OK) {
		words_event(&d.ev, name, &what);
		rc = buf_ok(&what, e);
		if (rc == ERR_OK)
			event_text(w, &d, buf_str(&what));
	}
	buf_fini(&what);
	namer_fini(&namer);
	deed_fini(&d);
	return rc;
}
