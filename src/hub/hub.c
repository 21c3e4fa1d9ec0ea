/* Start and end of a hub. */
#include "hub.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "hub_live.h"
#include "log.h"
#include "proc.h"

enum {
	STOP_MS = 10000,
	CONNECTIONS_MAX = 10240,
	/* Descriptors that are no connections: databases, listeners, those that
	 * were told to close and are not closed yet. */
	FILES_OWN = 256,
	CONNECTIONS_LEAST = 64
};

char *
hub_path(struct arena *a, const char *data, const char *name)
{
	return arena_fmt(a, "%s/%s", data, name);
}

/* Where to listen, taken apart. */
struct listen {
	char *host; /* in the hub's arena */
	uint16_t port;
	bool loopback;
};

static bool
address_is(const char *host, bool *loopback)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1) {
		*loopback = (ntohl(v4.s_addr) >> 24) == 127;
		return true;
	}
	*loopback = inet_pton(AF_INET6, host, &v6) == 1;
	if (!*loopback)
		return false;
	*loopback = IN6_IS_ADDR_LOOPBACK(&v6);
	return true;
}

/* "127.0.0.1:8177", "[::1]:0", "localhost:8177" */
static enum err
listen_parse(struct hub *hub, struct listen *ret, struct err_info *e)
{
	struct str s = str_of(hub->o.listen), host = s;
	size_t colon = s.n;
	uint64_t port;
	bool v6;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	host.n = colon > 0 ? colon - 1 : 0;
	v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	if (v6)
		host = str_n(host.p + 1, host.n - 2);
	if (str_is(host, "localhost"))
		host = STR("127.0.0.1");
	ret->host = arena_dup(&hub->arena, host);
	if (ret->host == NULL)
		return err_set(e, ERR_NOMEM);
	if (!str_u64(str_n(s.p + colon, s.n - colon), &port) ||
	    port > UINT16_MAX || !address_is(ret->host, &ret->loopback) ||
	    v6 != (str_find(host, ':') != SIZE_MAX))
		return err_setf(e, ERR_USAGE,
		    "%s is no ADDRESS:PORT, such as "
		    "127.0.0.1:8177 or [::1]:8177",
		    hub->o.listen);
	ret->port = (uint16_t)port;
	return ERR_OK;
}

static enum err
origins_parse(struct hub *hub, struct err_info *e)
{
	size_t n = hub->o.n_origins;

	hub->origin = arena_array(&hub->arena, n, sizeof *hub->origin);
	if (hub->origin == NULL && n > 0)
		return err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n; i++)
		if (!origin_parse(str_of(hub->o.origin[i]), &hub->origin[i]))
			return err_setf(e, ERR_USAGE,
			    "--origin: %s is no SCHEME://HOST[:PORT], such as "
			    "https://board.example.org",
			    hub->o.origin[i]);
	return ERR_OK;
}

/* What can be said before anything is made or opened. */
static enum err
options_check(struct hub *hub, struct listen *l, struct err_info *e)
{
	const struct hub_options *o = &hub->o;
	bool tls = o->dev_tls || o->cert != NULL;
	enum err rc;

	if ((o->cert == NULL) != (o->key == NULL))
		return err_setf(e, ERR_USAGE,
		    "--tls-cert and --tls-key go together");
	if (o->dev_tls && o->cert != NULL)
		return err_setf(e, ERR_USAGE,
		    "--dev-tls and --tls-cert exclude each other");
	rc = listen_parse(hub, l, e);
	if (rc == ERR_OK && !tls && !o->plain && !l->loopback)
		rc = err_setf(e, ERR_USAGE,
		    "%s is not loopback: give "
		    "--tls-cert and --tls-key, or --plain where a proxy does "
		    "the TLS",
		    l->host);
	return rc == ERR_OK ? origins_parse(hub, e) : rc;
}

