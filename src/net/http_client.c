/* One curl handle per client: it keeps the connections.  A call sets every
 * option anew (curl_easy_reset), so none leaks into the next.
 *
 * Path: options -> perform -> head and body collected under their limits ->
 * inflated -> answer.  Fails: the URL, before anything is sent; the network, by
 * the table of curl's codes; the answer, by its limits. */
#include "http_client.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "clock.h"
#include "curl_lib.h"
#include "fault.h"
#include "gzip.h"
#include "sock.h"

enum {
	CONNECT_MS = 10000,
	TIMEOUT_MS = 60000,
	ANSWER_MAX = 64 << 20,
	HEAD_BYTES_MAX = 65536,
	CURL_BUFFER = 131072
};

struct http_client {
	struct http_client_options o;
	const struct curl_lib *lib; /* borrow; NULL before the first call */
	CURL *curl;                 /* own */
	struct gzip gzip;
	char curl_text[CURL_ERROR_SIZE];
};

/* One call under way. */
struct transfer {
	struct http_client *c;        /* borrow */
	const struct http_call *call; /* borrow */
	struct curl_slist *fields;    /* own */
	struct buf deflated;          /* the body, where it is to be */
	struct str body;              /* what is sent */
	struct buf head;              /* lines of the answer's last head */
	struct buf raw;               /* its body as it came */
	size_t answer_max;
	uint32_t timeout_ms;
	struct str host; /* of the URL, for messages */
	/* Why a callback ended the transfer; ERR_OK: none did. */
	struct err_info stopped;
};

/* ---- life ------------------------------------------------------------- */

#define DEFAULT(member, value) ((member) = (member) ? (member) : (value))

enum err
http_client_new(struct http_client **ret, const struct http_client_options *o,
    struct err_info *e)
{
	struct http_client *c = mem_zero(sizeof *c);

	if (c == NULL)
		return err_set(e, ERR_NOMEM);
	c->o = *o;
	DEFAULT(c->o.user_agent, "clowder/" CLOWDER_VERSION);
	DEFAULT(c->o.connect_ms, CONNECT_MS);
	DEFAULT(c->o.timeout_ms, TIMEOUT_MS);
	DEFAULT(c->o.answer_max, ANSWER_MAX);
	sock_ignore_sigpipe();
	*ret = c;
	return ERR_OK;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	if (c->curl != NULL)
		c->lib->curl_easy_cleanup_(c->curl);
	gzip_fini(&c->gzip);
	free(c);
}

void
http_answer_fini(struct http_answer *a)
{
	buf_fini(&a->body);
	arena_fini(&a->arena);
	*a = (struct http_answer){ 0 };
}

/* ---- the request ------------------------------------------------------ */

/* Scheme and authority; curl checks the rest.  The host, for messages. */
static enum err
url_check(const char *url, struct str *host, struct err_info *e)
{
	struct str s = str_of(url);
	size_t n = 0;

	if (strncasecmp(url, "http://", 7) == 0)
		s = str_n(url + 7, s.n - 7);
	else if (strncasecmp(url, "https://", 8) == 0)
		s = str_n(url + 8, s.n - 8);
	else
		return err_setf(e, ERR_USAGE,
		    "the server's address must begin with http:// or https://");
	while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	*host = str_n(s.p, n);
	if (str_find(*host, '@') != SIZE_MAX) {
		*host = (struct str){ 0 };
		return err_setf(e, ERR_USAGE,
		    "the server's address must not hold a user name");
	}
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return err_setf(e, ERR_USAGE,
			    "the server's address has a space or control "
			    "character in it");
	if (n == 0)
		return err_setf(e, ERR_USAGE,
		    "the server's address names no host");
	return ERR_OK;
}

static enum err
add_line(struct transfer *t, const char *line, struct err_info *e)
{
	struct curl_slist *list = fault_tick() ?
	    NULL :
	    t->c->lib->curl_slist_append_(t->fields, line);

	if (list == NULL)
		return err_set(e, ERR_NOMEM);
	t->fields = list;
	return ERR_OK;
}

