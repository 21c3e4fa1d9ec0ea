/* The daemon's life, on the loop:
 *
 *   lock ─► port ─► state file ─► threads ─► serve ... ─► end ─► all is let go
 *
 * It ends when it is asked to (API, signal), and by itself when it finds on its
 * tick that the home has another daemon, or is gone. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "daemon_int.h"
#include "fault.h"
#include "file.h"
#include "log.h"
#include "proc.h"

enum {
	STOP_MS = 5000,        /* for requests under way */
	CONNECTIONS_MAX = 512, /* several times what is accepted in a turn */
	HELD_MAX = 8 << 20,
	LOCK_RECORD_MAX = 64,
	POLL_MS = 1000 /* where the system tells no changes */
};

/* --- the end ---------------------------------------------------------------------- */

void
daemon_look(struct daemon *d, struct daemon_view *ret)
{
	pthread_mutex_lock(&d->view_lock);
	*ret = d->view;
	pthread_mutex_unlock(&d->view_lock);
}

static void
on_server_stopped(void *arg)
{
	struct daemon *d = arg;

	d->stopped = true;
	uv_stop(&d->loop);
}

void
daemon_end(struct daemon *d, enum daemon_phase why)
{
	if (d->phase >= PHASE_RETIRING)
		return;
	d->phase = why;
	log_line(LOG_INFO, "daemon", "ends%s",
	    why == PHASE_RETIRING ? ": the home has another daemon or store" :
	                            "");
	atomic_store(&d->abort, true);
	http_server_stop(d->server, STOP_MS, on_server_stopped, d);
}

bool
daemon_has_store(const struct daemon *d)
{
	struct os_file_id id;
	struct err_info e = { 0 };

	return os_stat_id(d->home->store, &id, &e) == ERR_OK &&
	    id.dev == d->store_id.dev && id.ino == d->store_id.ino;
}

bool
daemon_serves_store(struct daemon *d)
{
	if (daemon_has_store(d))
		return true;
	daemon_end(d, PHASE_RETIRING);
	return false;
}

/* --- the tick -------------------------------------------------------------------------- */

static bool
says_us(const struct daemon *d, const struct daemon_state *st)
{
	return st->port == d->state.port && st->pid == d->state.pid &&
	    strcmp(st->token, d->state.token) == 0;
}

/* Is the home ours still?  The lock's file, and what the state file says. */
static bool
is_ours_still(struct daemon *d)
{
	struct daemon_state st;
	struct err_info e = { 0 };

	if (!os_lock_still(&d->lock) || !daemon_has_store(d))
		return false;
	if (daemon_state_read(d->home, &st, &e) == ERR_OK) {
		if (says_us(d, &st))
			return true;
		if (st.port != d->state.port && os_proc_alive(st.pid))
			return false;
	}
	/* Removed, damaged, or of one who is gone: the lock says who it is. */
	if (daemon_state_write(d->home, &d->state, &e) != ERR_OK)
		log_line(LOG_WARN, "daemon", "%s", e.text);
	return true;
}

/* Where somebody else has the log - a terminal, a supervisor - it is his. */
static bool
is_log_full(const struct daemon *d)
{
	struct stat st;
	struct os_file_id id;
	struct err_info e = { 0 };

	return fstat(STDERR_FILENO, &st) == 0 && st.st_size > LOG_BYTES_MAX &&
	    os_stat_id(d->home->daemon_log, &id, &e) == ERR_OK &&
	    id.ino == st.st_ino && id.dev == st.st_dev;
}

/* One old log beside the new one. */
static enum err
begin_log_anew(const char *path, const char *old, struct err_info *e)
{
	int fd;

	if (os_rename(path, old, e) != ERR_OK)
		return e->code;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) {
		(void)err_sys(e, errno, "%s", path);
		(void)os_rename(old, path, &(struct err_info){ 0 });
		return e->code;
	}
	(void)dup2(fd, STDERR_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)close(fd);
	return ERR_OK;
}

