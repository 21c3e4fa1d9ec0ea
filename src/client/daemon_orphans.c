#include "daemon_orphans.h"

#include <signal.h>

#include "clock.h"

enum {
	ASK_MS = 200,  /* a port of this machine */
	END_MS = 1000, /* between one way to end it and the next */
	LOOK_MS = 10
};

/* A program that was replaced while it ran is called so. */
#define DELETED " (deleted)"

static struct str
program_of(const char *exe)
{
	struct str s = str_of(exe);

	if (str_ends(s, STR(DELETED)))
		s.n -= sizeof DELETED - 1;
	return s;
}

/* Who says of himself that he has this pid: ours to end?  Our user's, and the same
 * program. */
static bool
may_end(struct ctx *c, int pid, struct os_proc *ret)
{
	struct err_info e = { 0 };
	const char *exe;

	if (pid > 1 && pid != os_pid() &&
	    os_proc_look(pid, ret, &e) == ERR_OK && ret->uid == os_uid() &&
	    os_exe(&c->arena, &exe, &e) == ERR_OK &&
	    str_eq(program_of(ret->exe), program_of(exe)))
		return true;
	*ret = (struct os_proc){ 0 };
	return false;
}

enum err
daemon_orphans(struct ctx *c, struct daemon_orphan **list, size_t *n,
    struct err_info *e)
{
	char id[DAEMON_HOME_ID_CHARS + 1];
	struct daemon_health health;
	struct daemon_state st = { 0 };
	enum daemon_presence here;
	const struct home *h;
	uint16_t first;
	unsigned end;
	enum err rc = ctx_home(c, &h, e);

	*n = 0;
	if (rc == ERR_OK)
		rc = daemon_home_id(h, id, e);
	if (rc == ERR_OK)
		rc = daemon_ports(&first, &end, e);
	if (rc == ERR_OK)
		rc = daemon_find(c, &st, &health, &here, e);
	if (rc != ERR_OK)
		return rc;
	*list = arena_array(&c->arena, end - first, sizeof **list);
	if (*list == NULL)
		return err_set(e, ERR_NOMEM);
	for (unsigned port = first; port < end; port++) {
		struct daemon_orphan *o = &(*list)[*n];
		struct err_info none = { 0 };

		if ((here == DAEMON_HERE && port == st.port) ||
		    daemon_health((uint16_t)port, ASK_MS, &c->arena, &health,
		        &none) != ERR_OK)
			continue;
		*o = (struct daemon_orphan){ .port = (uint16_t)port,
			.health = health,
			.ours = str_is(health.home_id, id) };
		(void)may_end(c, health.pid, &o->proc);
		(*n)++;
	}
	return ERR_OK;
}

static bool
gone(const struct daemon_orphan *o)
{
	uint64_t until = os_mono_ms() + END_MS;

	while (os_proc_same(&o->proc)) {
		if (os_mono_ms() >= until)
			return false;
		os_rest_ms(LOOK_MS);
	}
	return true;
}

static void
ask_to_end(struct ctx *c, uint16_t port)
{
	struct daemon_state st;
	struct err_info e = { 0 };
	const struct home *h;

	/* It may know the token of a state file that it shares. */
	if (ctx_home(c, &h, &e) == ERR_OK &&
	    daemon_state_read(h, &st, &e) == ERR_OK && st.port == port)
		daemon_ask_to_end(&st);
}

enum err
daemon_orphan_end(struct ctx *c, const struct daemon_orphan *o,
    struct err_info *e)
{
	static const int signals[] = { SIGTERM, SIGKILL };

	if (!o->ours || o->proc.pid == 0)
		return err_setf(e, ERR_REFUSED,
		    "the daemon on port %u is not this home's to end", o->port);
	ask_to_end(c, o->port);
	for (size_t i = 0; i < 2; i++) {
		if (gone(o))
			return ERR_OK;
		(void)os_proc_signal(&o->proc, signals[i],
		    &(struct err_info){ 0 });
	}
	return gone(o) ? ERR_OK :
	                 err_setf(e, ERR_TIMEOUT,
	                     "the daemon on port %u (pid %d) does not end",
	                     o->port, o->proc.pid);
}
