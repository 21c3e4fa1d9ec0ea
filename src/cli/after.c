#include "after.h"

#include <string.h>

#include "clock.h"
#include "daemon_link.h"
#include "when.h"

enum { STALE_MS = 3600 * 1000, AGAIN_S = 3600 };

/* When the hub was heard of last in every space of the account; 0: in one of them
 * never.  False: there is none. */
static bool
last_contact(struct ctx *c, int64_t *ret)
{
	struct arena a = { 0 };
	struct spaces_account who;
	struct space *all;
	struct err_info e = { 0 };
	int64_t oldest = INT64_MAX;
	size_t n = 0;

	if (spaces_account(c->store, &a, &who, &e) != ERR_OK ||
	    store_space_list(c->store, &a, &all, &n, &e) != ERR_OK)
		n = 0;
	for (size_t i = 0; i < n; i++)
		if (who.hub.n > 0 && spaces_is_of(&all[i], &who) &&
		    all[i].contact_ms < oldest)
			oldest = all[i].contact_ms;
	arena_fini(&a);
	*ret = oldest;
	return oldest != INT64_MAX;
}

/* Nothing of the hub is here yet, and it will be in a moment. */
static void
say_first(struct cli *c, const struct home *h)
{
	struct daemon_word word;

	daemon_word_read(h, &word);
	if (word.runs)
		out_note(c->out, PAINT_WARN,
		    "note: the first exchange with the server is still under "
		    "way (see %s daemon status)",
		    c->ctx->program);
}

static void
say_stale(struct cli *c)
{
	int64_t now = os_wall_ms(), contact = 0;
	struct buf ago = { 0 };
	const struct home *h;
	struct err_info e = { 0 };
	bool alive = false;
	int pid;

	if (!last_contact(c->ctx, &contact) ||
	    ctx_home(c->ctx, &h, &e) != ERR_OK)
		return;
	if (contact == 0) {
		say_first(c, h);
		return;
	}
	if (now - contact <= STALE_MS ||
	    daemon_alive(h, &alive, &pid, &e) != ERR_OK || !alive ||
	    !home_notice(h, "stale", now, AGAIN_S))
		return;
	when_ago(contact, now, &ago);
	out_note(c->out, PAINT_WARN,
	    "note: the daemon has not heard of the server since %.*s (see "
	    "%s daemon status)",
	    STR_ARG(buf_str(&ago)), c->ctx->program);
	buf_fini(&ago);
}

/* Commands that have to do with it themselves, or with the hub's files. */
static bool
minds_others(const struct cli *c)
{
	static const char *const names[] = { "daemon", "hub", "debug" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (c->depth > 0 && strcmp(c->path[0]->name, names[i]) == 0)
			return false;
	return c->depth > 0;
}

void
after_command(struct cli *c)
{
	if (!minds_others(c) || c->ctx->store == NULL || c->ctx->no_store)
		return;
	say_stale(c);
	if (c->ctx->writes)
		daemon_wish(c->ctx);
}
