/* A server's side of TLS, straight on the socket (SSL_set_fd): an idle
 * connection holds 14 kB that way, 25 with memory BIOs between. */
#include "tls.h"

#include <limits.h>
#include <stdlib.h>

#include "fault.h"
#include "ossl.h"
#include "sock.h"

struct tls {
	const struct ossl *o; /* borrow */
	SSL_CTX *ctx;         /* own */
};

struct tls_conn {
	const struct ossl *o; /* borrow */
	SSL *ssl;             /* own */
};

/* Keys with a pass phrase are refused; without this OpenSSL asks the terminal. */
static int
no_pass_phrase(char *text, int size, int rw, void *arg)
{
	(void)text, (void)size, (void)rw, (void)arg;
	return -1;
}

static void
set_options(const struct ossl *o, SSL_CTX *ctx)
{
	(void)o->SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	        SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)o->SSL_CTX_ctrl(ctx, SSL_CTRL_MODE,
	    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER,
	    NULL);
	/* Sessions are resumed by tickets; a cache would be memory that
	 * strangers fill. */
	(void)o->SSL_CTX_ctrl(ctx, SSL_CTRL_SET_SESS_CACHE_MODE,
	    SSL_SESS_CACHE_OFF, NULL);
	(void)o->SSL_CTX_set_num_tickets(ctx, 1);
	o->SSL_CTX_set_default_passwd_cb(ctx, no_pass_phrase);
}

static enum err
load_pair(const struct ossl *o, SSL_CTX *ctx, const char *cert_path,
    const char *key_path, struct err_info *e)
{
	if (o->SSL_CTX_use_certificate_chain_file(ctx, cert_path) != 1)
		return err_setf(e, ERR_CONFIG, "TLS certificate %s: %s",
		    cert_path, ossl_reason(o));
	if (o->SSL_CTX_use_PrivateKey_file(ctx, key_path, SSL_FILETYPE_PEM) !=
	    1)
		return err_setf(e, ERR_CONFIG, "TLS key %s: %s", key_path,
		    ossl_reason(o));
	if (o->SSL_CTX_check_private_key(ctx) != 1)
		return err_setf(e, ERR_CONFIG,
		    "TLS key %s does not belong to certificate %s", key_path,
		    cert_path);
	return ERR_OK;
}

enum err
tls_new(struct tls **ret, const char *cert_path, const char *key_path,
    struct err_info *e)
{
	const struct ossl *o = ossl_get(e);
	struct tls *t = NULL;
	enum err rc = ERR_OK;

	if (o == NULL)
		return e->code;
	o->ERR_clear_error();
	t = mem_zero(sizeof *t);
	if (t == NULL)
		return err_set(e, ERR_NOMEM);
	t->o = o;
	if (!fault_tick())
		t->ctx = o->SSL_CTX_new(o->TLS_server_method());
	if (t->ctx == NULL) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	if (o->SSL_CTX_ctrl(t->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION,
	        TLS1_2_VERSION, NULL) != 1) {
		rc = err_setf(e, ERR_TLS, "TLS 1.2: %s", ossl_reason(o));
		goto done;
	}
	set_options(o, t->ctx);
	rc = load_pair(o, t->ctx, cert_path, key_path, e);
	if (rc != ERR_OK)
		goto done;
	sock_ignore_sigpipe();
	*ret = t;
	t = NULL; /* given to the caller */
done:
	tls_free(t);
	return rc;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	t->o->SSL_CTX_free(t->ctx);
	free(t);
}

enum err
tls_accept(struct tls_conn **ret, struct tls *t, int fd, struct err_info *e)
{
	struct tls_conn *c = mem_zero(sizeof *c);

	if (c == NULL)
		return err_set(e, ERR_NOMEM);
	c->o = t->o;
	if (!fault_tick())
		c->ssl = t->o->SSL_new(t->ctx);
	if (c->ssl == NULL || t->o->SSL_set_fd(c->ssl, fd) != 1) {
		tls_conn_free(c);
		return err_set(e, ERR_NOMEM);
	}
	*ret = c;
	return ERR_OK;
}

void
tls_conn_free(struct tls_conn *c)
{
	if (c == NULL)
		return;
	c->o->SSL_free(c->ssl);
	free(c);
}

/* What a call that did not succeed waits for. */
static enum tls_want
want_of(const struct tls_conn *c, int r)
{
	switch (c->o->SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		return TLS_FAILED;
	}
}

/* The queue of errors is the thread's: what an earlier connection left there
 * must not be read as ours. */
enum tls_want
tls_handshake(struct tls_conn *c)
{
	int r;

	c->o->ERR_clear_error();
	r = c->o->SSL_accept(c->ssl);
	return r == 1 ? TLS_READY : want_of(c, r);
}

enum tls_want
tls_read(struct tls_conn *c, void *p, size_t n, size_t *got)
{
	int r;

	if (fault_tick())
		return TLS_FAILED;
	c->o->ERR_clear_error();
	r = c->o->SSL_read_ex(c->ssl, p, n, got);
	return r == 1 ? TLS_READY : want_of(c, r);
}

enum tls_want
tls_write(struct tls_conn *c, const void *p, size_t n, size_t *put)
{
	int r;

	if (fault_tick())
		return TLS_FAILED;
	c->o->ERR_clear_error();
	r = c->o->SSL_write_ex(c->ssl, p, n, put);
	return r == 1 ? TLS_READY : want_of(c, r);
}

void
tls_bye(struct tls_conn *c)
{
	c->o->ERR_clear_error();
	(void)c->o->SSL_shutdown(c->ssl); /* the peer may be gone already */
}
