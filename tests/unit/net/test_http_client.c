/* The blocking client against our own server, which runs in a thread and also
 * plays the bad ones: what it sends after http_detach is up to the test. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "curl_lib.h"
#include "fault.h"
#include "gzip.h"
#include "http_client.h"
#include "http_server.h"
#include "post.h"
#include "sock.h"
#include "t.h"

/* ---- the server ------------------------------------------------------- */

static struct hub {
	pthread_t thread;
	uv_loop_t loop;
	struct http_server *server;
	struct loop_poster *poster;
	uint16_t port, tls_port;
	struct gzip gzip;
} hub;

static char cert[512];

/* An answer that is not made by the server: the path's number chooses it. */
static const char *const canned[] = {
	"",
	"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
	"HTTP/1.1 200 OK\r\nContent-Type: appl",
	"SSH-2.0-OpenSSH_9.2\r\n\r\n",
	"HTTP/1.1 200 OK\r\n\r\nuntil the end",
	"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\n"
	"no gzip",
	"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: "
	"2\r\n\r\nxx",
	"HTTP/1.1 503 Busy\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 429 Slow\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	"Retry-After: Sun, 06 Nov 1994 08:49:47 GMT\r\nContent-Length: "
	"0\r\n\r\n",
	"HTTP/1.1 103 Hints\r\nX-A: interim\r\n\r\n"
	"HTTP/1.1 200 OK\r\nX-B: final\r\nContent-Length: 2\r\n\r\nhi",
	"HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	"HTTP/1.1 200 OK\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n",
};
enum {
	NOTHING,
	CUT,
	CUT_HEAD,
	CUT_FIELD,
	NOT_HTTP,
	UNTIL_END,
	NOT_GZIP,
	BROTLI,
	BUSY,
	SLOW_DOWN,
	INTERIM,
	REDIRECT,
	BAD_CHUNK,
	BAD_RETRY
};

static void
raw_data(void *ctx, struct str in)
{
	(void)ctx, (void)in;
}

static void
raw_close(void *ctx, enum conn_end why)
{
	(void)ctx, (void)why;
}

static const struct conn_ops raw_ops = { .on_data = raw_data,
	.on_close = raw_close };

static void
do_canned(struct http_request *req)
{
	struct buf rest = { 0 };
	struct conn *conn;
	struct str n;
	uint64_t i;

	if (!http_query(req, "i", &n) || !str_u64(n, &i))
		abort();
	conn = http_detach(req, 0, &raw_ops, NULL, &rest);
	buf_fini(&rest);
	if (conn == NULL)
		return;
	conn_send_str(conn, str_of(canned[i]));
	conn_close(conn, false);
}

static void
do_stall(struct http_request *req)
{
	struct buf rest = { 0 };

	(void)http_detach(req, 0, &raw_ops, NULL, &rest);
	buf_fini(&rest);
}

/* A head of a megabyte. */
static void
do_flood(struct http_request *req)
{
	struct buf rest = { 0 }, out = { 0 };
	struct conn *conn = http_detach(req, 0, &raw_ops, NULL, &rest);

	buf_fini(&rest);
	buf_adds(&out, "HTTP/1.1 200 OK\r\n");
	while (out.len < 1000000)
		buf_adds(&out,
		    "X-A: 0123456789012345678901234567890123456789\r\n");
	buf_adds(&out, "Content-Length: 0\r\n\r\n");
	if (conn != NULL) {
		conn_send(conn, &out);
		conn_close(conn, false);
	}
	buf_fini(&out);
}

/* What the server has seen of the request, as text. */
static void
do_echo(struct http_request *req)
{
	struct http_server_stats st;
	struct buf out = { 0 }, plain = { 0 };
	struct err_info e = { 0 };
	struct str body = req->body;

	if (str_is(http_header(req, "content-encoding"), "gzip")) {
		if (gzip_inflate(&hub.gzip, body, 32 << 20, &plain, &e) !=
		    ERR_OK)
			abort();
		body = buf_str(&plain);
	}
	http_server_stats(hub.server, &st);
	buf_addf(&out, "%.*s %.*s %llu type=%.*s auth=%.*s empty=%zu|",
	    STR_ARG(req->head->method_text), STR_ARG(req->path),
	    (unsigned long long)st.accepted,
	    STR_ARG(http_header(req, "content-type")),
	    STR_ARG(http_header(req, "authorization")),
	    http1_field_count(req->head, "x-empty"));
	buf_addstr(&out, body);
	buf_fini(&plain);
	http_respond(req, 200, NULL, 0, &out);
}