static enum err
take_lock(struct hub *hub, struct err_info *e)
{
	char *path = hub_path(&hub->arena, hub->o.data, "hub.lock");
	char text[32];
	int n = snprintf(text, sizeof text, "%d\n", os_pid());
	enum err rc;

	if (path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = os_lock_take(&hub->lock, path, 0, e);
	if (rc == ERR_LOCKED)
		return err_wrap(e, "another hub serves %s", hub->o.data);
	if (rc != ERR_OK)
		return rc;
	return os_lock_record(&hub->lock, str_n(text, n > 0 ? (size_t)n : 0),
	    e);
}

/* OpenSSL does not say what is wrong with a file. */
static enum err
readable(const char *path, struct err_info *e)
{
	if (access(path, R_OK) == 0)
		return ERR_OK;
	(void)err_sys(e, errno, "TLS: %s", path);
	e->code = ERR_CONFIG;
	return e->code;
}

static enum err
open_tls(struct hub *hub, const char **ca, struct err_info *e)
{
	const char *cert = hub->o.cert, *key = hub->o.key;
	bool made;
	enum err rc;

	*ca = NULL;
	if (hub->o.dev_tls) {
		char *folder = hub_path(&hub->arena, hub->o.data, "tls");

		cert = hub_path(&hub->arena, hub->o.data, "tls/cert.pem");
		key = hub_path(&hub->arena, hub->o.data, "tls/key.pem");
		if (folder == NULL || cert == NULL || key == NULL)
			return err_set(e, ERR_NOMEM);
		rc = os_mkdirs(folder, 0700, e);
		if (rc == ERR_OK)
			rc = tls_dev_pair(cert, key, &made, e);
		if (rc != ERR_OK)
			return rc;
		*ca = cert;
	}
	if (cert == NULL)
		return ERR_OK;
	rc = readable(cert, e);
	if (rc == ERR_OK)
		rc = readable(key, e);
	return rc == ERR_OK ? tls_new(&hub->tls, cert, key, e) : rc;
}

/* So many that their descriptors never run out: who comes then gets the place of
 * one that dawdles, and is not turned away. */
static size_t
connections_max(void)
{
	size_t files = os_files_allow(CONNECTIONS_MAX + FILES_OWN);

	return files > FILES_OWN + CONNECTIONS_LEAST ? files - FILES_OWN :
	                                               CONNECTIONS_LEAST;
}

static enum err
listen_on(struct hub *hub, const struct listen *l, struct err_info *e)
{
	const struct http_server_options so = { .handler = hub_handler(hub),
		.connections_max = connections_max(),
		.ping_ms = hub->o.ping_ms };
	uint16_t port = l->port;
	enum err rc = http_server_new(&hub->server, &hub->loop, &so, e);
	int n;

	if (rc == ERR_OK)
		rc = http_server_listen(hub->server, l->host, &port, hub->tls,
		    e);
	if (rc != ERR_OK)
		return rc;
	n = snprintf(hub->url, sizeof hub->url,
	    strchr(l->host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
	    hub->tls ? "https" : "http", l->host, port);
	return n > 0 && (size_t)n < sizeof hub->url ?
	    ERR_OK :
	    err_setf(e, ERR_USAGE, "the address is too long");
}

static void
on_closed(uv_handle_t *h)
{
	(void)h;
}

static void
on_stopped(void *arg)
{
	struct hub *hub = arg;

	hub->stopped = true;
	uv_stop(&hub->loop);
}

static void
on_signal(uv_signal_t *s, int signum)
{
	struct hub *hub = s->data;

	if (hub->stopping)
		return;
	hub->stopping = true;
	log_line(LOG_INFO, "hub", "signal %d: answering what is under way",
	    signum);
	http_server_stop(hub->server, STOP_MS, on_stopped, hub);
}

static enum err
watch_signals(struct hub *hub, struct err_info *e)
{
	struct {
		uv_signal_t *s;
		int n;
	} row[] = { { &hub->term, SIGTERM }, { &hub->intr, SIGINT } };

	(void)signal(SIGPIPE, SIG_IGN);
	/* A file that may not grow is an error of the write, not our end. */
	(void)signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < 2; i++) {
		row[i].s->data = hub;
		if (uv_signal_init(&hub->loop, row[i].s) != 0 ||
		    uv_signal_start(row[i].s, on_signal, row[i].n) != 0)
			return err_setf(e, ERR_FAILED, "cannot watch signals");
	}
	return ERR_OK;
}

/* hub.db and the replica with its threads. */
static enum err
stores_open(struct hub *hub, struct err_info *e)
{
	const struct accounts_options opt = { 0 };
	char *db = hub_path(&hub->arena, hub->o.data, "hub.db");
	enum err rc;

	hub->replica_path = hub_path(&hub->arena, hub->o.data, "replica.db");
	if (db == NULL || hub->replica_path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = accounts_open(&hub->accounts, db, &opt, os_wall_ms(), e);
	if (rc == ERR_OK)
		rc = loop_poster_new(&hub->poster, &hub->loop, e);
	if (rc == ERR_OK)
		rc = live_new(&hub->live, hub, e);
	return rc == ERR_OK ? hub_threads_start(hub, e) : rc;
}

static enum err
hub_open(struct hub *hub, struct err_info *e)
{
	const char *ca = NULL;
	struct listen l = { 0 };
	enum err rc = options_check(hub, &l, e);

	if (rc == ERR_OK)
		rc = os_mkdirs(hub->o.data, 0700, e);
	if (rc == ERR_OK)
		rc = take_lock(hub, e);
	if (rc == ERR_OK)
		rc = hub_restored_whole(hub->o.data, e);
	if (rc == ERR_OK)
		rc = stores_open(hub, e);
	if (rc == ERR_OK)
		rc = open_tls(hub, &ca, e);
	if (rc == ERR_OK)
		rc = watch_signals(hub, e);
	if (rc == ERR_OK)
		rc = listen_on(hub, &l, e);
	if (rc != ERR_OK)
		return rc;
	log_line(LOG_INFO, "hub", "version=%s url=%s data=%s epoch=%s",
	    CLOWDER_VERSION, hub->url, hub->o.data, hub->epoch);
	if (hub->o.ready != NULL)
		hub->o.ready(hub->o.ctx, hub->url, ca);
	return ERR_OK;
}

static void
close_signal(uv_signal_t *s)
{
	if (s->data != NULL && !uv_is_closing((uv_handle_t *)s))
		uv_close((uv_handle_t *)s, on_closed);
}

static void
hub_close(struct hub *hub)
{
	int busy;

	/* Where the start has failed it still holds handles of the loop. */
	if (hub->server != NULL && !hub->stopped)
		http_server_stop(hub->server, 0, on_stopped, hub);
	while (hub->server != NULL && !hub->stopped)
		(void)uv_run(&hub->loop, UV_RUN_DEFAULT);
	hub_threads_stop(hub);
	http_server_free(hub->server);
	loop_poster_close(hub->poster);
	live_free(hub->live);
	close_signal(&hub->term);
	close_signal(&hub->intr);
	(void)uv_run(&hub->loop, UV_RUN_DEFAULT);
	busy = uv_loop_close(&hub->loop);
	assert(busy == 0);
	(void)busy;
	tls_free(hub->tls);
	accounts_close(hub->accounts);
	gzip_fini(&hub->gzip);
	os_lock_release(&hub->lock);
	trouble_fini(&hub->accounts_trouble);
	trouble_fini(&hub->trouble);
	arena_fini(&hub->arena);
}

enum err
hub_serve(const struct hub_options *o, struct err_info *e)
{
	struct hub *hub = mem_zero(sizeof *hub);
	enum err rc;
	int bad;

	if (hub == NULL)
		return err_set(e, ERR_NOMEM);
	hub->o = *o;
	hub->started_mono_ms = os_mono_ms();
	rc = trouble_init(&hub->trouble, e);
	if (rc != ERR_OK) {
		free(hub);
		return rc;
	}
	rc = trouble_init(&hub->accounts_trouble, e);
	if (rc != ERR_OK) {
		trouble_fini(&hub->trouble);
		free(hub);
		return rc;
	}
	bad = fault_tick() ? UV_EMFILE : uv_loop_init(&hub->loop);
	if (bad != 0) {
		trouble_fini(&hub->accounts_trouble);
		trouble_fini(&hub->trouble);
		free(hub);
		return err_setf(e, ERR_FAILED, "event loop: %s",
		    uv_strerror(bad));
	}
	rc = hub_open(hub, e);
	/* The loop is stopped once everything has been answered. */
	while (rc == ERR_OK && !hub->stopped)
		(void)uv_run(&hub->loop, UV_RUN_DEFAULT);
	hub_close(hub);
	if (rc == ERR_OK)
		log_line(LOG_INFO, "hub", "stopped");
	free(hub);
	return rc;
}
