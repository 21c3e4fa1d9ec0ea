/* The server over loopback, from raw sockets that do what clients do and what
 * they must not do. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "world.h"

#define HOST "Host: h\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static struct world w;
static struct peer a, b, c;

static void
answers(void)
{
	world_open(&w, &(struct http_server_options){ .name = "clowder" },
	    NULL);
	peer_open(&a, &w);
	peer_sendz(&a,
	    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello");
	CHECK_STR(peer_next(&a), "200 hello");
	CHECK_STR(peer_field(&a, "content-length"), "5");
	CHECK_STR(peer_field(&a, "server"), "clowder");
	CHECK_U(peer_field(&a, "date").n, 29);
	CHECK(peer_field(&a, "x-request-id").n > 9);
	CHECK(peer_field(&a, "connection").p == NULL);
	CHECK_STR(buf_str(&w.log), "POST /echo 200 5/5 \n");
	peer_close(&a);
	world_close(&w);
}

static void
writes_fields(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, "GET /fields HTTP/1.1\r\n" HOST "X-B: \xc3\xa4\r\n\r\n");
	CHECK_STR(peer_next(&a), "200 ");
	CHECK_STR(peer_field(&a, "x-a"), "1");
	CHECK_STR(peer_field(&a, "x-b"), "\xc3\xa4");
	CHECK(peer_field(&a, "x-evil").p == NULL);
	CHECK(peer_field(&a, "x-injected").p == NULL);
	CHECK_STR(peer_field(&a, "content-length"), "0");
	peer_close(&a);
	world_close(&w);
}

static void
keeps_connections(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	for (int i = 0; i < 3; i++) {
		peer_sendz(&a, GET("/big?n=3"));
		CHECK_STR(peer_next(&a), "200 xxx");
		peer_sendz(&a, GET("/nothing"));
		CHECK_STR(peer_next(&a),
		    "404 {\"error\":\"not_found\","
		    "\"message\":\"no such route\"}");
		peer_sendz(&a, GET("/none"));
		CHECK_STR(peer_next(&a), "204 ");
		CHECK(peer_field(&a, "content-length").p == NULL);
	}
	CHECK_U(world_stats(&w).accepted, 1);
	CHECK_U(world_stats(&w).requests, 9);
	peer_sendz(&a,
	    "GET /big?n=1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	CHECK_STR(peer_next(&a), "200 x");
	CHECK_STR(peer_field(&a, "connection"), "close");
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	world_close(&w);
}

static void
closes_after_http_1_0(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, "GET /big?n=1 HTTP/1.0\r\n\r\n");
	CHECK_STR(peer_next(&a), "200 x");
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	world_close(&w);
}

static void
answers_head_without_a_body(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a,
	    "HEAD /big?n=12345 HTTP/1.1\r\n" HOST "\r\n" GET("/big?n=2"));
	a.parser.bodiless = true;
	for (a.parser.bodiless = true; a.in.len == 0 && !w.late;)
		world_turn(&w);
	/* peer_next would wait for the body: look at the bytes. */
	WORLD_UNTIL(&w, strstr(a.in.data, "\r\n\r\nxx") != NULL);
	CHECK(strstr(a.in.data, "Content-Length: 12345\r\n") != NULL);
	CHECK(strstr(a.in.data, "\r\n\r\nHTTP/1.1 200 OK\r\n") != NULL);
	peer_close(&a);
	world_close(&w);
}

static void
keeps_the_order_of_pipelined_requests(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a,
	    GET("/later")
	        GET("/big?n=1") "POST /later HTTP/1.1\r\n" HOST
	                        "Content-Length: 3\r\n\r\nabc" GET("/big?n=2"));
	WORLD_UNTIL(&w, w.n_later == 1);
	peer_sendz(&a, GET("/later") GET("/big?n=3")); /* while it is busy */
	CHECK_U(a.in.len, 0);
	CHECK(world_answer(&w, "first"));
	CHECK_STR(peer_next(&a), "200 first");
	CHECK_STR(peer_next(&a), "200 x");
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK_STR(w.later[0]->body, "abc");
	CHECK(world_answer(&w, "second"));
	CHECK_STR(peer_next(&a), "200 second");
	CHECK_STR(peer_next(&a), "200 xx");
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK(world_answer(&w, "third"));
	CHECK_STR(peer_next(&a), "200 third");
	CHECK_STR(peer_next(&a), "200 xxx");
	peer_close(&a);
	world_close(&w);
}

/* Thousands of small requests at once: each answered, none out of order. */
static void
answers_a_flood_of_pipelined_requests(void)
{
	enum { N = 5000 };
	struct buf in = { 0 };

	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	for (int i = 0; i < N; i++)
		buf_addf(&in, "GET /big?n=%d HTTP/1.1\r\n" HOST "\r\n", i % 7);
	peer_send(&a, buf_str(&in));
	for (int i = 0; i < N && !t_failing(); i++) {
		CHECK(str_starts(peer_next(&a), STR("200 ")));
		CHECK_U(a.body.len, i % 7);
	}
	buf_fini(&in);
	peer_close(&a);
	world_close(&w);
}

