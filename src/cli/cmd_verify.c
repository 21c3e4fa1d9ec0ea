/* rebuild, verify: the log is the only truth, and these show that it is. */
#include "cmds.h"
#include "work.h"

static void
progress(void *ctx, uint64_t done, uint64_t all)
{
	struct cli *c = ctx;

	out_bar(c->out, done, all);
}

static void
counts_json(struct json_writer *w, const struct store_report *r)
{
	json_key(w, "events"), json_put_u(w, r->events);
	json_key(w, "entities"), json_put_u(w, r->entities);
	json_key(w, "projects"), json_put_u(w, r->projects);
	json_key(w, "spaces"), json_put_u(w, r->spaces);
}

static void
counts_text(struct out *o, const char *verb, const struct store_report *r)
{
	out_say(o, "%s %llu event%s, %llu entr%s in %llu project%s\n", verb,
	    (unsigned long long)r->events, r->events == 1 ? "" : "s",
	    (unsigned long long)r->entities, r->entities == 1 ? "y" : "ies",
	    (unsigned long long)r->projects, r->projects == 1 ? "" : "s");
}

static enum err
rebuild_run(struct cli *c, struct err_info *e)
{
	struct store_report r = { 0 };
	struct json_writer *w;
	struct store *s;
	char digest[65];
	enum err rc = ctx_store_write(c->ctx, &s, e);

	if (rc != ERR_OK)
		return rc;
	out_bar_begin(c->out, "Folding", "events");
	rc = store_rebuild(s, &r, progress, c, e);
	out_bar_end(c->out);
	if (rc != ERR_OK)
		return rc;
	hex_encode(r.after, sizeof r.after, digest);
	if (c->json) {
		w = out_json(c->out);
		json_obj(w);
		counts_json(w, &r);
		json_key(w, "digest"), json_put_z(w, digest);
		json_end(w);
		out_json_end(c->out);
		return ERR_OK;
	}
	counts_text(c->out, "Folded", &r);
	out_say(c->out, "The state is the same as before: %.12s\n", digest);
	return ERR_OK;
}

const struct cmd cmd_rebuild = {
	.name = "rebuild",
	.purpose = "fold the whole log again",
	.about = "Throws away what was made from the log and makes it anew; "
	         "the state "
	         "must be the same, and where it is not this says so.",
	.example =
	    (const struct cmd_example[]){
	        { "rebuild", "" },
	        { 0 },
	    },
	.run = rebuild_run,
};

/* --- verify ------------------------------------------------------------------------ */

struct findings {
	struct cli *c;
	struct json_writer *json; /* NULL = text */
};

static void
finding(void *ctx, const char *text)
{
	struct findings *f = ctx;

	if (f->json != NULL)
		json_put_z(f->json, text);
	else
		out_note(f->c->out, PAINT_BAD, "wrong: %s", text);
}

static void
verify_progress(void *ctx, uint64_t done, uint64_t all)
{
	const struct findings *f = ctx;

	progress(f->c, done, all);
}

/* The log may be on a hub or in an export; what is only here is worth more than
 * a program that works. */
static enum err
what_now(struct cli *c, bool opens, struct err_info *e)
{
	struct err_info why = *e;

	/* Where it opens, what was never sent can still be taken out. */
	cli_hint(c, opens ? "export saved.jsonl" : "doctor");
	return err_setf(e, why.code,
	    "%.200s; what now: move %s and its -wal and -shm elsewhere and "
	    "keep them; the next command begins anew, a sync brings back what "
	    "the hub has, an import what was exported",
	    why.text, c->ctx->home.store);
}

static enum err
verify_run(struct cli *c, struct err_info *e)
{
	struct findings f = { .c = c };
	struct store_report r = { 0 };
	struct store *s;
	enum err rc = ctx_store_read(c->ctx, &s, e);

	if (rc == ERR_CORRUPT)
		return what_now(c, false, e);
	if (rc != ERR_OK)
		return rc;
	if (c->json) {
		f.json = out_json(c->out);
		json_obj(f.json);
		json_key(f.json, "findings");
		json_arr(f.json);
	}
	out_bar_begin(c->out, "Reading", "events");
	rc = store_verify(s, &r, finding, verify_progress, &f, e);
	out_bar_end(c->out);
	if (c->json && (rc == ERR_OK || (rc == ERR_CORRUPT && r.wrong > 0))) {
		json_end(f.json);
		counts_json(f.json, &r);
		json_key(f.json, "ok"), json_put_bool(f.json, rc == ERR_OK);
		json_end(f.json);
		out_json_end(c->out);
		/* The document says it: a second one would spoil it. */
		return cli_exit(c, err_exit(rc));
	}
	if (rc == ERR_CORRUPT)
		return what_now(c, true, e);
	if (rc != ERR_OK)
		return rc;
	counts_text(c->out, "Read", &r);
	out_paint(c->out, PAINT_GOOD, "Everything is as it should be");
	out_say(c->out, "\n");
	return ERR_OK;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.purpose = "read everything that is stored, and check it",
	.about =
	    "Every event parses and its check sum fits, positions have no gap, "
	    "state and digests equal a fold from nothing. Changes nothing.",
	.example =
	    (const struct cmd_example[]){
	        { "verify", "exit 1 where anything is wrong" },
	        { 0 },
	    },
	.run = verify_run,
};