static uint64_t
number(struct http_request *req)
{
	struct str n;
	uint64_t v;

	if (!http_query(req, "n", &n) || !str_u64(n, &v))
		abort();
	return v;
}

static void
do_zeros(struct http_request *req)
{
	static const struct http1_field gzip = { { "Content-Encoding", 16 },
		{ "gzip", 4 } };
	struct buf plain = { 0 }, out = { 0 };
	struct err_info e = { 0 };
	uint64_t n = number(req);

	if (!buf_reserve(&plain, n))
		abort();
	memset(plain.data, '0', n);
	plain.len = n;
	if (str_is(req->path, "/zeros")) {
		http_respond(req, 200, NULL, 0, &plain);
		return;
	}
	if (gzip_deflate(&hub.gzip, buf_str(&plain), 6, &out, &e) != ERR_OK)
		abort();
	buf_fini(&plain);
	http_respond(req, 200, &gzip, 1, &out);
}

static void
on_request(void *ctx, struct http_request *req)
{
	(void)ctx;
	if (str_is(req->path, "/canned"))
		do_canned(req);
	else if (str_is(req->path, "/stall"))
		do_stall(req);
	else if (str_is(req->path, "/flood"))
		do_flood(req);
	else if (str_is(req->path, "/zeros") || str_is(req->path, "/gzip"))
		do_zeros(req);
	else
		do_echo(req);
}

static void
on_stopped(void *arg)
{
	(void)arg;
	http_server_free(hub.server);
	loop_poster_close(hub.poster);
}

static void
stop(void *arg)
{
	(void)arg;
	http_server_stop(hub.server, 0, on_stopped, NULL);
}

static void *
hub_run(void *arg)
{
	(void)arg;
	(void)uv_run(&hub.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&hub.loop) != 0)
		abort();
	gzip_fini(&hub.gzip);
	return NULL;
}

static struct tls *
hub_tls(void)
{
	struct err_info e = { 0 };
	struct tls *tls = NULL;
	char key[512];
	bool made;

	if (snprintf(cert, sizeof cert, "%s/dev.crt", t_tmp()) < 0 ||
	    snprintf(key, sizeof key, "%s/dev.key", t_tmp()) < 0 ||
	    tls_dev_pair(cert, key, &made, &e) != ERR_OK ||
	    tls_new(&tls, cert, key, &e) != ERR_OK)
		abort();
	return tls;
}

static void
hub_start(struct tls *tls)
{
	const struct http_server_options o = { .handler = {
		                                   .on_request = on_request } };
	struct err_info e = { 0 };

	if (uv_loop_init(&hub.loop) != 0 ||
	    http_server_new(&hub.server, &hub.loop, &o, &e) != ERR_OK ||
	    http_server_listen(hub.server, "127.0.0.1", &hub.port, NULL, &e) !=
	        ERR_OK ||
	    http_server_listen(hub.server, "127.0.0.1", &hub.tls_port, tls,
	        &e) != ERR_OK ||
	    loop_poster_new(&hub.poster, &hub.loop, &e) != ERR_OK ||
	    pthread_create(&hub.thread, NULL, hub_run, NULL) != 0)
		abort();
}

static void
hub_stop(void)
{
	struct err_info e = { 0 };

	if (loop_post(hub.poster, stop, NULL, &e) != ERR_OK ||
	    pthread_join(hub.thread, NULL) != 0)
		abort();
}

/* ---- the client ------------------------------------------------------- */

static struct http_client *client;
static struct http_answer answer;
static char url[256];

static const char *
at(const char *path)
{
	if (snprintf(url, sizeof url, "http://127.0.0.1:%u%s", hub.port, path) <
	    0)
		abort();
	return url;
}

static const char *
canned_at(int i)
{
	if (snprintf(url, sizeof url, "http://127.0.0.1:%u/canned?i=%d",
	        hub.port, i) < 0)
		abort();
	return url;
}

