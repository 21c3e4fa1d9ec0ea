/* The hub's files through power cuts: accounts, the log that batches go to,
 * migrations, backup and restore.  What a call that had returned has changed is
 * there, what was under way is there whole or not at all, and it goes on.
 *
 *	test_power_hub [SEEDS]	more chances for each cut */
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "accounts_lib.h"
#include "admission.h"
#include "backup.h"
#include "disk.h"
#include "file.h"
#include "hub_schema.h"
#include "schema.h"
#include "sql.h"
#include "sqlite_int.h"
#include "store_lab.h"

enum { STEPS_MAX = 32 };

static unsigned seeds = 1;
static char live[400]; /* the folder that is recorded */

/* When a step had returned, and what there was then. */
static size_t done_at[STEPS_MAX];
static uint64_t state[STEPS_MAX];
static size_t n_done;

static const char *
in(const char *folder, const char *name)
{
	static char path[4][700];
	static unsigned turn;
	char *p = path[turn++ % 4];

	(void)snprintf(p, sizeof path[0], "%s/%s", folder, name);
	return p;
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
step_done(uint64_t now)
{
	if (n_done == STEPS_MAX)
		abort();
	done_at[n_done] = disk_calls();
	state[n_done++] = now;
}

/* Is it what the last step before the cut left, or the one under way? */
static bool
state_fits(size_t n, uint64_t got)
{
	size_t last = n_done;

	for (size_t i = 0; i < n_done; i++)
		if (done_at[i] <= n)
			last = i;
	if (last == n_done) /* the first was under way */
		return true;
	return got == state[last] ||
	    (last + 1 < n_done && got == state[last + 1]);
}

/* --- accounts --------------------------------------------------------------------- */

static struct arena arena;
static struct accounts *hub;
static struct account_grant grant;

typedef enum err step(struct err_info *e);

static enum err
add_team(struct err_info *e)
{
	return accounts_team_add(hub, STR("red"), (struct str){ 0 }, T0, e);
}

static enum err
add_user(struct err_info *e)
{
	const struct account_new u = { .name = STR("Ann"),
		.email = STR("ann@example.org"),
		.password = STR("correct horse") };

	return accounts_user_add(hub, &u, T0, e);
}

static enum err
join(struct err_info *e)
{
	return accounts_team_join(hub, STR("red"), STR("ann"), e);
}

static enum err
login(struct err_info *e)
{
	return accounts_login(hub, STR("ann"), STR("correct horse"), STR("::1"),
	    T0, &arena, &grant, e);
}

static enum err
refresh(struct err_info *e)
{
	struct str was = grant.refresh;

	return accounts_refresh(hub, was, T0, &arena, &grant, e);
}

static enum err
revoke(struct err_info *e)
{
	return accounts_revoke(hub, grant.session_id, e);
}

static enum err
passwd(struct err_info *e)
{
	return accounts_passwd(hub, STR("ann"), STR("another horse"), e);
}

static enum err
disable(struct err_info *e)
{
	return accounts_disable(hub, STR("ann"), e);
}

static enum err
enable(struct err_info *e)
{
	return accounts_enable(hub, STR("ann"), e);
}

static enum err
leave(struct err_info *e)
{
	return accounts_team_leave(hub, STR("red"), STR("ann"), e);
}

static enum err
rotate(struct err_info *e)
{
	return accounts_key_rotate(hub, T0, e);
}

static step *const steps[] = { add_team, add_user, join, login, refresh,
	refresh, revoke, login, passwd, disable, enable, leave, rotate };

static void
accounts_run(void)
{
	struct err_info e = { 0 };

	hub = lib_open(in(live, "hub.db"));
	step_done(lib_fingerprint(in(live, "hub.db")));
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		CHECK_OK(steps[i](&e), &e);
		step_done(lib_fingerprint(in(live, "hub.db")));
	}
	accounts_close(hub);
}

static bool
accounts_look(const char *folder, size_t n)
{
	struct accounts_options opt = lib_options();
	struct accounts *a = NULL;
	struct err_info e = { 0 };
	const char *path = in(folder, "hub.db");

	if (!CHECK_OK(accounts_open(&a, path, &opt, T0, &e), &e))
		return false;
	CHECK(state_fits(n, lib_fingerprint(path)));
	lib_user(a, "bob", NULL, NULL);
	accounts_close(a);
	return !t_failing();
}

static void
accounts_are_kept(void)
{
	unsigned images;

	record("accounts");
	accounts_run();
	disk_stop();
	images = disk_every_cut(seeds, "-shm", accounts_look);
	printf("# %zu calls, %u images\n", disk_calls(), images);
	CHECK(images > 300);
	disk_free();
	arena_fini(&arena);
}

/* --- the log ------------------------------------------------------------------------ */

enum { EVENTS = 60 };

