/* Talking with the hub: sign-in, and the refresh transaction of docs/formats.md
 * 6 outcome by outcome, against a hub of this file. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "file.h"
#include "lock.h"
#include "path.h"
#include "remote_int.h"
#include "session_file.h"
#include "t.h"

static struct arena mem;
static struct err_info e;
static int64_t now_ms;

static int64_t
clock_of_test(void)
{
	return now_ms;
}

/* --- a hub ------------------------------------------------------------------- */

static struct {
	unsigned logins, refreshes, others;
	int refresh_status; /* 200 rotates */
	const char *refresh_error;
	int other_status;
	/* What another process does while the hub thinks. */
	void (*meanwhile)(void);
	struct buf seen_auth, seen_body;
	enum err away;          /* no answer at all */
	const char *grant, *me; /* other answers than usual */
} hub;

static void
answer(struct http_answer *ret, int status, const char *body)
{
	ret->status = status;
	buf_reset(&ret->body);
	buf_adds(&ret->body, body);
}

static const char me[] =
    "{\"user_id\":\"u1\",\"email\":\"ann@x\",\"name\":\"ann\",\"teams\":["
    "{\"id\":\"t2\",\"slug\":\"crew\",\"name\":\"Crew\",\"role\":\"member\"},"
    "{\"id\":\"t1\",\"slug\":\"ann\",\"name\":\"Ann\",\"role\":\"owner\","
    "\"is_private_teamspace\":true}],\"session_id\":\"s1\"}";

static enum err
hub_call(void *ctx, const struct http_call *call, struct http_answer *ret,
    struct err_info *err)
{
	struct str url = str_of(call->url);

	(void)ctx;
	buf_reset(&hub.seen_auth);
	buf_reset(&hub.seen_body);
	buf_addstr(&hub.seen_body, call->body);
	for (size_t i = 0; i < call->fields; i++)
		if (str_is(call->field[i].name, "Authorization"))
			buf_addstr(&hub.seen_auth, call->field[i].value);
	if (hub.away != ERR_OK)
		return err_setf(err, hub.away, "h: connection refused");
	if (str_ends(url, STR("/api/v1/token/"))) {
		hub.logins++;
		answer(ret, 200,
		    hub.grant ?
		        hub.grant :
		        "{\"access\":\"a0\",\"refresh\":\"r0\","
		        "\"access_lifetime\":3600,"
		        "\"refresh_lifetime\":604800,"
		        "\"session_id\":\"s1\",\"team_slug\":\"crew\"}");
	} else if (str_ends(url, STR("/token/refresh/"))) {
		char *body = arena_fmt(&mem,
		    "{\"access\":\"a%u\",\"refresh\":\"r%u\","
		    "\"access_lifetime\":3600,\"refresh_lifetime\":604800,"
		    "\"session_id\":\"s1\"}",
		    hub.refreshes + 1, hub.refreshes + 1);
		char *refusal = arena_fmt(&mem, "{\"error\":\"%s\"}",
		    hub.refresh_error ? hub.refresh_error : "");

		hub.refreshes++;
		if (hub.meanwhile != NULL)
			hub.meanwhile();
		answer(ret, hub.refresh_status,
		    hub.refresh_status == 200 ? body : refusal);
	} else if (str_ends(url, STR("/api/v1/me"))) {
		hub.others++;
		answer(ret, 200, hub.me ? hub.me : me);
	} else {
		hub.others++;
		answer(ret, hub.other_status, "{\"error\":\"unauthorized\"}");
	}
	return ERR_OK;
}

/* --- a machine --------------------------------------------------------------------- */

static struct ctx ctx;
static struct remote *r;

static void
fresh_hub(void)
{
	buf_fini(&hub.seen_auth);
	buf_fini(&hub.seen_body);
	memset(&hub, 0, sizeof hub);
	hub.refresh_status = hub.other_status = 200;
	now_ms = INT64_C(1800000000000);
}

