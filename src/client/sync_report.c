#include "sync_report.h"

#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "when.h"

enum { DEPTH_MAX = 8 };

const char *
sync_fate_name(enum sync_fate f)
{
	switch (f) {
	case SYNC_FATE_PUSHED:
		return "pushed";
	case SYNC_FATE_REFUSED:
		return "refused";
	case SYNC_FATE_WAITING:
		return "waiting";
	case SYNC_FATE_PULLED:
		return "pulled";
	case SYNC_FATE_CLASHED:
		return "clashed";
	}
	return "";
}

bool
sync_note_is_usual(enum sync_fate f)
{
	return f == SYNC_FATE_PUSHED || f == SYNC_FATE_PULLED;
}

void
sync_noted_make(struct sync_noted *ret, const struct space *sp,
    const struct sync_note *note, struct arena *a)
{
	struct arena mem = { 0 };
	struct json j = { 0 };
	struct event ev;
	struct err_info ignore = { 0 };

	*ret = (struct sync_noted){
		.fate = note->fate, .code = note->code, .seq = note->seq
	};
	(void)eid_format(&note->id, ret->id);
	/* What cannot be read is shown by its id alone. */
	if (event_parse(&ev, &j, note->raw, &mem, &ignore) == ERR_OK) {
		ret->type = arena_str(a, ev.type);
		ret->aggregate = arena_str(a, ev.aggregate_id);
	}
	ret->team = arena_str(a, sp->team);
	ret->why = arena_str(a, note->why);
	json_fini(&j);
	arena_fini(&mem);
}

static void
keep(struct sync_notes *n, const struct sync_noted *note)
{
	if (mem_grow(&n->note, &n->cap, n->n + 1, sizeof *n->note))
		n->note[n->n++] = *note;
	else
		n->failed = true;
}

void
sync_notes_add(void *ctx, const struct space *sp, const struct sync_note *note)
{
	struct sync_notes *n = ctx;
	struct sync_noted noted;

	if (!n->all && sync_note_is_usual(note->fate))
		return;
	sync_noted_make(&noted, sp, note, n->arena);
	keep(n, &noted);
}

void
sync_notes_fini(struct sync_notes *n)
{
	free(n->note);
	n->note = NULL;
	n->n = n->cap = 0;
}

/* --- written ------------------------------------------------------------------ */

static void
put_noted(struct json_writer *w, const struct sync_noted *n)
{
	json_obj(w);
	json_key(w, "fate"), json_put_z(w, sync_fate_name(n->fate));
	json_key(w, "event_id"), json_put_z(w, n->id);
	json_key(w, "event_type"), json_put_str(w, n->type);
	json_key(w, "aggregate_id"), json_put_str(w, n->aggregate);
	json_key(w, "team"), json_put_str(w, n->team);
	json_key(w, "seq");
	if (n->seq > 0)
		json_put_u(w, n->seq);
	else
		json_put_null(w);
	if (n->code != ERR_OK) {
		json_key(w, "code"), json_put_z(w, err_wire(n->code));
		json_key(w, "message"), json_put_str(w, n->why);
	}
	json_end(w);
}

static void
put_space(struct json_writer *w, const struct sync_run_space *sp)
{
	json_obj(w);
	json_key(w, "team"), json_put_str(w, sp->space.team);
	json_key(w, "pushed"), json_put_u(w, sp->report.pushed);
	json_key(w, "batches"), json_put_u(w, sp->report.batches);
	json_key(w, "pulled"), json_put_u(w, sp->report.pulled);
	json_key(w, "refused"), json_put_u(w, sp->report.refused);
	json_key(w, "waiting"), json_put_u(w, sp->report.waiting);
	if (sp->report.waiting > 0) {
		json_key(w, "waiting_code");
		json_put_z(w, err_wire(sp->report.waiting_code));
		json_key(w, "waiting_why");
		json_put_z(w, sp->report.waiting_why);
	}
	json_key(w, "clashed"), json_put_u(w, sp->report.clashed);
	json_key(w, "requests"), json_put_u(w, sp->report.requests);
	json_key(w, "retries"), json_put_u(w, sp->report.retries);
	json_key(w, "error");
	json_put_z(w, sp->error.code ? err_wire(sp->error.code) : NULL);
	json_end(w);
}

static const char *
result_of(const struct sync_report_of *r)
{
	if (r->error != NULL)
		return "failed";
	if (r->dry_run)
		return "dry_run";
	return r->run->refused + r->run->waiting + r->run->clashed > 0 ?
	    "partial" :
	    "complete";
}

void
sync_report_write(const struct sync_report_of *r, struct json_writer *w)
{
	const struct sync_run *run = r->run;

	json_obj(w);
	json_key(w, "schema_version"), json_put_u(w, 1);
	json_key(w, "generated_at"), when_put(w, os_wall_ms());
	json_key(w, "result"), json_put_z(w, result_of(r));
	if (r->error != NULL) {
		json_key(w, "error"), json_put_z(w, err_wire(r->error->code));
		json_key(w, "message"), json_put_z(w, r->error->text);
	}
	json_key(w, "pushed"), json_put_u(w, run->pushed);
	json_key(w, "batches"), json_put_u(w, run->batches);
	json_key(w, "pulled"), json_put_u(w, run->pulled);
	json_key(w, "refused_now"), json_put_u(w, run->refused);
	json_key(w, "waiting"), json_put_u(w, run->waiting);
	json_key(w, "clashed"), json_put_u(w, run->clashed);
	json_key(w, "conflicts"), json_put_u(w, r->conflicts);
	json_key(w, "shared"), json_put_u(w, run->shared);
	json_key(w, "teams"), json_arr(w);
	for (size_t i = 0; i < run->n; i++)
		put_space(w, &run->space[i]);
	json_end(w);
	json_key(w, "notes"), json_arr(w);
	for (size_t i = 0; i < r->notes->n; i++)
		put_noted(w, &r->notes->note[i]);
	json_end(w);
	json_key(w, "status"), json_obj(w);
	status_write(r->status, w);
	json_end(w);
	json_end(w);
}