static void
reads_the_same_however_it_is_cut(void)
{
	const struct str in = STR(
	    GET("/big?n=3") "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: "
	                    "chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
	                    "POST /echo HTTP/1.1\r\n" HOST
	                    "Content-Length: 2\r\n\r\nhi");
	struct t_rng rng = { t_seed() };

	world_open(&w, NULL, NULL);
	for (int run = 0; run < 20 && !t_failing(); run++) {
		t_note("run %d seed %#llx", run, (unsigned long long)t_seed());
		peer_open(&a, &w);
		for (size_t at = 0, n; at < in.n; at += n) {
			n = run == 0 ? 1 :
			               1 + t_below(&rng, 1 + (size_t)run * 4);
			if (n > in.n - at)
				n = in.n - at;
			peer_send(&a, str_n(in.p + at, n));
			(void)uv_run(&w.loop, UV_RUN_NOWAIT);
		}
		CHECK_STR(peer_next(&a), "200 xxx");
		CHECK_STR(peer_next(&a), "200 abcde");
		CHECK_STR(peer_next(&a), "200 hi");
		peer_close(&a);
	}
	world_close(&w);
}

static void
says_continue_where_it_is_expected(void)
{
	static const char post[] =
	    "POST /%s HTTP/1.1\r\n" HOST
	    "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s";
	char text[256];

	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	CHECK(snprintf(text, sizeof text, post, "echo", 2, "") > 0);
	peer_sendz(&a, text);
	CHECK_STR(peer_next(&a), "100 ");
	peer_sendz(&a, "hi");
	CHECK_STR(peer_next(&a), "200 hi");
	/* Not where the body has come with the head. */
	CHECK(snprintf(text, sizeof text, post, "echo", 2, "yo") > 0);
	peer_sendz(&a, text);
	CHECK_STR(peer_next(&a), "200 yo");
	/* Not where it will be refused. */
	CHECK(snprintf(text, sizeof text, post, "small", 5, "") > 0);
	peer_sendz(&a, text);
	CHECK(str_starts(peer_next(&a), STR("413 ")));
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	peer_open(&a, &w);
	CHECK(snprintf(text, sizeof text, post, "deny", 2, "") > 0);
	peer_sendz(&a, text);
	CHECK(str_starts(peer_next(&a), STR("401 ")));
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	world_close(&w);
}

static void
refuses_in_on_head(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/deny")); /* without a body: the connection stays */
	CHECK_STR(peer_next(&a),
	    "401 {\"error\":\"unauthorized\",\"message\":"
	    "\"authentication required\"}");
	peer_sendz(&a, GET("/early"));
	CHECK_STR(peer_next(&a), "200 early");
	peer_sendz(&a,
	    "POST /early HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nhi");
	CHECK_STR(peer_next(&a), "200 early");
	CHECK_STR(peer_field(&a, "connection"), "close");
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	world_close(&w);
}

static const struct {
	const char *name, *in, *out;
} bad[] = {
	{ "garbage", "\x01\x02\r\n\r\n", "400 {\"error\":\"bad_request\"" },
	{ "no Host", "GET / HTTP/1.1\r\n\r\n",
	    "400 {\"error\":\"bad_request\"" },
	{ "two lengths",
	    "POST /echo HTTP/1.1\r\n" HOST
	    "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	    "400 {\"error\":\"bad_request\"" },
	{ "smuggling",
	    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 4\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	    "400 {\"error\":\"bad_request\"" },
	{ "no length", "POST /echo HTTP/1.0\r\n\r\n",
	    "411 {\"error\":\"length_required\"" },
	{ "large",
	    "POST /small HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n12345",
	    "413 {\"error\":\"too_large\"" },
	{ "large chunks",
	    "POST /small HTTP/1.1\r\n" HOST
	    "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n",
	    "413 {\"error\":\"too_large\"" },
	{ "method", "BREW / HTTP/1.1\r\n" HOST "\r\n",
	    "501 {\"error\":\"unsupported\"" },
	{ "version", "GET / HTTP/2.0\r\n" HOST "\r\n",
	    "505 {\"error\":\"http_version_not_supported\"" },
};

static void
answers_what_is_wrong_and_closes(void)
{
	world_open(&w, NULL, NULL);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		t_note("%s", bad[i].name);
		peer_open(&a, &w);
		/* What follows must not be taken for a request. */
		peer_sendz(&a, bad[i].in);
		peer_sendz(&a, GET("/big?n=1"));
		CHECK(str_starts(peer_next(&a), str_of(bad[i].out)));
		CHECK_STR(peer_field(&a, "connection"), "close");
		CHECK_STR(peer_field(&a, "content-type"), "application/json");
		CHECK_STR(peer_next(&a), "closed");
		peer_close(&a);
	}
	world_close(&w);
}