static struct remote *
open_process(void)
{
	struct remote *p = NULL;

	CHECK_OK(remote_open(&p, &ctx, &e), &e);
	p->transport = hub_call;
	p->wall_ms = clock_of_test;
	p->lock_wait_ms = 50;
	return p;
}

static void
machine(const char *name)
{
	const char *home = os_join(&mem, t_tmp(), name);

	fresh_hub();
	CHECK_U(setenv("CLOWDER_HOME", home, 1), 0);
	(void)unsetenv("CLOWDER_TOKEN_FILE");
	ctx_init(&ctx, "clowder");
	CHECK_OK(os_mkdirs(home, 0700, &e), &e);
	CHECK_OK(config_set_server(os_join(&mem, home, "config.toml"),
	             STR("http://h:1"), &e),
	    &e);
	r = open_process();
}

static void
machine_end(void)
{
	remote_close(r);
	r = NULL;
	ctx_fini(&ctx);
}

static void
signed_in_machine(const char *name)
{
	machine(name);
	CHECK_OK(remote_login(r, STR("ann"), STR("pw"), &e), &e);
	e = (struct err_info){ 0 };
}

/* The refresh token on disk. */
static const char *
on_disk(void)
{
	struct session s = { 0 };
	struct err_info why = { 0 };

	if (session_file_load(r->home, &mem, &s, &why) != ERR_OK)
		return err_wire(why.code);
	return arena_dup(&mem, s.refresh_token);
}

/* Another process replaces the session on disk. */
static const char *other_refresh;
static int64_t other_expires_ms;

static void
another_process_writes(void)
{
	struct session s = { 0 };

	CHECK_OK(session_file_load(r->home, &mem, &s, &e), &e);
	s.refresh_token = str_of(other_refresh);
	s.access_token = STR("a-other");
	s.access_expires_ms = other_expires_ms;
	CHECK_OK(session_file_save(r->home, &s, &e), &e);
}

/* --- sign-in ---------------------------------------------------------------------------- */

static void
login_keeps_a_sealed_session(void)
{
	const struct session *s;
	struct buf raw = { 0 };
	struct spaces_account who;
	struct store *store;
	space_id sp;

	signed_in_machine("login");
	CHECK_STR(buf_str(&hub.seen_auth), "Bearer a0");
	CHECK_OK(remote_session(r, &s, &e), &e);
	CHECK_STR(s->name, "ann");
	CHECK_STR(s->server_url, "http://h:1");
	CHECK_STR(s->default_team_id, "t2");
	CHECK_U(s->n_teams, 2);
	CHECK_I(s->access_expires_ms, now_ms + 3600 * 1000);
	CHECK_OK(os_read_file(r->home->session, 1 << 20, &raw, &e), &e);
	CHECK(memmem(raw.data, raw.len, "r0", 2) == NULL ||
	    memmem(raw.data, raw.len, "\"refresh", 8) == NULL);
	CHECK_OK(os_mode_check(r->home->session, 0600, &e), &e);
	CHECK_OK(os_mode_check(r->home->salt, 0600, &e), &e);
	/* The space `local` has become the private team. */
	CHECK_OK(ctx_store_read(&ctx, &store, &e), &e);
	CHECK_OK(spaces_account(store, &mem, &who, &e), &e);
	CHECK_STR(who.team, "ann");
	CHECK_OK(spaces_team(store, STR("crew"), &sp, &e), &e);
	CHECK_ERR(spaces_team(store, STR("none"), &sp, &e), ERR_NOT_FOUND);
	buf_fini(&raw);
	machine_end();
}

static void
nobody_is_signed_in(void)
{
	const struct session *s;

	machine("nobody");
	CHECK_ERR(remote_session(r, &s, &e), ERR_SIGN_IN);
	CHECK_ERR(remote_refresh(r, &e), ERR_SIGN_IN);
	machine_end();
}