/* A hub's replica with its one team. */
struct log {
	struct world world;
	struct store *s;
	space_id team;
	struct admission ad;
};

static enum err
log_open(struct log *l, const char *path, struct err_info *e)
{
	struct store_options opt = lab_options(&l->world, 5, true);
	struct arena a = { 0 };
	struct space sp;
	enum err rc;

	opt.wal_bytes_max = 200000; /* moved into the database often */
	opt.tidy_later = true;
	rc = store_sqlite_open(&l->s, path, &opt, e);
	l->ad = (struct admission){ .store = l->s };
	if (rc == ERR_OK)
		rc = store_begin(l->s, e);
	if (rc != ERR_OK)
		return rc;
	rc = store_space_find(l->s, STR(""), STR(""), STR("t"), &a, &sp, e);
	l->team = sp.id;
	arena_fini(&a);
	if (rc == ERR_NOT_FOUND) {
		rc = store_space_add(l->s, STR(""), STR(""), STR("t"), &l->team,
		    e);
		if (rc == ERR_OK)
			rc = store_resync(l->s, l->team, STR("epoch-1"), e);
		if (rc == ERR_OK)
			rc = store_note_put(l->s, STR("hub.epoch"),
			    STR("00112233445566778899aabbccddeeff"), e);
	}
	return rc == ERR_OK ? store_commit(l->s, e) : rc;
}

static void
log_close(struct log *l)
{
	admission_fini(&l->ad);
	store_close(l->s);
}

static void
events_text(struct buf *out, unsigned from, unsigned n)
{
	buf_adds(out, "{\"events\":[");
	for (unsigned i = from; i < from + n; i++)
		buf_addf(out,
		    "%s{\"event_id\":\"01890000-0000-7000-8000-%012x\","
		    "\"event_type\":\"todo_added\",\"aggregate_type\":\"todo\","
		    "\"aggregate_id\":\"todo-%u\",\"lamport_clock\":%u,"
		    "\"node_id\":\"n1\",\"timestamp\":\"2026-04-28T10:30:00Z\","
		    "\"replaces\":[],\"payload\":{\"content\":\"%0500u\"}}",
		    i > from ? "," : "", i, i, i, i);
	buf_adds(out, "]}");
}

/* One batch as the hub takes it; every event has its own number as its seq.
 * How many were new. */
static unsigned
push(struct log *l, unsigned from, unsigned n)
{
	const struct sender who = {
		.user = STR("ann"), .now_ms = 5000, .space = l->team
	};
	struct batch b = { 0 };
	struct batch_answer answer;
	struct buf body = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	unsigned fresh = 0;

	events_text(&body, from, n);
	CHECK_OK(batch_decode(&b, buf_str(&body), &e), &e);
	CHECK_OK(store_begin(l->s, &e), &e);
	admission_begin(&l->ad);
	CHECK_OK(admission_batch(&l->ad, &who, &b, &a, &answer, &e), &e);
	CHECK_OK(store_commit(l->s, &e), &e);
	for (size_t i = 0; i < answer.n; i++) {
		CHECK_U(answer.result[i].seq, from + i);
		CHECK(answer.result[i].status != BATCH_REJECTED);
		fresh += answer.result[i].status == BATCH_SUCCESS;
	}
	batch_fini(&b);
	buf_fini(&body);
	arena_fini(&a);
	return fresh;
}

static void
log_run(void)
{
	static const unsigned size[] = { 1, 3, 10, 1, 1, 20, 1, 3, 10, 10 };
	struct log l = { 0 };
	struct err_info e = { 0 };
	unsigned next = 1;
	bool moved;

	CHECK_OK(log_open(&l, in(live, "replica.db"), &e), &e);
	step_done(0);
	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		CHECK_U(push(&l, next, size[i]), size[i]);
		next += size[i];
		step_done(next - 1);
		moved = false;
		if (i % 3 == 2)
			CHECK_OK(store_checkpoint(l.s, &e), &e);
		else
			CHECK_OK(store_tidy(l.s, &moved, &e), &e);
	}
	CHECK_U(next, EVENTS + 1);
	log_close(&l);
}

static bool
log_look(const char *folder, size_t n)
{
	struct log l = { 0 };
	struct store_report report;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct space sp;

	if (!CHECK_OK(log_open(&l, in(folder, "replica.db"), &e), &e))
		return false;
	CHECK_OK(store_verify(l.s, &report, NULL, NULL, NULL, &e), &e);
	CHECK_OK(store_space_get(l.s, l.team, &a, &sp, &e), &e);
	CHECK(state_fits(n, sp.pulled));
	CHECK_U(sp.events, sp.pulled);
	/* Sent again: what was there is known by the number that it has, and
	 * the rest goes on behind it. */
	CHECK_U(push(&l, 1, EVENTS), EVENTS - sp.pulled);
	arena_fini(&a);
	log_close(&l);
	return !t_failing();
}

