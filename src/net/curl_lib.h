/* libcurl's functions, loaded when they are first asked for: linking it costs
 * every start of the program 2.6 ms.  Inside of net. */
#ifndef CLOWDER_CURL_LIB_H
#define CLOWDER_CURL_LIB_H

#define CURL_DISABLE_TYPECHECK /* it wraps the functions in macros */
#include <curl/curl.h>

#include "err.h"

/* clang-format off */
#define CURL_TABLE(X)                                                          \
	X(curl_easy_cleanup) X(curl_easy_getinfo) X(curl_easy_init)            \
	X(curl_easy_perform) X(curl_easy_recv) X(curl_easy_reset)              \
	X(curl_easy_send) X(curl_easy_setopt)                                  \
	X(curl_easy_strerror) X(curl_global_init) X(curl_slist_append)         \
	X(curl_slist_free_all)
/* clang-format on */

/* The members carry a tail, as curl.h has macros of the functions' names. */
struct curl_lib {
#define X(f) __typeof__(&(f)) f##_;
	CURL_TABLE(X)
#undef X
};

/* NULL and ERR_UNSUPPORTED where the library is not there.  Any thread. */
const struct curl_lib *curl_lib_get(struct err_info *e);
/* What is loaded; for a test of its absence, before the first curl_lib_get. */
extern const char *curl_lib_name;

#endif