static void
a_session_goes_to_its_hub_alone(void)
{
	const struct session *s;

	signed_in_machine("alone");
	CHECK_OK(config_set_server(r->home->config, STR("http://other:2"), &e),
	    &e);
	remote_close(r);
	ctx.has_config = false;
	r = open_process();
	CHECK_ERR(remote_session(r, &s, &e), ERR_SIGN_IN);
	machine_end();
}

static void
a_session_of_another_machine_is_refused(void)
{
	const struct session *s;

	signed_in_machine("copied");
	/* What another machine id or uid amounts to: another key. */
	CHECK_OK(os_write_atomic(r->home->salt,
	             STR("0123456789abcdef0123456789abcdef"), 0600, &e),
	    &e);
	remote_close(r);
	r = open_process();
	CHECK_ERR(remote_session(r, &s, &e), ERR_SIGN_IN);
	CHECK_U(chmod(r->home->session, 0644), 0);
	CHECK_ERR(remote_session(r, &s, &e), ERR_PERMISSION);
	machine_end();
}

static void
a_token_file_stands_in(void)
{
	static const char *const no_token[] = { "a\rb", "a b", "a\nb",
		"\xc3\xa4", "a\x01" };
	const char *path = os_join(&mem, t_tmp(), "token");
	struct remote_call call = { .method = "GET", .target = STR("/x") };
	struct http_answer ans = { 0 };

	machine("ci");
	CHECK_OK(os_write_atomic(path, STR("tok\n"), 0600, &e), &e);
	CHECK_U(setenv("CLOWDER_TOKEN_FILE", path, 1), 0);
	CHECK_OK(remote_send(r, &call, &ans, &e), &e);
	CHECK_STR(buf_str(&hub.seen_auth), "Bearer tok");
	hub.other_status = 401;
	CHECK_ERR(remote_send(r, &call, &ans, &e), ERR_UNAUTHORIZED);
	CHECK_U(hub.refreshes, 0);
	CHECK_OK(os_write_atomic(path, STR("\n"), 0600, &e), &e);
	remote_close(r);
	r = open_process();
	CHECK_ERR(remote_send(r, &call, &ans, &e), ERR_SIGN_IN);
	/* One word, whatever ends its line. */
	CHECK_OK(os_write_atomic(path, STR("tok\r\n"), 0600, &e), &e);
	hub.other_status = 200;
	CHECK_OK(remote_send(r, &call, &ans, &e), &e);
	CHECK_STR(buf_str(&hub.seen_auth), "Bearer tok");
	for (size_t i = 0; i < sizeof no_token / sizeof *no_token; i++) {
		t_note("%s", no_token[i]);
		CHECK_OK(os_write_atomic(path, str_of(no_token[i]), 0600, &e),
		    &e);
		remote_close(r);
		r = open_process();
		CHECK_ERR(remote_send(r, &call, &ans, &e), ERR_SIGN_IN);
	}
	t_note("%s", "");
	(void)unsetenv("CLOWDER_TOKEN_FILE");
	http_answer_fini(&ans);
	machine_end();
}

static void
logout_forgets(void)
{
	bool told;

	signed_in_machine("logout");
	CHECK_OK(remote_logout(r, &told, &e), &e);
	CHECK(told);
	CHECK_STR(buf_str(&hub.seen_body),
	    "token=r0&token_type_hint=refresh_token");
	CHECK_STR(str_of(on_disk()), "sign_in_needed");
	CHECK_ERR(remote_logout(r, &told, &e), ERR_SIGN_IN);
	machine_end();
	/* Also where the hub is away. */
	signed_in_machine("logout");
	hub.away = ERR_UNREACHABLE;
	CHECK_OK(remote_logout(r, &told, &e), &e);
	CHECK(!told);
	CHECK_STR(str_of(on_disk()), "sign_in_needed");
	machine_end();
}