static void
rotate_log(struct daemon *d)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	const char *old = arena_fmt(&a, "%s.1", d->home->daemon_log);

	if (old != NULL && is_log_full(d) &&
	    begin_log_anew(d->home->daemon_log, old, &e) != ERR_OK)
		log_line(LOG_WARN, "daemon", "the log cannot be begun anew: %s",
		    e.text);
	arena_fini(&a);
}

static void on_tick(uv_timer_t *t);

static void
tick(struct daemon *d)
{
	d->ticked_ms = os_mono_ms();
	(void)uv_timer_start(&d->tick, on_tick, d->tick_ms, 0);
	rotate_log(d);
	if (!is_ours_still(d))
		daemon_end(d, PHASE_RETIRING);
}

static void
on_tick(uv_timer_t *t)
{
	tick(t->data);
}

void
daemon_beat(struct daemon *d)
{
	if (os_mono_ms() - d->ticked_ms >= d->tick_ms / 2)
		tick(d);
}

static void
on_signal(uv_poll_t *p, int status, int events)
{
	struct daemon *d = p->data;

	(void)status;
	(void)events;
	if (os_signal_caught() == 0)
		return;
	(void)uv_poll_stop(p);
	daemon_end(d, PHASE_TERMINATING);
}

/* --- the doorbell ----------------------------------------------------------------------- */

static void follow(struct daemon *d);

/* id NULL: it is gone.  At first everything that is there is told. */
static void
on_config(struct daemon *d, const struct os_file_id *id)
{
	static const struct os_file_id none;

	if (id == NULL)
		id = &none;
	if (os_same_id(id, &d->config_id))
		return;
	d->config_id = *id;
	log_line(LOG_INFO, "daemon", "the configuration has changed");
	keeper_reset(d);
}

static void
on_change(void *ctx, const struct watch_change *c)
{
	struct daemon *d = ctx;

	if (c->root == d->root_bell) {
		if (!daemon_serves_store(d))
			return;
		keeper_rang(d);
		streams_rang(d);
	} else if (c->root == d->root_session) {
		keeper_session(d);
	} else {
		on_config(d, c->id);
	}
}

static void
look(struct daemon *d)
{
	struct err_info e = { 0 };

	if (watch_turn(d->watch, os_mono_ms(), &e) != ERR_OK)
		log_line(LOG_WARN, "daemon", "watching: %s", e.text);
	follow(d);
}

static void
on_bell(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	look(p->data);
}

static void
on_bell_due(uv_timer_t *t)
{
	look(t->data);
}

static void
on_poll_closed(uv_handle_t *h)
{
	free(h);
}

static void
unpoll(struct daemon *d)
{
	if (d->bell == NULL)
		return;
	(void)uv_poll_stop(d->bell);
	uv_close((uv_handle_t *)d->bell, on_poll_closed);
	d->bell = NULL;
	d->bell_fd = -1;
}

