/* session start and session beat with a fault at every place: what is told to have
 * failed is neither in the log nor recorded, what succeeded is both. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"
#include "context.h"
#include "fault.h"
#include "path.h"
#include "sessions.h"
#include "t.h"

static struct err_info e;
static int nowhere;

/* `clowder session VERB --id ID --agent codex`, with the k-th fault. */
static enum err
session(const char *verb, const char *id, int k, bool *hit)
{
	char *argv[] = { (char *)(uintptr_t) "session", (char *)(uintptr_t)verb,
		(char *)(uintptr_t) "--id", (char *)(uintptr_t)id,
		(char *)(uintptr_t) "--agent", (char *)(uintptr_t) "codex" };
	struct err_info why = { 0 };
	struct ctx ctx;
	struct out out;
	struct cli c = { .ctx = &ctx, .out = &out };
	enum err rc;

	ctx_init(&ctx, "clowder");
	CHECK_OK(cli_parse(&c, 6, argv, &e), &e);
	out_init(&out, nowhere, nowhere, false);
	fault_arm(k);
	rc = c.cmd->run(&c, &why);
	*hit = fault_hit();
	fault_arm(-1);
	cli_fini(&c);
	out_fini(&out);
	ctx_fini(&ctx);
	return rc;
}

struct seen {
	struct session_seen s;   /* as the log has it; id.n 0: it has none */
	struct session_record r; /* likewise */
	uint64_t beats;
};

static enum err
count_beats(void *ctx, const struct log_row *row, struct err_info *info)
{
	uint64_t *n = ctx;

	(void)info;
	*n += strstr(row->raw.p, "session_heartbeat") != NULL;
	return ERR_OK;
}

static void
look(const char *id, struct arena *a, struct seen *ret)
{
	struct sessions_at at = { .now_ms = os_wall_ms() };
	struct session_record *r;
	struct sessions l;
	struct ctx ctx;
	struct store *s;
	space_id sp;
	size_t n;

	*ret = (struct seen){ 0 };
	ctx_init(&ctx, "clowder");
	CHECK_OK(ctx_home(&ctx, &at.home, &e), &e);
	CHECK_OK(ctx_store_write(&ctx, &s, &e), &e);
	CHECK_OK(sessions_load(s, &at, a, &l, &e), &e);
	for (size_t i = 0; i < l.n; i++)
		if (str_is(l.s[i].id, id))
			ret->s = l.s[i];
	CHECK_OK(spaces_private(s, &sp, &e), &e);
	CHECK_OK(store_log(s, sp, 0, 0, count_beats, &ret->beats, &e), &e);
	CHECK_OK(sessions_records(at.home, a, &r, &n, &e), &e);
	for (size_t i = 0; i < n; i++)
		if (str_is(r[i].id, id))
			ret->r = r[i];
	ctx_fini(&ctx);
}

static void
place(const char *name)
{
	struct arena a = { 0 };

	CHECK_U(setenv("CLOWDER_HOME", os_join(&a, t_tmp(), name), 1), 0);
	CHECK_U(chdir(t_tmp()), 0);
	arena_fini(&a);
}

static void
a_start_that_fails_has_not_begun(void)
{
	bool hit = true, ended;

	place("start");
	CHECK_OK(session("start", "one", -1, &hit), &e);
	CHECK_OK(session("end", "one", -1, &ended), &e);
	hit = true;
	/* One that is known already: there are as many places each time. */
	for (int k = 0; hit && !t_failing(); k++) {
		struct arena a = { 0 };
		enum err rc = session("start", "one", k, &hit);
		struct seen seen;

		t_note("fault %d", k);
		look("one", &a, &seen);
		CHECK((rc == ERR_OK) == (seen.s.id.n > 0));
		CHECK((rc == ERR_OK) == (seen.r.id.n > 0));
		CHECK(hit || k > 20);
		if (rc == ERR_OK)
			CHECK_OK(session("end", "one", -1, &ended), &e);
		arena_fini(&a);
	}
	t_note("%s", "");
}

static void
set_back(const struct session_record *was)
{
	struct session_record r = *was;
	struct ctx ctx;
	const struct home *home;

	ctx_init(&ctx, "clowder");
	CHECK_OK(ctx_home(&ctx, &home, &e), &e);
	r.logged_ms = os_wall_ms() - SESSIONS_LOGGED_MS - 60000;
	CHECK_OK(sessions_save(home, &r, &e), &e);
	ctx_fini(&ctx);
}

static void
a_beat_that_fails_is_still_due(void)
{
	bool hit = true;

	place("beat");
	CHECK_OK(session("start", "one", -1, &hit), &e);
	hit = true;
	for (int k = 0; hit && !t_failing(); k++) {
		struct arena a = { 0 };
		struct seen before, after;
		enum err rc;
		bool due;

		t_note("fault %d", k);
		look("one", &a, &before);
		set_back(&before.r);
		rc = session("beat", "one", k, &hit);
		look("one", &a, &after);
		due = os_wall_ms() - after.r.logged_ms >= SESSIONS_LOGGED_MS;
		CHECK(after.r.id.n > 0);
		CHECK_U(after.beats, before.beats + (rc == ERR_OK ? 1 : 0));
		CHECK(due == (rc != ERR_OK));
		CHECK(hit || k > 20);
		arena_fini(&a);
	}
	t_note("%s", "");
}

int
main(void)
{
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	T_RUN(a_start_that_fails_has_not_begun);
	T_RUN(a_beat_that_fails_is_still_due);
	(void)close(nowhere);
	return t_done();
}