/* --- the transaction ---------------------------------------------------------------------- */

static void
refreshes_before_it_expires(void)
{
	struct remote_call call = { .method = "GET", .target = STR("/x") };
	struct http_answer ans = { 0 };

	signed_in_machine("early");
	CHECK_OK(remote_send(r, &call, &ans, &e), &e);
	CHECK_U(hub.refreshes, 0);
	now_ms += 3600 * 1000 - 1000;
	CHECK_OK(remote_send(r, &call, &ans, &e), &e);
	CHECK_U(hub.refreshes, 1);
	CHECK_STR(str_of(remote_refresh_outcome(r)), "refreshed");
	CHECK_STR(buf_str(&hub.seen_auth), "Bearer a1");
	CHECK_STR(str_of(on_disk()), "r1");
	http_answer_fini(&ans);
	machine_end();
}

static void
refreshes_once_after_401(void)
{
	struct remote_call call = { .method = "GET", .target = STR("/x") };
	struct http_answer ans = { 0 };

	signed_in_machine("once");
	hub.other_status = 401;
	CHECK_ERR(remote_send(r, &call, &ans, &e), ERR_UNAUTHORIZED);
	CHECK(str_starts(str_of(e.text), STR("Authentication expired")));
	CHECK_U(hub.refreshes, 1);
	/* Not where the caller does it itself. */
	call.no_refresh = true;
	CHECK_OK(remote_send(r, &call, &ans, &e), &e);
	CHECK_I(ans.status, 401);
	CHECK_U(hub.refreshes, 1);
	/* Nothing was lost by it. */
	CHECK_STR(str_of(on_disk()), "r1");
	http_answer_fini(&ans);
	machine_end();
}

static void
adopts_what_another_got(void)
{
	signed_in_machine("adopt");
	other_refresh = "r9";
	other_expires_ms = now_ms + 3600 * 1000;
	another_process_writes();
	CHECK_OK(remote_refresh(r, &e), &e);
	CHECK_STR(str_of(remote_refresh_outcome(r)), "adopted_newer");
	CHECK_U(hub.refreshes, 0);
	CHECK_STR(r->session.refresh_token, "r9");
	machine_end();
}

/* Somebody has signed in elsewhere, or somebody else has, while a call was under
 * way: what he got is not sent where the call goes. */
static const char *their_server, *their_name;

static void
another_signs_in(void)
{
	struct session s = { 0 };

	CHECK_OK(session_file_load(r->home, &mem, &s, &e), &e);
	s.refresh_token = STR("r-theirs");
	s.access_token = STR("a-theirs");
	s.access_expires_ms = other_expires_ms;
	if (their_server != NULL)
		s.server_url = str_of(their_server);
	if (their_name != NULL)
		s.name = str_of(their_name);
	CHECK_OK(session_file_save(r->home, &s, &e), &e);
}

static void
adopts_nothing_of_another_sign_in(void)
{
	for (int i = 0; i < 4; i++) {
		t_note("case %d", i);
		signed_in_machine("elsewhere");
		their_server = i % 2 ? "https://other.example" : NULL;
		their_name = i % 2 ? NULL : "somebody-else";
		/* Good, or to be renewed first. */
		other_expires_ms = i < 2 ? now_ms + 3600 * 1000 : now_ms;
		another_signs_in();
		CHECK_ERR(remote_refresh(r, &e), ERR_SIGN_IN);
		CHECK_U(hub.refreshes, 0);
		CHECK(!str_is(r->session.access_token, "a-theirs"));
		CHECK_STR(str_of(on_disk()), "r-theirs");
		machine_end();
	}
	t_note(" ");
}

static void
refreshes_what_is_on_disk(void)
{
	signed_in_machine("disk");
	other_refresh = "r9";
	other_expires_ms = now_ms; /* newer, but spent */
	another_process_writes();
	CHECK_OK(remote_refresh(r, &e), &e);
	CHECK_STR(buf_str(&hub.seen_body), "{\"refresh\":\"r9\"}");
	CHECK_STR(str_of(remote_refresh_outcome(r)), "refreshed");
	machine_end();
}

