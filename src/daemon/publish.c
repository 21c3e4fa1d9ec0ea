/* What local programs write over the API: an event of theirs, stamped here and
 * committed before the answer. */
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "keeper.h"

struct publish {
	struct mail mail; /* first */
	struct daemon *d;
	struct http_request *req;
	struct loop_item item;
	enum err rc;
	struct err_info e;
	struct eid id;
};

static void
respond(void *arg)
{
	struct publish *p = arg;
	struct buf b = { 0 };
	struct json_writer w = { .out = &b };
	char id[EID_TEXT_MAX];

	if (p->rc != ERR_OK) {
		http_respond_error(p->req, p->rc, p->e.text);
	} else {
		json_obj(&w);
		json_key(&w, "event_id");
		json_put_str(&w, str_n(id, eid_format(&p->id, id)));
		json_end(&w);
		http_respond_json(p->req, 202, &b);
	}
	buf_fini(&b);
	free(p);
}

static void
hand_back(struct publish *p)
{
	p->item = (struct loop_item){ .fn = respond, .arg = p };
	(void)loop_post_item(p->d->poster, &p->item);
}

static void
drop(struct mail *m)
{
	struct publish *p = (struct publish *)(void *)m;

	p->rc = err_setf(&p->e, ERR_UNAVAILABLE, "the daemon ends");
	hand_back(p);
}

/* --- the author's part of an event -------------------------------------------------- */

/* What the replica gives itself. */
static const char *const stamped[] = { "event_id", "lamport_clock", "node_id",
	"node_seq", "timestamp", "replaces" };

static enum err
text_member(const struct json *j, uint32_t ev, const char *name, bool needed,
    struct arena *a, struct str *ret, struct err_info *e)
{
	uint32_t node = json_get(j, ev, name);

	*ret = (struct str){ 0 };
	if (node == 0 || json_kind(j, node) == JSON_NULL)
		return needed ?
		    err_setf(e, ERR_BAD_REQUEST, "\"%s\" is missing", name) :
		    ERR_OK;
	if (json_str(j, node, a, ret))
		return ERR_OK;
	return err_setf(e, ERR_BAD_REQUEST, "\"%s\" is not a text", name);
}

static enum err
draft_read(struct draft *d, const struct json *j, uint32_t ev, struct arena *a,
    struct err_info *e)
{
	const struct {
		const char *name;
		bool needed;
		struct str *to;
	} members[] = { { "event_type", true, &d->type },
		{ "aggregate_id", true, &d->aggregate_id },
		{ "aggregate_type", true, &d->aggregate_type },
		{ "author", false, &d->author },
		{ "session_id", false, &d->session_id },
		{ "causation_id", false, &d->causation_id },
		{ "project_uuid", false, &d->project_uuid },
		{ "project_slug", false, &d->project_slug },
		{ "git_branch", false, &d->git_branch },
		{ "head_commit_sha", false, &d->head_commit_sha },
		{ "repo_slug", false, &d->repo_slug } };
	uint32_t payload = json_get(j, ev, "payload");
	enum err rc = ERR_OK;

	*d = (struct draft){ 0 };
	for (size_t i = 0; i < sizeof stamped / sizeof stamped[0]; i++)
		if (json_get(j, ev, stamped[i]) != 0)
			return err_setf(e, ERR_BAD_REQUEST,
			    "\"%s\" is given here, not by the sender",
			    stamped[i]);
	for (size_t i = 0;
	     rc == ERR_OK && i < sizeof members / sizeof members[0]; i++)
		rc = text_member(j, ev, members[i].name, members[i].needed, a,
		    members[i].to, e);
	if (rc == ERR_OK &&
	    (payload == 0 || json_kind(j, payload) != JSON_OBJECT))
		rc = err_setf(e, ERR_BAD_REQUEST, "\"payload\" is no object");
	if (rc == ERR_OK)
		d->payload = json_raw(j, payload);
	return rc;
}

static enum err
draft_parse(struct draft *d, struct json *j, struct str body, struct arena *a,
    struct err_info *e)
{
	uint32_t ev;

	if (json_parse(j, body, JSON_DEPTH_MAX, e) != ERR_OK)
		return e->code;
	ev = json_get(j, 0, "event");
	if (ev == 0 || json_kind(j, ev) != JSON_OBJECT)
		return err_setf(e, ERR_BAD_REQUEST,
		    "the body is {\"event\":{...}}");
	return draft_read(d, j, ev, a, e);
}

/* --- written --------------------------------------------------------------------------- */

static enum err
author(struct keeper *k, struct draft *d, struct arena *a, struct eid *id,
    struct err_info *e)
{
	struct store *s = keeper_store(k);
	struct spaces_account who;
	struct spaces_choice choice;
	enum err rc = spaces_choose(s, d->project_uuid, &choice, e);

	if (!daemon_has_store(keeper_daemon(k)))
		return err_setf(e, ERR_UNAVAILABLE,
		    "the store was replaced: this daemon ends");
	if (rc == ERR_OK && d->author.n == 0) {
		rc = spaces_account(s, a, &who, e);
		d->author = rc == ERR_OK && who.name.n > 0 ?
		    str_of(arena_fmt(a, "user:%.*s", STR_ARG(who.name))) :
		    STR("");
	}
	if (rc == ERR_OK)
		rc = store_begin(s, e);
	if (rc != ERR_OK)
		return rc;
	rc = store_author(s, choice.space, d, id, e);
	if (rc == ERR_OK)
		rc = store_commit(s, e);
	if (rc != ERR_OK)
		store_rollback(s);
	return rc;
}

static void
run(void *keeper, struct mail *m)
{
	struct publish *p = (struct publish *)(void *)m;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct draft d;

	p->rc = draft_parse(&d, &j, p->req->body, &a, &p->e);
	if (p->rc == ERR_OK)
		p->rc = author(keeper, &d, &a, &p->id, &p->e);
	json_fini(&j);
	arena_fini(&a);
	keeper_busy(keeper);
	hand_back(p);
}

void
keeper_publish(struct daemon *d, struct http_request *req)
{
	struct publish *p = mem_zero(sizeof *p);

	if (p == NULL) {
		http_respond_error(req, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	p->mail = (struct mail){ .fn = run, .drop = drop };
	p->d = d;
	p->req = req;
	mailbox_post(keeper_box(d), &p->mail);
}
