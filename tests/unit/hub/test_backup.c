/* Backup, restore and verify with each of their steps failing once: no file that
 * is not whole, no folder that is half the old and half the new one, and the same
 * works afterwards. */
#include "backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "hub_lab.h"
#include "sql.h"

enum { WALK_MAX = 3000, EVENTS = 5 };
/* The walks are one thread's: the thread sanitizer has nothing to find in them. */
#ifdef __SANITIZE_THREAD__
static const bool walks = false;
#else
static const bool walks = true;
#endif

static struct hub_lab lab;
static char file[600];

/* A folder that a hub has served, with a few events. */
static void
folder_make(void)
{
	struct peer p;
	char *token;

	hub_lab_init(&lab);
	if (!CHECK(hub_lab_start(&lab)))
		exit(1);
	peer_open(&p, &lab);
	token = peer_sign_in(&p, "ann");
	p.token = token;
	CHECK_U(peer_push(&p, 1, EVENTS - 1, ""), 200);
	CHECK_U(peer_push(&p, EVENTS, 1, ",\"node_seq\":7"), 200);
	peer_close(&p);
	free(token);
	hub_lab_stop(&lab);
	CHECK(snprintf(file, sizeof file, "%s.backup", lab.data) > 0);
}

static void
count_finding(void *ctx, const char *text)
{
	(void)text;
	++*(unsigned *)ctx;
}