static void
clears_only_what_was_rejected(void)
{
	static const char *const word[] = { "invalid_grant",
		"session_invalid" };
	static const enum err code[] = { ERR_GRANT, ERR_SESSION };

	for (int i = 0; i < 2; i++) {
		t_note("%s", word[i]);
		signed_in_machine("reject");
		hub.refresh_status = 401;
		hub.refresh_error = word[i];
		CHECK_ERR(remote_refresh(r, &e), code[i]);
		CHECK_STR(str_of(remote_refresh_outcome(r)),
		    "current_rejection_cleared");
		CHECK_STR(str_of(on_disk()), "sign_in_needed");
		machine_end();

		/* Another process signed in meanwhile: its session stays. */
		signed_in_machine("reject");
		hub.refresh_status = 401;
		hub.refresh_error = word[i];
		hub.meanwhile = another_process_writes;
		other_refresh = "r9";
		other_expires_ms = now_ms + 3600 * 1000;
		CHECK_OK(remote_refresh(r, &e), &e);
		CHECK_STR(str_of(remote_refresh_outcome(r)),
		    "stale_rejection_preserved");
		CHECK_STR(str_of(on_disk()), "r9");
		CHECK_U(hub.refreshes, 1);
		machine_end();
	}
	t_note("%s", "");
}

static void
any_other_failure_keeps_it(void)
{
	static const int status[] = { 400, 403, 404, 429, 500, 502, 503 };

	for (size_t i = 0; i < sizeof status / sizeof *status; i++) {
		t_note("%d", status[i]);
		signed_in_machine("keep");
		hub.refresh_status = status[i];
		CHECK(remote_refresh(r, &e) != ERR_OK);
		CHECK_STR(str_of(on_disk()), "r0");
		machine_end();
	}
	t_note("%s", "");
	signed_in_machine("keep");
	hub.away = ERR_TIMEOUT;
	CHECK_ERR(remote_refresh(r, &e), ERR_TIMEOUT);
	CHECK_STR(str_of(on_disk()), "r0");
	machine_end();
}

static void
a_replay_waits_for_the_faster_one(void)
{
	/* The other one's session is there and good. */
	signed_in_machine("replay");
	hub.refresh_status = 409;
	hub.refresh_error = "refresh_replay_benign_retry";
	hub.meanwhile = another_process_writes;
	other_refresh = "r9";
	other_expires_ms = now_ms + 3600 * 1000;
	CHECK_OK(remote_refresh(r, &e), &e);
	CHECK_STR(str_of(remote_refresh_outcome(r)), "adopted_newer");
	CHECK_U(hub.refreshes, 1);
	machine_end();
	/* It is there, but its access token has expired: once more with it. */
	signed_in_machine("replay");
	hub.refresh_status = 409;
	hub.refresh_error = "refresh_replay_benign_retry";
	hub.meanwhile = another_process_writes;
	other_refresh = "r9";
	other_expires_ms = now_ms;
	CHECK_ERR(remote_refresh(r, &e), ERR_REPLAY);
	CHECK_U(hub.refreshes, 2);
	CHECK_STR(str_of(on_disk()), "r9");
	machine_end();
	/* Nothing changed: to be tried again later, nothing is lost. */
	signed_in_machine("replay");
	hub.refresh_status = 409;
	hub.refresh_error = "refresh_replay_benign_retry";
	CHECK_ERR(remote_refresh(r, &e), ERR_REPLAY);
	CHECK_U(hub.refreshes, 1);
	CHECK_STR(str_of(on_disk()), "r0");
	machine_end();
}

