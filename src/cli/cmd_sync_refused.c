/* sync diagnose, retry, edit, discard: events that the hub refused.
 *
 * Each is kept with its reason until somebody sends it again or gives it up.
 * Giving up wants a token that only `sync diagnose` shows, so that nobody is
 * led into it by an error text. */
#include <unistd.h>

#include "clock.h"
#include "cmds.h"
#include "file.h"
#include "hash.h"
#include "lookup.h"
#include "status.h"
#include "when.h"

enum {
	LABEL = 8,
	TOKEN_BYTES = 4,
	SHORT_ID = 13,
	PAYLOAD_MAX = EVENT_BYTES_MAX
};

/* A refused event, read. */
struct refused {
	struct log_row row;
	const struct space *space;
	struct json json; /* own */
	struct event ev;
	bool readable;
	char id[EID_TEXT_MAX];
	char token[2 * TOKEN_BYTES + 1];
};

struct refused_list {
	struct refused *item; /* in the context's arena, json apart */
	struct lookup_item *name;
	size_t n;
};

static void
list_fini(struct refused_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_fini(&l->item[i].json);
}

/* Bound to the event as it is now: another content wants another look. */
static void
make_token(struct refused *r)
{
	uint8_t hash[HASH_BYTES];

	hash_blake2b(r->row.raw, hash, sizeof hash);
	hex_encode(hash, TOKEN_BYTES, r->token);
}

static enum err
read_row(struct refused *r, const struct log_row *row, const struct space *sp,
    struct arena *a, struct err_info *e)
{
	struct err_info ignore = { 0 };
	enum err rc;

	r->row = *row;
	r->space = sp;
	(void)eid_format(&row->id, r->id);
	make_token(r);
	rc = event_parse(&r->ev, &r->json, row->raw, a, &ignore);
	r->readable = rc == ERR_OK;
	return rc == ERR_NOMEM ? err_set(e, ERR_NOMEM) : ERR_OK;
}

static enum err
add_space(struct refused_list *l, struct store *s, const struct space *sp,
    struct arena *a, struct err_info *e)
{
	struct log_row *row = NULL;
	struct refused *item;
	size_t n = 0;
	enum err rc = store_refused(s, sp->id, a, &row, &n, e);

	if (rc != ERR_OK || n == 0)
		return rc;
	item = arena_array(a, l->n + n, sizeof *item);
	if (item == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < l->n; i++)
		item[i] = l->item[i];
	l->item = item;
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = read_row(&item[l->n++], &row[i], sp, a, e);
	return rc;
}

/* The events of all spaces that were refused; list_fini in any case. */
static enum err
list_all(struct cli *c, struct store *s, struct refused_list *l,
    struct err_info *e)
{
	struct arena *a = &c->ctx->arena;
	struct space *sp = NULL;
	size_t n = 0;
	enum err rc = store_space_list(s, a, &sp, &n, e);

	*l = (struct refused_list){ 0 };
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		rc = add_space(l, s, &sp[i], a, e);
	l->name = arena_array(a, l->n, sizeof *l->name);
	if (rc == ERR_OK && l->name == NULL)
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < l->n; i++)
		l->name[i].key = str_of(l->item[i].id);
	return rc;
}

static enum err
pick(struct cli *c, struct store *s, const char *word, struct refused_list *l,
    struct refused **ret, struct err_info *e)
{
	size_t at = 0;
	enum err rc = list_all(c, s, l, e);

	if (rc == ERR_OK)
		rc = lookup_pick(l->name, l->n, str_of(word), "refused event",
		    &at, e);
	if (rc == ERR_NOT_FOUND)
		cli_hint(c, "sync diagnose");
	if (rc == ERR_OK)
		*ret = &l->item[at];
	return rc;
}

/* --- sync diagnose ----------------------------------------------------------------- */