static void
open_client(const struct http_client_options *o)
{
	struct err_info e = { 0 };
	const struct http_client_options none = { 0 };

	if (!CHECK_OK(http_client_new(&client, o ? o : &none, &e), &e))
		exit(1);
}

static void
close_client(void)
{
	http_answer_fini(&answer);
	http_client_free(client);
}

static enum err
get(const char *address, struct err_info *e)
{
	const struct http_call call = { .method = "GET", .url = address };

	return http_client_call(client, &call, &answer, e);
}

static void
calls(void)
{
	static const struct {
		const char *method, *body, *seen;
	} row[] = {
		{ "GET", NULL, "GET /echo" },
		{ "POST", "hello", "POST /echo" },
		{ "POST", "", "POST /echo" },
		{ "POST", NULL, "POST /echo" },
		{ "PUT", "hello", "PUT /echo" },
		{ "PATCH", "hello", "PATCH /echo" },
		{ "DELETE", NULL, "DELETE /echo" },
		{ "DELETE", "hello", "DELETE /echo" },
	};
	const struct http1_field field[] = {
		{ STR("Authorization"), STR("Bearer abc") },
		{ STR("Content-Type"), STR("application/json") },
		{ STR("X-Empty"), STR("") },
	};

	open_client(NULL);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct http_call call = { .method = row[i].method,
			.url = at("/echo"),
			.body = str_of(row[i].body) };
		struct err_info e = { 0 };
		char want[128];

		t_note("%s", row[i].method);
		CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
		CHECK_U(answer.status, 200);
		CHECK(str_starts(buf_str(&answer.body), str_of(row[i].seen)));
		CHECK(strstr(answer.body.data, "type= auth= empty=0|") != NULL);
		call.field = field;
		call.fields = 3;
		CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
		CHECK(snprintf(want, sizeof want,
		          "type=application/json auth=Bearer abc empty=1|%s",
		          row[i].body ? row[i].body : "") > 0);
		CHECK(str_ends(buf_str(&answer.body), str_of(want)));
	}
	close_client();
}

static void
reads_only_the_head_of_head(void)
{
	const struct http_call call = { .method = "HEAD", .url = at("/echo") };
	struct err_info e = { 0 };

	open_client(NULL);
	CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
	CHECK_U(answer.status, 200);
	CHECK_U(answer.body.len, 0);
	CHECK(http_answer_field(&answer, "content-length").n > 1);
	close_client();
}

static void
keeps_its_connection(void)
{
	struct err_info e = { 0 };
	struct buf first = { 0 };

	open_client(NULL);
	CHECK_OK(get(at("/echo"), &e), &e);
	buf_addstr(&first, buf_str(&answer.body));
	for (int i = 0; i < 5; i++) {
		CHECK_OK(get(at("/echo"), &e), &e);
		CHECK_EQ(buf_str(&answer.body), buf_str(&first));
	}
	/* Lost in between: a new one, and the caller does not notice. */
	CHECK_ERR(get(canned_at(NOTHING), &e), ERR_UNREACHABLE);
	CHECK_OK(get(at("/echo"), &e), &e);
	CHECK(!str_eq(buf_str(&answer.body), buf_str(&first)));
	buf_fini(&first);
	close_client();
}

static void
deflates_what_it_sends(void)
{
	struct buf body = { 0 };
	struct http_call call = {
		.method = "POST", .url = at("/echo"), .gzip = true
	};
	struct err_info e = { 0 };

	open_client(NULL);
	for (int i = 0; i < 200000; i++)
		buf_addf(&body, "%d,", i % 1000);
	call.body = buf_str(&body);
	CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
	CHECK(str_ends(buf_str(&answer.body), buf_str(&body)));
	buf_fini(&body);
	close_client();
}

/* Over a megabyte curl asks first (Expect: 100-continue). */
static void
sends_large_bodies(void)
{
	struct buf body = { 0 };
	struct http_call call = { .method = "POST", .url = at("/echo") };
	struct err_info e = { 0 };

	open_client(NULL);
	while (body.len < 5000000)
		buf_addc(&body, (char)('a' + body.len % 25));
	call.body = buf_str(&body);
	CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
	CHECK(str_ends(buf_str(&answer.body), buf_str(&body)));
	buf_reset(&body); /* 9 MB: the server refuses it at the head */
	while (body.len < 9000000)
		buf_addc(&body, 'x');
	call.body = buf_str(&body);
	CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
	CHECK_U(answer.status, 413);
	buf_fini(&body);
	close_client();
}