static enum err
add_field(struct transfer *t, struct http1_field f, struct err_info *e)
{
	struct buf line = { 0 };
	enum err rc;

	if (!http1_put_field(&line, f.name, f.value)) {
		rc = err_setf(e, ERR_USAGE,
		    "header field %.*s has a control character in it",
		    STR_ARG(f.name));
	} else if ((rc = buf_ok(&line, e)) == ERR_OK) {
		line.data[line.len - 2] = '\0'; /* curl ends lines itself */
		/* curl's way to send a field without a value */
		if (f.value.n == 0)
			line.data[f.name.n] = ';',
			line.data[f.name.n + 1] = '\0';
		rc = add_line(t, line.data, e);
	}
	buf_fini(&line);
	return rc;
}

static bool
call_has(const struct http_call *call, const char *name)
{
	struct http1_head h = { .field = call->field, .fields = call->fields };

	return http1_field_count(&h, name) > 0;
}

static enum err
add_fields(struct transfer *t, struct err_info *e)
{
	const struct http_call *call = t->call;
	enum err rc = ERR_OK;

	for (size_t i = 0; i < call->fields && rc == ERR_OK; i++)
		rc = add_field(t, call->field[i], e);
	if (rc == ERR_OK && !call_has(call, "accept-encoding"))
		rc = add_line(t, "Accept-Encoding: gzip", e);
	if (rc == ERR_OK && call->gzip)
		rc = add_line(t, "Content-Encoding: gzip", e);
	/* Else curl calls every body a form. */
	if (rc == ERR_OK && !call_has(call, "content-type"))
		rc = add_line(t, "Content-Type:", e);
	return rc;
}

static enum err
make_body(struct transfer *t, struct err_info *e)
{
	enum err rc;

	t->body = t->call->body;
	if (!t->call->gzip || t->body.p == NULL)
		return ERR_OK;
	rc = gzip_deflate(&t->c->gzip, t->body, GZIP_LEVEL, &t->deflated, e);
	t->body = buf_str(&t->deflated);
	return rc;
}

/* ---- what curl calls -------------------------------------------------- */

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	n *= size;
	if (n > t->answer_max - t->raw.len) {
		err_setf(&t->stopped, ERR_TOO_LARGE,
		    "the answer is over %zu bytes", t->answer_max);
		return 0;
	}
	buf_add(&t->raw, p, n);
	return buf_ok(&t->raw, &t->stopped) == ERR_OK ? n : 0;
}

static size_t
on_head_line(char *p, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	n *= size;
	/* A status line begins another head: the one before was interim. */
	if (str_starts(str_n(p, n), STR("HTTP/")))
		buf_reset(&t->head);
	if (n > HEAD_BYTES_MAX - t->head.len) {
		err_setf(&t->stopped, ERR_PROTOCOL,
		    "the head of the answer is over %d bytes", HEAD_BYTES_MAX);
		return 0;
	}
	buf_add(&t->head, p, n);
	return buf_ok(&t->head, &t->stopped) == ERR_OK ? n : 0;
}

static bool
is_aborted(const struct http_client *c)
{
	return c->o.abort != NULL && atomic_load(c->o.abort);
}

static int
on_progress(void *ctx, curl_off_t to_get, curl_off_t got, curl_off_t to_send,
    curl_off_t sent)
{
	struct transfer *t = ctx;

	if (is_aborted(t->c)) {
		err_set(&t->stopped, ERR_INTERRUPTED);
		return 1;
	}
	if (t->call->progress != NULL)
		t->call->progress(t->call->progress_ctx, (uint64_t)sent,
		    (uint64_t)to_send, (uint64_t)got, (uint64_t)to_get);
	return 0;
}

/* ---- options ---------------------------------------------------------- */