static void
say_refused(struct cli *c, const struct refused *r)
{
	struct out *o = c->out;
	struct buf when = { 0 };

	out_str(o, PAINT_ID, str_n(r->id, SHORT_ID));
	out_say(o, "  ");
	out_str(o, PAINT_NONE, r->readable ? r->ev.type : STR("(unreadable)"));
	out_say(o, " ");
	if (r->readable)
		out_str(o, PAINT_TITLE, r->ev.aggregate_id);
	out_say(o, "\n");
	when_ago(r->row.received_ms, os_wall_ms(), &when);
	out_pair(o, LABEL, "Reason", PAINT_BAD, "%s: %.*s",
	    err_wire(r->row.code), STR_ARG(r->row.why));
	/* Other programs name no author. */
	out_pair(o, LABEL, "Made", PAINT_NONE, "%.*s%s%.*s, space %.*s",
	    STR_ARG(buf_str(&when)), r->ev.author.n > 0 ? " by " : "",
	    STR_ARG(r->ev.author), STR_ARG(r->space->team));
	out_pair(o, LABEL, "Again", PAINT_NONE,
	    "%s sync retry %.*s, or with another content: sync edit",
	    c->ctx->program, SHORT_ID, r->id);
	out_pair(o, LABEL, "Token", PAINT_DIM, "%s (sync discard asks for it)",
	    r->token);
	buf_fini(&when);
}

static void
put_refused(struct json_writer *w, const struct refused *r)
{
	json_obj(w);
	json_key(w, "event_id"), json_put_z(w, r->id);
	json_key(w, "code"), json_put_z(w, err_wire(r->row.code));
	json_key(w, "message"), json_put_str(w, r->row.why);
	json_key(w, "team"), json_put_str(w, r->space->team);
	json_key(w, "made_at"), when_put(w, r->row.received_ms);
	json_key(w, "confirm_token"), json_put_z(w, r->token);
	json_key(w, "event");
	if (r->readable)
		json_put_raw(w, r->row.raw);
	else
		json_put_null(w);
	json_end(w);
}

static void
say_waiting(struct cli *c, const struct status *st)
{
	struct buf b = { 0 };

	out_say(c->out, "%llu event%s queued", (unsigned long long)st->unacked,
	    st->unacked == 1 ? "" : "s");
	if (st->oldest_ms != 0) {
		when_ago(st->oldest_ms, os_wall_ms(), &b);
		out_say(c->out, ", the oldest made %.*s", STR_ARG(buf_str(&b)));
	}
	out_say(c->out, ".\n");
	buf_fini(&b);
}

static void
say_diagnosis(struct cli *c, const struct status *st,
    const struct refused_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		say_refused(c, &l->item[i]);
		out_say(c->out, "\n");
	}
	if (l->n == 0)
		out_say(c->out, "No event was refused.\n");
	else
		out_say(c->out,
		    "%zu event%s refused; the others are not held "
		    "up by %s.\n",
		    l->n, l->n == 1 ? " was" : "s were",
		    l->n == 1 ? "it" : "them");
	say_waiting(c, st);
	if (st->server_url.n > 0 && !st->signed_in)
		out_say(c->out, "Nobody is signed in: %s auth login\n",
		    c->ctx->program);
}

static enum err
diagnose_run(struct cli *c, struct err_info *e)
{
	struct refused_list l = { 0 };
	struct json_writer *w;
	struct store *s;
	struct status st;
	enum err rc = ctx_store_read(c->ctx, &s, e);

	if (rc == ERR_OK)
		rc = status_read(c->ctx, &st, e);
	if (rc == ERR_OK)
		rc = list_all(c, s, &l, e);
	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "refused"), json_arr(w);
		for (size_t i = 0; i < l.n; i++)
			put_refused(w, &l.item[i]);
		json_end(w);
		json_key(w, "status"), json_obj(w);
		status_write(&st, w);
		json_end(w);
		json_end(w);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		say_diagnosis(c, &st, &l);
	}
	list_fini(&l);
	return rc == ERR_OK ? cli_exit(c, l.n > 0 ? 1 : 0) : rc;
}

const struct cmd cmd_sync_diagnose = {
	.name = "diagnose",
	.purpose = "show what the hub refused, and why",
	.about = "Changes nothing and sends nothing.",
	.example =
	    (const struct cmd_example[]){
	        { "sync diagnose", "refused events with their reasons" },
	        { "sync diagnose --json", "with the whole events" },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 0, "nothing was refused" },
	        { 1, "something was" },
	        { 0, NULL },
	    },
	.run = diagnose_run,
};

/* --- sync retry ---------------------------------------------------------------------- */

static enum err
send_again(struct store *s, const struct refused *r, struct str payload,
    struct err_info *e)
{
	enum err rc = store_begin(s, e);

	if (rc != ERR_OK)
		return rc;
	rc = store_retry(s, r->space->id, &r->row.id, payload, e);
	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
	return rc;
}