static void
bounds_answers(void)
{
	const struct http_client_options o = { .answer_max = 100000 };
	struct http_call call = { .method = "GET" };
	struct err_info e = { 0 };

	open_client(&o);
	CHECK_OK(get(at("/zeros?n=100000"), &e), &e);
	CHECK_U(answer.body.len, 100000);
	CHECK_ERR(get(at("/zeros?n=100001"), &e), ERR_TOO_LARGE);
	CHECK_U(answer.body.len, 0);
	CHECK_OK(get(at("/gzip?n=100000"), &e), &e);
	CHECK_U(answer.body.len, 100000);
	CHECK_ERR(get(at("/gzip?n=100001"), &e), ERR_TOO_LARGE);
	call.url = at("/zeros?n=11");
	call.answer_max = 10;
	CHECK_ERR(http_client_call(client, &call, &answer, &e), ERR_TOO_LARGE);
	CHECK_STR(str_of(e.text), "the answer is over 10 bytes");
	CHECK_ERR(get(at("/flood"), &e), ERR_PROTOCOL);
	close_client();
	open_client(NULL);
	CHECK_ERR(get(at("/gzip?n=30000000"), &e), ERR_TOO_LARGE); /* a bomb */
	close_client();
}

static void
reads_what_the_server_says(void)
{
	struct err_info e = { 0 };

	open_client(NULL);
	CHECK_OK(get(canned_at(BUSY), &e), &e);
	CHECK_U(answer.status, 503);
	CHECK_I(answer.retry_after_s, 17);
	CHECK_I(answer.date_s, -1);
	CHECK_OK(get(canned_at(SLOW_DOWN), &e), &e);
	CHECK_U(answer.status, 429);
	CHECK_I(answer.retry_after_s, 10);
	CHECK_I(answer.date_s, 784111777);
	CHECK_OK(get(canned_at(BAD_RETRY), &e), &e);
	CHECK_I(answer.retry_after_s, -1);
	CHECK_OK(get(canned_at(INTERIM), &e), &e);
	CHECK_STR(http_answer_field(&answer, "X-B"), "final");
	CHECK(http_answer_field(&answer, "X-A").p == NULL);
	CHECK_STR(buf_str(&answer.body), "hi");
	CHECK_OK(get(canned_at(UNTIL_END), &e), &e);
	CHECK_STR(buf_str(&answer.body), "until the end");
	CHECK(answer.content_type.p == NULL);
	CHECK_OK(get(canned_at(REDIRECT), &e), &e); /* is not followed */
	CHECK_U(answer.status, 302);
	close_client();
}

static void
names_what_went_wrong(void)
{
	char dead[64], bare[64];
	uint16_t port = 0;
	struct err_info e = { 0 };
	int fd;

	if (sock_listen("127.0.0.1", &port, &fd, &e) != ERR_OK)
		abort();
	close(fd); /* now nobody listens there */
	CHECK(snprintf(dead, sizeof dead, "http://127.0.0.1:%u/", port) > 0);
	CHECK(snprintf(bare, sizeof bare, "127.0.0.1:%u: connection refused",
	          port) > 0);
	open_client(NULL);
	CHECK_ERR(get(dead, &e), ERR_UNREACHABLE);
	CHECK_STR(str_of(e.text), bare);
	CHECK_ERR(get(canned_at(NOTHING), &e), ERR_UNREACHABLE);
	CHECK_ERR(get(canned_at(CUT), &e), ERR_UNREACHABLE);
	CHECK(strstr(e.text, "lost inside the answer") != NULL);
	CHECK_ERR(get(canned_at(CUT_HEAD), &e), ERR_UNREACHABLE);
	CHECK(strstr(e.text, "lost inside the answer's head") != NULL);
	CHECK_ERR(get(canned_at(CUT_FIELD), &e), ERR_UNREACHABLE);
	CHECK(strstr(e.text, "lost inside the answer's head") != NULL);
	CHECK_ERR(get(canned_at(NOT_HTTP), &e), ERR_PROTOCOL);
	CHECK_ERR(get(canned_at(NOT_GZIP), &e), ERR_PROTOCOL);
	CHECK_ERR(get(canned_at(BROTLI), &e), ERR_PROTOCOL);
	CHECK_ERR(get(canned_at(BAD_CHUNK), &e), ERR_UNREACHABLE);
	/* A label that is too long is not found without asking anybody. */
	CHECK_ERR(get("http://"
	              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	              "aaaaaaaaaaaaaaaa.invalid/",
	              &e),
	    ERR_UNREACHABLE);
	CHECK(str_ends(str_of(e.text), STR(": host not found")));
	close_client();
}