static void
batches_are_kept(void)
{
	unsigned images;

	record("log");
	log_run();
	disk_stop();
	images = disk_every_cut(seeds, "-shm", log_look);
	printf("# %zu calls, %u images\n", disk_calls(), images);
	CHECK(images > 300);
	disk_free();
}

/* --- migrations ----------------------------------------------------------------------- */

static const char *const script[] = {
	"CREATE TABLE a (x); INSERT INTO a VALUES (1)",
	"ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1",
	"CREATE TABLE b AS SELECT x + y AS z FROM a",
};
enum { SCRIPTS = sizeof script / sizeof script[0], MARK = 0x436c7700 };

static unsigned began_at; /* the version that all of it begins with */

static bool
count_is(struct sql *s, const char *text, int64_t want)
{
	struct query q = { 0 };
	struct err_info e = { 0 };
	bool found;

	query_open(&q, s, text);
	CHECK_OK(query_row(&q, &found, &e), &e);
	CHECK(found);
	CHECK_I(query_get_int(&q, 0), want);
	query_close(&q);
	return !t_failing();
}

static void
touch(const char *path)
{
	FILE *f = fopen(path, "ab");

	if (f == NULL || fclose(f) != 0)
		abort();
}

/* As the accounts are brought up to date: all steps in one transaction. */
static bool
accounts_migrate(const char *path, unsigned to)
{
	struct sql s = { 0 };
	struct err_info e = { 0 };

	touch(path);
	CHECK_OK(sql_open(&s, path, 100, &e), &e);
	CHECK_OK(
	    sql_exec(&s,
	        "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL",
	        &e),
	    &e);
	CHECK_OK(sql_migrate(&s, script, to, MARK, &e), &e);
	if (to == SCRIPTS)
		count_is(&s, "SELECT z FROM b", 3);
	sql_close(&s);
	return !t_failing();
}

/* As a replica is: each step in its own. */
static bool
replica_migrate(const char *path, unsigned to)
{
	struct store_sqlite s = { 0 };
	struct sql reader;
	struct err_info e = { 0 };
	unsigned version = 0;

	touch(path);
	s.path = strdup(path);
	CHECK(sqlite3_open(path, &s.db) == SQLITE_OK);
	CHECK_OK(sqlite_text_run(&s,
	             "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
	             &e),
	    &e);
	CHECK_OK(migrate_look(&s, SCRIPTS, &version, &e), &e);
	CHECK(version <= SCRIPTS);
	if (version < to)
		CHECK_OK(migrate_run(&s, script, version, to, &e), &e);
	reader = (struct sql){ s.db };
	if (to == SCRIPTS)
		count_is(&reader, "SELECT z FROM b", 3);
	sqlite3_close(s.db);
	free(s.path);
	return !t_failing();
}

static bool (*migrate)(const char *path, unsigned to);

static int64_t
version_of(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int64_t v = -1;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL) ==
	        SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static bool
migrate_look_at(const char *folder, size_t n)
{
	const char *path = in(folder, "old.db");

	/* It was there at this version, and does not go back. */
	if (done_at[0] <= n)
		CHECK(version_of(path) >= (int64_t)began_at);
	if (done_at[1] <= n)
		CHECK_I(version_of(path), SCRIPTS);
	return migrate(path, SCRIPTS);
}

static void
migrations_are_whole(void)
{
	static bool (*const kind[])(const char *,
	    unsigned) = { accounts_migrate, replica_migrate };

	for (size_t k = 0; k < 2; k++)
		for (began_at = 0; began_at < SCRIPTS && !t_failing();
		     began_at++) {
			char name[32];

			t_note("kind %zu from version %u", k, began_at);
			(void)snprintf(name, sizeof name, "old-%zu-%u", k,
			    began_at);
			record(name);
			migrate = kind[k];
			(void)migrate(in(live, "old.db"), began_at);
			step_done(began_at);
			(void)migrate(in(live, "old.db"), SCRIPTS);
			step_done(SCRIPTS);
			disk_stop();
			CHECK(disk_every_cut(seeds, "-shm", migrate_look_at) >
			    20);
			disk_free();
		}
}

/* --- backup and restore ----------------------------------------------------------------- */

enum { BACKED_UP = 12, LATER = 9, ALL = BACKED_UP + LATER };
enum { FILLED, BACKUP, MORE, RESTORE }; /* steps */
static char restored_epoch[2 * HUB_EPOCH_BYTES + 1];
static char first_epoch[2 * HUB_EPOCH_BYTES + 1];

static void
hub_fill(unsigned from, unsigned n)
{
	struct log l = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(log_open(&l, in(live, "data/replica.db"), &e), &e);
	CHECK_U(push(&l, from, n), n);
	log_close(&l);
}