static void
copies_all_of_it(void)
{
	struct hub_report r, v;
	struct err_info e = { 0 };
	struct stat st;

	folder_make();
	CHECK_OK(hub_verify(lab.data, NULL, &v, &e), &e);
	CHECK_OK(hub_backup(lab.data, file, 1234, NULL, &r, &e), &e);
	CHECK_U(r.store.events, EVENTS);
	CHECK_U(r.users, 3);
	CHECK_U(r.store.wrong, 0);
	CHECK_I(r.made_ms, 1234);
	CHECK(strlen(r.epoch) == 32 && strcmp(r.epoch, v.epoch) == 0);
	CHECK(stat(file, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK_U(r.bytes, st.st_size);
	CHECK_ERR(hub_backup(lab.data, file, 1234, NULL, &r, &e), ERR_EXISTS);
	CHECK_OK(hub_restore(lab.data, file, 1000, NULL, &v, &e), &e);
	CHECK_U(v.store.events, EVENTS);
	CHECK(strcmp(r.epoch, v.epoch) != 0);
	CHECK(os_is_dir(v.kept));
	/* The same second: another folder. */
	CHECK_OK(hub_restore(lab.data, file, 1000, NULL, &r, &e), &e);
	CHECK(strcmp(r.kept, v.kept) != 0 && os_is_dir(r.kept));
	CHECK_OK(hub_verify(lab.data, NULL, &v, &e), &e);
	CHECK_U(v.store.events, EVENTS);
	CHECK(strcmp(r.epoch, v.epoch) == 0);
	/* And it serves. */
	if (CHECK(hub_lab_start(&lab)))
		hub_lab_stop(&lab);
	hub_lab_fini(&lab);
}

/* While it serves: read and copied, and not restored over. */
static void
copies_a_serving_hub(void)
{
	struct hub_report r;
	struct err_info e = { 0 };

	folder_make();
	if (!CHECK(hub_lab_start(&lab)))
		return;
	CHECK_OK(hub_backup(lab.data, file, 1, NULL, &r, &e), &e);
	CHECK_OK(hub_verify(lab.data, NULL, &r, &e), &e);
	hub_lab_stop(&lab);
	hub_lab_fini(&lab);
}

typedef enum err act(struct hub_report *r, struct err_info *e);

static enum err
act_backup(struct hub_report *r, struct err_info *e)
{
	return hub_backup(lab.data, file, 1, NULL, r, e);
}

static enum err
act_restore(struct hub_report *r, struct err_info *e)
{
	return hub_restore(lab.data, file, os_wall_ms(), NULL, r, e);
}

static enum err
act_verify(struct hub_report *r, struct err_info *e)
{
	unsigned findings = 0;
	const struct hub_tell tell = { .finding = count_finding,
		.ctx = &findings };
	enum err rc = hub_verify(lab.data, &tell, r, e);

	/* A fault of the machine is no fault of the hub. */
	CHECK_U(findings, 0);
	return rc;
}

static void
walk(act *fn, void (*after)(bool ok), int at_least)
{
	struct hub_report r;
	bool hit;
	int n = 0;

	do {
		struct err_info e = { 0 };
		enum err rc;

		t_note("fault %d", n);
		fault_arm(n++);
		rc = fn(&r, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK(rc == ERR_OK || hit);
		CHECK(rc == ERR_OK ||
		    (e.code == rc && e.text[0] != '\0' &&
		        strlen(e.text) < 400));
		after(rc == ERR_OK);
	} while (hit && n < WALK_MAX && !t_failing());
	CHECK(n > at_least && n < WALK_MAX);
}

/* The file is there and whole, or it is not there.  It may be there all the same
 * where only its folder could not be synced. */
static void
file_is_whole(bool ok)
{
	struct hub_report r;
	struct err_info e = { 0 };
	char path[640];

	CHECK(snprintf(path, sizeof path, "%s.part", file) > 0);
	CHECK(!os_exists(path));
	CHECK(!ok || os_exists(file));
	if (!os_exists(file))
		return;
	CHECK(snprintf(path, sizeof path, "%s.restored", file) > 0);
	CHECK_OK(hub_restore(path, file, os_wall_ms(), NULL, &r, &e), &e);
	CHECK_U(r.store.events, EVENTS);
	CHECK(unlink(file) == 0);
}

static void
walks_backup(void)
{
	folder_make();
	walk(act_backup, file_is_whole, 100);
	hub_lab_fini(&lab);
}

/* The old one or the new one, or one that no hub serves until the restore was
 * done again. */
static void
folder_is_whole(bool ok)
{
	struct hub_report r;
	struct err_info e = { 0 };
	bool whole = hub_restored_whole(lab.data, &e) == ERR_OK;

	CHECK(whole || !ok);
	if (!whole) {
		CHECK_U(e.code, ERR_CONFIG);
		CHECK_OK(act_restore(&r, &e), &e);
		CHECK_OK(hub_restored_whole(lab.data, &e), &e);
	}
	CHECK_OK(hub_verify(lab.data, NULL, &r, &e), &e);
	CHECK_U(r.store.events, EVENTS);
	CHECK_U(r.users, 3);
	CHECK(!os_exists(hub_lab_path(&lab, "replica.db.new")));
	CHECK(!os_exists(hub_lab_path(&lab, "hub.db.new")));
}

static void
walks_restore(void)
{
	struct hub_report r;
	struct err_info e = { 0 };

	folder_make();
	CHECK_OK(hub_backup(lab.data, file, 1, NULL, &r, &e), &e);
	walk(act_restore, folder_is_whole, 200);
	if (CHECK(hub_lab_start(&lab)))
		hub_lab_stop(&lab);
	hub_lab_fini(&lab);
}

static void
nothing(bool ok)
{
	(void)ok;
}

static void
walks_verify(void)
{
	folder_make();
	walk(act_verify, nothing, 50);
	hub_lab_fini(&lab);
}

/* --- what verify sees ----------------------------------------------------------- */

static void
change(const char *path, const char *text)
{
	struct sql s = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(sql_open(&s, path, 1000, &e), &e);
	CHECK_OK(sql_exec(&s, text, &e), &e);
	sql_close(&s);
}

struct heard {
	unsigned n;
	bool right;
	const char *want;
};

static void
hear_finding(void *ctx, const char *text)
{
	struct heard *h = ctx;

	h->n++;
	h->right = h->right || strstr(text, h->want) != NULL;
	t_note("last: %s", text);
}

static const struct {
	const char *db, *text, *want;
} damages[] = {
	{ "replica.db", "UPDATE space SET head = 3", "pulled up to 0 of 3" },
	{ "replica.db", "UPDATE event SET seq = 4 WHERE at & 255 = 2",
	    "another hub" },
	{ "replica.db", "UPDATE space SET clock = 1", "its clock stands at 1" },
	{ "replica.db", "UPDATE space SET events = events + 1", "are counted" },
	{ "replica.db", "DELETE FROM event WHERE at & 255 = 3",
	    "event 3 is missing" },
	{ "replica.db", "DELETE FROM seen", "not among those seen" },
	{ "replica.db", "UPDATE seen SET hi = hi - 1", "not among those seen" },
	{ "replica.db",
	    "CREATE TRIGGER t AFTER INSERT ON event BEGIN DELETE FROM name; "
	    "END",
	    "trigger t is none of ours" },
	{ "hub.db",
	    "CREATE TRIGGER t AFTER UPDATE ON user BEGIN"
	    " UPDATE user SET disabled = 0; END",
	    "accounts: schema: trigger t is none of ours" },
	{ "hub.db", "DROP INDEX family_user", "index family_user is missing" },
	{ "hub.db", "CREATE TABLE more (x)", "table more is none of ours" },
	{ "hub.db", "PRAGMA foreign_keys = OFF; DELETE FROM team",
	    "refers to nothing" },
};

static void
verify_sees_what_decays(void)
{
	struct err_info e = { 0 };
	struct hub_report r;

	folder_make();
	CHECK_OK(hub_backup(lab.data, file, 1, NULL, &r, &e), &e);
	for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
		struct heard h = { .want = damages[i].want };
		const struct hub_tell tell = { .finding = hear_finding,
			.ctx = &h };

		t_note("%s", damages[i].text);
		CHECK_OK(hub_restore(lab.data, file, os_wall_ms(), NULL, &r,
		             &e),
		    &e);
		CHECK_OK(hub_verify(lab.data, NULL, &r, &e), &e);
		change(hub_lab_path(&lab, damages[i].db), damages[i].text);
		CHECK_ERR(hub_verify(lab.data, &tell, &r, &e), ERR_CORRUPT);
		CHECK(h.right);
		CHECK_U(r.store.wrong, h.n);
	}
	hub_lab_fini(&lab);
}

/* A file is read before any of it is put in place: what somebody hid in it never
 * runs. */
static void
a_trigger_in_a_backup_is_refused(void)
{
	struct err_info e = { 0 };
	struct hub_report r, v;

	folder_make();
	CHECK_OK(hub_backup(lab.data, file, 1, NULL, &r, &e), &e);
	change(file,
	    "CREATE TRIGGER t AFTER UPDATE ON space BEGIN"
	    " DELETE FROM event; END");
	CHECK_ERR(hub_restore(lab.data, file, os_wall_ms(), NULL, &r, &e),
	    ERR_CORRUPT);
	CHECK_OK(hub_verify(lab.data, NULL, &v, &e), &e);
	CHECK_U(v.store.events, EVENTS);
	hub_lab_fini(&lab);
}

static void
move_to(const char *folder, const char *name)
{
	char to[700];

	CHECK(snprintf(to, sizeof to, "%s/%s/%s", lab.data, folder, name) > 0);
	CHECK(rename(hub_lab_path(&lab, name), to) == 0);
}

/* A sign-in goes on also where a restore was cut short after it had moved the
 * accounts aside; where nothing tells of it, it has ended. */
static void
sign_ins_are_those_that_were_there(void)
{
	struct err_info e = { 0 };
	struct hub_report r;

	folder_make();
	CHECK_OK(hub_backup(lab.data, file, 1, NULL, &r, &e), &e);
	CHECK_OK(hub_restore(lab.data, file, os_wall_ms(), NULL, &r, &e), &e);
	CHECK_U(r.sessions, 1);
	CHECK(mkdir(hub_lab_path(&lab, "before-restore-7"), 0700) == 0);
	move_to("before-restore-7", "hub.db");
	CHECK_OK(os_write_atomic(hub_lab_path(&lab, "restoring"),
	             STR("run hub restore again\nbefore-restore-7\n"), 0600,
	             &e),
	    &e);
	CHECK_OK(hub_restore(lab.data, file, os_wall_ms(), NULL, &r, &e), &e);
	CHECK_U(r.sessions, 1);
	CHECK(unlink(hub_lab_path(&lab, "hub.db")) == 0);
	CHECK_OK(hub_restore(lab.data, file, os_wall_ms(), NULL, &r, &e), &e);
	CHECK_U(r.sessions, 0);
	hub_lab_fini(&lab);
}

int
main(void)
{
	T_RUN(copies_all_of_it);
	T_RUN(copies_a_serving_hub);
	T_RUN(verify_sees_what_decays);
	T_RUN(a_trigger_in_a_backup_is_refused);
	T_RUN(sign_ins_are_those_that_were_there);
	if (walks) {
		T_RUN(walks_backup);
		T_RUN(walks_restore);
		T_RUN(walks_verify);
	}
	return t_done();
}