static void
refuses_bad_calls(void)
{
	static const char *const bad[] = { "", "hub.example",
		"ftp://127.0.0.1/", "file:///etc/passwd", "http://",
		"http:///x", "http://user:secret@127.0.0.1/",
		"http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y",
		"http://127.0.0.1:99999/" };
	const struct http1_field evil[] = { { STR("X"), STR("a\r\nY: b") },
		{ STR("X: y\r\nZ"), STR("a") } };
	struct http_call call = {
		.method = "GET", .url = at("/echo"), .fields = 1
	};
	struct err_info e = { 0 };

	open_client(NULL);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		t_note("%s", bad[i]);
		CHECK_ERR(get(bad[i], &e), ERR_USAGE);
		CHECK(strstr(e.text, "secret") == NULL);
	}
	for (size_t i = 0; i < 2; i++) {
		call.field = &evil[i];
		CHECK_ERR(http_client_call(client, &call, &answer, &e),
		    ERR_USAGE);
	}
	close_client();
}

static void
gives_up_in_time(void)
{
	struct http_call call = {
		.method = "GET", .url = at("/stall"), .timeout_ms = 60
	};
	struct err_info e = { 0 };

	open_client(NULL);
	CHECK_ERR(http_client_call(client, &call, &answer, &e), ERR_TIMEOUT);
	close_client();
}

static atomic_bool abort_flag;

static void
abort_now(void *ctx, uint64_t sent, uint64_t to_send, uint64_t got,
    uint64_t to_get)
{
	(void)ctx, (void)sent, (void)to_send, (void)got, (void)to_get;
	atomic_store(&abort_flag, true);
}

static void
can_be_interrupted(void)
{
	const struct http_client_options o = { .abort = &abort_flag };
	struct http_call call = {
		.method = "GET", .url = at("/stall"), .progress = abort_now
	};
	struct err_info e = { 0 };

	open_client(&o);
	CHECK_ERR(http_client_call(client, &call, &answer, &e),
	    ERR_INTERRUPTED);
	CHECK_ERR(get(at("/echo"), &e), ERR_INTERRUPTED); /* not even begun */
	atomic_store(&abort_flag, false);
	CHECK_OK(get(at("/echo"), &e), &e);
	close_client();
}

struct seen {
	uint64_t sent, to_send, got, to_get;
};

static void
see(void *ctx, uint64_t sent, uint64_t to_send, uint64_t got, uint64_t to_get)
{
	struct seen *s = ctx;

	*s = (struct seen){ sent, to_send, got, to_get };
}

static void
tells_its_progress(void)
{
	struct seen seen = { 0 };
	struct http_call call = { .method = "POST",
		.url = at("/zeros?n=500000"),
		.body = STR("hello"),
		.progress = see,
		.progress_ctx = &seen };
	struct err_info e = { 0 };

	open_client(NULL);
	CHECK_OK(http_client_call(client, &call, &answer, &e), &e);
	CHECK_U(seen.sent, 5);
	CHECK_U(seen.to_send, 5);
	CHECK_U(seen.got, 500000);
	CHECK_U(seen.to_get, 500000);
	close_client();
}

