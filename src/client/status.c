#include "status.h"

#include <stdlib.h>

#include "catalogue.h"
#include "clock.h"
#include "hash.h"
#include "session_file.h"
#include "when.h"

const char *
status_word_name(enum status_word w)
{
	switch (w) {
	case STATUS_ATTENTION:
		return "attention";
	case STATUS_LOCAL:
		return "local";
	case STATUS_OFF:
		return "off";
	case STATUS_SIGNED_OUT:
		return "signed_out";
	case STATUS_QUEUED:
		return "queued";
	case STATUS_IN_STEP:
		return "in_step";
	}
	return "";
}

/* A session of this server, or a token file.  Not a network question. */
static enum err
look_at_session(struct ctx *c, struct status *st, struct err_info *e)
{
	const char *file = getenv("CLOWDER_TOKEN_FILE");
	struct err_info why = { 0 };
	struct session s = { 0 };
	const struct home *h;
	enum err rc = ctx_home(c, &h, e);

	if (rc != ERR_OK)
		return rc;
	if (file != NULL && file[0] != '\0') {
		st->signed_in = true;
		return ERR_OK;
	}
	rc = session_file_load(h, &c->arena, &s, &why);
	if (rc == ERR_NOMEM)
		return err_set(e, ERR_NOMEM);
	if (rc == ERR_OK && st->server_url.n == 0)
		st->server_url = s.server_url;
	st->signed_in = rc == ERR_OK &&
	    (s.server_url.n == 0 || str_eq(s.server_url, st->server_url));
	if (rc == ERR_OK && !st->signed_in)
		(void)err_setf(&why, ERR_SIGN_IN, "signed in at %.*s",
		    STR_ARG(s.server_url));
	if (st->signed_in)
		st->user = s.name;
	memcpy(st->session_why, why.text, sizeof why.text);
	return ERR_OK;
}

/* When the first event that waits was made: they are in stamp order, which is
 * that of their making as far as this replica made them. */
static enum err
oldest(struct store *s, struct arena *a, struct status_space *sp,
    struct err_info *e)
{
	struct log_row *row;
	size_t n = 0;
	enum err rc;

	if (sp->space.unacked == 0)
		return ERR_OK;
	rc = store_unacked(s, sp->space.id, 1, 1, a, &row, &n, e);
	if (rc == ERR_OK && n > 0)
		sp->oldest_ms = row[0].received_ms;
	return rc;
}

enum err
status_spaces(struct store *s, struct arena *a, struct status *st,
    struct err_info *e)
{
	struct spaces_account who = { 0 };
	struct space *list = NULL;
	bool any = false;
	enum err rc = spaces_account(s, a, &who, e);

	if (rc == ERR_OK)
		rc = store_space_list(s, a, &list, &st->n, e);
	if (rc != ERR_OK)
		return rc;
	if (st->user.n == 0)
		st->user = who.name;
	st->space = arena_array(a, st->n, sizeof *st->space);
	if (st->space == NULL)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < st->n; i++) {
		struct status_space *sp = &st->space[i];

		sp->space = list[i];
		sp->ours =
		    sp->space.hub.n == 0 || spaces_is_of(&sp->space, &who);
		rc = oldest(s, a, sp, e);
		st->events += sp->space.events;
		st->unacked += sp->space.unacked;
		st->refused += sp->space.refused;
		if (!sp->ours && sp->space.unacked > 0) {
			if (st->elsewhere == 0) {
				st->elsewhere_hub = sp->space.hub;
				st->elsewhere_account = sp->space.account;
			}
			st->elsewhere += sp->space.unacked;
		}
		if (sp->oldest_ms != 0 &&
		    (st->oldest_ms == 0 || sp->oldest_ms < st->oldest_ms))
			st->oldest_ms = sp->oldest_ms;
		if (sp->ours && (!any || sp->space.contact_ms < st->contact_ms))
			st->contact_ms = sp->space.contact_ms;
		any |= sp->ours;
	}
	return rc;
}

/* The folder's project where it is known here, else its space. */
static enum err
look_at_here(struct ctx *c, struct store *s, struct status *st,
    struct err_info *e)
{
	const struct project *p;
	space_id id = 0;
	enum err rc = ctx_project(c, &p, e);