static void
a_lock_that_is_held(void)
{
	struct os_lock lock = { 0 };

	signed_in_machine("held");
	CHECK_OK(session_lock(r->home, &lock, 0, &e), &e);
	now_ms += 3600 * 1000;
	CHECK_ERR(remote_refresh(r, &e), ERR_LOCKED);
	CHECK_STR(str_of(remote_refresh_outcome(r)), "lock_timeout_error");
	other_refresh = "r9";
	other_expires_ms = now_ms + 3600 * 1000;
	another_process_writes();
	CHECK_OK(remote_refresh(r, &e), &e);
	CHECK_STR(str_of(remote_refresh_outcome(r)), "lock_timeout_adopted");
	CHECK_U(hub.refreshes, 0);
	os_lock_release(&lock);
	machine_end();
}

/* The doctor broke the lock while the hub was thinking. */
static void
the_lock_is_taken_away(void)
{
	CHECK_OK(os_remove(r->home->refresh_lock, &e), &e);
}

static void
lock_and_session_change(void)
{
	the_lock_is_taken_away();
	another_process_writes();
}

/* A hub that several processes talk to: each refresh is a byte in a file. */
static int refreshes_fd;

static enum err
shared_hub_call(void *of, const struct http_call *call, struct http_answer *ret,
    struct err_info *err)
{
	bool refresh = str_ends(str_of(call->url), STR("/token/refresh/"));
	enum err rc = hub_call(of, call, ret, err);

	if (refresh && write(refreshes_fd, "r", 1) != 1)
		return err_set(err, ERR_IO);
	/* A spent token ends the session, as with a real one. */
	if (refresh && !str_is(call->body, "{\"refresh\":\"r0\"}"))
		answer(ret, 401, "{\"error\":\"session_invalid\"}");
	return rc;
}

/* Waits until all stand at the gate, then needs a token at once. */
static int
one_of_eight(int gate)
{
	struct remote_call call = { .method = "GET", .target = STR("/x") };
	struct http_answer ans = { 0 };
	char c;
	enum err rc = ERR_FAILED;

	remote_close(r);
	r = open_process();
	r->transport = shared_hub_call;
	r->lock_wait_ms = SESSION_LOCK_WAIT_MS;
	if (read(gate, &c, 1) == 0)
		rc = remote_send(r, &call, &ans, &e);
	return rc == ERR_OK && ans.status == 200 ? 0 : 1;
}

static void
eight_processes_refresh_once(void)
{
	const char *count = os_join(&mem, t_tmp(), "refreshes");
	struct os_file_id id = { 0 };
	int gate[2], status;
	pid_t pid[8];

	signed_in_machine("eight");
	now_ms += 3600 * 1000; /* what they have is expired */
	refreshes_fd =
	    open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	CHECK(refreshes_fd >= 0);
	CHECK_I(pipe(gate), 0);
	for (int i = 0; i < 8; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			(void)close(gate[1]);
			_exit(one_of_eight(gate[0]));
		}
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
	for (int i = 0; i < 8; i++) {
		CHECK(pid[i] > 0 && waitpid(pid[i], &status, 0) == pid[i]);
		CHECK_I(status, 0);
	}
	CHECK_OK(os_stat_id(count, &id, &e), &e);
	CHECK_U(id.size, 1);
	CHECK_STR(str_of(on_disk()), "r1");
	(void)close(refreshes_fd);
	machine_end();
}

static void
a_lock_that_is_broken(void)
{
	signed_in_machine("broken");
	hub.meanwhile = the_lock_is_taken_away;
	CHECK_OK(remote_refresh(r, &e), &e);
	CHECK_STR(str_of(on_disk()), "r1");
	machine_end();
	signed_in_machine("broken");
	hub.meanwhile = lock_and_session_change;
	other_refresh = "r9";
	other_expires_ms = now_ms + 3600 * 1000;
	CHECK_OK(remote_refresh(r, &e), &e);
	CHECK_STR(str_of(on_disk()), "r9");
	CHECK_STR(r->session.refresh_token, "r9");
	machine_end();
}

