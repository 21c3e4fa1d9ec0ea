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
#include "curl_peer.h"
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
	struct curl_peer peer;
	struct gzip gzip;
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
	curl_peer_fini(&c->peer);
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

static enum err
add_line(struct transfer *t, const char *line, struct err_info *e)
{
	struct curl_slist *list = fault_tick() ?
	    NULL :
	    t->c->peer.lib->curl_slist_append_(t->fields, line);

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

static bool
set_method(const struct transfer *t)
{
	const struct curl_lib *lib = t->c->peer.lib;
	const char *method = t->call->method;
	CURL *h = t->c->peer.curl;
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
set_callbacks(struct transfer *t)
{
	const struct curl_lib *lib = t->c->peer.lib;
	CURL *h = t->c->peer.curl;
	bool bad = false;

	SET(ERRORBUFFER, t->c->peer.text);
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
	const struct curl_lib *lib = t->c->peer.lib;
	CURL *h = t->c->peer.curl;
	bool bad = false;

	lib->curl_easy_reset_(h);
	t->c->peer.text[0] = '\0';
	SET(URL, t->call->url);
	SET(USERAGENT, t->c->o.user_agent);
	SET(HTTPHEADER, t->fields);
	bad |= set_method(t);
	SET(TIMEOUT_MS, (long)t->timeout_ms);
	if (t->c->o.direct)
		SET(PROXY, "");
	SET(BUFFERSIZE, (long)CURL_BUFFER);
	SET(UPLOAD_BUFFERSIZE, (long)CURL_BUFFER);
	bad |=
	    curl_peer_options(&t->c->peer, t->c->o.ca_file, t->c->o.connect_ms);
	bad |= set_callbacks(t);
	return bad ? err_setf(e, ERR_NOMEM, "libcurl refused an option") :
	             ERR_OK;
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
	struct http1_head h = { .field = ret->field, .fields = ret->fields };

	ret->content_type = http1_field_get(&h, "content-type");
	if (!http1_date_parse(http1_field_get(&h, "date"), &ret->date_s))
		ret->date_s = -1;
	ret->retry_after_s = http1_retry_after(&h, os_wall_ms() / 1000);
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
	if (t->c->peer.lib->curl_easy_getinfo_(t->c->peer.curl,
	        CURLINFO_RESPONSE_CODE, &status) != CURLE_OK ||
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
	if (curl_peer_ready(&c->peer, e) != ERR_OK)
		return e->code;
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
	rc = curl_url_check(call->url, &t.host, e);
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
	                      c->peer.lib->curl_easy_perform_(c->peer.curl);
	if (code == CURLE_OK)
		rc = take_answer(&t, ret, e);
	else if (t.stopped.code != ERR_OK)
		*e = t.stopped, rc = e->code;
	else
		rc = curl_peer_failed(&c->peer, code, t.host, e);
done:
	if (rc != ERR_OK)
		http_answer_fini(ret);
	if (c->peer.lib != NULL)
		c->peer.lib->curl_slist_free_all_(t.fields);
	buf_fini(&t.deflated);
	buf_fini(&t.head);
	buf_fini(&t.raw);
	return rc;
}
