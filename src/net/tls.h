/* TLS for a server's sockets, on OpenSSL 3, which is loaded when the first
 * context is made (it costs 0.7 ms at every start otherwise).  TLS 1.2 and 1.3,
 * no renegotiation, no session cache (tickets), buffers released when idle. */
#ifndef CLOWDER_TLS_H
#define CLOWDER_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct tls;      /* certificate and key; any number of connections */
struct tls_conn; /* one connection; thread of its loop */

/* PEM files: the certificate with its chain, the key without a pass phrase.
 * ERR_CONFIG names the file and what is wrong with it.  SIGPIPE is ignored from
 * here on where it was at its default (OpenSSL writes with write(2)). */
enum err tls_new(struct tls **ret, const char *cert_path, const char *key_path,
    struct err_info *e);
void tls_free(struct tls *t); /* accepts NULL; after its connections */

/* fd is borrowed, non-blocking. */
enum err tls_accept(struct tls_conn **ret, struct tls *t, int fd,
    struct err_info *e);
void tls_conn_free(struct tls_conn *c); /* accepts NULL */

enum tls_want { TLS_READY, TLS_WANT_READ, TLS_WANT_WRITE, TLS_EOF, TLS_FAILED };

/* Go on with the handshake. */
enum tls_want tls_handshake(struct tls_conn *c);
/* *got: bytes read; > 0 with TLS_READY. */
enum tls_want tls_read(struct tls_conn *c, void *p, size_t n, size_t *got);
/* *put: bytes written, maybe fewer than n; > 0 with TLS_READY. */
enum tls_want tls_write(struct tls_conn *c, const void *p, size_t n,
    size_t *put);
void tls_bye(struct tls_conn *c); /* close_notify, as far as it goes at once */

enum { TLS_DEV_DAYS = 825 };

/* A self-signed EC P-256 pair for localhost, 127.0.0.1 and ::1, both files 0600,
 * replaced atomically.  A pair that is there, fits together and is valid for 7
 * more days is kept.  *made: a new one was made. */
enum err tls_dev_pair(const char *cert_path, const char *key_path, bool *made,
    struct err_info *e);

#endif