static void
answers_floods(void)
{
	struct buf in = { 0 };

	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	buf_adds(&in, "GET /");
	while (in.len < 100000)
		buf_addc(&in, 'x');
	peer_send(&a, buf_str(&in));
	CHECK(str_starts(peer_next(&a),
	    STR("414 {\"error\":\"uri_too_long\"")));
	peer_close(&a);
	buf_reset(&in);
	buf_adds(&in, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 100000; i++)
		buf_adds(&in, "A: b\r\n");
	peer_open(&a, &w);
	peer_send(&a, buf_str(&in));
	CHECK(str_starts(peer_next(&a),
	    STR("431 {\"error\":\"headers_too_large\"")));
	peer_close(&a);
	buf_fini(&in);
	world_close(&w);
}

static void
takes_bodies_up_to_the_limit(void)
{
	enum { MAX = 8 << 20 };
	struct buf in = { 0 };

	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	buf_addf(&in,
	    "POST /later HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", MAX);
	if (!buf_reserve(&in, MAX))
		abort();
	memset(in.data + in.len, 'y', MAX);
	in.len += MAX;
	peer_send(&a, buf_str(&in));
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK_U(w.later[0]->body.n, MAX);
	CHECK(world_stats(&w).held >= MAX);
	CHECK(world_answer(&w, "ok"));
	CHECK_STR(peer_next(&a), "200 ok");
	CHECK(world_stats(&w).held < 4096);
	/* One more byte is refused by its length, before it comes. */
	buf_reset(&in);
	buf_addf(&in,
	    "POST /later HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
	    MAX + 1);
	peer_send(&a, buf_str(&in));
	CHECK(str_starts(peer_next(&a), STR("413 ")));
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	buf_fini(&in);
	world_close(&w);
}

/* A client that uploads on regardless still reads why it was refused, whether
 * its body came with the head or after the answer. */
static void
lingers_while_the_client_sends_on(void)
{
	struct buf in = { 0 };

	world_open(&w, NULL, NULL);
	buf_adds(&in,
	    "POST /deny HTTP/1.1\r\n" HOST "Content-Length: 4000000\r\n\r\n");
	for (int after = 0; after < 2; after++) {
		size_t head = in.len;

		t_note("after the answer: %d", after);
		while (in.len < 4000000)
			buf_addc(&in, 'z');
		peer_open(&a, &w);
		peer_send(&a, str_n(in.data, after ? head : 1000));
		WORLD_UNTIL(&w, a.in.len > 0);
		peer_send(&a, str_n(in.data + 1000, in.len - 1000));
		CHECK(!a.broken);
		CHECK(str_starts(peer_next(&a), STR("401 ")));
		CHECK_STR(peer_next(&a), "closed");
		peer_close(&a);
		in.len = head;
	}
	buf_fini(&in);
	world_close(&w);
}

static void
sends_big_answers(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/big?n=10000000") GET("/big?n=8193"));
	CHECK(str_starts(peer_next(&a), STR("200 xxx")));
	CHECK_U(a.body.len, 10000000);
	CHECK(str_starts(peer_next(&a), STR("200 xxx")));
	CHECK_U(a.body.len, 8193);
	peer_close(&a);
	world_close(&w);
}

static void
survives_half_requests(void)
{
	static const char *const half[] = { "", "G", "GET / HTTP/1.1\r\nHo",
		"POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
		"POST /echo HTTP/1.1\r\n" HOST
		"Transfer-Encoding: chunked\r\n\r\n9\r\nabc" };

	world_open(&w, NULL, NULL);
	for (size_t i = 0; i < sizeof half / sizeof half[0]; i++) {
		t_note("%s", half[i]);
		peer_open(&a, &w);
		peer_sendz(&a, half[i]);
		(void)shutdown(a.fd, SHUT_WR);
		CHECK_STR(peer_next(&a), "closed");
		peer_close(&a);
		peer_open(&a, &w);
		peer_sendz(&a, half[i]);
		WORLD_UNTIL(&w, world_stats(&w).connections > 0);
		(void)uv_run(&w.loop, UV_RUN_NOWAIT);
		peer_reset(&a);
		WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	}
	CHECK(strstr(w.log.data,
	          "POST /echo 0 3/0 the client closed before its request "
	          "was whole\n") != NULL);
	CHECK(strstr(w.log.data,
	          "POST /echo 0 3/0 the connection was reset\n") != NULL);
	world_close(&w);
}

/* The peer closes its side and still gets its answer. */
static void
answers_after_half_close(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/later"));
	(void)shutdown(a.fd, SHUT_WR);
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK(world_answer(&w, "still"));
	CHECK_STR(peer_next(&a), "200 still");
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	world_close(&w);
}