/* --- read ------------------------------------------------------------------------ */

static uint64_t
number(const struct json *j, uint32_t object, const char *name)
{
	uint64_t n = 0;

	return json_u53(j, json_get(j, object, name), &n) ? n : 0;
}

static enum err
code_of(struct str word)
{
	enum err code = err_from_wire(word.p, word.n);

	return word.n == 0 ? ERR_OK : code != ERR_OK ? code : ERR_FAILED;
}

static bool
fate_of(struct str name, enum sync_fate *ret)
{
	for (int f = SYNC_FATE_PUSHED; f <= SYNC_FATE_CLASHED; f++)
		if (str_is(name, sync_fate_name((enum sync_fate)f))) {
			*ret = (enum sync_fate)f;
			return true;
		}
	return false;
}

static void
read_note(const struct json *j, uint32_t at, struct sync_notes *notes)
{
	struct arena *a = notes->arena;
	struct sync_noted n = { .seq = number(j, at, "seq"),
		.type = json_member_copy(j, at, "event_type", a),
		.aggregate = json_member_copy(j, at, "aggregate_id", a),
		.team = json_member_copy(j, at, "team", a),
		.why = json_member_copy(j, at, "message", a),
		.code = code_of(json_member_copy(j, at, "code", a)) };

	if (!fate_of(json_member_copy(j, at, "fate", a), &n.fate))
		return;
	str_copy(n.id, sizeof n.id, json_member_copy(j, at, "event_id", a));
	keep(notes, &n);
}

static void
read_team(const struct json *j, uint32_t at, struct arena *a,
    struct sync_run_space *sp)
{
	struct str why = json_member_copy(j, at, "waiting_why", a);
	struct sync_report *r = &sp->report;

	*sp = (struct sync_run_space){ .space.team =
		                           json_member_copy(j, at, "team", a) };
	r->pushed = number(j, at, "pushed");
	r->batches = number(j, at, "batches");
	r->pulled = number(j, at, "pulled");
	r->refused = number(j, at, "refused");
	r->waiting = number(j, at, "waiting");
	r->clashed = number(j, at, "clashed");
	r->requests = number(j, at, "requests");
	r->retries = number(j, at, "retries");
	r->waiting_code = code_of(json_member_copy(j, at, "waiting_code", a));
	str_copy(r->waiting_why, sizeof r->waiting_why, why);
	sp->error.code = code_of(json_member_copy(j, at, "error", a));
}

static enum err
read_teams(const struct json *j, struct sync_run *run, struct arena *a,
    struct err_info *e)
{
	uint32_t list = json_get(j, 0, "teams"), at = list + 1;

	if (list == 0 || json_kind(j, list) != JSON_ARRAY)
		return err_setf(e, ERR_PROTOCOL,
		    "the daemon's report has no teams");
	run->space = arena_array(a, j->node[list].n, sizeof *run->space);
	if (run->space == NULL && j->node[list].n > 0)
		return err_set(e, ERR_NOMEM);
	for (; run->n < j->node[list].n; at = json_next(j, at))
		read_team(j, at, a, &run->space[run->n++]);
	return ERR_OK;
}

static void
read_sums(const struct json *j, struct sync_run *run)
{
	run->pushed = number(j, 0, "pushed");
	run->batches = number(j, 0, "batches");
	run->pulled = number(j, 0, "pulled");
	run->refused = number(j, 0, "refused_now");
	run->waiting = number(j, 0, "waiting");
	run->clashed = number(j, 0, "clashed");
	run->shared = number(j, 0, "shared");
}

static void
read_error(const struct json *j, struct arena *a, struct err_info *error)
{
	struct str why = json_member_copy(j, 0, "message", a);

	*error = (struct err_info){
		.code = code_of(json_member_copy(j, 0, "error", a))
	};
	if (error->code != ERR_OK)
		(void)err_setf(error, error->code, "%.*s", STR_ARG(why));
}

enum err
sync_report_read(struct str text, struct sync_run *run,
    struct sync_notes *notes, struct err_info *error, struct err_info *e)
{
	struct json j = { 0 };
	uint32_t list, at;
	enum err rc = json_parse(&j, text, DEPTH_MAX, e);

	*run = (struct sync_run){ 0 };
	if (rc != ERR_OK && rc != ERR_NOMEM)
		rc =
		    err_setf(e, ERR_PROTOCOL, "the daemon's report is no JSON");
	if (rc == ERR_OK)
		rc = read_teams(&j, run, notes->arena, e);
	if (rc == ERR_OK) {
		read_sums(&j, run);
		read_error(&j, notes->arena, error);
		list = json_get(&j, 0, "notes");
		at = list + 1;
		for (uint32_t i = 0; list != 0 && i < j.node[list].n; i++) {
			read_note(&j, at, notes);
			at = json_next(&j, at);
		}
	}
	json_fini(&j);
	return rc;
}
