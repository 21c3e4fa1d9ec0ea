/* Health and metrics. */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "hub_live.h"
#include "proto.h"
#include "when.h"

/* --- health -----------------------------------------------------------------------
 *
 * Answered by the loop alone, so also while the storage is in trouble; then the
 * writer (a worker, for the accounts) is asked to try a transaction, so that the
 * next look sees whether it still is. */

struct probe {
	union { /* first: for the writer, or for a worker */
		struct write_job write;
		struct slow_job slow;
	};
	struct hub *hub;
	bool *under_way;
};

/* Something that has to reach the disk: where nothing changed a commit writes
 * nothing. */
static enum err
probe_write(struct hub_writer *w, struct write_job *job, struct err_info *e)
{
	char now[24];
	int n = snprintf(now, sizeof now, "%lld", (long long)os_wall_ms());

	(void)job;
	return store_note_put(w->store, STR("hub.probe"),
	    str_n(now, n > 0 ? (size_t)n : 0), e);
}

static void
probe_accounts(struct hub *hub, struct slow_job *job)
{
	job->job.rc = accounts_writable(hub->accounts, &job->job.e);
	trouble_judge(&hub->accounts_trouble, "accounts", job->job.rc,
	    &job->job.e);
}

static void
probe_done(struct pool_job *job)
{
	struct probe *p = (struct probe *)(void *)job;

	*p->under_way = false;
	free(p);
}

static void
probe(struct hub *hub, bool accounts)
{
	bool *under_way = accounts ? &hub->accounts_probing : &hub->probing;
	struct pool *pool = accounts ? hub->worker : hub->writer;
	struct err_info ignored = { 0 };
	struct pool_job *job;
	struct probe *p;

	if (*under_way)
		return;
	p = mem_zero(sizeof *p);
	if (p == NULL)
		return;
	p->hub = hub;
	p->under_way = under_way;
	if (accounts)
		p->slow.run = probe_accounts;
	else
		p->write.write = probe_write;
	job = accounts ? &p->slow.job : &p->write.job;
	job->done = probe_done;
	job->weight = 1;
	*under_way = pool_push(pool, job, &ignored) == ERR_OK;
	if (!*under_way)
		free(p);
}

static void
put_problem(struct json_writer *w, const char *of, const struct err_info *e,
    int64_t since_ms)
{
	json_key(w, "problem"), json_obj(w);
	json_key(w, "of"), json_put_z(w, of);
	json_key(w, "code"), json_put_z(w, err_wire(e->code));
	/* Anybody may ask: the log has the rest. */
	json_key(w, "message"), json_put_z(w, err_text(e->code));
	json_key(w, "since"), when_put(w, since_ms);
	json_end(w);
}

void
api_health(struct call *call, struct http_request *req)
{
	struct hub *hub = call->hub;
	struct buf body = { 0 };
	struct json_writer w = { .out = &body };
	struct err_info e, why[2];
	int64_t since_ms[2];
	bool log = trouble_get(&hub->trouble, &why[0], &since_ms[0]) == ERR_OK;
	bool accounts = trouble_get(&hub->accounts_trouble, &why[1],
	                    &since_ms[1]) == ERR_OK;
	bool ok = log && accounts;

	json_obj(&w);
	json_key(&w, "status");
	json_put_z(&w, hub->stopping ? "stopping" : ok ? "ok" : "degraded");
	json_key(&w, "version"), json_put_z(&w, CLOWDER_VERSION);
	json_key(&w, "protocol_version"), json_put_u(&w, PROTO_VERSION);
	json_key(&w, "epoch"), json_put_z(&w, hub->epoch);
	if (!ok)
		put_problem(&w, log ? "accounts" : "log", &why[log],
		    since_ms[log]);
	json_end(&w);
	if (!log)
		probe(hub, false);
	if (!accounts)
		probe(hub, true);
	if (buf_ok(&body, &e) == ERR_OK)
		http_respond_json(req, 200, &body);
	else
		call_error(req, &e);
	buf_fini(&body);
}

/* --- metrics ---------------------------------------------------------------------- */

static void
put(struct buf *out, const char *name, const char *type, const char *help,
    unsigned long long v)
{
	buf_addf(out,
	    "# HELP clowder_%s %s\n# TYPE clowder_%s %s\n"
	    "clowder_%s %llu\n",
	    name, help, name, type, name, v);
}