static void
backup_run(void)
{
	struct hub_report r;
	struct err_info e = { 0 };
	struct accounts *a;

	CHECK_OK(os_mkdirs(in(live, "data"), 0700, &e), &e);
	a = lib_open(in(live, "data/hub.db"));
	lib_user(a, "ann", NULL, NULL);
	accounts_close(a);
	hub_fill(1, BACKED_UP);
	step_done(FILLED);
	CHECK_OK(hub_backup(in(live, "data"), in(live, "backup"), 1, NULL, &r,
	             &e),
	    &e);
	memcpy(first_epoch, r.epoch, sizeof first_epoch);
	step_done(BACKUP);
	hub_fill(BACKED_UP + 1, LATER);
	step_done(MORE);
	CHECK_OK(hub_restore(in(live, "data"), in(live, "backup"), 5000, NULL,
	             &r, &e),
	    &e);
	memcpy(restored_epoch, r.epoch, sizeof restored_epoch);
	CHECK_U(r.store.events, BACKED_UP);
	step_done(RESTORE);
}

static uint64_t
events_in(const char *path)
{
	struct log l = { 0 };
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct space sp = { 0 };

	if (log_open(&l, path, &e) == ERR_OK)
		CHECK_OK(store_space_get(l.s, l.team, &a, &sp, &e), &e);
	arena_fini(&a);
	log_close(&l);
	return sp.events;
}

/* What was there before a restore is beside it. */
static uint64_t
events_kept(const char *data)
{
	struct os_names l = { 0 };
	struct err_info e = { 0 };
	uint64_t most = 0;

	CHECK_OK(os_list(data, &l, &e), &e);
	for (size_t i = 0; i < l.n; i++) {
		char path[900];
		uint64_t events;

		(void)snprintf(path, sizeof path, "%s/%s/replica.db", data,
		    l.name[i]);
		if (strncmp(l.name[i], "before-", 7) != 0 || !os_exists(path))
			continue;
		events = events_in(path);
		most = events > most ? events : most;
	}
	os_names_fini(&l);
	return most;
}

/* A file of that name is a whole backup, and it is there once it was made. */
static void
backup_look(const char *folder, size_t n)
{
	struct hub_report r;
	struct err_info e = { 0 };

	if (!os_exists(in(folder, "backup"))) {
		CHECK(n < done_at[BACKUP]);
		return;
	}
	CHECK_OK(hub_restore(in(folder, "elsewhere"), in(folder, "backup"), 1,
	             NULL, &r, &e),
	    &e);
	CHECK_U(r.store.events, BACKED_UP);
	CHECK_U(r.users, 1);
}

/* The old one, the new one, or one that says that it is neither. */
static void
restore_look(const char *data, const char *file, size_t n)
{
	struct hub_report r;
	struct err_info e = { 0 };
	bool again = false;

	if (hub_restored_whole(data, &e) != ERR_OK) {
		CHECK(n > done_at[MORE] && n < done_at[RESTORE]);
		CHECK_OK(hub_restore(data, file, 6000, NULL, &r, &e), &e);
		CHECK_OK(hub_restored_whole(data, &e), &e);
		again = true;
	}
	if (!CHECK_OK(hub_verify(data, NULL, &r, &e), &e))
		return;
	CHECK_U(r.users, 1);
	CHECK(r.store.events == ALL || r.store.events == BACKED_UP);
	CHECK((r.store.events == ALL) == (strcmp(r.epoch, first_epoch) == 0));
	if (r.store.events == BACKED_UP)
		CHECK_U(events_kept(data), ALL);
	if (n <= done_at[MORE])
		CHECK_U(r.store.events, ALL);
	if (n >= done_at[RESTORE])
		CHECK(!again && strcmp(r.epoch, restored_epoch) == 0);
}

static bool
backup_look_at(const char *folder, size_t n)
{
	char data[700], file[700];

	if (n < done_at[FILLED])
		return true;
	(void)snprintf(data, sizeof data, "%s/data", folder);
	(void)snprintf(file, sizeof file, "%s/backup", folder);
	if (n <= done_at[BACKUP])
		backup_look(folder, n);
	if (n >= done_at[MORE])
		restore_look(data, file, n);
	return !t_failing();
}

static void
backups_are_whole(void)
{
	unsigned images;

	record("backup");
	backup_run();
	disk_stop();
	images = disk_every_cut(seeds, "-shm", backup_look_at);
	printf("# %zu calls, %u images\n", disk_calls(), images);
	CHECK(images > 300);
	disk_free();
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		seeds = (unsigned)strtoul(argv[1], NULL, 10);
	lib_rng.state = t_seed();
	T_RUN(accounts_are_kept);
	T_RUN(batches_are_kept);
	T_RUN(migrations_are_whole);
	T_RUN(backups_are_whole);
	return t_done();
}
