#include "ossl.h"

#include <pthread.h>

#include "load.h"

static const struct load_symbol symbols[] = {
#define X(f) { #f, offsetof(struct ossl, f) },
	OSSL_TABLE(X)
#undef X
};

static struct ossl table;
static const char *missing; /* what could not be found; NULL: all is there */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
load(void)
{
	/* Looking into libssl finds the symbols of libcrypto, which it needs. */
	missing = load_symbols("libssl.so.3", symbols,
	    sizeof symbols / sizeof symbols[0], &table);
}

const struct ossl *
ossl_get(struct err_info *e)
{
	if (pthread_once(&once, load) != 0)
		missing = "pthread_once";
	if (missing == NULL)
		return &table;
	err_setf(e, ERR_UNSUPPORTED,
	    "OpenSSL 3 cannot be loaded (%s): install the package libssl3",
	    missing);
	return NULL;
}

const char *
ossl_reason(const struct ossl *o)
{
	const char *z = o->ERR_reason_error_string(o->ERR_peek_last_error());

	return z ? z : "unknown reason";
}
