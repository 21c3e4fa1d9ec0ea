/* Health and metrics. */
#include "body.h"
#include "clock.h"
#include "hub_int.h"

void
api_health(struct call *call, struct http_request *req)
{
	struct buf body = { 0 };
	struct health_body h = { .version = STR(CLOWDER_VERSION),
		.epoch = str_of(call->hub->epoch), .protocol = PROTO_VERSION };

	health_encode(&h, &body);
	http_respond_json(req, 200, &body);
	buf_fini(&body);
}

static void
put(struct buf *out, const char *name, const char *type, const char *help,
    unsigned long long v)
{
	buf_addf(out, "# HELP clowder_%s %s\n# TYPE clowder_%s %s\n"
	    "clowder_%s %llu\n", name, help, name, type, name, v);
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
	/* clang-format off: a table is drawn by hand */
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
		{ "commit_microseconds_total", "Time of admission and commit.", &m->commit_us },
		{ "pulls_total",            "Pulls and snapshots answered.", &m->pulls },
		{ "logins_total",           "Sign-ins tried.", &m->logins },
	};
	/* clang-format on */

	http_server_stats(hub->server, &net);
	for (size_t i = 0; i < sizeof counter / sizeof counter[0]; i++)
		put(&out, counter[i].name, "counter", counter[i].help,
		    atomic_load(counter[i].v));
	put(&out, "connections", "gauge", "Open connections.",
	    net.connections);
	put(&out, "held_bytes", "gauge", "Bytes of requests held.",
	    net.held);
	put(&out, "writer_waiting", "gauge", "Jobs that wait for the writer.",
	    pool_waiting(hub->writer));
	put(&out, "reader_waiting", "gauge", "Jobs that wait for the reader.",
	    pool_waiting(hub->reader));
	put(&out, "uptime_seconds", "gauge", "Seconds since the start.",
	    (unsigned long long)(os_wall_ms() - hub->started_ms) / 1000);
	http_respond(req, 200, &field, 1, &out);
	buf_fini(&out);
}