/* Each can fail for want of memory; asked once, at the end. */
#define SET(option, value) \
	(bad |= \
	    lib->curl_easy_setopt_(h, CURLOPT_##option, (value)) != CURLE_OK)

static bool
set_method(const struct transfer *t)
{
	const struct curl_lib *lib = t->c->lib;
	const char *method = t->call->method;
	CURL *h = t->c->curl;
	bool bad = false;

	if (strcmp(method, "HEAD") == 0) {
		SET(NOBODY, 1L);
	} else if (t->body.p != NULL || strcmp(method, "POST") == 0) {
		SET(POST, 1L);
		SET(POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
		SET(POSTFIELDS, t->body.n > 0 ? t->body.p : "");
		if (strcmp(method, "POST") != 0)
			SET(CUSTOMREQUEST, method);
	} else {
		SET(HTTPGET, 1L);
		if (strcmp(method, "GET") != 0)
			SET(CUSTOMREQUEST, method);
	}
	return bad;
}

static bool
set_limits(struct transfer *t)
{
	const struct curl_lib *lib = t->c->lib;
	CURL *h = t->c->curl;
	bool bad = false;

	SET(CONNECTTIMEOUT_MS, (long)t->c->o.connect_ms);
	SET(TIMEOUT_MS, (long)t->timeout_ms);
	SET(FOLLOWLOCATION, 0L);
	SET(PROTOCOLS_STR, "http,https");
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(SSL_VERIFYPEER, 1L);
	SET(SSL_VERIFYHOST, 2L);
	/* Our fields (Authorization) are for the server, not for a proxy. */
	SET(HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(SUPPRESS_CONNECT_HEADERS, 1L);
	SET(NOSIGNAL, 1L); /* signals are the program's */
	SET(BUFFERSIZE, (long)CURL_BUFFER);
	SET(UPLOAD_BUFFERSIZE, (long)CURL_BUFFER);
	if (t->c->o.ca_file != NULL)
		SET(CAINFO, t->c->o.ca_file);
	return bad;
}

static bool
set_callbacks(struct transfer *t)
{
	const struct curl_lib *lib = t->c->lib;
	CURL *h = t->c->curl;
	bool bad = false;

	SET(ERRORBUFFER, t->c->curl_text);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, t);
	SET(HEADERFUNCTION, on_head_line);
	SET(HEADERDATA, t);
	SET(XFERINFOFUNCTION, on_progress);
	SET(XFERINFODATA, t);
	SET(NOPROGRESS, 0L);
	return bad;
}

static enum err
set_all(struct transfer *t, struct err_info *e)
{
	const struct curl_lib *lib = t->c->lib;
	CURL *h = t->c->curl;
	bool bad = false;

	lib->curl_easy_reset_(h);
	t->c->curl_text[0] = '\0';
	SET(URL, t->call->url);
	SET(USERAGENT, t->c->o.user_agent);
	SET(HTTPHEADER, t->fields);
	bad |= set_method(t);
	bad |= set_limits(t);
	bad |= set_callbacks(t);
	return bad ? err_setf(e, ERR_NOMEM, "libcurl refused an option") :
	             ERR_OK;
}

/* ---- what went wrong -------------------------------------------------- */

static const struct {
	CURLcode code;
	enum err err;
	const char *text; /* NULL: curl's own */
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_UNREACHABLE, "host not found" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_UNREACHABLE, "proxy not found" },
	{ CURLE_COULDNT_CONNECT, ERR_UNREACHABLE, NULL },
	{ CURLE_PROXY, ERR_UNREACHABLE, NULL },
	{ CURLE_SEND_ERROR, ERR_UNREACHABLE, "the connection was lost" },
	{ CURLE_RECV_ERROR, ERR_UNREACHABLE, "the connection was lost" },
	{ CURLE_GOT_NOTHING, ERR_UNREACHABLE,
	    "the connection was closed without an answer" },
	{ CURLE_PARTIAL_FILE, ERR_UNREACHABLE,
	    "the connection was lost inside the answer" },
	{ CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT, NULL },
	{ CURLE_SSL_CONNECT_ERROR, ERR_TLS, NULL },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_TLS, NULL },
	{ CURLE_SSL_CACERT_BADFILE, ERR_TLS, NULL },
	{ CURLE_SSL_CERTPROBLEM, ERR_TLS, NULL },
	{ CURLE_SSL_CIPHER, ERR_TLS, NULL },
	{ CURLE_SSL_ENGINE_NOTFOUND, ERR_TLS, NULL },
	{ CURLE_SSL_ISSUER_ERROR, ERR_TLS, NULL },
	{ CURLE_SSL_SHUTDOWN_FAILED, ERR_TLS, NULL },
	{ CURLE_URL_MALFORMAT, ERR_USAGE, "not a valid address" },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_PROTOCOL, "the answer is not HTTP" },
	{ CURLE_WEIRD_SERVER_REPLY, ERR_PROTOCOL, "the answer is not HTTP" },
	{ CURLE_BAD_CONTENT_ENCODING, ERR_PROTOCOL, NULL },
	{ CURLE_OUT_OF_MEMORY, ERR_NOMEM, "out of memory" },
	{ CURLE_ABORTED_BY_CALLBACK, ERR_INTERRUPTED, "interrupted" },
};