static void
verifies_certificates(void)
{
	const struct http_client_options o = { .ca_file = cert },
	                                 bad = { .ca_file =
		                                     "/nonexistent.crt" };
	char tls[64], named[64], wrong[64], plain[64];
	struct err_info e = { 0 };

	CHECK(snprintf(tls, sizeof tls, "https://127.0.0.1:%u/echo",
	          hub.tls_port) > 0);
	CHECK(snprintf(named, sizeof named, "HTTPS://localhost:%u/echo",
	          hub.tls_port) > 0);
	CHECK(snprintf(wrong, sizeof wrong, "https://127.0.0.1:%u/echo",
	          hub.port) > 0);
	CHECK(snprintf(plain, sizeof plain, "http://127.0.0.1:%u/echo",
	          hub.tls_port) > 0);
	open_client(&o);
	CHECK_OK(get(tls, &e), &e);
	CHECK(str_starts(buf_str(&answer.body), STR("GET /echo")));
	CHECK_OK(get(named, &e), &e);
	CHECK_ERR(get(wrong, &e), ERR_TLS); /* no TLS there */
	CHECK_ERR(get(plain, &e), ERR_UNREACHABLE);
	close_client();
	open_client(NULL);
	CHECK_ERR(get(tls, &e), ERR_TLS);
	CHECK(strstr(e.text, "certificate") != NULL);
	close_client();
	open_client(&bad);
	CHECK_ERR(get(tls, &e), ERR_TLS);
	close_client();
}

static void
goes_through_proxies(void)
{
	struct err_info e = { 0 };
	char proxy[64];

	CHECK(snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", hub.port) >
	    0);
	CHECK_I(setenv("http_proxy", proxy, 1), 0);
	open_client(NULL);
	CHECK_OK(get("http://hub.invalid/echo/through", &e), &e);
	CHECK(str_starts(buf_str(&answer.body), STR("GET /echo/through ")));
	close_client();
	CHECK_I(unsetenv("http_proxy"), 0);
}

/* In a child, as the library is looked for once. */
static void
says_what_to_install_without_libcurl(void)
{
	struct err_info e = { 0 };
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		enum err rc;

		curl_lib_name = "libnowhere.so.4";
		open_client(NULL);
		rc = get("http://127.0.0.1:1/", &e);
		http_client_free(client);
		_exit(rc == ERR_UNSUPPORTED &&
		            strstr(e.text, "libnowhere.so.4") != NULL &&
		            strstr(e.text, "libcurl4") != NULL ?
		        0 :
		        1);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_I(status, 0);
}

static void
survives_every_fault(void)
{
	const struct http1_field field = { STR("A"), STR("b") };
	bool hit = true;
	int n = 0;

	for (; hit && !t_failing(); n++) {
		struct http_call call = { .method = "POST",
			.url = at("/gzip?n=50000"),
			.field = &field,
			.fields = 1,
			.body = STR("hello"),
			.gzip = true };
		const struct http_client_options o = { 0 };
		struct err_info e = { 0 };
		enum err rc;

		t_note("fault point %d", n);
		client = NULL;
		fault_arm(n);
		rc = http_client_new(&client, &o, &e);
		if (rc == ERR_OK)
			rc = http_client_call(client, &call, &answer, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		CHECK(rc == ERR_OK || rc == ERR_NOMEM || rc == ERR_UNREACHABLE);
		CHECK(rc != ERR_OK || answer.body.len == 50000);
		if (client != NULL && rc != ERR_OK) /* it works again */
			CHECK_OK(http_client_call(client, &call, &answer, &e),
			    &e);
		close_client();
	}
	printf("# walked %d fault points\n", n - 1);
	CHECK(n > 12);
}

int
main(void)
{
	struct tls *tls;

	/* Proxies of the machine that runs this are not ours. */
	static const char *const proxies[] = { "http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
		"NO_PROXY" };

	for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++)
		(void)unsetenv(proxies[i]);
	T_RUN(says_what_to_install_without_libcurl); /* before any thread */
	tls = hub_tls();
	hub_start(tls);
	T_RUN(calls);
	T_RUN(reads_only_the_head_of_head);
	T_RUN(keeps_its_connection);
	T_RUN(deflates_what_it_sends);
	T_RUN(sends_large_bodies);
	T_RUN(bounds_answers);
	T_RUN(reads_what_the_server_says);
	T_RUN(names_what_went_wrong);
	T_RUN(refuses_bad_calls);
	T_RUN(gives_up_in_time);
	T_RUN(can_be_interrupted);
	T_RUN(tells_its_progress);
	T_RUN(verifies_certificates);
	T_RUN(goes_through_proxies);
	T_RUN(survives_every_fault);
	hub_stop();
	tls_free(tls);
	return t_done();
}
