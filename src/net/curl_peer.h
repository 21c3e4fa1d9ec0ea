/* A libcurl handle that talks to servers as all of ours do: which protocols, what
 * is verified, and what its failures mean to us.  Inside of net. */
#ifndef CLOWDER_CURL_PEER_H
#define CLOWDER_CURL_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "curl_lib.h"
#include "str.h"

/* Start from a zeroed one. */
struct curl_peer {
	const struct curl_lib *lib; /* borrow; NULL until it is ready */
	CURL *curl;                 /* own */
	char text[CURL_ERROR_SIZE]; /* curl's own words */
};

/* Each can fail for want of memory; asked once, at the end. */
#define SET(option, value) \
	(bad |= \
	    lib->curl_easy_setopt_(h, CURLOPT_##option, (value)) != CURLE_OK)

/* Scheme and authority; curl checks the rest.  The host, for messages: a view
 * into the URL.  ERR_USAGE. */
enum err curl_url_check(const char *url, struct str *host, struct err_info *e);
/* ERR_UNSUPPORTED (libcurl is not installed), ERR_NOMEM. */
enum err curl_peer_ready(struct curl_peer *p, struct err_info *e);
void curl_peer_fini(struct curl_peer *p); /* safe on a zeroed one */
/* What holds for every server; after each curl_easy_reset.  True: one of them was
 * refused. */
bool curl_peer_options(struct curl_peer *p, const char *ca_file,
    uint32_t connect_ms);
/* What a code means. */
enum err curl_peer_failed(struct curl_peer *p, CURLcode code, struct str host,
    struct err_info *e);

#endif