void
api_metrics(struct call *call, struct http_request *req)
{
	const struct http1_field field = { STR("Content-Type"),
		STR("text/plain; version=0.0.4; charset=utf-8") };
	struct hub *hub = call->hub;
	struct hub_metrics *m = &hub->metrics;
	struct http_server_stats net;
	struct buf out = { 0 };
	struct err_info e;
	int64_t since_ms;
	/* clang-format off */
	const struct {
		const char *name, *help;
		atomic_ullong *v;
	} counter[] = {
		{ "requests_total",         "Requests answered.", &m->requests },
		{ "requests_refused_total", "Requests answered with 4xx or 5xx.", &m->refused_requests },
		{ "request_body_bytes_total",  "Bytes of request bodies.", &m->bytes_in },
		{ "response_body_bytes_total", "Bytes of response bodies.", &m->bytes_out },
		{ "request_microseconds_total", "Time spent on requests.", &m->request_us },
		{ "batches_total",          "Batches committed.", &m->batches },
		{ "events_new_total",       "Events appended.", &m->events_new },
		{ "events_duplicate_total", "Events that were known.", &m->events_duplicate },
		{ "events_rejected_total",  "Events refused.", &m->events_rejected },
		{ "commits_total",          "Commits of the log.", &m->commits },
		{ "commits_failed_total",   "Transactions that were undone.", &m->commits_failed },
		{ "commit_microseconds_total", "Time of admission and commit.", &m->commit_us },
		{ "checkpoints_total",      "Times the write-ahead log was moved.", &m->checkpoints },
		{ "checkpoint_microseconds_total", "Time of it.", &m->checkpoint_us },
		{ "pulls_total",            "Pulls answered.", &m->pulls },
		{ "snapshots_total",        "Snapshots answered.", &m->snapshots },
		{ "logins_total",           "Sign-ins tried.", &m->logins },
	};
	/* clang-format on */

	http_server_stats(hub->server, &net);
	bool fails = trouble_get(&hub->trouble, &e, &since_ms) != ERR_OK;
	fails |= trouble_get(&hub->accounts_trouble, &e, &since_ms) != ERR_OK;
	/* clang-format off */
	const struct {
		const char *name, *help;
		unsigned long long v;
	} gauge[] = {
		{ "connections",     "Open connections.", net.connections },
		{ "live_connections", "Of them, those that listen to a team.", live_members(hub->live) },
		{ "presence_bytes",  "Bytes of reported sessions that are held.", live_presence_bytes(hub->live) },
		{ "request_held_bytes", "Bytes of requests that are held.", net.held },
		{ "decoded_held_bytes", "Bytes of decoded batches that are held.", atomic_load(&hub->held) },
		{ "answer_unsent_bytes", "Bytes of answers that are not sent yet.", net.unsent },
		{ "decoder_waiting", "Jobs that wait for a decoder.", pool_waiting(hub->decoder) },
		{ "writer_waiting",  "Jobs that wait for the writer.", pool_waiting(hub->writer) },
		{ "reader_waiting",  "Jobs that wait for the reader.", pool_waiting(hub->reader) },
		{ "worker_waiting",  "Jobs that wait for a worker.", pool_waiting(hub->worker) },
		{ "wal_bytes",       "Bytes of the write-ahead log when it was last moved.", atomic_load(&m->wal_bytes) },
		{ "storage_failing", "1 while writing fails.", fails },
		{ "uptime_seconds",  "Seconds since the start.",
		  (unsigned long long)(os_mono_ms() - hub->started_mono_ms) / 1000 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof counter / sizeof counter[0]; i++)
		put(&out, counter[i].name, "counter", counter[i].help,
		    atomic_load(counter[i].v));
	for (size_t i = 0; i < sizeof gauge / sizeof gauge[0]; i++)
		put(&out, gauge[i].name, "gauge", gauge[i].help, gauge[i].v);
	if (out.failed) {
		(void)buf_ok(&out, &e);
		call_error(req, &e);
		buf_fini(&out);
		return;
	}
	http_respond(req, 200, &field, 1, &out);
	buf_fini(&out);
}
