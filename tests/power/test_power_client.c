/* A client's own files through power cuts: the session, its salt and config.toml.
 * Once a sign-in, a refresh, a sign-out or a setting has returned it is there, and
 * what was under way is there whole or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "config.h"
#include "disk.h"
#include "file.h"
#include "session_file.h"
#include "t.h"

enum { STEPS_MAX = 16, SEEDS = 8 };

static char live[400];
static size_t done_at[STEPS_MAX];
static int state[STEPS_MAX]; /* after the step; -1: none */
static size_t n_done;

static void
home_at(struct home *h, const char *folder, struct arena *a)
{
	char path[700];
	struct err_info e = { 0 };

	(void)snprintf(path, sizeof path, "%s/home/.clowder", folder);
	CHECK(setenv("CLOWDER_HOME", path, 1) == 0);
	CHECK_OK(home_find(h, "clowder", a, &e), &e);
}

static void
record(const char *name)
{
	(void)snprintf(live, sizeof live, "%s/%s", t_tmp(), name);
	CHECK(mkdir(live, 0700) == 0);
	n_done = 0;
	disk_record(live);
}

static void
step_done(int now)
{
	if (n_done == STEPS_MAX)
		abort();
	done_at[n_done] = disk_calls();
	state[n_done++] = now;
}

static bool
state_fits(size_t n, int got)
{
	int last = -1, next = n_done > 0 ? state[0] : -1;

	for (size_t i = 0; i < n_done; i++)
		if (done_at[i] <= n) {
			last = state[i];
			next = i + 1 < n_done ? state[i + 1] : last;
		}
	return got == last || got == next;
}

/* --- the session ------------------------------------------------------------------ */

static void
save(const struct home *h, int generation)
{
	const struct session_team team = { STR("t1"), STR("red"), STR("Red"),
		STR("member") };
	struct session s = { .user_id = STR("u1"),
		.name = STR("ann"),
		.team = &team,
		.n_teams = 1,
		.default_team_id = STR("t1"),
		.access_token = STR("access"),
		.refresh_token = STR("refresh"),
		.session_id = STR("s1"),
		.server_url = STR("https://hub.example"),
		.refresh_expires_ms = SESSION_NEVER,
		.generation = (uint64_t)generation };
	struct err_info e = { 0 };

	CHECK_OK(session_file_save(h, &s, &e), &e);
	step_done(generation);
}

static bool
session_look(const char *folder, size_t n)
{
	struct arena a = { 0 };
	struct home h;
	struct session s;
	struct err_info e = { 0 };
	int got = -1;
	enum err rc;

	home_at(&h, folder, &a);
	rc = session_file_load(&h, &a, &s, &e);
	if (rc == ERR_OK)
		got = (int)s.generation;
	else
		CHECK(rc == ERR_SIGN_IN);
	CHECK(state_fits(n, got));
	/* And one can sign in. */
	s = (struct session){ .user_id = STR("u1"),
		.session_id = STR("s2"),
		.refresh_expires_ms = SESSION_NEVER };
	CHECK_OK(session_file_save(&h, &s, &e), &e);
	arena_fini(&a);
	return !t_failing();
}

static void
sessions_are_kept(void)
{
	struct arena a = { 0 };
	struct home h;
	struct err_info e = { 0 };
	unsigned images;

	record("session");
	home_at(&h, live, &a);
	save(&h, 1);
	save(&h, 2);
	CHECK_OK(session_file_delete(&h, &e), &e);
	step_done(-1);
	save(&h, 3);
	save(&h, 4);
	disk_stop();
	images = disk_every_cut(SEEDS, "", session_look);
	printf("# %zu calls, %u images\n", disk_calls(), images);
	CHECK(images > 100);
	disk_free();
	arena_fini(&a);
}

/* --- config.toml -------------------------------------------------------------------- */

static const char *const server[] = { "https://a.example",
	"http://a.much.longer.name.of.a.hub.example:8177",
	"https://b.example" };
enum { SERVERS = sizeof server / sizeof server[0] };

static bool
config_look(const char *folder, size_t n)
{
	struct arena a = { 0 };
	struct home h;
	struct config c;
	struct err_info e = { 0 };
	int got = -1;

	home_at(&h, folder, &a);
	CHECK_OK(config_load(&c, h.config, &a, &e), &e);
	for (int i = 0; i < SERVERS; i++)
		if (str_is(c.server_url, server[i]))
			got = i;
	CHECK(got >= 0 || c.server_url.n == 0);
	CHECK(state_fits(n, got));
	arena_fini(&a);
	return !t_failing();
}

static void
settings_are_kept(void)
{
	struct arena a = { 0 };
	struct home h;
	struct err_info e = { 0 };

	record("config");
	home_at(&h, live, &a);
	CHECK_OK(home_make(&h, &e), &e);
	for (int i = 0; i < SERVERS; i++) {
		CHECK_OK(config_set_server(h.config, str_of(server[i]), &e),
		    &e);
		step_done(i);
	}
	disk_stop();
	CHECK(disk_every_cut(SEEDS, "", config_look) > 50);
	disk_free();
	arena_fini(&a);
}

int
main(void)
{
	T_RUN(sessions_are_kept);
	T_RUN(settings_are_kept);
	return t_done();
}