/* ---- time ------------------------------------------------------------- */

static void
ends_slow_requests(void)
{
	const struct http_server_options o = {
		.head_ms = 30, .body_ms = 30, .idle_ms = 30, .linger_ms = 30
	};
	static const struct {
		const char *in, *out;
	} row[] = {
		{ "", "closed" },
		{ "GET / HT", "408 {\"error\":\"timeout\"" },
		{ "GET / HTTP/1.1\r\nHost: h\r\n",
		    "408 {\"error\":\"timeout\"" },
		{ "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
		    "408 {\"error\":\"timeout\"" },
	};

	world_open(&w, &o, NULL);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].in);
		peer_open(&a, &w);
		peer_sendz(&a, row[i].in);
		CHECK(str_starts(peer_next(&a), str_of(row[i].out)));
		CHECK(a.eof || str_is(peer_next(&a), "closed"));
		/* The peer keeps its side open: the server does not wait. */
		WORLD_UNTIL(&w, world_stats(&w).connections == 0);
		peer_close(&a);
	}
	peer_open(&a, &w); /* idle after a request */
	peer_sendz(&a, GET("/big?n=1"));
	CHECK_STR(peer_next(&a), "200 x");
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	world_close(&w);
}

/* A byte now and then moves no deadline: the answer comes while the peer is
 * still at it. */
static void
trickle(const char *start)
{
	const struct http_server_options o = {
		.head_ms = 40, .body_ms = 40, .linger_ms = 30
	};

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, start);
	for (int i = 0; i < 200 && a.in.len == 0; i++) {
		peer_sendz(&a, "a");
		world_pass(&w, 4);
	}
	CHECK(a.in.len > 0);
	CHECK(str_starts(peer_next(&a), STR("408 ")));
	peer_close(&a);
	world_close(&w);
}

static void
ends_heads_that_trickle(void)
{
	trickle("GET /");
}

static void
ends_bodies_that_trickle(void)
{
	trickle("POST /echo HTTP/1.1\r\n" HOST
	        "Content-Length: 100000\r\n\r\n");
}

/* A big body may take longer than the deadline of a part of it. */
static void
lets_bodies_take_their_time(void)
{
	enum { N = 12 };
	const struct http_server_options o = { .body_ms = 100 };
	char part[HTTP_PROGRESS];
	uint64_t start;

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	CHECK(snprintf(part, sizeof part,
	          "POST /later HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n",
	          N * HTTP_PROGRESS) > 0);
	peer_sendz(&a, part);
	memset(part, 'x', sizeof part);
	start = uv_now(&w.loop);
	for (int i = 0; i < N; i++) {
		world_pass(&w, 10);
		peer_send(&a, str_n(part, sizeof part));
	}
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK(uv_now(&w.loop) - start > o.body_ms);
	CHECK(world_answer(&w, "ok"));
	CHECK_STR(peer_next(&a), "200 ok");
	peer_close(&a);
	world_close(&w);
}

static void
does_not_time_out_handlers(void)
{
	const struct http_server_options o = {
		.head_ms = 20, .body_ms = 20, .idle_ms = 20, .write_ms = 20
	};

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	peer_open(&b, &w);
	peer_sendz(&a, GET("/later"));
	/* b's deadline passes; a's handler may take longer than that. */
	CHECK_STR(peer_next(&b), "closed");
	CHECK(world_answer(&w, "slow"));
	CHECK_STR(peer_next(&a), "200 slow");
	peer_close(&a);
	peer_close(&b);
	world_close(&w);
}

static void
ends_peers_that_do_not_read(void)
{
	const struct http_server_options o = { .write_ms = 30 };

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	peer_deaf(&a);
	peer_sendz(&a, GET("/big?n=30000000"));
	WORLD_UNTIL(&w, world_stats(&w).connections == 1);
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	peer_close(&a);
	world_close(&w);
}

/* ---- room ------------------------------------------------------------- */

/* Who asks for much again and again and reads nothing gets no further: the
 * requests wait, not their answers. */