/* The descriptor of the watch, and when it wants to be looked after. */
static void
follow(struct daemon *d)
{
	int fd = watch_fd(d->watch);
	uint64_t due = watch_due_ms(d->watch), now = os_mono_ms();

	if (fd != d->bell_fd) {
		unpoll(d);
		d->bell = fd >= 0 ? mem_zero(sizeof *d->bell) : NULL;
		if (d->bell != NULL &&
		    uv_poll_init(&d->loop, d->bell, fd) == 0) {
			d->bell->data = d;
			d->bell_fd = fd;
			(void)uv_poll_start(d->bell, UV_READABLE, on_bell);
		} else {
			free(d->bell);
			d->bell = NULL;
		}
	}
	(void)uv_timer_stop(&d->bell_due);
	if (due != UINT64_MAX) {
		uv_update_time(&d->loop);
		(void)uv_timer_start(&d->bell_due, on_bell_due,
		    due > now ? due - now : 0, 0);
	}
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static enum err
open_watch(struct daemon *d, struct err_info *e)
{
	struct watch_options o = { .world = watch_world_system(),
		.poll_ms = POLL_MS,
		.on_change = on_change,
		.ctx = d };
	const struct {
		const char *dir, *file;
		uint32_t debounce_ms;
		unsigned *root;
	} roots[] = { { d->home->dir, d->home->doorbell, 0, &d->root_bell },
		{ d->home->auth_dir, d->home->session, 50, &d->root_session },
		{ d->home->dir, d->home->config, 50, &d->root_config } };
	enum err rc = watch_open(&o, &d->watch, e);

	for (size_t i = 0; rc == ERR_OK && i < 3; i++)
		rc = watch_add(d->watch,
		    &(struct watch_root){ .path = roots[i].dir,
		        .only = last_part(roots[i].file),
		        .debounce_ms = roots[i].debounce_ms },
		    roots[i].root, e);
	return rc;
}

/* --- the beginning -------------------------------------------------------------------------- */

static enum err
take_lock(struct daemon *d, struct err_info *e)
{
	char record[LOCK_RECORD_MAX];
	enum err rc = os_lock_take(&d->lock, d->home->daemon_lock, 0, e);

	if (rc == ERR_LOCKED) {
		bool alive;
		int pid = 0;

		(void)daemon_alive(d->home, &alive, &pid,
		    &(struct err_info){ 0 });
		return err_setf(e, ERR_EXISTS, "a daemon runs already (pid %d)",
		    pid);
	}
	if (rc != ERR_OK)
		return rc;
	(void)snprintf(record, sizeof record, "{\"pid\":%d}", os_pid());
	return os_lock_record(&d->lock, str_of(record), e);
}

static enum err
make_token(struct daemon *d, struct err_info *e)
{
	uint8_t dice[DAEMON_TOKEN_CHARS / 2];
	enum err rc = os_random(dice, sizeof dice, e);

	if (rc == ERR_OK)
		hex_encode(dice, sizeof dice, d->state.token);
	d->state.pid = os_pid();
	return rc;
}

static enum err
listen_somewhere(struct daemon *d, struct err_info *e)
{
	struct http_server_options o = { .handler = { .ctx = d,
		                             .on_head = api_head,
		                             .on_request = api_request },
		.connections_max = CONNECTIONS_MAX,
		.held_max = HELD_MAX,
		.body_max = BODY_MAX };
	uint16_t first;
	unsigned end;
	enum err rc = daemon_ports(&first, &end, e);

	if (rc == ERR_OK)
		rc = http_server_new(&d->server, &d->loop, &o, e);
	if (rc != ERR_OK)
		return rc;
	for (unsigned p = first; p < end; p++) {
		d->state.port = (uint16_t)p;
		rc = http_server_listen(d->server, "127.0.0.1", &d->state.port,
		    NULL, e);
		if (rc != ERR_EXISTS)
			return rc;
	}
	return err_setf(e, ERR_FAILED,
	    "no free port of %u-%u for the daemon (CLOWDER_PORTS)", first,
	    end - 1);
}

static enum err
start_timers(struct daemon *d, struct err_info *e)
{
	int bad = uv_timer_init(&d->loop, &d->tick);

	if (bad == 0)
		bad = uv_timer_init(&d->loop, &d->bell_due);
	d->tick.data = d->bell_due.data = d;
	if (bad == 0)
		bad = uv_timer_start(&d->tick, on_tick, d->tick_ms, 0);
	if (bad == 0 && os_signal_fd() >= 0) {
		d->signal = mem_zero(sizeof *d->signal);
		if (d->signal == NULL)
			return err_set(e, ERR_NOMEM);
		bad = uv_poll_init(&d->loop, d->signal, os_signal_fd());
		d->signal->data = d;
		if (bad == 0)
			bad = uv_poll_start(d->signal, UV_READABLE, on_signal);
	}
	return bad == 0 ?
	    ERR_OK :
	    err_setf(e, ERR_FAILED, "event loop: %s", uv_strerror(bad));
}

static enum err
begin(struct daemon *d, struct err_info *e)
{
	enum err rc = daemon_home_id(d->home, d->home_id, e);

	if (rc == ERR_OK)
		rc = make_token(d, e);
	if (rc == ERR_OK)
		rc = loop_poster_new(&d->poster, &d->loop, e);
	if (rc == ERR_OK)
		rc = streams_new(d, e);
	if (rc == ERR_OK)
		rc = wires_new(d, e);
	if (rc == ERR_OK)
		rc = listen_somewhere(d, e);
	/* It waits for the keeper, who begins at once. */
	if (rc == ERR_OK)
		rc = worker_start(d, e);
	if (rc == ERR_OK)
		rc = keeper_start(d, e);
	if (rc == ERR_OK)
		rc = os_stat_id(d->home->store, &d->store_id, e);
	if (rc == ERR_OK)
		rc = start_timers(d, e);
	if (rc == ERR_OK)
		rc = open_watch(d, e);
	if (rc == ERR_OK)
		rc = daemon_state_write(d->home, &d->state, e);
	return rc;
}

/* --- all is let go ----------------------------------------------------------------------------- */

static void
on_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void
remove_state(struct daemon *d)
{
	struct daemon_state st;
	struct err_info e = { 0 };

	if (d->lock.path != NULL &&
	    daemon_state_read(d->home, &st, &e) == ERR_OK &&
	    st.pid == d->state.pid && st.port == d->state.port)
		(void)os_remove(d->home->daemon_state, &e);
}

static void
let_go(struct daemon *d)
{
	atomic_store(&d->abort, true);
	keeper_stop(d);
	worker_stop(d);
	keeper_free(d);
	loop_poster_close(d->poster);
	unpoll(d);
	watch_close(d->watch);
	wires_free(d);
	http_server_free(d->server);
	if (d->signal != NULL)
		uv_close((uv_handle_t *)d->signal, on_poll_closed);
	uv_walk(&d->loop, on_handle, NULL);
	(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&d->loop);
	streams_free(d);
	remove_state(d);
	os_lock_release(&d->lock);
	/* Who looks at the daemon's word looks when somebody rings. */
	if (d->phase >= PHASE_ACTIVE)
		(void)os_touch(d->home->doorbell, &(struct err_info){ 0 });
	(void)pthread_mutex_destroy(&d->view_lock);
}

static enum err
serve(struct daemon *d, struct err_info *e)
{
	struct watch_status watched;
	enum err rc = begin(d, e);

	if (rc != ERR_OK && d->server != NULL) {
		/* Nobody was served: it may go once it has stopped. */
		http_server_stop(d->server, 0, on_server_stopped, d);
		(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	}
	if (rc != ERR_OK)
		return rc;
	d->phase = PHASE_ACTIVE;
	rotate_log(d);
	(void)os_stat_id(d->home->config, &d->config_id,
	    &(struct err_info){ 0 });
	log_line(LOG_INFO, "daemon", "started: port=%u pid=%d version=%s",
	    d->state.port, d->state.pid, CLOWDER_VERSION);
	look(d);
	watch_status(d->watch, &watched);
	if (!watched.live)
		log_line(LOG_WARN, "daemon", "looking every %d ms: %s", POLL_MS,
		    watched.why);
	while (!d->stopped)
		(void)uv_run(&d->loop, UV_RUN_DEFAULT);
	return ERR_OK;
}

enum err
daemon_run(struct ctx *c, const struct daemon_options *o, struct err_info *e)
{
	struct daemon *d = mem_zero(sizeof *d);
	enum err rc;
	int bad;

	if (d == NULL)
		return err_set(e, ERR_NOMEM);
	d->ctx = c;
	d->program = c->program;
	d->tick_ms = o->tick_ms ? o->tick_ms : DAEMON_TICK_MS;
	d->bell_fd = -1;
	rc = ctx_home(c, &d->home, e);
	if (rc == ERR_OK)
		rc = home_make(d->home, e);
	if (rc == ERR_OK)
		rc = take_lock(d, e);
	if (rc == ERR_OK && chdir("/") != 0)
		rc = err_sys(e, errno, "/");
	bad = rc == ERR_OK ? uv_loop_init(&d->loop) : 0;
	if (bad != 0)
		rc =
		    err_setf(e, ERR_FAILED, "event loop: %s", uv_strerror(bad));
	if (rc != ERR_OK) {
		os_lock_release(&d->lock);
		free(d);
		return rc;
	}
	(void)pthread_mutex_init(&d->view_lock, NULL);
	rc = serve(d, e);
	let_go(d);
	free(d);
	return rc;
}