static void
say_queued(struct cli *c, const struct refused *r)
{
	struct json_writer *w;

	if (!c->json) {
		out_say(c->out, "Queued again: %s\n", r->id);
		return;
	}
	w = out_json(c->out);
	json_obj(w);
	json_key(w, "event_id"), json_put_z(w, r->id);
	json_key(w, "state"), json_put_z(w, "local");
	json_end(w);
	out_json_end(c->out);
}

static enum err
retry_run(struct cli *c, struct err_info *e)
{
	struct refused_list l = { 0 };
	struct refused *r;
	struct store *s;
	enum err rc = ctx_store_write(c->ctx, &s, e);

	if (rc == ERR_OK)
		rc = pick(c, s, cli_arg(c, 0), &l, &r, e);
	if (rc == ERR_OK)
		rc = send_again(s, r, STR(""), e);
	if (rc == ERR_OK)
		say_queued(c, r);
	list_fini(&l);
	return rc;
}

static const struct cmd_arg event_arg[] = {
	{ "EVENT", "the beginning of its id, from sync diagnose", NULL, 0,
	    WORDS_REFUSED },
	{ 0 },
};

const struct cmd cmd_sync_retry = {
	.name = "retry",
	.purpose = "queue a refused event again, as it is",
	.arg = event_arg,
	.example =
	    (const struct cmd_example[]){
	        { "sync retry 0192f0c1", "then: sync now" },
	        { 0 },
	    },
	.run = retry_run,
};

/* --- sync edit ------------------------------------------------------------------------ */

/* "name=value" */
static enum err
split_set(const char *given, struct str *name, struct str *value,
    struct err_info *e)
{
	size_t at = str_find(str_of(given), '=');

	if (at == SIZE_MAX || at == 0)
		return cli_usage(e, "--set wants NAME=VALUE, not '%.100s'",
		    given);
	*name = str_n(given, at);
	*value = str_of(given + at + 1);
	return ERR_OK;
}

/* A value that is JSON stands as it is; anything else is a string. */
static void
put_value(struct json_writer *w, struct str value)
{
	struct json j = { 0 };
	struct err_info ignore = { 0 };

	if (json_parse(&j, value, EVENT_DEPTH_MAX, &ignore) == ERR_OK)
		json_put_raw(w, value);
	else
		json_put_str(w, value);
	json_fini(&j);
}

static bool
is_named(const struct cli *c, const char *opt, struct str name)
{
	size_t at = 0;

	for (const char *v; (v = cli_opt_next(c, opt, &at)) != NULL;) {
		size_t n = str_find(str_of(v), '=');

		if (str_eq(name, str_n(v, n == SIZE_MAX ? strlen(v) : n)))
			return true;
	}
	return false;
}

/* The payload with members exchanged; what is not named stays byte for byte. */
static enum err
set_members(struct cli *c, const struct refused *r, struct buf *out,
    struct err_info *e)
{
	const struct json *j = &r->json;
	struct json_writer w = { .out = out };
	uint32_t at = r->ev.payload + 1, end = json_next(j, r->ev.payload);
	size_t k = 0;
	enum err rc = ERR_OK;

	json_obj(&w);
	while (at < end) {
		struct str name;
		uint32_t value = json_next(j, at);

		if (!json_str(j, at, &c->ctx->arena, &name))
			return err_set(e, ERR_NOMEM);
		if (!is_named(c, "set", name) && !is_named(c, "unset", name)) {
			json_key_str(&w, name);
			json_put_raw(&w, json_raw(j, value));
		}
		at = json_next(j, value);
	}
	for (const char *v;
	     rc == ERR_OK && (v = cli_opt_next(c, "set", &k)) != NULL;) {
		struct str name, value;

		rc = split_set(v, &name, &value, e);
		if (rc != ERR_OK)
			break;
		json_key_str(&w, name);
		put_value(&w, value);
	}
	json_end(&w);
	return rc == ERR_OK ? buf_ok(out, e) : rc;
}

static enum err
read_payload(const char *path, struct buf *out, struct err_info *e)
{
	struct json j = { 0 };
	enum err rc = strcmp(path, "-") == 0 ?
	    os_read_fd(STDIN_FILENO, "stdin", PAYLOAD_MAX, out, e) :
	    os_read_file(path, PAYLOAD_MAX, out, e);
	struct str text;

	if (rc == ERR_OK)
		rc = json_parse(&j, buf_str(out), EVENT_DEPTH_MAX, e);
	if (rc == ERR_OK && json_kind(&j, 0) != JSON_OBJECT)
		rc = err_setf(e, ERR_BAD_JSON, "the payload is no object");
	if (rc == ERR_OK) {
		text = str_trim(buf_str(out));
		memmove(out->data, text.p, text.n);
		out->len = text.n;
	}
	json_fini(&j);
	return rc == ERR_OK ? rc : err_wrap(e, "%s", path);
}