static void
does_not_pile_up_answers(void)
{
	enum { N = 50, SIZE = 3000000 };
	struct buf in = { 0 };

	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_deaf(&a);
	for (int i = 0; i < N; i++)
		buf_addf(&in, "GET /big?n=%d HTTP/1.1\r\n" HOST "\r\n", SIZE);
	peer_send(&a, buf_str(&in));
	for (int i = 0; i < 100; i++)
		(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	CHECK(world_stats(&w).requests > 0);
	CHECK(world_stats(&w).requests < 10);
	peer_hear(&a);
	for (int i = 0; i < N && !t_failing(); i++) {
		CHECK(str_starts(peer_next(&a), STR("200 ")));
		CHECK_U(a.body.len, SIZE);
	}
	CHECK_U(world_stats(&w).requests, N);
	buf_fini(&in);
	peer_close(&a);
	world_close(&w);
}

/* Hundreds of requests that never become whole cost little, and nobody else
 * notices. */
static void
bears_many_half_requests(void)
{
	enum { N = 200 };
	static struct peer half[N];

	world_open(&w, NULL, NULL);
	for (int i = 0; i < N; i++) {
		peer_open(&half[i], &w);
		peer_sendz(&half[i],
		    i % 2 ? "GET / HT" :
		            "POST /echo HTTP/1.1\r\n" HOST
		            "Content-Length: 8000000\r\n\r\nx");
	}
	WORLD_UNTIL(&w, world_stats(&w).connections == N);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/big?n=3"));
	CHECK_STR(peer_next(&a), "200 xxx");
	CHECK(world_stats(&w).held < N * 1024);
	peer_close(&a);
	for (int i = 0; i < N; i++)
		peer_close(&half[i]);
	world_close(&w);
}

static void
bounds_connections(void)
{
	const struct http_server_options o = { .connections_max = 2 };

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	peer_open(&b, &w);
	peer_sendz(&a, GET("/later"));
	peer_sendz(&b, GET("/later"));
	WORLD_UNTIL(&w, w.n_later == 2);
	peer_open(&c, &w);
	CHECK(str_starts(peer_next(&c), STR("503 {\"error\":\"unavailable\"")));
	CHECK_STR(peer_field(&c, "retry-after"), "1");
	peer_close(&c);
	CHECK_U(world_stats(&w).turned_away, 1);
	/* An idle one makes room: the one that is idle for longest. */
	CHECK(world_answer(&w, "a"));
	CHECK_STR(peer_next(&a), "200 a");
	CHECK(world_answer(&w, "b"));
	CHECK_STR(peer_next(&b), "200 b");
	peer_open(&c, &w);
	peer_sendz(&c, GET("/big?n=1"));
	CHECK_STR(peer_next(&c), "200 x");
	CHECK_STR(peer_next(&a), "closed");
	peer_sendz(&b, GET("/big?n=2"));
	CHECK_STR(peer_next(&b), "200 xx");
	peer_close(&a);
	peer_close(&b);
	peer_close(&c);
	world_close(&w);
}

static void
bounds_what_it_holds(void)
{
	const struct http_server_options o = { .held_max = 100000,
		.retry_after_s = 7 };
	struct buf in = { 0 };

	world_open(&w, &o, NULL);
	buf_adds(&in,
	    "POST /later HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
	while (in.len < 70000)
		buf_addc(&in, 'z');
	peer_open(&a, &w);
	peer_open(&b, &w);
	peer_send(&a, str_n(in.data, 60057));
	WORLD_UNTIL(&w, w.n_later == 1);
	peer_send(&b, str_n(in.data, 60057));
	CHECK(str_starts(peer_next(&b), STR("503 {\"error\":\"unavailable\"")));
	CHECK_STR(peer_field(&b, "retry-after"), "7");
	CHECK(world_stats(&w).held <= 100000);
	peer_close(&b);
	/* Small requests still pass. */
	peer_open(&b, &w);
	peer_sendz(&b, GET("/big?n=1"));
	CHECK_STR(peer_next(&b), "200 x");
	CHECK(world_answer(&w, "a"));
	CHECK_STR(peer_next(&a), "200 a");
	peer_close(&a);
	peer_close(&b);
	buf_fini(&in);
	world_close(&w);
}

/* Who only keeps a place has to give it up to whoever comes: the longest first,
 * and told so where there is somebody to tell. */
static void
takes_the_place_of_who_dawdles(void)
{
	static const struct {
		const char *sent, *said;
	} row[] = {
		{ "", "closed" },
		{ "GET / HT", "503 {\"error\":\"unavailable\"" },
		{ "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc",
		    "503 {\"error\":\"unavailable\"" },
	};
	const struct http_server_options o = { .connections_max = 2 };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].sent);
		world_open(&w, &o, NULL);
		peer_open(&a, &w);
		peer_sendz(&a, row[i].sent);
		WORLD_UNTIL(&w, world_stats(&w).connections == 1);
		world_pass(&w, 5);
		peer_open(&b, &w);
		peer_sendz(&b, "GET /");
		WORLD_UNTIL(&w, world_stats(&w).connections == 2);
		peer_open(&c, &w);
		peer_sendz(&c, GET("/big?n=1"));
		CHECK_STR(peer_next(&c), "200 x");
		CHECK(str_starts(peer_next(&a), str_of(row[i].said)));
		CHECK_U(world_stats(&w).turned_away, 1);
		/* The other one was not meant. */
		peer_sendz(&b, "big?n=2 HTTP/1.1\r\n" HOST "\r\n");
		CHECK_STR(peer_next(&b), "200 xx");
		peer_close(&a);
		peer_close(&b);
		peer_close(&c);
		world_close(&w);
	}
}

