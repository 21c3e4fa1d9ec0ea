/* Start and end of a hub. */
#include "hub.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "hub_int.h"
#include "log.h"
#include "proc.h"

enum { STOP_MS = 10000 };

char *
hub_path(struct arena *a, const char *data, const char *name)
{
	return arena_fmt(a, "%s/%s", data, name);
}

/* "127.0.0.1:8177", "[::1]:0" to host and port. */
static enum err
parse_listen(struct arena *a, const char *text, char **host, uint16_t *port,
    struct err_info *e)
{
	struct str s = str_of(text);
	size_t colon = s.n;
	uint64_t p;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon < 2 || !str_u64(str_n(s.p + colon, s.n - colon), &p) ||
	    p > UINT16_MAX)
		return err_setf(e, ERR_USAGE, "%s is no ADDRESS:PORT, such as "
		    "127.0.0.1:8177 or [::1]:8177", text);
	s.n = colon - 1;
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = str_n(s.p + 1, s.n - 2);
	*host = arena_dup(a, s);
	*port = (uint16_t)p;
	return *host ? ERR_OK : err_set(e, ERR_NOMEM);
}

static bool
is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static enum err
take_lock(struct hub *hub, struct err_info *e)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
	enum err rc = os_lock_take(&hub->lock,
	    hub_path(&hub->arena, hub->o.data, "hub.lock"), 0, e);

	if (rc == ERR_LOCKED)
		return err_wrap(e, "another hub serves %s", hub->o.data);
	if (rc != ERR_OK)
		return rc;
	return os_lock_record(&hub->lock,
	    str_n(text, n > 0 ? (size_t)n : 0), e);
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
	if ((cert == NULL) != (key == NULL))
		return err_setf(e, ERR_USAGE,
		    "--tls-cert and --tls-key go together");
	return cert ? tls_new(&hub->tls, cert, key, e) : ERR_OK;
}

static enum err
listen_on(struct hub *hub, struct err_info *e)
{
	struct http_server_options so = { .handler = hub_handler(hub),
		.body_max = 0 };
	uint16_t port;
	char *host;
	enum err rc = parse_listen(&hub->arena, hub->o.listen, &host, &port, e);
	int n;

	if (rc != ERR_OK)
		return rc;
	if (hub->tls == NULL && !hub->o.plain && !is_loopback(host))
		return err_setf(e, ERR_USAGE, "%s is not loopback: give "
		    "--tls-cert and --tls-key, or --plain where a proxy does "
		    "the TLS", host);
	rc = http_server_new(&hub->server, &hub->loop, &so, e);
	if (rc == ERR_OK)
		rc = http_server_listen(hub->server, host, &port, hub->tls, e);
	if (rc != ERR_OK)
		return rc;
	n = snprintf(hub->url, sizeof hub->url,
	    strchr(host, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
	    hub->tls ? "https" : "http", host, port);
	return n > 0 && (size_t)n < sizeof hub->url
	    ? ERR_OK : err_setf(e, ERR_USAGE, "the address is too long");
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

	hub->serving = false;
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
	struct { uv_signal_t *s; int n; } row[] = { { &hub->term, SIGTERM },
		{ &hub->intr, SIGINT } };

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < 2; i++) {
		row[i].s->data = hub;
		if (uv_signal_init(&hub->loop, row[i].s) != 0 ||
		    uv_signal_start(row[i].s, on_signal, row[i].n) != 0)
			return err_setf(e, ERR_FAILED, "cannot watch signals");
	}
	return ERR_OK;
}

static enum err
hub_open(struct hub *hub, struct err_info *e)
{
	const struct accounts_options opt = { 0 };
	char *db = hub_path(&hub->arena, hub->o.data, "hub.db");
	const char *ca;
	enum err rc;

	hub->replica_path = hub_path(&hub->arena, hub->o.data, "replica.db");
	if (db == NULL || hub->replica_path == NULL)
		return err_set(e, ERR_NOMEM);
	rc = os_mkdirs(hub->o.data, 0700, e);
	if (rc == ERR_OK)
		rc = take_lock(hub, e);
	if (rc == ERR_OK)
		rc = accounts_open(&hub->accounts, db, &opt, os_wall_ms(), e);
	if (rc == ERR_OK)
		rc = loop_poster_new(&hub->poster, &hub->loop, e);
	if (rc == ERR_OK)
		rc = hub_threads_start(hub, e);
	if (rc == ERR_OK)
		rc = open_tls(hub, &ca, e);
	if (rc == ERR_OK)
		rc = watch_signals(hub, e);
	if (rc == ERR_OK)
		rc = listen_on(hub, e);
	if (rc == ERR_OK && hub->o.ready != NULL)
		hub->o.ready(hub->o.ctx, hub->url, ca);
	return rc;
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
	hub_threads_stop(hub);
	http_server_free(hub->server);
	loop_poster_close(hub->poster);
	close_signal(&hub->term);
	close_signal(&hub->intr);
	(void)uv_run(&hub->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&hub->loop);
	tls_free(hub->tls);
	accounts_close(hub->accounts);
	gzip_fini(&hub->gzip);
	os_lock_release(&hub->lock);
	arena_fini(&hub->arena);
}

enum err
hub_serve(const struct hub_options *o, struct err_info *e)
{
	struct hub *hub = mem_zero(sizeof *hub);
	enum err rc;

	if (hub == NULL)
		return err_set(e, ERR_NOMEM);
	hub->o = *o;
	hub->started_ms = os_wall_ms();
	if (uv_loop_init(&hub->loop) != 0) {
		free(hub);
		return err_setf(e, ERR_FAILED, "cannot make an event loop");
	}
	rc = hub_open(hub, e);
	if (rc == ERR_OK) {
		hub->serving = true;
		/* uv_stop is asked for once everything has been answered. */
		while (hub->serving)
			(void)uv_run(&hub->loop, UV_RUN_DEFAULT);
		log_line(LOG_INFO, "hub", "stopped");
	}
	hub_close(hub);
	free(hub);
	return rc;
}
