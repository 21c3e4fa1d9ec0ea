#include "curl_peer.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "fault.h"

/* Scheme and authority; curl checks the rest.  The host, for messages. */
enum err
curl_url_check(const char *url, struct str *host, struct err_info *e)
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

enum err
curl_peer_ready(struct curl_peer *p, struct err_info *e)
{
	if (p->lib == NULL)
		p->lib = curl_lib_get(e);
	if (p->lib == NULL)
		return e->code;
	if (p->curl == NULL && !fault_tick())
		p->curl = p->lib->curl_easy_init_();
	return p->curl == NULL ? err_set(e, ERR_NOMEM) : ERR_OK;
}

void
curl_peer_fini(struct curl_peer *p)
{
	if (p->curl != NULL)
		p->lib->curl_easy_cleanup_(p->curl);
	p->curl = NULL;
}

bool
curl_peer_options(struct curl_peer *p, const char *ca_file, uint32_t connect_ms)
{
	const struct curl_lib *lib = p->lib;
	CURL *h = p->curl;
	bool bad = false;

	SET(ERRORBUFFER, p->text);
	SET(CONNECTTIMEOUT_MS, (long)connect_ms);
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
	if (ca_file != NULL)
		SET(CAINFO, ca_file);
	return bad;
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
curl_says(struct curl_peer *p, CURLcode code)
{
	long os_errno = 0;

	if (code == CURLE_COULDNT_CONNECT &&
	    p->lib->curl_easy_getinfo_(p->curl, CURLINFO_OS_ERRNO, &os_errno) ==
	        CURLE_OK &&
	    os_errno == ECONNREFUSED)
		return "connection refused";
	if (code == CURLE_COULDNT_CONNECT && os_errno != 0)
		return strerror((int)os_errno);
	make_printable(p->text);
	return p->text[0] != '\0' ? p->text : p->lib->curl_easy_strerror_(code);
}

enum err
curl_peer_failed(struct curl_peer *p, CURLcode code, struct str host,
    struct err_info *e)
{
	const char *text = NULL;
	enum err err = ERR_FAILED;

	for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++)
		if (failures[i].code == code) {
			err = failures[i].err;
			text = failures[i].text;
		}
	if (err == ERR_TIMEOUT)
		return err_setf(e, err, "no answer from %.*s in time",
		    STR_ARG(host));
	return err_setf(e, err, "%.*s: %s", STR_ARG(host),
	    text ? text : curl_says(p, code));
}