/* So does who holds memory with a body that does not come. */
static void
takes_the_memory_of_who_dawdles(void)
{
	const struct http_server_options o = { .held_max = 100000 };
	struct buf in = { 0 };

	world_open(&w, &o, NULL);
	buf_adds(&in,
	    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 60000\r\n\r\n");
	while (in.len < 60056)
		buf_addc(&in, 'z');
	peer_open(&a, &w);
	peer_open(&b, &w);
	peer_send(&a, str_n(in.data, 50000));
	WORLD_UNTIL(&w, world_stats(&w).held > 50000);
	world_pass(&w, 5);
	buf_addc(&in, 'z');
	peer_send(&b, buf_str(&in));
	CHECK(str_starts(peer_next(&b), STR("200 zzz")));
	CHECK(str_starts(peer_next(&a), STR("503 {\"error\":\"unavailable\"")));
	CHECK(world_stats(&w).held <= 100000);
	peer_close(&a);
	peer_close(&b);
	buf_fini(&in);
	world_close(&w);
}

/* Answers that nobody reads make room where it is short, not before. */
static void
drops_what_is_not_read(void)
{
	const struct http_server_options o = { .unread_ms = 20 };
	const size_t much = 20000000;

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	peer_deaf(&a);
	peer_sendz(&a, GET("/big?n=30000000"));
	WORLD_UNTIL(&w, world_stats(&w).unsent > much);
	http_server_drop_unread(w.server, much);
	CHECK(world_stats(&w).unsent > much); /* it was not asked to wait */
	world_pass(&w, 60);
	http_server_drop_unread(w.server, 30000000);
	CHECK(world_stats(&w).unsent > much); /* there is room */
	http_server_drop_unread(w.server, much);
	CHECK_U(world_stats(&w).unsent, 0);
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	peer_close(&a);
	world_close(&w);
}

/* And so do their places: who reads no answers keeps nobody out. */
static void
takes_the_place_of_who_does_not_read(void)
{
	const struct http_server_options o = { .connections_max = 2,
		.unread_ms = 20 };

	world_open(&w, &o, NULL);
	peer_open(&a, &w);
	peer_deaf(&a);
	peer_sendz(&a, GET("/big?n=30000000"));
	WORLD_UNTIL(&w, world_stats(&w).unsent > 20000000);
	peer_open(&b, &w);
	peer_sendz(&b, GET("/later"));
	WORLD_UNTIL(&w, w.n_later == 1);
	world_pass(&w, 60);
	peer_open(&c, &w);
	peer_sendz(&c, GET("/big?n=1"));
	CHECK_STR(peer_next(&c), "200 x");
	CHECK_U(world_stats(&w).unsent, 0);
	CHECK_U(world_stats(&w).turned_away, 1);
	/* Who is at work was not meant. */
	CHECK(world_answer(&w, "b"));
	CHECK_STR(peer_next(&b), "200 b");
	peer_close(&a);
	peer_close(&b);
	peer_close(&c);
	world_close(&w);
}

/* A stranger has one answer, whatever else he has asked already. */
static void
answers_a_stranger_once(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/last") GET("/big?n=1") GET("/big?n=2"));
	CHECK_STR(peer_next(&a), "200 last");
	CHECK_STR(peer_field(&a, "connection"), "close");
	CHECK_STR(peer_next(&a), "closed");
	CHECK_U(world_stats(&w).requests, 1);
	peer_close(&a);
	world_close(&w);
}

static void
survives_want_of_descriptors(void)
{
	struct rlimit was, few;

	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/later"));
	WORLD_UNTIL(&w, w.n_later == 1);
	peer_open(&b, &w);
	CHECK_I(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = (rlim_t)b.fd + 1; /* none is left for b's other end */
	CHECK_I(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK_STR(peer_next(&b), "closed");
	CHECK_U(world_stats(&w).turned_away, 1);
	CHECK(world_answer(&w, "a"));
	CHECK_STR(peer_next(&a), "200 a");
	peer_sendz(&a, GET("/big?n=2"));
	CHECK_STR(peer_next(&a), "200 xx");
	CHECK_I(setrlimit(RLIMIT_NOFILE, &was), 0);
	peer_close(&b);
	/* Who is idle gives way, and who waits is taken in. */
	peer_open(&b, &w);
	CHECK_I(setrlimit(RLIMIT_NOFILE, &few), 0);
	peer_sendz(&b, GET("/big?n=3"));
	CHECK_STR(peer_next(&b), "200 xxx");
	CHECK_STR(peer_next(&a), "closed");
	CHECK_I(setrlimit(RLIMIT_NOFILE, &was), 0);
	CHECK_U(world_stats(&w).turned_away, 1);
	peer_close(&a);
	peer_close(&b);
	world_close(&w);
}

static void
listens_by_address(void)
{
	struct err_info e = { 0 };
	uint16_t port;

	world_open(&w, NULL, NULL);
	port = w.port;
	CHECK_ERR(http_server_listen(w.server, "127.0.0.1", &port, NULL, &e),
	    ERR_EXISTS);
	CHECK_ERR(http_server_listen(w.server, "nowhere", &port, NULL, &e),
	    ERR_USAGE);
	port = 0;
	CHECK_OK(http_server_listen(w.server, "127.0.0.1", &port, NULL, &e),
	    &e);
	CHECK(port != 0 && port != w.port);
	w.port = port;
	peer_open(&a, &w);
	peer_sendz(&a, GET("/later"));
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK_STR(w.later[0]->peer_host, "127.0.0.1");
	CHECK(strncmp(w.later[0]->peer, "127.0.0.1:", 10) == 0);
	peer_close(&a);
	world_close(&w);
}

/* ---- stopping --------------------------------------------------------- */

static bool stop_done;

static void
on_stop_done(void *arg)
{
	(void)arg;
	stop_done = true;
}

static void
world_end_stopped(void)
{
	WORLD_UNTIL(&w, stop_done);
	CHECK_U(world_stats(&w).held, 0);
	http_server_free(w.server);
	w.server = NULL;
	world_close(&w);
}

static void
lets_handlers_answer_clients_that_are_gone(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/later") GET("/big?n=1"));
	WORLD_UNTIL(&w, w.n_later == 1);
	peer_reset(&a);
	CHECK(world_answer(&w, "too late"));
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	/* The same where the connection is gone before the answer. */
	peer_open(&a, &w);
	peer_sendz(&a, GET("/later"));
	WORLD_UNTIL(&w, w.n_later == 1);
	stop_done = false;
	http_server_stop(w.server, 0, on_stop_done, NULL);
	CHECK_STR(peer_next(&a), "closed");
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	CHECK_STR(w.later[0]->path, "/later"); /* still valid */
	CHECK_STR(http_header(w.later[0], "host"), "h");
	CHECK(!stop_done);
	CHECK(world_answer(&w, "too late"));
	peer_close(&a);
	world_end_stopped();
}

static void
stops_after_answering(void)
{
	struct http_server *s;

	stop_done = false;
	world_open(&w, NULL, NULL);
	s = w.server;
	peer_open(&a, &w); /* its handler works */
	peer_open(&b, &w); /* idle */
	peer_open(&c, &w); /* half of its request is there */
	peer_sendz(&a, GET("/later"));
	peer_sendz(&c,
	    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n");
	WORLD_UNTIL(&w, w.n_later == 1 && world_stats(&w).requests == 2);
	http_server_stop(s, 10000, on_stop_done, NULL);
	CHECK_STR(peer_next(&b), "closed");
	CHECK(!stop_done);
	peer_sendz(&c, "hi");
	CHECK_STR(peer_next(&c), "200 hi");
	CHECK_STR(peer_field(&c, "connection"), "close");
	CHECK_STR(peer_next(&c), "closed");
	CHECK(world_answer(&w, "last"));
	CHECK_STR(peer_next(&a), "200 last");
	CHECK_STR(peer_next(&a), "closed");
	peer_close(&a);
	peer_close(&b);
	peer_close(&c);
	world_end_stopped();
}

static void
stops_at_the_deadline(void)
{
	stop_done = false;
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_open(&b, &w);
	peer_sendz(&a, GET("/later"));
	peer_sendz(&b, "GET / HTTP");
	WORLD_UNTIL(&w, w.n_later == 1);
	http_server_stop(w.server, 20, on_stop_done, NULL);
	CHECK(str_is(peer_next(&b), "closed") || b.reset);
	CHECK(!stop_done); /* a request is not answered yet */
	CHECK(world_answer(&w, "too late"));
	CHECK(strstr(w.log.data, "GET /later 0 0/0 the client is gone\n") !=
	    NULL);
	peer_close(&a);
	peer_close(&b);
	world_end_stopped();
}

/* ---- upgraded connections --------------------------------------------- */

static void
gives_connections_away(void)
{
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/big?n=1") GET("/raw") "behind");
	CHECK_STR(peer_next(&a), "200 x");
	CHECK_STR(peer_next(&a), "101 ");
	WORLD_UNTIL(&w, str_is(buf_str(&a.in), "behind"));
	peer_sendz(&a, "GET / HTTP/1.1\r\n\r\n");
	WORLD_UNTIL(&w, str_is(buf_str(&a.in), "behindGET / HTTP/1.1\r\n\r\n"));
	CHECK_U(world_stats(&w).connections, 1);
	CHECK_U(world_stats(&w).held, 0);
	peer_sendz(&a, "bye");
	WORLD_UNTIL(&w, a.eof);
	CHECK(str_ends(buf_str(&a.in), STR("bye")));
	WORLD_UNTIL(&w, w.raw_closed);
	CHECK_I(w.raw_end, CONN_CLOSED);
	peer_close(&a);
	world_close(&w);
}

static void
tells_given_connections_to_stop(void)
{
	stop_done = false;
	world_open(&w, NULL, NULL);
	peer_open(&a, &w);
	peer_sendz(&a, GET("/raw"));
	CHECK_STR(peer_next(&a), "101 ");
	http_server_stop(w.server, 10000, on_stop_done, NULL);
	CHECK(w.raw_stop);
	WORLD_UNTIL(&w, a.eof);
	CHECK_STR(buf_str(&a.in), "stopping");
	peer_close(&a);
	world_end_stopped();
}

/* ---- faults ----------------------------------------------------------- */

/* Some requests and their answers; the n-th call that can fail does.  The peer
 * gets a whole answer or an end, the server lives on, and nothing leaks (the
 * sanitizer sees).  The fault may hit the peer's own buffers: then it gives up,
 * which is one more way to end. */
static void
walk_requests(void)
{
	peer_sendz(&a,
	    "POST /echo HTTP/1.1\r\n" HOST
	    "Content-Length: 3\r\n\r\nabc" GET("/later") GET("/big?n=100000"));
	while (a.body.len < 100000 && !a.in.failed && !a.body.failed) {
		struct str said = peer_next(&a);

		if (!str_starts(said, STR("200 ")))
			break;
		WORLD_UNTIL(&w,
		    w.n_later == 1 || a.body.len != 3 || a.eof || a.reset ||
		        a.in.failed);
		(void)world_answer(&w, "x");
	}
}

static void
walk_one(int n, bool *hit)
{
	struct err_info e = { 0 };
	enum err rc;

	fault_arm(n);
	rc = world_try_open(&w, NULL, NULL, &e);
	if (rc == ERR_OK) {
		peer_open(&a, &w);
		walk_requests();
		*hit = fault_hit();
		fault_arm(-1);
		CHECK(*hit || a.body.len == 100000);
		peer_close(&a);
		peer_open(&a, &w);
		peer_sendz(&a, GET("/big?n=3"));
		CHECK_STR(peer_next(&a), "200 xxx");
		peer_close(&a);
	} else {
		*hit = fault_hit();
		fault_arm(-1);
		CHECK(*hit);
	}
	world_close(&w);
}

static void
survives_every_fault(void)
{
	bool hit = true;
	int n = 0;

	for (; hit && !t_failing(); n++) {
		t_note("fault point %d", n);
		walk_one(n, &hit);
	}
	printf("# walked %d fault points\n", n - 1);
	CHECK(n > 15);
}

int
main(void)
{
	T_RUN(answers);
	T_RUN(writes_fields);
	T_RUN(keeps_connections);
	T_RUN(closes_after_http_1_0);
	T_RUN(answers_head_without_a_body);
	T_RUN(keeps_the_order_of_pipelined_requests);
	T_RUN(answers_a_flood_of_pipelined_requests);
	T_RUN(reads_the_same_however_it_is_cut);
	T_RUN(says_continue_where_it_is_expected);
	T_RUN(refuses_in_on_head);
	T_RUN(answers_what_is_wrong_and_closes);
	T_RUN(answers_floods);
	T_RUN(takes_bodies_up_to_the_limit);
	T_RUN(lingers_while_the_client_sends_on);
	T_RUN(sends_big_answers);
	T_RUN(survives_half_requests);
	T_RUN(answers_after_half_close);
	T_RUN(lets_handlers_answer_clients_that_are_gone);
	T_RUN(ends_slow_requests);
	T_RUN(ends_heads_that_trickle);
	T_RUN(ends_bodies_that_trickle);
	T_RUN(lets_bodies_take_their_time);
	T_RUN(does_not_time_out_handlers);
	T_RUN(ends_peers_that_do_not_read);
	T_RUN(does_not_pile_up_answers);
	T_RUN(bears_many_half_requests);
	T_RUN(bounds_connections);
	T_RUN(bounds_what_it_holds);
	T_RUN(takes_the_place_of_who_dawdles);
	T_RUN(takes_the_memory_of_who_dawdles);
	T_RUN(drops_what_is_not_read);
	T_RUN(takes_the_place_of_who_does_not_read);
	T_RUN(answers_a_stranger_once);
	T_RUN(survives_want_of_descriptors);
	T_RUN(listens_by_address);
	T_RUN(stops_after_answering);
	T_RUN(stops_at_the_deadline);
	T_RUN(gives_connections_away);
	T_RUN(tells_given_connections_to_stop);
	T_RUN(survives_every_fault);
	return t_done();
}
