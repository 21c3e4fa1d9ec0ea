/* The self-signed pair of `--dev-tls`.  The certificate is no CA: whoever
 * trusts it trusts this one key for these three names, and nothing that could
 * be signed with it. */
#include <stdint.h>
#include <time.h>

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "ossl.h"
#include "tls.h"

enum {
	PEM_MAX = 65536, /* bytes of either file */
	DAY_S = 24 * 3600,
	KEPT_S = 7 * DAY_S /* valid for less: made anew */
};

static const struct {
	int nid;
	const char *value;
} extensions[] = {
	{ NID_basic_constraints, "critical,CA:FALSE" },
	{ NID_ext_key_usage, "serverAuth" },
	{ NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1" },
	{ NID_subject_key_identifier, "hash" },
};

/* ---- is the pair that is there good? ---------------------------------- */

static BIO *
bio_of(const struct ossl *o, const struct buf *b)
{
	return b->len > 0 && !fault_tick() ?
	    o->BIO_new_mem_buf(b->data, (int)b->len) :
	    NULL;
}

static bool
fits(const struct ossl *o, X509 *cert, EVP_PKEY *key)
{
	time_t soon = (time_t)(os_wall_ms() / 1000 + KEPT_S);

	return o->X509_check_private_key(cert, key) == 1 &&
	    o->X509_check_host(cert, "localhost", 0, 0, NULL) == 1 &&
	    o->X509_cmp_time(o->X509_get0_notBefore(cert), NULL) < 0 &&
	    o->X509_cmp_time(o->X509_get0_notAfter(cert), &soon) > 0;
}

/* What cannot be read or understood is no good pair: a new one is made, and
 * where the folder is the trouble, writing it says so. */
static bool
pair_is_good(const struct ossl *o, const char *cert_path, const char *key_path)
{
	struct buf cert_pem = { 0 }, key_pem = { 0 };
	BIO *cert_bio = NULL, *key_bio = NULL;
	char no_phrase[] = ""; /* given, so that the terminal is not asked */
	struct err_info e = { 0 };
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	bool good = false;

	if (os_read_file(cert_path, PEM_MAX, &cert_pem, &e) != ERR_OK ||
	    os_read_secret(key_path, PEM_MAX, &key_pem, &e) != ERR_OK)
		goto done;
	cert_bio = bio_of(o, &cert_pem);
	key_bio = bio_of(o, &key_pem);
	if (cert_bio == NULL || key_bio == NULL)
		goto done;
	cert = o->PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	key = o->PEM_read_bio_PrivateKey(key_bio, NULL, NULL, no_phrase);
	good = cert != NULL && key != NULL && fits(o, cert, key);
done:
	o->X509_free(cert);
	o->EVP_PKEY_free(key);
	o->BIO_free(cert_bio);
	o->BIO_free(key_bio);
	if (key_pem.data != NULL)
		o->OPENSSL_cleanse(key_pem.data, key_pem.cap);
	buf_fini(&cert_pem);
	buf_fini(&key_pem);
	return good;
}

/* ---- making one ------------------------------------------------------- */

static bool
extend(const struct ossl *o, X509 *cert)
{
	X509V3_CTX ctx;

	o->X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
		X509_EXTENSION *x = o->X509V3_EXT_conf_nid(NULL, &ctx,
		    extensions[i].nid, extensions[i].value);
		bool added = x != NULL && o->X509_add_ext(cert, x, -1) == 1;

		o->X509_EXTENSION_free(x);
		if (!added)
			return false;
	}
	return true;
}

static bool
fill(const struct ossl *o, X509 *cert, EVP_PKEY *key, uint64_t serial)
{
	X509_NAME *name = o->X509_get_subject_name(cert);

	return o->X509_set_version(cert, X509_VERSION_3) == 1 &&
	    o->ASN1_INTEGER_set_uint64(o->X509_get_serialNumber(cert),
	        serial >> 1) == 1 &&
	    o->X509_gmtime_adj(o->X509_getm_notBefore(cert), -3600) != NULL &&
	    o->X509_gmtime_adj(o->X509_getm_notAfter(cert),
	        (long)TLS_DEV_DAYS * DAY_S) != NULL &&
	    o->X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	        (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
	    o->X509_set_issuer_name(cert, name) == 1 &&
	    o->X509_set_pubkey(cert, key) == 1 && extend(o, cert) &&
	    o->X509_sign(cert, key, o->EVP_sha256()) > 0;
}

static enum err
bio_save(const struct ossl *o, BIO *bio, const char *path, struct err_info *e)
{
	char *p = NULL;
	long n = o->BIO_ctrl(bio, BIO_CTRL_INFO, 0, &p);

	if (n <= 0 || p == NULL)
		return err_setf(e, ERR_TLS, "writing PEM failed");
	return os_write_atomic(path, str_n(p, (size_t)n), 0600, e);
}

/* Key first: a certificate whose key is not there yet fits nothing, and is made
 * again. */
static enum err
pair_save(const struct ossl *o, X509 *cert, EVP_PKEY *key,
    const char *cert_path, const char *key_path, struct err_info *e)
{
	BIO *key_bio = fault_tick() ? NULL : o->BIO_new(o->BIO_s_mem());
	BIO *cert_bio = fault_tick() ? NULL : o->BIO_new(o->BIO_s_mem());
	enum err rc;

	if (key_bio == NULL || cert_bio == NULL ||
	    o->PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL,
	        NULL) != 1 ||
	    o->PEM_write_bio_X509(cert_bio, cert) != 1)
		rc = err_set(e, ERR_NOMEM);
	else
		rc = bio_save(o, key_bio, key_path, e);
	if (rc == ERR_OK)
		rc = bio_save(o, cert_bio, cert_path, e);
	o->BIO_free(key_bio); /* wipes its memory */
	o->BIO_free(cert_bio);
	return rc;
}

enum err
tls_dev_pair(const char *cert_path, const char *key_path, bool *made,
    struct err_info *e)
{
	const struct ossl *o = ossl_get(e);
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	uint64_t serial;
	enum err rc;

	if (o == NULL)
		return e->code;
	*made = false;
	if (pair_is_good(o, cert_path, key_path))
		return ERR_OK;
	o->ERR_clear_error();
	rc = os_random(&serial, sizeof serial, e);
	if (rc != ERR_OK)
		return rc;
	if (!fault_tick())
		key = o->EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (!fault_tick())
		cert = o->X509_new();
	if (key == NULL || cert == NULL)
		rc = err_set(e, ERR_NOMEM);
	else if (!fill(o, cert, key, serial))
		rc = err_setf(e, ERR_TLS, "making a certificate: %s",
		    ossl_reason(o));
	else
		rc = pair_save(o, cert, key, cert_path, key_path, e);
	*made = rc == ERR_OK;
	o->X509_free(cert);
	o->EVP_PKEY_free(key);
	return rc;
}