	if (rc == ERR_OK)
		rc = ctx_space(c, &id, e);
	if (rc != ERR_OK)
		return rc;
	for (st->here = 0; st->here < st->n; st->here++)
		if (st->space[st->here].space.id == id)
			break;
	rc = store_digest(s, id, p->uuid, st->digest, e);
	st->of_project = rc == ERR_OK;
	st->project = p->uuid;
	if (rc == ERR_NOT_FOUND && st->here < st->n)
		memcpy(st->digest, st->space[st->here].space.digest,
		    sizeof st->digest);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum status_word
word_of(const struct status *st, const struct config *cfg)
{
	if (st->refused > 0)
		return STATUS_ATTENTION;
	if (st->server_url.n == 0)
		return STATUS_LOCAL;
	if (!cfg->sync_enabled)
		return STATUS_OFF;
	if (!st->signed_in)
		return STATUS_SIGNED_OUT;
	return st->unacked > 0 ? STATUS_QUEUED : STATUS_IN_STEP;
}

enum err
status_read(struct ctx *c, struct status *ret, struct err_info *e)
{
	const struct config *cfg;
	struct store *s = c->store;
	enum err rc = ctx_config(c, &cfg, e);

	*ret = (struct status){ 0 };
	if (rc == ERR_OK && s == NULL)
		rc = ctx_store_read(c, &s, e);
	if (rc != ERR_OK)
		return rc;
	ret->server_url = cfg->server_url;
	ret->config_path = cfg->path;
	rc = look_at_session(c, ret, e);
	if (rc == ERR_OK)
		rc = status_spaces(s, &c->arena, ret, e);
	if (rc == ERR_OK)
		rc = look_at_here(c, s, ret, e);
	if (rc == ERR_OK)
		daemon_word_read(&c->home, &ret->daemon);
	/* A connection that holds is heard of all the time. */
	if (rc == ERR_OK && ret->daemon.live)
		ret->contact_ms = os_wall_ms();
	ret->word = word_of(ret, cfg);
	return rc;
}

/* --- as JSON -------------------------------------------------------------------------- */

static void
put_digest(struct json_writer *w, const uint8_t digest[32])
{
	char hex[2 * HASH_BYTES + 1];

	hex_encode(digest, HASH_BYTES, hex);
	json_key(w, "digest"), json_put_z(w, hex);
}

/* null where it is empty. */
static void
put_text(struct json_writer *w, const char *key, struct str s)
{
	json_key(w, key);
	if (s.n > 0)
		json_put_str(w, s);
	else
		json_put_null(w);
}

static void
put_space(struct json_writer *w, const struct status_space *sp)
{
	json_obj(w);
	json_key(w, "team"), json_put_str(w, sp->space.team);
	put_text(w, "hub", sp->space.hub);
	put_text(w, "account", sp->space.account);
	put_text(w, "epoch", sp->space.epoch);
	json_key(w, "pulled"), json_put_u(w, sp->space.pulled);
	json_key(w, "head"), json_put_u(w, sp->space.head);
	json_key(w, "events"), json_put_u(w, sp->space.events);
	json_key(w, "queued"), json_put_u(w, sp->space.unacked);
	json_key(w, "refused"), json_put_u(w, sp->space.refused);
	json_key(w, "oldest_queued"), when_put_or_null(w, sp->oldest_ms);
	json_key(w, "last_sync"), when_put_or_null(w, sp->space.contact_ms);
	put_digest(w, sp->space.digest);
	json_end(w);
}

/* null where none runs. */
static void
put_daemon(struct json_writer *w, const struct daemon_word *d)
{
	json_key(w, "daemon");
	if (!d->runs) {
		json_put_null(w);
		return;
	}
	json_obj(w);
	put_text(w, "state", str_of(d->state));
	json_key(w, "live"), json_put_bool(w, d->live);
	json_end(w);
}

void
status_write(const struct status *st, struct json_writer *w)
{
	put_text(w, "server_url", st->server_url);
	json_key(w, "config_file"), json_put_z(w, st->config_path);
	json_key(w, "state"), json_put_z(w, status_word_name(st->word));
	put_daemon(w, &st->daemon);
	json_key(w, "signed_in"), json_put_bool(w, st->signed_in);
	put_text(w, "user", st->user);
	json_key(w, "events"), json_put_u(w, st->events);
	json_key(w, "queued"), json_put_u(w, st->unacked);
	json_key(w, "queued_elsewhere"), json_put_u(w, st->elsewhere);
	json_key(w, "refused"), json_put_u(w, st->refused);
	json_key(w, "oldest_queued"), when_put_or_null(w, st->oldest_ms);
	json_key(w, "last_sync"), when_put_or_null(w, st->contact_ms);
	put_digest(w, st->digest);
	json_key(w, "digest_of");
	json_put_z(w, st->of_project ? "project" : "space");
	put_text(w, "project", st->of_project ? st->project : STR(""));
	put_text(w, "team",
	    st->here < st->n ? st->space[st->here].space.team : STR(""));
	json_key(w, "fold_version"), json_put_u(w, FOLD_VERSION);
	json_key(w, "spaces"), json_arr(w);
	for (size_t i = 0; i < st->n; i++)
		put_space(w, &st->space[i]);
	json_end(w);
}