/* What curl says may quote what the peer sent. */
static void
make_printable(char *z)
{
	for (; *z != '\0'; z++)
		if ((unsigned char)*z < ' ' || *z == 0x7f)
			*z = '?';
}

static const char *
curl_says(struct http_client *c, CURLcode code)
{
	long os_errno = 0;

	if (code == CURLE_COULDNT_CONNECT &&
	    c->lib->curl_easy_getinfo_(c->curl, CURLINFO_OS_ERRNO, &os_errno) ==
	        CURLE_OK &&
	    os_errno == ECONNREFUSED)
		return "connection refused";
	if (code == CURLE_COULDNT_CONNECT && os_errno != 0)
		return strerror((int)os_errno);
	make_printable(c->curl_text);
	return c->curl_text[0] != '\0' ? c->curl_text :
	                                 c->lib->curl_easy_strerror_(code);
}

static enum err
failed(struct transfer *t, CURLcode code, struct err_info *e)
{
	const char *text = NULL;
	enum err err = ERR_FAILED;

	if (t->stopped.code != ERR_OK) {
		*e = t->stopped;
		return e->code;
	}
	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (failures[i].code == code) {
			err = failures[i].err;
			text = failures[i].text;
		}
	if (err == ERR_TIMEOUT)
		return err_setf(e, err, "no answer from %.*s in time",
		    STR_ARG(t->host));
	return err_setf(e, err, "%.*s: %s", STR_ARG(t->host),
	    text ? text : curl_says(t->c, code));
}

/* ---- the answer ------------------------------------------------------- */

/* "Name: value" lines behind the status line, to fields in the arena. */
static enum err
take_fields(struct transfer *t, struct http_answer *ret, struct err_info *e)
{
	struct str rest = arena_str(&ret->arena, buf_str(&t->head)), line, name;
	struct http1_field *field;
	size_t n = 0;

	for (size_t i = 0; i < t->head.len; i++)
		n += t->head.data[i] == '\n';
	field = arena_array(&ret->arena, n, sizeof *field);
	if (rest.p == NULL || field == NULL)
		return err_set(e, ERR_NOMEM);
	ret->field = field;
	(void)str_split(&rest, '\n', &line); /* the status line */
	while (str_split(&rest, '\n', &line)) {
		if (str_find(line, ':') == SIZE_MAX ||
		    !str_split(&line, ':', &name))
			continue;
		*field++ = (struct http1_field){ name, str_trim(line) };
		ret->fields++;
	}
	return ERR_OK;
}

struct str
http_answer_field(const struct http_answer *a, const char *name)
{
	struct http1_head h = { .field = a->field, .fields = a->fields };

	return http1_field_get(&h, name);
}

static void
take_known_fields(struct http_answer *ret)
{
	struct str after = http_answer_field(ret, "retry-after");
	int64_t now_s = os_wall_ms() / 1000, at_s;
	uint64_t seconds;

	ret->content_type = http_answer_field(ret, "content-type");
	ret->retry_after_s = ret->date_s = -1;
	if (http1_date_parse(http_answer_field(ret, "date"), &at_s))
		ret->date_s = now_s = at_s; /* its clock is the one it means */
	if (str_u64(after, &seconds) && seconds <= INT32_MAX)
		ret->retry_after_s = (int64_t)seconds;
	else if (http1_date_parse(after, &at_s))
		ret->retry_after_s = at_s > now_s ? at_s - now_s : 0;
}

