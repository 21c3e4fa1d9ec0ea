#include "curl_lib.h"

#include <pthread.h>

#include "load.h"

const char *curl_lib_name = "libcurl.so.4";

static const struct load_symbol symbols[] = {
#define X(f) { #f, offsetof(struct curl_lib, f##_) },
	CURL_TABLE(X)
#undef X
};

static struct curl_lib table;
static const char *missing; /* what could not be found; NULL: all is there */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
load(void)
{
	missing = load_symbols(curl_lib_name, symbols,
	    sizeof symbols / sizeof symbols[0], &table);
	if (missing == NULL &&
	    table.curl_global_init_(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		missing = "curl_global_init";
}

const struct curl_lib *
curl_lib_get(struct err_info *e)
{
	if (pthread_once(&once, load) != 0)
		missing = "pthread_once";
	if (missing == NULL)
		return &table;
	err_setf(e, ERR_UNSUPPORTED,
	    "libcurl cannot be loaded (%s): install the package libcurl4",
	    missing);
	return NULL;
}