static enum err
edit_run(struct cli *c, struct err_info *e)
{
	bool sets = cli_has(c, "set") || cli_has(c, "unset");
	struct refused_list l = { 0 };
	struct buf payload = { 0 };
	struct refused *r;
	struct store *s;
	enum err rc;

	if (sets == cli_has(c, "payload"))
		return cli_usage(e, "either --set and --unset, or --payload");
	rc = ctx_store_write(c->ctx, &s, e);
	if (rc == ERR_OK)
		rc = pick(c, s, cli_arg(c, 0), &l, &r, e);
	if (rc == ERR_OK && !r->readable)
		rc = err_setf(e, ERR_CORRUPT, "the event cannot be read");
	if (rc == ERR_OK)
		rc = sets ? set_members(c, r, &payload, e) :
		            read_payload(cli_opt(c, "payload"), &payload, e);
	if (rc == ERR_OK)
		rc = send_again(s, r, buf_str(&payload), e);
	if (rc == ERR_OK)
		say_queued(c, r);
	buf_fini(&payload);
	list_fini(&l);
	return rc;
}

const struct cmd cmd_sync_edit = {
	.name = "edit",
	.purpose = "change a refused event and queue it again",
	.arg = event_arg,
	.opt =
	    (const struct cmd_opt[]){
	        { 0, "set", "NAME=VALUE",
	            "a member of the payload; JSON, or a text", NULL,
	            OPT_REPEAT, 0 },
	        { 0, "unset", "NAME", "leave a member out", NULL, OPT_REPEAT,
	            0 },
	        { 0, "payload", "FILE", "the whole payload as JSON; - is stdin",
	            NULL, 0, WORDS_FILE },
	        { 0 },
	    },
	.example =
	    (const struct cmd_example[]){
	        { "sync edit 0192f0c1 --set title='A title'", "one member" },
	        { "sync edit 0192f0c1 --payload fixed.json", "all of it" },
	        { 0 },
	    },
	.run = edit_run,
};

/* --- sync discard ------------------------------------------------------------------------ */

static enum err
discard_run(struct cli *c, struct err_info *e)
{
	const char *token = cli_opt(c, "confirm");
	struct refused_list l = { 0 };
	struct refused *r;
	struct json_writer *w;
	struct store *s;
	enum err rc = ctx_store_write(c->ctx, &s, e);

	if (rc == ERR_OK)
		rc = pick(c, s, cli_arg(c, 0), &l, &r, e);
	if (rc == ERR_OK && (token == NULL || strcmp(token, r->token) != 0)) {
		cli_hint(c, "sync diagnose");
		rc = err_setf(e, ERR_REFUSED,
		    token ?
		        "the token does not fit this event: look at it again" :
		        "giving up an event wants its token, to show that it "
		        "was "
		        "looked at");
	}
	if (rc == ERR_OK)
		rc = store_begin(s, e);
	if (rc == ERR_OK) {
		rc = store_discard(s, r->space->id, &r->row.id, e);
		if (rc == ERR_OK)
			rc = store_commit(s, e);
		if (rc != ERR_OK)
			store_rollback(s);
	}
	if (rc == ERR_OK && c->json) {
		w = out_json(c->out);
		json_obj(w);
		json_key(w, "event_id"), json_put_z(w, r->id);
		json_key(w, "state"), json_put_z(w, "discarded");
		json_end(w);
		out_json_end(c->out);
	} else if (rc == ERR_OK) {
		out_say(c->out, "Given up: %s (it stays in the log)\n", r->id);
	}
	list_fini(&l);
	return rc;
}

const struct cmd cmd_sync_discard = {
	.name = "discard",
	.purpose = "give up a refused event",
	.about =
	    "The event stays in the log of this machine and is never sent. "
	    "The token is shown by %p sync diagnose.",
	.arg = event_arg,
	.opt =
	    (const struct cmd_opt[]){
	        { 0, "confirm", "TOKEN", "from sync diagnose", NULL, 0, 0 },
	        { 0 },
	    },
	.exits =
	    (const struct cmd_exit[]){
	        { 4, "without the token, or with another event's" },
	        { 0 },
	    },
	.run = discard_run,
};