static void
what_a_lock_looks_like(void)
{
	struct session_lock_state st;
	struct os_lock lock = { 0 };

	signed_in_machine("look");
	CHECK_OK(session_lock_look(r->home, now_ms, &mem, &st, &e), &e);
	CHECK(!st.held);
	CHECK_OK(session_lock(r->home, &lock, 0, &e), &e);
	CHECK_OK(session_lock_look(r->home, now_ms, &mem, &st, &e), &e);
	CHECK(st.held);
	CHECK_I(st.pid, getpid());
	CHECK(st.host.n > 0 && st.started_at.n > 0);
	os_lock_release(&lock);
	CHECK_OK(session_lock_look(r->home, now_ms, &mem, &st, &e), &e);
	CHECK(!st.held);
	CHECK_I(st.age_ms, -1);
	machine_end();
}

/* Whatever fails within a refresh, there is a session afterwards: the old one
 * (whose successor the hub gives again) or the new one. */
static void
no_fault_loses_the_session(void)
{
	int n = 0;
	bool hit;

	do {
		signed_in_machine("faults");
		fault_arm(n++);
		(void)remote_refresh(r, &e);
		hit = fault_hit();
		fault_arm(-1);
		t_note("fault %d", n - 1);
		CHECK(strcmp(on_disk(), "r0") == 0 ||
		    strcmp(on_disk(), "r1") == 0);
		machine_end();
	} while (hit && !t_failing());
	t_note("%s", "");
	CHECK(n > 20);
}

static void
answers_that_are_no_hubs(void)
{
	static const char *const body[] = { "", "<html>", "[]", "{}",
		"{\"error\":5}", "{\"error\":\"what\"}" };
	struct http_answer ans = { .status = 418 };

	for (size_t i = 0; i < sizeof body / sizeof *body; i++) {
		t_note("%s", body[i]);
		answer(&ans, 418, body[i]);
		CHECK_ERR(remote_error(&ans, &e), ERR_PROTOCOL);
	}
	t_note("%s", "");
	answer(&ans, 503, "<html>");
	CHECK_ERR(remote_error(&ans, &e), ERR_UNAVAILABLE);
	answer(&ans, 403, "{\"error\":\"quota\",\"message\":\"full\"}");
	CHECK_ERR(remote_error(&ans, &e), ERR_QUOTA);
	CHECK_STR(str_of(e.text), "full");
	/* A code that is not a hub's to give: what its status says. */
	answer(&ans, 400, "{\"error\":\"usage\",\"message\":\"m\"}");
	CHECK_ERR(remote_error(&ans, &e), ERR_PROTOCOL);
	CHECK_STR(str_of(e.text), "m");
	answer(&ans, 503, "{\"error\":\"interrupted\"}");
	CHECK_ERR(remote_error(&ans, &e), ERR_UNAVAILABLE);
	answer(&ans, 401, "{\"error\":\"ok\"}");
	CHECK_ERR(remote_error(&ans, &e), ERR_UNAUTHORIZED);
	buf_fini(&ans.body);
}