static enum err
take_body(struct transfer *t, struct http_answer *ret, struct err_info *e)
{
	struct str coding = http_answer_field(ret, "content-encoding");
	enum err rc;

	if (coding.n == 0 || str_eq_nocase(coding, STR("identity")) ||
	    t->raw.len == 0) {
		ret->body = t->raw;
		t->raw = (struct buf){ 0 };
		return ERR_OK;
	}
	if (!str_eq_nocase(coding, STR("gzip")) &&
	    !str_eq_nocase(coding, STR("x-gzip")))
		return err_setf(e, ERR_PROTOCOL,
		    "the answer has a content coding that was not asked for");
	rc = gzip_inflate(&t->c->gzip, buf_str(&t->raw), t->answer_max,
	    &ret->body, e);
	if (rc == ERR_BAD_REQUEST)
		rc = err_setf(e, ERR_PROTOCOL, "the answer is not valid gzip");
	return rc;
}

/* libcurl takes a head that breaks off for a whole one. */
static bool
head_is_whole(const struct buf *head)
{
	struct str h = buf_str(head);

	return str_ends(h, STR("\r\n\r\n")) || str_ends(h, STR("\n\n"));
}

static enum err
take_answer(struct transfer *t, struct http_answer *ret, struct err_info *e)
{
	long status = 0;
	enum err rc;

	if (!head_is_whole(&t->head))
		return err_setf(e, ERR_UNREACHABLE,
		    "%.*s: the connection was lost inside the answer's head",
		    STR_ARG(t->host));
	if (t->c->lib->curl_easy_getinfo_(t->c->curl, CURLINFO_RESPONSE_CODE,
	        &status) != CURLE_OK ||
	    status < 100 || status > 599)
		return err_setf(e, ERR_PROTOCOL, "the answer has no status");
	ret->status = (int)status;
	rc = take_fields(t, ret, e);
	if (rc != ERR_OK)
		return rc;
	take_known_fields(ret);
	return take_body(t, ret, e);
}

/* ---- a call ----------------------------------------------------------- */

static enum err
client_ready(struct http_client *c, struct err_info *e)
{
	if (c->lib == NULL)
		c->lib = curl_lib_get(e);
	if (c->lib == NULL)
		return e->code;
	if (c->curl == NULL && !fault_tick())
		c->curl = c->lib->curl_easy_init_();
	if (c->curl == NULL)
		return err_set(e, ERR_NOMEM);
	return is_aborted(c) ? err_set(e, ERR_INTERRUPTED) : ERR_OK;
}

enum err
http_client_call(struct http_client *c, const struct http_call *call,
    struct http_answer *ret, struct err_info *e)
{
	struct transfer t = {
		.c = c,
		.call = call,
		.answer_max =
		    call->answer_max ? call->answer_max : c->o.answer_max,
		.timeout_ms =
		    call->timeout_ms ? call->timeout_ms : c->o.timeout_ms,
	};
	CURLcode code;
	enum err rc;

	http_answer_fini(ret);
	rc = url_check(call->url, &t.host, e);
	if (rc == ERR_OK)
		rc = client_ready(c, e);
	if (rc == ERR_OK)
		rc = make_body(&t, e);
	if (rc == ERR_OK)
		rc = add_fields(&t, e);
	if (rc == ERR_OK)
		rc = set_all(&t, e);
	if (rc != ERR_OK)
		goto done;
	code = fault_tick() ? CURLE_SEND_ERROR :
	                      c->lib->curl_easy_perform_(c->curl);
	rc = code == CURLE_OK ? take_answer(&t, ret, e) : failed(&t, code, e);
done:
	if (rc != ERR_OK)
		http_answer_fini(ret);
	if (c->lib != NULL)
		c->lib->curl_slist_free_all_(t.fields);
	buf_fini(&t.deflated);
	buf_fini(&t.head);
	buf_fini(&t.raw);
	return rc;
}
