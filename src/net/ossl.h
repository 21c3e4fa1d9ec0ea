/* OpenSSL's functions, loaded when they are first asked for: linking libssl
 * costs every start of the program 0.7 ms, most of which never speak TLS as a
 * server.  Inside of net. */
#ifndef CLOWDER_OSSL_H
#define CLOWDER_OSSL_H

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "err.h"

/* clang-format off */
#define OSSL_TABLE(X)                                                          \
	X(ASN1_INTEGER_set_uint64) X(BIO_ctrl) X(BIO_free) X(BIO_new)          \
	X(BIO_new_mem_buf) X(BIO_s_mem) X(ERR_clear_error)                     \
	X(ERR_peek_last_error) X(ERR_reason_error_string) X(EVP_PKEY_Q_keygen) \
	X(EVP_PKEY_free) X(EVP_Q_digest) X(EVP_sha256) X(OPENSSL_cleanse)      \
	X(PEM_read_bio_PrivateKey) X(PEM_read_bio_X509)                        \
	X(PEM_write_bio_PrivateKey) X(PEM_write_bio_X509)                      \
	X(SSL_CTX_check_private_key) X(SSL_CTX_ctrl) X(SSL_CTX_free)           \
	X(SSL_CTX_new) X(SSL_CTX_set_default_passwd_cb)                        \
	X(SSL_CTX_set_num_tickets) X(SSL_CTX_set_options)                      \
	X(SSL_CTX_use_PrivateKey_file) X(SSL_CTX_use_certificate_chain_file)   \
	X(SSL_accept) X(SSL_free) X(SSL_get_error) X(SSL_new) X(SSL_read_ex)   \
	X(SSL_set_fd) X(SSL_shutdown) X(SSL_write_ex) X(TLS_server_method)     \
	X(X509V3_EXT_conf_nid) X(X509V3_set_ctx) X(X509_EXTENSION_free)        \
	X(X509_NAME_add_entry_by_txt) X(X509_add_ext) X(X509_check_host)       \
	X(X509_check_private_key) X(X509_cmp_time) X(X509_free)                \
	X(X509_get0_notAfter) X(X509_get0_notBefore) X(X509_get_serialNumber)  \
	X(X509_get_subject_name) X(X509_getm_notAfter) X(X509_getm_notBefore)  \
	X(X509_gmtime_adj) X(X509_new) X(X509_set_issuer_name)                 \
	X(X509_set_pubkey) X(X509_set_version) X(X509_sign)
/* clang-format on */

struct ossl {
#define X(f) __typeof__(&f) f;
	OSSL_TABLE(X)
#undef X
};

/* NULL and ERR_UNSUPPORTED where the library is not there.  Any thread. */
const struct ossl *ossl_get(struct err_info *e);
/* What OpenSSL says about the last failure in this thread; never NULL. */
const char *ossl_reason(const struct ossl *o);

#endif