/* A sign-in at something that only looks like a hub. */
static void
strange_sign_ins(void)
{
	static const struct {
		const char *grant, *me;
	} row[] = {
		{ "{\"access\":\"a\\r\\nX: y\",\"refresh\":\"r\"}", NULL },
		{ "{\"access\":\"a\",\"refresh\":\"r r\"}", NULL },
		{ "{\"access\":\"\u00e4\",\"refresh\":\"r\"}", NULL },
		{ NULL,
		    "{\"user_id\":\"u\",\"name\":\"a\\nb\",\"teams\":"
		    "[{\"id\":\"t\",\"slug\":\"s\"}]}" },
		{ NULL,
		    "{\"user_id\":\"u\",\"name\":\"a\",\"teams\":"
		    "[{\"id\":\"t\",\"slug\":\"s\\r\\nX: y\"}]}" },
		{ NULL,
		    "{\"user_id\":\"u\",\"name\":\"a\",\"teams\":"
		    "[{\"id\":\"t\",\"slug\":\"a team\"}]}" },
		{ NULL, "{\"user_id\":\"u\",\"name\":\"a\",\"teams\":[]}" },
		{ NULL,
		    "{\"user_id\":\"u\",\"name\":\"a\",\"teams\":"
		    "[{\"id\":5,\"slug\":[]}]}" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("row %zu", i);
		machine("strange");
		hub.grant = row[i].grant;
		hub.me = row[i].me;
		CHECK_ERR(remote_login(r, STR("ann"), STR("pw"), &e),
		    ERR_PROTOCOL);
		CHECK_STR(str_of(on_disk()), "sign_in_needed");
		machine_end();
	}
	t_note("%s", "");
	/* A time that is none stays one. */
	machine("strange");
	hub.grant = "{\"access\":\"a\",\"refresh\":\"r\",\"access_lifetime\":"
	            "9007199254740991,\"refresh_lifetime\":9007199254740991}";
	CHECK_OK(remote_login(r, STR("ann"), STR("pw"), &e), &e);
	CHECK(r->session.access_expires_ms > now_ms);
	CHECK(r->session.refresh_expires_ms > now_ms);
	machine_end();
}

/* What was sent was not too large: what came was. */
static void
an_answer_without_end(void)
{
	struct remote_call call = { .method = "GET", .target = STR("/x") };
	struct http_answer ans = { 0 };

	signed_in_machine("endless");
	hub.away = ERR_TOO_LARGE;
	CHECK_ERR(remote_send(r, &call, &ans, &e), ERR_PROTOCOL);
	http_answer_fini(&ans);
	machine_end();
}

static void
checks(void)
{
	struct remote_check check;

	signed_in_machine("check");
	hub.other_status = 401;
	remote_check(r, &check);
	CHECK_U(check.health, REMOTE_REACHABLE);
	CHECK_STR(str_of(check.why), "Server online (access forbidden)");
	hub.other_status = 200; /* but not the body of a hub's health */
	remote_check(r, &check);
	CHECK_U(check.health, REMOTE_ERROR);
	hub.away = ERR_TIMEOUT;
	remote_check(r, &check);
	CHECK_U(check.health, REMOTE_UNREACHABLE);
	hub.away = ERR_TLS;
	remote_check(r, &check);
	CHECK_U(check.health, REMOTE_ERROR);
	CHECK_U(hub.refreshes, 0);
	machine_end();
}

int
main(void)
{
	T_RUN(login_keeps_a_sealed_session);
	T_RUN(nobody_is_signed_in);
	T_RUN(a_session_goes_to_its_hub_alone);
	T_RUN(a_session_of_another_machine_is_refused);
	T_RUN(a_token_file_stands_in);
	T_RUN(logout_forgets);
	T_RUN(refreshes_before_it_expires);
	T_RUN(refreshes_once_after_401);
	T_RUN(adopts_what_another_got);
	T_RUN(adopts_nothing_of_another_sign_in);
	T_RUN(refreshes_what_is_on_disk);
	T_RUN(clears_only_what_was_rejected);
	T_RUN(any_other_failure_keeps_it);
	T_RUN(a_replay_waits_for_the_faster_one);
	T_RUN(a_lock_that_is_held);
	T_RUN(eight_processes_refresh_once);
	T_RUN(a_lock_that_is_broken);
	T_RUN(what_a_lock_looks_like);
	T_RUN(no_fault_loses_the_session);
	T_RUN(answers_that_are_no_hubs);
	T_RUN(strange_sign_ins);
	T_RUN(an_answer_without_end);
	T_RUN(checks);
	fresh_hub();
	arena_fini(&mem);
	return t_done();
}
